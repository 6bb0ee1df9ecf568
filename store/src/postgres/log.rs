//! One transaction of the writer on PostgreSQL: one statement, one round trip, as long as this node alone appends.
//!
//! The writer remembers where the log ended, plans on from there, and sends one statement that moves the head row
//! from exactly there and inserts the rows. The head row's lock puts the nodes in order. If another node was
//! faster, or an event turns out to be known already, nothing is changed and the plan is made anew under the lock
//! of the head row, from what the database then says.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant as Elapsed};

use mandate_domain::catalogue::FactType;
use mandate_domain::time::Instant;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{Connection as _, Row as _};
use tokio::runtime::Runtime;

use super::reader::{read_end, select};
use super::session::connect;
use super::settings;
use crate::backup::Copied;
use crate::checkpoint::Signed;
use crate::error::{DatabaseError, StoreError};
use crate::keys::{Keys, Pending, Restricted};
use crate::leaf::EVENT_VERSION;
use crate::lease::Fenced;
use crate::new_event::{NewEvent, Tie};
use crate::outcome::Outcome;
use crate::plan::{Known, Plan, Row};
use crate::position::{End, Head, Position, Sequence};
use crate::stored_event::{StoredEvent, split_subject};
use crate::writer::{Committed, Context, Job};

/// How long a lost connection is sought again before callers are told.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long one transaction may take; what is told of it after that is not known.
const TRANSACTION: Duration = Duration::from_mins(1);
/// Pause between two attempts to connect.
const PAUSE: Duration = Duration::from_millis(100);
/// Plans for one transaction; under the lock a second one is needed only where another node made a key meanwhile.
const STALE_PLANS: u32 = 8;
/// Appends that go straight to the lock after another node was seen to append.
const CONTENDED: u32 = 16;

/// The one connection that writes.
#[derive(Debug)]
pub(crate) struct PostgresLog {
    options: PgConnectOptions,
    /// Driven by the writer's own thread.
    runtime: Runtime,
    connection: Option<PgConnection>,
    /// Where the log ended when this node last looked.
    end: End,
    /// Appends to come that begin with the lock.
    contended: u32,
}

/// Why an attempt did not store.
enum Trouble {
    /// The plan was made on what no longer holds; nothing was stored.
    Stale,
    /// The connection is gone; whether the transaction was committed is not known.
    Lost(StoreError),
    /// What was sent is refused.
    Refused(StoreError),
}

impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Self {
        match &error {
            StoreError::Database { source: DatabaseError::Postgres(cause), .. } if is_lost(cause) => {
                Self::Lost(error)
            }
            _ => Self::Refused(error),
        }
    }
}

