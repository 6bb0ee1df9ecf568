//! Nominals: records, partners, transfers, limited access, orders, acts, errors.

use std::sync::Arc;

use serde_json::{Value as Json, json};

use super::{World, at};
use crate::command::{Context, may_of_nominal};
use crate::rights::{Denial, Right};

pub const N1: &str = "nominal/N1";

pub fn none() -> Json {
    json!({})
}

pub fn seen(world: &World, who: &str) -> Result<(), Denial> {
    let context = Context {
        now: world.now,
        actor: format!("user/{who}").into(),
        command_id: "".into(),
        directory: Arc::new(world.directory.clone()),
        expected: None,
        duties: Arc::default(),
        survivor: None,
        whole: Arc::default(),
    };
    may_of_nominal(Right::SeeNominal, &world.whole(N1), &context)
}

#[test]
fn a_record_is_created_once_by_its_own_area() {
    let mut world = World::new();
    let owner = |area: &str| json!({ "owner": area });
    world.hides("manager", "create-record", N1, owner("area/A1"));
    world.nominal(N1);
    world.refuses("supervisor", "create-record", N1, owner("area/A1"), "4.10", "create token");
    world.refuses("manager", "create-record", N1, owner("area/A2"), "4.9", "the area that will own it");
    world.refuses("manager", "create-record", N1, owner("police/45"), "7", "the police create");
    let basic = json!({"owner": "area/A1", "basic": true});
    world.refuses("manager", "create-record", N1, basic, "4.12", "a prison's request");
    world.does("manager", "create-record", N1, owner("area/A1"), &["record.created"]);
    world.refuses("manager", "create-record", N1, owner("area/A1"), "4.9", "a record already");
    for (category, statutory, paragraph) in [(1, true, "7"), (4, true, "7"), (3, false, "4.14")] {
        let other = format!("nominal/C{category}");
        let data = json!({"registration": "r", "category": category, "level": 2, "area": "area/A1",
                          "statutory_supervision": statutory});
        world.tell(&other, "mappa.registered", data);
        world.refuses("manager", "create-record", &other, owner("area/A1"), paragraph, "police");
    }
}

#[test]
fn a_basic_record_partners_the_users_that_the_prison_named_in_the_same_act() {
    let mut world = World::new();
    world.nominal(N1);
    let wanted = |request: &str| json!({"owner": "area/A1", "basic": true, "request": request});
    world.refuses("manager", "create-record", N1, wanted("q1"), "4.12", "no prison asked");
    world.tell(N1, "custody.received", json!({"prison": "prison/LEI", "reason": "admission", "spell": "s"}));
    let request = json!({"request": "q1", "prison": "prison/LEI", "users": ["user/clerk"]});
    world.tell(N1, "record.requested", request);
    world.does("manager", "create-record", N1, wanted("q1"), &["record.created", "partners.added"]);
    assert_eq!(seen(&world, "clerk"), Ok(()));
    assert!(seen(&world, "lead").is_err(), "the lead was not named");
}

#[test]
fn partnership_is_asked_for_granted_refused_and_taken_back() {
    let mut world = World::new();
    world.nominal(N1);
    let org = |org: &str| json!({ "org": org });
    let ask = "request-partnership";
    world.refuses("clerk", ask, N1, org("prison/LEI"), "4.16", "no live record");
    world.tell(N1, "record.created", json!({"owner": "area/A1"}));
    world.refuses("outsider", ask, N1, org("prison/LEI"), "5.13", "one's own prison");
    world.does("clerk", ask, N1, org("prison/LEI"), &["partnership.requested"]);
    world.refuses("clerk", ask, N1, org("prison/LEI"), "5.13", "awaits its answer");
    let add = "partner-nominal";
    world.refuses("clerk", add, N1, org("prison/LEI"), "4.25", "a manager of the record");
    let with = |users: &[&str]| json!({"org": "prison/LEI", "users": users});
    world.refuses("manager", add, N1, with(&["user/nobody"]), "7", "not a user");
    world.refuses("manager", add, N1, with(&["user/prison-cpc"]), "7", "partner token");
    let wrong = json!({"org": "prison/LEI", "request": "other"});
    world.refuses("manager", add, N1, wrong, "4.25", "no request");
    world.does("manager", add, N1, with(&["user/clerk"]), &["partners.added"]);
    world.refuses("manager", add, N1, with(&["user/clerk"]), "4.25", "already");
    assert_eq!(seen(&world, "clerk"), Ok(()));
    world.refuses(
        "supervisor",
        "refuse-partnership",
        N1,
        json!({"request": "x", "reason": "y"}),
        "4.25",
        "no request",
    );
    world.tell(N1, "partnership.requested", json!({"request": "q2", "org": "area/A2"}));
    let refuse = json!({"request": "q2", "reason": "no interest"});
    world.does("supervisor", "refuse-partnership", N1, refuse.clone(), &["partnership.refused"]);
    world.refuses("supervisor", "refuse-partnership", N1, refuse, "4.25", "no request");
    world.does("cpc", "remove-partners", N1, org("prison/LEI"), &["partners.removed"]);
    world.refuses("cpc", "remove-partners", N1, org("prison/LEI"), "5.19", "no partners");
    assert!(seen(&world, "clerk").is_err());
    let bulk = with(&["user/clerk", "user/lead"]);
    world.refuses("manager", "partner-in-bulk", N1, bulk.clone(), "4.16", "the CPC or deputy CPC");
    world.does("central", "partner-in-bulk", N1, bulk, &["partners.added"]);
}

