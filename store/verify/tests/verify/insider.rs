//! Scripts of an insider who has the database and, in most of them, even the signing key: each is found by an auditor who
//! holds one older checkpoint, and each is shown to pass unnoticed by one who holds none, where that is so.

use mandate_verify::check::{Lack, Report, Verdict, verify};
use mandate_verify::note::{Checkpoint, SigningKey};

use crate::log::{Event, Log, NAME, Raw, place, range};

/// Size of the checkpoint that the auditor holds.
const HELD: u64 = 6;

/// The log as it was, and what the auditor holds of it.
fn honest() -> (Log, Vec<String>) {
    let log = Log::new(10);
    let held = vec![log.checkpoint(HELD)];
    (log, held)
}

/// The log with its events changed, renumbered and hashed anew, and signed with the real key.
fn forged(change: impl FnOnce(&mut Vec<Event>)) -> Log {
    let mut log = Log::new(10);
    change(&mut log.events);
    for (position, event) in (1..).zip(&mut log.events) {
        event.position = position;
        event.recorded_at = 1_000 * i64::try_from(position).unwrap();
    }
    log
}

/// Found by whoever holds the checkpoint, with these positions; not by whoever holds none.
fn found_by_the_holder_only(bundle: &[u8], code: u8, first: u64, last: u64) {
    let (log, held) = honest();
    assert_eq!(log.verdict(bundle, &held), (code, first, last));
    assert_eq!(log.verify(bundle, &[]).verdict.exit_code(), 0, "the control must pass");
}

#[test]
fn an_edit_without_a_new_hash_is_found_at_its_position() {
    let (log, held) = honest();
    for position in 1..=10 {
        let mut raw = Raw::parse(&log.bundle(1, 10, &[10]));
        let body = &mut raw.0[position].1;
        let at = body.windows(4).position(|part| part == b"{\"n\"").unwrap();
        body[at + 1] = b'#';
        let position = position as u64;
        assert_eq!(log.verdict(&raw.bytes(), &held), (5, position, position));
        assert_eq!(log.verdict(&raw.bytes(), &[]), (5, position, position));
    }
}

#[test]
fn an_edit_that_is_hashed_and_signed_anew_is_found() {
    for edited in 0..6 {
        let log = forged(|events| events[edited].payload = b"{}".to_vec());
        found_by_the_holder_only(&log.whole(), 5, 1, HELD);
    }
    // The leaf alone hashed anew, the checkpoints left: those in the bundle find it, from the last that still agrees.
    let (honest, _) = honest();
    let log = forged(|events| events[6].payload = b"{}".to_vec());
    let mut raw = Raw::parse(&honest.whole());
    let forged = Raw::parse(&log.whole());
    for place in raw.places(b'E') {
        raw.0[place] = forged.0[place].clone();
    }
    assert_eq!(honest.verdict(&raw.bytes(), &[]), (5, 5, 8));
}

#[test]
fn the_more_checkpoints_are_held_the_narrower_is_the_range() {
    let (honest, _) = honest();
    let held: Vec<String> = [1, 3, 4, 5, 9].map(|size| honest.checkpoint(size)).to_vec();
    let log = forged(|events| events[4].actor = None);
    assert_eq!(log.verdict(&log.whole(), &held), (0, 1, 10), "its actor was none before");
    let log = forged(|events| events[4].actor = Some("u-2".to_owned()));
    assert_eq!(log.verdict(&log.whole(), &held), (5, 5, 5));
    let log = forged(|events| events[5].actor = None);
    assert_eq!(log.verdict(&log.whole(), &held), (5, 6, 9));
}

#[test]
fn a_sealed_part_that_is_taken_away_is_found() {
    let log = forged(|events| events[4].sealed = None);
    found_by_the_holder_only(&log.whole(), 5, 1, HELD);
}

#[test]
fn a_tail_that_is_cut_off_is_found() {
    for left in 0..HELD {
        let log = forged(|events| events.truncate(place(left)));
        let bundle = if left == 0 { log.bundle(1, 0, &[0]) } else { log.whole() };
        found_by_the_holder_only(&bundle, 6, left + 1, HELD);
    }
}

#[test]
fn a_tail_that_is_cut_off_is_found_though_the_proof_was_kept() {
    let (log, held) = honest();
    for left in 1..HELD {
        let bundle = log.bundle(1, left, &[left, HELD]);
        found_by_the_holder_only(&bundle, 6, left + 1, HELD);
        let verdict = log.verify(&bundle, &held).verdict;
        assert_eq!(verdict, Verdict::Missing { first: left + 1, last: HELD, why: Lack::Part });
    }
}

