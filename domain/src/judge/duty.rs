//! A duty while it is judged, and what is known of it in the end.

use super::compiled::VersionId;
use super::history::RowId;
use super::state::Awaited;
use crate::time::{Date, Instant};

/// What a duty is at a moment (spec 3.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Open and not yet due.
    Pending,
    /// Due and undone.
    Overdue,
    /// Done in time.
    Met,
    /// Done late.
    MetLate,
    /// Its condition ended before it was due.
    Withdrawn,
    /// Its condition ended after it was due, undone.
    Lapsed,
    /// Replaced by another rule of the same obligation.
    Superseded,
    /// Waived.
    Exempt,
    /// Its opening fact was annulled.
    Annulled,
}

impl Outcome {
    /// Every outcome.
    pub const ALL: [Self; 9] = [
        Self::Pending,
        Self::Overdue,
        Self::Met,
        Self::MetLate,
        Self::Withdrawn,
        Self::Lapsed,
        Self::Superseded,
        Self::Exempt,
        Self::Annulled,
    ];

    /// Its name in files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Overdue => "overdue",
            Self::Met => "met",
            Self::MetLate => "met_late",
            Self::Withdrawn => "withdrawn",
            Self::Lapsed => "lapsed",
            Self::Superseded => "superseded",
            Self::Exempt => "exempt",
            Self::Annulled => "annulled",
        }
    }

    /// The outcome of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|outcome| outcome.name() == name)
    }

    /// Whether the deadline was missed: overdue, met late or lapsed.
    #[must_use]
    pub const fn is_missed(self) -> bool {
        matches!(self, Self::Overdue | Self::MetLate | Self::Lapsed)
    }

    /// Whether the duty is still open.
    #[must_use]
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Pending | Self::Overdue)
    }
}

/// Marks on a duty.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Flags(u8);

impl Flags {
    /// The literal text cannot apply, and a stated reading stands in.
    pub const POLICY_GAP: u8 = 1;
    /// It kept the earlier date of the duty it replaced.
    pub const KEPT_DUE: u8 = 2;
    /// Beyond the last year with published holidays.
    pub const PROVISIONAL: u8 = 4;
    /// Too far beyond it to be dated.
    pub const UNDATABLE: u8 = 8;
    /// No fact that could show the act was ever recorded for this holder.
    pub const NOT_EVIDENCED: u8 = 16;

    const NAMES: [(u8, &'static str); 5] = [
        (Self::POLICY_GAP, "policy_gap"),
        (Self::KEPT_DUE, "kept_due"),
        (Self::PROVISIONAL, "provisional"),
        (Self::UNDATABLE, "undatable"),
        (Self::NOT_EVIDENCED, "not_evidenced"),
    ];

    /// Sets or clears a flag.
    pub(super) const fn put(&mut self, flag: u8, on: bool) {
        self.0 = if on { self.0 | flag } else { self.0 & !flag };
    }

    /// Whether a flag is set.
    #[must_use]
    pub const fn has(self, flag: u8) -> bool {
        self.0 & flag != 0
    }

    /// The flags as a number.
    pub(super) const fn bits(self) -> u8 {
        self.0
    }

    /// The flags of a number.
    pub(super) const fn of_bits(bits: u8) -> Self {
        Self(bits)
    }

    /// The names of the flags that are set.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        Self::NAMES.into_iter().filter(move |(flag, _)| self.has(*flag)).map(|(_, name)| name)
    }
}

/// How a duty ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct End {
    pub outcome: Outcome,
    pub by: Option<RowId>,
    pub at: Instant,
}

/// A due date and what it rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct DueDate {
    /// The day, if it can be dated.
    pub on: Option<Date>,
    /// The instant from which the duty is overdue.
    pub at: Option<Instant>,
}

impl DueDate {
    pub fn day(on: Date) -> Self {
        Self { on: Some(on), at: Some(on.end()) }
    }

    pub const UNDATABLE: Self = Self { on: None, at: None };

    pub fn passed_by(&self, instant: Instant) -> bool {
        self.at.is_some_and(|due| due <= instant)
    }
}

/// A change of the due date while the duty was pending.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Move {
    /// The fact that moved it, or none when a publication of holidays did.
    pub by: Option<RowId>,
    pub at: Instant,
    pub due_on: Option<Date>,
}

/// The `match` values of a fact as symbols, those not asked [`crate::vocabulary::NONE`].
pub(super) type Key = [u32; crate::policy::MATCHED];

