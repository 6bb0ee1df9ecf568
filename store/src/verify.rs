//! Verifying the log in its database: as an auditor verifies a bundle, and what only the database shows.
//!
//! The events are written as a bundle into a pipe and read from it by the same verification that `mandate-verify`
//! does, so that both say the same. Beside it, each row is compared with its own payload, each stream is counted, and
//! the head row must hold the tree that the leaves give.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::io::{BufReader, BufWriter, PipeWriter};

use mandate_verify::MAX_POSITION;
use mandate_verify::check::{Lack, Options, Report, Verdict, verify_with};
use mandate_verify::note::{Checkpoint, SigningKey, VerifyingKey};

use crate::bundle::Export;
use crate::error::{DatabaseError, StoreError};
use crate::key_file;
use crate::position::{End, Position};
use crate::reader::{Reader, on};
use crate::sqlite::reader::is_damage;
use crate::stored_event::Columns;

/// Bytes that wait in the pipe's buffers.
const BUFFER: usize = 256 * 1024;

/// What verifying a log found.
#[derive(Debug)]
pub struct Verification {
    /// Where the log ended.
    pub head: Position,
    /// What the verification of the events and checkpoints says, as `mandate-verify` would.
    pub report: Report,
    /// What only the database shows, the first position first.
    pub problems: Vec<Problem>,
}

/// Something that is not as it was written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// A row that is not there.
    #[error("position {0} is missing")]
    Missing(Position),
    /// A row that cannot be read.
    #[error("position {position} cannot be read: {reason}")]
    Unreadable {
        /// Its position, or the one after the last that could be read.
        position: Position,
        /// Why.
        reason: String,
    },
    /// A row whose columns say otherwise than its payload.
    #[error("position {position}: {} do not agree with the payload", columns.join(", "))]
    Contradiction {
        /// Its position.
        position: Position,
        /// The columns.
        columns: Vec<&'static str>,
    },
    /// A row whose place in its stream is not the next one.
    #[error("position {position} is event {found} of {subject}, where event {wanted} is due")]
    Stream {
        /// Its position.
        position: Position,
        /// The subject.
        subject: String,
        /// Its place as stored.
        found: i64,
        /// Its place by counting.
        wanted: i64,
    },
    /// A row with metadata.
    #[error("position {0} has metadata, which is always empty")]
    Metadata(Position),
    /// A row that is none of the log's, before its first position or after its head.
    #[error("position {0} is outside of the log, and a row stands there")]
    Outside(Position),
    /// A log that ends before what was signed of it.
    #[error("the log ends at {ends}, and a checkpoint of {signed} events was signed of it")]
    Cut {
        /// Where it ends.
        ends: Position,
        /// What the checkpoint covers.
        signed: Position,
    },
    /// A part of the database that contradicts the rows.
    #[error("the database contradicts itself: {0}")]
    Database(String),
    /// A head row that does not hold the tree of the events.
    #[error("the head row at {0} does not hold the tree of the events")]
    Head(Position),
}

impl Verification {
    /// The exit code: 0 all well, 5 altered, 6 something is missing or not proven.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match (&self.report.verdict, self.problems.first()) {
            (Verdict::Altered { .. }, _) => 5,
            (_, Some(Problem::Missing(_) | Problem::Cut { .. })) => 6,
            (_, Some(_)) => 5,
            (verdict, None) => verdict.exit_code(),
        }
    }

    /// The first position that is bad or missing, where something is.
    #[must_use]
    pub fn first_bad(&self) -> Option<Position> {
        let reported = match &self.report.verdict {
            Verdict::Altered { first, .. } | Verdict::Missing { first, .. } => Some(Position::new(*first)),
            Verdict::Ok { .. } | Verdict::Unreadable { .. } => None,
        };
        let found = self.problems.iter().map(Problem::position);
        reported.into_iter().chain(found).min()
    }

    /// Events after the last checkpoint, which only the head row covers; when nothing else is wanting.
    #[must_use]
    pub fn not_signed_yet(&self) -> Option<(Position, Position)> {
        match &self.report.verdict {
            Verdict::Missing { first, last, why: Lack::Unsigned } => {
                Some((Position::new(*first), Position::new(*last)))
            }
            _ => None,
        }
    }
}

