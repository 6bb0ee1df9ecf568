//! What the tests of the store share.

use std::path::Path;
use std::sync::Arc;

use mandate_domain::time::{Instant, VirtualClock};
use mandate_store::{
    Claim, Database, Keys, NewEvent, OnError, Options, Outcome, Position, Store, create_signing_key,
};
use mandate_test_cluster::Cluster;
use tempfile::TempDir;

/// A clock that stands at 2026-03-02T12:00:00Z.
pub fn clock() -> Arc<VirtualClock> {
    Arc::new(VirtualClock::new(at("2026-03-02T12:00:00Z")))
}

pub fn at(text: &str) -> Instant {
    Instant::parse(text).unwrap()
}

/// Where a test keeps its log.
pub trait Place {
    fn options(&self, clock: Arc<VirtualClock>) -> Options;
}

impl Place for Path {
    fn options(&self, clock: Arc<VirtualClock>) -> Options {
        Options::new(self, clock)
    }
}

/// A folder and a database of its own, for one test.
pub struct World {
    pub dir: TempDir,
    pub database: Database,
}

impl Place for World {
    fn options(&self, clock: Arc<VirtualClock>) -> Options {
        Options::new(self.dir.path(), clock).with_database(self.database.clone())
    }
}

impl World {
    pub fn sqlite() -> Self {
        Self { dir: tempfile::tempdir().unwrap(), database: Database::Sqlite }
    }

    pub fn postgres() -> Self {
        let url = cluster().fresh_database().unwrap();
        Self { dir: tempfile::tempdir().unwrap(), database: Database::parse(&url).unwrap() }
    }

    /// Another world with the same kind of database.
    pub fn another(&self) -> Self {
        match self.database {
            Database::Sqlite => Self::sqlite(),
            Database::Postgres(_) => Self::postgres(),
        }
    }

    pub fn database_is_sqlite(&self) -> bool {
        matches!(self.database, Database::Sqlite)
    }

    /// Brings everything into the database's own files: SQLite's write-ahead log, PostgreSQL's buffers.
    pub fn settle(&self) {
        match &self.database {
            Database::Sqlite => {
                for name in ["log.db", "keys.db"] {
                    let connection = rusqlite::Connection::open(self.dir.path().join(name)).unwrap();
                    let busy: i64 = connection
                        .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))
                        .unwrap();
                    assert_eq!(busy, 0, "somebody reads {name}");
                }
            }
            Database::Postgres(server) => drop(cluster().psql(&server.database(), "CHECKPOINT").unwrap()),
        }
    }

    /// Another node on the same database, with the same keys.
    pub fn node(&self) -> Self {
        let node = Self { dir: tempfile::tempdir().unwrap(), database: self.database.clone() };
        let (from, to) = (self.dir.path().join("keys"), node.dir.path().join("keys"));
        std::fs::create_dir_all(&to).unwrap();
        for file in std::fs::read_dir(from).unwrap() {
            let file = file.unwrap();
            std::fs::copy(file.path(), to.join(file.file_name())).unwrap();
        }
        node
    }

    /// Runs statements as somebody with every right, the triggers of the log out of force.
    pub fn tamper(&self, sqlite: &str, postgres: &str) {
        match &self.database {
            Database::Sqlite => {
                let connection = rusqlite::Connection::open(self.dir.path().join("log.db")).unwrap();
                let triggers = "SELECT group_concat('DROP TRIGGER ' || name, ';') FROM sqlite_schema WHERE type = 'trigger'";
                let drop: Option<String> = connection.query_row(triggers, [], |row| row.get(0)).unwrap();
                connection.execute_batch(&drop.unwrap_or_default()).unwrap();
                connection.execute_batch(sqlite).unwrap();
            }
            Database::Postgres(server) => {
                let statements = format!("SET session_replication_role = replica; {postgres}");
                cluster().psql(&server.database(), &statements).unwrap();
            }
        }
    }

    /// [`Self::tamper`] with statements that both databases understand.
    pub fn tamper_with(&self, statements: &str) {
        self.tamper(statements, statements);
    }

    /// Runs a statement on the keys.
    pub fn tamper_keys(&self, statement: &str) {
        match &self.database {
            Database::Sqlite => {
                let keys = rusqlite::Connection::open(self.dir.path().join("keys.db")).unwrap();
                keys.execute_batch(statement).unwrap();
            }
            Database::Postgres(server) => {
                let statement = format!("SET search_path = mandate_keys; {statement}");
                cluster().psql(&server.database(), &statement).unwrap();
            }
        }
    }

    /// Runs a statement as anybody who may write to the database; what it says if it refuses.
    pub fn try_sql(&self, statement: &str) -> Result<(), String> {
        match &self.database {
            Database::Sqlite => rusqlite::Connection::open(self.dir.path().join("log.db"))
                .unwrap()
                .execute_batch(statement)
                .map_err(|error| error.to_string()),
            Database::Postgres(server) => {
                cluster().psql(&server.database(), statement).map(drop).map_err(|error| error.to_string())
            }
        }
    }
}

