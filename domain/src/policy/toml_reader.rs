//! Walking a TOML file key by key, so that every mistake is told with its file and line.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::Problem;
use crate::time::Date;

/// Collects problems and reads values of one file.
pub(crate) struct Reader<'f> {
    file: &'f str,
    text: &'f str,
    problems: std::cell::RefCell<Vec<Problem>>,
}

/// A table with the keys that were asked for; what was not asked for is unknown.
pub(crate) struct Table<'r, 'f> {
    reader: &'r Reader<'f>,
    table: &'r DeTable<'f>,
    start: usize,
    asked: std::cell::RefCell<Vec<&'static str>>,
}

/// A value with its place.
#[derive(Clone, Copy)]
pub(crate) struct At<'r, 'f> {
    pub(crate) reader: &'r Reader<'f>,
    pub(crate) value: &'r DeValue<'f>,
    start: usize,
    end: usize,
}

impl<'f> Reader<'f> {
    pub(crate) const fn new(file: &'f str, text: &'f str) -> Self {
        Self { file, text, problems: std::cell::RefCell::new(Vec::new()) }
    }

    /// Parses the file; a syntax error is a problem too.
    pub(crate) fn parse(&self) -> Option<Spanned<DeTable<'f>>> {
        match DeTable::parse(self.text) {
            Ok(table) => Some(table),
            Err(error) => {
                self.problem(error.span().map_or(0, |span| span.start), error.message().to_owned());
                None
            }
        }
    }

    pub(crate) const fn root<'r>(&'r self, table: &'r DeTable<'f>) -> Table<'r, 'f> {
        Table { reader: self, table, start: 0, asked: std::cell::RefCell::new(Vec::new()) }
    }

    pub(crate) fn problem(&self, offset: usize, reason: String) {
        let before = self.text.get(..offset).unwrap_or(self.text);
        let line = before.matches('\n').count() + 1;
        self.problems.borrow_mut().push(Problem { file: self.file.to_owned(), line, reason });
    }

    pub(crate) fn into_problems(self) -> Vec<Problem> {
        self.problems.into_inner()
    }
}

impl<'r, 'f> Table<'r, 'f> {
    /// The value of a key, if it is there.
    pub(crate) fn get(&self, key: &'static str) -> Option<At<'r, 'f>> {
        self.asked.borrow_mut().push(key);
        let value = self.table.get(key)?;
        let span = value.span();
        Some(At { reader: self.reader, value: value.get_ref(), start: span.start, end: span.end })
    }

    /// The value of a key that must be there.
    pub(crate) fn need(&self, key: &'static str) -> Option<At<'r, 'f>> {
        let found = self.get(key);
        if found.is_none() {
            self.reader.problem(self.start, format!("`{key}` is missing"));
        }
        found
    }

    /// The text of a key that must be there.
    pub(crate) fn need_text(&self, key: &'static str) -> Option<&'r str> {
        self.need(key)?.text()
    }

    /// Whether a key is there and true.
    pub(crate) fn flag(&self, key: &'static str) -> bool {
        self.get(key).is_some_and(|at| match at.value.as_bool() {
            Some(value) => value,
            None => at.wrong("`true` or `false`"),
        })
    }

    /// All keys with their values, when any key is allowed.
    pub(crate) fn entries(&self) -> impl Iterator<Item = (&'r str, usize, At<'r, 'f>)> + '_ {
        self.table.iter().map(|(key, value)| {
            let span = value.span();
            let at = At { reader: self.reader, value: value.get_ref(), start: span.start, end: span.end };
            (key.get_ref().as_ref(), key.span().start, at)
        })
    }

    /// Reports every key that was not asked for.
    pub(crate) fn finish(self) {
        let asked = self.asked.borrow();
        for (key, _) in self.table {
            if !asked.iter().any(|known| *known == key.get_ref().as_ref()) {
                let expected = asked.iter().map(|known| format!("`{known}`")).collect::<Vec<_>>().join(", ");
                let reason = format!("unknown key `{}`; known here are {expected}", key.get_ref());
                self.reader.problem(key.span().start, reason);
            }
        }
    }

    /// Reports a problem with the table as a whole.
    pub(crate) fn problem(&self, reason: impl Into<String>) {
        self.reader.problem(self.start, reason.into());
    }
}

impl<'r, 'f> At<'r, 'f> {
    /// Reports that something else was expected, and answers with a default.
    pub(crate) fn wrong<T: Default>(&self, expected: &str) -> T {
        let source = self.reader.text.get(self.start..self.end).unwrap_or("").trim();
        let shown: String = source.chars().take(60).collect();
        self.problem(format!("`{shown}`: expected {expected}"));
        T::default()
    }

    pub(crate) fn problem(&self, reason: String) {
        self.reader.problem(self.start, reason);
    }

    pub(crate) fn text(&self) -> Option<&'r str> {
        let text = self.value.as_str();
        if text.is_none() {
            self.wrong::<()>("a text");
        }
        text
    }

    pub(crate) fn number(&self) -> Option<u16> {
        let number = integer(self.value).and_then(|n| u16::try_from(n).ok());
        if number.is_none() {
            self.wrong::<()>("a whole number from 0 to 65535");
        }
        number
    }

    pub(crate) fn date(&self) -> Option<Date> {
        let date = match self.value {
            DeValue::Datetime(when) => Date::parse(&when.to_string()).ok(),
            _ => None,
        };
        if date.is_none() {
            self.wrong::<()>("a date such as 2023-01-16, without quotation marks");
        }
        date
    }

    pub(crate) fn table(&self) -> Option<Table<'r, 'f>> {
        match self.value {
            DeValue::Table(table) => Some(Table {
                reader: self.reader,
                table,
                start: self.start,
                asked: std::cell::RefCell::new(Vec::new()),
            }),
            _ => self.wrong("a table"),
        }
    }

    /// The items of a list; anything but a list is a problem.
    pub(crate) fn items(&self) -> Vec<At<'r, 'f>> {
        match self.value {
            DeValue::Array(items) => items
                .iter()
                .map(|item| {
                    let span = item.span();
                    At { reader: self.reader, value: item.get_ref(), start: span.start, end: span.end }
                })
                .collect(),
            _ => self.wrong("a list"),
        }
    }

    /// The items of a list, or one value alone.
    pub(crate) fn each(&self) -> Vec<At<'r, 'f>> {
        if matches!(self.value, DeValue::Array(_)) { self.items() } else { vec![*self] }
    }

    /// The texts of a list, or one text alone.
    pub(crate) fn texts(&self) -> Vec<&'r str> {
        if let Some(text) = self.value.as_str() {
            return vec![text];
        }
        self.items().iter().filter_map(At::text).collect()
    }
}

/// The value of a TOML integer.
pub(crate) fn integer(value: &DeValue<'_>) -> Option<i64> {
    let number = value.as_integer()?;
    i64::from_str_radix(number.as_str(), number.radix()).ok()
}
