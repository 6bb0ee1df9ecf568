//! The read models against the judge, over a real log.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::sync::Arc;

use mandate_domain::judge::{History, Judge, Outcome, View};
use mandate_domain::time::{Date, Instant, VirtualClock};
use mandate_domain::{calendar::Calendar, policy::Policy};
use mandate_projections::{DutyFilter, DutySort, Projections};
use mandate_store::{Claim, Keys, NewEvent, OnError, Options, Position, Store};

fn at(text: &str) -> Instant {
    Instant::parse(text).unwrap()
}

struct Bench {
    folder: tempfile::TempDir,
    clock: Arc<VirtualClock>,
    store: Store,
    projections: Projections,
}

impl Bench {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(VirtualClock::new(at("2026-01-01T00:00:00Z")));
        let options = Options::new(folder.path(), clock.clone());
        Keys::create(&folder.path().join("keys/kek")).unwrap();
        let store = Store::open(options).unwrap();
        let projections = Projections::open(folder.path(), &store).unwrap();
        Self { folder, clock, store, projections }
    }

    /// States a fact when the clock stands at `recorded`.
    fn state(&self, recorded: &str, kind: &str, subject: &str, id: &str, time: &str, data: &str) {
        self.clock.set(at(recorded));
        let text = format!(
            r#"{{"specversion":"1.0","id":"{id}","source":"/t","type":"{kind}","subject":"{subject}","time":"{time}","data":{data}}}"#
        );
        let event = NewEvent::parse(&text, Claim::Ignore).unwrap();
        let outcome = self.store.append_blocking(vec![event], OnError::All).unwrap();
        assert!(outcome[0].position().is_some(), "{outcome:?}");
    }

    fn advance(&self, now: &str) {
        self.clock.set(at(now));
        self.projections.advance(at(now)).unwrap();
    }

    /// Every duty with its outcome, from the tables.
    fn listed(&self) -> Vec<(String, String)> {
        let filter = DutyFilter { size: 10_000, ..DutyFilter::default() };
        let rows = self.projections.duties(&filter).unwrap().content;
        let mut duties: Vec<_> = rows.into_iter().map(|row| (row.record.duty, row.record.outcome)).collect();
        duties.sort();
        duties
    }

    /// The same by judging the whole log at once.
    fn judged(&self, now: &str) -> Vec<(String, String)> {
        let page = self.store.reader().read_after(Position::START, 10_000).unwrap();
        let mut history = History::default();
        for (event, line) in page.events.into_iter().zip(1..) {
            let fact = event.into_fact();
            history.add(&fact, fact.recorded_or_time(), line);
        }
        let (policy, calendar) = (Policy::shipped().unwrap(), Calendar::shipped().unwrap());
        let judge = Judge::new(&policy, &calendar, &history, View { as_at: at(now), known_at: at(now) });
        let mut duties: Vec<_> = judge
            .judge_all()
            .iter()
            .map(|verdict| (judge.duty_id(verdict), verdict.outcome.name().to_owned()))
            .collect();
        duties.sort();
        duties
    }
}

const LEVEL_2: &str = r#"{"registration":"R1","category":2,"level":2,"area":"area/A1"}"#;
const OWNED: &str = r#"{"owner":"area/A1"}"#;

