//! Lists of subjects, breaches and notices.

use mandate_domain::catalogue::SubjectKind;
use mandate_domain::time::Instant;
use mandate_store::Position;
use rusqlite::{Connection, Row};

use super::followups::breach;
use super::{all, count, listed};
use crate::Projections;
use crate::error::ProjectionError;
use crate::model::{BreachRow, Listed, MAX_PAGE, NoticeCount, NoticeFilter, NoticeRow, SubjectRow};

type RawSubject = (String, Option<String>, String, bool);

/// Columns of a subject.
const SUBJECT: &str =
    "s.subject, s.merged_into, s.state, EXISTS (SELECT 1 FROM parked p WHERE p.subject = s.subject)";

fn raw_subject(row: &Row<'_>) -> rusqlite::Result<RawSubject> {
    Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
}

fn subject(raw: RawSubject) -> Result<SubjectRow, ProjectionError> {
    let (subject, merged_into, state, parked) = raw;
    let state = serde_json::from_str(&state).map_err(|e| ProjectionError::row("subjects", &e))?;
    Ok(SubjectRow { subject, merged_into, state, parked })
}

/// Most duties of a notice that are read.
const ALL_DUTIES: u32 = 100_000;

/// Notices `n` that the rest of a statement selects, with the duties they list.
pub(super) fn notices(
    connection: &Connection,
    rest: &str,
    values: impl rusqlite::Params,
) -> Result<Vec<NoticeRow>, ProjectionError> {
    let mut found = notices_alone(connection, rest, values)?;
    for notice in &mut found {
        list_duties(connection, notice, ALL_DUTIES)?;
    }
    Ok(found)
}

/// Adds the first duties that a notice lists.
fn list_duties(connection: &Connection, notice: &mut NoticeRow, most: u32) -> Result<(), ProjectionError> {
    let first = "SELECT duty, generation FROM notice_duties WHERE notice = ?1 ORDER BY position LIMIT ?2";
    let values = rusqlite::params![notice.notice, most];
    notice.duties = all(connection, first, values, |row| Ok((row.get(0)?, row.get(1)?)))?;
    if notice.duties.len() == most as usize {
        let counted = "SELECT count(*) FROM notice_duties WHERE notice = ?1";
        let listed = count(connection, counted, [&notice.notice])?;
        notice.more_duties = listed.saturating_sub(u64::from(most));
    }
    Ok(())
}

/// The same without the duties they list, of which there may be very many.
pub(crate) fn notices_alone(
    connection: &Connection,
    rest: &str,
    values: impl rusqlite::Params,
) -> Result<Vec<NoticeRow>, ProjectionError> {
    let sql = format!(
        "SELECT n.notice, n.template, n.recipient, n.position, n.queued_at, n.status, n.reply, \
         n.in_place_of FROM notices n {rest}"
    );
    all(connection, &sql, values, |row| {
        Ok(NoticeRow {
            notice: row.get(0)?,
            template: row.get(1)?,
            recipient: row.get(2)?,
            duties: Vec::new(),
            more_duties: 0,
            position: Position::new(row.get::<_, i64>(3)?.try_into().unwrap_or(0)),
            queued_at: Instant::from_nanos(row.get(4)?),
            status: row.get(5)?,
            reply: row.get(6)?,
            in_place_of: row.get(7)?,
        })
    })
}

impl Projections {
    /// A subject with its state.
    ///
    /// # Errors
    /// [`ProjectionError`] when the read models cannot be read.
    pub fn subject(&self, id: &str) -> Result<Option<SubjectRow>, ProjectionError> {
        let sql = format!("SELECT {SUBJECT} FROM subjects s WHERE s.subject = ?1");
        self.read(|connection| {
            all(connection, &sql, [id], raw_subject)?.into_iter().next().map(subject).transpose()
        })
    }

