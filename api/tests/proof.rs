//! What proves the log, and what keeps and destroys what is sealed in it, on the command line: exit codes and texts.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use base64ct::{Base64, Encoding as _};
use mandate_verify::Hash;
use mandate_verify::check::{self, Verdict};
use mandate_verify::note::VerifyingKey;
use mandate_verify::tree::{verify_consistency, verify_inclusion};
use serde_json::Value;
use tempfile::TempDir;

#[path = "proof/auditor.rs"]
mod auditor;

const ORDER: &str = r#"
subject = "nominal/N-1"
ordered_by = ["user/U-17", "user/U-42"]
ground = "RRD-2026-014"
"#;

/// A folder in which the verbs are run, with a log in `log`.
struct Desk(TempDir);

impl Desk {
    /// A log of some facts, of which nothing is signed yet.
    fn new(facts: u32) -> Self {
        let desk = Self(tempfile::tempdir().unwrap());
        desk.done(&["init", "log", "--empty", "--origin", "log.example"]);
        desk.import("first", facts);
        desk
    }

    /// The two people who give the order.
    fn people(&self) {
        let line = |user: &str| {
            format!(
                r#"{{"specversion":"1.0","id":"{user}","source":"/t","type":"user.registered","subject":"user/{user}","time":"2026-03-02T09:00:00Z","data":{{"org":"area/A07","role":"cpc","service":"probation"}}}}"#
            ) + "\n"
        };
        self.write("people.jsonl", &["U-17", "U-42"].map(line).concat());
        self.done(&["import", "people.jsonl", "--data-dir", "log", "--no-project"]);
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    /// Facts about three people, with a name and a note each.
    fn import(&self, name: &str, facts: u32) {
        let line = |n: u32| {
            format!(
                r#"{{"specversion":"1.0","id":"{name}-{n}","source":"/t","type":"nominal.registered","subject":"nominal/N-{}","time":"2026-03-02T09:00:00Z","data":{{"kind":"mappa","personal":{{"crn":"CRN-{n}","name":"{}"}},"note":"{}"}}}}"#,
                n % 3,
                canary(),
                canary()
            ) + "\n"
        };
        std::fs::write(
            self.path().join(name).with_extension("jsonl"),
            (0..facts).map(line).collect::<String>(),
        )
        .unwrap();
        let file = format!("{name}.jsonl");
        self.done(&["import", &file, "--data-dir", "log", "--no-project"]);
    }

    fn output(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mandate"));
        command.args(arguments).current_dir(self.path()).env_remove("MANDATE_DATABASE_URL").output().unwrap()
    }

    /// How a run ended, and what it said.
    fn run(&self, arguments: &[&str]) -> (i32, String) {
        let output = self.output(arguments);
        let said = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes).into_owned());
        (output.status.code().unwrap_or(-1), said.concat())
    }

    /// What a run prints that must end well.
    fn done(&self, arguments: &[&str]) -> String {
        let output = self.output(arguments);
        assert_eq!(
            output.status.code(),
            Some(0),
            "{arguments:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout).unwrap()
    }

    /// A run must end so, and say so.
    fn ends(&self, arguments: &[&str], code: i32, told: &str) {
        let (ended, said) = self.run(arguments);
        assert!(
            ended == code && said.contains(told),
            "{arguments:?} ended with {ended}: {said}\nwanted {code}: {told}"
        );
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path().join(name), text).unwrap();
    }

    /// Runs statements on the log as somebody with every right.
    fn tamper(&self, sql: &str) {
        let log = rusqlite::Connection::open(self.path().join("log/log.db")).unwrap();
        let triggers =
            "SELECT group_concat('DROP TRIGGER ' || name, ';') FROM sqlite_schema WHERE type = 'trigger'";
        let drop: Option<String> = log.query_row(triggers, [], |row| row.get(0)).unwrap();
        log.execute_batch(&drop.unwrap_or_default()).unwrap();
        log.execute_batch(sql).unwrap();
    }

    fn verifying_key(&self) -> VerifyingKey {
        VerifyingKey::parse(self.done(&["log", "key", "--data-dir", "log"]).trim()).unwrap()
    }
}

