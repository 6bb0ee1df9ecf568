//! The promises on the scheduler (P9, P10, P12): what a pass costs that finds nothing, that finds a hundred, and that
//! finds everything at once. One line for each figure.
//!
//! `cargo bench --package mandate-scheduler --bench passes [-- OPEN…]`: numbers of open duties [10000 100000].
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a bench ends where something fails, and prints"
)]

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant as Stopwatch};

use mandate_domain::time::{Clock as _, Instant, VirtualClock};
use mandate_projections::Projections;
use mandate_scheduler::{EmlFiles, Mailer, Scheduler, Schedules, Settings};
use mandate_store::{Claim, Keys, NewEvent, OnError, Options, Store};
use serde_json::{Value, json};

/// Duties that fall due at one instant among many that do not.
const DUE: usize = 100;
/// Looks of which the median is told.
const LOOKS: usize = 201;

fn main() {
    let asked: Vec<usize> = std::env::args().filter_map(|word| word.parse().ok()).collect();
    let sizes = if asked.is_empty() { vec![10_000, 100_000] } else { asked };
    for open in sizes {
        let bench = Bench::new(open);
        bench.few_among_many(open);
        bench.all_at_once(open);
        bench.after_everything(open);
    }
}

struct Bench {
    clock: Arc<VirtualClock>,
    store: Store,
    projections: Projections,
    scheduler: Scheduler,
    folder: tempfile::TempDir,
}

fn at(text: &str) -> Instant {
    Instant::parse(text).unwrap()
}

fn event(id: &str, kind: &str, subject: &str, time: Instant, data: &Value) -> NewEvent {
    let event = json!({ "specversion": "1.0", "id": id, "source": "/t", "type": kind, "subject": subject,
                        "time": time, "data": data });
    NewEvent::from_value(&event, Claim::Ignore).unwrap()
}

impl Bench {
    /// An area with its CPC; [`DUE`] nominals whose record is due by Saturday 7 March 2026, the others' by Wednesday 11.
    fn new(open: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        Keys::create(&data.join("keys").join("kek")).unwrap();
        let clock = Arc::new(VirtualClock::new(at("2026-02-02T09:00:00Z")));
        let store = Store::open(Options::new(&data, clock.clone())).unwrap();
        let projections = Projections::open(&data, &store).unwrap();
        let settings = Settings::new("https://m.example.gov.uk", "m@example.gov.uk")
            .unwrap()
            .with_schedules(Schedules::none());
        let mailer = Mailer::Files(EmlFiles::new(folder.path().join("mail")));
        let scheduler =
            Scheduler::new(store.clone(), projections.clone(), clock.clone(), mailer, settings).unwrap();
        let bench = Self { clock, store, projections, scheduler, folder };
        let now = bench.clock.now();
        let person = json!({ "org": "area/A07", "role": "cpc", "service": "probation",
                             "personal": { "email": "cpc@example.gov.uk" } });
        bench.append(vec![
            event("e1", "organisation.enrolled", "area/A07", now, &json!({})),
            event("e2", "user.registered", "user/U-cpc", now, &person),
            event(
                "e3",
                "vetting.cleared",
                "user/U-cpc",
                now,
                &json!({ "level": 3, "expires_on": "2035-01-01" }),
            ),
            event("e4", "post.filled", "area/A07", now, &json!({ "post": "cpc", "user": "user/U-cpc" })),
        ]);
        bench.scheduler.pass(now).unwrap();
        bench.nominals("2026-03-02T09:00:00Z", 0, DUE);
        bench.nominals("2026-03-06T09:00:00Z", DUE, open);
        // The warnings of what is due first are given, so that the breaches stand alone.
        bench.pass("2026-03-06T12:00:00Z");
        bench
    }

    fn append(&self, events: Vec<NewEvent>) {
        self.store.append_blocking(events, OnError::All).unwrap();
    }

    fn nominals(&self, time: &str, from: usize, until: usize) {
        self.clock.set(at(time));
        let numbers: Vec<usize> = (from..until).collect();
        for some in numbers.chunks(5_000) {
            let registered = |number: &usize| {
                let data = json!({ "registration": format!("r{number}"), "category": 2, "level": 2, "area": "area/A07" });
                event(
                    &format!("m{number}"),
                    "mappa.registered",
                    &format!("nominal/N-{number}"),
                    at(time),
                    &data,
                )
            };
            self.append(some.iter().map(registered).collect());
        }
        self.projections.advance(at(time)).unwrap();
    }

