//! 2.1 and 3.4: annulments.

use super::given::{Given, given, given_live_record, moment};

fn open() -> Given {
    given().registered("a", "2026-03-02", 2, 2)
}

#[test]
fn a_duty_whose_opening_was_annulled_is_listed_as_it_stood() {
    let facts = open().annulled("x", "2026-03-10", "a");
    facts.as_at("2026-03-09").shows(&["4.10 a: overdue, due 2026-03-07"]);
    let judged = facts.as_at("2026-03-10");
    judged.shows(&["4.10 a: annulled by x, due 2026-03-07"]);
    let duty = judged.duty("4.10", "a");
    assert_eq!(duty.closed_at, Some(moment("2026-03-10")));
    assert_eq!(duty.holder.as_deref(), Some("area/A1"));
    assert!(!duty.breach && !duty.born_overdue);
}

#[test]
fn an_annulment_counts_from_when_it_was_recorded_whatever_its_own_time() {
    // Said to be of 1 March, before the registration; recorded on 10 March.
    let facts = open().annulled("x", "2026-03-01", "a").recorded("2026-03-10");
    facts.as_at("2026-03-09").shows(&["4.10 a: overdue, due 2026-03-07"]);
    let judged = facts.as_at("2026-03-10");
    judged.shows(&["4.10 a: annulled by x, due 2026-03-07"]);
    assert_eq!(judged.duty("4.10", "a").closed_at, Some(moment("2026-03-02")));
    // Said to be of 20 March, recorded on 4 March, judged as at 5 March.
    open()
        .annulled("x", "2026-03-20", "a")
        .recorded("2026-03-04")
        .as_at("2026-03-05")
        .shows(&["4.10 a: annulled by x, due 2026-03-07"]);
}

#[test]
fn an_annulled_annulment_restores_the_fact_and_a_third_takes_it_away_again() {
    let facts = open().annulled("x", "2026-03-04", "a").annulled("y", "2026-03-05", "x").annulled(
        "z",
        "2026-03-06",
        "y",
    );
    facts.as_at("2026-03-04").shows(&["4.10 a: annulled by x, due 2026-03-07"]);
    facts.as_at("2026-03-05").shows(&["4.10 a: pending, due 2026-03-07"]);
    facts.as_at("2026-03-06").shows(&["4.10 a: annulled by x, due 2026-03-07"]);
}

#[test]
fn an_annulment_that_arrives_before_the_fact_takes_effect_when_the_fact_arrives() {
    let facts = given().annulled("x", "2026-03-01", "a").registered("a", "2026-03-02", 2, 2).registered(
        "b",
        "2026-03-03",
        2,
        2,
    );
    facts.as_at("2026-03-04").shows(&["4.10 b: pending, due 2026-03-08"]);
    // Recorded at the same instant as the fact: it was never known.
    let facts = open().annulled("x", "2026-03-02", "a");
    facts.as_at("2026-03-04").shows(&[]);
}

#[test]
fn an_annulled_end_leaves_the_duty_open_again() {
    let facts = open().record("r", "2026-03-03").annulled("x", "2026-03-10", "r");
    facts.as_at("2026-03-09").shows(&["4.10 a: met by r, due 2026-03-07"]);
    facts.as_at("2026-03-10").shows(&["4.10 a: overdue, due 2026-03-07"]);
    facts.as_at_known("2026-03-05", "2026-03-10").shows(&["4.10 a: pending, due 2026-03-07"]);
}

#[test]
fn of_two_annulments_the_earliest_in_force_is_named() {
    let facts = open().annulled("x", "2026-03-04", "a").annulled("y", "2026-03-05", "a").annulled(
        "z",
        "2026-03-06",
        "x",
    );
    facts.as_at("2026-03-05").shows(&["4.10 a: annulled by x, due 2026-03-07"]);
}

#[test]
fn the_fields_are_those_judged_just_before_the_annulment_was_recorded() {
    // The case had moved to A2; the move back was recorded after the annulment.
    let facts = open()
        .transferred("t", "2026-03-03", "A2")
        .transferred("u", "2026-03-04", "A1")
        .recorded("2026-03-06")
        .annulled("x", "2026-03-05", "a");
    let duty = facts.as_at("2026-03-07").duty("4.10", "a").clone();
    assert_eq!((duty.holder.as_deref(), duty.inherited), (Some("area/A2"), true));
    // And the day to act is that known then.
    let facts =
        open().annulled("x", "2026-03-05", "a").holidays("h", "2026-03-06 08:00", &["2026-03-06"], &[]);
    assert_eq!(facts.as_at("2026-03-07").duty("4.10", "a").act_by.unwrap().to_string(), "2026-03-06");
}

