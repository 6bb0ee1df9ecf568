//! The subjects' keys: made before the first event that needs them, wrapped, kept apart from the log.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use mandate_domain::time::Clock;
use rusqlite::{Connection, OptionalExtension};

use crate::cloud_event::CloudEvent;
use crate::error::StoreError;
use crate::key_file::{self, Derived, Secret};
use crate::migrate;
use crate::position::Position;
use crate::private::Private;
use crate::seal::{self, Belongs};
use crate::settings::{self, Purpose};
use crate::store::make_private;
use crate::stored_event::StoredEvent;

/// Unwrapped keys held in memory at once.
const CACHED_KEYS: usize = 50_000;

/// Why a key or a sealed part cannot be used; no error holds personal data or a key.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// A key file that cannot be used.
    #[error("{path}: cannot {doing} the key file: {source}")]
    File {
        /// What was being done.
        doing: &'static str,
        /// The key file.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// There is no key file.
    #[error("{path}: no key file there; run `mandate init` for a new log, or put back the key of this one")]
    NoKeyFile {
        /// Where it should be.
        path: PathBuf,
    },
    /// A key file that others can read.
    #[error(
        "{path}: others can read the key file (mode {mode:03o}); run `chmod 600` on it and ask who read it"
    )]
    Exposed {
        /// The key file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// A key file of another form.
    #[error("{path}: not a key file: expected one line, `mandate-kek-v1` and 64 hexadecimal digits")]
    Malformed {
        /// The key file.
        path: PathBuf,
    },
    /// The key file of another log.
    #[error("{path}: made with another key than that in {key_file}; put back the key file of this log")]
    WrongKey {
        /// The file of wrapped keys.
        path: PathBuf,
        /// The key file.
        key_file: PathBuf,
    },
    /// The system's random generator failed.
    #[error("the system gave no random bytes; nothing can be sealed until it does")]
    Random,
    /// A subject whose key is not there.
    #[error("the key of {subject} is not there: it was destroyed, or keys.db is older than log.db")]
    NoKey {
        /// The subject.
        subject: Box<str>,
    },
    /// A wrapped key or a sealed part that does not open.
    #[error("what is sealed for {subject} does not open: it was altered, or moved from another event")]
    Altered {
        /// The subject.
        subject: Box<str>,
    },
    /// The database of the keys refused or failed.
    #[error("cannot {doing} in keys.db: {source}")]
    Database {
        /// What was being done.
        doing: &'static str,
        /// SQLite's reason.
        source: rusqlite::Error,
    },
}

impl KeysError {
    /// For `map_err`: a failure of the database while doing something.
    pub(crate) fn database(doing: &'static str) -> impl Fn(rusqlite::Error) -> Self {
        move |source| Self::Database { doing, source }
    }
}

/// The keys of all subjects and the index from numbers to subjects; one for a data directory.
pub struct Keys {
    derived: Derived,
    clock: Arc<dyn Clock>,
    writing: Mutex<Connection>,
    reading: Mutex<Connection>,
    unwrapped: Mutex<HashMap<Box<str>, Secret>>,
}

/// Keys and index entries that are to be durable before the events that need them.
#[derive(Default)]
pub(crate) struct Pending {
    keys: HashMap<Box<str>, Secret>,
    lookups: Vec<([u8; 32], Box<str>, Position)>,
}

impl Keys {
    /// Makes the key file of a new log: 32 random bytes, readable by its owner only. Keep a copy of it elsewhere;
    /// without it nothing that is sealed can be opened.
    ///
    /// # Errors
    /// [`KeysError::File`] when it exists or cannot be written.
    pub fn create(key_file: &Path) -> Result<(), KeysError> {
        key_file::create(key_file)
    }

    /// Opens `keys.db` in the data directory, which is made if it is new.
    pub(crate) fn open(data_dir: &Path, key_file: &Path, clock: Arc<dyn Clock>) -> Result<Self, StoreError> {
        let derived = key_file::read(key_file)?;
        let path = data_dir.join("keys.db");
        make_private(&path)?;
        let mut writing = Connection::open(&path).map_err(StoreError::database("open keys.db"))?;
        migrate::KEYS.version(&writing, &path)?;
        settings::apply(&writing, &path, Purpose::WriteKeys)?;
        migrate::KEYS.migrate(&mut writing, &path)?;
        check_fingerprint(&writing, &derived, &path, key_file)?;
        let reading = Connection::open(&path).map_err(StoreError::database("open keys.db"))?;
        settings::apply(&reading, &path, Purpose::Read)?;
        Ok(Self {
            derived,
            clock,
            writing: Mutex::new(writing),
            reading: Mutex::new(reading),
            unwrapped: Mutex::default(),
        })
    }

    /// Opens the private part of a stored event; an empty one when nothing was sealed.
    ///
    /// # Errors
    /// [`KeysError::NoKey`] when the subject's key was destroyed, [`KeysError::Altered`] when the sealed part does
    /// not open.
    pub fn unseal(&self, event: &StoredEvent) -> Result<Private, KeysError> {
        match &event.sealed {
            None => Ok(Private::default()),
            Some(sealed) => {
                let fact = &event.fact;
                let belongs = Belongs { subject: &fact.subject, source: &fact.source, id: &fact.id };
                self.unseal_part(belongs, sealed.bytes())
            }
        }
    }

