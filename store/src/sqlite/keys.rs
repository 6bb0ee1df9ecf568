//! The keys in `keys.db`.

use std::path::{Path, PathBuf};
use std::sync::Mutex;

use rusqlite::{Connection, OpenFlags, OptionalExtension, Transaction, TransactionBehavior};

use super::migrate;
use super::settings::{self, Purpose};
use crate::error::StoreError;
use crate::keys::{Dump, Gone, KeyFileRow, KeysError, Lookup, Restricted, Wrapped, locked};
use crate::store::make_private;

/// Keys wrapped anew at once.
const PAGE: i64 = 1_000;

/// One connection that writes, and one that reads beside it.
#[derive(Debug)]
pub(crate) struct SqliteKeys {
    path: PathBuf,
    writing: Mutex<Connection>,
    reading: Mutex<Connection>,
}

impl SqliteKeys {
    /// Opens `keys.db` in the data directory, which is made if it is new.
    pub(crate) fn open(data_dir: &Path) -> Result<Self, StoreError> {
        let path = data_dir.join("keys.db");
        make_private(&path)?;
        let mut writing = Connection::open(&path).map_err(StoreError::database("open keys.db"))?;
        migrate::KEYS.version(&writing, &path)?;
        settings::apply(&writing, &path, Purpose::WriteKeys)?;
        migrate::KEYS.migrate(&mut writing, &path)?;
        let reading = Connection::open(&path).map_err(StoreError::database("open keys.db"))?;
        settings::apply(&reading, &path, Purpose::Read)?;
        Ok(Self { path, writing: Mutex::new(writing), reading: Mutex::new(reading) })
    }

    /// Where the keys are.
    pub(crate) fn place(&self) -> PathBuf {
        self.path.clone()
    }

    pub(crate) fn key_file(&self) -> Result<Option<KeyFileRow>, KeysError> {
        let sql = include_str!("../../sql/sqlite/keys/select_key_file.sql");
        let read = |row: &rusqlite::Row<'_>| Ok(KeyFileRow { fingerprint: row.get(0)?, lookup: row.get(1)? });
        let row = locked(&self.reading).query_row(sql, [], read).optional();
        row.map_err(KeysError::database("check which key file belongs to them"))
    }

    /// Notes the fingerprint of the first key file.
    pub(crate) fn begin(&self, fingerprint: &[u8; 32]) -> Result<(), KeysError> {
        let sql = include_str!("../../sql/sqlite/keys/insert_fingerprint.sql");
        let done = locked(&self.writing).execute(sql, [fingerprint]);
        done.map(drop).map_err(KeysError::database("note which key file belongs to them"))
    }

    pub(crate) fn key(&self, subject: &str) -> Result<Option<Vec<u8>>, KeysError> {
        locked(&self.reading)
            .prepare_cached(include_str!("../../sql/sqlite/keys/select_subject_key.sql"))
            .and_then(|mut select| select.query_row([subject], |row| row.get(0)).optional())
            .map_err(KeysError::database("read a key"))
    }

    pub(crate) fn store(
        &self,
        keys: &[Wrapped],
        lookups: &[Lookup],
        now: i64,
        _: &[u8; 32],
    ) -> Result<bool, KeysError> {
        self.write_all("store keys", |transaction| {
            let sql = include_str!("../../sql/sqlite/keys/insert_subject_key.sql");
            let mut insert = transaction.prepare_cached(sql)?;
            for key in keys {
                if insert.execute((&*key.subject, &key.bytes, now))? == 0 {
                    return Ok(false);
                }
            }
            let mut upsert =
                transaction.prepare_cached(include_str!("../../sql/sqlite/keys/upsert_lookup.sql"))?;
            for lookup in lookups {
                upsert.execute((lookup.digest, &*lookup.subject, lookup.position.to_db()))?;
            }
            Ok(true)
        })
    }

    /// The keys of some subjects.
    pub(crate) fn keys(&self, subjects: &[&str]) -> Result<Vec<Wrapped>, KeysError> {
        let mut found = Vec::new();
        for subject in subjects {
            if let Some(bytes) = self.key(subject)? {
                found.push(Wrapped { subject: (*subject).into(), bytes });
            }
        }
        Ok(found)
    }

