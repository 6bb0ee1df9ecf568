//! An area with its CPC and as many open duties as asked for, on either database.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant as Stopwatch};

use mandate_domain::catalogue::{FactType, Field};
use mandate_domain::fact::Value;
use mandate_domain::time::{Clock, Instant, VirtualClock};
use mandate_projections::Projections;
use mandate_scheduler::{EmlFiles, Mailer, Nodes, Scheduler, Schedules, Settings};
use mandate_store::{Claim, Keys, NewEvent, OnError, Options, Position, Store};
use mandate_test_cluster::Cluster;
use serde_json::json;

/// Looks of which the median is told.
const LOOKS: usize = 201;
/// Pause between two commands of the foreground.
const PAUSE: Duration = Duration::from_millis(4);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Database {
    Sqlite,
    Postgres,
}

impl Database {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
        }
    }
}

pub struct Bench {
    pub clock: Arc<VirtualClock>,
    pub store: Store,
    pub projections: Projections,
    pub scheduler: Scheduler,
    pub folder: tempfile::TempDir,
    /// The address of the database of PostgreSQL.
    pub url: Option<String>,
    /// Events in the log before the pass that was measured.
    before: AtomicU64,
}

pub fn at(text: &str) -> Instant {
    Instant::parse(text).unwrap()
}

pub fn event(id: &str, kind: &str, subject: &str, time: Instant, data: &serde_json::Value) -> NewEvent {
    let event = json!({ "specversion": "1.0", "id": id, "source": "/t", "type": kind, "subject": subject,
                        "time": time, "data": data });
    NewEvent::from_value(&event, Claim::Ignore).unwrap()
}

/// Category 2, level 2: rule 4.10 gives five days.
pub fn nominal(reference: &str, time: Instant) -> NewEvent {
    let data = json!({ "registration": reference, "category": 2, "level": 2, "area": "area/A07" });
    event(&format!("m-{reference}"), "mappa.registered", &format!("nominal/{reference}"), time, &data)
}

impl Bench {
    /// An empty log under a clock, with an area and its CPC.
    pub fn empty(
        database: Database,
        clock: &Arc<dyn Clock>,
    ) -> (Store, Projections, Scheduler, tempfile::TempDir, Option<String>) {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        Keys::create(&data.join("keys").join("kek")).unwrap();
        let url = match database {
            Database::Sqlite => None,
            Database::Postgres => Some(Cluster::shared().unwrap().fresh_database().unwrap()),
        };
        let options = Options::new(&data, Arc::clone(clock));
        let options = match &url {
            None => options,
            Some(url) => options.with_database(mandate_store::Database::parse(url).unwrap()),
        };
        let store = Store::open(options).unwrap();
        let projections = Projections::open(&data, &store).unwrap();
        let settings = Settings::new("https://m.example.gov.uk", "m@example.gov.uk")
            .unwrap()
            .with_nodes(Nodes::Several)
            .with_schedules(Schedules::none());
        let mailer = Mailer::Files(EmlFiles::new(folder.path().join("mail")));
        let scheduler =
            Scheduler::new(store.clone(), projections.clone(), Arc::clone(clock), mailer, settings).unwrap();
        let now = clock.now();
        let person = json!({ "org": "area/A07", "role": "cpc", "service": "probation",
                             "personal": { "email": "cpc@example.gov.uk" } });
        let vetting = json!({ "level": 3, "expires_on": "2035-01-01" });
        let events = vec![
            event("e1", "organisation.enrolled", "area/A07", now, &json!({})),
            event("e2", "user.registered", "user/U-cpc", now, &person),
            event("e3", "vetting.cleared", "user/U-cpc", now, &vetting),
            event("e4", "post.filled", "area/A07", now, &json!({ "post": "cpc", "user": "user/U-cpc" })),
        ];
        store.append_blocking(events, OnError::All).unwrap();
        scheduler.pass(now).unwrap();
        (store, projections, scheduler, folder, url)
    }

    /// `first` nominals whose record is due by Saturday 7 March 2026, the others' by Wednesday 11.
    pub fn new(database: Database, open: usize, first: usize) -> Self {
        let clock = Arc::new(VirtualClock::new(at("2026-02-02T09:00:00Z")));
        let (store, projections, scheduler, folder, url) =
            Self::empty(database, &(Arc::clone(&clock) as Arc<dyn Clock>));
        let before = AtomicU64::new(0);
        let bench = Self { clock, store, projections, scheduler, folder, url, before };
        bench.nominals("2026-03-02T09:00:00Z", 0, first);
        bench.nominals("2026-03-06T09:00:00Z", first, open);
        // The warnings of what is due first are given, so that the breaches stand alone.
        bench.pass("2026-03-06T12:00:00Z");
        bench
    }

    fn nominals(&self, time: &str, from: usize, until: usize) {
        self.clock.set(at(time));
        let numbers: Vec<usize> = (from..until).collect();
        for some in numbers.chunks(20_000) {
            let events = some.iter().map(|number| nominal(&format!("N-{number}"), at(time)));
            self.store.append_blocking(events.collect(), OnError::All).unwrap();
        }
        self.projections.advance(at(time)).unwrap();
    }

    pub fn pass(&self, time: &str) -> Duration {
        self.clock.set(at(time));
        self.before.store(self.store.reader().head().unwrap().position.get(), Ordering::Relaxed);
        took(|| while self.scheduler.pass(at(time)).unwrap().mails.more {})
    }

    fn begun_at(&self) -> Position {
        Position::new(self.before.load(Ordering::Relaxed))
    }

