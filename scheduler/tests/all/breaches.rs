use mandate_domain::catalogue::{FactType, Field};
use mandate_domain::fact::Value;
use serde_json::json;

use crate::fixture::{World, at};

/// N-7F3K29QX registered on Monday 2 March 2026, unit A07-1: due on Saturday 7 March, overdue from 8 March 00:00.
fn one_nominal() -> World {
    let mut world = World::new();
    world.set("2026-03-02T09:00:00Z");
    world.nominal("N-7F3K29QX");
    world
}

#[test]
fn a_breach_is_raised_at_its_due_moment_and_not_before() {
    let world = one_nominal();
    let report = world.pass_at("2026-03-07T23:59:59Z");
    assert_eq!((report.steps.raised, report.steps.next_at), (0, Some(at("2026-03-08T00:00:00Z"))));
    let report = world.pass_at("2026-03-08T00:00:00Z");
    assert_eq!(report.steps.raised, 1);
    let events = world.events(FactType::DutyBreached);
    let [event] = events.as_slice() else { panic!("{events:?}") };
    assert_eq!(&*event.fact.source, "/mandate");
    assert!(event.fact.subject.starts_with("duty/4.10:nominal/N-7F3K29QX:/t#f"));
    assert_eq!(event.fact.get(Field::DueAt), Some(&Value::Instant(at("2026-03-08T00:00:00Z"))));
    assert_eq!(event.fact.text(Field::Holder), Some("area/A07"));
    assert_eq!(event.fact.text(Field::Outcome), Some("overdue"));
}

#[test]
fn after_a_clock_that_was_ahead_was_put_right_no_breach_comes_early() {
    let mut world = World::new();
    // Ten days ahead, something is recorded; then the clock is put right.
    world.set("2026-03-12T09:00:00Z");
    world.nominal("N-1");
    world.pass_at("2026-03-12T09:00:01Z");
    world.set("2026-03-02T09:00:00Z");
    world.nominal("N-7F3K29QX");
    assert_eq!(world.pass_at("2026-03-07T23:59:59Z").steps.raised, 0);
    let problems = world.scheduler().problems(at("2026-03-07T23:59:59Z")).unwrap();
    assert!(problems.iter().any(|problem| problem.code == "clock"), "{problems:?}");
    assert_eq!(world.pass_at("2026-03-08T00:00:00Z").steps.raised, 1);
    assert!(world.events(FactType::DutyBreached)[0].fact.subject.contains("N-7F3K29QX"));
}

#[test]
fn a_breach_is_raised_once_however_often_a_pass_runs_and_the_process_starts_anew() {
    let mut world = one_nominal();
    world.pass_at("2026-03-08T00:00:00Z");
    let (events, mails) = (world.events(FactType::DutyBreached), world.mails());
    let breach_mails = world.subjects().iter().filter(|line| line.contains("Breach:")).count();
    assert_eq!((events.len(), breach_mails), (1, 1));
    let again = world.pass_at("2026-03-08T00:00:00Z");
    assert_eq!((again.steps.raised, again.steps.queued, again.mails.accepted), (0, 0, 0));
    world.restart();
    let again = world.pass_at("2026-03-08T00:10:00Z");
    assert_eq!((again.steps.raised, again.steps.queued, again.mails.accepted), (0, 0, 0));
    world.restart_with_the_log_alone();
    let again = world.pass_at("2026-03-09T00:00:00Z");
    assert_eq!((again.steps.raised, again.steps.queued, again.mails.accepted), (0, 0, 0));
    assert_eq!((world.events(FactType::DutyBreached), world.mails()), (events, mails));
}

#[test]
fn a_breach_and_its_notice_are_stored_in_one_transaction() {
    let world = one_nominal();
    world.pass_at("2026-03-08T00:00:00Z");
    let breach = world.events(FactType::DutyBreached)[0].position;
    let queued: Vec<_> = world
        .events(FactType::NoticeQueued)
        .into_iter()
        .filter(|event| event.fact.text(Field::Template) == Some("breach"))
        .collect();
    assert_eq!(queued.len(), 1);
    // The mail first, then the breach that names it, so that the mail never lacks what it lists.
    assert_eq!(queued[0].position.next(), breach);
    assert_eq!(queued[0].recorded_at, world.events(FactType::DutyBreached)[0].recorded_at);
}