impl PostgresLog {
    /// The writer of a log that is of the newest schema and ends there; connects when there is something to write.
    pub(crate) fn new(options: &PgConnectOptions, end: End) -> Result<Self, StoreError> {
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|error| {
                StoreError::Unavailable { reason: format!("no runtime for PostgreSQL: {error}") }
            })?;
        Ok(Self { options: options.clone(), runtime, connection: None, end, contended: 0 })
    }

    /// Stores some batches in one transaction, durably; on failure nothing of them is stored, unless the error says
    /// that this is not known.
    pub(crate) fn commit(&mut self, jobs: &[Job], context: &Context) -> Result<Committed, StoreError> {
        // What is remembered of the log was learnt on another connection: look again.
        let mut locked = self.contended > 0 || self.connection.is_none();
        self.contended = self.contended.saturating_sub(1);
        let mut lost: Option<StoreError> = None;
        let begun = Elapsed::now();
        let mut stale = 0;
        loop {
            let tried = match self.connected() {
                Ok(()) if locked => self.under_lock(jobs, context),
                Ok(()) => self.optimistically(jobs, context),
                Err(error) => Err(Trouble::Lost(error)),
            };
            match tried {
                Ok(committed) => return Ok(committed),
                Err(Trouble::Stale) if stale < STALE_PLANS => {
                    stale += 1;
                    locked = true;
                }
                Err(Trouble::Stale) => {
                    self.connection = None;
                    let reason =
                        "what the database holds contradicts itself; run `mandate log verify`".to_owned();
                    return Err(StoreError::Unavailable { reason });
                }
                Err(Trouble::Refused(error)) => {
                    // Its transaction, and the lock of the head row with it, ends with the connection.
                    self.connection = None;
                    return Err(error);
                }
                Err(Trouble::Lost(error)) => {
                    let sent = self.connection.take().is_some();
                    // From here on what was sent is sought by its ids before it is sent again.
                    locked = true;
                    context.streams.forget();
                    let reason = error.to_string();
                    if sent && lost.is_none() {
                        lost = Some(error);
                    }
                    if begun.elapsed() >= PATIENCE {
                        return Err(match lost {
                            Some(first) => StoreError::OutcomeUnknown { reason: first.to_string() },
                            None => StoreError::Unavailable { reason },
                        });
                    }
                }
            }
        }
    }

    /// Writes rows as they are into a log that is being restored, and moves its end.
    pub(crate) fn copy(&mut self, rows: &[Copied], before: &End, after: &End) -> Result<(), StoreError> {
        self.connected()?;
        let Self { runtime, connection: Some(connection), .. } = self else { return Ok(()) };
        let numbers = |value: fn(&Copied) -> i64| rows.iter().map(value).collect::<Vec<i64>>();
        let texts = |value: fn(&Copied) -> &str| rows.iter().map(value).collect::<Vec<&str>>();
        let query = sqlx::query(include_str!("../../sql/postgres/copy.sql"))
            .bind(after.head.position.to_db())
            .bind(after.head.recorded_at.nanos())
            .bind(after.frontier.to_bytes())
            .bind(before.head.position.to_db())
            .bind(numbers(|row| row.position))
            .bind(texts(|row| &row.aggregate_type))
            .bind(texts(|row| &row.aggregate_id))
            .bind(numbers(|row| row.sequence))
            .bind(texts(|row| &row.event_type))
            .bind(texts(|row| &row.event_version))
            .bind(texts(|row| &row.source))
            .bind(texts(|row| &row.event_id))
            .bind(numbers(|row| row.occurred_at))
            .bind(numbers(|row| row.recorded_at))
            .bind(rows.iter().map(|row| row.claimed_at).collect::<Vec<Option<i64>>>())
            .bind(rows.iter().map(|row| row.actor.as_deref()).collect::<Vec<Option<&str>>>())
            .bind(rows.iter().map(|row| row.command_id.as_deref()).collect::<Vec<Option<&str>>>())
            .bind(rows.iter().map(|row| row.leaf.as_slice()).collect::<Vec<&[u8]>>())
            .bind(texts(|row| &row.payload))
            .bind(rows.iter().map(|row| row.sealed.as_deref()).collect::<Vec<Option<&[u8]>>>())
            .bind(before.frontier.to_bytes());
        let done =
            runtime.block_on(query.execute(connection)).map_err(StoreError::postgres("copy events"))?;
        if done.rows_affected() != rows.len() as u64 {
            return Err(StoreError::NotEmpty { path: "PostgreSQL".into() });
        }
        self.end = after.clone();
        Ok(())
    }

    /// Keeps checkpoints of a log that is being restored.
    pub(crate) fn keep_checkpoints(&mut self, signed: &[Signed]) -> Result<(), StoreError> {
        signed.iter().try_for_each(|signed| self.keep_checkpoint(signed))
    }

    /// Keeps a signed checkpoint.
    pub(crate) fn keep_checkpoint(&mut self, signed: &Signed) -> Result<(), StoreError> {
        self.connected()?;
        let Self { runtime, connection: Some(connection), .. } = self else { return Ok(()) };
        let query = sqlx::query(include_str!("../../sql/postgres/insert_checkpoint.sql"))
            .bind(signed.size.to_db())
            .bind(&signed.frontier)
            .bind(&signed.note)
            .bind(signed.signed_at.nanos());
        let done = runtime.block_on(query.execute(connection));
        if done.is_err() {
            self.connection = None;
        }
        done.map(drop).map_err(StoreError::postgres("store a checkpoint"))
    }

    /// Makes sure that there is a connection; waits a moment before each attempt but the first.
    fn connected(&mut self) -> Result<(), StoreError> {
        if self.connection.is_some() {
            return Ok(());
        }
        let connected = self.runtime.block_on(async {
            let tried = async {
                let failed = StoreError::postgres("connect to PostgreSQL");
                let mut connection = connect(&self.options).await.map_err(failed)?;
                // After a failover it may be another server, or one that only reads.
                settings::check(&mut connection).await?;
                Ok(connection)
            };
            let tried: Result<PgConnection, StoreError> = tried.await;
            if tried.is_err() {
                tokio::time::sleep(PAUSE).await;
            }
            tried
        });
        self.connection = Some(connected?);
        Ok(())
    }

    /// Plans on what this node knows and sends one statement.
    fn optimistically(&mut self, jobs: &[Job], context: &Context) -> Result<Committed, Trouble> {
        let Self { runtime, connection: Some(connection), end, .. } = self else {
            return Err(Trouble::Stale);
        };
        // What takes the keys' connection is not tried twice.
        if jobs.iter().flat_map(|job| job.events.iter()).any(|event| !context.keys.is_at_hand(&event.event)) {
            return Err(Trouble::Stale);
        }
        // What was last stated of a type is asked for under the lock.
        if types(jobs).next().is_some() {
            return Err(Trouble::Stale);
        }
        let wanted = uncached(jobs, context);
        let mut known = Prefetched::default();
        for job in jobs {
            for event in job.events.iter() {
                if let Some(loaded) = event.loaded {
                    known.versions.insert(event.fact().subject.clone(), loaded);
                }
            }
        }
        let wanted: Vec<&str> =
            wanted.into_iter().filter(|subject| !known.versions.contains_key(*subject)).collect();
        let done = runtime.block_on(answered(async {
            if !wanted.is_empty() {
                known.versions.extend(versions(connection, &wanted).await?);
            }
            let recorded_at = context.clock.now().max(end.head.recorded_at);
            let (plan, answers) = plan(jobs, context, known, end, recorded_at)?;
            // A refusal on what this node remembers is looked at again under the lock. Nothing may be sealed or found for
            // an event that turns out to be refused.
            let mut outcomes = answers.iter().flatten().flatten();
            let refused = outcomes.any(|outcome| matches!(outcome, Outcome::Refused(_)));
            if refused || plan.rows.is_empty() || !plan.pending.is_empty() {
                return Err(Trouble::Stale);
            }
            let after = after(&plan, recorded_at);
            if !append(connection, &plan.rows, &after, end, term_of(jobs)).await? {
                return Err(Trouble::Stale);
            }
            context.streams.keep(plan.versions());
            Ok::<_, Trouble>((answers, after))
        }));
        let (answers, after) = done?;
        self.end = after;
        Ok(Committed { answers, head: self.end.head })
    }

    /// Locks the head row, asks for everything that matters, plans and stores.
    fn under_lock(&mut self, jobs: &[Job], context: &Context) -> Result<Committed, Trouble> {
        let Self { runtime, connection: Some(connection), end: seen, .. } = self else {
            return Err(Trouble::Stale);
        };
        let failed = StoreError::postgres("store events");
        // Asked for before the lock is held.
        let private =
            jobs.iter().flat_map(|job| job.events.iter()).filter(|event| !event.private().is_empty());
        let private: HashSet<&str> = private.map(|event| &*event.fact().subject).collect();
        let private: Vec<&str> = private.into_iter().collect();
        let fetched = context.keys.fetch(&private).map_err(StoreError::from)?;
        let done = runtime.block_on(answered(async {
            let mut transaction = connection.begin().await.map_err(&failed)?;
            let end = read_end(&mut transaction, include_str!("../../sql/postgres/lock_head.sql")).await?;
            if end.head.position < seen.head.position {
                return Err(Trouble::Refused(StoreError::ReadOnly {
                    reason: format!(
                        "it ended at position {} and now ends at {}: an older copy was put in its place; stop every \
                         node and open it again",
                        seen.head.position, end.head.position
                    ),
                }));
            }
            let moved = end.head != seen.head;
            if moved {
                context.streams.forget();
                follow_orders(&mut transaction, seen.head, &context.keys).await?;
            }
            let mut known = Prefetched::default();
            known.events(select_known(&mut transaction, jobs).await?);
            let subjects: HashSet<&str> = subjects(jobs).collect();
            let subjects: Vec<&str> = subjects.into_iter().collect();
            known.versions = versions(&mut transaction, &subjects).await?;
            known.last = last_of(&mut transaction, jobs).await?;
            known.term = latest_term(&mut transaction, jobs).await?;
            context.streams.forget();
            let recorded_at = context.clock.now().max(end.head.recorded_at);
            let (mut plan, answers) = plan_with(fetched, jobs, context, known, &end, recorded_at)?;
            if plan.rows.is_empty() {
                transaction.rollback().await.map_err(&failed)?;
                return Ok((answers, end, moved));
            }
            commit_keys(context, &mut plan)?;
            let after = after(&plan, recorded_at);
            if !append(&mut transaction, &plan.rows, &after, &end, None).await? {
                return Err(Trouble::Stale);
            }
            transaction.commit().await.map_err(&failed)?;
            context.streams.keep(plan.versions());
            Ok::<_, Trouble>((answers, after, moved))
        }));
        let (answers, end, moved) = done?;
        self.end = end;
        if moved {
            self.contended = CONTENDED;
        }
        Ok(Committed { answers, head: self.end.head })
    }
}

