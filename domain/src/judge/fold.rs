//! Folding the facts of one subject into its duties: the four forms of 3.3 and the outcomes of 3.4.

mod days;

use super::backlog::{COVERING, Case, note_cases};
use super::compiled::{ByKind, Part, Ready, VersionId, data_passes, entry_of, sets_state};
use super::duty::{DueDate, Duty, End, Flags, Key, Move, Outcome};
use super::history::{History, Row, RowId, Waiver};
use super::state::{Awaited, State, answered_users};
use super::view::{Context, Sight};
use crate::calendar::{CalendarView, WorkingDay};
use crate::catalogue::{FactType, Field, SubjectKind};
use crate::policy::{By, Condition, CountedFrom, Due, Entry, Form, Holder, MATCHED, Version};
use crate::time::{Date, Instant};
use crate::vocabulary::{NONE, StateField};

/// Match fields that name the act itself: the same value again is the same act told twice.
const ACT_IDS: &[Field] = &[
    Field::Meeting,
    Field::Assessment,
    Field::Request,
    Field::Contact,
    Field::Report,
    Field::Review,
    Field::Item,
    Field::Spell,
];

/// What a `while` or `every` version was last seen to be.
#[derive(Debug, Clone, Copy)]
struct Track {
    holds: bool,
    guard: bool,
    until: bool,
    /// The fact that last made `until` true.
    until_by: RowId,
    /// The fact that last made `while` true, and its place in the fold.
    since: (RowId, u32),
}

const UNTRACKED: Track = Track { holds: false, guard: false, until: false, until_by: NONE, since: (NONE, 0) };

/// A fact that plays a part for a version.
#[derive(Debug, Clone, Copy)]
struct Mark {
    version: VersionId,
    part: Part,
    index: usize,
    row: RowId,
    seq: u32,
}

/// An opening of a rule, for acts told twice and for how far `early` looks back.
#[derive(Debug, Clone, Copy)]
struct Opening {
    rule: usize,
    key: Option<Key>,
    seq: u32,
}

/// Whether duties may open while conditions are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Openings {
    Allowed,
    Refused,
}

#[derive(Clone)]
pub(super) struct Fold<'a> {
    cx: &'a Context<'a>,
    history: &'a History,
    pub(super) view: Sight,
    table: &'a ByKind,
    pub(super) kind: SubjectKind,
    subject: u32,
    pub(super) state: State,
    before: [u32; crate::vocabulary::FIELDS],
    tracks: Vec<Track>,
    waivers: Vec<&'a Waiver>,
    marks: Vec<Mark>,
    openings: Vec<Opening>,
    pub(super) duties: Vec<Duty>,
    /// Duties that were made or may have been changed since this was emptied last; some more than once.
    pub(super) touched: Vec<usize>,
    /// What the days of a running `every` period have in common, by version and opening fact.
    patterns: Vec<Duty>,
    open: Vec<usize>,
    /// The area of a nominal or the organisation of a user, from each change on.
    pub(super) holders: Vec<(Instant, u32)>,
    /// Deregistrations left out.
    pub(super) dropped: Vec<RowId>,
    /// The areas whose programmes were asked about, where that is noted.
    pub(super) asked_areas: std::cell::RefCell<Vec<u32>>,
    /// The prisons whose checks of the to-do list were looked at, and of which time.
    pub(super) asked_checks: std::cell::RefCell<Vec<(u32, Instant, Instant)>>,
    seq: u32,
    /// The word in force for the reason of the present reception.
    reason: Option<&'static str>,
    /// When a programme covered the nominal.
    pub(super) cases: Vec<Case>,
    /// The types of fact seen, by the holder at their time.
    pub(super) evidence: Vec<(u32, u128)>,
    /// Changes of the state, where they are asked for.
    pub(super) changes: Option<Vec<Changed>>,
    /// What openings rest on, where that is asked for.
    pub(super) rests: Option<super::derivation::Rests>,
}

/// A change of a field of the state by a fact.
#[derive(Debug, Clone, Copy)]
pub(super) struct Changed {
    pub row: RowId,
    pub field: StateField,
    pub before: u32,
    pub after: u32,
}

/// Deregistrations left out because a registration follows with the same or the next effective date.
pub(super) fn deregistrations_that_were_changes(history: &History, rows: &[RowId]) -> Vec<RowId> {
    let kind = |row: &RowId| history.row(*row).kind;
    let mut dropped = Vec::new();
    for (at, row) in rows.iter().enumerate() {
        if kind(row) != FactType::MappaDeregistered {
            continue;
        }
        let ended = history.row(*row).on;
        let again = rows.iter().skip(at + 1).any(|later| {
            let on = history.row(*later).on;
            kind(later) == FactType::MappaRegistered && (on == ended || on == ended.next())
        });
        if again {
            dropped.push(*row);
        }
    }
    dropped
}

impl<'a> Fold<'a> {
    pub fn new(cx: &'a Context<'a>, view: Sight, kind: SubjectKind, table: &'a ByKind, subject: u32) -> Self {
        let mut fold = Self {
            cx,
            history: cx.history,
            view,
            table,
            kind,
            subject,
            state: State::new(),
            before: [0; crate::vocabulary::FIELDS],
            tracks: vec![UNTRACKED; cx.compiled.versions.len()],
            waivers: Vec::new(),
            marks: Vec::new(),
            openings: Vec::new(),
            duties: Vec::new(),
            touched: Vec::new(),
            patterns: Vec::new(),
            open: Vec::new(),
            holders: Vec::new(),
            dropped: Vec::new(),
            asked_areas: std::cell::RefCell::default(),
            asked_checks: std::cell::RefCell::default(),
            seq: 0,
            reason: None,
            cases: Vec::new(),
            evidence: Vec::new(),
            changes: None,
            rests: None,
        };
        // Conditions that hold before any fact never turn: note them as holding.
        for id in table.whiles.iter().chain(&table.everys) {
            let version = &cx.compiled.version(*id).version;
            let holds = version.holds.holds(&fold.state.values);
            let until = version.until.as_ref().is_some_and(|until| until.holds(&fold.state.values));
            if let Some(track) = fold.tracks.get_mut(usize::from(*id)) {
                *track = Track { holds, until, ..UNTRACKED };
            }
        }
        fold
    }

