//! Brings a file to the newest schema; migrations of the log only add.

use std::path::Path;

use rusqlite::Connection;

use crate::error::StoreError;

/// What a SQLite file of ours is: its application id and the statements that make each schema version of it.
pub(crate) struct Schema {
    application_id: i32,
    migrations: &'static [&'static str],
}

/// `log.db`. The application id is the text `MNDT`.
pub(crate) const LOG: Schema = Schema {
    application_id: 0x4D4E_4454,
    migrations: &[
        include_str!("../../migrations/sqlite/0001_log.sql"),
        include_str!("../../migrations/sqlite/0002_proof.sql"),
    ],
};

/// `keys.db`. The application id is the text `MNDK`.
pub(crate) const KEYS: Schema = Schema {
    application_id: 0x4D4E_444B,
    migrations: &[
        include_str!("../../migrations/sqlite/keys/0001_keys.sql"),
        include_str!("../../migrations/sqlite/keys/0002_erased.sql"),
    ],
};

impl Schema {
    /// Applies, in one transaction, the migrations that a file lacks.
    pub(crate) fn migrate(&self, connection: &mut Connection, path: &Path) -> Result<(), StoreError> {
        let failed = StoreError::database("bring the schema up to date");
        let transaction = connection
            .transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)
            .map_err(&failed)?;
        let done = self.version(&transaction, path)?;
        let missing = self.migrations.get(usize::try_from(done).unwrap_or(0)..).unwrap_or_default();
        for migration in missing {
            transaction.execute_batch(migration).map_err(&failed)?;
        }
        if !missing.is_empty() {
            transaction.pragma_update(None, "application_id", self.application_id).map_err(&failed)?;
            transaction.pragma_update(None, "user_version", self.newest()).map_err(&failed)?;
        }
        transaction.commit().map_err(&failed)
    }

    /// Refuses a file that is not ours or not of the newest schema; for connections that only read.
    pub(crate) fn check(&self, connection: &Connection, path: &Path) -> Result<(), StoreError> {
        let (found, known) = (self.version(connection, path)?, self.newest());
        if found < known {
            return Err(StoreError::Older { path: path.to_owned(), found, known });
        }
        Ok(())
    }

    fn newest(&self) -> i32 {
        i32::try_from(self.migrations.len()).unwrap_or(i32::MAX)
    }

    /// The schema version of a file, 0 when it is empty.
    pub(crate) fn version(&self, connection: &Connection, path: &Path) -> Result<i32, StoreError> {
        let read = |name: &str| {
            connection
                .pragma_query_value(None, name, |row| row.get::<_, i32>(0))
                .map_err(StoreError::database("read the schema version"))
        };
        let (found, version) = (read("application_id")?, read("user_version")?);
        let empty = read("schema_version")? == 0;
        if !empty && found != self.application_id {
            let wanted = self.application_id;
            return Err(StoreError::NotOurs { path: path.to_owned(), found, wanted });
        }
        if version > self.newest() {
            return Err(StoreError::Newer { path: path.to_owned(), found: version, known: self.newest() });
        }
        Ok(version)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn migrating_twice_changes_nothing() {
        let mut connection = Connection::open_in_memory().unwrap();
        for schema in [LOG, LOG] {
            schema.migrate(&mut connection, Path::new("log.db")).unwrap();
        }
        LOG.check(&connection, Path::new("log.db")).unwrap();
    }

    #[test]
    fn a_file_of_another_program_and_one_of_a_newer_version_are_refused() {
        let mut foreign = Connection::open_in_memory().unwrap();
        foreign.execute_batch("CREATE TABLE t (a)").unwrap();
        let refused = LOG.migrate(&mut foreign, Path::new("log.db")).unwrap_err().to_string();
        assert!(refused.starts_with("log.db: not a file of Mandate"), "{refused}");

        let mut newer = Connection::open_in_memory().unwrap();
        LOG.migrate(&mut newer, Path::new("log.db")).unwrap();
        newer.pragma_update(None, "user_version", 99).unwrap();
        let refused = LOG.migrate(&mut newer, Path::new("log.db")).unwrap_err().to_string();
        assert_eq!(
            refused,
            "log.db: has schema 99, this program knows 2; run the newer program that wrote it"
        );
    }

    #[test]
    fn every_table_and_column_has_a_comment_before_it() {
        for migration in LOG.migrations.iter().chain(KEYS.migrations) {
            let lines: Vec<&str> = migration.lines().collect();
            for (at, line) in lines.iter().enumerate() {
                let column = line.starts_with("  ")
                    && line.trim_start().starts_with(|c: char| c.is_ascii_lowercase())
                    && !line.trim_start().starts_with("SELECT");
                if column || line.starts_with("CREATE TABLE") {
                    assert!(lines[at - 1].trim_start().starts_with("--"), "no comment before: {line}");
                }
            }
        }
    }
}
