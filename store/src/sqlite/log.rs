//! One transaction of the writer on SQLite.

use std::path::{Path, PathBuf};

use mandate_domain::catalogue::FactType;
use rusqlite::{CachedStatement, Connection, OptionalExtension};

use super::ids::Ids;
use super::migrate;
use super::reader::{event_of, read_end, read_head};
use super::settings::{self, Purpose};
use crate::backup::Copied;
use crate::checkpoint::Signed;
use crate::checkpointer::Checkpointer;
use crate::error::{DatabaseError, StoreError};
use crate::lease::Fenced;
use crate::new_event::NewEvent;
use crate::outcome::Outcome;
use crate::plan::{Known, Plan, Row};
use crate::position::{End, Head, Position, Sequence};
use crate::store::make_private;
use crate::stored_event::{StoredEvent, split_subject};
use crate::writer::{Committed, Context, Job};

/// Events of one batch from which on it is one of an import, which no other caller may send: what makes many of them
/// faster is worth its memory.
const OF_AN_IMPORT: usize = 10_001;
/// Events in a transaction below which an import is over.
const OF_NO_IMPORT: usize = 1_000;
/// Longest write-ahead log that is left to the thread beside; three times what the writer alone lets it become.
const MOST_WAL_BYTES: u64 = 3 * 32_000 * 4_096;
/// Ids of a longer log are not worth reading.
const MOST_IDS: u64 = 10_000_000;
/// Events of a flood after which what was stored is brought over beside it: some tens of megabytes of write-ahead log, where
/// the writer lets it become 128 by itself.
const FLOOD_EVENTS: usize = 10_000;
/// Commits after the last of a flood after which it is over.
const AFTER_A_FLOOD: u32 = 1_000;
/// Pages in memory during an import, in KiB: its indexes grow in random places.
const CACHE_OF_AN_IMPORT: i32 = -65_536;
/// The same otherwise.
const CACHE: i32 = -32_768;

/// The one connection that writes.
#[derive(Debug)]
pub(crate) struct SqliteLog {
    connection: Connection,
    path: PathBuf,
    /// Where the log ended after this connection's last commit.
    seen: Head,
    /// What an import has beside.
    import: Option<Box<Import>>,
    /// What a flood has beside.
    flood: Option<Flood>,
}

#[derive(Debug)]
struct Flood {
    checkpointer: Checkpointer,
    /// Commits since the last of it.
    ago: u32,
    /// Events stored since something was brought over.
    events: usize,
}

#[derive(Debug)]
struct Import {
    ids: Ids,
    checkpointer: Checkpointer,
}

impl Import {
    fn begin(log: &SqliteLog) -> Result<Self, StoreError> {
        let failed = StoreError::database("set up an import");
        log.connection.pragma_update(None, "cache_size", CACHE_OF_AN_IMPORT).map_err(&failed)?;
        Ok(Self { ids: Ids::load(&log.connection)?, checkpointer: checkpointer(&log.path)? })
    }
}

/// A thread that brings the write-ahead log of a log over.
fn checkpointer(path: &Path) -> Result<Checkpointer, StoreError> {
    let path = path.to_owned();
    Checkpointer::start("log-checkpointer", move || {
        let connection = Connection::open(&path).ok()?;
        settings::apply(&connection, &path, Purpose::WriteLog).ok()?;
        Some(connection)
    })
}

impl SqliteLog {
    /// Opens `log.db`, brings its schema and its tree up to date.
    pub(crate) fn open(path: &Path) -> Result<(Self, Head), StoreError> {
        make_private(path)?;
        let mut connection = Connection::open(path).map_err(StoreError::database("open log.db"))?;
        migrate::LOG.version(&connection, path)?;
        settings::apply(&connection, path, Purpose::WriteLog)?;
        migrate::LOG.migrate(&mut connection, path)?;
        plant_tree(&connection)?;
        let seen = read_head(&connection).map_err(StoreError::database("read the head"))?;
        Ok((Self { connection, path: path.to_owned(), seen, import: None, flood: None }, seen))
    }

