//! Checkpoints, proofs and bundles: what is signed, what is never signed, and that outsiders can check all of it.

use mandate_store::{OnError, Options, Part, Position, Store, StoreError};
use mandate_verify::check::{self, Lack, Verdict, verify_with};
use mandate_verify::note::{Checkpoint, VerifyingKey};
use mandate_verify::tree::{verify_consistency, verify_inclusion};

use crate::common::{World, append, clock, create, grow, leaves, meeting, place, reopen, tree, varied};

fn key(store: &Store) -> VerifyingKey {
    store.verifying_key().unwrap().clone()
}

/// What a stored or published note says, if this log's key signed it.
fn opened(store: &Store, note: &str) -> Checkpoint {
    key(store).open(note).unwrap()
}

fn published(world: &World) -> String {
    std::fs::read_to_string(world.dir.path().join("checkpoints")).unwrap()
}

fn a_checkpoint_is_signed_only_when_something_was_appended(world: &World) {
    let store = create(world);
    append(&store, varied(0));
    let first = store.checkpoint().unwrap().unwrap();
    assert_eq!(first.size, Position::new(1));
    assert!(store.checkpoint().unwrap().is_none());
    append(&store, varied(0));
    assert!(store.checkpoint().unwrap().is_none(), "a repeat is nothing new");
    append(&store, varied(1));
    append(&store, varied(2));
    assert_eq!(store.checkpoint().unwrap().unwrap().size, Position::new(3));
    drop(store);
    assert!(reopen(world).checkpoint().unwrap().is_none(), "nor is opening it again");
}

fn each_checkpoint_continues_the_one_before_and_stands_in_the_log_and_outside_of_it(world: &World) {
    let store = create(world);
    grow(&store, 35);
    let leaves = leaves(&store);
    let stored = store.reader().checkpoints(Position::new(35), 100).unwrap();
    let sizes: Vec<u64> = stored.iter().map(|signed| signed.size.get()).collect();
    assert_eq!(sizes, [35, 30, 20, 10]);
    let published = published(world);
    for pair in stored.windows(2) {
        let (new, old) = (opened(&store, &pair[0].note), opened(&store, &pair[1].note));
        assert_eq!(
            (new.size, new.root),
            (pair[0].size.get(), tree(&leaves[..place(pair[0].size.get())]).root())
        );
        let proof = store.reader().consistency(pair[1].size, pair[0].size).unwrap();
        verify_consistency(old.size, &old.root, new.size, &new.root, &proof).unwrap();
        assert!(published.contains(&pair[0].note) && published.contains(&pair[1].note));
    }
}

/// Whatever was done to the log since the last checkpoint, it is not signed.
fn never_signed(world: &World, sqlite: &str, postgres: &str, told: &str) {
    let world = world.another();
    let store = create(&world);
    grow(&store, 10);
    append(&store, varied(10));
    append(&store, varied(11));
    let before = published(&world);
    world.tamper(sqlite, postgres);
    match store.checkpoint() {
        Err(StoreError::Forked { reason }) => assert!(reason.contains(told), "{sqlite}: {reason}"),
        Err(error @ (StoreError::Gap { .. } | StoreError::Tree { .. })) => {
            assert!(error.to_string().contains(told), "{sqlite}: {error}");
        }
        other => panic!("{sqlite}: {other:?}"),
    }
    assert_eq!(published(&world), before, "{sqlite}");
    drop(store);
    let world = world.another();
    let untouched = create(&world);
    grow(&untouched, 10);
    append(&untouched, varied(10));
    assert!(untouched.checkpoint().unwrap().is_some(), "the control");
}

