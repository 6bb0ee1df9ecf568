//! What a verification finds, and which positions it names.

use mandate_verify::bundle::{Header, Writer};
use mandate_verify::check::{
    Alteration, Holder, Lack, MAX_OTHER_KEYS, MAX_PENDING, Options, Verdict, verify, verify_with,
};
use mandate_verify::note::{Checkpoint, SigningKey};
use mandate_verify::tree::Frontier;

use crate::log::{Log, NAME, Raw};

fn altered(first: u64, last: u64, what: Alteration) -> Verdict {
    Verdict::Altered { first, last, what }
}

fn missing(first: u64, last: u64, why: Lack) -> Verdict {
    Verdict::Missing { first, last, why }
}

fn part(log: &Log, bundle: &[u8], brought: &[String]) -> Verdict {
    let options = Options { part: true, ..Options::default() };
    verify_with(bundle, log.key.verifying_key(), brought, options).unwrap().verdict
}

#[test]
fn a_whole_log_is_proven() {
    let log = Log::new(10);
    let report = log.verify(&log.whole(), &[log.checkpoint(6), log.checkpoint(0), log.checkpoint(10)]);
    let root = log.tree(10).root();
    assert_eq!(report.verdict, Verdict::Ok { first: 1, last: 10, log_size: 10, root });
    // Of sizes 4, 8 and 10, and the three that were brought.
    assert_eq!((report.checkpoints, report.events, report.proven), (6, 10, Some(10)));
    assert_eq!(report.origin.as_deref(), Some(NAME));
}

#[test]
fn checkpoints_may_all_stand_in_front() {
    let log = Log::new(6);
    let mut raw = Raw::parse(&log.bundle(1, 6, &[2, 4, 6]));
    let places = raw.places(b'C');
    for (to, from) in places.iter().enumerate() {
        let record = raw.0.remove(*from);
        raw.0.insert(1 + to, record);
    }
    assert_eq!(raw.places(b'C'), [1, 2, 3]);
    let report = log.verify(&raw.bytes(), &[]);
    assert_eq!((report.verdict.exit_code(), report.checkpoints), (0, 3));
}

#[test]
fn a_checkpoint_that_comes_too_late_is_unreadable() {
    let log = Log::new(6);
    let mut raw = Raw::parse(&log.bundle(1, 6, &[4, 6]));
    let early = raw.places(b'C')[0];
    raw.0.swap(early, early + 1);
    let Verdict::Unreadable { why } = log.verify(&raw.bytes(), &[]).verdict else { panic!("{raw:?}") };
    assert_eq!(why, "the checkpoint of size 4 stands after position 5, too late to compare");
}

#[test]
fn an_empty_log_is_proven_by_a_checkpoint_of_size_0() {
    let log = Log::new(0);
    let root = Frontier::new().root();
    let verdict = log.verify(&log.bundle(1, 0, &[0]), &[log.checkpoint(0)]).verdict;
    assert_eq!(verdict, Verdict::Ok { first: 1, last: 0, log_size: 0, root });
    assert_eq!(log.verify(&log.bundle(1, 0, &[]), &[]).verdict, missing(1, 0, Lack::Unsigned));
}

#[test]
fn a_tail_that_no_checkpoint_covers_is_not_proven() {
    let log = Log::new(10);
    for (sizes, from) in [(&[][..], 1), (&[4][..], 5), (&[4, 9][..], 10)] {
        let verdict = log.verify(&log.bundle(1, 10, sizes), &[]).verdict;
        assert_eq!(verdict, missing(from, 10, Lack::Unsigned), "{sizes:?}");
    }
    // One that the auditor brings counts as well.
    assert_eq!(log.verdict(&log.bundle(1, 10, &[4]), &[log.checkpoint(10)]), (0, 1, 10));
    assert_eq!(log.verdict(&log.bundle(1, 10, &[4]), &[log.checkpoint(9)]), (6, 10, 10));
}