#[test]
fn a_record_is_transferred_when_the_other_area_accepts() {
    let mut world = World::new();
    world.record(N1);
    let to = |to: &str| json!({"to": to, "note": "two duties are open", "duties": ["D-1"]});
    world.refuses("cpc", "accept-transfer", N1, none(), "4.16", "no transfer");
    world.refuses("manager", "request-transfer", N1, to("area/A2"), "4.16", "the CPC or deputy CPC");
    world.refuses("cpc", "request-transfer", N1, to("area/A1"), "4.16", "theirs already");
    world.does("cpc", "request-transfer", N1, to("area/A2"), &["transfer.requested"]);
    world.refuses("cpc", "request-transfer", N1, to("area/A2"), "4.16", "awaits its answer");
    world.refuses("cpc", "accept-transfer", N1, none(), "4.16", "this takes");
    world.does("cpc2", "refuse-transfer", N1, json!({"reason": "not ours"}), &["transfer.refused"]);
    world.does("cpc", "request-transfer", N1, to("area/A2"), &["transfer.requested"]);
    world.does("cpc2", "accept-transfer", N1, none(), &["transfer.accepted", "record.transferred"]);
    // Now it is the other area's to govern.
    world.refuses("cpc", "archive-record", N1, none(), "4.16", "this takes");
    world.refuses("cpc2", "archive-record", N1, none(), "4.28", "termination OASys");
}

#[test]
fn before_archiving_and_before_the_police_comes_the_termination_assessment() {
    let mut world = World::new();
    world.record(N1);
    let police = || json!({"to": "police/45"});
    world.refuses("cpc", "archive-record", N1, none(), "4.28", "termination OASys");
    world.refuses("cpc", "request-transfer", N1, police(), "4.28", "termination OASys");
    let copied = |sections: &[&str]| json!({"act": "oasys.copied", "assessment": "a", "sections": sections, "termination": true});
    world.does("manager", "record-act", N1, copied(&["R10"]), &["oasys.copied"]);
    world.refuses("cpc", "archive-record", N1, none(), "4.28", "termination OASys");
    world.does("manager", "record-act", N1, copied(&["R10", "R11"]), &["oasys.copied"]);
    world.does("cpc", "request-transfer", N1, police(), &["transfer.requested"]);
    world.refuses("cpc", "archive-record", N1, none(), "4.16", "awaits its answer");
    // The police are not here: the owner attests what they answered.
    world.does("cpc", "refuse-transfer", N1, json!({"reason": "not yet"}), &["transfer.refused"]);
    world.does("cpc", "archive-record", N1, none(), &["record.archived"]);
    world.refuses("cpc", "archive-record", N1, none(), "4.16", "no live record");
    world.does("cpc", "unarchive-record", N1, none(), &["record.unarchived"]);
    world.refuses("cpc", "unarchive-record", N1, none(), "4.16", "not archived");
}

