//! Versions of duties: read as they stand, gone back in, written.

use std::collections::BTreeSet;

use hashbrown::HashMap;
use mandate_domain::judge::{Outcome, short_reference};
use mandate_domain::time::{Date, Instant};
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::counted::{Counted, lag_days};
use super::{Writing, execute, note_owed, record};
use crate::error::ProjectionError;
use crate::steps::NextStep;
use crate::unit::{Changed, Columns, Followed, FollowedDuty, Now, Stored, Version};

/// The columns of [`stored_of`].
macro_rules! stored_columns {
    () => {
        "SELECT duty, subject, since, as_from, version, record, unit, outcome, due_at, alike FROM duties "
    };
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
        let mut statement =
            connection.prepare_cached(concat!(stored_columns!(), "WHERE subject = ?1")).map_err(&failed)?;
        let rows =
            statement.query_map([member], |row| Ok((row.get(0)?, stored_of(row)?))).map_err(&failed)?;
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

/// Finds what the tables say of the duties of a unit that changed, which was followed on trust in them.
pub(crate) fn find_stored(connection: &Connection, followed: &mut Followed) -> Result<(), ProjectionError> {
    let failed = ProjectionError::database("read a duty");
    let sql = concat!(stored_columns!(), "WHERE duty = ?1");
    let mut statement = connection.prepare_cached(sql).map_err(&failed)?;
    for duty in &mut followed.duties {
        duty.stored = statement.query_row([&duty.duty], stored_of).optional().map_err(&failed)?;
    }
    Ok(())
}

fn stored_of(row: &Row<'_>) -> rusqlite::Result<Stored> {
    let shown = Some(version_of(row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?));
    let before = shown.clone();
    let outcome = Outcome::from_name(row.get_ref(7)?.as_str()?);
    let counted = Some((row.get::<_, Option<i64>>(8)?.map(Instant::from_nanos), row.get(9)?));
    Ok(Stored { subject: row.get(1)?, shown, outcome, unit: row.get(6)?, counted, before, forget: None })
}

fn version_of(since: i64, as_from: i64, number: u16, record: String) -> Version {
    let (since, as_from) = (Instant::from_nanos(since), Instant::from_nanos(as_from));
    Version { since, as_from, number, record: record.into() }
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
            counted: None,
            before: None,
            forget: None,
        });
        stored.before = before;
        stored.forget = Some(forget);
    }
    Ok(())
}

pub(super) fn write_duty(
    connection: &Connection,
    duty: &mut FollowedDuty,
    writing: Writing,
    counted: &mut Counted,
) -> Result<(), ProjectionError> {
    put_in_order(duty);
    write_history(connection, duty, counted)?;
    let counted_before = duty.stored.as_ref().and_then(|stored| stored.counted);
    let Some(now) = &duty.now else {
        if let Some((due_at, number)) = counted_before {
            counted.note(due_at, number, -1);
        }
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
        let same = |shown: &Version| {
            shown.record == now.record && shown.number == now.version && (shown.since, shown.as_from) == from
        };
        let as_before = stored.unit == now.unit && stored.outcome == Some(now.outcome);
        stored.shown.as_ref().is_some_and(same) && as_before
    });
    if !stands {
        if let Some((due_at, number)) = counted_before {
            counted.note(due_at, number, -1);
        }
        write_row(connection, duty, now, from, writing, counted)?;
        if writing == Writing::Over {
            note_owed(connection, &duty.duty)?;
        }
    }
    // A holiday published since may move the steps of a duty that stands as it was.
    if stands && now.steps.is_empty() && now.outcome != Outcome::Pending {
        return Ok(());
    }
    write_steps(connection, &duty.duty, now.columns.due_at, &now.steps, writing)
}

/// Has a version that would stand as at a moment before the one before it stand from the moment itself.
fn put_in_order(duty: &mut FollowedDuty) {
    let before = duty.stored.as_ref().and_then(|stored| stored.before.as_ref());
    let mut last = before.map_or(Instant::MIN, |before| before.as_from);
    for change in &mut duty.changes {
        if change.record.is_none() {
            last = Instant::MIN;
            continue;
        }
        if change.as_from < last {
            change.as_from = change.at;
        }
        last = change.as_from;
    }
}

