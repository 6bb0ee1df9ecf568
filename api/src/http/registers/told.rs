//! What the log tells of users, organisations and terminals, kept at hand and followed; looked at as at and as known at
//! any moment.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::{PoisonError, RwLock, RwLockReadGuard};

use mandate_domain::catalogue::{FactType, Field, SubjectKind};
use mandate_domain::command::Annulments;
use mandate_domain::fact::{Fact, Value};
use mandate_domain::judge::View;
use mandate_domain::time::Instant;
use mandate_store::{Position, Reader};

use crate::http::error::HttpError;
use crate::http::readable::readable;

/// The facts that registers are made of; log-ons are kept in short.
const TYPES: &[FactType] = &[
    FactType::FactAnnulled,
    FactType::UserRegistered,
    FactType::UserMoved,
    FactType::UserLeftRole,
    FactType::CpcInformedOfLeaver,
    FactType::VettingCleared,
    FactType::VettingWithdrawn,
    FactType::TrainingStarted,
    FactType::TrainingCompleted,
    FactType::QaElearningCompleted,
    FactType::DocumentSigned,
    FactType::AccountRequested,
    FactType::AccountAuthorised,
    FactType::AccountEnabled,
    FactType::AccountDisabled,
    FactType::AccountArchived,
    FactType::TokenGranted,
    FactType::TokenRevoked,
    FactType::ExemptionGranted,
    FactType::ExemptionReviewed,
    FactType::LoggedOn,
    FactType::RequirementAttested,
    FactType::ReturnSubmitted,
    FactType::PostFilled,
    FactType::PostVacated,
    FactType::ProgrammeSwitchedOn,
    FactType::ProgrammeSwitchedOff,
    FactType::OrganisationEnrolled,
    FactType::OrganisationPlaced,
    FactType::RugAttended,
    FactType::AuditCompleted,
    FactType::AuditSampleDrawn,
    FactType::ReportRequested,
    FactType::ReportProvided,
    FactType::CapacityPlanAttested,
    FactType::ContinuityPlanAttested,
    FactType::TerminalRegistered,
    FactType::TerminalRiskAssessed,
    FactType::TerminalApproved,
    FactType::TerminalWithdrawn,
];

/// A fact, and when it was known.
#[derive(Debug)]
struct Told {
    fact: Fact,
    known_at: Instant,
}

/// A log-on: there are many.
#[derive(Debug, Clone, Copy)]
struct LogOn {
    at: Instant,
    known_at: Instant,
    /// Digest of its source and id.
    name: u64,
}

/// What was told up to a position of the log.
#[derive(Debug, Default)]
struct Kept {
    reached: Position,
    /// In the order (time, position), by subject.
    streams: BTreeMap<Box<str>, Vec<Told>>,
    log_ons: HashMap<Box<str>, Vec<LogOn>>,
    annulments: Vec<Told>,
    /// Events that cannot be decoded; what they tell is left out.
    unreadable: Vec<Position>,
}

/// What the log tells, for every request.
#[derive(Debug, Default)]
pub struct Registered(RwLock<Kept>);

impl Registered {
    /// What is told as at and as known at a moment. The first time all of it is read, then what was appended since.
    ///
    /// # Errors
    /// [`HttpError`] when the log cannot be read.
    pub fn at(&self, log: &Reader, view: View) -> Result<Seen<'_>, HttpError> {
        self.follow(log)?;
        Ok(Seen::new(self.0.read().unwrap_or_else(PoisonError::into_inner), view))
    }

    fn follow(&self, log: &Reader) -> Result<(), HttpError> {
        let head = log.head()?.position;
        if self.0.read().unwrap_or_else(PoisonError::into_inner).reached >= head {
            return Ok(());
        }
        let mut kept = self.0.write().unwrap_or_else(PoisonError::into_inner);
        while kept.reached < head {
            let page = readable(log, TYPES, kept.reached)?;
            kept.unreadable.extend(page.unreadable);
            for event in page.events {
                let fact = event.into_fact();
                kept.take(Told { known_at: fact.recorded_or_time(), fact });
            }
            if page.searched_to <= kept.reached {
                break;
            }
            kept.reached = page.searched_to;
        }
        Ok(())
    }
}

impl Kept {
    fn take(&mut self, told: Told) {
        let subject = told.fact.subject.clone();
        match told.fact.kind {
            FactType::FactAnnulled => self.annulments.push(told),
            FactType::LoggedOn => {
                let name = name(&told.fact.source, &told.fact.id);
                let log_on = LogOn { at: told.fact.time, known_at: told.known_at, name };
                self.log_ons.entry(subject).or_default().push(log_on);
            }
            _ => {
                let stream = self.streams.entry(subject).or_default();
                let place = stream.partition_point(|known| known.fact.time <= told.fact.time);
                stream.insert(place, told);
            }
        }
    }
}

fn name(source: &str, id: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    (source, id).hash(&mut hasher);
    hasher.finish()
}

/// What is told as at and as known at a moment.
pub struct Seen<'k> {
    kept: RwLockReadGuard<'k, Kept>,
    /// The moment.
    pub view: View,
    annulments: Annulments,
    /// Names of what was annulled.
    annulled: HashSet<u64>,
}

impl<'k> Seen<'k> {
    fn new(kept: RwLockReadGuard<'k, Kept>, view: View) -> Self {
        let mut annulments = Annulments::default();
        let known = || kept.annulments.iter().filter(|told| told.known_at <= view.known_at);
        known().for_each(|told| annulments.note(&told.fact));
        let names = known().filter(|told| !annulments.holds_for(&told.fact));
        let annulled = names
            .filter_map(|told| match told.fact.get(Field::Event) {
                Some(Value::Event(event)) => Some(name(&event.0, &event.1)),
                _ => None,
            })
            .collect();
        Self { kept, view, annulments, annulled }
    }

