//! Compliance as a heat map: area × rule, as a table.

use askama::Template;

use super::frame::{Frame, Section};
use super::listing::{Filter, Tab};
use super::words::Status;
use super::{Link, Page, Reference};

/// A table with more columns is said to scroll sideways.
const WIDE: usize = 8;

/// The heat map.
#[derive(Debug, Clone, Template)]
#[template(path = "compliance.html")]
pub struct Compliance {
    /// What surrounds the page.
    pub frame: Frame,
    /// The paragraphs that ask for it.
    pub paragraphs: Vec<Link>,
    /// The pages beside it.
    pub tabs: Vec<Tab>,
    /// The period, in words.
    pub period: String,
    /// Period and audience.
    pub filter: Filter,
    /// When it was counted, in words.
    pub checked_at: String,
    /// The figures as CSV.
    pub csv_href: String,
    /// The figures as JSON.
    pub json_href: String,
    /// Whether small counts are kept back.
    pub for_a_board: bool,
    /// The areas, the columns; the first is all of them.
    pub areas: Vec<Reference>,
    /// The rules, the rows; the first is all of them.
    pub rows: Vec<HeatRow>,
}

/// A rule.
#[derive(Debug, Clone)]
pub struct HeatRow {
    /// The rule; none for all of them.
    pub rule: Option<Link>,
    /// The duty in words.
    pub sentence: String,
    /// A cell for each area.
    pub cells: Vec<HeatCell>,
}

/// A cell.
#[derive(Debug, Clone)]
pub struct HeatCell {
    /// The rate in words: `92.3 %`, `kept back`, `none due`.
    pub words: String,
    /// So many of so many.
    pub of: Option<String>,
    /// Like which status it is drawn; none where there is no rate.
    pub like: Option<Status>,
    /// The duties that it counts.
    pub href: Option<String>,
    /// What it is of, for those who do not see the table.
    pub about: String,
}

impl Compliance {
    /// Whether there are more columns than fit.
    #[must_use]
    pub fn is_wide(&self) -> bool {
        self.areas.len() > WIDE
    }
}

impl Page for Compliance {
    fn frame(&self) -> &Frame {
        &self.frame
    }

    fn section(&self) -> Option<Section> {
        Some(Section::Compliance)
    }

    fn heading(&self) -> String {
        "Compliance".to_owned()
    }

    fn purpose(&self) -> String {
        "How many of the duties that fell due were met, area by area and rule by rule; a cell leads to its duties."
            .to_owned()
    }
}
