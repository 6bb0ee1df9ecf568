use mandate_domain::catalogue::{FactType, Field};
use mandate_domain::fact::Value;
use mandate_store::StoredEvent;
use serde_json::json;

use crate::fixture::World;

/// The steps that an event records as skipped.
fn skipped(event: &StoredEvent) -> Vec<String> {
    match event.fact.get(Field::Skipped) {
        Some(Value::Texts(steps)) => steps.iter().map(|step| (**step).to_owned()).collect(),
        _ => Vec::new(),
    }
}

#[test]
fn warnings_that_the_deadline_overtook_are_recorded_with_the_breach_and_never_mailed() {
    let world = three();
    assert_eq!(world.pass_at("2026-03-10T09:00:00Z").steps.warned, 0);
    let breaches = world.events(FactType::DutyBreached);
    assert_eq!(breaches.len(), 3);
    for event in &breaches {
        assert_eq!(skipped(event), ["warn-2wd", "warn-0wd"]);
    }
    assert!(world.subjects().iter().all(|line| !line.contains("Due by")), "{:?}", world.subjects());
}

#[test]
fn cpc_and_line_manager_hear_90_30_and_7_days_before_vetting_expires() {
    let mut world = World::new();
    let spo = json!({ "org": "unit/A07-1", "role": "spo", "service": "probation",
        "personal": { "email": "spo@example.gov.uk" } });
    world.tell("user.registered", "user/U-spo", &spo);
    world.person("user/U-1", "unit/A07-1");
    world.tell("vetting.cleared", "user/U-1", &json!({ "level": 2, "expires_on": "2026-06-30" }));
    world.tell("account.enabled", "user/U-1", &json!({}));
    // Ninety days before Tuesday 30 June is Wednesday 1 April, thirty is Sunday 31 May, seven is Tuesday 23 June.
    for (time, before, days) in [
        ("2026-04-01T06:00:00Z", "2026-04-01T05:59:59Z", 90),
        ("2026-05-31T06:00:00Z", "2026-05-31T05:59:59Z", 30),
        ("2026-06-23T06:00:00Z", "2026-06-23T05:59:59Z", 7),
    ] {
        let told = world.mails().len();
        world.pass_at(before);
        assert_eq!(world.mails().len(), told, "{before}");
        world.pass_at(time);
        let subjects = world.subjects();
        let wanted = ["cpc", "spo"]
            .map(|who| format!("{who}@example.gov.uk: A ViSOR user's vetting expires in {days} days"));
        assert_eq!(subjects[told..], wanted, "{time}");
    }
    insta::assert_snapshot!("vetting", world.mails()[2].decoded());
}

#[test]
fn a_breach_of_which_was_warned_has_skipped_nothing() {
    let world = three();
    world.pass_at("2026-03-04T12:00:00Z");
    world.pass_at("2026-03-06T12:00:00Z");
    world.pass_at("2026-03-08T00:00:00Z");
    for event in world.events(FactType::DutyBreached) {
        assert_eq!(skipped(&event), [""; 0]);
    }
}

/// Three nominals registered on Monday 2 March 2026 in unit A07-1: last working day to act Friday 6 March.
fn three() -> World {
    let mut world = World::new();
    world.set("2026-03-02T09:00:00Z");
    for reference in ["N-1", "N-2", "N-3"] {
        world.nominal(reference);
        let moved = json!({ "to": "area/A07", "unit": "unit/A07-1" });
        world.tell("case.transferred", &format!("nominal/{reference}"), &moved);
    }
    world
}

#[test]
fn each_step_warns_once_with_one_mail_for_all_duties_of_a_recipient() {
    let mut world = three();
    assert_eq!(world.pass_at("2026-03-03T23:00:00Z").steps.warned, 0);
    assert_eq!(world.pass_at("2026-03-04T12:00:00Z").steps.warned, 3);
    assert_eq!(world.subjects(), ["lpc@example.gov.uk: Due by Friday 6 March: 3 ViSOR duties in unit A07-1"]);
    assert_eq!(world.pass_at("2026-03-04T12:00:00Z").steps.warned, 0);
    world.restart_with_the_log_alone();
    assert_eq!(world.pass_at("2026-03-05T12:00:00Z").steps.warned, 0);
    assert_eq!(world.pass_at("2026-03-06T12:00:00Z").steps.warned, 3);
    assert_eq!(world.mails().len(), 2);
    let steps = world.texts(FactType::DutyWarned, Field::Step);
    assert_eq!(steps, ["warn-2wd", "warn-2wd", "warn-2wd", "warn-0wd", "warn-0wd", "warn-0wd"]);
}