#[test]
fn a_part_is_proven_by_the_frontier_in_front_and_a_proof_behind() {
    let log = Log::new(40);
    for first in [1, 2, 9, 16, 17, 30] {
        for last in first..=31 {
            for size in [last, last + 1, 32, 33, 40] {
                let verdict = log.verify(&log.bundle(first, last, &[size]), &[]).verdict;
                let root = log.tree(last).root();
                let wanted = Verdict::Ok { first, last, log_size: size, root };
                assert_eq!(verdict, wanted, "{first} to {last} by {size}");
            }
        }
    }
    // Several proofs, for a checkpoint in the bundle and one that was brought.
    assert_eq!(log.verdict(&log.bundle(5, 9, &[9, 20, 40]), &[]), (0, 5, 9));
}

#[test]
fn a_false_frontier_is_found_through_the_signed_root() {
    let log = Log::new(12);
    let mut other = Log::new(12);
    other.events[2].payload.push(b' ');
    let header = Header { origin: NAME.to_owned(), first: 8, last: 12, frontier: other.tree(7) };
    let mut writer = Writer::new(Vec::new(), &header).unwrap();
    for event in &log.events[7..] {
        writer.event(&event.entry(), &event.entry().digest()).unwrap();
    }
    writer.checkpoint(&log.checkpoint(12)).unwrap();
    let bundle = writer.finish().unwrap();
    let holder = Holder::Bundle;
    assert_eq!(log.verify(&bundle, &[]).verdict, altered(1, 12, Alteration::Root { holder, agreed: None }));
    // A checkpoint of the size in front of the bundle is compared with the frontier itself.
    let holder = Holder::Auditor;
    let verdict = log.verify(&bundle, &[log.checkpoint(7)]).verdict;
    assert_eq!(verdict, altered(1, 7, Alteration::Root { holder, agreed: None }));
}

#[test]
fn a_checkpoint_from_before_the_bundle_can_be_compared_only_where_the_bundle_begins() {
    let log = Log::new(12);
    let bundle = log.bundle(8, 12, &[12]);
    assert_eq!(log.verdict(&bundle, &[log.checkpoint(7)]), (0, 8, 12));
    let holder = Holder::Auditor;
    let verdict = log.verify(&bundle, &[log.checkpoint(3)]).verdict;
    assert_eq!(verdict, missing(4, 7, Lack::Before { holder }));
    let holder = Holder::Bundle;
    let verdict = log.verify(&log.bundle(8, 12, &[5, 12]), &[]).verdict;
    assert_eq!(verdict, missing(6, 7, Lack::Before { holder }));
    // What is wrong with the events is said first.
    let mut raw = Raw::parse(&bundle);
    raw.0[2].1[15] ^= 1;
    assert_eq!(log.verify(&raw.bytes(), &[log.checkpoint(3)]).verdict, altered(9, 9, Alteration::Leaf));
}

#[test]
fn a_checkpoint_beyond_the_bundle_names_what_is_missing() {
    let log = Log::new(12);
    let bundle = log.bundle(1, 9, &[9]);
    let holder = Holder::Auditor;
    let verdict = log.verify(&bundle, &[log.checkpoint(4), log.checkpoint(11)]).verdict;
    assert_eq!(verdict, missing(10, 11, Lack::Signed { holder }));
    // The same in the bundle, its proof left out.
    let raw = Raw::parse(&log.bundle(1, 9, &[9, 12]));
    let proofs = raw.places(b'P');
    let holder = Holder::Bundle;
    let verdict = log.verify(&raw.without(&proofs).bytes(), &[]).verdict;
    assert_eq!(verdict, missing(10, 12, Lack::Signed { holder }));
}

#[test]
fn a_proof_to_a_checkpoint_that_was_brought_counts_only_where_a_part_was_asked_for() {
    let log = Log::new(12);
    let bundle = log.bundle(1, 9, &[9, 12]);
    let brought = [log.checkpoint(12)];
    assert_eq!(log.verify(&bundle, &brought).verdict, missing(10, 12, Lack::Part));
    let root = log.tree(9).root();
    assert_eq!(part(&log, &bundle, &brought), Verdict::Ok { first: 1, last: 9, log_size: 12, root });
}

