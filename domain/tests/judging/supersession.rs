//! 3.4: rules of the obligation `record` are one act.

use mandate_domain::judge::DutyRecord;
use serde_json::json;

use super::given::{Given, given, moment};

/// Registered in category 2 at level 2 on Monday 2 March: 4.10 is due on Saturday 7 March.
fn level_2() -> Given {
    given().registered("a", "2026-03-02", 2, 2)
}

/// The programmes of area A1 are on, and a release date puts 4.11 far into the future.
fn with_programmes(facts: Given) -> Given {
    facts.switched("on", "p1", "2025-01-02", "A1", "custody-level-1").switched(
        "on",
        "p2",
        "2025-01-02",
        "A1",
        "community",
    )
}

fn counted(duty: &DutyRecord) -> String {
    duty.counted_from.to_string()
}

#[test]
fn a_pending_4_10_passes_its_earlier_date_to_4_14() {
    let judged = level_2().category("b", "2026-03-04", 3).as_at("2026-03-04");
    judged.shows(&[
        "4.10 a: superseded by b for 4.14 b, due 2026-03-07",
        "4.14 b: pending, due 2026-03-07 (kept_due)",
    ]);
    assert_eq!(counted(judged.duty("4.14", "b")), "2026-03-04");
    assert_eq!(judged.duty("4.10", "a").closed_at, Some(moment("2026-03-04")));
    assert_eq!(judged.duty("4.10", "a").superseded_by.as_deref(), Some("4.14:nominal/N1:/t#b"));
}

#[test]
fn a_pending_4_14_passes_its_earlier_date_to_4_10() {
    given()
        .registered_supervised("a", "2026-03-02", 3, 2)
        .category("b", "2026-03-03", 2)
        .as_at("2026-03-03")
        .shows(&[
            "4.14 a: superseded by b for 4.10 b, due 2026-03-05",
            "4.10 b: pending, due 2026-03-05 (kept_due)",
        ]);
}

#[test]
fn the_own_date_is_taken_and_flagged_where_it_is_the_earlier() {
    // 4.14 from Maundy Thursday is due on 9 April; 4.10 from Good Friday on 8 April.
    given()
        .registered_supervised("a", "2026-04-02", 3, 2)
        .category("b", "2026-04-03", 2)
        .as_at("2026-04-03")
        .shows(&[
            "4.14 a: superseded by b for 4.10 b, due 2026-04-09",
            "4.10 b: pending, due 2026-04-08 (kept_due)",
        ]);
}

#[test]
fn a_date_once_kept_is_kept_on_the_way_back() {
    // 2 March: 4.10 due 7 March. 3 March: 4.14 by itself due 6 March. 4 March: 4.10 by itself due 9 March.
    level_2().category("b", "2026-03-03", 3).category("c", "2026-03-04", 2).as_at("2026-03-04").shows(&[
        "4.10 a: superseded by b for 4.14 b, due 2026-03-07",
        "4.14 b: superseded by c for 4.10 c, due 2026-03-06 (kept_due)",
        "4.10 c: pending, due 2026-03-06 (kept_due)",
    ]);
}

#[test]
fn a_kept_date_is_frozen_against_holidays_and_so_is_the_day_to_act() {
    // 4.14 takes over on Tuesday 3 March, by itself due on Friday 6 March, before 7 March.
    let judged = level_2()
        .category("b", "2026-03-03", 3)
        .holidays("h", "2026-03-04", &["2026-03-05", "2026-03-06"], &[])
        .as_at("2026-03-05");
    let duty = judged.duty("4.14", "b");
    assert_eq!(duty.due_on.unwrap().to_string(), "2026-03-06");
    assert_eq!(duty.act_by.unwrap().to_string(), "2026-03-06");
}

#[test]
fn level_2_keeps_the_earlier_date_of_4_11_and_4_11_keeps_nothing() {
    let custodial = |release: &str| {
        with_programmes(given())
            .sentenced("s", "2026-03-01", "custodial")
            .release("d", "2026-03-01 10:00", release)
            .registered("a", "2026-03-02", 2, 1)
    };
    custodial("2026-09-06").level("b", "2026-03-04", 2).as_at("2026-03-04").shows(&[
        "4.11 a: superseded by b for 4.10 b, due 2026-03-06",
        "4.10 b: pending, due 2026-03-06 (kept_due)",
    ]);
    custodial("2027-09-06").level("b", "2026-03-04", 2).as_at("2026-03-04").shows(&[
        "4.11 a: superseded by b for 4.10 b, due 2027-03-06",
        "4.10 b: pending, due 2026-03-09 (kept_due)",
    ]);
    custodial("2027-09-06")
        .level("b", "2026-03-04", 2)
        .level("c", "2026-03-05", 1)
        .as_at("2026-03-05")
        .shows(&[
            "4.11 a: superseded by b for 4.10 b, due 2027-03-06",
            "4.10 b: superseded by c for 4.11 c, due 2026-03-09 (kept_due)",
            "4.11 c: pending, due 2027-03-06",
        ]);
}

