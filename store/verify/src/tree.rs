//! The Merkle tree of RFC 6962, section 2.1, over leaf hashes.
//!
//! ```text
//! root of no leaves       = SHA-256("")
//! root of one leaf        = its leaf hash
//! root of n > 1 leaves    = SHA-256(0x01 ‖ root of the first k ‖ root of the rest),
//!                           k the largest power of two smaller than n
//! ```
//!
//! The log keeps the tree's [`Frontier`] only. A proof is made from the hashes of some ranges of leaves, which a
//! [`Path`] names; a [`Prover`] computes them in one pass over the leaf hashes, and a store that keeps inner nodes can
//! look them up instead.

use std::fmt;
use std::ops::Range;

use sha2::{Digest, Sha256};

use crate::leaf::sha256;
use crate::{Hash, MAX_POSITION};

/// The hash of an inner node.
#[must_use]
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    let mut block = [0x01; 65];
    let (first, second) = block.split_at_mut(33);
    for (to, from) in first.iter_mut().skip(1).zip(left).chain(second.iter_mut().zip(right)) {
        *to = *from;
    }
    Sha256::digest(block).into()
}

/// The root of the tree without leaves.
#[must_use]
pub fn empty_root() -> Hash {
    sha256(b"")
}

/// The right edge of a tree: the roots of the full subtrees that make it up, the largest first.
///
/// It is all that appending and the root need. A size of 0b1101 has three peaks: over 8, 4 and 1 leaves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frontier {
    size: u64,
    peaks: Vec<Hash>,
}

impl Default for Frontier {
    fn default() -> Self {
        Self::new()
    }
}

impl Frontier {
    /// The tree without leaves.
    #[must_use]
    pub fn new() -> Self {
        // There are never more peaks than bits in the size, so this one allocation is the last.
        Self { size: 0, peaks: Vec::with_capacity(64) }
    }

    /// Reads back [`Self::to_bytes`] for a tree of this size.
    ///
    /// # Errors
    /// [`FrontierError`] when the bytes are not one hash for each bit that is set in the size, or when the size is
    /// beyond [`MAX_POSITION`].
    pub fn from_bytes(size: u64, bytes: &[u8]) -> Result<Self, FrontierError> {
        let (peaks, rest) = bytes.as_chunks::<32>();
        let wanted = usize::try_from(size.count_ones()).unwrap_or(usize::MAX);
        if size > MAX_POSITION || !rest.is_empty() || peaks.len() != wanted {
            return Err(FrontierError { size, bytes: bytes.len() });
        }
        let mut frontier = Self::new();
        frontier.size = size;
        frontier.peaks.extend_from_slice(peaks);
        Ok(frontier)
    }

    /// The peaks one after another, the largest subtree first; empty for the tree without leaves.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        self.peaks.concat()
    }

    /// Number of leaves.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Adds a leaf; two hashes on average, at most 63.
    pub fn append(&mut self, leaf_hash: &Hash) {
        let mut node = *leaf_hash;
        for _ in 0..self.size.trailing_ones() {
            if let Some(left) = self.peaks.pop() {
                node = node_hash(&left, &node);
            }
        }
        self.peaks.push(node);
        self.size = self.size.saturating_add(1);
    }

    /// The root of the tree.
    #[must_use]
    pub fn root(&self) -> Hash {
        let mut peaks = self.peaks.iter().rev();
        let Some(smallest) = peaks.next() else { return empty_root() };
        peaks.fold(*smallest, |right, left| node_hash(left, &right))
    }
}

impl Extend<Hash> for Frontier {
    fn extend<T: IntoIterator<Item = Hash>>(&mut self, leaves: T) {
        for leaf in leaves {
            self.append(&leaf);
        }
    }
}

/// Bytes that are not the frontier of a tree of the size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrontierError {
    size: u64,
    bytes: usize,
}

impl fmt::Display for FrontierError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.size > MAX_POSITION {
            return write!(f, "frontier of a tree of size {}: sizes end at {MAX_POSITION}", self.size);
        }
        let wanted = self.size.count_ones() * 32;
        write!(f, "frontier of a tree of size {}: {} bytes, expected {wanted}", self.size, self.bytes)
    }
}

