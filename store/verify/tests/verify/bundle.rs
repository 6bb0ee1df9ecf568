//! Bundles as files: what is written is read, and hostile ones do no harm.

use std::io::{self, Read};

use mandate_verify::bundle::{
    BundleError, Header, MAGIC, MAX_PROOF_HASHES, MAX_RECORD_BYTES, Reader, Record, Writer,
};
use mandate_verify::check::{Beside, MAX_BESIDE, Verdict, verify};
use mandate_verify::leaf::sha256;
use mandate_verify::note::MAX_NOTE_BYTES;
use mandate_verify::tree::Frontier;
use mandate_verify::{Hash, MAX_POSITION};
use proptest::prelude::*;

use crate::log::{Log, NAME, Raw, beside, history};

fn header(first: u64, last: u64) -> Header {
    let bytes = vec![1; 32 * first.saturating_sub(1).count_ones() as usize];
    let frontier = Frontier::from_bytes(first.saturating_sub(1), &bytes).unwrap();
    Header { origin: NAME.to_owned(), first, last, frontier }
}

#[test]
fn what_is_written_is_read_back() {
    let log = Log::new(9);
    let bundle = log.bundle(3, 7, &[4, 7, 9]);
    let mut reader = Reader::new(bundle.as_slice()).unwrap();
    let wanted = Header { frontier: log.tree(2), ..header(3, 7) };
    assert_eq!(reader.next_record().unwrap(), Some(Record::Header(wanted)));
    for position in 3..=7_usize {
        let event = &log.events[position - 1];
        let wanted = Record::Event(event.entry(), event.entry().digest());
        assert_eq!(reader.next_record().unwrap(), Some(wanted));
        if position == 4 {
            assert_eq!(reader.next_record().unwrap(), Some(Record::Checkpoint(&log.checkpoint(4))));
        }
    }
    for size in [7, 9] {
        assert_eq!(reader.next_record().unwrap(), Some(Record::Checkpoint(&log.checkpoint(size))));
    }
    let proof = Record::Proof { size: 9, hashes: &log.proof(7, 9) };
    assert_eq!(reader.next_record().unwrap(), Some(proof));
    assert_eq!(reader.next_record().unwrap(), Some(Record::End(5)));
    assert_eq!(reader.next_record().unwrap(), None);
    assert_eq!(reader.next_record().unwrap(), None);
    assert_eq!(Raw::parse(&bundle).bytes(), bundle);
}

#[test]
fn what_is_beside_the_log_is_named_and_proves_nothing() {
    let log = Log::new(4);
    let whole = Raw::parse(&log.whole());
    let with = |place: usize, record: &(u8, Vec<u8>)| {
        let mut raw = whole.clone();
        raw.0.insert(place, record.clone());
        raw.bytes()
    };
    let good = log.verify(&whole.bytes(), &[]);
    for text in ["[[rule]]\n", "\u{202e}", ""] {
        let bundle = with(1, &beside(text));
        let report = log.verify(&bundle, &[]);
        assert_eq!(report.verdict, good.verdict);
        let digest = sha256(text.as_bytes());
        assert_eq!(report.beside, [Beside { name: "policy".to_owned(), digest }]);
        assert!(report.to_string().contains("Beside the log, and proven by nothing in it: policy (SHA-256 "));
        let mut reader = Reader::new(bundle.as_slice()).unwrap();
        reader.next_record().unwrap();
        assert_eq!(reader.next_record().unwrap(), Some(Record::Beside { name: "policy", text }));
    }
    let record = beside("text");
    for place in [0, 2, whole.0.len()] {
        assert_eq!(log.verdict(&with(place, &record), &[]).0, 3, "{place}");
    }
    let cut = (record.0, record.1[..record.1.len() - 1].to_vec());
    let longer = (record.0, [&record.1[..], b"x"].concat());
    for record in [cut, longer, (b'G', Vec::new())] {
        assert_eq!(log.verdict(&with(1, &record), &[]).0, 3);
    }
    let mut many = whole.clone();
    many.0.splice(1..1, std::iter::repeat_n(record, 100));
    assert_eq!(log.verify(&many.bytes(), &[]).beside.len(), MAX_BESIDE);
}

