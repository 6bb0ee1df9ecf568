//! The one thread that writes: whatever queued while the last commit ran becomes the next transaction.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use mandate_domain::time::Clock;
use tokio::sync::{mpsc, watch};

pub(crate) use crate::appender::{Job, Work};
use crate::checkpoint::Signed;
use crate::error::StoreError;
use crate::keys::Keys;
use crate::lease::Fenced;
use crate::new_event::NewEvent;
use crate::outcome::Outcome;
use crate::position::Head;
use crate::postgres::log::PostgresLog;
use crate::sqlite::log::SqliteLog;
use crate::streams::Streams;

/// Most batches in one transaction.
const GROUP_BATCHES: usize = 1_000;
/// Most events in one transaction, unless a single batch has more.
const GROUP_EVENTS: usize = 40_000;
/// Most bytes of payloads in one transaction, unless a single batch has more: what one statement of PostgreSQL takes, and
/// what is held in memory twice, stay far below their limits.
const GROUP_BYTES: usize = 64 << 20;

/// How long the writer waits for callers that it has just answered to come again.
const GATHERING: Duration = Duration::from_micros(200);

/// The database that is written.
pub(crate) enum Log {
    Sqlite(SqliteLog),
    Postgres(Box<PostgresLog>),
}

impl Log {
    /// Stores some batches in one transaction, durably.
    fn commit(&mut self, jobs: &[Job], context: &Context) -> Result<Committed, StoreError> {
        match self {
            Self::Sqlite(log) => log.commit(jobs, context),
            Self::Postgres(log) => log.commit(jobs, context),
        }
    }

    /// Keeps a signed checkpoint.
    fn keep_checkpoint(&mut self, signed: &Signed) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(log) => log.keep_checkpoint(signed),
            Self::Postgres(log) => log.keep_checkpoint(signed),
        }
    }
}

/// What a transaction needs beside the database.
pub(crate) struct Context {
    pub(crate) keys: Arc<Keys>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) streams: Arc<Streams>,
}

/// What a transaction came to.
pub(crate) struct Committed {
    /// For each batch, an outcome for each event.
    pub(crate) answers: Vec<Result<Vec<Outcome>, Fenced>>,
    /// Where the log ends now.
    pub(crate) head: Head,
}

/// What the writer's thread owns.
pub(crate) struct Writer {
    pub(crate) log: Log,
    pub(crate) context: Context,
    pub(crate) head: Arc<watch::Sender<Head>>,
}

impl Writer {
    /// Does what is queued until the queue is closed and empty.
    pub(crate) fn run(mut self, mut queue: mpsc::UnboundedReceiver<Work>) {
        let mut waiting = Vec::with_capacity(GROUP_BATCHES);
        // Nobody waits for a batch of a flood: each has a transaction of its own, between those of others.
        let mut flood = VecDeque::new();
        let mut before = 0;
        loop {
            if flood.is_empty() {
                if queue.blocking_recv_many(&mut waiting, GROUP_BATCHES) == 0 {
                    break;
                }
            } else {
                waiting.extend(std::iter::from_fn(|| queue.try_recv().ok()).take(GROUP_BATCHES));
            }
            if !waiting.is_empty() {
                gather(&mut queue, &mut waiting, before);
            }
            let (in_turn, others): (Vec<Work>, Vec<Work>) = waiting.drain(..).partition(Work::may_wait);
            before = others.len();
            flood.extend(in_turn);
            // Each is told by itself.
            self.do_all(others).ok();
            if let Err(error) = self.do_all(flood.pop_front().into_iter().collect()) {
                // What waits behind it would wait for the database once more each.
                for work in flood.drain(..) {
                    work.refuse(&error);
                }
            }
        }
    }

    /// Does what was queued, as many batches to a transaction as one may have.
    ///
    /// # Errors
    /// The first one where the database was not available; its callers were told.
    fn do_all(&mut self, works: Vec<Work>) -> Result<(), StoreError> {
        let mut done = Ok(());
        let mut jobs = Vec::with_capacity(works.len());
        let (mut events, mut bytes) = (0, 0);
        for work in works {
            match work {
                Work::Append(job) => {
                    let size: usize = job.events.iter().map(NewEvent::bytes).sum();
                    let full = events + job.events.len() > GROUP_EVENTS || bytes + size > GROUP_BYTES;
                    if full && !jobs.is_empty() {
                        done = done.and(self.store(std::mem::take(&mut jobs)));
                        (events, bytes) = (0, 0);
                    }
                    events += job.events.len();
                    bytes += size;
                    jobs.push(job);
                }
                // One that no longer waits changes nothing.
                Work::Keep(signed, reply) => drop(reply.send(self.log.keep_checkpoint(&signed))),
            }
        }
        if !jobs.is_empty() {
            done = done.and(self.store(jobs));
        }
        done
    }

    /// Stores some batches in one transaction and answers each.
    ///
    /// # Errors
    /// Where the database is not available.
    fn store(&mut self, jobs: Vec<Job>) -> Result<(), StoreError> {
        let begun = Instant::now();
        let done = self.commit(&jobs);
        let took = begun.elapsed();
        match done {
            Ok(Committed { answers, head }) => {
                // Readers are told first: who hears of a position can read it.
                self.head.send_if_modified(|known| {
                    let moved = known.position < head.position;
                    if moved {
                        *known = head;
                    }
                    moved
                });
                for (job, outcomes) in jobs.into_iter().zip(answers) {
                    job.answer(outcomes.map_err(StoreError::from), took);
                }
            }
            Err(error) if error.is_unavailable() => {
                for job in jobs {
                    job.answer(Err(error.for_each_caller()), took);
                }
                return Err(error);
            }
            // What the database will not take must not take the other batches with it.
            Err(error) => match <[Job; 1]>::try_from(jobs) {
                Ok([job]) => job.answer(Err(error), took),
                Err(jobs) => {
                    let each = jobs.into_iter().map(|job| self.store(vec![job]));
                    return each.fold(Ok(()), Result::and);
                }
            },
        }
        Ok(())
    }

    fn commit(&mut self, jobs: &[Job]) -> Result<Committed, StoreError> {
        let done = self.log.commit(jobs, &self.context);
        if done.is_err() {
            self.context.streams.forget();
        }
        done
    }
}

/// Takes in what else comes, for a moment, until as many batches wait as came together the last time.
///
/// Callers that send one batch after another come again as soon as they are answered, but not all at once. Without
/// waiting, the first of them would have a transaction of its own, and its flush to the disk would hold up all others.
fn gather(queue: &mut mpsc::UnboundedReceiver<Work>, waiting: &mut Vec<Work>, before: usize) {
    if waiting.len() >= before {
        return;
    }
    let begun = Instant::now();
    while waiting.len() < before && begun.elapsed() < GATHERING {
        match queue.try_recv() {
            Ok(work) => waiting.push(work),
            // For the callers to run: the others of this machine's processors may be busy.
            Err(_) => std::thread::yield_now(),
        }
    }
}
