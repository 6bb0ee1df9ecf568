//! Reading: order, ends, gaps, streams, types and the export.

use mandate_domain::catalogue::FactType;
use mandate_domain::fact::Fact;
use mandate_store::{Claim, Export, NewEvent, OnError, Position, Sequence, Store, StoreError};

use crate::common::{World, append, at, create, event, meeting, meeting_of, reopen, text_about};

/// Ten meetings of two nominals, one after the other, and one death at the end.
fn filled(dir: &World) -> Store {
    let store = create(dir);
    let meetings = (1..=10).map(|n| meeting_of(&format!("nominal/N-{}", n % 2), &format!("e{n}")));
    store.append_blocking(meetings.collect(), OnError::All).unwrap();
    append(&store, event("end", "nominal.died", "{}"));
    store
}

fn events_come_in_position_order_page_by_page_with_the_head(dir: &World) {
    let store = filled(dir);
    let (mut after, mut ids) = (Position::START, Vec::new());
    loop {
        let page = store.reader().read_after(after, 4).unwrap();
        assert_eq!(page.head.position, Position::new(11));
        let Some(last) = page.events.last() else { break };
        after = last.position;
        ids.extend(page.events.iter().map(|event| event.fact.id.to_string()));
    }
    let wanted: Vec<_> = (1..=10).map(|n| format!("e{n}")).chain(["end".to_owned()]).collect();
    assert_eq!(ids, wanted);
}

fn reading_past_the_end_is_an_empty_page_and_no_error(dir: &World) {
    let store = filled(dir);
    for after in [11, 12, 1_000] {
        assert!(store.reader().read_after(Position::new(after), 10).unwrap().events.is_empty());
    }
    assert!(store.reader().read_after(Position::START, 0).unwrap().events.is_empty());
    assert_eq!(store.reader().by_position(Position::START).unwrap(), None);
    assert_eq!(store.reader().by_position(Position::new(12)).unwrap(), None);
}

