//! Signing in with the organisation's identity provider: `OpenID` Connect for people, access tokens for machines.
//!
//! Who somebody *is* comes from the issuer, what they *may* from the log: a token names a user by an opaque id, and the
//! rights of that user are looked up at each request. Roles in a token count for machines only, of which the log knows
//! nothing.

mod algorithms;
mod fetch;
mod flow;
mod issuer;
mod machine;
mod settings;
mod token;

use std::collections::BTreeMap;
use std::sync::Arc;

use base64ct::{Base64, Encoding as _};
use mandate_domain::catalogue::SubjectKind;
use mandate_domain::time::Instant;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;

pub use flow::Away;
pub use machine::{ROLES, Role};
pub use settings::{MachineSettings, SignInSettings};
pub use token::TokenError;

use crate::outgoing::{Authorities, AuthoritiesError};
use crate::tokens::Client;
use fetch::{Fetch, FetchError};
use flow::Leaving;
use issuer::{Issuer, IssuerError};
use token::{Claims, Head};

/// Where the issuer sends people back to.
pub const CALLBACK: &str = "/sign-in/callback";

/// Why the settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The issuer's name.
    #[error("[sign_in] issuer: {0}")]
    Issuer(#[from] IssuerError),
    /// The address that people use.
    #[error(
        "base_url `{0}`: signing in needs the address that people use, with https, or with http on this machine; state \
         it as `base_url` or --base-url"
    )]
    BaseUrl(String),
    /// The client's secret.
    #[error("[sign_in] client_secret_file: {path}: {reason}")]
    Secret {
        /// The file.
        path: std::path::PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The certificate authority.
    #[error("[sign_in] {0}")]
    Authorities(#[from] AuthoritiesError),
    /// Another setting.
    #[error("[sign_in] {0}")]
    Wrong(String),
}

/// Why somebody is not signed in. Told without detail; the reason goes to the log.
#[derive(Debug, thiserror::Error)]
pub enum SignInError {
    /// The issuer.
    #[error(transparent)]
    Issuer(#[from] IssuerError),
    /// Nobody left for the issuer from this browser, or too long ago, or they came back before.
    #[error("nobody left for the issuer from this browser in the last ten minutes")]
    NotAway,
    /// The answer is to another request.
    #[error("the answer is to another request (state)")]
    State,
    /// The answer is another issuer's.
    #[error("the answer is another issuer's")]
    OtherIssuer,
    /// The issuer refused.
    #[error("the issuer refused: {0}")]
    Refused(&'static str),
    /// The code was not exchanged.
    #[error("the code was not exchanged: {0}")]
    Exchange(#[from] FetchError),
    /// What came for the code is not what should.
    #[error("what came for the code holds no ID token")]
    NoToken,
    /// The token.
    #[error("the token: {0}")]
    Token(#[from] TokenError),
    /// Nobody of Mandate is named.
    #[error("the claim `{0}` names no user of Mandate")]
    NoUser(String),
    /// The system gives no random bytes.
    #[error("no random bytes: {0}")]
    Random(#[from] std::io::Error),
}

/// Who signed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The user, by the full opaque id.
    pub user: String,
    /// The name that the issuer states, shown to themselves and kept nowhere else.
    pub name: Option<String>,
}

/// Whom an access token names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Bearer {
    /// A person.
    Person(String),
    /// A machine, with what its roles allow.
    Machine(Client),
}

/// Signing in with one issuer.
pub struct SignIn {
    issuer: Arc<Issuer>,
    fetch: Fetch,
    settings: SignInSettings,
    secret: Option<zeroize::Zeroizing<String>>,
    machines: Vec<Client>,
    redirect_uri: String,
    leaving: Leaving,
}

/// What comes for a code; everything else in it is not used.
#[derive(Deserialize)]
struct Exchanged {
    id_token: String,
}

/// What the issuer sends people back with.
#[derive(Debug, Default)]
pub struct Returned<'q> {
    /// What was sent along.
    pub state: Option<&'q str>,
    /// What is exchanged for a token.
    pub code: Option<&'q str>,
    /// Whether it refused.
    pub error: Option<&'q str>,
    /// Its name.
    pub issuer: Option<&'q str>,
}

impl SignIn {
    /// Signing in as the settings say; the issuer is first asked when somebody signs in.
    ///
    /// # Errors
    /// [`SettingsError`] naming the setting.
    pub fn new(settings: SignInSettings, base_url: &str) -> Result<Self, SettingsError> {
        algorithms::install();
        issuer::address(&settings.issuer)?;
        let base_url = base_url.trim_end_matches('/');
        issuer::address(base_url).map_err(|_| SettingsError::BaseUrl(base_url.to_owned()))?;
        if settings.client_id.is_empty() {
            return Err(SettingsError::Wrong(
                "client_id: expected the id of Mandate at the issuer".to_owned(),
            ));
        }
        if settings.idle_minutes == 0 || settings.session_hours == 0 {
            let reason = "idle_minutes and session_hours: expected at least 1".to_owned();
            return Err(SettingsError::Wrong(reason));
        }
        if let Some((claimed, user)) = settings.people.iter().find(|(_, user)| user_id(user).is_none()) {
            return Err(SettingsError::Wrong(format!(
                "people: {claimed:?} = {user:?}: expected the id of a user, such as \"user/U-7F3K29QX\""
            )));
        }
        let secret = settings.client_secret_file.as_deref().map(secret).transpose()?;
        let machines = settings.machines().map_err(SettingsError::Wrong)?;
        let fetch = Fetch::new(&Authorities::public_and(settings.ca_file.as_deref())?);
        Ok(Self {
            issuer: Arc::new(Issuer::new(&settings.issuer, fetch.clone())),
            fetch,
            secret,
            machines,
            redirect_uri: format!("{base_url}{CALLBACK}"),
            leaving: Leaving::default(),
            settings,
        })
    }

    /// The settings.
    #[must_use]
    pub const fn settings(&self) -> &SignInSettings {
        &self.settings
    }

    /// Sends somebody to the issuer: the cookie that they take along, and the address.
    ///
    /// # Errors
    /// [`SignInError`] when the issuer is not known and cannot be reached.
    pub async fn leave(&self, next: &str, now: Instant) -> Result<(String, String), SignInError> {
        let known = self.issuer.with_key(None, now).await?;
        let (cookie, away) = self.leaving.leave(next, now)?;
        let parameters = [
            ("response_type", "code"),
            ("client_id", &self.settings.client_id),
            ("redirect_uri", &self.redirect_uri),
            ("scope", &self.settings.scope),
            ("state", &away.state),
            ("nonce", &away.nonce),
            ("code_challenge", &away.challenge()),
            ("code_challenge_method", "S256"),
        ];
        let to = &known.addresses.authorization_endpoint;
        let joint = if to.contains('?') { '&' } else { '?' };
        Ok((cookie, format!("{to}{joint}{}", form(&parameters))))
    }

    /// Takes somebody back: who they are, and where they wanted to go. The cookie is worth nothing afterwards, whatever
    /// becomes of it.
    ///
    /// # Errors
    /// [`SignInError`].
    pub async fn back(
        &self,
        cookie: &str,
        returned: &Returned<'_>,
        now: Instant,
    ) -> Result<(Identity, String), SignInError> {
        let away = self.leaving.back(cookie, now).ok_or(SignInError::NotAway)?;
        if returned.state != Some(&away.state) {
            return Err(SignInError::State);
        }
        let known = self.issuer.with_key(None, now).await?;
        let named = returned.issuer;
        if named.is_some_and(|named| named != self.issuer.name())
            || (named.is_none() && known.addresses.names_issuer())
        {
            return Err(SignInError::OtherIssuer);
        }
        if let Some(error) = returned.error {
            return Err(SignInError::Refused(refusal(error)));
        }
        let code = returned.code.ok_or(SignInError::Refused("it sent no code"))?;
        let token = self.exchange(code, &away, &known.addresses).await?;
        let claims = self.believed(&token, &self.settings.client_id, now).await?;
        claims.answers(&self.settings.client_id, &away.nonce)?;
        let user = self.user(&claims).ok_or_else(|| SignInError::NoUser(self.settings.user_claim.clone()))?;
        let name = claims.text("name").or_else(|| claims.text("preferred_username")).map(str::to_owned);
        Ok((Identity { user, name }, away.next))
    }

    async fn exchange(
        &self,
        code: &str,
        away: &Away,
        addresses: &issuer::Addresses,
    ) -> Result<String, SignInError> {
        let mut fields = vec![
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", self.redirect_uri.as_str()),
            ("code_verifier", away.verifier.as_str()),
            ("client_id", self.settings.client_id.as_str()),
        ];
        let mut authorization = None;
        if let Some(secret) = &self.secret {
            if addresses.secret_in_form() {
                fields.push(("client_secret", secret.as_str()));
            } else {
                // RFC 6749, 2.3.1: both are encoded as in a form first.
                let pair = format!("{}:{}", encoded(&self.settings.client_id), encoded(secret));
                authorization = Some(format!("Basic {}", Base64::encode_string(pair.as_bytes())));
            }
        }
        let to = issuer::address(&addresses.token_endpoint)?;
        let answer = self.fetch.post(&to, authorization.as_deref(), form(&fields)).await?;
        let exchanged: Exchanged = serde_json::from_slice(&answer).map_err(|_| SignInError::NoToken)?;
        Ok(exchanged.id_token)
    }

    async fn believed(&self, token: &str, audience: &str, now: Instant) -> Result<Claims, SignInError> {
        let head = Head::read(token)?;
        let known = self.issuer.with_key(Some((head.key.as_deref(), head.algorithm)), now).await?;
        Ok(Claims::read(token, &head, &known, self.issuer.name(), audience, now)?)
    }

    /// Whom an access token names.
    ///
    /// # Errors
    /// [`SignInError`].
    pub async fn bearer(&self, token: &str, now: Instant) -> Result<Bearer, SignInError> {
        let audience = self.settings.audience.as_deref().ok_or(TokenError::Audience)?;
        let claims = self.believed(token, audience, now).await?;
        claims.opens_api()?;
        if let Some(user) = self.user(&claims) {
            return Ok(Bearer::Person(user));
        }
        let machine = machine::of(&claims, &self.settings.roles_claim, &self.machines);
        machine.map(Bearer::Machine).ok_or_else(|| SignInError::NoUser(self.settings.user_claim.clone()))
    }

    /// The user whom a token names: by the table where there is one, else by the id in the claim.
    fn user(&self, claims: &Claims) -> Option<String> {
        let claim = &self.settings.user_claim;
        // Whoever may state an address as theirs without a proof could be anybody.
        if claim == "email" && !claims.is_true("email_verified") {
            return None;
        }
        let stated = claims.text(claim)?;
        let people: &BTreeMap<String, String> = &self.settings.people;
        if people.is_empty() { user_id(stated) } else { people.get(stated).and_then(|user| user_id(user)) }
    }

    /// Where somebody goes to sign out of the issuer as well, if it says where.
    #[must_use]
    pub fn sign_out(&self, now: Instant) -> Option<String> {
        let to = self.issuer.known(now)?.addresses.end_session_endpoint.clone()?;
        issuer::address(&to).ok()?;
        let joint = if to.contains('?') { '&' } else { '?' };
        let home = self.redirect_uri.strip_suffix(CALLBACK).unwrap_or_default().to_owned() + "/";
        // Nothing of a token stands in an address.
        let parameters =
            [("client_id", self.settings.client_id.as_str()), ("post_logout_redirect_uri", home.as_str())];
        Some(format!("{to}{joint}{}", form(&parameters)))
    }
}

/// The full id of a user, from `user/U-1` or `U-1`.
fn user_id(text: &str) -> Option<String> {
    let full = if text.contains('/') { text.to_owned() } else { format!("user/{text}") };
    let id = full.strip_prefix("user/").unwrap_or_default();
    let plain = id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
    (SubjectKind::of(&full) == Some(SubjectKind::User) && plain && !id.is_empty()).then_some(full)
}

/// What the issuer says when it refuses; nothing that it sends is repeated.
fn refusal(error: &str) -> &'static str {
    match error {
        "access_denied" => "access was denied there",
        "login_required" | "interaction_required" | "consent_required" => "more was needed there",
        "temporarily_unavailable" => "it is not available for the moment",
        "server_error" => "it failed",
        "invalid_request" | "unauthorized_client" | "invalid_scope" | "unsupported_response_type" => {
            "it does not know this client as the configuration states it"
        }
        _ => "for a reason of its own",
    }
}

fn secret(path: &std::path::Path) -> Result<zeroize::Zeroizing<String>, SettingsError> {
    use std::os::unix::fs::PermissionsExt as _;
    let wrong = |reason: String| SettingsError::Secret { path: path.to_owned(), reason };
    let mode =
        std::fs::metadata(path).map_err(|error| wrong(error.to_string()))?.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(wrong(format!("others can read it (mode {mode:03o}); run `chmod 600` on it")));
    }
    let text = std::fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
    let text = zeroize::Zeroizing::new(text);
    let first = text.lines().next().unwrap_or_default().trim();
    if first.is_empty() {
        return Err(wrong("it is empty".to_owned()));
    }
    Ok(zeroize::Zeroizing::new(first.to_owned()))
}

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

fn form(pairs: &[(&str, &str)]) -> String {
    let pairs: Vec<String> = pairs.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect();
    pairs.join("&")
}

#[cfg(test)]
mod tests;
