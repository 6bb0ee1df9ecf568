//! How a private cluster is to run.

/// The server's settings: durable as in production, small in memory; later ones win.
#[derive(Debug, Clone)]
pub struct Options {
    settings: Vec<(String, String)>,
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
        Self { settings }
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
