//! Pending duties that fall due, where nothing else of their unit changes: their rows say all that is needed.

use mandate_domain::judge::Outcome;
use mandate_domain::policy::Basis;
use mandate_domain::time::{Date, Instant};
use rusqlite::{Connection, Row, params};

use super::counted::Counted;
use super::versions::write_steps;
use super::{Writing, execute, note_owed};
use crate::error::ProjectionError;
use crate::steps;
use crate::unit::{Columns, Ground};

/// What fell due of a unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FellDue {
    /// Duties that are overdue now.
    pub duties: usize,
    /// When the next pending one falls due; none for none.
    pub next_at: Option<Instant>,
}

/// A pending duty with its row.
struct Pending {
    row: i64,
    duty: String,
    rule: String,
    version: u16,
    alike: i64,
    /// Whether a breach of it stands in the log.
    raised: bool,
    columns: Columns,
}

/// Has the pending duties of a unit that are due by an instant be overdue, as judging the unit at each due moment would;
/// nothing else of the unit may change up to there. Of the ground, policies and holidays are asked.
pub(crate) fn fall_due(
    connection: &Connection,
    ground: &Ground<'_>,
    members: &[String],
    limit: Instant,
    counted: &mut Counted,
) -> Result<FellDue, ProjectionError> {
    let mut fell = FellDue { duties: 0, next_at: None };
    for member in members {
        for (due_at, duty) in pending(connection, member)? {
            if due_at > limit {
                fell.next_at = fell.next_at.into_iter().chain([due_at]).min();
            } else {
                overdue(connection, ground, due_at, &duty, counted)?;
                fell.duties += 1;
            }
        }
    }
    Ok(fell)
}

/// The pending duties of a subject that have a due moment.
fn pending(connection: &Connection, subject: &str) -> Result<Vec<(Instant, Pending)>, ProjectionError> {
    let failed = ProjectionError::database("read what falls due");
    let sql = "SELECT rowid, duty, rule, version, alike, raised, holder, opened_at, due_on, act_by, due_at, inherited, \
               born_overdue, known_since FROM duties \
               WHERE subject = ?1 AND outcome = 'pending' AND due_at IS NOT NULL";
    let mut statement = connection.prepare_cached(sql).map_err(&failed)?;
    let found = statement.query_map([subject], pending_of).map_err(&failed)?;
    found.collect::<Result<_, _>>().map_err(&failed)
}

fn pending_of(row: &Row<'_>) -> rusqlite::Result<(Instant, Pending)> {
    let due_at = Instant::from_nanos(row.get(10)?);
    let columns = Columns {
        holder: row.get(6)?,
        outcome: Outcome::Pending,
        opened_at: Instant::from_nanos(row.get(7)?),
        due_on: row.get::<_, Option<i32>>(8)?.map(Date::from_days),
        act_by: row.get::<_, Option<i32>>(9)?.map(Date::from_days),
        due_at: Some(due_at),
        inherited: row.get(11)?,
        born_overdue: row.get(12)?,
        known_since: Instant::from_nanos(row.get(13)?),
    };
    let pending = Pending {
        row: row.get(0)?,
        duty: row.get(1)?,
        rule: row.get(2)?,
        version: row.get(3)?,
        alike: row.get(4)?,
        raised: row.get(5)?,
        columns,
    };
    Ok((due_at, pending))
}

/// Has a duty be overdue from its due moment on.
fn overdue(
    connection: &Connection,
    ground: &Ground<'_>,
    due_at: Instant,
    pending: &Pending,
    counted: &mut Counted,
) -> Result<(), ProjectionError> {
    let Pending { row, duty, rule, version, alike, raised, columns } = pending;
    let books = ground.books_at(due_at);
    let found = books.and_then(|(policy, _)| policy.rule(rule));
    let breach = found.is_none_or(|rule| rule.basis != Basis::Local);
    let now = counted.number(connection, rule, *version, Outcome::Overdue.name(), columns)?;
    counted.note(columns.due_at, *alike, -1);
    counted.note(columns.due_at, now, 1);
    let sql = "UPDATE duties SET outcome = 'overdue', breach = ?2, alike = ?3 WHERE rowid = ?1";
    execute(connection, "have a duty fall due", sql, params![row, breach, now])?;
    if *raised {
        note_owed(connection, duty)?;
    }
    let version = found.and_then(|rule| rule.versions.iter().find(|one| one.number == *version));
    let steps = match (books, version, columns.due_on) {
        (Some((_, calendar)), Some(version), Some(due_on)) if breach => {
            steps::escalations(version, calendar.known_before(due_at), due_on, due_at)
        }
        _ => Vec::new(),
    };
    write_steps(connection, duty, columns.due_at, &steps, Writing::Over)
}
