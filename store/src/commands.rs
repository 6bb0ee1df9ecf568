//! Carrying out commands: the aggregates, and a second sending recognised.

mod context;
mod orders;

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use context::Followed;
use cqrs_es::event_sink::EventSink;
use cqrs_es::{Aggregate, AggregateContext as _, AggregateError, CqrsFramework, EventStore as _};
use mandate_domain::catalogue::{FactType, SubjectKind};
use mandate_domain::command::{Command, CommandName, Context, DutyNow, Refusal, RefusalKind, SOURCE};
use mandate_domain::time::Instant;

use crate::aggregate::{
    AreaKind, DutyKind, Given, Kind, NominalKind, PolicyKind, PrisonGroupKind, PrisonKind, RegionKind,
    Subject, TerminalKind, UnitKind, UserKind, event_id,
};
use crate::erasure::OrderError;
use crate::error::StoreError;
use crate::event_store::LogEventStore;
use crate::key_file;
use crate::new_event::Tie;
use crate::position::{Position, Sequence};
use crate::store::Store;
use crate::stored_event::{StoredEvent, split_subject};

/// How often a command is decided anew because its streams moved on meanwhile.
const ATTEMPTS: usize = 16;

/// A command, who gives it, and how.
#[derive(Debug, Clone)]
pub struct Asked {
    /// The command.
    pub command: Arc<Command>,
    /// The body as it was sent, from which a second sending is recognised.
    pub body: Vec<u8>,
    /// Who gives it: full id of a user.
    pub actor: String,
    /// The sender's own key for it: sent again under the same key it takes effect once.
    pub key: Option<String>,
    /// The version of the subject's stream that the sender saw.
    pub expected: Option<u64>,
    /// The duties that it is about.
    pub duties: Vec<DutyNow>,
    /// The present instant.
    pub now: Instant,
}

/// An event that a command recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// Its place in the log.
    pub position: Position,
    /// What it is about.
    pub subject: Box<str>,
    /// Its place in that subject's stream: the stream's version after it.
    pub version: Sequence,
    /// Its type.
    pub kind: FactType,
    /// Its source.
    pub source: Box<str>,
    /// Its id.
    pub id: Box<str>,
}

/// What became of a command that was carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Done {
    /// Its id.
    pub command_id: String,
    /// The events, in order.
    pub events: Vec<Recorded>,
}

impl Done {
    /// The position of the last event: who has read so far has seen all of it.
    #[must_use]
    pub fn position(&self) -> Position {
        self.events.iter().map(|event| event.position).max().unwrap_or(Position::START)
    }
}

/// Why a command was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum CommandFailure {
    /// It was refused.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The key was used for another command or body before.
    #[error(
        "this key was used before for another command or another body; send the same again, or use a new key"
    )]
    OtherBody,
    /// The streams moved on again and again.
    #[error("others change the same subjects at the same time; nothing was changed, send it again")]
    Contended,
    /// The log.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// An order about a person's data.
    #[error(transparent)]
    Order(#[from] OrderError),
    /// Something of ours.
    #[error("the command could not be carried out: {0}")]
    Failed(String),
}

/// Carries out commands on a log; cheap to clone.
#[derive(Clone)]
pub struct Commands {
    store: Store,
    shared: Arc<Shared>,
}

struct Shared {
    directory: Mutex<Followed>,
    nominals: LogEventStore<Subject<NominalKind>>,
    users: LogEventStore<Subject<UserKind>>,
    areas: LogEventStore<Subject<AreaKind>>,
    units: LogEventStore<Subject<UnitKind>>,
    prisons: LogEventStore<Subject<PrisonKind>>,
    groups: LogEventStore<Subject<PrisonGroupKind>>,
    regions: LogEventStore<Subject<RegionKind>>,
    terminals: LogEventStore<Subject<TerminalKind>>,
    duties: LogEventStore<Subject<DutyKind>>,
    policies: LogEventStore<Subject<PolicyKind>>,
}

impl std::fmt::Debug for Commands {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Commands({:?})", self.store)
    }
}

impl Commands {
    /// The commands of a log.
    #[must_use]
    pub fn new(store: &Store) -> Self {
        let shared = Shared {
            directory: Mutex::default(),
            nominals: LogEventStore::new(store.clone()),
            users: LogEventStore::new(store.clone()),
            areas: LogEventStore::new(store.clone()),
            units: LogEventStore::new(store.clone()),
            prisons: LogEventStore::new(store.clone()),
            groups: LogEventStore::new(store.clone()),
            regions: LogEventStore::new(store.clone()),
            terminals: LogEventStore::new(store.clone()),
            duties: LogEventStore::new(store.clone()),
            policies: LogEventStore::new(store.clone()),
        };
        Self { store: store.clone(), shared: Arc::new(shared) }
    }

