//! 3.3 `while`: opening, ending, guards; 4.10 and 4.14.

use serde_json::json;

use super::given::{given, moment};

#[test]
fn only_levels_2_and_3_of_category_2_open_4_10_and_supervised_category_3_opens_4_14() {
    for (category, level, wanted) in [
        (1, 2, vec![]),
        (2, 0, vec![]),
        (2, 1, vec![]),
        (2, 2, vec!["4.10 a: pending, due 2026-03-07"]),
        (2, 3, vec!["4.10 a: pending, due 2026-03-07"]),
        (3, 1, vec![]),
        (3, 2, vec!["4.14 a: pending, due 2026-03-05"]),
        (4, 3, vec![]),
    ] {
        given().registered_supervised("a", "2026-03-02", category, level).as_at("2026-03-02").shows(&wanted);
    }
}

#[test]
fn a_category_or_level_still_to_be_set_opens_when_it_is_set() {
    given()
        .registered("a", "2026-03-02", 0, 0)
        .level("b", "2026-03-03", 2)
        .category("c", "2026-03-04", 2)
        .as_at("2026-03-04")
        .shows(&["4.10 c: pending, due 2026-03-09"]);
}

#[test]
fn a_change_that_states_no_new_value_opens_nothing() {
    given()
        .registered("a", "2026-03-02", 2, 2)
        .record("r", "2026-03-03")
        .archived("x", "2026-03-04")
        .level("b", "2026-03-05", 3)
        .registered("c", "2026-03-06", 2, 2)
        .as_at("2026-03-07")
        .only("4.10")
        .shows(&["4.10 a: met by r, due 2026-03-07"]);
}

#[test]
fn a_met_duty_is_not_reopened_when_the_record_is_lost_and_the_next_opening_finds_it_lost() {
    given()
        .registered("a", "2026-03-02", 2, 2)
        .record("r", "2026-03-03")
        .archived("x", "2026-03-04")
        .level("b", "2026-03-05", 1)
        .level("c", "2026-03-06", 2)
        .as_at("2026-03-07")
        .only("4.10")
        .shows(&["4.10 a: met by r, due 2026-03-07", "4.10 c: pending, due 2026-03-11"]);
}

#[test]
fn a_record_that_was_live_before_ends_the_duty_at_its_opening() {
    let judged = given().record("r", "2026-02-01").registered("a", "2026-03-02", 2, 2).as_at("2026-03-02");
    judged.shows(&["4.10 a: met by r, due 2026-03-07"]);
    let duty = judged.duty("4.10", "a");
    assert_eq!((duty.opened_at, duty.closed_at), (moment("2026-03-02"), Some(moment("2026-03-02"))));
}

#[test]
fn the_fact_that_last_made_the_record_live_closes_and_a_repetition_is_never_named() {
    given()
        .record("r", "2026-01-05")
        .archived("x", "2026-01-06")
        .unarchived("u", "2026-01-07")
        .unarchived("v", "2026-01-08")
        .record("w", "2026-01-09")
        .registered("a", "2026-03-02", 2, 2)
        .as_at("2026-03-02")
        .only("4.10")
        .shows(&["4.10 a: met by u, due 2026-03-07"]);
}

#[test]
fn taking_a_record_out_of_the_archive_a_search_and_an_alert_meet_the_duty_too() {
    let open = || given().registered("a", "2026-03-02", 2, 2);
    let archived = given()
        .record("r", "2026-02-01")
        .archived("x", "2026-02-02")
        .registered("a", "2026-03-02", 2, 2)
        .unarchived("u", "2026-03-03");
    archived.as_at("2026-03-04").only("4.10").shows(&["4.10 a: met by u, due 2026-03-07"]);
    open().found("f", "2026-03-03", "LEI").as_at("2026-03-04").shows(&["4.10 a: met by f, due 2026-03-07"]);
    open().alert("v", "2026-03-03").as_at("2026-03-04").shows(&["4.10 a: met by v, due 2026-03-07"]);
    let not_found = json!({"prison": "prison/LEI", "spell": "S", "found": false});
    open()
        .fact("f", "2026-03-03", "visor.searched", not_found)
        .as_at("2026-03-04")
        .shows(&["4.10 a: pending, due 2026-03-07"]);
    open()
        .fact("v", "2026-03-03", "alert.added", json!({"code": "XYZ"}))
        .as_at("2026-03-04")
        .shows(&["4.10 a: pending, due 2026-03-07"]);
}

#[test]
fn a_search_does_not_bring_back_a_record_that_was_archived_or_deleted() {
    given()
        .record("r", "2026-02-01")
        .archived("x", "2026-02-02")
        .registered("a", "2026-03-02", 2, 2)
        .found("f", "2026-03-03", "LEI")
        .alert("v", "2026-03-03")
        .as_at("2026-03-04")
        .only("4.10")
        .shows(&["4.10 a: pending, due 2026-03-07"]);
}

