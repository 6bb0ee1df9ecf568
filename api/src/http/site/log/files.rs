//! The files that a verifier takes: the public key, a checkpoint, a request to a witness.

use axum::extract::State;
use axum::http::{HeaderMap, Uri, header};
use axum::response::{IntoResponse as _, Response};
use mandate_store::{Position, Signed};
use mandate_verify::witness::Request;

use super::reader;
use crate::http::app::App;
use crate::http::error::HttpError;
use crate::http::query::Query;
use crate::http::site::show_judged;

/// The public key, as `mandate-verify --key` reads it.
pub async fn key(State(app): State<App>, uri: Uri, headers: HeaderMap) -> Response {
    show_judged(app, &uri, &headers, move |app, visitor| {
        reader(app, visitor)?;
        let key = app.store.verifying_key().ok_or_else(|| HttpError::not_found("key", "verifying"))?;
        Ok(file("auditor.vkey", format!("{key}\n")))
    })
    .await
}

/// A checkpoint as a signed note, the latest where no size is stated.
pub async fn checkpoint(State(app): State<App>, uri: Uri, headers: HeaderMap) -> Response {
    let raw = uri.query().map(str::to_owned);
    show_judged(app, &uri, &headers, move |app, visitor| {
        let query = Query::read(raw.as_deref(), &["size"])?;
        reader(app, visitor)?;
        let stated = query.one("size")?.is_some();
        let size = query.number("size", 1, 1..=u64::MAX >> 1)?;
        let size = if stated { Position::new(size) } else { app.store.reader().head()?.position };
        let signed = of_size(app, size)?.filter(|signed| !stated || signed.size == size);
        let signed = signed.ok_or_else(|| HttpError::not_found("checkpoint", &size.to_string()))?;
        Ok(file("checkpoint.txt", signed.note))
    })
    .await
}

/// What `mandate-verify witness` takes: an older size, the proof from there, a newer checkpoint.
pub async fn request(State(app): State<App>, uri: Uri, headers: HeaderMap) -> Response {
    let raw = uri.query().map(str::to_owned);
    show_judged(app, &uri, &headers, move |app, visitor| {
        let query = Query::read(raw.as_deref(), &["from", "to"])?;
        reader(app, visitor)?;
        let from = query.number("from", 0, 0..=u64::MAX >> 1)?;
        let to = Position::new(query.number("to", 1, 1..=u64::MAX >> 1)?);
        let signed = of_size(app, to)?.filter(|signed| signed.size == to);
        let signed = signed.ok_or_else(|| HttpError::not_found("checkpoint", &to.to_string()))?;
        if from > to.get() {
            return Err(HttpError::parameter("from", format!("{from} is more than `to`, {to}")));
        }
        let proof =
            if from == 0 { Vec::new() } else { app.store.reader().consistency(Position::new(from), to)? };
        Ok(file("request.txt", Request { old: from, proof, note: signed.note }.to_string()))
    })
    .await
}

/// The latest checkpoint that is no larger than a size.
fn of_size(app: &App, size: Position) -> Result<Option<Signed>, HttpError> {
    Ok(app.store.reader().checkpoints(size, 1)?.pop())
}

fn file(name: &str, text: String) -> Response {
    let headers = [
        (header::CONTENT_TYPE, "text/plain; charset=utf-8".to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")),
    ];
    (headers, text).into_response()
}
