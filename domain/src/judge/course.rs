//! A unit followed from moment to moment: one fold gives its duties, its state, its evidence and its next change.
//!
//! Where facts come in the order in which they occurred, the fold goes on from where it was; a late fact or an
//! annulment has it go on from the last copy that was kept before that place. A switch of a programme, a check of a
//! to-do list, a placement and a merge have the unit folded again from the start, and so has everything where there are
//! waivers.

use super::backlog::Case;
use super::duty::{Duty, DutyKey, End, Flags};
use super::fold::{Fold, deregistrations_that_were_changes};
use super::history::{History, RowId};
use super::standing::Standing;
use super::view::{Recorded, Sight};
use super::{Changes, Judge, Outcome, Verdict};
use crate::catalogue::{FactType, Field, SubjectKind};
use crate::reconcile::Reconciled;
use crate::time::Instant;
use crate::vocabulary::{NONE, StateField, decode_date};

/// A unit of a judge at one moment after another.
pub struct Course<'j> {
    judge: &'j Judge<'j>,
    members: Vec<u32>,
    /// Whether the fold may go on: there are no waivers.
    plain: bool,
    /// The rows that a plain unit reads, in the order of recording.
    rows: Vec<RowId>,
    /// How many of them it takes to hold all that come before one recorded earlier.
    late: usize,
    /// Rows that are annulled at any time.
    doubtful: Vec<RowId>,
    /// The places of annulments of them.
    turns: Vec<Recorded>,
    /// Rows that were annulled when the duties were looked at last, each with its annulment.
    annulled: Vec<(RowId, RowId)>,
    /// What annulled facts opened, of a plain unit.
    opened: Vec<Opened>,
    sight: Sight,
    followed: Vec<Followed<'j>>,
    /// How many of the rows were looked at.
    looked_at: usize,
    /// Those among them that do not count yet.
    ahead: Vec<RowId>,
}

/// What an annulled fact opened, and the rows on which that rests.
struct Opened {
    of: (RowId, RowId),
    rows: Vec<RowId>,
    /// Whether these are all rows that were known then, and none is still ahead.
    whole: bool,
    asked: Asked,
    answers: Answers,
    /// Whether it stays as it is while they do.
    stays: bool,
    verdicts: Vec<Verdict>,
}

/// What a fold asked that is no fact of its unit: the areas of programmes, the windows of checks of to-do lists.
struct Asked {
    kind: SubjectKind,
    areas: Vec<u32>,
    checks: Vec<(u32, Instant, Instant)>,
}

/// What it was answered: the switches and checks that counted, and how many placements had come to.
type Answers = (Vec<RowId>, usize);

impl Asked {
    fn of(fold: &Fold<'_>) -> Self {
        let (areas, checks) = (fold.asked_areas.borrow().clone(), fold.asked_checks.borrow().clone());
        Self { kind: fold.kind, areas, checks }
    }

    fn answers(&self, context: &super::Context<'_>, sight: Sight) -> Answers {
        answers(context, sight, self.kind, &self.areas, &self.checks)
    }
}

fn answers(
    context: &super::Context<'_>,
    sight: Sight,
    kind: SubjectKind,
    areas: &[u32],
    checks: &[(u32, Instant, Instant)],
) -> Answers {
    let switches = areas.iter().flat_map(|area| context.visible_switches(*area, sight));
    let checks = checks.iter().flat_map(|(prison, from, to)| context.checks(*prison, *from, *to));
    let rows = switches.chain(checks.filter(|row| context.is_visible(*row, sight))).collect();
    (rows, context.placed_by(kind, sight))
}

/// The fold of one subject with what it was made of.
struct Followed<'j> {
    subject: u32,
    /// The subjects whose facts count as its own.
    own: Vec<u32>,
    fold: Fold<'j>,
    rows: Vec<RowId>,
    /// What the fold was answered.
    answers: Answers,
    /// Copies of the fold on its way, the latest last.
    waypoints: Vec<Waypoint<'j>>,
    /// What was handed out of each duty.
    told: Vec<Told>,
    /// The duties of the days that run, as handed out.
    days: Vec<Duty>,
    /// Duties that were handed out and may be there no longer.
    lost: Vec<DutyKey>,
    /// When the duties were looked at last, and how many changes of holder were known then.
    last: Option<(Sight, usize)>,
}

