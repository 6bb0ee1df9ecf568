//! A message as it came: its body out of whatever surrounds it, and what tells it from others.

use std::fmt::Write as _;

use mandate_domain::fact::{Newlines, forbidden_character, looks_personal};
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

/// Longest message, in bytes; SNS carries no longer one.
pub const MAX_MESSAGE_BYTES: usize = 256 << 10;
/// Longest message once every character outside of ASCII is written as its escape, in bytes: three times as long, which
/// is what text in any script takes.
const MAX_ASCII_BYTES: usize = 3 * MAX_MESSAGE_BYTES;
/// Longest id of a message, in bytes: facts put a suffix behind it.
const MAX_ID_BYTES: usize = 400;

/// Why a text is no message at all, and goes back to its sender.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MessageError {
    /// Not JSON.
    #[error("not JSON: {0}")]
    NotJson(String),
    /// Too long.
    #[error("{0} bytes long; a message has at most {MAX_MESSAGE_BYTES}")]
    TooLong(usize),
}

/// A message from the HMPPS domain events, bare or inside an SNS envelope, perhaps with an enrichment beside it.
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    /// As it came, in ASCII: every other character is written as its escape.
    pub text: String,
    /// The body; none where there is none that can be read, with why.
    pub body: Result<Map<String, Value>, &'static str>,
    /// What the sender put beside it.
    pub enrichment: Map<String, Value>,
    /// SHA-256 of the body, in hexadecimal digits.
    pub digest: String,
    /// The body's id, else the SNS `MessageId`, else the digest.
    pub id: String,
    /// `/hmpps/` and the first part of the event type.
    pub teller: String,
}

impl Message {
    /// Reads a message.
    ///
    /// # Errors
    /// [`MessageError`] when it is not JSON or too long; JSON of any kind is a message.
    pub fn read(text: &str) -> Result<Self, MessageError> {
        let text = text.trim();
        if text.len() > MAX_MESSAGE_BYTES {
            return Err(MessageError::TooLong(text.len()));
        }
        Self::read_kept(ascii(text))
    }

    /// Reads a message that was kept: it is in ASCII, and may be longer for that.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub fn read_kept(text: String) -> Result<Self, MessageError> {
        if text.len() > MAX_ASCII_BYTES {
            return Err(MessageError::TooLong(text.len()));
        }
        let value: Value = serde_json::from_str(&text).map_err(|error| {
            MessageError::NotJson(format!("line {} column {}", error.line(), error.column()))
        })?;
        let mut parts = Parts::default();
        let body = parts.take_apart(&text, value);
        let digest = hexadecimal(&Sha256::digest(parts.body.as_deref().unwrap_or(&text).as_bytes()));
        let stated = body.as_ref().ok().and_then(|body| scalar(body.get("id")));
        let id = [stated, parts.message_id].into_iter().flatten().find(|id| is_opaque(id));
        let id = id.unwrap_or_else(|| digest.clone());
        let family = body.as_ref().ok().and_then(|body| body.get("eventType")?.as_str()?.split('.').next());
        let family = family.filter(|family| is_family(family)).unwrap_or("unknown");
        let teller = format!("/hmpps/{family}");
        Ok(Self { body, enrichment: parts.enrichment, digest, id, teller, text })
    }
}

/// What surrounds a body.
#[derive(Default)]
struct Parts {
    enrichment: Map<String, Value>,
    message_id: Option<String>,
    /// The text of the body, where it is not the whole.
    body: Option<String>,
}

