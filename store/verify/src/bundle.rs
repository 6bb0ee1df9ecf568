//! A part of the log in one file, which is written and read in one pass.
//!
//! This is the reference for an independent verifier; `text`, `u64` and the layout of an event are those of
//! [`leaf`](crate::leaf), the tree is that of [`tree`](crate::tree), the checkpoints are those of [`note`](crate::note).
//!
//! ```text
//! bundle = "mandate-bundle v1\n" ‖ record …
//! record = u8 kind ‖ u32 length of the body, big-endian, at most 4 MiB ‖ body
//!
//! kind 'H', header: the first record, once
//!     text  origin            name of the log
//!   ‖ u64   first             first position, from 1
//!   ‖ u64   last              last position; first - 1 when there is no event
//!   ‖ bytes frontier          u32 length ‖ the peaks of the tree of size first - 1, the largest first
//! kind 'G', beside the log: any number, right after the header; no checkpoint covers it
//!     text  name              what it is: `policy` or `holidays`, as they count where the log adopted none
//!   ‖ text  text              the same in full
//! kind 'E', event: one for each position from first to last, in that order
//!     the event in full: the layout of the leaf with payload and sealed part in the places of their digests
//!   ‖ 32    leaf              as stored
//! kind 'C', checkpoint: any number
//!     a signed note
//! kind 'P', consistency proof: after the last event, in the order of the sizes, each once
//!     u64   size              of a checkpoint greater than last
//!   ‖ 32 …  hashes            RFC 6962, section 2.1.2, from size last to this size; at most 63
//! kind 'Z', end: the last record, once; nothing follows it
//!     u64   events            number of 'E' records
//! ```
//!
//! A checkpoint of size `s` stands before the event at position `s + 1`, so that whoever reads need not remember the
//! roots that passed: where it falls, or earlier, and those of `last` and beyond before the first 'P' at the latest. One
//! of a size below `first - 1` cannot be compared with anything and has no place in a bundle.
//! A position or size is at most 2^63 - 1. Nothing may be left over in a record.

use std::fmt;
use std::io::{self, Read, Write};

use crate::leaf::{Entry, Fields, LayoutError, put_bytes_to, put_text_to};
use crate::note::{MAX_NAME_BYTES, MAX_NOTE_BYTES};
use crate::tree::{Frontier, FrontierError};
use crate::{Hash, MAX_POSITION};

/// The first line.
pub const MAGIC: &[u8] = b"mandate-bundle v1\n";
/// The longest body of a record.
pub const MAX_RECORD_BYTES: usize = 4 * 1024 * 1024;
/// The most hashes of a consistency proof.
pub const MAX_PROOF_HASHES: usize = 63;

/// Memory that is set aside for a record before any of it was read.
const STEP: usize = 64 * 1024;

/// Which part of which log a bundle holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// Name of the log.
    pub origin: String,
    /// First position, from 1.
    pub first: u64,
    /// Last position; `first - 1` when there is no event.
    pub last: u64,
    /// The tree over the positions before the first.
    pub frontier: Frontier,
}

