//! Checkpoints: what the tree over the log was at a size, signed with a key that is outside the database.
//!
//! [`Store::checkpoint`](crate::Store::checkpoint) signs the present size, having first gone on from the checkpoint
//! before by every leaf between the two: a log that no longer continues what was signed is never signed. Each
//! checkpoint is kept in the table `checkpoints` and, outside the database, at the end of a file; the store refuses
//! to append to a log that is shorter than the last checkpoint in that file, or other than it.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use mandate_domain::time::Instant;
use mandate_verify::note::{Checkpoint, SigningKey, VerifyingKey};
use mandate_verify::tree::Frontier;

use crate::error::StoreError;
use crate::key_file;
use crate::keys::KeysError;
use crate::position::Position;
use crate::reader::{Reader, on};

/// Most bytes of a signing key's file.
const KEY_BYTES: u64 = 4_096;

/// A checkpoint as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signed {
    /// Number of events that it covers.
    pub size: Position,
    /// The tree's frontier there.
    pub(crate) frontier: Vec<u8>,
    /// The signed note.
    pub note: String,
    /// When it was signed.
    pub signed_at: Instant,
}

/// Makes the key that signs the checkpoints of a new log, readable by its owner only, and returns the public key for
/// those who verify. `name` is the origin that stands in each checkpoint, such as `mandate.example.gov.uk/log`.
///
/// # Errors
/// [`KeysError::File`] when the file exists or cannot be written, [`KeysError::Malformed`] for a name that cannot
/// stand in a checkpoint.
pub fn create_signing_key(path: &Path, name: &str) -> Result<String, KeysError> {
    let malformed = |_| KeysError::Malformed { path: path.to_owned() };
    let key = SigningKey::from_seed(name, &*key_file::random()?).map_err(malformed)?;
    let mut text = key.to_text();
    text.push('\n');
    key_file::write_new(path, &text)?;
    Ok(key.verifying_key().to_string())
}

/// Signs checkpoints and keeps the last one outside the database.
#[derive(Debug)]
pub(crate) struct Notary {
    key: SigningKey,
    file: PathBuf,
}

impl Notary {
    /// Reads the signing key; `None` when there is no such file.
    pub(crate) fn open(key: &Path, file: PathBuf) -> Result<Option<Self>, StoreError> {
        if !key.exists() {
            return Ok(None);
        }
        let text = key_file::read_private(key, KEY_BYTES)?;
        let malformed = |_| KeysError::Malformed { path: key.to_owned() };
        let key = SigningKey::parse(text.trim_end()).map_err(malformed)?;
        Ok(Some(Self { key, file }))
    }

    pub(crate) fn verifying_key(&self) -> &VerifyingKey {
        self.key.verifying_key()
    }

    /// Signs the end of the log if something was appended since the last checkpoint.
    pub(crate) fn sign(&self, reader: &Reader, now: Instant) -> Result<Option<Signed>, StoreError> {
        let end = reader.end()?;
        let last = reader.checkpoints(end.head.position, 1)?.into_iter().next();
        if last.as_ref().is_some_and(|last| last.size == end.head.position) {
            return Ok(None);
        }
        let mut frontier = match &last {
            None => Frontier::new(),
            Some(last) => self.frontier_of(last)?,
        };
        let after = Position::new(frontier.size());
        reader.leaves(after, end.head.position, &mut |leaf| frontier.append(&leaf))?;
        if frontier != end.frontier {
            return Err(StoreError::Forked {
                reason: format!(
                    "the leaves after position {after} do not lead to the tree of the head row at {}",
                    end.head.position
                ),
            });
        }
        let checkpoint = Checkpoint::new(self.verifying_key().name(), frontier.size(), frontier.root());
        let note =
            self.key.sign(&checkpoint).map_err(|error| StoreError::Forked { reason: error.to_string() })?;
        Ok(Some(Signed { size: end.head.position, frontier: frontier.to_bytes(), note, signed_at: now }))
    }