impl Problem {
    const fn position(&self) -> Position {
        match self {
            Self::Missing(position)
            | Self::Unreadable { position, .. }
            | Self::Contradiction { position, .. }
            | Self::Stream { position, .. }
            | Self::Metadata(position)
            | Self::Outside(position)
            | Self::Head(position) => *position,
            Self::Cut { ends, .. } => ends.next(),
            Self::Database(_) => Position::START.next(),
        }
    }
}

impl Reader {
    /// Verifies the whole log with the key of its checkpoints and the checkpoints that an auditor brings (signed
    /// notes). Without a key the tree of the head row stands in for a signed checkpoint: whoever altered the events
    /// may have altered that as well. `progress` hears of the last position verified and the last there is.
    ///
    /// # Errors
    /// Only when nothing can be read at all; whatever is wrong with the log is in the answer.
    pub fn verify(
        &self,
        key: Option<&VerifyingKey>,
        brought: &[String],
        mut progress: impl FnMut(u64, u64) + Send,
    ) -> Result<Verification, StoreError> {
        // Checkpoints are read before the head, which only moves on: none of them may cover more than it.
        let signed = self.checkpoints(Position::new(MAX_POSITION), 1);
        let end = self.end();
        let head = match &end {
            Ok(end) => end.head.position,
            Err(StoreError::Tree { head }) => *head,
            Err(_) => self.head()?.position,
        };
        let stand_in = match key {
            Some(_) => None,
            None => Some(
                SigningKey::from_seed("unsigned", &*key_file::random()?)
                    .map_err(|error| not_signed(&error))?,
            ),
        };
        let mut rows = Rows::default();
        let (reading, writing) = std::io::pipe().map_err(StoreError::Output)?;
        let (written, report) = std::thread::scope(|scope| {
            let verifying = scope.spawn(|| {
                let options = Options { part: false, progress: Some(&mut |at, last| progress(at, last)) };
                let key = key.or(stand_in.as_ref().map(SigningKey::verifying_key));
                key.map(|key| verify_with(BufReader::with_capacity(BUFFER, reading), key, brought, options))
            });
            let origin = key.map_or("unsigned", VerifyingKey::name).to_owned();
            let note = match (&stand_in, &end) {
                (Some(key), Ok(end)) => {
                    let checkpoint = Checkpoint::new("unsigned", end.frontier.size(), end.frontier.root());
                    key.sign(&checkpoint).ok()
                }
                _ => None,
            };
            let written = self.write_all(writing, origin, head, note, &mut rows);
            (written, verifying.join())
        });
        let mut problems = rows.problems;
        // A checkpoint that was brought and cannot be read ends the verification before the rows: that is no row's fault.
        let ended_early =
            matches!(&report, Ok(Some(Ok(report))) if matches!(report.verdict, Verdict::Unreadable { .. }));
        let cut_off = |error: &StoreError| matches!(error, StoreError::Output(source) if source.kind() == std::io::ErrorKind::BrokenPipe);
        if let Err(error) = written
            && !(ended_early && cut_off(&error))
        {
            problems.push(problem_of(error, Position::new(rows.last))?);
        }
        if let Ok(Some(position)) = on!(&self.source, reader => reader.with_metadata()) {
            problems.push(Problem::Metadata(position));
        }
        if let Some(signed) = signed.ok().and_then(|signed| signed.into_iter().next())
            && signed.size > head
        {
            problems.push(Problem::Cut { ends: head, signed: signed.size });
        }
        let report = match report {
            Ok(Some(report)) => report.map_err(StoreError::Output)?,
            Ok(None) | Err(_) => {
                return Err(StoreError::Unavailable { reason: "the verification broke off".to_owned() });
            }
        };
        let stands = |end: End| {
            let recorded_at = if head == Position::START { i64::MIN } else { rows.recorded_at };
            end.head.recorded_at.nanos() == recorded_at
                && self.frontier(head).is_ok_and(|tree| tree == end.frontier)
        };
        // Either is the consequence of whatever else was found.
        if problems.is_empty() {
            match on!(&self.source, reader => reader.outside()) {
                Ok(Some(position)) => problems.push(Problem::Outside(position)),
                _ if !end.is_ok_and(stands) => problems.push(Problem::Head(head)),
                // Reading by subject, type or id goes by the indexes.
                _ => problems.extend(on!(&self.source, reader => reader.integrity())?.map(Problem::Database)),
            }
        }
        problems.sort_by_key(Problem::position);
        Ok(Verification { head, report, problems })
    }

