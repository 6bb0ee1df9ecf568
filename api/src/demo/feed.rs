//! The history as it is told: line by line, each fact when it was recorded.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use mandate_domain::fact::Fact;
use mandate_domain::time::{Clock as _, Instant, VirtualClock};
use mandate_store::{Claim, NewEvent, OnError, Outcome, Reader, Store};

use super::DemoError;

/// Facts in one batch.
const BATCH: usize = 5_000;

/// How facts come into the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Told {
    /// All at once, with the claim of when they were recorded.
    Imported,
    /// Each with the clock at the moment it was recorded.
    AtItsTime,
}

/// A history that is told from its beginning.
pub(super) struct Feed {
    path: PathBuf,
    lines: BufReader<File>,
    /// The next fact with its text, when it is not to be told yet.
    next: Option<(Fact, String)>,
}

impl Feed {
    pub fn open(path: &Path) -> Result<Self, DemoError> {
        let file = File::open(path).map_err(|source| DemoError::File { path: path.to_owned(), source })?;
        Ok(Self { path: path.to_owned(), lines: BufReader::with_capacity(1 << 18, file), next: None })
    }

    /// Goes to the first fact that the log does not hold: facts are told in the order of the file, so that what the log
    /// holds is its beginning. Where that begins is found by halves.
    pub fn skip_known(&mut self, log: &Reader) -> Result<(), DemoError> {
        let length = self.lines.get_ref().metadata().map_err(|source| self.failed(source))?.len();
        // Each line that begins before the first place is known, none that begins at or after the second.
        let (mut known, mut unknown) = (0, length);
        while known < unknown {
            let middle = known + (unknown - known) / 2;
            match self.line_from(middle)? {
                Some((ends, fact)) if log.by_source_id(&fact.source, &fact.id)?.is_some() => known = ends,
                Some(_) | None => unknown = middle,
            }
        }
        self.next = None;
        self.lines.seek(SeekFrom::Start(known)).map(drop).map_err(|source| self.failed(source))
    }

    /// The first line that begins at or after a place, and where it ends.
    fn line_from(&mut self, place: u64) -> Result<Option<(u64, Fact)>, DemoError> {
        // The line before ends with the byte before the place at the earliest.
        let before = place.saturating_sub(1);
        let mut line = String::new();
        let mut read = || -> std::io::Result<u64> {
            self.lines.seek(SeekFrom::Start(before))?;
            let skipped = if place == 0 { 0 } else { self.lines.skip_until(b'\n')? };
            let read = self.lines.read_line(&mut line)?;
            Ok(before + (skipped + read) as u64)
        };
        let ends = read().map_err(|source| self.failed(source))?;
        if line.is_empty() {
            return Ok(None);
        }
        let fact = Fact::parse(line.trim_end()).map_err(|error| self.wrong(&error.to_string()))?;
        Ok(Some((ends, fact)))
    }

    /// Tells what was recorded up to an instant; returns how many facts were new.
    pub fn tell_until(
        &mut self,
        store: &Store,
        clock: &VirtualClock,
        until: Instant,
        told: Told,
    ) -> Result<usize, DemoError> {
        let mut stored = 0;
        let mut batch = Vec::new();
        let mut batch_at = None;
        while let Some((fact, text)) = self.take_until(until)? {
            let at = fact.recorded_or_time();
            let ends = match told {
                Told::Imported => batch.len() >= BATCH,
                Told::AtItsTime => batch_at.is_some_and(|before| before != at) || batch.len() >= BATCH,
            };
            if ends {
                stored += append(store, &mut batch)?;
            }
            let claim = match told {
                Told::Imported => Claim::Accept,
                Told::AtItsTime => {
                    clock.set(clock.now().max(at));
                    Claim::Ignore
                }
            };
            batch_at = Some(at);
            let event =
                NewEvent::of_parsed(fact, &text, claim).map_err(|error| self.wrong(&error.to_string()))?;
            batch.push(event);
        }
        Ok(stored + append(store, &mut batch)?)
    }

    /// Whether everything was told.
    pub fn is_at_end(&mut self) -> bool {
        self.next.is_none() && self.lines.fill_buf().is_ok_and(<[u8]>::is_empty)
    }

    /// The next fact, if it was recorded by then.
    fn take_until(&mut self, until: Instant) -> Result<Option<(Fact, String)>, DemoError> {
        if self.next.is_none() {
            let mut line = String::new();
            if self.lines.read_line(&mut line).map_err(|source| self.failed(source))? == 0 {
                return Ok(None);
            }
            let fact = Fact::parse(line.trim_end()).map_err(|error| self.wrong(&error.to_string()))?;
            self.next = Some((fact, line));
        }
        let due = self.next.as_ref().is_some_and(|(fact, _)| fact.recorded_or_time() <= until);
        Ok(if due { self.next.take() } else { None })
    }

    fn wrong(&self, reason: &str) -> DemoError {
        self.failed(std::io::Error::new(std::io::ErrorKind::InvalidData, reason.to_owned()))
    }

    fn failed(&self, source: std::io::Error) -> DemoError {
        DemoError::File { path: self.path.clone(), source }
    }
}

fn append(store: &Store, batch: &mut Vec<NewEvent>) -> Result<usize, DemoError> {
    if batch.is_empty() {
        return Ok(0);
    }
    let outcomes = store.append_blocking(std::mem::take(batch), OnError::Each)?;
    Ok(outcomes.iter().filter(|outcome| matches!(outcome, Outcome::Stored { .. })).count())
}
