//! Writing rows, and reading them back.

use std::collections::HashMap;

use mandate_domain::judge::{DutyRecord, Evidence, History, Outcome};
use mandate_domain::time::Instant;
use mandate_store::Position;
use rusqlite::{Connection, OptionalExtension, params};

use crate::error::ProjectionError;
use crate::model::Progress;
use crate::subjects::evidence_of;

/// A duty as it is written.
#[derive(Debug, Clone)]
pub(crate) struct Written {
    pub record: DutyRecord,
    pub version: u16,
    pub severity: String,
    pub title: String,
    pub unit: Option<String>,
}

/// How far the read models are.
pub(crate) fn progress(connection: &Connection) -> Result<Progress, ProjectionError> {
    let failed = ProjectionError::database("read the checkpoint");
    let (position, at): (i64, i64) = connection
        .query_row("SELECT position, at FROM checkpoint WHERE id = 1", [], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .map_err(&failed)?;
    let next: Option<i64> =
        connection.query_row("SELECT min(next_at) FROM subjects", [], |row| row.get(0)).map_err(&failed)?;
    Ok(Progress {
        position: Position::new(u64::try_from(position).unwrap_or(0)),
        at: Instant::from_nanos(at),
        next_at: next.map(Instant::from_nanos),
    })
}

/// Moves the checkpoint; the moment never goes back.
pub(crate) fn reach(connection: &Connection, position: Position, at: Instant) -> Result<(), ProjectionError> {
    let failed = ProjectionError::database("move the checkpoint");
    connection
        .prepare_cached("UPDATE checkpoint SET position = ?1, at = max(at, ?2) WHERE id = 1")
        .map_err(&failed)?
        .execute(params![i64::try_from(position.get()).unwrap_or(i64::MAX), at.nanos()])
        .map_err(&failed)?;
    Ok(())
}

/// Writes a duty if it differs from what stands there, and its history.
pub(crate) fn write_duty(
    connection: &Connection,
    duty: &Written,
    at: Instant,
) -> Result<(), ProjectionError> {
    let failed = ProjectionError::database("write a duty");
    let record = &duty.record;
    let text = serde_json::to_string(record).map_err(|e| ProjectionError::row("duties", &e))?;
    let present: Option<(String, Option<String>)> = connection
        .prepare_cached("SELECT record, unit FROM duties WHERE duty = ?1")
        .map_err(&failed)?
        .query_row([&record.duty], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()
        .map_err(&failed)?;
    if present.as_ref().is_some_and(|(known, unit)| *known == text && *unit == duty.unit) {
        return Ok(());
    }
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO duties (duty, reference, subject, rule, version, severity, title, holder, unit, \
             outcome, breach, opened_by, opened_at, due_on, act_by, due_at, record) VALUES (?1, ?2, ?3, ?4, ?5, ?6, \
             ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)",
        )
        .map_err(&failed)?
        .execute(params![
            record.duty,
            record.short_reference(),
            record.subject,
            record.rule,
            duty.version,
            duty.severity,
            duty.title,
            record.holder,
            duty.unit,
            record.outcome,
            record.breach,
            record.opened_by,
            record.opened_at.nanos(),
            record.due_on.map(mandate_domain::time::Date::days),
            record.act_by.map(mandate_domain::time::Date::days),
            record.due_at.map(Instant::nanos),
            text,
        ])
        .map_err(&failed)?;
    write_history(connection, &record.duty, at, Some(&text))
}

/// Notes what a duty is from an instant on; what equals the version before it is no version.
fn write_history(
    connection: &Connection,
    duty: &str,
    at: Instant,
    record: Option<&str>,
) -> Result<(), ProjectionError> {
    let failed = ProjectionError::database("write the history of a duty");
    let before: Option<Option<String>> = connection
        .prepare_cached(
            "SELECT record FROM duty_history WHERE duty = ?1 AND at < ?2 ORDER BY at DESC LIMIT 1",
        )
        .map_err(&failed)?
        .query_row(params![duty, at.nanos()], |row| row.get(0))
        .optional()
        .map_err(&failed)?;
    let same = before.as_ref().map_or(record.is_none(), |before| before.as_deref() == record);
    if same {
        let mut delete = connection
            .prepare_cached("DELETE FROM duty_history WHERE duty = ?1 AND at = ?2")
            .map_err(&failed)?;
        delete.execute(params![duty, at.nanos()]).map_err(&failed)?;
    } else {
        let mut insert = connection
            .prepare_cached("INSERT OR REPLACE INTO duty_history (duty, at, record) VALUES (?1, ?2, ?3)")
            .map_err(&failed)?;
        insert.execute(params![duty, at.nanos(), record]).map_err(&failed)?;
    }
    Ok(())
}

/// Writes the warning steps to come of a duty in place of those there.
pub(crate) fn write_steps(
    connection: &Connection,
    duty: &Written,
    steps: &[(String, Instant)],
) -> Result<(), ProjectionError> {
    let failed = ProjectionError::database("write the steps of a duty");
    connection
        .prepare_cached("DELETE FROM steps WHERE duty = ?1")
        .map_err(&failed)?
        .execute([&duty.record.duty])
        .map_err(&failed)?;
    let due_at = duty.record.due_at.map_or(0, Instant::nanos);
    for (step, at) in steps {
        connection
            .prepare_cached("INSERT OR REPLACE INTO steps (duty, step, at, due_at) VALUES (?1, ?2, ?3, ?4)")
            .map_err(&failed)?
            .execute(params![duty.record.duty, step, at.nanos(), due_at])
            .map_err(&failed)?;
    }
    Ok(())
}

/// Removes the duties of a set of subjects that are there no longer.
pub(crate) fn remove_others(
    connection: &Connection,
    members: &[String],
    present: &[Written],
    at: Instant,
) -> Result<(), ProjectionError> {
    let failed = ProjectionError::database("remove a duty");
    let known: std::collections::HashSet<&str> =
        present.iter().map(|duty| duty.record.duty.as_str()).collect();
    for member in members {
        let stored: Vec<String> = connection
            .prepare_cached("SELECT duty FROM duties WHERE subject = ?1")
            .map_err(&failed)?
            .query_map([member], |row| row.get(0))
            .map_err(&failed)?
            .collect::<Result<_, _>>()
            .map_err(&failed)?;
        for duty in stored.iter().filter(|duty| !known.contains(duty.as_str())) {
            for sql in ["DELETE FROM duties WHERE duty = ?1", "DELETE FROM steps WHERE duty = ?1"] {
                connection.prepare_cached(sql).map_err(&failed)?.execute([duty]).map_err(&failed)?;
            }
            write_history(connection, duty, at, None)?;
        }
    }
    Ok(())
}

/// Adds what was seen to what is stored, completes it with that, and answers with holders that show a new type.
pub(crate) fn add_evidence(
    connection: &Connection,
    seen: &mut Evidence,
    history: &History,
) -> Result<Vec<String>, ProjectionError> {
    let failed = ProjectionError::database("write evidence");
    let mut fresh = Vec::new();
    for (holder, types) in seen.iter_mut() {
        let name = history.symbols.text(*holder);
        let before = evidence_of(connection, name)?.unwrap_or(0);
        *types |= before;
        if *types != before {
            let [low, high] = halves(*types);
            connection
                .prepare_cached("INSERT OR REPLACE INTO evidence (holder, low, high) VALUES (?1, ?2, ?3)")
                .map_err(&failed)?
                .execute(params![name, low, high])
                .map_err(&failed)?;
            fresh.push(name.to_owned());
        }
    }
    fresh.sort_unstable();
    Ok(fresh)
}

/// A set of 128 bits as two columns of 64, the lower first.
fn halves(set: u128) -> [i64; 2] {
    [set, set >> 64].map(|half| {
        let lower = u64::try_from(half & u128::from(u64::MAX)).unwrap_or(0);
        lower.cast_signed()
    })
}

/// Subjects, others than the members, with a marked duty of a holder that shows a new type.
pub(crate) fn concerned_by_evidence(
    connection: &Connection,
    holders: &[String],
    members: &[String],
) -> Result<Vec<String>, ProjectionError> {
    let failed = ProjectionError::database("find duties that are not evidenced");
    let mut concerned = Vec::new();
    for holder in holders {
        let mut statement = connection
            .prepare_cached(
                "SELECT DISTINCT subject FROM duties WHERE holder = ?1 AND outcome IN ('overdue', 'lapsed') \
                 AND record LIKE '%\"not_evidenced\"%' ORDER BY subject",
            )
            .map_err(&failed)?;
        let found = statement.query_map([holder], |row| row.get::<_, String>(0)).map_err(&failed)?;
        for subject in found {
            let subject = subject.map_err(&failed)?;
            if !members.contains(&subject) {
                concerned.push(subject);
            }
        }
    }
    Ok(concerned)
}

/// Reads a duty's record.
pub(crate) fn record(text: &str) -> Result<DutyRecord, ProjectionError> {
    serde_json::from_str(text).map_err(|e| ProjectionError::row("duties", &e))
}

/// Number of duties by rule and outcome, for tests and reports.
pub(crate) fn counts(connection: &Connection) -> Result<HashMap<(String, Outcome), u64>, ProjectionError> {
    let failed = ProjectionError::database("count duties");
    let mut statement = connection
        .prepare_cached("SELECT rule, outcome, count(*) FROM duties GROUP BY rule, outcome")
        .map_err(&failed)?;
    let rows = statement
        .query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?, row.get::<_, i64>(2)?)))
        .map_err(&failed)?;
    let mut counts = HashMap::new();
    for row in rows {
        let (rule, outcome, count) = row.map_err(&failed)?;
        if let Some(outcome) = Outcome::from_name(&outcome) {
            counts.insert((rule, outcome), u64::try_from(count).unwrap_or(0));
        }
    }
    Ok(counts)
}
