//! The facts that a bundle carries, for whoever judges them without the log.

use std::io::Read;

use mandate_domain::fact::Fact;
use mandate_domain::time::Instant;
use mandate_verify::bundle::{BundleError, Reader, Record};
use mandate_verify::leaf::Entry;

use crate::cloud_event::write_public;
use crate::error::StoreError;
use crate::position::Position;
use crate::told::{Told, fact_of};

/// The first bytes of a bundle.
pub const BUNDLE_MAGIC: &[u8] = mandate_verify::bundle::MAGIC;

/// What a bundle carries, for whoever judges it.
#[derive(Debug)]
pub enum Carried<'a> {
    /// A text beside the log, by its name, which no checkpoint covers.
    Beside(&'a str, &'a str),
    /// A fact of the log.
    Fact(Box<Told>),
}

/// Why a bundle cannot be judged.
#[derive(Debug, thiserror::Error)]
pub enum CarriedError {
    /// It is no bundle, or breaks off.
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// A fact that cannot be decoded.
    #[error(transparent)]
    Fact(#[from] StoreError),
    /// An event that is not what its leaf was made of.
    #[error("position {0} is not what its leaf was made of: it was altered; `mandate-verify` says more")]
    Altered(Position),
}

/// Reads what a bundle carries: the texts beside the log, then the facts in its order, each held against its leaf; whether
/// the leaves are those that were signed is for `mandate-verify` to say.
///
/// # Errors
/// [`CarriedError`] when it is no bundle, breaks off or was altered; what `each` answers.
pub fn read_bundle<E: From<CarriedError>>(
    input: impl Read,
    mut each: impl FnMut(Carried<'_>) -> Result<(), E>,
) -> Result<(), E> {
    let mut reader = Reader::new(input).map_err(CarriedError::from)?;
    while let Some(record) = reader.next_record().map_err(CarriedError::from)? {
        match record {
            Record::Event(entry, leaf) if entry.digest() == leaf => {
                each(Carried::Fact(Box::new(told(&entry)?)))?;
            }
            Record::Event(entry, _) => Err(CarriedError::Altered(Position::new(entry.position)))?,
            Record::Beside { name, text } => each(Carried::Beside(name, text))?,
            Record::Header(_) | Record::Checkpoint(_) | Record::Proof { .. } | Record::End(_) => {}
        }
    }
    Ok(())
}

/// What a fact tells the public, as one CloudEvent in JSON, with when it was known.
#[must_use]
pub fn public_line(told: &Told) -> String {
    write_public(&told.fact, Some(told.known_at()))
}

fn told(entry: &Entry<'_>) -> Result<Told, CarriedError> {
    let position = Position::new(entry.position);
    let payload = std::str::from_utf8(entry.payload)
        .map_err(|error| StoreError::Unreadable { position, reason: error.to_string() })?;
    let fact: Fact = fact_of(position, entry.event_type, entry.event_version, payload)?;
    Ok(Told {
        position,
        fact,
        recorded_at: Instant::from_nanos(entry.recorded_at),
        claimed_at: entry.claimed_at.map(Instant::from_nanos),
        is_sealed: entry.sealed.is_some(),
    })
}
