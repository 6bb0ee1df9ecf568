//! One subject's voice: tells facts, late or corrected now and then, and times acts against their due day.

use super::calendar::{Day, Moment, Within};
use super::kind::{Kind, Source};
use super::log::{Envelope, Field, Log, Value, write_event_id};
use super::random::Random;
use super::subject::Subject;
use super::world::{Profile, World};

/// Days at the end of a history in which many acts are recorded only after they were due.
pub(super) const CLOSING_DAYS: i32 = 44;

/// Types whose facts are corrected now and then: how many in a thousand are annulled in a small history, and how many
/// of those in a thousand are stated anew.
const CORRECTIONS: &[(Kind, u32, u32)] = &[
    (Kind::MappaRegistered, 6, 1000),
    (Kind::CustodyReceived, 54, 1000),
    (Kind::CustodyLeft, 52, 1000),
    (Kind::MeetingHeld, 66, 500),
    (Kind::ContactFlagged, 12, 400),
    (Kind::OasysCompleted, 52, 400),
    (Kind::OffenderManagerAllocated, 28, 600),
    (Kind::PartnershipRequested, 76, 800),
    (Kind::RotlApproved, 80, 300),
    (Kind::RecordArchived, 230, 1000),
    (Kind::AccountEnabled, 75, 1000),
    (Kind::RecordCreated, 5, 1000),
    (Kind::MinutesProduced, 5, 1000),
    (Kind::PartnersAdded, 5, 1000),
    (Kind::VettingCleared, 5, 1000),
];

/// How an act answers its duty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    /// Done and recorded in time, as a rule.
    InTime,
    /// Done in time, recorded only after the duty was due.
    RecordedLate,
    /// Done after the duty was due.
    Late,
    /// Not done.
    Never,
}

/// Tells the facts of one subject.
pub(super) struct Teller<'a> {
    pub(super) world: &'a World,
    pub(super) log: &'a mut Log,
    pub(super) random: Random,
    /// Whether facts are recorded days late or corrected now and then; off while a script tells what it needs.
    pub(super) correcting: bool,
    subject: Subject,
    numbers: u16,
    attester: u32,
    /// When the load of what was already there at the start of the history began.
    load: Moment,
}

impl<'a> Teller<'a> {
    /// Starts to tell a subject's facts; `attester` is the user who attests what no system tells.
    pub(super) fn new(world: &'a World, log: &'a mut Log, subject: Subject, attester: u32) -> Self {
        let mut random = Random::new(world.options.seed, u64::from(subject.number()));
        let load = world.begin.plus(random.seconds(3600, 18_000));
        Self { world, log, random, correcting: true, subject, numbers: 0, attester, load }
    }

    /// Names another user as the one who attests from now on.
    pub(super) fn attested_by(&mut self, attester: u32) {
        self.attester = attester;
    }

    /// Tells a fact, recorded when its source usually records; returns whether it was in the history.
    pub(super) fn tell(&mut self, kind: Kind, at: Moment, fields: &[Field]) -> bool {
        let recorded = at.plus(self.lag_s(kind.source()));
        self.tell_recorded(kind, at, recorded, fields)
    }

    /// Tells a fact that was recorded at a given moment; what was recorded after the end of the history is not told.
    pub(super) fn tell_recorded(
        &mut self,
        kind: Kind,
        at: Moment,
        recorded: Moment,
        fields: &[Field],
    ) -> bool {
        let recorded = if at < self.world.begin { self.load } else { recorded };
        if recorded > self.world.end || recorded < at {
            return false;
        }
        let number = self.number();
        let envelope =
            Envelope { subject: self.subject, number, kind, source: kind.source(), time: at, recorded };
        if kind.source().attested() {
            // A type may have a field of its own that is called so.
            let lacks = |wanted: &str| !fields.iter().any(|(name, _)| *name == wanted);
            let mut told = fields.to_vec();
            if lacks("evidence") {
                told.push(("evidence", Value::Word("attested")));
            }
            if lacks("by") {
                told.push(("by", Value::User(self.attester)));
            }
            self.log.push(self.world, envelope, &told);
        } else {
            self.log.push(self.world, envelope, fields);
        }
        self.maybe_correct(kind, number, at, recorded);
        true
    }