/// Waits for a transaction; a server that does not answer in time is as good as gone.
async fn answered<T>(transaction: impl Future<Output = Result<T, Trouble>>) -> Result<T, Trouble> {
    let silent = |_| StoreError::Unavailable { reason: "PostgreSQL does not answer".to_owned() };
    tokio::time::timeout(TRANSACTION, transaction).await.map_err(|elapsed| Trouble::Lost(silent(elapsed)))?
}

type Planned<'j, 'c> = (Plan<'j, 'c, Prefetched>, Vec<Result<Vec<Outcome>, Fenced>>);

fn plan<'j, 'c>(
    jobs: &'j [Job],
    context: &'c Context,
    known: Prefetched,
    end: &End,
    recorded_at: Instant,
) -> Result<Planned<'j, 'c>, StoreError> {
    plan_with(Pending::default(), jobs, context, known, end, recorded_at)
}

/// [`plan`] with what was asked of the keys beforehand.
fn plan_with<'j, 'c>(
    pending: Pending,
    jobs: &'j [Job],
    context: &'c Context,
    known: Prefetched,
    end: &End,
    recorded_at: Instant,
) -> Result<Planned<'j, 'c>, StoreError> {
    let known_term = known.term;
    let mut plan = Plan::new(&context.keys, &context.streams, known, end.frontier.clone(), recorded_at);
    plan.pending = pending;
    let answers = jobs
        .iter()
        .map(|job| match job.term {
            Some(term) if term < known_term => Ok(Err(Fenced { term, latest: known_term })),
            Some(_) | None => plan.add(&job.events, job.on_error).map(Ok),
        })
        .collect::<Result<Vec<Result<Vec<Outcome>, Fenced>>, StoreError>>()?;
    Ok((plan, answers))
}

