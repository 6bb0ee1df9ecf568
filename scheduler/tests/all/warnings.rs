use mandate_domain::catalogue::{FactType, Field};
use serde_json::json;

use crate::fixture::World;

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
