//! `GET /subject-access-request`: what is held of one person, as HMPPS services answer it.
//!
//! 200 with `content`, 204 when nothing is held, 209 when no number of a kind that is known here was sent.

use axum::Json;
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use mandate_domain::catalogue::SubjectKind;
use mandate_domain::time::{Date, Instant};
use mandate_projections::DutyFilter;
use mandate_store::{CloudEvent, Identifier, KeysError, MAX_READ, Position, Sequence, StoredEvent};
use serde::Serialize;

use super::app::App;
use super::caller::Caller;
use super::error::HttpError;
use super::query::Query;
use crate::tokens::Opens;

/// The code of HMPPS services for a number of a kind that is not known here.
const NOT_OURS: u16 = 209;
/// Most duties of one person.
const MAX_DUTIES: u32 = 10_000;

/// What is held.
#[derive(Debug, Serialize)]
struct Answer {
    content: Content,
}

#[derive(Debug, Serialize)]
struct Content {
    /// The references under which the person is held.
    subjects: Vec<String>,
    /// What was told of the person, as it came, what is sealed included.
    facts: Vec<Told>,
    /// What was to be done about the person, by when, and how it went.
    duties: Vec<mandate_projections::DutyRow>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Told {
    position: Position,
    recorded_at: Instant,
    event: CloudEvent,
}

/// Lets a token for requests of subject access through, and no other.
fn must_be_for_it(caller: &Caller) -> Result<(), HttpError> {
    match caller {
        Caller::Machine(client) if client.opens() == Opens::SubjectAccess => Ok(()),
        Caller::Nobody => Err(HttpError::Unauthorised("send `Authorization: Bearer <token>`")),
        Caller::Machine(_) | Caller::Person { .. } | Caller::Here => Err(HttpError::Unauthorised(
            "this takes a token for requests of subject access; `mandate token NAME --subject-access` makes one",
        )),
    }
}

/// Answers.
///
/// # Errors
/// [`HttpError`]: 400 a parameter, 401 and 403 no token for it.
pub async fn get(
    State(app): State<App>,
    RawQuery(raw): RawQuery,
    caller: Caller,
) -> Result<Response, HttpError> {
    must_be_for_it(&caller)?;
    let query = Query::read(raw.as_deref(), &["prn", "crn", "fromDate", "toDate"])?;
    let (from, to) = (query.date("fromDate")?, query.date("toDate")?);
    if let (Some(from), Some(to)) = (from, to)
        && from > to
    {
        return Err(HttpError::parameter("fromDate", "it lies after `toDate`"));
    }
    let number = |name: &str| query.one(name).map(|number| number.map(str::to_owned));
    let stated: Vec<(Identifier, String)> =
        [(Identifier::Noms, number("prn")?), (Identifier::Crn, number("crn")?)]
            .into_iter()
            .filter_map(|(kind, number)| Some((kind, number?)))
            .collect();
    if stated.is_empty() {
        let not_ours = StatusCode::from_u16(NOT_OURS).unwrap_or(StatusCode::BAD_REQUEST);
        return Ok(not_ours.into_response());
    }
    let content = app.blocking(move |app| held(app, &stated, from, to)).await?;
    Ok(match content {
        Some(content) => Json(Answer { content }).into_response(),
        None => StatusCode::NO_CONTENT.into_response(),
    })
}

fn held(
    app: &App,
    stated: &[(Identifier, String)],
    from: Option<Date>,
    to: Option<Date>,
) -> Result<Option<Content>, HttpError> {
    let mut subjects: Vec<String> = Vec::new();
    let directory = app.commands().directory()?;
    let mut whose: Option<Vec<String>> = None;
    for (kind, number) in stated {
        let before = subjects.len();
        for subject in app.store.keys().find_all(*kind, number).map_err(failed)? {
            let merged = match SubjectKind::of(&subject) {
                Some(SubjectKind::Nominal) => directory.unit(&subject, app.now()),
                _ => vec![subject.into()],
            };
            subjects.extend(merged.into_iter().map(String::from));
        }
        let found: Vec<String> = subjects.get(before..).unwrap_or_default().to_vec();
        if let Some(other) = &whose
            && !found.is_empty()
            && !found.iter().any(|subject| other.contains(subject))
        {
            let reason = "`prn` and `crn` lead to two people here; ask with one of them";
            return Err(HttpError::Conflict(reason.to_owned()));
        }
        if !found.is_empty() {
            whose = Some(found);
        }
    }
    subjects.sort_unstable();
    subjects.dedup();
    let within = |on: Date| from.is_none_or(|from| from <= on) && to.is_none_or(|to| on <= to);
    let (mut facts, mut duties) = (Vec::new(), Vec::new());
    for subject in &subjects {
        told(app, subject, &mut facts, &within)?;
        let filter = DutyFilter { subject: Some(subject.clone()), size: MAX_DUTIES, ..DutyFilter::default() };
        let rows = app.projections.duties(&filter)?.content;
        duties.extend(rows.into_iter().filter(|row| within(row.record.opened_at.london_date())));
    }
    facts.sort_by_key(|fact| fact.position);
    let nothing = facts.is_empty() && duties.is_empty();
    Ok((!nothing).then_some(Content { subjects, facts, duties }))
}

fn told(
    app: &App,
    subject: &str,
    facts: &mut Vec<Told>,
    within: &impl Fn(Date) -> bool,
) -> Result<(), HttpError> {
    let mut after = Sequence::START;
    loop {
        let events = app.store.reader().read_subject(subject, after, MAX_READ)?;
        let Some(last) = events.last() else { return Ok(()) };
        after = last.sequence;
        for event in events.into_iter().filter(|event| within(event.fact.time.london_date())) {
            facts.push(opened(app, event)?);
        }
    }
}

fn opened(app: &App, event: StoredEvent) -> Result<Told, HttpError> {
    let private = match app.store.keys().unseal(&event) {
        Ok(private) => private,
        // What was erased is held no more; what is restricted is kept and shown to nobody.
        Err(KeysError::NoKey { .. } | KeysError::Restricted { .. }) => mandate_store::Private::default(),
        Err(error) => return Err(failed(error)),
    };
    let (position, recorded_at) = (event.position, event.recorded_at);
    Ok(Told { position, recorded_at, event: CloudEvent { fact: event.into_fact(), private } })
}

#[expect(clippy::needless_pass_by_value, reason = "handed over by `map_err`")]
fn failed(error: KeysError) -> HttpError {
    HttpError::Failed(error.to_string())
}
