//! Rule files, read as they stand: one TOML table for each version.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use toml::{Table, Value};

use crate::Unread;
use crate::facts::Fact;
use crate::state::State;
use crate::time::date;

/// Every rule, in table order.
#[derive(Debug, Clone)]
pub struct Rules(Vec<Rule>);

/// One rule.
#[derive(Debug, Clone)]
pub(crate) struct Rule {
    pub id: String,
    pub basis: String,
    pub versions: Vec<Version>,
}

/// A version of a rule.
#[derive(Debug, Clone)]
pub(crate) struct Version {
    /// From 1.
    pub number: u16,
    table: Table,
}

/// A type of fact with conditions.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Entry<'r>(&'r Table);

/// Fields that name the act itself.
const ACTS: [&str; 8] = ["meeting", "assessment", "request", "contact", "report", "review", "item", "spell"];

/// Roles that may waive where the rule does not say.
const MAY_WAIVE: [&str; 4] =
    ["cpc", "central-support", "head-of-public-protection", "chief-responsible-officer"];

/// Before each file in the text of an adopted policy stands this and the file's name.
const FILE_MARK: &str = "#= file: ";

impl Rules {
    /// Reads the rule files of a policy, by name; other files are passed over.
    ///
    /// # Errors
    /// [`Unread`] naming the file.
    pub fn read(files: &BTreeMap<String, String>) -> Result<Self, Unread> {
        let mut rules = Vec::new();
        let numbered = |name: &str| name.starts_with(|first: char| first.is_ascii_digit());
        let is_toml = |name: &str| std::path::Path::new(name).extension().is_some_and(|end| end == "toml");
        for (name, text) in files.iter().filter(|(name, _)| numbered(name) && is_toml(name)) {
            let file: Table = text.parse().map_err(|error| Unread(format!("{name}: {error}")))?;
            let word = |key: &str| file.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
            let mut tables: Vec<Table> = tables(&file, "versions").cloned().collect();
            tables.sort_by_key(|table| table.get("effective_from").map(ToString::to_string));
            let versions = tables.into_iter().zip(1..).map(|(table, number)| Version { number, table });
            rules.push(Rule { id: word("id"), basis: word("basis"), versions: versions.collect() });
        }
        rules.sort_by_key(|rule| place(&rule.id));
        Ok(Self(rules))
    }

    /// Reads the text of an adopted policy.
    pub(crate) fn adopted(text: &str) -> Result<Self, Unread> {
        let mut files = BTreeMap::new();
        for file in text.split(FILE_MARK).skip(1) {
            let (name, body) = file.split_once('\n').unwrap_or((file, ""));
            files.insert(name.trim_end().to_owned(), body.to_owned());
        }
        Self::read(&files)
    }

    /// The versions about a subject's kind, in table order.
    pub(crate) fn about(&self, subject: &str) -> Vec<(&Rule, &Version)> {
        let kind = subject.split('/').next().unwrap_or_default();
        let versions =
            self.0.iter().flat_map(|rule| rule.versions.iter().map(move |version| (rule, version)));
        versions.filter(|(_, version)| version.words("subject").contains(&kind)).collect()
    }
}

/// Numbers by value, words after them.
fn place(id: &str) -> Vec<(u64, String)> {
    id.split('.').map(|part| (part.parse().unwrap_or(u64::MAX), part.to_owned())).collect()
}

/// The tables of a list.
fn tables<'t>(table: &'t Table, key: &str) -> impl Iterator<Item = &'t Table> {
    table.get(key).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_table)
}

/// The words of a key, which holds one or several.
fn words<'t>(table: &'t Table, key: &str) -> Vec<&'t str> {
    match table.get(key) {
        Some(Value::Array(all)) => all.iter().filter_map(Value::as_str).collect(),
        Some(Value::String(one)) => vec![one],
        _ => Vec::new(),
    }
}

/// The fields that conditions ask, a programme left out.
fn asked<'t>(table: &'t Table, conditions: &[&str]) -> Vec<&'t str> {
    let tests = conditions.iter().filter_map(|key| table.get(*key).and_then(Value::as_table));
    tests.flat_map(Table::keys).map(String::as_str).filter(|field| *field != "programme").collect()
}

impl Version {
    pub fn governs(&self, day: NaiveDate) -> bool {
        let limit = |key: &str| self.table.get(key).and_then(|value| date(&value.to_string()).ok());
        limit("effective_from").is_some_and(|from| from <= day)
            && limit("effective_to").is_none_or(|to| day <= to)
    }

