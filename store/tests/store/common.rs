//! What the tests of the store share.

use std::path::Path;
use std::sync::Arc;

use mandate_domain::time::{Instant, VirtualClock};
use mandate_store::{Claim, Keys, NewEvent, OnError, Options, Outcome, Position, Store};

/// A clock that stands at 2026-03-02T12:00:00Z.
pub fn clock() -> Arc<VirtualClock> {
    Arc::new(VirtualClock::new(at("2026-03-02T12:00:00Z")))
}

pub fn at(text: &str) -> Instant {
    Instant::parse(text).unwrap()
}

/// A new log in a folder.
pub fn create(dir: &Path) -> Store {
    create_with(dir, clock())
}

pub fn create_with(dir: &Path, clock: Arc<VirtualClock>) -> Store {
    let options = Options::new(dir, clock);
    Keys::create(&options.key_file).unwrap();
    Store::open(options).unwrap()
}

/// The log of a folder, opened again.
pub fn reopen(dir: &Path) -> Store {
    Store::open(Options::new(dir, clock())).unwrap()
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