#[test]
fn the_writer_refuses_what_no_reader_would_take() {
    let log = Log::new(3);
    let entry = log.events[1].entry();
    let frontier = Frontier::new();
    for (first, last) in [(0, 0), (2, 3), (1, MAX_POSITION + 1)] {
        let header = Header { origin: NAME.to_owned(), first, last, frontier: frontier.clone() };
        assert!(matches!(Writer::new(Vec::new(), &header), Err(BundleError::Range { .. })), "{first} {last}");
    }
    for origin in [String::new(), "o".repeat(256)] {
        let header = Header { origin, ..header(1, 3) };
        assert!(matches!(Writer::new(Vec::new(), &header), Err(BundleError::Origin)));
    }
    let mut writer = Writer::new(Vec::new(), &header(1, 1)).unwrap();
    assert!(matches!(writer.event(&entry, &[0; 32]), Err(BundleError::Position { found: 2, expected: 1 })));
    let long = "n".repeat(MAX_NOTE_BYTES + 1);
    assert!(matches!(writer.checkpoint(&long), Err(BundleError::Length { kind: 'C', .. })));
    let hashes = vec![[0; 32]; MAX_PROOF_HASHES + 1];
    assert!(matches!(writer.proof(9, &hashes), Err(BundleError::Length { kind: 'P', .. })));
    let mut event = log.events[0].clone();
    event.payload = vec![b'p'; MAX_RECORD_BYTES];
    assert!(matches!(writer.event(&event.entry(), &[0; 32]), Err(BundleError::Length { kind: 'E', .. })));
    let mut writer = Writer::new(Vec::new(), &header(1, 1)).unwrap();
    writer.event(&log.events[0].entry(), &[0; 32]).unwrap();
    let after = Writer::new(Vec::new(), &header(1, 1)).unwrap().finish();
    assert!(matches!(after, Err(BundleError::Position { found: 2, expected: 1 })));
    assert!(matches!(writer.event(&entry, &[0; 32]), Err(BundleError::Position { found: 2, expected: 2 })));
}

#[test]
fn the_longest_record_is_read() {
    let mut log = Log::new(1);
    let mut bytes = Vec::new();
    log.events[0].entry().write(&mut bytes);
    log.events[0].payload = vec![b'p'; MAX_RECORD_BYTES - 32 - bytes.len() + log.events[0].payload.len()];
    assert_eq!(log.verdict(&log.whole(), &[]), (0, 1, 1));
}

#[test]
fn every_prefix_of_a_bundle_is_unreadable() {
    let log = Log::new(9);
    for bundle in [log.whole(), log.bundle(3, 7, &[7, 9])] {
        for end in 0..bundle.len() {
            let verdict = log.verify(&bundle[..end], &[]).verdict;
            assert!(matches!(verdict, Verdict::Unreadable { .. }), "{end}: {verdict:?}");
        }
        let longer = [bundle.as_slice(), b"Z"].concat();
        assert_eq!(log.verdict(&longer, &[]).0, 3);
    }
}

#[test]
fn every_bit_flipped_is_found() {
    let log = Log::new(6);
    for (bundle, sizes) in [(log.whole(), 2), (log.bundle(3, 5, &[4, 6]), 2), (log.bundle(1, 0, &[0]), 1)] {
        let good = log.verify(&bundle, &[]);
        assert_eq!(good.verdict.exit_code(), 0);
        let mut found = [0_u32; 7];
        let mut named = Vec::new();
        for place in 0..bundle.len() {
            for bit in 0..8 {
                let mut flipped = bundle.clone();
                flipped[place] ^= 1 << bit;
                let report = log.verify(&flipped, &[]);
                let code = report.verdict.exit_code();
                found[usize::from(code)] += 1;
                if code == 0 {
                    // The name or the key hash in a signature is that of another key now, while a later checkpoint
                    // covers the same events: history is the same, and the other key is named.
                    assert_eq!(history(&flipped), history(&bundle), "byte {place} bit {bit}");
                    assert_eq!(report.verdict, good.verdict);
                    assert_eq!((report.other_keys.len(), report.checkpoints), (1, good.checkpoints - 1));
                    named.push(place);
                }
            }
        }
        assert!(found[3] > 0 && found[5] > 0 && found[6] > 0, "{found:?}");
        // All of them are within one name, a space and the six digits of Base64 that hold the hash.
        let within = named.last().map_or(0, |last| last - named[0] + 1);
        assert_eq!(named.is_empty(), sizes == 1);
        assert!(within <= NAME.len() + 1 + 6, "{named:?}");
    }
}

