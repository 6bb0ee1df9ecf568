//! What is visible at (as at, known at): annulments, merges, programmes (spec 2.1, 3, 3.2).

use std::collections::HashMap;

use super::compiled::Compiled;
use super::history::{History, RowId, Waiver};
use crate::calendar::Calendar;
use crate::catalogue::{FactType, Field};
use crate::policy::Programme;
use crate::time::{Date, Instant};
use crate::vocabulary::{NONE, decode_date};

/// Depth at which annulments of annulments are no longer followed; a circle ends there.
const ANNULMENT_DEPTH: u8 = 32;

/// The moment that is asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct View {
    /// Facts that occurred at or before this instant.
    pub as_at: Instant,
    /// Facts that were recorded at or before this instant.
    pub known_at: Instant,
}

/// Everything a judging reads, the same for all subjects.
#[derive(Debug)]
pub(super) struct Context<'a> {
    pub compiled: Compiled<'a>,
    pub history: &'a History,
    pub calendar: Calendar,
    /// Annulments by the fact that they name.
    annulled_by: HashMap<RowId, Vec<RowId>>,
}

impl<'a> Context<'a> {
    pub fn new(compiled: Compiled<'a>, history: &'a History, calendar: &Calendar) -> Self {
        let mut annulled_by: HashMap<RowId, Vec<RowId>> = HashMap::new();
        for (annulment, source, id) in &history.annulments {
            if let Some(target) = history.find(source, id).filter(|target| target != annulment) {
                annulled_by.entry(target).or_default().push(*annulment);
            }
        }
        Self { compiled, history, calendar: calendar.clone(), annulled_by }
    }

    /// Takes in the holidays that facts had published by `known_at`.
    pub fn add_published_holidays(&mut self, known_at: Instant) {
        let published: Vec<_> = self
            .history
            .holidays
            .iter()
            .filter(|(row, _)| self.is_known(*row, known_at))
            .flat_map(|(_, announcements)| announcements.iter().cloned())
            .collect();
        if !published.is_empty() {
            self.calendar = self.calendar.with(published);
        }
    }

    /// The annulments in force at `known_at` that name the fact.
    pub fn annulments_of(&self, row: RowId, known_at: Instant) -> impl Iterator<Item = RowId> + '_ {
        let named = self.annulled_by.get(&row).map_or(&[][..], Vec::as_slice);
        named.iter().copied().filter(move |annulment| self.in_force(*annulment, known_at, 0))
    }

    fn in_force(&self, annulment: RowId, known_at: Instant, depth: u8) -> bool {
        if self.history.row(annulment).recorded > known_at {
            return false;
        }
        if depth >= ANNULMENT_DEPTH {
            return true;
        }
        let named = self.annulled_by.get(&annulment).map_or(&[][..], Vec::as_slice);
        !named.iter().any(|other| self.in_force(*other, known_at, depth + 1))
    }

    /// Whether a fact was recorded by `known_at` and not annulled by then.
    pub fn is_known(&self, row: RowId, known_at: Instant) -> bool {
        self.history.row(row).recorded <= known_at
            && (!self.annulled_by.contains_key(&row) || self.annulments_of(row, known_at).next().is_none())
    }

    /// Whether a fact counts.
    pub fn is_visible(&self, row: RowId, view: View) -> bool {
        self.history.row(row).time <= view.as_at && self.is_known(row, view.known_at)
    }

    /// The earliest annulment in force at `known_at` that names the fact.
    pub fn earliest_annulment(&self, row: RowId, known_at: Instant) -> Option<RowId> {
        self.annulments_of(row, known_at)
            .min_by_key(|annulment| (self.history.row(*annulment).recorded, *annulment))
    }

    /// The switch by which a programme is on in an area on a date; `None` when it is off.
    pub fn programme_on(&self, area: u32, programme: Programme, date: Date, view: View) -> Option<RowId> {
        let switches = self.history.programmes.get(&area)?;
        let effect = |row: RowId| {
            let found = self.history.row(row);
            (found.on.max(found.recorded.london_date()), found.time, found.position)
        };
        let latest = switches
            .iter()
            .copied()
            .filter(|row| self.history.text(*row, Field::Programme) == programme.name())
            .filter(|row| effect(*row).0 <= date && self.is_visible(*row, view))
            .max_by_key(|row| effect(*row))?;
        (self.history.row(latest).kind == FactType::ProgrammeSwitchedOn).then_some(latest)
    }

    /// The survivor of each member of a set of subjects that merges connect.
    pub fn survivors(&self, members: &[u32], view: View) -> HashMap<u32, u32> {
        let mut parent: HashMap<u32, u32> = HashMap::new();
        let mut merges: Vec<RowId> = self
            .history
            .merges
            .iter()
            .copied()
            .filter(|row| members.contains(&self.history.row(*row).subject) && self.is_visible(*row, view))
            .collect();
        merges.sort_by_key(|row| (self.history.row(*row).time, self.history.row(*row).position));
        for row in merges {
            let loser = root(&parent, self.history.row(row).subject);
            let survivor = root(&parent, self.history.value(row, Field::Into).unwrap_or(NONE));
            // A merge that would close a circle is ignored.
            if loser != survivor {
                parent.insert(loser, survivor);
            }
        }
        members.iter().map(|member| (*member, root(&parent, *member))).collect()
    }

    /// Whether a waiver counts at the view: visible, and its end not past.
    pub fn waives(&self, waiver: &Waiver, view: View) -> bool {
        let until = self.history.value(waiver.row, Field::Until).and_then(decode_date);
        self.is_visible(waiver.row, view) && until.is_none_or(|until| until >= view.as_at.london_date())
    }
}

fn root(parent: &HashMap<u32, u32>, subject: u32) -> u32 {
    let mut at = subject;
    while let Some(next) = parent.get(&at) {
        at = *next;
    }
    at
}

/// Sets of subjects that merges connect, whether the merges are visible or not; single ones are left out.
pub(super) fn components(history: &History) -> Vec<Vec<u32>> {
    let mut parent: HashMap<u32, u32> = HashMap::new();
    for row in &history.merges {
        let into = history.value(*row, Field::Into).unwrap_or(NONE);
        let (one, other) = (root(&parent, history.row(*row).subject), root(&parent, into));
        if one != other {
            parent.insert(one, other);
        }
    }
    let mut sets: HashMap<u32, Vec<u32>> = HashMap::new();
    for row in &history.merges {
        for member in [history.row(*row).subject, history.value(*row, Field::Into).unwrap_or(NONE)] {
            let set = sets.entry(root(&parent, member)).or_default();
            if !set.contains(&member) {
                set.push(member);
            }
        }
    }
    sets.into_values().collect()
}
