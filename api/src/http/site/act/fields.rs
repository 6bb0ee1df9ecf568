//! The fields of a command's form, made from the typed list, and what was typed into them as the body of the command.

use mandate_domain::catalogue::{FactType, Field, FieldSpec, PERSONAL, Presence, Shape, SubjectKind};
use mandate_domain::command::{CommandName, EVERY, Reach};
use serde_json::{Map, Value};

use super::typed::{all_lines, boxes, last, subjects};
use super::words::{hint, label, word};
use crate::http::query::Query;
use crate::pages::act::{FormField, Input};
use crate::pages::duties::Choice;

/// Before the names of the fields of what is stated instead.
pub const INSTEAD: &str = "instead-";
/// Up to so many words stand below one another; more are chosen from a list.
const FEW: usize = 7;
/// A number of up to so many values is chosen.
const FEW_NUMBERS: i64 = 6;

/// One thing that a form asks for.
#[derive(Debug, Clone)]
pub struct Ask {
    /// Its name in the form.
    pub name: String,
    /// What is asked.
    pub what: What,
    /// Whether it must be answered.
    pub required: bool,
    /// Whether it stands among what is rarely needed.
    pub rare: bool,
}

/// What is asked.
#[derive(Debug, Clone, Copy)]
pub enum What {
    /// Of whom or what the command is.
    Subject(&'static [SubjectKind], Reach),
    /// On which day it took place.
    Day,
    /// At what time of that day.
    TimeOfDay,
    /// A field of the command, or of the fact that is attested.
    Field(&'static FieldSpec),
    /// One of the personal fields.
    Personal(&'static str),
}

/// What a form was filled in with.
pub type Body = Map<String, Value>;

/// What a command's form asks for, `act` being the fact that it attests or states instead.
#[must_use]
pub fn asks(name: CommandName, act: Option<FactType>) -> Vec<Ask> {
    let spec = name.spec();
    let mut asks = vec![ask("subject", What::Subject(spec.subjects, spec.reach), true, false)];
    let own = spec.fields.iter().filter(|field| field.field != Field::Act);
    asks.extend(own.flat_map(|field| of_field("", field)));
    let prefix = if name == CommandName::StateInError { INSTEAD } else { "" };
    let of_act = act.map(FactType::own_fields).unwrap_or_default();
    asks.extend(of_act.iter().flat_map(|field| of_field(prefix, field)));
    asks.push(ask("time", What::Day, false, true));
    asks.push(ask("time-of-day", What::TimeOfDay, false, true));
    for field in EVERY {
        let there = asks.iter().any(|known| known.name == field.field.name());
        if !there {
            asks.extend(of_field("", field).into_iter().map(|ask| Ask { rare: true, ..ask }));
        }
    }
    asks.retain(|ask| !matches!(ask.what, What::Personal(part) if !personal(spec.subjects).contains(&part)));
    asks
}

fn ask(name: &str, what: What, required: bool, rare: bool) -> Ask {
    Ask { name: name.to_owned(), what, required, rare }
}

/// The personal fields of whom a command is about: a user has no number of an offender.
#[must_use]
pub fn personal(kinds: &[SubjectKind]) -> &'static [&'static str] {
    match kinds {
        [SubjectKind::User] => &["name", "email", "phone"],
        _ => PERSONAL,
    }
}

fn of_field(prefix: &str, field: &'static FieldSpec) -> Vec<Ask> {
    let name = format!("{prefix}{}", field.field.name());
    if field.shape == Shape::Personal {
        let one = |part: &'static str| ask(&format!("{name}-{part}"), What::Personal(part), false, false);
        return PERSONAL.iter().map(|part| one(part)).collect();
    }
    vec![ask(&name, What::Field(field), field.required == Presence::Required, false)]
}

impl Ask {
    /// The names under which it is sent.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        let parts: &[&str] = match self.shape() {
            Some(Shape::Date | Shape::DateOrNull) => &["-day", "-month", "-year"],
            Some(Shape::Sample) => &["-size", "-passed"],
            _ => &[""],
        };
        parts.iter().map(|part| format!("{}{part}", self.name)).collect()
    }

    /// The shape of its value, where it has one in the catalogue.
    #[must_use]
    pub fn shape(&self) -> Option<Shape> {
        match self.what {
            What::Field(spec) => Some(spec.shape),
            What::Day => Some(Shape::Date),
            What::Subject(..) | What::TimeOfDay | What::Personal(_) => None,
        }
    }

