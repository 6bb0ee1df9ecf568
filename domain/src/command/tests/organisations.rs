//! Organisations: posts, programmes, audits, reports, documents.

use serde_json::json;

use super::World;
use crate::catalogue::Field;
use crate::command::{draw, list_digest};

#[test]
fn there_is_one_cpc_in_an_area_vetted_to_level_3() {
    let mut world = World::new();
    let post = |post: &str, user: &str| json!({ "post": post, "user": user });
    let (area, who) = ("area/A1", "administrator");
    world.refuses(who, "fill-post", area, post("cpc", "user/central"), "4.8", "`user/cpc` is in post");
    world.refuses(
        "cpc",
        "fill-post",
        area,
        post("cpc", "user/central"),
        "4.8",
        "an administrator of the area",
    );
    world.does(who, "vacate-post", area, post("cpc", "user/cpc"), &["post.vacated"]);
    world.refuses(who, "vacate-post", area, post("cpc", "user/cpc"), "4.8", "do not hold");
    world.refuses(who, "fill-post", area, post("cpc", "user/manager"), "4.8", "vetting level 3");
    world.refuses(who, "fill-post", area, post("cpc", "user/nobody"), "4.8", "not registered");
    world.refuses(who, "fill-post", area, post("lpc", "user/central"), "4.8", "no post of such");
    world.does(who, "fill-post", area, post("cpc", "user/central"), &["post.filled"]);
    // Separation of duties: whoever may appoint appoints others.
    let own = post("deputy-cpc", "user/central");
    world.refuses("central", "fill-post", area, own, "4.8", "nobody appoints themselves");
    world.tell("user/governor", "vetting.cleared", json!({"level": 3, "expires_on": "2028-01-01"}));
    let own = post("deputy-cpc", "user/governor");
    world.refuses("governor", "fill-post", "prison-group/G1", own, "5.4", "nobody appoints themselves");
    // Deputies may be several; the new CPC appoints them.
    world.refuses("central", "fill-post", area, post("deputy-cpc", "user/manager"), "4.8", "vetting level 3");
    world.does("central", "fill-post", area, post("deputy-cpc", "user/cpc"), &["post.filled"]);
    world.refuses("central", "fill-post", area, post("deputy-cpc", "user/cpc"), "4.8", "hold it already");
}

#[test]
fn there_is_one_cpc_in_a_prison_group() {
    let mut world = World::new();
    let post = |post: &str, user: &str| json!({ "post": post, "user": user });
    let words = "`user/prison-cpc` is in post";
    world.refuses("administrator", "fill-post", "prison-group/G1", post("cpc", "user/lead"), "5.4", words);
    world.does(
        "administrator",
        "vacate-post",
        "prison-group/G1",
        post("cpc", "user/prison-cpc"),
        &["post.vacated"],
    );
    let words = "vetting level 3";
    world.refuses("administrator", "fill-post", "prison-group/G1", post("cpc", "user/lead"), "5.4", words);
}

#[test]
fn a_unit_has_one_lpc_and_a_visor_lead_is_not_who_updates_records() {
    let mut world = World::new();
    let post = |post: &str, user: &str| json!({ "post": post, "user": user });
    world.does("cpc", "fill-post", "unit/U1", post("lpc", "user/central"), &["post.filled"]);
    world.refuses("cpc", "fill-post", "unit/U1", post("lpc", "user/manager"), "4.8", "one lpc here");
    let lead = post("visor-lead", "user/clerk");
    world.refuses("governor", "fill-post", "prison/LEI", lead, "5.9", "not tasked with updating");
    world.live("second", "prison/LEI", "other", 2, &["partner"]);
    world.refuses(
        "governor",
        "fill-post",
        "prison/LEI",
        post("visor-lead", "user/governor"),
        "5.5",
        "themselves",
    );
    world.does("governor", "fill-post", "prison/LEI", post("visor-lead", "user/second"), &["post.filled"]);
    world.tell("user/second", "user.left_role", json!({}));
    world.does("governor", "vacate-post", "prison/LEI", post("visor-lead", "user/second"), &["post.vacated"]);
    world.refuses("governor", "fill-post", "prison/LEI", post("visor-lead", "user/second"), "4.38", "left");
}

#[test]
fn organisations_are_enrolled_once_and_placed_where_they_fit() {
    let mut world = World::new();
    world.does("administrator", "enrol-organisation", "area/A3", json!({}), &["organisation.enrolled"]);
    world.refuses("administrator", "enrol-organisation", "area/A3", json!({}), "4.1", "already");
    let under = |parent: &str| json!({ "parent": parent });
    let name = "place-organisation";
    world.refuses("administrator", name, "area/A3", under("area/A1"), "4.1", "wrong kind");
    world.does("administrator", name, "area/A3", under("region/R1"), &["organisation.placed"]);
    world.refuses("administrator", name, "area/A3", under("region/R1"), "4.1", "already");
    world.refuses("cpc", "enrol-organisation", "area/A4", json!({}), "7", "an administrator");
}

