//! 3.3 `on`: 4.17, 4.18, 4.20 and 4.24.

use serde_json::{Value, json};

use super::given::{Given, given, given_live_record, moment};

fn contact(facts: Given, id: &str, time: &str, contact: &str) -> Given {
    facts.fact(id, time, "contact.flagged", json!({"contact": contact}))
}

fn contact_done(facts: Given, id: &str, time: &str, contact: &str) -> Given {
    facts.fact(id, time, "contact.copied", json!({"contact": contact}))
}

fn completed(facts: Given, id: &str, time: &str, assessment: &str) -> Given {
    facts.fact(id, time, "oasys.completed", json!({"assessment": assessment}))
}

fn oasys_copied(facts: Given, id: &str, time: &str, assessment: &str, sections: &[&str]) -> Given {
    facts.fact(id, time, "oasys.copied", json!({"assessment": assessment, "sections": sections}))
}

fn manager(facts: Given, what: &str, id: &str, time: &str, manager: &str, kind: &str) -> Given {
    let kind_of_fact = format!("offender_manager.{what}");
    facts.fact(id, time, &kind_of_fact, json!({"manager": manager, "kind": kind}))
}

fn meeting(facts: Given, id: &str, time: &str, meeting: &str, level: u8) -> Given {
    facts.fact(id, time, "meeting.held", json!({"meeting": meeting, "level": level}))
}

// ---- ending facts in general, by 4.17 ----

#[test]
fn a_contact_copied_before_the_due_moment_is_met_and_at_it_late() {
    for (done, outcome) in [
        ("2026-03-04 23:59:59", "4.17 c: met by d, due 2026-03-04"),
        ("2026-03-05 00:00:00", "4.17 c: met_late by d, due 2026-03-04"),
    ] {
        contact_done(contact(given(), "c", "2026-03-02", "C"), "d", done, "C")
            .as_at("2026-03-09")
            .shows(&[outcome]);
    }
}

#[test]
fn another_contact_does_not_end_the_duty_and_the_first_copy_is_named() {
    let facts = contact(given(), "c", "2026-03-02", "C");
    let facts = contact_done(facts, "x", "2026-03-02 10:00", "D");
    let facts = contact_done(facts, "d", "2026-03-03", "C");
    contact_done(facts, "e", "2026-03-04", "C")
        .as_at("2026-03-09")
        .shows(&["4.17 c: met by d, due 2026-03-04"]);
}

#[test]
fn with_early_a_fact_before_the_opening_ends_the_duty_at_its_opening() {
    let facts = contact_done(given(), "d", "2025-06-02", "C");
    let judged = contact(facts, "c", "2026-03-02", "C").as_at("2026-03-09");
    judged.shows(&["4.17 c: met by d, due 2026-03-04"]);
    assert_eq!(judged.duty("4.17", "c").closed_at, Some(moment("2026-03-02")));
}

#[test]
fn an_early_fact_after_the_due_moment_of_an_opening_told_late_is_late() {
    // Flagged with effect from 20 February (a Friday), told on 2 March: due on 24 February.
    for (done, outcome) in [("2026-02-24 12:00", "met"), ("2026-02-25 12:00", "met_late")] {
        let facts = contact_done(given(), "d", done, "C");
        let judged = contact(facts, "c", "2026-03-02", "C").effective("2026-02-20").as_at("2026-03-09");
        assert_eq!(judged.duty("4.17", "c").outcome, outcome);
    }
}

#[test]
fn the_same_act_told_twice_opens_once() {
    let facts = contact(given(), "c", "2026-03-02", "C");
    contact(facts, "e", "2026-03-05", "C").as_at("2026-03-09").shows(&["4.17 c: overdue, due 2026-03-04"]);
}

