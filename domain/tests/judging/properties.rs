//! What holds for every history, on generated ones.

use std::sync::OnceLock;

use mandate_domain::calendar::{Announcement, Calendar, Change};
use mandate_domain::fact::Fact;
use mandate_domain::judge::{DutyRecord, View};
use mandate_domain::policy::Policy;
use mandate_domain::time::{Date, Instant};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{TestError, TestRunner};
use serde_json::{Value, json};

use super::given::{given, judge, moment};

const HOUR: i64 = 3600;

pub fn policy() -> &'static Policy {
    static POLICY: OnceLock<Policy> = OnceLock::new();
    POLICY.get_or_init(|| Policy::shipped().unwrap())
}

pub fn calendar() -> &'static Calendar {
    static CALENDAR: OnceLock<Calendar> = OnceLock::new();
    CALENDAR.get_or_init(|| Calendar::shipped().unwrap())
}

/// What a generated fact is made of; every number is read modulo what it chooses from.
#[derive(Debug, Clone, Copy)]
pub struct Seed {
    what: usize,
    whom: usize,
    one: usize,
    two: usize,
    hours_after_the_last: i64,
    hours_until_recorded: i64,
}

pub fn seeds() -> impl Strategy<Value = Vec<Seed>> {
    let recorded = prop_oneof![4 => Just(0), 2 => 0i64..300, 1 => -48i64..0];
    let seed = (0usize..1000, 0usize..8, 0usize..8, 0usize..8, 0i64..60, recorded).prop_map(
        |(what, whom, one, two, hours_after_the_last, hours_until_recorded)| Seed {
            what,
            whom,
            one,
            two,
            hours_after_the_last,
            hours_until_recorded,
        },
    );
    prop::collection::vec(seed, 1..32)
}

