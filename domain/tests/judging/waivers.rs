//! 3.4: exempt.

use mandate_domain::policy::{Policy, shipped_files};
use serde_json::json;

use super::given::{Given, given, given_under, moment};

fn open() -> Given {
    given().registered("a", "2026-03-02", 2, 2)
}

#[test]
fn a_waiver_ends_a_pending_or_an_overdue_duty() {
    for waived in ["2026-03-03", "2026-03-07 23:59:59", "2026-03-08 00:00", "2026-03-10"] {
        let judged = open().waived("w", waived, "4.10", "a").record("r", "2026-03-12").as_at("2026-03-12");
        judged.shows(&["4.10 a: exempt by w, due 2026-03-07"]);
        let duty = judged.duty("4.10", "a");
        assert_eq!(duty.closed_at, Some(moment(waived)));
        assert!(!duty.breach && !duty.born_overdue);
    }
}

#[test]
fn a_waiver_after_the_end_changes_nothing() {
    open()
        .record("r", "2026-03-09")
        .waived("w", "2026-03-10", "4.10", "a")
        .as_at("2026-03-12")
        .shows(&["4.10 a: met_late by r, due 2026-03-07"]);
}

#[test]
fn a_waiver_runs_to_the_end_of_its_last_london_day() {
    let facts = open().waived_until("2026-06-10", "w", "2026-03-03", "4.10", "a");
    facts.as_at("2026-06-10 22:59:59").shows(&["4.10 a: exempt by w, due 2026-03-07"]);
    facts.as_at("2026-06-10 23:00:00").shows(&["4.10 a: overdue, due 2026-03-07"]);
}

#[test]
fn when_a_waiver_has_run_out_what_came_after_it_counts_again() {
    let facts = open().waived_until("2026-03-10", "w", "2026-03-03", "4.10", "a").record("r", "2026-03-06");
    facts.as_at("2026-03-10").shows(&["4.10 a: exempt by w, due 2026-03-07"]);
    facts.as_at("2026-03-11").shows(&["4.10 a: met by r, due 2026-03-07"]);
}

#[test]
fn a_second_waiver_counts_when_the_first_has_run_out() {
    open()
        .waived_until("2026-03-09", "w", "2026-03-03", "4.10", "a")
        .waived("x", "2026-03-09", "4.10", "a")
        .as_at("2026-03-11")
        .shows(&["4.10 a: exempt by x, due 2026-03-07"]);
}

#[test]
fn only_the_roles_that_the_rule_names_may_waive() {
    let mut files = shipped_files();
    let text =
        files.0.get("4.10.toml").unwrap().replace("holder = ", "waive = [\"central-support\"]\nholder = ");
    files.0.insert("4.10.toml".to_owned(), text);
    let policy = Policy::load(&files).unwrap();
    for (role, wanted) in [
        ("cpc", "4.10 a: overdue, due 2026-03-07"),
        ("chief-responsible-officer", "4.10 a: overdue, due 2026-03-07"),
        ("central-support", "4.10 a: exempt by w, due 2026-03-07"),
    ] {
        given_under(policy.clone())
            .registered("a", "2026-03-02", 2, 2)
            .waived_by(role, "w", "2026-03-03", "4.10", "a", None)
            .as_at("2026-03-12")
            .shows(&[wanted]);
    }
}

#[test]
fn by_default_each_of_the_four_roles_may_waive() {
    for role in ["cpc", "central-support", "head-of-public-protection", "chief-responsible-officer"] {
        open()
            .waived_by(role, "w", "2026-03-03", "4.10", "a", None)
            .as_at("2026-03-12")
            .shows(&["4.10 a: exempt by w, due 2026-03-07"]);
    }
}

fn contact(facts: Given, id: &str, time: &str) -> Given {
    facts.fact(id, time, "contact.flagged", json!({"contact": id}))
}

fn contact_done(facts: Given, id: &str, time: &str) -> Given {
    facts.fact(&format!("{id}-done"), time, "contact.copied", json!({"contact": id}))
}

#[test]
fn a_waiver_before_the_opening_attaches_to_the_earliest_open_duty_of_the_rule_or_to_none() {
    contact(given().waived("w", "2026-03-01", "4.17", "c"), "c", "2026-03-02")
        .as_at("2026-03-03")
        .shows(&["4.17 c: pending, due 2026-03-04"]);
    let three =
        contact(contact(contact(given(), "b", "2026-03-02"), "c", "2026-03-02 10:00"), "d", "2026-03-04");
    three.waived("w", "2026-03-03", "4.17", "d").as_at("2026-03-04").shows(&[
        "4.17 b: exempt by w, due 2026-03-04",
        "4.17 c: pending, due 2026-03-04",
        "4.17 d: pending, due 2026-03-06",
    ]);
}

#[test]
fn a_waiver_of_a_duty_that_never_opened_attaches_likewise_and_not_to_another_rule_or_subject() {
    let facts = contact(given().registered("a", "2026-03-02", 2, 2), "b", "2026-03-02");
    facts
        .clone()
        .waived("w", "2026-03-03", "4.17", "none")
        .as_at("2026-03-03")
        .shows(&["4.10 a: pending, due 2026-03-07", "4.17 b: exempt by w, due 2026-03-04"]);
    facts
        .about("nominal/N2")
        .waived("w", "2026-03-03", "4.17", "none")
        .as_at("2026-03-03")
        .shows(&["4.10 a: pending, due 2026-03-07", "4.17 b: pending, due 2026-03-04"]);
}

