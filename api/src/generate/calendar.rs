//! London days, working days and instants, in whole numbers.

use chrono::{Datelike, Months, NaiveDate, Weekday};

/// Bank holidays of England and Wales as (year, month, day).
const BANK_HOLIDAYS: &[(i32, &[(u32, u32)])] = &[
    (2019, &[(1, 1), (4, 19), (4, 22), (5, 6), (5, 27), (8, 26), (12, 25), (12, 26)]),
    (2020, &[(1, 1), (4, 10), (4, 13), (5, 8), (5, 25), (8, 31), (12, 25), (12, 28)]),
    (2021, &[(1, 1), (4, 2), (4, 5), (5, 3), (5, 31), (8, 30), (12, 27), (12, 28)]),
    (2022, &[(1, 3), (4, 15), (4, 18), (5, 2), (6, 2), (6, 3), (8, 29), (9, 19), (12, 26), (12, 27)]),
    (2023, &[(1, 2), (4, 7), (4, 10), (5, 1), (5, 8), (5, 29), (8, 28), (12, 25), (12, 26)]),
    (2024, &[(1, 1), (3, 29), (4, 1), (5, 6), (5, 27), (8, 26), (12, 25), (12, 26)]),
    (2025, &[(1, 1), (4, 18), (4, 21), (5, 5), (5, 26), (8, 25), (12, 25), (12, 26)]),
    (2026, &[(1, 1), (4, 3), (4, 6), (5, 4), (5, 25), (8, 31), (12, 25), (12, 28)]),
    (2027, &[(1, 1), (3, 26), (3, 29), (5, 3), (5, 31), (8, 30), (12, 27), (12, 28)]),
    (2028, &[(1, 3), (4, 14), (4, 17), (5, 1), (5, 29), (8, 28), (12, 25), (12, 26)]),
];

/// Seconds of a day of 24 hours.
const DAY_S: i64 = 86_400;

/// A London date, counted in days from 1 January 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Day(i32);

impl Day {
    /// Returns the day of a date.
    pub(super) fn of(date: NaiveDate) -> Self {
        Self(i32::try_from(date.signed_duration_since(NaiveDate::default()).num_days()).unwrap_or(0))
    }

    /// Returns the date of a day.
    pub(super) fn date(self) -> NaiveDate {
        NaiveDate::default()
            .checked_add_signed(chrono::TimeDelta::days(i64::from(self.0)))
            .unwrap_or(NaiveDate::MAX)
    }

    /// Returns the day so many days later, or earlier.
    pub(super) fn plus(self, days: i32) -> Self {
        Self(self.0.saturating_add(days))
    }

    /// Returns how many days this day lies after another.
    pub(super) fn since(self, earlier: Self) -> i32 {
        self.0.saturating_sub(earlier.0)
    }

    /// Returns the same day so many calendar months earlier, clamped to the month's end.
    pub(super) fn months_before(self, months: u32) -> Self {
        Self::of(self.date().checked_sub_months(Months::new(months)).unwrap_or(NaiveDate::MIN))
    }

    /// Returns the same day so many calendar months later, clamped to the month's end.
    pub(super) fn months_after(self, months: u32) -> Self {
        Self::of(self.date().checked_add_months(Months::new(months)).unwrap_or(NaiveDate::MAX))
    }
}

/// An instant, in seconds of UTC from 1 January 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Moment(i64);

impl Moment {
    /// Returns the moment so many seconds later, or earlier.
    pub(super) fn plus(self, seconds: i64) -> Self {
        Self(self.0.saturating_add(seconds))
    }

    /// Returns how many seconds this moment lies after another.
    pub(super) fn since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// Returns the seconds from 1970, which fit for every history up to 2106.
    pub(super) fn stamp(self) -> u32 {
        u32::try_from(self.0).unwrap_or(0)
    }

    /// Returns the moment of such a stamp.
    pub(super) fn of_stamp(stamp: u32) -> Self {
        Self(i64::from(stamp))
    }
}

/// How long a duty leaves.
#[derive(Debug, Clone, Copy)]
pub(super) enum Within {
    /// Calendar days.
    Days(i32),
    /// Working days.
    WorkingDays(u32),
}

#[derive(Clone, Copy)]
struct DayFacts {
    working: bool,
    summer_at_midnight: bool,
    summer_at_noon: bool,
    text: [u8; 10],
}

/// What is known of each day that a history can name.
pub(super) struct Calendar {
    first: i32,
    days: Vec<DayFacts>,
    fallback: DayFacts,
}

