//! Sample duties.

use crate::pages::act::CanDo;
use crate::pages::duty::{
    Counted, DayLine, DutyDates, DutyEnds, DutyPage, HistoryLine, Interpretation, Quote, Step, Version,
};
use crate::pages::samples::acts;
use crate::pages::samples::{self, HOSTILE};
use crate::pages::words::{Basis, Due, Mark, Status, TimeLeft};
use crate::pages::{Link, Reference};

/// The words of paragraph 4.10.
pub fn quote_4_10() -> Quote {
    Quote {
        text: "must create a ViSOR nominal record for all cases registered at MAPPA Level 2 or 3 within 5 days of registration at level 2 or 3".to_owned(),
        citation: "Mandatory use of ViSOR, paragraph 4.10".to_owned(),
    }
}

/// Two readings that rule 4.10 uses.
pub fn interpretations() -> Vec<Interpretation> {
    vec![
        Interpretation {
            id: "days-are-calendar-days".to_owned(),
            question: "Does “within 5 days” count working days?".to_owned(),
            choice: "No: every day counts, and the day of the fact is day 0.".to_owned(),
            alternatives: vec!["5 working days".to_owned(), "weekends skipped, as in court rules".to_owned()],
            reason: "The policy says “working days” where it means them, as in paragraph 4.14.".to_owned(),
        },
        Interpretation {
            id: "scope-probation-owned".to_owned(),
            question: "Whose cases are “all cases”?".to_owned(),
            choice: "Category 2 only.".to_owned(),
            alternatives: vec![],
            reason: "Section 7 gives categories 1 and 4 to the police, and category 3 has paragraph 4.14."
                .to_owned(),
        },
    ]
}

fn step(what: &str, why: &str, paragraph: Option<&str>, fact: Option<&str>) -> Step {
    Step {
        what: what.to_owned(),
        why: why.to_owned(),
        paragraph: paragraph.map(str::to_owned),
        fact: fact.map(|fact| Reference::linked(fact, "/nominals/N-7F3K29QX#history")),
    }
}

fn day(date: &str, weekday: &str, counted: Counted, reason: &str) -> DayLine {
    DayLine { date: date.to_owned(), weekday: weekday.to_owned(), counted, reason: reason.to_owned() }
}

fn line(what: &str, detail: &str, occurred: &str, recorded: &str, source: Option<Reference>) -> HistoryLine {
    HistoryLine {
        what: what.to_owned(),
        detail: (!detail.is_empty()).then(|| detail.to_owned()),
        occurred_at: occurred.to_owned(),
        recorded_at: recorded.to_owned(),
        source,
    }
}

fn steps() -> Vec<Step> {
    vec![
        step(
            "The case was registered in category 2 at level 2 on Monday 2 March 2026 at 09:00.",
            "That made the condition of the rule true: category 2, level 2 or 3.",
            Some("4.10"),
            Some("/ndelius#e1"),
        ),
        step(
            "Counting starts on Monday 2 March 2026, which is day 0.",
            "“Within 5 days of registration” is read as excluding the day of registration.",
            Some("4.10"),
            None,
        ),
        step(
            "Five days on is Saturday 7 March 2026.",
            "Every day counts: the paragraph says “days”, not “working days”.",
            Some("4.10"),
            None,
        ),
        step(
            "The last working day to act is Friday 6 March 2026.",
            "The due date is a Saturday and is not moved, so warnings count to the working day before it.",
            None,
            None,
        ),
        step(
            "It became overdue on Sunday 8 March 2026 at 00:00, when the due date had ended.",
            "No fact that makes the record live had occurred by then.",
            Some("4.10"),
            None,
        ),
    ]
}

