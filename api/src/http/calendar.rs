//! `GET /calendar/{token}.ics`: when what a person answers for is due, without names.

use axum::extract::{Path, State};
use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use icalendar::{Calendar, Component as _, Event, EventLike as _};
use mandate_domain::judge::Outcome;
use mandate_projections::DutyRow;
use mandate_scheduler::open_duties_of;

use super::app::{App, Tellers};
use super::error::HttpError;

/// The feed of the user whose calendar token stands in the address; an unknown one is no address at all.
///
/// # Errors
/// [`HttpError::NoSuchAddress`] for an unknown token.
pub async fn feed(State(app): State<App>, Path(file): Path<String>) -> Result<Response, HttpError> {
    let token = file.strip_suffix(".ics").ok_or(HttpError::NoSuchAddress)?;
    let user = match &app.tellers {
        Tellers::Tokens(tokens) => tokens.calendar_of(token).map(str::to_owned),
        Tellers::Anyone | Tellers::Nobody => None,
    };
    let user = user.ok_or(HttpError::NoSuchAddress)?;
    let duties = app.blocking(move |app| Ok(open_duties_of(&app.projections, &user, app.now())?)).await?;
    let text = calendar(&duties, app.base_url.as_deref()).to_string();
    let headers = [
        (header::CONTENT_TYPE, "text/calendar; charset=utf-8"),
        (header::CACHE_CONTROL, "private, max-age=900"),
    ];
    Ok((headers, text).into_response())
}

/// One whole-day event for each duty that has a date: its paragraph and its reference, nobody's.
fn calendar(duties: &[DutyRow], base_url: Option<&str>) -> Calendar {
    let mut calendar = Calendar::new();
    calendar.name("ViSOR duties");
    for row in duties {
        let Some(due_on) = row.record.due_on else { continue };
        let words = match row.record.outcome() {
            Outcome::Overdue => "overdue since then",
            _ => "due",
        };
        let mut event = Event::new();
        event
            .uid(&format!("{}@mandate", row.reference))
            .timestamp(row.record.opened_at.to_chrono())
            .all_day(due_on.to_chrono())
            .summary(&format!("Paragraph {}: {} {words}", row.record.paragraph, row.reference))
            .description(&row.title);
        if let Some(base_url) = base_url {
            event.url(&format!("{base_url}/duties/{}", row.reference));
        }
        calendar.push(event.done());
    }
    calendar.done()
}