impl Calendar {
    /// Prepares the days from `years_before` years before a day to `years_after` years after it.
    pub(super) fn around(day: Day, years_before: u32, years_after: u32) -> Self {
        let first = day.months_before(12 * years_before);
        let last = day.months_after(12 * years_after);
        let days = (first.0..=last.0).map(|number| day_facts(Day(number).date())).collect();
        Self { first: first.0, days, fallback: day_facts(day.date()) }
    }

    /// Says whether the day is neither a Saturday, a Sunday nor a bank holiday.
    pub(super) fn is_working(&self, day: Day) -> bool {
        self.facts(day).working
    }

    /// Returns the working day on or after a day.
    pub(super) fn working_from(&self, day: Day) -> Day {
        let mut day = day;
        for _ in 0..14 {
            if self.is_working(day) {
                break;
            }
            day = day.plus(1);
        }
        day
    }

    /// Returns the working day on or before a day.
    pub(super) fn working_until(&self, day: Day) -> Day {
        let mut day = day;
        for _ in 0..14 {
            if self.is_working(day) {
                break;
            }
            day = day.plus(-1);
        }
        day
    }

    /// Returns the last day on which a duty opened on a day is in time.
    pub(super) fn due_on(&self, opened_on: Day, within: Within) -> Day {
        match within {
            Within::Days(days) => opened_on.plus(days),
            Within::WorkingDays(count) => (0..count).fold(opened_on, |day, _| self.working_from(day.plus(1))),
        }
    }

    /// Returns the instant of a clock time in London, given in seconds from midnight.
    pub(super) fn at(&self, day: Day, clock_s: i64) -> Moment {
        let facts = self.facts(day);
        let summer = if clock_s < 7200 { facts.summer_at_midnight } else { facts.summer_at_noon };
        Moment(i64::from(day.0) * DAY_S + clock_s - if summer { 3600 } else { 0 })
    }

    /// Returns the instant at which the London day begins.
    pub(super) fn start_of(&self, day: Day) -> Moment {
        self.at(day, 0)
    }

    /// Returns the London date of an instant.
    pub(super) fn day_of(&self, moment: Moment) -> Day {
        let number = i32::try_from(moment.0.div_euclid(DAY_S)).unwrap_or(0);
        let facts = self.facts(Day(number));
        let of_day = moment.0.rem_euclid(DAY_S);
        let summer = if of_day < 3600 { facts.summer_at_midnight } else { facts.summer_at_noon };
        if summer && of_day >= DAY_S - 3600 { Day(number + 1) } else { Day(number) }
    }

    /// Writes a date as `2026-03-02`.
    pub(super) fn write_date(&self, day: Day, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.facts(day).text);
    }

    /// Writes an instant as `2026-03-02T09:00:00Z`.
    pub(super) fn write_moment(&self, moment: Moment, out: &mut Vec<u8>) {
        let number = i32::try_from(moment.0.div_euclid(DAY_S)).unwrap_or(0);
        self.write_date(Day(number), out);
        let of_day = moment.0.rem_euclid(DAY_S);
        for (mark, part) in [(b'T', of_day / 3600), (b':', of_day / 60 % 60), (b':', of_day % 60)] {
            out.push(mark);
            let part = u8::try_from(part).unwrap_or(0);
            out.push(b'0' + part / 10);
            out.push(b'0' + part % 10);
        }
        out.push(b'Z');
    }

    fn facts(&self, day: Day) -> DayFacts {
        usize::try_from(i64::from(day.0) - i64::from(self.first))
            .ok()
            .and_then(|place| self.days.get(place))
            .copied()
            .unwrap_or(self.fallback)
    }
}

fn day_facts(date: NaiveDate) -> DayFacts {
    let weekend = matches!(date.weekday(), Weekday::Sat | Weekday::Sun);
    let holiday = BANK_HOLIDAYS
        .iter()
        .any(|(year, days)| *year == date.year() && days.contains(&(date.month(), date.day())));
    let forward = last_sunday(date.year(), 3);
    let back = last_sunday(date.year(), 10);
    let mut text = [b'0'; 10];
    for (place, byte) in text.iter_mut().zip(date.format("%Y-%m-%d").to_string().bytes()) {
        *place = byte;
    }
    DayFacts {
        working: !weekend && !holiday,
        summer_at_midnight: date > forward && date <= back,
        summer_at_noon: date >= forward && date < back,
        text,
    }
}

/// Returns the last Sunday of March or October, on which the clocks change at 01:00 UTC.
fn last_sunday(year: i32, month: u32) -> NaiveDate {
    let end = NaiveDate::from_ymd_opt(year, month, 31).unwrap_or_default();
    let back = i64::from(end.weekday().num_days_from_sunday());
    end.checked_sub_signed(chrono::TimeDelta::days(back)).unwrap_or(end)
}
