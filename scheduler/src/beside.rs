//! Read models that take in what a flood of steps stores while the rest of it is planned and stored.

use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;

use mandate_domain::time::Instant;
use mandate_projections::ProjectionError;

use crate::error::SchedulerError;
use crate::scheduler::Shared;

type Thread = (SyncSender<()>, JoinHandle<Result<(), ProjectionError>>);

/// A thread that brings the read models forward each time it is told to; none until it is told first.
pub(crate) struct Beside<'s> {
    shared: &'s Shared,
    now: Instant,
    thread: Option<Thread>,
}

impl<'s> Beside<'s> {
    pub const fn new(shared: &'s Shared, now: Instant) -> Self {
        Self { shared, now, thread: None }
    }

    /// Has the read models take in what is stored by now; does not wait for it.
    pub fn advance(&mut self) {
        if self.thread.is_none() {
            self.thread = self.start();
        }
        let Some((wake, _)) = &self.thread else { return };
        match wake.try_send(()) {
            // It looks again after what it has in hand, and what it failed of is told in the end.
            Ok(()) | Err(TrySendError::Full(()) | TrySendError::Disconnected(())) => {}
        }
    }

    /// Nothing depends on it: without a thread the read models take everything in afterwards.
    fn start(&self) -> Option<Thread> {
        let (wake, woken) = sync_channel(1);
        let (projections, now) = (self.shared.projections.clone(), self.now);
        let work = move || {
            while woken.recv().is_ok() {
                projections.advance(now)?;
            }
            Ok(())
        };
        let thread = std::thread::Builder::new().name("read-models".to_owned()).spawn(work).ok()?;
        Some((wake, thread))
    }

    /// Waits until it has ended.
    pub fn end(self) -> Result<(), SchedulerError> {
        let Some((wake, thread)) = self.thread else { return Ok(()) };
        drop(wake);
        let ended = thread.join().map_err(|_| SchedulerError::Thread("the read models".to_owned()))?;
        Ok(ended?)
    }
}
