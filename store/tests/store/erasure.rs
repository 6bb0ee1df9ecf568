//! Erasure is real and proofs hold: canaries in every personal field of a hundred people, erased, and sought everywhere.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use mandate_store::{
    Claim, Database, Identifier, Keys, KeysError, NewEvent, OnError, Options, Order, OrderError, Outcome,
    Part, Position, Refusal, Store, StoreError, StoredEvent, back_up, restore,
};
use mandate_test_cluster::Cluster;
use mandate_verify::check::{self, Verdict};
use mandate_verify::tree::verify_inclusion;
use serde_json::json;

use crate::common::{
    World, append, clock, create, leaves, meeting, meeting_of, reopen, stored, text_about, tree,
};
use crate::memory::{count, files_with, in_memory_of};

/// People in the great test.
const PEOPLE: usize = 100;

fn subject(n: usize) -> String {
    format!("nominal/N-{n:03}")
}

/// What is stated of a person: a canary in every personal field, in free text, in unknown fields and their names.
fn told_of(n: usize, mark: &str) -> Vec<NewEvent> {
    let canary = |field: &str| format!("{mark}-{field}-{n:03}");
    let personal: serde_json::Map<_, _> = ["crn", "noms", "pnc", "visor_ref", "name", "email", "phone"]
        .into_iter()
        .map(|field| (field.to_owned(), json!(canary(field))))
        .collect();
    let facts = [
        (
            "nominal.registered",
            json!({ "kind": "mappa", "personal": personal, "note": canary("note"), "about": canary("about"),
                "reason": canary("reason"), "statement": canary("statement"),
                canary("unknown"): { "deep": [canary("deep"), 1] } }),
        ),
        ("partnership.refused", json!({ "request": "Q-1", "reason": canary("refused") })),
        (
            "fact.annulled",
            json!({ "event": { "source": "/t", "id": "x", "more": canary("more") }, "reason": canary("annulled") }),
        ),
        ("practitioner.informed", json!({ "about": canary("informed") })),
    ];
    let events = facts.into_iter().map(|(kind, data)| {
        let text = text_about(&subject(n), &format!("{kind}-{n}"), kind, &data.to_string());
        NewEvent::parse(&text, Claim::Ignore).unwrap()
    });
    events.chain([meeting_of(&subject(n), &format!("m-{n}"))]).collect()
}

/// Canaries in what is told of one person.
const CANARIES: usize = 7 + 4 + 2 + 1 + 2 + 1;

fn tell(store: &Store, people: usize, mark: &str) {
    for n in 0..people {
        let outcomes = store.append_blocking(told_of(n, mark), OnError::All).unwrap();
        assert!(outcomes.iter().all(|outcome| matches!(outcome, Outcome::Stored { .. })), "{outcomes:?}");
        if n % 10 == 9 {
            store.checkpoint().unwrap().unwrap();
        }
    }
}

fn order(subject: &str) -> Order {
    Order {
        subject: subject.to_owned(),
        ordered_by: vec!["user/U-17".to_owned(), "user/U-42".to_owned()],
        ground: "RRD-2026-014".to_owned(),
    }
}

fn sealed(store: &Store, subject: &str) -> Vec<StoredEvent> {
    let mut events = store.reader().read_subject(subject, mandate_store::Sequence::START, 100).unwrap();
    events.retain(|event| event.sealed.is_some());
    events
}

/// Canaries that can be read with the keys.
fn readable(store: &Store, subject: &str, mark: &str) -> usize {
    let opened = sealed(store, subject).into_iter().filter_map(|event| store.keys().unseal(&event).ok());
    let texts = opened.flat_map(|private| {
        private.iter().map(|(name, value)| format!("{name} {value}")).collect::<Vec<_>>()
    });
    texts.map(|text| count(text.as_bytes(), mark)).sum()
}

fn found_by_number(store: &Store, n: usize, mark: &str) -> usize {
    let found = |kind: &Identifier| {
        let number = format!("{mark}-{}-{n:03}", kind.name());
        usize::from(store.keys().find(*kind, &number).unwrap().as_deref() == Some(&subject(n)))
    };
    Identifier::ALL.iter().map(found).sum()
}

