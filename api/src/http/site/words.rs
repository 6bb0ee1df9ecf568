//! Moments, statuses and fields in the words of the pages.

use mandate_domain::calendar::CalendarView;
use mandate_domain::catalogue::SubjectKind;
use mandate_domain::judge::{DutyRecord, Outcome};
use mandate_domain::policy::{Basis as RuleBasis, Due as RuleDue, Policy};
use mandate_domain::time::{Date, Instant};
use mandate_projections::DutyRow as Row;

use crate::pages::Reference;
use crate::pages::row::DutyRow;
use crate::pages::words::{Basis, Due, Mark, Status, TimeLeft, date_and_time, long_date};

/// Working days ahead that count as this week.
const THIS_WEEK: i32 = 5;

/// A London date and time in words.
#[must_use]
pub fn at_london(at: Instant) -> String {
    date_and_time(at.to_chrono().with_timezone(&chrono_tz::Europe::London).naive_local())
}

/// When a page was made, in words, to the second.
#[must_use]
pub fn checked_at(now: Instant) -> String {
    at_london(Instant::from_nanos(now.nanos() - now.nanos().rem_euclid(1_000_000_000)))
}

/// A date in words.
#[must_use]
pub fn day(date: Date) -> String {
    long_date(date.to_chrono())
}

/// What rows are looked at with.
#[derive(Clone, Copy)]
pub struct Lens<'b> {
    /// The policy.
    pub policy: &'b Policy,
    /// The calendar as known.
    pub calendar: &'b CalendarView,
    /// The day of the view.
    pub today: Date,
    /// `?asAt=…` where a past moment is shown.
    pub carry: &'b str,
}

impl Lens<'_> {
    /// A duty as a row of a table.
    #[must_use]
    pub fn row(&self, row: &Row) -> DutyRow {
        let record = &row.record;
        DutyRow {
            reference: row.reference.clone(),
            href: format!("/duties/{}{}", row.reference, self.carry),
            subject: self.subject(&record.subject),
            paragraph: record.paragraph.clone(),
            rule_href: format!("/rules/{}", record.rule),
            sentence: row.title.clone(),
            holder: record.holder.clone(),
            due: self.due(record),
            act_by: record.act_by.map(day),
            time_left: self.time_left(record),
            status: self.status(record),
            basis: self.basis(record),
            marks: marks(record),
        }
    }

    /// Whom a duty is about.
    #[must_use]
    pub fn subject(&self, subject: &str) -> Reference {
        match (SubjectKind::of(subject), subject.split_once('/')) {
            (Some(SubjectKind::Nominal), Some((_, reference))) => {
                Reference::linked(reference, format!("/nominals/{reference}{}", self.carry))
            }
            _ => Reference::plain(subject),
        }
    }

    /// By when it must be done.
    #[must_use]
    pub fn due(&self, record: &DutyRecord) -> Due {
        let prior = self
            .policy
            .rule(&record.rule)
            .is_some_and(|rule| rule.versions.iter().any(|version| version.due == RuleDue::Prior));
        match (record.due_at, record.due_on) {
            (Some(at), _) if prior => Due::Before(at_london(at)),
            (_, Some(on)) => Due::EndOf(day(on)),
            _ => Due::Undatable,
        }
    }

    /// Where it stands.
    #[must_use]
    pub fn status(&self, record: &DutyRecord) -> Status {
        match record.outcome() {
            Outcome::Pending => self.pending(record),
            Outcome::Overdue => Status::Overdue,
            Outcome::Met => Status::Met,
            Outcome::MetLate => Status::MetLate,
            Outcome::Withdrawn => Status::Withdrawn,
            Outcome::Lapsed => Status::Lapsed,
            Outcome::Superseded => Status::Superseded,
            Outcome::Exempt => Status::Exempt,
            Outcome::Annulled => Status::Annulled,
        }
    }

    fn pending(&self, record: &DutyRecord) -> Status {
        if record.opens_on.is_some_and(|opens_on| opens_on > self.today) {
            return Status::NotYetOpen;
        }
        match record.act_by {
            Some(act_by) if act_by <= self.today => Status::DueToday,
            Some(act_by) if self.calendar.working_days_between(self.today, act_by) <= THIS_WEEK => {
                Status::DueThisWeek
            }
            Some(_) | None => Status::Pending,
        }
    }

    /// How much time is left.
    #[must_use]
    pub fn time_left(&self, record: &DutyRecord) -> TimeLeft {
        let days =
            |from: Date, to: Date| u32::try_from(self.calendar.working_days_between(from, to)).unwrap_or(0);
        match (record.outcome(), record.opens_on, record.act_by, record.due_on) {
            (Outcome::Pending, Some(opens_on), _, _) if opens_on > self.today => {
                TimeLeft::OpensOn(day(opens_on))
            }
            (Outcome::Pending, _, Some(act_by), _) if act_by >= self.today => {
                TimeLeft::WorkingDaysLeft(days(self.today, act_by))
            }
            (Outcome::Pending, _, Some(_), _) => TimeLeft::NoWorkingDayLeft,
            (Outcome::Pending, _, None, _) | (Outcome::Overdue, _, _, None) => TimeLeft::NoDate,
            (Outcome::Overdue, _, _, Some(due_on)) => TimeLeft::WorkingDaysOverdue(days(due_on, self.today)),
            (
                Outcome::Met
                | Outcome::MetLate
                | Outcome::Withdrawn
                | Outcome::Lapsed
                | Outcome::Superseded
                | Outcome::Exempt
                | Outcome::Annulled,
                ..,
            ) => record.closed_at.map_or(TimeLeft::NoDate, |at| TimeLeft::EndedOn(day(at.london_date()))),
        }
    }

    /// Whose number it is.
    #[must_use]
    pub fn basis(&self, record: &DutyRecord) -> Basis {
        match self.policy.rule(&record.rule).map(|rule| rule.basis) {
            Some(RuleBasis::Local) => Basis::Local,
            None if record.basis == "local" => Basis::Local,
            Some(RuleBasis::Policy) | None => Basis::Policy,
        }
    }
}

