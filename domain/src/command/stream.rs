//! The facts and events of one subject in the order in which they are folded, and what was annulled.

use std::collections::HashMap;

use crate::catalogue::{FactType, Field};
use crate::fact::{Fact, Value};
use crate::time::Instant;

/// A state that is folded from facts; never refuses one.
pub trait Evolve: Default {
    /// Takes a fact in; one that says nothing to this state changes nothing.
    fn evolve(&mut self, fact: &Fact);
}

/// The source and id of a fact.
type Name = (Box<str>, Box<str>);

/// Which facts were annulled; an annulment may be annulled in turn (spec 2.1).
#[derive(Debug, Clone, Default)]
pub struct Annulments {
    /// The annulments of a fact, by its name.
    of: HashMap<Name, Vec<Name>>,
}

/// Longest chain of annulments of annulments that is followed.
const LONGEST_CHAIN: usize = 32;

impl Annulments {
    /// Notes a fact if it is an annulment.
    pub fn note(&mut self, fact: &Fact) {
        if fact.kind != FactType::FactAnnulled {
            return;
        }
        if let Some(Value::Event(named)) = fact.get(Field::Event) {
            let by = (fact.source.clone(), fact.id.clone());
            let known = self.of.entry((**named).clone()).or_default();
            if !known.contains(&by) {
                known.push(by);
            }
        }
    }

    /// Whether a fact no longer counts.
    #[must_use]
    pub fn holds_for(&self, fact: &Fact) -> bool {
        !self.of.is_empty() && self.is_annulled(&(fact.source.clone(), fact.id.clone()), LONGEST_CHAIN)
    }

    fn is_annulled(&self, name: &Name, left: usize) -> bool {
        let Some(left) = left.checked_sub(1) else { return false };
        self.of.get(name).is_some_and(|by| by.iter().any(|annulment| !self.is_annulled(annulment, left)))
    }
}

/// What is known of one subject: told by others as well as recorded by commands.
#[derive(Debug, Clone, Default)]
pub struct Stream {
    /// In the order (time, place in the stream).
    facts: Vec<Fact>,
    taken: u64,
}

impl Stream {
    /// Takes the next fact of the stream in.
    pub fn take(&mut self, fact: Fact) {
        self.taken += 1;
        let place = self.facts.partition_point(|known| known.time <= fact.time);
        self.facts.insert(place, fact);
    }

    /// How many facts the stream has: its version.
    #[must_use]
    pub const fn version(&self) -> u64 {
        self.taken
    }

    /// Whether nothing is known of the subject.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.taken == 0
    }

    /// Every fact, also one that was annulled or is yet to occur.
    #[must_use = "iterators do nothing by themselves"]
    pub fn facts(&self) -> impl DoubleEndedIterator<Item = &Fact> {
        self.facts.iter()
    }

    /// The facts that count at an instant, in order.
    #[must_use = "iterators do nothing by themselves"]
    pub fn visible<'s>(
        &'s self,
        annulments: &'s Annulments,
        now: Instant,
    ) -> impl DoubleEndedIterator<Item = &'s Fact> {
        self.facts.iter().filter(move |fact| fact.time <= now && !annulments.holds_for(fact))
    }

    /// The state at an instant.
    #[must_use]
    pub fn fold<S: Evolve>(&self, annulments: &Annulments, now: Instant) -> S {
        let mut state = S::default();
        self.visible(annulments, now).for_each(|fact| state.evolve(fact));
        state
    }
}