#[test]
fn a_flip_in_a_signature_by_another_key_leaves_the_history_as_it_is() {
    // The control of the test above: what is not covered is what nobody relies on.
    let log = Log::new(4);
    let mut raw = Raw::parse(&log.whole());
    let place = raw.places(b'C')[0];
    let line = "— witness.example AAAAAAAA\n";
    raw.0[place].1.extend(line.as_bytes());
    let bundle = raw.bytes();
    assert_eq!(log.verdict(&bundle, &[]), (0, 1, 4));
    let mut flips = 0;
    for at in 0..bundle.len() {
        let mut flipped = bundle.clone();
        flipped[at] ^= 1;
        if log.verdict(&flipped, &[]).0 == 0 {
            flips += 1;
            assert_eq!(history(&flipped), history(&bundle), "{at}");
        }
    }
    assert!((1..line.len()).contains(&flips), "{flips}");
}

/// Counts what is asked of it, and gives nothing.
struct Meter {
    bytes: Vec<u8>,
    at: usize,
    asked: usize,
}

impl Read for Meter {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.asked = self.asked.max(buffer.len());
        let read = buffer.len().min(self.bytes.len() - self.at);
        buffer[..read].copy_from_slice(&self.bytes[self.at..self.at + read]);
        self.at += read;
        Ok(read)
    }
}

#[test]
fn a_length_that_lies_costs_no_memory() {
    let log = Log::new(3);
    let start = Raw(Raw::parse(&log.whole()).0[..1].to_vec()).bytes();
    for (kind, length) in [
        (b'E', u32::MAX),
        (b'E', u32::try_from(MAX_RECORD_BYTES).unwrap()),
        (b'E', u32::try_from(MAX_RECORD_BYTES).unwrap() + 1),
        (b'C', u32::MAX),
        (b'P', u32::MAX),
        (b'Z', 9),
    ] {
        let mut bytes = start.clone();
        bytes.push(kind);
        bytes.extend(length.to_be_bytes());
        bytes.extend([0; 100]);
        let mut reader = Reader::new(bytes.as_slice()).unwrap();
        reader.next_record().unwrap();
        let error = reader.next_record().unwrap_err();
        let allowed = kind == b'E' && length == u32::try_from(MAX_RECORD_BYTES).unwrap();
        assert_eq!(matches!(error, BundleError::Cut { .. }), allowed, "{error}");
        assert_eq!(matches!(error, BundleError::Length { .. }), !allowed, "{error}");
        let mut meter = Meter { bytes, at: 0, asked: 0 };
        let report = verify(&mut meter, log.key.verifying_key(), &[""; 0]).unwrap();
        assert_eq!(report.verdict.exit_code(), 3, "{kind} {length}");
        assert!(meter.asked <= 64 * 1024, "{kind} {length}: {}", meter.asked);
    }
    // Lengths within a record that lie.
    let whole = Raw::parse(&log.whole());
    for place in 0..whole.0.len() {
        for at in 0..whole.0[place].1.len().saturating_sub(4) {
            let mut raw = whole.clone();
            raw.0[place].1[at..at + 4].fill(0xff);
            assert!(raw == whole || log.verdict(&raw.bytes(), &[]).0 != 0, "{place} {at}");
        }
    }
}

#[test]
fn records_out_of_their_order_are_unreadable() {
    let log = Log::new(4);
    let raw = Raw::parse(&log.bundle(1, 3, &[3, 4]));
    let kinds: Vec<u8> = raw.0.iter().map(|record| record.0).collect();
    assert_eq!(kinds, b"HEEECCPZ");
    let header = raw.0[0].clone();
    let end = raw.0[7].clone();
    let mut twice = raw.clone();
    twice.0.insert(1, header);
    let mut late = raw.clone();
    late.0.swap(5, 6);
    let mut early = raw.clone();
    early.0.insert(4, end);
    let mut repeated = raw.clone();
    repeated.0.insert(6, raw.0[6].clone());
    let mut unknown = raw.clone();
    unknown.0[3].0 = b'X';
    let headless = raw.clone().without(&[0]);
    for bad in [twice, late, early, repeated, unknown, headless, Raw(Vec::new())] {
        assert_eq!(log.verdict(&bad.bytes(), &[]).0, 3, "{bad:?}");
    }
    for bad in [&b""[..], b"mandate-bundle v1", b"mandate-bundle v2\n", b"mandate-bundle v1\r\n", b"{}"] {
        assert_eq!(log.verdict(bad, &[]).0, 3);
    }
}

