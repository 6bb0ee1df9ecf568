//! The witness: what it keeps, what it refuses, and that it survives being two.

use std::fs;

use mandate_verify::Hash;
use mandate_verify::note::{Checkpoint, SigningKey, VerifyingKey};
use mandate_verify::witness::{Refusal, Request, Witness, WitnessError, judge};
use proptest::prelude::*;

use crate::log::{Log, NAME};

fn request(log: &Log, old: u64, new: u64) -> Request {
    Request { old, proof: log.proof(old, new), note: log.checkpoint(new) }
}

fn key(log: &Log) -> VerifyingKey {
    log.key.verifying_key().clone()
}

#[test]
fn a_log_that_grows_is_accepted_step_by_step() {
    let log = Log::new(20);
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    let mut kept = 0;
    for size in [0, 1, 2, 2, 7, 8, 20] {
        // A witness that is started anew each time, as the program is.
        let mut witness = Witness::open(&state, key(&log)).unwrap();
        let accepted = witness.add(&request(&log, kept, size)).unwrap();
        assert_eq!(accepted.checkpoint.size, size);
        assert_eq!(accepted.before.is_none(), size == 0);
        assert_eq!(witness.kept().unwrap().unwrap().size, size);
        // What it keeps is the signed note itself.
        assert_eq!(fs::read_to_string(&state).unwrap(), log.checkpoint(size));
        kept = size;
    }
    let mut names: Vec<_> =
        fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["state", "state.lock"]);
}

#[test]
fn first_sight_is_believed_whatever_the_size() {
    let log = Log::new(9);
    let folder = tempfile::tempdir().unwrap();
    let mut witness = Witness::open(&folder.path().join("state"), key(&log)).unwrap();
    let accepted = witness.add(&request(&log, 0, 9)).unwrap();
    assert_eq!((accepted.checkpoint.size, accepted.before), (9, None));
}

#[test]
fn every_refusal_names_its_reason_and_keeps_the_state() {
    let log = Log::new(20);
    let mut other = Log::new(20);
    other.events[3].payload = b"{}".to_vec();
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    let mut witness = Witness::open(&state, key(&log)).unwrap();
    witness.add(&request(&log, 0, 8)).unwrap();
    let mut refusal = |request: &Request| match witness.add(request) {
        Err(WitnessError::Refused(refusal)) => {
            assert_eq!(fs::read_to_string(&state).unwrap(), log.checkpoint(8));
            refusal
        }
        other => panic!("{other:?}"),
    };
    // Smaller, by the log itself and by a forged one.
    assert_eq!(
        refusal(&request(&log, 8, 8).with_note(log.checkpoint(7))),
        Refusal::Rollback { kept: 8, new: 7 }
    );
    assert_eq!(refusal(&request(&log, 0, 7)), Refusal::Rollback { kept: 8, new: 7 });
    // The same size with another root.
    assert_eq!(refusal(&request(&other, 8, 8)), Refusal::Fork { size: 8 });
    // Greater, but not a continuation.
    let error = refusal(&request(&other, 8, 20));
    assert!(matches!(error, Refusal::Proof { kept: 8, new: 20, .. }), "{error}");
    // A proof too few, too many, or changed.
    for change in 0..3 {
        let mut bad = request(&log, 8, 20);
        match change {
            0 => drop(bad.proof.pop()),
            1 => bad.proof.push([0; 32]),
            _ => bad.proof[0][0] ^= 1,
        }
        assert!(matches!(refusal(&bad), Refusal::Proof { .. }), "{change}");
    }
    // From another size than the kept one; it says which it keeps.
    for old in [0, 7, 9] {
        let refusal = refusal(&request(&log, old, 20));
        assert_eq!(refusal, Refusal::Old { kept: 8, old });
        assert!(refusal.to_string().contains("the kept checkpoint has size 8"), "{refusal}");
    }
    // By another key, and of another log.
    let thief = SigningKey::from_seed(NAME, &[8; 32]).unwrap();
    let note = thief.sign(&Checkpoint::new(NAME, 20, log.tree(20).root())).unwrap();
    assert!(matches!(refusal(&request(&log, 8, 20).with_note(note)), Refusal::Signature(_)));
    let changed = log.checkpoint(20).replace("\n20\n", "\n21\n");
    assert!(matches!(refusal(&request(&log, 8, 20).with_note(changed)), Refusal::Signature(_)));
    // And after all of them the honest continuation is taken.
    assert_eq!(witness.add(&request(&log, 8, 20)).unwrap().before.unwrap().size, 8);
}

trait WithNote {
    fn with_note(self, note: String) -> Self;
}

impl WithNote for Request {
    fn with_note(self, note: String) -> Self {
        Self { note, ..self }
    }
}

