//! Bank holidays as they were published, counted by stepping from day to day.

use std::collections::BTreeSet;

use chrono::{Datelike as _, NaiveDate, Weekday};

use crate::Unread;
use crate::time::{Instant, date, instant, next};

/// From an instant on, a day is a holiday or no longer one; within one instant what ceases comes first.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Announced {
    pub at: Instant,
    pub is_holiday: bool,
    pub day: NaiveDate,
}

/// Bank holidays with their publication.
#[derive(Debug, Clone, Default)]
pub struct Holidays {
    announced: Vec<Announced>,
    /// What was known from each publication on.
    known: Vec<Known>,
}

#[derive(Debug, Clone)]
struct Known {
    since: Instant,
    days: BTreeSet<NaiveDate>,
    /// How many announcements that rests on.
    told: u32,
}

/// The answer to which day is the nth working day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Counted {
    Certain(NaiveDate),
    /// Beyond the last year with a published holiday.
    Provisional(NaiveDate),
    /// More than two years beyond it.
    Undatable,
}

impl Holidays {
    /// Reads the as-published CSV, or gov.uk's JSON, which is known from the start.
    ///
    /// # Errors
    /// [`Unread`] naming what cannot be read.
    pub fn read(text: &str) -> Result<Self, Unread> {
        if text.trim_start().starts_with('{') {
            return Self::read_json(text);
        }
        let mut reader = csv::ReaderBuilder::new().comment(Some(b'#')).from_reader(text.as_bytes());
        let mut all = Vec::new();
        for row in reader.records() {
            let row = row.map_err(|error| Unread(format!("bank holidays: {error}")))?;
            let cell = |at: usize| row.get(at).filter(|cell| !cell.is_empty());
            let day = date(cell(0).unwrap_or_default())?;
            let at = cell(2).map(instant).transpose()?.unwrap_or(Instant::MIN);
            all.push(Announced { at, is_holiday: true, day });
            if let Some(called_off) = cell(3) {
                all.push(Announced { at: instant(called_off)?, is_holiday: false, day });
            }
        }
        Ok(Self::of(all))
    }

    fn read_json(text: &str) -> Result<Self, Unread> {
        let wrong = |error: &dyn std::fmt::Display| Unread(format!("bank holidays: {error}"));
        let file: serde_json::Value = serde_json::from_str(text).map_err(|error| wrong(&error))?;
        let events = file.pointer("/england-and-wales/events").and_then(serde_json::Value::as_array);
        let days = events.ok_or_else(|| wrong(&"no list of events of England and Wales"))?.iter();
        let named = days.map(|one| date(one.get("date").and_then(serde_json::Value::as_str).unwrap_or("")));
        let all = named.map(|day| Ok(Announced { at: Instant::MIN, is_holiday: true, day: day? }));
        Ok(Self::of(all.collect::<Result<_, Unread>>()?))
    }

    fn of(mut announced: Vec<Announced>) -> Self {
        announced.sort();
        let mut known: Vec<Known> = Vec::new();
        let mut days = BTreeSet::new();
        for (one, told) in announced.iter().zip(1..) {
            if one.is_holiday {
                days.insert(one.day);
            } else {
                days.remove(&one.day);
            }
            if known.last().is_some_and(|last| last.since == one.at) {
                known.pop();
            }
            known.push(Known { since: one.at, days: days.clone(), told });
        }
        Self { announced, known }
    }

    pub(crate) fn with(&self, more: Vec<Announced>) -> Self {
        Self::of(self.announced.iter().cloned().chain(more).collect())
    }

    fn at(&self, at: Instant) -> Option<&Known> {
        self.known.iter().rfind(|known| known.since <= at)
    }

    /// How many announcements had been made.
    pub(crate) fn told(&self, at: Instant) -> u32 {
        self.at(at).map_or(0, |known| known.told)
    }

    pub(crate) fn is_working(&self, day: NaiveDate, at: Instant) -> bool {
        let weekend = matches!(day.weekday(), Weekday::Sat | Weekday::Sun);
        !weekend && !self.at(at).is_some_and(|known| known.days.contains(&day))
    }

    /// The nth working day after a day, by what was known.
    pub(crate) fn nth_after(&self, day: NaiveDate, n: u64, at: Instant) -> Counted {
        let (mut day, mut left) = (day, n);
        while left > 0 {
            if day == NaiveDate::MAX {
                return Counted::Undatable;
            }
            day = next(day);
            left -= u64::from(self.is_working(day, at));
        }
        match self.at(at).and_then(|known| known.days.last()).map(NaiveDate::year) {
            Some(last) if day.year() <= last => Counted::Certain(day),
            Some(last) if day.year() <= last + 2 => Counted::Provisional(day),
            Some(_) | None => Counted::Undatable,
        }
    }

    /// The last working day on or before a day.
    pub(crate) fn last_to(&self, day: NaiveDate, at: Instant) -> NaiveDate {
        let mut day = day;
        while !self.is_working(day, at) {
            let Some(before) = day.pred_opt() else { break };
            day = before;
        }
        day
    }

    /// The instants of publication after one and up to another.
    pub(crate) fn published(&self, after: Instant, until: Instant) -> impl Iterator<Item = Instant> + '_ {
        self.known.iter().map(|known| known.since).filter(move |at| *at > after && *at <= until)
    }
}
