//! Reading the log in the order of its positions, whatever database holds it.

use mandate_domain::catalogue::FactType;
use mandate_domain::time::Instant;

use crate::error::StoreError;
use crate::position::{End, Head, Position, Sequence};
use crate::postgres::reader::PostgresReader;
use crate::sqlite::reader::SqliteReader;
use crate::stored_event::{Columns, StoredEvent, split_subject};
use crate::told::{Told, ToldColumns};

/// Most events that one call returns.
pub const MAX_READ: usize = 50_000;

/// What a row is handed to while it is read.
pub(crate) type Each<'e> = &'e mut dyn FnMut(Columns<'_>) -> Result<(), StoreError>;

/// What the columns of a fact are handed to.
pub(crate) type EachTold<'e> = &'e mut dyn FnMut(ToldColumns<'_>) -> Result<(), StoreError>;

/// What the columns of a fact are handed to with its place in its stream.
pub(crate) type EachInStream<'e> = &'e mut dyn FnMut(i64, ToldColumns<'_>) -> Result<(), StoreError>;

/// Reads a log; cheap to clone, for use from many threads, and blocking.
#[derive(Debug, Clone)]
pub struct Reader {
    pub(crate) source: Source,
}

/// The database that a reader reads.
#[derive(Debug, Clone)]
pub(crate) enum Source {
    Sqlite(SqliteReader),
    Postgres(PostgresReader),
}

/// Calls the method of that name of whichever reader it is.
macro_rules! on {
    ($source:expr, $reader:ident => $call:expr) => {
        match $source {
            $crate::reader::Source::Sqlite($reader) => $call,
            $crate::reader::Source::Postgres($reader) => $call,
        }
    };
}
pub(crate) use on;

/// Events in position order, and where the log ended when they were read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// The events.
    pub events: Vec<StoredEvent>,
    /// The end of the log at that moment.
    pub head: Head,
}

/// Events of some types in position order, and how far the log was searched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TypePage {
    /// The events.
    pub events: Vec<StoredEvent>,
    /// No event of these types up to here was left out; read on after it.
    pub searched_to: Position,
}

/// An event as far as it is known without its payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outline {
    /// Whom it is about, by full id.
    pub subject: String,
    /// Who told it.
    pub source: String,
    /// When the log recorded it.
    pub recorded_at: Instant,
}

/// What an aggregate is loaded from.
pub(crate) struct RawEvent<'r> {
    pub(crate) sequence: Sequence,
    pub(crate) position: Position,
    pub(crate) payload: &'r str,
    pub(crate) actor: Option<&'r str>,
    pub(crate) command_id: Option<&'r str>,
    pub(crate) event_type: &'r str,
    pub(crate) event_version: &'r str,
}

impl Reader {
    /// The end of the log now.
    ///
    /// # Errors
    /// [`StoreError::Database`] when it cannot be read.
    pub fn head(&self) -> Result<Head, StoreError> {
        on!(&self.source, reader => reader.head())
    }

    /// The end of the log with its tree.
    pub(crate) fn end(&self) -> Result<End, StoreError> {
        on!(&self.source, reader => reader.end())
    }

    /// The events after a position, in order and without a gap: exactly `limit` of them or all up to the head,
    /// whichever is fewer. At most [`MAX_READ`].
    ///
    /// # Errors
    /// [`StoreError::Gap`] when an event that must be there is not, [`StoreError::Unreadable`] when one cannot be
    /// decoded, [`StoreError::Database`] when the database cannot be read; never a short answer.
    pub fn read_after(&self, after: Position, limit: usize) -> Result<Page, StoreError> {
        let mut events = Vec::new();
        let head = self.for_each_after(after, limit, |event| {
            events.push(event);
            Ok(())
        })?;
        Ok(Page { events, head })
    }

