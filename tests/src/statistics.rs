//! Compliance, the to-do list and statistics: a small history counted by hand.

use serde_json::{Value, json};

use crate::server::{Server, at};

/// States a fact of 12:00 on a day of March 2026 when the clock stands at 13:00 on another.
async fn tell(server: &Server, recorded: u32, on: u32, kind: &str, subject: &str, data: Value) {
    server.clock.set(at(&format!("2026-03-{recorded:02}T13:00:00Z")));
    let fact = json!({"specversion": "1.0", "id": format!("e{}", server.stored() + 1), "source": "/t", "type": kind,
        "subject": subject, "time": format!("2026-03-{on:02}T12:00:00Z"), "data": data});
    server.state(&[fact]).await;
}

async fn registered(server: &Server, recorded: u32, nominal: &str, area: &str) {
    let data = json!({"registration": format!("R-{nominal}"), "category": 2, "level": 2, "area": area});
    tell(server, recorded, 2, "mappa.registered", &format!("nominal/{nominal}"), data).await;
}

async fn created(server: &Server, recorded: u32, on: u32, nominal: &str, owner: &str) {
    let subject = format!("nominal/{nominal}");
    tell(server, recorded, on, "record.created", &subject, json!({"owner": owner})).await;
}

async fn received(server: &Server, nominal: &str, prison: &str, spell: &str) {
    let data = json!({"prison": prison, "reason": "admission", "spell": spell});
    tell(server, 4, 4, "custody.received", &format!("nominal/{nominal}"), data).await;
}

async fn searched(server: &Server, on: u32, nominal: &str, prison: &str, spell: &str) {
    let data = json!({"prison": prison, "spell": spell, "found": true});
    tell(server, on, on, "visor.searched", &format!("nominal/{nominal}"), data).await;
}

/// Areas A1 and A2 in one region, A3 in none, prisons P1 and P2 in one group. All are registered on 2 March, so that
/// a record is due by 7 March and overdue from the 8th (4.10).
///
/// - A1: N1 has one on the 4th, N2 on the 10th, N3 on the 5th, which is told on the 25th only; N7, told on the 20th,
///   has none.
/// - A2: N4 has one on the 4th, N5 is deregistered on the 5th and N6 on the 12th; N8 comes from A1 on the 6th.
/// - A3: N9 has none, nor was any record ever told of there.
/// - P1 searches for N1 in time; P2 does for N2 late and for N4 never (5.12, by the 6th, a local target).
pub async fn history() -> Server {
    let server = Server::open_to_anyone();
    for (org, parent) in [
        ("area/A1", "region/R1"),
        ("area/A2", "region/R1"),
        ("prison/P1", "prison-group/G1"),
        ("prison/P2", "prison-group/G1"),
    ] {
        tell(&server, 3, 2, "organisation.placed", org, json!({"parent": parent})).await;
    }
    for (nominal, area) in [
        ("N1", "area/A1"),
        ("N2", "area/A1"),
        ("N3", "area/A1"),
        ("N8", "area/A1"),
        ("N4", "area/A2"),
        ("N5", "area/A2"),
        ("N6", "area/A2"),
        ("N9", "area/A3"),
    ] {
        registered(&server, 3, nominal, area).await;
    }
    created(&server, 4, 4, "N1", "area/A1").await;
    created(&server, 4, 4, "N4", "area/A2").await;
    received(&server, "N1", "prison/P1", "S1").await;
    received(&server, "N2", "prison/P2", "S2").await;
    received(&server, "N4", "prison/P2", "S4").await;
    searched(&server, 5, "N1", "prison/P1", "S1").await;
    tell(&server, 5, 5, "mappa.deregistered", "nominal/N5", json!({"registration": "R-N5"})).await;
    tell(&server, 6, 6, "case.transferred", "nominal/N8", json!({"to": "area/A2"})).await;
    searched(&server, 10, "N2", "prison/P2", "S2").await;
    created(&server, 10, 10, "N2", "area/A1").await;
    tell(&server, 12, 12, "mappa.deregistered", "nominal/N6", json!({"registration": "R-N6"})).await;
    registered(&server, 20, "N7", "area/A1").await;
    server.advance("2026-03-24T13:00:00Z");
    created(&server, 25, 5, "N3", "area/A1").await;
    server.advance("2026-03-26T13:00:00Z");
    server
}

