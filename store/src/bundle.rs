//! The log, or a part of it, as a bundle that `mandate-verify` checks without Mandate.

use std::io::Write;

use mandate_verify::Hash;
use mandate_verify::bundle::{BundleError, Header, Writer};
use mandate_verify::leaf::Entry;
use mandate_verify::tree::{Frontier, Path};

use crate::error::StoreError;
use crate::position::Position;
use crate::reader::{Reader, on};
use crate::stored_event::Columns;

/// Events read in one go.
pub(crate) const PAGE: u64 = 20_000;
/// Most checkpoints in a bundle: the latest, more than a month of one a minute.
const MOST_CHECKPOINTS: usize = 50_000;

/// Which part of the log a bundle holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Part {
    /// Begin after this position; the default begins at the first.
    pub after: Position,
    /// End with this position; the default ends where the last checkpoint does, so that all of it is proven.
    pub up_to: Option<Position>,
}

impl Reader {
    /// Writes a bundle: texts by name that are carried beside the log, events, the checkpoints signed of them and, for a
    /// part, a proof that it is a part of what was signed later. Returns the first and the last position. Buffer the output.
    ///
    /// # Errors
    /// [`StoreError::NoCheckpoint`] when nothing was signed yet; [`StoreError::Output`] when the output cannot be
    /// written; as [`Reader::read_after`].
    pub fn export_bundle(
        &self,
        out: impl Write,
        part: Part,
        beside: &[(&str, &str)],
    ) -> Result<(Position, Position), StoreError> {
        let head = self.head()?.position;
        let latest = self.checkpoints(head, 1)?.into_iter().next().ok_or(StoreError::NoCheckpoint)?;
        let origin = latest.note.lines().next().unwrap_or_default().to_owned();
        let last = part.up_to.map_or(latest.size, |wanted| wanted.min(head));
        let mut export = Export::begin(self, out, origin, part.after.min(last)..last, latest.size, beside)?;
        for page in export.pages() {
            self.for_each_row(page, PAGE.min(last.get() - page.get()), |columns| export.event(&columns))?;
        }
        if latest.size > last {
            export.proof(self, latest.size)?;
        }
        export.finish()?;
        Ok((part.after.min(last).next(), last))
    }
}

/// A bundle being written.
pub(crate) struct Export<W> {
    out: Writer<W>,
    after: Position,
    last: Position,
    /// Notes by size, the largest first.
    notes: Vec<(u64, String)>,
}

impl<W: Write> Export<W> {
    /// Begins with the header. Checkpoints of more than `signed` events, which may be signed meanwhile, are left out.
    pub(crate) fn begin(
        reader: &Reader,
        out: W,
        origin: String,
        part: std::ops::Range<Position>,
        signed: Position,
        beside: &[(&str, &str)],
    ) -> Result<Self, StoreError> {
        let (after, last) = (part.start, part.end);
        let frontier = reader.frontier(after)?;
        let header = Header { origin, first: after.next().get(), last: last.get(), frontier };
        let mut out = Writer::new(out, &header).map_err(failed)?;
        beside.iter().try_for_each(|(name, text)| out.beside(name, text)).map_err(failed)?;
        let notes = reader
            .checkpoints(signed, MOST_CHECKPOINTS)?
            .into_iter()
            .enumerate()
            // What was signed after the last event: the latest, to which the proof leads.
            .filter(|(place, signed)| signed.size >= after && (signed.size <= last || *place == 0))
            .map(|(_, signed)| (signed.size.get(), signed.note))
            .collect();
        let mut export = Self { out, after, last, notes };
        export.notes_of(after.get())?;
        Ok(export)
    }

    /// Puts a note of the last size in, as if it were stored.
    pub(crate) fn stand_in(&mut self, size: Position, note: String) {
        self.notes.insert(0, (size.get(), note));
    }

    /// Positions to read on after, a page each.
    pub(crate) fn pages(&self) -> impl Iterator<Item = Position> + use<W> {
        let step = usize::try_from(PAGE).unwrap_or(usize::MAX);
        (self.after.get()..self.last.get()).step_by(step).map(Position::new)
    }

