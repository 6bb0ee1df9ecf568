//! A cluster to test on.

use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tempfile::TempDir;

use crate::error::Error;
use crate::options::Options;
use crate::programs::{Programs, run};
use crate::server::Server;
use crate::watchdog::Watchdog;

/// A PostgreSQL server: one of our own, which goes when this is dropped or the process ends, or one that was given.
#[derive(Debug)]
pub struct Cluster {
    programs: Programs,
    place: Place,
    watchdog: Watchdog,
    made: AtomicU32,
    prefix: String,
}

/// Whose server it is.
#[derive(Debug)]
enum Place {
    Own { server: Mutex<Server>, host: PathBuf, port: String },
    Given(Address),
}

/// The address of a server that is not ours, in the parts before and after the name of the database.
#[derive(Debug)]
struct Address {
    server: String,
    database: String,
    parameters: String,
}

impl Cluster {
    /// Makes a new cluster in a folder of its own and starts it.
    ///
    /// # Errors
    /// [`Error::Missing`] when PostgreSQL is not installed; others as they name themselves, with the end of the
    /// server's log.
    pub fn start(options: Options) -> Result<Self, Error> {
        let programs = Programs::find()?;
        let port = options.port().to_owned();
        let folder = tempfile::Builder::new().prefix("mandate-pg-").tempdir_in(options.place());
        let folder = folder.map_err(Error::file("make a folder in", options.place()))?;
        // A link on the way would not be found again under /proc.
        let path = folder.path().canonicalize().map_err(Error::file("look up", folder.path()))?;
        let server = Server::create(&path, programs.clone(), options)?;
        let watchdog = Watchdog::start(Some(&path), &programs.psql(), None)?;
        // From here on the watchdog removes it.
        let _: PathBuf = TempDir::keep(folder);
        let place = Place::Own { host: server.host().to_owned(), server: Mutex::new(server), port };
        let cluster = Self { programs, place, watchdog, made: AtomicU32::new(0), prefix: "test".to_owned() };
        cluster.server("start")?.start()?;
        Ok(cluster)
    }

    /// A server that runs elsewhere; its databases made here are dropped when the process ends.
    pub(crate) fn given(address: &str) -> Result<Self, Error> {
        let programs = Programs::find()?;
        let parts = Address::parse(address)?;
        let watchdog = Watchdog::start(None, &programs.psql(), Some(address))?;
        // Other processes, also on other machines, may test on it at the same time.
        let random = std::hash::BuildHasher::hash_one(&std::hash::RandomState::new(), std::process::id());
        let prefix = format!("mandate_test_{random:016x}");
        Ok(Self { programs, place: Place::Given(parts), watchdog, made: AtomicU32::new(0), prefix })
    }

