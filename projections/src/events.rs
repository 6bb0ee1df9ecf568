//! What each event adds to the tables that hold events as they are told.

use mandate_domain::catalogue::{FactType, Field};
use mandate_domain::fact::Value;
use mandate_store::Told;
use rusqlite::{Connection, params};

use crate::cross::waived_subject;
use crate::error::ProjectionError;
use crate::{rows, tenures};

/// How the reply of a rejected notice begins that was not sent because it had nothing to say any more, or not to its
/// recipient: no dead letter.
pub const MOOT: &str = "moot: ";

/// Whether an event has rows of its own.
pub(crate) fn has_rows(event: &Told) -> bool {
    match event.fact.kind {
        FactType::DutyWarned
        | FactType::DutyBreached
        | FactType::BreachClosed
        | FactType::BreachRescinded
        | FactType::BreachEscalated
        | FactType::NoticeQueued
        | FactType::NoticeAccepted
        | FactType::NoticeDeferred
        | FactType::NoticeRejected
        | FactType::NoticeAmbiguous
        | FactType::PostFilled
        | FactType::PostVacated
        | FactType::OrganisationPlaced
        | FactType::OrganisationEnrolled
        | FactType::TerminalRegistered
        | FactType::MessageQuarantined
        | FactType::MessageReplayed
        | FactType::MessageDiscarded
        | FactType::FactAnnulled
        | FactType::UserRegistered
        | FactType::UserLeftRole
        | FactType::PreferencesSet => true,
        FactType::AccessOpened
        | FactType::RecordAccessed
        | FactType::PartnershipRequested
        | FactType::TransferRequested => occasion_of(event).is_some(),
        FactType::UserMoved => event.is_sealed,
        _ => false,
    }
}

/// Writes the rows of an event's own.
pub(crate) fn take_in(connection: &Connection, event: &Told) -> Result<(), ProjectionError> {
    let fact = &event.fact;
    match fact.kind {
        FactType::DutyWarned => warned(connection, event)?,
        FactType::DutyBreached => breached(connection, event)?,
        FactType::BreachClosed => breach_status(connection, event, "closed")?,
        FactType::BreachRescinded => breach_status(connection, event, "rescinded")?,
        FactType::BreachEscalated => escalated(connection, event)?,
        FactType::PreferencesSet => preferences(connection, event)?,
        FactType::FactAnnulled => tenures::annulled(connection, event)?,
        FactType::AccessOpened
        | FactType::RecordAccessed
        | FactType::PartnershipRequested
        | FactType::TransferRequested => occasion(connection, event)?,
        FactType::NoticeQueued => notice_queued(connection, event)?,
        FactType::NoticeAccepted => notice_status(connection, event, "accepted")?,
        FactType::NoticeDeferred => notice_status(connection, event, "deferred")?,
        FactType::NoticeRejected => notice_status(connection, event, "rejected")?,
        FactType::NoticeAmbiguous => notice_status(connection, event, "ambiguous")?,
        FactType::PostFilled | FactType::PostVacated | FactType::UserLeftRole => {
            tenures::told(connection, event)?;
        }
        // A terminal lies under its organisation, where those are who answer for it.
        FactType::OrganisationPlaced | FactType::TerminalRegistered => {
            let parent = fact.text(Field::Parent).or_else(|| fact.text(Field::Org));
            let sql = "INSERT INTO organisations (org, parent) VALUES (?1, ?2) \
                       ON CONFLICT (org) DO UPDATE SET parent = excluded.parent";
            execute(connection, sql, params![&*fact.subject, parent])?;
        }
        FactType::OrganisationEnrolled => {
            let sql = "INSERT INTO organisations (org, enrolled_at) VALUES (?1, ?2) \
                       ON CONFLICT (org) DO UPDATE SET enrolled_at = coalesce(enrolled_at, excluded.enrolled_at)";
            execute(connection, sql, params![&*fact.subject, fact.time.nanos()])?;
        }
        FactType::UserRegistered => {
            tenures::told(connection, event)?;
            address(connection, event)?;
        }
        FactType::UserMoved => address(connection, event)?,
        FactType::MessageQuarantined => quarantined(connection, event)?,
        FactType::MessageReplayed => settled(connection, event, "replayed")?,
        FactType::MessageDiscarded => settled(connection, event, "discarded")?,
        _ => {}
    }
    Ok(())
}

/// Where the address of a user may stand.
fn address(connection: &Connection, event: &Told) -> Result<(), ProjectionError> {
    if !event.is_sealed {
        return Ok(());
    }
    let sql = "INSERT INTO registrations (user, position) VALUES (?1, ?2) \
               ON CONFLICT (user) DO UPDATE SET position = excluded.position";
    execute(connection, sql, params![&*event.fact.subject, to_i64(event)])
}

