//! What a mail says of a rule: its paragraph, the duty in one sentence, what clears it.

use mandate_domain::catalogue::FactType;
use mandate_domain::policy::{Basis, Condition, Due, Form, Policy, PolicyError, Rule, Test, Version};
use mandate_domain::time::{Date, Instant};
use mandate_domain::vocabulary::{StateField, StateShape};

use super::words::either;

/// The rules that ship with the program, for the words in mails.
#[derive(Debug)]
pub(crate) struct Rulebook(Policy);

impl Rulebook {
    pub fn shipped() -> Result<Self, PolicyError> {
        Policy::shipped().map(Self)
    }

    pub fn rule(&self, id: &str) -> Option<&Rule> {
        self.0.rule(id)
    }

    /// Whether missing a duty of the rule is a breach; what a region chose is none.
    pub fn is_policy(&self, rule: &str) -> bool {
        self.rule(rule).is_some_and(|rule| rule.basis == Basis::Policy)
    }

    /// Whether a duty of the rule is due on a date that stands in a document, such as the last day of vetting.
    pub fn is_expiry(&self, rule: &str) -> bool {
        self.rule(rule)
            .is_some_and(|rule| rule.versions.last().is_some_and(|version| matches!(version.due, Due::On(_))))
    }

    /// The version with a number as `duty.breached` gives it, else the latest.
    fn version(&self, rule: &str, number: &str) -> Option<&Version> {
        let versions = &self.rule(rule)?.versions;
        versions.iter().find(|version| version.number.to_string() == number).or_else(|| versions.last())
    }

    /// The last day on which a duty with this due moment was in time; for `prior` the day before which it had to be.
    pub fn due_on(&self, rule: &str, version: &str, due_at: Instant) -> Date {
        match self.version(rule, version).map(|version| version.due) {
            Some(Due::Prior) => due_at.london_date(),
            Some(
                Due::Days(_)
                | Due::WorkingDays(_)
                | Due::Before { .. }
                | Due::On(_)
                | Due::Months { .. }
                | Due::SameDay,
            )
            | None => due_at.just_before().london_date(),
        }
    }

    /// Which facts clear a duty, as a sentence without its full stop.
    pub fn clears(&self, rule: &str, version: &str) -> String {
        let kinds = self.version(rule, version).map(clearing).unwrap_or_default();
        if kinds.is_empty() {
            return "Cleared when it is done and recorded".to_owned();
        }
        let words: Vec<String> = kinds.into_iter().map(in_words).collect();
        format!("Cleared when this is recorded: {}", either(&words))
    }
}

/// The types of fact that can end a duty of the version well.
fn clearing(version: &Version) -> Vec<FactType> {
    let (entries, more) = match version.form {
        Form::While => (&version.closes_overdue, version.done.as_slice()),
        Form::On | Form::Every => (&version.done, &[][..]),
        Form::Prior => (&version.needs, &[][..]),
    };
    let mut kinds: Vec<FactType> = entries.iter().chain(more).map(|entry| entry.kind).collect();
    if version.form == Form::While {
        match &version.until {
            Some(until) => kinds.extend(making(until)),
            None => kinds.extend(unmaking(&version.holds)),
        }
    }
    let mut seen = Vec::new();
    kinds.retain(|kind| {
        let new = !seen.contains(kind);
        seen.push(*kind);
        new
    });
    kinds
}

/// What can make a condition true.
fn making(condition: &Condition) -> Vec<FactType> {
    let values = condition.tests.iter().flat_map(|(field, test)| values(test).map(|value| (*field, value)));
    values.flat_map(|(field, value)| field.setters(value)).collect()
}

/// What can make a condition of words false.
fn unmaking(condition: &Condition) -> Vec<FactType> {
    let others = |(field, test): &(StateField, Test)| -> Vec<FactType> {
        let count = match field.shape() {
            StateShape::Words(words) => u32::try_from(words.len()).unwrap_or(0),
            StateShape::Set(_) => return field.setters(0),
            StateShape::Number(_) | StateShape::Bool | StateShape::OptionalDate | StateShape::OptionalId => 0,
        };
        let held: Vec<u32> = values(test).collect();
        // A value below those that hold is an earlier stage, to which nothing leads back.
        let after = held.iter().max().map_or(0, |value| value + 1);
        (after..count).flat_map(|value| field.setters(value)).collect()
    };
    condition.tests.iter().flat_map(others).collect()
}

fn values(test: &Test) -> impl Iterator<Item = u32> {
    let listed: &[u32] = match test {
        Test::AnyOf(values) => values,
        Test::Range(..)
        | Test::Known
        | Test::Unknown
        | Test::HoldsAll(_)
        | Test::HoldsAny(_)
        | Test::Contains(_)
        | Test::BeginsWith(_) => &[],
    };
    listed.iter().copied()
}

/// A type of fact in words: `record created`.
fn in_words(kind: FactType) -> String {
    let plain = kind.name().replace(['.', '_'], " ");
    let known = |word: &str| match word {
        "visor" => "ViSOR".to_owned(),
        "oasys" => "OASys".to_owned(),
        "ndelius" => "nDelius".to_owned(),
        "todo" => "to-do list".to_owned(),
        word => word.to_owned(),
    };
    plain.split(' ').map(known).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_clears_a_duty_follows_from_its_rule() {
        let rules = Rulebook::shipped().unwrap();
        let clears = |rule: &str| rules.clears(rule, "1");
        assert_eq!(
            clears("4.10"),
            "Cleared when this is recorded: record created, record unarchived, ViSOR searched or alert added"
        );
        assert_eq!(clears("4.25"), "Cleared when this is recorded: partners added or partnership refused");
        assert_eq!(clears("5.15"), "Cleared when this is recorded: to-do list checked");
        assert_eq!(clears("4.26"), "Cleared when this is recorded: partnership requested or partners added");
        assert_eq!(clears("4.8.cpc"), "Cleared when this is recorded: post filled or vetting cleared");
        assert_eq!(clears("9.99"), "Cleared when it is done and recorded");
        for rule in &rules.0.rules {
            assert!(clears(&rule.id).starts_with("Cleared when this is recorded: "), "{}", rule.id);
        }
    }

    #[test]
    fn the_last_day_is_the_one_before_the_due_moment_except_where_it_had_to_be_before() {
        let rules = Rulebook::shipped().unwrap();
        let due_at = Instant::parse("2026-03-08T00:00:00Z").unwrap();
        assert_eq!(rules.due_on("4.10", "1", due_at).to_string(), "2026-03-07");
        assert_eq!(rules.due_on("4.28", "1", due_at).to_string(), "2026-03-08");
    }
}
