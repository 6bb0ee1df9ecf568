//! How a person wants to be told.

use crate::catalogue::{FactType, Field};
use crate::command::{Case, NewFact, Refusal};
use crate::fact::Value;

/// Kinds of mail that a person may turn off; what they have to act on at once they may not.
const OPTIONAL_MAILS: &[&str] = &["warning", "vetting", "digest", "team", "quarterly"];

/// Times at which a day has exactly one instant, and kinds of mail that may be turned off.
pub(super) fn prefer(case: &Case<'_>) -> Result<Vec<NewFact>, Refusal> {
    for field in [Field::DigestAt, Field::QuietFrom, Field::QuietUntil] {
        if case.command.get(field).is_some() && !is_time(case.text(field)) {
            let remedy = "state a London time such as 07:30, not between 01:00 and 01:59";
            return Err(case.content(field.name(), "it is no time that every day has once", remedy));
        }
    }
    let quiet = [Field::QuietFrom, Field::QuietUntil].map(|field| case.command.get(field).is_some());
    if quiet[0] != quiet[1] {
        return Err(case.content("quiet_from", "it has no end or no beginning", "state both or neither"));
    }
    if quiet[0]
        && !(1..=MOST_QUIET_MINUTES)
            .contains(&minutes_between(case.text(Field::QuietFrom), case.text(Field::QuietUntil)))
    {
        let remedy = "let mail come for ten hours of the day at least";
        return Err(case.content("quiet_until", "it leaves too little of the day, or none", remedy));
    }
    if let Some(Value::Texts(kinds)) = case.command.get(Field::Off)
        && let Some(other) = kinds.iter().find(|kind| !OPTIONAL_MAILS.contains(&&***kind))
    {
        let reason = format!("`{other}` cannot be turned off");
        return Err(case.content("off", &reason, &format!("name some of {}", OPTIONAL_MAILS.join(", "))));
    }
    Ok(case.one(FactType::PreferencesSet))
}

/// Longest quiet of a day, in minutes.
const MOST_QUIET_MINUTES: i32 = 14 * 60;

/// From one time of day to the next of another, in minutes: none from one to itself.
fn minutes_between(from: &str, until: &str) -> i32 {
    let minutes = |text: &str| {
        let (hour, minute) = text.split_once(':').unwrap_or_default();
        hour.parse().unwrap_or(0) * 60 + minute.parse::<i32>().unwrap_or(0)
    };
    (minutes(until) - minutes(from)).rem_euclid(24 * 60)
}

/// Whether a text is a time of day such as `07:30` outside the hour in which clocks change.
fn is_time(text: &str) -> bool {
    let digits = |part: &str| part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit());
    match text.split_once(':') {
        Some((hour, minute)) if digits(hour) && digits(minute) => {
            hour < "24" && minute < "60" && hour != "01"
        }
        Some(_) | None => false,
    }
}
