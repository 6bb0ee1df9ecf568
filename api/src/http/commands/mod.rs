//! `POST /v1/commands/{name}`: what people do in Mandate; `POST /v1/nominals/{reference}/access`.

mod offers;
mod schema;

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use mandate_domain::catalogue::{FactType, SubjectKind};
use mandate_domain::command::{Command, CommandName, Context, DutyNow, may_of_nominal};
use mandate_domain::fact::{Newlines, forbidden_character};
use mandate_domain::judge::Outcome;
use mandate_domain::rights::{Denial, Right};
use mandate_domain::time::Instant;
use mandate_projections::DutyRow;
use mandate_store::{Asked, Done, Position};
use serde::Serialize;
use serde_json::{Map, Value};

pub use offers::{Offered, offers, several, sight};
pub use schema::{example, list, named, one, schema};

use super::app::App;
use super::body::read;
use super::caller::Caller;
use super::error::HttpError;
use super::query::Query;
use super::registers::asker::Asker;
use super::sight::Hidden;

/// Most bytes of a command: room for the list that a sample is drawn from.
const MAX_COMMAND_BYTES: usize = 1 << 20;
/// Longest key of a sender, in bytes.
const MAX_KEY_BYTES: usize = 200;
/// How long an answer waits for the read models.
const WAIT: Duration = Duration::from_secs(10);

/// One event of a command.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct EventAnswer {
    position: Position,
    subject: String,
    version: u64,
    #[serde(rename = "type")]
    kind: &'static str,
    source: String,
    id: String,
}

/// Something that was asked and waits for a second person.
#[derive(Debug, Serialize)]
struct WaitingAnswer {
    #[serde(rename = "type")]
    kind: &'static str,
    /// What brings it about.
    until: &'static str,
}

/// The answer to a command that was carried out.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    command: &'static str,
    command_id: String,
    /// The position of its last event.
    position: Position,
    /// The version of the subject's stream after it, where it is about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<u64>,
    /// Whether the read models have come to it.
    projected: bool,
    events: Vec<EventAnswer>,
    /// What was asked and is not recorded yet.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    waiting: Vec<WaitingAnswer>,
}

