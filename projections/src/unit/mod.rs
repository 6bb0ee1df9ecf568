//! A unit followed through time: every change of its duties, each at its own instant.

mod followed;
mod ground;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use hashbrown::HashMap;
use mandate_domain::catalogue::{FactType, Field, SubjectKind};
use mandate_domain::judge::{Case, Course, DutyKey, Judge, Outcome, Standing, Verdict};
use mandate_domain::policy::Policy;
use mandate_domain::time::Instant;

use crate::bends::Bends;
use crate::cross::Books;
use crate::placed::Placed;
use crate::steps::{self, NextStep};

pub(crate) use followed::{
    Before, CaseRow, CaseVersion, Changed, Columns, Failure, Followed, FollowedDuty, Now, Span, Stored, Unit,
    UnitVersion, Version,
};
pub(crate) use ground::Ground;

impl Ground<'_> {
    /// Follows a unit. What fails, fails this unit alone, at the moment before.
    pub fn follow(&self, unit: &Unit, span: Span, before: Before) -> Followed {
        let symbol = unit.members.iter().find_map(|member| self.history.symbols.find(member));
        let Some(symbol) = symbol else { return Followed::default() };
        let mut walk = Walk::new(self, unit, symbol, span, before);
        let mut wanted = span.from;
        loop {
            let next = walk.next(wanted.take());
            let Some(at) = next.filter(|at| *at <= span.until) else { break };
            let moment = catch_unwind(AssertUnwindSafe(|| walk.judge(at)));
            if let Err(panic) = moment {
                return walk.fail(&panic);
            }
        }
        walk.finish(None)
    }
}

/// A unit on its way.
struct Walk<'g, 'w> {
    ground: &'w Ground<'g>,
    unit: &'w Unit,
    symbol: u32,
    /// The duties as they stand in the tables; empty where these say what is found just before the first moment.
    stored: HashMap<String, Stored>,
    trusts: bool,
    /// The epoch in force, and the unit under its policy.
    course: Option<(usize, Course<'w>)>,
    /// Whether it was followed before.
    resumed: bool,
    /// The last moment that was judged.
    last: Option<Instant>,
    /// Moments of its facts that were taken in.
    taken: usize,
    next_at: Option<Instant>,
    duties: Vec<Duty>,
    by_key: HashMap<DutyKey, usize>,
    by_id: HashMap<Arc<str>, usize>,
    areas: Vec<(u32, u32)>,
    /// Holder, types seen, and since when each is.
    evidence: Vec<(u32, u128)>,
    fresh: Vec<(u32, u8, Instant)>,
    /// The position that was being judged.
    at_position: u32,
    /// The record in the making.
    line: Vec<u8>,
    bends: Bends,
    /// Whether anything has changed at this moment.
    changed: bool,
    /// Whether any of it is about the days of an `every` rule.
    days_changed: bool,
    /// The nominals among its members, and the unit that each has, from when on.
    nominals: Vec<(u32, Vec<UnitFrom>)>,
    /// Their units just before the first moment, where the tables are trusted.
    unit_before: Vec<Option<u32>>,
    /// The cases of the unit, each with its subject, from when on.
    cases: Vec<(Instant, Vec<(u32, Case)>)>,
}

struct Duty {
    /// None until something about it changes, where the tables are trusted.
    id: Option<Arc<str>>,
    subject: u32,
    changes: Vec<Changed>,
    verdict: Option<Verdict>,
    /// The record of the last version; none when it is there no longer, and until it changes where the tables are trusted.
    record: Option<Arc<str>>,
    /// The number of the rule's version by which that was found: another policy may number them otherwise.
    version: u16,
    epoch: usize,
    /// Whether it was among the verdicts of this moment.
    seen: bool,
}

impl Duty {
    /// Whether it is there.
    const fn is_there(&self) -> bool {
        self.record.is_some() || self.verdict.is_some()
    }

