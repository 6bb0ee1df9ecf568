//! Texts stored once.

use std::hint::black_box;

use super::places::{Places, hash_of};
use crate::vocabulary::NONE;

/// Texts stored once; a symbol is the place of a text in the table.
#[derive(Debug, Default)]
pub struct Symbols {
    texts: String,
    /// Where each text ends; it begins where the one before it ends.
    ends: Vec<u32>,
    places: Places,
}

impl Symbols {
    /// Makes room for more texts, and for so many bytes of theirs.
    pub(super) fn make_room(&mut self, texts: usize, bytes: usize) {
        self.texts.reserve(bytes);
        self.ends.reserve(texts);
        self.places.make_room(texts);
    }

    /// Makes room for as much more as is said for what is there, in columns and in the table.
    pub(super) fn make_room_for(&mut self, column: impl Fn(usize) -> usize, table: impl Fn(usize) -> usize) {
        self.texts.reserve(column(self.texts.len()));
        self.ends.reserve(column(self.ends.len()));
        self.places.make_room(table(self.ends.len()));
    }

    /// Forgets all texts, and keeps the room.
    pub(super) fn clear(&mut self) {
        self.texts.clear();
        self.ends.clear();
        self.places.clear();
    }

    /// The symbol of a text, made when it is new.
    pub fn intern(&mut self, text: &str) -> u32 {
        self.intern_hashed(text, hash_of(text))
    }

    fn intern_hashed(&mut self, text: &str, hash: u32) -> u32 {
        if let Some(found) = self.find_hashed(text, hash) {
            return found;
        }
        let symbol = u32::try_from(self.ends.len()).unwrap_or(NONE);
        self.texts.push_str(text);
        self.ends.push(u32::try_from(self.texts.len()).unwrap_or(NONE));
        self.places.add(hash, symbol);
        symbol
    }

    /// The symbols of all texts of another table, in the order of theirs there.
    pub(super) fn intern_all(&mut self, other: &Self) -> Vec<u32> {
        let hashes = other.places.hashes();
        self.make_room(hashes.len(), other.texts.len());
        let mut likely = Vec::with_capacity(hashes.len());
        self.places.bring_in(&hashes, &mut likely);
        // Then where the texts lie with which those of the other table are held together, then they themselves.
        let starts = likely.iter().map(|symbol| start_of(&self.ends, *symbol));
        let starts: Vec<usize> = black_box(starts.collect());
        let texts = self.texts.as_bytes();
        black_box(starts.iter().filter_map(|start| texts.get(*start)).fold(0, |sum, byte| sum ^ byte));
        other.texts().zip(hashes).map(|(text, hash)| self.intern_hashed(text, hash)).collect()
    }

    /// The symbol of a text, if it is in the table.
    #[must_use]
    pub fn find(&self, text: &str) -> Option<u32> {
        self.find_hashed(text, hash_of(text))
    }

    fn find_hashed(&self, text: &str, hash: u32) -> Option<u32> {
        self.places.find(hash, |found| self.text(found) == text)
    }

    /// The text of a symbol; empty for [`NONE`].
    #[must_use]
    pub fn text(&self, symbol: u32) -> &str {
        let Some(end) = self.ends.get(symbol as usize) else { return "" };
        self.texts.get(start_of(&self.ends, symbol)..*end as usize).unwrap_or("")
    }

    /// Every text, by symbol.
    fn texts(&self) -> impl Iterator<Item = &str> {
        (0..u32::try_from(self.ends.len()).unwrap_or(NONE)).map(|symbol| self.text(symbol))
    }
}

/// Where the text of a symbol begins, of texts that end at some places.
fn start_of(ends: &[u32], symbol: u32) -> usize {
    let before = (symbol as usize).checked_sub(1).and_then(|before| ends.get(before));
    before.copied().unwrap_or(0) as usize
}
