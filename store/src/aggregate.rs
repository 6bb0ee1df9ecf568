//! The pure `decide` and `evolve` of the domain as `cqrs_es` aggregates: one type for each kind of subject.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use cqrs_es::Aggregate;
use cqrs_es::event_sink::EventSink;
use mandate_domain::command::{Command, Context, NewFact, Refusal, Stream, decide};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::json;

use crate::cloud_event::CloudEvent;
use crate::private::Private;

/// A kind of subject that commands are about.
pub trait Kind: Send + Sync + 'static {
    /// The prefix of its ids.
    const TYPE: &'static str;
}

macro_rules! kinds {
    ($($name:ident $prefix:literal)*) => {
        $(
            #[doc = concat!("`", $prefix, "/…`")]
            #[derive(Debug)]
            pub struct $name;

            impl Kind for $name {
                const TYPE: &'static str = $prefix;
            }
        )*
    };
}

kinds! {
    NominalKind "nominal" UserKind "user" AreaKind "area" UnitKind "unit" PrisonKind "prison"
    PrisonGroupKind "prison-group" RegionKind "region" TerminalKind "terminal" DutyKind "duty" PolicyKind "policy"
}

/// A subject with its history: facts told by others and events of commands.
pub struct Subject<K> {
    stream: Stream,
    kind: PhantomData<fn() -> K>,
}

impl<K> Subject<K> {
    /// What is known of it.
    #[must_use]
    pub const fn stream(&self) -> &Stream {
        &self.stream
    }
}

impl<K> Default for Subject<K> {
    fn default() -> Self {
        Self { stream: Stream::default(), kind: PhantomData }
    }
}

impl<K> fmt::Debug for Subject<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Subject(version {})", self.stream.version())
    }
}

impl<K> Serialize for Subject<K> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let event = |fact: &mandate_domain::fact::Fact| CloudEvent {
            fact: fact.clone(),
            private: Private::default(),
        };
        serializer.collect_seq(self.stream.facts().map(event))
    }
}

impl<'de, K> Deserialize<'de> for Subject<K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut subject = Self::default();
        for event in Vec::<CloudEvent>::deserialize(deserializer)? {
            subject.stream.take(event.fact);
        }
        Ok(subject)
    }
}

/// A command as it is given to one of its subjects.
#[derive(Debug, Clone)]
pub struct Given {
    /// The command.
    pub command: Arc<Command>,
    /// The place of the subject among the command's, from 0.
    pub place: usize,
    /// What the decision needs beside the subject's stream.
    pub context: Context,
}

impl Given {
    fn subject(&self) -> &str {
        self.command.subjects.get(self.place).map_or("", |subject| subject)
    }
}

/// The id of an event of a command: its subject's place in the command and its own among those of the subject.
pub(crate) fn event_id(command_id: &str, place: usize, number: usize) -> String {
    format!("{command_id}.{place}.{number}")
}

/// A fact that was decided, in the two parts in which it is stored.
pub(crate) fn event_of(mut fact: NewFact, id: &str) -> CloudEvent {
    let mut private = Private::default();
    for (field, text) in std::mem::take(&mut fact.texts) {
        private.insert(field.name(), json!(text));
    }
    let personal = std::mem::take(&mut fact.personal);
    if !personal.is_empty() {
        private.insert("personal", serde_json::Value::Object(personal));
    }
    CloudEvent { fact: fact.under(id), private }
}

impl<K: Kind> Aggregate for Subject<K> {
    const TYPE: &'static str = K::TYPE;
    type Command = Given;
    type Event = CloudEvent;
    type Error = Refusal;
    type Services = ();

    async fn handle(&mut self, given: Given, (): &(), sink: &EventSink<Self>) -> Result<(), Refusal> {
        let facts = decide(&given.command, given.subject(), &self.stream, &given.context)?;
        for (number, fact) in facts.into_iter().enumerate() {
            let id = event_id(&given.context.command_id, given.place, number);
            sink.write(event_of(fact, &id), self).await;
        }
        Ok(())
    }

    fn apply(&mut self, event: CloudEvent) {
        self.stream.take(event.fact);
    }
}