fn what_no_longer_leads_from_the_last_checkpoint_to_the_head_is_never_signed(world: &World) {
    let lead = "the leaves after position 10 do not lead to the tree of the head row at 12";
    never_signed(
        world,
        "UPDATE events SET leaf = zeroblob(32) WHERE position = 11",
        r"UPDATE events SET leaf = decode(repeat('00', 32), 'hex') WHERE position = 11",
        lead,
    );
    never_signed(
        world,
        "UPDATE head SET frontier = zeroblob(64)",
        "UPDATE head SET frontier = decode(repeat('00', 64), 'hex')",
        lead,
    );
    let missing = "DELETE FROM events WHERE position = 11";
    never_signed(world, missing, missing, "position 11 is missing");
    let back = "UPDATE head SET position = 11";
    never_signed(world, back, back, "the tree in the head row is not one of 11 events");
    never_signed(
        world,
        "UPDATE checkpoints SET frontier = zeroblob(64)",
        "UPDATE checkpoints SET frontier = decode(repeat('00', 64), 'hex')",
        "the stored checkpoint of size 10 was altered",
    );
    let note = "UPDATE checkpoints SET note = replace(note, 'log.example', 'log.exampel')";
    never_signed(world, note, note, "the stored checkpoint of size 10 is not signed by this log's key");
    let size = "UPDATE checkpoints SET size = 9";
    never_signed(world, size, size, "the stored checkpoint of size 9 was altered");
}

/// The log may be read, and nothing else.
fn is_read_only(world: &World, reason: &str, events: usize) {
    let store = reopen(world);
    let told = store.read_only().unwrap_or_else(|| panic!("wanted: {reason}")).to_owned();
    assert!(told.contains(reason), "{told}");
    match store.append_blocking(vec![meeting("late")], OnError::Each) {
        Err(StoreError::ReadOnly { reason }) => assert_eq!(reason, told),
        other => panic!("{other:?}"),
    }
    assert!(matches!(store.checkpoint(), Err(StoreError::Forked { .. })));
    assert_eq!(store.reader().read_after(Position::START, 100).unwrap().events.len(), events);
    store.keys().unseal(&store.reader().by_position(Position::new(1)).unwrap().unwrap()).unwrap();
}

fn a_log_shorter_than_its_published_checkpoint_is_read_only(world: &World) {
    let store = create(world);
    grow(&store, 8);
    drop(store);
    world.settle();
    let files = ["log.db"].map(|name| std::fs::read(world.dir.path().join(name)).unwrap_or_default());
    let store = reopen(world);
    grow(&store, 20);
    let (frontier, note) = {
        let signed = store.reader().checkpoints(Position::new(8), 1).unwrap().remove(0);
        (tree(&leaves(&store)[..8]).to_bytes(), signed.note)
    };
    drop(store);
    let hex = frontier.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let cut = "DELETE FROM events WHERE position > 8; DELETE FROM checkpoints WHERE size > 8;";
    world.tamper(
        &format!("{cut} UPDATE head SET position = 8, frontier = X'{hex}'"),
        &format!("{cut} UPDATE head SET position = 8, frontier = '\\x{hex}'"),
    );
    let reason = "it ends at position 8, and a checkpoint of 20 events was published";
    is_read_only(world, reason, 8);
    if world.database_is_sqlite() {
        world.settle();
        std::fs::write(world.dir.path().join("log.db"), &files[0]).unwrap();
        is_read_only(world, reason, 8);
    }
    // Whoever accepts the loss moves the file away.
    std::fs::write(world.dir.path().join("checkpoints"), format!("{note}\n")).unwrap();
    let store = reopen(world);
    assert_eq!(store.read_only(), None);
    append(&store, meeting("late"));
    assert_eq!(store.checkpoint().unwrap().unwrap().size, Position::new(9));
}

fn a_log_that_is_not_the_published_one_is_read_only(world: &World) {
    let store = create(world);
    grow(&store, 12);
    drop(store);
    let altered = "DELETE FROM checkpoints WHERE size > 10;
        UPDATE events SET leaf = (SELECT leaf FROM events WHERE position = 12) WHERE position = 11";
    world.tamper_with(altered);
    is_read_only(world, "its first 12 events are not those of the checkpoint that was published", 12);
}

