//! Duties counted by what they have in common, and where organisations belong.

use std::collections::{BTreeMap, HashMap};

use mandate_domain::catalogue::Field;
use mandate_domain::judge::{Outcome, View};
use mandate_domain::time::Instant;
use rusqlite::{Connection, Params, Row};

use super::duties::Marks;
use crate::Projections;
use crate::error::ProjectionError;
use crate::model::DutyCount;
use crate::placed::Placed;

/// Reads the index `duties_by_due` alone, in its order: counting is quicker in memory than by sorting all of it.
const COUNTED: &str = "SELECT holder, unit, rule, version, outcome, inherited, born_overdue, \
     known_since - opened_at FROM duties INDEXED BY duties_by_due WHERE due_at IS NOT NULL AND due_at >= ?1 AND due_at < ?2";
/// The same of some subjects, to be taken off.
const TAKEN_OFF: &str = "SELECT holder, unit, rule, version, outcome, inherited, born_overdue, \
     known_since - opened_at FROM duties WHERE subject IN (SELECT value FROM json_each(?3)) \
     AND due_at IS NOT NULL AND due_at >= ?1 AND due_at < ?2";

/// Nanoseconds of a day.
const DAY: i64 = 86_400_000_000_000;

/// Depth at which annulments of annulments are no longer followed; there may be a circle.
const ANNULMENT_DEPTH: u8 = 32;

/// Whether duties are told apart by the unit of the nominal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ByUnit {
    /// They are.
    Apart,
    /// They are not.
    Together,
}

impl Projections {
    /// Counts the duties whose due moment lies in a period, its start included and its end not, but for those of some
    /// subjects.
    ///
    /// # Errors
    /// [`ProjectionError`] when the read models cannot be read.
    pub fn duty_counts(
        &self,
        from: Instant,
        until: Instant,
        by_unit: ByUnit,
        except: &[String],
    ) -> Result<Vec<DutyCount>, ProjectionError> {
        let books = self.books()?;
        self.read(|connection| {
            let found = count(connection, from, until, by_unit, except)?;
            let mut marks = Marks::new(connection, &books);
            let mark = |(mut count, version): (DutyCount, u16)| {
                let holder = count.holder.as_deref();
                let since = marks.since_when(&count.rule, version, count.outcome, holder)?;
                // All that is stored was recorded by now.
                count.not_evidenced = since == Instant::MAX;
                Ok(count)
            };
            found.counts().map(mark).collect()
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

/// Each text once, by a number.
#[derive(Debug, Default)]
struct Texts {
    numbers: HashMap<String, usize>,
    texts: Vec<String>,
}

impl Texts {
    fn number(&mut self, text: &str) -> usize {
        if let Some(number) = self.numbers.get(text) {
            return *number;
        }
        let number = self.texts.len();
        self.numbers.insert(text.to_owned(), number);
        self.texts.push(text.to_owned());
        number
    }

    fn text(&self, number: Option<usize>) -> Option<String> {
        number.and_then(|number| self.texts.get(number)).cloned()
    }
}

/// What duties that count alike have in common: holder, unit, rule, version, outcome, inherited, born overdue, days.
type Alike = (Option<usize>, Option<usize>, usize, u16, usize, bool, bool, u32);

/// Duties that count alike, in the making.
#[derive(Debug, Default)]
pub(super) struct Counter {
    texts: Texts,
    counted: HashMap<Alike, u64>,
}

impl Counter {
    /// Adds the duties that a statement finds.
    pub fn add(
        &mut self,
        connection: &Connection,
        sql: &str,
        values: impl Params,
        by_unit: ByUnit,
    ) -> Result<(), ProjectionError> {
        self.each(connection, sql, values, by_unit, |counted, alike| *counted.entry(alike).or_default() += 1)
    }

    /// Takes off the duties that a statement finds.
    fn take_off(
        &mut self,
        connection: &Connection,
        sql: &str,
        values: impl Params,
        by_unit: ByUnit,
    ) -> Result<(), ProjectionError> {
        self.each(connection, sql, values, by_unit, |counted, alike| {
            if let Some(duties) = counted.get_mut(&alike) {
                *duties = duties.saturating_sub(1);
            }
        })?;
        self.counted.retain(|_, duties| *duties > 0);
        Ok(())
    }

    fn each(
        &mut self,
        connection: &Connection,
        sql: &str,
        values: impl Params,
        by_unit: ByUnit,
        mut each: impl FnMut(&mut HashMap<Alike, u64>, Alike),
    ) -> Result<(), ProjectionError> {
        let failed = ProjectionError::database("count duties");
        let mut statement = connection.prepare_cached(sql).map_err(&failed)?;
        let mut rows = statement.query(values).map_err(&failed)?;
        while let Some(row) = rows.next().map_err(&failed)? {
            let alike = alike(row, by_unit, &mut self.texts).map_err(&failed)?;
            each(&mut self.counted, alike);
        }
        Ok(())
    }

    /// The counts, each with the version of its rule.
    pub fn counts(&self) -> impl Iterator<Item = (DutyCount, u16)> + '_ {
        self.counted.iter().map(|(alike, duties)| {
            let (holder, unit, rule, version, outcome, inherited, born_overdue, lag_days) = *alike;
            let outcome = self.texts.text(Some(outcome)).and_then(|name| Outcome::from_name(&name));
            let count = DutyCount {
                holder: self.texts.text(holder),
                unit: self.texts.text(unit),
                rule: self.texts.text(Some(rule)).unwrap_or_default(),
                outcome: outcome.unwrap_or(Outcome::Pending),
                inherited,
                born_overdue,
                not_evidenced: false,
                lag_days,
                duties: *duties,
            };
            (count, version)
        })
    }
}

/// Counts the duties of the present that count alike.
fn count(
    connection: &Connection,
    from: Instant,
    until: Instant,
    by_unit: ByUnit,
    except: &[String],
) -> Result<Counter, ProjectionError> {
    let mut counter = Counter::default();
    counter.add(connection, COUNTED, [from.nanos(), until.nanos()], by_unit)?;
    if !except.is_empty() {
        let except = serde_json::to_string(except).map_err(|error| ProjectionError::row("duties", &error))?;
        let values = rusqlite::params![from.nanos(), until.nanos(), except];
        counter.take_off(connection, TAKEN_OFF, values, by_unit)?;
    }
    Ok(counter)
}

fn alike(row: &Row<'_>, by_unit: ByUnit, texts: &mut Texts) -> rusqlite::Result<Alike> {
    let mut number = |column: usize| -> rusqlite::Result<Option<usize>> {
        Ok(row.get_ref(column)?.as_str_or_null()?.map(|text| texts.number(text)))
    };
    let unit = match by_unit {
        ByUnit::Apart => number(1)?,
        ByUnit::Together => None,
    };
    let (holder, rule, outcome) = (number(0)?, number(2)?.unwrap_or(0), number(4)?.unwrap_or(0));
    let lag: i64 = row.get(7)?;
    let lag_days = u32::try_from((lag / DAY).max(0)).unwrap_or(u32::MAX);
    Ok((holder, unit, rule, row.get(3)?, outcome, row.get(5)?, row.get(6)?, lag_days))
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
