//! What tamper evidence costs: P16.

use std::fs::File;
use std::hint::black_box;
use std::io::{BufWriter, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use mandate_store::{Part, Store};
use mandate_verify::leaf::{Leaf, sha256};
use mandate_verify::tree::Frontier;

use crate::Settings;
use crate::append::log;
use crate::figure::{Figure, Limit, Promised};
use crate::processor;
use crate::sides::{Place, facts};
use crate::workload::{Feed, Until, fact, median, rate};

/// Events of which the cost is measured.
const EVENTS: u64 = 1_000_000;
/// Events in one commit, about as many as are seen with 32 tasks.
const GROUP: u64 = 16;
const ROUNDS: u32 = 5;

/// Seconds of processor time for each event: the payload's digest, the leaf, the tree, and the frontier's bytes once a commit.
fn seconds_per_event() -> f64 {
    let payloads: Vec<String> = (0..1_000).map(|id| fact(id, id)).collect();
    let before = processor::seconds(None);
    let mut frontier = Frontier::new();
    for (position, payload) in (1..=EVENTS).zip(payloads.iter().cycle()) {
        let leaf = Leaf {
            position,
            aggregate_type: "nominal",
            aggregate_id: "N-00000001",
            sequence: 11,
            event_type: "contact.flagged",
            event_version: "1.0",
            source: "/ndelius",
            event_id: "e-000000000001",
            occurred_at: 1_772_442_000_000_000_000,
            recorded_at: 1_772_442_000_000_000_000,
            claimed_at: None,
            actor: None,
            command_id: None,
            payload_digest: sha256(payload.as_bytes()),
            sealed_digest: None,
        };
        frontier.append(&leaf.digest());
        if position.is_multiple_of(GROUP) {
            black_box(frontier.to_bytes());
        }
    }
    (processor::seconds(None) - before) / f64::from(u32::try_from(EVENTS).unwrap())
}

/// P16: the share of what an appended event costs in processor time, the server's included.
pub async fn share(settings: &Settings, place: Place<'_>) {
    let (_dir, store) = log(place, 1);
    let work = facts(store);
    let feed = Feed::new(1);
    rate(32, Until::Elapsed(Duration::from_secs(1)), &feed, &work).await;
    let before = processor::seconds(place.cluster());
    let appended = rate(32, Until::Elapsed(settings.lasting), &feed, &work).await;
    let used = processor::seconds(place.cluster()) - before;
    let of_evidence = median((0..ROUNDS).map(|_| seconds_per_event()));
    let of_append = used / appended.calls;
    let name = settings.on(place);
    settings.print(&Figure {
        promise: "P16",
        work: format!("evidence, {:.2} us of {:.1} us per event, {name}", of_evidence * 1e6, of_append * 1e6),
        unit: "%",
        ours: of_evidence / of_append * 100.0,
        as_shipped: None,
        promised: Promised::Ours(Limit::AtMost(5.0)),
    });
}

/// P16: the whole log, verified by the verifier's own program.
pub fn verified(settings: &Settings, store: &Store, events: u64) {
    store.checkpoint().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let bundle = dir.path().join("bundle");
    let begun = Instant::now();
    let out = BufWriter::with_capacity(1 << 20, File::create(&bundle).unwrap());
    store.reader().export_bundle(out, Part::default(), &[]).unwrap();
    eprintln!("bundle written in {:.1} s", begun.elapsed().as_secs_f64());
    let key = store.verifying_key().unwrap().to_string();
    let (seconds, megabytes) = run_verifier(&verifier(), &key, &bundle);
    for (what, unit, ours, at_most) in
        [("time", "s", seconds, 30.0), ("peak of memory", "MB", megabytes, 256.0)]
    {
        settings.print(&Figure {
            promise: "P16",
            work: format!("mandate-verify, {events} events, {what}"),
            unit,
            ours,
            as_shipped: None,
            promised: Promised::Ours(Limit::AtMost(at_most)),
        });
    }
}

/// The verifier's program, built if it is not there.
fn verifier() -> PathBuf {
    // target/release/deps/log-0123 -> target/release/mandate-verify
    let own = std::env::current_exe().unwrap();
    let path = own.parent().and_then(Path::parent).unwrap().join("mandate-verify");
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let built = Command::new(cargo)
        .args(["build", "--release", "--locked", "--quiet", "--package", "mandate-verify"])
        .status()
        .unwrap();
    assert!(built.success() && path.exists(), "no {}", path.display());
    path
}

/// Seconds and megabytes.
fn run_verifier(program: &Path, key: &str, bundle: &Path) -> (f64, f64) {
    let begun = Instant::now();
    let mut child = Command::new(program)
        .args(["--key", key])
        .arg(bundle)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut most = 0.0;
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        // Its own high-water mark: what is missed is the last moment only.
        most = processor::peak_megabytes(child.id()).unwrap_or(most);
        std::thread::park_timeout(Duration::from_millis(2));
    };
    let seconds = begun.elapsed().as_secs_f64();
    let mut told = String::new();
    child.stdout.take().unwrap().read_to_string(&mut told).unwrap();
    assert!(status.success(), "mandate-verify: {status}: {told}");
    (seconds, most)
}
