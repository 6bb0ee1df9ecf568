//! What becomes of the events of one transaction: the rows to insert, and the answers. Decides everything; what
//! carries it out has nothing left to choose.

use hashbrown::HashMap;
use mandate_domain::catalogue::FactType;
use mandate_domain::time::Instant;
use mandate_verify::tree::Frontier;

use crate::cloud_event::CloudEvent;
use crate::error::StoreError;
use crate::keys::{Keys, KeysError, Pending};
use crate::leaf::{EVENT_VERSION, sha256};
use crate::new_event::{Expected, NewEvent, Tie};
use crate::outcome::{First, OnError, Outcome, Refusal};
use crate::position::{Position, Sequence};
use crate::stored_event::{StoredEvent, split_subject};
use crate::streams::Streams;

/// What the database knows, as the transaction in progress sees it.
pub(crate) trait Known {
    /// The event with the (source, id) of one that is to be stored.
    fn stored(&mut self, event: &NewEvent) -> Result<Option<StoredEvent>, StoreError>;

    /// The version of a stream; [`Sequence::START`] for one that is not there.
    fn version(&mut self, subject: &str) -> Result<Sequence, StoreError>;

    /// The position of the last event of a type; [`Position::START`] where there is none.
    fn last_of(&mut self, kind: FactType) -> Result<Position, StoreError>;
}

/// An event with its place, as it is to be inserted.
pub(crate) struct Row<'e> {
    pub(crate) event: &'e NewEvent,
    pub(crate) position: Position,
    pub(crate) sequence: Sequence,
    pub(crate) leaf: [u8; 32],
    pub(crate) sealed: Option<Box<[u8]>>,
}

/// What is to become of an event.
enum Verdict {
    /// It is new, and its place in its stream is this.
    New(Sequence),
    /// It is in the log, or in the same batch, already.
    Known(First),
    /// It cannot be stored.
    Refused(Refusal),
}

/// The events of an all-or-nothing batch that come before the one being looked at and have no place yet.
#[derive(Default)]
struct Earlier<'e> {
    places: HashMap<(&'e str, &'e str), usize>,
    versions: HashMap<&'e str, Sequence>,
}

/// The plan of one transaction.
pub(crate) struct Plan<'e, 'w, K> {
    keys: &'w Keys,
    streams: &'w Streams,
    known: K,
    position: Position,
    recorded_at: Instant,
    /// Versions of the streams that this plan appends to.
    versions: HashMap<&'e str, Sequence>,
    /// Rows of this plan by (source, id).
    places: HashMap<(&'e str, &'e str), usize>,
    /// The tree with the leaves of the rows.
    pub(crate) frontier: Frontier,
    /// What must be durable before the rows.
    pub(crate) pending: Pending,
    /// What is to be inserted.
    pub(crate) rows: Vec<Row<'e>>,
}

impl<'e, 'w, K: Known> Plan<'e, 'w, K> {
    /// A plan that goes on from an end of the log, `frontier` being the tree up to there.
    pub(crate) fn new(
        keys: &'w Keys,
        streams: &'w Streams,
        known: K,
        frontier: Frontier,
        recorded_at: Instant,
    ) -> Self {
        Self {
            keys,
            streams,
            known,
            position: Position::new(frontier.size()),
            recorded_at,
            versions: HashMap::new(),
            places: HashMap::new(),
            frontier,
            pending: Pending::default(),
            rows: Vec::new(),
        }
    }

    /// The position of the last row, or where the log ended before.
    pub(crate) const fn position(&self) -> Position {
        self.position
    }

    /// The versions of the streams that the rows bring forward.
    pub(crate) fn versions(&self) -> impl Iterator<Item = (&'e str, Sequence)> {
        self.versions.iter().map(|(subject, version)| (*subject, *version))
    }

