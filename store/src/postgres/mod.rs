//! The log in a PostgreSQL database, which several nodes may share.

pub(crate) mod copy;
pub(crate) mod keys;
pub(crate) mod log;
pub(crate) mod migrate;
pub(crate) mod reader;
pub(crate) mod session;
pub(crate) mod settings;
