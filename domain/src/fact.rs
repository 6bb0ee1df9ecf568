//! A fact as it travels: a CloudEvents 1.0 object, parsed once into types (spec 2.1).

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::catalogue::{COMMON, FactType, Field, FieldSpec, PERSONAL, Presence, Shape, SubjectKind};
use crate::time::{Date, Instant};

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

/// The value of a field inside `data`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// Null, for "none".
    None,
    /// A text, id, code or word.
    Text(Box<str>),
    /// True or false.
    Bool(bool),
    /// A whole number.
    Number(i64),
    /// A date.
    Date(Date),
    /// An instant.
    Instant(Instant),
    /// A list of texts, ids or words.
    Texts(Box<[Box<str>]>),
    /// Another fact's source and id.
    Event(Box<(Box<str>, Box<str>)>),
    /// Holidays with their names.
    Holidays(Box<[(Date, Box<str>)]>),
    /// A list of dates.
    Dates(Box<[Date]>),
    /// Size of a sample and how many of it passed.
    Sample(u32, u32),
}

impl Value {
    /// Whether an id, code or word in it holds the number of a person.
    #[must_use]
    pub fn holds_number(&self) -> bool {
        match self {
            Self::Text(text) => holds_number(text),
            Self::Texts(texts) => texts.iter().any(|text| holds_number(text)),
            Self::Event(named) => holds_number(&named.0) || holds_number(&named.1),
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

/// Something that happened, told by anyone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fact {
    /// Unique within `source`.
    pub id: Box<str>,
    /// URI reference of the teller.
    pub source: Box<str>,
    /// Its type.
    pub kind: FactType,
    /// What it is about: `kind/rest`.
    pub subject: Box<str>,
    /// When it occurred.
    pub time: Instant,
    /// The claim of when it was recorded elsewhere.
    pub recorded: Option<Instant>,
    /// Its fields; personal ones and unknown ones are left out.
    pub data: Vec<(Field, Value)>,
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
        let fact = Self::parse_stored(text)?;
        check_opaque(&fact)?;
        Ok(fact)
    }

    /// Reads one that was taken before: ids inside `data` are as they were, since what is stored is read for good.
    ///
    /// # Errors
    /// As [`Self::parse`].
    pub fn parse_stored(text: &str) -> Result<Self, FactError> {
        // An array could be read field by field.
        if text.trim_start().starts_with('[') {
            return Err(FactError::Json("expected a JSON object, not an array".to_owned()));
        }
        let envelope: Envelope<'_> = serde_json::from_str(text).map_err(|e| json_error(&e))?;
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
        let subject = checked_name(required(envelope.subject, "subject")?, "subject")?;
        check_subject(kind, &subject)?;
        let time = Instant::parse(&required(envelope.time, "time")?)
            .map_err(|e| FactError::field("time", e.to_string()))?;
        let recorded = match envelope.recordedtime {
            None => None,
            Some(text) => {
                Some(Instant::parse(&text).map_err(|e| FactError::field("recordedtime", e.to_string()))?)
            }
        };
        let data = decode_data(kind, envelope.data.map_or("{}", RawValue::get))?;
        Ok(Self { id, source, kind, subject, time, recorded, data })
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
        let subject = checked_name(subject.into(), "subject")?;
        check_subject(kind, &subject)?;
        check_required(kind, &data)?;
        Ok(Self { id, source, kind, subject, time, recorded: None, data })
    }

    /// The value of a field, if the fact has it.
    #[must_use]
    pub fn get(&self, field: Field) -> Option<&Value> {
        self.data.iter().find(|(name, _)| *name == field).map(|(_, value)| value)
    }

    /// The text of a field that holds one.
    #[must_use]
    pub fn text(&self, field: Field) -> Option<&str> {
        match self.get(field) {
            Some(Value::Text(text)) => Some(text),
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
        self.get(field) == Some(&Value::Bool(true))
    }

    /// The texts of a field that holds a list of them; none where it is not stated.
    #[must_use]
    pub fn texts(&self, field: Field) -> &[Box<str>] {
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
        format!("{}#{}", self.source, self.id)
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

/// A text cut to a length that fits an error message.
#[must_use]
pub fn shortened(text: &str) -> String {
    let cut: String = text.chars().take(80).collect();
    if cut.len() < text.len() { format!("{cut}…") } else { cut }
}

/// What an error may repeat of an input: a word, a number or an id, cut to fit. For all else, which may be a name, the
/// number of a person or a sentence about one, an ellipsis stands: errors end up in logs that hold nothing personal.
#[must_use]
pub fn repeated(text: &str) -> String {
    let plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.:;/@*+,<>=%".contains(&byte));
    let upper = text.to_uppercase();
    let parts = || upper.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '/');
    let number = parts().any(|part| {
        holds_number(part)
            || part.split('/').any(|part| part.len() >= 10 && part.bytes().all(|byte| byte.is_ascii_digit()))
    });
    let has = |of: fn(&u8) -> bool| text.bytes().any(|byte| of(&byte));
    let letters = text.bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b'-');
    let name =
        letters && has(u8::is_ascii_uppercase) && (has(u8::is_ascii_lowercase) || !has(|byte| *byte == b'-'));
    if plain && !number && !name { shortened(text) } else { "…".to_owned() }
}

fn checked_name(text: Cow<'_, str>, field: &str) -> Result<Box<str>, FactError> {
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

/// What is wrong with an id that holds the number of a person.
pub(crate) const NUMBER: &str = "looks like a CRN, NOMS or PNC number; use an opaque reference and put the number \
                                 under `data.personal`";

/// Refuses ids inside `data` that hold the number of a person; what Mandate itself records says only what was said
/// before.
fn check_opaque(fact: &Fact) -> Result<(), FactError> {
    let found = fact.data.iter().find(|(_, value)| value.holds_number());
    match found {
        Some((field, _)) if !fact.kind.is_internal() => {
            Err(FactError::field(format!("data.{field}"), NUMBER))
        }
        _ => Ok(()),
    }
}

fn forbidden(bad: char) -> String {
    format!(
        "holds the character U+{:04X}, which is refused (control and bidirectional characters)",
        u32::from(bad)
    )
}

/// Whether line breaks and tabs are allowed in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Newlines {
    /// In free text.
    Allowed,
    /// In ids, codes and names.
    Refused,
}

/// The first control or bidirectional formatting character of a text, if it has one.
#[must_use]
pub fn forbidden_character(text: &str, newlines: Newlines) -> Option<char> {
    if text.bytes().all(|byte| (0x20..0x7f).contains(&byte)) {
        return None;
    }
    text.chars().find(|c| match c {
        '\n' | '\r' | '\t' => newlines == Newlines::Refused,
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => true,
        c => c.is_control(),
    })
}

/// Whether a text has the form of a CRN (`X777978`), a NOMS number (`A8513EA`) or a PNC number (`2002/0073319Z`).
#[must_use]
pub fn looks_personal(text: &str) -> bool {
    let has_form = |form: &[u8]| {
        text.len() == form.len()
            && text.bytes().zip(form).all(|(byte, wanted)| match wanted {
                b'A' => byte.is_ascii_uppercase(),
                _ => byte.is_ascii_digit(),
            })
    };
    if has_form(b"A999999") || has_form(b"A9999AA") {
        return true;
    }
    let Some((year, serial)) = text.split_once('/') else { return false };
    let digits = |part: &str, range: std::ops::RangeInclusive<usize>| {
        range.contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit())
    };
    let check_letter = serial.ends_with(|c: char| c.is_ascii_uppercase());
    digits(year, 2..=4) && check_letter && digits(serial.get(..serial.len() - 1).unwrap_or(""), 1..=7)
}

/// Whether a text, or a part of it between slashes, has the form of a number of a person.
#[must_use]
pub fn holds_number(text: &str) -> bool {
    let mut rest = text.trim();
    loop {
        let Some((part, after)) = rest.split_once('/') else { return looks_personal(rest) };
        // A PNC number is itself two parts.
        let pair = after.find('/').map_or(rest, |end| rest.get(..part.len() + 1 + end).unwrap_or(rest));
        if looks_personal(part) || looks_personal(pair) {
            return true;
        }
        rest = after;
    }
}

/// What a value that should be the id of a subject is, without saying it: it may be anything.
fn kind_of(text: &str) -> String {
    SubjectKind::of(text).map_or_else(|| "another text".to_owned(), |kind| format!("`{kind}/…`"))
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

/// Decodes the `data` of a fact of the given type, whose JSON text is `text`.
fn decode_data(kind: FactType, text: &str) -> Result<Vec<(Field, Value)>, FactError> {
    let mut failed = None;
    let mut decoder = serde_json::Deserializer::from_str(text);
    let seed = DataSeed { kind, failed: &mut failed };
    let decoded = seed.deserialize(&mut decoder);
    if let Some(error) = failed {
        return Err(error);
    }
    let data = decoded.map_err(|e| match e.classify() {
        serde_json::error::Category::Data => FactError::field("data", "expected an object"),
        _ => FactError::Json(e.to_string()),
    })?;
    check_required(kind, &data)?;
    Ok(data)
}

fn check_required(kind: FactType, data: &[(Field, Value)]) -> Result<(), FactError> {
    for spec in kind.own_fields() {
        if spec.required == Presence::Required && !data.iter().any(|(field, _)| *field == spec.field) {
            let reason = format!("missing; {kind} needs {}", spec.shape);
            return Err(FactError::field(format!("data.{}", spec.field), reason));
        }
    }
    Ok(())
}

/// Decodes one value of a field from JSON; `None` for what is kept apart (personal fields) or not stated (null).
pub(crate) fn decode_value(spec: &'static FieldSpec, json: &str) -> Result<Option<Value>, String> {
    let mut decoder = serde_json::Deserializer::from_str(json);
    ValueSeed(spec).deserialize(&mut decoder).unwrap_or_else(|error| Err(error.to_string()))
}

struct DataSeed<'f> {
    kind: FactType,
    failed: &'f mut Option<FactError>,
}

impl<'de> DeserializeSeed<'de> for DataSeed<'_> {
    type Value = Vec<(Field, Value)>;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

/// Cow that borrows from the input when it can (a bare `Cow` in a map key or list never does).
#[derive(Deserialize)]
struct Key<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'de> Visitor<'de> for DataSeed<'_> {
    type Value = Vec<(Field, Value)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut data: Vec<(Field, Value)> = Vec::with_capacity(4);
        while let Some(Key(name)) = map.next_key::<Key<'de>>()? {
            let Some(spec) = self.kind.field(&name) else {
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            let decoded = map.next_value_seed(ValueSeed(spec))?;
            match decoded {
                Ok(Some(_)) if data.iter().any(|(field, _)| *field == spec.field) => {
                    self.failed
                        .get_or_insert_with(|| FactError::field(format!("data.{name}"), "stated twice"));
                }
                Ok(Some(value)) => data.push((spec.field, value)),
                Ok(None) => {}
                Err(reason) => {
                    self.failed.get_or_insert_with(|| FactError::field(format!("data.{name}"), reason));
                }
            }
        }
        Ok(data)
    }
}