/// Carries out a command.
///
/// # Errors
/// [`HttpError`] as the cause is: 400, 401, 403 a right, 404, 409 an invariant, 412 another version, 413, 415, 422, 503.
pub async fn post(
    State(app): State<App>,
    Path(name): Path<String>,
    RawQuery(raw): RawQuery,
    caller: Caller,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, HttpError> {
    let name = schema::named(&name)?;
    let (actor, bytes) = sent(&app, &caller, &headers, body).await?;
    give(&app, name, &object(&bytes)?, &bytes, actor, raw.as_deref(), &headers).await
}

/// Opens a record to somebody who is not its partner, for 15 minutes; the reason is stored before anything is shown.
///
/// # Errors
/// As [`post`].
pub async fn access(
    State(app): State<App>,
    Path(reference): Path<String>,
    RawQuery(raw): RawQuery,
    caller: Caller,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, HttpError> {
    let (actor, bytes) = sent(&app, &caller, &headers, body).await?;
    let mut fields = object(&bytes)?;
    let reference = reference.strip_prefix("nominal/").unwrap_or(&reference);
    fields.insert("subject".to_owned(), Value::from(format!("nominal/{reference}")));
    let said = [reference.as_bytes(), b"\n", &bytes].concat();
    give(&app, CommandName::OpenRecord, &fields, &said, actor, raw.as_deref(), &headers).await
}

/// Opens a record to whoever asks, as [`access`] does.
///
/// # Errors
/// As [`post`].
pub async fn open_record(app: &App, caller: &Caller, reference: &str, reason: &str) -> Result<(), HttpError> {
    let actor = caller.acting(app)?;
    let reference = reference.strip_prefix("nominal/").unwrap_or(reference);
    let fields = Map::from_iter([
        ("subject".to_owned(), Value::from(format!("nominal/{reference}"))),
        ("reason".to_owned(), Value::from(reason)),
    ]);
    let said = [reference.as_bytes(), b"\n", reason.as_bytes()].concat();
    give(app, CommandName::OpenRecord, &fields, &said, actor, None, &HeaderMap::new()).await?;
    Ok(())
}

/// Who sends a command, and its body; nobody's is read.
async fn sent(
    app: &App,
    caller: &Caller,
    headers: &HeaderMap,
    body: Body,
) -> Result<(String, Vec<u8>), HttpError> {
    let media = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if media.split(';').next().map(str::trim) != Some("application/json") {
        return Err(HttpError::MediaType("expected `Content-Type: application/json`".to_owned()));
    }
    let actor = caller.acting(app)?;
    Ok((actor, read(headers, body, MAX_COMMAND_BYTES).await?.to_vec()))
}

fn object(bytes: &[u8]) -> Result<Map<String, Value>, HttpError> {
    match serde_json::from_slice(bytes) {
        Ok(Value::Object(fields)) => Ok(fields),
        Ok(_) => Err(HttpError::Unprocessable("expected a JSON object".to_owned())),
        Err(error) => Err(HttpError::Malformed(format!("not JSON: {error}"))),
    }
}

async fn give(
    app: &App,
    name: CommandName,
    fields: &Map<String, Value>,
    said: &[u8],
    actor: String,
    raw: Option<&str>,
    headers: &HeaderMap,
) -> Result<Response, HttpError> {
    let query = Query::read(raw, &["wait"])?;
    let wait = query.one("wait")?.is_none() || query.flag("wait")?;
    let command =
        Command::parse(name, fields).map_err(|error| HttpError::Unprocessable(error.to_string()))?;
    let (key, expected) = (idempotency_key(headers)?, if_match(headers, &command)?);
    let (command, done) = carry_out(app, command, said.to_vec(), actor, key, expected).await?;
    let projected = wait && projected(app, done.position()).await?;
    Ok(answer(&command, done, projected))
}

/// Carries a command out for a person; `said` is what a second sending under the same key is recognised by. The command
/// comes back with the whole ids of duties that it named in short.
///
/// # Errors
/// [`HttpError::NotFound`] for a duty that is not there, [`HttpError::Command`].
pub async fn carry_out(
    app: &App,
    mut command: Command,
    said: Vec<u8>,
    actor: String,
    key: Option<String>,
    expected: Option<u64>,
) -> Result<(Arc<Command>, Done), HttpError> {
    let now = app.now();
    let seen_by = actor.clone();
    let (command, duties) = app
        .blocking(move |app| {
            let duties = duties_of(app, &mut command, &seen_by, now)?;
            Ok((Arc::new(command), duties))
        })
        .await?;
    let asked = Asked { command: Arc::clone(&command), body: said, actor, key, expected, duties, now };
    Ok((command, app.commands().execute(asked).await?))
}

/// Carries out a command that a person gives on a page; waits until the read models have it.
///
/// # Errors
/// As [`post`].
pub async fn given_on_a_page(
    app: &App,
    name: CommandName,
    fields: &Map<String, Value>,
    actor: String,
) -> Result<(), HttpError> {
    let command =
        Command::parse(name, fields).map_err(|error| HttpError::Unprocessable(error.to_string()))?;
    let body = serde_json::to_vec(fields).map_err(|error| HttpError::Failed(error.to_string()))?;
    let (_, done) = carry_out(app, command, body, actor, None, None).await?;
    projected(app, done.position()).await?;
    Ok(())
}

/// What a command asks of a second person, in words.
pub const fn second(name: CommandName) -> &'static str {
    match name {
        CommandName::StateInError => {
            "another person of CPC level gives the same command, with `instead` where something is to be stated anew"
        }
        CommandName::ProposePolicy => "another administrator gives `adopt-policy`",
        _ => "another person of CPC level gives `confirm-order`",
    }
}

fn answer(command: &Command, done: Done, projected: bool) -> Response {
    let name = command.name;
    let kinds: Vec<FactType> = done.events.iter().map(|event| event.kind).collect();
    let waiting = command.waits_for(&kinds).into_iter();
    let waiting = waiting.map(|kind| WaitingAnswer { kind: kind.name(), until: second(name) }).collect();
    let position = done.position();
    let same = done
        .events
        .windows(2)
        .all(|pair| pair.first().map(|event| &event.subject) == pair.last().map(|event| &event.subject));
    let version = done.events.last().filter(|_| same).map(|event| event.version.get());
    let events = done
        .events
        .into_iter()
        .map(|event| EventAnswer {
            position: event.position,
            subject: event.subject.into(),
            version: event.version.get(),
            kind: event.kind.name(),
            source: event.source.into(),
            id: event.id.into(),
        })
        .collect();
    let body = Answer {
        command: name.name(),
        command_id: done.command_id,
        position,
        version,
        projected,
        events,
        waiting,
    };
    let mut response = Json(body).into_response();
    let tag = version.and_then(|version| HeaderValue::from_str(&format!("\"{version}\"")).ok());
    if let Some(tag) = tag {
        response.headers_mut().insert(header::ETAG, tag);
    }
    response
}

/// Brings the read models to a position, as far as that is done soon; it goes on whether or not the caller waits.
pub async fn projected(app: &App, position: Position) -> Result<bool, HttpError> {
    let work = app.blocking(move |app| {
        if app.projections.progress()?.position >= position {
            return Ok(true);
        }
        Ok(app.projections.advance(app.now())?.position >= position)
    });
    tokio::time::timeout(WAIT, work).await.unwrap_or(Ok(false))
}

fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, HttpError> {
    let Some(value) = headers.get("idempotency-key") else { return Ok(None) };
    let text = value.to_str().unwrap_or_default().trim();
    if text.is_empty() || text.len() > MAX_KEY_BYTES || forbidden_character(text, Newlines::Refused).is_some()
    {
        let reason = format!("expected 1 to {MAX_KEY_BYTES} printable characters");
        return Err(HttpError::parameter("Idempotency-Key", reason));
    }
    Ok(Some(text.to_owned()))
}

/// The version that the sender saw: `"12"`, as an answer's `ETag` says it.
fn if_match(headers: &HeaderMap, command: &Command) -> Result<Option<u64>, HttpError> {
    let Some(value) = headers.get(header::IF_MATCH) else { return Ok(None) };
    let wrong = |reason: &str| HttpError::parameter("If-Match", reason);
    if command.subjects.len() > 1 {
        return Err(wrong("a version is of one subject; leave it out for several"));
    }
    let text = value.to_str().unwrap_or_default().trim();
    let number = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text);
    number
        .parse()
        .map(Some)
        .map_err(|_| wrong("expected the version of the subject's stream, such as \"12\""))
}

