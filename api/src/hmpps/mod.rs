//! HMPPS domain events: from messages to facts, to what is ignored, and to quarantine (spec 2.5).
//!
//! A message is read ([`message`]), told apart ([`map`]), its persons are looked up or entered (`people`), what it
//! lacks is taken from what stands beside it or from the log ([`standing`]), and its facts are stored under its own id
//! in one transaction with the persons that it brings. What cannot be used is stored whole as `message.quarantined`.

#[cfg(test)]
mod cases;
#[cfg(test)]
mod fuzz;
mod many;
pub mod map;
pub mod message;
mod people;
mod quarantine;
pub mod standing;
mod take;
pub mod when;

pub use people::{Found, Opening};
pub use quarantine::{Entry, Standing as QuarantineStatus};
pub use take::{Receiver, Rights, Taken};

use mandate_store::StoreError;

use crate::tokens::NotAllowed;

/// Why a message was not taken; nothing of it was stored, and it stays with its sender.
#[derive(Debug, thiserror::Error)]
pub enum TakeError {
    /// No message.
    #[error(transparent)]
    NoMessage(#[from] message::MessageError),
    /// The sender may not tell it.
    #[error(transparent)]
    NotAllowed(#[from] NotAllowed),
    /// There is no such message in quarantine.
    #[error("there is no message `{0}` in quarantine")]
    NotInQuarantine(String),
    /// It left quarantine before.
    #[error("the message `{id}` was {what} before")]
    Settled {
        /// Its id in quarantine.
        id: String,
        /// `replayed` or `discarded`.
        what: &'static str,
    },
    /// The person was erased, and what was kept of the message with them.
    #[error(
        "the message `{0}` cannot be opened any more: the person it is about was erased, or is restricted"
    )]
    Gone(String),
    /// The log.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Others were faster again and again.
    #[error("the same person was entered elsewhere again and again; send the message again")]
    Contended,
    /// Something of ours failed.
    #[error("{0}")]
    Failed(String),
}

impl From<mandate_store::KeysError> for TakeError {
    fn from(error: mandate_store::KeysError) -> Self {
        Self::Store(error.into())
    }
}
