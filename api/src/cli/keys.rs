//! `mandate keys`: the key-encryption key.

use std::sync::Arc;

use clap::Subcommand;
use mandate_domain::time::SystemClock;
use mandate_store::Store;

use super::place::Place;
use super::{Exit, print};

/// The keys of what is sealed
#[derive(Debug, Subcommand)]
pub enum Arguments {
    /// Make a new key file and wrap every subject's key under it; no server may be running
    ///
    /// Copies of the keys made before can then only be opened with a copy of the old key file: destroy those, and what
    /// was erased is gone from the copies as well. Give every node the new key file, and make new backups.
    Rotate {
        #[command(flatten)]
        place: Place,
    },
}

/// Runs the verb.
///
/// # Errors
/// Keys or a key file that cannot be read or written, a server that is running.
pub fn run(arguments: &Arguments) -> anyhow::Result<Exit> {
    match arguments {
        Arguments::Rotate { place } => {
            place.reader()?;
            let options = place.options(Arc::new(SystemClock))?;
            let keys = Store::rotate_keys(&options)?;
            let text = format!(
                "{keys} keys are wrapped under a new key, in {}.\nCopy it to the safe place and destroy the copies of the \
                 old one; then make a new backup.\n",
                options.key_file.display()
            );
            print(text.as_bytes())?;
            Ok(Exit::Done)
        }
    }
}
