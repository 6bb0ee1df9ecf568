//! 3.3 `on` with prisons: 5.13 and 5.18, and what death ends.

use serde_json::json;

use super::given::{Given, given_live_record, given_of};

/// Nothing given, under the rules that these histories are about.
fn given() -> Given {
    given_of("4.10 4.11 4.13 4.14 4.18 4.25 5.13 5.18")
}

#[test]
fn each_opening_of_5_13_counts_from_its_own_day() {
    let registered = || given().registered("reg", "2026-03-01", 2, 1);
    let held = || registered().received("i", "2026-03-02", "LEI", "admission");
    for (facts, wanted) in [
        (
            registered().record("r", "2026-03-01").received("i", "2026-03-02", "LEI", "admission"),
            "5.13 i: pending, due 2026-03-09",
        ),
        (
            registered().record("r", "2026-03-01").received("i", "2026-03-02", "LEI", "transfer"),
            "5.13 i: pending, due 2026-03-09",
        ),
        (held().record("r", "2026-03-04"), "5.13 r: pending, due 2026-03-11 (policy_gap)"),
        (held().found("f", "2026-03-04", "LEI"), "5.13 f: pending, due 2026-03-09"),
        (held().alert("f", "2026-03-04"), "5.13 f: pending, due 2026-03-09"),
    ] {
        facts.as_at("2026-03-04").only("5.13").shows(&[wanted]);
    }
    registered()
        .record("r", "2026-02-01")
        .archived("x", "2026-02-02")
        .received("i", "2026-03-02", "LEI", "admission")
        .unarchived("u", "2026-03-04")
        .as_at("2026-03-04")
        .only("5.13")
        .shows(&["5.13 u: pending, due 2026-03-11 (policy_gap)"]);
}

#[test]
fn found_without_a_reception_the_days_run_from_the_finding() {
    let judged = given()
        .received("i", "2026-03-02", "LEI", "return")
        .found("f", "2026-03-04", "LEI")
        .as_at("2026-03-04")
        .only("5.13");
    judged.shows(&["5.13 f: pending, due 2026-03-11"]);
    assert_eq!(judged.duty("5.13", "f").counted_from.to_string(), "2026-03-04");
}

#[test]
fn found_long_after_the_reception_the_duty_is_born_overdue_when_the_finding_is_recorded() {
    let judged = given()
        .received("i", "2026-03-02", "LEI", "admission")
        .found("f", "2026-03-20", "LEI")
        .as_at("2026-03-20")
        .only("5.13");
    judged.shows(&["5.13 f: overdue, due 2026-03-09"]);
    assert!(judged.duty("5.13", "f").born_overdue);
    assert!(judged.duty("5.13", "f").breach);
}

#[test]
fn what_states_that_the_record_is_live_again_opens_nothing() {
    given_live_record()
        .received("i", "2026-03-03", "LEI", "admission")
        .record("r", "2026-03-04")
        .unarchived("u", "2026-03-04")
        .found("f", "2026-03-04", "LEI")
        .alert("v", "2026-03-04")
        .as_at("2026-03-05")
        .only("5.13")
        .shows(&["5.13 i: pending, due 2026-03-10"]);
}

#[test]
fn a_record_made_outside_opens_nothing_and_neither_does_a_reception_without_one() {
    given().record("r", "2026-03-02").as_at("2026-03-03").shows(&[]);
    given().received("i", "2026-03-02", "LEI", "admission").as_at("2026-03-03").shows(&[]);
    given()
        .received("i", "2026-03-02", "LEI", "admission")
        .left("o", "2026-03-03", "LEI", "release")
        .record("r", "2026-03-04")
        .as_at("2026-03-05")
        .shows(&[]);
}

#[test]
fn a_record_and_a_reception_at_one_instant_open_by_whichever_came_second() {
    let facts = given().record("r", "2026-03-02").received("i", "2026-03-02", "LEI", "admission");
    facts.as_at("2026-03-03").shows(&["5.13 i: pending, due 2026-03-09"]);
    facts.told_backwards().as_at("2026-03-03").shows(&["5.13 r: pending, due 2026-03-09 (policy_gap)"]);
}

#[test]
fn only_a_request_of_that_prison_from_the_opening_on_counts() {
    let received = |facts: Given| facts.received("i", "2026-03-03", "LEI", "admission");
    for (facts, outcome) in [
        (received(given_live_record()).requested("q", "2026-03-03", "LEI", &[]), "met"),
        (received(given_live_record().requested("q", "2026-03-03", "LEI", &[])), "met"),
        (received(given_live_record().requested("q", "2026-03-03 08:59:59", "LEI", &[])), "pending"),
        (received(given_live_record()).requested("q", "2026-03-04", "MDI", &[]), "pending"),
    ] {
        assert_eq!(facts.as_at("2026-03-05").duty("5.13", "i").outcome, outcome);
    }
}

#[test]
fn every_leaving_but_a_temporary_one_withdraws_and_only_that_of_the_prison() {
    for (prison, reason, outcome) in [
        ("LEI", "release", "withdrawn"),
        ("LEI", "transfer", "withdrawn"),
        ("LEI", "death", "withdrawn"),
        ("LEI", "unlawfully_at_large", "withdrawn"),
        ("LEI", "temporary", "pending"),
        ("MDI", "release", "pending"),
    ] {
        let judged = given_live_record()
            .received("i", "2026-03-03", "LEI", "admission")
            .left("o", "2026-03-04", prison, reason)
            .as_at("2026-03-05");
        assert_eq!(judged.duty("5.13", "i").outcome, outcome, "{prison} {reason}");
    }
}

