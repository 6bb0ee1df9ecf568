//! `/v1/events/{position}/proof` and `/v1/checkpoints…`: what shows an outsider that nothing was altered.

use axum::Json;
use axum::extract::{Path, RawQuery, State};
use base64ct::{Base64, Encoding as _};
use mandate_domain::rights::Right;
use mandate_domain::time::Instant;
use mandate_store::{Position, Reader, Signed, StoreError};
use mandate_verify::Hash;
use serde::Serialize;

use super::app::App;
use super::caller::Caller;
use super::error::HttpError;
use super::query::Query;
use super::registers::asker::Asker;

/// Checkpoints on a page.
const MAX_LIMIT: u64 = 1_000;

/// That an event is in the log.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Inclusion {
    kind: &'static str,
    position: Position,
    /// SHA-256 of the event's fixed layout, in base64, as the hashes below.
    leaf: String,
    /// The size of the tree in which it is proved to be.
    size: Position,
    /// The hashes beside the way from the leaf to the root.
    proof: Vec<String>,
    /// The signed note of that size; none where none was signed of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    checkpoint: Option<String>,
}

/// That an older log is the beginning of a newer one.
#[derive(Debug, Serialize)]
pub struct Consistency {
    kind: &'static str,
    from: Position,
    to: Position,
    proof: Vec<String>,
    /// The signed note of the newer size; none where none was signed of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    checkpoint: Option<String>,
}

/// A signed checkpoint.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Checkpoint {
    /// Number of events that it covers.
    size: Position,
    signed_at: Instant,
    /// The signed note.
    note: String,
}

/// Signed checkpoints, the latest first.
#[derive(Debug, Serialize)]
pub struct Checkpoints {
    /// The public key that they are checked with.
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    checkpoints: Vec<Checkpoint>,
    /// The last position of the log.
    head: Position,
}

/// Proves that an event is in the log.
///
/// # Errors
/// [`HttpError::NotFound`] when the log is not that long, [`HttpError::Parameter`] for a size that it has not or that
/// does not reach the event.
pub async fn inclusion(
    State(app): State<App>,
    Path(position): Path<String>,
    RawQuery(raw): RawQuery,
    caller: Caller,
) -> Result<Json<Inclusion>, HttpError> {
    let query = Query::read(raw.as_deref(), &["size"])?;
    let size = size(&query, "size")?;
    let wrong = || HttpError::not_found("position", &position);
    let number = Position::new(position.parse().map_err(|_| wrong())?);
    let found = app.judging(move |app| {
        let asker = Asker::of(app, &caller)?;
        asker.must(Right::ReadLog)?;
        let (log, hidden) = (app.store.reader(), asker.hidden(app)?);
        let Some(event) = log.by_position(number)?.filter(|event| !hidden.hides(event)) else {
            return Ok(None);
        };
        // Proved against what was signed, where that covers it.
        let signed = match size {
            Some(size) => signed_of(log, size)?,
            None => log.checkpoints(log.head()?.position, 1)?.pop().filter(|signed| signed.size >= number),
        };
        let size = match (size, &signed) {
            (Some(size), _) => size,
            (None, Some(signed)) => signed.size,
            (None, None) => log.head()?.position,
        };
        let proof = log.inclusion(number, size).map_err(|error| beyond("size", error))?;
        Ok(Some(Inclusion {
            kind: "inclusion",
            position: number,
            leaf: Base64::encode_string(&event.leaf),
            size,
            proof: encoded(&proof),
            checkpoint: signed.map(|signed| signed.note),
        }))
    });
    found.await?.map(Json).ok_or_else(wrong)
}

/// Lists the signed checkpoints, the latest first.
///
/// # Errors
/// [`HttpError::Parameter`] naming a parameter that is unknown or wrong.
pub async fn list(
    State(app): State<App>,
    RawQuery(raw): RawQuery,
    caller: Caller,
) -> Result<Json<Checkpoints>, HttpError> {
    let query = Query::read(raw.as_deref(), &["upTo", "limit"])?;
    let up_to = size(&query, "upTo")?;
    let limit = usize::try_from(query.number("limit", 100, 1..=MAX_LIMIT)?).unwrap_or(100);
    app.blocking(move |app| {
        Asker::of(app, &caller)?.must(Right::ReadLog)?;
        let head = app.store.reader().head()?.position;
        let signed = app.store.reader().checkpoints(up_to.unwrap_or(head), limit)?;
        let checkpoint =
            |signed: Signed| Checkpoint { size: signed.size, signed_at: signed.signed_at, note: signed.note };
        Ok(Json(Checkpoints {
            key: app.store.verifying_key().map(ToString::to_string),
            checkpoints: signed.into_iter().map(checkpoint).collect(),
            head,
        }))
    })
    .await
}

/// Proves that the log of one size is the beginning of that of another.
///
/// # Errors
/// [`HttpError::Parameter`] for sizes that the log does not have, or that are the wrong way round.
pub async fn consistency(
    State(app): State<App>,
    RawQuery(raw): RawQuery,
    caller: Caller,
) -> Result<Json<Consistency>, HttpError> {
    let query = Query::read(raw.as_deref(), &["from", "to"])?;
    let from = size(&query, "from")?.ok_or_else(|| HttpError::parameter("from", "state the smaller size"))?;
    let to = size(&query, "to")?;
    app.judging(move |app| {
        Asker::of(app, &caller)?.must(Right::ReadLog)?;
        let log = app.store.reader();
        let head = log.head()?.position;
        let to = match to {
            Some(to) => to,
            None => log.checkpoints(head, 1)?.pop().map_or(head, |signed| signed.size),
        };
        if from > to {
            return Err(HttpError::parameter("from", format!("{from} is more than `to`, {to}")));
        }
        let proof = log.consistency(from, to).map_err(|error| beyond("to", error))?;
        let checkpoint = signed_of(log, to)?.map(|signed| signed.note);
        Ok(Json(Consistency { kind: "consistency", from, to, proof: encoded(&proof), checkpoint }))
    })
    .await
}

fn size(query: &Query, name: &str) -> Result<Option<Position>, HttpError> {
    let stated = query.one(name)?.is_some();
    let number = query.number(name, 1, 1..=u64::MAX >> 1)?;
    Ok(stated.then_some(Position::new(number)))
}

/// The checkpoint of exactly some size.
fn signed_of(log: &Reader, size: Position) -> Result<Option<Signed>, StoreError> {
    Ok(log.checkpoints(size, 1)?.pop().filter(|signed| signed.size == size))
}

fn beyond(name: &str, error: StoreError) -> HttpError {
    match error {
        StoreError::Beyond { wanted, head } => HttpError::parameter(
            name,
            format!("there is no proof for {wanted}: the log ends at {head}, and a size reaches its event"),
        ),
        other => other.into(),
    }
}

fn encoded(hashes: &[Hash]) -> Vec<String> {
    hashes.iter().map(|hash| Base64::encode_string(hash)).collect()
}
