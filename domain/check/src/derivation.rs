//! What is claimed of a duty.

use serde::{Deserialize, Serialize};

/// The derivation of a duty in references and dates, without text: facts by their positions in the log (or lines of a file),
/// the rule by its id and version, the calendar by how many announcements of bank holidays were taken in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Derivation {
    /// The rule.
    pub rule: String,
    /// Its version that governs the duty, from 1.
    pub version: u16,
    /// Whose duty it is.
    pub subject: String,
    /// As at.
    pub as_at: String,
    /// As known at, where that is another instant.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub known_at: Option<String>,
    /// The fact that opened it.
    pub opened: u32,
    /// The day of a daily duty.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub day: Option<String>,
    /// The other facts on which opening and deadline rest: those that last set what the rule asks of the state, the switch
    /// of a programme, the date that the deadline follows.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub rests: Vec<u32>,
    /// The day from which it is counted.
    pub from: String,
    /// When its window opens.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub opens: Option<String>,
    /// The last day; none where it cannot be dated.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub due: Option<String>,
    /// The last working day on or before that.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub act: Option<String>,
    /// How many announcements of bank holidays had been made when it ended or fell due, or are known.
    pub calendar: u32,
    /// What became of it.
    pub outcome: String,
    /// The fact that ended it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub closed: Option<u32>,
    /// When it ended, where that is not when the fact that ended it occurred.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub closed_at: Option<String>,
    /// The rule that took over.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub successor: Option<String>,
    /// Whether it is a breach of the policy.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub breach: bool,
    /// Who answers.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub holder: Option<String>,
    /// `policy_gap`, `kept_due`, `provisional`, `undatable`.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub flags: Vec<String>,
}

impl Derivation {
    /// Its parts in the order in which they are held against what follows, as text.
    pub(crate) fn parts(&self) -> [(&'static str, String); 17] {
        let shown = |part: &Option<String>| part.clone().unwrap_or_else(|| "none".to_owned());
        [
            ("version", self.version.to_string()),
            ("opened", self.opened.to_string()),
            ("day", shown(&self.day)),
            ("rests", format!("{:?}", self.rests)),
            ("from", self.from.clone()),
            ("opens", shown(&self.opens)),
            ("due", shown(&self.due)),
            ("act", shown(&self.act)),
            ("calendar", self.calendar.to_string()),
            ("outcome", self.outcome.clone()),
            ("closed", shown(&self.closed.map(|position| position.to_string()))),
            ("closedAt", shown(&self.closed_at)),
            ("successor", shown(&self.successor)),
            ("breach", self.breach.to_string()),
            ("holder", shown(&self.holder)),
            ("flags", self.flags.join(" ")),
            ("subject", self.subject.clone()),
        ]
    }
}
