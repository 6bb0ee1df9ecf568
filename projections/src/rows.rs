//! Writing rows, and reading them back.

use std::collections::{BTreeMap, BTreeSet};

use hashbrown::HashMap;
use mandate_domain::catalogue::FactType;
use mandate_domain::judge::{DutyRecord, Outcome, Standing, short_reference};
use mandate_domain::time::{Date, Instant};
use mandate_store::Position;
use rusqlite::{Connection, OptionalExtension, params};

use crate::cross::{Cross, Epoch};
use crate::error::ProjectionError;
use crate::model::{Parked, Progress};
use crate::reconciled;
use crate::unit::{Failure, Followed, FollowedDuty, Now, Stored, Version};

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
            .prepare_cached("SELECT duty, since, version, record, unit FROM duties WHERE subject = ?1")
            .map_err(&failed)?;
        let rows = statement
            .query_map([member], |row| {
                let shown = Some(version_of(row.get(1)?, row.get(2)?, row.get(3)?));
                let before = shown.clone();
                let subject = member.clone();
                Ok((row.get(0)?, Stored { subject, shown, unit: row.get(4)?, before, forget: None }))
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

fn version_of(since: i64, number: u16, record: String) -> Version {
    Version { since: Instant::from_nanos(since), number, record: record.into() }
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
        let before: Option<(i64, u16, Option<String>)> = connection
            .prepare_cached(
                "SELECT at, version, record FROM duty_history WHERE subject = ?1 AND duty = ?2 AND at < ?3 \
                 ORDER BY at DESC LIMIT 1",
            )
            .map_err(&failed)?
            .query_row(params![subject, duty, from.nanos()], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?))
            })
            .optional()
            .map_err(&failed)?;
        // That it was there no longer stays in its history; what it was stands again, or is added anew.
        let before = before.and_then(|(at, version, record)| Some(version_of(at, version, record?)));
        let forget = before.as_ref().map_or(from, |before| before.since);
        let stored = found.entry(duty).or_insert_with(|| Stored {
            subject: subject.to_owned(),
            shown: None,
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
    let since = duty.changes.last().map(|change| change.at).or(before.map(|before| before.since));
    let since = since.unwrap_or(Instant::MIN);
    let stands = duty.stored.as_ref().is_some_and(|stored| {
        let same = |shown: &Version| shown.record == now.record && shown.since == since;
        stored.shown.as_ref().is_some_and(same) && stored.unit == now.unit
    });
    if !stands {
        write_row(connection, duty, now, since, writing)?;
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
    let due_at = now.due_at.map_or(0, Instant::nanos);
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
    let write = |at: Instant, version: u16, record: Option<&str>| {
        execute(
            connection,
            "write the history of a duty",
            "INSERT OR REPLACE INTO duty_history (subject, duty, at, version, record) VALUES (?1, ?2, ?3, ?4, ?5)",
            params![duty.subject, duty.duty, at.nanos(), version, record],
        )
    };
    let before = duty.stored.as_ref().and_then(|stored| stored.before.as_ref());
    if let Some(before) = before.filter(|_| !duty.changes.is_empty()) {
        write(before.since, before.number, Some(&before.record))?;
    }
    let over = duty.changes.len().saturating_sub(usize::from(duty.now.is_some()));
    for change in duty.changes.iter().take(over) {
        write(change.at, change.version, change.record.as_deref())?;
    }
    Ok(())
}

fn write_row(
    connection: &Connection,
    duty: &FollowedDuty,
    now: &Now,
    since: Instant,
    writing: Writing,
) -> Result<(), ProjectionError> {
    let sql = match writing {
        Writing::Fresh => concat!(
            "INSERT INTO duties (duty, reference, subject, rule, version, holder, unit, outcome, breach, opened_at, ",
            "due_on, act_by, due_at, inherited, born_overdue, known_since, since, record, raised) VALUES (?1, ?2, ?3, ",
            "?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, 0)"
        ),
        Writing::Over => concat!(
            "INSERT OR REPLACE INTO duties (duty, reference, subject, rule, version, holder, unit, outcome, breach, ",
            "opened_at, due_on, act_by, due_at, inherited, born_overdue, known_since, since, record, raised) VALUES (?1, ",
            "?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ",
            "EXISTS (SELECT 1 FROM breaches b WHERE b.duty = ?1 AND b.status <> 'rescinded'))"
        ),
    };
    let values = params![
        duty.duty,
        short_reference(&duty.duty),
        duty.subject,
        now.rule,
        now.version,
        now.holder,
        now.unit,
        now.outcome.name(),
        now.breach,
        now.opened_at.nanos(),
        now.due_on.map(Date::days),
        now.act_by.map(Date::days),
        now.due_at.map(Instant::nanos),
        now.inherited,
        now.born_overdue,
        now.known_since.nanos(),
        since.nanos(),
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

/// Reads the record of a duty.
pub(crate) fn record(duty: &str, text: &str) -> Result<DutyRecord, ProjectionError> {
    DutyRecord::of_kept(duty, text).map_err(|e| ProjectionError::row("duties", &e))
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
