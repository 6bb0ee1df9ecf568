//! Every address, with canaries wherever something may be stated.

use std::sync::{Arc, Mutex};

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, Request};
use mandate_api::http::{ROWS, Surface};
use serde_json::{Map, Value, json};

use super::find::{CANARIES, addresses, canary, encoded, found_in, said};
use crate::office::Office;
use crate::server::{Answer, get};

/// Where a canary must not be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    Error,
    Address,
    Metric,
    Mail,
    Webhook,
}

impl Place {
    pub const ALL: &'static [Self] = &[Self::Error, Self::Address, Self::Metric, Self::Mail, Self::Webhook];
}

/// Whether what is sent stands in the address of the request, which is the sender's own doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sent {
    InAddress,
    InBody,
}

/// Parameters of pages, which no document lists.
const OF_PAGES: &str = "area prison unit rule paragraph outcome type subject source fromPosition upTo from to format asAt \
                        knownAt page size sort next order org status kind state error code iss signed-out back event";

pub struct Campaign<'o> {
    office: &'o Office,
    /// Who looks at pages: nobody, and people with their cookie and the token of their forms.
    visitors: Vec<(String, String)>,
    parameters: Vec<(String, Vec<String>)>,
    came: Arc<Mutex<Vec<String>>>,
    pub leaks: Vec<String>,
    pub tried: usize,
}

async fn take(State(came): State<Arc<Mutex<Vec<String>>>>, headers: HeaderMap, body: Bytes) {
    came.lock().unwrap().push(format!("{headers:?} {}", String::from_utf8_lossy(&body)));
}

fn form_token(page: &str) -> String {
    let (_, rest) = page.split_once("name=\"token\" value=\"").expect("a form");
    rest.split('"').next().unwrap().to_owned()
}

fn cookie(answer: &Answer) -> Option<String> {
    Some(answer.headers.get("set-cookie")?.to_str().ok()?.split(';').next()?.to_owned())
}

impl<'o> Campaign<'o> {
    pub async fn new(office: &'o Office) -> Self {
        let document = office.server.get("/v3/api-docs").await.json();
        let mut parameters = Vec::new();
        for (path, methods) in document["paths"].as_object().unwrap() {
            for operation in methods.as_object().unwrap().values() {
                let stated = operation["parameters"].as_array().cloned().unwrap_or_default();
                let names = stated.iter().filter(|one| one["in"] == "query");
                let names = names.filter_map(|one| one["name"].as_str().map(str::to_owned)).collect();
                parameters.push((path.clone(), names));
            }
        }
        let mut campaign = Self {
            office,
            visitors: vec![(String::new(), String::new())],
            parameters,
            came: Arc::default(),
            leaks: Vec::new(),
            tried: 0,
        };
        for who in ["cpc", "auditor"] {
            let visitor = campaign.sign_in(who).await;
            campaign.visitors.push(visitor);
        }
        campaign
    }

    async fn sign_in(&self, who: &str) -> (String, String) {
        let page = self.office.server.get("/sign-in").await;
        let form =
            format!("token={}&access-token={}&next=/help", form_token(&page.text), self.office.token(who));
        let request = Request::post("/sign-in")
            .header("host", "127.0.0.1:8080")
            .header("content-type", "application/x-www-form-urlencoded")
            .header("cookie", cookie(&page).unwrap());
        let answer = self.office.server.send(request.body(Body::from(form)).unwrap()).await;
        let cookie = cookie(&answer).unwrap();
        let page = self
            .office
            .server
            .send(get("/work").header("cookie", &cookie).body(Body::empty()).unwrap())
            .await;
        (cookie, form_token(&page.text))
    }

    /// Subscribes an address of this machine to everything.
    pub async fn webhook(&mut self) {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hooks", listener.local_addr().unwrap());
        let router = axum::Router::new().fallback(take).with_state(Arc::clone(&self.came));
        tokio::spawn(async move { mandate_api::http::serve(listener, router, std::future::pending()).await });
        let body = json!({"url": url, "after": 0});
        let headers = [("content-type", "application/json")];
        let made = self.office.send("admin", "/v1/webhooks", &body, &headers).await;
        assert_eq!(made.status, 201, "{}", made.text);
    }

    /// What came to the webhook.
    pub fn told(&self) -> String {
        self.came.lock().unwrap().join("\n")
    }

    /// Notes the canaries in a place.
    pub fn look(&mut self, place: Place, what: &str, text: &str) {
        for kind in found_in(text) {
            let lowered = text.to_lowercase();
            let near = lowered.find(&canary(kind).to_lowercase()).unwrap_or_default();
            let near: String = lowered.chars().skip(near.saturating_sub(80)).take(200).collect();
            self.leaks.push(format!("{place:?}: {kind} in {what}: {near}"));
        }
    }