/// A mark in what is sealed, put together here so that no program holds it.
fn canary() -> String {
    ["QUIX", "SERVE", "CNRY"].concat()
}

fn hashes(answer: &Value, name: &str) -> Vec<Hash> {
    let texts = answer[name].as_array().unwrap();
    texts.iter().map(hash).collect()
}

fn hash(text: &Value) -> Hash {
    Base64::decode_vec(text.as_str().unwrap()).unwrap().try_into().unwrap()
}

#[test]
fn what_is_signed_is_verified_proven_and_exported() {
    let desk = Desk::new(8);
    let not_yet = "ok: positions 1 to 0 are as they were signed; 1 to 8 agree with the head row and were not signed yet";
    desk.ends(&["log", "verify", "--data-dir", "log"], 0, not_yet);
    let told: Value =
        serde_json::from_str(&desk.done(&["log", "verify", "--data-dir", "log", "--json"])).unwrap();
    assert_eq!((&told["exitCode"], &told["report"]["exitCode"]), (&0.into(), &0.into()), "{told}");
    assert_eq!(told["notSignedYet"], serde_json::json!({"first": 1, "last": 8}), "{told}");
    let bundle = ["log", "export", "--data-dir", "log", "--format", "bundle", "--out", "bundle"];
    desk.ends(&bundle, 1, "no checkpoint was signed yet; `mandate log checkpoint` signs one");

    let note = desk.done(&["log", "checkpoint", "--data-dir", "log"]);
    assert_eq!(desk.done(&["log", "checkpoint", "--data-dir", "log"]), note, "nothing was appended");
    let key = desk.verifying_key();
    let signed = key.open(&note).unwrap();
    assert_eq!((signed.origin.as_str(), signed.size), ("log.example", 8));
    assert!(std::fs::read_to_string(desk.path().join("log/checkpoints")).unwrap().contains(&note));
    desk.ends(&["log", "verify", "--data-dir", "log"], 0, "1 to 8");
    desk.write("old", &note);

    desk.import("second", 5);
    desk.ends(&["log", "verify", "--data-dir", "log"], 0, "9 to 13 agree with the head row");
    let brought = ["log", "verify", "--data-dir", "log", "--checkpoint", "old", "--json"];
    let told: Value = serde_json::from_str(&desk.run(&brought).1).unwrap();
    assert_eq!(
        (&told["exitCode"], &told["firstBad"]),
        (&6.into(), &9.into()),
        "an auditor asks what is proven: {told}"
    );
    let note = desk.done(&["log", "checkpoint", "--data-dir", "log"]);
    let newer = key.open(&note).unwrap();
    let told: Value = serde_json::from_str(&desk.done(&brought)).unwrap();
    assert_eq!(
        (&told["exitCode"], &told["head"], &told["problems"]),
        (&0.into(), &13.into(), &Value::Array(vec![]))
    );

    let proof: Value = serde_json::from_str(&desk.done(&["log", "prove", "3", "--data-dir", "log"])).unwrap();
    assert_eq!((proof["size"].as_u64(), proof["checkpoint"].as_str()), (Some(13), Some(note.as_str())));
    verify_inclusion(&hash(&proof["leaf"]), 2, 13, &hashes(&proof, "proof"), &newer.root).unwrap();
    let proof = desk.done(&["log", "prove", "--from", "8", "--to", "13", "--data-dir", "log"]);
    let proof = hashes(&serde_json::from_str(&proof).unwrap(), "proof");
    verify_consistency(8, &signed.root, 13, &newer.root, &proof).unwrap();
    let witness = desk.done(&["log", "prove", "--witness", "8", "--data-dir", "log"]);
    assert!(witness.starts_with("old 8\n") && witness.ends_with(&format!("\n\n{note}")), "{witness}");
    desk.ends(&["log", "prove", "99", "--data-dir", "log"], 1, "there is no position 99: the log ends at 13");
    desk.ends(&["log", "prove", "--from", "9", "--to", "8", "--data-dir", "log"], 1, "there is no position");

    desk.ends(&bundle, 0, "positions 1 to 13 written to bundle");
    let whole = std::fs::read(desk.path().join("bundle")).unwrap();
    let old = std::fs::read_to_string(desk.path().join("old")).unwrap();
    let report = check::verify(whole.as_slice(), &key, &[old]).unwrap();
    assert!(matches!(report.verdict, Verdict::Ok { first: 1, last: 13, .. }), "{report}");
    let part = [&bundle[..], &["--after", "4", "--up-to", "9"]].concat();
    desk.ends(&part, 0, "positions 5 to 9 written to bundle");
    let part = std::fs::read(desk.path().join("bundle")).unwrap();
    let options = check::Options { part: true, progress: None };
    let report = check::verify_with(part.as_slice(), &key, &[note], options).unwrap();
    assert!(matches!(report.verdict, Verdict::Ok { first: 5, last: 9, log_size: 13, .. }), "{report}");
    desk.ends(
        &[&bundle[..], &["--known-at", "2026-03-02"]].concat(),
        1,
        "--known-at goes with --format jsonl",
    );
}

