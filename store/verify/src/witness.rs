//! A witness: it keeps the last checkpoint that it saw and refuses a log that takes back what it signed.
//!
//! A request is the body of `add-checkpoint` of C2SP tlog-witness:
//!
//! ```text
//! request = "old " ‖ size of the kept checkpoint, 0 for none ‖ "\n"
//!         ‖ a consistency proof from that size, one base64 hash a line, at most 63
//!         ‖ "\n" ‖ the new checkpoint, a signed note
//! ```
//!
//! The state is one file that holds the kept checkpoint as it was signed, so that it can be brought to a verification
//! of a bundle as it is. The first checkpoint is believed, since there is nothing to compare it with.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use crate::Hash;
use crate::bundle::MAX_PROOF_HASHES;
use crate::note::{Checkpoint, MAX_NOTE_BYTES, NoteError, VerifyingKey, parse_hash, parse_size};
use crate::tree::{ProofError, verify_consistency};

/// The longest request: the old size, the proof, the note.
pub const MAX_REQUEST_BYTES: usize = 32 + MAX_PROOF_HASHES * 45 + 1 + MAX_NOTE_BYTES;

/// A request to take a new checkpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Size of the checkpoint that the log believes to be kept; 0 for none.
    pub old: u64,
    /// Consistency proof from that size.
    pub proof: Vec<Hash>,
    /// The new checkpoint, a signed note.
    pub note: String,
}

impl Request {
    /// Reads a request.
    ///
    /// # Errors
    /// [`WitnessError::Request`] says what is wrong.
    pub fn parse(text: &str) -> Result<Self, WitnessError> {
        let (head, note) =
            text.split_once("\n\n").ok_or(WitnessError::Request("no empty line before the checkpoint"))?;
        let mut lines = head.split('\n');
        let old = lines.next().and_then(|line| parse_size(line.strip_prefix("old ")?));
        let old = old.ok_or(WitnessError::Request("its first line is not `old` and a size"))?;
        let proof: Option<Vec<Hash>> = lines.map(parse_hash).take(MAX_PROOF_HASHES + 1).collect();
        let proof = proof.ok_or(WitnessError::Request("a line of the proof is not a hash in base64"))?;
        if proof.len() > MAX_PROOF_HASHES {
            return Err(WitnessError::Request("its proof has more than 63 hashes"));
        }
        Ok(Self { old, proof, note: note.to_owned() })
    }
}

impl fmt::Display for Request {
    /// The text that [`Self::parse`] reads.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use base64ct::{Base64, Encoding};
        writeln!(f, "old {}", self.old)?;
        for hash in &self.proof {
            writeln!(f, "{}", Base64::encode_string(hash))?;
        }
        write!(f, "\n{}", self.note)
    }
}

/// A checkpoint that was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    /// The checkpoint, which is the kept one now.
    pub checkpoint: Checkpoint,
    /// The one that was kept before; `None` at first sight.
    pub before: Option<Checkpoint>,
}

/// Why a checkpoint is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// The key did not sign it.
    Signature(NoteError),
    /// The log is smaller than what it signed before.
    Rollback {
        /// The kept size.
        kept: u64,
        /// The new size.
        new: u64,
    },
    /// The log signed another root for the same size.
    Fork {
        /// The size.
        size: u64,
    },
    /// The proof does not show that the log is a continuation of what it signed before.
    Proof {
        /// The kept size.
        kept: u64,
        /// The new size.
        new: u64,
        /// What is wrong with the proof.
        error: ProofError,
    },
    /// The proof begins at another size than the kept one; nothing is wrong with the log.
    Old {
        /// The kept size.
        kept: u64,
        /// The size in the request.
        old: u64,
    },
}

impl Refusal {
    /// One word for it.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Signature(_) => "signature",
            Self::Rollback { .. } => "rollback",
            Self::Fork { .. } => "fork",
            Self::Proof { .. } => "proof",
            Self::Old { .. } => "old",
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Signature(error) => write!(f, "the checkpoint is not one of this log: {error}"),
            Self::Rollback { kept, new } => write!(
                f,
                "the log was set back: it signed size {kept} before and signs size {new} now; keep this request as evidence"
            ),
            Self::Fork { size } => write!(
                f,
                "the log has two histories: it signed another root for size {size} before; keep this request as evidence"
            ),
            Self::Proof { kept, new, error } => write!(
                f,
                "it is not proven that size {new} continues size {kept}: {error}; ask for a proof again, and if there is none, \
                 the log has two histories"
            ),
            Self::Old { kept, old } => {
                write!(f, "the kept checkpoint has size {kept}, not {old}; send a proof from {kept}")
            }
        }
    }
}

impl std::error::Error for Refusal {}

