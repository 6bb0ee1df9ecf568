//! The form of a command, the page on which it is checked before it is given, and what a page offers to do.

use askama::Template;

use super::date_boxes::DateBoxes;
use super::duties::Choice;
use super::frame::{FieldError, Frame};
use super::{Link, Page};

/// The form of one command.
#[derive(Debug, Clone, Template)]
#[template(path = "act.html")]
pub struct ActForm {
    /// What surrounds the page.
    pub frame: Frame,
    /// What the command does, in a few words.
    pub title: String,
    /// The paragraph behind it, with its words.
    pub paragraph: Link,
    /// Where the form is sent.
    pub action: String,
    /// The page from which one came.
    pub back: Option<Link>,
    /// A choice that decides which fields there are, made first.
    pub chooser: Option<Chooser>,
    /// The fields; empty while the choice is still to be made.
    pub fields: Vec<FormField>,
    /// Fields that are rarely needed.
    pub more: Vec<FormField>,
    /// What goes with the form unseen.
    pub hidden: Vec<(String, String)>,
    /// What will happen that one should know beforehand, as a sentence.
    pub notice: Option<String>,
    /// The words of the button.
    pub button: &'static str,
}

impl ActForm {
    /// Whether the rarely needed fields are shown: something stands in one, or is wrong with it.
    #[must_use]
    pub fn more_is_open(&self) -> bool {
        self.more.iter().any(|field| field.error.is_some() || field.input.is_filled())
    }
}

impl Page for ActForm {
    fn frame(&self) -> &Frame {
        &self.frame
    }

    fn heading(&self) -> String {
        self.title.clone()
    }

    fn purpose(&self) -> String {
        "What you state here is recorded in your name, and cannot be taken out of the log again.".to_owned()
    }

    fn crumbs(&self) -> Vec<Link> {
        self.back.iter().cloned().collect()
    }
}

/// A choice made before the form: it is asked by the address.
#[derive(Debug, Clone)]
pub struct Chooser {
    /// The name of the parameter.
    pub name: &'static str,
    /// Its label.
    pub label: &'static str,
    /// What to consider.
    pub hint: &'static str,
    /// What choosing nothing is called, where one may.
    pub nothing: Option<&'static str>,
    /// What there is to choose.
    pub choices: Vec<Choice>,
    /// What is kept of the address.
    pub carried: Vec<(String, String)>,
}

impl Chooser {
    /// What was chosen.
    #[must_use]
    pub fn chosen(&self) -> Option<&Choice> {
        self.choices.iter().find(|choice| choice.chosen)
    }
}

/// One field.
#[derive(Debug, Clone)]
pub struct FormField {
    /// Its name, and its id.
    pub name: String,
    /// Its label; says so where it may be left empty.
    pub label: String,
    /// What to type.
    pub hint: Option<String>,
    /// What is wrong with it.
    pub error: Option<String>,
    /// How it is typed.
    pub input: Input,
}

impl FormField {
    /// The id of what is typed into first, to which an error leads.
    #[must_use]
    pub fn target(&self) -> String {
        match &self.input {
            Input::Line(_) | Input::Lines(..) | Input::Select(_) => self.name.clone(),
            Input::Dates(_) => format!("{}-day", self.name),
            Input::Radios(_) | Input::Ticks(_) => format!("{}-1", self.name),
        }
    }

    /// The error as the summary of the page shows it.
    #[must_use]
    pub fn summary(&self) -> Option<FieldError> {
        Some(FieldError { field: self.target(), text: self.error.clone()? })
    }

    /// The ids of what describes it.
    #[must_use]
    pub fn described_by(&self) -> Option<String> {
        let hint = self.hint.as_ref().map(|_| format!("{}-hint", self.name));
        let error = self.error.as_ref().map(|_| format!("{}-error", self.name));
        let ids: Vec<String> = hint.into_iter().chain(error).collect();
        (!ids.is_empty()).then(|| ids.join(" "))
    }
}

