//! What the scheduler has to do: raise, rescind, close, warn, send.

use std::collections::HashMap;

use mandate_domain::time::Instant;
use mandate_store::Position;
use rusqlite::{OptionalExtension, Row, params};

use super::{all, duties::select};
use crate::Projections;
use crate::error::ProjectionError;
use crate::model::{
    Annulled, BreachRow, DutyRow, EscalationDue, NoticeRow, Occasion, Place, PostHolder, Preferences,
    Rescission, Warning,
};
use crate::status::MailStatus;
use crate::{steps, tenures};

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

fn occasion(row: &Row<'_>) -> rusqlite::Result<Occasion> {
    Ok(Occasion {
        id: row.get(0)?,
        kind: row.get(1)?,
        subject: row.get(2)?,
        org: row.get(3)?,
        position: Position::new(row.get::<_, i64>(4)?.try_into().unwrap_or(0)),
        late: row.get(5)?,
        annulled: false,
    })
}

/// Occasions `o` that the rest of a statement selects.
fn occasions(
    connection: &rusqlite::Connection,
    rest: &str,
    values: impl rusqlite::Params,
) -> Result<Vec<Occasion>, ProjectionError> {
    let sql = format!(
        "SELECT o.occasion, o.kind, o.subject, o.org, o.position, o.late, o.teller, o.fact FROM occasions o {rest}"
    );
    let read = |row: &Row<'_>| Ok((occasion(row)?, row.get::<_, String>(6)?, row.get::<_, String>(7)?));
    let found = all(connection, &sql, values, read)?;
    found
        .into_iter()
        .map(|(occasion, teller, fact)| {
            Ok(Occasion { annulled: tenures::is_annulled(connection, &teller, &fact)?, ..occasion })
        })
        .collect()
}

impl Projections {
    /// Duties that are a breach with no breach raised, by due moment and id, those after one of them; none whose due
    /// moment is still to come. The read models stand at the latest recorded time, which lies ahead when a clock was set
    /// back.
    ///
    /// # Errors
    /// [`ProjectionError`] when the read models cannot be read.
    pub fn breaches_to_raise(
        &self,
        now: Instant,
        after: Option<(Instant, &str)>,
        limit: u32,
    ) -> Result<Vec<DutyRow>, ProjectionError> {
        let rest = "INDEXED BY duties_to_raise WHERE d.breach = 1 AND d.raised = 0 AND d.due_at <= ?2 \
                    AND (d.due_at, d.duty) > (?3, ?4) ORDER BY d.due_at, d.duty LIMIT ?1";
        let (at, duty) = after.unwrap_or((Instant::MIN, ""));
        let books = self.books()?;
        self.read(|connection| {
            select(connection, &books, rest, params![limit, now.nanos(), at.nanos(), duty])
        })
    }

