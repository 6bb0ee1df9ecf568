//! The two sides on the two databases: opened, filled, and wrapped alike.

use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use cqrs_es::CqrsFramework;
use cqrs_es::persist::{PersistedEventRepository, PersistedEventStore};
use mandate_domain::time::SystemClock;
use mandate_store::{
    CloudEvent, Database, Keys, LogEventStore, MAX_BATCH, NewEvent, OnError, Options, Store,
    create_signing_key,
};
use mandate_test_cluster::Cluster;
use postgres_es::{PostgresEventRepository, default_postgress_pool};
use sqlite_es::SqliteEventRepository;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{Connection as _, postgres::PgConnection};

use crate::workload::{Counter, Flagged, SEEDED, STREAMS, Work, aggregate_id, fact, new_event, per_second};

/// Gives a command, which makes one event of each text, to the aggregate of a stream.
pub type Execute = Arc<dyn Fn(u64, Vec<String>) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync>;

/// A database that both sides are tried on.
#[derive(Debug, Clone, Copy)]
pub enum Place<'c> {
    Sqlite,
    Postgres(&'c Cluster),
}

impl<'c> Place<'c> {
    /// The server, where there is one.
    pub const fn cluster(self) -> Option<&'c Cluster> {
        match self {
            Self::Sqlite => None,
            Self::Postgres(cluster) => Some(cluster),
        }
    }

    pub const fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "SQLite",
            Self::Postgres(_) => "PostgreSQL",
        }
    }
}

/// A cluster as durable as production, with the memory of a small server.
pub fn cluster() -> Cluster {
    let options = mandate_test_cluster::Options::default()
        .with("fsync", "on")
        .with("synchronous_commit", "on")
        .with("full_page_writes", "on")
        .with("shared_buffers", "1GB")
        .with("max_wal_size", "8GB");
    Cluster::start(options).unwrap()
}

/// The stock crate's commands.
pub fn stock<R: PersistedEventRepository + 'static>(repository: R) -> Execute {
    let store = PersistedEventStore::new_event_store(repository);
    let cqrs = Arc::new(CqrsFramework::<Counter<Flagged>, _>::new(store, vec![], ()));
    Arc::new(move |stream, texts| {
        let cqrs = Arc::clone(&cqrs);
        Box::pin(async move { cqrs.execute(&aggregate_id(stream), texts).await.unwrap() })
    })
}

/// Commands on our log.
pub fn ours(store: Store) -> Execute {
    let cqrs = LogEventStore::<Counter<CloudEvent>>::new(store);
    let cqrs = Arc::new(CqrsFramework::new(cqrs, vec![], ()));
    Arc::new(move |stream, texts| {
        let cqrs = Arc::clone(&cqrs);
        Box::pin(async move { cqrs.execute(&aggregate_id(stream), texts).await.unwrap() })
    })
}

/// One event a command.
pub fn one_event(execute: Execute) -> Work {
    Arc::new(move |id, stream| execute(stream, vec![fact(id, stream)]))
}

/// One fact at a time, told rather than commanded.
pub fn facts(store: Store) -> Work {
    Arc::new(move |id, stream| {
        let store = store.clone();
        Box::pin(async move {
            store.append(vec![new_event(id, stream)], OnError::Each).await.unwrap();
        })
    })
}

/// Opens a log of ours in a folder, made with its keys if it is new.
pub fn open(dir: &Path, database: Database) -> Store {
    let options = Options::new(dir, Arc::new(SystemClock)).with_database(database);
    if !options.key_file.exists() {
        Keys::create(&options.key_file).unwrap();
        create_signing_key(&options.signing_key, "bench.example/log").unwrap();
    }
    Store::open(options).unwrap()
}

/// Appends many events, each batch parsed while the one before is being stored.
pub fn fill(store: &Store, events: impl Iterator<Item = (u64, u64)> + Send) {
    tokio::task::block_in_place(|| fill_blocking(store, events));
}

