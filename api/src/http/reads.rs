//! What somebody reads of a person or of the log is recorded before it leaves (spec 6.3, S3).
//!
//! A reading is an event: `access.read` in the stream of whoever it is about, `log.read` in that of whoever reads. The
//! same person who reads the same again within a quarter of an hour reads it once. Where the log cannot be written,
//! nothing is shown.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use mandate_domain::time::Instant;
use mandate_store::{Claim, NewEvent, OnError, Outcome, Position};
use serde_json::{Value, json};

use super::app::App;
use super::caller::Caller;
use super::error::HttpError;

/// Seconds within which reading the same again is the same reading.
const SAME_SECONDS: i64 = 15 * 60;
/// Most readings that are remembered; the oldest are forgotten first, and recorded once more.
const MOST: usize = 20_000;
/// The source of what Mandate itself records.
const SOURCE: &str = "/mandate";
/// The last place that stands in an event: nothing is beyond it.
const LAST_PLACE: u64 = 9_007_199_254_740_991;

/// What is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reading<'r> {
    /// That a number belongs to somebody, by the full id.
    Number(&'r str),
    /// All that is held of somebody, by the full id.
    Held(&'r str),
    /// Events one by one or as a list, after a position.
    Events(Position),
    /// Events as they come, after a position.
    Stream(Position),
    /// The log as a bundle: after a position and up to another.
    Bundle(Position, Position),
}

/// What was recorded of late by this node.
#[derive(Debug, Default)]
pub struct Recorded(Mutex<HashMap<String, Noted>>);

/// When a reading was recorded, and from which place it began.
type Noted = (Instant, u64);

impl Reading<'_> {
    /// What makes it the same reading as another, of no later place; none for what is recorded each time.
    fn sameness(&self) -> Option<(String, u64)> {
        match self {
            Self::Number(subject) => Some((format!("number {subject}"), 0)),
            // Whoever goes on from a later place reads nothing more; from an earlier one they do.
            Self::Events(after) => Some(("events".to_owned(), place(*after))),
            Self::Stream(after) => Some(("stream".to_owned(), place(*after))),
            Self::Held(_) | Self::Bundle(..) => None,
        }
    }

    fn event(&self, reader: &str, now: Instant) -> Result<NewEvent, HttpError> {
        let (kind, subject, data) = match self {
            Self::Number(subject) => ("access.read", *subject, json!({"by": reader, "through": "search"})),
            Self::Held(subject) => {
                ("access.read", *subject, json!({"by": reader, "through": "subject-access"}))
            }
            Self::Events(after) => ("log.read", reader, json!({"through": "list", "after": place(*after)})),
            Self::Bundle(after, up_to) => {
                let data = json!({"through": "bundle", "after": place(*after), "up_to": place(*up_to)});
                ("log.read", reader, data)
            }
            Self::Stream(after) => ("log.read", reader, json!({"through": "stream", "after": place(*after)})),
        };
        new_event(reader, kind, subject, &data, now)
    }
}

/// Records readings of one person or machine; only then may what was read leave. Whoever sits at the machine of a server
/// that knows nobody has no name, and the files of the log. Blocking.
///
/// # Errors
/// [`HttpError`] when the log does not take them: nothing may be shown then.
pub fn record(app: &App, caller: &Caller, readings: &[Reading<'_>]) -> Result<(), HttpError> {
    let Some(reader) = caller.name() else { return Ok(()) };
    let now = app.now();
    let mut fresh: Vec<(Option<(String, u64)>, NewEvent)> = Vec::new();
    for reading in readings {
        let key = reading.sameness().map(|(what, place)| (format!("{reader} {what}"), place));
        if key.as_ref().is_some_and(|(key, place)| app.recorded().has(key, *place, now)) {
            continue;
        }
        fresh.push((key, reading.event(&reader, now)?));
    }
    if fresh.is_empty() {
        return Ok(());
    }
    let (keys, events): (Vec<_>, Vec<_>) = fresh.into_iter().unzip();
    for outcome in app.store.append_blocking(events, OnError::All)? {
        match outcome {
            Outcome::Stored { .. } | Outcome::AlreadyStored { .. } => {}
            Outcome::Refused(refusal) => return Err(HttpError::Failed(refusal.to_string())),
            Outcome::NotStored { .. } => {
                return Err(HttpError::Failed("a reading was not recorded".to_owned()));
            }
        }
    }
    app.recorded().note(keys.into_iter().flatten(), now);
    Ok(())
}

fn place(position: Position) -> u64 {
    position.get().min(LAST_PLACE)
}

fn new_event(
    reader: &str,
    kind: &str,
    subject: &str,
    data: &Value,
    now: Instant,
) -> Result<NewEvent, HttpError> {
    let id = crate::random::hexadecimal::<12>().map_err(|error| HttpError::Failed(error.to_string()))?;
    let value = json!({
        "specversion": "1.0", "id": format!("read-{id}"), "source": SOURCE, "type": kind, "subject": subject,
        "time": now, "data": data,
    });
    let event = NewEvent::from_value(&value, Claim::Ignore).and_then(|event| event.by(reader));
    event.map_err(|error| HttpError::Failed(format!("a reading cannot be recorded: {error}")))
}

impl Recorded {
    fn has(&self, key: &str, place: u64, now: Instant) -> bool {
        self.kept().get(key).is_some_and(|(at, from)| is_of_late(*at, now) && *from <= place)
    }

    fn note(&self, keys: impl IntoIterator<Item = (String, u64)>, now: Instant) {
        let mut kept = self.kept();
        kept.extend(keys.into_iter().map(|(key, place)| (key, (now, place))));
        if kept.len() > MOST {
            kept.retain(|_, (at, _)| is_of_late(*at, now));
        }
        if kept.len() > MOST {
            let mut times: Vec<Instant> = kept.values().map(|(at, _)| *at).collect();
            times.sort_unstable();
            let middle = times.get(times.len() / 2).copied().unwrap_or(now);
            kept.retain(|_, (at, _)| *at > middle);
        }
    }

    fn kept(&self) -> MutexGuard<'_, HashMap<String, Noted>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a reading of then is the same as one of now.
fn is_of_late(at: Instant, now: Instant) -> bool {
    at <= now && now < at.plus_seconds(SAME_SECONDS)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Instant {
        Instant::parse(text).unwrap()
    }

    #[test]
    fn the_same_reading_is_recorded_again_after_a_quarter_of_an_hour() {
        let recorded = Recorded::default();
        recorded.note([("k".to_owned(), 0)], at("2026-03-03T09:00:00Z"));
        assert!(recorded.has("k", 0, at("2026-03-03T09:14:59Z")));
        assert!(!recorded.has("k", 0, at("2026-03-03T09:15:00Z")));
        assert!(!recorded.has("k", 0, at("2026-03-03T08:59:59Z")), "a clock that went back tells nothing");
        assert!(!recorded.has("other", 0, at("2026-03-03T09:00:00Z")));
    }

    #[test]
    fn going_on_from_an_earlier_place_is_another_reading() {
        let (recorded, nine) = (Recorded::default(), at("2026-03-03T09:00:00Z"));
        recorded.note([("k".to_owned(), 7)], nine);
        assert!(recorded.has("k", 7, nine) && recorded.has("k", 8, nine));
        assert!(!recorded.has("k", 6, nine));
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let recorded = Recorded::default();
        for number in 0..2 * MOST {
            recorded.note([(number.to_string(), 0)], at("2026-03-03T09:00:00Z"));
            assert!(recorded.kept().len() <= MOST);
        }
    }
}
