//! 4.11: the due date follows the release date, with grace where it would lie in the past.

use super::given::{Given, given, moment};

/// Category 2, level 1, custodial, in an area whose programme is on; the release date is still to come.
fn custodial() -> Given {
    given()
        .switched("on", "p", "2025-01-02", "A1", "custody-level-1")
        .registered("a", "2026-03-02", 2, 1)
        .sentenced("s", "2026-03-02 10:00", "custodial")
}

#[test]
fn the_window_is_information_and_the_duty_is_pending_before_it() {
    let judged = custodial().release("d", "2026-03-03", "2027-03-31").as_at("2026-03-03");
    judged.shows(&["4.11 d: pending, due 2026-09-30"]);
    let duty = judged.duty("4.11", "d");
    assert_eq!(duty.opens_on.unwrap().to_string(), "2026-07-31");
    assert_eq!(duty.counted_from.to_string(), "2027-03-31");
}

#[test]
fn a_due_date_on_the_opening_day_stands_and_one_before_it_becomes_five_days_of_grace() {
    for (release, wanted, counted) in [
        ("2026-09-04", "4.11 d: pending, due 2026-03-04", "2026-09-04"),
        ("2026-09-03", "4.11 d: pending, due 2026-03-03", "2026-09-03"),
        ("2026-09-02", "4.11 d: pending, due 2026-03-08 (policy_gap)", "2026-03-03"),
        ("2026-03-01", "4.11 d: pending, due 2026-03-08 (policy_gap)", "2026-03-03"),
    ] {
        let judged = custodial().release("d", "2026-03-03", release).as_at("2026-03-03");
        judged.shows(&[wanted]);
        assert_eq!(judged.duty("4.11", "d").counted_from.to_string(), counted, "release on {release}");
    }
}

#[test]
fn opens_on_stays_eight_months_before_release_also_in_the_gap() {
    let judged = custodial().release("d", "2026-03-03", "2026-09-02").as_at("2026-03-03");
    assert_eq!(judged.duty("4.11", "d").opens_on.unwrap().to_string(), "2026-01-02");
}

#[test]
fn grace_is_counted_from_the_effective_date_of_the_opening() {
    custodial()
        .release("d", "2026-03-10", "2026-06-01")
        .effective("2026-03-04")
        .as_at("2026-03-10")
        .shows(&["4.11 d: overdue, due 2026-03-09 (policy_gap)"]);
}

#[test]
fn the_due_date_moves_with_the_release_date_in_both_directions() {
    custodial()
        .release("d", "2026-03-03", "2027-03-31")
        .release("e", "2026-04-01", "2027-01-15")
        .as_at("2026-04-01")
        .shows(&["4.11 d: pending, due 2026-07-15"]);
    custodial()
        .release("d", "2026-03-03", "2027-03-31")
        .release("e", "2026-04-01", "2028-01-15")
        .as_at("2026-04-01")
        .shows(&["4.11 d: pending, due 2027-07-15"]);
}

#[test]
fn a_move_to_before_the_day_of_the_moving_fact_becomes_five_days_from_that_day() {
    for (release, wanted) in [
        ("2026-10-01", "4.11 d: pending, due 2026-04-01"),
        ("2026-09-30", "4.11 d: pending, due 2026-04-06 (policy_gap)"),
    ] {
        let judged = custodial()
            .release("d", "2026-03-03", "2027-03-31")
            .release("e", "2026-04-01", release)
            .as_at("2026-04-01");
        judged.shows(&[wanted]);
    }
    let judged = custodial()
        .release("d", "2026-03-03", "2027-03-31")
        .release("e", "2026-04-01", "2026-09-30")
        .as_at("2026-04-01");
    let duty = judged.duty("4.11", "d");
    assert_eq!(duty.counted_from.to_string(), "2026-04-01");
    assert_eq!(duty.opens_on.unwrap().to_string(), "2026-01-30");
}

