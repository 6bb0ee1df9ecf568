//! How a nominal stands by the log: what messages leave out.
//!
//! A merge is stated of the one that goes; that others went into a nominal its own stream says in `subject.identified`.

use mandate_domain::catalogue::{FactType, Field};
use mandate_domain::fact::{Fact, Value};
use mandate_domain::time::Instant;
use mandate_store::{MAX_READ, Reader, Sequence, StoreError};

/// Most merges that are followed from one nominal to the next.
const MAX_MERGES: usize = 32;

/// The facts of a nominal, of those it was merged into and of those merged into them, without what was annulled, by when they occurred.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Standing {
    facts: Vec<Fact>,
    /// The nominals, the survivor last.
    chain: Vec<String>,
}

impl Standing {
    /// Reads how a nominal stands.
    ///
    /// # Errors
    /// [`StoreError`] when the log cannot be read.
    pub fn of(reader: &Reader, subject: &str) -> Result<Self, StoreError> {
        let mut all = Self::default();
        let mut next = Some(subject.to_owned());
        while let Some(subject) = next.filter(|next| !all.chain.contains(next)) {
            let facts = Self::from_facts(stream(reader, &subject)?);
            let into =
                facts.last(FactType::NominalMerged, Instant::MAX).and_then(|fact| fact.text(Field::Into));
            next = into.map(str::to_owned).filter(|_| all.chain.len() < MAX_MERGES);
            all.chain.push(subject);
            all.facts.extend(facts.facts);
        }
        all.add_merged(reader)?;
        all.facts.sort_by_key(|fact| fact.time);
        Ok(all)
    }

    /// Adds the facts of those that were merged into the nominals of the chain, and are still.
    fn add_merged(&mut self, reader: &Reader) -> Result<(), StoreError> {
        let mut seen = self.chain.clone();
        let mut next = self.merged(0);
        while let Some((from, into)) = next.pop() {
            if seen.contains(&from) || seen.len() > 2 * MAX_MERGES {
                continue;
            }
            let other = Self::from_facts(stream(reader, &from)?);
            seen.push(from);
            let merge = other.last(FactType::NominalMerged, Instant::MAX);
            if merge.and_then(|fact| fact.text(Field::Into)) == Some(&into) {
                let known = self.facts.len();
                self.facts.extend(other.facts);
                next.extend(self.merged(known));
            }
        }
        Ok(())
    }

    /// Who went into whom, by the facts from a place on.
    fn merged(&self, known: usize) -> Vec<(String, String)> {
        let marks = self.facts.iter().skip(known).filter(|fact| fact.kind == FactType::SubjectIdentified);
        marks
            .filter_map(|fact| Some((fact.text(Field::From)?.to_owned(), fact.subject.to_string())))
            .collect()
    }

    /// How a nominal stands by these facts, in the order of their positions.
    #[must_use]
    pub fn from_facts(mut facts: Vec<Fact>) -> Self {
        // An annulment that was annulled counts for nothing, so the last ones are looked at first.
        let mut gone: Vec<(Box<str>, Box<str>)> = Vec::new();
        for fact in facts.iter().rev().filter(|fact| fact.kind == FactType::FactAnnulled) {
            if let Some(Value::Event(named)) = fact.get(Field::Event)
                && !gone.iter().any(|(source, id)| *source == fact.source && *id == fact.id)
            {
                gone.push((**named).clone());
            }
        }
        facts.retain(|fact| !gone.iter().any(|(source, id)| *source == fact.source && *id == fact.id));
        facts.sort_by_key(|fact| fact.time);
        Self { facts, chain: Vec::new() }
    }

    /// The nominal whose history counts.
    #[must_use]
    pub fn survivor(&self) -> Option<&str> {
        self.chain.last().map(String::as_str)
    }

    fn last(&self, kind: FactType, at: Instant) -> Option<&Fact> {
        self.facts.iter().rev().find(|fact| fact.kind == kind && fact.time <= at)
    }

    /// The area that answers at an instant; for a time before any is known, the first one.
    #[must_use]
    pub fn area(&self, at: Instant) -> Option<String> {
        let area_of = |fact: &Fact| match fact.kind {
            FactType::MappaRegistered => fact.text(Field::Area).map(str::to_owned),
            FactType::CaseTransferred => fact.text(Field::To).map(str::to_owned),
            _ => None,
        };
        let before = self.facts.iter().rev().filter(|fact| fact.time <= at).find_map(area_of);
        before.or_else(|| self.facts.iter().find_map(area_of))
    }

    /// The prison that holds the nominal at an instant.
    #[must_use]
    pub fn prison(&self, at: Instant) -> Option<String> {
        self.held(at).map(|(prison, _)| prison.to_owned())
    }

    /// The spell that is open at a prison at an instant.
    #[must_use]
    pub fn open_spell(&self, prison: &str, at: Instant) -> Option<String> {
        self.held(at).filter(|(held, _)| *held == prison).map(|(_, spell)| spell.to_owned())
    }

    /// Prison and spell; a temporary absence ends neither, and a second reception at the same prison begins none.
    fn held(&self, at: Instant) -> Option<(&str, &str)> {
        let mut held: Option<(&str, &str)> = None;
        for fact in self.facts.iter().filter(|fact| fact.time <= at) {
            let prison = fact.text(Field::Prison).unwrap_or_default();
            let here = held.is_some_and(|(held, _)| held == prison);
            match fact.kind {
                FactType::CustodyReceived if !here => {
                    held = Some((prison, fact.text(Field::Spell).unwrap_or_default()));
                }
                FactType::CustodyLeft if here && fact.text(Field::Reason) != Some("temporary") => held = None,
                _ => {}
            }
        }
        held
    }

    /// The registration that is open at an instant.
    #[must_use]
    pub fn open_registration(&self, at: Instant) -> Option<String> {
        let mut open = None;
        for fact in self.facts.iter().filter(|fact| fact.time <= at) {
            let registration = fact.text(Field::Registration);
            match fact.kind {
                FactType::MappaRegistered => open = registration,
                FactType::MappaDeregistered if registration == open => open = None,
                _ => {}
            }
        }
        open.map(str::to_owned)
    }

    /// The fact that stated a registration.
    #[must_use]
    pub fn registration(&self, registration: &str) -> Option<(String, String)> {
        let stated = |fact: &&Fact| {
            fact.kind == FactType::MappaRegistered && fact.text(Field::Registration) == Some(registration)
        };
        let fact = self.facts.iter().rev().find(stated)?;
        Some((fact.source.to_string(), fact.id.to_string()))
    }

    /// The last merge of the nominal itself, else of one that it was merged into: whose it is, its source and its id.
    #[must_use]
    pub fn merge(&self) -> Option<(String, String, String)> {
        let of = |subject: &String| {
            let merged = |fact: &&Fact| fact.kind == FactType::NominalMerged && *fact.subject == **subject;
            self.facts.iter().rev().find(merged)
        };
        let fact = self.chain.iter().find_map(of)?;
        Some((fact.subject.to_string(), fact.source.to_string(), fact.id.to_string()))
    }
}

fn stream(reader: &Reader, subject: &str) -> Result<Vec<Fact>, StoreError> {
    let (mut facts, mut after) = (Vec::new(), Sequence::START);
    loop {
        let events = reader.read_subject(subject, after, MAX_READ)?;
        let done = events.len() < MAX_READ;
        after = events.last().map_or(after, |last| last.sequence);
        facts.extend(events.into_iter().map(|event| event.fact));
        if done {
            return Ok(facts);
        }
    }
}
