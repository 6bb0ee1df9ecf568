//! Facts as rows of numbers, in columns.

use std::hint::black_box;

use super::places::hash_of;
use super::symbols::Symbols;
use crate::calendar::{Announcement, Change};
use crate::catalogue::{FactType, Field, Shape};
use crate::fact::{Fact, Value};
use crate::time::{Date, Instant};
use crate::vocabulary::{NONE, encode_date};

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

/// Number of a row in its [`super::History`].
pub type RowId = u32;

/// How the number of a value is to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Number,
    Symbol,
    List,
}

/// A field of a fact with its encoded value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Held {
    field: Field,
    form: Form,
    value: u32,
}

/// What of a fact has no number.
#[derive(Debug)]
pub(super) enum Rest {
    /// The source and the id of the fact that is annulled.
    Annulled(Box<str>, Box<str>),
    Holidays(Vec<Announcement>),
    Policy(Box<str>),
}

impl Rest {
    fn of<T: AsRef<str>>(fact: &Fact<T>, recorded: Instant) -> Option<Self> {
        match fact.kind {
            FactType::FactAnnulled => match fact.get(Field::Event) {
                Some(Value::Event(event)) => {
                    Some(Self::Annulled(event.0.as_ref().into(), event.1.as_ref().into()))
                }
                _ => None,
            },
            FactType::BankHolidaysPublished => Some(Self::Holidays(announcements(fact, recorded))),
            FactType::PolicyAdopted => Some(Self::Policy(fact.text(Field::Text).unwrap_or("").into())),
            _ => None,
        }
    }
}

/// Some facts in compact form, apart from any history: what one thread gathers while others do the same.
#[derive(Debug, Default)]
pub struct Facts {
    pub(super) symbols: Symbols,
    pub(super) columns: Columns,
    pub(super) rest: Vec<(RowId, Rest)>,
    /// The hash of the source and the id of each.
    pub(super) hashes: Vec<u32>,
}

impl Facts {
    /// Makes room for about so many more.
    pub fn make_room(&mut self, facts: usize) {
        // A fact has about four fields with values and an id of 16 bytes, and names two texts that others do not.
        self.columns.reserve(facts, facts * 4, facts * 16);
        self.symbols.make_room(facts * 2, facts * 32);
        self.hashes.reserve(facts);
    }

    /// Adds a fact that was recorded at `recorded` and stands at `position` (increasing).
    pub fn push<T: AsRef<str>>(&mut self, fact: &Fact<T>, recorded: Instant, position: u32) {
        let (row, rest) = self.columns.push(&mut self.symbols, fact, recorded, position);
        self.rest.extend(rest.map(|rest| (row, rest)));
        self.hashes.push(hash_of((fact.source.as_ref(), fact.id.as_ref())));
    }

    /// Forgets all, and keeps the room.
    pub(super) fn clear(&mut self) {
        self.symbols.clear();
        self.columns.clear();
        self.rest.clear();
        self.hashes.clear();
    }
}

/// Rows with what they refer to.
#[derive(Debug, Default)]
pub(super) struct Columns {
    pub rows: Vec<Row>,
    values: Vec<Held>,
    /// Each list as its length and its symbols.
    lists: Vec<u32>,
    ids: String,
    /// The source and its symbol of the fact added last: facts of one teller come in runs.
    last_source: (Box<str>, u32),
}

impl Columns {
    /// Adds a fact; answers with its row and what of it has no number.
    pub fn push<T: AsRef<str>>(
        &mut self,
        symbols: &mut Symbols,
        fact: &Fact<T>,
        recorded: Instant,
        position: u32,
    ) -> (RowId, Option<Rest>) {
        let (source, id) = (fact.source.as_ref(), fact.id.as_ref());
        if *self.last_source.0 != *source || self.rows.is_empty() {
            self.last_source = (source.into(), symbols.intern(source));
        }
        let number = length(&self.rows);
        let row = Row {
            time: fact.time,
            recorded,
            position,
            on: fact.effective_on(),
            subject: symbols.intern(fact.subject.as_ref()),
            source: self.last_source.1,
            id_start: u32::try_from(self.ids.len()).unwrap_or(NONE),
            values_start: length(&self.values),
            id_len: u16::try_from(id.len()).unwrap_or(u16::MAX),
            values_len: 0,
            kind: fact.kind,
        };
        self.ids.push_str(id);
        for (field, value) in &fact.data {
            if let Some((form, value)) = self.encode(symbols, fact.kind, *field, value) {
                self.values.push(Held { field: *field, form, value });
            }
        }
        let values_len = u8::try_from(length(&self.values) - row.values_start).unwrap_or(u8::MAX);
        self.rows.push(Row { values_len, ..row });
        (number, Rest::of(fact, recorded))
    }

    fn clear(&mut self) {
        self.rows.clear();
        self.values.clear();
        self.lists.clear();
        self.ids.clear();
    }

    /// Makes room for as much more as is said for what is there.
    pub fn make_room(&mut self, more: impl Fn(usize) -> usize) {
        self.reserve(more(self.rows.len()), more(self.values.len()), more(self.ids.len()));
    }

    fn reserve(&mut self, rows: usize, values: usize, ids: usize) {
        self.rows.reserve(rows);
        self.values.reserve(values);
        self.ids.reserve(ids);
    }

