//! Taking a message in: stored as facts, ignored, or in quarantine; the same message again is the same answer.

use mandate_domain::catalogue::FactType;
use mandate_domain::fact::{Fact, FactError};
use mandate_domain::time::Instant;
use mandate_store::{Claim, NewEvent, OnError, Outcome, Position, Refusal, Store, StoredEvent};
use serde_json::{Map, Value, json};

use super::TakeError;
use super::map::{self, Draft, Held, Persons, Reading, Useful, What};
use super::message::Message;
use super::people::{Found, Opening};
use super::quarantine::{self, Entry};
use super::standing::Standing;
use crate::tokens::{Client, NotAllowed};

/// How often a message is looked at anew when others were faster.
const TURNS: usize = 16;

/// Who tells it.
#[derive(Debug, Clone, Copy)]
pub enum Rights<'c> {
    /// Somebody at the machine of the log.
    Local,
    /// A client, by its token.
    Client(&'c Client),
    /// A person who has the right to settle what waits in quarantine, by the full id of the user.
    Person(&'c str),
}

/// What became of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Taken {
    /// Stored as facts.
    Stored {
        /// Where they stand: now, or since before.
        facts: Vec<(FactType, Position)>,
        /// Whether it was stored before.
        again: bool,
    },
    /// Of no use here.
    Ignored {
        /// Why.
        reason: &'static str,
    },
    /// In quarantine.
    Quarantined {
        /// Its id there.
        id: String,
        /// Why.
        reason: String,
        /// What it needs.
        needs: Vec<String>,
        /// Whether it was there before.
        again: bool,
    },
    /// Discarded from quarantine before.
    Discarded {
        /// Its id there.
        id: String,
    },
}

/// Takes messages into a log; blocking.
#[derive(Debug, Clone, Copy)]
pub struct Receiver<'r> {
    /// The log.
    pub store: &'r Store,
    /// Who tells.
    pub rights: Rights<'r>,
    /// The present.
    pub now: Instant,
}

/// What came of one attempt.
enum Attempt {
    Done(Taken),
    /// Something was stored meanwhile that changes the answer.
    Again,
}

/// What came of storing the events of a message.
enum Appended {
    Stored(Vec<Outcome>),
    /// Nothing was stored: the event at this place has the id of another, or its subject was erased.
    Conflict {
        place: usize,
    },
}

