//! Judging: policy, calendar and facts in, duties out (spec 3).
//!
//! A [`History`] holds the facts in compact form; [`Judge`] looks at it at (as at, known at). Nothing here reads a
//! clock or does input or output, and the same input gives the same duties in the same order.

mod backlog;
pub mod backtest;
mod compiled;
mod course;
mod derivation;
mod duty;
mod duty_id;
mod explain;
mod fold;
mod history;
mod kept;
mod record;
mod sides;
mod standing;
mod state;
mod view;

pub use backlog::Case;
pub use compiled::evidence as evidence_of;
pub use course::{Course, Looked};
pub use derivation::Derivation;
pub use duty::{DutyKey, Flags, Outcome, Verdict};
pub use duty_id::DutyId;
pub use explain::{Explanation, Step, StepKind};
pub use history::{Added, Facts, History, Repeated, Row, RowId, Symbols};
pub use record::{DutyRecord, short_reference};
pub use standing::{Standing, StateChange};
pub use view::View;

use crate::calendar::{Announcement, Calendar};
use crate::policy::{Form, Policy, PolicyError, PolicyFiles, split_concatenation};
use crate::time::Instant;
use crate::vocabulary::NONE;
use compiled::Compiled;
use duty::{Duty, End};
use fold::Fold;
use hashbrown::HashMap;
use history::Waiver;
use view::{Context, Sight};

/// Which types of fact were ever recorded for a holder, as bits by fact type.
pub type Evidence = HashMap<u32, u128>;

/// A history looked at under a policy and a calendar at one moment.
#[derive(Debug)]
pub struct Judge<'a> {
    context: Context<'a>,
    view: View,
    sight: Sight,
    /// The calendar without what facts had published; none where that is not looked at.
    calendar_beside: Option<Calendar>,
    /// Sets of subjects that merges connect, and the set of each member.
    components: Vec<Vec<u32>>,
    component_of: HashMap<u32, usize>,
    /// Waivers by the set or the single subject that they are about.
    waivers: HashMap<u32, Vec<usize>>,
}

/// The policy in force by the facts at `known_at`, where one was adopted.
///
/// # Errors
/// [`PolicyError`] when the text that was adopted is no policy.
#[must_use]
pub fn adopted_policy(history: &History, known_at: Instant) -> Option<Result<Policy, PolicyError>> {
    adopted_files(history, known_at).map(|files| Policy::load(&files))
}

/// The files of that policy.
#[must_use]
pub fn adopted_files(history: &History, known_at: Instant) -> Option<PolicyFiles> {
    let nothing = Policy {
        rules: Vec::new(),
        interpretations: std::collections::BTreeMap::new(),
        symbols: Vec::new(),
        sha256: String::new(),
    };
    let context = Context::new(Compiled::new(&nothing, history), history, &Calendar::new(Vec::new()));
    let sight = Sight { as_at: known_at, known_at, until: u32::MAX, restored: NONE };
    let text = history.adopted(|row| context.is_known(row, sight))?;
    Some(split_concatenation(text))
}

impl<'a> Judge<'a> {
    /// Prepares to judge.
    #[must_use]
    pub fn new(policy: &'a Policy, calendar: &Calendar, history: &'a History, view: View) -> Self {
        let sight = view.into();
        let mut context = Context::new(Compiled::new(policy, history), history, calendar);
        context.add_published_holidays(sight);
        let components = view::components(history);
        let mut component_of = HashMap::new();
        for (at, members) in components.iter().enumerate() {
            component_of.extend(members.iter().map(|member| (*member, at)));
        }
        let mut waivers: HashMap<u32, Vec<usize>> = HashMap::new();
        for (at, waiver) in history.waivers.iter().enumerate() {
            waivers.entry(waiver.subject).or_default().push(at);
        }
        let calendar_beside = (!history.holidays.is_empty()).then(|| calendar.clone());
        Self { context, view, sight, calendar_beside, components, component_of, waivers }
    }

    /// The same under a calendar that takes the place of what facts had published.
    #[must_use]
    pub fn by_calendar_alone(
        policy: &'a Policy,
        calendar: &Calendar,
        history: &'a History,
        view: View,
    ) -> Self {
        let mut judge = Self::new(policy, calendar, history, view);
        judge.context.calendar = calendar.clone();
        judge.calendar_beside = None;
        judge
    }