    /// Adds a row of others, whose symbols are those of `symbols` here.
    pub fn copy(&mut self, others: &Self, row: &Row, symbols: &[u32]) -> RowId {
        let number = length(&self.rows);
        let symbol = |of: u32| symbols.get(of as usize).copied().unwrap_or(NONE);
        let values_start = length(&self.values);
        for held in others.values_of(row) {
            let value = match held.form {
                Form::Number => held.value,
                Form::Symbol => symbol(held.value),
                Form::List => {
                    let start = length(&self.lists);
                    let list = others.list(held.value);
                    self.lists.push(length(list));
                    self.lists.extend(list.iter().map(|own| symbol(*own)));
                    start
                }
            };
            self.values.push(Held { value, ..*held });
        }
        let id_start = u32::try_from(self.ids.len()).unwrap_or(NONE);
        self.ids.push_str(others.id_of(row));
        let (subject, source) = (symbol(row.subject), symbol(row.source));
        self.rows.push(Row { subject, source, id_start, values_start, ..*row });
        number
    }

    /// Takes away the row that was added last.
    pub fn pop(&mut self) {
        if let Some(row) = self.rows.pop() {
            self.values.truncate(row.values_start as usize);
            self.ids.truncate(row.id_start as usize);
        }
    }

    #[expect(clippy::indexing_slicing, reason = "row numbers come from this table alone")]
    pub fn row(&self, row: RowId) -> &Row {
        &self.rows[row as usize]
    }

    pub fn id_of(&self, row: &Row) -> &str {
        let start = row.id_start as usize;
        self.ids.get(start..start + usize::from(row.id_len)).unwrap_or("")
    }

    /// Brings some rows in.
    pub fn bring_in(&self, rows: &[RowId]) {
        black_box(rows.iter().fold(0, |sum, row| sum ^ self.row(*row).position));
    }

    /// Brings the values of some rows in.
    pub fn bring_in_values(&self, rows: &[RowId]) {
        let values = rows.iter().filter_map(|row| self.values.get(self.row(*row).values_start as usize));
        black_box(values.fold(0, |sum, held| sum ^ held.value));
    }

    /// Brings the ids of some rows in.
    pub fn bring_in_ids(&self, rows: impl Iterator<Item = RowId>) {
        let ids = self.ids.as_bytes();
        let first = rows.filter_map(|row| ids.get(self.row(row).id_start as usize));
        black_box(first.fold(0, |sum, byte| sum ^ byte));
    }

    fn values_of(&self, row: &Row) -> &[Held] {
        let start = row.values_start as usize;
        self.values.get(start..start + usize::from(row.values_len)).unwrap_or_default()
    }

    pub fn value(&self, row: &Row, field: Field) -> Option<u32> {
        self.values_of(row).iter().find(|held| held.field == field).map(|held| held.value)
    }

    pub fn list(&self, value: u32) -> &[u32] {
        let Some((length, rest)) = self.lists.get(value as usize..).and_then(<[u32]>::split_first) else {
            return &[];
        };
        rest.get(..*length as usize).unwrap_or_default()
    }

    /// Whether two rows say the same in numbers, their claims of when they were recorded aside.
    pub fn say_the_same(&self, one: &Row, other: &Row) -> bool {
        let (values, others) = (self.values_of(one), self.values_of(other));
        let same = |held: &Held| {
            let found = others.iter().find(|other| other.field == held.field && other.form == held.form);
            found.is_some_and(|found| match held.form {
                Form::Number | Form::Symbol => found.value == held.value,
                Form::List => self.list(found.value) == self.list(held.value),
            })
        };
        one.kind == other.kind
            && one.time == other.time
            && one.on == other.on
            && one.subject == other.subject
            && values.len() == others.len()
            && values.iter().all(same)
    }

    fn encode<T: AsRef<str>>(
        &mut self,
        symbols: &mut Symbols,
        kind: FactType,
        field: Field,
        value: &Value<T>,
    ) -> Option<(Form, u32)> {
        let shape = || kind.field(field.name()).map(|spec| spec.shape);
        Some(match value {
            // Free text is decoded to nothing; a date that is null is a value.
            Value::None if matches!(shape(), None | Some(Shape::Text)) => return None,
            Value::None => (Form::Number, NONE),
            Value::Text(_)
                if field == Field::Text
                    && matches!(kind, FactType::PolicyAdopted | FactType::PolicyProposed) =>
            {
                return None;
            }
            Value::Text(text) => (Form::Symbol, symbols.intern(text.as_ref())),
            Value::Bool(value) => (Form::Number, u32::from(*value)),
            Value::Number(number) => (Form::Number, u32::try_from(*number).ok()?),
            Value::Date(date) => (Form::Number, encode_date(*date)),
            Value::Texts(texts) => match shape()? {
                Shape::Choices(words) => {
                    let bit =
                        |text: &str| words.iter().position(|word| *word == text).map_or(0, |at| 1 << at);
                    (Form::Number, texts.iter().fold(0, |bits, text| bits | bit(text.as_ref())))
                }
                _ => {
                    let start = length(&self.lists);
                    self.lists.push(length(texts));
                    self.lists.extend(texts.iter().map(|text| symbols.intern(text.as_ref())));
                    (Form::List, start)
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
}

fn length<T>(of: &[T]) -> u32 {
    u32::try_from(of.len()).unwrap_or(NONE)
}

fn announcements<T: AsRef<str>>(fact: &Fact<T>, published: Instant) -> Vec<Announcement> {
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
            title: title.as_ref().to_owned(),
            change: Change::Published,
        }));
    }
    all
}