fn quarantined(connection: &Connection, event: &Told) -> Result<(), ProjectionError> {
    let fact = &event.fact;
    let needs: Vec<&str> = match fact.get(Field::Needs) {
        Some(Value::Texts(needs)) => needs.iter().map(|field| &**field).collect(),
        _ => Vec::new(),
    };
    execute(
        connection,
        "INSERT OR IGNORE INTO quarantine (id, subject, position, quarantined_at, teller, message_id, code, reason, \
         needs, status) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, 'waiting')",
        params![
            &*fact.id,
            &*fact.subject,
            to_i64(event),
            event.recorded_at.nanos(),
            fact.text(Field::Teller).unwrap_or(""),
            fact.text(Field::MessageId).unwrap_or(""),
            fact.text(Field::Code),
            fact.text(Field::Reason).unwrap_or(""),
            serde_json::Value::from(needs).to_string(),
        ],
    )
}

fn settled(connection: &Connection, event: &Told, status: &str) -> Result<(), ProjectionError> {
    let Some(Value::Event(named)) = event.fact.get(Field::Event) else { return Ok(()) };
    let sql = "UPDATE quarantine SET status = ?2, settled = ?3 WHERE id = ?1 AND status = 'waiting'";
    execute(connection, sql, params![&*named.1, status, to_i64(event)])
}

pub(crate) fn to_i64(event: &Told) -> i64 {
    i64::try_from(event.position.get()).unwrap_or(i64::MAX)
}

pub(crate) fn execute(
    connection: &Connection,
    sql: &str,
    values: impl rusqlite::Params,
) -> Result<(), ProjectionError> {
    let failed = ProjectionError::database("take in an event");
    connection.prepare_cached(sql).map_err(&failed)?.execute(values).map_err(&failed)?;
    Ok(())
}

/// The duty's id in the subject `duty/<id>`.
fn duty_of(event: &Told) -> &str {
    event.fact.subject.strip_prefix("duty/").unwrap_or(&event.fact.subject)
}

fn due_at(event: &Told) -> Option<i64> {
    match event.fact.get(Field::DueAt) {
        Some(Value::Instant(at)) => Some(at.nanos()),
        _ => None,
    }
}

fn generation(event: &Told) -> i64 {
    match event.fact.get(Field::Generation) {
        Some(Value::Number(number)) => *number,
        _ => 0,
    }
}

/// The step that an event takes and those that it skips.
fn steps_taken(connection: &Connection, event: &Told, step: Option<&str>) -> Result<(), ProjectionError> {
    let skipped: &[Box<str>] = match event.fact.get(Field::Skipped) {
        Some(Value::Texts(skipped)) => skipped,
        _ => &[],
    };
    for step in step.into_iter().chain(skipped.iter().map(|step| &**step)) {
        let sql =
            "INSERT OR IGNORE INTO steps_taken (duty, step, due_at, generation) VALUES (?1, ?2, ?3, ?4)";
        let due_at = due_at(event).unwrap_or(0);
        execute(connection, sql, params![duty_of(event), step, due_at, generation(event)])?;
    }
    Ok(())
}

/// Lists the duty of a step in the notices that the step names.
fn listed(connection: &Connection, event: &Told) -> Result<(), ProjectionError> {
    let notices: &[Box<str>] = match event.fact.get(Field::Notices) {
        Some(Value::Texts(notices)) => notices,
        _ => &[],
    };
    notices.iter().try_for_each(|notice| list(connection, notice, event))
}

fn list(connection: &Connection, notice: &str, event: &Told) -> Result<(), ProjectionError> {
    let sql =
        "INSERT OR IGNORE INTO notice_duties (notice, position, duty, generation) VALUES (?1, ?2, ?3, ?4)";
    execute(connection, sql, params![notice, to_i64(event), duty_of(event), generation(event)])
}

fn warned(connection: &Connection, event: &Told) -> Result<(), ProjectionError> {
    listed(connection, event)?;
    steps_taken(connection, event, event.fact.text(Field::Step))?;
    rows::note_taken(connection, duty_of(event))
}

fn escalated(connection: &Connection, event: &Told) -> Result<(), ProjectionError> {
    warned(connection, event)
}

fn preferences(connection: &Connection, event: &Told) -> Result<(), ProjectionError> {
    let fact = &event.fact;
    let off: Vec<&str> = match fact.get(Field::Off) {
        Some(Value::Texts(off)) => off.iter().map(|kind| &**kind).collect(),
        _ => Vec::new(),
    };
    let sql = "INSERT OR REPLACE INTO preferences (user, digest_at, quiet_from, quiet_until, off) \
               VALUES (?1, ?2, ?3, ?4, ?5)";
    let (from, until) = (fact.text(Field::QuietFrom), fact.text(Field::QuietUntil));
    let off = serde_json::Value::from(off).to_string();
    execute(connection, sql, params![&*fact.subject, fact.text(Field::DigestAt), from, until, off])
}

/// What was recorded longer than this after it occurred came late: nobody is told of it singly.
const NEWS_SECONDS: i64 = 24 * 3600;

