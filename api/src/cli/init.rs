//! `mandate init`: the first run, on an empty log.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, bail};
use clap::Args;
use mandate_domain::time::{Clock, Instant, SystemClock};
use mandate_store::{Keys, MAX_BATCH, NewEvent, OnError, Outcome, Store, StoreError, create_signing_key};

use super::place::Place;
use super::{Exit, print};
use crate::reference::{self, Reference};

/// Most mistakes that are printed.
const SHOWN_MISTAKES: usize = 50;

/// First run on an empty log: its key, and organisations, posts and people from CSV
#[derive(Debug, Args)]
#[command(after_help = reference::HELP)]
pub struct Arguments {
    /// The folder of the log; the same as --data-dir
    #[arg(value_name = "DIR", conflicts_with = "data_dir")]
    folder: Option<PathBuf>,
    #[command(flatten)]
    place: Place,
    /// The organisations and people
    #[arg(long, value_name = "FILE.csv", required_unless_present = "empty")]
    organisations: Option<PathBuf>,
    /// Make the key and an empty log: the organisations come with an import
    #[arg(long, conflicts_with = "organisations")]
    empty: bool,
    /// The name of this log in its signed checkpoints, as long as it lives
    #[arg(long, value_name = "NAME", default_value = "mandate.invalid/log")]
    origin: String,
    /// Check the file and write nothing
    #[arg(long)]
    dry_run: bool,
}

/// Runs the verb.
///
/// # Errors
/// A file that cannot be read, a log that is there already or cannot be written.
pub fn run(arguments: &Arguments) -> anyhow::Result<Exit> {
    let mut place = arguments.place.clone();
    if let Some(folder) = &arguments.folder {
        place.data_dir.clone_from(folder);
    }
    let clock = Arc::new(SystemClock);
    let reference = match &arguments.organisations {
        None => Reference::default(),
        Some(file) => match checked(file, clock.now())? {
            Some(reference) => reference,
            None => return Ok(Exit::Refused),
        },
    };
    let what = format!(
        "{} organisations, {} people, {} posts",
        reference.organisations, reference.people, reference.posts
    );
    if arguments.dry_run {
        print(format!("{what}: nothing wrong; nothing was written\n").as_bytes())?;
        return Ok(Exit::Done);
    }
    match place.reader() {
        Err(StoreError::NoLog { .. }) => {}
        Err(error) => return Err(error.into()),
        Ok(_) => bail!(
            "{}: there is a log already; `init` is for a new one. Give another --data-dir, or state what changed as \
             facts: `mandate import`",
            place.data_dir.display()
        ),
    }
    let options = place.options(clock)?;
    if !options.key_file.exists() {
        Keys::create(&options.key_file)?;
    }
    if !options.signing_key.exists() {
        create_signing_key(&options.signing_key, &arguments.origin)?;
    }
    let key_file = options.key_file.clone();
    let store = Store::open(options)?;
    append(&store, reference)?;
    let public_key = store.verifying_key().map(ToString::to_string).unwrap_or_default();
    drop(store);
    let text = format!(
        "{what} stated in {}\n\nNext:\n  copy the folder {} to a safe place, apart from the log: without `kek` nothing sealed can be opened,\n    \
         `signing` signs the checkpoints, `erased` keeps those erased from coming back with an old backup\n  \
         give auditors the key that checks this log's checkpoints: {public_key}\n  \
         mandate serve --data-dir {}\n",
        place.data_dir.display(),
        key_file.parent().unwrap_or(&key_file).display(),
        place.data_dir.display()
    );
    print(text.as_bytes())?;
    Ok(Exit::Done)
}

/// The rows of a file as facts; mistakes are printed and `None` is answered.
fn checked(file: &Path, now: Instant) -> anyhow::Result<Option<Reference>> {
    let text = std::fs::read_to_string(file).with_context(|| file.display().to_string())?;
    match reference::read(&text, now) {
        Ok(reference) => Ok(Some(reference)),
        Err(mistakes) => {
            for mistake in mistakes.iter().take(SHOWN_MISTAKES) {
                eprintln!("{} {mistake}", file.display());
            }
            eprintln!("mandate: nothing was written; mend the rows named above ({} in all)", mistakes.len());
            Ok(None)
        }
    }
}

fn append(store: &Store, reference: Reference) -> anyhow::Result<()> {
    let mut facts = reference.facts;
    while !facts.is_empty() {
        let rest = facts.split_off(facts.len().min(MAX_BATCH));
        let sent: Vec<NewEvent> = std::mem::replace(&mut facts, rest);
        for outcome in store.append_blocking(sent, OnError::All)? {
            if let Outcome::Refused(refusal) = outcome {
                bail!("{refusal}; the log is not complete: remove its folder and run `mandate init` again");
            }
        }
    }
    Ok(())
}
