//! What goes into following a unit through time, and what comes of it.

use std::sync::Arc;

use hashbrown::HashMap;
use mandate_domain::judge::{DutyRecord, History, Outcome, Standing, Verdict};
use mandate_domain::policy::Programme;
use mandate_domain::reconcile::{self, Reconciled};
use mandate_domain::time::{Date, Instant};

use crate::bends::Bend;
use crate::steps::NextStep;

/// A unit to follow: a subject, or the subjects that merges connect.
#[derive(Debug)]
pub(crate) struct Unit {
    /// By name.
    pub members: Vec<String>,
    /// The moments that its facts bring, with where these stand; in order.
    pub own: Vec<(Instant, u32)>,
    /// Its bends, from the moment on from which it is followed.
    pub bends: Vec<Bend>,
}

/// What of a unit's time to follow.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Span {
    /// From when on; none for the first fact.
    pub from: Option<Instant>,
    /// The last instant.
    pub until: Instant,
}

/// What the tables say of a unit before the moment from which on it is followed.
#[derive(Debug)]
pub(crate) enum Before {
    /// What its facts give just before that moment, under the policy and the holidays that count at it as well: only what
    /// changes is to be written. Versions stand from up to `latest` on.
    Trusted { latest: Instant },
    /// Its duties by id.
    Stored(HashMap<String, Stored>),
}

impl Before {
    /// Nothing yet.
    pub fn nothing() -> Self {
        Self::Stored(HashMap::new())
    }
}

/// A duty as it stands in the tables.
#[derive(Debug, Clone)]
pub(crate) struct Stored {
    /// Whom it is about.
    pub subject: String,
    /// What `duties` shows; none where only its history tells of it.
    pub shown: Option<Version>,
    /// What it is shown as.
    pub outcome: Option<Outcome>,
    pub unit: Option<String>,
    /// When what is shown is due, and the number under which it counts.
    pub counted: Option<(Option<Instant>, i64)>,
    /// What it was before the time that is followed; the same, unless that time is followed again.
    pub before: Option<Version>,
    /// Where that time is followed again: from when on its history is to be forgotten.
    pub forget: Option<Instant>,
}

/// What a duty is or was from an instant on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Version {
    /// As known at which moment and later, and as at which.
    pub since: Instant,
    pub as_from: Instant,
    /// The number of the rule's version.
    pub number: u16,
    pub record: Arc<str>,
}

/// What became of a unit.
#[derive(Debug, Default)]
pub(crate) struct Followed {
    pub duties: Vec<FollowedDuty>,
    pub standings: Vec<Standing>,
    pub reconciled: Reconciled,
    pub next_at: Option<Instant>,
    /// When it is to be judged next: something else changes then than that a pending duty falls due.
    pub judge_at: Option<Instant>,
    /// Area and subject.
    pub areas: Vec<(String, String)>,
    /// Holder, index of the fact type, and since when it is there.
    pub evidence: Vec<(String, u8, Instant)>,
    /// Whether any moment was judged.
    pub judged: bool,
    /// The latest time of one of its facts, or from which a version stands.
    pub latest: Option<Instant>,
    /// Where its versions do not tell what it was, and those that were left to go on from.
    pub bends: Vec<Bend>,
    pub left: Vec<Bend>,
    /// The unit of each nominal from each moment on at which it is another, the first moment that was judged included.
    pub units: Vec<(String, Vec<UnitVersion>)>,
    /// The cases that programmes cover, from each moment on at which they are others, the first moment that was judged
    /// included; of nominals alone.
    pub cases: Vec<CaseVersion>,
    /// Why it could not be followed further.
    pub failed: Option<Failure>,
}

/// The cases of a unit, as known at (and as at) which moment and later.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CaseVersion {
    pub at: Instant,
    pub cases: Vec<CaseRow>,
}

/// When a nominal was a case that a programme covers, without record and without duty to make one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CaseRow {
    pub subject: String,
    pub programme: Programme,
    pub area: String,
    pub span: reconcile::Span,
}

/// The unit that a nominal had, as known at which moment and later, and as at which; where that lies before the version
/// before it, it stands as at the moment itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct UnitVersion {
    pub at: Instant,
    pub as_from: Instant,
    pub unit: Option<String>,
}

/// Why a unit could not be followed further.
#[derive(Debug)]
pub(crate) struct Failure {
    pub reason: String,
    pub position: u32,
    /// The last moment that was judged.
    pub since: Instant,
}

/// A duty with its changes.
#[derive(Debug)]
pub(crate) struct FollowedDuty {
    pub duty: String,
    pub subject: String,
    pub changes: Vec<Changed>,
    /// As it stands in the end; none when it is there no longer.
    pub now: Option<Now>,
    pub stored: Option<Stored>,
}

/// What a duty was from an instant on.
#[derive(Debug, Clone)]
pub(crate) struct Changed {
    /// As known at which moment and later, and as at which; where that lies before the version before it, it stands as at
    /// the moment itself.
    pub at: Instant,
    pub as_from: Instant,
    /// The number of the rule's version; 0 for a duty that was there no longer.
    pub version: u16,
    /// None when it was there no longer.
    pub record: Option<(Arc<str>, Columns)>,
}

impl Changed {
    pub const fn gone(at: Instant) -> Self {
        Self { at, as_from: at, version: 0, record: None }
    }
}

/// What of a record has columns of its own.
#[derive(Debug, Clone)]
pub(crate) struct Columns {
    pub holder: Option<String>,
    /// Pending, for one that is open: whether it is overdue is a matter of the clock.
    pub outcome: Outcome,
    pub opened_at: Instant,
    pub due_on: Option<Date>,
    pub act_by: Option<Date>,
    pub due_at: Option<Instant>,
    pub inherited: bool,
    pub born_overdue: bool,
    pub known_since: Instant,
}

impl Columns {
    pub fn of(verdict: &Verdict, history: &History) -> Self {
        Self {
            holder: verdict.holder().map(|holder| history.symbols.text(holder).to_owned()),
            outcome: if verdict.outcome.is_open() { Outcome::Pending } else { verdict.outcome },
            opened_at: verdict.opened_at,
            due_on: verdict.due_on,
            act_by: verdict.act_by,
            due_at: verdict.due_at,
            inherited: verdict.inherited,
            born_overdue: verdict.born_overdue,
            known_since: verdict.known_since,
        }
    }
}

impl From<DutyRecord> for Columns {
    fn from(record: DutyRecord) -> Self {
        let outcome = record.outcome();
        Self {
            holder: record.holder,
            outcome: if outcome.is_open() { Outcome::Pending } else { outcome },
            opened_at: record.opened_at,
            due_on: record.due_on,
            act_by: record.act_by,
            due_at: record.due_at,
            inherited: record.inherited,
            born_overdue: record.born_overdue,
            known_since: record.known_since,
        }
    }
}

/// The columns of a duty.
#[derive(Debug)]
pub(crate) struct Now {
    pub version: u16,
    pub record: Arc<str>,
    pub rule: String,
    pub unit: Option<String>,
    pub outcome: Outcome,
    pub breach: bool,
    pub columns: Columns,
    /// Its steps.
    pub steps: Vec<NextStep>,
}
