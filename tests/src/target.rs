//! Where a campaign keeps its log: the one place that knows how a log of each database is opened.

use std::path::PathBuf;
use std::sync::Arc;

use mandate_domain::time::Clock;
use mandate_store::{Database, Keys, Options, Reader, Store};

/// A log to try out.
#[derive(Debug, Clone)]
pub struct Target {
    /// The data directory.
    pub data_dir: PathBuf,
    /// The key file, outside of it.
    pub key_file: PathBuf,
    /// The address of the PostgreSQL database that holds the log; without one it is SQLite's, in the data directory.
    pub database: Option<String>,
}

impl Target {
    /// Makes the key file if there is none.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn prepare(&self) -> anyhow::Result<()> {
        if !self.key_file.exists() {
            Keys::create(&self.key_file)?;
        }
        Ok(())
    }
}

impl Target {
    fn database(&self) -> anyhow::Result<Database> {
        Ok(match &self.database {
            None => Database::Sqlite,
            Some(url) => Database::parse(url)?,
        })
    }
}

/// Opens a log for writing, and makes it if it is new.
///
/// # Errors
/// As [`Store::open`].
pub fn open_store(target: &Target, clock: Arc<dyn Clock>) -> anyhow::Result<Store> {
    let options = Options::new(&target.data_dir, clock).with_key_file(&target.key_file);
    Ok(Store::open(options.with_database(target.database()?))?)
}

/// Opens a log for reading only, on connections of its own.
///
/// # Errors
/// As [`Store::open_read_only`].
pub fn open_reader(target: &Target) -> anyhow::Result<Reader> {
    Ok(Store::open_read_only(&target.data_dir, &target.database()?)?)
}
