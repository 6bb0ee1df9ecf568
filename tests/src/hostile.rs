//! What no honest client sends: nothing of it is stored, panics, or ends in a 5xx.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;

use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, Request};
use hyper::body::Frame;
use serde_json::json;

use crate::server::{Server, get};

const STRUCTURED: &str = "application/cloudevents+json";
const BATCH: &str = "application/cloudevents-batch+json";

fn fact() -> String {
    json!({"specversion": "1.0", "id": "a", "source": "/t", "type": "meeting.held", "subject": "nominal/N1",
           "time": "2026-03-02T09:00:00Z", "data": {"meeting": "M1", "level": 3, "note": "é"}})
    .to_string()
}

#[tokio::test]
async fn every_truncation_of_a_fact_and_of_a_batch_is_told_as_bad() {
    let server = Server::open_to_anyone();
    for (media, whole) in [(STRUCTURED, fact()), (BATCH, format!("[{0},{0}]", fact()))] {
        for end in 0..whole.len() {
            let body = whole.as_bytes()[..end].to_vec();
            let (status, told) = server.post("/v1/facts", media, body).await;
            assert!((400..500).contains(&status), "{status} for the first {end} bytes: {told}");
        }
    }
    assert_eq!(server.stored(), 0);
}

#[tokio::test]
async fn every_byte_of_a_fact_may_be_another_without_harm() {
    let server = Server::open_to_anyone();
    let whole = fact().into_bytes();
    for place in 0..whole.len() {
        for byte in [0x00, 0x22, 0x5c, 0x7b, 0x80, 0xff] {
            let mut body = whole.clone();
            body[place] = byte;
            let (status, told) = server.post("/v1/facts", STRUCTURED, body).await;
            assert!((200..500).contains(&status), "{status} with {byte:#x} at {place}: {told}");
        }
    }
}

#[tokio::test]
async fn json_of_another_shape_is_told_as_bad() {
    let server = Server::open_to_anyone();
    let deep = |n: usize| format!("{}{}", "[".repeat(n), "]".repeat(n));
    let nested = fact().replace("\"M1\"", &deep(100_000));
    let unknown = fact().replace("\"note\":\"é\"", &format!("\"extra\":{}", deep(100_000)));
    let wide = fact().replace("\"M1\"", &format!("\"{}\"", "x".repeat(2 << 20)));
    for body in [
        deep(200_000),
        nested,
        unknown,
        wide,
        "1e999999".to_owned(),
        fact().replace("\"level\":3", "\"level\":1e400"),
        fact().replace("\"level\":3", "\"level\":99999999999999999999999999"),
        fact().replace("\"id\":\"a\"", "\"id\":\"a\",\"id\":\"b\""),
        fact().replace("\"level\":3", "\"level\":3,\"level\":2"),
        fact().replace("\"id\":\"a\"", "\"id\":\"\\ud800\""),
        format!("{}{}", fact(), fact()),
    ] {
        let (status, told) = server.post("/v1/facts", STRUCTURED, body.clone()).await;
        let start: String = body.chars().take(60).collect();
        assert!((400..500).contains(&status), "{status} for {start}…: {told}");
    }
    assert_eq!(server.stored(), 0);
}

#[tokio::test]
async fn a_body_without_end_is_refused_after_its_limit_was_read() {
    const PIECE: usize = 64 << 10;
    let server = Server::open_to_anyone();
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&asked);
    let endless = Endless(move || {
        counted.fetch_add(PIECE, Ordering::Relaxed);
        Bytes::from(vec![b' '; PIECE])
    });
    let request = Request::post("/v1/facts").header("host", "localhost").header("content-type", STRUCTURED);
    let answer = server.send(request.body(Body::new(endless)).unwrap()).await;
    assert_eq!(answer.status, 413, "{}", answer.text);
    let read = asked.load(Ordering::Relaxed);
    assert!(read <= (8 << 20) + 2 * PIECE, "{read} bytes were read");
}

/// A body that always has more.
struct Endless<F>(F);

impl<F: FnMut() -> Bytes + Unpin> axum::body::HttpBody for Endless<F> {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        Poll::Ready(Some(Ok(Frame::data((self.0)()))))
    }
}

#[tokio::test]
async fn headers_of_binary_mode_are_checked() {
    let server = Server::open_to_anyone();
    let good = || {
        Request::post("/v1/facts")
            .header("host", "localhost")
            .header("content-type", "application/json")
            .header("ce-specversion", "1.0")
            .header("ce-source", "/t")
            .header("ce-type", "nominal.died")
            .header("ce-subject", "nominal/N1")
            .header("ce-time", "2026-03-02T09:00:00Z")
    };
    let latin = HeaderValue::from_bytes(b"a\xff").unwrap();
    for (request, status, named) in [
        (good(), 422, "`id`"),
        (good().header("ce-id", "a").header("ce-id", "b"), 400, "ce-id"),
        (good().header("ce-id", "a").header("ce-data", "x"), 400, "ce-data"),
        (good().header("ce-id", "a").header("ce-colour", "x"), 422, "colour"),
        (good().header("ce-id", latin), 400, "ce-id"),
        (good().header("ce-id", "a%00b"), 422, "U+0000"),
        (good().header("ce-id", "a").header("content-encoding", "gzip"), 415, "compressed"),
    ] {
        let answer = server.send(request.body(Body::empty()).unwrap()).await;
        assert_eq!(answer.status, status, "{}", answer.text);
        assert!(answer.text.contains(named), "{}\nwanted {named}", answer.text);
    }
    assert_eq!(server.stored(), 0);
}

