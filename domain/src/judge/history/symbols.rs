//! Texts stored once.

use std::hash::BuildHasher;

use hashbrown::HashTable;

use crate::vocabulary::NONE;

pub(super) type Hasher = hashbrown::DefaultHashBuilder;

/// A place in a table under part of its hash, so that probing and growing never touch what is stored there.
pub(super) type Hashed = (u32, u32);

/// The part of a hash that is kept.
#[expect(clippy::cast_possible_truncation, reason = "the lower half is what is wanted")]
pub(super) const fn half(hash: u64) -> u32 {
    hash as u32
}

/// A hash for the table of what was kept of one: its bits in both the place and the tag.
pub(super) fn whole(half: u32) -> u64 {
    u64::from(half).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

/// Texts stored once; a symbol is the place of a text in the table.
#[derive(Debug, Default)]
pub struct Symbols {
    texts: String,
    /// Where each text ends; it begins where the one before it ends.
    ends: Vec<u32>,
    table: HashTable<Hashed>,
    hasher: Hasher,
}

impl Symbols {
    /// An empty one with room for so many texts, and for their letters where they are short.
    pub(super) fn with_room(texts: usize) -> Self {
        Self {
            texts: String::with_capacity(texts * 16),
            ends: Vec::with_capacity(texts),
            table: HashTable::with_capacity(texts),
            hasher: Hasher::default(),
        }
    }

    /// The symbol of a text, made when it is new.
    pub fn intern(&mut self, text: &str) -> u32 {
        let hash = half(self.hasher.hash_one(text));
        let same = |(known, at): &Hashed| *known == hash && text_at(&self.texts, &self.ends, *at) == text;
        if let Some((_, found)) = self.table.find(whole(hash), same) {
            return *found;
        }
        let symbol = u32::try_from(self.ends.len()).unwrap_or(NONE);
        self.texts.push_str(text);
        self.ends.push(u32::try_from(self.texts.len()).unwrap_or(NONE));
        self.table.insert_unique(whole(hash), (hash, symbol), |(hash, _)| whole(*hash));
        symbol
    }

    /// The symbol of a text, if it is in the table.
    #[must_use]
    pub fn find(&self, text: &str) -> Option<u32> {
        let hash = half(self.hasher.hash_one(text));
        let same = |(known, at): &Hashed| *known == hash && text_at(&self.texts, &self.ends, *at) == text;
        self.table.find(whole(hash), same).map(|(_, symbol)| *symbol)
    }

    /// The text of a symbol; empty for [`NONE`].
    #[must_use]
    pub fn text(&self, symbol: u32) -> &str {
        text_at(&self.texts, &self.ends, symbol)
    }

    /// Every text, by symbol.
    pub(super) fn texts(&self) -> impl Iterator<Item = &str> {
        (0..u32::try_from(self.ends.len()).unwrap_or(NONE)).map(|symbol| self.text(symbol))
    }
}

fn text_at<'t>(texts: &'t str, ends: &[u32], symbol: u32) -> &'t str {
    let at = symbol as usize;
    let Some(end) = ends.get(at) else { return "" };
    let start = at.checked_sub(1).and_then(|before| ends.get(before)).copied().unwrap_or(0);
    texts.get(start as usize..*end as usize).unwrap_or("")
}
