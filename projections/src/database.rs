//! The file of the read models.

use std::path::Path;

use rusqlite::{Connection, OpenFlags};

use crate::error::ProjectionError;

/// Changes with the schema; a file of another version is made anew.
const VERSION: i64 = 1;

/// Opens the file for writing, or makes it; one of an older layout is thrown away, for the log makes it anew.
pub(crate) fn open(file: &Path) -> Result<Connection, ProjectionError> {
    let failed = ProjectionError::database("open");
    let connect = || -> rusqlite::Result<(Connection, i64)> {
        let connection = Connection::open(file)?;
        // A power cut may cost the last transactions, never their order: they are taken from the log again.
        connection.execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA busy_timeout = 5000;
             PRAGMA trusted_schema = OFF; PRAGMA cache_size = -65536;",
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
        transaction.execute_batch(include_str!("../sql/schema.sql"))?;
        transaction.pragma_update(None, "user_version", VERSION)?;
        transaction.commit()
    };
    let mut make = make;
    make().map_err(ProjectionError::database("make the tables"))?;
    Ok(connection)
}

/// Opens the file for queries.
pub(crate) fn open_read_only(file: &Path) -> Result<Connection, ProjectionError> {
    let connect = || -> rusqlite::Result<Connection> {
        let connection = Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        connection.execute_batch(
            "PRAGMA busy_timeout = 5000; PRAGMA trusted_schema = OFF; PRAGMA query_only = ON;",
        )?;
        Ok(connection)
    };
    connect().map_err(ProjectionError::database("open for reading"))
}

/// Removes the file and what SQLite keeps beside it.
pub(crate) fn remove(file: &Path) -> Result<(), ProjectionError> {
    for end in ["", "-wal", "-shm"] {
        let mut name = file.as_os_str().to_owned();
        name.push(end);
        match std::fs::remove_file(&name) {
            Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
                return Err(file_error(file, source));
            }
            _ => {}
        }
    }
    Ok(())
}

pub(crate) fn file_error(file: &Path, source: std::io::Error) -> ProjectionError {
    ProjectionError::File { file: file.display().to_string(), source }
}
