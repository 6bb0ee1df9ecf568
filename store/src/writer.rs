//! The one thread that writes: whatever queued while the last commit ran becomes the next transaction.

use std::sync::Arc;

use mandate_domain::time::{Clock, Instant};
use rusqlite::Connection;
use tokio::sync::{mpsc, watch};

use crate::appender::Job;
use crate::error::StoreError;
use crate::keys::Keys;
use crate::outcome::Outcome;
use crate::position::{Head, Position};
use crate::transaction::{Failure, Streams, Transaction};

/// Most batches in one transaction.
const GROUP_BATCHES: usize = 1_000;

/// What the writer's thread owns.
pub(crate) struct Writer {
    pub(crate) connection: Connection,
    pub(crate) keys: Arc<Keys>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) head: watch::Sender<Head>,
    pub(crate) streams: Streams,
}

impl Writer {
    /// Stores what is queued until the queue is closed and empty.
    pub(crate) fn run(mut self, mut queue: mpsc::UnboundedReceiver<Job>) {
        let mut jobs = Vec::with_capacity(GROUP_BATCHES);
        while queue.blocking_recv_many(&mut jobs, GROUP_BATCHES) > 0 {
            self.store(std::mem::take(&mut jobs));
        }
    }

    /// Stores some batches in one transaction and answers each.
    fn store(&mut self, jobs: Vec<Job>) {
        match self.commit(&jobs) {
            Ok((answers, head)) => {
                // Readers are told first: who hears of a position can read it.
                self.head.send_if_modified(|known| std::mem::replace(known, head) != head);
                for (job, outcomes) in jobs.into_iter().zip(answers) {
                    job.answer(Ok(outcomes));
                }
            }
            Err(failure) if failure.concerns_all() => {
                let reason = failure.0.to_string();
                for job in jobs {
                    job.answer(Err(StoreError::Unavailable { reason: reason.clone() }));
                }
            }
            // What the database will not take must not take the other batches with it.
            Err(failure) => match <[Job; 1]>::try_from(jobs) {
                Ok([job]) => job.answer(Err(failure.0)),
                Err(jobs) => jobs.into_iter().for_each(|job| self.store(vec![job])),
            },
        }
    }

    /// Stores some batches in one transaction, durably; on failure nothing of them is stored.
    fn commit(&mut self, jobs: &[Job]) -> Result<(Vec<Vec<Outcome>>, Head), Failure> {
        let done = self.try_commit(jobs);
        if done.is_err() {
            self.streams.forget();
            // SQLite has rolled back by itself after a full disk or an I/O error.
            if !self.connection.is_autocommit() {
                self.connection.execute_batch("ROLLBACK").ok();
            }
        }
        done
    }

    fn try_commit(&mut self, jobs: &[Job]) -> Result<(Vec<Vec<Outcome>>, Head), Failure> {
        self.connection.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
        let before = read_head(&self.connection)?;
        if before != *self.head.borrow() {
            self.streams.forget();
        }
        let recorded_at = self.clock.now().max(before.recorded_at);
        let mut transaction = Transaction::begin(
            &self.connection,
            &self.keys,
            &mut self.streams,
            before.position,
            recorded_at,
        )?;
        let answers = jobs
            .iter()
            .map(|job| transaction.apply(&job.events, job.on_error))
            .collect::<Result<Vec<_>, Failure>>()?;
        let (position, pending) = transaction.end();
        if position == before.position {
            self.connection.prepare_cached("COMMIT")?.execute([])?;
            return Ok((answers, before));
        }
        let head = Head { position, recorded_at };
        self.connection
            .prepare_cached(include_str!("../sql/sqlite/update_head.sql"))?
            .execute((position.to_db(), recorded_at.nanos()))?;
        // Nothing may be sealed under a key that a crash could take away.
        self.keys.commit(pending)?;
        self.connection.prepare_cached("COMMIT")?.execute([])?;
        Ok((answers, head))
    }
}

/// The head row as the transaction in progress sees it.
pub(crate) fn read_head(connection: &Connection) -> rusqlite::Result<Head> {
    connection.prepare_cached(include_str!("../sql/sqlite/select_head.sql"))?.query_row([], |row| {
        Ok(Head { position: Position::from_db(row.get(0)?), recorded_at: Instant::from_nanos(row.get(1)?) })
    })
}
