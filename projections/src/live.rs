//! Taking in the log page by page, and following the clock.

use std::collections::BTreeMap;
use std::path::Path;

use hashbrown::HashSet;
use mandate_domain::catalogue::FactType;
use mandate_domain::fact::Fact;
use mandate_domain::judge::History;
use mandate_domain::time::Instant;
use mandate_store::{Checkpointer, Outline, Position, StoreError, Told};
use rusqlite::Connection;

use crate::cross::{Cross, Reach, is_judged, target, waived_subject};
use crate::error::ProjectionError;
use crate::feeds::{Arrivals, Feeds};
use crate::gather::{Task, follow_all};
use crate::model::Progress;
use crate::placed::{Placed, encode};
use crate::rows::{self, Counted, Evidence, Writing};
use crate::unit::{Before, Failure, Ground, Span};
use crate::{Projections, Shared, database, events};

/// Most events taken in with one transaction.
const PAGE: usize = 4_096;
/// Subjects followed with one transaction when the clock moves.
const SUBJECTS: u32 = 512;
/// Units whose facts are in memory at once.
const UNITS: usize = 512;
/// Events behind from which on it may be quicker to make the tables anew.
const FAR_BEHIND: u64 = 20_000;
/// Making them anew takes about as long for each event of the log as taking in one that nobody is judged by; one by which
/// somebody is takes so many times as long.
const OF_JUDGED: u64 = 8;
/// Places among the events that are missing at which is looked how many are such, and events at each.
const PLACES: u64 = 16;
const EVENTS_AT_A_PLACE: u64 = 8;
/// Depth at which annulments of annulments are no longer followed; there may be a circle.
const ANNULMENT_DEPTH: u8 = 32;
/// Units written between two times that the write-ahead log is brought to the file; each takes some six pages.
const UNITS_A_CHECKPOINT: usize = 2_000;

/// What writes, with what it keeps in memory.
#[derive(Debug)]
pub(crate) struct Writer {
    pub connection: Connection,
    /// The thread that brings the write-ahead log to the file; a writer with little to do has none.
    checkpointer: Option<Checkpointer>,
    /// Units written since it was woken.
    written: usize,
    evidence: Evidence,
    counted: Counted,
    feeds: Feeds,
    parked: HashSet<String>,
    /// The latest moment to which the clock may have been followed for anybody: later than the checkpoint while others
    /// are still behind, and after a start, when nobody knows.
    /// None for not known.
    ahead: Option<Instant>,
    /// Whether what is kept in memory may not be what the tables say.
    is_stale: bool,
}

/// Whether something was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Done {
    Something,
    Nothing,
}

/// What the log holds next.
enum Next {
    Events(Vec<Told>),
    Unreadable { position: Position, reason: String },
    Nothing,
}

impl Writer {
    pub fn new(connection: Connection) -> Result<Self, ProjectionError> {
        let evidence = Evidence::load(&connection)?;
        let feeds = Feeds::load(&connection)?;
        let parked = rows::parked(&connection)?.into_iter().map(|parked| parked.subject).collect();
        Ok(Self {
            connection,
            checkpointer: None,
            written: 0,
            evidence,
            counted: Counted::default(),
            feeds,
            parked,
            ahead: None,
            is_stale: false,
        })
    }

    /// Lets go of the file.
    pub fn close(&mut self) -> Result<(), ProjectionError> {
        self.checkpointer = None;
        self.connection = Connection::open_in_memory().map_err(ProjectionError::database("close"))?;
        Ok(())
    }

    /// Has what was written brought to the file, when it is much, while the writer goes on: by itself it would stop for
    /// that for some fifty milliseconds.
    fn bring_over(&mut self, file: &Path) {
        if self.written < UNITS_A_CHECKPOINT {
            return;
        }
        self.written = 0;
        if self.checkpointer.is_none() {
            let file = file.to_owned();
            let open = move || Connection::open(file).ok();
            // Without one the writer does it when it must.
            self.checkpointer = Checkpointer::start("read-checkpointer", open).ok();
        }
        if let Some(checkpointer) = &self.checkpointer {
            checkpointer.wake();
        }
    }
}