/// A duty in the making.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Duty {
    pub version: VersionId,
    pub entry: usize,
    pub opener: RowId,
    /// Place of the opening fact in the fold.
    pub seq: u32,
    /// The day of an `every` duty.
    pub day: Option<Date>,
    pub opened_at: Instant,
    pub counted_from: Date,
    pub opens_on: Option<Date>,
    pub due: DueDate,
    /// For working days: from which date, how many, and the publications looked at so far.
    pub working: Option<(Date, u16, Instant)>,
    pub flags: Flags,
    pub frozen: bool,
    /// The `match` values.
    pub key: Option<Key>,
    /// Symbol of the organisation of the opening fact.
    pub org: u32,
    pub awaited: Awaited,
    pub known_since: Instant,
    /// The fact on whose value a following due date rests.
    pub due_rests_on: Option<RowId>,
    /// The holder just after the opening; for prisons the holder for good.
    pub holder_at_opening: u32,
    pub end: Option<End>,
    pub superseded_by: Option<usize>,
    pub moves: Vec<Move>,
}

impl Duty {
    /// Which duty of a subject it is.
    pub const fn key(&self, subject: u32) -> DutyKey {
        DutyKey(self.version, subject, self.opener, self.day)
    }
}

/// What is known of a duty at (as at, known at), in numbers; texts are in the history.
#[derive(Debug, Clone)]
pub struct Verdict {
    pub(super) version: VersionId,
    pub(super) subject: u32,
    pub(super) opener: RowId,
    pub(super) entry: usize,
    pub(super) day: Option<Date>,
    pub(super) superseded_by: Option<(VersionId, RowId)>,
    pub(super) closed_by: Option<RowId>,
    pub(super) holder: u32,
    /// The instant up to which publications of holidays were looked at.
    pub(super) calendar_at: Instant,
    pub(super) moves: Vec<Move>,
    pub(super) rests_on: Option<RowId>,
    /// When it was opened.
    pub opened_at: Instant,
    /// From when it is counted.
    pub counted_from: Date,
    /// When its window opens, for duties that have one.
    pub opens_on: Option<Date>,
    /// The last day to do it.
    pub due_on: Option<Date>,
    /// The last working day on or before that.
    pub act_by: Option<Date>,
    /// The instant from which it is overdue.
    pub due_at: Option<Instant>,
    /// What it is.
    pub outcome: Outcome,
    /// When it ended.
    pub closed_at: Option<Instant>,
    /// Whether the holder answers for a duty opened under another.
    pub inherited: bool,
    /// Whether it is a breach of the policy.
    pub breach: bool,
    /// Since when it could be known.
    pub known_since: Instant,
    /// Whether it could be known only after it was due.
    pub born_overdue: bool,
    /// Its flags.
    pub flags: Flags,
}

/// Which duty of a judge a verdict is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct DutyKey(VersionId, u32, RowId, Option<Date>);

impl Verdict {
    /// Which duty it is about; of the same judge only.
    #[must_use]
    pub const fn key(&self) -> DutyKey {
        DutyKey(self.version, self.subject, self.opener, self.day)
    }

    /// Whether the record of another verdict of the same judge says the same.
    #[must_use]
    pub fn says_the_same_as(&self, other: &Self) -> bool {
        self.key() == other.key()
            && self.outcome == other.outcome
            && self.holder == other.holder
            && self.inherited == other.inherited
            && self.opened_at == other.opened_at
            && self.counted_from == other.counted_from
            && self.opens_on == other.opens_on
            && self.due_on == other.due_on
            && self.act_by == other.act_by
            && self.due_at == other.due_at
            && self.closed_by == other.closed_by
            && self.closed_at == other.closed_at
            && self.superseded_by == other.superseded_by
            && self.breach == other.breach
            && self.known_since == other.known_since
            && self.born_overdue == other.born_overdue
            && self.flags == other.flags
    }

    /// Whether it is about one day of an `every` rule.
    #[must_use]
    pub const fn is_of_a_day(&self) -> bool {
        self.day.is_some()
    }

    /// The symbol of the subject.
    #[must_use]
    pub const fn subject(&self) -> u32 {
        self.subject
    }

    /// The symbol of the organisation that answers, if known.
    #[must_use]
    pub fn holder(&self) -> Option<u32> {
        (self.holder != crate::vocabulary::NONE).then_some(self.holder)
    }
}
