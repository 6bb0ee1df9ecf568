//! What the campaign knows from outside, and its comparison with the log.

use std::collections::HashMap;

use anyhow::{Context as _, bail, ensure};
use mandate_domain::time::Instant;
use mandate_store::{OnError, Position, Reader, Store, StoredEvent};
use mandate_tests::facts::in_order;
use mandate_tests::random::Random;

use crate::command::{Command, DOOMED, Number, THREADS, Told};

/// Acknowledged commands of each unverified run that are sent once more, besides all that are in doubt.
const SENT_AGAIN: u64 = 60;
/// Events read at once.
const PAGE: usize = 10_000;

/// A command that was acknowledged.
#[derive(Debug, Clone)]
struct Acknowledged {
    version: u64,
    positions: Vec<u64>,
}

/// A command whose answer nobody heard.
#[derive(Debug, Clone, Copy)]
struct InDoubt {
    number: Number,
    version: u64,
}

/// What an event was when it was first seen.
#[derive(Debug, Clone, Copy)]
struct Seen {
    number: Number,
    place: usize,
    leaf: [u8; 32],
}

/// Figures of a campaign.
#[derive(Debug, Default, Clone, Copy)]
pub struct Counts {
    pub acknowledged_commands: u64,
    pub acknowledged_events: u64,
    pub refused: u64,
    pub unavailable: u64,
    pub in_doubt_stored: u64,
    pub in_doubt_not_stored: u64,
    pub sent_again: u64,
    pub events_compared: u64,
}

/// Everything that was heard, and everything that was seen in the log.
#[derive(Default)]
pub struct Ledger {
    /// Of the runs since the log was last compared.
    acknowledged: HashMap<Number, Acknowledged>,
    /// By position, from 1: whose event an acknowledgement said is there.
    promised: HashMap<u64, (Number, usize)>,
    in_doubt: Vec<InDoubt>,
    /// By position, from 1.
    seen: Vec<Seen>,
    /// Where each command begins and how many of its events were seen.
    places: HashMap<Number, (u64, usize)>,
    versions: HashMap<Box<str>, u64>,
    recorded_at: Option<Instant>,
    pub counts: Counts,
}

impl Ledger {
    /// For an empty log.
    pub fn counting_on(counts: Counts) -> Self {
        Self { counts, ..Self::default() }
    }

    /// Takes in what one run of the program told.
    pub fn hear(&mut self, run: u32, lines: &[Told]) -> anyhow::Result<()> {
        let mut next: Vec<InDoubt> = (0..THREADS)
            .map(|thread| InDoubt { number: Number { run, thread, turn: 0 }, version: 0 })
            .collect();
        for told in lines {
            let (number, version, positions) = match told {
                Told::Unavailable(_) => {
                    self.counts.unavailable += 1;
                    continue;
                }
                Told::Refused { number, version } => (*number, *version, None),
                Told::Acknowledged { number, version, positions } => (*number, *version, Some(positions)),
            };
            let doubt = usize::try_from(number.thread).ok().and_then(|at| next.get_mut(at));
            let doubt = doubt.with_context(|| format!("{number}: no such thread"))?;
            ensure!(doubt.number == number, "{number} was told instead of {}", doubt.number);
            let command = number.command(version)?;
            ensure!(command.doomed == positions.is_none(), "{number}: the wrong answer: {told}");
            *doubt = InDoubt { number: Number { turn: number.turn + 1, ..number }, version: command.version };
            let Some(positions) = positions else {
                self.counts.refused += 1;
                continue;
            };
            self.counts.acknowledged_commands += 1;
            self.counts.acknowledged_events += positions.len() as u64;
            ensure!(positions.len() == command.events.len(), "{number}: {} positions", positions.len());
            for (place, position) in positions.iter().enumerate() {
                let before = self.promised.insert(*position, (number, place));
                ensure!(
                    before.is_none(),
                    "LOST: position {position} was given to {before:?}, and then to {number}"
                );
            }
            self.acknowledged.insert(number, Acknowledged { version, positions: positions.clone() });
        }
        self.in_doubt.extend(next);
        Ok(())
    }