/// Rows between two copies of a fold, where they stand closest.
const STRIDE: usize = 8;

/// A fold as it was after some rows.
struct Waypoint<'j> {
    rows: usize,
    fold: Fold<'j>,
}

/// Whether a duty's verdict was handed out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Told {
    Never,
    /// It was, and stays so until something about the duty changes.
    Once,
    /// It was, and cannot change while the fold goes on.
    ForGood,
}

/// Duties of a unit at a moment.
#[derive(Debug)]
pub struct Looked {
    /// Verdicts, at least those that may differ from the ones of the moment before.
    pub verdicts: Vec<Verdict>,
    /// Whether the verdicts are all there are: a duty of which there is none is there no longer.
    pub complete: bool,
    /// Duties that are there no longer, unless a verdict is about them.
    pub gone: Vec<DutyKey>,
}

impl std::fmt::Debug for Course<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Course").field("members", &self.members).field("sight", &self.sight).finish()
    }
}

impl<'a> Judge<'a> {
    /// Follows a unit from before its first fact.
    #[must_use]
    pub fn course<'j>(&'j self, unit: u32) -> Course<'j>
    where
        'a: 'j,
    {
        let members = self.members(unit);
        let context = &self.context;
        let mut rows = self.rows_read(&members);
        let doubtful: Vec<RowId> =
            rows.iter().copied().filter(|row| context.is_ever_annulled(*row)).collect();
        let annulments = doubtful.iter().flat_map(|row| context.all_annulments(*row));
        let mut turns: Vec<Recorded> = annulments.map(|row| context.recorded(row)).collect();
        turns.sort_unstable();
        rows.sort_unstable_by_key(|row| context.recorded(*row));
        let late = late_among(context.history, &rows);
        let alone = |member: &u32| {
            let nominal = context.history.kind_of(*member) == Some(SubjectKind::Nominal);
            (members.len() == 1 || nominal) && !self.waivers.contains_key(member)
        };
        let plain = members.iter().all(alone);
        Course {
            judge: self,
            members,
            plain,
            rows,
            late,
            doubtful,
            turns,
            annulled: Vec::new(),
            opened: Vec::new(),
            sight: Sight { as_at: Instant::MIN, known_at: Instant::MIN, until: 0, restored: NONE },
            followed: Vec::new(),
            looked_at: 0,
            ahead: Vec::new(),
        }
    }
}