    /// Every address, with what is wrong in the path, in the query and in the body.
    pub async fn drive(&mut self) {
        for (method, path, surface, _) in ROWS {
            // What is asked for there is shown to whoever asks for it, and a stream goes on for ever.
            let whole = ["/subject-access-request", "/v1/events/stream"].contains(path);
            for (_, text) in CANARIES {
                let place = in_path(path, text);
                if place != *path {
                    self.ask(method, &place, *surface, Sent::InAddress, None).await;
                }
                for name in self.names(path) {
                    let address = format!("{}?{name}={}", in_path(path, "N1"), encoded(text));
                    if !whole || !["crn", "prn"].contains(&name.as_str()) {
                        self.ask(method, &address, *surface, Sent::InAddress, None).await;
                    }
                }
                let unknown = format!("{}?{}=1", in_path(path, "N1"), encoded(text));
                self.ask(method, &unknown, *surface, Sent::InAddress, None).await;
            }
            if *method != "GET" {
                self.bodies(method, path, *surface).await;
            } else if !whole {
                self.ask(method, &in_path(path, "N1"), *surface, Sent::InBody, None).await;
            }
        }
    }

    fn names(&self, path: &str) -> Vec<String> {
        let documented =
            self.parameters.iter().filter(|(own, _)| own == path).flat_map(|(_, names)| names.clone());
        let documented: Vec<String> = documented.collect();
        let of_page = path.starts_with("/v1/") || path.starts_with("/v3/") || !documented.is_empty();
        if of_page { documented } else { OF_PAGES.split_whitespace().map(str::to_owned).collect() }
    }

    async fn bodies(&mut self, method: &str, path: &str, surface: Surface) {
        for place in places(path) {
            let bodies = match surface {
                Surface::Api => objects(&place),
                Surface::Page => Vec::new(),
            };
            for body in bodies {
                self.ask(method, &place, surface, Sent::InBody, Some(body)).await;
            }
            if surface == Surface::Page {
                for (_, text) in CANARIES {
                    let names = "reference reason note subject typed by to area user until access-token persona next \
                                 digest_at step registration meeting";
                    let typed: Vec<String> =
                        names.split_whitespace().map(|name| format!("{name}={}", encoded(text))).collect();
                    self.ask(method, &place, surface, Sent::InBody, Some(typed.join("&"))).await;
                    let one = format!("reason={}", encoded(text));
                    self.ask(method, &place, surface, Sent::InBody, Some(one)).await;
                }
            }
        }
    }

    /// Sends one request for each who may send it, and looks at the answer.
    async fn ask(&mut self, method: &str, address: &str, surface: Surface, sent: Sent, body: Option<String>) {
        let callers: Vec<(String, String, String)> = match surface {
            Surface::Api => ["", "cpc", "auditor", "feed", "admin"]
                .iter()
                .map(|who| {
                    let token = if who.is_empty() { "" } else { self.office.token(who) };
                    (String::new(), String::new(), token.to_owned())
                })
                .collect(),
            Surface::Page => self
                .visitors
                .iter()
                .map(|(cookie, form)| (cookie.clone(), form.clone(), String::new()))
                .collect(),
        };
        for (cookie, form, token) in callers {
            let media = match surface {
                Surface::Page => "application/x-www-form-urlencoded",
                Surface::Api if address.starts_with("/v1/facts") => "application/cloudevents+json",
                Surface::Api => "application/json",
            };
            let mut request = Request::builder()
                .method(method)
                .uri(address)
                .header("host", "127.0.0.1:8080")
                .header("content-type", media);
            if !cookie.is_empty() {
                request = request.header("cookie", &cookie);
            }
            if !token.is_empty() {
                request = request.header("authorization", format!("Bearer {token}"));
            }
            let body = match (&body, surface) {
                (Some(typed), Surface::Page) => format!("token={form}&{typed}"),
                (body, _) => body.clone().unwrap_or_default(),
            };
            let request = request.body(Body::from(body)).unwrap();
            self.tried += 1;
            // What does not end is not read.
            if address.starts_with("/v1/events/stream") && self.is_open(address, &token).await {
                continue;
            }
            let answer = self.office.server.send(request).await;
            self.judge(&format!("{method} {address}"), sent, &answer);
        }
    }

    async fn is_open(&self, address: &str, token: &str) -> bool {
        let request = get(address).header("authorization", format!("Bearer {token}"));
        self.office.server.status(request.body(Body::empty()).unwrap()).await == 200
    }

