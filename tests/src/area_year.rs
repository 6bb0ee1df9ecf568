//! The kit of an area's year in `deploy/examples`: imported as its README says, and held against the tables there, which
//! were counted by hand.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use mandate_api::attest;
use mandate_api::import::{Checkpoint, Rejects, Target, import};
use serde_json::{Value, json};

use crate::server::Server;

/// Enough of a year for every duty of it to be settled.
const AS_AT: &str = "asAt=2025-12-31";

fn kit(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/examples/area-year").join(file)
}

fn readme() -> String {
    std::fs::read_to_string(kit("README.md")).unwrap()
}

/// The files to import in order, each with its format, as the commands of the README name them.
fn commands() -> Vec<(String, String)> {
    let mut files = Vec::new();
    for line in readme().lines().filter_map(|line| line.trim().strip_prefix("mandate import ")) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let format = words.iter().position(|word| *word == "--format").map(|at| words[at + 1]);
        let named = words.iter().filter(|word| word.ends_with(".jsonl") || word.ends_with(".csv"));
        files.extend(named.map(|file| (format.unwrap_or("cloudevents").to_owned(), (*file).to_owned())));
    }
    files
}

/// A server on the kit, with what it took and left of each file.
fn imported() -> Server {
    let server = Server::open_to_anyone();
    for (format, file) in commands() {
        let (path, lines) = (kit(&file), std::fs::read_to_string(kit(&file)).unwrap().lines().count() as u64);
        match format.strip_prefix("csv:") {
            None => {
                let target = Target::Store(&server.store);
                let (mut rejects, mut checkpoint) = (Rejects::shown(), Checkpoint::none());
                let counts = import(&path, 1, target, &mut rejects, &mut checkpoint, &mut |_| {}).unwrap();
                assert_eq!(counts.stored, lines, "{file}");
            }
            Some(kind) => {
                let kind = attest::Kind::named(kind).unwrap();
                let mut refused = Vec::new();
                let target = attest::Target::Store(&server.store);
                let mut keep = |error: &attest::RowError| {
                    refused.push(error.clone());
                    Ok(())
                };
                let counts = attest::import(&path, kind, None, target, &*server.clock, &mut keep).unwrap();
                assert_eq!((counts.stored, refused), (lines - 1, Vec::new()), "{file}");
            }
        }
    }
    server.advance("2026-03-03T10:00:00Z");
    server
}

/// The rows of the table of the README whose first column has that heading; the last column, which says why, is left
/// out.
fn table(heading: &str) -> Vec<Vec<String>> {
    let readme = readme();
    let start = format!("| {heading} |");
    let rows = readme.lines().skip_while(|line| !line.starts_with(&start)).skip(2);
    let cells = |line: &str| {
        let cells: Vec<String> =
            line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect();
        cells[..cells.len() - 1].to_vec()
    };
    let rows: Vec<_> = rows.take_while(|line| line.starts_with('|')).map(cells).collect();
    assert!(!rows.is_empty(), "the README has no table of `{heading}`");
    rows
}

fn numbers(cells: &[String]) -> Vec<u64> {
    cells.iter().map(|cell| cell.parse().unwrap()).collect()
}

/// What a table of the README counts of a cell.
const POLICY: [&str; 4] = ["met", "metLate", "overdue", "lapsed"];
const LOCAL: [&str; 3] = ["localMet", "localMissed", "localApart"];

fn figures(cell: &Value, names: &[&str]) -> Vec<u64> {
    names.iter().map(|name| cell[*name].as_u64().unwrap()).collect()
}

#[test]
fn every_file_of_the_kit_is_imported_by_a_command_of_its_readme() {
    let mut named: Vec<String> = commands().into_iter().map(|(_, file)| file).collect();
    named.sort();
    let mut there: Vec<String> = std::fs::read_dir(kit(""))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|file| file != "README.md")
        .collect();
    there.sort();
    assert_eq!(named, there);
}

