//! Which of several nodes raises and mails: a lease with a term, and appends that are refused once a later term was
//! given out.
//!
//! The lease saves work; that a step is taken once is the doing of unique ids alone. Its row is taken and kept up by the
//! database's clock, so that the clocks of nodes do not matter. The term stands in the head row as well: whoever took
//! the lease last is compared under the very lock that puts appends in order, so that what a node had in hand when it
//! was paused is refused when it wakes.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use mandate_domain::time::Instant;
use sqlx::Row as _;

use crate::error::StoreError;
use crate::key_file;
use crate::postgres::session::Sessions;
use crate::reader::{Reader, Source};
use crate::store::Store;

/// Who holds the lease, or held it last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// The process: the name of its machine, and what tells it from others there.
    pub name: Box<str>,
    /// How often the lease changed hands.
    pub term: u64,
    /// Since when it has it, by the database's clock.
    pub since: Instant,
    /// How long it has it unless it keeps it up; zero once it has expired.
    pub left: Duration,
}

/// How a node stands to the lease.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// This node has it, in this term.
    Held(u64),
    /// Another has it.
    StandingBy(Holder),
}

/// This node's part in the lease; cheap to clone.
#[derive(Debug, Clone)]
pub struct Lease {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    name: Box<str>,
    lasts: Duration,
    /// Where the row is; none for a log that one process alone may open.
    sessions: Option<Sessions>,
    /// The term in which this node appends.
    term: AtomicU64,
}

/// What an append of a holder carries.
#[derive(Debug, Clone)]
pub(crate) struct Fence {
    lease: Lease,
}

/// That a later term was given out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fenced {
    pub(crate) term: u64,
    pub(crate) latest: u64,
}

impl From<Fenced> for StoreError {
    fn from(Fenced { term, latest }: Fenced) -> Self {
        Self::Fenced { term, latest }
    }
}

impl Store {
    /// This process's part in the lease of a log, which lasts for so long unless it is kept up. On SQLite a log is open
    /// in one process, which always has it.
    ///
    /// # Errors
    /// [`StoreError::Keys`] when the system gives no random bytes for its name.
    pub fn lease(&self, node: &str, lasts: Duration) -> Result<Lease, StoreError> {
        let random = key_file::random().map_err(StoreError::from)?;
        let digits: String = random.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
        let sessions = match &self.reader().source {
            Source::Sqlite(_) => None,
            Source::Postgres(reader) => Some(reader.sessions.clone()),
        };
        let name = format!("{node}-{digits}").into();
        Ok(Lease { shared: Arc::new(Shared { name, lasts, sessions, term: AtomicU64::new(0) }) })
    }

    /// The same log, to which whoever has this handle appends as holder of a lease: in the term that [`Lease::take`]
    /// gave last, and no more once a later one was given out. The events say which process and term they are of.
    #[must_use]
    pub fn fenced(&self, lease: &Lease) -> Self {
        let fence = lease.shared.sessions.is_some().then(|| Fence { lease: lease.clone() });
        Self { shared: Arc::clone(&self.shared), fence }
    }
}

impl Lease {
    /// The name of this process.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.shared.name
    }

    /// How long it lasts unless it is kept up.
    #[must_use]
    pub fn lasts(&self) -> Duration {
        self.shared.lasts
    }

    /// Whether there may be others.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        self.shared.sessions.is_some()
    }

    /// Takes the lease if it is free or expired, keeps it up if this node has it. Blocking.
    ///
    /// What this node appends from here on is of the term that it gets: call it when nothing is under way that was
    /// decided in an earlier one, or [`Self::keep_up`].
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be asked.
    pub fn take(&self) -> Result<Standing, StoreError> {
        let standing = self.ask()?;
        if let Standing::Held(term) = standing {
            self.shared.term.store(term, Ordering::SeqCst);
        }
        Ok(standing)
    }

    /// Keeps up the lease that this node has; whether it still has it, in the same term. Blocking.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be asked.
    pub fn keep_up(&self) -> Result<bool, StoreError> {
        let term = self.shared.term.load(Ordering::SeqCst);
        match &self.shared.sessions {
            None => Ok(true),
            Some(sessions) => {
                let holder = read(sessions)?;
                Ok(holder.name == self.shared.name
                    && holder.term == term
                    && self.ask()? == Standing::Held(term))
            }
        }
    }

    /// Lets go of the lease, so that another need not wait until it expires. Blocking.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be asked.
    pub fn release(&self) -> Result<(), StoreError> {
        let Some(sessions) = &self.shared.sessions else { return Ok(()) };
        sessions.block(async |connection| {
            let query =
                sqlx::query(include_str!("../sql/postgres/release_lease.sql")).bind(&*self.shared.name);
            query.execute(connection).await.map(drop).map_err(StoreError::postgres("let go of the lease"))
        })
    }

    fn ask(&self) -> Result<Standing, StoreError> {
        let Some(sessions) = &self.shared.sessions else { return Ok(Standing::Held(0)) };
        let failed = StoreError::postgres("take the lease");
        let lasts = i64::try_from(self.shared.lasts.as_millis()).unwrap_or(i64::MAX);
        let taken = sessions.block(async |connection| {
            let query = sqlx::query(include_str!("../sql/postgres/take_lease.sql"));
            let query = query.bind(&*self.shared.name).bind(lasts);
            let row = query.fetch_optional(connection).await.map_err(&failed)?;
            row.map(|row| row.try_get::<i64, _>(0).map_err(&failed)).transpose()
        })?;
        match taken {
            Some(term) => Ok(Standing::Held(u64::try_from(term).unwrap_or(0))),
            None => Ok(Standing::StandingBy(read(sessions)?)),
        }
    }
}

impl Fence {
    /// The term of this node.
    pub(crate) fn term(&self) -> u64 {
        self.lease.shared.term.load(Ordering::SeqCst)
    }

    /// What the events of a term say of who stated them.
    pub(crate) fn actor(&self, term: u64) -> Box<str> {
        format!("scheduler/{}/{term}", self.lease.shared.name).into()
    }
}

impl Reader {
    /// Who holds the lease, or held it last; none for a log that one process alone may open, and before the first.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be asked.
    pub fn lease(&self) -> Result<Option<Holder>, StoreError> {
        match &self.source {
            Source::Sqlite(_) => Ok(None),
            Source::Postgres(reader) => Ok(Some(read(&reader.sessions)?).filter(|holder| holder.term > 0)),
        }
    }
}

fn read(sessions: &Sessions) -> Result<Holder, StoreError> {
    let failed = StoreError::postgres("read the lease");
    sessions.block(async |connection| {
        let query = sqlx::query(include_str!("../sql/postgres/select_lease.sql"));
        let row = query.fetch_one(connection).await.map_err(&failed)?;
        let columns = || -> Result<(String, i64, i64, i64), sqlx::Error> {
            Ok((row.try_get(0)?, row.try_get(1)?, row.try_get(2)?, row.try_get(3)?))
        };
        let (name, term, since, left) = columns().map_err(&failed)?;
        Ok(Holder {
            name: name.into(),
            term: u64::try_from(term).unwrap_or(0),
            since: Instant::from_nanos(since.saturating_mul(1_000)),
            left: Duration::from_millis(u64::try_from(left).unwrap_or(0)),
        })
    })
}
