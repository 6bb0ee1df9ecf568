//! A fact that a command comes to.

use serde_json::Map;

use super::{Command, Context};
use crate::catalogue::{FactType, Field, Shape};
use crate::fact::{Fact, Value};
use crate::time::Instant;

/// A fact on its way into the log: its public part, and what is sealed.
#[derive(Debug, Clone, PartialEq)]
pub struct NewFact {
    /// Its type.
    pub kind: FactType,
    /// What it is about.
    pub subject: Box<str>,
    /// When it took place.
    pub time: Instant,
    /// Its fields; free text stands as [`Value::None`].
    pub data: Vec<(Field, Value)>,
    /// Its free text.
    pub texts: Vec<(Field, Box<str>)>,
    /// Personal fields.
    pub personal: Map<String, serde_json::Value>,
}

impl NewFact {
    pub(super) fn of_command(kind: FactType, command: &Command, subject: &str, cx: &Context) -> Self {
        let has = |field: Field| kind.field(field.name()).is_some();
        let mut data: Vec<(Field, Value)> =
            command.data.iter().filter(|(field, _)| has(*field) && *field != Field::Act).cloned().collect();
        let texts: Vec<_> = command.texts.iter().filter(|(field, _)| has(*field)).cloned().collect();
        data.extend(texts.iter().map(|(field, _)| (*field, Value::None)));
        let mut fact = Self {
            kind,
            subject: subject.into(),
            time: command.time.unwrap_or(cx.now),
            data,
            texts,
            personal: command.personal.clone(),
        };
        let own_evidence =
            kind.field(Field::Evidence.name()).is_some_and(|spec| matches!(spec.shape, Shape::Choice(_)));
        if own_evidence && fact.get(Field::Evidence).is_none() {
            fact = fact.with(Field::Evidence, Value::Text("attested".into()));
        }
        fact.with(Field::By, Value::Text(cx.actor.clone()))
    }

    /// The same with a field set.
    #[must_use]
    pub fn with(mut self, field: Field, value: Value) -> Self {
        self.data.retain(|(known, _)| *known != field);
        self.data.push((field, value));
        self
    }

    /// The same with a field that holds a text.
    #[must_use]
    pub fn with_text(self, field: Field, text: &str) -> Self {
        self.with(field, Value::Text(text.into()))
    }

    /// The same with a field that holds a list.
    #[must_use]
    pub fn with_texts(self, field: Field, texts: impl IntoIterator<Item = Box<str>>) -> Self {
        self.with(field, Value::Texts(texts.into_iter().collect()))
    }

    /// The value of a field.
    #[must_use]
    pub fn get(&self, field: Field) -> Option<&Value> {
        self.data.iter().find(|(known, _)| *known == field).map(|(_, value)| value)
    }

    /// The fact under an id.
    #[must_use]
    pub fn under(&self, id: &str) -> Fact {
        Fact {
            id: id.into(),
            source: super::SOURCE.into(),
            kind: self.kind,
            subject: self.subject.clone(),
            time: self.time,
            recorded: None,
            data: self.data.clone(),
        }
    }
}
