//! `cqrs_es` on the log: aggregates whose stream is a subject.

use std::collections::HashMap;
use std::marker::PhantomData;

use cqrs_es::{Aggregate, AggregateContext, AggregateError, EventEnvelope, EventStore};

use crate::error::StoreError;
use crate::new_event::{Claim, NewEvent};
use crate::outcome::{OnError, Outcome, Refusal};
use crate::position::Sequence;
use crate::reader::RawEvent;
use crate::store::Store;

/// The key of the metadata that names who gave the command.
const ACTOR: &str = "actor";
/// The key of the metadata that names the command.
const COMMAND_ID: &str = "command_id";

/// Runs a `cqrs_es::CqrsFramework` on the log.
///
/// `A::TYPE` is a kind of subject and the aggregate's id the rest of the subject's id, so an aggregate's stream holds
/// the facts told about it as well as the events of its commands. `A::Event` is, or is written and read by serde as,
/// a structured-mode CloudEvent ([`CloudEvent`](crate::CloudEvent) is one), with its own (source, id): a command
/// that is sent twice and makes the same events takes effect once. Metadata may hold `actor` and `command_id`.
///
/// Loading reads SQLite on the calling task, for as long as it takes to read one stream.
#[derive(Debug, Clone)]
pub struct LogEventStore<A> {
    store: Store,
    aggregate: PhantomData<fn() -> A>,
}

/// An aggregate as loaded, and the version of its stream.
#[derive(Debug)]
pub struct LogContext<A> {
    subject: String,
    version: Sequence,
    aggregate: A,
}

impl<A: Aggregate> AggregateContext<A> for LogContext<A> {
    fn aggregate(&mut self) -> &mut A {
        &mut self.aggregate
    }
}

impl<A: Aggregate> LogEventStore<A> {
    /// The aggregates of this type in a log.
    #[must_use]
    pub const fn new(store: Store) -> Self {
        Self { store, aggregate: PhantomData }
    }

    /// Calls `each` with the events of a stream, decoded, in order.
    fn load(
        &self,
        subject: &str,
        mut each: impl FnMut(&RawEvent<'_>, A::Event),
    ) -> Result<(), AggregateError<A::Error>> {
        let loaded = self.store.reader().for_each_payload(subject, |event| {
            let decoded = serde_json::from_str(event.payload).map_err(|error| StoreError::Unreadable {
                position: event.position,
                reason: error.to_string(),
            })?;
            each(&event, decoded);
            Ok(())
        });
        loaded.map_err(|error| match error {
            StoreError::Unreadable { .. } => AggregateError::DeserializationError(Box::new(error)),
            other => failed(other),
        })
    }
}

impl<A: Aggregate> EventStore<A> for LogEventStore<A> {
    type AC = LogContext<A>;

    async fn load_events(
        &self,
        aggregate_id: &str,
    ) -> Result<Vec<EventEnvelope<A>>, AggregateError<A::Error>> {
        let mut events = Vec::new();
        self.load(&subject_of::<A>(aggregate_id), |event, decoded| {
            let metadata = [(ACTOR, event.actor), (COMMAND_ID, event.command_id)]
                .into_iter()
                .filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned())))
                .collect();
            events.push(envelope(aggregate_id, event.sequence, decoded, metadata));
        })?;
        Ok(events)
    }

    async fn load_aggregate(&self, aggregate_id: &str) -> Result<LogContext<A>, AggregateError<A::Error>> {
        let subject = subject_of::<A>(aggregate_id);
        let (mut aggregate, mut version) = (A::default(), Sequence::START);
        self.load(&subject, |event, decoded| {
            aggregate.apply(decoded);
            version = event.sequence;
        })?;
        Ok(LogContext { subject, version, aggregate })
    }

    async fn commit(
        &self,
        events: Vec<A::Event>,
        context: LogContext<A>,
        metadata: HashMap<String, String>,
    ) -> Result<Vec<EventEnvelope<A>>, AggregateError<A::Error>> {
        let mut batch = Vec::with_capacity(events.len());
        let mut version = context.version;
        for event in &events {
            batch.push(encode::<A>(event, &context.subject, &metadata)?.expecting(version));
            version = version.next();
        }
        for outcome in self.store.append(batch, OnError::All).await.map_err(failed)? {
            match outcome {
                Outcome::Stored { .. } | Outcome::AlreadyStored { .. } | Outcome::NotStored { .. } => {}
                Outcome::Refused(Refusal::VersionConflict { .. }) => {
                    return Err(AggregateError::AggregateConflict);
                }
                Outcome::Refused(refusal @ Refusal::Conflict { .. }) => {
                    return Err(AggregateError::UnexpectedError(Box::new(refusal)));
                }
            }
        }
        let aggregate_id = context.subject.split_once('/').map_or("", |(_, id)| id);
        let mut sequence = context.version;
        Ok(events
            .into_iter()
            .map(|event| {
                sequence = sequence.next();
                envelope(aggregate_id, sequence, event, metadata.clone())
            })
            .collect())
    }
}

fn subject_of<A: Aggregate>(aggregate_id: &str) -> String {
    format!("{}/{aggregate_id}", A::TYPE)
}

fn envelope<A: Aggregate>(
    aggregate_id: &str,
    sequence: Sequence,
    payload: A::Event,
    metadata: HashMap<String, String>,
) -> EventEnvelope<A> {
    let sequence = usize::try_from(sequence.get()).unwrap_or(usize::MAX);
    EventEnvelope { aggregate_id: aggregate_id.to_owned(), sequence, payload, metadata }
}

fn encode<A: Aggregate>(
    event: &A::Event,
    subject: &str,
    metadata: &HashMap<String, String>,
) -> Result<NewEvent, AggregateError<A::Error>> {
    let unexpected = |error: String| AggregateError::UnexpectedError(error.into());
    let text = serde_json::to_string(event).map_err(|error| unexpected(error.to_string()))?;
    let mut new = NewEvent::parse(&text, Claim::Ignore).map_err(|error| unexpected(error.to_string()))?;
    if *new.fact().subject != *subject {
        return Err(unexpected(format!("an event of {subject} is about {}", new.fact().subject)));
    }
    for (name, value) in metadata {
        let named = match name.as_str() {
            ACTOR => new.by(value),
            COMMAND_ID => new.for_command(value),
            _ => return Err(unexpected(format!("metadata `{name}`: expected `{ACTOR}` or `{COMMAND_ID}`"))),
        };
        new = named.map_err(|error| unexpected(error.to_string()))?;
    }
    Ok(new)
}

fn failed<E: std::error::Error>(error: StoreError) -> AggregateError<E> {
    AggregateError::DatabaseConnectionError(Box::new(error))
}