#[test]
fn the_same_act_opens_anew_where_the_first_telling_was_annulled_or_is_not_known() {
    let facts =
        contact(given(), "c", "2026-03-02", "C").recorded("2026-03-06").annulled("x", "2026-03-08", "c");
    let facts = contact(facts, "e", "2026-03-05", "C");
    facts.as_at("2026-03-05").shows(&["4.17 e: pending, due 2026-03-09"]);
    facts.as_at("2026-03-06").shows(&["4.17 c: overdue, due 2026-03-04"]);
    facts
        .as_at("2026-03-08")
        .shows(&["4.17 c: annulled by x, due 2026-03-04", "4.17 e: pending, due 2026-03-09"]);
}

// ---- 4.18 ----

#[test]
fn both_sections_must_be_copied_of_that_assessment() {
    for (assessment, sections, outcome) in [
        ("A", vec!["R10", "R11"], "met"),
        ("A", vec!["R11", "R10"], "met"),
        ("A", vec!["R10"], "pending"),
        ("A", vec![], "pending"),
        ("B", vec!["R10", "R11"], "pending"),
    ] {
        let facts = completed(given_live_record(), "c", "2026-03-03", "A");
        let judged = oasys_copied(facts, "d", "2026-03-04", assessment, &sections).as_at("2026-03-05");
        assert_eq!(judged.duty("4.18", "c").outcome, outcome, "{assessment} {sections:?}");
    }
}

#[test]
fn an_assessment_opens_only_for_a_live_record_that_probation_owns() {
    let opened =
        |facts: Given| completed(facts, "c", "2026-03-03", "A").as_at("2026-03-03").only("4.18").0.len();
    assert_eq!(opened(given_live_record()), 1);
    assert_eq!(opened(given().police_record("p", "2026-03-02")), 0);
    assert_eq!(opened(given()), 0);
    assert_eq!(opened(given_live_record().archived("x", "2026-03-02 10:00")), 0);
    assert_eq!(
        opened(given_live_record().archived("x", "2026-03-03 09:00")),
        0,
        "archived first, same instant"
    );
}

#[test]
fn a_first_telling_that_opened_nothing_lets_the_second_open() {
    let facts = completed(given(), "c", "2026-03-02", "A").record("r", "2026-03-03");
    completed(facts, "d", "2026-03-04", "A")
        .as_at("2026-03-04")
        .only("4.18")
        .shows(&["4.18 d: pending, due 2026-03-11"]);
}

#[test]
fn the_end_of_the_live_record_withdraws_before_the_due_moment_and_lapses_from_it_on() {
    // Five working days from Tuesday 3 March end on Tuesday 10 March.
    for (gone, outcome) in [
        ("2026-03-10 23:59:59", "4.18 c: withdrawn by x, due 2026-03-10"),
        ("2026-03-11 00:00:00", "4.18 c: lapsed by x, due 2026-03-10"),
    ] {
        completed(given_live_record(), "c", "2026-03-03", "A")
            .archived("x", gone)
            .as_at("2026-03-12")
            .only("4.18")
            .shows(&[outcome]);
    }
    completed(given_live_record(), "c", "2026-03-03", "A")
        .fact("x", "2026-03-04", "record.deleted", json!({}))
        .as_at("2026-03-12")
        .only("4.18")
        .shows(&["4.18 c: withdrawn by x, due 2026-03-10"]);
}

#[test]
fn a_record_that_goes_to_the_police_stays_live_and_ends_nothing() {
    completed(given_live_record(), "c", "2026-03-03", "A")
        .fact("t", "2026-03-04", "record.transferred", json!({"to": "police/WY"}))
        .as_at("2026-03-05")
        .only("4.18")
        .shows(&["4.18 c: pending, due 2026-03-10"]);
}

// ---- 4.20 ----

#[test]
fn minutes_run_five_working_days_at_level_3_and_ten_at_level_2_and_never_at_level_1() {
    for (level, wanted) in [
        (1, vec![]),
        (2, vec!["4.20.2 m: pending, due 2026-03-16"]),
        (3, vec!["4.20.3 m: pending, due 2026-03-09"]),
    ] {
        meeting(given(), "m", "2026-03-02", "M", level).as_at("2026-03-02").shows(&wanted);
    }
}