    /// What it is called.
    #[must_use]
    pub fn label(&self) -> String {
        match self.what {
            What::Subject(kinds, reach) => super::words::subject(kinds, reach),
            What::Day => "The day on which it took place".to_owned(),
            What::TimeOfDay => "The time of that day".to_owned(),
            What::Field(spec) if self.name.starts_with(INSTEAD) => {
                format!("Stated instead: {}", lower_first(&label(spec.field)))
            }
            What::Field(spec) => label(spec.field),
            What::Personal(part) => super::words::personal(part),
        }
    }

    /// Whether what is typed is sealed: it never stands in an address.
    #[must_use]
    pub fn is_sealed(&self) -> bool {
        match self.what {
            What::Personal(_) => true,
            What::Field(spec) => matches!(spec.shape, Shape::Text | Shape::Personal),
            What::Subject(..) | What::Day | What::TimeOfDay => false,
        }
    }

    /// Its name in the body of the command.
    #[must_use]
    pub fn key(&self) -> &str {
        self.name.strip_prefix(INSTEAD).unwrap_or(&self.name)
    }

    /// The field as it is shown.
    #[must_use]
    pub fn shown(&self, typed: &Query, error: Option<&str>) -> Vec<FormField> {
        let optional = if self.required || self.rare { "" } else { " (optional)" };
        let field = |input: Input| FormField {
            name: self.name.clone(),
            label: format!("{}{optional}", self.label()),
            hint: self.hint(),
            error: error.map(str::to_owned),
            input,
        };
        let line = || Input::Line(last(typed, &self.name).to_owned());
        let lines = |rows| Input::Lines(last(typed, &self.name).replace("\r\n", "\n"), rows);
        let input = match self.what {
            What::Subject(_, Reach::One) | What::TimeOfDay | What::Personal(_) => line(),
            What::Subject(_, Reach::Many) => Input::Lines(subjects(typed).join("\n"), 3),
            What::Day => Input::Dates(boxes(typed, &self.name)),
            What::Field(spec) => match spec.shape {
                Shape::PublicText => lines(12),
                Shape::Text => lines(4),
                Shape::Subjects(_) | Shape::Ids | Shape::Holidays | Shape::Dates => {
                    Input::Lines(all_lines(typed, &self.name), 4)
                }
                Shape::Date | Shape::DateOrNull => Input::Dates(boxes(typed, &self.name)),
                Shape::Bool => {
                    let mut words =
                        vec![("true".to_owned(), "Yes".to_owned()), ("false".to_owned(), "No".to_owned())];
                    if !self.required {
                        words.push((String::new(), "Not stated".to_owned()));
                    }
                    Input::Radios(self.choices(typed, words))
                }
                Shape::Number(low, high) if high - low < FEW_NUMBERS => {
                    let numbers = (low..=high).map(|number| (number.to_string(), number.to_string()));
                    Input::Radios(self.choices(typed, self.or_not_stated(numbers)))
                }
                Shape::Number(..)
                | Shape::Id
                | Shape::Subject(_)
                | Shape::EventRef
                | Shape::Instant
                | Shape::Personal => line(),
                Shape::Choice(words) if words.len() <= FEW => {
                    Input::Radios(self.choices(typed, self.or_not_stated(worded(words))))
                }
                Shape::Choice(words) => {
                    let none =
                        (String::new(), if self.required { "Choose one" } else { "Not stated" }.to_owned());
                    let all = std::iter::once(none).chain(worded(words)).collect();
                    Input::Select(self.choices(typed, all))
                }
                Shape::Choices(words) => Input::Ticks(self.choices(typed, worded(words).collect())),
                Shape::Sample => return self.sample(typed, error, optional),
            },
        };
        vec![field(input)]
    }

    fn or_not_stated(&self, words: impl Iterator<Item = (String, String)>) -> Vec<(String, String)> {
        let none = (!self.required).then(|| (String::new(), "Not stated".to_owned()));
        words.chain(none).collect()
    }

    fn choices(&self, typed: &Query, words: Vec<(String, String)>) -> Vec<Choice> {
        let sent: Vec<&str> =
            typed.pairs().filter(|(name, _)| *name == self.name).map(|(_, value)| value).collect();
        let choice = |(value, text): (String, String)| {
            let nothing_sent = value.is_empty() && sent.is_empty();
            Choice { chosen: nothing_sent || sent.contains(&value.as_str()), value, text }
        };
        words.into_iter().map(choice).collect()
    }

