//! Writing rows, and reading them back.

mod bends;
mod cases;
mod counted;
mod due;
mod evidence;
mod versions;

use std::collections::BTreeMap;

use mandate_domain::judge::{DutyRecord, Outcome, Standing};
use mandate_domain::time::Instant;
use mandate_store::Position;
use rusqlite::{Connection, params};

use crate::cross::{Cross, Epoch};
use crate::error::ProjectionError;
use crate::model::{Parked, Progress};
use crate::reconciled;
use crate::unit::{Failure, Followed};

pub(crate) use bends::bends;
pub(crate) use cases::cases;
pub(crate) use counted::Counted;
pub(crate) use due::fall_due;
pub(crate) use evidence::Evidence;
pub(crate) use versions::{find_stored, stored};

/// How far the read models are.
pub(crate) fn progress(connection: &Connection) -> Result<Progress, ProjectionError> {
    let failed = ProjectionError::database("read the checkpoint");
    let mut statement = connection
        .prepare_cached(
            "SELECT position, at, (SELECT min(next_at) FROM subjects WHERE next_at IS NOT NULL) \
             FROM checkpoint WHERE id = 1",
        )
        .map_err(&failed)?;
    let (position, at, next): (i64, i64, Option<i64>) =
        statement.query_row([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).map_err(&failed)?;
    Ok(Progress {
        position: Position::new(u64::try_from(position).unwrap_or(0)),
        at: Instant::from_nanos(at),
        next_at: next.map(Instant::from_nanos),
    })
}

/// Moves the checkpoint; the moment never goes back.
pub(crate) fn reach(connection: &Connection, position: Position, at: Instant) -> Result<(), ProjectionError> {
    execute(
        connection,
        "move the checkpoint",
        "UPDATE checkpoint SET position = ?1, at = max(at, ?2) WHERE id = 1",
        params![i64::try_from(position.get()).unwrap_or(i64::MAX), at.nanos()],
    )
}

/// Adds facts in their compact form to the stream of a subject; the first of them stands at a position.
pub(crate) fn add_to_stream(
    connection: &Connection,
    subject: &str,
    position: u32,
    facts: &[u8],
) -> Result<(), ProjectionError> {
    let sql = "INSERT INTO streams (subject, position, facts) VALUES (?1, ?2, ?3)";
    execute(connection, "write the facts of a subject", sql, params![subject, position, facts])
}

/// The facts of some subjects in their compact form, one subject after the other.
pub(crate) fn streams(connection: &Connection, subjects: &[String]) -> Result<Vec<u8>, ProjectionError> {
    let failed = ProjectionError::database("read the facts of a subject");
    let sql = "SELECT facts FROM streams WHERE subject = ?1 ORDER BY position";
    let mut statement = connection.prepare_cached(sql).map_err(&failed)?;
    let mut facts = Vec::new();
    for subject in subjects {
        let mut rows = statement.query([subject]).map_err(&failed)?;
        while let Some(row) = rows.next().map_err(&failed)? {
            let part = row.get_ref(0).and_then(|value| Ok(value.as_blob()?)).map_err(&failed)?;
            facts.extend_from_slice(part);
        }
    }
    Ok(facts)
}

pub(crate) fn execute(
    connection: &Connection,
    what: &'static str,
    sql: &str,
    values: impl rusqlite::Params,
) -> Result<(), ProjectionError> {
    let failed = ProjectionError::database(what);
    connection.prepare_cached(sql).map_err(&failed)?.execute(values).map_err(&failed)?;
    Ok(())
}

/// Whether rows are added to tables that hold none of the unit, or take the place of what is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Writing {
    Fresh,
    Over,
}

/// Writes what became of a unit.
pub(crate) fn write(
    connection: &Connection,
    members: &[String],
    followed: &mut Followed,
    writing: Writing,
    counted: &mut Counted,
) -> Result<(), ProjectionError> {
    for duty in &mut followed.duties {
        versions::write_duty(connection, duty, writing, counted)?;
    }
    if followed.judged {
        write_subjects(connection, members, followed)?;
        reconciled::write(connection, members, &followed.reconciled, writing)?;
        let left = if writing == Writing::Over { &followed.left } else { [].as_slice() };
        bends::write_bends(connection, members, left, &followed.bends)?;
        cases::write_cases(connection, members, &followed.cases, writing)?;
        for (nominal, units) in &followed.units {
            bends::write_units(connection, nominal, units, writing)?;
        }
    } else {
        stand_still(connection, members)?;
    }
    for (area, subject) in &followed.areas {
        let sql = "INSERT OR IGNORE INTO areas (area, subject) VALUES (?1, ?2)";
        execute(connection, "write an area", sql, [area, subject])?;
    }
    if let Some(failure) = &followed.failed {
        park(connection, members, failure)?;
    }
    Ok(())
}

