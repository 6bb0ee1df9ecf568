//! `GET /v1/duties` and what belongs to one duty.

use axum::Json;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use mandate_domain::catalogue::SubjectKind;
use mandate_domain::fact::repeated;
use mandate_domain::judge::{Derivation, DutyRecord, Outcome, View};
use mandate_domain::rights::Right;
use mandate_domain::time::Instant;
use mandate_projections::{DutyFilter, DutyRow, DutySort, Listed};
use serde::Serialize;

use super::app::App;
use super::caller::Caller;
use super::commands::check_right;
use super::error::HttpError;
use super::listed::{Page, page_and_size};
use super::query::Query;
use super::registers::asker::{Asker, refused};
use super::registers::reach::Reach;
use super::sight::Hidden;
use crate::duty_csv;

/// The parameters of the list.
pub const KNOWN: [&str; 17] = [
    "area", "unit", "prison", "holder", "rule", "outcome", "subject", "breach", "dueFrom", "dueTo", "sort",
    "dir", "page", "size", "format", "asAt", "knownAt",
];

/// The words for an order.
pub const SORTS: [(&str, DutySort); 7] = [
    ("actBy", DutySort::ActBy),
    ("due", DutySort::Due),
    ("opened", DutySort::Opened),
    ("rule", DutySort::Rule),
    ("subject", DutySort::Subject),
    ("holder", DutySort::Holder),
    ("outcome", DutySort::Outcome),
];

/// Every outcome.
pub const OUTCOMES: [Outcome; 9] = [
    Outcome::Pending,
    Outcome::Overdue,
    Outcome::Met,
    Outcome::MetLate,
    Outcome::Withdrawn,
    Outcome::Lapsed,
    Outcome::Superseded,
    Outcome::Exempt,
    Outcome::Annulled,
];

/// Most rows of a file at a past moment, which is gathered at once.
const MOST_AT_ONCE: u32 = 200_000;

/// How a list is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// JSON.
    Json,
    /// CSV.
    Csv,
}

impl Format {
    /// What `format` asks for, else what is accepted.
    ///
    /// # Errors
    /// [`HttpError::Parameter`] for another word.
    pub fn asked(query: &Query, headers: &HeaderMap) -> Result<Self, HttpError> {
        let asked = query.word("format", &[("json", Self::Json), ("csv", Self::Csv)])?;
        Ok(asked.unwrap_or_else(|| accepted(headers)))
    }
}

/// Lists duties.
///
/// # Errors
/// [`HttpError::Parameter`] naming a parameter that is unknown or wrong.
pub async fn list(
    State(app): State<App>,
    RawQuery(raw): RawQuery,
    caller: Caller,
    headers: HeaderMap,
) -> Result<Response, HttpError> {
    let query = Query::read(raw.as_deref(), &KNOWN)?;
    let filter = filter(&query)?;
    let view = past_view(&query, app.now())?;
    let seen = move |app: &App, filter: DutyFilter| -> Result<DutyFilter, HttpError> {
        known_rules(app, &filter)?;
        let mut filter = DutyFilter { except: Hidden::to(app, &caller)?.subjects(), ..filter };
        Reach::of(app, &Asker::of(app, &caller)?)?.narrow(&mut filter.holders)?;
        Ok(filter)
    };
    match Format::asked(&query, &headers)? {
        Format::Json => {
            let work = move |app: &App| listed(app, view, &seen(app, filter)?);
            let listed = if view.is_some() { app.judging(work).await } else { app.blocking(work).await };
            Ok(Json(Page::from(listed?)).into_response())
        }
        Format::Csv => {
            let work = move |app: &App| csv(app, view, seen(app, filter)?);
            if view.is_some() { app.judging(work).await } else { app.blocking(work).await }
        }
    }
}

/// Refuses a rule that the policy does not have: nothing would be listed, as if all were well.
fn known_rules(app: &App, filter: &DutyFilter) -> Result<(), HttpError> {
    if filter.rules.is_empty() {
        return Ok(());
    }
    let book = app.book(app.now())?;
    match filter.rules.iter().find(|rule| book.policy.rule(rule).is_none()) {
        None => Ok(()),
        Some(unknown) => {
            let known: Vec<&str> = book.policy.rules.iter().map(|rule| rule.id.as_str()).collect();
            let reason = format!("`{}`: expected one of {}", repeated(unknown), known.join(", "));
            Err(HttpError::parameter("rule", reason))
        }
    }
}

