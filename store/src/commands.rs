//! Carrying out commands: the people and organisations kept at hand, the aggregates, and a second sending recognised.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use cqrs_es::event_sink::EventSink;
use cqrs_es::{Aggregate, AggregateContext as _, AggregateError, CqrsFramework, EventStore as _};
use mandate_domain::catalogue::{FactType, Field, SubjectKind};
use mandate_domain::command::{
    Command, CommandName, Context, DutyNow, Refusal, RefusalKind, SOURCE, Stream, decide,
};
use mandate_domain::fact::Fact;
use mandate_domain::rights::Directory;
use mandate_domain::time::Instant;

use crate::aggregate::{
    AreaKind, DutyKind, Given, Kind, NominalKind, PrisonGroupKind, PrisonKind, RegionKind, Subject,
    TerminalKind, UnitKind, UserKind, event_id,
};
use crate::erasure::{Order, OrderError};
use crate::error::StoreError;
use crate::event_store::LogEventStore;
use crate::key_file;
use crate::keys::locked;
use crate::position::{Position, Sequence};
use crate::reader::MAX_READ;
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
}

/// The directory, and how far in the log it is.
#[derive(Default)]
struct Followed {
    directory: Arc<Directory>,
    reached: Position,
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
        };
        Self { store: store.clone(), shared: Arc::new(shared) }
    }

    /// Users, posts and organisations as of the end of the log. The first time all of them are read, then only what
    /// was appended since. Blocking.
    ///
    /// # Errors
    /// [`StoreError`] when the log cannot be read.
    pub fn directory(&self) -> Result<Arc<Directory>, StoreError> {
        let mut followed = locked(&self.shared.directory);
        let Followed { directory, reached } = &mut *followed;
        let head = self.store.reader().head()?.position;
        while *reached < head {
            let page = self.store.reader().read_types(Directory::TYPES, *reached, MAX_READ)?;
            if !page.events.is_empty() {
                let directory = Arc::make_mut(directory);
                page.events.into_iter().for_each(|event| directory.take(event.fact));
            }
            if page.searched_to <= *reached {
                break;
            }
            *reached = page.searched_to;
        }
        Ok(Arc::clone(directory))
    }

    /// The history of a subject, and of those merged into it. Blocking.
    ///
    /// # Errors
    /// [`StoreError`] when the log cannot be read.
    pub fn history(&self, subject: &str, directory: &Directory) -> Result<Stream, StoreError> {
        let mut stream = Stream::default();
        for member in std::iter::once(subject.into()).chain(directory.merged_into(subject)) {
            let mut after = Sequence::START;
            loop {
                let events = self.store.reader().read_subject(&member, after, MAX_READ)?;
                let Some(last) = events.last() else { break };
                after = last.sequence;
                for event in events {
                    stream.take(event.fact);
                }
            }
        }
        Ok(stream)
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
            let context = self.context(&asked, &command_id).await?;
            let decided = if asked.command.name == CommandName::ConfirmOrder {
                self.confirm(&asked, context).await.map_err(Trouble::Failed)
            } else {
                match self.on_aggregates(&asked.command, context, &metadata).await {
                    Ok(()) => self
                        .recorded(&asked.command, &command_id)
                        .await
                        .map(|events| Done { command_id: command_id.clone(), events })
                        .map_err(Trouble::Failed),
                    Err(trouble) => Err(trouble),
                }
            };
            match decided {
                Ok(done) => return Ok(done),
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

    async fn context(&self, asked: &Asked, command_id: &str) -> Result<Context, CommandFailure> {
        let this = self.clone();
        let into = asked.command.text(Field::Into).map(Box::<str>::from);
        let (directory, survivor) = blocking(move || {
            let directory = this.directory()?;
            let survivor = match into {
                Some(into) => Some(Arc::new(this.history(&into, &directory)?)),
                None => None,
            };
            Ok((directory, survivor))
        })
        .await?;
        Ok(Context {
            now: asked.now,
            actor: asked.actor.as_str().into(),
            command_id: command_id.into(),
            directory,
            expected: asked.expected,
            duties: asked.duties.clone().into(),
            survivor,
        })
    }

    async fn on_aggregates(
        &self,
        command: &Arc<Command>,
        context: Context,
        metadata: &HashMap<String, String>,
    ) -> Result<(), Trouble> {
        let shared = &*self.shared;
        let kind = command.subjects.first().and_then(|subject| SubjectKind::of(subject));
        match kind {
            Some(SubjectKind::Nominal) => run(&shared.nominals, command, context, metadata).await,
            Some(SubjectKind::User) => run(&shared.users, command, context, metadata).await,
            Some(SubjectKind::Area) => run(&shared.areas, command, context, metadata).await,
            Some(SubjectKind::Unit) => run(&shared.units, command, context, metadata).await,
            Some(SubjectKind::Prison) => run(&shared.prisons, command, context, metadata).await,
            Some(SubjectKind::PrisonGroup) => run(&shared.groups, command, context, metadata).await,
            Some(SubjectKind::Region) => run(&shared.regions, command, context, metadata).await,
            Some(SubjectKind::Terminal) => run(&shared.terminals, command, context, metadata).await,
            Some(SubjectKind::Duty) => run(&shared.duties, command, context, metadata).await,
            Some(
                SubjectKind::Policy | SubjectKind::Calendar | SubjectKind::Police | SubjectKind::Message,
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

    /// Carries out what two people ordered about a person's data: the log records it with the key's destruction.
    async fn confirm(&self, asked: &Asked, context: Context) -> Result<Done, CommandFailure> {
        let Some(subject) = asked.command.subjects.first().cloned() else {
            return Err(CommandFailure::Failed("no subject".to_owned()));
        };
        let (this, command) = (self.clone(), Arc::clone(&asked.command));
        let command_id = context.command_id.to_string();
        let event = tokio::task::spawn_blocking(move || {
            let stream = this.history(&subject, &Directory::default())?;
            let decided = match decide(&command, &subject, &stream, &context) {
                Ok(decided) => decided,
                Err(refusal) => {
                    // Sent again after it was carried out, when nothing else waits.
                    let order =
                        |fact: &&Fact| is_carried_out(fact.kind) || fact.kind == FactType::SubjectOrderGiven;
                    let last =
                        stream.facts().rev().find(order).filter(|_| refusal.kind == RefusalKind::Invariant);
                    let theirs = last.filter(|fact| {
                        is_carried_out(fact.kind)
                            && fact.texts(Field::OrderedBy).get(1) == Some(&context.actor)
                    });
                    let Some(fact) = theirs else { return Err(CommandFailure::Refused(refusal)) };
                    let found = this.store.reader().by_source_id(&fact.source, &fact.id)?;
                    return found.ok_or(CommandFailure::Refused(refusal));
                }
            };
            let Some(fact) = decided.into_iter().next() else {
                return Err(CommandFailure::Failed("nothing was decided".to_owned()));
            };
            let fact = fact.under("order");
            let order = Order {
                subject: subject.to_string(),
                ordered_by: fact.texts(Field::OrderedBy).iter().map(ToString::to_string).collect(),
                ground: fact.text(Field::Ground).unwrap_or_default().to_owned(),
            };
            let position = match fact.kind {
                FactType::SubjectErased => this.store.erase(&order)?,
                FactType::SubjectRestricted => this.store.restrict(&order)?,
                _ => this.store.lift_restriction(&order)?,
            };
            let found = this.store.reader().by_position(position)?;
            found.ok_or_else(|| CommandFailure::Failed("the event is not there".to_owned()))
        });
        let event = event.await.map_err(|error| CommandFailure::Failed(error.to_string()))??;
        Ok(Done { command_id, events: vec![event.into()] })
    }
}

const fn is_carried_out(kind: FactType) -> bool {
    matches!(kind, FactType::SubjectErased | FactType::SubjectRestricted | FactType::SubjectRestrictionLifted)
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
    metadata: &HashMap<String, String>,
) -> Result<(), Trouble> {
    let given = |place: usize| Given { command: Arc::clone(command), place, context: context.clone() };
    if let [subject] = &*command.subjects {
        let framework = CqrsFramework::new(log.clone(), vec![], ());
        let (_, id) = split_subject(subject);
        return framework.execute_with_metadata(id, given(0), metadata.clone()).await.map_err(Trouble::from);
    }
    // The framework knows one aggregate at a time; several are decided one by one and stored in one batch.
    let mut decided = Vec::with_capacity(command.subjects.len());
    for (place, subject) in command.subjects.iter().enumerate() {
        let (_, id) = split_subject(subject);
        let mut loaded = log.load_aggregate(id).await?;
        let sink = EventSink::default();
        loaded.aggregate().handle(given(place), &(), &sink).await.map_err(AggregateError::UserError)?;
        decided.push((loaded, sink.collect().await));
    }
    log.commit_all(decided, metadata).await?;
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
                // The same command, sent at the same time, was stored first.
                Ok(refusal) if matches!(*refusal, crate::outcome::Refusal::Conflict { .. }) => Self::Again,
                Ok(refusal) => match *refusal {
                    crate::outcome::Refusal::Erased { subject } => Self::Failed(erased(&subject).into()),
                    other => Self::Failed(CommandFailure::Failed(other.to_string())),
                },
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
