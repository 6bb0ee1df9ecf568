//! One message in quarantine: why it waits, and the forms that end its waiting.

use askama::Template;

use super::frame::{Frame, Section};
use super::words::Status;
use super::{Link, Page};

/// One message in quarantine.
#[derive(Debug, Clone, Template)]
#[template(path = "quarantine.html")]
pub struct Quarantined {
    /// What surrounds the page.
    pub frame: Frame,
    /// Its id in quarantine.
    pub id: String,
    /// How it stands, in words.
    pub status: &'static str,
    /// Like which status that is drawn.
    pub like: Status,
    /// Why it is there.
    pub reason: String,
    /// What is told of it: name and value.
    pub facts: Vec<(&'static str, String)>,
    /// What it is about, where a nominal is known.
    pub subject: Option<Link>,
    /// The fields that it needs, each with what it looks like.
    pub needs: Vec<Need>,
    /// Fields that it needs and that are not stated on a page.
    pub elsewhere: Vec<String>,
    /// Where the forms are sent; none where it does not wait or the person may not settle it.
    pub action: Option<String>,
    /// The reason typed into the form of discarding.
    pub typed_reason: String,
}

/// A field that a message needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Need {
    /// Its name.
    pub name: String,
    /// What to type.
    pub hint: String,
    /// What stands there.
    pub value: String,
    /// What is wrong with it.
    pub error: Option<String>,
}

impl Quarantined {
    /// What is wrong with the reason, where something is.
    #[must_use]
    pub fn reason_error(&self) -> Option<&str> {
        self.frame.errors.iter().find(|error| error.field == "reason").map(|error| error.text.as_str())
    }
}

impl Page for Quarantined {
    fn frame(&self) -> &Frame {
        &self.frame
    }

    fn section(&self) -> Option<Section> {
        Some(Section::Reconciliation)
    }

    fn heading(&self) -> String {
        format!("Message {}", self.id)
    }

    fn purpose(&self) -> String {
        "One message that could not be used: why, and what ends its waiting.".to_owned()
    }

    fn crumbs(&self) -> Vec<Link> {
        vec![Link::new("Reconciliation", "/reconciliation"), Link::new("Quarantine", "/quarantine")]
    }
}
