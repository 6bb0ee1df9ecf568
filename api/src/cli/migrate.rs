//! `mandate migrate`: the files of an older program brought to what this one reads.

use std::sync::Arc;

use clap::Args;
use mandate_domain::time::SystemClock;
use mandate_projections::Projections;
use mandate_store::Store;

use super::place::Place;
use super::{Exit, print};

/// Bring a log of an older program to what this one reads, and its read models with it; the server must be stopped
///
/// `serve` does the same when it starts. Make a backup first: an older program cannot read the log afterwards.
#[derive(Debug, Args)]
pub struct Arguments {
    #[command(flatten)]
    place: Place,
}

/// Runs the verb.
///
/// # Errors
/// A log that is not there, is in use or was written by a newer program.
pub fn run(arguments: &Arguments) -> anyhow::Result<Exit> {
    let place = &arguments.place;
    match place.reader() {
        // What is older can be opened for writing, which brings it up.
        Ok(_) | Err(mandate_store::StoreError::Older { .. }) => {}
        Err(error) => return Err(error.into()),
    }
    let store = Store::open(place.options(Arc::new(SystemClock))?)?;
    let head = store.reader().head()?.position;
    let progress = Projections::open(&place.data_dir, &store)?.progress()?;
    let behind = head.get().saturating_sub(progress.position.get());
    let text = if behind == 0 {
        format!("the log of {head} events is as this program reads it, and so are the read models\n")
    } else {
        format!(
            "the log of {head} events is as this program reads it; the read models lack {behind}, which the server or \
             `mandate projections rebuild` adds\n"
        )
    };
    print(text.as_bytes())?;
    Ok(Exit::Done)
}