/// The line of an answer that is of exactly this.
fn of<'a>(answer: &'a Value, wanted: &Value) -> &'a Value {
    let lines = ["cells", "totals"].iter().flat_map(|part| answer[part].as_array().unwrap());
    lines
        .into_iter()
        .find(|line| line["of"] == *wanted)
        .unwrap_or_else(|| panic!("no {wanted} in {answer:#}"))
}

/// Met, met late, overdue, lapsed, denominator, rate; not evidenced, inherited, withdrawn, exempt.
fn figures(line: &Value) -> Value {
    let names = [
        "met",
        "metLate",
        "overdue",
        "lapsed",
        "denominator",
        "ratePercent",
        "notEvidenced",
        "inherited",
        "withdrawn",
        "exempt",
    ];
    names.iter().map(|name| line[*name].clone()).collect()
}

const ON_THE_8TH: &str = "from=2026-03-08&to=2026-03-08";

#[tokio::test]
async fn compliance_is_counted_by_area_and_rule_with_each_kind_apart() {
    let server = history().await;
    let answer = server.get(&format!("/v1/compliance?by=area,rule&{ON_THE_8TH}")).await.json();
    let of = |area: &str| of(&answer, &json!({"area": area, "rule": "4.10"}));
    assert_eq!(figures(of("area/A1")), json!([2, 1, 1, 0, 4, "50.0", 0, 0, 0, 0]));
    assert_eq!(figures(of("area/A2")), json!([1, 0, 0, 1, 2, "50.0", 0, 1, 1, 0]));
    assert_eq!(figures(of("area/A3")), json!([0, 0, 0, 0, 0, null, 1, 0, 0, 0]));
    let first = of("area/A1");
    assert_eq!((&first["lateNotified"], &first["lateActed"]), (&json!(1), &json!(1)));
    // N1, N2 and N3 were told a day after they were registered, N7 18 days after.
    assert_eq!((&first["recordingLagMedianDays"], &first["recordingLagP90Days"]), (&json!(1), &json!(18)));
    assert_eq!(
        figures(self::of(&answer, &json!({"rule": "4.10"}))),
        json!([3, 1, 1, 1, 6, "50.0", 1, 1, 1, 0])
    );
}

#[tokio::test]
async fn a_duty_counts_in_the_period_in_which_its_due_moment_lies() {
    let server = history().await;
    for (period, denominator) in [
        ("from=2026-03-01&to=2026-03-07", None),
        ("from=2026-03-08&to=2026-03-08", Some(6)),
        ("from=2026-03-09&to=2026-03-31", None),
    ] {
        let answer = server.get(&format!("/v1/compliance?by=rule&{period}")).await.json();
        let line = answer["cells"].as_array().unwrap().iter().find(|line| line["of"]["rule"] == "4.10");
        assert_eq!(line.map(|line| line["denominator"].as_u64().unwrap()), denominator, "{period}");
    }
}

