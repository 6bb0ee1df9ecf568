//! Where the log is: the arguments that every verb with a log shares.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use mandate_domain::time::Clock;
use mandate_store::{Database, Options, Reader, Store, StoreError};

/// The folder of the log when none is named.
pub const DATA_DIR: &str = "./mandate-data";

/// The variable that names the database when no flag does; unlike a flag it is not seen by other users.
pub const DATABASE_URL: &str = "MANDATE_DATABASE_URL";

/// The folder of the log, its database and its key file.
#[derive(Debug, Clone, Args)]
pub struct Place {
    /// The folder of the log; with --database-url that of the read models
    #[arg(long, value_name = "DIR", default_value = DATA_DIR)]
    pub data_dir: PathBuf,
    /// The PostgreSQL database that holds the log [default: the variable `MANDATE_DATABASE_URL`, else SQLite files in
    /// the folder of the log]. Keep a password in a password file (PGPASSFILE), not here
    #[arg(long, value_name = "postgres://USER@HOST/NAME")]
    pub database_url: Option<String>,
    /// The key file [default: keys/kek in the folder of the log]
    #[arg(long, value_name = "FILE")]
    pub key_file: Option<PathBuf>,
    /// Where signed checkpoints are kept outside the database [default: checkpoints in the folder of the log]
    #[arg(long, value_name = "FILE")]
    pub checkpoint_file: Option<PathBuf>,
}

impl Place {
    /// The log there, with a clock.
    ///
    /// # Errors
    /// [`StoreError::Address`] for a database that cannot be one.
    pub fn options(&self, clock: Arc<dyn Clock>) -> Result<Options, StoreError> {
        let mut options = Options::new(&self.data_dir, clock).with_database(self.database()?);
        if let Some(key_file) = &self.key_file {
            options = options.with_key_file(key_file);
        }
        if let Some(file) = &self.checkpoint_file {
            options = options.with_checkpoints(file);
        }
        Ok(options)
    }

    /// Reads the log there, also beside a running server.
    ///
    /// # Errors
    /// As [`Store::open_read_only`].
    pub fn reader(&self) -> Result<Reader, StoreError> {
        Store::open_read_only(&self.data_dir, &self.database()?)
    }

    /// The database of the log.
    ///
    /// # Errors
    /// [`StoreError::Address`] for one that cannot be.
    pub fn database(&self) -> Result<Database, StoreError> {
        match self.database_url.clone().or_else(|| std::env::var(DATABASE_URL).ok()) {
            Some(url) => Database::parse(&url),
            None => Ok(Database::Sqlite),
        }
    }
}
