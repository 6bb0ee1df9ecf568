//! The cases that programmes cover, in versions.

use mandate_domain::judge::View;
use mandate_domain::policy::Programme;
use mandate_domain::reconcile::Span;
use mandate_domain::time::Instant;
use rusqlite::{Connection, params};

use super::{Writing, execute};
use crate::error::ProjectionError;
use crate::unit::{CaseRow, CaseVersion};

/// A row: a case, and as known at (and as at) which moments it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Standing {
    case: CaseRow,
    at: Instant,
    until: Instant,
}

/// Writes the cases of a unit from the first moment on that was followed.
pub(super) fn write_cases(
    connection: &Connection,
    members: &[String],
    versions: &[CaseVersion],
    writing: Writing,
) -> Result<(), ProjectionError> {
    let Some(first) = versions.first() else { return Ok(()) };
    let stored = if writing == Writing::Over { stored(connection, members, first.at)? } else { Vec::new() };
    let before = stored.iter().filter(|row| row.at < first.at);
    let mut open: Vec<Standing> = before.map(|row| Standing { until: Instant::MAX, ..row.clone() }).collect();
    let mut rows: Vec<Standing> = Vec::new();
    for version in versions {
        let stands = |row: &Standing| version.cases.contains(&row.case);
        let (staying, ended): (Vec<_>, Vec<_>) = open.into_iter().partition(stands);
        rows.extend(ended.into_iter().map(|row| Standing { until: version.at, ..row }));
        open = staying;
        for case in &version.cases {
            if !open.iter().any(|row| row.case == *case) {
                open.push(Standing { case: case.clone(), at: version.at, until: Instant::MAX });
            }
        }
    }
    rows.extend(open);
    if stored.len() == rows.len() && stored.iter().all(|row| rows.contains(row)) {
        return Ok(());
    }
    let what = "write the cases of a unit";
    for row in &stored {
        let sql = "DELETE FROM cases WHERE subject = ?1 AND programme = ?2 AND area = ?3 AND began = ?4 AND at = ?5";
        let CaseRow { subject, programme, area, span } = &row.case;
        let values = params![subject, programme.name(), area, span.from.nanos(), row.at.nanos()];
        execute(connection, what, sql, values)?;
    }
    for row in &rows {
        let sql = "INSERT INTO cases (subject, programme, area, began, ended, at, until) \
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
        let CaseRow { subject, programme, area, span } = &row.case;
        let ended = span.until.map(Instant::nanos);
        let (at, until) = (row.at.nanos(), row.until.nanos());
        let values = params![subject, programme.name(), area, span.from.nanos(), ended, at, until];
        execute(connection, what, sql, values)?;
    }
    Ok(())
}

/// The rows of some subjects that stood at an instant or came later.
fn stored(
    connection: &Connection,
    members: &[String],
    from: Instant,
) -> Result<Vec<Standing>, ProjectionError> {
    let failed = ProjectionError::database("read the cases of a unit");
    let sql = "SELECT programme, area, began, ended, at, until FROM cases WHERE subject = ?1 AND until >= ?2";
    let mut statement = connection.prepare_cached(sql).map_err(&failed)?;
    let mut found = Vec::new();
    for subject in members {
        let mut rows = statement.query(params![subject, from.nanos()]).map_err(&failed)?;
        while let Some(row) = rows.next().map_err(&failed)? {
            let read = || -> rusqlite::Result<Option<Standing>> {
                let Some(programme) = Programme::from_name(row.get_ref(0)?.as_str()?) else {
                    return Ok(None);
                };
                let until: Option<i64> = row.get(3)?;
                let span =
                    Span { from: Instant::from_nanos(row.get(2)?), until: until.map(Instant::from_nanos) };
                let case = CaseRow { subject: subject.clone(), programme, area: row.get(1)?, span };
                let (at, until) = (Instant::from_nanos(row.get(4)?), Instant::from_nanos(row.get(5)?));
                Ok(Some(Standing { case, at, until }))
            };
            found.extend(read().map_err(&failed)?);
        }
    }
    Ok(found)
}

/// The cases of a programme in an area by subject, as at and as known at one and the same moment.
pub(crate) fn cases(
    connection: &Connection,
    area: &str,
    programme: Programme,
    view: View,
) -> Result<Vec<(String, Vec<Span>)>, ProjectionError> {
    let failed = ProjectionError::database("read the cases of a programme");
    let sql = "SELECT subject, began, ended FROM cases WHERE area = ?1 AND programme = ?2 AND at <= ?3 AND until > ?3 \
               ORDER BY subject, began LIMIT 1000000";
    let mut statement = connection.prepare_cached(sql).map_err(&failed)?;
    let values = params![area, programme.name(), view.known_at.nanos()];
    let mut rows = statement.query(values).map_err(&failed)?;
    let mut found: Vec<(String, Vec<Span>)> = Vec::new();
    while let Some(row) = rows.next().map_err(&failed)? {
        let read = || -> rusqlite::Result<(String, Span)> {
            let ended: Option<i64> = row.get(2)?;
            let from = Instant::from_nanos(row.get(1)?);
            Ok((row.get(0)?, Span { from, until: ended.map(Instant::from_nanos) }))
        };
        let (subject, span) = read().map_err(&failed)?;
        match found.last_mut().filter(|(known, _)| *known == subject) {
            Some((_, spans)) => spans.push(span),
            None => found.push((subject, vec![span])),
        }
    }
    Ok(found)
}
