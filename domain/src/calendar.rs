//! Bank holidays with their publication history, and counting by working days.
//!
//! A calendar is a list of announcements. What was known at an instant is a [`CalendarView`]; counting in it goes
//! by a prefix table (the ordinal of each holiday among the working weekdays), never by stepping from day to day.

use std::sync::Arc;

use sha2::{Digest, Sha256};

use crate::time::{Date, Instant};

/// The bank holidays that ship with the program, as published.
pub const SHIPPED_CSV: &str = include_str!("../data/bank-holidays-england-and-wales.csv");

/// Why a calendar cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CalendarError {
    /// Neither gov.uk's JSON nor the as-published CSV.
    #[error(
        "calendar: {0}; expected gov.uk's bank-holidays JSON or a CSV with the columns date, title, first_published_utc and withdrawn_utc"
    )]
    Shape(String),
    /// A row that cannot be read.
    #[error("calendar line {line}: {reason}")]
    Row {
        /// Line in the file, from 1.
        line: usize,
        /// What is wrong with it.
        reason: String,
    },
}

/// One announcement: from `published` on, the day is a bank holiday, or no longer one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Announcement {
    /// When it was made known; [`Instant::MIN`] for what was known from the start.
    pub published: Instant,
    /// The day it is about.
    pub date: Date,
    /// The holiday's name; empty when withdrawn.
    pub title: String,
    /// Whether the day becomes a holiday or ceases to be one.
    pub change: Change,
}

/// What an announcement does to its day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Change {
    /// The day ceases to be a holiday.
    Withdrawn,
    /// The day becomes a holiday.
    Published,
}

/// The bank holidays of England and Wales, with when each was published or withdrawn.
#[derive(Debug, Clone)]
pub struct Calendar {
    announcements: Vec<Announcement>,
    /// One view for each distinct instant of publication, in order; the first is what was known from the start.
    views: Vec<(Instant, Arc<CalendarView>)>,
}

/// The holidays as known at one instant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CalendarView {
    holidays: Vec<(Date, String)>,
    /// For the i-th holiday that falls on a weekday: its ordinal among weekdays, less i.
    ordinals: Vec<i32>,
    /// The last year with a published holiday.
    last_year: Option<i32>,
}

/// The answer to "which is the nth working day after this date".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WorkingDay {
    /// Within the published years.
    Certain(Date),
    /// Beyond the last year with a published holiday: may still move.
    Provisional(Date),
    /// More than two years beyond it: never guessed.
    Undatable,
}

impl Calendar {
    /// The calendar that ships with the program (gov.uk, `domain/data/bank-holidays-england-and-wales.csv`).
    ///
    /// # Errors
    /// Never in a released build: a test reads the shipped file.
    pub fn shipped() -> Result<Self, CalendarError> {
        Self::parse(SHIPPED_CSV)
    }

    /// Builds a calendar from announcements in any order.
    #[must_use]
    pub fn new(mut announcements: Vec<Announcement>) -> Self {
        announcements.sort_by_key(|a| (a.published, a.change, a.date));
        let mut views = Vec::new();
        let mut current: std::collections::BTreeMap<Date, String> = std::collections::BTreeMap::new();
        let mut at = Instant::MIN;
        for announcement in &announcements {
            if announcement.published != at {
                views.push((at, Arc::new(CalendarView::new(&current))));
                at = announcement.published;
            }
            match announcement.change {
                Change::Published => {
                    current.insert(announcement.date, announcement.title.clone());
                }
                Change::Withdrawn => {
                    current.remove(&announcement.date);
                }
            }
        }
        views.push((at, Arc::new(CalendarView::new(&current))));
        Self { announcements, views }
    }

    /// Reads gov.uk's JSON (known from the start) or the as-published CSV.
    ///
    /// # Errors
    /// [`CalendarError`] naming the line.
    pub fn parse(text: &str) -> Result<Self, CalendarError> {
        let announcements =
            if text.trim_start().starts_with('{') { parse_govuk_json(text)? } else { parse_csv(text)? };
        if announcements.is_empty() {
            return Err(CalendarError::Shape("no holiday in the file".into()));
        }
        Ok(Self::new(announcements))
    }

    /// The same calendar with further announcements.
    #[must_use]
    pub fn with(&self, more: impl IntoIterator<Item = Announcement>) -> Self {
        let mut all = self.announcements.clone();
        all.extend(more);
        Self::new(all)
    }