impl Receiver<'_> {
    /// Takes a message; when this returns, what became of it is durable.
    ///
    /// # Errors
    /// [`TakeError`]: nothing was stored.
    pub fn take(&self, text: &str) -> Result<Taken, TakeError> {
        self.take_message(&Message::read(text)?)
    }

    /// Takes a message that was read before.
    ///
    /// # Errors
    /// As [`Self::take`].
    pub fn take_message(&self, message: &Message) -> Result<Taken, TakeError> {
        self.check_teller(&message.teller)?;
        let more = Map::new();
        for _ in 0..TURNS {
            if let Some(taken) = self.known(message)? {
                return Ok(taken);
            }
            let waiting = Entry::find(self.store, &quarantine::id_of(message))?;
            if let Attempt::Done(taken) = self.attempt(message, &more, waiting.as_ref())? {
                return Ok(taken);
            }
        }
        Err(TakeError::Contended)
    }

    /// Takes a message out of quarantine, with what it needs; it stays there if that is not enough.
    ///
    /// # Errors
    /// [`TakeError`]: nothing was stored.
    pub fn replay(&self, id: &str, more: &Map<String, Value>) -> Result<Taken, TakeError> {
        for _ in 0..TURNS {
            let entry = self.waiting(id)?;
            let message = entry.message(self.store)?;
            self.check_teller(&message.teller)?;
            if let Some(first) = self.first(&message)?
                && is_of(&first, &message)
            {
                self.append(&message, vec![entry.replayed(self.now)?])?;
                return Ok(stored_before(&first));
            }
            if let Attempt::Done(taken) = self.attempt(&message, more, Some(&entry))? {
                return Ok(taken);
            }
        }
        Err(TakeError::Contended)
    }

    /// Takes a message out of quarantine for good; it stays in the log.
    ///
    /// # Errors
    /// [`TakeError`]: nothing was stored.
    pub fn discard(&self, id: &str, reason: &str) -> Result<Position, TakeError> {
        let entry = self.waiting(id)?;
        self.check_teller(entry.teller())?;
        let by = match self.rights {
            Rights::Local => "local",
            Rights::Client(client) => &client.name,
            Rights::Person(user) => user,
        };
        let event = self.by(entry.discarded(by, reason, self.now)?)?;
        match self.store.append_blocking(vec![event], OnError::All)?.pop() {
            Some(Outcome::Stored { position, .. } | Outcome::AlreadyStored { position }) => Ok(position),
            _ => {
                self.waiting(id)?;
                Err(TakeError::Contended)
            }
        }
    }

    fn waiting(&self, id: &str) -> Result<Entry, TakeError> {
        let found = Entry::find(self.store, id)?.ok_or_else(|| TakeError::NotInQuarantine(id.to_owned()))?;
        match found.standing {
            quarantine::Standing::Waiting => Ok(found),
            quarantine::Standing::Replayed => Err(TakeError::Settled { id: id.to_owned(), what: "replayed" }),
            quarantine::Standing::Discarded => {
                Err(TakeError::Settled { id: id.to_owned(), what: "discarded" })
            }
        }
    }

    fn check_teller(&self, teller: &str) -> Result<(), TakeError> {
        match self.rights {
            Rights::Client(client) if !client.states(teller) => {
                let reason = format!("this token may not state the source `{teller}`");
                Err(NotAllowed { field: "source", reason }.into())
            }
            Rights::Client(_) | Rights::Person(_) | Rights::Local => Ok(()),
        }
    }

    /// The first fact under the id of a message.
    fn first(&self, message: &Message) -> Result<Option<StoredEvent>, TakeError> {
        Ok(self.store.reader().by_source_id(&message.teller, &message.id)?)
    }

    /// What became of the same message before.
    fn known(&self, message: &Message) -> Result<Option<Taken>, TakeError> {
        if let Some(first) = self.first(message)?
            && is_of(&first, message)
        {
            return Ok(Some(stored_before(&first)));
        }
        let Some(entry) = Entry::find(self.store, &quarantine::id_of(message))? else { return Ok(None) };
        Ok(match entry.standing {
            quarantine::Standing::Discarded => Some(Taken::Discarded { id: entry.id }),
            quarantine::Standing::Waiting if message.enrichment.is_empty() => Some(waiting_before(entry)),
            // With what it needed beside it, it is tried anew.
            quarantine::Standing::Waiting => None,
            // It was replayed, and turned out to be of no use.
            quarantine::Standing::Replayed => {
                Some(Taken::Ignored { reason: "replayed from quarantine, and of no use here" })
            }
        })
    }

    fn attempt(
        &self,
        message: &Message,
        more: &Map<String, Value>,
        waiting: Option<&Entry>,
    ) -> Result<Attempt, TakeError> {
        let taken = self.first(message)?.is_some_and(|first| !is_of(&first, message));
        match map::read(message, more) {
            Reading::Useful(Useful { person: numbers, .. }) | Reading::Held(Held { numbers, .. })
                if taken =>
            {
                let reason =
                    "its id is that of another message, which is stored with other content".to_owned();
                self.hold(message, &Held { reason, needs: Vec::new(), numbers }, waiting)
            }
            Reading::Ignored(reason) => {
                if let Some(entry) = waiting {
                    self.append(message, vec![entry.replayed(self.now)?])?;
                }
                Ok(Attempt::Done(Taken::Ignored { reason }))
            }
            Reading::Held(held) => self.hold(message, &held, waiting),
            Reading::Useful(useful) => self.state(message, more, &useful, waiting),
        }
    }

    fn state(
        &self,
        message: &Message,
        more: &Map<String, Value>,
        useful: &Useful,
        waiting: Option<&Entry>,
    ) -> Result<Attempt, TakeError> {
        let opening = Opening { store: self.store, at: useful.at, mappa: useful.mappa };
        let (found, standing, into) = self.persons(&opening, useful)?;
        let mut events = found.events;
        let mut survivor = standing.survivor().unwrap_or(&found.subject).to_owned();
        let mut other = None;
        if let Some(into) = into {
            events.extend(into.events);
            other = Some(self.survivor(&into.subject)?);
        }
        if useful.what == What::Unmerged {
            survivor.clone_from(&found.subject);
        }
        let persons = Persons { subject: &survivor, standing: &standing, into: other.as_deref() };
        let drafts = match map::facts(useful, message, &map::enrichment(message, more), persons) {
            Ok(drafts) => drafts,
            Err(held) => return self.hold(message, &held, waiting),
        };
        for draft in &drafts {
            if draft.kind == FactType::NominalMerged
                && let Some(into) = draft.data.get("into")
            {
                events.push(received(message, useful.at, &draft.subject, into)?);
            }
        }
        let opened = events.len();
        if drafts.is_empty() {
            events.push(noted(message, useful, &survivor)?);
        }
        for (place, draft) in drafts.iter().enumerate() {
            match fact(message, useful.at, place, draft) {
                Ok(event) => {
                    self.check_rights(event.fact())?;
                    events.push(event);
                }
                Err(error) => {
                    let held =
                        Held { reason: unusable(&error), needs: Vec::new(), numbers: useful.person.clone() };
                    return self.hold(message, &held, waiting);
                }
            }
        }
        let told = events.len() - opened;
        if let Some(entry) = waiting {
            events.push(entry.replayed(self.now)?);
        }
        let kinds: Vec<FactType> = events.iter().map(|event| event.fact().kind).collect();
        let outcomes = match self.append(message, events)? {
            Appended::Stored(outcomes) => outcomes,
            // The first has the message's own id: looked at again, the message is one told before or held.
            Appended::Conflict { place } if place > opened && place < opened + told => {
                let reason = format!(
                    "the id of its fact {} is that of another fact, which is stored with other content",
                    place - opened + 1
                );
                let held = Held { reason, needs: Vec::new(), numbers: useful.person.clone() };
                return self.hold(message, &held, waiting);
            }
            Appended::Conflict { .. } => return Ok(Attempt::Again),
        };
        let places = kinds.into_iter().zip(outcomes).skip(opened).take(told);
        let again = places.clone().all(|(_, outcome)| matches!(outcome, Outcome::AlreadyStored { .. }));
        let facts = places.filter_map(|(kind, outcome)| Some((kind, outcome.position()?))).collect();
        Ok(Attempt::Done(Taken::Stored { facts, again }))
    }

    /// The person of a message with how they stand, and the other one where there are two.
    fn persons(
        &self,
        opening: &Opening<'_>,
        useful: &Useful,
    ) -> Result<(Found, Standing, Option<Found>), TakeError> {
        let standing = |subject: &str| Standing::of(self.store.reader(), subject);
        if useful.what == What::Linked {
            let (crn, noms) = useful.person.split_at(1.min(useful.person.len()));
            let by_crn = opening.find_or_open(&crn.to_vec())?;
            let by_noms = opening.find_or_open(&noms.to_vec())?;
            let known = |found: &Found| found.events.is_empty();
            if known(&by_crn) && known(&by_noms) {
                // The nominal of the prison number goes into that of the probation case.
                let how = standing(&by_noms.subject)?;
                return Ok((by_noms, how, Some(by_crn)));
            }
        }
        let found = opening.find_or_open(&useful.person)?;
        let how = standing(&found.subject)?;
        let into = useful.into.as_ref().filter(|_| useful.what != What::Unmerged);
        let into = into.map(|into| opening.find_or_open(into)).transpose()?;
        Ok((found, how, into))
    }

    fn survivor(&self, subject: &str) -> Result<String, TakeError> {
        let standing = Standing::of(self.store.reader(), subject)?;
        Ok(standing.survivor().unwrap_or(subject).to_owned())
    }

    fn check_rights(&self, fact: &Fact) -> Result<(), TakeError> {
        match self.rights {
            Rights::Client(client) => Ok(client.may_state(fact)?),
            Rights::Person(_) | Rights::Local => Ok(()),
        }
    }

    /// Puts a message into quarantine, or leaves it there.
    fn hold(&self, message: &Message, held: &Held, waiting: Option<&Entry>) -> Result<Attempt, TakeError> {
        let id = quarantine::id_of(message);
        let (reason, needs) = (held.reason.clone(), held.needs.clone());
        if waiting.is_some() {
            return Ok(Attempt::Done(Taken::Quarantined { id, reason, needs, again: true }));
        }
        let mut events = Vec::new();
        let mut subject = None;
        if !held.numbers.is_empty() {
            let opening = Opening { store: self.store, at: self.now, mappa: false };
            let found = opening.find_or_open(&held.numbers)?;
            events = found.events;
            subject = Some(self.survivor(&found.subject)?);
        }
        events.push(quarantine::quarantined(message, held, subject.as_deref(), self.now)?);
        match self.append(message, events)? {
            Appended::Stored(_) => Ok(Attempt::Done(Taken::Quarantined { id, reason, needs, again: false })),
            Appended::Conflict { .. } => Ok(Attempt::Again),
        }
    }

    /// Stores events, all or none.
    fn append(&self, message: &Message, events: Vec<NewEvent>) -> Result<Appended, TakeError> {
        let command = command_of(message);
        let named = events
            .into_iter()
            .map(|event| {
                let event = self.by(event)?;
                event.for_command(&command).map_err(|error| TakeError::Failed(error.to_string()))
            })
            .collect::<Result<Vec<_>, _>>()?;
        let outcomes = self.store.append_blocking(named, OnError::All)?;
        let refused = outcomes.iter().position(|outcome| match outcome {
            Outcome::Refused(
                Refusal::Conflict { .. }
                | Refusal::Erased { .. }
                | Refusal::Overtaken { .. }
                | Refusal::VersionConflict { .. },
            ) => true,
            Outcome::Stored { .. } | Outcome::AlreadyStored { .. } | Outcome::NotStored { .. } => false,
        });
        Ok(match refused {
            None => Appended::Stored(outcomes),
            Some(place) => Appended::Conflict { place },
        })
    }

    fn by(&self, event: NewEvent) -> Result<NewEvent, TakeError> {
        match self.rights {
            Rights::Local => Ok(event),
            Rights::Client(client) => {
                event.by(&client.name).map_err(|error| TakeError::Failed(error.to_string()))
            }
            Rights::Person(user) => event.by(user).map_err(|error| TakeError::Failed(error.to_string())),
        }
    }
}

