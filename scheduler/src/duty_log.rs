//! What the log holds about one duty: its breaches, warnings and notices, in order.
//!
//! Mails are written from this and not from the read models, so that a mail sent again is the same to the byte.

use mandate_domain::catalogue::{FactType, Field};
use mandate_domain::fact::{Fact, Value};
use mandate_domain::time::Instant;
use mandate_store::{MAX_READ, Position, Reader, Sequence, StoreError, StoredEvent};

use crate::event::{SOURCE, Told, attempt_id};
use crate::notice::Template;

/// The stream of one duty.
#[derive(Debug)]
pub(crate) struct DutyLog {
    events: Vec<StoredEvent>,
}

/// A breach as it was raised.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Raised {
    pub rule: String,
    pub version: String,
    pub holder: Option<String>,
    pub outcome: String,
    pub due_at: Option<Instant>,
}

/// A breach as it was withdrawn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Withdrawal {
    pub because: String,
    pub outcome_now: Option<String>,
    pub replaced_by: Option<String>,
    pub position: Position,
}

/// A notice that lists the duty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Queued {
    pub notice: String,
    pub matter: Matter,
    pub recipient: String,
    pub generation: u32,
    /// The warning or escalation that it tells of.
    pub step: Option<String>,
}

/// What of a duty a notice tells of, whichever mail it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Matter {
    Breach,
    Warning,
    Escalation,
    Rescission,
    /// Something else than its steps: what others did, or what was due on a day.
    Other(Template),
}

impl Matter {
    pub const fn of(template: Template) -> Self {
        match template {
            Template::Breach | Template::Summary => Self::Breach,
            Template::Warning | Template::Vetting => Self::Warning,
            Template::Escalation => Self::Escalation,
            Template::Rescission => Self::Rescission,
            Template::Opened
            | Template::Partnership
            | Template::Transfer
            | Template::Digest
            | Template::Team
            | Template::Quarterly
            | Template::Operations => Self::Other(template),
        }
    }

    /// What a step tells of by the mails that it names; none for what is no step.
    const fn of_step(kind: FactType) -> Option<Self> {
        match kind {
            FactType::DutyBreached => Some(Self::Breach),
            FactType::DutyWarned => Some(Self::Warning),
            FactType::BreachEscalated => Some(Self::Escalation),
            FactType::BreachRescinded => Some(Self::Rescission),
            _ => None,
        }
    }
}

/// What became of a notice so far.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Attempts {
    /// Answers that asked to try again, and failures before the message was sent.
    pub deferred: u32,
    /// Messages sent whose answer was lost.
    pub ambiguous: u32,
    /// When the latest of them was.
    pub last_at: Option<Instant>,
    /// Whether it was accepted or rejected.
    pub settled: bool,
    /// Since when an attempt goes on of which no outcome is known.
    pub open_since: Option<Instant>,
    /// How many attempts were begun.
    pub begun: u32,
    /// The SHA-256 of what the latest of them sent, in lower-case hexadecimal digits.
    pub sha256: Option<String>,
}

impl Attempts {
    /// How often it was tried.
    pub const fn count(&self) -> u32 {
        self.deferred + self.ambiguous
    }
}

impl DutyLog {
    pub fn read(reader: &Reader, duty: &str) -> Result<Self, StoreError> {
        let subject = format!("duty/{duty}");
        let mut events: Vec<StoredEvent> = Vec::new();
        loop {
            let after = events.last().map_or(Sequence::START, |event| event.sequence);
            let page = reader.read_subject(&subject, after, MAX_READ)?;
            let last = page.len() < MAX_READ;
            events.extend(page);
            if last {
                return Ok(Self { events });
            }
        }
    }

    fn own(&self, kind: FactType) -> impl DoubleEndedIterator<Item = &StoredEvent> {
        self.events.iter().filter(move |event| event.fact.kind == kind && &*event.fact.source == SOURCE)
    }

