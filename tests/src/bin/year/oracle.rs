//! What stands, by the judge alone.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::ensure;
use mandate_domain::calendar::Calendar;
use mandate_domain::judge::{History, Judge, Outcome, View};
use mandate_domain::policy::Policy;
use mandate_domain::time::Instant;
use mandate_store::StoredEvent;

use crate::world::Logged;

pub struct Oracle {
    policy: Policy,
    calendar: Calendar,
    history: History,
}

/// What the judge says at a moment.
pub struct Said {
    /// Breaches, with their due moments.
    pub breaches: BTreeMap<String, Instant>,
    /// Of those, the ones whose duty has ended.
    ended: BTreeSet<String>,
    /// Duties that a waiver ended: their breaches stand.
    exempt: BTreeSet<String>,
}

impl Oracle {
    pub fn new() -> anyhow::Result<Self> {
        let (policy, calendar) = (Policy::shipped()?, Calendar::shipped()?);
        Ok(Self { policy, calendar, history: History::default() })
    }

    /// Takes a fact in as the log recorded it.
    pub fn add(&mut self, event: &StoredEvent) {
        let position = u32::try_from(event.position.get()).unwrap_or(u32::MAX);
        self.history.add(&event.fact, event.recorded_at, position);
    }

    pub fn says(&self, at: Instant) -> Said {
        let view = View { as_at: at, known_at: at };
        let judge = Judge::new(&self.policy, &self.calendar, &self.history, view);
        let mut said = Said { breaches: BTreeMap::new(), ended: BTreeSet::new(), exempt: BTreeSet::new() };
        for verdict in judge.judge_all() {
            let duty = || judge.duty_id(&verdict);
            if verdict.breach
                && let Some(due_at) = verdict.due_at
            {
                said.breaches.insert(duty(), due_at);
                if matches!(verdict.outcome, Outcome::MetLate | Outcome::Lapsed) {
                    said.ended.insert(duty());
                }
            } else if verdict.outcome == Outcome::Exempt {
                said.exempt.insert(duty());
            }
        }
        said
    }
}

impl Said {
    /// Compares with the log after a pass at `now`; the read models may have been ahead of that.
    pub fn compare(&self, logged: &Logged, now: Instant) -> anyhow::Result<()> {
        for (duty, due) in &self.breaches {
            let stands = logged.standing.get(duty);
            ensure!(stands.is_some() || *due > now, "skipped: {duty}, due at {due}, at {now}");
            ensure!(stands.is_none_or(|own| own == due), "{duty} is due at {due}, raised with {stands:?}");
        }
        for (duty, due) in &logged.standing {
            let known = self.breaches.contains_key(duty) || self.exempt.contains(duty);
            ensure!(known, "false: {duty}, due at {due}, stands at {now}");
        }
        for duty in &self.ended {
            let stands = logged.standing.contains_key(duty);
            ensure!(!stands || logged.closed.contains(duty), "not closed: {duty} at {now}");
        }
        for duty in &logged.closed {
            ensure!(self.ended.contains(duty), "closed, and it has not ended: {duty} at {now}");
        }
        Ok(())
    }
}
