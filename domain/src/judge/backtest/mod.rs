//! Backtest: what a draft policy or calendar would have changed over a whole history (spec 1, point 3).
//!
//! Facts are gathered once. Of the rules only those are judged, under both, that the draft can judge otherwise, and of the
//! subjects only those for whom one of these can open: the rest is the same in both by construction.

mod report;
mod scope;

use std::collections::BTreeMap;

pub use report::{CaseRecord, Line, Numbers, Report, SideRecord, Summary};
pub use scope::{Holidays, Scope};

use super::{Evidence, History, Judge, Outcome, RowId, Verdict, View};
use crate::calendar::Calendar;
use crate::policy::Policy;
use crate::time::{Date, Instant};
use crate::vocabulary::NONE;
use scope::Openers;

/// The days on which the deadlines lie that are compared, both included; all where there is none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Period {
    /// The first day.
    pub from: Option<Date>,
    /// The last day.
    pub to: Option<Date>,
}

impl Period {
    fn holds(self, due_on: Option<Date>) -> bool {
        self == Self::default()
            || due_on.is_some_and(|due_on| {
                self.from.is_none_or(|from| from <= due_on) && self.to.is_none_or(|to| due_on <= to)
            })
    }
}

/// A policy with its calendar and what else the draft is compared by.
#[derive(Debug, Clone, Copy)]
pub struct Compared<'a> {
    /// The policy in force.
    pub adopted: &'a Policy,
    /// The calendar in force; what facts have published comes on top.
    pub calendar: &'a Calendar,
    /// The draft.
    pub draft: &'a Policy,
    /// The draft's calendar, where it has one of its own: it takes the place of what facts have published as well.
    pub draft_calendar: Option<&'a Calendar>,
}

/// The policies of a comparison, each with the rules alone that may be judged otherwise.
#[derive(Debug)]
pub struct Narrowed {
    scope: Scope,
    adopted: Policy,
    draft: Policy,
}

impl Narrowed {
    /// Leaves out of both what cannot differ.
    #[must_use]
    pub fn of(compared: &Compared<'_>) -> Self {
        let holidays = if compared.draft_calendar.is_some() { Holidays::Others } else { Holidays::Same };
        let scope = Scope::of(compared.adopted, compared.draft, holidays);
        let (adopted, draft) = (scope.of_policy(compared.adopted), scope.of_policy(compared.draft));
        Self { scope, adopted, draft }
    }

    /// The rules that may be judged otherwise.
    #[must_use]
    pub const fn scope(&self) -> &Scope {
        &self.scope
    }
}

/// A history under two policies.
#[derive(Debug)]
pub struct Backtest<'a> {
    compared: Compared<'a>,
    scope: &'a Scope,
    judges: [Judge<'a>; 2],
    openers: [Openers; 2],
    /// For each judge, the place in the scope of each rule of its policy.
    places: [Vec<u16>; 2],
    period: Period,
}

/// A duty under one of the policies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Side {
    outcome: Outcome,
    due_on: Option<Date>,
    due_at: Option<Instant>,
    closed_by: RowId,
    closed_at: Option<Instant>,
    holder: u32,
}

/// A duty that the two policies do not judge alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Case {
    rule: u16,
    subject: u32,
    opener: RowId,
    day: Option<Date>,
    opened_at: Instant,
    /// In the order adopted, draft.
    sides: [Option<Side>; 2],
}

/// What differs in a case: of the duty itself, and of whether its deadline was missed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Differs {
    /// It opens under the draft alone.
    Appears,
    /// It opens under the adopted policy alone.
    Vanishes,
    /// It opens under both and is due at another moment.
    Moves,
    /// It is due at the same moment and ends otherwise.
    Ends,
}

impl Differs {
    /// Its name in files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Appears => "appears",
            Self::Vanishes => "vanishes",
            Self::Moves => "moves",
            Self::Ends => "ends_otherwise",
        }
    }
}

impl Case {
    fn holder(&self) -> u32 {
        let [adopted, draft] = self.sides;
        draft.or(adopted).map_or(NONE, |side| side.holder)
    }

    /// What differs of the duty.
    #[must_use]
    pub fn differs(&self) -> Differs {
        match self.sides {
            [None, _] => Differs::Appears,
            [_, None] => Differs::Vanishes,
            [Some(adopted), Some(draft)] if adopted.due_at != draft.due_at => Differs::Moves,
            [Some(_), Some(_)] => Differs::Ends,
        }
    }

    /// Whether a missed deadline appears under the draft, or vanishes.
    #[must_use]
    pub fn missed(&self) -> Option<Differs> {
        match self.sides.map(|side| side.is_some_and(|side| side.outcome.is_missed())) {
            [false, true] => Some(Differs::Appears),
            [true, false] => Some(Differs::Vanishes),
            [true, true] | [false, false] => None,
        }
    }
}

/// The numbers of one rule and one holder.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Duties under the adopted policy and under the draft.
    pub duties: [u64; 2],
    /// Of these, those whose deadline was missed.
    pub missed: [u64; 2],
    /// Duties that open under the draft alone.
    pub appear: u64,
    /// Duties that open under the adopted policy alone.
    pub vanish: u64,
    /// Duties that are due at another moment.
    pub move_: u64,
    /// Duties that end otherwise although due at the same moment.
    pub end_otherwise: u64,
    /// Missed deadlines that the draft adds.
    pub missed_appear: u64,
    /// Missed deadlines that the draft takes away.
    pub missed_vanish: u64,
}