/// The subject, type and data of a seed; `at` is its place in the history, so that it can name earlier facts.
fn content(seed: Seed, at: usize) -> (String, &'static str, Value) {
    let Seed { what, whom, one, two, .. } = seed;
    let nominal = ["nominal/N1", "nominal/N1", "nominal/N2"][whom % 3].to_owned();
    let other = if nominal == "nominal/N1" { "nominal/N2" } else { "nominal/N1" };
    let prison = ["prison/LEI", "prison/MDI"][one % 2];
    let registration = ["R1", "R2"][two % 2];
    let id = format!("X{}", two % 3);
    let reason = ["admission", "transfer", "return"][two % 3];
    let left = ["release", "transfer", "temporary", "unlawfully_at_large"][two % 4];
    let date = |day: usize| {
        Date::parse("2026-03-02").unwrap().plus_days(i32::try_from(day * 40).unwrap()).to_string()
    };
    let earlier = format!("f{}", (one * 8 + two) % (at + 1));
    let user = "user/U".to_owned();
    let plain = |kind| (nominal.clone(), kind, json!({}));
    let own = |kind, data| (nominal.clone(), kind, data);
    match what % 60 {
        0..=2 => own(
            "mappa.registered",
            json!({"registration": registration, "category": 1 + one % 4, "level": 1 + two % 3, "area": "area/A1",
                   "statutory_supervision": whom % 4 != 0}),
        ),
        3 => own("mappa.changed", json!({"registration": registration, "level": 1 + one % 3})),
        4 => own("mappa.changed", json!({"registration": registration, "category": 1 + one % 4})),
        5 => own("mappa.deregistered", json!({"registration": registration})),
        6 => own("case.transferred", json!({"to": (["area/A1", "area/A2"][one % 2])})),
        7 => own("sentence.imposed", json!({"kind": (["custodial", "community", "suspended"][one % 3])})),
        8 => own("release_date.set", json!({"release_on": date(one + 2)})),
        9 => own("record.created", json!({"owner": (["area/A1", "police/WY"][one / 5])})),
        10 => plain("record.archived"),
        11 => plain("record.unarchived"),
        12 | 13 => own("custody.received", json!({"prison": prison, "reason": reason, "spell": "S"})),
        14 => own("custody.left", json!({"prison": prison, "reason": left, "spell": "S"})),
        15 => own("visor.searched", json!({"prison": prison, "spell": "S", "found": true})),
        16 => own("alert.added", json!({"code": "PVN"})),
        17 => {
            own("partnership.requested", json!({"request": id, "org": prison, "users": ["user/a", "user/b"]}))
        }
        18 => own("partners.added", json!({"request": id, "org": prison, "users": ["user/a"]})),
        19 => own("partners.added", json!({"org": prison})),
        20 => own("todo.checked", json!({"prison": prison})),
        21 => own("contact.flagged", json!({"contact": id})),
        22 => own("contact.copied", json!({"contact": id})),
        23 => own("oasys.copied", json!({"assessment": id, "sections": ["R10", "R11"], "termination": true})),
        24 => own("rotl.approved", json!({"prison": prison})),
        25 => own("offender_manager.allocated", json!({"manager": id, "kind": "com"})),
        26 => own("nominal.merged", json!({"into": other})),
        27 | 28 => own("fact.annulled", json!({"event": {"source": "/t", "id": earlier}, "reason": "error"})),
        29 => {
            let rule = ["4.10", "4.14", "4.25", "5.13"][one % 4];
            let duty = format!("duty/{rule}:{nominal}:/t#{earlier}");
            (duty, "duty.waived", json!({"by": "x", "by_role": "cpc", "reason": "r"}))
        }
        30 => {
            let programme = ["custody-level-1", "community"][one % 2];
            let data = json!({"programme": programme, "decided_by": "b", "evidence": "e"});
            ("area/A1".to_owned(), "programme.switched_on", data)
        }
        31 => match one % 4 {
            0 => (user, "vetting.cleared", json!({"level": 2, "expires_on": date(two)})),
            1 => (user, "account.enabled", json!({})),
            2 => (user, "account.disabled", json!({})),
            _ => {
                let holiday = json!({"date": date(two), "title": "holiday"});
                (
                    "calendar/england-and-wales".to_owned(),
                    "bank_holidays.published",
                    json!({"holidays": [holiday]}),
                )
            }
        },
        32 => own("record.requested", json!({"request": id, "prison": prison})),
        33 => own("oasys.completed", json!({"assessment": id})),
        34 => own("meeting.held", json!({"meeting": id, "level": 1 + two % 3})),
        35 => own("minutes.added", json!({"meeting": id})),
        36 => own("partnership.requested", json!({"request": id, "org": "area/A1"})),
        37 => own("partners.added", json!({"org": "area/A1", "users": ["user/a"]})),
        38 => own("partners.removed", json!({"org": "area/A1"})),
        39 => own("dataset.checked", json!({"complete": one % 3 != 0, "prison": prison})),
        40 => own("partners.removal_requested", json!({"org": prison})),
        41 => own("risk_information.added", json!({"item": id})),
        42 => own("contact.flagged", json!({"contact": id, "priority": true})),
        43 => own("imminent_risk.told", json!({"contact": id, "to": "line-manager"})),
        44 => own("record.transferred", json!({"to": (["area/A1", "police/WY"][one % 2])})),
        45 | 46 => organisational(one, two, &id),
        47 => {
            let org = ["area/A1", "area/A2"][one % 2];
            (user, "user.registered", json!({"org": org, "role": "cpc", "service": "probation"}))
        }
        48 => (user, "vetting.cleared", json!({"level": 2 + one % 2, "expires_on": date(two)})),
        49 => (user, "vetting.withdrawn", json!({})),
        50 => (user, "account.enabled", json!({})),
        51 => (user, "training.completed", json!({"course": "visor", "provider": "P"})),
        52 => (user, "user.left_role", json!({})),
        53 => (user, "cpc.informed_of_leaver", json!({})),
        54 => (user, "document.signed", json!({"document": "standards", "version": id})),
        55 | 56 => {
            ("region/N54".to_owned(), "document.published", json!({"document": "standards", "version": id}))
        }
        57 => (user, "token.granted", json!({"token": "cpc"})),
        58 => {
            let kind = ["terminal.risk_assessed", "terminal.approved"][one % 2];
            ("terminal/T".to_owned(), kind, json!({"by": "x"}))
        }
        _ => (user, "logged_on", json!({"network": "wifi"})),
    }
}

