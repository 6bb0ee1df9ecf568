use mandate_domain::catalogue::{FactType, Field};
use mandate_store::{Claim, NewEvent, OnError};
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
fn what_is_told_long_after_it_happened_is_mailed_all_the_same_in_one_mail() {
    let mut world = World::new();
    world.set("2026-03-02T09:00:00Z");
    let data = json!({ "user": "user/U-lead", "org": "prison/LEI", "partnered": false });
    // A day and a second ago, and ten days ago; exactly a day ago is news.
    for time in ["2026-03-01T08:59:59Z", "2026-02-20T09:00:00Z", "2026-03-01T09:00:00Z"] {
        world.tell_at(at(time), "record.accessed", "nominal/N-OLD", &data);
    }
    let request = json!({ "request": "r1", "to": "area/A07" });
    world.tell_at(at("2026-02-20T09:00:00Z"), "transfer.requested", "nominal/N-OLD", &request);
    world.pass_at("2026-03-02T09:00:30Z");
    let mut subjects = world.subjects();
    subjects.sort_unstable();
    assert_eq!(
        subjects,
        [
            "cpc@example.gov.uk: 2 records opened by non-partners",
            "cpc@example.gov.uk: Record opened by a non-partner: N-OLD",
            "cpc@example.gov.uk: Transfer requested: N-OLD, to area A07",
        ]
    );
}

#[test]
fn of_an_import_only_what_was_recorded_elsewhere_of_late_is_mailed() {
    for (claimed, mails) in [("2026-02-20T09:00:00Z", 0), ("2026-03-01T09:00:00Z", 1)] {
        let world = World::new();
        world.set("2026-03-02T09:00:00Z");
        let event = json!({
            "specversion": "1.0", "id": "i1", "source": "/t", "type": "record.accessed", "subject": "nominal/N-OLD",
            "time": "2026-02-20T09:00:00Z", "recordedtime": claimed,
            "data": { "user": "user/U-lead", "org": "prison/LEI", "partnered": false },
        });
        let event = NewEvent::from_value(&event, Claim::Accept).unwrap();
        world.store().append_blocking(vec![event], OnError::All).unwrap();
        world.pass_at("2026-03-02T09:00:30Z");
        assert_eq!(world.mails().len(), mails, "{claimed}");
    }
}

#[test]
fn more_acts_than_anybody_reads_are_counted_and_the_first_hundred_listed() {
    let mut world = World::new();
    world.set("2026-03-02T09:00:00Z");
    for _ in 0..103 {
        opened(&mut world, "N-OLD");
    }
    world.pass_at("2026-03-02T09:00:30Z");
    assert_eq!(world.subjects(), ["cpc@example.gov.uk: 103 records opened by non-partners"]);
    let text = world.mails()[0].decoded();
    assert!(text.contains("\nAnd 3 more.\n") && text.contains("<p>And 3 more.</p>"), "{text}");
}

#[test]
fn the_cpc_of_the_area_that_owns_the_record_is_told_and_not_the_one_of_the_area_of_the_case() {
    let mut world = World::new();
    world.tell("organisation.enrolled", "area/A08", &json!({}));
    world.person("user/U-other", "area/A08");
    world.tell("post.filled", "area/A08", &json!({ "post": "cpc", "user": "user/U-other" }));
    world.set("2026-03-02T09:00:00Z");
    world.nominal("N-1");
    world.tell("record.created", "nominal/N-1", &json!({ "owner": "area/A08" }));
    opened(&mut world, "N-1");
    world.pass_at("2026-03-02T09:00:30Z");
    assert_eq!(world.subjects(), ["other@example.gov.uk: Record opened by a non-partner: N-1"]);
}

/// A07 and A08 with their CPCs; the mail about what is told on 3 March at nine waits, since it cannot leave.
fn waiting(tell: impl FnOnce(&mut World) -> String) -> (World, String) {
    let mut world = World::new();
    world.tell("organisation.enrolled", "area/A08", &json!({}));
    world.person("user/U-other", "area/A08");
    world.tell("post.filled", "area/A08", &json!({ "post": "cpc", "user": "user/U-other" }));
    world.set("2026-03-03T09:00:00Z");
    let told = tell(&mut world);
    world.block();
    world.pass_at("2026-03-03T09:00:30Z");
    world.unblock();
    world.set("2026-03-03T09:05:00Z");
    (world, told)
}

fn transfer(world: &mut World) -> String {
    world.tell("transfer.requested", "nominal/N-OLD", &json!({ "request": "t1", "to": "area/A08" }))
}

fn look(world: &mut World) -> String {
    opened(world, "N-OLD");
    world.events(FactType::RecordAccessed).last().unwrap().fact.id.to_string()
}

