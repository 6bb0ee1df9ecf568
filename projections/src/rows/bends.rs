//! Where versions bend, and the units that nominals had.

use mandate_domain::time::Instant;
use rusqlite::{Connection, params};

use super::{Writing, execute};
use crate::bends::{Bend, Kind};
use crate::error::ProjectionError;
use crate::unit::UnitVersion;

/// The bends of a unit that reach to an instant or beyond.
pub(crate) fn bends(
    connection: &Connection,
    members: &[String],
    from: Instant,
) -> Result<Vec<Bend>, ProjectionError> {
    let failed = ProjectionError::database("read the bends of a unit");
    let sql = "SELECT at, kind, as_from, known_from FROM bends WHERE subject = ?1 AND at >= ?2";
    let mut statement = connection.prepare_cached(sql).map_err(&failed)?;
    let mut bends = Vec::new();
    for member in members {
        let found = statement.query_map(params![member, from.nanos()], |row| {
            Ok(Bend {
                at: Instant::from_nanos(row.get(0)?),
                kind: Kind::of_number(row.get(1)?),
                as_from: Instant::from_nanos(row.get(2)?),
                known_from: Instant::from_nanos(row.get(3)?),
            })
        });
        for bend in found.map_err(&failed)? {
            bends.push(bend.map_err(&failed)?);
        }
    }
    bends.sort_unstable();
    Ok(bends)
}

/// Writes the bends of a unit in the place of those that were `left` to go on from.
pub(super) fn write_bends(
    connection: &Connection,
    members: &[String],
    left: &[Bend],
    now: &[Bend],
) -> Result<(), ProjectionError> {
    if left == now {
        return Ok(());
    }
    if let Some(from) = left.first().map(|bend| bend.at) {
        for member in members {
            let sql = "DELETE FROM bends WHERE subject = ?1 AND at >= ?2";
            execute(connection, "go back in the bends of a unit", sql, params![member, from.nanos()])?;
        }
    }
    let Some(leader) = members.first() else { return Ok(()) };
    for bend in now {
        let sql = "INSERT OR IGNORE INTO bends (subject, at, kind, as_from, known_from) \
                   VALUES (?1, ?2, ?3, ?4, ?5)";
        let values = params![
            leader,
            bend.at.nanos(),
            bend.kind.number(),
            bend.as_from.nanos(),
            bend.known_from.nanos()
        ];
        execute(connection, "write the bends of a unit", sql, values)?;
    }
    Ok(())
}

/// Writes the units that a nominal had from the first moment on that was followed.
pub(super) fn write_units(
    connection: &Connection,
    nominal: &str,
    units: &[UnitVersion],
    writing: Writing,
) -> Result<(), ProjectionError> {
    let Some(first) = units.first() else { return Ok(()) };
    let what = "write the units of a nominal";
    let failed = ProjectionError::database(what);
    let mut before: Option<UnitVersion> = None;
    if writing == Writing::Over {
        let mut statement = connection
            .prepare_cached("SELECT at, as_from, unit FROM units WHERE subject = ?1 ORDER BY at DESC")
            .map_err(&failed)?;
        let mut rows = statement.query([nominal]).map_err(&failed)?;
        let mut is_over = false;
        while let Some(row) = rows.next().map_err(&failed)? {
            let read = || -> rusqlite::Result<UnitVersion> {
                let (at, as_from) = (Instant::from_nanos(row.get(0)?), Instant::from_nanos(row.get(1)?));
                Ok(UnitVersion { at, as_from, unit: row.get(2)? })
            };
            let version = read().map_err(&failed)?;
            if version.at < first.at {
                before = Some(version);
                break;
            }
            is_over = true;
        }
        if is_over {
            let sql = "DELETE FROM units WHERE subject = ?1 AND at >= ?2";
            execute(connection, what, sql, params![nominal, first.at.nanos()])?;
        } else if units.len() == 1 && first.unit == before.as_ref().and_then(|before| before.unit.clone()) {
            return Ok(());
        }
    }
    let mut all: Vec<UnitVersion> = before.into_iter().collect();
    for version in units {
        if version.unit.as_ref() == all.last().and_then(|last| last.unit.as_ref()) {
            continue;
        }
        let as_from = all.last().map_or(version.as_from, |last| {
            if version.as_from < last.as_from { version.at } else { version.as_from }
        });
        all.push(UnitVersion { as_from, ..version.clone() });
    }
    for (place, version) in all.iter().enumerate() {
        let next = all.get(place + 1).map_or((Instant::MAX, Instant::MAX), |next| (next.at, next.as_from));
        let sql = "INSERT OR REPLACE INTO units (subject, at, as_from, until, as_until, unit) \
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
        let (at, as_from) = (version.at.nanos(), version.as_from.nanos());
        let values = params![nominal, at, as_from, next.0.nanos(), next.1.nanos(), version.unit];
        execute(connection, what, sql, values)?;
    }
    Ok(())
}
