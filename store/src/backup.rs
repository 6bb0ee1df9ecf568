//! A copy of the log and one of its keys, apart, and back again.
//!
//! Either copy is a folder with SQLite files, whatever database the log is in, so that a copy of one can be restored
//! into the other. The log's copy alone can be read, judged and verified by anybody; what is sealed in it opens only
//! with the copy of the keys and the key file, which is in neither.

use std::path::{Path, PathBuf};

use mandate_verify::tree::Frontier;

use crate::checkpoint::Signed;
use crate::database::Database;
use crate::error::StoreError;
use crate::folder;
use crate::key_file;
use crate::keys::Dump;
use crate::position::{End, Head, Position};
use crate::postgres;
use crate::postgres::keys::PostgresKeys;
use crate::postgres::log::PostgresLog;
use crate::postgres::session::Sessions;
use crate::reader::Reader;
use crate::sqlite;
use crate::sqlite::keys::SqliteKeys;
use crate::sqlite::log::SqliteLog;
use crate::store::{Options, Store};
use crate::stored_event::Columns;
use crate::tombstones::Tombstones;

/// Most rows copied in one transaction, and most bytes but for one row.
const PAGE: u64 = 5_000;
const PAGE_BYTES: usize = 64 << 20;
/// Checkpoints copied in one transaction.
const CHECKPOINTS: usize = 1_000;
/// The file that a restore leaves in the data directory until it is finished.
const UNFINISHED: &str = "restoring";

/// A row of `events`, to be written elsewhere as it is.
#[derive(Debug, Clone)]
pub(crate) struct Copied {
    pub(crate) position: i64,
    pub(crate) aggregate_type: String,
    pub(crate) aggregate_id: String,
    pub(crate) sequence: i64,
    pub(crate) event_type: String,
    pub(crate) event_version: String,
    pub(crate) source: String,
    pub(crate) event_id: String,
    pub(crate) occurred_at: i64,
    pub(crate) recorded_at: i64,
    pub(crate) claimed_at: Option<i64>,
    pub(crate) actor: Option<String>,
    pub(crate) command_id: Option<String>,
    pub(crate) leaf: Vec<u8>,
    pub(crate) payload: String,
    pub(crate) sealed: Option<Vec<u8>>,
}

impl Copied {
    fn of(columns: &Columns<'_>) -> Self {
        Self {
            position: columns.position,
            aggregate_type: columns.aggregate_type.to_owned(),
            aggregate_id: columns.aggregate_id.to_owned(),
            sequence: columns.sequence,
            event_type: columns.event_type.to_owned(),
            event_version: columns.event_version.to_owned(),
            source: columns.source.to_owned(),
            event_id: columns.event_id.to_owned(),
            occurred_at: columns.occurred_at,
            recorded_at: columns.recorded_at,
            claimed_at: columns.claimed_at,
            actor: columns.actor.map(str::to_owned),
            command_id: columns.command_id.map(str::to_owned),
            leaf: columns.leaf.to_vec(),
            payload: columns.payload.to_owned(),
            sealed: columns.sealed.map(<[u8]>::to_vec),
        }
    }
}

/// Where a copy is written, page by page.
enum Sink {
    Sqlite(SqliteLog),
    Postgres(Box<PostgresLog>),
}

impl Sink {
    fn copy(&mut self, rows: &[Copied], before: &End, after: &End) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(log) => log.copy(rows, before, after),
            Self::Postgres(log) => log.copy(rows, before, after),
        }
    }

    fn keep_checkpoints(&mut self, signed: &[Signed]) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(log) => log.keep_checkpoints(signed),
            Self::Postgres(log) => log.keep_checkpoints(signed),
        }
    }
}

/// Copies a log and its keys into two folders that are made for it, beside a running server as well. Returns how
/// many events the copy has. `progress` hears of the last position copied and the last there is.
///
/// The log is copied first: every key that an event needs was stored before the event, so it is in the other copy.
///
/// # Errors
/// [`StoreError::NotEmpty`] for a folder that has something in it; others when the log cannot be read, a row does not
/// agree with its leaf, or a copy cannot be written.
pub fn back_up(
    data_dir: &Path,
    database: &Database,
    log_to: &Path,
    keys_to: &Path,
    progress: impl FnMut(u64, u64),
) -> Result<Position, StoreError> {
    for folder in [log_to, keys_to] {
        make_empty(folder)?;
    }
    let reader = Store::open_read_only(data_dir, database)?;
    let (log, _) = SqliteLog::open(&log_to.join("log.db"))?;
    let copied = copy(&reader, &mut Sink::Sqlite(log), progress)?;
    let dump = match database {
        Database::Sqlite => sqlite::keys::dump(&data_dir.join("keys.db"))?,
        Database::Postgres(server) => PostgresKeys::open(Sessions::new(server.0.clone())?)?.dump()?,
    };
    SqliteKeys::open(keys_to)?.fill(&dump)?;
    Ok(copied)
}

