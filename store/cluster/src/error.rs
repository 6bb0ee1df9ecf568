//! What can go wrong with a private cluster.

use std::path::PathBuf;

/// Why a cluster cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No PostgreSQL that is new enough.
    #[error(
        "no PostgreSQL server {wanted} or later: looked for `postgres`, `initdb` and `psql` in {}; install one, on \
         Debian or Ubuntu as root: apt-get install postgresql (any version from {wanted} on), or give the address of \
         a running server in MANDATE_TEST_DATABASE_URL",
        looked_in.join(", ")
    )]
    Missing {
        /// The oldest version that will do.
        wanted: u32,
        /// Where it was looked for.
        looked_in: Vec<String>,
    },
    /// PostgreSQL refuses to run as root, and no other user is known here.
    #[error(
        "PostgreSQL does not run as root, and /etc/passwd has neither `postgres` nor `nobody`; add one of them"
    )]
    NoUser,
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
    /// A program of PostgreSQL that failed.
    #[error("{program} failed: {told}")]
    Program {
        /// The program and what it was to do.
        program: String,
        /// What it told.
        told: String,
    },
    /// The server ended by itself or never accepted.
    #[error("the private PostgreSQL in {folder} {what}; the end of its log:\n{log}")]
    Server {
        /// Its folder.
        folder: PathBuf,
        /// What happened.
        what: String,
        /// The end of its log.
        log: String,
    },
    /// It is not ours to kill.
    #[error(
        "cannot {doing} the server of MANDATE_TEST_DATABASE_URL: it is not this process's own; unset the variable to \
         have a private one"
    )]
    NotOurs {
        /// What was asked for.
        doing: &'static str,
    },
    /// An address that is none.
    #[error("MANDATE_TEST_DATABASE_URL is `{0}`: expected postgres://user@host:port/database")]
    Address(String),
    /// A name that psql would take for something else.
    #[error("`{0}` is no name for a database here: expected lower-case letters, digits and `_`, at most 63")]
    Name(String),
}

impl Error {
    /// For `map_err`: a failure of a file while doing something.
    pub(crate) fn file(doing: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { doing, path, source }
    }
}
