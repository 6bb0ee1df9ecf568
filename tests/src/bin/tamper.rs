//! Bytes of a log's file changed at random: each change is found by `mandate log verify`, or makes no difference to the
//! history that is read back.
//!
//! `tamper [--flips N] [--seed N] [--events N] [--program FILE]` makes a log, changes one bit of `log.db` at a time, and
//! runs `mandate log verify` with the public key and one older checkpoint, and `mandate log export`. Without the
//! verification some of the changes must give another history, else the campaign shows nothing.
#![expect(clippy::print_stdout, reason = "a campaign prints what it counted")]

use std::fs;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use mandate_domain::time::{Instant, VirtualClock};
use mandate_store::{Claim, Keys, NewEvent, OnError, Options, Position, Store, create_signing_key};
use mandate_tests::arguments::Arguments;
use mandate_tests::random::Random;

/// How long a child may take.
const PATIENCE: Duration = Duration::from_mins(1);
/// Events between two checkpoints.
const SIGNED_EVERY: u64 = 50;

fn main() -> anyhow::Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let mut arguments = Arguments::new(&words)?;
    let (flips, seed) = (arguments.take("--flips", 500)?, arguments.take("--seed", 1)?);
    let events = arguments.take("--events", 400)?;
    let usual = std::env::current_exe()?.with_file_name("mandate");
    let program: PathBuf = arguments.take("--program", usual)?;
    arguments.end()?;
    ensure!(program.exists(), "{}: build it first", program.display());
    let folder = tempfile::tempdir()?;
    let log = Log::make(folder.path(), &program, events)?;
    println!(
        "a log of {events} events, {} bytes; the auditor's checkpoint covers {}",
        log.bytes, log.covered
    );
    let classes = log.try_all(flips, seed)?;
    classes.print();
    ensure!(classes.different_if_not_verified > 0, "the control: no change made any difference");
    ensure!(classes.silent.is_empty(), "not found, and another history: {:?}", classes.silent);
    ensure!(classes.failed.is_empty(), "a child failed: {:?}", classes.failed);
    Ok(())
}

/// What became of the changes.
#[derive(Default)]
struct Classes {
    altered: u32,
    missing: u32,
    refused: u32,
    cannot: u32,
    no_difference: u32,
    /// Changes that give another history when nobody verifies, those that were found included.
    different_if_not_verified: u32,
    /// Changes after which nothing can be exported.
    not_exported: u32,
    /// Changes that were not found and make a difference.
    silent: Vec<(u64, u8)>,
    /// Changes at which a child panicked, hung, or ended without a word.
    failed: Vec<String>,
}

impl Classes {
    fn print(&self) {
        for (count, what) in [
            (self.altered, "found: altered (5)"),
            (self.missing, "found: missing (6)"),
            (self.refused, "found: cannot be read as a log (3)"),
            (self.cannot, "found: cannot be opened (1)"),
            (self.no_difference, "not found, and the history read back is the same to the byte"),
        ] {
            println!("{count:>6}  {what}");
        }
        println!("{:>6}  not found, and another history", self.silent.len());
        println!("{:>6}  a child panicked, hung or said nothing", self.failed.len());
        println!(
            "control: without verification {} changes give another history, after {} nothing is read back",
            self.different_if_not_verified, self.not_exported
        );
    }
}

/// A log that is changed, and what is known of it.
struct Log<'a> {
    program: &'a Path,
    data_dir: PathBuf,
    key: String,
    checkpoint: PathBuf,
    covered: u64,
    file: fs::File,
    bytes: u64,
    history: Vec<u8>,
}

impl<'a> Log<'a> {
    fn make(folder: &Path, program: &'a Path, events: u64) -> anyhow::Result<Self> {
        let data_dir = folder.join("data");
        let clock = Arc::new(VirtualClock::new(Instant::parse("2026-03-02T12:00:00Z")?));
        let options = Options::new(&data_dir, clock);
        Keys::create(&options.key_file)?;
        let key = create_signing_key(&options.signing_key, "log.example")?;
        let store = Store::open(options)?;
        for first in (0..events).step_by(usize::try_from(SIGNED_EVERY)?) {
            let batch =
                (first..events.min(first + SIGNED_EVERY)).map(event).collect::<anyhow::Result<_>>()?;
            store.append_blocking(batch, OnError::All)?;
            store.checkpoint()?;
        }
        let older = Position::new(events.saturating_sub(SIGNED_EVERY));
        let older = store.reader().checkpoints(older, 1)?.pop().context("no older checkpoint")?;
        let checkpoint = folder.join("checkpoint");
        fs::write(&checkpoint, &older.note)?;
        drop(store);
        // Everything in one file, as in a copy of a log that was closed.
        let path = data_dir.join("log.db");
        let connection = rusqlite::Connection::open(&path)?;
        connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
        drop(connection);
        let file = fs::File::options().read(true).write(true).open(&path)?;
        let bytes = file.metadata()?.len();
        let covered = older.size.get();
        let mut log = Self { program, data_dir, key, checkpoint, covered, file, bytes, history: Vec::new() };
        let verified = log.verify()?;
        ensure!(verified.status.success(), "the untouched log: {}", said(&verified));
        log.history = log.export()?.context("the untouched log")?;
        Ok(log)
    }

