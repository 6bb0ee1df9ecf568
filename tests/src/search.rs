//! Finding by number, and requests of subject access: nothing of a number in an answer to somebody else.

use axum::body::Body;
use mandate_domain::catalogue::{FactType, Field};
use mandate_domain::fact::Value as FactValue;
use mandate_store::{Claim, NewEvent, OnError, Position};
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
    // That it was asked for today is held as well.
    assert_eq!(asked("?crn=X123456&fromDate=2026-03-03").await.json()["content"]["duties"], json!([]));
    assert_eq!(asked("?crn=X123456&fromDate=2026-03-04").await.status, 204);
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

/// What the log holds of readings: the type, whom it is about, who reads, by which way.
fn readings(office: &Office) -> Vec<(String, String, String)> {
    let types = [FactType::AccessRead, FactType::LogRead];
    let found = office.server.store.reader().read_types(&types, Position::START, 1_000).unwrap().events;
    found
        .iter()
        .map(|event| {
            let by = event.actor.as_deref().unwrap_or_default().to_owned();
            let through = event.fact.text(Field::Through).unwrap_or_default().to_owned();
            (event.fact.subject.to_string(), by, through)
        })
        .collect()
}

fn reading(subject: &str, by: &str, through: &str) -> (String, String, String) {
    (subject.to_owned(), by.to_owned(), through.to_owned())
}

#[tokio::test]
async fn a_find_by_number_is_recorded_once_in_a_quarter_of_an_hour_and_a_miss_is_not() {
    let office = office().await;
    search(&office, "cpc", json!({"crn": "Z999999"})).await;
    assert!(readings(&office).is_empty(), "nothing was read");
    for _ in 0..3 {
        search(&office, "cpc", json!({"crn": "X123456"})).await;
    }
    search(&office, "outsider", json!({"pnc": "2002/0073319Z"})).await;
    let wanted =
        [reading("nominal/N1", "user/cpc", "search"), reading("nominal/N1", "user/outsider", "search")];
    assert_eq!(readings(&office), wanted);
    office.server.advance("2026-03-03T09:15:00Z");
    search(&office, "cpc", json!({"crn": "X123456"})).await;
    assert_eq!(readings(&office).len(), 3);
}

#[tokio::test]
async fn every_request_of_subject_access_is_recorded_by_the_name_of_its_token() {
    let office = office().await;
    for _ in 0..2 {
        assert_eq!(office.read("subject-access", "/subject-access-request?crn=X123456").await.status, 200);
    }
    let one = reading("nominal/N1", "client/subject-access", "subject-access");
    assert_eq!(readings(&office), [one.clone(), one]);
    let again = office.read("subject-access", "/subject-access-request?crn=X123456").await;
    assert!(again.text.contains("access.read"), "who asked before is held as well: {}", again.text);
}

#[tokio::test]
async fn whoever_reads_the_log_or_goes_on_with_its_stream_is_recorded_first() {
    let office = office().await;
    office.read("auditor", "/v1/events?after=5&limit=2").await;
    office.read("auditor", "/v1/events?after=6&limit=2").await;
    // From an earlier place more is read.
    office.read("auditor", "/v1/events/3").await;
    let request = get("/v1/events/stream")
        .header("authorization", format!("Bearer {}", office.token("auditor")))
        .header("last-event-id", "7")
        .body(Body::empty())
        .unwrap();
    assert_eq!(office.server.status(request).await, 200);
    let list = reading("user/auditor", "user/auditor", "list");
    let wanted = [list.clone(), list, reading("user/auditor", "user/auditor", "stream")];
    assert_eq!(readings(&office), wanted);
    let found = office.server.store.reader().read_types(&[FactType::LogRead], Position::START, 9).unwrap();
    let after: Vec<_> = found.events.iter().map(|event| event.fact.get(Field::After).cloned()).collect();
    assert_eq!(after, [5, 2, 7].map(|after| Some(FactValue::Number(after))));
}

