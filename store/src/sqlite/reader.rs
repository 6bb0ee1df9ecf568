//! Reading the log on SQLite, by connections of its own that cannot write.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use mandate_domain::catalogue::FactType;
use mandate_domain::time::Instant;
use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension, Params, Row};

use super::migrate;
use super::settings::{self, Purpose};
use crate::checkpoint::Signed;
use crate::error::StoreError;
use crate::position::{End, Head, Position, Sequence};
use crate::reader::{Each, EachInStream, EachTold, RawEvent};
use crate::stored_event::{Columns, StoredEvent};
use crate::told::ToldColumns;

/// Connections kept open while nobody uses them.
const IDLE_CONNECTIONS: usize = 4;

/// Connections that read one `log.db`.
#[derive(Debug, Clone)]
pub(crate) struct SqliteReader {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    path: PathBuf,
    idle: Mutex<Vec<Connection>>,
}

impl SqliteReader {
    /// Opens the log of a data directory for reading.
    pub(crate) fn open(data_dir: &Path) -> Result<Self, StoreError> {
        let path = data_dir.join("log.db");
        if !path.exists() {
            return Err(StoreError::NoLog { path });
        }
        let reader = Self { shared: Arc::new(Shared { path, idle: Mutex::default() }) };
        reader.with_connection(|connection| migrate::LOG.check(connection, &reader.shared.path))?;
        Ok(reader)
    }

    pub(crate) fn head(&self) -> Result<Head, StoreError> {
        self.with_connection(|connection| {
            read_head(connection).map_err(StoreError::database("read the head"))
        })
    }

    pub(crate) fn end(&self) -> Result<End, StoreError> {
        self.with_connection(read_end)
    }

    /// Rows after a position and up to the head, at most `limit`; the head is that of the same snapshot.
    pub(crate) fn after(&self, after: Position, limit: u64, each: Each<'_>) -> Result<Head, StoreError> {
        self.with_snapshot(|connection| {
            let head = read_head(connection).map_err(StoreError::database("read the head"))?;
            let wanted = head.position.get().saturating_sub(after.get()).min(limit);
            let sql = include_str!("../../sql/sqlite/select_events_after.sql");
            select(connection, sql, (after.to_db(), to_db(wanted)), each)?;
            Ok(head)
        })
    }

    /// Facts after a position and up to another, in order.
    pub(crate) fn told_between(
        &self,
        after: Position,
        last: Position,
        each: EachTold<'_>,
    ) -> Result<(), StoreError> {
        let sql = include_str!("../../sql/sqlite/select_told_between.sql");
        let values = (after.to_db(), last.to_db());
        self.with_connection(|connection| for_each_row(connection, sql, values, |row| each(told_of(row)?)))
    }

    /// Facts of a subject's stream after a version, at most `limit`.
    pub(crate) fn told_of_subject(
        &self,
        (aggregate_type, aggregate_id): (&str, &str),
        after: Sequence,
        limit: u64,
        each: EachInStream<'_>,
    ) -> Result<(), StoreError> {
        let sql = include_str!("../../sql/sqlite/select_told_of_subject.sql");
        let values = (aggregate_type, aggregate_id, after.to_db(), to_db(limit));
        self.with_connection(|connection| {
            for_each_row(connection, sql, values, |row| {
                let sequence = row.get(7).map_err(|error| unreadable(row, &error))?;
                each(sequence, told_of(row)?)
            })
        })
    }

    pub(crate) fn of_subject(
        &self,
        (aggregate_type, aggregate_id): (&str, &str),
        after: Sequence,
        limit: u64,
        each: Each<'_>,
    ) -> Result<(), StoreError> {
        let sql = include_str!("../../sql/sqlite/select_events_of_subject.sql");
        let values = (aggregate_type, aggregate_id, after.to_db(), to_db(limit));
        self.with_connection(|connection| select(connection, sql, values, each))
    }