#[test]
fn in_the_gap_a_move_to_before_the_grace_date_leaves_it_and_one_on_or_after_it_replaces_it() {
    // Given grace until 8 March.
    for (release, wanted, counted) in [
        ("2026-05-01", "4.11 d: pending, due 2026-03-08 (policy_gap)", "2026-03-03"),
        ("2026-09-07", "4.11 d: pending, due 2026-03-08 (policy_gap)", "2026-03-03"),
        ("2026-09-08", "4.11 d: pending, due 2026-03-08", "2026-09-08"),
        ("2026-12-15", "4.11 d: pending, due 2026-06-15", "2026-12-15"),
    ] {
        let judged = custodial()
            .release("d", "2026-03-03", "2026-07-01")
            .release("e", "2026-03-05", release)
            .as_at("2026-03-05");
        judged.shows(&[wanted]);
        assert_eq!(judged.duty("4.11", "d").counted_from.to_string(), counted, "release on {release}");
    }
}

#[test]
fn a_duty_out_of_the_gap_may_fall_into_it_again() {
    custodial()
        .release("d", "2026-03-03", "2026-07-01")
        .release("e", "2026-03-05", "2026-12-15")
        .release("f", "2026-03-20", "2026-07-01")
        .as_at("2026-03-20")
        .shows(&["4.11 d: pending, due 2026-03-25 (policy_gap)"]);
}

#[test]
fn once_overdue_the_due_date_is_frozen() {
    let moved = |at: &str| {
        custodial()
            .release("d", "2026-03-03", "2026-10-01")
            .release("e", at, "2027-10-01")
            .as_at("2026-06-01")
    };
    // Due on 1 April: overdue from midnight in London, 23:00 UTC.
    moved("2026-04-01 22:59:59").shows(&["4.11 d: pending, due 2027-04-01"]);
    moved("2026-04-01 23:00:00").shows(&["4.11 d: overdue, due 2026-04-01"]);
    assert_eq!(moved("2026-04-01 23:00:00").duty("4.11", "d").counted_from.to_string(), "2026-10-01");
}

#[test]
fn a_release_date_taken_back_withdraws_or_lapses_and_a_new_one_opens_the_next_duty() {
    let null = serde_json::json!({"release_on": null});
    custodial()
        .release("d", "2026-03-03", "2027-03-31")
        .fact("n", "2026-04-01", "release_date.set", null.clone())
        .release("e", "2026-05-01", "2027-04-30")
        .as_at("2026-05-01")
        .shows(&["4.11 d: withdrawn by n, due 2026-09-30", "4.11 e: pending, due 2026-10-30"]);
    custodial()
        .release("d", "2026-03-03", "2026-10-01")
        .fact("n", "2026-05-01", "release_date.set", null)
        .as_at("2026-05-01")
        .shows(&["4.11 d: lapsed by n, due 2026-04-01"]);
}

#[test]
fn a_release_date_recorded_late_is_known_from_then_and_a_move_adds_to_known_since() {
    let facts = custodial()
        .release("d", "2026-03-03", "2027-03-31")
        .release("e", "2026-04-01", "2027-01-15")
        .recorded("2026-04-10");
    assert_eq!(facts.as_at("2026-04-09").duty("4.11", "d").known_since, moment("2026-03-03"));
    assert_eq!(facts.as_at("2026-04-10").duty("4.11", "d").known_since, moment("2026-04-10"));
}

#[test]
fn a_move_that_left_the_grace_date_adds_nothing_to_known_since_and_one_into_the_gap_does() {
    let left = custodial()
        .release("d", "2026-03-03", "2026-07-01")
        .release("e", "2026-03-05", "2026-05-01")
        .recorded("2026-03-06");
    assert_eq!(left.as_at("2026-03-07").duty("4.11", "d").known_since, moment("2026-03-03"));
    let into = custodial()
        .release("d", "2026-03-03", "2027-03-31")
        .release("e", "2026-04-01", "2026-05-01")
        .recorded("2026-04-02");
    assert_eq!(into.as_at("2026-04-03").duty("4.11", "d").known_since, moment("2026-04-02"));
}

#[test]
fn the_same_date_told_again_changes_nothing() {
    let facts = custodial()
        .release("d", "2026-03-03", "2026-07-01")
        .release("e", "2026-03-07", "2026-07-01")
        .recorded("2026-03-09");
    let judged = facts.as_at("2026-03-09");
    judged.shows(&["4.11 d: overdue, due 2026-03-08 (policy_gap)"]);
    assert_eq!(judged.duty("4.11", "d").known_since, moment("2026-03-03"));
}
