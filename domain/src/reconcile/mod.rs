//! Reconciliation: where nDelius, ViSOR and NOMIS do not say the same of one subject (4.16 p).
//!
//! A discrepancy stands from the instant of the fact that made the sides differ until the one that makes them agree.
//! It is found from the state and the facts at a moment ([`crate::judge::Judge::reconciled`]); nothing here reads a
//! clock: its age is counted by whoever shows it.
//!
//! # Policy
//! No fact of the catalogue tells the level or the category that a ViSOR record shows, so that `level-differs` rests on
//! what a check of the minimum dataset attests ([`LEVEL_ITEMS`]).

mod backlog;
mod dataset;

use serde::{Deserialize, Serialize};

pub use backlog::{Backlog, BacklogCase, BacklogDay, Span};
pub use dataset::{FILE, Item, MinimumDataset, Part};

use crate::policy::coverage::Check;
use crate::time::{Date, Instant};

/// The items of the minimum dataset of which a missing one says that level or category differ.
pub const LEVEL_ITEMS: [&str; 2] = ["mappa-level", "mappa-category"];

/// The checks that reconciliation makes.
pub const CHECKS: [Check; 9] = [
    Check::RecordMissing,
    Check::RegistrationMissing,
    Check::AlertMissing,
    Check::ManagerDiffers,
    Check::LevelDiffers,
    Check::OwnerDiffers,
    Check::PartnersOfPrisonLeft,
    Check::TerminalNotApproved,
    Check::DatasetIncomplete,
];

/// What one system says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Side {
    /// `nDelius`, `ViSOR`, `NOMIS` or `Mandate`.
    pub system: String,
    /// What it says, in words.
    pub says: String,
}

impl Side {
    /// What a system says.
    #[must_use]
    pub fn new(system: &str, says: impl Into<String>) -> Self {
        Self { system: system.to_owned(), says: says.into() }
    }
}

/// One thing about which the systems do not agree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Discrepancy {
    /// Which check found it.
    #[serde(serialize_with = "check_name", deserialize_with = "check_named")]
    pub check: Check,
    /// The paragraph that asks for agreement.
    pub paragraph: String,
    /// Whom it is about: a nominal, or the user of a terminal.
    pub subject: String,
    /// Which of several of the kind: `com` or `pom`, the side of a dataset check, the prison left, the terminal.
    pub about: Option<String>,
    /// Who has to mend it, where known.
    pub owner: Option<String>,
    /// The nominal's area.
    pub area: Option<String>,
    /// The nominal's unit.
    pub unit: Option<String>,
    /// The prison that it concerns.
    pub prison: Option<String>,
    /// From when on it stands.
    pub since: Instant,
    /// What each side says.
    pub sides: Vec<Side>,
    /// What mends it.
    pub mended_by: String,
}

impl Discrepancy {
    /// Its age in whole days on a date; 0 on the day from which it stands.
    #[must_use]
    pub fn age_days(&self, on: Date) -> i32 {
        (on.days() - self.since.london_date().days()).max(0)
    }

    /// What it is listed by: the oldest first.
    #[must_use]
    pub fn order(&self) -> (Instant, &str, &'static str, &str) {
        (self.since, &self.subject, self.check.name(), self.about.as_deref().unwrap_or(""))
    }

    /// What both sides say, as one text.
    #[must_use]
    pub fn sides_in_words(&self) -> String {
        let sides: Vec<String> =
            self.sides.iter().map(|side| format!("{}: {}", side.system, side.says)).collect();
        sides.join("; ")
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference over")]
fn check_name<S: serde::Serializer>(check: &Check, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(check.name())
}

fn check_named<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Check, D::Error> {
    let name = String::deserialize(deserializer)?;
    Check::from_name(&name).ok_or_else(|| serde::de::Error::custom(format!("there is no check `{name}`")))
}

/// The log-ons of a prison user at one terminal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogOns {
    /// The user.
    pub user: String,
    /// The terminal.
    pub terminal: String,
    /// The user's organisation at the latest of them.
    pub org: Option<String>,
    /// The first.
    pub first_at: Instant,
    /// The latest.
    pub last_at: Instant,
}

/// How a terminal stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Approval {
    /// Whether it is approved or not, and since when.
    pub approved: Approved,
    /// Since when.
    pub since: Instant,
}

/// Whether a terminal is approved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Approved {
    /// It is.
    Yes,
    /// It is not.
    No,
}

impl LogOns {
    /// The discrepancy that they are, where the terminal is not approved: from the first log-on, or from when approval
    /// ended if that is later. A terminal of which nothing was told is not approved.
    #[must_use]
    pub fn discrepancy(&self, terminal: Option<Approval>) -> Option<Discrepancy> {
        let since = match terminal {
            Some(Approval { approved: Approved::Yes, .. }) => return None,
            Some(Approval { approved: Approved::No, since }) if self.last_at < since => return None,
            Some(Approval { approved: Approved::No, since }) => self.first_at.max(since),
            None => self.first_at,
        };
        Some(Discrepancy {
            check: Check::TerminalNotApproved,
            paragraph: "6.4".to_owned(),
            subject: self.user.clone(),
            about: Some(self.terminal.clone()),
            owner: self.org.clone(),
            area: None,
            unit: None,
            prison: self.org.clone().filter(|org| org.starts_with("prison/")),
            since,
            sides: vec![
                Side::new("ViSOR", format!("logged on at {}, last at {}", self.terminal, self.last_at)),
                Side::new("Mandate", format!("{} is not approved", self.terminal)),
            ],
            mended_by: "the CPC approves the terminal after a risk assessment (terminal.approved)".to_owned(),
        })
    }
}

/// What reconciliation finds of a unit of judging.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reconciled {
    /// The discrepancies of nominals.
    pub discrepancies: Vec<Discrepancy>,
    /// The log-ons of prison users at terminals, by user and terminal.
    pub log_ons: Vec<LogOns>,
    /// Terminals, by id.
    pub approvals: Vec<(String, Approval)>,
}

impl Reconciled {
    /// Takes in what was found of another unit.
    pub fn extend(&mut self, other: Self) {
        self.discrepancies.extend(other.discrepancies);
        self.log_ons.extend(other.log_ons);
        self.approvals.extend(other.approvals);
    }

    /// Every discrepancy, the oldest first; those of log-ons with the terminals that are known.
    #[must_use]
    pub fn listed(self) -> Vec<Discrepancy> {
        let mut all = self.discrepancies;
        let approvals: std::collections::HashMap<&str, Approval> =
            self.approvals.iter().map(|(terminal, approval)| (terminal.as_str(), *approval)).collect();
        let at = |log_ons: &LogOns| log_ons.discrepancy(approvals.get(log_ons.terminal.as_str()).copied());
        all.extend(self.log_ons.iter().filter_map(at));
        all.sort_by(|one, other| one.order().cmp(&other.order()));
        all
    }
}
