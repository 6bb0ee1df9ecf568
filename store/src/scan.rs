//! Reading the whole log in order on several threads.

use std::sync::mpsc::{Receiver, sync_channel};

use tokio::sync::mpsc;

use crate::error::StoreError;
use crate::position::{Head, Position};
use crate::postgres::copy::Rows;
use crate::reader::{Reader, Source, told_without_gap};
use crate::told::Told;

/// Events that one thread reads and decodes at once.
const CHUNK: u64 = 2_000;
/// Most threads that read at once.
const MOST_THREADS: usize = 16;

impl Reader {
    /// Calls `each` with every fact after a position, in order and without a gap, up to the head at the time of the
    /// call, which is returned. Up to `threads` threads read and decode ahead; memory stays within a few thousand
    /// facts for each.
    ///
    /// # Errors
    /// As [`Reader::read_after`], and whatever `each` returns; either ends the scan at once.
    pub fn scan(
        &self,
        after: Position,
        threads: usize,
        mut each: impl FnMut(Told) -> Result<(), StoreError>,
    ) -> Result<Head, StoreError> {
        let head = self.head()?;
        let chunks = head.position.get().saturating_sub(after.get()).div_ceil(CHUNK);
        let threads = threads.clamp(1, MOST_THREADS);
        std::thread::scope(|scope| {
            // Chunks go round the threads, and are taken from them in the same turn.
            let ahead: Vec<Receiver<_>> = (0..threads)
                .map(|turn| {
                    let (sender, receiver) = sync_channel(1);
                    scope.spawn(move || {
                        let chunks = (turn as u64..chunks).step_by(threads).map(move |chunk| {
                            let from = after.get() + chunk * CHUNK;
                            (Position::new(from), Position::new(head.position.get().min(from + CHUNK)))
                        });
                        let mut ahead = Ahead::start(self, chunks.clone());
                        for (after, last) in chunks {
                            let page = ahead.chunk(after, last, head);
                            let failed = page.is_err();
                            // The other end is gone when `each` has ended the scan.
                            if sender.send(page).is_err() || failed {
                                break;
                            }
                        }
                    });
                    receiver
                })
                .collect();
            let in_turn = ahead.iter().cycle().take(usize::try_from(chunks).unwrap_or(usize::MAX));
            for receiver in in_turn {
                // A thread that panicked sends nothing more, and its panic goes on when the scope ends.
                let Ok(page) = receiver.recv() else { break };
                page?.into_iter().try_for_each(&mut each)?;
            }
            Ok(head)
        })
    }
}

/// How a thread comes by its rows.
enum Ahead<'r> {
    /// It reads them itself, chunk by chunk: the database is on the same thread.
    Here(&'r Reader),
    /// They are read on the runtime of the connections while it decodes the chunk before, so that it does not wait
    /// for every few rows that the server sends.
    Elsewhere(mpsc::Receiver<Result<Rows, StoreError>>),
}

impl<'r> Ahead<'r> {
    fn start(
        reader: &'r Reader,
        chunks: impl Iterator<Item = (Position, Position)> + Send + 'static,
    ) -> Self {
        match &reader.source {
            Source::Sqlite(_) => Self::Here(reader),
            Source::Postgres(source) => source.ahead(chunks).map_or(Self::Here(reader), Self::Elsewhere),
        }
    }

    /// The next chunk.
    fn chunk(&mut self, after: Position, last: Position, head: Head) -> Result<Vec<Told>, StoreError> {
        match self {
            Self::Here(reader) => reader.told_between(after, last, head),
            Self::Elsewhere(rows) => {
                let gone = || StoreError::Unavailable { reason: "the connections were closed".to_owned() };
                let rows = rows.blocking_recv().ok_or_else(gone)??;
                told_without_gap(after, last, head, |each| rows.for_each(each))
            }
        }
    }
}
