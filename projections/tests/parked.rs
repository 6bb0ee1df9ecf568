//! One bad event stops only its subject; a log with a hole stops everything, loudly (spec 6, R4 and R12).
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::sync::Arc;

use mandate_domain::time::{Instant, VirtualClock};
use mandate_projections::{DutyFilter, ProjectionError, Projections};
use mandate_store::{Claim, Keys, NewEvent, OnError, Options, Position, Store, StoreError};

const LEVEL_2: &str = r#"{"registration":"R1","category":2,"level":2,"area":"area/A1"}"#;
const OWNED: &str = r#"{"owner":"area/A1"}"#;

fn at(text: &str) -> Instant {
    Instant::parse(text).unwrap()
}

struct Bench {
    folder: tempfile::TempDir,
    clock: Arc<VirtualClock>,
    store: Store,
    projections: Projections,
}

impl Bench {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(VirtualClock::new(at("2026-03-02T09:00:00Z")));
        Keys::create(&folder.path().join("keys/kek")).unwrap();
        let store = Store::open(Options::new(folder.path(), clock.clone())).unwrap();
        let projections = Projections::open(folder.path(), &store).unwrap();
        Self { folder, clock, store, projections }
    }

    /// States a fact at nine on a day of March; answers with its position.
    fn state(&self, day: u8, kind: &str, subject: &str, id: &str, data: &str) -> u64 {
        self.state_of(day, day, kind, subject, id, data)
    }

    /// The same of a fact of another day.
    fn state_of(&self, day: u8, of: u8, kind: &str, subject: &str, id: &str, data: &str) -> u64 {
        self.clock.set(at(&format!("2026-03-{day:02}T09:00:00Z")));
        let time = format!("2026-03-{of:02}T09:00:00Z");
        let text = format!(
            r#"{{"specversion":"1.0","id":"{id}","source":"/t","type":"{kind}","subject":"{subject}","time":"{time}","data":{data}}}"#
        );
        let event = NewEvent::parse(&text, Claim::Ignore).unwrap();
        let outcome = self.store.append_blocking(vec![event], OnError::All).unwrap();
        outcome[0].position().unwrap().get()
    }

    /// Does to the log what nobody may.
    fn tamper(&self, sql: &str) {
        let log = rusqlite::Connection::open(self.folder.path().join("log.db")).unwrap();
        let triggers: Vec<String> = log
            .prepare("SELECT name FROM sqlite_master WHERE type = 'trigger'")
            .unwrap()
            .query_map([], |row| row.get(0))
            .unwrap()
            .map(Result::unwrap)
            .collect();
        for trigger in triggers {
            log.execute_batch(&format!("DROP TRIGGER {trigger}")).unwrap();
        }
        log.execute_batch(sql).unwrap();
    }

    fn break_event(&self, position: u64) {
        self.tamper(&format!(
            "UPDATE events SET payload = replace(payload, '\"specversion\"', '\"specVersion\"') \
             WHERE position = {position}"
        ));
    }

    fn mend_event(&self, position: u64) {
        self.tamper(&format!(
            "UPDATE events SET payload = replace(payload, '\"specVersion\"', '\"specversion\"') \
             WHERE position = {position}"
        ));
    }

    fn advance(&self, day: u8) -> Result<(), ProjectionError> {
        self.projections.advance(at(&format!("2026-03-{day:02}T12:00:00Z"))).map(drop)
    }

    /// Each duty with its outcome and whether it is parked.
    fn duties(&self) -> Vec<(String, String, bool)> {
        let rows = self.projections.duties(&DutyFilter { size: 1000, ..DutyFilter::default() }).unwrap();
        let mut duties: Vec<_> =
            rows.content.into_iter().map(|row| (row.record.duty, row.record.outcome, row.parked)).collect();
        duties.sort();
        duties
    }

    fn parked(&self) -> Vec<(String, u64)> {
        let parked = self.projections.parked().unwrap();
        parked.into_iter().map(|parked| (parked.subject, parked.position.get())).collect()
    }

    fn assert_a_rebuild_gives_the_same(&self) {
        let compared = Projections::compare(self.folder.path(), self.store.reader()).unwrap();
        assert!(compared.differences.is_empty(), "{:#?}", compared.differences);
        assert_eq!(compared.live, compared.rebuilt);
    }
}

fn duty(duty: &str, outcome: &str, parked: bool) -> (String, String, bool) {
    (duty.to_owned(), outcome.to_owned(), parked)
}

