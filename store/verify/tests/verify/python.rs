//! The second verifier, in Python and without shared code, must come to the same end on good and bad bundles.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use mandate_verify::check::{Lack, Options, Verdict, verify_with};
use mandate_verify::note::{Checkpoint, SigningKey};

use crate::log::{Event, Log, NAME, Raw, beside, file};

/// One bundle with the checkpoints that are brought.
struct Case {
    name: String,
    bundle: Vec<u8>,
    brought: Vec<String>,
    part: bool,
}

type Edit = dyn Fn(&mut Vec<Event>);

fn python(arguments: &[&str], input: &str) -> String {
    let mut command = Command::new("python3");
    let mut child =
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap_or_else(
            |error| panic!("python3 is needed for the second verifier, and cannot be started: {error}"),
        );
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_owned();
    let writing = std::thread::spawn(move || stdin.write_all(input.as_bytes()));
    let output = child.wait_with_output().unwrap();
    writing.join().unwrap().unwrap();
    assert!(output.status.code().is_some(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

fn script() -> String {
    format!("{}/tests/verify.py", env!("CARGO_MANIFEST_DIR"))
}

/// `exit first last reason`, as the second verifier prints it.
fn line(verdict: &Verdict) -> String {
    let code = verdict.exit_code();
    match verdict {
        Verdict::Ok { first, last, .. } => format!("{code} {first} {last} ok"),
        Verdict::Altered { first, last, what } => format!("{code} {first} {last} {}", what.word()),
        Verdict::Missing { first, last, why } => format!("{code} {first} {last} {}", why.word()),
        Verdict::Unreadable { .. } => format!("{code} - - unreadable"),
    }
}

fn corpus(log: &Log) -> Vec<Case> {
    let mut cases = Vec::new();
    let mut add = |name: &str, bundle: Vec<u8>, brought: &[String]| {
        for part in [false, true] {
            cases.push(Case {
                name: name.to_owned(),
                bundle: bundle.clone(),
                brought: brought.to_vec(),
                part,
            });
        }
    };
    let held = [log.checkpoint(6)];
    let size = log.size();
    add("whole", log.whole(), &held);
    add("whole, nothing brought", log.whole(), &[]);
    add("empty", log.bundle(1, 0, &[0]), &[log.checkpoint(0)]);
    add("nothing signed", log.bundle(1, 5, &[]), &[]);
    for (first, last) in [(1, 3), (2, 9), (5, 5), (9, 10), (10, 9)] {
        for sizes in [&[10, 12][..], &[8, 11], &[4, 6, 9], &[12], &[1, 12]] {
            add(&format!("{first} to {last}, {sizes:?}"), log.bundle(first, last, sizes), &[]);
            for brought in [0, 1, 4, 9, 11] {
                add("with one brought", log.bundle(first, last, sizes), &[log.checkpoint(brought)]);
            }
            add("with two brought", log.bundle(first, last, sizes), &[log.checkpoint(12), log.checkpoint(9)]);
        }
    }
    let raw = Raw::parse(&log.bundle(2, 9, &[4, 9, 12]));
    for place in 0..=raw.0.len() {
        let mut more = raw.clone();
        more.0.insert(place, beside("a policy"));
        add("a text beside the log", more.bytes(), &held);
        more.0[place].1.pop();
        add("a text beside the log, cut", more.bytes(), &held);
    }
    for place in 0..raw.0.len() {
        add("a record left out", raw.clone().without(&[place]).bytes(), &held);
        let mut twice = raw.clone();
        twice.0.insert(place, raw.0[place].clone());
        add("a record twice", twice.bytes(), &held);
        let mut swapped = raw.clone();
        swapped.0.swap(place, (place + 3) % raw.0.len());
        add("two records swapped", swapped.bytes(), &held);
    }
    let edits: [&Edit; 6] = [
        &|events| events[2].payload = b"{}".to_vec(),
        &|events| events.truncate(4),
        &|events| events.swap(3, 4),
        &|events| events.insert(2, events[5].clone()),
        &|events| drop(events.remove(3)),
        &|events| events[4].sealed = None,
    ];
    for edit in edits {
        let mut forged = Log::new(size);
        edit(&mut forged.events);
        for (position, event) in (1..).zip(&mut forged.events) {
            event.position = position;
        }
        add("forged, not renumbered in time", forged.whole(), &held);
        for (time, event) in (1..).zip(&mut forged.events) {
            event.recorded_at = 1_000 * time;
        }
        add("forged", forged.whole(), &held);
        add("forged, two held", forged.whole(), &[log.checkpoint(2), log.checkpoint(6)]);
        forged.key = SigningKey::from_seed(NAME, &[8; 32]).unwrap();
        add("forged with another key", forged.whole(), &held);
        add("held from another key", log.whole(), &[forged.checkpoint(3)]);
    }
    let other = log.key.sign(&Checkpoint::new(NAME, size + 3, [1; 32])).unwrap();
    add("a fork that is held", log.whole(), &[other.clone(), other.replace('1', "2")]);
    let again = log.key.sign(&Checkpoint::new(NAME, size + 3, [2; 32])).unwrap();
    add("two histories", log.whole(), &[other, again]);
    cases
}

/// Some flips, cuts and changes of notes, which take the second verifier longer.
fn damaged(log: &Log) -> Vec<Case> {
    let bundle = log.bundle(2, 5, &[3, 6]);
    let case = |name: String, bundle| Case { name, bundle, brought: Vec::new(), part: false };
    let mut cases = Vec::new();
    for place in 0..bundle.len() {
        let mut flipped = bundle.clone();
        flipped[place] ^= 1 << (place * 5 % 8);
        cases.push(case(format!("flip at {place}"), flipped));
    }
    for end in (0..bundle.len()).step_by(7) {
        cases.push(case(format!("cut at {end}"), bundle[..end].to_vec()));
    }
    let raw = Raw::parse(&bundle);
    let place = raw.places(b'C')[0];
    let note = String::from_utf8(raw.0[place].1.clone()).unwrap();
    let line = note.lines().last().unwrap();
    for (from, to) in [
        ("\n3\n", "\n03\n"),
        ("\n3\n", "\n+3\n"),
        ("\n3\n", "\n9223372036854775808\n"),
        ("\n\n", "\nextension\n\n"),
        ("\n\n", "\n\n\n"),
        ("\n\n", "\r\n\r\n"),
        (line, "— other.example/log AAAAAAAA"),
        (line, "— other example/log AAAAAAAA"),
        (line, "— other+example AAAAAAAA"),
        (line, "— other\u{a0}example AAAAAAAA"),
        (line, "— other AAAA"),
        (line, "- other AAAAAAAA"),
        (line, &format!("{line}\n— other AAAAAAAA")),
        (line, &format!("{line}\n{line}")),
        (line, &line[..line.len() - 4]),
        (line, &format!("{line}=")),
        (line, &format!("{line}\n")),
    ] {
        let mut raw = raw.clone();
        raw.0[place].1 = note.replace(from, to).into_bytes();
        cases.push(case(format!("{from:?} for {to:?} in a note"), raw.bytes()));
    }
    cases
}

/// Runs the second verifier over all cases and compares it with the library; returns the lines.
fn compare(log: &Log, cases: &[Case]) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let key = log.key.verifying_key();
    let mut list = String::new();
    let mut wanted = Vec::new();
    for (number, case) in cases.iter().enumerate() {
        list += if case.part { "part" } else { "whole" };
        let mut add = |path: PathBuf| list += &format!("\t{}", path.display());
        add(file(&folder, &format!("{number}"), &case.bundle));
        for (note, text) in case.brought.iter().enumerate() {
            add(file(&folder, &format!("{number}.{note}"), text));
        }
        list.push('\n');
        let options = Options { part: case.part, progress: None };
        wanted.push(line(&verify_with(case.bundle.as_slice(), key, &case.brought, options).unwrap().verdict));
    }
    let output = python(&[&script(), "--key", &key.to_string(), "--batch"], &list);
    let found: Vec<&str> = output.lines().collect();
    assert_eq!(found.len(), cases.len(), "{output}");
    for ((case, wanted), found) in cases.iter().zip(&wanted).zip(found) {
        assert_eq!(found, wanted, "{} (part: {})", case.name, case.part);
    }
    wanted
}

#[test]
fn the_second_verifier_agrees_on_good_and_forged_bundles() {
    let log = Log::new(12);
    let lines = compare(&log, &corpus(&log));
    let reasons = [
        "ok",
        "leaf",
        "order",
        "root",
        "proof",
        "fork",
        "clock",
        "hole",
        "tail",
        "signed",
        "part",
        "before",
        "unsigned",
        "other-key",
        "unreadable",
    ];
    for reason in reasons.iter().filter(|reason| !matches!(**reason, "leaf" | "proof")) {
        assert!(lines.iter().any(|line| line.ends_with(&format!(" {reason}"))), "no case ends with {reason}");
    }
}

#[test]
fn the_second_verifier_agrees_on_damaged_bundles() {
    let log = Log::new(6);
    let lines = compare(&log, &damaged(&log));
    for reason in ["leaf", "proof", "signature", "tail", "unsigned", "other-log", "unreadable", "ok"] {
        assert!(lines.iter().any(|line| line.ends_with(&format!(" {reason}"))), "no case ends with {reason}");
    }
}

/// The exit code of the program and its line of JSON.
fn program(key: &str, case: &Case, bundle: &Path, notes: &[PathBuf]) -> (i32, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mandate-verify"));
    command.args(["--json", "--key", key]);
    for note in notes {
        command.arg("--checkpoint").arg(note);
    }
    if case.part {
        command.arg("--part");
    }
    let output = command.arg(bundle).output().unwrap();
    assert!(output.stderr.is_empty(), "{output:?}");
    (output.status.code().unwrap(), String::from_utf8(output.stdout).unwrap())
}

#[test]
fn the_program_says_the_same_and_its_json_is_json() {
    let log = Log::new(12);
    let folder = tempfile::tempdir().unwrap();
    let key = log.key.verifying_key().to_string();
    let mut printed = String::new();
    let mut wanted = String::new();
    for (number, case) in corpus(&log).iter().enumerate().step_by(3) {
        let bundle = file(&folder, &format!("{number}"), &case.bundle);
        let notes = case.brought.iter().enumerate();
        let notes: Vec<_> = notes.map(|(n, text)| file(&folder, &format!("{number}.{n}"), text)).collect();
        let options = Options { part: case.part, progress: None };
        let report =
            verify_with(case.bundle.as_slice(), log.key.verifying_key(), &case.brought, options).unwrap();
        let (code, json) = program(&key, case, &bundle, &notes);
        assert_eq!(code, i32::from(report.verdict.exit_code()), "{}", case.name);
        assert_eq!(json, report.to_json() + "\n");
        printed += &json;
        wanted += &(line(&report.verdict) + "\n");
    }
    let read = "import json, sys\n\
                for line in sys.stdin:\n    \
                    r = json.loads(line)\n    \
                    dash = lambda n: '-' if n is None else n\n    \
                    reason = r['reason'] or r['verdict']\n    \
                    print(r['exit'], dash(r['first']), dash(r['last']), reason)\n    \
                    assert r['text'] and isinstance(r['other_keys'], list)";
    assert_eq!(python(&["-c", read], &printed), wanted);
}

#[test]
fn the_second_verifier_is_a_program_of_its_own() {
    let log = Log::new(5);
    let folder = tempfile::tempdir().unwrap();
    let bundle = file(&folder, "bundle", log.bundle(1, 5, &[5]));
    let held = file(&folder, "held", log.checkpoint(3));
    let key = log.key.verifying_key().to_string();
    let run = |arguments: &[&str]| {
        let output =
            Command::new("python3").arg(script()).args(["--key", &key]).args(arguments).output().unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    };
    let (bundle, held) = (bundle.to_str().unwrap(), held.to_str().unwrap());
    assert_eq!(run(&["--checkpoint", held, bundle]), (Some(0), "0 1 5 ok\n".to_owned()));
    assert_eq!(run(&[held]), (Some(3), "3 - - unreadable\n".to_owned()));
    let why = Lack::Signed { holder: mandate_verify::check::Holder::Auditor };
    let short = file(&folder, "short", log.bundle(1, 2, &[2]));
    let wanted = line(&Verdict::Missing { first: 3, last: 3, why }) + "\n";
    assert_eq!(run(&["--checkpoint", held, short.to_str().unwrap()]), (Some(6), wanted));
}