fn is_gone(store: &Store, n: usize, mark: &str) {
    let events = sealed(store, &subject(n));
    assert_eq!(events.len(), 4);
    for event in events {
        let refused = store.keys().unseal(&event).unwrap_err();
        assert!(matches!(&refused, KeysError::NoKey { subject: of } if **of == *subject(n)), "{refused}");
    }
    assert_eq!((readable(store, &subject(n), mark), found_by_number(store, n, mark)), (0, 0), "{n}");
}

/// Where a log's files are, and how they are written to by others.
struct Files<'w> {
    world: &'w World,
    folders: Vec<PathBuf>,
    settle: Box<dyn Fn() + 'w>,
}

impl Files<'_> {
    fn with(&self, mark: &str) -> Vec<String> {
        (self.settle)();
        self.folders.iter().flat_map(|folder| files_with(folder, mark)).collect()
    }
}

fn a_hundred_are_erased(files: &Files<'_>, mark: &str, in_clear: impl FnOnce(&str)) {
    let world = files.world;
    let store = create(world);
    tell(&store, PEOPLE, mark);
    for n in 0..PEOPLE {
        assert_eq!(readable(&store, &subject(n), mark), CANARIES, "{n}");
        assert_eq!(found_by_number(&store, n, mark), 4, "{n}");
    }
    assert_eq!(files.with(mark), Vec::<String>::new(), "before the erasure");
    let size = store.reader().head().unwrap().position;
    let key = store.verifying_key().unwrap().clone();
    let older = store.reader().checkpoints(Position::new(250), 1).unwrap().remove(0);
    let mut bundle = Vec::new();
    store.reader().export_bundle(&mut bundle, Part::default(), &[]).unwrap();
    let proof = store.reader().inclusion(Position::new(7), size).unwrap();
    let before = leaves(&store);

    for n in 0..PEOPLE {
        let position = store.erase(&order(&subject(n))).unwrap();
        assert_eq!(position.get(), size.get() + n as u64 + 1);
    }
    (0..PEOPLE).for_each(|n| is_gone(&store, n, mark));
    assert_eq!(store.keys().erased(), (0..PEOPLE).map(subject).collect::<Vec<_>>());
    assert_eq!(files.with(mark), Vec::<String>::new(), "after the erasure");
    store.checkpoint().unwrap().unwrap();

    // Every proof still holds.
    let found = store.reader().verify(Some(&key), std::slice::from_ref(&older.note), |_, _| {}).unwrap();
    assert_eq!(found.exit_code(), 0, "{found:?}");
    let report = check::verify(bundle.as_slice(), &key, &[&older.note]).unwrap();
    assert!(matches!(report.verdict, Verdict::Ok { .. }), "{report}");
    verify_inclusion(&before[6], 6, size.get(), &proof, &tree(&before).root()).unwrap();
    assert_eq!(leaves(&store)[..before.len()], before, "no stored byte was touched");

    // The people are still gone when the log is opened again.
    drop(store);
    let store = reopen(world);
    (0..PEOPLE).for_each(|n| is_gone(&store, n, mark));
    assert_eq!(files.with(mark), Vec::<String>::new(), "after opening it again");

    // The control: what is written in clear is found.
    in_clear(&format!("{mark}-in-clear"));
    assert!(!files.with(mark).is_empty(), "the search finds what is there");
}

#[test]
fn on_sqlite_nothing_is_left_of_a_hundred_who_are_erased() {
    let world = World::sqlite();
    let log = world.dir.path().join("log.db");
    let folders = vec![world.dir.path().to_owned()];
    let settle = || {
        for name in ["log.db", "keys.db"] {
            let connection = rusqlite::Connection::open(world.dir.path().join(name)).unwrap();
            connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(())).unwrap();
        }
    };
    let files = Files { world: &world, folders, settle: Box::new(settle) };
    a_hundred_are_erased(&files, "QUIXCNRY", |text| {
        let connection = rusqlite::Connection::open(&log).unwrap();
        connection.execute("CREATE TABLE in_clear (text)", []).unwrap();
        connection.execute("INSERT INTO in_clear VALUES (?1)", [text]).unwrap();
    });
}

