//! `GET /v1/nominals`, one of them, its duties and its history.

use axum::Json;
use axum::extract::{Path, RawQuery, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use mandate_domain::catalogue::SubjectKind;
use mandate_domain::judge::{DutyRecord, View};
use mandate_domain::time::Instant;
use mandate_projections::{SubjectRow, TimelineEntry};
use mandate_store::Position;
use serde::Serialize;
use std::collections::BTreeMap;

use super::app::App;
use super::caller::Caller;
use super::commands::check_sight;
use super::duties::{Format, csv_response, past_view};
use super::error::HttpError;
use super::listed::{Page, page_and_size};
use super::query::Query;
use super::sight::Hidden;
use crate::duty_csv;

/// Lists nominals by reference.
///
/// # Errors
/// [`HttpError::Parameter`] naming a parameter that is unknown or wrong.
pub async fn list(
    State(app): State<App>,
    RawQuery(raw): RawQuery,
    caller: Caller,
) -> Result<Json<Page<SubjectRow>>, HttpError> {
    let query = Query::read(raw.as_deref(), &["page", "size"])?;
    let (page, size) = page_and_size(&query)?;
    app.blocking(move |app| {
        let hidden = Hidden::to(app, &caller)?.subjects();
        Ok(Json(app.projections.subjects(SubjectKind::Nominal, &hidden, page, size)?.into()))
    })
    .await
}

/// One nominal with its state.
///
/// # Errors
/// [`HttpError::NotFound`] when there is none.
pub async fn one(
    State(app): State<App>,
    Path(reference): Path<String>,
    RawQuery(raw): RawQuery,
    caller: Caller,
) -> Result<Response, HttpError> {
    let query = Query::read(raw.as_deref(), &["asAt", "knownAt"])?;
    let view = past_view(&query, app.now())?;
    app.judging(move |app| {
        let mut row = found(app, &reference)?;
        check_sight(app, &caller, &row.subject, &reference)?;
        if let Some(view) = view {
            row.state = app.projections.state_at(&row.subject, view)?.into_iter().collect();
        }
        Ok(Json(row).into_response())
    })
    .await
}

/// The duties of a nominal.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Duties {
    subject: String,
    as_at: Instant,
    known_at: Instant,
    duties: Vec<DutyRecord>,
}

/// The duties of a nominal, as at and as known at.
///
/// # Errors
/// [`HttpError::NotFound`] when there is no such nominal.
pub async fn duties(
    State(app): State<App>,
    Path(reference): Path<String>,
    RawQuery(raw): RawQuery,
    caller: Caller,
) -> Result<Json<Duties>, HttpError> {
    let query = Query::read(raw.as_deref(), &["asAt", "knownAt"])?;
    let view = query.view(app.now())?;
    app.judging(move |app| {
        let subject = found(app, &reference)?.subject;
        check_sight(app, &caller, &subject, &reference)?;
        let duties = app.projections.duties_at(&subject, view)?;
        Ok(Json(Duties { subject, as_at: view.as_at, known_at: view.known_at, duties }))
    })
    .await
}

/// One field of the state that a fact changed.
#[derive(Debug, Serialize)]
pub struct Change {
    field: String,
    before: String,
    after: String,
}

/// One fact of a history.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    position: Position,
    reference: String,
    #[serde(rename = "type")]
    kind: String,
    occurred_at: Instant,
    known_at: Instant,
    imported: bool,
    annulled: bool,
    changes: Vec<Change>,
    data: BTreeMap<String, String>,
}

impl From<TimelineEntry> for Entry {
    fn from(entry: TimelineEntry) -> Self {
        let changes = entry.changes.into_iter().map(|(field, before, after)| Change { field, before, after });
        Self {
            position: entry.position,
            reference: entry.reference,
            kind: entry.kind,
            occurred_at: entry.occurred_at,
            known_at: entry.known_at,
            imported: entry.imported,
            annulled: entry.annulled,
            changes: changes.collect(),
            data: entry.data.into_iter().collect(),
        }
    }
}

/// The columns of a history as CSV.
const CSV: [&str; 9] =
    ["position", "type", "fact", "occurredAt", "knownAt", "imported", "annulled", "changes", "data"];

/// The history of a nominal.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct History {
    subject: String,
    as_at: Instant,
    known_at: Instant,
    entries: Vec<Entry>,
}

/// The facts of a nominal as known at a moment, and what each changed.
///
/// # Errors
/// [`HttpError::NotFound`] when there is no such nominal.
pub async fn history(
    State(app): State<App>,
    Path(reference): Path<String>,
    RawQuery(raw): RawQuery,
    caller: Caller,
    headers: HeaderMap,
) -> Result<Response, HttpError> {
    let query = Query::read(raw.as_deref(), &["asAt", "knownAt", "format"])?;
    let view: View = query.view(app.now())?;
    let format = Format::asked(&query, &headers)?;
    app.judging(move |app| {
        let subject = found(app, &reference)?.subject;
        check_sight(app, &caller, &subject, &reference)?;
        let entries: Vec<Entry> =
            app.projections.timeline(&subject, view)?.into_iter().map(Entry::from).collect();
        Ok(match format {
            Format::Json => {
                Json(History { subject, as_at: view.as_at, known_at: view.known_at, entries }).into_response()
            }
            Format::Csv => {
                let rows = entries.iter().flat_map(Entry::cells);
                csv_response(
                    "history.csv",
                    duty_csv::text_row(&CSV.map(str::to_owned)).into_iter().chain(rows).collect(),
                )
            }
        })
    })
    .await
}

impl Entry {
    /// One row of CSV.
    fn cells(&self) -> Vec<u8> {
        let changes: Vec<String> = self
            .changes
            .iter()
            .map(|change| format!("{}: {} -> {}", change.field, change.before, change.after))
            .collect();
        let data: Vec<String> = self.data.iter().map(|(name, text)| format!("{name}: {text}")).collect();
        duty_csv::text_row(&[
            self.position.to_string(),
            self.kind.clone(),
            self.reference.clone(),
            self.occurred_at.to_string(),
            self.known_at.to_string(),
            self.imported.to_string(),
            self.annulled.to_string(),
            changes.join("; "),
            data.join("; "),
        ])
    }
}

/// The nominal of a reference, which stands after `nominal/`.
///
/// # Errors
/// [`HttpError::NotFound`] when there is none.
pub fn found(app: &App, reference: &str) -> Result<SubjectRow, HttpError> {
    let subject = format!("nominal/{}", reference.strip_prefix("nominal/").unwrap_or(reference));
    app.projections.subject(&subject)?.ok_or_else(|| HttpError::not_found("nominal", reference))
}
