//! One row of a register: read into a fact, or told what is wrong with which cell.

use std::collections::BTreeMap;

use chrono::{NaiveTime, TimeZone as _, Utc};
use chrono_tz::Europe::London;
use mandate_domain::catalogue::{Shape, SubjectKind};
use mandate_domain::fact::{Fact, FactError};
use mandate_domain::number;
use mandate_domain::time::{Date, Instant};
use mandate_store::Identifier;
use serde_json::{Map, Value, json};

use super::kinds::{Act, Kind, NUMBERS};
use crate::hmpps::map::Numbers;
use crate::hmpps::message::is_opaque;

/// A cell that is wrong, and what would be right.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("column `{column}`: {reason}")]
pub struct Wrong {
    /// The column.
    pub column: String,
    /// What is wrong, without what stands there where that may be personal.
    pub reason: String,
}

fn wrong(column: &str, reason: impl Into<String>) -> Wrong {
    Wrong { column: column.to_owned(), reason: reason.into() }
}

/// Whom a row is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum About {
    /// A subject by its full id.
    Subject(String),
    /// A nominal by numbers.
    Numbers(Numbers),
}

/// What a row says.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// Whom it is about.
    pub about: About,
    /// When it occurred.
    pub at: Instant,
    /// Who attests it.
    pub by: String,
    /// When it was recorded elsewhere, where the row claims that.
    pub recorded: Option<Instant>,
    act: &'static Act,
    data: Map<String, Value>,
}

impl Row {
    /// Reads a row; `cells` are those that are not empty, by column.
    ///
    /// # Errors
    /// [`Wrong`] naming the column.
    pub fn read(
        kind: &Kind,
        cells: &BTreeMap<&str, &str>,
        by: Option<&str>,
        this_year: i32,
    ) -> Result<Self, Wrong> {
        let words = || kind.acts.iter().map(|act| act.word).collect::<Vec<_>>().join(", ");
        let stated =
            cells.get("act").ok_or_else(|| wrong("act", format!("empty; expected one of {}", words())))?;
        let act = kind.act(stated).ok_or_else(|| wrong("act", format!("expected one of {}", words())))?;
        let about = about(kind, cells, this_year)?;
        let at = instant(cells)?;
        let recorded = cells.get("recorded").map(|cell| recorded(cell, at)).transpose()?;
        let by = cells.get("by").copied().or(by);
        let by = by.ok_or_else(|| wrong("by", "empty; name who attests it here, or all rows' with --by"))?;
        if !is_opaque(by) {
            return Err(wrong("by", "expected an opaque id such as user/u-17, never a number of a person"));
        }
        let mut data = Map::new();
        data.insert("evidence".to_owned(), json!("attested"));
        data.insert("by".to_owned(), json!(by));
        for field in kind.fields {
            let name = field.name();
            let Some(cell) = cells.get(name) else { continue };
            let own = act.kind.own_fields().iter().find(|spec| spec.field == *field);
            let Some(spec) = own else {
                return Err(wrong(name, format!("`{}` takes none; leave it empty", act.word)));
            };
            data.insert(name.to_owned(), value(name, cell, spec.shape)?);
        }
        let personal: Map<String, Value> = kind
            .personal
            .iter()
            .filter(|name| !NUMBERS.contains(name))
            .filter_map(|name| Some(((*name).to_owned(), json!(cells.get(name)?))))
            .collect();
        if !personal.is_empty() {
            data.insert("personal".to_owned(), personal.into());
        }
        Ok(Self { about, at, by: by.to_owned(), recorded, act, data })
    }

    /// The row as a CloudEvent about a subject.
    #[must_use]
    pub fn event(&self, subject: &str, source: &str, id: &str) -> Value {
        let mut event = json!({
            "specversion": "1.0", "id": id, "source": source, "type": self.act.kind.name(), "subject": subject,
            "time": self.at, "data": self.data,
        });
        if let (Some(recorded), Some(event)) = (self.recorded, event.as_object_mut()) {
            event.insert("recordedtime".to_owned(), json!(recorded));
        }
        event
    }

    /// What the row says of a subject, whoever attests it and whenever it was recorded: two rows that say the same are one
    /// fact told twice.
    #[must_use]
    pub fn says(&self, subject: &str) -> Vec<u8> {
        let mut data = self.data.clone();
        data.remove("by");
        json!([self.act.kind.name(), subject, self.at, data]).to_string().into_bytes()
    }

    /// Looks at everything but whom it is about.
    ///
    /// # Errors
    /// [`Wrong`] naming the column.
    pub fn check(&self, kind: &Kind) -> Result<(), Wrong> {
        let subject = match &self.about {
            About::Subject(subject) => subject,
            About::Numbers(_) => "nominal/N-0",
        };
        match Fact::parse(&self.event(subject, super::SOURCE, "row").to_string()) {
            Ok(_) => Ok(()),
            Err(FactError::Json(reason)) => Err(wrong("act", reason)),
            Err(FactError::Field { field, reason }) => {
                let column = field.strip_prefix("data.").unwrap_or(&field);
                let column = match column {
                    "subject" => kind.subject_column(),
                    "recordedtime" => "recorded",
                    other => other,
                };
                let personal = column == "personal";
                Err(wrong(
                    column,
                    if personal { "holds a character that is refused".to_owned() } else { reason },
                ))
            }
        }
    }
}