fn a_fact_is_read_back_as_it_was_told(dir: &World) {
    let store = create(dir);
    let cases = [
        (
            "calendar/england-and-wales",
            "bank_holidays.published",
            r#"{"holidays":[{"date":"2026-12-25","title":"Noël \"é\""}],"withdrawn":["2026-12-26"]}"#,
        ),
        (
            "nominal/N-1",
            "release_date.set",
            r#"{"release_on":null,"on":"2026-03-01","evidence":"attested","by":"U-1"}"#,
        ),
        ("nominal/N-1", "fact.annulled", r#"{"event":{"source":"/t","id":"0"},"reason":"typed twice"}"#),
        ("nominal/N-1", "oasys.copied", r#"{"assessment":"A","sections":["R10","R11"],"termination":true}"#),
        (
            "area/A1",
            "requirement.attested",
            r#"{"paragraph":"4.1","period_from":"2026-01-01","period_to":"2026-03-31","outcome":"met","sample":{"size":20,"passed":19}}"#,
        ),
        (
            "duty/4.10:nominal/N-1:/t#a",
            "duty.breached",
            r#"{"rule":"4.10","version":"1","due_at":"2026-03-08T00:00:00Z","known_since":"2026-03-02T09:00:00.5Z","born_overdue":false,"generation":0}"#,
        ),
        (
            "user/U-1",
            "exemption.granted",
            r#"{"kind":"wifi","by_role":"cro","until":"2027-01-01","tried":["a","b"]}"#,
        ),
        ("nominal/N-1", "practitioner.informed", r#"{"about":"words"}"#),
    ];
    for (place, (subject, kind, data)) in cases.iter().enumerate() {
        let told = text_about(subject, &place.to_string(), kind, data);
        append(&store, NewEvent::parse(&told, Claim::Ignore).unwrap());
        let stored = store.reader().by_source_id("/t", &place.to_string()).unwrap().unwrap();
        let sorted = |mut fact: Fact| {
            fact.data.sort_by_key(|(field, _)| *field);
            fact
        };
        assert_eq!(sorted(stored.fact.clone()), sorted(Fact::parse(&told).unwrap()), "{kind}");
        assert_eq!(Fact::parse(&stored.payload).unwrap(), stored.fact);
        assert!(stored.is_intact());
    }
}

fn the_order_of_fields_makes_no_difference_to_the_payload(dir: &World) {
    let one = event("a", "meeting.held", r#"{"meeting":"M","level":1,"by":"U"}"#);
    let two = event("a", "meeting.held", r#"{"by":"U","level":1,"meeting":"M"}"#);
    let store = create(dir);
    append(&store, one);
    let payload = store.reader().by_source_id("/t", "a").unwrap().unwrap().payload;
    assert_eq!(
        &*payload,
        r#"{"specversion":"1.0","id":"a","source":"/t","type":"meeting.held","subject":"nominal/N-1","time":"2026-03-02T09:00:00Z","data":{"by":"U","level":1,"meeting":"M"}}"#
    );
    let store = create(&dir.another());
    append(&store, two);
    assert_eq!(store.reader().by_source_id("/t", "a").unwrap().unwrap().payload, payload);
}

fn a_subjects_stream_comes_in_sequence_order(dir: &World) {
    let store = filled(dir);
    let events = store.reader().read_subject("nominal/N-1", Sequence::START, 100).unwrap();
    let places: Vec<_> = events.iter().map(|event| (event.sequence.get(), event.position.get())).collect();
    assert_eq!(places, [(1, 1), (2, 3), (3, 5), (4, 7), (5, 9), (6, 11)]);
    let rest = store.reader().read_subject("nominal/N-1", Sequence::new(3), 2).unwrap();
    assert_eq!(rest.iter().map(|event| event.sequence.get()).collect::<Vec<_>>(), [4, 5]);
    assert!(store.reader().read_subject("nominal/nobody", Sequence::START, 100).unwrap().is_empty());
    assert_eq!(store.reader().version("nominal/nobody").unwrap(), Sequence::START);
}

fn types_are_read_in_position_order_with_the_place_to_read_on_from(dir: &World) {
    let store = filled(dir);
    append(&store, meeting("late"));
    let types = [FactType::NominalDied, FactType::MeetingHeld];
    let page = store.reader().read_types(&types, Position::new(8), 3).unwrap();
    assert_eq!(page.events.iter().map(|e| e.position.get()).collect::<Vec<_>>(), [9, 10, 11]);
    assert_eq!(page.searched_to, Position::new(11));
    let page = store.reader().read_types(&[FactType::NominalDied], Position::START, 10).unwrap();
    assert_eq!(page.events.iter().map(|e| e.position.get()).collect::<Vec<_>>(), [11]);
    assert_eq!(page.searched_to, Position::new(12), "up to the head");
    let none = store.reader().read_types(&[FactType::SentenceEnded], Position::START, 10).unwrap();
    assert_eq!((none.events.len(), none.searched_to), (0, Position::new(12)));
}

fn updates_and_deletes_are_refused_by_the_database_itself(dir: &World) {
    let store = filled(dir);
    store.checkpoint().unwrap();
    for statement in [
        "UPDATE events SET actor = 'x' WHERE position = 1",
        "DELETE FROM events WHERE position = 11",
        "DELETE FROM events",
        "UPDATE head SET position = 10",
        "DELETE FROM head",
        "UPDATE checkpoints SET size = 0",
        "DELETE FROM checkpoints",
    ] {
        let refused = dir.try_sql(statement).unwrap_err();
        let said =
            ["append-only", "the head of the log", "the log always has a head", "a checkpoint is never"];
        assert!(said.iter().any(|words| refused.contains(words)), "{statement}: {refused}");
    }
}

fn a_removed_event_makes_reading_fail_and_names_the_position(dir: &World) {
    let store = filled(dir);
    dir.tamper_with("DELETE FROM events WHERE position = 5");
    let gap = |after, limit| match store.reader().read_after(Position::new(after), limit) {
        Err(StoreError::Gap { missing, head }) => (missing.get(), head.get()),
        other => panic!("{other:?}"),
    };
    assert_eq!(gap(0, 100), (5, 11));
    assert_eq!(gap(4, 1), (5, 11));
    assert!(
        store.reader().read_after(Position::START, 4).is_ok(),
        "what is there before the gap can be read"
    );
    assert!(store.reader().read_after(Position::new(5), 100).is_ok(), "and after it");
    let error = store.reader().read_subject("nominal/N-1", Sequence::START, 100).unwrap_err();
    assert!(error.to_string().starts_with("event 3 of nominal/N-1 is missing"), "{error}");
}

fn a_cut_tail_makes_reading_fail_because_the_head_knows_the_end(dir: &World) {
    let store = filled(dir);
    dir.tamper_with("DELETE FROM events WHERE position > 9");
    let error = store.reader().read_after(Position::START, 100).unwrap_err();
    assert!(matches!(error, StoreError::Gap { missing, .. } if missing == Position::new(10)), "{error}");
    assert!(store.reader().by_position(Position::new(10)).is_err());
}

fn a_changed_row_no_longer_agrees_with_its_leaf(dir: &World) {
    let store = filled(dir);
    let level = r#"'"level":1', '"level":2'"#;
    let second = "UPDATE events SET recorded_at = recorded_at - 1 WHERE position = 4";
    dir.tamper(
        &format!("UPDATE events SET payload = replace(payload, {level}) WHERE position = 3; {second}"),
        &format!(
            "UPDATE events SET payload = replace(payload::text, {level})::json WHERE position = 3; {second}"
        ),
    );
    let events = store.reader().read_after(Position::START, 100).unwrap().events;
    let altered: Vec<_> = events.iter().filter(|e| !e.is_intact()).map(|e| e.position.get()).collect();
    assert_eq!(altered, [3, 4]);
}

fn an_unreadable_event_is_an_error_that_names_its_position(dir: &World) {
    let store = filled(dir);
    dir.tamper(
        "UPDATE events SET payload = '{' WHERE position = 3",
        "UPDATE events SET payload = '[]' WHERE position = 3",
    );
    let error = store.reader().read_after(Position::START, 100).unwrap_err().to_string();
    assert!(error.starts_with("the event at position 3 cannot be read"), "{error}");
}

fn a_log_can_be_read_beside_a_running_writer_and_after_it(dir: &World) {
    let store = filled(dir);
    let reader = Store::open_read_only(dir.dir.path(), &dir.database).unwrap();
    assert_eq!(reader.head().unwrap().position, Position::new(11));
    append(&store, meeting("more"));
    assert_eq!(reader.read_after(Position::new(11), 10).unwrap().events.len(), 1);
    drop((store, reader));
    assert_eq!(
        Store::open_read_only(dir.dir.path(), &dir.database).unwrap().head().unwrap().position,
        Position::new(12)
    );
    assert_eq!(reopen(dir).reader().head().unwrap().position, Position::new(12));
}

fn the_export_is_read_by_the_judge_and_says_when_each_fact_was_known(dir: &World) {
    let store = filled(dir);
    let claimed = text_about(
        "nominal/N-9",
        "claimed",
        "nominal.registered",
        r#"{"kind":"mappa","personal":{"name":"Canary Quill"}}"#,
    )
    .replace("\"data\"", "\"recordedtime\":\"2025-01-01T00:00:00Z\",\"data\"");
    append(&store, NewEvent::parse(&claimed, Claim::Accept).unwrap());
    let export = |export| {
        let mut out = Vec::new();
        let lines = store.reader().export_jsonl(&mut out, export).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert_eq!(text.lines().count() as u64, lines);
        text
    };
    let text = export(Export::default());
    assert!(!text.contains("Canary"));
    let facts: Vec<Fact> = text.lines().map(|line| Fact::parse(line).unwrap()).collect();
    assert_eq!(facts.len(), 12);
    assert_eq!(facts[0].recorded, Some(at("2026-03-02T12:00:00Z")));
    assert_eq!(facts[11].recorded, Some(at("2025-01-01T00:00:00Z")));
    let part = export(Export { after: Position::new(2), up_to: Some(Position::new(5)), known_at: None });
    assert_eq!(part.lines().count(), 3);
    let known = Export { known_at: Some(at("2025-06-01T00:00:00Z")), ..Export::default() };
    assert_eq!(export(known).lines().count(), 1);
}

fn a_scan_gives_every_event_in_order_whatever_the_number_of_threads(dir: &World) {
    let store = create(dir);
    store.append_blocking((0..9_000).map(|n| meeting(&n.to_string())).collect(), OnError::All).unwrap();
    for (threads, after) in [(0, 0), (1, 8_999), (2, 0), (3, 1), (5, 4_000), (2, 9_000), (2, 10_000)] {
        let mut read = Vec::new();
        let each = |event: mandate_store::Told| {
            read.push(event.position.get());
            Ok(())
        };
        let head = store.reader().scan(Position::new(after), threads, each).unwrap();
        assert_eq!(head.position, Position::new(9_000));
        assert_eq!(read, (after + 1..=9_000).collect::<Vec<_>>());
    }
}

fn a_scan_fails_at_a_gap_and_ends_when_its_caller_has_seen_enough(dir: &World) {
    let store = create(dir);
    store.append_blocking((0..9_000).map(|n| meeting(&n.to_string())).collect(), OnError::All).unwrap();
    dir.tamper_with("DELETE FROM events WHERE position = 7000");
    let mut last = 0;
    let each = |event: mandate_store::Told| {
        last = event.position.get();
        Ok(())
    };
    let error = store.reader().scan(Position::START, 2, each).unwrap_err();
    assert!(matches!(error, StoreError::Gap { missing, .. } if missing == Position::new(7_000)), "{error}");
    assert_eq!(last, 6_000, "the chunk with the gap is not given out in part");
    let enough = |_| Err(StoreError::Unavailable { reason: "enough".to_owned() });
    let error = store.reader().scan(Position::START, 3, enough).unwrap_err();
    assert!(error.to_string().contains("enough"));
}

both! {
    the_order_of_fields_makes_no_difference_to_the_payload,
    events_come_in_position_order_page_by_page_with_the_head,
    reading_past_the_end_is_an_empty_page_and_no_error,
    a_fact_is_read_back_as_it_was_told,
    a_subjects_stream_comes_in_sequence_order,
    types_are_read_in_position_order_with_the_place_to_read_on_from,
    updates_and_deletes_are_refused_by_the_database_itself,
    a_removed_event_makes_reading_fail_and_names_the_position,
    a_cut_tail_makes_reading_fail_because_the_head_knows_the_end,
    a_changed_row_no_longer_agrees_with_its_leaf,
    an_unreadable_event_is_an_error_that_names_its_position,
    a_log_can_be_read_beside_a_running_writer_and_after_it,
    the_export_is_read_by_the_judge_and_says_when_each_fact_was_known,
    a_scan_gives_every_event_in_order_whatever_the_number_of_threads,
    a_scan_fails_at_a_gap_and_ends_when_its_caller_has_seen_enough,
}