    /// Takes in a batch: rows for what can be inserted, an answer for each event.
    pub(crate) fn add(
        &mut self,
        events: &'e [NewEvent],
        on_error: OnError,
    ) -> Result<Vec<Outcome>, StoreError> {
        match on_error {
            OnError::All if events.len() > 1 => self.add_all(events),
            OnError::All | OnError::Each => self.add_each(events),
        }
    }

    fn add_each(&mut self, events: &'e [NewEvent]) -> Result<Vec<Outcome>, StoreError> {
        let none = Earlier::default();
        let mut outcomes = Vec::with_capacity(events.len());
        for event in events {
            let verdict = self.judge(events, event, &none)?;
            outcomes.push(self.carry_out(event, verdict, &outcomes)?);
        }
        Ok(outcomes)
    }

    fn add_all(&mut self, events: &'e [NewEvent]) -> Result<Vec<Outcome>, StoreError> {
        let mut earlier = Earlier::default();
        let mut verdicts = Vec::with_capacity(events.len());
        for (place, event) in events.iter().enumerate() {
            let verdict = self.judge(events, event, &earlier)?;
            if let Verdict::New(sequence) = verdict {
                let fact = &event.event.fact;
                earlier.places.insert((&fact.source, &fact.id), place);
                earlier.versions.insert(&fact.subject, sequence);
            }
            verdicts.push(verdict);
        }
        let refused = verdicts.iter().position(|verdict| matches!(verdict, Verdict::Refused(_)));
        let mut outcomes = Vec::with_capacity(events.len());
        for (event, verdict) in events.iter().zip(verdicts) {
            outcomes.push(match (verdict, refused) {
                (Verdict::New(_) | Verdict::Known(First::InBatch(_)), Some(because_of)) => {
                    Outcome::NotStored { because_of }
                }
                (verdict, _) => self.carry_out(event, verdict, &outcomes)?,
            });
        }
        Ok(outcomes)
    }

    /// Does as the verdict says; `before` are the outcomes of the events before this one in its batch.
    fn carry_out(
        &mut self,
        event: &'e NewEvent,
        verdict: Verdict,
        before: &[Outcome],
    ) -> Result<Outcome, StoreError> {
        Ok(match verdict {
            Verdict::New(sequence) => self.insert(event, sequence)?,
            Verdict::Known(First::Stored(position)) => Outcome::AlreadyStored { position },
            Verdict::Known(First::InBatch(place)) => match before.get(place).and_then(Outcome::position) {
                Some(position) => Outcome::AlreadyStored { position },
                None => Outcome::NotStored { because_of: place },
            },
            Verdict::Refused(refusal) => Outcome::Refused(refusal),
        })
    }

    fn judge(
        &mut self,
        events: &'e [NewEvent],
        event: &'e NewEvent,
        earlier: &Earlier<'_>,
    ) -> Result<Verdict, StoreError> {
        let fact = &event.event.fact;
        let key = (&*fact.source, &*fact.id);
        if let Some(&place) = earlier.places.get(&key)
            && let Some(first) = events.get(place)
        {
            return Ok(known(event, First::InBatch(place), first.event.differences(&event.event)));
        }
        if let Some(row) = self.places.get(&key).and_then(|row| self.rows.get(*row)) {
            let differing = row.event.event.differences(&event.event);
            return Ok(known(event, First::Stored(row.position), differing));
        }
        if let Some(stored) = self.known.stored(event)? {
            let differing = self.differences(&stored, event)?;
            return Ok(known(event, First::Stored(stored.position), differing));
        }
        if !event.event.private.is_empty() && self.keys.is_erased(&fact.subject) {
            return Ok(Verdict::Refused(Refusal::Erased { subject: fact.subject.clone() }));
        }
        if let Some(refusal) = self.loosened(&event.ties)? {
            return Ok(Verdict::Refused(refusal));
        }
        let before = self.version(&fact.subject)?;
        let last = earlier.versions.get(&*fact.subject).copied().unwrap_or(before);
        let (expected, actual) = match event.expected {
            None => return Ok(Verdict::New(last.next())),
            Some(Expected::JustBefore(expected)) => (expected, last),
            Some(Expected::BeforeBatch(expected)) => (expected, before),
        };
        if expected == actual {
            return Ok(Verdict::New(last.next()));
        }
        Ok(Verdict::Refused(Refusal::VersionConflict { subject: fact.subject.clone(), expected, actual }))
    }

