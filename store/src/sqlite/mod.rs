//! The log in SQLite files: one process, one connection that writes.

mod ids;
pub(crate) mod keys;
pub(crate) mod log;
pub(crate) mod migrate;
pub(crate) mod reader;
pub(crate) mod settings;
