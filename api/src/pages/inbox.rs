//! The inbox of the demo: the mail it "sent".

use askama::Template;

use super::frame::{Frame, Section};
use super::listing::Filter;
use super::paging::{PageItem, Pages};
use super::{Link, Page};

/// The list of mails.
#[derive(Debug, Clone, Template)]
#[template(path = "inbox.html")]
pub struct Inbox {
    /// What surrounds the page.
    pub frame: Frame,
    /// The kind of mail.
    pub filter: Filter,
    /// The mails, newest first.
    pub mails: Vec<MailRow>,
    /// Which part of the list is shown.
    pub pages: Pages,
    /// When the list was read, in words.
    pub checked_at: String,
}

impl Page for Inbox {
    fn frame(&self) -> &Frame {
        &self.frame
    }

    fn section(&self) -> Option<Section> {
        Some(Section::Inbox)
    }

    fn heading(&self) -> String {
        "Inbox".to_owned()
    }

    fn purpose(&self) -> String {
        "Every e-mail this demonstration would have sent, newest first. Nothing left this machine.".to_owned()
    }
}

/// One mail in the list.
#[derive(Debug, Clone)]
pub struct MailRow {
    /// The page of the mail.
    pub href: String,
    /// The recipient.
    pub to: String,
    /// The subject line.
    pub subject: String,
    /// When it was sent, in words.
    pub sent_at: String,
    /// What kind of mail it is, for example `Breach` or `Daily digest`.
    pub kind: String,
    /// The duties it names, at most a few.
    pub duties: Vec<Link>,
}

impl MailRow {
    /// The address before and from the `@` on, between which a narrow column divides it.
    #[must_use]
    pub fn address(&self) -> (&str, &str) {
        self.to.split_at(self.to.find('@').unwrap_or(self.to.len()))
    }
}

/// One mail.
#[derive(Debug, Clone, Template)]
#[template(path = "mail.html")]
pub struct MailPage {
    /// What surrounds the page.
    pub frame: Frame,
    /// The subject line.
    pub subject: String,
    /// The sender.
    pub from: String,
    /// The recipient.
    pub to: String,
    /// When it was sent, in words.
    pub sent_at: String,
    /// What kind of mail it is.
    pub kind: String,
    /// The duties it names, at most a few.
    pub duties: Vec<Link>,
    /// How many it names beyond those.
    pub more_duties: usize,
    /// The text part, whole.
    pub text: String,
    /// The HTML part in a response of its own, sent with
    /// [`super::assets::MAIL_CONTENT_SECURITY_POLICY`].
    pub html_href: Option<String>,
    /// The headers in order: `Message-ID`, `In-Reply-To`, `Auto-Submitted` and so on.
    pub headers: Vec<(String, String)>,
}

impl Page for MailPage {
    fn frame(&self) -> &Frame {
        &self.frame
    }

    fn section(&self) -> Option<Section> {
        Some(Section::Inbox)
    }

    fn heading(&self) -> String {
        self.subject.clone()
    }

    fn purpose(&self) -> String {
        "One e-mail as it was sent: its text, its headers and the duties it names.".to_owned()
    }

    fn crumbs(&self) -> Vec<Link> {
        vec![Link::new("Inbox", "/inbox")]
    }
}
