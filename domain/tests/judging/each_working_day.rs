//! 3.3 `every`: 5.15.

use super::given::{Given, given, moment};

/// Received at LEI on Monday 2 March 2026, partnership asked for at 09:00.
fn waiting() -> Given {
    given().received("i", "2026-03-02 08:00", "LEI", "admission").requested("q", "2026-03-02", "LEI", &[])
}

fn shows(facts: &Given, at: &str, wanted: &[&str]) {
    facts.as_at(at).only("5.15").shows(wanted);
}

const MONDAY_TO_WEDNESDAY: [&str; 2] =
    ["5.15 q:2026-03-03: lapsed, due 2026-03-03", "5.15 q:2026-03-04: pending, due 2026-03-04"];

#[test]
fn the_first_duty_is_that_of_the_next_working_day_and_each_day_opens_at_its_start() {
    shows(&waiting(), "2026-03-02 23:59:59", &[]);
    shows(&waiting(), "2026-03-03 00:00:00", &["5.15 q:2026-03-03: pending, due 2026-03-03"]);
    shows(&waiting(), "2026-03-03 23:59:59", &["5.15 q:2026-03-03: pending, due 2026-03-03"]);
    shows(&waiting(), "2026-03-04 00:00:00", &MONDAY_TO_WEDNESDAY);
    let judged = waiting().as_at("2026-03-04 12:00");
    let duty = judged.duty("5.15", "q:2026-03-03");
    assert_eq!(
        (duty.opened_at, duty.closed_at),
        (moment("2026-03-03 00:00"), Some(moment("2026-03-04 00:00")))
    );
    assert_eq!(duty.duty, "5.15:nominal/N1:/t#q:2026-03-03");
    assert_eq!(duty.counted_from.to_string(), "2026-03-02");
    assert_eq!(duty.holder.as_deref(), Some("prison/LEI"));
    assert!(duty.breach && !duty.born_overdue);
    assert_eq!(duty.known_since, moment("2026-03-02"));
}

#[test]
fn in_summer_days_begin_at_23_00_utc() {
    let facts = given().received("i", "2026-06-01 08:00", "LEI", "admission").requested(
        "q",
        "2026-06-01",
        "LEI",
        &[],
    );
    shows(&facts, "2026-06-01 22:59:59", &[]);
    shows(&facts, "2026-06-01 23:00:00", &["5.15 q:2026-06-02: pending, due 2026-06-02"]);
}

#[test]
fn weekends_and_holidays_have_no_duty() {
    // Asked on Maundy Thursday 2 April: the next working day is Tuesday 7 April.
    let facts = given().received("i", "2026-04-02 08:00", "LEI", "admission").requested(
        "q",
        "2026-04-02",
        "LEI",
        &[],
    );
    shows(&facts, "2026-04-07 12:00", &["5.15 q:2026-04-07: pending, due 2026-04-07"]);
}

#[test]
fn a_day_is_a_holiday_if_it_was_published_before_the_day_began() {
    for (published, wanted) in [
        ("2026-03-02 23:59:59", vec!["5.15 q:2026-03-04: pending, due 2026-03-04"]),
        ("2026-03-03 00:00:00", MONDAY_TO_WEDNESDAY.to_vec()),
        ("2026-03-03 12:00:00", MONDAY_TO_WEDNESDAY.to_vec()),
    ] {
        let facts = waiting().holidays("h", published, &["2026-03-03"], &[]);
        shows(&facts, "2026-03-04 12:00", &wanted);
    }
}

#[test]
fn a_check_on_the_day_by_that_prison_meets_it() {
    for (checked, prison, wanted) in [
        ("2026-03-03 00:00:00", "LEI", "5.15 q:2026-03-03: met by k, due 2026-03-03"),
        ("2026-03-03 23:59:59", "LEI", "5.15 q:2026-03-03: met by k, due 2026-03-03"),
        ("2026-03-02 23:59:59", "LEI", "5.15 q:2026-03-03: lapsed, due 2026-03-03"),
        ("2026-03-03 12:00:00", "MDI", "5.15 q:2026-03-03: lapsed, due 2026-03-03"),
    ] {
        let facts = waiting().checked("k", checked, prison);
        shows(&facts, "2026-03-04 12:00", &[wanted, MONDAY_TO_WEDNESDAY[1]]);
    }
}

