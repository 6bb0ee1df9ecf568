//! The subjects' keys: made before the first event that needs them, wrapped, kept apart from the log.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use mandate_domain::time::Clock;

use crate::cloud_event::CloudEvent;
use crate::error::DatabaseError;
use crate::key_file::{self, Derived, Secret};
use crate::position::Position;
use crate::postgres::keys::PostgresKeys;
use crate::private::Private;
use crate::seal::{self, Belongs};
use crate::sqlite::keys::SqliteKeys;
use crate::stored_event::StoredEvent;
use crate::tombstones::{self, Tombstones};

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
    /// A log that holds events, without the keys under which they are sealed.
    #[error(
        "{path}: the keys of this log are gone; put them back from the backup of the keys (`mandate restore`): without \
         them names, addresses and free text stay unreadable, and what is sealed anew could not be read beside them"
    )]
    NoKeys {
        /// Where they should be.
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
    #[error("the key of {subject} is not there: it was destroyed, or the keys are older than the log")]
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
    #[error("cannot {doing} in the keys: {source}")]
    Database {
        /// What was being done.
        doing: &'static str,
        /// The database's reason.
        source: DatabaseError,
    },
    /// Somebody reads the keys for so long that what was erased cannot be overwritten.
    #[error("what was erased is still in the write-ahead log of the keys, which somebody reads; try again")]
    Busy,
    /// Keys that were wrapped anew while this process ran.
    #[error(
        "the keys were wrapped under another key file meanwhile; give this node the new key file and restart it"
    )]
    Rotated,
    /// A subject whose personal data is kept but not shown.
    #[error(
        "the personal data of {subject} is restricted: it is kept and not shown until the restriction is lifted"
    )]
    Restricted {
        /// The subject.
        subject: Box<str>,
    },
    /// The database of the keys cannot be reached.
    #[error("the keys cannot be reached: {reason}")]
    Unreachable {
        /// What stands in the way.
        reason: String,
    },
}

impl KeysError {
    /// For `map_err`: a failure of the database while doing something.
    pub(crate) fn database<E: Into<DatabaseError>>(doing: &'static str) -> impl Fn(E) -> Self {
        move |source| Self::Database { doing, source: source.into() }
    }
}

/// The database that holds the keys.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "there is one to a log")]
pub(crate) enum Table {
    Sqlite(SqliteKeys),
    Postgres(PostgresKeys),
}

/// Calls the method of that name of whichever database it is.
macro_rules! on {
    ($table:expr, $keys:ident => $call:expr) => {
        match $table {
            Table::Sqlite($keys) => $call,
            Table::Postgres($keys) => $call,
        }
    };
}

/// Whether a log is new, and its keys are made with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NewLog {
    Yes,
    No,
}

/// The keys of all subjects and the index from numbers to subjects; one for a log.
pub struct Keys {
    table: Table,
    derived: Derived,
    clock: Arc<dyn Clock>,
    unwrapped: Mutex<HashMap<Box<str>, Secret>>,
    gone: Mutex<Gone>,
    tombstones: Tombstones,
}

/// Subjects that are not to be read.
#[derive(Debug, Default)]
pub(crate) struct Gone {
    pub(crate) erased: HashSet<Box<str>>,
    pub(crate) restricted: HashSet<Box<str>>,
}

/// Keys and index entries that are to be durable before the events that need them.
#[derive(Default)]
pub(crate) struct Pending {
    keys: HashMap<Box<str>, Secret>,
    lookups: Vec<Lookup>,
    /// Subjects that are known to have no key.
    absent: HashSet<Box<str>>,
}

impl Pending {
    fn key_of(&self, keys: &Keys, subject: &str) -> Result<Option<Secret>, KeysError> {
        if self.absent.contains(subject) { Ok(None) } else { keys.key_of(subject) }
    }

    /// Whether nothing must be made durable.
    pub(crate) fn is_empty(&self) -> bool {
        self.keys.is_empty() && self.lookups.is_empty()
    }
}

/// An entry of the index from numbers to subjects.
pub(crate) struct Lookup {
    pub(crate) digest: [u8; 32],
    pub(crate) subject: Box<str>,
    pub(crate) position: Position,
}

