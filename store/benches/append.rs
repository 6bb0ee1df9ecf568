//! Events a second, ours and stock sqlite-es side by side in one run: `cargo bench -p mandate-store`.
//!
//! `--seconds N` sets how long each concurrent figure is measured (default 3), `--only append|import|read` measures a
//! part. Both sides are durable: WAL with
//! `synchronous=FULL`. Use the ratios; absolute figures are those of the machine.
#![expect(clippy::print_stdout, reason = "the figures are its output")]
#![expect(clippy::unwrap_used, reason = "a benchmark that cannot run should stop")]

use std::future::Future;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use cqrs_es::event_sink::EventSink;
use cqrs_es::persist::{PersistedEventRepository, PersistedEventStore};
use cqrs_es::{Aggregate, CqrsFramework, DomainEvent};
use mandate_domain::time::SystemClock;
use mandate_store::{
    Claim, CloudEvent, Keys, LogEventStore, MAX_BATCH, NewEvent, OnError, Options, Position, Store,
};
use serde::{Deserialize, Serialize};
use sqlite_es::SqliteEventRepository;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};

const TASKS: [u64; 3] = [1, 8, 32];
/// Streams of each task, so that no two tasks meet on one.
const STREAMS: u64 = 600;
/// Events in each stream beforehand.
const SEEDED: u64 = 10;
const PAYLOAD_BYTES: usize = 400;
const IMPORT: u64 = 300_000;
const IMPORT_BATCH: u64 = 5_000;

/// A fact of 400 bytes about one of the streams.
fn fact(id: u64, stream: u64) -> String {
    let short = |filler: &str| {
        format!(
            r#"{{"specversion":"1.0","id":"e-{id:012}","source":"/ndelius","type":"contact.flagged","subject":"nominal/N-{stream:08}","time":"2026-03-02T09:00:00Z","data":{{"contact":"{filler}"}}}}"#
        )
    };
    let filler = "c".repeat(PAYLOAD_BYTES - short("").len());
    short(&filler)
}

fn new_event(id: u64, stream: u64) -> NewEvent {
    NewEvent::parse(&fact(id, stream), Claim::Ignore).unwrap()
}

/// An event of stock sqlite-es: the same bytes, read without our checks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Flagged {
    specversion: String,
    id: String,
    source: String,
    r#type: String,
    subject: String,
    time: String,
    data: FlaggedData,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct FlaggedData {
    contact: String,
}

impl DomainEvent for Flagged {
    fn event_type(&self) -> String {
        self.r#type.clone()
    }
    fn event_version(&self) -> String {
        "1.0".to_owned()
    }
}

/// Counts its events; the command is the text of the next one.
#[derive(Debug, Serialize, Deserialize)]
struct Counter<E> {
    events: u64,
    #[serde(skip)]
    event: std::marker::PhantomData<fn() -> E>,
}

impl<E> Default for Counter<E> {
    fn default() -> Self {
        Self { events: 0, event: std::marker::PhantomData }
    }
}

impl<E: DomainEvent + 'static> Aggregate for Counter<E> {
    const TYPE: &'static str = "nominal";
    type Command = String;
    type Event = E;
    type Error = std::io::Error;
    type Services = ();

    async fn handle(&mut self, command: String, (): &(), sink: &EventSink<Self>) -> Result<(), Self::Error> {
        sink.write(serde_json::from_str(&command)?, self).await;
        Ok(())
    }

    fn apply(&mut self, _: E) {
        self.events += 1;
    }
}

