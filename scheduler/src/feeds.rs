//! Which feeds are silent for longer than is usual of them.

use mandate_domain::time::Instant;
use mandate_projections::Feed;

/// Arrivals before anything is said of a feed.
const ARRIVALS: u64 = 10;
/// A feed that was watched over a week has shown its nights and its weekend; before that a long weekend is allowed.
const WATCHED_NS: i64 = 8 * DAY_NS;
const LONG_WEEKEND_NS: i64 = 84 * HOUR_NS;
/// A feed of which nothing was heard for so long was taken out of use, and everybody knows.
const GONE_NS: i64 = 90 * DAY_NS;
const HOUR_NS: i64 = 3_600_000_000_000;
const DAY_NS: i64 = 24 * HOUR_NS;

/// Whether a feed is silent for more than twice the longest pause that is usual of it, and an hour at least.
pub(crate) fn is_silent(feed: &Feed, now: Instant) -> bool {
    let watched = feed.last_at.nanos().saturating_sub(feed.first_at.nanos());
    let least = if watched >= WATCHED_NS { HOUR_NS } else { LONG_WEEKEND_NS };
    let usual = feed.longest_ns.max(feed.longest_before_ns).saturating_mul(2).max(least);
    let silence = now.nanos().saturating_sub(feed.last_at.nanos());
    feed.arrivals >= ARRIVALS && silence > usual && silence <= GONE_NS.max(usual.saturating_mul(2))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Instant {
        Instant::parse(text).unwrap()
    }

    const HOURS: i64 = HOUR_NS;

    /// A feed with a longest pause of so many hours, watched for so many days up to Friday 20 March 2026 at 17:00.
    fn feed(longest_hours: i64, watched_days: i64, arrivals: u64) -> Feed {
        let last_at = at("2026-03-20T17:00:00Z");
        let first_at = last_at.plus_seconds(-watched_days * 24 * 3600);
        Feed {
            source: "/ndelius".to_owned(),
            first_at,
            last_at,
            arrivals,
            period_from: first_at,
            longest_ns: longest_hours * HOURS,
            longest_before_ns: 0,
        }
    }

    #[test]
    fn a_feed_is_silent_after_twice_its_longest_pause() {
        // From Friday 17:00 to Monday 08:00 are 63 hours.
        let office_hours = feed(63, 18, 150);
        for (time, silent) in
            [("2026-03-23T08:00:00Z", false), ("2026-03-25T23:00:00Z", false), ("2026-03-25T23:00:01Z", true)]
        {
            assert_eq!(is_silent(&office_hours, at(time)), silent, "{time}");
        }
        let earlier = Feed { longest_ns: HOURS, longest_before_ns: 63 * HOURS, ..office_hours };
        assert!(!is_silent(&earlier, at("2026-03-25T23:00:00Z")), "the period before counts as well");
    }

    #[test]
    fn each_feed_is_held_to_its_own_pauses() {
        let (hourly, weekly) = (feed(1, 14, 336), feed(168, 140, 20));
        let time = at("2026-03-20T19:00:01Z");
        assert_eq!([is_silent(&hourly, time), is_silent(&weekly, time)], [true, false]);
        let time = at("2026-04-03T17:00:01Z");
        assert!(is_silent(&weekly, time), "two weeks and a second");
    }

    #[test]
    fn a_feed_that_was_not_watched_over_a_weekend_is_given_a_long_one() {
        let new = feed(15, 4, 50);
        // 84 hours later it is Tuesday 05:00.
        assert!(!is_silent(&new, at("2026-03-24T05:00:00Z")));
        assert!(is_silent(&new, at("2026-03-24T05:00:01Z")));
    }

    #[test]
    fn what_was_told_a_few_times_only_is_no_feed() {
        assert!(!is_silent(&feed(1, 14, 9), at("2026-04-20T17:00:00Z")));
        assert!(is_silent(&feed(1, 14, 10), at("2026-04-20T17:00:00Z")));
    }

    #[test]
    fn a_feed_that_was_given_up_is_told_of_for_ninety_days() {
        let hourly = feed(1, 14, 336);
        assert!(is_silent(&hourly, at("2026-06-18T17:00:00Z")));
        assert!(!is_silent(&hourly, at("2026-06-18T17:00:01Z")));
    }
}
