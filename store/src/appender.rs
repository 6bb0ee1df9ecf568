//! The way to the writer: a bounded queue, and an answer for each caller.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};

use crate::block_on::block_on;
use crate::checkpoint::Signed;
use crate::error::StoreError;
use crate::lease::Fence;
use crate::new_event::NewEvent;
use crate::outcome::{OnError, Outcome};
use crate::store::MAX_BATCH;
use crate::writer::Writer;

/// What became of a batch.
pub(crate) type Answer = Result<Vec<Outcome>, StoreError>;

/// An answer, and how long the transaction took.
pub(crate) type Reply = (Answer, Duration);

/// Whether a batch may be stored after those that came later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Haste {
    /// Somebody waits for it.
    Now,
    /// It is one of many, and whoever sends them goes on meanwhile.
    InTurn,
}

/// One caller's batch, waiting for the writer.
pub(crate) struct Job {
    pub(crate) events: Arc<Vec<NewEvent>>,
    pub(crate) on_error: OnError,
    /// The term of the lease in which it was decided; none where it needs none.
    pub(crate) term: Option<u64>,
    haste: Haste,
    reply: oneshot::Sender<Reply>,
    _room: OwnedSemaphorePermit,
}

/// A batch that waits for the writer or was stored.
#[derive(Debug)]
pub struct Queued {
    events: Arc<Vec<NewEvent>>,
    answer: oneshot::Receiver<Reply>,
}

impl Queued {
    /// Waits for the answer: how long the transaction took, and one outcome for each event, in order. Blocking.
    ///
    /// # Errors
    /// As [`Store::append`](crate::Store::append).
    pub fn wait(self) -> (Arc<Vec<NewEvent>>, Duration, Result<Vec<Outcome>, StoreError>) {
        let (answer, took) = block_on(self.answer).unwrap_or_else(|_| (Err(stopped()), Duration::ZERO));
        (self.events, took, answer)
    }
}

/// What waits for the writer.
pub(crate) enum Work {
    /// A batch to be stored.
    Append(Job),
    /// A signed checkpoint to be kept in the database.
    Keep(Signed, oneshot::Sender<Result<(), StoreError>>),
}

impl Work {
    /// Whether nobody is held up by it.
    pub(crate) const fn may_wait(&self) -> bool {
        match self {
            Self::Append(job) => job.may_wait(),
            Self::Keep(..) => false,
        }
    }

    /// Tells whoever waits for it that it was not done; one that no longer waits changes nothing.
    pub(crate) fn refuse(self, error: &StoreError) {
        match self {
            Self::Append(job) => job.answer(Err(error.for_each_caller()), Duration::ZERO),
            Self::Keep(_, reply) => drop(reply.send(Err(error.for_each_caller()))),
        }
    }
}

impl Job {
    /// Whether it is one of many, and nobody waits for it.
    pub(crate) const fn may_wait(&self) -> bool {
        matches!(self.haste, Haste::InTurn)
    }

    /// Answers the caller; one that no longer waits changes nothing.
    pub(crate) fn answer(self, answer: Answer, took: Duration) {
        drop(self.reply.send((answer, took)));
    }
}

/// The queue and the thread at the end of it, which ends after it has stored all that is queued.
pub(crate) struct Appender {
    queue: Option<mpsc::UnboundedSender<Work>>,
    /// One permit for each event that is waiting or being stored.
    room: Arc<Semaphore>,
    capacity: u32,
    thread: Option<JoinHandle<()>>,
}

impl Appender {
    /// Starts the writer's thread, with room for `capacity` events in its queue.
    pub(crate) fn start(writer: Writer, capacity: u32) -> Result<Self, StoreError> {
        let (queue, jobs) = mpsc::unbounded_channel();
        let thread = std::thread::Builder::new()
            .name("log-writer".to_owned())
            .spawn(move || writer.run(jobs))
            .map_err(|error| StoreError::Unavailable {
                reason: format!("no thread for the writer: {error}"),
            })?;
        let capacity = capacity.max(1);
        let room = Arc::new(Semaphore::new(usize::try_from(capacity).unwrap_or(Semaphore::MAX_PERMITS)));
        Ok(Self { queue: Some(queue), room, capacity, thread: Some(thread) })
    }

    /// Waits for room, queues the batch and waits for the answer. Once queued, the batch is stored or refused
    /// whether or not the caller still waits.
    pub(crate) async fn append(
        &self,
        events: Vec<NewEvent>,
        on_error: OnError,
        fence: Option<&Fence>,
    ) -> Answer {
        if events.is_empty() {
            return Ok(Vec::new());
        }
        let queued = self.queue(events, on_error, fence, Haste::Now).await?;
        let (answer, _) = queued.answer.await.map_err(|_| stopped())?;
        answer
    }

    /// Waits for room and queues the batch.
    pub(crate) async fn queue(
        &self,
        mut events: Vec<NewEvent>,
        on_error: OnError,
        fence: Option<&Fence>,
        haste: Haste,
    ) -> Result<Queued, StoreError> {
        if events.len() > MAX_BATCH {
            return Err(StoreError::TooMany { events: events.len(), limit: MAX_BATCH });
        }
        let wanted = u32::try_from(events.len()).unwrap_or(u32::MAX).min(self.capacity);
        let room = Arc::clone(&self.room).acquire_many_owned(wanted).await.map_err(|_| stopped())?;
        let (reply, answer) = oneshot::channel();
        let term = fence.map(Fence::term);
        if let (Some(fence), Some(term)) = (fence, term) {
            let actor = fence.actor(term);
            for event in events.iter_mut().filter(|event| event.actor.is_none()) {
                event.actor = Some(actor.clone());
            }
        }
        let events = Arc::new(events);
        let job = Job { events: Arc::clone(&events), on_error, term, haste, reply, _room: room };
        self.send(Work::Append(job))?;
        Ok(Queued { events, answer })
    }

    /// Queues a checkpoint and waits until it is kept.
    pub(crate) async fn keep(&self, signed: Signed) -> Result<(), StoreError> {
        let (reply, answer) = oneshot::channel();
        self.send(Work::Keep(signed, reply))?;
        answer.await.map_err(|_| stopped())?
    }

    fn send(&self, work: Work) -> Result<(), StoreError> {
        self.queue.as_ref().and_then(|queue| queue.send(work).ok()).ok_or_else(stopped)
    }
}

fn stopped() -> StoreError {
    StoreError::Unavailable { reason: "the writer has stopped".to_owned() }
}

impl Drop for Appender {
    fn drop(&mut self) {
        self.queue = None;
        if let Some(thread) = self.thread.take() {
            // A panic of the writer was reported to its callers already.
            drop(thread.join());
        }
    }
}
