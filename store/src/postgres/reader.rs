//! Reading the log on PostgreSQL.

use futures_util::TryStreamExt as _;
use mandate_domain::catalogue::FactType;
use mandate_domain::time::Instant;
use sqlx::Row as _;
use sqlx::postgres::{PgConnection, PgRow};
use tokio::sync::mpsc;

use super::copy::Rows;
use super::migrate;
use super::session::Sessions;
use crate::checkpoint::Signed;
use crate::error::StoreError;
use crate::position::{End, Head, Position, Sequence};
use crate::reader::{Each, EachInStream, EachTold, RawEvent};
use crate::stored_event::{Columns, StoredEvent};
use crate::told::ToldColumns;

/// Connections that read one log.
#[derive(Debug, Clone)]
pub(crate) struct PostgresReader {
    pub(crate) sessions: Sessions,
}

impl PostgresReader {
    /// A reader of a log that is there and of the newest schema.
    pub(crate) fn open(sessions: Sessions) -> Result<Self, StoreError> {
        sessions.block(async |connection| migrate::LOG.check(connection).await)?;
        Ok(Self { sessions })
    }

    pub(crate) fn head(&self) -> Result<Head, StoreError> {
        Ok(self.end()?.head)
    }

    pub(crate) fn end(&self) -> Result<End, StoreError> {
        self.sessions.block(async |connection| {
            read_end(connection, include_str!("../../sql/postgres/select_head.sql")).await
        })
    }