    /// Annuls the fact told last, which no correction may have touched; returns whether there was time for it.
    pub(super) fn annul_last(&mut self, recorded: Moment, reason: &'static str) -> bool {
        let Some(number) = self.numbers.checked_sub(1) else { return false };
        let Some(kind) = self.log.last().map(|fact| fact.kind()) else { return false };
        self.annul(kind.source(), number, recorded, reason)
    }

    fn annul(&mut self, source: Source, number: u16, recorded: Moment, reason: &'static str) -> bool {
        if recorded > self.world.end {
            return false;
        }
        let mut id = Vec::with_capacity(24);
        write_event_id(self.subject.number(), number, &mut id);
        let event = format!(r#"{{"source":"{}","id":"{}"}}"#, source.path(), String::from_utf8_lossy(&id));
        let number = self.number();
        let envelope = Envelope {
            subject: self.subject,
            number,
            kind: Kind::FactAnnulled,
            source,
            time: recorded.plus(-60),
            recorded,
        };
        self.log.push(
            self.world,
            envelope,
            &[("event", Value::Json(&event)), ("reason", Value::Word(reason))],
        );
        true
    }

    /// Corrects the fact told last in a small part of cases: it is annulled, and mostly stated anew.
    fn maybe_correct(&mut self, kind: Kind, number: u16, at: Moment, recorded: Moment) {
        let Some((_, rate, restated)) = CORRECTIONS.iter().find(|(corrected, _, _)| *corrected == kind)
        else {
            return;
        };
        // Below one in a thousand there are still a few.
        let rate = if self.world.dense { *rate } else { rate.div_ceil(8) };
        if !self.correcting || !self.random.permille(rate) {
            return;
        }
        let Some(fact) = self.log.last() else { return };
        let day = self.world.calendar.day_of(recorded).plus(self.random.soon(0, 16));
        let noticed = self.office(self.world.calendar.working_from(day));
        let noticed =
            if noticed <= recorded { recorded.plus(self.random.seconds(900, 7200)) } else { noticed };
        if !self.annul(kind.source(), number, noticed, "entered in error") || !self.random.permille(*restated)
        {
            return;
        }
        let again = noticed.plus(self.random.seconds(60, 900));
        if again <= self.world.end {
            let number = self.number();
            self.log.repeat(fact, number, at.plus(-self.random.seconds(300, 1500)), again);
        }
    }

    fn number(&mut self) -> u16 {
        let number = self.numbers;
        self.numbers = self.numbers.saturating_add(1);
        number
    }

    /// Returns how long a source takes to record.
    fn lag_s(&mut self, source: Source) -> i64 {
        let usual = match source {
            Source::Nomis => self.random.seconds(300, 3600),
            Source::Delius | Source::Oasys | Source::Accounts => self.random.seconds(20, 900),
            Source::Visor => self.random.seconds(600, 20_000),
            Source::Mappa | Source::Staff | Source::Vetting | Source::Learning => {
                self.random.seconds(600, 30_000)
            }
            Source::Governance | Source::Government => self.random.seconds(600, 7200),
        };
        let behind_permille = match source {
            Source::Visor => 90,
            Source::Mappa | Source::Vetting | Source::Learning => 70,
            Source::Delius | Source::Staff => 40,
            Source::Nomis | Source::Oasys | Source::Accounts => 12,
            Source::Governance | Source::Government => 0,
        };
        if self.correcting && self.random.permille(behind_permille) {
            usual + i64::from(self.random.soon(1, 11)) * 86_400
        } else {
            usual
        }
    }

    /// Returns a moment of a day's office hours.
    pub(super) fn office(&mut self, day: Day) -> Moment {
        let clock = self.random.seconds(0, 15_300) + self.random.seconds(0, 15_300);
        self.world.calendar.at(day, 31_500 + clock)
    }

    /// Returns a moment of a working day's office hours, on or after a day.
    pub(super) fn office_from(&mut self, day: Day) -> Moment {
        let calendar = &self.world.calendar;
        if calendar.is_working(day) || self.random.permille(40) {
            // A few people work at the weekend.
            return self.office(day);
        }
        // What the weekend has left over is done on one of the next days, not all of it on Monday.
        let day = day.plus(self.random.between(0, 5));
        self.office(calendar.working_from(day))
    }

    /// Returns a moment of office hours, so many days from a day.
    pub(super) fn office_days_from(&mut self, day: Day, low: i32, high: i32) -> Moment {
        let day = day.plus(self.random.between(low, high));
        self.office_from(day)
    }

    /// Returns a moment after `from` and before the end of `due_on`.
    pub(super) fn in_time(&mut self, from: Moment, due_on: Day) -> Moment {
        let calendar = &self.world.calendar;
        let limit = calendar.start_of(due_on.plus(1));
        if self.random.permille(12) && limit.since(from) > 2 {
            return limit.plus(-1);
        }
        let opened_on = calendar.day_of(from);
        let mut day = opened_on.plus(self.random.soon(0, due_on.since(opened_on).max(0)));
        if !calendar.is_working(day) && !self.random.permille(40) {
            let earlier = calendar.working_until(day);
            let later = calendar.working_from(day);
            day = if earlier >= opened_on {
                earlier
            } else if later <= due_on {
                later
            } else {
                day
            };
        }
        let mut at = self.office(day);
        if at <= from {
            at = from.plus(60 * self.random.seconds(5, 150));
        }
        if at >= limit { from.plus((limit.since(from) / 2).max(1)) } else { at }
    }

    /// Returns a moment after the end of `due_on`, at most about `spread` days later.
    pub(super) fn late(&mut self, due_on: Day, spread: i32) -> Moment {
        if self.random.permille(15) {
            return self.world.calendar.start_of(due_on.plus(1));
        }
        let day = due_on.plus(1 + self.random.soon(0, spread));
        self.office_from(day)
    }

    /// Draws how a place answers a duty that is due on a day.
    pub(super) fn answer(&mut self, profile: Profile, due_on: Day) -> Answer {
        let (in_time, late) = profile.shares(self.world.progress(due_on));
        let draw = self.random.below(1000);
        if draw < in_time {
            let left = self.world.last.since(due_on);
            let closing = (1..=CLOSING_DAYS).contains(&left);
            let behind = self.random.permille(if closing && self.world.dense { 190 } else { 25 });
            if behind && left >= 1 { Answer::RecordedLate } else { Answer::InTime }
        } else if draw < in_time + late {
            Answer::Late
        } else {
            Answer::Never
        }
    }

    /// Tells the act that answers a duty opened at `from`, and returns when it was done.
    pub(super) fn close_as(
        &mut self,
        answer: Answer,
        kind: Kind,
        from: Moment,
        due_on: Day,
        fields: &[Field],
    ) -> Option<Moment> {
        match answer {
            Answer::InTime => {
                let at = self.in_time(from, due_on);
                self.tell(kind, at, fields);
                Some(at)
            }
            Answer::RecordedLate => {
                let at = self.in_time(from, due_on);
                let left = self.world.last.since(due_on);
                let day = due_on.plus(1 + self.random.soon(0, 4)).min(self.world.last);
                let recorded = self.office(day);
                if (1..=CLOSING_DAYS).contains(&left) {
                    self.log.rescinding += 1;
                }
                self.tell_recorded(kind, at, recorded, fields);
                Some(at)
            }
            Answer::Late => {
                let at = self.late(due_on, 24);
                self.tell(kind, at, fields);
                Some(at)
            }
            Answer::Never => None,
        }
    }

    /// Tells the act that answers a duty in the manner of a place, and returns when it was done.
    pub(super) fn close(
        &mut self,
        profile: Profile,
        kind: Kind,
        from: Moment,
        within: Within,
        fields: &[Field],
    ) -> Option<Moment> {
        let due_on = self.world.calendar.due_on(self.world.calendar.day_of(from), within);
        let answer = self.answer(profile, due_on);
        self.close_as(answer, kind, from, due_on, fields)
    }
}
