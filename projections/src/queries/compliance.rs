//! Duties counted by what they have in common, and where organisations belong.

use std::collections::BTreeMap;
use std::sync::Arc;

use hashbrown::HashMap;
use mandate_domain::catalogue::Field;
use mandate_domain::judge::{Outcome, View};
use mandate_domain::time::{Date, Instant};
use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension as _};

use super::duties::Marks;
use super::listed;
use crate::error::ProjectionError;
use crate::model::DutyCount;
use crate::placed::Placed;
use crate::{Projections, Shared};

/// Depth at which annulments of annulments are no longer followed; there may be a circle.
const ANNULMENT_DEPTH: u8 = 32;

/// What duties are told apart by, beside what counts for a rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grain {
    /// Nothing more; whole months are counted at a glance.
    Coarse,
    /// How many days passed until they could be known.
    Lag,
    /// The same, and the unit of the nominal.
    LagAndUnit,
}

/// Which duties to count.
#[derive(Debug, Clone, Copy)]
pub struct Counting<'a> {
    /// The period in which the due moment lies, its start included and its end not.
    pub from: Instant,
    /// The end of the period.
    pub until: Instant,
    /// What they are told apart by.
    pub grain: Grain,
    /// Of these holders alone; of any where none is named.
    pub holders: Option<&'a [String]>,
    /// Not of these subjects.
    pub except: &'a [String],
}

impl Projections {
    /// Counts duties as they stand.
    ///
    /// # Errors
    /// [`ProjectionError`] when the read models cannot be read.
    pub fn duty_counts(&self, counting: Counting<'_>) -> Result<Vec<DutyCount>, ProjectionError> {
        let books = self.books()?;
        self.read(|connection| {
            // One state for all that is read.
            let _state = connection.unchecked_transaction().map_err(ProjectionError::database("begin"))?;
            let mut counter = Counter::new(connection, counting)?;
            counter.count_now()?;
            let mut marks = Marks::new(connection, &books);
            counter.counts(&self.shared, |alike| {
                let since =
                    marks.since_when(&alike.rule, alike.version, alike.outcome, alike.holder.as_deref())?;
                // All that is stored was recorded by now.
                Ok(since == Instant::MAX)
            })
        })
    }

    /// What each organisation belongs to at a view: the placement that occurred last.
    ///
    /// # Errors
    /// [`ProjectionError::Poisoned`].
    pub fn placements(&self, view: View) -> Result<BTreeMap<String, String>, ProjectionError> {
        let cross = self.shared.cross()?;
        let in_force = |placed: &Placed| {
            let mut annulments = cross.annulments_of(&placed.fact).iter();
            !annulments.any(|annulment| counts(annulment, view, &|fact| cross.annulments_of(fact), 0))
        };
        let seen = |placed: &&Placed| placed.fact.time <= view.as_at && placed.known_at() <= view.known_at;
        let mut found: Vec<&Placed> =
            cross.placements().iter().filter(seen).filter(|placed| in_force(placed)).collect();
        found.sort_by_key(|placed| (placed.fact.time, placed.position));
        let placement = |placed: &Placed| {
            placed.fact.text(Field::Parent).map(|parent| (placed.fact.subject.to_string(), parent.to_owned()))
        };
        Ok(found.into_iter().filter_map(placement).collect())
    }
}

/// What duties that count alike have in common.
#[derive(Debug)]
pub(crate) struct Alike {
    pub holder: Option<Arc<str>>,
    pub rule: Arc<str>,
    pub version: u16,
    pub outcome: Outcome,
    inherited: bool,
    born_overdue: bool,
}

impl Alike {
    fn read(connection: &Connection, number: i64) -> Result<Option<Self>, ProjectionError> {
        let failed = ProjectionError::database("read what duties have in common");
        let sql = "SELECT holder, rule, version, outcome, inherited, born_overdue FROM alike WHERE id = ?1";
        let mut statement = connection.prepare_cached(sql).map_err(&failed)?;
        let found = statement.query_row([number], |row| {
            Ok(Self {
                holder: row.get(0)?,
                rule: row.get(1)?,
                version: row.get(2)?,
                outcome: Outcome::from_name(row.get_ref(3)?.as_str()?).unwrap_or(Outcome::Pending),
                inherited: row.get(4)?,
                born_overdue: row.get(5)?,
            })
        });
        found.optional().map_err(&failed)
    }

    /// An open duty is pending or overdue by its due moment.
    fn at(self: &Arc<Self>, is_due: Option<bool>) -> Arc<Self> {
        let outcome = match (self.outcome, is_due) {
            (Outcome::Pending | Outcome::Overdue, Some(true)) => Outcome::Overdue,
            (Outcome::Pending | Outcome::Overdue, Some(false)) => Outcome::Pending,
            (outcome, _) => outcome,
        };
        if outcome == self.outcome {
            return Arc::clone(self);
        }
        let Self { holder, rule, version, inherited, born_overdue, .. } = &**self;
        Arc::new(Self {
            holder: holder.clone(),
            rule: rule.clone(),
            version: *version,
            outcome,
            inherited: *inherited,
            born_overdue: *born_overdue,
        })
    }
}

