//! An event on its way into the log: parsed once, with everything computed that needs no lock.

use mandate_domain::catalogue::FactType;
use mandate_domain::fact::{Fact, FactError, MAX_NAME_BYTES, Newlines, forbidden_character, looks_personal};

use crate::cloud_event::{CloudEvent, write_public};
use crate::leaf::sha256;
use crate::position::{Position, Sequence};
use crate::private::Private;

/// Longest text of one event, in bytes.
pub const MAX_EVENT_BYTES: usize = 1 << 20;

/// What to do with a teller's claim of when it recorded the fact (`recordedtime`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claim {
    /// Keep it beside the log's own `recorded_at`; for callers with the import right.
    Accept,
    /// Leave it out.
    Ignore,
}

/// The version of its stream without which an event is not stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Expected {
    /// Just before the event, those before it in its batch included.
    JustBefore(Sequence),
    /// Before the batch.
    BeforeBatch(Sequence),
}

/// What an event was decided on beside its own stream: where that has changed, it is not stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Tie {
    /// The stream of a subject is at this version.
    Stream(Box<str>, Sequence),
    /// No event of this type stands after this position.
    NoneSince(FactType, Position),
}

/// An event that may be appended.
#[derive(Debug, Clone)]
pub struct NewEvent {
    pub(crate) event: CloudEvent,
    pub(crate) payload: Box<str>,
    pub(crate) payload_digest: [u8; 32],
    /// Bytes of the private part as it will be sealed.
    private_bytes: usize,
    pub(crate) actor: Option<Box<str>>,
    pub(crate) command_id: Option<Box<str>>,
    pub(crate) expected: Option<Expected>,
    /// What else must still be as it was, before the batch.
    pub(crate) ties: Box<[Tie]>,
    /// A version that its stream had when its aggregate was loaded: a lower bound of what it has now.
    pub(crate) loaded: Option<Sequence>,
    /// Whether its id is looked for only where storing it shows that the log has it.
    pub(crate) is_presumed_new: bool,
}

impl NewEvent {
    /// Reads one structured-mode CloudEvent.
    ///
    /// # Errors
    /// As [`Fact::parse`]; also for a text longer than [`MAX_EVENT_BYTES`].
    pub fn parse(text: &str, claim: Claim) -> Result<Self, FactError> {
        check_length(text)?;
        Ok(Self::new(CloudEvent::parse(text)?, claim))
    }

    /// Reads one that Mandate itself made: what it took over from before is as it was then.
    pub(crate) fn of_ours(text: &str) -> Result<Self, FactError> {
        check_length(text)?;
        Ok(Self::new(CloudEvent::parse_stored(text)?, Claim::Ignore))
    }

    /// Takes a fact that was parsed before, and the text it was parsed from.
    ///
    /// # Errors
    /// [`FactError`] when the text is not JSON or longer than [`MAX_EVENT_BYTES`].
    pub fn of_parsed(fact: Fact, text: &str, claim: Claim) -> Result<Self, FactError> {
        check_length(text)?;
        Ok(Self::new(CloudEvent::of_parsed(fact, text)?, claim))
    }

    /// Reads a CloudEvent that is a JSON value.
    ///
    /// # Errors
    /// As [`Self::parse`].
    pub fn from_value(value: &serde_json::Value, claim: Claim) -> Result<Self, FactError> {
        Self::parse(&value.to_string(), claim)
    }

    /// Takes an event in its two parts, as Mandate itself makes them.
    #[must_use]
    pub fn new(mut event: CloudEvent, claim: Claim) -> Self {
        if claim == Claim::Ignore {
            event.fact.recorded = None;
        }
        let payload = write_public(&event.fact, event.fact.recorded).into_boxed_str();
        let payload_digest = sha256(payload.as_bytes());
        let private_bytes = if event.private.is_empty() { 0 } else { event.private.to_json().len() };
        Self {
            event,
            payload,
            payload_digest,
            private_bytes,
            actor: None,
            command_id: None,
            expected: None,
            ties: Box::default(),
            loaded: None,
            is_presumed_new: false,
        }
    }

    /// Names the person or client that states it, by an opaque id.
    ///
    /// # Errors
    /// [`FactError`] for an empty or overlong id, one with control characters, or one that looks like a CRN, NOMS
    /// or PNC number.
    pub fn by(mut self, actor: &str) -> Result<Self, FactError> {
        self.actor = Some(checked("actor", actor)?);
        Ok(self)
    }

    /// Names the command that produced it.
    ///
    /// # Errors
    /// As [`Self::by`].
    pub fn for_command(mut self, command_id: &str) -> Result<Self, FactError> {
        self.command_id = Some(checked("command id", command_id)?);
        Ok(self)
    }

    /// Stores it only if the last event of its subject's stream just before it is `version`
    /// ([`Sequence::START`]: only if it is the first).
    #[must_use]
    pub const fn expecting(mut self, version: Sequence) -> Self {
        self.expected = Some(Expected::JustBefore(version));
        self
    }

    /// Stores it only if its subject's stream, before the batch that it is sent in, is at `version`: of the events of
    /// that batch, those that are in the log already count for nothing.
    #[must_use]
    pub(crate) const fn expecting_before_batch(mut self, version: Sequence) -> Self {
        self.expected = Some(Expected::BeforeBatch(version));
        self
    }

    /// The same, stored only if all of this is as it was.
    #[must_use]
    pub(crate) fn tied(mut self, ties: &[Tie]) -> Self {
        self.ties = ties.into();
        self
    }

    /// Spares looking for its id before it is stored, for what the log hardly ever has: where it does, the transaction is
    /// made anew, and the answer is the same.
    #[must_use]
    pub const fn presumed_new(mut self) -> Self {
        self.is_presumed_new = true;
        self
    }

    /// The fact, as it will be read back.
    #[must_use]
    pub const fn fact(&self) -> &Fact {
        &self.event.fact
    }

    /// What will be sealed.
    #[must_use]
    pub const fn private(&self) -> &Private {
        &self.event.private
    }
}

impl NewEvent {
    /// About how many bytes storing it takes.
    pub(crate) fn bytes(&self) -> usize {
        self.payload.len() + self.private_bytes
    }
}

fn check_length(text: &str) -> Result<(), FactError> {
    if text.len() > MAX_EVENT_BYTES {
        return Err(FactError::Json(format!("{} bytes long: at most {MAX_EVENT_BYTES}", text.len())));
    }
    Ok(())
}

fn checked(field: &str, text: &str) -> Result<Box<str>, FactError> {
    let reason = if text.is_empty() {
        "empty"
    } else if text.len() > MAX_NAME_BYTES {
        "too long: at most 512 bytes"
    } else if forbidden_character(text, Newlines::Refused).is_some() {
        "holds a control or bidirectional character"
    } else if looks_personal(text) {
        "looks like a CRN, NOMS or PNC number; use an opaque reference"
    } else {
        return Ok(text.into());
    };
    Err(FactError::field(field, reason))
}
