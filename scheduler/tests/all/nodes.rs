//! Several nodes on one log.

use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};

use mandate_domain::catalogue::{FactType, Field};
use mandate_scheduler::Nodes;
use serde_json::json;

use crate::fixture::{World, at};

#[test]
fn of_two_nodes_that_begin_an_attempt_at_once_one_sends_the_mail() {
    let mut world = World::new();
    world.settings = world.settings.clone().with_nodes(Nodes::Several);
    world.restart();
    world.set("2026-03-02T09:00:00Z");
    // So many that the mail is larger than what a pipe takes without a reader.
    for number in 0..400 {
        world.nominal(&format!("N-{number}"));
    }
    let now = at("2026-03-08T00:00:00Z");
    world.clock.set(now);
    world.scheduler().record_steps(now).unwrap();
    let notice = world.texts(FactType::NoticeQueued, Field::Notice).remove(0);
    // The other node keeps the bytes of a mail before it says in the log that it begins: here it waits until somebody
    // reads them, and has by then seen that nobody is sending.
    let outbox = world.folder.join("outbox");
    std::fs::create_dir_all(&outbox).unwrap();
    let pipe = outbox.join(format!(".{notice}.eml.new"));
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let (other, its_mails) = world.node("other", world.settings.clone().with_outbox(&outbox));
    let report = std::thread::scope(|scope| {
        let waiting = scope.spawn(|| other.send_mails(now).unwrap());
        // Opened once the other node has opened it for writing; it is stuck there until this end is closed.
        let reader = std::fs::File::open(&pipe).unwrap();
        assert_eq!(world.scheduler().send_mails(now).unwrap().accepted, 1);
        drop(reader);
        waiting.join().unwrap()
    });
    assert_eq!((report.accepted, report.deferred), (0, 1));
    assert_eq!(world.subjects(), ["cpc@example.gov.uk: 400 breaches in area A07"]);
    assert!(!its_mails.exists());
    assert_eq!(world.texts(FactType::NoticeDeferred, Field::Reply), ["another node is sending it"]);
}

#[test]
fn of_nodes_that_tell_of_openings_at_once_each_opening_is_told_once() {
    let mut world = World::new();
    let (other, _) = world.node("other", world.settings.clone());
    let over = AtomicBool::new(false);
    world.set("2026-03-02T09:00:00Z");
    let now = at("2026-03-02T09:00:00Z");
    let nodes = [world.scheduler().clone(), other];
    std::thread::scope(|scope| {
        for node in &nodes {
            let over = &over;
            scope.spawn(move || {
                while !over.load(Ordering::Relaxed) {
                    node.record_steps(now).unwrap();
                }
            });
        }
        let data = json!({ "user": "user/U-lead", "org": "prison/LEI", "partnered": false });
        for number in 0..60 {
            world.tell("record.accessed", "nominal/N-OLD", &data);
            // The log grows meanwhile, so that the nodes begin at different positions.
            world.tell("nominal.registered", &format!("nominal/N-{number}"), &json!({ "kind": "mappa" }));
        }
        over.store(true, Ordering::Relaxed);
    });
    nodes[0].record_steps(now).unwrap();
    let mut told: Vec<String> =
        world.events(FactType::NoticeQueued).iter().map(|event| event.fact.subject.to_string()).collect();
    assert_eq!(told.len(), 60);
    told.sort_unstable();
    told.dedup();
    assert_eq!(told.len(), 60, "each once");
}