    fn pass(&self, time: &str) -> Duration {
        self.clock.set(at(time));
        let started = Stopwatch::now();
        while self.scheduler.pass(at(time)).unwrap().mails.more {}
        started.elapsed()
    }

    fn idle(&self, time: &str) -> Duration {
        self.pass(time);
        median(|| {
            self.pass(time);
        })
    }

    fn few_among_many(&self, open: usize) {
        say(open, "P9 pass that finds nothing", self.idle("2026-03-07T12:00:00Z"));
        let now = at("2026-03-08T00:00:00Z");
        self.clock.set(now);
        self.projections.advance(now).unwrap();
        let found = self.projections.breaches_to_raise(Instant::MAX, None, 1_000).unwrap().len();
        assert_eq!(found, DUE);
        say(
            open,
            "P9 find 100 due in the database",
            median(|| drop(self.projections.breaches_to_raise(Instant::MAX, None, 1_000).unwrap())),
        );
        say(open, "P9 pass that raises 100 and mails", self.pass("2026-03-08T00:00:00Z"));
    }

    fn all_at_once(&self, open: usize) {
        let now = "2026-03-12T00:00:00Z";
        // Judging them overdue is the work of the read models, whoever asks.
        self.clock.set(at(now));
        let judged = Stopwatch::now();
        self.projections.advance(at(now)).unwrap();
        rate(open - DUE, "judged overdue by the read models", judged.elapsed());
        let before = self.store.reader().head().unwrap().position.get();
        let took = self.pass(now);
        let events = self.store.reader().head().unwrap().position.get() - before;
        rate(open - DUE, "P10 breaches durable, with notices and read models", took);
        let events = usize::try_from(events).unwrap();
        let plain = plain_inserts(self.folder.path(), events);
        rate(events, "P10 the same number of rows by plain multi-row INSERT", plain);
        let mails = std::fs::read_dir(self.folder.path().join("mail")).unwrap().count();
        println!("{open:>9} open | P12 mails written for {open} breaches | {mails}");
    }

    fn after_everything(&self, open: usize) {
        say(open, "P9 pass that finds nothing, all raised", self.idle("2026-03-12T06:00:00Z"));
    }
}

fn median(mut look: impl FnMut()) -> Duration {
    let mut took: Vec<Duration> = (0..LOOKS)
        .map(|_| {
            let started = Stopwatch::now();
            look();
            started.elapsed()
        })
        .collect();
    took.sort_unstable();
    took.get(LOOKS / 2).copied().unwrap()
}

/// Rows of the size of an event, five thousand to a statement's transaction, into a file that is as durable as the log.
fn plain_inserts(folder: &Path, rows: usize) -> Duration {
    let connection = rusqlite::Connection::open(folder.join("plain.db")).unwrap();
    connection
        .execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
             CREATE TABLE plain (position integer PRIMARY KEY, id text NOT NULL UNIQUE, payload text NOT NULL) STRICT;",
        )
        .unwrap();
    let payload = "x".repeat(400);
    let started = Stopwatch::now();
    let mut written = 0;
    while written < rows {
        connection.execute_batch("BEGIN").unwrap();
        for _ in 0..10.min((rows - written).div_ceil(100)) {
            let some = 100.min(rows - written);
            let places = vec!["(?, ?)"; some].join(", ");
            let sql = format!("INSERT INTO plain (id, payload) VALUES {places}");
            let mut values = Vec::with_capacity(some * 2);
            for number in written..written + some {
                values.push(format!("breached-{number:024}"));
                values.push(payload.clone());
            }
            connection.prepare_cached(&sql).unwrap().execute(rusqlite::params_from_iter(values)).unwrap();
            written += some;
        }
        connection.execute_batch("COMMIT").unwrap();
    }
    started.elapsed()
}

fn say(open: usize, what: &str, took: Duration) {
    println!("{open:>9} open | {what} | {:.1} us", took.as_secs_f64() * 1e6);
}

fn rate(count: usize, what: &str, took: Duration) {
    let rate = f64::from(u32::try_from(count).unwrap()) / took.as_secs_f64();
    println!("{count:>9} rows | {what} | {rate:.0} /s");
}