pub fn cluster() -> &'static Cluster {
    Cluster::shared().unwrap()
}

/// Makes two tests of each function: one on SQLite, one on PostgreSQL.
macro_rules! both {
    ($($name:ident),* $(,)?) => {
        mod sqlite {
            $(#[test] fn $name() { super::$name(&crate::common::World::sqlite()); })*
        }
        mod postgres {
            $(#[test] fn $name() { super::$name(&crate::common::World::postgres()); })*
        }
    };
}

/// [`both`] for functions that await.
macro_rules! both_async {
    ($($name:ident),* $(,)?) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() { super::$name(&crate::common::World::sqlite()).await; })*
        }
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() { super::$name(&crate::common::World::postgres()).await; })*
        }
    };
}

/// A new log.
pub fn create(place: &(impl Place + ?Sized)) -> Store {
    create_with(place, clock())
}

pub fn create_with(place: &(impl Place + ?Sized), clock: Arc<VirtualClock>) -> Store {
    let options = place.options(clock);
    Keys::create(&options.key_file).unwrap();
    create_signing_key(&options.signing_key, "log.example").unwrap();
    Store::open(options).unwrap()
}

/// The same log, opened again.
pub fn reopen(place: &(impl Place + ?Sized)) -> Store {
    Store::open(place.options(clock())).unwrap()
}

/// A fact of source `/t` about `nominal/N-1`.
pub fn text(id: &str, kind: &str, data: &str) -> String {
    text_about("nominal/N-1", id, kind, data)
}

pub fn text_about(subject: &str, id: &str, kind: &str, data: &str) -> String {
    format!(
        r#"{{"specversion":"1.0","id":"{id}","source":"/t","type":"{kind}","subject":"{subject}","time":"2026-03-02T09:00:00Z","data":{data}}}"#
    )
}

pub fn event(id: &str, kind: &str, data: &str) -> NewEvent {
    NewEvent::parse(&text(id, kind, data), Claim::Ignore).unwrap()
}

