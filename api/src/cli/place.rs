//! Where the log is: the arguments that every verb with a log shares.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use mandate_domain::time::Clock;
use mandate_store::Options;

/// The folder of the log when none is named.
pub const DATA_DIR: &str = "./mandate-data";

/// The folder of the log, and its key file.
#[derive(Debug, Clone, Args)]
pub struct Place {
    /// The folder of the log
    #[arg(long, value_name = "DIR", default_value = DATA_DIR)]
    pub data_dir: PathBuf,
    /// The key file [default: keys/kek in the folder of the log]
    #[arg(long, value_name = "FILE")]
    pub key_file: Option<PathBuf>,
}

impl Place {
    /// The log there, with a clock.
    #[must_use]
    pub fn options(&self, clock: Arc<dyn Clock>) -> Options {
        options(self.data_dir.clone(), self.key_file.clone(), clock)
    }
}

/// A log in a folder, its key file in the usual place unless another is named.
#[must_use]
pub fn options(data_dir: PathBuf, key_file: Option<PathBuf>, clock: Arc<dyn Clock>) -> Options {
    let options = Options::new(data_dir, clock);
    match key_file {
        Some(key_file) => options.with_key_file(key_file),
        None => options,
    }
}
