//! The three ways in which CloudEvents travel over HTTP: structured, batch and binary.

use axum::http::{HeaderMap, header};
use mandate_domain::fact::repeated;
use percent_encoding::percent_decode_str;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::http::error::HttpError;

/// What was sent.
pub enum Sent<'b> {
    /// One event, as structured-mode JSON.
    One(String),
    /// Several.
    Batch(Vec<&'b RawValue>),
}

/// The way in which it was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    Structured,
    Batch,
    Binary,
}

const EXPECTED: &str = "expected `Content-Type: application/cloudevents+json` for one fact, \
     `application/cloudevents-batch+json` for several, or `application/json` with `ce-…` headers";

/// The way in which a request sends facts, by its headers.
///
/// # Errors
/// [`HttpError::MediaType`] when it is none of them.
pub fn mode(headers: &HeaderMap) -> Result<Mode, HttpError> {
    let stated = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let mut parts = stated.split(';').map(str::trim);
    let media = parts.next().unwrap_or_default().to_ascii_lowercase();
    for parameter in parts {
        let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        if name.eq_ignore_ascii_case("charset") && !value.trim_matches('"').eq_ignore_ascii_case("utf-8") {
            return Err(HttpError::MediaType(format!("charset `{}`: only UTF-8 is read", repeated(value))));
        }
    }
    let binary = headers.keys().any(|name| name.as_str().starts_with("ce-"));
    match media.as_str() {
        "application/cloudevents+json" => Ok(Mode::Structured),
        "application/cloudevents-batch+json" => Ok(Mode::Batch),
        "application/json" if binary => Ok(Mode::Binary),
        "" => Err(HttpError::MediaType(format!("no content type; {EXPECTED}"))),
        "application/json" => Err(HttpError::MediaType(format!("no `ce-…` headers; {EXPECTED}"))),
        other => Err(HttpError::MediaType(format!("`{}`; {EXPECTED}", repeated(other)))),
    }
}

/// Takes a body apart; its facts are not looked at yet.
///
/// # Errors
/// [`HttpError::Malformed`] when it is not JSON, [`HttpError::Unprocessable`] when it is JSON of another kind.
pub fn decode<'b>(mode: Mode, headers: &HeaderMap, body: &'b [u8]) -> Result<Sent<'b>, HttpError> {
    let text =
        std::str::from_utf8(body).map_err(|error| HttpError::Malformed(format!("not UTF-8: {error}")))?;
    match mode {
        Mode::Structured => {
            let event: &RawValue = json(text)?;
            if !event.get().starts_with('{') {
                let reason = "expected one JSON object; several facts are sent as `application/cloudevents-batch+json`";
                return Err(HttpError::Unprocessable(reason.to_owned()));
            }
            Ok(Sent::One(event.get().to_owned()))
        }
        Mode::Batch => {
            if !text.trim_start().starts_with('[') {
                json::<&RawValue>(text)?;
                return Err(HttpError::Unprocessable("expected a JSON array of facts".to_owned()));
            }
            json(text).map(Sent::Batch)
        }
        Mode::Binary => binary(headers, text).map(Sent::One),
    }
}

fn json<'b, T: serde::Deserialize<'b>>(text: &'b str) -> Result<T, HttpError> {
    serde_json::from_str(text).map_err(|error| HttpError::Malformed(format!("not JSON: {error}")))
}

/// The event of a binary-mode request, as structured-mode JSON.
fn binary(headers: &HeaderMap, data: &str) -> Result<String, HttpError> {
    let mut event = Map::new();
    for name in headers.keys() {
        let Some(attribute) = name.as_str().strip_prefix("ce-") else { continue };
        let wrong = |reason: &str| HttpError::Malformed(format!("header `{name}`: {reason}"));
        let mut values = headers.get_all(name).iter();
        let (Some(value), None) = (values.next(), values.next()) else { return Err(wrong("stated twice")) };
        let text = std::str::from_utf8(value.as_bytes()).map_err(|_| wrong("not UTF-8"))?;
        let text = percent_decode_str(text).decode_utf8().map_err(|_| wrong("not UTF-8"))?;
        if attribute == "data" || event.insert(attribute.to_owned(), Value::from(text)).is_some() {
            return Err(wrong("no attribute of an event"));
        }
    }
    if data.trim().is_empty() {
        return Ok(Value::Object(event).to_string());
    }
    // The data stay as they were written: a field stated twice must be seen.
    let data: &RawValue = json(data)?;
    let mut text = Value::Object(event).to_string();
    text.pop();
    if text.len() > 1 {
        text.push(',');
    }
    text.push_str("\"data\":");
    text.push_str(data.get());
    text.push('}');
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    #[test]
    fn the_content_type_tells_the_mode() {
        for (media, wanted) in [
            ("application/cloudevents+json", Some(Mode::Structured)),
            ("Application/CloudEvents+JSON; charset=UTF-8", Some(Mode::Structured)),
            ("application/cloudevents-batch+json", Some(Mode::Batch)),
            ("application/json", None),
            ("application/cloudevents+json; charset=latin1", None),
            ("text/plain", None),
        ] {
            assert_eq!(mode(&headers(&[("content-type", media)])).ok(), wanted, "{media}");
        }
        let binary = headers(&[("content-type", "application/json"), ("ce-id", "a")]);
        assert_eq!(mode(&binary).unwrap(), Mode::Binary);
    }

    #[test]
    fn binary_mode_becomes_structured_with_its_data_untouched() {
        let headers = headers(&[("ce-id", "a%20b"), ("ce-source", "/t"), ("content-length", "7")]);
        let text = binary(&headers, r#"{"a":1,"a":2}"#).unwrap();
        assert_eq!(text, r#"{"id":"a b","source":"/t","data":{"a":1,"a":2}}"#);
        assert_eq!(binary(&headers, " ").unwrap(), r#"{"id":"a b","source":"/t"}"#);
    }

    #[test]
    fn truncated_json_is_malformed_and_other_json_is_unprocessable() {
        let none = HeaderMap::new();
        for (mode, body, malformed) in [
            (Mode::Structured, r#"{"id":"#, true),
            (Mode::Structured, "[]", false),
            (Mode::Batch, r#"[{"id":1},"#, true),
            (Mode::Batch, "{}", false),
            (Mode::Batch, "{", true),
        ] {
            let error = decode(mode, &none, body.as_bytes()).err().unwrap();
            assert_eq!(matches!(error, HttpError::Malformed(_)), malformed, "{body}: {error}");
        }
    }
}
