//! The words, shapes and formats that every page uses alike.

use chrono::{Datelike, NaiveDate, NaiveDateTime, Timelike};

/// Where a duty stands, as its tag shows it: words, a shape and a colour.
///
/// The outcomes of judging are as in the glossary; a pending duty is told apart by how near it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// Pending; the window in which it can be done has not opened.
    NotYetOpen,
    /// Pending, with more than a week to go.
    Pending,
    /// Pending; the last working day to act is within the next five working days.
    DueThisWeek,
    /// Pending; the last working day to act is today, or has passed with the due date still ahead.
    DueToday,
    /// The due moment has passed and it is not done.
    Overdue,
    /// Done in time.
    Met,
    /// Done after the due moment.
    MetLate,
    /// Its condition ended before it was due.
    Withdrawn,
    /// It ended after it was overdue, undone.
    Lapsed,
    /// Another duty of the same obligation took its place.
    Superseded,
    /// Waived by someone entitled to.
    Exempt,
    /// The fact that opened it was recorded in error.
    Annulled,
}

impl Status {
    /// The words of the tag.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::NotYetOpen => "Not open yet",
            Self::Pending => "Pending",
            Self::DueThisWeek => "Due this week",
            Self::DueToday => "Due today",
            Self::Overdue => "Overdue",
            Self::Met => "Met",
            Self::MetLate => "Met late",
            Self::Withdrawn => "Withdrawn",
            Self::Lapsed => "Lapsed",
            Self::Superseded => "Superseded",
            Self::Exempt => "Exempt",
            Self::Annulled => "Annulled",
        }
    }

    /// The last part of the tag's class, which gives its colour.
    #[must_use]
    pub fn class(self) -> &'static str {
        match self {
            Self::NotYetOpen => "not-yet-open",
            Self::Pending => "pending",
            Self::DueThisWeek => "due-this-week",
            Self::DueToday => "due-today",
            Self::Overdue => "overdue",
            Self::Met => "met",
            Self::MetLate => "met-late",
            Self::Withdrawn => "withdrawn",
            Self::Lapsed => "lapsed",
            Self::Superseded => "superseded",
            Self::Exempt => "exempt",
            Self::Annulled => "annulled",
        }
    }

    /// The outline of the tag's shape in a box of 16 by 16, filled by the even-odd rule.
    #[must_use]
    pub fn shape(self) -> &'static str {
        match self {
            // A dot.
            Self::NotYetOpen => "M8 5a3 3 0 1 0 0 6a3 3 0 1 0 0-6z",
            // A ring.
            Self::Pending => "M8 1a7 7 0 1 0 0 14a7 7 0 1 0 0-14zM8 3.5a4.5 4.5 0 1 1 0 9a4.5 4.5 0 1 1 0-9z",
            // A ring, half filled.
            Self::DueThisWeek => "M8 1a7 7 0 1 0 0 14a7 7 0 1 0 0-14zM8 3a5 5 0 0 1 0 10z",
            // A clock.
            Self::DueToday => "M8 1a7 7 0 1 0 0 14a7 7 0 1 0 0-14zM7 3.5h2v4h3.5v2h-5.5z",
            // A warning triangle.
            Self::Overdue => "M8 1L15.7 15H.3zM7 5.5h2v5h-2zM7 11.7h2v2h-2z",
            // A tick.
            Self::Met => "M1.2 8.6l2-2L6.3 9.7 12.8 2.6l2 2L6.3 13.8z",
            // A tick over a line.
            Self::MetLate => "M1.2 6.1l2-2L6.3 7.2 12.8.6l2 2L6.3 11.3zM1 13h14v2.2H1z",
            // A bar.
            Self::Withdrawn => "M1 6.5h14v3H1z",
            // A cross.
            Self::Lapsed => "M3 .9L8 5.9l5-5L15.1 3l-5 5 5 5-2.1 2.1-5-5-5 5L.9 13l5-5-5-5z",
            // An arrow.
            Self::Superseded => "M1 6.7h8.2L6.3 3.8l1.9-1.9L14.3 8l-6.1 6.1-1.9-1.9 2.9-2.9H1z",
            // A hollow diamond.
            Self::Exempt => "M8 .5L15.5 8 8 15.5.5 8zM8 4L4 8l4 4 4-4z",
            // A square with a bar taken out.
            Self::Annulled => "M1 1h14v14H1zM3.5 7h9v2h-9z",
        }
    }

    /// What a duty with this status has come to under a rule of this basis, if that is a miss.
    #[must_use]
    pub fn verdict(self, basis: Basis) -> Option<Verdict> {
        match self {
            Self::Overdue | Self::MetLate | Self::Lapsed => Some(match basis {
                Basis::Policy => Verdict::Breach,
                Basis::Local => Verdict::MissedLocalTarget,
            }),
            Self::NotYetOpen
            | Self::Pending
            | Self::DueThisWeek
            | Self::DueToday
            | Self::Met
            | Self::Withdrawn
            | Self::Superseded
            | Self::Exempt
            | Self::Annulled => None,
        }
    }
}

