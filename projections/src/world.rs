//! The facts that are read across subjects, and the facts of the subjects judged lately, in memory.

use std::collections::{BTreeSet, HashMap, HashSet};

use mandate_domain::calendar::Calendar;
use mandate_domain::catalogue::{FactType, Field};
use mandate_domain::fact::{Fact, Value};
use mandate_domain::judge::{History, adopted_policy};
use mandate_domain::policy::Policy;
use mandate_domain::time::Instant;
use mandate_store::{MAX_READ, Position, Reader, Sequence, StoredEvent};

use crate::error::ProjectionError;

/// Most facts kept of subjects judged lately.
const CACHED_FACTS: usize = 400_000;

/// A fact with its place in the log.
#[derive(Debug, Clone)]
pub(crate) struct Placed {
    pub fact: Fact,
    pub position: u32,
}

impl Placed {
    pub fn of(event: &StoredEvent) -> Self {
        let recorded = Some(event.known_at());
        let position = u32::try_from(event.position.get()).unwrap_or(u32::MAX);
        Self { fact: Fact { recorded, ..event.fact.clone() }, position }
    }
}

/// What one judging needs of other subjects.
#[derive(Debug)]
pub(crate) struct World {
    reader: Reader,
    pub calendar: Calendar,
    /// The policy in force: the one adopted last, else the one that ships.
    pub policy: Policy,
    pub shipped: Policy,
    /// Programme switches, holidays and policies.
    shared: Vec<Placed>,
    /// Annulments by the (source, id) that they name.
    annulments: HashMap<(Box<str>, Box<str>), Vec<Placed>>,
    /// Waivers by the subject of the duty that they waive.
    waivers: HashMap<String, Vec<Placed>>,
    /// For each subject that a merge names, the set that merges connect.
    merged: HashMap<String, BTreeSet<String>>,
    cache: HashMap<Box<str>, Vec<Placed>>,
    cached: usize,
}

/// The types that [`World`] keeps.
const CROSS_TYPES: &[FactType] = &[
    FactType::FactAnnulled,
    FactType::NominalMerged,
    FactType::DutyWaived,
    FactType::ProgrammeSwitchedOn,
    FactType::ProgrammeSwitchedOff,
    FactType::BankHolidaysPublished,
    FactType::PolicyAdopted,
];

impl World {
    /// Loads what the log holds up to a position.
    pub fn load(reader: &Reader, until: Position) -> Result<Self, ProjectionError> {
        let shipped = Policy::shipped()?;
        let mut world = Self {
            reader: reader.clone(),
            calendar: Calendar::shipped()?,
            policy: shipped.clone(),
            shipped,
            shared: Vec::new(),
            annulments: HashMap::new(),
            waivers: HashMap::new(),
            merged: HashMap::new(),
            cache: HashMap::new(),
            cached: 0,
        };
        let mut after = Position::START;
        while after < until {
            let page = reader.read_types(CROSS_TYPES, after, MAX_READ)?;
            for event in page.events.iter().filter(|event| event.position <= until) {
                world.note(event);
            }
            if page.searched_to <= after {
                break;
            }
            after = page.searched_to;
        }
        world.adopt(Instant::MAX)?;
        Ok(world)
    }

    /// Takes in an event; what it knows of its subject grows with it.
    pub fn note(&mut self, event: &StoredEvent) {
        let placed = Placed::of(event);
        let fact = &placed.fact;
        if let Some(own) = self.cache.get_mut(&fact.subject) {
            own.push(placed.clone());
            self.cached += 1;
        }
        match fact.kind {
            FactType::FactAnnulled => {
                if let Some(Value::Event(named)) = fact.get(Field::Event) {
                    self.annulments.entry((**named).clone()).or_default().push(placed);
                }
            }
            FactType::NominalMerged => self.connect(fact),
            FactType::DutyWaived => {
                if let Some(subject) = waived_subject(&fact.subject) {
                    self.waivers.entry(subject).or_default().push(placed);
                }
            }
            FactType::ProgrammeSwitchedOn
            | FactType::ProgrammeSwitchedOff
            | FactType::BankHolidaysPublished
            | FactType::PolicyAdopted => self.shared.push(placed),
            _ => {}
        }
    }

