//! Instants, London dates and the arithmetic of deadlines.
//!
//! An [`Instant`] is a point in UTC; a [`Date`] is a Europe/London day. Deadlines are dates; the instant at
//! which one becomes overdue is the start of the London day after it, so days of 23 and 25 hours need no care.

use std::fmt;
use std::sync::OnceLock;

use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, Offset, TimeZone, Utc, Weekday};
use serde::{Deserialize, Serialize};

use crate::fact::repeated;

/// Nanoseconds in a day of 24 hours.
const DAY_NS: i64 = 86_400_000_000_000;
const SECOND_NS: i64 = 1_000_000_000;
/// First and last year a fact may name (spec 2.1).
pub const YEARS: std::ops::RangeInclusive<i32> = 1900..=2200;
/// The table of London days covers the permitted years and a margin for deadlines that run past them.
const TABLE_FIRST_YEAR: i32 = 1899;
const TABLE_LAST_YEAR: i32 = 2260;
/// chrono-tz lists transitions up to 2037; from then on the rule in force since 1996 is applied.
const RULE_FROM_YEAR: i32 = 2038;

/// Why a text is not a date or an instant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TimeError {
    /// Not an RFC 3339 instant.
    #[error("`{}` is not an RFC 3339 instant such as 2026-03-02T09:00:00Z", repeated(.0))]
    Instant(String),
    /// Not an ISO 8601 date.
    #[error("`{}` is not a date such as 2026-03-02", repeated(.0))]
    Date(String),
    /// Outside the years that facts may name.
    #[error("`{0}` is outside the years 1900 to 2200")]
    Range(String),
}

/// A point in time, in nanoseconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(i64);

impl Instant {
    /// The earliest instant that can be expressed.
    pub const MIN: Self = Self(i64::MIN);
    /// The latest instant that can be expressed.
    pub const MAX: Self = Self(i64::MAX);

    /// Builds an instant from nanoseconds since the Unix epoch.
    #[must_use]
    pub const fn from_nanos(nanos: i64) -> Self {
        Self(nanos)
    }

    /// Nanoseconds since the Unix epoch.
    #[must_use]
    pub const fn nanos(self) -> i64 {
        self.0
    }

    /// Reads an RFC 3339 instant with any offset.
    ///
    /// # Errors
    /// [`TimeError::Instant`] when the text has another form, [`TimeError::Range`] outside 1900 to 2200.
    pub fn parse(text: &str) -> Result<Self, TimeError> {
        let parsed = instant_of(text).ok_or_else(|| TimeError::Instant(text.to_owned()))?;
        if !YEARS.contains(&parsed.year()) {
            return Err(TimeError::Range(text.to_owned()));
        }
        parsed.timestamp_nanos_opt().map(Self).ok_or_else(|| TimeError::Range(text.to_owned()))
    }

    /// The instant `seconds` later (earlier when negative), held within the range of the type.
    #[must_use]
    pub const fn plus_seconds(self, seconds: i64) -> Self {
        Self(self.0.saturating_add(seconds.saturating_mul(SECOND_NS)))
    }

    /// The last instant before this one.
    #[must_use]
    pub const fn just_before(self) -> Self {
        Self(self.0.saturating_sub(1))
    }

    /// The London day that contains this instant.
    #[must_use]
    pub fn london_date(self) -> Date {
        let utc_day = Date(i32::try_from(self.0.div_euclid(DAY_NS)).unwrap_or(0));
        if self >= utc_day.next().start() {
            utc_day.next()
        } else if self < utc_day.start() {
            utc_day.previous()
        } else {
            utc_day
        }
    }

    /// The same instant as a chrono value.
    #[must_use]
    pub fn to_chrono(self) -> DateTime<Utc> {
        DateTime::from_timestamp_nanos(self.0)
    }
}

impl From<DateTime<Utc>> for Instant {
    fn from(value: DateTime<Utc>) -> Self {
        Self(value.timestamp_nanos_opt().unwrap_or(i64::MAX))
    }
}

fn instant_of(text: &str) -> Option<DateTime<Utc>> {
    parse_utc(text).or_else(|| DateTime::parse_from_rfc3339(text).ok().map(|found| found.with_timezone(&Utc)))
}

