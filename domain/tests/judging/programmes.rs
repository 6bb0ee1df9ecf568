//! 3.2, 3.3: programme guards of 4.11 and 4.13, and the sentence that 4.13 counts from.

use super::given::{Given, given, moment};

const COMMUNITY: &str = "community";

/// Category 2, level 1, sentenced to a community order on 2 March, registered on 3 March.
fn community_sentence() -> Given {
    given().sentenced("s", "2026-03-02", COMMUNITY).registered("a", "2026-03-03", 2, 1)
}

#[test]
fn the_programme_is_asked_at_the_sentence_date_and_the_clock_runs_from_it() {
    for (switched, wanted) in [
        ("2026-03-01", vec!["4.13 a: pending, due 2026-03-05"]),
        ("2026-03-02 23:59:59", vec!["4.13 a: pending, due 2026-03-05"]),
        ("2026-03-03 00:00:00", vec![]),
    ] {
        let facts = community_sentence().switched("on", "p", switched, "A1", COMMUNITY);
        facts.as_at("2026-03-03").shows(&wanted);
        assert!(
            wanted.is_empty()
                || facts.as_at("2026-03-03").duty("4.13", "a").counted_from.to_string() == "2026-03-02"
        );
    }
}

#[test]
fn a_switch_recorded_late_takes_effect_on_the_day_it_was_recorded() {
    // Decided on 1 March: recorded on 2 March it is on for that day, recorded on 3 March it is not.
    for (recorded, wanted) in
        [("2026-03-02 23:00", vec!["4.13 a: pending, due 2026-03-05"]), ("2026-03-03 00:00", vec![])]
    {
        community_sentence()
            .switched("on", "p", "2026-03-01", "A1", COMMUNITY)
            .recorded(recorded)
            .as_at("2026-03-04")
            .shows(&wanted);
    }
}

#[test]
fn a_switch_effective_later_than_its_time_waits_for_its_day() {
    for (effective, wanted) in
        [("2026-03-02", vec!["4.13 a: pending, due 2026-03-05"]), ("2026-03-03", vec![])]
    {
        community_sentence()
            .switched("on", "p", "2026-02-01", "A1", COMMUNITY)
            .effective(effective)
            .as_at("2026-03-03")
            .shows(&wanted);
    }
}

#[test]
fn the_latest_switch_counts_and_equal_days_go_by_time_and_line() {
    let switches = |first: &str, second: &str, at: &str| {
        community_sentence()
            .switched(first, "p", "2026-03-01 09:00", "A1", COMMUNITY)
            .switched(second, "q", at, "A1", COMMUNITY)
            .as_at("2026-03-03")
            .lines()
            .len()
    };
    assert_eq!(switches("on", "off", "2026-03-01 10:00"), 0);
    assert_eq!(switches("on", "off", "2026-03-01 08:00"), 1);
    assert_eq!(switches("on", "off", "2026-03-01 09:00"), 0);
    assert_eq!(switches("off", "on", "2026-03-01 09:00"), 1);
    assert_eq!(switches("on", "off", "2026-03-03 08:00"), 1, "off only after the sentence");
}

#[test]
fn a_switch_back_recorded_late_does_not_undo_the_days_before() {
    // Off from 1 March, but recorded on 4 March: on 2 March the programme was on.
    community_sentence()
        .switched("on", "p", "2026-02-01", "A1", COMMUNITY)
        .switched("off", "q", "2026-03-01", "A1", COMMUNITY)
        .recorded("2026-03-04")
        .as_at("2026-03-05")
        .shows(&["4.13 a: pending, due 2026-03-05"]);
}

#[test]
fn an_annulled_switch_or_one_of_another_area_or_programme_is_none() {
    community_sentence()
        .switched("on", "p", "2026-02-01", "A1", COMMUNITY)
        .annulled("x", "2026-03-04", "p")
        .as_at("2026-03-04")
        .shows(&[]);
    community_sentence().switched("on", "p", "2026-02-01", "A2", COMMUNITY).as_at("2026-03-04").shows(&[]);
    community_sentence()
        .switched("on", "p", "2026-02-01", "A1", "custody-level-1")
        .as_at("2026-03-04")
        .shows(&[]);
}

#[test]
fn the_guard_is_looked_at_once_and_a_later_switch_neither_opens_nor_ends() {
    community_sentence()
        .switched("on", "p", "2026-02-01", "A1", COMMUNITY)
        .switched("off", "q", "2026-03-04", "A1", COMMUNITY)
        .as_at("2026-03-04 10:00")
        .shows(&["4.13 a: pending, due 2026-03-05"]);
    community_sentence().switched("on", "p", "2026-03-04", "A1", COMMUNITY).as_at("2026-03-10").shows(&[]);
}

#[test]
fn without_an_area_the_programme_is_off() {
    given()
        .switched("on", "p", "2026-02-01", "A1", COMMUNITY)
        .sentenced("s", "2026-03-02", COMMUNITY)
        .as_at("2026-03-03")
        .shows(&[]);
}

