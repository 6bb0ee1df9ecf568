//! What the scheduler has to do: raise, rescind, close, warn, send.

use mandate_domain::time::Instant;
use mandate_store::Position;
use rusqlite::{OptionalExtension, Row, params};

use super::{all, duties::select};
use crate::Projections;
use crate::error::ProjectionError;
use crate::model::{BreachRow, DutyRow, NoticeRow, Rescission, Warning};

const BREACH: &str =
    "b.duty, b.rule, b.subject, b.holder, b.due_at, b.generation, b.position, b.raised_at, b.status";

pub(super) fn breach(row: &Row<'_>) -> rusqlite::Result<BreachRow> {
    let duty: String = row.get(0)?;
    Ok(BreachRow {
        reference: mandate_domain::judge::short_reference(&duty),
        duty,
        rule: row.get(1)?,
        subject: row.get(2)?,
        holder: row.get(3)?,
        due_at: Instant::from_nanos(row.get(4)?),
        generation: row.get(5)?,
        position: Position::new(row.get::<_, i64>(6)?.try_into().unwrap_or(0)),
        raised_at: Instant::from_nanos(row.get(7)?),
        status: row.get(8)?,
    })
}

impl Projections {
    /// Duties that are a breach with no breach raised, by due moment.
    ///
    /// # Errors
    /// [`ProjectionError`] when the read models cannot be read.
    pub fn breaches_to_raise(&self, limit: u32) -> Result<Vec<DutyRow>, ProjectionError> {
        let rest = "WHERE d.breach = 1 AND NOT EXISTS (SELECT 1 FROM breaches b WHERE b.duty = d.duty \
                    AND b.status <> 'rescinded') ORDER BY d.due_at, d.duty LIMIT ?1";
        let books = self.books()?;
        self.read(|connection| select(connection, &books, rest, [limit]))
    }

    /// Breaches raised that are none by what is now known, or are due at another moment.
    ///
    /// A waiver ends a breach without undoing it, so an exempt duty's breach stands.
    ///
    /// # Errors
    /// [`ProjectionError`] when the read models cannot be read.
    pub fn breaches_to_rescind(&self, limit: u32) -> Result<Vec<Rescission>, ProjectionError> {
        let sql = format!(
            "SELECT {BREACH}, d.outcome FROM breaches b LEFT JOIN duties d ON d.duty = b.duty \
             WHERE b.status <> 'rescinded' AND (d.duty IS NULL OR d.due_at IS NOT b.due_at \
             OR (d.breach = 0 AND d.outcome <> 'exempt')) ORDER BY b.raised_at, b.duty LIMIT ?1"
        );
        self.read(|connection| {
            let found =
                all(connection, &sql, [limit], |row| Ok((breach(row)?, row.get::<_, Option<String>>(9)?)))?;
            found
                .into_iter()
                .map(|(breach, outcome_now)| {
                    let replaced_by = match &outcome_now {
                        Some(_) => None,
                        None => same_opening(connection, &breach)?,
                    };
                    let because = match (outcome_now.as_deref(), &replaced_by) {
                        (Some("annulled"), _) => "annulled",
                        (None, Some(_)) => "merged",
                        (None, None) | (Some(_), _) => "recorded_late",
                    };
                    Ok(Rescission { breach, because, outcome_now, replaced_by })
                })
                .collect()
        })
    }

    /// Breaches raised whose duty has ended, met late or lapsed.
    ///
    /// # Errors
    /// [`ProjectionError`] when the read models cannot be read.
    pub fn breaches_to_close(&self, limit: u32) -> Result<Vec<(BreachRow, DutyRow)>, ProjectionError> {
        let sql = format!(
            "SELECT {BREACH} FROM breaches b JOIN duties d ON d.duty = b.duty AND d.due_at = b.due_at \
             WHERE b.status = 'raised' AND d.outcome IN ('met_late', 'lapsed') ORDER BY b.raised_at, b.duty LIMIT ?1"
        );
        let books = self.books()?;
        self.read(|connection| {
            let found = all(connection, &sql, [limit], breach)?;
            let mut closed = Vec::with_capacity(found.len());
            for breach in found {
                let duty = select(connection, &books, "WHERE d.duty = ?1", [&breach.duty])?;
                closed.extend(duty.into_iter().map(|duty| (breach.clone(), duty)));
            }
            Ok(closed)
        })
    }

    /// Warning steps that have come for pending duties and were not taken: of each duty the latest only.
    ///
    /// # Errors
    /// [`ProjectionError`] when the read models cannot be read.
    pub fn warnings_due(&self, now: Instant, limit: u32) -> Result<Vec<Warning>, ProjectionError> {
        let sql = "SELECT s.duty, s.step, s.at FROM steps s JOIN duties d ON d.duty = s.duty \
                   WHERE s.at <= ?1 AND d.outcome = 'pending' AND (d.due_at IS NULL OR d.due_at > ?1) \
                   AND s.at = (SELECT max(o.at) FROM steps o WHERE o.duty = s.duty AND o.at <= ?1) \
                   AND NOT EXISTS (SELECT 1 FROM warnings w WHERE w.duty = s.duty AND w.step = s.step \
                   AND w.due_at = s.due_at) ORDER BY s.at, s.duty, s.step LIMIT ?2";
        let books = self.books()?;
        self.read(|connection| {
            let found: Vec<(String, String, i64)> =
                all(connection, sql, params![now.nanos(), limit], |row| {
                    Ok((row.get(0)?, row.get(1)?, row.get(2)?))
                })?;
            let mut warnings = Vec::with_capacity(found.len());
            for (duty, step, at) in found {
                let at = Instant::from_nanos(at);
                let duty = select(connection, &books, "WHERE d.duty = ?1", [&duty])?;
                warnings.extend(duty.into_iter().map(|duty| Warning { duty, step: step.clone(), at }));
            }
            Ok(warnings)
        })
    }

