//! Sealing: personal data are nowhere in clear, open under the right key only, and lead to their subject.

use std::path::Path;

use mandate_store::{
    Claim, Export, Identifier, Keys, NewEvent, OnError, Options, Outcome, Position, Refusal, Store,
};
use serde_json::json;

use crate::common::{World, append, clock, create, event, reopen, text_about};

/// Marks that must not be found anywhere in clear.
const CANARIES: [&str; 11] = [
    "X777978",
    "A8513EA",
    "2002/0073319Z",
    "VISOR-CANARY",
    "Canary Quill",
    "canary@quill.example",
    "+44 canary",
    "canary reason",
    "canary note",
    "canary-field",
    "canary-nested",
];

const PERSONAL: &str = r#"{"kind":"mappa","personal":{"crn":" x777978","noms":"a8513ea","pnc":"02/73319Z",
    "visor_ref":"VISOR-CANARY","name":"Canary Quill","email":"canary@quill.example","phone":"+44 canary"},
    "note":"canary note","canary-field":{"x":"canary-nested"}}"#;

fn registered(subject: &str, id: &str) -> NewEvent {
    NewEvent::parse(&text_about(subject, id, "nominal.registered", PERSONAL), Claim::Ignore).unwrap()
}

fn annulled(id: &str, reason: &str) -> NewEvent {
    let data = format!(
        r#"{{"event":{{"source":"/t","id":"0","canary-nested":"Canary Quill"}},"reason":"{reason}"}}"#
    );
    event(id, "fact.annulled", &data)
}

/// The files of a folder that hold a mark, whatever its case.
fn found_in(dir: &Path, mark: &str) -> Vec<String> {
    let mark = mark.to_lowercase();
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(found_in(&path, &mark));
        } else {
            let bytes = std::fs::read(&path).unwrap().to_ascii_lowercase();
            if bytes.windows(mark.len()).any(|window| window == mark.as_bytes()) {
                found.push(path.display().to_string());
            }
        }
    }
    found
}

#[test]
fn no_personal_datum_or_free_text_is_in_any_file_error_or_debug_output() {
    let dir = tempfile::tempdir().unwrap();
    let store = create(dir.path());
    let mut shown = Vec::new();
    for (subject, id) in [("nominal/N-1", "a"), ("nominal/N-2", "b")] {
        let new = registered(subject, id);
        shown.push(format!("{new:?}"));
        shown.push(format!("{:?}", append(&store, new)));
    }
    append(&store, annulled("c", "canary reason"));
    let conflict = append(&store, annulled("c", "another canary reason"));
    let Outcome::Refused(refusal @ Refusal::Conflict { .. }) = &conflict else { panic!("{conflict:?}") };
    let differing = annulled("a", "canary reason");
    shown.push(format!(
        "{refusal} {conflict:?} {:?} {store:?} {:?}",
        append(&store, differing),
        store.keys()
    ));
    let events = store.reader().read_after(Position::START, 10).unwrap().events;
    let private: Vec<_> = events.iter().map(|event| store.keys().unseal(event).unwrap()).collect();
    shown.push(format!("{events:?} {private:?}"));
    let mut exported = Vec::new();
    store.reader().export_jsonl(&mut exported, Export::default()).unwrap();
    shown.push(String::from_utf8(exported).unwrap());
    let shown = shown.join("\n").to_lowercase();
    for canary in CANARIES {
        assert!(!shown.contains(&canary.to_lowercase()), "{canary} is shown");
        assert_eq!(found_in(dir.path(), canary), Vec::<String>::new(), "{canary}");
    }
    assert!(dir.path().join("log.db-wal").exists(), "the write-ahead log was searched as well");
    assert!(!found_in(dir.path(), "nominal.registered").is_empty(), "the search finds what is there");
    drop(store);
    for canary in CANARIES {
        assert_eq!(found_in(dir.path(), canary), Vec::<String>::new(), "{canary}, after closing");
    }
}

fn what_was_sealed_is_given_back_whole(dir: &World) {
    let store = create(dir);
    append(&store, registered("nominal/N-1", "a"));
    append(&store, annulled("b", "canary reason"));
    append(&store, event("c", "nominal.died", "{}"));
    let events = store.reader().read_after(Position::START, 10).unwrap().events;
    let opened = |place: usize| store.keys().unseal(&events[place]).unwrap();
    let told: serde_json::Value = serde_json::from_str(PERSONAL).unwrap();
    for name in ["personal", "note", "canary-field"] {
        assert_eq!(opened(0).get(name), Some(&told[name]));
    }
    assert_eq!(opened(0).get("kind"), None);
    assert_eq!(opened(1).get("reason"), Some(&json!("canary reason")));
    let whole = json!({"source": "/t", "id": "0", "canary-nested": "Canary Quill"});
    assert_eq!(opened(1).get("event"), Some(&whole));
    assert!(opened(2).is_empty() && events[2].sealed.is_none());
}