impl Parts {
    fn take_apart(&mut self, text: &str, value: Value) -> Result<Map<String, Value>, &'static str> {
        let Value::Object(mut outer) = value else { return Err("it is not a JSON object") };
        if !outer.contains_key("eventType") && outer.contains_key("message") {
            self.take_enrichment(&mut outer);
            return match outer.remove("message") {
                Some(Value::String(inner)) => self.take_text(&inner),
                Some(Value::Object(inner)) => {
                    self.body = raw_member(text, "message");
                    self.take_envelope(text, inner)
                }
                _ => Err("its `message` is neither an object nor a text"),
            };
        }
        self.take_envelope(text, outer)
    }

    fn take_envelope(
        &mut self,
        text: &str,
        mut outer: Map<String, Value>,
    ) -> Result<Map<String, Value>, &'static str> {
        let enriched = self.take_enrichment(&mut outer);
        match outer.get("Message") {
            Some(Value::String(inner)) if !outer.contains_key("eventType") => {
                self.message_id = scalar(outer.get("MessageId"));
                self.take_text(&inner.clone())
            }
            Some(_) if !outer.contains_key("eventType") => {
                Err("the `Message` of its SNS envelope is not a text")
            }
            _ => {
                if enriched {
                    self.body = without_member(self.body.as_deref().unwrap_or(text), "enrichment");
                }
                Ok(outer)
            }
        }
    }

    fn take_text(&mut self, inner: &str) -> Result<Map<String, Value>, &'static str> {
        let inner = ascii(inner.trim());
        let value = serde_json::from_str(&inner).map_err(|_| "the message inside is not JSON")?;
        let Value::Object(mut body) = value else {
            self.body = Some(inner);
            return Err("the message inside is not a JSON object");
        };
        let enriched = self.take_enrichment(&mut body);
        self.body = if enriched { without_member(&inner, "enrichment") } else { Some(inner) };
        Ok(body)
    }

    fn take_enrichment(&mut self, from: &mut Map<String, Value>) -> bool {
        match from.remove("enrichment") {
            Some(Value::Object(stated)) => {
                self.enrichment.extend(stated);
                true
            }
            Some(_) => true,
            None => false,
        }
    }
}

/// The text of a member of an object, as it was written.
fn raw_member(text: &str, name: &str) -> Option<String> {
    let members: std::collections::BTreeMap<String, &RawValue> = serde_json::from_str(text).ok()?;
    members.get(name).map(|raw| raw.get().to_owned())
}

/// The text of an object without one of its members, the rest as it was written.
fn without_member(text: &str, name: &str) -> Option<String> {
    let members: std::collections::BTreeMap<String, &RawValue> = serde_json::from_str(text).ok()?;
    let value = members.get(name)?.get();
    let from = (value.as_ptr() as usize).checked_sub(text.as_ptr() as usize)?;
    let (before, after) = (text.get(..from)?, text.get(from + value.len()..)?);
    let before = before.trim_end().strip_suffix(':')?.trim_end();
    // A name that is written with escapes stays where it is: only its value is dropped.
    let Some(before) = before.strip_suffix(&format!("\"{name}\"")) else {
        return Some(format!("{before}:null{after}"));
    };
    Some(match before.trim_end().strip_suffix(',') {
        Some(before) => format!("{}{after}", before.trim_end()),
        None => format!("{before}{}", after.trim_start().strip_prefix(',').unwrap_or(after).trim_start()),
    })
}

