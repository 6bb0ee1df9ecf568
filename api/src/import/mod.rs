//! Facts from files into the log: streamed, in batches, in bounded memory, and resumed where it was broken off.
//!
//! One thread reads and prepares, another stores and keeps the books; a few batches lie between them. What was stored
//! before is recognised by its source and id, so that a file may be imported again at any time.

mod checkpoint;
mod messages;
mod rejects;

use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use mandate_domain::fact::Fact;
use mandate_store::{Claim, NewEvent, OnError, Outcome, Reader, Refusal, Store, StoreError};

use crate::input::{InputError, ReadLine, Texts, read_lines};
use crate::outside;

pub use checkpoint::Checkpoint;
pub use messages::{MessageTarget, import_messages};
pub use rejects::{Begin, Reject, Rejects};

/// Lines in one batch, which is one transaction: the larger it is, the fewer pages of the indexes are written again and
/// again. At about 2.5 kB a line in all its forms, a batch is 45 MB.
const BATCH_LINES: usize = 18_000;
/// Bytes of text in one batch at most.
const BATCH_BYTES: usize = 64 << 20;
/// Batches between the two threads, beside the one that each holds.
const WAITING_BATCHES: usize = 0;

/// Why an import ends before its end; what was stored stays, and the next run goes on from there.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// A file of facts cannot be read.
    #[error(transparent)]
    Input(#[from] InputError),
    /// The log cannot be written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The reject file or the checkpoint cannot be written.
    #[error("{path}: cannot write it: {source}")]
    Write {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// A message that could not be taken for another reason than its content.
    #[error("line {line}: {source}")]
    Message {
        /// Its line, from 1.
        line: u64,
        /// Why.
        source: Box<crate::hmpps::TakeError>,
    },
    /// The other thread ended; it has named its reason.
    #[error("the import was broken off")]
    BrokenOff,
}

/// What became of the lines so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Stored now; in a dry run, such as would be stored.
    pub stored: u64,
    /// Stored before, with the same content.
    pub already_stored: u64,
    /// Stated before with other content.
    pub conflicts: u64,
    /// No facts, or facts that are not accepted from outside.
    pub refused: u64,
    /// HMPPS messages that are of no use here.
    pub ignored: u64,
    /// HMPPS messages that wait in quarantine.
    pub quarantined: u64,
    /// Left out because an earlier run had stored them.
    pub skipped: u64,
    /// Bytes of the lines.
    pub bytes: u64,
}

impl Counts {
    /// Lines that had a fact or should have had one.
    #[must_use]
    pub const fn lines(&self) -> u64 {
        self.stored
            + self.already_stored
            + self.conflicts
            + self.refused
            + self.ignored
            + self.quarantined
            + self.skipped
    }

    /// Whether every line was taken.
    #[must_use]
    pub const fn all_taken(&self) -> bool {
        self.conflicts == 0 && self.refused == 0
    }
}

/// Where the facts go.
#[derive(Debug, Clone, Copy)]
pub enum Target<'s> {
    /// Into the log.
    Store(&'s Store),
    /// Nowhere: they are only checked, against a log if there is one.
    Check(Option<&'s Reader>),
}

/// One line on its way.
struct Line {
    number: u64,
    bytes: u64,
    content: Result<(Box<str>, NewEvent), (String, Option<String>)>,
}

/// Imports one file; `progress` is called after each batch.
///
/// # Errors
/// [`ImportError`]; what was stored stays.
pub fn import(
    file: &Path,
    threads: usize,
    target: Target<'_>,
    rejects: &mut Rejects,
    checkpoint: &mut Checkpoint,
    progress: &mut (dyn FnMut(&Counts) + Send),
) -> Result<Counts, ImportError> {
    let resume_after = checkpoint.line();
    let (to_books, batches) = sync_channel(WAITING_BATCHES);
    let mut books = Books { file, target, rejects, checkpoint, progress, counts: Counts::default() };
    std::thread::scope(|scope| {
        let keeper = scope.spawn(move || books.keep(&batches).map(|()| books.counts));
        let read = send_lines(file, threads, resume_after, &to_books);
        drop(to_books);
        let kept = keeper.join().map_err(|_| ImportError::BrokenOff)?;
        // What stopped the books also stopped the reading; theirs is the reason.
        let counts = kept?;
        read.map(|()| counts)
    })
}

fn send_lines(
    file: &Path,
    threads: usize,
    resume_after: u64,
    to_books: &SyncSender<Vec<Line>>,
) -> Result<(), ImportError> {
    let mut batch = Vec::with_capacity(BATCH_LINES);
    let mut bytes = 0;
    read_lines(file, threads, Texts::Kept, |read| {
        let line = prepare(read, resume_after);
        bytes += usize::try_from(line.bytes).unwrap_or(usize::MAX);
        batch.push(line);
        if batch.len() < BATCH_LINES && bytes < BATCH_BYTES {
            return Ok(());
        }
        bytes = 0;
        let full = std::mem::replace(&mut batch, Vec::with_capacity(BATCH_LINES));
        to_books.send(full).map_err(|_| ImportError::BrokenOff)
    })?;
    if batch.is_empty() { Ok(()) } else { to_books.send(batch).map_err(|_| ImportError::BrokenOff) }
}

/// A line as it goes to the books; one that an earlier run has stored goes without its text.
fn prepare(read: ReadLine, resume_after: u64) -> Line {
    let bytes = read.text.as_ref().map_or(0, |text| text.len() as u64 + 1);
    let line = |content| Line { number: read.line, bytes, content };
    if read.line <= resume_after {
        return line(Err((String::new(), None)));
    }
    match (read.fact, read.text) {
        (Err(bad), _) => line(Err((bad.reason, bad.text))),
        (Ok(fact), Some(text)) => match outside_event(fact, &text) {
            Ok(event) => line(Ok((text.into_boxed_str(), event))),
            Err(reason) => line(Err((reason, Some(text)))),
        },
        (Ok(_), None) => line(Err(("the text of the line was not kept".to_owned(), None))),
    }
}

fn outside_event(fact: Fact, text: &str) -> Result<NewEvent, String> {
    if let Some(reserved) = outside::refusal(&fact) {
        return Err(reserved.to_string());
    }
    NewEvent::of_parsed(fact, text, Claim::Accept).map_err(|error| error.to_string())
}

/// Stores batches and counts what became of each line.
struct Books<'i> {
    file: &'i Path,
    target: Target<'i>,
    rejects: &'i mut Rejects,
    checkpoint: &'i mut Checkpoint,
    progress: &'i mut (dyn FnMut(&Counts) + Send),
    counts: Counts,
}