    /// The holidays published at or before `known_at`.
    #[must_use]
    pub fn known_at(&self, known_at: Instant) -> &CalendarView {
        let after = self.views.partition_point(|(published, _)| *published <= known_at);
        let found = after.checked_sub(1).and_then(|at| self.views.get(at)).or(self.views.first());
        found.map_or(&EMPTY, |(_, view)| view.as_ref())
    }

    /// The holidays published strictly before `instant`.
    #[must_use]
    pub fn known_before(&self, instant: Instant) -> &CalendarView {
        self.known_at(instant.just_before())
    }

    /// The instants of publication after `after` and at or before `until`, in order, each with the view from then.
    pub fn published_between(
        &self,
        after: Instant,
        until: Instant,
    ) -> impl Iterator<Item = (Instant, &CalendarView)> {
        let from = self.views.partition_point(|(published, _)| *published <= after);
        let views = self.views.get(from..).unwrap_or_default();
        views
            .iter()
            .take_while(move |(published, _)| *published <= until)
            .map(|(at, view)| (*at, view.as_ref()))
    }

    /// When the day was published as a holiday, by what is known at `known_at`; `None` if it is not one or was
    /// known from the start.
    #[must_use]
    pub fn published_at(&self, date: Date, known_at: Instant) -> Option<Instant> {
        self.announcements
            .iter()
            .rev()
            .find(|a| a.date == date && a.change == Change::Published && a.published <= known_at)
            .map(|a| a.published)
            .filter(|at| *at != Instant::MIN)
    }

    /// SHA-256 of what was announced and when, in hexadecimal.
    #[must_use]
    pub fn sha256(&self) -> String {
        let mut hasher = Sha256::new();
        for one in &self.announcements {
            let known = if one.published == Instant::MIN { String::new() } else { one.published.to_string() };
            let change = match one.change {
                Change::Published => "published",
                Change::Withdrawn => "withdrawn",
            };
            hasher.update(format!("{known},{},{change},{}\n", one.date, one.title));
        }
        crate::policy::hexadecimal(hasher.finalize().into())
    }

    /// All announcements, in the order of their publication.
    #[must_use]
    pub fn announcements(&self) -> &[Announcement] {
        &self.announcements
    }
}

static EMPTY: CalendarView = CalendarView { holidays: Vec::new(), ordinals: Vec::new(), last_year: None };

/// Weekdays (Monday to Friday) from 1970-01-01 up to and including `date`, negative before it.
const fn weekdays_up_to(date: Date) -> i32 {
    // Count from Monday 1969-12-29 (day -3), so that whole weeks hold five weekdays each.
    let days = date.days() + 4;
    let (weeks, rest) = (days.div_euclid(7), days.rem_euclid(7));
    weeks * 5 + if rest > 5 { 5 } else { rest }
}

/// The weekday with a given ordinal, the inverse of [`weekdays_up_to`].
const fn weekday_at(ordinal: i32) -> Date {
    let (weeks, rest) = ((ordinal - 1).div_euclid(5), (ordinal - 1).rem_euclid(5));
    Date::from_days(weeks * 7 + rest - 3)
}

impl CalendarView {
    fn new(holidays: &std::collections::BTreeMap<Date, String>) -> Self {
        let ordinals = holidays
            .keys()
            .filter(|date| !date.is_weekend())
            .zip(0i32..)
            .map(|(date, index)| weekdays_up_to(*date) - index)
            .collect();
        Self {
            ordinals,
            last_year: holidays.keys().next_back().map(|date| date.year()),
            holidays: holidays.iter().map(|(date, title)| (*date, title.clone())).collect(),
        }
    }

    /// The name of the holiday on this day, if it is one.
    #[must_use]
    pub fn holiday(&self, date: Date) -> Option<&str> {
        let at = self.holidays.binary_search_by_key(&date, |(day, _)| *day).ok()?;
        self.holidays.get(at).map(|(_, title)| title.as_str())
    }

    /// All holidays, in order of date.
    #[must_use]
    pub fn holidays(&self) -> &[(Date, String)] {
        &self.holidays
    }

    /// The last year with a published holiday.
    #[must_use]
    pub const fn last_year(&self) -> Option<i32> {
        self.last_year
    }

    /// Whether another view has other holidays between two dates, both included.
    #[must_use]
    pub fn holidays_differ(&self, other: &Self, from: Date, to: Date) -> bool {
        let between = |view: &Self| -> Vec<Date> {
            let dates = view.holidays().iter().map(|(date, _)| *date);
            dates.filter(|date| *date >= from && *date <= to).collect()
        };
        between(self) != between(other)
    }