/// An overdue duty under the policy, with every part of the page filled.
pub fn overdue() -> DutyPage {
    DutyPage {
        frame: samples::present("/duties/D-3F2A81C0"),
        reference: "D-3F2A81C0".to_owned(),
        id: "4.10:nominal/N-7F3K29QX:/ndelius#e1".to_owned(),
        rule: Link::new("4.10", "/rules/4.10"),
        paragraph: "4.10".to_owned(),
        sentence: "Create a ViSOR record for a case registered at level 2 or 3".to_owned(),
        basis: Basis::Policy,
        subject: Reference::linked("N-7F3K29QX", "/nominals/N-7F3K29QX"),
        holder: Some("area/A07".to_owned()),
        status: Status::Overdue,
        due: Due::EndOf("Saturday 7 March 2026".to_owned()),
        time_left: TimeLeft::WorkingDaysOverdue(1),
        marks: vec![Mark::Inherited, Mark::NotEvidenced],
        dates: DutyDates {
            opened_at: "Monday 2 March 2026 at 09:00".to_owned(),
            counted_from: "Monday 2 March 2026".to_owned(),
            opens_on: None,
            due_on: Some("Saturday 7 March 2026".to_owned()),
            act_by: Some("Friday 6 March 2026".to_owned()),
            due_at: Some("Sunday 8 March 2026 at 00:00".to_owned()),
            due_at_utc: Some("2026-03-08T00:00:00Z".to_owned()),
            closed_at: None,
            known_since: "Monday 2 March 2026 at 09:00".to_owned(),
        },
        ends: DutyEnds {
            opened_by: Reference::linked("/ndelius#e1", "/nominals/N-7F3K29QX#history"),
            closed_by: None,
            superseded_by: None,
        },
        steps: steps(),
        quote: quote_4_10(),
        interpretations: interpretations(),
        days: vec![
            day("2 March 2026", "Monday", Counted::Day(0), "the day of the fact"),
            day("3 March 2026", "Tuesday", Counted::Day(1), "every day counts"),
            day("4 March 2026", "Wednesday", Counted::Day(2), "every day counts"),
            day("5 March 2026", "Thursday", Counted::Day(3), "every day counts"),
            day("6 March 2026", "Friday", Counted::Day(4), "every day counts; the last working day to act"),
            day("7 March 2026", "Saturday", Counted::Day(5), "every day counts; the due date"),
        ],
        versions: vec![
            Version {
                name: "Rule version".to_owned(),
                value: Reference::linked("4.10, effective from 16 January 2023", "/rules/4.10"),
            },
            Version {
                name: "Policy".to_owned(),
                value: Reference::plain("version 1, adopted at log position 1, sha256 4be1…09d2"),
            },
            Version {
                name: "Calendar".to_owned(),
                value: Reference::plain("England and Wales, as published on Sunday 8 March 2026"),
            },
        ],
        history: vec![
            line(
                "Warning sent",
                "Two working days before the last working day to act.",
                "Wednesday 4 March 2026 at 09:00",
                "Wednesday 4 March 2026 at 09:00",
                Some(Reference::linked("Due by Friday 6 March: 3 ViSOR duties in U71", "/inbox/1")),
            ),
            line(
                "Breach raised",
                "",
                "Sunday 8 March 2026 at 00:00",
                "Sunday 8 March 2026 at 00:00:03",
                Some(Reference::plain("log position 12,301")),
            ),
            line(
                "Notice sent",
                "To the CPC of area/A07.",
                "Sunday 8 March 2026 at 00:00:04",
                "Sunday 8 March 2026 at 00:00:04",
                Some(Reference::linked("Breach: N-7F3K29QX, paragraph 4.10", "/inbox/2")),
            ),
        ],
        json_href: "/v1/duties/D-3F2A81C0".to_owned(),
        derivation_href: "/v1/duties/D-3F2A81C0/derivation".to_owned(),
        can_do: acts::can_do(),
    }
}

