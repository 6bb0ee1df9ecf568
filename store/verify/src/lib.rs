//! Everything an outsider needs to check the log of Mandate without Mandate.
//!
//! - [`leaf`]: the digest over everything that is stored of one event
//! - [`tree`]: the Merkle tree of RFC 6962 over the leaves, its frontier and its proofs
//! - [`note`]: signed checkpoints (C2SP signed-note and tlog-checkpoint) and their keys
//! - [`bundle`]: a part of the log in one file
//! - [`check`]: the whole verification of a bundle
//! - [`witness`]: keeps the last checkpoint it saw and refuses a log that takes back what it signed
//!
//! A size is a number of events: the tree of size `n` covers the positions 1 to `n`, so position `p` is the leaf with
//! the index `p - 1`.

pub mod bundle;
pub mod check;
pub mod leaf;
pub mod note;
pub mod tree;
pub mod witness;

/// A SHA-256 digest.
pub type Hash = [u8; 32];

/// The greatest position, because the databases store it as a signed number.
pub const MAX_POSITION: u64 = i64::MAX.cast_unsigned();