/// Notes which steps of a duty the log has, and whether a breach of it stands there; `indexes.sql` does the same for
/// all.
pub(crate) fn note_taken(connection: &Connection, duty: &str) -> Result<(), ProjectionError> {
    let sql = "UPDATE steps AS s SET taken = EXISTS (SELECT 1 FROM steps_taken t WHERE t.duty = s.duty \
               AND t.step = s.step AND t.due_at = s.due_at AND (s.to_role IS NULL OR t.generation = \
               (SELECT count(*) FROM breaches b WHERE b.duty = s.duty AND b.status = 'rescinded'))) \
               WHERE s.duty = ?1";
    execute(connection, "note the steps taken of a duty", sql, [duty])
}

/// Notes a breach that was just raised: of most, the log lacks nothing.
pub(crate) fn note_breach(connection: &Connection, duty: &str) -> Result<(), ProjectionError> {
    let sql = "UPDATE duties SET raised = 1 WHERE duty = ?1";
    execute(connection, "note the breach of a duty", sql, [duty])?;
    note_owed(connection, duty)
}

/// Notes whether a breach of a duty stands in the log.
pub(crate) fn note_raised(connection: &Connection, duty: &str) -> Result<(), ProjectionError> {
    let sql = "UPDATE duties SET raised = EXISTS (SELECT 1 FROM breaches b WHERE b.duty = ?1 \
               AND b.status <> 'rescinded') WHERE duty = ?1";
    execute(connection, "note the breaches of a duty", sql, [duty])
}

/// Notes what the log lacks about the breaches of a duty: that they are rescinded, or closed. A waiver ends a breach
/// without undoing it.
pub(crate) fn note_owed(connection: &Connection, duty: &str) -> Result<(), ProjectionError> {
    let sql = "UPDATE breaches AS b SET owed = CASE WHEN b.status = 'rescinded' THEN NULL \
               WHEN NOT EXISTS (SELECT 1 FROM duties d WHERE d.duty = b.duty AND d.due_at = b.due_at \
               AND (d.breach = 1 OR d.outcome = 'exempt')) THEN 'rescinded' \
               WHEN b.status = 'raised' AND EXISTS (SELECT 1 FROM duties d WHERE d.duty = b.duty \
               AND d.outcome IN ('met_late', 'lapsed')) THEN 'closed' END WHERE b.duty = ?1";
    execute(connection, "note what breaches of a duty lack", sql, [duty])
}

fn write_subjects(
    connection: &Connection,
    members: &[String],
    followed: &Followed,
) -> Result<(), ProjectionError> {
    for member in members {
        let standing = followed.standings.iter().find(|standing| standing.members.contains(member));
        let survivor = standing.map(|standing| standing.subject.as_str());
        let merged_into = survivor.filter(|survivor| survivor != member);
        let state = state_text(standing.filter(|_| merged_into.is_none()))?;
        let kind = member.split('/').next().unwrap_or("");
        // A set is followed under its first member alone.
        let leads = members.first() == Some(member) && followed.failed.is_none();
        let next_at = followed.next_at.filter(|_| leads).map(Instant::nanos);
        let judge_at = followed.judge_at.filter(|_| leads).map(Instant::nanos);
        let latest = followed.latest.map(Instant::nanos);
        execute(
            connection,
            "write a subject",
            "INSERT INTO subjects (subject, kind, leads, merged_into, state, next_at, judge_at, latest) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT (subject) DO UPDATE SET leads = excluded.leads, \
             merged_into = excluded.merged_into, state = excluded.state, next_at = excluded.next_at, \
             judge_at = excluded.judge_at, latest = excluded.latest",
            params![member, kind, leads, merged_into, state, next_at, judge_at, latest],
        )?;
    }
    Ok(())
}

fn state_text(standing: Option<&Standing>) -> Result<String, ProjectionError> {
    let state: BTreeMap<&str, &str> = standing
        .map(|standing| standing.state.iter().map(|(field, value)| (field.name(), value.as_str())).collect())
        .unwrap_or_default();
    serde_json::to_string(&state).map_err(|e| ProjectionError::row("subjects", &e))
}

/// Parks the subjects of a unit: they are followed no further, and their rows stay as they are.
pub(crate) fn park(
    connection: &Connection,
    members: &[String],
    failure: &Failure,
) -> Result<(), ProjectionError> {
    for member in members {
        execute(
            connection,
            "park a subject",
            "INSERT OR IGNORE INTO parked (subject, position, reason, since) VALUES (?1, ?2, ?3, ?4)",
            params![member, failure.position, failure.reason, failure.since.nanos()],
        )?;
        let sql = "UPDATE subjects SET leads = 0, next_at = NULL, judge_at = NULL WHERE subject = ?1";
        execute(connection, "park a subject", sql, [member])?;
    }
    Ok(())
}