    fn try_all(&self, flips: u32, seed: u64) -> anyhow::Result<Classes> {
        let mut random = Random::new(seed);
        let mut classes = Classes::default();
        for _ in 0..flips {
            let (offset, bit) = (random.below(self.bytes), u8::try_from(random.below(8))?);
            let mut byte = [0];
            self.file.read_exact_at(&mut byte, offset)?;
            self.write(offset, byte.map(|byte| byte ^ (1 << bit)))?;
            self.try_one(offset, bit, &mut classes)?;
            self.write(offset, byte)?;
        }
        let verified = self.verify()?;
        ensure!(verified.status.success(), "the control, after all was put back: {}", said(&verified));
        Ok(classes)
    }

    fn try_one(&self, offset: u64, bit: u8, classes: &mut Classes) -> anyhow::Result<()> {
        let verified = self.verify()?;
        let exported = self.export()?;
        let same = exported.as_ref().is_some_and(|history| *history == self.history);
        classes.not_exported += u32::from(exported.is_none());
        classes.different_if_not_verified += u32::from(exported.is_some() && !same);
        let told = said(&verified);
        if told.contains("panicked") || told.trim().is_empty() {
            classes.failed.push(format!("bit {bit} of byte {offset}: {:?} {told}", verified.status));
        }
        match verified.status.code() {
            Some(0) if same => classes.no_difference += 1,
            Some(0) => classes.silent.push((offset, bit)),
            Some(5) => classes.altered += 1,
            Some(6) => classes.missing += 1,
            Some(3) => classes.refused += 1,
            Some(1) => classes.cannot += 1,
            other => classes.failed.push(format!("bit {bit} of byte {offset}: {other:?} {told}")),
        }
        Ok(())
    }

    /// Changes a byte of the file, and removes what an earlier reader left beside it.
    fn write(&self, offset: u64, byte: [u8; 1]) -> anyhow::Result<()> {
        for beside in ["log.db-wal", "log.db-shm"] {
            match fs::remove_file(self.data_dir.join(beside)) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
                _ => {}
            }
        }
        Ok(self.file.write_all_at(&byte, offset)?)
    }

    fn verify(&self) -> anyhow::Result<Output> {
        let mut verify = self.mandate("verify");
        verify.args(["--json", "--key", &self.key, "--checkpoint"]).arg(&self.checkpoint);
        finished(verify)
    }

    /// The history as it is read back; `None` when it cannot be.
    fn export(&self) -> anyhow::Result<Option<Vec<u8>>> {
        let exported = finished(self.mandate("export"))?;
        ensure!(!said(&exported).contains("panicked at"), "the export panicked: {}", said(&exported));
        Ok(exported.status.success().then_some(exported.stdout))
    }

    fn mandate(&self, verb: &str) -> Command {
        let mut command = Command::new(self.program);
        command.args(["log", verb, "--data-dir"]).arg(&self.data_dir).env_remove("MANDATE_DATABASE_URL");
        command
    }
}

/// Runs a child to its end, which must come soon.
fn finished(mut command: Command) -> anyhow::Result<Output> {
    let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let id = child.id();
    let (told, heard) = channel();
    let waiting = std::thread::spawn(move || drop(told.send(child.wait_with_output())));
    let Ok(output) = heard.recv_timeout(PATIENCE) else {
        Command::new("kill").args(["-KILL", &id.to_string()]).status()?;
        bail!("{command:?} hangs");
    };
    drop(waiting.join());
    Ok(output?)
}

fn said(output: &Output) -> String {
    let text = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes).into_owned());
    text.concat()
}

/// An event of a history of several streams, with sealed parts, claims and actors.
fn event(n: u64) -> anyhow::Result<NewEvent> {
    let of = n % 17;
    let (subject, kind, data) = match n % 4 {
        0 => (
            format!("nominal/N-{of}"),
            "nominal.registered",
            format!(
                r#"{{"kind":"mappa","personal":{{"crn":"X{n:06}","name":"Name {n}"}},"note":"note {n}"}}"#
            ),
        ),
        1 => (format!("nominal/N-{of}"), "meeting.held", format!(r#"{{"meeting":"M-{n}","level":2}}"#)),
        2 => (
            format!("user/U-{of}"),
            "vetting.cleared",
            r#"{"level":2,"expires_on":"2031-03-02","on":"2026-03-02"}"#.to_owned(),
        ),
        _ => (
            format!("unit/U{of}"),
            "requirement.attested",
            r#"{"paragraph":"4.10","period_from":"2026-01-01","period_to":"2026-03-31","outcome":"met"}"#
                .to_owned(),
        ),
    };
    let text = format!(
        r#"{{"specversion":"1.0","id":"e{n}","source":"/t","type":"{kind}","subject":"{subject}","time":"2026-03-02T09:00:00Z","recordedtime":"2026-03-02T10:00:00Z","data":{data}}}"#
    );
    let claim = if n.is_multiple_of(3) { Claim::Accept } else { Claim::Ignore };
    Ok(NewEvent::parse(&text, claim)?.by(&format!("u-{of}"))?)
}