    /// Stores some batches in one transaction, durably; on failure nothing of them is stored.
    pub(crate) fn commit(&mut self, jobs: &[Job], context: &Context) -> Result<Committed, StoreError> {
        let events: usize = jobs.iter().map(|job| job.events.len()).sum();
        if self.import.is_some() && (events < OF_NO_IMPORT || self.wal_bytes() > MOST_WAL_BYTES) {
            self.end_import()?;
        }
        let mut import = self.import.take();
        let mut done = self.try_commit(jobs, context, &mut import, Look::WhereNeeded);
        if done.as_ref().is_err_and(is_conflict) {
            // What was presumed to be new is there.
            self.execute("ROLLBACK", [])?;
            done = self.try_commit(jobs, context, &mut import, Look::Always);
        }
        match &done {
            Ok(committed) => {
                self.seen = committed.head;
                self.import = import;
                self.look_for_a_flood(jobs);
            }
            // SQLite has rolled back by itself after a full disk or an I/O error.
            Err(_) if !self.connection.is_autocommit() => {
                self.connection.execute_batch("ROLLBACK").ok();
            }
            Err(_) => {}
        }
        done
    }

    fn try_commit(
        &self,
        jobs: &[Job],
        context: &Context,
        import: &mut Option<Box<Import>>,
        look: Look,
    ) -> Result<Committed, StoreError> {
        let failed = StoreError::database("store events");
        self.execute("BEGIN IMMEDIATE", [])?;
        let End { head: before, frontier } = read_end(&self.connection)?;
        if before != self.seen {
            context.streams.forget();
            *import = None;
        }
        let large = jobs.iter().any(|job| job.events.len() >= OF_AN_IMPORT);
        if import.is_none() && large && before.position.get() <= MOST_IDS {
            // An aid that cannot be had refuses nothing.
            *import = Import::begin(self).ok().map(Box::new);
        }
        let recorded_at = context.clock.now().max(before.recorded_at);
        let ids = import.as_ref().map(|import| &import.ids);
        let known = Statements::prepare(&self.connection, ids, look).map_err(&failed)?;
        let mut plan = Plan::new(&context.keys, &context.streams, known, frontier, recorded_at);
        let answers = jobs
            .iter()
            .map(|job| plan.add(&job.events, job.on_error).map(Ok))
            .collect::<Result<Vec<Result<Vec<Outcome>, Fenced>>, StoreError>>()?;
        if plan.rows.is_empty() {
            self.execute("COMMIT", [])?;
            return Ok(Committed { answers, head: before });
        }
        let head = Head { position: plan.position(), recorded_at };
        self.insert(&plan.rows, head).map_err(&failed)?;
        let update = include_str!("../../sql/sqlite/update_head.sql");
        self.execute(update, (head.position.to_db(), recorded_at.nanos(), plan.frontier.to_bytes()))?;
        // Nothing may be sealed under a key that a crash could take away.
        context.keys.commit(std::mem::take(&mut plan.pending))?;
        self.execute("COMMIT", [])?;
        context.streams.keep(plan.versions());
        let rows = std::mem::take(&mut plan.rows);
        drop(plan);
        if let Some(import) = import {
            for row in &rows {
                import.ids.add(&row.event.fact().source, &row.event.fact().id);
            }
            import.checkpointer.wake();
        }
        Ok(Committed { answers, head })
    }

    /// While a flood is stored, a thread beside brings it over: the writer would have those who wait behind it wait for
    /// that as well.
    fn look_for_a_flood(&mut self, jobs: &[Job]) {
        let is_flood = jobs.iter().any(Job::may_wait);
        if is_flood && self.flood.is_none() {
            // Without it the writer does it.
            let started = checkpointer(&self.path).ok();
            self.flood = started.map(|checkpointer| Flood { checkpointer, ago: 0, events: 0 });
        }
        let Some(flood) = &mut self.flood else { return };
        flood.ago = if is_flood { 0 } else { flood.ago + 1 };
        flood.events += jobs.iter().map(|job| job.events.len()).sum::<usize>();
        if flood.events >= FLOOD_EVENTS {
            flood.events = 0;
            flood.checkpointer.wake();
        }
        if flood.ago > AFTER_A_FLOOD {
            self.flood = None;
        }
    }