#[test]
fn an_event_that_cannot_be_decoded_parks_its_subject_and_the_others_go_on() {
    let bench = Bench::new();
    bench.state(2, "mappa.registered", "nominal/N1", "a", LEVEL_2);
    bench.state(2, "mappa.registered", "nominal/N2", "b", LEVEL_2);
    let bad = bench.state(4, "record.created", "nominal/N1", "c", OWNED);
    bench.state(5, "record.created", "nominal/N2", "d", OWNED);
    bench.break_event(bad);
    bench.advance(20).unwrap();
    // N1 stays as it was on the 4th: not met, and not overdue either.
    let expected =
        [duty("4.10:nominal/N1:/t#a", "pending", true), duty("4.10:nominal/N2:/t#b", "met", false)];
    assert_eq!(bench.duties(), expected);
    assert_eq!(bench.parked(), [("nominal/N1".to_owned(), bad)]);
    assert!(bench.projections.subject("nominal/N1").unwrap().unwrap().parked);
    bench.assert_a_rebuild_gives_the_same();
    // What is told of it later changes nothing.
    bench.state(21, "record.created", "nominal/N1", "e", OWNED);
    bench.advance(22).unwrap();
    assert_eq!(bench.duties(), expected);
    bench.assert_a_rebuild_gives_the_same();
}

