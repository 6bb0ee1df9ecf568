//! Appending: idempotency, conflicts, versions, batches, order and time.

use std::collections::HashSet;

use mandate_store::{Claim, First, NewEvent, OnError, Outcome, Position, Refusal, Sequence, Store};

use crate::common::{
    Place as _, World, append, at, clock, create, create_with, event, meeting, meeting_of, reopen, stored,
    text, whole_log,
};

fn the_same_event_twice_is_stored_once_and_the_second_time_answered_with_its_position(dir: &World) {
    let store = create(dir);
    assert_eq!(stored(&append(&store, meeting("a"))), 1);
    assert_eq!(stored(&append(&store, meeting("b"))), 2);
    assert_eq!(append(&store, meeting("a")), Outcome::AlreadyStored { position: Position::new(1) });
    assert_eq!(whole_log(&store), [(1, "a".to_owned()), (2, "b".to_owned())]);
}

fn the_same_event_in_other_words_is_the_same_event(dir: &World) {
    let store = create(dir);
    append(&store, event("a", "meeting.held", r#"{"meeting":"M","level":1,"reason":"free text"}"#));
    let again = r#"{"data":{"reason":"free text","level":1,"meeting":"M"},"time":"2026-03-02T10:00:00+01:00",
        "subject":"nominal/N-1","type":"meeting.held","source":"/t","id":"a","specversion":"1.0"}"#;
    let again = NewEvent::parse(again, Claim::Ignore).unwrap();
    assert_eq!(append(&store, again), Outcome::AlreadyStored { position: Position::new(1) });
}

fn other_content_under_the_same_id_is_a_conflict_that_names_what_differs_and_no_value(dir: &World) {
    let store = create(dir);
    append(&store, meeting("other"));
    append(&store, event("a", "meeting.held", r#"{"meeting":"M","level":1,"reason":"one","shoe":7}"#));
    let other = event("a", "meeting.held", r#"{"meeting":"M","level":2,"reason":"two","shoe":8}"#);
    let Outcome::Refused(refusal) = append(&store, other) else { panic!("stored") };
    assert_eq!(
        refusal,
        Refusal::Conflict {
            teller: "/t".into(),
            id: "a".into(),
            first: First::Stored(Position::new(2)),
            differing: ["data.level", "data.reason", "a field of data outside the catalogue"]
                .map(str::to_owned)
                .to_vec(),
        }
    );
    assert_eq!(
        refusal.to_string(),
        "event `a` of source `/t` is already stored at position 2 with other content (data.level, data.reason, a \
         field of data outside the catalogue differ); send the new content under a new id, and annul the first \
         if it was wrong"
    );
}

fn type_subject_and_time_are_named_when_they_differ(dir: &World) {
    let store = create(dir);
    append(&store, event("a", "nominal.died", "{}"));
    let other = text("a", "sentence.ended", "{}").replace("N-1", "N-2").replace("09:00", "09:01");
    let other = NewEvent::parse(&other, Claim::Ignore).unwrap();
    let Outcome::Refused(Refusal::Conflict { differing, .. }) = append(&store, other) else {
        panic!("stored")
    };
    assert_eq!(differing, ["type", "subject", "time"]);
}

fn a_claim_of_when_it_was_recorded_is_kept_only_when_accepted_and_makes_no_conflict(dir: &World) {
    let store = create(dir);
    let claiming = |id: &str| {
        text(id, "nominal.died", "{}")
            .replace("\"data\"", "\"recordedtime\":\"2026-02-01T00:00:00Z\",\"data\"")
    };
    append(&store, NewEvent::parse(&claiming("a"), Claim::Accept).unwrap());
    append(&store, NewEvent::parse(&claiming("b"), Claim::Ignore).unwrap());
    let events = store.reader().read_after(Position::START, 10).unwrap().events;
    let noon = at("2026-03-02T12:00:00Z");
    assert_eq!(events[0].claimed_at, Some(at("2026-02-01T00:00:00Z")));
    assert_eq!((events[0].recorded_at, events[0].known_at()), (noon, at("2026-02-01T00:00:00Z")));
    assert_eq!((events[1].claimed_at, events[1].known_at()), (None, noon));
    assert_eq!(events[1].clone().into_fact().recorded, Some(noon));
    let again = append(&store, NewEvent::parse(&claiming("a"), Claim::Ignore).unwrap());
    assert_eq!(again, Outcome::AlreadyStored { position: Position::new(1) });
}

fn an_expected_version_is_checked_inside_the_transaction(dir: &World) {
    let store = create(dir);
    let first = meeting("a").expecting(Sequence::START);
    assert_eq!(stored(&append(&store, first)), 1);
    let late = meeting("b").expecting(Sequence::START);
    let Outcome::Refused(refusal) = append(&store, late) else { panic!("stored") };
    assert_eq!(refusal.to_string(), "nominal/N-1 is at version 1, expected 0; read it again and decide anew");
    let ahead = meeting("b").expecting(Sequence::new(2));
    assert!(matches!(append(&store, ahead), Outcome::Refused(Refusal::VersionConflict { .. })));
    assert_eq!(stored(&append(&store, meeting("b").expecting(Sequence::new(1)))), 2);
}

fn a_repeated_event_is_recognised_though_its_stream_has_moved_on(dir: &World) {
    let store = create(dir);
    let command = || meeting("a").expecting(Sequence::START);
    append(&store, command());
    append(&store, meeting("b"));
    assert_eq!(append(&store, command()), Outcome::AlreadyStored { position: Position::new(1) });
}

fn one_refused_event_refuses_all_of_an_all_or_nothing_batch(dir: &World) {
    let store = create(dir);
    append(&store, meeting("old"));
    let wrong = event("old", "meeting.held", r#"{"meeting":"M-old","level":3}"#);
    let batch = vec![meeting("new"), meeting("old"), wrong, meeting("newer")];
    let outcomes = store.append_blocking(batch, OnError::All).unwrap();
    assert_eq!(outcomes[0], Outcome::NotStored { because_of: 2 });
    assert_eq!(outcomes[1], Outcome::AlreadyStored { position: Position::new(1) });
    assert!(matches!(&outcomes[2], Outcome::Refused(Refusal::Conflict { .. })));
    assert_eq!(outcomes[3], Outcome::NotStored { because_of: 2 });
    assert_eq!(whole_log(&store).len(), 1);
    assert_eq!(stored(&append(&store, meeting("new"))), 2, "no position is lost");
}

fn each_event_of_the_other_kind_of_batch_stands_for_itself(dir: &World) {
    let store = create(dir);
    append(&store, meeting("old"));
    let wrong = event("old", "meeting.held", r#"{"meeting":"M-old","level":3}"#);
    let batch = vec![meeting("new"), meeting("old"), wrong, meeting("newer")];
    let outcomes = store.append_blocking(batch, OnError::Each).unwrap();
    assert_eq!(stored(&outcomes[0]), 2);
    assert_eq!(outcomes[1], Outcome::AlreadyStored { position: Position::new(1) });
    assert!(matches!(&outcomes[2], Outcome::Refused(Refusal::Conflict { .. })));
    assert_eq!(stored(&outcomes[3]), 3);
}

fn a_batch_that_holds_an_event_twice_stores_it_once_and_refuses_it_with_other_content(dir: &World) {
    for on_error in [OnError::All, OnError::Each] {
        let store = create(&dir.another());
        let outcomes = store.append_blocking(vec![meeting("a"), meeting("a")], on_error).unwrap();
        assert_eq!(stored(&outcomes[0]), 1);
        assert_eq!(outcomes[1], Outcome::AlreadyStored { position: Position::new(1) });
        let wrong = event("b", "meeting.held", r#"{"meeting":"M-b","level":3}"#);
        let outcomes = store.append_blocking(vec![meeting("b"), wrong], on_error).unwrap();
        assert!(matches!(&outcomes[1], Outcome::Refused(Refusal::Conflict { .. })));
        assert_eq!(whole_log(&store).len(), if on_error == OnError::All { 1 } else { 2 });
    }
}

fn what_a_large_import_stored_is_known_in_the_next_one_and_after_opening_again(dir: &World) {
    let many = || (0..12_000).map(|n| meeting(&format!("e{n}"))).collect::<Vec<_>>();
    let known = |store: &Store| {
        let mut again = many();
        again.push(event("e7", "meeting.held", r#"{"meeting":"M-e7","level":3}"#));
        again.push(meeting("small"));
        let outcomes = store.append_blocking(again, OnError::Each).unwrap();
        for (outcome, position) in outcomes.iter().take(12_000).zip(2..) {
            assert_eq!(*outcome, Outcome::AlreadyStored { position: Position::new(position) });
        }
        assert!(matches!(&outcomes[12_000], Outcome::Refused(Refusal::Conflict { .. })));
        assert_eq!(outcomes[12_001], Outcome::AlreadyStored { position: Position::new(1) });
    };
    let store = create(dir);
    append(&store, meeting("small"));
    let outcomes = store.append_blocking(many(), OnError::Each).unwrap();
    assert!(outcomes.iter().map(stored).eq(2..12_002));
    known(&store);
    drop(store);
    known(&reopen(dir));
}

fn versions_count_through_a_batch(dir: &World) {
    let store = create(dir);
    let batch = |from: u64| {
        (from..from + 3).map(|n| meeting(&format!("e{n}")).expecting(Sequence::new(n))).collect::<Vec<_>>()
    };
    for from in [0, 3] {
        let outcomes = store.append_blocking(batch(from), OnError::All).unwrap();
        assert_eq!(outcomes.iter().map(stored).collect::<Vec<_>>(), [from + 1, from + 2, from + 3]);
    }
    assert_eq!(store.reader().version("nominal/N-1").unwrap(), Sequence::new(6));
}

fn a_batch_that_is_too_long_is_refused_with_the_limit(dir: &World) {
    let store = create(dir);
    let batch = vec![meeting("a"); mandate_store::MAX_BATCH + 1];
    let refused = store.append_blocking(batch, OnError::Each).unwrap_err().to_string();
    assert_eq!(refused, "a batch of 40001 events: at most 40000 at once; send it in parts");
    assert_eq!(store.append_blocking(Vec::new(), OnError::All).unwrap(), []);
}

fn positions_have_no_gaps_and_commit_order_is_their_order_under_8_threads_some_of_which_fail(dir: &World) {
    let store = create(dir);
    append(&store, meeting("taken"));
    let acknowledged: Vec<(u64, String)> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8)
            .map(|thread| {
                scope.spawn({
                    let store = store.clone();
                    move || appended_by(&store, thread)
                })
            })
            .collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    let log = whole_log(&store);
    let positions: Vec<u64> = log.iter().map(|(position, _)| *position).collect();
    assert_eq!(positions, (1..=log.len() as u64).collect::<Vec<_>>());
    let log: HashSet<_> = log.into_iter().skip(1).collect();
    assert_eq!(log, acknowledged.into_iter().collect::<HashSet<_>>());
}

/// Appends 60 events, every third of them refused, and checks that what was acknowledged can be read at once
/// and that each next position is higher.
fn appended_by(store: &Store, thread: u64) -> Vec<(u64, String)> {
    let mut acknowledged = Vec::new();
    for turn in 0..60 {
        let id = format!("t{thread}-{turn}");
        let subject = format!("nominal/N-{}", turn % 4);
        let event = match turn % 3 {
            0 => event("taken", "nominal.died", "{}"),
            1 => meeting_of(&subject, &id),
            _ => meeting_of(&format!("nominal/T-{thread}"), &id).expecting(Sequence::new(turn / 3)),
        };
        match append(store, event) {
            Outcome::Stored { position, .. } => {
                assert!(acknowledged.last().is_none_or(|(last, _)| *last < position.get()));
                let found = store.reader().by_position(position).unwrap().unwrap();
                assert_eq!(*found.fact.id, *id);
                acknowledged.push((position.get(), id));
            }
            Outcome::Refused(_) => assert_eq!(turn % 3, 0),
            other => panic!("{other:?}"),
        }
    }
    acknowledged
}

fn what_was_queued_is_stored_before_the_store_closes_and_is_there_when_it_is_opened_again(dir: &World) {
    let store = create(dir);
    for batch in 0..20 {
        let events = (0..50).map(|n| meeting(&format!("{batch}-{n}"))).collect();
        let mut waiting = Box::pin(store.append(events, OnError::Each));
        // Polled once, it is queued; dropped then, it takes effect all the same.
        let waker = std::task::Waker::noop();
        assert!(waiting.as_mut().poll(&mut std::task::Context::from_waker(waker)).is_pending());
    }
    drop(store);
    let store = reopen(dir);
    assert_eq!(whole_log(&store).len(), 1_000);
    assert_eq!(stored(&append(&store, meeting("next"))), 1_001);
    assert_eq!(store.reader().version("nominal/N-1").unwrap(), Sequence::new(1_001));
}

fn whoever_appends_while_a_flood_is_stored_comes_between_its_batches_which_stay_whole_and_in_order(
    dir: &World,
) {
    let store = create(dir);
    let batch = |name: usize, size: usize| -> Vec<NewEvent> {
        (0..size).map(|n| meeting_of(&format!("nominal/N-{n}"), &format!("{name}-{n:04}"))).collect()
    };
    let sizes: Vec<usize> = std::iter::once(5_000).chain([500; 20]).collect();
    let flood: Vec<Vec<NewEvent>> = sizes.iter().enumerate().map(|(name, size)| batch(name, *size)).collect();
    let other = meeting("other");
    // All are queued while the writer stores the first.
    let queued: Vec<_> =
        flood.into_iter().map(|events| store.queue_blocking(events, OnError::All).unwrap()).collect();
    let position = usize::try_from(stored(&append(&store, other))).unwrap();
    for (queued, size) in queued.into_iter().zip(&sizes) {
        let (events, _, answer) = queued.wait();
        assert_eq!((events.len(), answer.unwrap().len()), (*size, *size));
    }
    let mut log: Vec<String> = whole_log(&store).into_iter().map(|(_, id)| id).collect();
    assert_eq!(log.remove(position - 1), "other");
    let wanted: Vec<String> = sizes
        .iter()
        .enumerate()
        .flat_map(|(name, size)| (0..*size).map(move |n| format!("{name}-{n:04}")))
        .collect();
    assert_eq!(log, wanted);
    let before: usize = position - 1;
    let ends = sizes.iter().scan(0, |end, size| {
        *end += size;
        Some(*end)
    });
    assert!(before == 0 || ends.into_iter().any(|end| end == before), "within a batch, after {before}");
    assert!(before < wanted.len(), "after all of the flood");
}

fn a_full_queue_makes_callers_wait_and_loses_nothing(dir: &World) {
    let mut options = dir.options(clock());
    mandate_store::Keys::create(&options.key_file).unwrap();
    options.queue_events = 3;
    let store = Store::open(options).unwrap();
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let store = store.clone();
            scope.spawn(move || {
                for turn in 0..10 {
                    let batch = (0..5).map(|n| meeting(&format!("{thread}-{turn}-{n}"))).collect();
                    store.append_blocking(batch, OnError::All).unwrap();
                }
            });
        }
    });
    assert_eq!(whole_log(&store).len(), 400);
}

fn what_was_presumed_to_be_new_and_is_not_is_answered_as_ever_and_the_rest_of_its_batch_is_stored(
    dir: &World,
) {
    let store = create(dir);
    append(&store, meeting("a"));
    append(&store, meeting("b"));
    let other = event("b", "meeting.held", r#"{"meeting":"another","level":1}"#);
    let batch = vec![meeting("a").presumed_new(), other.presumed_new(), meeting("c").presumed_new()];
    let outcomes = store.append_blocking(batch.clone(), OnError::Each).unwrap();
    assert_eq!(outcomes[0], Outcome::AlreadyStored { position: Position::new(1) });
    assert!(matches!(outcomes[1], Outcome::Refused(Refusal::Conflict { .. })), "{outcomes:?}");
    assert_eq!(stored(&outcomes[2]), 3);
    let outcomes = store.append_blocking(batch, OnError::All).unwrap();
    assert!(matches!(outcomes[1], Outcome::Refused(Refusal::Conflict { .. })), "{outcomes:?}");
    assert_eq!(whole_log(&store).len(), 3);
    assert_eq!(stored(&append(&store, meeting("d").presumed_new())), 4);
}

fn a_clock_that_goes_back_does_not_move_recorded_at_back(dir: &World) {
    let clock = clock();
    let store = create_with(dir, clock.clone());
    let noon = at("2026-03-02T12:00:00Z");
    let later = at("2026-03-02T12:00:00.000000001Z");
    for (id, now, recorded) in
        [("a", noon, noon), ("b", at("2016-01-01T00:00:00Z"), noon), ("c", later, later)]
    {
        clock.set(now);
        assert!(
            matches!(append(&store, meeting(id)), Outcome::Stored { recorded_at, .. } if recorded_at == recorded)
        );
    }
    assert_eq!(store.reader().head().unwrap().recorded_at, later);
    drop(store);
    let store = reopen(dir);
    assert!(
        matches!(append(&store, meeting("d")), Outcome::Stored { recorded_at, .. } if recorded_at == later)
    );
}

fn the_watch_tells_of_the_new_head(dir: &World) {
    let store = create(dir);
    let watch = store.watch();
    assert_eq!(watch.borrow().position, Position::START);
    append(&store, meeting("a"));
    assert_eq!(watch.borrow().position, Position::new(1));
    assert!(watch.has_changed().unwrap());
}

fn actors_and_commands_are_kept_and_personal_numbers_refused_as_such(dir: &World) {
    let store = create(dir);
    append(&store, meeting("a").by("user-7").unwrap().for_command("c-1").unwrap());
    let event = store.reader().by_source_id("/t", "a").unwrap().unwrap();
    assert_eq!((event.actor.as_deref(), event.command_id.as_deref()), (Some("user-7"), Some("c-1")));
    let refused = meeting("b").by("X777978").unwrap_err().to_string();
    assert_eq!(refused, "field `actor`: looks like a CRN, NOMS or PNC number; use an opaque reference");
}

both! {
    a_batch_that_holds_an_event_twice_stores_it_once_and_refuses_it_with_other_content,
    the_same_event_twice_is_stored_once_and_the_second_time_answered_with_its_position,
    the_same_event_in_other_words_is_the_same_event,
    other_content_under_the_same_id_is_a_conflict_that_names_what_differs_and_no_value,
    type_subject_and_time_are_named_when_they_differ,
    a_claim_of_when_it_was_recorded_is_kept_only_when_accepted_and_makes_no_conflict,
    an_expected_version_is_checked_inside_the_transaction,
    a_repeated_event_is_recognised_though_its_stream_has_moved_on,
    one_refused_event_refuses_all_of_an_all_or_nothing_batch,
    each_event_of_the_other_kind_of_batch_stands_for_itself,
    what_a_large_import_stored_is_known_in_the_next_one_and_after_opening_again,
    versions_count_through_a_batch,
    a_batch_that_is_too_long_is_refused_with_the_limit,
    positions_have_no_gaps_and_commit_order_is_their_order_under_8_threads_some_of_which_fail,
    what_was_queued_is_stored_before_the_store_closes_and_is_there_when_it_is_opened_again,
    whoever_appends_while_a_flood_is_stored_comes_between_its_batches_which_stay_whole_and_in_order,
    a_full_queue_makes_callers_wait_and_loses_nothing,
    what_was_presumed_to_be_new_and_is_not_is_answered_as_ever_and_the_rest_of_its_batch_is_stored,
    a_clock_that_goes_back_does_not_move_recorded_at_back,
    the_watch_tells_of_the_new_head,
    actors_and_commands_are_kept_and_personal_numbers_refused_as_such,
}
