//! Facts in the compact form that judging reads: rows of numbers, with every text stored once.

mod facts;
mod places;
mod symbols;

use std::sync::OnceLock;

use hashbrown::HashMap;

use crate::calendar::Announcement;
use crate::catalogue::{FactType, Field, SubjectKind};
use crate::fact::Fact;
use crate::time::Instant;
use crate::vocabulary::NONE;

use super::duty_id::DutyId;
use facts::{Columns, Rest};
use places::{Places, hash_of};

pub use facts::{Facts, Row, RowId};
pub use symbols::Symbols;

/// What became of a fact that was added.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Added {
    /// It is new.
    New(RowId),
    /// The same (source, id) with the same content is there already.
    Same(RowId),
    /// The same (source, id) with other content is there already; the first wins.
    Conflict(RowId),
}

/// A fact of those appended whose (source, id) was there already.
#[derive(Debug, Clone, Copy)]
pub struct Repeated<'f> {
    /// Where it stands.
    pub position: u32,
    /// Who told it.
    pub source: &'f str,
    /// Its id.
    pub id: &'f str,
    /// What became of it.
    pub added: Added,
}

/// A waiver of a duty, its id taken apart.
#[derive(Debug, Clone)]
pub(super) struct Waiver {
    pub row: RowId,
    pub rule: Box<str>,
    /// The subject of the waived duty.
    pub subject: u32,
    /// What follows the subject: `<source>#<id>`, with `:<date>` for `every`.
    pub opener: Box<str>,
}

/// Depth at which annulments of annulments are no longer followed; there may be a circle.
const ANNULMENT_DEPTH: u8 = 32;

/// The facts of one judging, in order of position.
#[derive(Debug, Default)]
pub struct History {
    /// Every text.
    pub symbols: Symbols,
    columns: Columns,
    /// Rows by source and id.
    by_id: Places,
    /// Made when it is asked for, of the rows that there are then.
    by_subject: OnceLock<BySubject>,
    /// The place of each row, side by side to be searched; made when it is asked for as well.
    positions: OnceLock<Vec<u32>>,
    /// Annulments with the (source, id) that they name.
    pub(super) annulments: Vec<(RowId, Box<str>, Box<str>)>,
    pub(super) merges: Vec<RowId>,
    pub(super) waivers: Vec<Waiver>,
    pub(super) programmes: HashMap<u32, Vec<RowId>>,
    /// Documents published, for the users of the regions.
    pub(super) publications: Vec<RowId>,
    /// Where organisations were placed.
    pub(super) placements: HashMap<u32, Vec<RowId>>,
    /// Checks of the to-do list that are not stated of a nominal, by prison: they are about all of its nominals.
    pub(super) checks: HashMap<u32, Vec<RowId>>,
    /// Who was ever said to hold the post of CPC, by organisation.
    pub(super) cpcs: HashMap<u32, Vec<u32>>,
    pub(super) holidays: Vec<(RowId, Vec<Announcement>)>,
    policies: Vec<(RowId, Box<str>)>,
}

/// The rows of each subject, in order of position, side by side.
#[derive(Debug)]
struct BySubject {
    /// Where those of a subject begin, by its symbol; they end where those of the next one begin.
    starts: Vec<u32>,
    rows: Vec<RowId>,
}

impl BySubject {
    fn of(rows: &[Row]) -> Self {
        let subjects = rows.iter().map(|row| row.subject as usize + 1).max().unwrap_or(0);
        // First the number of each, then where it begins, then where its next row goes; in the end each has its own
        // beginning in the place after it.
        let mut starts = vec![0u32; subjects + 1];
        for row in rows {
            if let Some(count) = starts.get_mut(row.subject as usize + 1) {
                *count += 1;
            }
        }
        let mut start = 0;
        for place in starts.iter_mut().skip(1) {
            start += std::mem::replace(place, start);
        }
        let mut sorted = vec![NONE; rows.len()];
        for (number, row) in (0..).zip(rows) {
            if let Some(next) = starts.get_mut(row.subject as usize + 1)
                && let Some(place) = sorted.get_mut(*next as usize)
            {
                *place = number;
                *next += 1;
            }
        }
        Self { starts, rows: sorted }
    }

    fn of_subject(&self, subject: u32) -> &[RowId] {
        let at = subject as usize;
        let place = self.starts.get(at).zip(self.starts.get(at + 1));
        place.and_then(|(from, to)| self.rows.get(*from as usize..*to as usize)).unwrap_or_default()
    }
}

impl History {
    /// Number of facts.
    #[must_use]
    pub fn len(&self) -> usize {
        self.columns.rows.len()
    }