    /// A subject's whole stream, undecoded.
    pub(crate) fn payloads(
        &self,
        (aggregate_type, aggregate_id): (&str, &str),
        each: &mut dyn FnMut(RawEvent<'_>) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let failed = StoreError::database("read a stream");
        self.with_connection(|connection| {
            let sql = include_str!("../../sql/sqlite/select_payloads_of_subject.sql");
            let mut statement = connection.prepare_cached(sql).map_err(&failed)?;
            let mut rows = statement.query([aggregate_type, aggregate_id]).map_err(&failed)?;
            while let Some(row) = rows.next().map_err(&failed)? {
                each(raw_event(row).map_err(&failed)?)?;
            }
            Ok(())
        })
    }

    pub(crate) fn version(
        &self,
        (aggregate_type, aggregate_id): (&str, &str),
    ) -> Result<Sequence, StoreError> {
        let sql = include_str!("../../sql/sqlite/select_last_sequence.sql");
        self.with_connection(|connection| {
            let read = || {
                let mut statement = connection.prepare_cached(sql)?;
                statement.query_row([aggregate_type, aggregate_id], |row| row.get(0)).optional()
            };
            let last: Option<i64> = read().map_err(StoreError::database("read a stream's version"))?;
            Ok(last.map_or(Sequence::START, Sequence::from_db))
        })
    }

    /// The first `limit` rows of some types after a position; returns how far the log was searched.
    pub(crate) fn of_types(
        &self,
        types: &[FactType],
        after: Position,
        limit: usize,
        each: Each<'_>,
    ) -> Result<Position, StoreError> {
        self.with_snapshot(|connection| {
            let failed = StoreError::database("read the log by type");
            let mut searched_to = read_head(connection).map_err(&failed)?.position.max(after);
            let mut positions: Vec<Position> = Vec::new();
            for kind in types {
                let mut statement = connection
                    .prepare_cached(include_str!("../../sql/sqlite/select_positions_of_type.sql"))
                    .map_err(&failed)?;
                let found = statement
                    .query_map((kind.name(), after.to_db(), to_db(limit as u64)), |row| {
                        Ok(Position::from_db(row.get(0)?))
                    })
                    .map_err(&failed)?;
                for position in found {
                    positions.push(position.map_err(&failed)?);
                }
            }
            positions.sort_unstable();
            positions.dedup();
            if positions.len() >= limit {
                positions.truncate(limit);
                searched_to = positions.last().copied().unwrap_or(after);
            }
            for position in &positions {
                let sql = include_str!("../../sql/sqlite/select_event_at.sql");
                let mut found = false;
                select(connection, sql, [position.to_db()], &mut |columns| {
                    found = true;
                    each(columns)
                })?;
                if !found {
                    return Err(StoreError::Gap { missing: *position, head: searched_to });
                }
            }
            Ok(searched_to)
        })
    }

    pub(crate) fn by_source_id(&self, source: &str, id: &str, each: Each<'_>) -> Result<(), StoreError> {
        let sql = include_str!("../../sql/sqlite/select_event_by_source_id.sql");
        self.with_connection(|connection| select(connection, sql, [source, id], each))
    }

    /// The leaves after a position and up to another.
    pub(crate) fn leaves(
        &self,
        after: Position,
        up_to: Position,
        each: &mut dyn FnMut([u8; 32], Position),
    ) -> Result<(), StoreError> {
        let failed = StoreError::database("read the leaves");
        self.with_connection(|connection| {
            let sql = include_str!("../../sql/sqlite/select_leaves.sql");
            let mut statement = connection.prepare_cached(sql).map_err(&failed)?;
            let mut rows = statement.query((after.to_db(), up_to.to_db())).map_err(&failed)?;
            while let Some(row) = rows.next().map_err(&failed)? {
                each(row.get(0).map_err(&failed)?, Position::from_db(row.get(1).map_err(&failed)?));
            }
            Ok(())
        })
    }

    /// Kind, rest of the id and time of recording of the event at a position.
    pub(crate) fn outline_at(
        &self,
        position: Position,
    ) -> Result<Option<(String, String, String, i64)>, StoreError> {
        let sql = include_str!("../../sql/sqlite/select_outline_at.sql");
        self.with_connection(|connection| {
            let read = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?));
            let found = connection.query_row(sql, [position.to_db()], read).optional();
            found.map_err(StoreError::database("read the outline of an event"))
        })
    }

    /// A position whose metadata is not what it always is.
    pub(crate) fn with_metadata(&self) -> Result<Option<Position>, StoreError> {
        let sql = include_str!("../../sql/sqlite/select_with_metadata.sql");
        self.with_connection(|connection| {
            let found = connection.query_row(sql, [], |row| row.get(0)).optional();
            Ok(found.map_err(StoreError::database("read the metadata"))?.map(Position::from_db))
        })
    }

    /// A position before the first or after the head at which there is a row.
    pub(crate) fn outside(&self) -> Result<Option<Position>, StoreError> {
        let sql = include_str!("../../sql/sqlite/select_outside.sql");
        self.with_connection(|connection| {
            let found = connection.query_row(sql, [], |row| row.get(0)).optional();
            Ok(found
                .map_err(StoreError::database("look for rows outside of the log"))?
                .map(Position::from_db))
        })
    }

    /// What SQLite finds wrong with its file: indexes that say otherwise than the tables, pages that are none.
    pub(crate) fn integrity(&self) -> Result<Option<String>, StoreError> {
        self.with_connection(|connection| {
            match connection.query_row("PRAGMA integrity_check(1)", [], |row| row.get::<_, String>(0)) {
                Ok(told) if told == "ok" => Ok(None),
                Ok(told) => Ok(Some(told)),
                Err(error) if is_damage(&error) => Ok(Some(error.to_string())),
                Err(error) => Err(StoreError::database("check the database")(error)),
            }
        })
    }

    /// Signed checkpoints, the latest first, of at most some size.
    pub(crate) fn checkpoints(&self, up_to: Position, limit: u64) -> Result<Vec<Signed>, StoreError> {
        let failed = StoreError::database("read the checkpoints");
        self.with_connection(|connection| {
            let sql = include_str!("../../sql/sqlite/select_checkpoints.sql");
            let mut statement = connection.prepare_cached(sql).map_err(&failed)?;
            let rows = statement.query_map((up_to.to_db(), to_db(limit)), |row| {
                Ok(Signed {
                    size: Position::from_db(row.get(0)?),
                    frontier: row.get(1)?,
                    note: row.get(2)?,
                    signed_at: Instant::from_nanos(row.get(3)?),
                })
            });
            rows.and_then(Iterator::collect).map_err(&failed)
        })
    }

    /// Runs `read` on a connection of its own, in one snapshot of the log.
    fn with_snapshot<T>(
        &self,
        read: impl FnOnce(&Connection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.with_connection(|connection| {
            let snapshot =
                connection.unchecked_transaction().map_err(StoreError::database("begin to read"))?;
            let done = read(&snapshot);
            snapshot.finish().map_err(StoreError::database("end reading"))?;
            done
        })
    }

    fn with_connection<T>(
        &self,
        read: impl FnOnce(&Connection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let connection = self.take()?;
        let done = read(&connection)?;
        self.put_back(connection);
        Ok(done)
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Connection>> {
        self.shared.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self) -> Result<Connection, StoreError> {
        let kept = self.idle().pop();
        kept.map_or_else(|| self.connect(), Ok)
    }

    fn put_back(&self, connection: Connection) {
        let mut idle = self.idle();
        if idle.len() < IDLE_CONNECTIONS {
            idle.push(connection);
        }
    }

    fn connect(&self) -> Result<Connection, StoreError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&self.shared.path, flags)
            .map_err(StoreError::database("open log.db for reading"))?;
        settings::apply(&connection, &self.shared.path, Purpose::Read)?;
        Ok(connection)
    }
}

