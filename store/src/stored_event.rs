//! An event as it stands in the log.

use std::borrow::Cow;
use std::fmt;

use mandate_domain::fact::Fact;
use mandate_domain::time::Instant;
use mandate_verify::leaf::{Entry, Leaf};

use crate::error::StoreError;
use crate::leaf::{EVENT_VERSION, sha256};
use crate::position::{Position, Sequence};
use crate::told::fact_of;

/// An event read from the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredEvent {
    /// Place in the log.
    pub position: Position,
    /// Place in its subject's stream.
    pub sequence: Sequence,
    /// The layout in which its payload was written.
    pub version: Cow<'static, str>,
    /// The fact; its private part is left out, an empty text stands for each sealed one.
    pub fact: Fact,
    /// When the log recorded it; never decreases with position.
    pub recorded_at: Instant,
    /// The accepted claim of when it was recorded elsewhere.
    pub claimed_at: Option<Instant>,
    /// Who stated it.
    pub actor: Option<Box<str>>,
    /// The command that produced it.
    pub command_id: Option<Box<str>>,
    /// The CloudEvent with its public data, byte for byte as hashed.
    pub payload: Box<str>,
    /// The private part, encrypted.
    pub sealed: Option<Sealed>,
    /// The digest over all of the above.
    pub leaf: [u8; 32],
}

/// An encrypted private part.
#[derive(Clone, PartialEq, Eq)]
pub struct Sealed(Box<[u8]>);

impl Sealed {
    /// The bytes as stored.
    #[must_use]
    pub const fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sealed({} bytes)", self.0.len())
    }
}

impl StoredEvent {
    /// When it is held to have been known: the claim where one was accepted, else when the log recorded it.
    #[must_use]
    pub fn known_at(&self) -> Instant {
        self.claimed_at.unwrap_or(self.recorded_at)
    }

    /// The fact as the judge wants it: `recorded` holds [`Self::known_at`].
    #[must_use]
    pub fn into_fact(self) -> Fact {
        let recorded = Some(self.known_at());
        Fact { recorded, ..self.fact }
    }

    /// Whether the leaf agrees with what is stored.
    #[must_use]
    pub fn is_intact(&self) -> bool {
        let fact = &self.fact;
        let (aggregate_type, aggregate_id) = split_subject(&fact.subject);
        let leaf = Leaf {
            position: self.position.get(),
            aggregate_type,
            aggregate_id,
            sequence: self.sequence.get(),
            event_type: fact.kind.name(),
            event_version: &self.version,
            source: &fact.source,
            event_id: &fact.id,
            occurred_at: fact.time.nanos(),
            recorded_at: self.recorded_at.nanos(),
            claimed_at: self.claimed_at.map(Instant::nanos),
            actor: self.actor.as_deref(),
            command_id: self.command_id.as_deref(),
            payload_digest: sha256(self.payload.as_bytes()),
            sealed_digest: self.sealed.as_ref().map(|sealed| sha256(sealed.bytes())),
        };
        leaf.digest() == self.leaf
    }
}

/// A row of `events` as a database gives it, undecoded.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Columns<'r> {
    pub(crate) position: i64,
    pub(crate) aggregate_type: &'r str,
    pub(crate) aggregate_id: &'r str,
    pub(crate) sequence: i64,
    pub(crate) event_type: &'r str,
    pub(crate) event_version: &'r str,
    pub(crate) source: &'r str,
    pub(crate) event_id: &'r str,
    pub(crate) occurred_at: i64,
    pub(crate) recorded_at: i64,
    pub(crate) claimed_at: Option<i64>,
    pub(crate) actor: Option<&'r str>,
    pub(crate) command_id: Option<&'r str>,
    pub(crate) leaf: &'r [u8],
    pub(crate) payload: &'r str,
    pub(crate) sealed: Option<&'r [u8]>,
}

impl<'r> Columns<'r> {
    /// The event, its payload brought to the present layout.
    pub(crate) fn decode(&self) -> Result<StoredEvent, StoreError> {
        let position = Position::from_db(self.position);
        let fact = fact_of(position, self.event_type, self.event_version, self.payload)?;
        let leaf = self.leaf.try_into().map_err(|_| StoreError::Unreadable {
            position,
            reason: format!("a leaf of {} bytes", self.leaf.len()),
        })?;
        Ok(StoredEvent {
            position,
            sequence: Sequence::from_db(self.sequence),
            version: version(self.event_version),
            fact,
            recorded_at: Instant::from_nanos(self.recorded_at),
            claimed_at: self.claimed_at.map(Instant::from_nanos),
            actor: self.actor.map(Into::into),
            command_id: self.command_id.map(Into::into),
            payload: self.payload.into(),
            sealed: self.sealed.map(|bytes| Sealed(bytes.into())),
            leaf,
        })
    }

    /// The event in full, as a bundle carries it.
    pub(crate) fn entry(&self) -> Entry<'r> {
        Entry {
            position: self.position.cast_unsigned(),
            aggregate_type: self.aggregate_type,
            aggregate_id: self.aggregate_id,
            sequence: self.sequence.cast_unsigned(),
            event_type: self.event_type,
            event_version: self.event_version,
            source: self.source,
            event_id: self.event_id,
            occurred_at: self.occurred_at,
            recorded_at: self.recorded_at,
            claimed_at: self.claimed_at,
            actor: self.actor,
            command_id: self.command_id,
            payload: self.payload.as_bytes(),
            sealed: self.sealed,
        }
    }

    /// What the columns say otherwise than the payload, by the columns' names.
    pub(crate) fn contradictions(&self, fact: &Fact) -> Vec<&'static str> {
        let (aggregate_type, aggregate_id) = split_subject(&fact.subject);
        [
            ("aggregate_type", self.aggregate_type == aggregate_type),
            ("aggregate_id", self.aggregate_id == aggregate_id),
            ("event_type", self.event_type == fact.kind.name()),
            ("source", *self.source == *fact.source),
            ("event_id", *self.event_id == *fact.id),
            ("occurred_at", self.occurred_at == fact.time.nanos()),
            ("claimed_at", self.claimed_at == fact.recorded.map(Instant::nanos)),
        ]
        .into_iter()
        .filter_map(|(name, agrees)| (!agrees).then_some(name))
        .collect()
    }
}

/// The name of a payload's layout without a new text for the one that almost every event has.
fn version(name: &str) -> Cow<'static, str> {
    if name == EVENT_VERSION { Cow::Borrowed(EVENT_VERSION) } else { Cow::Owned(name.to_owned()) }
}

/// A subject in its two parts: `nominal` and `N-1` of `nominal/N-1`.
pub(crate) fn split_subject(subject: &str) -> (&str, &str) {
    subject.split_once('/').unwrap_or(("", subject))
}
