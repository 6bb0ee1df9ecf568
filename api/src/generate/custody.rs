//! A stay in prison: reception, search, the work inside, leave, and departure.

use super::calendar::{Day, Moment, Within};
use super::kind::Kind;
use super::life::{Life, Record};
use super::log::Value;
use super::subject::Org;
use super::teller::Answer;
use super::world::Profile;

/// How a stay ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Leave {
    Release,
    Transfer,
    Death,
    AtLarge,
}

impl Leave {
    fn name(self) -> &'static str {
        match self {
            Self::Release => "release",
            Self::Transfer => "transfer",
            Self::Death => "death",
            Self::AtLarge => "unlawfully_at_large",
        }
    }
}

/// One stay in one prison.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stay {
    pub(super) prison: u32,
    pub(super) from: Moment,
    /// When and how it ended; nothing while it goes on.
    pub(super) left: Option<(Moment, Leave)>,
    pub(super) admission: bool,
    /// The count of the spell in custody, which a transfer does not end.
    pub(super) spell: u16,
}

impl Stay {
    /// Returns the prison.
    pub(super) fn org(&self) -> Org {
        Org::Prison(self.prison)
    }

    /// Says whether a moment lies within the stay.
    pub(super) fn includes(&self, at: Moment) -> bool {
        at >= self.from && self.left.is_none_or(|(left, _)| at < left)
    }
}

