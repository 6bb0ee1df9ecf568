//! `POST /v1/hmpps-events`: HMPPS domain events into the log; `/v1/quarantine…`: those that could not be used.

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use mandate_domain::fact::repeated;
use mandate_domain::rights::Right;
use mandate_projections::{QuarantineFilter, QuarantineRow};
use mandate_store::{MAX_BATCH, Position, StoreError};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::app::App;
use super::body::{MAX_FACTS_BYTES, object, read};
use super::caller::Caller;
use super::duties::{Format, csv_response};
use super::error::HttpError;
use super::listed::{Page, page_and_size};
use super::query::Query;
use super::registers::asker::Asker;
use crate::duty_csv::text_row;
use crate::hmpps::message::{MAX_MESSAGE_BYTES, MessageError};
use crate::hmpps::{Receiver, Rights, TakeError, Taken};
use crate::tokens::Client;

/// How a message in quarantine may stand, by the words of the address.
pub const STATUSES: [(&str, &str); 3] =
    [("waiting", "waiting"), ("replayed", "replayed"), ("discarded", "discarded")];

/// What became of one message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MessageResult {
    /// Its place in the array, from 0.
    pub index: usize,
    /// `stored`, `alreadyStored`, `ignored`, `quarantined`, `discarded`, `refused`.
    pub status: &'static str,
    /// The facts it became.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub facts: Vec<StoredFact>,
    /// Its id in quarantine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quarantine: Option<String>,
    /// Why it is ignored, in quarantine or refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The fields that it needs.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub needs: Vec<String>,
    /// What kind of reason it was refused for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_code: Option<&'static str>,
}

/// A fact that a message became.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StoredFact {
    /// Its type.
    pub r#type: &'static str,
    /// Its place in the log.
    pub position: Position,
}

/// The answer to an array.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Batch {
    stored: usize,
    already_stored: usize,
    ignored: usize,
    quarantined: usize,
    refused: usize,
    results: Vec<MessageResult>,
}

