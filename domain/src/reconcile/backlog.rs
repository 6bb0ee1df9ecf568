//! The backlog of a programme: cases that it covers and that have neither a record nor a duty to make one.

use serde::Serialize;

use crate::time::{Date, Instant};

/// Longest time that is counted day by day, up to the moment asked about.
const MAX_DAYS: i32 = 3_660;

/// A span of time: from an instant on, up to another, which is not part of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// Its first instant.
    pub from: Instant,
    /// Where it ends; none while it lasts.
    pub until: Option<Instant>,
}

impl Span {
    /// What of some spans is left without others.
    #[must_use]
    pub fn without(spans: &[Self], others: &[Self]) -> Vec<Self> {
        let mut left = spans.to_vec();
        for other in others {
            left = left.into_iter().flat_map(|span| span.cut(*other)).flatten().collect();
        }
        left
    }

    /// What of it lies before and after another.
    fn cut(self, other: Self) -> [Option<Self>; 2] {
        let end = self.until.unwrap_or(Instant::MAX);
        let other_end = other.until.unwrap_or(Instant::MAX);
        if other.from >= end || other_end <= self.from {
            return [Some(self), None];
        }
        let before = (self.from < other.from).then_some(Self { from: self.from, until: Some(other.from) });
        let after = (other_end < end).then_some(Self { from: other_end, until: self.until });
        [before, after]
    }
}

/// A case of the backlog.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BacklogCase {
    /// The nominal.
    pub subject: String,
    /// From when on it was without record and duty.
    pub since: Instant,
}

/// How many cases there were at the end of a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct BacklogDay {
    /// The London day.
    pub date: Date,
    /// Cases at its end, or at the moment asked about on the last.
    pub count: u32,
}

/// The backlog of a programme in an area.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Backlog {
    /// The area.
    pub area: String,
    /// The programme.
    pub programme: String,
    /// The day from which the programme is on; none while it is off, and the cases are then those that it would cover.
    pub switched_on: Option<Date>,
    /// Cases, the oldest first.
    pub cases: Vec<BacklogCase>,
    /// The count from the day of the switch on.
    pub days: Vec<BacklogDay>,
}

impl Backlog {
    /// The backlog of the spans in which each nominal was a case, at a moment.
    #[must_use]
    pub fn of(
        area: &str,
        programme: &str,
        switched_on: Option<Date>,
        spans: &[(String, Vec<Span>)],
        at: Instant,
    ) -> Self {
        let mut cases: Vec<BacklogCase> = spans
            .iter()
            .filter_map(|(subject, spans)| {
                let lasting = spans.iter().find(|span| span.until.is_none())?;
                Some(BacklogCase { subject: subject.clone(), since: lasting.from })
            })
            .collect();
        cases.sort_by(|one, other| (one.since, &one.subject).cmp(&(other.since, &other.subject)));
        let days = switched_on.map(|from| days(from, spans, at.london_date())).unwrap_or_default();
        Self { area: area.to_owned(), programme: programme.to_owned(), switched_on, cases, days }
    }
}

/// The count at the end of each day from one to another.
fn days(from: Date, spans: &[(String, Vec<Span>)], to: Date) -> Vec<BacklogDay> {
    let from = from.max(to.plus_days(-MAX_DAYS));
    let length = usize::try_from(to.days() - from.days() + 1).unwrap_or(0);
    // What the count changes by on each day.
    let mut changes = vec![0i64; length + 1];
    let place = |date: Date| usize::try_from(date.days() - from.days()).unwrap_or(0).min(length);
    for span in spans.iter().flat_map(|(_, spans)| spans) {
        // At the end of a day there are those that began on it or before, and did not end on it or before: one that
        // ends with the day itself ends on the next.
        let until = span.until.map_or(length, |until| place(until.london_date()));
        let first = place(span.from.london_date());
        if first < until {
            for (at, by) in [(first, 1), (until, -1)] {
                if let Some(change) = changes.get_mut(at) {
                    *change += by;
                }
            }
        }
    }
    let mut count = 0i64;
    (0i32..)
        .zip(changes.into_iter().take(length))
        .map(|(day, change)| {
            count += change;
            BacklogDay { date: from.plus_days(day), count: u32::try_from(count).unwrap_or(0) }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Instant {
        Instant::parse(text).unwrap()
    }

    #[test]
    fn a_span_without_another_is_what_lies_before_and_after_it() {
        let span = |from: &str, until: Option<&str>| Span { from: at(from), until: until.map(at) };
        let whole = [span("2026-03-01T00:00:00Z", None)];
        let middle = [span("2026-03-02T00:00:00Z", Some("2026-03-03T00:00:00Z"))];
        let left = Span::without(&whole, &middle);
        let before = span("2026-03-01T00:00:00Z", Some("2026-03-02T00:00:00Z"));
        assert_eq!(left, [before, span("2026-03-03T00:00:00Z", None)]);
        assert_eq!(Span::without(&middle, &whole), []);
        assert_eq!(Span::without(&[before], &middle), [before], "they only touch");
    }
}