/// How a field is typed.
#[derive(Debug, Clone)]
pub enum Input {
    /// One line.
    Line(String),
    /// Several lines, of which so many are shown.
    Lines(String, u8),
    /// A date in three boxes.
    Dates(DateBoxes),
    /// One of a few.
    Radios(Vec<Choice>),
    /// One of many.
    Select(Vec<Choice>),
    /// Some of a few.
    Ticks(Vec<Choice>),
}

impl Input {
    /// Whether anything stands there.
    #[must_use]
    pub fn is_filled(&self) -> bool {
        match self {
            Self::Line(text) | Self::Lines(text, _) => !text.is_empty(),
            Self::Dates(boxes) => ![&boxes.day, &boxes.month, &boxes.year].iter().all(|text| text.is_empty()),
            Self::Radios(choices) | Self::Select(choices) | Self::Ticks(choices) => {
                choices.iter().any(|choice| choice.chosen && !choice.value.is_empty())
            }
        }
    }
}

/// What was typed, to be looked at once more before it is given.
#[derive(Debug, Clone, Template)]
#[template(path = "act_check.html")]
pub struct ActCheck {
    /// What surrounds the page.
    pub frame: Frame,
    /// What the command does, in a few words.
    pub title: String,
    /// The paragraph behind it, with its words.
    pub paragraph: Link,
    /// Why one is asked again, as a sentence.
    pub warning: String,
    /// Where the form is sent.
    pub action: String,
    /// What was typed: label and value.
    pub answers: Vec<(String, Vec<String>)>,
    /// The same as it is sent again.
    pub hidden: Vec<(String, String)>,
}

impl Page for ActCheck {
    fn frame(&self) -> &Frame {
        &self.frame
    }

    fn heading(&self) -> String {
        "Check before you confirm".to_owned()
    }

    fn purpose(&self) -> String {
        format!("{}: nothing is recorded yet.", self.title)
    }
}

/// What somebody can do about what a page shows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CanDo {
    /// What is likely wanted, as buttons.
    pub first: Vec<Link>,
    /// Everything else.
    pub others: Vec<Link>,
    /// What something stands in the way of: what, and why with what to do first.
    pub in_the_way: Vec<(String, String)>,
    /// Why there is nothing, as a sentence.
    pub nothing: Option<String>,
}

impl CanDo {
    /// Whether there is anything to say.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.first.is_empty()
            && self.others.is_empty()
            && self.in_the_way.is_empty()
            && self.nothing.is_none()
    }

    /// Whether a command of a name is among it.
    #[must_use]
    pub fn offers(&self, command: &str) -> bool {
        let form = format!("/act/{command}");
        let is = |link: &Link| link.href.split('?').next() == Some(form.as_str());
        self.first.iter().chain(&self.others).any(is)
    }
}

/// What somebody can do about a subject that has no page of its own.
#[derive(Debug, Clone, Template)]
#[template(path = "act_offer.html")]
pub struct OfferPage {
    /// What surrounds the page.
    pub frame: Frame,
    /// Of whom or what.
    pub subject: String,
    /// What they can do.
    pub can_do: CanDo,
    /// The page from which one came.
    pub back: Link,
}

impl Page for OfferPage {
    fn frame(&self) -> &Frame {
        &self.frame
    }

    fn heading(&self) -> String {
        self.subject.clone()
    }

    fn purpose(&self) -> String {
        "What you can do about it, and what stands in the way of the rest.".to_owned()
    }

    fn crumbs(&self) -> Vec<Link> {
        vec![self.back.clone()]
    }
}

/// One act for the rows that are ticked.
#[derive(Debug, Clone, Default)]
pub struct Bulk {
    /// What can be done about several at once.
    pub commands: Vec<Choice>,
    /// The page to come back to.
    pub back: String,
}
