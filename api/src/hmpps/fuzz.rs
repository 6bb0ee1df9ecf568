//! Samples mutated at random and arbitrary JSON: no panic, and every message is where its answer says.
//!
//! `MANDATE_FUZZ_MESSAGES` sets how many are tried; 4,000 without it.

use std::sync::Arc;

use mandate_domain::fact::looks_personal;
use mandate_domain::time::{Instant, VirtualClock};
use mandate_store::{Keys, MAX_READ, Options, Position, Store};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestError, TestRunner};
use serde_json::{Map, Value, json};

use super::message::{Message, MessageError};
use super::{Entry, Receiver, Rights, TakeError, Taken};

/// Messages that are taken at once.
const BATCH: usize = 200;
/// Messages that go into one log: the samples are about few people, whose histories would grow without end.
const PART: usize = 2_000;

const SAMPLES: &[&str] = &[
    include_str!("../../../tests/data/hmpps-events/community-manager-allocated-spec.json"),
    include_str!("../../../tests/data/hmpps-events/mappa-information.created-mappa-key.json"),
    include_str!("../../../tests/data/hmpps-events/person-alert-created-spec.json"),
    include_str!("../../../tests/data/hmpps-events/pom-allocated-spec.json"),
    include_str!("../../../tests/data/hmpps-events/prisoner-received-spec.json"),
    include_str!("../../../tests/data/hmpps-events/prisoner-released-spec.json"),
    include_str!("../../../tests/data/hmpps-events/probation-merge-completed-spec.json"),
    include_str!("../../../tests/data/hmpps-events/registration-added-spec.json"),
    include_str!("../../../tests/data/hmpps-events/registration-deleted-spec.json"),
    include_str!("../../../tests/data/hmpps-events/registration-deregistered-spec.json"),
    include_str!("../../../tests/data/hmpps-events/registration-updated-spec.json"),
    include_str!("../../../tests/data/hmpps-events/sns-assessment-summary-produced.json"),
    include_str!("../../../tests/data/hmpps-events/sns-prisoner-received-recall.json"),
    include_str!("../../../tests/data/hmpps-events/temporary-absence-authorisation-approved-spec.json"),
];

/// Values that mean something somewhere.
const WORDS: &[&str] = &[
    "",
    " ",
    "MAPP",
    "PVN",
    "M1",
    "M3",
    "X9",
    "M7",
    "ADMISSION",
    "RELEASED",
    "DEC",
    "UAL",
    "SENT_TO_COURT",
    "SWI",
    "X777978",
    "A8513EA",
    "x777978",
    "2002/0073319Z",
    "CRN",
    "NOMS",
    "nomsNumber",
    "COMPLETE",
    "a/b/COMPLETE",
    "Fri Jun 14 00:00:00 BST 2024",
    "2024-06-14",
    "2024-06-11T15:41:03+01:00[Europe/London]",
    "9999-01-01T00:00:00Z",
    "yesterday",
    "1",
    "\u{0}",
    "\u{202e}",
    "é€😀",
    "{",
    "[",
    "]",
    "prison/LEI",
    "area/A07",
    "probation-case.prison-identifier.added",
    "probation-case.unmerge.completed",
    "prison-offender-events.prisoner.merged",
    "calculate-release-dates.prisoner.changed",
    "probation-case.registration.added",
    "probation-case.registration.deleted",
    "prisoner.another",
];

/// Event types that the table knows.
const KNOWN: &[&str] = &[
    "probation-case.registration.added",
    "probation-case.registration.updated",
    "probation-case.registration.deregistered",
    "probation-case.registration.deleted",
    "probation-case.mappa-information.created",
    "assessment.summary.produced",
    "prison-offender-events.prisoner.received",
    "prison-offender-events.prisoner.released",
    "person.alert.created",
    "person.alert.inactive",
    "person.alert.deleted",
    "person.community.manager.allocated",
    "offender-management.pom.allocated",
    "calculate-release-dates.prisoner.changed",
    "person.temporary-absence-authorisation.approved",
    "probation-case.merge.completed",
    "prison-offender-events.prisoner.merged",
    "probation-case.prison-identifier.added",
    "probation-case.unmerge.completed",
];

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        prop::sample::select(WORDS).prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        let name = prop_oneof![prop::sample::select(WORDS).prop_map(str::to_owned), "[a-zA-Z]{1,12}"];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((name, inner), 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// What is done to a sample: in which of its places, and what is put there.
fn mutations() -> impl Strategy<Value = Vec<(prop::sample::Index, u8, Value)>> {
    let value = prop_oneof![3 => prop::sample::select(WORDS).prop_map(Value::from), 1 => any_json()];
    prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), value), 0..5)
}