fn a_log_whose_stored_checkpoint_was_altered_is_read_only(world: &World) {
    let store = create(world);
    grow(&store, 12);
    drop(store);
    world.tamper(
        "UPDATE checkpoints SET frontier = zeroblob(length(frontier))",
        "UPDATE checkpoints SET frontier = decode(repeat('00', length(frontier)), 'hex')",
    );
    is_read_only(world, "the stored checkpoint of size 12 was altered", 12);
}

fn a_log_published_with_another_key_is_read_only(world: &World) {
    let store = create(world);
    grow(&store, 12);
    drop(store);
    let signing = Options::new(world.dir.path(), clock()).signing_key;
    std::fs::remove_file(&signing).unwrap();
    mandate_store::create_signing_key(&signing, "log.example").unwrap();
    world.tamper_with("DELETE FROM checkpoints");
    is_read_only(world, "are signed by another key", 12);
}

fn a_torn_checkpoint_in_the_published_file_hides_none_of_the_others(world: &World) {
    let store = create(world);
    grow(&store, 10);
    let whole = published(world);
    grow(&store, 20);
    let second = published(world)[whole.len()..].to_owned();
    grow(&store, 40);
    let later = published(world)[whole.len() + second.len()..].to_owned();
    drop(store);
    let cut = "DELETE FROM events WHERE position > 30; DELETE FROM checkpoints WHERE size > 30;";
    let before = published(world);
    let step = if world.database_is_sqlite() { 1 } else { 13 };
    let with_torn = |torn: usize| [whole.as_bytes(), &second.as_bytes()[..torn], later.as_bytes()].concat();
    for torn in (0..=second.len()).step_by(step) {
        let text = with_torn(torn);
        std::fs::write(world.dir.path().join("checkpoints"), text).unwrap();
        assert_eq!(reopen(world).read_only(), None, "torn after {torn} bytes");
    }
    // What was published after the torn one is still held against the log.
    let store = reopen(world);
    let hex: String =
        tree(&leaves(&store)[..30]).to_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    drop(store);
    world.tamper(
        &format!("{cut} UPDATE head SET position = 30, frontier = X'{hex}'"),
        &format!("{cut} UPDATE head SET position = 30, frontier = '\\x{hex}'"),
    );
    for torn in (0..=second.len()).step_by(step) {
        let text = with_torn(torn);
        std::fs::write(world.dir.path().join("checkpoints"), text).unwrap();
        let store = reopen(world);
        assert!(store.read_only().is_some_and(|told| told.contains("a checkpoint of 40 events")), "{torn}");
    }
    std::fs::write(world.dir.path().join("checkpoints"), &before).unwrap();
    is_read_only(world, "a checkpoint of 40 events was published", 30);
}

fn every_event_of_a_small_log_is_proven_in_every_size_and_every_size_in_every_later_one(world: &World) {
    let store = create(world);
    grow(&store, 21);
    let leaves = leaves(&store);
    let root = |size: u64| tree(&leaves[..place(size)]).root();
    for size in 0..=21 {
        for index in 0..size {
            let proof = store.reader().inclusion(Position::new(index + 1), Position::new(size)).unwrap();
            verify_inclusion(&leaves[place(index)], index, size, &proof, &root(size)).unwrap();
            let other = &leaves[(place(index) + 1) % 21];
            verify_inclusion(other, index, size, &proof, &root(size)).unwrap_err();
        }
        for old in 0..=size {
            let proof = store.reader().consistency(Position::new(old), Position::new(size)).unwrap();
            verify_consistency(old, &root(old), size, &root(size), &proof).unwrap();
        }
    }
    for (position, size) in [(0, 21), (22, 22), (5, 4), (1, 22)] {
        let refused = store.reader().inclusion(Position::new(position), Position::new(size));
        assert!(matches!(refused, Err(StoreError::Beyond { .. })), "{position} in {size}");
    }
    for (old, new) in [(3, 2), (1, 22)] {
        let refused = store.reader().consistency(Position::new(old), Position::new(new));
        assert!(matches!(refused, Err(StoreError::Beyond { .. })), "{old} in {new}");
    }
}