/// The kind of occasion that an event is and the organisation behind it, if people are told of it; what was recorded
/// elsewhere long ago and is imported was told there.
fn occasion_of(event: &Told) -> Option<(&'static str, Option<&str>)> {
    let fact = &event.fact;
    if fact.recorded.is_some_and(|at| at.plus_seconds(NEWS_SECONDS) < event.recorded_at) {
        return None;
    }
    match fact.kind {
        FactType::AccessOpened => Some(("opened", fact.text(Field::Org))),
        FactType::RecordAccessed => {
            let apart = matches!(fact.get(Field::Partnered), Some(Value::Bool(false)));
            apart.then(|| ("opened", fact.text(Field::Org)))
        }
        FactType::PartnershipRequested => Some(("partnership", fact.text(Field::Org))),
        FactType::TransferRequested => Some(("transfer", fact.text(Field::To))),
        _ => None,
    }
}

fn occasion(connection: &Connection, event: &Told) -> Result<(), ProjectionError> {
    let Some((kind, org)) = occasion_of(event) else { return Ok(()) };
    let fact = &event.fact;
    let occasion = format!("{kind}:{}:{}#{}", fact.subject, fact.source, fact.id);
    let late = fact.time.plus_seconds(NEWS_SECONDS) < event.recorded_at;
    let sql = "INSERT OR IGNORE INTO occasions (occasion, kind, subject, org, position, teller, fact, late, queued) \
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 0)";
    let values = params![occasion, kind, &*fact.subject, org, to_i64(event), &*fact.source, &*fact.id, late];
    execute(connection, sql, values)
}

fn breached(connection: &Connection, event: &Told) -> Result<(), ProjectionError> {
    let fact = &event.fact;
    let subject = waived_subject(&fact.subject).unwrap_or_default();
    execute(
        connection,
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
    )?;
    listed(connection, event)?;
    rows::note_breach(connection, duty_of(event))?;
    // A breach takes no step of its own.
    if fact.get(Field::Skipped).is_some() {
        steps_taken(connection, event, None)?;
        rows::note_taken(connection, duty_of(event))?;
    }
    Ok(())
}

/// Notes what an event about the breaches of a duty changes in the rows of the duty.
fn note(connection: &Connection, duty: &str) -> Result<(), ProjectionError> {
    rows::note_raised(connection, duty)?;
    rows::note_owed(connection, duty)?;
    rows::note_taken(connection, duty)
}

fn breach_status(connection: &Connection, event: &Told, status: &str) -> Result<(), ProjectionError> {
    let sql = "UPDATE breaches SET status = ?4 WHERE duty = ?1 AND due_at = ?2 AND generation = ?3 \
               AND status <> 'rescinded'";
    execute(connection, sql, params![duty_of(event), due_at(event), generation(event), status])?;
    listed(connection, event)?;
    note(connection, duty_of(event))
}

fn notice_queued(connection: &Connection, event: &Told) -> Result<(), ProjectionError> {
    let fact = &event.fact;
    let notice = fact.text(Field::Notice).unwrap_or("");
    let first = "INSERT OR IGNORE INTO notices (notice, template, recipient, position, queued_at, status, dead, \
                 in_place_of) VALUES (?1, ?2, ?3, ?4, ?5, 'queued', 0, ?6)";
    let template = fact.text(Field::Template).unwrap_or("");
    let recipient = fact.text(Field::Recipient).unwrap_or("");
    let (position, queued_at) = (to_i64(event), event.recorded_at.nanos());
    let values = params![notice, template, recipient, position, queued_at, fact.text(Field::InPlaceOf)];
    execute(connection, first, values)?;
    // One without a generation says that a mail is owed; the steps that name it are what it lists.
    if fact.get(Field::Generation).is_some() {
        list(connection, notice, event)?;
    }
    if OCCASIONS.contains(&template) {
        let sql = "UPDATE occasions SET queued = 1 WHERE occasion = ?1";
        execute(connection, sql, [duty_of(event)])?;
    }
    Ok(())
}

/// The kinds of occasion, which are those of their notices.
const OCCASIONS: &[&str] = &["opened", "partnership", "transfer"];

fn notice_status(connection: &Connection, event: &Told, status: &str) -> Result<(), ProjectionError> {
    let sql = "UPDATE notices SET status = ?2, reply = ?3, settled_at = ?4, dead = ?5 \
               WHERE notice = ?1 AND status NOT IN ('accepted', 'rejected')";
    let (notice, reply) = (event.fact.text(Field::Notice), event.fact.text(Field::Reply));
    let settled_at = matches!(status, "accepted" | "rejected").then(|| event.recorded_at.nanos());
    let dead = status == "rejected" && !reply.is_some_and(|reply| reply.starts_with(MOOT));
    execute(connection, sql, params![notice, status, reply, settled_at, dead])
}