/// A wrapped key of a subject.
pub(crate) struct Wrapped {
    pub(crate) subject: Box<str>,
    pub(crate) bytes: Vec<u8>,
}

/// Which key-encryption key the keys are wrapped under.
pub(crate) struct KeyFileRow {
    pub(crate) fingerprint: Vec<u8>,
    /// The key of the look-up index, wrapped; none while it is derived from the key-encryption key itself.
    pub(crate) lookup: Option<Vec<u8>>,
}

/// Everything that a database of keys holds, for a copy of it.
#[derive(Default)]
pub(crate) struct Dump {
    pub(crate) key_file: Option<KeyFileRow>,
    /// Subject, wrapped key, when it was made.
    pub(crate) keys: Vec<(String, Vec<u8>, i64)>,
    /// Digest, subject, position.
    pub(crate) lookups: Vec<(Vec<u8>, String, i64)>,
    /// Subject, when.
    pub(crate) erased: Vec<(String, i64)>,
    /// Subject, since when.
    pub(crate) restricted: Vec<(String, i64)>,
}

/// Whom a wrapped look-up key belongs to.
const LOOKUP_KEY: &str = "mandate/look-up";

impl Keys {
    /// Makes the key file of a new log: 32 random bytes, readable by its owner only. Keep a copy of it elsewhere;
    /// without it nothing that is sealed can be opened.
    ///
    /// # Errors
    /// [`KeysError::File`] when it exists or cannot be written.
    pub fn create(key_file: &Path) -> Result<(), KeysError> {
        key_file::create(key_file)?;
        tombstones::make(&Tombstones::beside(key_file))
    }

    /// Opens the keys of a log with its key file.
    pub(crate) fn open(
        table: Table,
        key_file: &Path,
        clock: Arc<dyn Clock>,
        new: NewLog,
    ) -> Result<Self, KeysError> {
        let place = on!(&table, keys => keys.place());
        let mut derived = key_file::read(key_file)?;
        let row = match on!(&table, keys => keys.key_file())? {
            Some(row) => row,
            None if new == NewLog::No => return Err(KeysError::NoKeys { path: place }),
            None => {
                on!(&table, keys => keys.begin(&derived.fingerprint))?;
                on!(&table, keys => keys.key_file())?
                    .unwrap_or(KeyFileRow { fingerprint: Vec::new(), lookup: None })
            }
        };
        if row.fingerprint != derived.fingerprint {
            // A rotation that was broken off between the keys and the file is finished here.
            derived = key_file::finish_rotation(key_file, &row.fingerprint)?
                .ok_or_else(|| KeysError::WrongKey { path: place.clone(), key_file: key_file.to_owned() })?;
        }
        if let Some(wrapped) = &row.lookup {
            derived.lookup = seal::unwrap(&derived.wrapping, LOOKUP_KEY, wrapped)
                .ok_or_else(|| KeysError::Altered { subject: LOOKUP_KEY.into() })?;
        }
        let gone = Mutex::new(on!(&table, keys => keys.gone())?);
        let tombstones = Tombstones::open(key_file)?;
        Ok(Self { table, derived, clock, unwrapped: Mutex::default(), gone, tombstones })
    }

    /// Opens the private part of a stored event; an empty one when nothing was sealed.
    ///
    /// # Errors
    /// [`KeysError::NoKey`] when the subject's key was destroyed, [`KeysError::Restricted`] when its data is not to
    /// be shown, [`KeysError::Altered`] when the sealed part does not open.
    pub fn unseal(&self, event: &StoredEvent) -> Result<Private, KeysError> {
        if event.sealed.is_some() && self.is_restricted(&event.fact.subject) {
            return Err(KeysError::Restricted { subject: event.fact.subject.clone() });
        }
        self.compare(event)
    }

    /// [`Self::unseal`] for the person themselves, who asks for what is held of them: a restriction keeps it from
    /// others.
    ///
    /// # Errors
    /// As [`Self::unseal`], but for [`KeysError::Restricted`].
    pub fn disclose(&self, event: &StoredEvent) -> Result<Private, KeysError> {
        self.compare(event)
    }

    /// [`Self::unseal`] for comparing, which shows nothing to anybody.
    pub(crate) fn compare(&self, event: &StoredEvent) -> Result<Private, KeysError> {
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
            None => match pending.key_of(self, &fact.subject)? {
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
            let digest = self.lookup_digest(kind, number);
            pending.lookups.push(Lookup { digest, subject: event.fact.subject.clone(), position });
        }
    }

