//! 3.1: holidays published and withdrawn late, and deadlines beyond the published years.

use super::given::{Given, given, moment};

/// A case of 4.14 opened on Monday 8 June 2026: by itself due on Thursday 11 June.
fn opened_on_8_june() -> Given {
    given().registered_supervised("a", "2026-06-08", 3, 2)
}

fn due(facts: &Given, at: &str, known: &str) -> String {
    facts.as_at_known(at, known).duty("4.14", "a").due_on.map_or("never".to_owned(), |due| due.to_string())
}

#[test]
fn a_holiday_published_while_the_duty_is_pending_moves_it() {
    let facts = opened_on_8_june().holidays("h", "2026-06-09 12:00", &["2026-06-10"], &[]);
    assert_eq!(due(&facts, "2026-06-09", "2026-06-09 11:59:59"), "2026-06-11");
    assert_eq!(due(&facts, "2026-06-09", "2026-06-09 12:00"), "2026-06-12");
}

#[test]
fn publications_go_by_what_is_known_and_not_by_the_moment_asked_about() {
    let facts = opened_on_8_june().holidays("h", "2026-06-09 12:00", &["2026-06-10"], &[]);
    assert_eq!(due(&facts, "2026-06-08", "2026-06-20"), "2026-06-12");
}

#[test]
fn a_holiday_published_at_or_after_the_due_moment_moves_nothing() {
    for (published, wanted) in [
        ("2026-06-11 22:59:59", "2026-06-12"),
        ("2026-06-11 23:00:00", "2026-06-11"),
        ("2026-06-12 09:00:00", "2026-06-11"),
    ] {
        let facts = opened_on_8_june().holidays("h", published, &["2026-06-10"], &[]);
        assert_eq!(due(&facts, "2026-06-20", "2026-06-20"), wanted, "published at {published}");
    }
}

#[test]
fn a_holiday_published_at_or_after_the_end_of_a_duty_moves_nothing() {
    for (published, wanted) in [
        ("2026-06-09 11:59:59", "2026-06-12"),
        ("2026-06-09 12:00:00", "2026-06-11"),
        ("2026-06-09 12:00:01", "2026-06-11"),
    ] {
        let facts =
            opened_on_8_june().record("r", "2026-06-09 12:00").holidays("h", published, &["2026-06-10"], &[]);
        assert_eq!(due(&facts, "2026-06-20", "2026-06-20"), wanted, "published at {published}");
    }
}

#[test]
fn a_holiday_published_before_or_at_the_opening_counts() {
    for published in ["2026-06-01", "2026-06-08 09:00"] {
        let facts = opened_on_8_june().holidays("h", published, &["2026-06-10"], &[]);
        assert_eq!(due(&facts, "2026-06-20", "2026-06-20"), "2026-06-12");
    }
}

#[test]
fn the_publication_time_is_when_it_was_recorded() {
    // Given a holiday said on 9 June to have been announced, and recorded on 15 June: too late to move anything.
    let facts = opened_on_8_june().holidays("h", "2026-06-09", &["2026-06-10"], &[]).recorded("2026-06-15");
    assert_eq!(due(&facts, "2026-06-20", "2026-06-20"), "2026-06-11");
    // And the reverse: recorded on 9 June, said to occur on 15 June.
    let facts = opened_on_8_june().holidays("h", "2026-06-15", &["2026-06-10"], &[]).recorded("2026-06-09");
    assert_eq!(due(&facts, "2026-06-10", "2026-06-10"), "2026-06-12");
}

#[test]
fn a_withdrawn_holiday_brings_a_pending_duty_forward() {
    // Given Monday 31 August 2026, a holiday that ships: from Friday 28 August, three working days end on 3 September.
    let facts = given().registered_supervised("a", "2026-08-28", 3, 2).holidays(
        "h",
        "2026-08-30 12:00",
        &[],
        &["2026-08-31"],
    );
    assert_eq!(due(&facts, "2026-08-29", "2026-08-30 11:59:59"), "2026-09-03");
    assert_eq!(due(&facts, "2026-08-29", "2026-08-30 12:00"), "2026-09-02");
}

#[test]
fn a_holiday_published_and_withdrawn_again_leaves_the_first_date() {
    let facts = opened_on_8_june().holidays("h", "2026-06-09", &["2026-06-10"], &[]).holidays(
        "i",
        "2026-06-10",
        &[],
        &["2026-06-10"],
    );
    assert_eq!(due(&facts, "2026-06-10", "2026-06-09 12:00"), "2026-06-12");
    assert_eq!(due(&facts, "2026-06-10", "2026-06-10 09:00"), "2026-06-11");
}

#[test]
fn an_annulled_publication_was_none() {
    let facts = opened_on_8_june()
        .holidays("h", "2026-06-09", &["2026-06-10"], &[])
        .about("calendar/england-and-wales")
        .annulled("x", "2026-06-15", "h");
    assert_eq!(due(&facts, "2026-06-20", "2026-06-14"), "2026-06-12");
    assert_eq!(due(&facts, "2026-06-20", "2026-06-15"), "2026-06-11");
}

#[test]
fn a_holiday_does_not_move_a_deadline_in_days() {
    given()
        .registered("a", "2026-06-08", 2, 2)
        .holidays("h", "2026-06-09", &["2026-06-10"], &[])
        .as_at("2026-06-10")
        .shows(&["4.10 a: pending, due 2026-06-13"]);
}