    fn judge(&mut self, what: &str, sent: Sent, answer: &Answer) {
        assert!(answer.status < 500 || answer.status == 503, "{what}: {} {}", answer.status, answer.text);
        let html =
            answer.headers.get("content-type").is_some_and(|media| media.to_str().unwrap().contains("html"));
        if answer.status >= 400 {
            let text = if html { said(&answer.text) } else { answer.text.clone() };
            self.look(Place::Error, &format!("{what} ({})", answer.status), &text);
        }
        if sent == Sent::InBody {
            let lead = answer.headers.get("location").map(|to| to.to_str().unwrap().to_owned());
            let all = format!(
                "{}\n{}",
                lead.unwrap_or_default(),
                if html { addresses(&answer.text) } else { String::new() }
            );
            self.look(Place::Address, what, &all);
        }
    }
}

/// A path with a text in each of its places.
fn in_path(path: &str, text: &str) -> String {
    let parts =
        path.split('/').map(|part| if part.starts_with('{') { encoded(text) } else { part.to_owned() });
    parts.collect::<Vec<_>>().join("/")
}

/// A path with what is there in its places; each command under its name.
fn places(path: &str) -> Vec<String> {
    use mandate_domain::command::CommandName;
    if path.contains("{name}") || path.contains("{command}") {
        let names = CommandName::ALL.iter().map(|name| name.name());
        return names.map(|name| path.replace("{name}", name).replace("{command}", name)).collect();
    }
    vec![in_path(path, "N1"), in_path(path, "nothing")]
}

/// Bodies that are wrong in every way, each with canaries.
fn objects(address: &str) -> Vec<String> {
    let mut all = Vec::new();
    for (kind, text) in CANARIES {
        all.push(json!(text).to_string());
        all.push(json!([text]).to_string());
        all.push(json!({ text: text }).to_string());
        all.push(format!("{{\"{kind}\": \"{text}"));
        let mut typed = Map::new();
        for name in [
            "subject",
            "reason",
            "note",
            "by",
            "to",
            "user",
            "area",
            "until",
            "crn",
            "pnc",
            "url",
            "types",
            "after",
            "wrong",
            "registration",
            "meeting",
            "level",
            "data",
            "users",
            "prison",
        ] {
            typed.insert(name.to_owned(), json!(text));
        }
        all.push(Value::Object(typed.clone()).to_string());
        typed.values_mut().for_each(|value| *value = json!([{ text: [text] }]));
        all.push(Value::Object(typed).to_string());
        all.push(json!({"subject": "nominal/N1", "reason": text}).to_string());
        all.push(json!({"subject": "nominal/N2", "reason": text, "note": text, "by": text}).to_string());
        if address == "/v1/facts" {
            all.extend(facts(text));
        }
        if address == "/v1/hmpps-events" {
            all.extend(messages(text));
        }
    }
    all
}

/// Facts with a text in each place.
fn facts(text: &str) -> Vec<String> {
    let good = json!({"specversion": "1.0", "id": "a", "source": "/t", "type": "mappa.registered",
                      "subject": "nominal/N9", "time": "2026-03-02T09:00:00Z",
                      "data": {"registration": "r", "category": 2, "level": 2, "area": "area/A1"}});
    let mut all = Vec::new();
    // An opaque id is refused when it looks like a number, not when it looks like a name.
    let is_number = ["crn", "noms", "pnc"].iter().any(|kind| canary(kind) == text);
    for name in ["specversion", "id", "source", "type", "subject", "time", "data", "more"] {
        if name == "id" && !is_number {
            continue;
        }
        let mut fact = good.clone();
        fact[name] = json!(text);
        all.push(fact.to_string());
        fact[name] = json!({ text: text });
        all.push(fact.to_string());
    }
    for name in ["registration", "category", "level", "area", "personal", "on", "evidence", "by", "reason"] {
        if ["registration", "by"].contains(&name) && !is_number {
            continue;
        }
        let mut fact = good.clone();
        fact["id"] = json!(format!("{name}-{}", text.len()));
        fact["data"][name] = json!(text);
        all.push(fact.to_string());
        fact["data"][name] = json!({ text: text });
        all.push(fact.to_string());
    }
    all
}

/// Messages about somebody of whom nothing is known, with a text in each place.
fn messages(text: &str) -> Vec<String> {
    let mut all = Vec::new();
    for kind in ["probation-case.registration.added", "probation-case.unknown", text] {
        for place in ["CRN", "NOMS", "OTHER"] {
            let identifiers = json!([{"type": place, "value": text}]);
            all.push(
                json!({"eventType": kind, "version": text, "occurredAt": text, "description": text,
                       "personReference": {"identifiers": identifiers},
                       "additionalInformation": {"registerTypeCode": "MAPP", "registrationId": text}})
                .to_string(),
            );
            all.push(
                json!({"eventType": kind, "version": 1, "occurredAt": "2026-03-02T09:00:00Z",
                       "personReference": {"identifiers": [{"type": place, "value": text}]},
                       "additionalInformation": {"registerTypeCode": "MAPP", "registrationId": "1",
                            "registrationLevelCode": text, "registrationCategoryCode": text,
                            "registrationDate": text}})
                .to_string(),
            );
        }
    }
    all
}
