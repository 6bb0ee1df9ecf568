//! Facts in the compact form that judging reads: rows of numbers, with every text stored once.

use std::hash::BuildHasher;

use hashbrown::HashMap;
use hashbrown::HashTable;

use crate::calendar::{Announcement, Change};
use crate::catalogue::{FactType, Field, Shape, SubjectKind};
use crate::fact::{Fact, Value};
use crate::time::{Date, Instant};
use crate::vocabulary::{NONE, encode_date};

type Hasher = hashbrown::DefaultHashBuilder;

/// A place in a table under its hash, so that probing and growing never touch what is stored there.
type Hashed = (u64, u32);

/// Texts stored once; a symbol is the place of a text in the table.
#[derive(Debug, Default)]
pub struct Symbols {
    texts: String,
    /// Where each text ends; it begins where the one before it ends.
    ends: Vec<u32>,
    table: HashTable<Hashed>,
    hasher: Hasher,
}

impl Symbols {
    /// The symbol of a text, made when it is new.
    pub fn intern(&mut self, text: &str) -> u32 {
        let hash = self.hasher.hash_one(text);
        let same = |(known, at): &Hashed| *known == hash && text_at(&self.texts, &self.ends, *at) == text;
        if let Some((_, found)) = self.table.find(hash, same) {
            return *found;
        }
        let symbol = u32::try_from(self.ends.len()).unwrap_or(NONE);
        self.texts.push_str(text);
        self.ends.push(u32::try_from(self.texts.len()).unwrap_or(NONE));
        self.table.insert_unique(hash, (hash, symbol), |(hash, _)| *hash);
        symbol
    }

    /// The symbol of a text, if it is in the table.
    #[must_use]
    pub fn find(&self, text: &str) -> Option<u32> {
        let hash = self.hasher.hash_one(text);
        let same = |(known, at): &Hashed| *known == hash && text_at(&self.texts, &self.ends, *at) == text;
        self.table.find(hash, same).map(|(_, symbol)| *symbol)
    }

    /// The text of a symbol; empty for [`NONE`].
    #[must_use]
    pub fn text(&self, symbol: u32) -> &str {
        text_at(&self.texts, &self.ends, symbol)
    }
}

fn text_at<'t>(texts: &'t str, ends: &[u32], symbol: u32) -> &'t str {
    let at = symbol as usize;
    let Some(end) = ends.get(at) else { return "" };
    let start = at.checked_sub(1).and_then(|before| ends.get(before)).copied().unwrap_or(0);
    texts.get(start as usize..*end as usize).unwrap_or("")
}

/// One fact.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    /// When it occurred.
    pub time: Instant,
    /// When it was recorded: the claim where there is one.
    pub recorded: Instant,
    /// Place in the log; in a file the line.
    pub position: u32,
    /// Effective date.
    pub on: Date,
    /// Symbol of the subject.
    pub subject: u32,
    /// Symbol of the source.
    pub source: u32,
    id_start: u32,
    values_start: u32,
    id_len: u16,
    values_len: u8,
    /// Its type.
    pub kind: FactType,
}

/// Number of a row in its [`History`].
pub type RowId = u32;

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
    rows: Vec<Row>,
    values: Vec<(Field, u32)>,
    lists: Vec<Box<[u32]>>,
    ids: String,
    by_id: HashTable<Hashed>,
    hasher: Hasher,
    subjects: hashbrown::HashMap<u32, Vec<RowId>>,
    /// The source and its symbol of the fact added last: facts of one teller come in runs.
    last_source: (Box<str>, u32),
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

impl History {
    /// Number of facts.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there is no fact.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Adds a fact that was recorded at `recorded` and stands at `position` (increasing).
    pub fn add(&mut self, fact: &Fact, recorded: Instant, position: u32) -> Added {
        if self.last_source.0 != fact.source || self.rows.is_empty() {
            self.last_source = (fact.source.clone(), self.symbols.intern(&fact.source));
        }
        let source = self.last_source.1;
        let hash = self.hasher.hash_one((source, &*fact.id));
        let known = self.by_id.find(hash, |(own, at)| {
            *own == hash && {
                let row = row_at(&self.rows, *at);
                row.source == source && id_of(&self.ids, row) == &*fact.id
            }
        });
        if let Some((_, first)) = known.copied() {
            return if self.says_the_same(first, fact) { Added::Same(first) } else { Added::Conflict(first) };
        }
        let row = self.push(fact, source, recorded, position);
        self.by_id.insert_unique(hash, (hash, row), |(hash, _)| *hash);
        self.note(row, fact);
        Added::New(row)
    }

