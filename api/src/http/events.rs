//! `GET /v1/events`: the log as it stands, without what is sealed.

use axum::Json;
use axum::extract::{Path, RawQuery, State};
use mandate_domain::catalogue::{FactType, SubjectKind};
use mandate_domain::fact::repeated;
use mandate_domain::rights::Right;
use mandate_domain::time::Instant;
use mandate_store::{MAX_READ, Position, Reader, Sequence, StoreError, StoredEvent};
use serde::Serialize;
use serde_json::value::RawValue;

use super::app::App;
use super::caller::Caller;
use super::error::HttpError;
use super::query::Query;
use super::reads::{self, Reading};
use super::registers::asker::Asker;
use super::sight::Hidden;

const DEFAULT_LIMIT: u64 = 100;
const MAX_LIMIT: u64 = 1_000;

/// One event of the log.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Event {
    position: Position,
    sequence: Sequence,
    recorded_at: Instant,
    /// The accepted claim of when it was recorded elsewhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    claimed_at: Option<Instant>,
    imported: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    actor: Option<Box<str>>,
    /// Whether a part of it is sealed.
    sealed: bool,
    /// The CloudEvent with its public data.
    event: Box<RawValue>,
}

impl Event {
    /// Its place in the log.
    #[must_use]
    pub const fn position(&self) -> Position {
        self.position
    }
}

/// One page of events.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Events {
    /// In the order of the log.
    pub events: Vec<Event>,
    /// Read on after this position.
    pub next_after: Position,
    /// The last position of the log when it was read.
    head: Position,
}

/// An event as JSON.
///
/// # Errors
/// [`StoreError::Unreadable`] when its payload is not JSON.
pub fn event_json(event: &StoredEvent) -> Result<Event, StoreError> {
    let payload = RawValue::from_string(event.payload.to_string());
    let unreadable = |error: serde_json::Error| StoreError::Unreadable {
        position: event.position,
        reason: error.to_string(),
    };
    Ok(Event {
        position: event.position,
        sequence: event.sequence,
        recorded_at: event.recorded_at,
        claimed_at: event.claimed_at,
        imported: event.claimed_at.is_some(),
        actor: event.actor.clone(),
        sealed: event.sealed.is_some(),
        event: payload.map_err(unreadable)?,
    })
}

/// What is asked for.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// Read on after this position.
    pub after: Position,
    kinds: Vec<FactType>,
    subject: Option<String>,
    limit: usize,
}

/// What the parameters ask for.
///
/// # Errors
/// [`HttpError::Parameter`] naming the one that is wrong.
pub fn wanted(query: &Query) -> Result<Wanted, HttpError> {
    let kind = |name: String| {
        let wrong = || HttpError::parameter("type", format!("`{}` is no fact type", repeated(&name)));
        FactType::from_name(&name).ok_or_else(wrong)
    };
    let subject = query.one("subject")?.map(str::to_owned);
    if let Some(subject) = subject.as_deref().filter(|subject| SubjectKind::of(subject).is_none()) {
        let reason = format!("`{}`: expected a whole id such as `nominal/N-7F3K29QX`", repeated(subject));
        return Err(HttpError::parameter("subject", reason));
    }
    let limit = query.number("limit", DEFAULT_LIMIT, 1..=MAX_LIMIT)?;
    Ok(Wanted {
        after: Position::new(query.number("after", 0, 0..=u64::MAX >> 1)?),
        kinds: query.all("type").into_iter().map(kind).collect::<Result<_, _>>()?,
        subject,
        limit: usize::try_from(limit).unwrap_or(1_000),
    })
}

/// The events that somebody may read. Blocking.
///
/// # Errors
/// [`HttpError::NotAllowed`] for somebody who may not read the log.
pub fn seen(app: &App, caller: &Caller, wanted: &Wanted) -> Result<Events, HttpError> {
    let asker = Asker::of(app, caller)?;
    asker.must(Right::ReadLog)?;
    Ok(read(app.store.reader(), wanted, &asker.hidden(app)?)?)
}

/// Whether somebody may read the event at a position now. Blocking.
///
/// # Errors
/// As [`seen`].
pub fn is_seen(app: &App, caller: &Caller, position: Position) -> Result<bool, HttpError> {
    let asker = Asker::of(app, caller)?;
    asker.must(Right::ReadLog)?;
    let hidden = asker.hidden(app)?;
    let found = app.store.reader().by_position(position)?;
    Ok(found.is_some_and(|event| !hidden.hides(&event)))
}

/// Lists events in the order of the log.
///
/// # Errors
/// [`HttpError::Parameter`] naming a parameter that is unknown or wrong.
pub async fn list(
    State(app): State<App>,
    RawQuery(raw): RawQuery,
    caller: Caller,
) -> Result<Json<Events>, HttpError> {
    let wanted = wanted(&Query::read(raw.as_deref(), &["after", "type", "subject", "limit"])?)?;
    app.blocking(move |app| {
        let found = seen(app, &caller, &wanted)?;
        reads::record(app, &caller, &[Reading::Events(wanted.after)])?;
        Ok(Json(found))
    })
    .await
}

/// The event at a position.
///
/// # Errors
/// [`HttpError::NotFound`] when the log is not that long.
pub async fn one(
    State(app): State<App>,
    Path(position): Path<String>,
    RawQuery(raw): RawQuery,
    caller: Caller,
) -> Result<Json<Event>, HttpError> {
    Query::read(raw.as_deref(), &[])?;
    let wrong = || HttpError::not_found("position", &position);
    let number: u64 = position.parse().map_err(|_| wrong())?;
    let found = app
        .blocking(move |app| {
            let asker = Asker::of(app, &caller)?;
            asker.must(Right::ReadLog)?;
            let hidden = asker.hidden(app)?;
            let found = app.store.reader().by_position(Position::new(number))?;
            reads::record(app, &caller, &[Reading::Events(Position::new(number.saturating_sub(1)))])?;
            Ok(found.filter(|event| !hidden.hides(event)))
        })
        .await?;
    Ok(Json(event_json(&found.ok_or_else(wrong)?)?))
}

fn read(log: &Reader, wanted: &Wanted, hidden: &Hidden) -> Result<Events, StoreError> {
    let head = log.head()?.position;
    let (events, next_after) = match &wanted.subject {
        Some(subject) => of_subject(log, subject, wanted)?,
        None if wanted.kinds.is_empty() => {
            let events = log.read_after(wanted.after, wanted.limit)?.events;
            let last = events.last().map_or(wanted.after, |event| event.position);
            (events, last)
        }
        None => {
            let page = log.read_types(&wanted.kinds, wanted.after, wanted.limit)?;
            (page.events, page.searched_to)
        }
    };
    let seen = events.iter().filter(|event| !hidden.hides(event));
    let events = seen.map(event_json).collect::<Result<_, _>>()?;
    Ok(Events { events, next_after, head })
}

/// The events of one subject after a position, a bounded number of them.
fn of_subject(
    log: &Reader,
    subject: &str,
    wanted: &Wanted,
) -> Result<(Vec<StoredEvent>, Position), StoreError> {
    let mut events = log.read_subject(subject, Sequence::START, MAX_READ)?;
    events.retain(|event| {
        event.position > wanted.after && (wanted.kinds.is_empty() || wanted.kinds.contains(&event.fact.kind))
    });
    events.truncate(wanted.limit);
    let last = events.last().map_or(wanted.after, |event| event.position);
    Ok((events, last))
}