    /// Breaches raised that are none by what is now known, or are due at another moment.
    ///
    /// A waiver ends a breach without undoing it, so an exempt duty's breach stands.
    ///
    /// # Errors
    /// [`ProjectionError`] when the read models cannot be read.
    pub fn breaches_to_rescind(&self, limit: u32) -> Result<Vec<Rescission>, ProjectionError> {
        let sql = format!(
            "SELECT {BREACH}, d.outcome FROM breaches b INDEXED BY breaches_owed LEFT JOIN duties d ON d.duty = b.duty \
             WHERE b.owed = 'rescinded' ORDER BY b.raised_at, b.duty LIMIT ?1"
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
            "SELECT {BREACH} FROM breaches b INDEXED BY breaches_owed JOIN duties d ON d.duty = b.duty AND d.due_at = b.due_at \
             WHERE b.owed = 'closed' ORDER BY b.raised_at, b.duty LIMIT ?1"
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
        let sql = "SELECT s.duty, s.step, s.at FROM steps s INDEXED BY steps_to_take \
                   JOIN duties d ON d.duty = s.duty \
                   WHERE s.taken = 0 AND s.to_role IS NULL AND s.at <= ?1 AND d.outcome = 'pending' \
                   AND (d.due_at IS NULL OR d.due_at > ?1) \
                   AND s.at = (SELECT max(o.at) FROM steps o WHERE o.duty = s.duty AND o.at <= ?1) \
                   ORDER BY s.at, s.duty, s.step LIMIT ?2";
        let before = "SELECT step FROM steps WHERE duty = ?1 AND at < ?2 AND taken = 0 AND to_role IS NULL \
                      ORDER BY at";
        let books = self.books()?;
        self.read(|connection| {
            let found: Vec<(String, String, i64)> =
                all(connection, sql, params![now.nanos(), limit], |row| {
                    Ok((row.get(0)?, row.get(1)?, row.get(2)?))
                })?;
            let mut warnings = Vec::with_capacity(found.len());
            for (duty, step, at) in found {
                let skipped: Vec<String> = all(connection, before, params![duty, at], |row| row.get(0))?;
                let found = select(connection, &books, "WHERE d.duty = ?1", [&duty])?;
                let at = Instant::from_nanos(at);
                let warning = |duty| Warning { duty, step: step.clone(), at, skipped: skipped.clone() };
                warnings.extend(found.into_iter().map(warning));
            }
            Ok(warnings)
        })
    }

    /// The warnings of duties that came before their deadline and were neither given nor skipped, duty by duty.
    ///
    /// # Errors
    /// [`ProjectionError`] when the read models cannot be read.
    pub fn warnings_missed(&self, duties: &[DutyRow]) -> Result<Vec<Vec<String>>, ProjectionError> {
        let books = self.books()?;
        let taken = self.read(|connection| {
            let ids: Vec<&str> = duties.iter().map(|row| row.record.duty.as_str()).collect();
            let ids = serde_json::to_string(&ids).map_err(|error| ProjectionError::row("duties", &error))?;
            let sql =
                "SELECT t.duty, t.due_at, t.step FROM json_each(?1) j JOIN steps_taken t ON t.duty = j.value";
            let found: Vec<(String, i64, String)> =
                all(connection, sql, [ids], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
            let mut taken: HashMap<(String, i64), Vec<String>> = HashMap::new();
            for (duty, due_at, step) in found {
                taken.entry((duty, due_at)).or_default().push(step);
            }
            Ok(taken)
        })?;
        let cross = self.shared.cross()?;
        let missed = |row: &DutyRow| {
            let record = &row.record;
            let version = books
                .policy
                .rule(&record.rule)
                .and_then(|rule| rule.versions.iter().find(|version| version.number == row.version));
            let (Some(version), Some(due_on), Some(act_by), Some(due_at)) =
                (version, record.due_on, record.act_by, record.due_at)
            else {
                return Vec::new();
            };
            let earliest = record.opened_at.max(record.known_since);
            let calendar = cross.calendar.known_before(due_at);
            let steps = steps::warnings(version, calendar, due_on, act_by, earliest);
            let names = steps.into_iter().filter(|step| step.at < due_at).map(|step| step.name);
            let known = taken.get(&(record.duty.clone(), due_at.nanos()));
            names.filter(|name| !known.is_some_and(|known| known.contains(name))).collect()
        };
        Ok(duties.iter().map(missed).collect())
    }

    /// Steps of standing breaches that have come and were not taken, in the order in which they came.
    ///
    /// # Errors
    /// [`ProjectionError`] when the read models cannot be read.
    pub fn escalations_due(&self, now: Instant, limit: u32) -> Result<Vec<EscalationDue>, ProjectionError> {
        let sql = "SELECT s.duty, s.step, s.to_role, s.at, \
                   (SELECT max(b.raised_at) FROM breaches b WHERE b.duty = s.duty AND b.due_at = s.due_at) \
                   FROM steps s INDEXED BY steps_to_take JOIN duties d ON d.duty = s.duty \
                   WHERE s.taken = 0 AND s.to_role IS NOT NULL AND s.at <= ?1 \
                   AND d.outcome = 'overdue' AND d.breach = 1 AND d.raised = 1 AND d.due_at = s.due_at \
                   ORDER BY s.at, s.duty, s.step LIMIT ?2";
        let books = self.books()?;
        self.read(|connection| {
            let found: Vec<(String, String, String, i64, i64)> =
                all(connection, sql, params![now.nanos(), limit], |row| {
                    Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?))
                })?;
            let mut escalations = Vec::with_capacity(found.len());
            for (duty, step, to_role, at, raised_at) in found {
                let found = select(connection, &books, "WHERE d.duty = ?1", [&duty])?;
                let (at, raised_at) = (Instant::from_nanos(at), Instant::from_nanos(raised_at));
                let due = |duty| EscalationDue {
                    duty,
                    step: step.clone(),
                    to_role: to_role.clone(),
                    at,
                    raised_at,
                };
                escalations.extend(found.into_iter().map(due));
            }
            Ok(escalations)
        })
    }

