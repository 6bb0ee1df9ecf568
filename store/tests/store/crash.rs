//! `kill -9` of a process with twenty commands in flight: what it acknowledged is there, and nothing is half there.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use mandate_store::{Database, Keys, OnError, Options, Outcome, Position, Sequence, Store, StoreError};

use crate::common::{clock, meeting_of, reopen};

/// Names the folder to the child; without it the child's test makes one and stops by itself.
const DIR: &str = "MANDATE_STORE_CRASH_DIR";
/// Tells the child to hold the log open and append nothing.
const HOLD: &str = "MANDATE_STORE_HOLD";
const THREADS: u64 = 20;

/// Appends batches of two from twenty threads and prints `+ <id> <position>` for each that was acknowledged.
///
/// Alone it is a test of its own, which ends; as a child of the tests below it goes on until it is killed.
#[test]
fn twenty_threads_append_and_print_what_is_acknowledged() {
    let own = tempfile::tempdir().unwrap();
    let (dir, turns) = match std::env::var(DIR) {
        Ok(dir) => (dir.into(), u64::MAX),
        Err(_) => (own.path().to_owned(), 5),
    };
    let options = Options::new(&dir, clock());
    if !options.key_file.exists() {
        Keys::create(&options.key_file).unwrap();
    }
    let store = Store::open(options).unwrap();
    let begun_at = store.reader().head().unwrap().position;
    if std::env::var_os(HOLD).is_some() {
        println!("+ held 0");
        std::io::stdout().flush().unwrap();
        std::thread::park();
    }
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let store = &store;
            scope.spawn(move || append_turns(store, &format!("{begun_at}-{thread}"), turns));
        }
    });
    assert_eq!(store.reader().head().unwrap().position.get(), begun_at.get() + THREADS * turns * 2);
}

fn append_turns(store: &Store, name: &str, turns: u64) {
    for turn in 0..turns {
        let subject = format!("nominal/{name}");
        let batch = (0..2).map(|n| meeting_of(&subject, &format!("{name}-{turn}-{n}"))).collect();
        for (n, outcome) in store.append_blocking(batch, OnError::All).unwrap().iter().enumerate() {
            let Outcome::Stored { position, .. } = outcome else { panic!("{outcome:?}") };
            if turns < u64::MAX {
                continue;
            }
            let mut out = std::io::stdout().lock();
            writeln!(out, "+ {name}-{turn}-{n} {position}").unwrap();
            out.flush().unwrap();
        }
    }
}

fn child(dir: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", "crash::twenty_threads_append_and_print_what_is_acknowledged", "--nocapture"])
        .env(DIR, dir)
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    command
}

/// What a line of the child says was acknowledged. The test runner's own output may stand before it.
fn acknowledged(line: &str) -> Option<(String, u64)> {
    let (_, rest) = line.split_once("+ ")?;
    let (id, position) = rest.split_once(' ')?;
    Some((id.to_owned(), position.parse().ok()?))
}

#[test]
fn every_event_that_a_killed_process_acknowledged_is_there_and_no_batch_is_half_there() {
    let dir = tempfile::tempdir().unwrap();
    let mut all: HashMap<String, u64> = HashMap::new();
    for acknowledgements in [40, 400, 1_000] {
        let mut process = child(dir.path()).spawn().unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let mut heard = 0;
        while heard < acknowledgements {
            let line = lines.next().expect("the child ended by itself").unwrap();
            if let Some((id, position)) = acknowledged(&line) {
                all.insert(id, position);
                heard += 1;
            }
        }
        process.kill().unwrap();
        // What it had printed before it died counts as acknowledged too; its last line may be cut off.
        let rest: Vec<String> = lines.map_while(Result::ok).collect();
        let whole = rest.len().saturating_sub(1);
        all.extend(rest.iter().take(whole).filter_map(|line| acknowledged(line)));
        process.wait().unwrap();
        check(dir.path(), &all);
    }
}

fn check(dir: &Path, acknowledged: &HashMap<String, u64>) {
    let store = reopen(dir);
    let page = store.reader().read_after(Position::START, usize::MAX).unwrap();
    let found: HashMap<String, u64> =
        page.events.iter().map(|event| (event.fact.id.to_string(), event.position.get())).collect();
    assert_eq!(page.head.position.get(), page.events.len() as u64);
    for (id, position) in acknowledged {
        assert_eq!(found.get(id), Some(position), "{id} was acknowledged");
    }
    for event in &page.events {
        assert!(event.is_intact());
        let (stem, n) = event.fact.id.rsplit_once('-').unwrap();
        let other = format!("{stem}-{}", u8::from(n == "0"));
        assert!(found.contains_key(&other), "{} is there without the rest of its batch", event.fact.id);
    }
    let subject = page.events[0].fact.subject.to_string();
    assert!(!store.reader().read_subject(&subject, Sequence::START, 10).unwrap().is_empty());
}

#[test]
fn a_second_process_is_refused_while_the_first_lives_and_let_in_when_it_was_killed() {
    let dir = tempfile::tempdir().unwrap();
    let mut process = child(dir.path()).env(HOLD, "1").spawn().unwrap();
    let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
    while acknowledged(&lines.next().expect("the child ended by itself").unwrap()).is_none() {}
    let refused = Store::open(Options::new(dir.path(), clock())).unwrap_err();
    assert!(
        matches!(&refused, StoreError::InUse { holder, .. } if *holder == format!("process {}", process.id()))
    );
    assert!(Store::open_read_only(dir.path(), &Database::Sqlite).is_ok(), "reading is free");
    process.kill().unwrap();
    process.wait().unwrap();
    assert!(Store::open(Options::new(dir.path(), clock())).is_ok());
}
