//! Files into the log and out again: imported once, resumed after a break, and judged the same from an export.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use mandate_api::bulk::{Gathered, cores, judge_all};
use mandate_api::generate::{Options, Scale, generate};
use mandate_api::import::{Begin, Checkpoint, Counts, ImportError, Rejects, Target, import};
use mandate_domain::calendar::Calendar;
use mandate_domain::judge::{Judge, View};
use mandate_domain::policy::Policy;
use mandate_projections::DutyFilter;
use mandate_store::Export;
use serde_json::Value;

use crate::server::{Server, at};

fn history(folder: &Path, nominals: u32) -> PathBuf {
    let path = folder.join("history.jsonl");
    let options = Options { areas: 2, nominals, months: 6, ..Options::scale(Scale::Small) };
    let mut out = std::io::BufWriter::new(std::fs::File::create(&path).unwrap());
    generate(&options, &mut out).unwrap();
    out.flush().unwrap();
    path
}

fn run(server: &Server, file: &Path, rejects: &mut Rejects) -> Counts {
    let log = server.store.reader();
    let mut checkpoint = Checkpoint::of(file, server.folder.path(), log).unwrap();
    let target = Target::Store(&server.store);
    let counts = import(file, 2, target, rejects, &mut checkpoint, &mut |_| {}).unwrap();
    checkpoint.finish();
    counts
}

#[test]
fn a_second_run_stores_nothing_anew() {
    let server = Server::open_to_anyone();
    let file = history(server.folder.path(), 20);
    let first = run(&server, &file, &mut Rejects::shown());
    assert!(first.stored > 1_000 && first.all_taken(), "{first:?}");
    let second = run(&server, &file, &mut Rejects::shown());
    assert_eq!((second.stored, second.already_stored), (0, first.stored));
    assert_eq!(server.stored(), first.stored);
}

#[test]
fn a_run_after_a_break_goes_on_where_it_was() {
    let server = Server::open_to_anyone();
    let file = history(server.folder.path(), 200);
    let log = server.store.reader();
    let mut checkpoint = Checkpoint::of(&file, server.folder.path(), log).unwrap();
    let target = Target::Store(&server.store);
    // The first batch is stored; then the thread that keeps the books ends.
    let broken =
        import(&file, 2, target, &mut Rejects::shown(), &mut checkpoint, &mut |_| panic!("broken off"));
    assert!(matches!(broken, Err(ImportError::BrokenOff)), "{broken:?}");
    let before = server.stored();
    assert!(before > 0);
    let again = run(&server, &file, &mut Rejects::shown());
    assert_eq!(again.skipped, before);
    assert_eq!((again.already_stored, again.refused), (0, 0));
    assert_eq!(server.stored(), before + again.stored);
}

#[test]
fn a_checkpoint_of_a_log_that_was_put_back_does_not_count() {
    let (one, other) = (Server::open_to_anyone(), Server::open_to_anyone());
    let file = history(one.folder.path(), 200);
    let mut checkpoint = Checkpoint::of(&file, one.folder.path(), one.store.reader()).unwrap();
    let target = Target::Store(&one.store);
    import(&file, 2, target, &mut Rejects::shown(), &mut checkpoint, &mut |_| panic!("broken off"))
        .unwrap_err();
    let held = Checkpoint::of(&file, one.folder.path(), one.store.reader()).unwrap();
    let elsewhere = Checkpoint::of(&file, one.folder.path(), other.store.reader()).unwrap();
    assert!(held.line() > 0);
    assert_eq!(elsewhere.line(), 0);
}

#[test]
fn lines_that_are_not_taken_are_kept_with_their_reason() {
    let server = Server::open_to_anyone();
    let good = r#"{"specversion":"1.0","id":"a","source":"/t","type":"meeting.held","subject":"nominal/N1","time":"2026-03-02T09:00:00Z","data":{"meeting":"M1","level":3}}"#;
    let lines = [
        good.to_owned(),
        "{\"broken".to_owned(),
        good.replace("\"level\":3", "\"level\":2"),
        good.replace("/t", "/mandate"),
        good.replace("meeting.held", "breach.assigned"),
        good.replace("\"a\"", "\"b\"").replace("2026-03-02T", "9999-03-02T"),
        good.replace("\"a\"", "\"c\""),
    ];
    let file = server.folder.path().join("facts.jsonl");
    std::fs::write(&file, lines.join("\n")).unwrap();
    let kept = server.folder.path().join("rejects.jsonl");
    let counts = run(&server, &file, &mut Rejects::to_file(&kept, Begin::Anew).unwrap());
    assert_eq!((counts.stored, counts.conflicts, counts.refused), (2, 1, 4));
    let kept = std::fs::read_to_string(kept).unwrap();
    let kept: Vec<Value> = kept.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let mut numbers: Vec<_> = kept.iter().map(|reject| reject["line"].as_u64().unwrap()).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, [2, 3, 4, 5, 6]);
    for reject in &kept {
        let line = usize::try_from(reject["line"].as_u64().unwrap()).unwrap();
        assert_eq!(reject["text"], lines[line - 1], "whole, so that it can be mended");
        assert!(!reject["reason"].as_str().unwrap().is_empty());
    }
    let conflict = kept.iter().find(|reject| reject["line"] == 3).unwrap();
    assert!(conflict["reason"].as_str().unwrap().contains("position 1"), "{conflict}");
}

#[test]
fn a_dry_run_counts_and_stores_nothing() {
    let server = Server::open_to_anyone();
    let file = history(server.folder.path(), 20);
    let reader = server.store.reader();
    let mut none = Checkpoint::none();
    let target = Target::Check(Some(reader));
    let counts = import(&file, 2, target, &mut Rejects::shown(), &mut none, &mut |_| {}).unwrap();
    assert!(counts.stored > 1_000 && counts.all_taken());
    assert_eq!(server.stored(), 0);
}

#[test]
fn an_exported_log_is_judged_as_the_read_models_stand() {
    let server = Server::open_to_anyone();
    let now = "2026-11-02T09:00:00Z";
    server.clock.set(at(now));
    run(&server, &history(server.folder.path(), 150), &mut Rejects::shown());
    server.advance(now);
    let filter = DutyFilter { size: 10_000, ..DutyFilter::default() };
    let listed = server.projections.duties(&filter).unwrap();
    assert_eq!(listed.total_elements, listed.content.len() as u64, "all on one page");
    let projected: BTreeSet<(String, String)> =
        listed.content.into_iter().map(|row| (row.record.duty, row.record.outcome)).collect();

    let exported = server.folder.path().join("export.jsonl");
    let mut out = std::fs::File::create(&exported).unwrap();
    server.store.reader().export_jsonl(&mut out, Export::default()).unwrap();
    let mut gathered = Gathered::default();
    gathered.read(&exported, cores()).unwrap();
    assert!(gathered.bad.is_empty());
    let (policy, calendar) = (Policy::shipped().unwrap(), Calendar::shipped().unwrap());
    let judge = Judge::new(&policy, &calendar, &gathered.history, View { as_at: at(now), known_at: at(now) });
    let judged: BTreeSet<(String, String)> = judge_all(&judge, cores())
        .iter()
        .map(|verdict| (judge.duty_id(verdict), verdict.outcome.name().to_owned()))
        .collect();
    assert!(judged.len() > 500, "{}", judged.len());
    let differing: Vec<_> = judged.symmetric_difference(&projected).take(10).collect();
    assert!(differing.is_empty(), "{differing:?}");
}
