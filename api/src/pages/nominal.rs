//! One nominal: state, duties, partners, and the history on both clocks.

use askama::Template;

use super::act::CanDo;
use super::frame::Frame;
use super::row::DutyRow;
use super::{Link, Page, Reference};

/// One nominal, by its opaque reference.
#[derive(Debug, Clone, Template)]
#[template(path = "nominal.html")]
pub struct NominalPage {
    /// What surrounds the page.
    pub frame: Frame,
    /// The opaque reference, for example `N-7F3K29QX`.
    pub reference: String,
    /// What holds at the moment shown: category, level, supervision, record, owner, area, custody.
    pub state: Vec<StateLine>,
    /// The duties, open ones first.
    pub duties: Vec<DutyRow>,
    /// The organisations partnered to the record.
    pub partners: Vec<Partner>,
    /// What happened, in the order chosen.
    pub timeline: Vec<TimelineEntry>,
    /// By which clock the timeline is sorted.
    pub order: TimelineOrder,
    /// The address that sorts it by the other clock.
    pub other_order_href: String,
    /// The history as CSV.
    pub csv_href: String,
    /// The history as JSON.
    pub json_href: String,
    /// On what terms whoever looks may see it, where these are not those of a partner; a sentence or two.
    pub access: Option<String>,
    /// What whoever looks can do about it.
    pub can_do: CanDo,
}

impl Page for NominalPage {
    fn frame(&self) -> &Frame {
        &self.frame
    }

    fn heading(&self) -> String {
        format!("Nominal {}", self.reference)
    }

    fn purpose(&self) -> String {
        "What is known of this nominal's compliance: state, duties, and every fact with both its times."
            .to_owned()
    }

    fn crumbs(&self) -> Vec<Link> {
        vec![Link::new("Duties", format!("/duties{}", self.frame.carry()))]
    }
}

/// One field of the state.
#[derive(Debug, Clone)]
pub struct StateLine {
    /// The name of the field, for example `MAPPA level`.
    pub name: String,
    /// Its value in words, for example `2`, `live`, `not known`.
    pub value: String,
    /// Since when it holds, in words; `None` where no fact stated it.
    pub since: Option<String>,
}

/// An organisation partnered to the record.
#[derive(Debug, Clone)]
pub struct Partner {
    /// The organisation, for example `prison/LEI`.
    pub org: String,
    /// Who in it: `all users` or a number of users.
    pub users: String,
    /// Since when, in words.
    pub since: String,
}

/// By which clock a timeline is sorted, newest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimelineOrder {
    /// By when things occurred.
    Occurred,
    /// By when they were recorded.
    Recorded,
}

impl TimelineOrder {
    /// What the order is, in words.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Occurred => "Sorted by when each fact occurred, newest first.",
            Self::Recorded => "Sorted by when each fact was recorded, newest first.",
        }
    }

    /// The words of the link that sorts by the other clock.
    #[must_use]
    pub fn other(self) -> &'static str {
        match self {
            Self::Occurred => "Sort by when recorded",
            Self::Recorded => "Sort by when occurred",
        }
    }
}

/// One fact of a history.
#[derive(Debug, Clone)]
pub struct TimelineEntry {
    /// What it was in plain words, for example `Record created`.
    pub kind: String,
    /// The type, for example `record.created`.
    pub type_name: String,
    /// Who told it and under which id, for example `/ndelius#e1`.
    pub source: Reference,
    /// When it occurred, in words.
    pub occurred_at: String,
    /// When it was recorded, in words.
    pub recorded_at: String,
    /// The day it took effect, in words, where that is another day.
    pub effective_on: Option<String>,
    /// How late it was recorded, for example `Recorded 4 days late`; `None` if it was not.
    pub late: Option<String>,
    /// How well it is shown: `system`, `extract`, `attested`; with `imported` where that is so.
    pub evidence: String,
    /// What it changed.
    pub changes: Vec<Change>,
    /// What annulled it and when, as a sentence, if anything did.
    pub annulled: Option<String>,
    /// The form by which it is said that it was stated in error, where that can be said.
    pub in_error_href: Option<String>,
}

/// One field that a fact changed.
#[derive(Debug, Clone)]
pub struct Change {
    /// The name of the field.
    pub field: String,
    /// Its value before, in words.
    pub before: String,
    /// Its value after, in words.
    pub after: String,
}
