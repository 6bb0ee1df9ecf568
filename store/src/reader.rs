//! Reading the log in the order of its positions, by connections of its own that cannot write.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use mandate_domain::catalogue::FactType;
use mandate_domain::time::Instant;
use rusqlite::{Connection, OpenFlags, Params, Row};

use crate::error::StoreError;
use crate::migrate;
use crate::position::{Head, Position, Sequence};
use crate::settings::{self, Purpose};
use crate::stored_event::{StoredEvent, split_subject};
use crate::writer::read_head;

/// Most events that one call returns.
pub const MAX_READ: usize = 50_000;

/// Connections kept open while nobody uses them.
const IDLE_CONNECTIONS: usize = 8;

/// Reads a log; cheap to clone, for use from many threads, and blocking.
#[derive(Debug, Clone)]
pub struct Reader {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    path: PathBuf,
    idle: Mutex<Vec<Connection>>,
}

/// Events in position order, and where the log ended when they were read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// The events.
    pub events: Vec<StoredEvent>,
    /// The end of the log at that moment.
    pub head: Head,
}

/// Events of some types in position order, and how far the log was searched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TypePage {
    /// The events.
    pub events: Vec<StoredEvent>,
    /// No event of these types up to here was left out; read on after it.
    pub searched_to: Position,
}

/// What an aggregate is loaded from.
pub(crate) struct RawEvent<'r> {
    pub(crate) sequence: Sequence,
    pub(crate) position: Position,
    pub(crate) payload: &'r str,
    pub(crate) actor: Option<&'r str>,
    pub(crate) command_id: Option<&'r str>,
}

impl<'r> RawEvent<'r> {
    fn from_row(row: &'r Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            sequence: Sequence::from_db(row.get(0)?),
            position: Position::from_db(row.get(1)?),
            payload: row.get_ref(2)?.as_str()?,
            actor: row.get_ref(3)?.as_str_or_null()?,
            command_id: row.get_ref(4)?.as_str_or_null()?,
        })
    }
}

impl Reader {
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

    /// The end of the log now.
    ///
    /// # Errors
    /// [`StoreError::Database`] when it cannot be read.
    pub fn head(&self) -> Result<Head, StoreError> {
        self.with_connection(|connection| {
            read_head(connection).map_err(StoreError::database("read the head"))
        })
    }

    /// The events after a position, in order and without a gap: exactly `limit` of them or all up to the head,
    /// whichever is fewer. At most [`MAX_READ`].
    ///
    /// # Errors
    /// [`StoreError::Gap`] when an event that must be there is not, [`StoreError::Unreadable`] when one cannot be
    /// decoded, [`StoreError::Database`] when the file cannot be read; never a short answer.
    pub fn read_after(&self, after: Position, limit: usize) -> Result<Page, StoreError> {
        let mut events = Vec::new();
        let head = self.for_each_after(after, limit, |event| {
            events.push(event);
            Ok(())
        })?;
        Ok(Page { events, head })
    }

    /// Calls `each` with the events that [`Self::read_after`] would return, one by one; returns the head.
    ///
    /// # Errors
    /// As [`Self::read_after`], and whatever `each` returns.
    pub fn for_each_after(
        &self,
        after: Position,
        limit: usize,
        mut each: impl FnMut(StoredEvent) -> Result<(), StoreError>,
    ) -> Result<Head, StoreError> {
        self.with_snapshot(|connection| {
            let failed = StoreError::database("read the log");
            let head = read_head(connection).map_err(&failed)?;
            let wanted = head.position.get().saturating_sub(after.get()).min(bounded(limit));
            let mut expected = after.next();
            let mut statement = connection
                .prepare_cached(include_str!("../sql/sqlite/select_events_after.sql"))
                .map_err(&failed)?;
            let mut rows = statement.query((after.to_db(), to_db(wanted))).map_err(&failed)?;
            for _ in 0..wanted {
                let gap = || StoreError::Gap { missing: expected, head: head.position };
                let event = StoredEvent::from_row(rows.next().map_err(&failed)?.ok_or_else(gap)?)?;
                if event.position != expected {
                    return Err(gap());
                }
                each(event)?;
                expected = expected.next();
            }
            Ok(head)
        })
    }

    /// The events of one subject's stream after a version, in order and without a gap. At most [`MAX_READ`].
    ///
    /// # Errors
    /// [`StoreError::StreamGap`] when one that must be there is not, and as [`Self::read_after`].
    pub fn read_subject(
        &self,
        subject: &str,
        after: Sequence,
        limit: usize,
    ) -> Result<Vec<StoredEvent>, StoreError> {
        let (aggregate_type, aggregate_id) = split_subject(subject);
        let sql = include_str!("../sql/sqlite/select_events_of_subject.sql");
        let params = (aggregate_type, aggregate_id, after.to_db(), to_db(bounded(limit)));
        let events = self.with_connection(|connection| select(connection, sql, params))?;
        let mut missing = after;
        for event in &events {
            missing = missing.next();
            if event.sequence != missing {
                return Err(StoreError::StreamGap { subject: subject.to_owned(), missing });
            }
        }
        Ok(events)
    }

