//! Appending one event to an existing aggregate, and hearing of it: P1, P2, P13 and the rates that P16 relates to.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use mandate_store::{Database, OnError, Position, Store};
use mandate_test_cluster::Cluster;

use crate::figure::{Figure, Limit, Promised};
use crate::sides::{self, Place, facts, one_event, open, ours, seed_ours, stock};
use crate::workload::{Feed, Rate, STREAMS, Until, Work, median, new_event, per_second, percentile_ms, rate};
use crate::{Settings, processor};

/// Tasks, and how many times as many commands a second are promised on PostgreSQL and on SQLite.
const PROMISED: [(u64, f64, f64); 3] = [(1, 1.3, 2.0), (8, 2.5, 7.0), (32, 8.0, 15.0)];
/// Long enough to open all connections and prepare all statements.
const WARMING: Duration = Duration::from_secs(1);

/// The sides on one database.
struct Sides {
    stock: Work,
    commands: Work,
    facts: Work,
    _dirs: [tempfile::TempDir; 3],
}

/// A log of ours in a database of its own, with its streams.
pub fn log(place: Place<'_>, scale: u64) -> (tempfile::TempDir, Store) {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path(), fresh(place));
    seed_ours(&store, scale);
    (dir, store)
}

/// The address of a new log.
pub fn fresh(place: Place<'_>) -> Database {
    match place {
        Place::Sqlite => Database::Sqlite,
        Place::Postgres(cluster) => Database::parse(&cluster.fresh_database().unwrap()).unwrap(),
    }
}

impl Sides {
    async fn prepare(place: Place<'_>, scale: u64) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let execute = match place {
            Place::Sqlite => {
                let path = dir.path().join("stock.db");
                sides::seed_sqlite(&path, scale);
                stock(sides::stock_sqlite(&path).await)
            }
            Place::Postgres(cluster) => {
                let url = cluster.fresh_database().unwrap();
                sides::seed_postgres(&url, scale).await;
                stock(sides::stock_postgres(&url).await)
            }
        };
        let (commands_dir, commands) = log(place, scale);
        let (facts_dir, told) = log(place, scale);
        if let Place::Postgres(cluster) = place {
            settle(cluster);
        }
        Self {
            stock: one_event(execute),
            commands: one_event(ours(commands)),
            facts: facts(told),
            _dirs: [dir, commands_dir, facts_dir],
        }
    }
}

/// What filling left to be done is done before anything is measured.
pub fn settle(cluster: &Cluster) {
    let databases = cluster.psql("postgres", "SELECT datname FROM pg_database WHERE datname LIKE 'test%'");
    for database in databases.unwrap().lines() {
        cluster.psql(database, "VACUUM ANALYZE").unwrap();
    }
    cluster.psql("postgres", "CHECKPOINT").unwrap();
}

/// P1 and P2.
pub async fn rates(settings: &Settings, promise: &'static str, place: Place<'_>) {
    let sides = Sides::prepare(place, settings.scale).await;
    let feed = Feed::new(settings.scale);
    // Every aggregate is loaded once; the stock crates keep nothing, so there a while is enough.
    rate(32, Until::Turns(STREAMS / 32), &feed, &sides.commands).await;
    rate(32, Until::Elapsed(WARMING), &feed, &sides.facts).await;
    rate(32, Until::Elapsed(WARMING), &feed, &sides.stock).await;
    for (tasks, on_postgres, on_sqlite) in PROMISED {
        let at_least = match place {
            Place::Sqlite => on_sqlite,
            Place::Postgres(_) => on_postgres,
        };
        let mut rounds: [Vec<Cost>; 3] = Default::default();
        for _ in 0..settings.rounds {
            for (side, round) in [&sides.stock, &sides.commands, &sides.facts].into_iter().zip(&mut rounds) {
                let before = processor::seconds(place.cluster());
                let rate = rate(tasks, Until::Elapsed(settings.lasting), &feed, side).await;
                let used = processor::seconds(place.cluster()) - before;
                round.push(Cost { rate, processor_us: used / rate.calls * 1e6 });
            }
        }
        let [stock, commands, facts] = rounds.map(|rounds| middle(&rounds));
        // The 99th percentile is promised on PostgreSQL at 32 tasks.
        let p99 = match place {
            Place::Postgres(_) if tasks == 32 => Promised::Ratio(Limit::AtMost(0.25)),
            Place::Postgres(_) | Place::Sqlite => Promised::Nothing,
        };
        for (name, ours) in [("command", commands), ("fact", facts)] {
            let work = |what: &str| format!("append, {name}{what}, {tasks} tasks, {}", settings.on(place));
            let at_least = Promised::Ratio(Limit::AtLeast(at_least));
            for (what, unit, value, promised) in [
                ("", "/s", (|cost| cost.rate.per_second) as fn(&Cost) -> f64, at_least),
                (" p99", "ms", |cost| cost.rate.p99_ms, p99),
                // Unlike the others, the same on a machine that has other work.
                (" processor", "us", |cost| cost.processor_us, Promised::Nothing),
            ] {
                settings.print(&Figure {
                    promise,
                    work: work(what),
                    unit,
                    ours: value(&ours),
                    as_shipped: Some(value(&stock)),
                    promised,
                });
            }
        }
    }
}