fn fill_blocking(store: &Store, events: impl Iterator<Item = (u64, u64)> + Send) {
    let begun = Instant::now();
    let (sender, batches) = std::sync::mpsc::sync_channel::<Vec<NewEvent>>(2);
    let mut count = 0;
    std::thread::scope(|scope| {
        scope.spawn(move || {
            let mut events = events.peekable();
            while events.peek().is_some() {
                let batch = events.by_ref().take(MAX_BATCH).map(|(id, stream)| new_event(id, stream));
                sender.send(batch.collect()).unwrap();
            }
        });
        for batch in batches {
            count += batch.len();
            store.append_blocking(batch, OnError::Each).unwrap();
        }
    });
    eprintln!("filled {count} events, {:.0}/s", per_second(count, begun.elapsed().as_secs_f64()));
}

/// Every stream's events, the streams coming round in turn: (id, stream).
fn seeds(scale: u64) -> impl Iterator<Item = (u64, u64)> {
    let streams = STREAMS * scale;
    (0..streams * SEEDED).map(move |at| (at, at % streams))
}

/// Fills a log of ours with [`SEEDED`] events in each stream.
pub fn seed_ours(store: &Store, scale: u64) {
    fill(store, seeds(scale));
}

/// As sqlite-es makes its pool, but as durable as ours.
pub async fn stock_sqlite(path: &Path) -> SqliteEventRepository {
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

/// As postgres-es makes its pool, of ten connections.
pub async fn stock_postgres(url: &str) -> PostgresEventRepository {
    PostgresEventRepository::new(default_postgress_pool(url).await)
}

const SQLITE_TABLE: &str = "CREATE TABLE events (aggregate_type text NOT NULL, aggregate_id text NOT NULL,
    sequence integer CHECK (sequence >= 0) NOT NULL, event_type text NOT NULL, event_version text NOT NULL,
    payload text NOT NULL, metadata text NOT NULL, PRIMARY KEY (aggregate_type, aggregate_id, sequence)) STRICT";

const POSTGRES_TABLE: &str = "CREATE TABLE events (aggregate_type text NOT NULL, aggregate_id text NOT NULL,
    sequence bigint CHECK (sequence >= 0) NOT NULL, event_type text NOT NULL, event_version text NOT NULL,
    payload json NOT NULL, metadata json NOT NULL, PRIMARY KEY (aggregate_type, aggregate_id, sequence))";

/// Fills a table of sqlite-es with as many streams and events as ours has.
pub fn seed_sqlite(path: &Path, scale: u64) {
    let mut connection = rusqlite::Connection::open(path).unwrap();
    connection.execute_batch(SQLITE_TABLE).unwrap();
    let transaction = connection.transaction().unwrap();
    for (at, stream) in seeds(scale) {
        transaction
            .prepare_cached(
                "INSERT INTO events VALUES ('nominal', ?1, ?2, 'contact.flagged', '1.0', ?3, '{}')",
            )
            .unwrap()
            .execute((aggregate_id(stream), sequence(at, scale), fact(at, stream)))
            .unwrap();
    }
    transaction.commit().unwrap();
}

/// Fills a table of postgres-es with as many streams and events as ours has.
pub async fn seed_postgres(url: &str, scale: u64) {
    let mut connection = PgConnection::connect(url).await.unwrap();
    sqlx::query(POSTGRES_TABLE).execute(&mut connection).await.unwrap();
    let mut copy = connection.copy_in_raw("COPY events FROM STDIN").await.unwrap();
    let mut lines = String::new();
    for (at, stream) in seeds(scale) {
        let (id, sequence) = (aggregate_id(stream), sequence(at, scale));
        // The texts hold nothing that COPY would want escaped.
        lines += &format!("nominal\t{id}\t{sequence}\tcontact.flagged\t1.0\t{}\t{{}}\n", fact(at, stream));
        if lines.len() > 1 << 20 {
            copy.send(std::mem::take(&mut lines).into_bytes()).await.unwrap();
        }
    }
    copy.send(lines.into_bytes()).await.unwrap();
    copy.finish().await.unwrap();
}

const fn sequence(at: u64, scale: u64) -> u64 {
    at / (STREAMS * scale) + 1
}
