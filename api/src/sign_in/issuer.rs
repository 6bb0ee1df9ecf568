//! The issuer: its document of addresses and its keys, kept while it cannot be reached.

use std::sync::{Arc, PoisonError, RwLock};

use hyper::Uri;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, DecodingKey};
use mandate_domain::time::Instant;
use serde::Deserialize;
use serde_json::Value;

use super::algorithms;
use super::fetch::{Fetch, FetchError};

/// Seconds after which addresses and keys are asked for anew.
const FRESH_SECONDS: i64 = 60 * 60;
/// Seconds for which they are used while the issuer cannot be reached.
const KEPT_SECONDS: i64 = 24 * 60 * 60;
/// Seconds between two askings, whatever the reason: an unknown key, or an issuer that cannot be reached.
const PAUSE_SECONDS: i64 = 10;

/// Why the issuer cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum IssuerError {
    /// It did not answer.
    #[error("the issuer cannot be used: {0}")]
    Fetch(#[from] FetchError),
    /// What it answered is not what it should be.
    #[error("the issuer cannot be used: {0}")]
    Document(String),
    /// It was not reached a moment ago.
    #[error("the issuer was not reached a moment ago; it is asked again shortly")]
    Paused,
}

/// What is used of the issuer's document.
#[derive(Debug, Clone, Deserialize)]
pub struct Addresses {
    issuer: String,
    /// Where people sign in.
    pub authorization_endpoint: String,
    /// Where a code is exchanged.
    pub token_endpoint: String,
    jwks_uri: String,
    /// Where people sign out.
    pub end_session_endpoint: Option<String>,
    #[serde(default)]
    token_endpoint_auth_methods_supported: Vec<String>,
    #[serde(default)]
    authorization_response_iss_parameter_supported: bool,
}

impl Addresses {
    /// Whether the client's secret stands in the form: the issuer says so, and does not take it as a header.
    #[must_use]
    pub fn secret_in_form(&self) -> bool {
        let takes = |method: &str| self.token_endpoint_auth_methods_supported.iter().any(|own| own == method);
        takes("client_secret_post") && !takes("client_secret_basic")
    }

    /// Whether each answer names the issuer.
    #[must_use]
    pub const fn names_issuer(&self) -> bool {
        self.authorization_response_iss_parameter_supported
    }
}

/// One key, with what it may verify.
struct Key {
    id: Option<String>,
    algorithms: Vec<Algorithm>,
    key: DecodingKey,
}

/// What the issuer said of itself.
pub struct Known {
    /// Its addresses.
    pub addresses: Addresses,
    keys: Vec<Key>,
    at: Instant,
}

impl Known {
    /// The key of an id for an algorithm; without an id, the only one for the algorithm.
    #[must_use]
    pub fn key(&self, id: Option<&str>, algorithm: Algorithm) -> Option<&DecodingKey> {
        let fits = |key: &&Key| {
            key.algorithms.contains(&algorithm) && id.is_none_or(|id| key.id.as_deref() == Some(id))
        };
        let mut found = self.keys.iter().filter(fits);
        let first = found.next();
        first.filter(|_| found.next().is_none()).map(|key| &key.key)
    }
}

/// The issuer, as last heard.
pub struct Issuer {
    name: String,
    fetch: Fetch,
    known: RwLock<Option<Arc<Known>>>,
    /// When it was last asked; held while it is asked, so that one asks for all.
    asked: tokio::sync::Mutex<Option<Instant>>,
}

