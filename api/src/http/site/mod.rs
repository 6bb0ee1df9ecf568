//! The pages: each handler fills one view struct from the read models.

mod about;
mod act;
mod duties;
mod duty;
mod forms;
mod inbox;
mod lists;
mod moment;
mod nominal;
mod nominal_parts;
mod rule;
pub mod sessions;
mod visitor;
mod words;
mod work;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};

use super::app::App;
use super::error::{HttpError, sentence};
use super::query::encoded;
use crate::pages::problem::{Problem, ProblemKind};
use crate::pages::{Link, Page, assets};
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
pub fn router() -> Router<App> {
    Router::new()
        .route("/", get(forms::first_page))
        .route("/work", get(work::page))
        .route("/duties", get(duties::page))
        .route("/duties/{reference}", get(duty::page))
        .route("/nominals/{reference}", get(nominal::page))
        .route("/rules", get(rule::first))
        .route("/rules/{id}", get(rule::page))
        .route("/people", get(lists::people::page))
        .route("/organisations", get(lists::organisations::page))
        .route("/terminals", get(lists::terminals::page))
        .route("/audits", get(lists::audits::page))
        .route("/attestations", get(lists::attestations::page))
        .route("/retention", get(lists::retention::page))
        .route("/reconciliation", get(lists::reconciliation::page))
        .route("/reconciliation/backlog", get(lists::reconciliation::backlog))
        .route("/compliance", get(lists::compliance::page))
        .route("/statistics", get(lists::statistics::page))
        .route("/coverage", get(lists::coverage::page))
        .route("/quarantine", get(lists::quarantine::list))
        .route("/quarantine/{id}", get(lists::quarantine::one))
        .route("/quarantine/{id}/replay", post(lists::quarantine::replay))
        .route("/quarantine/{id}/discard", post(lists::quarantine::discard))
        .route("/operations", get(lists::operations::page))
        .route("/inbox", get(inbox::list))
        .route("/inbox/{id}", get(inbox::mail))
        .route("/inbox/{id}/html", get(inbox::html))
        .route("/sign-in", get(forms::sign_in_page).post(forms::sign_in))
        .route("/sign-out", post(forms::sign_out))
        .route("/search", post(forms::search))
        .route("/demo/advance", post(forms::advance))
        .route("/help", get(about::help))
        .route("/accessibility", get(about::accessibility))
        .route("/assets/{file}", get(asset))
        .route("/act", get(act::choose))
        .route("/act/{command}", get(act::form).post(act::send))
        .route("/nominals/{reference}/access", get(act::access))
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
    let visitor = match Visitor::of(&app, headers) {
        Ok(visitor) => visitor,
        Err(error) => return error.into_response(),
    };
    if access == Access::SignedIn && visitor.must_sign_in(&app) {
        let next = uri.path_and_query().map_or("/", |path| path.as_str());
        let to = format!("/sign-in?next={}", encoded(next));
        return with_cookie(Redirect::to(&to).into_response(), &visitor);
    }
    let looking = visitor.clone();
    let work = move |app: &App| fill(app, &looking);
    let filled = match cost {
        Cost::Reading => app.blocking(work).await,
        Cost::Judging => app.judging(work).await,
    };
    let response = match filled {
        Ok(response) => response,
        Err(error) => problem(&app, &visitor, uri.path(), error).await,
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
async fn problem(app: &App, visitor: &Visitor, path: &str, error: HttpError) -> Response {
    let (status, _) = error.status();
    let kind = match status {
        StatusCode::FORBIDDEN | StatusCode::UNAUTHORIZED => ProblemKind::Forbidden,
        StatusCode::NOT_FOUND => ProblemKind::NotFound,
        StatusCode::CONFLICT => ProblemKind::Conflict,
        StatusCode::SERVICE_UNAVAILABLE => ProblemKind::Unavailable,
        other if other.is_server_error() => ProblemKind::Failure,
        _ => ProblemKind::BadRequest,
    };
    // Who may not see a record may open it with a reason.
    let closed =
        matches!(error, HttpError::NotAllowed { .. }).then(|| path.strip_prefix("/nominals/")).flatten();
    let access = |nominal: &str| {
        Link::new("Open this record for 15 minutes, with a reason", format!("/nominals/{nominal}/access"))
    };
    let next = closed.filter(|nominal| !nominal.contains('/')).map(access).into_iter().collect();
    let (reason, reference) = if kind == ProblemKind::Failure {
        let reference = crate::random::hexadecimal::<6>().unwrap_or_default();
        tracing::error!(%error, reference, "a page failed");
        (None, Some(reference))
    } else {
        (Some(sentence(&error.to_string())), None)
    };
    let looking = visitor.clone();
    let frame = app.blocking(move |app| looking.frame(app, None)).await.unwrap_or_default();
    let page = Problem { frame, kind, reason, next, reference };
    match answer(&page) {
        Ok(mut response) => {
            *response.status_mut() = status;
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
