//! `GET /v1/bundle`: the log, or a part of it, as a bundle that `mandate-verify` checks and `mandate judge` reads.
//!
//! It is written while it is sent, and nothing of it is kept. Whoever takes it slowly keeps the log from being tidied, and
//! so has half an hour. A bundle that broke off lacks its last record, which both programs say.

use std::io::{self, Write};
use std::time::{Duration, Instant};

use axum::body::{Body, Bytes};
use axum::extract::{RawQuery, State};
use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use futures_util::{StreamExt as _, stream};
use mandate_domain::rights::Right;
use mandate_store::{Part, Position};
use tokio::sync::mpsc::{Sender, channel};

use super::app::App;
use super::caller::Caller;
use super::error::HttpError;
use super::query::Query;
use super::reads::{self, Reading};
use super::registers::asker::Asker;
use crate::beside::Shipped;

/// Bytes that are sent at once.
const PIECE: usize = 64 << 10;
/// Longest time for one bundle.
const LONGEST: Duration = Duration::from_mins(30);
/// Pieces that wait for whoever takes them.
const WAITING: usize = 4;
/// The last place that may be asked for.
const LAST: u64 = u64::MAX >> 1;

/// Sends the bundle; that it was taken, and from where to where, is recorded first.
///
/// # Errors
/// [`HttpError::Parameter`], [`HttpError::NotAllowed`], [`HttpError::Conflict`] when nothing was signed yet,
/// [`HttpError::Busy`] when others take one.
pub async fn get(
    State(app): State<App>,
    RawQuery(raw): RawQuery,
    caller: Caller,
) -> Result<Response, HttpError> {
    let query = Query::read(raw.as_deref(), &["after", "upTo"])?;
    let after = Position::new(query.number("after", 0, 0..=LAST)?);
    let stated = query.one("upTo")?.is_some();
    let up_to = query.number("upTo", 1, 1..=LAST)?;
    let up_to = stated.then(|| Position::new(up_to));
    let room = app.room_for_a_bundle().ok_or(HttpError::Busy)?;
    let last = app.blocking(move |app| asked(app, &caller, after, up_to)).await?;
    let (sender, receiver) = channel(WAITING);
    tokio::task::spawn_blocking(move || {
        let _room = room;
        let (part, shipped) = (Part { after, up_to: Some(last) }, Shipped::with_this_program());
        let pieces =
            Pieces { sender: sender.clone(), piece: Vec::with_capacity(PIECE), began: Instant::now() };
        if let Err(error) = app.store.reader().export_bundle(pieces, part, &shipped.texts()) {
            tracing::warn!(%error, "a bundle broke off");
            // Whoever takes it hears that it is not whole.
            drop(sender.blocking_send(Err(io::Error::other("the bundle broke off"))));
        }
    });
    let pieces = stream::unfold(receiver, |mut receiver| async move {
        let piece = receiver.recv().await?;
        Some((piece, receiver))
    })
    // A body may be asked once more after its end.
    .fuse();
    let headers = [
        (header::CONTENT_TYPE, "application/octet-stream".to_owned()),
        (
            header::CONTENT_DISPOSITION,
            format!("attachment; filename=\"mandate-{}-{last}.bundle\"", after.next()),
        ),
    ];
    Ok((headers, Body::from_stream(pieces)).into_response())
}

/// Where the bundle ends, for somebody who may take it; recorded. Blocking.
fn asked(
    app: &App,
    caller: &Caller,
    after: Position,
    up_to: Option<Position>,
) -> Result<Position, HttpError> {
    let asker = Asker::of(app, caller)?;
    asker.must(Right::ReadLog)?;
    // An auditor has the whole log (4.3); a machine has none of records that are limited, and a bundle is whole.
    if let Caller::Machine(_) = caller
        && !asker.hidden(app)?.subjects().is_empty()
    {
        return Err(HttpError::Forbidden(
            "the log holds what a machine is not told; have an auditor take the bundle, or read `/v1/events`"
                .to_owned(),
        ));
    }
    let head = app.store.reader().head()?.position;
    let signed = app.store.reader().checkpoints(head, 1)?.pop().ok_or_else(|| {
        HttpError::Conflict(
            "nothing of the log was signed yet, so that nothing could be proved; try again in a minute"
                .to_owned(),
        )
    })?;
    let last = up_to.unwrap_or(signed.size);
    if last > head {
        return Err(HttpError::parameter("upTo", format!("the log ends at {head}")));
    }
    if after > last {
        return Err(HttpError::parameter("after", format!("the bundle would end at {last}")));
    }
    reads::record(app, caller, &[Reading::Bundle(after, last)])?;
    Ok(last)
}

/// Gathers what is written and hands it on a piece at a time, as fast as it is taken.
struct Pieces {
    sender: Sender<io::Result<Bytes>>,
    piece: Vec<u8>,
    began: Instant,
}

impl Pieces {
    fn hand_on(&mut self) -> io::Result<()> {
        if self.piece.is_empty() {
            return Ok(());
        }
        if self.began.elapsed() > LONGEST {
            return Err(io::Error::new(
                io::ErrorKind::TimedOut,
                "it was taken too slowly; ask for a part of it",
            ));
        }
        let piece = std::mem::replace(&mut self.piece, Vec::with_capacity(PIECE));
        let gone = |_| io::Error::new(io::ErrorKind::BrokenPipe, "whoever took it has gone away");
        self.sender.blocking_send(Ok(piece.into())).map_err(gone)
    }
}

impl Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.piece.extend_from_slice(bytes);
        if self.piece.len() >= PIECE {
            self.hand_on()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.hand_on()
    }
}