#[test]
fn a_waiver_of_a_duty_that_has_ended_does_not_pass_to_another() {
    let facts =
        contact_done(contact(contact(given(), "b", "2026-03-02"), "c", "2026-03-02"), "b", "2026-03-03");
    facts
        .waived("w", "2026-03-04", "4.17", "b")
        .as_at("2026-03-04")
        .shows(&["4.17 b: met by b-done, due 2026-03-04", "4.17 c: pending, due 2026-03-04"]);
}

#[test]
fn a_waiver_of_an_annulled_duty_attaches_to_the_one_that_took_its_place() {
    let facts = open()
        .registered("b", "2026-03-02 10:00", 2, 2)
        .waived("w", "2026-03-03", "4.10", "a")
        .annulled("x", "2026-03-04", "a");
    facts
        .as_at("2026-03-05")
        .shows(&["4.10 a: annulled by x, due 2026-03-07", "4.10 b: exempt by w, due 2026-03-07"]);
    // One that was opened only after the waiver is not waived by it.
    open()
        .registered("b", "2026-03-03 10:00", 2, 2)
        .waived("w", "2026-03-03", "4.10", "a")
        .annulled("x", "2026-03-04", "a")
        .as_at("2026-03-05")
        .shows(&["4.10 a: annulled by x, due 2026-03-07", "4.10 b: pending, due 2026-03-08"]);
}

#[test]
fn a_waiver_of_a_superseded_duty_changes_nothing() {
    open().category("b", "2026-03-03", 3).waived("w", "2026-03-04", "4.10", "a").as_at("2026-03-04").shows(
        &["4.10 a: superseded by b for 4.14 b, due 2026-03-07", "4.14 b: pending, due 2026-03-06 (kept_due)"],
    );
}

#[test]
fn an_annulled_or_unknown_or_future_waiver_is_none() {
    let facts =
        open().waived("w", "2026-03-03", "4.10", "a").recorded("2026-03-05").annulled("x", "2026-03-06", "w");
    facts.as_at("2026-03-04").shows(&["4.10 a: pending, due 2026-03-07"]);
    facts.as_at("2026-03-05").shows(&["4.10 a: exempt by w, due 2026-03-07"]);
    facts.as_at("2026-03-06").shows(&["4.10 a: pending, due 2026-03-07"]);
    open()
        .waived("w", "2026-03-10", "4.10", "a")
        .recorded("2026-03-03")
        .as_at("2026-03-09")
        .shows(&["4.10 a: overdue, due 2026-03-07"]);
}

#[test]
fn a_day_of_5_15_is_waived_by_its_own_id_or_as_the_earliest_open_one() {
    let held = || {
        given().received("i", "2026-03-02 08:00", "LEI", "admission").requested("q", "2026-03-02", "LEI", &[])
    };
    held()
        .waived("w", "2026-03-04 12:00", "5.15", "q:2026-03-04")
        .as_at("2026-03-05 12:00")
        .only("5.15")
        .shows(&[
            "5.15 q:2026-03-03: lapsed, due 2026-03-03",
            "5.15 q:2026-03-04: exempt by w, due 2026-03-04",
            "5.15 q:2026-03-05: pending, due 2026-03-05",
        ]);
    // A day that has passed is over; one that has not begun lets the waiver attach to that of today.
    held()
        .waived("w", "2026-03-04 12:00", "5.15", "q:2026-03-03")
        .as_at("2026-03-04 13:00")
        .only("5.15")
        .shows(&["5.15 q:2026-03-03: lapsed, due 2026-03-03", "5.15 q:2026-03-04: pending, due 2026-03-04"]);
    held()
        .waived("w", "2026-03-04 12:00", "5.15", "q:2026-03-05")
        .as_at("2026-03-05 13:00")
        .only("5.15")
        .shows(&[
            "5.15 q:2026-03-03: lapsed, due 2026-03-03",
            "5.15 q:2026-03-04: exempt by w, due 2026-03-04",
            "5.15 q:2026-03-05: pending, due 2026-03-05",
        ]);
}

#[test]
fn a_day_that_was_checked_is_over_and_one_checked_later_is_exempt() {
    let held = || {
        given().received("i", "2026-03-02 08:00", "LEI", "admission").requested("q", "2026-03-02", "LEI", &[])
    };
    for (checked, wanted) in [
        ("2026-03-03 11:00", "5.15 q:2026-03-03: met by k, due 2026-03-03"),
        ("2026-03-03 13:00", "5.15 q:2026-03-03: exempt by w, due 2026-03-03"),
    ] {
        held()
            .checked("k", checked, "LEI")
            .waived("w", "2026-03-03 12:00", "5.15", "q:2026-03-03")
            .as_at("2026-03-03 20:00")
            .only("5.15")
            .shows(&[wanted]);
    }
}

#[test]
fn a_prior_duty_may_be_waived_once_it_is_overdue() {
    given()
        .record("r", "2026-03-01")
        .archived("x", "2026-03-02")
        .waived("w", "2026-03-03", "4.28", "x")
        .copied("c", "2026-03-04", true)
        .as_at("2026-03-05")
        .only("4.28")
        .shows(&["4.28 x: exempt by w, due 2026-03-02"]);
}

#[test]
fn a_waiver_by_a_role_that_may_waive_nothing_is_told_and_has_no_effect() {
    for role in ["lpc", "practitioner"] {
        open()
            .waived_by(role, "w", "2026-03-03", "4.10", "a", None)
            .as_at("2026-03-12")
            .shows(&["4.10 a: overdue, due 2026-03-07"]);
    }
}