fn accepted(headers: &HeaderMap) -> Format {
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let first = accept.split([',', ';']).next().map(str::trim);
    if first == Some("text/csv") { Format::Csv } else { Format::Json }
}

/// The filter that the parameters ask for.
///
/// # Errors
/// [`HttpError::Parameter`] naming the one that is wrong.
pub fn filter(query: &Query) -> Result<DutyFilter, HttpError> {
    let prefixed = |name: &str, prefix: &str| -> Vec<String> {
        let whole = |id: String| if id.contains('/') { id } else { format!("{prefix}/{id}") };
        query.all(name).into_iter().map(whole).collect()
    };
    let mut holders = prefixed("area", "area");
    holders.extend(prefixed("prison", "prison"));
    holders.extend(query.all("holder"));
    let outcome = |word: String| {
        let known: Vec<_> = OUTCOMES.iter().map(|outcome| outcome.name()).collect();
        let wrong = || {
            HttpError::parameter(
                "outcome",
                format!("`{}`: expected one of {}", repeated(&word), known.join(", ")),
            )
        };
        Outcome::from_name(&word).ok_or_else(wrong)
    };
    let (page, size) = page_and_size(query)?;
    Ok(DutyFilter {
        holders,
        units: prefixed("unit", "unit"),
        rules: query.all("rule"),
        outcomes: query.all("outcome").into_iter().map(outcome).collect::<Result<_, _>>()?,
        subject: query.one("subject")?.map(str::to_owned),
        breach: query.word("breach", &[("true", true), ("false", false)])?,
        due_from: query.date("dueFrom")?,
        due_to: query.date("dueTo")?,
        except: Vec::new(),
        sort: query.word("sort", &SORTS)?.unwrap_or_default(),
        descending: query.word("dir", &[("asc", false), ("desc", true)])?.unwrap_or(false),
        page,
        size,
    })
}

/// The moment asked for, unless it is the present.
///
/// # Errors
/// [`HttpError::Parameter`] for a wrong moment.
pub fn past_view(query: &Query, now: Instant) -> Result<Option<View>, HttpError> {
    let asked = query.one("asAt")?.is_some() || query.one("knownAt")?.is_some();
    Ok(if asked { Some(query.view(now)?) } else { None })
}

/// Duties by a filter, at present or at a moment.
///
/// # Errors
/// [`HttpError`] when the read models cannot be read.
pub fn listed(app: &App, view: Option<View>, filter: &DutyFilter) -> Result<Listed<DutyRow>, HttpError> {
    match view {
        None => Ok(app.projections.duties(filter)?),
        Some(view) => Ok(app.projections.past(view)?.duties(filter)?),
    }
}

fn csv(app: &App, view: Option<View>, filter: DutyFilter) -> Result<Response, HttpError> {
    let mut bytes = duty_csv::header();
    match view {
        None => app.projections.each_duty(&filter, |row| bytes.extend(duty_csv::row(&row.record, None)))?,
        Some(_) => {
            let found = listed(app, view, &DutyFilter { page: 0, size: MOST_AT_ONCE, ..filter })?;
            if found.total_elements > u64::from(MOST_AT_ONCE) {
                return Err(HttpError::Unprocessable(format!(
                    "{} duties, more than {MOST_AT_ONCE} in one file at a past moment; filter by area, rule or due date",
                    found.total_elements
                )));
            }
            for row in &found.content {
                bytes.extend(duty_csv::row(&row.record, None));
            }
        }
    }
    Ok(csv_response("duties.csv", bytes))
}

/// A CSV file to be kept.
#[must_use]
pub fn csv_response(name: &str, bytes: Vec<u8>) -> Response {
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")),
    ];
    (headers, bytes).into_response()
}

