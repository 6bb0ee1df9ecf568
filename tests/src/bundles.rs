//! The log as a bundle over HTTP: whole, in parts, recorded, and checked by the verifier's own code.

use std::os::unix::fs::PermissionsExt as _;

use axum::body::{Body, Bytes, to_bytes};
use axum::http::StatusCode;
use http_body_util::BodyExt as _;
use mandate_api::http::Tellers;
use mandate_api::tokens::{Import, Reads, Tokens, make_for_reading};
use mandate_domain::catalogue::{FactType, Field};
use mandate_domain::fact::Value as FactValue;
use mandate_store::Position;
use mandate_verify::check::{Verdict, verify};
use mandate_verify::note::VerifyingKey;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::office::Office;
use crate::server::{Server, get};

/// The auditor brings no checkpoint.
const NONE: [&str; 0] = [];

fn meetings(count: u64) -> Vec<Value> {
    (0..count)
        .map(|id| {
            json!({"specversion": "1.0", "id": format!("m{id}"), "source": "/t", "type": "meeting.held",
                   "subject": format!("nominal/N{}", id % 50), "time": "2026-03-02T09:00:00Z",
                   "data": {"meeting": "M", "level": 3, "note": "A sealed text."}})
        })
        .collect()
}

async fn taken(server: &Server, address: &str) -> Bytes {
    let response = server.router.clone().oneshot(get(address).body(Body::empty()).unwrap()).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK, "{address}");
    let kept = response.headers()["content-disposition"].to_str().unwrap().to_owned();
    assert!(kept.starts_with("attachment; filename=\"mandate-") && kept.ends_with(".bundle\""), "{kept}");
    to_bytes(response.into_body(), 1 << 26).await.unwrap()
}

async fn signed(count: u64) -> (Server, VerifyingKey) {
    let server = Server::signing();
    for part in meetings(count).chunks(2_000) {
        server.state(part).await;
        server.store.checkpoint().unwrap().unwrap();
    }
    let key = server.get("/v1/checkpoints").await.json()["key"].as_str().unwrap().to_owned();
    (server, VerifyingKey::parse(&key).unwrap())
}

#[tokio::test]
async fn a_bundle_taken_over_http_is_verified_whole_and_a_byte_that_is_changed_is_found() {
    let (server, key) = signed(5_000).await;
    let bundle = taken(&server, "/v1/bundle").await;
    let report = verify(&bundle[..], &key, &NONE).unwrap();
    assert!(matches!(report.verdict, Verdict::Ok { .. }), "{:?}", report.verdict);
    assert!(!String::from_utf8_lossy(&bundle).contains("A sealed text."));
    let mut altered = bundle.to_vec();
    let middle = altered.len() / 2;
    altered[middle] ^= 1;
    let report = verify(&altered[..], &key, &NONE).unwrap();
    assert!(!matches!(report.verdict, Verdict::Ok { .. }), "{:?}", report.verdict);
    // What broke off is not taken for whole.
    let report = verify(&bundle[..middle], &key, &NONE).unwrap();
    assert!(!matches!(report.verdict, Verdict::Ok { .. }), "{:?}", report.verdict);
}

#[tokio::test]
async fn a_part_begins_and_ends_where_it_was_asked_to() {
    let (server, key) = signed(300).await;
    let part = taken(&server, "/v1/bundle?after=100&upTo=200").await;
    let report = verify(&part[..], &key, &NONE).unwrap();
    assert!(matches!(report.verdict, Verdict::Ok { .. }), "{:?}", report.verdict);
    for (question, status) in
        [("?after=301", 400), ("?upTo=301", 400), ("?after=9&upTo=3", 400), ("?colour=red", 400)]
    {
        assert_eq!(server.get(&format!("/v1/bundle{question}")).await.status, status, "{question}");
    }
}

#[tokio::test]
async fn whoever_does_not_take_it_to_the_end_gives_the_room_back() {
    let (server, _) = signed(8_000).await;
    let mut begun = Vec::new();
    for _ in 0..4 {
        let response =
            server.router.clone().oneshot(get("/v1/bundle").body(Body::empty()).unwrap()).await.unwrap();
        let mut body = response.into_body();
        body.frame().await.unwrap().unwrap();
        begun.push(body);
    }
    let refused = server.get("/v1/bundle").await;
    assert!(refused.status == 503 && refused.headers.contains_key("retry-after"), "{}", refused.text);
    begun.clear();
    crate::server::until(|| server.app.room_for_a_bundle().is_some()).await;
}

