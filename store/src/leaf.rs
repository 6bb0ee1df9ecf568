//! The leaf of an event, whose layout is that of [`mandate_verify::leaf`], and the version of its payload.

use sha2::{Digest, Sha256};

/// Version of the payload's layout that this program writes, stored in `event_version`.
pub const EVENT_VERSION: &str = "1.0";

/// SHA-256 of some bytes.
pub(crate) fn sha256(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}