    /// Folds the rows, which are visible and in the order (time, position), and the waivers of the subject.
    pub fn run(&mut self, rows: &[RowId], waivers: &[&'a Waiver]) {
        self.waivers = waivers.to_vec();
        self.dropped = deregistrations_that_were_changes(self.history, rows);
        let mut waivers = waivers.iter().peekable();
        for row in rows {
            let found = self.history.row(*row);
            while let Some(waiver) = waivers.next_if(|waiver| {
                let own = self.history.row(waiver.row);
                (own.time, own.position) < (found.time, found.position)
            }) {
                self.waive(waiver);
            }
            self.step_unless_dropped(*row);
        }
        for waiver in waivers {
            self.waive(waiver);
        }
    }

    /// How many rows were folded.
    pub const fn folded(&self) -> usize {
        self.seq as usize
    }

    /// Folds a row that comes after those folded.
    pub fn step_unless_dropped(&mut self, row: RowId) {
        if !self.dropped.contains(&row) {
            self.step(row);
        }
        self.seq += 1;
    }

    /// Whether waivers or days that run make the end of the fold more than the duties it holds.
    pub fn has_more_at_its_end(&self) -> bool {
        !self.waivers.is_empty() || self.runs_daily()
    }

    /// Duties that are open.
    pub fn open(&self) -> &[usize] {
        &self.open
    }

    /// A duty as it stands at the view: one in working days brought up to what was published.
    pub fn as_it_stands(&self, at: usize) -> Option<std::borrow::Cow<'_, Duty>> {
        let duty = self.duties.get(at)?;
        let (known_at, open) = (self.view.known_at, !duty.frozen && duty.end.is_none());
        let moved = |looked| self.cx.calendar.published_between(looked, known_at).next().is_some();
        if !duty.working.is_some_and(|(_, _, looked)| open && moved(looked)) {
            return Some(std::borrow::Cow::Borrowed(duty));
        }
        let mut own = duty.clone();
        settle(self.cx, known_at, &mut own, Instant::MAX);
        Some(std::borrow::Cow::Owned(own))
    }

    /// Ends the periods of `every` rules that still run, and applies the waivers of their days.
    pub fn finish(&mut self) {
        for id in self.table.everys.clone() {
            let track = *self.track(id);
            if track.holds && track.since.0 != NONE {
                self.open_days(id, track.since, None);
            }
        }
        for waiver in std::mem::take(&mut self.waivers) {
            self.waive_day(waiver);
        }
    }

    #[expect(clippy::indexing_slicing, reason = "the table has a place for every version")]
    fn track(&mut self, id: VersionId) -> &mut Track {
        &mut self.tracks[usize::from(id)]
    }

    #[expect(clippy::indexing_slicing, reason = "duty numbers come from this fold alone")]
    fn duty(&mut self, at: usize) -> &mut Duty {
        self.touched.push(at);
        &mut self.duties[at]
    }

