//! What can go wrong with the read models.

use mandate_domain::calendar::CalendarError;
use mandate_domain::policy::PolicyError;
use mandate_store::StoreError;

/// Why the read models cannot answer or cannot be brought up to date.
#[derive(Debug, thiserror::Error)]
pub enum ProjectionError {
    /// The database of the read models.
    #[error("read models: {what}: {source}; `mandate projections rebuild` makes them anew from the log")]
    Database {
        /// What was attempted.
        what: &'static str,
        /// What SQLite says.
        source: rusqlite::Error,
    },
    /// The log.
    #[error(transparent)]
    Log(#[from] StoreError),
    /// A file of the read models.
    #[error("{file}: {source}")]
    File {
        /// The file.
        file: String,
        /// What the system says.
        source: std::io::Error,
    },
    /// More than is judged or gathered while somebody waits.
    #[error("{0}")]
    TooMuch(String),
    /// The policy.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// The calendar.
    #[error(transparent)]
    Calendar(#[from] CalendarError),
    /// A row that cannot be read.
    #[error(
        "read models: a row of {table} cannot be read: {reason}; `mandate projections rebuild` makes it anew"
    )]
    Row {
        /// The table.
        table: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// Another process has the file open.
    #[error("{file} is in use by another process; stop the server first")]
    InUse {
        /// The file.
        file: String,
    },
    /// What was put aside while the tables were made anew.
    #[error("read models: what was put aside while they were made anew cannot be read back; try again")]
    Spill,
    /// The facts of a subject as the tables hold them.
    #[error(
        "read models: the facts of a subject cannot be read back; `mandate projections rebuild` makes them anew"
    )]
    Streams,
    /// Another thread failed while it held the read models.
    #[error("read models: an earlier failure left them locked; restart the program")]
    Poisoned,
}

impl ProjectionError {
    /// Whether the file of the read models is damaged, or none of SQLite's at all.
    pub(crate) fn is_damage(&self) -> bool {
        matches!(self, Self::Database { source, .. } if is_damage(source))
    }

    /// For `map_err`: names what was attempted.
    pub(crate) fn database(what: &'static str) -> impl Fn(rusqlite::Error) -> Self {
        move |source| Self::Database { what, source }
    }

    pub(crate) fn row(table: &'static str, source: &serde_json::Error) -> Self {
        Self::Row { table, reason: source.to_string() }
    }
}

/// Whether SQLite says that a file is damaged, or none of its own.
pub(crate) fn is_damage(error: &rusqlite::Error) -> bool {
    use rusqlite::ErrorCode::{DatabaseCorrupt, NotADatabase};
    matches!(error.sqlite_error_code(), Some(DatabaseCorrupt | NotADatabase))
}
