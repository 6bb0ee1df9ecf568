//! The store under many writers and readers.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{ScopedJoinHandle, park_timeout};
use std::time::{Duration, Instant};

use anyhow::{Context as _, anyhow, ensure};
use mandate_domain::time::SystemClock;
use mandate_store::{Claim, NewEvent, OnError, Outcome, Position, Refusal, Sequence, Store, StoreError};
use mandate_test_cluster::{Cluster, Options};
use mandate_tests::arguments::Arguments;
use mandate_tests::database::Database;
use mandate_tests::facts::digest;
use mandate_tests::random::Random;
use mandate_tests::target::{Target, open_reader, open_store};

/// Most events in a batch.
const BATCH: u64 = 20;
/// Streams that all writers append to, expecting the version they read just before.
const CONTESTED: u64 = 3;

struct Plan {
    database: Database,
    events: u64,
    writers: u64,
    readers: u64,
    nodes: u64,
    seed: u64,
}

/// What the writers share.
struct Written {
    /// By position: the digest of the event that was acknowledged there, 0 while none was.
    acknowledged: Vec<AtomicU64>,
    stored: AtomicU64,
    refused: AtomicU64,
    conflicts: AtomicU64,
}

/// What one reader saw.
struct Seen {
    /// By position, from 1: the digest of the event.
    digests: Vec<u64>,
    pages: u64,
    reopened: u64,
}

/// Tries the store.
pub fn run(mut arguments: Arguments) -> anyhow::Result<()> {
    let database = arguments.take("--database", Database::Sqlite)?;
    let nodes = if database == Database::Sqlite { 1 } else { 2 };
    let plan = Plan {
        database,
        events: arguments.take("--events", 20_000)?,
        writers: arguments.take("--writers", 16)?,
        readers: arguments.take("--readers", 4)?,
        nodes: arguments.take("--nodes", nodes)?,
        seed: arguments.take("--seed", 1)?,
    };
    arguments.end()?;
    let place = tempfile::tempdir()?;
    let cluster = match plan.database {
        Database::Sqlite => None,
        Database::Postgres => Some(Cluster::start(Options::default())?),
    };
    let target = Target {
        data_dir: place.path().join("log"),
        key_file: place.path().join("keys/kek"),
        database: cluster.as_ref().map(Cluster::fresh_database).transpose()?,
    };
    target.prepare()?;
    let stores = (0..plan.nodes)
        .map(|node| {
            // Nodes share the database and the key file, and nothing else.
            let target = Target { data_dir: target.data_dir.join(format!("node-{node}")), ..target.clone() };
            open_store(&target, Arc::new(SystemClock))
        })
        .collect::<anyhow::Result<Vec<Store>>>()?;
    let target = Target { data_dir: target.data_dir.join("node-0"), ..target };
    follow(&plan, &target, &stores)
}

fn follow(plan: &Plan, target: &Target, stores: &[Store]) -> anyhow::Result<()> {
    // Every writer may be in the midst of one more batch when there are enough.
    let room = usize::try_from(plan.events + plan.writers * BATCH + 1)?;
    let written = Written {
        acknowledged: (0..=room).map(|_| AtomicU64::new(0)).collect(),
        stored: AtomicU64::new(0),
        refused: AtomicU64::new(0),
        conflicts: AtomicU64::new(0),
    };
    let done = AtomicBool::new(false);
    let begun = Instant::now();
    let seen = std::thread::scope(|scope| {
        let (written, done) = (&written, &done);
        let writers: Vec<ScopedJoinHandle<'_, anyhow::Result<()>>> = (0..plan.writers)
            .zip(stores.iter().cycle())
            .map(|(writer, store)| scope.spawn(move || write(plan, writer, store, written)))
            .collect();
        let readers: Vec<ScopedJoinHandle<'_, anyhow::Result<Seen>>> =
            (0..plan.readers).map(|reader| scope.spawn(move || read(plan, reader, target, done))).collect();
        let wrote = writers.into_iter().map(joined).collect::<anyhow::Result<Vec<()>>>();
        done.store(true, Ordering::SeqCst);
        let read = readers.into_iter().map(joined).collect::<anyhow::Result<Vec<Seen>>>();
        wrote.and(read)
    })?;
    let took = begun.elapsed();
    let head = stores.first().context("no store")?.reader().head()?.position.get();
    compare(&written, &seen, head)?;
    let sum = |count: fn(&Seen) -> u64| seen.iter().map(count).sum::<u64>();
    println!(
        "{:?}, {} writers on {} nodes, {} readers: {head} events in {} s; {} refused, of them {} lost a race for a \
         version; {} pages read, {} times by a reader opened anew; every reader saw every position once, in order, as \
         acknowledged",
        plan.database,
        plan.writers,
        plan.nodes,
        plan.readers,
        took.as_secs(),
        written.refused.load(Ordering::SeqCst),
        written.conflicts.load(Ordering::SeqCst),
        sum(|seen| seen.pages),
        sum(|seen| seen.reopened)
    );
    Ok(())
}

fn joined<T>(thread: ScopedJoinHandle<'_, anyhow::Result<T>>) -> anyhow::Result<T> {
    thread.join().map_err(|_| anyhow!("a thread panicked"))?
}

