//! What was typed into a form, as the body of its command.

use chrono::{NaiveTime, TimeZone as _};
use mandate_domain::catalogue::{FactType, Shape, SubjectKind};
use mandate_domain::command::{CommandName, Reach};
use mandate_domain::time::{Date, Instant};
use serde_json::{Map, Value, json};

use super::fields::{Ask, Body, INSTEAD, What};
use crate::http::query::Query;
use crate::pages::date_boxes::DateBoxes;

impl Ask {
    /// What was typed as a value of the body, nothing where nothing was.
    ///
    /// # Errors
    /// A sentence that says what to change.
    pub fn read(&self, typed: &Query, now: Instant) -> Result<Option<Value>, String> {
        let text = last(typed, &self.name).replace("\r\n", "\n");
        let text = text.trim();
        let value = match self.what {
            What::Subject(kinds, reach) => {
                let whole = subjects(typed).iter().map(|text| whole_id(text, kinds)).collect::<Vec<_>>();
                match (reach, whole.as_slice()) {
                    (_, []) => None,
                    (Reach::One, [one]) => Some(json!(one)),
                    (Reach::One, _) => return Err(format!("{} is one only.", self.label())),
                    (Reach::Many, several) => Some(json!(several)),
                }
            }
            What::Day => time(typed, now)?.map(|at| json!(at.to_string())),
            // It is read with its day.
            What::TimeOfDay => None,
            What::Personal(_) => (!text.is_empty()).then(|| json!(text)),
            What::Field(spec) => self.value(spec.shape, text, typed)?,
        };
        if value.is_none() && self.required {
            return Err(self.missing());
        }
        Ok(value)
    }

    fn missing(&self) -> String {
        let label = self.label();
        match self.shape() {
            Some(Shape::Bool | Shape::Choice(_) | Shape::Choices(_)) => {
                format!("Choose an answer under “{label}”.")
            }
            _ => format!("Fill in “{label}”."),
        }
    }

    fn value(&self, shape: Shape, text: &str, typed: &Query) -> Result<Option<Value>, String> {
        let lines = || text.lines().map(str::trim).filter(|line| !line.is_empty());
        let label = self.label();
        if text.is_empty()
            && !matches!(shape, Shape::Date | Shape::DateOrNull | Shape::Choices(_) | Shape::Sample)
        {
            return Ok(None);
        }
        Ok(Some(match shape {
            Shape::Id
            | Shape::Text
            | Shape::PublicText
            | Shape::Choice(_)
            | Shape::Instant
            | Shape::Personal => {
                json!(text)
            }
            Shape::Bool => json!(text == "true"),
            Shape::Number(low, high) => match text.parse::<i64>() {
                Ok(number) => json!(number),
                Err(_) => return Err(format!("{label} must be a whole number from {low} to {high}.")),
            },
            Shape::Date | Shape::DateOrNull => {
                return Ok(boxes(typed, &self.name)
                    .read(&label)?
                    .map(|date| json!(Date::from(date).to_string())));
            }
            Shape::Subject(kinds) => json!(whole_id(text, kinds)),
            Shape::Subjects(kinds) => json!(lines().map(|line| whole_id(line, kinds)).collect::<Vec<_>>()),
            Shape::Ids | Shape::Dates => json!(lines().collect::<Vec<_>>()),
            Shape::Choices(_) => {
                let sent: Vec<&str> =
                    typed.pairs().filter(|(name, _)| *name == self.name).map(|(_, value)| value).collect();
                return Ok((!sent.is_empty()).then(|| json!(sent)));
            }
            Shape::EventRef => match text.split_once('#') {
                Some((source, id)) => json!({"source": source, "id": id}),
                None => {
                    return Err(format!(
                        "{label} must be as it stands in the history, for example /ndelius#e1."
                    ));
                }
            },
            Shape::Holidays => {
                let holiday = |line: &str| {
                    let (date, title) = line.split_once(' ').unwrap_or((line, ""));
                    json!({"date": date, "title": title})
                };
                json!(lines().map(holiday).collect::<Vec<_>>())
            }
            Shape::Sample => {
                let part = |part: &str| last(typed, &format!("{}-{part}", self.name)).trim().to_owned();
                match (part("size"), part("passed")) {
                    (size, passed) if size.is_empty() && passed.is_empty() => return Ok(None),
                    (size, passed) => match (size.parse::<u64>(), passed.parse::<u64>()) {
                        (Ok(size), Ok(passed)) => json!({"size": size, "passed": passed}),
                        _ => {
                            return Err(format!("{label} must be two whole numbers, for example 20 and 19."));
                        }
                    },
                }
            }
        }))
    }
}