#[test]
fn a_check_by_a_user_or_of_the_prison_is_about_all_nominals_there() {
    for subject in ["user/U1", "prison/LEI"] {
        for (checked, prison, wanted) in [
            ("2026-03-03 00:00:00", "LEI", "5.15 q:2026-03-03: met by k, due 2026-03-03"),
            ("2026-03-03 23:59:59", "LEI", "5.15 q:2026-03-03: met by k, due 2026-03-03"),
            ("2026-03-02 23:59:59", "LEI", "5.15 q:2026-03-03: lapsed, due 2026-03-03"),
            ("2026-03-03 12:00:00", "MDI", "5.15 q:2026-03-03: lapsed, due 2026-03-03"),
        ] {
            let facts = waiting().about(subject).checked("k", checked, prison);
            shows(&facts, "2026-03-04 12:00", &[wanted, MONDAY_TO_WEDNESDAY[1]]);
        }
        // The first check of the day counts, whoever told it.
        let twice = waiting().checked("own", "2026-03-03 12:00", "LEI");
        let twice = twice.about(subject).checked("k", "2026-03-03 09:00", "LEI");
        shows(
            &twice,
            "2026-03-04 12:00",
            &["5.15 q:2026-03-03: met by k, due 2026-03-03", MONDAY_TO_WEDNESDAY[1]],
        );
    }
}

#[test]
fn a_check_of_the_next_day_is_not_made_up_for() {
    let facts = waiting().checked("k", "2026-03-04 00:00", "LEI");
    shows(
        &facts,
        "2026-03-04 12:00",
        &["5.15 q:2026-03-03: lapsed, due 2026-03-03", "5.15 q:2026-03-04: met by k, due 2026-03-04"],
    );
}

#[test]
fn a_check_recorded_late_counts_on_its_day() {
    let facts = waiting().checked("k", "2026-03-03 12:00", "LEI").recorded("2026-03-04 10:00");
    shows(&facts, "2026-03-04 09:00", &MONDAY_TO_WEDNESDAY);
    shows(
        &facts,
        "2026-03-04 10:00",
        &["5.15 q:2026-03-03: met by k, due 2026-03-03", "5.15 q:2026-03-04: pending, due 2026-03-04"],
    );
}

#[test]
fn an_answer_during_the_day_withdraws_it_unless_it_was_checked_before() {
    let answered = |at: &str| waiting().added("p", at, "q", "LEI", &[]);
    shows(
        &answered("2026-03-03 12:00"),
        "2026-03-05",
        &["5.15 q:2026-03-03: withdrawn by p, due 2026-03-03"],
    );
    shows(&answered("2026-03-03 00:00"), "2026-03-05", &[]);
    shows(
        &answered("2026-03-03 00:00:01"),
        "2026-03-05",
        &["5.15 q:2026-03-03: withdrawn by p, due 2026-03-03"],
    );
    shows(&answered("2026-03-04 00:00"), "2026-03-05", &["5.15 q:2026-03-03: lapsed, due 2026-03-03"]);
    shows(
        &answered("2026-03-03 12:00").checked("k", "2026-03-03 11:00", "LEI"),
        "2026-03-05",
        &["5.15 q:2026-03-03: met by k, due 2026-03-03"],
    );
    shows(
        &answered("2026-03-03 12:00").checked("k", "2026-03-03 13:00", "LEI"),
        "2026-03-05",
        &["5.15 q:2026-03-03: withdrawn by p, due 2026-03-03"],
    );
}

#[test]
fn leaving_and_dying_end_the_period_and_a_temporary_absence_does_not() {
    let one = ["5.15 q:2026-03-03: withdrawn by o, due 2026-03-03"];
    shows(&waiting().left("o", "2026-03-03 12:00", "LEI", "release"), "2026-03-05", &one);
    shows(&waiting().received("o", "2026-03-03 12:00", "MDI", "admission"), "2026-03-05", &one);
    shows(&waiting().died("o", "2026-03-03 12:00"), "2026-03-05", &one);
    shows(
        &waiting().left("o", "2026-03-03 12:00", "LEI", "temporary"),
        "2026-03-04 12:00",
        &MONDAY_TO_WEDNESDAY,
    );
}

#[test]
fn a_request_counts_only_after_the_latest_reception_and_for_the_present_prison() {
    // Asked for before the reception in the fold, or for another prison, or while out.
    let before =
        given().requested("q", "2026-03-02", "LEI", &[]).received("i", "2026-03-02", "LEI", "admission");
    shows(&before, "2026-03-05", &[]);
    let other =
        given().received("i", "2026-03-02", "LEI", "admission").requested("q", "2026-03-02", "MDI", &[]);
    shows(&other, "2026-03-05", &[]);
    shows(&given().requested("q", "2026-03-02", "LEI", &[]), "2026-03-05", &[]);
    // Left and admitted again: the request of the earlier stay is over. A return keeps it.
    let back = |reason: &str| {
        waiting().left("o", "2026-03-02 12:00", "LEI", "unlawfully_at_large").received(
            "j",
            "2026-03-03 12:00",
            "LEI",
            reason,
        )
    };
    shows(&back("admission"), "2026-03-04 12:00", &[]);
    shows(&back("return"), "2026-03-04 12:00", &["5.15 j:2026-03-04: pending, due 2026-03-04"]);
}

#[test]
fn a_reception_told_again_does_not_end_the_waiting() {
    let facts = waiting().received("j", "2026-03-02 12:00", "LEI", "admission");
    shows(&facts, "2026-03-04 12:00", &MONDAY_TO_WEDNESDAY);
}