impl Course<'_> {
    /// Goes on to an instant, with what was recorded before it and at it up to a position; neither may go back.
    pub fn reach(&mut self, at: Instant, until: u32) {
        self.sight = Sight { as_at: at, known_at: at, until, restored: NONE };
        if !self.plain || !self.goes_on() {
            self.fold_again();
        }
    }

    /// The positions up to which to go on one after the other with what was recorded at an instant, so that evidence
    /// and areas are those that folding event by event would show: just before each fact that tells whose the subject is
    /// and comes after one that it precedes, and before each annulment. `None` where every event must be looked at by
    /// itself.
    #[must_use]
    pub fn stops(&self, at: Instant) -> Option<Vec<u32>> {
        if !self.plain || self.members.len() > 1 {
            return None;
        }
        let history = self.judge.context.history;
        let context = &self.judge.context;
        let sight = Sight { as_at: at, known_at: at, until: u32::MAX, restored: NONE };
        let fresh = self.rows.get(self.looked_at..self.recorded_by(sight)).unwrap_or_default();
        let told = |row: &&RowId| context.is_told(**row, sight);
        let mut new: Vec<(Instant, Recorded, bool)> = Vec::with_capacity(fresh.len());
        // What an annulment takes away was there before it.
        let turns = self.turns.iter().filter(|(recorded, _)| *recorded == at);
        let mut stops: Vec<u32> = turns.map(|(_, position)| position.saturating_sub(1)).collect();
        for row in fresh.iter().chain(&self.ahead).filter(told) {
            let found = history.row(*row);
            new.push((found.time, context.recorded(*row), tells_whose(found.kind)));
            if found.kind == FactType::MappaRegistered && found.recorded == at {
                // Until the registration is told, a deregistration before it counts.
                stops.push(found.position.saturating_sub(1));
            }
        }
        new.sort_unstable_by_key(|(time, (_, position), _)| (*time, *position));
        let folded = self.followed.first().and_then(|followed| followed.rows.last());
        let folded = folded.map(|row| (history.row(*row).time, history.row(*row).position));
        let mut earliest = (Instant::MAX, u32::MAX);
        for (time, recorded, tells) in new.into_iter().rev() {
            let (known_at, position) = recorded;
            let precedes = earliest < recorded || folded.is_some_and(|folded| (time, position) < folded);
            if tells && precedes && known_at == at {
                stops.push(position.saturating_sub(1));
            }
            earliest = earliest.min(recorded);
        }
        stops.sort_unstable();
        stops.dedup();
        Some(stops)
    }

    /// How many of the rows were recorded by a view.
    fn recorded_by(&self, sight: Sight) -> usize {
        self.rows.partition_point(|row| sight.reaches(self.judge.context.recorded(*row)))
    }

    /// Folds the rows that have come to count, from the last copy before them on; answers whether it could.
    fn goes_on(&mut self) -> bool {
        let (context, sight) = (&self.judge.context, self.sight);
        let history = context.history;
        let survivors = self.judge.survivors_of(&self.members, sight);
        let stands = |(followed, (subject, own)): (&Followed<'_>, &(u32, Vec<u32>))| {
            followed.subject == *subject
                && followed.own == *own
                && followed.answers == followed.answers_now(context, sight)
        };
        let followed = &self.followed;
        if followed.len() != survivors.len() || !followed.iter().zip(&survivors).all(stands) {
            return false;
        }
        let looked_at = self.recorded_by(sight);
        self.ahead.extend(self.rows.get(self.looked_at..looked_at).unwrap_or_default());
        self.looked_at = looked_at;
        let mut new: Vec<RowId> = Vec::new();
        self.ahead.retain(|row| {
            let counts = context.is_visible(*row, sight);
            if counts {
                new.push(*row);
            }
            !counts
        });
        // Copies are for those that come before what is folded: none, where no fact is still to be told late.
        let copies = self.looked_at < self.late || !self.doubtful.is_empty();
        for followed in &mut self.followed {
            let seen = |row: &&RowId| followed.rows.contains(row) && !context.is_visible(**row, sight);
            let gone: Vec<RowId> = self.doubtful.iter().filter(seen).copied().collect();
            self.ahead.extend(&gone);
            // Of several, each has facts of its own alone; a single one may read those of others.
            let alone = self.members.len() == 1;
            let its = |row: &&RowId| alone || followed.own.contains(&history.row(**row).subject);
            let its: Vec<RowId> = new.iter().filter(its).copied().collect();
            if !followed.go_on(context, sight, its, &gone, copies) {
                return false;
            }
        }
        true
    }

    fn fold_again(&mut self) {
        let (judge, sight) = (self.judge, self.sight);
        let context = &judge.context;
        self.followed.clear();
        for (subject, own) in judge.survivors_of(&self.members, sight) {
            let Some((fold, rows)) = judge.fold(subject, &own, sight, Changes::Dropped) else { continue };
            let mut followed = Followed {
                subject,
                own,
                fold,
                rows,
                answers: Answers::default(),
                waypoints: Vec::new(),
                told: Vec::new(),
                days: Vec::new(),
                lost: Vec::new(),
                last: None,
            };
            followed.answers = followed.answers_now(context, sight);
            self.followed.push(followed);
        }
        if self.plain {
            self.looked_at = self.recorded_by(sight);
            let looked_at = self.rows.get(..self.looked_at).unwrap_or_default();
            self.ahead = looked_at.iter().copied().filter(|row| !context.is_visible(*row, sight)).collect();
        }
    }

    /// The duties as they stand. Asked again without going on, it leaves out those that have not changed.
    pub fn look(&mut self) -> Looked {
        let (judge, sight) = (self.judge, self.sight);
        let mut looked = Looked { verdicts: Vec::new(), complete: true, gone: Vec::new() };
        let annulled = judge.annulled(&self.doubtful, sight);
        let again = self.members.len() > 1 && !annulled.is_empty();
        if annulled != self.annulled || again {
            self.followed.iter_mut().for_each(Followed::forget_what_was_told);
            self.annulled.clone_from(&annulled);
        }
        for followed in &mut self.followed {
            if self.plain {
                followed.look(judge, sight, &mut looked);
            } else {
                judge.conclude(&mut followed.fold.clone(), followed.subject, sight, &mut looked.verdicts);
            }
        }
        match self.members.as_slice() {
            // What annulled facts of several opened is told each time, and so is everything else.
            [subject] if self.plain => {
                let subject = *subject;
                self.opened.retain(|opened| annulled.contains(&opened.of));
                for of in annulled {
                    let opened = self.opened_by(subject, of, &mut looked.gone);
                    looked.verdicts.extend(opened.verdicts.iter().cloned());
                    self.opened.push(opened);
                }
            }
            members if !annulled.is_empty() => judge.add_annulled(members, sight, &mut looked.verdicts),
            _ => {}
        }
        looked
    }

    /// What an annulled fact of a plain unit opened: as known from before, if nothing it rests on has changed. What it
    /// opened no longer is added to what is gone.
    fn opened_by(&mut self, subject: u32, of: (RowId, RowId), gone: &mut Vec<DutyKey>) -> Opened {
        let judge = self.judge;
        let before = judge.just_before(of.0, of.1, self.sight);
        let known = self.opened.iter().position(|opened| opened.of == of);
        let known = known.map(|known| self.opened.swap_remove(known));
        let visible = || {
            let rows = self.rows.iter().copied();
            rows.filter(|row| judge.context.is_visible(*row, before)).collect::<Vec<RowId>>()
        };
        let stays = |known: &Opened| {
            let answers = || known.asked.answers(&judge.context, before);
            known.stays && (known.whole || known.rows == visible()) && known.answers == answers()
        };
        if known.as_ref().is_some_and(stays)
            && let Some(known) = known
        {
            return known;
        }
        let listed = known.map(|known| known.verdicts).unwrap_or_default();
        let asked = Asked { kind: SubjectKind::Nominal, areas: Vec::new(), checks: Vec::new() };
        let answers = Answers::default();
        let rows = visible();
        let mut recorded = self.rows.iter().filter(|row| before.reaches(judge.context.recorded(**row)));
        let whole = recorded.all(|row| judge.context.history.row(*row).time <= before.as_at);
        let mut opened = Opened { of, rows, whole, asked, answers, stays: true, verdicts: Vec::new() };
        let of_then = judge.of_then(before);
        let judge = of_then.as_ref().unwrap_or(judge);
        if let Some((mut fold, _)) = judge.fold(subject, &[subject], before, Changes::Dropped) {
            // Days may be added while time goes on.
            opened.stays = !fold.runs_daily_since(of.0);
            opened.asked = Asked::of(&fold);
            opened.answers = opened.asked.answers(&judge.context, before);
            fold.finish();
            let own =
                (0..fold.duties.len()).filter(|at| fold.duties.get(*at).is_some_and(|d| d.opener == of.0));
            let own = own.filter_map(|at| fold.as_it_stands(at));
            let then = own.map(|duty| judge.verdict(&fold, &duty, subject, before)).collect();
            opened.verdicts.extend(judge.as_annulled(then, of.0, of.1));
        }
        let listed = listed.iter().map(Verdict::key);
        gone.extend(listed.filter(|key| !opened.verdicts.iter().any(|verdict| verdict.key() == *key)));
        opened
    }

    /// The types of fact seen, by symbol of the holder at their time, as bits by fact type.
    pub fn evidence(&self) -> impl Iterator<Item = (u32, u128)> + '_ {
        self.followed.iter().flat_map(|followed| followed.fold.evidence.iter().copied())
    }

    /// The areas that a subject of the unit was ever in, as now known: symbols of area and member.
    pub fn areas(&self) -> impl Iterator<Item = (u32, u32)> + '_ {
        self.followed.iter().filter(|followed| followed.fold.kind != SubjectKind::User).flat_map(|followed| {
            let areas = followed.fold.holders.iter().map(|(_, area)| *area).filter(|area| *area != NONE);
            areas.flat_map(|area| followed.own.iter().map(move |member| (area, *member)))
        })
    }

    /// The cases that programmes cover, without record and without duty, each with its subject's symbol.
    pub fn cases(&self) -> impl Iterator<Item = (u32, Case)> + '_ {
        self.followed.iter().flat_map(|followed| {
            self.judge.cases(&followed.fold).into_iter().map(|case| (followed.subject, case))
        })
    }

    /// How the subjects of the unit stand.
    #[must_use]
    pub fn standings(&self) -> Vec<Standing> {
        let standing =
            |followed: &Followed<'_>| self.judge.standing(&followed.fold, followed.subject, &followed.own);
        self.followed.iter().map(standing).collect()
    }

    /// What reconciliation finds of the unit.
    #[must_use]
    pub fn reconciled(&self) -> Reconciled {
        let mut found = Reconciled::default();
        for followed in &self.followed {
            found.extend(self.judge.reconcile(followed.subject, &followed.rows));
        }
        found
    }

    /// Whether it is one subject by itself, without waivers: what is found of it as at one moment then holds until a
    /// fact or the clock changes it.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        self.plain && self.members.len() == 1
    }

    /// The symbol of the unit of a nominal, if it has one; one that is merged into another has none.
    #[must_use]
    pub fn unit_of(&self, nominal: u32) -> Option<u32> {
        let followed = self.followed.iter().find(|followed| followed.subject == nominal)?;
        let unit = followed.fold.state.get(StateField::Unit);
        (followed.fold.kind == SubjectKind::Nominal && unit != NONE).then_some(unit)
    }

    /// The first instant after the moment at which something about the unit changes without a new fact: a duty falls
    /// due, a day begins, a fact told in advance occurs, a waiver runs out, a holiday was published.
    #[must_use]
    pub fn next_change(&self) -> Option<Instant> {
        let Next { due, published, unforeseen } = self.next();
        [due, published, unforeseen].into_iter().flatten().min()
    }

    /// The same but for what a duty itself tells, its due moment, and for what was published of holidays.
    #[must_use]
    pub fn next_unforeseen_change(&self) -> Option<Instant> {
        self.next().unforeseen
    }

    /// The same but for some due moments, in order: those of pending duties that are shown, one for each.
    #[must_use]
    pub fn next_change_but(&self, due: &[Instant]) -> Option<Instant> {
        let Next { due: _, published, unforeseen } = self.next();
        let folds = self.followed.iter().map(|followed| &followed.fold);
        let open = folds.flat_map(|fold| fold.open().iter().filter_map(|at| fold.as_it_stands(*at)?.due.at));
        let mut open: Vec<Instant> = open.filter(|at| *at > self.sight.as_at).collect();
        open.sort_unstable();
        let mut shown = due.iter().copied().filter(|at| *at > self.sight.as_at).peekable();
        let hidden = open.into_iter().find(|at| {
            while shown.next_if(|known| known < at).is_some() {}
            shown.next_if_eq(at).is_none()
        });
        [hidden, published, unforeseen].into_iter().flatten().min()
    }

    fn next(&self) -> Next {
        let (judge, sight) = (self.judge, self.sight);
        let history = judge.context.history;
        let now = sight.as_at;
        let (mut next_due, mut next_published, mut unforeseen) = (None, None, None);
        let earlier = |next: &mut Option<Instant>, instant: Instant| {
            if instant > now && next.is_none_or(|known| instant < known) {
                *next = Some(instant);
            }
        };
        let mut add = |instant: Instant| earlier(&mut unforeseen, instant);
        for followed in &self.followed {
            let fold = &followed.fold;
            // Until when what is published of holidays touches it.
            let mut followed_until = if fold.has_more_at_its_end() { Instant::MAX } else { now };
            if fold.runs_daily() {
                add(now.london_date().end());
            }
            for at in fold.open() {
                let Some(duty) = fold.as_it_stands(*at) else { continue };
                let Some(due) = duty.due.at else {
                    followed_until = Instant::MAX;
                    continue;
                };
                followed_until = followed_until.max(due);
                earlier(&mut next_due, due);
                // Just after the due moment a holder no longer counts who came at that very moment.
                if due == now && fold.holders.iter().any(|(time, _)| *time == due) {
                    add(Instant::from_nanos(now.nanos().saturating_add(1)));
                }
            }
            if let Some((published, _)) = judge.context.calendar.published_between(now, followed_until).next()
            {
                earlier(&mut next_published, published);
            }
        }
        let told = |row: RowId| sight.reaches(judge.context.recorded(row)).then(|| history.row(row).time);
        if self.plain {
            self.ahead.iter().copied().filter_map(told).for_each(&mut add);
        } else {
            self.rows.iter().copied().filter_map(told).for_each(&mut add);
        }
        let placed = judge.context.next_placement(&self.members, sight);
        placed.into_iter().for_each(&mut add);
        for fold in self.followed.iter().map(|followed| &followed.fold) {
            // A check of a later day is looked at when that day begins.
            let today = now.london_date().end();
            let windows = fold.asked_checks.borrow();
            let asked = windows.iter().map(|(prison, _, to)| (*prison, *to));
            let running = fold.prisons_of_days().map(|prison| (prison, today));
            let ahead = asked.chain(running).filter(|(_, to)| *to > now);
            let ahead = ahead.flat_map(|(prison, to)| judge.context.checks(prison, now, to));
            ahead.filter_map(told).for_each(&mut add);
        }
        for (area, _) in self.areas() {
            let switches = history.programmes.get(&area).into_iter().flatten();
            switches.copied().filter_map(told).for_each(&mut add);
        }
        for waiver in self.members.iter().filter_map(|member| judge.waivers.get(member)).flatten() {
            let Some(waiver) = history.waivers.get(*waiver) else { continue };
            let Some(from) = told(waiver.row) else { continue };
            add(from);
            let until = history.value(waiver.row, Field::Until).and_then(decode_date);
            until.map(crate::time::Date::end).into_iter().for_each(&mut add);
        }
        Next { due: next_due, published: next_published, unforeseen }
    }

    /// The moment.
    #[must_use]
    pub const fn at(&self) -> Instant {
        self.sight.as_at
    }
}

