//! The pages: each handler fills one view struct from the read models.

mod about;
mod act;
mod area;
mod board;
mod duties;
mod duty;
mod forms;
mod inbox;
mod lists;
mod log;
mod moment;
mod nominal;
mod nominal_parts;
mod person;
mod rule;
mod saved;
pub mod sessions;
mod settings;
mod sign_in;
mod visitor;
mod words;
mod work;

use axum::Router;
use axum::extract::{Path, State};
use axum::handler::Handler;
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{MethodRouter, get, post};

use super::app::App;
use super::error::{HttpError, sentence};
use super::query::encoded;
use crate::pages::problem::{Problem, ProblemKind};
use crate::pages::{Page, assets};
use visitor::Visitor;

/// Who may look at a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Access {
    /// Anyone.
    Anyone,
    /// Someone who is signed in, where there is a sign-in.
    SignedIn,
}

/// The addresses of the pages.
pub fn pages() -> Pages {
    Pages::default()
        .get("/", forms::first_page)
        .get("/work", work::page)
        .get("/duties", duties::page)
        .get("/duties/{reference}", duty::page)
        .get("/nominals/{reference}", nominal::page)
        .post("/nominals/{reference}/access", nominal::open)
        .get("/rules", rule::first)
        .get("/rules/backtest", lists::rulebook::backtested)
        .get("/rules/overlap", lists::rulebook::overlapping)
        .get("/rules/readings", lists::rulebook::read)
        .get("/rules/{id}", rule::page)
        .get("/people", lists::people::page)
        .get("/organisations", lists::organisations::page)
        .get("/terminals", lists::terminals::page)
        .get("/audits", lists::audits::page)
        .get("/attestations", lists::attestations::page)
        .get("/retention", lists::retention::page)
        .get("/reconciliation", lists::reconciliation::page)
        .get("/reconciliation/backlog", lists::reconciliation::backlog)
        .get("/compliance", lists::compliance::page)
        .get("/statistics", lists::statistics::page)
        .get("/coverage", lists::coverage::page)
        .get("/quarantine", lists::quarantine::list)
        .get("/quarantine/{id}", lists::quarantine::one)
        .post("/quarantine/{id}/replay", lists::quarantine::replay)
        .post("/quarantine/{id}/discard", lists::quarantine::discard)
        .get("/operations", lists::operations::page)
        .get("/settings", settings::page)
        .post("/settings", settings::save)
        .get("/inbox", inbox::list)
        .get("/inbox/{id}", inbox::mail)
        .get("/inbox/{id}/html", inbox::html)
        .get("/sign-in", sign_in::page)
        .post("/sign-in", sign_in::choose)
        .get("/sign-in/issuer", sign_in::leave)
        .get("/sign-in/callback", sign_in::back)
        .post("/sign-out", sign_in::out)
        .post("/search", forms::search)
        .post("/demo/advance", forms::advance)
        .get("/help", about::help)
        .get("/accessibility", about::accessibility)
        .get("/assets/{file}", asset)
        .get("/notices", lists::notices::page)
        .get("/board", board::page)
        .get("/areas/{id}", area::page)
        .get("/events", log::events::page)
        .get("/events/{position}", log::event::page)
        .get("/assurance", log::assurance::page)
        .get("/assurance/auditor.vkey", log::files::key)
        .get("/assurance/checkpoint.txt", log::files::checkpoint)
        .get("/assurance/request.txt", log::files::request)
        .get("/assurance/annulments", log::corrections::annulments)
        .get("/assurance/waivers", log::corrections::waivers)
        .get("/assurance/back-dated", log::corrections::back_dated)
        .get("/assurance/imported", log::corrections::imported)
        .get("/assurance/late", log::corrections::late)
        .get("/act", act::choose)
        .get("/act/{command}", act::form)
        .post("/act/{command}", act::send)
}

/// The pages' addresses with their handlers.
#[derive(Default)]
pub struct Pages {
    router: Router<App>,
    addresses: Vec<(String, String)>,
}

impl Pages {
    fn get<H: Handler<T, App>, T: 'static>(self, path: &str, handler: H) -> Self {
        self.with("GET", path, get(handler))
    }

    fn post<H: Handler<T, App>, T: 'static>(self, path: &str, handler: H) -> Self {
        self.with("POST", path, post(handler))
    }

    fn with(mut self, method: &str, path: &str, handler: MethodRouter<App>) -> Self {
        self.router = self.router.route(path, handler);
        self.addresses.push((method.to_owned(), path.to_owned()));
        self
    }

    /// Every method and address.
    #[cfg(test)]
    pub fn addresses(&self) -> Vec<(String, String)> {
        self.addresses.clone()
    }

    /// The router.
    pub fn into_router(self) -> Router<App> {
        self.router
    }
}

/// Shows a page: finds out who looks, fills it on a thread that may block, and shows a problem in words.
async fn show(
    app: App,
    access: Access,
    uri: &Uri,
    headers: &HeaderMap,
    fill: impl FnOnce(&App, &Visitor) -> Result<Response, HttpError> + Send + 'static,
) -> Response {
    // A list at a past moment is judged; the present is read from rows.
    let past = uri.query().is_some_and(|query| query.contains("asAt") || query.contains("knownAt"));
    let cost = if past { Cost::Judging } else { Cost::Reading };
    shown(app, access, cost, uri, headers, fill).await
}

