//! Records limited to others: for whoever is not listed they do not exist, on no list and in no count (spec 4.3).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use mandate_domain::catalogue::{FactType, Field};
use mandate_domain::command::Annulments;
use mandate_domain::fact::Fact;
use mandate_domain::time::Instant;
use mandate_store::{MAX_READ, Position, Reader, StoreError, StoredEvent};

use super::app::App;
use super::error::HttpError;

/// The facts that limit access, and those that change to whom they apply.
const TYPES: &[FactType] = &[FactType::FactAnnulled, FactType::NominalMerged, FactType::RecordAccessLimited];

/// The records that are limited now, each with the users who alone may know of it.
type Listed = BTreeMap<Box<str>, BTreeSet<Box<str>>>;

/// The limited records of a log, followed to its end.
#[derive(Debug, Default)]
pub struct Limits(Mutex<Followed>);

#[derive(Debug, Default)]
struct Followed {
    reached: Position,
    facts: Vec<Fact>,
}

impl Limits {
    /// The records that are limited now. Blocking.
    ///
    /// # Errors
    /// [`StoreError`] when the log cannot be read.
    fn now(&self, log: &Reader, now: Instant) -> Result<Arc<Listed>, StoreError> {
        let mut followed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let head = log.head()?.position;
        while followed.reached < head {
            let page = log.read_types(TYPES, followed.reached, MAX_READ)?;
            followed.facts.extend(page.events.into_iter().map(|event| event.fact));
            if page.searched_to <= followed.reached {
                break;
            }
            followed.reached = page.searched_to;
        }
        Ok(Arc::new(listed(&followed.facts, now)))
    }

    /// The nominals that somebody may not know of. Blocking.
    ///
    /// # Errors
    /// [`StoreError`] when the log cannot be read.
    pub fn hidden_from(&self, log: &Reader, person: &str, now: Instant) -> Result<Hidden, StoreError> {
        let limits = self.now(log, now)?;
        let hidden = limits.iter().filter(|(_, listed)| !listed.contains(person));
        Ok(Hidden(hidden.map(|(nominal, _)| nominal.clone()).collect()))
    }
}

/// What stands limited, of the facts in the order of the log.
fn listed(facts: &[Fact], now: Instant) -> Listed {
    let mut limiting: Vec<&Fact> =
        facts.iter().filter(|fact| fact.kind == FactType::RecordAccessLimited && fact.time <= now).collect();
    if limiting.is_empty() {
        return Listed::new();
    }
    let mut annulments = Annulments::default();
    for fact in facts {
        annulments.note(fact);
    }
    limiting.retain(|fact| !annulments.holds_for(fact));
    limiting.sort_by_key(|fact| fact.time);
    let merges: Vec<(&str, &str)> = facts
        .iter()
        .filter(|fact| {
            fact.kind == FactType::NominalMerged && fact.time <= now && !annulments.holds_for(fact)
        })
        .filter_map(|fact| Some((&*fact.subject, fact.text(Field::Into)?)))
        .collect();
    let mut listed = Listed::new();
    for fact in limiting {
        // What is merged is one history: whichever of its references is used, it is limited.
        for nominal in connected(&fact.subject, &merges) {
            if fact.is_true(Field::Limited) {
                listed.insert(nominal.into(), fact.texts(Field::Users).iter().cloned().collect());
            } else {
                listed.remove(nominal);
            }
        }
    }
    listed
}

/// A nominal and those that merges connect it with.
fn connected<'f>(nominal: &'f str, merges: &[(&'f str, &'f str)]) -> BTreeSet<&'f str> {
    let mut found = BTreeSet::from([nominal]);
    loop {
        let near = merges.iter().filter(|(one, other)| found.contains(one) != found.contains(other));
        let more: Vec<&str> = near.flat_map(|(one, other)| [*one, *other]).collect();
        if more.is_empty() {
            return found;
        }
        found.extend(more);
    }
}

/// The nominals that somebody may not know of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hidden(BTreeSet<Box<str>>);

impl Hidden {
    /// What is hidden from a person; nothing from a request that names nobody. Blocking.
    ///
    /// # Errors
    /// [`HttpError`] when the log cannot be read.
    pub fn to(app: &App, person: Option<&str>) -> Result<Self, HttpError> {
        let Some(person) = person else { return Ok(Self::default()) };
        Ok(app.limits().hidden_from(app.store.reader(), person, app.now())?)
    }

    /// Whether an event is about what is hidden: a nominal, or a duty of one.
    #[must_use]
    pub fn hides(&self, event: &StoredEvent) -> bool {
        let subject = &event.fact.subject;
        self.is(subject) || subject.strip_prefix("duty/").is_some_and(|duty| self.is_of_duty(duty))
    }

    /// Whether a subject is hidden.
    #[must_use]
    pub fn is(&self, subject: &str) -> bool {
        self.0.contains(subject)
    }

    /// Whether something that is about a duty is about a hidden subject: a duty's id is its rule, its subject and the
    /// fact that opened it.
    #[must_use]
    pub fn is_of_duty(&self, duty: &str) -> bool {
        let about = duty.split_once(':').map_or("", |(_, about)| about);
        self.0.iter().any(|subject| about.strip_prefix(&**subject).is_some_and(|rest| rest.starts_with(':')))
    }

    /// Each of them, to be left out of a list.
    #[must_use]
    pub fn subjects(&self) -> Vec<String> {
        self.0.iter().map(ToString::to_string).collect()
    }
}
