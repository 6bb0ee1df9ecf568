use mandate_domain::catalogue::FactType;
use serde_json::json;

use crate::fixture::{World, at};

/// The CPC of A07 wants no mail from seven in the evening to seven in the morning.
fn quiet_nights() -> World {
    let mut world = World::new();
    let quiet = json!({ "quiet_from": "19:00", "quiet_until": "07:00" });
    world.tell("preferences.set", "user/U-cpc", &quiet);
    world.set("2026-03-02T09:00:00Z");
    world.nominal("N-1");
    world
}

fn breaches(world: &World) -> Vec<String> {
    world.subjects().into_iter().filter(|line| line.contains("Breach")).collect()
}

#[test]
fn mail_waits_for_the_morning_of_who_wants_quiet_nights() {
    let world = quiet_nights();
    let report = world.pass_at("2026-03-08T00:00:00Z");
    assert_eq!(report.steps.raised, 1, "the breach itself waits for nobody");
    assert_eq!(breaches(&world), [""; 0]);
    assert_eq!(report.mails.next_at.unwrap().to_string(), "2026-03-08T07:00:00Z");
    world.pass_at("2026-03-08T06:59:59Z");
    assert_eq!(breaches(&world), [""; 0]);
    world.pass_at("2026-03-08T07:00:00Z");
    assert_eq!(breaches(&world), ["cpc@example.gov.uk: Breach: N-1, paragraph 4.10"]);
}

#[test]
fn mail_of_the_day_goes_at_once() {
    let mut world = quiet_nights();
    world.tell("preferences.set", "user/U-cpc", &json!({ "quiet_from": "00:30", "quiet_until": "07:00" }));
    world.pass_at("2026-03-08T00:00:00Z");
    assert_eq!(breaches(&world).len(), 1, "quiet begins half an hour later");
}

#[test]
fn what_was_rescinded_in_the_night_is_not_mailed_in_the_morning() {
    let mut world = quiet_nights();
    world.pass_at("2026-03-08T00:00:00Z");
    world.set("2026-03-08T02:00:00Z");
    let data = json!({ "owner": "area/A07" });
    world.tell_at(at("2026-03-06T12:00:00Z"), "record.created", "nominal/N-1", &data);
    world.pass_at("2026-03-08T02:00:00Z");
    world.pass_at("2026-03-08T07:00:00Z");
    assert_eq!(breaches(&world), [""; 0]);
    assert_eq!(world.events(FactType::NoticeRejected).len(), 2, "the breach and its withdrawal are moot");
}

#[test]
fn imminent_risk_waits_for_no_morning() {
    let mut world = World::empty();
    world.tell("organisation.enrolled", "area/A07", &json!({}));
    world.person("user/U-cpc", "area/A07");
    world.tell("post.filled", "area/A07", &json!({ "post": "cpc", "user": "user/U-cpc" }));
    world.tell("preferences.set", "user/U-cpc", &json!({ "quiet_from": "19:00", "quiet_until": "07:00" }));
    world.set("2026-03-02T09:00:00Z");
    world.nominal("N-1");
    // Evidence that area A07 tells of imminent risk at all.
    let told = json!({ "contact": "c0", "to": "line-manager" });
    world.tell("imminent_risk.told", "nominal/N-1", &told);
    world.set("2026-03-03T23:00:00Z");
    world.tell("contact.flagged", "nominal/N-1", &json!({ "contact": "c1", "priority": true }));
    world.pass_at("2026-03-03T23:00:10Z");
    assert_eq!(breaches(&world), ["cpc@example.gov.uk: Breach: N-1, paragraph 4.36"]);
}

#[test]
fn quiet_that_was_asked_for_a_moment_ago_is_kept() {
    let mut world = World::new();
    world.set("2026-03-02T09:00:00Z");
    world.nominal("N-1");
    let now = at("2026-03-08T00:00:00Z");
    world.clock.set(now);
    world.scheduler().record_steps(now).unwrap();
    // After the breach was raised and before its mail went; the read models have not seen it yet.
    world.tell("preferences.set", "user/U-cpc", &json!({ "quiet_from": "19:00", "quiet_until": "07:00" }));
    let report = world.scheduler().send_mails(now).unwrap();
    assert_eq!((report.accepted, report.next_at), (0, Some(at("2026-03-08T07:00:00Z"))));
}

#[test]
fn of_a_mail_that_waits_for_the_morning_the_log_is_not_read_before() {
    let world = quiet_nights();
    let now = at("2026-03-08T00:00:00Z");
    world.clock.set(now);
    world.scheduler().record_steps(now).unwrap();
    // Its stream cannot be read: that is found when it is.
    world.garble(world.events(FactType::DutyBreached)[0].position, "garbled");
    let unwritten = |time: &str| {
        world.clock.set(at(time));
        world.scheduler().send_mails(at(time)).unwrap();
        let problems = world.scheduler().problems(at(time)).unwrap();
        problems.iter().any(|problem| problem.code == "notices")
    };
    assert!(!unwritten("2026-03-08T00:00:00Z"));
    assert!(!unwritten("2026-03-08T06:59:59Z"));
    assert!(unwritten("2026-03-08T07:00:00Z"));
}
