//! A file of a register, row by row, into the log.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use mandate_domain::catalogue::Presence;
use mandate_domain::time::Clock;
use mandate_store::{Claim, NewEvent, OnError, Outcome, Store, StoreError};
use sha2::{Digest as _, Sha256};

use super::SOURCE;
use super::kinds::Kind;
use super::row::{About, Row, Wrong};
use crate::hmpps::{Opening, TakeError};

/// Longest file, in bytes.
const MAX_FILE_BYTES: u64 = 64 << 20;
/// Rows about known subjects that are stored at once.
const AT_ONCE: usize = 1_000;
/// How often a row is tried whose person others enter at the same time.
const TURNS: usize = 16;

/// Why a file is not read.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// It cannot be read.
    #[error("{path}: cannot read it: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// Its header is not that of the register.
    #[error("{path}: {reason}")]
    Header {
        /// The file.
        path: PathBuf,
        /// What is wrong and what would be right.
        reason: String,
    },
    /// The log.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A person could not be looked up or entered.
    #[error(transparent)]
    Take(#[from] TakeError),
    /// What is not taken could not be kept.
    #[error(transparent)]
    Kept(anyhow::Error),
}

/// A row that was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowError {
    /// Its line in the file, from 1.
    pub line: u64,
    /// Which column, and what would be right there.
    pub reason: String,
    /// The row as it stands in the file.
    pub text: String,
}

/// What became of the rows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Imported {
    /// Stored now; in a dry run, such as would be.
    pub stored: u64,
    /// Stored before, from the same file.
    pub already_stored: u64,
    /// Not taken.
    pub refused: u64,
}

/// Where the rows go.
#[derive(Clone, Copy)]
pub enum Target<'s> {
    /// Into the log.
    Store(&'s Store),
    /// Nowhere: they are only checked.
    Check,
}

/// Imports a file; `refused` gets the rows that are not taken, in order.
///
/// # Errors
/// [`FileError`]; nothing is stored while the header is wrong, and what was stored before another failure stays.
pub fn import(
    path: &Path,
    kind: &Kind,
    by: Option<&str>,
    target: Target<'_>,
    clock: &dyn Clock,
    refused: &mut dyn FnMut(&RowError) -> anyhow::Result<()>,
) -> Result<Imported, FileError> {
    let bytes = read(path)?;
    let digest: String = Sha256::digest(&bytes).iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    let header = |reason: String| FileError::Header { path: path.to_owned(), reason };
    let text = std::str::from_utf8(&bytes).map_err(|error| {
        header(format!("not UTF-8 after byte {}; save it as CSV UTF-8", error.valid_up_to()))
    })?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut reader =
        csv::ReaderBuilder::new().flexible(true).trim(csv::Trim::All).from_reader(text.as_bytes());
    let names: Vec<String> = reader
        .headers()
        .map_err(|error| header(error.to_string()))?
        .iter()
        .map(str::to_ascii_lowercase)
        .collect();
    check_header(kind, &names).map_err(header)?;
    let mut books = Books { target, known: Vec::new(), counts: Imported::default(), refused };
    let this_year = clock.now().london_date().year();
    let mut lines = Lines { text: text.as_bytes(), byte: 0, line: 1 };
    for record in reader.records() {
        let record = record.map_err(|error| header(error.to_string()))?;
        if record.iter().all(str::is_empty) {
            continue;
        }
        let line = lines.of(&record);
        let text = record.iter().collect::<Vec<_>>().join(",");
        match read_row(kind, &names, &record, by, this_year) {
            Ok(row) => {
                books.take(&row, Place { line, text, kind: kind.name, command: format!("csv-{digest}") })?;
            }
            Err(wrong) => books.refuse(&RowError { line, reason: wrong.to_string(), text })?,
        }
    }
    books.flush()?;
    Ok(books.counts)
}

fn read(path: &Path) -> Result<Vec<u8>, FileError> {
    let wrong = |source| FileError::Read { path: path.to_owned(), source };
    let size = std::fs::metadata(path).map_err(wrong)?.len();
    if size > MAX_FILE_BYTES {
        let reason =
            format!("{size} bytes long; at most {MAX_FILE_BYTES}: split it, each part with the header");
        return Err(FileError::Header { path: path.to_owned(), reason });
    }
    std::fs::read(path).map_err(wrong)
}

fn check_header(kind: &Kind, names: &[String]) -> Result<(), String> {
    let columns = kind.columns();
    let usual = || columns.iter().map(|column| column.name).collect::<Vec<_>>().join(",");
    let sample = format!("`mandate import --format csv:{} --sample` prints one", kind.name);
    if let [only] = names
        && let Some(mark) = [';', '\t', '|'].into_iter().find(|mark| only.contains(*mark))
    {
        return Err(format!("line 1: columns are separated by {mark:?}; expected commas: {sample}"));
    }
    for (place, name) in names.iter().enumerate() {
        if !columns.iter().any(|column| column.name == name) {
            return Err(format!(
                "line 1, column {}: `{}` is no column of csv:{}; known are {}; {sample}",
                place + 1,
                mandate_domain::fact::shortened(name),
                kind.name,
                usual()
            ));
        }
        if names.iter().take(place).any(|before| before == name) {
            return Err(format!("line 1, column {}: `{name}` stands there twice", place + 1));
        }
    }
    let missing = columns.iter().find(|column| {
        column.presence == Presence::Required && !names.iter().any(|name| name == column.name)
    });
    match missing {
        Some(column) => {
            Err(format!("line 1: column `{}` is missing ({}); {sample}", column.name, column.holds))
        }
        None => Ok(()),
    }
}

