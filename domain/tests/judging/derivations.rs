//! The checker that shares no code with the judge derives what the judge claims.

use mandate_check::{Checker, Derivation, Facts, Given, Holidays, Rules};
use mandate_domain::calendar::SHIPPED_CSV;
use mandate_domain::fact::Fact;
use mandate_domain::judge::{History, Judge, View};
use mandate_domain::policy::{Policy, shipped_files};
use mandate_domain::time::Instant;
use proptest::prelude::*;

use super::cases::moments_of_cases;
use super::given::moment;
use super::properties::{after, calendar, lines_of, seeds};

/// Most bytes of a derivation as JSON.
const MOST_BYTES: usize = 400;

/// The facts of some lines as the checker holds them.
fn told(lines: &[String]) -> Facts {
    let mut facts = Facts::default();
    for (line, position) in lines.iter().zip(1..) {
        facts.add(line, position).unwrap();
    }
    facts
}

/// A checker that goes by what ships.
fn checker(facts: &Facts) -> Checker<'_> {
    let rules = Rules::read(&shipped_files().0).unwrap();
    Checker::new(facts, Given::Shipped(rules), Given::Shipped(Holidays::read(SHIPPED_CSV).unwrap()))
}

/// What the judge claims of every duty at a moment, by way of JSON.
fn claimed(lines: &[String], view: View) -> Vec<Derivation> {
    let policy = Policy::shipped().unwrap();
    let mut history = History::default();
    for (line, position) in lines.iter().zip(1..) {
        let fact = Fact::parse(line).unwrap();
        history.add(&fact, fact.recorded_or_time(), position);
    }
    let judge = Judge::new(&policy, calendar(), &history, view);
    let derivations = judge.derivations(&judge.judge_all());
    let by_way_of_json = derivations.iter().map(|derivation| {
        let text = serde_json::to_string(derivation).unwrap();
        assert!(text.len() <= MOST_BYTES, "{} bytes: {text}", text.len());
        serde_json::from_str(&text).unwrap()
    });
    by_way_of_json.collect()
}

/// What the checker does not accept.
fn refused(lines: &[String], view: View) -> Vec<String> {
    let facts = told(lines);
    let checker = checker(&facts);
    let flaw = |one: &Derivation| {
        let flaw = checker.check(one).err()?;
        Some(format!("{} of {} opened by {}: {flaw}", one.rule, one.subject, one.opened))
    };
    claimed(lines, view).iter().filter_map(flaw).collect()
}

#[test]
fn every_duty_of_every_case_is_derived_alike() {
    let (mut checked, mut wrong) = (0, Vec::new());
    for (name, lines, as_at, known_at) in moments_of_cases() {
        let view =
            View { as_at: Instant::parse(&as_at).unwrap(), known_at: Instant::parse(&known_at).unwrap() };
        checked += claimed(&lines, view).len();
        wrong.extend(refused(&lines, view).into_iter().map(|flaw| format!("{name} as at {as_at}: {flaw}")));
    }
    assert!(checked > 150, "{checked}");
    assert!(wrong.is_empty(), "{} of {checked}\n{}", wrong.len(), wrong.join("\n"));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_duty_of_a_random_history_is_derived_alike(seeds in seeds(), at in 0i64..60, known in 0i64..60) {
        let refused = refused(&lines_of(&seeds), View { as_at: after(at), known_at: after(known) });
        prop_assert!(refused.is_empty(), "{}\n{}", refused.join("\n"), lines_of(&seeds).join("\n"));
    }
}

/// Registered at level 2 on Monday 2 March 2026, with a record on Monday 9 March: late by two days. The case was entered
/// in the system on the 3rd.
fn late() -> (Vec<String>, Derivation) {
    let lines = [
        r#"{"specversion":"1.0","id":"r","source":"/t","type":"mappa.registered","subject":"nominal/N1","time":"2026-03-02T09:00:00Z","recordedtime":"2026-03-03T09:00:00Z","data":{"registration":"R1","category":2,"level":2,"area":"area/A1"}}"#,
        r#"{"specversion":"1.0","id":"c","source":"/t","type":"record.created","subject":"nominal/N1","time":"2026-03-09T09:00:00Z","data":{"owner":"area/A1"}}"#,
    ];
    let lines: Vec<String> = lines.map(str::to_owned).to_vec();
    let at = moment("2026-03-20 09:00");
    let found = claimed(&lines, View { as_at: at, known_at: at });
    let own = found.into_iter().find(|one| one.rule == "4.10").unwrap();
    (lines, own)
}

fn flaw(lines: &[String], derivation: &Derivation) -> String {
    let facts = told(lines);
    checker(&facts).check(derivation).unwrap_err().to_string()
}

