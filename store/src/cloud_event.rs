//! A fact with its private part: what is told before it is stored, and the event type for `cqrs_es`.

use std::fmt::Write as _;

use mandate_domain::catalogue::{FactType, Shape};
use mandate_domain::fact::{Fact, FactError, Value};
use mandate_domain::time::Instant;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

use crate::leaf::EVENT_VERSION;
use crate::private::{Private, push_json};

/// A CloudEvent in two parts: the fact that anyone with the log may read, and what is sealed.
///
/// Serde writes it whole and reads it whole, as structured-mode JSON. One that was loaded from the log has an empty
/// private part, with an empty text in place of each sealed one; [`Keys::unseal`](crate::Keys::unseal) opens it.
#[derive(Debug, Clone, PartialEq)]
pub struct CloudEvent {
    /// The public part.
    pub fact: Fact,
    /// The private part.
    pub private: Private,
}

/// Whether a written event shows its private part.
#[derive(Debug, Clone, Copy)]
enum Shown<'a> {
    /// An empty text stands for each sealed one, so that the text parses to the very same fact.
    Public,
    /// Everything.
    Whole(&'a Private),
}

impl CloudEvent {
    /// Reads one structured-mode CloudEvent.
    ///
    /// # Errors
    /// As [`Fact::parse`].
    pub fn parse(text: &str) -> Result<Self, FactError> {
        Self::of_parsed(Fact::parse(text)?, text)
    }

    /// Reads one that was taken before, as [`Fact::parse_stored`].
    ///
    /// # Errors
    /// As [`Fact::parse_stored`].
    pub(crate) fn parse_stored(text: &str) -> Result<Self, FactError> {
        Self::of_parsed(Fact::parse_stored(text)?, text)
    }

    /// A fact that was parsed before, from the same text.
    ///
    /// # Errors
    /// [`FactError`] when the text is not JSON.
    pub fn of_parsed(fact: Fact, text: &str) -> Result<Self, FactError> {
        let private = Private::of_event(fact.kind, text)?;
        Ok(Self { fact, private })
    }

    /// The names of what two events of one (source, id) say differently, their claims of when they were recorded
    /// aside; never a value, and never the name of a field that is not in the catalogue.
    pub(crate) fn differences(&self, other: &Self) -> Vec<String> {
        let (one, two) = (&self.fact, &other.fact);
        let mut names = Vec::new();
        let envelope = [
            ("type", one.kind != two.kind),
            ("subject", one.subject != two.subject),
            ("time", one.time != two.time),
        ];
        names.extend(envelope.iter().filter(|(_, differs)| *differs).map(|(name, _)| (*name).to_owned()));
        let mut fields: Vec<_> = one.data.iter().chain(&two.data).map(|(field, _)| *field).collect();
        fields.sort_unstable();
        fields.dedup();
        let differing = fields.into_iter().filter(|field| one.get(*field) != two.get(*field));
        names.extend(differing.map(|field| format!("data.{field}")));
        let (mine, theirs) = (&self.private, &other.private);
        for (name, _) in mine.iter().chain(theirs.iter()) {
            if mine.get(name) != theirs.get(name) {
                names.push(match one.kind.field(name) {
                    Some(_) => format!("data.{name}"),
                    None => "a field of data outside the catalogue".to_owned(),
                });
            }
        }
        let mut seen = std::collections::HashSet::new();
        names.retain(|name| seen.insert(name.clone()));
        names
    }
}

/// Writes the public part of a fact as structured-mode JSON, `recordedtime` as given.
///
/// The order is fixed: the envelope as in the specification, then the fields of `data` by name.
pub(crate) fn write_public(fact: &Fact, recorded: Option<Instant>) -> String {
    write(fact, recorded, Shown::Public)
}