/// A fact about an area: whether it takes part, where it lies, who is its CPC, what it attended.
fn organisational(one: usize, two: usize, id: &str) -> (String, &'static str, Value) {
    let area = ["area/A1", "area/A2"][two % 2].to_owned();
    let post = json!({"post": "cpc", "user": "user/U"});
    match one % 6 {
        0 => (area, "organisation.enrolled", json!({})),
        1 => (area, "organisation.placed", json!({"parent": "region/N54"})),
        2 => (area, "post.filled", post),
        3 => (area, "post.vacated", post),
        4 => (area, "rug.attended", json!({"by": id})),
        _ => (area, "audit.completed", json!({"kind": "log-on"})),
    }
}

/// The facts of seeds, one a line; no two have the same time, and no two were recorded at the same instant.
pub fn lines_of(seeds: &[Seed]) -> Vec<String> {
    let mut time = moment("2026-03-02 08:00");
    let mut lines = Vec::new();
    for (at, seed) in seeds.iter().enumerate() {
        time = time.plus_seconds(seed.hours_after_the_last * HOUR + 1);
        let recorded = time.plus_seconds(seed.hours_until_recorded * HOUR);
        let recorded = Instant::from_nanos(recorded.nanos() + i64::try_from(at).unwrap());
        let (subject, kind, data) = content(*seed, at);
        let line = json!({
            "specversion": "1.0", "id": format!("f{at}"), "source": "/t", "type": kind, "subject": subject,
            "time": time.to_string(), "recordedtime": recorded.to_string(), "data": data,
        });
        lines.push(line.to_string());
    }
    lines
}

/// The same, parsed and in their places.
pub fn facts_of(seeds: &[Seed]) -> Vec<(Fact, u32)> {
    lines_of(seeds).iter().map(|line| Fact::parse(line).unwrap()).zip(1..).collect()
}

fn judged(facts: &[(Fact, u32)], view: View) -> Vec<DutyRecord> {
    judge(facts, policy(), calendar(), view)
}

/// A moment some days into the history.
pub fn after(days: i64) -> Instant {
    moment("2026-03-02 08:00").plus_seconds(days * 24 * HOUR)
}

