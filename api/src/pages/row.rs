//! One duty as a row of a table: the same on every list.

use super::Reference;
use super::words::{Basis, Due, Mark, Status, TimeLeft, Verdict};

/// One duty in a list.
#[derive(Debug, Clone)]
pub struct DutyRow {
    /// The short reference, for example `D-3F2A81C0`.
    pub reference: String,
    /// The page of the duty.
    pub href: String,
    /// Whom or what the duty is about: the reference of a nominal, user or organisation.
    pub subject: Reference,
    /// The paragraph, for example `4.10`.
    pub paragraph: String,
    /// The page of the rule.
    pub rule_href: String,
    /// The duty in one sentence, without a full stop.
    pub sentence: String,
    /// The organisation answerable, for example `area/A07`; `None` where unknown.
    pub holder: Option<String>,
    /// By when it must be done.
    pub due: Due,
    /// The last working day to act, in words; `None` where it has none.
    pub act_by: Option<String>,
    /// How much time is left.
    pub time_left: TimeLeft,
    /// Where the duty stands.
    pub status: Status,
    /// Whether the number is the policy's.
    pub basis: Basis,
    /// What else to know.
    pub marks: Vec<Mark>,
}

impl DutyRow {
    /// What a missed duty is called; `None` if it is not missed.
    #[must_use]
    pub fn verdict(&self) -> Option<Verdict> {
        self.status.verdict(self.basis)
    }
}