#[test]
fn a_proof_that_does_not_hold_names_the_range() {
    let log = Log::new(12);
    let good = Raw::parse(&log.bundle(1, 9, &[4, 12]));
    let place = good.places(b'P')[0];
    let holder = Holder::Bundle;
    for at in 8..good.0[place].1.len() {
        let mut raw = good.clone();
        raw.0[place].1[at] ^= 0x10;
        let verdict = log.verify(&raw.bytes(), &[]).verdict;
        assert_eq!(verdict, altered(5, 12, Alteration::Proof { holder }), "{at}");
    }
}

#[test]
fn two_checkpoints_of_one_size_with_different_roots_are_a_fork() {
    let log = Log::new(8);
    let other = log.key.sign(&Checkpoint::new(NAME, 8, [1; 32])).unwrap();
    let bundle = log.bundle(1, 6, &[4, 6]);
    let verdict = log.verify(&bundle, &[log.checkpoint(8), other.clone()]).verdict;
    assert_eq!(verdict, altered(1, 8, Alteration::Fork));
    // Within the bundle the one that is false is named by its holder.
    let holder = Holder::Auditor;
    for brought in [vec![other.clone()], vec![log.checkpoint(8), other]] {
        let verdict = log.verify(&log.bundle(1, 8, &[4, 8]), &brought).verdict;
        assert_eq!(verdict, altered(1, 8, Alteration::Root { holder, agreed: Some(4) }));
    }
}

#[test]
fn times_of_recording_may_be_equal_and_never_decrease() {
    let mut log = Log::new(6);
    log.events[3].recorded_at = log.events[2].recorded_at;
    assert_eq!(log.verdict(&log.whole(), &[]), (0, 1, 6));
    log.events[3].recorded_at -= 1;
    assert_eq!(log.verify(&log.whole(), &[]).verdict, altered(4, 4, Alteration::Clock));
}

#[test]
fn events_after_the_last_that_is_announced_are_found() {
    let log = Log::new(6);
    let long = Raw::parse(&log.bundle(1, 6, &[]));
    let mut raw = Raw::parse(&log.bundle(1, 4, &[4]));
    let place = raw.0.len() - 1;
    raw.0.insert(place, long.0[5].clone());
    assert_eq!(log.verify(&raw.bytes(), &[]).verdict, altered(5, 5, Alteration::Beyond));
}

#[test]
fn events_that_are_wanting_are_named() {
    let log = Log::new(10);
    let raw = Raw::parse(&log.bundle(1, 10, &[10]));
    // Records 1 to 10 are the events.
    let hole = raw.clone().without(&[4, 5, 6, 9]).bytes();
    assert_eq!(log.verify(&hole, &[]).verdict, missing(4, 6, Lack::Hole));
    let tail = raw.clone().without(&[8, 9, 10]).bytes();
    assert_eq!(log.verify(&tail, &[]).verdict, missing(8, 10, Lack::Tail));
    let head = raw.clone().without(&[1, 2]).bytes();
    assert_eq!(log.verify(&head, &[]).verdict, missing(1, 2, Lack::Hole));
    // A hole in a file that is cut short as well is still a hole.
    assert_eq!(log.verify(&hole[..hole.len() - 20], &[]).verdict, missing(4, 6, Lack::Hole));
}

#[test]
fn events_after_a_hole_that_are_out_of_order_are_an_alteration() {
    let log = Log::new(10);
    let raw = Raw::parse(&log.bundle(1, 10, &[10])).without(&[4, 5]);
    assert_eq!(raw.0[4].1[1..9], 6_u64.to_be_bytes());
    // The event at 6 twice, and one of the missing after it.
    let fourth = log.events[3].entry();
    let mut late = Vec::new();
    fourth.write(&mut late);
    late.extend(fourth.digest());
    for again in [raw.0[4].clone(), (b'E', late)] {
        let mut raw = raw.clone();
        raw.0.insert(5, again);
        assert_eq!(log.verify(&raw.bytes(), &[]).verdict, altered(4, 4, Alteration::Order { found: 6 }));
    }
}