#[test]
fn a_programme_is_switched_by_the_cpc_with_who_decided_it() {
    let mut world = World::new();
    let on = || json!({"programme": "community", "decided_by": "board", "evidence": "minute-7"});
    let (area, switch_on, switch_off) = ("area/A1", "switch-programme-on", "switch-programme-off");
    world.refuses("cpc", switch_off, area, on(), "4.13", "not on");
    world.refuses("cpc2", switch_on, area, on(), "4.11", "the CPC or deputy CPC");
    world.does("cpc", switch_on, area, on(), &["programme.switched_on"]);
    world.refuses("cpc", switch_on, area, on(), "4.13", "on already");
    world.does("cpc", switch_off, area, on(), &["programme.switched_off"]);
}

#[test]
fn a_sample_is_drawn_once_from_its_seed_and_goes_into_the_audit() {
    let mut world = World::new();
    let list: Vec<String> = (0..40).map(|number| format!("nominal/N{number}")).collect();
    let (area, kind) = ("area/A1", || json!({"kind": "sample"}));
    world.refuses("cpc", "complete-audit", area, kind(), "5.10", "no sample was drawn");
    let drawing = || json!({"kind": "sample", "seed": "2026-Q1", "size": 5, "list": list});
    world.does("cpc", "draw-sample", area, drawing(), &["audit.sample_drawn"]);
    world.refuses("cpc", "draw-sample", area, drawing(), "5.10", "not drawn again");
    world.does("cpc", "complete-audit", area, kind(), &["audit.completed"]);
    let facts: Vec<_> = world.streams[area].facts().collect();
    let (drawn, audit) = (facts[facts.len() - 2], facts[facts.len() - 1]);
    let list: Vec<Box<str>> = list.iter().map(|entry| entry.as_str().into()).collect();
    assert_eq!(audit.texts(Field::Sample), draw("2026-Q1", &list, 5));
    assert_eq!(drawn.text(Field::Seed), Some("2026-Q1"));
    assert_eq!(drawn.text(Field::Sha256), Some(&*list_digest(&list)));
    // Without a seed of the sender's it is the command's own id.
    let unseeded = json!({"kind": "minimum-dataset", "size": 2, "list": ["nominal/N1", "nominal/N2"]});
    world.does("cpc", "draw-sample", area, unseeded, &["audit.sample_drawn"]);
    assert!(world.streams[area].facts().next_back().unwrap().text(Field::Seed).unwrap().starts_with('c'));
    world.refuses("lead", "complete-audit", "prison/LEI", json!({"kind": "log-on"}), "4.16", "this takes");
    world.does(
        "lead",
        "complete-audit",
        "prison/LEI",
        json!({"kind": "minimum-dataset"}),
        &["audit.completed"],
    );
}

#[test]
fn a_report_is_provided_when_it_was_asked_for() {
    let mut world = World::new();
    let report = || json!({"report": "q1", "to": "smb"});
    world.refuses("cpc", "provide-report", "area/A1", report(), "4.16", "nobody asked");
    world.does("board", "request-report", "area/A1", report(), &["report.requested"]);
    world.refuses("board", "request-report", "area/A1", report(), "4.16", "already");
    world.does("cpc", "provide-report", "area/A1", report(), &["report.provided"]);
}

#[test]
fn attestations_returns_documents_and_meetings_are_recorded() {
    let mut world = World::new();
    let period = |from: &str, to: &str| json!({"paragraph": "5.7", "period_from": from, "period_to": to, "outcome": "met"});
    let (name, prison) = ("attest-requirement", "prison/LEI");
    world.refuses("lead", name, prison, period("2026-02-01", "2026-01-01"), "5.7", "before `period_from`");
    world.does("lead", name, prison, period("2026-01-01", "2026-02-01"), &["requirement.attested"]);
    world.does("lead", "submit-return", prison, json!({"period": "2026-02"}), &["return.submitted"]);
    world.refuses("lead", "submit-return", prison, json!({"period": "2026-02"}), "5.9", "already");
    for (name, kind) in [
        ("attest-capacity-plan", "capacity_plan.attested"),
        ("attest-continuity-plan", "continuity_plan.attested"),
        ("attend-rug", "rug.attended"),
    ] {
        world.does("cpc", name, "area/A1", json!({}), &[kind]);
    }
    let document = || json!({"document": "syops", "version": "3"});
    world.does("administrator", "publish-document", "region/R1", document(), &["document.published"]);
    world.refuses("administrator", "publish-document", "region/R1", document(), "4.16", "already");
}
