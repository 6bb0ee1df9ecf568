//! 4.16 p: where nDelius, ViSOR and NOMIS differ, from when until when, as at and as known at; backlogs of programmes.

use mandate_domain::judge::View;
use mandate_domain::policy::Programme;
use serde_json::json;

use super::given::{Given, given, given_live_record, moment};

const LATER: &str = "2026-04-30";

/// A live record of category 2 at level 2 since 2 March with its registration on nDelius: nothing differs.
fn agreed() -> Given {
    given_live_record().fact("vis", "2026-03-02 08:01", "ndelius.visor_registered", json!({}))
}

#[test]
fn a_record_is_missing_from_the_level_that_asks_for_it_until_it_is_live() {
    let facts = given()
        .registered("a", "2026-03-02", 2, 1)
        .level("b", "2026-03-03", 2)
        .record("r", "2026-03-09")
        .fact("v", "2026-03-09", "ndelius.visor_registered", json!({}))
        .archived("x", "2026-03-20");
    facts.reconciles("2026-03-02", LATER, &[]);
    let missing = ["record-missing nominal/N1 2026-03-03T09:00:00Z"];
    facts.reconciles("2026-03-03", LATER, &missing);
    facts.reconciles("2026-03-09 08:59:59", LATER, &missing);
    facts.reconciles("2026-03-09", LATER, &[]);
    // Archived at level 2: none is live.
    facts.reconciles(LATER, LATER, &["record-missing nominal/N1 2026-03-20T09:00:00Z"]);
    facts.deregistered("d", "2026-03-21").reconciles(LATER, LATER, &[]);
}

#[test]
fn category_3_asks_for_a_record_under_statutory_supervision_alone_and_1_and_4_never() {
    let missing = ["record-missing nominal/N1 2026-03-02T09:00:00Z"];
    given().registered_supervised("a", "2026-03-02", 3, 2).reconciles(LATER, LATER, &missing);
    for category in [1, 3, 4] {
        given().registered("a", "2026-03-02", category, 3).reconciles(LATER, LATER, &[]);
    }
}

#[test]
fn a_registration_on_ndelius_is_missing_before_it_is_added_and_after_it_is_ended() {
    let facts = agreed().fact("out", "2026-03-10", "ndelius.visor_deregistered", json!({}));
    facts.reconciles("2026-03-02 08:00:30", LATER, &["record-missing nominal/N1 2026-03-02T08:00:00Z"]);
    facts.reconciles("2026-03-09", LATER, &[]);
    facts.reconciles(LATER, LATER, &["registration-missing nominal/N1 2026-03-10T09:00:00Z"]);
    facts.archived("x", "2026-03-11").deregistered("d", "2026-03-11").reconciles(LATER, LATER, &[]);
}

#[test]
fn an_alert_is_missing_in_custody_until_it_is_added_and_again_when_it_is_closed() {
    let facts = agreed()
        .received("in", "2026-03-05", "LEI", "admission")
        .alert("pvn", "2026-03-06")
        .fact("off", "2026-03-08", "alert.closed", json!({"code": "PVN"}))
        .left("out", "2026-03-10", "LEI", "release");
    facts.reconciles("2026-03-05", LATER, &["alert-missing nominal/N1 2026-03-05T09:00:00Z"]);
    facts.reconciles("2026-03-06", LATER, &[]);
    facts.reconciles("2026-03-09", LATER, &["alert-missing nominal/N1 2026-03-08T09:00:00Z"]);
    facts.reconciles(LATER, LATER, &[]);
}

#[test]
fn a_manager_differs_while_the_one_allocated_is_not_the_one_recorded() {
    let manager = |facts: Given, id: &str, time: &str, what: &str, kind: &str, manager: &str| {
        facts.fact(id, time, &format!("offender_manager.{what}"), json!({"manager": manager, "kind": kind}))
    };
    let facts = manager(agreed(), "c1", "2026-03-03", "allocated", "com", "M1");
    let facts = manager(facts, "c2", "2026-03-04", "recorded", "com", "M1");
    let facts = manager(facts, "c3", "2026-03-05", "allocated", "com", "M2");
    facts.reconciles("2026-03-03", LATER, &["manager-differs nominal/N1 com 2026-03-03T09:00:00Z"]);
    facts.reconciles("2026-03-04", LATER, &[]);
    let com = "manager-differs nominal/N1 com 2026-03-05T09:00:00Z";
    facts.reconciles(LATER, LATER, &[com]);
    // The manager in a prison is asked for in that prison alone.
    let facts = facts.alert("pvn", "2026-03-06").received("in", "2026-03-06 10:00", "LEI", "admission");
    let facts = manager(facts, "p1", "2026-03-07", "allocated", "pom", "M3");
    let facts = facts.left("out", "2026-03-09", "LEI", "transfer").received(
        "on",
        "2026-03-09 12:00",
        "MDI",
        "transfer",
    );
    facts.reconciles("2026-03-08", LATER, &[com, "manager-differs nominal/N1 pom 2026-03-07T09:00:00Z"]);
    facts.reconciles(LATER, LATER, &[com]);
}

