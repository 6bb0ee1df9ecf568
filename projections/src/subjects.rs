//! Judging the subjects of a set and writing what differs.

use std::collections::BTreeMap;

use mandate_domain::catalogue::FactType;
use mandate_domain::judge::{DutyRecord, Evidence, Judge, Outcome, Standing, Verdict, View};
use mandate_domain::policy::{Policy, Step as WarnStep};
use mandate_domain::time::{Date, Instant};
use rusqlite::{OptionalExtension, params};

use crate::error::ProjectionError;
use crate::follow::Step;
use crate::rows::{self, Written};

/// London hour at which warnings go out.
const WARN_HOUR_SECONDS: i64 = 7 * 3600;

/// Judges a set of subjects at an instant and writes the difference; answers with subjects that new evidence of
/// their holder concerns.
pub(crate) fn judge_and_write(
    step: &mut Step<'_>,
    members: &[String],
    at: Instant,
) -> Result<Vec<String>, ProjectionError> {
    let history = step.world.history_of(members, step.position)?;
    let (policy, calendar) = (&step.world.policy, &step.world.calendar);
    let judge = Judge::new(policy, calendar, &history, View { as_at: at, known_at: at });
    let Some(unit) = members.iter().find_map(|member| history.symbols.find(member)) else {
        return Ok(Vec::new());
    };
    let mut seen = Evidence::new();
    let mut verdicts = judge.judge_unit(unit, &mut seen);
    let fresh = rows::add_evidence(step.connection, &mut seen, &history)?;
    judge.flag_not_evidenced(&mut verdicts, &seen);
    let standings = judge.standings(unit);
    let next = judge.next_change(unit, &verdicts);
    let written: Vec<Written> =
        verdicts.iter().map(|verdict| written(&judge, policy, verdict, &standings)).collect();
    for duty in &written {
        rows::write_duty(step.connection, duty, at)?;
        let view = judge.calendar().known_at(at);
        rows::write_steps(step.connection, duty, &steps_of(policy, duty, view))?;
    }
    rows::remove_others(step.connection, members, &written, at)?;
    write_subjects(step, members, &standings, next)?;
    rows::concerned_by_evidence(step.connection, &fresh, members)
}

fn written(judge: &Judge<'_>, policy: &Policy, verdict: &Verdict, standings: &[Standing]) -> Written {
    let record = judge.record(verdict);
    let rule = policy.rule(&record.rule);
    let unit = standings
        .iter()
        .find(|standing| standing.subject == record.subject)
        .and_then(|standing| standing.state.iter().find(|(field, _)| field.name() == "unit"))
        .map(|(_, value)| value.clone())
        .filter(|value| value != "none");
    Written {
        version: judge.version_number(verdict),
        severity: rule.map_or("low", |rule| severity_name(rule.severity)).to_owned(),
        title: rule.map_or(String::new(), |rule| rule.duty.clone()),
        unit,
        record,
    }
}

const fn severity_name(severity: mandate_domain::policy::Severity) -> &'static str {
    use mandate_domain::policy::Severity;
    match severity {
        Severity::Low => "low",
        Severity::Medium => "medium",
        Severity::High => "high",
        Severity::Critical => "critical",
    }
}

/// The warning steps of a pending duty that come after it could be known, each with its instant.
fn steps_of(
    policy: &Policy,
    duty: &Written,
    calendar: &mandate_domain::calendar::CalendarView,
) -> Vec<(String, Instant)> {
    let record: &DutyRecord = &duty.record;
    let (Some(due_on), Some(act_by)) = (record.due_on, record.act_by) else { return Vec::new() };
    if record.outcome() != Outcome::Pending {
        return Vec::new();
    }
    let version = policy
        .rule(&record.rule)
        .and_then(|rule| rule.versions.iter().find(|version| version.number == duty.version));
    let earliest = record.opened_at.max(record.known_since);
    version
        .map(|version| version.warn.as_slice())
        .unwrap_or_default()
        .iter()
        .map(|step| {
            (step.name(), step_day(*step, due_on, act_by, calendar).start().plus_seconds(WARN_HOUR_SECONDS))
        })
        .filter(|(_, at)| *at >= earliest)
        .collect()
}

fn step_day(
    step: WarnStep,
    due_on: Date,
    act_by: Date,
    calendar: &mandate_domain::calendar::CalendarView,
) -> Date {
    match step {
        WarnStep::Days(days) => due_on.plus_days(-i32::from(days)),
        WarnStep::WorkingDays(days) => {
            (0..days).fold(act_by, |day, _| calendar.last_working_day_to(day.previous()))
        }
    }
}

fn write_subjects(
    step: &Step<'_>,
    members: &[String],
    standings: &[Standing],
    next: Option<Instant>,
) -> Result<(), ProjectionError> {
    let failed = ProjectionError::database("write a subject");
    let mut insert = step
        .connection
        .prepare_cached(
            "INSERT INTO subjects (subject, kind, merged_into, state, next_at) VALUES (?1, ?2, ?3, ?4, ?5) \
             ON CONFLICT (subject) DO UPDATE SET merged_into = excluded.merged_into, state = excluded.state, \
             next_at = excluded.next_at",
        )
        .map_err(&failed)?;
    let mut area = step
        .connection
        .prepare_cached("INSERT OR IGNORE INTO areas (area, subject) VALUES (?1, ?2)")
        .map_err(&failed)?;
    for member in members {
        let standing = standings.iter().find(|standing| standing.members.contains(member));
        let survivor = standing.map(|standing| standing.subject.as_str());
        let merged_into = survivor.filter(|survivor| survivor != member);
        let own = standing.filter(|_| merged_into.is_none());
        let state: BTreeMap<&str, &str> = own
            .map(|standing| {
                standing.state.iter().map(|(field, value)| (field.name(), value.as_str())).collect()
            })
            .unwrap_or_default();
        let state = serde_json::to_string(&state).map_err(|e| ProjectionError::row("subjects", &e))?;
        let kind = member.split('/').next().unwrap_or("");
        // The next change of a set is followed under its first member alone.
        let next_at = next.filter(|_| members.first() == Some(member)).map(Instant::nanos);
        insert.execute(params![member, kind, merged_into, state, next_at]).map_err(&failed)?;
        for name in standing.iter().flat_map(|standing| &standing.areas) {
            area.execute(params![name, member]).map_err(&failed)?;
        }
    }
    Ok(())
}

/// The evidence of a holder before, if any was noted.
pub(crate) fn evidence_of(
    connection: &rusqlite::Connection,
    holder: &str,
) -> Result<Option<u128>, ProjectionError> {
    let failed = ProjectionError::database("read evidence");
    let mut statement =
        connection.prepare_cached("SELECT low, high FROM evidence WHERE holder = ?1").map_err(&failed)?;
    let found: Option<(i64, i64)> =
        statement.query_row([holder], |row| Ok((row.get(0)?, row.get(1)?))).optional().map_err(&failed)?;
    Ok(found.map(|(low, high)| u128::from(low.cast_unsigned()) | u128::from(high.cast_unsigned()) << 64))
}

/// Number of fact types, which must fit the two columns of `evidence`.
const _: () = assert!(FactType::ALL.len() <= 128, "fact types must fit two columns of 64 bits");
