//! How a person wants to be told: digest time, quiet hours, kinds of mail, the calendar feed.

use askama::Template;

use super::Page;
use super::frame::Frame;

/// The settings of a person.
#[derive(Debug, Clone, Template)]
#[template(path = "settings.html")]
pub struct Settings {
    /// What surrounds the page.
    pub frame: Frame,
    /// The settings as they stand or as they were typed; none where nobody in particular is signed in.
    pub own: Option<Own>,
    /// When the digest comes for those who have not chosen, for example `07:30`.
    pub usual_digest: Option<String>,
    /// The address of the calendar feed, with a place for the token.
    pub feed: String,
}

/// What a person may choose.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Own {
    /// When the digest comes; empty for the usual time.
    pub digest_at: String,
    /// From when on no mail is sent, and until when; both empty for no quiet hours.
    pub quiet_from: String,
    /// The end of the quiet hours.
    pub quiet_until: String,
    /// The kinds of mail that may be turned off.
    pub mails: Vec<Mail>,
}

/// A kind of mail that may be turned off.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mail {
    /// Its name in the log.
    pub name: &'static str,
    /// What it is.
    pub words: &'static str,
    /// When it comes.
    pub hint: &'static str,
    /// Whether it is sent.
    pub on: bool,
}

impl Settings {
    /// What is wrong with a field, where something is.
    #[must_use]
    pub fn error(&self, field: &str) -> Option<&str> {
        self.frame.errors.iter().find(|error| error.field == field).map(|error| error.text.as_str())
    }
}

impl Page for Settings {
    fn frame(&self) -> &Frame {
        &self.frame
    }

    fn heading(&self) -> String {
        "Settings".to_owned()
    }

    fn purpose(&self) -> String {
        "When and which mails Mandate sends you, and the feed for your calendar.".to_owned()
    }
}
