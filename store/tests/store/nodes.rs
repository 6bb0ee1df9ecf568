//! Several nodes on one PostgreSQL database, and a server that goes away.

use std::collections::HashSet;

use cqrs_es::persist::PersistedEventStore;
use cqrs_es::{AggregateContext as _, EventStore as _};
use mandate_store::{
    Claim, Database, LogEventStore, NewEvent, OnError, Options, Outcome, Position, Refusal, Sequence, Store,
    StoreError,
};
use mandate_test_cluster::{Cluster, Options as ClusterOptions};
use postgres_es::PostgresEventRepository;

use crate::common::{
    World, append, clock, create, event, meeting, meeting_of, reopen, stored, text_about, whole_log,
};
use crate::cqrs::Duty;

#[test]
fn two_nodes_append_to_one_log_in_turn_and_at_once_without_a_gap_or_a_double() {
    let world = World::postgres();
    let one = create(&world);
    let node = world.node();
    let two = reopen(&node);
    assert_eq!(stored(&append(&one, meeting("a"))), 1);
    assert_eq!(stored(&append(&two, meeting("b"))), 2);
    assert_eq!(append(&two, meeting("a")), Outcome::AlreadyStored { position: Position::new(1) });
    let acknowledged: Vec<(u64, String)> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..6)
            .map(|thread| {
                let store = if thread % 2 == 0 { one.clone() } else { two.clone() };
                scope.spawn(move || {
                    (0..40)
                        .map(|turn| {
                            let id = format!("{thread}-{turn}");
                            let subject = format!("nominal/N-{}", turn % 3);
                            (stored(&append(&store, meeting_of(&subject, &id))), id)
                        })
                        .collect::<Vec<_>>()
                })
            })
            .collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    let log = whole_log(&one);
    assert_eq!(log.iter().map(|(position, _)| *position).collect::<Vec<_>>(), (1..=242).collect::<Vec<_>>());
    let log: HashSet<_> = log.into_iter().skip(2).collect();
    assert_eq!(log, acknowledged.into_iter().collect::<HashSet<_>>());
    for subject in ["nominal/N-0", "nominal/N-1", "nominal/N-2"] {
        assert!(!one.reader().read_subject(subject, Sequence::START, 1_000).unwrap().is_empty());
    }
    assert!(one.reader().verify(one.verifying_key(), &[], |_, _| {}).unwrap().problems.is_empty());
}

#[test]
fn a_version_that_another_node_has_passed_is_a_conflict() {
    let world = World::postgres();
    let one = create(&world);
    let two = reopen(&world.node());
    append(&one, meeting("a"));
    append(&two, meeting("b"));
    let late = meeting("c").expecting(Sequence::new(1));
    let Outcome::Refused(Refusal::VersionConflict { actual, .. }) = append(&one, late) else {
        panic!("stored")
    };
    assert_eq!(actual, Sequence::new(2));
}

#[test]
fn what_one_node_appends_wakes_the_other() {
    let world = World::postgres();
    let one = create(&world);
    let two = reopen(&world.node());
    let mut watch = two.watch();
    append(&one, meeting("a"));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(async {
        let moved = watch.wait_for(|head| head.position == Position::new(1));
        tokio::time::timeout(std::time::Duration::from_secs(10), moved).await.unwrap().unwrap();
    });
}

