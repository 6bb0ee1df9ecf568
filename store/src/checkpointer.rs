//! Bringing what a write-ahead log of SQLite holds into its file on a thread of its own, while the writer goes on.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use rusqlite::Connection;

use crate::error::StoreError;

/// How often it begins anew to bring over what was committed meanwhile, so that the writer may use the write-ahead log
/// from its beginning again; each time there is less.
const ROUNDS: usize = 4;

/// The thread; it ends when this is dropped.
#[derive(Debug)]
pub struct Checkpointer {
    wake: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Checkpointer {
    /// Starts the thread, which opens a connection of its own.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when there can be no thread.
    pub fn start(
        name: &str,
        open: impl FnOnce() -> Option<Connection> + Send + 'static,
    ) -> Result<Self, StoreError> {
        let (wake, woken) = sync_channel(1);
        let thread = std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || {
                // The writer does by itself what is not done here.
                if let Some(connection) = open() {
                    run(&connection, &woken);
                }
            })
            .map_err(|error| StoreError::Unavailable {
                reason: format!("no thread for the checkpointer: {error}"),
            })?;
        Ok(Self { wake: Some(wake), thread: Some(thread) })
    }

    /// Has it look at what was committed.
    pub fn wake(&self) {
        if let Some(wake) = &self.wake {
            // It is full when the thread is to look anyway.
            wake.try_send(()).ok();
        }
    }
}

fn run(connection: &Connection, woken: &Receiver<()>) {
    while woken.recv().is_ok() {
        for _ in 0..ROUNDS {
            let frames = |row: &rusqlite::Row<'_>| Ok((row.get::<_, i64>(1)?, row.get::<_, i64>(2)?));
            // What fails is tried again at the next turn; until then the write-ahead log keeps it.
            let Ok((written, brought)) = connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], frames)
            else {
                break;
            };
            if brought >= written {
                break;
            }
        }
    }
}

impl Drop for Checkpointer {
    fn drop(&mut self) {
        self.wake = None;
        if let Some(thread) = self.thread.take() {
            // It does nothing that could be lost.
            drop(thread.join());
        }
    }
}
