//! What an area does for a nominal month by month: contacts, assessments, meetings, reviews, managers.

use super::calendar::{Day, Moment, Within};
use super::kind::Kind;
use super::life::{Life, Owner};
use super::log::Value;
use super::subject::Org;
use super::teller::Answer;

impl Life<'_> {
    /// Tells the work from a day up to, not including, another.
    pub(super) fn manage(&mut self, from: Day, to: Day) {
        let to = to.min(self.world().last.plus(1));
        self.now_and_then(from, to, (3, 9), (150, 330), Self::allocate_manager);
        self.now_and_then(from, to, (2, 50), (38, 100), Self::flag_contact);
        self.now_and_then(from, to, (10, 100), (80, 180), Self::assess);
        self.now_and_then(from, to, (10, 100), (50, 190), Self::look_in);
        match self.level {
            2 => self.now_and_then(from, to, (5, 60), (50, 100), Self::meet),
            3 => self.now_and_then(from, to, (3, 25), (25, 55), Self::meet),
            _ => self.now_and_then(from, to, (30, 130), (110, 190), Self::review),
        }
        if self.nominal % 17 == 3 {
            self.now_and_then(from, to, (30, 150), (150, 260), Self::take_polygraph);
        }
        let asked_of = if self.world().dense { 2 } else { 9 };
        if self.nominal % asked_of == 1 && self.owner == Owner::Probation {
            self.now_and_then(from, to, (20, 160), (120, 260), Self::another_area_asks);
        }
        if self.nominal % 13 == 7 {
            self.now_and_then(from, to, (20, 200), (200, 400), Self::check_dataset);
        }
        if self.nominal % 211 == 100 {
            self.now_and_then(from, to, (20, 100), (400, 500), Self::limit_access);
        }
    }

    /// Does something again and again: first after `lead` days, then every `gap` days.
    fn now_and_then(
        &mut self,
        from: Day,
        to: Day,
        lead: (i32, i32),
        gap: (i32, i32),
        act: fn(&mut Self, Moment),
    ) {
        let mut day = from.plus(self.teller.random.between(lead.0, lead.1));
        while day < to {
            let at = self.teller.office_from(day);
            act(self, at);
            let longest = if self.world().dense { gap.1 } else { gap.1 * 3 / 2 };
            day = day.plus(self.teller.random.between(gap.0, longest));
        }
    }

    /// A contact is flagged for ViSOR and copied there.
    fn flag_contact(&mut self, at: Moment) {
        let live = self.live_at(at);
        if !live && !self.teller.random.permille(250) {
            return;
        }
        let priority = self.teller.random.permille(50);
        let contact = ("contact", Value::Own("contact-", self.act()));
        if priority {
            // The line manager is told first, as a rule.
            let first = self.teller.random.permille(880);
            let told = if first { at.plus(-self.teller.random.seconds(600, 5000)) } else { at.plus(4000) };
            self.tell(Kind::ImminentRiskTold, told, &[contact, ("to", Value::Word("line-manager"))]);
            self.tell(Kind::ImminentRiskTold, told.plus(300), &[contact, ("to", Value::Word("police"))]);
        }
        let fields = [contact, ("priority", Value::Flag(true))];
        self.tell(Kind::ContactFlagged, at, fields.get(..1 + usize::from(priority)).unwrap_or_default());
        let copied = self.close(Kind::ContactCopied, at, Within::WorkingDays(2), &[contact]);
        if let Some(copied) = copied.filter(|_| live) {
            match self.teller.random.below(10) {
                0..=1 => {
                    let fields = [("about", Value::Word("contact copied"))];
                    self.tell(Kind::PractitionerInformed, copied.plus(300), &fields);
                }
                2..=3 => {
                    let fields = [("attachment", Value::Own("attachment-", self.act()))];
                    self.tell(Kind::AttachmentUpdated, copied.plus(600), &fields);
                }
                _ => {}
            }
        }
    }

    /// An assessment is completed; its summary and plan are copied, its manager told.
    fn assess(&mut self, at: Moment) {
        let assessment = ("assessment", Value::Own("assessment-", self.act()));
        self.tell(Kind::OasysCompleted, at, &[assessment]);
        if !self.live_at(at) {
            return;
        }
        let both = ("sections", Value::Words(&["R10", "R11"]));
        if self.teller.random.permille(60) {
            let early = at.plus(self.teller.random.seconds(600, 3000));
            self.tell(Kind::OasysCopied, early, &[assessment, ("sections", Value::Words(&["R10"]))]);
        }
        let copied = self.close(Kind::OasysCopied, at, Within::WorkingDays(5), &[assessment, both]);
        if let Some(copied) = copied {
            self.close(Kind::ManagerNotified, copied, Within::WorkingDays(1), &[assessment]);
            if self.teller.random.permille(500) {
                let signed = self.teller.office_from(self.day_of(copied).plus(2));
                let by = ("by", Value::User(self.administrator));
                self.tell(Kind::RiskAssessmentSignedOff, signed, &[assessment, by]);
            }
        }
    }

    /// A meeting at the present level is held, and its minutes are produced and added.
    fn meet(&mut self, at: Moment) {
        let level = self.level;
        let meeting = self.hold_meeting(at, level);
        let within = Within::WorkingDays(if level == 3 { 5 } else { 10 });
        let fields = [("meeting", Value::Own("meeting-", meeting))];
        if self.live_at(at) && self.teller.random.permille(150) {
            self.close(Kind::MinutesAdded, at, within, &fields);
            return;
        }
        let produced = self.close(Kind::MinutesProduced, at, within, &fields);
        if let Some(produced) = produced {
            let received = produced.plus(self.teller.random.seconds(3600, 90_000));
            self.tell(Kind::MinutesReceived, received, &fields);
            if self.live_at(received) {
                self.close(Kind::MinutesAdded, received, Within::WorkingDays(1), &fields);
            }
        }
    }

    /// Holds a meeting and returns its count.
    pub(super) fn hold_meeting(&mut self, at: Moment, level: u32) -> u16 {
        let meeting = self.act();
        let fields = [("meeting", Value::Own("meeting-", meeting)), ("level", Value::Number(level))];
        self.tell(Kind::MeetingHeld, at, &fields);
        meeting
    }

    /// A level 1 case is reviewed.
    fn review(&mut self, at: Moment) {
        let review = [("review", Value::Own("review-", self.act()))];
        self.tell(Kind::Level1ReviewCompleted, at, &review);
        if self.live_at(at) {
            self.close(Kind::Level1ReviewCopied, at, Within::WorkingDays(5), &review);
        }
    }

    fn take_polygraph(&mut self, at: Moment) {
        let report = [("report", Value::Own("polygraph-", self.act()))];
        self.tell(Kind::PolygraphCompleted, at, &report);
        if self.live_at(at) {
            self.close(Kind::PolygraphAdded, at, Within::WorkingDays(5), &report);
        }
    }

    /// A community manager is allocated and recorded; now and then another follows at once.
    fn allocate_manager(&mut self, at: Moment) {
        let manager = self.allocate(at);
        let fields = [("manager", Value::Own("om-", manager)), ("kind", Value::Word("com"))];
        let hasty = if self.world().dense { 120 } else { 25 };
        if self.teller.random.permille(hasty) {
            // The next allocation comes before the first was recorded: soon, or long after it was due.
            let wait = if self.teller.random.permille(500) { (1, 4) } else { (9, 40) };
            let day = self.day_of(at).plus(self.teller.random.between(wait.0, wait.1));
            let again = self.teller.office_from(day).max(at.plus(3600));
            let manager = self.allocate(again);
            let fields = [("manager", Value::Own("om-", manager)), ("kind", Value::Word("com"))];
            if self.live_at(again) {
                self.close(Kind::OffenderManagerRecorded, again, Within::WorkingDays(5), &fields);
            }
        } else if self.live_at(at) {
            self.close(Kind::OffenderManagerRecorded, at, Within::WorkingDays(5), &fields);
        }
    }

    /// Allocates another community manager and returns the manager's count.
    pub(super) fn allocate(&mut self, at: Moment) -> u16 {
        let manager = self.act();
        let fields = [("manager", Value::Own("om-", manager)), ("kind", Value::Word("com"))];
        self.tell(Kind::OffenderManagerAllocated, at, &fields);
        manager
    }

    /// Somebody of the area opens the record; rarely somebody who is no partner.
    fn look_in(&mut self, at: Moment) {
        if !self.live_at(at) {
            return;
        }
        if self.teller.random.permille(30) {
            let area = self.world().other_area(self.area, &mut self.teller.random);
            self.look_at_record(Org::Area(area), at, false);
        } else {
            self.look_at_record(Org::Unit(self.area, 0), at, true);
        }
    }

    /// Another area asks to be a partner of the record.
    pub(super) fn another_area_asks(&mut self, at: Moment) {
        if self.live_at(at) {
            let (request, org, users) = self.ask_from_another_area(at);
            let owner = self.profile();
            self.answer_request(request, org, &users, at, owner);
        }
    }

    /// Another area's request, not yet answered.
    pub(super) fn ask_from_another_area(&mut self, at: Moment) -> (u16, Org, Vec<u32>) {
        let org = Org::Area(self.world().other_area(self.area, &mut self.teller.random));
        let users = self.some_users(org);
        let request = self.act();
        let fields = [
            ("request", Value::Own("request-", request)),
            ("org", Value::Org(org)),
            ("users", Value::Users(&users)),
        ];
        let named = if users.is_empty() { 2 } else { 3 };
        self.tell(Kind::PartnershipRequested, at, fields.get(..named).unwrap_or_default());
        (request, org, users)
    }

    fn check_dataset(&mut self, at: Moment) {
        if !self.live_at(at) {
            return;
        }
        let complete = self.teller.random.permille(800);
        let missing: &[&str] = if complete { &[] } else { &["photograph", "address"] };
        let fields = [("complete", Value::Flag(complete)), ("missing", Value::Words(missing))];
        self.tell(Kind::DatasetChecked, at, &fields);
    }

    fn limit_access(&mut self, at: Moment) {
        self.tell(Kind::RecordAccessLimited, at, &[("limited", Value::Flag(true))]);
        let lifted = self.teller.office_from(self.day_of(at).plus(90));
        self.tell(Kind::RecordAccessLimited, lifted, &[("limited", Value::Flag(false))]);
    }

    /// The area asks the police, who own the record, to be their partner (4.26).
    pub(super) fn join_police_record(&mut self, opened: Moment) {
        let due_on = self.day_of(opened).plus(7);
        let answer = self.teller.answer(self.profile(), due_on);
        let asked = match answer {
            Answer::InTime | Answer::RecordedLate => self.teller.in_time(opened, due_on),
            Answer::Late => self.teller.late(due_on, 30),
            Answer::Never => return,
        };
        let org = Org::Area(self.area);
        let request = ("request", Value::Own("request-", self.act()));
        let fields = [request, ("org", Value::Org(org))];
        self.tell(Kind::PartnershipRequested, asked, &fields);
        let added = asked.plus(self.teller.random.seconds(40_000, 600_000));
        self.tell(Kind::PartnersAdded, added, &fields);
    }
}