impl Tally {
    fn add(&mut self, other: &Self) {
        for (own, other) in self.duties.iter_mut().zip(other.duties) {
            *own += other;
        }
        for (own, other) in self.missed.iter_mut().zip(other.missed) {
            *own += other;
        }
        self.appear += other.appear;
        self.vanish += other.vanish;
        self.move_ += other.move_;
        self.end_otherwise += other.end_otherwise;
        self.missed_appear += other.missed_appear;
        self.missed_vanish += other.missed_vanish;
    }

    fn count_case(&mut self, case: &Case) {
        match case.differs() {
            Differs::Appears => self.appear += 1,
            Differs::Vanishes => self.vanish += 1,
            Differs::Moves => self.move_ += 1,
            Differs::Ends => self.end_otherwise += 1,
        }
        match case.missed() {
            Some(Differs::Appears) => self.missed_appear += 1,
            Some(Differs::Vanishes) => self.missed_vanish += 1,
            Some(Differs::Moves | Differs::Ends) | None => {}
        }
    }
}

/// What was found of some subjects; parts add up in any order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Part {
    tallies: BTreeMap<(u16, u32), Tally>,
    cases: Vec<Case>,
    units: u64,
}

impl Part {
    /// Adds what was found of other subjects.
    pub fn add(&mut self, other: Self) {
        for (key, tally) in &other.tallies {
            self.tallies.entry(*key).or_default().add(tally);
        }
        self.cases.extend(other.cases);
        self.units += other.units;
    }
}

/// Which duty a verdict is about, by what both judges have in common.
type Key = (u16, u32, RowId, Option<Date>);

impl<'a> Backtest<'a> {
    /// Prepares to compare.
    #[must_use]
    pub fn new(
        compared: Compared<'a>,
        narrowed: &'a Narrowed,
        history: &'a History,
        view: View,
        period: Period,
    ) -> Self {
        let adopted = Judge::new(&narrowed.adopted, compared.calendar, history, view);
        let draft = match compared.draft_calendar {
            None => Judge::new(&narrowed.draft, compared.calendar, history, view),
            Some(calendar) => Judge::by_calendar_alone(&narrowed.draft, calendar, history, view),
        };
        let judges = [adopted, draft];
        let scope = &narrowed.scope;
        let place = |rule: &crate::policy::Rule| {
            let at = scope.affected.iter().position(|id| *id == rule.id);
            at.and_then(|at| u16::try_from(at).ok()).unwrap_or(u16::MAX)
        };
        let places =
            [&narrowed.adopted, &narrowed.draft].map(|policy| policy.rules.iter().map(place).collect());
        let openers = [0, 1].map(|at: usize| {
            let judge = if at == 0 { &judges[0] } else { &judges[1] };
            Openers::of(&judge.context.compiled)
        });
        Self { compared, scope, judges, openers, places, period }
    }

    /// The subjects, or sets of merged ones, for whom a rule in scope may open.
    #[must_use]
    pub fn units(&self) -> Vec<u32> {
        self.units_but(&|_| false)
    }

    /// The same without those of whom one is hidden.
    #[must_use]
    pub fn units_but(&self, hidden: &dyn Fn(&str) -> bool) -> Vec<u32> {
        let [adopted, _] = &self.judges;
        let history = adopted.context.history;
        let mut units = adopted.units();
        units.retain(|unit| {
            let members = adopted.members(*unit);
            !members.iter().any(|member| hidden(history.symbols.text(*member)))
                && self.openers.iter().any(|openers| openers.may_open(history, &members))
        });
        units
    }

    /// Compares some subjects.
    #[must_use]
    pub fn compare(&self, units: &[u32]) -> Part {
        let mut part = Part::default();
        for unit in units {
            part.units += 1;
            self.compare_unit(*unit, &mut part);
        }
        part
    }

    fn compare_unit(&self, unit: u32, part: &mut Part) {
        let mut found: BTreeMap<Key, (Instant, [Option<Side>; 2])> = BTreeMap::new();
        for (at, (judge, places)) in self.judges.iter().zip(&self.places).enumerate() {
            for verdict in judge.judge_unit(unit, &mut Evidence::new()) {
                // What was stated in error is judged by nobody.
                if verdict.outcome == Outcome::Annulled {
                    continue;
                }
                let rule = judge.context.compiled.version(verdict.version).rule;
                let rule = places.get(rule).copied().unwrap_or(u16::MAX);
                let key = (rule, verdict.subject, verdict.opener, verdict.day);
                let (_, sides) = found.entry(key).or_insert((verdict.opened_at, [None, None]));
                if let Some(side) = sides.get_mut(at) {
                    *side = Some(Side::of(&verdict));
                }
            }
        }
        for ((rule, subject, opener, day), (opened_at, sides)) in found {
            if !sides.iter().flatten().any(|side| self.period.holds(side.due_on)) {
                continue;
            }
            let case = Case { rule, subject, opener, day, opened_at, sides };
            for (at, side) in sides.iter().enumerate() {
                let Some(side) = side else { continue };
                let tally = part.tallies.entry((rule, side.holder)).or_default();
                if let (Some(duties), Some(missed)) = (tally.duties.get_mut(at), tally.missed.get_mut(at)) {
                    *duties += 1;
                    *missed += u64::from(side.outcome.is_missed());
                }
            }
            let [adopted, draft] = sides;
            if adopted != draft {
                part.tallies.entry((rule, case.holder())).or_default().count_case(&case);
                part.cases.push(case);
            }
        }
    }

    /// Compares everything on one thread.
    #[must_use]
    pub fn run(&self) -> Part {
        self.compare(&self.units())
    }
}

impl Side {
    fn of(verdict: &Verdict) -> Self {
        Self {
            outcome: verdict.outcome,
            due_on: verdict.due_on,
            due_at: verdict.due_at,
            closed_by: verdict.closed_by.unwrap_or(NONE),
            closed_at: verdict.closed_at,
            holder: verdict.holder,
        }
    }
}
