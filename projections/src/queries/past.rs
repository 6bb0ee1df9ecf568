//! Duties at any (as at, known at), from the versions that are stored; units whose versions bend there are judged.

use std::cmp::Ordering;
use std::collections::{BTreeSet, HashMap};

use mandate_domain::judge::{Outcome, View};
use rusqlite::types::Value;
use rusqlite::{Connection, Row};

use super::compliance::{Counter, Counting, Grain, Rows};
use super::duties::{Marks, in_order, named_row};
use super::{all, count, listed};
use crate::cross::Books;
use crate::error::ProjectionError;
use crate::judged::{self, Judged};
use crate::model::{DutyCount, DutyFilter, DutyRow, DutySort, Listed};
use crate::readers::Reading;
use crate::{Projections, rows};

/// Versions of duties that stood: those of today that stood then, and earlier ones.
const STOOD_NOW: &str = "since <= ?1 AND as_from <= ?2";
const STOOD_BEFORE: &str =
    "at <= ?1 AND as_from <= ?2 AND (until > ?1 OR as_until > ?2) AND outcome IS NOT NULL";
/// The unit that a nominal had.
const UNIT: &str = "(SELECT u.unit FROM units u WHERE u.subject = d.subject AND u.at <= ?1 AND u.as_from <= ?2 \
     AND (u.until > ?1 OR u.as_until > ?2))";
/// What is counted of either table at a view.
const NOW: Rows = Rows {
    table: "duties",
    index: "duties_by_due",
    stood: "d.since <= ?3 AND d.as_from <= ?4",
    unit: COUNTED_UNIT,
};
const BEFORE: Rows = Rows {
    table: "duty_history",
    index: "history_by_due",
    stood: "d.at <= ?3 AND d.as_from <= ?4 AND (d.until > ?3 OR d.as_until > ?4) AND d.alike IS NOT NULL",
    unit: COUNTED_UNIT,
};
/// The unit that a nominal had, for what is counted.
const COUNTED_UNIT: &str = "(SELECT u.unit FROM units u WHERE u.subject = d.subject AND u.at <= ?3 AND u.as_from <= ?4 \
     AND (u.until > ?3 OR u.as_until > ?4))";
/// Whether a duty is open, by either table.
const OPEN: &str = "d.outcome IN ('pending', 'overdue')";
/// Most subjects that are judged for one view.
const MOST_JUDGED: usize = 20_000;
/// Most rows that the pages before one may hold.
const MOST_SKIPPED: u64 = 100_000;
/// Nanoseconds of a day.
const DAY: i64 = 86_400_000_000_000;

/// Duties as they stood at a view.
#[derive(Debug)]
pub struct Past<'p> {
    projections: &'p Projections,
    /// One state for what is judged, listed and counted.
    state: Reading<'p>,
    view: View,
    books: std::sync::Arc<Books>,
    /// Subjects of whom the stored versions do not tell how they stood, and their duties.
    subjects: Vec<String>,
    judged: Vec<DutyRow>,
    /// The types of fact that these show, by holder, as bits.
    evidence: HashMap<String, u128>,
}

impl Projections {
    /// Duties as they stood at a view.
    ///
    /// # Errors
    /// [`ProjectionError::TooMuch`] where too many subjects would have to be judged; [`ProjectionError`] when the read
    /// models cannot be read.
    pub fn past(&self, view: View) -> Result<Past<'_>, ProjectionError> {
        let books = self.shared.cross()?.books_known_at(view.known_at)?;
        let state = self.one_state()?;
        let bent = bent(&state, view)?;
        if bent.len() > MOST_JUDGED {
            return Err(ProjectionError::TooMuch(format!(
                "{} subjects would have to be judged for that moment, more than {MOST_JUDGED}; ask for one of them, or \
                 for a moment at which what is asked about was known",
                bent.len()
            )));
        }
        // Before they were merged, members had bends of their own.
        let sets: Vec<Vec<String>> = {
            let cross = self.shared.cross()?;
            let leaders: BTreeSet<&str> = bent.iter().map(|subject| cross.leader(subject)).collect();
            leaders.into_iter().map(|leader| cross.members(leader)).collect()
        };
        let Judged { duties, evidence } = judged::at(&state, &self.shared, &books, &sets, view)?;
        let mut marks = Marks::new(&state, &books).with_judged(&evidence);
        let row = |found: judged::Found| {
            let mut record = found.record;
            marks.mark_at(&mut record, found.version, view)?;
            let reference = record.short_reference();
            Ok(named_row(&books, reference, found.unit, found.version, record))
        };
        let judged: Vec<DutyRow> = duties.into_iter().map(row).collect::<Result<_, ProjectionError>>()?;
        drop(marks);
        Ok(Past { projections: self, state, view, books, subjects: sets.concat(), judged, evidence })
    }
}

