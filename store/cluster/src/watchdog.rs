//! What cleans up when this process ends, however it ends.

use std::io::Write as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError};

use crate::error::Error;

/// A shell at the other end of a pipe; statics are not dropped, but pipes are closed.
#[derive(Debug)]
pub(crate) struct Watchdog(Mutex<Child>);

impl Watchdog {
    /// Watches over a server of our own in a folder, or over the databases made in another server.
    pub(crate) fn start(folder: Option<&Path>, psql: &Path, address: Option<&str>) -> Result<Self, Error> {
        let child = Command::new("/bin/sh")
            .args(["-c", include_str!("watchdog.sh"), "watchdog"])
            .arg(folder.unwrap_or(Path::new("")))
            .arg(psql)
            .arg(address.unwrap_or(""))
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // An interrupt from the terminal ends the tests and not what cleans up after them.
            .process_group(0)
            .current_dir("/")
            .spawn()
            .map_err(Error::file("start", "/bin/sh"))?;
        Ok(Self(Mutex::new(child)))
    }

    /// Tells of a database that was made, or with `-` before its name of one that was dropped.
    pub(crate) fn tell(&self, line: &str) -> Result<(), Error> {
        let mut child = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let told = child.stdin.as_mut().map(|pipe| writeln!(pipe, "{line}"));
        told.unwrap_or(Ok(())).map_err(Error::file("tell the watchdog", "/bin/sh"))
    }

    /// Closes the pipe, so that it begins to clean up.
    pub(crate) fn release(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).stdin = None;
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        let child = self.0.get_mut().unwrap_or_else(PoisonError::into_inner);
        child.stdin = None;
        child.wait().ok();
    }
}
