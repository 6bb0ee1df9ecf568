//! The leaf of an event: one digest over everything that is stored of it.
//!
//! This is the reference for an independent verifier. With `‖` for concatenation,
//!
//! ```text
//! leaf  = SHA-256(0x00 ‖ entry)          the leaf hash of RFC 6962, section 2.1, over `entry`
//! entry = u8   layout version, 1
//!       ‖ u64  position
//!       ‖ text aggregate_type
//!       ‖ text aggregate_id
//!       ‖ u64  sequence
//!       ‖ text event_type
//!       ‖ text event_version
//!       ‖ text source
//!       ‖ text event_id
//!       ‖ i64  occurred_at               nanoseconds since 1970-01-01T00:00:00Z
//!       ‖ i64  recorded_at
//!       ‖ opt  i64  claimed_at
//!       ‖ opt  text actor
//!       ‖ opt  text command_id
//!       ‖ 32   SHA-256(payload)
//!       ‖ opt  32   SHA-256(sealed)
//! u64, i64 = 8 bytes, big-endian, two's complement
//! text     = u32 length in bytes, big-endian ‖ the UTF-8 bytes as stored
//! opt x    = 0x00 for null, 0x01 ‖ x otherwise
//! ```
//!
//! The column `metadata` is not covered because the schema lets it hold one value only.
//!
//! In a bundle an event stands in full: the same layout with `payload` and `sealed` themselves, each as
//! `u32` length ‖ bytes, in the places of their digests ([`Entry::write`], [`Entry::parse`]).

use std::fmt;

use sha2::{Digest, Sha256};

use crate::Hash;

/// Version of the layout above.
pub const LAYOUT_VERSION: u8 = 1;

/// What a leaf is made of; the fields are named as the columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Leaf<'a> {
    /// Place in the log.
    pub position: u64,
    /// Kind of the subject.
    pub aggregate_type: &'a str,
    /// The rest of the subject's id.
    pub aggregate_id: &'a str,
    /// Place in the subject's stream.
    pub sequence: u64,
    /// Type of the fact.
    pub event_type: &'a str,
    /// Version of the payload's layout.
    pub event_version: &'a str,
    /// Teller.
    pub source: &'a str,
    /// Id, unique within the source.
    pub event_id: &'a str,
    /// When it occurred, in nanoseconds since 1970.
    pub occurred_at: i64,
    /// When it was recorded here, in nanoseconds since 1970.
    pub recorded_at: i64,
    /// The claim of when it was recorded elsewhere, in nanoseconds since 1970.
    pub claimed_at: Option<i64>,
    /// Who stated it.
    pub actor: Option<&'a str>,
    /// The command that produced it.
    pub command_id: Option<&'a str>,
    /// SHA-256 of the payload.
    pub payload_digest: Hash,
    /// SHA-256 of the sealed part.
    pub sealed_digest: Option<Hash>,
}

impl Leaf<'_> {
    /// The leaf hash.
    #[must_use]
    pub fn digest(&self) -> Hash {
        let mut hasher = Sha256::new();
        hasher.put(&[0x00]);
        self.put_columns(&mut hasher);
        hasher.put(&self.payload_digest);
        put_option(&mut hasher, self.sealed_digest, |out, digest| out.put(&digest));
        hasher.finalize().into()
    }

    /// Everything before the digests.
    fn put_columns(&self, out: &mut impl Sink) {
        out.put(&[LAYOUT_VERSION]);
        out.put(&self.position.to_be_bytes());
        put_text(out, self.aggregate_type);
        put_text(out, self.aggregate_id);
        out.put(&self.sequence.to_be_bytes());
        for text in [self.event_type, self.event_version, self.source, self.event_id] {
            put_text(out, text);
        }
        out.put(&self.occurred_at.to_be_bytes());
        out.put(&self.recorded_at.to_be_bytes());
        put_option(out, self.claimed_at, |out, at| out.put(&at.to_be_bytes()));
        put_option(out, self.actor, put_text);
        put_option(out, self.command_id, put_text);
    }
}