/// The units of which the stored versions do not tell how they stood, by their first member; those that are parked stay
/// as they were.
fn bent(connection: &Connection, view: View) -> Result<Vec<String>, ProjectionError> {
    const WHICH: &str = "at > ?1 AND as_from <= ?2 AND known_from <= ?3 \
                         AND subject NOT IN (SELECT p.subject FROM parked p)";
    let View { as_at, known_at } = view;
    let values = [as_at.min(known_at).nanos(), as_at.nanos(), known_at.nanos()];
    let sql = if as_at == known_at {
        format!(
            "SELECT DISTINCT subject FROM bends WHERE as_from < at AND known_from < at AND kind <> 2 AND {WHICH}"
        )
    } else {
        format!("SELECT DISTINCT subject FROM bends WHERE {WHICH}")
    };
    all(connection, &sql, values, |row| row.get(0))
}

impl Past<'_> {
    /// Lists duties, as [`Projections::duties`] does for the present; any number on a page.
    ///
    /// # Errors
    /// [`ProjectionError::TooMuch`] for a page far behind the first; [`ProjectionError`] when the read models cannot be
    /// read.
    pub fn duties(&self, filter: &DutyFilter) -> Result<Listed<DutyRow>, ProjectionError> {
        let size = filter.size.max(1);
        let (page, size_u64) = (u64::from(filter.page), u64::from(size));
        if page * size_u64 > MOST_SKIPPED {
            return Err(ProjectionError::TooMuch(format!(
                "a list at a past moment is turned over up to row {MOST_SKIPPED}; filter it, or take it as CSV"
            )));
        }
        let mut judged: Vec<&DutyRow> = self.judged.iter().filter(|row| matches(filter, row)).collect();
        judged.sort_by(|one, other| order(filter, one, other));
        let connection = &*self.state;
        let condition = self.condition(filter)?;
        let total =
            count(connection, &condition.counted(), rusqlite::params_from_iter(condition.values.iter()))?;
        // Where others are to be put between them, all up to the page's end are read.
        let most = (page + 1) * size_u64;
        let (limit, offset) = if judged.is_empty() { (size_u64, page * size_u64) } else { (most, 0) };
        let (sql, values) = condition.page(filter, most, (limit, offset));
        let mut marks = Marks::new(connection, &self.books).with_judged(&self.evidence);
        let raw = all(connection, &sql, rusqlite::params_from_iter(values.iter()), raw)?;
        let content: Result<Vec<DutyRow>, _> = raw.into_iter().map(|raw| self.row(&mut marks, raw)).collect();
        let mut content = content?;
        let total_elements = total + judged.len() as u64;
        if !judged.is_empty() {
            content.extend(judged.into_iter().cloned());
            content.sort_by(|one, other| order(filter, one, other));
            let skipped = usize::try_from(page * size_u64).unwrap_or(usize::MAX);
            content = content.into_iter().skip(skipped).take(size as usize).collect();
        }
        Ok(Listed { content, total_elements, number: filter.page, size })
    }

    /// Counts duties as they stood, as [`Projections::duty_counts`] does for the present.
    ///
    /// # Errors
    /// [`ProjectionError`] when the read models cannot be read.
    pub fn duty_counts(&self, counting: Counting<'_>) -> Result<Vec<Vec<DutyCount>>, ProjectionError> {
        let except: Vec<String> = counting.except.iter().chain(&self.subjects).cloned().collect();
        let mut counter = Counter::new(&self.state, counting, &except)?;
        for rows in [NOW, BEFORE] {
            counter.count_at(rows, self.view)?;
        }
        let mut marks = Marks::new(&self.state, &self.books).with_judged(&self.evidence);
        let mut counts = counter.counts(&self.projections.shared, |alike| {
            let holder = alike.holder.as_deref();
            marks.is_marked(&alike.rule, alike.version, alike.outcome, holder, self.view)
        })?;
        for row in &self.judged {
            let record = &row.record;
            let of_holders =
                |holders: &[String]| record.holder.as_ref().is_some_and(|holder| holders.contains(holder));
            if counting.except.contains(&record.subject) || !counting.holders.is_none_or(of_holders) {
                continue;
            }
            let period = record.due_at.and_then(|due_at| counting.period_of(due_at));
            if let Some(counts) = period.and_then(|period| counts.get_mut(period)) {
                counts.push(one(row, counting.grain));
            }
        }
        Ok(counts)
    }

    fn row(&self, marks: &mut Marks<'_>, raw: Raw) -> Result<DutyRow, ProjectionError> {
        let (duty, version, text, unit, parked) = raw;
        let mut record = rows::record(&duty, &text, self.view.as_at)?;
        marks.mark_at(&mut record, version, self.view)?;
        let reference = record.short_reference();
        Ok(DutyRow { parked, ..named_row(&self.books, reference, unit, version, record) })
    }

    /// The condition of a filter on either table, with its values; the first two are K and T.
    fn condition(&self, filter: &DutyFilter) -> Result<Condition, ProjectionError> {
        let View { as_at, known_at } = self.view;
        let mut terms = Terms::new([known_at.nanos(), as_at.nanos()].map(Value::Integer));
        terms.none_of("subject", Value::Text(listed(&self.subjects)?));
        if !filter.holders.is_empty() {
            terms.one_of("holder", listed(&filter.holders)?);
        }
        if let Some(subject) = filter.subject.clone() {
            terms.one_of("subject", listed(&[subject])?);
        }
        if !filter.except.is_empty() {
            terms.none_of("subject", Value::Text(listed(&filter.except)?));
        }
        let indexed = std::mem::take(&mut terms.all);
        if !filter.rules.is_empty() {
            terms.one_of("d.rule", listed(&filter.rules)?);
        }
        if !filter.units.is_empty() {
            terms.one_of(UNIT, listed(&filter.units)?);
        }
        if !filter.outcomes.is_empty() {
            let ways: Vec<String> = filter.outcomes.iter().map(|outcome| way(*outcome)).collect();
            terms.add(format!("({})", ways.join(" OR ")));
        }
        if let Some(breach) = filter.breach {
            let rules = terms.value(Value::Text(listed(&self.books.policy_rules())?));
            // The outcome stands in the indexes, the rule does not.
            let missed = format!(
                "((d.outcome IN ('met_late', 'lapsed') OR {}) AND d.rule IN (SELECT value FROM json_each({rules})))",
                way(Outcome::Overdue)
            );
            terms.add(if breach { missed } else { format!("NOT {missed}") });
        }
        for (column, date) in [("d.due_on >=", filter.due_from), ("d.due_on <=", filter.due_to)] {
            if let Some(date) = date {
                let value = terms.value(Value::Integer(i64::from(date.days())));
                terms.add(format!("{column} {value}"));
            }
        }
        Ok(Condition { indexed: indexed.join(" AND "), rest: terms.all.join(" AND "), values: terms.values })
    }
}

