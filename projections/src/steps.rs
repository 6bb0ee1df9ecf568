//! The steps of a duty: warnings before it is due, escalations after.

use mandate_domain::calendar::CalendarView;
use mandate_domain::policy::{Step as WarnStep, Version};
use mandate_domain::time::{Date, Instant};

/// Steps on a day come at seven in the morning. Clocks change in the small hours, so that it is counted back from the
/// end of the day: 17 hours on every day of the year.
const SECONDS_TO_MIDNIGHT: i64 = 17 * 3600;
/// Who is told of a breach at once, by the mail about the breach itself.
const AT_BREACH: &str = "cpc";

/// A step that is to come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NextStep {
    pub name: String,
    pub at: Instant,
    /// To whom it escalates; none for a warning.
    pub to_role: Option<String>,
}

/// Seven in the morning in London.
fn morning_of(day: Date) -> Instant {
    day.end().plus_seconds(-SECONDS_TO_MIDNIGHT)
}

/// The warnings of a duty from an instant on.
pub(crate) fn warnings(
    version: &Version,
    calendar: &CalendarView,
    due_on: Date,
    act_by: Date,
    earliest: Instant,
) -> Vec<NextStep> {
    let step = |step: &WarnStep| {
        let day = match *step {
            WarnStep::Days(days) => due_on.plus_days(-i32::from(days)),
            WarnStep::WorkingDays(days) => {
                (0..days).fold(act_by, |day, _| calendar.last_working_day_to(day.previous()))
            }
        };
        NextStep { name: step.name(), at: morning_of(day), to_role: None }
    };
    version.warn.iter().map(step).filter(|step| step.at >= earliest).collect()
}

/// The escalations of a breach: each on a morning so many working days after the last day on which it was in time,
/// or at the breach itself. The step that tells the CPC at the breach is the mail about the breach.
pub(crate) fn escalations(
    version: &Version,
    calendar: &CalendarView,
    due_on: Date,
    due_at: Instant,
) -> Vec<NextStep> {
    let later = version.escalate.iter().filter(|step| step.working_days > 0 || step.to != AT_BREACH);
    later
        .map(|step| {
            let morning = || morning_of(calendar.nth_working_day_after(due_on, step.working_days));
            NextStep {
                name: format!("escalate-{}wd-{}", step.working_days, step.to),
                at: if step.working_days == 0 { due_at } else { morning().max(due_at) },
                to_role: Some(step.to.clone()),
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use mandate_domain::calendar::Calendar;
    use mandate_domain::policy::Policy;

    use super::*;

    #[test]
    fn steps_come_at_seven_in_london_on_every_day_also_when_the_clocks_change() {
        for (day, wanted) in [
            ("2026-03-28", "2026-03-28T07:00:00Z"),
            // The clocks go forward at 01:00 on Sunday 29 March, and back at 02:00 on Sunday 25 October 2026.
            ("2026-03-29", "2026-03-29T06:00:00Z"),
            ("2026-03-30", "2026-03-30T06:00:00Z"),
            ("2026-10-24", "2026-10-24T06:00:00Z"),
            ("2026-10-25", "2026-10-25T07:00:00Z"),
            ("2026-10-26", "2026-10-26T07:00:00Z"),
        ] {
            assert_eq!(morning_of(Date::parse(day).unwrap()).to_string(), wanted, "{day}");
        }
    }

    #[test]
    fn a_breach_escalates_on_the_fifth_and_on_the_twentieth_working_day_after_its_deadline() {
        let policy = Policy::shipped().unwrap();
        let calendar = Calendar::shipped().unwrap();
        let version = &policy.rule("4.10").unwrap().versions[0];
        // Due on Saturday 28 March 2026; Good Friday is 3 April and Easter Monday 6 April.
        let due_on = Date::parse("2026-03-28").unwrap();
        let known = calendar.known_at(Instant::parse("2026-03-29T00:00:00Z").unwrap());
        let steps = escalations(version, known, due_on, due_on.end());
        let told: Vec<_> = steps
            .iter()
            .map(|step| format!("{} {} {}", step.name, step.to_role.as_deref().unwrap(), step.at))
            .collect();
        assert_eq!(
            told,
            ["escalate-5wd-head head 2026-04-07T06:00:00Z", "escalate-20wd-board board 2026-04-28T06:00:00Z"]
        );
    }
}
