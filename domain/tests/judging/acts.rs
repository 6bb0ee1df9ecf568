//! Rules about single acts: each opened by one fact and ended by another, or to be preceded by one.

use serde_json::{Value, json};

use super::given::{Given, given};

fn live() -> Given {
    given().registered("reg", "2026-03-02 08:00", 2, 2).record("rec", "2026-03-02 08:01")
}

fn held() -> Given {
    live().received("i", "2026-03-02 09:00", "LEI", "admission")
}

fn user() -> Given {
    let data = json!({"org": "area/A1", "role": "lpc", "service": "probation"});
    given().about("user/U").fact("u", "2026-01-01", "user.registered", data)
}

#[track_caller]
fn shows(facts: &Given, rule: &str, wanted: &[&str]) {
    facts.as_at("2026-03-31").only(rule).shows(wanted);
}

/// An act, and the act that ends it, for rules that match an id.
#[track_caller]
fn opens_and_ends(start: &Given, rule: &str, opened: (&str, Value), done: (&str, Value), due: &str) {
    let open = || start.clone().fact("o", "2026-03-03", opened.0, opened.1.clone());
    let in_time = format!("{rule} o: met by d, due {due}");
    shows(&open().fact("d", &format!("{due} 22:59:59"), done.0, done.1.clone()), rule, &[&in_time]);
    let late = format!("{rule} o: met_late by d, due {due}");
    shows(&open().fact("d", "2026-03-30", done.0, done.1.clone()), rule, &[&late]);
    let overdue = format!("{rule} o: overdue, due {due}");
    shows(&open().fact("p", "2026-03-30 10:00", opened.0, opened.1.clone()), rule, &[&overdue]);
    let early = start.clone().fact("d", "2026-03-03 08:00", done.0, done.1).fact(
        "o",
        "2026-03-03",
        opened.0,
        opened.1,
    );
    shows(&early, rule, &[&in_time]);
}

#[test]
fn acts_that_carry_an_id_end_by_the_act_with_the_same_id() {
    opens_and_ends(
        &live(),
        "4.19",
        ("oasys.copied", json!({"assessment": "A", "sections": ["R10"]})),
        ("manager.notified", json!({"assessment": "A"})),
        "2026-03-04",
    );
    opens_and_ends(
        &live(),
        "4.21",
        ("polygraph.completed", json!({"report": "P"})),
        ("polygraph.added", json!({"report": "P"})),
        "2026-03-10",
    );
    opens_and_ends(
        &live(),
        "4.22",
        ("level1_review.completed", json!({"review": "V"})),
        ("level1_review.copied", json!({"review": "V"})),
        "2026-03-10",
    );
    opens_and_ends(
        &held(),
        "5.22",
        ("risk_information.added", json!({"item": "I"})),
        ("risk_information.copied", json!({"item": "I"})),
        "2026-03-05",
    );
}

#[test]
fn rules_that_ask_for_a_live_record_open_nothing_without_one_and_end_with_it() {
    for (kind, data, rule) in [
        ("polygraph.completed", json!({"report": "P"}), "4.21"),
        ("level1_review.completed", json!({"review": "V"}), "4.22"),
    ] {
        shows(&given().fact("o", "2026-03-03", kind, data.clone()), rule, &[]);
        let ended = live().fact("o", "2026-03-03", kind, data).archived("x", "2026-03-04");
        shows(&ended, rule, &[&format!("{rule} o: withdrawn by x, due 2026-03-10")]);
    }
    shows(&live().fact("o", "2026-03-03", "risk_information.added", json!({"item": "I"})), "5.22", &[]);
}

#[test]
fn a_record_asked_for_is_made_taken_out_of_the_archive_or_found() {
    let asked = |facts: Given| {
        facts.fact("q", "2026-03-02", "record.requested", json!({"request": "Q", "prison": "prison/LEI"}))
    };
    shows(&asked(given()).record("r", "2026-03-03"), "4.12", &["4.12 q: met by r, due 2026-03-09"]);
    shows(&asked(given()).found("f", "2026-03-03", "LEI"), "4.12", &["4.12 q: met by f, due 2026-03-09"]);
    shows(&asked(given()).alert("f", "2026-03-10"), "4.12", &["4.12 q: met_late by f, due 2026-03-09"]);
    let archived = || asked(given().record("r", "2026-03-01").archived("x", "2026-03-01 10:00"));
    shows(&archived().found("f", "2026-03-03", "LEI"), "4.12", &["4.12 q: overdue, due 2026-03-09"]);
    shows(&archived().unarchived("u", "2026-03-03"), "4.12", &["4.12 q: met by u, due 2026-03-09"]);
    shows(&asked(given().record("r", "2026-03-01")), "4.12", &[]);
}