    /// Compares what was heard since the last time with the log, sends again what is in doubt and some of what is not,
    /// and compares once more.
    pub fn verify(&mut self, store: &Store, random: &mut Random) -> anyhow::Result<()> {
        self.read_on(store.reader())?;
        for (number, acknowledged) in &self.acknowledged {
            for position in &acknowledged.positions {
                let head = self.seen.len() as u64;
                ensure!(
                    *position <= head,
                    "LOST: {number} was acknowledged at {position}, the head is {head}"
                );
            }
        }
        self.send_again(store, random)?;
        self.read_on(store.reader())?;
        for (number, acknowledged) in &self.acknowledged {
            let found = self.places.get(number).map_or(0, |(_, found)| *found);
            ensure!(found == acknowledged.positions.len(), "LOST: {found} events of {number} are there");
        }
        self.acknowledged.clear();
        self.in_doubt.clear();
        Ok(())
    }

    /// Reads the whole log again: every event is what and where it was when it was first seen.
    pub fn verify_all(&mut self, reader: &Reader) -> anyhow::Result<()> {
        let mut at = 0;
        loop {
            let page = reader.read_after(Position::new(at), PAGE)?;
            ensure!(page.head.position.get() == self.seen.len() as u64, "the head moved by itself");
            if page.events.is_empty() {
                break;
            }
            for event in &page.events {
                let seen = self.seen.get(usize::try_from(at)?).context("the log is longer than it was")?;
                ensure!(event.leaf == seen.leaf && event.is_intact(), "the event at {} changed", at + 1);
                at += 1;
            }
        }
        ensure!(at == self.seen.len() as u64, "LOST: the log ends at {at}, it had {}", self.seen.len());
        self.counts.events_compared += at;
        Ok(())
    }

    /// Looks at what came since the last time.
    fn read_on(&mut self, reader: &Reader) -> anyhow::Result<()> {
        let mut last: Option<(Number, Command)> = None;
        loop {
            let page = reader.read_after(Position::new(self.seen.len() as u64), PAGE)?;
            let head = page.head.position.get();
            ensure!(head >= self.seen.len() as u64, "LOST: the head went from {} to {head}", self.seen.len());
            if page.events.is_empty() {
                break;
            }
            for event in &page.events {
                self.look(event, &mut last).with_context(|| format!("the event at {}", event.position))?;
            }
        }
        match &last {
            Some((number, command)) => self.is_whole(*number, command),
            None => Ok(()),
        }
    }

    /// Batches are all there or not at all.
    fn is_whole(&self, number: Number, command: &Command) -> anyhow::Result<()> {
        let found = self.places.get(&number).map_or(0, |(_, found)| *found);
        let whole = command.events.len();
        ensure!(found == whole, "HALF: {found} of {whole} events of {number} are there");
        Ok(())
    }

    fn look(&mut self, event: &StoredEvent, last: &mut Option<(Number, Command)>) -> anyhow::Result<()> {
        let position = event.position.get();
        ensure!(position == self.seen.len() as u64 + 1, "expected {}", self.seen.len() + 1);
        ensure!(event.is_intact(), "its leaf does not agree with it");
        let id = &*event.fact.id;
        ensure!(!id.starts_with(DOOMED), "HALF: {id} is of a batch that had to be refused");
        let (number, place) = Number::of_event(id)?;
        let version = self.versions.entry(event.fact.subject.clone()).or_default();
        *version += 1;
        ensure!(event.sequence.get() == *version, "sequence {} of {}", event.sequence, event.fact.subject);
        ensure!(self.recorded_at <= Some(event.recorded_at), "recorded before the one before it");
        self.recorded_at = Some(event.recorded_at);
        if last.as_ref().is_none_or(|(known, _)| *known != number) {
            if let Some((before, command)) = last.as_ref() {
                self.is_whole(*before, command)?;
            }
            ensure!(!self.places.contains_key(&number), "TWICE: {id} was stored before");
            // The version that it expected is not stored; everything else is the same with any.
            *last = Some((number, number.command(0)?));
            self.places.insert(number, (position, 0));
        }
        let (first, found) = self.places.get_mut(&number).context("no place")?;
        ensure!(*found == place && *first + place as u64 == position, "TWICE or out of order: {id}");
        *found += 1;
        let wanted = last.as_ref().and_then(|(_, command)| command.events.get(place));
        let wanted = wanted.with_context(|| format!("{id} is not of its command"))?;
        ensure!(in_order(wanted.fact()) == in_order(&event.fact), "{id} has other content: {:?}", event.fact);
        ensure!(wanted.private().is_empty() == event.sealed.is_none(), "{id}: sealed or not");
        if let Some(promised) = self.promised.get(&position) {
            ensure!(*promised == (number, place), "{id} stands where {promised:?} was acknowledged");
        }
        self.seen.push(Seen { number, place, leaf: event.leaf });
        self.counts.events_compared += 1;
        Ok(())
    }