/// The command that a message is: what tells its content from that of another with its id.
fn command_of(message: &Message) -> String {
    format!("hmpps-{}", message.digest)
}

fn is_of(event: &StoredEvent, message: &Message) -> bool {
    event.command_id.as_deref() == Some(command_of(message).as_str())
}

fn stored_before(first: &StoredEvent) -> Taken {
    Taken::Stored { facts: vec![(first.fact.kind, first.position)], again: true }
}

fn waiting_before(entry: Entry) -> Taken {
    Taken::Quarantined { id: entry.id, reason: entry.reason, needs: entry.needs, again: true }
}

/// A fact of a message; the first has the message's id.
fn fact(message: &Message, at: Instant, place: usize, draft: &Draft) -> Result<NewEvent, FactError> {
    let id = if place == 0 { message.id.clone() } else { format!("{}:{}", message.id, place + 1) };
    let event = json!({
        "specversion": "1.0", "id": id, "source": message.teller, "type": draft.kind.name(),
        "subject": draft.subject, "time": at, "data": draft.data,
    });
    NewEvent::from_value(&event, Claim::Ignore)
}

/// That the survivor of a merge took another nominal in, for who reads the survivor's stream alone.
fn received(message: &Message, at: Instant, from: &str, into: &Value) -> Result<NewEvent, TakeError> {
    // The same body may come under several ids, and each finds the two persons as they stand then.
    let id = format!("merged-{}", quarantine::id_of(message));
    super::people::event(&json!({
        "specversion": "1.0", "id": id, "source": crate::outside::OWN_SOURCE,
        "type": "subject.identified", "subject": into, "time": at, "data": { "from": from },
    }))
}

/// That a message said what is known: it is stored once as well.
fn noted(message: &Message, useful: &Useful, subject: &str) -> Result<NewEvent, TakeError> {
    let personal: Map<String, Value> =
        useful.person.iter().map(|(kind, number)| (kind.name().to_owned(), json!(number))).collect();
    super::people::event(&json!({
        "specversion": "1.0", "id": message.id, "source": message.teller, "type": "subject.identified",
        "subject": subject, "time": useful.at, "data": { "personal": personal },
    }))
}

/// Why a fact cannot be made, without what was stated.
fn unusable(error: &FactError) -> String {
    match error {
        FactError::Field { field, .. } => format!("field `{field}` cannot be used as it is stated"),
        FactError::Json(_) => "what it states makes no fact".to_owned(),
    }
}
