//! `cqrs_es` on the log: aggregates whose stream is a subject.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use cqrs_es::{Aggregate, AggregateContext, AggregateError, EventEnvelope, EventStore};

use crate::error::StoreError;
use crate::keys::locked;
use crate::new_event::{NewEvent, Tie};
use crate::outcome::{OnError, Outcome, Refusal};
use crate::position::Sequence;
use crate::postgres::reader::raw_event;
use crate::reader::{RawEvent, Source};
use crate::store::Store;
use crate::stored_event::split_subject;
use crate::upcast;

/// The key of the metadata that names who gave the command.
const ACTOR: &str = "actor";
/// The key of the metadata that names the command.
const COMMAND_ID: &str = "command_id";

/// Aggregates kept in memory at once.
const CACHED_AGGREGATES: usize = 50_000;

/// Runs a `cqrs_es::CqrsFramework` on the log.
///
/// `A::TYPE` is a kind of subject and the aggregate's id the rest of the subject's id, so an aggregate's stream holds
/// the facts told about it as well as the events of its commands. `A::Event` is, or is written and read by serde as,
/// a structured-mode CloudEvent ([`CloudEvent`](crate::CloudEvent) is one), with its own (source, id): a command
/// that is sent twice and makes the same events takes effect once. Metadata may hold `actor` and `command_id`.
///
/// An aggregate stays in memory after a commit and is used again while nothing else was appended to its stream. On
/// PostgreSQL another node's append is noticed within a fraction of a second; a command decided on what was there
/// before is then refused as a conflict, never stored.
///
/// Loading from SQLite reads on the calling task, for as long as it takes to read one stream.
#[derive(Debug)]
pub struct LogEventStore<A> {
    store: Store,
    cache: Arc<Mutex<HashMap<String, (Sequence, A)>>>,
}

impl<A> LogContext<A> {
    /// The version of the stream as it was loaded.
    #[must_use]
    pub const fn version(&self) -> Sequence {
        self.version
    }
}

impl<A> Clone for LogEventStore<A> {
    fn clone(&self) -> Self {
        Self { store: self.store.clone(), cache: Arc::clone(&self.cache) }
    }
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
    pub fn new(store: Store) -> Self {
        Self { store, cache: Arc::default() }
    }

    /// Calls `each` with the events of a stream, decoded, in order.
    async fn load(
        &self,
        subject: &str,
        mut each: impl FnMut(&RawEvent<'_>, A::Event) + Send,
    ) -> Result<(), AggregateError<A::Error>> {
        let mut decode = |event: RawEvent<'_>| {
            let unreadable = |reason| StoreError::Unreadable { position: event.position, reason };
            let present = upcast::to_present(event.event_type, event.event_version, event.payload)
                .map_err(unreadable)?;
            let decoded = serde_json::from_str(&present).map_err(|error| unreadable(error.to_string()))?;
            each(&event, decoded);
            Ok(())
        };
        let reader = self.store.reader();
        let loaded = match &reader.source {
            Source::Sqlite(_) => reader.for_each_payload(subject, decode),
            Source::Postgres(source) => match source.payload_rows(split_subject(subject)).await {
                Ok(rows) => in_order(subject, &rows, &mut decode),
                Err(error) => Err(error),
            },
        };
        loaded.map_err(|error| match error {
            StoreError::Unreadable { .. } => AggregateError::DeserializationError(Box::new(error)),
            other => failed(other),
        })
    }

    /// Takes an aggregate out of the cache, if nothing was appended to its stream since.
    fn cached(&self, subject: &str) -> Option<(Sequence, A)> {
        let found = locked(&self.cache).remove(subject);
        found.filter(|(version, _)| self.store.shared.streams.version(subject) == Some(*version))
    }

    fn keep(&self, subject: String, version: Sequence, aggregate: A) {
        let mut cache = locked(&self.cache);
        if cache.len() >= CACHED_AGGREGATES {
            cache.clear();
        }
        cache.insert(subject, (version, aggregate));
    }
}