/// On a cluster of its own, whose every file is searched.
#[test]
fn on_postgresql_nothing_is_left_of_a_hundred_who_are_erased() {
    let cluster = Cluster::start(mandate_test_cluster::Options::default()).unwrap();
    let url = cluster.fresh_database().unwrap();
    let database = Database::parse(&url).unwrap();
    let Database::Postgres(server) = &database else { panic!("{url}") };
    let name = server.database();
    let world = World { dir: tempfile::tempdir().unwrap(), database: database.clone() };
    let data = std::fs::read_link(format!("/proc/{}/cwd", cluster.pid().unwrap())).unwrap();
    assert!(data.join("pg_wal").is_dir() && data.join("base").is_dir(), "{}", data.display());
    let folders = vec![world.dir.path().to_owned(), data.parent().unwrap().to_owned()];
    let settle = Box::new(|| drop(cluster.psql("postgres", "CHECKPOINT").unwrap()));
    a_hundred_are_erased(&Files { world: &world, folders, settle }, "QUIXCNRZ", |text| {
        cluster.psql(&name, &format!("CREATE TABLE in_clear AS SELECT '{text}' AS text")).unwrap();
    });
}

fn an_order_that_lacks_something_is_refused_and_changes_nothing(world: &World) {
    let store = create(world);
    tell(&store, 1, "QUIX");
    append(
        &store,
        NewEvent::parse(&text_about("area/A01", "e", "organisation.enrolled", "{}"), Claim::Ignore).unwrap(),
    );
    let head = store.reader().head().unwrap();
    let with = |people: &[&str], ground: &str, subject: &str| Order {
        subject: subject.to_owned(),
        ordered_by: people.iter().map(|id| (*id).to_owned()).collect(),
        ground: ground.to_owned(),
    };
    let two = ["user/U-17", "user/U-42"];
    let one = subject(0);
    for (order, told) in [
        (with(&[], "RRD-1", &one), "names 0"),
        (with(&["user/U-17"], "RRD-1", &one), "two different people in `ordered_by`; this one names 1"),
        (with(&["user/U-17", "user/U-17"], "RRD-1", &one), "names 1"),
        (with(&["user/U-17", " user/U-17 "], "RRD-1", &one), "names 1"),
        (with(&["user/U-17", " "], "RRD-1", &one), "names 1"),
        (with(&two, "", &one), "says why in `ground`"),
        (with(&two, " - ", &one), "says why in `ground`"),
        (with(&two, "RRD-1", "nominal/N-999"), "nominal/N-999 is not in the log"),
        (with(&two, "RRD-1", "area/A01"), "cannot be recorded"),
        (with(&["user/U-17", "X777978"], "RRD-1", &one), "cannot be recorded"),
        (with(&two, "A8513EA", &one), "cannot be recorded"),
    ] {
        for done in [store.erase(&order), store.restrict(&order), store.lift_restriction(&order)] {
            let refused = done.map_or_else(|error| error.to_string(), |at| format!("done at {at}"));
            assert!(refused.contains(told), "{order:?}: {refused}\nwanted {told}");
        }
    }
    assert_eq!(store.reader().head().unwrap(), head);
    assert_eq!(readable(&store, &one, "QUIX"), CANARIES);
    assert_eq!(std::fs::read_to_string(world.dir.path().join("keys/erased")).unwrap(), "");
}

fn a_second_erasure_changes_nothing(world: &World) {
    let store = create(world);
    tell(&store, 2, "QUIX");
    let first = store.erase(&order(&subject(0))).unwrap();
    let other = Order { ground: "RRD-2026-015".to_owned(), ..order(&subject(0)) };
    assert_eq!(store.erase(&other).unwrap(), first);
    assert_eq!(store.reader().head().unwrap().position, first);
    is_gone(&store, 0, "QUIX");
    assert_eq!(readable(&store, &subject(1), "QUIX"), CANARIES, "nobody else is erased");
    let list = std::fs::read_to_string(world.dir.path().join("keys/erased")).unwrap();
    assert_eq!(list, format!("{}\n", subject(0)));
}

