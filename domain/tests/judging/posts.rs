//! 4.8.cpc, 4.8.lpc, 5.4 and 5.5: posts that must be filled, and the vetting of those who hold them.

use serde_json::json;

use super::given::{Given, given, moment};

fn enrolled(facts: Given, id: &str, time: &str) -> Given {
    facts.about("area/A1").fact(id, time, "organisation.enrolled", json!({}))
}

fn post(facts: Given, id: &str, time: &str, what: &str, post: &str, user: &str) -> Given {
    let data = json!({"post": post, "user": format!("user/{user}")});
    facts.about("area/A1").fact(id, time, &format!("post.{what}"), data)
}

fn filled(facts: Given, id: &str, time: &str, user: &str) -> Given {
    post(facts, id, time, "filled", "cpc", user)
}

fn vacated(facts: Given, id: &str, time: &str, user: &str) -> Given {
    post(facts, id, time, "vacated", "cpc", user)
}

fn cleared(facts: Given, id: &str, time: &str, user: &str, level: u8) -> Given {
    let data = json!({"level": level, "expires_on": "2026-12-31"});
    facts.about(&format!("user/{user}")).fact(id, time, "vetting.cleared", data)
}

fn withdrawn(facts: Given, id: &str, time: &str, user: &str) -> Given {
    facts.about(&format!("user/{user}")).fact(id, time, "vetting.withdrawn", json!({}))
}

/// An area enrolled on 2 March whose CPC, vetted at level 3, took the post on 1 March.
fn manned() -> Given {
    enrolled(filled(cleared(given(), "v", "2026-02-01", "U", 3), "f", "2026-03-01", "U"), "e", "2026-03-02")
}

#[track_caller]
fn shows(facts: &Given, at: &str, wanted: &[&str]) {
    facts.as_at(at).only("4.8.cpc").shows(wanted);
}

#[test]
fn an_area_without_a_cpc_is_in_breach_at_the_end_of_the_day() {
    let facts = enrolled(given(), "e", "2026-03-02");
    shows(&facts, "2026-03-02 23:59:59", &["4.8.cpc e: pending, due 2026-03-02"]);
    shows(&facts, "2026-03-03 00:00:00", &["4.8.cpc e: overdue, due 2026-03-02"]);
    let duty = facts.as_at("2026-03-03").duty("4.8.cpc", "e").clone();
    assert_eq!((duty.subject.as_str(), duty.holder.as_deref()), ("area/A1", Some("area/A1")));
    assert!(duty.breach);
    shows(&manned(), "2026-03-20", &[]);
}

#[test]
fn nothing_is_owed_before_the_area_takes_part_and_an_enrolment_before_the_framework_opens_nothing() {
    shows(&vacated(filled(given(), "f", "2026-03-01", "U"), "x", "2026-03-02", "U"), "2026-03-20", &[]);
    let early = enrolled(given(), "e", "2023-01-15");
    shows(&early, "2026-03-20", &[]);
    // The vacancy of a later day opens.
    let later = vacated(
        filled(cleared(early, "v", "2023-01-16", "U", 3), "f", "2023-02-01", "U"),
        "x",
        "2026-03-02",
        "U",
    );
    shows(&later, "2026-03-20", &["4.8.cpc x: overdue, due 2026-03-02"]);
}

#[test]
fn a_cpc_counts_once_vetted_at_level_3_in_whichever_order_that_is_told() {
    for level in [2, 3] {
        let facts = filled(
            cleared(enrolled(given(), "e", "2026-03-02"), "v", "2026-03-03", "U", level),
            "f",
            "2026-03-04",
            "U",
        );
        let line = if level == 3 { "met_late by f" } else { "overdue" };
        shows(&facts, "2026-03-20", &[&format!("4.8.cpc e: {line}, due 2026-03-02")]);
        // Vetted after taking the post.
        let facts = cleared(
            filled(enrolled(given(), "e", "2026-03-02"), "f", "2026-03-02 10:00", "U"),
            "v",
            "2026-03-02 11:00",
            "U",
            level,
        );
        let line = if level == 3 { "met by v" } else { "overdue" };
        shows(&facts, "2026-03-20", &[&format!("4.8.cpc e: {line}, due 2026-03-02")]);
    }
}

#[test]
fn the_post_is_vacant_when_its_holder_leaves_it_or_loses_level_3() {
    shows(&vacated(manned(), "x", "2026-03-10", "U"), "2026-03-20", &["4.8.cpc x: overdue, due 2026-03-10"]);
    shows(
        &withdrawn(manned(), "x", "2026-03-10", "U"),
        "2026-03-20",
        &["4.8.cpc x: overdue, due 2026-03-10"],
    );
    shows(
        &cleared(manned(), "x", "2026-03-10", "U", 2),
        "2026-03-20",
        &["4.8.cpc x: overdue, due 2026-03-10"],
    );
    // Someone else's vetting is nobody's concern here.
    shows(&withdrawn(manned(), "x", "2026-03-10", "V"), "2026-03-20", &[]);
    // Level 3 told again, and the post filled again by the same person, change nothing.
    shows(&filled(cleared(manned(), "w", "2026-03-05", "U", 3), "g", "2026-03-06", "U"), "2026-03-20", &[]);
    // Level 3 that has run out is level 3 still: only facts change the state.
    shows(&manned(), "2027-03-20", &[]);
}

