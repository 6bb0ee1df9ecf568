//! Help and the accessibility statement.

use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use axum::response::Response;

use super::{Access, answer, show};
use crate::http::app::App;
use crate::http::query::Query;
use crate::pages::about::{Accessibility, Help};

/// Help.
pub async fn help(State(app): State<App>, uri: Uri, headers: HeaderMap) -> Response {
    let raw = uri.query().map(str::to_owned);
    show(app, Access::Anyone, &uri, &headers, move |app, visitor| {
        Query::read(raw.as_deref(), &[])?;
        answer(&Help { frame: visitor.frame(app, None)?, contact: None })
    })
    .await
}

/// The accessibility statement.
pub async fn accessibility(State(app): State<App>, uri: Uri, headers: HeaderMap) -> Response {
    let raw = uri.query().map(str::to_owned);
    show(app, Access::Anyone, &uri, &headers, move |app, visitor| {
        Query::read(raw.as_deref(), &[])?;
        answer(&Accessibility { frame: visitor.frame(app, None)?, contact: None })
    })
    .await
}
