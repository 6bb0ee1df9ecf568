//! Sample work lists and lists of duties.

use crate::pages::Reference;
use crate::pages::date_boxes::DateBoxes;
use crate::pages::duties::{Chip, Choice, Count, Duties, DutyColumns, DutyFilter, Order, SavedView, Sort};
use crate::pages::frame::FieldError;
use crate::pages::paging::Pages;
use crate::pages::row::DutyRow;
use crate::pages::samples::{self, acts};
use crate::pages::words::{Basis, Due, Mark, Status, TimeLeft};
use crate::pages::work::{MyWork, WorkGroup};

const CHECKED: &str = "Tuesday 10 March 2026 at 09:00";

/// A row under 4.10 that is overdue.
pub fn overdue_row() -> DutyRow {
    DutyRow {
        reference: "D-3F2A81C0".to_owned(),
        href: "/duties/D-3F2A81C0".to_owned(),
        subject: Reference::linked("N-7F3K29QX", "/nominals/N-7F3K29QX"),
        paragraph: "4.10".to_owned(),
        rule_href: "/rules/4.10".to_owned(),
        sentence: "Create a ViSOR record for a case registered at level 2 or 3".to_owned(),
        holder: Some("area/A07".to_owned()),
        due: Due::EndOf("Saturday 7 March 2026".to_owned()),
        act_by: Some("Friday 6 March 2026".to_owned()),
        time_left: TimeLeft::WorkingDaysOverdue(1),
        status: Status::Overdue,
        basis: Basis::Policy,
        marks: vec![Mark::Inherited],
    }
}

/// A row under a local target, due today.
pub fn local_row() -> DutyRow {
    DutyRow {
        reference: "D-90AB12EF".to_owned(),
        href: "/duties/D-90AB12EF".to_owned(),
        paragraph: "4.18".to_owned(),
        rule_href: "/rules/4.18".to_owned(),
        sentence: "Copy sections R10 and R11 of a completed OASys assessment to ViSOR".to_owned(),
        due: Due::EndOf("Tuesday 10 March 2026".to_owned()),
        act_by: Some("Tuesday 10 March 2026".to_owned()),
        time_left: TimeLeft::WorkingDaysLeft(0),
        status: Status::DueToday,
        basis: Basis::Local,
        marks: vec![],
        ..overdue_row()
    }
}

fn partners_row() -> DutyRow {
    DutyRow {
        reference: "D-5C77D014".to_owned(),
        href: "/duties/D-5C77D014".to_owned(),
        subject: Reference::linked("N-2M8R51TB", "/nominals/N-2M8R51TB"),
        paragraph: "4.25".to_owned(),
        rule_href: "/rules/4.25".to_owned(),
        sentence: "Add partners to the record within 3 days of the request".to_owned(),
        due: Due::EndOf("Friday 13 March 2026".to_owned()),
        act_by: Some("Friday 13 March 2026".to_owned()),
        time_left: TimeLeft::WorkingDaysLeft(3),
        status: Status::DueThisWeek,
        marks: vec![],
        ..overdue_row()
    }
}

fn window_row() -> DutyRow {
    DutyRow {
        reference: "D-0E4419AA".to_owned(),
        href: "/duties/D-0E4419AA".to_owned(),
        subject: Reference::linked("N-XW04P6HD", "/nominals/N-XW04P6HD"),
        paragraph: "4.11".to_owned(),
        rule_href: "/rules/4.11".to_owned(),
        sentence: "Create a ViSOR record for a category 2, level 1 case before release".to_owned(),
        due: Due::EndOf("Monday 31 August 2026".to_owned()),
        act_by: Some("Friday 28 August 2026".to_owned()),
        time_left: TimeLeft::OpensOn("Tuesday 30 June 2026".to_owned()),
        status: Status::NotYetOpen,
        marks: vec![Mark::PolicyGap, Mark::Provisional],
        ..overdue_row()
    }
}

fn undatable_row() -> DutyRow {
    DutyRow {
        reference: "D-77777777".to_owned(),
        href: "/duties/D-77777777".to_owned(),
        subject: Reference::plain("user/U-20481"),
        holder: None,
        due: Due::Undatable,
        act_by: None,
        time_left: TimeLeft::NoDate,
        status: Status::Pending,
        marks: vec![Mark::Undatable],
        ..local_row()
    }
}