    fn push(&mut self, fact: &Fact, source: u32, recorded: Instant, position: u32) -> RowId {
        let number = u32::try_from(self.rows.len()).unwrap_or(NONE);
        let subject = self.symbols.intern(&fact.subject);
        let id_start = u32::try_from(self.ids.len()).unwrap_or(NONE);
        self.ids.push_str(&fact.id);
        let values_start = u32::try_from(self.values.len()).unwrap_or(NONE);
        for (field, value) in &fact.data {
            if let Some(value) = self.encode(fact.kind, *field, value) {
                self.values.push((*field, value));
            }
        }
        let values_len = self.values.len() - usize::try_from(values_start).unwrap_or(0);
        self.rows.push(Row {
            time: fact.time,
            recorded,
            position,
            on: fact.effective_on(),
            subject,
            source,
            id_start,
            values_start,
            id_len: u16::try_from(fact.id.len()).unwrap_or(u16::MAX),
            values_len: u8::try_from(values_len).unwrap_or(u8::MAX),
            kind: fact.kind,
        });
        self.subjects.entry(subject).or_default().push(number);
        number
    }

    /// Keeps what is read across subjects.
    fn note(&mut self, row: RowId, fact: &Fact) {
        match fact.kind {
            FactType::FactAnnulled => {
                if let Some(Value::Event(event)) = fact.get(Field::Event) {
                    self.annulments.push((row, event.0.clone(), event.1.clone()));
                }
            }
            FactType::NominalMerged => self.merges.push(row),
            // A reception elsewhere may act as a transfer though no fact of the file has that word (spec 3.2).
            FactType::CustodyReceived => _ = self.symbols.intern("transfer"),
            FactType::DutyWaived => self.note_waiver(row, &fact.subject),
            FactType::ProgrammeSwitchedOn | FactType::ProgrammeSwitchedOff => {
                let area = self.row(row).subject;
                self.programmes.entry(area).or_default().push(row);
            }
            FactType::DocumentPublished => self.publications.push(row),
            FactType::OrganisationPlaced => {
                let org = self.row(row).subject;
                self.placements.entry(org).or_default().push(row);
            }
            FactType::TodoChecked if SubjectKind::of(&fact.subject) != Some(SubjectKind::Nominal) => {
                let prison = self.value(row, Field::Prison).unwrap_or(NONE);
                self.checks.entry(prison).or_default().push(row);
            }
            FactType::PostFilled if fact.text(Field::Post) == Some("cpc") => {
                let user = self.value(row, Field::User).unwrap_or(NONE);
                let known = self.cpcs.entry(self.row(row).subject).or_default();
                if !known.contains(&user) {
                    known.push(user);
                }
            }
            FactType::BankHolidaysPublished => {
                let announcements = announcements(fact, self.row(row).recorded);
                self.holidays.push((row, announcements));
            }
            FactType::PolicyAdopted => {
                self.policies.push((row, fact.text(Field::Text).unwrap_or("").into()));
            }
            _ => {}
        }
    }

    /// Takes a duty id apart: `<rule>:<subject>:<source>#<id>[:<date>]`.
    fn note_waiver(&mut self, row: RowId, subject: &str) {
        let Some((rule, rest)) = subject.trim_start_matches("duty/").split_once(':') else { return };
        // A subject id might itself hold a colon: take the first split whose left side is a subject we know.
        let splits = || rest.match_indices(':').map(|(at, _)| at);
        let known = splits().find(|at| rest.get(..*at).is_some_and(|name| self.symbols.find(name).is_some()));
        let Some(at) = known.or_else(|| splits().next()) else { return };
        let (Some(name), Some(opener)) = (rest.get(..at), rest.get(at + 1..)) else { return };
        let subject = self.symbols.intern(name);
        self.waivers.push(Waiver { row, rule: rule.into(), subject, opener: opener.into() });
    }

    fn encode(&mut self, kind: FactType, field: Field, value: &Value) -> Option<u32> {
        Some(match value {
            Value::None => {
                // Free text is decoded to nothing; a date that is null is a value.
                let shape = kind.field(field.name())?.shape;
                if shape == Shape::Text {
                    return None;
                }
                NONE
            }
            Value::Text(_)
                if field == Field::Text
                    && matches!(kind, FactType::PolicyAdopted | FactType::PolicyProposed) =>
            {
                return None;
            }
            Value::Text(text) => self.symbols.intern(text),
            Value::Bool(value) => u32::from(*value),
            Value::Number(number) => u32::try_from(*number).ok()?,
            Value::Date(date) => encode_date(*date),
            Value::Texts(texts) => match kind.field(field.name())?.shape {
                Shape::Choices(words) => texts.iter().fold(0, |bits, text| {
                    words.iter().position(|word| **word == **text).map_or(bits, |at| bits | 1 << at)
                }),
                _ => {
                    let list: Box<[u32]> = texts.iter().map(|text| self.symbols.intern(text)).collect();
                    self.lists.push(list);
                    u32::try_from(self.lists.len() - 1).ok()?
                }
            },
            Value::Instant(_)
            | Value::Event(_)
            | Value::Holidays(_)
            | Value::Dates(_)
            | Value::Sample(..) => {
                return None;
            }
        })
    }

