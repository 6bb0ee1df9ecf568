//! Where a verb takes its history from: files of facts, or the log.

use std::path::PathBuf;

use anyhow::bail;
use clap::Args;
use mandate_domain::judge::{History, View, adopted_files};
use mandate_domain::policy::PolicyFiles;
use mandate_domain::time::{Clock as _, Instant, SystemClock};
use mandate_store::{MAX_READ, Position, Reader};

use super::judge::{moment, refuse};
use super::place::Place;
use crate::beside::Beside;
use crate::bulk::Gathered;

/// A history and the moment at which it is looked at.
#[derive(Debug, Args)]
pub struct Source {
    /// Files of facts, as `mandate judge` reads them [default: the log in the folder of the log]
    #[arg(long, value_name = "FILE", num_args = 1..)]
    facts: Vec<PathBuf>,
    /// Only what occurred by then (an instant, or a date for the end of that day) [default: now]
    #[arg(long, value_name = "T", value_parser = moment)]
    as_at: Option<Instant>,
    /// Only what was recorded by then [default: now]
    #[arg(long, value_name = "K", value_parser = moment)]
    known_at: Option<Instant>,
    #[command(flatten)]
    place: Place,
}

impl Source {
    /// The moment asked about.
    pub fn view(&self) -> View {
        let now = SystemClock.now();
        View { as_at: self.as_at.unwrap_or(now), known_at: self.known_at.unwrap_or(now) }
    }

    /// The facts, and what bundles carry beside them; none, once told why, where a file holds a line that is no fact.
    ///
    /// # Errors
    /// A file or a log that cannot be read.
    pub fn history(&self, threads: usize) -> anyhow::Result<Option<(History, Beside)>> {
        if self.facts.is_empty() {
            return Ok(Some((whole_log(&self.place.reader()?)?, Beside::default())));
        }
        let mut gathered = Gathered::default();
        for file in &self.facts {
            gathered.read(file, threads)?;
        }
        if gathered.bad.is_empty() {
            gathered.beside.tell_what_differs();
            return Ok(Some((gathered.history, gathered.beside)));
        }
        refuse(&gathered);
        Ok(None)
    }
}

/// The files of the policy that a history adopted, else those that a bundle carries or that ship.
pub fn files_in_force(history: &History, beside: &Beside, known_at: Instant) -> PolicyFiles {
    adopted_files(history, known_at).unwrap_or_else(|| beside.policy_files())
}

/// The whole log as a history.
///
/// # Errors
/// A log that cannot be read, or is too long.
pub fn whole_log(log: &Reader) -> anyhow::Result<History> {
    let mut history = History::default();
    let mut after = Position::START;
    loop {
        let events = log.read_after(after, MAX_READ)?.events;
        let Some(last) = events.last() else { return Ok(history) };
        after = last.position;
        for event in events {
            let Ok(position) = u32::try_from(event.position.get()) else {
                bail!("the log is longer than can be judged at once");
            };
            let fact = event.into_fact();
            history.add(&fact, fact.recorded_or_time(), position);
        }
    }
}
