//! Help and the accessibility statement.

use askama::Template;

use super::Page;
use super::frame::Frame;

/// Help: what Mandate is, its pages and its words.
#[derive(Debug, Clone, Template)]
#[template(path = "help.html")]
pub struct Help {
    /// What surrounds the page.
    pub frame: Frame,
    /// Whom to ask, for example an address set by the administrator.
    pub contact: Option<String>,
}

impl Page for Help {
    fn frame(&self) -> &Frame {
        &self.frame
    }

    fn heading(&self) -> String {
        "Help".to_owned()
    }

    fn purpose(&self) -> String {
        "What Mandate does, what its words mean, and how to find things.".to_owned()
    }
}

/// The accessibility statement.
#[derive(Debug, Clone, Template)]
#[template(path = "accessibility.html")]
pub struct Accessibility {
    /// What surrounds the page.
    pub frame: Frame,
    /// Whom to tell of a problem.
    pub contact: Option<String>,
}

impl Page for Accessibility {
    fn frame(&self) -> &Frame {
        &self.frame
    }

    fn heading(&self) -> String {
        "Accessibility statement".to_owned()
    }

    fn purpose(&self) -> String {
        "How accessible Mandate is, how that is tested, and what to do if something keeps you out.".to_owned()
    }
}
