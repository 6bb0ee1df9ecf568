//! Checkpoints: what the tree over the log was at a size, signed with a key that is outside the database.
//!
//! [`Store::checkpoint`](crate::Store::checkpoint) signs the present size, having first gone on from the checkpoint
//! before by every leaf between the two: a log that no longer continues what was signed is never signed. Each
//! checkpoint is kept in the table `checkpoints` and, outside the database, at the end of a file; the store refuses
//! to append to a log that is shorter than the last checkpoint in that file, or other than it.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use mandate_domain::time::Instant;
use mandate_verify::MAX_POSITION;
use mandate_verify::note::{Checkpoint, NoteError, SIGNATURE_MARK, SigningKey, VerifyingKey};
use mandate_verify::tree::Frontier;

use crate::error::StoreError;
use crate::key_file;
use crate::keys::KeysError;
use crate::position::Position;
use crate::reader::{Reader, on};

/// Most bytes of a signing key's file.
const KEY_BYTES: u64 = 4_096;
/// Bytes at the end of the file of checkpoints in which the latest are sought: some hundreds of them.
const END_BYTES: u64 = 256 * 1_024;

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

    /// Signs the end of the log if something was appended since the last checkpoint; `signed` is the size of the last
    /// one that this process signed.
    pub(crate) fn sign(
        &self,
        reader: &Reader,
        signed: Position,
        now: Instant,
    ) -> Result<Option<Signed>, StoreError> {
        let last = reader.checkpoints(Position::new(MAX_POSITION), 1)?.into_iter().next();
        let end = reader.end()?;
        let greatest = last.as_ref().map_or(Position::START, |last| last.size).max(signed);
        if greatest > end.head.position {
            return Err(StoreError::Forked {
                reason: format!("{greatest} events were signed, and the log ends at {}", end.head.position),
            });
        }
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

    /// Writes the last stored checkpoint to the file outside the database, if that lacks it.
    pub(crate) fn publish_latest(&self, reader: &Reader) -> Result<(), StoreError> {
        let Some(latest) = reader.checkpoints(Position::new(MAX_POSITION), 1)?.into_iter().next() else {
            return Ok(());
        };
        match self.published()? {
            Published::Last(last) if last.size >= latest.size.get() => Ok(()),
            Published::Last(_) | Published::Nothing => self.publish(&latest),
            Published::ByOthers => Ok(()),
        }
    }

    /// Writes a checkpoint to the end of the file outside the database, durably.
    pub(crate) fn publish(&self, signed: &Signed) -> Result<(), StoreError> {
        let failed = |doing| StoreError::file(doing, &self.file);
        let mut file = OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .mode(0o644)
            .open(&self.file)
            .map_err(failed("open the checkpoints"))?;
        let whole = ends_whole(&file).map_err(failed("read the checkpoints"))?;
        // Notes end with a line feed; an empty line parts them, also from what a crash left of the one before.
        let text = format!("{}{}\n", if whole { "" } else { "\n\n" }, signed.note);
        file.write_all(text.as_bytes())
            .and_then(|()| file.sync_all())
            .map_err(failed("write a checkpoint"))?;
        // The first one also needs the name of the file on disk.
        Ok(key_file::sync_folder(&self.file)?)
    }

    /// The last checkpoint outside the database.
    fn published(&self) -> Result<Published, StoreError> {
        let text = match read_end_of(&self.file) {
            // A crash may have left a part of a character.
            Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Published::Nothing),
            Err(error) => return Err(StoreError::file("read the checkpoints", &self.file)(error)),
        };
        let mut last: Option<Checkpoint> = None;
        let mut others = false;
        for note in notes(&text) {
            match self.verifying_key().open(note) {
                Ok(found) if last.as_ref().is_none_or(|last| last.size < found.size) => last = Some(found),
                Ok(_) => {}
                Err(error) => others |= matches!(error, NoteError::OtherKey { .. }),
            }
        }
        Ok(match last {
            Some(last) => Published::Last(last),
            None if others => Published::ByOthers,
            None => Published::Nothing,
        })
    }

    /// Why the log must not be appended to: it does not hold what the checkpoint outside the database says. `None`
    /// when it does.
    pub(crate) fn contradiction(&self, reader: &Reader) -> Result<Option<String>, StoreError> {
        let published = match self.published()? {
            Published::Nothing => return Ok(None),
            Published::Last(published) => published,
            Published::ByOthers => {
                return Ok(Some(format!(
                    "the checkpoints that were published ({}) are signed by another key: put back the signing key of \
                     this log, or move that file away to begin anew",
                    self.file.display()
                )));
            }
        };
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
        let mut frontier = match base.map(|base| self.frontier_of(&base)) {
            Some(Ok(frontier)) => frontier,
            Some(Err(StoreError::Forked { reason })) => {
                return Ok(Some(format!("{reason}; run `mandate log verify`")));
            }
            Some(Err(error)) => return Err(error),
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

/// The last note in a file of checkpoints, such as the one that a log keeps outside its database; `None` when there is no
/// such file or no whole note in it.
///
/// # Errors
/// [`StoreError::File`] when it cannot be read.
pub fn last_published(path: &Path) -> Result<Option<String>, StoreError> {
    match read_end_of(path) {
        Ok(bytes) => Ok(notes(&String::from_utf8_lossy(&bytes)).last().map(str::to_owned)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(StoreError::file("read the checkpoints", path)(error)),
    }
}

/// What is known of the log outside the database.
enum Published {
    /// No checkpoint.
    Nothing,
    /// The one of the greatest size that this log's key signed.
    Last(Checkpoint),
    /// Checkpoints that only other keys signed.
    ByOthers,
}

/// The end of a file, which holds the latest notes; a file of years is not read whole at each start.
fn read_end_of(path: &Path) -> std::io::Result<Vec<u8>> {
    let file = File::open(path)?;
    let length = file.metadata()?.len();
    let from = length.saturating_sub(END_BYTES);
    let mut end = vec![0; usize::try_from(length - from).unwrap_or(usize::MAX)];
    file.read_exact_at(&mut end, from)?;
    Ok(end)
}

/// Whether a file of notes is empty or ends as a whole note does.
fn ends_whole(file: &File) -> std::io::Result<bool> {
    let Some(before) = file.metadata()?.len().checked_sub(2) else { return Ok(file.metadata()?.len() == 0) };
    let mut end = [0; 2];
    file.read_exact_at(&mut end, before)?;
    Ok(end == *b"\n\n")
}

/// The notes of a text in which an empty line parts body and signatures, and another one note from the next. Of a note
/// that was torn only itself is lost, and the next one where nothing parts them.
fn notes(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        loop {
            let block = rest.trim_start_matches('\n');
            let after = block.find("\n\n")? + 2;
            let signatures = block.get(after..)?;
            rest = signatures;
            if signatures.starts_with(SIGNATURE_MARK) {
                let end = signatures.find("\n\n").map_or(block.len(), |at| after + at + 1);
                return block.get(..end);
            }
        }
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