/// Where duties are counted from: a table and the index that alone is read of it, what tells whether a row stood at a view
/// (`?3` is K and `?4` is T), and the unit.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rows {
    pub table: &'static str,
    pub index: &'static str,
    pub stood: &'static str,
    pub unit: &'static str,
}

impl Rows {
    /// The duties as they stand.
    const NOW: Self = Self { table: "duties", index: "duties_by_due", stood: "TRUE", unit: "unit" };
}

/// What a duty counts under: the number of what it has in common, days, whether it is due where that is asked, unit.
type Key = (i64, i64, Option<bool>, Option<usize>);

/// Duties that count alike, in the making.
pub(super) struct Counter<'c> {
    connection: &'c Connection,
    counting: Counting<'c>,
    /// The holders, as JSON.
    holders: Option<String>,
    counted: HashMap<Key, i64>,
    units: Vec<Arc<str>>,
    unit_numbers: HashMap<Arc<str>, usize>,
}

impl<'c> Counter<'c> {
    pub fn new(connection: &'c Connection, counting: Counting<'c>) -> Result<Self, ProjectionError> {
        Ok(Self {
            connection,
            counting,
            holders: counting.holders.map(listed).transpose()?,
            counted: HashMap::new(),
            units: Vec::new(),
            unit_numbers: HashMap::new(),
        })
    }

    /// Counts the duties as they stand.
    fn count_now(&mut self) -> Result<(), ProjectionError> {
        let Counting { from, until, grain, except, .. } = self.counting;
        let (first, end) = (whole_month_from(from), until.london_date().first_of_month());
        if grain == Grain::Coarse && first < end {
            self.add_months(first, end)?;
            self.add(Rows::NOW, None, (from, first.start()))?;
            self.add(Rows::NOW, None, (end.start(), until))?;
        } else {
            self.add(Rows::NOW, None, (from, until))?;
        }
        self.take_off(Rows::NOW, None, except)
    }

    /// Counts the rows that stood at a view, but for those of some subjects.
    pub fn count_at(&mut self, rows: Rows, view: View, except: &[String]) -> Result<(), ProjectionError> {
        self.add(rows, Some(view), (self.counting.from, self.counting.until))?;
        self.take_off(rows, Some(view), except)
    }

    fn add_months(&mut self, first: Date, end: Date) -> Result<(), ProjectionError> {
        let failed = ProjectionError::database("count the duties of months");
        let sql = format!(
            "SELECT d.alike, d.duties FROM due_months d WHERE d.month >= ?1 AND d.month < ?2 {}",
            self.of_holders("?3")
        );
        let mut statement = self.connection.prepare_cached(&sql).map_err(&failed)?;
        let values = [Value::from(first.days()), Value::from(end.days()), optional(self.holders.as_deref())];
        let values = values.into_iter().take(statement.parameter_count());
        let mut rows = statement.query(rusqlite::params_from_iter(values)).map_err(&failed)?;
        while let Some(row) = rows.next().map_err(&failed)? {
            let read = || -> rusqlite::Result<(i64, i64)> { Ok((row.get(0)?, row.get(1)?)) };
            let (number, duties) = read().map_err(&failed)?;
            *self.counted.entry((number, 0, None, None)).or_default() += duties;
        }
        Ok(())
    }

    fn add(
        &mut self,
        rows: Rows,
        view: Option<View>,
        (from, until): (Instant, Instant),
    ) -> Result<(), ProjectionError> {
        if from >= until {
            return Ok(());
        }
        let sql = self.statement(rows, &format!("{} d INDEXED BY {}", rows.table, rows.index), view);
        self.each(&sql, view, (from, until), None, 1)
    }

    /// Takes off what was counted of some subjects.
    fn take_off(&mut self, rows: Rows, view: Option<View>, except: &[String]) -> Result<(), ProjectionError> {
        let period = (self.counting.from, self.counting.until);
        let sql = format!("{} AND d.subject = ?6", self.statement(rows, &format!("{} d", rows.table), view));
        except.iter().try_for_each(|subject| self.each(&sql, view, period, Some(subject), -1))
    }

    fn statement(&self, rows: Rows, from: &str, view: Option<View>) -> String {
        let (lag, unit) = match self.counting.grain {
            Grain::Coarse => ("0", "NULL"),
            Grain::Lag => ("d.lag", "NULL"),
            Grain::LagAndUnit => ("d.lag", rows.unit),
        };
        let is_due = if view.is_some() { "d.due_at <= ?4" } else { "NULL" };
        format!(
            "SELECT d.alike, {lag}, {is_due}, {unit} FROM {from} \
             WHERE d.due_at IS NOT NULL AND d.due_at >= ?1 AND d.due_at < ?2 AND {} {}",
            rows.stood,
            self.of_holders("?5")
        )
    }

