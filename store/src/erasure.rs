//! Erasing a person (4.16 i) and restricting what is shown of one; both take two people.
//!
//! An erasure is an event, the destruction of the subject's key, and a line in a list kept beside the key file,
//! outside of every backup of the database. In that order: once the event is stored, a crash only delays the rest,
//! which [`catch_up_with_log`] does when the log is next opened. A copy that is restored from before an erasure is brought up
//! to it by the list.

use std::collections::BTreeMap;

use mandate_domain::catalogue::FactType;
use mandate_domain::command::{Annulments, Merges};
use mandate_domain::fact::holds_number;
use mandate_domain::time::Instant;
use serde_json::json;

use crate::error::StoreError;
use crate::keys::{Keys, Restricted};
use crate::new_event::{Claim, NewEvent};
use crate::outcome::{OnError, Outcome};
use crate::position::{Position, Sequence};
use crate::reader::{MAX_READ, Reader};
use crate::store::Store;

/// Shortest ground, in characters: an order says why.
const GROUND_CHARACTERS: usize = 3;

/// What two people order about one person's data.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Order {
    /// Full id of the nominal, user or message.
    pub subject: String,
    /// Two different people, by their opaque ids.
    pub ordered_by: Vec<String>,
    /// Why, as a code or reference without personal data, such as `RRD-2026-014`.
    pub ground: String,
}

/// Why an order is not carried out.
#[derive(Debug, thiserror::Error)]
pub enum OrderError {
    /// Fewer than two different people.
    #[error("an order takes two different people in `ordered_by`; this one names {0}")]
    TwoPeople(usize),
    /// No ground.
    #[error("an order says why in `ground`, as a code or reference without personal data")]
    NoGround,
    /// An order about another subject than the one named.
    #[error("the order is about {ordered}, not about {named}")]
    OtherSubject {
        /// The subject of the order.
        ordered: String,
        /// The subject that was named.
        named: String,
    },
    /// A subject that the log does not know.
    #[error("{0} is not in the log: check the id; nothing was done")]
    Unknown(String),
    /// A subject, a person or a ground that cannot stand in an event.
    #[error("the order cannot be recorded: {0}")]
    Form(String),
    /// The log or the keys.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<crate::keys::KeysError> for OrderError {
    fn from(error: crate::keys::KeysError) -> Self {
        Self::Store(error.into())
    }
}

impl Order {
    /// Refuses an order that does not name two different people and a ground.
    ///
    /// # Errors
    /// [`OrderError`] with what is missing.
    pub fn check(&self) -> Result<(), OrderError> {
        let mut people: Vec<&str> =
            self.ordered_by.iter().map(|id| id.trim()).filter(|id| !id.is_empty()).collect();
        people.sort_unstable();
        people.dedup();
        if people.len() < 2 {
            return Err(OrderError::TwoPeople(people.len()));
        }
        if self.ground.trim().chars().count() < GROUND_CHARACTERS {
            return Err(OrderError::NoGround);
        }
        if people.into_iter().chain([&*self.ground]).any(holds_number) {
            let reason =
                "a person or the ground looks like a CRN, NOMS or PNC number; use an opaque reference";
            return Err(OrderError::Form(reason.to_owned()));
        }
        Ok(())
    }

    /// The same about another subject.
    fn about(&self, subject: &str) -> Self {
        Self { subject: subject.to_owned(), ..self.clone() }
    }

    fn event(&self, kind: FactType, id: &str, now: Instant) -> Result<NewEvent, OrderError> {
        let event = json!({
            "specversion": "1.0", "id": id, "source": "/mandate", "type": kind.name(), "subject": self.subject,
            "time": now, "data": { "ordered_by": self.ordered_by, "ground": self.ground },
        });
        NewEvent::from_value(&event, Claim::Ignore).map_err(|error| OrderError::Form(error.to_string()))
    }
}

impl Store {
    /// Erases a person: the event `subject.erased` is stored, then the key of the subject is destroyed. What was
    /// sealed can never be opened again, nothing personal is stored about the subject again, and every proof still
    /// holds. Nominals that merges make one with the subject are the same person, and erased with it. Returns where the
    /// subject's event stands; a second order changes nothing. Blocking.
    ///
    /// # Errors
    /// [`OrderError`] when the order lacks something, the subject is not in the log, or the log or the keys cannot
    /// be written. An order whose event is stored is carried out at the latest when the log is next opened.
    pub fn erase(&self, order: &Order) -> Result<Position, OrderError> {
        self.give(order, FactType::SubjectErased)
    }

    /// Keeps a person's data and no longer shows it. Blocking.
    ///
    /// # Errors
    /// As [`Self::erase`].
    pub fn restrict(&self, order: &Order) -> Result<Position, OrderError> {
        self.give(order, FactType::SubjectRestricted)
    }

    /// Shows a person's data again. Blocking.
    ///
    /// # Errors
    /// As [`Self::erase`].
    pub fn lift_restriction(&self, order: &Order) -> Result<Position, OrderError> {
        self.give(order, FactType::SubjectRestrictionLifted)
    }

