//! A record limited to some is on no list, in no count and at no address for others (spec 4.3).

use serde_json::{Value, json};

use crate::area_year::{office, read};
use crate::server::Server;

/// The limited record of the kit: listed are U-01, the CPC, and U-04. U-02 is an LPC of the same area, U-99 an auditor.
const LIMITED: &str = "N-W14";
const USERS: [&str; 3] = ["U-01", "U-02", "U-99"];

/// An auditor, whom the kit does not have.
fn auditor() -> Vec<Value> {
    let fact = |kind: &str, data: Value| {
        json!({"specversion": "1.0", "id": kind, "source": "/t", "type": kind, "subject": "user/U-99",
               "time": "2025-06-01T09:00:00Z", "recordedtime": "2025-06-01T09:00:00Z", "data": data})
    };
    vec![
        fact("user.registered", json!({"org": "region/WR", "role": "auditor", "service": "probation"})),
        fact("vetting.cleared", json!({"level": 2, "expires_on": "2029-01-01"})),
    ]
}

/// The duty of the limited record, by its short reference.
fn duty_of_limited(server: &Server) -> String {
    let filter = mandate_projections::DutyFilter {
        subject: Some(format!("nominal/{LIMITED}")),
        size: 10,
        ..mandate_projections::DutyFilter::default()
    };
    server.projections.duties(&filter).unwrap().content.remove(0).reference
}

#[tokio::test]
async fn a_limited_record_is_listed_to_those_listed_only() {
    let (server, tokens) = office(&USERS, &auditor());
    let year = "from=2025-01-01&to=2025-12-31";
    for (address, holds) in [
        ("/v1/nominals?size=100".to_owned(), true),
        ("/v1/duties?size=1000".to_owned(), true),
        ("/v1/duties?size=1000&asAt=2025-12-31".to_owned(), true),
        ("/v1/duties?format=csv".to_owned(), true),
        (format!("/v1/duties?subject=nominal/{LIMITED}"), true),
        ("/v1/breaches".to_owned(), false),
        ("/v1/notices".to_owned(), false),
        ("/v1/reconciliation".to_owned(), false),
        ("/v1/todo?org=area/W01".to_owned(), false),
        ("/v1/reconciliation/backlog?area=W01&programme=community".to_owned(), false),
        ("/v1/retention".to_owned(), false),
        ("/v1/policies/backtest?draft=five-working-days&size=1000".to_owned(), true),
    ] {
        let listed = read(&server, &tokens["U-01"], &address).await;
        assert_eq!(
            (listed.status, listed.text.contains(LIMITED)),
            (200, holds),
            "{address}: {}",
            listed.text
        );
        for other in ["U-02", "U-99"] {
            let answer = read(&server, &tokens[other], &address).await;
            if answer.status == 403 {
                continue;
            }
            assert_eq!(answer.status, 200, "{other} {address}: {}", answer.text);
            assert!(!answer.text.contains(LIMITED), "{other} {address}: {}", answer.text);
        }
    }
    // Nor is it counted: W01 and W14 were met under 4.10, and seven records were made in the area.
    let met = async |who: &str, moment: &str| {
        let address = format!("/v1/compliance?by=rule&{year}{moment}");
        let answer = read(&server, &tokens[who], &address).await.json();
        let cells = answer["cells"].as_array().unwrap().clone();
        cells.iter().find(|cell| cell["of"]["rule"] == "4.10").unwrap()["met"].clone()
    };
    let made = async |who: &str| {
        let address = format!("/v1/reports/statistics?org=area/W01&{year}");
        read(&server, &tokens[who], &address).await.json()["total"]["recordsCreated"].clone()
    };
    for (who, duties, records) in [("U-01", 2, 7), ("U-02", 1, 6), ("U-99", 1, 6)] {
        assert_eq!(met(who, "").await, json!(duties), "{who}");
        assert_eq!(met(who, "&asAt=2025-12-31").await, json!(duties), "{who}");
        assert_eq!(made(who).await, json!(records), "{who}");
    }
}

#[tokio::test]
async fn the_answer_about_a_limited_record_is_that_about_one_that_does_not_exist() {
    let (server, tokens) = office(&USERS, &auditor());
    let duty = duty_of_limited(&server);
    for (address, other) in [
        (format!("/v1/nominals/{LIMITED}"), "/v1/nominals/N-ZZZ".to_owned()),
        (format!("/v1/nominals/{LIMITED}/duties"), "/v1/nominals/N-ZZZ/duties".to_owned()),
        (format!("/v1/nominals/{LIMITED}/history"), "/v1/nominals/N-ZZZ/history".to_owned()),
        (format!("/v1/duties/{duty}"), "/v1/duties/D-00000000".to_owned()),
        (format!("/v1/duties/{duty}/explanation"), "/v1/duties/D-00000000/explanation".to_owned()),
        (format!("/v1/duties/{duty}/derivation"), "/v1/duties/D-00000000/derivation".to_owned()),
        (format!("/v1/duties/{duty}/history"), "/v1/duties/D-00000000/history".to_owned()),
    ] {
        let there = read(&server, &tokens["U-01"], &address).await;
        assert_eq!(there.status, 200, "{address}: {}", there.text);
        let hidden = read(&server, &tokens["U-02"], &address).await;
        let missing = read(&server, &tokens["U-02"], &other).await;
        assert_eq!((hidden.status, missing.status), (404, 404), "{address}: {}", hidden.text);
        let last = |address: &str| address.split('/').nth(3).unwrap().to_owned();
        let same = hidden.text.replace(&last(&address), "…");
        assert_eq!(same, missing.text.replace(&last(&other), "…"), "{address}");
    }
}

#[tokio::test]
async fn the_log_is_read_by_an_auditor_but_for_what_is_limited() {
    let (server, tokens) = office(&USERS, &auditor());
    let refused = read(&server, &tokens["U-02"], "/v1/events").await;
    assert_eq!(refused.status, 403, "{}", refused.text);
    let all = server.look("/v1/events?limit=1000").await.json();
    let events = all["events"].as_array().unwrap();
    let limited = |event: &&Value| event["event"]["subject"] == json!(format!("nominal/{LIMITED}"));
    let count = events.iter().filter(limited).count();
    assert!(count > 3, "{count}");
    let seen = read(&server, &tokens["U-99"], "/v1/events?limit=1000").await;
    assert!(!seen.text.contains(LIMITED));
    assert_eq!(seen.json()["events"].as_array().unwrap().len(), events.len() - count);
    let position = events.iter().find(limited).unwrap()["position"].clone();
    let one = format!("/v1/events/{position}");
    assert_eq!(server.look(&one).await.status, 200);
    assert_eq!(read(&server, &tokens["U-99"], &one).await.status, 404);
    let of_it = format!("/v1/events?subject=nominal/{LIMITED}");
    assert_eq!(read(&server, &tokens["U-99"], &of_it).await.json()["events"], json!([]));
}