/// When something about a unit changes next without a new fact.
struct Next {
    /// A duty falls due.
    due: Option<Instant>,
    /// Holidays that touch it are published.
    published: Option<Instant>,
    /// Anything else.
    unforeseen: Option<Instant>,
}

/// How many of some rows, in the order of recording, it takes to hold all that a fold must go back for: those that come
/// before one recorded earlier, and registrations that may undo a deregistration.
fn late_among(history: &History, rows: &[RowId]) -> usize {
    let (mut late, mut deregistered, mut folded) = (0, false, (Instant::MIN, 0));
    for (at, row) in rows.iter().enumerate() {
        let found = history.row(*row);
        let order = (found.time, found.position);
        deregistered |= found.kind == FactType::MappaDeregistered;
        if order < folded || deregistered && found.kind == FactType::MappaRegistered {
            late = at + 1;
        }
        folded = folded.max(order);
    }
    late
}

/// Whether a fact of this type may change whom evidence is counted for: the area, the organisation or the prison.
const fn tells_whose(kind: FactType) -> bool {
    matches!(
        kind,
        FactType::MappaRegistered
            | FactType::MappaChanged
            | FactType::MappaDeregistered
            | FactType::CaseTransferred
            | FactType::CustodyReceived
            | FactType::CustodyLeft
            | FactType::UserRegistered
            | FactType::UserMoved
    )
}