/// The common shape `2026-03-02T09:00:00[.fraction]Z`, read without the general parser.
fn parse_utc(text: &str) -> Option<DateTime<Utc>> {
    let bytes = text.as_bytes();
    let (&last, body) = bytes.split_last()?;
    if last != b'Z' || body.len() < 19 {
        return None;
    }
    let separators = [(10, b'T'), (13, b':'), (16, b':')];
    if separators.iter().any(|(at, wanted)| body.get(*at) != Some(wanted)) {
        return None;
    }
    let digits = |from, to| digits(body.get(from..to)?);
    let date = parse_date(body.get(..10)?)?;
    let mut nanos = 0u32;
    if let Some((point, fraction)) = body.get(19..).and_then(<[u8]>::split_first) {
        if *point != b'.' || fraction.is_empty() || fraction.len() > 9 {
            return None;
        }
        nanos = digits(20, 20 + fraction.len())? * 10u32.pow(9 - u32::try_from(fraction.len()).ok()?);
    }
    let time = date.and_hms_nano_opt(digits(11, 13)?, digits(14, 16)?, digits(17, 19)?, nanos)?;
    Some(time.and_utc())
}

/// The shape `2026-03-02`.
fn parse_date(text: &[u8]) -> Option<NaiveDate> {
    let [year @ .., b'-', m1, m2, b'-', d1, d2] = text else { return None };
    if year.len() != 4 {
        return None;
    }
    NaiveDate::from_ymd_opt(i32::try_from(digits(year)?).ok()?, digits(&[*m1, *m2])?, digits(&[*d1, *d2])?)
}

/// A number of at most nine decimal digits and nothing else.
fn digits(text: &[u8]) -> Option<u32> {
    if text.len() > 9 {
        return None;
    }
    text.iter().try_fold(0, |value, byte| byte.is_ascii_digit().then(|| value * 10 + u32::from(byte - b'0')))
}

impl Instant {
    /// Appends the instant in UTC with `Z`; the fraction is as short as it goes and omitted when zero.
    pub fn write(self, out: &mut Vec<u8>) {
        Date(i32::try_from(self.0.div_euclid(DAY_NS)).unwrap_or(0)).write(out);
        let within = self.0.rem_euclid(DAY_NS);
        let (seconds, mut fraction) = (within / SECOND_NS, within % SECOND_NS);
        for (mark, number) in [(b'T', seconds / 3600), (b':', seconds / 60 % 60), (b':', seconds % 60)] {
            out.push(mark);
            write_digits(out, number, 2);
        }
        if fraction != 0 {
            let mut width = 9;
            while fraction % 10 == 0 {
                fraction /= 10;
                width -= 1;
            }
            out.push(b'.');
            write_digits(out, fraction, width);
        }
        out.push(b'Z');
    }
}

/// Appends a number with leading zeros.
fn write_digits(out: &mut Vec<u8>, mut number: i64, width: usize) {
    let start = out.len();
    out.resize(start + width, b'0');
    for byte in out.iter_mut().rev().take(width) {
        *byte += u8::try_from(number % 10).unwrap_or(0);
        number /= 10;
    }
}

impl fmt::Display for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = Vec::with_capacity(30);
        self.write(&mut text);
        f.write_str(std::str::from_utf8(&text).unwrap_or(""))
    }
}

impl Serialize for Instant {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Reads what [`Serialize`] wrote. What is derived from a fact may lie beyond the years that facts are held to: a window
/// that opens months before a date, a deadline after one.
impl<'de> Deserialize<'de> for Instant {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        let found = instant_of(&text).and_then(|found| found.timestamp_nanos_opt());
        found.map(Self).ok_or_else(|| serde::de::Error::custom(TimeError::Instant(text.into_owned())))
    }
}

/// A Europe/London day, counted from 1970-01-01.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date(i32);

impl Date {
    /// Builds a date from a count of days since 1970-01-01.
    #[must_use]
    pub const fn from_days(days: i32) -> Self {
        Self(days)
    }

    /// Days since 1970-01-01.
    #[must_use]
    pub const fn days(self) -> i32 {
        self.0
    }

    /// Builds a date from year, month and day; `None` when there is no such day.
    #[must_use]
    pub fn from_ymd(year: i32, month: u32, day: u32) -> Option<Self> {
        NaiveDate::from_ymd_opt(year, month, day).map(Self::from)
    }

    /// Reads `YYYY-MM-DD`.
    ///
    /// # Errors
    /// [`TimeError::Date`] when the text has another form, [`TimeError::Range`] outside 1900 to 2200.
    pub fn parse(text: &str) -> Result<Self, TimeError> {
        let wrong = || TimeError::Date(text.to_owned());
        let date = parse_date(text.as_bytes()).ok_or_else(wrong)?;
        if !YEARS.contains(&date.year()) {
            return Err(TimeError::Range(text.to_owned()));
        }
        Ok(date.into())
    }