#[test]
fn an_imminent_risk_is_told_to_the_line_manager_before_the_entry() {
    let told = |facts: Given, time: &str, to: &str| {
        facts.fact("t", time, "imminent_risk.told", json!({"contact": "C", "to": to}))
    };
    let entry = |facts: Given, priority: bool| {
        facts.fact("c", "2026-03-03", "contact.flagged", json!({"contact": "C", "priority": priority}))
    };
    shows(
        &entry(told(given(), "2026-03-02", "line-manager"), true),
        "4.36",
        &["4.36 c: met by t, due 2026-03-03"],
    );
    shows(
        &told(entry(given(), true), "2026-03-03", "line-manager"),
        "4.36",
        &["4.36 c: met by t, due 2026-03-03"],
    );
    shows(
        &told(entry(given(), true), "2026-03-04", "line-manager"),
        "4.36",
        &["4.36 c: met_late by t, due 2026-03-03"],
    );
    shows(&entry(told(given(), "2026-03-02", "police"), true), "4.36", &["4.36 c: overdue, due 2026-03-03"]);
    shows(&entry(given(), false), "4.36", &[]);
}

#[test]
fn the_account_of_a_leaver_is_closed_and_closing_counts_back_to_the_latest_enabling() {
    let account = |facts: Given, id: &str, time: &str, what: &str| {
        facts.fact(id, time, &format!("account.{what}"), json!({}))
    };
    let leaves = |facts: Given| facts.fact("l", "2026-03-02", "user.left_role", json!({}));
    let enabled = || account(user(), "e", "2026-01-05", "enabled");
    shows(
        &account(leaves(enabled()), "d", "2026-03-03", "disabled"),
        "4.38.close",
        &["4.38.close l: met by d, due 2026-03-03"],
    );
    shows(
        &leaves(account(enabled(), "d", "2026-02-03", "archived")),
        "4.38.close",
        &["4.38.close l: met by d, due 2026-03-03"],
    );
    let again = account(account(enabled(), "d", "2026-02-03", "disabled"), "f", "2026-02-04", "enabled");
    shows(&leaves(again), "4.38.close", &["4.38.close l: overdue, due 2026-03-03"]);
    let twice = leaves(account(enabled(), "d", "2026-02-03", "disabled")).fact(
        "m",
        "2026-03-04",
        "user.left_role",
        json!({}),
    );
    shows(
        &twice,
        "4.38.close",
        &["4.38.close l: met by d, due 2026-03-03", "4.38.close m: met by d, due 2026-03-05"],
    );
}

#[test]
fn a_search_belongs_to_the_spell_of_the_reception() {
    let searched = |facts: Given, time: &str, spell: &str| {
        facts.fact(
            "f",
            time,
            "visor.searched",
            json!({"prison": "prison/LEI", "spell": spell, "found": false}),
        )
    };
    shows(&searched(held(), "2026-03-04", "S-i"), "5.12", &["5.12 i: met by f, due 2026-03-04"]);
    shows(&searched(held(), "2026-03-05", "S-i"), "5.12", &["5.12 i: met_late by f, due 2026-03-04"]);
    shows(&searched(held(), "2026-03-04", "S-j"), "5.12", &["5.12 i: overdue, due 2026-03-04"]);
    shows(&live().received("i", "2026-03-02 09:00", "LEI", "transfer"), "5.12", &[]);
}

#[test]
fn an_alert_is_owed_while_a_nominal_is_held() {
    shows(&held().alert("v", "2026-03-04"), "5.14", &["5.14 i: met by v, due 2026-03-04"]);
    shows(
        &held().left("o", "2026-03-04", "LEI", "release"),
        "5.14",
        &["5.14 i: withdrawn by o, due 2026-03-04"],
    );
    shows(
        &held().received("j", "2026-03-04", "MDI", "admission"),
        "5.14",
        &["5.14 i: withdrawn by j, due 2026-03-04", "5.14 j: overdue, due 2026-03-06"],
    );
    let before = live().alert("v", "2026-03-02 08:30").received("i", "2026-03-02 09:00", "LEI", "admission");
    shows(&before, "5.14", &["5.14 i: met by v, due 2026-03-04"]);
    let closed =
        held().alert("v", "2026-03-04").fact("w", "2026-03-05", "alert.closed", json!({"code": "PVN"}));
    shows(&closed, "5.14", &["5.14 i: met by v, due 2026-03-04"]);
    assert_eq!(held().as_at("2026-03-03").duty("5.14", "i").holder.as_deref(), Some("prison/LEI"));
}

#[test]
fn a_prison_completes_the_dataset_once_it_is_a_partner() {
    let checked = |facts: Given, complete: bool, prison: Value| {
        facts.fact("k", "2026-03-04", "dataset.checked", json!({"complete": complete, "prison": prison}))
    };
    let partner = || held().added("p", "2026-03-03", "", "LEI", &[]);
    shows(&checked(partner(), true, json!("prison/LEI")), "5.16", &["5.16 p: met by k, due 2026-03-17"]);
    shows(&checked(partner(), false, json!("prison/LEI")), "5.16", &["5.16 p: overdue, due 2026-03-17"]);
    shows(&checked(partner(), true, json!("prison/MDI")), "5.16", &["5.16 p: overdue, due 2026-03-17"]);
    let area = held().fact("p", "2026-03-03", "partners.added", json!({"org": "area/A2"}));
    shows(&area, "5.16", &[]);
}