#[test]
fn what_was_altered_ends_with_5_what_is_missing_with_6_and_either_is_named() {
    let desk = Desk::new(8);
    desk.write("old", &desk.done(&["log", "checkpoint", "--data-dir", "log"]));
    let key = desk.verifying_key().to_string();
    let untouched = std::fs::read(desk.path().join("log/log.db")).unwrap();
    let again = || {
        for beside in ["log.db-wal", "log.db-shm"] {
            std::fs::remove_file(desk.path().join("log").join(beside)).ok();
        }
        std::fs::write(desk.path().join("log/log.db"), &untouched).unwrap();
    };
    let verify = ["log", "verify", "--data-dir", "log", "--key", &key, "--checkpoint", "old"];
    for (sql, code, told) in [
        ("UPDATE events SET actor = 'x' WHERE position = 5", 5, "The event at position 5"),
        ("UPDATE events SET payload = '{}' WHERE position = 5", 5, "position 5 cannot be read"),
        (
            "UPDATE events SET sequence = 9 WHERE position = 5",
            5,
            "position 5 is event 9 of nominal/N-1, where event 2 is due",
        ),
        ("DELETE FROM events WHERE position = 5", 6, "position 5 is missing"),
        ("DELETE FROM events WHERE position > 6; UPDATE head SET position = 6", 6, "was signed of it"),
        ("UPDATE head SET recorded_at = recorded_at + 1", 5, "the head row at 8 does not hold"),
        ("DELETE FROM checkpoints", 0, "1 to 8"),
        ("DROP INDEX events_by_type", 0, "1 to 8"),
    ] {
        again();
        desk.tamper(sql);
        let (ended, said) = desk.run(&verify);
        assert!(
            ended == code && said.to_lowercase().contains(&told.to_lowercase()),
            "{sql}: {ended} {said}\nwanted {told}"
        );
        if code != 0 {
            assert!(
                said.contains("Keep the database as it is") && said.contains("restore from a backup"),
                "{said}"
            );
        }
    }
    again();
    desk.ends(&verify, 0, "1 to 8");
    desk.ends(
        &["log", "verify", "--data-dir", "log", "--key", "nobody"],
        1,
        "--key nobody: neither a public key",
    );
    desk.ends(&["log", "verify", "--data-dir", "log", "--checkpoint", "none"], 1, "none: No such file");
    desk.write("wrong", "not a note\n");
    desk.ends(
        &["log", "verify", "--data-dir", "log", "--checkpoint", "wrong"],
        3,
        "the checkpoint that you brought",
    );
    let other = Desk::new(1).verifying_key().to_string();
    desk.ends(
        &["log", "verify", "--data-dir", "log", "--key", &other, "--checkpoint", "old"],
        6,
        "not by the key that you gave",
    );
    desk.ends(&["log", "verify", "--data-dir", "none"], 1, "no log there");
}

