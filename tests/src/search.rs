//! Finding by number, and requests of subject access: nothing of a number in an answer to somebody else.

use axum::body::Body;
use serde_json::{Value, json};

use crate::office::Office;
use crate::server::{Answer, get};

const NUMBERS: [(&str, &str, &str); 4] = [
    ("crn", "crn", "X123456"),
    ("noms", "noms", "A1234BC"),
    ("pnc", "pnc", "2002/0073319Z"),
    ("visorRef", "visor_ref", "V-77"),
];

async fn office() -> Office {
    let office = Office::open().await;
    let personal: serde_json::Map<String, Value> =
        NUMBERS.iter().map(|(_, field, number)| ((*field).to_owned(), json!(number))).collect();
    office.tell("nominal/N1", "nominal.registered", json!({"kind": "mappa", "personal": personal})).await;
    office.server.advance("2026-03-03T09:00:00Z");
    office
}

async fn search(office: &Office, who: &str, body: Value) -> Answer {
    office.send(who, "/v1/search", &body, &[("content-type", "application/json")]).await
}

#[tokio::test]
async fn each_number_leads_to_the_reference_however_it_is_written() {
    let office = office().await;
    for (name, _, number) in NUMBERS {
        for number in [number.to_owned(), format!(" {} ", number.to_lowercase())] {
            let found = search(&office, "cpc", json!({name: number})).await;
            assert_eq!(found.status, 200, "{}", found.text);
            assert_eq!(found.json(), json!({"nominals": [{"reference": "N1", "access": "open"}]}), "{name}");
        }
        let none = search(&office, "cpc", json!({name: "Z999999"})).await;
        assert_eq!(none.json(), json!({"nominals": []}));
    }
}

#[tokio::test]
async fn somebody_outside_learns_the_reference_alone_and_of_a_limited_record_nothing() {
    let office = office().await;
    let wanted = json!({"crn": "X123456"});
    let found = search(&office, "outsider", wanted.clone()).await;
    assert_eq!(found.json()["nominals"][0]["access"], "closed", "{}", found.text);
    let limited = json!({"limited": true, "users": ["user/cpc"]});
    office.tell("nominal/N1", "record.access_limited", limited).await;
    let none = search(&office, "outsider", json!({"crn": "Z999999"})).await;
    let hidden = search(&office, "outsider", wanted.clone()).await;
    assert_eq!((hidden.status, hidden.text), (none.status, none.text), "it does not exist");
    assert_eq!(search(&office, "cpc", wanted).await.json()["nominals"][0]["reference"], "N1");
}

#[tokio::test]
async fn a_duplicate_leads_to_its_survivor() {
    let office = office().await;
    let personal = json!({"kind": "mappa", "personal": {"crn": "X123456"}});
    office.tell("nominal/N3", "nominal.registered", personal).await;
    office.tell("nominal/N3", "nominal.merged", json!({"into": "nominal/N1"})).await;
    let found = search(&office, "cpc", json!({"crn": "X123456"})).await;
    assert_eq!(found.json()["nominals"], json!([{"reference": "N1", "access": "open"}]));
}

#[tokio::test]
async fn nobody_searches_without_a_name_and_exactly_one_number_is_asked_for() {
    let office = office().await;
    let wanted = json!({"crn": "X123456"});
    assert_eq!(search(&office, "", wanted.clone()).await.status, 401);
    assert_eq!(search(&office, "feed", wanted.clone()).await.status, 403);
    assert_eq!(search(&office, "subject-access", wanted.clone()).await.status, 401);
    for wrong in
        [json!({}), json!({"crn": ""}), json!({"crn": "A", "pnc": "B"}), json!({"name": "A"}), json!(["A"])]
    {
        assert_eq!(search(&office, "cpc", wrong.clone()).await.status, 422, "{wrong}");
    }
    let text = office.send("cpc", "/v1/search", &wanted, &[("content-type", "text/plain")]).await;
    assert_eq!(text.status, 415);
    assert_eq!(office.read("cpc", "/v1/search?crn=X123456").await.status, 405, "not in an address");
}

#[tokio::test]
async fn a_request_of_subject_access_is_answered_as_hmpps_services_do() {
    let office = office().await;
    let asked = async |question: &str| {
        office.read("subject-access", &format!("/subject-access-request{question}")).await
    };
    let whole = asked("?crn=x123456").await;
    assert_eq!(whole.status, 200, "{}", whole.text);
    let content = &whole.json()["content"];
    assert_eq!(content["subjects"], json!(["nominal/N1"]));
    let facts = content["facts"].as_array().unwrap();
    assert!(
        facts.iter().any(|fact| fact["event"]["data"]["personal"]["pnc"] == "2002/0073319Z"),
        "{facts:?}"
    );
    assert!(!content["duties"].as_array().unwrap().is_empty());
    assert_eq!(asked("?prn=A1234BC").await.json()["content"]["subjects"], json!(["nominal/N1"]));
    // Within dates, nothing held, no number of a kind that is known.
    assert_eq!(asked("?crn=X123456&fromDate=2026-03-02&toDate=2026-03-02").await.status, 200);
    assert_eq!(asked("?crn=X123456&fromDate=2026-03-03").await.status, 204);
    assert_eq!(asked("?crn=Z999999").await.status, 204);
    assert_eq!(asked("").await.status, 209);
    // Numbers of two people are not answered as one.
    let other = json!({"kind": "mappa", "personal": {"crn": "Y222222"}});
    office.tell("nominal/N9", "nominal.registered", other).await;
    assert_eq!(asked("?prn=A1234BC&crn=X123456").await.status, 200);
    assert_eq!(asked("?prn=A1234BC&crn=Y222222").await.status, 409);
    for wrong in
        ["?crn=X123456&fromDate=2026-03-03&toDate=2026-03-02", "?crn=X1&fromDate=yesterday", "?pnc=1"]
    {
        assert_eq!(asked(wrong).await.status, 400, "{wrong}");
    }
}

#[tokio::test]
async fn only_its_own_token_opens_subject_access_and_that_token_opens_nothing_else() {
    let office = office().await;
    for who in ["cpc", "auditor", "feed"] {
        assert_eq!(office.read(who, "/subject-access-request?crn=X123456").await.status, 401, "{who}");
    }
    let request = get("/subject-access-request?crn=X123456").body(Body::empty()).unwrap();
    assert_eq!(office.server.send(request).await.status, 401);
    for address in ["/v1/duties", "/v1/events", "/v1/nominals/N1"] {
        assert_eq!(office.read("subject-access", address).await.status, 401, "{address}");
    }
}