#[test]
fn an_owner_differs_from_the_one_that_the_category_names() {
    let facts = agreed().category("c", "2026-03-04", 1).fact(
        "t",
        "2026-03-06",
        "record.transferred",
        json!({"to": "police/WY"}),
    );
    facts.reconciles("2026-03-05", LATER, &["owner-differs nominal/N1 2026-03-04T09:00:00Z"]);
    facts.reconciles("2026-03-06", LATER, &[]);
    given()
        .registered("a", "2026-03-02", 2, 2)
        .police_record("r", "2026-03-03")
        .fact("v", "2026-03-03", "ndelius.visor_registered", json!({}))
        .reconciles(LATER, LATER, &["owner-differs nominal/N1 2026-03-03T09:00:00Z"]);
}

#[test]
fn partners_of_a_prison_are_listed_from_when_the_person_left_until_the_last_is_removed() {
    let removed = |facts: Given, id: &str, time: &str, users: &[&str]| {
        facts.fact(id, time, "partners.removed", json!({"org": "prison/LEI", "users": users}))
    };
    let facts = agreed()
        .alert("pvn", "2026-03-02 08:02")
        .received("in", "2026-03-03", "LEI", "admission")
        .added("add", "2026-03-04", "", "LEI", &["U1", "U2"])
        .left("t", "2026-03-05", "LEI", "temporary")
        .left("out", "2026-03-10", "LEI", "release");
    let facts = removed(facts, "r1", "2026-03-11", &["user/U1"]);
    let facts = removed(facts, "r2", "2026-03-13", &["user/U2"]);
    facts.reconciles("2026-03-09", LATER, &[]);
    let left = ["partners-of-prison-left nominal/N1 prison/LEI 2026-03-10T09:00:00Z"];
    facts.reconciles("2026-03-10", LATER, &left);
    facts.reconciles("2026-03-12", LATER, &left);
    facts.reconciles("2026-03-13", LATER, &[]);
    // Back in the prison, its partners are in their place.
    facts.received("back", "2026-03-12", "LEI", "admission").reconciles("2026-03-12", LATER, &[]);
}

#[test]
fn a_dataset_is_incomplete_from_the_first_check_that_says_so_and_a_level_by_what_it_names() {
    let check = |facts: Given, id: &str, time: &str, missing: &[&str]| {
        facts.fact(id, time, "dataset.checked", json!({"complete": missing.is_empty(), "missing": missing}))
    };
    let facts = check(agreed(), "k1", "2026-03-03", &["address"]);
    let facts = check(facts, "k2", "2026-03-05", &["mappa-level"]);
    let facts = check(facts, "k3", "2026-03-07", &[]);
    let incomplete = "dataset-incomplete nominal/N1 area 2026-03-03T09:00:00Z";
    facts.reconciles("2026-03-03", LATER, &[incomplete]);
    let level = "level-differs nominal/N1 area 2026-03-05T09:00:00Z";
    facts.reconciles("2026-03-05", LATER, &[incomplete, level]);
    facts.reconciles("2026-03-07", LATER, &[]);
}

#[test]
fn a_log_on_counts_at_a_terminal_that_is_not_approved_then() {
    let log_on = |facts: Given, id: &str, time: &str| {
        facts.fact(id, time, "logged_on", json!({"terminal": "terminal/T1", "network": "lan"}))
    };
    let user = json!({"org": "prison/LEI", "role": "case-administrator", "service": "prison"});
    let facts = given().about("user/U1").fact("u", "2026-03-02", "user.registered", user);
    let facts = log_on(log_on(facts, "l1", "2026-03-03"), "l2", "2026-03-09");
    facts.reconciles("2026-03-02", LATER, &[]);
    facts.reconciles(LATER, LATER, &["terminal-not-approved user/U1 terminal/T1 2026-03-03T09:00:00Z"]);
    let approved = facts
        .about("terminal/T1")
        .fact("t1", "2026-03-05", "terminal.risk_assessed", json!({"by": "X"}))
        .fact("t2", "2026-03-06", "terminal.approved", json!({"by": "X"}));
    let first = ["terminal-not-approved user/U1 terminal/T1 2026-03-03T09:00:00Z"];
    approved.reconciles("2026-03-05", LATER, &first);
    approved.reconciles("2026-03-06", LATER, &[]);
    // Approval that ended before the last log-on is a discrepancy from then on; one that ended after it is none.
    for (ended, wanted) in [
        ("2026-03-08", &["terminal-not-approved user/U1 terminal/T1 2026-03-08T09:00:00Z"][..]),
        ("2026-03-10", &[]),
    ] {
        let withdrawn = approved.clone().fact("t3", ended, "terminal.withdrawn", json!({"by": "X"}));
        withdrawn.reconciles(LATER, LATER, wanted);
    }
}