#[test]
fn an_event_from_beyond_the_last_position_is_no_hole() {
    let log = Log::new(10);
    let (short, long) = (Raw::parse(&log.bundle(1, 6, &[6])), Raw::parse(&log.bundle(1, 10, &[10])));
    for (position, wanted) in [
        (6, missing(4, 5, Lack::Hole)),
        (7, altered(4, 4, Alteration::Order { found: 7 })),
        (10, altered(4, 4, Alteration::Order { found: 10 })),
    ] {
        let mut raw = short.clone().without(&[5, 6]);
        raw.0[4] = long.0[position].clone();
        assert_eq!(log.verify(&raw.bytes(), &[]).verdict, wanted, "{position}");
    }
}

#[test]
fn a_false_signature_after_a_good_one_is_an_alteration_of_the_last_position() {
    let log = Log::new(8);
    let mut raw = Raw::parse(&log.bundle(1, 8, &[4, 8]));
    let place = raw.places(b'C')[1];
    let mut note = raw.0[place].1.clone();
    let at = note.windows(3).position(|part| part == b"\n8\n").unwrap();
    note[at + 1] = b'9';
    raw.0.insert(place + 1, (b'C', note));
    assert_eq!(log.verify(&raw.bytes(), &[]).verdict, altered(8, 8, Alteration::Signature));
    raw.0.swap(place, place + 1);
    assert_eq!(log.verify(&raw.bytes(), &[]).verdict, altered(5, 8, Alteration::Signature));
}

#[test]
fn an_end_that_counts_wrongly_is_unreadable() {
    let log = Log::new(3);
    let mut raw = Raw::parse(&log.whole());
    let place = raw.places(b'Z')[0];
    raw.0[place].1[7] = 4;
    let Verdict::Unreadable { why } = log.verify(&raw.bytes(), &[]).verdict else { panic!("{raw:?}") };
    assert_eq!(why, "its end announces 4 events, but it holds 3");
}

#[test]
fn other_keys_are_named_and_not_too_many() {
    let log = Log::new(4);
    let mut raw = Raw::parse(&log.whole());
    let place = raw.places(b'C')[0];
    for seed in 0..20 {
        let key = SigningKey::from_seed("other.example", &[seed; 32]).unwrap();
        let note = key.sign(&Checkpoint::new("other.example", 4, [0; 32])).unwrap();
        raw.0.insert(place, (b'C', note.into_bytes()));
    }
    let report = log.verify(&raw.bytes(), &[]);
    assert_eq!(report.verdict.exit_code(), 0);
    assert_eq!(report.other_keys.len(), MAX_OTHER_KEYS);
    assert!(report.other_keys.iter().all(|key| key.starts_with("other.example+")), "{report:?}");
    assert!(report.to_string().contains("other.example+"), "{report}");
}

#[test]
fn what_is_brought_must_be_readable() {
    let log = Log::new(4);
    let mut damaged = log.checkpoint(4);
    damaged.replace_range(NAME.len() + 1..NAME.len() + 2, "5");
    for bad in ["", "hello", &damaged] {
        let verdict = log.verify(&log.whole(), &[bad.to_owned()]).verdict;
        assert!(matches!(verdict, Verdict::Unreadable { .. }), "{bad:?} {verdict:?}");
    }
}

#[test]
fn checkpoints_that_wait_for_their_position_are_bounded() {
    let log = Log::new(2);
    let note = log.checkpoint(2);
    let header = Header { origin: NAME.to_owned(), first: 1, last: 2, frontier: Frontier::new() };
    let mut writer = Writer::new(Vec::new(), &header).unwrap();
    for _ in 0..=MAX_PENDING {
        writer.checkpoint(&note).unwrap();
    }
    for event in &log.events {
        writer.event(&event.entry(), &event.entry().digest()).unwrap();
    }
    let bundle = writer.finish().unwrap();
    let Verdict::Unreadable { why } = log.verify(&bundle, &[]).verdict else { panic!("not refused") };
    assert_eq!(why, "more than 16384 checkpoints stand before their positions");
    let raw = Raw::parse(&bundle).without(&[1]);
    assert_eq!(log.verdict(&raw.bytes(), &[]), (0, 1, 2));
}

