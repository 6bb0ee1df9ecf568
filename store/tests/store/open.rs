//! Opening: locks, key files, foreign files, settings.

use std::os::unix::fs::PermissionsExt;

use mandate_store::{Database, Keys, Options, Position, Store, StoreError};

use crate::common::{append, clock, create, meeting};

#[test]
fn a_second_opening_is_refused_with_the_id_of_the_process_that_holds_it() {
    let dir = tempfile::tempdir().unwrap();
    let store = create(dir.path());
    let refused = Store::open(Options::new(dir.path(), clock())).unwrap_err();
    let holder = format!("in use by process {};", std::process::id());
    assert!(refused.to_string().contains(&holder), "{refused}");
    drop(store);
    assert!(Store::open(Options::new(dir.path(), clock())).is_ok(), "free again");
}

#[test]
fn a_clone_keeps_the_log_open() {
    let dir = tempfile::tempdir().unwrap();
    let store = create(dir.path());
    let clone = store.clone();
    drop(store);
    append(&clone, meeting("a"));
    assert!(Store::open(Options::new(dir.path(), clock())).is_err());
}

#[test]
fn without_a_key_file_nothing_is_opened_and_the_error_says_what_to_do() {
    let dir = tempfile::tempdir().unwrap();
    let refused = Store::open(Options::new(dir.path(), clock())).unwrap_err().to_string();
    assert!(
        refused.ends_with("run `mandate init` for a new log, or put back the key of this one"),
        "{refused}"
    );
    assert!(!Store::exists(dir.path()));
    assert!(matches!(Store::open_read_only(dir.path(), &Database::Sqlite), Err(StoreError::NoLog { .. })));
}

#[test]
fn a_key_file_is_never_replaced_and_its_owner_alone_can_read_it() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("deep").join("kek");
    Keys::create(&path).unwrap();
    assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let before = std::fs::read(&path).unwrap();
    assert!(Keys::create(&path).is_err());
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

#[test]
fn a_key_file_that_others_can_read_or_that_is_another_logs_or_none_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    drop(create(dir.path()));
    let open = |key_file: &std::path::Path| {
        let options = Options::new(dir.path(), clock()).with_key_file(key_file);
        Store::open(options).unwrap_err().to_string()
    };
    let other = dir.path().join("other");
    Keys::create(&other).unwrap();
    assert!(open(&other).contains("made with another key than that in"));
    std::fs::set_permissions(&other, std::fs::Permissions::from_mode(0o640)).unwrap();
    assert!(open(&other).contains("others can read the key file (mode 640)"));
    std::fs::write(&other, "mandate-kek-v1 0123\n").unwrap();
    std::fs::set_permissions(&other, std::fs::Permissions::from_mode(0o600)).unwrap();
    assert!(open(&other).contains("not a key file"));
}

#[test]
fn a_file_of_another_program_is_refused_and_left_as_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let options = Options::new(dir.path(), clock());
    Keys::create(&options.key_file).unwrap();
    let path = dir.path().join("log.db");
    rusqlite::Connection::open(&path).unwrap().execute_batch("CREATE TABLE theirs (a)").unwrap();
    let before = std::fs::read(&path).unwrap();
    assert!(matches!(Store::open(options), Err(StoreError::NotOurs { .. })));
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

#[test]
fn the_first_opening_makes_an_empty_log_that_only_its_owner_can_enter() {
    let dir = tempfile::tempdir().unwrap();
    let key_dir = tempfile::tempdir().unwrap();
    let key_file = key_dir.path().join("kek");
    Keys::create(&key_file).unwrap();
    let data_dir = dir.path().join("new");
    let store = Store::open(Options::new(&data_dir, clock()).with_key_file(key_file)).unwrap();
    assert_eq!(data_dir.metadata().unwrap().permissions().mode() & 0o777, 0o700);
    assert_eq!(store.reader().head().unwrap().position, Position::START);
    assert!(store.reader().read_after(Position::START, 10).unwrap().events.is_empty());
}

#[test]
fn every_file_of_a_log_can_be_read_by_its_owner_only() {
    let dir = tempfile::tempdir().unwrap();
    let store = create(dir.path());
    append(&store, meeting("a"));
    for name in ["log.db", "log.db-wal", "keys.db", "keys/kek"] {
        let mode = dir.path().join(name).metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
}

#[test]
fn a_log_whose_keys_are_gone_is_refused_until_they_are_put_back() {
    let dir = tempfile::tempdir().unwrap();
    let store = create(dir.path());
    append(&store, meeting("a"));
    drop(store);
    let (keys, away) = (dir.path().join("keys.db"), dir.path().join("keys.away"));
    std::fs::rename(&keys, &away).unwrap();
    for _ in 0..2 {
        let refused = Store::open(Options::new(dir.path(), clock())).unwrap_err().to_string();
        assert!(refused.contains("keys.db: the keys of this log are gone; put them back"), "{refused}");
    }
    for name in ["keys.db-wal", "keys.db-shm"] {
        let _ = std::fs::remove_file(dir.path().join(name));
    }
    std::fs::rename(&away, &keys).unwrap();
    assert!(Store::open(Options::new(dir.path(), clock())).is_ok());
}

#[test]
fn a_log_that_was_closed_is_whole_in_its_file_also_while_somebody_reads_it() {
    let dir = tempfile::tempdir().unwrap();
    let store = create(dir.path());
    append(&store, meeting("a"));
    let reader = Store::open_read_only(dir.path(), &Database::Sqlite).unwrap();
    assert_eq!(reader.head().unwrap().position, Position::new(1));
    drop(store);
    let elsewhere = tempfile::tempdir().unwrap();
    std::fs::copy(dir.path().join("log.db"), elsewhere.path().join("log.db")).unwrap();
    let copy = Store::open_read_only(elsewhere.path(), &Database::Sqlite).unwrap();
    assert_eq!(copy.head().unwrap().position, Position::new(1));
}
