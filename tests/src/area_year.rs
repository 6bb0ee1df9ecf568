//! The kit of an area's year in `deploy/examples`: imported as its README says, and held against the tables there, which
//! were counted by hand.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use axum::body::Body;
use mandate_api::attest;
use mandate_api::http::Tellers;
use mandate_api::import::{Checkpoint, Rejects, Target, import};
use mandate_api::tokens::{Opens, Tokens, make_for_user};
use mandate_domain::time::Clock as _;
use serde_json::{Value, json};

use crate::server::{Answer, Server, at, get};

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
        let is_file = |word: &&&str| {
            let ending = Path::new(word).extension().and_then(|ending| ending.to_str());
            matches!(ending, Some("jsonl" | "csv"))
        };
        let named = words.iter().filter(is_file);
        files.extend(named.map(|file| (format.unwrap_or("cloudevents").to_owned(), (*file).to_owned())));
    }
    files
}

/// A server on the kit, in the spring after.
fn imported() -> Server {
    imported_by(Server::open_to_anyone())
}

fn imported_by(server: Server) -> Server {
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
    server.projections.advance(server.clock.now()).unwrap();
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

/// The rows of a register, each with some of its columns as CSV.
async fn register(server: &Server, address: &str, columns: &[&str]) -> Vec<Vec<String>> {
    let separator = if address.contains('?') { '&' } else { '?' };
    let answer = server.get(&format!("{address}{separator}format=csv")).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let mut lines = answer.text.lines().map(|line| line.split(',').map(str::to_owned).collect::<Vec<_>>());
    let header = lines.next().unwrap();
    let places: Vec<usize> =
        columns.iter().map(|name| header.iter().position(|own| own == name).unwrap()).collect();
    let rows: Vec<Vec<String>> =
        lines.map(|cells| places.iter().map(|place| cells[*place].clone()).collect()).collect();
    let json = server.get(address).await.json();
    assert_eq!(json["totalElements"], json!(rows.len()), "{address}: as many as JSON");
    rows
}

#[tokio::test]
async fn each_register_is_as_counted_by_hand() {
    let server = imported();
    for (heading, address, columns) in [
        ("user", "/v1/people", ["user", "organisation", "vetting", "account", "posts"].as_slice()),
        (
            "body",
            "/v1/organisations",
            &["organisation", "posts", "enabled_users", "terminals", "approved_terminals"],
        ),
        ("audited", "/v1/audits", &["organisation", "audit", "last_on", "held", "next_due_on", "status"]),
        ("terminal", "/v1/terminals", &["terminal", "status", "approved_unassessed"]),
        (
            "archived record",
            "/v1/retention",
            &["nominal", "archived_on", "reviewed_on", "review_due_on", "due"],
        ),
    ] {
        let mut found = register(&server, &format!("{address}?{AS_AT}"), columns).await;
        for row in &mut found {
            row[0] = row[0].trim_start_matches("user/").to_owned();
        }
        assert_eq!(found, table(heading), "{heading}");
    }
}

#[tokio::test]
async fn attestations_of_the_year_are_as_counted_by_hand() {
    let server = imported();
    let year = "from=2025-01-01&to=2025-12-31&asAt=2026-01-31";
    for row in table("attesting") {
        let mut counts = Vec::new();
        for outcome in ["met", "not_met", "working_towards", "not_evidenced"] {
            let address = format!("/v1/attestations?org={}&outcome={outcome}&{year}", row[0]);
            counts.push(server.get(&address).await.json()["totalElements"].to_string());
        }
        assert_eq!(counts, row[1..], "{}", row[0]);
    }
    let address = format!("/v1/attestations?org=area/W01&paragraph=4.37&{year}");
    let found = register(&server, &address, &["from", "outcome", "sample"]).await;
    let wanted = [
        ["2025-01-01", "met", "18/20"],
        ["2025-04-01", "not_met", "9/20"],
        ["2025-07-01", "working_towards", "14/20"],
        ["2025-10-01", "not_evidenced", ""],
    ];
    assert_eq!(found, wanted);
}

#[tokio::test]
async fn registers_are_filtered_and_looked_at_as_at_and_as_known_at() {
    let server = imported();
    for (address, found) in [
        ("/v1/people?expiring=90&asAt=2025-12-31", 3),
        ("/v1/people?expiring=60&asAt=2025-12-31", 2),
        ("/v1/people?expiring=30&asAt=2025-12-31", 1),
        ("/v1/people?expiring=0&asAt=2025-12-31", 0),
        ("/v1/people?account=enabled&left=true&asAt=2025-12-31", 1),
        ("/v1/people?area=W01&asAt=2025-12-31", 9),
        ("/v1/people?org=prison-group/WG&asAt=2025-12-31", 3),
        // U-05's vetting ended on 30 June, the account was disabled on 4 July.
        ("/v1/people?expiring=0&asAt=2025-06-30", 1),
        ("/v1/people?expiring=0&account=disabled&asAt=2025-07-10", 1),
        ("/v1/people?missing=vetting&asAt=2025-07-10", 1),
        // U-11 began training on 7 April without vetting.
        ("/v1/people?missing=vetting&area=W01&asAt=2025-04-08", 0),
        ("/v1/people?missing=training&asAt=2025-04-08", 1),
        ("/v1/people?asAt=2024-09-01", 0),
        ("/v1/people?asAt=2025-12-31&knownAt=2025-02-28", 11),
        ("/v1/organisations?kind=unit&asAt=2025-12-31", 2),
        ("/v1/audits?overdue=true&asAt=2025-12-31", 4),
        ("/v1/audits?overdue=true&asAt=2025-01-31", 0),
        ("/v1/terminals?status=approved&asAt=2025-12-31", 2),
        ("/v1/retention?due=true&asAt=2025-12-31", 1),
        ("/v1/retention?asAt=2025-10-31", 2),
    ] {
        let page = server.get(address).await.json();
        assert_eq!(page["totalElements"], json!(found), "{address}: {page}");
    }
    let vacant = server.get("/v1/organisations?org=unit/W01B&asAt=2025-09-10").await.json();
    assert_eq!(vacant["content"][0]["posts"][0]["status"], "vacant", "{vacant}");
    for wrong in
        ["/v1/people?expiring=20", "/v1/people?missing=hat", "/v1/audits?sort=colour", "/v1/terminals?x=1"]
    {
        assert_eq!(server.get(wrong).await.status, 400, "{wrong}");
    }
}

/// The kit at the end of its year, and a token of each of some users.
pub fn office(users: &[&'static str], more: &[Value]) -> (Server, BTreeMap<&'static str, String>) {
    use std::os::unix::fs::PermissionsExt as _;
    let (mut file, mut tokens) = (String::new(), BTreeMap::new());
    for user in users {
        let (token, entry) = make_for_user(user, &format!("user/{user}"), Opens::Everything).unwrap();
        tokens.insert(*user, token);
        file.push_str(&entry);
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tokens.toml");
    std::fs::write(&path, file).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    let server = Server::new(Tellers::Tokens(Tokens::read(&path).unwrap()));
    server.clock.set(at("2025-12-31T20:00:00Z"));
    let file = server.folder.path().join("more.jsonl");
    std::fs::write(&file, more.iter().map(|fact| format!("{fact}\n")).collect::<String>()).unwrap();
    let (mut rejects, mut checkpoint) = (Rejects::shown(), Checkpoint::none());
    let counts =
        import(&file, 1, Target::Store(&server.store), &mut rejects, &mut checkpoint, &mut |_| {}).unwrap();
    assert_eq!(counts.stored, more.len() as u64);
    (imported_by(server), tokens)
}

pub async fn read(server: &Server, token: &str, address: &str) -> Answer {
    let request = get(address).header("authorization", format!("Bearer {token}"));
    server.send(request.body(Body::empty()).unwrap()).await
}

#[tokio::test]
async fn a_register_shows_to_each_what_their_right_reaches_and_to_a_board_no_person() {
    let users = ["U-01", "U-02", "U-06", "U-07", "U-08", "U-09", "U-11", "U-12"];
    let (server, tokens) = office(&users, &[]);
    for (user, people, organisations, retention) in [
        // The CPC: their area and its units.
        ("U-01", Some(9), Some(6), Some(3)),
        // An LPC likewise, but archived records are the CPC's.
        ("U-02", Some(9), Some(6), None),
        // A practitioner sees themselves, a supervisor the area.
        ("U-06", Some(1), Some(6), None),
        ("U-07", Some(9), Some(6), None),
        // The CPC of the prison group: the group and its prison; it owns no records.
        ("U-08", Some(3), Some(6), Some(0)),
        // A ViSOR lead: the prison.
        ("U-09", Some(2), Some(6), None),
        // Who left sees nothing; nor does a board member see a person.
        ("U-11", None, None, None),
        ("U-12", None, Some(3), None),
    ] {
        for (address, wanted) in
            [("/v1/people", people), ("/v1/organisations", organisations), ("/v1/retention", retention)]
        {
            let answer = read(&server, &tokens[user], address).await;
            let found = (answer.status == 200).then(|| answer.json()["totalElements"].as_u64().unwrap());
            assert_eq!(found, wanted, "{user} {address}: {}", answer.text);
            if found.is_none() {
                assert_eq!(answer.status, 403, "{user} {address}");
            }
        }
    }
    let board = read(&server, &tokens["U-12"], "/v1/organisations").await.text;
    assert!(board.contains("\"holders\":1") && !board.contains("user/"), "{board}");
}
