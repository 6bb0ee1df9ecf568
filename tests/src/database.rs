//! Which database a campaign is run on.

use std::str::FromStr;

use anyhow::bail;

/// The database that keeps the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Database {
    /// SQLite, in the data directory.
    Sqlite,
    /// PostgreSQL, in a private cluster.
    Postgres,
}

impl FromStr for Database {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        match text {
            "sqlite" => Ok(Self::Sqlite),
            "postgres" => Ok(Self::Postgres),
            other => bail!("`{other}`: expected sqlite or postgres"),
        }
    }
}