#[test]
fn an_empty_log_is_verified_as_one() {
    let desk = Desk::new(0);
    desk.ends(&["log", "verify", "--data-dir", "log"], 0, "ok: the log is empty");
    let note = desk.done(&["log", "checkpoint", "--data-dir", "log"]);
    assert_eq!(desk.verifying_key().open(&note).unwrap().size, 0);
    desk.ends(&["log", "verify", "--data-dir", "log"], 0, "holds no event");
}

#[test]
fn a_log_without_a_signing_key_gets_one_and_one_that_lost_it_does_not() {
    let desk = Desk::new(3);
    let signing = desk.path().join("log/keys/signing");
    std::fs::remove_file(&signing).unwrap();
    desk.ends(
        &["log", "verify", "--data-dir", "log"],
        0,
        "there is no signing key, so nothing else proves them",
    );
    desk.ends(&["log", "checkpoint", "--data-dir", "log"], 1, "`mandate log key` makes one");
    desk.ends(&["log", "key", "--data-dir", "log", "--origin", "new.example"], 0, "new.example+");
    desk.done(&["log", "checkpoint", "--data-dir", "log"]);
    std::fs::remove_file(&signing).unwrap();
    desk.ends(
        &["log", "key", "--data-dir", "log"],
        1,
        "put it back; a new key would make every auditor ask why",
    );
    assert!(!signing.exists());
}

#[test]
fn a_person_is_erased_by_order_of_two() {
    let desk = Desk::new(6);
    let erase = ["erase", "nominal/N-1", "--order", "order.toml", "--data-dir", "log"];
    desk.ends(&erase, 1, "order.toml: No such file");
    for (order, told) in [
        (ORDER.replace(", \"user/U-42\"", ""), "two different people in `ordered_by`; this one names 1"),
        (ORDER.replace("U-42", "U-17"), "two different people"),
        (ORDER.replace("RRD-2026-014", ""), "an order says why in `ground`"),
        (ORDER.replace("N-1", "N-2"), "the order is about nominal/N-2, not about nominal/N-1"),
        (ORDER.replace("ground", "reason"), "order.toml: not an order"),
        (ORDER.replace("RRD-2026-014", "X777978"), "looks like a CRN, NOMS or PNC number"),
    ] {
        desk.write("order.toml", &order);
        desk.ends(&erase, 1, told);
    }
    desk.write("order.toml", ORDER);
    desk.ends(&erase, 1, "user/U-17 is no user in this log");
    desk.people();
    desk.write("order.toml", &ORDER.replace("N-1", "N-99"));
    desk.ends(
        &["erase", "nominal/N-99", "--order", "order.toml", "--data-dir", "log"],
        1,
        "nominal/N-99 is not in the log",
    );
    desk.write("order.toml", ORDER);
    let restrict = ["restrict", "nominal/N-1", "--order", "order.toml", "--data-dir", "log"];
    desk.ends(&restrict, 0, "nominal/N-1 is restricted: its personal data is kept and not shown; position 9");
    desk.ends(&[&restrict[..], &["--lift"]].concat(), 0, "nominal/N-1 is shown again; position 10");
    desk.ends(&erase, 0, "nominal/N-1 is erased: its key is destroyed, and position 11 says by whose order");
    desk.ends(&erase, 0, "position 11 says by whose order");
    let shown = desk.done(&["log", "show", "11", "--data-dir", "log"]);
    assert!(
        shown.contains("subject.erased") && shown.contains("user/U-42") && shown.contains("RRD-2026-014"),
        "{shown}"
    );
    desk.done(&["log", "checkpoint", "--data-dir", "log"]);
    desk.ends(&["log", "verify", "--data-dir", "log"], 0, "1 to 11");
    desk.ends(&["import", "first.jsonl", "--data-dir", "log", "--no-project"], 0, "already stored 6");
    desk.import("more", 0);
    let late = std::fs::read_to_string(desk.path().join("first.jsonl")).unwrap().replace("first-", "late-");
    desk.write("late.jsonl", &late);
    desk.ends(
        &["import", "late.jsonl", "--data-dir", "log", "--no-project"],
        3,
        "stored 4, already stored 0, conflicts 0, refused 2",
    );
}