/// An event in full, as a bundle carries it; the fields are those of [`Leaf`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry<'a> {
    /// Place in the log.
    pub position: u64,
    /// Kind of the subject.
    pub aggregate_type: &'a str,
    /// The rest of the subject's id.
    pub aggregate_id: &'a str,
    /// Place in the subject's stream.
    pub sequence: u64,
    /// Type of the fact.
    pub event_type: &'a str,
    /// Version of the payload's layout.
    pub event_version: &'a str,
    /// Teller.
    pub source: &'a str,
    /// Id, unique within the source.
    pub event_id: &'a str,
    /// When it occurred, in nanoseconds since 1970.
    pub occurred_at: i64,
    /// When it was recorded here, in nanoseconds since 1970.
    pub recorded_at: i64,
    /// The claim of when it was recorded elsewhere, in nanoseconds since 1970.
    pub claimed_at: Option<i64>,
    /// Who stated it.
    pub actor: Option<&'a str>,
    /// The command that produced it.
    pub command_id: Option<&'a str>,
    /// The payload, byte for byte as stored.
    pub payload: &'a [u8],
    /// The sealed part, byte for byte as stored.
    pub sealed: Option<&'a [u8]>,
}

impl<'a> Entry<'a> {
    /// What the event's leaf is made of.
    #[must_use]
    pub fn leaf(&self) -> Leaf<'a> {
        self.columns(sha256(self.payload), self.sealed.map(sha256))
    }

    /// The event's leaf hash, computed from its bytes.
    #[must_use]
    pub fn digest(&self) -> Hash {
        self.leaf().digest()
    }

    /// Appends the event in full.
    pub fn write(&self, out: &mut Vec<u8>) {
        self.columns([0; 32], None).put_columns(out);
        put_bytes(out, self.payload);
        put_option(out, self.sealed, put_bytes);
    }

    /// Reads an event in full, of which nothing may be left over.
    ///
    /// # Errors
    /// [`LayoutError`] names the first column that cannot be read.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, LayoutError> {
        let mut input = Fields { bytes };
        let version = input.u8("layout version")?;
        if version != LAYOUT_VERSION {
            return Err(LayoutError { field: "layout version", problem: Problem::Version(version) });
        }
        let entry = Self {
            position: input.u64("position")?,
            aggregate_type: input.text("aggregate_type")?,
            aggregate_id: input.text("aggregate_id")?,
            sequence: input.u64("sequence")?,
            event_type: input.text("event_type")?,
            event_version: input.text("event_version")?,
            source: input.text("source")?,
            event_id: input.text("event_id")?,
            occurred_at: input.i64("occurred_at")?,
            recorded_at: input.i64("recorded_at")?,
            claimed_at: input.option("claimed_at", Fields::i64)?,
            actor: input.option("actor", Fields::text)?,
            command_id: input.option("command_id", Fields::text)?,
            payload: input.bytes("payload")?,
            sealed: input.option("sealed", Fields::bytes)?,
        };
        input.end("sealed")?;
        Ok(entry)
    }

    fn columns(&self, payload_digest: Hash, sealed_digest: Option<Hash>) -> Leaf<'a> {
        Leaf {
            position: self.position,
            aggregate_type: self.aggregate_type,
            aggregate_id: self.aggregate_id,
            sequence: self.sequence,
            event_type: self.event_type,
            event_version: self.event_version,
            source: self.source,
            event_id: self.event_id,
            occurred_at: self.occurred_at,
            recorded_at: self.recorded_at,
            claimed_at: self.claimed_at,
            actor: self.actor,
            command_id: self.command_id,
            payload_digest,
            sealed_digest,
        }
    }
}

/// Why bytes are not laid out as described above.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LayoutError {
    field: &'static str,
    problem: Problem,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Problem {
    Version(u8),
    Short,
    Utf8,
    Tag(u8),
    Left(usize),
}

