//! One transaction of the writer: what is new is inserted, what is known or in the way is answered.

use std::collections::HashMap;

use mandate_domain::time::Instant;
use rusqlite::{CachedStatement, Connection, ErrorCode, OptionalExtension};

use crate::cloud_event::CloudEvent;
use crate::error::StoreError;
use crate::keys::{Keys, KeysError, Pending};
use crate::leaf::{EVENT_VERSION, Leaf, sha256};
use crate::new_event::NewEvent;
use crate::outcome::{First, OnError, Outcome, Refusal};
use crate::position::{Position, Sequence};
use crate::stored_event::{StoredEvent, split_subject};

/// Streams whose versions are kept in memory at once.
const CACHED_STREAMS: usize = 200_000;

/// Why a transaction could not be committed.
#[derive(Debug)]
pub(crate) struct Failure(pub(crate) StoreError);

impl Failure {
    /// Whether any transaction would fail now: a full disk, an I/O error, a lock, no memory.
    pub(crate) fn concerns_all(&self) -> bool {
        let (StoreError::Database { source: error, .. }
        | StoreError::Keys(KeysError::Database { source: error, .. })) = &self.0
        else {
            return false;
        };
        !matches!(
            error.sqlite_error_code(),
            Some(ErrorCode::ConstraintViolation | ErrorCode::TooBig | ErrorCode::TypeMismatch) | None
        )
    }
}

impl From<rusqlite::Error> for Failure {
    fn from(source: rusqlite::Error) -> Self {
        Self(StoreError::Database { doing: "store events", source })
    }
}

impl From<KeysError> for Failure {
    fn from(error: KeysError) -> Self {
        Self(error.into())
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self(error)
    }
}

/// The versions of streams that were appended to lately, by subject.
#[derive(Debug, Default)]
pub(crate) struct Streams(HashMap<Box<str>, Sequence>);

impl Streams {
    /// Forgets them all: what a failed transaction counted was not stored.
    pub(crate) fn forget(&mut self) {
        self.0.clear();
    }

    fn set(&mut self, subject: &str, version: Sequence) {
        match self.0.get_mut(subject) {
            Some(known) => *known = version,
            None => {
                if self.0.len() >= CACHED_STREAMS {
                    self.0.clear();
                }
                self.0.insert(subject.into(), version);
            }
        }
    }
}

/// What is to become of an event.
enum Verdict {
    /// It is new, and its place in its stream is this.
    New(Sequence),
    /// It is in the log, or in the same batch, already.
    Known(First),
    /// It cannot be stored.
    Refused(Refusal),
}

/// The events of an all-or-nothing batch that come before the one being looked at and are not inserted yet.
#[derive(Default)]
struct Earlier<'e> {
    places: HashMap<(&'e str, &'e str), usize>,
    versions: HashMap<&'e str, Sequence>,
}

/// A transaction in progress.
pub(crate) struct Transaction<'w> {
    keys: &'w Keys,
    streams: &'w mut Streams,
    pending: Pending,
    position: Position,
    recorded_at: Instant,
    find: CachedStatement<'w>,
    last: CachedStatement<'w>,
    insert: CachedStatement<'w>,
}

impl<'w> Transaction<'w> {
    pub(crate) fn begin(
        connection: &'w Connection,
        keys: &'w Keys,
        streams: &'w mut Streams,
        position: Position,
        recorded_at: Instant,
    ) -> Result<Self, Failure> {
        Ok(Self {
            keys,
            streams,
            pending: Pending::default(),
            position,
            recorded_at,
            find: connection.prepare_cached(include_str!("../sql/sqlite/select_event_by_source_id.sql"))?,
            last: connection.prepare_cached(include_str!("../sql/sqlite/select_last_sequence.sql"))?,
            insert: connection.prepare_cached(include_str!("../sql/sqlite/insert_event.sql"))?,
        })
    }

    /// The last position, and what must be durable before the commit.
    pub(crate) fn end(self) -> (Position, Pending) {
        (self.position, self.pending)
    }

    /// Inserts what can be inserted of a batch.
    pub(crate) fn apply(&mut self, events: &[NewEvent], on_error: OnError) -> Result<Vec<Outcome>, Failure> {
        match on_error {
            OnError::All if events.len() > 1 => self.apply_all(events),
            OnError::All | OnError::Each => self.apply_each(events),
        }
    }

    fn apply_each(&mut self, events: &[NewEvent]) -> Result<Vec<Outcome>, Failure> {
        let none = Earlier::default();
        let mut outcomes = Vec::with_capacity(events.len());
        for event in events {
            let verdict = self.judge(events, event, &none)?;
            outcomes.push(self.carry_out(event, verdict, &outcomes)?);
        }
        Ok(outcomes)
    }

    fn apply_all(&mut self, events: &[NewEvent]) -> Result<Vec<Outcome>, Failure> {
        let mut earlier = Earlier::default();
        let mut verdicts = Vec::with_capacity(events.len());
        for (place, event) in events.iter().enumerate() {
            let verdict = self.judge(events, event, &earlier)?;
            if let Verdict::New(sequence) = verdict {
                let fact = &event.event.fact;
                earlier.places.insert((&fact.source, &fact.id), place);
                earlier.versions.insert(&fact.subject, sequence);
            }
            verdicts.push(verdict);
        }
        let refused = verdicts.iter().position(|verdict| matches!(verdict, Verdict::Refused(_)));
        let mut outcomes = Vec::with_capacity(events.len());
        for (event, verdict) in events.iter().zip(verdicts) {
            outcomes.push(match (verdict, refused) {
                (Verdict::New(_) | Verdict::Known(First::InBatch(_)), Some(because_of)) => {
                    Outcome::NotStored { because_of }
                }
                (verdict, _) => self.carry_out(event, verdict, &outcomes)?,
            });
        }
        Ok(outcomes)
    }