    fn wal_bytes(&self) -> u64 {
        let mut wal = self.path.clone().into_os_string();
        wal.push("-wal");
        std::fs::metadata(wal).map_or(0, |file| file.len())
    }

    /// Gives back what an import has beside, and brings over what its thread was too slow for.
    fn end_import(&mut self) -> Result<(), StoreError> {
        self.import = None;
        let failed = StoreError::database("end an import");
        self.connection.pragma_update(None, "cache_size", CACHE).map_err(&failed)?;
        // Somebody who reads may keep some of it back: then it is brought over later.
        self.connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(())).map_err(&failed)
    }

    fn execute(&self, sql: &str, values: impl rusqlite::Params) -> Result<(), StoreError> {
        let run = || self.connection.prepare_cached(sql)?.execute(values);
        run().map(drop).map_err(StoreError::database("store events"))
    }

    fn insert(&self, rows: &[Row<'_>], head: Head) -> rusqlite::Result<()> {
        let mut insert = self.connection.prepare_cached(include_str!("../../sql/sqlite/insert_event.sql"))?;
        for row in rows {
            let fact = row.event.fact();
            let (aggregate_type, aggregate_id) = split_subject(&fact.subject);
            insert.execute(rusqlite::params![
                row.position.to_db(),
                aggregate_type,
                aggregate_id,
                row.sequence.to_db(),
                fact.kind.name(),
                crate::leaf::EVENT_VERSION,
                &*fact.source,
                &*fact.id,
                fact.time.nanos(),
                head.recorded_at.nanos(),
                fact.recorded.map(mandate_domain::time::Instant::nanos),
                row.event.actor.as_deref(),
                row.event.command_id.as_deref(),
                row.leaf,
                &*row.event.payload,
                row.sealed.as_deref(),
            ])?;
        }
        Ok(())
    }
}

impl SqliteLog {
    /// Writes rows as they are into a log that is being restored or copied, and moves its end.
    pub(crate) fn copy(&mut self, rows: &[Copied], _: &End, after: &End) -> Result<(), StoreError> {
        let failed = StoreError::database("copy events");
        let transaction = self.connection.transaction().map_err(&failed)?;
        {
            let sql = include_str!("../../sql/sqlite/insert_event.sql");
            let mut insert = transaction.prepare_cached(sql).map_err(&failed)?;
            for row in rows {
                let values = rusqlite::params![
                    row.position,
                    row.aggregate_type,
                    row.aggregate_id,
                    row.sequence,
                    row.event_type,
                    row.event_version,
                    row.source,
                    row.event_id,
                    row.occurred_at,
                    row.recorded_at,
                    row.claimed_at,
                    row.actor,
                    row.command_id,
                    row.leaf,
                    row.payload,
                    row.sealed,
                ];
                insert.execute(values).map_err(&failed)?;
            }
        }
        let update = include_str!("../../sql/sqlite/update_head.sql");
        let values = (after.head.position.to_db(), after.head.recorded_at.nanos(), after.frontier.to_bytes());
        transaction.execute(update, values).map_err(&failed)?;
        transaction.commit().map_err(&failed)?;
        self.seen = after.head;
        self.import = None;
        Ok(())
    }

    /// Keeps checkpoints of a log that is being restored or copied.
    pub(crate) fn keep_checkpoints(&mut self, signed: &[Signed]) -> Result<(), StoreError> {
        self.execute("BEGIN IMMEDIATE", [])?;
        signed.iter().try_for_each(|signed| self.keep_checkpoint(signed))?;
        self.execute("COMMIT", [])
    }

    /// Keeps a signed checkpoint.
    pub(crate) fn keep_checkpoint(&self, signed: &Signed) -> Result<(), StoreError> {
        let sql = include_str!("../../sql/sqlite/insert_checkpoint.sql");
        let values = (signed.size.to_db(), &signed.frontier, &signed.note, signed.signed_at.nanos());
        let run = || self.connection.prepare_cached(sql)?.execute(values);
        run().map(drop).map_err(StoreError::database("store a checkpoint"))
    }
}