#[test]
fn a_fact_recorded_late_mends_from_when_it_is_known_and_an_annulled_one_no_longer() {
    let facts = given()
        .registered("a", "2026-03-02", 2, 2)
        .record("r", "2026-03-04")
        .recorded("2026-03-10")
        .fact("v", "2026-03-04", "ndelius.visor_registered", json!({}))
        .annulled("n", "2026-03-15", "r");
    let missing = ["record-missing nominal/N1 2026-03-02T09:00:00Z"];
    facts.reconciles("2026-03-06", "2026-03-09", &missing);
    facts.reconciles("2026-03-06", "2026-03-10", &[]);
    facts.reconciles("2026-03-06", "2026-03-15", &missing);
    facts.reconciles("2026-03-03", "2026-03-10", &missing);
}

#[test]
fn the_dead_need_no_record_and_the_merged_stand_under_the_survivor() {
    let facts = given().registered("a", "2026-03-02", 2, 2).died("d", "2026-03-05");
    facts.reconciles("2026-03-04", LATER, &["record-missing nominal/N1 2026-03-02T09:00:00Z"]);
    facts.reconciles(LATER, LATER, &[]);
    // N2 has the record, N1 the registration: one person with both.
    let facts = given()
        .registered("a", "2026-03-02", 2, 2)
        .about("nominal/N2")
        .record("r", "2026-03-03")
        .fact("v", "2026-03-03", "ndelius.visor_registered", json!({}))
        .merged("m", "2026-03-06", "N1");
    facts.reconciles("2026-03-05", LATER, &["record-missing nominal/N1 2026-03-02T09:00:00Z"]);
    facts.reconciles(LATER, LATER, &[]);
}

#[test]
fn a_backlog_holds_the_cases_before_the_switch_and_burns_down_day_by_day() {
    let case = |facts: Given, name: &str| {
        facts
            .about(&format!("nominal/{name}"))
            .sentenced(&format!("s{name}"), "2026-02-01", "community")
            .registered(&format!("r{name}"), "2026-02-02", 2, 1)
    };
    let facts = ["N1", "N2", "N3", "N4"].into_iter().fold(given(), case);
    let facts = facts
        // N1 has a record by 4 March, N2 moves away on 5 March, N3 stays; N4 is sentenced anew and has a duty then.
        .switched("on", "p", "2026-03-02", "A1", "community")
        .about("nominal/N1")
        .record("x", "2026-03-04")
        .about("nominal/N2")
        .transferred("t", "2026-03-05", "A2")
        .about("nominal/N4")
        .fact("e", "2026-03-06", "sentence.ended", json!({}))
        .sentenced("f", "2026-03-06 12:00", "community");
    let view = View { as_at: moment("2026-03-07"), known_at: moment("2026-03-07") };
    let backlog = facts.at_view(view, |judge| judge.backlog("area/A1", Programme::Community));
    assert_eq!(backlog.switched_on.unwrap().to_string(), "2026-03-02");
    let days: Vec<String> = backlog.days.iter().map(|day| format!("{} {}", day.date, day.count)).collect();
    assert_eq!(
        days,
        ["2026-03-02 4", "2026-03-03 4", "2026-03-04 3", "2026-03-05 2", "2026-03-06 1", "2026-03-07 1"]
    );
    let cases: Vec<String> =
        backlog.cases.iter().map(|case| format!("{} {}", case.subject, case.since)).collect();
    assert_eq!(cases, ["nominal/N3 2026-02-02T09:00:00Z"]);
    // Before the switch nothing is counted, and the cases are those that it would cover.
    let view = View { as_at: moment("2026-03-01"), known_at: moment("2026-03-07") };
    let before = facts.at_view(view, |judge| judge.backlog("area/A1", Programme::Community));
    assert_eq!((before.switched_on, before.days.len(), before.cases.len()), (None, 0, 4));
    let other = facts.at_view(view, |judge| judge.backlog("area/A1", Programme::CustodyLevel1));
    assert_eq!(other.cases, []);
}