/// Hands over the rows of a stream and refuses a gap.
fn in_order(
    subject: &str,
    rows: &[sqlx::postgres::PgRow],
    each: &mut (dyn FnMut(RawEvent<'_>) -> Result<(), StoreError> + Send),
) -> Result<(), StoreError> {
    let mut missing = Sequence::START;
    for row in rows {
        let event = raw_event(row)?;
        missing = missing.next();
        if event.sequence != missing {
            return Err(StoreError::StreamGap { subject: subject.to_owned(), missing });
        }
        each(event)?;
    }
    Ok(())
}

impl<A: Aggregate> EventStore<A> for LogEventStore<A> {
    type AC = LogContext<A>;

    async fn load_events(
        &self,
        aggregate_id: &str,
    ) -> Result<Vec<EventEnvelope<A>>, AggregateError<A::Error>> {
        let mut events = Vec::new();
        let subject = subject_of::<A>(aggregate_id);
        self.load(&subject, |event, decoded| {
            let metadata = [(ACTOR, event.actor), (COMMAND_ID, event.command_id)]
                .into_iter()
                .filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned())))
                .collect();
            events.push(envelope(aggregate_id, event.sequence, decoded, metadata));
        })
        .await?;
        Ok(events)
    }

    async fn load_aggregate(&self, aggregate_id: &str) -> Result<LogContext<A>, AggregateError<A::Error>> {
        let subject = subject_of::<A>(aggregate_id);
        if let Some((version, aggregate)) = self.cached(&subject) {
            return Ok(LogContext { subject, version, aggregate });
        }
        let (mut aggregate, mut version) = (A::default(), Sequence::START);
        self.load(&subject, |event, decoded| {
            aggregate.apply(decoded);
            version = event.sequence;
        })
        .await?;
        Ok(LogContext { subject, version, aggregate })
    }

    async fn commit(
        &self,
        events: Vec<A::Event>,
        context: LogContext<A>,
        metadata: HashMap<String, String>,
    ) -> Result<Vec<EventEnvelope<A>>, AggregateError<A::Error>> {
        let aggregate_id = context.subject.split_once('/').map_or("", |(_, id)| id).to_owned();
        let mut sequence = context.version;
        let outcomes = self.commit_all(vec![(context, events.clone())], &[], &metadata).await?;
        let mut envelopes = Vec::with_capacity(events.len());
        for (event, outcome) in events.into_iter().zip(outcomes) {
            // One that was there before keeps its place.
            let place = match outcome {
                Outcome::AlreadyStored { position } => {
                    let reader = self.store.reader().clone();
                    let found = tokio::task::spawn_blocking(move || reader.by_position(position)).await;
                    let found = found.map_err(|error| AggregateError::UnexpectedError(error.into()))?;
                    found.map_err(failed)?.map_or(sequence, |event| event.sequence)
                }
                Outcome::Stored { .. } | Outcome::Refused(_) | Outcome::NotStored { .. } => {
                    sequence = sequence.next();
                    sequence
                }
            };
            envelopes.push(envelope(&aggregate_id, place, event, metadata.clone()));
        }
        Ok(envelopes)
    }
}

impl<A: Aggregate> LogEventStore<A> {
    /// Appends what was decided on several aggregates, all or nothing: nothing is stored when the stream of one of them
    /// moved on since it was loaded, or one of the ties no longer holds. One outcome for each event, in order; each is stored now or was stored before.
    ///
    /// # Errors
    /// [`AggregateError::AggregateConflict`] when a stream moved on, others as [`EventStore::commit`].
    pub(crate) async fn commit_all(
        &self,
        decided: Vec<(LogContext<A>, Vec<A::Event>)>,
        ties: &[Tie],
        metadata: &HashMap<String, String>,
    ) -> Result<Vec<Outcome>, AggregateError<A::Error>> {
        let mut batch = Vec::new();
        let mut kept = Vec::with_capacity(decided.len());
        for (LogContext { subject, version: loaded, aggregate }, events) in decided {
            let mut version = loaded;
            let mut public = true;
            for event in &events {
                let mut new = encode::<A>(event, &subject, metadata)?.expecting_before_batch(loaded);
                new.loaded = Some(loaded);
                public &= new.private().is_empty();
                batch.push(new);
                version = version.next();
            }
            // What is loaded lacks what was sealed, so only an aggregate without it is what a load would give.
            if public {
                kept.push((subject, version, aggregate));
            }
        }
        let Some(first) = batch.first_mut() else { return Ok(Vec::new()) };
        first.ties = ties.into();
        let outcomes = self.store.append(batch, OnError::All).await.map_err(failed)?;
        // An event that is refused keeps the others out; it says why, the others only that.
        for outcome in &outcomes {
            match outcome {
                Outcome::Stored { .. } | Outcome::AlreadyStored { .. } | Outcome::NotStored { .. } => {}
                Outcome::Refused(Refusal::VersionConflict { .. } | Refusal::Overtaken { .. }) => {
                    return Err(AggregateError::AggregateConflict);
                }
                Outcome::Refused(refusal @ (Refusal::Conflict { .. } | Refusal::Erased { .. })) => {
                    return Err(AggregateError::UnexpectedError(Box::new(refusal.clone())));
                }
            }
        }
        if outcomes.iter().all(|outcome| matches!(outcome, Outcome::Stored { .. })) {
            for (subject, version, aggregate) in kept {
                self.keep(subject, version, aggregate);
            }
        }
        Ok(outcomes)
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
    let mut new = NewEvent::of_ours(&text).map_err(|error| unexpected(error.to_string()))?;
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
