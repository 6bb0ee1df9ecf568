//! The lines that were not taken: to a file, as JSON Lines, or the first few to standard error.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::ImportError;

/// Most lines that are printed where no file was asked for.
const SHOWN: u64 = 100;

/// One line that was not taken.
#[derive(Debug, Serialize)]
pub struct Reject<'a> {
    /// The file as it was named.
    pub file: &'a str,
    /// The line, from 1.
    pub line: u64,
    /// Why.
    pub reason: &'a str,
    /// The line itself, unless it was too long or not UTF-8.
    pub text: Option<&'a str>,
}

/// Where they go.
#[derive(Debug)]
pub enum Rejects {
    /// To standard error, the first hundred.
    Shown {
        /// How many there were.
        count: u64,
    },
    /// To a file that only its owner can read: the lines may hold personal data.
    File {
        /// Its name.
        path: PathBuf,
        /// The file.
        file: BufWriter<File>,
    },
}

/// Whether the file goes on from an earlier run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Begin {
    /// Anew.
    Anew,
    /// After what is there.
    GoOn,
}

impl Rejects {
    /// To standard error.
    #[must_use]
    pub const fn shown() -> Self {
        Self::Shown { count: 0 }
    }

    /// To a file.
    ///
    /// # Errors
    /// [`ImportError::Write`] when it cannot be made.
    pub fn to_file(path: &Path, begin: Begin) -> Result<Self, ImportError> {
        let go_on = begin == Begin::GoOn;
        let file =
            File::options().create(true).append(go_on).write(true).truncate(!go_on).mode(0o600).open(path);
        let wrong = |source| ImportError::Write { path: path.to_owned(), source };
        Ok(Self::File { path: path.to_owned(), file: BufWriter::new(file.map_err(wrong)?) })
    }

    /// Takes a line.
    ///
    /// # Errors
    /// [`ImportError::Write`] when the file cannot be written.
    pub fn add(&mut self, reject: &Reject<'_>) -> Result<(), ImportError> {
        match self {
            Self::Shown { count } => {
                *count += 1;
                if *count <= SHOWN {
                    eprintln!("{} line {}: {}", reject.file, reject.line, reject.reason);
                } else if *count == SHOWN + 1 {
                    eprintln!("… more lines are refused; --reject FILE keeps them all");
                }
                Ok(())
            }
            Self::File { path, file } => {
                let written = serde_json::to_writer(&mut *file, reject).map_err(std::io::Error::from);
                let wrong = |source| ImportError::Write { path: path.clone(), source };
                written.and_then(|()| file.write_all(b"\n")).map_err(wrong)
            }
        }
    }

    /// Hands to the system what is waiting.
    ///
    /// # Errors
    /// [`ImportError::Write`] when the file cannot be written.
    pub fn flush(&mut self) -> Result<(), ImportError> {
        match self {
            Self::Shown { .. } => Ok(()),
            Self::File { path, file } => {
                file.flush().map_err(|source| ImportError::Write { path: path.clone(), source })
            }
        }
    }
}