    /// A command takes effect once: the same answer for what was acknowledged, one answer for what is in doubt.
    fn send_again(&mut self, store: &Store, random: &mut Random) -> anyhow::Result<()> {
        for InDoubt { number, version } in std::mem::take(&mut self.in_doubt) {
            let command = number.command(version)?;
            let before = self.places.get(&number).copied();
            let outcomes = store.append_blocking(command.events.clone(), OnError::All)?;
            self.counts.sent_again += 1;
            if command.doomed {
                ensure!(
                    outcomes.iter().all(|outcome| outcome.position().is_none()),
                    "{number}: {outcomes:?}"
                );
                continue;
            }
            let positions: Option<Vec<u64>> =
                outcomes.iter().map(|outcome| Some(outcome.position()?.get())).collect();
            let positions = positions.with_context(|| format!("{number}, sent again: {outcomes:?}"))?;
            let first = positions.first().copied().unwrap_or(0);
            match before {
                Some((place, _)) => {
                    ensure!(first == place, "TWICE: {number} stood at {place} and is answered {first}");
                    self.counts.in_doubt_stored += 1;
                }
                None => {
                    ensure!(first > self.seen.len() as u64, "{number} is answered {first} and was not there");
                    self.counts.in_doubt_not_stored += 1;
                }
            }
            for (place, position) in positions.iter().enumerate() {
                self.promised.insert(*position, (number, place));
            }
            self.acknowledged.insert(number, Acknowledged { version, positions });
        }
        let mut numbers: Vec<Number> = self.acknowledged.keys().copied().collect();
        numbers.sort_unstable();
        for _ in 0..SENT_AGAIN.min(numbers.len() as u64) {
            let at = usize::try_from(random.below(numbers.len() as u64))?;
            let Some(number) = numbers.get(at) else { bail!("no command {at}") };
            let Some(acknowledged) = self.acknowledged.get(number) else { bail!("no command {number}") };
            let command = number.command(acknowledged.version)?;
            let outcomes = store.append_blocking(command.events, OnError::All)?;
            let again: Option<Vec<u64>> =
                outcomes.iter().map(|outcome| Some(outcome.position()?.get())).collect();
            ensure!(
                again.as_ref() == Some(&acknowledged.positions),
                "TWICE: {number} was answered {:?} and now {outcomes:?}",
                acknowledged.positions
            );
            self.counts.sent_again += 1;
        }
        Ok(())
    }

    /// What is sealed can be opened: its key was durable before it.
    pub fn unseal_all(&self, store: &Store) -> anyhow::Result<u64> {
        let mut opened = 0;
        let mut at = Position::START;
        loop {
            let page = store.reader().read_after(at, PAGE)?;
            let Some(last) = page.events.last() else { break };
            at = last.position;
            for event in page.events.iter().filter(|event| event.sealed.is_some()) {
                let private = store.keys().unseal(event).with_context(|| format!("at {}", event.position))?;
                let seen =
                    usize::try_from(event.position.get())?.checked_sub(1).and_then(|at| self.seen.get(at));
                let Seen { number, place, .. } = seen.context("not seen before")?;
                let command = number.command(0)?;
                let wanted = command.events.get(*place).context("no such event")?;
                ensure!(private == *wanted.private(), "{} is unsealed as something else", event.fact.id);
                opened += 1;
            }
        }
        Ok(opened)
    }
}
