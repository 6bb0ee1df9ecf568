//! Partnership of a record: asked for, answered in full, in parts or not, and watched for every day meanwhile.

use super::calendar::Moment;
use super::custody::Stay;
use super::kind::Kind;
use super::life::Life;
use super::log::Value;
use super::subject::Org;
use super::teller::{Answer, CLOSING_DAYS};
use super::world::Profile;

impl Life<'_> {
    /// Asks for the partnership and returns when it was granted.
    pub(super) fn ask_for_partnership(
        &mut self,
        stay: Stay,
        known_from: Moment,
        profile: Profile,
        attester: u32,
    ) -> Option<Moment> {
        let due_on = self.day_of(known_from).plus(7);
        let answer = self.teller.answer(profile, due_on);
        let asked = match answer {
            Answer::InTime | Answer::RecordedLate => self.teller.in_time(known_from, due_on),
            Answer::Late => self.teller.late(due_on, 20),
            Answer::Never => return None,
        };
        if !stay.includes(asked) || asked > self.world().end {
            return None;
        }
        let users = self.some_users(stay.org());
        let request = self.act();
        let fields = [
            ("request", Value::Own("request-", request)),
            ("org", Value::Org(stay.org())),
            ("users", Value::Users(&users)),
        ];
        let named = if users.is_empty() { 2 } else { 3 };
        let fields = fields.get(..named).unwrap_or_default();
        if answer == Answer::RecordedLate {
            let day = due_on.plus(1 + self.teller.random.soon(0, 3)).min(self.world().last);
            let recorded = self.teller.office(day);
            if (1..=CLOSING_DAYS).contains(&self.world().last.since(due_on)) {
                self.teller.log.rescinding += 1;
            }
            self.teller.tell_recorded(Kind::PartnershipRequested, asked, recorded, fields);
        } else {
            self.tell(Kind::PartnershipRequested, asked, fields);
        }
        let owner = self.profile();
        self.teller.attested_by(self.administrator);
        let answered = self.answer_request(request, stay.org(), &users, asked, owner);
        let answered = answered.or_else(|| self.partner_in_bulk(stay, asked, &users));
        self.teller.attested_by(attester);
        self.check_daily(stay, asked, answered, profile);
        answered
    }

    /// After some weeks without an answer, all users of the prison are added at once, naming no request.
    fn partner_in_bulk(&mut self, stay: Stay, asked: Moment, users: &[u32]) -> Option<Moment> {
        let at = self.teller.office_days_from(self.day_of(asked), 15, 40);
        let fields = [("org", Value::Org(stay.org())), ("users", Value::Users(users))];
        let named = if users.is_empty() { 1 } else { 2 };
        let told =
            stay.includes(at) && self.tell(Kind::PartnersAdded, at, fields.get(..named).unwrap_or_default());
        told.then_some(at)
    }

    /// The owner of the record grants a request, in full, in parts, or not.
    pub(super) fn answer_request(
        &mut self,
        request: u16,
        org: Org,
        users: &[u32],
        asked: Moment,
        owner: Profile,
    ) -> Option<Moment> {
        let due_on = self.day_of(asked).plus(3);
        let mut answer = self.teller.answer(owner, due_on);
        let chased = if self.world().dense { 60 } else { 700 };
        if answer == Answer::Never && self.teller.random.permille(chased) {
            answer = Answer::Late;
        }
        let request = ("request", Value::Own("request-", request));
        let org = ("org", Value::Org(org));
        let reason = ("reason", Value::Word("not a current user"));
        if let [first, rest @ ..] = users
            && !rest.is_empty()
            && self.teller.random.permille(350)
        {
            let at = self.teller.in_time(asked, due_on);
            let first = [request, org, ("users", Value::Users(std::slice::from_ref(first)))];
            self.tell(Kind::PartnersAdded, at, &first);
            let rest = ("users", Value::Users(rest));
            return if self.teller.random.permille(200) {
                self.teller.close_as(
                    answer,
                    Kind::PartnershipRefused,
                    asked,
                    due_on,
                    &[request, rest, reason],
                )
            } else {
                self.teller.close_as(answer, Kind::PartnersAdded, asked, due_on, &[request, org, rest])
            };
        }
        if self.teller.random.permille(50) {
            return self.teller.close_as(answer, Kind::PartnershipRefused, asked, due_on, &[request, reason]);
        }
        let fields = [request, org, ("users", Value::Users(users))];
        let named = if users.is_empty() || self.teller.random.permille(80) { 2 } else { 3 };
        self.teller.close_as(
            answer,
            Kind::PartnersAdded,
            asked,
            due_on,
            fields.get(..named).unwrap_or_default(),
        )
    }

    /// Looks at the to-do list on most working days until there is an answer.
    fn check_daily(&mut self, stay: Stay, asked: Moment, answered: Option<Moment>, profile: Profile) {
        let world = self.world();
        let end = stay.left.map_or(world.end, |(left, _)| left).min(answered.unwrap_or(world.end));
        let fields = [("prison", Value::Org(stay.org()))];
        let mut day = self.day_of(asked);
        // After so many working days the list is no longer watched.
        for _ in 0..30 {
            day = world.calendar.working_from(day.plus(1));
            if world.calendar.start_of(day) > end {
                break;
            }
            let (in_time, _) = profile.shares(world.progress(day));
            if !self.teller.random.permille(in_time) {
                continue;
            }
            let at = world.calendar.at(day, 30_000).plus(self.teller.random.seconds(0, 28_000));
            if at > end {
                continue;
            }
            if self.teller.random.permille(50) && day < world.last {
                let told_on = day.plus(1 + self.teller.random.soon(0, 3)).min(world.last);
                let recorded = self.teller.office(told_on);
                self.teller.tell_recorded(Kind::TodoChecked, at, recorded, &fields);
            } else {
                self.teller.tell_recorded(Kind::TodoChecked, at, at.plus(90), &fields);
            }
        }
    }

    /// Returns up to four users of an organisation who are to be partners; sometimes nobody is named.
    pub(super) fn some_users(&mut self, org: Org) -> Vec<u32> {
        let staff = self.world().roster.of(org);
        let count = match self.teller.random.below(10) {
            0 => 0,
            1..=4 => 1,
            5..=7 => 2,
            8 => 3,
            _ => 4,
        };
        let start = staff.start + self.teller.random.below(staff.end - staff.start);
        (start..staff.end).take(count).collect()
    }
}
