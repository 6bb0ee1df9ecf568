//! An issuer on this machine: it keeps to the standard, unless a test has it do otherwise.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use base64ct::{Base64UrlUnpadded as Base64, Encoding as _};
use mandate_api::sign_in::{MachineSettings, SignIn, SignInSettings};
use mandate_domain::time::Instant;
use ring::hmac;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _};
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

pub const CLIENT: &str = "mandate";
pub const AUDIENCE: &str = "mandate-api";

/// Another answer than the honest one.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub enum Signed {
    /// With the newest of its keys.
    #[default]
    Well,
    /// Not at all.
    None,
    /// With the public key as a shared secret.
    WithPublicKeyAsSecret,
    /// With a key that it does not state, under the id of one that it does.
    ByAnother,
    /// Well, and then altered.
    Altered,
}

/// Changes the claims of what is signed next.
pub type Alter = fn(&mut Map<String, Value>);

enum Key {
    Ed(Ed25519KeyPair),
    Ec(EcdsaKeyPair),
}

impl Key {
    fn sign(&self, message: &[u8]) -> Vec<u8> {
        match self {
            Self::Ed(key) => key.sign(message).as_ref().to_vec(),
            Self::Ec(key) => key.sign(&SystemRandom::new(), message).unwrap().as_ref().to_vec(),
        }
    }

    fn algorithm(&self) -> &'static str {
        match self {
            Self::Ed(_) => "EdDSA",
            Self::Ec(_) => "ES256",
        }
    }

    fn public(&self) -> &[u8] {
        match self {
            Self::Ed(key) => key.public_key().as_ref(),
            Self::Ec(key) => key.public_key().as_ref(),
        }
    }

    fn document(&self, id: &str) -> Value {
        match self {
            Self::Ed(_) => json!({"kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA", "kid": id,
                                  "x": Base64::encode_string(self.public())}),
            Self::Ec(_) => json!({"kty": "EC", "crv": "P-256", "use": "sig", "kid": id,
                                  "x": Base64::encode_string(&self.public()[1..33]),
                                  "y": Base64::encode_string(&self.public()[33..])}),
        }
    }
}

fn ed() -> Key {
    let document = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
    Key::Ed(Ed25519KeyPair::from_pkcs8(document.as_ref()).unwrap())
}

fn ec() -> Key {
    let random = SystemRandom::new();
    let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
    Key::Ec(EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, document.as_ref(), &random).unwrap())
}

/// One who was sent here and signed in.
struct Given {
    user: String,
    nonce: String,
    challenge: String,
}

#[derive(Default)]
struct Kept {
    keys: Vec<(String, Key)>,
    given: HashMap<String, Given>,
    alter: Option<Alter>,
    signed: Signed,
    down: bool,
    asked_for_keys: usize,
    now: i64,
}

/// The issuer.
#[derive(Clone)]
pub struct Issuer {
    pub name: String,
    kept: Arc<Mutex<Kept>>,
}

impl Issuer {
    /// One that listens, whose clock shows an instant.
    pub async fn listen(now: Instant) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let name = format!("http://{}", listener.local_addr().unwrap());
        let kept = Kept { keys: vec![("first".to_owned(), ed())], now: seconds(now), ..Kept::default() };
        let issuer = Self { name, kept: Arc::new(Mutex::new(kept)) };
        let router = Router::new()
            .route("/.well-known/openid-configuration", get(addresses))
            .route("/keys", get(keys))
            .route("/token", post(exchange))
            .with_state(issuer.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        issuer
    }

    pub fn settings(&self) -> SignInSettings {
        let feed = MachineSettings { id: "feed".to_owned(), sources: vec!["/t".to_owned()], types: None };
        SignInSettings {
            audience: Some(AUDIENCE.to_owned()),
            clients: vec![feed],
            ..SignInSettings::new(&self.name, CLIENT)
        }
    }

    pub fn sign_in(&self) -> SignIn {
        SignIn::new(self.settings(), "http://127.0.0.1:8080").unwrap()
    }

    pub fn set(&self, now: Instant) {
        self.kept.lock().unwrap().now = seconds(now);
    }

    /// Answers nobody, or again.
    pub fn be_down(&self, down: bool) {
        self.kept.lock().unwrap().down = down;
    }

    /// Signs what comes next otherwise.
    pub fn next(&self, signed: Signed, alter: Option<Alter>) {
        let mut kept = self.kept.lock().unwrap();
        (kept.signed, kept.alter) = (signed, alter);
    }

    /// Takes a new key of another kind for what comes next; the old ones are stated no longer.
    pub fn rotate(&self, id: &str) {
        self.kept.lock().unwrap().keys = vec![(id.to_owned(), ec())];
    }

    pub fn asked_for_keys(&self) -> usize {
        self.kept.lock().unwrap().asked_for_keys
    }

    /// Somebody whom Mandate sent here signs in: the address to which they are sent back.
    pub fn signed_in(&self, sent_to: &str, user: &str) -> String {
        let (at, query) = sent_to.split_once('?').unwrap();
        assert_eq!(at, format!("{}/authorize", self.name));
        let asked: HashMap<String, String> = query
            .split('&')
            .map(|pair| {
                let (name, value) = pair.split_once('=').unwrap();
                (name.to_owned(), decoded(value))
            })
            .collect();
        for (name, value) in [
            ("response_type", "code"),
            ("client_id", CLIENT),
            ("redirect_uri", "http://127.0.0.1:8080/sign-in/callback"),
            ("code_challenge_method", "S256"),
        ] {
            assert_eq!(asked[name], value, "{name}");
        }
        assert!(asked["scope"].split(' ').any(|scope| scope == "openid"));
        let mut kept = self.kept.lock().unwrap();
        let code = format!("code-{}", kept.given.len());
        let (nonce, challenge) = (asked["nonce"].clone(), asked["code_challenge"].clone());
        kept.given.insert(code.clone(), Given { user: user.to_owned(), nonce, challenge });
        format!("/sign-in/callback?state={}&code={code}&iss={}", asked["state"], self.name)
    }

