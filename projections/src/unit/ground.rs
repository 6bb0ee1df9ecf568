//! What following some units reads: their facts, and which policy and which holidays count from when.

use std::sync::OnceLock;

use hashbrown::HashMap;
use mandate_domain::calendar::Calendar;
use mandate_domain::judge::{History, Judge, View};
use mandate_domain::policy::Policy;
use mandate_domain::time::{Date, Instant};

use crate::cross::{Cross, Epoch};

/// What following some units reads.
pub(crate) struct Ground<'g> {
    pub history: &'g History,
    /// Policies with the judge of each, in order of time.
    pub(super) judges: Vec<(&'g Epoch, Judge<'g>)>,
    /// By epoch, once it was asked for: see [`Ground::differs_from`].
    differs_from: Vec<OnceLock<Option<Instant>>>,
    /// When programmes were switched, by the symbol of the area.
    pub(super) switched: HashMap<u32, Vec<(Instant, u32)>>,
}

impl<'g> Ground<'g> {
    /// What the history and the facts read across subjects give, for instants at which an epoch counts.
    pub fn new(history: &'g History, cross: &'g Cross, epochs: &'g [Epoch]) -> Self {
        let judge = |epoch: &'g Epoch| {
            let view = View { as_at: epoch.at, known_at: epoch.at };
            (epoch, Judge::new(&epoch.books.policy, &cross.calendar, history, view))
        };
        let switched = cross.switched().into_iter();
        let switched = switched.filter_map(|(area, moments)| Some((history.symbols.find(area)?, moments)));
        let judges: Vec<_> = epochs.iter().map(judge).collect();
        let differs_from = judges.iter().map(|_| OnceLock::new()).collect();
        Self { history, judges, differs_from, switched: switched.collect() }
    }

    /// The number of the epoch in force at an instant; of the first before that.
    pub(super) fn epoch_at(&self, at: Instant) -> usize {
        self.judges.partition_point(|(epoch, _)| epoch.at <= at).saturating_sub(1)
    }

    /// The policy in force at an instant, and the holidays that are published by then and by those who adopted it.
    pub fn books_at(&self, at: Instant) -> Option<(&Policy, &Calendar)> {
        let (epoch, judge) = self.judges.get(self.epoch_at(at))?;
        Some((&epoch.books.policy, judge.calendar()))
    }

    /// As at which moment and later an epoch may find otherwise than the one before it found. `None` where it brings no
    /// more than holidays: each unit looks which of its duties these move.
    pub(super) fn differs_from(&self, epoch: usize) -> Option<Instant> {
        let found = self.differs_from.get(epoch);
        found.map_or(Some(Instant::MIN), |found| *found.get_or_init(|| self.compare_epochs(epoch)))
    }

    fn compare_epochs(&self, epoch: usize) -> Option<Instant> {
        let one_before = epoch.checked_sub(1).and_then(|before| self.judges.get(before));
        let (Some((before, old)), Some((after, new))) = (one_before, self.judges.get(epoch)) else {
            return Some(Instant::MIN);
        };
        let told = new.calendar().announcements();
        let is_more = old.calendar().announcements().iter().all(|one| told.contains(one));
        if !is_more || after.refused.is_some() {
            return Some(Instant::MIN);
        }
        before.books.policy.differs_from(&after.books.policy).map(Date::start)
    }
}