/// Whether the number of a rule stands in the policy or was chosen locally.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Basis {
    /// The policy states the number.
    Policy,
    /// A region chose the number; a miss is never called a breach.
    Local,
}

impl Basis {
    /// The words of the mark beside a duty.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Policy => "Policy duty",
            Self::Local => "Local target",
        }
    }

    /// The last part of the mark's class.
    #[must_use]
    pub fn class(self) -> &'static str {
        match self {
            Self::Policy => "policy",
            Self::Local => "local",
        }
    }
}

/// What a missed duty is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Missed under the policy.
    Breach,
    /// Missed under a local target.
    MissedLocalTarget,
}

impl Verdict {
    /// The verdict in words.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Breach => "Breach",
            Self::MissedLocalTarget => "Missed local target",
        }
    }
}

/// Something to know about a duty besides where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// The holder now is not the holder at opening.
    Inherited,
    /// It was already overdue when it could first be known.
    BornOverdue,
    /// The policy gives no number for this case.
    PolicyGap,
    /// It took over the earlier due date of the duty it superseded.
    KeptDue,
    /// The due date lies beyond the last year with a published holiday.
    Provisional,
    /// The due date lies too far beyond the calendar to be given.
    Undatable,
    /// Nothing that could have closed it was ever recorded for this holder.
    NotEvidenced,
}

impl Mark {
    /// The words of the mark.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Inherited => "Inherited",
            Self::BornOverdue => "Born overdue",
            Self::PolicyGap => "Policy gap",
            Self::KeptDue => "Earlier due date kept",
            Self::Provisional => "Provisional date",
            Self::Undatable => "No date yet",
            Self::NotEvidenced => "Not evidenced",
        }
    }

    /// What the mark means, as a sentence.
    #[must_use]
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Inherited => {
                "The duty was opened while another holder was answerable. A transfer never restarts a clock."
            }
            Self::BornOverdue => {
                "It was already overdue when it could first be known from what had been recorded."
            }
            Self::PolicyGap => {
                "The policy gives no number for this case, so the rule's own period of grace was used."
            }
            Self::KeptDue => "It replaced another duty and kept the earlier of the two due dates.",
            Self::Provisional => {
                "The date lies beyond the last year with published bank holidays and may still move."
            }
            Self::Undatable => {
                "The date lies too far beyond the published bank holidays to be given, and is never guessed."
            }
            Self::NotEvidenced => {
                "Nothing that could have closed it was ever recorded for this holder: the evidence is missing, not necessarily the act."
            }
        }
    }
}

/// By when a duty must be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Due {
    /// By the end of this day, in words.
    EndOf(String),
    /// Before this instant, in words: that of the fact it had to precede.
    Before(String),
    /// No date can be given yet.
    Undatable,
}

impl Due {
    /// What comes before the day or the instant.
    #[must_use]
    pub fn lead(&self) -> &'static str {
        match self {
            Self::EndOf(_) => "Due by the end of",
            Self::Before(_) => "Due before",
            Self::Undatable => "No due date can be given yet",
        }
    }

    /// The same in a list, where space is short.
    #[must_use]
    pub fn short_lead(&self) -> &'static str {
        match self {
            Self::EndOf(_) => "Due",
            Self::Before(_) | Self::Undatable => self.lead(),
        }
    }

    /// The day or the instant; empty where none can be given.
    #[must_use]
    pub fn moment(&self) -> &str {
        match self {
            Self::EndOf(moment) | Self::Before(moment) => moment,
            Self::Undatable => "",
        }
    }
}