#[tokio::test]
async fn nothing_that_was_not_signed_is_taken_and_it_is_said_when_to_come_again() {
    let server = Server::open_to_anyone();
    server.state(&meetings(3)).await;
    let refused = server.get("/v1/bundle").await;
    assert!(refused.status == 409 && refused.text.contains("try again in a minute"), "{}", refused.text);
}

#[tokio::test]
async fn an_auditor_takes_the_whole_log_which_is_recorded_first_and_nobody_else_does() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("keys")).unwrap();
    mandate_store::create_signing_key(&folder.path().join("keys/signing"), "log.example").unwrap();
    let office = Office::with(&[], |tellers| Server::in_folder(folder, tellers)).await;
    office.server.store.checkpoint().unwrap().unwrap();
    for who in ["cpc", "manager", "outsider", "feed"] {
        assert_eq!(office.read(who, "/v1/bundle").await.status, 403, "{who}");
    }
    let signed = office.server.stored();
    assert_eq!(office.read("auditor", "/v1/bundle?after=2").await.status, 200);
    let types = [FactType::LogRead];
    let read = office.server.store.reader().read_types(&types, Position::START, 9).unwrap().events;
    let read = read.first().unwrap();
    let number = |field: Field| read.fact.get(field).cloned();
    assert_eq!((&*read.fact.subject, read.position.get()), ("user/auditor", signed + 1));
    let signed = i64::try_from(signed).unwrap();
    assert_eq!(
        (number(Field::After), number(Field::UpTo)),
        (Some(FactValue::Number(2)), Some(FactValue::Number(signed)))
    );
}

#[tokio::test]
async fn a_machine_is_given_no_bundle_that_holds_a_limited_record() {
    let reads = Reads { state: false, log: true };
    let (token, entry) = make_for_reading("logger", &["/t".to_owned()], Import::Refused, reads).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tokens.toml");
    std::fs::write(&path, entry).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    std::fs::create_dir(folder.path().join("keys")).unwrap();
    mandate_store::create_signing_key(&folder.path().join("keys/signing"), "log.example").unwrap();
    let server = Server::in_folder(folder, Tellers::Tokens(Tokens::read(&path).unwrap()));
    crate::office::tell(&server, &token, "nominal/N1", "meeting.held", json!({"meeting": "M", "level": 3}))
        .await;
    server.store.checkpoint().unwrap().unwrap();
    let take = async || {
        let request = get("/v1/bundle").header("authorization", format!("Bearer {token}"));
        server.status(request.body(Body::empty()).unwrap()).await
    };
    assert_eq!(take().await, 200);
    let limited = json!({"limited": true, "users": ["user/x"]});
    crate::office::tell(&server, &token, "nominal/N1", "record.access_limited", limited).await;
    server.advance("2026-03-03T09:00:01Z");
    assert_eq!(take().await, 403);
}

#[tokio::test]
async fn the_page_of_events_offers_the_bundle_and_what_comes_next() {
    let (server, _) = signed(3).await;
    let page = server.get("/events").await.text;
    assert!(page.contains("href=\"/v1/bundle\""), "{page}");
    assert!(page.contains("data-live=\"/v1/events/stream?after=3\""), "{page}");
    assert!(page.contains("Look again for what has been recorded since"), "{page}");
    let chosen = server.get("/events?type=meeting.held&subject=nominal/N1").await.text;
    let chosen = chosen.replace("&#38;", "&").replace("&amp;", "&");
    assert!(chosen.contains("after=3&type=meeting.held&subject=nominal/N1"), "{chosen}");
    for past in ["asAt=2026-03-03", "upTo=2", "from=2026-03-03", "source=/t"] {
        let page = server.get(&format!("/events?{past}")).await.text;
        assert!(!page.contains("data-live"), "{past}: the stream knows nothing of it");
    }
    let unsigned = Server::open_to_anyone();
    assert!(!unsigned.get("/events").await.text.contains("/v1/bundle"));
}
