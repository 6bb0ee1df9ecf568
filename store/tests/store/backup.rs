//! A copy of a log and its keys, apart, and back again: the same bytes, whatever database either is in.

use std::path::PathBuf;

use mandate_store::{Database, OnError, Options, Outcome, Position, Store, StoreError, back_up, restore};
use mandate_verify::check::{self, Verdict};
use tempfile::TempDir;

use crate::common::{
    World, append, clock, create, grow, leaves, meeting, place, reopen, stored, tree, varied,
};
use crate::insider::Whole;

struct Copies {
    _dir: TempDir,
    log: PathBuf,
    keys: PathBuf,
}

fn options(world: &World) -> Options {
    Options::new(world.dir.path(), clock()).with_database(world.database.clone())
}

fn copies(world: &World) -> Copies {
    let dir = tempfile::tempdir().unwrap();
    let (log, keys) = (dir.path().join("log"), dir.path().join("keys"));
    let mut told = Vec::new();
    let events =
        back_up(world.dir.path(), &world.database, &log, &keys, |at, last| told.push((at, last))).unwrap();
    assert!(told.last().is_none_or(|(at, last)| at == last && *at == events.get()), "{told:?}");
    Copies { _dir: dir, log, keys }
}

/// A place for a log with the key files of another log, which are in no copy.
fn beside(world: World, keys_of: &World) -> World {
    let keys = world.dir.path().join("keys");
    std::fs::create_dir_all(&keys).unwrap();
    for name in ["kek", "signing", "erased"] {
        std::fs::copy(keys_of.dir.path().join("keys").join(name), keys.join(name)).unwrap();
    }
    world
}

fn the_same(one: &Store, two: &Store) {
    let (before, after) = (Whole::read(one), Whole::read(two));
    assert_eq!(before.rows, after.rows, "every byte of every row");
    assert_eq!(before.checkpoints, after.checkpoints);
    assert_eq!(one.reader().head().unwrap(), two.reader().head().unwrap());
    assert_eq!(tree(&leaves(one)).root(), tree(&leaves(two)).root());
    let key = one.verifying_key().unwrap();
    let brought: Vec<String> = before.checkpoints.iter().map(|(_, note)| note.clone()).collect();
    let found = two.reader().verify(Some(key), &brought, |_, _| {}).unwrap();
    assert_eq!(found.exit_code(), 0, "{found:?}");
    let sealed = two.reader().by_position(Position::new(1)).unwrap().unwrap();
    assert!(!two.keys().unseal(&sealed).unwrap().is_empty());
    assert_eq!(one.keys().unseal(&sealed).unwrap(), two.keys().unseal(&sealed).unwrap());
    let crn = |store: &Store| store.keys().find(mandate_store::Identifier::Crn, "X000000").unwrap();
    assert_eq!((crn(one), crn(two)), (Some("nominal/N-0".to_owned()), Some("nominal/N-0".to_owned())));
}

/// Backs up from one database and restores into another: nothing is lost, and the log goes on there.
fn there_and_on(from: &World, to: World) {
    let store = create(from);
    grow(&store, 45);
    let copies = copies(from);
    // The copy is a log of its own, which anybody can verify without a key.
    let reader = Store::open_read_only(&copies.log, &Database::Sqlite).unwrap();
    let found = reader.verify(store.verifying_key(), &[], |_, _| {}).unwrap();
    assert_eq!(found.exit_code(), 0, "{found:?}");
    let to = beside(to, from);
    std::fs::copy(from.dir.path().join("checkpoints"), to.dir.path().join("checkpoints")).unwrap();
    let events = restore(&options(&to), &copies.log, &copies.keys, |_, _| {}).unwrap();
    assert_eq!(events.get(), 45);
    let restored = reopen(&to);
    assert_eq!(restored.read_only(), None);
    the_same(&store, &restored);
    // Repeats are known, and what is new is appended and signed.
    let again = restored.append_blocking((0..45).map(varied).collect(), OnError::All).unwrap();
    assert!(again.iter().all(|outcome| matches!(outcome, Outcome::AlreadyStored { .. })), "{again:?}");
    grow(&restored, 60);
    let key = restored.verifying_key().unwrap().clone();
    let mut bundle = Vec::new();
    restored.reader().export_bundle(&mut bundle, mandate_store::Part::default(), &[]).unwrap();
    let older = store.reader().checkpoints(Position::new(45), 1).unwrap().remove(0).note;
    let report = check::verify(bundle.as_slice(), &key, &[older]).unwrap();
    assert!(matches!(report.verdict, Verdict::Ok { first: 1, last: 60, .. }), "{report}");
    let refused = restore(&options(&to), &copies.log, &copies.keys, |_, _| {}).unwrap_err();
    assert!(matches!(refused, StoreError::InUse { .. }), "{refused}");
    drop(restored);
    let refused = restore(&options(&to), &copies.log, &copies.keys, |_, _| {}).unwrap_err();
    assert!(matches!(refused, StoreError::NotEmpty { .. }), "{refused}");
    assert_eq!(reopen(&to).reader().head().unwrap().position.get(), 60, "nothing was touched");
}