    /// Carries a command out. Dropping the future half-way leaves it carried out whole or not at all.
    ///
    /// # Errors
    /// [`CommandFailure`]; nothing of the command is stored then, unless the log says that the outcome is unknown.
    pub async fn execute(&self, asked: Asked) -> Result<Done, CommandFailure> {
        let this = self.clone();
        let running = tokio::spawn(async move { this.carry_out(asked).await });
        running.await.map_err(|error| CommandFailure::Failed(error.to_string()))?
    }

    async fn carry_out(&self, asked: Asked) -> Result<Done, CommandFailure> {
        let keys = self.store.keys();
        let name = asked.command.name.name().as_bytes();
        let command_id = match &asked.key {
            Some(key) => format!("c-{}", keys.command_digest(&[asked.actor.as_bytes(), key.as_bytes()])),
            None => {
                let random = key_file::random().map_err(StoreError::from)?;
                format!("c-{}", keys.command_digest(&[&*random]))
            }
        };
        let said = keys.command_digest(&[name, &asked.body]);
        let metadata = HashMap::from([
            ("actor".to_owned(), asked.actor.clone()),
            ("command_id".to_owned(), format!("{command_id}/{said}")),
        ]);
        for _ in 0..ATTEMPTS {
            if let Some(done) = self.done_before(&asked, &command_id, &said).await? {
                return Ok(done);
            }
            let (context, ties) = self.context(&asked, &command_id).await?;
            let decided = if asked.command.name == CommandName::ConfirmOrder {
                self.confirm(&asked.command, context, ties, &metadata).await
            } else {
                self.on_aggregates(&asked.command, context, &ties, &metadata).await
            };
            match decided {
                Ok(()) => {
                    let events = self.recorded(&asked.command, &command_id).await?;
                    return Ok(Done { command_id, events });
                }
                Err(Trouble::Again) => {}
                // Of two sendings at once, one is decided on what the other has just done.
                Err(Trouble::Failed(failure)) => {
                    let done = self.done_before(&asked, &command_id, &said).await?;
                    return done.ok_or(failure);
                }
            }
        }
        Err(CommandFailure::Contended)
    }

    async fn on_aggregates(
        &self,
        command: &Arc<Command>,
        context: Context,
        ties: &[Tie],
        metadata: &HashMap<String, String>,
    ) -> Result<(), Trouble> {
        let shared = &*self.shared;
        let kind = command.subjects.first().and_then(|subject| SubjectKind::of(subject));
        match kind {
            Some(SubjectKind::Nominal) => run(&shared.nominals, command, context, ties, metadata).await,
            Some(SubjectKind::User) => run(&shared.users, command, context, ties, metadata).await,
            Some(SubjectKind::Area) => run(&shared.areas, command, context, ties, metadata).await,
            Some(SubjectKind::Unit) => run(&shared.units, command, context, ties, metadata).await,
            Some(SubjectKind::Prison) => run(&shared.prisons, command, context, ties, metadata).await,
            Some(SubjectKind::PrisonGroup) => run(&shared.groups, command, context, ties, metadata).await,
            Some(SubjectKind::Region) => run(&shared.regions, command, context, ties, metadata).await,
            Some(SubjectKind::Terminal) => run(&shared.terminals, command, context, ties, metadata).await,
            Some(SubjectKind::Duty) => run(&shared.duties, command, context, ties, metadata).await,
            Some(SubjectKind::Policy) => run(&shared.policies, command, context, ties, metadata).await,
            Some(
                SubjectKind::Calendar
                | SubjectKind::Police
                | SubjectKind::Message
                | SubjectKind::Webhook
                | SubjectKind::Client,
            )
            | None => {
                Err(Trouble::Failed(CommandFailure::Failed("no command is about such a subject".to_owned())))
            }
        }
    }

    /// What the command recorded when it was sent before under the same key; nothing without a key.
    async fn done_before(
        &self,
        asked: &Asked,
        command_id: &str,
        said: &str,
    ) -> Result<Option<Done>, CommandFailure> {
        if asked.key.is_none() {
            return Ok(None);
        }
        let (reader, id) = (self.store.reader().clone(), event_id(command_id, 0, 0));
        let Some(first) = blocking(move || reader.by_source_id(SOURCE, &id)).await? else { return Ok(None) };
        if first.command_id.as_deref() != Some(&format!("{command_id}/{said}")) {
            return Err(CommandFailure::OtherBody);
        }
        let events = self.recorded(&asked.command, command_id).await?;
        if asked.command.name == CommandName::ConfirmOrder {
            self.carry_out_again(events.clone()).await?;
        }
        Ok(Some(Done { command_id: command_id.to_owned(), events }))
    }