#[test]
fn the_area_just_after_the_opening_fact_is_asked() {
    // The case moved to A2 before the sentence.
    for (area, wanted) in [("A2", vec!["4.13 s: pending, due 2026-03-08"]), ("A1", vec![])] {
        given()
            .registered("a", "2026-03-02", 2, 1)
            .transferred("t", "2026-03-03", "A2")
            .sentenced("s", "2026-03-05", COMMUNITY)
            .switched("on", "p", "2026-02-01", area, COMMUNITY)
            .as_at("2026-03-06")
            .shows(&wanted);
    }
}

#[test]
fn known_since_adds_the_switch_and_the_fact_that_gave_the_area() {
    let facts = given()
        .switched("on", "p", "2026-02-01", "A1", COMMUNITY)
        .registered("a", "2026-03-02", 2, 1)
        .transferred("t", "2026-03-03", "A2")
        .recorded("2026-03-07")
        .switched("on", "q", "2026-03-05", "A2", COMMUNITY)
        .sentenced("s", "2026-03-05", COMMUNITY);
    let duty = |known: &str| facts.as_at_known("2026-03-07", known).duty("4.13", "s").clone();
    assert_eq!(duty("2026-03-06").known_since, moment("2026-03-05"));
    assert_eq!(duty("2026-03-07").known_since, moment("2026-03-07"));
}

#[test]
fn a_suspended_sentence_opens_nothing_and_ends_a_community_one() {
    let on = || given().switched("on", "p", "2026-02-01", "A1", COMMUNITY);
    on().sentenced("s", "2026-03-02", "suspended")
        .registered("a", "2026-03-03", 2, 1)
        .as_at("2026-03-04")
        .shows(&[]);
    on().sentenced("s", "2026-03-02", COMMUNITY)
        .registered("a", "2026-03-03", 2, 1)
        .sentenced("t", "2026-03-04", "suspended")
        .as_at("2026-03-04")
        .shows(&["4.13 a: withdrawn by t, due 2026-03-05"]);
}

#[test]
fn the_sentence_date_is_fixed_at_the_opening_and_a_second_community_sentence_before_it_counts() {
    let on = || given().switched("on", "p", "2026-02-01", "A1", COMMUNITY);
    // Sentenced again after the opening: nothing changes.
    on().sentenced("s", "2026-03-02", COMMUNITY)
        .registered("a", "2026-03-03", 2, 1)
        .sentenced("t", "2026-03-04", COMMUNITY)
        .as_at("2026-03-04")
        .shows(&["4.13 a: pending, due 2026-03-05"]);
    // Sentenced again before the opening: the latest date counts though the kind did not change.
    let judged = on()
        .sentenced("s", "2026-02-10", COMMUNITY)
        .sentenced("t", "2026-03-02", COMMUNITY)
        .registered("a", "2026-03-03", 2, 1)
        .as_at("2026-03-04");
    judged.shows(&["4.13 a: pending, due 2026-03-05"]);
}

#[test]
fn a_sentence_ended_and_imposed_again_opens_a_second_duty() {
    given()
        .switched("on", "p", "2026-02-01", "A1", COMMUNITY)
        .registered("a", "2026-03-02", 2, 1)
        .sentenced("s", "2026-03-03", COMMUNITY)
        .fact("e", "2026-03-04", "sentence.ended", serde_json::json!({}))
        .sentenced("t", "2026-03-05", COMMUNITY)
        .as_at("2026-03-05")
        .shows(&["4.13 s: withdrawn by e, due 2026-03-06", "4.13 t: pending, due 2026-03-08"]);
}

#[test]
fn three_days_of_grace_where_the_sentence_lies_too_far_back() {
    for (sentenced, wanted, counted) in [
        ("2026-03-07", "4.13 a: pending, due 2026-03-10", "2026-03-07"),
        ("2026-03-06", "4.13 a: pending, due 2026-03-13 (policy_gap)", "2026-03-10"),
    ] {
        let judged = given()
            .switched("on", "p", "2026-02-01", "A1", COMMUNITY)
            .sentenced("s", sentenced, COMMUNITY)
            .registered("a", "2026-03-10", 2, 1)
            .as_at("2026-03-10");
        judged.shows(&[wanted]);
        assert_eq!(judged.duty("4.13", "a").counted_from.to_string(), counted);
    }
}

#[test]
fn the_programme_of_4_11_is_asked_at_the_opening_date() {
    for (switched, wanted) in
        [("2026-03-03 23:59:59", vec!["4.11 d: pending, due 2026-09-30"]), ("2026-03-04 00:00:00", vec![])]
    {
        given()
            .registered("a", "2026-03-02", 2, 1)
            .sentenced("s", "2026-03-02", "custodial")
            .release("d", "2026-03-03", "2027-03-31")
            .switched("on", "p", switched, "A1", "custody-level-1")
            .as_at("2026-03-05")
            .shows(&wanted);
    }
}
