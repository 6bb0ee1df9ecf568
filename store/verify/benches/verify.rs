//! How long it takes to verify a million events, and in how much memory: `cargo bench -p mandate-verify`.
//!
//! `--events N` and `--payload BYTES` change the bundle (1 000 000 and 400), `--checkpoint-every N` how often it holds a
//! signed checkpoint (1 000). The promise is 30 s and 256 MB. Proofs over as many leaves are measured too.
#![expect(clippy::print_stdout, reason = "the figures are its output")]
#![expect(clippy::unwrap_used, reason = "a benchmark that cannot run should stop")]

use std::fs::File;
use std::io::{BufReader, BufWriter};
use std::time::Instant;

use mandate_verify::Hash;
use mandate_verify::bundle::{Header, Writer};
use mandate_verify::check::{Verdict, verify};
use mandate_verify::leaf::Entry;
use mandate_verify::note::{Checkpoint, SigningKey};
use mandate_verify::tree::{Frontier, Path, verify_consistency, verify_inclusion};

const NAME: &str = "mandate.example/log";

fn option(name: &str, default: u64) -> u64 {
    let mut arguments = std::env::args();
    arguments
        .find(|argument| argument == name)
        .map_or(default, |_| arguments.next().unwrap().parse().unwrap())
}

/// The most memory that this process ever held, in MB; 0 where the system does not tell.
fn peak_mb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().strip_suffix(" kB")?.parse().ok()).map_or(0, |kb: u64| kb / 1024)
}

fn write_bundle(out: &File, events: u64, payload_bytes: u64, every: u64, key: &SigningKey) {
    let payload = "x".repeat(usize::try_from(payload_bytes).unwrap());
    let header = Header { origin: NAME.to_owned(), first: 1, last: events, frontier: Frontier::new() };
    let mut writer = Writer::new(BufWriter::new(out), &header).unwrap();
    let mut tree = Frontier::new();
    for position in 1..=events {
        let (subject, id) = (format!("N-{:08}", position % 20_000), format!("e-{position:012}"));
        let at = 1_767_225_600_000_000_000 + i64::try_from(position).unwrap() * 1_000_000;
        let entry = Entry {
            position,
            aggregate_type: "nominal",
            aggregate_id: &subject,
            sequence: position / 20_000 + 1,
            event_type: "contact.flagged",
            event_version: "1.0",
            source: "/ndelius",
            event_id: &id,
            occurred_at: at - 1_000_000_000,
            recorded_at: at,
            claimed_at: None,
            actor: Some("0d4e8a8e-5d0c-4c7f-9a57-1f2f4a6ad0f1"),
            command_id: None,
            payload: payload.as_bytes(),
            sealed: None,
        };
        let leaf = entry.digest();
        writer.event(&entry, &leaf).unwrap();
        tree.append(&leaf);
        if position.is_multiple_of(every) || position == events {
            writer.checkpoint(&key.sign(&Checkpoint::new(NAME, position, tree.root())).unwrap()).unwrap();
        }
    }
    writer.finish().unwrap();
}

fn main() {
    let (events, payload) = (option("--events", 1_000_000), option("--payload", 400));
    let every = option("--checkpoint-every", 1_000);
    let key = SigningKey::from_seed(NAME, &[7; 32]).unwrap();
    let file = tempfile::NamedTempFile::new().unwrap();
    write_bundle(file.as_file(), events, payload, every, &key);
    let size_mb = file.as_file().metadata().unwrap().len() / 1_000_000;

    let started = Instant::now();
    let input = BufReader::with_capacity(1 << 18, File::open(file.path()).unwrap());
    let report = verify(input, key.verifying_key(), &[""; 0]).unwrap();
    let took = started.elapsed();
    assert!(matches!(report.verdict, Verdict::Ok { .. }), "{report}");
    println!(
        "verified {events} events of {payload} bytes ({size_mb} MB, {} checkpoints) in {took:.2?}, {} MB at most",
        report.checkpoints,
        peak_mb()
    );

    let mut tree = Frontier::new();
    let leaves: Vec<Hash> = (0..events).map(|n| [u8::try_from(n % 251).unwrap(); 32]).collect();
    let started = Instant::now();
    tree.extend(leaves.iter().copied());
    let each = started.elapsed().as_nanos() / u128::from(events.max(1));
    println!("appended {events} leaves, {each} ns each");
    let root = tree.root();
    let index = events / 3;
    let started = Instant::now();
    let proof = Path::inclusion(index, events).unwrap().prove(&leaves).unwrap();
    println!("proved one of them with {} hashes in {:.2?}", proof.len(), started.elapsed());
    let leaf = leaves.get(usize::try_from(index).unwrap()).unwrap();
    verify_inclusion(leaf, index, events, &proof, &root).unwrap();
    let mut old = Frontier::new();
    old.extend(leaves.iter().copied().take(usize::try_from(index).unwrap()));
    let started = Instant::now();
    let proof = Path::consistency(index, events).unwrap().prove(&leaves).unwrap();
    println!("proved consistency with {} hashes in {:.2?}", proof.len(), started.elapsed());
    verify_consistency(index, &old.root(), events, &root, &proof).unwrap();
}
