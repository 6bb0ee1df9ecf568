//! `cqrs_es` on the log, by our event store and by stock sqlite-es.

use std::collections::HashMap;

use cqrs_es::event_sink::EventSink;
use cqrs_es::persist::{PersistedEventStore, QueryReplay};
use cqrs_es::{Aggregate, AggregateError, CqrsFramework, EventStore, Query};
use mandate_domain::catalogue::{FactType, Field};
use mandate_domain::fact::Fact;
use mandate_store::{CloudEvent, LogEventStore, OnError, Outcome, Private, Sequence, Store};
use serde::{Deserialize, Serialize};
use serde_json::json;
use sqlite_es::SqliteEventRepository;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions};

use crate::common::{World, append, at, create, event, meeting};

/// A duty that may be breached once and acknowledged once.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
pub struct Duty {
    events: Vec<String>,
    acknowledged: bool,
}

/// Acknowledge the breach, with a note.
#[derive(Debug, Clone)]
pub struct AcknowledgeBreach {
    subject: String,
    command: String,
    note: Option<String>,
}

#[derive(Debug, thiserror::Error)]
#[error("already acknowledged")]
pub struct AlreadyAcknowledged;

impl Aggregate for Duty {
    const TYPE: &'static str = "duty";
    type Command = AcknowledgeBreach;
    type Event = CloudEvent;
    type Error = AlreadyAcknowledged;
    type Services = ();

    async fn handle(
        &mut self,
        command: AcknowledgeBreach,
        (): &(),
        sink: &EventSink<Self>,
    ) -> Result<(), AlreadyAcknowledged> {
        if self.acknowledged && !self.events.contains(&command.command) {
            return Err(AlreadyAcknowledged);
        }
        let mut private = Private::default();
        if let Some(note) = command.note {
            private.insert("note", json!(note));
        }
        let fact = Fact {
            id: command.command.as_str().into(),
            source: "/mandate".into(),
            kind: FactType::BreachAcknowledged,
            subject: command.subject.as_str().into(),
            time: at("2026-03-02T11:00:00Z"),
            recorded: None,
            data: vec![(Field::By, mandate_domain::fact::Value::Text("user-7".into()))],
        };
        sink.write(CloudEvent { fact, private }, self).await;
        Ok(())
    }

    fn apply(&mut self, event: CloudEvent) {
        self.acknowledged |= event.fact.kind == FactType::BreachAcknowledged;
        self.events.push(event.fact.id.to_string());
    }
}

fn acknowledge(id: &str, command: &str) -> AcknowledgeBreach {
    AcknowledgeBreach { subject: format!("duty/{id}"), command: command.to_owned(), note: None }
}

fn framework(store: &Store) -> CqrsFramework<Duty, LogEventStore<Duty>> {
    CqrsFramework::new(LogEventStore::new(store.clone()), vec![], ())
}

/// A fact about the duty, told from outside the framework.
fn waived(subject: &str, id: &str) -> mandate_store::NewEvent {
    let data = r#"{"by":"U","by_role":"cpc","reason":"canary reason"}"#;
    let text = crate::common::text_about(subject, id, "duty.waived", data);
    mandate_store::NewEvent::parse(&text, mandate_store::Claim::Ignore).unwrap()
}

async fn stock(store_dir: &std::path::Path) -> SqliteEventRepository {
    let options = SqliteConnectOptions::new().filename(store_dir.join("log.db")).read_only(true);
    SqliteEventRepository::new(SqlitePoolOptions::new().connect_with(options).await.unwrap())
}

async fn a_command_is_decided_on_the_facts_and_events_of_its_stream(dir: &World) {
    let store = create(dir);
    store.append(vec![waived("duty/d", "w")], OnError::All).await.unwrap();
    let mut metadata = HashMap::from([("actor".to_owned(), "user-7".to_owned())]);
    metadata.insert("command_id".to_owned(), "c-1".to_owned());
    framework(&store).execute_with_metadata("d", acknowledge("d", "one"), metadata).await.unwrap();
    let refused = framework(&store).execute("d", acknowledge("d", "two")).await.unwrap_err();
    assert!(matches!(refused, AggregateError::UserError(AlreadyAcknowledged)));

    let events = store.reader().read_subject("duty/d", Sequence::START, 10).unwrap();
    assert_eq!(events.iter().map(|event| &*event.fact.id).collect::<Vec<_>>(), ["w", "one"]);
    assert_eq!((events[1].actor.as_deref(), events[1].command_id.as_deref()), (Some("user-7"), Some("c-1")));
    let loaded = LogEventStore::<Duty>::new(store).load_events("d").await.unwrap();
    assert_eq!(loaded[1].metadata.get("actor").map(String::as_str), Some("user-7"));
    assert_eq!(loaded[1].sequence, 2);
}

