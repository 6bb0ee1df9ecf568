//! Rows and checkpoint stay in step however the program ends: a child that states facts and follows them is killed at
//! any moment, and what it leaves is compared with what the log gives.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use mandate_domain::time::{Instant, VirtualClock};
use mandate_projections::Projections;
use mandate_store::{Claim, Keys, NewEvent, OnError, Options, Store};

/// Names the folder in which a child works.
const CHILD: &str = "MANDATE_KILLED_CHILD";
const KILLS: u64 = 12;
const NOMINALS: u64 = 40;

fn open(folder: &Path) -> (Store, Projections, Arc<VirtualClock>) {
    let clock = Arc::new(VirtualClock::new(Instant::parse("2026-03-02T09:00:00Z").unwrap()));
    let store = Store::open(Options::new(folder, clock.clone())).unwrap();
    let projections = Projections::open(folder, &store).unwrap();
    (store, projections, clock)
}

/// States facts and follows them until it is killed.
#[test]
fn child() {
    let Ok(folder) = std::env::var(CHILD) else { return };
    let (store, projections, clock) = open(&PathBuf::from(folder));
    let head = store.reader().head().unwrap();
    let mut now = head.recorded_at.max(Instant::parse("2026-03-02T09:00:00Z").unwrap());
    println!("ready");
    for n in head.position.get().. {
        now = now.plus_seconds(i64::try_from(n % 7).unwrap() * 4000 + 1);
        clock.set(now);
        let subject = format!("nominal/N{}", n % NOMINALS);
        let (kind, data) = match n / NOMINALS % 4 {
            0 => (
                "mappa.registered",
                format!(r#"{{"registration":"R{n}","category":2,"level":2,"area":"area/A1"}}"#),
            ),
            1 => ("record.created", r#"{"owner":"area/A1"}"#.to_owned()),
            2 => ("record.deleted", "{}".to_owned()),
            _ => (
                "mappa.registered",
                format!(r#"{{"registration":"R{n}","category":2,"level":1,"area":"area/A2"}}"#),
            ),
        };
        let text = format!(
            r#"{{"specversion":"1.0","id":"e{n}","source":"/t","type":"{kind}","subject":"{subject}","time":"{now}","data":{data}}}"#
        );
        let event = NewEvent::parse(&text, Claim::Ignore).unwrap();
        store.append_blocking(vec![event], OnError::All).unwrap();
        if n % 3 == 0 {
            projections.advance_in_pages(now, 2).unwrap();
        }
        if n % 50 == 0 {
            drop(Projections::compare(store_folder().as_path(), store.reader()).unwrap());
        }
    }
}

fn store_folder() -> PathBuf {
    PathBuf::from(std::env::var(CHILD).unwrap())
}

#[test]
fn rows_and_checkpoint_are_in_step_after_a_kill_at_any_moment() {
    use std::io::{BufRead as _, BufReader};
    let folder = tempfile::tempdir().unwrap();
    Keys::create(&folder.path().join("keys/kek")).unwrap();
    let mut followed = 0;
    for round in 0..KILLS {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "child", "--nocapture"])
            .env(CHILD, folder.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        assert!(lines.map_while(Result::ok).any(|line| line.contains("ready")), "the child did not begin");
        // Nobody ever tells anything: this waits a moment of another length each time.
        let (told, heard) = std::sync::mpsc::channel::<()>();
        let _ = heard.recv_timeout(Duration::from_millis(150 + round * 37 % 200));
        drop(told);
        child.kill().unwrap();
        child.wait().unwrap();
        let (store, projections, _) = open(folder.path());
        let left = projections.progress().unwrap();
        assert!(left.position <= store.reader().head().unwrap().position);
        // What is left is what the log gives up to there, once the clock was followed to where it stands.
        if left.next_at.is_none_or(|next| next > left.at) {
            let compared = Projections::compare(folder.path(), store.reader()).unwrap();
            assert_eq!(compared.differences, [], "round {round}");
            followed += 1;
        }
        projections.advance(left.at.max(store.reader().head().unwrap().recorded_at)).unwrap();
        let compared = Projections::compare(folder.path(), store.reader()).unwrap();
        assert_eq!(compared.differences, [], "round {round}");
        assert_eq!(compared.live, compared.rebuilt);
    }
    assert!(followed > 0, "no kill came when the clock was followed");
}
