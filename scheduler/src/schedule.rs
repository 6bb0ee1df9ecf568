//! When mails of the clock are due: `cron` expressions in London time, at most once on a local date.
//!
//! A slot is named by its local date and never falls between 01:00 and 01:59, so that a change of the clocks can
//! neither skip nor repeat one. The crate only reads expressions and says on which days they fall: it is never asked
//! about a time zone.

use std::str::FromStr;

use chrono::{DateTime, NaiveTime, Timelike as _, Utc};
use cron::TimeUnitSpec as _;
use mandate_domain::time::{Date, Instant};

use crate::error::SettingsError;

/// The hour in which clocks change.
const CHANGING_HOUR: u32 = 1;
/// Days looked ahead for the next slot; no schedule here is rarer than once a quarter.
const LOOK_AHEAD_DAYS: i32 = 100;

/// A schedule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    cron: cron::Schedule,
    time: LondonTime,
}

/// A time of day in London at which a day has exactly one instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct LondonTime(NaiveTime);

/// A slot of a schedule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Slot {
    pub on: Date,
    pub at: Instant,
}

impl LondonTime {
    /// Reads `07:30`.
    ///
    /// # Errors
    /// [`SettingsError`] for another form, and for 01:00 to 01:59, which the clocks skip or repeat.
    pub fn parse(text: &str) -> Result<Self, SettingsError> {
        let wrong = |reason: &str| SettingsError::new("time of day", format!("`{text}`: {reason}"));
        let time =
            NaiveTime::parse_from_str(text, "%H:%M").map_err(|_| wrong("expected a time such as 07:30"))?;
        if text.len() != 5 {
            return Err(wrong("expected a time such as 07:30"));
        }
        if time.hour() == CHANGING_HOUR {
            return Err(wrong("not between 01:00 and 01:59, which clock changes skip or repeat"));
        }
        Ok(Self(time))
    }

    /// As `07:30`.
    #[must_use]
    pub fn to_text(self) -> String {
        self.0.format("%H:%M").to_string()
    }

    /// The instant at which it is that time in London on a date.
    #[must_use]
    pub fn on(self, date: Date) -> Instant {
        let local = date.to_chrono().and_time(self.0);
        // There is exactly one outside of the hour in which clocks change.
        let found = local.and_local_timezone(chrono_tz::Europe::London).earliest();
        let nanos = found.and_then(|at| at.timestamp_nanos_opt());
        nanos.map_or_else(|| date.start(), Instant::from_nanos)
    }
}

impl Schedule {
    /// Reads `0 30 7 * * Mon-Fri`: second, minute, hour, day of the month, month, day of the week.
    ///
    /// # Errors
    /// [`SettingsError`] for an expression that cannot be read; for numbers of days of the week, which are counted in
    /// two ways; for more than one time on a date; and for 01:00 to 01:59, which the clocks skip or repeat.
    pub fn parse(text: &str) -> Result<Self, SettingsError> {
        let wrong = |reason: &str| SettingsError::new("schedule", format!("`{text}`: {reason}"));
        let fields: Vec<&str> = text.split_whitespace().collect();
        let [second, minute, hour, _, _, week] = fields.as_slice() else {
            return Err(wrong("expected second, minute, hour, day of the month, month and day of the week"));
        };
        if week.contains(|c: char| c.is_ascii_digit()) {
            return Err(wrong("days of the week by name only, such as Mon-Fri"));
        }
        let number = |field: &str| field.parse::<u32>().ok();
        let (Some(second), Some(minute), Some(hour)) = (number(second), number(minute), number(hour)) else {
            return Err(wrong("one time on a date: second, minute and hour are numbers"));
        };
        let cron = cron::Schedule::from_str(text).map_err(|error| wrong(&error.to_string()))?;
        if hour == CHANGING_HOUR || cron.hours().includes(CHANGING_HOUR) {
            return Err(wrong("not between 01:00 and 01:59, which clock changes skip or repeat"));
        }
        let time = NaiveTime::from_hms_opt(hour, minute, second).ok_or_else(|| wrong("no such time"))?;
        Ok(Self { cron, time: LondonTime(time) })
    }

    /// The usual time of day.
    pub(crate) const fn time(&self) -> LondonTime {
        self.time
    }

    /// Whether it falls on a date.
    pub(crate) fn falls_on(&self, date: Date) -> bool {
        // The date and time of the wall, as if it were UTC: no zone is asked for.
        let wall: DateTime<Utc> = date.to_chrono().and_time(self.time.0).and_utc();
        self.cron.includes(wall)
    }

    /// The latest slot that has come and is not older than so many days, at the usual time or at another.
    pub(crate) fn latest(&self, now: Instant, time: LondonTime, days: i32) -> Option<Slot> {
        let today = now.london_date();
        (0..=days)
            .map(|back| today.plus_days(-back))
            .filter(|day| self.falls_on(*day))
            .map(|on| Slot { on, at: time.on(on) })
            .find(|slot| slot.at <= now)
    }