/// The head row as the transaction in progress sees it.
pub(crate) fn read_head(connection: &Connection) -> rusqlite::Result<Head> {
    connection.prepare_cached(include_str!("../../sql/sqlite/select_head.sql"))?.query_row([], |row| {
        Ok(Head { position: Position::from_db(row.get(0)?), recorded_at: Instant::from_nanos(row.get(1)?) })
    })
}

/// The head row with its tree.
pub(crate) fn read_end(connection: &Connection) -> Result<End, StoreError> {
    let failed = StoreError::database("read the head");
    let mut statement =
        connection.prepare_cached(include_str!("../../sql/sqlite/select_head.sql")).map_err(&failed)?;
    let mut rows = statement.query([]).map_err(&failed)?;
    let row = rows.next().map_err(&failed)?.ok_or(StoreError::Tree { head: Position::START })?;
    let columns = || -> rusqlite::Result<(i64, i64, Option<&[u8]>)> {
        Ok((row.get(0)?, row.get(1)?, row.get_ref(2)?.as_blob_or_null()?))
    };
    let (position, recorded_at, frontier) = columns().map_err(&failed)?;
    End::of_columns(position, recorded_at, frontier)
}

/// Decodes a row whose columns are those of `sql/sqlite/select_events_after.sql`.
pub(crate) fn event_of(row: &Row<'_>) -> Result<StoredEvent, StoreError> {
    columns_of(row).map_err(|error| unreadable(row, &error))?.decode()
}

