//! The log as JSON Lines, as `mandate judge` reads it.

use std::io::Write;

use mandate_domain::time::Instant;

use crate::cloud_event::write_public;
use crate::error::StoreError;
use crate::position::Position;
use crate::reader::Reader;

/// Events that are read in one snapshot.
const PAGE: usize = 10_000;

/// Which part of the log to export.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Export {
    /// Begin after this position; the default begins at the first.
    pub after: Position,
    /// End with this position; the default ends with the head at the start of the export.
    pub up_to: Option<Position>,
    /// Only what was known at this instant, by [`StoredEvent::known_at`](crate::StoredEvent::known_at).
    pub known_at: Option<Instant>,
}

impl Reader {
    /// Writes events in position order, one structured-mode CloudEvent a line, personal data left out; `recordedtime`
    /// is the accepted claim or else when the log recorded it. Returns how many lines were written.
    ///
    /// # Errors
    /// As [`Reader::read_after`]; [`StoreError::Output`] when the output cannot be written.
    pub fn export_jsonl(&self, out: &mut impl Write, export: Export) -> Result<u64, StoreError> {
        let head = self.head()?.position;
        let end = export.up_to.map_or(head, |wanted| wanted.min(head));
        let (mut after, mut lines) = (export.after, 0);
        while after < end {
            let left = usize::try_from(end.get() - after.get()).unwrap_or(usize::MAX);
            self.for_each_after(after, left.min(PAGE), |event| {
                after = event.position;
                let known_at = event.known_at();
                if export.known_at.is_none_or(|limit| known_at <= limit) {
                    let line = write_public(&event.fact, Some(known_at)) + "\n";
                    out.write_all(line.as_bytes()).map_err(StoreError::Output)?;
                    lines += 1;
                }
                Ok(())
            })?;
        }
        out.flush().map_err(StoreError::Output)?;
        Ok(lines)
    }
}