/// How much time is left, counted in working days, or how a duty stands without a count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TimeLeft {
    /// Working days from today to the last working day to act; 0 = today is that day.
    WorkingDaysLeft(u32),
    /// The last working day to act has passed, the due date has not.
    NoWorkingDayLeft,
    /// Whole working days since the due date; 0 = none has passed yet.
    WorkingDaysOverdue(u32),
    /// The window opens on this day, in words.
    OpensOn(String),
    /// It ended on this day, in words.
    EndedOn(String),
    /// There is no due date to count to.
    NoDate,
}

impl TimeLeft {
    /// The count as a short phrase.
    #[must_use]
    pub fn words(&self) -> String {
        match self {
            Self::WorkingDaysLeft(0) => "Today is the last working day".to_owned(),
            Self::WorkingDaysLeft(1) => "1 working day left".to_owned(),
            Self::WorkingDaysLeft(days) => format!("{} working days left", grouped(u64::from(*days))),
            Self::NoWorkingDayLeft => "No working day left".to_owned(),
            Self::WorkingDaysOverdue(0) => "Overdue, no working day since".to_owned(),
            Self::WorkingDaysOverdue(1) => "1 working day overdue".to_owned(),
            Self::WorkingDaysOverdue(days) => format!("{} working days overdue", grouped(u64::from(*days))),
            Self::OpensOn(day) => format!("Opens {day}"),
            Self::EndedOn(day) => format!("Ended {day}"),
            Self::NoDate => "No date to count to".to_owned(),
        }
    }
}

/// A date in words, for example `Friday 6 March 2026`.
#[must_use]
pub fn long_date(date: NaiveDate) -> String {
    format!("{} {} {}", date.format("%A"), date.day(), date.format("%B %Y"))
}

/// A London date and time in words, for example `Friday 6 March 2026 at 09:00`.
///
/// Seconds and their fraction are shown only where they are not zero, so that a fact of the last
/// second of a day can be told from one of the next day. The caller converts to London time.
#[must_use]
pub fn date_and_time(london: NaiveDateTime) -> String {
    let time = match (london.second(), london.nanosecond()) {
        (0, 0) => london.format("%H:%M"),
        (_, 0) => london.format("%H:%M:%S"),
        (_, _) => london.format("%H:%M:%S%.f"),
    };
    format!("{} at {time}", long_date(london.date()))
}

/// A count with commas, for example `12,345`.
#[must_use]
pub fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(year: i32, month: u32, day: u32) -> NaiveDate {
        NaiveDate::from_ymd_opt(year, month, day).unwrap()
    }

    #[test]
    fn a_date_is_written_with_its_weekday_and_without_a_leading_zero() {
        assert_eq!(long_date(day(2026, 3, 6)), "Friday 6 March 2026");
    }

    #[test]
    fn seconds_are_written_only_where_they_matter() {
        let at = |hour, minute, second| day(2026, 3, 7).and_hms_opt(hour, minute, second).unwrap();
        assert_eq!(date_and_time(at(9, 5, 0)), "Saturday 7 March 2026 at 09:05");
        assert_eq!(date_and_time(at(23, 59, 59)), "Saturday 7 March 2026 at 23:59:59");
        let last = day(2026, 3, 7).and_hms_milli_opt(23, 59, 59, 999).unwrap();
        assert_eq!(date_and_time(last), "Saturday 7 March 2026 at 23:59:59.999");
    }

    #[test]
    fn one_day_left_is_singular_and_none_left_says_so() {
        assert_eq!(TimeLeft::WorkingDaysLeft(2).words(), "2 working days left");
        assert_eq!(TimeLeft::WorkingDaysLeft(1).words(), "1 working day left");
        assert_eq!(TimeLeft::WorkingDaysLeft(0).words(), "Today is the last working day");
        assert_eq!(TimeLeft::WorkingDaysOverdue(5).words(), "5 working days overdue");
    }

    #[test]
    fn counts_are_grouped_by_thousands() {
        assert_eq!(grouped(0), "0");
        assert_eq!(grouped(999), "999");
        assert_eq!(grouped(1_000), "1,000");
        assert_eq!(grouped(1_234_567), "1,234,567");
    }

    #[test]
    fn a_missed_local_target_is_never_called_a_breach() {
        assert_eq!(Status::Overdue.verdict(Basis::Local), Some(Verdict::MissedLocalTarget));
        assert_eq!(Status::Overdue.verdict(Basis::Policy), Some(Verdict::Breach));
        assert_eq!(Status::Met.verdict(Basis::Policy), None);
    }
}