impl Issuer {
    /// An issuer of which nothing is known yet.
    #[must_use]
    pub fn new(name: &str, fetch: Fetch) -> Self {
        Self { name: name.to_owned(), fetch, known: RwLock::new(None), asked: tokio::sync::Mutex::new(None) }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What is known of it now, without asking.
    #[must_use]
    pub fn known(&self, now: Instant) -> Option<Arc<Known>> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner).clone();
        known.filter(|known| now < known.at.plus_seconds(KEPT_SECONDS))
    }

    /// What is known of it, with a key where it has it. Nobody waits for what is old and will do: it is asked for
    /// beside.
    ///
    /// # Errors
    /// [`IssuerError`] when nothing is known that may be used.
    pub async fn with_key(
        self: &Arc<Self>,
        wanted: Option<(Option<&str>, Algorithm)>,
        now: Instant,
    ) -> Result<Arc<Known>, IssuerError> {
        let enough =
            |known: &Arc<Known>| wanted.is_none_or(|(id, algorithm)| known.key(id, algorithm).is_some());
        if let Some(known) = self.known(now).filter(enough) {
            if known.at.plus_seconds(FRESH_SECONDS) <= now {
                let own = Arc::clone(self);
                tokio::spawn(async move { own.renewed(now).await });
            }
            return Ok(known);
        }
        self.renewed(now).await
    }

    /// What it says now, else what was known before.
    async fn renewed(&self, now: Instant) -> Result<Arc<Known>, IssuerError> {
        let error = match self.ask(now).await {
            Ok(known) => return Ok(known),
            Err(error) => error,
        };
        let Some(known) = self.known(now) else { return Err(error) };
        tracing::warn!(%error, "the issuer's addresses and keys of before are used");
        Ok(known)
    }

    async fn ask(&self, now: Instant) -> Result<Arc<Known>, IssuerError> {
        let mut asked = self.asked.lock().await;
        if asked.is_some_and(|last| last <= now && now < last.plus_seconds(PAUSE_SECONDS)) {
            // Somebody asked while this one waited, or just before.
            return self.known(now).ok_or(IssuerError::Paused);
        }
        *asked = Some(now);
        let known = Arc::new(self.heard(now).await?);
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&known));
        Ok(known)
    }

    async fn heard(&self, now: Instant) -> Result<Known, IssuerError> {
        let at = format!("{}/.well-known/openid-configuration", self.name.trim_end_matches('/'));
        let text = self.fetch.get(&address(&at)?).await?;
        let addresses: Addresses =
            serde_json::from_slice(&text).map_err(|error| IssuerError::Document(format!("{at}: {error}")))?;
        if addresses.issuer != self.name {
            let reason = format!(
                "it names itself `{}`, and the configuration says `{}`: state it exactly as it does",
                mandate_domain::fact::shortened(&addresses.issuer),
                self.name
            );
            return Err(IssuerError::Document(reason));
        }
        address(&addresses.authorization_endpoint)?;
        address(&addresses.token_endpoint)?;
        let text = self.fetch.get(&address(&addresses.jwks_uri)?).await?;
        let keys = keys(&text).ok_or_else(|| {
            IssuerError::Document(format!("{}: no key that can be used", addresses.jwks_uri))
        })?;
        Ok(Known { addresses, keys, at: now })
    }
}

/// The keys of a set that may verify; others are left out.
fn keys(text: &[u8]) -> Option<Vec<Key>> {
    let document: Value = serde_json::from_slice(text).ok()?;
    let read = |key: &Value| {
        let key: Jwk = serde_json::from_value(key.clone()).ok()?;
        let algorithms = algorithms::of_key(&key);
        let decoding = DecodingKey::from_jwk(&key).ok().filter(|_| !algorithms.is_empty())?;
        Some(Key { id: key.common.key_id, algorithms, key: decoding })
    };
    let keys: Vec<Key> = document.get("keys")?.as_array()?.iter().filter_map(read).collect();
    Some(keys).filter(|keys| !keys.is_empty())
}

/// An address of the issuer: `https`, or `http` on this machine.
///
/// # Errors
/// [`IssuerError::Document`] for any other.
pub fn address(text: &str) -> Result<Uri, IssuerError> {
    let wrong = || {
        IssuerError::Document(format!(
            "`{}`: expected an address with https, or with http on this machine",
            mandate_domain::fact::shortened(text)
        ))
    };
    let uri: Uri = text.parse().map_err(|_| wrong())?;
    let host = uri.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
    let here =
        host == "localhost" || host.parse().is_ok_and(|address: std::net::IpAddr| address.is_loopback());
    let protected = uri.scheme_str() == Some("https") || (uri.scheme_str() == Some("http") && here);
    if protected && !host.is_empty() { Ok(uri) } else { Err(wrong()) }
}