#[test]
fn from_sqlite_to_sqlite_nothing_is_lost() {
    there_and_on(&World::sqlite(), World::sqlite());
}

#[test]
fn from_sqlite_to_postgresql_nothing_is_lost() {
    there_and_on(&World::sqlite(), World::postgres());
}

#[test]
fn from_postgresql_to_sqlite_nothing_is_lost() {
    there_and_on(&World::postgres(), World::sqlite());
}

#[test]
fn from_postgresql_to_postgresql_nothing_is_lost() {
    there_and_on(&World::postgres(), World::postgres());
}

fn a_copy_that_was_altered_is_refused_with_the_position(world: &World) {
    let store = create(world);
    grow(&store, 30);
    let copies = copies(world);
    let untouched = std::fs::read(copies.log.join("log.db")).unwrap();
    for (change, told) in [
        (
            "UPDATE events SET actor = 'x' WHERE position = 17",
            "position 17 cannot be read: it does not agree with its leaf",
        ),
        ("DELETE FROM events WHERE position = 17", "position 17 is missing from the log"),
        ("UPDATE events SET leaf = zeroblob(32) WHERE position = 17", "position 17 cannot be read"),
        ("UPDATE head SET position = 29", "the tree in the head row is not one of 29 events"),
        (
            "UPDATE head SET frontier = zeroblob(length(frontier))",
            "the tree in the head row is not one of 30 events",
        ),
        ("UPDATE head SET position = 22", "the tree in the head row is not one of 22 events"),
    ] {
        std::fs::write(copies.log.join("log.db"), &untouched).unwrap();
        let connection = rusqlite::Connection::open(copies.log.join("log.db")).unwrap();
        let triggers = "DROP TRIGGER events_refuse_update; DROP TRIGGER events_refuse_delete; DROP TRIGGER head_refuse_back";
        connection.execute_batch(&format!("{triggers}; {change}")).unwrap();
        drop(connection);
        let to = beside(world.another(), world);
        let refused = restore(&options(&to), &copies.log, &copies.keys, |_, _| {}).unwrap_err().to_string();
        assert!(refused.contains(told), "{change}: {refused}");
    }
    std::fs::write(copies.log.join("log.db"), &untouched).unwrap();
    let to = beside(world.another(), world);
    assert_eq!(
        restore(&options(&to), &copies.log, &copies.keys, |_, _| {}).unwrap().get(),
        30,
        "the control"
    );
}

fn a_log_that_was_altered_is_not_copied(world: &World) {
    let store = create(world);
    grow(&store, 20);
    world.tamper_with("UPDATE events SET command_id = 'x' WHERE position = 9");
    let dir = tempfile::tempdir().unwrap();
    let (log, keys) = (dir.path().join("log"), dir.path().join("keys"));
    let refused = back_up(world.dir.path(), &world.database, &log, &keys, |_, _| {}).unwrap_err().to_string();
    assert!(refused.starts_with("the event at position 9 cannot be read"), "{refused}");
}

