//! A fact with its place in the log, and its compact form for keeping many of them.

use mandate_domain::catalogue::{FactType, Field};
use mandate_domain::fact::{Fact, Value};
use mandate_domain::time::{Date, Instant};
use mandate_store::{StoredEvent, Told};

/// A fact with its place in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Placed {
    /// The fact; `recorded` holds when it is held to have been known.
    pub fact: Fact,
    pub position: u32,
    /// When the log recorded it.
    pub recorded_at: Instant,
}

impl Placed {
    pub fn from_event(event: StoredEvent) -> Self {
        Self::from_told(event.into())
    }

    pub fn from_told(told: Told) -> Self {
        let recorded = Some(told.known_at());
        let position = u32::try_from(told.position.get()).unwrap_or(u32::MAX);
        Self { fact: Fact { recorded, ..told.fact }, position, recorded_at: told.recorded_at }
    }

    /// When it is held to have been known.
    pub fn known_at(&self) -> Instant {
        self.fact.recorded_or_time()
    }

    /// Its place in the order in which facts are held to have been known.
    pub fn order(&self) -> (Instant, u32) {
        (self.known_at(), self.position)
    }

    /// The moments at which something may change by it: when it is held to have been known and, where it claims to be
    /// known later than the log tells it, when the log does.
    pub fn moments(&self) -> impl Iterator<Item = (Instant, u32)> + use<> {
        let told = (self.recorded_at < self.known_at()).then_some((self.recorded_at, self.position));
        told.into_iter().chain([self.order()])
    }
}

/// Appends the compact form.
pub(crate) fn encode(placed: &Placed, out: &mut Vec<u8>) {
    let fact = &placed.fact;
    out.extend(placed.position.to_le_bytes());
    out.extend(placed.recorded_at.nanos().to_le_bytes());
    out.extend(placed.known_at().nanos().to_le_bytes());
    out.extend(fact.time.nanos().to_le_bytes());
    number(out, fact.kind.index());
    for text in [&fact.subject, &fact.source, &fact.id] {
        write_text(out, text);
    }
    number(out, fact.data.len());
    for (field, value) in &fact.data {
        number(out, field.index());
        encode_value(value, out);
    }
}

fn encode_value(value: &Value, out: &mut Vec<u8>) {
    let mut tag = |tag: u8| out.push(tag);
    match value {
        Value::None => tag(0),
        Value::Text(text) => {
            tag(1);
            write_text(out, text);
        }
        Value::Bool(value) => tag(if *value { 3 } else { 2 }),
        Value::Number(number) => {
            tag(4);
            out.extend(number.to_le_bytes());
        }
        Value::Date(date) => {
            tag(5);
            out.extend(date.days().to_le_bytes());
        }
        Value::Instant(at) => {
            tag(6);
            out.extend(at.nanos().to_le_bytes());
        }
        Value::Texts(texts) => {
            tag(7);
            number(out, texts.len());
            for text in texts {
                write_text(out, text);
            }
        }
        Value::Event(event) => {
            tag(8);
            write_text(out, &event.0);
            write_text(out, &event.1);
        }
        Value::Holidays(days) => {
            tag(9);
            number(out, days.len());
            for (date, title) in days {
                out.extend(date.days().to_le_bytes());
                write_text(out, title);
            }
        }
        Value::Dates(dates) => {
            tag(10);
            number(out, dates.len());
            for date in dates {
                out.extend(date.days().to_le_bytes());
            }
        }
        Value::Sample(size, passed) => {
            tag(11);
            out.extend(size.to_le_bytes());
            out.extend(passed.to_le_bytes());
        }
    }
}

fn write_text(out: &mut Vec<u8>, text: &str) {
    number(out, text.len());
    out.extend(text.as_bytes());
}

/// A number in groups of seven bits, the lowest first.
fn number(out: &mut Vec<u8>, mut value: usize) {
    while value >= 0x80 {
        out.push(u8::try_from(value & 0x7f).unwrap_or(0) | 0x80);
        value >>= 7;
    }
    out.push(u8::try_from(value).unwrap_or(0));
}

/// Reads the compact forms that follow one another in some bytes.
pub(crate) struct Decoder<'b> {
    bytes: &'b [u8],
    broken: bool,
}

impl<'b> Decoder<'b> {
    pub const fn new(bytes: &'b [u8]) -> Self {
        Self { bytes, broken: false }
    }

    /// The next fact; `None` at the end, or where the bytes are none that [`encode`] wrote.
    pub fn next(&mut self) -> Option<Placed> {
        if self.broken || self.bytes.is_empty() {
            return None;
        }
        let placed = self.placed();
        self.broken = placed.is_none();
        placed
    }

