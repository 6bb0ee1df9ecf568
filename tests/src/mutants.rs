//! Derivations with something changed that matters.
//!
//! A mutant is a derivation in which one claim was replaced by another, or several that belong together were moved
//! together. One that the judge itself claims of some duty of that subject is still true and is no mutant: two rules may
//! well ask the same, and be answered by the same fact.

use std::collections::HashMap;

use mandate_check::Derivation;
use mandate_domain::time::{Date, Instant};

use crate::random::Random;

/// What a mutant has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Change {
    /// The last day.
    Due,
    /// The whole arithmetic by as many days: counted from, window, last day, last working day.
    Arithmetic,
    /// The last working day.
    Act,
    /// The dates and calendar of another duty of that subject.
    OthersDates,
    /// The version of the calendar.
    Calendar,
    /// The rule.
    Rule,
    /// The version of the rule.
    Version,
    /// The fact that opened it.
    Opened,
    /// A fact that it rests on, left out.
    RestDropped,
    /// A fact that it rests on, another in its place.
    RestReplaced,
    /// A fact more that it rests on.
    RestAdded,
    /// The fact that ended it.
    Closed,
    /// The fact that ended it, left out: it is still open.
    ClosedDropped,
    /// When it ended.
    ClosedAt,
    /// What became of it.
    Outcome,
    /// The end of another duty of that subject.
    OthersEnd,
    /// Whether it is a breach.
    Breach,
    /// Who answers.
    Holder,
    /// Whose duty it is.
    Subject,
    /// The flags.
    Flags,
    /// As known at: just before a fact that it names was recorded.
    KnownAt,
    /// As at: just before a fact that it names occurred.
    AsAt,
    /// The day of a daily duty.
    Day,
    /// The rule that took over.
    Successor,
}

impl Change {
    /// Every change.
    pub const ALL: [Self; 24] = [
        Self::Due,
        Self::Arithmetic,
        Self::Act,
        Self::OthersDates,
        Self::Calendar,
        Self::Rule,
        Self::Version,
        Self::Opened,
        Self::RestDropped,
        Self::RestReplaced,
        Self::RestAdded,
        Self::Closed,
        Self::ClosedDropped,
        Self::ClosedAt,
        Self::Outcome,
        Self::OthersEnd,
        Self::Breach,
        Self::Holder,
        Self::Subject,
        Self::Flags,
        Self::KnownAt,
        Self::AsAt,
        Self::Day,
        Self::Successor,
    ];
}

/// A fact as mutants need it.
#[derive(Debug, Clone, Copy)]
pub struct Fact {
    /// Its place.
    pub position: u32,
    /// When it occurred.
    pub time: Instant,
    /// When it was recorded.
    pub recorded: Instant,
}

/// What mutants are made of.
#[derive(Debug, Default)]
pub struct Stock {
    /// The facts of each subject.
    pub facts: HashMap<String, Vec<Fact>>,
    /// Every fact by position.
    pub by_position: HashMap<u32, Fact>,
    /// Ids of rules.
    pub rules: Vec<String>,
    /// Organisations that answer for something.
    pub holders: Vec<String>,
    /// Subjects of duties.
    pub subjects: Vec<String>,
}

const OUTCOMES: [&str; 8] =
    ["pending", "overdue", "met", "met_late", "withdrawn", "lapsed", "superseded", "exempt"];