/// A meeting of level 1, held by `nominal/N-1`.
pub fn meeting(id: &str) -> NewEvent {
    event(id, "meeting.held", &format!(r#"{{"meeting":"M-{id}","level":1}}"#))
}

pub fn meeting_of(subject: &str, id: &str) -> NewEvent {
    let data = format!(r#"{{"meeting":"M-{id}","level":1}}"#);
    NewEvent::parse(&text_about(subject, id, "meeting.held", &data), Claim::Ignore).unwrap()
}

/// Appends one event and returns what became of it.
pub fn append(store: &Store, event: NewEvent) -> Outcome {
    store.append_blocking(vec![event], OnError::Each).unwrap().remove(0)
}

/// The position of an event that must have been stored now.
pub fn stored(outcome: &Outcome) -> u64 {
    match outcome {
        Outcome::Stored { position, .. } => position.get(),
        other => panic!("not stored: {other:?}"),
    }
}

/// Positions and ids of the whole log.
pub fn whole_log(store: &Store) -> Vec<(u64, String)> {
    let page = store.reader().read_after(Position::START, usize::MAX).unwrap();
    page.events.iter().map(|event| (event.position.get(), event.fact.id.to_string())).collect()
}

/// The `n`-th event of a history that has something of everything: types, streams, sealed parts, claims, actors and
/// commands.
pub fn varied(n: u64) -> NewEvent {
    let of = n / 7 % 3;
    let nominal = format!("nominal/N-{of}");
    let (subject, kind, data) = match n % 7 {
        0 => (
            nominal,
            "nominal.registered",
            format!(
                r#"{{"kind":"mappa","personal":{{"crn":"X{n:06}","name":"Näme {n}"}},"note":"note {n}","more":[{n}]}}"#
            ),
        ),
        1 => (nominal, "meeting.held", format!(r#"{{"meeting":"M-{n}","level":{}}}"#, n % 3 + 1)),
        2 => (
            nominal,
            "mappa.registered",
            format!(r#"{{"registration":"R-{n}","category":2,"level":1,"area":"area/A0{of}"}}"#),
        ),
        3 => (
            format!("user/U-{of}"),
            "vetting.cleared",
            r#"{"level":2,"expires_on":"2031-03-02","on":"2026-03-02"}"#.to_owned(),
        ),
        4 => (
            "calendar/england-and-wales".to_owned(),
            "bank_holidays.published",
            r#"{"holidays":[{"date":"2026-12-25","title":"Christmas Day – ⛄"}]}"#.to_owned(),
        ),
        5 => (
            format!("unit/U{of}"),
            "requirement.attested",
            r#"{"paragraph":"4.10","period_from":"2026-01-01","period_to":"2026-03-31","outcome":"met",
                "sample":{"size":20,"passed":19}}"#
                .to_owned(),
        ),
        _ => (
            nominal,
            "fact.annulled",
            format!(r#"{{"event":{{"source":"/t","id":"x{n}"}},"reason":"re {n}"}}"#),
        ),
    };
    let mut text = text_about(&subject, &format!("v{n}"), kind, &data);
    let claimed = n % 7 == 2;
    if claimed {
        text = text.replace(r#","data":"#, r#","recordedtime":"2026-03-01T08:00:00.123456789Z","data":"#);
    }
    let event = NewEvent::parse(&text, if claimed { Claim::Accept } else { Claim::Ignore }).unwrap();
    let event = if n % 2 == 1 { event.by(&format!("u-{n}")).unwrap() } else { event };
    if n % 7 == 3 { event.for_command(&format!("c-{n}")).unwrap() } else { event }
}

/// Appends varied events up to some size, one batch for each ten, and signs after each.
pub fn grow(store: &Store, to: u64) {
    let mut size = store.reader().head().unwrap().position.get();
    while size < to {
        let next = to.min(size / 10 * 10 + 10);
        let outcomes = store.append_blocking((size..next).map(varied).collect(), OnError::All).unwrap();
        assert!(outcomes.iter().all(|outcome| matches!(outcome, Outcome::Stored { .. })), "{outcomes:?}");
        store.checkpoint().unwrap().unwrap();
        size = next;
    }
}

/// The leaves of a log, from the bytes as stored.
pub fn leaves(store: &Store) -> Vec<mandate_verify::Hash> {
    let events = store.reader().read_after(Position::START, usize::MAX).unwrap().events;
    assert!(events.iter().all(mandate_store::StoredEvent::is_intact));
    events.iter().map(|event| event.leaf).collect()
}

/// The tree over some leaves.
pub fn tree(leaves: &[mandate_verify::Hash]) -> mandate_verify::tree::Frontier {
    let mut frontier = mandate_verify::tree::Frontier::new();
    frontier.extend(leaves.iter().copied());
    frontier
}

/// A number as a place in a list.
pub fn place(number: u64) -> usize {
    usize::try_from(number).unwrap()
}
