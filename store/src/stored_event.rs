//! An event as it stands in the log.

use std::fmt;

use mandate_domain::fact::Fact;
use mandate_domain::time::Instant;
use rusqlite::Row;

use crate::error::StoreError;
use crate::leaf::{EVENT_VERSION, Leaf, sha256};
use crate::position::{Position, Sequence};

/// An event read from the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredEvent {
    /// Place in the log.
    pub position: Position,
    /// Place in its subject's stream.
    pub sequence: Sequence,
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
            position: self.position,
            aggregate_type,
            aggregate_id,
            sequence: self.sequence,
            event_type: fact.kind.name(),
            event_version: EVENT_VERSION,
            source: &fact.source,
            event_id: &fact.id,
            occurred_at: fact.time,
            recorded_at: self.recorded_at,
            claimed_at: self.claimed_at,
            actor: self.actor.as_deref(),
            command_id: self.command_id.as_deref(),
            payload_digest: sha256(self.payload.as_bytes()),
            sealed_digest: self.sealed.as_ref().map(|sealed| sha256(sealed.bytes())),
        };
        leaf.digest() == self.leaf
    }

    /// Reads a row whose columns are those of `sql/sqlite/select_events_after.sql`.
    pub(crate) fn from_row(row: &Row<'_>) -> Result<Self, StoreError> {
        let read = StoreError::database("read an event");
        let position = Position::from_db(row.get(0).map_err(&read)?);
        let text = |column| row.get_ref(column).and_then(|value| Ok(value.as_str()?)).map_err(&read);
        let version = text(5)?;
        if version != EVENT_VERSION {
            let reason = format!("layout `{version}`, this program reads `{EVENT_VERSION}`");
            return Err(StoreError::Unreadable { position, reason });
        }
        let payload = text(14)?;
        let fact = Fact::parse(payload)
            .map_err(|error| StoreError::Unreadable { position, reason: error.to_string() })?;
        let columns = || -> rusqlite::Result<Self> {
            Ok(Self {
                position,
                sequence: Sequence::from_db(row.get(3)?),
                recorded_at: Instant::from_nanos(row.get(9)?),
                claimed_at: row.get::<_, Option<i64>>(10)?.map(Instant::from_nanos),
                actor: row.get(11)?,
                command_id: row.get(12)?,
                payload: payload.into(),
                sealed: row.get::<_, Option<Vec<u8>>>(15)?.map(|bytes| Sealed(bytes.into())),
                leaf: row.get(13)?,
                fact,
            })
        };
        columns().map_err(&read)
    }
}

/// A subject in its two parts: `nominal` and `N-1` of `nominal/N-1`.
pub(crate) fn split_subject(subject: &str) -> (&str, &str) {
    subject.split_once('/').unwrap_or(("", subject))
}