fn text() -> impl Strategy<Value = String> {
    let mutated = (prop::sample::select(SAMPLES), mutations(), any::<u8>(), any::<prop::sample::Index>())
        .prop_map(|(sample, mutations, shape, cut)| {
            let mut value: Value = serde_json::from_str(sample).unwrap();
            for (place, how, put) in mutations {
                mutate(&mut value, place, how, put);
            }
            let enrichment = json!({"area": "area/A07", "manager": "P-17", "prison": "prison/LEI", "spell": "S-1"});
            let value = match shape % 8 {
                0 => json!({"Type": "Notification", "MessageId": format!("m-{shape}"), "Message": value.to_string()}),
                1 => json!({"message": value, "enrichment": enrichment}),
                2 => json!({"message": value.to_string()}),
                3 => json!({"MessageId": shape, "Message": value.to_string(), "enrichment": enrichment}),
                _ => value,
            };
            let text = value.to_string();
            if shape % 32 != 31 {
                return text;
            }
            let at = cut.index(text.len());
            text.char_indices().take_while(|(place, _)| *place < at).map(|(_, c)| c).collect()
        });
    prop_oneof![12 => mutated, 1 => any_json().prop_map(|value| value.to_string()), 1 => ".{0,40}"]
}

/// Every place in a value, the value itself first.
fn places(value: &Value, at: &str, found: &mut Vec<String>) {
    found.push(at.to_owned());
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                let name = name.replace('~', "~0").replace('/', "~1");
                places(member, &format!("{at}/{name}"), found);
            }
        }
        Value::Array(items) => {
            for (place, item) in items.iter().enumerate() {
                places(item, &format!("{at}/{place}"), found);
            }
        }
        _ => {}
    }
}

fn mutate(value: &mut Value, place: prop::sample::Index, how: u8, put: Value) {
    let mut found = Vec::new();
    places(value, "", &mut found);
    let pointer = found[place.index(found.len())].clone();
    let (parent, name) = pointer.rsplit_once('/').unwrap_or(("", ""));
    match how % 3 {
        0 => {
            if let Some(Value::Object(members)) = value.pointer_mut(parent) {
                members.remove(name);
            }
        }
        _ => {
            if let Some(found) = value.pointer_mut(&pointer) {
                *found = put;
            }
        }
    }
}

/// Whether a message may be ignored, by a reading of its own.
fn may_be_ignored(body: &Map<String, Value>) -> bool {
    let Some(name) = body.get("eventType").and_then(Value::as_str).map(str::trim) else { return false };
    let stated = |field: &str| {
        let value = body.get("additionalInformation").and_then(|info| info.get(field));
        value.map(|value| value.as_str().map_or_else(|| value.to_string(), |text| text.trim().to_uppercase()))
    };
    if !KNOWN.contains(&name) {
        return !name.is_empty();
    }
    if name.starts_with("probation-case.registration.") {
        return stated("registerTypeCode").is_some_and(|code| code != "MAPP");
    }
    if name.starts_with("person.alert.") {
        return stated("alertCode").is_some_and(|code| code != "PVN");
    }
    let url = body.get("detailUrl").and_then(Value::as_str).unwrap_or_default();
    name == "assessment.summary.produced" && !url.trim().ends_with("COMPLETE")
}

/// What is wrong with an answer, by what the log holds.
fn lost(store: &Store, text: &str, answer: &Result<Taken, TakeError>) -> Option<String> {
    let message = match (Message::read(text), answer) {
        (Ok(message), _) => message,
        (Err(_), Err(TakeError::NoMessage(MessageError::NotJson(_) | MessageError::TooLong(_)))) => {
            return None;
        }
        (Err(error), answer) => return Some(format!("no message ({error}) was answered with {answer:?}")),
    };
    let reader = store.reader();
    match answer {
        Err(error) => Some(format!("refused: {error}")),
        Ok(Taken::Ignored { reason }) => {
            let known = message.body.as_ref().ok().filter(|body| may_be_ignored(body));
            known.is_none().then(|| format!("ignored ({reason}) and not to be"))
        }
        Ok(Taken::Stored { facts, .. }) => {
            let first = reader.by_source_id(&message.teller, &message.id).unwrap();
            let held = first.is_some_and(|first| facts.iter().any(|(_, at)| *at == first.position));
            (!held).then(|| "stored, and not in the log".to_owned())
        }
        Ok(Taken::Quarantined { id, .. } | Taken::Discarded { id }) => {
            let entry = Entry::find(store, id).unwrap();
            let kept = entry.and_then(|entry| entry.message(store).ok());
            // The same body may have come inside something else before: an envelope that cannot be used, inside another.
            // The digest is over its bytes as they are kept.
            let whole = kept.is_some_and(|kept| (kept.digest, kept.id) == (message.digest, message.id));
            (!whole).then(|| "in quarantine, and not there whole".to_owned())
        }
    }
}