/// What a list at a view is chosen by.
struct Condition {
    /// Of what the indexes hold.
    indexed: String,
    /// Of what is read of the rows, named `d`; empty where nothing more is asked for.
    rest: String,
    values: Vec<Value>,
}

impl Condition {
    /// Where those stand that stood then and stand today.
    fn now(&self) -> String {
        let Self { indexed, rest, .. } = self;
        let rest = if rest.is_empty() { String::new() } else { format!(" AND {rest}") };
        format!("duties d WHERE {STOOD_NOW} AND {indexed}{rest}")
    }

    /// Where those stand that stood then and do no longer. The rows, which are wide, are read of those alone that the
    /// index gives.
    fn before(&self, needs_rows: bool) -> String {
        let Self { indexed, rest, .. } = self;
        if rest.is_empty() && !needs_rows {
            return format!("duty_history d WHERE {STOOD_BEFORE} AND {indexed}");
        }
        let rest = if rest.is_empty() { "1" } else { rest };
        format!(
            "(SELECT subject AS s, duty AS u, at AS a FROM duty_history WHERE {STOOD_BEFORE} AND {indexed}) h \
             CROSS JOIN duty_history d ON d.subject = h.s AND d.duty = h.u AND d.at = h.a WHERE {rest}"
        )
    }

