//! 3.2: merged nominals are one history under the survivor.

use super::given::{Given, given, moment};

/// N1 is registered on 2 March; N2 has a record from 3 March.
fn two() -> Given {
    given().registered("a", "2026-03-02", 2, 2).about("nominal/N2").record("r", "2026-03-03")
}

fn ids(facts: &Given, at: &str) -> Vec<String> {
    let mut ids: Vec<String> =
        facts.as_at(at).0.into_iter().map(|duty| format!("{} {}", duty.duty, duty.outcome)).collect();
    ids.sort();
    ids
}

#[test]
fn after_the_merge_the_facts_of_both_are_one_history_under_the_survivor() {
    let facts = two().merged("m", "2026-03-12", "N1");
    assert_eq!(ids(&facts, "2026-03-11"), ["4.10:nominal/N1:/t#a overdue"]);
    assert_eq!(ids(&facts, "2026-03-12"), ["4.10:nominal/N1:/t#a met"]);
}

#[test]
fn duty_ids_carry_the_survivor() {
    let facts = given()
        .registered("a", "2026-03-02", 2, 2)
        .merged("m", "2026-03-12", "N9")
        .about("nominal/N1")
        .record("r", "2026-03-13");
    assert_eq!(ids(&facts, "2026-03-11"), ["4.10:nominal/N1:/t#a overdue"]);
    assert_eq!(ids(&facts, "2026-03-12"), ["4.10:nominal/N9:/t#a overdue"]);
    assert_eq!(
        ids(&facts, "2026-03-13"),
        ["4.10:nominal/N9:/t#a met_late"],
        "facts after the merge count too"
    );
}

#[test]
fn a_merge_is_seen_when_it_has_occurred_and_is_known_and_not_annulled() {
    let facts = two().merged("m", "2026-03-12", "N1").recorded("2026-03-14").annulled("x", "2026-03-16", "m");
    let outcome = |at: &str, known: &str| facts.as_at_known(at, known).duty("4.10", "a").outcome.clone();
    assert_eq!(outcome("2026-03-13", "2026-03-13"), "overdue");
    assert_eq!(outcome("2026-03-13", "2026-03-14"), "met");
    assert_eq!(outcome("2026-03-11", "2026-03-14"), "overdue");
    assert_eq!(outcome("2026-03-13", "2026-03-16"), "overdue");
}

#[test]
fn chains_are_followed_and_a_merge_that_would_close_a_circle_is_ignored() {
    let chain = two().merged("m", "2026-03-12", "N3").about("nominal/N3").merged("n", "2026-03-13", "N1");
    assert_eq!(ids(&chain, "2026-03-12"), ["4.10:nominal/N1:/t#a overdue"]);
    assert_eq!(ids(&chain, "2026-03-13"), ["4.10:nominal/N1:/t#a met"]);
    let circle = chain.about("nominal/N1").merged("o", "2026-03-14", "N2");
    assert_eq!(ids(&circle, "2026-03-14"), ["4.10:nominal/N1:/t#a met"]);
    let itself = two().merged("m", "2026-03-12", "N2");
    assert_eq!(ids(&itself, "2026-03-12"), ["4.10:nominal/N1:/t#a overdue"]);
}

#[test]
fn of_two_merges_into_each_other_the_first_by_time_counts() {
    let facts = two().merged("m", "2026-03-13", "N1").about("nominal/N1").merged("n", "2026-03-12", "N2");
    assert_eq!(ids(&facts, "2026-03-13"), ["4.10:nominal/N2:/t#a met"]);
}

#[test]
fn a_merge_does_not_count_in_known_since() {
    let facts =
        given().registered("a", "2026-03-02", 2, 2).merged("m", "2026-03-03", "N2").recorded("2026-03-20");
    assert_eq!(facts.as_at("2026-03-20").duty("4.10", "a").known_since, moment("2026-03-02"));
    assert!(!facts.as_at("2026-03-20").duty("4.10", "a").born_overdue);
}

#[test]
fn the_same_state_told_under_both_opens_once() {
    let facts = given()
        .registered("a", "2026-03-02", 2, 2)
        .about("nominal/N2")
        .registered("b", "2026-03-03", 2, 2)
        .merged("m", "2026-03-04", "N1");
    assert_eq!(ids(&facts, "2026-03-03"), ["4.10:nominal/N1:/t#a pending", "4.10:nominal/N2:/t#b pending"]);
    assert_eq!(ids(&facts, "2026-03-04"), ["4.10:nominal/N1:/t#a pending"]);
}

#[test]
fn waivers_follow() {
    let facts = given().registered("a", "2026-03-02", 2, 2).waived("w", "2026-03-03", "4.10", "a").merged(
        "m",
        "2026-03-04",
        "N2",
    );
    assert_eq!(ids(&facts, "2026-03-03"), ["4.10:nominal/N1:/t#a exempt"]);
    assert_eq!(ids(&facts, "2026-03-04"), ["4.10:nominal/N2:/t#a exempt"]);
}

#[test]
fn a_waiver_of_the_duty_that_fell_away_attaches_to_the_one_that_stands() {
    let facts = given()
        .registered("a", "2026-03-02", 2, 2)
        .about("nominal/N2")
        .registered("b", "2026-03-03", 2, 2)
        .waived("w", "2026-03-04", "4.10", "b")
        .merged("m", "2026-03-05", "N1");
    assert_eq!(ids(&facts, "2026-03-04"), ["4.10:nominal/N1:/t#a pending", "4.10:nominal/N2:/t#b exempt"]);
    assert_eq!(ids(&facts, "2026-03-05"), ["4.10:nominal/N1:/t#a exempt"]);
}

#[test]
fn an_annulled_duty_is_listed_under_the_subject_of_that_time() {
    let facts = given().registered("a", "2026-03-02", 2, 2).annulled("x", "2026-03-03", "a").merged(
        "m",
        "2026-03-04",
        "N2",
    );
    assert_eq!(ids(&facts, "2026-03-05"), ["4.10:nominal/N1:/t#a annulled"]);
    let facts = given().registered("a", "2026-03-02", 2, 2).merged("m", "2026-03-04", "N2").annulled(
        "x",
        "2026-03-05",
        "a",
    );
    assert_eq!(ids(&facts, "2026-03-05"), ["4.10:nominal/N2:/t#a annulled"]);
}

#[test]
fn a_deregistration_under_one_and_a_registration_under_the_other_are_a_change() {
    let facts = given()
        .registered("a", "2026-03-02", 2, 2)
        .deregistered("b", "2026-03-04")
        .about("nominal/N2")
        .registered("c", "2026-03-05", 2, 2)
        .merged("m", "2026-03-06", "N1");
    assert_eq!(ids(&facts, "2026-03-06"), ["4.10:nominal/N1:/t#a pending"]);
}

#[test]
fn the_death_of_one_is_the_death_of_both() {
    let facts = two().died("d", "2026-03-02 08:00").merged("m", "2026-03-05", "N1");
    assert_eq!(ids(&facts, "2026-03-05"), [""; 0]);
}
