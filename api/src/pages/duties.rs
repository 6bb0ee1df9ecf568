//! Duties: every duty one may see, filtered by the address.

use askama::Template;

use super::Page;
use super::act::Bulk;
use super::date_boxes::DateBoxes;
use super::frame::{Frame, Section};
use super::paging::{PageItem, Pages};
use super::row::DutyRow;
use super::words::grouped;

/// The list of duties.
#[derive(Debug, Clone, Template)]
#[template(path = "duties.html")]
pub struct Duties {
    /// What surrounds the page.
    pub frame: Frame,
    /// When the list was read, in words.
    pub checked_at: String,
    /// The filter form and what is chosen in it.
    pub filter: DutyFilter,
    /// How many of all the duties found stand where.
    pub counts: Vec<Count>,
    /// The sort links of the columns.
    pub columns: DutyColumns,
    /// The duties of this page of the list.
    pub rows: Vec<DutyRow>,
    /// Which part of the list is shown.
    pub pages: Pages,
    /// The whole list, as filtered and sorted, as CSV.
    pub csv_href: String,
    /// The same as JSON.
    pub json_href: String,
    /// What can be done about several at once.
    pub bulk: Option<Bulk>,
    /// The lists that whoever looks saved under a name.
    pub saved: Vec<SavedView>,
    /// The form that saves this one; none where nothing is filtered, or nobody is signed in.
    pub save_href: Option<String>,
}

impl Page for Duties {
    fn frame(&self) -> &Frame {
        &self.frame
    }

    fn section(&self) -> Option<Section> {
        Some(Section::Duties)
    }

    fn heading(&self) -> String {
        "Duties".to_owned()
    }

    fn purpose(&self) -> String {
        "Every duty you may see, open and ended. What you filter by stands in the address, so you can share it."
            .to_owned()
    }
}

/// A list that somebody saved under a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SavedView {
    /// Its name.
    pub name: String,
    /// Its address, which others may open as well.
    pub href: String,
    /// The form that removes it.
    pub remove_href: String,
}

/// The filter form, sent by GET to `/duties`.
///
/// Fields: `area`, `unit`, `prison`, `rule` (one value each, empty = any), `outcome` (repeated),
/// `dueFrom-day|month|year`, `dueTo-day|month|year`. The handler redirects to the address with
/// `dueFrom=2026-03-02`, or shows the page again with the errors.
#[derive(Debug, Clone, Default)]
pub struct DutyFilter {
    /// The areas to choose from.
    pub areas: Vec<Choice>,
    /// The units to choose from.
    pub units: Vec<Choice>,
    /// The prisons to choose from.
    pub prisons: Vec<Choice>,
    /// The rules to choose from.
    pub rules: Vec<Choice>,
    /// The outcomes to tick.
    pub outcomes: Vec<Choice>,
    /// The earliest due date.
    pub due_from: DateBoxes,
    /// The latest due date.
    pub due_to: DateBoxes,
    /// Parameters the form must not lose: `sort`, `dir`, `asAt`, `knownAt`.
    pub carried: Vec<(String, String)>,
    /// What is filtered by, each with the address without it.
    pub chips: Vec<Chip>,
    /// The address without any filter.
    pub clear_href: String,
}

impl DutyFilter {
    /// True if the form must be shown open: it holds an error.
    #[must_use]
    pub fn has_error(&self) -> bool {
        self.due_from.error.is_some() || self.due_to.error.is_some()
    }
}

/// One value to choose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// The value sent, for example `area/A07` or `met_late`.
    pub value: String,
    /// The words shown.
    pub text: String,
    /// Whether it is chosen now.
    pub chosen: bool,
}

/// One filter in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chip {
    /// What is filtered, for example `Area`.
    pub field: String,
    /// By which value, in words.
    pub value: String,
    /// The address without this filter.
    pub remove_href: String,
}

/// How many duties stand in one place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Count {
    /// The place, for example `Overdue`.
    pub text: String,
    /// How many.
    pub count: u64,
}

impl Count {
    /// The count with commas.
    #[must_use]
    pub fn number(&self) -> String {
        grouped(self.count)
    }
}

/// The sort links of the table.
#[derive(Debug, Clone)]
pub struct DutyColumns {
    /// By due date (`sort=due`).
    pub due: Sort,
    /// By rule (`sort=rule`).
    pub rule: Sort,
    /// By subject (`sort=subject`).
    pub subject: Sort,
    /// By holder (`sort=holder`).
    pub holder: Sort,
    /// By outcome (`sort=outcome`).
    pub outcome: Sort,
}

/// The sort link of one column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sort {
    /// How the list is sorted by this column now.
    pub order: Order,
    /// The address that sorts by it, or turns the order round.
    pub href: String,
}

/// The order of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// The list is sorted by another column.
    Unsorted,
    /// Smallest first.
    Ascending,
    /// Largest first.
    Descending,
}

impl Order {
    /// The value of `aria-sort`.
    #[must_use]
    pub fn aria(self) -> &'static str {
        match self {
            Self::Unsorted => "none",
            Self::Ascending => "ascending",
            Self::Descending => "descending",
        }
    }

    /// The outline of the arrow in a box of 16 by 16.
    #[must_use]
    pub fn shape(self) -> &'static str {
        match self {
            Self::Unsorted => "M8 2l4 5H4zM8 14l-4-5h8z",
            Self::Ascending => "M8 3l6 10H2z",
            Self::Descending => "M8 13L2 3h12z",
        }
    }
}
