//! Storing a step together with its notices: all of it or none.

use std::collections::{HashMap, HashSet, VecDeque};
use std::time::Duration;

use mandate_domain::catalogue::Field;
use mandate_domain::fact::Value;
use mandate_store::{NewEvent, OnError, Outcome, Position, Queued, Store, StoreError};

/// How long a transaction may take while others write as well: they wait no longer than this.
const BESIDE_OTHERS: Duration = Duration::from_millis(6);
/// Events of a transaction at first, and at the least: each transaction is brought to the disk.
const FEW: usize = 200;
/// Events of a transaction while nobody else writes, and at the most.
const MANY: usize = 2_000;
/// Batches one after another, with nothing between them, from which on nobody else seems to write.
const SEEMS_ALONE: u32 = 25;
/// Events that wait for the writer while the next ones are made, and batches, whichever is more.
const EVENTS_IN_FLIGHT: usize = 4_000;
const BATCHES_IN_FLIGHT: usize = 2;

/// A step of one duty, and what goes with it.
#[derive(Debug, Clone)]
pub(crate) struct Group {
    /// The event whose id makes the step once. It names the mails that tell of it.
    pub step: NewEvent,
    /// What may not exist without it, nor it without them.
    pub beside: Vec<NewEvent>,
    /// The mails that this step is the first to name, each by its notice: any other step that names one may be stored
    /// before this one, and then has to bring the mail with it.
    pub mails: Vec<(String, NewEvent)>,
}

impl Group {
    /// A step that stands for itself.
    pub const fn alone(step: NewEvent) -> Self {
        Self { step, beside: Vec::new(), mails: Vec::new() }
    }
}

/// What became of some groups.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Appended {
    /// Steps stored now.
    pub steps: usize,
    /// Lines of notices stored now: a mail has one for each step that names it.
    pub lines: usize,
    /// Steps that the log had already.
    pub known: usize,
}

/// Appends groups in batches of which each is stored whole or not at all.
///
/// A step that the log has already, told in other words, is left out with what goes with it: that was stored with it.
pub(crate) fn append(store: &Store, groups: Vec<Group>) -> Result<Appended, StoreError> {
    let mut appending = Appending::new(store);
    appending.add(groups)?;
    appending.settle()
}

/// Groups on their way into the log: the next batch is made while the writer stores the last.
pub(crate) struct Appending<'s> {
    store: &'s Store,
    /// What does not fill a batch yet, and how many events that is.
    waiting: Batch,
    size: usize,
    in_flight: VecDeque<(Queued, Shape)>,
    events_in_flight: usize,
    /// Mails of which it is not known yet that the log has them, by notice.
    mails: HashMap<Box<str>, NewEvent>,
    done: Appended,
    /// Events after which a batch is full.
    full: usize,
    /// Where the last batch ended, and how many there were with nothing between them.
    last: Option<Position>,
    alone: u32,
}

/// Steps, each with what goes with it.
type Batch = Vec<(NewEvent, Vec<NewEvent>)>;

/// What the events of a batch are, in their order: first mails, then steps, each with so many events beside it.
#[derive(Debug)]
struct Shape {
    mails: usize,
    beside: Vec<usize>,
}

impl Shape {
    fn events(&self) -> usize {
        self.mails + self.beside.iter().map(|beside| 1 + beside).sum::<usize>()
    }
}

impl<'s> Appending<'s> {
    pub fn new(store: &'s Store) -> Self {
        Self {
            store,
            waiting: Vec::new(),
            size: 0,
            in_flight: VecDeque::new(),
            events_in_flight: 0,
            mails: HashMap::new(),
            done: Appended::default(),
            full: FEW,
            last: None,
            alone: 0,
        }
    }

    /// Takes groups in, in order; waits while the writer has enough to do.
    pub fn add(&mut self, groups: Vec<Group>) -> Result<(), StoreError> {
        for Group { step, beside, mails } in groups {
            let size = 1 + beside.len();
            if self.size + size > self.full && self.size > 0 {
                self.send()?;
            }
            self.mails.extend(mails.into_iter().map(|(notice, mail)| (notice.into_boxed_str(), mail)));
            self.size += size;
            self.waiting.push((step, beside));
        }
        Ok(())
    }

    /// Waits until all of it is durable; what became of what was taken in since the last time.
    pub fn settle(&mut self) -> Result<Appended, StoreError> {
        self.send()?;
        while !self.in_flight.is_empty() {
            self.settle_one()?;
        }
        Ok(std::mem::take(&mut self.done))
    }