    /// Calls `each` with the events that [`Self::read_after`] would return, one by one; returns the head.
    ///
    /// # Errors
    /// As [`Self::read_after`], and whatever `each` returns.
    pub fn for_each_after(
        &self,
        after: Position,
        limit: usize,
        mut each: impl FnMut(StoredEvent) -> Result<(), StoreError>,
    ) -> Result<Head, StoreError> {
        self.for_each_row(after, bounded(limit), |columns| each(columns.decode()?))
    }

    /// The facts that [`Self::read_after`] would give whole: exactly `limit` of them or all up to the head, whichever
    /// is fewer. At most [`MAX_READ`].
    ///
    /// # Errors
    /// As [`Self::read_after`].
    pub fn told_after(&self, after: Position, limit: usize) -> Result<Vec<Told>, StoreError> {
        // What the head counts is there, and stays.
        let head = self.head()?;
        let last = head.position.get().min(after.get().saturating_add(bounded(limit)));
        self.told_between(after, Position::new(last), head)
    }

    /// The facts after a position and up to another that the head counts.
    pub(crate) fn told_between(
        &self,
        after: Position,
        last: Position,
        head: Head,
    ) -> Result<Vec<Told>, StoreError> {
        if last <= after {
            return Ok(Vec::new());
        }
        told_without_gap(
            after,
            last,
            head,
            |row| on!(&self.source, reader => reader.told_between(after, last, row)),
        )
    }

