//! A node that cannot do the work leaves it to another.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use mandate_domain::time::VirtualClock;
use mandate_projections::Projections;
use mandate_scheduler::{EmlFiles, Mailer, Nodes, Scheduler};
use mandate_store::{Claim, Database, Keys, NewEvent, OnError, Options, Store};
use mandate_test_cluster::Cluster;
use serde_json::json;

use crate::fixture::{at, settings};

const NOW: &str = "2026-03-10T09:00:00Z";

fn node(folder: &Path, name: &str, url: &str) -> (Store, Scheduler) {
    let clock = Arc::new(VirtualClock::new(at(NOW)));
    let data = folder.join(name);
    let mut options = Options::new(&data, clock.clone()).with_database(Database::parse(url).unwrap());
    options.key_file = folder.join("kek");
    let store = Store::open(options).unwrap();
    let projections = Projections::open(&data, &store).unwrap();
    // However long the lease lasts: who lets go of it is not waited for.
    let settings = settings().with_nodes(Nodes::Several).with_node(name, Duration::from_hours(1));
    let mailer = Mailer::Files(EmlFiles::new(folder.join("mail")));
    let scheduler = Scheduler::new(store.clone(), projections, clock, mailer, settings).unwrap();
    (store, scheduler)
}

/// Somebody whose record was due before now.
fn overdue(store: &Store, reference: &str) {
    let data = json!({ "registration": reference, "category": 2, "level": 2, "area": "area/A07" });
    let event = json!({ "specversion": "1.0", "id": reference, "source": "/t", "type": "mappa.registered",
                        "subject": format!("nominal/{reference}"), "time": "2026-03-02T09:00:00Z", "data": data });
    let event = NewEvent::from_value(&event, Claim::Ignore).unwrap();
    store.append_blocking(vec![event], OnError::All).unwrap();
}

#[test]
fn a_node_whose_read_models_fail_lets_go_of_the_lease_and_another_raises() {
    let url = Cluster::shared().unwrap().fresh_database().unwrap();
    let folder = tempfile::tempdir().unwrap();
    Keys::create(&folder.path().join("kek")).unwrap();
    let (store, sick) = node(folder.path(), "sick", &url);
    let (_other_store, other) = node(folder.path(), "other", &url);
    let now = at(NOW);
    overdue(&store, "N-1");
    assert_eq!(sick.record_steps(now).unwrap().raised, 1);
    overdue(&store, "N-2");
    let report = other.record_steps(now).unwrap();
    assert!(report.stands_by.is_some() && report.raised == 0, "{report:?}");
    // The tables of the node that has the lease can be written no more.
    let tables = rusqlite::Connection::open(folder.path().join("sick/read.db")).unwrap();
    tables.execute_batch("ALTER TABLE checkpoint RENAME TO away").unwrap();
    sick.record_steps(now).unwrap_err();
    assert!(sick.send_mails(now).is_ok_and(|report| report.accepted == 0));
    let report = other.record_steps(now).unwrap();
    assert_eq!((report.stands_by, report.raised), (None, 1));
    // Well again it stands by, and takes nothing away.
    tables.execute_batch("ALTER TABLE away RENAME TO checkpoint").unwrap();
    let report = sick.record_steps(now).unwrap();
    assert!(report.stands_by.is_some() && report.raised == 0, "{report:?}");
}
