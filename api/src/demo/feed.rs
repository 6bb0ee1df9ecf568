//! The history as it is told: line by line, each fact when it was recorded.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};

use mandate_domain::fact::Fact;
use mandate_domain::time::{Clock as _, Instant, VirtualClock};
use mandate_store::{Claim, NewEvent, OnError, Outcome, Store};

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
            let failed = |source| DemoError::File { path: self.path.clone(), source };
            if self.lines.read_line(&mut line).map_err(failed)? == 0 {
                return Ok(None);
            }
            let fact = Fact::parse(line.trim_end()).map_err(|error| self.wrong(&error.to_string()))?;
            self.next = Some((fact, line));
        }
        let due = self.next.as_ref().is_some_and(|(fact, _)| fact.recorded_or_time() <= until);
        Ok(if due { self.next.take() } else { None })
    }

    fn wrong(&self, reason: &str) -> DemoError {
        let source = std::io::Error::new(std::io::ErrorKind::InvalidData, reason.to_owned());
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