    /// It is there no longer.
    fn go(&mut self, at: Instant, judge: &Judge<'_>) {
        if let (None, Some(verdict)) = (&self.id, &self.verdict) {
            self.id = Some(judge.duty_id(verdict).into());
        }
        self.record = None;
        self.verdict = None;
        self.changes.push(Changed::gone(at));
    }
}

/// As known at which moment and later and as at which a nominal has which unit.
type UnitFrom = (Instant, Instant, Option<u32>);

/// Days before one that a holiday may have put the last working day to it.
const DAYS: i32 = 14;

impl<'g, 'w> Walk<'g, 'w> {
    fn new(ground: &'w Ground<'g>, unit: &'w Unit, symbol: u32, span: Span, before: Before) -> Self {
        let is_nominal = |member: &&String| SubjectKind::of(member) == Some(SubjectKind::Nominal);
        let nominals = unit.members.iter().filter(is_nominal);
        let nominals = nominals.filter_map(|member| Some((ground.history.symbols.find(member)?, Vec::new())));
        let (stored, trusts, latest) = match before {
            Before::Trusted { latest } => (HashMap::new(), true, latest),
            Before::Stored(stored) => {
                let versions = stored.values().filter_map(|stored| stored.before.as_ref());
                let latest = versions.map(|version| version.as_from).max().unwrap_or(Instant::MIN);
                (stored, false, latest)
            }
        };
        let from = span.from.unwrap_or(Instant::MIN);
        Self {
            ground,
            unit,
            symbol,
            stored,
            trusts,
            course: None,
            resumed: span.from.is_some(),
            last: None,
            taken: 0,
            next_at: None,
            duties: Vec::new(),
            by_key: HashMap::new(),
            by_id: HashMap::new(),
            areas: Vec::new(),
            evidence: Vec::new(),
            fresh: Vec::new(),
            at_position: 0,
            line: Vec::new(),
            bends: Bends::new(&unit.bends, from, latest),
            changed: false,
            days_changed: false,
            nominals: nominals.collect(),
            unit_before: Vec::new(),
            cases: Vec::new(),
        }
    }

    /// The next instant at which something may change.
    fn next(&mut self, wanted: Option<Instant>) -> Option<Instant> {
        if let Some(from) = wanted {
            // Facts known before count, but bring no moment of their own.
            self.taken = self.unit.own.partition_point(|(at, _)| *at < from);
            let earlier = self.unit.own.get(..self.taken).unwrap_or_default();
            self.bends.take_earlier(self.ground.history, earlier);
        }
        let own = self.unit.own.get(self.taken).map(|(at, _)| *at);
        let mut next = [own, wanted, self.next_at].into_iter().flatten().min();
        let mut add = |at: Option<Instant>| {
            if let Some(at) = at {
                next = Some(next.map_or(at, |known| known.min(at)));
            }
        };
        if let (Some(last), Some((epoch, course))) = (self.last, &self.course) {
            add(self.ground.judges.get(epoch + 1).map(|(epoch, _)| epoch.at));
            for (area, _) in course.areas() {
                let switches = self.ground.switched.get(&area).map_or(&[][..], Vec::as_slice);
                add(switches.get(switches.partition_point(|(at, _)| *at <= last)).map(|(at, _)| *at));
            }
        }
        next
    }

