//! One cluster for all tests of a process.

use std::sync::OnceLock;

use crate::cluster::Cluster;
use crate::error::Error;
use crate::options::Options;

/// Names the variable with the address of a server to test on instead of a private one; its user may make databases.
pub const DATABASE_URL: &str = "MANDATE_TEST_DATABASE_URL";

static SHARED: OnceLock<Result<Cluster, Error>> = OnceLock::new();

impl Cluster {
    /// The cluster of this process: started by the first who asks, ended with the process; or the server that
    /// [`DATABASE_URL`] names.
    ///
    /// # Errors
    /// As [`Self::start`], the same for everyone who asks; never skipped.
    pub fn shared() -> Result<&'static Self, &'static Error> {
        let started = || match std::env::var(DATABASE_URL) {
            Ok(address) if !address.is_empty() => Self::given(&address),
            Ok(_) | Err(_) => Self::start(Options::default()),
        };
        SHARED.get_or_init(started).as_ref()
    }
}
