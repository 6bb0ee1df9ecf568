//! Records limited to others: for whoever is not listed they do not exist, on no list and in no count (spec 4.3).

use std::collections::BTreeSet;

use mandate_domain::fact::Value;
use mandate_projections::Limited;
use mandate_store::StoredEvent;

use super::app::App;
use super::caller::Caller;
use super::error::HttpError;

/// The nominals that somebody may not know of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hidden(BTreeSet<Box<str>>);

impl Hidden {
    /// What is hidden from whoever asks; nothing only from whoever sits at this machine, where nobody is known. Blocking.
    ///
    /// # Errors
    /// [`HttpError`] when the log cannot be read.
    pub fn to(app: &App, caller: &Caller) -> Result<Self, HttpError> {
        let user = match caller {
            Caller::Here => return Ok(Self::default()),
            Caller::Person { user, .. } => user.as_str(),
            // On no list.
            Caller::Machine(_) | Caller::Nobody => "",
        };
        Ok(Self::from(&*app.projections.limited(app.now())?, user))
    }

    /// What is hidden from somebody, of what is limited.
    #[must_use]
    pub fn from(limited: &Limited, person: &str) -> Self {
        Self(limited.hidden_from(person).map(Into::into).collect())
    }

    /// Whether an event is about what is hidden, or names it: a nominal, or a duty of one.
    #[must_use]
    pub fn hides(&self, event: &StoredEvent) -> bool {
        if self.0.is_empty() {
            return false;
        }
        let subject = &event.fact.subject;
        self.is(subject)
            || subject.strip_prefix("duty/").is_some_and(|duty| self.is_of_duty(duty))
            || event.fact.data.iter().any(|(_, value)| self.is_named(value))
    }

    /// Whether a value names a hidden nominal, with or without its kind.
    fn is_named(&self, value: &Value) -> bool {
        let names = |text: &str| self.is(text) || self.is(&format!("nominal/{text}"));
        match value {
            Value::Text(text) => names(text),
            Value::Texts(texts) => texts.iter().any(|text| names(text)),
            Value::None
            | Value::Bool(_)
            | Value::Number(_)
            | Value::Date(_)
            | Value::Instant(_)
            | Value::Event(_)
            | Value::Holidays(_)
            | Value::Dates(_)
            | Value::Sample(..) => false,
        }
    }

    /// Whether a subject is hidden.
    #[must_use]
    pub fn is(&self, subject: &str) -> bool {
        self.0.contains(subject)
    }

    /// Whether something that is about a duty is about a hidden subject: a duty's id is its rule, its subject and the
    /// fact that opened it.
    #[must_use]
    pub fn is_of_duty(&self, duty: &str) -> bool {
        let about = duty.split_once(':').map_or("", |(_, about)| about);
        self.0.iter().any(|subject| about.strip_prefix(&**subject).is_some_and(|rest| rest.starts_with(':')))
    }

    /// Each of them, to be left out of a list.
    #[must_use]
    pub fn subjects(&self) -> Vec<String> {
        self.0.iter().map(ToString::to_string).collect()
    }
}
