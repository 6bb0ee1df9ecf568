//! Lists of duties, and one duty.

use std::collections::HashMap;

use mandate_domain::catalogue::FactType;
use mandate_domain::judge::{DutyRecord, Outcome, View};
use mandate_domain::time::Instant;
use rusqlite::types::Value;
use rusqlite::{Connection, Row};

use super::{all, listed};
use crate::cross::Books;
use crate::error::ProjectionError;
use crate::model::{DutyFilter, DutyRow, DutySort, Listed, MAX_PAGE};
use crate::{Projections, rows};

const COLUMNS: &str = "d.duty, d.reference, d.unit, d.version, d.record, d.outcome = 'overdue', \
    (SELECT count(*) FROM breaches b WHERE b.duty = d.duty AND +b.status = 'rescinded'), \
    EXISTS (SELECT 1 FROM breaches b WHERE b.duty = d.duty AND b.status <> 'rescinded'), \
    EXISTS (SELECT 1 FROM parked p WHERE p.subject = d.subject)";

/// What stands in the columns, before the record is read.
type Raw = (String, String, Option<String>, u16, String, bool, u32, bool, bool);

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
        row.get(8)?,
    ))
}

/// The outcomes of a duty that was missed.
pub(super) const MISSED: [Outcome; 3] = [Outcome::Overdue, Outcome::MetLate, Outcome::Lapsed];
/// Most holders of a list that are looked up one by one.
const FEW: usize = 8;
/// The mark of a missed duty of whose holder no fact that could end it was ever recorded.
const MARK: &str = "not_evidenced";

/// Since when each type of fact was recorded for a holder, by index, of the holders asked about.
pub(super) struct Marks<'c> {
    connection: &'c Connection,
    books: &'c Books,
    since: HashMap<String, Vec<(usize, Instant)>>,
    /// What judged units add, by holder.
    judged: HashMap<String, u128>,
}

impl<'c> Marks<'c> {
    pub fn new(connection: &'c Connection, books: &'c Books) -> Self {
        Self { connection, books, since: HashMap::new(), judged: HashMap::new() }
    }

    /// The same with what units show that were judged at a view.
    pub fn with_judged(mut self, judged: &HashMap<String, u128>) -> Self {
        self.judged.clone_from(judged);
        self
    }

    /// Whether a missed duty is to be marked as at a view.
    pub fn is_marked(
        &mut self,
        rule: &str,
        version: u16,
        outcome: Outcome,
        holder: Option<&str>,
        view: View,
    ) -> Result<bool, ProjectionError> {
        let Some((holder, wanted)) = self.wanted(rule, version, outcome, holder)? else { return Ok(false) };
        if self.judged.get(holder).is_some_and(|seen| seen & wanted != 0) {
            return Ok(false);
        }
        Ok(self.since(holder, wanted) > view.as_at.min(view.known_at))
    }

    /// Since when a missed duty is not marked: [`Instant::MIN`] for one that never is, [`Instant::MAX`] for one that
    /// still is.
    pub fn evidenced_since(
        &mut self,
        record: &mandate_domain::judge::DutyRecord,
        version: u16,
    ) -> Result<Instant, ProjectionError> {
        self.since_when(&record.rule, version, record.outcome(), record.holder.as_deref())
    }

    /// The same of all duties of a rule, an outcome and a holder.
    pub fn since_when(
        &mut self,
        rule: &str,
        version: u16,
        outcome: Outcome,
        holder: Option<&str>,
    ) -> Result<Instant, ProjectionError> {
        let Some((holder, wanted)) = self.wanted(rule, version, outcome, holder)? else {
            return Ok(Instant::MIN);
        };
        Ok(self.since(holder, wanted))
    }

    /// Since when one of some types of fact was recorded for a holder of whom that was read.
    fn since(&self, holder: &str, wanted: u128) -> Instant {
        let known = self.since.get(holder).into_iter().flatten();
        let fitting = known.filter(|(kind, _)| wanted & (1 << kind) != 0).map(|(_, since)| *since);
        fitting.min().unwrap_or(Instant::MAX)
    }

