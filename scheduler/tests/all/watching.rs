use mandate_domain::catalogue::FactType;
use mandate_scheduler::{Nodes, Schedules};
use mandate_store::{Claim, NewEvent, OnError};
use serde_json::json;

use crate::fixture::{World, at};

fn watched() -> World {
    let mut world = World::new();
    world.settings = world.settings.clone().with_schedules(Schedules { watch: true, ..Schedules::none() });
    world.restart();
    world
}

fn codes(world: &World, time: &str) -> Vec<&'static str> {
    let problems = world.scheduler().problems(at(time)).unwrap();
    assert!(problems.iter().all(|problem| !problem.remedy.is_empty() && problem.what.ends_with('.')));
    problems.iter().map(|problem| problem.code).collect()
}

#[test]
fn a_scheduler_that_comes_to_no_end_of_a_pass_is_noticed_after_five_minutes() {
    let world = World::new();
    world.pass_at("2026-03-02T09:00:00Z");
    assert_eq!(codes(&world, "2026-03-02T09:05:00Z"), [""; 0]);
    assert_eq!(codes(&world, "2026-03-02T09:05:01Z"), ["scheduler"]);
    world.pass_at("2026-03-02T09:06:00Z");
    assert_eq!(codes(&world, "2026-03-02T09:06:01Z"), [""; 0]);
}

#[test]
fn mail_that_does_not_leave_is_noticed_after_an_hour_and_told_once_a_day_when_it_can_be() {
    let mut world = watched();
    world.set("2026-03-02T09:00:00Z");
    world.nominal("N-1");
    world.block();
    world.pass_at("2026-03-08T00:00:00Z");
    assert_eq!(codes(&world, "2026-03-08T01:00:00Z"), ["scheduler"]);
    world.pass_at("2026-03-08T01:00:01Z");
    assert_eq!(codes(&world, "2026-03-08T01:00:01Z"), ["mail"]);
    world.pass_at("2026-03-08T01:30:00Z");
    world.unblock();
    world.pass_at("2026-03-08T03:00:00Z");
    assert_eq!(codes(&world, "2026-03-08T03:00:00Z"), [""; 0]);
    assert_eq!(world.subjects(), ["cpc@example.gov.uk: Breach: N-1, paragraph 4.10"]);
    let moot = "moot: all is well again".to_owned();
    let replies = world.texts(FactType::NoticeRejected, mandate_domain::catalogue::Field::Reply);
    assert_eq!(replies, [moot], "the mail about mail is not sent once mail goes again");
}

#[test]
fn mails_given_up_are_told_to_the_administrator() {
    let mut world = watched();
    world.set("2026-03-02T09:00:00Z");
    let data = json!({ "org": "area/A07", "role": "cpc", "service": "probation",
        "personal": { "email": "cpc@example.com" } });
    world.tell("user.registered", "user/U-cpc", &data);
    world.nominal("N-1");
    world.pass_at("2026-03-08T00:00:00Z");
    assert_eq!(codes(&world, "2026-03-08T00:01:00Z"), ["dead-letters"]);
    world.pass_at("2026-03-08T00:01:01Z");
    let lines = world.subjects();
    let told = "administrator@example.gov.uk: Mandate needs you: mails could not be delivered".to_owned();
    assert!(lines.contains(&told), "{lines:?}");
    world.pass_at("2026-03-08T00:05:00Z");
    assert_eq!(world.subjects().iter().filter(|line| **line == told).count(), 1);
    let mails = world.mails();
    let mail = mails.iter().find(|mail| mail.header("Subject").contains("needs you")).unwrap();
    insta::assert_snapshot!("operations", mail.decoded());
}

#[test]
fn a_feed_that_falls_silent_is_told_to_the_administrator_with_what_to_do() {
    let world = watched();
    for hour in 0..14 * 24 {
        world.clock.set(at("2026-03-02T00:00:00Z").plus_seconds(hour * 3600));
        let event = json!({ "specversion": "1.0", "id": format!("h{hour}"), "source": "/nomis", "type": "todo.checked",
            "subject": "prison/LEI", "time": "2026-03-02T00:00:00Z", "data": { "prison": "prison/LEI" } });
        let event = NewEvent::from_value(&event, Claim::Ignore).unwrap();
        world.store().append_blocking(vec![event], OnError::All).unwrap();
    }
    // The last word was on 15 March at 23:00; twice the usual hour has passed at 01:00.
    world.pass_at("2026-03-16T01:00:00Z");
    assert_eq!(world.subjects(), [""; 0]);
    world.pass_at("2026-03-16T01:01:01Z");
    assert_eq!(world.subjects(), ["administrator@example.gov.uk: Mandate needs you: feed /nomis silent"]);
}

