//! Where what was found as at and as known at one and the same moment does not tell what stood when the two differ.
//!
//! What a unit is, is found at each moment t as at t and as known at t. A fact that occurred after all others of its
//! unit and was recorded later makes what is found then stand from its own time on, for whoever knows of it: for such
//! histories the versions of a duty tell what it was at any (as at, known at). All else bends them: a fact told after a
//! later one, several at once, an annulment, facts of others, and what the clock brings beside a due moment. Each bend is
//! the part of the plane where the versions may be wrong: as at `as_from` or later, as known at `known_from` or later, but
//! not both at `at` or later. There the unit is judged when it is asked about.
//!
//! More bends than needed are no mistake, only slower; which there are may depend on how the log was followed.

use mandate_domain::catalogue::FactType;
use mandate_domain::judge::{History, RowId};
use mandate_domain::time::Instant;

/// What makes a bend.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Fact,
    Clock,
    /// Subjects are merged, or duties waived: wherever the two moments differ, but nowhere else.
    Beside,
}

impl Kind {
    /// The number that stands in the table.
    pub const fn number(self) -> i64 {
        match self {
            Self::Fact => 0,
            Self::Clock => 1,
            Self::Beside => 2,
        }
    }

    pub const fn of_number(number: i64) -> Self {
        match number {
            0 => Self::Fact,
            1 => Self::Clock,
            _ => Self::Beside,
        }
    }
}

/// A part of the plane of (as at, known at) in which a unit is judged anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Bend {
    /// Where both are from here on, the versions are right.
    pub at: Instant,
    pub kind: Kind,
    pub as_from: Instant,
    pub known_from: Instant,
}

impl Bend {
    /// Where the two moments differ: of merged subjects and of those with waivers.
    pub const BESIDE: Self =
        Self { at: Instant::MAX, kind: Kind::Beside, as_from: Instant::MIN, known_from: Instant::MIN };

    /// Where, after the last moment that was followed, the clock may bring what the versions do not tell.
    pub const fn ahead(as_from: Instant, known_from: Instant) -> Self {
        Self { at: Instant::MAX, kind: Kind::Clock, as_from, known_from }
    }
}

/// The bends of a unit on its way.
#[derive(Debug)]
pub(crate) struct Bends {
    pub found: Vec<Bend>,
    /// From when on the clock will bring something, and since which moment that is known.
    ahead: Option<(Instant, Instant)>,
    /// The latest time of a fact that was taken in, with its position, or from which a version stands.
    latest: (Instant, u32),
    /// When the last fact came to be known.
    known_at: Instant,
    /// The earliest moment that the facts of this moment make a difference to; none where there are none.
    low: Option<Instant>,
    /// Whether all that they bring stands from their own time on.
    is_straight: bool,
    /// The time of what each subject was told of itself at this moment.
    own: Vec<(u32, Own)>,
}

impl Bends {
    /// Goes on where a unit was left; versions of its duties stand from up to `latest` on.
    pub fn new(left: &[Bend], from: Instant, latest: Instant) -> Self {
        let was_ahead = |bend: &&Bend| bend.kind == Kind::Clock && bend.known_from < from;
        let ahead = left.iter().find(was_ahead).map(|bend| (bend.as_from, bend.known_from));
        Self {
            found: Vec::new(),
            ahead,
            latest: (latest, 0),
            known_at: Instant::MIN,
            low: None,
            is_straight: true,
            own: Vec::new(),
        }
    }

    /// Takes in facts that were there before.
    pub fn take_earlier(&mut self, history: &History, facts: &[(Instant, u32)]) {
        for (known_at, position) in facts {
            self.known_at = self.known_at.max(*known_at);
            let time = history.at(*position).map(|row| history.row(row).time);
            self.latest = self.latest.max((time.unwrap_or(Instant::MIN), *position));
        }
    }