    fn latest(&self, kind: FactType, generation: u32) -> Option<&StoredEvent> {
        self.own(kind).rev().find(|event| generation_of(&event.fact) == generation)
    }

    /// The breach of that generation.
    pub fn raised(&self, generation: u32) -> Option<Raised> {
        let fact = &self.latest(FactType::DutyBreached, generation)?.fact;
        Some(Raised {
            rule: text(fact, Field::Rule).unwrap_or_default(),
            version: text(fact, Field::Version).unwrap_or_default(),
            holder: text(fact, Field::Holder),
            outcome: text(fact, Field::Outcome).unwrap_or_else(|| "overdue".to_owned()),
            due_at: due_at(fact),
        })
    }

    /// Why the breach of that generation was withdrawn, if it was.
    pub fn withdrawal(&self, generation: u32) -> Option<Withdrawal> {
        let event = self.latest(FactType::BreachRescinded, generation)?;
        Some(Withdrawal {
            because: text(&event.fact, Field::Because).unwrap_or_default(),
            outcome_now: text(&event.fact, Field::OutcomeNow),
            replaced_by: text(&event.fact, Field::ReplacedBy),
            position: event.position,
        })
    }

    /// Whether the breach of that generation was closed or withdrawn.
    pub fn ended(&self, generation: u32) -> bool {
        self.latest(FactType::BreachClosed, generation).is_some() || self.withdrawal(generation).is_some()
    }

    /// The step that a notice of this duty tells of, and to whom that escalates.
    pub fn escalation_of(&self, notice: &str) -> Option<(String, String)> {
        let queued = self.notices().find(|one| one.notice == notice)?;
        let step = queued.step?;
        let is_that = |event: &&StoredEvent| {
            event.fact.text(Field::Step) == Some(&step) && generation_of(&event.fact) == queued.generation
        };
        let role = text(&self.own(FactType::BreachEscalated).find(is_that)?.fact, Field::ToRole)?;
        Some((step, role))
    }

    /// The step that a notice of this duty tells of, where it tells of one.
    pub fn step_of(&self, notice: &str) -> Option<String> {
        self.notices().find(|one| one.notice == notice)?.step
    }

    /// Whether a person has another notice that tells the same as one: of that breach, of that step, of that act.
    pub fn has_another(&self, notice: &str, template: Template, generation: u32, person: &str) -> bool {
        let step = self.step_of(notice);
        self.notices().any(|one| {
            one.notice != notice
                && one.recipient == person
                && one.generation == generation
                && one.matter == Matter::of(template)
                && one.step == step
        })
    }

    /// Whether a warning was given for this due moment in that generation.
    pub fn warned_of(&self, due_at_wanted: Option<Instant>, generation: u32) -> bool {
        let mut warned = self.own(FactType::DutyWarned);
        warned.any(|event| generation_of(&event.fact) == generation && due_at(&event.fact) == due_at_wanted)
    }

    /// The notices that list the duty, in the order in which they were queued.
    pub fn notices(&self) -> impl Iterator<Item = Queued> {
        let own = self.events.iter().filter(|event| &*event.fact.source == SOURCE);
        own.flat_map(|event| listing(&event.fact))
    }

    /// The notices that tell of the breach of that generation.
    pub fn breach_notices(&self, generation: u32) -> impl Iterator<Item = Queued> {
        self.notices().filter(move |one| one.generation == generation && one.matter == Matter::Breach)
    }

    /// What became of a notice of which this is the first duty.
    pub fn attempts(&self, notice: &str) -> Attempts {
        let mut attempts = Attempts::default();
        for event in &self.events {
            let fact = &event.fact;
            if &*fact.source != SOURCE || fact.text(Field::Notice) != Some(notice) {
                continue;
            }
            if fact.kind == FactType::NoticeAttempted {
                attempts.open_since = Some(fact.time);
                attempts.begun += 1;
                attempts.sha256 = text(fact, Field::Sha256);
                continue;
            }
            match fact.kind {
                FactType::NoticeAccepted | FactType::NoticeRejected => attempts.settled = true,
                FactType::NoticeDeferred => attempts.deferred += 1,
                FactType::NoticeAmbiguous => attempts.ambiguous += 1,
                _ => continue,
            }
            attempts.open_since = None;
            attempts.last_at = Some(fact.time);
        }
        attempts
    }
}