    fn ready(&self, id: VersionId) -> &'a Ready {
        self.cx.compiled.version(id)
    }

    fn step(&mut self, row: RowId) {
        let found = *self.history.row(row);
        self.reason = None;
        // Facts of other subjects are read of users and organisations alone, and none of those is ever merged.
        if self.kind != SubjectKind::Nominal && found.subject != self.subject {
            self.step_foreign(row, &found);
            return;
        }
        match found.kind {
            FactType::CustodyReceived => {
                if self.state.is_repeated_reception(self.history, row) {
                    return;
                }
                let told = self.history.text(row, Field::Reason);
                let mut reason = if told == "admission" { "admission" } else { "transfer" };
                if let Some(prison) = self.state.left_by_reception(self.history, row) {
                    self.leave_untold(row, prison);
                } else if told == "return" {
                    reason = "return";
                }
                self.reason = Some(reason);
            }
            FactType::CustodyLeft if self.history.text(row, Field::Reason) == "temporary" => {
                self.reason = Some("temporary");
            }
            _ => {}
        }
        self.before = self.state.values;
        let effect = self.state.apply(self.history, row, self.reason);
        self.note_changes(row, effect.changed);
        self.note_holder(effect.changed, found.time);
        if self.kind == SubjectKind::Nominal && effect.changed & COVERING != 0 {
            note_cases(&mut self.cases, &self.state, found.time);
        }
        self.note_evidence(row, &found);
        // What states that which already holds, or is of another registration, ends nothing either.
        let closes = if effect.opens { self.play_parts(row, &found) } else { Vec::new() };
        if effect.changed != 0 {
            self.end_with_record_or_life(row, effect.changed, found.time);
        }
        if effect.changed & self.table.watched != 0 || !closes.is_empty() {
            self.look_at_conditions(row, effect.changed, &closes, Openings::Allowed);
        }
        if effect.opens {
            self.open_on(row, &found);
        }
    }

    /// A fact of another subject: how one who holds a post is vetted, or what is published for the user's region.
    fn step_foreign(&mut self, row: RowId, found: &Row) {
        self.before = self.state.values;
        if self.kind == SubjectKind::User {
            self.open_on(row, found);
            return;
        }
        let changed = self.state.apply_vetting_of_holder(self.history, row);
        self.note_changes(row, changed);
        if changed & self.table.watched != 0 {
            self.look_at_conditions(row, changed, &[], Openings::Allowed);
        }
    }

    /// Whether the user's organisation is, or lies under, the one that a fact is stated of.
    fn lies_under(&self, found: &Row) -> bool {
        let mut placements = Vec::new();
        let mut org = self.state.get(StateField::Org);
        while org != found.subject {
            let placed = self.cx.placement(org, (found.time, found.position), self.view);
            // Placed in a circle, it lies under nothing else.
            let Some(placed) = placed.filter(|placed| !placements.contains(placed)) else { return false };
            placements.push(placed);
            let Some(parent) = self.history.value(placed, Field::Parent) else { return false };
            org = parent;
        }
        true
    }

    /// A reception elsewhere was told before the leaving: the present prison is left at that instant.
    fn leave_untold(&mut self, row: RowId, prison: u32) {
        self.before = self.state.values;
        let changed = self.state.leave(row);
        let time = self.history.row(row).time;
        let Some(by_type) = self.table.of_type(FactType::CustodyLeft) else { return };
        for (id, part, index) in &by_type.parts {
            let ready = self.ready(*id);
            let Some(entry) = entry_of(&ready.version, *part, *index) else { continue };
            let transfer = entry.data.iter().all(|(field, test)| match field {
                Field::Reason => self.history.symbols.find("transfer").is_some_and(|word| test.holds(word)),
                Field::Prison => test.holds(prison),
                _ => false,
            });
            if *part == Part::WithdrawnBy && transfer {
                self.end_where(row, time, |duty| {
                    duty.version == *id && (ready.version.by.is_none() || duty.org == prison)
                });
            }
        }
        self.look_at_conditions(row, changed, &[], Openings::Refused);
    }

    fn note_changes(&mut self, row: RowId, changed: u64) {
        let Some(changes) = &mut self.changes else { return };
        for (field, before) in StateField::ALL.iter().zip(self.before) {
            let after = self.state.get(*field);
            if changed & field.bit() != 0 && before != after {
                changes.push(Changed { row, field: *field, before, after });
            }
        }
    }

    fn note_holder(&mut self, changed: u64, time: Instant) {
        let field = if self.kind == SubjectKind::User { StateField::Org } else { StateField::Area };
        if changed & field.bit() != 0 {
            self.holders.push((time, self.state.get(field)));
        }
    }

    fn note_evidence(&mut self, row: RowId, found: &Row) {
        let bit = found.kind.evidence_bit();
        let own = match self.kind {
            SubjectKind::User => self.state.get(StateField::Org),
            SubjectKind::Nominal => self.state.get(StateField::Area),
            _ => self.subject,
        };
        let named = self.history.value(row, Field::Prison).or_else(|| self.history.value(row, Field::Org));
        let prison = named.unwrap_or_else(|| self.state.get(StateField::Prison));
        for holder in [own, prison] {
            if holder == NONE {
                continue;
            }
            match self.evidence.iter_mut().find(|(known, _)| *known == holder) {
                Some((_, seen)) => *seen |= bit,
                None => self.evidence.push((holder, bit)),
            }
        }
    }

    /// Plays the parts of a fact other than opening; answers with the versions whose overdue duty it closes.
    fn play_parts(&mut self, row: RowId, found: &Row) -> Vec<VersionId> {
        let mut closes = Vec::new();
        let Some(by_type) = self.table.of_type(found.kind) else { return closes };
        for (id, part, index) in &by_type.parts {
            let ready = self.ready(*id);
            let Some(entry) = entry_of(&ready.version, *part, *index) else { continue };
            if *part != Part::Unless && !self.passes(entry, row) {
                continue;
            }
            let mark = Mark { version: *id, part: *part, index: *index, row, seq: self.seq };
            match part {
                Part::Done => {
                    if matches!(ready.version.form, Form::On | Form::While) {
                        for at in self.open_of(*id) {
                            self.try_done(at, row, found.time);
                        }
                    }
                    self.marks.push(mark);
                }
                Part::Needs => {
                    for at in self.open_of(*id) {
                        if self.satisfies(at, &mark) {
                            self.end_done(at, row);
                        }
                    }
                    self.marks.push(mark);
                }
                Part::Since | Part::Unless => self.marks.push(mark),
                Part::WithdrawnBy => {
                    for at in self.open_of(*id) {
                        if self.withdraws(at, entry, row) {
                            self.end_undone(at, row, found.time);
                        }
                    }
                }
                Part::ClosesOverdue => {
                    if self.is_current(entry.current, row, found.on) {
                        closes.push(*id);
                    }
                }
            }
        }
        closes
    }

    /// Whether a fact passes an entry's conditions on its data and on the state before and after it.
    fn passes(&self, entry: &Entry, row: RowId) -> bool {
        entry.before.holds(&self.before)
            && entry.after.holds(&self.state.values)
            && data_passes(self.history, row, &entry.data, self.reason)
    }

    /// Whether a date of a fact does not lie before a day, where one is asked.
    fn is_current(&self, asked: Option<Field>, row: RowId, on: Date) -> bool {
        asked.is_none_or(|field| {
            let date = self.history.value(row, field).and_then(crate::vocabulary::decode_date);
            date.is_some_and(|date| date >= on)
        })
    }

    fn open_of(&self, id: VersionId) -> Vec<usize> {
        let own = |at: &usize| self.duties.get(*at).is_some_and(|duty| duty.version == id);
        self.open.iter().copied().filter(own).collect()
    }

    fn organisation(&self, row: RowId) -> u32 {
        let named = self.history.value(row, Field::Prison).or_else(|| self.history.value(row, Field::Org));
        named.unwrap_or(NONE)
    }

    /// The prison of an opening fact: its prison, else its org if a prison, else the state's.
    fn opening_prison(&self, row: RowId) -> u32 {
        let org = self.history.value(row, Field::Org);
        let is_prison = |org: &u32| self.history.kind_of(*org) == Some(SubjectKind::Prison);
        self.history
            .value(row, Field::Prison)
            .or_else(|| org.filter(is_prison))
            .unwrap_or_else(|| self.state.get(StateField::Prison))
    }

    /// The values that the rule holds against each other; `None` where one is absent, or none is asked.
    fn key_of(&self, version: &Version, row: RowId) -> Option<Key> {
        let mut key = [NONE; MATCHED];
        for (place, field) in key.iter_mut().zip(&version.matches) {
            *place = self.history.value(row, *field)?;
        }
        (!version.matches.is_empty()).then_some(key)
    }

    fn same_organisation(&self, duty: &Duty, row: RowId) -> bool {
        let by = self.ready(duty.version).version.by;
        by.is_none() || (duty.org != NONE && self.organisation(row) == duty.org)
    }

    /// Whether an ending fact belongs to a duty by `match` and `by`.
    fn belongs(&self, at: usize, row: RowId, later: bool) -> bool {
        let Some(duty) = self.duties.get(at) else { return false };
        let version = &self.ready(duty.version).version;
        let matched = match (version.matches.as_slice(), self.key_of(version, row)) {
            ([], _) => true,
            (_, Some(key)) => duty.key == Some(key),
            // An answer that names no request counts for every open request of the same organisation.
            (_, None) => version.all_users && later && self.history.value(row, Field::Org) == Some(duty.org),
        };
        matched && self.same_organisation(duty, row)
    }

    fn try_done(&mut self, at: usize, row: RowId, time: Instant) {
        let seq = self.seq;
        let later = self.duties.get(at).is_some_and(|duty| seq > duty.seq);
        if !self.belongs(at, row, later) {
            return;
        }
        let history = self.history;
        let duty = self.duty(at);
        if duty.end.is_some() || (later && time < duty.opened_at) {
            return;
        }
        duty.awaited.answer(answered_users(history, row));
        let all_users = self.duties.get(at).is_some_and(|duty| self.ready(duty.version).version.all_users);
        if !all_users || self.duty(at).awaited == Awaited::Answered {
            self.end_done(at, row);
        }
    }

    fn withdraws(&self, at: usize, entry: &Entry, row: RowId) -> bool {
        let Some(duty) = self.duties.get(at) else { return false };
        let version = &self.ready(duty.version).version;
        let asked = !version.matches.is_empty() && !entry.any_match;
        let matched = !asked || (duty.key.is_some() && self.key_of(version, row) == duty.key);
        matched && self.same_organisation(duty, row)
    }

    /// Whether a fact in `needs` satisfies a `prior` duty.
    fn satisfies(&self, at: usize, needed: &Mark) -> bool {
        let Some(duty) = self.duties.get(at) else { return false };
        let version = &self.ready(duty.version).version;
        let Some(entry) = version.needs.get(needed.index) else { return false };
        let (opening, own) = (self.history.row(duty.opener), self.history.row(needed.row));
        let since = self
            .marks
            .iter()
            .filter(|mark| mark.version == duty.version && mark.part == Part::Since && mark.seq < duty.seq)
            .rfind(|mark| self.same_organisation(duty, mark.row));
        let undone = self.marks.iter().any(|mark| {
            mark.version == duty.version
                && mark.part == Part::Unless
                && mark.index == needed.index
                && (needed.seq..=duty.seq).contains(&mark.seq)
        });
        let held_against = if own.time <= opening.time { opening.on } else { own.on };
        self.belongs(at, needed.row, false)
            && since.is_none_or(|since| own.time >= self.history.row(since.row).time)
            && self.is_current(entry.current, needed.row, held_against)
            && self.is_current(entry.covers, needed.row, opening.on)
            && !undone
    }

    /// Ends a duty well by a fact: met when its time lies before the due moment, else met late.
    fn end_done(&mut self, at: usize, row: RowId) {
        let time = self.history.row(row).time;
        self.settle(at, time);
        let prior = self.duties.get(at).is_some_and(|d| self.ready(d.version).version.form == Form::Prior);
        let duty = self.duty(at);
        let in_time = if prior { time <= duty.opened_at } else { !duty.due.passed_by(time) };
        let outcome = if in_time { Outcome::Met } else { Outcome::MetLate };
        duty.end = Some(End { outcome, by: Some(row), at: time.max(duty.opened_at) });
        self.open.retain(|open| *open != at);
    }

    /// Ends a duty undone by a fact: withdrawn before it was due, lapsed after.
    fn end_undone(&mut self, at: usize, row: RowId, time: Instant) {
        self.settle(at, time);
        let duty = self.duty(at);
        let outcome = if duty.due.passed_by(time) { Outcome::Lapsed } else { Outcome::Withdrawn };
        duty.end = Some(End { outcome, by: Some(row), at: time.max(duty.opened_at) });
        self.open.retain(|open| *open != at);
    }

    fn end_where(&mut self, row: RowId, time: Instant, chosen: impl Fn(&Duty) -> bool) {
        let ending: Vec<usize> =
            self.open.iter().copied().filter(|at| self.duties.get(*at).is_some_and(&chosen)).collect();
        for at in ending {
            self.end_undone(at, row, time);
        }
    }

    /// Duties that asked for a live record end when it is live no longer; death ends every duty.
    fn end_with_record_or_life(&mut self, row: RowId, changed: u64, time: Instant) {
        let live = StateField::Record.word("live");
        let was_live = self.before.get(StateField::Record.index()).copied() == live;
        let compiled = &self.cx.compiled;
        if changed & StateField::Record.bit() != 0 && was_live {
            self.end_where(row, time, |duty| compiled.version(duty.version).ends_with_record(duty.entry));
        }
        if changed & StateField::Alive.bit() != 0 {
            self.end_where(row, time, |duty| {
                let version = &compiled.version(duty.version).version;
                matches!(version.form, Form::On | Form::Prior) && !version.opens_after_death
            });
        }
    }

    // ---- `while` and `every` ----

    fn look_at_conditions(&mut self, row: RowId, changed: u64, closes: &[VersionId], openings: Openings) {
        let time = self.history.row(row).time;
        let on = self.history.row(row).on;
        let mut turned_true = Vec::new();
        for at in 0..self.table.whiles.len() {
            let Some(id) = self.table.whiles.get(at).copied() else { continue };
            if self.ready(id).watched & changed != 0 && self.turn(id, row) {
                turned_true.push(id);
            }
        }
        self.end_while_duties(row, time);
        let reopened = self.close_overdue(row, time, closes, changed);
        self.lapse_without_obligation(row, time);
        let ended_pending = self.pending_without_condition(time);
        let mut opening = Vec::new();
        if openings == Openings::Allowed {
            // Looked at before any opens: rules that open at one fact do not block each other.
            for id in turned_true.into_iter().chain(reopened) {
                let version = &self.ready(id).version;
                let blocked = self.ready(id).obligation.is_some_and(|o| self.is_overdue_in(o, time));
                if version.governs(on) && self.track(id).guard && version.was.holds(&self.before) && !blocked
                {
                    opening.push(id);
                }
            }
        }
        let opened: Vec<usize> = opening.into_iter().map(|id| self.open_while(id, row)).collect();
        for at in ended_pending {
            self.supersede_or_withdraw(at, &opened, row, time);
        }
        self.follow_moved_dates(row, changed, time);
        for at in opened {
            let Some(id) = self.duties.get(at).map(|duty| duty.version) else { continue };
            let track = *self.track(id);
            if track.until {
                self.end_at_opening(at, track.until_by);
            } else {
                self.look_back(at, self.ready(id), None);
            }
        }
        for at in 0..self.table.everys.len() {
            let Some(id) = self.table.everys.get(at).copied() else { continue };
            if self.ready(id).watched & changed != 0 {
                self.turn_every(id, row, openings);
            }
        }
    }

    /// Looks at a version's conditions again; whether `while` turned true.
    fn turn(&mut self, id: VersionId, row: RowId) -> bool {
        let version = &self.ready(id).version;
        let alive = self.state.get(StateField::Alive) == 1;
        let holds = (alive || version.opens_after_death) && version.holds.holds(&self.state.values);
        let until = version.until.as_ref().is_some_and(|until| until.holds(&self.state.values));
        let seq = self.seq;
        let guard =
            holds && !self.track(id).holds && self.guard_holds(&version.guard, version.counted_from, row);
        let track = self.track(id);
        if until && !track.until {
            track.until_by = row;
        }
        track.until = until;
        let turned = holds && !track.holds;
        if turned {
            track.guard = guard;
            track.since = (row, seq);
        }
        track.holds = holds;
        turned
    }

    fn guard_holds(&self, guard: &Condition, counted_from: CountedFrom, row: RowId) -> bool {
        guard.holds(&self.state.values)
            && guard.programme.is_none_or(|_| self.programme_switch(guard, counted_from, row).is_some())
    }

    /// The switch by which the programme that a guard asks for is on.
    fn programme_switch(&self, guard: &Condition, counted_from: CountedFrom, row: RowId) -> Option<RowId> {
        let date = match counted_from {
            CountedFrom::Sentence => self.state.sentence_on,
            CountedFrom::Opening | CountedFrom::Reception => None,
        };
        let date = date.unwrap_or_else(|| self.history.row(row).on);
        let programme = guard.programme?;
        let area = self.state.get(StateField::Area);
        let mut asked = self.asked_areas.borrow_mut();
        if !asked.contains(&area) {
            asked.push(area);
        }
        self.cx.programme_on(area, programme, date, self.view)
    }

    /// Ends `while` duties whose `until` holds, and standing duties whose condition no longer does.
    fn end_while_duties(&mut self, row: RowId, time: Instant) {
        for at in self.open.clone() {
            let Some(id) = self.duties.get(at).map(|duty| duty.version) else { continue };
            let version = &self.ready(id).version;
            if version.form != Form::While {
                continue;
            }
            let track = *self.track(id);
            if track.until {
                self.end_done(at, track.until_by);
            } else if version.ends_met && !track.holds {
                if self.state.get(StateField::Alive) == 1 {
                    self.end_done(at, row);
                } else {
                    self.end_undone(at, row, time);
                }
            }
        }
    }

    /// Ends overdue duties that this fact closes although their condition holds; the versions that open the next.
    fn close_overdue(
        &mut self,
        row: RowId,
        time: Instant,
        closes: &[VersionId],
        changed: u64,
    ) -> Vec<VersionId> {
        let mut reopened = Vec::new();
        // One that states what already holds closes nothing.
        let news = changed != 0 || !sets_state(self.history.row(row).kind);
        for id in closes.iter().filter(|_| news) {
            for at in self.open_of(*id) {
                self.settle(at, time);
                if self.duty(at).due.passed_by(time) && self.track(*id).holds {
                    self.end_done(at, row);
                    let (rule, on) = (self.ready(*id).rule, self.history.row(row).on);
                    let same_rule = |next: &&VersionId| {
                        let ready = self.cx.compiled.version(**next);
                        ready.rule == rule && ready.version.governs(on)
                    };
                    reopened.extend(self.table.whiles.iter().find(same_rule).copied());
                }
            }
        }
        reopened
    }

    /// Overdue duties whose condition no longer holds lapse, unless another rule of their obligation goes on.
    fn lapse_without_obligation(&mut self, row: RowId, time: Instant) {
        for at in self.open.clone() {
            let Some(id) = self.duties.get(at).map(|duty| duty.version) else { continue };
            let ready = self.ready(id);
            if ready.version.form != Form::While || ready.version.ends_met {
                continue;
            }
            self.settle(at, time);
            if !self.duty(at).due.passed_by(time) {
                continue;
            }
            let goes_on = match ready.obligation {
                None => self.track(id).holds,
                Some(obligation) => self.goes_on(obligation),
            };
            if !goes_on {
                self.end_undone(at, row, time);
            }
        }
    }

    /// Whether some rule of an obligation has `while` true and its guard held when it last turned true.
    fn goes_on(&self, obligation: u16) -> bool {
        self.table.whiles.iter().any(|id| {
            let Some(track) = self.tracks.get(usize::from(*id)) else { return false };
            let turned_on =
                if track.since.0 == NONE { Date::from_days(0) } else { self.history.row(track.since.0).on };
            self.ready(*id).obligation == Some(obligation)
                && track.holds
                && track.guard
                && self.cx.compiled.stands_for_rule(*id, turned_on)
        })
    }

    /// Pending duties whose condition no longer holds.
    fn pending_without_condition(&mut self, time: Instant) -> Vec<usize> {
        let mut found = Vec::new();
        for at in self.open.clone() {
            let Some(id) = self.duties.get(at).map(|duty| duty.version) else { continue };
            if self.ready(id).version.form == Form::While && !self.track(id).holds {
                self.settle(at, time);
                if !self.duty(at).due.passed_by(time) {
                    found.push(at);
                }
            }
        }
        found
    }

    fn is_overdue_in(&mut self, obligation: u16, time: Instant) -> bool {
        self.open.clone().into_iter().any(|at| {
            let own = self.duties.get(at).and_then(|duty| self.ready(duty.version).obligation);
            own == Some(obligation) && {
                self.settle(at, time);
                self.duty(at).due.passed_by(time)
            }
        })
    }

    fn supersede_or_withdraw(&mut self, at: usize, opened: &[usize], row: RowId, time: Instant) {
        let Some(old) = self.duties.get(at).cloned() else { return };
        let own = self.ready(old.version);
        let successor = opened.iter().copied().find(|new| {
            let Some(new) = self.duties.get(*new) else { return false };
            let ready = self.ready(new.version);
            own.obligation.is_some() && ready.obligation == own.obligation && ready.rule != own.rule
        });
        let Some(new) = successor else {
            self.end_undone(at, row, time);
            return;
        };
        let ended_at = time.max(old.opened_at);
        let duty = self.duty(at);
        duty.end = Some(End { outcome: Outcome::Superseded, by: Some(row), at: ended_at });
        duty.superseded_by = Some(new);
        self.open.retain(|open| *open != at);
        let keeps = self.duties.get(new).is_some_and(|new| self.ready(new.version).keeps.contains(&own.rule));
        if keeps {
            let new = self.duty(new);
            let earlier = match (old.due.on, new.due.on) {
                (Some(old_on), Some(new_on)) => old_on < new_on,
                (old_on, None) => old_on.is_some(),
                (None, Some(_)) => false,
            };
            if earlier {
                new.due = old.due;
                for flag in [Flags::PROVISIONAL, Flags::UNDATABLE] {
                    new.flags.put(flag, old.flags.has(flag));
                }
            }
            new.flags.put(Flags::KEPT_DUE, true);
            new.frozen = true;
        }
    }

    /// A duty whose `until` holds already at its opening ends at once.
    fn end_at_opening(&mut self, at: usize, by: RowId) {
        let known = (by != NONE).then_some(by);
        let time = known.map(|by| self.history.row(by).time);
        let duty = self.duty(at);
        let late = time.is_some_and(|time| duty.due.passed_by(time));
        let outcome = if late { Outcome::MetLate } else { Outcome::Met };
        let ended_at = time.map_or(duty.opened_at, |time| time.max(duty.opened_at));
        duty.end = Some(End { outcome, by: known, at: ended_at });
        self.open.retain(|open| *open != at);
    }

    fn follow_moved_dates(&mut self, row: RowId, changed: u64, time: Instant) {
        for at in self.open.clone() {
            let Some(duty) = self.duties.get(at) else { continue };
            let due = self.ready(duty.version).version.due;
            let Some(field) = due.follows() else { continue };
            let fixed = duty.frozen || duty.seq == self.seq || duty.due.passed_by(time);
            if changed & field.bit() == 0 || fixed {
                continue;
            }
            if let Some((date, rests_on)) = self.state.followed(field) {
                self.move_due(at, date, rests_on, row);
            }
        }
    }

    fn move_due(&mut self, at: usize, date: Date, rests_on: RowId, row: RowId) {
        let moved = *self.history.row(row);
        let Some(duty) = self.duties.get(at) else { return };
        let version = &self.ready(duty.version).version;
        let opened = self.history.row(duty.opener).on;
        let (computed, opens_on) = followed_due(version.due, date);
        let grace = version.grace;
        let duty = self.duty(at);
        duty.opens_on = opens_on;
        let in_gap = duty.flags.has(Flags::POLICY_GAP);
        if in_gap && duty.due.on.is_some_and(|grace_date| computed < grace_date) {
            return;
        }
        // The date stays where it was and may rest on another fact: an exemption shorter than the vetting.
        if !in_gap && duty.counted_from == date {
            duty.due_rests_on = Some(rests_on);
            return;
        }
        let base = opened.max(moved.on);
        match grace {
            Some(grace) if !in_gap && computed < base => {
                duty.due = DueDate::day(base.plus_days(i32::from(grace)));
                duty.counted_from = base;
                duty.flags.put(Flags::POLICY_GAP, true);
                duty.due_rests_on = Some(row);
            }
            _ => {
                duty.due = DueDate::day(computed);
                duty.counted_from = date;
                duty.flags.put(Flags::POLICY_GAP, false);
                duty.due_rests_on = Some(rests_on);
            }
        }
        let due_on = duty.due.on;
        duty.moves.push(Move { by: Some(row), at: moved.time, due_on });
    }

    fn open_while(&mut self, id: VersionId, row: RowId) -> usize {
        let ready = self.ready(id);
        let version = &ready.version;
        let opening = self.history.row(row).on;
        let mut known_since = self.known_since(ready.asked, row);
        self.note_rests(id, row, ready.asked, None);
        if let Some(switch) = self.programme_switch(&version.guard, version.counted_from, row) {
            known_since = known_since.max(self.history.row(switch).recorded);
            known_since = self.with_area(known_since);
            self.note_rests(id, row, StateField::Area.bit(), Some(switch));
        }
        let mut duty = self.new_duty(id, 0, row, version.counted_from, known_since);
        if let Some((date, rests_on)) = version.due.follows().and_then(|field| self.state.followed(field)) {
            let (computed, opens_on) = followed_due(version.due, date);
            duty.due = DueDate::day(computed);
            duty.counted_from = date;
            duty.opens_on = opens_on;
            duty.due_rests_on = Some(rests_on);
        }
        if let (Some(grace), Some(due_on)) = (version.grace, duty.due.on)
            && due_on < opening
        {
            duty.due = DueDate::day(opening.plus_days(i32::from(grace)));
            duty.counted_from = opening;
            duty.flags.put(Flags::POLICY_GAP, true);
            duty.flags.put(Flags::PROVISIONAL, false);
            duty.due_rests_on = None;
            // Days of grace are calendar days: no holiday moves them.
            duty.working = None;
        }
        self.push(duty, None)
    }

    fn with_area(&self, known_since: Instant) -> Instant {
        match self.state.changed_by(StateField::Area) {
            NONE => known_since,
            row => known_since.max(self.history.row(row).recorded),
        }
    }

    fn turn_every(&mut self, id: VersionId, row: RowId, openings: Openings) {
        let version = &self.ready(id).version;
        let alive = self.state.get(StateField::Alive) == 1 || version.opens_after_death;
        let holds = alive && version.holds.holds(&self.state.values);
        let seq = self.seq;
        let track = *self.track(id);
        if track.holds && !holds && track.since.0 != NONE {
            self.open_days(id, track.since, Some(row));
        }
        let opens = openings == Openings::Allowed
            && holds
            && !track.holds
            && version.governs(self.history.row(row).on)
            && version.was.holds(&self.before)
            && self.guard_holds(&version.guard, version.counted_from, row);
        if opens {
            let known_since = self.known_since(self.ready(id).asked, row);
            self.note_rests(id, row, self.ready(id).asked, None);
            let pattern = self.new_duty(id, 0, row, version.counted_from, known_since);
            self.patterns.push(pattern);
        }
        let track = self.track(id);
        if holds != track.holds {
            track.since = if opens { (row, seq) } else { (NONE, 0) };
        }
        track.holds = holds;
    }

    // ---- `on` and `prior` ----

    fn open_on(&mut self, row: RowId, found: &Row) {
        let Some(by_type) = self.table.of_type(found.kind) else { return };
        let mut opened_rules: Vec<usize> = Vec::new();
        for (id, index) in &by_type.opens {
            let ready = self.ready(*id);
            let version = &ready.version;
            let Some(entry) = version.on.get(*index) else { continue };
            if entry.each_user && !self.lies_under(found) {
                continue;
            }
            // No rule opens after a death; one may ask for something at it.
            let alive = self.state.get(StateField::Alive) == 1
                || version.opens_after_death
                || found.kind == FactType::NominalDied;
            if opened_rules.contains(&ready.rule)
                || !alive
                || !version.governs(found.on)
                || !self.passes(entry, row)
                || !version.was.holds(&self.before)
                || !self.guard_holds(&version.guard, CountedFrom::Opening, row)
                || !self.guard_holds(&entry.after, CountedFrom::Opening, row)
            {
                continue;
            }
            let key = self.key_of(version, row);
            let told = version.matches.iter().any(|field| ACT_IDS.contains(field))
                && key.is_some()
                && self.openings.iter().any(|o| o.rule == ready.rule && o.key == key);
            if told {
                continue;
            }
            opened_rules.push(ready.rule);
            let asked = ready.asked | entry.after.fields() | entry.before.fields();
            let mut known_since = self.known_since(asked, row);
            self.note_rests(*id, row, asked, None);
            for guard in [&version.guard, &entry.after] {
                if let Some(switch) = self.programme_switch(guard, CountedFrom::Opening, row) {
                    known_since = self.with_area(known_since.max(self.history.row(switch).recorded));
                    self.note_rests(*id, row, StateField::Area.bit(), Some(switch));
                }
            }
            let counted_from = entry.counted_from.unwrap_or(version.counted_from);
            let mut duty = self.new_duty(*id, *index, row, counted_from, known_since);
            duty.flags.put(Flags::POLICY_GAP, entry.policy_gap);
            let previous =
                self.openings.iter().rev().find(|o| o.rule == ready.rule && o.key == key).map(|o| o.seq);
            let at = self.push(duty, key);
            self.openings.push(Opening { rule: ready.rule, key, seq: self.seq });
            self.look_back(at, ready, previous);
        }
    }

    /// Counts facts told before the opening: of the same instant, earlier ones with `early`, those of `needs`.
    fn look_back(&mut self, at: usize, ready: &Ready, previous: Option<u32>) {
        let version = &ready.version;
        let (id, seq, time) = match self.duties.get(at) {
            Some(duty) => (duty.version, duty.seq, duty.opened_at),
            None => return,
        };
        let own = |mark: &&Mark, part: Part| mark.version == id && mark.part == part && mark.seq < seq;
        if version.form == Form::Prior {
            let needed: Vec<Mark> = self.marks.iter().filter(|m| own(m, Part::Needs)).copied().collect();
            if let Some(first) = needed.iter().find(|mark| self.satisfies(at, mark)) {
                self.end_done(at, first.row);
            }
            return;
        }
        let since = self.marks.iter().rev().find(|mark| own(mark, Part::Since)).map(|mark| mark.seq);
        let from = if version.since.is_empty() { previous } else { since };
        let candidates: Vec<Mark> = self
            .marks
            .iter()
            .filter(|mark| own(mark, Part::Done))
            .filter(|mark| {
                if version.early {
                    from.is_none_or(|from| mark.seq > from)
                } else {
                    !ready.chain && self.history.row(mark.row).time == time
                }
            })
            .copied()
            .collect();
        for mark in candidates {
            if self.duties.get(at).is_some_and(|duty| duty.end.is_none()) && self.belongs(at, mark.row, false)
            {
                let history = self.history;
                let duty = self.duty(at);
                duty.awaited.answer(answered_users(history, mark.row));
                if !version.all_users || duty.awaited == Awaited::Answered {
                    self.end_done(at, mark.row);
                }
            }
        }
    }

    // ---- common to all forms ----

    /// The latest recorded time among the fact and those that last changed the fields asked.
    fn known_since(&self, fields: u64, row: RowId) -> Instant {
        let mut known = self.history.row(row).recorded;
        let mut left = fields;
        while left != 0 {
            let changed_by =
                self.state.changed_by.get(left.trailing_zeros() as usize).copied().unwrap_or(NONE);
            if changed_by != NONE {
                known = known.max(self.history.row(changed_by).recorded);
            }
            left &= left - 1;
        }
        known
    }

    /// Notes the facts that last changed the fields asked, and the switch of a programme, where that is asked for.
    fn note_rests(&mut self, id: VersionId, row: RowId, fields: u64, switch: Option<RowId>) {
        let Some(rests) = &mut self.rests else { return };
        let asked = StateField::ALL.iter().filter(|field| fields & field.bit() != 0);
        let changed = asked.map(|field| self.state.changed_by(*field)).filter(|by| *by != NONE);
        rests.entry((id, row)).or_default().extend(changed.chain(switch));
    }

    fn new_duty(
        &self,
        id: VersionId,
        entry: usize,
        row: RowId,
        counted_from: CountedFrom,
        known_since: Instant,
    ) -> Duty {
        let found = self.history.row(row);
        let version = &self.ready(id).version;
        let base = match counted_from {
            CountedFrom::Opening => None,
            CountedFrom::Sentence => self.state.sentence_on,
            CountedFrom::Reception => self.state.reception_on,
        };
        let base = base.unwrap_or(found.on);
        let mut duty = Duty {
            version: id,
            entry,
            opener: row,
            seq: self.seq,
            day: None,
            opened_at: found.time,
            counted_from: base,
            opens_on: None,
            due: DueDate::UNDATABLE,
            working: None,
            flags: Flags::default(),
            frozen: false,
            key: self.key_of(version, row),
            org: match version.by {
                Some(By::Prison) => self.opening_prison(row),
                Some(By::Org) => self.organisation(row),
                None => self.history.value(row, Field::Org).unwrap_or(NONE),
            },
            awaited: Awaited::of(answered_users(self.history, row)),
            known_since,
            due_rests_on: None,
            holder_at_opening: match version.holder {
                Holder::Prison => self.opening_prison(row),
                Holder::Area => self.state.get(StateField::Area),
                Holder::Org if self.kind == SubjectKind::User => self.state.get(StateField::Org),
                Holder::Org => self.subject,
            },
            end: None,
            superseded_by: None,
            moves: Vec::new(),
        };
        match version.due {
            Due::Days(days) => duty.due = DueDate::day(base.plus_days(i32::from(days))),
            Due::Months { months, days } => {
                duty.due = DueDate::day(base.plus_months(i32::from(months)).plus_days(i32::from(days)));
            }
            Due::WorkingDays(n) => {
                duty.working = Some((base, n, found.time));
                let view = self.cx.calendar.known_at(found.time.min(self.view.known_at));
                redate(&mut duty, view, base, n);
            }
            Due::Prior => duty.due = DueDate { on: Some(found.on), at: Some(found.time) },
            Due::Before { .. } | Due::On(_) | Due::SameDay => {}
        }
        duty
    }

    fn push(&mut self, duty: Duty, key: Option<Key>) -> usize {
        let at = self.duties.len();
        self.open.push(at);
        self.touched.push(at);
        self.duties.push(Duty { key: key.or(duty.key), ..duty });
        at
    }

    /// Brings a deadline in working days up to what was published before `until`, while the duty was pending.
    pub fn settle(&mut self, at: usize, until: Instant) {
        let (cx, known_at) = (self.cx, self.view.known_at);
        settle(cx, known_at, self.duty(at), until);
    }

    pub fn calendar_before(&self, instant: Instant) -> &'a CalendarView {
        self.cx.calendar.known_at(instant.just_before().min(self.view.known_at))
    }

    // ---- waivers ----

    fn may_waive(&self, waiver: &Waiver, id: VersionId) -> bool {
        let role = self.history.text(waiver.row, Field::ByRole);
        self.ready(id).version.waive.iter().any(|entitled| entitled == role)
    }

    fn names(&self, waiver: &Waiver, duty: &Duty) -> bool {
        let reference = self.history.reference(duty.opener);
        let rule = &self.cx.compiled.rule(duty.version).id;
        **rule == *waiver.rule
            && match duty.day {
                None => *reference == *waiver.opener,
                Some(day) => format!("{reference}:{day}") == *waiver.opener,
            }
    }

    fn is_every(&self, waiver: &Waiver) -> bool {
        let rule = self.cx.compiled.policy.rule(&waiver.rule);
        rule.is_some_and(|rule| rule.versions.iter().any(|version| version.form == Form::Every))
    }

    /// Ends the duty that a waiver names, or the earliest open one of the same rule if none of that id has opened.
    fn waive(&mut self, waiver: &Waiver) {
        if self.is_every(waiver) {
            return;
        }
        let named = self.duties.iter().position(|duty| self.names(waiver, duty));
        let earliest = || {
            self.open
                .iter()
                .copied()
                .filter(|at| {
                    self.duties.get(*at).is_some_and(|d| *self.cx.compiled.rule(d.version).id == *waiver.rule)
                })
                .min_by_key(|at| self.duties.get(*at).map(|duty| duty.opened_at))
        };
        let Some(at) = named.or_else(earliest) else { return };
        let Some(id) = self.duties.get(at).map(|duty| duty.version) else { return };
        if self.open.contains(&at) && self.may_waive(waiver, id) {
            let time = self.history.row(waiver.row).time;
            self.settle(at, time);
            let duty = self.duty(at);
            duty.end =
                Some(End { outcome: Outcome::Exempt, by: Some(waiver.row), at: time.max(duty.opened_at) });
            self.open.retain(|open| *open != at);
        }
    }

    /// The same for the days of an `every` rule, which are known only when their period is.
    fn waive_day(&mut self, waiver: &Waiver) {
        if !self.is_every(waiver) {
            return;
        }
        let time = self.history.row(waiver.row).time;
        let opened = |duty: &Duty| duty.opened_at <= time;
        let open = |duty: &Duty| opened(duty) && duty.end.is_none_or(|end| end.at > time);
        let named = self.duties.iter().position(|duty| opened(duty) && self.names(waiver, duty));
        let chosen = named.or_else(|| {
            let own = |duty: &Duty| *self.cx.compiled.rule(duty.version).id == *waiver.rule && open(duty);
            let days = self.duties.iter().enumerate().filter(|(_, duty)| own(duty));
            days.min_by_key(|(_, duty)| duty.opened_at).map(|(at, _)| at)
        });
        let Some(at) = chosen else { return };
        let Some(duty) = self.duties.get(at) else { return };
        if open(duty) && self.may_waive(waiver, duty.version) {
            self.duty(at).end = Some(End { outcome: Outcome::Exempt, by: Some(waiver.row), at: time });
        }
    }

    /// The holder of a duty (spec 3.4): who answered at the earliest of its end, T and its due moment.
    pub fn holder_of(&self, duty: &Duty) -> u32 {
        let version = &self.ready(duty.version).version;
        let moves = match version.holder {
            Holder::Area => true,
            Holder::Org => self.kind == SubjectKind::User,
            Holder::Prison => false,
        };
        if !moves {
            return duty.holder_at_opening;
        }
        let closed = duty.end.map(|end| end.at);
        let limit = duty.due.at.map(|due| due.max(duty.opened_at));
        let mut at = self.view.as_at;
        for instant in [closed, limit].into_iter().flatten() {
            at = at.min(instant);
        }
        let inclusive = Some(at) == closed
            || at == self.view.as_at
            || at == duty.opened_at
            || version.form == Form::Prior;
        let until =
            self.holders.partition_point(|(time, _)| if inclusive { *time <= at } else { *time < at });
        until.checked_sub(1).and_then(|last| self.holders.get(last)).map_or(NONE, |(_, holder)| *holder)
    }
}

