//! Facts over HTTP: every content mode, and what is wrong told precisely; nothing of it ends in a 5xx.

use axum::body::Body;
use axum::http::Request;
use serde_json::{Value, json};

use crate::server::Server;

fn server() -> Server {
    Server::open_to_anyone()
}

fn fact(id: &str) -> Value {
    json!({"specversion": "1.0", "id": id, "source": "/t", "type": "meeting.held", "subject": "nominal/N1",
           "time": "2026-03-02T09:00:00Z", "data": {"meeting": "M1", "level": 3}})
}

/// The fact with one field, named by its pointer, set to another value.
fn with(pointer: &str, value: Value) -> Value {
    let mut changed = fact("a");
    *changed.pointer_mut(pointer).unwrap() = value;
    changed
}

#[tokio::test]
async fn a_fact_is_taken_once_in_every_content_mode() {
    let server = server();
    assert_eq!(server.one(&fact("a")).await.0, 202);
    let batch = json!([fact("a"), fact("b")]).to_string();
    assert_eq!(server.post("/v1/facts", "application/cloudevents-batch+json", batch).await.0, 202);
    let binary = Request::post("/v1/facts")
        .header("host", "127.0.0.1:8080")
        .header("content-type", "application/json")
        .header("ce-specversion", "1.0")
        .header("ce-id", "c")
        .header("ce-source", "/t")
        .header("ce-type", "meeting.held")
        .header("ce-subject", "nominal/N1")
        .header("ce-time", "2026-03-02T09:00:00Z");
    let (status, told) =
        server.answer(binary.body(Body::from(r#"{"meeting":"M2","level":3}"#)).unwrap()).await;
    assert_eq!(status, 202, "{told}");
    assert_eq!(server.stored(), 3);
}

#[tokio::test]
async fn the_same_id_with_other_content_is_a_conflict_that_names_both_and_changes_nothing() {
    let server = server();
    server.one(&fact("a")).await;
    let (status, told) = server.one(&with("/data/level", json!(2))).await;
    assert_eq!(status, 409, "{told}");
    assert!(told.contains("`a`") && told.contains("position 1"), "{told}");
    assert_eq!(server.stored(), 1);
}

#[tokio::test]
async fn what_is_wrong_is_told_with_its_field_and_never_with_a_5xx() {
    let server = server();
    let bidi = "M\u{202e}1";
    for (wrong, named) in [
        (with("/type", json!("meeting.invented")), "unknown fact type"),
        (with("/subject", json!("user/U1")), "wrong kind"),
        (with("/time", json!("9999-01-01T00:00:00Z")), "1900 to 2200"),
        (with("/data/meeting", json!("a\u{0}b")), "U+0000"),
        (with("/data/meeting", json!(bidi)), "U+202E"),
        (with("/data/level", json!(9)), "data.level"),
        (with("/id", json!("X777978")), "CRN"),
        (with("/source", json!("/mandate")), "mandate"),
    ] {
        let (status, told) = server.one(&wrong).await;
        assert!((400..500).contains(&status), "{status} for {wrong}");
        let body: Value = serde_json::from_str(&told).unwrap();
        assert_eq!(body["status"], json!(status));
        assert!(told.contains(named), "{told}\nwanted {named}");
    }
    for truncated in ["", "{", "[", "null", "{\"specversion\":\"1.0\"", "\"text\""] {
        let (status, told) = server.post("/v1/facts", "application/cloudevents+json", truncated).await;
        assert!((400..500).contains(&status), "{status} for {truncated:?}: {told}");
    }
    let (status, _) = server.post("/v1/facts", "text/plain", "x").await;
    assert_eq!(status, 415);
    assert_eq!(server.stored(), 0);
}

#[tokio::test]
async fn a_body_of_100_megabytes_is_refused() {
    let server = server();
    let (status, told) =
        server.post("/v1/facts", "application/cloudevents+json", vec![b'x'; 100_000_000]).await;
    assert_eq!(status, 413, "{told}");
}

#[tokio::test]
async fn of_a_batch_all_or_each_is_taken_as_the_caller_chose() {
    let server = server();
    let batch = json!([fact("a"), with("/type", json!("x")), fact("b")]).to_string();
    let media = "application/cloudevents-batch+json";
    let (status, _) = server.post("/v1/facts?on_error=all", media, batch.clone()).await;
    assert!((400..500).contains(&status));
    assert_eq!(server.stored(), 0);
    let (status, told) = server.post("/v1/facts?on_error=each&dry_run=true", media, batch.clone()).await;
    assert_eq!(server.stored(), 0, "{status} {told}");
    server.post("/v1/facts?on_error=each", media, batch).await;
    assert_eq!(server.stored(), 2);
}

#[tokio::test]
async fn an_unknown_parameter_and_an_unknown_address_are_named() {
    let server = server();
    let get =
        |address: &str| Request::get(address).header("host", "127.0.0.1:8080").body(Body::empty()).unwrap();
    let (status, told) = server.answer(get("/v1/duties?colour=red")).await;
    assert_eq!((status, told.contains("colour")), (400, true), "{told}");
    assert_eq!(server.answer(get("/v1/duties?size=x")).await.0, 400);
    assert_eq!(server.answer(get("/v1/duties/D-00000000")).await.0, 404);
    assert_eq!(server.answer(get("/health/liveness")).await.0, 200);
}

#[tokio::test]
async fn a_fact_written_as_an_array_is_refused_wherever_it_stands() {
    let server = server();
    let array = json!(["1.0", "a", "/t", "meeting.held", "nominal/N1", "2026-03-02T09:00:00Z"]);
    assert_eq!(server.one(&array).await.0, 422);
    let batch = json!([array]).to_string();
    let (status, told) = server.post("/v1/facts", "application/cloudevents-batch+json", batch).await;
    assert_eq!((status, told.contains("expected a JSON object")), (400, true), "{told}");
    assert_eq!(server.stored(), 0);
}

#[tokio::test]
async fn a_path_that_is_no_text_is_answered_as_every_other_mistake() {
    let server = server();
    for address in ["/v1/duties/%ff", "/v1/nominals/%C3%28", "/duties/%ff", "/%ff"] {
        let answer = server.get(address).await;
        assert_eq!(answer.status, 400, "{address}: {}", answer.text);
        assert_eq!(answer.json()["errorCode"], "INVALID_PARAMETER", "{address}");
    }
}

#[tokio::test]
async fn a_value_that_a_closed_set_does_not_have_is_refused_and_one_of_an_open_set_finds_nothing() {
    let server = server();
    for (question, allowed) in [("outcome=foo", "met_late"), ("rule=9.99", "4.10"), ("sort=foo", "actBy")] {
        for format in ["json", "csv"] {
            let answer = server.get(&format!("/v1/duties?{question}&format={format}")).await;
            assert_eq!((answer.status, answer.text.contains(allowed)), (400, true), "{}", answer.text);
        }
    }
    for question in ["area=A99", "unit=U99", "prison=ZZZ", "subject=nominal/N99", "rule=4.10"] {
        let answer = server.get(&format!("/v1/duties?{question}")).await;
        assert_eq!((answer.status, answer.json()["totalElements"].as_u64()), (200, Some(0)), "{question}");
    }
}
