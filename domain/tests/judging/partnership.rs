//! 3.3 `on` with `all = "users"`: 4.25.

use serde_json::json;

use super::given::{Given, given, given_live_record};

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
