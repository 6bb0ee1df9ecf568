//! `mandate import`: files of facts into the log.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::bail;
use clap::Args;
use mandate_domain::time::{Clock, Instant, SystemClock, VirtualClock};
use mandate_projections::Projections;
use mandate_store::{Reader, Store, StoreError};

use super::place::Place;
use super::progress::Progress;
use super::{Exit, print};
use crate::attest::{self, KINDS, Kind};
use crate::bulk::cores;
use crate::import::{
    Begin, Checkpoint, Counts, MessageTarget, Reject, Rejects, Target, import, import_messages,
};

/// Facts into the log: JSON Lines, one CloudEvent a line (`-` is standard input; gzip and zstd are read as they are)
///
/// A fact that is stored already is recognised by its source and id, so a file may be imported again after a break.
/// With --format hmpps each line is an HMPPS domain event, bare or inside its SNS envelope; what cannot be used waits in
/// quarantine (see `mandate quarantine`). With --format csv:… each row attests an act.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Files of facts
    #[arg(required_unless_present = "sample", value_name = "FILE")]
    files: Vec<PathBuf>,
    #[command(flatten)]
    place: Place,
    /// How the files are written: cloudevents, hmpps, or csv: and one of records, partners, minutes, updates, retention,
    /// people, vetting, training, documents, accounts, tokens, exemptions, posts, logons, terminals, audits,
    /// attestations, returns
    #[arg(long, value_parser = Format::parse, default_value = "cloudevents", value_name = "FORMAT")]
    format: Format,
    /// Print a file of this csv: format with its header and a few rows, and what each column holds
    #[arg(long)]
    sample: bool,
    /// Who attests the rows of a CSV file that name nobody in `by`, by an opaque id such as user/u-17
    #[arg(long, value_name = "ID")]
    by: Option<String>,
    /// Check every line and store nothing; works beside a running server
    #[arg(long)]
    dry_run: bool,
    /// Keep the lines that are not taken, as JSON Lines with file, line, reason and text [default: the first 100 are
    /// printed]
    #[arg(long, value_name = "FILE")]
    reject: Option<PathBuf>,
    /// Leave the read models as they are; the server brings them up to date when it starts
    #[arg(long)]
    no_project: bool,
}

