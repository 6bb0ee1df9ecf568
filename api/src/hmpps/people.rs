//! Who is meant by a CRN or a NOMS number, and how a person unknown so far is entered once.
//!
//! Whose number it is stands in the log as `subject.identified` under an id made from a keyed digest of the number: two
//! requests that meet a new person at once state the same id, the log takes one of them, and the other looks again. The
//! digest names nobody to whoever lacks the keys of the log.

use mandate_domain::time::Instant;
use mandate_store::{Claim, Identifier, NewEvent, Sequence, Store};
use serde_json::{Map, Value, json};

use super::TakeError;
use super::map::Numbers;
use crate::outside::OWN_SOURCE;

/// Erasures of one person that are looked through.
const MAX_GENERATIONS: u32 = 1_000;
/// Characters of an opaque reference: those that are not mistaken for others.
const REFERENCE: &[u8; 32] = b"23456789ABCDEFGHJKLMNPQRSTUVWXYZ";

/// A person, as the log knows them.
#[derive(Debug, Clone)]
pub struct Found {
    /// The nominal.
    pub subject: String,
    /// What is to be stored with whatever is stated of them: nothing for a person whose numbers are all known.
    pub events: Vec<NewEvent>,
}

/// Who opens a nominal, and when.
#[derive(Debug, Clone, Copy)]
pub struct Opening<'o> {
    /// The log.
    pub store: &'o Store,
    /// The time of the message.
    pub at: Instant,
    /// Whether the message says that the person is managed under MAPPA.
    pub mappa: bool,
}

impl Opening<'_> {
    /// The person with some numbers; one unknown so far is to be opened by the events in the answer.
    ///
    /// # Errors
    /// [`TakeError`] when the log or its keys cannot be read.
    pub fn find_or_open(&self, numbers: &Numbers) -> Result<Found, TakeError> {
        let mut known = None;
        let mut free = Vec::new();
        for (kind, number) in numbers {
            match self.owner(*kind, number)? {
                Owner::Known(subject) => {
                    known.get_or_insert(subject);
                }
                Owner::Free(id) => free.push((*kind, number, id)),
            }
        }
        let (subject, mut events) = match known {
            Some(subject) => (subject, Vec::new()),
            None => self.open()?,
        };
        for (kind, number, id) in free {
            events.push(identified(&subject, &id, self.at, &[(kind, number)])?);
        }
        Ok(Found { subject, events })
    }

    fn owner(&self, kind: Identifier, number: &str) -> Result<Owner, TakeError> {
        let (reader, keys) = (self.store.reader(), self.store.keys());
        let pseudonym = keys.pseudonym(kind, number);
        let mut free = String::new();
        for generation in 1..=MAX_GENERATIONS {
            free = match generation {
                1 => format!("number-{pseudonym}"),
                _ => format!("number-{pseudonym}-{generation}"),
            };
            match reader.by_source_id(OWN_SOURCE, &free)? {
                // Whoever was erased is not found again: the person is a new one.
                Some(event) if keys.is_erased(&event.fact.subject) => {}
                Some(event) => return Ok(Owner::Known(event.fact.subject.into())),
                None => break,
            }
        }
        for subject in keys.recognise(kind, number)? {
            // The index is written before the log: what it names may not have come there.
            if subject.starts_with("nominal/") && reader.version(&subject)? != Sequence::START {
                return Ok(Owner::Known(subject));
            }
        }
        Ok(Owner::Free(free))
    }

    fn open(&self) -> Result<(String, Vec<NewEvent>), TakeError> {
        let random = crate::random::bytes::<8>().map_err(|error| TakeError::Failed(error.to_string()))?;
        let digit = |byte: &u8| REFERENCE.get(usize::from(byte % 32)).map_or('2', |digit| char::from(*digit));
        let reference: String = random.iter().map(digit).collect();
        let subject = format!("nominal/N-{reference}");
        let kind = if self.mappa { "mappa" } else { "other" };
        let registered = json!({
            "specversion": "1.0", "id": format!("opened-N-{reference}"), "source": OWN_SOURCE,
            "type": "nominal.registered", "subject": subject, "time": self.at, "data": { "kind": kind },
        });
        Ok((subject, vec![event(&registered)?]))
    }
}

enum Owner {
    Known(String),
    Free(String),
}

/// `subject.identified` under Mandate's own source.
fn identified(
    subject: &str,
    id: &str,
    at: Instant,
    numbers: &[(Identifier, &String)],
) -> Result<NewEvent, TakeError> {
    let personal: Map<String, Value> =
        numbers.iter().map(|(kind, number)| (kind.name().to_owned(), json!(number))).collect();
    event(&json!({
        "specversion": "1.0", "id": id, "source": OWN_SOURCE, "type": "subject.identified", "subject": subject,
        "time": at, "data": { "personal": personal },
    }))
}

/// An event of Mandate's own.
///
/// # Errors
/// [`TakeError::Failed`] for one that the catalogue does not know.
pub fn event(event: &Value) -> Result<NewEvent, TakeError> {
    NewEvent::from_value(event, Claim::Ignore)
        .map_err(|error| TakeError::Failed(format!("an event of our own: {error}")))
}
