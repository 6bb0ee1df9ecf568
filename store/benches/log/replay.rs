//! A long log: read in order (P4), opened (P17), verified (P16).

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use cqrs_es::persist::{PersistedEventRepository, QueryReplay};
use cqrs_es::{EventEnvelope, Query};
use mandate_store::{Database, Position, Store};

use crate::append::settle;
use crate::figure::{Figure, Limit, Promised};
use crate::sides::{self, Place, fill, open};
use crate::workload::{Counter, Flagged, median, per_second};
use crate::{Settings, evidence, processor};

/// Events at scale 1, in aggregates of ten.
const EVENTS: u64 = 1_000_000;
const AGGREGATES: u64 = 100_000;
/// Threads that read.
const THREADS: usize = 2;
/// Openings of which the middle one counts.
const OPENINGS: u32 = 5;

/// What of it is wanted.
#[derive(Debug, Clone, Copy)]
pub struct Wanted {
    pub reading: bool,
    pub verifying: bool,
    pub opening: bool,
}

/// P4, P16 and P17 on one log.
pub async fn long_log(settings: &Settings, place: Place<'_>, wanted: Wanted) {
    let dir = tempfile::tempdir().unwrap();
    let url = match place {
        Place::Sqlite => None,
        Place::Postgres(cluster) => Some(cluster.fresh_database().unwrap()),
    };
    let database = || url.as_ref().map_or(Database::Sqlite, |url| Database::parse(url).unwrap());
    let store = open(dir.path(), database());
    let (events, aggregates) = (EVENTS * settings.scale, AGGREGATES * settings.scale);
    fill(&store, (0..events).map(|at| (at, at * 7_919 % aggregates)));
    if let Place::Postgres(cluster) = place {
        settle(cluster);
    }
    if wanted.reading {
        match &url {
            None => {
                reading(settings, place, &store, sides::stock_sqlite(&dir.path().join("log.db")).await).await;
            }
            Some(url) => reading(settings, place, &store, sides::stock_postgres(url).await).await,
        }
    }
    tokio::task::block_in_place(|| {
        if wanted.verifying {
            evidence::verified(settings, &store, events);
        }
        if wanted.opening {
            // A published checkpoint makes more work when a log is opened.
            store.checkpoint().unwrap();
            drop(store);
            opening(settings, place, events, || open(dir.path(), database()));
        }
    });
}

fn opening(settings: &Settings, place: Place<'_>, events: u64, open: impl Fn() -> Store) {
    let opened = (0..OPENINGS).map(|_| {
        let begun = Instant::now();
        let store = open();
        assert_eq!(store.reader().head().unwrap().position, Position::new(events));
        begun.elapsed().as_secs_f64()
    });
    settings.print(&Figure {
        promise: "P17",
        work: format!("log opened with {events} events, {}", place.name()),
        unit: "s",
        ours: median(opened),
        as_shipped: None,
        promised: Promised::Ours(Limit::AtMost(1.0)),
    });
}

/// What a replay tells of each event, which is counted: the least that a query can do.
#[derive(Debug, Clone, Default)]
struct Replayed(Arc<AtomicUsize>);

#[async_trait::async_trait]
impl Query<Counter<Flagged>> for Replayed {
    async fn dispatch(&self, _: &str, events: &[EventEnvelope<Counter<Flagged>>]) {
        self.0.fetch_add(events.len(), Ordering::Relaxed);
    }
}

async fn reading(
    settings: &Settings,
    place: Place<'_>,
    store: &Store,
    repository: impl PersistedEventRepository,
) {
    let mut rounds = Vec::new();
    let used = || processor::seconds(place.cluster());
    let counted = Replayed::default();
    let replay = QueryReplay::new(repository, counted.clone());
    for _ in 0..settings.rounds {
        let (begun, before) = (Instant::now(), used());
        replay.replay_all().await.unwrap();
        let replayed = counted.0.swap(0, Ordering::Relaxed);
        let as_shipped = per_second(replayed, begun.elapsed().as_secs_f64());
        let shipped_us = 1e6 / per_second(replayed, used() - before);
        let (begun, before) = (Instant::now(), used());
        let mut read = 0;
        let each = |_| {
            read += 1;
            Ok(())
        };
        tokio::task::block_in_place(|| store.reader().scan(Position::START, THREADS, each)).unwrap();
        assert_eq!(read, replayed, "events read, and replayed");
        let ours = per_second(read, begun.elapsed().as_secs_f64());
        rounds.push([ours, as_shipped, 1e6 / per_second(read, used() - before), shipped_us]);
    }
    let at_least = match place {
        Place::Sqlite => 10.0,
        Place::Postgres(_) => 6.0,
    };
    let work =
        |what: &str| format!("read all in order, typed{what}, {} M events, {}", settings.scale, place.name());
    settings.print(&Figure {
        promise: "P4",
        work: work(""),
        unit: "/s",
        ours: median(rounds.iter().map(|[ours, ..]| *ours)),
        as_shipped: Some(median(rounds.iter().map(|[_, as_shipped, ..]| *as_shipped))),
        promised: Promised::Ratio(Limit::AtLeast(at_least)),
    });
    settings.print(&Figure {
        promise: "P4",
        work: work(", processor"),
        unit: "us",
        ours: median(rounds.iter().map(|[.., ours, _]| *ours)),
        as_shipped: Some(median(rounds.iter().map(|[.., as_shipped]| *as_shipped))),
        promised: Promised::Nothing,
    });
}
