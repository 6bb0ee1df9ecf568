//! 3.2: registrations, custody, records; facts that state what already holds.

use serde_json::json;

use super::given::{given, given_live_record};

#[test]
fn an_end_followed_the_same_or_the_next_day_by_a_registration_is_a_change() {
    for (ended, again, wanted) in [
        ("2026-03-04", "2026-03-04 10:00", vec!["4.10 a: pending, due 2026-03-07"]),
        ("2026-03-04", "2026-03-05 23:59:59", vec!["4.10 a: pending, due 2026-03-07"]),
        (
            "2026-03-04",
            "2026-03-06 00:00",
            vec!["4.10 a: withdrawn by b, due 2026-03-07", "4.10 c: pending, due 2026-03-11"],
        ),
    ] {
        given()
            .registered("a", "2026-03-02", 2, 2)
            .deregistered("b", ended)
            .registered_as("R2", "c", again, 2, 3)
            .as_at("2026-03-06 12:00")
            .shows(&wanted);
    }
}

#[test]
fn the_tolerance_goes_by_effective_dates_and_the_order_by_time() {
    // Told on 10 March with effect from 5 March: the day after the end of 4 March.
    let facts = given()
        .registered("a", "2026-03-02", 2, 2)
        .deregistered("b", "2026-03-04")
        .registered_as("R2", "c", "2026-03-10", 2, 2)
        .effective("2026-03-05");
    facts.as_at("2026-03-10").shows(&["4.10 a: overdue, due 2026-03-07"]);
    facts.as_at("2026-03-09").shows(&["4.10 a: withdrawn by b, due 2026-03-07"]);
    // An end told on 10 March with effect from 4 March, and a registration on 5 March, before it in the fold: it counts.
    given()
        .registered("a", "2026-03-02", 2, 2)
        .registered("c", "2026-03-05", 2, 2)
        .deregistered("b", "2026-03-06 09:00")
        .effective("2026-03-04")
        .as_at("2026-03-06 12:00")
        .shows(&["4.10 a: withdrawn by b, due 2026-03-07"]);
}

#[test]
fn a_registration_with_effect_before_the_end_is_no_change() {
    given()
        .registered("a", "2026-03-02", 2, 2)
        .deregistered("b", "2026-03-04")
        .registered_as("R2", "c", "2026-03-05", 2, 2)
        .effective("2026-03-03")
        .as_at("2026-03-05 12:00")
        .shows(&["4.10 a: withdrawn by b, due 2026-03-07", "4.10 c: pending, due 2026-03-08"]);
}

#[test]
fn the_end_counts_until_the_new_registration_is_known_and_again_when_it_is_annulled() {
    let facts = given()
        .registered("a", "2026-03-02", 2, 2)
        .deregistered("b", "2026-03-04")
        .registered_as("R2", "c", "2026-03-05", 2, 2)
        .recorded("2026-03-12")
        .annulled("x", "2026-03-15", "c");
    facts.as_at_known("2026-03-14", "2026-03-11").shows(&["4.10 a: withdrawn by b, due 2026-03-07"]);
    facts.as_at_known("2026-03-14", "2026-03-12").shows(&["4.10 a: overdue, due 2026-03-07"]);
    facts.as_at_known("2026-03-14", "2026-03-15").shows(&["4.10 a: withdrawn by b, due 2026-03-07"]);
}

#[test]
fn after_a_change_by_ending_and_entering_again_the_old_registration_is_no_longer_current() {
    given()
        .registered("a", "2026-03-02", 2, 1)
        .deregistered("b", "2026-03-04")
        .registered_as("R2", "c", "2026-03-05", 2, 1)
        .level("d", "2026-03-06", 3)
        .fact("e", "2026-03-07", "mappa.changed", json!({"registration": "R2", "level": 2}))
        .as_at("2026-03-08")
        .shows(&["4.10 e: pending, due 2026-03-12"]);
}

#[test]
fn a_change_or_an_end_before_any_registration_changes_nothing() {
    given()
        .level("x", "2026-03-01", 3)
        .deregistered("y", "2026-03-01")
        .registered("a", "2026-03-02", 2, 2)
        .as_at("2026-03-03")
        .shows(&["4.10 a: pending, due 2026-03-07"]);
}

#[test]
fn a_reception_at_the_present_prison_told_again_counts_for_nothing() {
    given_live_record()
        .received("i", "2026-03-03", "LEI", "admission")
        .received("j", "2026-03-05", "LEI", "transfer")
        .received("k", "2026-03-06", "LEI", "return")
        .as_at("2026-03-07")
        .only("5.13")
        .shows(&["5.13 i: pending, due 2026-03-10"]);
}

