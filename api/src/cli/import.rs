//! `mandate import`: files of facts into the log.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{Args, ValueEnum};
use mandate_domain::time::{Clock, SystemClock, VirtualClock};
use mandate_projections::Projections;
use mandate_store::{Reader, Store, StoreError};

use super::place::Place;
use super::progress::Progress;
use super::{Exit, print};
use crate::bulk::cores;
use crate::import::{Begin, Checkpoint, Counts, Rejects, Target, import};

/// Facts into the log: JSON Lines, one CloudEvent a line (`-` is standard input; gzip and zstd are read as they are)
///
/// A fact that is stored already is recognised by its source and id, so a file may be imported again after a break.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Files of facts
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    #[command(flatten)]
    place: Place,
    /// How the files are written
    #[arg(long, value_enum, default_value_t = Format::Cloudevents)]
    format: Format,
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

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Cloudevents,
}

/// Runs the verb.
///
/// # Errors
/// A file that cannot be read, a log that cannot be written or is in use.
pub fn run(arguments: &Arguments) -> anyhow::Result<Exit> {
    let Format::Cloudevents = arguments.format;
    if arguments.dry_run {
        let reader = match arguments.place.reader() {
            Ok(reader) => Some(reader),
            Err(StoreError::NoLog { .. }) => None,
            Err(error) => return Err(error.into()),
        };
        return all_files(arguments, Target::Check(reader.as_ref()), |_| Ok(Checkpoint::none()));
    }
    // An import is one act: all of it is recorded at its beginning, and no duty is judged by half of a history.
    let begun = SystemClock.now();
    let store = Store::open(arguments.place.options(Arc::new(VirtualClock::new(begun)))?)?;
    let reader: &Reader = store.reader();
    let checkpoint = |file: &Path| Ok(Checkpoint::of(file, &arguments.place.data_dir, reader)?);
    let exit = all_files(arguments, Target::Store(&store), checkpoint)?;
    if !arguments.no_project {
        eprintln!("judging what was imported …");
        Projections::open(&arguments.place.data_dir, &store)?.advance(SystemClock.now())?;
    }
    Ok(exit)
}

fn all_files(
    arguments: &Arguments,
    target: Target<'_>,
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
        let counts = import(file, cores(), target, rejects, &mut checkpoint, &mut |counts| {
            bar.reach(counts.bytes, counts.lines());
        })?;
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
    if !total.all_taken() {
        match &arguments.reject {
            Some(path) => text.push_str(&format!("; the lines not taken are in {}", path.display())),
            None => text.push_str("; --reject FILE keeps the lines not taken"),
        }
    }
    text.push('\n');
    print(text.as_bytes())
}