/// The body of a command as typed, and what is wrong with which field.
#[must_use]
pub fn body(
    asks: &[Ask],
    act: Option<FactType>,
    name: CommandName,
    typed: &Query,
    now: Instant,
) -> (Body, Vec<(String, String)>) {
    let (mut body, mut instead, mut personal, mut errors) = (Map::new(), Map::new(), Map::new(), Vec::new());
    for ask in asks {
        let value = match ask.read(typed, now) {
            Ok(Some(value)) => value,
            Ok(None) => continue,
            Err(error) => {
                errors.push((ask.name.clone(), error));
                continue;
            }
        };
        match ask.what {
            What::Personal(part) => drop(personal.insert(part.to_owned(), value)),
            What::Subject(_, Reach::Many) => drop(body.insert("subjects".to_owned(), value)),
            What::Field(_) if ask.name.starts_with(INSTEAD) => {
                drop(instead.insert(ask.key().to_owned(), value));
            }
            What::Subject(..) | What::Day | What::TimeOfDay | What::Field(_) => {
                drop(body.insert(ask.name.clone(), value));
            }
        }
    }
    if !personal.is_empty() {
        body.insert("personal".to_owned(), personal.into());
    }
    match (name, act) {
        (CommandName::RecordAct, Some(act)) => drop(body.insert("act".to_owned(), json!(act.name()))),
        (CommandName::StateInError, Some(act)) => {
            instead.insert("act".to_owned(), json!(act.name()));
            body.insert("instead".to_owned(), instead.into());
        }
        _ => {}
    }
    (body, errors)
}

/// When it took place, where that was stated: the end of the day where no time of it was, and now where the day is
/// today.
fn time(typed: &Query, now: Instant) -> Result<Option<Instant>, String> {
    let day = boxes(typed, "time").read("The day")?.map(Date::from);
    let text = last(typed, "time-of-day").trim();
    if text.is_empty() {
        return Ok(day.filter(|day| *day != now.london_date()).map(|day| day.end().just_before()));
    }
    let at = NaiveTime::parse_from_str(text, "%H:%M")
        .map_err(|_| "The time of that day must be like 14:05.".to_owned())?;
    let local = day.unwrap_or(now.london_date()).to_chrono().and_time(at);
    let there = chrono_tz::Europe::London.from_local_datetime(&local).earliest();
    let there = there.ok_or("That time is left out where clocks go forward; state another.")?;
    Ok(there.timestamp_nanos_opt().map(Instant::from_nanos))
}

/// The subjects that were typed or ticked, each once, in order.
#[must_use]
pub fn subjects(typed: &Query) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let sent = typed.pairs().filter(|(name, _)| *name == "subject").flat_map(|(_, value)| value.lines());
    for subject in sent.map(str::trim).filter(|text| !text.is_empty()) {
        if !found.iter().any(|known| known == subject) {
            found.push(subject.to_owned());
        }
    }
    found
}

/// An id with its kind, where only one kind is asked for.
fn whole_id(text: &str, kinds: &[SubjectKind]) -> String {
    match kinds {
        [kind] if !text.contains('/') => format!("{kind}/{text}"),
        _ => text.to_owned(),
    }
}

/// What was stated last under a name.
#[must_use]
pub fn last<'t>(typed: &'t Query, name: &str) -> &'t str {
    typed.pairs().filter(|(found, _)| *found == name).last().map_or("", |(_, value)| value)
}

/// Everything stated under a name, one below the other.
#[must_use]
pub fn all_lines(typed: &Query, name: &str) -> String {
    let all: Vec<&str> = typed.pairs().filter(|(found, _)| *found == name).map(|(_, value)| value).collect();
    all.join("\n").replace("\r\n", "\n")
}

/// A date as it was typed, or stated whole.
#[must_use]
pub fn boxes(typed: &Query, name: &str) -> DateBoxes {
    let part = |part: &str| Some(last(typed, &format!("{name}-{part}")));
    if let Ok(date) = Date::parse(last(typed, name)) {
        return DateBoxes::of(date.to_chrono());
    }
    DateBoxes::typed(part("day"), part("month"), part("year"))
}