impl fmt::Display for LayoutError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let field = self.field;
        match self.problem {
            Problem::Version(found) => {
                write!(f, "layout version {found}: this program knows version {LAYOUT_VERSION}")
            }
            Problem::Short => write!(f, "{field}: the record ends before it"),
            Problem::Utf8 => write!(f, "{field}: not UTF-8"),
            Problem::Tag(found) => write!(f, "{field}: tag {found:#04x}, expected 0x00 or 0x01"),
            Problem::Left(bytes) => write!(f, "{bytes} bytes are left over after {field}"),
        }
    }
}

impl std::error::Error for LayoutError {}

/// SHA-256 of some bytes.
#[must_use]
pub fn sha256(bytes: &[u8]) -> Hash {
    Sha256::digest(bytes).into()
}

/// Where a layout is written to: a buffer or a hash.
trait Sink {
    fn put(&mut self, bytes: &[u8]);
}

impl Sink for Vec<u8> {
    fn put(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }
}

impl Sink for Sha256 {
    fn put(&mut self, bytes: &[u8]) {
        self.update(bytes);
    }
}

pub(crate) fn put_text_to(out: &mut Vec<u8>, text: &str) {
    put_text(out, text);
}

pub(crate) fn put_bytes_to(out: &mut Vec<u8>, bytes: &[u8]) {
    put_bytes(out, bytes);
}

fn put_text(out: &mut impl Sink, text: &str) {
    put_bytes(out, text.as_bytes());
}

fn put_bytes(out: &mut impl Sink, bytes: &[u8]) {
    // Everything stored is far shorter than 4 GiB; what is longer would fill the length with ones.
    let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    out.put(&length.to_be_bytes());
    out.put(bytes);
}

fn put_option<S: Sink, T>(out: &mut S, value: Option<T>, put: impl FnOnce(&mut S, T)) {
    match value {
        None => out.put(&[0x00]),
        Some(value) => {
            out.put(&[0x01]);
            put(out, value);
        }
    }
}

/// Reads fields from the front of some bytes.
pub(crate) struct Fields<'a> {
    pub(crate) bytes: &'a [u8],
}

impl<'a> Fields<'a> {
    pub(crate) fn u8(&mut self, field: &'static str) -> Result<u8, LayoutError> {
        self.array::<1>(field).map(|[byte]| byte)
    }

    pub(crate) fn u64(&mut self, field: &'static str) -> Result<u64, LayoutError> {
        self.array(field).map(u64::from_be_bytes)
    }

    pub(crate) fn i64(&mut self, field: &'static str) -> Result<i64, LayoutError> {
        self.array(field).map(i64::from_be_bytes)
    }

    pub(crate) fn array<const N: usize>(&mut self, field: &'static str) -> Result<[u8; N], LayoutError> {
        let (taken, rest) =
            self.bytes.split_first_chunk().ok_or(LayoutError { field, problem: Problem::Short })?;
        self.bytes = rest;
        Ok(*taken)
    }