impl Followed<'_> {
    fn answers_now(&self, context: &super::Context<'_>, sight: Sight) -> Answers {
        let (areas, checks) = (self.fold.asked_areas.borrow(), self.fold.asked_checks.borrow());
        answers(context, sight, self.fold.kind, &areas, &checks)
    }

    /// Takes in rows that have come to count and takes out such as count no longer, keeping copies on the way where they may
    /// be gone back to; answers whether it could.
    fn go_on(
        &mut self,
        context: &super::Context<'_>,
        sight: Sight,
        mut new: Vec<RowId>,
        gone: &[RowId],
        copies: bool,
    ) -> bool {
        let history = context.history;
        let order = |row: &RowId| (history.row(*row).time, history.row(*row).position);
        new.sort_unstable_by_key(order);
        let folded = self.rows.len();
        // The first place at which the rows differ from those folded.
        let mut from = folded;
        if let Some(first) = new.first().map(order) {
            from = self.rows.partition_point(|row| order(row) < first);
        }
        if let Some(first) = self.rows.iter().position(|row| gone.contains(row)) {
            from = from.min(first);
            self.rows.retain(|row| !gone.contains(row));
        }
        self.rows.extend(&new);
        if from < folded {
            self.rows.sort_unstable_by_key(order);
        }
        let turns = |row: &RowId| {
            matches!(history.row(*row).kind, FactType::MappaRegistered | FactType::MappaDeregistered)
        };
        let dropped = if new.iter().chain(gone).any(turns) {
            // A registration may undo what an earlier deregistration did, and may itself be annulled.
            let dropped = deregistrations_that_were_changes(history, &self.rows);
            let turned = |row: &RowId| dropped.contains(row) != self.fold.dropped.contains(row);
            let first = self.rows.iter().position(turned);
            from = first.map_or(from, |first| from.min(first));
            dropped
        } else {
            self.fold.dropped.clone()
        };
        if from < folded && !self.go_back(context, from) {
            return false;
        }
        self.fold.dropped = dropped;
        self.fold.view = sight;
        for at in self.fold.folded()..self.rows.len() {
            let kept = self.waypoints.last().map_or(0, |kept| kept.rows);
            if copies && at % STRIDE == 0 && at > kept {
                self.keep_waypoint(at);
            }
            if let Some(row) = self.rows.get(at) {
                self.fold.step_unless_dropped(*row);
            }
        }
        self.answers = self.answers_now(context, sight);
        true
    }

    /// Keeps a copy of the fold; of earlier ones the fewer, the farther back they lie.
    fn keep_waypoint(&mut self, rows: usize) {
        self.waypoints.retain(|kept| {
            let apart = ((rows - kept.rows) / 2).max(1);
            kept.rows % (1usize << apart.ilog2()).max(STRIDE) == 0
        });
        let mut fold = self.fold.clone();
        fold.touched.clear();
        self.waypoints.push(Waypoint { rows, fold });
    }

    /// Goes back to the last copy that holds none but the first rows; answers whether there is one.
    fn go_back(&mut self, context: &super::Context<'_>, to: usize) -> bool {
        while self.waypoints.last().is_some_and(|kept| kept.rows > to) {
            self.waypoints.pop();
        }
        let Some(kept) = self.waypoints.last() else { return false };
        let last = kept.rows.checked_sub(1).and_then(|last| self.rows.get(last));
        let folded_to = last.map(|row| context.history.row(*row).time);
        // What had ended before the place cannot change; all else is told again, or is there no longer.
        let is_settled = |at: usize| {
            let end = kept.fold.duties.get(at).and_then(|duty| duty.end);
            end.is_some_and(|end| folded_to.is_some_and(|folded_to| folded_to > end.at))
        };
        for (at, (told, duty)) in self.told.iter_mut().zip(&self.fold.duties).enumerate() {
            match *told {
                Told::ForGood if is_settled(at) => {}
                Told::Never => {}
                Told::Once | Told::ForGood => {
                    *told = Told::Never;
                    self.lost.push(duty.key(self.subject));
                }
            }
        }
        self.fold = kept.fold.clone();
        self.told.truncate(self.fold.duties.len());
        true
    }

    /// Has all duties told again.
    fn forget_what_was_told(&mut self) {
        self.told.clear();
        self.days.clear();
        self.lost.clear();
        self.last = None;
    }

    /// The verdicts of duties that may have changed since they were told.
    fn look(&mut self, judge: &Judge<'_>, sight: Sight, looked: &mut Looked) {
        let history = judge.context.history;
        let folded_to = self.rows.last().map(|row| history.row(*row).time);
        let first = self.last.is_none();
        self.told.resize(self.fold.duties.len(), Told::Never);
        for at in self.fold.touched.drain(..) {
            if let Some(told @ Told::Once) = self.told.get_mut(at) {
                *told = Told::Never;
            }
        }
        let holders = self.fold.holders.len();
        // Another holder or another calendar may concern any of them.
        let last = self.last.replace((sight, holders)).filter(|(last, before)| {
            let published = judge.context.calendar.published_between(last.known_at, sight.known_at).next();
            *before == holders && published.is_none()
        });
        for (at, told) in self.told.iter_mut().enumerate() {
            if *told == Told::ForGood {
                continue;
            }
            let Some(duty) = self.fold.as_it_stands(at) else { continue };
            // Beside what touches a duty, its due moment changes it, and the moment after: a holder counts no longer
            // who came at the due moment itself.
            let falls_due = |last: Instant| {
                duty.end.is_none() && duty.due.at.is_some_and(|due| last <= due && due <= sight.as_at)
            };
            if *told == Told::Once && last.is_some_and(|(last, _)| !falls_due(last.as_at)) {
                continue;
            }
            looked.verdicts.push(judge.verdict(&self.fold, &duty, self.subject, sight));
            // A fact of the instant at which a duty ended may still change its holder; a later one may not.
            let for_good = duty.end.is_some_and(|End { at, .. }| {
                folded_to.is_some_and(|folded_to| folded_to > at) && sight.as_at > at
            });
            *told = if for_good { Told::ForGood } else { Told::Once };
        }
        // The days of a period that runs are no part of a fold that goes on.
        let days = self.fold.running_days();
        for (at, day) in days.iter().enumerate() {
            if last.is_none() || self.days.get(at) != Some(day) {
                looked.verdicts.push(judge.verdict(&self.fold, day, self.subject, sight));
            }
        }
        let mut lost = std::mem::take(&mut self.lost);
        let before = std::mem::replace(&mut self.days, days).into_iter().enumerate();
        let moved = before.filter(|(at, day)| {
            let key = day.key(self.subject);
            self.days.get(*at).is_none_or(|now| now.key(self.subject) != key)
        });
        lost.extend(moved.map(|(_, day)| day.key(self.subject)));
        let there = |key: &DutyKey| {
            self.fold.duties.iter().chain(&self.days).any(|duty| duty.key(self.subject) == *key)
        };
        lost.retain(|key| !there(key));
        looked.complete &= first;
        looked.gone.extend(lost);
    }
}

impl Verdict {
    /// Whether the duty was missed and is undone: one that the lack of evidence marks.
    #[must_use]
    pub const fn is_missed_undone(&self) -> bool {
        matches!(self.outcome, Outcome::Overdue | Outcome::Lapsed)
    }

    /// The same without the mark that no evidence was ever recorded.
    #[must_use]
    pub fn unmarked(mut self) -> Self {
        self.flags.put(Flags::NOT_EVIDENCED, false);
        self
    }
}
