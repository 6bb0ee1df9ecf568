//! Watching the watcher, and the calendar, through HTTP.

use mandate_api::http::Tellers;
use mandate_api::tokens::{Opens, Tokens, make_for_user};
use serde_json::{Value, json};

use crate::server::{Server, at};

fn fact(id: &str, kind: &str, subject: &str, data: &Value) -> Value {
    json!({ "specversion": "1.0", "id": id, "source": "/t", "type": kind, "subject": subject,
            "time": "2026-03-03T09:00:00Z", "data": data })
}

#[tokio::test(flavor = "multi_thread")]
async fn health_goes_down_and_a_metric_tells_when_the_scheduler_does_not_pass() {
    let (server, scheduler) = Server::watched(Tellers::Anyone);
    let pass = |now: &str| {
        server.clock.set(at(now));
        tokio::task::block_in_place(|| scheduler.pass(at(now)).unwrap());
    };
    let down = "mandate_problems{code=\"scheduler\"} 1";
    pass("2026-03-03T09:00:00Z");
    server.clock.set(at("2026-03-03T09:05:00Z"));
    let health = server.get("/health").await;
    assert_eq!((health.status, &health.json()["components"]["watch"]["status"]), (200, &json!("UP")));
    let on_duty = &health.json()["components"]["lease"]["details"];
    assert_eq!(
        (&on_duty["here"], &on_duty["since"]),
        (&json!(true), &json!("2026-03-03T09:00:00Z")),
        "{on_duty}"
    );
    assert!(!server.get("/metrics").await.text.contains(down));
    server.clock.set(at("2026-03-03T09:05:01Z"));
    let health = server.get("/health").await;
    assert_eq!(health.status, 503);
    let problem = &health.json()["components"]["watch"]["details"]["problems"][0];
    assert_eq!(problem["code"], "scheduler");
    assert!(problem["remedy"].as_str().unwrap().contains("start the program again"), "{problem}");
    assert!(server.get("/metrics").await.text.contains(down));
    assert_eq!(server.get("/health/liveness").await.status, 200, "a restart is for people to decide");
    pass("2026-03-03T09:06:00Z");
    assert_eq!(server.get("/health").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_says_that_mandate_itself_needs_attention() {
    let (server, _scheduler) = Server::watched(Tellers::Anyone);
    assert!(!server.get("/work").await.text.contains("needs attention"));
    server.advance("2026-03-03T10:00:00Z");
    let page = server.get("/work").await;
    assert_eq!(page.status, 200);
    assert!(page.text.contains("Mandate itself needs attention"), "{}", page.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_calendar_shows_due_dates_to_its_token_and_no_name_or_nominal() {
    let (token, entry) = make_for_user("una", "user/U-1", Opens::Calendar).unwrap();
    let (feed, other) =
        mandate_api::tokens::make("feed", &["/t".to_owned()], mandate_api::tokens::Import::Refused).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("tokens.toml");
    std::fs::write(&file, format!("{entry}{other}")).unwrap();
    std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let server = Server::new(Tellers::Tokens(Tokens::read(&file).unwrap()));
    let facts = [
        fact("1", "organisation.enrolled", "area/A07", &json!({})),
        fact("2", "post.filled", "area/A07", &json!({ "post": "cpc", "user": "user/U-1" })),
        fact("3", "nominal.registered", "nominal/N-SECRET", &json!({ "kind": "mappa" })),
        fact(
            "4",
            "mappa.registered",
            "nominal/N-SECRET",
            &json!({ "registration": "r", "category": 2, "level": 2, "area": "area/A07" }),
        ),
    ];
    let request = axum::http::Request::post("/v1/facts")
        .header("host", "127.0.0.1:8080")
        .header("content-type", "application/cloudevents-batch+json")
        .header("authorization", format!("Bearer {feed}"));
    let body = Value::from(facts.to_vec()).to_string();
    let answer = server.send(request.body(body.into()).unwrap()).await;
    assert_eq!(answer.status, 202, "{}", answer.text);
    server.advance("2026-03-04T09:00:00Z");
    let calendar = server.get(&format!("/calendar/{token}.ics")).await;
    assert_eq!(calendar.status, 200);
    assert_eq!(calendar.headers["content-type"], "text/calendar; charset=utf-8");
    assert!(calendar.text.starts_with("BEGIN:VCALENDAR\r\n"), "{}", calendar.text);
    assert!(calendar.text.contains("DTSTART;VALUE=DATE:20260308\r\n"), "{}", calendar.text);
    assert!(calendar.text.contains("SUMMARY:Paragraph 4.10: D-"), "{}", calendar.text);
    assert!(!calendar.text.contains("SECRET"), "{}", calendar.text);
    for wrong in [feed.as_str(), "mandate_0", ""] {
        assert_eq!(server.get(&format!("/calendar/{wrong}.ics")).await.status, 404);
    }
    assert_eq!(server.get(&format!("/calendar/{token}")).await.status, 404);
}