/// Writes the steps of a duty, in the place of those that it had.
pub(super) fn write_steps(
    connection: &Connection,
    duty: &str,
    due_at: Option<Instant>,
    steps: &[NextStep],
    writing: Writing,
) -> Result<(), ProjectionError> {
    let what = "write the steps of a duty";
    let sql = match writing {
        Writing::Fresh => {
            "INSERT OR REPLACE INTO steps (duty, step, at, due_at, to_role, taken) VALUES (?1, ?2, ?3, ?4, ?5, 0)"
        }
        Writing::Over => concat!(
            "INSERT OR REPLACE INTO steps (duty, step, at, due_at, to_role, taken) VALUES (?1, ?2, ?3, ?4, ?5, ",
            "EXISTS (SELECT 1 FROM steps_taken t WHERE t.duty = ?1 AND t.step = ?2 AND t.due_at = ?4 AND (?5 IS NULL ",
            "OR t.generation = (SELECT count(*) FROM breaches b WHERE b.duty = ?1 AND b.status = 'rescinded'))))"
        ),
    };
    if writing == Writing::Over {
        execute(connection, what, "DELETE FROM steps WHERE duty = ?1", [duty])?;
    }
    let due_at = due_at.map_or(0, Instant::nanos);
    for step in steps {
        execute(connection, what, sql, params![duty, step.name, step.at.nanos(), due_at, step.to_role])?;
    }
    Ok(())
}

/// Writes what the duty was: all its changes but the one that stands, after what it was before.
fn write_history(
    connection: &Connection,
    duty: &FollowedDuty,
    counted: &mut Counted,
) -> Result<(), ProjectionError> {
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
        write_version(connection, duty, version, next, counted)?;
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
    counted: &mut Counted,
) -> Result<(), ProjectionError> {
    let sql = "INSERT OR REPLACE INTO duty_history (subject, duty, at, as_from, until, as_until, version, rule, holder, \
               outcome, opened_at, due_on, act_by, due_at, inherited, born_overdue, known_since, alike, lag, record) \
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20)";
    let (until, as_until) =
        next.filter(|_| version.record.is_some()).unwrap_or((version.at, version.as_from));
    let columns = version.record.as_ref().map(|(_, columns)| columns);
    let rule = duty.duty.split(':').next().unwrap_or_default();
    let number = |columns: &Columns| {
        counted.number(connection, rule, version.version, columns.outcome.name(), columns)
    };
    let alike = columns.map(number).transpose()?;
    let values = params![
        duty.subject,
        duty.duty,
        version.at.nanos(),
        version.as_from.nanos(),
        until.nanos(),
        as_until.nanos(),
        version.version,
        rule,
        columns.and_then(|columns| columns.holder.as_deref()),
        columns.map(|columns| columns.outcome.name()),
        columns.map(|columns| columns.opened_at.nanos()),
        columns.and_then(|columns| columns.due_on).map(Date::days),
        columns.and_then(|columns| columns.act_by).map(Date::days),
        columns.and_then(|columns| columns.due_at).map(Instant::nanos),
        columns.map(|columns| columns.inherited),
        columns.map(|columns| columns.born_overdue),
        columns.map(|columns| columns.known_since.nanos()),
        alike,
        columns.map(lag_days),
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
    counted: &mut Counted,
) -> Result<(), ProjectionError> {
    let columns = &now.columns;
    let sql = match writing {
        Writing::Fresh => concat!(
            "INSERT INTO duties (duty, reference, subject, rule, version, holder, unit, outcome, breach, opened_at, ",
            "due_on, act_by, due_at, inherited, born_overdue, known_since, since, as_from, alike, lag, record, raised) ",
            "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, 0)"
        ),
        Writing::Over => concat!(
            "INSERT OR REPLACE INTO duties (duty, reference, subject, rule, version, holder, unit, outcome, breach, ",
            "opened_at, due_on, act_by, due_at, inherited, born_overdue, known_since, since, as_from, alike, lag, ",
            "record, raised) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ",
            "?19, ?20, ?21, ",
            "EXISTS (SELECT 1 FROM breaches b WHERE b.duty = ?1 AND b.status <> 'rescinded'))"
        ),
    };
    let alike = counted.number(connection, &now.rule, now.version, now.outcome.name(), columns)?;
    counted.note(columns.due_at, alike, 1);
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
        alike,
        lag_days(columns),
        &*now.record,
    ];
    execute(connection, "write a duty", sql, values)
}
