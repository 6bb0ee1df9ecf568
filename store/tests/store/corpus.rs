//! What was ever written is read for good: a stored payload of every type in every layout, and the fact it decodes to.
//!
//! `tests/corpus/<version>/<type>.json` holds the payload byte for byte as stored and the fact as text. A sample is
//! never changed: a layout that is given up gets a step in `src/upcast.rs`, and its samples stay. Where one is missing
//! the test prints the file to add.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use mandate_domain::catalogue::{FactType, Field, PERSONAL, Shape};
use mandate_domain::fact::{Fact, Value};
use mandate_store::{Claim, EVENT_VERSION, NewEvent, Position, Store};
use serde_json::{Map, json};

use crate::common::{World, append, create, stored};
use crate::insider::{Row, Whole};

/// Every layout that was ever written, and how many types there were when the next one came; the last grows.
const LAYOUTS: &[(&str, usize)] = &[("1.0", FactType::ALL.len())];

/// A sample of the corpus.
#[derive(Debug, PartialEq, serde::Serialize, serde::Deserialize)]
struct Sample {
    /// As stored.
    payload: String,
    /// What it is read as, a line for each attribute and field.
    decoded: Vec<String>,
}

fn folder(version: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus").join(version)
}

/// The samples of a layout, by type.
fn samples(version: &str) -> BTreeMap<String, Sample> {
    let folder = folder(version);
    let Ok(files) = std::fs::read_dir(&folder) else { return BTreeMap::new() };
    files
        .map(|file| {
            let path = file.unwrap().path();
            let text = std::fs::read_to_string(&path).unwrap();
            let sample =
                serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            (path.file_name().unwrap().to_str().unwrap().trim_end_matches(".json").to_owned(), sample)
        })
        .collect()
}

/// A fact as text that depends on nothing but what it says.
fn lines(fact: &Fact) -> Vec<String> {
    let mut lines = vec![
        format!("type {}", fact.kind),
        format!("subject {}", fact.subject),
        format!("source {}", fact.source),
        format!("id {}", fact.id),
        format!("time {}", fact.time),
        format!("recorded {}", fact.recorded.map_or_else(|| "-".to_owned(), |at| at.to_string())),
    ];
    let mut fields: Vec<String> =
        fact.data.iter().map(|(field, value)| format!("data.{field} {}", said(value))).collect();
    fields.sort_unstable();
    lines.append(&mut fields);
    lines
}

fn said(value: &Value) -> String {
    match value {
        Value::None => "none".to_owned(),
        Value::Text(text) => format!("text {text:?}"),
        Value::Bool(value) => format!("bool {value}"),
        Value::Number(number) => format!("number {number}"),
        Value::Date(date) => format!("date {date}"),
        Value::Instant(at) => format!("instant {at}"),
        Value::Texts(texts) => format!("texts {texts:?}"),
        Value::Event(event) => format!("event {:?} {:?}", event.0, event.1),
        Value::Holidays(days) => {
            days.iter().fold("holidays".to_owned(), |all, (date, title)| format!("{all} {date} {title:?}"))
        }
        Value::Dates(dates) => dates.iter().fold("dates".to_owned(), |all, date| format!("{all} {date}")),
        Value::Sample(size, passed) => format!("sample {passed} of {size}"),
    }
}

/// A value of a shape, invented.
fn value_of(shape: Shape, field: Field) -> serde_json::Value {
    match shape {
        Shape::Id => json!(format!("{field}-1")),
        Shape::Text => json!(format!("An invented text for {field}.")),
        Shape::PublicText => json!(format!("A public text for {field} – with a dash.")),
        Shape::Bool => json!(true),
        Shape::Number(low, high) => json!(i64::midpoint(low, high)),
        Shape::Date | Shape::DateOrNull => json!("2026-03-02"),
        Shape::Instant => json!("2026-03-02T09:00:00.123456789Z"),
        Shape::Choice(words) => json!(words[words.len() - 1]),
        Shape::Choices(words) => json!(words),
        Shape::Subject(kinds) => json!(format!("{}/S-1", kinds[0])),
        Shape::Subjects(kinds) => json!([format!("{}/S-1", kinds[0]), format!("{}/S-2", kinds[0])]),
        Shape::Ids => json!(["one", "two"]),
        Shape::EventRef => json!({ "source": "/t", "id": "e-1" }),
        Shape::Holidays => json!([{ "date": "2026-12-25", "title": "Christmas Day" }]),
        Shape::Dates => json!(["2026-12-25", "2026-12-28"]),
        Shape::Sample => json!({ "size": 20, "passed": 19 }),
        Shape::Personal => {
            let invented: Map<_, _> =
                PERSONAL.iter().map(|name| ((*name).to_owned(), json!(format!("invented {name}")))).collect();
            invented.into()
        }
    }
}

