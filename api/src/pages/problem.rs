//! What is shown instead of a page, and what to do next.

use askama::Template;

use super::frame::Frame;
use super::{Link, Page};

/// A page that says why there is no other.
#[derive(Debug, Clone, Template)]
#[template(path = "problem.html")]
pub struct Problem {
    /// What surrounds the page.
    pub frame: Frame,
    /// What went wrong.
    pub kind: ProblemKind,
    /// Why exactly, as whole sentences without personal data; `None` where nothing may be said.
    pub reason: Option<String>,
    /// What to do next, besides what the kind says.
    pub next: Vec<Link>,
    /// A reference by which an administrator finds this in the log.
    pub reference: Option<String>,
}

impl Page for Problem {
    fn frame(&self) -> &Frame {
        &self.frame
    }

    fn heading(&self) -> String {
        self.kind.heading().to_owned()
    }

    fn purpose(&self) -> String {
        self.kind.advice().to_owned()
    }
}

/// The kinds of problem, one for each status a page may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProblemKind {
    /// 400.
    BadRequest,
    /// 403.
    Forbidden,
    /// 404; the same words whether it does not exist or may not be known to exist.
    NotFound,
    /// 409.
    Conflict,
    /// 500.
    Failure,
    /// 503.
    Unavailable,
}

impl ProblemKind {
    /// The status of the response.
    #[must_use]
    pub fn status(self) -> u16 {
        match self {
            Self::BadRequest => 400,
            Self::Forbidden => 403,
            Self::NotFound => 404,
            Self::Conflict => 409,
            Self::Failure => 500,
            Self::Unavailable => 503,
        }
    }

    /// What went wrong, as a heading.
    #[must_use]
    pub fn heading(self) -> &'static str {
        match self {
            Self::BadRequest => "This request cannot be understood",
            Self::Forbidden => "You may not see this page",
            Self::NotFound => "Page not found",
            Self::Conflict => "Someone else has changed this meanwhile",
            Self::Failure => "Something went wrong here",
            Self::Unavailable => "Mandate cannot do this now",
        }
    }

    /// What to do next, as a sentence or two.
    #[must_use]
    pub fn advice(self) -> &'static str {
        match self {
            Self::BadRequest => "Nothing was changed. Go back, correct what is named below and try again.",
            Self::Forbidden => {
                "Your rights come from your vetting, training, account and tokens as they are recorded now. Ask your CPC if you think this is wrong."
            }
            Self::NotFound => {
                "Check the address or the reference. If you typed a reference, it looks like D-3F2A81C0 or N-7F3K29QX."
            }
            Self::Conflict => {
                "Nothing was changed. Open the page again to see what it says now, then decide."
            }
            Self::Failure => {
                "Nothing was changed. Try again in a minute. If it happens again, give your administrator the reference below."
            }
            Self::Unavailable => {
                "Nothing was changed. What you see elsewhere is still right. Try again in a few minutes."
            }
        }
    }
}
