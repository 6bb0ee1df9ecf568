//! Whose turn it is to raise and mail, where several nodes share a log.
//!
//! One node has the lease and does it; the others follow the log and the clock, so that they can answer and are ready.
//! Steps are taken once because of their ids, with or without all this. A pass is of one term from its beginning to its
//! end: a new one is taken only while no pass is under way, and what is appended in an earlier term is refused.

use std::sync::{Mutex, PoisonError, RwLock, RwLockReadGuard};
use std::time::{Duration, Instant as Elapsed};

use mandate_domain::time::Instant;
use mandate_store::{Holder, Lease, Standing, StoreError};
use serde::Serialize;

use crate::scheduler::locked;

/// A part of the lease's time: within it the lease is taken for granted, after it is it kept up.
const PART: u32 = 3;
/// However long another has the lease, it may let go of it.
const LONGEST_WAIT: Duration = Duration::from_secs(2);
/// However soon it ends, the database is not asked all the time.
const SHORTEST_WAIT: Duration = Duration::from_millis(50);

/// This node's part in the lease.
#[derive(Debug)]
pub(crate) struct Tenure {
    lease: Lease,
    /// Held for reading by each pass, for writing while a term is taken.
    passing: RwLock<()>,
    /// The standing that was found last, and when it was last found to be held.
    found: Mutex<Found>,
}

#[derive(Debug, Default)]
struct Found {
    term: Option<u64>,
    at: Option<Elapsed>,
    stands_by: bool,
    /// Whether this node cannot do the work.
    stands_back: bool,
}

/// Whether a pass is this node's to do.
#[derive(Debug)]
pub(crate) enum Turn<'t> {
    /// It is, for as long as this is held.
    Ours { _pass: RwLockReadGuard<'t, ()> },
    /// Another node does it; look again after this.
    StandBy(Duration),
}

/// Which node raises and mails.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OnDuty {
    /// The node.
    pub node: String,
    /// Since when, by the database's clock.
    pub since: Instant,
    /// How often the lease changed hands; none where one process alone may open the log.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub term: Option<u64>,
    /// Whether it is this one.
    pub here: bool,
    /// Whether its time is over and nobody has taken its place yet.
    pub expired: bool,
}

impl OnDuty {
    /// The holder of a lease, as this process of that name sees it.
    #[must_use]
    pub fn of(holder: &Holder, own: Option<&str>) -> Self {
        Self {
            node: holder.name.to_string(),
            since: holder.since,
            term: Some(holder.term),
            here: own == Some(&*holder.name),
            expired: holder.left.is_zero(),
        }
    }
}

impl Tenure {
    pub const fn new(lease: Lease) -> Self {
        Self {
            lease,
            passing: RwLock::new(()),
            found: Mutex::new(Found { term: None, at: None, stands_by: false, stands_back: false }),
        }
    }

    pub const fn lease(&self) -> &Lease {
        &self.lease
    }

    /// Whether the pass that begins now is this node's to do.
    pub fn turn(&self) -> Result<Turn<'_>, StoreError> {
        if locked(&self.found).stands_back {
            return Ok(Turn::StandBy(LONGEST_WAIT));
        }
        {
            let pass = self.passing.read().unwrap_or_else(PoisonError::into_inner);
            if self.is_held()? {
                return Ok(Turn::Ours { _pass: pass });
            }
        }
        let alone = self.passing.write().unwrap_or_else(PoisonError::into_inner);
        // Asked at this time: however long the answer takes, the lease lasts no less than counted from here.
        let asked = Elapsed::now();
        let standing = self.lease.take()?;
        self.note(&standing, asked);
        drop(alone);
        match standing {
            // Nothing but another pass of this node comes between, which finds the same term.
            Standing::Held(_) => {
                Ok(Turn::Ours { _pass: self.passing.read().unwrap_or_else(PoisonError::into_inner) })
            }
            Standing::StandingBy(holder) => Ok(Turn::StandBy(holder.left.clamp(SHORTEST_WAIT, LONGEST_WAIT))),
        }
    }

    /// Keeps up a lease that this node has, while a long pass goes on.
    ///
    /// # Errors
    /// [`StoreError::Fenced`] when another has it.
    pub fn keep_up(&self) -> Result<(), StoreError> {
        if self.is_held()? {
            return Ok(());
        }
        let term = locked(&self.found).term.unwrap_or(0);
        Err(StoreError::Fenced { term, latest: term + 1 })
    }

    /// Whether this node has the lease still; asks the database now and then.
    fn is_held(&self) -> Result<bool, StoreError> {
        if !self.lease.is_shared() {
            return Ok(true);
        }
        let recently = {
            let found = locked(&self.found);
            if found.term.is_none() {
                return Ok(false);
            }
            found.at.is_some_and(|at| at.elapsed() < self.lease.lasts() / PART)
        };
        if recently {
            return Ok(true);
        }
        let asked = Elapsed::now();
        let held = self.lease.keep_up()?;
        let mut found = locked(&self.found);
        if held {
            found.at = Some(asked);
        } else {
            tracing::warn!(node = self.lease.name(), "another node took the lease over");
            (found.term, found.at) = (None, None);
        }
        Ok(held)
    }

    fn note(&self, standing: &Standing, asked: Elapsed) {
        let mut found = locked(&self.found);
        match standing {
            Standing::Held(term) => {
                if found.term != Some(*term) && self.lease.is_shared() {
                    tracing::info!(node = self.lease.name(), term, "this node raises and mails from now on");
                }
                *found = Found { term: Some(*term), at: Some(asked), ..Found::default() };
            }
            Standing::StandingBy(holder) => {
                if !found.stands_by {
                    tracing::info!(node = self.lease.name(), holder = &*holder.name, "this node stands by");
                }
                *found = Found { stands_by: true, ..Found::default() };
            }
        }
    }

    /// Leaves the work to another node, because this one cannot do it: its read models cannot be brought up to date, or
    /// it may not append.
    pub fn stand_back(&self) {
        if !self.lease.is_shared() {
            return;
        }
        if !std::mem::replace(&mut locked(&self.found).stands_back, true) {
            tracing::warn!(
                node = self.lease.name(),
                "this node cannot raise and mail, and leaves it to another"
            );
        }
        self.release();
    }

    /// Can do the work again.
    pub fn step_up(&self) {
        locked(&self.found).stands_back = false;
    }

    /// Lets go of the lease when this node stops, so that another need not wait until it expires.
    pub fn release(&self) {
        let _alone = self.passing.write().unwrap_or_else(PoisonError::into_inner);
        if locked(&self.found).term.take().is_some()
            && let Err(error) = self.lease.release()
        {
            tracing::warn!(%error, "the lease was not let go of; another node takes it when it expires");
        }
    }
}