#[tokio::test]
async fn areas_are_counted_under_their_region_and_prisons_under_their_group() {
    let server = history().await;
    let regions = server.get(&format!("/v1/compliance?by=region,rule&{ON_THE_8TH}")).await.json();
    let region = of(&regions, &json!({"region": "region/R1", "rule": "4.10"}));
    assert_eq!(figures(region), json!([3, 1, 1, 1, 6, "50.0", 0, 1, 1, 0]));
    let nowhere = of(&regions, &json!({"region": null, "rule": "4.10"}));
    assert_eq!(figures(nowhere), json!([0, 0, 0, 0, 0, null, 1, 0, 0, 0]));
    let local = |line: &Value| -> Value {
        ["localMet", "localMissed", "localDenominator", "localRatePercent", "denominator"]
            .iter()
            .map(|name| line[*name].clone())
            .collect()
    };
    let the_7th = "from=2026-03-07&to=2026-03-07";
    let prisons = server.get(&format!("/v1/compliance?by=prison,rule&{the_7th}")).await.json();
    let of_prison = |prison: &str| local(of(&prisons, &json!({"prison": prison, "rule": "5.12"})));
    assert_eq!(of_prison("prison/P1"), json!([1, 0, 1, "100.0", 0]));
    assert_eq!(of_prison("prison/P2"), json!([0, 2, 2, "0.0", 0]));
    let groups = server.get(&format!("/v1/compliance?by=prison-group,rule&{the_7th}")).await.json();
    let group = of(&groups, &json!({"prison-group": "prison-group/G1", "rule": "5.12"}));
    assert_eq!(local(group), json!([1, 2, 3, "33.3", 0]));
    assert!(!prisons.to_string().contains("breach"));
}

#[tokio::test]
async fn a_fact_told_late_moves_a_duty_from_overdue_to_met_and_what_was_known_before_can_still_be_asked() {
    let server = history().await;
    let by = format!("/v1/compliance?by=area,rule&{ON_THE_8TH}");
    let key = json!({"area": "area/A1", "rule": "4.10"});
    let before = server.get(&format!("{by}&knownAt=2026-03-24")).await.json();
    assert_eq!(figures(of(&before, &key)), json!([1, 1, 2, 0, 4, "25.0", 0, 0, 0, 0]));
    let after = server.get(&format!("{by}&knownAt=2026-03-25")).await.json();
    assert_eq!(figures(of(&after, &key)), json!([2, 1, 1, 0, 4, "50.0", 0, 0, 0, 0]));
    let now = server.get(&by).await.json();
    let past = server.get(&format!("{by}&asAt=2026-03-26T13:00:00Z")).await.json();
    assert_eq!(
        (&now["cells"], &now["totals"]),
        (&past["cells"], &past["totals"]),
        "judged as the tables hold"
    );
    let unplaced = server.get(&format!("/v1/compliance?by=region&{ON_THE_8TH}&asAt=2026-03-01")).await.json();
    assert_eq!(unplaced["cells"], json!([]));
}

#[tokio::test]
async fn the_csv_holds_exactly_the_lines_of_the_json() {
    let server = history().await;
    let by = format!("/v1/compliance?by=area,rule&{ON_THE_8TH}");
    let listed = server.get(&by).await.json();
    let csv = server.get(&format!("{by}&format=csv")).await;
    assert_eq!(csv.headers["content-type"], "text/csv; charset=utf-8");
    let count = ["cells", "totals"].iter().map(|part| listed[part].as_array().unwrap().len()).sum::<usize>();
    assert_eq!(csv.text.lines().count(), count + 1);
    assert!(csv.text.starts_with("area,rule,met,metLate,"), "{}", csv.text);
    let line = csv.text.lines().find(|line| line.starts_with("area/A1,4.10,")).unwrap();
    assert_eq!(line, "area/A1,4.10,2,1,1,0,2,4,50.0,1,1,1,18,0,0,0,0,0,0,0,0,0,0,,0,");
}

