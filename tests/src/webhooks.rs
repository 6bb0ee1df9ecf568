//! Webhooks: signed, in order, once per id, sent again until accepted, given up after 72 hours; and whom they call.

use std::sync::{Arc, Mutex};

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Request, StatusCode};
use mandate_api::http::Tellers;
use mandate_api::tokens::Tokens;
use mandate_api::webhooks::{Secret, signature};
use serde_json::{Value, json};

use crate::server::{Answer, Server};

/// A message as it came.
#[derive(Debug, Clone)]
struct Came {
    headers: HeaderMap,
    body: String,
}

impl Came {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

/// An address that notes what comes and answers as it is told to.
#[derive(Clone)]
struct Receiver {
    came: Arc<Mutex<Vec<Came>>>,
    answers: Arc<Mutex<StatusCode>>,
    url: String,
}

impl Receiver {
    async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hooks?key=k", listener.local_addr().unwrap());
        let receiver =
            Self { came: Arc::default(), answers: Arc::new(Mutex::new(StatusCode::NO_CONTENT)), url };
        let router = axum::Router::new().fallback(take).with_state(receiver.clone());
        tokio::spawn(async move { mandate_api::http::serve(listener, router, std::future::pending()).await });
        receiver
    }

    fn answer(&self, status: StatusCode) {
        *self.answers.lock().unwrap() = status;
    }

    fn came(&self) -> Vec<Came> {
        self.came.lock().unwrap().clone()
    }

    fn ids(&self) -> Vec<String> {
        self.came().iter().map(|one| one.header("webhook-id").to_owned()).collect()
    }
}

async fn take(State(receiver): State<Receiver>, headers: HeaderMap, body: Bytes) -> (StatusCode, HeaderMap) {
    let body = String::from_utf8(body.to_vec()).unwrap();
    receiver.came.lock().unwrap().push(Came { headers, body });
    let mut more = HeaderMap::new();
    more.insert("location", "http://127.0.0.1:1/elsewhere".parse().unwrap());
    (*receiver.answers.lock().unwrap(), more)
}

#[expect(clippy::needless_pass_by_value, reason = "made for this fact")]
fn fact(id: &str, kind: &str, subject: &str, data: Value) -> Value {
    json!({"specversion": "1.0", "id": id, "source": "/t", "type": kind, "subject": subject,
           "time": "2026-03-01T09:00:00Z", "data": data})
}

fn meeting(id: &str) -> Value {
    fact(id, "meeting.held", "nominal/N1", json!({"meeting": id, "level": 3, "note": "A sealed text."}))
}

/// A server whose administrator, and auditor, is `user/U-A`, and two tokens: that person's, and that of `user/U-P`.
pub async fn server() -> Server {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tokens.toml");
    let digest = |token: &str| {
        use sha2::Digest as _;
        sha2::Sha256::digest(token).iter().map(|byte| format!("{byte:02x}")).collect::<String>()
    };
    let text = format!(
        "[[token]]\nname = \"feed\"\nsha256 = \"{}\"\nsources = [\"*\"]\nimport = true\n\
         [[token]]\nname = \"a\"\nsha256 = \"{}\"\nuser = \"user/U-A\"\n\
         [[token]]\nname = \"p\"\nsha256 = \"{}\"\nuser = \"user/U-P\"\n",
        digest("feed"),
        digest("admin"),
        digest("plain"),
    );
    std::fs::write(&path, text).unwrap();
    std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let server = Server::new(Tellers::Tokens(Tokens::read(&path).unwrap()));
    let user = |id: &str, user: &str, role: &str| {
        let org = json!({"org": "area/A07", "role": role, "service": "probation"});
        fact(id, "user.registered", user, org)
    };
    let facts = json!([
        user("u1", "user/U-A", "auditor"),
        fact("u2", "vetting.cleared", "user/U-A", json!({"level": 3, "expires_on": "2030-01-01"})),
        fact("u3", "token.granted", "user/U-A", json!({"token": "admin"})),
        user("u4", "user/U-P", "practitioner"),
    ]);
    state(&server, &facts).await;
    server
}

async fn state(server: &Server, facts: &Value) {
    let media = "application/cloudevents-batch+json";
    let answer = sent(server, "POST", "/v1/facts", "feed", media, facts).await;
    assert_eq!(answer.status, 202, "{}", answer.text);
}

