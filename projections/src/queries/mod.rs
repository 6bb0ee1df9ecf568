//! Asking the read models.

mod compliance;
mod duties;
mod followups;
mod history;
mod lists;
mod past;
mod quarantine;
mod reconciliation;

pub(crate) use compliance::Alike;
pub use compliance::{Counting, Grain};
pub(crate) use lists::notices_alone;
pub use past::Past;

use rusqlite::{Connection, Params, Row};

use crate::error::ProjectionError;

/// Runs a query and reads every row.
fn all<T>(
    connection: &Connection,
    sql: &str,
    values: impl Params,
    read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
) -> Result<Vec<T>, ProjectionError> {
    let failed = ProjectionError::database("run a query");
    let mut statement = connection.prepare_cached(sql).map_err(&failed)?;
    let rows = statement.query_map(values, read).map_err(&failed)?;
    rows.collect::<Result<_, _>>().map_err(&failed)
}

/// Counts rows.
fn count(connection: &Connection, sql: &str, values: impl Params) -> Result<u64, ProjectionError> {
    let counted: Vec<i64> = all(connection, sql, values, |row| row.get(0))?;
    Ok(counted.first().and_then(|number| u64::try_from(*number).ok()).unwrap_or(0))
}

/// Ids as a list in JSON, for `json_each`.
fn listed(ids: &[String]) -> Result<String, ProjectionError> {
    serde_json::to_string(ids).map_err(|error| ProjectionError::row("duties", &error))
}