/// What appending came to.
#[derive(Debug, Clone, Copy)]
struct Cost {
    rate: Rate,
    /// Processor time of each call, the server's included.
    processor_us: f64,
}

/// The middle of some rounds, figure by figure.
fn middle(rounds: &[Cost]) -> Cost {
    let of = |value: fn(&Cost) -> f64| median(rounds.iter().map(value));
    Cost {
        rate: Rate {
            calls: of(|cost| cost.rate.calls),
            per_second: of(|cost| cost.rate.per_second),
            p99_ms: of(|cost| cost.rate.p99_ms),
        },
        processor_us: of(|cost| cost.processor_us),
    }
}

/// When a fact was sent and when its teller was answered.
struct Told {
    position: Position,
    sent: Instant,
    answered: Instant,
}

/// P13, as far as the store goes: from the commit, which is before the answer, until [`Store::watch`] tells of it.
pub async fn heard(settings: &Settings, place: Place<'_>) {
    let (_dir, store) = log(place, 1);
    let feed = Feed::new(1);
    rate(32, Until::Elapsed(WARMING), &feed, &facts(store.clone())).await;
    let mut watch = store.watch();
    let (stop, mut stopped) = tokio::sync::oneshot::channel::<()>();
    let watching = tokio::spawn(async move {
        let mut seen = Vec::new();
        loop {
            tokio::select! {
                changed = watch.changed() => changed.unwrap(),
                _ = &mut stopped => break seen,
            }
            let position = watch.borrow_and_update().position;
            seen.push((position, Instant::now()));
        }
    });
    let told: Arc<Mutex<Vec<Told>>> = Arc::default();
    let work: Work = {
        let told = Arc::clone(&told);
        Arc::new(move |id, stream| {
            let (store, told) = (store.clone(), Arc::clone(&told));
            Box::pin(async move {
                let sent = Instant::now();
                let outcomes = store.append(vec![new_event(id, stream)], OnError::Each).await.unwrap();
                let position = outcomes.first().and_then(mandate_store::Outcome::position).unwrap();
                told.lock().unwrap().push(Told { position, sent, answered: Instant::now() });
            })
        })
    };
    rate(32, Until::Elapsed(settings.lasting), &feed, &work).await;
    // The watch tells of the last head before its teller is answered; the watching task needs a turn to hear it.
    tokio::time::sleep(Duration::from_millis(50)).await;
    drop(stop);
    let seen = watching.await.unwrap();
    let told = std::mem::take(&mut *told.lock().unwrap());
    eprintln!(
        "{:.1} facts a commit heard of",
        per_second(told.len(), f64::from(u32::try_from(seen.len()).unwrap()))
    );
    let heard_at = |told: &Told| {
        let at = seen.partition_point(|(position, _)| *position < told.position);
        seen.get(at).map(|(_, heard)| *heard).unwrap()
    };
    let mut after_answer: Vec<Duration> =
        told.iter().map(|told| heard_at(told).saturating_duration_since(told.answered)).collect();
    let mut after_sending: Vec<Duration> = told.iter().map(|told| heard_at(told) - told.sent).collect();
    let figures = [
        ("answered -> head watched p99", &mut after_answer),
        ("sent -> head watched p99", &mut after_sending),
    ];
    for (what, times) in figures {
        settings.print(&Figure {
            promise: "P13",
            work: format!("{what}, 32 tasks, {}", settings.on(place)),
            unit: "ms",
            ours: percentile_ms(times, 99),
            as_shipped: None,
            promised: Promised::Ours(Limit::AtMost(100.0)),
        });
    }
}