#[test]
fn a_prison_manager_is_recorded_while_the_person_is_held() {
    let manager = |facts: Given, what: &str, id: &str, time: &str, kind: &str| {
        facts.fact(id, time, &format!("offender_manager.{what}"), json!({"manager": "M", "kind": kind}))
    };
    let allocated = || manager(held(), "allocated", "a", "2026-03-03", "pom");
    shows(
        &manager(allocated(), "recorded", "r", "2026-03-04", "pom"),
        "5.17",
        &["5.17 a: met by r, due 2026-03-10"],
    );
    shows(
        &manager(allocated(), "allocated", "b", "2026-03-04", "pom"),
        "5.17",
        &["5.17 a: withdrawn by b, due 2026-03-10", "5.17 b: overdue, due 2026-03-11"],
    );
    shows(
        &manager(allocated(), "allocated", "b", "2026-03-04", "com"),
        "5.17",
        &["5.17 a: overdue, due 2026-03-10"],
    );
    shows(&manager(live(), "allocated", "a", "2026-03-03", "pom"), "5.17", &[]);
}

#[test]
fn a_transfer_is_told_to_the_owner_whatever_becomes_of_the_record() {
    let told = |facts: Given, prison: &str| {
        facts.fact(
            "t",
            "2026-03-05",
            "owner.notified",
            json!({"prison": format!("prison/{prison}"), "about": "transfer"}),
        )
    };
    let left = || held().left("o", "2026-03-03", "LEI", "transfer").archived("x", "2026-03-04");
    shows(&told(left(), "LEI"), "5.19", &["5.19 o: met by t, due 2026-03-05"]);
    shows(&told(left(), "MDI"), "5.19", &["5.19 o: overdue, due 2026-03-05"]);
    shows(&held().left("o", "2026-03-03", "LEI", "release"), "5.19", &[]);
}

#[test]
fn an_account_is_enabled_only_for_a_user_whose_clearance_is_current() {
    let enabled = |facts: Given| facts.fact("e", "2026-03-10", "account.enabled", json!({}));
    let met = "6.1 e: met by v, due 2026-03-10";
    let overdue = "6.1 e: overdue, due 2026-03-10";
    shows(&enabled(user().cleared("v", "2026-03-01", "2026-03-10")), "6.1", &[met]);
    shows(&enabled(user().cleared("v", "2026-03-01", "2026-03-09")), "6.1", &[overdue]);
    shows(&enabled(user()).cleared("v", "2026-03-10", "2027-03-10"), "6.1", &[met]);
    shows(&enabled(user()), "6.1", &[overdue]);
    shows(
        &enabled(user()).cleared("v", "2026-03-12", "2026-03-12"),
        "6.1",
        &["6.1 e: met_late by v, due 2026-03-10"],
    );
    shows(&enabled(user()).cleared("v", "2026-03-12", "2026-03-11"), "6.1", &[overdue]);
    let withdrawn = |facts: Given, time: &str| facts.fact("w", time, "vetting.withdrawn", json!({}));
    shows(
        &enabled(withdrawn(user().cleared("v", "2026-03-01", "2027-03-10"), "2026-03-02")),
        "6.1",
        &[overdue],
    );
    shows(&withdrawn(enabled(user().cleared("v", "2026-03-01", "2027-03-10")), "2026-03-11"), "6.1", &[met]);
    let cleared_again = withdrawn(user().cleared("u1", "2026-03-01", "2027-03-10"), "2026-03-02").cleared(
        "v",
        "2026-03-03",
        "2027-03-10",
    );
    shows(&enabled(cleared_again), "6.1", &[met]);
}

#[test]
fn training_and_the_signed_procedures_come_before() {
    let trained = |facts: Given, time: &str, course: &str| {
        facts.fact("t", time, "training.completed", json!({"course": course, "provider": "P"}))
    };
    let enabled = |facts: Given| facts.fact("e", "2026-03-10", "account.enabled", json!({}));
    shows(&enabled(trained(user(), "2026-02-01", "visor")), "6.2", &["6.2 e: met by t, due 2026-03-10"]);
    shows(&enabled(trained(user(), "2026-02-01", "cpc")), "6.2", &["6.2 e: overdue, due 2026-03-10"]);
    shows(&trained(enabled(user()), "2026-03-11", "visor"), "6.2", &["6.2 e: met_late by t, due 2026-03-10"]);
    let signed = |facts: Given, document: &str| {
        facts.fact("s", "2026-02-01", "document.signed", json!({"document": document, "version": "1"}))
    };
    let started = |facts: Given| {
        facts.fact("b", "2026-03-10", "training.started", json!({"course": "visor", "provider": "P"}))
    };
    shows(&started(signed(user(), "syops")), "6.3", &["6.3 b: met by s, due 2026-03-10"]);
    shows(&started(signed(user(), "standards")), "6.3", &["6.3 b: overdue, due 2026-03-10"]);
}