/// The duties that a command is about, as judged now; their short references are replaced by their ids.
fn duties_of(app: &App, command: &mut Command, actor: &str, now: Instant) -> Result<Vec<DutyNow>, HttpError> {
    let mut duties = Vec::new();
    for subject in &mut command.subjects {
        let Some(id) = subject.strip_prefix("duty/") else { continue };
        let row = app.projections.duty(id)?.ok_or_else(|| HttpError::not_found("duty", id))?;
        if SubjectKind::of(&row.record.subject) == Some(SubjectKind::Nominal)
            && let Err(Denial::Hidden) = seen(app, Right::SeeNominal, &row.record.subject, actor, now)?
        {
            return Err(HttpError::not_found("duty", id));
        }
        *subject = format!("duty/{}", row.record.duty).into();
        duties.push(duty_now(app, &row, now)?);
    }
    Ok(duties)
}

/// A duty as commands are decided on it.
fn duty_now(app: &App, row: &DutyRow, now: Instant) -> Result<DutyNow, HttpError> {
    let book = app.book(now)?;
    let version = book
        .policy
        .rule(&row.record.rule)
        .and_then(|rule| rule.versions.iter().find(|version| version.number == row.version));
    let is = |outcomes: &[Outcome]| outcomes.iter().any(|outcome| outcome.name() == row.record.outcome);
    Ok(DutyNow {
        duty: format!("duty/{}", row.record.duty).into(),
        paragraph: row.record.paragraph.as_str().into(),
        holder: row.record.holder.as_deref().map(Into::into),
        open: is(&[Outcome::Pending, Outcome::Overdue]),
        missed: is(&[Outcome::Overdue, Outcome::MetLate, Outcome::Lapsed]),
        waive: version
            .map(|version| version.waive.iter().map(|role| role.as_str().into()).collect())
            .unwrap_or_default(),
    })
}

/// Whether somebody has a right in a nominal.
fn seen(
    app: &App,
    right: Right,
    nominal: &str,
    actor: &str,
    now: Instant,
) -> Result<Result<(), Denial>, HttpError> {
    let directory = app.commands().directory()?;
    let stream = app.commands().history(nominal, &directory, now)?;
    let context = Context {
        now,
        actor: actor.into(),
        command_id: "".into(),
        directory,
        expected: None,
        duties: Arc::default(),
        survivor: None,
        whole: Arc::default(),
    };
    Ok(may_of_nominal(right, &stream, &context))
}

/// Refuses a nominal to whoever may not see it; a record limited to others does not exist. Blocking.
///
/// # Errors
/// [`HttpError::NotFound`], [`HttpError::NotAllowed`].
pub fn check_sight(app: &App, caller: &Caller, nominal: &str, reference: &str) -> Result<(), HttpError> {
    check_right(app, caller, Right::SeeNominal, nominal, || HttpError::not_found("nominal", reference))
}

/// Refuses something about a nominal to whoever has not the right; `missing` is the answer for what does not exist.
/// Blocking.
///
/// # Errors
/// What `missing` gives, [`HttpError::NotAllowed`].
pub fn check_right(
    app: &App,
    caller: &Caller,
    right: Right,
    nominal: &str,
    missing: impl FnOnce() -> HttpError,
) -> Result<(), HttpError> {
    let Some(person) = caller.user() else {
        if Hidden::to(app, caller)?.is(nominal) {
            return Err(missing());
        }
        return Asker::of(app, caller)?.must(right);
    };
    match seen(app, right, nominal, person, app.now())? {
        Ok(()) => Ok(()),
        // The words are those for a reference that leads to nobody.
        Err(Denial::Hidden) => Err(missing()),
        Err(Denial::Missing { paragraph, reason }) => Err(HttpError::NotAllowed {
            paragraph: paragraph.to_owned(),
            reason: format!(
                "{reason}; `POST /v1/nominals/…/access` with a reason opens the record for 15 minutes"
            ),
        }),
    }
}
