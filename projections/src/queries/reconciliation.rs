//! Lists of discrepancies.

use mandate_domain::policy::coverage::Check;
use mandate_domain::reconcile::{Approval, Approved, Discrepancy, LogOns};
use mandate_domain::time::Instant;
use rusqlite::Row;
use rusqlite::types::Value;

use super::{all, count};
use crate::Projections;
use crate::error::ProjectionError;
use crate::model::{DiscrepancyFilter, Listed, MAX_PAGE};

/// The discrepancies of nominals, and the log-ons at terminals that are not approved, with the columns to filter and
/// order by.
const ALL: &str = "SELECT subject, \"check\", about, area, prison, since, record, NULL AS org, NULL AS first_at, \
                   NULL AS last_at, NULL AS lost_at FROM discrepancies \
                   UNION ALL \
                   SELECT l.user, ?1, l.terminal, NULL, l.org, max(l.first_at, coalesce(a.since, l.first_at)), NULL, \
                   l.org, l.first_at, l.last_at, a.since FROM log_ons l LEFT JOIN approvals a ON a.terminal = l.terminal \
                   WHERE coalesce(a.approved, 0) = 0 AND l.last_at >= coalesce(a.since, l.last_at)";

/// What stands in a row: a record, or log-ons with when the terminal's approval ended.
enum Raw {
    Record(String),
    LogOns(LogOns, Option<Approval>),
}

fn raw(row: &Row<'_>) -> rusqlite::Result<Raw> {
    if let Some(record) = row.get::<_, Option<String>>(3)? {
        return Ok(Raw::Record(record));
    }
    let log_ons = LogOns {
        user: row.get(0)?,
        terminal: row.get(1)?,
        org: row.get(2)?,
        first_at: Instant::from_nanos(row.get(4)?),
        last_at: Instant::from_nanos(row.get(5)?),
    };
    let lost_at: Option<i64> = row.get(6)?;
    let approval = lost_at.map(Instant::from_nanos).map(|since| Approval { approved: Approved::No, since });
    Ok(Raw::LogOns(log_ons, approval))
}

fn discrepancy(raw: Raw) -> Option<Result<Discrepancy, ProjectionError>> {
    match raw {
        Raw::Record(text) => {
            Some(serde_json::from_str(&text).map_err(|e| ProjectionError::row("discrepancies", &e)))
        }
        Raw::LogOns(log_ons, approval) => log_ons.discrepancy(approval).map(Ok),
    }
}

/// The condition that a filter asks for, with its values.
fn condition(filter: &DiscrepancyFilter) -> (String, Vec<Value>) {
    let mut parts = vec!["1 = 1".to_owned()];
    let mut values = vec![Value::Text(Check::TerminalNotApproved.name().to_owned())];
    let checks: Vec<String> = filter.checks.iter().map(|check| check.name().to_owned()).collect();
    let subject: Vec<String> = filter.subject.iter().cloned().collect();
    for (column, wanted) in
        [("\"check\"", &checks), ("area", &filter.areas), ("prison", &filter.prisons), ("subject", &subject)]
    {
        if wanted.is_empty() {
            continue;
        }
        let marks: Vec<String> =
            (values.len() + 1..=values.len() + wanted.len()).map(|at| format!("?{at}")).collect();
        parts.push(format!("{column} IN ({})", marks.join(", ")));
        values.extend(wanted.iter().cloned().map(Value::Text));
    }
    if !filter.except.is_empty() {
        let marks: Vec<String> =
            (values.len() + 1..=values.len() + filter.except.len()).map(|at| format!("?{at}")).collect();
        parts.push(format!("subject NOT IN ({})", marks.join(", ")));
        values.extend(filter.except.iter().cloned().map(Value::Text));
    }
    (parts.join(" AND "), values)
}

impl Projections {
    /// Where nDelius, ViSOR and NOMIS do not say the same, the oldest first.
    ///
    /// # Errors
    /// [`ProjectionError`] when the read models cannot be read.
    pub fn discrepancies(&self, filter: &DiscrepancyFilter) -> Result<Listed<Discrepancy>, ProjectionError> {
        let size = filter.size.clamp(1, MAX_PAGE);
        let (condition, values) = condition(filter);
        let offset = i64::from(filter.page) * i64::from(size);
        let counted = format!("SELECT count(*) FROM ({ALL}) WHERE {condition}");
        let listed = format!(
            "SELECT subject, about, org, record, first_at, last_at, lost_at FROM ({ALL}) WHERE {condition} \
             ORDER BY since, subject, \"check\", about LIMIT {size} OFFSET {offset}"
        );
        self.read(|connection| {
            let total_elements = count(connection, &counted, rusqlite::params_from_iter(values.iter()))?;
            let raw = all(connection, &listed, rusqlite::params_from_iter(values.iter()), raw)?;
            let content = raw.into_iter().filter_map(discrepancy).collect::<Result<_, _>>()?;
            Ok(Listed { content, total_elements, number: filter.page, size })
        })
    }
}