#[test]
fn a_date_kept_from_4_11_no_longer_follows_the_release_date() {
    with_programmes(given())
        .sentenced("s", "2026-03-01", "custodial")
        .release("d", "2026-03-01 10:00", "2026-09-06")
        .registered("a", "2026-03-02", 2, 1)
        .level("b", "2026-03-04", 2)
        .release("e", "2026-03-05", "2027-09-06")
        .as_at("2026-03-05")
        .shows(&[
            "4.11 a: superseded by b for 4.10 b, due 2026-03-06",
            "4.10 b: pending, due 2026-03-06 (kept_due)",
        ]);
}

#[test]
fn a_new_sentence_supersedes_4_13_by_4_11_without_a_kept_date() {
    with_programmes(given())
        .release("d", "2026-03-01", "2027-09-06")
        .registered("a", "2026-03-02", 2, 1)
        .sentenced("s", "2026-03-03", "community")
        .sentenced("t", "2026-03-04", "custodial")
        .as_at("2026-03-04")
        .shows(&["4.13 s: superseded by t for 4.11 t, due 2026-03-06", "4.11 t: pending, due 2027-03-06"]);
}

#[test]
fn of_several_that_open_the_first_in_table_order_supersedes() {
    // At the change to category 2 both 4.10 and 4.13 open.
    with_programmes(given())
        .registered_supervised("a", "2026-03-02", 3, 2)
        .sentenced("s", "2026-03-02 10:00", "community")
        .category("b", "2026-03-03", 2)
        .as_at("2026-03-03")
        .shows(&[
            "4.14 a: superseded by b for 4.10 b, due 2026-03-05",
            "4.10 b: pending, due 2026-03-05 (kept_due)",
            "4.13 b: pending, due 2026-03-05",
        ]);
}

#[test]
fn where_the_other_rule_was_open_already_or_its_guard_fails_the_old_one_is_withdrawn() {
    with_programmes(level_2())
        .sentenced("s", "2026-03-03", "community")
        .level("b", "2026-03-04", 1)
        .as_at("2026-03-04")
        .shows(&["4.10 a: withdrawn by b, due 2026-03-07", "4.13 s: pending, due 2026-03-06"]);
    level_2()
        .sentenced("s", "2026-03-03", "custodial")
        .release("d", "2026-03-03", "2027-09-06")
        .level("b", "2026-03-04", 1)
        .as_at("2026-03-04")
        .shows(&["4.10 a: withdrawn by b, due 2026-03-07"]);
}

#[test]
fn two_facts_at_one_instant_are_two_facts() {
    // The level goes at one fact and the category at the next: nothing opens at the first.
    level_2()
        .level("b", "2026-03-04", 1)
        .fact("c", "2026-03-04", "mappa.changed", json!({"registration": "R1", "category": 3, "level": 2}))
        .as_at("2026-03-04")
        .shows(&["4.10 a: withdrawn by b, due 2026-03-07", "4.14 c: pending, due 2026-03-09"]);
}

#[test]
fn a_change_at_the_due_moment_comes_too_late_to_supersede() {
    level_2().category("b", "2026-03-07 23:59:59", 3).as_at("2026-03-09").shows(&[
        "4.10 a: superseded by b for 4.14 b, due 2026-03-07",
        "4.14 b: overdue, due 2026-03-07 (kept_due)",
    ]);
    level_2()
        .category("b", "2026-03-08 00:00:00", 3)
        .as_at("2026-03-09")
        .shows(&["4.10 a: overdue, due 2026-03-07"]);
}

#[test]
fn an_overdue_duty_goes_on_while_another_rule_of_the_obligation_holds() {
    let overdue = || level_2().category("b", "2026-03-09", 3);
    overdue().record("r", "2026-03-10").as_at("2026-03-11").shows(&["4.10 a: met_late by r, due 2026-03-07"]);
    overdue()
        .category("c", "2026-03-10", 1)
        .as_at("2026-03-11")
        .shows(&["4.10 a: lapsed by c, due 2026-03-07"]);
    overdue().category("c", "2026-03-10", 2).as_at("2026-03-11").shows(&["4.10 a: overdue, due 2026-03-07"]);
    overdue().died("c", "2026-03-10").as_at("2026-03-11").shows(&["4.10 a: lapsed by c, due 2026-03-07"]);
    overdue()
        .fact(
            "c",
            "2026-03-10",
            "mappa.changed",
            json!({"registration": "R1", "statutory_supervision": false}),
        )
        .as_at("2026-03-11")
        .shows(&["4.10 a: lapsed by c, due 2026-03-07"]);
}

