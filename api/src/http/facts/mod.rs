//! `POST /v1/facts`: facts into the log, one, a batch, or in binary mode.

mod answer;
mod decode;

use axum::Json;
use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use mandate_domain::fact::FactError;
use mandate_store::{Claim, NewEvent, OnError, Outcome, StoreError};

pub use answer::FactResult;
use answer::{Answer, Rejection};
use decode::Sent;

use super::app::App;
use super::body::{MAX_FACTS_BYTES, read};
use super::caller::Caller;
use super::error::HttpError;
use super::query::Query;
use crate::tokens::{Client, Import};

/// Whether facts are stored or only looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Run {
    Wet,
    Dry,
}

/// Takes facts.
///
/// # Errors
/// [`HttpError`] as the cause is: 400 not JSON, 401 no token, 403 not allowed, 409 a conflict, 413, 415, 422 no fact,
/// 503 the log cannot be written now.
pub async fn post(
    State(app): State<App>,
    RawQuery(raw): RawQuery,
    caller: Caller,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, HttpError> {
    let query = Query::read(raw.as_deref(), &["on_error", "dry_run"])?;
    let on_error = query.word("on_error", &[("all", OnError::All), ("each", OnError::Each)])?;
    let run = if query.flag("dry_run")? { Run::Dry } else { Run::Wet };
    let client = caller.client(&app)?;
    let mode = decode::mode(&headers)?;
    let body = read(&headers, body, MAX_FACTS_BYTES).await?;
    let sent = decode::decode(mode, &headers, &body)?;
    let on_error = on_error.unwrap_or(OnError::All);
    let answer = match sent {
        Sent::One(text) => Answer::one(take(&app, &client, &[&text], OnError::All, run).await?),
        Sent::Batch(texts) => {
            let texts: Vec<&str> = texts.iter().map(|text| text.get()).collect();
            Answer::batch(take(&app, &client, &texts, on_error, run).await?)
        }
    };
    app.metrics.count_facts(answer.results());
    match (answer.into_response_parts(on_error, run == Run::Dry)?, run) {
        (body, Run::Dry) => Ok(Json(body).into_response()),
        (body, Run::Wet) => Ok((StatusCode::ACCEPTED, Json(body)).into_response()),
    }
}

/// Most facts of one request: others wait while they are stored.
const MOST_FACTS: usize = 10_000;

/// Checks facts and stores them; one result each, in order.
async fn take(
    app: &App,
    client: &Client,
    texts: &[&str],
    on_error: OnError,
    run: Run,
) -> Result<Vec<FactResult>, HttpError> {
    if texts.len() > MOST_FACTS {
        return Err(StoreError::TooMany { events: texts.len(), limit: MOST_FACTS }.into());
    }
    let mut results: Vec<Option<FactResult>> = Vec::with_capacity(texts.len());
    let mut events = Vec::with_capacity(texts.len());
    let mut places = Vec::with_capacity(texts.len());
    for (place, text) in texts.iter().enumerate() {
        match prepared(client, text) {
            Ok(event) => {
                events.push(event);
                places.push(place);
                results.push(None);
            }
            Err(rejection) => results.push(Some(FactResult::refused(place, rejection))),
        }
    }
    let first_refused = results.iter().position(Option::is_some);
    if let (OnError::All, Some(because_of)) = (on_error, first_refused) {
        let result = |(place, result): (usize, Option<FactResult>)| {
            result.unwrap_or_else(|| FactResult::not_stored(place, because_of))
        };
        return Ok(results.into_iter().enumerate().map(result).collect());
    }
    let outcomes = match run {
        Run::Wet => stored(app, events, on_error).await?,
        Run::Dry => looked_at(app, events).await?,
    };
    for (outcome, place) in outcomes.into_iter().zip(&places) {
        if let Some(slot) = results.get_mut(*place) {
            *slot = Some(FactResult::of(*place, outcome, &places));
        }
    }
    Ok(results.into_iter().flatten().collect())
}

fn prepared(client: &Client, text: &str) -> Result<NewEvent, Rejection> {
    let claim = match client.import() {
        Import::Allowed => Claim::Accept,
        Import::Refused => Claim::Ignore,
    };
    // The claim is looked at before it is left out: a client without the right hears of it.
    let event = NewEvent::parse(text, Claim::Accept).map_err(|error| match error {
        FactError::Json(reason) => Rejection::not_json(reason),
        FactError::Field { field, reason } => Rejection::field(field, reason),
    })?;
    client
        .may_state(event.fact())
        .map_err(|refused| Rejection::not_allowed(refused.field, refused.reason))?;
    let event = match claim {
        Claim::Accept => event,
        Claim::Ignore => {
            NewEvent::parse(text, claim).map_err(|error| Rejection::not_json(error.to_string()))?
        }
    };
    event.by(&client.name).map_err(|error| Rejection::not_allowed("token", error.to_string()))
}

/// Stores events. The task goes on to its end whether or not the caller waits.
async fn stored(
    app: &App,
    events: Vec<NewEvent>,
    on_error: OnError,
) -> Result<Vec<answer::Became>, HttpError> {
    let store = app.store.clone();
    let appended = tokio::spawn(async move { store.append(events, on_error).await }).await;
    let outcomes = appended.map_err(|error| HttpError::Failed(error.to_string()))??;
    Ok(outcomes.into_iter().map(answer::Became::Outcome).collect())
}

/// What storing events would come to.
async fn looked_at(app: &App, events: Vec<NewEvent>) -> Result<Vec<answer::Became>, HttpError> {
    app.blocking(move |app| events.iter().map(|event| would_become(app, event)).collect()).await
}

fn would_become(app: &App, event: &NewEvent) -> Result<answer::Became, HttpError> {
    let fact = event.fact();
    let Some(first) = app.store.reader().by_source_id(&fact.source, &fact.id)? else {
        return Ok(answer::Became::WouldBeStored);
    };
    let same_private = app.store.keys().unseal(&first).is_ok_and(|private| private == *event.private());
    Ok(if first.fact.says_the_same_as(fact) && same_private {
        answer::Became::Outcome(Outcome::AlreadyStored { position: first.position })
    } else {
        answer::Became::WouldConflict {
            position: first.position,
            source: fact.source.clone(),
            id: fact.id.clone(),
        }
    })
}
