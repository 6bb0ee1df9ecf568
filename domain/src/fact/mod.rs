//! A fact as it travels: a CloudEvents 1.0 object, parsed once into types (spec 2.1).

mod decode;
mod plain;
mod text;

use std::borrow::Cow;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use crate::catalogue::{COMMON, FactType, Field, Shape, SubjectKind};
use crate::time::{Date, Instant};

pub(crate) use decode::decode_value;
use decode::{check_required, decode_data, kind_of};
pub(crate) use text::NUMBER;
use text::forbidden;
pub use text::{Newlines, forbidden_character, holds_number, looks_personal, repeated, shortened};

/// Longest id, source or subject, in bytes.
pub const MAX_NAME_BYTES: usize = 512;

/// Why a text is not a fact; names the field and the rule that it breaks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FactError {
    /// Not JSON, or not a JSON object.
    #[error("not a JSON object: {0}")]
    Json(String),
    /// A field of the envelope or of `data` that is missing, unknown or wrong.
    #[error("field `{field}`: {reason}")]
    Field {
        /// The field, with `data.` before those inside `data`.
        field: String,
        /// What is wrong and what would be right.
        reason: String,
    },
}

impl FactError {
    /// An error about one field.
    #[must_use]
    pub fn field(field: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::Field { field: field.into(), reason: reason.into() }
    }
}

/// The value of a field inside `data`, with texts of their own or borrowed ones.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value<T = Box<str>> {
    /// Null, for "none".
    None,
    /// A text, id, code or word.
    Text(T),
    /// True or false.
    Bool(bool),
    /// A whole number.
    Number(i64),
    /// A date.
    Date(Date),
    /// An instant.
    Instant(Instant),
    /// A list of texts, ids or words.
    Texts(Box<[T]>),
    /// Another fact's source and id.
    Event(Box<(T, T)>),
    /// Holidays with their names.
    Holidays(Box<[(Date, T)]>),
    /// A list of dates.
    Dates(Box<[Date]>),
    /// Size of a sample and how many of it passed.
    Sample(u32, u32),
}

impl<T: AsRef<str>> Value<T> {
    /// Whether an id, code or word in it holds the number of a person.
    #[must_use]
    pub fn holds_number(&self) -> bool {
        match self {
            Self::Text(text) => holds_number(text.as_ref()),
            Self::Texts(texts) => texts.iter().any(|text| holds_number(text.as_ref())),
            Self::Event(named) => holds_number(named.0.as_ref()) || holds_number(named.1.as_ref()),
            Self::None
            | Self::Bool(_)
            | Self::Number(_)
            | Self::Date(_)
            | Self::Instant(_)
            | Self::Holidays(_)
            | Self::Dates(_)
            | Self::Sample(..) => false,
        }
    }
}

/// Something that happened, told by anyone; with texts of its own or borrowed ones.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fact<T = Box<str>> {
    /// Unique within `source`.
    pub id: T,
    /// URI reference of the teller.
    pub source: T,
    /// Its type.
    pub kind: FactType,
    /// What it is about: `kind/rest`.
    pub subject: T,
    /// When it occurred.
    pub time: Instant,
    /// The claim of when it was recorded elsewhere.
    pub recorded: Option<Instant>,
    /// Its fields; personal ones and unknown ones are left out.
    pub data: Vec<(Field, Value<T>)>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Envelope<'a> {
    #[serde(borrow)]
    specversion: Option<Cow<'a, str>>,
    #[serde(borrow)]
    id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    source: Option<Cow<'a, str>>,
    #[serde(borrow, rename = "type")]
    kind: Option<Cow<'a, str>>,
    #[serde(borrow)]
    subject: Option<Cow<'a, str>>,
    #[serde(borrow)]
    time: Option<Cow<'a, str>>,
    #[serde(borrow)]
    recordedtime: Option<Cow<'a, str>>,
    #[serde(borrow)]
    datacontenttype: Option<Cow<'a, str>>,
    #[serde(rename = "dataschema")]
    _dataschema: Option<IgnoredAny>,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
}

impl Fact {
    /// Reads one structured-mode CloudEvent.
    ///
    /// # Errors
    /// [`FactError`] naming the field and the reason: unknown type, unknown field outside `data`, a missing or
    /// ill-typed field, a time outside 1900 to 2200, a subject of the wrong kind, control or bidi characters, an
    /// `id`, `source`, `subject` or id inside `data` that looks like a CRN, NOMS or PNC number.
    pub fn parse(text: &str) -> Result<Self, FactError> {
        Self::read(text).and_then(Self::checked)
    }

