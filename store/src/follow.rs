//! Noticing what other nodes append to a shared log.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::keys::Keys;
use crate::position::Head;
use crate::postgres::log::follow_orders;
use crate::postgres::reader::read_end;
use crate::postgres::session::Sessions;
use crate::streams::Streams;

/// Pause between two looks at the head row.
const PAUSE: Duration = Duration::from_millis(100);

/// A task that looks at the head row; ends when dropped.
#[derive(Debug)]
pub(crate) struct Follow {
    task: JoinHandle<()>,
}

impl Follow {
    /// Starts looking. A head that this node's own writer has not told of by the next look is another node's: then
    /// readers are told, and what this node remembers of streams and keys is forgotten.
    pub(crate) fn start(
        sessions: Sessions,
        head: Arc<watch::Sender<Head>>,
        streams: Arc<Streams>,
        keys: Arc<Keys>,
    ) -> Option<Self> {
        let handle = sessions.handle()?.clone();
        let task = handle.spawn(async move {
            let mut before = *head.borrow();
            loop {
                tokio::time::sleep(PAUSE).await;
                let own = *head.borrow();
                if before.position > own.position {
                    let followed =
                        sessions.run(async |connection| follow_orders(connection, own, &keys).await).await;
                    if let Err(error) = followed {
                        // Looked for again at the next pause, from the same position.
                        drop(error);
                        continue;
                    }
                    streams.forget();
                    head.send_if_modified(|known| {
                        let moved = known.position < before.position;
                        if moved {
                            *known = before;
                        }
                        moved
                    });
                }
                let sql = include_str!("../sql/postgres/select_head.sql");
                if let Ok(end) = sessions.run(async |connection| read_end(connection, sql).await).await {
                    before = end.head;
                }
            }
        });
        Some(Self { task })
    }
}

impl Drop for Follow {
    fn drop(&mut self) {
        self.task.abort();
    }
}
