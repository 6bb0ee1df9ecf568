//! What a fact holds that must not be stored in clear: personal fields, free text, fields outside the catalogue.

use std::fmt;

use mandate_domain::catalogue::{FactType, Shape};
use mandate_domain::fact::FactError;
use serde::de::{DeserializeSeed, IgnoredAny, MapAccess, Visitor};
use serde_json::{Map, Value};
use zeroize::{Zeroize, Zeroizing};

use crate::identifier::Identifier;

/// The fields of one fact that are sealed when stored; wiped from memory when dropped, never shown by `Debug`.
#[derive(Clone, PartialEq, Default)]
pub struct Private(Map<String, Value>);

impl Private {
    /// The fields that are in a JSON object.
    #[must_use]
    pub fn new(fields: Map<String, Value>) -> Self {
        Self(fields)
    }

    /// The fields of a CloudEvent of the given type that are to be sealed; reads `data` only.
    pub(crate) fn of_event(kind: FactType, text: &str) -> Result<Self, FactError> {
        let mut decoder = serde_json::Deserializer::from_str(text);
        // The text has been read as a fact before, so an error is not about its form.
        EventSeed(kind)
            .deserialize(&mut decoder)
            .map_err(|_| FactError::Json("cannot be read again".to_owned()))
    }

    /// Reads what [`Self::to_json`] wrote.
    pub(crate) fn from_json(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok().map(Self)
    }

    /// As one JSON object; wiped from memory when dropped.
    pub(crate) fn to_json(&self) -> Zeroizing<Vec<u8>> {
        let mut fields: Vec<_> = self.0.iter().collect();
        fields.sort_by_key(|(name, _)| *name);
        let mut bytes = Zeroizing::new(Vec::with_capacity(256));
        bytes.push(b'{');
        for (name, value) in fields {
            if bytes.len() > 1 {
                bytes.push(b',');
            }
            push_json(&mut bytes, name);
            bytes.push(b':');
            push_json(&mut bytes, value);
        }
        bytes.push(b'}');
        bytes
    }

    /// Whether there is nothing to seal.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The value of a field, such as `personal` or `reason`.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    /// The fields, in no particular order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// Puts a field in, in place of one of the same name.
    pub fn insert(&mut self, name: impl Into<String>, value: Value) {
        self.0.insert(name.into(), value);
    }

    /// The numbers under `personal` by which the subject can be found.
    pub(crate) fn identifiers(&self) -> impl Iterator<Item = (Identifier, &str)> {
        let personal = self.get("personal");
        Identifier::ALL.iter().filter_map(move |kind| Some((*kind, personal?.get(kind.name())?.as_str()?)))
    }
}

/// Appends a value as JSON; a string or a JSON value always can be written.
pub(crate) fn push_json<T: serde::Serialize + ?Sized>(bytes: &mut Vec<u8>, value: &T) {
    let written = serde_json::to_writer(bytes, value);
    debug_assert!(
        written.is_ok(),
        "writing JSON to memory fails only for maps with keys that are not strings"
    );
}

impl fmt::Debug for Private {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Private({} fields)", self.0.len())
    }
}

impl Drop for Private {
    fn drop(&mut self) {
        self.0.values_mut().for_each(wipe);
    }
}

fn wipe(value: &mut Value) {
    match value {
        Value::String(text) => text.zeroize(),
        Value::Array(items) => items.iter_mut().for_each(wipe),
        Value::Object(fields) => fields.values_mut().for_each(wipe),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Reads a whole CloudEvent and keeps the private fields of its `data`.
struct EventSeed(FactType);

impl<'de> DeserializeSeed<'de> for EventSeed {
    type Value = Private;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for EventSeed {
    type Value = Private;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a CloudEvent")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Private, A::Error> {
        let mut private = Private::default();
        while let Some(name) = map.next_key::<Name<'de>>()? {
            if name.0 == "data" {
                private = map.next_value_seed(DataSeed(self.0))?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(private)
    }
}

/// A key that borrows from the text when it can.
#[derive(serde::Deserialize)]
struct Name<'a>(#[serde(borrow)] std::borrow::Cow<'a, str>);

struct DataSeed(FactType);

impl<'de> DeserializeSeed<'de> for DataSeed {
    type Value = Private;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for DataSeed {
    type Value = Private;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_unit<E>(self) -> Result<Private, E> {
        Ok(Private::default())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Private, A::Error> {
        let mut private = Private::default();
        while let Some(Name(name)) = map.next_key::<Name<'de>>()? {
            match self.0.field(&name).map(|spec| spec.shape) {
                None => {
                    let value = map.next_value()?;
                    private.insert(name, value);
                }
                Some(Shape::Text | Shape::Personal) => {
                    let value: Value = map.next_value()?;
                    // An empty text hides nothing, and stands in the payload for a text that is sealed.
                    if !value.is_null() && value != "" {
                        private.insert(name, value);
                    }
                }
                // The payload keeps only what the catalogue knows of these objects; the rest must not be lost.
                Some(Shape::EventRef | Shape::Sample | Shape::Holidays) => {
                    let value: Value = map.next_value()?;
                    if has_more_than_two_members(&value) {
                        private.insert(name, value);
                    }
                }
                Some(_) => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(private)
    }
}

fn has_more_than_two_members(value: &Value) -> bool {
    match value {
        Value::Object(fields) => fields.len() > 2,
        Value::Array(items) => items.iter().any(has_more_than_two_members),
        _ => false,
    }
}