/// The end of the log once a plan is carried out.
fn after(plan: &Plan<'_, '_, Prefetched>, recorded_at: Instant) -> End {
    End { head: Head { position: plan.position(), recorded_at }, frontier: plan.frontier.clone() }
}

/// Nothing may be sealed under a key that a crash could take away, or that another node made otherwise meanwhile.
fn commit_keys(context: &Context, plan: &mut Plan<'_, '_, Prefetched>) -> Result<(), Trouble> {
    match context.keys.commit(std::mem::take(&mut plan.pending)) {
        Ok(true) => Ok(()),
        Ok(false) => Err(Trouble::Stale),
        Err(error) => Err(Trouble::Refused(error.into())),
    }
}

/// The subjects whose versions matter.
fn subjects(jobs: &[Job]) -> impl Iterator<Item = &str> {
    let events = jobs.iter().flat_map(|job| job.events.iter());
    events.flat_map(|event| std::iter::once(&*event.fact().subject).chain(event.ties.iter().filter_map(tied)))
}

/// The subject to whose version an event is tied.
fn tied(tie: &Tie) -> Option<&str> {
    match tie {
        Tie::Stream(subject, _) => Some(subject),
        Tie::NoneSince(..) => None,
    }
}

/// The types of which it matters when one was stated last.
fn types(jobs: &[Job]) -> impl Iterator<Item = FactType> {
    jobs.iter().flat_map(|job| job.events.iter()).flat_map(|event| &event.ties).filter_map(|tie| match tie {
        Tie::Stream(..) => None,
        Tie::NoneSince(kind, _) => Some(*kind),
    })
}