fn columns_of<'r>(row: &'r Row<'_>) -> rusqlite::Result<Columns<'r>> {
    let text = |column| -> rusqlite::Result<&'r str> { Ok(row.get_ref(column)?.as_str()?) };
    Ok(Columns {
        position: row.get(0)?,
        aggregate_type: text(1)?,
        aggregate_id: text(2)?,
        sequence: row.get(3)?,
        event_type: text(4)?,
        event_version: text(5)?,
        source: text(6)?,
        event_id: text(7)?,
        occurred_at: row.get(8)?,
        recorded_at: row.get(9)?,
        claimed_at: row.get(10)?,
        actor: row.get_ref(11)?.as_str_or_null()?,
        command_id: row.get_ref(12)?.as_str_or_null()?,
        leaf: row.get_ref(13)?.as_blob()?,
        payload: text(14)?,
        sealed: row.get_ref(15)?.as_blob_or_null()?,
    })
}

/// Reads the first columns of a row of `sql/sqlite/select_told_….sql`.
fn told_of<'r>(row: &'r Row<'_>) -> Result<ToldColumns<'r>, StoreError> {
    let columns = || -> rusqlite::Result<ToldColumns<'r>> {
        Ok(ToldColumns {
            position: row.get(0)?,
            event_type: row.get_ref(1)?.as_str()?,
            event_version: row.get_ref(2)?.as_str()?,
            recorded_at: row.get(3)?,
            claimed_at: row.get(4)?,
            payload: row.get_ref(5)?.as_str()?,
            is_sealed: row.get(6)?,
        })
    };
    columns().map_err(|error| unreadable(row, &error))
}

fn raw_event<'r>(row: &'r Row<'_>) -> rusqlite::Result<RawEvent<'r>> {
    Ok(RawEvent {
        sequence: Sequence::from_db(row.get(0)?),
        position: Position::from_db(row.get(1)?),
        payload: row.get_ref(2)?.as_str()?,
        actor: row.get_ref(3)?.as_str_or_null()?,
        command_id: row.get_ref(4)?.as_str_or_null()?,
        event_type: row.get_ref(5)?.as_str()?,
        event_version: row.get_ref(6)?.as_str()?,
    })
}

fn to_db(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

fn select(connection: &Connection, sql: &str, params: impl Params, each: Each<'_>) -> Result<(), StoreError> {
    for_each_row(connection, sql, params, |row| {
        each(columns_of(row).map_err(|error| unreadable(row, &error))?)
    })
}

fn for_each_row(
    connection: &Connection,
    sql: &str,
    params: impl Params,
    mut each: impl FnMut(&Row<'_>) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let failed = StoreError::database("read events");
    let mut statement = connection.prepare_cached(sql).map_err(&failed)?;
    let mut rows = statement.query(params).map_err(&failed)?;
    while let Some(row) = rows.next().map_err(&failed)? {
        each(row)?;
    }
    Ok(())
}

/// Whether a failure is about what the file holds.
pub(crate) fn is_damage(error: &rusqlite::Error) -> bool {
    let code = error.sqlite_error_code();
    matches!(code, Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) | None)
}

/// A row with a column that is not of its type or not UTF-8.
fn unreadable(row: &Row<'_>, error: &rusqlite::Error) -> StoreError {
    let position = Position::from_db(row.get(0).unwrap_or_default());
    StoreError::Unreadable { position, reason: error.to_string() }
}
