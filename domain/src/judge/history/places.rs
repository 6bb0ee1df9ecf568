//! A table of numbers by hash that waits for memory together.

use std::hash::{BuildHasher, Hash};
use std::hint::black_box;
use std::sync::LazyLock;

/// One for the whole process, so that what one thread has hashed another need not hash again.
static HASHER: LazyLock<hashbrown::DefaultHashBuilder> = LazyLock::new(Default::default);

/// The hash under which something is kept: half of the whole one, which is enough for as many as there are numbers.
#[expect(clippy::cast_possible_truncation, reason = "the lower half is what is wanted")]
pub(super) fn hash_of(value: impl Hash) -> u32 {
    HASHER.hash_one(value) as u32
}

/// Numbers by hash, in one array of slots: a number lies in the first free slot from the one that its hash names on.
/// None is ever taken out, so that looking for one ends at the first free slot.
///
/// Each look costs one line of memory that is in no cache once the table is large. [`Places::bring_in`] asks for those of
/// many hashes at once, which the processor then waits for side by side.
#[derive(Debug, Default)]
pub(super) struct Places {
    /// The hash above, the number and one below; zero where it is free.
    slots: Vec<u64>,
    held: usize,
}

/// Slots of the smallest table.
const FEWEST_SLOTS: usize = 16;

impl Places {
    /// Makes room for so many more, so that adding them moves nothing.
    pub fn make_room(&mut self, more: usize) {
        // At most two of three slots are taken: then there are three looks to find that something is not there.
        let wanted = (self.held + more).saturating_mul(3) / 2 + 1;
        if wanted <= self.slots.len() {
            return;
        }
        // Twice as many at least: a table that grows little by little is moved a few times only.
        let slots = vec![0; wanted.max(self.slots.len() * 2).max(FEWEST_SLOTS)];
        let old = std::mem::replace(&mut self.slots, slots);
        for slot in old.into_iter().filter(|slot| *slot != 0) {
            self.put(slot);
        }
    }

    /// Forgets all, and keeps the room.
    pub fn clear(&mut self) {
        self.slots.fill(0);
        self.held = 0;
    }

    /// The number of a hash for which `same` holds.
    pub fn find(&self, hash: u32, mut same: impl FnMut(u32) -> bool) -> Option<u32> {
        let mut at = self.home(hash);
        loop {
            let slot = self.slots.get(at).copied().unwrap_or(0);
            if slot == 0 {
                return None;
            }
            if hash_in(slot) == hash && same(number_in(slot)) {
                return Some(number_in(slot));
            }
            at = self.after(at);
        }
    }

    /// Adds a number that is not there; none is the largest of 32 bits.
    pub fn add(&mut self, hash: u32, number: u32) {
        self.make_room(1);
        self.put((u64::from(hash) << 32) | u64::from(number.saturating_add(1)));
        self.held += 1;
    }

    /// Brings in what looking for each of some hashes reads first, and adds the numbers that may be found to `likely`.
    pub fn bring_in(&self, hashes: &[u32], likely: &mut Vec<u32>) {
        for hash in hashes {
            let slot = self.slots.get(self.home(*hash)).copied().unwrap_or(0);
            if slot != 0 && hash_in(slot) == *hash {
                likely.push(number_in(slot));
            }
        }
        black_box(likely);
    }

    /// The hash of each number that is there, where they are those from zero on.
    pub fn hashes(&self) -> Vec<u32> {
        let mut hashes = vec![0; self.held];
        for slot in self.slots.iter().filter(|slot| **slot != 0) {
            if let Some(hash) = hashes.get_mut(number_in(*slot) as usize) {
                *hash = hash_in(*slot);
            }
        }
        hashes
    }

    fn put(&mut self, slot: u64) {
        let mut at = self.home(hash_in(slot));
        while self.slots.get(at).is_some_and(|taken| *taken != 0) {
            at = self.after(at);
        }
        if let Some(free) = self.slots.get_mut(at) {
            *free = slot;
        }
    }

    /// The slot that a hash names: by its upper bits, so that a table that grows is filled anew from front to back.
    const fn home(&self, hash: u32) -> usize {
        ((hash as u64 * self.slots.len() as u64) >> 32) as usize
    }

    const fn after(&self, at: usize) -> usize {
        if at + 1 < self.slots.len() { at + 1 } else { 0 }
    }
}

const fn hash_in(slot: u64) -> u32 {
    (slot >> 32) as u32
}

#[expect(clippy::cast_possible_truncation, reason = "the lower half is what is wanted")]
const fn number_in(slot: u64) -> u32 {
    (slot as u32).wrapping_sub(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_number_is_found_under_its_hash_however_many_share_it() {
        for shared in [1, 7, 1_000] {
            let mut places = Places::default();
            let hash = |number: u32| hash_of(number / shared);
            assert_eq!(places.find(hash(0), |_| true), None);
            for number in 0..5_000 {
                assert_eq!(places.find(hash(number), |found| found == number), None);
                places.add(hash(number), number);
            }
            for number in 0..5_000 {
                assert_eq!(places.find(hash(number), |found| found == number), Some(number));
            }
            assert_eq!(places.hashes(), (0..5_000).map(hash).collect::<Vec<_>>());
            places.clear();
            assert_eq!(places.find(hash(3), |_| true), None);
        }
    }

    #[test]
    fn a_table_that_grows_by_little_is_moved_a_few_times_only() {
        let (mut places, mut moves) = (Places::default(), 0);
        for number in 0..100_000 {
            let before = places.slots.len();
            places.make_room(3);
            places.add(hash_of(number), number);
            moves += usize::from(places.slots.len() != before);
        }
        assert!(moves < 20, "{moves} moves");
    }

    #[test]
    fn hashes_at_the_end_of_the_table_go_on_at_its_beginning() {
        let mut places = Places::default();
        for number in 0..8 {
            places.add(u32::MAX, number);
        }
        for number in 0..8 {
            assert_eq!(places.find(u32::MAX, |found| found == number), Some(number));
        }
        assert_eq!(places.find(0, |_| true), None);
    }
}
