//! How a registration and its record end: deregistration and archive, hand-over to the police, death.

use super::calendar::{Day, Moment, Within};
use super::custody::{Leave, Stay};
use super::entry::days_still_open;
use super::kind::Kind;
use super::life::{Life, Owner, Record, Sentence};
use super::log::Value;
use super::subject::Org;

/// When the termination assessment is added to a record that is put away or handed over (4.28).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Termination {
    Before,
    After,
    Missing,
    /// Missing when the person dies.
    MissingAtDeath,
}

/// Where the record goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Destination {
    Archive,
    Police,
}

impl Life<'_> {
    /// Ends the registration and puts the record away.
    pub(super) fn conclude(&mut self, day: Day, termination: Termination, destination: Destination) {
        let ended = self.teller.office_from(day);
        if self.sentence != Sentence::None {
            self.tell(Kind::SentenceEnded, ended.plus(-5400), &[]);
            self.sentence = Sentence::None;
        }
        if self.category == 2 && self.level > 1 && self.teller.random.permille(400) {
            // At the end of the licence the case goes on as category 3 for a while.
            let before = self.teller.office_from(day.plus(-20)).min(ended.plus(-7200));
            self.change(
                before,
                &[("category", Value::Number(3)), ("statutory_supervision", Value::Flag(false))],
            );
        }
        let away_on =
            self.world().calendar.working_from(self.day_of(ended).plus(self.teller.random.between(3, 9)));
        let away = self.teller.office(away_on);
        let loose_ends = if self.world().dense { 500 } else { 40 };
        if self.teller.random.permille(loose_ends) {
            self.leave_unanswered(away.plus(-600), 1);
            self.leave_unanswered(away.plus(-600), 22);
        }
        let idle_since = self.out_from.max(self.live_from());
        if self.world().dense && self.teller.random.permille(270) && away_on.since(idle_since) > 60 {
            let received = away.plus(-self.teller.random.seconds(2_500_000, 4_000_000));
            self.bare_stay(received, Some(received.plus(1_300_000)), true);
        }
        self.deregister(ended);
        if self.owner == Owner::Probation && termination == Termination::Before {
            let copied = self.teller.office_from(self.day_of(ended).plus(-2)).min(away.plus(-1200));
            self.add_termination(copied);
        }
        let kind = match destination {
            Destination::Archive => Kind::RecordArchived,
            Destination::Police => Kind::RecordTransferred,
        };
        let to = [("to", Value::Police(self.area))];
        self.tell(kind, away, if destination == Destination::Police { &to } else { &[] });
        match termination {
            Termination::Before | Termination::Missing => {}
            Termination::After => {
                let day = self.day_of(away).plus(self.teller.random.between(1, 30));
                let copied = self.teller.office_from(day).max(away.plus(600));
                self.add_termination(copied);
            }
            Termination::MissingAtDeath => {
                let day = self.day_of(away).plus(self.teller.random.between(5, 50));
                let died = self.teller.office(day);
                self.tell(Kind::NominalDied, died, &[]);
                return;
            }
        }
        if destination == Destination::Archive {
            self.record = Record::Archived;
            let gone = self.teller.office_from(away_on.plus(2));
            self.tell(Kind::NdeliusVisorDeregistered, gone, &[]);
            self.review_retention(away_on);
        }
    }

    fn add_termination(&mut self, at: Moment) {
        let assessment = ("assessment", Value::Own("assessment-", self.act()));
        self.teller.correcting = false;
        self.tell(Kind::OasysCompleted, at.plus(-3000), &[assessment]);
        let fields =
            [assessment, ("sections", Value::Words(&["R10", "R11"])), ("termination", Value::Flag(true))];
        self.tell(Kind::OasysCopied, at, &fields);
        self.teller.correcting = true;
        self.close(Kind::ManagerNotified, at, Within::WorkingDays(1), &[assessment]);
    }

    fn review_retention(&mut self, away_on: Day) {
        if !self.teller.random.permille(150) {
            return;
        }
        let at = self.teller.office_from(away_on.plus(60));
        let delete = self.teller.random.permille(150);
        let decision = if delete { "delete" } else { "archive" };
        self.tell(Kind::RetentionReviewed, at, &[("decision", Value::Word(decision))]);
        if delete {
            self.record = Record::None;
            let deleted = self.teller.office_from(away_on.plus(64));
            self.tell(Kind::RecordDeleted, deleted, &[]);
        }
    }

    /// Opens a duty of each common kind some days before a moment, and answers none of them.
    fn leave_unanswered(&mut self, before: Moment, days: i32) {
        let at = |life: &mut Self| {
            let day = life.world().calendar.working_until(life.day_of(before).plus(-days));
            life.teller.office(day).min(before)
        };
        self.teller.correcting = false;
        let asked = at(self);
        self.ask_from_another_area(asked);
        let assessed = at(self);
        let assessment = self.act();
        self.tell(Kind::OasysCompleted, assessed, &[("assessment", Value::Own("assessment-", assessment))]);
        let allocated = at(self);
        self.allocate(allocated);
        self.teller.correcting = true;
    }

    /// The person dies while much is open, and some of it overdue.
    pub(super) fn die(&mut self, day: Day) {
        let died = self.world().calendar.at(day, 20_000).plus(self.teller.random.seconds(0, 60_000));
        let early_on = self.teller.random.between(24, 40);
        for days in [early_on, 1] {
            self.leave_unanswered(died.plus(-900), days);
            self.teller.correcting = false;
            let back = self.world().calendar.working_until(self.day_of(died).plus(-days));
            for level in [2, 3] {
                let held = self.teller.office(back).min(died.plus(-1200));
                self.hold_meeting(held, level);
            }
            let flagged = self.teller.office(back).min(died.plus(-1000));
            let contact = self.act();
            self.tell(Kind::ContactFlagged, flagged, &[("contact", Value::Own("contact-", contact))]);
            self.teller.correcting = true;
        }
        let out_for = self.day_of(died).since(self.out_from.max(self.live_from()));
        if out_for > 80 && self.teller.random.permille(700) {
            // Two short stays, the second of which ended the day before.
            let left = died.plus(-86_400);
            for left in [left.plus(-86_400 * self.teller.random.seconds(20, 40)), left] {
                self.bare_stay(left.plus(-1_000_000), Some(left), false);
            }
            self.tell(Kind::NominalDied, died, &[]);
        } else if out_for > 45 && self.teller.random.permille(700) {
            let prison = self.world().prison_for(self.area, &mut self.teller.random);
            let from =
                self.world().calendar.at(self.day_of(died).plus(-self.teller.random.between(3, 40)), 64_000);
            let spell = self.act();
            self.stay(Stay { prison, from, left: Some((died, Leave::Death)), admission: true, spell });
        } else {
            self.tell(Kind::NominalDied, died, &[]);
        }
    }

    /// Much falls to be done in the last days of the history, and none of it has been done yet.
    pub(super) fn be_busy_at_the_end(&mut self) {
        let world = self.world();
        self.teller.correcting = false;
        let pick = |life: &mut Self, within: Within| {
            let days = days_still_open(world, within);
            let day = life.teller.random.pick(&days).unwrap_or(world.last);
            life.teller.office(day)
        };
        let held = pick(self, Within::WorkingDays(10));
        self.hold_meeting(held, 2);
        let held = pick(self, Within::WorkingDays(5));
        self.hold_meeting(held, 3);
        let flagged = pick(self, Within::WorkingDays(2));
        let contact = self.act();
        self.tell(Kind::ContactFlagged, flagged, &[("contact", Value::Own("contact-", contact))]);
        let assessed = pick(self, Within::WorkingDays(5));
        let assessment = self.act();
        self.tell(Kind::OasysCompleted, assessed, &[("assessment", Value::Own("assessment-", assessment))]);
        let allocated = pick(self, Within::WorkingDays(5));
        self.allocate(allocated);
        let asked = pick(self, Within::Days(3));
        self.ask_from_another_area(asked);
        match self.teller.random.below(3) {
            0 => {
                let received = pick(self, Within::Days(7));
                self.bare_stay(received, None, false);
            }
            1 => {
                let left = pick(self, Within::WorkingDays(2));
                let received = left.plus(-self.teller.random.seconds(800_000, 3_000_000));
                self.bare_stay(received, Some(left), true);
            }
            _ => {
                let received = world.end.plus(-self.teller.random.seconds(900_000, 3_600_000));
                self.bare_stay(received, None, true);
            }
        }
        self.teller.correcting = true;
    }

    /// A stay in which nobody asks for a partnership and nobody opens the record, not even before a leave.
    fn bare_stay(&mut self, received: Moment, left: Option<Moment>, licence: bool) {
        let place = self.world().prison_for(self.area, &mut self.teller.random);
        let prison = ("prison", Value::Org(Org::Prison(place)));
        let spell = ("spell", Value::Own("spell-", self.act()));
        self.tell(Kind::CustodyReceived, received, &[prison, ("reason", Value::Word("admission")), spell]);
        let searched = [prison, spell, ("found", Value::Flag(true))];
        self.close(Kind::VisorSearched, received, Within::WorkingDays(2), &searched);
        if licence {
            let approved = self.teller.office_days_from(self.day_of(received), 3, 8);
            self.tell(Kind::RotlApproved, approved, &[prison]);
        }
        if let Some(left) = left {
            self.tell(Kind::CustodyLeft, left, &[prison, ("reason", Value::Word("release")), spell]);
        }
    }
}
