//! The derivation of a duty, step by step, computed only when it is asked for.

use serde::{Deserialize, Serialize};

use super::{Flags, Judge, Outcome, Verdict};
use crate::calendar::CalendarView;
use crate::policy::{Basis, Condition, CountedFrom, Due, Form, Rule, Test, Version};
use crate::time::{Date, in_words, london_words};
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

/// Collects steps that rest on one paragraph.
struct Steps {
    paragraph: String,
    steps: Explanation,
}

impl Steps {
    fn add(&mut self, kind: StepKind, what: impl Into<String>, why: impl Into<String>) -> &mut Step {
        let step = Step {
            kind,
            what: what.into(),
            why: why.into(),
            paragraph: self.paragraph.clone(),
            fact: None,
            date: None,
            counted: None,
        };
        self.steps.push(step);
        let last = self.steps.len() - 1;
        #[expect(clippy::indexing_slicing, reason = "the step was pushed just now")]
        &mut self.steps[last]
    }
}

impl Judge<'_> {
    /// The derivation of a duty: rule and reading, opening, each day counted or skipped, due date, end.
    #[must_use]
    pub fn explain(&self, verdict: &Verdict) -> Explanation {
        let ready = self.context.compiled.version(verdict.version);
        let rule = self.context.compiled.rule(verdict.version);
        let holder = self.context.history.symbols.text(verdict.holder);
        let paragraph = rule.paragraph.for_holder(Some(holder)).to_owned();
        let mut steps = Steps { paragraph, steps: Vec::new() };
        self.explain_rule(&mut steps, rule, &ready.version, holder);
        self.explain_opening(&mut steps, verdict, rule, &ready.version);
        self.explain_due(&mut steps, verdict, &ready.version);
        self.explain_end(&mut steps, verdict, rule);
        explain_notes(&mut steps, verdict, holder);
        steps.steps
    }

    fn explain_rule(&self, steps: &mut Steps, rule: &Rule, version: &Version, holder: &str) {
        let basis = match rule.basis {
            Basis::Policy => "the number is stated by the policy",
            Basis::Local => "a local target: the number is not in the policy",
        };
        let until = version.effective_to.map_or(String::new(), |date| format!(" to {date}"));
        let what = format!(
            "{}: rule {}, version {} in force from {}{until}; {basis}",
            rule.duty, rule.id, version.number, version.effective_from
        );
        steps.add(StepKind::Rule, what, format!("“{}”", rule.quote.for_holder(Some(holder))));
        for id in &version.interpretations {
            if let Some(reading) = self.context.compiled.policy.interpretations.get(id) {
                let why = format!("{} {}", reading.question, reading.reason);
                steps.add(StepKind::Interpretation, format!("{id}: {}", reading.choice), why);
            }
        }
    }

    fn explain_opening(&self, steps: &mut Steps, verdict: &Verdict, rule: &Rule, version: &Version) {
        let history = self.context.history;
        let opener = history.row(verdict.opener);
        let reference = history.reference(verdict.opener);
        let why = match version.form {
            Form::While => format!("it made true that {}", in_terms(&version.holds)),
            Form::On | Form::Prior => {
                format!("rule {} opens at each {} under its conditions", rule.id, opener.kind)
            }
            Form::Every => {
                format!("it made true that {}; one duty for each working day after", in_terms(&version.holds))
            }
        };
        let what = format!(
            "opened by {} ({reference}), which occurred at {} and was recorded at {}",
            opener.kind,
            london_words(opener.time),
            london_words(opener.recorded)
        );
        steps.add(StepKind::Opened, what, why).fact = Some(reference);
        let entry = version.on.get(verdict.entry).and_then(|entry| entry.counted_from);
        let why = if verdict.due_on.is_some() && version.due.follows().is_some() {
            "the date that the deadline follows".to_owned()
        } else {
            match entry.unwrap_or(version.counted_from) {
                CountedFrom::Opening => "the effective date of the opening fact; it is day 0".to_owned(),
                CountedFrom::Sentence => "the effective date of the latest sentence; it is day 0".to_owned(),
                CountedFrom::Reception => {
                    "the effective date of the latest reception; it is day 0".to_owned()
                }
            }
        };
        let counted = format!("counted from {}", in_words(verdict.counted_from));
        let step = steps.add(StepKind::CountedFrom, counted, why);
        step.date = Some(verdict.counted_from);
        step.fact = verdict.rests_on.map(|row| history.reference(row));
    }

    fn explain_due(&self, steps: &mut Steps, verdict: &Verdict, version: &Version) {
        let gap = verdict.flags.has(Flags::POLICY_GAP);
        match version.due {
            Due::Days(n) if !gap || version.form != Form::While => each_day(steps, verdict.counted_from, n),
            Due::WorkingDays(n) if !gap || version.form != Form::While => {
                let view = self.context.calendar.known_at(verdict.calendar_at.min(self.view.known_at));
                self.each_working_day(steps, verdict.counted_from, n, view);
            }
            Due::Months { months, days } => {
                let end = verdict.counted_from.plus_months(i32::from(months));
                let mut what = format!("{months} calendar months after: {}", in_words(end));
                if days > 0 {
                    what = format!("{what}; {days} days' local tolerance after that");
                }
                steps.add(StepKind::Day, what, "counted from the original day, clamped to the month's end");
            }
            Due::Before { months, .. } if !gap => {
                let what = format!("{months} calendar months before {}", in_words(verdict.counted_from));
                let why = "counted from the original day, clamped to the month's end; that day is included";
                steps.add(StepKind::Day, what, why);
            }
            Due::SameDay => {
                let day = verdict.day.map(in_words).unwrap_or_default();
                steps.add(StepKind::Day, format!("{day} is a working day"), "one duty for each working day");
            }
            Due::Days(_) | Due::WorkingDays(_) | Due::Before { .. } | Due::On(_) | Due::Prior => {}
        }
        if gap && let Some(grace) = version.grace {
            let what = format!("{grace} days of grace from {}", in_words(verdict.counted_from));
            let why =
                "the date computed lies before the day on which it could first be known: a gap in the policy";
            steps.add(StepKind::Moved, what, why);
        }
        for moved in &verdict.moves {
            let day = moved.due_on.map_or("no date".to_owned(), in_words);
            let why = match moved.by {
                Some(row) => format!("{} moved the date it follows", self.context.history.row(row).kind),
                None => format!("bank holidays were published at {}", london_words(moved.at)),
            };
            let step = steps.add(StepKind::Moved, format!("moved to {day} while it was pending"), why);
            step.fact = moved.by.map(|row| self.context.history.reference(row));
        }
        if verdict.flags.has(Flags::KEPT_DUE) {
            let what = "the earlier date of the duty that it replaced is kept";
            steps.add(StepKind::Moved, what, "recategorising must not extend the time for the same act");
        }
        let due = match (version.due, verdict.due_on, verdict.due_at) {
            (Due::Prior, _, Some(at)) => format!("due before {}", london_words(at)),
            (_, Some(on), Some(at)) => format!("due by the end of {}; overdue from {at}", in_words(on)),
            _ => "cannot be dated: the published bank holidays do not reach that far".to_owned(),
        };
        let why = verdict.act_by.map_or("no day is guessed".to_owned(), |day| {
            format!("the last working day to act is {}", in_words(day))
        });
        steps.add(StepKind::Due, due, why).date = verdict.due_on;
    }

    fn each_working_day(&self, steps: &mut Steps, from: Date, n: u16, view: &CalendarView) {
        let last = view.nth_working_day_after(from, n);
        let (mut day, mut number) = (from.next(), 0);
        while day <= last {
            let (words, skipped) = match view.holiday(day) {
                Some(title) if !day.is_weekend() => (format!("bank holiday: {title}"), true),
                _ if day.is_weekend() => ("weekend".to_owned(), true),
                _ => ("a working day".to_owned(), false),
            };
            let published = self.context.calendar.published_at(day, self.view.known_at);
            let why = match published {
                Some(at) if skipped && !day.is_weekend() => {
                    format!("{words}, published at {}", london_words(at))
                }
                _ => words,
            };
            number += u16::from(!skipped);
            let what = if skipped {
                format!("{}: skipped", in_words(day))
            } else {
                format!("{}: day {number}", in_words(day))
            };
            let step = steps.add(StepKind::Day, what, why);
            step.date = Some(day);
            step.counted = (!skipped).then_some(number);
            day = day.next();
        }
    }

    fn explain_end(&self, steps: &mut Steps, verdict: &Verdict, rule: &Rule) {
        let history = self.context.history;
        let told = verdict.closed_by.map(|row| {
            let found = history.row(row);
            format!(
                "{} ({}), which occurred at {} and was recorded at {}",
                found.kind,
                history.reference(row),
                london_words(found.time),
                london_words(found.recorded)
            )
        });
        let by = told.unwrap_or_else(|| "no fact".to_owned());
        let missed = match rule.basis {
            Basis::Policy => "a breach of the policy",
            Basis::Local => "a missed local target, not a breach",
        };
        let (what, why) = match verdict.outcome {
            Outcome::Pending => {
                ("pending".to_owned(), "it is open and its due moment has not come".to_owned())
            }
            Outcome::Overdue => {
                (format!("overdue: {missed}"), "its due moment has passed and nothing ended it".to_owned())
            }
            Outcome::Met => (format!("met by {by}"), "in time: strictly before the due moment".to_owned()),
            Outcome::MetLate => {
                (format!("met late by {by}: {missed}"), "at or after the due moment".to_owned())
            }
            Outcome::Withdrawn => {
                (format!("withdrawn by {by}"), "its condition ended before it was due".to_owned())
            }
            Outcome::Lapsed if verdict.closed_by.is_none() => (
                format!("lapsed: {missed}"),
                "the day passed undone, and a missed daily check cannot be mended".to_owned(),
            ),
            Outcome::Lapsed => (
                format!("lapsed by {by}: {missed}"),
                "its condition ended after it was due, undone".to_owned(),
            ),
            Outcome::Superseded => (
                format!("superseded at {by}"),
                "another rule of the same obligation opened at the same fact".to_owned(),
            ),
            Outcome::Exempt => (format!("exempt by {by}"), "waived by an entitled role".to_owned()),
            Outcome::Annulled => (
                format!("annulled by {by}"),
                "the opening fact was recorded in error; shown as judged before".to_owned(),
            ),
        };
        steps.add(StepKind::Ended, what, why).fact = verdict.closed_by.map(|row| history.reference(row));
    }
}

