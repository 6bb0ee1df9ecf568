//! `mandate backup` and `mandate restore`: the log and its keys, apart, and back again.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context as _;
use clap::Args;
use mandate_domain::time::SystemClock;
use mandate_store::{Store, back_up, restore as put_back};

use super::place::Place;
use super::progress::Progress;
use super::{Exit, print};

/// Copy the log and its keys, each into a folder of its own; works beside a running server
///
/// The copies are SQLite files, whatever database the log is in. Keep them in different places: the log's copy can be
/// read and verified by anybody, and opens nothing that is sealed. The key file is in neither: keep its copy elsewhere
/// again.
#[derive(Debug, Args)]
pub struct Arguments {
    /// A new folder for the copy of the log
    #[arg(long, value_name = "DIR")]
    log_to: PathBuf,
    /// A new folder for the copy of the keys
    #[arg(long, value_name = "DIR")]
    keys_to: PathBuf,
    #[command(flatten)]
    place: Place,
}

/// Put a backup into a new log, verify it, and carry out the erasures it does not know of
///
/// Every row is compared with its leaf on the way. If the log that is restored lacks what the last published checkpoint
/// covers, it is opened for reading only: give --checkpoint-file the file that was kept elsewhere.
#[derive(Debug, Args)]
pub struct Restore {
    /// The folder with the copy of the log
    #[arg(long, value_name = "DIR")]
    log_from: PathBuf,
    /// The folder with the copy of the keys
    #[arg(long, value_name = "DIR")]
    keys_from: PathBuf,
    #[command(flatten)]
    place: Place,
}

/// Runs `backup`.
///
/// # Errors
/// A log that cannot be read, a folder that is not empty, a row that does not agree with its leaf.
pub fn run(arguments: &Arguments) -> anyhow::Result<Exit> {
    let (place, mut bar) = (&arguments.place, Progress::new("copy", None));
    let events = back_up(
        &place.data_dir,
        &place.database()?,
        &arguments.log_to,
        &arguments.keys_to,
        |position, _| bar.reach(0, position),
    )?;
    bar.finish();
    let text = format!(
        "{events} events copied to {}, their keys to {}. Keep the two apart, and the key file in a third place.\n",
        arguments.log_to.display(),
        arguments.keys_to.display()
    );
    print(text.as_bytes())?;
    Ok(Exit::Done)
}

/// Runs `restore`.
///
/// # Errors
/// A copy that cannot be read or was altered, a log that is there already, a missing key file.
pub fn restore(arguments: &Restore) -> anyhow::Result<Exit> {
    let options = arguments.place.options(Arc::new(SystemClock))?;
    anyhow::ensure!(
        options.key_file.exists(),
        "{}: no key file there; put the copy of this log's key file back first (--key-file says where it is)",
        options.key_file.display()
    );
    let mut bar = Progress::new("restore", None);
    let events = put_back(&options, &arguments.log_from, &arguments.keys_from, |position, _| {
        bar.reach(0, position);
    })?;
    bar.finish();
    let store = Store::open(options).context("the events are restored, but the log cannot be opened")?;
    let found = store.reader().verify(store.verifying_key(), &[], |_, _| {})?;
    let erased = store.keys().erased().len();
    let mut text = format!("{events} events restored; {erased} subjects are erased.\n");
    let exit = match (found.exit_code(), found.not_signed_yet(), store.read_only()) {
        (_, _, Some(reason)) => {
            text.push_str(&format!("READ-ONLY: {reason}\n"));
            Exit::Missing
        }
        (0, _, None) | (_, Some(_), None) if found.problems.is_empty() => {
            text.push_str("Verified. `mandate serve` makes the read models anew.\n");
            Exit::Done
        }
        (6, _, None) => {
            text.push_str(&format!("{}\n", found.report));
            Exit::Missing
        }
        _ => {
            text.push_str(&format!("{}\n", found.report));
            Exit::Altered
        }
    };
    print(text.as_bytes())?;
    Ok(exit)
}
