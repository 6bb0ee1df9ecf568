//! Duties counted by what they have in common, and where organisations belong.

use std::collections::BTreeMap;
use std::sync::Arc;

use hashbrown::hash_map::Entry;
use hashbrown::{HashMap, HashSet};
use mandate_domain::catalogue::Field;
use mandate_domain::judge::{Outcome, View};
use mandate_domain::time::{Date, Instant};
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::duties::Marks;
use super::{all, listed};
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
    /// Periods in each of which duties are counted whose due moment lies in it, its start included and its end not; the
    /// earliest first, and none begins before the one before it ends.
    pub periods: &'a [(Instant, Instant)],
    /// What they are told apart by.
    pub grain: Grain,
    /// Of these holders alone; of any where none is named.
    pub holders: Option<&'a [String]>,
    /// Not of these subjects.
    pub except: &'a [String],
}

impl Counting<'_> {
    /// The period in which a moment lies.
    pub(super) fn period_of(&self, at: Instant) -> Option<usize> {
        let place = self.periods.partition_point(|(from, _)| *from <= at).checked_sub(1)?;
        self.periods.get(place).filter(|(_, until)| at < *until).map(|_| place)
    }
}

impl Projections {
    /// Counts duties as they stand, period by period.
    ///
    /// # Errors
    /// [`ProjectionError`] when the read models cannot be read.
    pub fn duty_counts(&self, counting: Counting<'_>) -> Result<Vec<Vec<DutyCount>>, ProjectionError> {
        let books = self.books()?;
        let state = self.one_state()?;
        let mut counter = Counter::new(&state, counting, counting.except)?;
        counter.count_now()?;
        let mut marks = Marks::new(&state, &books);
        counter.counts(&self.shared, |alike| {
            let since =
                marks.since_when(&alike.rule, alike.version, alike.outcome, alike.holder.as_deref())?;
            // All that is stored was recorded by now.
            Ok(since == Instant::MAX)
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
    const NOW: Self = Self { table: "duties", index: "duties_by_due", stood: "TRUE", unit: "d.unit" };
}

/// What a duty counts under.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Key {
    period: usize,
    /// The number of what it has in common with others.
    alike: i64,
    lag: i64,
    /// Whether its due moment has come, where it is counted as at a view.
    is_due: Option<bool>,
    unit: Option<usize>,
}

/// Duties that count alike, in the making.
pub(super) struct Counter<'c> {
    connection: &'c Connection,
    counting: Counting<'c>,
    /// The numbers that duties of the holders have; none for any.
    of_holders: Option<HashSet<i64>>,
    except: HashSet<&'c str>,
    counted: HashMap<Key, i64>,
    units: Vec<Arc<str>>,
    unit_numbers: HashMap<Arc<str>, usize>,
}

impl<'c> Counter<'c> {
    /// Counts none of some subjects, whatever `counting` says of them.
    pub fn new(
        connection: &'c Connection,
        counting: Counting<'c>,
        except: &'c [String],
    ) -> Result<Self, ProjectionError> {
        let of_holders = |holders: &[String]| -> Result<HashSet<i64>, ProjectionError> {
            let sql = "SELECT id FROM alike WHERE holder IN (SELECT value FROM json_each(?1))";
            Ok(all(connection, sql, [listed(holders)?], |row| row.get(0))?.into_iter().collect())
        };
        Ok(Self {
            connection,
            counting,
            of_holders: counting.holders.map(of_holders).transpose()?,
            except: except.iter().map(String::as_str).collect(),
            counted: HashMap::new(),
            units: Vec::new(),
            unit_numbers: HashMap::new(),
        })
    }

    /// Counts the duties as they stand.
    fn count_now(&mut self) -> Result<(), ProjectionError> {
        if self.counting.grain != Grain::Coarse {
            return self.add(Rows::NOW, None, self.whole());
        }
        for (period, (from, until)) in self.counting.periods.iter().copied().enumerate() {
            let (first, end) = (whole_month_from(from), until.london_date().first_of_month());
            if first < end {
                self.add_months(period, first, end)?;
                self.add(Rows::NOW, None, (from, first.start()))?;
                self.add(Rows::NOW, None, (end.start(), until))?;
            } else {
                self.add(Rows::NOW, None, (from, until))?;
            }
        }
        Ok(())
    }

    /// Counts the rows that stood at a view.
    pub fn count_at(&mut self, rows: Rows, view: View) -> Result<(), ProjectionError> {
        self.add(rows, Some(view), self.whole())
    }

    /// From the start of the first period to the end of the last.
    fn whole(&self) -> (Instant, Instant) {
        let first = self.counting.periods.first().map_or(Instant::MAX, |(from, _)| *from);
        (first, self.counting.periods.last().map_or(Instant::MIN, |(_, until)| *until))
    }

