//! Reading the log round events that cannot be decoded.

use mandate_domain::catalogue::FactType;
use mandate_store::{MAX_READ, Position, Reader, StoreError, StoredEvent};

/// What was read after a position.
#[derive(Debug)]
pub struct Readable {
    /// The events, in order.
    pub events: Vec<StoredEvent>,
    /// The event that was left out because it cannot be decoded, instead of any.
    pub unreadable: Option<Position>,
    /// Up to where the log was searched.
    pub searched_to: Position,
}

/// The next events of some types after a position, or the one that cannot be decoded where that is the next.
///
/// # Errors
/// [`StoreError`] when the log cannot be read.
pub fn readable(log: &Reader, types: &[FactType], after: Position) -> Result<Readable, StoreError> {
    let mut limit = MAX_READ;
    loop {
        match log.read_types(types, after, limit) {
            Ok(page) => {
                let searched_to = page.searched_to;
                return Ok(Readable { events: page.events, unreadable: None, searched_to });
            }
            Err(StoreError::Unreadable { position, .. }) if limit == 1 => {
                let unreadable = Some(position);
                return Ok(Readable { events: Vec::new(), unreadable, searched_to: position });
            }
            Err(StoreError::Unreadable { .. }) => limit = (limit / 8).max(1),
            Err(error) => return Err(error),
        }
    }
}
