//! Round trips per command on PostgreSQL: P3.

use std::time::{Duration, Instant};

use mandate_store::Database;
use mandate_test_cluster::Cluster;

use crate::Settings;
use crate::figure::{Figure, Limit, Promised};
use crate::proxy::Proxy;
use crate::sides::{self, Execute, open, ours, seed_ours, stock};
use crate::workload::{Feed, fact};

/// Commands that are counted, each to an aggregate of its own.
const COMMANDS: u64 = 300;
/// Commands before, so that connections are open and statements prepared.
const WARMING: u64 = 20;
const IDLE: Duration = Duration::from_secs(2);

/// P3.
pub async fn count(settings: &Settings, cluster: &Cluster) {
    let url = cluster.fresh_database().unwrap();
    sides::seed_postgres(&url, 1).await;
    let stock_proxy = Proxy::start(&url);
    let stock = stock(sides::stock_postgres(stock_proxy.url()).await);
    let proxy = Proxy::start(&cluster.fresh_database().unwrap());
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path(), Database::parse(proxy.url()).unwrap());
    seed_ours(&store, 1);
    let ours = ours(store);
    let feed = Feed::new(1);
    for stream in 0..WARMING {
        stock(stream, vec![fact(feed.id(), stream)]).await;
        ours(stream, vec![fact(feed.id(), stream)]).await;
    }
    // Ours looks for other nodes' appends all the time; that is no part of a command.
    let before = proxy.round_trips();
    tokio::time::sleep(IDLE).await;
    let background = trips(before, proxy.round_trips()) / IDLE.as_secs_f64();
    let mut first = WARMING;
    for events in [1, 10] {
        let as_shipped = per_command(&stock, &stock_proxy, &feed, first, events, 0.0).await;
        let loaded = per_command(&ours, &proxy, &feed, first, events, background).await;
        let cached = per_command(&ours, &proxy, &feed, first, events, background).await;
        first += COMMANDS;
        for (state, ours, limit) in [("to be loaded", loaded, 2.0), ("cached", cached, 1.0)] {
            settings.print(&Figure {
                promise: "P3",
                work: format!("round trips, command of {events}, aggregate {state}"),
                unit: "trips",
                // To a tenth: the background is known as a mean only.
                ours: (ours * 10.0).round() / 10.0,
                as_shipped: Some(as_shipped),
                promised: Promised::Ours(Limit::AtMost(limit)),
            });
        }
    }
}

async fn per_command(
    execute: &Execute,
    proxy: &Proxy,
    feed: &Feed,
    first: u64,
    events: u64,
    background: f64,
) -> f64 {
    let (before, begun) = (proxy.round_trips(), Instant::now());
    for stream in first..first + COMMANDS {
        execute(stream, (0..events).map(|_| fact(feed.id(), stream)).collect()).await;
    }
    let counted = trips(before, proxy.round_trips());
    (counted - background * begun.elapsed().as_secs_f64()) / f64::from(u32::try_from(COMMANDS).unwrap())
}

fn trips(before: u64, after: u64) -> f64 {
    f64::from(u32::try_from(after - before).unwrap())
}
