//! `/v1/webhooks`: who is told of events, kept by administrators.

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use mandate_domain::fact::repeated;
use mandate_domain::rights::Right;
use mandate_domain::time::Instant;
use mandate_store::{NewEvent, OnError, Outcome, Position};
use serde::{Deserialize, Serialize};

use super::app::App;
use super::caller::Caller;
use super::error::HttpError;
use super::query::Query;
use super::registers::asker::Asker;
use crate::webhooks::{
    DeadLetters, Ended, Failing, LastAnswer, Secret, Standing, Target, new_reference, rewound,
    secret_rotated, subscribed, told_patterns, unsubscribed,
};

/// Most bytes of a request.
const MAX_BYTES: usize = 64 << 10;
/// Most subscriptions that are told of events at a time.
const MOST: usize = 100;

/// A subscription; address parameters and the secret are not shown.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Webhook {
    /// Its opaque reference.
    pub reference: String,
    /// `live`, `failing`, `ended`, or `sealed` where its address cannot be opened any more.
    pub status: &'static str,
    /// The address without its parameters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// The types it is told of; all where there is none.
    pub types: Vec<String>,
    /// Who made it.
    pub by: String,
    /// When.
    pub since: Instant,
    /// Up to which position everything was accepted.
    pub reached: Position,
    /// What its address answered last, since this node was started.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_answer: Option<LastAnswer>,
    /// Since when nothing was accepted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failing: Option<Failing>,
    /// What was given up.
    pub dead_letters: Vec<DeadLetters>,
    /// How it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended: Option<Ended>,
}

impl From<Standing> for Webhook {
    fn from(standing: Standing) -> Self {
        let one = &standing.subscription;
        let status = match (&one.ended, &one.target, &one.failing) {
            (Some(_), ..) => "ended",
            (None, None, _) => "sealed",
            (None, Some(_), Some(_)) => "failing",
            (None, Some(_), None) => "live",
        };
        Self {
            reference: one.reference.clone(),
            status,
            url: one.shown_url().map(str::to_owned),
            types: one.types.clone(),
            by: one.by.clone(),
            since: one.since,
            reached: standing.reached,
            last_answer: standing.last_answer.clone(),
            failing: one.failing.clone(),
            dead_letters: one.dead.clone(),
            ended: one.ended.clone(),
        }
    }
}

/// Every subscription.
#[derive(Debug, Serialize)]
pub struct Webhooks {
    /// In the order in which they were made.
    pub webhooks: Vec<Webhook>,
    /// The last position of the log.
    pub head: Position,
}

/// A new subscription, with its secret.
#[derive(Debug, Serialize)]
struct Made {
    #[serde(flatten)]
    webhook: Webhook,
    /// Shown this once.
    secret: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    url: String,
    #[serde(default)]
    types: Vec<String>,
    after: Option<u64>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rewind {
    after: u64,
}

/// The subscriptions, for administrators and auditors. Blocking.
///
/// # Errors
/// [`HttpError::NotAllowed`].
pub fn seen(app: &App, caller: &Caller) -> Result<Webhooks, HttpError> {
    let asker = Asker::of(app, caller)?;
    if asker.must(Right::ReadLog).is_err() {
        asker.must(Right::Administer)?;
    }
    of_all(app)
}

/// The subscriptions. Blocking.
///
/// # Errors
/// [`HttpError`] when the log cannot be read.
pub fn of_all(app: &App) -> Result<Webhooks, HttpError> {
    let webhooks = app.webhooks.standing()?.into_iter().map(Webhook::from).collect();
    Ok(Webhooks { webhooks, head: app.store.reader().head()?.position })
}

/// Lists them.
///
/// # Errors
/// [`HttpError::NotAllowed`].
pub async fn list(
    State(app): State<App>,
    RawQuery(raw): RawQuery,
    caller: Caller,
) -> Result<Json<Webhooks>, HttpError> {
    Query::read(raw.as_deref(), &[])?;
    app.blocking(move |app| Ok(Json(seen(app, &caller)?))).await
}

/// Shows one.
///
/// # Errors
/// [`HttpError::NotFound`].
pub async fn one(
    State(app): State<App>,
    Path(reference): Path<String>,
    caller: Caller,
) -> Result<Json<Webhook>, HttpError> {
    app.blocking(move |app| {
        let mut all = seen(app, &caller)?.webhooks.into_iter();
        let found = all.find(|webhook| webhook.reference == reference);
        found.map(Json).ok_or_else(|| HttpError::not_found("webhook", &reference))
    })
    .await
}

/// Subscribes an address; the answer alone holds the secret.
///
/// # Errors
/// [`HttpError`]: 401, 403 no administrator, 409 too many, 415, 422 an address that is not called, an unknown type.
pub async fn subscribe(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, HttpError> {
    let by = caller.acting(&app)?;
    let wanted: Wanted = json(&headers, body).await?;
    let unprocessable = |reason: String| HttpError::Unprocessable(reason);
    app.webhooks.addresses().read(&wanted.url).map_err(|error| unprocessable(error.to_string()))?;
    if let Some(unknown) = told_patterns(&wanted.types) {
        let reason = format!(
            "`types`: `{}` is no type that is told; expected a type such as \"duty.breached\", or \"breach.*\"",
            repeated(unknown)
        );
        return Err(unprocessable(reason));
    }
    let secret = Secret::new().map_err(|error| HttpError::Failed(error.to_string()))?;
    let reference = new_reference().map_err(|error| HttpError::Failed(error.to_string()))?;
    let (making, now, shown) = (reference.clone(), app.now(), secret.to_text().to_string());
    let event = app
        .blocking(move |app| {
            Asker::of(app, &Caller::person(&by))?.must(Right::Administer)?;
            let live = app.webhooks.standing()?.iter().filter(|one| one.subscription.ended.is_none()).count();
            if live >= MOST {
                return Err(HttpError::Conflict(format!("there are {MOST} webhooks; remove one first")));
            }
            let head = app.store.reader().head()?.position;
            let after = place(wanted.after, head)?;
            // The whole log is an auditor's to read (4.3): others name what they want, from now on.
            if after < head || wanted.types.is_empty() {
                must_read_log(app, &by)?;
            }
            let target = Target { url: wanted.url, secret, former: None };
            let event = subscribed(&making, &by, &target, &wanted.types, after, now);
            event.map_err(HttpError::Unprocessable).and_then(|event| named(event, &by))
        })
        .await?;
    append(&app, event).await?;
    let made = app
        .blocking(move |app| {
            let found = app.webhooks.one(&reference)?;
            let found =
                found.ok_or_else(|| HttpError::Failed(format!("webhook {reference} is not there")))?;
            Ok(Made { webhook: found.into(), secret: shown })
        })
        .await?;
    let location = format!("/v1/webhooks/{}", made.webhook.reference);
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], Json(made)).into_response())
}