    /// An access token with claims beside the usual ones.
    #[expect(clippy::needless_pass_by_value, reason = "made for this token")]
    pub fn access_token(&self, more: Value) -> String {
        let mut kept = self.kept.lock().unwrap();
        let mut claims = json!({"iss": self.name, "aud": AUDIENCE, "sub": "5f1c", "iat": kept.now,
                                "exp": kept.now + 3_600});
        let own = claims.as_object_mut().unwrap();
        own.extend(more.as_object().unwrap().clone());
        let (signed, alter) = (kept.signed, kept.alter.take());
        kept.signed = Signed::Well;
        if let Some(alter) = alter {
            alter(own);
        }
        token(&kept.keys, signed, own)
    }
}

fn seconds(now: Instant) -> i64 {
    now.nanos() / 1_000_000_000
}

fn decoded(text: &str) -> String {
    let (mut bytes, mut rest) = (Vec::new(), text.as_bytes());
    while let Some((first, after)) = rest.split_first() {
        if *first == b'%' {
            bytes.push(u8::from_str_radix(std::str::from_utf8(&after[..2]).unwrap(), 16).unwrap());
            rest = &after[2..];
        } else {
            bytes.push(*first);
            rest = after;
        }
    }
    String::from_utf8(bytes).unwrap()
}

fn token(keys: &[(String, Key)], signed: Signed, claims: &Map<String, Value>) -> String {
    let (id, key) = keys.last().unwrap();
    let algorithm = match signed {
        Signed::None => "none",
        Signed::WithPublicKeyAsSecret => "HS256",
        Signed::Well | Signed::ByAnother | Signed::Altered => key.algorithm(),
    };
    let part = |value: &Value| Base64::encode_string(value.to_string().as_bytes());
    let head = part(&json!({"alg": algorithm, "typ": "JWT", "kid": id}));
    let message = format!("{head}.{}", part(&Value::Object(claims.clone())));
    let signature = match signed {
        Signed::None => Vec::new(),
        Signed::WithPublicKeyAsSecret => {
            let secret = hmac::Key::new(hmac::HMAC_SHA256, key.public());
            hmac::sign(&secret, message.as_bytes()).as_ref().to_vec()
        }
        Signed::ByAnother => ed().sign(message.as_bytes()),
        Signed::Well | Signed::Altered => key.sign(message.as_bytes()),
    };
    let message = if signed == Signed::Altered {
        let mut altered = claims.clone();
        altered.insert("mandate_user".to_owned(), json!("auditor"));
        format!("{head}.{}", part(&Value::Object(altered)))
    } else {
        message
    };
    format!("{message}.{}", Base64::encode_string(&signature))
}

async fn addresses(State(issuer): State<Issuer>) -> Result<Json<Value>, StatusCode> {
    if issuer.kept.lock().unwrap().down {
        return Err(StatusCode::BAD_GATEWAY);
    }
    let at = |path: &str| format!("{}{path}", issuer.name);
    Ok(Json(json!({
        "issuer": issuer.name, "authorization_endpoint": at("/authorize"), "token_endpoint": at("/token"),
        "jwks_uri": at("/keys"), "end_session_endpoint": at("/end"),
        "authorization_response_iss_parameter_supported": true,
    })))
}

async fn keys(State(issuer): State<Issuer>) -> Result<Json<Value>, StatusCode> {
    let mut kept = issuer.kept.lock().unwrap();
    if kept.down {
        return Err(StatusCode::BAD_GATEWAY);
    }
    kept.asked_for_keys += 1;
    let mut stated: Vec<Value> = kept.keys.iter().map(|(id, key)| key.document(id)).collect();
    // What is of no use here must not be in the way.
    stated.push(json!({"kty": "oct", "kid": "secret", "k": "c2VjcmV0"}));
    stated.push(json!({"kty": "new", "kid": "unheard-of"}));
    Ok(Json(json!({ "keys": stated })))
}

async fn exchange(State(issuer): State<Issuer>, body: String) -> Result<Json<Value>, StatusCode> {
    let sent: HashMap<&str, String> = body
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .map(|(name, text)| (name, decoded(text)))
        .collect();
    let mut kept = issuer.kept.lock().unwrap();
    if kept.down {
        return Err(StatusCode::BAD_GATEWAY);
    }
    // A code is worth something once.
    let given = kept.given.remove(&sent["code"]).ok_or(StatusCode::BAD_REQUEST)?;
    let digest = Base64::encode_string(&Sha256::digest(sent["code_verifier"].as_bytes()));
    if digest != given.challenge || sent["client_id"] != CLIENT {
        return Err(StatusCode::BAD_REQUEST);
    }
    let mut claims = json!({"iss": issuer.name, "aud": CLIENT, "sub": "5f1c", "iat": kept.now,
                            "exp": kept.now + 300, "nonce": given.nonce, "mandate_user": given.user,
                            "name": "Una Canary"});
    let own = claims.as_object_mut().unwrap();
    let (signed, alter) = (kept.signed, kept.alter.take());
    kept.signed = Signed::Well;
    if let Some(alter) = alter {
        alter(own);
    }
    let id_token = token(&kept.keys, signed, own);
    Ok(Json(json!({"access_token": "opaque", "token_type": "Bearer", "id_token": id_token})))
}