    /// Counts whole months of a period by their sums.
    fn add_months(&mut self, period: usize, first: Date, end: Date) -> Result<(), ProjectionError> {
        let mut add = |alike: i64, duties: i64| {
            let of_holders = self.of_holders.as_ref().is_none_or(|own| own.contains(&alike));
            if of_holders {
                let key = Key { period, alike, lag: 0, is_due: None, unit: None };
                *self.counted.entry(key).or_default() += duties;
            }
        };
        let read = |row: &Row<'_>| -> rusqlite::Result<(i64, i64)> { Ok((row.get(0)?, row.get(1)?)) };
        let sql = "SELECT alike, duties FROM due_months WHERE month >= ?1 AND month < ?2";
        for (alike, duties) in all(self.connection, sql, [first.days(), end.days()], read)? {
            add(alike, duties);
        }
        let sql = "SELECT alike, 1 FROM duties WHERE subject = ?1 AND due_at >= ?2 AND due_at < ?3";
        for subject in &self.except {
            let values = params![subject, first.start().nanos(), end.start().nanos()];
            for (alike, duties) in all(self.connection, sql, values, read)? {
                add(alike, -duties);
            }
        }
        Ok(())
    }

    /// Counts row by row what is due in a span.
    fn add(
        &mut self,
        rows: Rows,
        view: Option<View>,
        (from, until): (Instant, Instant),
    ) -> Result<(), ProjectionError> {
        if from >= until {
            return Ok(());
        }
        let grain = self.counting.grain;
        let Rows { table, index, stood, unit } = rows;
        let unit = if grain == Grain::LagAndUnit { unit } else { "NULL" };
        let sql = format!(
            "SELECT d.due_at, d.alike, d.lag, d.subject, {unit} FROM {table} d INDEXED BY {index} \
             WHERE d.due_at IS NOT NULL AND d.due_at >= ?1 AND d.due_at < ?2 AND {stood}"
        );
        let failed = ProjectionError::database("count duties");
        let mut statement = self.connection.prepare_cached(&sql).map_err(&failed)?;
        let moment = |of: fn(View) -> Instant| view.map_or(0, |view| of(view).nanos());
        let values = [from.nanos(), until.nanos(), moment(|view| view.known_at), moment(|view| view.as_at)];
        let values = values.into_iter().take(statement.parameter_count());
        let mut rows = statement.query(rusqlite::params_from_iter(values)).map_err(&failed)?;
        while let Some(row) = rows.next().map_err(&failed)? {
            self.add_row(row, view, grain).map_err(&failed)?;
        }
        Ok(())
    }

    fn add_row(&mut self, row: &Row<'_>, view: Option<View>, grain: Grain) -> rusqlite::Result<()> {
        let due_at = Instant::from_nanos(row.get_ref(0)?.as_i64()?);
        let alike = row.get_ref(1)?.as_i64()?;
        if self.of_holders.as_ref().is_some_and(|own| !own.contains(&alike)) {
            return Ok(());
        }
        let Some(period) = self.counting.period_of(due_at) else { return Ok(()) };
        if !self.except.is_empty() && self.except.contains(row.get_ref(3)?.as_str()?) {
            return Ok(());
        }
        let lag = if grain == Grain::Coarse { 0 } else { row.get_ref(2)?.as_i64()? };
        let unit = match grain {
            Grain::LagAndUnit => row.get_ref(4)?.as_str_or_null()?.map(|unit| self.unit(unit)),
            Grain::Coarse | Grain::Lag => None,
        };
        let is_due = view.map(|view| due_at <= view.as_at);
        *self.counted.entry(Key { period, alike, lag, is_due, unit }).or_default() += 1;
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

    /// The counts of each period; `is_marked` tells whether those that count alike are not evidenced.
    pub fn counts(
        &self,
        shared: &Shared,
        mut is_marked: impl FnMut(&Alike) -> Result<bool, ProjectionError>,
    ) -> Result<Vec<Vec<DutyCount>>, ProjectionError> {
        let mut counts = vec![Vec::new(); self.counting.periods.len()];
        let mut known: HashMap<(i64, Option<bool>), (Arc<Alike>, bool)> = HashMap::new();
        for (key, duties) in self.counted.iter().filter(|(_, duties)| **duties > 0) {
            let known = match known.entry((key.alike, key.is_due)) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(place) => {
                    let Some(alike) = shared.alike(self.connection, key.alike)? else { continue };
                    let alike = alike.at(key.is_due);
                    let is_marked = is_marked(&alike)?;
                    place.insert((alike, is_marked))
                }
            };
            let (alike, not_evidenced) = &*known;
            if let Some(counts) = counts.get_mut(key.period) {
                counts.push(DutyCount {
                    holder: alike.holder.clone(),
                    unit: key.unit.and_then(|number| self.units.get(number)).cloned(),
                    rule: alike.rule.clone(),
                    outcome: alike.outcome,
                    inherited: alike.inherited,
                    born_overdue: alike.born_overdue,
                    not_evidenced: *not_evidenced,
                    lag_days: u32::try_from(key.lag).unwrap_or(u32::MAX),
                    duties: u64::try_from(*duties).unwrap_or(0),
                });
            }
        }
        Ok(counts)
    }
}

/// The first month that begins at a moment or later.
fn whole_month_from(from: Instant) -> Date {
    let month = from.london_date().first_of_month();
    if month.start() >= from { month } else { month.plus_months(1) }
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
