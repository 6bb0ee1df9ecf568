//! A full disk, seen over HTTP: reads go on, writes are told when to come again, and it recovers by itself.

use std::path::{Path, PathBuf};
use std::process::Command;

use mandate_store::{Database, Position, Store, StoredEvent};
use mandate_test_cluster::{Cluster, Options};
use serde_json::{Value, json};

use crate::server::Server;

/// Names the small disk to the child, and for PostgreSQL the ample one.
const DISKS: [&str; 2] = ["MANDATE_TESTS_SMALL_DISK", "MANDATE_TESTS_AMPLE_DISK"];
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

/// Without the variables there is no small disk, and it only checks that an ample one takes the same facts.
#[tokio::test]
async fn facts_are_taken_until_the_disk_is_full_and_again_once_there_is_room() {
    match DISKS.map(std::env::var_os) {
        [Some(small), None] => {
            let small = Path::new(&small);
            let ballast = ballast(small, 3 << 20);
            fill(&Server::on_disk(small), &Database::Sqlite, &ballast).await;
        }
        [Some(small), Some(ample)] => {
            let (small, ample) = (Path::new(&small), Path::new(&ample));
            let ballast = ballast(small, 8 << 20);
            let cluster = Options::default().within(small).with_wal_in(ample.join("wal"));
            let cluster = Cluster::start(cluster).unwrap();
            let pid = cluster.pid();
            let url = cluster.fresh_database().unwrap();
            let database = Database::parse(&url).unwrap();
            fill(&Server::on_postgres(url), &database, &ballast).await;
            assert_eq!(cluster.pid(), pid, "the database was never started again");
        }
        _ => assert_eq!(Server::open_to_anyone().post("/v1/facts", MEDIA, batch(0)).await.0, 202),
    }
}

/// A file that takes room, to be given back.
fn ballast(disk: &Path, bytes: usize) -> PathBuf {
    let file = disk.join("ballast");
    std::fs::write(&file, vec![0; bytes]).unwrap();
    file
}

async fn fill(server: &Server, database: &Database, ballast: &Path) {
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
    if matches!(database, Database::Sqlite) {
        let health = server.get("/health").await;
        assert_eq!((health.status, &health.json()["components"]["disk"]["status"]), (503, &json!("DOWN")));
    }
    std::fs::remove_file(ballast).unwrap();
    assert_eq!(server.get("/health").await.json()["components"]["disk"]["status"], "UP");
    // No hand is needed: the same server takes the same batch.
    let (status, told) = server.post("/v1/facts?on_error=all", MEDIA, batch(stored)).await;
    assert_eq!(status, 202, "{told}");
    let again = server.post("/v1/facts?on_error=all", MEDIA, batch(0)).await;
    assert_eq!(again.0, 202, "{}", again.1);
    assert_eq!(server.stored(), (stored + 1) * FACTS, "each once");
    let opened = Store::open_read_only(&server.data_dir(), database).unwrap();
    let mut at = Position::START;
    loop {
        let page = opened.read_after(at, 1_000).unwrap();
        let Some(last) = page.events.last() else { break };
        assert!(page.events.iter().all(StoredEvent::is_intact));
        at = last.position;
    }
    assert_eq!(at.get(), (stored + 1) * FACTS);
}

#[test]
fn on_a_full_disk_reads_go_on_and_writes_are_told_when_to_come_again() {
    let disk = tempfile::tempdir().unwrap();
    in_a_namespace(&["--map-root-user"], "size=8m", &[disk.path()]);
}

#[test]
fn so_they_are_when_the_disk_of_postgresql_is_full() {
    // Without a user's namespace: the database runs as another user, and in one there is none.
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    let place = tempfile::Builder::new().permissions(open).tempdir().unwrap();
    let [small, ample] = ["small", "ample"].map(|name| place.path().join(name));
    std::fs::create_dir(&small).unwrap();
    std::fs::create_dir(&ample).unwrap();
    in_a_namespace(&[], "size=64m,mode=755", &[&small, &ample]);
}

/// Runs the test above with a small disk mounted on the first of some folders.
fn in_a_namespace(privileges: &[&str], options: &str, disks: &[&Path]) {
    let script = r#"mount -t tmpfs -o "$1" none "$2" || exit 99; shift 2; exec "$@""#;
    let child = Command::new("unshare")
        .args(privileges)
        .args(["--mount", "sh", "-c", script, "sh", options])
        .arg(disks[0])
        .arg(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "small_disk::facts_are_taken_until_the_disk_is_full_and_again_once_there_is_room",
            "--nocapture",
        ])
        .envs(DISKS.iter().zip(disks))
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