#[test]
fn after_a_lapse_the_next_opening_opens() {
    level_2()
        .level("b", "2026-03-09", 1)
        .category("c", "2026-03-10", 3)
        .level("d", "2026-03-11", 2)
        .as_at("2026-03-11")
        .shows(&["4.10 a: lapsed by b, due 2026-03-07", "4.14 d: pending, due 2026-03-16"]);
}

#[test]
fn an_overdue_duty_goes_on_through_a_guarded_rule_only_if_its_guard_held() {
    let facts = |switched: &str| {
        level_2()
            .switched("on", "p", switched, "A1", "custody-level-1")
            .sentenced("s", "2026-03-03", "custodial")
            .release("d", "2026-03-03", "2027-09-06")
            .level("b", "2026-03-09", 1)
            .as_at("2026-03-12")
    };
    facts("2026-03-08").shows(&["4.10 a: overdue, due 2026-03-07"]);
    facts("2026-03-10").shows(&["4.10 a: lapsed by b, due 2026-03-07"]);
}

#[test]
fn a_programme_switched_off_later_does_not_end_what_goes_on_through_it() {
    level_2()
        .switched("on", "p", "2026-03-01", "A1", "custody-level-1")
        .switched("off", "q", "2026-03-10", "A1", "custody-level-1")
        .sentenced("s", "2026-03-03", "custodial")
        .release("d", "2026-03-03", "2027-09-06")
        .level("b", "2026-03-09", 1)
        .record("r", "2026-03-12")
        .as_at("2026-03-12")
        .shows(&["4.10 a: met_late by r, due 2026-03-07"]);
}

#[test]
fn two_that_opened_earlier_may_both_become_overdue_and_end_together() {
    let both = || with_programmes(level_2()).sentenced("s", "2026-03-03", "community");
    both().as_at("2026-03-09").shows(&["4.10 a: overdue, due 2026-03-07", "4.13 s: overdue, due 2026-03-06"]);
    // The level goes: 4.10 stays open because 4.13 holds.
    both()
        .level("b", "2026-03-09", 1)
        .as_at("2026-03-10")
        .shows(&["4.10 a: overdue, due 2026-03-07", "4.13 s: overdue, due 2026-03-06"]);
    both()
        .record("r", "2026-03-09")
        .as_at("2026-03-10")
        .shows(&["4.10 a: met_late by r, due 2026-03-07", "4.13 s: met_late by r, due 2026-03-06"]);
}

#[test]
fn while_one_is_overdue_another_does_not_open_and_one_pending_is_withdrawn() {
    // 4.13 from 2 March is overdue from 6 March; 4.10 would open on 6 March.
    let community = || with_programmes(given()).sentenced("s", "2026-03-02", "community");
    community()
        .registered("a", "2026-03-02 10:00", 2, 1)
        .level("b", "2026-03-05 23:59:59", 2)
        .as_at("2026-03-06")
        .shows(&["4.13 a: overdue, due 2026-03-05", "4.10 b: pending, due 2026-03-10"]);
    community()
        .registered("a", "2026-03-02 10:00", 2, 1)
        .level("b", "2026-03-06 00:00:00", 2)
        .as_at("2026-03-06")
        .shows(&["4.13 a: overdue, due 2026-03-05"]);
    community()
        .registered("a", "2026-03-02 10:00", 2, 1)
        .level("b", "2026-03-05", 2)
        .level("c", "2026-03-07", 1)
        .as_at("2026-03-07")
        .shows(&["4.13 a: overdue, due 2026-03-05", "4.10 b: withdrawn by c, due 2026-03-10"]);
}

#[test]
fn a_duty_that_was_never_opened_is_not_made_up_for_when_the_overdue_one_is_waived() {
    level_2()
        .category("b", "2026-03-09", 3)
        .waived("w", "2026-03-10", "4.10", "a")
        .as_at("2026-03-11")
        .shows(&["4.10 a: exempt by w, due 2026-03-07"]);
}

#[test]
fn a_waiver_does_not_pass_to_the_next_duty() {
    level_2()
        .waived("w", "2026-03-03", "4.10", "a")
        .category("b", "2026-03-04", 3)
        .as_at("2026-03-04")
        .shows(&["4.10 a: exempt by w, due 2026-03-07", "4.14 b: pending, due 2026-03-09"]);
}

#[test]
fn a_late_fact_undoes_a_supersession() {
    // The record was made on 3 March and recorded on 12 March: nothing was left to supersede.
    let facts = level_2().category("b", "2026-03-04", 3).record("r", "2026-03-03").recorded("2026-03-12");
    facts.as_at_known("2026-03-11", "2026-03-11").shows(&[
        "4.10 a: superseded by b for 4.14 b, due 2026-03-07",
        "4.14 b: overdue, due 2026-03-07 (kept_due)",
    ]);
    facts
        .as_at_known("2026-03-11", "2026-03-12")
        .shows(&["4.10 a: met by r, due 2026-03-07", "4.14 b: met by r, due 2026-03-09"]);
}