/// A duty met in time by a fact recorded late, so that its breach was rescinded; seen as known later.
pub fn rescinded() -> DutyPage {
    let mut page = overdue();
    page.frame = samples::past("/duties/D-3F2A81C0");
    page.status = Status::Met;
    page.time_left = TimeLeft::EndedOn("Friday 6 March 2026".to_owned());
    page.marks = vec![Mark::KeptDue];
    page.dates.closed_at = Some("Friday 6 March 2026 at 15:00".to_owned());
    page.ends.closed_by = Some(Reference::linked("/visor/attested#e2", "/nominals/N-7F3K29QX#history"));
    page.history.push(line(
        "Breach rescinded",
        "The record was created on Friday 6 March 2026 and recorded four days later: met in time.",
        "Tuesday 10 March 2026 at 11:20",
        "Tuesday 10 March 2026 at 11:20",
        None,
    ));
    page.can_do = CanDo::default();
    page
}

/// A missed local target counted in working days over a holiday, without interpretations.
pub fn local() -> DutyPage {
    DutyPage {
        reference: "D-90AB12EF".to_owned(),
        id: "4.18:nominal/N-7F3K29QX:/oasys#a9".to_owned(),
        rule: Link::new("4.18", "/rules/4.18"),
        paragraph: "4.18".to_owned(),
        sentence: "Copy sections R10 and R11 of a completed OASys assessment to ViSOR".to_owned(),
        basis: Basis::Local,
        status: Status::Lapsed,
        time_left: TimeLeft::EndedOn("Wednesday 8 April 2026".to_owned()),
        marks: vec![Mark::BornOverdue],
        interpretations: vec![],
        days: vec![
            day("2 April 2026", "Thursday", Counted::Day(0), "the day of the fact"),
            day("3 April 2026", "Friday", Counted::Skipped, "Good Friday, published Tuesday 1 January 2019"),
            day("4 April 2026", "Saturday", Counted::Skipped, "Saturday"),
            day("5 April 2026", "Sunday", Counted::Skipped, "Sunday"),
            day("6 April 2026", "Monday", Counted::Skipped, "Easter Monday"),
            day("7 April 2026", "Tuesday", Counted::Day(1), "working day"),
        ],
        ..overdue()
    }
}

/// A duty too far beyond the calendar to have a date.
pub fn undatable() -> DutyPage {
    let page = overdue();
    DutyPage {
        holder: None,
        subject: Reference::plain("user/U-20481"),
        status: Status::Pending,
        due: Due::Undatable,
        time_left: TimeLeft::NoDate,
        marks: vec![Mark::Undatable],
        dates: DutyDates {
            opens_on: Some("Tuesday 30 June 2026".to_owned()),
            due_on: None,
            act_by: None,
            due_at: None,
            due_at_utc: None,
            ..page.dates.clone()
        },
        ends: DutyEnds {
            superseded_by: Some(Reference::linked("D-00000001", "/duties/D-00000001")),
            ..page.ends.clone()
        },
        days: vec![],
        history: vec![],
        can_do: CanDo::default(),
        ..page
    }
}

/// A duty about which nothing but its fields is known.
pub fn bare() -> DutyPage {
    DutyPage { frame: samples::live(), steps: vec![], marks: vec![], ..undatable() }
}

/// A duty whose every text tries to be markup.
pub fn hostile() -> DutyPage {
    let mut page = overdue();
    page.sentence = HOSTILE.to_owned();
    page.holder = Some(HOSTILE.to_owned());
    page.id = HOSTILE.to_owned();
    page.reference = HOSTILE.to_owned();
    page.rule = Link::new(HOSTILE, format!("/rules/{HOSTILE}"));
    page.subject = Reference::linked(HOSTILE, format!("/nominals/{HOSTILE}"));
    page.quote = Quote { text: HOSTILE.to_owned(), citation: HOSTILE.to_owned() };
    page.steps = vec![step(HOSTILE, HOSTILE, Some(HOSTILE), Some(HOSTILE))];
    page.history = vec![line(HOSTILE, HOSTILE, HOSTILE, HOSTILE, Some(Reference::plain(HOSTILE)))];
    page.frame.done = Some(HOSTILE.to_owned());
    page
}
