//! A verdict as text: the duty as printed, listed and served (spec 3.6).

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::explain::Teller;
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

    pub(super) fn id_of(
        &self,
        version: super::compiled::VersionId,
        subject: u32,
        opener: super::RowId,
    ) -> String {
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

    /// Writes the verdict as the one line of JSON that its record would serialise to, without making the record.
    pub fn write_json(&self, verdict: &Verdict, out: &mut Vec<u8>) {
        self.write_fields(verdict, out);
        out.push(b'}');
    }

    fn write_fields(&self, verdict: &Verdict, out: &mut Vec<u8>) {
        let history = self.context.history;
        let rule = self.context.compiled.rule(verdict.version);
        let holder = (verdict.holder != NONE).then(|| history.symbols.text(verdict.holder));
        let mut line = Line { out };
        line.id("{\"duty\":", self, verdict.version, verdict.subject, verdict.opener, verdict.day);
        line.text(",\"rule\":", Some(&rule.id));
        line.text(",\"paragraph\":", Some(rule.paragraph.for_holder(holder)));
        line.raw(match rule.basis {
            Basis::Policy => ",\"basis\":\"policy\"",
            Basis::Local => ",\"basis\":\"local\"",
        });
        line.text(",\"subject\":", Some(history.symbols.text(verdict.subject)));
        line.text(",\"holder\":", holder);
        line.flag(",\"inherited\":", verdict.inherited);
        line.fact(",\"opened_by\":", self, Some(verdict.opener));
        line.instant(",\"opened_at\":", Some(verdict.opened_at));
        line.date(",\"counted_from\":", Some(verdict.counted_from));
        line.date(",\"opens_on\":", verdict.opens_on);
        line.date(",\"due_on\":", verdict.due_on);
        line.date(",\"act_by\":", verdict.act_by);
        line.instant(",\"due_at\":", verdict.due_at);
        line.text(",\"outcome\":", Some(verdict.outcome.name()));
        line.fact(",\"closed_by\":", self, verdict.closed_by);
        line.instant(",\"closed_at\":", verdict.closed_at);
        match verdict.superseded_by {
            Some((version, opener)) => {
                line.id(",\"superseded_by\":", self, version, verdict.subject, opener, None);
            }
            None => line.raw(",\"superseded_by\":null"),
        }
        line.flag(",\"breach\":", verdict.breach);
        line.instant(",\"known_since\":", Some(verdict.known_since));
        line.flag(",\"born_overdue\":", verdict.born_overdue);
        line.raw(",\"flags\":[");
        for (at, flag) in verdict.flags.names().enumerate() {
            line.text(if at == 0 { "" } else { "," }, Some(flag));
        }
        line.raw("]");
    }

    /// Writes verdicts so, one a line.
    pub fn write_json_lines(&self, verdicts: &[Verdict], out: &mut Vec<u8>) {
        self.bring_in_ids(verdicts);
        for verdict in verdicts {
            self.write_json(verdict, out);
            out.push(b'\n');
        }
    }

    /// The same, each with its explanation.
    pub fn write_explained_lines(&self, verdicts: &[Verdict], out: &mut Vec<u8>) {
        self.bring_in_ids(verdicts);
        let mut teller = Teller::new(self);
        for verdict in verdicts {
            self.write_fields(verdict, out);
            out.extend_from_slice(b",\"explanation\":");
            teller.write(verdict, out);
            out.extend_from_slice(b"}\n");
        }
    }

    fn bring_in_ids(&self, verdicts: &[Verdict]) {
        let facts = verdicts.iter().flat_map(|verdict| [Some(verdict.opener), verdict.closed_by]);
        self.context.history.bring_in_ids(facts.flatten());
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

/// A line of JSON in the making.
pub(super) struct Line<'o> {
    pub out: &'o mut Vec<u8>,
}

impl Line<'_> {
    pub fn raw(&mut self, text: &str) {
        self.out.extend_from_slice(text.as_bytes());
    }

    /// The inside of a JSON string; what needs escaping is left to the general writer.
    pub fn inside(&mut self, text: &str) {
        if text.bytes().all(|byte| byte >= 0x20 && byte != b'"' && byte != b'\\') {
            self.raw(text);
        } else {
            let quoted = serde_json::Value::from(text).to_string();
            self.raw(quoted.get(1..quoted.len() - 1).unwrap_or(""));
        }
    }

    fn text(&mut self, name: &str, text: Option<&str>) {
        self.raw(name);
        match text {
            None => self.raw("null"),
            Some(text) => {
                self.raw("\"");
                self.inside(text);
                self.raw("\"");
            }
        }
    }

    fn flag(&mut self, name: &str, value: bool) {
        self.raw(name);
        self.raw(if value { "true" } else { "false" });
    }

    /// A number.
    pub fn number(&mut self, number: u16) {
        self.raw(itoa::Buffer::new().format(number));
    }

    /// A day in words.
    pub fn day(&mut self, date: Date) {
        date.write_words(self.out);
    }

    /// An instant in words, by the clocks of London.
    pub fn moment(&mut self, at: Instant) {
        at.write_london_words(self.out);
    }

    pub fn date(&mut self, name: &str, date: Option<Date>) {
        self.raw(name);
        match date {
            None => self.raw("null"),
            Some(date) => {
                self.raw("\"");
                date.write(self.out);
                self.raw("\"");
            }
        }
    }

    fn instant(&mut self, name: &str, at: Option<Instant>) {
        self.raw(name);
        match at {
            None => self.raw("null"),
            Some(at) => {
                self.raw("\"");
                at.write(self.out);
                self.raw("\"");
            }
        }
    }

    pub fn fact(&mut self, name: &str, judge: &Judge<'_>, row: Option<super::RowId>) {
        self.raw(name);
        let Some(row) = row else { return self.raw("null") };
        self.raw("\"");
        self.reference(judge, row);
        self.raw("\"");
    }

    pub fn reference(&mut self, judge: &Judge<'_>, row: super::RowId) {
        let (source, id) = judge.context.history.source_and_id(row);
        self.inside(source);
        self.raw("#");
        self.inside(id);
    }

    fn id(
        &mut self,
        name: &str,
        judge: &Judge<'_>,
        version: super::compiled::VersionId,
        subject: u32,
        opener: super::RowId,
        day: Option<Date>,
    ) {
        self.raw(name);
        self.raw("\"");
        self.inside(&judge.context.compiled.rule(version).id);
        self.raw(":");
        self.inside(judge.context.history.symbols.text(subject));
        self.raw(":");
        self.reference(judge, opener);
        if let Some(day) = day {
            self.raw(":");
            day.write(self.out);
        }
        self.raw("\"");
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
