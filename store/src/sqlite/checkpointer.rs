//! Bringing what the write-ahead log holds into `log.db` on a thread of its own, while the writer goes on.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use rusqlite::Connection;

use super::settings::{self, Purpose};
use crate::error::StoreError;

/// The thread; it ends when this is dropped.
#[derive(Debug)]
pub(super) struct Checkpointer {
    wake: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Checkpointer {
    /// Starts the thread for the log in a file.
    pub fn start(path: &Path) -> Result<Self, StoreError> {
        let (wake, woken) = sync_channel(1);
        let path: PathBuf = path.to_owned();
        let thread = std::thread::Builder::new()
            .name("log-checkpointer".to_owned())
            .spawn(move || {
                // The writer does by itself what is not done here.
                if let Ok(connection) = open(&path) {
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

fn open(path: &Path) -> Result<Connection, StoreError> {
    let connection = Connection::open(path).map_err(StoreError::database("open log.db"))?;
    settings::apply(&connection, path, Purpose::WriteLog)?;
    Ok(connection)
}

fn run(connection: &Connection, woken: &Receiver<()>) {
    while woken.recv().is_ok() {
        // What fails is tried again at the next turn; until then the write-ahead log keeps it.
        connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(())).ok();
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