    /// The facts of one subject's stream after a version, in order and without a gap, as [`Self::read_subject`] gives
    /// the events. At most [`MAX_READ`].
    ///
    /// # Errors
    /// As [`Self::read_subject`].
    pub fn told_of_subject(
        &self,
        subject: &str,
        after: Sequence,
        limit: usize,
    ) -> Result<Vec<Told>, StoreError> {
        let mut told = Vec::new();
        let stream = split_subject(subject);
        let mut missing = after;
        let mut push = |sequence: i64, columns: ToldColumns<'_>| {
            missing = missing.next();
            if Sequence::from_db(sequence) != missing {
                return Err(StoreError::StreamGap { subject: subject.to_owned(), missing });
            }
            told.push(columns.decode()?);
            Ok(())
        };
        on!(&self.source, reader => reader.told_of_subject(stream, after, bounded(limit), &mut push))?;
        Ok(told)
    }

    /// Calls `each` with every row after a position, undecoded, in order and without a gap, at most `limit`.
    pub(crate) fn for_each_row(
        &self,
        after: Position,
        limit: u64,
        mut each: impl FnMut(Columns<'_>) -> Result<(), StoreError>,
    ) -> Result<Head, StoreError> {
        let mut reached = after;
        let mut strayed = false;
        let head = on!(&self.source, reader => reader.after(after, limit, &mut |columns| {
            strayed |= Position::from_db(columns.position) != reached.next();
            if strayed {
                return Ok(());
            }
            reached = reached.next();
            each(columns)
        }))?;
        let wanted = head.position.get().saturating_sub(after.get()).min(limit);
        if strayed || reached.get() < after.get() + wanted {
            return Err(StoreError::Gap { missing: reached.next(), head: head.position });
        }
        Ok(head)
    }

    /// The events of one subject's stream after a version, in order and without a gap. At most [`MAX_READ`].
    ///
    /// # Errors
    /// [`StoreError::StreamGap`] when one that must be there is not, and as [`Self::read_after`].
    pub fn read_subject(
        &self,
        subject: &str,
        after: Sequence,
        limit: usize,
    ) -> Result<Vec<StoredEvent>, StoreError> {
        let mut events: Vec<StoredEvent> = Vec::new();
        let stream = split_subject(subject);
        let mut push = |columns: Columns<'_>| {
            events.push(columns.decode()?);
            Ok(())
        };
        on!(&self.source, reader => reader.of_subject(stream, after, bounded(limit), &mut push))?;
        let mut missing = after;
        for event in &events {
            missing = missing.next();
            if event.sequence != missing {
                return Err(StoreError::StreamGap { subject: subject.to_owned(), missing });
            }
        }
        Ok(events)
    }

    /// Calls `each` with a subject's whole stream in order, undecoded.
    pub(crate) fn for_each_payload(
        &self,
        subject: &str,
        mut each: impl FnMut(RawEvent<'_>) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let mut missing = Sequence::START;
        let mut in_order = |event: RawEvent<'_>| {
            missing = missing.next();
            if event.sequence != missing {
                return Err(StoreError::StreamGap { subject: subject.to_owned(), missing });
            }
            each(event)
        };
        on!(&self.source, reader => reader.payloads(split_subject(subject), &mut in_order))
    }

    /// The version of a subject's stream: the sequence of its last event.
    ///
    /// # Errors
    /// [`StoreError::Database`] when it cannot be read.
    pub fn version(&self, subject: &str) -> Result<Sequence, StoreError> {
        on!(&self.source, reader => reader.version(split_subject(subject)))
    }

    /// The first `limit` events of some types after a position, in position order. At most [`MAX_READ`].
    ///
    /// # Errors
    /// As [`Self::read_after`].
    pub fn read_types(
        &self,
        types: &[FactType],
        after: Position,
        limit: usize,
    ) -> Result<TypePage, StoreError> {
        let mut events = Vec::new();
        let mut push = |columns: Columns<'_>| {
            events.push(columns.decode()?);
            Ok(())
        };
        let limit = limit.min(MAX_READ);
        let searched_to = on!(&self.source, reader => reader.of_types(types, after, limit, &mut push))?;
        Ok(TypePage { events, searched_to })
    }

    /// The event at a position, if the log is that long.
    ///
    /// # Errors
    /// [`StoreError::Gap`] when it must be there and is not, and as [`Self::read_after`].
    pub fn by_position(&self, position: Position) -> Result<Option<StoredEvent>, StoreError> {
        let Some(before) = position.get().checked_sub(1) else { return Ok(None) };
        Ok(self.read_after(Position::new(before), 1)?.events.pop())
    }

    /// What the columns say of the event at a position, if there is one; the event itself is not decoded, for one that
    /// cannot be.
    ///
    /// # Errors
    /// [`StoreError::Database`] when it cannot be read.
    pub fn outline_at(&self, position: Position) -> Result<Option<Outline>, StoreError> {
        let found = on!(&self.source, reader => reader.outline_at(position))?;
        Ok(found.map(|(kind, rest, source, recorded_at)| Outline {
            subject: format!("{kind}/{rest}"),
            source,
            recorded_at: Instant::from_nanos(recorded_at),
        }))
    }

    /// The event with a (source, id), if there is one.
    ///
    /// # Errors
    /// As [`Self::read_after`].
    pub fn by_source_id(&self, source: &str, id: &str) -> Result<Option<StoredEvent>, StoreError> {
        let mut found = None;
        let mut take = |columns: Columns<'_>| {
            found = Some(columns.decode()?);
            Ok(())
        };
        on!(&self.source, reader => reader.by_source_id(source, id, &mut take))?;
        Ok(found)
    }
}

/// Decodes the facts that `read` hands over, which must be those after a position and up to another that the head
/// counts.
pub(crate) fn told_without_gap(
    after: Position,
    last: Position,
    head: Head,
    read: impl FnOnce(EachTold<'_>) -> Result<(), StoreError>,
) -> Result<Vec<Told>, StoreError> {
    let wanted = last.get().saturating_sub(after.get());
    let mut told = Vec::with_capacity(usize::try_from(wanted).unwrap_or(0));
    let mut reached = after;
    let mut strayed = false;
    read(&mut |columns| {
        strayed |= Position::from_db(columns.position) != reached.next();
        if strayed {
            return Ok(());
        }
        reached = reached.next();
        told.push(columns.decode()?);
        Ok(())
    })?;
    if strayed || reached < last {
        return Err(StoreError::Gap { missing: reached.next(), head: head.position });
    }
    Ok(told)
}

fn bounded(limit: usize) -> u64 {
    limit.min(MAX_READ) as u64
}