/// One duty, by its id or its short reference.
///
/// # Errors
/// [`HttpError::NotFound`] when there is none.
pub async fn one(
    State(app): State<App>,
    Path(id): Path<String>,
    RawQuery(raw): RawQuery,
    caller: Caller,
) -> Result<Response, HttpError> {
    let query = Query::read(raw.as_deref(), &["asAt", "knownAt"])?;
    let view = past_view(&query, app.now())?;
    app.judging(move |app| {
        let row = found(app, &id, &caller)?;
        match view {
            None => Ok(Json(row).into_response()),
            Some(view) => Ok(Json(at(app, &row.record.duty, view)?).into_response()),
        }
    })
    .await
}

/// The derivation of a duty, as at and as known at.
///
/// # Errors
/// [`HttpError::NotFound`] when there is none, or was none then.
pub async fn explanation(
    State(app): State<App>,
    Path(id): Path<String>,
    RawQuery(raw): RawQuery,
    caller: Caller,
) -> Result<Json<DutyRecord>, HttpError> {
    let query = Query::read(raw.as_deref(), &["asAt", "knownAt"])?;
    let view = query.view(app.now())?;
    app.judging(move |app| {
        let row = found(app, &id, &caller)?;
        let record = app.projections.explanation(&row.record.duty, view)?;
        record.map(Json).ok_or_else(|| HttpError::not_found("duty at that moment", &id))
    })
    .await
}

/// The same in references and dates alone, as `mandate check` takes it.
///
/// # Errors
/// [`HttpError::NotFound`] when there is none, or was none then.
pub async fn derivation(
    State(app): State<App>,
    Path(id): Path<String>,
    RawQuery(raw): RawQuery,
    caller: Caller,
) -> Result<Json<Derivation>, HttpError> {
    let query = Query::read(raw.as_deref(), &["asAt", "knownAt"])?;
    let view = query.view(app.now())?;
    app.judging(move |app| {
        let row = found(app, &id, &caller)?;
        let derivation = app.projections.derivation(&row.record.duty, view)?;
        derivation.map(Json).ok_or_else(|| HttpError::not_found("duty at that moment", &id))
    })
    .await
}

/// What a duty was from an instant on.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Version {
    from: Instant,
    duty: Option<DutyRecord>,
}

/// What a duty was, as then known, from each instant on.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct History {
    reference: String,
    duty: String,
    versions: Vec<Version>,
}

/// The history of a duty.
///
/// # Errors
/// [`HttpError::NotFound`] when there is none.
pub async fn history(
    State(app): State<App>,
    Path(id): Path<String>,
    RawQuery(raw): RawQuery,
    caller: Caller,
) -> Result<Json<History>, HttpError> {
    Query::read(raw.as_deref(), &[])?;
    app.blocking(move |app| {
        let row = found(app, &id, &caller)?;
        let versions = app.projections.duty_history(&row.record.duty)?;
        let versions = versions.into_iter().map(|version| Version { from: version.at, duty: version.record });
        Ok(Json(History { reference: row.reference, duty: row.record.duty, versions: versions.collect() }))
    })
    .await
}

/// The duty of an id or a short reference, for a person; one of a record that is limited to others does not exist.
///
/// # Errors
/// [`HttpError::NotFound`] when there is none.
pub fn found(app: &App, id: &str, caller: &Caller) -> Result<DutyRow, HttpError> {
    let missing = || HttpError::not_found("duty", id);
    // Before anything is read of it: what does not exist for somebody takes as long as what does not exist.
    let hidden = Hidden::to(app, caller)?;
    let row = app.projections.duty(id)?.filter(|row| !hidden.is(&row.record.subject)).ok_or_else(missing)?;
    let subject = &row.record.subject;
    // It is seen where it is answered for, and by those who may see it for the nominal's sake.
    let org = row.record.holder.as_deref().unwrap_or_default();
    if let Err(denial) = Asker::of(app, caller)?.may(Right::SeeDuty, org, Some(subject)) {
        if SubjectKind::of(subject) != Some(SubjectKind::Nominal) {
            return Err(refused(denial));
        }
        check_right(app, caller, Right::SeeDuty, subject, missing)?;
    }
    Ok(row)
}

fn at(app: &App, duty: &str, view: View) -> Result<DutyRecord, HttpError> {
    let record = app.projections.explanation(duty, view)?;
    let record = record.map(|record| DutyRecord { explanation: None, ..record });
    record.ok_or_else(|| HttpError::not_found("duty at that moment", duty))
}
