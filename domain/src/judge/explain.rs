//! The derivation of a duty, step by step, computed only when it is asked for.

use hashbrown::HashMap;
use serde::{Deserialize, Serialize};

use super::compiled::VersionId;
use super::history::RowId;
use super::record::Line;
use super::{Flags, Judge, Outcome, Verdict};
use crate::calendar::CalendarView;
use crate::catalogue::SubjectKind;
use crate::policy::{Basis, Condition, CountedFrom, Due, Form, Rule, Test, Version};
use crate::time::Date;
use crate::vocabulary::{StateField, StateShape};

/// The steps from the framework's words to the outcome.
pub type Explanation = Vec<Step>;

/// What a step is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepKind {
    /// The rule, its version and the quoted words.
    Rule,
    /// A reading on which the rule rests.
    Interpretation,
    /// The fact that opened the duty.
    Opened,
    /// The date from which it is counted.
    CountedFrom,
    /// One day, counted or skipped.
    Day,
    /// The due date moved, or another was kept.
    Moved,
    /// The due date.
    Due,
    /// The fact that ended it, or that nothing did.
    Ended,
    /// Who answers.
    Holder,
    /// What could be known, and what is marked.
    Noted,
}

/// One step of a derivation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// What the step is about.
    pub kind: StepKind,
    /// What holds.
    pub what: String,
    /// Why it holds.
    pub why: String,
    /// The paragraph that it rests on.
    pub paragraph: String,
    /// The fact that it rests on.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub fact: Option<String>,
    /// The day, of a day's step.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub date: Option<Date>,
    /// The number of a counted day; none when it is skipped.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub counted: Option<u16>,
}

/// Writes explanations as JSON; what many duties have in common is made once.
pub(super) struct Teller<'j, 'a> {
    judge: &'j Judge<'a>,
    /// By version and by the kind of the holder, on which the words of the policy depend.
    common: HashMap<(VersionId, Option<SubjectKind>), Common>,
}

/// What the duties of a version have in common.
struct Common {
    /// The first steps, of the rule and its readings.
    steps: Vec<u8>,
    /// The paragraph, as the inside of a JSON string.
    paragraph: Vec<u8>,
    /// The condition in words, as the inside of a JSON string.
    terms: Vec<u8>,
}

/// Adds steps that rest on one paragraph to a list that has some.
struct Steps<'o, 'c> {
    line: Line<'o>,
    paragraph: &'c [u8],
}

/// What a step rests on beside its paragraph.
#[derive(Clone, Copy, Default)]
struct On {
    fact: Option<RowId>,
    date: Option<Date>,
    counted: Option<u16>,
}

impl Steps<'_, '_> {
    fn add(
        &mut self,
        judge: &Judge<'_>,
        kind: &str,
        what: impl FnOnce(&mut Line<'_>),
        why: impl FnOnce(&mut Line<'_>),
        on: On,
    ) {
        let line = &mut self.line;
        line.raw(",");
        begin(line, kind);
        what(line);
        line.raw("\",\"why\":\"");
        why(line);
        end(line, self.paragraph);
        if on.fact.is_some() {
            line.fact(",\"fact\":", judge, on.fact);
        }
        if on.date.is_some() {
            line.date(",\"date\":", on.date);
        }
        if let Some(number) = on.counted {
            line.raw(",\"counted\":");
            line.number(number);
        }
        line.raw("}");
    }
}

fn begin(line: &mut Line<'_>, kind: &str) {
    line.raw("{\"kind\":\"");
    line.raw(kind);
    line.raw("\",\"what\":\"");
}

fn end(line: &mut Line<'_>, paragraph: &[u8]) {
    line.raw("\",\"paragraph\":\"");
    line.out.extend_from_slice(paragraph);
    line.raw("\"");
}

/// Words that stand as they are.
fn plain(words: &str) -> impl FnOnce(&mut Line<'_>) {
    move |line| line.raw(words)
}

impl Judge<'_> {
    /// The derivation of a duty: rule and reading, opening, each day counted or skipped, due date, end.
    ///
    /// # Panics
    /// Never: it reads what it wrote itself.
    #[must_use]
    pub fn explain(&self, verdict: &Verdict) -> Explanation {
        let mut text = Vec::new();
        Teller::new(self).write(verdict, &mut text);
        #[expect(clippy::expect_used, reason = "what is written here is a list of steps")]
        serde_json::from_slice(&text).expect("steps")
    }
}

impl<'j, 'a> Teller<'j, 'a> {
    pub fn new(judge: &'j Judge<'a>) -> Self {
        Self { judge, common: HashMap::new() }
    }

