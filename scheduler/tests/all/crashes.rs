use std::collections::BTreeMap;

use mandate_domain::catalogue::{FactType, Field};
use mandate_domain::fact::Value;
use mandate_store::{Position, StoredEvent};
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
        if !is_step(&event) {
            continue;
        }
        let step = fact.text(Field::Step).unwrap_or_default();
        *counts.entry(format!("{} {} {step}", fact.kind, fact.subject)).or_default() += 1;
        // One mail about a breach to a person, whichever it is; a warning for each step.
        if let Some(Value::Texts(told)) = fact.get(Field::Told) {
            for person in told {
                *counts.entry(format!("{} {} {step} to {person}", fact.kind, fact.subject)).or_default() += 1;
            }
        }
    }
    counts
}

fn is_step(event: &StoredEvent) -> bool {
    use FactType::{BreachClosed, BreachRescinded, DutyBreached, DutyWarned};
    [DutyWarned, DutyBreached, BreachClosed, BreachRescinded].contains(&event.fact.kind)
}

/// Whether the event after the first `count` stands in one transaction with the one before it: mails stand before the
/// steps that name them, and steps of one kind together.
fn in_one_transaction(events: &[StoredEvent], count: usize) -> bool {
    let (last, next) = (&events[count - 1], &events[count]);
    let queued = |event: &StoredEvent| event.fact.kind == FactType::NoticeQueued;
    next.recorded_at == last.recorded_at
        && (queued(last) && (queued(next) || is_step(next))
            || is_step(last) && next.fact.kind == last.fact.kind)
}

/// What the log holds in the end when the program stopped after the first `count` events, and how many mails went.
fn after_a_crash(world: &World, events: &[StoredEvent], count: usize) -> (BTreeMap<String, usize>, usize) {
    let mut copy = world.cut_after(count);
    let now = events[count - 1].recorded_at;
    copy.clock.set(now);
    copy.restart();
    // Time goes on from the crash; what was told before it is not told again.
    if now >= at("2026-03-09T09:00:00Z") {
        copy.pass_at("2026-03-09T10:00:00Z");
    } else {
        copy.scheduler().pass(now).unwrap();
        play(&mut copy);
    }
    let sent_before =
        events[..count].iter().filter(|event| event.fact.kind == FactType::NoticeAccepted).count();
    (counted(&copy), copy.mails().len() + sent_before)
}

#[test]
fn a_crash_after_any_transaction_loses_no_step_and_no_mail_and_repeats_none() {
    let world = story();
    let wanted = (counted(&world), world.mails().len());
    assert!(wanted.0.values().all(|count| *count == 1), "{wanted:#?}");
    for kind in ["duty.warned", "duty.breached", "breach.rescinded", "breach.closed"] {
        assert!(wanted.0.keys().any(|key| key.starts_with(kind)), "{wanted:#?}");
    }
    let events = world.store().reader().read_after(Position::START, 10_000).unwrap().events;
    let first_own = events.iter().position(|event| &*event.fact.source == "/mandate").unwrap();
    let mut cuts = 0;
    for count in first_own..events.len() {
        if !in_one_transaction(&events, count) && events[count].fact.kind != FactType::RecordCreated {
            assert_eq!(after_a_crash(&world, &events, count), wanted, "cut after {count}");
            cuts += 1;
        }
    }
    assert!(cuts > 10, "{cuts} cuts");
}

#[test]
fn a_breach_withdrawn_while_its_mail_was_under_way_is_followed_by_the_withdrawal() {
    let mut world = World::new();
    world.set("2026-03-02T09:00:00Z");
    world.nominal("N-7F3K29QX");
    world.pass_at("2026-03-08T00:00:00Z");
    let events = world.store().reader().read_after(Position::START, 10_000).unwrap().events;
    let queued = events.iter().find(|event| event.fact.text(Field::Template) == Some("breach")).unwrap();
    let notice = queued.fact.text(Field::Notice);
    let begun = events
        .iter()
        .position(|event| {
            event.fact.kind == FactType::NoticeAttempted && event.fact.text(Field::Notice) == notice
        })
        .unwrap();
    // The program ends while the mail server has the mail; before it is back, the record turns out to have been in time.
    let mut world = world.cut_after(begun + 1);
    world.set("2026-03-08T08:00:00Z");
    world.tell_at(
        at("2026-03-06T12:00:00Z"),
        "record.created",
        "nominal/N-7F3K29QX",
        &json!({ "owner": "area/A07" }),
    );
    world.pass_at("2026-03-08T08:00:00Z");
    world.pass_at("2026-03-09T09:00:00Z");
    let withdrawn = world.subjects().iter().filter(|line| line.contains("Withdrawn: N-7F3K29QX")).count();
    assert_eq!(withdrawn, 1, "{:?}", world.subjects());
}

#[test]
fn control_breaches_of_one_mail_that_are_stored_apart_would_be_told_in_two() {
    let world = story();
    let wanted = (counted(&world), world.mails().len());
    let events = world.store().reader().read_after(Position::START, 10_000).unwrap().events;
    let of_one_mail = |pair: &[StoredEvent]| {
        let both = pair.iter().all(|event| event.fact.kind == FactType::DutyBreached);
        both && pair[0].fact.get(Field::Notices) == pair[1].fact.get(Field::Notices)
    };
    let first = events.windows(2).position(of_one_mail).unwrap();
    assert!(in_one_transaction(&events, first + 1));
    assert_ne!(after_a_crash(&world, &events, first + 1), wanted);
}