/// One row for each status.
pub fn a_row_for_each_status() -> Vec<DutyRow> {
    let all = [
        (Status::NotYetOpen, TimeLeft::OpensOn("Tuesday 30 June 2026".to_owned())),
        (Status::Pending, TimeLeft::WorkingDaysLeft(12)),
        (Status::DueThisWeek, TimeLeft::WorkingDaysLeft(2)),
        (Status::DueToday, TimeLeft::NoWorkingDayLeft),
        (Status::Overdue, TimeLeft::WorkingDaysOverdue(5)),
        (Status::Met, TimeLeft::EndedOn("Friday 6 March 2026".to_owned())),
        (Status::MetLate, TimeLeft::EndedOn("Tuesday 10 March 2026".to_owned())),
        (Status::Withdrawn, TimeLeft::EndedOn("Friday 6 March 2026".to_owned())),
        (Status::Lapsed, TimeLeft::EndedOn("Monday 9 March 2026".to_owned())),
        (Status::Superseded, TimeLeft::EndedOn("Friday 6 March 2026".to_owned())),
        (Status::Exempt, TimeLeft::EndedOn("Friday 6 March 2026".to_owned())),
        (Status::Annulled, TimeLeft::EndedOn("Friday 6 March 2026".to_owned())),
    ];
    let row = |(place, (status, time_left)): (usize, (Status, TimeLeft))| DutyRow {
        reference: format!("D-0000000{place:X}"),
        href: format!("/duties/D-0000000{place:X}"),
        basis: if place % 2 == 0 { Basis::Policy } else { Basis::Local },
        status,
        time_left,
        marks: if place == 8 { vec![Mark::NotEvidenced, Mark::BornOverdue] } else { vec![] },
        ..overdue_row()
    };
    all.into_iter().enumerate().map(row).collect()
}

fn group(rows: Vec<DutyRow>, total: u64, outcome: &str) -> WorkGroup {
    WorkGroup { rows, total, all_href: format!("/duties?outcome={outcome}") }
}

/// A work list with something in every group.
pub fn work() -> MyWork {
    let old = DutyRow {
        reference: "D-11B0C9D2".to_owned(),
        href: "/duties/D-11B0C9D2".to_owned(),
        due: Due::Before("Tuesday 3 March 2026 at 14:30".to_owned()),
        act_by: Some("Tuesday 3 March 2026".to_owned()),
        time_left: TimeLeft::WorkingDaysOverdue(5),
        marks: vec![Mark::NotEvidenced],
        ..overdue_row()
    };
    MyWork {
        bulk: Some(acts::bulk()),
        frame: samples::present("/work"),
        checked_at: CHECKED.to_owned(),
        covers: vec!["area/A07".to_owned()],
        overdue: group(vec![old, overdue_row()], 1_204, "overdue"),
        due_today: group(vec![local_row()], 1, "pending"),
        due_this_week: group(vec![partners_row()], 1, "pending"),
        later: group(vec![window_row(), undatable_row()], 2, "pending"),
        csv_href: "/work.csv".to_owned(),
        json_href: "/v1/duties?holder=area/A07".to_owned(),
    }
}

/// A work list with nothing to do.
pub fn work_empty() -> MyWork {
    MyWork {
        frame: samples::live(),
        overdue: WorkGroup::default(),
        due_today: WorkGroup::default(),
        due_this_week: WorkGroup::default(),
        later: WorkGroup::default(),
        ..work()
    }
}

/// A work list as it was, with only one group filled, after a form was sent.
pub fn work_past() -> MyWork {
    let mut frame = samples::past("/work");
    frame.done = Some("Recorded: Minutes added (N-7F3K29QX).\n12345".to_owned());
    MyWork {
        bulk: None,
        frame,
        overdue: WorkGroup::default(),
        due_today: WorkGroup::default(),
        later: WorkGroup::default(),
        ..work()
    }
}

fn choice(value: &str, text: &str, chosen: bool) -> Choice {
    Choice { value: value.to_owned(), text: text.to_owned(), chosen }
}

