//! A list of a register: filters, tables whose columns sort, the pages beside it, CSV.

use askama::Template;

use super::date_boxes::DateBoxes;
use super::duties::{Chip, Choice, Count, Order, Sort};
use super::frame::{Frame, Section};
use super::paging::{PageItem, Pages};
use super::words::Status;
use super::{Link, Page};

/// A page with one table or several.
#[derive(Debug, Clone, Template)]
#[template(path = "listing.html")]
pub struct Listing {
    /// What surrounds the page.
    pub frame: Frame,
    /// The entry of the navigation under which it stands.
    pub section: Section,
    /// Its heading.
    pub heading: String,
    /// What it is for, as a sentence.
    pub purpose: String,
    /// The paragraphs that ask for it.
    pub paragraphs: Vec<Link>,
    /// The pages above it.
    pub crumbs: Vec<Link>,
    /// The pages beside it, this one among them.
    pub tabs: Vec<Tab>,
    /// What the list is chosen by.
    pub filter: Option<Filter>,
    /// Sums over the whole list.
    pub counts: Vec<Count>,
    /// When it was read, in words.
    pub checked_at: String,
    /// The list as CSV.
    pub csv_href: Option<String>,
    /// The list as JSON.
    pub json_href: Option<String>,
    /// What is done beside the list rather than about one of its rows.
    pub actions: Vec<Link>,
    /// The tables.
    pub tables: Vec<Table>,
}

impl Page for Listing {
    fn frame(&self) -> &Frame {
        &self.frame
    }

    fn section(&self) -> Option<Section> {
        Some(self.section)
    }

    fn heading(&self) -> String {
        self.heading.clone()
    }

    fn purpose(&self) -> String {
        self.purpose.clone()
    }

    fn crumbs(&self) -> Vec<Link> {
        self.crumbs.clone()
    }
}

/// A page beside this one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tab {
    /// What it is called.
    pub text: String,
    /// Where it is.
    pub href: String,
    /// Whether it is this one.
    pub current: bool,
}

/// What a list is chosen by.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Where the form is sent.
    pub action: String,
    /// Whether the form stands open, because nothing is shown without it.
    pub open: bool,
    /// Parameters that the form must not lose.
    pub carried: Vec<(String, String)>,
    /// The fields to choose from.
    pub choices: Vec<Choose>,
    /// The fields to type into.
    pub texts: Vec<Text>,
    /// The dates.
    pub dates: Vec<Dates>,
    /// Filters in force.
    pub chips: Vec<Chip>,
    /// The list without them.
    pub clear_href: String,
}

impl Filter {
    /// Whether a date is wrong, or the form is needed, so that it is shown open.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.open || self.dates.iter().any(|dates| dates.boxes.error.is_some())
    }
}

/// A field with values to choose from.
#[derive(Debug, Clone)]
pub struct Choose {
    /// Its name in the address.
    pub name: &'static str,
    /// Its label.
    pub label: &'static str,
    /// What choosing nothing is called.
    pub any: &'static str,
    /// The values.
    pub choices: Vec<Choice>,
}

/// A field to type into.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text {
    /// Its name in the address.
    pub name: &'static str,
    /// Its label.
    pub label: &'static str,
    /// What to type.
    pub hint: &'static str,
    /// What stands in it.
    pub value: String,
}

/// A date in three boxes.
#[derive(Debug, Clone)]
pub struct Dates {
    /// Its name in the address.
    pub name: &'static str,
    /// Its legend.
    pub legend: &'static str,
    /// What to type.
    pub hint: &'static str,
    /// What stands in the boxes.
    pub boxes: DateBoxes,
}

/// A table.
#[derive(Debug, Clone, Default)]
pub struct Table {
    /// Its id.
    pub id: &'static str,
    /// Its heading, where the page has several.
    pub title: Option<String>,
    /// What it holds, for those who do not see it.
    pub caption: String,
    /// What its rows are called: one, and several.
    pub noun: [&'static str; 2],
    /// A sentence on how it is counted.
    pub note: Option<String>,
    /// Its columns.
    pub columns: Vec<Column>,
    /// Its rows, each with a cell for each column.
    pub rows: Vec<Row>,
    /// Which part of the list is shown.
    pub pages: Pages,
    /// What is said where there is no row.
    pub nothing: String,
}

impl Table {
    /// What its rows are called, for so many.
    #[must_use]
    pub fn rows_are_called(&self) -> &'static str {
        let [one, several] = self.noun;
        if self.pages.total == 1 { one } else { several }
    }

    /// The cells of a row, each with the label of its column.
    #[must_use]
    pub fn cells<'t>(&'t self, row: &'t Row) -> Vec<(&'t str, &'t Cell)> {
        self.columns.iter().map(|column| column.label.as_str()).zip(&row.cells).collect()
    }
}

/// A row.
#[derive(Debug, Clone, Default)]
pub struct Row {
    /// Its id, where something links to it.
    pub id: Option<String>,
    /// Its cells.
    pub cells: Vec<Cell>,
}

impl Row {
    /// A row of cells.
    #[must_use]
    pub fn of(cells: Vec<Cell>) -> Self {
        Self { id: None, cells }
    }
}

/// A column.
#[derive(Debug, Clone)]
pub struct Column {
    /// Its heading.
    pub label: String,
    /// How it sorts the list, where it does.
    pub sort: Option<Sort>,
}

impl Column {
    /// A column that does not sort.
    pub fn plain(label: impl Into<String>) -> Self {
        Self { label: label.into(), sort: None }
    }
}

/// What stands in a cell, one below the other.
#[derive(Debug, Clone, Default)]
pub struct Cell(pub Vec<Part>);

/// A part of a cell.
#[derive(Debug, Clone)]
pub enum Part {
    /// Words.
    Text(String),
    /// Words of less weight.
    Secondary(String),
    /// That there is nothing, in words.
    Nothing(String),
    /// A link.
    Link(Link),
    /// A status: words, shape and colour.
    Tag(Tag),
}

/// A status, drawn like one of a duty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tag {
    /// What it says.
    pub words: &'static str,
    /// Like which it is drawn.
    pub like: Status,
}

impl Cell {
    /// Words.
    pub fn text(text: impl Into<String>) -> Self {
        Self(vec![Part::Text(text.into())])
    }

    /// Words, or that there are none.
    pub fn optional(text: Option<impl Into<String>>, otherwise: &str) -> Self {
        Self(vec![match text {
            Some(text) => Part::Text(text.into()),
            None => Part::Nothing(otherwise.to_owned()),
        }])
    }

    /// A status.
    #[must_use]
    pub fn tag(words: &'static str, like: Status) -> Self {
        Self(vec![Part::Tag(Tag { words, like })])
    }

    /// A link.
    pub fn link(text: impl Into<String>, href: impl Into<String>) -> Self {
        Self(vec![Part::Link(Link::new(text, href))])
    }

    /// The same with something below.
    #[must_use]
    pub fn and(mut self, part: Part) -> Self {
        self.0.push(part);
        self
    }

    /// The same with words of less weight below, where there are any.
    #[must_use]
    pub fn and_secondary(self, text: impl Into<String>) -> Self {
        let text = text.into();
        if text.is_empty() { self } else { self.and(Part::Secondary(text)) }
    }
}

/// The sort link of a column that does not sort the list now.
#[must_use]
pub fn unsorted(href: String) -> Sort {
    Sort { order: Order::Unsorted, href }
}
