//! Writing rows, and reading them back.

use std::collections::{BTreeMap, BTreeSet};

use hashbrown::HashMap;
use mandate_domain::catalogue::FactType;
use mandate_domain::judge::{DutyRecord, Outcome, Standing, short_reference};
use mandate_domain::time::{Date, Instant};
use mandate_store::Position;
use rusqlite::{Connection, OptionalExtension, params};

use crate::bends::Bend;
use crate::cross::{Cross, Epoch};
use crate::error::ProjectionError;
use crate::model::{Parked, Progress};
use crate::reconciled;
use crate::unit::{Changed, Columns, Failure, Followed, FollowedDuty, Now, Stored, UnitVersion, Version};

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

/// The duties of some subjects as they stand; where time is followed again `from` an instant at which the tables
/// were already, with what each was before it.
pub(crate) fn stored(
    connection: &Connection,
    members: &[String],
    from: Instant,
    reached: Instant,
) -> Result<HashMap<String, Stored>, ProjectionError> {
    let failed = ProjectionError::database("read the duties of a subject");
    let mut found = HashMap::new();
    for member in members {
        let mut statement = connection
            .prepare_cached(
                "SELECT duty, since, as_from, version, record, unit, outcome FROM duties WHERE subject = ?1",
            )
            .map_err(&failed)?;
        let rows = statement
            .query_map([member], |row| {
                let shown = Some(version_of(row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?));
                let before = shown.clone();
                let subject = member.clone();
                let outcome = Outcome::from_name(row.get_ref(6)?.as_str()?);
                Ok((row.get(0)?, Stored { subject, shown, outcome, unit: row.get(5)?, before, forget: None }))
            })
            .map_err(&failed)?;
        for row in rows {
            let (duty, stored): (String, Stored) = row.map_err(&failed)?;
            found.insert(duty, stored);
        }
    }
    if from <= reached {
        for member in members {
            go_back(connection, member, from, &mut found)?;
        }
    }
    Ok(found)
}

fn version_of(since: i64, as_from: i64, number: u16, record: String) -> Version {
    let (since, as_from) = (Instant::from_nanos(since), Instant::from_nanos(as_from));
    Version { since, as_from, number, record: record.into() }
}