    /// Judges the unit at an instant.
    fn judge(&mut self, at: Instant) {
        let epoch = self.ground.epoch_at(at);
        if self.course.as_ref().is_none_or(|(known, _)| *known != epoch)
            && let Some((_, judge)) = self.ground.judges.get(epoch)
        {
            self.course = Some((epoch, judge.course(self.symbol)));
            self.by_key.clear();
        }
        let Some((_, mut course)) = self.course.take() else { return };
        if self.last.is_none() && self.resumed {
            // Whose it was before decides whether a switch at this moment concerns it.
            course.reach(at.just_before(), u32::MAX);
            self.areas.extend(course.areas());
            if self.trusts {
                for verdict in course.look().verdicts {
                    self.by_key.insert(verdict.key(), self.duties.len());
                    self.duties.push(Duty {
                        id: None,
                        subject: verdict.subject(),
                        changes: Vec::new(),
                        verdict: Some(verdict),
                        record: None,
                        version: 0,
                        epoch,
                        seen: false,
                    });
                }
                self.unit_before =
                    self.nominals.iter().map(|(nominal, _)| course.unit_of(*nominal)).collect();
            }
        }
        // Event by event where that matters, so that what is kept of all that was ever seen does not depend on how many
        // came at once.
        let rest = self.unit.own.get(self.taken..).unwrap_or_default();
        let own = rest.get(..rest.partition_point(|(known_at, _)| *known_at <= at)).unwrap_or_default();
        self.taken += own.len();
        self.begin_moment(at, own, epoch);
        // What the clock alone brought at this instant was there before its first event.
        let before = own.first().map(|(_, position)| position.saturating_sub(1));
        let stops = course.stops(at);
        let each = || before.into_iter().chain(own.iter().map(|(_, position)| *position)).collect();
        let stops = stops.unwrap_or_else(each);
        let counts = |position: &u32| before.is_some_and(|before| *position >= before);
        for position in stops.into_iter().filter(counts) {
            self.at_position = position;
            course.reach(at, position);
            self.note(&course, at);
        }
        self.at_position = self.unit.own.get(..self.taken).and_then(<[_]>::last).map_or(0, |(_, last)| *last);
        course.reach(at, u32::MAX);
        self.note(&course, at);
        let looked = course.look();
        for verdict in looked.verdicts {
            self.compare(verdict, at, epoch);
        }
        if looked.complete {
            self.remove_unseen(at, epoch);
        }
        for key in looked.gone {
            self.remove(key, at, epoch);
        }
        for duty in &mut self.duties {
            duty.seen = false;
        }
        self.end_moment(at, &course, epoch);
        self.next_at = course.next_change();
        self.last = Some(at);
        self.course = Some((epoch, course));
    }

    /// Finds from when on what comes at an instant stands.
    fn begin_moment(&mut self, at: Instant, own: &[(Instant, u32)], epoch: usize) {
        let ground = self.ground;
        let last = self.last.unwrap_or(at.just_before());
        let switches = self.areas.iter().filter_map(|(area, _)| ground.switched.get(area)).flatten();
        let switches = switches.filter(|(switched_at, _)| *switched_at > last && *switched_at <= at);
        self.bends.take(ground.history, self.symbol, own.iter().chain(switches).copied(), at);
        if ground.judges.get(epoch).is_some_and(|(begun, _)| begun.at == at)
            && let Some(from) = ground.differs_from(epoch)
        {
            self.bends.add(from, at, at);
        }
        (self.changed, self.days_changed) = (false, false);
    }

    /// Notes where what was found at an instant does not tell what stood.
    fn end_moment(&mut self, at: Instant, course: &Course<'_>, epoch: usize) {
        if self.days_changed || self.was_switched_later(at) {
            self.bends.bend(at);
        }
        self.note_published(at, epoch);
        let cases: Vec<(u32, Case)> = course.cases().collect();
        if self.cases.last().is_none_or(|(_, known)| *known != cases) {
            self.cases.push((at, cases));
        }
        for (nominal, units) in &mut self.nominals {
            let unit = course.unit_of(*nominal);
            if units.last().is_none_or(|(.., known)| *known != unit) {
                units.push((at, self.bends.stands_from(*nominal, at), unit));
            }
        }
        if self.days_changed {
            self.bends.stand_from(at);
        }
        self.bends.end(at, self.changed, course.next_unforeseen_change());
    }