/// How files are written.
#[derive(Debug, Clone, Copy)]
enum Format {
    Cloudevents,
    Hmpps,
    Csv(&'static Kind),
}

impl Format {
    fn parse(text: &str) -> Result<Self, String> {
        match text {
            "cloudevents" => Ok(Self::Cloudevents),
            "hmpps" => Ok(Self::Hmpps),
            other => other.strip_prefix("csv:").and_then(Kind::named).map(Self::Csv).ok_or_else(|| {
                let kinds: Vec<_> = KINDS.iter().map(|kind| format!("csv:{}", kind.name)).collect();
                format!("expected cloudevents, hmpps, {}", kinds.join(", "))
            }),
        }
    }
}

/// Runs the verb.
///
/// # Errors
/// A file that cannot be read, a log that cannot be written or is in use.
pub fn run(arguments: &Arguments) -> anyhow::Result<Exit> {
    if let Format::Csv(kind) = arguments.format {
        return if arguments.sample { sample(kind) } else { attestations(arguments, kind) };
    }
    if arguments.sample {
        bail!("--sample goes with --format csv:…");
    }
    if arguments.dry_run {
        let reader = match arguments.place.reader() {
            Ok(reader) => Some(reader),
            Err(StoreError::NoLog { .. }) => None,
            Err(error) => return Err(error.into()),
        };
        return all_files(arguments, Target::Check(reader.as_ref()), SystemClock.now(), |_| {
            Ok(Checkpoint::none())
        });
    }
    // An import is one act: all of it is recorded at its beginning, and no duty is judged by half of a history.
    let begun = SystemClock.now();
    let store = Store::open(arguments.place.options(Arc::new(VirtualClock::new(begun)))?)?;
    let reader: &Reader = store.reader();
    let checkpoint = |file: &Path| Ok(Checkpoint::of(file, &arguments.place.data_dir, reader)?);
    let exit = all_files(arguments, Target::Store(&store), begun, checkpoint)?;
    project(arguments, &store)?;
    Ok(exit)
}

fn project(arguments: &Arguments, store: &Store) -> anyhow::Result<()> {
    if !arguments.no_project {
        eprintln!("judging what was imported …");
        Projections::open(&arguments.place.data_dir, store)?.advance(SystemClock.now())?;
    }
    Ok(())
}

/// Prints the sample of a register to standard output and what its columns hold to standard error.
fn sample(kind: &Kind) -> anyhow::Result<Exit> {
    print(kind.sample.as_bytes())?;
    for column in kind.columns() {
        eprintln!("{:12} {}", column.name, column.holds);
    }
    Ok(Exit::Done)
}

fn attestations(arguments: &Arguments, kind: &Kind) -> anyhow::Result<Exit> {
    let store = if arguments.dry_run {
        None
    } else {
        let clock = Arc::new(VirtualClock::new(SystemClock.now()));
        Some(Store::open(arguments.place.options(clock)?)?)
    };
    let target = store.as_ref().map_or(attest::Target::Check, attest::Target::Store);
    let mut rejects = match &arguments.reject {
        Some(path) => Rejects::to_file(path, Begin::Anew)?,
        None => Rejects::shown(),
    };
    let mut total = Counts::default();
    for path in &arguments.files {
        let file = path.display().to_string();
        let mut refused = |error: &attest::RowError| {
            let reject =
                Reject { file: &file, line: error.line, reason: &error.reason, text: Some(&error.text) };
            Ok(rejects.add(&reject)?)
        };
        let by = arguments.by.as_deref();
        match attest::import(path, kind, by, target, &SystemClock, &mut refused) {
            Ok(counts) => {
                total.stored += counts.stored;
                total.already_stored += counts.already_stored;
                total.refused += counts.refused;
            }
            Err(error @ attest::FileError::Header { .. }) => {
                eprintln!("mandate: {error}");
                return Ok(Exit::Refused);
            }
            Err(error) => return Err(error.into()),
        }
    }
    rejects.flush()?;
    report(arguments, &total)?;
    if let Some(store) = &store {
        project(arguments, store)?;
    }
    Ok(if total.all_taken() { Exit::Done } else { Exit::Refused })
}

fn all_files(
    arguments: &Arguments,
    target: Target<'_>,
    now: Instant,
    checkpoint: impl Fn(&Path) -> anyhow::Result<Checkpoint>,
) -> anyhow::Result<Exit> {
    let mut total = Counts::default();
    let mut rejects: Option<Rejects> = None;
    for file in &arguments.files {
        let mut checkpoint = checkpoint(file)?;
        if checkpoint.line() > 0 {
            eprintln!(
                "{}: goes on after line {}, where the last run ended",
                file.display(),
                checkpoint.line()
            );
        }
        if rejects.is_none() {
            let begin = if checkpoint.line() > 0 { Begin::GoOn } else { Begin::Anew };
            rejects = Some(match &arguments.reject {
                Some(path) => Rejects::to_file(path, begin)?,
                None => Rejects::shown(),
            });
        }
        let Some(rejects) = rejects.as_mut() else { continue };
        let mut bar = Progress::new(&format!("import {}", file.display()), plain_size(file));
        let mut progress = |counts: &Counts| bar.reach(counts.bytes, counts.lines());
        let counts = if let Format::Hmpps = arguments.format {
            let target = match target {
                Target::Store(store) => MessageTarget::Store(store, now),
                Target::Check(reader) => MessageTarget::Check(reader),
            };
            import_messages(file, target, rejects, &mut checkpoint, &mut progress)?
        } else {
            import(file, cores(), target, rejects, &mut checkpoint, &mut progress)?
        };
        bar.finish();
        checkpoint.finish();
        add(&mut total, &counts);
    }
    report(arguments, &total)?;
    Ok(if total.all_taken() { Exit::Done } else { Exit::Refused })
}

/// The number of bytes to read, where it is known beforehand.
fn plain_size(file: &Path) -> Option<u64> {
    let compressed =
        file.extension().is_some_and(|end| ["gz", "zst", "zstd"].iter().any(|known| end == *known));
    let found = std::fs::metadata(file).ok().filter(std::fs::Metadata::is_file)?;
    (!compressed).then_some(found.len())
}

fn add(total: &mut Counts, counts: &Counts) {
    total.stored += counts.stored;
    total.already_stored += counts.already_stored;
    total.conflicts += counts.conflicts;
    total.refused += counts.refused;
    total.ignored += counts.ignored;
    total.quarantined += counts.quarantined;
    total.skipped += counts.skipped;
    total.bytes += counts.bytes;
}

fn report(arguments: &Arguments, total: &Counts) -> anyhow::Result<()> {
    let stored = if arguments.dry_run { "would be stored" } else { "stored" };
    let mut text = format!(
        "{stored} {}, already stored {}, conflicts {}, refused {}",
        total.stored,
        total.already_stored + total.skipped,
        total.conflicts,
        total.refused
    );
    if let Format::Hmpps = arguments.format {
        text.push_str(&format!(", ignored {}, in quarantine {}", total.ignored, total.quarantined));
    }
    if !total.all_taken() {
        match &arguments.reject {
            Some(path) => text.push_str(&format!("; the lines not taken are in {}", path.display())),
            None => text.push_str("; --reject FILE keeps the lines not taken"),
        }
    }
    text.push('\n');
    print(text.as_bytes())
}