/// A log that was closed is whole in `log.db`, also while somebody else still has it open for reading.
impl Drop for SqliteLog {
    fn drop(&mut self) {
        self.import = None;
        self.flood = None;
        // Whoever reads at this moment is not waited for: what is left in the write-ahead log is found there.
        self.connection.busy_timeout(std::time::Duration::ZERO).ok();
        self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).ok();
    }
}

/// Whether what is presumed to be new is looked for all the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Look {
    WhereNeeded,
    Always,
}

/// Whether a row was refused because there is one of its id.
fn is_conflict(error: &StoreError) -> bool {
    let StoreError::Database { source: DatabaseError::Sqlite(error), .. } = error else { return false };
    error.sqlite_error_code() == Some(rusqlite::ErrorCode::ConstraintViolation)
}

/// Looks up by prepared statements, within the transaction in progress.
struct Statements<'c> {
    connection: &'c Connection,
    ids: Option<&'c Ids>,
    look: Look,
    find: CachedStatement<'c>,
    last: CachedStatement<'c>,
}

impl<'c> Statements<'c> {
    fn prepare(connection: &'c Connection, ids: Option<&'c Ids>, look: Look) -> rusqlite::Result<Self> {
        Ok(Self {
            connection,
            ids,
            look,
            find: connection
                .prepare_cached(include_str!("../../sql/sqlite/select_event_by_source_id.sql"))?,
            last: connection.prepare_cached(include_str!("../../sql/sqlite/select_last_sequence.sql"))?,
        })
    }
}

impl Known for Statements<'_> {
    fn stored(&mut self, event: &NewEvent) -> Result<Option<StoredEvent>, StoreError> {
        if event.is_presumed_new && self.look == Look::WhereNeeded {
            return Ok(None);
        }
        let (source, id) = (&*event.fact().source, &*event.fact().id);
        if self.ids.is_some_and(|ids| !ids.may_hold(source, id)) {
            return Ok(None);
        }
        let failed = StoreError::database("look for an event");
        let mut rows = self.find.query([source, id]).map_err(&failed)?;
        rows.next().map_err(&failed)?.map(event_of).transpose()
    }

    fn version(&mut self, subject: &str) -> Result<Sequence, StoreError> {
        let (aggregate_type, aggregate_id) = split_subject(subject);
        let last = self.last.query_row([aggregate_type, aggregate_id], |row| row.get(0)).optional();
        Ok(last
            .map_err(StoreError::database("read a stream's version"))?
            .map_or(Sequence::START, Sequence::from_db))
    }

    fn last_of(&mut self, kind: FactType) -> Result<Position, StoreError> {
        // Seldom asked: prepared when it is.
        let last = || {
            let sql = include_str!("../../sql/sqlite/select_last_of_type.sql");
            self.connection.prepare_cached(sql)?.query_row([kind.name()], |row| row.get(0)).optional()
        };
        let last: Option<i64> = last().map_err(StoreError::database("look for the last of a type"))?;
        Ok(last.map_or(Position::START, Position::from_db))
    }
}

/// Computes the tree of a log that was written before it had one.
fn plant_tree(connection: &Connection) -> Result<(), StoreError> {
    let failed = StoreError::database("compute the tree of the log");
    let missing: bool = connection
        .query_row("SELECT frontier IS NULL FROM head WHERE id = 1", [], |row| row.get(0))
        .map_err(&failed)?;
    if !missing {
        return Ok(());
    }
    let mut frontier = mandate_verify::tree::Frontier::new();
    let mut select =
        connection.prepare(include_str!("../../sql/sqlite/select_leaves.sql")).map_err(&failed)?;
    let mut rows = select.query([0, i64::MAX]).map_err(&failed)?;
    while let Some(row) = rows.next().map_err(&failed)? {
        frontier.append(&row.get(0).map_err(&failed)?);
    }
    connection
        .execute("UPDATE head SET frontier = ?1 WHERE id = 1", [frontier.to_bytes()])
        .map(drop)
        .map_err(&failed)
}
