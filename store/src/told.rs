//! An event as those who follow the log want it: its fact and its place, without what only proofs and people ask for.

use mandate_domain::fact::Fact;
use mandate_domain::time::Instant;

use crate::error::StoreError;
use crate::position::Position;
use crate::stored_event::StoredEvent;
use crate::upcast;

/// A fact with its place in the log: less to read and to keep than a [`StoredEvent`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// Place in the log.
    pub position: Position,
    /// The fact; its private part is left out, an empty text stands for each sealed one.
    pub fact: Fact,
    /// When the log recorded it; never decreases with position.
    pub recorded_at: Instant,
    /// The accepted claim of when it was recorded elsewhere.
    pub claimed_at: Option<Instant>,
    /// Whether it has a private part.
    pub is_sealed: bool,
}

impl Told {
    /// When it is held to have been known: the claim where one was accepted, else when the log recorded it.
    #[must_use]
    pub fn known_at(&self) -> Instant {
        self.claimed_at.unwrap_or(self.recorded_at)
    }
}

impl From<StoredEvent> for Told {
    fn from(event: StoredEvent) -> Self {
        Self {
            position: event.position,
            fact: event.fact,
            recorded_at: event.recorded_at,
            claimed_at: event.claimed_at,
            is_sealed: event.sealed.is_some(),
        }
    }
}

/// The columns that a [`Told`] is decoded from, in the order in which they are selected.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ToldColumns<'r> {
    pub(crate) position: i64,
    pub(crate) event_type: &'r str,
    pub(crate) event_version: &'r str,
    pub(crate) recorded_at: i64,
    pub(crate) claimed_at: Option<i64>,
    pub(crate) payload: &'r str,
    pub(crate) is_sealed: bool,
}

impl ToldColumns<'_> {
    /// The fact, its payload brought to the present layout.
    pub(crate) fn decode(&self) -> Result<Told, StoreError> {
        let position = Position::from_db(self.position);
        Ok(Told {
            position,
            fact: fact_of(position, self.event_type, self.event_version, self.payload)?,
            recorded_at: Instant::from_nanos(self.recorded_at),
            claimed_at: self.claimed_at.map(Instant::from_nanos),
            is_sealed: self.is_sealed,
        })
    }
}

/// The fact of a stored payload, which is brought to the present layout.
pub(crate) fn fact_of(
    position: Position,
    event_type: &str,
    event_version: &str,
    payload: &str,
) -> Result<Fact, StoreError> {
    let unreadable = |reason: String| StoreError::Unreadable { position, reason };
    let present = upcast::to_present(event_type, event_version, payload).map_err(unreadable)?;
    Fact::parse_stored(&present).map_err(|error| unreadable(error.to_string()))
}