fn store() -> (tempfile::TempDir, Store) {
    let memory = std::path::Path::new("/dev/shm");
    let folder = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.unwrap();
    let clock = Arc::new(VirtualClock::new(Instant::parse("2026-03-03T09:00:00Z").unwrap()));
    Keys::create(&folder.path().join("keys/kek")).unwrap();
    let store = Store::open(Options::new(folder.path(), clock)).unwrap();
    (folder, store)
}

/// Takes a message in some way.
type Take = dyn Fn(&Store, &[&str]) -> Vec<Result<Taken, TakeError>>;

fn take_all(store: &Store, texts: &[&str]) -> Vec<Result<Taken, TakeError>> {
    let now = Instant::parse("2026-03-03T09:00:00Z").unwrap();
    Receiver { store, rights: Rights::Local, now }.take_many(texts)
}

/// Tries `messages` of them; what is wrong with the first that is lost.
fn try_out(messages: usize, take: &Take) -> Result<(), String> {
    (0..messages).step_by(PART).try_for_each(|from| try_part(PART.min(messages - from), take))
}

fn try_part(messages: usize, take: &Take) -> Result<(), String> {
    let (_folder, store) = store();
    let cases = u32::try_from(messages.div_ceil(BATCH)).unwrap();
    let config = Config { cases, max_shrink_iters: 0, failure_persistence: None, ..Config::default() };
    let mut runner = TestRunner::new(config);
    let tried = runner.run(&prop::collection::vec(text(), BATCH), |texts| {
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let answers = take(&store, &texts);
        prop_assert_eq!(answers.len(), texts.len());
        for (text, answer) in texts.iter().zip(&answers) {
            if let Some(wrong) = lost(&store, text, answer) {
                return Err(TestCaseError::fail(format!("{wrong}: {text}")));
            }
        }
        Ok(())
    });
    tried.map_err(|error| match error {
        TestError::Fail(reason, _) | TestError::Abort(reason) => reason.to_string(),
    })?;
    let mut after = Position::new(0);
    loop {
        let page = store.reader().read_after(after, MAX_READ).map_err(|error| error.to_string())?;
        let Some(last) = page.events.last() else { return Ok(()) };
        after = last.position;
        for event in &page.events {
            let mut words = event.payload.split(|c: char| !c.is_ascii_alphanumeric());
            if let Some(number) = words.find(|word| looks_personal(word)) {
                return Err(format!("{number} stands where anyone may read it: {}", event.payload));
            }
        }
    }
}

#[test]
fn no_message_is_lost_however_it_is_mangled() {
    let stated = std::env::var("MANDATE_FUZZ_MESSAGES").ok();
    let messages = stated.map_or(4_000, |number| number.parse().unwrap());
    try_out(messages, &take_all).unwrap();
}

#[test]
fn an_envelope_that_cannot_be_used_is_the_same_message_inside_another() {
    let (_folder, store) = store();
    let inner = r#"{"Message":{},"Type":"Notification"}"#;
    let outer = serde_json::json!({"Message": inner, "Type": "Notification"}).to_string();
    let answers = take_all(&store, &[&outer, inner]);
    let ids: Vec<&str> = answers
        .iter()
        .map(|answer| match answer {
            Ok(Taken::Quarantined { id, .. }) => id.as_str(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(ids[0], ids[1]);
    for (text, answer) in [outer.as_str(), inner].iter().zip(&answers) {
        assert_eq!(lost(&store, text, answer), None);
    }
}

/// The control of the test above: dropping a message in any of three ways does not go unseen.
#[test]
fn a_mapper_that_drops_a_message_is_caught() {
    let ignoring: &Take = &|store, texts| {
        let answers = take_all(store, texts).into_iter();
        let drop = |answer| match answer {
            Ok(Taken::Quarantined { .. }) => Ok(Taken::Ignored { reason: "dropped" }),
            other => other,
        };
        answers.map(drop).collect()
    };
    let forgetting: &Take =
        &|_, texts| texts.iter().map(|_| Ok(Taken::Stored { facts: Vec::new(), again: false })).collect();
    let misfiling: &Take = &|store, texts| {
        let mut answers = take_all(store, texts);
        answers.rotate_left(1);
        answers
    };
    for (dropping, said) in [(ignoring, "not to be"), (forgetting, ""), (misfiling, "")] {
        let caught = try_out(BATCH, dropping).unwrap_err();
        assert!(caught.contains(said), "{caught}");
    }
}
