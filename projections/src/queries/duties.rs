//! Lists of duties, and one duty.

use rusqlite::types::Value;
use rusqlite::{Connection, Row};

use super::{all, count};
use crate::error::ProjectionError;
use crate::model::{DutyFilter, DutyRow, DutySort, Listed, MAX_PAGE};
use crate::{Projections, rows};

const COLUMNS: &str = "d.reference, d.severity, d.title, d.unit, d.version, d.record, \
    (SELECT count(*) FROM breaches b WHERE b.duty = d.duty AND b.status = 'rescinded'), \
    EXISTS (SELECT 1 FROM breaches b WHERE b.duty = d.duty AND b.status <> 'rescinded')";

/// What stands in the columns, before the record is read.
type Raw = (String, String, String, Option<String>, u16, String, u32, bool);

fn raw(row: &Row<'_>) -> rusqlite::Result<Raw> {
    Ok((
        row.get(0)?,
        row.get(1)?,
        row.get(2)?,
        row.get(3)?,
        row.get(4)?,
        row.get(5)?,
        row.get(6)?,
        row.get(7)?,
    ))
}

fn duty_row(raw: Raw) -> Result<DutyRow, ProjectionError> {
    let (reference, severity, title, unit, version, record, generation, raised) = raw;
    Ok(DutyRow {
        reference,
        severity,
        title,
        unit,
        version,
        generation,
        raised,
        record: rows::record(&record)?,
    })
}

/// Duties `d` that a condition selects, with the rest of the statement.
pub(super) fn select(
    connection: &Connection,
    rest: &str,
    values: impl rusqlite::Params,
) -> Result<Vec<DutyRow>, ProjectionError> {
    let sql = format!("SELECT {COLUMNS} FROM duties d {rest}");
    all(connection, &sql, values, raw)?.into_iter().map(duty_row).collect()
}

impl Projections {
    /// Lists duties.
    ///
    /// # Errors
    /// [`ProjectionError`] when the read models cannot be read.
    pub fn duties(&self, filter: &DutyFilter) -> Result<Listed<DutyRow>, ProjectionError> {
        let (condition, values) = condition(filter);
        let size = filter.size.clamp(1, MAX_PAGE);
        let direction = if filter.descending { "DESC" } else { "ASC" };
        let order = match filter.sort {
            DutySort::ActBy => "d.act_by",
            DutySort::Due => "d.due_at",
            DutySort::Opened => "d.opened_at",
            DutySort::Rule => "d.rule",
            DutySort::Subject => "d.subject",
            DutySort::Holder => "d.holder",
            DutySort::Outcome => "d.outcome",
        };
        let rest = format!(
            "WHERE {condition} ORDER BY {order} IS NULL, {order} {direction}, d.duty LIMIT {size} OFFSET {}",
            u64::from(filter.page) * u64::from(size)
        );
        self.read(|connection| {
            let counted = format!("SELECT count(*) FROM duties d WHERE {condition}");
            let total = count(connection, &counted, rusqlite::params_from_iter(values.iter()))?;
            let content = select(connection, &rest, rusqlite::params_from_iter(values.iter()))?;
            Ok(Listed { content, total_elements: total, number: filter.page, size })
        })
    }

    /// One duty by its id or its short reference.
    ///
    /// # Errors
    /// [`ProjectionError`] when the read models cannot be read.
    pub fn duty(&self, id_or_reference: &str) -> Result<Option<DutyRow>, ProjectionError> {
        let by = if id_or_reference.starts_with("D-") { "d.reference" } else { "d.duty" };
        self.read(|connection| {
            let found =
                select(connection, &format!("WHERE {by} = ?1 ORDER BY d.duty LIMIT 1"), [id_or_reference])?;
            Ok(found.into_iter().next())
        })
    }

    /// Number of duties by rule and outcome.
    ///
    /// # Errors
    /// [`ProjectionError`] when the read models cannot be read.
    pub fn counts(
        &self,
    ) -> Result<std::collections::HashMap<(String, mandate_domain::judge::Outcome), u64>, ProjectionError>
    {
        self.read(rows::counts)
    }
}

/// The condition of a filter, with its values in order.
fn condition(filter: &DutyFilter) -> (String, Vec<Value>) {
    let mut terms = vec!["1".to_owned()];
    let mut values: Vec<Value> = Vec::new();
    let mut one_of = |column: &str, wanted: Vec<String>| {
        if !wanted.is_empty() {
            let places = vec!["?"; wanted.len()].join(", ");
            terms.push(format!("{column} IN ({places})"));
            values.extend(wanted.into_iter().map(Value::Text));
        }
    };
    one_of("d.holder", filter.holders.clone());
    one_of("d.unit", filter.units.clone());
    one_of("d.rule", filter.rules.clone());
    one_of("d.outcome", filter.outcomes.iter().map(|outcome| outcome.name().to_owned()).collect());
    one_of("d.subject", filter.subject.iter().cloned().collect());
    if let Some(breach) = filter.breach {
        terms.push("d.breach = ?".to_owned());
        values.push(Value::Integer(i64::from(breach)));
    }
    for (column, date) in [("d.due_on >= ?", filter.due_from), ("d.due_on <= ?", filter.due_to)] {
        if let Some(date) = date {
            terms.push(column.to_owned());
            values.push(Value::Integer(i64::from(date.days())));
        }
    }
    (terms.join(" AND "), values)
}
