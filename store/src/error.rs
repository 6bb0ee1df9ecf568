//! What can go wrong with the log; no error holds personal data.

use std::path::PathBuf;

use rusqlite::ErrorCode;

use crate::keys::KeysError;
use crate::position::Position;

/// Why the log cannot be opened, read or written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A file or folder that cannot be used.
    #[error("{path}: cannot {doing}: {source}")]
    File {
        /// What was being done.
        doing: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// Another process holds the data directory.
    #[error("{path}: in use by {holder}; stop it first, or give another data directory")]
    InUse {
        /// The data directory.
        path: PathBuf,
        /// The process that holds it.
        holder: String,
    },
    /// Another node took the lease: what this one decided before is not stored.
    #[error(
        "decided in term {term} of the lease, and term {latest} was given to another node since: not stored"
    )]
    Fenced {
        /// The term in which it was decided.
        term: u64,
        /// The latest.
        latest: u64,
    },
    /// There is no log where one was to be read.
    #[error("{path}: no log there; give the data directory of a Mandate server, or start one")]
    NoLog {
        /// The file that is missing.
        path: PathBuf,
    },
    /// A file that is not a log of Mandate.
    #[error("{path}: not a file of Mandate (application id {found:#010x}, wanted {wanted:#010x})")]
    NotOurs {
        /// The file.
        path: PathBuf,
        /// Its application id.
        found: i32,
        /// Ours.
        wanted: i32,
    },
    /// A file written by a newer program.
    #[error("{path}: has schema {found}, this program knows {known}; run the newer program that wrote it")]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its schema version.
        found: i32,
        /// The newest that this program knows.
        known: i32,
    },
    /// A file whose schema is older and which cannot be upgraded while opened read-only.
    #[error(
        "{path}: has schema {found}, this program reads {known}; open it once with `mandate serve` to upgrade it"
    )]
    Older {
        /// The file.
        path: PathBuf,
        /// Its schema version.
        found: i32,
        /// The one that this program reads.
        known: i32,
    },
    /// SQLite runs with a weaker setting than asked for.
    #[error(
        "{path}: SQLite's `{setting}` is `{value}`, wanted `{wanted}`; acknowledged events would not be safe: use a \
         local file system and SQLite as built in"
    )]
    Setting {
        /// The file.
        path: PathBuf,
        /// The setting.
        setting: &'static str,
        /// Its value.
        value: String,
        /// What is wanted.
        wanted: &'static str,
    },
    /// PostgreSQL runs with a weaker setting than acknowledged events need.
    #[error(
        "PostgreSQL's `{setting}` is `{value}`, wanted `{wanted}`; acknowledged events would not be safe: set it in \
         postgresql.conf and restart the server"
    )]
    ServerSetting {
        /// The setting.
        setting: &'static str,
        /// Its value.
        value: String,
        /// What is wanted.
        wanted: &'static str,
    },
    /// An address of a database that cannot be used.
    #[error("database `{url}`: {reason}; expected `postgres://user@host:port/name`")]
    Address {
        /// The address, without its password.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The database refused or failed.
    #[error("cannot {doing}: {source}")]
    Database {
        /// What was being done.
        doing: &'static str,
        /// The database's reason.
        source: DatabaseError,
    },
    /// The connection was lost while events were on their way, and the database does not answer.
    #[error(
        "whether it was stored is not known: {reason}; send it again with the same source and id: what was stored is \
         recognised by them"
    )]
    OutcomeUnknown {
        /// What stands in the way.
        reason: String,
    },
    /// The log is not what was signed of it.
    #[error("not signed: {reason}; run `mandate log verify`, and compare with a checkpoint kept elsewhere")]
    Forked {
        /// What does not fit.
        reason: String,
    },
    /// A place for a copy or a new log that is taken.
    #[error("{path}: not empty; give a folder, or a database, that has nothing in it")]
    NotEmpty {
        /// The folder.
        path: PathBuf,
    },
    /// A restore that was broken off.
    #[error(
        "{path}: a restore began and has not ended; remove the data directory (and the database) and restore again"
    )]
    Unfinished {
        /// The file that says so.
        path: PathBuf,
    },
    /// The list of those erased is not beside the key file.
    #[error(
        "{path}: not there; put the list of those erased back beside the key file, so that the copy brings nobody back; \
         if nobody was ever erased, make it an empty file"
    )]
    NoList {
        /// Where it should be.
        path: PathBuf,
    },
    /// Nothing was signed yet.
    #[error("no checkpoint was signed yet; `mandate log checkpoint` signs one")]
    NoCheckpoint,
    /// A position or size that the log does not have.
    #[error("there is no position {wanted}: the log ends at {head}")]
    Beyond {
        /// What was asked for.
        wanted: Position,
        /// Where the log ends.
        head: Position,
    },
    /// There is no key that signs checkpoints.
    #[error("{path}: no signing key there; `mandate log key` makes one for a log that has none")]
    NoSigningKey {
        /// Where it should be.
        path: PathBuf,
    },
    /// The log may only be read.
    #[error("the log is read-only: {reason}")]
    ReadOnly {
        /// Why, and what lifts it.
        reason: String,
    },
    /// Nothing can be stored at present; nothing was acknowledged.
    #[error(
        "the log cannot be written: {reason}; free space or mend the disk, then send again: what was stored all the \
         same is recognised by its source and id"
    )]
    Unavailable {
        /// What stands in the way.
        reason: String,
    },
    /// A batch with more events than one transaction takes.
    #[error("a batch of {events} events: at most {limit} at once; send it in parts")]
    TooMany {
        /// How many there were.
        events: usize,
        /// How many there may be.
        limit: usize,
    },
    /// A position that the log must have and has not.
    #[error(
        "position {missing} is missing from the log, whose head is {head}: an event was removed or the file is \
         damaged; keep the file as it is and restore from a backup"
    )]
    Gap {
        /// The first position that is not there.
        missing: Position,
        /// The head at the time of reading.
        head: Position,
    },
    /// A head row whose tree cannot be that of its position.
    #[error(
        "the tree in the head row is not one of {head} events: the row was altered; run `mandate log verify` and \
         restore from a backup"
    )]
    Tree {
        /// The position in the head row.
        head: Position,
    },
    /// A stream with a hole in it.
    #[error(
        "event {missing} of {subject} is missing: an event was removed or the file is damaged; keep the file as it \
         is and restore from a backup"
    )]
    StreamGap {
        /// The subject.
        subject: String,
        /// The first sequence that is not there.
        missing: crate::position::Sequence,
    },
    /// A stored event that cannot be decoded.
    #[error(
        "the event at position {position} cannot be read: {reason}; keep the file as it is and report it"
    )]
    Unreadable {
        /// Its position.
        position: Position,
        /// Why.
        reason: String,
    },
    /// Output that cannot be written.
    #[error("cannot write the export: {0}")]
    Output(#[source] std::io::Error),
    /// The keys of the sealed parts.
    #[error(transparent)]
    Keys(#[from] KeysError),
}

/// What a database says of a failure.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// SQLite.
    #[error(transparent)]
    Sqlite(#[from] rusqlite::Error),
    /// PostgreSQL.
    #[error(transparent)]
    Postgres(#[from] sqlx::Error),
}

impl DatabaseError {
    /// Whether anything written now would fail as well: a full disk, an I/O error, a lock, no memory, no connection.
    pub(crate) fn is_unavailable(&self) -> bool {
        match self {
            Self::Sqlite(error) => !matches!(
                error.sqlite_error_code(),
                Some(ErrorCode::ConstraintViolation | ErrorCode::TooBig | ErrorCode::TypeMismatch) | None
            ),
            Self::Postgres(sqlx::Error::Database(error)) => {
                // Classes of SQLSTATE: data that does not fit, constraints, limits of one statement.
                let class = error.code().map_or_else(String::new, |code| code.chars().take(2).collect());
                !matches!(class.as_str(), "22" | "23" | "54")
            }
            Self::Postgres(_) => true,
        }
    }
}

impl StoreError {
    /// For `map_err`: a failure of SQLite while doing something.
    pub(crate) fn database(doing: &'static str) -> impl Fn(rusqlite::Error) -> Self {
        move |source| Self::Database { doing, source: source.into() }
    }

    /// For `map_err`: a failure of PostgreSQL while doing something.
    pub(crate) fn postgres(doing: &'static str) -> impl Fn(sqlx::Error) -> Self {
        move |source| Self::Database { doing, source: source.into() }
    }

    /// The same for each of the callers whose events were to be stored together.
    pub(crate) fn for_each_caller(&self) -> Self {
        match self {
            Self::OutcomeUnknown { reason } => Self::OutcomeUnknown { reason: reason.clone() },
            Self::Unavailable { reason } => Self::Unavailable { reason: reason.clone() },
            Self::ReadOnly { reason } => Self::ReadOnly { reason: reason.clone() },
            other => Self::Unavailable { reason: other.to_string() },
        }
    }

    /// Whether the log cannot be used at all now, whatever is asked of it: trying again later is what helps.
    #[must_use]
    pub fn is_unavailable(&self) -> bool {
        match self {
            Self::Database { source, .. } | Self::Keys(KeysError::Database { source, .. }) => {
                source.is_unavailable()
            }
            Self::OutcomeUnknown { .. } | Self::Unavailable { .. } | Self::ReadOnly { .. } => true,
            _ => false,
        }
    }

    /// For `map_err`: a failure of a file while doing something.
    pub(crate) fn file(doing: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { doing, path, source }
    }
}