    /// The statement that counts them.
    fn counted(&self) -> String {
        let (now, before) = (self.now(), self.before(false));
        format!("SELECT (SELECT count(*) FROM {now}) + (SELECT count(*) FROM {before})")
    }

    /// The statement that gives the rows of a page, found among the first `most` of each table, with its values.
    fn page(&self, filter: &DutyFilter, most: u64, (limit, offset): (u64, u64)) -> (String, Vec<Value>) {
        let mut values = self.values.clone();
        let key = key(filter.sort);
        let direction = if filter.descending { "DESC" } else { "ASC" };
        let columns = format!("d.duty, d.subject, {key} AS k");
        let order = format!("ORDER BY k {direction} NULLS LAST, duty");
        let first = |place: &str, from: &str| {
            format!("SELECT * FROM (SELECT {place} AS place, {columns} FROM {from} {order} LIMIT {most})")
        };
        let mut parts = vec![first("d.at", &self.before(filter.sort != DutySort::ActBy))];
        // What an index holds in this order is read from its beginning, outcome by outcome.
        match in_order(&DutyFilter { outcomes: Vec::new(), breach: None, ..filter.clone() }) {
            Some(found) => {
                for part in found {
                    let mut from = self.now();
                    let outcomes = part.outcomes.iter().map(|outcome| outcome.name().to_owned());
                    let wanted = outcomes.map(|outcome| ("outcome", outcome));
                    for (column, value) in
                        wanted.chain(part.holders.into_iter().map(|holder| ("holder", holder)))
                    {
                        values.push(Value::Text(value));
                        from.push_str(&format!(" AND d.{column} = ?{}", values.len()));
                    }
                    parts.push(first("NULL", &from));
                }
            }
            None => parts.push(first("NULL", &self.now())),
        }
        let all = parts.join(" UNION ALL ");
        let sql = format!(
            "SELECT d.duty, ifnull(n.version, h.version), ifnull(n.record, h.record), {UNIT}, \
             d.subject IN (SELECT p.subject FROM parked p) \
             FROM (SELECT * FROM ({all}) {order} LIMIT {limit} OFFSET {offset}) d \
             LEFT JOIN duties n ON d.place IS NULL AND n.duty = d.duty \
             LEFT JOIN duty_history h ON h.subject = d.subject AND h.duty = d.duty AND h.at = d.place \
             ORDER BY d.k {direction} NULLS LAST, d.duty"
        );
        (sql, values)
    }
}

/// A condition in the making.
struct Terms {
    all: Vec<String>,
    values: Vec<Value>,
}

impl Terms {
    fn new(values: impl IntoIterator<Item = Value>) -> Self {
        Self { all: Vec::new(), values: values.into_iter().collect() }
    }

    fn add(&mut self, term: String) {
        self.all.push(term);
    }

    /// The place of a value in the statement.
    fn value(&mut self, value: Value) -> String {
        self.values.push(value);
        format!("?{}", self.values.len())
    }

    fn one_of(&mut self, what: &str, wanted: String) {
        let wanted = self.value(Value::Text(wanted));
        self.add(format!("{what} IN (SELECT value FROM json_each({wanted}))"));
    }

    fn none_of(&mut self, what: &str, unwanted: Value) {
        let unwanted = self.value(unwanted);
        self.add(format!("{what} NOT IN (SELECT value FROM json_each({unwanted}))"));
    }
}

/// Whether a duty had an outcome, by either table.
fn way(outcome: Outcome) -> String {
    match outcome {
        Outcome::Pending => format!("({OPEN} AND (d.due_at IS NULL OR d.due_at > ?2))"),
        Outcome::Overdue => format!("({OPEN} AND d.due_at IS NOT NULL AND d.due_at <= ?2)"),
        Outcome::Met
        | Outcome::MetLate
        | Outcome::Withdrawn
        | Outcome::Lapsed
        | Outcome::Superseded
        | Outcome::Exempt
        | Outcome::Annulled => format!("d.outcome = '{}'", outcome.name()),
    }
}