/// The bends of a unit that reach to an instant or beyond.
pub(crate) fn bends(
    connection: &Connection,
    members: &[String],
    from: Instant,
) -> Result<Vec<Bend>, ProjectionError> {
    let failed = ProjectionError::database("read the bends of a unit");
    let sql = "SELECT at, by_clock, as_from, known_from FROM bends WHERE subject = ?1 AND at >= ?2";
    let mut statement = connection.prepare_cached(sql).map_err(&failed)?;
    let mut bends = Vec::new();
    for member in members {
        let found = statement.query_map(params![member, from.nanos()], |row| {
            Ok(Bend {
                at: Instant::from_nanos(row.get(0)?),
                by_clock: row.get(1)?,
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
fn write_bends(
    connection: &Connection,
    members: &[String],
    left: &[Bend],
    now: &[Bend],
) -> Result<(), ProjectionError> {
    if left == now {
        return Ok(());
    }
    let whole = now == [Bend::WHOLE];
    let from = if whole { None } else { left.first().map(|bend| bend.at) };
    if whole || from.is_some() {
        for member in members {
            let sql = "DELETE FROM bends WHERE subject = ?1 AND at >= ?2";
            let from = from.unwrap_or(Instant::MIN);
            execute(connection, "go back in the bends of a unit", sql, params![member, from.nanos()])?;
        }
    }
    let Some(leader) = members.first() else { return Ok(()) };
    for bend in now {
        let sql = "INSERT OR IGNORE INTO bends (subject, at, by_clock, as_from, known_from) \
                   VALUES (?1, ?2, ?3, ?4, ?5)";
        let values =
            params![leader, bend.at.nanos(), bend.by_clock, bend.as_from.nanos(), bend.known_from.nanos()];
        execute(connection, "write the bends of a unit", sql, values)?;
    }
    Ok(())
}

/// Finds what those duties of a subject were before an instant that have changed since.
fn go_back(
    connection: &Connection,
    subject: &str,
    from: Instant,
    found: &mut HashMap<String, Stored>,
) -> Result<(), ProjectionError> {
    let failed = ProjectionError::database("go back in the history of a duty");
    let mut later: BTreeSet<String> = connection
        .prepare_cached("SELECT DISTINCT duty FROM duty_history WHERE subject = ?1 AND at >= ?2")
        .map_err(&failed)?
        .query_map(params![subject, from.nanos()], |row| row.get(0))
        .map_err(&failed)?
        .collect::<Result<_, _>>()
        .map_err(&failed)?;
    let shown: Vec<String> = connection
        .prepare_cached("SELECT duty FROM duties WHERE subject = ?1 AND since >= ?2")
        .map_err(&failed)?
        .query_map(params![subject, from.nanos()], |row| row.get(0))
        .map_err(&failed)?
        .collect::<Result<_, _>>()
        .map_err(&failed)?;
    later.extend(shown);
    for duty in later {
        let before: Option<(i64, i64, u16, Option<String>)> = connection
            .prepare_cached(
                "SELECT at, as_from, version, record FROM duty_history WHERE subject = ?1 AND duty = ?2 AND at < ?3 \
                 ORDER BY at DESC LIMIT 1",
            )
            .map_err(&failed)?
            .query_row(params![subject, duty, from.nanos()], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
            })
            .optional()
            .map_err(&failed)?;
        // That it was there no longer stays in its history; what it was stands again, or is added anew.
        let before =
            before.and_then(|(at, as_from, version, record)| Some(version_of(at, as_from, version, record?)));
        let forget = before.as_ref().map_or(from, |before| before.since);
        let stored = found.entry(duty).or_insert_with(|| Stored {
            subject: subject.to_owned(),
            shown: None,
            outcome: None,
            unit: None,
            before: None,
            forget: None,
        });
        stored.before = before;
        stored.forget = Some(forget);
    }
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
    followed: &Followed,
    writing: Writing,
) -> Result<(), ProjectionError> {
    for duty in &followed.duties {
        write_duty(connection, duty, writing)?;
    }
    if followed.judged {
        write_subjects(connection, members, followed)?;
        reconciled::write(connection, members, &followed.reconciled, writing)?;
        let left = if writing == Writing::Over { &followed.left } else { [].as_slice() };
        write_bends(connection, members, left, &followed.bends)?;
        match members {
            [nominal] => write_units(connection, nominal, &followed.units, writing)?,
            merged if writing == Writing::Over => forget_units(connection, merged)?,
            _ => {}
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

/// Merged nominals are judged when they are asked about.
fn forget_units(connection: &Connection, merged: &[String]) -> Result<(), ProjectionError> {
    for member in merged {
        let sql = "DELETE FROM units WHERE subject = ?1";
        execute(connection, "forget the units of merged nominals", sql, [member])?;
    }
    Ok(())
}

/// Writes the units that a nominal had from the first moment on that was followed.
fn write_units(
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

fn write_duty(connection: &Connection, duty: &FollowedDuty, writing: Writing) -> Result<(), ProjectionError> {
    write_history(connection, duty)?;
    let Some(now) = &duty.now else {
        if duty.stored.is_some() {
            for sql in ["DELETE FROM duties WHERE duty = ?1", "DELETE FROM steps WHERE duty = ?1"] {
                execute(connection, "remove a duty", sql, [&duty.duty])?;
            }
            note_owed(connection, &duty.duty)?;
        }
        return Ok(());
    };
    let before = duty.stored.as_ref().and_then(|stored| stored.before.as_ref());
    let last = duty.changes.last().map(|change| (change.at, change.as_from));
    let from = last.or(before.map(|before| (before.since, before.as_from)));
    let from = from.unwrap_or((Instant::MIN, Instant::MIN));
    let stands = duty.stored.as_ref().is_some_and(|stored| {
        let same = |shown: &Version| shown.record == now.record && (shown.since, shown.as_from) == from;
        let as_before = stored.unit == now.unit && stored.outcome == Some(now.outcome);
        stored.shown.as_ref().is_some_and(same) && as_before
    });
    if !stands {
        write_row(connection, duty, now, from, writing)?;
        if writing == Writing::Over {
            note_owed(connection, &duty.duty)?;
        }
    }
    // A holiday published since may move the steps of a duty that stands as it was.
    if stands && now.steps.is_empty() && now.outcome != Outcome::Pending {
        return Ok(());
    }
    write_steps(connection, duty, now, writing)
}

fn write_steps(
    connection: &Connection,
    duty: &FollowedDuty,
    now: &Now,
    writing: Writing,
) -> Result<(), ProjectionError> {
    let what = "write the steps of a duty";
    if writing == Writing::Over {
        execute(connection, what, "DELETE FROM steps WHERE duty = ?1", [&duty.duty])?;
    }
    let due_at = now.columns.due_at.map_or(0, Instant::nanos);
    for step in &now.steps {
        let sql = "INSERT OR REPLACE INTO steps (duty, step, at, due_at, to_role, taken) \
                   VALUES (?1, ?2, ?3, ?4, ?5, 0)";
        let values = params![duty.duty, step.name, step.at.nanos(), due_at, step.to_role];
        execute(connection, what, sql, values)?;
    }
    if writing == Writing::Over && !now.steps.is_empty() {
        note_taken(connection, &duty.duty)?;
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

/// Writes what the duty was: all its changes but the one that stands, after what it was before.
fn write_history(connection: &Connection, duty: &FollowedDuty) -> Result<(), ProjectionError> {
    if let Some(from) = duty.stored.as_ref().and_then(|stored| stored.forget) {
        execute(
            connection,
            "go back in the history of a duty",
            "DELETE FROM duty_history WHERE subject = ?1 AND duty = ?2 AND at >= ?3",
            params![duty.subject, duty.duty, from.nanos()],
        )?;
    }
    let before = duty.stored.as_ref().and_then(|stored| stored.before.as_ref());
    if duty.changes.is_empty() {
        return Ok(());
    }
    let before = before.map(|before| version_before(duty, before)).transpose()?;
    let all: Vec<&Changed> = before.iter().chain(&duty.changes).collect();
    // The last is what stands, if the duty does.
    let over = all.len().saturating_sub(usize::from(duty.now.is_some()));
    for (at, version) in all.iter().take(over).enumerate() {
        let next = all.get(at + 1).map(|next| (next.at, next.as_from));
        write_version(connection, duty, version, next)?;
    }
    Ok(())
}

/// What a duty was before, as a version of its history.
fn version_before(duty: &FollowedDuty, before: &Version) -> Result<Changed, ProjectionError> {
    let columns = Columns::from(record(&duty.duty, &before.record, Instant::MIN)?);
    Ok(Changed {
        at: before.since,
        as_from: before.as_from,
        version: before.number,
        record: Some((before.record.clone(), columns)),
    })
}

/// Writes a version of a duty, up to where the next takes its place; that it was there no longer has no next.
fn write_version(
    connection: &Connection,
    duty: &FollowedDuty,
    version: &Changed,
    next: Option<(Instant, Instant)>,
) -> Result<(), ProjectionError> {
    let sql = "INSERT OR REPLACE INTO duty_history (subject, duty, at, as_from, until, as_until, version, rule, holder, \
               outcome, opened_at, due_on, act_by, due_at, inherited, born_overdue, known_since, record) VALUES (?1, \
               ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18)";
    let (until, as_until) =
        next.filter(|_| version.record.is_some()).unwrap_or((version.at, version.as_from));
    let columns = version.record.as_ref().map(|(_, columns)| columns);
    let values = params![
        duty.subject,
        duty.duty,
        version.at.nanos(),
        version.as_from.nanos(),
        until.nanos(),
        as_until.nanos(),
        version.version,
        duty.duty.split(':').next(),
        columns.and_then(|columns| columns.holder.as_deref()),
        columns.map(|columns| columns.outcome.name()),
        columns.map(|columns| columns.opened_at.nanos()),
        columns.and_then(|columns| columns.due_on).map(Date::days),
        columns.and_then(|columns| columns.act_by).map(Date::days),
        columns.and_then(|columns| columns.due_at).map(Instant::nanos),
        columns.map(|columns| columns.inherited),
        columns.map(|columns| columns.born_overdue),
        columns.map(|columns| columns.known_since.nanos()),
        version.record.as_ref().map(|(record, _)| &**record),
    ];
    execute(connection, "write the history of a duty", sql, values)
}

fn write_row(
    connection: &Connection,
    duty: &FollowedDuty,
    now: &Now,
    (since, as_from): (Instant, Instant),
    writing: Writing,
) -> Result<(), ProjectionError> {
    let columns = &now.columns;
    let sql = match writing {
        Writing::Fresh => concat!(
            "INSERT INTO duties (duty, reference, subject, rule, version, holder, unit, outcome, breach, opened_at, ",
            "due_on, act_by, due_at, inherited, born_overdue, known_since, since, as_from, record, raised) VALUES (?1, ",
            "?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, 0)"
        ),
        Writing::Over => concat!(
            "INSERT OR REPLACE INTO duties (duty, reference, subject, rule, version, holder, unit, outcome, breach, ",
            "opened_at, due_on, act_by, due_at, inherited, born_overdue, known_since, since, as_from, record, raised) ",
            "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ",
            "EXISTS (SELECT 1 FROM breaches b WHERE b.duty = ?1 AND b.status <> 'rescinded'))"
        ),
    };
    let values = params![
        duty.duty,
        short_reference(&duty.duty),
        duty.subject,
        now.rule,
        now.version,
        columns.holder,
        now.unit,
        now.outcome.name(),
        now.breach,
        columns.opened_at.nanos(),
        columns.due_on.map(Date::days),
        columns.act_by.map(Date::days),
        columns.due_at.map(Instant::nanos),
        columns.inherited,
        columns.born_overdue,
        columns.known_since.nanos(),
        since.nanos(),
        as_from.nanos(),
        &*now.record,
    ];
    execute(connection, "write a duty", sql, values)
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
        execute(
            connection,
            "write a subject",
            "INSERT INTO subjects (subject, kind, leads, merged_into, state, next_at) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (subject) DO UPDATE SET leads = excluded.leads, \
             merged_into = excluded.merged_into, state = excluded.state, next_at = excluded.next_at",
            params![member, kind, leads, merged_into, state, next_at],
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
        let sql = "UPDATE subjects SET leads = 0, next_at = NULL WHERE subject = ?1";
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
        let sql = "UPDATE subjects SET next_at = NULL WHERE subject = ?1";
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

/// The types of fact recorded for each holder, and since when.
#[derive(Debug, Default)]
pub(crate) struct Evidence {
    since: HashMap<String, HashMap<u8, Instant>>,
}

impl Evidence {
    /// What the tables hold.
    pub fn load(connection: &Connection) -> Result<Self, ProjectionError> {
        let failed = ProjectionError::database("read evidence");
        let mut evidence = Self::default();
        let mut statement =
            connection.prepare_cached("SELECT holder, type, since FROM evidence").map_err(&failed)?;
        let mut rows = statement.query([]).map_err(&failed)?;
        while let Some(row) = rows.next().map_err(&failed)? {
            let read =
                || -> rusqlite::Result<(String, String, i64)> { Ok((row.get(0)?, row.get(1)?, row.get(2)?)) };
            let (holder, kind, since) = read().map_err(&failed)?;
            if let Some(kind) = FactType::from_name(&kind) {
                let kind = u8::try_from(kind.index()).unwrap_or(u8::MAX);
                evidence.since.entry(holder).or_default().insert(kind, Instant::from_nanos(since));
            }
        }
        Ok(evidence)
    }

    /// Takes in what was seen since an instant; whether it is new or earlier than known.
    pub fn add(&mut self, holder: &str, kind: u8, at: Instant) -> bool {
        if !self.since.contains_key(holder) {
            self.since.insert(holder.to_owned(), HashMap::new());
        }
        let Some(known) = self.since.get_mut(holder) else { return false };
        let since = known.entry(kind).or_insert(Instant::MAX);
        let fresh = at < *since;
        *since = (*since).min(at);
        fresh
    }

    /// Writes what was seen of evidence, where it is new.
    pub fn write(
        &mut self,
        connection: &Connection,
        seen: &[(String, u8, Instant)],
    ) -> Result<(), ProjectionError> {
        for (holder, kind, at) in seen {
            if self.add(holder, *kind, *at) {
                write_evidence(connection, holder, *kind, *at)?;
            }
        }
        Ok(())
    }

    /// Writes all of it.
    pub fn write_all(&self, connection: &Connection) -> Result<(), ProjectionError> {
        for (holder, kinds) in &self.since {
            for (kind, at) in kinds {
                write_evidence(connection, holder, *kind, *at)?;
            }
        }
        Ok(())
    }
}

fn write_evidence(
    connection: &Connection,
    holder: &str,
    kind: u8,
    at: Instant,
) -> Result<(), ProjectionError> {
    let Some(kind) = FactType::ALL.get(usize::from(kind)) else { return Ok(()) };
    let sql = "INSERT INTO evidence (holder, type, since) VALUES (?1, ?2, ?3) \
               ON CONFLICT (holder, type) DO UPDATE SET since = min(since, excluded.since)";
    execute(connection, "write evidence", sql, params![holder, kind.name(), at.nanos()])
}

/// Has subjects judged again at an instant, each with the set under whose leader it is followed.
pub(crate) fn concern<'s>(
    connection: &Connection,
    cross: &Cross,
    subjects: impl Iterator<Item = &'s str>,
    at: Instant,
) -> Result<(), ProjectionError> {
    for subject in subjects {
        let sql = "UPDATE subjects SET next_at = ?2 WHERE subject = ?1 AND leads = 1 \
                   AND (next_at IS NULL OR next_at > ?2)";
        execute(connection, "note whom an event concerns", sql, params![cross.leader(subject), at.nanos()])?;
    }
    Ok(())
}

/// Has everybody judged again at an instant.
pub(crate) fn concern_everybody(connection: &Connection, at: Instant) -> Result<(), ProjectionError> {
    let sql = "UPDATE subjects SET next_at = ?1 WHERE leads = 1 AND (next_at IS NULL OR next_at > ?1)";
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