#[test]
fn a_feed_is_known_by_its_own_pauses_however_much_others_tell_and_after_a_restart() {
    let mut world = watched();
    let tell = |world: &World, source: &str, ids: std::ops::Range<u32>| {
        let events = ids.map(|id| {
            let event = json!({ "specversion": "1.0", "id": format!("h{id}"), "source": source, "type": "todo.checked",
                "subject": "prison/LEI", "time": "2026-03-02T00:00:00Z", "data": { "prison": "prison/LEI" } });
            NewEvent::from_value(&event, Claim::Ignore).unwrap()
        });
        world.store().append_blocking(events.collect(), OnError::All).unwrap();
    };
    for day in 0..14 {
        world.clock.set(at("2026-03-02T00:00:00Z").plus_seconds(i64::from(day) * 24 * 3600));
        tell(&world, "/weekly", day..day + 1);
    }
    // The last word of the one was on 15 March at 00:00; then another tells very much.
    world.set("2026-03-15T00:00:01Z");
    for part in 0..5 {
        tell(&world, "/busy", part * 5_000..(part + 1) * 5_000);
    }
    world.restart_with_the_log_alone();
    world.pass_at("2026-03-17T00:00:00Z");
    assert_eq!(codes(&world, "2026-03-17T00:00:00Z"), [""; 0]);
    assert_eq!(codes(&world, "2026-03-17T00:00:01Z"), ["feed"]);
}

#[test]
fn a_notice_that_cannot_be_read_holds_up_none_behind_it_and_goes_once_it_can_be() {
    let mut world = watched();
    world.set("2026-03-02T09:00:00Z");
    for reference in ["N-1", "N-2"] {
        world.nominal(reference);
    }
    world.set("2026-03-08T00:00:00Z");
    world.scheduler().record_steps(at("2026-03-08T00:00:00Z")).unwrap();
    let breach = world.events(FactType::DutyBreached)[0].position;
    assert!(world.events(FactType::DutyBreached)[0].fact.subject.contains("N-1"));
    world.garble(breach, "garbled");
    world.pass_at("2026-03-08T00:00:00Z");
    assert_eq!(world.subjects(), ["cpc@example.gov.uk: Breach: N-2, paragraph 4.10"]);
    assert!(codes(&world, "2026-03-08T00:00:00Z").contains(&"notices"));
    world.garble(breach, "mended");
    world.pass_at("2026-03-08T00:59:59Z");
    let told = "cpc@example.gov.uk: Breach: N-1, paragraph 4.10".to_owned();
    assert!(!world.subjects().contains(&told), "looked at again after an hour");
    world.pass_at("2026-03-08T01:00:00Z");
    assert!(world.subjects().contains(&told), "{:?}", world.subjects());
    assert!(!codes(&world, "2026-03-08T01:00:00Z").contains(&"notices"));
}

#[test]
fn an_attempt_that_was_cut_short_is_recorded_as_ambiguous_and_sent_once_more() {
    let mut world = World::new();
    world.set("2026-03-02T09:00:00Z");
    world.nominal("N-1");
    world.pass_at("2026-03-08T00:00:00Z");
    let events = world.store().reader().read_after(mandate_store::Position::START, 10_000).unwrap().events;
    let attempted = events.iter().position(|event| event.fact.kind == FactType::NoticeAttempted).unwrap();
    let sent = world.mails();
    let copy = world.cut_after(attempted + 1);
    let report = copy.pass_at("2026-03-08T00:00:05Z").mails;
    assert_eq!((report.ambiguous, report.accepted), (1, 1));
    assert_eq!(copy.mails(), sent, "the same bytes under the same Message-ID");
    assert_eq!(
        copy.texts(FactType::NoticeAmbiguous, mandate_domain::catalogue::Field::Reply),
        ["the program ended before the answer was known"]
    );
    // Cut short a second time: it is not sent a third time, and the administrator is told.
    let events = copy.store().reader().read_after(mandate_store::Position::START, 10_000).unwrap().events;
    let again = events.iter().rposition(|event| event.fact.kind == FactType::NoticeAttempted).unwrap();
    let twice = copy.cut_after(again + 1);
    let report = twice.pass_at("2026-03-08T00:00:10Z").mails;
    assert_eq!((report.ambiguous, report.rejected, report.accepted), (1, 1, 1));
    assert_eq!(twice.subjects(), ["administrator@example.gov.uk: Breach: N-1, paragraph 4.10"]);
}

