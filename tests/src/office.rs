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
        let (feed, mut file) = make("feed", &["/t".to_owned()], Import::Refused).unwrap();
        let mut tokens = vec![("feed", feed)];
        for (name, ..) in PEOPLE {
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
        let server = Server::new(Tellers::Tokens(Tokens::read(&path).unwrap()));
        let office = Self { server, tokens };
        office.furnish().await;
        office
    }

    async fn furnish(&self) {
        self.tell("unit/U1", "organisation.placed", json!({"parent": "area/A1"})).await;
        for (name, org, role, level, granted) in PEOPLE {
            let user = format!("user/{name}");
            let registered = json!({"org": org, "role": role, "service": "probation"});
            self.tell(&user, "user.registered", registered).await;
            self.tell(&user, "vetting.cleared", json!({"level": level, "expires_on": "2026-12-31"})).await;
            self.tell(&user, "document.signed", json!({"document": "syops", "version": "1"})).await;
            self.tell(&user, "training.completed", json!({"course": "visor", "provider": "hmpps"})).await;
            self.tell(&user, "account.enabled", json!({})).await;
            for token in granted {
                self.tell(&user, "token.granted", json!({ "token": token })).await;
            }
        }
        self.tell("area/A1", "post.filled", json!({"post": "cpc", "user": "user/cpc"})).await;
        let registered = json!({"registration": "r", "category": 2, "level": 2, "area": "area/A1"});
        for nominal in ["nominal/N1", "nominal/N2"] {
            self.tell(nominal, "mappa.registered", registered.clone()).await;
        }
        self.server.advance("2026-03-03T09:00:00Z");
    }

    pub fn token(&self, name: &str) -> &str {
        &self.tokens.iter().find(|(known, _)| *known == name).unwrap().1
    }

    pub async fn tell(&self, subject: &str, kind: &str, data: Value) {
        let id = self.server.stored().to_string();
        let fact = json!({"specversion": "1.0", "id": id, "source": "/t", "type": kind, "subject": subject,
                          "time": "2026-03-02T09:00:00Z", "data": data});
        let media = [("content-type", "application/cloudevents+json")];
        let answer = self.send("feed", "/v1/facts", &fact, &media).await;
        assert_eq!(answer.status, 202, "{}", answer.text);
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
