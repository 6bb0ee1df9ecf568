//! What each event adds to the tables, and whom it concerns.

use std::collections::BTreeSet;

use mandate_domain::catalogue::{FactType, Field, SubjectKind};
use mandate_domain::fact::Value;
use mandate_store::StoredEvent;
use rusqlite::params;

use crate::error::ProjectionError;
use crate::follow::Step;
use crate::world::waived_subject;

/// Takes in one event: rows of its own, and the subjects that must be judged again.
pub(crate) fn take_in(
    step: &mut Step<'_>,
    event: &StoredEvent,
    concerned: &mut BTreeSet<String>,
) -> Result<(), ProjectionError> {
    let fact = &event.fact;
    let kind = SubjectKind::of(&fact.subject);
    if !matches!(kind, Some(SubjectKind::Duty | SubjectKind::Policy | SubjectKind::Calendar) | None) {
        concerned.insert(fact.subject.to_string());
    }
    match fact.kind {
        FactType::FactAnnulled => concern_annulled(step, event, concerned)?,
        FactType::DutyWaived => concerned.extend(waived_subject(&fact.subject)),
        FactType::ProgrammeSwitchedOn | FactType::ProgrammeSwitchedOff => {
            concern(step, "SELECT subject FROM areas WHERE area = ?1", &fact.subject, concerned)?;
        }
        FactType::BankHolidaysPublished => {
            let open =
                "SELECT DISTINCT subject FROM duties WHERE outcome IN ('pending', 'overdue') AND ?1 <> ''";
            concern(step, open, "any", concerned)?;
        }
        FactType::PolicyAdopted => {
            step.world.adopt(event.known_at())?;
            concern(step, "SELECT subject FROM subjects WHERE ?1 <> ''", "any", concerned)?;
        }
        FactType::DutyWarned => warned(step, event)?,
        FactType::DutyBreached => breached(step, event)?,
        FactType::BreachClosed => breach_status(step, event, "closed")?,
        FactType::BreachRescinded => breach_status(step, event, "rescinded")?,
        FactType::NoticeQueued => notice_queued(step, event)?,
        FactType::NoticeAccepted => notice_status(step, event, "accepted")?,
        FactType::NoticeDeferred => notice_status(step, event, "deferred")?,
        FactType::NoticeRejected => notice_status(step, event, "rejected")?,
        FactType::NoticeAmbiguous => notice_status(step, event, "ambiguous")?,
        FactType::PostFilled => {
            post(step, event, "INSERT OR IGNORE INTO posts (org, post, user) VALUES (?1, ?2, ?3)")?;
        }
        FactType::PostVacated => {
            post(step, event, "DELETE FROM posts WHERE org = ?1 AND post = ?2 AND user = ?3")?;
        }
        FactType::OrganisationPlaced => {
            let parent = fact.text(Field::Parent);
            let sql = "INSERT INTO organisations (org, parent) VALUES (?1, ?2) \
                       ON CONFLICT (org) DO UPDATE SET parent = excluded.parent";
            execute(step, sql, params![&*fact.subject, parent])?;
        }
        FactType::OrganisationEnrolled => {
            let sql = "INSERT INTO organisations (org, enrolled_at) VALUES (?1, ?2) \
                       ON CONFLICT (org) DO UPDATE SET enrolled_at = coalesce(enrolled_at, excluded.enrolled_at)";
            execute(step, sql, params![&*fact.subject, fact.time.nanos()])?;
        }
        FactType::UserRegistered | FactType::UserMoved if event.sealed.is_some() => {
            let sql = "INSERT INTO registrations (user, position) VALUES (?1, ?2) \
                       ON CONFLICT (user) DO UPDATE SET position = excluded.position";
            execute(step, sql, params![&*fact.subject, to_i64(event)])?;
        }
        _ => {}
    }
    Ok(())
}

fn to_i64(event: &StoredEvent) -> i64 {
    i64::try_from(event.position.get()).unwrap_or(i64::MAX)
}

fn execute(step: &Step<'_>, sql: &str, values: impl rusqlite::Params) -> Result<(), ProjectionError> {
    let failed = ProjectionError::database("take in an event");
    step.connection.prepare_cached(sql).map_err(&failed)?.execute(values).map_err(&failed)?;
    Ok(())
}

fn concern(
    step: &Step<'_>,
    sql: &str,
    value: &str,
    concerned: &mut BTreeSet<String>,
) -> Result<(), ProjectionError> {
    let failed = ProjectionError::database("find whom an event concerns");
    let mut statement = step.connection.prepare_cached(sql).map_err(&failed)?;
    let found = statement.query_map([value], |row| row.get::<_, String>(0)).map_err(&failed)?;
    for subject in found {
        concerned.insert(subject.map_err(&failed)?);
    }
    Ok(())
}

