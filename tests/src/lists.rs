//! What is read over HTTP: duties and what belongs to them, nominals, events, schemas, rules.

use mandate_check::{Checker, Facts, Given, Holidays, Rules};
use mandate_domain::calendar::SHIPPED_CSV;
use mandate_domain::policy::shipped_files;
use serde_json::{Value, json};

use crate::server::Server;

/// A nominal registered at level 2 on Monday 2 March, with no record by 10 March: 4.10 is overdue from 8 March.
async fn overdue() -> Server {
    let server = Server::open_to_anyone();
    let event = |id: &str, kind: &str, time: &str, data: Value| {
        json!({"specversion": "1.0", "id": id, "source": "/t", "type": kind, "subject": "nominal/N-7F3K29QX",
               "time": time, "recordedtime": time, "data": data})
    };
    let registered = json!({"registration": "R1", "category": 2, "level": 2, "area": "area/A07"});
    server
        .state(&[
            event("e1", "mappa.registered", "2026-03-02T09:00:00Z", registered),
            event(
                "e2",
                "contact.flagged",
                "2026-03-02T10:00:00Z",
                json!({"contact": "C1", "note": "a secret"}),
            ),
        ])
        .await;
    server.advance("2026-03-10T09:00:00Z");
    server
}

#[tokio::test]
async fn duties_are_listed_in_pages_with_the_names_of_the_command_line() {
    let server = overdue().await;
    let page = server.get("/v1/duties?outcome=overdue&rule=4.10&area=A07&size=1").await.json();
    assert_eq!(
        (&page["totalElements"], &page["totalPages"], &page["number"], &page["size"]),
        (&json!(1), &json!(1), &json!(0), &json!(1))
    );
    let duty = &page["content"][0];
    assert_eq!(duty["duty"], "4.10:nominal/N-7F3K29QX:/t#e1");
    assert_eq!((&duty["due_on"], &duty["act_by"]), (&json!("2026-03-07"), &json!("2026-03-06")));
    assert_eq!(
        (&duty["outcome"], &duty["breach"], &duty["holder"]),
        (&json!("overdue"), &json!(true), &json!("area/A07"))
    );
    for (filter, found) in [
        ("area=area/A07", true),
        ("area=A08", false),
        ("rule=4.10,4.14", true),
        ("outcome=met&outcome=overdue", true),
        ("dueFrom=2026-03-07&dueTo=2026-03-07", true),
        ("dueFrom=2026-03-08", false),
        ("subject=nominal/N-7F3K29QX", true),
        ("breach=false", false),
    ] {
        let page = server.get(&format!("/v1/duties?rule=4.10&{filter}")).await.json();
        assert_eq!(page["totalElements"], json!(u32::from(found)), "{filter}");
    }
}

#[tokio::test]
async fn duties_are_also_written_as_csv() {
    let server = overdue().await;
    let answer = server.get("/v1/duties?rule=4.10&format=csv").await;
    assert_eq!(answer.headers["content-type"], "text/csv; charset=utf-8");
    let lines: Vec<&str> = answer.text.lines().collect();
    assert_eq!(lines.len(), 2, "{}", answer.text);
    assert!(
        lines[0].starts_with("duty,rule,paragraph")
            && lines[1].starts_with("4.10:nominal/N-7F3K29QX:/t#e1,4.10")
    );
}

#[tokio::test]
async fn a_duty_is_found_by_its_id_and_by_its_short_reference_and_explains_itself() {
    let server = overdue().await;
    let page = server.get("/v1/duties?rule=4.10").await.json();
    let reference = page["content"][0]["reference"].as_str().unwrap();
    let by_id = server.get("/v1/duties/4.10:nominal%2FN-7F3K29QX:%2Ft%23e1").await.json();
    assert_eq!(by_id["reference"], reference);
    let explained = server.get(&format!("/v1/duties/{reference}/explanation")).await.json();
    assert!(explained["explanation"].as_array().unwrap().len() > 5);
    let history = server.get(&format!("/v1/duties/{reference}/history")).await.json();
    let outcomes: Vec<&str> = history["versions"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|v| v["duty"]["outcome"].as_str())
        .collect();
    assert_eq!(outcomes, ["pending", "overdue"]);
}

#[tokio::test]
async fn a_derivation_read_over_http_is_held_against_the_exported_facts() {
    let server = overdue().await;
    let page = server.get("/v1/duties?rule=4.10").await.json();
    let reference = page["content"][0]["reference"].as_str().unwrap();
    let address = format!("/v1/duties/{reference}/derivation?asAt=2026-03-09");
    let mut told = server.get(&address).await.json();
    let reader =
        mandate_store::Store::open_read_only(&server.data_dir(), &mandate_store::Database::Sqlite).unwrap();
    let mut lines = Vec::new();
    reader.export_jsonl(&mut lines, mandate_store::Export::default()).unwrap();
    let mut facts = Facts::default();
    for (line, position) in String::from_utf8(lines).unwrap().lines().zip(1..) {
        facts.add(line, position).unwrap();
    }
    let (rules, holidays) = (Rules::read(&shipped_files().0).unwrap(), Holidays::read(SHIPPED_CSV).unwrap());
    let checker = Checker::new(&facts, Given::Shipped(rules), Given::Shipped(holidays));
    checker.check(&serde_json::from_value(told.clone()).unwrap()).unwrap();
    assert_eq!((&told["due"], &told["breach"]), (&json!("2026-03-07"), &json!(true)));
    told["due"] = json!("2026-03-08");
    checker.check(&serde_json::from_value(told).unwrap()).unwrap_err();
}

