//! Messages that could not be used: kept whole and sealed, under the nominal where one is known, else under a subject
//! of their own, so that erasing either destroys what they say.

use mandate_domain::catalogue::{FactType, Field};
use mandate_domain::fact::Value as FactValue;
use mandate_domain::time::Instant;
use mandate_store::{NewEvent, Position, Store, StoredEvent};
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use super::TakeError;
use super::map::Held;
use super::message::{Message, is_opaque};
use super::people::event;
use crate::outside::OWN_SOURCE;

/// What became of a message in quarantine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It waits.
    Waiting,
    /// It was replayed.
    Replayed,
    /// It was discarded.
    Discarded,
}

/// A message in quarantine.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Its id there.
    pub id: String,
    /// What it is filed under.
    pub subject: String,
    /// Where it stands in the log.
    pub position: Position,
    /// Why it is there.
    pub reason: String,
    /// What it needs.
    pub needs: Vec<String>,
    /// What became of it.
    pub standing: Standing,
    event: StoredEvent,
}

/// The id in quarantine of a message: of its teller, its id and its content.
#[must_use]
pub fn id_of(message: &Message) -> String {
    let mut digest = Sha256::new();
    for part in [&message.teller, &message.id, &message.digest] {
        digest.update((part.len() as u64).to_be_bytes());
        digest.update(part.as_bytes());
    }
    let digits: String = digest.finalize().iter().take(10).map(|byte| format!("{byte:02x}")).collect();
    format!("Q-{digits}")
}

/// Under which id the end of a message's time in quarantine is stored; whichever end comes first has it.
fn settled_id(id: &str) -> String {
    format!("{id}-settled")
}

/// `message.quarantined`.
///
/// # Errors
/// [`TakeError::Failed`] when it is no event.
pub fn quarantined(
    message: &Message,
    held: &Held,
    subject: Option<&str>,
    now: Instant,
) -> Result<NewEvent, TakeError> {
    let id = id_of(message);
    let filed = subject.map_or_else(|| format!("message/{id}"), str::to_owned);
    let mut data = Map::new();
    data.insert("teller".to_owned(), json!(message.teller));
    data.insert("message_id".to_owned(), json!(message.id));
    data.insert("reason".to_owned(), json!(held.reason));
    data.insert("message".to_owned(), json!(message.text));
    if !held.needs.is_empty() {
        data.insert("needs".to_owned(), json!(held.needs));
    }
    let stated = message.body.as_ref().ok().and_then(|body| body.get("eventType")?.as_str());
    if let Some(name) = stated.filter(|name| name.len() <= 100 && is_opaque(name)) {
        data.insert("code".to_owned(), json!(name));
    }
    event(&json!({
        "specversion": "1.0", "id": id, "source": OWN_SOURCE, "type": "message.quarantined", "subject": filed,
        "time": now, "data": data,
    }))
}

impl Entry {
    /// The entry of that id, if there is one.
    ///
    /// # Errors
    /// [`TakeError::Store`] when the log cannot be read.
    pub fn find(store: &Store, id: &str) -> Result<Option<Self>, TakeError> {
        let Some(event) = store.reader().by_source_id(OWN_SOURCE, id)? else { return Ok(None) };
        if event.fact.kind != FactType::MessageQuarantined {
            return Ok(None);
        }
        let settled = store.reader().by_source_id(OWN_SOURCE, &settled_id(id))?;
        let standing = match settled.map(|event| event.fact.kind) {
            None => Standing::Waiting,
            Some(FactType::MessageDiscarded) => Standing::Discarded,
            Some(_) => Standing::Replayed,
        };
        let needs = match event.fact.get(Field::Needs) {
            Some(FactValue::Texts(needs)) => needs.iter().map(ToString::to_string).collect(),
            _ => Vec::new(),
        };
        Ok(Some(Self {
            id: id.to_owned(),
            subject: event.fact.subject.to_string(),
            position: event.position,
            reason: event.fact.text(Field::Reason).unwrap_or_default().to_owned(),
            needs,
            standing,
            event,
        }))
    }

    /// The source whose message it is.
    #[must_use]
    pub fn teller(&self) -> &str {
        self.event.fact.text(Field::Teller).unwrap_or_default()
    }

    /// The message, as it came.
    ///
    /// # Errors
    /// [`TakeError::Gone`] when it cannot be opened any more.
    pub fn message(&self, store: &Store) -> Result<Message, TakeError> {
        let gone = || TakeError::Gone(self.id.clone());
        let private = store.keys().unseal(&self.event).map_err(|error| match error {
            mandate_store::KeysError::NoKey { .. } | mandate_store::KeysError::Restricted { .. } => gone(),
            other => other.into(),
        })?;
        let text = private.get("message").and_then(Value::as_str).ok_or_else(gone)?;
        Ok(Message::read_kept(text.to_owned())?)
    }

    /// `message.replayed`.
    ///
    /// # Errors
    /// [`TakeError::Failed`] when it is no event.
    pub fn replayed(&self, now: Instant) -> Result<NewEvent, TakeError> {
        self.settled("message.replayed", json!({ "event": { "source": OWN_SOURCE, "id": self.id } }), now)
    }

    /// `message.discarded`.
    ///
    /// # Errors
    /// [`TakeError::Failed`] when the reason cannot be kept.
    pub fn discarded(&self, by: &str, reason: &str, now: Instant) -> Result<NewEvent, TakeError> {
        let event = json!({ "source": OWN_SOURCE, "id": self.id });
        self.settled("message.discarded", json!({ "event": event, "by": by, "reason": reason }), now)
    }

    #[expect(clippy::needless_pass_by_value, reason = "made for this event")]
    fn settled(&self, kind: &str, data: Value, now: Instant) -> Result<NewEvent, TakeError> {
        event(&json!({
            "specversion": "1.0", "id": settled_id(&self.id), "source": OWN_SOURCE, "type": kind,
            "subject": self.subject, "time": now, "data": data,
        }))
    }
}