    /// Whether a programme of an area of the unit was switched after what came at an instant: as at a moment between, it
    /// was not.
    fn was_switched_later(&self, at: Instant) -> bool {
        let ground = self.ground;
        let switches = self.areas.iter().filter_map(|(area, _)| ground.switched.get(area)).flatten();
        let mut rows = switches
            .filter(|(switched_at, _)| *switched_at <= at)
            .filter_map(|(_, position)| Some(ground.history.row(ground.history.at(*position)?)));
        rows.any(|row| row.time > self.bends.stands_from(self.symbol, at))
    }

    /// Holidays that are published move the dates of what was open before, too.
    fn note_published(&mut self, at: Instant, epoch: usize) {
        let Some((_, judge)) = self.ground.judges.get(epoch) else { return };
        let last = self.last.unwrap_or(at.just_before());
        for (published, after) in judge.calendar().published_between(last, at) {
            let before = judge.calendar().known_before(published);
            let differs = |verdict: &&Verdict| {
                let open = verdict.due_at.is_none_or(|due_at| due_at > published);
                let until = verdict.due_on.unwrap_or(verdict.counted_from);
                open && (verdict.due_on.is_none()
                    || before.holidays_differ(after, verdict.counted_from.min(until).plus_days(-DAYS), until)
                    || verdict.flags.names().next().is_some())
            };
            let verdicts = self.duties.iter().filter_map(|duty| duty.verdict.as_ref());
            if let Some(first) = verdicts.filter(differs).map(|verdict| verdict.opened_at).min() {
                self.bends.add(first, published, at);
            }
        }
    }

    /// Keeps what counts for good once it was seen.
    fn note(&mut self, course: &Course<'_>, at: Instant) {
        for (holder, seen) in course.evidence() {
            let place = self.evidence.iter().position(|(known, _)| *known == holder).unwrap_or_else(|| {
                self.evidence.push((holder, 0));
                self.evidence.len() - 1
            });
            let Some((_, known)) = self.evidence.get_mut(place) else { continue };
            let mut fresh = seen & !*known;
            *known |= seen;
            while fresh != 0 {
                let kind = fresh.trailing_zeros();
                self.fresh.push((holder, u8::try_from(kind).unwrap_or(u8::MAX), at));
                fresh &= fresh - 1;
            }
        }
        for place in course.areas() {
            if !self.areas.contains(&place) {
                self.areas.push(place);
            }
        }
    }

    /// Notes what a duty is, if it is something else than before.
    fn compare(&mut self, verdict: Verdict, at: Instant, epoch: usize) {
        let Some((_, judge)) = self.ground.judges.get(epoch) else { return };
        let known = self.by_key.get(&verdict.key()).copied();
        if let Some(duty) = known.and_then(|known| self.duties.get_mut(known)) {
            duty.seen = true;
            if duty.verdict.as_ref().is_some_and(|v| v.says_the_same_as(&verdict)) {
                return;
            }
            // What the tables say of it, now that it is something else.
            if let (None, Some(before)) = (&duty.record, &duty.verdict) {
                self.line.clear();
                judge.write_kept(before, &mut self.line);
                duty.record = Some(std::str::from_utf8(&self.line).unwrap_or_default().into());
                duty.version = judge.version_number(before);
            }
            duty.id.get_or_insert_with(|| judge.duty_id(&verdict).into());
        }
        self.line.clear();
        judge.write_kept(&verdict, &mut self.line);
        let place = known.unwrap_or_else(|| self.place_of(&verdict, judge));
        self.by_key.insert(verdict.key(), place);
        let Some(duty) = self.duties.get_mut(place) else { return };
        duty.seen = true;
        let line = std::str::from_utf8(&self.line).unwrap_or_default();
        let version = judge.version_number(&verdict);
        if duty.record.as_deref() != Some(line) || duty.version != version {
            let record: Arc<str> = line.into();
            duty.version = version;
            // The days of an `every` rule are found at the moment itself, not before.
            let own = self.bends.stands_from(verdict.subject(), at);
            let as_from = if verdict.is_of_a_day() { at } else { own };
            let record = Some((record, Columns::of(&verdict, self.ground.history)));
            self.changed = true;
            self.days_changed |= verdict.is_of_a_day();
            duty.record = record.as_ref().map(|(record, _)| record.clone());
            duty.changes.push(Changed { at, as_from, version, record });
        }
        duty.verdict = Some(verdict);
        duty.epoch = epoch;
    }