    /// What of that on which an event was decided has changed.
    fn loosened(&mut self, ties: &[Tie]) -> Result<Option<Refusal>, StoreError> {
        for tie in ties {
            match tie {
                Tie::Stream(subject, expected) => {
                    let actual = self.version(subject)?;
                    if actual != *expected {
                        let (subject, expected) = (subject.clone(), *expected);
                        return Ok(Some(Refusal::VersionConflict { subject, expected, actual }));
                    }
                }
                Tie::NoneSince(kind, position) => {
                    let here = self.rows.iter().any(|row| row.event.fact().kind == *kind);
                    if here || self.known.last_of(*kind)? > *position {
                        return Ok(Some(Refusal::Overtaken { kind: *kind }));
                    }
                }
            }
        }
        Ok(None)
    }

    fn differences(&self, stored: &StoredEvent, event: &NewEvent) -> Result<Vec<String>, StoreError> {
        if stored.payload == event.payload && stored.sealed.is_none() && event.event.private.is_empty() {
            return Ok(Vec::new());
        }
        let private = match self.keys.compare(stored) {
            Ok(private) => private,
            // Erased: what was sealed can no longer be compared, and must not be stored again.
            Err(KeysError::NoKey { .. }) => event.event.private.clone(),
            Err(error) => return Err(error.into()),
        };
        let stored = CloudEvent { fact: stored.fact.clone(), private };
        Ok(stored.differences(&event.event))
    }

    /// The version of a stream, the rows of this plan included.
    fn version(&mut self, subject: &str) -> Result<Sequence, StoreError> {
        match self.versions.get(subject).copied().or_else(|| self.streams.version(subject)) {
            Some(version) => Ok(version),
            None => self.known.version(subject),
        }
    }

    fn insert(&mut self, event: &'e NewEvent, sequence: Sequence) -> Result<Outcome, StoreError> {
        let (CloudEvent { fact, .. }, recorded_at) = (&event.event, self.recorded_at);
        let position = self.position.next();
        let sealed = self.keys.seal(&event.event, &mut self.pending)?;
        let (aggregate_type, aggregate_id) = split_subject(&fact.subject);
        let leaf = mandate_verify::leaf::Leaf {
            position: position.get(),
            aggregate_type,
            aggregate_id,
            sequence: sequence.get(),
            event_type: fact.kind.name(),
            event_version: EVENT_VERSION,
            source: &fact.source,
            event_id: &fact.id,
            occurred_at: fact.time.nanos(),
            recorded_at: recorded_at.nanos(),
            claimed_at: fact.recorded.map(Instant::nanos),
            actor: event.actor.as_deref(),
            command_id: event.command_id.as_deref(),
            payload_digest: event.payload_digest,
            sealed_digest: sealed.as_deref().map(sha256),
        }
        .digest();
        self.frontier.append(&leaf);
        self.keys.index(&event.event, position, &mut self.pending);
        self.position = position;
        self.versions.insert(&fact.subject, sequence);
        self.places.insert((&fact.source, &fact.id), self.rows.len());
        self.rows.push(Row { event, position, sequence, leaf, sealed });
        Ok(Outcome::Stored { position, recorded_at })
    }
}

/// The verdict on an event whose (source, id) was there first.
fn known(event: &NewEvent, first: First, differing: Vec<String>) -> Verdict {
    if differing.is_empty() {
        return Verdict::Known(first);
    }
    let (teller, id) = (event.event.fact.source.clone(), event.event.fact.id.clone());
    Verdict::Refused(Refusal::Conflict { teller, id, first, differing })
}