    /// The two numbers of a sample.
    fn sample(&self, typed: &Query, error: Option<&str>, optional: &str) -> Vec<FormField> {
        let one = |part: &str, text: &str, error: Option<String>| {
            let name = format!("{}-{part}", self.name);
            let input = Input::Line(last(typed, &name).to_owned());
            FormField { name, label: format!("{text}{optional}"), hint: None, error, input }
        };
        vec![
            one("size", "Cases looked at", error.map(str::to_owned)),
            one("passed", "Of these, cases that passed", None),
        ]
    }

    /// What to type, where that is not plain.
    fn hint(&self) -> Option<String> {
        let ids = |kinds: &[SubjectKind]| {
            let ids: Vec<String> = kinds.iter().map(|kind| super::words::example(*kind)).collect();
            format!("For example {}.", ids.join(" or "))
        };
        match self.what {
            What::Subject(kinds, Reach::One) => Some(ids(kinds)),
            What::Subject(kinds, Reach::Many) => Some(format!("{} One on each line.", ids(kinds))),
            What::Day => Some("Leave it empty if it is happening now.".to_owned()),
            What::TimeOfDay => Some(
                "London time, for example 14:05. Without it, the end of that day is recorded.".to_owned(),
            ),
            What::Personal(_) => None,
            What::Field(spec) => {
                let own = hint(spec.field).map(str::to_owned);
                own.or_else(|| match spec.shape {
                    Shape::Subject(kinds) => Some(ids(kinds)),
                    Shape::Subjects(kinds) => Some(format!("{} One on each line.", ids(kinds))),
                    Shape::Ids | Shape::Dates | Shape::Holidays => Some("One on each line.".to_owned()),
                    Shape::Number(low, high) if high - low >= FEW_NUMBERS => {
                        Some(format!("A whole number from {low} to {high}."))
                    }
                    Shape::Date | Shape::DateOrNull => Some("For example 6 3 2026.".to_owned()),
                    Shape::Text => Some("Without any name, number or offence. It is kept sealed.".to_owned()),
                    Shape::EventRef => {
                        Some("As it stands in the history, for example /ndelius#e1.".to_owned())
                    }
                    _ => None,
                })
            }
        }
    }

    /// What was typed, as it is read once more.
    #[must_use]
    pub fn answer(&self, typed: &Query) -> Option<(String, Vec<String>)> {
        let text = last(typed, &self.name).replace("\r\n", "\n");
        let lines: Vec<String> = match (self.what, self.shape()) {
            (What::Subject(..), _) => subjects(typed),
            (What::Day, _) | (_, Some(Shape::Date | Shape::DateOrNull)) => {
                let date = boxes(typed, &self.name).read("").ok().flatten();
                date.map(crate::pages::words::long_date).into_iter().collect()
            }
            (_, Some(Shape::Bool)) => {
                let said = match text.as_str() {
                    "true" => "Yes",
                    "false" => "No",
                    _ => "",
                };
                vec![said.to_owned()]
            }
            (_, Some(Shape::Choice(_) | Shape::Choices(_))) => {
                typed.pairs().filter(|(name, _)| *name == self.name).map(|(_, value)| word(value)).collect()
            }
            (_, Some(Shape::Sample)) => {
                let part = |part: &str| last(typed, &format!("{}-{part}", self.name)).to_owned();
                vec![
                    format!("{} of {}", part("passed"), part("size"))
                        .trim_matches([' ', 'o', 'f'])
                        .to_owned(),
                ]
            }
            _ => text.lines().map(str::to_owned).collect(),
        };
        let lines: Vec<String> = lines.into_iter().filter(|line| !line.is_empty()).collect();
        (!lines.is_empty()).then(|| (self.label(), lines))
    }
}

fn worded(words: &'static [&'static str]) -> impl Iterator<Item = (String, String)> {
    words.iter().map(|value| ((*value).to_owned(), word(value)))
}

/// The text, as it stands within a sentence.
fn lower_first(text: &str) -> String {
    let mut chars = text.chars();
    match (chars.next(), text.chars().nth(1)) {
        // An abbreviation keeps its capitals.
        (Some(first), Some(second)) if !second.is_uppercase() => {
            first.to_lowercase().collect::<String>() + chars.as_str()
        }
        _ => text.to_owned(),
    }
}
