//! 3.3 `on`: 4.17, 4.18, 4.20, 4.24, 4.25, 5.13 and 5.18.

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

#[test]
fn one_done_fact_closes_every_open_duty_that_it_matches() {
    let facts = manager(given_live_record(), "allocated", "a", "2026-03-03", "M", "com");
    let facts = contact(contact(facts, "c", "2026-03-03", "C"), "d", "2026-03-03", "D");
    contact_done(facts, "e", "2026-03-04", "D")
        .as_at("2026-03-04")
        .only("4.17")
        .shows(&["4.17 c: pending, due 2026-03-05", "4.17 d: met by e, due 2026-03-05"]);
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
fn the_next_allocation_ends_the_duty_though_it_opens_nothing_itself() {
    // The record was archived and brought back in between: the second allocation finds it archived.
    let facts = contact(manager(given(), "allocated", "z", "2026-03-01", "M", "com"), "c", "2026-03-01", "C");
    facts.as_at("2026-03-02").only("4.24").shows(&[]);
}

// ---- 4.25 ----

fn asked(users: &[&str]) -> Given {
    given_live_record().requested("q", "2026-03-03", "LEI", users)
}

#[test]
fn three_days_to_answer_whatever_day_it_is() {
    // Asked on Tuesday 3 March: the last day is Friday 6 March.
    for (answered, outcome) in [
        ("2026-03-06 23:59:59", "4.25 q: met by p, due 2026-03-06"),
        ("2026-03-07 00:00:00", "4.25 q: met_late by p, due 2026-03-06"),
    ] {
        asked(&[]).added("p", answered, "q", "LEI", &[]).as_at("2026-03-10").only("4.25").shows(&[outcome]);
        asked(&[]).refused("p", answered, "q", &[]).as_at("2026-03-10").only("4.25").shows(&[outcome]);
    }
}

#[test]
fn every_user_must_be_answered_and_the_last_answer_closes() {
    let parts = || asked(&["u1", "u2", "u3"]).added("p", "2026-03-04", "q", "LEI", &["u1"]);
    parts().as_at("2026-03-05").only("4.25").shows(&["4.25 q: pending, due 2026-03-06"]);
    parts()
        .refused("r", "2026-03-05", "q", &["u3", "u9"])
        .added("s", "2026-03-06", "q", "LEI", &["u2"])
        .as_at("2026-03-09")
        .only("4.25")
        .shows(&["4.25 q: met by s, due 2026-03-06"]);
    parts()
        .added("s", "2026-03-09", "q", "LEI", &[])
        .as_at("2026-03-09")
        .only("4.25")
        .shows(&["4.25 q: met_late by s, due 2026-03-06"]);
}

#[test]
fn an_empty_list_of_users_answers_for_all_and_a_request_with_one_is_answered_by_the_first() {
    let empty = |request: &str| json!({"request": request, "org": "prison/LEI", "users": []});
    asked(&["u1", "u2"])
        .fact("p", "2026-03-04", "partners.added", empty("q"))
        .as_at("2026-03-05")
        .only("4.25")
        .shows(&["4.25 q: met by p, due 2026-03-06"]);
    given_live_record()
        .fact("q", "2026-03-03", "partnership.requested", empty("q"))
        .added("p", "2026-03-04", "q", "LEI", &["u7"])
        .as_at("2026-03-05")
        .only("4.25")
        .shows(&["4.25 q: met by p, due 2026-03-06"]);
}

#[test]
fn an_answer_at_the_instant_of_the_request_counts_in_either_order_and_one_before_it_does_not() {
    let told_first = |at: &str| {
        given_live_record().added("p", at, "q", "LEI", &["u1"]).requested("q", "2026-03-03", "LEI", &["u1"])
    };
    told_first("2026-03-03 09:00:00")
        .as_at("2026-03-04")
        .only("4.25")
        .shows(&["4.25 q: met by p, due 2026-03-06"]);
    told_first("2026-03-03 08:59:59")
        .as_at("2026-03-04")
        .only("4.25")
        .shows(&["4.25 q: pending, due 2026-03-06"]);
    asked(&["u1"])
        .added("p", "2026-03-03", "q", "LEI", &["u1"])
        .as_at("2026-03-04")
        .only("4.25")
        .shows(&["4.25 q: met by p, due 2026-03-06"]);
}

#[test]
fn answers_in_parts_at_the_instant_of_the_request_add_up() {
    given_live_record()
        .added("p", "2026-03-03", "q", "LEI", &["u1"])
        .requested("q", "2026-03-03", "LEI", &["u1", "u2"])
        .added("s", "2026-03-04", "q", "LEI", &["u2"])
        .as_at("2026-03-05")
        .only("4.25")
        .shows(&["4.25 q: met by s, due 2026-03-06"]);
}

#[test]
fn an_answer_without_a_request_counts_for_the_open_requests_of_that_prison_only() {
    let two = || asked(&["u1"]).requested("s", "2026-03-03 10:00", "MDI", &["u1"]);
    two()
        .added("p", "2026-03-04", "", "LEI", &["u1"])
        .as_at("2026-03-05")
        .only("4.25")
        .shows(&["4.25 q: met by p, due 2026-03-06", "4.25 s: pending, due 2026-03-06"]);
    // Told before the request at the same instant, it finds no open request.
    given_live_record()
        .added("p", "2026-03-03", "", "LEI", &["u1"])
        .requested("q", "2026-03-03", "LEI", &["u1"])
        .as_at("2026-03-05")
        .only("4.25")
        .shows(&["4.25 q: pending, due 2026-03-06"]);
}

#[test]
fn a_request_told_again_asks_nothing_again_and_one_told_first_without_effect_does() {
    asked(&["u1"])
        .added("p", "2026-03-04", "q", "LEI", &["u1"])
        .requested_as("q", "q2", "2026-03-05", "LEI", &["u1", "u2"])
        .as_at("2026-03-09")
        .only("4.25")
        .shows(&["4.25 q: met by p, due 2026-03-06"]);
    given()
        .requested_as("Q", "q", "2026-03-02", "LEI", &[])
        .record("r", "2026-03-03")
        .requested_as("Q", "q2", "2026-03-05", "LEI", &[])
        .as_at("2026-03-05")
        .only("4.25")
        .shows(&["4.25 q2: pending, due 2026-03-08"]);
}

#[test]
fn a_request_to_the_police_or_for_no_live_record_is_no_duty_of_the_area() {
    given()
        .police_record("p", "2026-03-02")
        .requested("q", "2026-03-03", "LEI", &[])
        .as_at("2026-03-03")
        .shows(&[]);
    given().requested("q", "2026-03-03", "LEI", &[]).as_at("2026-03-03").shows(&[]);
}

// ---- 5.13 ----

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
fn one_request_of_that_prison_closes_both_openings_of_a_stay() {
    let twice = || {
        given_live_record()
            .received("i", "2026-03-03", "LEI", "admission")
            .archived("x", "2026-03-11")
            .unarchived("u", "2026-03-12")
    };
    twice()
        .requested("q", "2026-03-13", "LEI", &[])
        .as_at("2026-03-13")
        .only("5.13")
        .shows(&["5.13 i: lapsed by x, due 2026-03-10", "5.13 u: met by q, due 2026-03-19 (policy_gap)"]);
    // Two that are open at once: received at LEI, left and received again before anything was told of the leaving.
    given()
        .registered("reg", "2026-03-01", 2, 1)
        .received("i", "2026-03-02", "LEI", "admission")
        .record("r", "2026-03-03")
        .found("f", "2026-03-03", "LEI")
        .requested("q", "2026-03-04", "LEI", &[])
        .as_at("2026-03-04")
        .only("5.13")
        .shows(&["5.13 r: met by q, due 2026-03-10 (policy_gap)"]);
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
fn death_ends_what_was_opened_by_facts_and_nothing_opens_by_them_after_it() {
    let facts = asked(&[]).received("i", "2026-03-03", "MDI", "admission").died("d", "2026-03-07");
    let facts = completed(facts, "c", "2026-03-08", "A");
    facts
        .added("p", "2026-03-08", "q", "LEI", &[])
        .as_at("2026-03-09")
        .only("4.18 4.25 5.13")
        .shows(&["4.25 q: lapsed by d, due 2026-03-06", "5.13 i: withdrawn by d, due 2026-03-10"]);
}

#[test]
fn data_of_unknown_fields_is_kept_out_of_judging() {
    let data: Value = json!({"contact": "C", "colour": "red"});
    given()
        .fact("c", "2026-03-02", "contact.flagged", data)
        .as_at("2026-03-02")
        .shows(&["4.17 c: pending, due 2026-03-04"]);
}