fn read_row(
    kind: &Kind,
    names: &[String],
    record: &csv::StringRecord,
    by: Option<&str>,
    this_year: i32,
) -> Result<Row, Wrong> {
    if record.len() > names.len() {
        let reason = format!("{} cells, and the header has {} columns", record.len(), names.len());
        return Err(Wrong { column: (names.len() + 1).to_string(), reason });
    }
    let cells: BTreeMap<&str, &str> =
        names.iter().map(String::as_str).zip(record.iter()).filter(|(_, cell)| !cell.is_empty()).collect();
    let row = Row::read(kind, &cells, by, this_year)?;
    row.check(kind)?;
    Ok(row)
}

/// Counts lines; the reader tells where blank lines before a record begin, not where it begins itself.
struct Lines<'t> {
    text: &'t [u8],
    byte: usize,
    line: u64,
}

impl Lines<'_> {
    fn of(&mut self, record: &csv::StringRecord) -> u64 {
        let at = record.position().map_or(0, csv::Position::byte);
        let at = usize::try_from(at).unwrap_or(usize::MAX);
        while let Some(byte) = self.text.get(self.byte)
            && (self.byte < at || matches!(byte, b'\r' | b'\n'))
        {
            self.line += u64::from(*byte == b'\n');
            self.byte += 1;
        }
        self.line
    }
}

/// Where a row stands: in which register, and in which file by its digest.
struct Place {
    line: u64,
    text: String,
    kind: &'static str,
    command: String,
}

struct Books<'b> {
    target: Target<'b>,
    known: Vec<(NewEvent, Place)>,
    counts: Imported,
    refused: &'b mut dyn FnMut(&RowError) -> anyhow::Result<()>,
}

impl Books<'_> {
    fn refuse(&mut self, error: &RowError) -> Result<(), FileError> {
        self.counts.refused += 1;
        (self.refused)(error).map_err(FileError::Kept)
    }

    fn take(&mut self, row: &Row, place: Place) -> Result<(), FileError> {
        let Target::Store(store) = self.target else {
            self.counts.stored += 1;
            return Ok(());
        };
        let numbers = match &row.about {
            About::Subject(subject) => {
                let event = event(store, row, subject, &place)?;
                return self.put(event, place);
            }
            About::Numbers(numbers) => numbers,
        };
        for _ in 0..TURNS {
            let found = Opening { store, at: row.at, mappa: false }.find_or_open(numbers)?;
            let fact = event(store, row, &found.subject, &place)?;
            if found.events.is_empty() {
                return self.put(fact, place);
            }
            // A person who is new is entered together with the first fact about them.
            self.flush()?;
            let mut events = found.events;
            events.push(fact);
            let outcomes = store.append_blocking(events, OnError::All)?;
            if let Some(Outcome::Refused(refusal)) = outcomes.last() {
                let reason = refusal.to_string();
                return self.refuse(&RowError { line: place.line, reason, text: place.text });
            }
            if outcomes.iter().all(|outcome| outcome.position().is_some()) {
                self.counts.stored += 1;
                return Ok(());
            }
        }
        Err(TakeError::Contended.into())
    }

    fn put(&mut self, event: NewEvent, place: Place) -> Result<(), FileError> {
        self.known.push((event, place));
        if self.known.len() < AT_ONCE { Ok(()) } else { self.flush() }
    }

    fn flush(&mut self) -> Result<(), FileError> {
        let Target::Store(store) = self.target else { return Ok(()) };
        let (events, places): (Vec<_>, Vec<_>) = std::mem::take(&mut self.known).into_iter().unzip();
        if events.is_empty() {
            return Ok(());
        }
        for (outcome, place) in store.append_blocking(events, OnError::Each)?.into_iter().zip(places) {
            let reason = match outcome {
                Outcome::Stored { .. } => {
                    self.counts.stored += 1;
                    continue;
                }
                Outcome::AlreadyStored { .. } => {
                    self.counts.already_stored += 1;
                    continue;
                }
                Outcome::Refused(refusal) => refusal.to_string(),
                Outcome::NotStored { .. } => "not stored".to_owned(),
            };
            self.refuse(&RowError { line: place.line, reason, text: place.text })?;
        }
        Ok(())
    }
}

/// The fact of a row. Its id follows from what it says, so that a file that was saved anew or mended in one row states
/// nothing twice.
fn event(store: &Store, row: &Row, subject: &str, place: &Place) -> Result<NewEvent, TakeError> {
    let failed =
        |error: mandate_domain::fact::FactError| TakeError::Failed(format!("line {}: {error}", place.line));
    let id = format!("csv-{}-{}", place.kind, store.keys().pseudonym_of_content(&row.says(subject)));
    // Whoever runs an import states history: when it was recorded elsewhere is theirs to claim.
    NewEvent::from_value(&row.event(subject, SOURCE, &id), Claim::Accept)
        .and_then(|event| event.by(&row.by))
        .and_then(|event| event.for_command(&place.command))
        .map_err(failed)
}
