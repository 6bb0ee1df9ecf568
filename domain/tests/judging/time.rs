//! 3.1: days, deadlines and the last working day to act.

use super::given::{given, moment};

#[test]
fn a_record_made_in_the_last_second_of_the_fifth_day_is_in_time_and_at_midnight_is_not() {
    // Given a registration on Monday 2 March: the fifth day is Saturday 7 March.
    for (made, outcome) in [
        ("2026-03-07 23:59:59", "4.10 a: met by r, due 2026-03-07"),
        ("2026-03-08 00:00:00", "4.10 a: met_late by r, due 2026-03-07"),
        ("2026-03-08 00:00:01", "4.10 a: met_late by r, due 2026-03-07"),
    ] {
        given().registered("a", "2026-03-02", 2, 2).record("r", made).as_at("2026-03-09").shows(&[outcome]);
    }
}

#[test]
fn a_duty_is_pending_up_to_the_due_moment_and_overdue_from_it() {
    let facts = given().registered("a", "2026-03-02", 2, 2);
    facts.as_at("2026-03-07 23:59:59").shows(&["4.10 a: pending, due 2026-03-07"]);
    facts.as_at("2026-03-08 00:00").shows(&["4.10 a: overdue, due 2026-03-07"]);
}

#[test]
fn in_summer_the_day_ends_at_23_00_utc() {
    for (made, outcome) in [("2026-06-06 22:59:59", "met"), ("2026-06-06 23:00:00", "met_late")] {
        let judged = given().registered("a", "2026-06-01", 2, 2).record("r", made).as_at("2026-06-09");
        assert_eq!(judged.duty("4.10", "a").outcome, outcome);
        assert_eq!(judged.duty("4.10", "a").due_at, Some(moment("2026-06-06 23:00")));
    }
}

#[test]
fn the_days_on_which_the_clocks_change_end_at_london_midnight() {
    // 29 March 2026 has 23 hours, 25 October 2026 has 25.
    for (registered, due_at) in [("2026-03-24", "2026-03-29 23:00"), ("2026-10-20", "2026-10-26 00:00")] {
        let judged = given().registered("a", registered, 2, 2).as_at("2026-12-01");
        assert_eq!(judged.duty("4.10", "a").due_at, Some(moment(due_at)));
    }
}

#[test]
fn a_fact_late_in_a_summer_evening_belongs_to_the_next_london_day() {
    // 23:30 UTC on 1 June is 00:30 on 2 June in London.
    given()
        .registered("a", "2026-06-01 23:30", 2, 2)
        .as_at("2026-06-02")
        .shows(&["4.10 a: pending, due 2026-06-07"]);
    given()
        .registered("a", "2026-06-01 22:59:59", 2, 2)
        .as_at("2026-06-02")
        .shows(&["4.10 a: pending, due 2026-06-06"]);
}

#[test]
fn working_days_skip_the_weekend_and_the_day_of_the_fact_is_day_0() {
    for (registered, due) in [
        ("2026-03-02", "2026-03-05"), // Monday
        ("2026-03-04", "2026-03-09"), // Wednesday: Thursday, Friday, Monday
        ("2026-03-06", "2026-03-11"), // Friday
        ("2026-03-07", "2026-03-11"), // Saturday
        ("2026-03-08", "2026-03-11"), // Sunday
        ("2026-04-02", "2026-04-09"), // Maundy Thursday: Tuesday to Thursday after Easter
    ] {
        let judged = given().registered_supervised("a", registered, 3, 2).as_at(registered);
        assert_eq!(judged.duty("4.14", "a").due_on.unwrap().to_string(), due, "registered on {registered}");
    }
}

#[test]
fn six_and_eight_months_before_release_are_clamped_to_the_end_of_the_month() {
    for (release, due, opens) in [
        ("2026-08-31", "2026-02-28", "2025-12-31"),
        ("2028-08-31", "2028-02-29", "2027-12-31"),
        ("2026-08-30", "2026-02-28", "2025-12-30"),
        ("2026-08-28", "2026-02-28", "2025-12-28"),
        ("2026-10-31", "2026-04-30", "2026-02-28"),
    ] {
        let judged = given()
            .switched("on", "p", "2025-01-02", "A1", "custody-level-1")
            .registered("a", "2025-02-03", 2, 1)
            .sentenced("s", "2025-02-03 10:00", "custodial")
            .release("d", "2025-02-03 11:00", release)
            .as_at("2025-02-04");
        let duty = judged.duty("4.11", "d");
        assert_eq!(duty.due_on.unwrap().to_string(), due, "release on {release}");
        assert_eq!(duty.opens_on.unwrap().to_string(), opens, "release on {release}");
        assert_eq!(duty.counted_from.to_string(), release);
    }
}