/// Runs `tasks` tasks for a while, each calling `work` with new ids and with its own streams in turn; returns calls a
/// second and the 99th percentile of their time.
async fn rate<F, W>(tasks: u64, lasting: Duration, next: &Arc<AtomicU64>, work: F) -> (f64, Duration)
where
    F: Fn(u64, u64) -> W + Clone + Send + 'static,
    W: Future<Output = ()> + Send,
{
    let begun = Instant::now();
    let running: Vec<_> = (0..tasks)
        .map(|task| {
            let (work, next) = (work.clone(), Arc::clone(next));
            tokio::spawn(async move {
                let mut times = Vec::new();
                for turn in 0.. {
                    let at = Instant::now();
                    if begun.elapsed() >= lasting {
                        break;
                    }
                    work(next.fetch_add(1, Ordering::Relaxed), task * STREAMS + turn % STREAMS).await;
                    times.push(at.elapsed());
                }
                times
            })
        })
        .collect();
    let mut times = Vec::new();
    for task in running {
        times.extend(task.await.unwrap());
    }
    let elapsed = begun.elapsed().as_secs_f64();
    times.sort_unstable();
    let p99 = times.get(times.len() * 99 / 100).copied().unwrap_or_default();
    (per_second(times.len(), elapsed), p99)
}

#[expect(clippy::cast_precision_loss, reason = "a figure of three digits is printed")]
fn per_second(count: usize, seconds: f64) -> f64 {
    count as f64 / seconds
}

async fn stock_repository(path: &Path) -> SqliteEventRepository {
    let options = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(Duration::from_secs(30))
        .foreign_keys(true);
    let pool = SqlitePoolOptions::new().max_connections(10).connect_with(options).await.unwrap();
    SqliteEventRepository::new(pool)
}

const STOCK_TABLE: &str = "CREATE TABLE events (aggregate_type text NOT NULL, aggregate_id text NOT NULL,
    sequence integer CHECK (sequence >= 0) NOT NULL, event_type text NOT NULL, event_version text NOT NULL,
    payload text NOT NULL, metadata text NOT NULL, PRIMARY KEY (aggregate_type, aggregate_id, sequence)) STRICT";

/// Fills a table of stock sqlite-es with as many streams and events as ours has.
fn seed_stock(path: &Path, streams: u64) {
    let mut connection = rusqlite::Connection::open(path).unwrap();
    connection.execute_batch(STOCK_TABLE).unwrap();
    let transaction = connection.transaction().unwrap();
    for at in 0..streams * SEEDED {
        let (stream, sequence) = (at % streams, at / streams + 1);
        transaction
            .prepare_cached(
                "INSERT INTO events VALUES ('nominal', ?1, ?2, 'contact.flagged', '1.0', ?3, '{}')",
            )
            .unwrap()
            .execute((format!("N-{stream:08}"), sequence, fact(at, stream)))
            .unwrap();
    }
    transaction.commit().unwrap();
}

async fn seed_ours(store: &Store, streams: u64) {
    let mut batch = Vec::new();
    for at in 0..streams * SEEDED {
        batch.push(new_event(at, at % streams));
        if batch.len() == MAX_BATCH || at + 1 == streams * SEEDED {
            store.append(std::mem::take(&mut batch), OnError::All).await.unwrap();
        }
    }
}

async fn append_rates(tasks: u64, lasting: Duration) {
    let dir = tempfile::tempdir().unwrap();
    let streams = tasks * STREAMS;
    let next = Arc::new(AtomicU64::new(streams * SEEDED));
    let path = dir.path().join("stock.db");
    seed_stock(&path, streams);
    let stock = PersistedEventStore::new_event_store(stock_repository(&path).await);
    let stock = Arc::new(CqrsFramework::<Counter<Flagged>, _>::new(stock, vec![], ()));
    let (as_shipped, p99) = rate(tasks, lasting, &next, move |id, stream| {
        let stock = Arc::clone(&stock);
        async move { stock.execute(&format!("N-{stream:08}"), fact(id, stream)).await.unwrap() }
    })
    .await;
    let row = |name: &str, rate: f64, p99: Duration| {
        println!(
            "append, {tasks:>2} tasks  {name:<34} {rate:>9.0}/s  p99 {:>7.2} ms  {:>5.1} x as shipped",
            p99.as_secs_f64() * 1000.0,
            rate / as_shipped
        );
    };
    row("sqlite-es FULL, command", as_shipped, p99);

    let store = open(&dir.path().join("commands"));
    seed_ours(&store, streams).await;
    let cqrs = LogEventStore::<Counter<CloudEvent>>::new(store);
    let cqrs = Arc::new(CqrsFramework::new(cqrs, vec![], ()));
    let (commands, p99) = rate(tasks, lasting, &next, move |id, stream| {
        let cqrs = Arc::clone(&cqrs);
        async move { cqrs.execute(&format!("N-{stream:08}"), fact(id, stream)).await.unwrap() }
    })
    .await;
    row("ours, command (LogEventStore)", commands, p99);

    let store = open(&dir.path().join("facts"));
    seed_ours(&store, streams).await;
    let (facts, p99) = rate(tasks, lasting, &next, move |id, stream| {
        let store = store.clone();
        async move {
            store.append(vec![new_event(id, stream)], OnError::Each).await.unwrap();
        }
    })
    .await;
    row("ours, fact (Store::append)", facts, p99);
}