/// Judges a request against the kept checkpoint.
///
/// # Errors
/// [`Refusal`], which is no fault of the witness.
pub fn judge(kept: Option<&Checkpoint>, request: &Request, key: &VerifyingKey) -> Result<Accepted, Refusal> {
    let new = key.open(&request.note).map_err(Refusal::Signature)?;
    let kept_size = kept.map_or(0, |kept| kept.size);
    if let Some(kept) = kept {
        if new.size < kept.size {
            return Err(Refusal::Rollback { kept: kept.size, new: new.size });
        }
        if new.size == kept.size && new.root != kept.root {
            return Err(Refusal::Fork { size: new.size });
        }
    }
    if request.old != kept_size {
        return Err(Refusal::Old { kept: kept_size, old: request.old });
    }
    let kept_root = kept.map_or_else(crate::tree::empty_root, |kept| kept.root);
    verify_consistency(kept_size, &kept_root, new.size, &new.root, &request.proof)
        .map_err(|error| Refusal::Proof { kept: kept_size, new: new.size, error })?;
    Ok(Accepted { checkpoint: new, before: kept.cloned() })
}

/// A witness that keeps its checkpoint in a file.
#[derive(Debug)]
pub struct Witness {
    state: PathBuf,
    key: VerifyingKey,
    /// Held while the witness lives, so that no two judge against the same kept checkpoint.
    _lock: File,
}

impl Witness {
    /// Opens the state, which need not exist yet, and waits for its turn.
    ///
    /// # Errors
    /// [`WitnessError::State`] when the lock file beside it cannot be made.
    pub fn open(state: &Path, key: VerifyingKey) -> Result<Self, WitnessError> {
        let path = beside(state, ".lock");
        let lock = OpenOptions::new().create(true).truncate(false).write(true).open(&path);
        let lock = lock.and_then(|lock| lock.lock().map(|()| lock));
        let lock = lock.map_err(|source| WitnessError::State { doing: "lock", path, source })?;
        Ok(Self { state: state.to_owned(), key, _lock: lock })
    }

    /// The kept checkpoint; `None` before the first.
    ///
    /// # Errors
    /// [`WitnessError::State`] when it cannot be read, [`WitnessError::Kept`] when it is not one that the key signed.
    pub fn kept(&self) -> Result<Option<Checkpoint>, WitnessError> {
        let failed = |source| WitnessError::State { doing: "read", path: self.state.clone(), source };
        let file = match File::open(&self.state) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            other => other.map_err(failed)?,
        };
        let mut note = Vec::new();
        file.take(MAX_NOTE_BYTES as u64 + 1).read_to_end(&mut note).map_err(failed)?;
        // What is not UTF-8 is no note, which the key says as well of an empty text.
        let note = String::from_utf8(note).unwrap_or_default();
        let kept = |source| WitnessError::Kept { path: self.state.clone(), source };
        self.key.open(&note).map(Some).map_err(kept)
    }

    /// Judges a request and keeps its checkpoint, on disk, before it says that it accepts it.
    ///
    /// # Errors
    /// [`WitnessError::Refused`], or what is wrong with the state.
    pub fn add(&mut self, request: &Request) -> Result<Accepted, WitnessError> {
        let kept = self.kept()?;
        let accepted = judge(kept.as_ref(), request, &self.key).map_err(WitnessError::Refused)?;
        if accepted.before.as_ref() != Some(&accepted.checkpoint) {
            self.replace(&request.note)?;
        }
        Ok(accepted)
    }

    /// Replaces the state as a whole or not at all.
    fn replace(&self, note: &str) -> Result<(), WitnessError> {
        let path = beside(&self.state, ".new");
        let written = File::create(&path).and_then(|mut file| {
            file.write_all(note.as_bytes())?;
            file.sync_all()?;
            std::fs::rename(&path, &self.state)?;
            let folder = self.state.parent().filter(|folder| !folder.as_os_str().is_empty());
            File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
        });
        written.map_err(|source| WitnessError::State { doing: "write", path: self.state.clone(), source })
    }
}

/// The path with something added to its last part.
fn beside(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    PathBuf::from(name)
}

/// Why a witness did not take a checkpoint.
#[derive(Debug)]
pub enum WitnessError {
    /// The request cannot be read.
    Request(&'static str),
    /// The checkpoint is refused.
    Refused(Refusal),
    /// The state file cannot be used.
    State {
        /// What was being done.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The state file does not hold a checkpoint that the key signed.
    Kept {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: NoteError,
    },
}

impl fmt::Display for WitnessError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Request(what) => write!(f, "the request cannot be read: {what}"),
            Self::Refused(refusal) => write!(f, "{refusal}"),
            Self::State { doing, path, source } => write!(f, "{}: cannot {doing}: {source}", path.display()),
            Self::Kept { path, source } => write!(
                f,
                "{}: not a checkpoint kept with this key: {source}; give the key that it was begun with, or restore the file",
                path.display()
            ),
        }
    }
}

impl std::error::Error for WitnessError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Request(_) => None,
            Self::Refused(refusal) => Some(refusal),
            Self::State { source, .. } => Some(source),
            Self::Kept { source, .. } => Some(source),
        }
    }
}
