//! Bodies of requests: read whole, within a size and a time.

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, header};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use mandate_domain::fact::repeated;
use serde::Deserialize;
use serde_json::Value;

use super::error::HttpError;
use super::query::Query;

/// Most bytes of facts.
pub const MAX_FACTS_BYTES: usize = 8 << 20;
/// Most bytes of a form.
const MAX_FORM_BYTES: usize = 64 << 10;
/// How long a body may take.
const TIME: Duration = Duration::from_secs(30);

/// Reads a body; one that is too long is refused before or while it arrives, and never held.
///
/// # Errors
/// [`HttpError::TooLong`], [`HttpError::TooSlow`], [`HttpError::Malformed`] when it breaks off,
/// [`HttpError::MediaType`] when it is compressed.
pub async fn read(headers: &HeaderMap, body: Body, limit: usize) -> Result<Bytes, HttpError> {
    if headers.get(header::CONTENT_ENCODING).is_some_and(|coding| coding != "identity") {
        return Err(HttpError::MediaType("compressed bodies are not read; send it as it is".to_owned()));
    }
    let stated =
        headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if stated.is_some_and(|length| length > limit as u64) {
        return Err(HttpError::TooLong { limit });
    }
    let collected = tokio::time::timeout(TIME, Limited::new(body, limit).collect()).await;
    match collected {
        Err(_) => Err(HttpError::TooSlow { seconds: TIME.as_secs() }),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(HttpError::TooLong { limit }),
        Ok(Err(_)) => Err(HttpError::Malformed("the body broke off; send it again".to_owned())),
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
    }
}

/// Reads a form; `known` names its fields.
///
/// # Errors
/// As [`read`]; [`HttpError::Parameter`] for a field that is unknown or cannot be read.
pub async fn form(headers: &HeaderMap, body: Body, known: &[&str]) -> Result<Query, HttpError> {
    Query::read(Some(&form_text(headers, body, MAX_FORM_BYTES).await?), known)
}

/// Reads a form in whose fields line breaks may stand, and whatever else was typed: whoever takes it says what is wrong
/// with which field.
///
/// # Errors
/// As [`read`]; [`HttpError::Parameter`] for a field that is not UTF-8.
pub async fn typed_form(headers: &HeaderMap, body: Body, limit: usize) -> Result<Query, HttpError> {
    Query::read_typed(&form_text(headers, body, limit).await?)
}

async fn form_text(headers: &HeaderMap, body: Body, limit: usize) -> Result<String, HttpError> {
    let media = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if media.split(';').next().map(str::trim) != Some("application/x-www-form-urlencoded") {
        return Err(HttpError::MediaType("expected a form, application/x-www-form-urlencoded".to_owned()));
    }
    let bytes = read(headers, body, limit).await?;
    String::from_utf8(bytes.into()).map_err(|_| HttpError::Malformed("the form is not UTF-8".to_owned()))
}

/// Reads a JSON object as what it is to be. An array is none, although it could be read field by field.
///
/// # Errors
/// As [`read`]; [`HttpError::MediaType`], [`HttpError::Malformed`] for what is no JSON, [`HttpError::Unprocessable`]
/// for JSON of another form.
pub async fn json<T: for<'de> Deserialize<'de>>(
    headers: &HeaderMap,
    body: Body,
    limit: usize,
) -> Result<T, HttpError> {
    let media = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if media.split(';').next().map(str::trim) != Some("application/json") {
        return Err(HttpError::MediaType("expected `Content-Type: application/json`".to_owned()));
    }
    let bytes = read(headers, body, limit).await?;
    object(&bytes)
}

/// Reads the bytes of a JSON object.
///
/// # Errors
/// As [`json`].
pub fn object<T: for<'de> Deserialize<'de>>(bytes: &[u8]) -> Result<T, HttpError> {
    let value: Value =
        serde_json::from_slice(bytes).map_err(|error| HttpError::Malformed(format!("not JSON: {error}")))?;
    if !value.is_object() {
        return Err(HttpError::Unprocessable("expected a JSON object".to_owned()));
    }
    serde_json::from_value(value).map_err(|error| HttpError::Unprocessable(told(&error.to_string())))
}

/// What is wrong with JSON of another form, without the text that was sent in place of what was expected.
fn told(error: &str) -> String {
    for (start, instead) in
        [("invalid type: string ", "invalid type: a text"), ("invalid value: string ", "a text")]
    {
        if let Some(rest) = error.strip_prefix(start) {
            let expected = rest.rfind(", expected ").and_then(|at| rest.get(at..)).unwrap_or_default();
            return format!("{instead}{expected}");
        }
    }
    for start in ["unknown field `", "unknown variant `"] {
        if let Some((name, rest)) =
            error.strip_prefix(start).and_then(|rest| rest.rsplit_once("`, expected "))
        {
            // What is expected stands in the same marks.
            let (name, rest) = match name.split_once("`, expected ") {
                Some((name, more)) => (name, format!("{more}`, expected {rest}")),
                None => (name, rest.to_owned()),
            };
            return format!("{start}{}`, expected {rest}", repeated(name));
        }
    }
    error.to_owned()
}
