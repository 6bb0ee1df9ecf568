//! The verbs that touch the log, run as a person runs them: what they write, what they say, how they end.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Output, Stdio};

const ORGANISATIONS: &str = "\
kind,id,name,parent,post,user,email
region,region/R1,North,,,,
area,area/A01,Ashmere,region/R1,,,
unit,unit/U1,Ashmere East,area/A01,,,
post,area/A01,Una Idowu,,cpc,user/u-1,una@example.gov.uk
";

fn mandate(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_mandate")).args(arguments).current_dir(folder).output().unwrap()
}

/// How a run ended, and what it said.
fn ended(output: &Output) -> (i32, String) {
    let said = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes).into_owned());
    (output.status.code().unwrap_or(-1), said.concat())
}

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("organisations.csv"), ORGANISATIONS).unwrap();
    folder
}

#[test]
fn init_states_the_first_facts_once() {
    let folder = folder();
    let init = ["init", "--data-dir", "log", "--organisations", "organisations.csv"];
    let (code, said) = ended(&mandate(folder.path(), &init));
    assert_eq!(code, 0, "{said}");
    assert!(
        said.contains("3 organisations, 1 people, 1 posts")
            && said.contains("copy the folder log/keys to a safe place"),
        "{said}"
    );
    let (code, said) = ended(&mandate(folder.path(), &init));
    assert!(code == 1 && said.contains("there is a log already"), "{said}");
    let (_, tail) = ended(&mandate(folder.path(), &["log", "tail", "--data-dir", "log"]));
    assert_eq!(tail.lines().count(), 6, "{tail}");
    assert!(!tail.contains("una@"), "{tail}");
}

#[test]
fn init_writes_nothing_while_a_row_is_wrong() {
    let folder = folder();
    let wrong =
        ORGANISATIONS.replace("unit,unit/U1,Ashmere East,area/A01", "unit,unit/U1,Ashmere East,area/A99");
    std::fs::write(folder.path().join("organisations.csv"), wrong).unwrap();
    let output = mandate(folder.path(), &["init", "log", "--organisations", "organisations.csv"]);
    let (code, said) = ended(&output);
    assert_eq!(code, 3, "{said}");
    assert!(
        said.contains("organisations.csv line 4, column `parent`: `area/A99` has no row of its own"),
        "{said}"
    );
    assert!(!folder.path().join("log").exists());
}

#[test]
fn what_was_imported_is_exported_and_judged() {
    let folder = folder();
    let run = |arguments: &[&str]| ended(&mandate(folder.path(), arguments));
    let small = ["generate", "--areas", "1", "--nominals", "30", "--months", "3", "--out", "facts.jsonl.gz"];
    assert_eq!(run(&small).0, 0);
    assert_eq!(run(&["init", "log", "--empty"]).0, 0);
    let (code, said) = run(&["import", "facts.jsonl.gz", "--data-dir", "log"]);
    assert!(code == 0 && said.contains("already stored 0, conflicts 0, refused 0"), "{said}");
    let (code, said) = run(&["import", "facts.jsonl.gz", "--data-dir", "log", "--no-project"]);
    assert!(code == 0 && said.contains("stored 0, already stored "), "{said}");
    assert_eq!(run(&["log", "export", "--data-dir", "log", "--out", "export.jsonl"]).0, 0);
    let judged = |file: &str| {
        let at = ["--as-at", "2026-11-02", "--known-at", "2026-11-02", "--format", "jsonl"];
        let output = mandate(folder.path(), &[&["judge", file], at.as_slice()].concat());
        assert_eq!(output.status.code(), Some(4), "there are breaches in it");
        String::from_utf8(output.stdout).unwrap()
    };
    assert_eq!(judged("export.jsonl"), judged("facts.jsonl.gz"));
}

