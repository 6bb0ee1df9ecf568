//! Signing in and out: at the organisation's identity provider, with a token of the token file, or as one of the people
//! of the demonstration.

use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, Uri, header};
use axum::response::{IntoResponse as _, Redirect, Response};

use super::forms::is_own_path;
use super::sessions::Open;
use super::visitor::Visitor;
use super::{Access, answer, problem, show, visitor, with_cookie};
use crate::http::app::{App, Tellers};
use crate::http::body::form;
use crate::http::error::HttpError;
use crate::http::front::ClientAddress;
use crate::http::query::{Query, encoded};
use crate::pages::frame::FieldError;
use crate::pages::sign_in::{Elsewhere, Persona, SignIn, WithToken};
use crate::sign_in::{Returned, SignInError};

/// The cookie of somebody who left for the issuer, and the seconds for which it is kept.
const AWAY: (&str, i64) = ("mandate-away", 600);

/// How one signs in here.
pub async fn page(State(app): State<App>, uri: Uri, headers: HeaderMap) -> Response {
    let raw = uri.query().map(str::to_owned);
    show(app, Access::Anyone, &uri, &headers, move |app, visitor| {
        let query = Query::read(raw.as_deref(), &["next", "signed-out"])?;
        let next = query.one("next")?.filter(|next| is_own_path(next));
        asked(app, visitor, next, query.one("signed-out")?.is_some(), None)
    })
    .await
}

/// The page on which one signs in, with what was wrong with the last attempt.
fn asked(
    app: &App,
    visitor: &Visitor,
    next: Option<&str>,
    signed_out: bool,
    wrong: Option<&str>,
) -> Result<Response, HttpError> {
    let mut frame = visitor.frame(app, None)?;
    let next = next.map(str::to_owned);
    if let Some(demo) = &app.demo {
        let people = demo.people().iter().map(|person| Persona {
            id: person.id.clone(),
            name: person.name.clone(),
            role: person.role.clone(),
            comes_for: person.comes_for.to_owned(),
        });
        return answer(&SignIn { people: people.collect(), next, frame });
    }
    if let Some(sign_in) = &app.sign_in {
        let href = next
            .map_or("/sign-in/issuer".to_owned(), |next| format!("/sign-in/issuer?next={}", encoded(&next)));
        let sign_out = if signed_out { sign_in.sign_out(app.now()) } else { None };
        return answer(&Elsewhere { frame, href, signed_out, sign_out });
    }
    if !matches!(app.tellers, Tellers::Tokens(_)) {
        return Ok(Redirect::to("/work").into_response());
    }
    let text = wrong.map(str::to_owned);
    frame.errors.extend(text.map(|text| FieldError { field: "access-token".to_owned(), text }));
    answer(&WithToken { frame, next, signed_out })
}

/// Signs in as one of the people of the demonstration, or with a token of the token file.
pub async fn choose(
    State(app): State<App>,
    from: ClientAddress,
    uri: Uri,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let sent = form(&headers, body, &["token", "persona", "access-token", "next"]).await;
    show(app, Access::Anyone, &uri, &headers, move |app, visitor| {
        let sent = sent?;
        visitor.check_form(sent.one("token")?)?;
        app.admit_attempt(from)?;
        let next = sent.one("next")?.filter(|next| is_own_path(next));
        if app.demo.is_none() {
            return with_token(app, visitor, sent.one("access-token")?, next);
        }
        let people = app.demo.as_ref().map(crate::demo::Demo::people).unwrap_or_default();
        let chosen = sent.one("persona")?.unwrap_or_default();
        let person = people.iter().find(|person| person.id == chosen);
        let person =
            person.ok_or_else(|| HttpError::parameter("persona", "choose one of the people on the page"))?;
        signed_in(app, &visitor.open, &person.id, None, next.unwrap_or("/"))
    })
    .await
}

/// Signs in with a token of the token file that names a user; where there is an issuer, people go there.
fn with_token(
    app: &App,
    visitor: &Visitor,
    token: Option<&str>,
    next: Option<&str>,
) -> Result<Response, HttpError> {
    let (Tellers::Tokens(tokens), None) = (&app.tellers, &app.sign_in) else {
        return Err(HttpError::NoSuchAddress);
    };
    let found = tokens.client(token.unwrap_or_default().trim());
    match found.and_then(|client| client.user()) {
        Some(user) => signed_in(app, &visitor.open, user, None, next.unwrap_or("/")),
        None => {
            let wrong = "Enter a token that was made for you with `mandate token NAME --user USER`.";
            asked(app, visitor, next, false, Some(wrong))
        }
    }
}

