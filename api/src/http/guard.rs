//! What surrounds every request: the host that was asked for, one line in the log, headers, and panics caught.

use std::any::Any;
use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderName, HeaderValue, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use mandate_domain::fact::shortened;

use super::app::App;
use super::error::HttpError;
use crate::pages::assets::CONTENT_SECURITY_POLICY;

/// Headers of every answer that does not say otherwise itself.
const HEADERS: [(HeaderName, &str); 7] = [
    (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "same-origin"),
    (header::CACHE_CONTROL, "no-store"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

/// Refuses requests under the name of another host, notes what was answered, adds the headers.
pub async fn guard(State(app): State<App>, request: Request, next: Next) -> Response {
    let started = Instant::now();
    let method = request.method().clone();
    // The pattern of the address, never the address: it may hold a reference.
    let route = request.extensions().get::<MatchedPath>().map_or("none", MatchedPath::as_str).to_owned();
    let mut response = match wrong_host(&app, &request).or_else(|| wrong_path(&request)) {
        Some(error) => error.into_response(),
        None => next.run(request).await,
    };
    for (name, value) in HEADERS {
        response.headers_mut().entry(name).or_insert(HeaderValue::from_static(value));
    }
    let status = response.status();
    app.metrics.count_answer(status);
    let duration_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    tracing::info!(%method, route, status = status.as_u16(), duration_ms, "answered");
    response
}

fn wrong_host(app: &App, request: &Request) -> Option<HttpError> {
    let stated = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
    let host = request.uri().host().or(stated).unwrap_or_default();
    (!app.hosts.answers_for(host)).then(|| HttpError::Misdirected(shortened(host)))
}

/// A path that holds what is no text leads nowhere, and is told as every other mistake.
fn wrong_path(request: &Request) -> Option<HttpError> {
    let decoded = percent_encoding::percent_decode_str(request.uri().path()).decode_utf8();
    decoded.is_err().then(|| HttpError::parameter("path", "not UTF-8"))
}

/// The answer to a request whose handler panicked; what it said goes to the log, without a body or an address.
#[must_use]
#[expect(clippy::needless_pass_by_value, reason = "the layer hands the panic over")]
pub fn panicked(panic: Box<dyn Any + Send + 'static>) -> Response {
    let said = panic.downcast_ref::<String>().map(String::as_str);
    let said = said.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("nothing");
    HttpError::Failed(format!("a handler panicked: {said}")).into_response()
}

/// The answer to an address that does not know the method.
pub async fn wrong_method(method: axum::http::Method) -> HttpError {
    HttpError::Method(method.to_string())
}