/// Puts copies made by [`back_up`] into a new log. Every row is compared with its leaf on the way and the tree with the
/// one that the copy has. Returns how many events there are now.
///
/// The log is to be opened with [`Store::open`] next, which destroys the keys of all who were erased since the copy
/// was made and refuses to append when a checkpoint was published since.
///
/// # Errors
/// [`StoreError::NotEmpty`] when there is a log or keys already; others as [`back_up`].
pub fn restore(
    options: &Options,
    log_from: &Path,
    keys_from: &Path,
    progress: impl FnMut(u64, u64),
) -> Result<Position, StoreError> {
    let reader = Store::open_read_only(log_from, &Database::Sqlite)?;
    let list = Tombstones::beside(&options.key_file);
    if !list.exists() {
        return Err(StoreError::NoList { path: list });
    }
    let dump: Dump = sqlite::keys::dump(&keys_from.join("keys.db"))?;
    folder::make(&options.data_dir)
        .map_err(StoreError::file("make the data directory", &options.data_dir))?;
    let _lock = crate::lock::Lock::take(&options.data_dir)?;
    match Store::open_read_only(&options.data_dir, &options.database) {
        Err(StoreError::NoLog { .. }) => {}
        Err(error) => return Err(error),
        Ok(_) => return Err(StoreError::NotEmpty { path: options.data_dir.clone() }),
    }
    let unfinished = Unfinished::begin(&options.data_dir)?;
    let mut sink = match &options.database {
        Database::Sqlite => {
            SqliteKeys::open(&options.data_dir)?.fill(&dump)?;
            Sink::Sqlite(SqliteLog::open(&options.data_dir.join("log.db"))?.0)
        }
        Database::Postgres(server) => {
            let sessions = Sessions::new(server.0.clone())?;
            sessions.block(async |connection| {
                postgres::settings::check(connection).await?;
                postgres::migrate::LOG.migrate(connection).await
            })?;
            PostgresKeys::open(sessions.clone())?.fill(&dump)?;
            let start = End { head: Head::START, frontier: Frontier::new() };
            Sink::Postgres(Box::new(PostgresLog::new(&server.0, start)?))
        }
    };
    let copied = copy(&reader, &mut sink, progress)?;
    unfinished.end()?;
    Ok(copied)
}

/// A restore in progress.
struct Unfinished(PathBuf);

impl Unfinished {
    fn begin(data_dir: &Path) -> Result<Self, StoreError> {
        let path = data_dir.join(UNFINISHED);
        std::fs::write(&path, "a restore began and has not ended\n")
            .map_err(StoreError::file("write", &path))?;
        key_file::sync_folder(&path)?;
        Ok(Self(path))
    }

    fn end(self) -> Result<(), StoreError> {
        std::fs::remove_file(&self.0).map_err(StoreError::file("remove", &self.0))
    }
}

/// Refuses a data directory whose restore was broken off: its log is shorter than the copy.
pub(crate) fn refuse_unfinished(data_dir: &Path) -> Result<(), StoreError> {
    let path = data_dir.join(UNFINISHED);
    if path.exists() { Err(StoreError::Unfinished { path }) } else { Ok(()) }
}

fn copy(
    reader: &Reader,
    sink: &mut Sink,
    mut progress: impl FnMut(u64, u64),
) -> Result<Position, StoreError> {
    let end = reader.end()?;
    let last = end.head.position;
    let mut before = End { head: Head::START, frontier: Frontier::new() };
    while before.head.position < last {
        let mut after = before.clone();
        let (mut rows, mut bytes) = (Vec::new(), 0);
        let wanted = PAGE.min(last.get() - before.head.position.get());
        let read = reader.for_each_row(before.head.position, wanted, |columns| {
            bytes += columns.payload.len() + columns.sealed.map_or(0, <[u8]>::len);
            if bytes > PAGE_BYTES && !rows.is_empty() {
                return Err(StoreError::Output(std::io::ErrorKind::StorageFull.into()));
            }
            let digest = columns.entry().digest();
            let position = Position::from_db(columns.position);
            if *columns.leaf != digest {
                let reason = "it does not agree with its leaf: it was altered".to_owned();
                return Err(StoreError::Unreadable { position, reason });
            }
            after.frontier.append(&digest);
            after.head = Head {
                position,
                recorded_at: mandate_domain::time::Instant::from_nanos(columns.recorded_at),
            };
            rows.push(Copied::of(&columns));
            Ok(())
        });
        match read {
            // The page is full by its bytes; the next one begins after its last row.
            Err(StoreError::Output(_)) | Ok(_) => {}
            Err(error) => return Err(error),
        }
        sink.copy(&rows, &before, &after)?;
        before = after;
        progress(before.head.position.get(), last.get());
    }
    if before.frontier != end.frontier {
        return Err(StoreError::Tree { head: last });
    }
    let mut up_to = last;
    loop {
        let page = reader.checkpoints(up_to, CHECKPOINTS)?;
        sink.keep_checkpoints(&page)?;
        match page.last().and_then(|oldest| oldest.size.get().checked_sub(1)) {
            Some(next) if page.len() == CHECKPOINTS => up_to = Position::new(next),
            Some(_) | None => break,
        }
    }
    Ok(last)
}

fn make_empty(path: &Path) -> Result<(), StoreError> {
    folder::make(path).map_err(StoreError::file("make the folder of the copy", path))?;
    let mut entries = path.read_dir().map_err(StoreError::file("look into", path))?;
    match entries.next() {
        None => Ok(()),
        Some(_) => Err(StoreError::NotEmpty { path: PathBuf::from(path) }),
    }
}