#[test]
fn a_leaving_told_before_the_reception_at_one_instant_does_not_withdraw() {
    // Moved out and in again at one instant: the leaving is earlier in the fold than the opening.
    given_live_record()
        .received("h", "2026-03-02 10:00", "LEI", "admission")
        .left("o", "2026-03-03", "LEI", "release")
        .received("i", "2026-03-03", "LEI", "admission")
        .as_at("2026-03-04")
        .only("5.13")
        .shows(&["5.13 h: withdrawn by o, due 2026-03-09", "5.13 i: pending, due 2026-03-10"]);
}

#[test]
fn two_openings_in_one_stay_are_two_duties() {
    given_live_record()
        .received("i", "2026-03-03", "LEI", "admission")
        .archived("x", "2026-03-11")
        .unarchived("u", "2026-03-12")
        .requested("q", "2026-03-13", "LEI", &[])
        .as_at("2026-03-13")
        .only("5.13")
        .shows(&["5.13 i: lapsed by x, due 2026-03-10", "5.13 u: met by q, due 2026-03-19 (policy_gap)"]);
}

#[test]
fn both_kinds_of_opening_end_with_the_live_record() {
    given_live_record()
        .received("i", "2026-03-03", "LEI", "admission")
        .archived("x", "2026-03-04")
        .as_at("2026-03-05")
        .only("5.13")
        .shows(&["5.13 i: withdrawn by x, due 2026-03-10"]);
    given()
        .received("i", "2026-03-02", "LEI", "admission")
        .found("f", "2026-03-03", "LEI")
        .archived("x", "2026-03-10")
        .as_at("2026-03-10")
        .only("5.13")
        .shows(&["5.13 f: lapsed by x, due 2026-03-09"]);
}

// ---- 5.18 ----

fn attachment(facts: Given, id: &str, time: &str, prison: &str) -> Given {
    facts.fact(id, time, "custody_attachment.updated", json!({"prison": format!("prison/{prison}")}))
}

fn left(reason: &str) -> Given {
    given_live_record().received("i", "2026-03-02 09:00", "LEI", "admission").left(
        "o",
        "2026-03-03",
        "LEI",
        reason,
    )
}

#[test]
fn a_release_a_transfer_or_a_death_is_noted_within_two_working_days() {
    for (reason, count) in
        [("release", 1), ("transfer", 1), ("death", 1), ("temporary", 0), ("unlawfully_at_large", 0)]
    {
        assert_eq!(left(reason).as_at("2026-03-03").only("5.18").0.len(), count, "{reason}");
    }
    attachment(left("release"), "u", "2026-03-05 23:59:59", "LEI")
        .as_at("2026-03-09")
        .only("5.18")
        .shows(&["5.18 o: met by u, due 2026-03-05"]);
    attachment(left("release"), "u", "2026-03-06 00:00:00", "LEI")
        .as_at("2026-03-09")
        .only("5.18")
        .shows(&["5.18 o: met_late by u, due 2026-03-05"]);
}

#[test]
fn only_that_prisons_update_from_the_leaving_on_counts() {
    for (time, prison, outcome) in [
        ("2026-03-03 09:00:00", "LEI", "met"),
        ("2026-03-03 08:59:59", "LEI", "pending"),
        ("2026-03-04", "MDI", "pending"),
    ] {
        let facts = attachment(
            given_live_record().received("i", "2026-03-02 09:00", "LEI", "admission"),
            "u",
            time,
            prison,
        );
        let judged = facts.left("o", "2026-03-03", "LEI", "release").as_at("2026-03-04");
        assert_eq!(judged.duty("5.18", "o").outcome, outcome, "{prison} at {time}");
    }
}

#[test]
fn a_leaving_without_a_live_record_opens_nothing_and_an_archived_record_ends_nothing() {
    given()
        .received("i", "2026-03-02", "LEI", "admission")
        .left("o", "2026-03-03", "LEI", "release")
        .as_at("2026-03-03")
        .shows(&[]);
    left("release")
        .archived("x", "2026-03-04")
        .as_at("2026-03-04")
        .only("5.18")
        .shows(&["5.18 o: pending, due 2026-03-05"]);
}

#[test]
fn a_leaving_is_noted_also_after_a_death_and_each_time_it_is_told() {
    given_live_record()
        .received("i", "2026-03-02 09:00", "LEI", "admission")
        .died("d", "2026-03-03")
        .left("o", "2026-03-03", "LEI", "death")
        .left("p", "2026-03-04", "LEI", "death")
        .as_at("2026-03-04")
        .only("5.18")
        .shows(&["5.18 o: pending, due 2026-03-05", "5.18 p: pending, due 2026-03-06"]);
}

#[test]
fn one_update_closes_every_open_leaving_of_that_prison() {
    let twice = left("release").left("p", "2026-03-04", "LEI", "release");
    attachment(twice, "u", "2026-03-05", "LEI")
        .as_at("2026-03-05")
        .only("5.18")
        .shows(&["5.18 o: met by u, due 2026-03-05", "5.18 p: met by u, due 2026-03-06"]);
}

#[test]
fn death_ends_what_was_opened_by_facts_and_nothing_opens_by_them_after_it() {
    let asked = given_live_record().requested("q", "2026-03-03", "LEI", &[]);
    let facts = asked.received("i", "2026-03-03", "MDI", "admission").died("d", "2026-03-07");
    let facts = facts.fact("c", "2026-03-08", "oasys.completed", json!({"assessment": "A"}));
    facts
        .added("p", "2026-03-08", "q", "LEI", &[])
        .as_at("2026-03-09")
        .only("4.18 4.25 5.13")
        .shows(&["4.25 q: lapsed by d, due 2026-03-06", "5.13 i: withdrawn by d, due 2026-03-10"]);
}