#[test]
fn a_second_request_changes_nothing_while_the_first_is_open_and_goes_on_after_it() {
    let two = || waiting().requested("s", "2026-03-02 10:00", "LEI", &[]);
    shows(&two(), "2026-03-03 12:00", &["5.15 q:2026-03-03: pending, due 2026-03-03"]);
    shows(&two().added("p", "2026-03-03 12:00", "q", "LEI", &[]), "2026-03-04 12:00", &MONDAY_TO_WEDNESDAY);
    shows(
        &two().added("p", "2026-03-03 12:00", "", "LEI", &[]),
        "2026-03-04 12:00",
        &["5.15 q:2026-03-03: withdrawn by p, due 2026-03-03"],
    );
}

#[test]
fn a_request_for_several_users_is_open_until_all_are_answered() {
    let two = || {
        given().received("i", "2026-03-02 08:00", "LEI", "admission").requested(
            "q",
            "2026-03-02",
            "LEI",
            &["u1", "u2"],
        )
    };
    shows(
        &two().added("p", "2026-03-02 12:00", "q", "LEI", &["u1"]),
        "2026-03-04 12:00",
        &MONDAY_TO_WEDNESDAY,
    );
    shows(
        &two().added("p", "2026-03-02 12:00", "q", "LEI", &["u1"]).refused(
            "r",
            "2026-03-02 13:00",
            "q",
            &["u2"],
        ),
        "2026-03-04",
        &[],
    );
}

#[test]
fn an_answer_of_the_same_instant_told_first_leaves_nothing_to_wait_for() {
    let facts = given()
        .received("i", "2026-03-02 08:00", "LEI", "admission")
        .added("p", "2026-03-02", "q", "LEI", &[])
        .requested("q", "2026-03-02", "LEI", &[]);
    shows(&facts, "2026-03-05", &[]);
}

#[test]
fn a_request_told_again_after_its_answer_does_not_ask_again() {
    let answered = |facts: Given| {
        facts.added("p", "2026-03-02 12:00", "q", "LEI", &[]).requested_as(
            "q",
            "q2",
            "2026-03-02 13:00",
            "LEI",
            &[],
        )
    };
    // With a duty of 4.25 behind it, the second telling asks nothing; without one it does.
    let live = given()
        .record("r", "2026-03-01")
        .received("i", "2026-03-02 08:00", "LEI", "admission")
        .requested("q", "2026-03-02", "LEI", &[]);
    shows(&answered(live), "2026-03-03 12:00", &[]);
    shows(&answered(waiting()), "2026-03-03 12:00", &["5.15 q2:2026-03-03: pending, due 2026-03-03"]);
}

#[test]
fn the_effective_date_says_from_which_day_and_the_time_from_when() {
    let asked = |time: &str, on: &str| {
        given()
            .received("i", "2026-03-01 08:00", "LEI", "admission")
            .requested("q", time, "LEI", &[])
            .effective(on)
    };
    // Told on Monday with effect from Wednesday: Thursday is the first day.
    shows(
        &asked("2026-03-02 09:00", "2026-03-04"),
        "2026-03-05 12:00",
        &["5.15 q:2026-03-05: pending, due 2026-03-05"],
    );
    // Told on Wednesday with effect from Monday: on Tuesday and at the start of Wednesday nobody waited.
    shows(
        &asked("2026-03-04 09:00", "2026-03-02"),
        "2026-03-05 12:00",
        &["5.15 q:2026-03-05: pending, due 2026-03-05"],
    );
    // Told at the first instant of Wednesday with effect from Tuesday: that instant counts as before the day.
    shows(
        &asked("2026-03-04 00:00", "2026-03-03"),
        "2026-03-04 12:00",
        &["5.15 q:2026-03-04: pending, due 2026-03-04"],
    );
    shows(&asked("2026-03-04 00:00", "2026-03-04"), "2026-03-04 12:00", &[]);
}

#[test]
fn a_day_learnt_after_it_was_over_is_born_overdue() {
    let facts = given()
        .received("i", "2026-03-02 08:00", "LEI", "admission")
        .requested("q", "2026-03-02", "LEI", &[])
        .recorded("2026-03-04 00:00");
    let judged = facts.as_at("2026-03-04 12:00");
    assert!(judged.duty("5.15", "q:2026-03-03").born_overdue);
    assert!(!judged.duty("5.15", "q:2026-03-04").born_overdue);
    shows(&facts, "2026-03-03 23:00", &[]);
}

#[test]
fn a_period_begun_before_16_january_2023_has_no_duties() {
    let facts = given().received("i", "2023-01-13 08:00", "LEI", "admission").requested(
        "q",
        "2023-01-13",
        "LEI",
        &[],
    );
    shows(&facts, "2023-01-20", &[]);
}