impl Books<'_> {
    fn keep(&mut self, batches: &Receiver<Vec<Line>>) -> Result<(), ImportError> {
        let resume_after = self.checkpoint.line();
        for batch in batches {
            let last = batch.last().map_or(0, |line| line.number);
            let mut events = Vec::with_capacity(batch.len());
            let mut lines = Vec::with_capacity(batch.len());
            for line in batch {
                self.counts.bytes += line.bytes;
                match line.content {
                    Err(_) if line.number <= resume_after => self.counts.skipped += 1,
                    Err((reason, text)) => {
                        self.counts.refused += 1;
                        self.reject(line.number, &reason, text.as_deref())?;
                    }
                    Ok((text, event)) => {
                        events.push(event);
                        lines.push((line.number, text));
                    }
                }
            }
            match self.target {
                Target::Store(store) => self.store(store, events, &lines)?,
                Target::Check(reader) => self.check(reader, &events, &lines)?,
            }
            if let Target::Store(store) = self.target
                && last > resume_after
            {
                self.rejects.flush()?;
                self.checkpoint.reach(last, store)?;
            }
            (self.progress)(&self.counts);
        }
        self.rejects.flush()
    }

    fn store(
        &mut self,
        store: &Store,
        events: Vec<NewEvent>,
        lines: &[(u64, Box<str>)],
    ) -> Result<(), ImportError> {
        for (outcome, (number, text)) in store.append_blocking(events, OnError::Each)?.into_iter().zip(lines)
        {
            match outcome {
                Outcome::Stored { .. } => self.counts.stored += 1,
                Outcome::AlreadyStored { .. } => self.counts.already_stored += 1,
                Outcome::Refused(refusal) => {
                    match &refusal {
                        Refusal::Conflict { .. } => self.counts.conflicts += 1,
                        Refusal::VersionConflict { .. }
                        | Refusal::Overtaken { .. }
                        | Refusal::Erased { .. } => self.counts.refused += 1,
                    }
                    self.reject(*number, &refusal.to_string(), Some(text))?;
                }
                Outcome::NotStored { .. } => {
                    self.counts.refused += 1;
                    self.reject(*number, "not stored", Some(text))?;
                }
            }
        }
        Ok(())
    }

    /// What storing would come to, as far as the public part of the log shows; lines are not held against each other.
    fn check(
        &mut self,
        reader: Option<&Reader>,
        events: &[NewEvent],
        lines: &[(u64, Box<str>)],
    ) -> Result<(), ImportError> {
        for (event, (number, text)) in events.iter().zip(lines) {
            let fact = event.fact();
            let first = match reader {
                Some(reader) => reader.by_source_id(&fact.source, &fact.id)?,
                None => None,
            };
            match first {
                None => self.counts.stored += 1,
                Some(first) if first.fact.says_the_same_as(fact) => self.counts.already_stored += 1,
                Some(first) => {
                    self.counts.conflicts += 1;
                    let reason = format!(
                        "event `{}` of source `{}` is already stored at position {} with other content",
                        fact.id, fact.source, first.position
                    );
                    self.reject(*number, &reason, Some(text))?;
                }
            }
        }
        Ok(())
    }

    fn reject(&mut self, line: u64, reason: &str, text: Option<&str>) -> Result<(), ImportError> {
        self.rejects.add(&Reject { file: &self.file.display().to_string(), line, reason, text })
    }
}