    /// Events of the log that cannot be decoded, and are left out.
    #[must_use]
    pub fn unreadable(&self) -> &[Position] {
        &self.kept.unreadable
    }

    /// Subjects of a kind of which something is told, by id.
    pub fn subjects(&self, kind: SubjectKind) -> impl Iterator<Item = &str> {
        let of_kind = move |subject: &&str| SubjectKind::of(subject) == Some(kind);
        self.kept.streams.keys().map(|subject| &**subject).filter(of_kind)
    }

    /// The facts about a subject, in order.
    pub fn of(&self, subject: &str) -> impl DoubleEndedIterator<Item = &Fact> {
        self.of_types(subject, TYPES)
    }

    /// The facts of some types about a subject, in order.
    pub fn of_types(
        &self,
        subject: &str,
        types: &'static [FactType],
    ) -> impl DoubleEndedIterator<Item = &Fact> {
        let stream = self.kept.streams.get(subject).map(Vec::as_slice).unwrap_or_default();
        stream
            .iter()
            .filter(|told| told.fact.time <= self.view.as_at && told.known_at <= self.view.known_at)
            .map(|told| &told.fact)
            .filter(|fact| types.len() == TYPES.len() || types.contains(&fact.kind))
            .filter(|fact| !self.annulments.holds_for(fact))
    }

    /// When a user last logged on.
    #[must_use]
    pub fn last_log_on(&self, user: &str) -> Option<Instant> {
        self.log_ons(user).max()
    }

    /// When a user logged on, in the order in which it was told.
    pub fn log_ons(&self, user: &str) -> impl Iterator<Item = Instant> {
        let log_ons = self.kept.log_ons.get(user).map(Vec::as_slice).unwrap_or_default();
        let seen = |log_on: &&LogOn| {
            log_on.at <= self.view.as_at
                && log_on.known_at <= self.view.known_at
                && !self.annulled.contains(&log_on.name)
        };
        log_ons.iter().filter(seen).map(|log_on| log_on.at)
    }

    /// Where organisations lie: each with what is above it.
    #[must_use]
    pub fn placed(&self) -> BTreeMap<String, String> {
        let mut placed = BTreeMap::new();
        for (subject, stream) in &self.kept.streams {
            if stream.iter().any(|told| told.fact.kind == FactType::OrganisationPlaced) {
                let mut latest =
                    self.of(subject).rev().filter(|fact| fact.kind == FactType::OrganisationPlaced);
                let parent = latest.next().and_then(|fact| fact.text(Field::Parent));
                placed.extend(parent.map(|parent| (subject.to_string(), parent.to_owned())));
            }
        }
        placed
    }
}

/// The organisations that somebody may belong to.
pub const ORGANISATIONS: [SubjectKind; 5] = [
    SubjectKind::Region,
    SubjectKind::Area,
    SubjectKind::Unit,
    SubjectKind::PrisonGroup,
    SubjectKind::Prison,
];

/// Whether an organisation is one of some, or lies under one of them; no organisations are no filter.
#[must_use]
pub fn lies_under(org: &str, wanted: &[String], placed: &BTreeMap<String, String>) -> bool {
    /// Places that organisations are followed upwards.
    const PLACES: usize = 8;
    let mut at = org;
    for _ in 0..PLACES {
        if wanted.iter().any(|one| one == at) {
            return true;
        }
        match placed.get(at) {
            Some(parent) => at = parent,
            None => break,
        }
    }
    wanted.is_empty()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use mandate_domain::time::VirtualClock;
    use mandate_store::{Claim, Keys, NewEvent, OnError, Options, Store};

    use super::*;

    #[test]
    fn an_event_that_cannot_be_decoded_is_left_out_and_counted_and_what_follows_is_told() {
        // Given: three users, of whom the second's event is damaged.
        let folder = tempfile::tempdir().unwrap();
        let now = Instant::parse("2026-03-02T09:00:00Z").unwrap();
        Keys::create(&folder.path().join("keys/kek")).unwrap();
        let store = Store::open(Options::new(folder.path(), Arc::new(VirtualClock::new(now)))).unwrap();
        let events = ["U-1", "U-2", "U-3"].map(|user| {
            let text = format!(
                r#"{{"specversion":"1.0","id":"{user}","source":"/t","type":"user.registered","subject":"user/{user}","time":"2026-03-02T08:00:00Z","data":{{"role":"practitioner","org":"area/A1","service":"probation"}}}}"#
            );
            NewEvent::parse(&text, Claim::Ignore).unwrap()
        });
        let stored = store.append_blocking(events.into(), OnError::All).unwrap();
        assert!(stored.iter().all(|outcome| outcome.position().is_some()), "{stored:?}");
        let log = rusqlite::Connection::open(folder.path().join("log.db")).unwrap();
        let triggers =
            "SELECT group_concat('DROP TRIGGER ' || name, ';') FROM sqlite_schema WHERE type = 'trigger'";
        let drop: String = log.query_row(triggers, [], |row| row.get(0)).unwrap();
        log.execute_batch(&drop).unwrap();
        log.execute_batch("UPDATE events SET payload = '{' WHERE position = 2").unwrap();
        // When: what is told is followed, and again.
        let registered = Registered::default();
        for _ in 0..2 {
            let seen = registered.at(store.reader(), View { as_at: now, known_at: now }).unwrap();
            // Then: the others are there, once.
            assert_eq!(seen.subjects(SubjectKind::User).collect::<Vec<_>>(), ["user/U-1", "user/U-3"]);
            assert_eq!(seen.of("user/U-3").count(), 1);
            assert_eq!(seen.unreadable(), [Position::new(2)]);
        }
    }
}