fn what_is_sealed_opens_under_the_subjects_key_only(dir: &World) {
    let store = create(dir);
    append(&store, registered("nominal/N-1", "a"));
    append(&store, registered("nominal/N-2", "b"));
    let events = store.reader().read_after(Position::START, 10).unwrap().events;
    let mut moved = events[0].clone();
    moved.sealed.clone_from(&events[1].sealed);
    let error = store.keys().unseal(&moved).unwrap_err().to_string();
    assert_eq!(
        error,
        "what is sealed for nominal/N-1 does not open: it was altered, or moved from another event"
    );
    let mut nobody = events[0].clone();
    nobody.fact.subject = "nominal/N-3".into();
    let error = store.keys().unseal(&nobody).unwrap_err().to_string();
    assert_eq!(
        error,
        "the key of nominal/N-3 is not there: it was destroyed, or the keys are older than the log"
    );
}

fn without_its_key_a_sealed_part_stays_closed_while_the_log_is_read_and_repeats_are_recognised(dir: &World) {
    let store = create(dir);
    append(&store, registered("nominal/N-1", "a"));
    drop(store);
    dir.tamper_keys("DELETE FROM subject_keys");
    let store = reopen(dir);
    let event = store.reader().by_position(Position::new(1)).unwrap().unwrap();
    assert!(store.keys().unseal(&event).is_err());
    assert!(event.is_intact());
    let again = append(&store, registered("nominal/N-1", "a"));
    assert_eq!(again, Outcome::AlreadyStored { position: Position::new(1) });
}

fn a_subject_keeps_its_key_when_the_log_is_opened_again(dir: &World) {
    let store = create(dir);
    append(&store, registered("nominal/N-1", "a"));
    drop(store);
    let store = reopen(dir);
    append(&store, annulled("b", "canary reason"));
    for event in store.reader().read_after(Position::START, 10).unwrap().events {
        assert!(!store.keys().unseal(&event).unwrap().is_empty());
    }
}

fn a_subject_is_found_by_any_of_its_numbers_however_written(dir: &World) {
    let store = create(dir);
    append(&store, registered("nominal/N-1", "a"));
    let find = |kind, number: &str| store.keys().find(kind, number).unwrap();
    for (kind, number) in [
        (Identifier::Crn, "X777978"),
        (Identifier::Crn, "x777978 "),
        (Identifier::Noms, "A8513EA"),
        (Identifier::Pnc, "2002/0073319Z"),
        (Identifier::Pnc, "0273319z"),
        (Identifier::VisorRef, "visor-canary"),
    ] {
        assert_eq!(find(kind, number).as_deref(), Some("nominal/N-1"), "{kind:?} {number}");
    }
    assert_eq!(find(Identifier::Crn, "X777979"), None);
    assert_eq!(find(Identifier::Noms, "X777978"), None, "a CRN is not a NOMS number");
}

fn a_number_stated_for_two_subjects_leads_to_the_last_and_to_both(dir: &World) {
    let store = create(dir);
    let batch = vec![registered("nominal/N-2", "a"), registered("nominal/N-1", "b")];
    store.append_blocking(batch, OnError::All).unwrap();
    let keys: &Keys = store.keys();
    assert_eq!(keys.find(Identifier::Crn, "X777978").unwrap().as_deref(), Some("nominal/N-1"));
    let both = keys.find_all(Identifier::Crn, "X777978").unwrap();
    assert_eq!(both, ["nominal/N-1", "nominal/N-2"]);
}

fn a_refused_event_leaves_nothing_in_the_index(dir: &World) {
    let store = create(dir);
    append(&store, event("taken", "nominal.died", "{}"));
    let batch = vec![registered("nominal/N-1", "a"), event("taken", "sentence.ended", "{}")];
    let outcomes = store.append_blocking(batch, OnError::All).unwrap();
    assert_eq!(outcomes[0], Outcome::NotStored { because_of: 1 });
    assert_eq!(store.keys().find(Identifier::Crn, "X777978").unwrap(), None);
}

#[test]
fn the_index_of_another_key_file_has_other_digests() {
    let digests = |dir: &Path| -> Vec<Vec<u8>> {
        let keys = rusqlite::Connection::open(dir.join("keys.db")).unwrap();
        let mut select = keys.prepare("SELECT digest FROM lookups").unwrap();
        select.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    };
    let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    for dir in [&one, &two] {
        append(&create(dir.path()), registered("nominal/N-1", "a"));
    }
    let (one, two) = (digests(one.path()), digests(two.path()));
    assert_eq!((one.len(), two.len()), (4, 4));
    assert!(one.iter().all(|digest| !two.contains(digest)));
}

#[test]
fn a_key_file_elsewhere_keeps_the_key_out_of_the_data_directory() {
    let (dir, key_dir) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let key_file = key_dir.path().join("kek");
    Keys::create(&key_file).unwrap();
    let options = Options::new(dir.path(), clock()).with_key_file(&key_file);
    let store = Store::open(options).unwrap();
    append(&store, registered("nominal/N-1", "a"));
    assert!(!dir.path().join("keys").exists());
}

both! {
    what_was_sealed_is_given_back_whole,
    what_is_sealed_opens_under_the_subjects_key_only,
    without_its_key_a_sealed_part_stays_closed_while_the_log_is_read_and_repeats_are_recognised,
    a_subject_keeps_its_key_when_the_log_is_opened_again,
    a_subject_is_found_by_any_of_its_numbers_however_written,
    a_number_stated_for_two_subjects_leads_to_the_last_and_to_both,
    a_refused_event_leaves_nothing_in_the_index,
}