    /// Makes keys and index entries durable; `false` when another node made one of the keys meanwhile, in which case
    /// what was sealed must be sealed anew.
    pub(crate) fn commit(&self, pending: Pending) -> Result<bool, KeysError> {
        if pending.is_empty() {
            return Ok(true);
        }
        let wrapped = pending
            .keys
            .iter()
            .map(|(subject, key)| {
                let bytes = seal::wrap(&self.derived.wrapping, subject, key)?;
                Ok(Wrapped { subject: subject.clone(), bytes })
            })
            .collect::<Result<Vec<_>, KeysError>>()?;
        let now = self.clock.now().nanos();
        let fingerprint = &self.derived.fingerprint;
        let stored = on!(&self.table, keys => keys.store(&wrapped, &pending.lookups, now, fingerprint))?;
        if stored {
            for (subject, key) in pending.keys {
                self.remember(subject, key);
            }
        } else {
            // Another process made a key meanwhile, or erased one of the subjects.
            let told = on!(&self.table, keys => keys.gone())?;
            locked(&self.gone).erased.extend(told.erased);
        }
        Ok(stored)
    }

    /// Whether an event can be sealed and found with what is in memory: no key is to be read or made, no number to be
    /// entered.
    pub(crate) fn is_at_hand(&self, event: &CloudEvent) -> bool {
        event.private.is_empty()
            || (event.private.identifiers().next().is_none()
                && locked(&self.unwrapped).contains_key(&event.fact.subject))
    }

    /// Reads the keys of some subjects at once; who has none is noted in the answer.
    pub(crate) fn fetch(&self, subjects: &[&str]) -> Result<Pending, KeysError> {
        let mut pending = Pending::default();
        let mut wanted = subjects.to_vec();
        wanted.retain(|subject| !locked(&self.unwrapped).contains_key(*subject));
        if wanted.is_empty() {
            return Ok(pending);
        }
        pending.absent = wanted.iter().map(|subject| Box::from(*subject)).collect();
        for Wrapped { subject, bytes } in on!(&self.table, keys => keys.keys(&wanted))? {
            let key = seal::unwrap(&self.derived.wrapping, &subject, &bytes)
                .ok_or_else(|| KeysError::Altered { subject: subject.clone() })?;
            pending.absent.remove(&subject);
            self.remember(subject, key);
        }
        Ok(pending)
    }

    /// Destroys the key of a subject and what leads to it, for good.
    pub(crate) fn erase(&self, subject: &str) -> Result<(), KeysError> {
        // From here on nobody takes the key out again, or has a new one made, while it is being destroyed.
        self.note_erased(subject)?;
        on!(&self.table, keys => keys.erase(subject, self.clock.now().nanos()))
    }

    /// Forgets a subject that was erased, here or on another node, and enters it in the list beside the key file.
    pub(crate) fn note_erased(&self, subject: &str) -> Result<(), KeysError> {
        locked(&self.gone).erased.insert(subject.into());
        locked(&self.unwrapped).remove(subject);
        self.tombstones.add(subject)
    }

    /// The subjects in the list beside the key file.
    pub(crate) fn listed_as_erased(&self) -> Vec<String> {
        self.tombstones.subjects()
    }

    /// Shows, or no longer shows, the personal data of a subject.
    pub(crate) fn restrict(&self, subject: &str, restricted: Restricted) -> Result<(), KeysError> {
        on!(&self.table, keys => keys.restrict(subject, restricted, self.clock.now().nanos()))?;
        self.note_restricted(subject, restricted);
        Ok(())
    }

    /// Remembers what was ordered, also on another node.
    pub(crate) fn note_restricted(&self, subject: &str, restricted: Restricted) {
        let mut gone = locked(&self.gone);
        match restricted {
            Restricted::From => drop(gone.restricted.insert(subject.into())),
            Restricted::Lifted => drop(gone.restricted.remove(subject)),
        }
    }

    /// Whether a subject was erased.
    #[must_use]
    pub fn is_erased(&self, subject: &str) -> bool {
        locked(&self.gone).erased.contains(subject)
    }