#[test]
fn at_first_sight_there_is_nothing_to_prove_from() {
    let log = Log::new(9);
    assert_eq!(judge(None, &request(&log, 4, 9), &key(&log)), Err(Refusal::Old { kept: 0, old: 4 }));
    let mut with_proof = request(&log, 0, 9);
    with_proof.proof.push([0; 32]);
    assert!(matches!(judge(None, &with_proof, &key(&log)), Err(Refusal::Proof { kept: 0, .. })));
}

#[test]
fn a_state_that_is_not_of_this_key_stops_the_witness() {
    let log = Log::new(9);
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    for bad in [&b""[..], b"\xff", b"hello\n", log.checkpoint(3).replace("\n3\n", "\n2\n").as_bytes()] {
        fs::write(&state, bad).unwrap();
        let mut witness = Witness::open(&state, key(&log)).unwrap();
        assert!(matches!(witness.add(&request(&log, 0, 9)), Err(WitnessError::Kept { .. })), "{bad:?}");
        assert_eq!(fs::read(&state).unwrap(), bad);
    }
}

#[test]
fn a_state_that_cannot_be_written_is_no_acceptance() {
    let log = Log::new(9);
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("no").join("state");
    assert!(matches!(Witness::open(&missing, key(&log)), Err(WitnessError::State { doing: "lock", .. })));
    let state = folder.path().join("state");
    fs::create_dir(folder.path().join("state.new")).unwrap();
    let mut witness = Witness::open(&state, key(&log)).unwrap();
    let refused = witness.add(&request(&log, 0, 9));
    assert!(matches!(refused, Err(WitnessError::State { doing: "write", .. })), "{refused:?}");
    assert_eq!(witness.kept().unwrap(), None);
}

#[test]
fn of_two_at_once_one_is_taken_and_the_state_never_goes_back() {
    let log = Log::new(40);
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    Witness::open(&state, key(&log)).unwrap().add(&request(&log, 0, 8)).unwrap();
    let taken: Vec<u64> = std::thread::scope(|scope| {
        let threads: Vec<_> = (9..=16)
            .map(|size| {
                let (log, state) = (&log, &state);
                scope.spawn(move || {
                    let mut witness = Witness::open(state, key(log)).unwrap();
                    witness.add(&request(log, 8, size)).ok().map(|accepted| accepted.checkpoint.size)
                })
            })
            .collect();
        threads.into_iter().filter_map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(taken.len(), 1, "{taken:?}");
    assert_eq!(Witness::open(&state, key(&log)).unwrap().kept().unwrap().unwrap().size, taken[0]);
}

#[test]
fn requests_have_one_form() {
    let log = Log::new(20);
    for (old, new) in [(0, 8), (8, 8), (8, 20)] {
        let request = request(&log, old, new);
        assert_eq!(Request::parse(&request.to_string()).unwrap(), request);
    }
    let note = log.checkpoint(8);
    let hash = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    let lines = |count| format!("{hash}\n").repeat(count);
    assert_eq!(Request::parse(&format!("old 1\n{}\n{note}", lines(63))).unwrap().proof.len(), 63);
    for bad in [
        String::new(),
        note.clone(),
        format!("old 1\n{note}"),
        format!("old 01\n\n{note}"),
        format!("old -1\n\n{note}"),
        format!("old  1\n\n{note}"),
        format!("Old 1\n\n{note}"),
        format!("old 1\r\n\r\n{note}"),
        format!("old 1\nAAAA\n\n{note}"),
        format!("old 1\n{}\n{note}", lines(64)),
    ] {
        assert!(matches!(Request::parse(&bad), Err(WitnessError::Request(_))), "{bad:?}");
    }
}

proptest! {
    #[test]
    fn a_witness_takes_only_continuations(
        steps in proptest::collection::vec((0..30_u64, 0..30_u64, any::<bool>()), 1..12)
    ) {
        let log = Log::new(30);
        let mut forged = Log::new(30);
        forged.events[0].payload = b"{}".to_vec();
        let mut kept: Option<Checkpoint> = None;
        for (old, new, honest) in steps {
            let from = if honest { &log } else { &forged };
            let proof: Vec<Hash> = if old <= new { from.proof(old, new) } else { Vec::new() };
            let request = Request { old, proof, note: from.checkpoint(new) };
            let taken = judge(kept.as_ref(), &request, &key(&log));
            let size = kept.as_ref().map_or(0, |kept| kept.size);
            // Size 0 is the same log for both.
            let same = kept.as_ref().is_none_or(|kept| kept.size == 0 || kept.root == from.tree(kept.size).root());
            prop_assert_eq!(taken.is_ok(), same && old == size && new >= size, "{:?}", taken);
            if let Ok(taken) = taken {
                kept = Some(taken.checkpoint);
            }
        }
    }
}