    /// The holder and the types of fact of which one takes the mark away, where a duty may be marked; what was recorded
    /// for the holder is read.
    fn wanted<'h>(
        &mut self,
        rule: &str,
        version: u16,
        outcome: Outcome,
        holder: Option<&'h str>,
    ) -> Result<Option<(&'h str, u128)>, ProjectionError> {
        let missed = matches!(outcome, Outcome::Overdue | Outcome::Lapsed);
        let (true, Some(holder)) = (missed, holder) else { return Ok(None) };
        let Some(wanted) = self.books.evidence(rule, version) else { return Ok(None) };
        if !self.since.contains_key(holder) {
            let sql = "SELECT type, since FROM evidence WHERE holder = ?1 LIMIT 1000";
            let found = all(self.connection, sql, [holder], |row| {
                Ok((row.get::<_, String>(0)?, Instant::from_nanos(row.get(1)?)))
            })?;
            let by_index =
                |(kind, since): (String, Instant)| Some((FactType::from_name(&kind)?.index(), since));
            self.since.insert(holder.to_owned(), found.into_iter().filter_map(by_index).collect());
        }
        Ok(Some((holder, wanted)))
    }

    /// Marks a record as at a view.
    pub fn mark_at(
        &mut self,
        record: &mut DutyRecord,
        version: u16,
        view: View,
    ) -> Result<(), ProjectionError> {
        if self.is_marked(&record.rule, version, record.outcome(), record.holder.as_deref(), view)? {
            record.flags.push(MARK.to_owned());
        }
        Ok(())
    }

    /// Marks a record as at an instant.
    pub fn mark(
        &mut self,
        record: &mut mandate_domain::judge::DutyRecord,
        version: u16,
        at: Instant,
    ) -> Result<Instant, ProjectionError> {
        let since = self.evidenced_since(record, version)?;
        if since > at {
            record.flags.push(MARK.to_owned());
        }
        Ok(since)
    }
}

fn duty_row(marks: &mut Marks<'_>, raw: Raw) -> Result<DutyRow, ProjectionError> {
    let (duty, reference, unit, version, record, is_overdue, generation, raised, parked) = raw;
    let mut record = rows::record(&duty, &record, if is_overdue { Instant::MAX } else { Instant::MIN })?;
    // All that is stored was recorded by now.
    marks.mark(&mut record, version, Instant::MAX.just_before())?;
    let row = named_row(marks.books, reference, unit, version, record);
    Ok(DutyRow { generation, raised, parked, ..row })
}

/// A duty with what its rule says, as if nothing were known of its breaches.
pub(super) fn named_row(
    books: &Books,
    reference: String,
    unit: Option<String>,
    version: u16,
    record: DutyRecord,
) -> DutyRow {
    let rule = books.policy.rule(&record.rule);
    DutyRow {
        reference,
        severity: rule.map_or("low", |rule| severity_name(rule.severity)).to_owned(),
        title: rule.map_or(String::new(), |rule| rule.duty.clone()),
        unit,
        version,
        generation: 0,
        raised: false,
        parked: false,
        record,
    }
}

const fn severity_name(severity: mandate_domain::policy::Severity) -> &'static str {
    use mandate_domain::policy::Severity;
    match severity {
        Severity::Low => "low",
        Severity::Medium => "medium",
        Severity::High => "high",
        Severity::Critical => "critical",
    }
}

/// Duties `d` that a condition selects, with the rest of the statement.
pub(super) fn select(
    connection: &Connection,
    books: &Books,
    rest: &str,
    values: impl rusqlite::Params,
) -> Result<Vec<DutyRow>, ProjectionError> {
    let sql = format!("SELECT {COLUMNS} FROM duties d {rest}");
    let mut marks = Marks::new(connection, books);
    all(connection, &sql, values, raw)?.into_iter().map(|raw| duty_row(&mut marks, raw)).collect()
}

impl Projections {
    /// Lists duties.
    ///
    /// # Errors
    /// [`ProjectionError`] when the read models cannot be read.
    pub fn duties(&self, filter: &DutyFilter) -> Result<Listed<DutyRow>, ProjectionError> {
        let size = filter.size.clamp(1, MAX_PAGE);
        let (chosen, values) = chosen(filter, size)?;
        let order = order(filter);
        // The columns are read of the rows of the page alone: what is sorted are ids.
        let rest = format!("WHERE d.rowid IN ({chosen}) ORDER BY {order}");
        let books = self.books()?;
        let state = self.one_state()?;
        let total_elements = counted(&state, &books, filter)?.values().sum();
        let content = select(&state, &books, &rest, rusqlite::params_from_iter(values.iter()))?;
        Ok(Listed { content, total_elements, number: filter.page, size })
    }

