//! `GET /v1/breaches` and `/v1/notices`.

use axum::Json;
use axum::extract::{RawQuery, State};
use mandate_projections::{BreachRow, NoticeRow};

use super::app::App;
use super::caller::Caller;
use super::error::HttpError;
use super::listed::{Page, page_and_size};
use super::query::Query;
use super::registers::asker::Asker;
use super::registers::reach::Reach;
use super::sight::Hidden;

/// How a breach may stand, by the words of the address.
pub const STATUSES: [(&str, &str); 3] =
    [("raised", "raised"), ("closed", "closed"), ("rescinded", "rescinded")];

/// Breaches as raised in the log, the latest first.
///
/// # Errors
/// [`HttpError::Parameter`] naming a parameter that is unknown or wrong.
pub async fn breaches(
    State(app): State<App>,
    RawQuery(raw): RawQuery,
    caller: Caller,
) -> Result<Json<Page<BreachRow>>, HttpError> {
    let query = Query::read(raw.as_deref(), &["status", "page", "size"])?;
    let status = query.word("status", &STATUSES)?;
    let (page, size) = page_and_size(&query)?;
    app.blocking(move |app| {
        let hidden = Hidden::to(app, &caller)?.subjects();
        let mut holders = Vec::new();
        Reach::of(app, &Asker::of(app, &caller)?)?.narrow(&mut holders)?;
        Ok(Json(app.projections.breaches(status, &holders, &hidden, page, size)?.into()))
    })
    .await
}

/// Notices, the latest first.
///
/// # Errors
/// [`HttpError::Parameter`] naming a parameter that is unknown or wrong.
pub async fn notices(
    State(app): State<App>,
    RawQuery(raw): RawQuery,
    caller: Caller,
) -> Result<Json<Page<NoticeRow>>, HttpError> {
    let query = Query::read(raw.as_deref(), &["page", "size"])?;
    let (page, size) = page_and_size(&query)?;
    app.blocking(move |app| {
        let hidden = Hidden::to(app, &caller)?.subjects();
        Ok(Json(app.projections.notices(&hidden, page, size)?.into()))
    })
    .await
}
