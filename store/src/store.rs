//! An open log: one database, one writer, any number of readers.

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use mandate_domain::time::Clock;
use mandate_verify::note::VerifyingKey;
use tokio::sync::watch;

use crate::appender::{Appender, Haste, Queued};
use crate::backup;
use crate::block_on::block_on;
use crate::checkpoint::{Notary, Signed};
use crate::database::Database;
use crate::erasure;
use crate::error::StoreError;
use crate::folder;
use crate::follow::Follow;
use crate::key_file;
use crate::keys::{Keys, NewLog, Table, locked};
use crate::lease::Fence;
use crate::lock::Lock;
use crate::new_event::NewEvent;
use crate::outcome::{OnError, Outcome};
use crate::position::{Head, Position};
use crate::postgres;
use crate::postgres::keys::PostgresKeys;
use crate::postgres::log::PostgresLog;
use crate::postgres::reader::PostgresReader;
use crate::postgres::session::Sessions;
use crate::reader::{Reader, Source};
use crate::sqlite::keys::SqliteKeys;
use crate::sqlite::log::SqliteLog;
use crate::sqlite::reader::SqliteReader;
use crate::streams::Streams;
use crate::writer::{Context, Log, Writer};

/// Most events in one batch.
pub const MAX_BATCH: usize = 40_000;

/// Where a log is and how it is run.
#[derive(Clone)]
pub struct Options {
    /// Folder of the lock file and, on SQLite, of `log.db` and `keys.db`; made if it is new.
    pub data_dir: PathBuf,
    /// The database of the log and its keys.
    pub database: Database,
    /// The key file; see [`Keys::create`].
    pub key_file: PathBuf,
    /// The key that signs checkpoints; see [`create_signing_key`](crate::create_signing_key). Without it none is
    /// signed.
    pub signing_key: PathBuf,
    /// Where checkpoints are kept outside the database, one after another.
    pub checkpoints: PathBuf,
    /// The clock for `recorded_at`.
    pub clock: Arc<dyn Clock>,
    /// Events that may wait for the writer before callers wait in turn.
    pub queue_events: u32,
}

impl Options {
    /// A log in a folder, with its key files in `keys` and its checkpoints in `checkpoints` in the same folder.
    #[must_use]
    pub fn new(data_dir: impl Into<PathBuf>, clock: Arc<dyn Clock>) -> Self {
        let data_dir = data_dir.into();
        let keys = data_dir.join("keys");
        Self {
            database: Database::Sqlite,
            key_file: keys.join("kek"),
            signing_key: keys.join("signing"),
            checkpoints: data_dir.join("checkpoints"),
            clock,
            queue_events: 20_000,
            data_dir,
        }
    }

    /// The same with its key file elsewhere; the key that signs checkpoints and the list of those erased are beside
    /// it.
    #[must_use]
    pub fn with_key_file(self, key_file: impl Into<PathBuf>) -> Self {
        let key_file = key_file.into();
        Self { signing_key: key_file.with_file_name("signing"), key_file, ..self }
    }

    /// The same in another database.
    #[must_use]
    pub fn with_database(self, database: Database) -> Self {
        Self { database, ..self }
    }

    /// The same with its checkpoints elsewhere.
    #[must_use]
    pub fn with_checkpoints(self, checkpoints: impl Into<PathBuf>) -> Self {
        Self { checkpoints: checkpoints.into(), ..self }
    }
}

/// An open log; cheap to clone, for use from many threads and tasks.
///
/// The last clone to be dropped waits until what is queued is stored, then lets go of the data directory.
#[derive(Clone)]
pub struct Store {
    pub(crate) shared: Arc<Shared>,
    /// The lease without which what is appended by this handle is refused.
    pub(crate) fence: Option<Fence>,
}

/// Fields are dropped in this order: the writer ends before the lock goes.
pub(crate) struct Shared {
    _follow: Option<Follow>,
    appender: Appender,
    reader: Reader,
    pub(crate) keys: Arc<Keys>,
    pub(crate) streams: Arc<Streams>,
    head: watch::Receiver<Head>,
    notary: Option<Notary>,
    /// Size of the last checkpoint signed here; one is signed at a time.
    signing: Mutex<Position>,
    pub(crate) clock: Arc<dyn Clock>,
    read_only: Option<String>,
    pub(crate) options: Options,
    _lock: Lock,
}

/// The parts of an open log that depend on the database.
struct Parts {
    table: Table,
    log: Log,
    reader: Reader,
    head: Head,
}

impl Store {
    /// Whether a folder holds a log on SQLite.
    #[must_use]
    pub fn exists(data_dir: &Path) -> bool {
        data_dir.join("log.db").exists()
    }

