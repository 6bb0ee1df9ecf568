//! The histories in `tests/cases`, each with the duties expected of it.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use mandate_domain::calendar::Calendar;
use mandate_domain::fact::Fact;
use mandate_domain::judge::{DutyRecord, History, Judge, View};
use mandate_domain::policy::Policy;
use mandate_domain::time::Instant;
use serde_json::Value;

fn cases() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/cases")
}

fn lines(path: &Path) -> Vec<String> {
    std::fs::read_to_string(path)
        .unwrap()
        .lines()
        .filter(|line| !line.is_empty())
        .map(str::to_owned)
        .collect()
}

/// The duties of a history as JSON, by id.
fn judged(facts: &[Fact], as_at: &str, known_at: &str) -> BTreeMap<String, Value> {
    let (policy, calendar) = (Policy::shipped().unwrap(), Calendar::shipped().unwrap());
    let mut history = History::default();
    for (fact, line) in facts.iter().zip(1..) {
        history.add(fact, fact.recorded_or_time(), line);
    }
    let view = View { as_at: Instant::parse(as_at).unwrap(), known_at: Instant::parse(known_at).unwrap() };
    let judge = Judge::new(&policy, &calendar, &history, view);
    let verdicts = judge.judge_all();
    verdicts
        .iter()
        .map(|verdict| {
            let explanation = judge.explain(verdict);
            assert!(explanation.len() >= 6 && explanation.iter().all(|step| !step.paragraph.is_empty()));
            let record = judge.record(verdict);
            let mut line = Vec::new();
            judge.write_json(verdict, &mut line);
            assert_eq!(String::from_utf8(line).unwrap(), serde_json::to_string(&record).unwrap());
            let explained = DutyRecord { explanation: Some(explanation), ..record.clone() };
            let mut line = Vec::new();
            judge.write_explained_lines(std::slice::from_ref(verdict), &mut line);
            assert_eq!(String::from_utf8(line).unwrap(), serde_json::to_string(&explained).unwrap() + "\n");
            (record.duty.clone(), serde_json::to_value(record).unwrap())
        })
        .collect()
}

fn differences(case: &Path, meta: &Value, run: &Value) -> Vec<String> {
    let facts: Vec<Fact> =
        lines(&case.join("facts.jsonl")).iter().map(|line| Fact::parse(line).unwrap()).collect();
    let rules: Vec<&str> =
        meta["rules"].as_array().unwrap().iter().map(|rule| rule.as_str().unwrap()).collect();
    let mut got = judged(&facts, run["as_at"].as_str().unwrap(), run["known_at"].as_str().unwrap());
    got.retain(|_, duty| rules.contains(&duty["rule"].as_str().unwrap()));
    let mut wrong = Vec::new();
    for line in lines(&case.join(run["expected"].as_str().unwrap())) {
        let wanted: Value = serde_json::from_str(&line).unwrap();
        let id = wanted["duty"].as_str().unwrap();
        let Some(duty) = got.remove(id) else {
            wrong.push(format!("missing: {id}"));
            continue;
        };
        for (field, value) in wanted.as_object().unwrap() {
            let mut found = duty[field].clone();
            if let (true, Some(flags)) = (field == "flags", found.as_array_mut()) {
                flags.retain(|flag| flag != "not_evidenced");
            }
            if found != *value {
                wrong.push(format!("{id} {field}: expected {value}, got {found}"));
            }
        }
    }
    wrong.extend(got.into_keys().map(|id| format!("not expected: {id}")));
    wrong
}

#[test]
fn every_case_gives_the_expected_duties() {
    let (mut runs, mut wrong) = (0, Vec::new());
    let mut folders: Vec<_> =
        std::fs::read_dir(cases()).unwrap().map(|entry| entry.unwrap().path()).collect();
    folders.sort();
    for case in folders.iter().filter(|path| path.join("case.json").exists()) {
        let meta: Value =
            serde_json::from_str(&std::fs::read_to_string(case.join("case.json")).unwrap()).unwrap();
        for run in meta["runs"].as_array().unwrap() {
            runs += 1;
            for difference in differences(case, &meta, run) {
                wrong.push(format!("{} as at {}: {difference}", case.display(), run["as_at"]));
            }
        }
    }
    assert!(runs >= 60, "only {runs} runs found");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_copies_equal_the_cases_they_were_copied_from() {
    let shared = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/cases");
    let Ok(folders) = std::fs::read_dir(&shared) else { return };
    for folder in folders.map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()) {
        for file in std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()) {
            let copy = cases().join(folder.file_name().unwrap()).join(file.file_name().unwrap());
            assert_eq!(
                std::fs::read(&file).unwrap(),
                std::fs::read(&copy).unwrap_or_default(),
                "{}",
                copy.display()
            );
        }
    }
}

/// The histories of the cases with the moments at which each is judged.
pub fn moments_of_cases() -> Vec<(String, Vec<String>, String, String)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(cases()).unwrap() {
        let case = entry.unwrap().path();
        let Ok(meta) = std::fs::read_to_string(case.join("case.json")) else { continue };
        let meta: Value = serde_json::from_str(&meta).unwrap();
        let name = case.file_name().unwrap().display().to_string();
        for run in meta["runs"].as_array().unwrap() {
            let moment = |name: &str| run[name].as_str().unwrap().to_owned();
            found.push((name.clone(), lines(&case.join("facts.jsonl")), moment("as_at"), moment("known_at")));
        }
    }
    found
}
