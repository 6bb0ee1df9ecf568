//! A full disk: a real file system of 8 MB, mounted for the test alone.

use std::path::Path;
use std::process::Command;

use mandate_store::{NewEvent, OnError, Outcome, Position, StoreError};

use crate::common::{create, event, meeting_of, whole_log};

/// Names the mounted folder to the child.
const DIR: &str = "MANDATE_STORE_SMALL_DISK";

/// Without the variable there is no small disk and it only checks that an ample one takes the same events.
#[test]
fn events_go_in_until_the_disk_is_full_and_again_once_there_is_room() {
    let ample = tempfile::tempdir().unwrap();
    match std::env::var_os(DIR) {
        Some(dir) => fill(Path::new(&dir)),
        None => {
            let store = create(ample.path());
            let outcomes = store.append_blocking(batch(0), OnError::All).unwrap();
            assert!(outcomes.iter().all(|outcome| matches!(outcome, Outcome::Stored { .. })));
        }
    }
}

fn batch(number: u64) -> Vec<NewEvent> {
    (0..200).map(|n| meeting_of(&format!("nominal/N-{n}"), &format!("{number}-{n}"))).collect()
}

fn fill(dir: &Path) {
    let ballast = dir.join("ballast");
    std::fs::write(&ballast, vec![0; 2 << 20]).unwrap();
    let store = create(dir);
    let mut stored = 0;
    let refused = loop {
        match store.append_blocking(batch(stored), OnError::All) {
            Ok(_) => stored += 1,
            Err(error) => break error,
        }
        assert!(stored < 1_000, "8 MB never filled");
    };
    assert!(matches!(&refused, StoreError::Unavailable { reason } if reason.contains("full")), "{refused}");
    assert!(stored > 0);
    // Reads go on, of exactly what was acknowledged.
    assert_eq!(whole_log(&store).len() as u64, stored * 200);
    // A subject whose key cannot be stored is refused as well, and then nothing is sealed under a lost key.
    let secret =
        event("secret", "fact.annulled", r#"{"event":{"source":"/t","id":"1"},"reason":"canary reason"}"#);
    let sealed = store.append_blocking(vec![secret.clone(); 1], OnError::All);
    // No hand is needed once there is room: the same store takes the same batch again.
    std::fs::remove_file(&ballast).unwrap();
    let outcomes = store.append_blocking(batch(stored), OnError::All).unwrap();
    let next = Position::new(stored * 200 + 1 + u64::from(sealed.is_ok()));
    assert!(matches!(outcomes[0], Outcome::Stored { position, .. } if position == next), "{outcomes:?}");
    let after = store.append_blocking(vec![secret], OnError::All).unwrap().remove(0);
    let position = after.position().unwrap();
    let event = store.reader().by_position(position).unwrap().unwrap();
    assert!(store.keys().unseal(&event).unwrap().get("reason").is_some());
}

#[test]
fn a_full_disk_refuses_writes_loses_nothing_and_needs_no_hand_to_recover() {
    let dir = tempfile::tempdir().unwrap();
    let script = r#"mount -t tmpfs -o size=8m none "$1" || exit 99; shift; exec "$@""#;
    let child = Command::new("unshare")
        .args(["--map-root-user", "--mount", "sh", "-c", script, "sh"])
        .arg(dir.path())
        .arg(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "disk_full::events_go_in_until_the_disk_is_full_and_again_once_there_is_room",
            "--nocapture",
        ])
        .env(DIR, dir.path())
        .output();
    match child {
        Ok(output) if output.status.code() == Some(99) || is_refused_namespace(&output) => {
            println!("skipped: this machine lets no one mount a small disk");
        }
        Ok(output) => {
            let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{said}");
        }
        Err(error) => println!("skipped: no `unshare` here: {error}"),
    }
}

fn is_refused_namespace(output: &std::process::Output) -> bool {
    String::from_utf8_lossy(&output.stderr).contains("unshare failed")
}
