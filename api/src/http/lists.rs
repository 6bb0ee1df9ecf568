//! `GET /v1/breaches` and `/v1/notices`.

use axum::Json;
use axum::extract::{RawQuery, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse as _, Response};
use mandate_projections::{BreachRow, NoticeFilter, NoticeRow};

use super::app::App;
use super::caller::Caller;
use super::duties::{Format, csv_response};
use super::error::HttpError;
use super::listed::{Page, page_and_size};
use super::query::Query;
use super::registers::asker::Asker;
use super::registers::reach::Reach;
use super::sight::Hidden;
use crate::duty_csv::text_row;

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

/// How a notice may stand, by the words of the address.
pub const NOTICE_STATUSES: [(&str, &str); 5] = [
    ("queued", "queued"),
    ("accepted", "accepted"),
    ("deferred", "deferred"),
    ("rejected", "rejected"),
    ("ambiguous", "ambiguous"),
];

/// The parameters of the list of notices.
pub const NOTICES_KNOWN: [&str; 6] = ["status", "template", "dead", "page", "size", "format"];

/// Most notices in a file.
const MOST_IN_FILE: u32 = 10_000;

const NOTICE_COLUMNS: [&str; 8] =
    ["notice", "template", "recipient", "status", "queuedAt", "position", "duties", "reply"];

/// The notices that the parameters ask for, but for those about what is hidden.
///
/// # Errors
/// [`HttpError::Parameter`] naming the one that is wrong.
pub fn notice_filter(query: &Query, hidden: &Hidden) -> Result<NoticeFilter, HttpError> {
    Ok(NoticeFilter {
        except: hidden.subjects(),
        status: query.word("status", &NOTICE_STATUSES)?.map(str::to_owned),
        template: query.one("template")?.map(str::to_owned),
        dead: query.flag("dead")?,
    })
}

/// Notices, the latest first.
///
/// # Errors
/// [`HttpError::Parameter`] naming a parameter that is unknown or wrong.
pub async fn notices(
    State(app): State<App>,
    RawQuery(raw): RawQuery,
    caller: Caller,
    headers: HeaderMap,
) -> Result<Response, HttpError> {
    let query = Query::read(raw.as_deref(), &NOTICES_KNOWN)?;
    let (page, size) = page_and_size(&query)?;
    let format = Format::asked(&query, &headers)?;
    app.blocking(move |app| {
        let filter = notice_filter(&query, &Hidden::to(app, &caller)?)?;
        Ok(match format {
            Format::Json => Json(Page::from(app.projections.notices(&filter, page, size)?)).into_response(),
            Format::Csv => {
                let found = app.projections.notices(&filter, 0, MOST_IN_FILE)?;
                csv_response("notices.csv", notices_csv(&found.content))
            }
        })
    })
    .await
}

fn notices_csv(rows: &[NoticeRow]) -> Vec<u8> {
    let mut bytes = text_row(&NOTICE_COLUMNS.map(str::to_owned));
    for row in rows {
        bytes.extend(text_row(&[
            row.notice.clone(),
            row.template.clone(),
            row.recipient.clone(),
            row.status.clone(),
            row.queued_at.to_string(),
            row.position.to_string(),
            row.duties.len().to_string(),
            row.reply.clone().unwrap_or_default(),
        ]));
    }
    bytes
}