/// The due date that follows a date of the state, and when its window opens.
fn followed_due(due: Due, date: Date) -> (Date, Option<Date>) {
    match due {
        Due::Before { months, opens_months, .. } => (
            date.plus_months(-i32::from(months)),
            opens_months.map(|opens| date.plus_months(-i32::from(opens))),
        ),
        Due::Days(_) | Due::WorkingDays(_) | Due::Months { .. } | Due::On(_) | Due::Prior | Due::SameDay => {
            (date, None)
        }
    }
}

fn settle(cx: &Context<'_>, known_at: Instant, duty: &mut Duty, until: Instant) {
    let Some((base, n, looked)) = duty.working else { return };
    if duty.frozen {
        return;
    }
    let until = until.just_before().min(known_at);
    if until <= looked {
        return;
    }
    duty.working = Some((base, n, until));
    for (published, view) in cx.calendar.published_between(looked, until) {
        if duty.due.passed_by(published) {
            break;
        }
        let before = duty.due.on;
        redate(duty, view, base, n);
        if duty.due.on != before {
            let due_on = duty.due.on;
            duty.moves.push(Move { by: None, at: published, due_on });
        }
    }
}

fn redate(duty: &mut Duty, view: &CalendarView, base: Date, n: u16) {
    let (due, flag) = match view.working_day_after(base, n) {
        WorkingDay::Certain(on) => (DueDate::day(on), None),
        WorkingDay::Provisional(on) => (DueDate::day(on), Some(Flags::PROVISIONAL)),
        WorkingDay::Undatable => (DueDate::UNDATABLE, Some(Flags::UNDATABLE)),
    };
    duty.due = due;
    for known in [Flags::PROVISIONAL, Flags::UNDATABLE] {
        duty.flags.put(known, flag == Some(known));
    }
}