    /// When the next warning step comes, after the moment that was reached.
    ///
    /// # Errors
    /// [`ProjectionError`] when the read models cannot be read.
    pub fn next_warning_at(&self) -> Result<Option<Instant>, ProjectionError> {
        let sql = "SELECT min(s.at) FROM steps s WHERE s.at > (SELECT at FROM checkpoint)";
        self.read(|connection| {
            let found: Vec<Option<i64>> = all(connection, sql, [], |row| row.get(0))?;
            Ok(found.first().copied().flatten().map(Instant::from_nanos))
        })
    }

    /// Notices not yet accepted or rejected, in the order in which they were queued.
    ///
    /// # Errors
    /// [`ProjectionError`] when the read models cannot be read.
    pub fn notices_waiting(&self, limit: u32) -> Result<Vec<NoticeRow>, ProjectionError> {
        let rest = "WHERE n.status IN ('queued', 'deferred', 'ambiguous') ORDER BY n.position LIMIT ?1";
        self.read(|connection| super::lists::notices(connection, rest, [limit]))
    }

    /// Notices that list a duty, the latest first.
    ///
    /// # Errors
    /// [`ProjectionError`] when the read models cannot be read.
    pub fn notices_of(&self, duty: &str) -> Result<Vec<NoticeRow>, ProjectionError> {
        let rest = "WHERE n.notice IN (SELECT l.notice FROM notice_duties l WHERE l.duty = ?1) \
                    ORDER BY n.position DESC LIMIT 1000";
        self.read(|connection| super::lists::notices(connection, rest, [duty]))
    }

    /// The users who hold a post.
    ///
    /// # Errors
    /// [`ProjectionError`] when the read models cannot be read.
    pub fn post_holders(&self, org: &str, post: &str) -> Result<Vec<String>, ProjectionError> {
        let sql = "SELECT user FROM posts WHERE org = ?1 AND post = ?2 ORDER BY user LIMIT 1000";
        self.read(|connection| all(connection, sql, [org, post], |row| row.get(0)))
    }

    /// The organisation to which one belongs.
    ///
    /// # Errors
    /// [`ProjectionError`] when the read models cannot be read.
    pub fn parent(&self, org: &str) -> Result<Option<String>, ProjectionError> {
        let sql = "SELECT parent FROM organisations WHERE org = ?1";
        self.read(|connection| {
            let found: Vec<Option<String>> = all(connection, sql, [org], |row| row.get(0))?;
            Ok(found.into_iter().next().flatten())
        })
    }

    /// Since when an organisation takes part.
    ///
    /// # Errors
    /// [`ProjectionError`] when the read models cannot be read.
    pub fn enrolled_at(&self, org: &str) -> Result<Option<Instant>, ProjectionError> {
        let sql = "SELECT enrolled_at FROM organisations WHERE org = ?1";
        self.read(|connection| {
            let found: Vec<Option<i64>> = all(connection, sql, [org], |row| row.get(0))?;
            Ok(found.into_iter().next().flatten().map(Instant::from_nanos))
        })
    }

    /// Where the latest registration of a user stands whose sealed part may hold the address.
    ///
    /// # Errors
    /// [`ProjectionError`] when the read models cannot be read.
    pub fn user_registration(&self, user: &str) -> Result<Option<Position>, ProjectionError> {
        let sql = "SELECT position FROM registrations WHERE user = ?1";
        self.read(|connection| {
            let found: Vec<i64> = all(connection, sql, [user], |row| row.get(0))?;
            Ok(found.first().map(|position| Position::new(u64::try_from(*position).unwrap_or(0))))
        })
    }
}

/// The duty of the same rule that the same fact opened under the survivor of a merge.
fn same_opening(
    connection: &rusqlite::Connection,
    breach: &BreachRow,
) -> Result<Option<String>, ProjectionError> {
    let Some(opener) = breach.duty.strip_prefix(&format!("{}:{}:", breach.rule, breach.subject)) else {
        return Ok(None);
    };
    let failed = ProjectionError::database("find what replaces a duty");
    let survivor: Option<String> = connection
        .prepare_cached("SELECT merged_into FROM subjects WHERE subject = ?1 AND merged_into IS NOT NULL")
        .map_err(&failed)?
        .query_row([&breach.subject], |row| row.get(0))
        .optional()
        .map_err(&failed)?;
    let Some(survivor) = survivor else { return Ok(None) };
    connection
        .prepare_cached("SELECT duty FROM duties WHERE duty = ?1")
        .map_err(&failed)?
        .query_row([format!("{}:{survivor}:{opener}", breach.rule)], |row| row.get(0))
        .optional()
        .map_err(&failed)
}
