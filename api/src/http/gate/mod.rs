//! The gate before every address: who asks, from where, and with what right. Default deny.
//!
//! Rights come from what the log says at this moment, so that whoever lost one is refused at the next request, an open
//! session or a token in force notwithstanding.

pub mod table;
#[cfg(test)]
mod tests;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{Extensions, HeaderMap, Method, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use super::app::App;
use super::caller::{Caller, bearer};
use super::error::HttpError;
use super::front::client_of;
use super::registers::asker::Asker;
use super::site;
use crate::tokens::Opens;
use table::{Needs, Row, Surface};

/// Lets a request through to its handler, with who sent it, or answers in its place.
pub async fn gate(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let Some(path) = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned()) else {
        // Nothing is at this address, which is said to anyone.
        return next.run(request).await;
    };
    let row = match table::row(request.method().as_str(), &path) {
        Ok(row) => row,
        Err(true) => return HttpError::Method(request.method().to_string()).into_response(),
        Err(false) => {
            tracing::error!(path, "an address has no row in the table of rights, and is refused");
            return HttpError::NoSuchAddress.into_response();
        }
    };
    if let Err(error) = same_origin(&app, request.method(), request.headers()) {
        return refused(&app, *row, request.uri(), request.headers(), error).await;
    }
    match admitted(&app, *row, request.extensions(), request.headers()).await {
        Ok(caller) => {
            request.extensions_mut().insert(caller);
            next.run(request).await
        }
        Err(error) => refused(&app, *row, request.uri(), request.headers(), error).await,
    }
}

/// Whether a page would open for somebody where they belong, so that it is worth a link.
pub fn may_open(asker: &Asker, path: &str) -> bool {
    let Ok((_, _, _, needs)) = table::row("GET", path) else { return false };
    match *needs {
        Needs::Right(right) | Needs::RightIn(right) => asker.must(right).is_ok(),
        Needs::Either(one, other) => asker.must(one).is_ok() || asker.must(other).is_ok(),
        Needs::Nothing
        | Needs::Known
        | Needs::Command
        | Needs::Teller
        | Needs::SubjectAccess
        | Needs::SecretInAddress => true,
        Needs::Demonstration => false,
    }
}

/// Who asks, if they may.
async fn admitted(
    app: &App,
    (_, _, _, needs): Row,
    extensions: &Extensions,
    headers: &HeaderMap,
) -> Result<Caller, HttpError> {
    match needs {
        // Who asks does not matter, and a token that is not known is no hindrance.
        Needs::Nothing | Needs::SecretInAddress => return Ok(Caller::Nobody),
        Needs::Demonstration if app.demo.is_none() => return Err(HttpError::NoSuchAddress),
        Needs::Demonstration
        | Needs::Known
        | Needs::Right(_)
        | Needs::RightIn(_)
        | Needs::Either(..)
        | Needs::Command
        | Needs::Teller
        | Needs::SubjectAccess => {}
    }
    let caller = match Caller::of(app, headers).await {
        Ok(caller) => caller,
        Err(error) => {
            // A token that is not known is an attempt to sign in like any other.
            app.admit_attempt(client_of(app, extensions, headers))?;
            return Err(error);
        }
    };
    if let Caller::Machine(client) = &caller
        && client.opens() == Opens::SubjectAccess
        && needs != Needs::SubjectAccess
    {
        return Err(HttpError::Unauthorised(
            "this token is for requests of subject access, and opens nothing else",
        ));
    }
    match needs {
        Needs::Nothing
        | Needs::SecretInAddress
        | Needs::Demonstration
        // These look at the caller themselves, before anything else.
        | Needs::SubjectAccess
        | Needs::Teller
        | Needs::Command => return Ok(caller),
        Needs::Known | Needs::Right(_) | Needs::RightIn(_) | Needs::Either(..) => {}
    }
    app.blocking(move |app| {
        let asker = Asker::of(app, &caller)?;
        asker.must_be_known()?;
        match needs {
            Needs::Right(right) => asker.must(right)?,
            Needs::Either(one, other) => {
                if asker.must(other).is_err() {
                    asker.must(one)?;
                }
            }
            Needs::RightIn(_)
            | Needs::Known
            | Needs::Nothing
            | Needs::SecretInAddress
            | Needs::Demonstration
            | Needs::SubjectAccess
            | Needs::Teller
            | Needs::Command => {}
        }
        Ok(caller)
    })
    .await
}

/// Refuses what a page of another site has a browser send. A request that carries a token was made by a program, which
/// no other site can have it do.
fn same_origin(app: &App, method: &Method, headers: &HeaderMap) -> Result<(), HttpError> {
    if method.is_safe() || bearer(headers).is_some() {
        return Ok(());
    }
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or("null"));
    let foreign = text("sec-fetch-site").is_some_and(|site| site != "same-origin" && site != "none")
        || text("origin").is_some_and(|origin| !is_ours(app, origin, text(header::HOST.as_str())));
    if foreign {
        return Err(HttpError::Forbidden(
            "this was sent by a page of another site; open the page here and send it once more".to_owned(),
        ));
    }
    Ok(())
}

fn is_ours(app: &App, origin: &str, host: Option<&str>) -> bool {
    let authority = origin.split_once("://").map(|(_, authority)| authority);
    let named = app.base_url.as_deref().is_some_and(|base| {
        let base = base.split('/').take(3).collect::<Vec<_>>().join("/");
        base.eq_ignore_ascii_case(origin)
    });
    let same = |authority: &str| host.is_some_and(|host| host.eq_ignore_ascii_case(authority));
    named || authority.is_some_and(same)
}

async fn refused(
    app: &App,
    (_, _, surface, _): Row,
    uri: &Uri,
    headers: &HeaderMap,
    error: HttpError,
) -> Response {
    match surface {
        Surface::Api => error.into_response(),
        Surface::Page => site::refused(app.clone(), uri, headers, error).await,
    }
}
