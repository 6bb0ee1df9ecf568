//! The stream of events: from where it was left, as they are recorded, with its end.

use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use http_body_util::BodyExt as _;
use serde_json::{Value, json};

use crate::office::Office;
use crate::server::{Answer, Server, get};
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
        let headers: Vec<_> = last.map(|last| ("last-event-id", last)).into_iter().collect();
        Self::open_with(server, address, &headers).await
    }

    async fn open_with(server: &Server, address: &str, headers: &[(&str, &str)]) -> Self {
        let mut request = get(address);
        for (name, value) in headers {
            request = request.header(*name, *value);
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

/// The auditor, signed in: the cookie, and the token of a form.
async fn auditor(office: &Office) -> (String, String) {
    let form_token = |page: &str| {
        let (_, rest) = page.split_once("name=\"token\" value=\"").unwrap();
        rest.split('"').next().unwrap().to_owned()
    };
    let cookie = |answer: &Answer| {
        answer.headers["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned()
    };
    let page = office.server.get("/sign-in").await;
    let form =
        format!("token={}&access-token={}&next=/help", form_token(&page.text), office.token("auditor"));
    let cookie = cookie(&post_form(office, "/sign-in", &cookie(&page), form).await);
    let page =
        office.server.send(get("/events").header("cookie", &cookie).body(Body::empty()).unwrap()).await;
    (cookie, form_token(&page.text))
}

async fn post_form(office: &Office, address: &str, cookie: &str, form: String) -> Answer {
    let request = Request::post(address)
        .header("host", "127.0.0.1:8080")
        .header("content-type", "application/x-www-form-urlencoded")
        .header("cookie", cookie);
    office.server.send(request.body(Body::from(form)).unwrap()).await
}

#[tokio::test]
async fn a_stream_ends_with_the_session_of_its_reader() {
    let office = Office::open().await;
    let (cookie, token) = auditor(&office).await;
    let mut reading =
        Reading::open_with(&office.server, "/v1/events/stream?after=0", &[("cookie", &cookie)]).await;
    let stored = office.server.stored();
    for _ in 0..stored {
        reading.next().await.unwrap();
    }
    assert_eq!(post_form(&office, "/sign-out", &cookie, format!("token={token}")).await.status, 303);
    office.tell("nominal/N1", "meeting.held", json!({"meeting": "M", "level": 2})).await;
    assert!(reading.next().await.is_none(), "whoever signed out hears nothing more");
}

#[tokio::test]
async fn a_stream_keeps_no_session_open_and_ends_with_a_right_that_is_lost() {
    let office = Office::open().await;
    let (cookie, _) = auditor(&office).await;
    let address = "/v1/events/stream?type=meeting.held&type=vetting.withdrawn";
    let open = async || Reading::open_with(&office.server, address, &[("cookie", &cookie)]).await;
    let mut reading = open().await;
    office.tell("user/auditor", "vetting.withdrawn", json!({})).await;
    assert!(reading.next().await.is_none(), "the right was lost with the very next event");
    office.tell("user/auditor", "vetting.cleared", json!({"level": 2, "expires_on": "2026-12-31"})).await;
    let mut reading = open().await;
    // Half an hour without a request: the stream itself is none.
    for minutes in [10, 20, 29] {
        office.server.advance(&format!("2026-03-03T09:{minutes}:00Z"));
        office.tell("nominal/N1", "meeting.held", json!({"meeting": minutes.to_string(), "level": 2})).await;
        assert!(reading.next().await.is_some(), "{minutes}");
    }
    office.server.advance("2026-03-03T09:30:00Z");
    office.tell("nominal/N1", "meeting.held", json!({"meeting": "M", "level": 2})).await;
    assert!(reading.next().await.is_none());
}

#[tokio::test]
async fn one_reader_does_not_take_the_room_of_the_others() {
    let office = Office::open().await;
    let bearer = format!("Bearer {}", office.token("auditor"));
    let headers = [("authorization", bearer.as_str())];
    let mut open = Vec::new();
    for _ in 0..10 {
        open.push(Reading::open_with(&office.server, "/v1/events/stream", &headers).await);
    }
    let refused = office.read("auditor", "/v1/events/stream").await;
    assert!(refused.status == 503 && refused.text.contains("close one"), "{}", refused.text);
    open.pop();
    Reading::open_with(&office.server, "/v1/events/stream", &headers).await;
}