    pub fn entries(&self, list: &str) -> impl Iterator<Item = Entry<'_>> {
        tables(&self.table, list).map(Entry)
    }

    pub fn word(&self, key: &str) -> &str {
        self.table.get(key).and_then(Value::as_str).unwrap_or_default()
    }

    pub fn flag(&self, key: &str) -> bool {
        self.table.get(key).and_then(Value::as_bool).unwrap_or(false)
    }

    pub fn words(&self, key: &str) -> Vec<&str> {
        words(&self.table, key)
    }

    pub fn has(&self, key: &str) -> bool {
        self.table.contains_key(key)
    }

    /// A number of a table, such as the days of `due`.
    pub fn number(&self, table: &str, key: &str) -> Option<u64> {
        self.table.get(table)?.get(key)?.as_integer()?.try_into().ok()
    }

    pub fn form(&self) -> &str {
        match self.word("form") {
            "on" if self.word("due") == "prior" => "prior",
            form => form,
        }
    }

    /// Whether a condition of the version holds of a state; one that is not stated does.
    pub fn holds(&self, condition: &str, state: &State) -> bool {
        self.table.get(condition).and_then(Value::as_table).is_none_or(|tests| holds(tests, state))
    }

    /// The date of the state that the deadline follows.
    pub fn followed(&self) -> Option<&str> {
        let due = self.table.get("due")?;
        due.get("before").or_else(|| due.get("on"))?.as_str()
    }

    /// The fields of the state on which an opening rests.
    pub fn asked(&self) -> Vec<&str> {
        asked(&self.table, &["while", "if", "was"])
    }

    /// The programme that the version's own `if` asks for.
    pub fn programme(&self) -> Option<&str> {
        self.table.get("if")?.get("programme")?.as_str()
    }

    /// The values that must be equal; none where one is absent, or none is asked.
    pub fn key(&self, fact: &Fact) -> Option<Vec<String>> {
        let fields = self.words("match");
        let key: Option<Vec<String>> = fields.iter().map(|field| fact.get(field)).collect();
        key.filter(|_| !fields.is_empty())
    }

    pub fn names_the_act(&self) -> bool {
        self.words("match").iter().any(|field| ACTS.contains(field))
    }

    /// Whether a type that ends also opens.
    pub fn is_chain(&self) -> bool {
        self.entries("done").any(|done| self.entries("on").any(|on| on.word("type") == done.word("type")))
    }

    /// Whether the version, or the entry that opened, asked for a live record.
    pub fn asks_live_record(&self, entry: Option<Entry<'_>>) -> bool {
        let tables = [Some(&self.table), entry.map(|entry| entry.0)];
        let asked = |table: &Table| table.get("if")?.get("record")?.as_str().map(|word| word == "live");
        tables.into_iter().flatten().any(|table| asked(table).unwrap_or(false))
    }

    pub fn may_waive(&self, role: &str) -> bool {
        if self.has("waive") { self.words("waive").contains(&role) } else { MAY_WAIVE.contains(&role) }
    }
}

impl<'r> Entry<'r> {
    pub fn word(self, key: &str) -> Option<&'r str> {
        self.0.get(key).and_then(Value::as_str)
    }

    pub fn words(self, key: &str) -> Vec<&'r str> {
        words(self.0, key)
    }

    pub fn flag(self, key: &str) -> bool {
        self.0.get(key).and_then(Value::as_bool).unwrap_or(false)
    }

    pub fn asked(self) -> Vec<&'r str> {
        asked(self.0, &["if", "was"])
    }

    pub fn programme(self) -> Option<&'r str> {
        self.0.get("if")?.get("programme")?.as_str()
    }

    pub fn holds(self, condition: &str, state: &State) -> bool {
        self.0.get(condition).and_then(Value::as_table).is_none_or(|tests| holds(tests, state))
    }

    /// Whether a date of a fact does not lie before a day, where one is asked.
    pub fn is_dated(self, key: &str, fact: &Fact, day: NaiveDate) -> bool {
        self.word(key).is_none_or(|field| fact.date(field).is_some_and(|date| date >= day))
    }

    /// Whether a transfer from a prison is as `where` asks.
    pub fn takes_transfer(self, prison: &str) -> bool {
        let Some(tests) = self.0.get("where").and_then(Value::as_table) else { return true };
        tests.iter().all(|(field, test)| match field.as_str() {
            "reason" => fits(test, "transfer"),
            "prison" => fits(test, prison),
            _ => false,
        })
    }

    /// Whether the data of a fact are as `where` asks; `reason` is the word in force for that of a reception.
    pub fn takes(self, fact: &Fact, reason: Option<&str>) -> bool {
        let Some(tests) = self.0.get("where").and_then(Value::as_table) else { return true };
        tests.iter().all(|(field, test)| {
            let held = fact.list(field);
            if !held.is_empty() {
                let asked = words(tests, field);
                let has = |word: &&str| held.iter().any(|own| own == word);
                return if field == "sections" { asked.iter().all(has) } else { asked.iter().any(has) };
            }
            let own = match reason {
                Some(word) if field == "reason" => Some(word.to_owned()),
                _ => fact.get(field),
            };
            match test.as_str() {
                Some("known") => own.is_some(),
                Some("unknown") => own.is_none(),
                _ => own.is_some_and(|own| fits(test, &own)),
            }
        })
    }
}

fn holds(tests: &Table, state: &State) -> bool {
    tests.iter().filter(|(field, _)| *field != "programme").all(|(field, test)| {
        let own = state.get(field);
        match test.as_str() {
            Some("known") => !own.is_empty(),
            Some("unknown") => own.is_empty(),
            _ if field == "tokens" => own.split(' ').any(|token| fits(test, token)),
            _ => fits(test, own),
        }
    })
}

fn fits(test: &Value, own: &str) -> bool {
    match test {
        Value::String(word) => match word.strip_suffix('*') {
            Some(start) => own.starts_with(start),
            None => word == own,
        },
        Value::Integer(number) => number.to_string() == own,
        Value::Boolean(flag) => flag.to_string() == own,
        Value::Datetime(day) => day.to_string() == own,
        Value::Array(any) => any.iter().any(|one| fits(one, own)),
        Value::Table(range) => own.parse::<i64>().is_ok_and(|own| {
            let bound = |key: &str| range.get(key).and_then(Value::as_integer);
            bound("min").is_none_or(|low| low <= own) && bound("max").is_none_or(|high| own <= high)
        }),
        Value::Float(_) => false,
    }
}
