use std::sync::atomic::{AtomicBool, Ordering};

use mandate_domain::catalogue::{FactType, Field};
use mandate_domain::fact::Value;

use crate::fixture::{World, at};

/// Three nominals registered a day apart, then nothing runs for so long.
fn down_until(time: &str) -> World {
    let mut world = World::new();
    for (day, reference) in [("02", "N-1"), ("03", "N-2"), ("04", "N-3")] {
        world.set(&format!("2026-03-{day}T09:00:00Z"));
        world.nominal(reference);
    }
    world.pass_at("2026-03-04T09:00:00Z");
    world.restart();
    world.pass_at(time);
    world
}

#[test]
fn after_3_and_after_400_days_down_every_breach_is_raised_once_with_its_true_due_moment() {
    for (time, wanted) in [
        ("2026-03-07T09:00:00Z", &[][..]),
        ("2026-03-10T09:00:00Z", &["2026-03-08T00:00:00Z", "2026-03-09T00:00:00Z", "2026-03-10T00:00:00Z"]),
        ("2027-04-08T09:00:00Z", &["2026-03-08T00:00:00Z", "2026-03-09T00:00:00Z", "2026-03-10T00:00:00Z"]),
    ] {
        let mut world = down_until(time);
        let due: Vec<_> = world
            .events(FactType::DutyBreached)
            .into_iter()
            .filter(|event| event.fact.text(Field::Rule) == Some("4.10"))
            .map(|event| event.fact.get(Field::DueAt).cloned())
            .collect();
        let wanted: Vec<_> = wanted.iter().map(|due_at| Some(Value::Instant(at(due_at)))).collect();
        assert_eq!(due, wanted, "{time}");
        world.restart_with_the_log_alone();
        let again = world.pass_at(time);
        assert_eq!((again.steps.raised, again.steps.warned, again.steps.queued), (0, 0, 0), "{time}");
    }
}

#[test]
fn warnings_overtaken_by_the_due_moment_are_skipped() {
    let world = down_until("2027-04-08T09:00:00Z");
    assert_eq!(
        world
            .events(FactType::DutyWarned)
            .iter()
            .filter(|event| event.fact.time > at("2026-03-05T00:00:00Z"))
            .count(),
        0
    );
}

#[test]
fn old_breaches_share_one_summary_and_the_news_of_the_last_day_is_mailed_singly() {
    let world = down_until("2026-03-10T09:00:00Z");
    let subjects: Vec<_> = world.subjects().into_iter().filter(|line| line.contains("reach")).collect();
    // N-1 fell due 57 hours ago and N-2 33 hours ago; N-3 9 hours ago.
    assert_eq!(
        subjects,
        ["cpc@example.gov.uk: 2 breaches in area A07", "cpc@example.gov.uk: Breach: N-3, paragraph 4.10"]
    );
}

#[test]
fn a_mail_is_not_sent_while_breaches_are_still_being_listed_in_it() {
    let mut world = World::new();
    world.settings = world.settings.clone().with_limits(5, 500);
    world.restart();
    world.set("2026-03-02T09:00:00Z");
    for number in 0..120 {
        world.nominal(&format!("N-{number}"));
    }
    let now = at("2026-03-08T00:00:00Z");
    world.clock.set(now);
    let over = AtomicBool::new(false);
    let sender = world.scheduler().clone();
    std::thread::scope(|scope| {
        let over = &over;
        scope.spawn(move || {
            while !over.load(Ordering::Relaxed) {
                sender.send_mails(now).unwrap();
            }
        });
        assert_eq!(world.scheduler().record_steps(now).unwrap().raised, 120);
        over.store(true, Ordering::Relaxed);
    });
    world.scheduler().send_mails(now).unwrap();
    assert_eq!(world.subjects(), ["cpc@example.gov.uk: 120 breaches in area A07"]);
}
