//! A record limited to some: for others it does not exist, in no mail and in no calendar (spec 4.3).

use mandate_scheduler::{Schedules, open_duties_of};
use serde_json::json;

use crate::fixture::{World, at};

fn usual() -> Schedules {
    Schedules { watch: false, ..Schedules::usual().unwrap() }
}

/// N-1 and N-2 of area A07 are due on Saturday 21 November 2026; N-2 is limited to the LPC of unit A07-1, who has its
/// case.
fn limited(schedules: Schedules) -> World {
    let mut world = World::new();
    world.settings = world.settings.clone().with_schedules(schedules);
    world.restart();
    world.set("2026-11-16T09:00:00Z");
    for reference in ["N-1", "N-2"] {
        world.nominal(reference);
        let moved = json!({ "to": "area/A07", "unit": "unit/A07-1" });
        world.tell("case.transferred", &format!("nominal/{reference}"), &moved);
    }
    let listed = json!({ "limited": true, "users": ["user/U-lpc"] });
    world.tell("record.access_limited", "nominal/N-2", &listed);
    world
}

/// Whether a mail to somebody names N-1, and whether one names N-2.
fn named(world: &World, who: &str) -> [bool; 2] {
    ["N-1", "N-2"].map(|reference| {
        let own =
            world.mails().into_iter().filter(|mail| mail.header("To") == format!("{who}@example.gov.uk"));
        own.map(|mail| mail.decoded()).any(|text| text.contains(reference))
    })
}

#[test]
fn a_limited_record_is_in_the_digest_of_those_listed_alone() {
    let world = limited(Schedules { team: None, quarterly: None, ..usual() });
    world.pass_at("2026-11-17T07:30:00Z");
    assert_eq!(named(&world, "cpc"), [true, false]);
    assert_eq!(named(&world, "lpc"), [true, true]);
    let subjects = world.subjects();
    for (who, due) in [("cpc", 1), ("lpc", 2)] {
        let line = format!("{who}@example.gov.uk: Tuesday 17 November: 0 overdue, {due} due this week");
        assert!(subjects.contains(&line), "{subjects:?}");
    }
}

#[test]
fn a_limited_record_of_which_something_was_annulled_is_not_named_to_others() {
    let mut world = limited(Schedules { team: None, quarterly: None, ..usual() });
    let id = world.tell("record.created", "nominal/N-2", &json!({ "owner": "area/A07" }));
    let annulment = json!({ "event": { "source": "/t", "id": id }, "reason": "another person" });
    world.tell("fact.annulled", "nominal/N-2", &annulment);
    world.pass_at("2026-11-17T07:30:00Z");
    assert_eq!([named(&world, "cpc")[1], named(&world, "lpc")[1]], [false, true]);
}

#[test]
fn a_limited_record_is_in_no_mail_to_a_team_whose_manager_is_not_listed() {
    for (users, holds) in [(json!(["user/U-lpc"]), false), (json!(["user/U-spo"]), true)] {
        let mut world = limited(Schedules { digest: None, quarterly: None, ..usual() });
        let data = json!({ "org": "unit/A07-1", "role": "spo", "service": "probation",
            "personal": { "email": "spo@example.gov.uk" } });
        world.tell("user.registered", "user/U-spo", &data);
        world.tell("record.access_limited", "nominal/N-2", &json!({ "limited": true, "users": users }));
        world.pass_at("2026-11-23T08:00:00Z");
        assert_eq!(named(&world, "spo"), [true, holds], "{users}");
    }
}

#[test]
fn a_limited_record_is_in_the_calendar_of_those_listed_alone() {
    let world = limited(Schedules::none());
    let now = at("2026-11-17T07:30:00Z");
    let projections = world.read_models("calendar");
    projections.advance(now).unwrap();
    let of = |user: &str| {
        let rows = open_duties_of(&projections, user, now).unwrap();
        rows.into_iter().map(|row| row.record.subject).collect::<Vec<_>>()
    };
    assert_eq!(of("user/U-cpc"), ["nominal/N-1"]);
    assert_eq!(of("user/U-lpc").len(), 2);
}

#[test]
fn a_breach_of_a_limited_record_is_told_to_those_listed_where_nobody_who_answers_is() {
    let world = limited(Schedules::none());
    world.pass_at("2026-11-22T00:00:00Z");
    let breaches: Vec<_> = world.subjects().into_iter().filter(|line| line.contains("Breach")).collect();
    assert_eq!(
        breaches,
        [
            "cpc@example.gov.uk: Breach: N-1, paragraph 4.10",
            "lpc@example.gov.uk: Breach: N-2, paragraph 4.10"
        ]
    );
}

#[test]
fn a_record_that_was_limited_before_its_mail_went_is_told_to_those_listed_and_not_to_others() {
    let mut world = limited(Schedules::none());
    world.pass_at("2026-11-20T12:00:00Z");
    world.block();
    world.pass_at("2026-11-22T00:00:00Z");
    world.unblock();
    world.set("2026-11-22T00:05:00Z");
    let listed = json!({ "limited": true, "users": ["user/U-lpc"] });
    world.tell("record.access_limited", "nominal/N-1", &listed);
    world.pass_at("2026-11-22T00:05:00Z");
    let breaches: Vec<_> = world.subjects().into_iter().filter(|line| line.contains("Breach: N-1")).collect();
    assert_eq!(breaches, ["lpc@example.gov.uk: Breach: N-1, paragraph 4.10"]);
}

#[test]
fn who_opens_a_limited_record_is_told_to_those_listed() {
    let mut world = limited(Schedules::none());
    let data = json!({ "user": "user/U-lead", "org": "prison/LEI", "partnered": false });
    world.tell("record.accessed", "nominal/N-2", &data);
    world.pass_at("2026-11-16T09:00:30Z");
    assert_eq!(world.subjects(), ["lpc@example.gov.uk: Record opened by a non-partner: N-2"]);
}