    /// The calendar year.
    #[must_use]
    pub fn year(self) -> i32 {
        self.to_chrono().year()
    }

    /// The day after.
    #[must_use]
    pub const fn next(self) -> Self {
        self.plus_days(1)
    }

    /// The day before.
    #[must_use]
    pub const fn previous(self) -> Self {
        self.plus_days(-1)
    }

    /// The day `days` later (earlier when negative).
    #[must_use]
    pub const fn plus_days(self, days: i32) -> Self {
        Self(self.0.saturating_add(days))
    }

    /// The same day `months` later (earlier when negative), clamped to the month's end.
    ///
    /// Counted from the original day: 31 August less 6 months is 28 or 29 February.
    #[must_use]
    pub fn plus_months(self, months: i32) -> Self {
        let date = self.to_chrono();
        let step = chrono::Months::new(months.unsigned_abs());
        let moved = if months < 0 { date.checked_sub_months(step) } else { date.checked_add_months(step) };
        moved.map_or(self, Self::from)
    }

    /// The first day of the same month.
    #[must_use]
    pub fn first_of_month(self) -> Self {
        let back = i32::try_from(self.to_chrono().day0()).unwrap_or(0);
        self.plus_days(-back)
    }

    /// Whether the day is a Saturday or a Sunday.
    #[must_use]
    pub const fn is_weekend(self) -> bool {
        // 1970-01-01 was a Thursday: day 2 was a Saturday and day 3 a Sunday.
        matches!(self.0.rem_euclid(7), 2 | 3)
    }

    /// The day of the week.
    #[must_use]
    pub fn weekday(self) -> Weekday {
        self.to_chrono().weekday()
    }

    /// The instant at which this London day begins.
    #[must_use]
    pub fn start(self) -> Instant {
        let table = day_starts();
        let index = self.0.checked_sub(table.first).and_then(|offset| usize::try_from(offset).ok());
        let known = index.and_then(|at| table.starts.get(at)).copied();
        known.unwrap_or(Instant(i64::from(self.0).saturating_mul(DAY_NS)))
    }

    /// The instant at which a deadline on this day is overdue: the start of the next London day.
    #[must_use]
    pub fn end(self) -> Instant {
        self.next().start()
    }

    /// Appends the date as `YYYY-MM-DD`.
    pub fn write(self, out: &mut Vec<u8>) {
        let date = self.to_chrono();
        write_digits(out, i64::from(date.year()), 4);
        for number in [date.month(), date.day()] {
            out.push(b'-');
            write_digits(out, i64::from(number), 2);
        }
    }

    /// The same day as a chrono value.
    #[must_use]
    pub fn to_chrono(self) -> NaiveDate {
        NaiveDate::from_epoch_days(self.0).unwrap_or(NaiveDate::MIN)
    }
}

impl From<NaiveDate> for Date {
    fn from(value: NaiveDate) -> Self {
        Self(value.to_epoch_days())
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = Vec::with_capacity(10);
        self.write(&mut text);
        f.write_str(std::str::from_utf8(&text).unwrap_or(""))
    }
}

impl Serialize for Date {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Reads what [`Serialize`] wrote, also beyond the years that facts are held to.
impl<'de> Deserialize<'de> for Date {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        let found = parse_date(text.as_bytes());
        found.map(Self::from).ok_or_else(|| serde::de::Error::custom(TimeError::Date(text.into_owned())))
    }
}

struct DayStarts {
    first: i32,
    starts: Vec<Instant>,
}

fn day_starts() -> &'static DayStarts {
    static TABLE: OnceLock<DayStarts> = OnceLock::new();
    TABLE.get_or_init(|| {
        let first = NaiveDate::from_ymd_opt(TABLE_FIRST_YEAR, 1, 1).map_or(0, |d| d.to_epoch_days());
        let last = NaiveDate::from_ymd_opt(TABLE_LAST_YEAR, 12, 31).map_or(0, |d| d.to_epoch_days());
        let starts = (first..=last)
            .map(|day| {
                let offset_ns = i64::from(midnight_offset_seconds(Date(day))) * SECOND_NS;
                Instant(i64::from(day) * DAY_NS - offset_ns)
            })
            .collect();
        DayStarts { first, starts }
    })
}