/// Takes one message or an array of them; each stands for itself.
///
/// # Errors
/// [`HttpError`] as the cause is: 400 not JSON, 401 no token, 403 not allowed, 413, 415, 503 the log cannot be written
/// now. What was taken before that is recognised when it is sent again.
pub async fn post(
    State(app): State<App>,
    RawQuery(raw): RawQuery,
    caller: Caller,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, HttpError> {
    Query::read(raw.as_deref(), &[])?;
    let client = caller.client(&app)?;
    check_media(&headers)?;
    let body = read(&headers, body, MAX_FACTS_BYTES).await?;
    let text = String::from_utf8(body.to_vec())
        .map_err(|error| HttpError::Malformed(format!("not UTF-8: {error}")))?;
    app.blocking(move |app| take_all(app, &client, &text)).await
}

fn check_media(headers: &HeaderMap) -> Result<(), HttpError> {
    let stated = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media = stated.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    // SNS itself sends its envelopes as text.
    if media == "application/json" || media == "text/plain" || media.ends_with("+json") {
        return Ok(());
    }
    Err(HttpError::MediaType(format!("`{}`; expected `Content-Type: application/json`", repeated(stated))))
}

fn take_all(app: &App, client: &Client, text: &str) -> Result<Response, HttpError> {
    let receiver = Receiver { store: &app.store, rights: Rights::Client(client), now: app.now() };
    if !text.trim_start().starts_with('[') {
        let result = taken(receiver.take(text), 0);
        app.metrics.count_message(result.as_ref().map_or("refused", |result| result.status));
        return Ok((StatusCode::ACCEPTED, Json(result?)).into_response());
    }
    let messages: Vec<&RawValue> =
        serde_json::from_str(text).map_err(|error| HttpError::Malformed(format!("not JSON: {error}")))?;
    if messages.len() > MAX_BATCH {
        return Err(StoreError::TooMany { events: messages.len(), limit: MAX_BATCH }.into());
    }
    let mut results = Vec::with_capacity(messages.len());
    let mut first_refusal = None;
    let texts: Vec<&str> = messages.iter().map(|message| message.get()).collect();
    for (index, answer) in receiver.take_many(&texts).into_iter().enumerate() {
        let result = match taken(answer, index) {
            Ok(result) => result,
            Err(error) => {
                let (status, error_code) = error.status();
                if status.is_server_error() {
                    return Err(error);
                }
                let reason = Some(error.to_string());
                first_refusal.get_or_insert(error);
                MessageResult { reason, error_code: Some(error_code), ..plain(index, "refused") }
            }
        };
        app.metrics.count_message(result.status);
        results.push(result);
    }
    let count = |status: &str| results.iter().filter(|result| result.status == status).count();
    let refused = count("refused");
    match first_refusal {
        Some(error) if refused == results.len() => Err(error),
        Some(_) | None => {
            let batch = Batch {
                stored: count("stored"),
                already_stored: count("alreadyStored"),
                ignored: count("ignored"),
                quarantined: count("quarantined"),
                refused,
                results,
            };
            Ok((StatusCode::ACCEPTED, Json(batch)).into_response())
        }
    }
}

const fn plain(index: usize, status: &'static str) -> MessageResult {
    MessageResult {
        index,
        status,
        facts: Vec::new(),
        quarantine: None,
        reason: None,
        needs: Vec::new(),
        error_code: None,
    }
}

fn taken(taken: Result<Taken, TakeError>, index: usize) -> Result<MessageResult, HttpError> {
    Ok(match taken? {
        Taken::Stored { facts, again } => {
            let stored = |(kind, position): (mandate_domain::catalogue::FactType, Position)| StoredFact {
                r#type: kind.name(),
                position,
            };
            let facts = facts.into_iter().map(stored).collect();
            MessageResult { facts, ..plain(index, if again { "alreadyStored" } else { "stored" }) }
        }
        Taken::Ignored { reason } => {
            MessageResult { reason: Some(reason.to_owned()), ..plain(index, "ignored") }
        }
        Taken::Quarantined { id, reason, needs, again: _ } => {
            MessageResult { quarantine: Some(id), reason: Some(reason), needs, ..plain(index, "quarantined") }
        }
        Taken::Discarded { id } => MessageResult { quarantine: Some(id), ..plain(index, "discarded") },
    })
}

impl From<TakeError> for HttpError {
    fn from(error: TakeError) -> Self {
        match error {
            TakeError::NoMessage(MessageError::TooLong(_)) => Self::TooLong { limit: MAX_MESSAGE_BYTES },
            TakeError::NoMessage(MessageError::NotJson(_)) => Self::Malformed(error.to_string()),
            TakeError::NotAllowed(refused) => Self::Forbidden(refused.to_string()),
            TakeError::NotInQuarantine(id) => Self::not_found("message in quarantine", &id),
            TakeError::Settled { .. } | TakeError::Gone(_) => Self::Conflict(error.to_string()),
            TakeError::Store(error) => Self::Store(error),
            TakeError::Contended => Self::Busy,
            TakeError::Failed(reason) => Self::Failed(reason),
        }
    }
}

/// Messages in quarantine, the oldest first; what they say stays sealed.
///
/// # Errors
/// [`HttpError::Parameter`] naming a parameter that is unknown or wrong.
pub async fn list(
    State(app): State<App>,
    RawQuery(raw): RawQuery,
    caller: Caller,
    headers: HeaderMap,
) -> Result<Response, HttpError> {
    let known = ["status", "source", "eventType", "needs", "subject", "page", "size", "format"];
    let query = Query::read(raw.as_deref(), &known)?;
    let format = Format::asked(&query, &headers)?;
    let filter = quarantine_filter(&query)?;
    let (page, size) = page_and_size(&query)?;
    app.blocking(move |app| {
        let asker = Asker::of(app, &caller)?;
        asker.must(Right::SeeQuarantine)?;
        let filter = QuarantineFilter { except: asker.hidden(app)?.subjects(), ..filter };
        match format {
            Format::Json => {
                let found = app.projections.quarantine(&filter, page, size)?;
                Ok(Json(Page::from(found)).into_response())
            }
            Format::Csv => quarantine_csv(app, &filter),
        }
    })
    .await
}

/// The columns of the list as CSV.
const COLUMNS: [&str; 9] =
    ["id", "subject", "quarantined_at", "source", "message_id", "event_type", "reason", "needs", "status"];
/// Rows read at a time for a CSV, which is not paged.
const CSV_PAGE: u32 = 10_000;

fn quarantine_csv(app: &App, filter: &QuarantineFilter) -> Result<Response, HttpError> {
    let mut bytes = text_row(&COLUMNS.map(str::to_owned));
    for page in 0.. {
        let rows = app.projections.quarantine(filter, page, CSV_PAGE)?.content;
        for row in &rows {
            bytes.extend(text_row(&[
                row.id.clone(),
                row.subject.clone(),
                row.quarantined_at.to_string(),
                row.source.clone(),
                row.message_id.clone(),
                row.event_type.clone().unwrap_or_default(),
                row.reason.clone(),
                row.needs.join("; "),
                row.status.clone(),
            ]));
        }
        if rows.len() < CSV_PAGE as usize {
            break;
        }
    }
    Ok(csv_response("quarantine.csv", bytes))
}

/// The filter that the parameters ask for.
///
/// # Errors
/// [`HttpError::Parameter`] naming the one that is wrong.
pub fn quarantine_filter(query: &Query) -> Result<QuarantineFilter, HttpError> {
    let text = |name: &str| query.one(name).map(|value| value.map(str::to_owned));
    Ok(QuarantineFilter {
        status: query.word("status", &STATUSES)?.map(str::to_owned),
        source: text("source")?,
        event_type: text("eventType")?,
        needs: text("needs")?,
        subject: text("subject")?,
        except: Vec::new(),
    })
}

/// A message in quarantine, for somebody who may see it.
///
/// # Errors
/// [`HttpError::NotFound`], [`HttpError::NotAllowed`].
pub fn quarantined(app: &App, id: &str, asker: &Asker) -> Result<QuarantineRow, HttpError> {
    asker.must(Right::SeeQuarantine)?;
    let hidden = asker.hidden(app)?;
    let found = app.projections.quarantined(id)?.filter(|row| !hidden.is(&row.subject));
    found.ok_or_else(|| HttpError::not_found("message in quarantine", id))
}

/// One message in quarantine.
///
/// # Errors
/// [`HttpError::NotFound`].
pub async fn one(
    State(app): State<App>,
    Path(id): Path<String>,
    caller: Caller,
) -> Result<Json<QuarantineRow>, HttpError> {
    let found = app.blocking(move |app| quarantined(app, &id, &Asker::of(app, &caller)?));
    found.await.map(Json)
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Replay {
    #[serde(default)]
    enrichment: Map<String, Value>,
}

/// Tries a message in quarantine again, with what it needs.
///
/// # Errors
/// [`HttpError`]: 404 no such message, 409 replayed or discarded before.
pub async fn replay(
    State(app): State<App>,
    Path(id): Path<String>,
    caller: Caller,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, HttpError> {
    let client = caller.client(&app)?;
    let body = read(&headers, body, MAX_MESSAGE_BYTES).await?;
    let stated: Replay = if body.is_empty() { Replay::default() } else { object(&body)? };
    app.blocking(move |app| {
        let result = replayed(app, settling(app, &client, &id)?, &id, &stated.enrichment)?;
        Ok((StatusCode::ACCEPTED, Json(result)).into_response())
    })
    .await
}

/// As whom a client settles what waits: a person who has the right to, else a teller of its source.
fn settling<'c>(app: &App, client: &'c Client, id: &str) -> Result<Rights<'c>, HttpError> {
    let Some(user) = client.user() else { return Ok(Rights::Client(client)) };
    let asker = Asker::of(app, &Caller::person(user))?;
    quarantined(app, id, &asker)?;
    asker.must(Right::SettleQuarantine)?;
    Ok(Rights::Person(user))
}

/// Tries a message in quarantine again.
///
/// # Errors
/// As [`replay`].
pub fn replayed(
    app: &App,
    rights: Rights<'_>,
    id: &str,
    enrichment: &Map<String, Value>,
) -> Result<MessageResult, HttpError> {
    let receiver = Receiver { store: &app.store, rights, now: app.now() };
    let result = taken(receiver.replay(id, enrichment), 0)?;
    app.metrics.count_message(result.status);
    Ok(result)
}

/// Takes a message out of quarantine for good.
///
/// # Errors
/// As [`discard`].
pub fn discarded(app: &App, rights: Rights<'_>, id: &str, reason: &str) -> Result<Position, HttpError> {
    if reason.trim().is_empty() {
        return Err(HttpError::Unprocessable("say why, in `reason`".to_owned()));
    }
    let forbidden = mandate_domain::fact::forbidden_character;
    if let Some(bad) = forbidden(reason, mandate_domain::fact::Newlines::Allowed) {
        let reason = format!("`reason` holds the character U+{:04X}, which is refused", u32::from(bad));
        return Err(HttpError::Unprocessable(reason));
    }
    let receiver = Receiver { store: &app.store, rights, now: app.now() };
    Ok(receiver.discard(id, reason)?)
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Discard {
    reason: String,
}

#[derive(Debug, Serialize)]
struct Discarded {
    status: &'static str,
    position: Position,
}

/// Takes a message out of quarantine for good, with a reason.
///
/// # Errors
/// [`HttpError`]: 404 no such message, 409 replayed or discarded before, 422 no reason.
pub async fn discard(
    State(app): State<App>,
    Path(id): Path<String>,
    caller: Caller,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, HttpError> {
    let client = caller.client(&app)?;
    let body = read(&headers, body, MAX_MESSAGE_BYTES).await?;
    let Discard { reason } = object(&body)?;
    app.blocking(move |app| {
        let position = discarded(app, settling(app, &client, &id)?, &id, &reason)?;
        Ok((StatusCode::ACCEPTED, Json(Discarded { status: "discarded", position })).into_response())
    })
    .await
}