    fn of_holders(&self, holders: &str) -> String {
        let term = || {
            format!(
                "AND d.alike IN (SELECT a.id FROM alike a WHERE a.holder IN (SELECT value FROM json_each({holders})))"
            )
        };
        self.holders.as_ref().map_or_else(String::new, |_| term())
    }

    fn each(
        &mut self,
        sql: &str,
        view: Option<View>,
        (from, until): (Instant, Instant),
        subject: Option<&str>,
        sign: i64,
    ) -> Result<(), ProjectionError> {
        let failed = ProjectionError::database("count duties");
        let mut statement = self.connection.prepare_cached(sql).map_err(&failed)?;
        let moment =
            |of: fn(View) -> Instant| view.map_or(Value::Null, |view| Value::Integer(of(view).nanos()));
        let values = [
            Value::Integer(from.nanos()),
            Value::Integer(until.nanos()),
            moment(|view| view.known_at),
            moment(|view| view.as_at),
            optional(self.holders.as_deref()),
            optional(subject),
        ];
        let values = values.into_iter().take(statement.parameter_count());
        let mut rows = statement.query(rusqlite::params_from_iter(values)).map_err(&failed)?;
        while let Some(row) = rows.next().map_err(&failed)? {
            let mut read = || -> rusqlite::Result<Key> {
                let unit = row.get_ref(3)?.as_str_or_null()?.map(|unit| self.unit(unit));
                Ok((row.get(0)?, row.get(1)?, row.get(2)?, unit))
            };
            let key = read().map_err(&failed)?;
            *self.counted.entry(key).or_default() += sign;
        }
        Ok(())
    }

    fn unit(&mut self, unit: &str) -> usize {
        if let Some(number) = self.unit_numbers.get(unit) {
            return *number;
        }
        let number = self.units.len();
        self.units.push(unit.into());
        self.unit_numbers.insert(unit.into(), number);
        number
    }

    /// The counts; `is_marked` tells whether those that count alike are not evidenced.
    pub fn counts(
        &self,
        shared: &Shared,
        mut is_marked: impl FnMut(&Alike) -> Result<bool, ProjectionError>,
    ) -> Result<Vec<DutyCount>, ProjectionError> {
        let mut counts = Vec::with_capacity(self.counted.len());
        for ((number, lag, is_due, unit), duties) in self.counted.iter().filter(|(_, duties)| **duties > 0) {
            let Some(alike) = shared.alike(self.connection, *number)? else { continue };
            let alike = alike.at(*is_due);
            counts.push(DutyCount {
                holder: alike.holder.clone(),
                unit: unit.and_then(|number| self.units.get(number)).cloned(),
                rule: alike.rule.clone(),
                outcome: alike.outcome,
                inherited: alike.inherited,
                born_overdue: alike.born_overdue,
                not_evidenced: is_marked(&alike)?,
                lag_days: u32::try_from(*lag).unwrap_or(u32::MAX),
                duties: u64::try_from(*duties).unwrap_or(0),
            });
        }
        Ok(counts)
    }
}

/// The first month that begins at a moment or later.
fn whole_month_from(from: Instant) -> Date {
    let month = from.london_date().first_of_month();
    if month.start() >= from { month } else { month.plus_months(1) }
}

fn optional(text: Option<&str>) -> Value {
    text.map_or(Value::Null, |text| Value::Text(text.to_owned()))
}

impl Shared {
    /// What duties that count alike have in common; kept in memory, for a number never means anything else.
    fn alike(&self, connection: &Connection, number: i64) -> Result<Option<Arc<Alike>>, ProjectionError> {
        if let Some(known) = self.alikes.read().map_err(|_| ProjectionError::Poisoned)?.get(&number) {
            return Ok(Some(Arc::clone(known)));
        }
        let Some(found) = Alike::read(connection, number)?.map(Arc::new) else { return Ok(None) };
        self.alikes.write().map_err(|_| ProjectionError::Poisoned)?.insert(number, Arc::clone(&found));
        Ok(Some(found))
    }
}

/// Whether an annulment was known and is not annulled itself.
fn counts<'c>(
    annulment: &Placed,
    view: View,
    annulments_of: &impl Fn(&mandate_domain::fact::Fact) -> &'c [Placed],
    depth: u8,
) -> bool {
    let known = annulment.known_at() <= view.known_at;
    let annulled = || {
        depth < ANNULMENT_DEPTH
            && annulments_of(&annulment.fact).iter().any(|own| counts(own, view, annulments_of, depth + 1))
    };
    known && !annulled()
}