#[test]
fn a_header_that_contradicts_itself_is_unreadable() {
    let log = Log::new(3);
    let raw = Raw::parse(&log.whole());
    let with = |origin: &str, first: u64, last: u64, peaks: usize| {
        let mut body = u32::try_from(origin.len()).unwrap().to_be_bytes().to_vec();
        body.extend(origin.as_bytes());
        body.extend(first.to_be_bytes());
        body.extend(last.to_be_bytes());
        body.extend(u32::try_from(peaks).unwrap().to_be_bytes());
        body.extend(vec![0; peaks]);
        let mut raw = raw.clone();
        raw.0[0].1 = body;
        log.verdict(&raw.bytes(), &[]).0
    };
    assert_eq!(with(NAME, 1, 3, 0), 0);
    let end = MAX_POSITION;
    for (origin, first, last, peaks) in [
        ("", 1, 3, 0),
        (NAME, 0, 3, 0),
        (NAME, 0, u64::MAX, 0),
        (NAME, 5, 3, 32),
        (NAME, 1, 3, 32),
        (NAME, 4, 6, 32),
        (NAME, 1, end + 1, 0),
        (NAME, u64::MAX, u64::MAX, 63 * 32),
    ] {
        assert_eq!(with(origin, first, last, peaks), 3, "{origin} {first} {last} {peaks}");
    }
    // The last positions that there can be: the events that follow are others, and nothing overflows.
    assert_eq!(with(NAME, end, end, 62 * 32), 5);
    assert_eq!(with(NAME, end, end - 1, 62 * 32), 5);
}

#[test]
fn an_error_of_the_input_is_no_finding() {
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("the disk is gone"))
        }
    }
    let log = Log::new(3);
    let whole = log.whole();
    for end in [0, 5, MAGIC.len(), MAGIC.len() + 3, 200] {
        let input = whole[..end].chain(Broken);
        let error = verify(input, log.key.verifying_key(), &[""; 0]).unwrap_err();
        assert_eq!(error.to_string(), "the disk is gone", "{end}");
    }
}

fn mutation() -> impl Strategy<Value = (usize, u8, Vec<u8>)> {
    (any::<prop::sample::Index>(), 0..4_u8, proptest::collection::vec(any::<u8>(), 0..40))
        .prop_map(|(index, kind, bytes)| (index.index(1 << 20), kind, bytes))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn random_mutations_do_no_harm_and_hide_nothing(changes in proptest::collection::vec(mutation(), 1..6)) {
        let log = Log::new(5);
        let good = log.bundle(2, 4, &[3, 5]);
        let mut bad = good.clone();
        for (at, kind, bytes) in changes {
            let at = at % (bad.len() + 1);
            let end = (at + bytes.len()).min(bad.len());
            match kind {
                0 => { bad.splice(at..end, bytes); }
                1 => { bad.splice(at..at, bytes); }
                2 => { bad.drain(at..end); }
                _ => { let copy = bad[at..end].to_vec(); bad.splice(at..at, copy); }
            }
        }
        let report = log.verify(&bad, &[]);
        if report.verdict.exit_code() == 0 {
            prop_assert_eq!(history(&bad), history(&good));
        }
        prop_assert!(matches!(report.verdict.exit_code(), 0 | 3 | 5 | 6));
        prop_assert!(!report.to_string().is_empty() && !report.to_json().contains('\n'));
    }

    #[test]
    fn random_bytes_are_unreadable(bytes in proptest::collection::vec(any::<u8>(), 0..300), magic in any::<bool>()) {
        let log = Log::new(0);
        let bytes = if magic { [MAGIC, &bytes].concat() } else { bytes };
        prop_assert_eq!(log.verdict(&bytes, &[]).0, 3);
    }

    #[test]
    fn any_frontier_is_taken_for_what_it_is(first in 1..=MAX_POSITION, hash in any::<Hash>()) {
        let log = Log::new(0);
        let peaks = vec![hash; (first - 1).count_ones() as usize].concat();
        let frontier = Frontier::from_bytes(first - 1, &peaks).unwrap();
        let header = Header { origin: NAME.to_owned(), first, last: first - 1, frontier };
        let bundle = Writer::new(Vec::new(), &header).unwrap().finish().unwrap();
        prop_assert_eq!(log.verdict(&bundle, &[]).0, 6);
    }
}