    /// What others did of which nobody was told yet, in the order of the log.
    ///
    /// # Errors
    /// [`ProjectionError`] when the read models cannot be read.
    pub fn occasions_owed(&self, limit: u32) -> Result<Vec<Occasion>, ProjectionError> {
        self.read(|connection| {
            occasions(connection, "WHERE o.queued = 0 ORDER BY o.position LIMIT ?1", [limit])
        })
    }

    /// One of them by its id, told or not.
    ///
    /// # Errors
    /// [`ProjectionError`] when the read models cannot be read.
    pub fn occasion(&self, id: &str) -> Result<Option<Occasion>, ProjectionError> {
        self.read(|connection| Ok(occasions(connection, "WHERE o.occasion = ?1", [id])?.into_iter().next()))
    }

    /// Whether a fact is annulled by an annulment that is not annulled itself.
    ///
    /// # Errors
    /// [`ProjectionError`] when the read models cannot be read.
    pub fn is_annulled(&self, source: &str, id: &str) -> Result<bool, ProjectionError> {
        self.read(|connection| tenures::is_annulled(connection, source, id))
    }

    /// Of whom something was annulled after a place in the log and up to another, each with the organisations concerned: the area
    /// and the unit of a nominal, the organisation of a user, else the subject itself.
    ///
    /// # Errors
    /// [`ProjectionError`] when the read models cannot be read.
    pub fn annulments(&self, after: Place, until: Place) -> Result<Vec<Annulled>, ProjectionError> {
        let sql = "SELECT a.subject, json_extract(s.state, '$.area'), json_extract(s.state, '$.unit'), \
                   json_extract(s.state, '$.org'), a.subject FROM annulments a \
                   LEFT JOIN subjects s ON s.subject = a.subject \
                   WHERE a.recorded_at BETWEEN ?1 AND ?2 AND a.position > ?3 AND a.position <= ?4 \
                   ORDER BY a.position LIMIT 10000";
        self.read(|connection| {
            let [from, to] =
                [after, until].map(|place| i64::try_from(place.position.get()).unwrap_or(i64::MAX));
            all(connection, sql, params![after.at.nanos(), until.at.nanos(), from, to], |row| {
                Ok(Annulled {
                    subject: row.get(0)?,
                    orgs: [row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?],
                })
            })
        })
    }

    /// Duties that some organisations hold, or of the cases of some units, that can be done no more, and of which a breach
    /// was raised after a place in the log and up to another.
    ///
    /// # Errors
    /// [`ProjectionError`] when the read models cannot be read.
    pub fn lapsed(
        &self,
        orgs: &[String],
        after: Place,
        until: Place,
    ) -> Result<Vec<DutyRow>, ProjectionError> {
        // By the indexes of holder and unit: few of the country's lapsed duties are those of one desk.
        let rest = "WHERE d.rowid IN ( \
                    SELECT h.rowid FROM duties h \
                    WHERE h.holder IN (SELECT value FROM json_each(?5)) AND h.outcome = 'lapsed' \
                    UNION SELECT u.rowid FROM duties u \
                    WHERE u.unit IN (SELECT value FROM json_each(?5)) AND u.outcome = 'lapsed') \
                    AND EXISTS (SELECT 1 FROM breaches b WHERE b.duty = d.duty AND b.status IN ('raised', 'closed') \
                    AND b.raised_at BETWEEN ?1 AND ?2 AND b.position > ?3 AND b.position <= ?4) \
                    ORDER BY d.due_at, d.duty LIMIT 10000";
        let [from, to] = [after, until].map(|place| i64::try_from(place.position.get()).unwrap_or(i64::MAX));
        let (books, orgs) = (self.books()?, super::listed(orgs)?);
        self.read(|connection| {
            select(connection, &books, rest, params![after.at.nanos(), until.at.nanos(), from, to, orgs])
        })
    }