fn a_copy_older_than_the_published_checkpoint_is_read_only_until_a_later_one_is_restored(world: &World) {
    let store = create(world);
    grow(&store, 20);
    let older = copies(world);
    grow(&store, 40);
    let later = copies(world);
    drop(store);
    let with_published = |copies: &Copies| {
        let to = beside(world.another(), world);
        std::fs::copy(world.dir.path().join("checkpoints"), to.dir.path().join("checkpoints")).unwrap();
        restore(&options(&to), &copies.log, &copies.keys, |_, _| {}).unwrap();
        to
    };
    let to = with_published(&older);
    let restored = reopen(&to);
    let told = restored.read_only().unwrap();
    assert!(
        told.starts_with("it ends at position 20, and a checkpoint of 40 events was published"),
        "{told}"
    );
    assert!(told.ends_with("restore a later backup, or move that file away to accept the loss"), "{told}");
    let refused = restored.append_blocking(vec![meeting("late")], OnError::Each).unwrap_err();
    assert!(matches!(refused, StoreError::ReadOnly { .. }), "{refused}");
    assert_eq!(Whole::read(&restored).rows.len(), 20);
    let to = with_published(&later);
    let restored = reopen(&to);
    assert_eq!(restored.read_only(), None);
    assert_eq!(stored(&append(&restored, meeting("late"))), 41);
}

fn a_copy_made_beside_a_writer_is_the_beginning_of_its_log(world: &World) {
    let store = create(world);
    grow(&store, 20);
    let done = std::sync::atomic::AtomicBool::new(false);
    let made: Vec<Copies> = std::thread::scope(|scope| {
        let writing = scope.spawn(|| {
            let mut n = 20;
            while !done.load(std::sync::atomic::Ordering::Relaxed) && n < 50_000 {
                store.append_blocking((n..n + 5).map(varied).collect(), OnError::All).unwrap();
                store.checkpoint().unwrap();
                n += 5;
            }
        });
        let made = (0..5).map(|_| copies(world)).collect();
        done.store(true, std::sync::atomic::Ordering::Relaxed);
        writing.join().unwrap();
        made
    });
    let whole = Whole::read(&store);
    for copies in made {
        let to = beside(World::sqlite(), world);
        let events = restore(&options(&to), &copies.log, &copies.keys, |_, _| {}).unwrap();
        let events = place(events.get());
        assert!(events >= 20);
        let restored = reopen(&to);
        let copy = Whole::read(&restored);
        assert_eq!(copy.rows, whole.rows[..events]);
        assert!(whole.checkpoints.starts_with(&copy.checkpoints));
        let found = restored.reader().verify(store.verifying_key(), &[], |_, _| {}).unwrap();
        assert!(
            found.problems.is_empty() && (found.exit_code() == 0 || found.not_signed_yet().is_some()),
            "{found:?}"
        );
        for event in restored.reader().read_after(Position::START, usize::MAX).unwrap().events {
            restored.keys().unseal(&event).unwrap();
        }
    }
}

fn a_folder_that_has_something_in_it_is_not_written_to(world: &World) {
    let store = create(world);
    grow(&store, 3);
    let dir = tempfile::tempdir().unwrap();
    let (log, keys) = (dir.path().join("log"), dir.path().join("keys"));
    std::fs::create_dir(&keys).unwrap();
    std::fs::write(keys.join("mine"), "x").unwrap();
    let refused = back_up(world.dir.path(), &world.database, &log, &keys, |_, _| {}).unwrap_err();
    assert!(matches!(&refused, StoreError::NotEmpty { path } if *path == keys), "{refused}");
    assert_eq!(std::fs::read_dir(&keys).unwrap().count(), 1);
}

#[test]
fn without_a_log_there_is_nothing_to_copy_and_nothing_is_made() {
    let world = World::sqlite();
    let dir = tempfile::tempdir().unwrap();
    let (log, keys) = (dir.path().join("log"), dir.path().join("keys"));
    let refused = back_up(world.dir.path(), &world.database, &log, &keys, |_, _| {}).unwrap_err();
    assert!(matches!(refused, StoreError::NoLog { .. }), "{refused}");
    let refused = restore(&options(&world), &log, &keys, |_, _| {}).unwrap_err();
    assert!(matches!(refused, StoreError::NoLog { .. }), "{refused}");
    assert!(!world.dir.path().join("log.db").exists());
}

both! {
    a_copy_that_was_altered_is_refused_with_the_position,
    a_log_that_was_altered_is_not_copied,
    a_copy_older_than_the_published_checkpoint_is_read_only_until_a_later_one_is_restored,
    a_copy_made_beside_a_writer_is_the_beginning_of_its_log,
    a_folder_that_has_something_in_it_is_not_written_to,
}
