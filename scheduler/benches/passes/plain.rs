//! What the rows of a pass take where nothing is decided, proved or indexed twice: multi-row INSERT into one table with
//! a unique id, as durable as the log, with as many rows to a statement and a transaction as is best.

use std::time::{Duration, Instant as Stopwatch};

use sqlx::{Connection as _, Executor as _};

use crate::bench::Bench;

/// Rows of one statement, and statements of one transaction.
const ROWS: usize = 1_000;
const STATEMENTS: usize = 5;
const TABLE: &str =
    "CREATE TABLE plain (position bigint PRIMARY KEY, id text NOT NULL UNIQUE, payload text NOT NULL)";

/// Inserts so many rows of the size of those of the bench's latest pass.
pub fn insert(bench: &Bench, rows: usize) -> Duration {
    let (id, rest) = bench.mean_sizes();
    let payload = "x".repeat(rest);
    match &bench.url {
        None => sqlite(bench, rows, id, &payload),
        Some(url) => postgres(url, rows, id, &payload),
    }
}

fn statements(rows: usize, id: usize, payload: &str) -> impl Iterator<Item = String> {
    (0..rows).step_by(ROWS).map(move |from| {
        let values = (from..rows.min(from + ROWS)).map(|row| format!("({row},'{row:0id$}','{payload}')"));
        format!("INSERT INTO plain (position, id, payload) VALUES {}", values.collect::<Vec<_>>().join(","))
    })
}

fn sqlite(bench: &Bench, rows: usize, id: usize, payload: &str) -> Duration {
    let connection = rusqlite::Connection::open(bench.folder.path().join("plain.db")).unwrap();
    connection.execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL").unwrap();
    connection.execute_batch(TABLE).unwrap();
    let statements: Vec<String> = statements(rows, id, payload).collect();
    let started = Stopwatch::now();
    for some in statements.chunks(STATEMENTS) {
        connection.execute_batch("BEGIN").unwrap();
        for statement in some {
            connection.execute_batch(statement).unwrap();
        }
        connection.execute_batch("COMMIT").unwrap();
    }
    started.elapsed()
}

fn postgres(url: &str, rows: usize, id: usize, payload: &str) -> Duration {
    let statements: Vec<String> = statements(rows, id, payload).collect();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut connection = sqlx::PgConnection::connect(url).await.unwrap();
        connection.execute(TABLE).await.unwrap();
        let started = Stopwatch::now();
        for some in statements.chunks(STATEMENTS) {
            connection.execute("BEGIN").await.unwrap();
            for statement in some {
                connection.execute(sqlx::raw_sql(statement)).await.unwrap();
            }
            connection.execute("COMMIT").await.unwrap();
        }
        started.elapsed()
    })
}