/// Whether a notice may have reached its recipient with what was so at a position: it was accepted before it, or of an
/// attempt that was begun before it the answer was yes, was lost, or is still to come.
pub(crate) fn may_have_gone_before(
    reader: &Reader,
    notice: &str,
    before: Position,
) -> Result<bool, StoreError> {
    let one = |id: &str| -> Result<Option<Position>, StoreError> {
        Ok(reader.by_source_id(SOURCE, id)?.map(|event| event.position))
    };
    let each = |id: &dyn Fn(u32) -> String| -> Result<Vec<Position>, StoreError> {
        let mut found = Vec::new();
        while let Some(position) = one(&id(u32::try_from(found.len()).unwrap_or(u32::MAX).saturating_add(1)))?
        {
            found.push(position);
        }
        Ok(found)
    };
    let mut gone = each(&|number| Told::Ambiguous(number).id(notice))?;
    gone.extend(one(&Told::Accepted.id(notice))?);
    if gone.iter().any(|position| *position < before) {
        return Ok(true);
    }
    let mut failed = each(&|number| Told::Deferred(number).id(notice))?;
    failed.extend(one(&Told::Rejected.id(notice))?);
    let begun = each(&|number| attempt_id(notice, number))?;
    // Attempts come one after the other: what became of one is what was recorded next.
    let next = |of: &[Position], begun: Position| of.iter().copied().filter(|told| *told > begun).min();
    let mut begun = begun.into_iter().filter(|begun| *begun < before);
    Ok(begun.any(|begun| match (next(&gone, begun), next(&failed, begun)) {
        (None, Some(_)) => false,
        (Some(gone), Some(failed)) => gone < failed,
        (Some(_) | None, None) => true,
    }))
}

/// The notices in which an event has its duty listed.
fn listing(fact: &Fact) -> Vec<Queued> {
    let generation = generation_of(fact);
    let step = text(fact, Field::Step);
    if let Some(matter) = Matter::of_step(fact.kind) {
        let pairs = texts(fact, Field::Notices).zip(texts(fact, Field::Told));
        let queued = |(notice, recipient): (&str, &str)| Queued {
            notice: notice.to_owned(),
            matter,
            recipient: recipient.to_owned(),
            generation,
            step: step.clone(),
        };
        return pairs.map(queued).collect();
    }
    // One without a generation says only that the mail is owed.
    if fact.kind != FactType::NoticeQueued || fact.get(Field::Generation).is_none() {
        return Vec::new();
    }
    let queued = || {
        let matter = Matter::of(Template::from_name(fact.text(Field::Template)?)?);
        let (notice, recipient) = (text(fact, Field::Notice)?, text(fact, Field::Recipient)?);
        Some(Queued { notice, matter, recipient, generation, step })
    };
    queued().into_iter().collect()
}

fn texts(fact: &Fact, field: Field) -> impl Iterator<Item = &str> {
    let texts: &[Box<str>] = match fact.get(field) {
        Some(Value::Texts(texts)) => texts,
        _ => &[],
    };
    texts.iter().map(|text| &**text)
}

fn text(fact: &Fact, field: Field) -> Option<String> {
    fact.text(field).map(str::to_owned)
}

fn due_at(fact: &Fact) -> Option<Instant> {
    match fact.get(Field::DueAt) {
        Some(Value::Instant(at)) => Some(*at),
        _ => None,
    }
}

fn generation_of(fact: &Fact) -> u32 {
    match fact.get(Field::Generation) {
        Some(Value::Number(number)) => u32::try_from(*number).unwrap_or(0),
        _ => 0,
    }
}