fn filter() -> DutyFilter {
    let outcomes = [
        ("pending", "Pending"),
        ("overdue", "Overdue"),
        ("met", "Met"),
        ("met_late", "Met late"),
        ("withdrawn", "Withdrawn"),
        ("lapsed", "Lapsed"),
        ("superseded", "Superseded"),
        ("exempt", "Exempt"),
        ("annulled", "Annulled"),
    ];
    DutyFilter {
        areas: vec![choice("area/A07", "A07", false), choice("area/A08", "A08", false)],
        units: vec![choice("unit/U71", "U71", false)],
        prisons: vec![choice("prison/LEI", "LEI", false)],
        rules: vec![choice("4.10", "4.10", false), choice("4.14", "4.14", false)],
        outcomes: outcomes.map(|(value, text)| choice(value, text, false)).to_vec(),
        carried: vec![("sort".to_owned(), "due".to_owned()), ("dir".to_owned(), "asc".to_owned())],
        clear_href: "/duties".to_owned(),
        ..DutyFilter::default()
    }
}

/// The list of duties, one for each status, on the second of many pages.
pub fn duties() -> Duties {
    let sort = |key: &str, order: Order| Sort { order, href: format!("/duties?sort={key}") };
    Duties {
        bulk: Some(acts::bulk()),
        saved: vec![],
        save_href: None,
        frame: samples::present("/duties"),
        checked_at: CHECKED.to_owned(),
        filter: filter(),
        counts: vec![
            Count { text: "Pending".to_owned(), count: 1_310 },
            Count { text: "Overdue".to_owned(), count: 1_204 },
            Count { text: "Met".to_owned(), count: 40_951 },
            Count { text: "Met late".to_owned(), count: 377 },
        ],
        columns: DutyColumns {
            due: sort("due&dir=desc", Order::Ascending),
            rule: sort("rule", Order::Unsorted),
            subject: sort("subject", Order::Unsorted),
            holder: sort("holder", Order::Descending),
            outcome: sort("outcome", Order::Unsorted),
        },
        rows: a_row_for_each_status(),
        pages: Pages::new(2, 12, 43_842, |page| format!("/duties?sort=due&page={page}")),
        csv_href: "/duties.csv?sort=due".to_owned(),
        json_href: "/v1/duties?sort=due".to_owned(),
    }
}

/// The list filtered by everything there is.
pub fn duties_filtered() -> Duties {
    let chip = |field: &str, value: &str| Chip {
        field: field.to_owned(),
        value: value.to_owned(),
        remove_href: format!("/duties?without={}", field.to_lowercase().replace(' ', "-")),
    };
    let mut filter = filter();
    filter.areas = vec![choice("area/A07", "A07", true), choice("area/A08", "A08", false)];
    filter.due_from = DateBoxes::typed(Some("2"), Some("3"), Some("2026"));
    filter.chips = vec![
        chip("Area", "A07"),
        chip("Rule", "4.10"),
        chip("Outcome", "Overdue"),
        chip("Due from", "Monday 2 March 2026"),
    ];
    Duties {
        bulk: None,
        saved: vec![SavedView {
            name: "Overdue in A07".to_owned(),
            href: "/duties?area=area/A07".to_owned(),
            remove_href: "/act/remove-view?view=v".to_owned(),
        }],
        save_href: Some("/act/save-view?filter=area".to_owned()),
        frame: samples::past("/duties"),
        filter,
        counts: vec![],
        rows: vec![overdue_row()],
        pages: Pages::new(1, 50, 1, |_| String::new()),
        ..duties()
    }
}

/// The list after a filter with a date that does not exist.
pub fn duties_wrong_date() -> Duties {
    let mut page = duties_filtered();
    page.filter.due_to = DateBoxes::typed(Some("31"), Some("4"), Some("2026"));
    let error = page.filter.due_to.read("Due to").unwrap_err();
    page.filter.due_to.error = Some(error.clone());
    page.frame = samples::wrong_moment("/duties");
    page.frame.errors.push(FieldError { field: "dueTo-day".to_owned(), text: error });
    page
}

/// The list when nothing matches.
pub fn duties_empty() -> Duties {
    Duties { rows: vec![], pages: Pages::new(1, 50, 0, |_| String::new()), ..duties_filtered() }
}
