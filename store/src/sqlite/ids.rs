//! Which ids the log may hold, in 8 MB: one that is not among them is new, and need not be looked for.

use std::hash::{BuildHasher, RandomState};

use rusqlite::Connection;

use crate::error::StoreError;

/// Bits, a power of two; with four for each id, one id in a hundred of ten million is looked for in vain.
const BITS: u64 = 1 << 26;
const BITS_OF_AN_ID: u64 = 4;

/// The ids of a log, as bits; it may take others for them.
#[derive(Debug)]
pub(super) struct Ids {
    words: Vec<u64>,
    hasher: RandomState,
}

impl Ids {
    /// The ids that a log holds.
    pub fn load(connection: &Connection) -> Result<Self, StoreError> {
        let failed = StoreError::database("read the ids of the log");
        let words = vec![0; usize::try_from(BITS / 64).unwrap_or(0)];
        let mut ids = Self { words, hasher: RandomState::new() };
        let sql = include_str!("../../sql/sqlite/select_ids.sql");
        let mut statement = connection.prepare(sql).map_err(&failed)?;
        let mut rows = statement.query([i64::MAX]).map_err(&failed)?;
        while let Some(row) = rows.next().map_err(&failed)? {
            let text = |column: usize| Ok(row.get_ref(column)?.as_str()?);
            let (source, id): (rusqlite::Result<&str>, rusqlite::Result<&str>) = (text(0), text(1));
            ids.add(source.map_err(&failed)?, id.map_err(&failed)?);
        }
        Ok(ids)
    }

    /// Adds an id.
    pub fn add(&mut self, source: &str, id: &str) {
        for (word, bit) in self.places(source, id) {
            if let Some(word) = self.words.get_mut(word) {
                *word |= bit;
            }
        }
    }

    /// Whether the log may hold an id; if not, it certainly does not.
    pub fn may_hold(&self, source: &str, id: &str) -> bool {
        let is_set = |(word, bit): (usize, u64)| self.words.get(word).is_some_and(|word| word & bit != 0);
        self.places(source, id).all(is_set)
    }

    fn places(&self, source: &str, id: &str) -> impl Iterator<Item = (usize, u64)> + use<> {
        let hash = self.hasher.hash_one((source, id));
        // An odd step leads to four different bits.
        let (first, step) = (hash & 0xFFFF_FFFF, hash >> 32 | 1);
        (0..BITS_OF_AN_ID).map(move |n| {
            let bit = first.wrapping_add(n.wrapping_mul(step)) % BITS;
            (usize::try_from(bit / 64).unwrap_or(0), 1 << (bit % 64))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_id_that_was_added_may_be_held_and_hardly_another() {
        let mut ids = Ids { words: vec![0; usize::try_from(BITS / 64).unwrap()], hasher: RandomState::new() };
        for n in 0..100_000 {
            ids.add("/t", &format!("e-{n}"));
        }
        assert!((0..100_000).all(|n| ids.may_hold("/t", &format!("e-{n}"))));
        let taken = (0..100_000).filter(|n| ids.may_hold("/u", &format!("e-{n}"))).count();
        assert!(taken < 100, "{taken}");
    }
}