#[tokio::test]
async fn addresses_that_nobody_gave_out_end_in_a_4xx() {
    let server = Server::open_to_anyone();
    let long = format!("/v1/duties?rule={}", "4.10,".repeat(2_000));
    let many = format!("/v1/duties?{}", "rule=1&".repeat(500));
    for (address, wanted) in [
        ("/v1/duties?asAt=9999-01-01", 400),
        ("/v1/duties?asAt=%00", 400),
        ("/v1/duties?area=%E2%80%AE", 400),
        ("/v1/duties?area=%FF", 400),
        ("/v1/duties?page=-1", 400),
        ("/v1/duties?page=99999999999", 400),
        ("/v1/duties?size=0", 400),
        ("/v1/duties?size=1001", 400),
        ("/v1/duties?outcome=lost", 400),
        ("/v1/duties?sort=colour", 400),
        ("/v1/duties?dueFrom=2026-02-30", 400),
        ("/v1/duties?page=1&page=2", 400),
        ("/v1/duties?breach=maybe", 400),
        ("/v1/duties/%00", 404),
        ("/v1/duties/%FF", 400),
        ("/v1/duties/' OR 1=1 --".replace(' ', "%20").as_str(), 404),
        ("/v1/duties/D-NOTTHERE/explanation", 404),
        ("/v1/duties/D-NOTTHERE/derivation", 404),
        ("/v1/duties/D-NOTTHERE/history", 404),
        ("/v1/nominals/nobody", 404),
        ("/v1/nominals/nobody/duties", 404),
        ("/v1/nominals/nobody/history?knownAt=x", 400),
        ("/v1/events?subject=X777978", 400),
        ("/v1/events?type=nothing.happened", 400),
        ("/v1/events?after=-5", 400),
        ("/v1/events/0", 404),
        ("/v1/events/x", 404),
        ("/v1/events/99999999999999999999999", 404),
        ("/v1/schemas/nothing.happened", 404),
        ("/v1/rules/9.9", 404),
        ("/v1/breaches?status=lost", 400),
        ("/v1/reconciliation?area=' OR 1=1 --".replace(' ', "%20").as_str(), 200),
        ("/v1/reconciliation?size=0", 400),
        ("/v1/notices?x=1", 400),
        ("/duties/D-NOTTHERE", 404),
        ("/nominals/..%2F..%2Fetc%2Fpasswd", 404),
        ("/inbox/..%2F..%2Flog", 404),
        ("/assets/..%2Fmanifest.json", 404),
        ("/rules/%3Cscript%3E", 404),
        (long.as_str(), 200),
        (many.as_str(), 400),
    ] {
        let answer = server.get(address).await;
        assert_eq!(answer.status, wanted, "{address}: {}", answer.text);
        assert!(!answer.text.contains("<script>"), "{address}");
    }
}

#[tokio::test]
async fn another_host_or_method_is_refused() {
    let server = Server::open_to_anyone();
    for (host, wanted) in [("127.0.0.1:8080", 200), ("[::1]", 200), ("evil.example", 421), ("", 421)] {
        let request = Request::get("/health/ping").header("host", host).body(Body::empty()).unwrap();
        assert_eq!(server.send(request).await.status, wanted, "{host}");
    }
    for (method, address) in
        [("DELETE", "/v1/duties"), ("GET", "/v1/facts"), ("PUT", "/work"), ("TRACE", "/")]
    {
        let request = Request::builder().method(method).uri(address).header("host", "localhost");
        assert_eq!(server.send(request.body(Body::empty()).unwrap()).await.status, 405, "{method} {address}");
    }
}

#[tokio::test]
async fn every_answer_carries_the_headers_that_keep_a_page_to_itself() {
    let server = Server::open_to_anyone();
    for address in ["/work", "/no-such-page", "/v1/duties", "/health", "/help"] {
        let answer = server.send(get(address).body(Body::empty()).unwrap()).await;
        let header = |name: &str| answer.headers.get(name).and_then(|value| value.to_str().ok());
        let policy = header("content-security-policy").unwrap_or_default();
        assert!(
            policy.starts_with("default-src 'none'") && !policy.contains("unsafe"),
            "{address}: {policy}"
        );
        assert_eq!(header("x-content-type-options"), Some("nosniff"), "{address}");
        assert_eq!(header("cache-control"), Some("no-store"), "{address}");
    }
}