#[tokio::test]
async fn a_board_is_shown_no_small_count_nor_one_that_subtraction_would_give() {
    let server = Server::open_to_anyone();
    // Met and missed: A1 10 and 3, A2 12 and none, A3 20 and 10.
    for (area, met, missed) in [("A1", 10, 3), ("A2", 12, 0), ("A3", 20, 10)] {
        let owner = format!("area/{area}");
        for number in 0..met + missed {
            let nominal = format!("N-{area}{number:02}");
            registered(&server, 3, &nominal, &owner).await;
            if number < met {
                created(&server, 3, 3, &nominal, &owner).await;
            }
        }
    }
    server.advance("2026-03-10T13:00:00Z");
    let by = format!("/v1/compliance?by=area&{ON_THE_8TH}");
    let missed = |answer: &Value| -> Vec<Option<u64>> {
        let lines = ["cells", "totals"].iter().flat_map(|part| answer[part].as_array().unwrap());
        lines.map(|line| line["missed"].as_u64()).collect()
    };
    let all = missed(&server.get(&by).await.json());
    assert_eq!(all, [Some(3), Some(0), Some(10), Some(13)]);
    // The control: with A1 alone kept back, the total less the others is its count.
    assert_eq!(all[3].unwrap() - all[1].unwrap() - all[2].unwrap(), 3);
    let answer = server.get(&format!("{by}&audience=board")).await.json();
    // A2 with A1 would leave 3 for the two together: A3 is kept back as well.
    assert_eq!(missed(&answer), [None, None, None, Some(13)]);
    let first = of(&answer, &json!({"area": "area/A1"}));
    assert_eq!(first["keptBack"], json!(["rate"]));
    for figure in ["met", "denominator", "ratePercent", "overdue", "lateNotified", "recordingLagMedianDays"] {
        assert_eq!(first[figure], Value::Null, "{figure}");
    }
    let total = of(&answer, &json!({}));
    assert_eq!(
        (&total["met"], &total["denominator"], &total["ratePercent"]),
        (&json!(42), &json!(55), &json!("76.3"))
    );
    let csv = server.get(&format!("{by}&audience=board&format=csv")).await.text;
    assert!(csv.lines().any(|line| line.starts_with("area/A1,,,,,,,,")), "{csv}");
}

#[tokio::test]
async fn what_is_wrong_in_a_request_is_named() {
    let server = Server::open_to_anyone();
    for (address, named) in [
        ("/v1/compliance?from=2026-03-01&to=2026-03-02", "`by`"),
        ("/v1/compliance?by=area,area&from=2026-03-01&to=2026-03-02", "`by`"),
        ("/v1/compliance?by=colour&from=2026-03-01&to=2026-03-02", "colour"),
        ("/v1/compliance?by=area&to=2026-03-02", "`from`"),
        ("/v1/compliance?by=area&from=2026-03-03&to=2026-03-02", "`to`"),
        ("/v1/compliance?by=area&from=2026-03-01&to=2026-03-02&audience=x", "`audience`"),
    ] {
        let answer = server.get(address).await;
        assert_eq!(answer.status, 400, "{address}: {}", answer.text);
        assert!(answer.text.contains(named), "{address}: {}", answer.text);
    }
}

/// Accounts, log-ons, records, partners and audits in two areas of one region, some before and some in March's
/// period of the 5th to the 10th.
async fn busy() -> Server {
    let server = Server::open_to_anyone();
    for org in ["area/A1", "area/A2"] {
        tell(&server, 3, 2, "organisation.placed", org, json!({"parent": "region/R1"})).await;
    }
    for (user, org) in [("U1", "area/A1"), ("U2", "area/A2"), ("U3", "area/A3")] {
        let data = json!({"org": org, "role": "case-administrator", "service": "probation"});
        tell(&server, 3, 2, "user.registered", &format!("user/{user}"), data).await;
        tell(&server, 5, 5, "account.enabled", &format!("user/{user}"), json!({})).await;
    }
    for (on, user) in [(4, "U1"), (5, "U1"), (10, "U1"), (11, "U1"), (6, "U2"), (6, "U3")] {
        tell(&server, 11, on, "logged_on", &format!("user/{user}"), json!({"network": "lan"})).await;
    }
    created(&server, 11, 5, "N1", "area/A1").await;
    created(&server, 11, 6, "N2", "area/A1").await;
    created(&server, 11, 6, "N3", "area/A2").await;
    tell(&server, 11, 7, "record.transferred", "nominal/N1", json!({"to": "area/A2"})).await;
    tell(&server, 11, 8, "record.archived", "nominal/N1", json!({})).await;
    tell(&server, 11, 8, "partners.added", "nominal/N2", json!({"org": "area/A2"})).await;
    tell(&server, 11, 9, "audit.completed", "area/A1", json!({"kind": "log-on"})).await;
    // The creation of N2 was stated in error.
    let wrong = json!({"event": {"source": "/t", "id": "e16"}, "reason": "another person"});
    tell(&server, 20, 20, "fact.annulled", "nominal/N2", wrong).await;
    server.advance("2026-03-26T13:00:00Z");
    server
}