#[test]
fn import_ends_with_3_when_a_line_was_not_taken() {
    let folder = folder();
    std::fs::write(folder.path().join("facts.jsonl"), "{}\n").unwrap();
    assert_eq!(ended(&mandate(folder.path(), &["init", "log", "--empty"])).0, 0);
    for more in [&["--dry-run"][..], &["--reject", "rejects.jsonl"]] {
        let arguments = [&["import", "facts.jsonl", "--data-dir", "log"], more].concat();
        let (code, said) = ended(&mandate(folder.path(), &arguments));
        assert!(code == 3 && said.contains("refused 1"), "{said}");
    }
    let kept = std::fs::read_to_string(folder.path().join("rejects.jsonl")).unwrap();
    assert!(kept.starts_with(r#"{"file":"facts.jsonl","line":1,"reason":"field `specversion`"#), "{kept}");
}

#[test]
fn what_cannot_be_done_is_said_with_what_to_do_next() {
    let folder = folder();
    std::fs::write(folder.path().join("wrong.toml"), "data_dir = \"x\"\nlistn = \"127.0.0.1:80\"\n").unwrap();
    for (arguments, wanted) in [
        (&["serve", "--data-dir", "none", "--listen", "127.0.0.1:0"][..], "run `mandate init`"),
        (&["serve", "--listen", "0.0.0.0:0"], "--anyone-may-read"),
        (&["demo", "--listen", "0.0.0.0:0"], "stays on this machine"),
        (&["config", "show", "--config", "wrong.toml"], "unknown field `listn`"),
        (&["serve", "--config", "none.toml"], "none.toml: cannot read it"),
        (&["log", "tail", "--data-dir", "none"], "no log there"),
        (&["import", "none.jsonl", "--data-dir", "none"], "mandate init"),
    ] {
        let (code, said) = ended(&mandate(folder.path(), arguments));
        assert!(
            code == 1 && said.contains(wanted),
            "{arguments:?} ended with {code}: {said}\nwanted {wanted}"
        );
    }
}

#[test]
fn every_paragraph_is_listed_with_what_covers_it() {
    let folder = folder();
    let run = |arguments: &[&str]| ended(&mandate(folder.path(), arguments));
    let (code, table) = run(&["policy", "list", "--coverage"]);
    assert_eq!(code, 0, "{table}");
    let line = |paragraph: &str| {
        let own = table.lines().find(|line| line.split_whitespace().next() == Some(paragraph));
        own.unwrap_or_else(|| panic!("no {paragraph} in {table}")).to_owned()
    };
    assert!(line("4.10").contains("rule 4.10; command create-record"), "{}", line("4.10"));
    assert!(line("4.31").contains("attestation quarterly, requirement.attested"), "{}", line("4.31"));
    let (code, json) = run(&["policy", "list", "--coverage", "--json"]);
    assert_eq!(code, 0, "{json}");
    let listed: serde_json::Value = serde_json::from_str(&json).unwrap();
    let lines = listed.as_array().unwrap();
    let own = lines.iter().find(|line| line["paragraph"] == "5.15").unwrap();
    assert_eq!(
        own["by"],
        serde_json::json!([{"sort": "rule", "name": "5.15"}, {"sort": "register", "name": "exemptions"}])
    );
    // One line for each, and the heading.
    assert_eq!(lines.len() + 1, table.trim_end().lines().count());
    // A table that names no such rule is refused with file and line.
    std::fs::create_dir(folder.path().join("draft")).unwrap();
    std::fs::write(folder.path().join("draft/coverage.toml"), "\"4.1\" = [{ rule = \"4.1\" }]\n").unwrap();
    let (code, said) = run(&["policy", "list", "--coverage", "--policy", "draft"]);
    assert!(code == 3 && said.contains("policy coverage.toml: line 1: there is no rule `4.1`"), "{said}");
}

#[test]
fn a_draft_that_ships_is_judged_by_its_name() {
    let folder = folder();
    let fact = r#"{"specversion":"1.0","id":"a","source":"/t","type":"mappa.registered","subject":"nominal/N1",
        "time":"2026-03-02T09:00:00Z","data":{"registration":"R","category":2,"level":2,"area":"area/A01"}}"#;
    std::fs::write(folder.path().join("facts.jsonl"), fact.replace('\n', "") + "\n").unwrap();
    let due = |policy: &[&str]| {
        let at = [
            "judge",
            "facts.jsonl",
            "--as-at",
            "2026-03-03",
            "--known-at",
            "2026-03-03",
            "--format",
            "jsonl",
        ];
        let (code, said) = ended(&mandate(folder.path(), &[&at, policy].concat()));
        assert_eq!(code, 0, "{said}");
        let duty: serde_json::Value = serde_json::from_str(&said).unwrap();
        duty["due_on"].as_str().unwrap().to_owned()
    };
    assert_eq!(due(&[]), "2026-03-07");
    assert_eq!(due(&["--policy", "five-working-days"]), "2026-03-09");
}

#[test]
fn a_policy_that_is_none_a_rule_that_is_none_and_another_calendar_are_not_taken_in_silence() {
    let folder = folder();
    let told =
        |name: &str, lines: &[&str]| std::fs::write(folder.path().join(name), lines.join("\n")).unwrap();
    let registered = r#"{"specversion":"1.0","id":"a","source":"/t","type":"mappa.registered","subject":"nominal/N1","time":"2026-03-02T09:00:00Z","data":{"registration":"R1","category":3,"level":2,"statutory_supervision":true,"area":"area/A1"}}"#;
    let holiday = r#"{"specversion":"1.0","id":"h","source":"/t","type":"bank_holidays.published","subject":"calendar/england-and-wales","time":"2026-03-01T09:00:00Z","data":{"holidays":[{"date":"2026-03-04","title":"Extra"}]}}"#;
    told("facts.jsonl", &[registered, holiday]);
    told("calendar.csv", &["date,title", "2026-12-25,Christmas Day"]);
    let judge = |more: &[&str]| {
        let at = [
            "judge",
            "facts.jsonl",
            "--as-at",
            "2026-03-03",
            "--known-at",
            "2026-03-03",
            "--format",
            "jsonl",
        ];
        ended(&mandate(folder.path(), &[&at, more].concat()))
    };
    for path in ["nofile", "facts.jsonl", "five-working-dayz", "."] {
        let (code, said) = judge(&["--policy", path]);
        assert!(
            code == 1 && said.contains("no policy there: name a folder with rule files"),
            "{path}: {code} {said}"
        );
    }
    let (code, said) = judge(&["--rules", "9.99"]);
    assert!(code == 2 && said.contains("there is no rule `9.99`; known are"), "{code} {said}");
    // Three working days after Monday 2 March, over the holiday that was published or without it.
    assert!(judge(&["--rules", "4.14"]).1.contains(r#""due_on":"2026-03-06""#));
    let (_, said) = judge(&["--rules", "4.14", "--calendar", "calendar.csv"]);
    assert!(said.contains(r#""due_on":"2026-03-05""#), "{said}");
}

#[test]
fn a_demonstration_fills_no_log_of_somebodys_own() {
    let folder = folder();
    let init = ["init", "--data-dir", "log", "--organisations", "organisations.csv"];
    assert_eq!(ended(&mandate(folder.path(), &init)).0, 0);
    let (code, said) =
        ended(&mandate(folder.path(), &["demo", "--data-dir", "log", "--listen", "127.0.0.1:0"]));
    assert!(
        code == 1 && said.contains("no demonstration") && said.contains("choose another folder"),
        "{said}"
    );
    let (_, tail) = ended(&mandate(folder.path(), &["log", "tail", "--data-dir", "log"]));
    assert_eq!(tail.lines().count(), 6, "{tail}");
}

#[test]
fn the_configuration_is_shown_as_serve_would_use_it() {
    let folder = folder();
    std::fs::write(
        folder.path().join("mandate.toml"),
        "listen = \"127.0.0.1:9000\"\n[mail]\ndir = \"letters\"\n",
    )
    .unwrap();
    let show =
        ["config", "show", "--config", "mandate.toml", "--data-dir", "elsewhere", "--smtp", "localhost:2525"];
    let (code, said) = ended(&mandate(folder.path(), &show));
    assert_eq!(code, 0, "{said}");
    for line in
        ["data_dir = \"elsewhere\"", "listen = \"127.0.0.1:9000\"", "host = \"localhost\"", "port = 2525"]
    {
        assert!(said.contains(line), "{said}\nwanted {line}");
    }
    assert!(!said.contains("letters"), "a flag wins over the file: {said}");
}

#[test]
fn a_server_that_is_told_to_stop_ends_in_order_and_keeps_others_out_meanwhile() {
    let folder = folder();
    assert_eq!(ended(&mandate(folder.path(), &["init", "log", "--empty"])).0, 0);
    let mut server = Command::new(env!("CARGO_BIN_EXE_mandate"))
        .args(["serve", "--data-dir", "log", "--listen", "127.0.0.1:0"])
        .current_dir(folder.path())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(server.stderr.take().unwrap()).lines();
    let first = lines.next().unwrap().unwrap();
    assert!(first.starts_with("Mandate at http://127.0.0.1:"), "{first}");
    std::fs::write(folder.path().join("facts.jsonl"), "{}\n").unwrap();
    let (code, said) = ended(&mandate(folder.path(), &["import", "facts.jsonl", "--data-dir", "log"]));
    assert!(code == 1 && said.contains(&format!("in use by process {}", server.id())), "{said}");
    let (code, _) = ended(&mandate(folder.path(), &["log", "tail", "--data-dir", "log"]));
    assert_eq!(code, 0, "the log is read beside a running server");
    // A server that answers also listens to signals.
    answered(first.split_whitespace().find_map(|word| word.strip_prefix("http://")).unwrap());
    let told = Command::new("kill").args(["-TERM", &server.id().to_string()]).status().unwrap();
    assert!(told.success());
    assert_eq!(server.wait().unwrap().code(), Some(0));
}

/// Asks once and waits for the answer, so that the server is known to run.
fn answered(address: &str) {
    use std::io::{Read as _, Write as _};
    let mut stream = std::net::TcpStream::connect(address).unwrap();
    stream.write_all(b"GET /health/ping HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
    let mut told = String::new();
    stream.read_to_string(&mut told).unwrap();
    assert!(told.starts_with("HTTP/1.1 200"), "{told}");
}

#[test]
fn messages_are_imported_once_and_those_in_quarantine_listed_replayed_and_given_up() {
    let folder = folder();
    let run = |arguments: &[&str]| ended(&mandate(folder.path(), arguments));
    let log = ["--data-dir", "log"];
    let with_log = |arguments: &[&str]| run(&[arguments, &log].concat());
    assert_eq!(run(&["init", "log", "--empty"]).0, 0);
    let events = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/data/hmpps-events");
    let mut lines = Vec::new();
    let mut files: Vec<_> = std::fs::read_dir(events).unwrap().map(|file| file.unwrap().path()).collect();
    files.sort();
    for file in files {
        let text = std::fs::read_to_string(file).unwrap();
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        lines.push(value.to_string());
    }
    lines.push("no message".to_owned());
    std::fs::write(folder.path().join("messages.jsonl"), lines.join("\n")).unwrap();
    let import = ["import", "--format", "hmpps", "messages.jsonl", "--no-project"];
    let dry = with_log(&[&import, ["--dry-run"].as_slice()].concat());
    assert!(dry.0 == 3 && dry.1.contains("would be stored 9, already stored 0"), "{}", dry.1);
    let (code, said) = with_log(&[&import, ["--reject", "rejects.jsonl"].as_slice()].concat());
    assert!(
        code == 3
            && said
                .contains("stored 6, already stored 0, conflicts 0, refused 1, ignored 5, in quarantine 3"),
        "{said}"
    );
    let kept = std::fs::read_to_string(folder.path().join("rejects.jsonl")).unwrap();
    assert!(kept.contains("\"line\":15,\"reason\":\"not JSON"), "{kept}");
    let (_, said) = with_log(&import);
    assert!(said.contains("stored 0, already stored 6,"), "{said}");

    let (code, listed) = with_log(&["quarantine", "list"]);
    assert_eq!((code, listed.lines().count()), (0, 3), "{listed}");
    let id = |needs: &str| {
        let line = listed.lines().find(|line| line.contains(needs)).unwrap();
        serde_json::from_str::<serde_json::Value>(line).unwrap()["id"].as_str().unwrap().to_owned()
    };
    std::fs::write(folder.path().join("more.json"), r#"{"prison":"prison/LEI"}"#).unwrap();
    let needing = id("needs prison");
    let (code, said) = with_log(&["quarantine", "replay", &needing, "--enrichment", "more.json"]);
    assert!(code == 0 && said.contains("stored as rotl.approved"), "{said}");
    let (code, said) = with_log(&["quarantine", "replay"]);
    assert!(code == 3 && said.matches("waits: needs manager").count() == 2, "{said}");
    let (code, said) = with_log(&["quarantine", "discard", &id("pom.allocated"), "--reason", "a test"]);
    assert!(code == 0 && said.contains("is discarded"), "{said}");
    assert_eq!(with_log(&["quarantine", "list"]).1.lines().count(), 1);
    assert_eq!(with_log(&["quarantine", "list", "--all"]).1.lines().count(), 3);
    let (code, said) = with_log(&["quarantine", "discard", &needing, "--reason", "a test"]);
    assert!(code == 1 && said.contains("was replayed before"), "{said}");
}

#[test]
fn a_sample_of_a_register_is_printed_and_imported_and_wrong_rows_are_kept() {
    let folder = folder();
    let run = |arguments: &[&str]| ended(&mandate(folder.path(), arguments));
    assert_eq!(run(&["init", "log", "--empty"]).0, 0);
    let sample = mandate(folder.path(), &["import", "--format", "csv:minutes", "--sample"]);
    let text = String::from_utf8(sample.stdout).unwrap();
    assert!(
        text.starts_with("nominal,crn,noms,pnc,visor_ref,act,date,time,by,recorded,meeting,level\n"),
        "{text}"
    );
    let wrong = format!("{text}N-1,,,,,held,2026-03-02,,user/u-17,,M-1,4\n");
    std::fs::write(folder.path().join("minutes.csv"), wrong).unwrap();
    let import = ["import", "--format", "csv:minutes", "minutes.csv", "--data-dir", "log"];
    let (code, said) = run(&[&import, ["--dry-run"].as_slice()].concat());
    assert!(code == 3 && said.contains("would be stored 2"), "{said}");
    let (code, said) = run(&[&import, ["--reject", "rejects.jsonl"].as_slice()].concat());
    assert!(code == 3 && said.contains("stored 2, already stored 0, conflicts 0, refused 1"), "{said}");
    let kept = std::fs::read_to_string(folder.path().join("rejects.jsonl")).unwrap();
    assert!(kept.contains("column `level`: `4`: expected a whole number from 1 to 3"), "{kept}");
    assert!(run(&import).1.contains("stored 0, already stored 2"), "the same file again");
    std::fs::write(folder.path().join("minutes.csv"), "meeting\n").unwrap();
    let (code, said) = run(&import);
    assert!(code == 3 && said.contains("minutes.csv: line 1: column `act` is missing"), "{said}");
    let (code, said) = run(&["import", "--format", "csv:none", "minutes.csv"]);
    assert!(code == 2 && said.contains("csv:records"), "{said}");
}

/// A folder with a log of a small history.
fn with_history() -> tempfile::TempDir {
    let folder = folder();
    let run = |arguments: &[&str]| ended(&mandate(folder.path(), arguments));
    let small = ["generate", "--areas", "1", "--nominals", "30", "--months", "3", "--out", "facts.jsonl.gz"];
    assert_eq!(run(&small).0, 0);
    assert_eq!(run(&["init", "log", "--empty"]).0, 0);
    assert_eq!(run(&["import", "facts.jsonl.gz", "--data-dir", "log"]).0, 0);
    folder
}

#[test]
fn what_is_replayed_from_the_log_alone_is_what_is_judged_from_its_export() {
    let folder = with_history();
    let text = |arguments: &[&str]| {
        let output = mandate(folder.path(), arguments);
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    };
    assert_eq!(text(&["log", "export", "--data-dir", "log", "--out", "export.jsonl"]).0, Some(0));
    let at = ["--as-at", "2026-11-02", "--known-at", "2026-11-02"];
    let judged = text(&[&["judge", "export.jsonl", "--format", "jsonl"], &at[..]].concat()).1;
    // The read models have no part in it.
    std::fs::remove_file(folder.path().join("log/read.db")).unwrap();
    let replayed = text(&[&["replay", "--data-dir", "log", "--json"], &at[..]].concat());
    assert_eq!(replayed, (Some(0), judged.clone()));
    let duty: serde_json::Value = serde_json::from_str(judged.lines().next().unwrap()).unwrap();
    let (id, subject) = (duty["duty"].as_str().unwrap(), duty["subject"].as_str().unwrap());
    let of_one =
        text(&[&["replay", "--data-dir", "log", "--json", "--subject", subject], &at[..]].concat()).1;
    let own = format!("\"subject\":\"{subject}\"");
    assert_eq!(of_one.lines().count(), judged.lines().filter(|line| line.contains(&own)).count());
    assert!(of_one.lines().all(|line| line.contains(&own)));
    let (code, said) = text(&[&["explain", id, "--data-dir", "log"], &at[..]].concat());
    assert_eq!(code, Some(0));
    let paragraph = duty["paragraph"].as_str().unwrap();
    assert!(said.starts_with(id) && said.contains(paragraph) && said.lines().count() > 3, "{said}");
    let reference = said.split('(').nth(1).unwrap().split(')').next().unwrap();
    assert_eq!(text(&[&["explain", reference, "--data-dir", "log"], &at[..]].concat()).1, said);
    // In references alone it holds against the export, by a checker that shares no code with the judge.
    let (code, derivation) = text(&[&["explain", id, "--derivation", "--data-dir", "log"], &at[..]].concat());
    assert!(code == Some(0) && derivation.lines().count() == 1 && derivation.len() <= 401, "{derivation}");
    std::fs::write(folder.path().join("derivation"), &derivation).unwrap();
    let checked = text(&["check", "export.jsonl", "--derivations", "derivation"]);
    assert_eq!(checked, (Some(0), "1 of 1 derivations hold\n".to_owned()));
    let (code, said) = ended(&mandate(folder.path(), &["explain", "D-00000000", "--data-dir", "log"]));
    assert!(code == 3 && said.contains("mandate replay"), "{said}");
}

#[test]
fn damaged_read_models_are_told_and_made_anew_without_a_hand() {
    let folder = with_history();
    let run = |arguments: &[&str]| ended(&mandate(folder.path(), arguments));
    let file = folder.path().join("log/read.db");
    let compare = ["projections", "compare", "--data-dir", "log"];
    let whole = std::fs::read(&file).unwrap();
    let mut torn = whole.clone();
    torn[100..4096].fill(0xAA);
    for damaged in [b"this is no database, whatever its name says".repeat(200), torn] {
        std::fs::write(&file, damaged).unwrap();
        let (code, said) = run(&["tick", "--data-dir", "log"]);
        assert!(code == 1 && said.contains("mandate projections rebuild"), "{said}");
        let (code, said) = run(&["projections", "rebuild", "--data-dir", "log"]);
        assert!(code == 0 && said.contains("made anew from"), "{said}");
        let (code, said) = run(&compare);
        assert!(code == 0 && said.ends_with("the same\n"), "{said}");
    }
}

#[test]
fn users_are_listed_and_a_log_of_this_program_needs_no_migration() {
    let folder = folder();
    let run = |arguments: &[&str]| ended(&mandate(folder.path(), arguments));
    assert_eq!(run(&["init", "--data-dir", "log", "--organisations", "organisations.csv"]).0, 0);
    let (code, said) = run(&["people", "--data-dir", "log"]);
    assert!(code == 0 && said.contains("user/u-1") && said.ends_with("1 users\n"), "{said}");
    assert!(!said.contains("una@") && !said.contains("Idowu"), "{said}");
    let (_, none) = run(&["people", "--data-dir", "log", "--org", "area/A99", "--json"]);
    assert_eq!(none, "[]\n");
    let (code, said) = run(&["migrate", "--data-dir", "log"]);
    assert!(code == 0 && said.contains("as this program reads it"), "{said}");
    let (code, said) = run(&["migrate", "--data-dir", "none"]);
    assert!(code == 1 && said.contains("no log there") && !folder.path().join("none").exists(), "{said}");
}

#[test]
fn a_draft_is_told_apart_rule_by_rule() {
    let folder = folder();
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("../domain/policy/4.10.toml");
    let text = std::fs::read_to_string(shipped).unwrap();
    std::fs::create_dir(folder.path().join("draft")).unwrap();
    let run = |text: &str| {
        std::fs::write(folder.path().join("draft/4.10.toml"), text).unwrap();
        ended(&mandate(folder.path(), &["policy", "diff", "--draft", "draft"]))
    };
    assert_eq!(run(&text), (0, "no rule differs\n".to_owned()));
    let due = "due = { days = 5 }";
    assert!(text.contains(due));
    let (code, said) = run(&text.replacen(due, "due = { working_days = 9 }", 1));
    assert_eq!(code, 5, "{said}");
    assert!(said.starts_with("4.10: version 1: ") && said.contains("5 days"), "{said}");
    assert!(said.contains("9 working days"), "{said}");
    let (code, said) = run(&text.replacen(due, "due = { dayz = 9 }", 1));
    assert!(code == 3 && said.contains("4.10.toml"), "{said}");
}

#[test]
fn completions_and_manual_pages_name_every_verb() {
    let folder = folder();
    let run = |arguments: &[&str]| ended(&mandate(folder.path(), arguments));
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let (code, said) = run(&["completions", shell]);
        assert!(code == 0 && said.contains("replay") && said.contains("explain"), "{shell}");
    }
    let (code, page) = run(&["man"]);
    assert!(code == 0 && page.starts_with('.') && page.contains("replay"), "{page}");
    std::fs::create_dir(folder.path().join("man1")).unwrap();
    assert_eq!(run(&["man", "man1"]).0, 0);
    for page in ["mandate.1", "mandate-log.1", "mandate-policy-diff.1"] {
        assert!(folder.path().join("man1").join(page).exists(), "{page}");
    }
}

/// A real `OpenID` provider, in another process: see `tests/oidc/walk.mjs`.
#[test]
fn people_and_machines_sign_in_at_a_real_openid_provider() {
    let walk = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/oidc");
    assert!(
        walk.join("node_modules/oidc-provider").is_dir(),
        "run tests/setup.sh first: it installs the provider"
    );
    let program = env!("CARGO_BIN_EXE_mandate");
    let output = Command::new("node").arg("walk.mjs").arg(program).current_dir(walk).output();
    let (code, said) = ended(&output.unwrap_or_else(|error| panic!("node: {error}; see tests/setup.sh")));
    assert_eq!(code, 0, "{said}");
}