/// Seconds by which London is ahead of UTC at the start of a London day (tz database; from 2038 by rule).
fn midnight_offset_seconds(day: Date) -> i32 {
    let date = day.to_chrono();
    if date.year() >= RULE_FROM_YEAR {
        return if summer_time_at_midnight(date) { 3600 } else { 0 };
    }
    // London's clocks have never changed at midnight, so the local time exists and is unambiguous.
    let midnight = NaiveDateTime::from(date);
    chrono_tz::Europe::London
        .offset_from_local_datetime(&midnight)
        .earliest()
        .map_or(0, |offset| offset.fix().local_minus_utc())
}

/// Whether a London day begins in summer time: after the last Sunday of March up to that of October.
fn summer_time_at_midnight(date: NaiveDate) -> bool {
    let last_sunday = |month| {
        let end = NaiveDate::from_ymd_opt(date.year(), month, 31).unwrap_or(date);
        end - chrono::Days::new(u64::from(end.weekday().num_days_from_sunday()))
    };
    date > last_sunday(3) && date <= last_sunday(10)
}

/// Source of the present moment; the only implementation that reads the machine's clock is [`SystemClock`].
pub trait Clock: Send + Sync {
    /// The present instant.
    fn now(&self) -> Instant;
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place where the machine's clock is read")]
    fn now(&self) -> Instant {
        Utc::now().into()
    }
}

/// A clock that moves only when told to, for tests and the demonstration.
#[derive(Debug)]
pub struct VirtualClock(std::sync::atomic::AtomicI64);

impl VirtualClock {
    /// A clock standing at `now`.
    #[must_use]
    pub const fn new(now: Instant) -> Self {
        Self(std::sync::atomic::AtomicI64::new(now.0))
    }

    /// Moves the clock to `now`, forwards or backwards.
    pub fn set(&self, now: Instant) {
        self.0.store(now.0, std::sync::atomic::Ordering::SeqCst);
    }
}

impl Clock for VirtualClock {
    fn now(&self) -> Instant {
        Instant(self.0.load(std::sync::atomic::Ordering::SeqCst))
    }
}

/// Writes a date in words: `Friday 6 March 2026`.
#[must_use]
pub fn in_words(date: Date) -> String {
    let mut text = Vec::with_capacity(27);
    date.write_words(&mut text);
    String::from_utf8(text).unwrap_or_default()
}

/// Writes the London wall-clock time of an instant: `09:05 on Friday 6 March 2026`.
#[must_use]
pub fn london_words(at: Instant) -> String {
    let mut text = Vec::with_capacity(36);
    at.write_london_words(&mut text);
    String::from_utf8(text).unwrap_or_default()
}