/// What else to know of a duty.
#[must_use]
pub fn marks(record: &DutyRecord) -> Vec<Mark> {
    let flags = record.flags.iter().filter_map(|flag| match flag.as_str() {
        "policy_gap" => Some(Mark::PolicyGap),
        "kept_due" => Some(Mark::KeptDue),
        "provisional" => Some(Mark::Provisional),
        "undatable" => Some(Mark::Undatable),
        "not_evidenced" => Some(Mark::NotEvidenced),
        _ => None,
    });
    let own = [(record.inherited, Mark::Inherited), (record.born_overdue, Mark::BornOverdue)];
    own.into_iter().filter(|(there, _)| *there).map(|(_, mark)| mark).chain(flags).collect()
}

/// The name of a field of the state.
#[must_use]
pub fn field(name: &str) -> String {
    match name {
        "category" => "MAPPA category".to_owned(),
        "level" => "MAPPA level".to_owned(),
        "record_owner_org" => "Organisation that owns the record".to_owned(),
        "release_on" => "Release date".to_owned(),
        "alive" => "Alive".to_owned(),
        "managed" => "Managed at level 2 or 3, or supervised".to_owned(),
        "awaiting_partnership" => "Waiting for partnership".to_owned(),
        other => sentence_case(other),
    }
}

/// The value of a field of the state.
#[must_use]
pub fn value(name: &str, value: &str) -> String {
    match (name, value) {
        ("category" | "level", "0") => "not set".to_owned(),
        ("area" | "unit" | "prison" | "release_on", "none") => "not known".to_owned(),
        (_, "true") => "yes".to_owned(),
        (_, "false") => "no".to_owned(),
        ("release_on", date) => Date::parse(date).map_or_else(|_| date.to_owned(), day),
        (_, other) => other.to_owned(),
    }
}

/// A type of fact in plain words: `mappa.registered` is `MAPPA registered`.
#[must_use]
pub fn kind(name: &str) -> String {
    let words = sentence_case(&name.replace('.', " "));
    let words = words.replace("Mappa", "MAPPA").replace("Oasys", "OASys").replace("Ndelius", "nDelius");
    words.replace("Visor", "ViSOR").replace("visor", "ViSOR").replace("Rotl", "ROTL")
}

/// Words with underscores as a sentence begins.
#[must_use]
pub fn sentence_case(name: &str) -> String {
    let spaced = name.replace(['_', '-'], " ");
    let mut chars = spaced.chars();
    chars.next().map(|first| first.to_uppercase().collect::<String>() + chars.as_str()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_read_as_words() {
        assert_eq!(kind("mappa.registered"), "MAPPA registered");
        assert_eq!(kind("ndelius.visor_registered"), "nDelius ViSOR registered");
        assert_eq!(kind("risk_information.added"), "Risk information added");
    }

    #[test]
    fn moments_are_said_in_london_time() {
        assert_eq!(
            at_london(Instant::parse("2026-06-01T23:30:00Z").unwrap()),
            "Tuesday 2 June 2026 at 00:30"
        );
    }
}