async fn last_of(
    connection: &mut PgConnection,
    jobs: &[Job],
) -> Result<HashMap<FactType, Position>, StoreError> {
    let names: Vec<&str> = types(jobs).map(FactType::name).collect();
    if names.is_empty() {
        return Ok(HashMap::new());
    }
    let failed = StoreError::postgres("look for the last of a type");
    let query = sqlx::query(include_str!("../../sql/postgres/select_last_of_types.sql")).bind(names);
    let rows = query.fetch_all(connection).await.map_err(&failed)?;
    let mut last = HashMap::new();
    for row in rows {
        let (name, position): (&str, i64) =
            (row.try_get(0).map_err(&failed)?, row.try_get(1).map_err(&failed)?);
        last.extend(FactType::from_name(name).map(|kind| (kind, Position::from_db(position))));
    }
    Ok(last)
}

/// The subjects whose version this node does not remember.
fn uncached<'j>(jobs: &'j [Job], context: &Context) -> HashSet<&'j str> {
    subjects(jobs).filter(|subject| context.streams.version(subject).is_none()).collect()
}

async fn versions(
    connection: &mut PgConnection,
    subjects: &[&str],
) -> Result<HashMap<Box<str>, Sequence>, StoreError> {
    let failed = StoreError::postgres("read the versions of streams");
    let (types, ids): (Vec<&str>, Vec<&str>) = subjects.iter().map(|subject| split_subject(subject)).unzip();
    let rows = sqlx::query(include_str!("../../sql/postgres/select_versions.sql"))
        .bind(types)
        .bind(ids)
        .fetch_all(connection)
        .await
        .map_err(&failed)?;
    let version = |row: &sqlx::postgres::PgRow| -> Result<(Box<str>, Sequence), sqlx::Error> {
        let (kind, id): (&str, &str) = (row.try_get(0)?, row.try_get(1)?);
        Ok((format!("{kind}/{id}").into(), Sequence::from_db(row.try_get(2)?)))
    };
    rows.iter().map(|row| version(row).map_err(&failed)).collect()
}

async fn select_known(connection: &mut PgConnection, jobs: &[Job]) -> Result<Vec<StoredEvent>, StoreError> {
    let events = || jobs.iter().flat_map(|job| job.events.iter());
    let sources: Vec<&str> = events().map(|event| &*event.fact().source).collect();
    let ids: Vec<&str> = events().map(|event| &*event.fact().id).collect();
    let query = sqlx::query(include_str!("../../sql/postgres/select_events_by_source_ids.sql"));
    select(connection, query.bind(sources).bind(ids)).await
}

/// What other nodes erased must not be sealed again under a key that this node remembers, nor what they restricted be
/// shown.
pub(crate) async fn follow_orders(
    connection: &mut PgConnection,
    seen: Head,
    keys: &Keys,
) -> Result<(), StoreError> {
    let failed = StoreError::postgres("look for erasures");
    let rows = sqlx::query(include_str!("../../sql/postgres/select_orders_after.sql"))
        .bind(seen.position.to_db())
        .fetch_all(connection)
        .await
        .map_err(&failed)?;
    for row in rows {
        let read = || -> Result<(&str, &str, &str), sqlx::Error> {
            Ok((row.try_get(0)?, row.try_get(1)?, row.try_get(2)?))
        };
        let (kind, id, order) = read().map_err(&failed)?;
        let subject = format!("{kind}/{id}");
        match FactType::from_name(order) {
            Some(FactType::SubjectErased) => keys.note_erased(&subject)?,
            Some(FactType::SubjectRestricted) => keys.note_restricted(&subject, Restricted::From),
            _ => keys.note_restricted(&subject, Restricted::Lifted),
        }
    }
    Ok(())
}

/// The term in which batches were decided, the earliest where several were; none where none needs one.
fn term_of(jobs: &[Job]) -> Option<u64> {
    jobs.iter().filter_map(|job| job.term).min()
}

/// The latest term of the lease, as it stands under the lock of the head row; 0 where nobody asks.
async fn latest_term(connection: &mut PgConnection, jobs: &[Job]) -> Result<u64, StoreError> {
    if term_of(jobs).is_none() {
        return Ok(0);
    }
    let failed = StoreError::postgres("read the term of the lease");
    let query = sqlx::query_scalar(include_str!("../../sql/postgres/select_term.sql"));
    let term: i64 = query.fetch_one(connection).await.map_err(&failed)?;
    Ok(u64::try_from(term).unwrap_or(0))
}