    /// Writes the derivation of a duty as a list of [`Step`]s.
    pub fn write(&mut self, verdict: &Verdict, out: &mut Vec<u8>) {
        let judge = self.judge;
        let holder = judge.context.history.symbols.text(verdict.holder);
        let kind = SubjectKind::of(holder);
        let common = self.common.entry((verdict.version, kind));
        let common = common.or_insert_with(|| judge.common_of(verdict.version, holder));
        let version = &judge.context.compiled.version(verdict.version).version;
        let rule = judge.context.compiled.rule(verdict.version);
        out.push(b'[');
        out.extend_from_slice(&common.steps);
        let mut steps = Steps { line: Line { out }, paragraph: &common.paragraph };
        judge.explain_opening(&mut steps, verdict, rule, version, &common.terms);
        judge.explain_due(&mut steps, verdict, version);
        judge.explain_end(&mut steps, verdict, rule);
        judge.explain_notes(&mut steps, verdict, holder);
        out.push(b']');
    }
}

impl Judge<'_> {
    fn common_of(&self, version: VersionId, holder: &str) -> Common {
        let rule = self.context.compiled.rule(version);
        let version = &self.context.compiled.version(version).version;
        let inside = |text: &str| {
            let mut out = Vec::new();
            Line { out: &mut out }.inside(text);
            out
        };
        let paragraph = inside(rule.paragraph.for_holder(Some(holder)));
        let mut steps = Vec::new();
        let line = &mut Line { out: &mut steps };
        let basis = match rule.basis {
            Basis::Policy => "the number is stated by the policy",
            Basis::Local => "a local target: the number is not in the policy",
        };
        let until = version.effective_to.map_or(String::new(), |date| format!(" to {date}"));
        begin(line, "rule");
        line.inside(&format!(
            "{}: rule {}, version {} in force from {}{until}; {basis}",
            rule.duty, rule.id, version.number, version.effective_from
        ));
        line.raw("\",\"why\":\"");
        line.inside(&format!("“{}”", rule.quote.for_holder(Some(holder))));
        end(line, &paragraph);
        line.raw("}");
        let readings = &self.context.compiled.policy.interpretations;
        for (id, reading) in version.interpretations.iter().filter_map(|id| Some((id, readings.get(id)?))) {
            line.raw(",");
            begin(line, "interpretation");
            line.inside(&format!("{id}: {}", reading.choice));
            line.raw("\",\"why\":\"");
            line.inside(&format!("{} {}", reading.question, reading.reason));
            end(line, &paragraph);
            line.raw("}");
        }
        Common { steps, paragraph, terms: inside(&in_terms(&version.holds)) }
    }

