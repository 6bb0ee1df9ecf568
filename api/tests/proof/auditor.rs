//! An auditor with a bundle, the public key and no access to the service.

use mandate_verify::bundle::{Reader, Record, Writer};
use mandate_verify::check::{self, Verdict};

use super::Desk;

/// A case that became level 2 on Monday 2 March 2026 and had its record on Monday 9 March: five days were to Saturday.
const BREACH: &str = r#"
{"specversion":"1.0","id":"r1","source":"/ndelius","type":"mappa.registered","subject":"nominal/N-1","time":"2026-03-02T09:00:00Z","data":{"registration":"R1","category":2,"level":2,"area":"area/A07"}}
{"specversion":"1.0","id":"v1","source":"/visor/attested","type":"record.created","subject":"nominal/N-1","time":"2026-03-09T10:00:00Z","data":{"owner":"area/A07"}}
"#;

const DUTY: &str = "4.10:nominal/N-1:/ndelius#r1";

/// A log with that case, its bundle, and what the service says of it; then the service is gone.
fn audited() -> (Desk, String) {
    let desk = Desk::new(3);
    desk.write("breach.jsonl", BREACH);
    desk.done(&["import", "breach.jsonl", "--data-dir", "log", "--no-project"]);
    desk.done(&["log", "checkpoint", "--data-dir", "log"]);
    desk.done(&["log", "export", "--format", "bundle", "--out", "bundle", "--data-dir", "log"]);
    let known = ["--as-at", "2026-11-02", "--data-dir", "log", "--json"];
    let said = desk.done(&[&["replay"], known.as_slice()].concat());
    let key = desk.done(&["log", "key", "--data-dir", "log"]);
    desk.write("key", &key);
    std::fs::remove_dir_all(desk.path().join("log")).unwrap();
    (desk, said)
}

#[test]
fn a_bundle_is_judged_offline_as_the_service_judged_its_log_byte_for_byte() {
    let (desk, said) = audited();
    let output = desk.output(&["judge", "bundle", "--as-at", "2026-11-02", "--format", "jsonl"]);
    assert_eq!(output.status.code(), Some(4), "there is a breach in it");
    assert_eq!(String::from_utf8(output.stdout).unwrap(), said);
    assert!(said.contains(DUTY), "{said}");
}

/// The bundle as a program of another version writes it, whose 4.10 allows eight days.
fn of_another_version(bundle: &[u8]) -> Vec<u8> {
    let mut reader = Reader::new(bundle).unwrap();
    let header = reader.next_record().unwrap().and_then(|record| match record {
        Record::Header(header) => Some(header),
        _ => None,
    });
    let header = header.unwrap();
    let mut writer = Writer::new(Vec::new(), &header).unwrap();
    while let Some(record) = reader.next_record().unwrap() {
        match record {
            Record::Beside { name: "policy", text } => {
                let (before, rule) = text.split_once("id = \"4.10\"").unwrap();
                let rule = rule.replacen("due = { days = 5 }", "due = { days = 8 }", 1);
                writer.beside("policy", &format!("{before}id = \"4.10\"{rule}")).unwrap();
            }
            Record::Beside { name, text } => writer.beside(name, text).unwrap(),
            Record::Event(entry, leaf) => writer.event(&entry, &leaf).unwrap(),
            Record::Checkpoint(note) => writer.checkpoint(note).unwrap(),
            Record::Proof { size, hashes } => writer.proof(size, hashes).unwrap(),
            Record::Header(_) | Record::End(_) => {}
        }
    }
    writer.finish().unwrap()
}

#[test]
fn a_bundle_is_judged_by_the_policy_of_the_program_that_wrote_it_and_says_so() {
    let (desk, _) = audited();
    let judge = ["judge", "bundle", "--as-at", "2026-11-02", "--rules", "4.10", "--format"];
    let (judged, derived) = ([&judge[..], &["jsonl"]].concat(), [&judge[..], &["derivations"]].concat());
    let (code, said) = desk.run(&judged);
    assert!(code == 4 && said.contains("2026-03-07") && !said.contains("another version"), "{said}");
    let bundle = std::fs::read(desk.path().join("bundle")).unwrap();
    std::fs::write(desk.path().join("bundle"), of_another_version(&bundle)).unwrap();
    desk.ends(&judged, 0, "\"due_on\":\"2026-03-10\"");
    desk.ends(&judged, 0, "the bundle carries policy of another version than this program's");
    desk.write("derivations", &String::from_utf8(desk.output(&derived).stdout).unwrap());
    let check = ["check", "bundle", "--derivations", "derivations"];
    desk.ends(&check, 0, "1 of 1 derivations hold");
    desk.ends(&check, 0, "the bundle carries policy of another version than this program's");
    // Whoever names a policy is judged by that.
    desk.ends(
        &[&judged[..], &["--policy", concat!(env!("CARGO_MANIFEST_DIR"), "/../domain/policy")]].concat(),
        4,
        "03-07",
    );
}

