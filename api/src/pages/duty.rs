//! One duty, and why this date.

use askama::Template;

use super::act::CanDo;
use super::frame::{Frame, Section};
use super::words::{Basis, Due, Mark, Status, TimeLeft, Verdict};
use super::{Link, Page, Reference};

/// One duty with its derivation: all fields of the duty, then why.
#[derive(Debug, Clone, Template)]
#[template(path = "duty.html")]
pub struct DutyPage {
    /// What surrounds the page.
    pub frame: Frame,
    /// The short reference, for example `D-3F2A81C0`.
    pub reference: String,
    /// The whole id, for example `4.10:nominal/N1:/ndelius#e1`.
    pub id: String,
    /// The rule, linked to its page; its text is the rule's id.
    pub rule: Link,
    /// The paragraph, for example `4.10`.
    pub paragraph: String,
    /// The duty in one sentence, without a full stop.
    pub sentence: String,
    /// Whether the number is the policy's.
    pub basis: Basis,
    /// Whom or what the duty is about, linked to its page.
    pub subject: Reference,
    /// The organisation answerable; `None` where unknown.
    pub holder: Option<String>,
    /// Where the duty stands.
    pub status: Status,
    /// By when it must be done.
    pub due: Due,
    /// How much time is left.
    pub time_left: TimeLeft,
    /// The flags, `inherited` and `born_overdue`, each explained on the page.
    pub marks: Vec<Mark>,
    /// The dates and instants.
    pub dates: DutyDates,
    /// The facts that opened, closed and replaced it.
    pub ends: DutyEnds,
    /// The derivation, in order.
    pub steps: Vec<Step>,
    /// The words of the policy.
    pub quote: Quote,
    /// The readings of the policy that were used.
    pub interpretations: Vec<Interpretation>,
    /// Each day counted or skipped; empty where no days are counted.
    pub days: Vec<DayLine>,
    /// What was used: rule version, policy, calendar as published.
    pub versions: Vec<Version>,
    /// What happened to the duty, in the order recorded.
    pub history: Vec<HistoryLine>,
    /// The duty as JSON.
    pub json_href: String,
    /// The derivation in references and dates.
    pub derivation_href: String,
    /// What whoever looks can do about it.
    pub can_do: CanDo,
}

impl DutyPage {
    /// What a missed duty is called; `None` if it is not missed.
    #[must_use]
    pub fn verdict(&self) -> Option<Verdict> {
        self.status.verdict(self.basis)
    }
}

impl Page for DutyPage {
    fn frame(&self) -> &Frame {
        &self.frame
    }

    fn section(&self) -> Option<Section> {
        Some(Section::Duties)
    }

    fn heading(&self) -> String {
        format!("Duty {}", self.reference)
    }

    fn purpose(&self) -> String {
        "What must be done, by when, and why this date.".to_owned()
    }

    fn crumbs(&self) -> Vec<Link> {
        vec![Link::new("Duties", format!("/duties{}", self.frame.carry()))]
    }
}

/// The dates and instants of a duty, in words; instants in London time.
#[derive(Debug, Clone, Default)]
pub struct DutyDates {
    /// When it opened.
    pub opened_at: String,
    /// The day counting began from.
    pub counted_from: String,
    /// The day its window opens, if it has one.
    pub opens_on: Option<String>,
    /// The last day on which it is in time; `None` where it cannot be given.
    pub due_on: Option<String>,
    /// The last working day to act.
    pub act_by: Option<String>,
    /// The first instant at which it is overdue.
    pub due_at: Option<String>,
    /// The same instant in UTC, as in the data, for example `2026-03-08T00:00:00Z`.
    pub due_at_utc: Option<String>,
    /// When it ended.
    pub closed_at: Option<String>,
    /// When it could first be known from what had been recorded.
    pub known_since: String,
}

/// The facts that opened and ended a duty.
#[derive(Debug, Clone)]
pub struct DutyEnds {
    /// The fact that opened it.
    pub opened_by: Reference,
    /// The fact that ended it, whatever the outcome.
    pub closed_by: Option<Reference>,
    /// The duty that took its place.
    pub superseded_by: Option<Reference>,
}

/// One step of a derivation.
#[derive(Debug, Clone)]
pub struct Step {
    /// What was found or done, as a sentence.
    pub what: String,
    /// Why, as a sentence.
    pub why: String,
    /// The paragraph it rests on, for example `4.10`; `None` where it rests on none.
    pub paragraph: Option<String>,
    /// The fact it rests on, if one.
    pub fact: Option<Reference>,
}

/// Words quoted from the policy.
#[derive(Debug, Clone)]
pub struct Quote {
    /// The words, exactly.
    pub text: String,
    /// Where they stand, for example `Mandatory use of ViSOR, paragraph 4.10`.
    pub citation: String,
}

/// One reading of the policy.
#[derive(Debug, Clone)]
pub struct Interpretation {
    /// Its id, for example `days-are-calendar-days`.
    pub id: String,
    /// The question it answers.
    pub question: String,
    /// The choice made.
    pub choice: String,
    /// The choices not made.
    pub alternatives: Vec<String>,
    /// Why.
    pub reason: String,
}

/// One day on the way from the opening to the due date.
#[derive(Debug, Clone)]
pub struct DayLine {
    /// The date in words without the weekday, for example `6 March 2026`.
    pub date: String,
    /// The weekday, for example `Friday`.
    pub weekday: String,
    /// Whether it was counted.
    pub counted: Counted,
    /// Why, for example `working day` or `Good Friday`.
    pub reason: String,
}

/// Whether a day was counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counted {
    /// Counted, as this day of the period; 0 is the day of the fact.
    Day(u32),
    /// Not counted.
    Skipped,
}

impl Counted {
    /// The words of the cell.
    #[must_use]
    pub fn words(self) -> String {
        match self {
            Self::Day(0) => "Day 0, not counted".to_owned(),
            Self::Day(number) => format!("Yes, day {number}"),
            Self::Skipped => "No".to_owned(),
        }
    }
}

/// One thing used in judging, with its version.
#[derive(Debug, Clone)]
pub struct Version {
    /// What, for example `Rule version`.
    pub name: String,
    /// Which, for example `4.10, effective from 16 January 2023`.
    pub value: Reference,
}

/// One line of the history of a duty, on both clocks.
#[derive(Debug, Clone)]
pub struct HistoryLine {
    /// What happened, for example `Breach raised` or `Breach rescinded: recorded late`.
    pub what: String,
    /// More about it, as a sentence.
    pub detail: Option<String>,
    /// When it occurred, in words.
    pub occurred_at: String,
    /// When it was recorded, in words.
    pub recorded_at: String,
    /// The event or the mail, if the reader can open it.
    pub source: Option<Reference>,
}