/// A string that is not empty, or a number, as text.
#[must_use]
pub fn scalar(value: Option<&Value>) -> Option<String> {
    match value? {
        Value::String(text) => Some(text.trim().to_owned()).filter(|text| !text.is_empty()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// Whether a text may stand where anyone may read it: short, without control characters, and no part of it looks like
/// the number of a person.
#[must_use]
pub fn is_opaque(text: &str) -> bool {
    let parts = text.split(|c: char| !c.is_ascii_alphanumeric());
    !text.is_empty()
        && text.len() <= MAX_ID_BYTES
        && forbidden_character(text, Newlines::Refused).is_none()
        && !looks_personal(text)
        && !text.rsplit_once('/').is_some_and(|(before, last)| {
            looks_personal(last)
                || looks_personal(&format!("{}/{last}", before.rsplit('/').next().unwrap_or("")))
        })
        && !parts.into_iter().any(|part| looks_personal(&part.to_ascii_uppercase()))
}

fn is_family(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

/// JSON text with every character outside of ASCII as its escape; it is the same JSON.
fn ascii(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_ascii() && c != '\u{7f}' {
            out.push(c);
        } else {
            for unit in c.encode_utf16(&mut [0; 2]) {
                // Writing to a string cannot fail.
                let _ = write!(out, "\\u{unit:04x}");
            }
        }
    }
    out
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_id_is_the_bodys_else_that_of_the_envelope_else_the_digest() {
        let bare = Message::read(r#"{"eventType":"a.b","x":"é"}"#).unwrap();
        let digest = hexadecimal(&Sha256::digest(br#"{"eventType":"a.b","x":"\u00e9"}"#));
        assert_eq!((bare.id.as_str(), bare.digest.as_str()), (digest.as_str(), digest.as_str()));
        let inside = r#"{"Message":"{\"eventType\":\"a.b\",\"x\":\"é\"}","MessageId":"m-1"}"#;
        let inside = Message::read(inside).unwrap();
        assert_eq!((inside.id.as_str(), inside.digest.as_str()), ("m-1", digest.as_str()));
        let numbered = Message::read(r#"{"eventType":"a.b","id":17}"#).unwrap();
        assert_eq!((numbered.id.as_str(), numbered.teller.as_str()), ("17", "/hmpps/a"));
        for personal in ["X777978", "e-A8513EA", "x/2002/0073319Z", "case:x777978"] {
            let text = format!(r#"{{"eventType":"a.b","id":"{personal}"}}"#);
            let message = Message::read(&text).unwrap();
            assert_eq!(message.id, message.digest, "{personal}");
        }
    }

    #[test]
    fn an_enrichment_is_found_beside_the_body_wherever_that_is_and_changes_no_digest() {
        let body = r#"{"eventType":"a.b","x":1}"#;
        let bare = Message::read(body).unwrap();
        for text in [
            format!(r#"{{"enrichment":{{"area":"area/A07"}},"message":{body}}}"#),
            r#"{"enrichment":{"area":"area/A07"},"Message":"{\"eventType\":\"a.b\",\"x\":1}"}"#.to_owned(),
            r#"{"enrichment":{"area":"area/A07"},"eventType":"a.b","x":1}"#.to_owned(),
            r#"{"eventType":"a.b" , "enrichment" : {"area":"area/A07"},"x":1}"#.to_owned(),
            r#"{"eventType":"a.b","x":1,"enrichment":{"area":"area/A07"}}"#.to_owned(),
            r#"{"Message":"{\"enrichment\":{\"area\":\"area/A07\"}, \"eventType\":\"a.b\",\"x\":1}"}"#
                .to_owned(),
        ] {
            let message = Message::read(&text).unwrap();
            assert_eq!(message.enrichment.get("area"), Some(&Value::from("area/A07")), "{text}");
            assert_eq!((&message.digest, &message.body), (&bare.digest, &bare.body), "{text}");
        }
    }

    #[test]
    fn a_message_as_long_as_may_be_is_read_again_as_it_was_kept() {
        let long = "é".repeat((MAX_MESSAGE_BYTES - 40) / 2);
        let message = Message::read(&format!(r#"{{"eventType":"a.b","x":"{long}"}}"#)).unwrap();
        assert!(message.text.len() > MAX_MESSAGE_BYTES);
        assert_eq!(Message::read_kept(message.text.clone()).unwrap(), message);
        let deletes = format!(r#"{{"eventType":"{}"}}"#, "\u{7f}".repeat(MAX_MESSAGE_BYTES - 40));
        assert!(matches!(Message::read(&deletes), Err(MessageError::TooLong(_))));
    }

    #[test]
    fn any_json_is_a_message_and_anything_else_is_not() {
        for text in ["1", "[]", "\"a\"", r#"{"Message":1}"#, r#"{"Message":"{"}"#, r#"{"message":null}"#] {
            assert!(Message::read(text).unwrap().body.is_err(), "{text}");
        }
        assert!(matches!(Message::read("{"), Err(MessageError::NotJson(_))));
        assert!(matches!(Message::read(&"1".repeat(MAX_MESSAGE_BYTES + 1)), Err(MessageError::TooLong(_))));
    }
}
