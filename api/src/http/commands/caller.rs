//! Who acts: the person that a token names, or the persona who is signed in to the demonstration.

use axum::http::{HeaderMap, header};

use crate::http::app::{App, Tellers};
use crate::http::error::HttpError;
use crate::tokens::Client;

/// The token that a request carries, if it carries one.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let stated = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok())?;
    let (scheme, token) = stated.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// The client whose token a request carries.
///
/// # Errors
/// [`HttpError::Unauthorised`] without a token or with an unknown one, [`HttpError::Forbidden`] where there are none.
pub fn client(app: &App, headers: &HeaderMap) -> Result<Client, HttpError> {
    let tokens = match &app.tellers {
        Tellers::Anyone => return Ok(Client::anyone("demo")),
        Tellers::Nobody => {
            let reason = "nobody may state facts here: the server was started without --token-file";
            return Err(HttpError::Forbidden(reason.to_owned()));
        }
        Tellers::Tokens(tokens) => tokens,
    };
    let Some(token) = bearer(headers) else {
        return Err(HttpError::Unauthorised("send `Authorization: Bearer <token>`"));
    };
    let found = tokens.client(token).cloned();
    found.ok_or(HttpError::Unauthorised("this token is not known here"))
}

/// The person whose token a request carries, or who is signed in; none for a request without either, or with a
/// machine's token.
///
/// # Errors
/// [`HttpError::Unauthorised`] for a token that is not known.
pub fn person(app: &App, headers: &HeaderMap) -> Result<Option<String>, HttpError> {
    if let Some(demo) = &app.demo {
        let chosen = app.sessions.person(headers);
        let person = demo.people().iter().find(|person| Some(&person.id) == chosen.as_ref());
        return Ok(person.map(|person| person.user.clone()));
    }
    let (Tellers::Tokens(_), Some(_)) = (&app.tellers, bearer(headers)) else { return Ok(None) };
    Ok(client(app, headers)?.user().map(str::to_owned))
}

/// The person who gives a command.
///
/// # Errors
/// [`HttpError::Unauthorised`] when nobody is named, [`HttpError::Forbidden`] for the token of a machine.
pub fn acting(app: &App, headers: &HeaderMap) -> Result<String, HttpError> {
    if let Some(demo) = &app.demo {
        let open = app.sessions.open(headers).map_err(|error| HttpError::Failed(error.to_string()))?;
        let chosen = open.session.person.as_ref();
        let person = demo.people().iter().find(|person| Some(&person.id) == chosen);
        return person
            .map(|person| person.user.clone())
            .ok_or(HttpError::Unauthorised("sign in as one of the people of the demonstration first"));
    }
    if let Tellers::Anyone = app.tellers {
        return Err(HttpError::Unauthorised("a command is given by a person; no token file names any"));
    }
    let client = client(app, headers)?;
    client.user().map(str::to_owned).ok_or_else(|| {
        HttpError::Forbidden(
            "this token is a machine's: a command needs a token with `user = \"user/…\"`".to_owned(),
        )
    })
}

/// Lets a token for requests of subject access through, and no other.
///
/// # Errors
/// [`HttpError::Unauthorised`] without such a token.
pub fn subject_access(app: &App, headers: &HeaderMap) -> Result<(), HttpError> {
    let Some(token) = bearer(headers) else {
        return Err(HttpError::Unauthorised("send `Authorization: Bearer <token>`"));
    };
    match &app.tellers {
        Tellers::Tokens(tokens) if tokens.opens_subject_access(token) => Ok(()),
        Tellers::Tokens(_) | Tellers::Anyone | Tellers::Nobody => Err(HttpError::Unauthorised(
            "this takes a token for requests of subject access; `mandate token NAME --subject-access` makes one",
        )),
    }
}
