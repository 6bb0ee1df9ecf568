//! Backtests: what a draft changes over a history, against judging everything twice.

use std::collections::BTreeMap;

use mandate_domain::calendar::{Announcement, Calendar, Change};
use mandate_domain::fact::Fact;
use mandate_domain::judge::backtest::{Backtest, Compared, Holidays, Narrowed, Period, Report, Scope};
use mandate_domain::judge::{DutyRecord, History, View};
use mandate_domain::policy::{DRAFTS, Policy, shipped_draft, shipped_files};
use mandate_domain::time::{Date, Instant};
use proptest::prelude::*;

use super::given::{Given, given, judge, moment};
use super::properties::{after, calendar, facts_of, policy, seeds};

fn draft(name: &str) -> Policy {
    Policy::load(&shipped_files().with(shipped_draft(name).unwrap())).unwrap()
}

/// The report of a draft over some facts.
fn tested(
    facts: &[(Fact, u32)],
    draft: &Policy,
    draft_calendar: Option<&Calendar>,
    view: View,
    period: Period,
) -> Report {
    let mut history = History::default();
    for (fact, line) in facts {
        history.add(fact, fact.recorded_or_time(), *line);
    }
    let compared = Compared { adopted: policy(), calendar: calendar(), draft, draft_calendar };
    let narrowed = Narrowed::of(&compared);
    let backtest = Backtest::new(compared, &narrowed, &history, view, period);
    backtest.report(backtest.run(), |_| true)
}

fn at_the_end(facts: &Given, name: &str, period: Period) -> Report {
    let end = moment("2026-12-31");
    tested(&facts.facts(), &draft(name), None, View { as_at: end, known_at: end }, period)
}

/// The shipped calendar with further holidays known from the start.
fn with_holidays(days: &[i32]) -> Calendar {
    let holiday = |day: &i32| Announcement {
        published: Instant::MIN,
        date: Date::parse("2026-03-02").unwrap().plus_days(*day),
        title: "holiday".to_owned(),
        change: Change::Published,
    };
    calendar().with(days.iter().map(holiday))
}

#[test]
fn a_breach_that_vanishes_under_five_working_days_is_named_with_both_dates() {
    // Registered on Monday 2 March, made on Monday 9 March: after Saturday 7 March, on the fifth working day.
    let facts = given().registered("a", "2026-03-02", 2, 2).record("b", "2026-03-09");
    let report = at_the_end(&facts, "five-working-days", Period::default());
    assert_eq!(report.summary.changed_rules, ["4.10"]);
    assert_eq!(report.summary.judged_rules, ["4.10", "4.11", "4.13", "4.14"]);
    let [case] = &report.cases[..] else { panic!("{:?}", report.cases) };
    assert_eq!((case.duty.as_str(), case.change), ("4.10:nominal/N1:/t#a", "moves"));
    assert_eq!(case.missed, Some("vanishes"));
    assert_eq!(case.holder.as_deref(), Some("area/A1"));
    let sides = [&case.adopted, &case.draft].map(|side| {
        let side = side.as_ref().unwrap();
        (side.due_on.unwrap().to_string(), side.outcome)
    });
    assert_eq!(sides, [("2026-03-07".to_owned(), "met_late"), ("2026-03-09".to_owned(), "met")]);
    let total = report.summary.total;
    assert_eq!((total.duties_adopted, total.duties_draft, total.duties_move), (1, 1, 1));
    assert_eq!((total.missed_adopted, total.missed_draft, total.missed_vanish), (1, 0, 1));
}

#[test]
fn a_suspended_sentence_opens_a_duty_under_the_draft_alone() {
    let facts = given()
        .switched("on", "p", "2026-01-01", "A1", "community")
        .registered("r", "2026-03-02", 2, 1)
        .sentenced("a", "2026-03-04", "suspended");
    let report = at_the_end(&facts, "suspended-sentences", Period::default());
    let [case] = &report.cases[..] else { panic!("{:?}", report.cases) };
    assert_eq!((case.rule.as_str(), case.change, case.missed), ("4.13", "appears", Some("appears")));
    assert!(case.adopted.is_none());
}

#[test]
fn an_eight_month_window_moves_a_deadline_that_nobody_missed() {
    let facts = given()
        .registered("r", "2026-01-05", 2, 1)
        .switched("on", "p", "2026-01-01", "A1", "custody-level-1")
        .sentenced("s", "2026-01-06", "custodial")
        .release("a", "2026-01-07", "2026-11-30")
        .record("b", "2026-01-20");
    let report = at_the_end(&facts, "eight-months", Period::default());
    let [case] = &report.cases[..] else { panic!("{:?}", report.cases) };
    assert_eq!((case.rule.as_str(), case.change, case.missed), ("4.11", "moves", None));
}

#[test]
fn the_period_asks_where_a_deadline_lies_under_either_policy() {
    // Due on Saturday 7 March as adopted, on Monday 9 March under the draft.
    let facts = given().registered("a", "2026-03-02", 2, 2);
    let counted = |from: &str, to: &str| {
        let period = Period { from: Date::parse(from).ok(), to: Date::parse(to).ok() };
        at_the_end(&facts, "five-working-days", period).cases.len()
    };
    assert_eq!(counted("2026-03-01", "2026-03-06"), 0);
    assert_eq!(counted("2026-03-01", "2026-03-07"), 1);
    assert_eq!(counted("2026-03-09", "2026-03-31"), 1);
    assert_eq!(counted("2026-03-10", "2026-03-31"), 0);
}