impl Date {
    /// Appends the date in words, as [`in_words`].
    pub fn write_words(self, out: &mut Vec<u8>) {
        const WEEKDAYS: [&str; 7] =
            ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
        const MONTHS: [&str; 12] = [
            "January",
            "February",
            "March",
            "April",
            "May",
            "June",
            "July",
            "August",
            "September",
            "October",
            "November",
            "December",
        ];
        let day = self.to_chrono();
        let name = |names: &[&'static str], at: u32| names.get(at as usize).copied().unwrap_or("");
        out.extend_from_slice(name(&WEEKDAYS, day.weekday().num_days_from_monday()).as_bytes());
        out.push(b' ');
        write_digits(out, i64::from(day.day()), if day.day() < 10 { 1 } else { 2 });
        out.push(b' ');
        out.extend_from_slice(name(&MONTHS, day.month0()).as_bytes());
        out.push(b' ');
        write_digits(out, i64::from(day.year()), 4);
    }
}

impl Instant {
    /// Appends the London wall-clock time, as [`london_words`].
    pub fn write_london_words(self, out: &mut Vec<u8>) {
        let date = self.london_date();
        let offset = |day: Date| i64::from(day.days()) * DAY_NS - day.start().nanos();
        let offset_ns = offset(date);
        // The clocks change at 01:00 UTC, after midnight: of such a day ask the tz database for the wall clock itself.
        let changes = offset_ns != offset(date.next());
        let local = if changes && date.year() < RULE_FROM_YEAR {
            let local = self.to_chrono().with_timezone(&chrono_tz::Europe::London).naive_local();
            local.and_utc().timestamp_nanos_opt().unwrap_or(self.0)
        } else {
            self.0.saturating_add(offset_ns)
        };
        let minutes = local.rem_euclid(DAY_NS) / (60 * SECOND_NS);
        write_digits(out, minutes / 60, 2);
        out.push(b':');
        write_digits(out, minutes % 60, 2);
        out.extend_from_slice(b" on ");
        Date(i32::try_from(local.div_euclid(DAY_NS)).unwrap_or(0)).write_words(out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn date(text: &str) -> Date {
        Date::parse(text).unwrap()
    }

    #[test]
    fn london_days_of_23_24_and_25_hours_begin_at_local_midnight() {
        assert_eq!(date("2026-03-29").start().to_string(), "2026-03-29T00:00:00Z");
        assert_eq!(date("2026-03-29").end().to_string(), "2026-03-29T23:00:00Z");
        assert_eq!(date("2026-10-25").start().to_string(), "2026-10-24T23:00:00Z");
        assert_eq!(date("2026-10-25").end().to_string(), "2026-10-26T00:00:00Z");
    }

    #[test]
    fn an_instant_just_before_midnight_utc_in_summer_is_the_next_london_day() {
        let late = Instant::parse("2026-06-01T23:30:00Z").unwrap();
        assert_eq!(late.london_date(), date("2026-06-02"));
        let winter = Instant::parse("2026-01-01T23:30:00Z").unwrap();
        assert_eq!(winter.london_date(), date("2026-01-01"));
    }

    #[test]
    fn the_rule_used_after_2037_agrees_with_the_tz_database_from_1996_on() {
        for day in date("1996-01-01").days()..date("2037-12-31").days() {
            let day = Date::from_days(day);
            let by_rule = if summer_time_at_midnight(day.to_chrono()) { 3600 } else { 0 };
            assert_eq!(midnight_offset_seconds(day), by_rule, "{day}");
        }
    }

    #[test]
    fn months_are_counted_from_the_original_day_and_clamped() {
        assert_eq!(date("2026-08-31").plus_months(-6), date("2026-02-28"));
        assert_eq!(date("2028-08-31").plus_months(-6), date("2028-02-29"));
        assert_eq!(date("2026-08-31").plus_months(-8), date("2025-12-31"));
    }

    #[test]
    fn fractions_are_written_as_short_as_they_go() {
        for (given, written) in [
            ("2026-03-02T09:00:00.500Z", "2026-03-02T09:00:00.5Z"),
            ("2026-03-02T09:00:00.000Z", "2026-03-02T09:00:00Z"),
            ("2026-03-02T10:00:00.000000001+01:00", "2026-03-02T09:00:00.000000001Z"),
            ("1969-12-31T23:59:59.25Z", "1969-12-31T23:59:59.25Z"),
        ] {
            assert_eq!(Instant::parse(given).unwrap().to_string(), written);
        }
    }

    #[test]
    fn what_was_derived_beyond_those_years_is_read_again() {
        for date in [Date::parse("1900-01-01").unwrap().plus_months(-8), Date::from_ymd(2201, 2, 1).unwrap()]
        {
            let text = serde_json::to_string(&date).unwrap();
            assert_eq!(serde_json::from_str::<Date>(&text).unwrap(), date);
            let text = serde_json::to_string(&date.end()).unwrap();
            assert_eq!(serde_json::from_str::<Instant>(&text).unwrap(), date.end());
        }
    }

    #[test]
    fn years_outside_1900_to_2200_are_refused() {
        for text in ["9999-01-01T00:00:00Z", "1899-12-31T23:59:59Z", "2201-01-01T00:00:00Z"] {
            assert_eq!(Instant::parse(text), Err(TimeError::Range(text.to_owned())));
        }
        assert!(Date::parse("9999-01-01").is_err());
        assert!(Date::parse("2026-1-1").is_err());
        assert!(Date::parse("2026-02-30").is_err());
    }

    #[test]
    fn words_follow_the_london_wall_clock() {
        for day in (date("1996-01-01").days()..=date("2037-12-31").days()).map(Date::from_days) {
            assert_eq!(in_words(day), day.to_chrono().format("%A %-d %B %Y").to_string());
        }
        // Before and after 01:00 UTC of the days on which the clocks change.
        for (at, words) in [
            ("2026-03-29T00:59:00Z", "00:59 on Sunday 29 March 2026"),
            ("2026-03-29T01:00:00Z", "02:00 on Sunday 29 March 2026"),
            ("2026-10-25T00:59:00Z", "01:59 on Sunday 25 October 2026"),
            ("2026-10-25T01:00:00Z", "01:00 on Sunday 25 October 2026"),
        ] {
            assert_eq!(london_words(Instant::parse(at).unwrap()), words);
        }
        assert_eq!(
            london_words(Instant::parse("2026-06-01T23:05:00Z").unwrap()),
            "00:05 on Tuesday 2 June 2026"
        );
        assert_eq!(
            london_words(Instant::parse("2026-03-29T12:00:00Z").unwrap()),
            "13:00 on Sunday 29 March 2026"
        );
    }
}
