//! What can go wrong with the log; no error holds personal data.

use std::path::PathBuf;

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
    /// The database refused or failed.
    #[error("cannot {doing}: {source}")]
    Database {
        /// What was being done.
        doing: &'static str,
        /// SQLite's reason.
        source: rusqlite::Error,
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

impl StoreError {
    /// For `map_err`: a failure of the database while doing something.
    pub(crate) fn database(doing: &'static str) -> impl Fn(rusqlite::Error) -> Self {
        move |source| Self::Database { doing, source }
    }

    /// For `map_err`: a failure of a file while doing something.
    pub(crate) fn file(doing: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { doing, path, source }
    }
}
