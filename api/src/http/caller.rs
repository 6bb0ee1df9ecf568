//! Who sends a request: found out once, at the gate, and handed to the handlers.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};

use super::app::{App, Tellers};
use super::error::HttpError;
use crate::sign_in::Bearer;
use crate::tokens::Client;

/// Whoever sends a request.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Caller {
    /// Nobody who is known.
    #[default]
    Nobody,
    /// Whoever sits at this machine, where the server knows nobody: it was given neither an issuer nor a token file.
    Here,
    /// A person, by the user as whom they act.
    Person {
        /// The full id of the user.
        user: String,
        /// The token of the token file that they used, if they did.
        token: Option<Box<Client>>,
    },
    /// A machine.
    Machine(Box<Client>),
}

impl Caller {
    /// A person who signed in.
    #[must_use]
    pub fn person(user: &str) -> Self {
        Self::Person { user: user.to_owned(), token: None }
    }

    /// Who sends a request: by its token, else by its session.
    ///
    /// # Errors
    /// [`HttpError::Unauthorised`] for a token that is not known.
    pub async fn of(app: &App, headers: &HeaderMap) -> Result<Self, HttpError> {
        if app.demo.is_none()
            && app.knows_people()
            && let Some(token) = bearer(headers)
        {
            return by_token(app, token).await;
        }
        Ok(Self::by_session(app, headers))
    }

    /// Whether a request that was let through as theirs would be still: its session is open, its token in force. Asking
    /// keeps no session open.
    pub async fn is_still(&self, app: &App, headers: &HeaderMap) -> bool {
        if app.demo.is_none()
            && app.knows_people()
            && let Some(token) = bearer(headers)
        {
            return by_token(app, token).await.is_ok_and(|now| now == *self);
        }
        Self::signed_in(app, app.sessions.peek(headers, app.now())) == *self
    }

    /// What somebody is called by whom more is counted: the user, or the machine; none for whoever sits here.
    #[must_use]
    pub fn name(&self) -> Option<String> {
        match self {
            Self::Person { user, .. } => Some(user.clone()),
            Self::Machine(client) => Some(format!("client/{}", client.name)),
            Self::Here | Self::Nobody => None,
        }
    }

    /// Who is signed in by a request's cookie.
    #[must_use]
    pub fn by_session(app: &App, headers: &HeaderMap) -> Self {
        Self::signed_in(app, app.sessions.person(headers, app.now()))
    }

    /// Who is signed in as somebody.
    fn signed_in(app: &App, signed_in: Option<String>) -> Self {
        if let Some(demo) = &app.demo {
            let person = demo.people().iter().find(|person| Some(&person.id) == signed_in.as_ref());
            return person.map_or(Self::Here, |person| Self::person(&person.user));
        }
        match signed_in {
            Some(user) => Self::Person { user, token: None },
            None if app.knows_people() => Self::Nobody,
            None => Self::Here,
        }
    }

    /// The user, where one is named.
    #[must_use]
    pub fn user(&self) -> Option<&str> {
        match self {
            Self::Person { user, .. } => Some(user),
            Self::Nobody | Self::Here | Self::Machine(_) => None,
        }
    }

    /// The client that states facts.
    ///
    /// # Errors
    /// [`HttpError::Unauthorised`] without a token, [`HttpError::Forbidden`] where there are none.
    pub fn client(&self, app: &App) -> Result<Client, HttpError> {
        if let Tellers::Anyone = app.tellers {
            return Ok(Client::anyone("demo"));
        }
        match self {
            Self::Machine(client) => Ok(Client::clone(client)),
            Self::Person { token: Some(token), .. } => Ok(Client::clone(token)),
            Self::Person { user, token: None } => Ok(Client::of_user(user)),
            Self::Nobody => Err(HttpError::Unauthorised("send `Authorization: Bearer <token>`")),
            Self::Here => {
                let reason = "nobody may state facts here: the server was started without --token-file";
                Err(HttpError::Forbidden(reason.to_owned()))
            }
        }
    }

    /// The person who gives a command.
    ///
    /// # Errors
    /// [`HttpError::Unauthorised`] when nobody is named, [`HttpError::Forbidden`] for the token of a machine.
    pub fn acting(&self, app: &App) -> Result<String, HttpError> {
        match self {
            Self::Person { user, .. } => Ok(user.clone()),
            Self::Machine(_) => Err(HttpError::Forbidden(
                "this token is a machine's: a command needs a token with `user = \"user/…\"`".to_owned(),
            )),
            Self::Nobody => Err(HttpError::Unauthorised("sign in, or send `Authorization: Bearer <token>`")),
            Self::Here if app.demo.is_some() => {
                Err(HttpError::Unauthorised("sign in as one of the people of the demonstration first"))
            }
            Self::Here => match app.tellers {
                Tellers::Anyone | Tellers::Tokens(_) => {
                    Err(HttpError::Unauthorised("a command is given by a person; no token file names any"))
                }
                Tellers::Nobody => Err(HttpError::Forbidden(
                    "nobody is known here: the server was started without --token-file and without an issuer"
                        .to_owned(),
                )),
            },
        }
    }
}

async fn by_token(app: &App, token: &str) -> Result<Caller, HttpError> {
    if let Tellers::Tokens(tokens) = &app.tellers
        && let Some(client) = tokens.client(token)
    {
        let client = Box::new(client.clone());
        return Ok(match client.user() {
            Some(user) => Caller::Person { user: user.to_owned(), token: Some(client) },
            None => Caller::Machine(client),
        });
    }
    let unknown = HttpError::Unauthorised("this token is not known here");
    let Some(sign_in) = &app.sign_in else { return Err(unknown) };
    match sign_in.bearer(token, app.now()).await {
        Ok(Bearer::Person(user)) => Ok(Caller::Person { user, token: None }),
        Ok(Bearer::Machine(client)) => Ok(Caller::Machine(Box::new(client))),
        Err(error) => {
            // Whoever sends it hears no more than that: what is wrong with a token is for the administrator.
            tracing::info!(%error, "an access token was refused");
            Err(unknown)
        }
    }
}

/// The token that a request carries, if it carries one.
pub fn bearer(headers: &HeaderMap) -> Option<&str> {
    let stated = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok())?;
    let (scheme, token) = stated.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        // Without the gate nobody is known, and nothing is shown.
        Ok(parts.extensions.get::<Self>().cloned().unwrap_or_default())
    }
}