    pub(crate) fn event(&mut self, columns: &Columns<'_>) -> Result<(), StoreError> {
        let entry: Entry<'_> = columns.entry();
        let leaf: Hash = columns.leaf.try_into().map_err(|_| StoreError::Unreadable {
            position: Position::from_db(columns.position),
            reason: format!("a leaf of {} bytes", columns.leaf.len()),
        })?;
        self.out.event(&entry, &leaf).map_err(failed)?;
        self.notes_of(entry.position)
    }

    /// Writes the checkpoints of a size.
    fn notes_of(&mut self, size: u64) -> Result<(), StoreError> {
        while let Some((_, note)) = self.notes.pop_if(|(covered, _)| *covered <= size) {
            self.out.checkpoint(&note).map_err(failed)?;
        }
        Ok(())
    }

    fn proof(&mut self, reader: &Reader, size: Position) -> Result<(), StoreError> {
        self.notes_of(size.get())?;
        let hashes = reader.consistency(self.last, size)?;
        self.out.proof(size.get(), &hashes).map_err(failed)
    }

    pub(crate) fn finish(self) -> Result<W, StoreError> {
        let mut out = self.out.finish().map_err(failed)?;
        out.flush().map_err(StoreError::Output)?;
        Ok(out)
    }
}

impl Reader {
    /// The tree over the first positions, from the leaves as stored.
    pub(crate) fn frontier(&self, size: Position) -> Result<Frontier, StoreError> {
        let mut frontier = Frontier::new();
        self.leaves(Position::START, size, &mut |leaf| frontier.append(&leaf))?;
        Ok(frontier)
    }

    /// The proof that the tree of the old size is the beginning of that of the new size, from the leaves as stored.
    ///
    /// # Errors
    /// [`StoreError::Beyond`] for sizes that the log does not have; as [`Reader::read_after`].
    pub fn consistency(&self, old: Position, new: Position) -> Result<Vec<Hash>, StoreError> {
        let head = self.head()?.position;
        let path = Path::consistency(old.get(), new.get()).filter(|_| new <= head);
        self.prove(path.ok_or(StoreError::Beyond { wanted: old.max(new), head })?, new)
    }

    /// The proof that the event at a position is in the tree of a size, from the leaves as stored.
    ///
    /// # Errors
    /// As [`Self::consistency`].
    pub fn inclusion(&self, position: Position, size: Position) -> Result<Vec<Hash>, StoreError> {
        let head = self.head()?.position;
        let index = position.get().checked_sub(1);
        let path = index.and_then(|index| Path::inclusion(index, size.get())).filter(|_| size <= head);
        self.prove(path.ok_or(StoreError::Beyond { wanted: position.max(size), head })?, size)
    }

    fn prove(&self, path: Path, size: Position) -> Result<Vec<Hash>, StoreError> {
        let mut prover = path.prover();
        self.leaves(Position::START, size, &mut |leaf| prover.push(&leaf))?;
        prover.finish().ok_or(StoreError::Beyond { wanted: size, head: self.head()?.position })
    }

    /// The leaves after a position and up to another, without a gap.
    pub(crate) fn leaves(
        &self,
        after: Position,
        up_to: Position,
        each: &mut dyn FnMut(Hash),
    ) -> Result<(), StoreError> {
        let mut reached = after;
        let mut count = |leaf, position| {
            if position == reached.next() {
                reached = position;
                each(leaf);
            }
        };
        on!(&self.source, reader => reader.leaves(after, up_to, &mut count))?;
        if reached < up_to {
            return Err(StoreError::Gap { missing: reached.next(), head: up_to });
        }
        Ok(())
    }
}

fn failed(error: BundleError) -> StoreError {
    match error {
        BundleError::Io(error) => StoreError::Output(error),
        other => StoreError::Output(std::io::Error::other(other)),
    }
}
