//! My work: what must I do next, by the last working day to act.

use askama::Template;

use super::Page;
use super::act::Bulk;
use super::frame::{Frame, Section};
use super::row::DutyRow;
use super::words::grouped;

/// The work list of the person signed in.
#[derive(Debug, Clone, Template)]
#[template(path = "work.html")]
pub struct MyWork {
    /// What surrounds the page.
    pub frame: Frame,
    /// When the list was checked, in words; shown also when nothing is due.
    pub checked_at: String,
    /// The organisations the list covers, for example `area/A07`.
    pub covers: Vec<String>,
    /// Overdue duties.
    pub overdue: WorkGroup,
    /// Duties whose last working day to act is today (or has passed with the due date ahead).
    pub due_today: WorkGroup,
    /// Duties whose last working day to act is within the next five working days, today excepted.
    pub due_this_week: WorkGroup,
    /// Duties with more time, and those whose window has not opened.
    pub later: WorkGroup,
    /// The list as CSV.
    pub csv_href: String,
    /// The list as JSON.
    pub json_href: String,
    /// What can be done about several at once.
    pub bulk: Option<Bulk>,
}

impl MyWork {
    /// True if there is no duty in any group.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        [&self.overdue, &self.due_today, &self.due_this_week, &self.later]
            .iter()
            .all(|group| group.total == 0)
    }
}

impl Page for MyWork {
    fn frame(&self) -> &Frame {
        &self.frame
    }

    fn section(&self) -> Option<Section> {
        Some(Section::MyWork)
    }

    fn heading(&self) -> String {
        "My work".to_owned()
    }

    fn purpose(&self) -> String {
        "What to do next, sorted by the last working day to act.".to_owned()
    }
}

/// One group of the work list.
#[derive(Debug, Clone, Default)]
pub struct WorkGroup {
    /// The first rows, sorted by last working day to act.
    pub rows: Vec<DutyRow>,
    /// How many duties the group has in all.
    pub total: u64,
    /// The whole group on the duties page.
    pub all_href: String,
}

impl WorkGroup {
    /// The count with commas.
    #[must_use]
    pub fn count(&self) -> String {
        grouped(self.total)
    }

    /// True if the group has more duties than rows.
    #[must_use]
    pub fn has_more(&self) -> bool {
        u64::try_from(self.rows.len()).is_ok_and(|shown| shown < self.total)
    }
}
