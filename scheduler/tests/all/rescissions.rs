use mandate_domain::catalogue::{FactType, Field};
use serde_json::json;

use crate::fixture::{World, at};

fn breached() -> World {
    let mut world = World::new();
    world.set("2026-03-02T09:00:00Z");
    world.nominal("N-7F3K29QX");
    world.pass_at("2026-03-08T00:00:00Z");
    world
}

fn record_created_on(world: &mut World, reference: &str, time: &str) {
    let subject = format!("nominal/{reference}");
    world.tell_at(at(time), "record.created", &subject, &json!({ "owner": "area/A07" }));
}

#[test]
fn a_fact_recorded_late_rescinds_the_breach_once_with_a_mail_in_the_same_thread_to_the_same_people() {
    let mut world = breached();
    let breach = world.mails().into_iter().find(|mail| mail.header("Subject").starts_with("Breach")).unwrap();
    assert_eq!(breach.header("Subject"), "Breach: N-7F3K29QX, paragraph 4.10");
    // The post changes hands: the mail goes to those who were told, not to those who would be now.
    world.set("2026-03-09T08:00:00Z");
    world.tell("post.vacated", "area/A07", &json!({ "post": "cpc", "user": "user/U-cpc" }));
    world.tell("post.filled", "area/A07", &json!({ "post": "cpc", "user": "user/U-gcpc" }));
    record_created_on(&mut world, "N-7F3K29QX", "2026-03-06T12:00:00Z");
    let report = world.pass_at("2026-03-09T08:00:00Z");
    assert_eq!((report.steps.rescinded, report.steps.raised), (1, 0));
    let event = &world.events(FactType::BreachRescinded)[0].fact;
    assert_eq!(event.text(Field::Because), Some("recorded_late"));
    assert_eq!(event.text(Field::OutcomeNow), Some("met"));
    let mails = world.mails();
    let withdrawn: Vec<_> =
        mails.iter().filter(|mail| mail.header("Subject").starts_with("Withdrawn")).collect();
    let [withdrawn] = withdrawn.as_slice() else { panic!("{:?}", world.subjects()) };
    assert_eq!(withdrawn.header("Subject"), "Withdrawn: N-7F3K29QX, paragraph 4.10");
    assert_eq!(withdrawn.header("To"), breach.header("To"));
    assert_eq!(withdrawn.header("In-Reply-To"), breach.header("Message-ID"));
    assert_eq!(withdrawn.header("References"), breach.header("Message-ID"));
    world.restart_with_the_log_alone();
    let again = world.pass_at("2026-03-10T08:00:00Z");
    assert_eq!((again.steps.rescinded, again.steps.queued, world.mails().len()), (0, 0, mails.len()));
}

#[test]
fn a_breach_that_comes_back_is_raised_again_under_the_next_generation() {
    let mut world = breached();
    world.set("2026-03-09T08:00:00Z");
    let told = world.tell_at(
        at("2026-03-06T12:00:00Z"),
        "record.created",
        "nominal/N-7F3K29QX",
        &json!({ "owner": "area/A07" }),
    );
    world.pass_at("2026-03-09T08:00:00Z");
    world.set("2026-03-09T09:00:00Z");
    let event = json!({ "event": { "source": "/t", "id": told }, "reason": "another person" });
    world.tell("fact.annulled", "nominal/N-7F3K29QX", &event);
    let report = world.pass_at("2026-03-09T09:00:00Z");
    assert_eq!(report.steps.raised, 1);
    let generations: Vec<_> = world
        .events(FactType::DutyBreached)
        .iter()
        .map(|event| event.fact.get(Field::Generation).cloned())
        .collect();
    assert_eq!(generations.len(), 2);
    assert_ne!(generations[0], generations[1]);
}

#[test]
fn a_breach_rescinded_before_its_mail_went_is_neither_mailed_nor_withdrawn_by_mail() {
    let mut world = World::new();
    world.set("2026-03-02T09:00:00Z");
    world.nominal("N-7F3K29QX");
    world.pass_at("2026-03-06T12:00:00Z");
    let before = world.mails();
    // The folder cannot be written, so that the notice waits.
    let (folder, away) = (world.mail_folder().to_owned(), world.folder.join("away"));
    std::fs::rename(&folder, &away).unwrap();
    std::fs::write(&folder, "").unwrap();
    let report = world.pass_at("2026-03-08T00:00:00Z");
    assert_eq!((report.steps.raised, report.mails.deferred), (1, 1));
    std::fs::remove_file(&folder).unwrap();
    std::fs::rename(&away, &folder).unwrap();
    world.set("2026-03-08T00:05:00Z");
    record_created_on(&mut world, "N-7F3K29QX", "2026-03-06T12:00:00Z");
    let report = world.pass_at("2026-03-08T00:05:00Z");
    assert_eq!((report.steps.rescinded, report.mails.accepted, report.mails.rejected), (1, 0, 2));
    assert_eq!(world.mails(), before);
    let replies = world.texts(FactType::NoticeRejected, Field::Reply);
    assert_eq!(replies, ["moot: rescinded before sending", "moot: the mail about the breach was never sent"]);
}

#[test]
fn a_list_of_breaches_leaves_out_what_was_rescinded_and_its_withdrawal_tells_of_the_others_only() {
    let mut world = World::new();
    world.set("2026-03-02T09:00:00Z");
    for number in 0..7 {
        world.nominal(&format!("N-{number}"));
    }
    let (folder, away) = (world.mail_folder().to_owned(), world.folder.join("away"));
    world.pass_at("2026-03-06T12:00:00Z");
    std::fs::rename(&folder, &away).unwrap();
    std::fs::write(&folder, "").unwrap();
    world.pass_at("2026-03-08T00:00:00Z");
    std::fs::remove_file(&folder).unwrap();
    std::fs::rename(&away, &folder).unwrap();
    world.set("2026-03-08T00:05:00Z");
    record_created_on(&mut world, "N-0", "2026-03-06T12:00:00Z");
    world.pass_at("2026-03-08T00:05:00Z");
    world.set("2026-03-08T00:06:00Z");
    record_created_on(&mut world, "N-1", "2026-03-06T12:00:00Z");
    world.pass_at("2026-03-08T00:06:00Z");
    let subjects: Vec<_> = world.mails().iter().map(|mail| mail.header("Subject")).collect();
    assert!(subjects.contains(&"6 breaches in area A07".to_owned()), "{subjects:?}");
    let withdrawn: Vec<_> = subjects.iter().filter(|subject| subject.starts_with("Withdrawn")).collect();
    assert_eq!(withdrawn, ["Withdrawn: N-1, paragraph 4.10"]);
}