/// What stands in the columns: duty, version, record, unit, parked.
type Raw = (String, u16, String, Option<String>, bool);

fn raw(row: &Row<'_>) -> rusqlite::Result<Raw> {
    Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?))
}

/// What a list is ordered by.
fn key(sort: DutySort) -> String {
    match sort {
        DutySort::ActBy => "d.act_by".to_owned(),
        DutySort::Due => "d.due_at".to_owned(),
        DutySort::Opened => "d.opened_at".to_owned(),
        DutySort::Rule => "d.rule".to_owned(),
        DutySort::Subject => "d.subject".to_owned(),
        DutySort::Holder => "d.holder".to_owned(),
        DutySort::Outcome => format!("CASE WHEN {} THEN 'overdue' ELSE d.outcome END", way(Outcome::Overdue)),
    }
}

/// A duty that counts by itself.
fn one(row: &DutyRow, grain: Grain) -> DutyCount {
    let record = &row.record;
    let lag = record.known_since.nanos().saturating_sub(record.opened_at.nanos()) / DAY;
    DutyCount {
        holder: record.holder.as_deref().map(Into::into),
        unit: row.unit.as_deref().filter(|_| grain == Grain::LagAndUnit).map(Into::into),
        rule: record.rule.as_str().into(),
        outcome: record.outcome(),
        inherited: record.inherited,
        born_overdue: record.born_overdue,
        not_evidenced: record.flags.iter().any(|flag| flag == "not_evidenced"),
        lag_days: if grain == Grain::Coarse { 0 } else { u32::try_from(lag.max(0)).unwrap_or(u32::MAX) },
        duties: 1,
    }
}

fn matches(filter: &DutyFilter, row: &DutyRow) -> bool {
    let one_of = |wanted: &[String], found: Option<&str>| {
        wanted.is_empty() || found.is_some_and(|found| wanted.iter().any(|one| one == found))
    };
    let record = &row.record;
    one_of(&filter.holders, record.holder.as_deref())
        && one_of(&filter.units, row.unit.as_deref())
        && one_of(&filter.rules, Some(&record.rule))
        && (filter.outcomes.is_empty() || filter.outcomes.contains(&record.outcome()))
        && filter.subject.as_ref().is_none_or(|subject| *subject == record.subject)
        && !filter.except.contains(&record.subject)
        && filter.breach.is_none_or(|breach| breach == record.breach)
        && filter.due_from.is_none_or(|from| record.due_on.is_some_and(|due_on| due_on >= from))
        && filter.due_to.is_none_or(|to| record.due_on.is_some_and(|due_on| due_on <= to))
}

/// The order asked for; what has no value stands last either way, ties go by id.
fn order(filter: &DutyFilter, one: &DutyRow, other: &DutyRow) -> Ordering {
    let (a, b) = (&one.record, &other.record);
    let ordered = match filter.sort {
        DutySort::ActBy => optional(a.act_by, b.act_by, filter.descending),
        DutySort::Due => optional(a.due_at, b.due_at, filter.descending),
        DutySort::Opened => optional(Some(a.opened_at), Some(b.opened_at), filter.descending),
        DutySort::Rule => optional(Some(&a.rule), Some(&b.rule), filter.descending),
        DutySort::Subject => optional(Some(&a.subject), Some(&b.subject), filter.descending),
        DutySort::Holder => optional(a.holder.as_ref(), b.holder.as_ref(), filter.descending),
        DutySort::Outcome => optional(Some(&a.outcome), Some(&b.outcome), filter.descending),
    };
    ordered.then_with(|| a.duty.cmp(&b.duty))
}

fn optional<T: Ord>(one: Option<T>, other: Option<T>, descending: bool) -> Ordering {
    match (one, other) {
        (None, None) => Ordering::Equal,
        (None, Some(_)) => Ordering::Greater,
        (Some(_), None) => Ordering::Less,
        (Some(one), Some(other)) if descending => other.cmp(&one),
        (Some(one), Some(other)) => one.cmp(&other),
    }
}