    /// Hands over every duty of a list in its order, whatever page is asked for: all of one state of the read models.
    ///
    /// # Errors
    /// [`ProjectionError`] when the read models cannot be read.
    pub fn each_duty(
        &self,
        filter: &DutyFilter,
        mut each: impl FnMut(DutyRow),
    ) -> Result<(), ProjectionError> {
        /// Duties that are read at once.
        const AT_ONCE: usize = 1_000;
        let (chosen, values) = chosen(&DutyFilter { page: 0, ..filter.clone() }, u32::MAX)?;
        let some = format!("WHERE d.rowid IN (SELECT value FROM json_each(?1)) ORDER BY {}", order(filter));
        let books = self.books()?;
        let state = self.one_state()?;
        let values = rusqlite::params_from_iter(values.iter());
        let places: Vec<i64> = all(&state, &chosen, values, |row| row.get(0))?;
        for places in places.chunks(AT_ONCE) {
            let places = serde_json::to_string(places);
            let places = places.map_err(|error| ProjectionError::row("duties", &error))?;
            select(&state, &books, &some, [places])?.into_iter().for_each(&mut each);
        }
        Ok(())
    }

    /// How many duties of a list stand where.
    ///
    /// # Errors
    /// [`ProjectionError`] when the read models cannot be read.
    pub fn outcomes(&self, filter: &DutyFilter) -> Result<HashMap<Outcome, u64>, ProjectionError> {
        let books = self.books()?;
        counted(&*self.one_state()?, &books, filter)
    }