    /// Breaches of some holders that stand and are counted for the board, but for those of some subjects.
    ///
    /// # Errors
    /// [`ProjectionError`] when the read models cannot be read.
    pub fn counted_for_the_board(
        &self,
        holders: &[String],
        except: &[String],
    ) -> Result<u64, ProjectionError> {
        let sql = "SELECT count(*) FROM duties d JOIN steps s ON s.duty = d.duty \
                   WHERE d.holder = ?1 AND d.outcome = 'overdue' AND s.to_role = 'board' AND s.taken = 1 \
                   AND d.subject NOT IN (SELECT value FROM json_each(?2))";
        let except = super::listed(except)?;
        self.read(|connection| {
            holders.iter().map(|holder| super::count(connection, sql, [holder, &except])).sum()
        })
    }

    /// Every post that is filled, by user.
    ///
    /// # Errors
    /// [`ProjectionError`] when the read models cannot be read.
    pub fn all_post_holders(&self) -> Result<Vec<PostHolder>, ProjectionError> {
        let sql = "SELECT user, org, post FROM posts WHERE user NOT IN (SELECT l.user FROM leavers l) \
                   ORDER BY user, org, post LIMIT 100000";
        self.read(|connection| {
            all(connection, sql, [], |row| {
                Ok(PostHolder { user: row.get(0)?, org: row.get(1)?, post: row.get(2)? })
            })
        })
    }

    /// Users in a role, each with their organisation, without those who left.
    ///
    /// # Errors
    /// [`ProjectionError`] when the read models cannot be read.
    pub fn users_in_role(&self, role: &str) -> Result<Vec<(String, Option<String>)>, ProjectionError> {
        let sql = "SELECT subject, nullif(json_extract(state, '$.org'), 'none') FROM subjects \
                   WHERE kind = 'user' AND json_extract(state, '$.role') = ?1 \
                   AND subject NOT IN (SELECT l.user FROM leavers l) ORDER BY subject LIMIT 100000";
        self.read(|connection| all(connection, sql, [role], |row| Ok((row.get(0)?, row.get(1)?))))
    }

    /// Organisations that belong to one.
    ///
    /// # Errors
    /// [`ProjectionError`] when the read models cannot be read.
    pub fn children(&self, org: &str) -> Result<Vec<String>, ProjectionError> {
        let sql = "SELECT org FROM organisations WHERE parent = ?1 ORDER BY org LIMIT 10000";
        self.read(|connection| all(connection, sql, [org], |row| row.get(0)))
    }

    /// How a person wants their mail, if they have said so.
    ///
    /// # Errors
    /// [`ProjectionError`] when the read models cannot be read.
    pub fn preferences(&self, user: &str) -> Result<Preferences, ProjectionError> {
        let sql = "SELECT digest_at, quiet_from, quiet_until, off FROM preferences WHERE user = ?1";
        self.read(|connection| {
            let found = all(connection, sql, [user], |row| {
                let (from, until): (Option<String>, Option<String>) = (row.get(1)?, row.get(2)?);
                let off: String = row.get(3)?;
                Ok(Preferences {
                    digest_at: row.get(0)?,
                    quiet: from.zip(until),
                    off: serde_json::from_str(&off).unwrap_or_default(),
                })
            })?;
            Ok(found.into_iter().next().unwrap_or_default())
        })
    }

