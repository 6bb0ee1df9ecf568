//! A private PostgreSQL cluster for tests and benches: made from the server that is installed, killed and started
//! again at will, and gone with the process that made it, however that ends.
//!
//! [`Cluster::start`] makes one; [`Cluster::shared`] is one for all tests of a process, each with a
//! [`Cluster::fresh_database`] of its own. The server is a direct child and listens on a Unix socket in its own
//! folder: no port can be taken by others while it is down. Beside it runs `watchdog.sh`, which reads a pipe from
//! this process; at the end of the pipe it ends the server and removes the folder.
//!
//! Linux only: what a killed server leaves running is found under `/proc`.

mod cluster;
mod error;
mod options;
mod programs;
mod server;
mod shared;
mod watchdog;

pub use cluster::Cluster;
pub use error::Error;
pub use options::Options;
pub use shared::DATABASE_URL;