    /// When it falls next.
    pub(crate) fn next(&self, now: Instant, time: LondonTime) -> Option<Instant> {
        let today = now.london_date();
        (0..=LOOK_AHEAD_DAYS)
            .map(|ahead| today.plus_days(ahead))
            .filter(|day| self.falls_on(*day))
            .map(|day| time.on(day))
            .find(|at| *at > now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Instant {
        Instant::parse(text).unwrap()
    }

    fn schedule(text: &str) -> Schedule {
        Schedule::parse(text).unwrap()
    }

    /// Every slot of some days, found by asking every ten minutes as a running program does.
    fn slots(schedule: &Schedule, from: &str, until: &str) -> Vec<String> {
        let (mut now, until) = (at(from), at(until));
        let mut found: Vec<String> = Vec::new();
        while now <= until {
            if let Some(slot) = schedule.latest(now, schedule.time(), 0) {
                let text = format!("{} {}", slot.on, slot.at);
                if found.last() != Some(&text) {
                    found.push(text);
                }
            }
            now = now.plus_seconds(600);
        }
        found
    }

    #[test]
    fn names_of_days_mean_those_days() {
        let week = schedule("0 30 7 * * Mon-Fri");
        let falls: Vec<bool> =
            (23..30).map(|day| week.falls_on(Date::parse(&format!("2026-11-{day}")).unwrap())).collect();
        // Monday 23 to Sunday 29 November 2026.
        assert_eq!(falls, [true, true, true, true, true, false, false]);
        let monday = schedule("0 0 8 * * Mon");
        assert!(monday.falls_on(Date::parse("2026-11-23").unwrap()));
        assert!(!monday.falls_on(Date::parse("2026-11-22").unwrap()));
    }

    #[test]
    fn when_clocks_go_forward_each_date_has_its_slot_once() {
        // The clocks go from 01:00 to 02:00 on Sunday 29 March 2026.
        for (text, wanted) in [
            (
                "0 30 0 * * *",
                [
                    "2026-03-28 2026-03-28T00:30:00Z",
                    "2026-03-29 2026-03-29T00:30:00Z",
                    "2026-03-30 2026-03-29T23:30:00Z",
                ],
            ),
            (
                "0 0 2 * * *",
                [
                    "2026-03-28 2026-03-28T02:00:00Z",
                    "2026-03-29 2026-03-29T01:00:00Z",
                    "2026-03-30 2026-03-30T01:00:00Z",
                ],
            ),
            (
                "0 30 7 * * *",
                [
                    "2026-03-28 2026-03-28T07:30:00Z",
                    "2026-03-29 2026-03-29T06:30:00Z",
                    "2026-03-30 2026-03-30T06:30:00Z",
                ],
            ),
        ] {
            assert_eq!(
                slots(&schedule(text), "2026-03-28T00:00:00Z", "2026-03-30T20:00:00Z"),
                wanted,
                "{text}"
            );
        }
    }

    #[test]
    fn when_clocks_go_back_no_date_has_its_slot_twice() {
        // The clocks go from 02:00 to 01:00 on Sunday 25 October 2026.
        for (text, wanted) in [
            (
                "0 30 0 * * *",
                [
                    "2026-10-24 2026-10-23T23:30:00Z",
                    "2026-10-25 2026-10-24T23:30:00Z",
                    "2026-10-26 2026-10-26T00:30:00Z",
                ],
            ),
            (
                "0 0 2 * * *",
                [
                    "2026-10-24 2026-10-24T01:00:00Z",
                    "2026-10-25 2026-10-25T02:00:00Z",
                    "2026-10-26 2026-10-26T02:00:00Z",
                ],
            ),
            (
                "0 30 7 * * *",
                [
                    "2026-10-24 2026-10-24T06:30:00Z",
                    "2026-10-25 2026-10-25T07:30:00Z",
                    "2026-10-26 2026-10-26T07:30:00Z",
                ],
            ),
        ] {
            assert_eq!(
                slots(&schedule(text), "2026-10-23T23:00:00Z", "2026-10-26T20:00:00Z"),
                wanted,
                "{text}"
            );
        }
    }

    #[test]
    fn the_next_slot_is_after_the_moment_and_the_latest_not_older_than_asked() {
        let quarterly = schedule("0 0 9 1 Jan,Apr,Jul,Oct *");
        let now = at("2026-11-24T12:00:00Z");
        assert_eq!(quarterly.next(now, quarterly.time()), Some(at("2027-01-01T09:00:00Z")));
        assert_eq!(quarterly.latest(now, quarterly.time(), 30), None);
        let slot = quarterly.latest(now, quarterly.time(), 60).unwrap();
        assert_eq!((slot.on.to_string(), slot.at), ("2026-10-01".to_owned(), at("2026-10-01T08:00:00Z")));
        let daily = schedule("0 30 7 * * Mon-Fri");
        assert_eq!(daily.latest(at("2026-11-24T07:29:59Z"), daily.time(), 0), None);
        assert!(daily.latest(at("2026-11-24T07:30:00Z"), daily.time(), 0).is_some());
        assert_eq!(daily.next(at("2026-11-27T07:30:00Z"), daily.time()), Some(at("2026-11-30T07:30:00Z")));
    }

    #[test]
    fn expressions_that_a_clock_change_or_a_count_of_days_could_break_are_refused() {
        for (text, reason) in [
            ("0 30 1 * * *", "01:00"),
            ("0 59 1 * * Mon", "01:00"),
            ("0 30 7 * * 1", "by name"),
            ("0 30 7 * * 1-5", "by name"),
            ("0 30 */6 * * *", "one time"),
            ("0 0,30 7 * * *", "one time"),
            ("30 7 * * Mon", "expected second"),
            ("0 30 7 * * Mon 2026", "expected second"),
            ("0 30 25 * * *", ""),
            ("0 30 7 * * Montag", ""),
            ("0 30 7 32 * *", ""),
        ] {
            let error = Schedule::parse(text).unwrap_err().to_string();
            assert!(error.contains(reason), "{text}: {error}");
        }
        for text in ["01:00", "01:59", "7:30", "24:00", "0730", ""] {
            assert!(LondonTime::parse(text).is_err(), "{text}");
        }
        for text in ["00:59", "02:00", "07:30", "23:59"] {
            assert!(LondonTime::parse(text).is_ok(), "{text}");
        }
    }
}