    /// The same under the holidays that had been published by what was known at an earlier moment; none where they are the
    /// same then.
    fn of_then(&self, sight: Sight) -> Option<Self> {
        let (calendar, history) = (self.calendar_beside.as_ref()?, self.context.history);
        let differs = |(row, told): &(RowId, Vec<Announcement>)| {
            let [now, then] = [self.sight, sight].map(|sight| self.context.is_known(*row, sight));
            now != then && (then || told.iter().any(|one| one.published <= sight.known_at))
        };
        if !history.holidays.iter().any(differs) {
            return None;
        }
        let mut judge = Self::new(self.context.compiled.policy, calendar, history, self.view);
        judge.context.calendar = calendar.clone();
        judge.context.add_published_holidays(sight);
        Some(judge)
    }

    /// The units of judging: every subject, or every set of subjects that merges connect, once each.
    #[must_use]
    pub fn units(&self) -> Vec<u32> {
        let mut units: Vec<u32> = self
            .context
            .history
            .subjects()
            .filter(|subject| match self.component_of.get(subject) {
                None => true,
                Some(at) => self.components.get(*at).and_then(|set| set.first()) == Some(subject),
            })
            .collect();
        // A set whose first member has no fact of its own is still a unit.
        units.extend(self.components.iter().filter_map(|set| set.first()));
        units.sort_unstable();
        units.dedup();
        units
    }

    /// The units in the order in which their duties are put out.
    #[must_use]
    pub fn units_in_order(&self) -> Vec<u32> {
        let mut units: Vec<(&str, u32)> =
            self.units().into_iter().map(|unit| (self.name_of(unit), unit)).collect();
        units.sort_unstable();
        units.into_iter().map(|(_, unit)| unit).collect()
    }