    /// Stores the events of an order about a subject and all who are one with it, then carries it out.
    fn give(&self, order: &Order, kind: FactType) -> Result<Position, OrderError> {
        order.check()?;
        let unit = self.unit(&order.subject)?;
        let mut known = false;
        let (mut events, mut stood) = (Vec::new(), None);
        for member in &unit {
            let version = self.reader().version(member)?;
            known |= version != Sequence::START;
            if kind == FactType::SubjectErased
                && let Some(position) = self.erased_at(member)?
            {
                stood = stood.or((**member == *order.subject).then_some(position));
                continue;
            }
            let id = match kind {
                FactType::SubjectErased => format!("erased:{member}"),
                FactType::SubjectRestricted => format!("restricted:{version}:{member}"),
                _ => format!("restriction-lifted:{version}:{member}"),
            };
            events.push(order.about(member).event(kind, &id, self.shared.clock.now())?);
        }
        if !known {
            return Err(OrderError::Unknown(order.subject.clone()));
        }
        let subjects: Vec<Box<str>> = events.iter().map(|event| event.fact().subject.clone()).collect();
        let outcomes = self.append_blocking(events, OnError::All)?;
        for (subject, outcome) in subjects.iter().zip(outcomes) {
            let position = match outcome {
                Outcome::Stored { position, .. } | Outcome::AlreadyStored { position } => position,
                Outcome::Refused(refusal) => return Err(OrderError::Form(refusal.to_string())),
                Outcome::NotStored { .. } => continue,
            };
            stood = stood.or((**subject == *order.subject).then_some(position));
        }
        unit.iter().try_for_each(|member| self.carry_out(kind, member))?;
        stood.ok_or_else(|| OrderError::Form("the log did not take it".to_owned()))
    }

    /// Does to the keys what an event about a subject says; a second time it changes nothing.
    pub(crate) fn carry_out(&self, kind: FactType, subject: &str) -> Result<(), StoreError> {
        let keys = &self.shared.keys;
        match kind {
            FactType::SubjectErased => keys.erase(subject)?,
            FactType::SubjectRestricted => keys.restrict(subject, Restricted::From)?,
            _ => keys.restrict(subject, Restricted::Lifted)?,
        }
        Ok(())
    }

    /// The subjects that merges make one with a subject, itself included.
    fn unit(&self, subject: &str) -> Result<Vec<Box<str>>, StoreError> {
        let (mut merges, mut annulments) = (Merges::default(), Annulments::default());
        let mut after = Position::START;
        loop {
            let types = [FactType::NominalMerged, FactType::FactAnnulled];
            let page = self.reader().read_types(&types, after, MAX_READ)?;
            for event in &page.events {
                merges.note(&event.fact);
                annulments.note(&event.fact);
            }
            if page.searched_to <= after {
                break;
            }
            after = page.searched_to;
        }
        Ok(merges.unit(subject, &annulments, self.shared.clock.now()))
    }

    /// Where it stands that a subject was erased, by whichever way it was ordered.
    fn erased_at(&self, subject: &str) -> Result<Option<Position>, StoreError> {
        let mut after = Sequence::START;
        loop {
            let events = self.reader().read_subject(subject, after, MAX_READ)?;
            let Some(last) = events.last() else { return Ok(None) };
            after = last.sequence;
            let mut erased = events.iter().filter(|event| event.fact.kind == FactType::SubjectErased);
            if let Some(event) = erased.next() {
                return Ok(Some(event.position));
            }
        }
    }
}

/// Destroys the keys of all whom the list beside the key file says were erased, before anybody can read.
pub(crate) fn catch_up_with_list(keys: &Keys) -> Result<(), StoreError> {
    for subject in keys.listed_as_erased() {
        if !keys.is_erased(&subject) {
            keys.erase(&subject)?;
        }
    }
    Ok(())
}

/// The same for what the log says, and restricts those whom it says are restricted. Only for a log that is what was
/// published of it: a key that is destroyed is gone.
pub(crate) fn catch_up_with_log(keys: &Keys, reader: &Reader) -> Result<(), StoreError> {
    let types = [FactType::SubjectErased, FactType::SubjectRestricted, FactType::SubjectRestrictionLifted];
    let mut after = Position::START;
    let mut restricted: BTreeMap<String, Restricted> = BTreeMap::new();
    loop {
        let page = reader.read_types(&types, after, MAX_READ)?;
        for event in page.events.iter().filter(|event| event.is_intact()) {
            let subject = event.fact.subject.to_string();
            match event.fact.kind {
                FactType::SubjectErased if keys.is_erased(&subject) => keys.note_erased(&subject)?,
                FactType::SubjectErased => keys.erase(&subject)?,
                FactType::SubjectRestricted => drop(restricted.insert(subject, Restricted::From)),
                _ => drop(restricted.insert(subject, Restricted::Lifted)),
            }
        }
        if page.searched_to <= after || page.events.is_empty() {
            break;
        }
        after = page.searched_to;
    }
    for (subject, last) in restricted {
        if keys.is_restricted(&subject) != (last == Restricted::From) {
            keys.restrict(&subject, last)?;
        }
    }
    Ok(())
}

/// Says in a log that was restored from before an erasure that it took place.
pub(crate) fn note_missing(store: &Store) -> Result<(), StoreError> {
    for subject in store.shared.keys.erased() {
        let id = format!("erased:{subject}");
        if store.reader().version(&subject)? == Sequence::START || store.erased_at(&subject)?.is_some() {
            continue;
        }
        let order = Order {
            subject,
            ordered_by: vec!["mandate/restore".to_owned(), "mandate/list-of-erased".to_owned()],
            ground: "erased-before-restore".to_owned(),
        };
        let event = order.event(FactType::SubjectErased, &id, store.shared.clock.now());
        let event = event.map_err(|error| StoreError::Unavailable { reason: error.to_string() })?;
        store.append_blocking(vec![event], OnError::All)?;
    }
    Ok(())
}