    /// Whether there is no fact.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.columns.rows.is_empty()
    }

    /// Adds a fact that was recorded at `recorded` and stands at `position` (increasing).
    pub fn add(&mut self, fact: &Fact, recorded: Instant, position: u32) -> Added {
        let (row, rest) = self.columns.push(&mut self.symbols, fact, recorded, position);
        self.by_subject.take();
        self.positions.take();
        self.take_in(row, hash_of((&*fact.source, &*fact.id)), rest)
    }

    /// Adds facts that were gathered apart and stand after those that are there already; tells of those that are not new.
    /// They are emptied, and keep their room.
    pub fn append(&mut self, facts: &mut Facts, mut tell: impl FnMut(&Self, Repeated<'_>)) {
        let Facts { symbols: own, columns, rest, hashes } = facts;
        let symbols = self.symbols.intern_all(own);
        self.by_id.make_room(hashes.len());
        self.by_id.bring_in(hashes, &mut Vec::new());
        self.by_subject.take();
        self.positions.take();
        let mut rest = rest.drain(..).peekable();
        for ((at, row), hash) in (0..).zip(&columns.rows).zip(&*hashes) {
            let number = self.columns.copy(columns, row, &symbols);
            let rest = rest.next_if(|(of, _)| *of == at).map(|(_, rest)| rest);
            let added = self.take_in(number, *hash, rest);
            if !matches!(added, Added::New(_)) {
                let (source, id) = (own.text(row.source), columns.id_of(row));
                tell(self, Repeated { position: row.position, source, id, added });
            }
        }
        drop(rest);
        facts.clear();
    }

    /// Makes room for about so many more facts like those that are there, so that what grows need not be moved.
    pub fn make_room(&mut self, facts: usize) {
        let known = self.len().max(1);
        // What is not filled of a column is never touched, and costs nothing; of a table all is.
        let for_columns = |there: usize| there.saturating_mul(facts) / known * 5 / 4;
        let for_tables = |there: usize| there.saturating_mul(facts) / known * 21 / 20;
        self.columns.make_room(for_columns);
        self.symbols.make_room_for(for_columns, for_tables);
        self.by_id.make_room(for_tables(known));
    }

    /// Takes in the row that was pushed last, unless the same (source, id) is there already.
    fn take_in(&mut self, number: RowId, hash: u32, rest: Option<Rest>) -> Added {
        let columns = &self.columns;
        let row = columns.row(number);
        if let Some(first) = self.find_hashed(hash, row.source, columns.id_of(row)) {
            let same =
                columns.say_the_same(columns.row(first), row) && self.is_the_rest(first, rest.as_ref());
            self.columns.pop();
            return if same { Added::Same(first) } else { Added::Conflict(first) };
        }
        self.by_id.add(hash, number);
        self.note(number, rest);
        Added::New(number)
    }

    /// Whether what has no number of a fact is this.
    fn is_the_rest(&self, of: RowId, rest: Option<&Rest>) -> bool {
        match rest {
            Some(Rest::Annulled(source, id)) => {
                let found = self.annulments.binary_search_by_key(&of, |(row, ..)| *row).ok();
                let found = found.and_then(|at| self.annulments.get(at));
                found.is_some_and(|(_, known, known_id)| known == source && known_id == id)
            }
            Some(Rest::Policy(text)) => self.policies.iter().any(|(row, known)| *row == of && known == text),
            Some(Rest::Holidays(days)) => {
                let same = |(one, other): (&Announcement, &Announcement)| {
                    one.date == other.date && one.change == other.change && one.title == other.title
                };
                let said =
                    |known: &[Announcement]| known.len() == days.len() && known.iter().zip(days).all(same);
                self.holidays.iter().any(|(row, known)| *row == of && said(known))
            }
            None => true,
        }
    }

    /// Keeps what is read across subjects.
    fn note(&mut self, row: RowId, rest: Option<Rest>) {
        match rest {
            Some(Rest::Annulled(source, id)) => self.annulments.push((row, source, id)),
            Some(Rest::Holidays(days)) => self.holidays.push((row, days)),
            Some(Rest::Policy(text)) => self.policies.push((row, text)),
            None => {}
        }
        let Row { kind, subject, .. } = *self.row(row);
        match kind {
            FactType::NominalMerged => self.merges.push(row),
            // A reception elsewhere may act as a transfer though no fact of the file has that word (spec 3.2).
            FactType::CustodyReceived => _ = self.symbols.intern("transfer"),
            FactType::DutyWaived => self.note_waiver(row, subject),
            FactType::ProgrammeSwitchedOn | FactType::ProgrammeSwitchedOff => {
                self.programmes.entry(subject).or_default().push(row);
            }
            FactType::DocumentPublished => self.publications.push(row),
            FactType::OrganisationPlaced => self.placements.entry(subject).or_default().push(row),
            FactType::TodoChecked if self.kind_of(subject) != Some(SubjectKind::Nominal) => {
                let prison = self.value(row, Field::Prison).unwrap_or(NONE);
                self.checks.entry(prison).or_default().push(row);
            }
            FactType::PostFilled if self.text(row, Field::Post) == "cpc" => {
                let user = self.value(row, Field::User).unwrap_or(NONE);
                let known = self.cpcs.entry(subject).or_default();
                if !known.contains(&user) {
                    known.push(user);
                }
            }
            _ => {}
        }
    }

    /// Keeps a waiver with whom and which duty it names.
    fn note_waiver(&mut self, row: RowId, subject: u32) {
        let waived = self.symbols.text(subject).to_owned();
        let Some(duty) = waived.strip_prefix("duty/").and_then(DutyId::parse) else { return };
        let subject = self.symbols.intern(duty.subject);
        self.waivers.push(Waiver { row, rule: duty.rule.into(), subject, opener: duty.opener.into() });
    }

    /// The row of that number.
    #[must_use]
    pub fn row(&self, row: RowId) -> &Row {
        self.columns.row(row)
    }

    /// The fact at a position.
    #[must_use]
    pub fn at(&self, position: u32) -> Option<RowId> {
        let positions =
            self.positions.get_or_init(|| self.columns.rows.iter().map(|row| row.position).collect());
        let found = positions.binary_search(&position).ok()?;
        RowId::try_from(found).ok()
    }

    /// From which moment asked about a fact makes a difference, if it may make any: from its own time on; an annulment,
    /// from that of the fact that it names.
    #[must_use]
    pub fn makes_a_difference_from(&self, row: RowId) -> Option<Instant> {
        let mut at = row;
        for _ in 0..ANNULMENT_DEPTH {
            let found = self.row(at);
            if found.kind != FactType::FactAnnulled {
                return Some(found.time);
            }
            let named = self.annulments.binary_search_by_key(&at, |(annulment, ..)| *annulment).ok();
            let (_, source, id) = named.and_then(|named| self.annulments.get(named))?;
            at = self.find(source, id)?;
        }
        Some(Instant::MIN)
    }

    /// All rows, in order of position.
    pub fn rows(&self) -> impl Iterator<Item = (RowId, &Row)> {
        (0u32..).zip(&self.columns.rows)
    }

    /// The encoded value of a field of a fact.
    #[must_use]
    pub fn value(&self, row: RowId, field: Field) -> Option<u32> {
        self.columns.value(self.row(row), field)
    }

    /// Leaves out what was published of bank holidays, where another calendar takes the place of what the log adopted.
    pub fn drop_published_holidays(&mut self) {
        self.holidays.clear();
    }

    /// The symbols of a list value.
    #[must_use]
    pub fn list(&self, value: u32) -> &[u32] {
        self.columns.list(value)
    }

    /// The text of a field of a fact, empty where there is none.
    #[must_use]
    pub fn text(&self, row: RowId, field: Field) -> &str {
        self.value(row, field).map_or("", |symbol| self.symbols.text(symbol))
    }

    /// The source and the id of a fact.
    #[must_use]
    pub fn source_and_id(&self, row: RowId) -> (&str, &str) {
        let found = self.row(row);
        (self.symbols.text(found.source), self.columns.id_of(found))
    }

    /// Brings in some facts, for which the processor then waits side by side instead of one after another: those of a
    /// subject lie far apart in a long history.
    pub(super) fn bring_in(&self, rows: &[RowId]) {
        self.columns.bring_in(rows);
    }

    /// The same of their values.
    pub(super) fn bring_in_values(&self, rows: &[RowId]) {
        self.columns.bring_in_values(rows);
    }

    /// The same of their ids.
    pub(super) fn bring_in_ids(&self, rows: impl Iterator<Item = RowId>) {
        self.columns.bring_in_ids(rows);
    }

    /// The reference of a fact: `<source>#<id>`.
    #[must_use]
    pub fn reference(&self, row: RowId) -> String {
        let (source, id) = self.source_and_id(row);
        format!("{source}#{id}")
    }

    /// The fact of that source and id.
    #[must_use]
    pub fn find(&self, source: &str, id: &str) -> Option<RowId> {
        self.find_hashed(hash_of((source, id)), self.symbols.find(source)?, id)
    }

    fn find_hashed(&self, hash: u32, source: u32, id: &str) -> Option<RowId> {
        self.by_id.find(hash, |at| {
            let row = self.row(at);
            row.source == source && self.columns.id_of(row) == id
        })
    }

    fn by_subject(&self) -> &BySubject {
        self.by_subject.get_or_init(|| BySubject::of(&self.columns.rows))
    }

    /// The rows of a subject, in order of position.
    #[must_use]
    pub fn rows_of(&self, subject: u32) -> &[RowId] {
        self.by_subject().of_subject(subject)
    }

    /// Every subject that has a fact.
    pub fn subjects(&self) -> impl Iterator<Item = u32> + '_ {
        let found = self.by_subject();
        let known = u32::try_from(found.starts.len()).unwrap_or(NONE);
        (0..known).filter(|subject| !found.of_subject(*subject).is_empty())
    }

    /// The text of the policy adopted last at or before `known_at`, not annulled by then.
    pub(super) fn adopted(&self, visible: impl Fn(RowId) -> bool) -> Option<&str> {
        let adopted = self.policies.iter().filter(|(row, _)| visible(*row));
        adopted.max_by_key(|(row, _)| (self.row(*row).recorded, *row)).map(|(_, text)| &**text)
    }

    /// The kind of a subject.
    #[must_use]
    pub fn kind_of(&self, subject: u32) -> Option<SubjectKind> {
        SubjectKind::of(self.symbols.text(subject))
    }
}

#[cfg(test)]
mod tests;