    /// The mails that wait, and those given up or refused at or after an instant.
    ///
    /// # Errors
    /// [`ProjectionError`] when the read models cannot be read.
    pub fn mail_status(&self, since: Instant) -> Result<MailStatus, ProjectionError> {
        self.read(|connection| crate::status::mail(connection, since))
    }

    /// When the next step of a duty comes, after the moment that was reached.
    ///
    /// # Errors
    /// [`ProjectionError`] when the read models cannot be read.
    pub fn next_step_at(&self) -> Result<Option<Instant>, ProjectionError> {
        let sql = "SELECT min(s.at) FROM steps s WHERE s.taken = 0 AND s.at > (SELECT at FROM checkpoint)";
        self.read(|connection| {
            let found: Vec<Option<i64>> = all(connection, sql, [], |row| row.get(0))?;
            Ok(found.first().copied().flatten().map(Instant::from_nanos))
        })
    }

    /// Notices not yet accepted or rejected whose first event stands after a position, in the order in which they were
    /// queued; without the duties they list, of which there may be very many.
    ///
    /// # Errors
    /// [`ProjectionError`] when the read models cannot be read.
    pub fn notices_waiting(&self, after: Position, limit: u32) -> Result<Vec<NoticeRow>, ProjectionError> {
        let rest = "INDEXED BY notices_waiting WHERE n.status IN ('queued', 'deferred', 'ambiguous') \
                    AND n.position > ?1 ORDER BY n.position LIMIT ?2";
        let after = i64::try_from(after.get()).unwrap_or(i64::MAX);
        self.read(|connection| super::lists::notices_alone(connection, rest, params![after, limit]))
    }

    /// The latest notice of a kind to a person that was sent, or may have been, of those queued before a position; none
    /// that went to them in the place of somebody else.
    ///
    /// # Errors
    /// [`ProjectionError`] when the read models cannot be read.
    pub fn sent_before(
        &self,
        recipient: &str,
        template: &str,
        before: Position,
    ) -> Result<Option<NoticeRow>, ProjectionError> {
        let rest = "WHERE n.recipient = ?1 AND n.template = ?2 AND n.position < ?3 \
                    AND n.in_place_of IS NULL AND n.status IN ('accepted', 'ambiguous') ORDER BY n.position DESC LIMIT 1";
        let before = i64::try_from(before.get()).unwrap_or(i64::MAX);
        self.read(|connection| {
            let found = super::lists::notices_alone(connection, rest, params![recipient, template, before])?;
            Ok(found.into_iter().next())
        })
    }

    /// Whether another notice of a kind to a person was queued after a position.
    ///
    /// # Errors
    /// [`ProjectionError`] when the read models cannot be read.
    pub fn is_followed_by_another(
        &self,
        recipient: &str,
        template: &str,
        after: Position,
    ) -> Result<bool, ProjectionError> {
        let sql = "SELECT count(*) FROM (SELECT 1 FROM notices WHERE recipient = ?1 AND template = ?2 \
                   AND position > ?3 LIMIT 1)";
        let after = i64::try_from(after.get()).unwrap_or(i64::MAX);
        self.read(|connection| Ok(super::count(connection, sql, params![recipient, template, after])? > 0))
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

    /// The users who hold a post and have not left.
    ///
    /// # Errors
    /// [`ProjectionError`] when the read models cannot be read.
    pub fn post_holders(&self, org: &str, post: &str) -> Result<Vec<String>, ProjectionError> {
        let sql = "SELECT user FROM posts WHERE org = ?1 AND post = ?2 \
                   AND user NOT IN (SELECT l.user FROM leavers l) ORDER BY user LIMIT 1000";
        self.read(|connection| all(connection, sql, [org, post], |row| row.get(0)))
    }

    /// Whether a user left their role and was not registered again.
    ///
    /// # Errors
    /// [`ProjectionError`] when the read models cannot be read.
    pub fn has_left(&self, user: &str) -> Result<bool, ProjectionError> {
        let sql = "SELECT count(*) FROM leavers WHERE user = ?1";
        self.read(|connection| Ok(super::count(connection, sql, [user])? > 0))
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