#[test]
fn a_transfer_that_was_answered_before_its_mail_went_is_not_mailed() {
    for (answer, data, mails) in [
        ("transfer.accepted", json!({ "request": "t1" }), 0),
        ("transfer.refused", json!({ "request": "t1", "reason": "no" }), 0),
        ("transfer.accepted", json!({ "request": "another" }), 2),
    ] {
        let (mut world, _) = waiting(transfer);
        world.tell(answer, "nominal/N-OLD", &data);
        world.pass_at("2026-03-03T09:05:00Z");
        assert_eq!(world.mails().len(), mails, "{answer} {data}");
    }
}

#[test]
fn an_answer_that_was_stated_in_error_is_none() {
    let (mut world, _) = waiting(transfer);
    let id = world.tell("transfer.accepted", "nominal/N-OLD", &json!({ "request": "t1" }));
    let annulment = json!({ "event": { "source": "/t", "id": id }, "reason": "another record" });
    world.tell("fact.annulled", "nominal/N-OLD", &annulment);
    world.pass_at("2026-03-03T09:05:00Z");
    assert_eq!(world.mails().len(), 2);
}

#[test]
fn an_opening_or_a_transfer_that_was_stated_in_error_is_not_mailed_unless_that_was_the_error() {
    for tell in [look as fn(&mut World) -> String, transfer] {
        let (mut world, id) = waiting(tell);
        let annulment = json!({ "event": { "source": "/t", "id": id }, "reason": "another record" });
        let first = world.tell("fact.annulled", "nominal/N-OLD", &annulment);
        world.pass_at("2026-03-03T09:05:00Z");
        assert_eq!(world.subjects(), [""; 0]);
        assert!(
            world
                .texts(FactType::NoticeRejected, Field::Reply)
                .contains(&"moot: answered, refused or stated in error before sending".to_owned())
        );

        let (mut world, id) = waiting(tell);
        let annulment = json!({ "event": { "source": "/t", "id": id }, "reason": "another record" });
        assert_eq!(world.tell("fact.annulled", "nominal/N-OLD", &annulment), first);
        let annulment = json!({ "event": { "source": "/t", "id": first }, "reason": "it was right" });
        world.tell("fact.annulled", "nominal/N-OLD", &annulment);
        world.pass_at("2026-03-03T09:05:00Z");
        assert!(!world.subjects().is_empty());
    }
}

#[test]
fn a_request_about_a_record_of_the_police_that_was_answered_before_its_mail_went_is_not_mailed() {
    for (answer, mails) in [("partners.added", 0), ("partnership.refused", 0), ("", 2)] {
        let (mut world, _) = waiting(|world| {
            world.tell("record.created", "nominal/N-9", &json!({ "owner": "police/essex" }));
            let request = json!({ "request": "r1", "org": "prison/LEI" });
            world.tell("partnership.requested", "nominal/N-9", &request)
        });
        if !answer.is_empty() {
            let data = json!({ "request": "r1", "org": "prison/LEI", "reason": "no" });
            world.tell(answer, "nominal/N-9", &data);
        }
        world.pass_at("2026-03-03T09:05:00Z");
        let asked = world.subjects().iter().filter(|line| line.contains("Partnership requested")).count();
        // To the ViSOR lead and the CPC of the group; nobody answers for a record of the police but the fallback.
        assert_eq!(asked.min(2), mails, "{answer}");
    }
}

#[test]
fn who_left_before_the_mail_about_an_opening_or_a_transfer_went_is_not_told_and_the_present_holder_is() {
    for tell in [look as fn(&mut World) -> String, transfer] {
        let (mut world, _) = waiting(tell);
        world.tell("user.left_role", "user/U-cpc", &json!({}));
        world.tell("post.filled", "area/A07", &json!({ "post": "cpc", "user": "user/U-lpc" }));
        world.pass_at("2026-03-03T09:05:00Z");
        let subjects = world.subjects();
        assert!(subjects.iter().all(|line| !line.starts_with("cpc@")), "{subjects:?}");
        assert_eq!(subjects.iter().filter(|line| line.starts_with("lpc@")).count(), 1, "{subjects:?}");
    }
}

#[test]
fn who_is_told_of_a_transfer_already_is_not_told_again_in_place_of_one_who_left() {
    let mut world = World::new();
    world.person("user/U-second", "area/A07");
    for user in ["user/U-cpc", "user/U-second"] {
        world.tell("post.filled", "area/A07", &json!({ "post": "cpc", "user": user }));
    }
    world.set("2026-03-03T09:00:00Z");
    look(&mut world);
    world.block();
    world.pass_at("2026-03-03T09:00:30Z");
    world.unblock();
    world.set("2026-03-03T09:05:00Z");
    world.tell("post.vacated", "area/A07", &json!({ "post": "cpc", "user": "user/U-cpc" }));
    world.pass_at("2026-03-03T09:05:00Z");
    assert_eq!(world.subjects(), ["second@example.gov.uk: Record opened by a non-partner: N-OLD"]);
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