#[test]
fn progress_is_told() {
    let log = Log::new(20_000);
    let mut told = Vec::new();
    let mut progress = |position, last| told.push((position, last));
    let options = Options { part: false, progress: Some(&mut progress) };
    let bundle = log.bundle(1, 20_000, &[]);
    verify_with(bundle.as_slice(), log.key.verifying_key(), &[""; 0], options).unwrap();
    assert_eq!(told, [(16_384, 20_000)]);
}

#[test]
fn reports_are_full_sentences() {
    let log = Log::new(6);
    let text = |bundle: &[u8], brought: &[String]| log.verify(bundle, brought).to_string();
    let mut raw = Raw::parse(&log.whole());
    raw.0[3].1[15] ^= 1;
    assert_eq!(
        text(&raw.bytes(), &[]),
        "Altered: what is stored of the event at position 3 is not what was recorded: its leaf differs. The first bad \
         position is 3. Keep this bundle and the checkpoints, and compare with a backup or an older export."
    );
    assert_eq!(
        text(&log.bundle(1, 4, &[4]), &[log.checkpoint(6)]),
        "Missing: positions 5 to 6 of the log `mandate.example/log`. The log had at least 6 events when it signed the \
         checkpoint that you brought. Ask for an export up to that position; if there is none, events were removed from \
         the log or it was set back."
    );
    assert_eq!(
        text(&log.bundle(1, 6, &[4]), &[]),
        "Not proven: positions 5 to 6 of the log `mandate.example/log`. No checkpoint signed by your key covers these \
         positions, so nothing proves them. Ask for an export with a checkpoint of its last position, or bring one with \
         `--checkpoint`."
    );
    assert_eq!(
        text(b"", &[]),
        "Unreadable: not a bundle: its first line is not `mandate-bundle v1`. Fetch or export it again."
    );
    let ok = text(&log.bundle(3, 4, &[6]), &[]);
    assert!(
        ok.starts_with("Ok: positions 3 to 4 of the log `mandate.example/log` are complete and as they were signed. 1 signed")
            && ok.contains(" positions 1 to 2 are not in it.")
            && ok.contains(" positions 5 to 6 were signed and are not in it."),
        "{ok}"
    );
    assert_eq!(
        log.verify(&log.bundle(1, 6, &[4]), &[]).to_json(),
        "{\"verdict\":\"missing\",\"exit\":6,\"origin\":\"mandate.example/log\",\"first\":5,\"last\":6,\
         \"reason\":\"unsigned\",\"log_size\":null,\"root\":null,\"events\":6,\"proven\":4,\"checkpoints\":1,\
         \"other_keys\":[],\"beside\":[],\"text\":\"Not proven: positions 5 to 6 of the log `mandate.example/log`. No checkpoint signed by \
         your key covers these positions, so nothing proves them. Ask for an export with a checkpoint of its last position, \
         or bring one with `--checkpoint`.\"}"
    );
}

#[test]
fn a_bundle_of_another_log_cannot_write_to_the_terminal() {
    let header = Header {
        origin: "evil\u{1b}[2J\u{202e}\"log".to_owned(),
        first: 1,
        last: 0,
        frontier: Frontier::new(),
    };
    let bundle = Writer::new(Vec::new(), &header).unwrap().finish().unwrap();
    let log = Log::new(0);
    let report = verify(bundle.as_slice(), log.key.verifying_key(), &[""; 0]).unwrap();
    assert_eq!(report.verdict, missing(1, 0, Lack::OtherLog { wanted: NAME.to_owned() }));
    for text in [report.to_string(), report.to_json()] {
        assert!(!text.contains('\u{1b}'), "{text:?}");
    }
    assert!(!report.to_string().contains('\u{202e}'), "{report}");
}
