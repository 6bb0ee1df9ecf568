//! The draw of a sample: a pure function of the seed and the list, so that anyone can draw it again.

use sha2::{Digest as _, Sha256};

/// Draws `size` entries of a list, in the order drawn; all of them when the list is shorter.
///
/// The entries are sorted and each is given the SHA-256 of the seed, a line feed and itself; those with the smallest
/// digests are drawn. Neither the order of the list nor an entry that stands in it twice changes the draw.
#[must_use]
pub fn draw(seed: &str, list: &[Box<str>], size: usize) -> Vec<Box<str>> {
    let mut drawn: Vec<([u8; 32], &str)> =
        distinct(list).into_iter().map(|entry| (digest(seed, entry), entry)).collect();
    drawn.sort_unstable();
    drawn.into_iter().take(size).map(|(_, entry)| entry.into()).collect()
}

/// The SHA-256 of a list as drawn from: its entries sorted, each once, with a line feed after each. In hexadecimal.
#[must_use]
pub fn list_digest(list: &[Box<str>]) -> String {
    let mut hash = Sha256::new();
    for entry in distinct(list) {
        hash.update(entry.as_bytes());
        hash.update(b"\n");
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn distinct(list: &[Box<str>]) -> Vec<&str> {
    let mut sorted: Vec<&str> = list.iter().map(|entry| &**entry).collect();
    sorted.sort_unstable();
    sorted.dedup();
    sorted
}

fn digest(seed: &str, entry: &str) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(seed.as_bytes());
    hash.update(b"\n");
    hash.update(entry.as_bytes());
    hash.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(entries: &[&str]) -> Vec<Box<str>> {
        entries.iter().map(|entry| (*entry).into()).collect()
    }

    #[test]
    fn the_same_seed_and_list_give_the_same_sample_whatever_the_order() {
        let one = list(&["nominal/A", "nominal/B", "nominal/C", "nominal/D"]);
        let other = list(&["nominal/D", "nominal/C", "nominal/B", "nominal/A", "nominal/A"]);
        assert_eq!(draw("s", &one, 2), draw("s", &other, 2));
        assert_eq!(list_digest(&one), list_digest(&other));
        assert_ne!(list_digest(&one), list_digest(&one[1..]));
    }

    #[test]
    fn another_seed_gives_another_sample_and_a_short_list_is_drawn_whole() {
        let all: Vec<Box<str>> = (0..100).map(|number| format!("nominal/{number}").into()).collect();
        assert_ne!(draw("one", &all, 10), draw("two", &all, 10));
        assert_eq!(draw("one", &all, 200).len(), 100);
    }

    #[test]
    fn the_draw_is_what_sha_256_says() {
        // printf 'seed\np' | sha256sum, and so on: worked out outside of this program.
        assert_eq!(draw("seed", &list(&["p", "q", "r", "s"]), 4), list(&["p", "s", "q", "r"]));
    }
}
