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

use mandate_domain::time::Instant;
use sha2::{Digest, Sha256};

use crate::position::{Position, Sequence};

/// Version of the layout above.
pub const LAYOUT_VERSION: u8 = 1;

/// Version of the payload's layout, stored in `event_version`.
pub const EVENT_VERSION: &str = "1.0";

/// What a leaf is made of; the fields are named as the columns.
#[derive(Debug, Clone, Copy)]
pub struct Leaf<'a> {
    /// Place in the log.
    pub position: Position,
    /// Kind of the subject.
    pub aggregate_type: &'a str,
    /// The rest of the subject's id.
    pub aggregate_id: &'a str,
    /// Place in the subject's stream.
    pub sequence: Sequence,
    /// Type of the fact.
    pub event_type: &'a str,
    /// Version of the payload's layout.
    pub event_version: &'a str,
    /// Teller.
    pub source: &'a str,
    /// Id, unique within the source.
    pub event_id: &'a str,
    /// When it occurred.
    pub occurred_at: Instant,
    /// When it was recorded here.
    pub recorded_at: Instant,
    /// The claim of when it was recorded elsewhere.
    pub claimed_at: Option<Instant>,
    /// Who stated it.
    pub actor: Option<&'a str>,
    /// The command that produced it.
    pub command_id: Option<&'a str>,
    /// SHA-256 of the payload.
    pub payload_digest: [u8; 32],
    /// SHA-256 of the sealed part.
    pub sealed_digest: Option<[u8; 32]>,
}

impl Leaf<'_> {
    /// The leaf hash.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        let mut entry = Vec::with_capacity(384);
        entry.extend_from_slice(&[0x00, LAYOUT_VERSION]);
        entry.extend_from_slice(&self.position.get().to_be_bytes());
        push_text(&mut entry, self.aggregate_type);
        push_text(&mut entry, self.aggregate_id);
        entry.extend_from_slice(&self.sequence.get().to_be_bytes());
        for text in [self.event_type, self.event_version, self.source, self.event_id] {
            push_text(&mut entry, text);
        }
        entry.extend_from_slice(&self.occurred_at.nanos().to_be_bytes());
        entry.extend_from_slice(&self.recorded_at.nanos().to_be_bytes());
        push_option(&mut entry, self.claimed_at, |entry, at| {
            entry.extend_from_slice(&at.nanos().to_be_bytes());
        });
        push_option(&mut entry, self.actor, push_text);
        push_option(&mut entry, self.command_id, push_text);
        entry.extend_from_slice(&self.payload_digest);
        push_option(&mut entry, self.sealed_digest, |entry, digest| entry.extend_from_slice(&digest));
        sha256(&entry)
    }
}

/// SHA-256 of some bytes.
pub(crate) fn sha256(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

fn push_text(entry: &mut Vec<u8>, text: &str) {
    // Every stored text is far shorter than 4 GiB; a longer one would fill the length with ones.
    let length = u32::try_from(text.len()).unwrap_or(u32::MAX);
    entry.extend_from_slice(&length.to_be_bytes());
    entry.extend_from_slice(text.as_bytes());
}

fn push_option<T>(entry: &mut Vec<u8>, value: Option<T>, push: impl FnOnce(&mut Vec<u8>, T)) {
    match value {
        None => entry.push(0x00),
        Some(value) => {
            entry.push(0x01);
            push(entry, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Leaf<'static> {
        Leaf {
            position: Position::new(7),
            aggregate_type: "nominal",
            aggregate_id: "N-1",
            sequence: Sequence::new(2),
            event_type: "nominal.died",
            event_version: "1.0",
            source: "/ndelius",
            event_id: "e-1",
            occurred_at: Instant::from_nanos(1_000_000_000),
            recorded_at: Instant::from_nanos(-1),
            claimed_at: None,
            actor: Some("u-1"),
            command_id: None,
            payload_digest: sha256(b"{}"),
            sealed_digest: Some(sha256(b"sealed")),
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
            Leaf { position: Position::new(8), ..one },
            Leaf { aggregate_type: text, ..one },
            Leaf { aggregate_id: text, ..one },
            Leaf { sequence: Sequence::new(3), ..one },
            Leaf { event_type: text, ..one },
            Leaf { event_version: text, ..one },
            Leaf { source: text, ..one },
            Leaf { event_id: text, ..one },
            Leaf { occurred_at: Instant::from_nanos(2), ..one },
            Leaf { recorded_at: Instant::from_nanos(2), ..one },
            Leaf { claimed_at: Some(Instant::from_nanos(2)), ..one },
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
}