    pub(crate) fn lookup(&self, digest: [u8; 32], limit: i64) -> Result<Vec<String>, KeysError> {
        let subjects = |connection: &Connection| -> rusqlite::Result<Vec<String>> {
            connection
                .prepare_cached(include_str!("../../sql/sqlite/keys/select_lookup.sql"))?
                .query_map((digest, limit), |row| row.get(0))?
                .collect()
        };
        subjects(&locked(&self.reading)).map_err(KeysError::database("look up a number"))
    }

    pub(crate) fn gone(&self) -> Result<Gone, KeysError> {
        let connection = locked(&self.reading);
        let subjects = |sql: &str| -> rusqlite::Result<_> {
            connection.prepare_cached(sql)?.query_map([], |row| row.get::<_, Box<str>>(0))?.collect()
        };
        let read = || -> rusqlite::Result<Gone> {
            Ok(Gone {
                erased: subjects(include_str!("../../sql/sqlite/keys/select_erased.sql"))?,
                restricted: subjects(include_str!("../../sql/sqlite/keys/select_restricted.sql"))?,
            })
        };
        read().map_err(KeysError::database("read who was erased"))
    }

    /// Deletes a subject's key and index entries, overwrites their pages and empties the write-ahead log.
    pub(crate) fn erase(&self, subject: &str, now: i64) -> Result<(), KeysError> {
        self.write("erase a subject", |transaction| {
            for sql in [
                include_str!("../../sql/sqlite/keys/delete_subject_key.sql"),
                include_str!("../../sql/sqlite/keys/delete_lookups.sql"),
            ] {
                transaction.execute(sql, [subject])?;
            }
            let note = include_str!("../../sql/sqlite/keys/insert_erased.sql");
            transaction.execute(note, (subject, now)).map(drop)
        })?;
        self.empty_write_ahead_log()
    }

    pub(crate) fn restrict(&self, subject: &str, restricted: Restricted, now: i64) -> Result<(), KeysError> {
        self.write("restrict a subject", |transaction| match restricted {
            Restricted::From => {
                let sql = include_str!("../../sql/sqlite/keys/insert_restricted.sql");
                transaction.execute(sql, (subject, now)).map(drop)
            }
            Restricted::Lifted => {
                let sql = include_str!("../../sql/sqlite/keys/delete_restricted.sql");
                transaction.execute(sql, [subject]).map(drop)
            }
        })
    }

    /// Fills empty keys with a copy.
    pub(crate) fn fill(&self, dump: &Dump) -> Result<(), KeysError> {
        self.write("fill the keys", |transaction| {
            let (keys, lookups) =
                ("INSERT INTO subject_keys VALUES (?1, ?2, ?3)", "INSERT INTO lookups VALUES (?1, ?2, ?3)");
            for row in &dump.keys {
                transaction.prepare_cached(keys)?.execute((&row.0, &row.1, row.2))?;
            }
            for row in &dump.lookups {
                transaction.prepare_cached(lookups)?.execute((&row.0, &row.1, row.2))?;
            }
            for row in &dump.erased {
                transaction.execute("INSERT INTO erased VALUES (?1, ?2)", (&row.0, row.1))?;
            }
            for row in &dump.restricted {
                transaction.execute("INSERT INTO restricted VALUES (?1, ?2)", (&row.0, row.1))?;
            }
            if let Some(row) = &dump.key_file {
                let sql = "INSERT INTO key_file (id, fingerprint, lookup) VALUES (1, ?1, ?2)";
                transaction.execute(sql, (&row.fingerprint, &row.lookup))?;
            }
            Ok(())
        })
    }