    /// Whether the personal data of a subject is kept and not shown.
    #[must_use]
    pub fn is_restricted(&self, subject: &str) -> bool {
        locked(&self.gone).restricted.contains(subject)
    }

    /// The subjects that were erased, in order.
    #[must_use]
    pub fn erased(&self) -> Vec<String> {
        let mut erased: Vec<String> = locked(&self.gone).erased.iter().map(ToString::to_string).collect();
        erased.sort_unstable();
        erased
    }

    /// Wraps every key anew under a new key-encryption key and puts that into the key file: copies of the keys made
    /// before can no longer be opened once the old key file is gone. Every other node must be stopped.
    ///
    /// # Errors
    /// [`KeysError::File`] when the new key cannot be written, [`KeysError::Database`] when the keys cannot; either
    /// leaves the old key in force.
    pub(crate) fn rotate(&mut self, key_file: &Path) -> Result<u64, KeysError> {
        let mut new = key_file::prepare_rotation(key_file)?;
        let lookup = seal::wrap(&new.wrapping, LOOKUP_KEY, &self.derived.lookup)?;
        let old = &self.derived.wrapping;
        let rewrap = |wrapped: &Wrapped| -> Result<Vec<u8>, KeysError> {
            let key = seal::unwrap(old, &wrapped.subject, &wrapped.bytes)
                .ok_or_else(|| KeysError::Altered { subject: wrapped.subject.clone() })?;
            seal::wrap(&new.wrapping, &wrapped.subject, &key)
        };
        let row = KeyFileRow { fingerprint: new.fingerprint.to_vec(), lookup: Some(lookup) };
        let rewrapped = on!(&self.table, keys => keys.rewrap(&rewrap, &row))?;
        key_file::finish_rotation(key_file, &row.fingerprint)?;
        new.lookup.clone_from(&self.derived.lookup);
        self.derived = new;
        Ok(rewrapped)
    }

    /// The subjects in the index under a digest, the last stated first.
    pub(crate) fn lookup(&self, digest: [u8; 32], limit: i64) -> Result<Vec<String>, KeysError> {
        on!(&self.table, keys => keys.lookup(digest, limit))
    }

    /// The key of a subject, if it has one.
    fn key_of(&self, subject: &str) -> Result<Option<Secret>, KeysError> {
        // The key of one who was erased on another node may still be there for a moment.
        if self.is_erased(subject) {
            return Ok(None);
        }
        if let Some(key) = locked(&self.unwrapped).get(subject) {
            return Ok(Some(key.clone()));
        }
        let Some(wrapped) = on!(&self.table, keys => keys.key(subject))? else { return Ok(None) };
        let key = seal::unwrap(&self.derived.wrapping, subject, &wrapped)
            .ok_or_else(|| KeysError::Altered { subject: subject.into() })?;
        self.remember(subject.into(), key.clone());
        Ok(Some(key))
    }

    fn remember(&self, subject: Box<str>, key: Secret) {
        let mut unwrapped = locked(&self.unwrapped);
        // Whoever is noted as erased before this lock is taken is not kept, and one noted after it is taken out.
        if self.is_erased(&subject) {
            return;
        }
        if unwrapped.len() >= CACHED_KEYS {
            unwrapped.clear();
        }
        unwrapped.insert(subject, key);
    }

    /// The key of the look-up index.
    pub(crate) const fn lookup_key(&self) -> &Secret {
        &self.derived.lookup
    }

    /// A digest of what a command says, under the key of the look-up index: whoever reads it learns nothing of what was
    /// said, and the same words give the same digest. In hexadecimal, 32 digits.
    #[must_use]
    pub fn command_digest(&self, parts: &[&[u8]]) -> String {
        let mut all: Vec<&[u8]> = vec![b"command"];
        all.extend_from_slice(parts);
        let digest = key_file::keyed_digest(self.lookup_key(), &all);
        digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect()
    }

    /// The clock, for the century of short PNC numbers.
    pub(crate) fn clock(&self) -> &dyn Clock {
        &*self.clock
    }
}

/// Whether a restriction begins or ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Restricted {
    From,
    Lifted,
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Keys")
    }
}

/// A panic while a lock is held leaves no half-done work that a later caller could see.
pub(crate) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