#[test]
fn the_day_to_act_goes_by_what_was_published_before_the_duty_closed_or_fell_due() {
    // Given 4.10 opened on Monday 2 March, due on Saturday 7 March: the last working day is Friday 6 March.
    let act_by = |facts: Given, known: &str| {
        facts.as_at_known("2026-03-20", known).duty("4.10", "a").act_by.unwrap().to_string()
    };
    let open = || given().registered("a", "2026-03-02", 2, 2);
    let holiday = |facts: Given, at: &str| facts.holidays("h", at, &["2026-03-06"], &[]);
    assert_eq!(act_by(holiday(open(), "2026-03-07 23:59:59"), "2026-03-20"), "2026-03-05");
    assert_eq!(act_by(holiday(open(), "2026-03-08 00:00:00"), "2026-03-20"), "2026-03-06");
    assert_eq!(act_by(holiday(open(), "2026-03-05 12:00:00"), "2026-03-05 11:00"), "2026-03-06");
    let closed = || open().record("r", "2026-03-04 12:00");
    assert_eq!(act_by(holiday(closed(), "2026-03-04 11:59:59"), "2026-03-20"), "2026-03-05");
    assert_eq!(act_by(holiday(closed(), "2026-03-04 12:00:00"), "2026-03-20"), "2026-03-06");
}

#[test]
fn beyond_the_published_years_a_deadline_is_provisional_for_two_years_and_then_unknown() {
    // The holidays that ship end in 2028.
    for (registered, wanted) in [
        ("2028-12-22", "4.14 a: pending, due 2028-12-29"),
        ("2028-12-27", "4.14 a: pending, due 2029-01-01 (provisional)"),
        ("2030-12-26", "4.14 a: pending, due 2030-12-31 (provisional)"),
        ("2030-12-27", "4.14 a: pending, due never (undatable)"),
    ] {
        given().registered_supervised("a", registered, 3, 2).as_at(registered).shows(&[wanted]);
    }
}

#[test]
fn a_deadline_that_cannot_be_dated_stays_pending_and_is_met_whenever_it_is_done() {
    let facts = given().registered_supervised("a", "2031-03-03", 3, 2);
    facts.as_at("2034-01-01").shows(&["4.14 a: pending, due never (undatable)"]);
    assert_eq!(facts.as_at("2034-01-01").duty("4.14", "a").act_by, None);
    assert_eq!(facts.as_at("2034-01-01").duty("4.14", "a").due_at, None);
    facts
        .clone()
        .record("r", "2033-01-01")
        .as_at("2034-01-01")
        .shows(&["4.14 a: met by r, due never (undatable)"]);
    facts
        .level("l", "2033-01-01", 1)
        .as_at("2034-01-01")
        .shows(&["4.14 a: withdrawn by l, due never (undatable)"]);
}

#[test]
fn a_publication_makes_an_unknown_deadline_known_and_a_provisional_one_certain() {
    let facts = given()
        .registered_supervised("a", "2031-01-06", 3, 2)
        .holidays("h", "2031-01-07 12:00", &["2029-12-25"], &[])
        .holidays("i", "2031-01-08 12:00", &["2031-12-25"], &[]);
    let at = |known: &str| facts.as_at_known("2031-01-08 13:00", known);
    at("2031-01-07 11:59:59").shows(&["4.14 a: pending, due never (undatable)"]);
    at("2031-01-07 12:00").shows(&["4.14 a: pending, due 2031-01-09 (provisional)"]);
    at("2031-01-08 12:00").shows(&["4.14 a: pending, due 2031-01-09"]);
}

#[test]
fn a_withdrawal_of_the_last_year_makes_a_certain_deadline_provisional() {
    let last_year = [
        "2028-01-03",
        "2028-04-14",
        "2028-04-17",
        "2028-05-01",
        "2028-05-29",
        "2028-08-28",
        "2028-12-25",
        "2028-12-26",
    ];
    given()
        .registered_supervised("a", "2028-02-07", 3, 2)
        .holidays("h", "2028-02-08", &[], &last_year)
        .as_at("2028-02-08")
        .shows(&["4.14 a: pending, due 2028-02-10 (provisional)"]);
}

#[test]
fn the_day_to_act_beyond_the_published_years_knows_weekends_only() {
    // 25 December 2031 is a Thursday, 27 December a Saturday.
    for (registered, act_by) in [("2031-12-20", "2031-12-25"), ("2031-12-22", "2031-12-26")] {
        let judged = given().registered("a", registered, 2, 2).as_at(registered);
        assert_eq!(judged.duty("4.10", "a").act_by.unwrap().to_string(), act_by);
    }
}

#[test]
fn a_holiday_proclaimed_once_counts_from_the_calendar_that_ships() {
    let judged = given().registered("a", "2023-05-03", 2, 2).as_at("2023-05-04");
    // Due on Monday 8 May 2023, the coronation holiday, announced on 6 November 2022: to act by Friday 5 May.
    assert_eq!(judged.duty("4.10", "a").act_by.unwrap().to_string(), "2023-05-05");
    assert_eq!(judged.duty("4.10", "a").due_at, Some(moment("2023-05-08 23:00")));
}