    /// Wraps every key anew and notes the new key file, in one transaction; how many there were.
    pub(crate) fn rewrap(
        &self,
        anew: &dyn Fn(&Wrapped) -> Result<Vec<u8>, KeysError>,
        row: &KeyFileRow,
    ) -> Result<u64, KeysError> {
        let failed = KeysError::database("wrap the keys anew");
        let mut connection = locked(&self.writing);
        let transaction =
            connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(&failed)?;
        let (mut count, mut after) = (0, Box::<str>::default());
        loop {
            let page = page_after(&transaction, &after).map_err(&failed)?;
            let Some(last) = page.last() else { break };
            after = last.subject.clone();
            for wrapped in &page {
                let bytes = anew(wrapped)?;
                let sql = include_str!("../../sql/sqlite/keys/update_subject_key.sql");
                transaction.execute(sql, (&*wrapped.subject, bytes)).map_err(&failed)?;
                count += 1;
            }
        }
        let sql = include_str!("../../sql/sqlite/keys/update_key_file.sql");
        transaction.execute(sql, (&row.fingerprint, &row.lookup)).map_err(&failed)?;
        transaction.commit().map_err(&failed)?;
        drop(connection);
        self.empty_write_ahead_log()?;
        Ok(count)
    }

    /// [`Self::write`], undone unless the work says that all of it was done.
    fn write_all(
        &self,
        doing: &'static str,
        work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<bool>,
    ) -> Result<bool, KeysError> {
        let mut connection = locked(&self.writing);
        let failed = KeysError::database(doing);
        let transaction =
            connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(&failed)?;
        let whole = work(&transaction).map_err(&failed)?;
        if whole { transaction.commit() } else { transaction.rollback() }.map_err(&failed)?;
        Ok(whole)
    }

    fn write<T>(
        &self,
        doing: &'static str,
        work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
    ) -> Result<T, KeysError> {
        let mut connection = locked(&self.writing);
        let failed = KeysError::database(doing);
        let transaction =
            connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(&failed)?;
        let done = work(&transaction).map_err(&failed)?;
        transaction.commit().map_err(&failed)?;
        Ok(done)
    }

    /// Copies the write-ahead log into the file and empties it, so that no older page is left in it.
    fn empty_write_ahead_log(&self) -> Result<(), KeysError> {
        // Nobody may read from the write-ahead log meanwhile.
        let _reading = locked(&self.reading);
        let empty = |connection: &Connection| {
            connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, i64>(0))
        };
        let busy = empty(&locked(&self.writing)).map_err(KeysError::database("empty the write-ahead log"))?;
        if busy == 0 { Ok(()) } else { Err(KeysError::Busy) }
    }
}

fn page_after(transaction: &Transaction<'_>, after: &str) -> rusqlite::Result<Vec<Wrapped>> {
    transaction
        .prepare_cached(include_str!("../../sql/sqlite/keys/select_subject_keys.sql"))?
        .query_map((after, PAGE), |row| Ok(Wrapped { subject: row.get(0)?, bytes: row.get(1)? }))?
        .collect()
}

/// Everything in a file of keys, beside a running server as well.
pub(crate) fn dump(path: &Path) -> Result<Dump, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection =
        Connection::open_with_flags(path, flags).map_err(StoreError::database("open keys.db"))?;
    settings::apply(&connection, path, Purpose::Read)?;
    migrate::KEYS.check(&connection, path)?;
    let read = || -> rusqlite::Result<Dump> {
        let snapshot = connection.unchecked_transaction()?;
        let key_file = include_str!("../../sql/sqlite/keys/select_key_file.sql");
        let key_file = snapshot
            .query_row(key_file, [], |row| Ok(KeyFileRow { fingerprint: row.get(0)?, lookup: row.get(1)? }));
        Ok(Dump {
            key_file: key_file.optional()?,
            keys: all(&snapshot, "SELECT subject, wrapped, created_at FROM subject_keys", |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?))
            })?,
            lookups: all(&snapshot, "SELECT digest, subject, position FROM lookups", |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?))
            })?,
            erased: all(&snapshot, "SELECT subject, erased_at FROM erased", |row| {
                Ok((row.get(0)?, row.get(1)?))
            })?,
            restricted: all(&snapshot, "SELECT subject, restricted_at FROM restricted", |row| {
                Ok((row.get(0)?, row.get(1)?))
            })?,
        })
    };
    read().map_err(StoreError::database("copy the keys"))
}

fn all<T>(
    connection: &Connection,
    sql: &str,
    read: impl FnMut(&rusqlite::Row<'_>) -> rusqlite::Result<T>,
) -> rusqlite::Result<Vec<T>> {
    connection.prepare(sql)?.query_map([], read)?.collect()
}
