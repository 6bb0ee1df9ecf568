//! The stream of events: from where it was left, as they are recorded, with its end.

use std::time::Duration;

use axum::body::Body;
use http_body_util::BodyExt as _;
use serde_json::{Value, json};

use crate::office::Office;
use crate::server::{Server, get};
use tower::ServiceExt as _;

fn meeting(id: &str) -> Value {
    json!({"specversion": "1.0", "id": id, "source": "/t", "type": "meeting.held", "subject": "nominal/N1",
           "time": "2026-03-02T09:00:00Z", "data": {"meeting": "M", "level": 3}})
}

/// A stream being read.
struct Reading {
    body: Body,
    text: String,
}

impl Reading {
    async fn open(server: &Server, address: &str, last: Option<&str>) -> Self {
        let mut request = get(address);
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        let response = server.router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self { body: response.into_body(), text: String::new() }
    }

    /// The id and the data of the next event; none at the end of the stream.
    async fn next(&mut self) -> Option<(String, Value)> {
        loop {
            if let Some((block, rest)) = self.text.split_once("\n\n") {
                let field = |name: &str| {
                    block.lines().find_map(|line| line.strip_prefix(name)).map(|text| text.trim().to_owned())
                };
                let found = field("id:").zip(field("data:"));
                self.text = rest.to_owned();
                if let Some((id, data)) = found {
                    return Some((id, serde_json::from_str(&data).unwrap()));
                }
                continue;
            }
            let frame = tokio::time::timeout(Duration::from_secs(20), self.body.frame()).await.unwrap()?;
            self.text.push_str(std::str::from_utf8(frame.unwrap().data_ref().unwrap()).unwrap());
        }
    }

    async fn ids(&mut self, count: usize) -> Vec<String> {
        let mut ids = Vec::new();
        for _ in 0..count {
            let (id, event) = self.next().await.unwrap();
            assert_eq!(id, event["position"].to_string());
            ids.push(event["event"]["id"].as_str().unwrap().to_owned());
        }
        ids
    }
}

#[tokio::test]
async fn events_come_as_they_are_recorded_and_go_on_after_the_last_that_was_received() {
    let server = Server::open_to_anyone();
    server.state(&[meeting("m1"), meeting("m2")]).await;
    // From now on, from a position, and from where another reading ended, which wins.
    let mut live = Reading::open(&server, "/v1/events/stream", None).await;
    let mut all = Reading::open(&server, "/v1/events/stream?after=0", None).await;
    let mut again = Reading::open(&server, "/v1/events/stream?after=0", Some("1")).await;
    assert_eq!(all.ids(2).await, ["m1", "m2"]);
    assert_eq!(again.ids(1).await, ["m2"]);
    server.state(&[meeting("m3")]).await;
    for reading in [&mut live, &mut all, &mut again] {
        assert_eq!(reading.ids(1).await, ["m3"]);
    }
}

#[tokio::test]
async fn a_long_log_is_read_to_its_end_and_only_what_was_asked_for_comes() {
    let server = Server::open_to_anyone();
    let many: Vec<Value> = (0..250).map(|id| meeting(&format!("m{id}"))).collect();
    server.state(&many).await;
    let died = json!({"specversion": "1.0", "id": "d", "source": "/t", "type": "nominal.died",
                      "subject": "nominal/N2", "time": "2026-03-02T09:00:00Z"});
    server.state(&[died]).await;
    let mut all = Reading::open(&server, "/v1/events/stream?after=0", None).await;
    assert_eq!(all.ids(251).await.last().unwrap(), "d");
    for question in ["type=nominal.died", "subject=nominal/N2"] {
        let mut some = Reading::open(&server, &format!("/v1/events/stream?after=0&{question}"), None).await;
        assert_eq!(some.ids(1).await, ["d"], "{question}");
    }
}

#[tokio::test]
async fn a_stream_ends_when_the_server_is_told_to_stop() {
    let server = Server::open_to_anyone();
    server.state(&[meeting("m1")]).await;
    let mut reading = Reading::open(&server, "/v1/events/stream?after=0", None).await;
    assert_eq!(reading.ids(1).await, ["m1"]);
    server.app.close();
    assert!(reading.next().await.is_none());
}

#[tokio::test]
async fn streams_are_for_auditors_and_bounded_in_number() {
    let office = Office::open().await;
    assert_eq!(office.read("manager", "/v1/events/stream").await.status, 403);
    let server = Server::open_to_anyone();
    for wrong in ["?after=x", "?type=x", "?colour=red"] {
        assert_eq!(server.get(&format!("/v1/events/stream{wrong}")).await.status, 400, "{wrong}");
    }
    let mut open = Vec::new();
    for _ in 0..100 {
        open.push(Reading::open(&server, "/v1/events/stream", None).await);
    }
    assert_eq!(server.get("/v1/events/stream").await.status, 503);
    open.pop();
    Reading::open(&server, "/v1/events/stream", None).await;
}
