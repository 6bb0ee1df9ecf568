//! Messages in quarantine.

use mandate_domain::time::Instant;
use mandate_store::Position;
use rusqlite::{Connection, Row, params};

use super::{all, count};
use crate::Projections;
use crate::error::ProjectionError;
use crate::model::{Listed, MAX_PAGE, QuarantineFilter, QuarantineRow};

const COLUMNS: &str =
    "id, subject, position, quarantined_at, teller, message_id, code, reason, needs, status, settled";
const FILTER: &str = "(?1 IS NULL OR status = ?1) AND (?2 IS NULL OR teller = ?2) AND (?3 IS NULL OR code = ?3) \
     AND (?4 IS NULL OR EXISTS (SELECT 1 FROM json_each(needs) WHERE value = ?4)) AND (?5 IS NULL OR subject = ?5) \
     AND subject NOT IN (SELECT value FROM json_each(?6))";

/// A row, its needs still as text.
fn raw(row: &Row<'_>) -> rusqlite::Result<(QuarantineRow, String)> {
    let position = |number: i64| Position::new(number.try_into().unwrap_or(0));
    let found = QuarantineRow {
        id: row.get(0)?,
        subject: row.get(1)?,
        position: position(row.get(2)?),
        quarantined_at: Instant::from_nanos(row.get(3)?),
        source: row.get(4)?,
        message_id: row.get(5)?,
        event_type: row.get(6)?,
        reason: row.get(7)?,
        needs: Vec::new(),
        status: row.get(9)?,
        settled: row.get::<_, Option<i64>>(10)?.map(position),
    };
    Ok((found, row.get(8)?))
}

fn rows(
    connection: &Connection,
    sql: &str,
    values: impl rusqlite::Params,
) -> Result<Vec<QuarantineRow>, ProjectionError> {
    let read = |(row, needs): (QuarantineRow, String)| {
        let needs =
            serde_json::from_str(&needs).map_err(|error| ProjectionError::row("quarantine", &error))?;
        Ok(QuarantineRow { needs, ..row })
    };
    all(connection, sql, values, raw)?.into_iter().map(read).collect()
}

impl Projections {
    /// Messages in quarantine, the oldest first.
    ///
    /// # Errors
    /// [`ProjectionError`] when the read models cannot be read.
    pub fn quarantine(
        &self,
        filter: &QuarantineFilter,
        page: u32,
        size: u32,
    ) -> Result<Listed<QuarantineRow>, ProjectionError> {
        let size = size.clamp(1, MAX_PAGE);
        let QuarantineFilter { status, source, event_type, needs, subject, except } = filter;
        let except =
            serde_json::to_string(except).map_err(|error| ProjectionError::row("quarantine", &error))?;
        self.read(|connection| {
            let counted = format!("SELECT count(*) FROM quarantine WHERE {FILTER}");
            let total =
                count(connection, &counted, params![status, source, event_type, needs, subject, except])?;
            let offset = i64::from(page) * i64::from(size);
            let sql = format!(
                "SELECT {COLUMNS} FROM quarantine WHERE {FILTER} ORDER BY position LIMIT ?7 OFFSET ?8"
            );
            let values = params![status, source, event_type, needs, subject, except, size, offset];
            let content = rows(connection, &sql, values)?;
            Ok(Listed { content, total_elements: total, number: page, size })
        })
    }

    /// A message in quarantine.
    ///
    /// # Errors
    /// [`ProjectionError`] when the read models cannot be read.
    pub fn quarantined(&self, id: &str) -> Result<Option<QuarantineRow>, ProjectionError> {
        let sql = format!("SELECT {COLUMNS} FROM quarantine WHERE id = ?1");
        self.read(|connection| Ok(rows(connection, &sql, [id])?.into_iter().next()))
    }

    /// How many messages wait in quarantine.
    ///
    /// # Errors
    /// [`ProjectionError`] when the read models cannot be read.
    pub fn quarantine_waiting(&self) -> Result<u64, ProjectionError> {
        self.read(|connection| {
            count(connection, "SELECT count(*) FROM quarantine WHERE status = 'waiting'", [])
        })
    }
}
