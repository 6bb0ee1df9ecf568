//! How often each feed usually tells something, so that one that fell silent is noticed.
//!
//! Kept in memory alone, from the last events of the log on: what is usual is learned again after a restart.

use std::collections::BTreeMap;

use mandate_domain::time::Instant;
use mandate_store::{Position, Reader, StoreError, StoredEvent};

/// Events before the end of the log from which is learned at a start.
const LEARNED_FROM: u64 = 20_000;
/// Events read at once.
const PAGE: usize = 2_000;
/// Tellers of Mandate's own.
const OWN: &str = "/mandate";
/// Arrivals before anything is said of a feed.
const ARRIVALS: u64 = 10;
/// The longest pause of this time and of the one before it count as usual.
const PERIOD_NS: i64 = 14 * DAY_NS;
/// A feed that was watched over a week has shown its nights and its weekend; before that a long weekend is allowed.
const WATCHED_NS: i64 = 8 * DAY_NS;
const LONG_WEEKEND_NS: i64 = 84 * HOUR_NS;
const HOUR_NS: i64 = 3_600_000_000_000;
const DAY_NS: i64 = 24 * HOUR_NS;

/// What is usual of the feeds.
#[derive(Debug, Default)]
pub(crate) struct Feeds {
    reached: Option<Position>,
    by_source: BTreeMap<String, Feed>,
}

#[derive(Debug, Clone, Copy)]
struct Feed {
    first_at: Instant,
    last_at: Instant,
    arrivals: u64,
    period_from: Instant,
    longest_ns: i64,
    longest_before_ns: i64,
}

/// A feed that is silent for longer than usual.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Silent {
    pub source: String,
    pub since: Instant,
}

impl Feeds {
    /// Takes in what was appended.
    pub fn follow(&mut self, reader: &Reader) -> Result<(), StoreError> {
        let head = reader.head()?.position;
        let start = Position::new(head.get().saturating_sub(LEARNED_FROM));
        let mut after = self.reached.filter(|reached| *reached >= start).unwrap_or(start);
        while after < head {
            let mut last = after;
            let read = reader.for_each_after(after, PAGE, |event| {
                last = event.position;
                self.note(&event);
                Ok(())
            });
            match read {
                Ok(_) if last > after => after = last,
                Ok(_) => break,
                // What cannot be decoded is no matter of ours: the read models name it.
                Err(StoreError::Unreadable { position, .. }) => after = position,
                Err(error) => return Err(error),
            }
        }
        self.reached = Some(after);
        Ok(())
    }

    fn note(&mut self, event: &StoredEvent) {
        let source = &*event.fact.source;
        if !source.starts_with(OWN) {
            self.arrival(source, event.recorded_at);
        }
    }

    fn arrival(&mut self, source: &str, at: Instant) {
        let Some(feed) = self.by_source.get_mut(source) else {
            let feed = Feed {
                first_at: at,
                last_at: at,
                arrivals: 1,
                period_from: at,
                longest_ns: 0,
                longest_before_ns: 0,
            };
            self.by_source.insert(source.to_owned(), feed);
            return;
        };
        let pause = at.nanos().saturating_sub(feed.last_at.nanos());
        if pause <= 0 {
            return;
        }
        feed.arrivals += 1;
        feed.last_at = at;
        feed.longest_ns = feed.longest_ns.max(pause);
        if at.nanos().saturating_sub(feed.period_from.nanos()) > PERIOD_NS {
            feed.period_from = at;
            feed.longest_before_ns = feed.longest_ns;
            feed.longest_ns = pause;
        }
    }

    /// The feeds that are silent for more than twice the longest pause that is usual of them, and an hour at least.
    pub fn silent(&self, now: Instant) -> Vec<Silent> {
        let is_silent = |feed: &Feed| {
            let watched = feed.last_at.nanos().saturating_sub(feed.first_at.nanos());
            let least = if watched >= WATCHED_NS { HOUR_NS } else { LONG_WEEKEND_NS };
            let usual = feed.longest_ns.max(feed.longest_before_ns).saturating_mul(2).max(least);
            feed.arrivals >= ARRIVALS && now.nanos().saturating_sub(feed.last_at.nanos()) > usual
        };
        let silent = self.by_source.iter().filter(|(_, feed)| is_silent(feed));
        silent.map(|(source, feed)| Silent { source: source.clone(), since: feed.last_at }).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Instant {
        Instant::parse(text).unwrap()
    }

    /// A feed that tells something every hour from eight to six on working days, from Monday 2 March 2026 on.
    fn office_hours(weeks: i32) -> Feeds {
        let mut feeds = Feeds::default();
        let monday = at("2026-03-02T00:00:00Z");
        for week in 0..weeks {
            for day in 0..5 {
                for hour in 8..18 {
                    let days = i64::from(week * 7 + day);
                    feeds.arrival("/ndelius", monday.plus_seconds((days * 24 + hour) * 3600));
                }
            }
        }
        feeds
    }

    #[test]
    fn a_feed_is_silent_after_twice_its_longest_pause() {
        // From Friday 17:00 to Monday 08:00 are 63 hours; the last word was on Friday 20 March at 17:00.
        let feeds = office_hours(3);
        assert_eq!(feeds.silent(at("2026-03-23T08:00:00Z")), []);
        assert_eq!(feeds.silent(at("2026-03-25T23:00:00Z")), []);
        let silent = feeds.silent(at("2026-03-25T23:00:01Z"));
        assert_eq!(silent, [Silent { source: "/ndelius".to_owned(), since: at("2026-03-20T17:00:00Z") }]);
    }

    #[test]
    fn a_feed_that_was_not_watched_over_a_weekend_is_given_a_long_one() {
        let feeds = office_hours(1);
        // Last word on Friday 6 March at 17:00; 84 hours later it is Tuesday 05:00.
        assert_eq!(feeds.silent(at("2026-03-10T05:00:00Z")), []);
        assert_eq!(feeds.silent(at("2026-03-10T05:00:01Z")).len(), 1);
    }

    #[test]
    fn what_was_told_a_few_times_only_is_no_feed() {
        let mut feeds = Feeds::default();
        for hour in 0..9 {
            feeds.arrival("/once", at("2026-03-02T00:00:00Z").plus_seconds(hour * 3600));
        }
        assert_eq!(feeds.silent(at("2027-03-02T00:00:00Z")), []);
    }
}