/// A small history that opens, breaks, mends, merges and annuls.
fn told(bench: &Bench) {
    let day = |n: u32| format!("2026-03-{n:02}T09:00:00Z");
    bench.state(&day(2), "mappa.registered", "nominal/N1", "a", &day(2), LEVEL_2);
    bench.state(&day(2), "mappa.registered", "nominal/N2", "b", &day(2), LEVEL_2);
    bench.state(&day(2), "mappa.registered", "nominal/N3", "c", &day(2), LEVEL_2);
    bench.state(&day(4), "record.created", "nominal/N2", "d", &day(4), OWNED);
    bench.advance(&day(9));
    bench.state(&day(12), "record.created", "nominal/N1", "e", &day(5), OWNED);
    bench.state(&day(13), "nominal.merged", "nominal/N3", "f", &day(13), r#"{"into":"nominal/N2"}"#);
    bench.state(
        &day(14),
        "fact.annulled",
        "nominal/N2",
        "g",
        &day(14),
        r#"{"event":{"source":"/t","id":"d"},"reason":"error"}"#,
    );
    bench.state(
        &day(16),
        "custody.received",
        "nominal/N1",
        "h",
        &day(16),
        r#"{"prison":"prison/LEI","reason":"admission","spell":"S1"}"#,
    );
    bench.state(
        &day(17),
        "partnership.requested",
        "nominal/N1",
        "i",
        &day(17),
        r#"{"request":"Q1","org":"prison/LEI"}"#,
    );
    bench.advance("2026-03-26T12:00:00Z");
}

#[test]
fn the_tables_hold_what_the_judge_says_of_the_whole_log() {
    let bench = Bench::new();
    told(&bench);
    let listed = bench.listed();
    assert_eq!(listed, bench.judged("2026-03-26T12:00:00Z"));
    assert!(listed.len() >= 10, "{listed:?}");
}

#[test]
fn what_came_of_several_facts_at_once_stands_from_then_on_and_a_fact_before_that_bends_it() {
    let bench = Bench::new();
    bench.advance("2026-03-01T09:00:00Z");
    let together = "2026-03-04T10:00:00Z";
    bench.state(together, "mappa.registered", "nominal/N1", "a", "2026-03-02T09:00:00Z", LEVEL_2);
    let manager = r#"{"manager":"U-1","kind":"com"}"#;
    bench.state(together, "offender_manager.allocated", "nominal/N1", "b", "2026-03-03T09:00:00Z", manager);
    bench.advance(together);
    bench.state("2026-03-04T12:00:00Z", "record.created", "nominal/N1", "c", "2026-03-03T15:00:00Z", OWNED);
    bench.advance("2026-03-04T13:00:00Z");
    let page = bench.store.reader().read_after(Position::START, 10_000).unwrap();
    let mut history = History::default();
    for event in page.events {
        let (position, known_at) = (u32::try_from(event.position.get()).unwrap(), event.known_at());
        history.add(&event.into_fact(), known_at, position);
    }
    let (policy, calendar) = (Policy::shipped().unwrap(), Calendar::shipped().unwrap());
    for (as_at, known_at) in
        [("2026-03-04T11:00:00Z", "2026-03-04T13:00:00Z"), ("2026-03-03T12:00:00Z", "2026-03-04T11:00:00Z")]
    {
        let view = View { as_at: at(as_at), known_at: at(known_at) };
        let judge = Judge::new(&policy, &calendar, &history, view);
        let mut judged: Vec<_> =
            judge.judge_all().iter().map(|v| (judge.duty_id(v), v.outcome.name().to_owned())).collect();
        let filter = DutyFilter { size: 10_000, ..DutyFilter::default() };
        let rows = bench.projections.past(view).unwrap().duties(&filter).unwrap().content;
        let mut listed: Vec<_> = rows.into_iter().map(|row| (row.record.duty, row.record.outcome)).collect();
        judged.sort();
        listed.sort();
        assert_eq!(listed, judged, "as at {as_at}, known at {known_at}");
        assert!(judged.iter().any(|(duty, _)| duty == "4.10:nominal/N1:/t#a"), "{judged:?}");
    }
}

#[test]
fn duties_that_fall_due_where_nothing_else_changes_are_overdue_without_judging_their_unit() {
    let bench = Bench::new();
    for (nominal, recorded) in [("N1", "2026-03-02T09:00:00Z"), ("N2", "2026-03-04T09:00:00Z")] {
        bench.state(recorded, "mappa.registered", &format!("nominal/{nominal}"), nominal, recorded, LEVEL_2);
    }
    bench.advance("2026-03-05T09:00:00Z");
    // Nobody can be judged by what is not there.
    let file = rusqlite::Connection::open(bench.folder.path().join("read.db")).unwrap();
    assert!(file.execute("DELETE FROM streams", []).unwrap() > 0);
    for now in
        ["2026-03-06T23:59:59Z", "2026-03-07T00:00:00Z", "2026-03-09T00:00:00Z", "2026-03-10T00:00:00Z"]
    {
        bench.advance(now);
        assert_eq!(bench.listed(), bench.judged(now), "{now}");
    }
    let overdue = bench.listed().into_iter().filter(|(_, outcome)| outcome == "overdue").count();
    assert!(overdue >= 2, "{:?}", bench.listed());
    let compared = Projections::compare(bench.folder.path(), bench.store.reader()).unwrap();
    let differing: Vec<_> = compared.differences.iter().filter(|one| one.table != "streams").collect();
    assert!(differing.is_empty(), "{differing:?}");
}

#[test]
fn a_rebuild_gives_the_same_rows_and_the_same_history() {
    let bench = Bench::new();
    told(&bench);
    let dump = |projections: &Projections| {
        let rows = projections.duties(&DutyFilter { size: 10_000, ..DutyFilter::default() }).unwrap().content;
        let histories: Vec<_> =
            rows.iter().map(|row| projections.duty_history(&row.record.duty).unwrap()).collect();
        (rows, histories, projections.progress().unwrap())
    };
    let live = dump(&bench.projections);
    let Bench { folder, store, projections, .. } = bench;
    drop(projections);
    Projections::rebuild(folder.path(), &store).unwrap();
    assert_eq!(dump(&Projections::open(folder.path(), &store).unwrap()), live);
}

#[test]
fn a_nominal_whose_id_is_anothers_with_more_after_a_colon_is_told_apart_when_they_are_merged() {
    let bench = Bench::new();
    let day = |n: u32| format!("2026-03-{n:02}T09:00:00Z");
    bench.state(&day(2), "mappa.registered", "nominal/N1", "a", &day(2), LEVEL_2);
    bench.state(&day(2), "mappa.registered", "nominal/N1:x", "b", &day(2), LEVEL_2);
    bench.advance(&day(9));
    bench.state(&day(10), "nominal.merged", "nominal/N1:x", "c", &day(10), r#"{"into":"nominal/N1"}"#);
    bench.advance(&day(11));
    let compared = Projections::compare(bench.folder.path(), bench.store.reader()).unwrap();
    assert_eq!(compared.differences, []);
}

#[test]
fn a_fact_recorded_late_turns_a_breach_into_none_and_both_verdicts_stay() {
    let bench = Bench::new();
    bench.state(
        "2026-03-02T09:00:00Z",
        "mappa.registered",
        "nominal/N1",
        "a",
        "2026-03-02T09:00:00Z",
        LEVEL_2,
    );
    bench.advance("2026-03-10T00:00:00Z");
    assert_eq!(bench.projections.breaches_to_raise(Instant::MAX, None, 10).unwrap().len(), 1);
    bench.state("2026-03-12T10:00:00Z", "record.created", "nominal/N1", "b", "2026-03-05T09:00:00Z", OWNED);
    bench.advance("2026-03-12T10:00:00Z");
    assert!(bench.projections.breaches_to_raise(Instant::MAX, None, 10).unwrap().is_empty());
    let history: Vec<(String, String)> = bench
        .projections
        .duty_history("4.10:nominal/N1:/t#a")
        .unwrap()
        .into_iter()
        .map(|version| (version.at.to_string(), version.record.unwrap().outcome))
        .collect();
    let expected = [
        ("2026-03-02T09:00:00Z", "pending"),
        ("2026-03-08T00:00:00Z", "overdue"),
        ("2026-03-12T10:00:00Z", "met"),
    ];
    assert_eq!(history, expected.map(|(at, outcome)| (at.to_owned(), outcome.to_owned())));
}

#[test]
fn a_duty_can_be_asked_as_known_before_and_after_the_late_fact() {
    let bench = Bench::new();
    told(&bench);
    let outcome = |known_at: &str| {
        let view = View { as_at: at("2026-03-15T00:00:00Z"), known_at: at(known_at) };
        bench.projections.explanation("4.10:nominal/N1:/t#a", view).unwrap().unwrap().outcome
    };
    assert_eq!(outcome("2026-03-11T00:00:00Z"), "overdue");
    assert_eq!(outcome("2026-03-15T00:00:00Z"), "met");
}

#[test]
fn a_programme_switched_on_later_the_same_day_concerns_the_nominals_of_its_area() {
    let bench = Bench::new();
    let day = "2026-03-02T09:00:00Z";
    bench.state(day, "sentence.imposed", "nominal/N1", "s", day, r#"{"kind":"community"}"#);
    let level_1 = LEVEL_2.replace("\"level\":2", "\"level\":1");
    bench.state(
        "2026-03-02T09:30:00Z",
        "mappa.registered",
        "nominal/N1",
        "a",
        "2026-03-02T09:30:00Z",
        &level_1,
    );
    bench.advance("2026-03-02T10:00:00Z");
    assert!(bench.listed().is_empty());
    let on = r#"{"programme":"community","decided_by":"SMB","evidence":"m"}"#;
    bench.state("2026-03-02T11:00:00Z", "programme.switched_on", "area/A1", "p", "2026-03-02T11:00:00Z", on);
    bench.advance("2026-03-02T12:00:00Z");
    assert_eq!(bench.listed(), bench.judged("2026-03-02T12:00:00Z"));
    assert_eq!(bench.listed().len(), 1);
}

/// The outcome of the duties of a rule by subject, from the tables, which must be those of the judge.
fn of_rule(bench: &Bench, now: &str, rule: &str) -> Vec<(String, String)> {
    bench.advance(now);
    let listed = bench.listed();
    assert_eq!(listed, bench.judged(now));
    let own = |(duty, outcome): (String, String)| {
        let rest = duty.strip_prefix(&format!("{rule}:"))?;
        Some((rest.to_owned(), outcome))
    };
    listed.into_iter().filter_map(own).collect()
}

fn is(found: &[(String, String)], wanted: &[(&str, &str)]) {
    let found: Vec<_> = found.iter().map(|(duty, outcome)| (duty.as_str(), outcome.as_str())).collect();
    assert_eq!(found, wanted);
}

#[test]
fn the_vetting_of_its_cpc_concerns_an_area() {
    let bench = Bench::new();
    let day = |n: u32| format!("2026-03-{n:02}T09:00:00Z");
    let post = r#"{"post":"cpc","user":"user/U"}"#;
    let level = |n: u32| format!(r#"{{"level":{n},"expires_on":"2027-01-01"}}"#);
    // Vetted long before anybody knew that this would be a CPC.
    bench.state(&day(1), "vetting.cleared", "user/U", "v", &day(1), &level(3));
    bench.advance(&day(1));
    bench.state(&day(2), "organisation.enrolled", "area/A1", "e", &day(2), "{}");
    is(&of_rule(&bench, &day(3), "4.8.cpc"), &[("area/A1:/t#e", "overdue")]);
    bench.state(&day(4), "post.filled", "area/A1", "f", &day(4), post);
    is(&of_rule(&bench, &day(5), "4.8.cpc"), &[("area/A1:/t#e", "met_late")]);
    // Withdrawn: told of the user alone.
    bench.state(&day(9), "vetting.withdrawn", "user/U", "w", &day(9), "{}");
    is(&of_rule(&bench, &day(9), "4.8.cpc"), &[("area/A1:/t#e", "met_late"), ("area/A1:/t#w", "pending")]);
    is(&of_rule(&bench, &day(10), "4.8.cpc"), &[("area/A1:/t#e", "met_late"), ("area/A1:/t#w", "overdue")]);
    // Cleared anew the same day, told late: rescinded.
    bench.state(&day(12), "vetting.cleared", "user/U", "x", "2026-03-09T15:00:00Z", &level(3));
    is(&of_rule(&bench, &day(12), "4.8.cpc"), &[("area/A1:/t#e", "met_late"), ("area/A1:/t#w", "met")]);
    // That clearance was told in error, and so was the withdrawal.
    let annul = |id: &str| format!(r#"{{"event":{{"source":"/t","id":"{id}"}},"reason":"error"}}"#);
    bench.state(&day(13), "fact.annulled", "user/U", "n", &day(13), &annul("x"));
    is(&of_rule(&bench, &day(13), "4.8.cpc"), &[("area/A1:/t#e", "met_late"), ("area/A1:/t#w", "overdue")]);
    bench.state(&day(14), "fact.annulled", "user/U", "m", &day(14), &annul("w"));
    is(&of_rule(&bench, &day(14), "4.8.cpc"), &[("area/A1:/t#e", "met_late"), ("area/A1:/t#w", "annulled")]);
    let history: Vec<String> = bench
        .projections
        .duty_history("4.8.cpc:area/A1:/t#w")
        .unwrap()
        .into_iter()
        .map(|version| version.record.unwrap().outcome)
        .collect();
    assert_eq!(history, ["pending", "overdue", "met", "overdue", "annulled"]);
    let view = View { as_at: at(&day(11)), known_at: at(&day(11)) };
    let explained = bench.projections.explanation("4.8.cpc:area/A1:/t#w", view).unwrap().unwrap();
    assert_eq!(explained.outcome, "overdue");
}

#[test]
fn what_a_region_publishes_concerns_its_users_also_where_their_place_is_told_late() {
    let bench = Bench::new();
    let day = |n: u32| format!("2026-03-{n:02}T09:00:00Z");
    let user = |org: &str| format!(r#"{{"org":"{org}","role":"lpc","service":"probation"}}"#);
    for (name, org) in [("U", "area/A1"), ("V", "area/A2")] {
        let subject = format!("user/{name}");
        bench.state(&day(1), "user.registered", &subject, &format!("r{name}"), &day(1), &user(org));
        bench.state(&day(1), "account.enabled", &subject, &format!("e{name}"), &day(1), "{}");
    }
    let under = |region: &str| format!(r#"{{"parent":"region/{region}"}}"#);
    bench.state(&day(1), "organisation.placed", "area/A1", "p", &day(1), &under("N54"));
    bench.advance(&day(1));
    let document = r#"{"document":"standards","version":"2"}"#;
    bench.state(&day(3), "document.published", "region/N54", "o", &day(3), document);
    is(&of_rule(&bench, &day(3), "4.16.sign"), &[("user/U:/t#o", "pending")]);
    // The second area belonged to the region as well, which is told later.
    bench.state(&day(10), "organisation.placed", "area/A2", "q", &day(2), &under("N54"));
    is(&of_rule(&bench, &day(10), "4.16.sign"), &[("user/U:/t#o", "pending"), ("user/V:/t#o", "pending")]);
    bench.state(&day(11), "document.signed", "user/U", "s", &day(11), document);
    is(
        &of_rule(&bench, "2026-04-01T00:00:00Z", "4.16.sign"),
        &[("user/U:/t#o", "met"), ("user/V:/t#o", "overdue")],
    );
    let annulled = r#"{"event":{"source":"/t","id":"o"},"reason":"error"}"#;
    let april = "2026-04-02T09:00:00Z";
    bench.state(april, "fact.annulled", "region/N54", "n", april, annulled);
    is(&of_rule(&bench, april, "4.16.sign"), &[("user/U:/t#o", "annulled"), ("user/V:/t#o", "annulled")]);
    let Bench { folder, store, projections, .. } = bench;
    drop(projections);
    let compared = Projections::compare(folder.path(), store.reader()).unwrap();
    assert!(compared.differences.is_empty(), "{:#?}", compared.differences);
}

#[test]
fn a_list_of_the_country_and_its_counts_leave_out_five_thousand_subjects() {
    // Given: N1 to N3, registered on Monday 2 March with no record, are overdue on the 10th.
    let bench = Bench::new();
    for nominal in ["N1", "N2", "N3"] {
        let (recorded, subject) = ("2026-03-02T09:00:00Z", format!("nominal/{nominal}"));
        bench.state(recorded, "mappa.registered", &subject, nominal, recorded, LEVEL_2);
    }
    bench.advance("2026-03-10T09:00:00Z");
    // When: N2 and 4,999 others are left out; nine outcomes of so many are more than the values a statement may have.
    let mut except: Vec<String> = (0..4_999).map(|number| format!("nominal/X{number}")).collect();
    except.push("nominal/N2".to_owned());
    for outcomes in [vec![], vec![Outcome::Overdue]] {
        for (subject, due_to) in [(None, None), (Some("nominal/N3"), None), (None, Some("2026-03-31"))] {
            let filter = DutyFilter {
                outcomes: outcomes.clone(),
                subject: subject.map(str::to_owned),
                due_to: due_to.map(|date| Date::parse(date).unwrap()),
                except: except.clone(),
                size: 100,
                ..DutyFilter::default()
            };
            let found = bench.projections.duties(&filter).unwrap();
            // Then: the others are listed and counted.
            let subjects: std::collections::BTreeSet<String> =
                found.content.iter().map(|row| row.record.subject.clone()).collect();
            let expected: Vec<&str> = ["nominal/N1", "nominal/N3"]
                .into_iter()
                .filter(|one| subject.is_none_or(|s| s == *one))
                .collect();
            assert!(subjects.iter().eq(expected), "{subjects:?}");
            assert_eq!(found.total_elements, found.content.len() as u64);
            let counts = bench.projections.outcomes(&filter).unwrap();
            assert_eq!(counts.values().sum::<u64>(), found.total_elements, "{counts:?}");
        }
    }
}

#[test]
fn every_duty_of_a_list_is_handed_over_in_the_order_of_its_pages() {
    // Given: more duties than are read at once, some overdue and some pending on 10 March.
    let bench = Bench::new();
    for number in 0..1_200 {
        let day = if number % 3 == 0 { 9 } else { 2 };
        let (recorded, id) = (format!("2026-03-{day:02}T09:00:00Z"), format!("N{number:04}"));
        let subject = format!("nominal/{id}");
        bench.state("2026-03-09T09:00:00Z", "mappa.registered", &subject, &id, &recorded, LEVEL_2);
    }
    bench.advance("2026-03-10T09:00:00Z");
    for (sort, descending) in [(DutySort::ActBy, false), (DutySort::ActBy, true), (DutySort::Subject, true)] {
        for outcomes in [vec![], vec![Outcome::Overdue]] {
            let filter =
                DutyFilter { sort, descending, outcomes, page: 3, size: 500, ..DutyFilter::default() };
            // When: each is handed over.
            let mut handed = Vec::new();
            bench.projections.each_duty(&filter, |row| handed.push(row.record.duty)).unwrap();
            // Then: they are those of the pages, one after the other.
            let of_page = |page| DutyFilter { page, ..filter.clone() };
            let paged: Vec<String> = (0..)
                .map(|page| bench.projections.duties(&of_page(page)).unwrap().content)
                .take_while(|rows| !rows.is_empty())
                .flatten()
                .map(|row| row.record.duty)
                .collect();
            assert!(handed.len() > 700 && handed == paged, "{} and {}", handed.len(), paged.len());
        }
    }
}