fn about(kind: &Kind, cells: &BTreeMap<&str, &str>, this_year: i32) -> Result<About, Wrong> {
    let name = kind.subject_column();
    if let Some(stated) = cells.get(name) {
        let kinds = || kind.subjects.iter().map(|kind| format!("{kind}/…")).collect::<Vec<_>>().join(" or ");
        let id = match (SubjectKind::of(stated), kind.subjects) {
            (Some(found), kinds) if kinds.contains(&found) => (*stated).to_owned(),
            (None, [only]) if !stated.contains('/') => format!("{only}/{stated}"),
            _ => return Err(wrong(name, format!("expected an id such as {}", kinds()))),
        };
        if !is_opaque(&id) {
            return Err(wrong(
                name,
                "expected an opaque id; a CRN, NOMS or PNC number has a column of its own",
            ));
        }
        return Ok(About::Subject(id));
    }
    if !kind.is_about_nominals() {
        return Err(wrong(name, "empty; name whom the row is about"));
    }
    let mut numbers = Numbers::new();
    for kind in Identifier::ALL {
        let Some(stated) = cells.get(kind.name()) else { continue };
        let (read, right) = match kind {
            Identifier::Crn => (number::crn(stated), "expected a letter and six digits, such as X777978"),
            Identifier::Noms => {
                (number::noms(stated), "expected a letter, four digits and two letters, such as A8513EA")
            }
            Identifier::Pnc => (
                number::pnc(stated, this_year),
                "expected year, slash, serial and the right check letter, such as 2002/0073319Z",
            ),
            Identifier::VisorRef => (Some((*stated).to_owned()), ""),
        };
        numbers.push((*kind, read.ok_or_else(|| wrong(kind.name(), right))?));
    }
    if numbers.is_empty() {
        return Err(wrong(name, format!("empty; name the nominal here, or one of {}", NUMBERS.join(", "))));
    }
    Ok(About::Numbers(numbers))
}

fn date(name: &str, cell: &str) -> Result<Date, Wrong> {
    let read = Date::parse(cell).ok().or_else(|| {
        let date = chrono::NaiveDate::parse_from_str(cell, "%d/%m/%Y").ok()?;
        Date::parse(&date.format("%Y-%m-%d").to_string()).ok()
    });
    read.ok_or_else(|| wrong(name, format!("`{cell}`: expected a date such as 2026-03-02 or 02/03/2026")))
}

/// The instant of date and time in London; 12:00 where there is no time.
fn instant(cells: &BTreeMap<&str, &str>) -> Result<Instant, Wrong> {
    let stated =
        cells.get("date").ok_or_else(|| wrong("date", "empty; expected a date such as 2026-03-02"))?;
    let date = date("date", stated)?;
    let cell = cells.get("time").copied().unwrap_or("12:00");
    moment(date, "time", cell)
}

/// When a row was recorded elsewhere: a date with or without a time; never before the act itself.
fn recorded(cell: &str, at: Instant) -> Result<Instant, Wrong> {
    let (day, time) = cell.split_once([' ', 'T']).unwrap_or((cell, "12:00"));
    let stated = moment(date("recorded", day)?, "recorded", time.trim())?;
    if stated >= at {
        return Ok(stated);
    }
    // A register that keeps days only says the same day: the act comes first.
    if stated.london_date() == at.london_date() && cell.trim() == day {
        return Ok(at);
    }
    Err(wrong("recorded", format!("`{cell}`: it lies before the act itself")))
}

/// The instant of a time of a London day.
fn moment(date: Date, column: &str, cell: &str) -> Result<Instant, Wrong> {
    let forms = ["%H:%M", "%H:%M:%S"];
    let time = forms.iter().find_map(|form| NaiveTime::parse_from_str(cell, form).ok());
    let time = time.ok_or_else(|| wrong(column, format!("`{cell}`: expected a time such as 14:30")))?;
    let local = London.from_local_datetime(&date.to_chrono().and_time(time)).earliest();
    let at =
        local.ok_or_else(|| wrong(column, format!("`{cell}`: the clock in London skips it on that day")))?;
    Ok(at.with_timezone(&Utc).into())
}

/// How many of a sample passed.
fn sample(name: &str, cell: &str) -> Result<Value, Wrong> {
    let numbers = cell.split_once('/').and_then(|(passed, size)| {
        Some((passed.trim().parse::<u32>().ok()?, size.trim().parse::<u32>().ok()?))
    });
    match numbers {
        Some((passed, size)) if passed <= size => Ok(json!({"size": size, "passed": passed})),
        _ => Err(wrong(name, format!("`{cell}`: expected how many passed of how many, such as 18/20"))),
    }
}

fn value(name: &str, cell: &str, shape: Shape) -> Result<Value, Wrong> {
    Ok(match shape {
        Shape::Bool => match cell.to_ascii_lowercase().as_str() {
            "yes" | "true" | "y" => json!(true),
            "no" | "false" | "n" => json!(false),
            _ => return Err(wrong(name, format!("`{cell}`: expected yes or no"))),
        },
        Shape::Number(low, high) => {
            let read = cell.parse::<i64>().ok().filter(|number| (low..=high).contains(number));
            json!(read.ok_or_else(|| {
                wrong(name, format!("`{cell}`: expected a whole number from {low} to {high}"))
            })?)
        }
        Shape::Date | Shape::DateOrNull => json!(date(name, cell)?),
        Shape::Subjects(_) | Shape::Ids | Shape::Choices(_) | Shape::Dates => {
            json!(cell.split(';').map(str::trim).filter(|item| !item.is_empty()).collect::<Vec<_>>())
        }
        Shape::Sample => return sample(name, cell),
        Shape::Text | Shape::PublicText => json!(cell),
        _ if is_opaque(cell) => json!(cell),
        _ => {
            return Err(wrong(
                name,
                "expected an opaque id; it is too long, or looks like the number of a person",
            ));
        }
    })
}