#[test]
fn where_several_nodes_send_an_attempt_of_another_is_left_alone_for_ten_minutes() {
    let mut world = World::new();
    world.set("2026-03-02T09:00:00Z");
    world.nominal("N-1");
    world.pass_at("2026-03-08T00:00:00Z");
    let events = world.store().reader().read_after(mandate_store::Position::START, 10_000).unwrap().events;
    let attempted = events.iter().position(|event| event.fact.kind == FactType::NoticeAttempted).unwrap();
    let mut copy = world.cut_after(attempted + 1);
    copy.settings = copy.settings.clone().with_nodes(Nodes::Several);
    copy.restart();
    let report = copy.pass_at("2026-03-08T00:09:59Z").mails;
    assert_eq!((report.ambiguous, report.accepted), (0, 0));
    assert_eq!(report.next_at, Some(at("2026-03-08T00:10:00Z")));
    let report = copy.pass_at("2026-03-08T00:10:00Z").mails;
    assert_eq!((report.ambiguous, report.accepted), (1, 1));
}

#[test]
fn no_more_mails_leave_in_a_minute_than_are_allowed() {
    let mut world = World::new();
    world.settings = world.settings.clone().with_rate(2);
    world.restart();
    world.set("2026-03-02T09:00:00Z");
    for number in 1..=5 {
        world.nominal(&format!("N-{number}"));
    }
    let report = world.pass_at("2026-03-08T00:00:00Z").mails;
    assert_eq!((report.accepted, report.more), (2, false));
    assert_eq!(report.next_at, Some(at("2026-03-08T00:01:00Z")));
    assert_eq!(world.pass_at("2026-03-08T00:00:59Z").mails.accepted, 0);
    assert_eq!(world.pass_at("2026-03-08T00:01:00Z").mails.accepted, 2);
    assert_eq!(world.pass_at("2026-03-08T00:02:00Z").mails.accepted, 1);
}

#[test]
fn what_cannot_be_delivered_goes_to_the_deputy() {
    let mut world = World::new();
    world.set("2026-03-02T09:00:00Z");
    let data = json!({ "org": "area/A07", "role": "cpc", "service": "probation",
        "personal": { "email": "cpc@example.com" } });
    world.tell("user.registered", "user/U-cpc", &data);
    world.person("user/U-deputy", "area/A07");
    world.tell("post.filled", "area/A07", &json!({ "post": "deputy-cpc", "user": "user/U-deputy" }));
    world.nominal("N-1");
    world.pass_at("2026-03-08T00:00:00Z");
    assert_eq!(world.subjects(), ["deputy@example.gov.uk: Breach: N-1, paragraph 4.10"]);
}

#[test]
fn the_outbox_keeps_nothing_of_what_is_settled() {
    let mut world = World::new();
    let outbox = world.folder.join("outbox");
    world.settings = world.settings.clone().with_outbox(&outbox);
    world.restart();
    world.set("2026-03-02T09:00:00Z");
    world.nominal("N-1");
    world.block();
    world.pass_at("2026-03-08T00:00:00Z");
    assert_eq!(std::fs::read_dir(&outbox).unwrap().count(), 1, "kept while it waits");
    world.unblock();
    world.pass_at("2026-03-08T00:01:00Z");
    assert_eq!(world.mails().len(), 1);
    assert_eq!(std::fs::read_dir(&outbox).unwrap().count(), 0);
}

/// A log that signs checkpoints.
fn signing() -> World {
    let mut world = World::new();
    let key = world.folder.join("keys").join("signing");
    mandate_store::create_signing_key(&key, "mandate.example/log").unwrap();
    world.restart();
    world
}

#[test]
fn each_mail_carries_the_latest_checkpoint_before_it() {
    let mut world = signing();
    world.set("2026-03-02T09:00:00Z");
    world.nominal("N-1");
    let signed = world.store().checkpoint().unwrap().unwrap();
    let root = signed.note.lines().nth(2).unwrap();
    world.pass_at("2026-03-08T00:00:00Z");
    let text = world.mails()[0].decoded();
    let line = format!("Latest checkpoint: {} events, root {root}", signed.size);
    assert_eq!(text.matches(&line).count(), 2, "in both parts: {text}");
}

#[test]
fn a_checkpoint_that_is_not_signed_within_five_minutes_is_noticed() {
    let mut world = signing();
    world.pass_at("2026-03-02T08:59:00Z");
    world.store().checkpoint().unwrap();
    world.set("2026-03-02T09:00:00Z");
    world.nominal("N-1");
    world.pass_at("2026-03-02T09:04:00Z");
    assert_eq!(codes(&world, "2026-03-02T09:05:00Z"), [""; 0]);
    assert_eq!(codes(&world, "2026-03-02T09:05:01Z"), ["checkpoint"]);
    world.store().checkpoint().unwrap();
    assert_eq!(codes(&world, "2026-03-02T09:05:02Z"), [""; 0]);
}
