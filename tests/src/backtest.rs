//! The reports on the rule book over HTTP and as pages.

use serde_json::{Value, json};

use crate::server::Server;

fn fact(id: &str, kind: &str, time: &str, data: &Value) -> Value {
    json!({"specversion": "1.0", "id": id, "source": "/t", "type": kind, "subject": "nominal/N1", "time": time, "data": data})
}

/// Registered at level 2 on Monday 2 March 2026, its record made on Monday 9 March: late by five days, in time by five
/// working days.
async fn late() -> Server {
    let server = Server::open_to_anyone();
    let registered = json!({"registration": "R1", "category": 2, "level": 2, "area": "area/A1"});
    server.advance("2026-03-10T09:00:00Z");
    server
        .state(&[
            fact("a", "mappa.registered", "2026-03-02T09:00:00Z", &registered),
            fact("b", "record.created", "2026-03-09T10:00:00Z", &json!({"owner": "area/A1"})),
        ])
        .await;
    server.advance("2026-03-10T09:00:00Z");
    server
}

async fn posted(server: &Server, body: &Value) -> (u16, Value) {
    let (status, told) = server.post("/v1/policies/backtest", "application/json", body.to_string()).await;
    (status, serde_json::from_str(&told).unwrap_or(Value::String(told)))
}

#[tokio::test]
async fn a_draft_that_ships_is_backtested_by_name_with_its_cases_and_a_digest() {
    let server = late().await;
    let report = server.get("/v1/policies/backtest?draft=five-working-days").await.json();
    assert_eq!(report["changedRules"], json!(["4.10"]));
    assert_eq!(report["total"]["missedVanish"], 1);
    assert_eq!(report["digest"].as_str().unwrap().len(), 64);
    let case = &report["cases"]["content"][0];
    assert_eq!(case["duty"], "4.10:nominal/N1:/t#a");
    assert_eq!(
        (&case["adopted"]["dueOn"], &case["draft"]["dueOn"]),
        (&json!("2026-03-07"), &json!("2026-03-09"))
    );
    let (status, same) = posted(&server, &json!({"draft": "five-working-days"})).await;
    assert_eq!((status, same), (200, report));
}

#[tokio::test]
async fn a_draft_that_is_sent_is_backtested_and_one_that_does_not_load_is_refused_line_by_line() {
    let server = late().await;
    let rule = include_str!("../../domain/policy/4.10.toml");
    let with = |rule: String| json!({"files": {"4.10.toml": rule}});
    let (status, report) = posted(&server, &with(rule.replace("days = 5 }", "days = 7 }"))).await;
    assert_eq!((status, &report["total"]["missedVanish"]), (200, &json!(1)), "{report}");
    let (status, told) = posted(&server, &with(rule.replace("days = 5 }", "dayz = 7 }"))).await;
    assert_eq!(status, 422);
    assert!(told.to_string().contains("policy 4.10.toml: line 14"), "{told}");
    let (status, told) = posted(&server, &json!({})).await;
    assert!(status == 422 && told.to_string().contains("name a `draft`"), "{told}");
    let (status, told) = posted(&server, &json!({"draft": "no-such"})).await;
    assert!(status == 400 && told.to_string().contains("eight-months"), "{told}");
    let calendar = "date,title,first_published_utc,withdrawn_utc\n2026-03-06,One more,,\n";
    let (status, report) = posted(&server, &json!({"calendar": calendar})).await;
    assert_eq!((status, &report["changedRules"]), (200, &json!([])), "{report}");
}

#[tokio::test]
async fn the_report_is_a_csv_of_numbers_or_of_cases() {
    let server = late().await;
    let csv = |rows: &str| format!("/v1/policies/backtest?draft=five-working-days&format=csv&rows={rows}");
    let lines = server.get(&csv("lines")).await.text;
    assert!(lines.starts_with("rule,basis,holder,duties_adopted"), "{lines}");
    assert!(lines.contains("4.10,policy,area/A1,1,1,0,0,1,0,1,0,0,1"), "{lines}");
    let cases = server.get(&csv("cases")).await.text;
    assert!(cases.contains("4.10:nominal/N1:/t#a,4.10,nominal/N1,area/A1,"), "{cases}");
    assert!(cases.contains("moves,vanishes,2026-03-07,met_late"), "{cases}");
}

#[tokio::test]
async fn the_page_leads_from_each_number_to_the_cases_behind_it() {
    let server = late().await;
    let asked = server.get("/rules/backtest").await;
    assert_eq!(asked.status, 200);
    assert!(asked.text.contains("five working days") && !asked.text.contains("Missed under the draft"));
    let page = server.get("/rules/backtest?draft=five-working-days").await.text;
    let behind =
        "/rules/backtest?draft=five-working-days&amp;rule=4.10&amp;missed=vanishes&amp;holder=area/A1";
    assert!(page.contains(behind) || page.contains(&behind.replace("&amp;", "&#38;")), "{page}");
    let cases = "/rules/backtest?draft=five-working-days&rule=4.10&missed=vanishes&holder=area/A1";
    let page = server.get(cases).await.text;
    assert!(page.contains("a missed deadline vanishes") && page.contains("due 7 Mar 2026"), "{page}");
    let none = server.get("/rules/backtest?draft=five-working-days&missed=appears").await.text;
    assert!(!none.contains("due 7 Mar 2026"));
}

#[tokio::test]
async fn overlaps_give_139_days_and_readings_count_breaches_under_each() {
    let server = late().await;
    let overlaps = server.get("/v1/policies/overlap").await.json();
    let pair =
        overlaps.as_array().unwrap().iter().find(|one| one["rules"] == json!(["4.10", "4.14"])).unwrap();
    assert_eq!((&pair["days"]["days"], &pair["days"]["firstIsEarlier"]), (&json!(2495), &json!(139)));
    let page = server.get("/rules/overlap").await.text;
    assert!(page.contains("139 of 2495 days"), "{page}");
    let readings = server.get("/v1/policies/readings").await.json();
    let reading =
        readings.as_array().unwrap().iter().find(|one| one["id"] == "days-are-calendar-days").unwrap();
    assert_eq!(reading["breaches"], 1);
    let other = &reading["alternatives"][0];
    assert_eq!((&other["draft"], &other["breaches"]), (&json!("five-working-days"), &json!(0)));
    let page = server.get("/rules/readings").await.text;
    assert!(page.contains("Working days, in 4.10 alone."), "{page}");
}
