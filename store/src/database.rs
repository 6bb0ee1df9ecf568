//! Which database holds the log.

use std::str::FromStr;

use sqlx::postgres::PgConnectOptions;

use crate::error::StoreError;

/// The database of a log and its keys.
#[derive(Debug, Clone, Default)]
#[expect(clippy::large_enum_variant, reason = "there is one to a process")]
pub enum Database {
    /// `log.db` and `keys.db` in the data directory, for one process.
    #[default]
    Sqlite,
    /// A PostgreSQL database, for several nodes.
    Postgres(Server),
}

/// The address of a PostgreSQL database.
#[derive(Clone)]
pub struct Server(pub(crate) PgConnectOptions);

impl Database {
    /// Reads an address such as `postgres://mandate@db.example.gov.uk:5432/mandate?sslmode=verify-full`. A password
    /// may stand in it, in `PGPASSWORD` or in a password file (`PGPASSFILE`).
    ///
    /// # Errors
    /// [`StoreError::Address`], which leaves the password out.
    pub fn parse(url: &str) -> Result<Self, StoreError> {
        let refused = |reason: String| StoreError::Address { url: without_password(url), reason };
        if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
            return Err(refused("not an address of a PostgreSQL database".to_owned()));
        }
        let options = PgConnectOptions::from_str(url).map_err(|error| refused(error.to_string()))?;
        Ok(Self::Postgres(Server(options)))
    }
}

impl Server {
    /// The name of the database on its server.
    #[must_use]
    pub fn database(&self) -> String {
        self.0.get_database().unwrap_or("postgres").to_owned()
    }
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Server({}:{})", self.0.get_host(), self.0.get_port())
    }
}

/// An address as it may be shown.
fn without_password(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return "(not an address)".to_owned() };
    match rest.rsplit_once('@') {
        Some((user, host)) => {
            let user = user.split(':').next().unwrap_or("");
            format!("{scheme}://{user}@{host}")
        }
        None => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_address_is_told_without_its_password() {
        let refused = Database::parse("mysql://me:secret@host/db").unwrap_err().to_string();
        assert_eq!(
            refused,
            "database `mysql://me@host/db`: not an address of a PostgreSQL database; expected \
             `postgres://user@host:port/name`"
        );
        assert!(Database::parse("postgres://me:secret@host:notaport/db").is_err_and(|error| {
            let text = error.to_string();
            text.contains("postgres://me@host:notaport/db") && !text.contains("secret")
        }));
    }
}