    /// Rows after a position and up to the head, at most `limit`. The head is read first: what it counts is there.
    pub(crate) fn after(&self, after: Position, limit: u64, each: Each<'_>) -> Result<Head, StoreError> {
        self.sessions.block(async |connection| {
            let head = read_end(connection, include_str!("../../sql/postgres/select_head.sql")).await?.head;
            let last = head.position.get().min(after.get().saturating_add(limit));
            if last > after.get() {
                let query = sqlx::query(include_str!("../../sql/postgres/select_events_after.sql"));
                let query = query.bind(after.to_db()).bind(Position::new(last).to_db());
                hand_over(connection, query, each).await?;
            }
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
        self.sessions.block(async |connection| Rows::between(connection, after, last).await)?.for_each(each)
    }

    /// Facts of a subject's stream after a version, at most `limit`.
    pub(crate) fn told_of_subject(
        &self,
        (aggregate_type, aggregate_id): (&str, &str),
        after: Sequence,
        limit: u64,
        each: EachInStream<'_>,
    ) -> Result<(), StoreError> {
        let failed = StoreError::postgres("read a stream");
        self.sessions.block(async |connection| {
            let query = sqlx::query(include_str!("../../sql/postgres/select_told_of_subject.sql"));
            let query = query.bind(aggregate_type).bind(aggregate_id).bind(after.to_db()).bind(to_db(limit));
            let mut rows = query.fetch(connection);
            while let Some(row) = rows.try_next().await.map_err(&failed)? {
                each(row.try_get(7).map_err(&failed)?, told_of(&row).map_err(&failed)?)?;
            }
            Ok(())
        })
    }

    /// Reads the facts of some ranges, one range ahead of who takes them; each range is after its first position and up
    /// to its last. None when the connections were closed.
    pub(crate) fn ahead(
        &self,
        ranges: impl Iterator<Item = (Position, Position)> + Send + 'static,
    ) -> Option<mpsc::Receiver<Result<Rows, StoreError>>> {
        let (sender, receiver) = mpsc::channel(1);
        let sessions = self.sessions.clone();
        self.sessions.handle()?.spawn(async move {
            for (after, last) in ranges {
                let rows =
                    sessions.run(async |connection| Rows::between(connection, after, last).await).await;
                let failed = rows.is_err();
                // The other end is gone when its scan has ended.
                if sender.send(rows).await.is_err() || failed {
                    break;
                }
            }
        });
        Some(receiver)
    }

    pub(crate) fn of_subject(
        &self,
        (aggregate_type, aggregate_id): (&str, &str),
        after: Sequence,
        limit: u64,
        each: Each<'_>,
    ) -> Result<(), StoreError> {
        self.sessions.block(async |connection| {
            let query = sqlx::query(include_str!("../../sql/postgres/select_events_of_subject.sql"));
            let query = query.bind(aggregate_type).bind(aggregate_id).bind(after.to_db()).bind(to_db(limit));
            hand_over(connection, query, each).await
        })
    }

    /// A subject's whole stream, undecoded.
    pub(crate) fn payloads(
        &self,
        stream: (&str, &str),
        each: &mut dyn FnMut(RawEvent<'_>) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        self.sessions.block(async |connection| {
            for row in &payload_rows(connection, stream).await? {
                each(raw_event(row)?)?;
            }
            Ok(())
        })
    }

    /// The rows of a subject's whole stream, for [`raw_event`].
    pub(crate) async fn payload_rows(&self, stream: (&str, &str)) -> Result<Vec<PgRow>, StoreError> {
        self.sessions.run(async |connection| payload_rows(connection, stream).await).await
    }

    pub(crate) fn version(
        &self,
        (aggregate_type, aggregate_id): (&str, &str),
    ) -> Result<Sequence, StoreError> {
        self.sessions.block(async |connection| {
            let last: Option<i64> =
                sqlx::query_scalar(include_str!("../../sql/postgres/select_last_sequence.sql"))
                    .bind(aggregate_type)
                    .bind(aggregate_id)
                    .fetch_optional(connection)
                    .await
                    .map_err(StoreError::postgres("read a stream's version"))?;
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
        self.sessions.block(async |connection| {
            let head = read_end(connection, include_str!("../../sql/postgres/select_head.sql")).await?.head;
            let names: Vec<&str> = types.iter().map(|kind| kind.name()).collect();
            let query = sqlx::query(include_str!("../../sql/postgres/select_events_of_types.sql"));
            let query =
                query.bind(names).bind(after.to_db()).bind(head.position.to_db()).bind(to_db(limit as u64));
            let (mut found, mut last) = (0, after);
            hand_over(connection, query, &mut |columns| {
                found += 1;
                last = Position::from_db(columns.position);
                each(columns)
            })
            .await?;
            Ok(if found >= limit { last } else { head.position.max(after) })
        })
    }

    pub(crate) fn by_source_id(&self, source: &str, id: &str, each: Each<'_>) -> Result<(), StoreError> {
        self.sessions.block(async |connection| {
            let query = sqlx::query(include_str!("../../sql/postgres/select_event_by_source_id.sql"));
            hand_over(connection, query.bind(source).bind(id), each).await
        })
    }

    /// The leaves after a position and up to another.
    pub(crate) fn leaves(
        &self,
        after: Position,
        up_to: Position,
        each: &mut dyn FnMut([u8; 32], Position),
    ) -> Result<(), StoreError> {
        let failed = StoreError::postgres("read the leaves");
        self.sessions.block(async |connection| {
            let query = sqlx::query(include_str!("../../sql/postgres/select_leaves.sql"));
            let mut rows = query.bind(after.to_db()).bind(up_to.to_db()).fetch(connection);
            while let Some(row) = rows.try_next().await.map_err(&failed)? {
                let leaf: &[u8] = row.try_get(0).map_err(&failed)?;
                let position = Position::from_db(row.try_get(1).map_err(&failed)?);
                // The schema refuses any other length.
                each(leaf.try_into().unwrap_or_default(), position);
            }
            Ok(())
        })
    }

    /// Kind, rest of the id and time of recording of the event at a position.
    pub(crate) fn outline_at(
        &self,
        position: Position,
    ) -> Result<Option<(String, String, String, i64)>, StoreError> {
        self.sessions.block(async |connection| {
            let query = sqlx::query_as(include_str!("../../sql/postgres/select_outline_at.sql"));
            let found = query.bind(position.to_db()).fetch_optional(connection).await;
            found.map_err(StoreError::postgres("read the outline of an event"))
        })
    }

    /// A position whose metadata is not what it always is.
    pub(crate) fn with_metadata(&self) -> Result<Option<Position>, StoreError> {
        self.sessions.block(async |connection| {
            let query = sqlx::query_scalar(include_str!("../../sql/postgres/select_with_metadata.sql"));
            let found: Option<i64> =
                query.fetch_optional(connection).await.map_err(StoreError::postgres("read the metadata"))?;
            Ok(found.map(Position::from_db))
        })
    }

    /// A position before the first or after the head at which there is a row.
    pub(crate) fn outside(&self) -> Result<Option<Position>, StoreError> {
        self.sessions.block(async |connection| {
            let query = sqlx::query_scalar(include_str!("../../sql/postgres/select_outside.sql"));
            let found: Option<i64> = query
                .fetch_optional(connection)
                .await
                .map_err(StoreError::postgres("look for rows outside of the log"))?;
            Ok(found.map(Position::from_db))
        })
    }

    /// What the server finds wrong with its files, which it checks by its own checksums.
    #[expect(clippy::unused_self, clippy::unnecessary_wraps, reason = "as the reader of SQLite")]
    pub(crate) fn integrity(&self) -> Result<Option<String>, StoreError> {
        Ok(None)
    }

    /// Signed checkpoints, the latest first, of at most some size.
    pub(crate) fn checkpoints(&self, up_to: Position, limit: u64) -> Result<Vec<Signed>, StoreError> {
        let failed = StoreError::postgres("read the checkpoints");
        self.sessions.block(async |connection| {
            let query = sqlx::query(include_str!("../../sql/postgres/select_checkpoints.sql"));
            let rows =
                query.bind(up_to.to_db()).bind(to_db(limit)).fetch_all(connection).await.map_err(&failed)?;
            let signed = |row: &PgRow| -> Result<Signed, sqlx::Error> {
                Ok(Signed {
                    size: Position::from_db(row.try_get(0)?),
                    frontier: row.try_get(1)?,
                    note: row.try_get(2)?,
                    signed_at: Instant::from_nanos(row.try_get(3)?),
                })
            };
            rows.iter().map(|row| signed(row).map_err(&failed)).collect()
        })
    }
}

/// The head row with its tree, by a statement that selects it.
pub(crate) async fn read_end(connection: &mut PgConnection, sql: &'static str) -> Result<End, StoreError> {
    let failed = StoreError::postgres("read the head");
    let row = sqlx::query(sql).fetch_one(connection).await.map_err(&failed)?;
    let columns = || -> Result<(i64, i64, &[u8]), sqlx::Error> {
        Ok((row.try_get(0)?, row.try_get(1)?, row.try_get(2)?))
    };
    let (position, recorded_at, frontier) = columns().map_err(&failed)?;
    End::of_columns(position, recorded_at, Some(frontier))
}

/// The events that a statement selects, decoded.
pub(crate) async fn select(
    connection: &mut PgConnection,
    query: sqlx::query::Query<'_, sqlx::Postgres, sqlx::postgres::PgArguments>,
) -> Result<Vec<StoredEvent>, StoreError> {
    let mut events = Vec::new();
    hand_over(connection, query, &mut |columns| {
        events.push(columns.decode()?);
        Ok(())
    })
    .await?;
    Ok(events)
}

type Query<'q> = sqlx::query::Query<'q, sqlx::Postgres, sqlx::postgres::PgArguments>;

async fn hand_over(
    connection: &mut PgConnection,
    query: Query<'_>,
    each: Each<'_>,
) -> Result<(), StoreError> {
    let failed = StoreError::postgres("read events");
    let mut rows = query.fetch(connection);
    while let Some(row) = rows.try_next().await.map_err(&failed)? {
        each(columns_of(&row).map_err(&failed)?)?;
    }
    Ok(())
}

async fn payload_rows(
    connection: &mut PgConnection,
    (aggregate_type, aggregate_id): (&str, &str),
) -> Result<Vec<PgRow>, StoreError> {
    sqlx::query(include_str!("../../sql/postgres/select_payloads_of_subject.sql"))
        .bind(aggregate_type)
        .bind(aggregate_id)
        .fetch_all(connection)
        .await
        .map_err(StoreError::postgres("read a stream"))
}

/// Reads a row of `sql/postgres/select_payloads_of_subject.sql`.
pub(crate) fn raw_event(row: &PgRow) -> Result<RawEvent<'_>, StoreError> {
    let columns = || -> Result<RawEvent<'_>, sqlx::Error> {
        Ok(RawEvent {
            sequence: Sequence::from_db(row.try_get(0)?),
            position: Position::from_db(row.try_get(1)?),
            payload: row.try_get(2)?,
            actor: row.try_get(3)?,
            command_id: row.try_get(4)?,
            event_type: row.try_get(5)?,
            event_version: row.try_get(6)?,
        })
    };
    columns().map_err(StoreError::postgres("read a stream"))
}

/// Reads the first columns of a row of `sql/postgres/select_told_of_subject.sql`.
fn told_of(row: &PgRow) -> Result<ToldColumns<'_>, sqlx::Error> {
    Ok(ToldColumns {
        position: row.try_get(0)?,
        event_type: row.try_get(1)?,
        event_version: row.try_get(2)?,
        recorded_at: row.try_get(3)?,
        claimed_at: row.try_get(4)?,
        payload: row.try_get(5)?,
        is_sealed: row.try_get(6)?,
    })
}

fn columns_of(row: &PgRow) -> Result<Columns<'_>, sqlx::Error> {
    Ok(Columns {
        position: row.try_get(0)?,
        aggregate_type: row.try_get(1)?,
        aggregate_id: row.try_get(2)?,
        sequence: row.try_get(3)?,
        event_type: row.try_get(4)?,
        event_version: row.try_get(5)?,
        source: row.try_get(6)?,
        event_id: row.try_get(7)?,
        occurred_at: row.try_get(8)?,
        recorded_at: row.try_get(9)?,
        claimed_at: row.try_get(10)?,
        actor: row.try_get(11)?,
        command_id: row.try_get(12)?,
        leaf: row.try_get(13)?,
        payload: row.try_get(14)?,
        sealed: row.try_get(15)?,
    })
}

fn to_db(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