const THE_REPORT: &str = "/v1/reports/statistics?org=region/R1&from=2026-03-05&to=2026-03-10";

#[tokio::test]
async fn statistics_on_request_count_what_was_done_under_an_organisation_in_a_period() {
    let server = busy().await;
    let answer = server.get(THE_REPORT).await.json();
    let counts = |row: &Value| -> Value {
        [
            "recordsCreated",
            "recordsArchived",
            "recordsTransferredIn",
            "recordsTransferredOut",
            "partnersAdded",
            "accountsEnabled",
            "accountsDisabled",
            "accountsArchived",
            "logOns",
            "auditsHeld",
        ]
        .iter()
        .map(|name| row[*name].clone())
        .collect()
    };
    let rows = answer["rows"].as_array().unwrap();
    let orgs: Vec<&str> = rows.iter().filter_map(|row| row["organisation"].as_str()).collect();
    assert_eq!(orgs, ["area/A1", "area/A2"]);
    assert_eq!(counts(&rows[0]), json!([1, 0, 0, 1, 0, 1, 0, 0, 2, 1]));
    assert_eq!(counts(&rows[1]), json!([1, 1, 1, 0, 1, 1, 0, 0, 1, 0]));
    assert_eq!(counts(&answer["total"]), json!([2, 1, 1, 1, 1, 2, 0, 0, 3, 1]));
    let before = server.get(&format!("{THE_REPORT}&knownAt=2026-03-19")).await.json();
    assert_eq!(before["total"]["recordsCreated"], json!(3), "the annulment was not known yet");
    assert_ne!(before["sha256"], answer["sha256"]);
}

#[tokio::test]
async fn a_report_carries_the_digest_of_what_was_provided_which_is_recorded_with_to_whom() {
    let server = busy().await;
    let listed = server.get(THE_REPORT).await.json();
    let csv = server.get(&format!("{THE_REPORT}&format=csv")).await;
    let digest = listed["sha256"].as_str().unwrap();
    assert_eq!(csv.headers["x-content-sha256"].to_str().unwrap(), digest);
    let counted = <sha2::Sha256 as sha2::Digest>::digest(csv.text.as_bytes());
    assert_eq!(counted.iter().map(|byte| format!("{byte:02x}")).collect::<String>(), digest);
    let about = json!({"report": "statistics-2026-03", "to": "board-A1"});
    tell(&server, 26, 26, "report.requested", "area/A1", about).await;
    let provided = json!({"report": "statistics-2026-03", "to": "board-A1", "sha256": digest});
    tell(&server, 26, 26, "report.provided", "area/A1", provided).await;
    let event = server.get(&format!("/v1/events/{}", server.stored())).await.json();
    assert_eq!(event["event"]["data"]["sha256"], json!(digest), "{event}");
}