    /// The subjects of a kind, by id, but for some.
    ///
    /// # Errors
    /// [`ProjectionError`] when the read models cannot be read.
    pub fn subjects(
        &self,
        kind: SubjectKind,
        except: &[String],
        page: u32,
        size: u32,
    ) -> Result<Listed<SubjectRow>, ProjectionError> {
        const WHICH: &str = "s.kind = ?1 AND s.subject NOT IN (SELECT value FROM json_each(?2))";
        let size = size.clamp(1, MAX_PAGE);
        let except = listed(except)?;
        let counted = format!("SELECT count(*) FROM subjects s WHERE {WHICH}");
        let sql =
            format!("SELECT {SUBJECT} FROM subjects s WHERE {WHICH} ORDER BY s.subject LIMIT ?3 OFFSET ?4");
        self.read(|connection| {
            let total = count(connection, &counted, [kind.name(), &except])?;
            let offset = i64::from(page) * i64::from(size);
            let values = rusqlite::params![kind.name(), except, size, offset];
            let raw = all(connection, &sql, values, raw_subject)?;
            let content = raw.into_iter().map(subject).collect::<Result<_, _>>()?;
            Ok(Listed { content, total_elements: total, number: page, size })
        })
    }

    /// Breaches as raised in the log but for those of some subjects, the latest first; `status` is `raised`, `closed` or
    /// `rescinded`.
    ///
    /// # Errors
    /// [`ProjectionError`] when the read models cannot be read.
    pub fn breaches(
        &self,
        status: Option<&str>,
        holders: &[String],
        except: &[String],
        page: u32,
        size: u32,
    ) -> Result<Listed<BreachRow>, ProjectionError> {
        let size = size.clamp(1, MAX_PAGE);
        let (except, holders) = (listed(except)?, listed(holders)?);
        let sql = "SELECT b.duty, b.rule, b.subject, b.holder, b.due_at, b.generation, b.position, b.raised_at, \
                   b.status FROM breaches b WHERE (?1 IS NULL OR b.status = ?1) \
                   AND b.subject NOT IN (SELECT value FROM json_each(?2)) \
                   AND (?5 = '[]' OR b.holder IN (SELECT value FROM json_each(?5))) \
                   ORDER BY b.position DESC LIMIT ?3 OFFSET ?4";
        self.read(|connection| {
            let counted = "SELECT count(*) FROM breaches WHERE (?1 IS NULL OR status = ?1) \
                           AND subject NOT IN (SELECT value FROM json_each(?2)) \
                           AND (?3 = '[]' OR holder IN (SELECT value FROM json_each(?3)))";
            let total = count(connection, counted, rusqlite::params![status, except, holders])?;
            let offset = i64::from(page) * i64::from(size);
            let content =
                all(connection, sql, rusqlite::params![status, except, size, offset, holders], breach)?;
            Ok(Listed { content, total_elements: total, number: page, size })
        })
    }

    /// Notices, the latest first, but for those about nothing but some subjects; duties of these are not listed.
    ///
    /// # Errors
    /// [`ProjectionError`] when the read models cannot be read.
    pub fn notices(
        &self,
        filter: &NoticeFilter,
        page: u32,
        size: u32,
    ) -> Result<Listed<NoticeRow>, ProjectionError> {
        self.notices_with(filter, page, size, ALL_DUTIES)
    }

    /// The same with so many of the duties that each lists, and how many there are beyond those.
    ///
    /// # Errors
    /// [`ProjectionError`] when the read models cannot be read.
    pub fn notices_in_short(
        &self,
        filter: &NoticeFilter,
        page: u32,
        size: u32,
        duties: u32,
    ) -> Result<Listed<NoticeRow>, ProjectionError> {
        self.notices_with(filter, page, size, duties)
    }