    /// Reads one that was taken before: ids inside `data` are as they were, since what is stored is read for good.
    ///
    /// # Errors
    /// As [`Self::parse`].
    pub fn parse_stored(text: &str) -> Result<Self, FactError> {
        Self::read(text)
    }

    /// A fact that Mandate makes itself, of values that have their types already.
    ///
    /// # Errors
    /// [`FactError`] as [`Self::parse`] for the id, the source and the subject; a required field that is missing.
    pub fn made(
        id: &str,
        source: &str,
        kind: FactType,
        subject: &str,
        time: Instant,
        data: Vec<(Field, Value)>,
    ) -> Result<Self, FactError> {
        let id = checked_name(id.into(), "id")?;
        let source = checked_name(source.into(), "source")?;
        let subject: Box<str> = checked_name(subject.into(), "subject")?;
        check_subject(kind, &subject)?;
        check_required(kind, &data)?;
        Ok(Self { id, source, kind, subject, time, recorded: None, data })
    }

    /// Whether two facts say the same, their claims of when they were recorded aside.
    #[must_use]
    pub fn says_the_same_as(&self, other: &Self) -> bool {
        let sorted = |fact: &Self| {
            let mut data = fact.data.clone();
            data.sort_by_key(|(field, _)| *field);
            data
        };
        self.kind == other.kind
            && self.subject == other.subject
            && self.time == other.time
            && sorted(self) == sorted(other)
    }
}

impl<'a> Fact<Cow<'a, str>> {
    /// Reads one as [`Fact::parse`] does, its texts borrowed from where it is read: for those who look at it and let it go.
    ///
    /// # Errors
    /// As [`Fact::parse`].
    pub fn borrowed(text: &'a str) -> Result<Self, FactError> {
        Self::read(text).and_then(Self::checked)
    }
}

impl<'a, T: From<Cow<'a, str>> + AsRef<str>> Fact<T> {
    fn read(text: &'a str) -> Result<Self, FactError> {
        // What is wrong with a text is found where it is read as any other.
        let as_written =
            plain::envelope(text).and_then(|(envelope, data)| Self::of_parts(envelope, data).ok());
        as_written.map_or_else(|| Self::read_any(text), Ok)
    }

    /// Reads one in whatever form JSON allows.
    fn read_any(text: &'a str) -> Result<Self, FactError> {
        // An array could be read field by field.
        if text.trim_start().starts_with('[') {
            return Err(FactError::Json("expected a JSON object, not an array".to_owned()));
        }
        let envelope: Envelope<'_> = serde_json::from_str(text).map_err(|e| json_error(&e))?;
        let data = envelope.data.map_or("{}", RawValue::get);
        Self::of_parts(envelope, data)
    }

    fn of_parts(envelope: Envelope<'a>, data: &'a str) -> Result<Self, FactError> {
        let version = required(envelope.specversion, "specversion")?;
        if version != "1.0" {
            return Err(FactError::field(
                "specversion",
                format!("expected \"1.0\", got {:?}", repeated(&version)),
            ));
        }
        if let Some(media) = envelope.datacontenttype
            && !(media == "application/json"
                || media.ends_with("+json")
                || media.starts_with("application/json;"))
        {
            let reason = format!("expected \"application/json\", got {:?}", repeated(&media));
            return Err(FactError::field("datacontenttype", reason));
        }
        let name = required(envelope.kind, "type")?;
        let kind = FactType::from_name(&name)
            .ok_or_else(|| FactError::field("type", format!("unknown fact type {:?}", repeated(&name))))?;
        let id = checked_name(required(envelope.id, "id")?, "id")?;
        let source = checked_name(required(envelope.source, "source")?, "source")?;
        let subject: T = checked_name(required(envelope.subject, "subject")?, "subject")?;
        check_subject(kind, subject.as_ref())?;
        let time = Instant::parse(&required(envelope.time, "time")?)
            .map_err(|e| FactError::field("time", e.to_string()))?;
        let recorded = match envelope.recordedtime {
            None => None,
            Some(text) => {
                Some(Instant::parse(&text).map_err(|e| FactError::field("recordedtime", e.to_string()))?)
            }
        };
        let data = decode_data(kind, data)?;
        Ok(Self { id, source, kind, subject, time, recorded, data })
    }

    fn checked(self) -> Result<Self, FactError> {
        check_opaque(&self)?;
        Ok(self)
    }
}

impl<T: AsRef<str>> Fact<T> {
    /// The value of a field, if the fact has it.
    #[must_use]
    pub fn get(&self, field: Field) -> Option<&Value<T>> {
        self.data.iter().find(|(name, _)| *name == field).map(|(_, value)| value)
    }