    pub fn idle(&self, time: &str) -> Duration {
        self.pass(time);
        median(|| {
            self.scheduler.pass(at(time)).unwrap();
        })
    }

    /// Gives a command every few milliseconds while something is done; the 99th percentile of how long they took. What
    /// is done may ask after how long a position was durable.
    pub fn foreground(&self, work: impl FnOnce(&dyn Fn(Position) -> Duration)) -> Duration {
        let done = AtomicBool::new(false);
        let begun = Stopwatch::now();
        let heads = std::sync::Mutex::new(Vec::<(Position, Duration)>::new());
        std::thread::scope(|scope| {
            let given = scope.spawn(|| self.commands(&done));
            let watched = scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    let head = self.store.watch().borrow().position;
                    let mut heads = heads.lock().unwrap();
                    if heads.last().is_none_or(|(known, _)| *known < head) {
                        heads.push((head, begun.elapsed()));
                    }
                    drop(heads);
                    pause(Duration::from_millis(1));
                }
            });
            work(&|position| {
                let heads = heads.lock().unwrap();
                heads.iter().find(|(head, _)| *head >= position).map(|(_, at)| *at).unwrap()
            });
            done.store(true, Ordering::Relaxed);
            watched.join().unwrap();
            given.join().unwrap()
        })
    }

    fn commands(&self, done: &AtomicBool) -> Duration {
        let mut took_each = Vec::new();
        let run = self.store.reader().head().unwrap().position;
        while !done.load(Ordering::Relaxed) {
            let id = format!("f-{run}-{}", took_each.len());
            let data = json!({ "meeting": id, "level": 1 });
            // Of one nominal in five thousand, as different people tell of different ones.
            let subject = format!("nominal/N-foreground-{}", took_each.len() % 5_000);
            let event = event(&id, "meeting.held", &subject, self.clock.now(), &data);
            took_each.push(took(|| drop(self.store.append_blocking(vec![event], OnError::All).unwrap())));
            pause(PAUSE);
        }
        took_each.sort_unstable();
        took_each.get(took_each.len() * 99 / 100).copied().unwrap()
    }

    /// Events that the latest pass stored of its own, but for what became of mails.
    pub fn rows_of_the_pass(&self) -> usize {
        let mut rows = 0;
        self.each_since(self.begun_at(), |kind, _| {
            rows += usize::from(matches!(kind, FactType::DutyBreached | FactType::NoticeQueued));
        });
        rows
    }

    pub fn breaches(&self) -> usize {
        let mut breaches = 0;
        self.each_since(Position::START, |kind, _| breaches += usize::from(kind == FactType::DutyBreached));
        breaches
    }

    pub fn last_breach(&self) -> Position {
        let mut last = Position::START;
        self.each_since(self.begun_at(), |kind, event| {
            if kind == FactType::DutyBreached {
                last = event.position;
            }
        });
        last
    }

    /// Mails accepted, and recipients of them.
    pub fn mails(&self) -> (usize, usize) {
        let mut recipients = HashSet::new();
        let mut mails = 0;
        self.each_since(self.begun_at(), |kind, event| match kind {
            FactType::NoticeQueued => {
                recipients.insert(event.fact.text(Field::Recipient).unwrap().to_owned());
            }
            FactType::NoticeAccepted => mails += 1,
            _ => {}
        });
        (mails, recipients.len())
    }

    /// Breaches that one notice lists.
    pub fn breaches_listed_once(&self) -> usize {
        let mut listed = 0;
        self.each_since(self.begun_at(), |kind, event| {
            if let Some(Value::Texts(notices)) = event.fact.get(Field::Notices)
                && kind == FactType::DutyBreached
            {
                listed += usize::from(notices.len() == 1);
            }
        });
        listed
    }

    /// Mean bytes of the ids of a pass's rows, and of all their other columns but the position.
    pub fn mean_sizes(&self) -> (usize, usize) {
        /// The sequence, two instants, the version of the layout, empty metadata and the leaf.
        const FIXED: usize = 1 + 8 + 8 + 3 + 2 + 32;
        let (mut ids, mut bytes, mut rows) = (0, 0, 0);
        for event in self.store.reader().read_after(self.begun_at(), 10_000).unwrap().events {
            let fact = &event.fact;
            if matches!(fact.kind, FactType::DutyBreached | FactType::NoticeQueued) {
                ids += fact.id.len();
                bytes += event.payload.len()
                    + fact.subject.len()
                    + fact.kind.name().len()
                    + fact.source.len()
                    + FIXED;
                rows += 1;
            }
        }
        (ids / rows.max(1), bytes / rows.max(1))
    }

    fn each_since(&self, from: Position, mut each: impl FnMut(FactType, &mandate_store::StoredEvent)) {
        let mut after = from;
        loop {
            let page = self.store.reader().read_after(after, 20_000).unwrap().events;
            let Some(last) = page.last() else { return };
            after = last.position;
            for event in &page {
                each(event.fact.kind, event);
            }
        }
    }
}

pub fn took(work: impl FnOnce()) -> Duration {
    let started = Stopwatch::now();
    work();
    started.elapsed()
}

/// Lets a moment pass; who is woken early looks again.
pub fn pause(pause: Duration) {
    let until = Stopwatch::now() + pause;
    while let Some(left) = until.checked_duration_since(Stopwatch::now()).filter(|left| !left.is_zero()) {
        std::thread::park_timeout(left);
    }
}

pub fn median(mut look: impl FnMut()) -> Duration {
    let mut took_each: Vec<Duration> = (0..LOOKS).map(|_| took(&mut look)).collect();
    took_each.sort_unstable();
    took_each.get(LOOKS / 2).copied().unwrap()
}