#[test]
fn an_auditor_reproduces_one_breach_with_a_bundle_and_the_public_key_alone() {
    let (desk, _) = audited();
    // The bundle is what was signed.
    let key = std::fs::read_to_string(desk.path().join("key")).unwrap();
    let key = mandate_verify::note::VerifyingKey::parse(key.trim()).unwrap();
    let bundle = std::fs::read(desk.path().join("bundle")).unwrap();
    let report = check::verify::<String>(bundle.as_slice(), &key, &[]).unwrap();
    assert!(matches!(report.verdict, Verdict::Ok { first: 1, last: 5, .. }), "{report}");
    // Paragraph, rule version, facts and dates, in words.
    let explained = ["judge", "bundle", "--as-at", "2026-11-02", "--rules", "4.10", "--explain"];
    let (code, said) = desk.run(&explained);
    assert_eq!(code, 4);
    for wanted in [
        DUTY,
        "met late",
        "rule 4.10, version 1 in force from 2023-01-16",
        "must create a ViSOR nominal record for all cases registered at MAPPA Level 2 or 3 within 5 days",
        "/ndelius#r1",
        "counted from Monday 2 March 2026",
        "Saturday 7 March 2026: day 5",
        "/visor/attested#v1",
    ] {
        assert!(said.contains(wanted), "{said}\nwanted {wanted}");
    }
}

#[test]
fn a_bundle_of_which_a_fact_was_changed_is_not_judged() {
    let (desk, _) = audited();
    let path = desk.path().join("bundle");
    let mut bytes = std::fs::read(&path).unwrap();
    let date = b"2026-03-09T10:00:00Z";
    let at = bytes.windows(date.len()).position(|window| window == date).unwrap();
    bytes[at + 9] = b'6';
    std::fs::write(&path, bytes).unwrap();
    desk.ends(&["judge", "bundle"], 1, "is not what its leaf was made of: it was altered");
}

/// A rule file that opens a duty of so many working days from 2019 on.
fn draft(working_days: &str) -> String {
    let rule = include_str!("../../../domain/policy/4.14.toml");
    let days = format!("working_days = {working_days}");
    rule.replace("working_days = 3", &days)
        .replace("effective_from = 2023-01-16", "effective_from = 2019-01-01")
}

/// The three holidays that came as a surprise, each under a duty of which the last days lie behind it.
#[test]
fn a_surprise_holiday_moves_a_deadline_from_its_publication_on_and_not_before() {
    for (opened, working_days, [before, due_before], [after, due_after]) in [
        // The State Funeral on Monday 19 September 2022, published on 9 September at 17:51 UTC.
        ("2022-09-01", "20", ["2022-09-09T17:51:36Z", "2022-09-29"], ["2022-09-09T17:51:37Z", "2022-09-30"]),
        // The coronation holiday on Monday 8 May 2023, published on 10 November 2022 at 16:44 UTC.
        ("2022-10-31", "130", ["2022-11-10T16:44:54Z", "2023-05-09"], ["2022-11-10T16:44:55Z", "2023-05-10"]),
        // The early May holiday of 2020, moved on 10 June 2019 from Monday the 4th to Friday the 8th.
        ("2019-05-01", "256", ["2019-06-10T10:31:23Z", "2020-05-06"], ["2019-06-10T10:31:24Z", "2020-05-05"]),
    ] {
        let desk = Desk(tempfile::tempdir().unwrap());
        std::fs::create_dir(desk.path().join("draft")).unwrap();
        desk.write("draft/4.14.toml", &draft(working_days));
        desk.write(
            "facts.jsonl",
            &format!(
                r#"{{"specversion":"1.0","id":"r","source":"/t","type":"mappa.registered","subject":"nominal/N-1","time":"{opened}T09:00:00Z","data":{{"registration":"R1","category":3,"level":2,"area":"area/A07","statutory_supervision":true}}}}"#
            ),
        );
        for (known, due) in [(before, due_before), (after, due_after)] {
            let judged = [
                "judge",
                "facts.jsonl",
                "--policy",
                "draft",
                "--as-at",
                known,
                "--known-at",
                known,
                "--rules",
                "4.14",
                "--format",
                "jsonl",
            ];
            let duty = desk.done(&judged);
            assert!(duty.contains(&format!(r#""due_on":"{due}""#)), "known at {known}, due {due}: {duty}");
        }
    }
}

#[test]
fn a_derivation_is_checked_against_the_bundle_without_the_judge() {
    let (desk, _) = audited();
    let judged = ["judge", "bundle", "--as-at", "2026-11-02", "--format", "derivations"];
    let (code, derivations) = desk.run(&judged);
    assert_eq!(code, 4, "there is a breach in it");
    desk.write("derivations", &derivations);
    let check = ["check", "bundle", "--derivations", "derivations"];
    let all = derivations.lines().count();
    assert_eq!(desk.done(&check), format!("{all} of {all} derivations hold\n"));
    // What the breach was counted from, a day later: it is found out, and told which part.
    desk.write("derivations", &derivations.replace(r#""due":"2026-03-07""#, r#""due":"2026-03-08""#));
    desk.ends(&check, 5, "4.10 of nominal/N-1: due is 2026-03-07, not 2026-03-08");
    desk.write("derivations", "{}\n");
    desk.ends(&check, 3, "line 1 is no derivation");
}