    /// Calls `each` with a subject's whole stream in order, undecoded.
    pub(crate) fn for_each_payload(
        &self,
        subject: &str,
        mut each: impl FnMut(RawEvent<'_>) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let (aggregate_type, aggregate_id) = split_subject(subject);
        self.with_connection(|connection| {
            let failed = StoreError::database("read a stream");
            let mut statement = connection
                .prepare_cached(include_str!("../sql/sqlite/select_payloads_of_subject.sql"))
                .map_err(&failed)?;
            let mut rows = statement.query([aggregate_type, aggregate_id]).map_err(&failed)?;
            let mut missing = Sequence::START;
            while let Some(row) = rows.next().map_err(&failed)? {
                let event = RawEvent::from_row(row).map_err(&failed)?;
                missing = missing.next();
                if event.sequence != missing {
                    return Err(StoreError::StreamGap { subject: subject.to_owned(), missing });
                }
                each(event)?;
            }
            Ok(())
        })
    }

    /// The version of a subject's stream: the sequence of its last event.
    ///
    /// # Errors
    /// [`StoreError::Database`] when it cannot be read.
    pub fn version(&self, subject: &str) -> Result<Sequence, StoreError> {
        self.with_connection(|connection| last_sequence(connection, subject))
    }

    /// The first `limit` events of some types after a position, in position order. At most [`MAX_READ`].
    ///
    /// # Errors
    /// As [`Self::read_after`].
    pub fn read_types(
        &self,
        types: &[FactType],
        after: Position,
        limit: usize,
    ) -> Result<TypePage, StoreError> {
        let limit = usize::try_from(bounded(limit)).unwrap_or(MAX_READ);
        self.with_snapshot(|connection| {
            let failed = StoreError::database("read the log by type");
            let mut searched_to = read_head(connection).map_err(&failed)?.position.max(after);
            let mut positions: Vec<Position> = Vec::new();
            for kind in types {
                let mut statement = connection
                    .prepare_cached(include_str!("../sql/sqlite/select_positions_of_type.sql"))
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
            let at = |position: &Position| {
                let found = select(
                    connection,
                    include_str!("../sql/sqlite/select_event_at.sql"),
                    [position.to_db()],
                )?;
                found.into_iter().next().ok_or(StoreError::Gap { missing: *position, head: searched_to })
            };
            let events = positions.iter().map(at).collect::<Result<Vec<_>, _>>()?;
            Ok(TypePage { events, searched_to })
        })
    }

    /// The event at a position, if the log is that long.
    ///
    /// # Errors
    /// [`StoreError::Gap`] when it must be there and is not, and as [`Self::read_after`].
    pub fn by_position(&self, position: Position) -> Result<Option<StoredEvent>, StoreError> {
        let Some(before) = position.get().checked_sub(1) else { return Ok(None) };
        Ok(self.read_after(Position::new(before), 1)?.events.pop())
    }

    /// The subject of the event at a position and when it was recorded, if there is one; the event itself is not
    /// decoded, for one that cannot be.
    ///
    /// # Errors
    /// [`StoreError::Database`] when it cannot be read.
    pub fn subject_at(&self, position: Position) -> Result<Option<(String, Instant)>, StoreError> {
        self.with_connection(|connection| {
            let failed = StoreError::database("read the subject of an event");
            let mut statement = connection
                .prepare_cached(include_str!("../sql/sqlite/select_subject_at.sql"))
                .map_err(&failed)?;
            let mut rows = statement.query([position.to_db()]).map_err(&failed)?;
            let Some(row) = rows.next().map_err(&failed)? else { return Ok(None) };
            let read = || -> rusqlite::Result<(String, Instant)> {
                let (kind, rest) = (row.get_ref(0)?.as_str()?, row.get_ref(1)?.as_str()?);
                Ok((format!("{kind}/{rest}"), Instant::from_nanos(row.get(2)?)))
            };
            read().map(Some).map_err(&failed)
        })
    }

    /// The event with a (source, id), if there is one.
    ///
    /// # Errors
    /// As [`Self::read_after`].
    pub fn by_source_id(&self, source: &str, id: &str) -> Result<Option<StoredEvent>, StoreError> {
        self.with_connection(|connection| {
            let sql = include_str!("../sql/sqlite/select_event_by_source_id.sql");
            Ok(select(connection, sql, [source, id])?.pop())
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
        let idle = || self.shared.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = idle().pop();
        let connection = match kept {
            Some(connection) => connection,
            None => self.connect()?,
        };
        let done = read(&connection)?;
        let mut idle = idle();
        if idle.len() < IDLE_CONNECTIONS {
            idle.push(connection);
        }
        Ok(done)
    }

    fn connect(&self) -> Result<Connection, StoreError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&self.shared.path, flags)
            .map_err(StoreError::database("open log.db for reading"))?;
        settings::apply(&connection, &self.shared.path, Purpose::Read)?;
        Ok(connection)
    }
}

fn bounded(limit: usize) -> u64 {
    limit.min(MAX_READ) as u64
}

fn to_db(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

fn last_sequence(connection: &Connection, subject: &str) -> Result<Sequence, StoreError> {
    let failed = StoreError::database("read a stream's version");
    let (aggregate_type, aggregate_id) = split_subject(subject);
    let mut statement =
        connection.prepare_cached(include_str!("../sql/sqlite/select_last_sequence.sql")).map_err(&failed)?;
    let mut rows = statement.query([aggregate_type, aggregate_id]).map_err(&failed)?;
    match rows.next().map_err(&failed)? {
        Some(row) => row.get(0).map(Sequence::from_db).map_err(&failed),
        None => Ok(Sequence::START),
    }
}

fn select(connection: &Connection, sql: &str, params: impl Params) -> Result<Vec<StoredEvent>, StoreError> {
    let failed = StoreError::database("read events");
    let mut statement = connection.prepare_cached(sql).map_err(&failed)?;
    let mut rows = statement.query(params).map_err(&failed)?;
    let mut events = Vec::new();
    while let Some(row) = rows.next().map_err(&failed)? {
        events.push(StoredEvent::from_row(row)?);
    }
    Ok(events)
}
