use std::collections::BTreeMap;

use mandate_domain::catalogue::{FactType, Field};
use mandate_domain::fact::Value;
use mandate_store::Position;
use serde_json::json;

use crate::fixture::{World, at};

/// Warnings, eight breaches of which one is withdrawn and one closed, and their mails.
fn story() -> World {
    let mut world = World::new();
    world.set("2026-03-02T09:00:00Z");
    for number in 0..3 {
        world.nominal(&format!("N-{number}"));
    }
    world.set("2026-03-03T09:00:00Z");
    for number in 3..10 {
        world.nominal(&format!("N-{number}"));
    }
    play(&mut world);
    world
}

/// What is told and passed after the nominals are known; again for a log that was cut short.
fn play(world: &mut World) {
    for time in ["2026-03-04T12:00:00Z", "2026-03-08T00:00:00Z", "2026-03-09T00:00:00Z"] {
        world.pass_at(time);
    }
    for (reference, occurred) in [("N-0", "2026-03-06T12:00:00Z"), ("N-1", "2026-03-09T08:00:00Z")] {
        world.set("2026-03-09T09:00:00Z");
        let subject = format!("nominal/{reference}");
        world.tell_at(at(occurred), "record.created", &subject, &json!({ "owner": "area/A07" }));
    }
    world.pass_at("2026-03-09T09:00:00Z");
    world.pass_at("2026-03-09T10:00:00Z");
}

/// Each step and each line of a notice, and how often the log holds it.
fn counted(world: &World) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for event in world.store().reader().read_after(Position::START, 10_000).unwrap().events {
        let fact = &event.fact;
        let text = |field| fact.text(field).unwrap_or_default();
        let about = match fact.kind {
            FactType::DutyBreached | FactType::BreachRescinded | FactType::BreachClosed => String::new(),
            FactType::DutyWarned => text(Field::Step).to_owned(),
            FactType::NoticeQueued => {
                let generation = match fact.get(Field::Generation) {
                    Some(Value::Number(number)) => *number,
                    _ => 0,
                };
                // One mail about a breach to a person, whichever it is; a warning for each step.
                let template = text(Field::Template).replace("summary", "breach");
                let time = if template == "warning" { fact.time.to_string() } else { String::new() };
                format!("{template} {} {generation} {time}", text(Field::Recipient))
            }
            _ => continue,
        };
        *counts.entry(format!("{} {} {about}", fact.kind, fact.subject)).or_default() += 1;
    }
    counts
}

#[test]
fn a_crash_after_any_transaction_loses_no_step_and_no_mail_and_repeats_none() {
    let world = story();
    let (wanted, mails) = (counted(&world), world.mails().len());
    assert!(wanted.values().all(|count| *count == 1), "{wanted:#?}");
    assert!(wanted.keys().any(|key| key.starts_with("breach.rescinded")), "{wanted:#?}");
    assert!(wanted.keys().any(|key| key.starts_with("breach.closed")), "{wanted:#?}");
    let events = world.store().reader().read_after(Position::START, 10_000).unwrap().events;
    let first_own = events.iter().position(|event| &*event.fact.source == "/mandate").unwrap();
    let mut cuts = 0;
    for (count, next) in events.iter().enumerate().skip(first_own) {
        // A notice stands in one transaction with the step before it, and steps of one kind with each other.
        let last = &events[count - 1];
        let together = next.recorded_at == last.recorded_at
            && (next.fact.kind == FactType::NoticeQueued || last.fact.kind == FactType::NoticeQueued)
            && !next.fact.kind.name().starts_with("notice.a");
        if together || next.fact.kind == FactType::RecordCreated {
            continue;
        }
        cuts += 1;
        let mut copy = world.cut_after(count);
        let now = last.recorded_at;
        copy.clock.set(now);
        copy.restart();
        // Time goes on from the crash; what was told before it is not told again.
        if now >= at("2026-03-09T09:00:00Z") {
            copy.pass_at("2026-03-09T10:00:00Z");
        } else {
            copy.scheduler().pass(now).unwrap();
            play(&mut copy);
        }
        assert_eq!(counted(&copy), wanted, "cut after {count}: {:?}", last.fact);
        let sent_before = events[..count].iter().filter(|e| e.fact.kind == FactType::NoticeAccepted).count();
        assert_eq!(copy.mails().len() + sent_before, mails, "cut after {count}");
    }
    assert!(cuts > 10, "{cuts} cuts");
}