    fn unseal_part(&self, belongs: Belongs<'_>, sealed: &[u8]) -> Result<Private, KeysError> {
        let key = self.key_of(belongs.subject)?;
        let key = key.ok_or_else(|| KeysError::NoKey { subject: belongs.subject.into() })?;
        seal::unseal(&key, belongs, sealed)
            .and_then(|text| Private::from_json(&text))
            .ok_or_else(|| KeysError::Altered { subject: belongs.subject.into() })
    }

    /// Seals the private part of an event under its subject's key, which is made if it is new.
    pub(crate) fn seal(
        &self,
        event: &CloudEvent,
        pending: &mut Pending,
    ) -> Result<Option<Box<[u8]>>, KeysError> {
        if event.private.is_empty() {
            return Ok(None);
        }
        let fact = &event.fact;
        let belongs = Belongs { subject: &fact.subject, source: &fact.source, id: &fact.id };
        let key = match pending.keys.get(&fact.subject) {
            Some(key) => key.clone(),
            None => match self.key_of(&fact.subject)? {
                Some(key) => key,
                None => {
                    let key = key_file::random()?;
                    pending.keys.insert(fact.subject.clone(), key.clone());
                    key
                }
            },
        };
        seal::seal(&key, belongs, &event.private.to_json()).map(Some)
    }

    /// Enters the numbers of an event's subject into the index.
    pub(crate) fn index(&self, event: &CloudEvent, position: Position, pending: &mut Pending) {
        for (kind, number) in event.private.identifiers() {
            pending.lookups.push((self.lookup_digest(kind, number), event.fact.subject.clone(), position));
        }
    }

    /// Makes keys and index entries durable.
    pub(crate) fn commit(&self, pending: Pending) -> Result<(), KeysError> {
        if pending.keys.is_empty() && pending.lookups.is_empty() {
            return Ok(());
        }
        let failed = KeysError::database("store keys");
        let mut connection = locked(&self.writing);
        let transaction = connection
            .transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)
            .map_err(&failed)?;
        let now = self.clock.now().nanos();
        for (subject, key) in &pending.keys {
            let wrapped = seal::wrap(&self.derived.wrapping, subject, key)?;
            transaction
                .prepare_cached(include_str!("../sql/sqlite/keys/insert_subject_key.sql"))
                .and_then(|mut insert| insert.execute((subject, wrapped, now)))
                .map_err(&failed)?;
        }
        for (digest, subject, position) in &pending.lookups {
            transaction
                .prepare_cached(include_str!("../sql/sqlite/keys/upsert_lookup.sql"))
                .and_then(|mut upsert| upsert.execute((digest, subject, position.to_db())))
                .map_err(&failed)?;
        }
        transaction.commit().map_err(&failed)?;
        for (subject, key) in pending.keys {
            self.remember(subject, key);
        }
        Ok(())
    }

    /// The key of a subject, if it has one.
    fn key_of(&self, subject: &str) -> Result<Option<Secret>, KeysError> {
        if let Some(key) = locked(&self.unwrapped).get(subject) {
            return Ok(Some(key.clone()));
        }
        let wrapped: Option<Vec<u8>> = locked(&self.reading)
            .prepare_cached(include_str!("../sql/sqlite/keys/select_subject_key.sql"))
            .and_then(|mut select| select.query_row([subject], |row| row.get(0)).optional())
            .map_err(KeysError::database("read a key"))?;
        let Some(wrapped) = wrapped else { return Ok(None) };
        let key = seal::unwrap(&self.derived.wrapping, subject, &wrapped)
            .ok_or_else(|| KeysError::Altered { subject: subject.into() })?;
        self.remember(subject.into(), key.clone());
        Ok(Some(key))
    }

    fn remember(&self, subject: Box<str>, key: Secret) {
        let mut unwrapped = locked(&self.unwrapped);
        if unwrapped.len() >= CACHED_KEYS {
            unwrapped.clear();
        }
        unwrapped.insert(subject, key);
    }

    /// The key of the look-up index.
    pub(crate) const fn lookup_key(&self) -> &Secret {
        &self.derived.lookup
    }

    /// The clock, for the century of short PNC numbers.
    pub(crate) fn clock(&self) -> &dyn Clock {
        &*self.clock
    }

    /// The connection that reads.
    pub(crate) fn reading(&self) -> MutexGuard<'_, Connection> {
        locked(&self.reading)
    }
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Keys")
    }
}

/// A panic while a connection is held leaves no half-done work that a later caller could see: SQLite rolls back.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn check_fingerprint(
    connection: &Connection,
    derived: &Derived,
    path: &Path,
    key_file: &Path,
) -> Result<(), KeysError> {
    let failed = KeysError::database("check which key file belongs to it");
    let stored: Option<Vec<u8>> = connection
        .query_row(include_str!("../sql/sqlite/keys/select_fingerprint.sql"), [], |row| row.get(0))
        .optional()
        .map_err(&failed)?;
    match stored {
        Some(stored) if stored == derived.fingerprint => Ok(()),
        Some(_) => Err(KeysError::WrongKey { path: path.to_owned(), key_file: key_file.to_owned() }),
        None => connection
            .execute(include_str!("../sql/sqlite/keys/insert_fingerprint.sql"), [derived.fingerprint])
            .map(drop)
            .map_err(&failed),
    }
}
