//! What stands in the tables, as digests, and how two files differ.

use std::collections::HashMap;
use std::path::Path;

use mandate_store::Reader;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Row};
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use crate::error::ProjectionError;
use crate::model::Progress;
use crate::{BESIDE_TO_COMPARE, FILE, bulk, database, rows};

/// A table with how much stands in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Table {
    /// Its name.
    pub table: String,
    /// Number of rows.
    pub rows: u64,
    /// SHA-256 over every value of every row in order, in hexadecimal.
    pub digest: String,
}

/// A row that is in one file and not in the other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Difference {
    /// The table.
    pub table: String,
    /// What stands in the tables in use; none where only the new ones have such a row.
    pub live: Option<String>,
    /// What the log gives; none where only the tables in use have such a row.
    pub rebuilt: Option<String>,
}

/// The tables in use beside those that the log gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comparison {
    /// How far the tables in use are; the others were made up to there.
    pub progress: Progress,
    /// The tables in use.
    pub live: Vec<Table>,
    /// Those that the log gives.
    pub rebuilt: Vec<Table>,
    /// The first differences of each table.
    pub differences: Vec<Difference>,
}

/// What was once seen, which a fact that claims to have been known earlier does not take away, as numbers by two names:
/// the tables in use may hold more of it than those made anew, each with no greater number.
const SEEN: &[(&str, &str)] = &[
    ("areas", "SELECT area, subject, 0 FROM areas"),
    ("evidence", "SELECT holder, type, since FROM evidence"),
];
/// Differences named of one table.
const NAMED: usize = 5;

/// Compares the tables of a data directory with those made anew from the log, up to where they are.
pub(crate) fn compare(data_dir: &Path, log: &Reader) -> Result<Comparison, ProjectionError> {
    let live = database::open_read_only(&data_dir.join(FILE))?;
    let failed = ProjectionError::database("read the tables in use");
    let live = live.unchecked_transaction().map_err(&failed)?;
    let progress = rows::progress(&live)?;
    let beside = data_dir.join(BESIDE_TO_COMPARE);
    let compared = bulk::make(&beside, log, progress.at, Some(progress.position)).and_then(|_| {
        let rebuilt = database::open_read_only(&beside)?;
        let mut comparison = Comparison {
            progress,
            live: tables(&live)?,
            rebuilt: tables(&rebuilt)?,
            differences: Vec::new(),
        };
        for (one, other) in comparison.live.iter().zip(&comparison.rebuilt) {
            if one != other {
                differences(&live, &rebuilt, &one.table, &mut comparison.differences)?;
            }
        }
        for (table, sql) in SEEN {
            let live = seen(&live, sql)?;
            let lacks = |(names, number): &(&(String, String), &i64)| {
                live.get(*names).is_none_or(|known| known > *number)
            };
            let rebuilt = seen(&rebuilt, sql)?;
            let lacking = rebuilt.iter().filter(lacks).take(NAMED);
            comparison.differences.extend(lacking.map(|((one, other), number)| Difference {
                table: (*table).to_owned(),
                live: None,
                rebuilt: Some(format!("{one} | {other} | {number}")),
            }));
        }
        Ok(comparison)
    });
    database::remove(&beside)?;
    compared
}

fn seen(connection: &Connection, sql: &str) -> Result<HashMap<(String, String), i64>, ProjectionError> {
    let failed = ProjectionError::database("read a table");
    let mut statement = connection.prepare(sql).map_err(&failed)?;
    let rows = statement.query_map([], |row| Ok(((row.get(0)?, row.get(1)?), row.get(2)?)));
    rows.map_err(&failed)?.collect::<Result<_, _>>().map_err(&failed)
}

/// Every table with the digest of what stands in it.
pub(crate) fn tables(connection: &Connection) -> Result<Vec<Table>, ProjectionError> {
    let failed = ProjectionError::database("read a table");
    names(connection)?
        .into_iter()
        .map(|table| {
            let mut statement = connection.prepare(&in_order(connection, &table)?).map_err(&failed)?;
            let mut found = statement.query([]).map_err(&failed)?;
            let (mut rows, mut digest) = (0, Sha256::new());
            while let Some(row) = found.next().map_err(&failed)? {
                rows += 1;
                each_value(row, |value| {
                    let (tag, bytes): (u8, &[u8]) = match &value {
                        ValueRef::Null => (0, &[]),
                        ValueRef::Integer(number) => (1, &number.to_le_bytes()),
                        ValueRef::Real(number) => (2, &number.to_le_bytes()),
                        ValueRef::Text(bytes) => (3, bytes),
                        ValueRef::Blob(bytes) => (4, bytes),
                    };
                    digest.update([tag]);
                    digest.update((bytes.len() as u64).to_le_bytes());
                    digest.update(bytes);
                })
                .map_err(&failed)?;
            }
            let digest = digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
            Ok(Table { table, rows, digest })
        })
        .collect()
}