impl std::error::Error for FrontierError {}

/// The ranges of leaves whose hashes make up a proof, in the order of the proof.
///
/// Ranges count leaves from 0, end before their end, and do not overlap. The hash of a range is the root of the tree
/// over its leaves alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Path {
    ranges: Vec<Range<u64>>,
}

impl Path {
    /// What proves that the leaf with this index (from 0) is in the tree of this size; `None` when it is not.
    #[must_use]
    pub fn inclusion(index: u64, size: u64) -> Option<Self> {
        if index >= size {
            return None;
        }
        let mut ranges = Vec::new();
        let mut part = 0..size;
        while part.end - part.start > 1 {
            let (left, right) = split(&part);
            let (down, aside) = if index < left.end { (left, right) } else { (right, left) };
            ranges.push(aside);
            part = down;
        }
        ranges.reverse();
        Some(Self { ranges })
    }

    /// What proves that the tree of the old size is the beginning of the tree of the new size; `None` when the old one
    /// is the larger. Nothing is needed from the empty tree or for equal sizes.
    #[must_use]
    pub fn consistency(old: u64, new: u64) -> Option<Self> {
        if old > new {
            return None;
        }
        let mut ranges = Vec::new();
        let mut part = 0..new;
        if old > 0 {
            while part.end != old {
                let (left, right) = split(&part);
                let (down, aside) = if old <= left.end { (left, right) } else { (right, left) };
                ranges.push(aside);
                part = down;
            }
            // The old tree itself is known to whoever checks; a part of it is not.
            if part.start > 0 {
                ranges.push(part);
            }
        }
        ranges.reverse();
        Some(Self { ranges })
    }

    /// The ranges, in the order of the proof.
    #[must_use]
    pub fn ranges(&self) -> &[Range<u64>] {
        &self.ranges
    }

    /// Computes the proof in one pass over the leaf hashes.
    #[must_use]
    pub fn prover(self) -> Prover {
        let mut order: Vec<usize> = (0..self.ranges.len()).collect();
        order.sort_by_key(|place| self.ranges.get(*place).map(|range| range.start));
        order.reverse();
        let proof = vec![None; self.ranges.len()];
        Prover { ranges: self.ranges, order, proof, next: 0, part: Frontier::new() }
    }

    /// The proof from all leaf hashes of the (new) tree; `None` when there are too few.
    #[must_use]
    pub fn prove(self, leaves: &[Hash]) -> Option<Vec<Hash>> {
        let mut prover = self.prover();
        for leaf in leaves {
            prover.push(leaf);
        }
        prover.finish()
    }
}

/// Splits a range of more than one leaf at the largest power of two below its length.
fn split(part: &Range<u64>) -> (Range<u64>, Range<u64>) {
    let length = part.end - part.start;
    let left = 1 << (u64::BITS - 1 - (length - 1).leading_zeros());
    let middle = part.start + left;
    (part.start..middle, middle..part.end)
}

/// Computes a proof while the leaf hashes pass by, in the memory of one frontier.
#[derive(Debug, Clone)]
pub struct Prover {
    ranges: Vec<Range<u64>>,
    /// Places of the ranges that are not complete, the first in the tree last.
    order: Vec<usize>,
    proof: Vec<Option<Hash>>,
    next: u64,
    part: Frontier,
}

impl Prover {
    /// Takes the next leaf hash, beginning with that of position 1.
    pub fn push(&mut self, leaf_hash: &Hash) {
        let index = self.next;
        self.next += 1;
        let Some(&place) = self.order.last() else { return };
        let Some(range) = self.ranges.get(place) else { return };
        if !range.contains(&index) {
            return;
        }
        self.part.append(leaf_hash);
        if self.next == range.end {
            if let Some(slot) = self.proof.get_mut(place) {
                *slot = Some(self.part.root());
            }
            self.part = Frontier::new();
            self.order.pop();
        }
    }

    /// The proof; `None` when leaves are wanting.
    #[must_use]
    pub fn finish(self) -> Option<Vec<Hash>> {
        self.proof.into_iter().collect()
    }
}

