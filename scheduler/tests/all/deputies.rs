//! What cannot be delivered is told to the deputy, with whom it was for.

use mandate_domain::catalogue::{FactType, Field};
use mandate_scheduler::Schedules;
use serde_json::json;

use crate::fixture::{World, at};

/// A07 has a deputy beside its CPC.
fn with_a_deputy(schedules: Schedules) -> World {
    let mut world = World::new();
    world.settings = world.settings.clone().with_schedules(schedules);
    world.restart();
    world.person("user/U-deputy", "area/A07");
    world.tell("post.filled", "area/A07", &json!({ "post": "deputy-cpc", "user": "user/U-deputy" }));
    world
}

/// From now on the mail of a person goes nowhere: their address is of a domain that is not allowed.
fn cut_off(world: &mut World, user: &str, role: &str) {
    let data = json!({ "org": "area/A07", "role": role, "service": "probation",
                       "personal": { "email": "away@example.com" } });
    world.tell("user.registered", user, &data);
}

/// The texts of the mails to the deputy that stand in for another's.
fn in_place(world: &World, user: &str) -> Vec<(String, String)> {
    let banner = format!("This mail was for {user} and could not be delivered");
    let to_deputy = world.mails().into_iter().filter(|mail| mail.header("To") == "deputy@example.gov.uk");
    let mails: Vec<_> = to_deputy.map(|mail| (mail.header("Subject"), mail.decoded())).collect();
    let in_place = mails.into_iter().filter(|(_, text)| text.contains(&banner));
    in_place.collect()
}

#[test]
fn a_digest_that_cannot_be_delivered_says_the_same_to_the_deputy() {
    let mut world = with_a_deputy(Schedules { watch: false, ..Schedules::usual().unwrap() });
    world.set("2026-11-16T09:00:00Z");
    cut_off(&mut world, "user/U-lpc", "other");
    world.tell("organisation.placed", "unit/A07-1", &json!({ "parent": "area/A07" }));
    world.nominal("N-1");
    world.tell("case.transferred", "nominal/N-1", &json!({ "to": "area/A07", "unit": "unit/A07-1" }));
    world.pass_at("2026-11-24T07:30:00Z");
    let told = in_place(&world, "user/U-lpc");
    let subject = "Tuesday 24 November: 1 overdue, 0 due this week";
    let digest = told.iter().find(|(line, _)| line == subject);
    assert!(digest.is_some_and(|(_, text)| text.contains("N-1")), "{:?}", world.subjects());
    let again = world.pass_at("2026-11-24T09:00:00Z");
    assert_eq!((again.steps.queued, again.mails.accepted), (0, 0));
}

#[test]
fn the_week_of_a_team_that_cannot_be_delivered_says_the_same_to_the_deputy() {
    let mut world = with_a_deputy(Schedules {
        digest: None,
        nothing_due: None,
        watch: false,
        ..Schedules::usual().unwrap()
    });
    world.set("2026-11-16T07:00:00Z");
    cut_off(&mut world, "user/U-spo", "spo");
    world.nominal("N-1");
    world.pass_at("2026-11-23T08:00:00Z");
    let told = in_place(&world, "user/U-spo");
    let team = told.iter().find(|(line, _)| line == "Your team's ViSOR duties, week of 23 November");
    assert!(team.is_some_and(|(_, text)| text.contains("N-1")), "{:?}", world.subjects());
}

#[test]
fn a_withdrawal_that_cannot_be_delivered_goes_to_the_deputy_and_without_one_to_the_administrator() {
    for deputy in [true, false] {
        let mut world = if deputy { with_a_deputy(Schedules::none()) } else { World::new() };
        world.set("2026-03-02T09:00:00Z");
        world.nominal("N-1");
        world.pass_at("2026-03-08T00:00:00Z");
        world.set("2026-03-09T08:00:00Z");
        cut_off(&mut world, "user/U-cpc", "cpc");
        let data = json!({ "owner": "area/A07" });
        world.tell_at(at("2026-03-06T12:00:00Z"), "record.created", "nominal/N-1", &data);
        world.pass_at("2026-03-09T08:00:00Z");
        let subject = "Withdrawn: N-1, paragraph 4.10";
        if deputy {
            let told = in_place(&world, "user/U-cpc");
            assert_eq!(told.iter().map(|(line, _)| line.as_str()).collect::<Vec<_>>(), [subject]);
        } else {
            assert!(world.subjects().contains(&format!("administrator@example.gov.uk: {subject}")));
        }
    }
}

#[test]
fn what_takes_the_place_of_a_mail_about_an_earlier_step_tells_of_that_step() {
    let mut world = with_a_deputy(Schedules::none());
    world.set("2026-03-02T09:00:00Z");
    world.nominal("N-1");
    world.pass_at("2026-03-08T00:00:00Z");
    cut_off(&mut world, "user/U-head", "head-of-public-protection");
    // The step of the fifth working day and that of the twentieth are taken in one pass, before any mail goes.
    world.pass_at("2026-04-20T08:00:00Z");
    assert_eq!(world.texts(FactType::BreachEscalated, Field::ToRole), ["head", "board"]);
    let told = in_place(&world, "user/U-head");
    let lines: Vec<_> = told.iter().map(|(line, _)| line.as_str()).collect();
    assert_eq!(lines, ["Unresolved 5 working days after the deadline: 1 in area A07"]);
}

#[test]
fn a_withdrawal_whose_people_cannot_be_read_holds_up_no_other() {
    let mut world = World::new();
    world.set("2026-03-02T09:00:00Z");
    for reference in ["N-1", "N-2"] {
        world.nominal(reference);
    }
    world.pass_at("2026-03-08T00:00:00Z");
    let of_one =
        world.events(FactType::DutyBreached).into_iter().find(|event| event.fact.subject.contains("N-1:"));
    world.garble(of_one.unwrap().position, "garbled");
    world.set("2026-03-09T08:00:00Z");
    for reference in ["N-1", "N-2"] {
        let subject = format!("nominal/{reference}");
        world.tell_at(
            at("2026-03-06T12:00:00Z"),
            "record.created",
            &subject,
            &json!({ "owner": "area/A07" }),
        );
    }
    let report = world.pass_at("2026-03-09T08:00:00Z");
    assert_eq!((report.steps.rescinded, report.steps.refused), (1, 1));
    assert!(world.events(FactType::BreachRescinded)[0].fact.subject.contains("N-2:"));
}