impl Projections {
    /// Takes in the log to its head, then follows the clock: every change of a duty up to `now`, each at its own
    /// instant and in order. A clock that went back changes nothing.
    ///
    /// Others are let in between two pages. Tables that are far behind are made anew beside those in use.
    ///
    /// # Errors
    /// [`ProjectionError`]; what was written before stays, and the next call goes on from there.
    pub fn advance(&self, now: Instant) -> Result<Progress, ProjectionError> {
        self.advance_in_pages(now, PAGE)
    }

    /// The same with at most so many events in one transaction; what stands in the tables does not depend on it.
    ///
    /// # Errors
    /// As [`Self::advance`].
    pub fn advance_in_pages(&self, now: Instant, page: usize) -> Result<Progress, ProjectionError> {
        let size = page.max(1);
        loop {
            let mut writer = self.writer()?;
            self.mend(&mut writer)?;
            let behind = rows::progress(&writer.connection)?;
            let head = self.shared.log.head()?.position;
            // A log that is shorter was put back to an earlier state: what it no longer holds is no longer true.
            let put_back = head < behind.position;
            if put_back || self.is_far_behind(behind.position, head) {
                self.make_anew(&mut writer, behind.at.max(now))?;
                continue;
            }
            let page = self.shared.attempt(&mut writer, |work| work.take_page(size))?;
            let limit = match page {
                Done::Something => rows::progress(&writer.connection)?.at,
                Done::Nothing => now,
            };
            let clock = self.shared.attempt(&mut writer, |work| work.follow_clock(limit))?;
            if (page, clock) == (Done::Nothing, Done::Nothing) {
                let progress = rows::progress(&writer.connection)?;
                rows::reach(&writer.connection, progress.position, now)?;
                if writer.ahead.is_none_or(|ahead| now >= ahead) {
                    writer.ahead = Some(now);
                }
                return rows::progress(&writer.connection);
            }
        }
    }

    /// Whether making the tables anew is quicker than taking in what is missing.
    fn is_far_behind(&self, reached: Position, head: Position) -> bool {
        let missing = head.get().saturating_sub(reached.get());
        if missing <= FAR_BEHIND {
            return false;
        }
        let (mut seen, mut judged) = (0, 0);
        for place in 0..PLACES {
            let after = Position::new(reached.get() + missing / PLACES * place);
            let wanted = usize::try_from(EVENTS_AT_A_PLACE).unwrap_or(1);
            // A guess from fewer places is as right: what cannot be read there is met with when it is taken in.
            for event in self.shared.log.told_after(after, wanted).unwrap_or_default() {
                seen += 1;
                judged += u64::from(is_judged(&event.fact.subject));
            }
        }
        // All of them, where none of those looked at could be read.
        let judged = (missing * judged).checked_div(seen).unwrap_or(missing);
        (missing - judged) + judged * OF_JUDGED > head.get()
    }

    /// Tries again to follow the subjects that are parked, or one of them; answers how many there were. What was told
    /// since, of them and of others whom that concerns, is only right in tables that are made anew.
    ///
    /// # Errors
    /// [`ProjectionError`] when the log cannot be read or the tables cannot be written.
    pub fn retry(&self, subject: Option<&str>) -> Result<usize, ProjectionError> {
        let mut writer = self.writer()?;
        self.mend(&mut writer)?;
        let wanted = |parked: &crate::Parked| subject.is_none_or(|subject| subject == parked.subject);
        let found = rows::parked(&writer.connection)?.iter().filter(|parked| wanted(parked)).count();
        if found > 0 {
            let at = rows::progress(&writer.connection)?.at;
            self.make_anew(&mut writer, at)?;
        }
        Ok(found)
    }

    /// Has the tables and what is kept of them in memory in step again, where an error left them otherwise.
    fn mend(&self, writer: &mut Writer) -> Result<(), ProjectionError> {
        if writer.connection.path().is_none_or(str::is_empty) {
            *writer = Writer::new(database::open(&self.shared.file)?)?;
            writer.is_stale = true;
        }
        if writer.is_stale { self.shared.reload(writer) } else { Ok(()) }
    }
}

