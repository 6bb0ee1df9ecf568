//! What a board is not shown of a table of tallies.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::figures::{BLOCKS, Tally, blocks};
use super::suppress::Counts;
use super::{Key, Of};
use crate::http::board::{OUTCOMES, Outcome};

/// Which blocks of which cells a board is not shown.
pub(super) fn kept_back(tallies: &BTreeMap<Key, Tally>, ways: usize) -> HashMap<Key, [bool; BLOCKS]> {
    let along = |way: usize| -> Vec<Of> {
        let ids: BTreeSet<Of> = tallies.keys().filter_map(|key| key.get(way).cloned()).collect();
        ids.into_iter().collect()
    };
    let mut keys: Vec<Key> = vec![Vec::new()];
    for way in 0..ways {
        let ids = along(way);
        let longer = |key: Key| {
            let further = |of: &Of| key.iter().cloned().chain([of.clone()]).collect();
            ids.iter().map(further).collect::<Vec<Key>>()
        };
        keys = keys.into_iter().flat_map(longer).collect();
    }
    let width = along(ways.saturating_sub(1)).len();
    let nothing = Tally::default();
    let mut hidden: HashMap<Key, [bool; BLOCKS]> = HashMap::new();
    for block in 0..BLOCKS {
        let figures = |key: &Key| {
            let all = blocks(tallies.get(key).unwrap_or(&nothing));
            all.into_iter().nth(block).unwrap_or_default()
        };
        let cells: Vec<Vec<u64>> = keys.iter().map(figures).collect();
        let counts = if ways > 1 { Counts::two_way(width, cells) } else { Counts::one_way(cells) };
        for (key, kept) in keys.iter().zip(counts.kept_back()) {
            if let Some(own) = hidden.entry(key.clone()).or_default().get_mut(block) {
                *own = kept;
            }
        }
    }
    hidden
}

/// Which blocks of which rules a board is not shown: of the rules under one outcome of the framework so many that the sum of
/// these rules can be told, which the board report does; then so many that none can be had from the sum of all.
pub(super) fn kept_back_by_outcome(tallies: &BTreeMap<Key, Tally>) -> HashMap<Key, [bool; BLOCKS]> {
    let outcome = |key: &Key| match key.last() {
        Some(Of::One(Some(rule))) => Some(Outcome::of(rule)),
        Some(Of::One(None) | Of::All) | None => None,
    };
    let mut hidden: HashMap<Key, [bool; BLOCKS]> = HashMap::new();
    for block in 0..BLOCKS {
        let figures = |tally: &Tally| blocks(tally).into_iter().nth(block).unwrap_or_default();
        // The sum of all rules comes last.
        let cells: Vec<(&Key, Vec<u64>)> = tallies.iter().map(|(key, tally)| (key, figures(tally))).collect();
        let counts = Counts::one_way(cells.iter().map(|(_, cell)| cell.clone()).collect());
        let mut kept = counts.small();
        for one in OUTCOMES {
            let places: Vec<usize> = (0..cells.len())
                .filter(|at| cells.get(*at).is_some_and(|(key, _)| outcome(key) == Some(one)))
                .collect();
            let own: Vec<Vec<u64>> =
                places.iter().filter_map(|at| cells.get(*at)).map(|(_, cell)| cell.clone()).collect();
            let width = own.first().map_or(0, Vec::len);
            let sum = (0..width).map(|figure| own.iter().filter_map(|cell| cell.get(figure)).sum()).collect();
            let within = Counts::one_way(own.into_iter().chain([sum]).collect()).kept_back();
            for (at, more) in places.into_iter().zip(within) {
                if let Some(own) = kept.get_mut(at) {
                    *own |= more;
                }
            }
        }
        for ((key, _), kept) in cells.into_iter().zip(counts.kept_back_beside(kept)) {
            if let Some(own) = hidden.entry(key.clone()).or_default().get_mut(block) {
                *own = kept;
            }
        }
    }
    hidden
}
