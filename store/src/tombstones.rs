//! The list of those erased, beside the key file and outside of every copy of the database: a copy that is restored from
//! before an erasure is brought up to it.

use std::collections::BTreeSet;
use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use crate::key_file::sync_folder;
use crate::keys::{KeysError, locked};

/// One subject a line.
#[derive(Debug)]
pub(crate) struct Tombstones {
    path: PathBuf,
    known: Mutex<BTreeSet<String>>,
}

impl Tombstones {
    /// Where the list of a log with that key file is.
    pub(crate) fn beside(key_file: &Path) -> PathBuf {
        key_file.with_file_name("erased")
    }

    /// Reads the list, or makes an empty one.
    pub(crate) fn open(key_file: &Path) -> Result<Self, KeysError> {
        let path = Self::beside(key_file);
        let failed = |source| KeysError::File {
            doing: "read the list of those erased beside",
            path: path.clone(),
            source,
        };
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                make(&path)?;
                String::new()
            }
            Err(error) => return Err(failed(error)),
        };
        let known = text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect();
        Ok(Self { path, known: Mutex::new(known) })
    }

    /// Everyone in the list.
    pub(crate) fn subjects(&self) -> Vec<String> {
        locked(&self.known).iter().cloned().collect()
    }

    /// Adds a subject, durably, unless it is there.
    pub(crate) fn add(&self, subject: &str) -> Result<(), KeysError> {
        let mut known = locked(&self.known);
        if known.contains(subject) {
            return Ok(());
        }
        let failed = |source| KeysError::File {
            doing: "write the list of those erased beside",
            path: self.path.clone(),
            source,
        };
        let write = || -> std::io::Result<()> {
            let mut file =
                OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(&self.path)?;
            let mut last = [b'\n'];
            if let Some(before) = file.metadata()?.len().checked_sub(1) {
                file.read_exact_at(&mut last, before)?;
            }
            // A line of its own, also after one that a crash has torn.
            let parted = if last == *b"\n" { "" } else { "\n" };
            file.write_all(format!("{parted}{subject}\n").as_bytes())?;
            file.sync_all()
        };
        write().map_err(failed)?;
        known.insert(subject.to_owned());
        Ok(())
    }
}

/// Makes an empty list, whose name is on disk.
pub(crate) fn make(path: &Path) -> Result<(), KeysError> {
    let made = OpenOptions::new().append(true).create(true).mode(0o600).open(path);
    let failed = |source| KeysError::File {
        doing: "make the list of those erased beside",
        path: path.to_owned(),
        source,
    };
    made.map_err(failed)?;
    sync_folder(path)
}
