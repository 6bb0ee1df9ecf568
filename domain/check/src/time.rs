//! Instants as nanoseconds since 1970, days as Europe/London counts them.

use chrono::{DateTime, Days, NaiveDate, SecondsFormat, TimeZone as _, Utc};
use chrono_tz::Europe::London;

use crate::Unread;

/// An instant in nanoseconds since 1970, UTC.
pub type Instant = i64;

pub fn instant(text: &str) -> Result<Instant, Unread> {
    let read = DateTime::parse_from_rfc3339(text).ok().and_then(|at| at.timestamp_nanos_opt());
    read.ok_or_else(|| Unread(format!("`{text}` is no instant")))
}

/// An instant in UTC, the fraction as short as it goes.
pub fn written(at: Instant) -> String {
    let text = DateTime::<Utc>::from_timestamp_nanos(at).to_rfc3339_opts(SecondsFormat::Nanos, true);
    let short = text.trim_end_matches('Z').trim_end_matches('0').trim_end_matches('.');
    format!("{short}Z")
}

pub fn date(text: &str) -> Result<NaiveDate, Unread> {
    text.parse().map_err(|_| Unread(format!("`{text}` is no date")))
}

/// The London day of an instant.
pub fn london_day(at: Instant) -> NaiveDate {
    DateTime::<Utc>::from_timestamp_nanos(at).with_timezone(&London).date_naive()
}

/// The start of a London day.
pub fn start_of(day: NaiveDate) -> Instant {
    let midnight = day.and_hms_opt(0, 0, 0).unwrap_or_default();
    // Clocks change at one in the morning: there is one midnight every day.
    let start = London.from_local_datetime(&midnight).earliest();
    start.and_then(|at| at.timestamp_nanos_opt()).unwrap_or(Instant::MAX)
}

pub fn next(day: NaiveDate) -> NaiveDate {
    plus(day, 1)
}

pub fn plus(day: NaiveDate, days: u64) -> NaiveDate {
    day.checked_add_days(Days::new(days)).unwrap_or(NaiveDate::MAX)
}
