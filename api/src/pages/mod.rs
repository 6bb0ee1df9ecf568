//! The pages: plain view structs, the templates that show them, the assets, and a lint for the result.
//!
//! A handler fills one view struct and calls [`Page::html`]. View structs know nothing of other
//! crates: they hold text as it will be read (dates in words, opaque references, whole addresses),
//! numbers, and small enums whose words live in [`words`]. Templates escape everything they are
//! given and decide nothing about the policy.
//!
//! Every page has one `h1`, its heading, which is also the start of its title, and one line that
//! says what the page is for; both are methods of [`Page`], so `layout.html` cannot forget them.

pub mod about;
pub mod act;
pub mod assets;
pub mod compliance;
pub mod date_boxes;
pub mod duties;
pub mod duty;
pub mod frame;
pub mod inbox;
pub mod listing;
pub mod nominal;
pub mod open_record;
pub mod paging;
pub mod problem;
pub mod quarantine;
pub mod report;
pub mod row;
pub mod rule;
pub mod settings;
pub mod sign_in;
pub mod words;
pub mod work;

#[cfg(test)]
mod fitness;
#[cfg(test)]
pub(crate) mod lint;
#[cfg(test)]
pub(crate) mod samples;

use frame::{Frame, Section};

/// The name of the service, as in the header and in every title.
pub const SERVICE_NAME: &str = "Mandate";

/// A page that could not be rendered.
#[derive(Debug, thiserror::Error)]
#[error("page `{heading}`: {source}")]
pub struct RenderError {
    heading: String,
    source: askama::Error,
}

/// What every page has in common.
pub trait Page: askama::Template {
    /// What surrounds the page: who is signed in, the moment shown, banners.
    fn frame(&self) -> &Frame;

    /// The entry of the navigation under which the page stands, if any.
    fn section(&self) -> Option<Section> {
        None
    }

    /// The one `h1` of the page, and the start of its title.
    fn heading(&self) -> String;

    /// One line that says what the page is for.
    fn purpose(&self) -> String;

    /// The pages above this one, outermost first; empty where the navigation says enough.
    fn crumbs(&self) -> Vec<Link> {
        Vec::new()
    }

    /// The title of the document; says so first if the page reports an error in a form.
    fn title(&self) -> String {
        let error = if self.frame().errors.is_empty() { "" } else { "Error: " };
        format!("{error}{} – {SERVICE_NAME}", self.heading())
    }

    /// Renders the whole document.
    ///
    /// # Errors
    /// [`RenderError`] if the template fails, which only an out-of-memory writer can cause.
    fn html(&self) -> Result<String, RenderError> {
        self.render().map_err(|source| RenderError { heading: self.heading(), source })
    }
}

/// A link with its words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// What the link says; enough to be understood out of context.
    pub text: String,
    /// Where it goes, complete with `asAt` and `knownAt` where the page shows a past moment.
    pub href: String,
}

impl Link {
    /// A link with these words to this address.
    pub fn new(text: impl Into<String>, href: impl Into<String>) -> Self {
        Self { text: text.into(), href: href.into() }
    }
}

/// A reference to something that may or may not have a page the reader can open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// The opaque reference, for example `N-7F3K29QX`, `area/A07` or `/ndelius#e1`.
    pub text: String,
    /// Its page, if there is one and the reader may see it.
    pub href: Option<String>,
}

impl Reference {
    /// A reference with a page.
    pub fn linked(text: impl Into<String>, href: impl Into<String>) -> Self {
        Self { text: text.into(), href: Some(href.into()) }
    }

    /// A reference without a page.
    pub fn plain(text: impl Into<String>) -> Self {
        Self { text: text.into(), href: None }
    }
}
