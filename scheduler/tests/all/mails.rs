use std::path::PathBuf;

use mandate_domain::catalogue::FactType;
use mandate_store::Position;
use serde_json::json;

use crate::fixture::{CANARY, Sent, World, at};

/// Compares a mail with the one kept; `UPDATE_SNAPSHOTS=1` keeps this one.
fn assert_kept(name: &str, mail: &Sent) {
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/snapshots").join(format!("{name}.eml"));
    if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
        std::fs::write(&file, &mail.bytes).unwrap();
    }
    let kept = String::from_utf8(std::fs::read(&file).unwrap()).unwrap();
    assert_eq!(kept, String::from_utf8(mail.bytes.clone()).unwrap(), "{}", file.display());
}

fn find<'m>(mails: &'m [Sent], subject: &str) -> &'m Sent {
    let found = mails.iter().find(|mail| mail.header("Subject").starts_with(subject));
    found.unwrap_or_else(|| panic!("no mail {subject:?}"))
}

/// A warning, a breach and its withdrawal for one nominal.
fn story() -> World {
    let mut world = World::new();
    world.set("2026-03-02T09:00:00Z");
    world.nominal("N-7F3K29QX");
    let moved = json!({ "to": "area/A07", "unit": "unit/A07-1" });
    world.tell("case.transferred", "nominal/N-7F3K29QX", &moved);
    world.pass_at("2026-03-06T12:00:00Z");
    world.pass_at("2026-03-08T00:00:00Z");
    world.set("2026-03-09T08:00:00Z");
    let data = json!({ "owner": "area/A07" });
    world.tell_at(at("2026-03-06T12:00:00Z"), "record.created", "nominal/N-7F3K29QX", &data);
    world.pass_at("2026-03-09T08:00:00Z");
    world
}

#[test]
fn each_mail_is_as_it_was_kept() {
    let mails = story().mails();
    assert_kept("warning", find(&mails, "Due by Friday 6 March: 1 ViSOR duty in unit A07-1"));
    assert_kept("breach", find(&mails, "Breach: N-7F3K29QX, paragraph 4.10"));
    assert_kept("rescission", find(&mails, "Withdrawn: N-7F3K29QX, paragraph 4.10"));
}

#[test]
fn lists_of_several_and_of_many_breaches_are_as_they_were_kept() {
    for (name, count) in [("several-breaches", 6), ("many-breaches", 26)] {
        let mut world = World::new();
        world.set("2026-03-02T09:00:00Z");
        for number in 0..count {
            world.nominal(&format!("N-{number:02}"));
        }
        world.pass_at("2026-03-08T00:00:00Z");
        assert_kept(name, find(&world.mails(), &format!("{count} breaches in area A07")));
    }
}

#[test]
fn the_same_history_gives_the_same_mails_to_the_byte() {
    assert_eq!(story().mails(), story().mails());
}

#[test]
fn a_mail_lost_before_its_answer_was_recorded_is_written_again_with_the_same_bytes() {
    let world = story();
    // A log that ends before the first answer: the program stopped between sending and recording.
    let accepted = world.events(FactType::NoticeAccepted)[0].position.get();
    let copy = world.cut_after(usize::try_from(accepted).unwrap() - 1);
    copy.pass_at("2026-03-06T12:00:30Z");
    assert_eq!(copy.mails(), [world.mails()[0].clone()]);
}

#[test]
fn no_mail_and_no_event_shows_personal_data() {
    let world = story();
    let mails = world.mails();
    assert_eq!(mails.len(), 3);
    for mail in &mails {
        let text = mail.decoded();
        assert!(!text.contains(CANARY) && !text.contains("X777978"), "{text}");
        assert!(mail.bytes.is_ascii());
        assert!(!text.contains("<img") && !text.contains("src="), "no images");
        assert_eq!(mail.header("Auto-Submitted"), "auto-generated");
        assert_eq!(mail.header("To").matches('@').count(), 1, "one recipient");
        assert_eq!(mail.header("Message-ID"), format!("<{}@example.gov.uk>", mail.notice));
    }
    for event in world.store().reader().read_after(Position::START, 10_000).unwrap().events {
        for hidden in [CANARY, "X777978", "@example.gov.uk"] {
            assert!(!event.payload.contains(hidden), "{hidden} in {}", event.payload);
        }
    }
}

#[test]
fn references_from_facts_cannot_break_out_of_html() {
    let mut world = World::new();
    world.set("2026-03-02T09:00:00Z");
    world.nominal("N-<b>&\"1");
    world.pass_at("2026-03-08T00:00:00Z");
    let mails = world.mails();
    let mail = find(&mails, "Breach");
    assert!(mail.decoded().contains("N-&#60;b&#62;&#38;&#34;1, paragraph 4.10</h1>"), "{}", mail.decoded());
    assert!(mail.decoded().contains("\nN-<b>&\"1, paragraph 4.10\n"));
}
