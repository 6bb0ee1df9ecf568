//! Who may state what: bearer tokens, each with its sources.

use axum::body::Body;
use axum::http::Request;
use mandate_api::http::{Peer, Tellers};
use mandate_api::tokens::{Import, Tokens, make};
use serde_json::{Value, json};

use crate::server::{Answer, Server};

fn fact(source: &str, kind: &str, more: &Value) -> Value {
    let mut fact = json!({"specversion": "1.0", "id": "a", "source": source, "type": kind, "subject": "nominal/N1",
                          "time": "2026-03-02T09:00:00Z"});
    fact.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    fact
}

fn with_token(import: Import) -> (Server, String) {
    use std::os::unix::fs::PermissionsExt as _;
    let (token, entry) = make("feed", &["/ndelius".to_owned(), "/visor/*".to_owned()], import).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tokens.toml");
    std::fs::write(&path, entry).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    (Server::new(Tellers::Tokens(Tokens::read(&path).unwrap())), token)
}

async fn post(server: &Server, authorization: &str, fact: &Value) -> Answer {
    let mut request = Request::post("/v1/facts")
        .header("host", "localhost")
        .header("content-type", "application/cloudevents+json");
    if !authorization.is_empty() {
        request = request.header("authorization", authorization);
    }
    server.send(request.body(Body::from(fact.to_string())).unwrap()).await
}

#[tokio::test]
async fn without_a_token_nothing_is_taken() {
    let (server, token) = with_token(Import::Refused);
    let died = fact("/ndelius", "nominal.died", &json!({}));
    for authorization in ["", "Bearer", "Bearer x", &format!("Basic {token}"), &token] {
        let answer = post(&server, authorization, &died).await;
        assert_eq!(answer.status, 401, "{authorization}");
        assert!(answer.headers.contains_key("www-authenticate"));
    }
    assert_eq!(server.stored(), 0);
    assert_eq!(post(&server, &format!("bearer {token}"), &died).await.status, 202);
}

#[tokio::test]
async fn a_server_without_a_token_file_takes_facts_from_nobody() {
    let server = Server::new(Tellers::Nobody);
    let answer = post(&server, "Bearer x", &fact("/t", "nominal.died", &json!({}))).await;
    assert_eq!(answer.status, 403);
    assert!(answer.text.contains("--token-file"));
}

#[tokio::test]
async fn a_token_states_its_own_sources_only_and_never_mandates_own_events() {
    let (server, token) = with_token(Import::Refused);
    let other = json!({"data": {"reason": "x", "event": {"source": "/nomis", "id": "e"}}});
    let assigned = json!({"subject": "duty/d", "data": {"to": "user/u"}});
    let recorded = json!({"recordedtime": "2026-03-02T10:00:00Z"});
    for (fact, field) in [
        (fact("/nomis", "nominal.died", &json!({})), "source"),
        (fact("/mandate", "nominal.died", &json!({})), "source"),
        (fact("/ndelius", "breach.assigned", &assigned), "type"),
        (fact("/ndelius", "fact.annulled", &other), "data.event"),
        (fact("/ndelius", "nominal.died", &recorded), "recordedtime"),
    ] {
        let answer = post(&server, &format!("Bearer {token}"), &fact).await;
        assert_eq!(answer.status, 403, "{}", answer.text);
        assert_eq!(answer.json()["results"][0]["field"], field);
    }
    assert_eq!(server.stored(), 0);
}

#[tokio::test]
async fn a_claim_of_recording_is_kept_for_a_token_with_the_import_right() {
    let (server, token) = with_token(Import::Allowed);
    let claimed = fact("/visor/attested", "nominal.died", &json!({"recordedtime": "2026-03-02T10:00:00Z"}));
    assert_eq!(post(&server, &format!("Bearer {token}"), &claimed).await.status, 202);
    let event = server.look("/v1/events/1").await.json();
    assert_eq!(event["claimedAt"], "2026-03-02T10:00:00Z");
    assert_eq!((&event["imported"], &event["actor"]), (&json!(true), &json!("feed")));
    assert_eq!(event["recordedAt"], "2026-03-03T09:00:00Z");
}

#[tokio::test]
async fn whoever_tries_token_after_token_waits_and_others_at_other_addresses_do_not() {
    let (server, token) = with_token(Import::Refused);
    let ask = async |from: &str, token: &str, named: &str| {
        let mut request = Request::get("/v1/rules")
            .header("host", "localhost")
            .header("authorization", format!("Bearer {token}"))
            .header("x-forwarded-for", named)
            .body(Body::empty())
            .unwrap();
        request.extensions_mut().insert(Peer(from.parse().unwrap()));
        server.send(request).await
    };
    let mut answers = Vec::new();
    for number in 0..150 {
        // Nobody is believed who says that somebody else asks.
        answers.push(ask("192.0.2.1", &format!("invented-{number}"), &format!("198.51.100.{number}")).await);
    }
    assert!(answers[..100].iter().all(|answer| answer.status == 401));
    let last = answers.last().unwrap();
    assert_eq!(last.status, 429, "{}", last.text);
    assert!(last.text.contains("try again in"), "{}", last.text);
    let wait: u64 = last.headers["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1..=2).contains(&wait), "{wait}");
    assert_eq!(ask("192.0.2.2", "invented", "192.0.2.1").await.status, 401);
    // A token that is known is let through from there as well.
    assert_eq!(ask("192.0.2.1", &token, "").await.status, 200);
}
