//! Merges: one history under the survivor, for commands, rights, limits and orders.

use serde_json::{Value as Json, json};

use super::World;
use super::nominals::{N1, none, seen};
use crate::rights::Denial;

const N2: &str = "nominal/N2";

/// A record of area A1 under the duplicate, which was merged into N1.
fn merged() -> World {
    let mut world = World::new();
    world.nominal(N1);
    world.record(N2);
    world.tell(N2, "nominal.merged", json!({"into": N1}));
    world
}

#[test]
fn what_is_known_of_a_duplicate_counts_for_the_survivor() {
    let mut world = merged();
    let owner = || json!({"owner": "area/A1"});
    world.refuses("manager", "create-record", N1, owner(), "4.9", "a record already");
    world.refuses("manager", "create-record", N2, owner(), "4.16", "merged into `nominal/N1`");
    world.tell(N2, "partners.added", json!({"org": "area/A2"}));
    assert_eq!(seen(&world, "outsider"), Ok(()));
    let copied =
        json!({"assessment": "a", "sections": ["R10", "R11"], "termination": true, "by": "user/supervisor"});
    world.tell(N2, "oasys.copied", copied);
    world.refuses("supervisor", "sign-off-assessment", N1, json!({"assessment": "a"}), "7", "who copied");
    world.does("cpc", "archive-record", N1, none(), &["record.archived"]);
}

#[test]
fn a_limit_on_either_of_two_that_were_merged_counts_for_both_and_is_lifted_for_both() {
    let mut world = merged();
    let limited = |users: &[&str]| json!({"limited": true, "users": users});
    world.tell(N2, "record.access_limited", limited(&["user/cpc", "user/manager"]));
    assert_eq!(seen(&world, "central"), Err(Denial::Hidden));
    for nominal in [N1, N2] {
        world.hides("central", "open-record", nominal, json!({"reason": "x"}));
    }
    assert_eq!(seen(&world, "manager"), Ok(()));
    world.does("cpc", "lift-access-limit", N1, none(), &["record.access_limited"]);
    assert_eq!(seen(&world, "central"), Ok(()));
    // Limited each to others before they were merged: only who is on both lists sees them.
    let mut world = World::new();
    world.record(N1);
    world.record(N2);
    world.tell(N1, "record.access_limited", limited(&["user/cpc", "user/manager"]));
    world.tell(N2, "record.access_limited", limited(&["user/cpc", "user/central"]));
    world.tell(N2, "nominal.merged", json!({"into": N1}));
    assert_eq!(seen(&world, "cpc"), Ok(()));
    for who in ["manager", "central"] {
        assert_eq!(seen(&world, who), Err(Denial::Hidden), "{who}");
    }
}

#[test]
fn a_merge_that_was_annulled_no_longer_counts() {
    let mut world = merged();
    let merge = world.last_told();
    world.tell(N2, "nominal.merged", json!({"into": "nominal/N3"}));
    let annul = |event: Json| json!({"event": event, "reason": "not the same person"});
    let second = world.last_told();
    world.tell(N2, "fact.annulled", annul(second));
    world.tell(N2, "fact.annulled", annul(merge));
    world.does("manager", "create-record", N1, json!({"owner": "area/A1"}), &["record.created"]);
    let act = json!({"act": "minutes.added", "meeting": "m"});
    world.does("manager", "record-act", N2, act, &["minutes.added"]);
}

#[test]
fn an_order_about_a_survivor_is_carried_out_on_its_duplicates() {
    let mut world = merged();
    world.tell("nominal/N3", "nominal.merged", json!({"into": N2}));
    world.does("cpc", "order-erasure", N1, json!({"ground": "RRD-1"}), &["subject.order_given"]);
    world.does("central", "confirm-order", N1, none(), &["subject.erased"; 3]);
    for nominal in [N1, N2, "nominal/N3"] {
        let last = world.streams[nominal].facts().next_back().unwrap();
        assert_eq!(last.kind.name(), "subject.erased", "{nominal}");
    }
}

#[test]
fn two_of_whom_one_is_restricted_or_erased_are_merged_when_the_other_is_as_well() {
    for (name, kind) in [("order-restriction", "subject.restricted"), ("order-erasure", "subject.erased")] {
        let mut world = World::new();
        world.record(N1);
        world.record(N2);
        let order = |world: &mut World, nominal: &str| {
            world.does("cpc", name, nominal, json!({"ground": "RRD-1"}), &["subject.order_given"]);
            world.does("central", "confirm-order", nominal, none(), &[kind]);
        };
        order(&mut world, N1);
        let into = json!({"into": N1});
        world.refuses("cpc", "merge-nominals", N2, into.clone(), "4.16", "erased or restricted");
        order(&mut world, N2);
        world.does("cpc", "merge-nominals", N2, into, &["nominal.merged"]);
    }
}