impl Stock {
    /// A mutant of one of the derivations of a subject; none where it has no such part, or what came out is true.
    pub fn mutant(
        &self,
        of: &[Derivation],
        at: usize,
        change: Change,
        random: &mut Random,
    ) -> Option<Derivation> {
        let true_one = of.get(at)?;
        let mut own = true_one.clone();
        let other = of.get(below(random, of.len()))?;
        let days = [-7, -2, -1, 1, 2, 7].get(below(random, 6)).copied()?;
        match change {
            Change::Due => move_day(&mut own.due, days),
            Change::Act => move_day(&mut own.act, days),
            Change::Day => move_day(&mut own.day, days),
            Change::Arithmetic => {
                own.from = moved(&own.from, days)?;
                for day in [&mut own.opens, &mut own.due, &mut own.act] {
                    move_day(day, days);
                }
            }
            Change::OthersDates => {
                (own.from, own.due) = (other.from.clone(), other.due.clone());
                (own.opens, own.act, own.calendar) = (other.opens.clone(), other.act.clone(), other.calendar);
            }
            Change::Calendar => own.calendar = own.calendar.checked_add_signed(days)?,
            Change::Rule => own.rule.clone_from(choose(&self.rules, random)?),
            Change::Version => own.version += 1,
            Change::Opened => own.opened = self.fact_of(&own, random)?.position,
            Change::RestDropped => {
                (!own.rests.is_empty()).then(|| own.rests.remove(below(random, own.rests.len())))?;
            }
            Change::RestReplaced => {
                let place = below(random, own.rests.len());
                *own.rests.get_mut(place)? = self.fact_of(&own, random)?.position;
                own.rests.sort_unstable();
            }
            Change::RestAdded => {
                own.rests.push(self.fact_of(&own, random)?.position);
                own.rests.sort_unstable();
            }
            Change::Closed => own.closed = Some(self.fact_of(&own, random)?.position),
            Change::ClosedDropped => {
                let late = matches!(own.outcome.as_str(), "met_late" | "lapsed");
                own.closed.take()?;
                (own.closed_at, own.successor) = (None, None);
                if late { "overdue" } else { "pending" }.clone_into(&mut own.outcome);
            }
            Change::ClosedAt => {
                let closed_at = match &own.closed_at {
                    Some(at) => Instant::parse(at).ok()?,
                    None => self.by_position.get(&own.closed?)?.time,
                };
                own.closed_at = Some(closed_at.plus_seconds(i64::from(days)).to_string());
            }
            Change::Outcome => (*choose(&OUTCOMES, random)?).clone_into(&mut own.outcome),
            Change::OthersEnd => {
                own.outcome.clone_from(&other.outcome);
                (own.closed, own.closed_at) = (other.closed, other.closed_at.clone());
                (own.successor, own.breach) = (other.successor.clone(), other.breach);
            }
            Change::Breach => own.breach = !own.breach,
            Change::Holder => own.holder = choose(&self.holders, random).cloned(),
            Change::Subject => own.subject.clone_from(choose(&self.subjects, random)?),
            Change::Flags => match own.flags.pop() {
                Some(_) => {}
                None => own.flags.push("policy_gap".to_owned()),
            },
            Change::KnownAt => {
                own.known_at = Some(self.named_by(&own, random)?.recorded.just_before().to_string());
            }
            // An annulment counts whenever it is said to have occurred.
            Change::AsAt if own.outcome == "annulled" => return None,
            Change::AsAt => {
                let before = self.named_by(&own, random)?.time.just_before().to_string();
                let as_at = std::mem::replace(&mut own.as_at, before);
                own.known_at.get_or_insert(as_at);
            }
            Change::Successor => own.successor = Some(choose(&self.rules, random)?.clone()),
        }
        (own != *true_one && !of.contains(&own)).then_some(own)
    }

    /// Any fact of the subject.
    fn fact_of(&self, derivation: &Derivation, random: &mut Random) -> Option<Fact> {
        choose(self.facts.get(&derivation.subject)?, random).copied()
    }

    /// One of the facts that a derivation names.
    fn named_by(&self, derivation: &Derivation, random: &mut Random) -> Option<Fact> {
        let others = derivation.rests.iter().copied().chain(derivation.closed);
        let named: Vec<u32> = others.chain([derivation.opened]).collect();
        self.by_position.get(choose(&named, random)?).copied()
    }
}

fn below(random: &mut Random, limit: usize) -> usize {
    usize::try_from(random.below(limit as u64)).unwrap_or(0)
}

fn choose<'a, T>(all: &'a [T], random: &mut Random) -> Option<&'a T> {
    all.get(below(random, all.len()))
}

fn moved(day: &str, days: i32) -> Option<String> {
    Some(Date::parse(day).ok()?.plus_days(days).to_string())
}

fn move_day(day: &mut Option<String>, days: i32) {
    *day = day.as_deref().and_then(|day| moved(day, days));
}

/// What a worse checker would not look at: the controls of the campaign.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blind {
    /// The arithmetic.
    Arithmetic,
    /// What the opening rests on.
    Rests,
    /// What was known when.
    KnownAt,
    /// How it ended.
    End,
}

impl Blind {
    /// Every control.
    pub const ALL: [Self; 4] = [Self::Arithmetic, Self::Rests, Self::KnownAt, Self::End];

    /// A mutant as a checker that is blind so would take it: what it does not look at is as it should be.
    #[must_use]
    pub fn sees(self, mutant: &Derivation, true_one: &Derivation) -> Derivation {
        let (mut seen, right) = (mutant.clone(), true_one.clone());
        match self {
            Self::Arithmetic => {
                (seen.from, seen.opens, seen.due, seen.act) = (right.from, right.opens, right.due, right.act);
                seen.calendar = right.calendar;
            }
            Self::Rests => seen.rests = right.rests,
            Self::KnownAt => seen.known_at = right.known_at,
            Self::End => {
                (seen.outcome, seen.closed, seen.closed_at) = (right.outcome, right.closed, right.closed_at);
                (seen.successor, seen.breach) = (right.successor, right.breach);
            }
        }
        seen
    }
}
