//! What became of each event that was sent.

use mandate_domain::catalogue::FactType;
use mandate_domain::time::Instant;

use crate::position::{Position, Sequence};

/// What to do with the rest of a batch when one of its events is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnError {
    /// One refused event refuses all of them.
    All,
    /// Each event stands for itself.
    Each,
}

/// What became of one event; durable when the caller hears of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Stored now.
    Stored {
        /// Its place in the log.
        position: Position,
        /// When, by the log's clock.
        recorded_at: Instant,
    },
    /// Stored before, with the same content; nothing was done.
    AlreadyStored {
        /// Its place in the log.
        position: Position,
    },
    /// Refused.
    Refused(Refusal),
    /// Not stored, because another event of an all-or-nothing batch was refused.
    NotStored {
        /// Place in the batch, from 0, of the first event that was refused.
        because_of: usize,
    },
}

impl Outcome {
    /// Its place in the log, if it is there.
    #[must_use]
    pub const fn position(&self) -> Option<Position> {
        match self {
            Self::Stored { position, .. } | Self::AlreadyStored { position } => Some(*position),
            Self::Refused(_) | Self::NotStored { .. } => None,
        }
    }
}

/// Where the event stands that had a (source, id) first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum First {
    /// In the log.
    Stored(Position),
    /// In the same batch, at this place from 0.
    InBatch(usize),
}

impl std::fmt::Display for First {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Stored(position) => write!(f, "stored at position {position}"),
            Self::InBatch(place) => write!(f, "number {} of this batch", place + 1),
        }
    }
}

/// Why an event was not stored; names what is in the way, and no personal value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The same (source, id) with other content.
    #[error(
        "event `{id}` of source `{teller}` is already {first} with other content ({} differ); send the new content \
         under a new id, and annul the first if it was wrong",
        differing.join(", ")
    )]
    Conflict {
        /// The source.
        teller: Box<str>,
        /// The id.
        id: Box<str>,
        /// The event that had them first.
        first: First,
        /// Names of the attributes and fields that differ.
        differing: Vec<String>,
    },
    /// The stream moved on, or is not that far.
    #[error("{subject} is at version {actual}, expected {expected}; read it again and decide anew")]
    VersionConflict {
        /// The subject whose stream it is.
        subject: Box<str>,
        /// The version the sender expected.
        expected: Sequence,
        /// The version it has.
        actual: Sequence,
    },
    /// Something that it was decided on has changed since.
    #[error("others stated `{kind}` meanwhile; read again and decide anew")]
    Overtaken {
        /// The type of what was stated.
        kind: FactType,
    },
    /// Personal data about a subject that was erased.
    #[error(
        "{subject} was erased: nothing personal is stored about it again; send the event without `personal` and free \
         text, or under a new reference if it is another person"
    )]
    Erased {
        /// The subject.
        subject: Box<str>,
    },
}