/// Decodes one value by its shape; `Ok(None)` for what is not kept, `Err(reason)` for a wrong value.
struct ValueSeed(&'static FieldSpec);

impl<'de> DeserializeSeed<'de> for ValueSeed {
    type Value = Result<Option<Value>, String>;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl ValueSeed {
    fn wrong(&self, got: impl fmt::Display) -> String {
        format!("expected {}, got {got}", self.0.shape)
    }

    /// A wrong value as an error may say it: what should name a subject, or looks like a number of a person, is not said.
    fn shown(&self, text: &str) -> String {
        match self.0.shape {
            Shape::Subject(_) | Shape::Subjects(_) => kind_of(text),
            _ if holds_number(text) => "what looks like a CRN, NOMS or PNC number".to_owned(),
            _ => format!("{:?}", repeated(text)),
        }
    }

    fn text(&self, text: &str) -> Result<Option<Value>, String> {
        let newlines = match self.0.shape {
            Shape::Text | Shape::PublicText => Newlines::Allowed,
            _ => Newlines::Refused,
        };
        if let Some(bad) = forbidden_character(text, newlines) {
            return Err(forbidden(bad));
        }
        let wrong = || self.wrong(self.shown(text));
        match self.0.shape {
            Shape::Id if text.is_empty() || text.len() > MAX_NAME_BYTES => {
                Err(self.wrong(format_args!("one of {} bytes", text.len())))
            }
            Shape::Id | Shape::PublicText => Ok(Some(Value::Text(text.into()))),
            // Free text is kept by the store, sealed; the judge never needs it.
            Shape::Text => Ok(Some(Value::None)),
            Shape::Choice(words) if words.contains(&text) => Ok(Some(Value::Text(text.into()))),
            Shape::Date | Shape::DateOrNull => {
                Date::parse(text).map(|date| Some(Value::Date(date))).map_err(|e| e.to_string())
            }
            Shape::Instant => {
                Instant::parse(text).map(|at| Some(Value::Instant(at))).map_err(|e| e.to_string())
            }
            Shape::Subject(kinds) if is_subject(text, kinds) => Ok(Some(Value::Text(text.into()))),
            _ => Err(wrong()),
        }
    }

    fn texts(&self, items: Vec<Box<str>>) -> Result<Option<Value>, String> {
        for item in &items {
            if let Some(bad) = forbidden_character(item, Newlines::Refused) {
                return Err(forbidden(bad));
            }
            let fits = match self.0.shape {
                Shape::Choices(words) => words.contains(&&**item),
                Shape::Subjects(kinds) => is_subject(item, kinds),
                _ => !item.is_empty(),
            };
            if !fits {
                return Err(self.wrong(self.shown(item)));
            }
        }
        Ok(Some(Value::Texts(items.into())))
    }
}

fn is_subject(text: &str, kinds: &[SubjectKind]) -> bool {
    text.len() <= MAX_NAME_BYTES && SubjectKind::of(text).is_some_and(|kind| kinds.contains(&kind))
}

impl<'de> Visitor<'de> for ValueSeed {
    type Value = Result<Option<Value>, String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.shape)
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(match (self.0.shape, self.0.required) {
            (Shape::DateOrNull, _) => Ok(Some(Value::None)),
            (_, Presence::Optional) => Ok(None),
            (_, Presence::Required) => Err(self.wrong("null")),
        })
    }

    fn visit_bool<E>(self, value: bool) -> Result<Self::Value, E> {
        Ok(match self.0.shape {
            Shape::Bool => Ok(Some(Value::Bool(value))),
            _ => Err(self.wrong(value)),
        })
    }

    fn visit_i64<E>(self, value: i64) -> Result<Self::Value, E> {
        Ok(match self.0.shape {
            Shape::Number(low, high) if (low..=high).contains(&value) => Ok(Some(Value::Number(value))),
            _ => Err(self.wrong(value)),
        })
    }

    fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<Self::Value, E> {
        self.visit_i64(i64::try_from(value).unwrap_or(i64::MAX))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Self::Value, E> {
        Ok(Err(self.wrong(value)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(self.text(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let items: Vec<serde_json::Value> = {
            let mut items = Vec::new();
            while let Some(item) = seq.next_element()? {
                items.push(item);
            }
            items
        };
        Ok(self.list(&items))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        let object = serde_json::Map::deserialize(serde::de::value::MapAccessDeserializer::new(map))?;
        Ok(self.object(&object))
    }
}

impl ValueSeed {
    fn list(&self, items: &[serde_json::Value]) -> Result<Option<Value>, String> {
        let wrong = || self.wrong("a list with other items");
        match self.0.shape {
            Shape::Choices(_) | Shape::Subjects(_) | Shape::Ids => {
                let texts: Option<Vec<Box<str>>> =
                    items.iter().map(|item| item.as_str().map(Into::into)).collect();
                self.texts(texts.ok_or_else(wrong)?)
            }
            Shape::Dates => {
                let dates: Result<Box<[Date]>, String> = items
                    .iter()
                    .map(|item| Date::parse(item.as_str().ok_or_else(wrong)?).map_err(|e| e.to_string()))
                    .collect();
                Ok(Some(Value::Dates(dates?)))
            }
            Shape::Holidays => {
                let holidays: Result<Vec<(Date, Box<str>)>, String> = items
                    .iter()
                    .map(|item| {
                        let text =
                            |name| item.get(name).and_then(serde_json::Value::as_str).ok_or_else(wrong);
                        let title = text("title")?;
                        if let Some(bad) = forbidden_character(title, Newlines::Refused) {
                            return Err(forbidden(bad));
                        }
                        Ok((Date::parse(text("date")?).map_err(|e| e.to_string())?, title.into()))
                    })
                    .collect();
                Ok(Some(Value::Holidays(holidays?.into())))
            }
            _ => Err(self.wrong("a list")),
        }
    }

    fn object(&self, object: &serde_json::Map<String, serde_json::Value>) -> Result<Option<Value>, String> {
        let text = |name: &str| object.get(name).and_then(serde_json::Value::as_str);
        let number = |name: &str| {
            object.get(name).and_then(serde_json::Value::as_u64).and_then(|n| u32::try_from(n).ok())
        };
        match self.0.shape {
            Shape::EventRef => match (text("source"), text("id")) {
                (Some(source), Some(id)) => Ok(Some(Value::Event(Box::new((source.into(), id.into()))))),
                _ => Err(self.wrong("an object without them")),
            },
            Shape::Sample => match (number("size"), number("passed")) {
                (Some(size), Some(passed)) if passed <= size => Ok(Some(Value::Sample(size, passed))),
                _ => Err(self.wrong("other numbers")),
            },
            Shape::Personal => {
                for (name, value) in object {
                    if !PERSONAL.contains(&name.as_str()) {
                        return Err(format!("`{}` is not one of {}", repeated(name), PERSONAL.join(", ")));
                    }
                    let Some(value) = value.as_str() else {
                        return Err(format!("`{name}` is not a string"));
                    };
                    if let Some(bad) = forbidden_character(value, Newlines::Refused) {
                        return Err(format!("`{name}` {}", forbidden(bad)));
                    }
                }
                Ok(None)
            }
            _ => Err(self.wrong("an object")),
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
mod tests {
    use super::*;

    fn fact(kind: &str, subject: &str, data: &str) -> Result<Fact, FactError> {
        Fact::parse(&format!(
            r#"{{"specversion":"1.0","id":"a","source":"/t","type":"{kind}","subject":"{subject}","time":"2026-03-02T09:00:00Z","data":{data}}}"#
        ))
    }

    #[test]
    fn an_error_repeats_words_and_ids_and_nothing_that_may_be_personal() {
        for text in [
            "colour",
            "4.10",
            "nominal/N1",
            "N-7F3K29QX",
            "D-NOTTHERE",
            "2026-02-30",
            "-5",
            "",
            "area/A07",
            "no_such.type",
        ] {
            assert_eq!(repeated(text), text);
        }
        for text in [
            "Zebedee",
            "SMITH",
            "Mary-Ann",
            "Zebedee Quillfeather",
            "it is he",
            "X777978",
            "x777978",
            "user/A1234BC",
            "crn=X777978",
            "2002/0073319Z",
            "07700900777",
            "é",
            "a\nb",
        ] {
            assert_eq!(repeated(text), "…", "{text}");
        }
        assert_eq!(repeated(&"a".repeat(100)), format!("{}…", "a".repeat(80)));
    }

    fn refused(kind: &str, subject: &str, data: &str) -> String {
        fact(kind, subject, data).unwrap_err().to_string()
    }

    const REGISTERED: &str = r#"{"registration":"R1","category":2,"level":3,"area":"area/A1"}"#;

    #[test]
    fn a_registration_is_read_with_its_fields() {
        let read = fact("mappa.registered", "nominal/N1", REGISTERED).unwrap();
        assert_eq!(read.get(Field::Level), Some(&Value::Number(3)));
        assert_eq!(read.text(Field::Area), Some("area/A1"));
        assert_eq!(read.effective_on(), Date::parse("2026-03-02").unwrap());
        assert_eq!(read.reference(), "/t#a");
    }

    #[test]
    fn unknown_fields_inside_data_are_kept_out_of_judging_and_do_not_fail() {
        assert!(fact("nominal.died", "nominal/N1", r#"{"colour":{"deep":[1,2]}}"#).is_ok());
    }

    #[test]
    fn what_is_wrong_is_named_with_its_field_and_what_would_be_right() {
        let cases = [
            ("mappa.invented", "nominal/N1", "{}", "field `type`: unknown fact type \"mappa.invented\""),
            (
                "nominal.died",
                "user/U1",
                "{}",
                "field `subject`: `user/…` is of the wrong kind: nominal.died is about `nominal/…`",
            ),
            (
                "nominal.died",
                "nominal/X777978",
                "{}",
                "field `subject`: looks like a CRN, NOMS or PNC number",
            ),
            (
                "mappa.deregistered",
                "nominal/N1",
                "{}",
                "field `data.registration`: missing; mappa.deregistered needs a non-empty string",
            ),
            (
                "meeting.held",
                "nominal/N1",
                r#"{"meeting":"M","level":4}"#,
                "field `data.level`: expected a whole number from 1 to 3, got 4",
            ),
            (
                "meeting.held",
                "nominal/N1",
                r#"{"meeting":7,"level":1}"#,
                "field `data.meeting`: expected a non-empty string, got 7",
            ),
            (
                "nominal.died",
                "nominal/N1",
                r#"{"on":"9999-01-01"}"#,
                "field `data.on`: `9999-01-01` is outside the years 1900 to 2200",
            ),
            (
                "nominal.died",
                "nominal/N1",
                r#"{"personal":{"address":"x"}}"#,
                "field `data.personal`: `address` is not one of",
            ),
            ("nominal.died", "nominal/N1", "[]", "field `data`: expected an object"),
            (
                "custody.left",
                "nominal/N1",
                r#"{"prison":"area/A1","reason":"release","spell":"S"}"#,
                "field `data.prison`: expected an id such as \"prison/…\", got `area/…`",
            ),
        ];
        for (kind, subject, data, wanted) in cases {
            let error = refused(kind, subject, data);
            assert!(error.starts_with(wanted), "{error}\nwanted {wanted}");
        }
    }

    #[test]
    fn unknown_fields_outside_data_are_refused_by_name() {
        let text = r#"{"specversion":"1.0","id":"a","source":"/t","type":"nominal.died","subject":"nominal/N1","time":"2026-03-02T09:00:00Z","data":{},"extra":1}"#;
        assert!(
            Fact::parse(text).unwrap_err().to_string().starts_with("field `extra`: unknown outside `data`")
        );
    }

    #[test]
    fn nul_and_bidi_characters_are_refused_wherever_they_stand() {
        let text = r#"{"specversion":"1.0","id":"a\u0000","source":"/t","type":"nominal.died","subject":"nominal/N1","time":"2026-03-02T09:00:00Z"}"#;
        assert!(Fact::parse(text).unwrap_err().to_string().contains("U+0000"));
        assert!(
            refused("meeting.held", "nominal/N1", r#"{"meeting":"M\u202e","level":1}"#).contains("U+202E")
        );
        assert!(fact("breach.acknowledged", "duty/d", "{\"by\":\"u\",\"note\":\"two\\nlines\"}").is_ok());
    }

    #[test]
    fn a_time_outside_1900_to_2200_and_truncated_json_are_refused() {
        let text = r#"{"specversion":"1.0","id":"a","source":"/t","type":"nominal.died","subject":"nominal/N1","time":"9999-01-01T00:00:00Z"}"#;
        assert!(Fact::parse(text).unwrap_err().to_string().contains("outside the years 1900 to 2200"));
        assert!(Fact::parse(&text[..60]).unwrap_err().to_string().starts_with("not a JSON object: EOF"));
    }

    #[test]
    fn numbers_of_persons_are_recognised_by_their_form() {
        for text in ["X777978", "A8513EA", "81/34U", "2002/0073319Z"] {
            assert!(looks_personal(text), "{text}");
        }
        for text in ["N-7F3K29QX", "e-0000001", "x777978", "A85", "12345A", "2026/03"] {
            assert!(!looks_personal(text), "{text}");
        }
    }

    #[test]
    fn a_number_of_a_person_is_refused_wherever_an_id_stands_and_never_said_again() {
        for (kind, data, field) in [
            ("meeting.held", r#"{"meeting":"X777978","level":1}"#, "data.meeting"),
            ("meeting.held", r#"{"meeting":"ndelius/2002/0073319Z","level":1}"#, "data.meeting"),
            ("partnership.requested", r#"{"request":"A8513EA","org":"prison/LEI"}"#, "data.request"),
            ("record.accessed", r#"{"user":"user/X777978","org":"area/A1","partnered":true}"#, "data.user"),
            ("partners.added", r#"{"org":"area/A1","users":["user/u-1","user/A8513EA"]}"#, "data.users"),
            ("dataset.checked", r#"{"complete":false,"missing":["X777978"]}"#, "data.missing"),
            ("oasys.completed", r#"{"assessment":"a","by":"81/34U"}"#, "data.by"),
            ("fact.annulled", r#"{"event":{"source":"/t","id":"X777978"},"reason":"x"}"#, "data.event"),
            ("case.transferred", r#"{"to":"X777978"}"#, "data.to"),
            ("alert.added", r#"{"code":"PVN","evidence":"X777978"}"#, "data.evidence"),
        ] {
            let error = refused(kind, "nominal/N1", data);
            assert!(error.starts_with(&format!("field `{field}`: ")), "{error}");
            for number in ["X777978", "A8513EA", "81/34U", "0073319Z"] {
                assert!(!error.contains(number), "{error}");
            }
        }
        for subject in ["X777978", "user/X777978", "nominal/2002/0073319Z", "nominal/X777978/x"] {
            let error = refused("nominal.died", subject, "{}");
            assert!(error.starts_with("field `subject`: looks like"), "{error}");
        }
    }

    #[test]
    fn what_was_stored_before_with_such_an_id_is_read_for_good() {
        let text = r#"{"specversion":"1.0","id":"a","source":"/t","type":"meeting.held","subject":"nominal/N1","time":"2026-03-02T09:00:00Z","data":{"meeting":"X777978","level":1}}"#;
        assert!(Fact::parse(text).is_err());
        assert_eq!(Fact::parse_stored(text).unwrap().text(Field::Meeting), Some("X777978"));
    }

    #[test]
    fn personal_data_free_text_and_unknown_fields_are_sealed() {
        assert!(is_sealed(FactType::NominalRegistered, "personal"));
        assert!(is_sealed(FactType::PartnershipRefused, "reason"));
        assert!(is_sealed(FactType::NominalDied, "colour"));
        assert!(!is_sealed(FactType::CustodyLeft, "reason"));
        assert!(!is_sealed(FactType::PolicyAdopted, "text"));
    }
}