    /// The text of a field that holds one.
    #[must_use]
    pub fn text(&self, field: Field) -> Option<&str> {
        match self.get(field) {
            Some(Value::Text(text)) => Some(text.as_ref()),
            _ => None,
        }
    }

    /// The date of a field that holds one.
    #[must_use]
    pub fn date(&self, field: Field) -> Option<Date> {
        match self.get(field) {
            Some(Value::Date(date)) => Some(*date),
            _ => None,
        }
    }

    /// The number of a field that holds one.
    #[must_use]
    pub fn number(&self, field: Field) -> Option<i64> {
        match self.get(field) {
            Some(Value::Number(number)) => Some(*number),
            _ => None,
        }
    }

    /// Whether a field holds true.
    #[must_use]
    pub fn is_true(&self, field: Field) -> bool {
        matches!(self.get(field), Some(Value::Bool(true)))
    }

    /// The texts of a field that holds a list of them; none where it is not stated.
    #[must_use]
    pub fn texts(&self, field: Field) -> &[T] {
        match self.get(field) {
            Some(Value::Texts(texts)) => texts,
            _ => &[],
        }
    }

    /// The effective date: `data.on`, else the London date of `time`.
    #[must_use]
    pub fn effective_on(&self) -> Date {
        self.date(Field::On).unwrap_or_else(|| self.time.london_date())
    }

    /// When it was recorded by the claim; a file judged without a store takes `time` where there is none.
    #[must_use]
    pub fn recorded_or_time(&self) -> Instant {
        self.recorded.unwrap_or(self.time)
    }

    /// The reference of the fact in duty ids and explanations: `<source>#<id>`.
    #[must_use]
    pub fn reference(&self) -> String {
        format!("{}#{}", self.source.as_ref(), self.id.as_ref())
    }
}

fn json_error(error: &serde_json::Error) -> FactError {
    let text = error.to_string();
    // `unknown field `x`, expected …` and type errors of the envelope name their field already.
    if let Some(rest) = text.strip_prefix("unknown field `")
        && let Some((name, _)) = rest.split_once('`')
    {
        let reason = "unknown outside `data`; move it into `data` or leave it out";
        return FactError::field(repeated(name), reason);
    }
    let place = format!(" at line {} column {}", error.line(), error.column());
    FactError::Json(format!("{} (column {})", text.trim_end_matches(&place), error.column()))
}

fn required<'a>(value: Option<Cow<'a, str>>, field: &str) -> Result<Cow<'a, str>, FactError> {
    value.ok_or_else(|| FactError::field(field, "missing; it must be there as a string"))
}

fn checked_name<'a, T: From<Cow<'a, str>>>(text: Cow<'a, str>, field: &str) -> Result<T, FactError> {
    if text.is_empty() {
        return Err(FactError::field(field, "empty"));
    }
    if text.len() > MAX_NAME_BYTES {
        return Err(FactError::field(field, format!("longer than {MAX_NAME_BYTES} bytes")));
    }
    if let Some(bad) = forbidden_character(&text, Newlines::Refused) {
        return Err(FactError::field(field, forbidden(bad)));
    }
    if holds_number(&text) {
        return Err(FactError::field(field, NUMBER));
    }
    Ok(text.into())
}

/// Refuses ids inside `data` that hold the number of a person; what Mandate itself records says only what was said
/// before.
fn check_opaque<T: AsRef<str>>(fact: &Fact<T>) -> Result<(), FactError> {
    let found = fact.data.iter().find(|(_, value)| value.holds_number());
    match found {
        Some((field, _)) if !fact.kind.is_internal() => {
            Err(FactError::field(format!("data.{field}"), NUMBER))
        }
        _ => Ok(()),
    }
}

fn check_subject(kind: FactType, subject: &str) -> Result<(), FactError> {
    let allowed = kind.subjects();
    match SubjectKind::of(subject) {
        Some(found) if allowed.contains(&found) => Ok(()),
        _ => {
            let wanted: Vec<_> = allowed.iter().map(|k| format!("`{k}/…`")).collect();
            let reason =
                format!("{} is of the wrong kind: {kind} is about {}", kind_of(subject), wanted.join(" or "));
            Err(FactError::field("subject", reason))
        }
    }
}

/// Fields of a type that are sealed under the subject's key when stored: personal data, free text, unknown fields.
#[must_use]
pub fn is_sealed(kind: FactType, name: &str) -> bool {
    match kind.own_fields().iter().chain(COMMON).find(|spec| spec.field.name() == name) {
        Some(spec) => matches!(spec.shape, Shape::Text | Shape::Personal),
        None => true,
    }
}

#[cfg(test)]
mod tests;
