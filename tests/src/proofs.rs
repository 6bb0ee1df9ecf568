//! Proofs over HTTP, checked with the verifier's own code and the public key alone.

use base64ct::{Base64, Encoding as _};
use mandate_verify::Hash;
use mandate_verify::note::{Checkpoint, VerifyingKey};
use mandate_verify::tree::{verify_consistency, verify_inclusion};
use serde_json::{Value, json};

use crate::office::Office;
use crate::server::Server;

fn meetings(ids: std::ops::Range<u32>) -> Vec<Value> {
    ids.map(|id| {
        json!({"specversion": "1.0", "id": format!("m{id}"), "source": "/t", "type": "meeting.held",
               "subject": "nominal/N1", "time": "2026-03-02T09:00:00Z", "data": {"meeting": "M", "level": 3}})
    })
    .collect()
}

fn hash(text: &Value) -> Hash {
    Base64::decode_vec(text.as_str().unwrap()).unwrap().try_into().unwrap()
}

fn hashes(list: &Value) -> Vec<Hash> {
    list.as_array().unwrap().iter().map(hash).collect()
}

/// A server with a log of 9 events, checkpoints of 5 and of 9, and what an auditor knows of them.
async fn signed() -> (Server, VerifyingKey, Vec<Checkpoint>) {
    let server = Server::signing();
    for ids in [0..5, 5..9] {
        server.state(&meetings(ids)).await;
        server.store.checkpoint().unwrap().unwrap();
    }
    let listed = server.get("/v1/checkpoints").await.json();
    let key = VerifyingKey::parse(listed["key"].as_str().unwrap()).unwrap();
    let opened = |one: &Value| key.open(one["note"].as_str().unwrap()).unwrap();
    let notes: Vec<Checkpoint> = listed["checkpoints"].as_array().unwrap().iter().map(opened).collect();
    (server, key, notes)
}

#[tokio::test]
async fn checkpoints_are_listed_the_latest_first_and_open_with_the_key_beside_them() {
    let (server, _, notes) = signed().await;
    assert_eq!(notes.iter().map(|note| note.size).collect::<Vec<_>>(), [9, 5]);
    let earlier = server.get("/v1/checkpoints?upTo=8&limit=1").await.json();
    assert_eq!(earlier["checkpoints"][0]["size"], 5);
    assert_eq!(earlier["checkpoints"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn each_event_is_proved_to_be_in_each_checkpoint_that_covers_it() {
    let (server, key, notes) = signed().await;
    let mut proved = 0;
    for position in 1..=9u64 {
        for (question, note) in [(String::new(), &notes[0]), ("?size=5".to_owned(), &notes[1])] {
            let answer = server.get(&format!("/v1/events/{position}/proof{question}")).await;
            if position > note.size {
                assert_eq!(answer.status, 400, "{}", answer.text);
                continue;
            }
            let proof = answer.json();
            let checkpoint = key.open(proof["checkpoint"].as_str().unwrap()).unwrap();
            assert_eq!((checkpoint.size, checkpoint.root), (note.size, note.root));
            let (leaf, way) = (hash(&proof["leaf"]), hashes(&proof["proof"]));
            verify_inclusion(&leaf, position - 1, note.size, &way, &note.root).unwrap();
            // The control: the same proof shows nothing of another place.
            assert!(verify_inclusion(&leaf, position % note.size, note.size, &way, &note.root).is_err());
            proved += 1;
        }
    }
    assert_eq!(proved, 14);
    assert_eq!(server.get("/v1/events/10/proof").await.status, 404);
    assert_eq!(server.get("/v1/events/1/proof?size=10").await.status, 400);
}

#[tokio::test]
async fn an_older_log_is_proved_to_be_the_beginning_of_a_newer_one() {
    let (server, _, notes) = signed().await;
    let answer = server.get("/v1/checkpoints/consistency?from=5").await.json();
    assert_eq!((&answer["from"], &answer["to"]), (&json!(5), &json!(9)));
    let way = hashes(&answer["proof"]);
    verify_consistency(5, &notes[1].root, 9, &notes[0].root, &way).unwrap();
    assert!(verify_consistency(5, &notes[0].root, 9, &notes[0].root, &way).is_err());
    for (wrong, named) in [
        ("", "from"),
        ("?from=0", "from"),
        ("?from=6&to=5", "from"),
        ("?from=5&to=10", "the log ends at 9"),
        ("?from=x", "from"),
    ] {
        let answer = server.get(&format!("/v1/checkpoints/consistency{wrong}")).await;
        assert_eq!(answer.status, 400, "{wrong}: {}", answer.text);
        assert!(answer.text.contains(named), "{wrong}: {}", answer.text);
    }
}

#[tokio::test]
async fn proofs_are_for_auditors() {
    let office = Office::open().await;
    for address in ["/v1/events/1/proof", "/v1/checkpoints", "/v1/checkpoints/consistency?from=1"] {
        assert_eq!(office.read("auditor", address).await.status, 200, "{address}");
        assert_eq!(office.read("manager", address).await.status, 403, "{address}");
    }
}
