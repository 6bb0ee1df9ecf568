//! Where an event stands: in the whole log and in its subject's own stream.

use std::fmt;

use mandate_domain::time::Instant;
use mandate_verify::tree::Frontier;
use serde::{Deserialize, Serialize};

use crate::error::StoreError;

/// Place in the whole log: from 1, without gaps, in commit order; 0 stands before the first event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Position(u64);

/// Place in one subject's stream: from 1, without gaps; 0 is the version of a stream with no events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Sequence(u64);

/// The end of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// Position of the last event; 0 while there is none.
    pub position: Position,
    /// When the last event was recorded; [`Instant::MIN`] while there is none.
    pub recorded_at: Instant,
}

impl Head {
    /// The end of a log without events.
    pub const START: Self = Self { position: Position::START, recorded_at: Instant::MIN };
}

/// The end of the log with the tree over it.
#[derive(Debug, Clone)]
pub(crate) struct End {
    /// Where it is.
    pub(crate) head: Head,
    /// The tree's frontier there.
    pub(crate) frontier: Frontier,
}

impl End {
    /// Reads an end from its columns.
    pub(crate) fn of_columns(
        position: i64,
        recorded_at: i64,
        frontier: Option<&[u8]>,
    ) -> Result<Self, StoreError> {
        let position = Position::from_db(position);
        let head = Head { position, recorded_at: Instant::from_nanos(recorded_at) };
        let frontier = frontier
            .and_then(|bytes| Frontier::from_bytes(position.get(), bytes).ok())
            .ok_or(StoreError::Tree { head: position })?;
        Ok(Self { head, frontier })
    }
}

macro_rules! place {
    ($name:ident) => {
        impl $name {
            /// Before the first.
            pub const START: Self = Self(0);

            /// The place with this number.
            #[must_use]
            pub const fn new(number: u64) -> Self {
                Self(number)
            }

            /// Its number.
            #[must_use]
            pub const fn get(self) -> u64 {
                self.0
            }

            /// The one after it.
            #[must_use]
            pub const fn next(self) -> Self {
                Self(self.0.saturating_add(1))
            }

            /// As databases store it.
            pub(crate) fn to_db(self) -> i64 {
                i64::try_from(self.0).unwrap_or(i64::MAX)
            }

            /// From what a database stores; a number below zero, which the schema refuses, is read as 0.
            pub(crate) fn from_db(number: i64) -> Self {
                Self(u64::try_from(number).unwrap_or(0))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl From<u64> for $name {
            fn from(number: u64) -> Self {
                Self(number)
            }
        }
    };
}

place!(Position);
place!(Sequence);