    /// Whether the day is neither a weekend nor a bank holiday.
    #[must_use]
    pub fn is_working_day(&self, date: Date) -> bool {
        !date.is_weekend() && self.holidays.binary_search_by_key(&date, |(day, _)| *day).is_err()
    }

    /// Working days from the table's origin up to and including `date`.
    fn working_days_up_to(&self, date: Date) -> i32 {
        let weekdays = weekdays_up_to(date);
        // The i-th holiday has weekday ordinal `ordinals[i] + i`; those at or before `weekdays` are to be taken off.
        let mut low = 0;
        let mut high = self.ordinals.len();
        while low < high {
            let middle = low.midpoint(high);
            let ordinal =
                self.ordinals.get(middle).map_or(i32::MAX, |o| o + i32::try_from(middle).unwrap_or(0));
            if ordinal <= weekdays {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        weekdays - i32::try_from(low).unwrap_or(0)
    }

    /// The nth working day strictly after `date`, whatever the calendar's horizon.
    #[must_use]
    pub fn nth_working_day_after(&self, date: Date, n: u16) -> Date {
        let wanted = self.working_days_up_to(date) + i32::from(n);
        // Before the i-th holiday there are `ordinals[i] - 1` working days: holidays with a lower count lie before.
        let passed = self.ordinals.partition_point(|ordinal| *ordinal <= wanted);
        weekday_at(wanted + i32::try_from(passed).unwrap_or(0))
    }

    /// The nth working day strictly after `date`, and whether the calendar reaches that far (spec 3.1).
    #[must_use]
    pub fn working_day_after(&self, date: Date, n: u16) -> WorkingDay {
        let found = self.nth_working_day_after(date, n);
        match self.last_year {
            Some(last) if found.year() <= last => WorkingDay::Certain(found),
            Some(last) if found.year() <= last + 2 => WorkingDay::Provisional(found),
            Some(_) | None => WorkingDay::Undatable,
        }
    }

    /// The last working day on or before `date`; beyond the horizon weekends only.
    #[must_use]
    pub fn last_working_day_to(&self, date: Date) -> Date {
        let working = self.working_days_up_to(date);
        let passed = self.ordinals.partition_point(|ordinal| *ordinal <= working);
        weekday_at(working + i32::try_from(passed).unwrap_or(0))
    }

    /// Working days after `from` up to and including `to`; negative when `to` is earlier.
    #[must_use]
    pub fn working_days_between(&self, from: Date, to: Date) -> i32 {
        self.working_days_up_to(to) - self.working_days_up_to(from)
    }
}

#[derive(serde::Deserialize)]
struct GovUk {
    #[serde(rename = "england-and-wales")]
    england_and_wales: GovUkDivision,
}

#[derive(serde::Deserialize)]
struct GovUkDivision {
    events: Vec<GovUkEvent>,
}

#[derive(serde::Deserialize)]
struct GovUkEvent {
    title: String,
    date: String,
}

fn parse_govuk_json(text: &str) -> Result<Vec<Announcement>, CalendarError> {
    let file: GovUk = serde_json::from_str(text).map_err(|e| CalendarError::Shape(e.to_string()))?;
    let known_from_the_start = |event: GovUkEvent| {
        let date = Date::parse(&event.date).map_err(|e| CalendarError::Shape(e.to_string()))?;
        Ok(Announcement { published: Instant::MIN, date, title: event.title, change: Change::Published })
    };
    file.england_and_wales.events.into_iter().map(known_from_the_start).collect()
}

fn parse_csv(text: &str) -> Result<Vec<Announcement>, CalendarError> {
    let mut reader = csv::ReaderBuilder::new().comment(Some(b'#')).from_reader(text.as_bytes());
    let headers = reader.headers().map_err(|e| CalendarError::Shape(e.to_string()))?.clone();
    let column = |name: &str| headers.iter().position(|header| header == name);
    let (Some(date_at), Some(title_at)) = (column("date"), column("title")) else {
        return Err(CalendarError::Shape("no column `date` or `title`".into()));
    };
    let (published_at, withdrawn_at) = (column("first_published_utc"), column("withdrawn_utc"));
    let mut announcements = Vec::new();
    for row in reader.records() {
        let row = row.map_err(|e| CalendarError::Shape(e.to_string()))?;
        let line = row.position().map_or(0, |p| usize::try_from(p.line()).unwrap_or(0));
        let wrong = |reason: String| CalendarError::Row { line, reason };
        let instant = |at: Option<usize>| match at.and_then(|at| row.get(at)).unwrap_or("") {
            "" => Ok(None),
            text => Instant::parse(text).map(Some).map_err(|e| wrong(e.to_string())),
        };
        let date = Date::parse(row.get(date_at).unwrap_or("")).map_err(|e| wrong(e.to_string()))?;
        let title = row.get(title_at).unwrap_or("").to_owned();
        let published = instant(published_at)?.unwrap_or(Instant::MIN);
        announcements.push(Announcement { published, date, title, change: Change::Published });
        if let Some(withdrawn) = instant(withdrawn_at)? {
            let change = Change::Withdrawn;
            announcements.push(Announcement { published: withdrawn, date, title: String::new(), change });
        }
    }
    Ok(announcements)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn date(text: &str) -> Date {
        Date::parse(text).unwrap()
    }

    fn at(text: &str) -> Instant {
        Instant::parse(text).unwrap()
    }

    /// The oracle: one day after another.
    fn by_stepping(view: &CalendarView, from: Date, n: u16) -> Date {
        let (mut day, mut left) = (from, n);
        while left > 0 {
            day = day.next();
            if view.is_working_day(day) {
                left -= 1;
            }
        }
        day
    }

    #[test]
    fn the_prefix_table_agrees_with_stepping_on_every_day_of_the_shipped_years() {
        let calendar = Calendar::shipped().unwrap();
        let view = calendar.known_at(at("2026-11-01T00:00:00Z"));
        for day in date("2011-06-01").days()..date("2031-01-01").days() {
            let day = Date::from_days(day);
            for n in [1u16, 2, 3, 5, 10, 20, 300] {
                assert_eq!(view.nth_working_day_after(day, n), by_stepping(view, day, n), "{day} + {n}");
            }
            let mut last = day;
            while !view.is_working_day(last) {
                last = last.previous();
            }
            assert_eq!(view.last_working_day_to(day), last, "{day}");
        }
    }

    #[test]
    fn three_working_days_from_maundy_thursday_skip_easter() {
        let calendar = Calendar::shipped().unwrap();
        let view = calendar.known_at(at("2026-04-02T09:00:00Z"));
        assert_eq!(view.working_day_after(date("2026-04-02"), 3), WorkingDay::Certain(date("2026-04-09")));
    }

    #[test]
    fn the_state_funeral_is_a_holiday_only_once_it_was_announced() {
        let calendar = Calendar::shipped().unwrap();
        let funeral = date("2022-09-19");
        assert!(calendar.known_at(at("2022-09-01T00:00:00Z")).is_working_day(funeral));
        assert!(!calendar.known_at(at("2022-09-18T00:00:00Z")).is_working_day(funeral));
    }

    #[test]
    fn a_holiday_that_moved_is_withdrawn_when_the_move_was_published() {
        let calendar = Calendar::shipped().unwrap();
        let early_may = date("2020-05-04");
        assert!(!calendar.known_at(at("2019-01-01T00:00:00Z")).is_working_day(early_may));
        assert!(calendar.known_at(at("2020-01-01T00:00:00Z")).is_working_day(early_may));
        assert!(!calendar.known_at(at("2020-01-01T00:00:00Z")).is_working_day(date("2020-05-08")));
    }

    #[test]
    fn beyond_the_last_published_year_a_date_is_provisional_and_then_undatable() {
        let view = Calendar::shipped().unwrap();
        let view = view.known_at(at("2031-01-01T00:00:00Z"));
        assert_eq!(view.last_year(), Some(2028));
        assert!(matches!(view.working_day_after(date("2030-12-27"), 1), WorkingDay::Provisional(_)));
        assert_eq!(view.working_day_after(date("2030-12-31"), 1), WorkingDay::Undatable);
    }

    #[test]
    fn the_govuk_json_is_known_from_the_start() {
        let json = r#"{"england-and-wales":{"division":"england-and-wales","events":[
            {"title":"Good Friday","date":"2026-04-03","notes":"","bunting":false}]},"scotland":{"events":[]}}"#;
        let calendar = Calendar::parse(json).unwrap();
        assert_eq!(calendar.known_at(Instant::MIN).holiday(date("2026-04-03")), Some("Good Friday"));
    }

    #[test]
    fn a_file_of_another_shape_is_refused_with_its_line() {
        assert!(matches!(Calendar::parse("{}"), Err(CalendarError::Shape(_))));
        assert!(matches!(Calendar::parse("a,b\n1,2\n"), Err(CalendarError::Shape(_))));
        let wrong = Calendar::parse("date,title\n2026-02-30,x\n").unwrap_err();
        assert!(wrong.to_string().starts_with("calendar line 2: `2026-02-30` is not a date"), "{wrong}");
    }
}