    /// The tree of a stored checkpoint, if it is the one that this key signed.
    fn frontier_of(&self, signed: &Signed) -> Result<Frontier, StoreError> {
        let forked = |reason: String| StoreError::Forked { reason };
        let checkpoint = self.verifying_key().open(&signed.note).map_err(|error| {
            forked(format!(
                "the stored checkpoint of size {} is not signed by this log's key: {error}",
                signed.size
            ))
        })?;
        Frontier::from_bytes(checkpoint.size, &signed.frontier)
            .ok()
            .filter(|frontier| frontier.root() == checkpoint.root && checkpoint.size == signed.size.get())
            .ok_or_else(|| forked(format!("the stored checkpoint of size {} was altered", signed.size)))
    }

    /// Writes a checkpoint to the end of the file outside the database, durably.
    pub(crate) fn publish(&self, signed: &Signed) -> Result<(), StoreError> {
        let failed = |doing| StoreError::file(doing, &self.file);
        let mut file = OpenOptions::new()
            .append(true)
            .create(true)
            .mode(0o644)
            .open(&self.file)
            .map_err(failed("open the checkpoints"))?;
        // Notes end with a line feed; an empty line parts them.
        let text = format!("{}\n", signed.note);
        file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(failed("write a checkpoint"))
    }

    /// The last checkpoint outside the database.
    pub(crate) fn published(&self) -> Result<Option<Checkpoint>, StoreError> {
        let mut text = String::new();
        match File::open(&self.file) {
            Ok(mut file) => {
                file.read_to_string(&mut text)
                    .map_err(StoreError::file("read the checkpoints", &self.file))?;
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(StoreError::file("read the checkpoints", &self.file)(error)),
        }
        Ok(notes(&text)
            .filter_map(|note| self.verifying_key().open(note).ok())
            .max_by_key(|found| found.size))
    }

    /// Why the log must not be appended to: it does not hold what the checkpoint outside the database says. `None`
    /// when it does.
    pub(crate) fn contradiction(&self, reader: &Reader) -> Result<Option<String>, StoreError> {
        let Some(published) = self.published()? else { return Ok(None) };
        let head = reader.head()?.position;
        if head.get() < published.size {
            return Ok(Some(format!(
                "it ends at position {head}, and a checkpoint of {} events was published ({}): events are missing; \
                 restore a later backup, or move that file away to accept the loss",
                published.size,
                self.file.display()
            )));
        }
        let size = Position::new(published.size);
        let base = reader.checkpoints(size, 1)?.into_iter().next();
        let mut frontier = match base {
            Some(base) => self.frontier_of(&base)?,
            None => Frontier::new(),
        };
        let after = Position::new(frontier.size());
        reader.leaves(after, size, &mut |leaf| frontier.append(&leaf))?;
        if frontier.root() == published.root {
            return Ok(None);
        }
        Ok(Some(format!(
            "its first {size} events are not those of the checkpoint that was published ({}): history was altered or \
             belongs to another log; run `mandate log verify`",
            self.file.display()
        )))
    }
}

/// The notes of a text in which an empty line ends each signature block.
pub(crate) fn notes(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let trimmed = rest.trim_start_matches('\n');
        // The body and the signatures of a note are parted by one empty line, notes by another.
        let body = trimmed.find("\n\n")? + 2;
        let end = trimmed.get(body..)?.find("\n\n").map_or(trimmed.len(), |at| body + at + 1);
        let (note, after) = trimmed.split_at_checked(end)?;
        rest = after;
        Some(note)
    })
}

impl Reader {
    /// Signed checkpoints of at most some size, the latest first.
    ///
    /// # Errors
    /// [`StoreError::Database`] when they cannot be read.
    pub fn checkpoints(&self, up_to: Position, limit: usize) -> Result<Vec<Signed>, StoreError> {
        on!(&self.source, reader => reader.checkpoints(up_to, limit as u64))
    }
}