    /// The events of a command, in order.
    async fn recorded(&self, command: &Command, command_id: &str) -> Result<Vec<Recorded>, CommandFailure> {
        let (reader, command_id) = (self.store.reader().clone(), command_id.to_owned());
        let subjects = command.subjects.len();
        blocking(move || {
            let mut events = Vec::new();
            for place in 0..subjects {
                for number in 0.. {
                    let Some(event) = reader.by_source_id(SOURCE, &event_id(&command_id, place, number))?
                    else {
                        break;
                    };
                    events.push(Recorded::from(event));
                }
            }
            Ok(events)
        })
        .await
    }
}

impl From<StoredEvent> for Recorded {
    fn from(event: StoredEvent) -> Self {
        Self {
            position: event.position,
            subject: event.fact.subject,
            version: event.sequence,
            kind: event.fact.kind,
            source: event.fact.source,
            id: event.fact.id,
        }
    }
}

/// Why an attempt came to nothing.
enum Trouble {
    /// A stream moved on, or the same command was carried out meanwhile.
    Again,
    Failed(CommandFailure),
}

impl From<CommandFailure> for Trouble {
    fn from(failure: CommandFailure) -> Self {
        Self::Failed(failure)
    }
}

impl From<crate::outcome::Refusal> for Trouble {
    fn from(refusal: crate::outcome::Refusal) -> Self {
        use crate::outcome::Refusal as R;
        match refusal {
            // The same command, sent at the same time, was stored first; or something moved on.
            R::Conflict { .. } | R::VersionConflict { .. } | R::Overtaken { .. } => Self::Again,
            R::Erased { subject } => Self::Failed(erased(&subject).into()),
        }
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, CommandFailure> {
    let done = tokio::task::spawn_blocking(work).await;
    Ok(done.map_err(|error| CommandFailure::Failed(error.to_string()))??)
}

/// Decides a command on its subjects and stores what it comes to, all or nothing.
async fn run<K: Kind>(
    log: &LogEventStore<Subject<K>>,
    command: &Arc<Command>,
    context: Context,
    ties: &[Tie],
    metadata: &HashMap<String, String>,
) -> Result<(), Trouble> {
    let given = |place: usize| Given { command: Arc::clone(command), place, context: context.clone() };
    if let ([subject], []) = (&*command.subjects, ties) {
        let framework = CqrsFramework::new(log.clone(), vec![], ());
        let (_, id) = split_subject(subject);
        return framework.execute_with_metadata(id, given(0), metadata.clone()).await.map_err(Trouble::from);
    }
    // The framework knows one aggregate at a time; several, and one that is tied to others, are decided one by one and
    // stored in one batch.
    let mut decided = Vec::with_capacity(command.subjects.len());
    for (place, subject) in command.subjects.iter().enumerate() {
        let (_, id) = split_subject(subject);
        let mut loaded = log.load_aggregate(id).await?;
        let sink = EventSink::default();
        loaded.aggregate().handle(given(place), &(), &sink).await.map_err(AggregateError::UserError)?;
        decided.push((loaded, sink.collect().await));
    }
    log.commit_all(decided, ties, metadata).await?;
    Ok(())
}

/// Nothing that would have to be sealed is recorded of those who were erased.
fn erased(subject: &str) -> Refusal {
    Refusal {
        kind: RefusalKind::Invariant,
        subject: subject.into(),
        paragraph: "4.16".into(),
        reason: "their personal data was erased".to_owned(),
        remedy: "give the command without words of your own".to_owned(),
    }
}

impl From<AggregateError<Refusal>> for Trouble {
    fn from(error: AggregateError<Refusal>) -> Self {
        match error {
            AggregateError::UserError(refusal) => Self::Failed(refusal.into()),
            AggregateError::AggregateConflict => Self::Again,
            AggregateError::UnexpectedError(error) => match error.downcast::<crate::outcome::Refusal>() {
                Ok(refusal) => (*refusal).into(),
                Err(error) => Self::Failed(CommandFailure::Failed(error.to_string())),
            },
            AggregateError::DatabaseConnectionError(error) | AggregateError::DeserializationError(error) => {
                Self::Failed(match error.downcast::<StoreError>() {
                    Ok(error) => CommandFailure::Store(*error),
                    Err(error) => CommandFailure::Failed(error.to_string()),
                })
            }
        }
    }
}