    /// Opens a log, or makes it if it is new; its key file must be there.
    ///
    /// Erasures that a restored copy does not know of are carried out first. A log that lacks what its last
    /// published checkpoint covers is opened for reading only: [`Self::read_only`] says why.
    ///
    /// # Errors
    /// [`StoreError::InUse`] while another process has the data directory open; [`StoreError::Keys`] for a missing,
    /// exposed or wrong key file; [`StoreError::Setting`] and [`StoreError::ServerSetting`] when the database does
    /// not give the durability asked for; others as they name themselves.
    pub fn open(options: Options) -> Result<Self, StoreError> {
        folder::make(&options.data_dir)
            .map_err(StoreError::file("make the data directory", &options.data_dir))?;
        let lock = Lock::take(&options.data_dir)?;
        backup::refuse_unfinished(&options.data_dir)?;
        // Without its keys a log is neither opened nor made.
        key_file::read(&options.key_file)?;
        let Parts { table, log, reader, head } = open_database(&options)?;
        let clock = Arc::clone(&options.clock);
        let new = if head.position == Position::START { NewLog::Yes } else { NewLog::No };
        let keys = Arc::new(Keys::open(table, &options.key_file, Arc::clone(&clock), new)?);
        erasure::catch_up_with_list(&keys)?;
        let notary = Notary::open(&options.signing_key, options.checkpoints.clone())?;
        let read_only = match &notary {
            Some(notary) => notary.contradiction(&reader)?,
            None if holds_something(&options.checkpoints) => Some(format!(
                "{}: no signing key there, and checkpoints were published ({}): put the key back, or move that file away \
                 to begin anew",
                options.signing_key.display(),
                options.checkpoints.display()
            )),
            None => None,
        };
        if read_only.is_none() {
            erasure::catch_up_with_log(&keys, &reader)?;
        }
        let streams = Arc::new(Streams::default());
        let (sender, receiver) = watch::channel(head);
        let sender = Arc::new(sender);
        let follow = match &reader.source {
            Source::Sqlite(_) => None,
            Source::Postgres(reader) => Follow::start(
                reader.sessions.clone(),
                Arc::clone(&sender),
                Arc::clone(&streams),
                Arc::clone(&keys),
            ),
        };
        let context =
            Context { keys: Arc::clone(&keys), clock: Arc::clone(&clock), streams: Arc::clone(&streams) };
        let writer = Writer { log, context, head: sender };
        let appender = Appender::start(writer, options.queue_events)?;
        let shared = Shared {
            _follow: follow,
            appender,
            reader,
            keys,
            streams,
            head: receiver,
            notary,
            signing: Mutex::default(),
            clock,
            read_only,
            options,
            _lock: lock,
        };
        let store = Self { shared: Arc::new(shared), fence: None };
        if store.read_only().is_none() {
            erasure::note_missing(&store)?;
        }
        Ok(store)
    }

    /// Wraps the keys of a log anew under a new key-encryption key, which takes the place of the old one in the key
    /// file: copies of the keys made before can no longer be opened once every copy of the old key file is gone. No
    /// node may be running. Returns how many keys there are.
    ///
    /// # Errors
    /// [`StoreError::InUse`] while this data directory is open; [`StoreError::Keys`] when the keys or the key file
    /// cannot be written, which leaves the old key in force or is finished when the log is next opened.
    pub fn rotate_keys(options: &Options) -> Result<u64, StoreError> {
        let _lock = Lock::take(&options.data_dir)?;
        let table = match &options.database {
            Database::Sqlite => Table::Sqlite(SqliteKeys::open(&options.data_dir)?),
            Database::Postgres(server) => {
                Table::Postgres(PostgresKeys::open(Sessions::new(server.0.clone())?)?)
            }
        };
        let mut keys = Keys::open(table, &options.key_file, Arc::clone(&options.clock), NewLog::No)?;
        Ok(keys.rotate(&options.key_file)?)
    }

    /// Opens a log for reading only, also beside a running server.
    ///
    /// # Errors
    /// [`StoreError::NoLog`] when there is none, [`StoreError::Older`] when its schema must be upgraded first.
    pub fn open_read_only(data_dir: &Path, database: &Database) -> Result<Reader, StoreError> {
        let source = match database {
            Database::Sqlite => Source::Sqlite(SqliteReader::open(data_dir)?),
            Database::Postgres(server) => {
                Source::Postgres(PostgresReader::open(Sessions::new(server.0.clone())?)?)
            }
        };
        Ok(Reader { source })
    }

    /// Appends a batch and waits until it is durable; one outcome for each event, in order. Dropping the future once
    /// the batch is queued changes nothing: it is stored or refused all the same.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when nothing can be written: nothing of the batch is acknowledged, and sending it
    /// again is safe. [`StoreError::OutcomeUnknown`] when the connection broke while it was on its way.
    /// [`StoreError::ReadOnly`] for a log that may not be appended to. [`StoreError::TooMany`] for more than
    /// [`MAX_BATCH`] events.
    pub async fn append(&self, events: Vec<NewEvent>, on_error: OnError) -> Result<Vec<Outcome>, StoreError> {
        if let Some(reason) = &self.shared.read_only {
            return Err(StoreError::ReadOnly { reason: reason.clone() });
        }
        self.shared.appender.append(events, on_error, self.fence.as_ref()).await
    }

