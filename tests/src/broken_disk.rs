//! A disk that answers with input/output errors, seen over HTTP: reads go on, writes are told when to come again, and once
//! it works again so does the program, without a hand.

use std::path::Path;
use std::process::Command;

use mandate_store::{Position, Store, StoredEvent};
use serde_json::{Value, json};

use crate::server::{Answer, Server};

/// Name the folder and what breaks it to the child.
const FOLDER: &str = "BROKEN_FOLDER";
const SWITCH: &str = "BROKEN_SWITCH";
const MEDIA: &str = "application/cloudevents-batch+json";
const FACTS: u64 = 50;

fn batch(number: u64) -> String {
    let fact = |n| {
        json!({"specversion": "1.0", "id": format!("{number}-{n}"), "source": "/t", "type": "meeting.held",
               "subject": format!("nominal/N{n}"), "time": "2026-03-02T09:00:00Z",
               "data": {"meeting": format!("M{number}"), "level": 3}})
    };
    Value::Array((0..FACTS).map(fact).collect()).to_string()
}

async fn post(server: &Server, number: u64) -> Answer {
    let request = axum::http::Request::post("/v1/facts?on_error=all")
        .header("host", "127.0.0.1:8080")
        .header("content-type", MEDIA);
    server.send(request.body(batch(number).into()).unwrap()).await
}

/// Without the variables there is no broken disk, and it only checks that a sound one takes the same facts.
#[tokio::test]
async fn facts_are_taken_while_the_disk_works() {
    let [Some(folder), Some(lever)] = [FOLDER, SWITCH].map(std::env::var_os) else {
        assert_eq!(post(&Server::open_to_anyone(), 0).await.status, 202);
        return;
    };
    let (folder, lever) = (Path::new(&folder), Path::new(&lever));
    let server = Server::on_disk(folder);
    let mut taken = 0;
    for _ in 0..5 {
        assert_eq!(post(&server, taken).await.status, 202);
        taken += 1;
        std::fs::write(lever, "").unwrap();
        for _ in 0..3 {
            let refused = post(&server, taken).await;
            assert_eq!(refused.status, 503, "{}", refused.text);
            assert!(refused.headers.contains_key("retry-after"), "{:?}", refused.headers);
            let page = server.get(&format!("/v1/events?after={}&limit=1000", (taken - 1) * FACTS)).await;
            assert_eq!(page.status, 200, "{}", page.text);
            assert_eq!(page.json()["head"], json!(taken * FACTS), "what was acknowledged, and no more");
            assert_eq!(server.get("/v1/duties").await.status, 200);
            assert_eq!(server.get("/health/liveness").await.status, 200);
        }
        std::fs::remove_file(lever).unwrap();
        let again = post(&server, taken).await;
        assert_eq!(again.status, 202, "{}", again.text);
        taken += 1;
    }
    assert_eq!(post(&server, 0).await.status, 202);
    assert_eq!(server.stored(), taken * FACTS, "each once");
    let opened = Store::open_read_only(&server.data_dir(), &mandate_store::Database::Sqlite).unwrap();
    let page = opened.read_after(Position::START, mandate_store::MAX_READ).unwrap();
    assert!(page.events.iter().all(StoredEvent::is_intact));
    assert_eq!(page.events.len() as u64, taken * FACTS);
}

#[test]
fn on_a_disk_that_fails_reads_go_on_and_writes_are_told_when_to_come_again() {
    let place = tempfile::tempdir().unwrap();
    let place = place.path().canonicalize().unwrap();
    let (shim, folder) = (place.join("broken.so"), place.join("folder"));
    std::fs::create_dir(&folder).unwrap();
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("power/broken.c");
    let compiler = std::env::var_os("CC").unwrap_or_else(|| "cc".into());
    let flags = ["-shared", "-fPIC", "-O2", "-Wall", "-Wextra", "-Werror", "-o"];
    let compiled = Command::new(compiler).args(flags).args([&shim, &source]).arg("-ldl").output().unwrap();
    assert!(compiled.status.success(), "{}", String::from_utf8_lossy(&compiled.stderr));
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "broken_disk::facts_are_taken_while_the_disk_works", "--nocapture"])
        .env("LD_PRELOAD", &shim)
        .env(FOLDER, &folder)
        .env(SWITCH, place.join("broken"))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&child.stdout) + String::from_utf8_lossy(&child.stderr);
    assert!(child.status.success() && said.contains("1 passed"), "{said}");
}