    /// Takes in the facts that came at a moment, some of the subject itself.
    pub fn take(
        &mut self,
        history: &History,
        subject: u32,
        facts: impl Iterator<Item = (Instant, u32)>,
        at: Instant,
    ) {
        self.low = None;
        self.own.clear();
        let mut is_straight = true;
        let mut latest = self.latest;
        for (known_at, position) in facts {
            self.known_at = self.known_at.max(known_at);
            let Some(row) = history.at(position) else {
                (self.low, is_straight) = (Some(Instant::MIN), false);
                continue;
            };
            let found = history.row(row);
            let is_plain = is_plain(history, row);
            self.note_own(found.subject, is_plain.then_some(found.time).filter(|time| *time <= at));
            let Some(from) = history.makes_a_difference_from(row) else { continue };
            is_straight &= is_plain
                && found.subject == subject
                && (found.time, position) >= self.latest
                && found.time <= at;
            self.low = Some(self.low.map_or(from, |low| low.min(from)));
            latest = latest.max((found.time, position));
        }
        self.latest = latest;
        is_straight &= matches!(self.own.as_slice(), [(_, Own::At(_))]);
        self.is_straight = is_straight;
        if let Some(low) = self.low.filter(|_| !is_straight) {
            self.add(low, at, at);
        }
    }

    /// Notes that versions stand from a moment on: a fact of an earlier time that is told later bends them.
    pub fn stand_from(&mut self, at: Instant) {
        self.latest = self.latest.max((at, 0));
    }

    fn note_own(&mut self, subject: u32, time: Option<Instant>) {
        let new = time.map_or(Own::Several, Own::At);
        match self.own.iter_mut().find(|(known, _)| *known == subject) {
            None => self.own.push((subject, new)),
            Some((_, known)) if *known != new => *known = Own::Several,
            Some(_) => {}
        }
    }

    /// From when on the versions of a subject's duties stand that a moment brings: from the time of what it was told of
    /// itself, if that has one and the same, else from that moment.
    pub fn stands_from(&self, subject: u32, at: Instant) -> Instant {
        let own = self.own.iter().find(|(known, _)| *known == subject);
        match own {
            Some((_, Own::At(time))) => *time,
            Some((_, Own::Several)) | None => at,
        }
    }

    /// Notes that versions stand from a moment on only, though the facts of this moment make a difference before it.
    pub fn bend(&mut self, at: Instant) {
        if let Some(low) = self.low {
            self.add(low, at, at);
        }
    }

    /// Adds a bend, if it is one.
    pub fn add(&mut self, as_from: Instant, known_from: Instant, at: Instant) {
        if as_from < at || known_from < at {
            self.found.push(Bend { at, kind: Kind::Fact, as_from, known_from });
        }
    }

    /// Ends a moment: whether duties changed at it, and when the clock will bring something of which they do not tell.
    pub fn end(&mut self, at: Instant, changed: bool, ahead: Option<Instant>) {
        let by_clock = self.low.is_none();
        if changed && !by_clock && !self.is_straight {
            self.stand_from(at);
        }
        if by_clock && !changed && self.ahead.map(|(next, _)| next) == ahead {
            return;
        }
        if by_clock && changed {
            self.stand_from(at);
            if self.ahead.is_none_or(|(next, _)| next > at) {
                self.add(at, self.known_at, at);
            }
        }
        if let Some((as_from, known_from)) = self.ahead.filter(|(_, known_from)| *known_from < at) {
            self.found.push(Bend { at, kind: Kind::Clock, as_from, known_from });
        }
        self.ahead = ahead.map(|next| (next, at));
    }

    /// The latest time of a fact that was taken in, or from which a version stands.
    pub const fn latest(&self) -> Instant {
        self.latest.0
    }

    /// All that was found, with what lies ahead; of one that is not plain the versions tell nothing beside the diagonal.
    pub fn finish(self, is_plain: bool) -> Vec<Bend> {
        let ahead = self.ahead.map(|(as_from, known_from)| Bend::ahead(as_from, known_from));
        let mut found = self.found;
        found.extend(ahead);
        found.extend((!is_plain).then_some(Bend::BESIDE));
        found.sort_unstable();
        found.dedup();
        found
    }
}

/// When that occurred of which a subject was told at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Own {
    At(Instant),
    /// At several times, or it is nothing that just counts from its time on.
    Several,
}

/// Whether a fact counts from its own time on and changes nothing that was before it.
fn is_plain(history: &History, row: RowId) -> bool {
    !matches!(history.row(row).kind, FactType::FactAnnulled | FactType::NominalMerged | FactType::DutyWaived)
}
