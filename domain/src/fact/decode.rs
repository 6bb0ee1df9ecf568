//! The `data` of a fact, decoded by the catalogue.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::{DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::{
    FactError, MAX_NAME_BYTES, Newlines, Value, forbidden, forbidden_character, holds_number, repeated,
};
use crate::catalogue::{FactType, Field, FieldSpec, PERSONAL, Presence, Shape, SubjectKind};
use crate::time::{Date, Instant};

/// What a value that should be the id of a subject is, without saying it: it may be anything.
pub(super) fn kind_of(text: &str) -> String {
    SubjectKind::of(text).map_or_else(|| "another text".to_owned(), |kind| format!("`{kind}/…`"))
}

/// Decodes the `data` of a fact of the given type, whose JSON text is `text`.
pub(super) fn decode_data<'a, T: From<Cow<'a, str>>>(
    kind: FactType,
    text: &'a str,
) -> Result<Vec<(Field, Value<T>)>, FactError> {
    let mut failed = None;
    let mut decoder = serde_json::Deserializer::from_str(text);
    let seed = DataSeed { kind, failed: &mut failed, texts: PhantomData };
    let decoded = seed.deserialize(&mut decoder).and_then(|data| decoder.end().map(|()| data));
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

pub(super) fn check_required<T>(kind: FactType, data: &[(Field, Value<T>)]) -> Result<(), FactError> {
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
    ValueSeed(spec, PhantomData).deserialize(&mut decoder).unwrap_or_else(|error| Err(error.to_string()))
}

struct DataSeed<'f, T> {
    kind: FactType,
    failed: &'f mut Option<FactError>,
    texts: PhantomData<T>,
}

impl<'de, T: From<Cow<'de, str>>> DeserializeSeed<'de> for DataSeed<'_, T> {
    type Value = Vec<(Field, Value<T>)>;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

/// Cow that borrows from the input when it can (a bare `Cow` in a map key or list never does).
#[derive(Deserialize)]
struct Key<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'de, T: From<Cow<'de, str>>> Visitor<'de> for DataSeed<'_, T> {
    type Value = Vec<(Field, Value<T>)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut data: Vec<(Field, Value<T>)> = Vec::with_capacity(4);
        while let Some(Key(name)) = map.next_key::<Key<'de>>()? {
            let Some(spec) = self.kind.field(&name) else {
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            let decoded = map.next_value_seed(ValueSeed(spec, PhantomData))?;
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
struct ValueSeed<T>(&'static FieldSpec, PhantomData<T>);

impl<'de, T: From<Cow<'de, str>>> DeserializeSeed<'de> for ValueSeed<T> {
    type Value = Result<Option<Value<T>>, String>;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, T: From<Cow<'de, str>>> ValueSeed<T> {
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

    fn text(&self, text: Cow<'de, str>) -> Result<Option<Value<T>>, String> {
        let newlines = match self.0.shape {
            Shape::Text | Shape::PublicText => Newlines::Allowed,
            _ => Newlines::Refused,
        };
        if let Some(bad) = forbidden_character(&text, newlines) {
            return Err(forbidden(bad));
        }
        match self.0.shape {
            Shape::Id if text.is_empty() || text.len() > MAX_NAME_BYTES => {
                Err(self.wrong(format_args!("one of {} bytes", text.len())))
            }
            Shape::Id | Shape::PublicText => Ok(Some(Value::Text(text.into()))),
            // Free text is kept by the store, sealed; the judge never needs it.
            Shape::Text => Ok(Some(Value::None)),
            Shape::Choice(words) if words.contains(&&*text) => Ok(Some(Value::Text(text.into()))),
            Shape::Date | Shape::DateOrNull => {
                Date::parse(&text).map(|date| Some(Value::Date(date))).map_err(|e| e.to_string())
            }
            Shape::Instant => {
                Instant::parse(&text).map(|at| Some(Value::Instant(at))).map_err(|e| e.to_string())
            }
            Shape::Subject(kinds) if is_subject(&text, kinds) => Ok(Some(Value::Text(text.into()))),
            _ => Err(self.wrong(self.shown(&text))),
        }
    }

    fn texts(&self, items: &[&str]) -> Result<Option<Value<T>>, String> {
        for item in items {
            if let Some(bad) = forbidden_character(item, Newlines::Refused) {
                return Err(forbidden(bad));
            }
            let fits = match self.0.shape {
                Shape::Choices(words) => words.contains(item),
                Shape::Subjects(kinds) => is_subject(item, kinds),
                _ => !item.is_empty(),
            };
            if !fits {
                return Err(self.wrong(self.shown(item)));
            }
        }
        Ok(Some(Value::Texts(items.iter().map(|item| owned(item)).collect())))
    }
}

/// A text apart from where it was read.
fn owned<'a, T: From<Cow<'a, str>>>(text: &str) -> T {
    T::from(Cow::Owned(text.to_owned()))
}

fn is_subject(text: &str, kinds: &[SubjectKind]) -> bool {
    text.len() <= MAX_NAME_BYTES && SubjectKind::of(text).is_some_and(|kind| kinds.contains(&kind))
}

impl<'de, T: From<Cow<'de, str>>> Visitor<'de> for ValueSeed<T> {
    type Value = Result<Option<Value<T>>, String>;

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
        Ok(self.text(Cow::Owned(text.to_owned())))
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(self.text(Cow::Borrowed(text)))
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

impl<'de, T: From<Cow<'de, str>>> ValueSeed<T> {
    fn list(&self, items: &[serde_json::Value]) -> Result<Option<Value<T>>, String> {
        let wrong = || self.wrong("a list with other items");
        match self.0.shape {
            Shape::Choices(_) | Shape::Subjects(_) | Shape::Ids => {
                let texts: Option<Vec<&str>> = items.iter().map(serde_json::Value::as_str).collect();
                self.texts(&texts.ok_or_else(wrong)?)
            }
            Shape::Dates => {
                let dates: Result<Box<[Date]>, String> = items
                    .iter()
                    .map(|item| Date::parse(item.as_str().ok_or_else(wrong)?).map_err(|e| e.to_string()))
                    .collect();
                Ok(Some(Value::Dates(dates?)))
            }
            Shape::Holidays => {
                let holidays: Result<Vec<(Date, T)>, String> = items
                    .iter()
                    .map(|item| {
                        let text =
                            |name| item.get(name).and_then(serde_json::Value::as_str).ok_or_else(wrong);
                        let title = text("title")?;
                        if let Some(bad) = forbidden_character(title, Newlines::Refused) {
                            return Err(forbidden(bad));
                        }
                        Ok((Date::parse(text("date")?).map_err(|e| e.to_string())?, owned(title)))
                    })
                    .collect();
                Ok(Some(Value::Holidays(holidays?.into())))
            }
            _ => Err(self.wrong("a list")),
        }
    }

    fn object(
        &self,
        object: &serde_json::Map<String, serde_json::Value>,
    ) -> Result<Option<Value<T>>, String> {
        let text = |name: &str| object.get(name).and_then(serde_json::Value::as_str);
        let number = |name: &str| {
            object.get(name).and_then(serde_json::Value::as_u64).and_then(|n| u32::try_from(n).ok())
        };
        match self.0.shape {
            Shape::EventRef => match (text("source"), text("id")) {
                (Some(source), Some(id)) => Ok(Some(Value::Event(Box::new((owned(source), owned(id)))))),
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