#[test]
fn a_parked_subject_of_which_something_was_told_in_advance_stands_as_in_tables_made_anew() {
    let bench = Bench::new();
    bench.state(2, "mappa.registered", "nominal/N1", "a", LEVEL_2);
    bench.state_of(3, 25, "meeting.held", "nominal/N1", "b", r#"{"meeting":"M","level":1}"#);
    bench.advance(4).unwrap();
    let bad = bench.state(5, "record.created", "nominal/N1", "c", OWNED);
    bench.break_event(bad);
    bench.advance(6).unwrap();
    assert_eq!(bench.parked(), [("nominal/N1".to_owned(), bad)]);
    bench.assert_a_rebuild_gives_the_same();
    bench.advance(26).unwrap();
    bench.assert_a_rebuild_gives_the_same();
}

#[test]
fn what_is_mended_is_followed_again_from_where_it_was_parked() {
    let bench = Bench::new();
    bench.state(2, "mappa.registered", "nominal/N1", "a", LEVEL_2);
    let bad = bench.state(4, "case.transferred", "nominal/N1", "c", r#"{"to":"area/A2"}"#);
    bench.break_event(bad);
    bench.advance(20).unwrap();
    assert_eq!(bench.parked().len(), 1);
    assert_eq!(bench.projections.retry(None).unwrap(), 1);
    bench.advance(20).unwrap();
    assert_eq!(bench.parked(), [("nominal/N1".to_owned(), bad)], "it is no better than before");
    bench.mend_event(bad);
    bench.projections.retry(Some("nominal/N1")).unwrap();
    bench.advance(21).unwrap();
    assert_eq!(bench.parked(), []);
    assert_eq!(bench.duties(), [duty("4.10:nominal/N1:/t#a", "overdue", false)]);
    bench.assert_a_rebuild_gives_the_same();
}

#[test]
fn a_subject_merged_with_one_that_is_parked_is_parked_too() {
    let bench = Bench::new();
    bench.state(2, "mappa.registered", "nominal/N1", "a", LEVEL_2);
    bench.state(2, "mappa.registered", "nominal/N2", "b", LEVEL_2);
    let bad = bench.state(4, "record.created", "nominal/N1", "c", OWNED);
    bench.break_event(bad);
    bench.advance(10).unwrap();
    let merge = bench.state(12, "nominal.merged", "nominal/N2", "d", r#"{"into":"nominal/N1"}"#);
    bench.advance(20).unwrap();
    assert_eq!(bench.parked(), [("nominal/N1".to_owned(), bad), ("nominal/N2".to_owned(), merge)]);
    let expected =
        [duty("4.10:nominal/N1:/t#a", "pending", true), duty("4.10:nominal/N2:/t#b", "overdue", true)];
    assert_eq!(bench.duties(), expected);
    bench.assert_a_rebuild_gives_the_same();
}

#[test]
fn a_policy_that_cannot_be_read_is_parked_and_the_one_before_it_stays_in_force() {
    let bench = Bench::new();
    bench.state(2, "mappa.registered", "nominal/N1", "a", LEVEL_2);
    let text = r#"{"version":"9","effective_from":"2026-03-01","text":"no policy","sha256":"00","approved_by":"user/U1"}"#;
    let policy = bench.state(3, "policy.adopted", "policy/framework", "p", text);
    bench.advance(20).unwrap();
    assert_eq!(bench.duties(), [duty("4.10:nominal/N1:/t#a", "overdue", false)]);
    assert_eq!(bench.parked(), [("policy/framework".to_owned(), policy)]);
    bench.assert_a_rebuild_gives_the_same();
}

#[test]
fn a_hole_in_the_log_stops_everything_and_the_checkpoint_stays() {
    let bench = Bench::new();
    for (n, id) in (1..=6).zip(["a", "b", "c", "d", "e", "f"]) {
        bench.state(2, "mappa.registered", &format!("nominal/N{n}"), id, LEVEL_2);
    }
    bench.projections.advance_in_pages(at("2026-03-02T09:00:00Z"), 2).unwrap();
    bench.state(3, "record.created", "nominal/N1", "g", OWNED);
    bench.state(3, "record.created", "nominal/N2", "h", OWNED);
    let before = bench.projections.progress().unwrap();
    let tables = bench.projections.tables().unwrap();
    bench.tamper("DELETE FROM events WHERE position = 7");
    let failed = bench.advance(20).unwrap_err();
    let missing = Position::new(7);
    assert!(
        matches!(failed, ProjectionError::Log(StoreError::Gap { missing: m, .. }) if m == missing),
        "{failed}"
    );
    assert_eq!(bench.projections.progress().unwrap(), before);
    assert_eq!(bench.projections.tables().unwrap(), tables);
    assert!(matches!(
        Projections::rebuild(bench.folder.path(), &bench.store),
        Err(ProjectionError::Log(StoreError::Gap { .. }))
    ));
}

#[test]
fn an_error_of_the_database_stops_a_page_whole() {
    let bench = Bench::new();
    bench.state(2, "mappa.registered", "nominal/N1", "a", LEVEL_2);
    bench.advance(2).unwrap();
    bench.state(3, "record.created", "nominal/N1", "b", OWNED);
    let before = bench.projections.progress().unwrap();
    bench.tamper("ALTER TABLE events RENAME TO elsewhere");
    assert!(matches!(bench.advance(4), Err(ProjectionError::Log(StoreError::Database { .. }))));
    assert_eq!(bench.projections.progress().unwrap(), before);
    bench.tamper("ALTER TABLE elsewhere RENAME TO events");
    bench.advance(4).unwrap();
    assert_eq!(bench.duties(), [duty("4.10:nominal/N1:/t#a", "met", false)]);
    bench.assert_a_rebuild_gives_the_same();
}

#[test]
fn of_a_merged_set_that_is_parked_one_is_named_and_all_are_followed_again() {
    for named in ["nominal/N1", "nominal/N2"] {
        let bench = Bench::new();
        bench.state(2, "mappa.registered", "nominal/N1", "a", LEVEL_2);
        bench.state(2, "mappa.registered", "nominal/N2", "b", LEVEL_2);
        bench.state(3, "nominal.merged", "nominal/N2", "m", r#"{"into":"nominal/N1"}"#);
        let bad = bench.state(4, "record.created", "nominal/N2", "c", OWNED);
        bench.break_event(bad);
        bench.advance(20).unwrap();
        let both = [("nominal/N1".to_owned(), bad), ("nominal/N2".to_owned(), bad)];
        assert_eq!(bench.parked(), both);
        // Tables made anew park what cannot be read still.
        assert_eq!(bench.projections.retry(Some(named)).unwrap(), 1, "{named}");
        bench.advance(20).unwrap();
        assert_eq!(bench.parked(), both, "{named}");
        bench.mend_event(bad);
        assert_eq!(bench.projections.retry(Some(named)).unwrap(), 1, "{named}");
        bench.advance(20).unwrap();
        assert_eq!(bench.parked(), [], "{named}");
        assert!(bench.duties().iter().all(|(_, outcome, parked)| outcome == "met" && !parked));
        bench.assert_a_rebuild_gives_the_same();
    }
}

#[test]
fn after_an_error_in_the_middle_of_a_step_memory_and_tables_are_in_step() {
    let bench = Bench::new();
    bench.state(2, "mappa.registered", "nominal/N1", "a", LEVEL_2);
    bench.advance(2).unwrap();
    let tables = || rusqlite::Connection::open(bench.folder.path().join("read.db")).unwrap();
    // The checkpoint is moved last: by then evidence, feeds, merges and placements are noted in memory.
    let refusing = "CREATE TRIGGER refuse BEFORE UPDATE ON checkpoint BEGIN SELECT RAISE(ABORT, 'no'); END";
    tables().execute_batch(refusing).unwrap();
    bench.state(3, "mappa.registered", "nominal/N2", "b", LEVEL_2);
    bench.state(3, "nominal.merged", "nominal/N2", "m", r#"{"into":"nominal/N1"}"#);
    bench.state(3, "record.created", "nominal/N1", "c", OWNED);
    for _ in 0..2 {
        bench.advance(3).unwrap_err();
    }
    tables().execute_batch("DROP TRIGGER refuse").unwrap();
    bench.state(4, "case.transferred", "nominal/N1", "d", r#"{"to":"area/A2"}"#);
    bench.advance(20).unwrap();
    bench.assert_a_rebuild_gives_the_same();
    assert!(bench.duties().iter().all(|(_, outcome, _)| outcome == "met"), "{:?}", bench.duties());
}