#[tokio::test]
async fn where_a_reading_cannot_be_recorded_nothing_is_read() {
    let office = office().await;
    let log = rusqlite::Connection::open(office.server.data_dir().join("log.db")).unwrap();
    log.execute_batch(
        "CREATE TRIGGER full BEFORE INSERT ON events BEGIN SELECT RAISE(ABORT, 'no room'); END",
    )
    .unwrap();
    let found = search(&office, "cpc", json!({"crn": "X123456"})).await;
    assert!(found.status >= 500 && !found.text.contains("N1"), "{} {}", found.status, found.text);
    for (who, address) in [
        ("subject-access", "/subject-access-request?crn=X123456"),
        ("auditor", "/v1/events?after=0"),
        ("auditor", "/v1/events/1"),
        ("auditor", "/v1/events/stream?after=0"),
    ] {
        let read = office.read(who, address).await;
        assert!(
            read.status >= 500 && !read.text.contains("nominal"),
            "{address}: {} {}",
            read.status,
            read.text
        );
    }
    log.execute_batch("DROP TRIGGER full").unwrap();
    assert_eq!(search(&office, "cpc", json!({"crn": "X123456"})).await.status, 200);
}

#[tokio::test]
async fn a_person_who_is_restricted_still_hears_what_is_held_of_them_and_nobody_else_does() {
    let office = office().await;
    let order = json!({"subject": "nominal/N1", "ground": "RRD-2026-014"});
    assert_eq!(office.give("cpc", "order-restriction", order).await.status, 200);
    let confirmed = office.give("central", "confirm-order", json!({"subject": "nominal/N1"})).await;
    assert_eq!(confirmed.status, 200, "{}", confirmed.text);
    let none = search(&office, "cpc", json!({"crn": "X123456"})).await;
    assert_eq!(none.json(), json!({"nominals": []}));
    let held = office.read("subject-access", "/subject-access-request?crn=X123456").await;
    assert_eq!(held.status, 200, "{}", held.text);
    assert_eq!(held.json()["content"]["restricted"], json!(["nominal/N1"]));
    assert!(held.text.contains("2002/0073319Z"), "{}", held.text);
}

#[tokio::test]
async fn what_people_wrote_of_duties_and_messages_that_wait_are_held_as_well() {
    let office = office().await;
    let duties = office.read("auditor", "/v1/duties?subject=nominal/N1").await.json();
    let duty = format!("duty/{}", duties["content"][0]["duty"].as_str().unwrap());
    let noted = json!({
        "specversion": "1.0", "id": "explained", "source": "/mandate", "type": "breach.explained", "subject": duty,
        "time": "2026-03-03T09:00:00Z", "data": {"by": "user/cpc", "reason": "Away on leave that week."},
    });
    let noted = NewEvent::from_value(&noted, Claim::Ignore).unwrap();
    // A message that cannot be used, of whoever has the number: it names nobody whom the log can file it under.
    let message = json!({
        "specversion": "1.0", "id": "Q-1", "source": "/mandate", "type": "message.quarantined",
        "subject": "message/Q-1", "time": "2026-03-03T09:00:00Z",
        "data": {"teller": "feed", "message_id": "m", "reason": "unknown",
                 "message": "{\"eventType\":\"?\",\"note\":\"about X123456, at the hostel\"}"},
    });
    let message = NewEvent::from_value(&message, Claim::Ignore).unwrap();
    office.server.store.append(vec![noted, message], OnError::All).await.unwrap();
    let held = office.read("subject-access", "/subject-access-request?crn=X123456").await;
    assert!(held.text.contains("Away on leave that week."), "{}", held.text);
    assert!(held.text.contains("at the hostel"), "{}", held.text);
    let other = office.read("subject-access", "/subject-access-request?crn=X12345").await;
    assert_eq!(other.status, 204, "{}", other.text);
}