/// Judges the whole history as known at `known_at`, and what of it was recorded by `cut` likewise.
fn whole_and_cut(seeds: &[Seed], as_at: Instant, known_at: Instant, cut: Instant) -> [Vec<DutyRecord>; 2] {
    let view = View { as_at, known_at };
    let facts = facts_of(seeds);
    let known: Vec<_> = facts.iter().filter(|(fact, _)| fact.recorded_or_time() <= cut).cloned().collect();
    [judged(&facts, view), judged(&known, view)]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn judging_twice_gives_the_same(seeds in seeds(), at in 0i64..60, known in 0i64..60) {
        let facts = facts_of(&seeds);
        let view = View { as_at: after(at), known_at: after(known) };
        prop_assert_eq!(judged(&facts, view), judged(&facts, view));
    }

    #[test]
    fn a_verdict_as_known_then_is_not_changed_by_facts_recorded_later(
        seeds in seeds(), at in 0i64..60, known in 0i64..60,
    ) {
        let [whole, cut] = whole_and_cut(&seeds, after(at), after(known), after(known));
        prop_assert_eq!(whole, cut);
    }

    #[test]
    fn the_order_of_lines_does_not_matter_where_no_two_times_are_the_same(
        (seeds, order) in seeds().prop_flat_map(|seeds| {
            let order: Vec<usize> = (0..seeds.len()).collect();
            (Just(seeds), Just(order).prop_shuffle())
        }),
        at in 0i64..60, known in 0i64..60,
    ) {
        let view = View { as_at: after(at), known_at: after(known) };
        let told = facts_of(&seeds);
        let shuffled: Vec<_> = order.iter().zip(1..).map(|(from, line)| (told[*from].0.clone(), line)).collect();
        prop_assert_eq!(judged(&told, view), judged(&shuffled, view));
    }

    #[test]
    fn every_duty_opens_exactly_once(seeds in seeds(), at in 0i64..60, known in 0i64..60) {
        let duties = judged(&facts_of(&seeds), View { as_at: after(at), known_at: after(known) });
        let mut ids: Vec<_> = duties.iter().map(|duty| &duty.duty).collect();
        ids.sort();
        ids.dedup();
        prop_assert_eq!(ids.len(), duties.len());
    }

    #[test]
    fn outcomes_and_their_fields_go_together(seeds in seeds(), at in 0i64..60, known in 0i64..60) {
        let view = View { as_at: after(at), known_at: after(known) };
        for duty in judged(&facts_of(&seeds), view) {
            let open = matches!(duty.outcome.as_str(), "pending" | "overdue");
            prop_assert_eq!(duty.closed_at.is_none(), open, "{:?}", duty);
            // What an annulled duty was superseded by stays as it was judged before the annulment.
            if duty.outcome != "annulled" {
                prop_assert_eq!(duty.superseded_by.is_some(), duty.outcome == "superseded", "{:?}", duty);
            }
            prop_assert!(duty.opened_at <= view.as_at && duty.known_since <= view.known_at, "{:?}", duty);
            prop_assert!(duty.closed_at.is_none_or(|closed| closed >= duty.opened_at), "{:?}", duty);
            prop_assert_eq!(duty.due_on.is_none(), duty.flags.iter().any(|flag| flag == "undatable"));
            let missed = matches!(duty.outcome.as_str(), "overdue" | "met_late" | "lapsed");
            prop_assert_eq!(duty.breach, missed && duty.basis == "policy", "{:?}", duty);
            if duty.outcome == "pending" {
                prop_assert!(duty.due_at.is_none_or(|due| due > view.as_at), "{:?}", duty);
            }
        }
    }

    #[test]
    fn a_further_holiday_never_makes_a_working_day_deadline_earlier(
        from in 0i32..1500, n in 1u16..40, holidays in prop::collection::vec(0i32..1500, 0..20), more in 0i32..1500,
    ) {
        let first = Date::parse("2024-01-01").unwrap();
        let holiday = |day: &i32| Announcement {
            published: Instant::MIN,
            date: first.plus_days(*day),
            title: "holiday".to_owned(),
            change: Change::Published,
        };
        let fewer = Calendar::new(holidays.iter().map(holiday).collect());
        let all = fewer.with([holiday(&more)]);
        let due = |calendar: &Calendar| {
            let view = calendar.known_at(Instant::MAX);
            (view.nth_working_day_after(first.plus_days(from), n), view.is_working_day(first.plus_days(more)))
        };
        prop_assert!(due(&fewer).0 <= due(&all).0);
        prop_assert!(!due(&all).1);
    }

    #[test]
    fn a_holiday_published_while_a_duty_is_open_never_makes_it_due_earlier(
        day in 0i32..60, published in 0i64..20, holiday in 0i32..60,
    ) {
        let opened = Date::parse("2026-03-02").unwrap().plus_days(day);
        let at = opened.start().plus_seconds((9 + published * 7) * HOUR).to_string().replace('T', " ").replace('Z', "");
        let holiday = Date::parse("2026-03-02").unwrap().plus_days(holiday).to_string();
        let open = given().registered_supervised("a", &opened.to_string(), 3, 2);
        let due = |facts: &super::given::Given| facts.as_at("2027-01-01").duty("4.14", "a").due_on;
        prop_assert!(due(&open) <= due(&open.clone().holidays("h", &at, &[&holiday], &[])));
    }
}

/// The control: with T in the place of K, facts recorded between the two change verdicts.
#[test]
fn the_moment_asked_about_in_place_of_the_moment_of_knowledge_is_caught() {
    let mut runner = TestRunner::deterministic();
    let strategy = (seeds(), 20i64..60, 0i64..20);
    let result = runner.run(&strategy, |(seeds, at, known)| {
        let [whole, cut] = whole_and_cut(&seeds, after(at), after(at), after(known));
        prop_assert_eq!(whole, cut);
        Ok(())
    });
    assert!(matches!(result, Err(TestError::Fail(..))), "no generated history tells T from K: {result:?}");
}

/// Without this the properties above might be about empty histories.
#[test]
fn the_generated_histories_reach_every_outcome_and_most_rules() {
    let mut runner = TestRunner::deterministic();
    let (mut outcomes, mut rules) = (std::collections::BTreeSet::new(), std::collections::BTreeSet::new());
    for _ in 0..2000 {
        let seeds = seeds().new_tree(&mut runner).unwrap().current();
        for duty in judged(&facts_of(&seeds), View { as_at: after(40), known_at: after(60) }) {
            outcomes.insert(duty.outcome);
            rules.insert(duty.rule);
        }
    }
    assert_eq!(outcomes.len(), 9, "{outcomes:?}");
    assert!(rules.len() >= 36, "{} {rules:?}", rules.len());
}
