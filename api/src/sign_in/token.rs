//! One token of the issuer: its signature, for whom and how long it holds, and what it claims.
//!
//! Times are compared with Mandate's own clock, claims of a wrong kind are refused, and nothing of a token stands in an
//! error.

use jsonwebtoken::{Algorithm, Validation, decode, decode_header};
use mandate_domain::time::Instant;
use serde_json::{Map, Value};

use super::issuer::Known;

/// Longest token, in bytes.
const MAX_BYTES: usize = 16 << 10;
/// Seconds by which the issuer's clock may differ.
const LEEWAY_SECONDS: i64 = 60;
/// Longest text of a claim that is used, in bytes.
const MAX_CLAIM_BYTES: usize = 200;

/// Why a token is refused; for the log, never for whoever sent it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// It is no signed token.
    #[error("it is no signed token of the usual form")]
    Form,
    /// Its algorithm is none of those accepted.
    #[error("its algorithm is none of RS256, PS256, ES256, ES384 and EdDSA")]
    Algorithm,
    /// It was signed with a key that the issuer does not state.
    #[error("the issuer states no such key")]
    Key,
    /// It was altered, or signed by somebody else.
    #[error("its signature is wrong")]
    Signature,
    /// It is another issuer's.
    #[error("it is another issuer's")]
    Issuer,
    /// It is meant for somebody else.
    #[error("it is meant for another audience")]
    Audience,
    /// It ended, begins later, or does not say.
    #[error("it is not in force now")]
    Time,
    /// It answers another request.
    #[error("it answers another request (nonce)")]
    Nonce,
    /// It shows who signed in to a page, and opens no API.
    #[error("it is an ID token, not an access token")]
    IdToken,
}

/// What is said in a token's header.
#[derive(Debug, Clone)]
pub struct Head {
    /// The key's id.
    pub key: Option<String>,
    /// The algorithm, one of those accepted.
    pub algorithm: Algorithm,
}

impl Head {
    /// Reads the header of a token, before anything of it is believed.
    ///
    /// # Errors
    /// [`TokenError::Form`], [`TokenError::Algorithm`].
    pub fn read(token: &str) -> Result<Self, TokenError> {
        if token.len() > MAX_BYTES {
            return Err(TokenError::Form);
        }
        // An algorithm that the library does not know, such as `none`, is told as a header that cannot be read.
        let header = decode_header(token).map_err(|_| TokenError::Form)?;
        let accepted =
            [Algorithm::RS256, Algorithm::PS256, Algorithm::ES256, Algorithm::ES384, Algorithm::EdDSA];
        if !accepted.contains(&header.alg) {
            return Err(TokenError::Algorithm);
        }
        Ok(Self { key: header.kid, algorithm: header.alg })
    }
}

/// What a token claims, once it is believed.
#[derive(Debug, Clone)]
pub struct Claims(Map<String, Value>);

impl Claims {
    /// Believes a token that is signed by the issuer, for an audience, and in force.
    ///
    /// # Errors
    /// [`TokenError`].
    pub fn read(
        token: &str,
        head: &Head,
        known: &Known,
        issuer: &str,
        audience: &str,
        now: Instant,
    ) -> Result<Self, TokenError> {
        let key = known.key(head.key.as_deref(), head.algorithm).ok_or(TokenError::Key)?;
        let mut validation = Validation::new(head.algorithm);
        // Only the signature is left to the library: what follows is compared here, with this program's clock.
        validation.validate_exp = false;
        validation.validate_nbf = false;
        validation.validate_aud = false;
        validation.required_spec_claims.clear();
        let decoded = decode::<Map<String, Value>>(token, key, &validation);
        let claims = Self(decoded.map_err(|_| TokenError::Signature)?.claims);
        if claims.0.get("iss").and_then(Value::as_str) != Some(issuer) {
            return Err(TokenError::Issuer);
        }
        if !claims.is_for(audience) {
            return Err(TokenError::Audience);
        }
        claims.in_force(now)?;
        Ok(claims)
    }

    fn is_for(&self, audience: &str) -> bool {
        match self.0.get("aud") {
            Some(Value::String(own)) => own == audience,
            Some(Value::Array(all)) => all.iter().any(|own| own.as_str() == Some(audience)),
            _ => false,
        }
    }

    fn in_force(&self, now: Instant) -> Result<(), TokenError> {
        let now = now.nanos().div_euclid(1_000_000_000);
        let seconds = |name: &str| match self.0.get(name) {
            None => Ok(None),
            // Some issuers state fractions of a second.
            Some(Value::Number(stated)) => {
                let whole = stated.as_i64().or_else(|| stated.to_string().split('.').next()?.parse().ok());
                whole.map(Some).ok_or(TokenError::Time)
            }
            Some(_) => Err(TokenError::Time),
        };
        let ends = seconds("exp")?.ok_or(TokenError::Time)?;
        let begins = seconds("nbf")?.unwrap_or(i64::MIN).max(seconds("iat")?.unwrap_or(i64::MIN));
        let in_force =
            ends.saturating_add(LEEWAY_SECONDS) > now && begins.saturating_sub(LEEWAY_SECONDS) <= now;
        if in_force { Ok(()) } else { Err(TokenError::Time) }
    }

    /// Checks that an ID token was made for this client and answers its request.
    ///
    /// # Errors
    /// [`TokenError::Audience`], [`TokenError::Nonce`].
    pub fn answers(&self, client_id: &str, nonce: &str) -> Result<(), TokenError> {
        let several = matches!(self.0.get("aud"), Some(Value::Array(all)) if all.len() > 1);
        let party = self.0.get("azp");
        if (several || party.is_some()) && party.and_then(Value::as_str) != Some(client_id) {
            return Err(TokenError::Audience);
        }
        if self.0.get("nonce").and_then(Value::as_str) == Some(nonce) {
            Ok(())
        } else {
            Err(TokenError::Nonce)
        }
    }

    /// Refuses a token that shows who signed in to a page.
    ///
    /// # Errors
    /// [`TokenError::IdToken`].
    pub fn opens_api(&self) -> Result<(), TokenError> {
        let of_id_tokens = ["nonce", "at_hash", "c_hash"];
        if of_id_tokens.iter().any(|name| self.0.contains_key(*name)) {
            return Err(TokenError::IdToken);
        }
        Ok(())
    }

    /// The text of a claim.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        let text = self.0.get(name)?.as_str()?;
        (!text.is_empty() && text.len() <= MAX_CLAIM_BYTES).then_some(text)
    }

    /// Whether a claim is there and true.
    #[must_use]
    pub fn is_true(&self, name: &str) -> bool {
        self.0.get(name).and_then(Value::as_bool) == Some(true)
    }

    /// The texts of a claim that is a list, or words in one text.
    #[must_use]
    pub fn words(&self, name: &str) -> Vec<&str> {
        match self.0.get(name) {
            Some(Value::Array(all)) => all.iter().filter_map(Value::as_str).collect(),
            Some(Value::String(text)) => text.split_whitespace().collect(),
            _ => Vec::new(),
        }
    }
}