fn signed_in(
    app: &App,
    before: &Open,
    person: &str,
    name: Option<String>,
    next: &str,
) -> Result<Response, HttpError> {
    let open = app.sessions.sign_in(before, person, name, app.now());
    let open = open.map_err(|error| HttpError::Failed(error.to_string()))?;
    let mut response = Redirect::to(next).into_response();
    if let Some(cookie) = open.cookie() {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    Ok(response)
}

/// Leaves for the issuer.
pub async fn leave(
    State(app): State<App>,
    from: ClientAddress,
    RawQuery(raw): RawQuery,
    headers: HeaderMap,
) -> Response {
    let left = async {
        let query = Query::read(raw.as_deref(), &["next"])?;
        let next = query.one("next")?.filter(|next| is_own_path(next)).unwrap_or("/");
        let sign_in = app.sign_in.as_ref().ok_or(HttpError::NoSuchAddress)?;
        app.admit_attempt(from)?;
        let (cookie, to) = sign_in.leave(next, app.now()).await.map_err(told)?;
        let mut response = Redirect::to(&to).into_response();
        let cookie = app.sessions.transport().cookie(AWAY.0, &cookie, Some(AWAY.1));
        response.headers_mut().extend(cookie.map(|cookie| (header::SET_COOKIE, cookie)));
        Ok(response)
    };
    match left.await {
        Ok(response) => response,
        Err(error) => failed(&app, &headers, error).await,
    }
}

/// Comes back from the issuer.
pub async fn back(
    State(app): State<App>,
    from: ClientAddress,
    RawQuery(raw): RawQuery,
    headers: HeaderMap,
) -> Response {
    let came = async {
        // An issuer may add what it likes.
        let query = Query::read_any(raw.as_deref())?;
        let sign_in = app.sign_in.as_ref().ok_or(HttpError::NoSuchAddress)?;
        app.admit_attempt(from)?;
        let away = app.sessions.transport().stated(&headers, AWAY.0).next().map(str::to_owned);
        let returned = Returned {
            state: query.one("state")?,
            code: query.one("code")?,
            error: query.one("error")?,
            issuer: query.one("iss")?,
        };
        let back = sign_in.back(away.as_deref().unwrap_or_default(), &returned, app.now()).await;
        let (identity, next) = back.map_err(told)?;
        let visitor = visitor(&app, &headers).await?;
        let user = identity.user.clone();
        // Somebody whom the log does not know is told so here, and not page by page.
        app.blocking(move |app| Visitor::known(app, &user)).await?;
        tracing::info!(user = identity.user, "signed in");
        signed_in(&app, &visitor.open, &identity.user, identity.name, &next)
    };
    let mut response = match came.await {
        Ok(response) => response,
        Err(error) => failed(&app, &headers, error).await,
    };
    let gone = app.sessions.transport().cookie(AWAY.0, "", Some(0));
    response.headers_mut().extend(gone.map(|cookie| (header::SET_COOKIE, cookie)));
    response
}

/// What is told of a failed attempt: the reason is for the administrator.
fn told(error: SignInError) -> HttpError {
    match error {
        SignInError::Issuer(error) => {
            tracing::error!(%error, "nobody can sign in");
            HttpError::SignIn(
                "your organisation's sign-in cannot be reached at present; try again in a few minutes",
            )
        }
        SignInError::NoUser(_) => {
            tracing::warn!(%error, "somebody was not signed in");
            HttpError::SignIn(
                "your organisation knows you, but nobody has registered you as a user of Mandate; ask your CPC to do \
                 so",
            )
        }
        error => {
            tracing::warn!(%error, "somebody was not signed in");
            HttpError::SignIn("you could not be signed in; go to the sign-in page and try again")
        }
    }
}

async fn failed(app: &App, headers: &HeaderMap, error: HttpError) -> Response {
    match visitor(app, headers).await {
        Ok(visitor) => with_cookie(problem(app, &visitor, error).await, &visitor),
        Err(error) => error.into_response(),
    }
}

/// Signs out here; the page that follows leads to the issuer, where there is more to sign out of.
pub async fn out(State(app): State<App>, uri: Uri, headers: HeaderMap, body: Body) -> Response {
    let sent = form(&headers, body, &["token"]).await;
    show(app, Access::Anyone, &uri, &headers, move |app, visitor| {
        visitor.check_form(sent?.one("token")?)?;
        app.sessions.end(&visitor.open.id);
        let to = if app.demo.is_some() { "/" } else { "/sign-in?signed-out=1" };
        Ok(Redirect::to(to).into_response())
    })
    .await
}