#[test]
fn a_clock_that_goes_back_raises_nothing_twice_and_nothing_early() {
    let mut world = one_nominal();
    world.pass_at("2026-03-08T00:00:00Z");
    world.set("2026-03-08T00:00:01Z");
    world.nominal("N-LATER");
    for time in ["2016-03-08T00:00:00Z", "2026-03-08T00:00:00Z", "2026-03-09T00:00:00Z"] {
        let report = world.pass_at(time);
        assert_eq!(report.steps.raised, 0, "{time}");
    }
    assert_eq!(world.events(FactType::DutyBreached).len(), 1);
}

#[test]
fn a_breach_is_closed_when_it_is_met_late_and_no_mail_says_so() {
    let mut world = one_nominal();
    world.pass_at("2026-03-08T00:00:00Z");
    let before = world.mails();
    world.set("2026-03-10T15:00:00Z");
    let closing = world.tell("record.created", "nominal/N-7F3K29QX", &json!({ "owner": "area/A07" }));
    let report = world.pass_at("2026-03-10T15:00:00Z");
    assert_eq!((report.steps.closed, report.steps.rescinded), (1, 0));
    let events = world.events(FactType::BreachClosed);
    assert_eq!(events[0].fact.text(Field::Outcome), Some("met_late"));
    assert_eq!(events[0].fact.text(Field::ClosedBy), Some(format!("/t#{closing}").as_str()));
    world.restart();
    let again = world.pass_at("2026-03-11T15:00:00Z");
    assert_eq!((again.steps.closed, world.mails()), (0, before));
}

#[test]
fn up_to_five_breaches_are_mailed_singly_and_more_become_one() {
    for (count, wanted) in [(5, 5), (6, 1)] {
        let mut world = World::new();
        world.set("2026-03-02T09:00:00Z");
        for number in 0..count {
            world.nominal(&format!("N-{number}"));
        }
        let report = world.pass_at("2026-03-08T00:00:00Z");
        assert_eq!(report.steps.raised, count);
        let subjects: Vec<_> = world.subjects().into_iter().filter(|line| line.contains("reach")).collect();
        assert_eq!(subjects.len(), wanted, "{subjects:?}");
        if wanted == 1 {
            assert_eq!(subjects, ["cpc@example.gov.uk: 6 breaches in area A07"]);
        }
    }
}

#[test]
fn a_flood_in_many_batches_is_one_mail_to_each_recipient_with_each_breach_in_it_once() {
    let mut world = World::new();
    world.settings = world.settings.clone().with_limits(4, 500);
    world.restart();
    world.set("2026-03-02T09:00:00Z");
    for number in 0..30 {
        world.nominal(&format!("N-{number:02}"));
    }
    let report = world.pass_at("2026-03-08T00:00:00Z");
    assert_eq!(report.steps.raised, 30);
    let mails: Vec<_> =
        world.mails().into_iter().filter(|mail| mail.header("Subject").contains("breaches")).collect();
    let [mail] = mails.as_slice() else { panic!("{:?}", world.subjects()) };
    assert_eq!(mail.header("Subject"), "30 breaches in area A07");
    for number in 0..30 {
        let line = format!("  N-{number:02}  ");
        assert_eq!(mail.decoded().matches(&line).count(), 1, "{line}");
    }
}

#[test]
fn a_breach_without_any_evidence_or_due_before_its_holder_took_part_goes_into_a_summary() {
    let mut world = World::empty();
    world.person("user/U-cpc", "area/A07");
    world.tell("post.filled", "area/A07", &json!({ "post": "cpc", "user": "user/U-cpc" }));
    world.set("2026-03-02T09:00:00Z");
    world.nominal("N-1");
    world.pass_at("2026-03-08T00:00:00Z");
    assert!(
        world.subjects().contains(&"cpc@example.gov.uk: 1 breach in area A07".to_owned()),
        "not evidenced"
    );

    let mut world = one_nominal();
    world.set("2026-03-08T00:00:30Z");
    world.tell("organisation.enrolled", "area/A08", &json!({}));
    world.tell("post.filled", "area/A08", &json!({ "post": "cpc", "user": "user/U-gcpc" }));
    world.tell_at(
        at("2026-02-02T09:00:00Z"),
        "record.created",
        "nominal/N-OLD",
        &json!({ "owner": "area/A07" }),
    );
    let moved = json!({ "to": "area/A08" });
    world.tell_at(at("2026-02-03T09:00:00Z"), "case.transferred", "nominal/N-OLD", &moved);
    world.tell_at(at("2026-03-03T09:00:00Z"), "case.transferred", "nominal/N-7F3K29QX", &moved);
    world.pass_at("2026-03-08T00:00:30Z");
    let subjects = world.subjects();
    assert!(subjects.contains(&"gcpc@example.gov.uk: 1 breach in area A08".to_owned()), "{subjects:?}");
}