    /// The full id of a subject.
    #[must_use]
    pub fn name_of(&self, subject: u32) -> &'a str {
        self.context.history.symbols.text(subject)
    }

    /// Whether a unit is one subject by itself.
    #[must_use]
    pub fn is_alone(&self, unit: u32) -> bool {
        !self.component_of.contains_key(&unit)
    }

    /// The members of a unit.
    fn members(&self, unit: u32) -> Vec<u32> {
        let set = self.component_of.get(&unit).and_then(|at| self.components.get(*at));
        set.cloned().unwrap_or_else(|| vec![unit])
    }

    /// Judges a unit: the duties of its subjects, annulled ones included. What was seen of evidence is added.
    pub fn judge_unit(&self, unit: u32, evidence: &mut Evidence) -> Vec<Verdict> {
        let mut verdicts = Vec::new();
        self.judge_unit_into(unit, evidence, &mut verdicts);
        verdicts
    }

    /// The same, with the verdicts added to others.
    pub fn judge_unit_into(&self, unit: u32, evidence: &mut Evidence, verdicts: &mut Vec<Verdict>) {
        let members = self.members(unit);
        self.fold_members(&members, self.sight, Changes::Dropped, |subject, _, fold| {
            for (holder, seen) in &fold.evidence {
                *evidence.entry(*holder).or_default() |= seen;
            }
            self.conclude(fold, subject, self.sight, verdicts);
        });
        self.add_annulled(&members, self.sight, verdicts);
    }

    fn judge_members(&self, members: &[u32], sight: Sight) -> Vec<Verdict> {
        let mut verdicts = Vec::new();
        self.fold_members(members, sight, Changes::Dropped, |subject, _, fold| {
            self.conclude(fold, subject, sight, &mut verdicts);
        });
        verdicts
    }

    /// Folds the subjects of a unit, one after another, and hands each fold on.
    fn fold_members(
        &self,
        members: &[u32],
        sight: Sight,
        changes: Changes,
        mut each: impl FnMut(u32, &[u32], &mut Fold<'_>),
    ) {
        for (subject, own) in self.survivors_of(members, sight) {
            if let Some((mut fold, _)) = self.fold(subject, &own, sight, changes) {
                each(subject, &own, &mut fold);
            }
        }
    }

    /// Each subject of a unit that counts, with those whose facts count as its own, itself included.
    fn survivors_of(&self, members: &[u32], sight: Sight) -> Vec<(u32, Vec<u32>)> {
        if let [only] = members {
            return vec![(*only, vec![*only])];
        }
        let survivors = self.context.survivors(members, sight);
        let survivor = |member: u32| survivors.get(&member).copied().unwrap_or(member);
        let standing = members.iter().copied().filter(|member| survivor(*member) == *member);
        standing
            .map(|subject| {
                (subject, members.iter().copied().filter(|member| survivor(*member) == subject).collect())
            })
            .collect()
    }

    /// Folds the facts of some members into one subject; answers with the rows folded, in order.
    fn fold(
        &self,
        subject: u32,
        own: &[u32],
        sight: Sight,
        changes: Changes,
    ) -> Option<(Fold<'_>, Vec<RowId>)> {
        let kind = self.context.history.kind_of(subject)?;
        let table = self.context.compiled.of_kind(kind)?;
        let history = self.context.history;
        let order = |row: &RowId| {
            let found = history.row(*row);
            (found.time, found.position)
        };
        for member in own {
            history.bring_in(history.rows_of(*member));
        }
        let rows = own.iter().flat_map(|member| history.rows_of(*member)).copied();
        let foreign = self.context.foreign_rows(subject, kind);
        let visible = rows.chain(foreign).filter(|row| self.context.is_visible(*row, sight));
        let mut placed: Vec<((Instant, u32), RowId)> = visible.map(|row| (order(&row), row)).collect();
        placed.sort_unstable();
        let rows: Vec<RowId> = placed.into_iter().map(|(_, row)| row).collect();
        history.bring_in_values(&rows);
        let mut waivers: Vec<&Waiver> = own
            .iter()
            .filter_map(|member| self.waivers.get(member))
            .flatten()
            .filter_map(|at| history.waivers.get(*at))
            .filter(|waiver| self.context.waives(waiver, sight))
            .collect();
        waivers.sort_by_key(|waiver| order(&waiver.row));
        let mut fold = Fold::new(&self.context, sight, kind, table, subject);
        fold.changes = (changes == Changes::Kept).then(Vec::new);
        fold.rests = (changes == Changes::Kept).then(derivation::Rests::default);
        fold.run(&rows, &waivers);
        Some((fold, rows))
    }

    /// Turns the duties of a fold into verdicts.
    fn conclude(&self, fold: &mut Fold<'_>, subject: u32, sight: Sight, verdicts: &mut Vec<Verdict>) {
        fold.finish();
        for at in 0..fold.duties.len() {
            let ended = fold.duties.get(at).and_then(|duty| duty.end);
            // An open duty follows every publication known; an ended one those before its end.
            fold.settle(at, ended.map_or(Instant::MAX, |end| end.at));
        }
        for duty in &fold.duties {
            verdicts.push(self.verdict(fold, duty, subject, sight));
        }
    }

    fn verdict(&self, fold: &Fold<'_>, duty: &Duty, subject: u32, sight: Sight) -> Verdict {
        let superseded_by =
            duty.superseded_by.and_then(|at| fold.duties.get(at)).map(|new| (new.version, new.opener));
        let compiled = &self.context.compiled;
        let form = compiled.version(duty.version).version.form;
        let outcome = match duty.end {
            Some(End { outcome, .. }) => outcome,
            None if duty.due.passed_by(sight.as_at) => Outcome::Overdue,
            None => Outcome::Pending,
        };
        let known_since = duty
            .due_rests_on
            .map_or(duty.known_since, |row| duty.known_since.max(self.context.history.row(row).recorded));
        let could_be_born_overdue = outcome.is_missed() || outcome == Outcome::Pending;
        let closed_at = duty.end.map(|end| end.at);
        let holder = fold.holder_of(duty);
        let frozen_at = [closed_at, duty.due.at, duty.frozen.then(|| plus_one(duty.opened_at))];
        let act_by_at = frozen_at.into_iter().flatten().min().unwrap_or(Instant::MAX);
        Verdict {
            version: duty.version,
            subject,
            opener: duty.opener,
            entry: duty.entry,
            day: duty.day,
            superseded_by,
            closed_by: duty.end.and_then(|end| end.by),
            holder,
            calendar_at: duty.working.map_or(duty.opened_at, |(_, _, looked)| looked),
            moves: duty.moves.clone(),
            rests_on: duty.due_rests_on,
            opened_at: duty.opened_at,
            counted_from: duty.counted_from,
            opens_on: duty.opens_on,
            due_on: duty.due.on,
            act_by: duty.due.on.map(|due| fold.calendar_before(act_by_at).last_working_day_to(due)),
            due_at: duty.due.at,
            outcome,
            closed_at,
            inherited: holder != NONE && duty.holder_at_opening != NONE && holder != duty.holder_at_opening,
            breach: outcome.is_missed() && compiled.is_policy(duty.version),
            known_since,
            born_overdue: form != Form::Prior && could_be_born_overdue && duty.due.passed_by(known_since),
            flags: duty.flags,
        }
    }

    /// Lists the duties whose opening fact was annulled, as judged just before the annulment was recorded.
    fn add_annulled(&self, members: &[u32], sight: Sight, verdicts: &mut Vec<Verdict>) {
        for (row, annulment) in self.annulled(&self.rows_read(members), sight) {
            let before = self.just_before(row, annulment, sight);
            let of_then = self.of_then(before);
            let then = of_then.as_ref().unwrap_or(self).judge_members(members, before);
            verdicts.extend(self.as_annulled(then, row, annulment));
        }
    }

    /// Those of some facts that are annulled and were known before, each with the annulment that counts.
    fn annulled(&self, rows: &[RowId], sight: Sight) -> Vec<(RowId, RowId)> {
        let history = self.context.history;
        let mut annulled: Vec<(RowId, RowId)> = rows
            .iter()
            .filter(|row| self.context.is_ever_annulled(**row))
            .filter_map(|row| Some((*row, self.context.earliest_annulment(*row, sight)?)))
            .filter(|(row, annulment)| {
                let found = history.row(*row);
                found.time <= sight.as_at && found.recorded < history.row(*annulment).recorded
            })
            .collect();
        annulled.sort_unstable();
        annulled
    }

    /// The rows of a unit and those of other subjects that it reads.
    fn rows_read(&self, members: &[u32]) -> Vec<RowId> {
        let history = self.context.history;
        let mut rows: Vec<RowId> =
            members.iter().flat_map(|member| history.rows_of(*member)).copied().collect();
        for member in members {
            if let Some(kind) = history.kind_of(*member) {
                rows.extend(self.context.foreign_rows(*member, kind));
            }
        }
        rows
    }

    /// The view just before an annulment of a fact was recorded, with the fact: another annulment, since annulled itself,
    /// may have been in force then.
    fn just_before(&self, annulled: RowId, annulment: RowId, sight: Sight) -> Sight {
        let known_at = self.context.history.row(annulment).recorded.just_before();
        Sight { known_at, until: u32::MAX, restored: annulled, ..sight }
    }

    /// The duties that an annulled fact opened, of those judged just before it was annulled.
    fn as_annulled(
        &self,
        then: Vec<Verdict>,
        row: RowId,
        annulment: RowId,
    ) -> impl Iterator<Item = Verdict> + '_ {
        let found = *self.context.history.row(annulment);
        then.into_iter()
            .filter(move |v| v.opener == row && v.day.is_none_or(|day| day.start() < found.recorded))
            .map(move |verdict| Verdict {
                outcome: Outcome::Annulled,
                closed_by: Some(annulment),
                closed_at: Some(found.time.max(verdict.opened_at)),
                breach: false,
                born_overdue: false,
                ..verdict
            })
    }

    /// Flags the missed duties of holders for whom no fact that could end them was ever recorded.
    pub fn flag_not_evidenced(&self, verdicts: &mut [Verdict], evidence: &Evidence) {
        for verdict in verdicts {
            let missed = matches!(verdict.outcome, Outcome::Overdue | Outcome::Lapsed);
            if !missed || verdict.holder == NONE {
                continue;
            }
            let wanted = self.context.compiled.version(verdict.version).evidence;
            let seen = evidence.get(&verdict.holder).copied().unwrap_or(0);
            verdict.flags.put(Flags::NOT_EVIDENCED, seen & wanted == 0);
        }
    }

    /// Judges everything on one thread: the duties by subject, rule, opening time and id.
    #[must_use]
    pub fn judge_all(&self) -> Vec<Verdict> {
        let mut evidence = Evidence::new();
        let mut all: Vec<Verdict> =
            self.units().into_iter().flat_map(|unit| self.judge_unit(unit, &mut evidence)).collect();
        self.flag_not_evidenced(&mut all, &evidence);
        self.sort(&mut all);
        all
    }

    /// Puts verdicts in the order of output: subject, rule as text, opening time, duty id.
    pub fn sort(&self, verdicts: &mut [Verdict]) {
        let history = self.context.history;
        let rule = |verdict: &Verdict| self.context.compiled.rank(verdict.version);
        verdicts.sort_unstable_by(|a, b| {
            let subjects = || history.symbols.text(a.subject).cmp(history.symbols.text(b.subject));
            let by_subject = if a.subject == b.subject { std::cmp::Ordering::Equal } else { subjects() };
            by_subject
                .then_with(|| rule(a).cmp(&rule(b)))
                .then_with(|| a.opened_at.cmp(&b.opened_at))
                .then_with(|| self.duty_id(a).cmp(&self.duty_id(b)))
        });
    }
}

/// Whether changes of the state, and what openings rest on, are kept while folding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Changes {
    Kept,
    Dropped,
}

const fn plus_one(instant: Instant) -> Instant {
    Instant::from_nanos(instant.nanos().saturating_add(1))
}