#[test]
fn duplicates_are_merged_once_and_not_into_themselves() {
    let mut world = World::new();
    world.record(N1);
    world.record("nominal/N2");
    let into = |into: &str| json!({ "into": into });
    world.refuses("cpc", "merge-nominals", N1, into("nominal/unknown"), "4.16", "no such nominal");
    world.refuses("cpc", "merge-nominals", N1, into(N1), "4.16", "into itself");
    world.refuses("manager", "merge-nominals", N1, into("nominal/N2"), "4.16", "this takes");
    world.does(
        "cpc",
        "limit-access",
        "nominal/N2",
        json!({"users": ["user/cpc"]}),
        &["record.access_limited"],
    );
    world.refuses("cpc", "merge-nominals", N1, into("nominal/N2"), "4.16", "limited differently");
    world.refuses("central", "merge-nominals", N1, into("nominal/N2"), "4.16", "no such nominal");
    world.does("cpc", "lift-access-limit", "nominal/N2", none(), &["record.access_limited"]);
    world.refuses("cpc", "lift-access-limit", "nominal/N2", none(), "4.16", "not limited");
    world.does("cpc", "merge-nominals", N1, into("nominal/N2"), &["nominal.merged"]);
    world.refuses("cpc", "merge-nominals", "nominal/N2", into(N1), "4.16", "merged itself");
    world.refuses("cpc", "archive-record", N1, none(), "4.16", "merged into `nominal/N2`");
}

#[test]
fn a_limited_record_does_not_exist_for_those_who_are_not_listed() {
    let mut world = World::new();
    world.record(N1);
    world.refuses("cpc", "limit-access", N1, json!({"users": ["user/manager"]}), "4.16", "not on the list");
    let unknown = json!({"users": ["user/cpc", "user/nobody"]});
    world.refuses("cpc", "limit-access", N1, unknown, "4.16", "not registered");
    let listed = json!({"users": ["user/cpc", "user/manager"]});
    world.does("cpc", "limit-access", N1, listed, &["record.access_limited"]);
    for (name, body) in [
        ("archive-record", none()),
        ("open-record", json!({"reason": "x"})),
        ("create-record", json!({"owner": "area/A1"})),
        ("record-act", json!({"act": "minutes.received", "meeting": "m"})),
        ("state-in-error", json!({"event": {"source": "/t", "id": "t1"}, "reason": "x"})),
    ] {
        world.hides("central", name, N1, body.clone());
        world.hides("central", name, "nominal/unknown", body);
    }
    assert_eq!(seen(&world, "central"), Err(Denial::Hidden));
    assert_eq!(seen(&world, "manager"), Ok(()));
    let act = json!({"act": "minutes.added", "meeting": "m"});
    world.does("manager", "record-act", N1, act, &["minutes.added"]);
}

#[test]
fn a_non_partner_opens_one_record_for_15_minutes_and_the_owners_cpc_is_told() {
    let mut world = World::new();
    world.record(N1);
    world.record("nominal/N2");
    assert!(seen(&world, "outsider").is_err());
    world.does(
        "outsider",
        "open-record",
        N1,
        json!({"reason": "linked to another case"}),
        &["access.opened"],
    );
    let opened = world.streams[N1].facts().next_back().unwrap();
    assert_eq!(opened.texts(crate::catalogue::Field::Told), ["user/cpc".into()]);
    assert_eq!(seen(&world, "outsider"), Ok(()));
    world.now = at("2026-03-02T09:14:59Z");
    assert_eq!(seen(&world, "outsider"), Ok(()));
    world.now = at("2026-03-02T09:15:00Z");
    assert!(seen(&world, "outsider").is_err());
    world.tell(N1, "partners.added", json!({"org": "area/A2"}));
    assert_eq!(seen(&world, "outsider"), Ok(()));
    world.refuses("outsider", "open-record", N1, json!({"reason": "x"}), "7", "you are a partner");
}