/// One record of a bundle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Record<'a> {
    /// The first record.
    Header(Header),
    /// What is carried beside the log.
    Beside {
        /// What it is.
        name: &'a str,
        /// The same in full.
        text: &'a str,
    },
    /// An event and its leaf as stored.
    Event(Entry<'a>, Hash),
    /// A signed note.
    Checkpoint(&'a str),
    /// A consistency proof from the size `last` to a greater one.
    Proof {
        /// The greater size.
        size: u64,
        /// The proof.
        hashes: &'a [Hash],
    },
    /// The last record, with the number of events.
    End(u64),
}

/// Writes a bundle, record by record.
#[derive(Debug)]
pub struct Writer<W> {
    out: W,
    body: Vec<u8>,
    next: u64,
    last: u64,
    events: u64,
}

impl<W: Write> Writer<W> {
    /// Writes the first line and the header. Give it a buffered output.
    ///
    /// # Errors
    /// [`BundleError`] when the output cannot be written or the header contradicts itself.
    pub fn new(mut out: W, header: &Header) -> Result<Self, BundleError> {
        header.check()?;
        out.write_all(MAGIC)?;
        let mut writer = Self { out, body: Vec::new(), next: header.first, last: header.last, events: 0 };
        put_text_to(&mut writer.body, &header.origin);
        writer.body.extend_from_slice(&header.first.to_be_bytes());
        writer.body.extend_from_slice(&header.last.to_be_bytes());
        put_bytes_to(&mut writer.body, &header.frontier.to_bytes());
        writer.flush_record(b'H')?;
        Ok(writer)
    }

    /// Writes what is carried beside the log, before all events and checkpoints.
    ///
    /// # Errors
    /// [`BundleError`] when the output cannot be written or it is longer than [`MAX_RECORD_BYTES`].
    pub fn beside(&mut self, name: &str, text: &str) -> Result<(), BundleError> {
        put_text_to(&mut self.body, name);
        put_text_to(&mut self.body, text);
        self.flush_record(b'G')
    }

    /// Writes the event at the next position, with its leaf as stored.
    ///
    /// # Errors
    /// [`BundleError`] when it is not at the next position or longer than [`MAX_RECORD_BYTES`].
    pub fn event(&mut self, entry: &Entry<'_>, leaf: &Hash) -> Result<(), BundleError> {
        if entry.position != self.next || self.next > self.last {
            return Err(BundleError::Position { found: entry.position, expected: self.next });
        }
        entry.write(&mut self.body);
        self.body.extend_from_slice(leaf);
        self.flush_record(b'E')?;
        self.next += 1;
        self.events += 1;
        Ok(())
    }

    /// Writes a checkpoint, which must stand before the event after it (see the module).
    ///
    /// # Errors
    /// [`BundleError`] when the output cannot be written or the note is longer than [`MAX_NOTE_BYTES`].
    pub fn checkpoint(&mut self, note: &str) -> Result<(), BundleError> {
        if note.len() > MAX_NOTE_BYTES {
            return Err(BundleError::Length { kind: 'C', bytes: note.len() });
        }
        self.body.extend_from_slice(note.as_bytes());
        self.flush_record(b'C')
    }

    /// Writes the consistency proof from the last position to a greater size, after the checkpoint of that size.
    ///
    /// # Errors
    /// [`BundleError`] when the output cannot be written or the proof has too many hashes.
    pub fn proof(&mut self, size: u64, hashes: &[Hash]) -> Result<(), BundleError> {
        if hashes.len() > MAX_PROOF_HASHES {
            return Err(BundleError::Length { kind: 'P', bytes: hashes.len() * 32 });
        }
        self.body.extend_from_slice(&size.to_be_bytes());
        self.body.extend_from_slice(hashes.as_flattened());
        self.flush_record(b'P')
    }

    /// Writes the end and flushes.
    ///
    /// # Errors
    /// [`BundleError`] when events are wanting or the output cannot be written.
    pub fn finish(mut self) -> Result<W, BundleError> {
        if self.next <= self.last {
            return Err(BundleError::Position { found: self.last + 1, expected: self.next });
        }
        self.body.extend_from_slice(&self.events.to_be_bytes());
        self.flush_record(b'Z')?;
        self.out.flush()?;
        Ok(self.out)
    }

    fn flush_record(&mut self, kind: u8) -> Result<(), BundleError> {
        let bytes = self.body.len();
        let length = u32::try_from(bytes).ok().filter(|_| bytes <= MAX_RECORD_BYTES);
        let length = length.ok_or(BundleError::Length { kind: char::from(kind), bytes })?;
        self.out.write_all(&[kind])?;
        self.out.write_all(&length.to_be_bytes())?;
        self.out.write_all(&self.body)?;
        self.body.clear();
        Ok(())
    }
}

impl Header {
    fn check(&self) -> Result<(), BundleError> {
        let refused = BundleError::Range { first: self.first, last: self.last };
        let before = self.first.checked_sub(1).ok_or(refused)?;
        if self.last < before || self.last > MAX_POSITION || self.frontier.size() != before {
            return Err(BundleError::Range { first: self.first, last: self.last });
        }
        if self.origin.is_empty() || self.origin.len() > MAX_NAME_BYTES {
            return Err(BundleError::Origin);
        }
        Ok(())
    }

    fn parse(body: &[u8]) -> Result<Self, BundleError> {
        let mut input = Fields { bytes: body };
        let read = |error| BundleError::Layout { record: "header", error };
        let origin = input.text("origin").map_err(read)?.to_owned();
        let first = input.u64("first").map_err(read)?;
        let last = input.u64("last").map_err(read)?;
        let frontier = input.bytes("frontier").map_err(read)?;
        input.end("frontier").map_err(read)?;
        let before = first.checked_sub(1).ok_or(BundleError::Range { first, last })?;
        let frontier = Frontier::from_bytes(before, frontier).map_err(BundleError::Frontier)?;
        let header = Self { origin, first, last, frontier };
        header.check()?;
        Ok(header)
    }
}

/// Reads a bundle record by record, in the memory of one record.
///
/// It checks the form and the order of the kinds; what the records say is for [`check`](crate::check).
#[derive(Debug)]
pub struct Reader<R> {
    input: R,
    body: Vec<u8>,
    /// The kind of the record before, or 0.
    after: u8,
    records: u64,
}

impl<R: Read> Reader<R> {
    /// Reads the first line. Give it a buffered input.
    ///
    /// # Errors
    /// [`BundleError`] when this is no bundle or cannot be read.
    pub fn new(mut input: R) -> Result<Self, BundleError> {
        let mut magic = Vec::new();
        input.by_ref().take(MAGIC.len() as u64).read_to_end(&mut magic)?;
        if magic != MAGIC {
            return Err(BundleError::Magic);
        }
        Ok(Self { input, body: Vec::new(), after: 0, records: 0 })
    }

    /// The next record; `None` after the end.
    ///
    /// # Errors
    /// [`BundleError`]; nothing can be read after it.
    pub fn next_record(&mut self) -> Result<Option<Record<'_>>, BundleError> {
        let Some(kind) = self.read_kind()? else { return Ok(None) };
        self.read_body(kind)?;
        self.after = kind;
        self.records += 1;
        let body = self.body.as_slice();
        let layout = |record| move |error| BundleError::Layout { record, error };
        match kind {
            b'H' => Header::parse(body).map(Record::Header),
            b'G' => {
                let mut input = Fields { bytes: body };
                let name = input.text("name").map_err(layout("what is beside the log"))?;
                let text = input.text("text").map_err(layout("what is beside the log"))?;
                input.end("text").map_err(layout("what is beside the log"))?;
                Ok(Record::Beside { name, text })
            }
            b'E' => {
                let (event, leaf) =
                    body.split_last_chunk().ok_or(BundleError::Cut { record: self.records })?;
                Ok(Record::Event(Entry::parse(event).map_err(layout("event"))?, *leaf))
            }
            b'C' => std::str::from_utf8(body).map(Record::Checkpoint).map_err(|_| BundleError::Note),
            b'P' => {
                let mut input = Fields { bytes: body };
                let size = input.u64("size").map_err(layout("proof"))?;
                let (hashes, rest) = input.bytes.as_chunks();
                Fields { bytes: rest }.end("hashes").map_err(layout("proof"))?;
                Ok(Record::Proof { size, hashes })
            }
            _ => {
                let mut input = Fields { bytes: body };
                let events = input.u64("events").map_err(layout("end"))?;
                input.end("events").map_err(layout("end"))?;
                Ok(Record::End(events))
            }
        }
        .map(Some)
    }

    /// The kind of the next record, if one of that kind may stand here.
    fn read_kind(&mut self) -> Result<Option<u8>, BundleError> {
        let mut kind = [0];
        let read = loop {
            match self.input.read(&mut kind) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => break other?,
            }
        };
        let [kind] = kind;
        let may_follow: &[u8] = match self.after {
            0 => b"H",
            b'H' | b'G' => b"GECPZ",
            b'E' | b'C' => b"ECPZ",
            b'P' => b"PZ",
            _ => b"",
        };
        match (read, self.after) {
            (0, b'Z') => Ok(None),
            (0, _) => Err(BundleError::End { records: self.records }),
            _ if may_follow.contains(&kind) => Ok(Some(kind)),
            _ => Err(BundleError::Kind { kind, record: self.records + 1 }),
        }
    }

    fn read_body(&mut self, kind: u8) -> Result<(), BundleError> {
        let cut = |error: io::Error, record| match error.kind() {
            io::ErrorKind::UnexpectedEof => BundleError::Cut { record },
            _ => BundleError::Io(error),
        };
        let record = self.records + 1;
        let mut length = [0; 4];
        self.input.read_exact(&mut length).map_err(|error| cut(error, record))?;
        let bytes = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
        let limit = match kind {
            b'E' | b'G' => MAX_RECORD_BYTES,
            b'C' => MAX_NOTE_BYTES,
            b'P' => 8 + 32 * MAX_PROOF_HASHES,
            b'H' => 4 + MAX_NAME_BYTES + 8 + 8 + 4 + 32 * 64,
            _ => 8,
        };
        if bytes > limit {
            return Err(BundleError::Length { kind: char::from(kind), bytes });
        }
        // A length that lies must not cost more memory than what is really there.
        self.body.clear();
        while self.body.len() < bytes {
            let start = self.body.len();
            self.body.resize(bytes.min(start + STEP), 0);
            let part = self.body.get_mut(start..).unwrap_or_default();
            self.input.read_exact(part).map_err(|error| cut(error, record))?;
        }
        Ok(())
    }
}