#[tokio::test]
async fn compliance_of_the_year_is_as_counted_by_hand() {
    let server = imported();
    let address = format!("/v1/compliance?by=rule&from=2025-01-01&to=2025-12-31&{AS_AT}");
    let answer = server.get(&address).await.json();
    let total = &answer["totals"][0];
    for (heading, names) in [("rule", POLICY.as_slice()), ("local target", LOCAL.as_slice())] {
        let cells = answer["cells"].as_array().unwrap().iter();
        let mut counted: BTreeMap<String, Vec<u64>> = cells
            .map(|cell| (cell["of"]["rule"].as_str().unwrap().to_owned(), figures(cell, names)))
            .collect();
        counted.insert("all".to_owned(), figures(total, names));
        counted.retain(|_, outcomes| outcomes.iter().sum::<u64>() > 0);
        let by_hand: BTreeMap<String, Vec<u64>> =
            table(heading).into_iter().map(|row| (row[0].clone(), numbers(&row[1..]))).collect();
        assert_eq!(counted, by_hand, "{heading}");
    }
    assert_eq!((&total["ratePercent"], &total["withdrawn"]), (&json!("69.5"), &json!(1)), "{total}");
}

#[tokio::test]
async fn a_record_entered_late_is_overdue_as_known_before_and_met_since() {
    let server = imported();
    for (moment, outcome) in
        [("asAt=2025-04-30&knownAt=2025-04-30", "overdue"), ("asAt=2025-04-30", "met"), ("", "met")]
    {
        let page = server.get(&format!("/v1/duties?subject=nominal/N-W04&rule=4.14&{moment}")).await.json();
        assert_eq!(page["content"][0]["outcome"], outcome, "{moment}");
    }
}

#[tokio::test]
async fn reconciliation_at_the_end_of_the_year_is_as_counted_by_hand() {
    let server = imported();
    for moment in ["", AS_AT] {
        let page = server.get(&format!("/v1/reconciliation?{moment}")).await.json();
        let text = |row: &Value, name: &str| row[name].as_str().unwrap().to_owned();
        let found: Vec<Vec<String>> = page["content"]
            .as_array()
            .unwrap()
            .iter()
            .map(|row| vec![text(row, "check"), text(row, "subject"), text(row, "since")[..10].to_owned()])
            .collect();
        assert_eq!(found, table("check"), "{moment}");
    }
}

#[tokio::test]
async fn the_backlog_of_each_programme_is_as_counted_by_hand() {
    let server = imported();
    for row in table("programme") {
        let address = format!("/v1/reconciliation/backlog?area=W01&programme={}&{AS_AT}", row[0]);
        let backlog = server.get(&address).await.json();
        let days = backlog["days"].as_array().unwrap();
        let counts = [&days[0]["count"], &days[days.len() - 1]["count"]].map(ToString::to_string);
        let found = [backlog["switchedOn"].as_str().unwrap(), &counts[0], &counts[1]];
        assert_eq!(found.as_slice(), &row[1..], "{}", row[0]);
        assert_eq!(backlog["cases"].as_array().unwrap().len().to_string(), row[3]);
    }
}

#[tokio::test]
async fn statistics_of_the_year_are_as_counted_by_hand() {
    const COUNTED: [&str; 8] = [
        "recordsCreated",
        "recordsArchived",
        "partnersAdded",
        "accountsEnabled",
        "accountsDisabled",
        "accountsArchived",
        "logOns",
        "auditsHeld",
    ];
    let server = imported();
    let address = format!("/v1/reports/statistics?org=region/WR&from=2025-01-01&to=2025-12-31&{AS_AT}");
    let answer = server.get(&address).await.json();
    let counts =
        |row: &Value| -> Vec<u64> { COUNTED.iter().map(|name| row[*name].as_u64().unwrap()).collect() };
    let mut found: Vec<(String, Vec<u64>)> = answer["rows"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| (row["organisation"].as_str().unwrap().to_owned(), counts(row)))
        .collect();
    found.push(("total".to_owned(), counts(&answer["total"])));
    let by_hand: Vec<(String, Vec<u64>)> =
        table("organisation").into_iter().map(|row| (row[0].clone(), numbers(&row[1..]))).collect();
    assert_eq!(found, by_hand);
}
