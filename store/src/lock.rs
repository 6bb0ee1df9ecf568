//! One process to a data directory: an exclusive lock on a file that says who holds it.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Write};
use std::path::Path;

use crate::error::StoreError;

/// The lock of a data directory; the system lets go of it when the process ends, however it ends.
#[derive(Debug)]
pub(crate) struct Lock {
    file: File,
}

impl Lock {
    /// Takes the lock of a data directory for this process.
    pub(crate) fn take(data_dir: &Path) -> Result<Self, StoreError> {
        let path = data_dir.join("lock");
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(StoreError::file("open the lock file", &path))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                // The holder may be between taking the lock and writing its id.
                let read = file.take(100).read_to_string(&mut holder);
                let named = read.is_ok() && !holder.trim().is_empty();
                let holder =
                    if named { format!("process {}", holder.trim()) } else { "another process".to_owned() };
                return Err(StoreError::InUse { path: data_dir.to_owned(), holder });
            }
            Err(TryLockError::Error(source)) => {
                return Err(StoreError::File { doing: "lock", path, source });
            }
        }
        file.set_len(0)
            .and_then(|()| file.write_all(format!("{}\n", std::process::id()).as_bytes()))
            .map_err(StoreError::file("write the lock file", &path))?;
        Ok(Self { file })
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Closing the file is not enough while a child that is just being started still has a copy of it.
        self.file.unlock().ok();
    }
}