    /// The place of a duty among those of the unit, made when it is new.
    fn place_of(&mut self, verdict: &Verdict, judge: &Judge<'_>) -> usize {
        let id: Arc<str> = judge.duty_id(verdict).into();
        if let Some(place) = self.by_id.get(&id) {
            return *place;
        }
        let before = self.stored.get(&*id).and_then(|stored| stored.before.as_ref());
        let record = before.map(|before| before.record.clone());
        let version = before.map_or(0, |before| before.number);
        let place = self.duties.len();
        self.by_id.insert(id.clone(), place);
        self.duties.push(Duty {
            id: Some(id),
            subject: verdict.subject(),
            changes: Vec::new(),
            verdict: None,
            record,
            version,
            epoch: 0,
            seen: true,
        });
        place
    }

    /// Notes that a duty is there no longer, if nothing was said of it at this moment.
    fn remove(&mut self, key: DutyKey, at: Instant, epoch: usize) {
        let Some((_, judge)) = self.ground.judges.get(epoch) else { return };
        // Its place stays known: the same duty may come back.
        let Some(place) = self.by_key.get(&key).copied() else { return };
        if let Some(duty) = self.duties.get_mut(place).filter(|duty| !duty.seen && duty.is_there()) {
            duty.go(at, judge);
            self.changed = true;
        }
    }

    /// Notes which duties are there no longer.
    fn remove_unseen(&mut self, at: Instant, epoch: usize) {
        let Some((_, judge)) = self.ground.judges.get(epoch) else { return };
        for duty in self.duties.iter_mut().filter(|duty| !duty.seen && duty.is_there()) {
            duty.go(at, judge);
            self.changed = true;
        }
        let gone: Vec<String> =
            self.stored.keys().filter(|id| !self.by_id.contains_key(id.as_str())).cloned().collect();
        for id in gone {
            let before = self.stored.get(&id).is_some_and(|stored| stored.before.is_some());
            let changes = if before { vec![Changed::gone(at)] } else { Vec::new() };
            self.changed |= before;
            let id: Arc<str> = id.into();
            self.by_id.insert(id.clone(), self.duties.len());
            let subject = mandate_domain::vocabulary::NONE;
            self.duties.push(Duty {
                id: Some(id),
                subject,
                changes,
                verdict: None,
                record: None,
                version: 0,
                epoch: 0,
                seen: false,
            });
        }
    }

    /// What was followed up to the moment before the one that failed.
    fn fail(mut self, panic: &(dyn std::any::Any + Send)) -> Followed {
        let told = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
        let told = told.or_else(|| panic.downcast_ref::<String>().cloned());
        let reason =
            format!("judging it failed: {}", told.unwrap_or_else(|| "no reason was given".to_owned()));
        let position = self.at_position;
        self.course = None;
        let last = self.last;
        if let Some(at) = last {
            // The moment before was judged once; it is judged again for how the subjects stood.
            let again = catch_unwind(AssertUnwindSafe(|| {
                let epoch = self.ground.epoch_at(at);
                let (_, judge) = self.ground.judges.get(epoch)?;
                let mut course = judge.course(self.symbol);
                course.reach(at, u32::MAX);
                Some((epoch, course))
            }));
            self.course = again.ok().flatten();
        }
        let since = last.unwrap_or(Instant::MIN);
        let failed = Some(Failure { reason, position, since });
        self.finish(failed)
    }