impl Shared {
    /// Runs one step in one transaction; one that fails leaves nothing behind, in the tables or in memory.
    fn attempt<T>(
        &self,
        writer: &mut Writer,
        step: impl FnOnce(&mut Step<'_>) -> Result<T, ProjectionError>,
    ) -> Result<T, ProjectionError> {
        let progress = rows::progress(&writer.connection)?;
        let Writer {
            connection,
            checkpointer: _,
            written,
            evidence,
            counted,
            feeds,
            parked,
            ahead,
            is_stale: _,
        } = writer;
        let transaction = connection.transaction().map_err(ProjectionError::database("begin"))?;
        let mut work = Step {
            shared: self,
            connection: &transaction,
            written,
            evidence,
            counted,
            feeds,
            parked,
            ahead,
            progress,
        };
        let done = step(&mut work).and_then(|done| {
            work.counted.write_sums(work.connection)?;
            Ok(done)
        });
        let done = done.and_then(|done| {
            transaction.commit().map_err(ProjectionError::database("commit"))?;
            Ok(done)
        });
        if done.is_err() {
            // The rows are as before; what was noted in memory is not. Where it cannot be read again now, the next
            // call does, and goes no further before it can.
            writer.is_stale = true;
            self.reload(writer).ok();
        }
        writer.bring_over(&self.file);
        done
    }

    /// Reads again what is kept in memory.
    fn reload(&self, writer: &mut Writer) -> Result<(), ProjectionError> {
        let progress = rows::progress(&writer.connection)?;
        let cross = Cross::load(&self.log, progress.position)?;
        writer.evidence = Evidence::load(&writer.connection)?;
        writer.counted = Counted::default();
        writer.feeds = Feeds::load(&writer.connection)?;
        writer.parked = rows::parked(&writer.connection)?.into_iter().map(|parked| parked.subject).collect();
        *self.cross_mut()? = cross;
        writer.is_stale = false;
        Ok(())
    }
}

/// What is noted of a unit that was followed.
#[derive(Debug, Default)]
struct Noted {
    /// When something of it changes next; none for never.
    next_at: Option<Instant>,
    /// When it is to be judged next; none for never.
    judge_at: Option<Instant>,
    /// The latest time of one of its facts, or from which a version stands.
    latest: Option<Instant>,
}

/// What a transaction works on.
struct Step<'w> {
    shared: &'w Shared,
    connection: &'w Connection,
    written: &'w mut usize,
    evidence: &'w mut Evidence,
    counted: &'w mut Counted,
    feeds: &'w mut Feeds,
    parked: &'w mut HashSet<String>,
    ahead: &'w mut Option<Instant>,
    progress: Progress,
}

