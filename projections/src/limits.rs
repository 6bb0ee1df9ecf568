//! Records limited to some: for whoever is not listed they do not exist (spec 4.3).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use mandate_domain::catalogue::{FactType, Field};
use mandate_domain::command::Annulments;
use mandate_domain::fact::Fact;
use mandate_domain::time::Instant;
use mandate_store::{Position, Reader, StoreError};

use crate::Projections;
use crate::error::ProjectionError;

/// The facts that limit access, and those that change to whom they apply.
const TYPES: &[FactType] = &[FactType::FactAnnulled, FactType::NominalMerged, FactType::RecordAccessLimited];

/// Events read at once.
const PAGE: usize = 1_000;

/// The records that are limited at a moment, each with the users who alone may know of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Limited(BTreeMap<Box<str>, BTreeSet<Box<str>>>);

impl Limited {
    /// Whether somebody may know of a subject.
    #[must_use]
    pub fn may_know(&self, user: &str, subject: &str) -> bool {
        self.0.get(subject).is_none_or(|listed| listed.contains(user))
    }

    /// The users who alone may know of a subject; none where everybody may.
    #[must_use]
    pub fn listed(&self, subject: &str) -> Option<&BTreeSet<Box<str>>> {
        self.0.get(subject)
    }

    /// The limited subject that a duty, or an act told of in the form of one, is about: an id of a kind, the subject, and
    /// the fact that opened it, with colons between, of which the subject may hold some itself.
    #[must_use]
    pub fn of_duty(&self, duty: &str) -> Option<&str> {
        let about = duty.split_once(':').map_or("", |(_, about)| about);
        let is_its = |subject: &str| about.strip_prefix(subject).is_some_and(|rest| rest.starts_with(':'));
        self.0.keys().map(|subject| &**subject).find(|subject| is_its(subject))
    }

    /// The subjects of which somebody may not know.
    #[must_use = "iterators do nothing by themselves"]
    pub fn hidden_from<'l>(&'l self, user: &'l str) -> impl Iterator<Item = &'l str> {
        self.0.iter().filter(|(_, listed)| !listed.contains(user)).map(|(subject, _)| &**subject)
    }

    /// The same as a list to leave out.
    #[must_use]
    pub fn except(&self, user: &str) -> Vec<String> {
        self.hidden_from(user).map(str::to_owned).collect()
    }
}

/// The limited records of a log, followed to its end.
#[derive(Debug, Default)]
pub struct Limits(Mutex<Followed>);

#[derive(Debug, Default)]
struct Followed {
    reached: Position,
    /// What limits and what merges.
    facts: Vec<Fact>,
    annulments: Annulments,
    /// What stood last, and until when it does without a new fact.
    known: Option<(Instant, Arc<Limited>)>,
}

impl Limits {
    /// The records that are limited now. Blocking.
    ///
    /// # Errors
    /// [`StoreError`] when the log cannot be read.
    pub fn now(&self, log: &Reader, now: Instant) -> Result<Arc<Limited>, StoreError> {
        let mut followed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let head = log.head()?.position;
        if head < followed.reached {
            // The log was put back to an earlier state.
            *followed = Followed::default();
        }
        while followed.reached < head {
            let page = log.read_types(TYPES, followed.reached, PAGE)?;
            if !page.events.is_empty() {
                followed.known = None;
            }
            for event in page.events {
                followed.annulments.note(&event.fact);
                if event.fact.kind != FactType::FactAnnulled {
                    followed.facts.push(event.fact);
                }
            }
            if page.searched_to <= followed.reached {
                break;
            }
            followed.reached = page.searched_to;
        }
        // What was told to occur later changes nothing before the latest of all.
        let settled_at = followed.facts.iter().map(|fact| fact.time).max().unwrap_or(Instant::MIN);
        if let Some((at, known)) = &followed.known
            && (*at == now || (*at >= settled_at && now >= settled_at))
        {
            return Ok(Arc::clone(known));
        }
        let found = Arc::new(limited(&followed.facts, &followed.annulments, now));
        followed.known = Some((now, Arc::clone(&found)));
        Ok(found)
    }
}

impl Projections {
    /// The records that are limited now. Blocking.
    ///
    /// # Errors
    /// [`ProjectionError`] when the log cannot be read.
    pub fn limited(&self, now: Instant) -> Result<Arc<Limited>, ProjectionError> {
        Ok(self.shared.limits.now(&self.shared.log, now)?)
    }
}

/// What stands limited, of the facts in the order of the log.
fn limited(facts: &[Fact], annulments: &Annulments, now: Instant) -> Limited {
    let mut limiting: Vec<&Fact> =
        facts.iter().filter(|fact| fact.kind == FactType::RecordAccessLimited && fact.time <= now).collect();
    if limiting.is_empty() {
        return Limited::default();
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
    let mut found = BTreeMap::new();
    for fact in limiting {
        // What is merged is one history: whichever of its references is used, it is limited.
        for nominal in connected(&fact.subject, &merges) {
            if fact.is_true(Field::Limited) {
                found.insert(nominal.into(), fact.texts(Field::Users).iter().cloned().collect());
            } else {
                found.remove(nominal);
            }
        }
    }
    Limited(found)
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