/// Notes that a policy which was adopted cannot be used; the one before it stays in force.
pub(crate) fn park_policy(connection: &Connection, epoch: &Epoch) -> Result<(), ProjectionError> {
    let Some((subject, reason)) = &epoch.refused else { return Ok(()) };
    let failure = Failure { reason: reason.clone(), position: epoch.position, since: epoch.at };
    park(connection, std::slice::from_ref(subject), &failure)
}

/// Has the clock bring nothing to the members of a set: one is parked, or there was nothing to judge.
pub(crate) fn stand_still(connection: &Connection, members: &[String]) -> Result<(), ProjectionError> {
    for member in members {
        let sql = "UPDATE subjects SET next_at = NULL, judge_at = NULL WHERE subject = ?1";
        execute(connection, "have a subject stand still", sql, [member])?;
    }
    Ok(())
}

/// The subjects that are parked.
pub(crate) fn parked(connection: &Connection) -> Result<Vec<Parked>, ProjectionError> {
    let failed = ProjectionError::database("read what is parked");
    let mut statement = connection
        .prepare_cached("SELECT subject, position, reason, since FROM parked ORDER BY position, subject")
        .map_err(&failed)?;
    let rows = statement
        .query_map([], |row| {
            let position: i64 = row.get(1)?;
            Ok(Parked {
                subject: row.get(0)?,
                position: Position::new(u64::try_from(position).unwrap_or(0)),
                reason: row.get(2)?,
                since: Instant::from_nanos(row.get(3)?),
            })
        })
        .map_err(&failed)?;
    rows.collect::<Result<_, _>>().map_err(&failed)
}

/// Has subjects judged again at an instant, each with the set under whose leader it is followed.
pub(crate) fn concern<'s>(
    connection: &Connection,
    cross: &Cross,
    subjects: impl Iterator<Item = &'s str>,
    at: Instant,
) -> Result<(), ProjectionError> {
    for subject in subjects {
        let sql = "UPDATE subjects SET next_at = min(coalesce(next_at, ?2), ?2), judge_at = ?2 \
                   WHERE subject = ?1 AND leads = 1 AND (judge_at IS NULL OR judge_at > ?2)";
        execute(connection, "note whom an event concerns", sql, params![cross.leader(subject), at.nanos()])?;
    }
    Ok(())
}

/// Has everybody judged again at an instant.
pub(crate) fn concern_everybody(connection: &Connection, at: Instant) -> Result<(), ProjectionError> {
    let sql = "UPDATE subjects SET next_at = min(coalesce(next_at, ?1), ?1), judge_at = ?1 \
               WHERE leads = 1 AND (judge_at IS NULL OR judge_at > ?1)";
    execute(connection, "note whom an event concerns", sql, [at.nanos()])
}

/// Subjects that a statement with one value finds.
pub(crate) fn subjects(
    connection: &Connection,
    sql: &str,
    values: impl rusqlite::Params,
) -> Result<Vec<String>, ProjectionError> {
    let failed = ProjectionError::database("find whom an event concerns");
    let mut statement = connection.prepare_cached(sql).map_err(&failed)?;
    let found = statement.query_map(values, |row| row.get(0)).map_err(&failed)?;
    found.collect::<Result<_, _>>().map_err(&failed)
}

/// Reads the record of a duty as at a moment.
pub(crate) fn record(duty: &str, text: &str, at: Instant) -> Result<DutyRecord, ProjectionError> {
    DutyRecord::of_kept(duty, text, at).map_err(|e| ProjectionError::row("duties", &e))
}

/// Number of duties by rule and outcome, for tests and reports.
pub(crate) fn counts(
    connection: &Connection,
) -> Result<std::collections::HashMap<(String, Outcome), u64>, ProjectionError> {
    let failed = ProjectionError::database("count duties");
    let mut statement = connection
        .prepare_cached("SELECT rule, outcome, count(*) FROM duties GROUP BY rule, outcome")
        .map_err(&failed)?;
    let rows = statement
        .query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?, row.get::<_, i64>(2)?)))
        .map_err(&failed)?;
    let mut counts = std::collections::HashMap::new();
    for row in rows {
        let (rule, outcome, count) = row.map_err(&failed)?;
        if let Some(outcome) = Outcome::from_name(&outcome) {
            counts.insert((rule, outcome), u64::try_from(count).unwrap_or(0));
        }
    }
    Ok(counts)
}