#[test]
fn of_several_steps_that_have_come_only_the_latest_is_told() {
    let world = three();
    assert_eq!(world.pass_at("2026-03-06T12:00:00Z").steps.warned, 3);
    assert_eq!(world.texts(FactType::DutyWarned, Field::Step), ["warn-0wd"; 3]);
    for event in world.events(FactType::DutyWarned) {
        assert_eq!(skipped(&event), ["warn-2wd"]);
    }
    assert_eq!(world.pass_at("2026-03-06T13:00:00Z").steps.warned, 0);
    assert_eq!(world.mails().len(), 1);
}

#[test]
fn a_duty_that_was_met_is_not_warned_of() {
    let mut world = three();
    world.set("2026-03-03T09:00:00Z");
    world.tell("record.created", "nominal/N-2", &json!({ "owner": "area/A07" }));
    assert_eq!(world.pass_at("2026-03-04T12:00:00Z").steps.warned, 2);
    assert!(!world.mails()[0].decoded().contains("N-2"));
}

#[test]
fn the_next_moment_of_a_pass_is_the_next_step_of_a_warning() {
    let world = three();
    let next_at = world.pass_at("2026-03-03T12:00:00Z").steps.next_at.unwrap();
    assert_eq!(next_at.london_date().to_string(), "2026-03-04");
    assert_eq!(world.pass_at(&next_at.just_before().to_string()).steps.warned, 0);
    assert_eq!(world.pass_at(&next_at.to_string()).steps.warned, 3);
}

#[test]
fn the_administrators_of_unit_and_area_are_warned_beside_the_lpc_and_others_are_not() {
    let mut world = three();
    for (user, org, role) in [
        ("user/U-unit", "unit/A07-1", "case-administrator"),
        ("user/U-area", "area/A07", "mappa-administrator"),
        ("user/U-far", "unit/A07-2", "case-administrator"),
        ("user/U-spo", "unit/A07-1", "spo"),
    ] {
        let name = user.trim_start_matches("user/U-");
        let data = json!({ "org": org, "role": role, "service": "probation",
            "personal": { "email": format!("{name}@example.gov.uk") } });
        world.tell("user.registered", user, &data);
    }
    let to = |world: &World| -> Vec<String> { world.mails().iter().map(|mail| mail.header("To")).collect() };
    world.pass_at("2026-03-04T12:00:00Z");
    assert_eq!(to(&world), ["area", "lpc", "unit"].map(|who| format!("{who}@example.gov.uk")));
    // Nobody is LPC any more: those above hear of it, and the administrators go on.
    world.set("2026-03-05T09:00:00Z");
    world.tell("post.vacated", "unit/A07-1", &json!({ "post": "lpc", "user": "user/U-lpc" }));
    world.pass_at("2026-03-06T12:00:00Z");
    assert_eq!(to(&world)[3..], ["area", "cpc", "unit"].map(|who| format!("{who}@example.gov.uk")));
    let vacant: Vec<_> = world
        .mails()
        .iter()
        .skip(3)
        .map(|mail| mail.decoded().contains("Nobody holds the post of LPC of unit A07-1"))
        .collect();
    assert_eq!(vacant, [false, true, false]);
}

#[test]
fn a_step_on_the_day_on_which_the_clocks_go_forward_comes_at_seven_in_london() {
    let mut world = World::new();
    world.person("user/U-1", "unit/A07-1");
    // Thirty days before Tuesday 28 April is Sunday 29 March 2026.
    world.tell("vetting.cleared", "user/U-1", &json!({ "level": 2, "expires_on": "2026-04-28" }));
    world.tell("account.enabled", "user/U-1", &json!({}));
    world.pass_at("2026-02-27T12:00:00Z");
    assert_eq!(world.pass_at("2026-03-29T05:59:59Z").steps.warned, 0);
    assert_eq!(world.pass_at("2026-03-29T06:00:00Z").steps.warned, 1);
}