fn write(fact: &Fact, recorded: Option<Instant>, shown: Shown<'_>) -> String {
    let mut out = Vec::with_capacity(512);
    out.extend_from_slice(b"{\"specversion\":\"1.0\",\"id\":");
    push_json(&mut out, &*fact.id);
    out.extend_from_slice(b",\"source\":");
    push_json(&mut out, &*fact.source);
    out.extend_from_slice(b",\"type\":\"");
    out.extend_from_slice(fact.kind.name().as_bytes());
    out.extend_from_slice(b"\",\"subject\":");
    push_json(&mut out, &*fact.subject);
    out.extend_from_slice(b",\"time\":");
    push_json(&mut out, &fact.time);
    if let Some(recorded) = recorded {
        out.extend_from_slice(b",\"recordedtime\":");
        push_json(&mut out, &recorded);
    }
    out.extend_from_slice(b",\"data\":{");
    let mut fields: Vec<(&str, Part<'_>)> = Vec::with_capacity(fact.data.len());
    fields.extend(fact.data.iter().map(|(field, value)| (field.name(), Part::Public(value))));
    if let Shown::Whole(private) = shown {
        fields.retain(|(name, _)| private.get(name).is_none());
        fields.extend(private.iter().map(|(name, value)| (name, Part::Private(value))));
    }
    fields.sort_unstable_by_key(|(name, _)| *name);
    for (at, (name, part)) in fields.iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        push_json(&mut out, name);
        out.push(b':');
        match part {
            Part::Public(value) => push_value(&mut out, fact.kind, name, value),
            Part::Private(value) => push_json(&mut out, value),
        }
    }
    out.extend_from_slice(b"}}");
    // Only JSON was written, which is UTF-8.
    String::from_utf8(out).unwrap_or_default()
}

enum Part<'a> {
    Public(&'a Value),
    Private(&'a serde_json::Value),
}

fn push_value(out: &mut Vec<u8>, kind: FactType, name: &str, value: &Value) {
    match value {
        Value::None => match kind.field(name).map(|spec| spec.shape) {
            Some(Shape::Text) => out.extend_from_slice(b"\"\""),
            _ => out.extend_from_slice(b"null"),
        },
        Value::Text(text) => push_json(out, &**text),
        Value::Bool(value) => push_json(out, value),
        Value::Number(value) => push_json(out, value),
        Value::Date(date) => push_json(out, date),
        Value::Instant(at) => push_json(out, at),
        Value::Texts(texts) => push_json(out, &**texts),
        Value::Dates(dates) => push_json(out, &**dates),
        Value::Event(event) => {
            let (source, id) = &**event;
            out.extend_from_slice(b"{\"source\":");
            push_json(out, &**source);
            out.extend_from_slice(b",\"id\":");
            push_json(out, &**id);
            out.push(b'}');
        }
        Value::Holidays(holidays) => {
            out.push(b'[');
            for (at, (date, title)) in holidays.iter().enumerate() {
                out.extend_from_slice(if at > 0 { b",{\"date\":" } else { b"{\"date\":" });
                push_json(out, date);
                out.extend_from_slice(b",\"title\":");
                push_json(out, &**title);
                out.push(b'}');
            }
            out.push(b']');
        }
        Value::Sample(size, passed) => {
            let mut text = String::new();
            let written = write!(text, "{{\"size\":{size},\"passed\":{passed}}}");
            debug_assert!(written.is_ok(), "writing to a string never fails");
            out.extend_from_slice(text.as_bytes());
        }
    }
}

impl Serialize for CloudEvent {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let text = write(&self.fact, self.fact.recorded, Shown::Whole(&self.private));
        let raw = RawValue::from_string(text).map_err(serde::ser::Error::custom)?;
        raw.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for CloudEvent {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Box::<RawValue>::deserialize(deserializer)?;
        Self::parse_stored(text.get()).map_err(D::Error::custom)
    }
}

impl cqrs_es::DomainEvent for CloudEvent {
    fn event_type(&self) -> String {
        self.fact.kind.name().to_owned()
    }

    fn event_version(&self) -> String {
        EVENT_VERSION.to_owned()
    }
}