#[test]
fn a_derivation_tells_rule_facts_dates_and_outcome_in_references() {
    let (_, derivation) = late();
    assert_eq!(
        serde_json::to_string(&derivation).unwrap(),
        r#"{"rule":"4.10","version":1,"subject":"nominal/N1","asAt":"2026-03-20T09:00:00Z","opened":1,"from":"2026-03-02","due":"2026-03-07","act":"2026-03-06","calendar":144,"outcome":"met_late","closed":2,"breach":true,"holder":"area/A1"}"#
    );
}

#[test]
fn a_part_that_does_not_follow_is_named_with_what_does() {
    let (lines, right) = late();
    let moved = Derivation { due: Some("2026-03-09".to_owned()), ..right.clone() };
    assert_eq!(flaw(&lines, &moved), "due is 2026-03-07, not 2026-03-09");
    let denied = Derivation { breach: false, ..right.clone() };
    assert_eq!(flaw(&lines, &denied), "breach is true, not false");
    let open = Derivation { outcome: "overdue".to_owned(), closed: None, closed_at: None, ..right.clone() };
    assert_eq!(flaw(&lines, &open), "outcome is met_late, not overdue");
    let other = Derivation { rule: "4.14".to_owned(), ..right.clone() };
    assert_eq!(
        flaw(&lines, &other),
        "by what counts at that moment, the fact at position 1 opens no such duty"
    );
    let nowhere = Derivation { opened: 3, ..right };
    assert_eq!(flaw(&lines, &nowhere), "there is no fact at position 3");
}

#[test]
fn what_was_not_yet_known_supports_no_derivation() {
    let (lines, right) = late();
    let day_before = Derivation { known_at: Some("2026-03-03T08:59:59Z".to_owned()), ..right.clone() };
    assert!(flaw(&lines, &day_before).contains("opens no such duty"));
    let before_the_record = Derivation { known_at: Some("2026-03-09T08:59:59Z".to_owned()), ..right };
    assert_eq!(flaw(&lines, &before_the_record), "outcome is overdue, not met_late");
}

#[test]
fn an_annulled_duty_stands_by_the_holidays_of_then_though_their_publication_was_annulled_since() {
    let fact = |id: &str, kind: &str, subject: &str, day: u8, data: &str| {
        format!(
            r#"{{"specversion":"1.0","id":"{id}","source":"/t","type":"{kind}","subject":"{subject}","time":"2026-03-{day:02}T09:00:00Z","data":{data}}}"#
        )
    };
    let annulled =
        |id: &str| format!(r#"{{"event":{{"source":"/t","id":"{id}"}},"reason":"stated in error"}}"#);
    let calendar = "calendar/england-and-wales";
    let friday = r#"{"holidays":[{"date":"2026-03-06","title":"holiday"}]}"#;
    let registered = r#"{"registration":"R1","category":2,"level":2,"area":"area/A1"}"#;
    let lines = [
        fact("h", "bank_holidays.published", calendar, 1, friday),
        fact("r", "mappa.registered", "nominal/N1", 2, registered),
        fact("x", "fact.annulled", "nominal/N1", 3, &annulled("r")),
        fact("y", "fact.annulled", calendar, 4, &annulled("h")),
    ];
    let at = moment("2026-03-20 09:00");
    let view = View { as_at: at, known_at: at };
    let found = claimed(&lines, view);
    let own = found.iter().find(|one| one.rule == "4.10").unwrap();
    let facts = (own.outcome.as_str(), own.due.as_deref(), own.act.as_deref(), own.calendar);
    assert_eq!(facts, ("annulled", Some("2026-03-07"), Some("2026-03-05"), 145));
    assert_eq!(refused(&lines, view), [""; 0]);
}

#[test]
fn a_derivation_is_refused_once_the_facts_say_otherwise() {
    let (mut lines, right) = late();
    lines.push(
        r#"{"specversion":"1.0","id":"x","source":"/t","type":"fact.annulled","subject":"nominal/N1","time":"2026-03-10T09:00:00Z","data":{"event":{"source":"/t","id":"c"},"reason":"error"}}"#
            .to_owned(),
    );
    assert_eq!(flaw(&lines, &right), "outcome is overdue, not met_late");
}

#[test]
fn a_draft_that_counts_otherwise_refuses_what_the_framework_accepts() {
    let (lines, right) = late();
    let mut files = shipped_files().0;
    let rule = files.get_mut("4.10.toml").unwrap();
    *rule = rule.replace("due = { days = 5 }", "due = { days = 7 }");
    let facts = told(&lines);
    let holidays = Given::Only(Holidays::read(SHIPPED_CSV).unwrap());
    let drafted = Checker::new(&facts, Given::Only(Rules::read(&files).unwrap()), holidays);
    assert_eq!(drafted.check(&right).unwrap_err().to_string(), "due is 2026-03-09, not 2026-03-07");
}