    /// Whether the fact at `first` says what `fact` says.
    fn says_the_same(&self, first: RowId, fact: &Fact) -> bool {
        let row = self.row(first);
        let same_value = |(field, value): &(Field, Value)| match (value, self.value(first, *field)) {
            (Value::Text(text), Some(symbol)) => self.symbols.text(symbol) == &**text,
            (Value::Bool(value), Some(known)) => u32::from(*value) == known,
            (Value::Number(number), Some(known)) => i64::from(known) == *number,
            (Value::Date(date), Some(known)) => encode_date(*date) == known,
            (Value::Texts(texts), Some(known)) => {
                match fact.kind.field(field.name()).map(|spec| spec.shape) {
                    Some(Shape::Choices(_)) => true,
                    _ => {
                        let list = self.list(known);
                        list.len() == texts.len()
                            && list
                                .iter()
                                .zip(texts.iter())
                                .all(|(symbol, text)| self.symbols.text(*symbol) == &**text)
                    }
                }
            }
            (Value::Event(event), _) => self
                .annulments
                .iter()
                .any(|(row, source, id)| *row == first && *source == event.0 && *id == event.1),
            _ => true,
        };
        let mut fields = fact.data.iter().filter(|(field, value)| {
            self.value(first, *field).is_some()
                || matches!(value, Value::Text(_) | Value::Bool(_) | Value::Number(_))
        });
        row.kind == fact.kind
            && row.time == fact.time
            && row.on == fact.effective_on()
            && self.symbols.text(row.subject) == &*fact.subject
            && fact.data.iter().all(same_value)
            && fields.by_ref().filter(|(_, value)| !matches!(value, Value::Event(_))).count()
                >= usize::from(row.values_len)
    }

    /// The row of that number.
    #[must_use]
    pub fn row(&self, row: RowId) -> &Row {
        row_at(&self.rows, row)
    }

    /// The fact at a position.
    #[must_use]
    pub fn at(&self, position: u32) -> Option<RowId> {
        let found = self.rows.binary_search_by_key(&position, |row| row.position).ok()?;
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
        (0u32..).zip(&self.rows)
    }

    /// The encoded value of a field of a fact.
    #[must_use]
    pub fn value(&self, row: RowId, field: Field) -> Option<u32> {
        let row = self.row(row);
        let start = usize::try_from(row.values_start).ok()?;
        let values = self.values.get(start..start + usize::from(row.values_len))?;
        values.iter().find(|(name, _)| *name == field).map(|(_, value)| *value)
    }

    /// Leaves out what was published of bank holidays, where another calendar takes the place of what the log adopted.
    pub fn drop_published_holidays(&mut self) {
        self.holidays.clear();
    }

    /// The symbols of a list value.
    #[must_use]
    pub fn list(&self, value: u32) -> &[u32] {
        usize::try_from(value).ok().and_then(|at| self.lists.get(at)).map_or(&[], AsRef::as_ref)
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
        (self.symbols.text(found.source), id_of(&self.ids, found))
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
        let source = self.symbols.find(source)?;
        let hash = self.hasher.hash_one((source, id));
        let same = |(own, at): &Hashed| {
            let row = row_at(&self.rows, *at);
            *own == hash && row.source == source && id_of(&self.ids, row) == id
        };
        self.by_id.find(hash, same).map(|(_, row)| *row)
    }

    /// The rows of a subject, in order of position.
    #[must_use]
    pub fn rows_of(&self, subject: u32) -> &[RowId] {
        self.subjects.get(&subject).map_or(&[], Vec::as_slice)
    }

    /// Every subject that has a fact.
    pub fn subjects(&self) -> impl Iterator<Item = u32> + '_ {
        self.subjects.keys().copied()
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

#[expect(clippy::indexing_slicing, reason = "row numbers come from this table alone")]
fn row_at(rows: &[Row], row: RowId) -> &Row {
    &rows[row as usize]
}

fn id_of<'i>(ids: &'i str, row: &Row) -> &'i str {
    let start = row.id_start as usize;
    ids.get(start..start + usize::from(row.id_len)).unwrap_or("")
}

fn announcements(fact: &Fact, published: Instant) -> Vec<Announcement> {
    let mut all = Vec::new();
    if let Some(Value::Dates(dates)) = fact.get(Field::Withdrawn) {
        all.extend(dates.iter().map(|date| Announcement {
            published,
            date: *date,
            title: String::new(),
            change: Change::Withdrawn,
        }));
    }
    if let Some(Value::Holidays(holidays)) = fact.get(Field::Holidays) {
        all.extend(holidays.iter().map(|(date, title)| Announcement {
            published,
            date: *date,
            title: title.to_string(),
            change: Change::Published,
        }));
    }
    all
}