#[test]
fn two_nodes_seal_for_a_new_subject_under_one_key() {
    let world = World::postgres();
    let one = create(&world);
    let two = reopen(&world.node());
    let personal = |id: &str, name: &str| {
        let data = format!(r#"{{"kind":"mappa","personal":{{"name":"{name}"}}}}"#);
        NewEvent::parse(&text_about("nominal/N-1", id, "nominal.registered", &data), Claim::Ignore).unwrap()
    };
    std::thread::scope(|scope| {
        for (store, id) in [(&one, "a"), (&two, "b")] {
            scope.spawn(move || append(store, personal(id, "Canary Quill")));
        }
    });
    for store in [&one, &two] {
        for event in store.reader().read_after(Position::START, 10).unwrap().events {
            assert!(store.keys().unseal(&event).unwrap().get("personal").is_some());
        }
    }
}

#[test]
fn what_was_acknowledged_is_there_after_the_server_was_killed_and_appending_goes_on_by_itself() {
    let cluster = Cluster::start(ClusterOptions::default()).unwrap();
    let database = Database::parse(&cluster.fresh_database().unwrap()).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let options = Options::new(dir.path(), clock()).with_database(database);
    mandate_store::Keys::create(&options.key_file).unwrap();
    let store = Store::open(options).unwrap();
    assert_eq!(stored(&append(&store, meeting("a"))), 1);
    cluster.kill().unwrap();
    let refused = store.append_blocking(vec![meeting("b")], OnError::All).unwrap_err();
    assert!(
        matches!(refused, StoreError::OutcomeUnknown { .. } | StoreError::Unavailable { .. }),
        "{refused}"
    );
    assert!(store.reader().head().unwrap_err().is_unavailable());
    cluster.restart().unwrap();
    // The same event again: stored now, or recognised if it had been stored.
    let position = append(&store, meeting("b")).position().unwrap();
    assert_eq!(position, Position::new(2));
    assert_eq!(whole_log_after_a_restart(&store), 2);
}

/// The length of the log; connections from before the restart are thrown away by the reads that find them broken.
fn whole_log_after_a_restart(store: &Store) -> usize {
    for _ in 0..16 {
        if let Ok(page) = store.reader().read_after(Position::START, 100) {
            return page.events.len();
        }
    }
    panic!("the log cannot be read");
}

#[test]
fn a_server_that_could_lose_what_it_acknowledged_is_refused() {
    let cluster = Cluster::start(ClusterOptions::default().with("synchronous_commit", "off")).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let database = Database::parse(&cluster.fresh_database().unwrap()).unwrap();
    let options = Options::new(dir.path(), clock()).with_database(database);
    mandate_store::Keys::create(&options.key_file).unwrap();
    let refused = Store::open(options).unwrap_err().to_string();
    assert_eq!(
        refused,
        "PostgreSQL's `synchronous_commit` is `off`, wanted `on`; acknowledged events would not be safe: set it in \
         postgresql.conf and restart the server"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn stock_postgres_es_loads_the_same_aggregate_from_the_same_database() {
    let world = World::postgres();
    let store = create(&world);
    let waived = |id: &str| {
        let data = r#"{"by":"U","by_role":"cpc","reason":"r"}"#;
        NewEvent::parse(&text_about("duty/d", id, "duty.waived", data), Claim::Ignore).unwrap()
    };
    store.append(vec![waived("w"), waived("x")], OnError::All).await.unwrap();
    let Database::Postgres(server) = &world.database else { panic!("not PostgreSQL") };
    let url = crate::common::cluster().url(&server.database());
    let pool = sqlx::postgres::PgPoolOptions::new().connect(&url).await.unwrap();
    let theirs = PersistedEventStore::<_, Duty>::new_event_store(PostgresEventRepository::new(pool));
    let ours = LogEventStore::<Duty>::new(store);
    let (mut mine, their) =
        (ours.load_aggregate("d").await.unwrap(), theirs.load_aggregate("d").await.unwrap());
    assert_eq!(*mine.aggregate(), their.aggregate);
    assert_eq!(their.current_sequence, 2);
    let (ours, theirs) = (ours.load_events("d").await.unwrap(), theirs.load_events("d").await.unwrap());
    assert_eq!(ours.len(), 2);
    for (mine, their) in ours.iter().zip(&theirs) {
        assert_eq!((&mine.payload, mine.sequence), (&their.payload, their.sequence));
    }
}

#[test]
fn an_update_by_grant_or_trigger_is_refused_to_the_owner_of_the_table() {
    let world = World::postgres();
    let store = create(&world);
    append(&store, event("a", "nominal.died", "{}"));
    for statement in
        ["UPDATE events SET actor = 'x'", "DELETE FROM events", "TRUNCATE events", "TRUNCATE head"]
    {
        let refused = world.try_sql(statement).unwrap_err();
        assert!(
            refused.contains("append-only")
                || refused.contains("never goes back")
                || refused.contains("permission denied"),
            "{statement}: {refused}"
        );
    }
}

#[test]
fn a_role_with_the_grants_that_are_shipped_serves_and_can_change_nothing() {
    let cluster = Cluster::start(ClusterOptions::default()).unwrap();
    cluster.psql("postgres", "CREATE ROLE mandate_owner LOGIN; CREATE ROLE mandate LOGIN").unwrap();
    cluster.psql("postgres", "CREATE DATABASE mandate OWNER mandate_owner").unwrap();
    let url = |role: &str| cluster.url("mandate").replace("postgres@", &format!("{role}@"));
    let dir = tempfile::tempdir().unwrap();
    let options =
        |role: &str| Options::new(dir.path(), clock()).with_database(Database::parse(&url(role)).unwrap());
    mandate_store::Keys::create(&dir.path().join("keys/kek")).unwrap();
    append(&Store::open(options("mandate_owner")).unwrap(), meeting("a"));
    let denied = Store::open(options("mandate")).unwrap_err();
    assert!(denied.to_string().contains("permission denied"), "{denied}");
    let grants = concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/postgres-roles.sql");
    let grants = std::fs::read_to_string(grants).unwrap();
    cluster.psql("mandate", &format!("SET ROLE mandate_owner; {grants}")).unwrap();

    let store = Store::open(options("mandate")).unwrap();
    assert_eq!(stored(&append(&store, meeting("b"))), 2);
    let personal = r#"{"registration":"R","kind":"mappa","personal":{"name":"Ann Example"}}"#;
    assert_eq!(stored(&append(&store, event("c", "nominal.registered", personal))), 3);
    assert!(store.reader().verify(store.verifying_key(), &[], |_, _| {}).unwrap().problems.is_empty());
    assert_eq!(whole_log(&store).len(), 3);
    let lease = store.lease("node", std::time::Duration::from_secs(10)).unwrap();
    assert!(matches!(lease.take().unwrap(), mandate_store::Standing::Held(_)));
    for change in [
        "UPDATE events SET actor = 'x'",
        "DELETE FROM events",
        "TRUNCATE events",
        "ALTER TABLE events DISABLE TRIGGER events_refuse_change",
        "UPDATE checkpoints SET note = ''",
        "DELETE FROM head",
        "DROP TABLE events",
        "UPDATE mandate_schema SET version = 0",
    ] {
        let refused =
            cluster.psql("mandate", &format!("SET ROLE mandate; {change}")).unwrap_err().to_string();
        assert!(
            refused.contains("permission denied") || refused.contains("must be owner"),
            "{change}: {refused}"
        );
    }
}
