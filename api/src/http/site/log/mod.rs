//! The pages of the auditor: the log, its proofs, and lists of what was put right, waived or told late.

pub mod assurance;
pub mod corrections;
pub mod event;
pub mod events;
pub mod files;
mod late;
mod recorded;

use mandate_domain::catalogue::{FactType, SubjectKind};
use mandate_domain::judge::short_reference;
use mandate_domain::rights::Right;
use mandate_store::{Position, StoredEvent};

use super::lists::{instant, subject_part};
use super::words::kind;
use crate::duty_csv::text_row;
use crate::http::app::App;
use crate::http::error::HttpError;
use crate::http::registers::asker::Asker;
use crate::http::site::visitor::Visitor;
use crate::pages::Link;
use crate::pages::listing::{Cell, Part};

/// The pages about the log.
pub const TABS: [(&str, &str); 7] = [
    ("Assurance", "/assurance"),
    ("Events", "/events"),
    ("Annulments", "/assurance/annulments"),
    ("Waivers", "/assurance/waivers"),
    ("Back-dated facts", "/assurance/back-dated"),
    ("Imported facts", "/assurance/imported"),
    ("Late records", "/assurance/late"),
];

/// Who looks, if they may read the whole log.
///
/// # Errors
/// [`HttpError::NotAllowed`] for somebody who is no auditor.
pub fn reader(app: &App, visitor: &Visitor) -> Result<Asker, HttpError> {
    let asker = Asker::of(app, &visitor.caller)?;
    asker.must(Right::ReadLog)?;
    Ok(asker)
}

/// An event's place, with its page.
#[must_use]
pub fn place(position: Position, carry: &str) -> Cell {
    Cell::link(format!("Event {position}"), format!("/events/{position}{carry}"))
}

/// Events as CSV, each with some more cells at its end.
pub fn events_csv<'e, const MORE: usize>(
    more: [&str; MORE],
    rows: impl Iterator<Item = (&'e StoredEvent, [String; MORE])>,
) -> Vec<u8> {
    let mut bytes = events_header(more);
    for (event, more) in rows {
        bytes.extend(event_row(event, more));
    }
    bytes
}

/// The first line of events as CSV, with the names of some more cells.
fn events_header<const MORE: usize>(more: [&str; MORE]) -> Vec<u8> {
    const COLUMNS: [&str; 8] =
        ["position", "recordedAt", "claimedAt", "time", "type", "subject", "source", "id"];
    let header: Vec<String> = COLUMNS.iter().chain(&more).map(|name| (*name).to_owned()).collect();
    text_row(&header)
}

/// An event as a line of CSV, with some more cells.
fn event_row<const MORE: usize>(event: &StoredEvent, more: [String; MORE]) -> Vec<u8> {
    let fact = &event.fact;
    let cells = [
        event.position.to_string(),
        event.recorded_at.to_string(),
        event.claimed_at.map(|at| at.to_string()).unwrap_or_default(),
        fact.time.to_string(),
        fact.kind.name().to_owned(),
        fact.subject.to_string(),
        fact.source.to_string(),
        fact.id.to_string(),
    ];
    text_row(&cells.into_iter().chain(more).collect::<Vec<_>>())
}

/// A type in words, with its name.
#[must_use]
pub fn type_cell(fact_type: FactType) -> Cell {
    Cell::text(kind(fact_type.name())).and_secondary(fact_type.name())
}

/// Whom an event is about, with their page.
#[must_use]
pub fn about(subject: &str, carry: &str) -> Part {
    match subject.strip_prefix("duty/") {
        Some(duty) if SubjectKind::of(subject) == Some(SubjectKind::Duty) && is_duty(duty) => {
            Part::Link(duty_link(duty, carry))
        }
        _ => subject_part(subject, carry),
    }
}

/// Whether an id under `duty/` is that of a duty: digests and the like stand there under a pseudo duty.
#[must_use]
pub fn is_duty(id: &str) -> bool {
    id.starts_with(|first: char| first.is_ascii_digit())
}

/// A duty with its page.
#[must_use]
pub fn duty_link(duty: &str, carry: &str) -> Link {
    let reference = short_reference(duty);
    let href = format!("/duties/{reference}{carry}");
    Link::new(format!("Duty {reference}"), href)
}

/// When an event occurred, and when it was recorded.
#[must_use]
pub fn clocks(event: &StoredEvent) -> [Cell; 2] {
    let claimed = event.claimed_at.map(|at| format!("imported; recorded elsewhere {}", instant(at)));
    [
        Cell::text(instant(event.fact.time)),
        Cell::text(instant(event.recorded_at)).and_secondary(claimed.unwrap_or_default()),
    ]
}

/// Who told an event.
#[must_use]
pub fn teller(event: &StoredEvent) -> Cell {
    let by = event.actor.as_ref().map(|actor| format!("by {actor}"));
    Cell::text(event.fact.source.to_string()).and_secondary(by.unwrap_or_default())
}