/// A fact of a type with every field that it may hold.
fn full(kind: FactType) -> NewEvent {
    let mut data = Map::new();
    for spec in kind.own_fields().iter().chain(mandate_domain::catalogue::COMMON) {
        if !data.contains_key(spec.field.name()) {
            data.insert(spec.field.name().to_owned(), value_of(spec.shape, spec.field));
        }
    }
    let event = json!({
        "specversion": "1.0", "id": format!("sample-{kind}"), "source": "/corpus", "type": kind.name(),
        "subject": format!("{}/S-1", kind.subjects()[0]), "time": "2026-03-02T09:00:00Z",
        "recordedtime": "2026-03-02T10:00:00Z", "data": data,
    });
    NewEvent::from_value(&event, Claim::Accept).unwrap_or_else(|error| panic!("{kind}: {error}"))
}

/// What the program writes now for a type.
fn written_now(store: &Store, kind: FactType) -> Sample {
    let position = stored(&append(store, full(kind)));
    let event = store.reader().by_position(Position::new(position)).unwrap().unwrap();
    Sample { payload: event.payload.to_string(), decoded: lines(&event.fact) }
}

#[test]
fn every_type_has_a_sample_in_every_layout_that_it_was_written_in() {
    assert_eq!(
        LAYOUTS.last().map(|(version, _)| *version),
        Some(EVENT_VERSION),
        "the layout written now is the last"
    );
    let world = World::sqlite();
    let store = create(&world);
    let present = samples(EVENT_VERSION);
    let mut missing = String::new();
    for kind in FactType::ALL {
        if !present.contains_key(kind.name()) {
            let path = folder(EVENT_VERSION).join(format!("{kind}.json"));
            let sample = serde_json::to_string_pretty(&written_now(&store, *kind)).unwrap();
            missing.push_str(&format!("{}\n{sample}\n", path.display()));
        }
    }
    assert!(missing.is_empty(), "samples are missing; add these files:\n{missing}");
    for (version, types) in LAYOUTS {
        assert_eq!(samples(version).len(), *types, "a sample of {version} was removed, or one is of no type");
    }
}

/// The samples go through a log's own reading, as rows that were written with their version.
#[test]
fn every_sample_still_decodes_to_the_same_fact() {
    for (version, _) in LAYOUTS {
        let world = World::sqlite();
        let samples = samples(version);
        drop(create(&world));
        let mut whole = Whole {
            rows: samples.values().map(|sample| row(version, sample)).collect(),
            checkpoints: Vec::new(),
        };
        whole.renumber();
        whole.write(&world);
        let reader = Store::open_read_only(world.dir.path(), &world.database).unwrap();
        for (position, (kind, sample)) in (1..).zip(&samples) {
            let event = reader
                .by_position(Position::new(position))
                .unwrap_or_else(|error| panic!("{version} {kind}: {error}"))
                .unwrap();
            assert_eq!(lines(&event.fact), sample.decoded, "{version} {kind} decodes otherwise");
            assert_eq!(&*event.payload, sample.payload, "{version} {kind}: what is stored is not rewritten");
        }
        let found = reader.verify(None, &[], |_, _| {}).unwrap();
        assert_eq!(found.exit_code(), 0, "the columns agree with the payloads as well: {found:?}");
    }
}

/// A row with the columns that its payload says.
fn row(version: &str, sample: &Sample) -> Row {
    let attribute = |name: &str| {
        let line = sample.decoded.iter().find_map(|line| line.strip_prefix(&format!("{name} ")));
        line.unwrap_or_else(|| panic!("no {name}: {sample:?}")).to_owned()
    };
    let nanos = |text: &str| mandate_domain::time::Instant::parse(text).unwrap().nanos();
    let subject = attribute("subject");
    let (aggregate_type, aggregate_id) = subject.split_once('/').unwrap();
    Row {
        position: 0,
        aggregate_type: aggregate_type.to_owned(),
        aggregate_id: aggregate_id.to_owned(),
        sequence: 0,
        event_type: attribute("type"),
        event_version: version.to_owned(),
        source: attribute("source"),
        event_id: attribute("id"),
        occurred_at: nanos(&attribute("time")),
        recorded_at: nanos("2026-03-02T11:00:00Z"),
        claimed_at: Some(attribute("recorded")).filter(|text| text != "-").map(|text| nanos(&text)),
        actor: None,
        command_id: None,
        leaf: Vec::new(),
        payload: sample.payload.clone(),
        sealed: None,
    }
}

#[test]
fn no_sample_holds_what_is_sealed() {
    for (version, _) in LAYOUTS {
        for (kind, sample) in samples(version) {
            assert!(!sample.payload.contains("invented"), "{version} {kind}: {}", sample.payload);
        }
    }
}