    /// Queues a batch without waiting until it is durable: what one thread queues is stored in that order, and after what
    /// others [append](Self::append) meanwhile. Blocks while the queue is full.
    ///
    /// # Errors
    /// As [`Self::append`].
    pub fn queue_blocking(&self, events: Vec<NewEvent>, on_error: OnError) -> Result<Queued, StoreError> {
        if let Some(reason) = &self.shared.read_only {
            return Err(StoreError::ReadOnly { reason: reason.clone() });
        }
        block_on(self.shared.appender.queue(events, on_error, self.fence.as_ref(), Haste::InTurn))
    }

    /// [`Self::append`] for threads; blocks the calling thread, so never call it from async code.
    ///
    /// # Errors
    /// As [`Self::append`].
    pub fn append_blocking(
        &self,
        events: Vec<NewEvent>,
        on_error: OnError,
    ) -> Result<Vec<Outcome>, StoreError> {
        block_on(self.append(events, on_error))
    }

    /// The folder of the log, or of what is kept beside a log in a database.
    #[must_use]
    pub fn data_dir(&self) -> &Path {
        &self.shared.options.data_dir
    }

    /// Reads the log; blocking, from any thread.
    #[must_use]
    pub fn reader(&self) -> &Reader {
        &self.shared.reader
    }

    /// Opens what is sealed, and finds subjects by their numbers.
    #[must_use]
    pub fn keys(&self) -> &Keys {
        &self.shared.keys
    }

    /// Tells when the head has moved. A hint only: read from your own checkpoint, and on a timer as well.
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<Head> {
        self.shared.head.clone()
    }

    /// Why nothing can be appended, when the log lacks what its last published checkpoint covers.
    #[must_use]
    pub fn read_only(&self) -> Option<&str> {
        self.shared.read_only.as_deref()
    }

    /// The key that auditors check this log's checkpoints with; none when the log has no signing key.
    #[must_use]
    pub fn verifying_key(&self) -> Option<&VerifyingKey> {
        self.shared.notary.as_ref().map(Notary::verifying_key)
    }

    /// Signs a checkpoint of the present end of the log, keeps it in the database and outside of it, and returns it;
    /// `None` when nothing was appended since the last one. Blocking.
    ///
    /// # Errors
    /// [`StoreError::NoSigningKey`] without a key; [`StoreError::Forked`] when the log no longer continues the
    /// checkpoint before: nothing is signed then; others when the log cannot be read or the checkpoint not be kept.
    pub fn checkpoint(&self) -> Result<Option<Signed>, StoreError> {
        let shared = &*self.shared;
        let missing = || StoreError::NoSigningKey { path: shared.options.signing_key.clone() };
        let notary = shared.notary.as_ref().ok_or_else(missing)?;
        if let Some(reason) = &shared.read_only {
            return Err(StoreError::Forked { reason: reason.clone() });
        }
        let mut last = locked(&shared.signing);
        let Some(signed) = notary.sign(&shared.reader, *last, shared.clock.now())? else {
            // Another node may have signed it, or a crash have come between the database and the file.
            notary.publish_latest(&shared.reader)?;
            return Ok(None);
        };
        block_on(shared.appender.keep(signed.clone()))?;
        *last = signed.size;
        notary.publish(&signed)?;
        Ok(Some(signed))
    }
}

fn open_database(options: &Options) -> Result<Parts, StoreError> {
    match &options.database {
        Database::Sqlite => {
            let path = options.data_dir.join("log.db");
            let table = Table::Sqlite(SqliteKeys::open(&options.data_dir)?);
            let (log, head) = SqliteLog::open(&path)?;
            let reader = Reader { source: Source::Sqlite(SqliteReader::open(&options.data_dir)?) };
            Ok(Parts { table, log: Log::Sqlite(log), reader, head })
        }
        Database::Postgres(server) => {
            let sessions = Sessions::new(server.0.clone())?;
            sessions.block(async |connection| {
                postgres::settings::check(connection).await?;
                postgres::migrate::LOG.migrate(connection).await
            })?;
            let table = Table::Postgres(PostgresKeys::open(sessions.clone())?);
            let reader = Reader { source: Source::Postgres(PostgresReader::open(sessions)?) };
            let end = reader.end()?;
            let head = end.head;
            let log = Log::Postgres(Box::new(PostgresLog::new(&server.0, end)?));
            Ok(Parts { table, log, reader, head })
        }
    }
}

/// Whether there is a file with something in it.
fn holds_something(path: &Path) -> bool {
    path.metadata().is_ok_and(|found| found.len() > 0)
}

/// Makes a file that is not there yet readable by its owner only; SQLite gives the files beside it the same mode.
pub(crate) fn make_private(path: &Path) -> Result<(), StoreError> {
    let made = OpenOptions::new().append(true).create(true).mode(0o600).open(path);
    made.map(drop).map_err(StoreError::file("open", path))
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Store({:?})", self.shared.reader)
    }
}