#[test]
fn an_event_that_is_put_in_is_found() {
    for at in 0..6 {
        let log = forged(|events| {
            let copy = Event { event_id: "e-new".to_owned(), ..events[9].clone() };
            events.insert(at, copy);
        });
        found_by_the_holder_only(&log.whole(), 5, 1, HELD);
    }
}

#[test]
fn events_that_change_places_are_found() {
    for at in 1..6 {
        let log = forged(|events| events.swap(at - 1, at));
        found_by_the_holder_only(&log.whole(), 5, 1, HELD);
    }
    // Records that change places in the file, and keep their positions.
    let (log, _) = honest();
    let mut raw = Raw::parse(&log.bundle(1, 10, &[10]));
    raw.0.swap(4, 5);
    assert_eq!(log.verdict(&raw.bytes(), &[]), (5, 4, 4));
    let mut raw = Raw::parse(&log.bundle(1, 10, &[10]));
    raw.0.swap(2, 9);
    assert_eq!(log.verdict(&raw.bytes(), &[]), (5, 2, 2));
}

#[test]
fn an_event_that_is_repeated_is_found() {
    let log = forged(|events| events.insert(3, events[2].clone()));
    found_by_the_holder_only(&log.whole(), 5, 1, HELD);
    let (log, _) = honest();
    let mut raw = Raw::parse(&log.bundle(1, 10, &[10]));
    raw.0.insert(4, raw.0[3].clone());
    assert_eq!(log.verdict(&raw.bytes(), &[]), (5, 4, 4));
}

#[test]
fn an_event_that_is_removed_is_found() {
    for at in 0..6 {
        let log = forged(|events| drop(events.remove(at)));
        found_by_the_holder_only(&log.whole(), 5, 1, HELD);
        // Its row alone, the others left as they are.
        let (log, _) = honest();
        let raw = Raw::parse(&log.bundle(1, 10, &[10])).without(&[at + 1]);
        let position = at as u64 + 1;
        assert_eq!(log.verdict(&raw.bytes(), &[]), (6, position, position));
    }
}

#[test]
fn a_log_that_is_set_back_to_a_backup_and_goes_on_is_found() {
    let log = forged(|events| {
        for event in &mut events[4..] {
            event.event_id += "-again";
        }
    });
    found_by_the_holder_only(&log.whole(), 5, 1, HELD);
    // Before it has grown to the held size again.
    let log = forged(|events| {
        events.truncate(5);
        events[4].event_id += "-again";
    });
    found_by_the_holder_only(&log.whole(), 6, 6, 6);
}

#[test]
fn a_fork_shown_to_another_auditor_is_found_when_they_meet() {
    let one = Log::new(10);
    let two = forged(|events| events[7].payload = b"{}".to_vec());
    let (seen_by_one, seen_by_two) = (one.checkpoint(9), two.checkpoint(9));
    assert_eq!(one.verdict(&one.whole(), std::slice::from_ref(&seen_by_one)), (0, 1, 10));
    assert_eq!(two.verdict(&two.whole(), std::slice::from_ref(&seen_by_two)), (0, 1, 10));
    assert_eq!(one.verdict(&one.whole(), &[seen_by_two]), (5, 1, 9));
    assert_eq!(two.verdict(&two.whole(), &[one.checkpoint(4), seen_by_one]), (5, 5, 9));
    // The checkpoint of size 8 that the insider signed anew for the second does not narrow the range, but it is told.
    let text = two.verify(&two.whole(), &[one.checkpoint(9)]).to_string();
    assert!(
        text.contains("agrees with the events up to position 8, so the bad position is after that unless"),
        "{text}"
    );
}

/// The log with another key of the same name.
fn with_another_key(mut log: Log) -> Log {
    log.key = SigningKey::from_seed(NAME, &[8; 32]).unwrap();
    log
}