    fn explain_opening(
        &self,
        steps: &mut Steps<'_, '_>,
        verdict: &Verdict,
        rule: &Rule,
        version: &Version,
        terms: &[u8],
    ) {
        let opener = self.context.history.row(verdict.opener);
        let why = |line: &mut Line<'_>| match version.form {
            Form::While | Form::Every => {
                line.raw("it made true that ");
                line.out.extend_from_slice(terms);
                if version.form == Form::Every {
                    line.raw("; one duty for each working day after");
                }
            }
            Form::On | Form::Prior => {
                line.raw("rule ");
                line.inside(&rule.id);
                line.raw(" opens at each ");
                line.raw(opener.kind.name());
                line.raw(" under its conditions");
            }
        };
        let what = |line: &mut Line<'_>| {
            line.raw("opened by ");
            self.tell_of(line, verdict.opener);
        };
        steps.add(self, "opened", what, why, On { fact: Some(verdict.opener), ..On::default() });
        let entry = version.on.get(verdict.entry).and_then(|entry| entry.counted_from);
        let why = if verdict.due_on.is_some() && version.due.follows().is_some() {
            "the date that the deadline follows"
        } else {
            match entry.unwrap_or(version.counted_from) {
                CountedFrom::Opening => "the effective date of the opening fact; it is day 0",
                CountedFrom::Sentence => "the effective date of the latest sentence; it is day 0",
                CountedFrom::Reception => "the effective date of the latest reception; it is day 0",
            }
        };
        let what = |line: &mut Line<'_>| {
            line.raw("counted from ");
            line.day(verdict.counted_from);
        };
        let on = On { fact: verdict.rests_on, date: Some(verdict.counted_from), counted: None };
        steps.add(self, "counted_from", what, plain(why), on);
    }

    /// Tells of a fact: its type, who told it under which id, when it occurred and when it was recorded.
    fn tell_of(&self, line: &mut Line<'_>, row: RowId) {
        let found = self.context.history.row(row);
        line.raw(found.kind.name());
        line.raw(" (");
        line.reference(self, row);
        line.raw("), which occurred at ");
        line.moment(found.time);
        line.raw(" and was recorded at ");
        line.moment(found.recorded);
    }

    fn explain_due(&self, steps: &mut Steps<'_, '_>, verdict: &Verdict, version: &Version) {
        let gap = verdict.flags.has(Flags::POLICY_GAP);
        let from = verdict.counted_from;
        match version.due {
            Due::Days(n) if !gap || version.form != Form::While => self.each_day(steps, from, n),
            Due::WorkingDays(n) if !gap || version.form != Form::While => {
                let view = self.context.calendar.known_at(verdict.calendar_at.min(self.view.known_at));
                self.each_working_day(steps, from, n, view);
            }
            Due::Months { months, days } => {
                let what = |line: &mut Line<'_>| {
                    line.number(months);
                    line.raw(" calendar months after: ");
                    line.day(from.plus_months(i32::from(months)));
                    if days > 0 {
                        line.raw("; ");
                        line.number(days);
                        line.raw(" days' local tolerance after that");
                    }
                };
                let why = "counted from the original day, clamped to the month's end";
                steps.add(self, "day", what, plain(why), On::default());
            }
            Due::Before { months, .. } if !gap => {
                let what = |line: &mut Line<'_>| {
                    line.number(months);
                    line.raw(" calendar months before ");
                    line.day(from);
                };
                let why = "counted from the original day, clamped to the month's end; that day is included";
                steps.add(self, "day", what, plain(why), On::default());
            }
            Due::SameDay => {
                let what = |line: &mut Line<'_>| {
                    if let Some(day) = verdict.day {
                        line.day(day);
                    }
                    line.raw(" is a working day");
                };
                steps.add(self, "day", what, plain("one duty for each working day"), On::default());
            }
            Due::Days(_) | Due::WorkingDays(_) | Due::Before { .. } | Due::On(_) | Due::Prior => {}
        }
        if gap && let Some(grace) = version.grace {
            let what = |line: &mut Line<'_>| {
                line.number(grace);
                line.raw(" days of grace from ");
                line.day(from);
            };
            let why =
                "the date computed lies before the day on which it could first be known: a gap in the policy";
            steps.add(self, "moved", what, plain(why), On::default());
        }
        for moved in &verdict.moves {
            let what = |line: &mut Line<'_>| {
                line.raw("moved to ");
                match moved.due_on {
                    Some(day) => line.day(day),
                    None => line.raw("no date"),
                }
                line.raw(" while it was pending");
            };
            let why = |line: &mut Line<'_>| match moved.by {
                Some(row) => {
                    line.raw(self.context.history.row(row).kind.name());
                    line.raw(" moved the date it follows");
                }
                None => {
                    line.raw("bank holidays were published at ");
                    line.moment(moved.at);
                }
            };
            steps.add(self, "moved", what, why, On { fact: moved.by, ..On::default() });
        }
        if verdict.flags.has(Flags::KEPT_DUE) {
            let what = "the earlier date of the duty that it replaced is kept";
            let why = "recategorising must not extend the time for the same act";
            steps.add(self, "moved", plain(what), plain(why), On::default());
        }
        let what = |line: &mut Line<'_>| match (version.due, verdict.due_on, verdict.due_at) {
            (Due::Prior, _, Some(at)) => {
                line.raw("due before ");
                line.moment(at);
            }
            (_, Some(on), Some(at)) => {
                line.raw("due by the end of ");
                line.day(on);
                line.raw("; overdue from ");
                at.write(line.out);
            }
            _ => line.raw("cannot be dated: the published bank holidays do not reach that far"),
        };
        let why = |line: &mut Line<'_>| match verdict.act_by {
            Some(day) => {
                line.raw("the last working day to act is ");
                line.day(day);
            }
            None => line.raw("no day is guessed"),
        };
        steps.add(self, "due", what, why, On { date: verdict.due_on, ..On::default() });
    }

    fn each_day(&self, steps: &mut Steps<'_, '_>, from: Date, n: u16) {
        for number in 1..=n {
            let day = from.plus_days(i32::from(number));
            let why = if day.is_weekend() { "weekends count" } else { "every day counts" };
            self.add_day(steps, day, Some(number), plain(why));
        }
    }

    fn each_working_day(&self, steps: &mut Steps<'_, '_>, from: Date, n: u16, view: &CalendarView) {
        let last = view.nth_working_day_after(from, n);
        let (mut day, mut number) = (from.next(), 0);
        while day <= last {
            if day.is_weekend() {
                self.add_day(steps, day, None, plain("weekend"));
            } else if let Some(title) = view.holiday(day) {
                let published = self.context.calendar.published_at(day, self.view.known_at);
                let why = |line: &mut Line<'_>| {
                    line.raw("bank holiday: ");
                    line.inside(title);
                    if let Some(at) = published {
                        line.raw(", published at ");
                        line.moment(at);
                    }
                };
                self.add_day(steps, day, None, why);
            } else {
                number += 1;
                self.add_day(steps, day, Some(number), plain("a working day"));
            }
            day = day.next();
        }
    }

    /// Adds a day that is counted under a number, or skipped.
    fn add_day(
        &self,
        steps: &mut Steps<'_, '_>,
        day: Date,
        counted: Option<u16>,
        why: impl FnOnce(&mut Line<'_>),
    ) {
        let what = |line: &mut Line<'_>| {
            line.day(day);
            match counted {
                Some(number) => {
                    line.raw(": day ");
                    line.number(number);
                }
                None => line.raw(": skipped"),
            }
        };
        steps.add(self, "day", what, why, On { fact: None, date: Some(day), counted });
    }

    fn explain_end(&self, steps: &mut Steps<'_, '_>, verdict: &Verdict, rule: &Rule) {
        let missed = match rule.basis {
            Basis::Policy => "a breach of the policy",
            Basis::Local => "a missed local target, not a breach",
        };
        let is_missed_day = verdict.outcome == Outcome::Lapsed && verdict.closed_by.is_none();
        let (ended, why) = match verdict.outcome {
            Outcome::Pending => ("pending", "it is open and its due moment has not come"),
            Outcome::Overdue => ("overdue", "its due moment has passed and nothing ended it"),
            Outcome::Met => ("met by ", "in time: strictly before the due moment"),
            Outcome::MetLate => ("met late by ", "at or after the due moment"),
            Outcome::Withdrawn => ("withdrawn by ", "its condition ended before it was due"),
            Outcome::Lapsed if is_missed_day => {
                ("lapsed", "the day passed undone, and a missed daily check cannot be mended")
            }
            Outcome::Lapsed => ("lapsed by ", "its condition ended after it was due, undone"),
            Outcome::Superseded => {
                ("superseded at ", "another rule of the same obligation opened at the same fact")
            }
            Outcome::Exempt => ("exempt by ", "waived by an entitled role"),
            Outcome::Annulled => {
                ("annulled by ", "the opening fact was recorded in error; shown as judged before")
            }
        };
        let what = |line: &mut Line<'_>| {
            line.raw(ended);
            if !verdict.outcome.is_open() && !is_missed_day {
                match verdict.closed_by {
                    Some(row) => self.tell_of(line, row),
                    None => line.raw("no fact"),
                }
            }
            if verdict.outcome.is_missed() {
                line.raw(": ");
                line.raw(missed);
            }
        };
        steps.add(self, "ended", what, plain(why), On { fact: verdict.closed_by, ..On::default() });
    }

    fn explain_notes(&self, steps: &mut Steps<'_, '_>, verdict: &Verdict, holder: &str) {
        let held = |line: &mut Line<'_>| {
            line.inside(if holder.is_empty() { "nobody known" } else { holder });
            line.raw(" answers for it");
        };
        let why = if verdict.inherited {
            "another organisation answered when it was opened; the clock did not restart"
        } else {
            "answerable at the end, the due moment or now, whichever is earliest"
        };
        steps.add(self, "holder", held, plain(why), On::default());
        let known = |line: &mut Line<'_>| {
            line.raw("could be known since ");
            line.moment(verdict.known_since);
        };
        let why = if verdict.born_overdue {
            "only after it was due: born overdue"
        } else {
            "when the last of the facts that it opened on was recorded"
        };
        steps.add(self, "noted", known, plain(why), On::default());
        for flag in verdict.flags.names() {
            let why = match flag {
                "policy_gap" => {
                    "the words of the policy cannot apply as they stand; the stated reading stands in"
                }
                "kept_due" => "it kept the earlier date of the duty it replaced",
                "provisional" => "beyond the last year with published bank holidays; it may still move",
                "undatable" => "more than two years beyond the published bank holidays",
                _ => {
                    "no fact that could show the act was ever recorded for this holder: perhaps the feed is missing"
                }
            };
            steps.add(self, "noted", plain(flag), plain(why), On::default());
        }
    }
}

