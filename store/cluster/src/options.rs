//! How a private cluster is to run.

use std::ffi::OsString;
use std::path::PathBuf;

/// The server's settings: durable as in production, small in memory; later ones win.
#[derive(Debug, Clone)]
pub struct Options {
    settings: Vec<(String, String)>,
    environment: Vec<(String, OsString)>,
    place: PathBuf,
    wal: Option<PathBuf>,
}

/// Durable, and small.
const USUAL: &[(&str, &str)] = &[
    ("fsync", "on"),
    ("full_page_writes", "on"),
    ("synchronous_commit", "on"),
    ("shared_buffers", "32MB"),
    ("max_connections", "100"),
    ("listen_addresses", ""),
    ("log_timezone", "UTC"),
    ("timezone", "UTC"),
    // In the data folder: nothing is left in /dev/shm by a server that is killed.
    ("dynamic_shared_memory_type", "mmap"),
];

impl Default for Options {
    fn default() -> Self {
        let settings = USUAL.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Self { settings, environment: Vec::new(), place: std::env::temp_dir(), wal: None }
    }
}

impl Options {
    /// The same with one setting of `postgresql.conf` changed, for example `("shared_buffers", "256MB")`.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.settings.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The same on a port of 127.0.0.1 besides its socket, for what must go through TCP.
    #[must_use]
    pub fn with_tcp(self, port: u16) -> Self {
        self.with("listen_addresses", "127.0.0.1").with("port", &port.to_string())
    }

    /// The same with its folder made in another than that for temporary files. The server's user must be able to reach
    /// it, and its path is short: with it the socket's has at most 107 bytes.
    #[must_use]
    pub fn within(mut self, place: impl Into<PathBuf>) -> Self {
        self.place = place.into();
        self
    }

    /// The same with its write-ahead log in a folder elsewhere, which is made and stays when the cluster goes: a server
    /// whose write-ahead log finds its disk full ends itself, one whose tables do refuses writes and goes on.
    #[must_use]
    pub fn with_wal_in(mut self, folder: impl Into<PathBuf>) -> Self {
        self.wal = Some(folder.into());
        self
    }

    /// The same with a variable in the environment of the server, for example `LD_PRELOAD`; `initdb` runs without.
    #[must_use]
    pub fn with_env(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self.environment.push((name.to_owned(), value.into()));
        self
    }

    /// Where its folder is made.
    pub(crate) fn place(&self) -> &std::path::Path {
        &self.place
    }

    /// Where its write-ahead log is, if elsewhere.
    pub(crate) fn wal(&self) -> Option<&std::path::Path> {
        self.wal.as_deref()
    }

    /// What is added to the environment of the server.
    pub(crate) fn environment(&self) -> impl Iterator<Item = (&str, &OsString)> {
        self.environment.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// Arguments of `postgres`.
    pub(crate) fn arguments(&self) -> impl Iterator<Item = String> {
        self.settings.iter().flat_map(|(name, value)| ["-c".to_owned(), format!("{name}={value}")])
    }

    /// The port, which also names the socket.
    pub(crate) fn port(&self) -> &str {
        let last = self.settings.iter().rev().find(|(name, _)| name == "port");
        last.map_or("5432", |(_, port)| port)
    }
}