fn events_here_and_there_in_a_bigger_log_are_proven(world: &World) {
    let store = create(world);
    for batch in 0..3 {
        let events = (batch * 700..(batch + 1) * 700).map(varied).collect();
        store.append_blocking(events, OnError::All).unwrap();
    }
    let leaves = leaves(&store);
    let mut random = 0x2545_f491_4f6c_dd1d_u64;
    let mut below = |limit: u64| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random % limit
    };
    for _ in 0..40 {
        let size = below(2_100) + 1;
        let (index, old) = (below(size), below(size + 1));
        let root = tree(&leaves[..place(size)]).root();
        let proof = store.reader().inclusion(Position::new(index + 1), Position::new(size)).unwrap();
        verify_inclusion(&leaves[place(index)], index, size, &proof, &root).unwrap();
        let proof = store.reader().consistency(Position::new(old), Position::new(size)).unwrap();
        let before = tree(&leaves[..place(old)]).root();
        verify_consistency(old, &before, size, &root, &proof).unwrap();
    }
}

fn a_bundle_of_the_whole_log_or_of_any_part_of_it_is_verified_by_an_outsider(world: &World) {
    let store = create(world);
    grow(&store, 33);
    append(&store, varied(33));
    let key = key(&store);
    let older = store.reader().checkpoints(Position::new(20), 1).unwrap().remove(0).note;
    let latest = store.reader().checkpoints(Position::new(34), 1).unwrap().remove(0).note;
    let mut whole = Vec::new();
    let range = store.reader().export_bundle(&mut whole, Part::default(), &[]).unwrap();
    assert_eq!(range, (Position::new(1), Position::new(33)), "what is proven, and no more");
    let report = check::verify(whole.as_slice(), &key, &[older, latest.clone()]).unwrap();
    assert!(matches!(report.verdict, Verdict::Ok { first: 1, last: 33, log_size: 33, .. }), "{report}");
    for after in 0..=33 {
        for last in after..=33 {
            let part = Part { after: Position::new(after), up_to: Some(Position::new(last)) };
            let mut bundle = Vec::new();
            store.reader().export_bundle(&mut bundle, part, &[]).unwrap();
            let options = check::Options { part: true, progress: None };
            let report = verify_with(bundle.as_slice(), &key, &[&latest], options).unwrap();
            let wanted = matches!(report.verdict, Verdict::Ok { first, last: end, log_size: 33, .. }
                if first == after + 1 && end == last);
            assert!(wanted, "{after} to {last}: {report}");
            let alone = check::verify(bundle.as_slice(), &key, &[&latest]).unwrap();
            let complete = last == 33;
            assert_eq!(alone.verdict.exit_code(), if complete { 0 } else { 6 }, "{after} to {last}: {alone}");
        }
    }
    let beyond = Part { after: Position::START, up_to: Some(Position::new(99)) };
    let mut bundle = Vec::new();
    store.reader().export_bundle(&mut bundle, beyond, &[]).unwrap();
    let report = check::verify(bundle.as_slice(), &key, &[&latest]).unwrap();
    assert!(
        matches!(report.verdict, Verdict::Missing { first: 34, last: 34, why: Lack::Unsigned }),
        "{report}"
    );
}

fn a_log_in_which_nothing_was_signed_has_no_bundle(world: &World) {
    let store = create(world);
    append(&store, varied(0));
    let refused = store.reader().export_bundle(Vec::new(), Part::default(), &[]).unwrap_err();
    assert_eq!(refused.to_string(), "no checkpoint was signed yet; `mandate log checkpoint` signs one");
}