async fn sent(server: &Server, method: &str, path: &str, token: &str, media: &str, body: &Value) -> Answer {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("host", "127.0.0.1:8080")
        .header("authorization", format!("Bearer {token}"))
        .header("content-type", media)
        .body(body.to_string().into())
        .unwrap();
    server.send(request).await
}

async fn asked(server: &Server, method: &str, path: &str, body: Value) -> Answer {
    sent(server, method, path, "admin", "application/json", &body).await
}

/// Subscribes; the reference and the secret.
pub async fn subscribe(server: &Server, body: Value) -> (String, String) {
    let answer = asked(server, "POST", "/v1/webhooks", body).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    let made = answer.json();
    (made["reference"].as_str().unwrap().to_owned(), made["secret"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn each_event_is_told_in_order_signed_and_without_what_is_sealed() {
    let (server, receiver) = (server().await, Receiver::start().await);
    let (reference, secret) = subscribe(&server, json!({"url": receiver.url})).await;
    state(&server, &json!([meeting("m1"), meeting("m2")])).await;
    let passed = server.webhooks.pass().await;
    assert_eq!((passed.accepted, passed.failing), (2, 0));
    let came = receiver.came();
    // Four facts, the subscription, then these.
    assert_eq!(receiver.ids(), [format!("{reference}_6"), format!("{reference}_7")]);
    for (one, (id, position)) in came.iter().zip([("m1", 6), ("m2", 7)]) {
        assert_eq!(one.header("content-type"), "application/cloudevents+json; charset=utf-8");
        let event = one.json();
        assert_eq!((event["id"].as_str(), event["position"].as_u64()), (Some(id), Some(position)));
        assert_eq!(event["specversion"], "1.0");
        assert!(!one.body.contains("sealed text"), "{}", one.body);
        let timestamp: i64 = one.header("webhook-timestamp").parse().unwrap();
        let secret = Secret::parse(&secret).unwrap();
        let expected = signature(&secret, one.header("webhook-id"), timestamp, one.body.as_bytes());
        assert_eq!(one.header("webhook-signature"), expected);
    }
    // What is recorded about webhooks is told to none, or it would go on for ever.
    assert_eq!(server.webhooks.pass().await.accepted, 0);
}

#[tokio::test]
async fn only_the_types_that_were_asked_for_and_no_limited_record_is_told() {
    let (server, receiver) = (server().await, Receiver::start().await);
    subscribe(&server, json!({"url": receiver.url, "types": ["meeting.*"]})).await;
    let limited = fact("l1", "record.access_limited", "nominal/N2", json!({"limited": true, "users": []}));
    let hidden = fact("m2", "meeting.held", "nominal/N2", json!({"meeting": "m2", "level": 2}));
    let died = fact("d1", "nominal.died", "nominal/N1", json!({}));
    state(&server, &json!([limited, hidden, died, meeting("m1")])).await;
    server.webhooks.pass().await;
    let told: Vec<Value> = receiver.came().iter().map(|one| one.json()["id"].clone()).collect();
    assert_eq!(told, ["m1"]);
}

#[tokio::test]
async fn what_is_not_accepted_is_sent_again_with_growing_pauses_and_holds_up_what_follows() {
    let (server, receiver) = (server().await, Receiver::start().await);
    let (reference, _) = subscribe(&server, json!({"url": receiver.url})).await;
    state(&server, &json!([meeting("m1"), meeting("m2")])).await;
    receiver.answer(StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(server.webhooks.pass().await.failing, 1);
    // The pause is of 5 seconds, then of 30.
    server.advance("2026-03-03T09:00:04Z");
    server.webhooks.pass().await;
    assert_eq!(receiver.came().len(), 1, "it was sent again before its pause was over");
    server.advance("2026-03-03T09:00:05Z");
    server.webhooks.pass().await;
    server.advance("2026-03-03T09:00:34Z");
    server.webhooks.pass().await;
    assert_eq!(receiver.came().len(), 2);
    receiver.answer(StatusCode::OK);
    server.advance("2026-03-03T09:00:35Z");
    assert_eq!(server.webhooks.pass().await.accepted, 2);
    let six = format!("{reference}_6");
    assert_eq!(receiver.ids(), [six.clone(), six.clone(), six, format!("{reference}_7")]);
    let bodies: Vec<String> = receiver.came().into_iter().map(|one| one.body).collect();
    assert!(bodies[0] == bodies[1] && bodies[1] == bodies[2], "a repeat has the same bytes");
}

#[tokio::test]
async fn after_a_restart_it_goes_on_from_its_own_place() {
    let (server, receiver) = (server().await, Receiver::start().await);
    subscribe(&server, json!({"url": receiver.url})).await;
    state(&server, &json!([meeting("m1")])).await;
    server.webhooks.pass().await;
    // Another process on the same log knows only what the log says.
    let again = server.other_webhooks();
    assert_eq!(again.pass().await.accepted, 0, "the place is in the log");
    state(&server, &json!([meeting("m2")])).await;
    assert_eq!(again.pass().await.accepted, 1);
    let told: Vec<Value> = receiver.came().iter().map(|one| one.json()["id"].clone()).collect();
    assert_eq!(told, ["m1", "m2"]);
}

#[tokio::test]
async fn what_is_not_accepted_for_72_hours_is_given_up_told_and_can_be_set_back() {
    let (server, receiver) = (server().await, Receiver::start().await);
    let (reference, _) = subscribe(&server, json!({"url": receiver.url})).await;
    state(&server, &json!([meeting("m1"), meeting("m2")])).await;
    receiver.answer(StatusCode::MOVED_PERMANENTLY);
    server.webhooks.pass().await;
    server.advance("2026-03-06T08:59:59Z");
    state(&server, &json!([meeting("m3")])).await;
    server.webhooks.pass().await;
    let shown = asked(&server, "GET", &format!("/v1/webhooks/{reference}"), json!({})).await.json();
    assert_eq!(
        (shown["status"].as_str(), shown["deadLetters"].as_array().unwrap().len()),
        (Some("failing"), 0)
    );
    assert_eq!(shown["lastAnswer"]["answer"], "it answered 301; redirects are not followed");
    // 72 hours after the first attempt, and the pause over: the one that was tried is given up, the others are not.
    server.advance("2026-03-06T10:00:00Z");
    server.webhooks.pass().await;
    let dead = |shown: &Value| {
        let one = |dead: &Value| (dead["first"].as_u64(), dead["last"].as_u64(), dead["size"].as_u64());
        shown["deadLetters"].as_array().unwrap().iter().map(one).collect::<Vec<_>>()
    };
    let shown = asked(&server, "GET", &format!("/v1/webhooks/{reference}"), json!({})).await.json();
    assert_eq!(dead(&shown), [(Some(6), Some(6), Some(1))]);
    // The next is tried in its turn, and given up as well; what was recorded since is not old enough.
    for time in ["2026-03-06T12:00:00Z", "2026-03-06T14:00:00Z", "2026-03-06T16:00:00Z"] {
        server.advance(time);
        server.webhooks.pass().await;
    }
    let shown = asked(&server, "GET", &format!("/v1/webhooks/{reference}"), json!({})).await.json();
    assert_eq!(dead(&shown), [(Some(6), Some(6), Some(1)), (Some(7), Some(7), Some(1))]);
    let health = server.get("/health").await.text;
    assert!(health.contains(&reference) && health.contains("2 events"), "{health}");
    let page = server.look("/operations").await.text;
    assert!(page.contains(&reference) && page.contains("2 events given up"), "{page}");
    assert!(!page.contains("key=k"), "a parameter of the address may be a key");
    // Mended and set back, everything comes once more, and nothing is left to be told.
    receiver.answer(StatusCode::OK);
    let path = format!("/v1/webhooks/{reference}/rewind");
    let answer = asked(&server, "POST", &path, json!({"after": 5})).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(server.webhooks.pass().await.accepted, 3);
    let health = server.get("/health").await.text;
    assert!(!health.contains(&reference), "{health}");
}

#[tokio::test]
async fn a_secret_is_changed_for_another_and_for_a_day_both_sign() {
    let (server, receiver) = (server().await, Receiver::start().await);
    let (reference, first) = subscribe(&server, json!({"url": receiver.url})).await;
    let path = format!("/v1/webhooks/{reference}/secret");
    let answer = asked(&server, "POST", &path, json!({})).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    let second = answer.json()["secret"].as_str().unwrap().to_owned();
    assert_ne!(first, second);
    state(&server, &json!([meeting("m1")])).await;
    server.webhooks.pass().await;
    server.advance("2026-03-04T10:00:00Z");
    state(&server, &json!([meeting("m2")])).await;
    server.webhooks.pass().await;
    let signed = |came: &Came, secret: &str| {
        let (id, at) = (came.header("webhook-id"), came.header("webhook-timestamp").parse().unwrap());
        signature(&Secret::parse(secret).unwrap(), id, at, came.body.as_bytes())
    };
    let came = receiver.came();
    let both = format!("{} {}", signed(&came[0], &second), signed(&came[0], &first));
    assert_eq!(came[0].header("webhook-signature"), both);
    assert_eq!(came[1].header("webhook-signature"), signed(&came[1], &second));
    // It is shown this once, and kept sealed.
    let shown = asked(&server, "GET", &format!("/v1/webhooks/{reference}"), json!({})).await.text;
    assert!(!shown.contains("whsec_"), "{shown}");
    let events = asked(&server, "GET", "/v1/events", json!({})).await.text;
    assert!(!events.contains(&second), "{events}");
}

#[tokio::test]
async fn of_several_nodes_the_one_on_duty_tells() {
    let (server, receiver) = (server().await, Receiver::start().await);
    subscribe(&server, json!({"url": receiver.url})).await;
    let (stop, told) = tokio::sync::watch::channel(false);
    let duty = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let (asked, asks) = (duty.clone(), std::sync::Arc::new(tokio::sync::Notify::new()));
    let (webhooks, was_asked) = (server.webhooks.clone(), asks.clone());
    let is_on_duty = move || {
        was_asked.notify_one();
        asked.load(std::sync::atomic::Ordering::Relaxed)
    };
    let running = tokio::spawn(async move { webhooks.run(is_on_duty, told).await });
    state(&server, &json!([meeting("m1")])).await;
    asks.notified().await;
    assert_eq!(receiver.came().len(), 0);
    duty.store(true, std::sync::atomic::Ordering::Relaxed);
    // It is asked again and again; once it is on duty, what waited is told.
    while receiver.came().is_empty() {
        asks.notified().await;
    }
    stop.send_replace(true);
    running.await.unwrap();
    assert_eq!(receiver.came().len(), 1);
}

#[tokio::test]
async fn an_address_that_is_gone_and_a_webhook_that_is_removed_are_told_nothing_more() {
    let (server, receiver) = (server().await, Receiver::start().await);
    let (gone, _) = subscribe(&server, json!({"url": receiver.url, "after": 0})).await;
    receiver.answer(StatusCode::GONE);
    server.webhooks.pass().await;
    let shown = asked(&server, "GET", &format!("/v1/webhooks/{gone}"), json!({})).await.json();
    assert_eq!((shown["status"].as_str(), shown["ended"]["because"].as_str()), (Some("ended"), Some("gone")));
    receiver.answer(StatusCode::OK);
    let (removed, _) = subscribe(&server, json!({"url": receiver.url, "after": 0})).await;
    let path = format!("/v1/webhooks/{removed}");
    assert_eq!(asked(&server, "DELETE", &path, json!({})).await.status, 204);
    assert_eq!(asked(&server, "DELETE", &path, json!({})).await.status, 409);
    state(&server, &json!([meeting("m1")])).await;
    server.webhooks.pass().await;
    assert_eq!(receiver.came().len(), 1, "only the first attempt at the first");
}

#[tokio::test]
async fn only_an_administrator_keeps_webhooks_and_the_secret_is_shown_once() {
    let (server, receiver) = (server().await, Receiver::start().await);
    let wanted = json!({"url": receiver.url});
    for (token, status) in [("plain", 403), ("feed", 403), ("unknown", 401)] {
        let answer = sent(&server, "POST", "/v1/webhooks", token, "application/json", &wanted).await;
        assert_eq!(answer.status, status, "{token}: {}", answer.text);
    }
    assert_eq!(sent(&server, "GET", "/v1/webhooks", "plain", "", &json!({})).await.status, 403);
    let (reference, secret) = subscribe(&server, wanted).await;
    for path in ["/v1/webhooks".to_owned(), format!("/v1/webhooks/{reference}"), "/v1/events".to_owned()] {
        let answer = server.get(&path).await;
        assert!(!answer.text.contains(&secret) && !answer.text.contains("key=k"), "{path}: {}", answer.text);
    }
    let files = ["log.db", "log.db-wal"].map(|name| std::fs::read(server.data_dir().join(name)).unwrap());
    let file = files.concat();
    let found = |text: &str| file.windows(text.len()).any(|window| window == text.as_bytes());
    assert!(!found(&secret) && !found("key=k"), "what is sealed stands in the files of the log");
    assert!(found(&reference), "the control: what is not sealed stands there");
}

#[tokio::test]
async fn an_administrator_who_is_no_auditor_has_what_comes_of_named_types_while_they_administer() {
    let (server, receiver) = (server().await, Receiver::start().await);
    state(
        &server,
        &json!([
            fact("p1", "vetting.cleared", "user/U-P", json!({"level": 3, "expires_on": "2030-01-01"})),
            fact("p2", "token.granted", "user/U-P", json!({"token": "admin"})),
        ]),
    )
    .await;
    let ask =
        async |path: &str, body: Value| sent(&server, "POST", path, "plain", "application/json", &body).await;
    for whole in
        [json!({"url": receiver.url}), json!({"url": receiver.url, "types": ["meeting.*"], "after": 0})]
    {
        assert_eq!(ask("/v1/webhooks", whole.clone()).await.status, 403, "{whole}");
    }
    let made = ask("/v1/webhooks", json!({"url": receiver.url, "types": ["meeting.*"]})).await;
    assert_eq!(made.status, 201, "{}", made.text);
    let rewind = format!("/v1/webhooks/{}/rewind", made.json()["reference"].as_str().unwrap());
    assert_eq!(ask(&rewind, json!({"after": 0})).await.status, 403);
    state(&server, &json!([meeting("m1")])).await;
    assert_eq!(server.webhooks.pass().await.accepted, 1);
    state(
        &server,
        &json!([fact("p3", "token.revoked", "user/U-P", json!({"token": "admin"})), meeting("m2")]),
    )
    .await;
    assert_eq!(server.webhooks.pass().await.accepted, 0);
    let problems = server.webhooks.problems().unwrap();
    assert!(problems.iter().any(|problem| problem.what.contains("user/U-P")), "{problems:?}");
}

#[tokio::test]
async fn an_event_that_names_a_limited_record_is_told_to_no_address() {
    let (server, receiver) = (server().await, Receiver::start().await);
    subscribe(&server, json!({"url": receiver.url, "types": ["audit.*"]})).await;
    let sample = |id: &str, whom: &str| {
        fact(id, "audit.completed", "area/A07", json!({"kind": "sample", "sample": [whom]}))
    };
    let limited = fact("l1", "record.access_limited", "nominal/N2", json!({"limited": true, "users": []}));
    state(&server, &json!([limited, sample("a1", "nominal/N2"), sample("a2", "N2"), sample("a3", "N3")]))
        .await;
    server.webhooks.pass().await;
    let told: Vec<Value> = receiver.came().iter().map(|one| one.json()["id"].clone()).collect();
    assert_eq!(told, ["a3"]);
}

#[tokio::test]
async fn what_cannot_be_subscribed_is_told_with_what_would_be_right() {
    let server = server().await;
    for (body, named) in [
        (json!({"url": "https://10.0.0.1/"}), "private network"),
        (json!({"url": "http://example.gov.uk/"}), "https"),
        (json!({"url": "nowhere"}), "https://example.gov.uk/hooks"),
        (json!({"url": "https://example.gov.uk/", "types": ["breach.x"]}), "breach.x"),
        (json!({"url": "https://example.gov.uk/", "types": ["webhook.*"]}), "webhook.*"),
        (json!({"url": "https://example.gov.uk/", "after": 1_000_000}), "the log ends at"),
        (json!({"url": "https://example.gov.uk/", "colour": "red"}), "colour"),
        (json!(["https://example.gov.uk/"]), "object"),
    ] {
        let answer = asked(&server, "POST", "/v1/webhooks", body.clone()).await;
        assert_eq!(answer.status, 422, "{body}: {}", answer.text);
        assert!(answer.text.contains(named), "{body}: {}", answer.text);
    }
}

#[tokio::test]
async fn what_is_running_tells_what_is_appended_and_notes_its_place_when_it_is_told_to_stop() {
    let (server, receiver) = (server().await, Receiver::start().await);
    let (reference, _) = subscribe(&server, json!({"url": receiver.url})).await;
    let (tell, told) = tokio::sync::watch::channel(false);
    let webhooks = server.webhooks.clone();
    let running = tokio::spawn(async move { webhooks.run(|| true, told).await });
    for (count, id) in ["m1", "m2", "m3"].into_iter().enumerate() {
        state(&server, &json!([meeting(id)])).await;
        crate::server::until(|| receiver.came().len() > count).await;
    }
    tell.send_replace(true);
    running.await.unwrap();
    let shown = server.other_webhooks().one(&reference).unwrap().unwrap();
    let last = receiver.came().last().unwrap().json()["position"].as_u64().unwrap();
    assert_eq!(shown.subscription.after.get(), last);
}
