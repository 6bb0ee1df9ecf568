//! `mandate log`: the log as it stands, what proves it, and what leaves it; beside a running server as well.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::PathBuf;

use anyhow::{Context as _, bail};
use clap::{Subcommand, ValueEnum};
use mandate_domain::time::Instant;
use mandate_store::{Export, Part, Position, Reader, StoredEvent};

use super::judge::moment;
use super::place::Place;
use super::{Exit, print, proof};
use crate::http::event_json;

/// The log: show, tail, export, verify, prove, checkpoint, key
#[derive(Debug, Subcommand)]
pub enum Arguments {
    /// Write the facts as `mandate judge` reads them, or a bundle that `mandate-verify` checks; personal data is left
    /// out of the first and sealed in the second
    Export {
        /// How to write
        #[arg(long, value_enum, default_value_t = Format::Jsonl)]
        format: Format,
        /// Where to write [default: standard output]
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
        /// With jsonl: only what was known by then (an instant, or a date for the end of that day)
        #[arg(long, value_name = "K", value_parser = moment)]
        known_at: Option<Instant>,
        /// Begin after this position
        #[arg(long, value_name = "POSITION", default_value_t = 0)]
        after: u64,
        /// End with this position [default: the end; of a bundle, where the last checkpoint ends]
        #[arg(long, value_name = "POSITION")]
        up_to: Option<u64>,
        #[command(flatten)]
        place: Place,
    },
    /// Print one event as JSON
    Show {
        /// Its position, from 1
        position: u64,
        #[command(flatten)]
        place: Place,
    },
    /// Print the last events, one a line
    Tail {
        /// How many
        #[arg(short, value_name = "N", default_value_t = 10)]
        n: u32,
        /// Print JSON
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        place: Place,
    },
    Verify(proof::Verify),
    Prove(proof::Prove),
    Checkpoint(proof::Checkpoint),
    Key(proof::Key),
}

/// How an export is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// One CloudEvent a line.
    Jsonl,
    /// One file with events, checkpoints and proofs.
    Bundle,
}

/// Runs the verb.
///
/// # Errors
/// A log that is not there or cannot be read, output that cannot be written.
pub fn run(arguments: &Arguments) -> anyhow::Result<Exit> {
    match arguments {
        Arguments::Export { format, out, known_at, after, up_to, place } => {
            let reader = place.reader()?;
            let (after, up_to) = (Position::new(*after), up_to.map(Position::new));
            match format {
                Format::Jsonl => {
                    export_to(&reader, Export { after, up_to, known_at: *known_at }, out.as_ref())
                }
                Format::Bundle if known_at.is_some() => bail!(
                    "--known-at goes with --format jsonl; a bundle holds what was stored, whenever it was known"
                ),
                Format::Bundle => proof::bundle(&reader, Part { after, up_to }, out.as_ref()),
            }
        }
        Arguments::Show { position, place } => {
            let reader = place.reader()?;
            let Some(event) = reader.by_position(Position::new(*position))? else {
                eprintln!(
                    "mandate: there is no position {position}; the log ends at {}",
                    reader.head()?.position
                );
                return Ok(Exit::Refused);
            };
            print(format!("{}\n", serde_json::to_string_pretty(&event_json(&event)?)?).as_bytes())?;
            Ok(Exit::Done)
        }
        Arguments::Tail { n, json, place } => tail(&place.reader()?, *n, *json),
        Arguments::Verify(arguments) => proof::verify(arguments),
        Arguments::Prove(arguments) => proof::prove(arguments),
        Arguments::Checkpoint(arguments) => proof::checkpoint(arguments),
        Arguments::Key(arguments) => proof::key(arguments),
    }
}

fn export_to(reader: &Reader, export: Export, out: Option<&PathBuf>) -> anyhow::Result<Exit> {
    match out {
        None => {
            let mut out = BufWriter::new(std::io::stdout().lock());
            match reader.export_jsonl(&mut out, export) {
                // A reader that has gone away is no error.
                Err(mandate_store::StoreError::Output(error))
                    if error.kind() == std::io::ErrorKind::BrokenPipe => {}
                other => drop(other?),
            }
        }
        Some(path) => {
            let file = File::create(path).with_context(|| path.display().to_string())?;
            let mut out = BufWriter::new(file);
            let lines = reader.export_jsonl(&mut out, export)?;
            out.flush().with_context(|| path.display().to_string())?;
            eprintln!("{lines} facts written to {}", path.display());
        }
    }
    Ok(Exit::Done)
}

fn tail(reader: &Reader, n: u32, json: bool) -> anyhow::Result<Exit> {
    let after = reader.head()?.position.get().saturating_sub(u64::from(n));
    let events = reader.read_after(Position::new(after), usize::try_from(n)?)?.events;
    let mut text = String::new();
    for event in &events {
        if json {
            text.push_str(&serde_json::to_string(&event_json(event)?)?);
        } else {
            text.push_str(&line(event));
        }
        text.push('\n');
    }
    print(text.as_bytes())?;
    Ok(Exit::Done)
}

fn line(event: &StoredEvent) -> String {
    let fact = &event.fact;
    format!(
        "{:>9}  {}  {:<28}  {:<24}  {}",
        event.position.get(),
        event.recorded_at,
        fact.kind.name(),
        fact.subject,
        fact.reference()
    )
}