fn open(dir: &Path) -> Store {
    let options = Options::new(dir, Arc::new(SystemClock));
    Keys::create(&options.key_file).unwrap();
    Store::open(options).unwrap()
}

/// Large batches, as an import sends them, each parsed while the one before is being stored.
fn import_rate(on_error: OnError) -> (tempfile::TempDir, Store) {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let (sender, batches) = std::sync::mpsc::sync_channel::<Vec<NewEvent>>(2);
    let begun = Instant::now();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            for from in (0..IMPORT).step_by(usize::try_from(IMPORT_BATCH).unwrap()) {
                // Streams come round as in an extract sorted by date.
                let batch = (from..from + IMPORT_BATCH).map(|id| new_event(id, id * 7919 % 30_000)).collect();
                sender.send(batch).unwrap();
            }
        });
        for batch in batches {
            store.append_blocking(batch, on_error).unwrap();
        }
    });
    let count = usize::try_from(IMPORT).unwrap();
    println!(
        "import, batches of {IMPORT_BATCH}, {on_error:?}: {:.0} events/s, parsed and durable",
        per_second(count, begun.elapsed().as_secs_f64())
    );
    (dir, store)
}

async fn read_rates(dir: &Path, store: &Store) {
    let ours = |threads: usize| {
        let begun = Instant::now();
        let mut count = 0;
        let each = |_| {
            count += 1;
            Ok(())
        };
        store.reader().scan(Position::START, threads, each).unwrap();
        per_second(count, begun.elapsed().as_secs_f64())
    };
    let begun = Instant::now();
    let repository = stock_repository(&dir.join("log.db")).await;
    let mut events = repository.stream_all_events::<Counter<Flagged>>().await.unwrap();
    let mut replayed = 0;
    while let Some(event) = events.next::<Counter<Flagged>>(&[]).await {
        event.unwrap();
        replayed += 1;
    }
    let as_shipped = per_second(replayed, begun.elapsed().as_secs_f64());
    for threads in [1, 2] {
        let rate = ours(threads);
        println!(
            "read all in order, typed: sqlite-es {as_shipped:.0} events/s, ours with {threads} threads {rate:.0} events/s, \
             {:.1} x as shipped",
            rate / as_shipped
        );
    }
}

fn main() {
    let argument = |name: &str| std::env::args().skip_while(|found| found != name).nth(1);
    let seconds = argument("--seconds").and_then(|text| text.parse().ok()).unwrap_or(3);
    let only = argument("--only");
    let wanted = |part: &str| only.as_ref().is_none_or(|only| only == part);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    if wanted("append") {
        for tasks in TASKS {
            runtime.block_on(append_rates(tasks, Duration::from_secs(seconds)));
        }
    }
    if wanted("import") {
        import_rate(OnError::All);
    }
    if wanted("read") || wanted("import") {
        let (dir, store) = import_rate(OnError::Each);
        runtime.block_on(read_rates(dir.path(), &store));
    }
}
