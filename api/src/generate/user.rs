//! A user's way through vetting, training and an account, and what becomes of them.

use super::calendar::{Day, Moment, Within};
use super::kind::Kind;
use super::log::{Log, Value};
use super::roster::{Person, user_email, user_name};
use super::subject::{Org, Subject};
use super::teller::Teller;
use super::world::World;

/// Tells the life of one user.
pub(super) fn tell_user(world: &World, log: &mut Log, user: u32) {
    let Some(person) = world.roster.person(user) else { return };
    let mut teller = Teller::new(world, log, Subject::User(user), supervisor(world, person.org));
    let holder = person.post().is_some();
    let newcomer = !holder && teller.random.permille(260);
    let (low, high) = world.within(5, 40);
    let joined_on = if newcomer {
        World::spread(low, high, teller.random.below(1_000_000))
    } else {
        world.first.plus(-teller.random.between(50, 700))
    };
    // Who audits keeps in date as well: nobody could look at the history else.
    let mut life = UserLife { teller, user, person, stays: holder || person.role == "auditor" };
    let cleared_until = life.prepare(joined_on);
    let enabled_on = joined_on.plus(life.teller.random.between(44, 66));
    life.open_account(enabled_on);
    life.live(enabled_on, cleared_until);
}

/// One user.
pub(super) struct UserLife<'a> {
    pub(super) teller: Teller<'a>,
    user: u32,
    pub(super) person: Person,
    /// Whether the user holds a post and so neither leaves nor loses the vetting for long.
    pub(super) stays: bool,
}

/// Returns the user who attests for an organisation's users.
fn supervisor(world: &World, org: Org) -> u32 {
    let org = match org {
        Org::Unit(area, _) => Org::Area(area),
        Org::Prison(prison) => Org::Group(prison / 6),
        Org::Area(_) | Org::Group(_) | Org::Region(_) => org,
    };
    world.roster.of(org).start
}

