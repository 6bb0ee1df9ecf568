//! Quarters of the calendar.

use mandate_domain::time::Date;

/// Three months of the calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quarter {
    /// Its first day.
    pub from: Date,
    /// Its last day, or the day of the view in the present one.
    pub to: Date,
    /// Whether it is over.
    pub is_over: bool,
}

impl Quarter {
    /// In words: `Jan to Mar 2026`.
    #[must_use]
    pub fn words(self) -> String {
        let last = self.from.plus_months(2);
        format!("{} to {}", self.from.to_chrono().format("%b"), last.to_chrono().format("%b %Y"))
    }
}

/// The last quarters up to the one of a day, the earliest first.
#[must_use]
pub fn quarters(today: Date, count: usize) -> Vec<Quarter> {
    let month = today.first_of_month();
    let mut from = month.plus_months(-months_into_the_quarter(month));
    let mut found = Vec::with_capacity(count);
    while found.len() < count {
        let last = from.plus_months(3).plus_days(-1);
        found.push(Quarter { from, to: last.min(today), is_over: last < today });
        from = from.plus_months(-3);
    }
    found.reverse();
    found
}

fn months_into_the_quarter(month: Date) -> i32 {
    let number: i32 = month.to_chrono().format("%m").to_string().parse().unwrap_or(1);
    (number - 1) % 3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_present_quarter_ends_today_and_those_before_on_their_last_day() {
        let today = Date::parse("2026-03-10").unwrap();
        let found = quarters(today, 3);
        let spans: Vec<(String, String, bool)> =
            found.iter().map(|one| (one.from.to_string(), one.to.to_string(), one.is_over)).collect();
        let span = |from: &str, to: &str, over| (from.to_owned(), to.to_owned(), over);
        assert_eq!(
            spans,
            [
                span("2025-07-01", "2025-09-30", true),
                span("2025-10-01", "2025-12-31", true),
                span("2026-01-01", "2026-03-10", false),
            ]
        );
        assert_eq!(found[2].words(), "Jan to Mar 2026");
        assert!(!quarters(Date::parse("2026-03-31").unwrap(), 1)[0].is_over);
    }
}