#[test]
fn a_key_that_is_replaced_is_found() {
    let (log, held) = honest();
    let thief = with_another_key(Log::new(10));
    let bundle = thief.whole();
    let named = |report: &Report| {
        let key = format!("{NAME}+{}", thief.key.verifying_key().key_hash());
        assert_eq!(report.other_keys, [key]);
    };
    // The auditor's own key: what the held checkpoint covers is proven, the rest is not, and the other key is named.
    let report = log.verify(&bundle, &held);
    assert_eq!((report.verdict.exit_code(), range(&report.verdict)), (6, (HELD + 1, 10)));
    named(&report);
    let report = log.verify(&bundle, &[]);
    assert_eq!((report.verdict.exit_code(), range(&report.verdict)), (6, (1, 10)));
    named(&report);
    // The key that the insider hands out: the held checkpoint is not signed by it.
    let report = verify(bundle.as_slice(), thief.key.verifying_key(), &held).unwrap();
    let signed_by = format!("{NAME}+{}", log.key.verifying_key().key_hash());
    let why = Lack::OtherKey { signed_by };
    assert_eq!(report.verdict, Verdict::Missing { first: 1, last: 10, why });
    // The control: with the insider's key and no checkpoint of one's own, all seems well.
    let report = verify(bundle.as_slice(), thief.key.verifying_key(), &[""; 0]).unwrap();
    assert_eq!(report.verdict.exit_code(), 0);
}

#[test]
fn an_edit_that_is_signed_with_another_key_is_found() {
    let (log, held) = honest();
    let thief = with_another_key(forged(|events| events[2].payload = b"{}".to_vec()));
    assert_eq!(log.verdict(&thief.whole(), &held), (5, 1, HELD));
    // The name and hash of the real key put on the insider's signature.
    let note = thief.checkpoint(10);
    let (text, _) = note.split_once("\n\n").unwrap();
    let real = log.checkpoint(10);
    let (_, signature) = real.split_once("\n\n").unwrap();
    let mut raw = Raw::parse(&thief.bundle(1, 10, &[10]));
    let place = raw.places(b'C')[0];
    raw.0[place].1 = format!("{text}\n\n{signature}").into_bytes();
    assert_eq!(log.verdict(&raw.bytes(), &[]), (5, 1, 10));
}

#[test]
fn another_log_in_the_place_of_this_one_is_found() {
    let (log, held) = honest();
    // Of another name, with a key of its own.
    let key = SigningKey::from_seed("other.example/log", &[9; 32]).unwrap();
    let mut other = forged(|events| events[0].payload = b"{}".to_vec());
    other.key = key;
    let root = other.tree(10).root();
    let mut raw = Raw::parse(&other_bundle(&other, "other.example/log", root));
    assert_eq!(log.verdict(&raw.bytes(), &held), (6, 1, 10));
    // The same with this log's name in its header.
    let place = raw.places(b'H')[0];
    raw.0[place] = Raw::parse(&log.bundle(1, 10, &[])).0[0].clone();
    assert_eq!(log.verdict(&raw.bytes(), &held), (5, 1, HELD));
}

/// A bundle of a log with another name.
fn other_bundle(log: &Log, name: &str, root: [u8; 32]) -> Vec<u8> {
    let mut raw = Raw::parse(&log.bundle(1, 10, &[]));
    let mut header = u32::try_from(name.len()).unwrap().to_be_bytes().to_vec();
    header.extend(name.as_bytes());
    header.extend(&raw.0[0].1[4 + NAME.len()..]);
    raw.0[0].1 = header;
    let note = log.key.sign(&Checkpoint::new(name, 10, root)).unwrap();
    let end = raw.0.len() - 1;
    raw.0.insert(end, (b'C', note.into_bytes()));
    raw.bytes()
}

#[test]
fn events_of_another_log_that_are_spliced_in_are_found() {
    let other = forged(|events| events.iter_mut().for_each(|event| event.aggregate_id.push('x')));
    let log = forged(|events| events.splice(2..5, other.events[2..5].to_vec()).for_each(drop));
    found_by_the_holder_only(&log.whole(), 5, 1, HELD);
    // Records alone, as they are.
    let (log, _) = honest();
    let mut raw = Raw::parse(&log.bundle(1, 10, &[4, 10]));
    let theirs = Raw::parse(&other.bundle(1, 10, &[4, 10]));
    raw.0[8] = theirs.0[8].clone();
    assert_eq!(log.verdict(&raw.bytes(), &[]), (5, 5, 10));
}

#[test]
fn what_was_recorded_after_the_held_checkpoint_is_for_the_next_one() {
    // The limit of it: an edit behind the held size, signed anew, is found by nobody yet.
    let (log, held) = honest();
    let forged = forged(|events| events[8].payload = b"{}".to_vec());
    assert_eq!(log.verdict(&forged.whole(), &held), (0, 1, 10));
    assert_eq!(log.verdict(&forged.whole(), &[log.checkpoint(9)]), (5, 1, 9));
}
