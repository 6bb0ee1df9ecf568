//! 4.16.vetting: a due date that follows the vetting, exemptions, renewals.

use serde_json::json;

use super::given::{Given, given_of, moment};

/// Nothing given, under the one rule.
fn given() -> Given {
    given_of("4.16.vetting")
}

/// A user of area A1 whose vetting runs out on Tuesday 10 March 2026, with an enabled account.
fn user() -> Given {
    given()
        .about("user/U")
        .fact(
            "u",
            "2026-01-01",
            "user.registered",
            json!({"org": "area/A1", "role": "lpc", "service": "probation"}),
        )
        .cleared("v", "2026-01-02", "2026-03-10")
        .fact("e", "2026-01-05", "account.enabled", json!({}))
}

fn account(facts: Given, id: &str, time: &str, what: &str) -> Given {
    facts.fact(id, time, &format!("account.{what}"), json!({}))
}

fn withdrawn(facts: Given, id: &str, time: &str) -> Given {
    facts.fact(id, time, "vetting.withdrawn", json!({}))
}

#[test]
fn the_account_must_be_disabled_by_the_end_of_the_last_day_of_the_vetting() {
    for what in ["disabled", "archived"] {
        for (at, wanted) in [
            ("2026-03-10 23:59:59", "4.16.vetting e: met by d, due 2026-03-10"),
            ("2026-03-11 00:00:00", "4.16.vetting e: met_late by d, due 2026-03-10"),
        ] {
            account(user(), "d", at, what).as_at("2026-04-01").shows(&[wanted]);
        }
    }
    user().as_at("2026-03-10").shows(&["4.16.vetting e: pending, due 2026-03-10"]);
    user().as_at("2026-03-11 00:00").shows(&["4.16.vetting e: overdue, due 2026-03-10"]);
}

#[test]
fn a_clearance_in_time_moves_the_date_and_adds_to_known_since() {
    let facts = user().cleared("w", "2026-03-10 23:59:59", "2027-03-10").recorded("2026-03-12");
    facts.as_at("2026-03-11").shows(&["4.16.vetting e: overdue, due 2026-03-10"]);
    let judged = facts.as_at("2026-03-12");
    judged.shows(&["4.16.vetting e: pending, due 2027-03-10"]);
    assert_eq!(judged.duty("4.16.vetting", "e").counted_from.to_string(), "2027-03-10");
    assert_eq!(judged.duty("4.16.vetting", "e").known_since, moment("2026-03-12"));
}

#[test]
fn a_clearance_too_late_ends_the_duty_and_opens_the_next() {
    user()
        .cleared("w", "2026-03-11 00:00:00", "2027-03-10")
        .as_at("2026-03-12")
        .shows(&["4.16.vetting e: met_late by w, due 2026-03-10", "4.16.vetting w: pending, due 2027-03-10"]);
}

#[test]
fn a_clearance_that_has_run_out_by_its_own_effective_date_closes_nothing() {
    for (expires, closes) in [("2026-03-11", false), ("2026-03-12", true), ("2026-03-13", true)] {
        let judged = user().cleared("w", "2026-03-12", expires).as_at("2026-03-12");
        let outcome = if closes { "met_late" } else { "overdue" };
        assert_eq!(judged.duty("4.16.vetting", "e").outcome, outcome, "expires on {expires}");
        assert_eq!(judged.0.len(), if closes { 2 } else { 1 });
    }
    // Told on 20 March with effect from 12 March, run out on 15 March: it was current then.
    user()
        .cleared("w", "2026-03-20", "2026-03-15")
        .effective("2026-03-12")
        .as_at("2026-03-20")
        .shows(&["4.16.vetting e: met_late by w, due 2026-03-10", "4.16.vetting w: overdue, due 2026-03-15"]);
}

#[test]
fn a_withdrawal_brings_the_date_forward_to_its_effective_date() {
    withdrawn(user(), "x", "2026-02-02")
        .as_at("2026-02-02")
        .shows(&["4.16.vetting e: pending, due 2026-02-02"]);
    withdrawn(user(), "x", "2026-02-02")
        .as_at("2026-02-03")
        .shows(&["4.16.vetting e: overdue, due 2026-02-02"]);
    // A withdrawal after the vetting ran out changes no date.
    withdrawn(user(), "x", "2026-03-20")
        .as_at("2026-03-21")
        .shows(&["4.16.vetting e: overdue, due 2026-03-10"]);
    // Told on 5 February with effect from 2 February.
    withdrawn(user(), "x", "2026-02-05")
        .effective("2026-02-02")
        .as_at("2026-02-05")
        .shows(&["4.16.vetting e: overdue, due 2026-02-02"]);
    // A withdrawal with effect from a day to come.
    withdrawn(user(), "x", "2026-02-05")
        .effective("2026-02-20")
        .as_at("2026-02-05")
        .shows(&["4.16.vetting e: pending, due 2026-02-20"]);
}

