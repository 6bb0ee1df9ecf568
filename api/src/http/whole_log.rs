//! The whole log in memory, for what is judged from all of it.

use mandate_domain::judge::History;
use mandate_store::{MAX_READ, Position};

use super::app::App;
use super::error::HttpError;

/// Longest log that is judged while somebody waits.
const MAX_EVENTS: u64 = 500_000;

/// The facts of the whole log.
///
/// # Errors
/// [`HttpError`] when it is too long to be judged while somebody waits, or cannot be read.
pub fn read(app: &App) -> Result<History, HttpError> {
    let head = app.store.reader().head()?.position;
    if head.get() > MAX_EVENTS {
        return Err(HttpError::Unprocessable(format!(
            "this is judged from the whole log, which is too long for that here ({head} events); ask for one subject: \
             /v1/nominals/<reference>/duties"
        )));
    }
    let mut history = History::default();
    let mut after = Position::START;
    loop {
        let events = app.store.reader().read_after(after, MAX_READ)?.events;
        let Some(last) = events.last() else { return Ok(history) };
        after = last.position;
        for event in events {
            let position = u32::try_from(event.position.get()).unwrap_or(u32::MAX);
            let fact = event.into_fact();
            history.add(&fact, fact.recorded_or_time(), position);
        }
    }
}