#[test]
fn minutes_produced_or_added_count_and_minutes_received_do_not() {
    for (kind, outcome) in
        [("minutes.produced", "met"), ("minutes.added", "met"), ("minutes.received", "pending")]
    {
        let judged = meeting(given(), "m", "2026-03-02", "M", 3)
            .fact("d", "2026-03-03", kind, json!({"meeting": "M"}))
            .as_at("2026-03-04");
        assert_eq!(judged.duty("4.20.3", "m").outcome, outcome, "{kind}");
    }
}

#[test]
fn a_meeting_told_again_at_another_level_opens_the_other_rule_once() {
    let facts = meeting(given(), "m", "2026-03-02", "M", 2);
    meeting(meeting(facts, "n", "2026-03-03", "M", 3), "o", "2026-03-04", "M", 2)
        .as_at("2026-03-04")
        .shows(&["4.20.2 m: pending, due 2026-03-16", "4.20.3 n: pending, due 2026-03-10"]);
}

// ---- 4.24 ----

#[test]
fn only_a_community_manager_of_a_live_record_opens() {
    let opened = |facts: Given, kind: &str| {
        manager(facts, "allocated", "a", "2026-03-03", "M", kind).as_at("2026-03-03").only("4.24").0.len()
    };
    assert_eq!(opened(given_live_record(), "com"), 1);
    assert_eq!(opened(given_live_record(), "pom"), 0);
    assert_eq!(opened(given(), "com"), 0);
}

#[test]
fn the_next_community_manager_whoever_it_is_ends_the_duty_and_a_prison_manager_does_not() {
    let first = || manager(given_live_record(), "allocated", "a", "2026-03-03", "M", "com");
    manager(first(), "allocated", "b", "2026-03-04", "N", "com")
        .as_at("2026-03-04")
        .only("4.24")
        .shows(&["4.24 a: withdrawn by b, due 2026-03-10", "4.24 b: pending, due 2026-03-11"]);
    manager(first(), "allocated", "b", "2026-03-04", "M", "com")
        .as_at("2026-03-04")
        .only("4.24")
        .shows(&["4.24 a: withdrawn by b, due 2026-03-10", "4.24 b: pending, due 2026-03-11"]);
    manager(first(), "allocated", "b", "2026-03-04", "N", "pom")
        .as_at("2026-03-04")
        .only("4.24")
        .shows(&["4.24 a: pending, due 2026-03-10"]);
    manager(first(), "allocated", "b", "2026-03-11", "N", "com")
        .as_at("2026-03-11")
        .only("4.24")
        .shows(&["4.24 a: lapsed by b, due 2026-03-10", "4.24 b: pending, due 2026-03-18"]);
}

#[test]
fn a_recording_counts_back_to_the_previous_allocation_of_that_manager() {
    // Recorded before the first allocation: it counts for the first and not for the second.
    let facts = manager(given_live_record(), "recorded", "r", "2026-03-02 12:00", "M", "com");
    let facts = manager(facts, "allocated", "a", "2026-03-03", "M", "com");
    manager(facts.clone(), "allocated", "b", "2026-03-05", "M", "com")
        .as_at("2026-03-05")
        .only("4.24")
        .shows(&["4.24 a: met by r, due 2026-03-10", "4.24 b: pending, due 2026-03-12"]);
    // Recorded between the two, with another manager in between: it counts for the second.
    let facts = manager(facts, "allocated", "n", "2026-03-04", "N", "com");
    let facts = manager(facts, "recorded", "s", "2026-03-04 12:00", "M", "com");
    manager(facts, "allocated", "b", "2026-03-05", "M", "com").as_at("2026-03-05").only("4.24").shows(&[
        "4.24 a: met by r, due 2026-03-10",
        "4.24 b: met by s, due 2026-03-12",
        "4.24 n: withdrawn by b, due 2026-03-11",
    ]);
}

#[test]
fn data_of_unknown_fields_is_kept_out_of_judging() {
    let data: Value = json!({"contact": "C", "colour": "red"});
    given()
        .fact("c", "2026-03-02", "contact.flagged", data)
        .as_at("2026-03-02")
        .shows(&["4.17 c: pending, due 2026-03-04"]);
}
