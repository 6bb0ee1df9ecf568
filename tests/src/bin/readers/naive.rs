//! The control: positions that are given before the commit, and so are seen out of order.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use anyhow::ensure;
use mandate_test_cluster::{Cluster, Options};
use mandate_tests::arguments::Arguments;
use mandate_tests::random::Random;
use sqlx::{Connection as _, PgConnection};
use tokio::task::JoinSet;
use tokio::time::sleep;

const WRITERS: u64 = 16;
const READERS: u64 = 4;
const PAGE: i64 = 1_000;

/// Tries the table.
pub fn control(mut arguments: Arguments) -> anyhow::Result<()> {
    let events = arguments.take("--events", 4_000)?;
    let seed = arguments.take("--seed", 1)?;
    arguments.end()?;
    let cluster = Cluster::start(Options::default())?;
    cluster.create_database("naive")?;
    cluster.psql("naive", "CREATE TABLE events (id bigserial PRIMARY KEY, payload text NOT NULL)")?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(follow(cluster.url("naive"), events, seed))
}

async fn follow(url: String, events: u64, seed: u64) -> anyhow::Result<()> {
    let (stored, done) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
    let mut writers = JoinSet::new();
    for writer in 0..WRITERS {
        writers.spawn(write(url.clone(), events, Random::new(seed ^ (writer << 32)), Arc::clone(&stored)));
    }
    let mut readers = JoinSet::new();
    for _ in 0..READERS {
        readers.spawn(read(url.clone(), Arc::clone(&done)));
    }
    let mut committed = BTreeSet::new();
    while let Some(wrote) = writers.join_next().await {
        committed.extend(wrote??);
    }
    done.store(true, Ordering::SeqCst);
    let mut skipped = Vec::new();
    while let Some(seen) = readers.join_next().await {
        skipped.push(committed.difference(&seen??).count());
    }
    ensure!(
        skipped.iter().any(|skipped| *skipped > 0),
        "readers of a bigserial skipped none of {} events: the harness is blind",
        committed.len()
    );
    println!(
        "control, bigserial: of {} committed events the readers skipped {skipped:?}, as must be",
        committed.len()
    );
    Ok(())
}

/// Inserts a row in each transaction, pauses, and commits or, once in ten times, rolls back.
async fn write(
    url: String,
    events: u64,
    mut random: Random,
    stored: Arc<AtomicU64>,
) -> anyhow::Result<Vec<i64>> {
    let mut connection = PgConnection::connect(&url).await?;
    let mut committed = Vec::new();
    while stored.load(Ordering::SeqCst) < events {
        let mut transaction = connection.begin().await?;
        let id: i64 = sqlx::query_scalar("INSERT INTO events (payload) VALUES ('x') RETURNING id")
            .fetch_one(&mut *transaction)
            .await?;
        if random.once_in(5) {
            sleep(Duration::from_micros(random.below(5_000))).await;
        }
        if random.once_in(10) {
            transaction.rollback().await?;
        } else {
            transaction.commit().await?;
            committed.push(id);
            stored.fetch_add(1, Ordering::SeqCst);
        }
    }
    Ok(committed)
}

/// Follows from the last id that it saw.
async fn read(url: String, done: Arc<AtomicBool>) -> anyhow::Result<BTreeSet<i64>> {
    let mut connection = PgConnection::connect(&url).await?;
    let (mut seen, mut last) = (BTreeSet::new(), 0_i64);
    loop {
        let all_written = done.load(Ordering::SeqCst);
        let page: Vec<i64> = sqlx::query_scalar("SELECT id FROM events WHERE id > $1 ORDER BY id LIMIT $2")
            .bind(last)
            .bind(PAGE)
            .fetch_all(&mut connection)
            .await?;
        match page.last() {
            Some(id) => last = *id,
            None if all_written => return Ok(seen),
            None => sleep(Duration::from_millis(1)).await,
        }
        seen.extend(page);
    }
}