/// Appends batches, some of which must be refused and some of which lose a race, until there are enough events.
fn write(plan: &Plan, writer: u64, store: &Store, written: &Written) -> anyhow::Result<()> {
    let mut random = Random::new(plan.seed ^ (writer << 32));
    for turn in 0.. {
        if written.stored.load(Ordering::SeqCst) >= plan.events {
            break;
        }
        if random.once_in(20) {
            park_timeout(Duration::from_micros(random.below(10_000)));
        }
        let count = 1 + random.below(BATCH);
        let mut events = Vec::new();
        for n in 0..count {
            let subject = format!("nominal/N-{writer}-{}", random.below(50));
            events.push(event(&format!("{writer}-{turn}-{n}"), &subject, &mut random)?);
        }
        // One batch in six cannot be stored, or one of its events cannot.
        let doomed = random.once_in(6).then(|| random.below(count));
        let mut contested = false;
        if let Some(doomed) = doomed.and_then(|at| events.get_mut(usize::try_from(at).ok()?)) {
            *doomed = doomed.clone().expecting(Sequence::new(1_000_000_000));
        } else if random.once_in(3) {
            let subject = format!("nominal/S-{}", random.below(CONTESTED));
            let version = store.reader().version(&subject)?;
            let first = event(&format!("{writer}-{turn}-s"), &subject, &mut random)?.expecting(version);
            if let Some(place) = events.first_mut() {
                *place = first;
            }
            contested = true;
        }
        let on_error = if random.once_in(2) { OnError::All } else { OnError::Each };
        let outcomes = store.append_blocking(events.clone(), on_error)?;
        ensure!(outcomes.len() == events.len(), "{} outcomes", outcomes.len());
        for (event, outcome) in events.iter().zip(&outcomes) {
            let position = match outcome {
                Outcome::Stored { position, .. } => position.get(),
                Outcome::Refused(Refusal::VersionConflict { .. } | Refusal::Overtaken { .. }) => {
                    written.conflicts.fetch_add(u64::from(contested), Ordering::SeqCst);
                    written.refused.fetch_add(1, Ordering::SeqCst);
                    continue;
                }
                Outcome::NotStored { .. } => {
                    written.refused.fetch_add(1, Ordering::SeqCst);
                    continue;
                }
                Outcome::AlreadyStored { .. }
                | Outcome::Refused(Refusal::Conflict { .. } | Refusal::Erased { .. }) => {
                    anyhow::bail!("{}: {outcome:?}", event.fact().id)
                }
            };
            written.stored.fetch_add(1, Ordering::SeqCst);
            let place = usize::try_from(position).ok().and_then(|at| written.acknowledged.get(at));
            let place = place.with_context(|| format!("position {position} is beyond all that was sent"))?;
            let before = place.swap(digest(event.fact()), Ordering::SeqCst);
            ensure!(before == 0, "position {position} was given twice");
        }
    }
    Ok(())
}

fn event(id: &str, subject: &str, random: &mut Random) -> anyhow::Result<NewEvent> {
    let level = 1 + random.below(3);
    let text = format!(
        r#"{{"specversion":"1.0","id":"{id}","source":"/r","type":"meeting.held","subject":"{subject}","time":"2026-03-02T09:00:00Z","data":{{"meeting":"M-{id}","level":{level}}}}}"#
    );
    Ok(NewEvent::parse(&text, Claim::Ignore)?)
}

/// Follows from its own checkpoint, in pages of any size, until it has seen all that was written.
fn read(plan: &Plan, reader: u64, target: &Target, done: &AtomicBool) -> anyhow::Result<Seen> {
    let mut random = Random::new(plan.seed ^ 0x5eed ^ (reader << 40));
    let mut log = open_reader(target)?;
    let mut seen = Seen { digests: Vec::new(), pages: 0, reopened: 0 };
    loop {
        // Asked before the page is read: what is read after this is all there is.
        let all_written = done.load(Ordering::SeqCst);
        let checkpoint = Position::new(seen.digests.len() as u64);
        let page = match log.read_after(checkpoint, usize::try_from(1 + random.below(3_000))?) {
            Ok(page) => page,
            Err(error @ StoreError::Gap { .. }) => return Err(anyhow!("SKIPPED: reader {reader}: {error}")),
            Err(error) => return Err(error.into()),
        };
        seen.pages += 1;
        for event in &page.events {
            let expected = seen.digests.len() as u64 + 1;
            ensure!(event.position.get() == expected, "reader {reader}: {} after {expected}", event.position);
            seen.digests.push(digest(&event.fact));
        }
        if page.events.is_empty() {
            if all_written {
                return Ok(seen);
            }
            park_timeout(Duration::from_millis(1));
        }
        if random.once_in(50) {
            park_timeout(Duration::from_micros(random.below(50_000)));
        }
        if random.once_in(100) {
            log = open_reader(target)?;
            seen.reopened += 1;
        }
    }
}

fn compare(written: &Written, seen: &[Seen], head: u64) -> anyhow::Result<()> {
    for (reader, seen) in seen.iter().enumerate() {
        ensure!(seen.digests.len() as u64 == head, "SKIPPED: reader {reader} ends at {}", seen.digests.len());
        for (found, (at, acknowledged)) in
            seen.digests.iter().zip(written.acknowledged.iter().enumerate().skip(1))
        {
            let acknowledged = acknowledged.load(Ordering::SeqCst);
            ensure!(
                *found == acknowledged,
                "reader {reader} saw another event at {at} than was acknowledged"
            );
        }
    }
    ensure!(written.stored.load(Ordering::SeqCst) == head, "the head is {head}");
    Ok(())
}
