//! A full disk, seen over HTTP: reads go on, writes are told when to come again, and it recovers by itself.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::server::Server;

/// Names the small disk to the child.
const DIR: &str = "MANDATE_TESTS_SMALL_DISK";
const MEDIA: &str = "application/cloudevents-batch+json";
const FACTS: u64 = 200;

fn batch(number: u64) -> String {
    let fact = |n| {
        json!({"specversion": "1.0", "id": format!("{number}-{n}"), "source": "/t", "type": "meeting.held",
               "subject": format!("nominal/N{n}"), "time": "2026-03-02T09:00:00Z",
               "data": {"meeting": format!("M{number}"), "level": 3}})
    };
    Value::Array((0..FACTS).map(fact).collect()).to_string()
}

/// Without the variable there is no small disk, and it only checks that an ample one takes the same facts.
#[tokio::test]
async fn facts_are_taken_until_the_disk_is_full_and_again_once_there_is_room() {
    match std::env::var_os(DIR) {
        Some(dir) => fill(Path::new(&dir)).await,
        None => assert_eq!(Server::open_to_anyone().post("/v1/facts", MEDIA, batch(0)).await.0, 202),
    }
}

async fn fill(disk: &Path) {
    let ballast = disk.join("ballast");
    std::fs::write(&ballast, vec![0; 3 << 20]).unwrap();
    let server = Server::on_disk(disk);
    let mut stored = 0;
    let refused = loop {
        let request = axum::http::Request::post("/v1/facts?on_error=all")
            .header("host", "127.0.0.1:8080")
            .header("content-type", MEDIA);
        let answer = server.send(request.body(batch(stored).into()).unwrap()).await;
        if answer.status != 202 {
            break answer;
        }
        stored += 1;
        assert!(stored < 1_000, "the disk never filled");
    };
    assert!(stored > 0);
    assert_eq!(refused.status, 503, "{}", refused.text);
    assert!(refused.headers.contains_key("retry-after"), "{:?}", refused.headers);
    assert_eq!(refused.json()["status"], json!(503));
    // Reads go on, of exactly what was acknowledged, and the refused ones stay refused.
    for _ in 0..3 {
        assert_eq!(server.post("/v1/facts?on_error=all", MEDIA, batch(stored)).await.0, 503);
        let page = server.get(&format!("/v1/events?after={}&limit=1000", stored * FACTS - FACTS)).await;
        assert_eq!(page.status, 200, "{}", page.text);
        assert_eq!(page.json()["head"], json!(stored * FACTS));
        assert_eq!(page.json()["events"].as_array().unwrap().len() as u64, FACTS);
        assert_eq!(server.get("/v1/duties").await.status, 200);
        assert_eq!(server.get("/health/liveness").await.status, 200);
    }
    std::fs::remove_file(&ballast).unwrap();
    // No hand is needed: the same server takes the same batch.
    let (status, told) = server.post("/v1/facts?on_error=all", MEDIA, batch(stored)).await;
    assert_eq!(status, 202, "{told}");
    let again = server.post("/v1/facts?on_error=all", MEDIA, batch(0)).await;
    assert_eq!(again.0, 202, "{}", again.1);
    assert_eq!(server.stored(), (stored + 1) * FACTS, "each once");
    let opened =
        mandate_store::Store::open_read_only(&server.data_dir(), &mandate_store::Database::Sqlite).unwrap();
    let mut at = mandate_store::Position::START;
    loop {
        let page = opened.read_after(at, 1_000).unwrap();
        let Some(last) = page.events.last() else { break };
        assert!(page.events.iter().all(mandate_store::StoredEvent::is_intact));
        at = last.position;
    }
    assert_eq!(at.get(), (stored + 1) * FACTS);
}

#[test]
fn on_a_full_disk_reads_go_on_and_writes_are_told_when_to_come_again() {
    let disk = tempfile::tempdir().unwrap();
    let script = r#"mount -t tmpfs -o size=8m none "$1" || exit 99; shift; exec "$@""#;
    let child = Command::new("unshare")
        .args(["--map-root-user", "--mount", "sh", "-c", script, "sh"])
        .arg(disk.path())
        .arg(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "small_disk::facts_are_taken_until_the_disk_is_full_and_again_once_there_is_room",
            "--nocapture",
        ])
        .env(DIR, disk.path())
        .output();
    match child {
        Ok(output)
            if output.status.code() == Some(99)
                || String::from_utf8_lossy(&output.stderr).contains("unshare failed") =>
        {
            println!("skipped: this machine lets no one mount a small disk");
        }
        Ok(output) => {
            let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success() && said.contains("1 passed"), "{said}");
        }
        Err(error) => println!("skipped: no `unshare` here: {error}"),
    }
}