    fn notices_with(
        &self,
        filter: &NoticeFilter,
        page: u32,
        size: u32,
        duties: u32,
    ) -> Result<Listed<NoticeRow>, ProjectionError> {
        /// Those that name no duty, or one at least of another subject.
        const WHICH: &str = "AND (NOT EXISTS (SELECT 1 FROM notice_duties x WHERE x.notice = n.notice) \
             OR EXISTS (SELECT 1 FROM notice_duties x LEFT JOIN duties d ON d.duty = x.duty \
             WHERE x.notice = n.notice AND coalesce(d.subject, '') NOT IN (SELECT value FROM json_each(?1))))";
        const CHOSEN: &str = "WHERE ?1 IS NOT NULL AND (?2 IS NULL OR n.status = ?2) \
             AND (?3 IS NULL OR n.template = ?3) AND (?4 = 0 OR n.dead = 1)";
        let size = size.clamp(1, MAX_PAGE);
        let NoticeFilter { except, status, template, dead } = filter;
        let hidden = listed(except)?;
        // Where nothing is left out every notice counts, and none is looked through.
        let which = if except.is_empty() { CHOSEN.to_owned() } else { format!("{CHOSEN} {WHICH}") };
        let counted = format!("SELECT count(*) FROM notices n {which}");
        let rest = format!("{which} ORDER BY n.position DESC LIMIT ?5 OFFSET ?6");
        self.read(|connection| {
            let total = count(connection, &counted, rusqlite::params![hidden, status, template, dead])?;
            let offset = i64::from(page) * i64::from(size);
            let values = rusqlite::params![hidden, status, template, dead, size, offset];
            let mut content = notices_alone(connection, &rest, values)?;
            // What is left out is left out of all that a notice lists.
            let most = if except.is_empty() { duties } else { ALL_DUTIES };
            for notice in &mut content {
                list_duties(connection, notice, most)?;
            }
            for notice in content.iter_mut().filter(|_| !except.is_empty()) {
                notice.duties.retain(|(duty, _)| {
                    // A duty's id is its rule, its subject and the fact that opened it.
                    let about = duty.split_once(':').map_or("", |(_, rest)| rest);
                    !except.iter().any(|subject| {
                        about.strip_prefix(subject.as_str()).is_some_and(|rest| rest.starts_with(':'))
                    })
                });
                let beyond = notice.duties.len().saturating_sub(duties as usize);
                notice.more_duties += beyond as u64;
                notice.duties.truncate(duties as usize);
            }
            Ok(Listed { content, total_elements: total, number: page, size })
        })
    }

    /// How many notices there are of each kind of mail, status and fate.
    ///
    /// # Errors
    /// [`ProjectionError`] when the read models cannot be read.
    pub fn notice_counts(&self) -> Result<Vec<NoticeCount>, ProjectionError> {
        let sql = "SELECT template, status, dead, count(*) FROM notices GROUP BY 1, 2, 3 ORDER BY 1, 2, 3 LIMIT 1000";
        self.read(|connection| {
            all(connection, sql, [], |row| {
                Ok(NoticeCount {
                    template: row.get(0)?,
                    status: row.get(1)?,
                    dead: row.get(2)?,
                    notices: u64::try_from(row.get::<_, i64>(3)?).unwrap_or(0),
                })
            })
        })
    }

    /// One notice.
    ///
    /// # Errors
    /// [`ProjectionError`] when the read models cannot be read.
    pub fn notice(&self, id: &str) -> Result<Option<NoticeRow>, ProjectionError> {
        self.read(|connection| Ok(notices(connection, "WHERE n.notice = ?1", [id])?.into_iter().next()))
    }

    /// Notices that were sent, of one kind of mail or of all, the latest first, with so many of the duties that each
    /// lists.
    ///
    /// # Errors
    /// [`ProjectionError`] when the read models cannot be read.
    pub fn notices_sent(
        &self,
        template: Option<&str>,
        page: u32,
        size: u32,
        duties: u32,
    ) -> Result<Listed<NoticeRow>, ProjectionError> {
        const WHICH: &str = "WHERE n.status = 'accepted' AND (?1 IS NULL OR n.template = ?1)";
        let size = size.clamp(1, MAX_PAGE);
        let rest = format!("{WHICH} ORDER BY n.settled_at DESC, n.position DESC LIMIT ?2 OFFSET ?3");
        self.read(|connection| {
            let total = count(connection, &format!("SELECT count(*) FROM notices n {WHICH}"), [template])?;
            let offset = i64::from(page) * i64::from(size);
            let mut content = notices_alone(connection, &rest, rusqlite::params![template, size, offset])?;
            for notice in &mut content {
                list_duties(connection, notice, duties)?;
            }
            Ok(Listed { content, total_elements: total, number: page, size })
        })
    }
}