#[test]
fn a_backup_is_restored_and_verified_with_erasures_carried_out() {
    let desk = Desk::new(6);
    desk.done(&["log", "checkpoint", "--data-dir", "log"]);
    let backup = ["backup", "--data-dir", "log", "--log-to", "copy/log", "--keys-to", "copy/keys"];
    desk.ends(&backup, 0, "6 events copied to copy/log, their keys to copy/keys. Keep the two apart");
    desk.ends(&backup, 1, "copy/log: not empty");
    desk.ends(&["log", "verify", "--data-dir", "copy/log"], 0, "agree with the head row");
    desk.write("order.toml", ORDER);
    desk.people();
    desk.done(&["erase", "nominal/N-1", "--order", "order.toml", "--data-dir", "log"]);

    let restore = ["restore", "--log-from", "copy/log", "--keys-from", "copy/keys", "--data-dir", "new"];
    desk.ends(&restore, 1, "put the copy of this log's key file back first");
    assert!(!desk.path().join("new/log.db").exists());
    let keys = |to: &str| {
        std::fs::create_dir_all(desk.path().join(to)).unwrap();
        for name in ["kek", "signing", "erased"] {
            std::fs::copy(desk.path().join("log/keys").join(name), desk.path().join(to).join(name)).unwrap();
        }
    };
    keys("new/keys");
    desk.ends(&restore, 0, "6 events restored; 1 subjects are erased.\nVerified.");
    desk.ends(&restore, 1, "new: not empty");
    desk.ends(&["log", "tail", "--data-dir", "new"], 0, "subject.erased");

    // With the file of checkpoints that was kept elsewhere: this copy is older than what was published.
    desk.done(&["log", "checkpoint", "--data-dir", "log"]);
    keys("short/keys");
    let short = ["restore", "--log-from", "copy/log", "--keys-from", "copy/keys", "--data-dir", "short"];
    let published = [&short[..], &["--checkpoint-file", "log/checkpoints"]].concat();
    desk.ends(&published, 6, "READ-ONLY: it ends at position 6, and a checkpoint of 9 events was published");
    let here = ["--data-dir", "short", "--checkpoint-file", "log/checkpoints"];
    desk.ends(&[&["import", "first.jsonl", "--no-project"], &here[..]].concat(), 1, "the log is read-only");
    desk.ends(&[&["erase", "nominal/N-2", "--order", "two.toml"], &here[..]].concat(), 1, "two.toml");

    // A copy that was altered.
    let copy = rusqlite::Connection::open(desk.path().join("copy/log/log.db")).unwrap();
    copy.execute_batch("DROP TRIGGER events_refuse_update; UPDATE events SET actor = 'x' WHERE position = 4")
        .unwrap();
    drop(copy);
    keys("third/keys");
    let third = ["restore", "--log-from", "copy/log", "--keys-from", "copy/keys", "--data-dir", "third"];
    desk.ends(
        &third,
        1,
        "the event at position 4 cannot be read: it does not agree with its leaf: it was altered",
    );
    desk.ends(&["backup", "--data-dir", "none", "--log-to", "a", "--keys-to", "b"], 1, "no log there");
}

#[test]
fn keys_are_rotated_and_older_copies_of_them_are_worthless() {
    let desk = Desk::new(6);
    desk.done(&["backup", "--data-dir", "log", "--log-to", "copy/log", "--keys-to", "copy/keys"]);
    desk.ends(
        &["keys", "rotate", "--data-dir", "log"],
        0,
        "3 keys are wrapped under a new key, in log/keys/kek",
    );
    desk.done(&["log", "checkpoint", "--data-dir", "log"]);
    std::fs::create_dir_all(desk.path().join("new/keys")).unwrap();
    for name in ["kek", "erased"] {
        std::fs::copy(desk.path().join("log/keys").join(name), desk.path().join("new/keys").join(name))
            .unwrap();
    }
    let restore = ["restore", "--log-from", "copy/log", "--keys-from", "copy/keys", "--data-dir", "new"];
    desk.ends(&restore, 1, "made with another key than that in");
    desk.ends(&["keys", "rotate", "--data-dir", "none"], 1, "no log there");
}