/// Why a bundle cannot be written or read.
#[derive(Debug)]
pub enum BundleError {
    /// The file or stream itself.
    Io(io::Error),
    /// Another first line.
    Magic,
    /// It ends before its end record.
    End {
        /// Records that were read.
        records: u64,
    },
    /// It ends within a record.
    Cut {
        /// Which record, from 1.
        record: u64,
    },
    /// A record of a kind that is unknown or cannot stand here.
    Kind {
        /// Its kind.
        kind: u8,
        /// Which record, from 1.
        record: u64,
    },
    /// A record that is too long.
    Length {
        /// Its kind.
        kind: char,
        /// Length of its body.
        bytes: usize,
    },
    /// A record whose fields cannot be read.
    Layout {
        /// What it is.
        record: &'static str,
        /// What is wrong.
        error: LayoutError,
    },
    /// A checkpoint that is not UTF-8.
    Note,
    /// A frontier that does not fit the first position.
    Frontier(FrontierError),
    /// Positions that are no range of a log.
    Range {
        /// First position.
        first: u64,
        /// Last position.
        last: u64,
    },
    /// A log without a name, or with too long a one.
    Origin,
    /// An event that was given to the writer out of its place.
    Position {
        /// Its position.
        found: u64,
        /// The position whose turn it is.
        expected: u64,
    },
}

