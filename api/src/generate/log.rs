//! The facts of a history, kept small in memory, put in order and written as JSON Lines.

use super::Counts;
use super::calendar::{Calendar, Day, Moment};
use super::kind::{Kind, Source};
use super::subject::{Org, References, Subject, write_number};
use super::world::World;
use std::collections::BTreeMap;
use std::io::Write;

/// Bytes after which a page of data is full.
const PAGE_BYTES: usize = 4 << 20;

/// A value in the data of a fact.
#[derive(Clone, Copy)]
pub(super) enum Value<'a> {
    /// A word that needs no escapes.
    Word(&'a str),
    /// A whole number.
    Number(u32),
    /// True or false.
    Flag(bool),
    /// A London date.
    Date(Day),
    /// An explicit null.
    Null,
    /// An id that belongs to this subject: a prefix and a count within the subject.
    Own(&'static str, u16),
    /// An organisation.
    Org(Org),
    /// A police force, by the area it covers.
    Police(u32),
    /// A user.
    User(u32),
    /// Several users.
    Users(&'a [u32]),
    /// Several words.
    Words(&'a [&'a str]),
    /// Another nominal.
    Nominal(u32),
    /// A terminal.
    Terminal(u32),
    /// JSON made elsewhere.
    Json(&'a str),
}

/// A named value.
pub(super) type Field<'a> = (&'static str, Value<'a>);

/// One fact; its data lie in a page.
#[derive(Clone, Copy)]
pub(super) struct Fact {
    recorded: u32,
    time: u32,
    subject: u32,
    page: u32,
    offset: u32,
    length: u32,
    number: u16,
    kind: Kind,
    source: Source,
}

impl Fact {
    /// Returns the type of the fact.
    pub(super) fn kind(&self) -> Kind {
        self.kind
    }
}

/// What is said of a fact beside its data.
#[derive(Clone, Copy)]
pub(super) struct Envelope {
    /// Whom it is about.
    pub(super) subject: Subject,
    /// Its number within the subject.
    pub(super) number: u16,
    /// Its type.
    pub(super) kind: Kind,
    /// Who tells it.
    pub(super) source: Source,
    /// When it occurred.
    pub(super) time: Moment,
    /// When it was recorded.
    pub(super) recorded: Moment,
}

/// All facts told so far.
pub(super) struct Log {
    facts: Vec<Fact>,
    pages: Vec<Vec<u8>>,
    /// Acts done in time but recorded after they were due, in the last weeks of the history.
    pub(super) rescinding: u32,
}

impl Log {
    /// Starts an empty log with room for so many facts.
    pub(super) fn with_room(facts: usize) -> Self {
        Self { facts: Vec::with_capacity(facts), pages: Vec::new(), rescinding: 0 }
    }

    /// Keeps a fact with its data.
    pub(super) fn push(&mut self, world: &World, envelope: Envelope, fields: &[Field]) {
        if self.pages.last().is_none_or(|page| page.len() >= PAGE_BYTES) {
            self.pages.push(Vec::with_capacity(PAGE_BYTES + 4096));
        }
        let number = self.pages.len() - 1;
        let Some(page) = self.pages.last_mut() else { return };
        let offset = page.len();
        write_data(world, envelope.subject, fields, page);
        self.facts.push(Fact {
            recorded: envelope.recorded.stamp(),
            time: envelope.time.stamp(),
            subject: envelope.subject.number(),
            page: u32::try_from(number).unwrap_or(0),
            offset: u32::try_from(offset).unwrap_or(0),
            length: u32::try_from(page.len() - offset).unwrap_or(0),
            number: envelope.number,
            kind: envelope.kind,
            source: envelope.source,
        });
    }

    /// Returns the fact told last.
    pub(super) fn last(&self) -> Option<Fact> {
        self.facts.last().copied()
    }

    /// Keeps a fact once more, under another number and other times.
    pub(super) fn repeat(&mut self, fact: Fact, number: u16, time: Moment, recorded: Moment) {
        self.facts.push(Fact { number, time: time.stamp(), recorded: recorded.stamp(), ..fact });
    }

    /// Writes all facts in the order in which they were recorded.
    ///
    /// # Errors
    /// Returns what the writer refuses.
    pub(super) fn write(mut self, world: &World, out: &mut dyn Write) -> std::io::Result<Counts> {
        self.facts.sort_unstable_by_key(|fact| (fact.recorded, fact.time, fact.subject, fact.number));
        let mut counts: BTreeMap<Kind, u64> = BTreeMap::new();
        let mut lines = Vec::with_capacity(1 << 20);
        for fact in &self.facts {
            *counts.entry(fact.kind).or_default() += 1;
            self.write_line(world, fact, &mut lines);
            if lines.len() > (1 << 20) - 8192 {
                out.write_all(&lines)?;
                lines.clear();
            }
        }
        out.write_all(&lines)?;
        out.flush()?;
        Ok(Counts {
            facts: counts.values().sum(),
            by_type: counts.into_iter().map(|(kind, count)| (kind.name().to_owned(), count)).collect(),
        })
    }

    fn write_line(&self, world: &World, fact: &Fact, out: &mut Vec<u8>) {
        out.extend_from_slice(b"{\"specversion\":\"1.0\",\"id\":\"");
        write_event_id(fact.subject, fact.number, out);
        out.extend_from_slice(b"\",\"source\":\"");
        out.extend_from_slice(fact.source.path().as_bytes());
        out.extend_from_slice(b"\",\"type\":\"");
        out.extend_from_slice(fact.kind.name().as_bytes());
        out.extend_from_slice(b"\",\"subject\":\"");
        Subject::of_number(fact.subject).write(&world.references, out);
        out.extend_from_slice(b"\",\"time\":\"");
        world.calendar.write_moment(Moment::of_stamp(fact.time), out);
        out.extend_from_slice(b"\",\"recordedtime\":\"");
        world.calendar.write_moment(Moment::of_stamp(fact.recorded), out);
        out.extend_from_slice(b"\",\"data\":{");
        let start = fact.offset as usize;
        let data =
            self.pages.get(fact.page as usize).and_then(|page| page.get(start..start + fact.length as usize));
        out.extend_from_slice(data.unwrap_or_default());
        out.extend_from_slice(b"}}\n");
    }
}

/// Writes the id of an event, `e-0000012-003`, which no CRN, NOMS or PNC number resembles.
pub(super) fn write_event_id(subject: u32, number: u16, out: &mut Vec<u8>) {
    out.extend_from_slice(b"e-");
    write_number(subject, 7, out);
    out.push(b'-');
    write_number(u32::from(number), 3, out);
}

fn write_data(world: &World, subject: Subject, fields: &[Field], out: &mut Vec<u8>) {
    for (place, (name, value)) in fields.iter().enumerate() {
        if place > 0 {
            out.push(b',');
        }
        write_word(name, out);
        out.push(b':');
        write_value(&world.references, &world.calendar, subject, *value, out);
    }
}

fn write_value(
    references: &References,
    calendar: &Calendar,
    subject: Subject,
    value: Value,
    out: &mut Vec<u8>,
) {
    match value {
        Value::Word(word) => write_word(word, out),
        Value::Number(number) => write_number(number, 1, out),
        Value::Flag(flag) => out.extend_from_slice(if flag { b"true" } else { b"false" }),
        Value::Null => out.extend_from_slice(b"null"),
        Value::Json(json) => out.extend_from_slice(json.as_bytes()),
        Value::Users(users) => write_list(users, out, |user, out| {
            out.push(b'"');
            Subject::User(*user).write(references, out);
            out.push(b'"');
        }),
        Value::Words(words) => write_list(words, out, |word, out| write_word(word, out)),
        Value::Date(_)
        | Value::Own(_, _)
        | Value::Org(_)
        | Value::Police(_)
        | Value::User(_)
        | Value::Nominal(_)
        | Value::Terminal(_) => {
            out.push(b'"');
            write_id(references, calendar, subject, value, out);
            out.push(b'"');
        }
    }
}

fn write_id(references: &References, calendar: &Calendar, subject: Subject, value: Value, out: &mut Vec<u8>) {
    match value {
        Value::Date(day) => calendar.write_date(day, out),
        Value::Own(prefix, count) => {
            out.extend_from_slice(prefix.as_bytes());
            write_number(subject.number(), 7, out);
            out.push(b'-');
            write_number(u32::from(count), 1, out);
        }
        Value::Org(org) => out.extend_from_slice(org.id().as_bytes()),
        Value::Police(area) => {
            out.extend_from_slice(b"police/f");
            write_number(area + 1, 2, out);
        }
        Value::User(user) => Subject::User(user).write(references, out),
        Value::Nominal(nominal) => references.write(nominal, out),
        Value::Terminal(terminal) => Subject::Terminal(terminal).write(references, out),
        Value::Word(_)
        | Value::Number(_)
        | Value::Flag(_)
        | Value::Null
        | Value::Json(_)
        | Value::Users(_)
        | Value::Words(_) => {}
    }
}

fn write_word(word: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    out.extend_from_slice(word.as_bytes());
    out.push(b'"');
}

fn write_list<T>(items: &[T], out: &mut Vec<u8>, write: impl Fn(&T, &mut Vec<u8>)) {
    out.push(b'[');
    for (place, item) in items.iter().enumerate() {
        if place > 0 {
            out.push(b',');
        }
        write(item, out);
    }
    out.push(b']');
}
