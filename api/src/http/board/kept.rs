//! Which outcomes a board is not shown, where some of the rules under them are kept back already.
//!
//! The figures of each rule are told by `/v1/compliance` with small counts kept back. A sum over some of the rules, told
//! beside them, must not give one of these away.

use super::Share;
use crate::http::board::SMALL;

/// A rule under an outcome.
#[derive(Debug, Clone, Copy)]
pub struct Leaf {
    /// Whether its figures are kept back.
    pub hidden: bool,
    /// Its figures.
    pub figures: [u64; 3],
    /// The same as a share.
    pub share: Share,
}

/// Which groups are kept back, of groups of rules whose sum over all is told unless `all_hidden`.
///
/// The sum of a group less its rules that are told is the sum of those kept back: of these there must be two or more, with
/// no small sum. The same goes for all groups kept back together, by the sum over all; of these there must be two.
pub fn groups(groups: &[Vec<Leaf>], all_hidden: bool) -> Vec<bool> {
    let hidden_leaves: Vec<Vec<[u64; 3]>> = groups
        .iter()
        .map(|group| group.iter().filter(|leaf| leaf.hidden).map(|leaf| leaf.figures).collect())
        .collect();
    let mut kept: Vec<bool> = hidden_leaves.iter().map(|leaves| gives_away(leaves)).collect();
    loop {
        let together: Vec<[u64; 3]> = kept
            .iter()
            .zip(&hidden_leaves)
            .filter(|(kept, _)| **kept)
            .flat_map(|(_, leaves)| leaves.clone())
            .collect();
        let count = kept.iter().filter(|kept| **kept).count();
        if count == 0 || all_hidden || (count > 1 && !gives_away(&together)) {
            return kept;
        }
        // One more, of those that have something to hide; the one that tells least.
        let more = kept
            .iter()
            .zip(&hidden_leaves)
            .enumerate()
            .filter(|(_, (kept, leaves))| !**kept && !leaves.is_empty())
            .min_by_key(|(_, (_, leaves))| leaves.iter().flatten().sum::<u64>())
            .map(|(place, _)| place);
        match more.and_then(|place| kept.get_mut(place)) {
            Some(more) => *more = true,
            None => return kept,
        }
    }
}

/// Whether the sum of what is kept back would give it, or a small count, away.
fn gives_away(leaves: &[[u64; 3]]) -> bool {
    let sum = |figure: usize| leaves.iter().filter_map(|leaf| leaf.get(figure)).sum::<u64>();
    match leaves.len() {
        0 => false,
        1 => true,
        _ => (0..3).any(|figure| (1..SMALL).contains(&sum(figure))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaf(met: u64, missed: u64, hidden: bool) -> Leaf {
        let share = Share { met, all: met + missed };
        Leaf { hidden, figures: share.figures(), share }
    }

    #[test]
    fn without_anything_kept_back_all_groups_are_told() {
        let told = vec![leaf(20, 9, false)];
        assert_eq!(groups(&[told.clone(), told], false), [false, false]);
    }

    #[test]
    fn a_group_with_one_rule_kept_back_is_kept_back_with_the_group_of_another() {
        // 30 of 33 and 60 of 70 are kept back, each in another group: each sum would give its own away, both do not.
        let one = vec![leaf(30, 3, true), leaf(50, 10, false)];
        let other = vec![leaf(60, 10, true), leaf(40, 8, false)];
        let free = vec![leaf(10, 10, false)];
        assert_eq!(groups(&[one, other, free], false), [true, true, false]);
    }

    #[test]
    fn a_group_whose_rules_kept_back_add_up_to_little_takes_another_with_it() {
        let little = vec![leaf(9, 1, true), leaf(9, 2, true)];
        let more = vec![leaf(30, 20, true), leaf(40, 6, true)];
        let most = vec![leaf(90, 20, true), leaf(40, 60, true)];
        // 3 missed in the first; kept back alone, the sum over all would tell them.
        assert_eq!(groups(&[little.clone(), more.clone(), most.clone()], false), [true, true, false]);
        assert_eq!(groups(&[little, more, most], true), [true, false, false]);
    }

    /// A control: what somebody finds who subtracts what is told from the sums, for random tables.
    #[test]
    fn no_group_that_is_told_leaves_one_rule_or_a_small_sum() {
        let mut seed = 11u64;
        let mut next = |below: u64| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (seed >> 33) % below
        };
        let mut naive = 0;
        for _ in 0..1_000 {
            let tables: Vec<Vec<Leaf>> = (0..4)
                .map(|_| (0..=next(4)).map(|_| leaf(next(30), next(8), next(3) == 0)).collect())
                .collect();
            let hidden: Vec<Vec<[u64; 3]>> = tables
                .iter()
                .map(|group| group.iter().filter(|leaf| leaf.hidden).map(|leaf| leaf.figures).collect())
                .collect();
            naive += hidden.iter().filter(|leaves| gives_away(leaves)).count();
            let kept = groups(&tables, false);
            for (leaves, kept) in hidden.iter().zip(&kept) {
                assert!(*kept || !gives_away(leaves), "{tables:?}");
            }
        }
        assert!(naive > 500, "the control gives only {naive} away");
    }
}
