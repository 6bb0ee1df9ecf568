//! SQLite's settings: set, then read back, because a setting that was not taken is silent.

use std::path::Path;
use std::time::Duration;

use rusqlite::Connection;

use crate::error::StoreError;

/// How long a connection waits for a lock that another holds.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// What a connection is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// The one connection that writes the log.
    WriteLog,
    /// The one connection that writes the keys.
    WriteKeys,
    /// Any connection that only reads.
    Read,
}

/// A setting, the statement that sets it and the values that are strong enough.
struct Setting {
    name: &'static str,
    value: &'static str,
    accepted: &'static [&'static str],
}

const fn exactly(name: &'static str, value: &'static str, accepted: &'static [&'static str]) -> Setting {
    Setting { name, value, accepted }
}

const COMMON: &[Setting] = &[
    exactly("trusted_schema", "OFF", &["0"]),
    exactly("cell_size_check", "ON", &["1"]),
    exactly("foreign_keys", "ON", &["1"]),
    exactly("mmap_size", "0", &["0"]),
    exactly("busy_timeout", "5000", &["5000"]),
];
const WRITE: &[Setting] = &[
    exactly("journal_mode", "WAL", &["wal"]),
    // 2 is FULL: the write-ahead log reaches the disk before a commit is acknowledged; 3 is EXTRA.
    exactly("synchronous", "FULL", &["2", "3"]),
    // 32,000 pages of 4 KiB: 128 MB between checkpoints, so that a page of an index is copied once for many writes.
    exactly("wal_autocheckpoint", "32000", &["32000"]),
    // 32 MiB of pages, for the indexes that grow in random places.
    exactly("cache_size", "-32768", &["-32768"]),
];
const WRITE_KEYS: &[Setting] = &[
    exactly("journal_mode", "WAL", &["wal"]),
    exactly("synchronous", "FULL", &["2", "3"]),
    exactly("secure_delete", "ON", &["1"]),
];
const READ: &[Setting] = &[
    exactly("query_only", "ON", &["1"]),
    // 2 MiB of pages: the inner pages of a log of a million events stay while streams are read in random places; several
    // readers stay open, and the system caches the rest once for all of them.
    exactly("cache_size", "-2048", &["-2048"]),
];

/// Sets what a connection needs for its purpose and refuses it if SQLite did not take it.
pub(crate) fn apply(connection: &Connection, path: &Path, purpose: Purpose) -> Result<(), StoreError> {
    connection.busy_timeout(BUSY_TIMEOUT).map_err(StoreError::database("set busy_timeout"))?;
    connection.set_prepared_statement_cache_capacity(32);
    for setting in settings(purpose) {
        let set = connection.pragma_update_and_check(None, setting.name, setting.value, |_| Ok(()));
        match set {
            // Some settings answer with a row, some do not.
            Ok(()) | Err(rusqlite::Error::QueryReturnedNoRows) => {}
            Err(source) => {
                return Err(StoreError::Database { doing: "set up SQLite", source: source.into() });
            }
        }
    }
    check(connection, path, purpose)
}

/// Reads the settings of a connection back and refuses any that is weaker than its purpose needs.
pub(crate) fn check(connection: &Connection, path: &Path, purpose: Purpose) -> Result<(), StoreError> {
    for setting in settings(purpose) {
        let value = read_back(connection, setting.name)?;
        if !setting.accepted.contains(&value.as_str()) {
            let (setting, wanted) = (setting.name, setting.value);
            return Err(StoreError::Setting { path: path.to_owned(), setting, value, wanted });
        }
    }
    Ok(())
}

fn settings(purpose: Purpose) -> impl Iterator<Item = &'static Setting> {
    let own = match purpose {
        Purpose::WriteLog => WRITE,
        Purpose::WriteKeys => WRITE_KEYS,
        Purpose::Read => READ,
    };
    own.iter().chain(COMMON)
}

fn read_back(connection: &Connection, name: &str) -> Result<String, StoreError> {
    let value = connection.pragma_query_value(None, name, |row| row.get::<_, rusqlite::types::Value>(0));
    match value {
        Ok(rusqlite::types::Value::Integer(number)) => Ok(number.to_string()),
        Ok(rusqlite::types::Value::Text(text)) => Ok(text),
        Ok(other) => Ok(format!("{other:?}")),
        Err(rusqlite::Error::QueryReturnedNoRows) => Ok("none".to_owned()),
        Err(source) => Err(StoreError::Database { doing: "read SQLite's settings", source: source.into() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(dir: &Path) -> Connection {
        Connection::open(dir.join("x.db")).unwrap()
    }

    #[test]
    fn settings_as_applied_are_accepted() {
        let dir = tempfile::tempdir().unwrap();
        for purpose in [Purpose::WriteLog, Purpose::WriteKeys, Purpose::Read] {
            apply(&open(dir.path()), dir.path(), purpose).unwrap();
        }
    }

    #[test]
    fn each_setting_that_is_weakened_afterwards_is_refused_by_name_value_and_what_is_wanted() {
        let dir = tempfile::tempdir().unwrap();
        for (name, weak, message) in [
            ("synchronous", "NORMAL", "SQLite's `synchronous` is `1`, wanted `FULL`"),
            ("synchronous", "OFF", "SQLite's `synchronous` is `0`, wanted `FULL`"),
            ("foreign_keys", "OFF", "SQLite's `foreign_keys` is `0`, wanted `ON`"),
            ("trusted_schema", "ON", "SQLite's `trusted_schema` is `1`, wanted `OFF`"),
            ("cell_size_check", "OFF", "SQLite's `cell_size_check` is `0`, wanted `ON`"),
            ("busy_timeout", "0", "SQLite's `busy_timeout` is `0`, wanted `5000`"),
            ("journal_mode", "DELETE", "SQLite's `journal_mode` is `delete`, wanted `WAL`"),
        ] {
            let connection = open(dir.path());
            apply(&connection, dir.path(), Purpose::WriteLog).unwrap();
            connection.execute_batch(&format!("PRAGMA {name} = {weak}")).unwrap();
            let refused = check(&connection, dir.path(), Purpose::WriteLog).unwrap_err().to_string();
            assert!(refused.contains(message), "{refused}");
        }
    }

    #[test]
    fn a_database_that_cannot_have_a_write_ahead_log_is_refused() {
        let connection = Connection::open_in_memory().unwrap();
        let refused = apply(&connection, Path::new("log.db"), Purpose::WriteLog).unwrap_err().to_string();
        assert!(
            refused.starts_with("log.db: SQLite's `journal_mode` is `memory`, wanted `WAL`"),
            "{refused}"
        );
    }

    #[test]
    fn keys_without_secure_delete_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let connection = open(dir.path());
        apply(&connection, dir.path(), Purpose::WriteKeys).unwrap();
        connection.execute_batch("PRAGMA secure_delete = OFF").unwrap();
        let refused = check(&connection, dir.path(), Purpose::WriteKeys).unwrap_err().to_string();
        assert!(refused.contains("`secure_delete` is `0`, wanted `ON`"), "{refused}");
    }
}