#[test]
fn the_day_to_act_is_the_last_working_day_up_to_the_due_day() {
    for (registered, act_by) in [
        ("2026-03-02", "2026-03-06"), // due Saturday 7 March
        ("2026-03-03", "2026-03-06"), // due Sunday 8 March
        ("2026-03-04", "2026-03-09"), // due Monday 9 March
        ("2026-03-30", "2026-04-02"), // due Saturday 4 April, after Good Friday
        ("2026-04-01", "2026-04-02"), // due Easter Monday
    ] {
        let judged = given().registered("a", registered, 2, 2).as_at(registered);
        assert_eq!(
            judged.duty("4.10", "a").act_by.unwrap().to_string(),
            act_by,
            "registered on {registered}"
        );
    }
}

#[test]
fn facts_at_the_moment_asked_about_count_and_later_ones_do_not() {
    let facts = given().registered("a", "2026-03-02", 2, 2).record("r", "2026-03-04 12:00");
    facts.as_at("2026-03-04 11:59:59").shows(&["4.10 a: pending, due 2026-03-07"]);
    facts.as_at("2026-03-04 12:00").shows(&["4.10 a: met by r, due 2026-03-07"]);
}

#[test]
fn what_was_recorded_at_the_moment_of_knowledge_counts_and_what_later_does_not() {
    let facts = given()
        .registered("a", "2026-03-02", 2, 2)
        .record("r", "2026-03-04 12:00")
        .recorded("2026-03-20 12:00");
    facts.as_at_known("2026-03-20", "2026-03-20 11:59:59").shows(&["4.10 a: overdue, due 2026-03-07"]);
    facts.as_at_known("2026-03-20", "2026-03-20 12:00").shows(&["4.10 a: met by r, due 2026-03-07"]);
}

#[test]
fn a_fact_recorded_before_it_occurred_counts_once_it_has_occurred() {
    let facts = given().registered("a", "2026-03-02", 2, 2).record("r", "2026-03-06").recorded("2026-03-03");
    facts.as_at_known("2026-03-05", "2026-03-20").shows(&["4.10 a: pending, due 2026-03-07"]);
    facts.as_at_known("2026-03-06", "2026-03-03").shows(&["4.10 a: met by r, due 2026-03-07"]);
}

#[test]
fn facts_are_folded_by_time_whatever_the_order_in_which_they_were_told() {
    let facts = given()
        .registered("a", "2026-03-02", 2, 2)
        .level("b", "2026-03-03", 1)
        .level("c", "2026-03-04", 3)
        .record("r", "2026-03-05");
    let wanted = ["4.10 a: withdrawn by b, due 2026-03-07", "4.10 c: met by r, due 2026-03-09"];
    facts.as_at("2026-03-06").shows(&wanted);
    facts.told_backwards().as_at("2026-03-06").shows(&wanted);
}

#[test]
fn the_effective_date_is_counted_from_and_the_time_decides_what_was_in_time() {
    // Given a registration told on 10 March that took effect on 2 March: due on 7 March.
    let told = |made: &str| {
        given()
            .registered("a", "2026-03-10", 2, 2)
            .effective("2026-03-02")
            .record("r", made)
            .as_at("2026-03-20")
    };
    // A record made after the due day but before the registration was told is late; it ends the duty at its opening.
    told("2026-03-09").shows(&["4.10 a: met_late by r, due 2026-03-07"]);
    told("2026-03-07 23:59:59").shows(&["4.10 a: met by r, due 2026-03-07"]);
    told("2026-03-11").shows(&["4.10 a: met_late by r, due 2026-03-07"]);
    assert_eq!(told("2026-03-09").duty("4.10", "a").closed_at, Some(moment("2026-03-10")));
    assert_eq!(told("2026-03-11").duty("4.10", "a").closed_at, Some(moment("2026-03-11")));
}

#[test]
fn a_fact_that_took_effect_before_16_january_2023_opens_nothing() {
    for (told, effective, wanted) in [
        ("2023-01-15 23:59:59", "2023-01-15", vec![]),
        ("2023-01-16 00:00", "2023-01-16", vec!["4.10 a: pending, due 2023-01-21"]),
        ("2023-01-16 09:00", "2023-01-15", vec![]),
        ("2023-01-15 09:00", "2023-01-16", vec!["4.10 a: pending, due 2023-01-21"]),
    ] {
        let facts = given().registered("a", told, 2, 2).effective(effective);
        facts.as_at("2023-01-17").shows(&wanted);
    }
}

#[test]
fn a_state_that_already_held_opens_nothing_on_the_first_day_and_none_on_a_repeated_statement() {
    given()
        .registered("a", "2022-06-01", 2, 2)
        .registered("b", "2023-02-01", 2, 2)
        .level("c", "2023-02-02", 3)
        .as_at("2023-06-01")
        .shows(&[]);
}

#[test]
fn a_state_from_before_the_first_day_that_ends_and_begins_again_opens() {
    given()
        .registered("a", "2022-06-01", 2, 2)
        .level("b", "2023-02-01", 1)
        .level("c", "2023-02-02", 2)
        .as_at("2023-02-03")
        .shows(&["4.10 c: pending, due 2023-02-07"]);
}