    fn finish(mut self, failed: Option<Failure>) -> Followed {
        let standings = self.course.as_ref().map(|(_, course)| course.standings()).unwrap_or_default();
        let reconciled = self.course.as_ref().map(|(_, course)| course.reconciled()).unwrap_or_default();
        let text = |symbol: u32| self.ground.history.symbols.text(symbol).to_owned();
        // One that failed is not judged again.
        let goes_on = failed.is_none() && self.last.is_some();
        let judge_at = if goes_on { self.judge_at() } else { None };
        if self.has_another_unit() {
            // It stands in the row of each.
            for duty in &mut self.duties {
                if let (None, Some(verdict), Some((_, judge))) =
                    (&duty.id, &duty.verdict, self.ground.judges.get(duty.epoch))
                {
                    duty.id = Some(judge.duty_id(verdict).into());
                }
            }
        }
        let mut duties = Vec::new();
        let mut line = std::mem::take(&mut self.line);
        for duty in std::mem::take(&mut self.duties) {
            // Of one without, the tables say all that there is to say.
            let Some(id) = duty.id else { continue };
            let stored = self.stored.remove(&*id);
            let judge = self.ground.judges.get(duty.epoch);
            let record = duty.record.or_else(|| {
                line.clear();
                judge?.1.write_kept(duty.verdict.as_ref()?, &mut line);
                Some(std::str::from_utf8(&line).unwrap_or_default().into())
            });
            let now = match (duty.verdict, record, judge) {
                (Some(verdict), Some(record), Some((epoch, judge))) => {
                    Some(self.now(&verdict, record, &standings, &epoch.books, judge))
                }
                _ => None,
            };
            let subject = if duty.subject == mandate_domain::vocabulary::NONE {
                stored.as_ref().map(|stored| stored.subject.clone()).unwrap_or_default()
            } else {
                text(duty.subject)
            };
            let (id, changes) = (id.to_string(), duty.changes);
            duties.push(FollowedDuty { duty: id, subject, changes, now, stored });
        }
        self.add_areas_told();
        let areas = self.areas.iter().map(|(area, member)| (text(*area), text(*member))).collect();
        let evidence = self.fresh.iter().map(|(holder, kind, at)| (text(*holder), *kind, *at)).collect();
        let judged = self.last.is_some();
        // What claims to be known from a later moment on is taken in then.
        let next_at = if goes_on { self.next(None) } else { None };
        let unit =
            |(at, as_from, unit): &UnitFrom| UnitVersion { at: *at, as_from: *as_from, unit: unit.map(text) };
        let units =
            self.nominals.iter().map(|(nominal, units)| (text(*nominal), units.iter().map(unit).collect()));
        let units = units.collect();
        let case = |(subject, case): &(u32, Case)| CaseRow {
            subject: text(*subject),
            programme: case.programme,
            area: text(case.area),
            span: case.span,
        };
        let cases = self
            .cases
            .iter()
            .map(|(at, cases)| CaseVersion { at: *at, cases: cases.iter().map(case).collect() });
        let cases = cases.collect();
        let is_plain = self.course.as_ref().is_none_or(|(_, course)| course.is_plain());
        let latest = self.bends.latest();
        let bends = self.bends.finish(is_plain);
        Followed {
            duties,
            standings,
            reconciled,
            next_at,
            judge_at,
            areas,
            evidence,
            judged,
            latest: Some(latest),
            bends,
            left: self.unit.bends.clone(),
            units,
            cases,
            failed,
        }
    }