fn explain_notes(steps: &mut Steps, verdict: &Verdict, holder: &str) {
    let held = if holder.is_empty() {
        "nobody known answers for it".to_owned()
    } else {
        format!("{holder} answers for it")
    };
    let why = if verdict.inherited {
        "another organisation answered when it was opened; the clock did not restart"
    } else {
        "answerable at the end, the due moment or now, whichever is earliest"
    };
    steps.add(StepKind::Holder, held, why);
    let known = format!("could be known since {}", london_words(verdict.known_since));
    let why = if verdict.born_overdue {
        "only after it was due: born overdue"
    } else {
        "when the last of the facts that it opened on was recorded"
    };
    steps.add(StepKind::Noted, known, why);
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
        steps.add(StepKind::Noted, flag, why);
    }
}

fn each_day(steps: &mut Steps, from: Date, n: u16) {
    for number in 1..=n {
        let day = from.plus_days(i32::from(number));
        let why = if day.is_weekend() { "weekends count" } else { "every day counts" };
        let step = steps.add(StepKind::Day, format!("{}: day {number}", in_words(day)), why);
        step.date = Some(day);
        step.counted = Some(number);
    }
}

/// A condition in words.
/// The words of a set.
pub(super) fn words_of(words: &[&'static str], set: u32) -> Vec<&'static str> {
    words.iter().enumerate().filter(|(at, _)| set >> at & 1 == 1).map(|(_, word)| *word).collect()
}

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
