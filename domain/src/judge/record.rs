//! A verdict as text: the duty as printed, listed and served (spec 3.6).

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{Explanation, Judge, Outcome, Verdict};
use crate::policy::Basis;
use crate::time::{Date, Instant};
use crate::vocabulary::NONE;

/// One duty, field by field as spec 3.6 prints it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DutyRecord {
    /// `<rule>:<subject>:<source>#<id>`, with `:<date>` for `every`.
    pub duty: String,
    /// The rule's id.
    pub rule: String,
    /// The paragraph of the framework.
    pub paragraph: String,
    /// `policy` or `local`.
    pub basis: String,
    /// Whom it is about.
    pub subject: String,
    /// Who answers; null where unknown.
    pub holder: Option<String>,
    /// Whether it was opened under another holder.
    pub inherited: bool,
    /// The fact that opened it.
    pub opened_by: String,
    /// When it was opened.
    pub opened_at: Instant,
    /// From which day it is counted.
    pub counted_from: Date,
    /// When its window opens.
    pub opens_on: Option<Date>,
    /// The last day.
    pub due_on: Option<Date>,
    /// The last working day to act.
    pub act_by: Option<Date>,
    /// The instant from which it is overdue.
    pub due_at: Option<Instant>,
    /// What it is.
    pub outcome: String,
    /// The fact that ended it.
    pub closed_by: Option<String>,
    /// When it ended.
    pub closed_at: Option<Instant>,
    /// The duty that replaced it.
    pub superseded_by: Option<String>,
    /// Whether it is a breach.
    pub breach: bool,
    /// Since when it could be known.
    pub known_since: Instant,
    /// Whether it could be known only after it was due.
    pub born_overdue: bool,
    /// Its flags.
    pub flags: Vec<String>,
    /// The derivation, where it was asked for.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub explanation: Option<Explanation>,
}

impl DutyRecord {
    /// The outcome as a type; `Pending` for an unknown word.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        Outcome::from_name(&self.outcome).unwrap_or(Outcome::Pending)
    }

    /// The short reference for addresses and mail.
    #[must_use]
    pub fn short_reference(&self) -> String {
        short_reference(&self.duty)
    }
}

/// The short reference of a duty: `D-` and eight characters of its id's SHA-256, in the base-32 of Crockford.
#[must_use]
pub fn short_reference(duty: &str) -> String {
    const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    let digest: [u8; 32] = Sha256::digest(duty.as_bytes()).into();
    let bits = digest.iter().take(5).fold(0u64, |bits, byte| bits << 8 | u64::from(*byte));
    let mut reference = String::from("D-");
    for place in (0..8).rev() {
        let digit = usize::try_from(bits >> (place * 5) & 31).unwrap_or(0);
        reference.push(ALPHABET.get(digit).copied().map_or('0', char::from));
    }
    reference
}

impl Judge<'_> {
    /// The id of a duty.
    #[must_use]
    pub fn duty_id(&self, verdict: &Verdict) -> String {
        let mut id = self.id_of(verdict.version, verdict.subject, verdict.opener);
        if let Some(day) = verdict.day {
            id.push(':');
            id.push_str(&day.to_string());
        }
        id
    }

    fn id_of(&self, version: super::compiled::VersionId, subject: u32, opener: super::RowId) -> String {
        let history = self.context.history;
        let rule = &self.context.compiled.rule(version).id;
        format!("{rule}:{}:{}", history.symbols.text(subject), history.reference(opener))
    }

    /// The rule's id of a verdict.
    #[must_use]
    pub fn rule_id(&self, verdict: &Verdict) -> &str {
        &self.context.compiled.rule(verdict.version).id
    }

    /// The number of the rule's version that governs the duty, from 1.
    #[must_use]
    pub fn version_number(&self, verdict: &Verdict) -> u16 {
        self.context.compiled.version(verdict.version).version.number
    }

    /// The verdict as text.
    #[must_use]
    pub fn record(&self, verdict: &Verdict) -> DutyRecord {
        let history = self.context.history;
        let rule = self.context.compiled.rule(verdict.version);
        let holder = (verdict.holder != NONE).then(|| history.symbols.text(verdict.holder).to_owned());
        DutyRecord {
            duty: self.duty_id(verdict),
            rule: rule.id.clone(),
            paragraph: rule.paragraph.for_holder(holder.as_deref()).to_owned(),
            basis: match rule.basis {
                Basis::Policy => "policy".to_owned(),
                Basis::Local => "local".to_owned(),
            },
            subject: history.symbols.text(verdict.subject).to_owned(),
            holder,
            inherited: verdict.inherited,
            opened_by: history.reference(verdict.opener),
            opened_at: verdict.opened_at,
            counted_from: verdict.counted_from,
            opens_on: verdict.opens_on,
            due_on: verdict.due_on,
            act_by: verdict.act_by,
            due_at: verdict.due_at,
            outcome: verdict.outcome.name().to_owned(),
            closed_by: verdict.closed_by.map(|row| history.reference(row)),
            closed_at: verdict.closed_at,
            superseded_by: verdict
                .superseded_by
                .map(|(version, opener)| self.id_of(version, verdict.subject, opener)),
            breach: verdict.breach,
            known_since: verdict.known_since,
            born_overdue: verdict.born_overdue,
            flags: verdict.flags.names().map(str::to_owned).collect(),
            explanation: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_references_have_eight_characters_of_the_digest() {
        let reference = short_reference("4.10:nominal/N1:/t#a");
        assert_eq!(reference.len(), 10);
        assert!(reference.starts_with("D-"));
        assert_ne!(reference, short_reference("4.10:nominal/N1:/t#b"));
    }
}