#[test]
fn a_draft_calendar_takes_the_place_of_what_facts_have_published() {
    // The third working day after Thursday 5 March is Tuesday 10 March; the log knows of a holiday on the 10th.
    let facts = given().holidays("h", "2026-03-01", &["2026-03-10"], &[]).registered_supervised(
        "a",
        "2026-03-05",
        3,
        2,
    );
    let end = moment("2026-12-31");
    let view = View { as_at: end, known_at: end };
    let report = tested(&facts.facts(), policy(), Some(calendar()), view, Period::default());
    assert!(report.summary.changed_rules.is_empty());
    let [case] = &report.cases[..] else { panic!("{:?}", report.cases) };
    let due = [&case.adopted, &case.draft].map(|side| side.as_ref().unwrap().due_on.unwrap().to_string());
    assert_eq!(due, ["2026-03-11", "2026-03-10"]);
}

#[test]
fn a_warning_or_a_reading_alone_changes_no_rule() {
    let mut files = shipped_files();
    let text = files.0["4.10.toml"].replace("interpretations = [", "warn = []\ninterpretations = [");
    files.0.insert("4.10.toml".to_owned(), text);
    let other = Policy::load(&files).unwrap();
    assert_eq!(Scope::of(policy(), &other, Holidays::Same).affected, Vec::<String>::new());
    assert!(Scope::of(policy(), &other, Holidays::Others).affected.contains(&"4.14".to_owned()));
}

#[test]
fn the_digest_covers_cases_that_are_not_shown() {
    let end = moment("2026-12-31");
    let view = View { as_at: end, known_at: end };
    let shown =
        |facts: &Given| tested(&facts.facts(), &draft("five-working-days"), None, view, Period::default());
    let one = shown(&given().registered("a", "2026-03-02", 2, 2).record("b", "2026-03-09"));
    let other = shown(&given().registered("a", "2026-03-02", 2, 2).record("b", "2026-03-09 10:00"));
    assert_eq!(one.summary.digest.len(), 64);
    assert_eq!(one.summary.total, other.summary.total);
    assert_ne!(one.summary.digest, other.summary.digest);
}

/// What two judgings of everything do not say alike, by duty.
fn by_judging_twice(adopted: &[DutyRecord], draft: &[DutyRecord]) -> BTreeMap<String, [Option<String>; 2]> {
    let mut found: BTreeMap<String, [Option<String>; 2]> = BTreeMap::new();
    for (at, duties) in [adopted, draft].into_iter().enumerate() {
        for duty in duties.iter().filter(|duty| duty.outcome != "annulled") {
            let said = format!(
                "{:?} {:?} {} {:?} {:?} {:?}",
                duty.due_on, duty.due_at, duty.outcome, duty.closed_by, duty.closed_at, duty.holder
            );
            found.entry(duty.duty.clone()).or_default()[at] = Some(said);
        }
    }
    found.retain(|_, sides| sides[0] != sides[1]);
    found
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn judging_what_can_differ_finds_what_judging_everything_twice_does(
        seeds in seeds(), which in 0usize..10, holidays in prop::collection::vec(0i32..60, 1..4),
        at in 10i64..60, known in 10i64..60,
    ) {
        let facts = facts_of(&seeds);
        let view = View { as_at: after(at), known_at: after(known) };
        // A draft that ships, all rules changed at once, or none: then the holidays alone differ.
        let draft = match DRAFTS.get(which) {
            Some(name) => draft(name),
            None if which < 6 => all_changed(),
            None => policy().clone(),
        };
        let own = with_holidays(&holidays);
        let draft_calendar = (which % 2 == 1 || which >= 6).then_some(&own);
        let report = tested(&facts, &draft, draft_calendar, view, Period::default());
        let adopted = judge(&facts, policy(), calendar(), view);
        // The calendar takes the place of what facts published: leave those out.
        let without = |(fact, _): &&(Fact, u32)| {
            draft_calendar.is_none() || fact.kind != mandate_domain::catalogue::FactType::BankHolidaysPublished
        };
        let told: Vec<_> = facts.iter().filter(without).cloned().collect();
        let under_draft = judge(&told, &draft, draft_calendar.unwrap_or(calendar()), view);
        let expected = by_judging_twice(&adopted, &under_draft);
        let found: Vec<_> = report.cases.iter().map(|case| case.duty.clone()).collect();
        let mut sorted = found.clone();
        sorted.sort();
        prop_assert_eq!(sorted, expected.into_keys().collect::<Vec<_>>());
        let missed = |duties: &[DutyRecord]| {
            let judged = |duty: &&DutyRecord| report.summary.judged_rules.contains(&duty.rule) && duty.outcome().is_missed();
            duties.iter().filter(judged).count() as u64
        };
        prop_assert_eq!(report.summary.total.missed_adopted, missed(&adopted));
        prop_assert_eq!(report.summary.total.missed_draft, missed(&under_draft));
        prop_assert_eq!(
            report.summary.total.missed_adopted + report.summary.total.missed_appear - report.summary.total.missed_vanish,
            report.summary.total.missed_draft
        );
    }
}

/// Every number of days doubled.
fn all_changed() -> Policy {
    let mut policy = policy().clone();
    for version in policy.rules.iter_mut().flat_map(|rule| &mut rule.versions) {
        version.due = match version.due {
            mandate_domain::policy::Due::Days(days) => mandate_domain::policy::Due::Days(days * 2),
            mandate_domain::policy::Due::WorkingDays(days) => {
                mandate_domain::policy::Due::WorkingDays(days * 2)
            }
            due => due,
        };
    }
    policy
}