    /// The address of one of its databases, for sqlx, libpq and `--database-url`.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        match &self.place {
            Place::Own { host, port, .. } => {
                let host = host.display().to_string().replace('%', "%25").replace('/', "%2F");
                format!("postgres://postgres@localhost:{port}/{database}?host={host}")
            }
            Place::Given(Address { server, parameters, .. }) => format!("{server}/{database}{parameters}"),
        }
    }

    /// Makes an empty database of a name that no other has, and returns its address.
    ///
    /// # Errors
    /// [`Error::Program`] when psql fails.
    pub fn fresh_database(&self) -> Result<String, Error> {
        let name = format!("{}_{}", self.prefix, self.made.fetch_add(1, Ordering::Relaxed));
        self.create_database(&name)?;
        Ok(self.url(&name))
    }

    /// Makes an empty database.
    ///
    /// # Errors
    /// [`Error::Name`] for a name that needs quoting, [`Error::Program`] when there is one already.
    pub fn create_database(&self, name: &str) -> Result<(), Error> {
        check_name(name)?;
        self.watchdog.tell(name)?;
        self.psql_on_first(&format!("CREATE DATABASE {name}")).map(drop)
    }

    /// Drops a database if there is one, and ends the connections to it.
    ///
    /// # Errors
    /// [`Error::Name`] for a name that needs quoting, [`Error::Program`] when psql fails.
    pub fn drop_database(&self, name: &str) -> Result<(), Error> {
        check_name(name)?;
        self.psql_on_first(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"))?;
        self.watchdog.tell(&format!("-{name}"))
    }

    /// Runs SQL in a database with psql and returns the rows, columns parted by `|`.
    ///
    /// # Errors
    /// [`Error::Program`] with what psql told.
    pub fn psql(&self, database: &str, sql: &str) -> Result<String, Error> {
        let mut psql: Command = self.programs.command("psql");
        psql.args(["--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--set", "ON_ERROR_STOP=1"]);
        psql.arg("--dbname").arg(self.url(database)).arg("--command").arg(sql);
        run(&mut psql, &format!("psql with `{sql}`"))
    }

    /// SIGKILL of the postmaster; returns when it and all its children are gone.
    ///
    /// # Errors
    /// [`Error::NotOurs`] for a server that was given.
    pub fn kill(&self) -> Result<(), Error> {
        self.server("kill")?.kill()
    }

    /// A fast shutdown, with a checkpoint.
    ///
    /// # Errors
    /// [`Error::NotOurs`] for a server that was given.
    pub fn stop(&self) -> Result<(), Error> {
        self.server("stop")?.stop()
    }

    /// Starts it again, after [`Self::kill`] (it recovers) or [`Self::stop`]; kills it first if it runs.
    ///
    /// # Errors
    /// [`Error::NotOurs`] for a server that was given, [`Error::Server`] when it does not accept again.
    pub fn restart(&self) -> Result<(), Error> {
        let mut server = self.server("restart")?;
        server.kill()?;
        server.forget_pid()?;
        server.start()
    }

    /// The process id of the postmaster, while it runs and is ours.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.server("look at").ok().and_then(|server| server.pid())
    }

    fn server(&self, doing: &'static str) -> Result<MutexGuard<'_, Server>, Error> {
        match &self.place {
            Place::Own { server, .. } => Ok(server.lock().unwrap_or_else(PoisonError::into_inner)),
            Place::Given(_) => Err(Error::NotOurs { doing }),
        }
    }

    /// Runs SQL in a database that is there from the beginning.
    fn psql_on_first(&self, sql: &str) -> Result<String, Error> {
        match &self.place {
            Place::Own { .. } => self.psql("postgres", sql),
            Place::Given(address) => self.psql(&address.database, sql),
        }
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.watchdog.release();
        if let Ok(mut server) = self.server("end") {
            server.wait();
        }
    }
}

impl Address {
    fn parse(text: &str) -> Result<Self, Error> {
        let parts = || {
            let (address, parameters) = text.split_at(text.find('?').unwrap_or(text.len()));
            let (scheme, rest) = address.split_once("://")?;
            let (server, database) = rest.split_once('/')?;
            let known = matches!(scheme, "postgres" | "postgresql") && !database.is_empty();
            known.then(|| Self {
                server: format!("{scheme}://{server}"),
                database: database.to_owned(),
                parameters: parameters.to_owned(),
            })
        };
        parts().ok_or_else(|| Error::Address(text.to_owned()))
    }
}

fn check_name(name: &str) -> Result<(), Error> {
    let usual = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    let first = name.bytes().next().is_some_and(|byte| byte.is_ascii_lowercase());
    if first && name.len() <= 63 && name.bytes().all(usual) {
        return Ok(());
    }
    Err(Error::Name(name.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_database_of_an_address_is_what_stands_before_its_parameters() {
        let address = Address::parse("postgres://u:p@h:5433/first?sslmode=disable").unwrap();
        assert_eq!(address.server, "postgres://u:p@h:5433");
        assert_eq!(address.database, "first");
        assert_eq!(address.parameters, "?sslmode=disable");
        for wrong in ["", "postgres://h", "postgres://h/", "mysql://h/d", "h/d"] {
            assert!(Address::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_name_that_needs_quoting_is_refused() {
        for wrong in ["", "a-b", "A", "1a", "a;b", "a b", &"a".repeat(64)] {
            assert!(check_name(wrong).is_err(), "{wrong}");
        }
        assert!(check_name("test_1").is_ok());
    }
}