    /// One duty by its id or its short reference.
    ///
    /// # Errors
    /// [`ProjectionError`] when the read models cannot be read.
    pub fn duty(&self, id_or_reference: &str) -> Result<Option<DutyRow>, ProjectionError> {
        let by = if id_or_reference.starts_with("D-") { "d.reference" } else { "d.duty" };
        let books = self.books()?;
        self.read(|connection| {
            let one = format!("WHERE {by} = ?1 ORDER BY d.duty LIMIT 1");
            let found = select(connection, &books, &one, [id_or_reference])?;
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

/// The order of a list: what has no value stands last either way, ties go by id.
fn order(filter: &DutyFilter) -> String {
    let column = match filter.sort {
        DutySort::ActBy => "d.act_by",
        DutySort::Due => "d.due_at",
        DutySort::Opened => "d.opened_at",
        DutySort::Rule => "d.rule",
        DutySort::Subject => "d.subject",
        DutySort::Holder => "d.holder",
        DutySort::Outcome => "d.outcome",
    };
    let direction = if filter.descending { "DESC" } else { "ASC" };
    format!("{column} {direction} NULLS LAST, d.duty")
}

/// The statement that gives the rows of a page, with its values in order.
fn chosen(filter: &DutyFilter, size: u32) -> Result<(String, Vec<Value>), ProjectionError> {
    let order = order(filter);
    let skipped = u64::from(filter.page) * u64::from(size);
    let mut values = Values::default();
    let Some(found) = in_order(filter) else {
        let condition = condition(filter, Hidden::LeftOut, &mut values)?;
        let sql = format!(
            "SELECT d.rowid FROM duties d WHERE {condition} ORDER BY {order} LIMIT {size} OFFSET {skipped}"
        );
        return Ok((sql, values.all));
    };
    let mut parts = Vec::new();
    for part in found {
        let condition = condition(&part, Hidden::LeftOut, &mut values)?;
        let most = skipped + u64::from(size);
        parts.push(format!(
            "SELECT * FROM (SELECT d.rowid AS place, d.act_by, d.duty FROM duties d WHERE {condition} \
             ORDER BY {order} LIMIT {most})"
        ));
    }
    let all = parts.join(" UNION ALL ");
    let sql = format!("SELECT d.place FROM ({all}) d ORDER BY {order} LIMIT {size} OFFSET {skipped}");
    Ok((sql, values.all))
}

/// The parts of a list that stand in an index in its order: those of each outcome, of each holder. `None` where what is
/// asked for is not found so.
pub(super) fn in_order(filter: &DutyFilter) -> Option<Vec<DutyFilter>> {
    let is_found = filter.sort == DutySort::ActBy
        && filter.units.is_empty()
        && filter.subject.is_none()
        && filter.holders.len() <= FEW
        && !is_searched(filter);
    let wanted = |outcome: &Outcome| {
        (filter.outcomes.is_empty() || filter.outcomes.contains(outcome))
            && (filter.breach != Some(true) || MISSED.contains(outcome))
    };
    let of_holder = |holder: Option<&String>| -> Vec<DutyFilter> {
        let holders: Vec<String> = holder.into_iter().cloned().collect();
        let part =
            |outcome| DutyFilter { outcomes: vec![outcome], holders: holders.clone(), ..filter.clone() };
        Outcome::ALL.into_iter().filter(wanted).map(part).collect()
    };
    let parts: Vec<DutyFilter> = match filter.holders.as_slice() {
        [] => of_holder(None),
        holders => holders.iter().flat_map(|holder| of_holder(Some(holder))).collect(),
    };
    (is_found && !parts.is_empty()).then_some(parts)
}

/// Whether a list is of few organisations or of one subject, for which there are indexes.
fn is_narrow(filter: &DutyFilter) -> bool {
    !filter.holders.is_empty() || !filter.units.is_empty() || filter.subject.is_some()
}

/// Whether a list is chosen by what no index of the outcomes holds.
fn is_searched(filter: &DutyFilter) -> bool {
    !filter.rules.is_empty()
        || filter.due_from.is_some()
        || filter.due_to.is_some()
        || filter.breach == Some(false)
}

/// How many duties of a list stand where. Subjects to leave out are few: theirs are taken off, so that the others are
/// counted from an index.
fn counted(
    connection: &Connection,
    books: &Books,
    filter: &DutyFilter,
) -> Result<HashMap<Outcome, u64>, ProjectionError> {
    let grouped = |hidden: Hidden| -> Result<Vec<(String, u64)>, ProjectionError> {
        let has_sums = filter.units.is_empty()
            && filter.subject.is_none()
            && filter.due_from.is_none()
            && filter.due_to.is_none();
        if has_sums && hidden == Hidden::Counted {
            return summed(connection, books, filter);
        }
        let mut values = Values::default();
        let condition = condition(filter, hidden, &mut values)?;
        // In the order of an index of outcomes only where that index holds all that is asked for.
        let searched = is_narrow(filter) || is_searched(filter) || hidden == Hidden::Alone;
        let by = if searched { "+d.outcome" } else { "d.outcome" };
        let sql = format!("SELECT d.outcome, count(*) FROM duties d WHERE {condition} GROUP BY {by}");
        all(connection, &sql, rusqlite::params_from_iter(values.all.iter()), |row| {
            Ok((row.get(0)?, u64::try_from(row.get::<_, i64>(1)?).unwrap_or(0)))
        })
    };
    let mut found = HashMap::new();
    let mut add = |counts: Vec<(String, u64)>, change: fn(u64, u64) -> u64| {
        for (outcome, count) in counts {
            if let Some(outcome) = Outcome::from_name(&outcome) {
                let known: &mut u64 = found.entry(outcome).or_default();
                *known = change(*known, count);
            }
        }
    };
    add(grouped(Hidden::Counted)?, u64::saturating_add);
    if !filter.except.is_empty() {
        add(grouped(Hidden::Alone)?, u64::saturating_sub);
    }
    found.retain(|_, count| *count > 0);
    Ok(found)
}

/// How many duties of any subject and date a list has where, from the sums.
fn summed(
    connection: &Connection,
    books: &Books,
    filter: &DutyFilter,
) -> Result<Vec<(String, u64)>, ProjectionError> {
    let mut terms = vec!["1".to_owned()];
    let mut values = Vec::new();
    let outcomes: Vec<String> = filter.outcomes.iter().map(|outcome| outcome.name().to_owned()).collect();
    for (column, wanted) in
        [("a.holder", &filter.holders), ("a.rule", &filter.rules), ("a.outcome", &outcomes)]
    {
        if !wanted.is_empty() {
            values.push(listed(wanted)?);
            terms.push(format!("{column} IN (SELECT value FROM json_each(?{}))", values.len()));
        }
    }
    if let Some(breach) = filter.breach {
        let missed: Vec<String> = MISSED.iter().map(|outcome| outcome.name().to_owned()).collect();
        values.extend([listed(&books.policy_rules())?, listed(&missed)?]);
        let (rules, outcomes) = (values.len() - 1, values.len());
        let not = if breach { "" } else { "NOT " };
        terms.push(format!(
            "{not}(a.rule IN (SELECT value FROM json_each(?{rules})) \
             AND a.outcome IN (SELECT value FROM json_each(?{outcomes})))"
        ));
    }
    let sql = format!(
        "SELECT a.outcome, sum(e.duties) FROM alike a JOIN due_ever e ON e.alike = a.id WHERE {} GROUP BY +a.outcome",
        terms.join(" AND ")
    );
    all(connection, &sql, rusqlite::params_from_iter(values.iter()), |row| {
        Ok((row.get(0)?, u64::try_from(row.get::<_, i64>(1)?).unwrap_or(0)))
    })
}

/// What is done about the subjects that a list leaves out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hidden {
    /// They are left out.
    LeftOut,
    /// They are there as all others.
    Counted,
    /// Nobody but they is there.
    Alone,
}

/// The values of a statement, each at the place of its number.
#[derive(Debug, Default)]
struct Values {
    all: Vec<Value>,
    /// Where the subjects to leave out stand: once, however often they are asked for, since there may be many.
    except: Option<String>,
}

impl Values {
    /// The place of a value in the statement.
    fn place(&mut self, value: Value) -> String {
        self.all.push(value);
        format!("?{}", self.all.len())
    }

    /// The subjects to leave out, as a list to look into.
    fn except(&mut self, filter: &DutyFilter) -> Result<String, ProjectionError> {
        let place = match &self.except {
            Some(place) => place.clone(),
            None => self.place(Value::Text(listed(&filter.except)?)),
        };
        let list = format!("(SELECT value FROM json_each({place}))");
        self.except = Some(place);
        Ok(list)
    }
}

/// The condition of a filter; its values are added.
fn condition(filter: &DutyFilter, hidden: Hidden, values: &mut Values) -> Result<String, ProjectionError> {
    let mut terms = vec!["1".to_owned()];
    // Few subjects are found by their own index, whatever else is asked for.
    let few = filter.subject.is_some() || hidden == Hidden::Alone;
    let mut one_of = |column: &str, wanted: Vec<String>| {
        if !wanted.is_empty() {
            let places: Vec<String> = wanted.into_iter().map(|one| values.place(Value::Text(one))).collect();
            terms.push(format!("{column} IN ({})", places.join(", ")));
        }
    };
    one_of(if few { "+d.holder" } else { "d.holder" }, filter.holders.clone());
    one_of(if few { "+d.unit" } else { "d.unit" }, filter.units.clone());
    one_of("d.rule", filter.rules.clone());
    // Most of the duties are met: where they are searched, all are read in their order rather than by that index.
    let most = [Outcome::Met, Outcome::MetLate].iter().any(|outcome| filter.outcomes.contains(outcome));
    let by_index = !few && (is_narrow(filter) || !is_searched(filter) || !most);
    let outcomes = filter.outcomes.iter().map(|outcome| outcome.name().to_owned()).collect();
    one_of(if by_index { "d.outcome" } else { "+d.outcome" }, outcomes);
    one_of("d.subject", filter.subject.iter().cloned().collect());
    match hidden {
        Hidden::Alone => terms.push(format!("d.subject IN {}", values.except(filter)?)),
        Hidden::LeftOut if !filter.except.is_empty() => {
            terms.push(format!("d.subject NOT IN {}", values.except(filter)?));
        }
        Hidden::LeftOut | Hidden::Counted => {}
    }
    // Written out, so that the index of breaches is known to hold what is asked for.
    terms.extend(filter.breach.map(|breach| format!("d.breach = {}", i64::from(breach))));
    for (column, date) in [("d.due_on >=", filter.due_from), ("d.due_on <=", filter.due_to)] {
        if let Some(date) = date {
            let place = values.place(Value::Integer(i64::from(date.days())));
            terms.push(format!("{column} {place}"));
        }
    }
    Ok(terms.join(" AND "))
}
