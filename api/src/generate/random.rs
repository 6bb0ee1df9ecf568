//! Seeded random numbers and small distributions in whole numbers.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// A stream of random numbers that depends on the seed and the part of the history only.
///
/// Every subject draws from its own stream, so that a change in how one life is told leaves the others as they were.
pub(super) struct Random(ChaCha8Rng);

impl Random {
    /// Returns the stream of one `part` (a subject's number, or a fixed number for shared draws) under a seed.
    pub(super) fn new(seed: u64, part: u64) -> Self {
        let mut key = [0u8; 32];
        for (place, byte) in key.iter_mut().zip(seed.to_le_bytes().into_iter().chain(part.to_le_bytes())) {
            *place = byte;
        }
        Self(ChaCha8Rng::from_seed(key))
    }

    /// Returns a number from 0 up to, not including, `limit`; 0 when the limit is 0.
    pub(super) fn below(&mut self, limit: u32) -> u32 {
        let product = u64::from(self.0.next_u32()) * u64::from(limit);
        u32::try_from(product >> 32).unwrap_or(0)
    }

    /// Returns a number from `low` to `high`, both included; `low` when the range is empty.
    pub(super) fn between(&mut self, low: i32, high: i32) -> i32 {
        let span = u32::try_from(i64::from(high) - i64::from(low) + 1).unwrap_or(0);
        low.saturating_add(i32::try_from(self.below(span)).unwrap_or(0))
    }

    /// Returns a number of seconds from `low` to `high`, both included.
    pub(super) fn seconds(&mut self, low: i32, high: i32) -> i64 {
        i64::from(self.between(low, high))
    }

    /// Returns the smaller of two draws: most values are near `low`.
    pub(super) fn soon(&mut self, low: i32, high: i32) -> i32 {
        self.between(low, high).min(self.between(low, high))
    }

    /// Says yes `permille` times in a thousand.
    pub(super) fn permille(&mut self, permille: u32) -> bool {
        self.below(1000) < permille
    }

    /// Picks one of the items.
    pub(super) fn pick<T: Copy>(&mut self, items: &[T]) -> Option<T> {
        let count = u32::try_from(items.len()).unwrap_or(u32::MAX);
        items.get(self.below(count) as usize).copied()
    }

    /// Picks one of the items by its weight.
    pub(super) fn weighted<T: Copy>(&mut self, items: &[(u32, T)]) -> Option<T> {
        let total = items.iter().map(|(weight, _)| *weight).sum();
        let mut left = self.below(total);
        for (weight, item) in items {
            if left < *weight {
                return Some(*item);
            }
            left -= weight;
        }
        None
    }

    /// Puts the items into a random order.
    pub(super) fn shuffle<T>(&mut self, items: &mut [T]) {
        let count = u32::try_from(items.len()).unwrap_or(u32::MAX);
        for last in (1..count).rev() {
            let other = self.below(last + 1);
            items.swap(last as usize, other as usize);
        }
    }
}
