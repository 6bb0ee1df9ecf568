//! How often each teller usually tells something, so that one that falls silent is noticed.

use std::collections::{BTreeMap, BTreeSet};

use mandate_domain::time::Instant;
use rusqlite::{Connection, params};

use crate::error::ProjectionError;
use crate::events::execute;
use crate::model::Feed;

/// Tellers of Mandate's own.
const OWN: &str = "/mandate";
/// The longest pause of this time and of the one before it count as usual.
const PERIOD_NS: i64 = 14 * 24 * 3_600_000_000_000;
/// Tellers that are followed; whoever names more does not name systems.
const MOST: usize = 10_000;

/// What is known of the feeds.
#[derive(Debug, Default)]
pub(crate) struct Feeds {
    by_source: BTreeMap<Box<str>, Feed>,
    /// Those that told something since they were written.
    changed: BTreeSet<Box<str>>,
}

/// The moments at which feeds told something, in the order of the log, as far as they count.
#[derive(Debug, Default)]
pub(crate) struct Arrivals {
    told: Vec<(Box<str>, Instant)>,
    last: BTreeMap<Box<str>, Instant>,
}

impl Arrivals {
    pub fn note(&mut self, source: &str, at: Instant) {
        if source.starts_with(OWN) || self.last.get(source) == Some(&at) {
            return;
        }
        self.last.insert(source.into(), at);
        self.told.push((source.into(), at));
    }
}

impl Feeds {
    /// What the tables hold.
    pub fn load(connection: &Connection) -> Result<Self, ProjectionError> {
        let by_source =
            read(connection)?.into_iter().map(|feed| (feed.source.as_str().into(), feed)).collect();
        Ok(Self { by_source, changed: BTreeSet::new() })
    }

    /// Takes in what was told.
    pub fn add(&mut self, arrivals: Arrivals) {
        for (source, at) in arrivals.told {
            self.arrival(&source, at);
        }
    }

    fn arrival(&mut self, source: &str, at: Instant) {
        let Some(feed) = self.by_source.get_mut(source) else {
            if self.by_source.len() < MOST {
                self.by_source.insert(source.into(), Feed::new(source, at));
                self.changed.insert(source.into());
            }
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
        self.changed.insert(source.into());
    }

    /// Writes what has changed.
    pub fn write(&mut self, connection: &Connection) -> Result<(), ProjectionError> {
        let sql = "INSERT OR REPLACE INTO feeds (source, first_at, last_at, arrivals, period_from, longest, \
                   longest_before) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
        for source in std::mem::take(&mut self.changed) {
            let Some(feed) = self.by_source.get(&source) else { continue };
            execute(
                connection,
                sql,
                params![
                    feed.source,
                    feed.first_at.nanos(),
                    feed.last_at.nanos(),
                    feed.arrivals,
                    feed.period_from.nanos(),
                    feed.longest_ns,
                    feed.longest_before_ns
                ],
            )?;
        }
        Ok(())
    }
}

impl Feed {
    fn new(source: &str, at: Instant) -> Self {
        Self {
            source: source.to_owned(),
            first_at: at,
            last_at: at,
            arrivals: 1,
            period_from: at,
            longest_ns: 0,
            longest_before_ns: 0,
        }
    }
}

/// The feeds as they stand in the tables.
pub(crate) fn read(connection: &Connection) -> Result<Vec<Feed>, ProjectionError> {
    let sql = "SELECT source, first_at, last_at, arrivals, period_from, longest, longest_before FROM feeds \
               ORDER BY source LIMIT 10000";
    let failed = ProjectionError::database("read the feeds");
    let mut statement = connection.prepare_cached(sql).map_err(&failed)?;
    let rows = statement.query_map([], |row| {
        Ok(Feed {
            source: row.get(0)?,
            first_at: Instant::from_nanos(row.get(1)?),
            last_at: Instant::from_nanos(row.get(2)?),
            arrivals: row.get(3)?,
            period_from: Instant::from_nanos(row.get(4)?),
            longest_ns: row.get(5)?,
            longest_before_ns: row.get(6)?,
        })
    });
    rows.map_err(&failed)?.collect::<Result<_, _>>().map_err(&failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_period_that_has_passed_is_forgotten_after_the_next() {
        let mut feeds = Feeds::default();
        let start = Instant::from_nanos(0);
        let hours = |count: i64| start.plus_seconds(count * 3600);
        feeds.arrival("/t", start);
        // A pause of 50 hours, then one arrival an hour for five weeks.
        for hour in 50..50 + 5 * 7 * 24 {
            feeds.arrival("/t", hours(hour));
        }
        let feed = &feeds.by_source["/t"];
        let hour_ns = 3_600_000_000_000;
        assert_eq!((feed.arrivals, feed.longest_ns, feed.longest_before_ns), (841, hour_ns, hour_ns));
    }

    #[test]
    fn what_is_told_at_one_moment_is_one_arrival() {
        let mut feeds = Feeds::default();
        for seconds in [0, 0, 5, 5, 4] {
            feeds.arrival("/t", Instant::from_nanos(0).plus_seconds(seconds));
        }
        assert_eq!(feeds.by_source["/t"].arrivals, 2);
    }

    #[test]
    fn more_tellers_than_there_are_systems_are_not_followed() {
        let mut feeds = Feeds::default();
        for number in 0..=MOST {
            feeds.arrival(&format!("/t{number}"), Instant::from_nanos(0));
        }
        assert_eq!(feeds.by_source.len(), MOST);
    }
}