impl Life<'_> {
    /// Tells a time in custody from an admission to a release, with a transfer where it is long enough.
    pub(super) fn custody(&mut self, prison: u32, from: Moment, until: Option<Moment>) {
        let world = self.world();
        let spell = self.act();
        let length = world.calendar.day_of(until.unwrap_or(world.end)).since(self.day_of(from));
        let ending = until.map(|until| {
            (until, if self.teller.random.permille(12) { Leave::AtLarge } else { Leave::Release })
        });
        if length > 30 && self.teller.random.permille(300) {
            let day = self.day_of(from).plus(self.teller.random.between(4, length - 4));
            let moved = world.calendar.at(world.calendar.working_from(day), 34_000);
            let moved = moved.plus(self.teller.random.seconds(0, 9000));
            if until.is_none_or(|until| moved.plus(90_000) < until) && moved > from {
                let other = world.other_prison(prison, &mut self.teller.random);
                let first =
                    Stay { prison, from, left: Some((moved, Leave::Transfer)), admission: true, spell };
                self.stay(first);
                let arrived = moved.plus(self.teller.random.seconds(7200, 20_000));
                self.stay(Stay { prison: other, from: arrived, left: ending, admission: false, spell });
                return;
            }
        }
        self.stay(Stay { prison, from, left: ending, admission: true, spell });
    }

    /// Tells one stay.
    pub(super) fn stay(&mut self, stay: Stay) {
        if stay.from > self.world().end {
            return;
        }
        let staff = self.world().roster.of(stay.org());
        let attester = staff.start + self.teller.random.below(staff.end - staff.start);
        let reason = if stay.admission { "admission" } else { "transfer" };
        let prison = ("prison", Value::Org(stay.org()));
        let spell = ("spell", Value::Own("spell-", stay.spell));
        self.tell(Kind::CustodyReceived, stay.from, &[prison, ("reason", Value::Word(reason)), spell]);
        self.teller.attested_by(attester);
        let profile = self.world().profile(stay.org());
        if stay.admission {
            let due_on = self.world().calendar.due_on(self.day_of(stay.from), Within::WorkingDays(2));
            let answer = self.teller.answer(profile, due_on);
            // The search is told with what it found, so its moment is drawn first.
            if answer != Answer::Never {
                let at = if answer == Answer::Late {
                    self.teller.late(due_on, 20)
                } else {
                    self.teller.in_time(stay.from, due_on)
                };
                if stay.includes(at) {
                    let found = ("found", Value::Flag(self.live_at(at)));
                    self.tell(Kind::VisorSearched, at, &[prison, spell, found]);
                }
            }
        }
        let known_from = match self.record {
            Record::Live(since) => Some(since.max(stay.from)),
            Record::None | Record::Archived => None,
        };
        if let Some(known_from) = known_from.filter(|from| stay.includes(*from)) {
            self.work_inside(stay, known_from, profile, attester);
        }
        if let Some((left, how)) = stay.left {
            self.depart(stay, left, how, profile);
        }
        self.teller.attested_by(self.administrator);
    }

    /// What the prison does for a nominal with a record.
    fn work_inside(&mut self, stay: Stay, known_from: Moment, profile: Profile, attester: u32) {
        let prison = ("prison", Value::Org(stay.org()));
        if !self.alert {
            let code = [("code", Value::Word("PVN"))];
            self.alert = self
                .teller
                .close(profile, Kind::AlertAdded, known_from, Within::WorkingDays(2), &code)
                .is_some();
        }
        let partners = self.ask_for_partnership(stay, known_from, profile, attester);
        let Some(partners) = partners.filter(|since| stay.includes(*since)) else { return };
        let checked = [("complete", Value::Flag(true)), ("missing", Value::Words(&[])), prison];
        self.teller.close(profile, Kind::DatasetChecked, partners, Within::WorkingDays(10), &checked);
        let until = stay.left.map_or(self.world().end, |(left, _)| left);
        let from = self.day_of(partners);
        let days = self.day_of(until).since(from);
        if days < 8 {
            return;
        }
        self.allocate_pom(stay, from, profile);
        for _ in 0..self.teller.random.between(0, (days / 45).min(3)) {
            let at = self.teller.office_days_from(from, 3, days - 3);
            self.add_risk_information(stay, at, profile);
        }
        self.go_out(stay, from, days);
        self.approve_leave(stay, from, days, profile, attester);
    }

    fn allocate_pom(&mut self, stay: Stay, from: Day, profile: Profile) {
        let at = self.teller.office_days_from(from, 1, 6);
        let manager = self.act();
        let fields = [("manager", Value::Own("om-", manager)), ("kind", Value::Word("pom"))];
        self.tell(Kind::OffenderManagerAllocated, at, &fields);
        self.teller.close(profile, Kind::OffenderManagerRecorded, at, Within::WorkingDays(5), &fields);
        if self.teller.random.permille(600) {
            self.look_at_record(stay.org(), at.plus(3600), true);
        }
    }

    fn add_risk_information(&mut self, stay: Stay, at: Moment, profile: Profile) {
        if !stay.includes(at) {
            return;
        }
        let item = [("item", Value::Own("item-", self.act()))];
        self.tell(Kind::RiskInformationAdded, at, &item);
        self.teller.close(profile, Kind::RiskInformationCopied, at, Within::WorkingDays(2), &item);
    }

    /// A day at court or in hospital, and back: no new clock.
    fn go_out(&mut self, stay: Stay, from: Day, days: i32) {
        if !self.teller.random.permille(220) {
            return;
        }
        let day = self.world().calendar.working_from(from.plus(self.teller.random.between(2, days - 2)));
        let out = self.world().calendar.at(day, 30_600);
        let back = out.plus(self.teller.random.seconds(10_000, 30_000));
        if !stay.includes(out) || !stay.includes(back.plus(3600)) {
            return;
        }
        let prison = ("prison", Value::Org(stay.org()));
        let spell = ("spell", Value::Own("spell-", stay.spell));
        self.tell(Kind::CustodyLeft, out, &[prison, ("reason", Value::Word("temporary")), spell]);
        self.tell(Kind::CustodyReceived, back, &[prison, ("reason", Value::Word("return")), spell]);
    }

    /// Approves release on temporary licence, as a rule after a look at the record.
    fn approve_leave(&mut self, stay: Stay, from: Day, days: i32, profile: Profile, attester: u32) {
        let most = if self.world().dense { 3 } else { 1 };
        for _ in 0..self.teller.random.between(0, (days / 12).min(most)) {
            let at = self.teller.office_days_from(from, 3, days - 2);
            if !stay.includes(at) || !self.live_at(at) {
                continue;
            }
            let (in_time, late) = profile.shares(self.world().progress(self.day_of(at)));
            let draw = self.teller.random.below(1000);
            // Nobody may have looked since the reception for the approval to be at fault.
            let fault = self.world().dense && self.teller.random.permille(350);
            if draw < in_time && !fault {
                let looked = at.plus(-self.teller.random.seconds(1800, 12_000));
                self.look_at_record(stay.org(), looked, true);
            } else if draw < in_time + late && self.teller.random.permille(550) {
                let day = self.day_of(at).plus(self.teller.random.between(1, 9));
                let looked = self.teller.office_from(day);
                self.look_at_record(stay.org(), looked, true);
            }
            self.tell(
                Kind::RotlApproved,
                at,
                &[("prison", Value::Org(stay.org())), ("by", Value::User(attester))],
            );
        }
    }

    /// Somebody of an organisation opens the record.
    pub(super) fn look_at_record(&mut self, org: Org, at: Moment, partnered: bool) {
        let staff = self.world().roster.of(org);
        let user = staff.start + self.teller.random.below(staff.end - staff.start);
        let fields = [
            ("user", Value::User(user)),
            ("org", Value::Org(org)),
            ("partnered", Value::Flag(partnered)),
            ("reason", Value::Word("duty officer, urgent enquiry")),
        ];
        let told = if partnered { 3 } else { 4 };
        self.tell(Kind::RecordAccessed, at, fields.get(..told).unwrap_or_default());
    }

    fn depart(&mut self, stay: Stay, left: Moment, how: Leave, profile: Profile) {
        let prison = ("prison", Value::Org(stay.org()));
        let spell = ("spell", Value::Own("spell-", stay.spell));
        let known = self.live_at(left);
        if known && how == Leave::Transfer && self.teller.random.permille(800) {
            let checked = [("complete", Value::Flag(true)), ("missing", Value::Words(&[])), prison];
            let at = left.plus(-self.teller.random.seconds(3600, 80_000)).max(stay.from.plus(600));
            self.tell(Kind::DatasetChecked, at, &checked);
        }
        if how == Leave::Death {
            self.tell(Kind::NominalDied, left.plus(-60), &[]);
        }
        self.tell(Kind::CustodyLeft, left, &[prison, ("reason", Value::Word(how.name())), spell]);
        if !known || how == Leave::AtLarge {
            return;
        }
        self.teller.close(profile, Kind::CustodyAttachmentUpdated, left, Within::WorkingDays(2), &[prison]);
        if how == Leave::Transfer {
            let about = [prison, ("about", Value::Word("transfer"))];
            self.teller.close(profile, Kind::OwnerNotified, left, Within::WorkingDays(2), &about);
        }
        let org = [("org", Value::Org(stay.org()))];
        let asked =
            self.teller.close(profile, Kind::PartnersRemovalRequested, left, Within::WorkingDays(5), &org);
        if let Some(asked) = asked {
            let removed = self.teller.office_days_from(self.day_of(asked), 1, 5);
            self.tell(Kind::PartnersRemoved, removed, &org);
        }
        if how == Leave::Release && self.alert && self.teller.random.permille(250) {
            self.alert = false;
            self.tell(Kind::AlertClosed, left.plus(7200), &[("code", Value::Word("PVN"))]);
        }
    }
}
