//! An office with a few people, each with a token, on a server of its own.

use std::os::unix::fs::PermissionsExt as _;

use axum::body::Body;
use axum::http::Request;
use mandate_api::http::Tellers;
use mandate_api::tokens::{Import, Opens, Tokens, make, make_for_subject_access, make_for_user};
use serde_json::{Value, json};

use crate::server::{Answer, Server, get};

/// People with a token each, and the feeds' token.
pub struct Office {
    pub server: Server,
    tokens: Vec<(&'static str, String)>,
}

pub const PEOPLE: [(&str, &str, &str, u8, &[&str]); 6] = [
    ("cpc", "area/A1", "cpc", 3, &["cpc"]),
    ("central", "unit/U1", "lpc", 3, &["central-support"]),
    ("manager", "unit/U1", "mappa-administrator", 2, &["create", "manager"]),
    ("supervisor", "unit/U1", "spo", 2, &["supervisor"]),
    ("outsider", "area/A2", "practitioner", 2, &["partner"]),
    ("auditor", "area/A1", "auditor", 2, &[]),
];

impl Office {
    pub async fn open() -> Self {
        Self::with(&[], Server::new).await
    }

    /// The same with tokens for more people, who are yet to be stated, on a server made of the tokens.
    pub async fn with(more: &[&'static str], server: impl FnOnce(Tellers) -> Server) -> Self {
        let sources = ["/t".to_owned(), "/hmpps/*".to_owned()];
        let (feed, mut file) = make("feed", &sources, Import::Refused).unwrap();
        let mut tokens = vec![("feed", feed)];
        for name in PEOPLE.iter().map(|(name, ..)| *name).chain(more.iter().copied()) {
            let (token, entry) = make_for_user(name, &format!("user/{name}"), Opens::Everything).unwrap();
            tokens.push((name, token));
            file.push_str(&entry);
        }
        let (token, entry) = make_for_subject_access("subject-access").unwrap();
        tokens.push(("subject-access", token));
        file.push_str(&entry);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tokens.toml");
        std::fs::write(&path, file).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        let server = server(Tellers::Tokens(Tokens::read(&path).unwrap()));
        let office = Self { server, tokens };
        furnish(&office.server, office.token("feed")).await;
        office
    }

    pub fn token(&self, name: &str) -> &str {
        &self.tokens.iter().find(|(known, _)| *known == name).unwrap().1
    }

    pub async fn tell(&self, subject: &str, kind: &str, data: Value) {
        tell(&self.server, self.token("feed"), subject, kind, data).await;
    }

    pub async fn send(&self, who: &str, address: &str, body: &Value, headers: &[(&str, &str)]) -> Answer {
        let mut request = Request::post(address).header("host", "localhost");
        if !who.is_empty() {
            request = request.header("authorization", format!("Bearer {}", self.token(who)));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.server.send(request.body(Body::from(body.to_string())).unwrap()).await
    }

    pub async fn give(&self, who: &str, name: &str, body: Value) -> Answer {
        self.give_with(who, name, body, &[]).await
    }

    pub async fn give_with(&self, who: &str, name: &str, body: Value, headers: &[(&str, &str)]) -> Answer {
        let mut all = vec![("content-type", "application/json")];
        all.extend(headers);
        self.send(who, &format!("/v1/commands/{name}"), &body, &all).await
    }

    pub async fn read(&self, who: &str, address: &str) -> Answer {
        let request = get(address).header("authorization", format!("Bearer {}", self.token(who)));
        self.server.send(request.body(Body::empty()).unwrap()).await
    }
}

/// States who is who, in the name of a feed that may state `/t`.
pub async fn furnish(server: &Server, feed: &str) {
    tell(server, feed, "unit/U1", "organisation.placed", json!({"parent": "area/A1"})).await;
    for (name, org, role, level, granted) in PEOPLE {
        let user = format!("user/{name}");
        let mut facts = vec![
            ("user.registered", json!({"org": org, "role": role, "service": "probation"})),
            ("vetting.cleared", json!({"level": level, "expires_on": "2026-12-31"})),
            ("document.signed", json!({"document": "syops", "version": "1"})),
            ("training.completed", json!({"course": "visor", "provider": "hmpps"})),
            ("account.enabled", json!({})),
        ];
        facts.extend(granted.iter().map(|token| ("token.granted", json!({ "token": token }))));
        for (kind, data) in facts {
            tell(server, feed, &user, kind, data).await;
        }
    }
    tell(server, feed, "area/A1", "post.filled", json!({"post": "cpc", "user": "user/cpc"})).await;
    let registered = json!({"registration": "r", "category": 2, "level": 2, "area": "area/A1"});
    for nominal in ["nominal/N1", "nominal/N2"] {
        tell(server, feed, nominal, "mappa.registered", registered.clone()).await;
    }
    server.advance("2026-03-03T09:00:00Z");
}

/// States one fact that must be taken.
pub async fn tell(server: &Server, feed: &str, subject: &str, kind: &str, data: Value) {
    let id = server.stored().to_string();
    let fact = json!({"specversion": "1.0", "id": id, "source": "/t", "type": kind, "subject": subject,
                      "time": "2026-03-02T09:00:00Z", "data": data});
    let answer = post_fact(server, feed, &fact).await;
    assert_eq!(answer.status, 202, "{}", answer.text);
}

pub async fn post_fact(server: &Server, token: &str, fact: &Value) -> Answer {
    let request = Request::post("/v1/facts")
        .header("host", "localhost")
        .header("content-type", "application/cloudevents+json")
        .header("authorization", format!("Bearer {token}"));
    server.send(request.body(Body::from(fact.to_string())).unwrap()).await
}