/// Sets a subscription back, or on: what comes after a position is sent to it again.
///
/// # Errors
/// [`HttpError`]: 401, 403 no administrator, 404, 409 it has ended, 422 a position that the log does not have.
pub async fn rewind(
    State(app): State<App>,
    Path(reference): Path<String>,
    caller: Caller,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Webhook>, HttpError> {
    let by = caller.acting(&app)?;
    let Rewind { after } = json(&headers, body).await?;
    change(app, reference, by, move |app, reference, by| {
        let after = place(Some(after), app.store.reader().head()?.position)?;
        let found = app.webhooks.one(reference)?;
        if found.is_some_and(|one| after < one.subscription.begun_after) {
            must_read_log(app, by)?;
        }
        rewound(reference, by, after, app.now()).map_err(HttpError::Failed)
    })
    .await
    .map(Json)
}

/// Gives a subscription another secret; for a day it is signed with both, so that a receiver can change in its own time.
/// The answer alone holds the new one.
///
/// # Errors
/// [`HttpError`]: 401, 403 no administrator, 404, 409 it has ended.
pub async fn rotate(
    State(app): State<App>,
    Path(reference): Path<String>,
    caller: Caller,
) -> Result<Response, HttpError> {
    let by = caller.acting(&app)?;
    let fresh = Secret::new().map_err(|error| HttpError::Failed(error.to_string()))?;
    let secret = fresh.to_text().to_string();
    let webhook = change(app, reference, by, move |app, reference, by| {
        secret_rotated(reference, by, &fresh, app.now()).map_err(HttpError::Failed)
    })
    .await?;
    Ok((StatusCode::CREATED, Json(Made { webhook, secret })).into_response())
}

/// Removes a subscription.
///
/// # Errors
/// [`HttpError`]: 401, 403 no administrator, 404, 409 it has ended.
pub async fn remove(
    State(app): State<App>,
    Path(reference): Path<String>,
    caller: Caller,
) -> Result<StatusCode, HttpError> {
    let by = caller.acting(&app)?;
    change(app, reference, by, |app, reference, by| {
        unsubscribed(reference, Some(by), app.now()).map_err(HttpError::Failed)
    })
    .await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn change(
    app: App,
    reference: String,
    by: String,
    event: impl FnOnce(&App, &str, &str) -> Result<NewEvent, HttpError> + Send + 'static,
) -> Result<Webhook, HttpError> {
    let changing = reference.clone();
    let event = app
        .blocking(move |app| {
            Asker::of(app, &Caller::person(&by))?.must(Right::Administer)?;
            let found = app.webhooks.one(&changing)?;
            let found = found.ok_or_else(|| HttpError::not_found("webhook", &changing))?;
            if found.subscription.ended.is_some() {
                return Err(HttpError::Conflict(format!("webhook {changing} has ended; subscribe anew")));
            }
            named(event(app, &changing, &by)?, &by)
        })
        .await?;
    append(&app, event).await?;
    app.blocking(move |app| {
        let found = app.webhooks.one(&reference)?;
        found.map(Webhook::from).ok_or_else(|| HttpError::not_found("webhook", &reference))
    })
    .await
}

fn named(event: NewEvent, by: &str) -> Result<NewEvent, HttpError> {
    event.by(by).map_err(|error| HttpError::Failed(error.to_string()))
}

fn must_read_log(app: &App, by: &str) -> Result<(), HttpError> {
    Asker::of(app, &Caller::person(by))?.must(Right::ReadLog)
}

/// A position that the log has; its end where none is stated.
fn place(stated: Option<u64>, head: Position) -> Result<Position, HttpError> {
    match stated {
        None => Ok(head),
        Some(after) if after <= head.get() => Ok(Position::new(after)),
        Some(after) => Err(HttpError::Unprocessable(format!("`after`: {after}: the log ends at {head}"))),
    }
}

async fn append(app: &App, event: NewEvent) -> Result<(), HttpError> {
    let outcomes = app.store.append(vec![event], OnError::All).await?;
    match outcomes.into_iter().next() {
        Some(Outcome::Refused(refusal)) => Err(HttpError::Conflict(refusal.to_string())),
        Some(Outcome::Stored { .. } | Outcome::AlreadyStored { .. } | Outcome::NotStored { .. }) | None => {
            Ok(())
        }
    }
}

async fn json<T: for<'de> Deserialize<'de>>(headers: &HeaderMap, body: Body) -> Result<T, HttpError> {
    super::body::json(headers, body, MAX_BYTES).await
}