    /// When it is to be judged next: before that nothing changes but that pending duties fall due.
    fn judge_at(&mut self) -> Option<Instant> {
        let verdicts = self.duties.iter().filter_map(|duty| duty.verdict.as_ref());
        let pending = verdicts.filter(|verdict| verdict.outcome == Outcome::Pending);
        let mut due: Vec<Instant> = pending.filter_map(|verdict| verdict.due_at).collect();
        due.sort_unstable();
        let next_at = self.next_at;
        self.next_at = self.course.as_ref().and_then(|(_, course)| course.next_change_but(&due));
        let judge_at = self.next(None);
        self.next_at = next_at;
        judge_at
    }

    /// Whether a nominal whose duties are trusted to stand in the tables came to another unit.
    fn has_another_unit(&self) -> bool {
        let units = self.nominals.iter().map(|(_, units)| units.last().and_then(|(.., unit)| *unit));
        self.trusts && self.last.is_some() && !units.eq(self.unit_before.iter().copied())
    }

    /// Adds the areas that facts put nominals into, whether they ever came to count: as at another moment they may.
    fn add_areas_told(&mut self) {
        let history = self.ground.history;
        for row in self.unit.own.iter().filter_map(|(_, position)| history.at(*position)) {
            let found = history.row(row);
            let area = match found.kind {
                FactType::MappaRegistered => history.value(row, Field::Area),
                FactType::CaseTransferred => history.value(row, Field::To),
                _ => None,
            };
            let place = area.map(|area| (area, found.subject));
            self.areas.extend(place.filter(|place| !self.areas.contains(place)));
        }
    }

    fn now(
        &self,
        verdict: &Verdict,
        record: Arc<str>,
        standings: &[Standing],
        books: &Books,
        judge: &Judge<'_>,
    ) -> Now {
        let text = |symbol: u32| self.ground.history.symbols.text(symbol);
        let subject = text(verdict.subject());
        let unit = standings
            .iter()
            .find(|standing| standing.subject == subject)
            .and_then(|standing| standing.state.iter().find(|(field, _)| field.name() == "unit"))
            .map(|(_, value)| value.clone())
            .filter(|value| value != "none");
        let at = self.last.unwrap_or(Instant::MIN);
        Now {
            version: judge.version_number(verdict),
            record,
            rule: judge.rule_id(verdict).to_owned(),
            unit,
            outcome: verdict.outcome,
            breach: verdict.breach,
            columns: Columns::of(verdict, self.ground.history),
            steps: steps_of(&books.policy, judge, verdict, at),
        }
    }
}

/// The steps of a duty that come after it could be known: warnings while it is pending, escalations while it is an
/// overdue breach.
fn steps_of(policy: &Policy, judge: &Judge<'_>, verdict: &Verdict, at: Instant) -> Vec<NextStep> {
    let overdue = verdict.outcome == Outcome::Overdue && verdict.breach;
    if verdict.outcome != Outcome::Pending && !overdue {
        return Vec::new();
    }
    let Some(due_on) = verdict.due_on else { return Vec::new() };
    let number = judge.version_number(verdict);
    let version = policy
        .rule(judge.rule_id(verdict))
        .and_then(|rule| rule.versions.iter().find(|version| version.number == number));
    let Some(version) = version else { return Vec::new() };
    match (overdue, verdict.act_by, verdict.due_at) {
        // Fixed when it falls due: a holiday published later moves no step.
        (true, _, Some(due_at)) => {
            steps::escalations(version, judge.calendar().known_before(due_at), due_on, due_at)
        }
        (false, Some(act_by), _) => {
            let calendar = judge.calendar().known_at(at);
            let earliest = verdict.opened_at.max(verdict.known_since);
            steps::warnings(version, calendar, due_on, act_by, earliest)
        }
        (true, _, None) | (false, None, _) => Vec::new(),
    }
}

/// The moments that some facts bring, in order.
pub(crate) fn moments<'p>(facts: impl Iterator<Item = &'p Placed>) -> Vec<(Instant, u32)> {
    let mut moments: Vec<(Instant, u32)> = facts.flat_map(Placed::moments).collect();
    moments.sort_unstable();
    moments.dedup();
    moments
}
