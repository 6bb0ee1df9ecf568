//! How far the import of a file has come, so that a run after a break skips what is stored.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use mandate_store::{Position, Reader, Store, StoreError};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::ImportError;

/// The checkpoint of one file in one log; kept in the folder `import` of the log's folder.
///
/// It holds only while the file is the same and the log still holds what it held then: a log that was put back to an
/// earlier state is imported from the start.
#[derive(Debug)]
pub struct Checkpoint {
    path: Option<PathBuf>,
    reached: Option<Reached>,
    identity: String,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Reached {
    file: String,
    line: u64,
    position: u64,
    leaf: String,
}

impl Checkpoint {
    /// None: standard input, or a dry run.
    #[must_use]
    pub const fn none() -> Self {
        Self { path: None, reached: None, identity: String::new() }
    }

    /// That of a file in the log of a folder.
    ///
    /// # Errors
    /// [`ImportError::Store`] when the log cannot be read.
    pub fn of(file: &Path, data_dir: &Path, log: &Reader) -> Result<Self, ImportError> {
        let Some(identity) = identity(file) else { return Ok(Self::none()) };
        let name: String =
            Sha256::digest(identity.as_bytes()).iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        let path = data_dir.join("import").join(format!("{name}.json"));
        let read = std::fs::read(&path).ok().and_then(|bytes| serde_json::from_slice::<Reached>(&bytes).ok());
        let reached = match read {
            Some(read) if read.file == identity && holds(&read, log)? => Some(read),
            Some(_) | None => None,
        };
        Ok(Self { path: Some(path), reached, identity })
    }

    /// The last line that was stored; 0 for none.
    #[must_use]
    pub fn line(&self) -> u64 {
        self.reached.as_ref().map_or(0, |reached| reached.line)
    }

    /// Notes that every line up to this one has been dealt with.
    ///
    /// # Errors
    /// [`ImportError`] when the log cannot be read or the checkpoint not written.
    pub fn reach(&mut self, line: u64, store: &Store) -> Result<(), ImportError> {
        let Some(path) = &self.path else { return Ok(()) };
        let head = store.reader().head()?.position;
        let Some(event) = store.reader().by_position(head)? else { return Ok(()) };
        let reached =
            Reached { file: self.identity.clone(), line, position: head.get(), leaf: hex(&event.leaf) };
        let wrong = |source| ImportError::Write { path: path.clone(), source };
        let text = serde_json::to_vec(&reached).map_err(|error| wrong(error.into()))?;
        let beside = path.with_extension("new");
        path.parent()
            .map_or(Ok(()), std::fs::create_dir_all)
            .and_then(|()| std::fs::write(&beside, text))
            .and_then(|()| std::fs::rename(&beside, path))
            .map_err(wrong)
    }

    /// Forgets it: the file was read to its end.
    pub fn finish(self) {
        if let Some(path) = self.path {
            // One that was never written need not be removed.
            drop(std::fs::remove_file(path));
        }
    }
}

/// What makes a file the same file: its place, length and time of change; none for what is no plain file.
fn identity(file: &Path) -> Option<String> {
    let found = std::fs::metadata(file).ok().filter(std::fs::Metadata::is_file)?;
    let place = file.canonicalize().ok()?;
    Some(format!("{} {} {}.{}", place.display(), found.len(), found.mtime(), found.mtime_nsec()))
}

/// Whether the log still holds the event at which it stood.
fn holds(reached: &Reached, log: &Reader) -> Result<bool, StoreError> {
    let event = log.by_position(Position::new(reached.position))?;
    Ok(event.is_some_and(|event| hex(&event.leaf) == reached.leaf))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