#[test]
fn a_vacancy_ends_met_on_the_day_and_late_after_it() {
    let vacant = || vacated(manned(), "x", "2026-03-10", "U");
    let next = |time: &str| filled(cleared(vacant(), "w", "2026-03-01", "V", 3), "g", time, "V");
    shows(&next("2026-03-10 23:59:59"), "2026-03-20", &["4.8.cpc x: met by g, due 2026-03-10"]);
    shows(&next("2026-03-11 00:00:00"), "2026-03-20", &["4.8.cpc x: met_late by g, due 2026-03-10"]);
    let again = vacated(next("2026-03-12"), "y", "2026-03-16", "V");
    shows(
        &again,
        "2026-03-20",
        &["4.8.cpc x: met_late by g, due 2026-03-10", "4.8.cpc y: overdue, due 2026-03-16"],
    );
}

#[test]
fn several_may_hold_the_post_each_until_vacated() {
    let two = || filled(cleared(manned(), "w", "2026-03-01", "V", 3), "g", "2026-03-05", "V");
    shows(&vacated(two(), "x", "2026-03-10", "U"), "2026-03-20", &[]);
    let both = vacated(vacated(two(), "x", "2026-03-10", "U"), "y", "2026-03-11", "V");
    shows(&both, "2026-03-20", &["4.8.cpc y: overdue, due 2026-03-11"]);
    // A deputy is no CPC.
    let deputy =
        post(vacated(manned(), "x", "2026-03-10", "U"), "d", "2026-03-10 10:00", "filled", "deputy-cpc", "U");
    shows(&deputy, "2026-03-20", &["4.8.cpc x: overdue, due 2026-03-10"]);
}

#[test]
fn vetting_recorded_late_rescinds_and_is_part_of_what_could_be_known() {
    let facts = withdrawn(manned(), "x", "2026-03-10", "U").recorded("2026-03-18");
    shows(&facts, "2026-03-17", &[]);
    let judged = facts.as_at("2026-03-18").only("4.8.cpc");
    judged.shows(&["4.8.cpc x: overdue, due 2026-03-10"]);
    let duty = judged.duty("4.8.cpc", "x");
    assert_eq!(duty.known_since, moment("2026-03-18"));
    assert!(duty.born_overdue);
    // Filled in time by one whose clearance is recorded late.
    let facts = filled(enrolled(given(), "e", "2026-03-02"), "f", "2026-03-02 10:00", "U");
    let facts = cleared(facts, "v", "2026-03-01", "U", 3).recorded("2026-03-09");
    facts
        .as_at_known("2026-03-20", "2026-03-08")
        .only("4.8.cpc")
        .shows(&["4.8.cpc e: overdue, due 2026-03-02"]);
    facts
        .as_at_known("2026-03-20", "2026-03-09")
        .only("4.8.cpc")
        .shows(&["4.8.cpc e: met by f, due 2026-03-02"]);
}

#[test]
fn an_annulled_withdrawal_of_vetting_is_listed_where_it_opened() {
    let facts = withdrawn(manned(), "x", "2026-03-10", "U").about("user/U").annulled("n", "2026-03-12", "x");
    shows(&facts, "2026-03-11", &["4.8.cpc x: overdue, due 2026-03-10"]);
    shows(&facts, "2026-03-20", &["4.8.cpc x: annulled by n, due 2026-03-10"]);
}

#[test]
fn a_waiver_of_a_vacancy_exempts() {
    let facts = vacated(manned(), "x", "2026-03-10", "U").waived("w", "2026-03-12", "4.8.cpc", "x");
    shows(&facts, "2026-03-20", &["4.8.cpc x: exempt by w, due 2026-03-10"]);
}

#[test]
fn a_prison_group_has_its_cpc_a_prison_its_lead_and_a_unit_its_lpc() {
    let vacancy = |org: &str, post: &str| {
        let data = json!({"post": post, "user": "user/U"});
        given()
            .about("user/U")
            .fact("v", "2026-02-01", "vetting.cleared", json!({"level": 3, "expires_on": "2027-01-01"}))
            .about(org)
            .fact("f", "2026-03-01", "post.filled", data.clone())
            .fact("e", "2026-03-02", "organisation.enrolled", json!({}))
            .fact("x", "2026-03-10", "post.vacated", data)
            .as_at("2026-03-20")
            .only("4.8.cpc 4.8.lpc 5.4 5.5")
            .lines()
    };
    assert_eq!(vacancy("prison-group/G1", "cpc"), ["5.4 x: overdue, due 2026-03-10"]);
    assert_eq!(vacancy("prison/LEI", "visor-lead"), ["5.5 x: overdue, due 2026-03-10"]);
    assert_eq!(vacancy("unit/U1", "lpc"), ["4.8.lpc x: overdue, due 2026-03-10"]);
    // Another post fills none of them.
    assert_eq!(vacancy("prison-group/G1", "visor-lead"), ["5.4 e: overdue, due 2026-03-02"]);
    assert_eq!(vacancy("prison/LEI", "cpc"), ["5.5 e: overdue, due 2026-03-02"]);
}
