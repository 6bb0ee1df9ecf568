//! The file of the read models.

use std::path::Path;

use rusqlite::{Connection, OpenFlags};

use crate::error::{ProjectionError, is_damage};

/// Changes with the schema, and when a type or a field of the catalogue gets another number (see `placed.rs`); a file of
/// another version is made anew.
const VERSION: i64 = 17;

const SCHEMA: &str = include_str!("../sql/schema.sql");
const INDEXES: &str = include_str!("../sql/indexes.sql");

/// Statements kept prepared: more than there are.
const STATEMENTS: usize = 128;

/// Makes a file to be filled at once, without indexes and without a journal: nobody reads it before [`complete`].
pub(crate) fn create_bare(file: &Path) -> Result<Connection, ProjectionError> {
    remove(file)?;
    let make = || -> rusqlite::Result<Connection> {
        let connection = Connection::open(file)?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS);
        connection.execute_batch(
            "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA locking_mode = EXCLUSIVE;
             PRAGMA trusted_schema = OFF; PRAGMA cache_size = -16384; PRAGMA threads = 2;",
        )?;
        connection.execute_batch(SCHEMA)?;
        Ok(connection)
    };
    make().map_err(ProjectionError::database("make the tables"))
}

/// Makes the indexes of a file that was filled, and marks it as whole.
pub(crate) fn complete(connection: &Connection) -> Result<(), ProjectionError> {
    let make = || -> rusqlite::Result<()> {
        connection.execute_batch(INDEXES)?;
        connection.pragma_update(None, "user_version", VERSION)
    };
    make().map_err(ProjectionError::database("make the indexes"))
}

/// Opens the file for writing, or makes it; one of an older layout is thrown away, for the log makes it anew.
pub(crate) fn open(file: &Path) -> Result<Connection, ProjectionError> {
    let failed = ProjectionError::database("open");
    let connect = || -> rusqlite::Result<(Connection, i64)> {
        let connection = Connection::open(file)?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS);
        // A power cut may cost the last transactions, never their order: they are taken from the log again. A thread
        // beside (`Writer::bring_over`) brings the write-ahead log to the file; what it is too slow for is done at 256 MiB.
        connection.execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA busy_timeout = 5000;
             PRAGMA trusted_schema = OFF; PRAGMA cache_size = -65536; PRAGMA wal_autocheckpoint = 64000;",
        )?;
        let version = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
        Ok((connection, version))
    };
    let (mut connection, version) = connect().map_err(&failed)?;
    if version == VERSION {
        return Ok(connection);
    }
    if version != 0 {
        drop(connection);
        remove(file)?;
        connection = connect().map_err(&failed)?.0;
    }
    let make = || -> rusqlite::Result<()> {
        let transaction = connection.transaction()?;
        transaction.execute_batch(SCHEMA)?;
        transaction.execute_batch(INDEXES)?;
        transaction.pragma_update(None, "user_version", VERSION)?;
        transaction.commit()
    };
    let mut make = make;
    make().map_err(ProjectionError::database("make the tables"))?;
    Ok(connection)
}

/// Whether the tables are laid out as this program does.
pub(crate) fn is_of_this_version(connection: &Connection) -> Result<bool, ProjectionError> {
    let version: i64 = connection
        .query_row("PRAGMA user_version", [], |row| row.get(0))
        .map_err(ProjectionError::database("read the version of the tables"))?;
    Ok(version == VERSION)
}

/// Size of a file with what SQLite keeps beside it; 0 where there is none.
pub(crate) fn bytes(file: &Path) -> u64 {
    let size = |end: &str| {
        let mut name = file.as_os_str().to_owned();
        name.push(end);
        std::fs::metadata(name).map_or(0, |found| found.len())
    };
    ["", "-wal"].into_iter().map(size).sum()
}

/// Opens the file for queries.
pub(crate) fn open_read_only(file: &Path) -> Result<Connection, ProjectionError> {
    let connect = || -> rusqlite::Result<Connection> {
        // A connection is used by one thread at a time, so that it needs no lock of its own.
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(file, flags)?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS);
        connection.execute_batch(
            "PRAGMA busy_timeout = 5000; PRAGMA trusted_schema = OFF; PRAGMA query_only = ON;",
        )?;
        Ok(connection)
    };
    connect().map_err(ProjectionError::database("open for reading"))
}

/// Has the system write a file through to the disk.
pub(crate) fn make_durable(file: &Path) -> Result<(), ProjectionError> {
    let sync = || std::fs::File::open(file).and_then(|file| file.sync_all());
    sync().map_err(|source| file_error(file, source))
}

/// Puts a whole file in the place of one that this process has not open.
pub(crate) fn replace(present: &Path, whole: &Path) -> Result<(), ProjectionError> {
    if present.exists() {
        // What stands in its write-ahead log must not be taken for that of the new file.
        let empty = |mode: &str| -> rusqlite::Result<bool> {
            let connection = Connection::open(present)?;
            connection.busy_timeout(std::time::Duration::from_secs(10))?;
            connection.query_row(&format!("PRAGMA wal_checkpoint({mode})"), [], |row| row.get(0))
        };
        let busy = match empty("TRUNCATE") {
            // Nothing is to be kept of a damaged file.
            Err(error) if is_damage(&error) => false,
            found => found.map_err(ProjectionError::database("close those in use"))?,
        };
        if busy {
            return Err(ProjectionError::InUse { file: present.display().to_string() });
        }
        for end in ["-wal", "-shm"] {
            remove_one(present, end)?;
        }
    }
    std::fs::rename(whole, present).map_err(|source| file_error(present, source))
}

/// Removes the file and what SQLite keeps beside it.
pub(crate) fn remove(file: &Path) -> Result<(), ProjectionError> {
    ["", "-wal", "-shm"].iter().try_for_each(|end| remove_one(file, end))
}

fn remove_one(file: &Path, end: &str) -> Result<(), ProjectionError> {
    let mut name = file.as_os_str().to_owned();
    name.push(end);
    match std::fs::remove_file(&name) {
        Err(source) if source.kind() != std::io::ErrorKind::NotFound => Err(file_error(file, source)),
        _ => Ok(()),
    }
}

pub(crate) fn file_error(file: &Path, source: std::io::Error) -> ProjectionError {
    ProjectionError::File { file: file.display().to_string(), source }
}