fn nothing_personal_is_stored_again_about_one_who_was_erased(world: &World) {
    let store = create(world);
    tell(&store, 1, "QUIX");
    let erased = store.erase(&order(&subject(0))).unwrap();
    let again = store.append_blocking(told_of(0, "QUIX"), OnError::Each).unwrap();
    // What was sealed cannot be compared any more: it counts as the same, and is not stored again.
    assert!(again.iter().all(|outcome| matches!(outcome, Outcome::AlreadyStored { .. })), "{again:?}");
    for kind in ["nominal.registered", "partnership.refused"] {
        let data = r#"{"kind":"mappa","request":"Q-2","reason":"why","note":"late"}"#;
        let text = text_about(&subject(0), &format!("late-{kind}"), kind, data);
        let late = append(&store, NewEvent::parse(&text, Claim::Ignore).unwrap());
        assert_eq!(late, Outcome::Refused(Refusal::Erased { subject: subject(0).into() }));
    }
    assert_eq!(store.reader().head().unwrap().position, erased);
    let public = append(&store, meeting_of(&subject(0), "late"));
    assert_eq!(stored(&public), erased.get() + 1);
    drop(store);
    let store = reopen(world);
    let text = text_about(&subject(0), "later", "nominal.died", r#"{"note":"late"}"#);
    let late = append(&store, NewEvent::parse(&text, Claim::Ignore).unwrap());
    assert_eq!(late, Outcome::Refused(Refusal::Erased { subject: subject(0).into() }));
}

fn an_erasure_broken_off_after_its_event_is_finished_when_the_log_is_opened(world: &World) {
    let store = create(world);
    tell(&store, 1, "QUIX");
    let refuse = match world.database {
        Database::Sqlite => {
            "CREATE TRIGGER held BEFORE DELETE ON subject_keys BEGIN SELECT RAISE(ABORT, 'held'); END"
        }
        Database::Postgres(_) => {
            "CREATE FUNCTION held() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'held'; END $$;
             CREATE TRIGGER held BEFORE DELETE ON subject_keys FOR EACH ROW EXECUTE FUNCTION held()"
        }
    };
    world.tamper_keys(refuse);
    let broken = store.erase(&order(&subject(0))).unwrap_err();
    assert!(matches!(&broken, OrderError::Store(StoreError::Keys(KeysError::Database { .. }))), "{broken}");
    let recorded =
        store.reader().by_source_id("/mandate", &format!("erased:{}", subject(0))).unwrap().unwrap();
    assert_eq!(recorded.position.get(), 6, "the event is stored");
    drop(store);
    let wrapped = |world: &World| match &world.database {
        Database::Sqlite => {
            let keys = rusqlite::Connection::open(world.dir.path().join("keys.db")).unwrap();
            keys.query_row("SELECT count(*) FROM subject_keys", [], |row| row.get::<_, i64>(0))
                .unwrap()
                .to_string()
        }
        Database::Postgres(server) => {
            let sql = "SELECT count(*) FROM mandate_keys.subject_keys";
            crate::common::cluster().psql(&server.database(), sql).unwrap().trim().to_owned()
        }
    };
    assert_eq!(wrapped(world), "1", "the key is there still");
    assert!(Store::open(world_options(world)).is_err(), "while it cannot be destroyed, nothing is opened");
    world.tamper_keys(match world.database {
        Database::Sqlite => "DROP TRIGGER held",
        Database::Postgres(_) => "DROP TRIGGER held ON subject_keys",
    });
    let store = reopen(world);
    assert_eq!(wrapped(world), "0");
    is_gone(&store, 0, "QUIX");
    assert_eq!(store.reader().head().unwrap().position.get(), 6, "no second event");
}

fn world_options(world: &World) -> Options {
    Options::new(world.dir.path(), clock()).with_database(world.database.clone())
}

/// A copy of the log and one of the keys.
fn copies(world: &World) -> (tempfile::TempDir, PathBuf, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let (log, keys) = (dir.path().join("log"), dir.path().join("keys"));
    back_up(world.dir.path(), &world.database, &log, &keys, |_, _| {}).unwrap();
    (dir, log, keys)
}

/// An empty place with the key files of another, which are kept apart from every backup.
fn place_with_keys_of(world: &World) -> World {
    let place = world.another();
    let keys = place.dir.path().join("keys");
    std::fs::create_dir_all(&keys).unwrap();
    for file in std::fs::read_dir(world.dir.path().join("keys")).unwrap() {
        let file = file.unwrap();
        std::fs::copy(file.path(), keys.join(file.file_name())).unwrap();
    }
    place
}

fn a_backup_from_before_an_erasure_does_not_bring_anybody_back(world: &World) {
    let store = create(world);
    tell(&store, 2, "QUIX");
    let (_dir, log, keys) = copies(world);
    store.erase(&order(&subject(0))).unwrap();
    drop(store);
    let place = place_with_keys_of(world);
    assert_eq!(restore(&world_options(&place), &log, &keys, |_, _| {}).unwrap().get(), 10);
    let store = reopen(&place);
    is_gone(&store, 0, "QUIX");
    assert_eq!(readable(&store, &subject(1), "QUIX"), CANARIES);
    let noted = store.reader().by_position(Position::new(11)).unwrap().unwrap();
    assert_eq!((noted.fact.kind.name(), &*noted.fact.subject), ("subject.erased", &*subject(0)));
    assert!(noted.payload.contains("erased-before-restore"), "{}", noted.payload);
    drop(store);
    assert_eq!(reopen(&place).reader().head().unwrap().position.get(), 11, "noted once");
    // Without the list nothing is restored. The control: with an empty one the copy brings the person back.
    let place = place_with_keys_of(world);
    let list = place.dir.path().join("keys/erased");
    std::fs::remove_file(&list).unwrap();
    let refused = restore(&world_options(&place), &log, &keys, |_, _| {}).unwrap_err().to_string();
    assert!(refused.contains("put the list of those erased back beside the key file"), "{refused}");
    std::fs::write(&list, "").unwrap();
    restore(&world_options(&place), &log, &keys, |_, _| {}).unwrap();
    assert_eq!(readable(&reopen(&place), &subject(0), "QUIX"), CANARIES);
}

fn a_backup_that_may_only_be_read_does_not_bring_anybody_back_either(world: &World) {
    let store = create(world);
    tell(&store, 1, "QUIX");
    let (_dir, log, keys) = copies(world);
    store.erase(&order(&subject(0))).unwrap();
    store.checkpoint().unwrap().unwrap();
    drop(store);
    let place = place_with_keys_of(world);
    std::fs::copy(world.dir.path().join("checkpoints"), place.dir.path().join("checkpoints")).unwrap();
    restore(&world_options(&place), &log, &keys, |_, _| {}).unwrap();
    let store = reopen(&place);
    assert!(store.read_only().unwrap().contains("it ends at position 5"));
    is_gone(&store, 0, "QUIX");
}

fn what_is_restricted_is_kept_and_shown_again_when_that_is_lifted(world: &World) {
    let store = create(world);
    tell(&store, 2, "QUIX");
    for _ in 0..2 {
        store.restrict(&order(&subject(0))).unwrap();
        assert_eq!((readable(&store, &subject(0), "QUIX"), found_by_number(&store, 0, "QUIX")), (0, 0));
        let refused = store.keys().unseal(&sealed(&store, &subject(0))[0]).unwrap_err();
        assert!(matches!(refused, KeysError::Restricted { .. }), "{refused}");
        assert_eq!(readable(&store, &subject(1), "QUIX"), CANARIES, "nobody else");
        let more = text_about(
            &subject(0),
            &format!("{:?}", store.reader().head().unwrap().position),
            "nominal.died",
            r#"{"note":"QUIX"}"#,
        );
        stored(&append(&store, NewEvent::parse(&more, Claim::Ignore).unwrap()));
        store.lift_restriction(&order(&subject(0))).unwrap();
        assert!(readable(&store, &subject(0), "QUIX") > CANARIES, "what was told meanwhile as well");
        assert_eq!(found_by_number(&store, 0, "QUIX"), 4);
    }
    store.restrict(&order(&subject(0))).unwrap();
    drop(store);
    assert_eq!(readable(&reopen(world), &subject(0), "QUIX"), 0, "it lasts");
    // A copy of the keys from before it is brought up to it by the log.
    world.tamper_keys("DELETE FROM restricted");
    assert_eq!(readable(&reopen(world), &subject(0), "QUIX"), 0, "the log says so");
    let store = reopen(world);
    store.erase(&order(&subject(0))).unwrap();
    store.lift_restriction(&order(&subject(0))).unwrap();
    assert_eq!(readable(&store, &subject(0), "QUIX"), 0, "erased for good");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_node_stops_opening_what_is_erased_within_a_second() {
    let world = World::postgres();
    let one = create(&world);
    tell(&one, 3, "QUIX");
    let node = world.node();
    let two = reopen(&node);
    assert_eq!(readable(&two, &subject(0), "QUIX"), CANARIES, "its key is in this node's memory");
    let mut head = two.watch();
    let position = one.erase(&order(&subject(0))).unwrap();
    let begun = std::time::Instant::now();
    head.wait_for(|head| head.position >= position).await.unwrap();
    assert!(begun.elapsed() < std::time::Duration::from_secs(1), "{:?}", begun.elapsed());
    is_gone(&two, 0, "QUIX");
    let text = text_about(&subject(0), "late", "nominal.died", r#"{"note":"late"}"#);
    let late = append(&two, NewEvent::parse(&text, Claim::Ignore).unwrap());
    assert_eq!(late, Outcome::Refused(Refusal::Erased { subject: subject(0).into() }));
    assert_eq!(readable(&two, &subject(1), "QUIX"), CANARIES);
    one.restrict(&order(&subject(1))).unwrap();
    let position = one.restrict(&order(&subject(2))).unwrap();
    head.wait_for(|head| head.position >= position).await.unwrap();
    assert_eq!(readable(&two, &subject(1), "QUIX"), 0, "restricted on the other node");
    let position = one.lift_restriction(&order(&subject(1))).unwrap();
    head.wait_for(|head| head.position >= position).await.unwrap();
    assert_eq!(readable(&two, &subject(1), "QUIX"), CANARIES, "and shown again");
}

/// Names the folder to the child.
const DIR: &str = "MANDATE_STORE_MEMORY_DIR";

/// A process that opens a log, reads whatever it can of everybody, keeps it, and waits to be ended.
///
/// Alone it is a test of its own, which ends.
#[test]
fn a_process_reads_what_it_can_of_everybody() {
    let own = World::sqlite();
    let child = std::env::var(DIR).ok();
    let folder = child.as_ref().map_or_else(|| own.dir.path().to_owned(), PathBuf::from);
    if child.is_none() {
        tell(&create(&own), 1, "QUIX");
    }
    let store = reopen(folder.as_path());
    let events = store.reader().read_after(Position::START, usize::MAX).unwrap().events;
    let opened: Vec<_> = events.iter().filter_map(|event| store.keys().unseal(event).ok()).collect();
    let read: usize = opened.iter().map(|private| private.iter().count()).sum();
    println!("+ {read}");
    std::io::stdout().flush().unwrap();
    if child.is_some() {
        std::io::stdin().lines().next();
    } else {
        assert_eq!(read, 10);
    }
}

struct Reading(Child);

impl Drop for Reading {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

/// A child that has read what it can; how many fields that were.
fn read_by_another_process(folder: &Path) -> (Reading, usize) {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", "erasure::a_process_reads_what_it_can_of_everybody", "--nocapture"])
        .env(DIR, folder);
    let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut child = Reading(child);
    let lines = BufReader::new(child.0.stdout.take().unwrap()).lines();
    let told =
        lines.map(Result::unwrap).find_map(|line| Some(line.split_once("+ ")?.1.trim().parse().unwrap()));
    (child, told.unwrap())
}

#[test]
fn the_memory_of_a_process_that_was_started_anew_holds_nothing_of_the_erased() {
    let world = World::sqlite();
    let store = create(&world);
    // Put together here alone, so that the program itself does not hold it.
    let mark = ["QUIX", "MEM", "RY"].concat();
    tell(&store, 20, &mark);
    drop(store);
    let (child, read) = read_by_another_process(world.dir.path());
    let (found, bytes) = in_memory_of(child.0.id(), &mark);
    assert!(
        read > 0 && found >= 20 * CANARIES,
        "the control: {found} canaries in {bytes} bytes, {read} fields"
    );
    drop(child);
    let store = reopen(&world);
    for n in 0..20 {
        store.erase(&order(&subject(n))).unwrap();
    }
    drop(store);
    let (child, read) = read_by_another_process(world.dir.path());
    let (found, bytes) = in_memory_of(child.0.id(), &mark);
    assert_eq!((found, read), (0, 0), "in {bytes} bytes");
    let (known, _) = in_memory_of(child.0.id(), "subject.erased");
    assert!(
        bytes > 1_000_000 && known > 0,
        "the search sees the events that it read: {known} in {bytes} bytes"
    );
}

fn after_a_rotation_everything_opens_and_no_older_copy_of_the_keys_does(world: &World) {
    let store = create(world);
    tell(&store, 3, "QUIX");
    let (_dir, log, keys) = copies(world);
    drop(store);
    let old_key = std::fs::read(world_options(world).key_file).unwrap();
    assert_eq!(Store::rotate_keys(&world_options(world)).unwrap(), 3);
    assert_ne!(std::fs::read(world_options(world).key_file).unwrap(), old_key);
    for turn in 0..2 {
        let store = reopen(world);
        for n in 0..3 {
            assert_eq!(
                (readable(&store, &subject(n), "QUIX"), found_by_number(&store, n, "QUIX")),
                (CANARIES, 4)
            );
        }
        tell_more(&store, turn);
        drop(store);
        Store::rotate_keys(&world_options(world)).unwrap();
    }
    let place = place_with_keys_of(world);
    restore(&world_options(&place), &log, &keys, |_, _| {}).unwrap();
    let refused = Store::open(world_options(&place)).unwrap_err().to_string();
    assert!(refused.contains("made with another key than that in"), "{refused}");
    // The control: with a copy of the old key file the old copy opens.
    std::fs::write(world_options(&place).key_file, old_key).unwrap();
    assert_eq!(readable(&reopen(&place), &subject(0), "QUIX"), CANARIES);
}

/// A new person, found by number, and something more of an old one.
fn tell_more(store: &Store, turn: usize) {
    let n = 10 + turn;
    store.append_blocking(told_of(n, "QUIX"), OnError::All).unwrap();
    assert_eq!((readable(store, &subject(n), "QUIX"), found_by_number(store, n, "QUIX")), (CANARIES, 4));
}

fn a_rotation_broken_off_before_the_key_file_is_finished_when_the_log_is_opened(world: &World) {
    let store = create(world);
    tell(&store, 2, "QUIX");
    drop(store);
    let key_file = world_options(world).key_file;
    let new_file = key_file.with_file_name("kek.new");
    let old = std::fs::read(&key_file).unwrap();
    // Broken off before the keys were wrapped anew: the old key is in force, and the new one is used next time.
    let other = tempfile::tempdir().unwrap();
    Keys::create(&other.path().join("kek")).unwrap();
    std::fs::copy(other.path().join("kek"), &new_file).unwrap();
    assert_eq!(readable(&reopen(world), &subject(0), "QUIX"), CANARIES);
    assert_eq!(std::fs::read(&key_file).unwrap(), old);
    Store::rotate_keys(&world_options(world)).unwrap();
    let new = std::fs::read(&key_file).unwrap();
    assert_eq!(new, std::fs::read(other.path().join("kek")).unwrap());
    assert!(!new_file.exists());
    // Broken off between the keys and the key file.
    std::fs::copy(&key_file, &new_file).unwrap();
    std::fs::write(&key_file, &old).unwrap();
    let store = reopen(world);
    assert_eq!((readable(&store, &subject(1), "QUIX"), found_by_number(&store, 1, "QUIX")), (CANARIES, 4));
    assert_eq!(std::fs::read(&key_file).unwrap(), new);
    assert!(!new_file.exists());
    append(&store, meeting("after"));
}

#[test]
fn keys_are_not_rotated_while_the_log_is_open() {
    let world = World::sqlite();
    let store = create(&world);
    assert!(matches!(Store::rotate_keys(&world_options(&world)), Err(StoreError::InUse { .. })));
    drop(store);
    assert_eq!(Store::rotate_keys(&world_options(&world)).unwrap(), 0);
}

both! {
    an_order_that_lacks_something_is_refused_and_changes_nothing,
    a_second_erasure_changes_nothing,
    nothing_personal_is_stored_again_about_one_who_was_erased,
    an_erasure_broken_off_after_its_event_is_finished_when_the_log_is_opened,
    a_backup_from_before_an_erasure_does_not_bring_anybody_back,
    a_backup_that_may_only_be_read_does_not_bring_anybody_back_either,
    what_is_restricted_is_kept_and_shown_again_when_that_is_lifted,
    after_a_rotation_everything_opens_and_no_older_copy_of_the_keys_does,
    a_rotation_broken_off_before_the_key_file_is_finished_when_the_log_is_opened,
}