fn bundles_and_verification_beside_a_writer_that_signs_are_sound(world: &World) {
    let store = create(world);
    grow(&store, 10);
    let key = key(&store);
    let done = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        let growing = scope.spawn(|| {
            let mut size = 10;
            while !done.load(std::sync::atomic::Ordering::Relaxed) && size < 20_000 {
                append(&store, varied(size));
                size += 1;
                store.checkpoint().unwrap().unwrap();
            }
            size
        });
        let looks = if world.database_is_sqlite() { 60 } else { 30 };
        for _ in 0..looks {
            let mut bundle = Vec::new();
            store.reader().export_bundle(&mut bundle, Part::default(), &[]).unwrap();
            let report = check::verify::<&str>(bundle.as_slice(), &key, &[]).unwrap();
            assert!(matches!(report.verdict, Verdict::Ok { .. }), "{report}");
            let found = store.reader().verify(Some(&key), &[], |_, _| {}).unwrap();
            let sound =
                found.problems.is_empty() && (found.exit_code() == 0 || found.not_signed_yet().is_some());
            assert!(sound, "{found:?}");
        }
        done.store(true, std::sync::atomic::Ordering::Relaxed);
        assert!(growing.join().unwrap() > 10, "the log grew meanwhile");
    });
}

#[test]
fn a_log_from_before_the_tree_gets_it_when_it_is_opened() {
    let world = World::sqlite();
    let store = create(&world);
    grow(&store, 23);
    let leaves = leaves(&store);
    drop(store);
    let log = rusqlite::Connection::open(world.dir.path().join("log.db")).unwrap();
    let older = "DROP TABLE checkpoints; ALTER TABLE head DROP COLUMN frontier; PRAGMA user_version = 1;";
    log.execute_batch(older).unwrap();
    drop(log);
    let older = "DROP TABLE erased; DROP TABLE restricted; ALTER TABLE key_file DROP COLUMN lookup; PRAGMA user_version = 1;";
    world.tamper_keys(older);
    std::fs::remove_file(world.dir.path().join("checkpoints")).unwrap();
    let refused = Store::open_read_only(world.dir.path(), &world.database).unwrap_err().to_string();
    assert!(
        refused.contains("has schema 1, this program reads 2; open it once with `mandate serve`"),
        "{refused}"
    );

    let store = reopen(&world);
    let signed = store.checkpoint().unwrap().unwrap();
    assert_eq!(opened(&store, &signed.note).root, tree(&leaves).root());
    let found = store.reader().verify(store.verifying_key(), &[signed.note], |_, _| {}).unwrap();
    assert_eq!(found.exit_code(), 0, "{found:?}");
    grow(&store, 31);
    let event = store.reader().by_position(Position::new(1)).unwrap().unwrap();
    assert!(!store.keys().unseal(&event).unwrap().is_empty());
}

both! {
    a_checkpoint_is_signed_only_when_something_was_appended,
    each_checkpoint_continues_the_one_before_and_stands_in_the_log_and_outside_of_it,
    what_no_longer_leads_from_the_last_checkpoint_to_the_head_is_never_signed,
    a_log_shorter_than_its_published_checkpoint_is_read_only,
    a_log_that_is_not_the_published_one_is_read_only,
    a_log_whose_stored_checkpoint_was_altered_is_read_only,
    a_log_published_with_another_key_is_read_only,
    a_torn_checkpoint_in_the_published_file_hides_none_of_the_others,
    every_event_of_a_small_log_is_proven_in_every_size_and_every_size_in_every_later_one,
    events_here_and_there_in_a_bigger_log_are_proven,
    a_bundle_of_the_whole_log_or_of_any_part_of_it_is_verified_by_an_outsider,
    a_log_in_which_nothing_was_signed_has_no_bundle,
    bundles_and_verification_beside_a_writer_that_signs_are_sound,
}