#[tokio::test]
async fn a_past_moment_shows_what_held_and_what_was_known_then() {
    let server = overdue().await;
    for (moment, outcome) in [
        ("asAt=2026-03-07", Some("pending")),
        ("asAt=2026-03-08", Some("overdue")),
        ("knownAt=2026-03-02T08:00:00Z", None),
        ("asAt=2026-03-08&knownAt=2026-03-02", Some("overdue")),
    ] {
        let page = server.get(&format!("/v1/duties?rule=4.10&{moment}")).await.json();
        assert_eq!(page["content"][0]["outcome"].as_str(), outcome, "{moment}");
        let own = server.get(&format!("/v1/nominals/N-7F3K29QX/duties?{moment}")).await.json();
        let own = own["duties"].as_array().unwrap().iter().find(|duty| duty["rule"] == "4.10");
        assert_eq!(own.and_then(|duty| duty["outcome"].as_str()), outcome, "{moment}");
    }
}

#[tokio::test]
async fn a_nominal_has_a_state_and_a_history_without_what_is_sealed() {
    let server = overdue().await;
    let nominal = server.get("/v1/nominals/N-7F3K29QX").await.json();
    assert_eq!((&nominal["state"]["level"], &nominal["state"]["area"]), (&json!("2"), &json!("area/A07")));
    let history = server.get("/v1/nominals/N-7F3K29QX/history").await;
    assert_eq!(history.json()["entries"].as_array().unwrap().len(), 2);
    assert!(!history.text.contains("secret"));
    let csv = server.get("/v1/nominals/N-7F3K29QX/history?format=csv").await;
    assert_eq!(csv.text.lines().count(), 3, "{}", csv.text);
}

#[tokio::test]
async fn events_are_read_in_order_by_type_and_by_subject_without_what_is_sealed() {
    let server = overdue().await;
    let all = server.get("/v1/events?limit=1").await;
    assert_eq!((&all.json()["nextAfter"], &all.json()["head"]), (&json!(1), &json!(2)));
    let next = server.get("/v1/events?after=1").await;
    assert_eq!(next.json()["events"][0]["event"]["id"], "e2");
    assert_eq!(next.json()["events"][0]["sealed"], true);
    assert!(!next.text.contains("secret"));
    for (filter, count) in [
        ("type=contact.flagged", 1),
        ("subject=nominal/N-7F3K29QX", 2),
        ("subject=nominal/N-7F3K29QX&type=mappa.registered", 1),
        ("subject=nominal/N-OTHER", 0),
    ] {
        let events = server.get(&format!("/v1/events?{filter}")).await.json();
        assert_eq!(events["events"].as_array().unwrap().len(), count, "{filter}");
    }
}

#[tokio::test]
async fn a_dry_run_stores_nothing_and_tells_what_would_become_of_each() {
    let server = overdue().await;
    let same = json!({"specversion": "1.0", "id": "e2", "source": "/t", "type": "contact.flagged",
        "subject": "nominal/N-7F3K29QX", "time": "2026-03-02T10:00:00Z", "data": {"contact": "C1", "note": "a secret"}});
    let mut other = same.clone();
    other["data"]["note"] = json!("another");
    let mut fresh = same.clone();
    fresh["id"] = json!("e3");
    let body = json!([same, other, fresh]).to_string();
    let address = "/v1/facts?dry_run&on_error=each";
    let (status, told) = server.post(address, "application/cloudevents-batch+json", body).await;
    assert_eq!(status, 200, "{told}");
    let told: Value = serde_json::from_str(&told).unwrap();
    let statuses: Vec<&str> =
        told["results"].as_array().unwrap().iter().filter_map(|result| result["status"].as_str()).collect();
    assert_eq!(statuses, ["alreadyStored", "refused", "wouldBeStored"]);
    assert_eq!(server.stored(), 2);
}

#[tokio::test]
async fn health_tells_how_far_the_read_models_are() {
    let server = overdue().await;
    let health = server.get("/health").await.json();
    assert_eq!(health["components"]["projections"]["details"], json!({"position": 2, "behind": 0}));
    for address in
        ["/health/ping", "/health/liveness", "/health/readiness", "/info", "/v1/rules", "/v1/schemas"]
    {
        assert_eq!(server.get(address).await.status, 200, "{address}");
    }
    assert!(server.get("/metrics").await.text.contains("mandate_log_position 2\n"));
}