#[test]
fn facts_of_the_same_instant_give_the_same_end_in_either_order() {
    let first = given().registered("a", "2026-03-02", 2, 2).record("r", "2026-03-02");
    first.as_at("2026-03-03").shows(&["4.10 a: met by r, due 2026-03-07"]);
    first.told_backwards().as_at("2026-03-03").shows(&["4.10 a: met by r, due 2026-03-07"]);
}

#[test]
fn a_level_lost_and_regained_at_one_instant_follows_the_order_of_the_lines() {
    let facts =
        given().registered("a", "2026-03-02", 2, 2).level("b", "2026-03-04", 1).level("c", "2026-03-04", 2);
    facts
        .as_at("2026-03-05")
        .shows(&["4.10 a: withdrawn by b, due 2026-03-07", "4.10 c: pending, due 2026-03-09"]);
    let facts =
        given().registered("a", "2026-03-02", 2, 2).level("c", "2026-03-04", 2).level("b", "2026-03-04", 1);
    facts.as_at("2026-03-05").shows(&["4.10 a: withdrawn by b, due 2026-03-07"]);
}

#[test]
fn a_condition_that_ends_withdraws_before_the_due_moment_and_lapses_from_it_on() {
    for (ended, outcome) in [
        ("2026-03-07 23:59:59", "4.10 a: withdrawn by b, due 2026-03-07"),
        ("2026-03-08 00:00:00", "4.10 a: lapsed by b, due 2026-03-07"),
    ] {
        let open = || given().registered("a", "2026-03-02", 2, 2);
        open().level("b", ended, 1).as_at("2026-03-09").shows(&[outcome]);
        open().deregistered("b", ended).as_at("2026-03-20").shows(&[outcome]);
        open().died("b", ended).as_at("2026-03-09").shows(&[outcome]);
    }
}

#[test]
fn until_is_looked_at_before_while() {
    // Given a registration that is also the fact on which the record is found live: no end of `while` comes first.
    given()
        .registered("a", "2026-03-02", 2, 2)
        .record("r", "2026-03-08 00:00")
        .level("b", "2026-03-08 00:00", 1)
        .as_at("2026-03-09")
        .shows(&["4.10 a: met_late by r, due 2026-03-07"]);
    given()
        .registered("a", "2026-03-02", 2, 2)
        .level("b", "2026-03-08 00:00", 1)
        .record("r", "2026-03-08 00:00")
        .as_at("2026-03-09")
        .shows(&["4.10 a: lapsed by b, due 2026-03-07"]);
}

#[test]
fn nothing_opens_after_death_and_a_second_death_changes_nothing() {
    given()
        .died("d", "2026-03-01")
        .died("e", "2026-03-02")
        .registered("a", "2026-03-02", 2, 2)
        .as_at("2026-03-20")
        .shows(&[]);
}

#[test]
fn a_death_told_first_at_the_same_instant_leaves_no_duty_and_told_second_withdraws_it() {
    given().died("d", "2026-03-02").registered("a", "2026-03-02", 2, 2).as_at("2026-03-03").shows(&[]);
    given()
        .registered("a", "2026-03-02", 2, 2)
        .died("d", "2026-03-02")
        .as_at("2026-03-03")
        .shows(&["4.10 a: withdrawn by d, due 2026-03-07"]);
}

#[test]
fn supervision_withdrawn_by_a_change_ends_4_14_and_the_end_of_the_sentence_does_not() {
    given()
        .registered_supervised("a", "2026-03-02", 3, 2)
        .fact("s", "2026-03-03", "sentence.ended", json!({}))
        .as_at("2026-03-03")
        .shows(&["4.14 a: pending, due 2026-03-05"]);
    given()
        .registered_supervised("a", "2026-03-02", 3, 2)
        .fact(
            "s",
            "2026-03-03",
            "mappa.changed",
            json!({"registration": "R1", "statutory_supervision": false}),
        )
        .as_at("2026-03-03")
        .shows(&["4.14 a: withdrawn by s, due 2026-03-05"]);
}

#[test]
fn supervision_that_was_given_by_default_stays_when_only_the_category_changes() {
    // Given category 2, supervised by default; changed to category 3 without a word on supervision.
    given()
        .registered("a", "2026-03-02", 2, 1)
        .fact("b", "2026-03-03", "mappa.changed", json!({"registration": "R1", "category": 3, "level": 2}))
        .as_at("2026-03-03")
        .shows(&["4.14 b: pending, due 2026-03-06"]);
}