/// The words of a set.
pub(super) fn words_of(words: &[&'static str], set: u32) -> Vec<&'static str> {
    words.iter().enumerate().filter(|(at, _)| set >> at & 1 == 1).map(|(_, word)| *word).collect()
}

/// A condition in words.
fn in_terms(condition: &Condition) -> String {
    let one = |field: StateField, value: u32| match field.shape() {
        StateShape::Words(words) => usize::try_from(value)
            .ok()
            .and_then(|at| words.get(at))
            .map_or_else(|| value.to_string(), |word| (*word).to_owned()),
        StateShape::Set(words) => words_of(words, value).join(" and "),
        StateShape::Bool => (value == 1).to_string(),
        StateShape::Number(_) | StateShape::OptionalDate | StateShape::OptionalId => value.to_string(),
    };
    let terms: Vec<String> = condition
        .tests
        .iter()
        .map(|(field, test)| match test {
            Test::AnyOf(values) => {
                let values: Vec<_> = values.iter().map(|value| one(*field, *value)).collect();
                format!("{field} is {}", values.join(" or "))
            }
            Test::Range(low, high) if *high >= u32::MAX - 1 => format!("{field} is {low} or more"),
            Test::Range(low, high) => format!("{field} is {low} to {high}"),
            Test::Known => format!("{field} is known"),
            Test::Unknown => format!("{field} is unknown"),
            Test::HoldsAny(bits) => match field.shape() {
                StateShape::Set(words) => format!("{field} hold {}", words_of(words, *bits).join(" or ")),
                _ => field.to_string(),
            },
            Test::HoldsAll(_) | Test::Contains(_) | Test::BeginsWith(_) => field.to_string(),
        })
        .collect();
    terms.join(", ")
}