/// A server, ended when dropped.
struct Serving(Child, String);

impl Drop for Serving {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

impl Serving {
    fn start(desk: &Desk) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mandate"));
        command.args(["serve", "--data-dir", "log", "--listen", "127.0.0.1:0"]).current_dir(desk.path());
        let mut child = command.env_remove("MANDATE_DATABASE_URL").stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let first = lines.next().unwrap().unwrap();
        let address =
            first.split_whitespace().find_map(|word| word.strip_prefix("http://")).unwrap().to_owned();
        // Somebody must read what it goes on to say.
        std::thread::spawn(move || lines.for_each(drop));
        Self(child, address)
    }

    fn get(&self, path: &str) -> String {
        let mut stream = std::net::TcpStream::connect(&self.1).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
        let mut told = String::new();
        stream.read_to_string(&mut told).unwrap();
        assert!(told.starts_with("HTTP/1.1 200") || told.starts_with("HTTP/1.1 404"), "{path}: {told}");
        told
    }

    /// How often a mark stands in what it can write to of its memory, and how much that is.
    fn holds(&self, mark: &str) -> (usize, usize) {
        let maps = std::fs::read_to_string(format!("/proc/{}/maps", self.0.id())).unwrap();
        let memory = std::fs::File::open(format!("/proc/{}/mem", self.0.id())).unwrap();
        let (mut found, mut read) = (0, 0);
        for line in maps.lines().filter(|line| line.contains(" rw")) {
            let (start, end) =
                line.split_whitespace().next().and_then(|range| range.split_once('-')).unwrap();
            let number = |text| u64::from_str_radix(text, 16).unwrap();
            let (mut at, end) = (number(start), number(end));
            let mut page = vec![0; 1 << 20];
            while at < end {
                let Ok(got @ 1..) = memory.read_at(&mut page, at) else { break };
                let got = got.min(usize::try_from(end - at).unwrap());
                found += page
                    .get(..got)
                    .unwrap()
                    .windows(mark.len())
                    .filter(|window| *window == mark.as_bytes())
                    .count();
                (at, read) = (at + got as u64, read + got);
            }
        }
        (found, read)
    }
}

#[test]
fn a_server_started_after_an_erasure_holds_nothing_of_the_erased_in_its_memory() {
    let desk = Desk::new(9);
    desk.people();
    for n in 0..3 {
        let subject = format!("nominal/N-{n}");
        desk.write("order.toml", &ORDER.replace("nominal/N-1", &subject));
        desk.done(&["erase", &subject, "--order", "order.toml", "--data-dir", "log"]);
    }
    desk.done(&["keys", "rotate", "--data-dir", "log"]);
    let server = Serving::start(&desk);
    for path in
        ["/v1/events", "/v1/events/1", "/v1/nominals/N-1", "/v1/nominals/N-1/history", "/v1/duties", "/work"]
    {
        assert!(!server.get(path).contains(&canary()), "{path}");
    }
    assert!(server.get("/v1/events").contains("RRD-2026-014"));
    let (found, bytes) = server.holds(&canary());
    assert_eq!(found, 0, "in {bytes} bytes");
    // The control: what it read of the same events in clear is found.
    let (found, bytes) = server.holds("RRD-2026-014");
    assert!(found > 0 && bytes > 1_000_000, "{found} in {bytes} bytes");
    // What needs the log to itself says who has it.
    let holder = format!("in use by process {}", server.0.id());
    desk.ends(&["keys", "rotate", "--data-dir", "log"], 1, &holder);
    desk.ends(&["erase", "nominal/N-2", "--order", "order.toml", "--data-dir", "log"], 1, &holder);
    desk.ends(
        &["backup", "--data-dir", "log", "--log-to", "a", "--keys-to", "b"],
        0,
        "14 events copied to a",
    );
    desk.ends(&["log", "checkpoint", "--data-dir", "log"], 0, "log.example");
}