#[tokio::test]
async fn the_to_do_list_has_its_sections_and_the_work_by_the_last_working_day_to_act() {
    let server = Server::open_to_anyone();
    for nominal in ["N1", "N2"] {
        registered(&server, 3, nominal, "area/A1").await;
    }
    created(&server, 3, 2, "N1", "area/A1").await;
    let request = json!({"request": "Q1", "org": "prison/P1"});
    tell(&server, 3, 3, "partnership.requested", "nominal/N1", request).await;
    tell(&server, 3, 3, "contact.flagged", "nominal/N1", json!({"contact": "C1"})).await;
    let third = json!({"registration": "R-N3", "category": 3, "level": 2, "area": "area/A1"});
    tell(&server, 3, 2, "mappa.registered", "nominal/N3", third).await;
    created(&server, 3, 2, "N3", "area/A1").await;
    tell(&server, 4, 4, "mappa.deregistered", "nominal/N3", json!({"registration": "R-N3"})).await;
    let offered = json!({"request": "T1", "to": "area/A2"});
    tell(&server, 4, 4, "transfer.requested", "nominal/N1", offered).await;
    server.advance("2026-03-04T14:00:00Z");
    let todo = server.get("/v1/todo?org=A1").await.json();
    let of = |section: &str| -> Vec<(String, String)> {
        let entries = todo[section].as_array().unwrap();
        let text = |entry: &Value, name: &str| entry[name].as_str().unwrap().to_owned();
        entries.iter().map(|entry| (text(entry, "paragraph"), text(entry, "subject"))).collect()
    };
    let one = |paragraph: &str, nominal: &str| vec![(paragraph.to_owned(), format!("nominal/{nominal}"))];
    assert_eq!(of("partnered"), one("4.25", "N1"));
    assert_eq!(of("importantActivity"), one("4.17", "N1"));
    assert_eq!(of("readyToArchive"), one("4.15", "N3"));
    assert_eq!(of("transferProgress"), one("4.16", "N1"));
    assert_eq!(todo["transferProgress"][0]["status"], "requested");
    let work = todo["workList"].as_array().unwrap();
    let act_by: Vec<&str> = work.iter().filter_map(|entry| entry["actBy"].as_str()).collect();
    assert!(act_by.is_sorted() && work.len() >= 4, "{work:?}");
    for entry in work {
        assert!(entry["link"].as_str().unwrap().starts_with("/duties/D-"), "{entry}");
    }
    let csv = server.get("/v1/todo?org=A1&format=csv").await.text;
    assert_eq!(csv.lines().count(), 1 + 4 + work.len());
    // The receiver sees the transfer, and none of the duties.
    let other = server.get("/v1/todo?org=A2").await.json();
    assert_eq!(other["transferProgress"].as_array().unwrap().len(), 1);
    assert_eq!(other["workList"], json!([]));
    let past = server.get("/v1/todo?org=A1&asAt=2026-03-03").await.json();
    assert_eq!((&past["readyToArchive"], &past["transferProgress"]), (&json!([]), &json!([])));
    tell(&server, 5, 5, "transfer.refused", "nominal/N1", json!({"request": "T1", "reason": "not ours"}))
        .await;
    server.advance("2026-03-05T14:00:00Z");
    let after = server.get("/v1/todo?org=A1").await.json();
    assert_eq!(after["transferProgress"][0]["status"], "refused");
}

#[tokio::test]
async fn the_to_do_list_of_a_user_is_that_of_the_users_organisation() {
    let server = Server::open_to_anyone();
    registered(&server, 3, "N1", "area/A1").await;
    let data = json!({"org": "area/A1", "role": "case-administrator", "service": "probation"});
    tell(&server, 3, 2, "user.registered", "user/U1", data).await;
    server.advance("2026-03-04T14:00:00Z");
    let own = server.get("/v1/todo?user=U1").await.json();
    assert_eq!((&own["org"], &own["user"]), (&json!("area/A1"), &json!("user/U1")));
    assert!(own["workList"].as_array().unwrap().iter().any(|entry| entry["paragraph"] == "4.10"));
    assert_eq!(server.get("/v1/todo?user=U9").await.status, 404);
    assert_eq!(server.get("/v1/todo").await.status, 400);
}