#[test]
fn a_superseded_duty_that_was_annulled_still_names_its_successor_of_then() {
    open().category("b", "2026-03-04", 3).annulled("x", "2026-03-06", "a").as_at("2026-03-07").shows(&[
        "4.10 a: annulled by x for 4.14 b, due 2026-03-07",
        // Without a registration the change of it changes nothing.
    ]);
}

#[test]
fn an_opening_that_has_not_occurred_yet_is_not_listed() {
    let facts =
        given().registered("a", "2026-03-10", 2, 2).recorded("2026-03-02").annulled("x", "2026-03-04", "a");
    facts.as_at("2026-03-05").shows(&[]);
    facts.as_at("2026-03-10").shows(&["4.10 a: annulled by x, due 2026-03-15"]);
}

#[test]
fn a_late_fact_that_opens_in_place_of_another_is_a_new_duty() {
    let facts = given()
        .registered("a", "2026-03-04", 2, 2)
        .registered("b", "2026-03-02", 2, 2)
        .recorded("2026-03-12");
    facts.as_at("2026-03-11").shows(&["4.10 a: overdue, due 2026-03-09"]);
    facts.as_at("2026-03-12").shows(&["4.10 b: overdue, due 2026-03-07"]);
}

#[test]
fn of_an_annulled_period_only_the_days_that_had_begun_are_listed() {
    let facts = given()
        .received("i", "2026-03-02 08:00", "LEI", "admission")
        .requested("q", "2026-03-02", "LEI", &[])
        .annulled("x", "2026-03-04 12:00", "q");
    facts.as_at("2026-03-10").only("5.15").shows(&[
        "5.15 q:2026-03-03: annulled by x, due 2026-03-03",
        "5.15 q:2026-03-04: annulled by x, due 2026-03-04",
    ]);
    let at_midnight = given()
        .received("i", "2026-03-02 08:00", "LEI", "admission")
        .requested("q", "2026-03-02", "LEI", &[])
        .annulled("x", "2026-03-04 00:00", "q");
    at_midnight.as_at("2026-03-10").only("5.15").shows(&["5.15 q:2026-03-03: annulled by x, due 2026-03-03"]);
}

#[test]
fn an_annulment_of_what_is_not_there_or_of_itself_does_nothing() {
    open()
        .annulled("x", "2026-03-03", "nothing")
        .annulled("y", "2026-03-03", "y")
        .as_at("2026-03-04")
        .shows(&["4.10 a: pending, due 2026-03-07"]);
}

#[test]
fn a_duty_opened_by_a_fact_of_an_annulled_condition_simply_goes() {
    // The record was annulled, and with it the guard of the request.
    let facts = given().record("r", "2026-03-02").requested("q", "2026-03-03", "LEI", &[]).annulled(
        "x",
        "2026-03-04",
        "r",
    );
    facts.as_at("2026-03-03").only("4.25").shows(&["4.25 q: pending, due 2026-03-06"]);
    facts.as_at("2026-03-04").only("4.25").shows(&[]);
}

#[test]
fn an_annulled_request_may_be_stated_anew_under_the_same_id() {
    given_live_record()
        .requested_as("Q", "q", "2026-03-03", "LEI", &[])
        .annulled("x", "2026-03-04", "q")
        .requested_as("Q", "q2", "2026-03-05", "LEI", &[])
        .as_at("2026-03-05")
        .only("4.25")
        .shows(&["4.25 q: annulled by x, due 2026-03-06", "4.25 q2: pending, due 2026-03-08"]);
}

#[test]
fn a_fact_annulled_twice_is_listed_by_the_annulment_that_is_still_in_force() {
    // The first annulment was in force when the second was recorded, and was annulled itself after that.
    let facts = given()
        .registered("a", "2026-03-02", 2, 2)
        .annulled("n", "2026-03-04", "a")
        .annulled("n2", "2026-03-05", "a")
        .annulled("n3", "2026-03-06", "n");
    for at in ["2026-03-05 12:00", "2026-03-07"] {
        let by = if at < "2026-03-06" { "n" } else { "n2" };
        facts.as_at(at).only("4.10").shows(&[&format!("4.10 a: annulled by {by}, due 2026-03-07")]);
    }
}