    fn send(&mut self) -> Result<(), StoreError> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        while self.in_flight.len() >= BATCHES_IN_FLIGHT && self.events_in_flight >= EVENTS_IN_FLIGHT {
            self.settle_one()?;
        }
        let batch = std::mem::take(&mut self.waiting);
        self.size = 0;
        let (queued, shape) = self.queue(batch)?;
        self.events_in_flight += shape.events();
        self.in_flight.push_back((queued, shape));
        Ok(())
    }

    /// Queues a batch with the mails that it names and that may not be in the log yet.
    fn queue(&self, batch: Batch) -> Result<(Queued, Shape), StoreError> {
        let mut events = Vec::with_capacity(batch.len() + 8);
        let mut seen: HashSet<&str> = HashSet::new();
        if !self.mails.is_empty() {
            for notice in batch.iter().flat_map(|(step, _)| named(step)) {
                if let Some(mail) = self.mails.get(notice)
                    && seen.insert(notice)
                {
                    events.push(mail.clone());
                }
            }
        }
        let mut shape = Shape { mails: events.len(), beside: Vec::with_capacity(batch.len()) };
        for (step, beside) in batch {
            shape.beside.push(beside.len());
            events.push(step);
            events.extend(beside);
        }
        Ok((self.store.queue_blocking(events, OnError::All)?, shape))
    }

    /// Waits for the oldest batch.
    fn settle_one(&mut self) -> Result<(), StoreError> {
        let Some((mut queued, mut shape)) = self.in_flight.pop_front() else { return Ok(()) };
        self.events_in_flight = self.events_in_flight.saturating_sub(shape.events());
        // Each turn takes away at least one event, so this ends.
        loop {
            let (events, took, answer) = queued.wait();
            let outcomes = answer?;
            self.look_for_others(&outcomes, took);
            let told = || events.iter().zip(&outcomes);
            let refused = told().any(|(_, outcome)| matches!(outcome, Outcome::Refused(_)));
            for (mail, outcome) in told().take(shape.mails) {
                // One that is told in other words is in the log as well.
                if !matches!(outcome, Outcome::NotStored { .. }) {
                    self.mails.remove(mail.fact().text(Field::Notice).unwrap_or_default());
                }
            }
            if !refused {
                self.count(&shape, &events, &outcomes);
                return Ok(());
            }
            let kept = self.kept(&shape, &events, &outcomes);
            if kept.is_empty() {
                return Ok(());
            }
            (queued, shape) = self.queue(kept)?;
        }
    }

    /// A gap between two batches was filled by somebody else, who is not to wait for long: as many events to a batch as
    /// are stored in that time.
    fn look_for_others(&mut self, outcomes: &[Outcome], took: Duration) {
        let mut stored = outcomes.iter().filter_map(|outcome| match outcome {
            Outcome::Stored { position, .. } => Some(*position),
            Outcome::AlreadyStored { .. } | Outcome::Refused(_) | Outcome::NotStored { .. } => None,
        });
        let Some(first) = stored.next() else { return };
        let last = stored.next_back().unwrap_or(first);
        let follows = self.last.is_some_and(|before| before.next() == first);
        self.alone = if follows { self.alone.saturating_add(1) } else { 0 };
        self.last = Some(last);
        if self.alone >= SEEMS_ALONE {
            self.full = MANY;
        } else {
            let micros = |time: Duration| usize::try_from(time.as_micros()).unwrap_or(usize::MAX).max(1);
            let fitting = outcomes.len().saturating_mul(micros(BESIDE_OTHERS)) / micros(took);
            // Half the way at a time: one transaction that was slow says little.
            self.full = usize::midpoint(self.full.min(MANY / 2), fitting).clamp(FEW, MANY);
        }
    }

    fn count(&mut self, shape: &Shape, events: &[NewEvent], outcomes: &[Outcome]) {
        let mut told = events.iter().zip(outcomes).skip(shape.mails);
        let is_stored = |outcome: &Outcome| matches!(outcome, Outcome::Stored { .. });
        for beside in &shape.beside {
            let Some((step, outcome)) = told.next() else { return };
            match outcome {
                Outcome::Stored { .. } => {
                    self.done.steps += 1;
                    self.done.lines += named(step).count();
                }
                Outcome::AlreadyStored { .. } => self.done.known += 1,
                Outcome::Refused(_) | Outcome::NotStored { .. } => {}
            }
            self.done.lines += told.by_ref().take(*beside).filter(|(_, outcome)| is_stored(outcome)).count();
        }
    }

    /// What of a refused batch is to be tried again: the steps that are not in the log, without what goes with them and is.
    fn kept(&mut self, shape: &Shape, events: &[NewEvent], outcomes: &[Outcome]) -> Batch {
        let mut told = events.iter().zip(outcomes).skip(shape.mails);
        let is_refused = |outcome: &Outcome| matches!(outcome, Outcome::Refused(_));
        let mut kept = Vec::with_capacity(shape.beside.len());
        for beside in &shape.beside {
            let Some((step, outcome)) = told.next() else { break };
            let rest = told.by_ref().take(*beside);
            if is_refused(outcome) {
                self.done.known += 1;
                rest.for_each(drop);
                continue;
            }
            let rest = rest.filter(|(_, outcome)| !is_refused(outcome));
            kept.push((step.clone(), rest.map(|(event, _)| event.clone()).collect()));
        }
        kept
    }
}

/// The notices that a step names.
fn named(step: &NewEvent) -> impl Iterator<Item = &str> {
    let notices: &[Box<str>] = match step.fact().get(Field::Notices) {
        Some(Value::Texts(notices)) => notices,
        _ => &[],
    };
    notices.iter().map(|notice| &**notice)
}