/// The names of the tables, but of those that depend on how the log was followed ([`SEEN`] among them).
pub(crate) fn names(connection: &Connection) -> Result<Vec<String>, ProjectionError> {
    let sql = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' \
               AND name NOT IN ('bends', 'alike', 'areas', 'evidence') ORDER BY name";
    rows::subjects(connection, sql, [])
}

/// The statement that reads a table by its key: the rows of `duties` by their id, which is its first column, and of a
/// stream all facts together, however many rows hold them.
fn in_order(connection: &Connection, table: &str) -> Result<String, ProjectionError> {
    if table == "streams" {
        return Ok(
            "SELECT subject, group_concat(hex(facts), '' ORDER BY position) FROM streams GROUP BY subject \
                   ORDER BY subject"
                .to_owned(),
        );
    }
    let sql = "SELECT name FROM pragma_table_info(?1) WHERE pk > 0 ORDER BY pk";
    let mut key = rows::subjects(connection, sql, [table])?;
    if key.is_empty() {
        key.push("1".to_owned());
    }
    let key: Vec<String> = key.into_iter().map(|c| if c == "1" { c } else { format!("\"{c}\"") }).collect();
    let sql =
        "SELECT name FROM pragma_table_info(?1) WHERE ?1 <> 'subjects' OR name <> 'latest' ORDER BY cid";
    let columns = rows::subjects(connection, sql, [table])?.join("\", \"");
    Ok(format!("SELECT \"{columns}\" FROM \"{table}\" ORDER BY {}", key.join(", ")))
}

fn each_value(row: &Row<'_>, mut each: impl FnMut(ValueRef<'_>)) -> rusqlite::Result<()> {
    for column in 0..row.as_ref().column_count() {
        each(row.get_ref(column)?);
    }
    Ok(())
}

/// A row in words.
fn words(row: &Row<'_>) -> rusqlite::Result<String> {
    let mut values = Vec::new();
    each_value(row, |value| {
        values.push(match value {
            ValueRef::Null => "null".to_owned(),
            ValueRef::Integer(number) => number.to_string(),
            ValueRef::Real(number) => number.to_string(),
            ValueRef::Text(bytes) | ValueRef::Blob(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        });
    })?;
    Ok(values.join(" | "))
}

/// The first rows that only one of two files has.
fn differences(
    live: &Connection,
    rebuilt: &Connection,
    table: &str,
    found: &mut Vec<Difference>,
) -> Result<(), ProjectionError> {
    let failed = ProjectionError::database("compare a table");
    let sql = in_order(live, table)?;
    let (mut one, mut other) =
        (live.prepare(&sql).map_err(&failed)?, rebuilt.prepare(&sql).map_err(&failed)?);
    let (mut one, mut other) = (one.query([]).map_err(&failed)?, other.query([]).map_err(&failed)?);
    let next = |rows: &mut rusqlite::Rows<'_>| -> Result<Option<String>, ProjectionError> {
        rows.next().map_err(&failed)?.map(words).transpose().map_err(&failed)
    };
    // A row that is missing on one side puts the two out of step; rows met once on either side are kept for the
    // other to come to.
    let (mut only_live, mut only_rebuilt) = (Vec::new(), Vec::new());
    loop {
        let (left, right) = (next(&mut one)?, next(&mut other)?);
        if (left.is_none() && right.is_none()) || only_live.len().min(only_rebuilt.len()) > NAMED * 100 {
            break;
        }
        if left == right {
            continue;
        }
        meet(left, &mut only_live, &mut only_rebuilt);
        meet(right, &mut only_rebuilt, &mut only_live);
    }
    let row = |live, rebuilt| Difference { table: table.to_owned(), live, rebuilt };
    found.extend(only_live.into_iter().take(NAMED).map(|text| row(Some(text), None)));
    found.extend(only_rebuilt.into_iter().take(NAMED).map(|text| row(None, Some(text))));
    Ok(())
}

/// Takes a row away from those that the other side has met alone, or keeps it with those of its own.
fn meet(row: Option<String>, own: &mut Vec<String>, others: &mut Vec<String>) {
    let Some(row) = row else { return };
    match others.iter().position(|known| *known == row) {
        Some(at) => drop(others.remove(at)),
        None => own.push(row),
    }
}