#[test]
fn a_return_from_outside_starts_no_clock_and_an_admission_does() {
    for (reason, wanted) in [
        ("return", vec!["5.13 i: withdrawn by o, due 2026-03-10"]),
        ("admission", vec!["5.13 i: withdrawn by o, due 2026-03-10", "5.13 j: pending, due 2026-03-13"]),
    ] {
        given_live_record()
            .received("i", "2026-03-03", "LEI", "admission")
            .left("o", "2026-03-05", "LEI", "unlawfully_at_large")
            .received("j", "2026-03-06", "LEI", reason)
            .as_at("2026-03-07")
            .only("5.13")
            .shows(&wanted);
    }
}

#[test]
fn a_reception_at_another_prison_acts_as_a_leaving_whatever_its_reason() {
    // The word "transfer" occurs nowhere in these histories.
    for reason in ["admission", "return"] {
        let facts = given_live_record().received("i", "2026-03-03", "LEI", "admission").received(
            "j",
            "2026-03-05",
            "MDI",
            reason,
        );
        facts
            .as_at("2026-03-06")
            .only("5.13 5.18")
            .shows(&["5.13 i: withdrawn by j, due 2026-03-10", "5.13 j: pending, due 2026-03-12"]);
    }
}

#[test]
fn an_implicit_leaving_after_the_due_moment_lapses() {
    for (reason, moved, outcome) in [
        ("transfer", "2026-03-10 23:59:59", "5.13 i: withdrawn by j, due 2026-03-10"),
        ("return", "2026-03-11 00:00:00", "5.13 i: lapsed by j, due 2026-03-10"),
    ] {
        let judged = given_live_record()
            .received("i", "2026-03-03", "LEI", "admission")
            .received("j", moved, "MDI", reason)
            .as_at("2026-03-11")
            .only("5.13");
        assert!(judged.lines().contains(&outcome.to_owned()), "{:?}", judged.lines());
    }
}

#[test]
fn the_old_prison_telling_of_the_leaving_later_opens_its_own_duty_and_moves_nobody() {
    given_live_record()
        .received("i", "2026-03-03", "LEI", "admission")
        .received("j", "2026-03-05", "MDI", "transfer")
        .left("o", "2026-03-06", "LEI", "transfer")
        .as_at("2026-03-06")
        .only("5.13 5.18")
        .shows(&[
            "5.13 i: withdrawn by j, due 2026-03-10",
            "5.13 j: pending, due 2026-03-12",
            "5.18 o: pending, due 2026-03-10",
        ]);
}

#[test]
fn a_temporary_absence_is_no_leaving() {
    given_live_record()
        .received("i", "2026-03-03", "LEI", "admission")
        .left("o", "2026-03-05", "LEI", "temporary")
        .received("j", "2026-03-06", "LEI", "return")
        .as_at("2026-03-07")
        .only("5.13 5.18")
        .shows(&["5.13 i: pending, due 2026-03-10"]);
}

#[test]
fn a_record_found_is_probations_for_category_2_and_supervised_category_3_and_else_the_polices() {
    for (category, supervised, probation) in
        [(1, true, false), (2, false, true), (3, true, true), (3, false, false), (4, true, false)]
    {
        let facts = given()
            .fact(
                "a",
                "2026-03-02",
                "mappa.registered",
                json!({"registration": "R", "category": category, "level": 1, "area": "area/A1",
                       "statutory_supervision": supervised}),
            )
            .found("f", "2026-03-03", "LEI")
            .requested("q", "2026-03-04", "LEI", &[]);
        let wanted = if probation { vec!["4.25 q: pending, due 2026-03-07"] } else { vec![] };
        facts.as_at("2026-03-04").only("4.25").shows(&wanted);
    }
}

#[test]
fn the_owner_is_kept_in_the_archive_and_gone_with_deletion() {
    let opened = |gone: &str| {
        given_live_record()
            .fact("x", "2026-03-03", gone, json!({}))
            .unarchived("u", "2026-03-04")
            .requested("q", "2026-03-05", "LEI", &[])
            .as_at("2026-03-05")
            .only("4.25")
            .lines()
            .len()
    };
    assert_eq!(opened("record.archived"), 1);
    assert_eq!(opened("record.deleted"), 0);
}

#[test]
fn a_record_created_again_by_another_owner_changes_the_owner_only() {
    given_live_record()
        .police_record("p", "2026-03-03")
        .requested("q", "2026-03-04", "LEI", &[])
        .as_at("2026-03-04")
        .shows(&["4.10 reg: met by rec, due 2026-03-07"]);
}
