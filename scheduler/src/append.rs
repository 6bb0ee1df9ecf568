//! Storing a step together with its notices: all of it or none.

use std::collections::VecDeque;

use mandate_store::{NewEvent, OnError, Outcome, Position, Queued, Store, StoreError};

/// Events after which a transaction takes no further group while others write as well: they wait no longer than this
/// takes.
const BESIDE_OTHERS: usize = 200;
/// The same while nobody else does.
const ALONE: usize = 2_000;
/// Batches one after another, with nothing between them, from which on nobody else seems to write.
const SEEMS_ALONE: u32 = 25;
/// Batches that wait for the writer while the next one is made.
const IN_FLIGHT: usize = 2;

/// A step of one duty, and the notices that go with it.
#[derive(Debug, Clone)]
pub(crate) struct Group {
    /// The event whose id makes the step once.
    pub step: NewEvent,
    /// What may not exist without it, nor it without them.
    pub notices: Vec<NewEvent>,
}

/// What became of some groups.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Appended {
    /// Steps stored now.
    pub steps: usize,
    /// Notice events stored now.
    pub notices: usize,
    /// Steps that the log had already.
    pub known: usize,
}

/// Appends groups in batches of which each is stored whole or not at all.
///
/// A step that the log has already, told in other words, is left out with its notices: those were stored with it.
pub(crate) fn append(store: &Store, groups: Vec<Group>) -> Result<Appended, StoreError> {
    let mut appending = Appending::new(store);
    appending.add(groups)?;
    appending.finish()
}

/// Groups on their way into the log: the next batch is made while the writer stores the last.
pub(crate) struct Appending<'s> {
    store: &'s Store,
    /// What does not fill a batch yet: the groups' events, and how many each group has.
    events: Vec<NewEvent>,
    sizes: Vec<usize>,
    in_flight: VecDeque<(Queued, Vec<usize>)>,
    done: Appended,
    /// Events after which a batch is full.
    full: usize,
    /// Where the last batch ended, and how many there were with nothing between them.
    last: Option<Position>,
    alone: u32,
}

impl<'s> Appending<'s> {
    pub const fn new(store: &'s Store) -> Self {
        Self {
            store,
            events: Vec::new(),
            sizes: Vec::new(),
            in_flight: VecDeque::new(),
            done: Appended { steps: 0, notices: 0, known: 0 },
            full: BESIDE_OTHERS,
            last: None,
            alone: 0,
        }
    }

    /// Takes groups in, in order; waits while the writer has enough to do.
    pub fn add(&mut self, groups: Vec<Group>) -> Result<(), StoreError> {
        for Group { step, notices } in groups {
            let size = 1 + notices.len();
            if self.events.len() + size > self.full && !self.events.is_empty() {
                self.send()?;
            }
            self.events.push(step);
            self.events.extend(notices);
            self.sizes.push(size);
        }
        Ok(())
    }

    /// Waits until all of it is durable.
    pub fn finish(mut self) -> Result<Appended, StoreError> {
        self.send()?;
        while !self.in_flight.is_empty() {
            self.settle()?;
        }
        Ok(self.done)
    }

    fn send(&mut self) -> Result<(), StoreError> {
        if self.events.is_empty() {
            return Ok(());
        }
        while self.in_flight.len() >= IN_FLIGHT {
            self.settle()?;
        }
        let (events, sizes) = (std::mem::take(&mut self.events), std::mem::take(&mut self.sizes));
        let queued = self.store.queue_blocking(events, OnError::All)?;
        self.in_flight.push_back((queued, sizes));
        Ok(())
    }

    /// Waits for the oldest batch.
    fn settle(&mut self) -> Result<(), StoreError> {
        let Some((queued, sizes)) = self.in_flight.pop_front() else { return Ok(()) };
        let (events, answer) = queued.wait();
        let outcomes = answer?;
        self.look_for_others(&outcomes);
        if outcomes.iter().any(|outcome| matches!(outcome, Outcome::Refused(_))) {
            let kept = self.kept(&events, &sizes, &outcomes);
            return self.append_rest(kept);
        }
        self.count(&sizes, &outcomes);
        Ok(())
    }

    /// A gap between two batches was filled by somebody else, who is not to wait for long.
    fn look_for_others(&mut self, outcomes: &[Outcome]) {
        let mut stored = outcomes.iter().filter_map(|outcome| match outcome {
            Outcome::Stored { position, .. } => Some(*position),
            Outcome::AlreadyStored { .. } | Outcome::Refused(_) | Outcome::NotStored { .. } => None,
        });
        let Some(first) = stored.next() else { return };
        let last = stored.next_back().unwrap_or(first);
        let follows = self.last.is_some_and(|before| before.next() == first);
        self.alone = if follows { self.alone.saturating_add(1) } else { 0 };
        self.full = if self.alone >= SEEMS_ALONE { ALONE } else { BESIDE_OTHERS };
        self.last = Some(last);
    }

    fn count(&mut self, sizes: &[usize], outcomes: &[Outcome]) {
        let mut outcomes = outcomes.iter();
        for size in sizes {
            match outcomes.next() {
                Some(Outcome::Stored { .. }) => self.done.steps += 1,
                Some(Outcome::AlreadyStored { .. }) => self.done.known += 1,
                Some(Outcome::Refused(_) | Outcome::NotStored { .. }) | None => {}
            }
            let notices = outcomes.by_ref().take(size - 1);
            self.done.notices += notices.filter(|outcome| matches!(outcome, Outcome::Stored { .. })).count();
        }
    }

    /// What of a refused batch is to be tried again: the groups whose step is not in the log, without the notices that
    /// are.
    fn kept(&mut self, events: &[NewEvent], sizes: &[usize], outcomes: &[Outcome]) -> Vec<Group> {
        let mut told = events.iter().zip(outcomes);
        let mut kept = Vec::with_capacity(sizes.len());
        for size in sizes {
            let Some((step, outcome)) = told.next() else { break };
            let notices = told.by_ref().take(size - 1);
            if matches!(outcome, Outcome::Refused(_)) {
                self.done.known += 1;
                notices.for_each(drop);
                continue;
            }
            let notices = notices.filter(|(_, outcome)| !matches!(outcome, Outcome::Refused(_)));
            kept.push(Group {
                step: step.clone(),
                notices: notices.map(|(notice, _)| notice.clone()).collect(),
            });
        }
        kept
    }

    /// Appends what is left of a refused batch. Each turn takes away at least one event, so this ends.
    fn append_rest(&mut self, mut groups: Vec<Group>) -> Result<(), StoreError> {
        while !groups.is_empty() {
            let sizes: Vec<usize> = groups.iter().map(|group| 1 + group.notices.len()).collect();
            let events =
                groups.into_iter().flat_map(|group| std::iter::once(group.step).chain(group.notices));
            let (events, answer) = self.store.queue_blocking(events.collect(), OnError::All)?.wait();
            let outcomes = answer?;
            if !outcomes.iter().any(|outcome| matches!(outcome, Outcome::Refused(_))) {
                self.count(&sizes, &outcomes);
                return Ok(());
            }
            groups = self.kept(&events, &sizes, &outcomes);
        }
        Ok(())
    }
}