    /// Takes the policy that the log had adopted by an instant, if it adopted one.
    pub fn adopt(&mut self, known_at: Instant) -> Result<(), ProjectionError> {
        let mut history = History::default();
        for placed in &self.shared {
            history.add(&placed.fact, placed.fact.recorded_or_time(), placed.position);
        }
        self.policy = match adopted_policy(&history, known_at) {
            Some(adopted) => adopted?,
            None => self.shipped.clone(),
        };
        Ok(())
    }

    fn connect(&mut self, fact: &Fact) {
        let Some(into) = fact.text(Field::Into) else { return };
        let mut set = BTreeSet::from([fact.subject.to_string(), into.to_owned()]);
        for member in set.clone() {
            set.extend(self.merged.get(&member).into_iter().flatten().cloned());
        }
        for member in &set {
            self.merged.insert(member.clone(), set.clone());
        }
    }

    /// The subjects that are judged together with one: those that merges connect with it, itself included.
    pub fn members(&self, subject: &str) -> Vec<String> {
        let set = self.merged.get(subject);
        set.map_or_else(|| vec![subject.to_owned()], |set| set.iter().cloned().collect())
    }

    /// The event of that source and id, if the log has it.
    pub fn stored(&self, source: &str, id: &str) -> Result<Option<StoredEvent>, ProjectionError> {
        Ok(self.reader.by_source_id(source, id)?)
    }

    /// Everything that judging some subjects reads, up to a position.
    pub fn history_of(&mut self, members: &[String], until: Position) -> Result<History, ProjectionError> {
        let mut facts: Vec<Placed> = self.shared.clone();
        for member in members {
            self.ensure(member)?;
            facts.extend(self.cache.get(member.as_str()).into_iter().flatten().cloned());
            facts.extend(self.waivers.get(member).into_iter().flatten().cloned());
        }
        // Annulments of these facts, and annulments of those annulments.
        let mut seen: HashSet<u32> = facts.iter().map(|placed| placed.position).collect();
        let mut at = 0;
        while let Some(placed) = facts.get(at) {
            let named = (placed.fact.source.clone(), placed.fact.id.clone());
            let annulments: Vec<Placed> = self.annulments.get(&named).cloned().unwrap_or_default();
            facts.extend(annulments.into_iter().filter(|annulment| seen.insert(annulment.position)));
            at += 1;
        }
        facts.sort_by_key(|placed| placed.position);
        facts.dedup_by_key(|placed| placed.position);
        // What was read ahead of the checkpoint is not yet known.
        facts.retain(|placed| u64::from(placed.position) <= until.get());
        let mut history = History::default();
        for placed in &facts {
            history.add(&placed.fact, placed.fact.recorded_or_time(), placed.position);
        }
        Ok(history)
    }

    /// Reads the facts of a subject if they are not in memory.
    fn ensure(&mut self, subject: &str) -> Result<(), ProjectionError> {
        if self.cache.contains_key(subject) {
            return Ok(());
        }
        if self.cached > CACHED_FACTS {
            self.cache.clear();
            self.cached = 0;
        }
        let mut facts = Vec::new();
        let mut after = Sequence::START;
        loop {
            let events = self.reader.read_subject(subject, after, MAX_READ)?;
            let Some(last) = events.last() else { break };
            after = last.sequence;
            facts.extend(events.iter().map(Placed::of));
            if events.len() < MAX_READ {
                break;
            }
        }
        self.cached += facts.len();
        self.cache.insert(subject.into(), facts);
        Ok(())
    }
}

/// The subject in a duty's id: `<rule>:<subject>:<source>#<id>`.
pub(crate) fn waived_subject(duty: &str) -> Option<String> {
    let (_, rest) = duty.strip_prefix("duty/")?.split_once(':')?;
    rest.split_once(':').map(|(subject, _)| subject.to_owned())
}
