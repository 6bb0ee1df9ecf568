//! Rules that can govern one act, and the days on which their deadlines change places (spec 1, point 3).

use serde::Serialize;

use crate::calendar::{Calendar, CalendarView};
use crate::policy::{CountedFrom, Due, Form, Policy, Rule, Version};
use crate::time::{Date, Instant};

/// Why two rules can govern one act.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase", tag = "kind", content = "name")]
pub enum Shared {
    /// They share an obligation.
    Obligation(String),
    /// A fact of this type ends both.
    Done(String),
}

/// Two rules that can govern one act.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Overlap {
    /// The two rules, in table order.
    pub rules: [String; 2],
    /// Why one act can fall under both.
    pub shared: Shared,
    /// Their deadlines, day by day, where both follow from the day alone.
    pub days: Option<Days>,
}

/// The deadlines of two rules that open on the same day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Days {
    /// Days looked at.
    pub days: u32,
    /// On so many the first rule is due earlier.
    pub first_is_earlier: u32,
    /// On so many both are due on the same day.
    pub equal: u32,
    /// On so many the first rule is due later.
    pub first_is_later: u32,
    /// The days on which the rarer of the two orders holds, none where it never does.
    pub flips: Vec<Date>,
}

/// Lists the rules of a policy that can govern one act, with the days from `from` to `to`, both included, on which their
/// order flips. The holidays are those known at `known_at`.
///
/// # Policy
/// 4.10 and 4.14: a category 3 case at level 2 or 3 that becomes category 2 has "3 working days" replaced by "5 days" for
/// the same record; over bank holidays the working days end later.
#[must_use]
pub fn overlaps(
    policy: &Policy,
    calendar: &Calendar,
    known_at: Instant,
    from: Date,
    to: Date,
) -> Vec<Overlap> {
    let view = calendar.known_at(known_at);
    let mut found = Vec::new();
    for (at, first) in policy.rules.iter().enumerate() {
        for second in policy.rules.iter().skip(at + 1) {
            let Some((one, other)) = first.versions.last().zip(second.versions.last()) else { continue };
            if let Some(shared) = shared(one, other) {
                let days = days(view, one, other, from, to);
                found.push(Overlap {
                    rules: [first, second].map(|rule: &Rule| rule.id.clone()),
                    shared,
                    days,
                });
            }
        }
    }
    found
}

fn shared(one: &Version, other: &Version) -> Option<Shared> {
    if !one.subjects.iter().any(|subject| other.is_about(*subject)) {
        return None;
    }
    if let Some(obligation) = one.obligation.as_ref().filter(|own| other.obligation.as_ref() == Some(own)) {
        return Some(Shared::Obligation(obligation.clone()));
    }
    if one.form != Form::On || other.form != Form::On || one.matches != other.matches || one.by != other.by {
        return None;
    }
    let same = |entry: &crate::policy::Entry, own: &crate::policy::Entry| {
        own.kind == entry.kind && own.data == entry.data
    };
    let ends = one.done.iter().find(|entry| other.done.iter().any(|own| same(entry, own)))?;
    // Openings that exclude each other, as levels do, are never of one act.
    let opens = |entry: &crate::policy::Entry| other.on.iter().any(|own| same(entry, own));
    one.on.iter().any(opens).then(|| Shared::Done(ends.kind.to_string()))
}

fn days(view: &CalendarView, one: &Version, other: &Version, from: Date, to: Date) -> Option<Days> {
    let mut found = Days { days: 0, first_is_earlier: 0, equal: 0, first_is_later: 0, flips: Vec::new() };
    let (mut earlier, mut later) = (Vec::new(), Vec::new());
    let mut day = from;
    while day <= to {
        match due(view, one, day)?.cmp(&due(view, other, day)?) {
            std::cmp::Ordering::Less => earlier.push(day),
            std::cmp::Ordering::Equal => found.equal += 1,
            std::cmp::Ordering::Greater => later.push(day),
        }
        found.days += 1;
        day = day.next();
    }
    let count = |days: &Vec<Date>| u32::try_from(days.len()).unwrap_or(u32::MAX);
    (found.first_is_earlier, found.first_is_later) = (count(&earlier), count(&later));
    found.flips = if earlier.len() <= later.len() { earlier } else { later };
    Some(found)
}

/// The due date of a duty that is opened on a day, where it follows from the day alone.
fn due(view: &CalendarView, version: &Version, day: Date) -> Option<Date> {
    match (version.due, version.counted_from) {
        (Due::Days(days), CountedFrom::Opening | CountedFrom::Sentence) => {
            Some(day.plus_days(i32::from(days)))
        }
        (Due::WorkingDays(days), CountedFrom::Opening | CountedFrom::Sentence) => {
            Some(view.nth_working_day_after(day, days))
        }
        (Due::Months { months, days }, CountedFrom::Opening | CountedFrom::Sentence) => {
            Some(day.plus_months(i32::from(months)).plus_days(i32::from(days)))
        }
        (Due::Days(_) | Due::WorkingDays(_) | Due::Months { .. }, CountedFrom::Reception)
        | (Due::Before { .. } | Due::On(_) | Due::Prior | Due::SameDay, _) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::{shipped_draft, shipped_files};

    fn date(text: &str) -> Date {
        Date::parse(text).unwrap()
    }

    fn between(policy: &Policy, first: &str, second: &str) -> Overlap {
        let known_at = Instant::parse("2026-11-01T00:00:00Z").unwrap();
        let calendar = Calendar::shipped().unwrap();
        let all = overlaps(policy, &calendar, known_at, date("2021-01-01"), date("2027-10-31"));
        let pair = [first.to_owned(), second.to_owned()];
        all.into_iter().find(|overlap| overlap.rules == pair).unwrap()
    }

    #[test]
    fn three_working_days_end_later_than_five_days_on_139_of_2495_days() {
        let overlap = between(&Policy::shipped().unwrap(), "4.10", "4.14");
        assert_eq!(overlap.shared, Shared::Obligation("record".to_owned()));
        let days = overlap.days.unwrap();
        assert_eq!((days.days, days.first_is_earlier, days.flips.len()), (2495, 139, 139));
        // Maundy Thursday 2026: five days end on Tuesday 7 April, three working days on Thursday 9 April.
        assert!(days.flips.contains(&date("2026-04-02")));
        // A Monday without a holiday: three working days end on Thursday, five days on Saturday.
        assert!(!days.flips.contains(&date("2026-03-02")));
    }

    #[test]
    fn under_five_working_days_the_order_never_flips() {
        let files = shipped_files().with(shipped_draft("five-working-days").unwrap());
        let days = between(&Policy::load(&files).unwrap(), "4.10", "4.14").days.unwrap();
        assert_eq!((days.first_is_earlier, days.first_is_later, days.flips.len()), (0, 2495, 0));
    }

    #[test]
    fn a_deadline_that_follows_a_release_date_is_named_without_days() {
        assert_eq!(between(&Policy::shipped().unwrap(), "4.10", "4.11").days, None);
    }

    #[test]
    fn a_leaver_is_closed_by_the_act_that_tells_of_him() {
        let overlap = between(&Policy::shipped().unwrap(), "4.38", "4.38.close");
        assert_eq!(overlap.shared, Shared::Done("account.disabled".to_owned()));
        assert_eq!(overlap.days.unwrap().equal, 2495);
    }
}
