//! A data directory, open for reading and writing by this process alone.

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use mandate_domain::time::Clock;
use rusqlite::Connection;
use tokio::sync::watch;

use crate::appender::Appender;
use crate::block_on::block_on;
use crate::error::StoreError;
use crate::folder;
use crate::keys::Keys;
use crate::lock::Lock;
use crate::migrate;
use crate::new_event::NewEvent;
use crate::outcome::{OnError, Outcome};
use crate::position::Head;
use crate::reader::Reader;
use crate::settings::{self, Purpose};
use crate::transaction::Streams;
use crate::writer::{Writer, read_head};

/// Most events in one batch.
pub const MAX_BATCH: usize = 10_000;

/// Where a log is and how it is run.
#[derive(Clone)]
pub struct Options {
    /// Folder of `log.db`, `keys.db` and the lock file; made if it is new.
    pub data_dir: PathBuf,
    /// The key file; see [`Keys::create`].
    pub key_file: PathBuf,
    /// The clock for `recorded_at`.
    pub clock: Arc<dyn Clock>,
    /// Events that may wait for the writer before callers wait in turn.
    pub queue_events: u32,
}

impl Options {
    /// A log in a folder, with its key file at `keys/kek` in the same folder.
    #[must_use]
    pub fn new(data_dir: impl Into<PathBuf>, clock: Arc<dyn Clock>) -> Self {
        let data_dir = data_dir.into();
        let key_file = data_dir.join("keys").join("kek");
        Self { data_dir, key_file, clock, queue_events: 20_000 }
    }

    /// The same with its key file elsewhere.
    #[must_use]
    pub fn with_key_file(self, key_file: impl Into<PathBuf>) -> Self {
        Self { key_file: key_file.into(), ..self }
    }
}

/// An open log; cheap to clone, for use from many threads and tasks.
///
/// The last clone to be dropped waits until what is queued is stored, then lets go of the data directory.
#[derive(Clone)]
pub struct Store {
    shared: Arc<Shared>,
}

/// Fields are dropped in this order: the writer ends before the lock goes.
struct Shared {
    appender: Appender,
    reader: Reader,
    keys: Arc<Keys>,
    head: watch::Receiver<Head>,
    _lock: Lock,
}

impl Store {
    /// Whether a folder holds a log.
    #[must_use]
    pub fn exists(data_dir: &Path) -> bool {
        data_dir.join("log.db").exists()
    }

    /// Opens a log, or makes it if the folder is new; its key file must be there.
    ///
    /// # Errors
    /// [`StoreError::InUse`] while another process has it open; [`StoreError::Keys`] for a missing, exposed or wrong
    /// key file; [`StoreError::Setting`] when SQLite does not give the durability asked for; others as they name
    /// themselves.
    pub fn open(options: Options) -> Result<Self, StoreError> {
        let Options { data_dir, key_file, clock, queue_events } = options;
        folder::make(&data_dir).map_err(StoreError::file("make the data directory", &data_dir))?;
        let lock = Lock::take(&data_dir)?;
        let keys = Arc::new(Keys::open(&data_dir, &key_file, Arc::clone(&clock))?);
        let path = data_dir.join("log.db");
        make_private(&path)?;
        let mut connection = Connection::open(&path).map_err(StoreError::database("open log.db"))?;
        migrate::LOG.version(&connection, &path)?;
        settings::apply(&connection, &path, Purpose::WriteLog)?;
        migrate::LOG.migrate(&mut connection, &path)?;
        let head = read_head(&connection).map_err(StoreError::database("read the head"))?;
        let reader = Reader::open(&data_dir)?;
        let (sender, receiver) = watch::channel(head);
        let writer =
            Writer { connection, keys: Arc::clone(&keys), clock, head: sender, streams: Streams::default() };
        let appender = Appender::start(writer, queue_events)?;
        Ok(Self { shared: Arc::new(Shared { appender, reader, keys, head: receiver, _lock: lock }) })
    }

    /// Opens a log for reading only, also beside a running server.
    ///
    /// # Errors
    /// [`StoreError::NoLog`] when there is none, [`StoreError::Older`] when its schema must be upgraded first.
    pub fn open_read_only(data_dir: &Path) -> Result<Reader, StoreError> {
        Reader::open(data_dir)
    }

    /// Appends a batch and waits until it is durable; one outcome for each event, in order. Dropping the future once
    /// the batch is queued changes nothing: it is stored or refused all the same.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when nothing can be written: nothing of the batch is acknowledged, and sending it
    /// again is safe. [`StoreError::TooMany`] for more than [`MAX_BATCH`] events.
    pub async fn append(&self, events: Vec<NewEvent>, on_error: OnError) -> Result<Vec<Outcome>, StoreError> {
        self.shared.appender.append(events, on_error).await
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