async fn of_two_writers_with_the_same_version_one_is_told_of_the_conflict(dir: &World) {
    let log = LogEventStore::<Duty>::new(create(dir));
    let event = |id: &str| {
        let text = crate::common::text_about("duty/d", id, "breach.acknowledged", r#"{"by":"U"}"#);
        CloudEvent::parse(&text).unwrap()
    };
    let (first, second) = (log.load_aggregate("d").await.unwrap(), log.load_aggregate("d").await.unwrap());
    let (first, second) = tokio::join!(
        log.commit(vec![event("1"), event("2")], first, HashMap::new()),
        log.commit(vec![event("3")], second, HashMap::new()),
    );
    assert_eq!(first.unwrap().iter().map(|committed| committed.sequence).collect::<Vec<_>>(), [1, 2]);
    assert!(matches!(second.unwrap_err(), AggregateError::AggregateConflict));
    assert_eq!(log.load_events("d").await.unwrap().len(), 2);
}

async fn a_command_sent_twice_takes_effect_once(dir: &World) {
    let store = create(dir);
    for _ in 0..2 {
        framework(&store).execute("d", acknowledge("d", "one")).await.unwrap();
    }
    assert_eq!(store.reader().version("duty/d").unwrap(), Sequence::new(1));
}

async fn a_batch_of_which_the_first_event_is_known_and_the_second_is_new_is_stored(dir: &World) {
    let log = LogEventStore::<Duty>::new(create(dir));
    let event = |id: &str| {
        let text = crate::common::text_about("duty/d", id, "breach.acknowledged", r#"{"by":"U"}"#);
        CloudEvent::parse(&text).unwrap()
    };
    let loaded = log.load_aggregate("d").await.unwrap();
    log.commit(vec![event("1")], loaded, HashMap::new()).await.unwrap();
    for _ in 0..2 {
        let loaded = log.load_aggregate("d").await.unwrap();
        let committed = log.commit(vec![event("1"), event("2")], loaded, HashMap::new()).await.unwrap();
        assert_eq!(committed.iter().map(|event| event.sequence).collect::<Vec<_>>(), [1, 2]);
    }
    let loaded = log.load_aggregate("d").await.unwrap();
    log.commit(vec![event("3")], log.load_aggregate("d").await.unwrap(), HashMap::new()).await.unwrap();
    let stale = log.commit(vec![event("2"), event("4")], loaded, HashMap::new()).await.unwrap_err();
    assert!(
        matches!(stale, AggregateError::AggregateConflict),
        "what is new still needs the version it was decided on"
    );
}

async fn what_a_command_says_in_free_text_is_sealed(dir: &World) {
    let store = create(dir);
    let command = AcknowledgeBreach { note: Some("canary note".to_owned()), ..acknowledge("d", "one") };
    framework(&store).execute("d", command).await.unwrap();
    let event = store.reader().by_source_id("/mandate", "one").unwrap().unwrap();
    assert!(!event.payload.contains("canary"));
    assert_eq!(store.keys().unseal(&event).unwrap().get("note"), Some(&json!("canary note")));
}

async fn an_event_about_another_subject_and_unknown_metadata_are_refused(dir: &World) {
    let store = create(dir);
    let refused = framework(&store).execute("d", acknowledge("other", "one")).await.unwrap_err();
    assert_eq!(refused.to_string(), "an event of duty/d is about duty/other");
    let metadata = HashMap::from([("colour".to_owned(), "red".to_owned())]);
    let refused =
        framework(&store).execute_with_metadata("d", acknowledge("d", "one"), metadata).await.unwrap_err();
    assert_eq!(refused.to_string(), "metadata `colour`: expected `actor` or `command_id`");
    assert!(crate::common::whole_log(&store).is_empty());
}

#[tokio::test]
async fn stock_sqlite_es_loads_the_same_aggregate_from_the_same_file_while_it_is_open() {
    let dir = tempfile::tempdir().unwrap();
    let store = create(dir.path());
    store.append(vec![waived("duty/d", "w"), waived("duty/e", "x")], OnError::All).await.unwrap();
    framework(&store).execute("d", acknowledge("d", "one")).await.unwrap();

    let ours = LogEventStore::<Duty>::new(store.clone());
    let theirs = PersistedEventStore::<_, Duty>::new_event_store(stock(dir.path()).await);
    let (mut mine, theirs_loaded) =
        (ours.load_aggregate("d").await.unwrap(), theirs.load_aggregate("d").await.unwrap());
    assert_eq!(*cqrs_es::AggregateContext::aggregate(&mut mine), theirs_loaded.aggregate);
    assert_eq!(theirs_loaded.current_sequence, 2);
    assert_eq!(theirs_loaded.aggregate.events, ["w", "one"]);
    let (ours, theirs) = (ours.load_events("d").await.unwrap(), theirs.load_events("d").await.unwrap());
    for (mine, their) in ours.iter().zip(&theirs) {
        assert_eq!((&mine.payload, mine.sequence), (&their.payload, their.sequence));
    }
}

/// Counts what a replay dispatches.
#[derive(Debug, Default, Clone)]
struct Count(std::sync::Arc<std::sync::atomic::AtomicUsize>);

#[async_trait::async_trait]
impl Query<Nominal> for Count {
    async fn dispatch(&self, _: &str, events: &[cqrs_es::EventEnvelope<Nominal>]) {
        self.0.fetch_add(events.len(), std::sync::atomic::Ordering::Relaxed);
    }
}

/// Any nominal.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Nominal;

impl Aggregate for Nominal {
    const TYPE: &'static str = "nominal";
    type Command = ();
    type Event = CloudEvent;
    type Error = AlreadyAcknowledged;
    type Services = ();

    async fn handle(&mut self, (): (), (): &(), _: &EventSink<Self>) -> Result<(), AlreadyAcknowledged> {
        Ok(())
    }

    fn apply(&mut self, _: CloudEvent) {}
}

#[tokio::test]
async fn stock_sqlite_es_replays_every_event_of_a_kind_of_subject() {
    let dir = tempfile::tempdir().unwrap();
    let store = create(dir.path());
    let secret =
        event("secret", "fact.annulled", r#"{"event":{"source":"/t","id":"1"},"reason":"canary reason"}"#);
    let batch = vec![meeting("1"), meeting("2"), secret, waived("duty/d", "w")];
    store.append(batch, OnError::All).await.unwrap();
    let count = Count::default();
    QueryReplay::new(stock(dir.path()).await, count.clone()).replay_all().await.unwrap();
    assert_eq!(count.0.load(std::sync::atomic::Ordering::Relaxed), 3);
}

#[tokio::test]
async fn stock_sqlite_es_cannot_write_past_the_log() {
    let dir = tempfile::tempdir().unwrap();
    let store = create(dir.path());
    store.append(vec![waived("duty/d", "w")], OnError::All).await.unwrap();
    let options = SqliteConnectOptions::new().filename(dir.path().join("log.db"));
    let pool = SqlitePoolOptions::new().connect_with(options).await.unwrap();
    let theirs = PersistedEventStore::<_, Duty>::new_event_store(SqliteEventRepository::new(pool));
    let refused =
        CqrsFramework::new(theirs, vec![], ()).execute("d", acknowledge("d", "one")).await.unwrap_err();
    assert!(refused.to_string().contains("NOT NULL constraint failed"), "{refused}");
    assert_eq!(store.reader().version("duty/d").unwrap(), Sequence::new(1));
    let next = tokio::task::spawn_blocking(move || append(&store, meeting("m"))).await.unwrap();
    assert!(matches!(next, Outcome::Stored { position, .. } if position.get() == 2));
}

both_async! {
    a_command_is_decided_on_the_facts_and_events_of_its_stream,
    of_two_writers_with_the_same_version_one_is_told_of_the_conflict,
    a_command_sent_twice_takes_effect_once,
    a_batch_of_which_the_first_event_is_known_and_the_second_is_new_is_stored,
    what_a_command_says_in_free_text_is_sealed,
    an_event_about_another_subject_and_unknown_metadata_are_refused,
}