impl UserLife<'_> {
    /// Returns the vetting level that the role needs.
    pub(super) fn level(&self) -> u32 {
        if self.person.needs_level_3() { 3 } else { 2 }
    }

    /// Registers, vets and trains the user; returns the day on which the vetting expires.
    fn prepare(&mut self, joined_on: Day) -> Day {
        let (given, family) = user_name(self.user);
        let phone = self.teller.random.below(1000);
        let personal = format!(
            r#"{{"name":"{given} {family}","email":"{}","phone":"01632 960{phone:03}"}}"#,
            user_email(self.user)
        );
        let at = self.teller.office_from(joined_on);
        self.teller.tell(
            Kind::UserRegistered,
            at,
            &[
                ("org", Value::Org(self.person.org)),
                ("role", Value::Word(self.person.role)),
                ("service", Value::Word(self.person.service)),
                ("personal", Value::Json(&personal)),
            ],
        );
        let expires_on = self.first_expiry(joined_on);
        // A few are trained before they are cleared, or before they have signed.
        let disorder = self.teller.random.below(100);
        let vetted_on = joined_on.plus(if disorder < 5 { 26 } else { 7 });
        let signed_on = joined_on.plus(if disorder >= 96 { 28 } else { 10 });
        self.clear(vetted_on, expires_on);
        self.sign("syops", "2.0", signed_on);
        let started = self.teller.office_from(joined_on.plus(20));
        let course = if self.person.role == "cpc" { "cpc" } else { "visor" };
        let provider = if self.teller.random.permille(800) { "hmpps" } else { "college-of-policing" };
        let fields = [("course", Value::Word("visor")), ("provider", Value::Word(provider))];
        self.teller.tell(Kind::TrainingStarted, started, &fields);
        let completed = self.teller.office_from(joined_on.plus(26));
        self.teller.tell(Kind::TrainingCompleted, completed, &fields);
        if course == "cpc" {
            let completed = self.teller.office_from(joined_on.plus(32));
            let course = [("course", Value::Word(course)), ("provider", Value::Word(provider))];
            self.teller.tell(Kind::TrainingCompleted, completed, &course);
        }
        if self.person.service == "probation" {
            let profile = self.teller.world.profile(self.person.org);
            self.teller.close(profile, Kind::QaElearningCompleted, completed, Within::WorkingDays(20), &[]);
        }
        expires_on
    }

    fn sign(&mut self, document: &'static str, version: &'static str, on: Day) {
        let at = self.teller.office_from(on);
        let fields = [("document", Value::Word(document)), ("version", Value::Word(version))];
        self.teller.tell(Kind::DocumentSigned, at, &fields);
    }

    /// Requests, authorises and enables the account, and grants its tokens.
    fn open_account(&mut self, enabled_on: Day) {
        let by = [("by", Value::User(supervisor(self.teller.world, self.person.org)))];
        let days = &self.teller.world.calendar;
        let (requested_on, authorised_on) =
            (days.working_until(enabled_on.plus(-8)), days.working_until(enabled_on.plus(-3)));
        let requested = self.teller.office(requested_on);
        self.teller.tell(Kind::AccountRequested, requested, &by);
        let authorised = self.teller.office(authorised_on).max(requested.plus(1800));
        self.teller.tell(Kind::AccountAuthorised, authorised, &by);
        let enabled = self.enable(enabled_on);
        let tokens: &[&str] = match self.person.role {
            "cpc" => &["cpc", "central-support"],
            "mappa-administrator" => &["create", "manager"],
            "lpc" => &["lpc", "create"],
            "spo" => &["supervisor"],
            "case-administrator" => &["create", "partner"],
            "practitioner" | "security" | "visor-lead" | "governor" => &["partner"],
            _ => &[],
        };
        for (place, token) in (1..).zip(tokens) {
            let token = [("token", Value::Word(token))];
            self.teller.tell(Kind::TokenGranted, enabled.plus(600 * place), &token);
        }
    }

    pub(super) fn enable(&mut self, on: Day) -> Moment {
        let at = self.teller.office_from(on);
        let by = [("by", Value::User(supervisor(self.teller.world, self.person.org)))];
        self.teller.tell(Kind::AccountEnabled, at, &by);
        at
    }

    pub(super) fn disable(&mut self, at: Moment) {
        let by = [("by", Value::User(supervisor(self.teller.world, self.person.org)))];
        self.teller.tell(Kind::AccountDisabled, at, &by);
    }

    /// Tells what the user does until the end of the history.
    fn live(&mut self, enabled_on: Day, expires_on: Day) {
        let last = self.teller.world.last;
        let mut expires_on = expires_on;
        let mut disabled_from = last.plus(1);
        for _ in 0..4 {
            if expires_on > last {
                break;
            }
            let Some(next) = self.expire(expires_on) else {
                disabled_from = expires_on;
                break;
            };
            expires_on = next;
        }
        let leaves = !self.stays && disabled_from > last && self.teller.random.permille(70);
        if leaves {
            let (low, high) = self.teller.world.within(20, 1);
            let low = low.max(enabled_on.plus(20));
            disabled_from = World::spread(low, high.max(low), self.teller.random.below(1_000_000));
            self.leave(disabled_from);
        }
        self.log_on(enabled_on, disabled_from.min(last.plus(1)));
        self.sign_revised(enabled_on, disabled_from);
        self.move_on(enabled_on, disabled_from);
    }

    /// A user leaves the role: the CPC is told, the account is closed.
    fn leave(&mut self, on: Day) {
        let left = self.teller.office_from(on);
        self.teller.tell(Kind::UserLeftRole, left, &[]);
        let profile = self.teller.world.profile(self.person.org);
        self.teller.close(profile, Kind::CpcInformedOfLeaver, left, Within::WorkingDays(1), &[]);
        let closed = self.teller.close(profile, Kind::AccountDisabled, left, Within::WorkingDays(1), &[]);
        if let Some(closed) = closed {
            self.teller.tell(Kind::TokenRevoked, closed.plus(120), &[("token", Value::Word("partner"))]);
            let archived = self.teller.office_from(self.teller.world.calendar.day_of(closed).plus(30));
            self.teller.tell(Kind::AccountArchived, archived, &[]);
        }
    }

    fn log_on(&mut self, from: Day, to: Day) {
        let mut day = from.max(self.teller.world.first).plus(self.teller.random.between(1, 40));
        let prison = match self.person.org {
            Org::Prison(prison) => Some(prison),
            Org::Area(_) | Org::Unit(_, _) | Org::Group(_) | Org::Region(_) => None,
        };
        let wifi = self.teller.random.permille(25);
        if wifi && self.teller.random.permille(650) {
            let at = self.teller.office_from(day.plus(-1));
            self.teller.tell(
                Kind::ExemptionGranted,
                at,
                &[
                    ("kind", Value::Word("wifi")),
                    ("by_role", Value::Word("chief-responsible-officer")),
                    ("until", Value::Date(day.plus(300))),
                ],
            );
        }
        if self.teller.random.permille(6) {
            let at = self.teller.office_from(day);
            self.teller.tell(
                Kind::ExemptionGranted,
                at,
                &[
                    ("kind", Value::Word("assistive-technology")),
                    ("by_role", Value::Word("governor")),
                    ("until", Value::Date(day.plus(365))),
                    ("tried", Value::Words(&["screen reader", "magnifier"])),
                ],
            );
        }
        while day < to {
            let at = self.teller.office_from(day);
            let network = Value::Word(if wifi { "wifi" } else { "lan" });
            match prison {
                Some(prison) => {
                    let terminal = Value::Terminal(prison * 3 + self.teller.random.below(3));
                    self.teller.tell(Kind::LoggedOn, at, &[("terminal", terminal), ("network", network)]);
                }
                None => {
                    self.teller.tell(Kind::LoggedOn, at, &[("network", network)]);
                }
            }
            day = day.plus(self.teller.random.between(40, 130));
        }
    }

    /// Signs each revised document that the region has published meanwhile.
    fn sign_revised(&mut self, from: Day, to: Day) {
        if self.person.service != "probation" {
            return;
        }
        for (published_on, document, version) in revised_documents(self.teller.world) {
            if published_on <= from || published_on >= to {
                continue;
            }
            let opened = self.teller.world.calendar.at(published_on, 36_000);
            let profile = self.teller.world.profile(self.person.org);
            let fields = [("document", Value::Word(document)), ("version", Value::Word(version))];
            self.teller.close(profile, Kind::DocumentSigned, opened, Within::WorkingDays(20), &fields);
        }
    }

    /// A few move to another unit of the same area.
    fn move_on(&mut self, from: Day, to: Day) {
        let Org::Unit(area, unit) = self.person.org else { return };
        if self.stays || !self.teller.random.permille(40) || to.since(from) < 60 {
            return;
        }
        let other = (unit + 1) % self.teller.world.units(area).max(1);
        let low = from.max(self.teller.world.first);
        let day = World::spread(low, to.plus(-1), self.teller.random.below(1_000_000));
        let at = self.teller.office_from(day);
        self.teller.tell(Kind::UserMoved, at, &[("org", Value::Org(Org::Unit(area, other)))]);
    }
}

/// Returns the documents revised during the history: when, which, and its new version.
pub(super) fn revised_documents(world: &World) -> Vec<(Day, &'static str, &'static str)> {
    let (low, high) = world.within(60, 12);
    [
        (0, "syops", "2.1"),
        (400_000, "standards", "3.0"),
        (700_000, "minimum-dataset", "1.4"),
        (1_000_000, "business-model", "5.0"),
    ]
    .into_iter()
    .map(|(place, document, version)| {
        (world.calendar.working_from(World::spread(low, high, place)), document, version)
    })
    .collect()
}