/// Checks that a leaf is in the tree with this root; the index counts from 0.
///
/// # Errors
/// [`ProofError`] says why it is not proven.
pub fn verify_inclusion(
    leaf_hash: &Hash,
    index: u64,
    size: u64,
    proof: &[Hash],
    root: &Hash,
) -> Result<(), ProofError> {
    if index >= size {
        return Err(ProofError::Outside { index, size });
    }
    let mut hashes = proof.iter();
    let mut node = *leaf_hash;
    // `place` and `last` are the node's and the right edge's places on the present level.
    let (mut place, mut last) = (index, size - 1);
    while last > 0 {
        if place == last && place % 2 == 0 {
            // No sibling: the node goes up as it is.
        } else {
            let sibling = hashes.next().ok_or(ProofError::Length { hashes: proof.len() })?;
            node = if place % 2 == 1 { node_hash(sibling, &node) } else { node_hash(&node, sibling) };
        }
        place /= 2;
        last /= 2;
    }
    if hashes.next().is_some() {
        return Err(ProofError::Length { hashes: proof.len() });
    }
    if node == *root { Ok(()) } else { Err(ProofError::Root { size }) }
}

/// Checks that the tree of the old size and root is the beginning of the tree of the new size and root.
///
/// # Errors
/// [`ProofError`] says why it is not proven.
pub fn verify_consistency(
    old_size: u64,
    old_root: &Hash,
    new_size: u64,
    new_root: &Hash,
    proof: &[Hash],
) -> Result<(), ProofError> {
    if old_size > new_size {
        return Err(ProofError::Shrinks { old: old_size, new: new_size });
    }
    if old_size == 0 || old_size == new_size {
        let old = if old_size == 0 { &empty_root() } else { new_root };
        return match proof.len() {
            0 if old_root == old => Ok(()),
            0 => Err(ProofError::Root { size: old_size }),
            hashes => Err(ProofError::Length { hashes }),
        };
    }
    let too_short = ProofError::Length { hashes: proof.len() };
    let mut hashes = proof.iter();
    // Both trees end in the same node where the last leaf of the old one is the right end of a full subtree; the proof
    // begins with that node unless it is the whole old tree, whose root is known.
    let shared = (old_size - 1).trailing_ones();
    let (mut place, mut last) = ((old_size - 1) >> shared, (new_size - 1) >> shared);
    let start = if old_size.is_power_of_two() { old_root } else { hashes.next().ok_or(too_short)? };
    let (mut old, mut new) = (*start, *start);
    while last > 0 {
        if place % 2 == 1 {
            let left = hashes.next().ok_or(too_short)?;
            old = node_hash(left, &old);
            new = node_hash(left, &new);
        } else if place < last {
            let right = hashes.next().ok_or(too_short)?;
            new = node_hash(&new, right);
        }
        place /= 2;
        last /= 2;
    }
    if hashes.next().is_some() {
        return Err(too_short);
    }
    if old != *old_root {
        return Err(ProofError::Root { size: old_size });
    }
    if new == *new_root { Ok(()) } else { Err(ProofError::Root { size: new_size }) }
}

/// Why a proof does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProofError {
    /// The tree has no such leaf.
    Outside {
        /// Index of the leaf, from 0.
        index: u64,
        /// Size of the tree.
        size: u64,
    },
    /// The new tree is smaller than the old.
    Shrinks {
        /// Size of the old tree.
        old: u64,
        /// Size of the new tree.
        new: u64,
    },
    /// Too few hashes, or too many.
    Length {
        /// How many there are.
        hashes: usize,
    },
    /// The hashes lead to another root.
    Root {
        /// Size of the tree whose root it is not.
        size: u64,
    },
}

impl fmt::Display for ProofError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Outside { index, size } => write!(f, "a tree of size {size} has no leaf {index}"),
            Self::Shrinks { old, new } => {
                write!(f, "a tree of size {old} is not the beginning of one of size {new}")
            }
            Self::Length { hashes } => write!(f, "a proof of {hashes} hashes is of the wrong length"),
            Self::Root { size } => write!(f, "the proof does not lead to the root of size {size}"),
        }
    }
}

impl std::error::Error for ProofError {}