impl Step<'_> {
    /// Takes in the next events. Those that may concern everybody are taken in by themselves, after everything the
    /// clock brought before them.
    fn take_page(&mut self, size: usize) -> Result<Done, ProjectionError> {
        let mut events = match self.next(size)? {
            Next::Nothing => return Ok(Done::Nothing),
            Next::Unreadable { position, reason } => return self.park_unreadable(position, reason),
            Next::Events(events) => events,
        };
        let global = {
            let cross = self.shared.cross()?;
            events.iter().position(|event| cross.is_global(&event.fact))
        };
        let of_one_instant =
            |events: &[Told], at: Instant| events.partition_point(|event| event.recorded_at < at);
        if let Some(at) = global.and_then(|global| events.get(global)).map(|event| event.recorded_at) {
            let before = of_one_instant(&events, at);
            if before > 0 {
                events.truncate(before);
            } else {
                if self.follow_clock(at.just_before())? == Done::Something {
                    return Ok(Done::Something);
                }
                let own = events.partition_point(|event| event.recorded_at <= at);
                events.truncate(own);
            }
        }
        self.take_in(events)?;
        Ok(Done::Something)
    }

    /// Reads on, round what cannot be decoded.
    fn next(&self, size: usize) -> Result<Next, ProjectionError> {
        let after = self.progress.position;
        let mut limit = size;
        loop {
            match self.shared.log.told_after(after, limit) {
                Ok(told) if told.is_empty() => return Ok(Next::Nothing),
                Ok(told) => return Ok(Next::Events(told)),
                Err(StoreError::Unreadable { position, reason }) => {
                    let before = position.get().saturating_sub(after.get() + 1);
                    if before == 0 {
                        return Ok(Next::Unreadable { position, reason });
                    }
                    limit = usize::try_from(before).unwrap_or(size).min(size);
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn take_in(&mut self, events: Vec<Told>) -> Result<(), ProjectionError> {
        let Some((position, until)) = events.last().map(|event| (event.position, event.recorded_at)) else {
            return Ok(());
        };
        let mut touched: BTreeMap<String, Instant> = BTreeMap::new();
        let mut reaches: Vec<(Reach, Instant)> = Vec::new();
        let mut changes_policy = false;
        let mut earliest = self.progress.at;
        let mut facts = Vec::new();
        let mut arrivals = Arrivals::default();
        for event in events {
            arrivals.note(&event.fact.source, event.recorded_at);
            events::take_in(self.connection, &event)?;
            let placed = Placed::from_told(event);
            if is_judged(&placed.fact.subject) {
                facts.clear();
                encode(&placed, &mut facts);
                rows::add_to_stream(self.connection, &placed.fact.subject, placed.position, &facts)?;
            }
            // What claims to have been known earlier has those whom it concerns followed again from then on.
            let at = placed.known_at().min(placed.recorded_at);
            earliest = earliest.min(at);
            if placed.fact.kind == FactType::NominalMerged {
                self.park_what_is_merged_with_parked(&placed, earliest)?;
            }
            let mut touch = |subject: &str| {
                if is_judged(subject) {
                    let from = touched.entry(subject.to_owned()).or_insert(at);
                    *from = at.min(*from);
                }
            };
            touch(&placed.fact.subject);
            let mut cross = self.shared.cross_mut()?;
            cross.note(&placed);
            changes_policy |= cross.is_global(&placed.fact);
            match cross.reach(&placed) {
                Reach::Own => {}
                Reach::Subjects(subjects) => subjects.iter().for_each(|subject| touch(subject)),
                reach => reaches.push((reach, at)),
            }
            drop(cross);
            let annulled = self.annulled_subjects(&placed.fact)?;
            if !annulled.is_empty() {
                let cross = self.shared.cross()?;
                for subject in &annulled {
                    touch(subject);
                    cross.orgs_of(subject).for_each(&mut touch);
                }
            }
        }
        self.feeds.add(arrivals);
        self.feeds.write(self.connection)?;
        if changes_policy {
            let mut cross = self.shared.cross_mut()?;
            cross.renew_epochs();
            for epoch in cross.epochs() {
                rows::park_policy(self.connection, epoch)?;
            }
        }
        let last = position_u32(position);
        self.follow(touched, until, last)?;
        for (reach, at) in reaches {
            self.concern(&reach, at)?;
        }
        rows::reach(self.connection, position, until)
    }

    /// The subjects that an annulment concerns: that of the fact it names, and where that is an annulment itself, so on.
    fn annulled_subjects(&self, fact: &Fact) -> Result<Vec<String>, ProjectionError> {
        let mut found = Vec::new();
        let mut named = target(fact);
        for _ in 0..ANNULMENT_DEPTH {
            let Some((source, id)) = named else { break };
            let event = match self.shared.log.by_source_id(&source, &id) {
                Ok(Some(event)) => event,
                // It is parked or will be; nothing of it counts.
                Ok(None) | Err(StoreError::Unreadable { .. }) => break,
                Err(error) => return Err(error.into()),
            };
            found.push(event.fact.subject.to_string());
            if event.fact.kind == FactType::DutyWaived {
                found.extend(waived_subject(&event.fact.subject));
            }
            named = target(&event.fact);
        }
        Ok(found)
    }

    /// Follows the units of some subjects, each touched first at an instant, and writes what became of them.
    fn follow(
        &mut self,
        touched: BTreeMap<String, Instant>,
        until: Instant,
        last: u32,
    ) -> Result<(), ProjectionError> {
        let cross = self.shared.cross()?;
        let mut units: BTreeMap<String, (Vec<String>, Instant)> = BTreeMap::new();
        for (subject, at) in touched {
            let leader = cross.leader(&subject).to_owned();
            let unit = units.entry(leader).or_insert_with(|| (cross.members(&subject), at));
            unit.1 = unit.1.min(at);
        }
        let reached = self.ahead.map_or(Instant::MAX, |ahead| ahead.max(self.progress.at));
        let mut units = units.into_values().peekable();
        while units.peek().is_some() {
            let mut tasks = Vec::new();
            for (members, at) in units.by_ref().take(UNITS) {
                if members.iter().any(|member| self.parked.contains(member)) {
                    rows::stand_still(self.connection, &members)?;
                    continue;
                }
                let noted = self.noted_of(&members)?;
                let from = noted.next_at.map_or(at, |next| next.min(at));
                let before = match members.as_slice() {
                    [alone] if from > reached && cross.stays_as_followed(alone, from, until) => {
                        Before::Trusted { latest: noted.latest.unwrap_or(Instant::MIN) }
                    }
                    _ => Before::Stored(rows::stored(self.connection, &members, from, reached)?),
                };
                let bends = rows::bends(self.connection, &members, from)?;
                let facts = rows::streams(self.connection, &members)?;
                tasks.push(Task {
                    members,
                    facts,
                    span: Span { from: Some(from), until },
                    until: last,
                    bends,
                    before,
                });
            }
            let trusted: Vec<bool> =
                tasks.iter().map(|task| matches!(task.before, Before::Trusted { .. })).collect();
            for ((members, mut followed), trusted) in follow_all(&cross, tasks)?.into_iter().zip(trusted) {
                if trusted {
                    rows::find_stored(self.connection, &mut followed)?;
                }
                rows::write(self.connection, &members, &mut followed, Writing::Over, self.counted)?;
                *self.written += 1;
                self.evidence.write(self.connection, &followed.evidence)?;
                if followed.failed.is_some() {
                    self.parked.extend(members);
                }
            }
        }
        Ok(())
    }

    /// What is noted of a unit.
    fn noted_of(&self, members: &[String]) -> Result<Noted, ProjectionError> {
        let failed = ProjectionError::database("read when a subject changes next");
        let mut noted = Noted::default();
        for member in members {
            let mut statement = self
                .connection
                .prepare_cached("SELECT next_at, judge_at, latest FROM subjects WHERE subject = ?1")
                .map_err(&failed)?;
            let found = statement
                .query_map([member], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
                .map_err(&failed)?;
            for found in found {
                let (next_at, judge_at, latest): (Option<i64>, Option<i64>, Option<i64>) =
                    found.map_err(&failed)?;
                let [next_at, judge_at] = [next_at, judge_at].map(|at| at.map(Instant::from_nanos));
                noted.next_at = noted.next_at.into_iter().chain(next_at).min();
                noted.judge_at = noted.judge_at.into_iter().chain(judge_at).min();
                noted.latest = noted.latest.max(latest.map(Instant::from_nanos));
            }
        }
        Ok(noted)
    }

    fn concern(&self, reach: &Reach, at: Instant) -> Result<(), ProjectionError> {
        let found = match reach {
            Reach::Own | Reach::Subjects(_) => return Ok(()),
            Reach::Users => {
                let users = "SELECT subject FROM subjects WHERE kind = 'user' AND leads = 1";
                rows::subjects(self.connection, users, [])?
            }
            Reach::Everybody => return rows::concern_everybody(self.connection, at),
            Reach::Area(area) => {
                rows::subjects(self.connection, "SELECT subject FROM areas WHERE area = ?1", [area])?
            }
            Reach::OpenAt(published) => {
                // What was done before it was due was open as at a moment before that.
                let open = "SELECT DISTINCT subject FROM duties \
                            WHERE outcome IN ('pending', 'overdue') OR since >= ?1 OR due_at > ?1";
                rows::subjects(self.connection, open, [published.nanos()])?
            }
        };
        let cross = self.shared.cross()?;
        rows::concern(self.connection, &cross, found.iter().map(String::as_str), at)
    }

    /// Follows the subjects whose next change has come, the earliest first.
    fn follow_clock(&mut self, limit: Instant) -> Result<Done, ProjectionError> {
        let due = "SELECT subject FROM subjects WHERE next_at IS NOT NULL AND next_at <= ?1 \
                   ORDER BY next_at, subject LIMIT ?2";
        let mut due = rows::subjects(self.connection, due, rusqlite::params![limit.nanos(), SUBJECTS])?;
        if due.is_empty() {
            return Ok(Done::Nothing);
        }
        self.fall_due(&mut due, limit)?;
        let touched = due.into_iter().map(|subject| (subject, Instant::MAX)).collect();
        self.follow(touched, limit, position_u32(self.progress.position))?;
        // An event that was recorded before and is read later has these followed again.
        *self.ahead = self.ahead.map(|ahead| ahead.max(limit));
        Ok(Done::Something)
    }

    /// Has the duties of those units fall due up to an instant of which nothing else changes up to there; the others, which
    /// are to be judged, stay.
    fn fall_due(&mut self, leaders: &mut Vec<String>, limit: Instant) -> Result<(), ProjectionError> {
        let cross = self.shared.cross()?;
        let (mut to_judge, mut units) = (Vec::new(), Vec::new());
        for leader in std::mem::take(leaders) {
            let Noted { judge_at, .. } = self.noted_of(std::slice::from_ref(&leader))?;
            let members = cross.members(&leader);
            let is_parked = members.iter().any(|member| self.parked.contains(member));
            if is_parked || judge_at.is_some_and(|judge_at| judge_at <= limit) {
                to_judge.push(leader);
            } else {
                units.push((leader, members, judge_at));
            }
        }
        *leaders = to_judge;
        if units.is_empty() {
            return Ok(());
        }
        let mut history = History::default();
        for placed in cross.shared() {
            history.add(&placed.fact, placed.known_at(), placed.position);
        }
        let ground = Ground::new(&history, &cross, cross.epochs());
        for (leader, members, judge_at) in units {
            let fell = rows::fall_due(self.connection, &ground, &members, limit, self.counted)?;
            if fell.duties == 0 {
                leaders.push(leader);
                continue;
            }
            let next_at = judge_at.into_iter().chain(fell.next_at).min().map(Instant::nanos);
            let sql = "UPDATE subjects SET next_at = ?2 WHERE subject = ?1";
            rows::execute(self.connection, "have duties fall due", sql, rusqlite::params![leader, next_at])?;
            *self.written += 1;
        }
        Ok(())
    }

    /// Parks the subject of an event that cannot be decoded, as it stood just before, and goes on after it.
    fn park_unreadable(&mut self, position: Position, reason: String) -> Result<Done, ProjectionError> {
        let found = self.shared.log.outline_at(position)?;
        let Outline { subject, source, recorded_at: at } =
            found.ok_or(StoreError::Gap { missing: position, head: position })?;
        if is_judged(&subject) {
            if self.follow_clock(at.just_before())? == Done::Something {
                return Ok(Done::Something);
            }
            let members = self.shared.cross()?.members(&subject);
            let failure = Failure { reason, position: position_u32(position), since: at };
            self.park(&members, at, &failure, self.progress.at)?;
        } else {
            let failure = Failure { reason, position: position_u32(position), since: at };
            rows::park(self.connection, &[subject], &failure)?;
        }
        let mut arrivals = Arrivals::default();
        arrivals.note(&source, at);
        self.feeds.add(arrivals);
        self.feeds.write(self.connection)?;
        rows::reach(self.connection, position, at)?;
        Ok(Done::Something)
    }

    /// Follows a unit to an instant, without the event that parks it, and parks it. What came before on the same page counts
    /// too: its earliest moment is given.
    fn park(
        &mut self,
        members: &[String],
        at: Instant,
        failure: &Failure,
        earliest: Instant,
    ) -> Result<(), ProjectionError> {
        let before = failure.position.saturating_sub(1);
        let known = members.iter().filter(|member| !self.parked.contains(*member));
        let from = at.min(earliest);
        let touched = known.map(|member| (member.clone(), from)).collect();
        self.follow(touched, at, before)?;
        rows::park(self.connection, members, failure)?;
        self.parked.extend(members.iter().cloned());
        Ok(())
    }

    /// A subject that is merged with one that is parked cannot be followed either.
    fn park_what_is_merged_with_parked(
        &mut self,
        merge: &Placed,
        earliest: Instant,
    ) -> Result<(), ProjectionError> {
        if self.parked.is_empty() {
            return Ok(());
        }
        let Some(into) = merge.fact.text(mandate_domain::catalogue::Field::Into) else { return Ok(()) };
        let sets = {
            let cross = self.shared.cross()?;
            [cross.members(&merge.fact.subject), cross.members(into)]
        };
        let is_parked = |set: &Vec<String>| set.iter().any(|member| self.parked.contains(member));
        let [one, other] = [is_parked(&sets[0]), is_parked(&sets[1])];
        if one == other {
            return Ok(());
        }
        let [first, second] = sets;
        let (free, blocked) = if one { (second, first) } else { (first, second) };
        let with = blocked.first().cloned().unwrap_or_default();
        let failure = Failure {
            reason: format!("merged with {with}, which is parked"),
            position: merge.position,
            since: merge.recorded_at,
        };
        self.park(&free, merge.recorded_at, &failure, earliest)
    }
}

fn position_u32(position: Position) -> u32 {
    u32::try_from(position.get()).unwrap_or(u32::MAX)
}
