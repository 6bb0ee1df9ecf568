use serde_json::json;

use crate::fixture::{World, at};

/// A record of area A07, and a user of another area who looks.
fn opened(world: &mut World, reference: &str) {
    let data =
        json!({ "user": "user/U-lead", "org": "prison/LEI", "partnered": false, "reason": "transfer" });
    world.tell("record.accessed", &format!("nominal/{reference}"), &data);
}

#[test]
fn the_owners_cpc_is_told_once_each_time_somebody_outside_the_partnership_opens_a_record() {
    let mut world = World::new();
    world.set("2026-03-02T09:00:00Z");
    opened(&mut world, "N-OLD");
    world.pass_at("2026-03-02T09:00:30Z");
    let told = "cpc@example.gov.uk: Record opened by a non-partner: N-OLD";
    assert_eq!(world.subjects(), [told]);
    world.restart_with_the_log_alone();
    world.pass_at("2026-03-02T09:01:00Z");
    assert_eq!(world.subjects(), [told]);
    world.set("2026-03-02T10:00:00Z");
    opened(&mut world, "N-OLD");
    world.pass_at("2026-03-02T10:00:30Z");
    assert_eq!(world.subjects(), [told, told]);
    let text = world.mails()[0].decoded();
    insta::assert_snapshot!("opened", text);
    assert!(text.contains("Opened by somebody of: prison LEI"), "{text}");
    assert!(!text.contains("U-lead") && !text.contains("transfer"), "neither who nor why: {text}");
}

#[test]
fn a_partner_who_opens_a_record_is_no_news() {
    let mut world = World::new();
    world.set("2026-03-02T09:00:00Z");
    let data = json!({ "user": "user/U-cpc", "org": "area/A07", "partnered": true });
    world.tell("record.accessed", "nominal/N-OLD", &data);
    world.pass_at("2026-03-02T09:00:30Z");
    assert_eq!(world.subjects(), [""; 0]);
}

#[test]
fn more_than_five_at_once_become_one_mail() {
    for (count, mails) in [(5, 5), (6, 1)] {
        let mut world = World::new();
        world.set("2026-03-02T09:00:00Z");
        for _ in 0..count {
            opened(&mut world, "N-OLD");
        }
        world.pass_at("2026-03-02T09:00:30Z");
        assert_eq!(world.mails().len(), mails, "{count}");
    }
}

#[test]
fn what_is_told_long_after_it_happened_is_not_mailed() {
    let mut world = World::new();
    world.set("2026-03-02T09:00:00Z");
    let data = json!({ "user": "user/U-lead", "org": "prison/LEI", "partnered": false });
    world.tell_at(at("2026-02-20T09:00:00Z"), "record.accessed", "nominal/N-OLD", &data);
    world.pass_at("2026-03-02T09:00:30Z");
    assert_eq!(world.subjects(), [""; 0]);
}

#[test]
fn a_request_for_partnership_goes_to_requester_and_owner_unless_it_was_answered() {
    let mut world = World::new();
    world.set("2026-03-02T09:00:00Z");
    let request = json!({ "request": "r1", "org": "prison/LEI" });
    world.tell("partnership.requested", "nominal/N-OLD", &request);
    world.pass_at("2026-03-02T09:00:30Z");
    let told: Vec<_> = ["cpc", "gcpc", "lead"]
        .map(|who| format!("{who}@example.gov.uk: Partnership requested: N-OLD"))
        .into();
    let mut subjects = world.subjects();
    subjects.sort_unstable();
    assert_eq!(subjects, told);
    insta::assert_snapshot!("partnership", world.mails()[0].decoded());
}

#[test]
fn a_transfer_tells_both_areas_what_is_open_and_how_many_days_are_left() {
    let mut world = World::new();
    world.tell("organisation.enrolled", "area/A08", &json!({}));
    world.person("user/U-other", "area/A08");
    world.tell("post.filled", "area/A08", &json!({ "post": "cpc", "user": "user/U-other" }));
    world.set("2026-03-02T09:00:00Z");
    world.nominal("N-1");
    world.set("2026-03-03T09:00:00Z");
    world.tell("transfer.requested", "nominal/N-1", &json!({ "request": "t1", "to": "area/A08" }));
    world.pass_at("2026-03-03T09:00:30Z");
    assert_eq!(
        world.subjects(),
        [
            "cpc@example.gov.uk: Transfer requested: N-1, to area A08",
            "other@example.gov.uk: Transfer requested: N-1, to area A08",
        ]
    );
    let text = world.mails()[0].decoded();
    insta::assert_snapshot!("transfer", text);
    assert!(text.contains("paragraph 4.10: due Saturday 7 March 2026, 4 days left"), "{text}");
}