/// The subject whose fact is annulled, and what an annulled fact of other effect concerned.
fn concern_annulled(
    step: &mut Step<'_>,
    event: &StoredEvent,
    concerned: &mut BTreeSet<String>,
) -> Result<(), ProjectionError> {
    let Some(Value::Event(named)) = event.fact.get(Field::Event) else { return Ok(()) };
    let Some(target) = step.world.stored(&named.0, &named.1)? else { return Ok(()) };
    if target.position > step.position {
        return Ok(());
    }
    match target.fact.kind {
        // An annulment, a holiday or a policy may have concerned anybody: its effect is looked for everywhere.
        FactType::FactAnnulled | FactType::BankHolidaysPublished | FactType::PolicyAdopted => {
            step.world.adopt(event.known_at())?;
            concern(step, "SELECT subject FROM subjects WHERE ?1 <> ''", "any", concerned)
        }
        FactType::ProgrammeSwitchedOn | FactType::ProgrammeSwitchedOff => {
            concern(step, "SELECT subject FROM areas WHERE area = ?1", &target.fact.subject, concerned)
        }
        FactType::DutyWaived => {
            concerned.extend(waived_subject(&target.fact.subject));
            Ok(())
        }
        _ => {
            concerned.insert(target.fact.subject.to_string());
            Ok(())
        }
    }
}

/// The duty's id in the subject `duty/<id>`.
fn duty_of(event: &StoredEvent) -> &str {
    event.fact.subject.strip_prefix("duty/").unwrap_or(&event.fact.subject)
}

fn due_at(event: &StoredEvent) -> Option<i64> {
    match event.fact.get(Field::DueAt) {
        Some(Value::Instant(at)) => Some(at.nanos()),
        _ => None,
    }
}

fn generation(event: &StoredEvent) -> i64 {
    match event.fact.get(Field::Generation) {
        Some(Value::Number(number)) => *number,
        _ => 0,
    }
}

fn warned(step: &Step<'_>, event: &StoredEvent) -> Result<(), ProjectionError> {
    let sql = "INSERT OR IGNORE INTO warnings (duty, step, due_at) VALUES (?1, ?2, ?3)";
    let name = event.fact.text(Field::Step).unwrap_or("");
    execute(step, sql, params![duty_of(event), name, due_at(event).unwrap_or(0)])
}

fn breached(step: &Step<'_>, event: &StoredEvent) -> Result<(), ProjectionError> {
    let fact = &event.fact;
    let subject = waived_subject(&fact.subject).unwrap_or_default();
    execute(
        step,
        "INSERT OR IGNORE INTO breaches (duty, due_at, generation, position, raised_at, rule, subject, holder, \
         status) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 'raised')",
        params![
            duty_of(event),
            due_at(event),
            generation(event),
            to_i64(event),
            event.recorded_at.nanos(),
            fact.text(Field::Rule).unwrap_or(""),
            subject,
            fact.text(Field::Holder),
        ],
    )
}

fn breach_status(step: &Step<'_>, event: &StoredEvent, status: &str) -> Result<(), ProjectionError> {
    let sql = "UPDATE breaches SET status = ?4 WHERE duty = ?1 AND due_at = ?2 AND generation = ?3 \
               AND status <> 'rescinded'";
    execute(step, sql, params![duty_of(event), due_at(event), generation(event), status])
}

fn notice_queued(step: &Step<'_>, event: &StoredEvent) -> Result<(), ProjectionError> {
    let fact = &event.fact;
    let notice = fact.text(Field::Notice).unwrap_or("");
    let first = "INSERT OR IGNORE INTO notices (notice, template, recipient, position, queued_at, status) \
                 VALUES (?1, ?2, ?3, ?4, ?5, 'queued')";
    let template = fact.text(Field::Template).unwrap_or("");
    let recipient = fact.text(Field::Recipient).unwrap_or("");
    execute(step, first, params![notice, template, recipient, to_i64(event), event.recorded_at.nanos()])?;
    let listed =
        "INSERT OR IGNORE INTO notice_duties (notice, position, duty, generation) VALUES (?1, ?2, ?3, ?4)";
    execute(step, listed, params![notice, to_i64(event), duty_of(event), generation(event)])
}

fn notice_status(step: &Step<'_>, event: &StoredEvent, status: &str) -> Result<(), ProjectionError> {
    let sql = "UPDATE notices SET status = ?2, reply = ?3 WHERE notice = ?1 AND status NOT IN ('accepted', 'rejected')";
    let (notice, reply) = (event.fact.text(Field::Notice), event.fact.text(Field::Reply));
    execute(step, sql, params![notice, status, reply])
}

fn post(step: &Step<'_>, event: &StoredEvent, sql: &str) -> Result<(), ProjectionError> {
    let fact = &event.fact;
    execute(step, sql, params![&*fact.subject, fact.text(Field::Post), fact.text(Field::User)])
}