impl From<io::Error> for BundleError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl fmt::Display for BundleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => write!(f, "{error}"),
            Self::Magic => write!(f, "not a bundle: its first line is not `mandate-bundle v1`"),
            Self::End { records } => {
                write!(f, "the bundle ends after record {records}, without its end record")
            }
            Self::Cut { record } => write!(f, "the bundle ends within record {record}"),
            Self::Kind { kind, record } => {
                let kind = char::from(*kind).escape_default();
                write!(f, "record {record}: kind `{kind}` is unknown or cannot stand here")
            }
            Self::Length { kind, bytes } => {
                write!(f, "a record of kind `{kind}` of {bytes} bytes is too long")
            }
            Self::Layout { record, error } => write!(f, "{record}: {error}"),
            Self::Note => write!(f, "a checkpoint is not UTF-8"),
            Self::Frontier(error) => write!(f, "{error}"),
            Self::Range { first, last } => {
                write!(f, "positions {first} to {last} with this frontier are no part of a log")
            }
            Self::Origin => write!(f, "the log's name must have 1 to {MAX_NAME_BYTES} bytes"),
            Self::Position { found, expected } => {
                write!(f, "an event at position {found} where position {expected} is due")
            }
        }
    }
}

impl std::error::Error for BundleError {}