    /// The next fact with the bytes that hold it.
    pub fn next_with_bytes(&mut self) -> Option<(Placed, &'b [u8])> {
        let before = self.bytes;
        let placed = self.next()?;
        Some((placed, before.get(..before.len() - self.bytes.len()).unwrap_or_default()))
    }

    /// Whether the bytes were what [`encode`] wrote, to the end.
    pub const fn is_whole(&self) -> bool {
        !self.broken && self.bytes.is_empty()
    }

    fn placed(&mut self) -> Option<Placed> {
        let position = u32::from_le_bytes(self.array()?);
        let recorded_at = self.instant()?;
        let known_at = self.instant()?;
        let time = self.instant()?;
        let kind = *FactType::ALL.get(self.number()?)?;
        let (subject, source, id) = (self.text()?, self.text()?, self.text()?);
        let fields = self.number()?;
        let mut data = Vec::with_capacity(fields);
        for _ in 0..fields {
            let field = *Field::ALL.get(self.number()?)?;
            data.push((field, self.value()?));
        }
        let fact = Fact { id, source, kind, subject, time, recorded: Some(known_at), data };
        Some(Placed { fact, position, recorded_at })
    }

    fn take(&mut self, count: usize) -> Option<&'b [u8]> {
        let (taken, rest) = self.bytes.split_at_checked(count)?;
        self.bytes = rest;
        Some(taken)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    fn instant(&mut self) -> Option<Instant> {
        self.array().map(|bytes| Instant::from_nanos(i64::from_le_bytes(bytes)))
    }

    fn date(&mut self) -> Option<Date> {
        self.array().map(|bytes| Date::from_days(i32::from_le_bytes(bytes)))
    }

    fn number(&mut self) -> Option<usize> {
        let mut value = 0;
        for shift in (0..usize::BITS).step_by(7) {
            let [byte] = self.array()?;
            value |= usize::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }

    fn text(&mut self) -> Option<Box<str>> {
        let length = self.number()?;
        std::str::from_utf8(self.take(length)?).ok().map(Into::into)
    }

    fn list<T>(&mut self, mut one: impl FnMut(&mut Self) -> Option<T>) -> Option<Box<[T]>> {
        let count = self.number()?;
        (0..count).map(|_| one(self)).collect()
    }

    fn value(&mut self) -> Option<Value> {
        let [tag] = self.array()?;
        Some(match tag {
            0 => Value::None,
            1 => Value::Text(self.text()?),
            2 => Value::Bool(false),
            3 => Value::Bool(true),
            4 => Value::Number(i64::from_le_bytes(self.array()?)),
            5 => Value::Date(self.date()?),
            6 => Value::Instant(self.instant()?),
            7 => Value::Texts(self.list(Self::text)?),
            8 => Value::Event(Box::new((self.text()?, self.text()?))),
            9 => Value::Holidays(self.list(|own| Some((own.date()?, own.text()?)))?),
            10 => Value::Dates(self.list(Self::date)?),
            11 => Value::Sample(u32::from_le_bytes(self.array()?), u32::from_le_bytes(self.array()?)),
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_encoded_is_decoded_to_the_same() {
        let text: Box<str> = "a text of some length, é".into();
        let at = Instant::from_nanos(1_772_442_000_000_000_123);
        let date = Date::from_days(20_514);
        let values = [
            Value::None,
            Value::Text(text.clone()),
            Value::Text("x".repeat(70_000).into()),
            Value::Bool(false),
            Value::Bool(true),
            Value::Number(-5),
            Value::Date(date),
            Value::Instant(at),
            Value::Texts([text.clone(), "".into()].into()),
            Value::Event(Box::new((text.clone(), "e".into()))),
            Value::Holidays([(date, text.clone())].into()),
            Value::Dates([date, date.next()].into()),
            Value::Sample(20, 19),
        ];
        let data = Field::ALL.iter().copied().cycle().zip(values).collect();
        let fact = Fact {
            id: "e1".into(),
            source: "/t".into(),
            kind: FactType::NominalDied,
            subject: "nominal/N1".into(),
            time: at,
            recorded: Some(at.just_before()),
            data,
        };
        let placed = Placed { fact, position: 7, recorded_at: at };
        let mut bytes = Vec::new();
        encode(&placed, &mut bytes);
        encode(&placed, &mut bytes);
        let mut decoder = Decoder::new(&bytes);
        assert_eq!(decoder.next().as_ref(), Some(&placed));
        let (again, held) = decoder.next_with_bytes().unwrap();
        assert_eq!((again, held), (placed, &bytes[bytes.len() / 2..]));
        assert!(decoder.next().is_none() && decoder.is_whole());
        let mut cut = Decoder::new(&bytes[..20]);
        assert!(cut.next().is_none() && !cut.is_whole());
    }
}