#[test]
fn an_account_enabled_after_the_vetting_ran_out_is_due_that_day() {
    let late = account(account(user(), "d", "2026-03-05", "disabled"), "f", "2026-03-20", "enabled");
    let judged = late.as_at("2026-03-20");
    judged.shows(&[
        "4.16.vetting e: met by d, due 2026-03-10",
        "4.16.vetting f: pending, due 2026-03-20 (policy_gap)",
    ]);
    assert_eq!(judged.duty("4.16.vetting", "f").counted_from.to_string(), "2026-03-20");
    late.as_at("2026-03-21").shows(&[
        "4.16.vetting e: met by d, due 2026-03-10",
        "4.16.vetting f: overdue, due 2026-03-20 (policy_gap)",
    ]);
    let on_the_day = account(account(user(), "d", "2026-03-05", "disabled"), "f", "2026-03-10", "enabled");
    on_the_day
        .as_at("2026-03-10")
        .shows(&["4.16.vetting e: met by d, due 2026-03-10", "4.16.vetting f: pending, due 2026-03-10"]);
}

#[test]
fn in_the_gap_a_renewal_of_that_day_replaces_the_date() {
    let late = || account(account(user(), "d", "2026-03-05", "disabled"), "f", "2026-03-20", "enabled");
    late()
        .cleared("w", "2026-03-20 12:00", "2027-03-20")
        .as_at("2026-03-20 12:00")
        .shows(&["4.16.vetting e: met by d, due 2026-03-10", "4.16.vetting f: pending, due 2027-03-20"]);
    late().exempted("w", "2026-03-20 12:00", "2026-03-19").as_at("2026-03-20 12:00").shows(&[
        "4.16.vetting e: met by d, due 2026-03-10",
        "4.16.vetting f: pending, due 2026-03-20 (policy_gap)",
    ]);
    late()
        .exempted("w", "2026-03-20 12:00", "2026-03-20")
        .as_at("2026-03-20 12:00")
        .shows(&["4.16.vetting e: met by d, due 2026-03-10", "4.16.vetting f: pending, due 2026-03-20"]);
}

#[test]
fn without_vetting_known_nothing_opens_and_the_clearance_opens() {
    let no_vetting = || {
        given().about("user/U").fact(
            "u",
            "2026-01-01",
            "user.registered",
            json!({"org": "area/A1", "role": "lpc", "service": "probation"}),
        )
    };
    let enabled = account(no_vetting(), "e", "2026-01-05", "enabled");
    enabled.as_at("2026-01-06").shows(&[]);
    enabled
        .cleared("v", "2026-01-07", "2026-03-10")
        .as_at("2026-01-07")
        .shows(&["4.16.vetting v: pending, due 2026-03-10"]);
    // A withdrawal of vetting that was never told gives no date.
    withdrawn(account(no_vetting(), "e", "2026-01-05", "enabled"), "x", "2026-01-06")
        .as_at("2026-01-07")
        .shows(&[]);
}

#[test]
fn an_exemption_moves_the_date_while_it_is_the_later_and_never_revives_an_overdue_duty() {
    user()
        .exempted("x", "2026-03-10 23:59:59", "2026-04-10")
        .as_at("2026-03-20")
        .shows(&["4.16.vetting e: pending, due 2026-04-10"]);
    user()
        .exempted("x", "2026-03-11 00:00:00", "2026-04-10")
        .as_at("2026-03-20")
        .shows(&["4.16.vetting e: overdue, due 2026-03-10"]);
    user()
        .exempted("x", "2026-03-01", "2026-03-09")
        .as_at("2026-03-10")
        .shows(&["4.16.vetting e: pending, due 2026-03-10"]);
    // The latest exemption counts, also when it is the shorter.
    user()
        .exempted("x", "2026-03-01", "2026-05-10")
        .exempted("y", "2026-03-02", "2026-04-10")
        .as_at("2026-03-20")
        .shows(&["4.16.vetting e: pending, due 2026-04-10"]);
}

#[test]
fn an_exemption_of_another_kind_or_by_another_role_counts_for_nothing() {
    for (kind, role) in [("wifi", "chief-responsible-officer"), ("vetting", "cpc")] {
        let data = json!({"kind": kind, "by_role": role, "until": "2026-04-10"});
        user()
            .fact("x", "2026-03-01", "exemption.granted", data)
            .as_at("2026-03-20")
            .shows(&["4.16.vetting e: overdue, due 2026-03-10"]);
    }
}