    fn write_all(
        &self,
        out: PipeWriter,
        origin: String,
        head: Position,
        note: Option<String>,
        rows: &mut Rows,
    ) -> Result<(), StoreError> {
        let out = BufWriter::with_capacity(BUFFER, out);
        let mut export = Export::begin(self, out, origin, Position::START..head, head, &[])?;
        if let Some(note) = note {
            export.stand_in(head, note);
        }
        for page in export.pages() {
            self.for_each_row(page, crate::bundle::PAGE.min(head.get() - page.get()), |columns| {
                rows.look_at(&columns);
                export.event(&columns)
            })?;
        }
        export.finish().map(drop)
    }
}

fn not_signed(error: &mandate_verify::note::NoteError) -> StoreError {
    StoreError::Forked { reason: error.to_string() }
}

/// What a failure to read says of the log; one that says nothing is passed on.
fn problem_of(error: StoreError, last: Position) -> Result<Problem, StoreError> {
    match error {
        StoreError::Gap { missing, .. } => Ok(Problem::Missing(missing)),
        StoreError::Unreadable { position, reason } => Ok(Problem::Unreadable { position, reason }),
        StoreError::Tree { head } => Ok(Problem::Head(head)),
        StoreError::Database { source: DatabaseError::Sqlite(source), .. } if is_damage(&source) => {
            Ok(Problem::Unreadable { position: last.next(), reason: source.to_string() })
        }
        // The verification has ended before the end, and says why.
        StoreError::Output(source) if source.kind() == std::io::ErrorKind::BrokenPipe => {
            Ok(Problem::Unreadable { position: last, reason: "what follows was not looked at".to_owned() })
        }
        StoreError::Output(source) => Ok(Problem::Unreadable { position: last, reason: source.to_string() }),
        other => Err(other),
    }
}

/// What the rows say beside their leaves.
#[derive(Default)]
struct Rows {
    /// Last place in each stream, by a digest of its subject.
    streams: HashMap<u64, i64>,
    hasher: RandomState,
    problems: Vec<Problem>,
    last: u64,
    /// When the last one was recorded.
    recorded_at: i64,
}

impl Rows {
    fn look_at(&mut self, columns: &Columns<'_>) {
        let position = Position::from_db(columns.position);
        self.last = position.get();
        self.recorded_at = columns.recorded_at;
        let place = self
            .streams
            .entry(self.hasher.hash_one((columns.aggregate_type, columns.aggregate_id)))
            .or_default();
        *place += 1;
        // One problem of a kind is enough: what follows it is its consequence.
        if *place != columns.sequence
            && !self.problems.iter().any(|known| matches!(known, Problem::Stream { .. }))
        {
            let subject = format!("{}/{}", columns.aggregate_type, columns.aggregate_id);
            let wanted = *place;
            self.problems.push(Problem::Stream { position, subject, found: columns.sequence, wanted });
        }
        match columns.decode() {
            Ok(event) => {
                let differing = columns.contradictions(&event.fact);
                if !differing.is_empty() {
                    self.problems.push(Problem::Contradiction { position, columns: differing });
                }
            }
            Err(StoreError::Unreadable { position, reason }) => {
                self.problems.push(Problem::Unreadable { position, reason });
            }
            Err(error) => self.problems.push(Problem::Unreadable { position, reason: error.to_string() }),
        }
        self.problems.truncate(1_000);
    }
}