    /// Does as the verdict says; `before` are the outcomes of the events before this one in its batch.
    fn carry_out(
        &mut self,
        event: &NewEvent,
        verdict: Verdict,
        before: &[Outcome],
    ) -> Result<Outcome, Failure> {
        Ok(match verdict {
            Verdict::New(sequence) => self.insert(event, sequence)?,
            Verdict::Known(First::Stored(position)) => Outcome::AlreadyStored { position },
            Verdict::Known(First::InBatch(place)) => match before.get(place).and_then(Outcome::position) {
                Some(position) => Outcome::AlreadyStored { position },
                None => Outcome::NotStored { because_of: place },
            },
            Verdict::Refused(refusal) => Outcome::Refused(refusal),
        })
    }

    fn judge(
        &mut self,
        events: &[NewEvent],
        event: &NewEvent,
        earlier: &Earlier<'_>,
    ) -> Result<Verdict, Failure> {
        let fact = &event.event.fact;
        if let Some(&place) = earlier.places.get(&(&*fact.source, &*fact.id))
            && let Some(first) = events.get(place)
        {
            return Ok(known(event, First::InBatch(place), first.event.differences(&event.event)));
        }
        if let Some(stored) = self.stored(&fact.source, &fact.id)? {
            let differing = self.differences(&stored, event)?;
            return Ok(known(event, First::Stored(stored.position), differing));
        }
        let actual = match earlier.versions.get(&*fact.subject) {
            Some(version) => *version,
            None => self.version(&fact.subject)?,
        };
        Ok(match event.expected {
            Some(expected) if expected != actual => {
                Verdict::Refused(Refusal::VersionConflict { subject: fact.subject.clone(), expected, actual })
            }
            Some(_) | None => Verdict::New(actual.next()),
        })
    }

    fn stored(&mut self, source: &str, id: &str) -> Result<Option<StoredEvent>, Failure> {
        let mut rows = self.find.query([source, id])?;
        Ok(rows.next()?.map(StoredEvent::from_row).transpose()?)
    }

    fn differences(&self, stored: &StoredEvent, event: &NewEvent) -> Result<Vec<String>, Failure> {
        if stored.payload == event.payload && stored.sealed.is_none() && event.event.private.is_empty() {
            return Ok(Vec::new());
        }
        let private = match self.keys.unseal(stored) {
            Ok(private) => private,
            // Erased: what was sealed can no longer be compared, and must not be stored again.
            Err(KeysError::NoKey { .. }) => event.event.private.clone(),
            Err(error) => return Err(error.into()),
        };
        let stored = CloudEvent { fact: stored.fact.clone(), private };
        Ok(stored.differences(&event.event))
    }

    /// The version of a stream, what this transaction inserted included.
    fn version(&mut self, subject: &str) -> Result<Sequence, Failure> {
        if let Some(version) = self.streams.0.get(subject) {
            return Ok(*version);
        }
        let (aggregate_type, aggregate_id) = split_subject(subject);
        let last = self.last.query_row([aggregate_type, aggregate_id], |row| row.get(0)).optional()?;
        Ok(last.map_or(Sequence::START, Sequence::from_db))
    }

    fn insert(&mut self, event: &NewEvent, sequence: Sequence) -> Result<Outcome, Failure> {
        let (CloudEvent { fact, .. }, recorded_at) = (&event.event, self.recorded_at);
        let position = self.position.next();
        let sealed = self.keys.seal(&event.event, &mut self.pending)?;
        let (aggregate_type, aggregate_id) = split_subject(&fact.subject);
        let leaf = Leaf {
            position,
            aggregate_type,
            aggregate_id,
            sequence,
            event_type: fact.kind.name(),
            event_version: EVENT_VERSION,
            source: &fact.source,
            event_id: &fact.id,
            occurred_at: fact.time,
            recorded_at,
            claimed_at: fact.recorded,
            actor: event.actor.as_deref(),
            command_id: event.command_id.as_deref(),
            payload_digest: event.payload_digest,
            sealed_digest: sealed.as_deref().map(sha256),
        };
        self.insert.execute(rusqlite::params![
            position.to_db(),
            aggregate_type,
            aggregate_id,
            sequence.to_db(),
            leaf.event_type,
            leaf.event_version,
            leaf.source,
            leaf.event_id,
            fact.time.nanos(),
            recorded_at.nanos(),
            fact.recorded.map(Instant::nanos),
            leaf.actor,
            leaf.command_id,
            leaf.digest(),
            &*event.payload,
            sealed.as_deref(),
        ])?;
        self.keys.index(&event.event, position, &mut self.pending);
        self.position = position;
        self.streams.set(&fact.subject, sequence);
        Ok(Outcome::Stored { position, recorded_at })
    }
}

/// The verdict on an event whose (source, id) was there first.
fn known(event: &NewEvent, first: First, differing: Vec<String>) -> Verdict {
    if differing.is_empty() {
        return Verdict::Known(first);
    }
    let (teller, id) = (event.event.fact.source.clone(), event.event.fact.id.clone());
    Verdict::Refused(Refusal::Conflict { teller, id, first, differing })
}