#[test]
fn an_order_about_a_persons_data_takes_two_people() {
    let mut world = World::new();
    world.record(N1);
    for (name, kind) in [
        ("order-erasure", "subject.erased"),
        ("order-restriction", "subject.restricted"),
        ("order-lifting", "subject.restriction_lifted"),
    ] {
        world.refuses("central", "confirm-order", N1, none(), "4.16", "no order");
        world.refuses("manager", name, N1, json!({"ground": "RRD-1"}), "4.16", "this takes");
        world.refuses("cpc", name, N1, json!({"ground": "x"}), "4.16", "too short");
        world.does("cpc", name, N1, json!({"ground": "RRD-1"}), &["subject.order_given"]);
        world.refuses("central", name, N1, json!({"ground": "RRD-1"}), "4.16", "awaits its confirmation");
        world.refuses("cpc", "confirm-order", N1, none(), "4.16", "it takes two people");
        world.does("central", "confirm-order", N1, none(), &[kind]);
    }
    world.does("cpc", "order-erasure", "user/manager", json!({"ground": "RRD-2"}), &["subject.order_given"]);
    let back = || json!({"reason": "the wrong person"});
    world.refuses("manager", "withdraw-order", "user/manager", back(), "4.16", "this takes");
    world.does("central", "withdraw-order", "user/manager", back(), &["fact.annulled"]);
    world.refuses(
        "central",
        "order-erasure",
        "user/central",
        json!({"ground": "RRD-2"}),
        "4.16",
        "themselves",
    );
}

#[test]
fn who_copied_an_assessment_does_not_sign_it_off() {
    let mut world = World::new();
    world.record(N1);
    world.live("both", "unit/U1", "spo", 2, &["manager", "supervisor"]);
    let sign = || json!({"assessment": "a"});
    world.refuses("both", "sign-off-assessment", N1, sign(), "7", "was not copied");
    world.refuses(
        "manager",
        "record-act",
        N1,
        json!({"act": "manager.notified", "assessment": "a"}),
        "4.19",
        "not copied",
    );
    let copied = json!({"act": "oasys.copied", "assessment": "a", "sections": ["R10", "R11"]});
    world.does("both", "record-act", N1, copied, &["oasys.copied"]);
    world.does(
        "manager",
        "record-act",
        N1,
        json!({"act": "manager.notified", "assessment": "a"}),
        &["manager.notified"],
    );
    world.refuses("both", "sign-off-assessment", N1, sign(), "7", "who copied an assessment");
    // Whoever copies a part of it later does not take the first one's place.
    let rest = json!({"act": "oasys.copied", "assessment": "a", "sections": ["R11"]});
    world.does("manager", "record-act", N1, rest, &["oasys.copied"]);
    world.refuses("both", "sign-off-assessment", N1, sign(), "7", "who copied an assessment");
    world.live("third", "unit/U1", "spo", 2, &["supervisor"]);
    let told = json!({"assessment": "a", "sections": ["R10"], "by": "third"});
    world.tell(N1, "oasys.copied", told);
    world.refuses("third", "sign-off-assessment", N1, sign(), "7", "who copied an assessment");
    world.refuses("manager", "sign-off-assessment", N1, sign(), "7", "a supervisor of the record");
    world.does("supervisor", "sign-off-assessment", N1, sign(), &["risk_assessment.signed_off"]);
    world.refuses("supervisor", "sign-off-assessment", N1, sign(), "7", "signed off already");
}

#[test]
fn acts_on_the_record_take_a_manager_or_partner_and_a_live_record() {
    let mut world = World::new();
    world.nominal(N1);
    let minutes = || json!({"act": "minutes.added", "meeting": "m", "evidence": "extract"});
    world.refuses("manager", "record-act", N1, minutes(), "4.16", "no live record");
    world.tell(N1, "record.created", json!({"owner": "area/A1"}));
    world.refuses("supervisor", "record-act", N1, minutes(), "5.13", "a manager of the record");
    world.refuses("clerk", "record-act", N1, minutes(), "5.13", "a partner of the record");
    world.tell(N1, "custody.received", json!({"prison": "prison/LEI", "reason": "admission", "spell": "s"}));
    // Work beside the record is done by those who hold the nominal, before any partnership.
    let searched =
        |prison: &str| json!({"act": "visor.searched", "prison": prison, "spell": "s", "found": true});
    world.does("clerk", "record-act", N1, searched("prison/LEI"), &["visor.searched"]);
    world.refuses("clerk", "record-act", N1, searched("prison/BXI"), "5.9", "its own staff");
    world.tell(N1, "partners.added", json!({"org": "prison/LEI"}));
    let checked = json!({"act": "dataset.checked", "complete": true, "prison": "prison/LEI"});
    world.refuses("lead", "record-act", N1, checked.clone(), "5.9", "not tasked with updating");
    world.does("clerk", "record-act", N1, checked, &["dataset.checked"]);
    let act = world.streams[N1].facts().next_back().unwrap();
    assert_eq!(act.text(crate::catalogue::Field::By), Some("user/clerk"));
    assert_eq!(act.text(crate::catalogue::Field::Evidence), Some("attested"));
}

