//! A client that hangs up: what it was told is so, nothing is half done, and sending again does it once.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::random::Random;
use crate::server::{Server, each_database};
use crate::wire::{Cut, Listening, cut_at, exchange, post_facts, whole_body};

const COMMANDS: u64 = 300;
const FACTS: u64 = 3;
/// At once.
const CLIENTS: u64 = 10;

fn body(command: u64) -> String {
    let fact = |n| {
        json!({"specversion": "1.0", "id": format!("{command}-{n}"), "source": "/t", "type": "meeting.held",
               "subject": format!("nominal/N{}", command % 7), "time": "2026-03-02T09:00:00Z",
               "data": {"meeting": format!("M{command}"), "level": 3}})
    };
    Value::Array((0..FACTS).map(fact).collect()).to_string()
}

/// The positions that an answer tells.
fn positions(body: &str) -> Vec<u64> {
    let told: Value = serde_json::from_str(body).unwrap();
    let results = told["results"].as_array().unwrap_or_else(|| panic!("{body}"));
    results.iter().map(|result| result["position"].as_u64().unwrap_or_else(|| panic!("{body}"))).collect()
}

/// Positions by command and place in it, of the whole log.
fn stored(server: &Server) -> BTreeMap<(u64, u64), u64> {
    let page = server.store.reader().read_after(mandate_store::Position::START, usize::MAX).unwrap();
    let mut stored = BTreeMap::new();
    for event in page.events {
        let (command, n) = event.fact.id.split_once('-').unwrap();
        let twice = stored.insert((command.parse().unwrap(), n.parse().unwrap()), event.position.get());
        assert_eq!(twice, None, "{} is there twice", event.fact.id);
    }
    stored
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_hangs_up_at_any_byte_loses_no_effect_and_leaves_nothing_half_done() {
    for server in each_database() {
        let listening = Listening::start(server.router.clone()).await;
        let address = listening.address;
        let whole = exchange(address, &post_facts(&body(COMMANDS))).await;
        let acknowledged = positions(whole_body(&whole, 202).unwrap_or_else(|| panic!("{whole}")));
        let mut told = BTreeMap::from([(COMMANDS, acknowledged)]);
        let mut clients = JoinSet::new();
        for client in 0..CLIENTS {
            let (request_bytes, answer_bytes) =
                (post_facts(&body(0)).len() as u64 + 4, whole.len() as u64 + 4);
            clients.spawn(async move {
                let mut random = Random::new(client);
                let mut told = Vec::new();
                for command in (client..COMMANDS).step_by(usize::try_from(CLIENTS).unwrap()) {
                    let cut = if random.once_in(2) {
                        Cut::Request(usize::try_from(random.below(request_bytes)).unwrap())
                    } else {
                        Cut::Answer(usize::try_from(random.below(answer_bytes)).unwrap())
                    };
                    let proxy = cut_at(address, cut).await;
                    let answer = exchange(proxy, &post_facts(&body(command))).await;
                    if let Some(body) = whole_body(&answer, 202) {
                        told.push((command, positions(body)));
                    }
                }
                told
            });
        }
        while let Some(client) = clients.join_next().await {
            told.extend(client.unwrap());
        }
        // Requests that were cut may still be in hand.
        listening.end().await;
        let before = stored(&server);
        let there = |command| (0..FACTS).filter(|n| before.contains_key(&(command, *n))).count() as u64;
        let effects = (0..COMMANDS).filter(|command| there(*command) > 0).count();
        assert!((0..COMMANDS).all(|command| [0, FACTS].contains(&there(command))), "half done");
        for (command, positions) in &told {
            for (n, position) in (0..).zip(positions) {
                assert_eq!(before.get(&(*command, n)), Some(position), "{command} was acknowledged");
            }
        }
        // Some were cut before they took effect, some between their effect and their answer.
        assert!(
            effects < usize::try_from(COMMANDS).unwrap() && told.len() < effects,
            "{effects} {}",
            told.len()
        );
        let listening = Listening::start(server.router.clone()).await;
        for command in 0..COMMANDS {
            let answer = exchange(listening.address, &post_facts(&body(command))).await;
            let again = positions(whole_body(&answer, 202).unwrap_or_else(|| panic!("{answer}")));
            for (n, position) in (0..).zip(&again) {
                let first = before.get(&(command, n));
                assert!(first.is_none_or(|first| first == position), "{command} took effect twice");
            }
        }
        listening.end().await;
        assert_eq!(stored(&server).len() as u64, (COMMANDS + 1) * FACTS);
    }
}