#[test]
fn known_since_names_the_exemption_where_the_date_rests_on_it_and_the_clearance_where_they_are_equal() {
    let known = |until: &str| {
        user()
            .exempted("x", "2026-03-01", until)
            .recorded("2026-03-08")
            .as_at("2026-03-09")
            .duty("4.16.vetting", "e")
            .known_since
    };
    assert_eq!(known("2026-03-11"), moment("2026-03-08"));
    assert_eq!(known("2026-03-10"), moment("2026-01-05"));
    assert_eq!(known("2026-03-09"), moment("2026-01-05"));
}

#[test]
fn the_same_exemption_told_again_is_never_named() {
    let judged = user()
        .exempted("x", "2026-03-01", "2026-04-10")
        .exempted("y", "2026-03-02", "2026-04-10")
        .recorded("2026-03-08")
        .as_at("2026-03-09");
    judged.shows(&["4.16.vetting e: pending, due 2026-04-10"]);
    assert_eq!(judged.duty("4.16.vetting", "e").known_since, moment("2026-03-01"));
}

#[test]
fn an_exemption_that_moves_nothing_brings_no_grace_whatever_its_effective_date() {
    // Granted on 9 March with effect from 12 March, shorter than the vetting: the date stays 10 March.
    let judged =
        user().exempted("x", "2026-03-09", "2026-03-05").effective("2026-03-12").as_at("2026-03-09 10:00");
    judged.shows(&["4.16.vetting e: pending, due 2026-03-10"]);
    // The same for a clearance under a longer exemption.
    let judged = user()
        .exempted("x", "2026-03-01", "2026-04-10")
        .cleared("w", "2026-04-10", "2026-03-20")
        .effective("2026-04-12")
        .as_at("2026-04-10 10:00");
    judged.shows(&["4.16.vetting e: pending, due 2026-04-10"]);
}

#[test]
fn a_clearance_up_to_the_day_of_the_exemption_is_what_the_date_rests_on() {
    let judged = user()
        .exempted("x", "2026-03-01", "2026-04-10")
        .cleared("w", "2026-03-02", "2026-04-10")
        .recorded("2026-03-08")
        .as_at("2026-03-09");
    judged.shows(&["4.16.vetting e: pending, due 2026-04-10"]);
    assert_eq!(judged.duty("4.16.vetting", "e").known_since, moment("2026-03-08"));
}

#[test]
fn a_withdrawal_under_an_exemption_leaves_the_later_date() {
    withdrawn(user().exempted("x", "2026-02-01", "2026-04-10"), "w", "2026-02-02")
        .as_at("2026-03-20")
        .shows(&["4.16.vetting e: pending, due 2026-04-10"]);
}

#[test]
fn the_next_duty_after_a_late_clearance_rests_on_the_later_of_both_dates() {
    user()
        .exempted("x", "2026-03-12", "2026-06-30")
        .cleared("w", "2026-03-15", "2026-05-31")
        .as_at("2026-03-16")
        .shows(&["4.16.vetting e: met_late by w, due 2026-03-10", "4.16.vetting w: pending, due 2026-06-30"]);
}

#[test]
fn disabled_and_enabled_again_is_a_second_duty_and_enabled_told_twice_is_not() {
    let again = account(account(user(), "d", "2026-02-02", "disabled"), "f", "2026-02-03", "enabled");
    account(again, "g", "2026-02-04", "enabled")
        .as_at("2026-02-05")
        .shows(&["4.16.vetting e: met by d, due 2026-03-10", "4.16.vetting f: pending, due 2026-03-10"]);
}

#[test]
fn overdue_renewed_and_disabled_at_one_instant_follows_the_lines() {
    let renewed = user().cleared("w", "2026-03-12", "2027-03-12");
    account(renewed, "d", "2026-03-12", "disabled").as_at("2026-03-13").shows(&[
        "4.16.vetting e: met_late by w, due 2026-03-10",
        "4.16.vetting w: met by d, due 2027-03-12",
    ]);
    let disabled = account(user(), "d", "2026-03-12", "disabled");
    disabled
        .cleared("w", "2026-03-12", "2027-03-12")
        .as_at("2026-03-13")
        .shows(&["4.16.vetting e: met_late by d, due 2026-03-10"]);
}

#[test]
fn a_clearance_while_disabled_opens_nothing_and_enabling_opens_with_its_date() {
    let renewed = account(user(), "d", "2026-03-05", "disabled").cleared("w", "2026-03-12", "2027-03-12");
    account(renewed, "f", "2026-03-13", "enabled")
        .as_at("2026-03-13")
        .shows(&["4.16.vetting e: met by d, due 2026-03-10", "4.16.vetting f: pending, due 2027-03-12"]);
}

#[test]
fn leaving_the_role_ends_nothing() {
    user()
        .fact("l", "2026-02-02", "user.left_role", json!({}))
        .as_at("2026-02-03")
        .shows(&["4.16.vetting e: pending, due 2026-03-10"]);
}