/// Shows a page about one subject, which is judged for it.
async fn show_judged(
    app: App,
    uri: &Uri,
    headers: &HeaderMap,
    fill: impl FnOnce(&App, &Visitor) -> Result<Response, HttpError> + Send + 'static,
) -> Response {
    shown(app, Access::SignedIn, Cost::Judging, uri, headers, fill).await
}

/// What filling a page takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cost {
    Reading,
    Judging,
}

async fn shown(
    app: App,
    access: Access,
    cost: Cost,
    uri: &Uri,
    headers: &HeaderMap,
    fill: impl FnOnce(&App, &Visitor) -> Result<Response, HttpError> + Send + 'static,
) -> Response {
    let visitor = match visitor(&app, headers).await {
        Ok(visitor) => visitor,
        Err(error) => return error.into_response(),
    };
    if access == Access::SignedIn && visitor.must_sign_in(&app) {
        return with_cookie(to_sign_in(uri), &visitor);
    }
    let looking = visitor.clone();
    let work = move |app: &App| fill(app, &looking);
    let filled = match cost {
        Cost::Reading => app.blocking(work).await,
        Cost::Judging => app.judging(work).await,
    };
    let response = match filled {
        Ok(response) => response,
        Err(error) => problem(&app, &visitor, error).await,
    };
    with_cookie(response, &visitor)
}

/// Who looks, found out on a thread that may block.
async fn visitor(app: &App, headers: &HeaderMap) -> Result<Visitor, HttpError> {
    let headers = headers.clone();
    app.blocking(move |app| Visitor::of(app, &headers)).await
}

fn to_sign_in(uri: &Uri) -> Response {
    let next = uri.path_and_query().map_or("/", |path| path.as_str());
    Redirect::to(&format!("/sign-in?next={}", encoded(next))).into_response()
}

/// The answer to somebody who may not open a page: nobody who is known signs in first.
pub async fn refused(app: App, uri: &Uri, headers: &HeaderMap, error: HttpError) -> Response {
    let visitor = match visitor(&app, headers).await {
        Ok(visitor) => visitor,
        Err(error) => return error.into_response(),
    };
    let response = match error {
        HttpError::Unauthorised(_) => to_sign_in(uri),
        error => problem(&app, &visitor, error).await,
    };
    with_cookie(response, &visitor)
}

fn with_cookie(mut response: Response, visitor: &Visitor) -> Response {
    if let Some(cookie) = visitor.open.cookie() {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}

/// A page as an answer.
fn answer(page: &impl Page) -> Result<Response, HttpError> {
    let html = page.html().map_err(|error| HttpError::Failed(error.to_string()))?;
    Ok(([(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"))], html).into_response())
}

/// What went wrong, as a page.
async fn problem(app: &App, visitor: &Visitor, error: HttpError) -> Response {
    let (status, _) = error.status();
    let wait = error.retry_after();
    let kind = match status {
        StatusCode::FORBIDDEN | StatusCode::UNAUTHORIZED => ProblemKind::Forbidden,
        StatusCode::NOT_FOUND => ProblemKind::NotFound,
        StatusCode::CONFLICT => ProblemKind::Conflict,
        StatusCode::SERVICE_UNAVAILABLE => ProblemKind::Unavailable,
        other if other.is_server_error() => ProblemKind::Failure,
        _ => ProblemKind::BadRequest,
    };
    let (reason, reference) = if kind == ProblemKind::Failure {
        let reference = crate::random::hexadecimal::<6>().unwrap_or_default();
        tracing::error!(%error, reference, "a page failed");
        (None, Some(reference))
    } else {
        (Some(sentence(&error.to_string())), None)
    };
    let looking = visitor.clone();
    let frame = app.blocking(move |app| looking.frame(app, None)).await.unwrap_or_default();
    let page = Problem { frame, kind, reason, next: Vec::new(), reference };
    match answer(&page) {
        Ok(mut response) => {
            *response.status_mut() = status;
            response
                .headers_mut()
                .extend(wait.map(|seconds| (header::RETRY_AFTER, HeaderValue::from(seconds))));
            response
        }
        Err(error) => error.into_response(),
    }
}

/// The answer to an address that is not there: for programs as JSON, for people as a page.
pub async fn not_found(State(app): State<App>, uri: Uri, headers: HeaderMap) -> Response {
    if uri.path().starts_with("/v1/") || uri.path().starts_with("/health") {
        return HttpError::NoSuchAddress.into_response();
    }
    show(app, Access::Anyone, &uri, &headers, |_, _| Err(HttpError::NoSuchAddress)).await
}

/// A built asset, which never changes under its name.
async fn asset(Path(file): Path<String>) -> Response {
    let Some(found) = assets::find(&file) else { return HttpError::NoSuchAddress.into_response() };
    let headers =
        [(header::CONTENT_TYPE, found.content_type), (header::CACHE_CONTROL, assets::CACHE_CONTROL)];
    (headers, found.bytes.into_owned()).into_response()
}
