//! The checker that shares no code with the judge derives what the judge claims.

use mandate_check::{Checker, Derivation, Facts, Given, Holidays, Rules};
use mandate_domain::calendar::SHIPPED_CSV;
use mandate_domain::fact::Fact;
use mandate_domain::judge::{History, Judge, View};
use mandate_domain::policy::{Policy, shipped_files};
use mandate_domain::time::Instant;
use proptest::prelude::*;

use super::cases::moments_of_cases;
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