    pub(crate) fn bytes(&mut self, field: &'static str) -> Result<&'a [u8], LayoutError> {
        let short = LayoutError { field, problem: Problem::Short };
        let length = self.array(field).map(u32::from_be_bytes)?;
        let length = usize::try_from(length).map_err(|_| short)?;
        let (taken, rest) = self.bytes.split_at_checked(length).ok_or(short)?;
        self.bytes = rest;
        Ok(taken)
    }

    pub(crate) fn text(&mut self, field: &'static str) -> Result<&'a str, LayoutError> {
        let bytes = self.bytes(field)?;
        std::str::from_utf8(bytes).map_err(|_| LayoutError { field, problem: Problem::Utf8 })
    }

    pub(crate) fn end(&self, field: &'static str) -> Result<(), LayoutError> {
        match self.bytes.len() {
            0 => Ok(()),
            left => Err(LayoutError { field, problem: Problem::Left(left) }),
        }
    }

    fn option<T>(
        &mut self,
        field: &'static str,
        read: impl FnOnce(&mut Self, &'static str) -> Result<T, LayoutError>,
    ) -> Result<Option<T>, LayoutError> {
        match self.u8(field)? {
            0x00 => Ok(None),
            0x01 => read(self, field).map(Some),
            tag => Err(LayoutError { field, problem: Problem::Tag(tag) }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Leaf<'static> {
        Leaf {
            position: 7,
            aggregate_type: "nominal",
            aggregate_id: "N-1",
            sequence: 2,
            event_type: "nominal.died",
            event_version: "1.0",
            source: "/ndelius",
            event_id: "e-1",
            occurred_at: 1_000_000_000,
            recorded_at: -1,
            claimed_at: None,
            actor: Some("u-1"),
            command_id: None,
            payload_digest: sha256(b"{}"),
            sealed_digest: Some(sha256(b"sealed")),
        }
    }

    fn entry() -> Entry<'static> {
        Entry {
            position: 7,
            aggregate_type: "nominal",
            aggregate_id: "N-1",
            sequence: 2,
            event_type: "nominal.died",
            event_version: "1.0",
            source: "/ndelius",
            event_id: "e-1",
            occurred_at: 1_000_000_000,
            recorded_at: -1,
            claimed_at: None,
            actor: Some("u-1"),
            command_id: None,
            payload: b"{}",
            sealed: Some(b"sealed"),
        }
    }

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
    }

    #[test]
    fn the_leaf_agrees_with_one_computed_by_another_program() {
        // python3: sha256(b"\0\1" + pack(">Q", 7) + text("nominal") + … ) with the layout above.
        assert_eq!(
            hex(&sample().digest()),
            "f7e319d4beb33789541248cc1eaa14f31943b564ac71fddc84f7901cab8edb78"
        );
    }

    #[test]
    fn every_field_changes_the_leaf() {
        let one = sample();
        let text = "other";
        let changed = [
            Leaf { position: 8, ..one },
            Leaf { aggregate_type: text, ..one },
            Leaf { aggregate_id: text, ..one },
            Leaf { sequence: 3, ..one },
            Leaf { event_type: text, ..one },
            Leaf { event_version: text, ..one },
            Leaf { source: text, ..one },
            Leaf { event_id: text, ..one },
            Leaf { occurred_at: 2, ..one },
            Leaf { recorded_at: 2, ..one },
            Leaf { claimed_at: Some(2), ..one },
            Leaf { actor: None, ..one },
            Leaf { actor: None, command_id: Some("u-1"), ..one },
            Leaf { payload_digest: [0; 32], ..one },
            Leaf { sealed_digest: None, ..one },
        ];
        for other in changed {
            assert_ne!(other.digest(), one.digest(), "{other:?}");
        }
    }

    #[test]
    fn moving_a_byte_from_one_text_to_the_next_changes_the_leaf() {
        let one = Leaf { source: "/ab", event_id: "c", ..sample() };
        let two = Leaf { source: "/a", event_id: "bc", ..sample() };
        assert_ne!(one.digest(), two.digest());
    }

    #[test]
    fn an_event_in_full_has_the_leaf_of_its_columns_and_is_read_back() {
        let everything = Entry { claimed_at: Some(i64::MIN), command_id: Some(""), ..entry() };
        let little = Entry { actor: None, sealed: None, payload: b"", ..entry() };
        assert_eq!(entry().leaf(), sample());
        for entry in [entry(), everything, little] {
            let mut bytes = Vec::new();
            entry.write(&mut bytes);
            assert_eq!(Entry::parse(&bytes), Ok(entry));
        }
    }

    #[test]
    fn an_event_cut_short_or_prolonged_or_of_another_version_is_refused() {
        let mut bytes = Vec::new();
        entry().write(&mut bytes);
        for end in 0..bytes.len() {
            assert!(Entry::parse(&bytes[..end]).is_err(), "{end}");
        }
        bytes.push(0);
        assert_eq!(Entry::parse(&bytes).unwrap_err().to_string(), "1 bytes are left over after sealed");
        bytes[0] = 2;
        assert_eq!(
            Entry::parse(&bytes).unwrap_err().to_string(),
            "layout version 2: this program knows version 1"
        );
    }
}
