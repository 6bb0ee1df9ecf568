//! `GET /v1/events/stream`: events as they are recorded, as server-sent events.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, HeaderName, header};
use axum::response::sse::{Event as Sent, KeepAlive, Sse};
use axum::response::{IntoResponse as _, Response};
use futures_util::{StreamExt as _, stream};
use mandate_store::{Head, Position};
use tokio::sync::watch;
use tokio::time::Instant as Moment;

use super::app::App;
use super::caller::Caller;
use super::error::HttpError;
use super::events::{self, Event, Events, Wanted};
use super::query::Query;
use super::reads::{self, Reading};
use super::slots::Slot;

/// A sign of life after so long without an event.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// A stream ends after so long; who reads it begins again from its last event.
const LONGEST: Duration = Duration::from_hours(1);
/// After how many milliseconds a reader begins again.
const RETRY: Duration = Duration::from_secs(3);

/// A stream in hand.
struct Course {
    app: App,
    caller: Caller,
    /// What the caller was known by.
    credentials: HeaderMap,
    wanted: Wanted,
    /// What was read and not sent yet, the next last.
    waiting: Vec<Event>,
    head: watch::Receiver<Head>,
    closing: watch::Receiver<bool>,
    ends_at: Moment,
    _room: Slot,
}

/// Sends events from now on, from after a position, or from after the last one that was received.
///
/// # Errors
/// [`HttpError::Parameter`], [`HttpError::NotAllowed`], [`HttpError::Streams`] when too many are open.
pub async fn open(
    State(app): State<App>,
    RawQuery(raw): RawQuery,
    caller: Caller,
    headers: HeaderMap,
) -> Result<Response, HttpError> {
    let query = Query::read(raw.as_deref(), &["after", "type", "subject"])?;
    let mut wanted = events::wanted(&query)?;
    let head = app.store.watch();
    if let Some(last) = last_received(&headers)? {
        wanted.after = last;
    } else if query.one("after")?.is_none() {
        wanted.after = head.borrow().position;
    }
    let (asking, asked) = (caller.clone(), wanted.clone());
    let room = app.room_for_a_stream(&caller).ok_or(HttpError::Streams)?;
    // Whoever may not read hears it now, not in the stream; that somebody reads on from here is recorded first.
    app.blocking(move |app| {
        events::seen(app, &asking, &asked)?;
        reads::record(app, &asking, &[Reading::Stream(asked.after)])
    })
    .await?;
    let course = Course {
        closing: app.closing(),
        ends_at: Moment::now() + LONGEST,
        waiting: Vec::new(),
        _room: room,
        app,
        caller,
        credentials: credentials(&headers),
        wanted,
        head,
    };
    let sent = stream::unfold(course, |mut course| async move {
        let event = course.next().await?;
        Some((Ok::<_, Infallible>(event), course))
    })
    // A body may be asked once more after its end.
    .fuse();
    let alive = KeepAlive::new().interval(HEARTBEAT).text("alive");
    let mut response = Sse::new(sent).keep_alive(alive).into_response();
    // Something in front of the server must not gather events before it passes them on.
    let unbuffered = HeaderName::from_static("x-accel-buffering");
    response.headers_mut().insert(unbuffered, axum::http::HeaderValue::from_static("no"));
    Ok(response)
}

/// What of a request says who sent it.
fn credentials(headers: &HeaderMap) -> HeaderMap {
    let known = [header::AUTHORIZATION, header::COOKIE];
    let stated = headers.iter().filter(|(name, _)| known.contains(name));
    stated.map(|(name, value)| (name.clone(), value.clone())).collect()
}

fn last_received(headers: &HeaderMap) -> Result<Option<Position>, HttpError> {
    let Some(value) = headers.get("last-event-id") else { return Ok(None) };
    let text = value.to_str().unwrap_or_default().trim();
    if text.is_empty() {
        return Ok(None);
    }
    let number = text.parse::<u64>().ok().filter(|number| i64::try_from(*number).is_ok());
    let wrong = || HttpError::parameter("Last-Event-ID", "expected the position of an event");
    number.map(|number| Some(Position::new(number))).ok_or_else(wrong)
}

impl Course {
    /// The next event as it is sent; none at the end of the stream.
    async fn next(&mut self) -> Option<Sent> {
        loop {
            if !self.caller.is_still(&self.app, &self.credentials).await {
                tracing::info!("a stream of events ended with the session or token of its reader");
                return None;
            }
            if let Some(event) = self.waiting.pop() {
                // Rights and limits follow from the log: as long as it is as it was when this was read, they are as well.
                if self.head.has_changed().unwrap_or(true) && !self.is_seen(event.position()).await? {
                    continue;
                }
                let sent = Sent::default().id(event.position().to_string()).retry(RETRY);
                return sent.json_data(&event).ok();
            }
            if *self.closing.borrow() || Moment::now() >= self.ends_at {
                return None;
            }
            self.head.borrow_and_update();
            let Events { events, next_after, .. } = self.read().await?;
            let more = next_after > self.wanted.after;
            self.wanted.after = next_after.max(self.wanted.after);
            self.waiting = events;
            self.waiting.reverse();
            if more {
                continue;
            }
            tokio::select! {
                changed = self.head.changed() => changed.ok()?,
                _ = self.closing.changed() => return None,
                () = tokio::time::sleep_until(self.ends_at) => return None,
                // Nothing was recorded: is whoever reads still who they were?
                () = tokio::time::sleep(HEARTBEAT) => {}
            }
        }
    }

    /// Whether what was read before may be read still: a right that was lost ends the stream.
    async fn is_seen(&self, position: Position) -> Option<bool> {
        let caller = self.caller.clone();
        self.app.blocking(move |app| events::is_seen(app, &caller, position)).await.ok()
    }

    /// What is there now, for somebody who may still read: a right that was lost ends the stream.
    async fn read(&self) -> Option<Events> {
        let (caller, wanted) = (self.caller.clone(), self.wanted.clone());
        match self.app.blocking(move |app| events::seen(app, &caller, &wanted)).await {
            Ok(found) => Some(found),
            Err(error) => {
                tracing::info!(%error, "a stream of events ended");
                None
            }
        }
    }
}