#[test]
fn an_error_of_ones_own_is_corrected_at_once_anothers_by_two_people() {
    let mut world = World::new();
    world.record(N1);
    world.does(
        "manager",
        "record-act",
        N1,
        json!({"act": "minutes.added", "meeting": "m1"}),
        &["minutes.added"],
    );
    let mine = world.streams[N1].facts().next_back().unwrap().clone();
    let error =
        |source: &str, id: &str| json!({"event": {"source": source, "id": id}, "reason": "wrong meeting"});
    world.refuses("manager", "state-in-error", N1, error("/t", "nothing"), "4.16", "not in the history");
    let mut anew = error(&mine.source, &mine.id);
    anew["instead"] = json!({"act": "minutes.added", "meeting": "m2"});
    world.does("manager", "state-in-error", N1, anew, &["fact.annulled", "minutes.added"]);
    let again = error(&mine.source, &mine.id);
    world.refuses("manager", "state-in-error", N1, again, "4.16", "no longer counts");
    // The record was created, so another source says.
    let theirs = world.streams[N1].facts().find(|fact| fact.kind.name() == "record.created").unwrap().clone();
    let theirs = || error(&theirs.source, &theirs.id);
    world.refuses("manager", "state-in-error", N1, theirs(), "4.16", "the CPC or deputy CPC");
    // What is stated instead waits for the second person as well.
    let mut anew = theirs();
    anew["instead"] = json!({"act": "minutes.added", "meeting": "m3"});
    world.does("cpc", "state-in-error", N1, anew, &["annulment.ordered"]);
    world.refuses("cpc", "state-in-error", N1, theirs(), "4.16", "it takes two people");
    world.does("central", "state-in-error", N1, theirs(), &["fact.annulled"]);
    world.refuses(
        "manager",
        "record-act",
        N1,
        json!({"act": "minutes.added", "meeting": "m"}),
        "4.16",
        "no live record",
    );
    world.tell("user/manager", "vetting.cleared", json!({"level": 3, "expires_on": "2030-01-01"}));
    let vetting = world.streams["user/manager"].facts().next_back().unwrap().clone();
    let vetting = || error(&vetting.source, &vetting.id);
    world.does("cpc", "state-in-error", "user/manager", vetting(), &["annulment.ordered"]);
    world.does("central", "state-in-error", "user/manager", vetting(), &["fact.annulled"]);
    assert_eq!(world.directory.standing("user/manager", world.now).vetting, 2);
}

#[test]
fn an_order_is_withdrawn_by_who_gave_it_or_by_another_and_then_waits_no_more() {
    let mut world = World::new();
    world.record(N1);
    let (ground, back) = (|| json!({"ground": "RRD-1"}), || json!({"reason": "the wrong person"}));
    world.refuses("cpc", "withdraw-order", N1, back(), "4.16", "no order");
    for who in ["cpc", "central"] {
        world.does("cpc", "order-erasure", N1, ground(), &["subject.order_given"]);
        world.does(who, "withdraw-order", N1, back(), &["fact.annulled"]);
        world.refuses("central", "confirm-order", N1, none(), "4.16", "no order");
    }
    // The next order takes two people as before.
    world.does("central", "order-restriction", N1, ground(), &["subject.order_given"]);
    world.refuses("central", "confirm-order", N1, none(), "4.16", "it takes two people");
    world.does("cpc", "confirm-order", N1, none(), &["subject.restricted"]);
}

#[test]
fn a_limit_or_an_end_of_before_something_later_is_refused_instead_of_changing_nothing() {
    let mut world = World::new();
    world.record(N1);
    world.now = at("2026-03-04T09:00:00Z");
    let limited = json!({"limited": true, "users": ["user/cpc", "user/manager"]});
    world.tell(N1, "record.access_limited", limited);
    let early = json!({"time": "2026-03-03T09:00:00Z"});
    world.refuses("cpc", "lift-access-limit", N1, early, "4.16", "something later says otherwise");
    world.does(
        "cpc",
        "lift-access-limit",
        N1,
        json!({"time": "2026-03-04T09:00:00Z"}),
        &["record.access_limited"],
    );
}
