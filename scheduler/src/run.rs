//! Running: sleep until the next moment at which something is due, woken by the log and by hand.
//!
//! Steps and mails run beside each other, so that a slow mail server delays no breach. Neither relies on being
//! woken: each looks again after [`LONGEST_SLEEP`] at the latest.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use mandate_domain::time::Instant;
use mandate_store::{Head, StoreError};
use tokio::sync::{Notify, watch};

use crate::error::SchedulerError;
use crate::scheduler::{Scheduler, Shared, locked};
use crate::tenure::Turn;

/// However far the next moment is: the clock may have been set, a signal may have been lost.
const LONGEST_SLEEP: Duration = Duration::from_secs(30);
/// However near the next moment is, unless woken: a moment that stays in the past must not keep a core busy.
const SHORTEST_SLEEP: Duration = Duration::from_millis(50);
/// After a pass that failed.
const SLEEP_AFTER_FAILURE: Duration = Duration::from_secs(5);

/// Wakes a running scheduler: for a clock that was moved by hand.
#[derive(Clone)]
pub struct Kick {
    shared: Arc<Shared>,
}

impl Kick {
    /// Has the clock looked at again, now.
    pub fn kick(&self) {
        self.shared.wake_steps.notify_one();
        self.shared.wake_mails.notify_one();
    }
}

impl std::fmt::Debug for Kick {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Kick")
    }
}

/// What runs in a loop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Work {
    Steps,
    Mails,
}

/// When to look again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Again {
    AtOnce,
    By(Option<Instant>),
    After(Duration),
}

impl Work {
    fn once(self, shared: &Shared) -> Result<Again, SchedulerError> {
        let now = shared.clock.now();
        match self {
            Self::Steps => {
                let report = shared.record_steps(now)?;
                Ok(report.stands_by.map_or(Again::By(report.next_at), Again::After))
            }
            Self::Mails => {
                let turn = shared.tenure.turn()?;
                if let Turn::StandBy(wait) = turn {
                    locked(&shared.vitals).mails_at = Some(now);
                    return Ok(Again::After(wait));
                }
                let report = shared.send_mails(now)?;
                Ok(if report.more { Again::AtOnce } else { Again::By(report.next_at) })
            }
        }
    }

    const fn wake(self, shared: &Shared) -> &Notify {
        match self {
            Self::Steps => &shared.wake_steps,
            Self::Mails => &shared.wake_mails,
        }
    }
}

impl Scheduler {
    /// A handle that wakes this scheduler while it runs.
    #[must_use]
    pub fn kick(&self) -> Kick {
        Kick { shared: Arc::clone(&self.shared) }
    }

    /// Runs until `shutdown` completes and the work in hand is done.
    pub async fn run(self, shutdown: impl Future<Output = ()> + Send) {
        let (stop, stopped) = watch::channel(false);
        let loops = async {
            tokio::join!(
                run_loop(Arc::clone(&self.shared), Work::Steps, stopped.clone()),
                run_loop(Arc::clone(&self.shared), Work::Mails, stopped.clone()),
                keep_lease(Arc::clone(&self.shared), stopped.clone()),
            );
        };
        let mut loops = pin!(loops);
        tokio::select! {
            () = &mut loops => return,
            () = shutdown => {}
        }
        stop.send_replace(true);
        loops.await;
        let shared = Arc::clone(&self.shared);
        tokio::task::spawn_blocking(move || shared.tenure.release()).await.ok();
    }
}

/// Keeps the lease up while a pass takes longer than it lasts, such as one that waits for a mail server.
async fn keep_lease(shared: Arc<Shared>, mut stopped: watch::Receiver<bool>) {
    if !shared.tenure.lease().is_shared() {
        return;
    }
    while !*stopped.borrow() {
        tokio::select! {
            () = tokio::time::sleep(shared.tenure.lease().lasts() / 4) => {}
            _ = stopped.wait_for(|stopped| *stopped) => return,
        }
        let shared = Arc::clone(&shared);
        // Whether it was lost or cannot be asked for, the pass finds out itself.
        tokio::task::spawn_blocking(move || shared.tenure.keep_up().ok()).await.ok();
    }
}

async fn run_loop(shared: Arc<Shared>, work: Work, mut stopped: watch::Receiver<bool>) {
    let mut log = shared.store.watch();
    while !*stopped.borrow() {
        // What is appended from here on wakes the sleep that follows.
        log.mark_unchanged();
        let sleep = match pass(&shared, work).await {
            Ok(Again::AtOnce) => continue,
            Ok(Again::By(at)) => until(at, shared.clock.now()),
            Ok(Again::After(wait)) => wait,
            Err(SchedulerError::Log(error @ StoreError::Fenced { .. })) => {
                tracing::warn!(%error, ?work, "a pass ended: another node goes on with it");
                SHORTEST_SLEEP
            }
            Err(error) => {
                tracing::error!(%error, ?work, "a pass of the scheduler failed; it is tried again");
                // Where the log cannot be reached, no other node could do it either.
                if work == Work::Steps && !matches!(error, SchedulerError::Log(_)) {
                    let shared = Arc::clone(&shared);
                    tokio::task::spawn_blocking(move || shared.tenure.stand_back()).await.ok();
                }
                SLEEP_AFTER_FAILURE
            }
        };
        tokio::select! {
            () = tokio::time::sleep(sleep) => {}
            () = changed(&mut log) => {}
            () = work.wake(&shared).notified() => {}
            _ = stopped.wait_for(|stopped| *stopped) => {}
        }
    }
}

/// One pass on a thread that may block. A pass goes on to its end, even if the program is told to stop.
async fn pass(shared: &Arc<Shared>, work: Work) -> Result<Again, SchedulerError> {
    let shared = Arc::clone(shared);
    tokio::task::spawn_blocking(move || work.once(&shared))
        .await
        .unwrap_or_else(|error| Err(SchedulerError::Thread(error.to_string())))
}

/// A change of the log's head; never, once the log is closed.
async fn changed(log: &mut watch::Receiver<Head>) {
    if log.changed().await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// How long to sleep until a moment.
fn until(at: Option<Instant>, now: Instant) -> Duration {
    let nanos = at.map(|at| at.nanos().saturating_sub(now.nanos()));
    let wanted = nanos.map(|nanos| Duration::from_nanos(u64::try_from(nanos).unwrap_or(0)));
    wanted.unwrap_or(LONGEST_SLEEP).clamp(SHORTEST_SLEEP, LONGEST_SLEEP)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sleep_ends_at_the_moment_and_is_neither_too_long_nor_too_short() {
        let now = Instant::from_nanos(0);
        for (at, wanted) in [
            (None, LONGEST_SLEEP),
            (Some(now.plus_seconds(10)), Duration::from_secs(10)),
            (Some(now.plus_seconds(3600)), LONGEST_SLEEP),
            (Some(now), SHORTEST_SLEEP),
            (Some(now.plus_seconds(-5)), SHORTEST_SLEEP),
            (Some(Instant::MAX), LONGEST_SLEEP),
            (Some(Instant::MIN), SHORTEST_SLEEP),
        ] {
            assert_eq!(until(at, now), wanted, "{at:?}");
        }
    }
}
