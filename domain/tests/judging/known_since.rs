//! 3.4: since when a duty could be known, and which were overdue before that.

use serde_json::json;

use super::given::{given, given_live_record, moment};

#[test]
fn a_duty_is_known_since_its_opening_was_recorded_and_born_overdue_from_the_due_moment_on() {
    for (recorded, born) in
        [("2026-03-07 23:59:59", false), ("2026-03-08 00:00:00", true), ("2026-03-10", true)]
    {
        let judged = given().registered("a", "2026-03-02", 2, 2).recorded(recorded).as_at("2026-03-20");
        let duty = judged.duty("4.10", "a");
        assert_eq!(duty.known_since, moment(recorded));
        assert_eq!(duty.born_overdue, born, "recorded at {recorded}");
        assert!(duty.breach);
    }
}

#[test]
fn every_field_that_is_asked_adds_the_fact_that_last_changed_it() {
    // The category came with a registration recorded on 12 March; the level was set on 3 March and known at once.
    let facts =
        given().registered("a", "2026-03-02", 2, 1).recorded("2026-03-12").level("b", "2026-03-03", 2);
    assert!(facts.as_at_known("2026-03-11", "2026-03-11").0.is_empty());
    let judged = facts.as_at("2026-03-12");
    judged.shows(&["4.10 b: overdue, due 2026-03-08"]);
    assert_eq!(judged.duty("4.10", "b").known_since, moment("2026-03-12"));
    assert!(judged.duty("4.10", "b").born_overdue);
}

#[test]
fn fields_that_change_after_the_opening_or_are_not_asked_add_nothing() {
    let judged = given()
        .registered("a", "2026-03-02", 2, 2)
        .level("b", "2026-03-03", 3)
        .recorded("2026-03-12")
        .sentenced("s", "2026-03-01", "custodial")
        .recorded("2026-03-12")
        .as_at("2026-03-20");
    assert_eq!(judged.duty("4.10", "a").known_since, moment("2026-03-02"));
}

#[test]
fn a_fact_that_states_what_holds_already_adds_nothing() {
    // The registration is told again, recorded late, before the level makes the case one of 4.10.
    let judged = given()
        .registered("a", "2026-03-02", 2, 1)
        .registered("c", "2026-03-02 10:00", 2, 1)
        .recorded("2026-03-12")
        .level("b", "2026-03-03", 2)
        .as_at("2026-03-20");
    assert_eq!(judged.duty("4.10", "b").known_since, moment("2026-03-03"));
}

#[test]
fn done_in_time_withdrawn_superseded_or_waived_is_not_born_overdue() {
    let learnt = || given().registered("a", "2026-03-02", 2, 2).recorded("2026-03-12");
    for (facts, outcome) in [
        (learnt().record("r", "2026-03-03"), "met"),
        (learnt().level("r", "2026-03-03", 1), "withdrawn"),
        (learnt().category("r", "2026-03-03", 3), "superseded"),
        (learnt().waived("r", "2026-03-13", "4.10", "a"), "exempt"),
    ] {
        let judged = facts.as_at("2026-03-20");
        assert_eq!(judged.duty("4.10", "a").outcome, outcome);
        assert!(!judged.duty("4.10", "a").born_overdue, "{outcome}");
        assert!(!judged.duty("4.10", "a").breach, "{outcome}");
    }
    for (facts, outcome) in [
        (learnt().record("r", "2026-03-13"), "met_late"),
        (learnt().level("r", "2026-03-13", 1), "lapsed"),
        (learnt(), "overdue"),
    ] {
        let judged = facts.as_at("2026-03-20");
        assert_eq!(judged.duty("4.10", "a").outcome, outcome);
        assert!(judged.duty("4.10", "a").born_overdue, "{outcome}");
        assert!(judged.duty("4.10", "a").breach, "{outcome}");
    }
}

#[test]
fn if_and_was_add_the_facts_that_gave_their_fields() {
    // 4.25 asks the record and its owner: the record was taken over from the police, recorded late.
    let facts = given()
        .police_record("p", "2026-03-01")
        .fact("t", "2026-03-02", "record.transferred", json!({"to": "area/A1"}))
        .recorded("2026-03-09")
        .requested("q", "2026-03-03", "LEI", &[]);
    let judged = facts.as_at("2026-03-09").only("4.25");
    judged.shows(&["4.25 q: overdue, due 2026-03-06"]);
    assert_eq!(judged.duty("4.25", "q").known_since, moment("2026-03-09"));
    assert!(judged.duty("4.25", "q").born_overdue);
    // 4.28 asks whose the record was: the opening fact changed nothing of it.
    let judged = given()
        .record("r", "2026-03-01")
        .recorded("2026-03-09")
        .archived("x", "2026-03-02")
        .as_at("2026-03-09");
    assert_eq!(judged.duty("4.28", "x").known_since, moment("2026-03-09"));
}

#[test]
fn a_prior_duty_is_never_born_overdue() {
    let judged = given_live_record().archived("x", "2026-03-05").recorded("2026-03-15").as_at("2026-03-20");
    judged.clone().only("4.28").shows(&["4.28 x: overdue, due 2026-03-05"]);
    assert!(!judged.duty("4.28", "x").born_overdue);
    assert_eq!(judged.duty("4.28", "x").known_since, moment("2026-03-15"));
}

#[test]
fn an_end_that_was_a_change_of_level_adds_nothing() {
    let judged = given()
        .registered("a", "2026-03-02", 2, 1)
        .deregistered("b", "2026-03-04")
        .recorded("2026-03-12")
        .registered_as("R2", "c", "2026-03-05", 2, 2)
        .as_at("2026-03-20");
    assert_eq!(judged.duty("4.10", "c").known_since, moment("2026-03-05"));
}
