//! What organisations do: enrolment, posts, programmes, groups met, audits, returns, plans, terminals.

use super::calendar::{Day, Moment};
use super::kind::Kind;
use super::log::{Log, Value};
use super::subject::{Org, Subject};
use super::teller::Teller;
use super::user::revised_documents;
use super::world::World;

/// Tells the facts of every organisation, of the terminals and of the calendar.
pub(super) fn tell_organisations(world: &World, log: &mut Log) {
    for region in 0..world.regions {
        tell_region(world, log, region);
    }
    let organisations: Vec<Org> = world.roster.organisations().collect();
    for org in organisations {
        let attester = world.roster.of(org).start;
        let mut life = OrgLife { teller: Teller::new(world, log, Subject::Org(org), attester), org };
        life.enrol();
        life.fill_posts();
        life.work_of_the_year();
    }
    for terminal in 0..world.prisons * 3 {
        tell_terminal(world, log, terminal);
    }
    tell_calendar(world, log);
}

struct OrgLife<'a> {
    teller: Teller<'a>,
    org: Org,
}

impl OrgLife<'_> {
    fn enrol(&mut self) {
        let world = self.teller.world;
        let at = world.begin.plus(1800);
        self.teller.tell_recorded(Kind::OrganisationEnrolled, at, at.plus(60), &[]);
        let parent = match self.org {
            Org::Area(area) => world.areas.get(area as usize).map(|area| Org::Region(area.region)),
            Org::Unit(area, _) => Some(Org::Area(area)),
            Org::Prison(prison) => Some(Org::Group(prison / 6)),
            Org::Group(_) | Org::Region(_) => None,
        };
        if let Some(parent) = parent {
            let fields = [("parent", Value::Org(parent))];
            self.teller.tell_recorded(Kind::OrganisationPlaced, at, at.plus(90), &fields);
        }
    }

    /// Fills the posts on the first day; now and then one falls vacant and is filled again.
    fn fill_posts(&mut self) {
        let world = self.teller.world;
        let profile = world.profile(self.org);
        for user in world.roster.of(self.org) {
            let Some(post) = world.roster.person(user).and_then(super::roster::Person::post) else {
                continue;
            };
            let fields = [("post", Value::Word(post)), ("user", Value::User(user))];
            let at = world.begin.plus(2400 + i64::from(user % 60));
            self.teller.tell_recorded(Kind::PostFilled, at, at.plus(60), &fields);
            if self.teller.random.permille(if post == "deputy-cpc" { 0 } else { 260 }) {
                let day = self.any_day(40, 20);
                let vacated = self.teller.office_from(day);
                self.teller.tell(Kind::PostVacated, vacated, &fields);
                let (in_time, _) = profile.shares(world.progress(day));
                let gap = if self.teller.random.permille(in_time) {
                    0
                } else {
                    86_400 * self.teller.random.seconds(2, 40)
                };
                let filled = vacated.plus(gap + 1800);
                self.teller.tell(Kind::PostFilled, filled, &fields);
            }
        }
    }

    fn work_of_the_year(&mut self) {
        match self.org {
            Org::Area(area) => {
                self.switch_programmes(area);
                self.meet_and_audit();
                self.answer_reports();
                self.attest(&["4.1", "4.4", "4.5", "4.16"]);
                for (kind, after) in [(Kind::CapacityPlanAttested, 20), (Kind::ContinuityPlanAttested, 35)] {
                    let at = self.teller.office_from(self.teller.world.first.plus(after));
                    self.teller.tell(kind, at, &[]);
                }
            }
            Org::Group(_) => {
                self.meet_and_audit();
                self.answer_reports();
                self.attest(&["5.2", "5.10"]);
            }
            Org::Prison(_) => {
                self.send_returns();
                self.attest(&["5.7", "5.8"]);
            }
            Org::Unit(_, _) | Org::Region(_) => {}
        }
    }

    fn switch_programmes(&mut self, area: u32) {
        let world = self.teller.world;
        let switches = world.areas.get(area as usize).map(|area| area.switches.clone()).unwrap_or_default();
        for switch in switches {
            let kind =
                if switch.switched_on { Kind::ProgrammeSwitchedOn } else { Kind::ProgrammeSwitchedOff };
            let at = world.calendar.at(switch.on, 32_400);
            let decided_by = Value::User(world.roster.of(self.org).start);
            let fields = [
                ("programme", Value::Word(switch.programme.name())),
                ("decided_by", decided_by),
                ("evidence", Value::Word("minute of the board")),
            ];
            self.teller.tell_recorded(kind, at, at.plus(300), &fields);
        }
    }

    /// User groups every three months, minimum-dataset audits every three months, log-on audits monthly.
    fn meet_and_audit(&mut self) {
        let by = [("by", Value::User(self.teller.world.roster.of(self.org).start))];
        let dataset =
            [("kind", Value::Word("minimum-dataset")), ("sample", Value::Words(&["s-1", "s-2", "s-3"]))];
        let log_on = [("kind", Value::Word("log-on"))];
        self.every(90, 14, |life, at| {
            life.teller.tell(Kind::RugAttended, at, &by);
        });
        self.every(86, 8, |life, at| {
            life.teller.tell(Kind::AuditCompleted, at, &dataset);
        });
        self.every(27, 4, |life, at| {
            life.teller.tell(Kind::AuditCompleted, at, &log_on);
        });
    }

    fn answer_reports(&mut self) {
        let mut count = 0;
        self.every(75, 30, |life, at| {
            count += 1;
            let fields = [("report", Value::Own("report-", count)), ("to", Value::Word("smb"))];
            life.teller.tell(Kind::ReportRequested, at, &fields);
            let day = life.teller.world.calendar.day_of(at).plus(7);
            let provided = life.teller.office_from(day);
            life.teller.tell(Kind::ReportProvided, provided, &fields);
        });
    }

    fn attest(&mut self, paragraphs: &[&'static str]) {
        let world = self.teller.world;
        let profile = world.profile(self.org);
        let mut place: usize = 0;
        self.every(120, 10, |life, at| {
            let paragraph = paragraphs.get(place % paragraphs.len().max(1)).copied().unwrap_or("4.1");
            place += 1;
            let day = world.calendar.day_of(at);
            let (in_time, _) = profile.shares(world.progress(day));
            let outcome = match life.teller.random.below(1000) {
                draw if draw < in_time => "met",
                draw if draw < 900 => "working_towards",
                _ => "not_met",
            };
            let fields = [
                ("paragraph", Value::Word(paragraph)),
                ("period_from", Value::Date(day.plus(-120))),
                ("period_to", Value::Date(day.plus(-1))),
                ("outcome", Value::Word(outcome)),
                ("sample", Value::Json(r#"{"size":10,"passed":9}"#)),
            ];
            life.teller.tell(Kind::RequirementAttested, at, &fields);
        });
    }

    fn send_returns(&mut self) {
        self.every(31, 3, |life, at| {
            let period = life.teller.world.calendar.day_of(at).date().format("%Y-%m").to_string();
            life.teller.tell(Kind::ReturnSubmitted, at, &[("period", Value::Word(&period))]);
        });
        let fields = [("kind", Value::Word("sample")), ("sample", Value::Words(&["s-1", "s-2"]))];
        self.every(150, 20, |life, at| {
            life.teller.tell(Kind::AuditCompleted, at, &fields);
        });
    }

    /// Does something about every `days` days; a place that falls behind does it later, or misses a turn.
    fn every(&mut self, days: i32, jitter: i32, mut act: impl FnMut(&mut Self, Moment)) {
        let world = self.teller.world;
        let profile = world.profile(self.org);
        let mut day = world.first.plus(days - self.teller.random.between(2, days / 2));
        while day <= world.last {
            let (in_time, late) = profile.shares(world.progress(day));
            let draw = self.teller.random.below(1000);
            let on = if draw < in_time {
                day.plus(-self.teller.random.between(0, jitter))
            } else if draw < in_time + late {
                day.plus(self.teller.random.between(1, 30))
            } else {
                day = day.plus(days);
                continue;
            };
            let at = self.teller.office_from(on.max(world.first.plus(1)));
            act(self, at);
            day = on.plus(days);
        }
    }

    fn any_day(&mut self, after_first: i32, before_last: i32) -> Day {
        let (low, high) = self.teller.world.within(after_first, before_last);
        World::spread(low, high, self.teller.random.below(1_000_000))
    }
}

fn tell_region(world: &World, log: &mut Log, region: u32) {
    let attester = world.roster.of(Org::Area(region)).start;
    let mut teller = Teller::new(world, log, Subject::Org(Org::Region(region)), attester);
    for (day, document, version) in revised_documents(world) {
        let at = world.calendar.at(day, 36_000);
        let fields = [("document", Value::Word(document)), ("version", Value::Word(version))];
        teller.tell_recorded(Kind::DocumentPublished, at, at.plus(120), &fields);
    }
}

/// A terminal is assessed, then approved by the group's CPC; a few the other way round, a few withdrawn.
fn tell_terminal(world: &World, log: &mut Log, terminal: u32) {
    let group = Org::Group(terminal / 3 / 6);
    let approver = world.roster.of(group).start;
    let mut teller = Teller::new(world, log, Subject::Terminal(terminal), approver);
    let lead = world.roster.of(Org::Prison(terminal / 3)).start;
    let (low, high) = world.within(2, 60);
    let day = World::spread(low, high, teller.random.below(400_000));
    let assessed = teller.office_from(day);
    let agreed = match teller.random.below(100) {
        0..6 => teller.office_from(day.plus(-1)),
        _ => teller.office_from(day.plus(5)),
    };
    teller.tell(Kind::TerminalRiskAssessed, assessed, &[("by", Value::User(lead))]);
    teller.tell(Kind::TerminalApproved, agreed, &[("by", Value::User(approver))]);
    if teller.random.permille(110) {
        let withdrawn = teller.office_from(day.plus(60));
        teller.tell(Kind::TerminalWithdrawn, withdrawn, &[("by", Value::User(approver))]);
    }
}

/// The holidays of one more year are published in the middle of the history.
fn tell_calendar(world: &World, log: &mut Log) {
    const HOLIDAYS_OF_2029: &str = r#"[{"date":"2029-01-01","title":"New Year's Day"},{"date":"2029-03-30","title":"Good Friday"},{"date":"2029-04-02","title":"Easter Monday"},{"date":"2029-05-07","title":"Early May bank holiday"},{"date":"2029-05-28","title":"Spring bank holiday"},{"date":"2029-08-27","title":"Summer bank holiday"},{"date":"2029-12-25","title":"Christmas Day"},{"date":"2029-12-26","title":"Boxing Day"}]"#;
    let mut teller = Teller::new(world, log, Subject::Calendar, 0);
    let (low, high) = world.within(30, 30);
    let at = teller.office(world.calendar.working_from(World::spread(low, high, 500_000)));
    let fields = [("holidays", Value::Json(HOLIDAYS_OF_2029)), ("withdrawn", Value::Words(&[]))];
    teller.tell(Kind::BankHolidaysPublished, at, &fields);
}