/// Moves the head row on from `before` and inserts; whether the head row was there still, and no term later than `term`
/// was given out.
async fn append(
    connection: &mut PgConnection,
    rows: &[Row<'_>],
    after: &End,
    before: &End,
    term: Option<u64>,
) -> Result<bool, Trouble> {
    let facts = || rows.iter().map(|row| row.event.fact());
    let column = |value: fn(&Row<'_>) -> i64| rows.iter().map(value).collect::<Vec<i64>>();
    let streams = || facts().map(|fact| split_subject(&fact.subject));
    let inserted = sqlx::query(include_str!("../../sql/postgres/append.sql"))
        .bind(after.head.position.to_db())
        .bind(after.head.recorded_at.nanos())
        .bind(after.frontier.to_bytes())
        .bind(before.head.position.to_db())
        .bind(EVENT_VERSION)
        .bind(column(|row| row.position.to_db()))
        .bind(streams().map(|(kind, _)| kind).collect::<Vec<&str>>())
        .bind(streams().map(|(_, id)| id).collect::<Vec<&str>>())
        .bind(column(|row| row.sequence.to_db()))
        .bind(facts().map(|fact| fact.kind.name()).collect::<Vec<&str>>())
        .bind(facts().map(|fact| &*fact.source).collect::<Vec<&str>>())
        .bind(facts().map(|fact| &*fact.id).collect::<Vec<&str>>())
        .bind(column(|row| row.event.fact().time.nanos()))
        .bind(facts().map(|fact| fact.recorded.map(Instant::nanos)).collect::<Vec<Option<i64>>>())
        .bind(rows.iter().map(|row| row.event.actor.as_deref()).collect::<Vec<Option<&str>>>())
        .bind(rows.iter().map(|row| row.event.command_id.as_deref()).collect::<Vec<Option<&str>>>())
        .bind(rows.iter().map(|row| row.leaf.as_slice()).collect::<Vec<&[u8]>>())
        .bind(rows.iter().map(|row| &*row.event.payload).collect::<Vec<&str>>())
        .bind(rows.iter().map(|row| row.sealed.as_deref()).collect::<Vec<Option<&[u8]>>>())
        .bind(before.frontier.to_bytes())
        .bind(term.map(|term| i64::try_from(term).unwrap_or(i64::MAX)))
        .execute(connection)
        .await;
    match inserted {
        Ok(done) => Ok(done.rows_affected() == rows.len() as u64),
        Err(sqlx::Error::Database(error)) if error.is_unique_violation() => Err(Trouble::Stale),
        Err(error) => Err(StoreError::postgres("store events")(error).into()),
    }
}

/// Whether an error leaves open what became of what was sent, or another connection may do better.
fn is_lost(error: &sqlx::Error) -> bool {
    // 57P01 to 57P03: the server is shutting down or starting up; 08: connection; 25006: it only reads, as a standby does;
    // 25P03: the transaction idled too long; 26000: another server, which does not know the statement.
    const LOST: [&str; 5] = ["57P", "08", "25006", "25P03", "26000"];
    match error {
        sqlx::Error::Database(error) => {
            error.code().is_some_and(|code| LOST.iter().any(|lost| code.starts_with(lost)))
        }
        sqlx::Error::Io(_) | sqlx::Error::Protocol(_) | sqlx::Error::WorkerCrashed | sqlx::Error::Tls(_) => {
            true
        }
        _ => false,
    }
}

/// What was asked of the database before planning.
#[derive(Default)]
struct Prefetched {
    events: HashMap<(Box<str>, Box<str>), StoredEvent>,
    versions: HashMap<Box<str>, Sequence>,
    last: HashMap<FactType, Position>,
    /// The latest term of the lease; 0 where it is compared by the statement that appends.
    term: u64,
}

impl Prefetched {
    fn events(&mut self, events: Vec<StoredEvent>) {
        self.events = events
            .into_iter()
            .map(|event| ((event.fact.source.clone(), event.fact.id.clone()), event))
            .collect();
    }
}

impl Known for Prefetched {
    fn stored(&mut self, event: &NewEvent) -> Result<Option<StoredEvent>, StoreError> {
        if self.events.is_empty() {
            return Ok(None);
        }
        let fact = event.fact();
        Ok(self.events.get(&(fact.source.clone(), fact.id.clone())).cloned())
    }

    fn version(&mut self, subject: &str) -> Result<Sequence, StoreError> {
        Ok(self.versions.get(subject).copied().unwrap_or(Sequence::START))
    }

    fn last_of(&mut self, kind: FactType) -> Result<Position, StoreError> {
        Ok(self.last.get(&kind).copied().unwrap_or(Position::START))
    }
}
