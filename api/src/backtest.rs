//! Backtests on all cores, as text: the numbers by rule and holder, and the cases behind them.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use mandate_domain::calendar::Calendar;
use mandate_domain::judge::backtest::{
    Backtest, CaseRecord, Compared, Line, Narrowed, Part, Period, Report, SideRecord,
};
use mandate_domain::judge::{History, View};
use mandate_domain::policy::{Basis, Policy};

use crate::duty_csv::text_row;

/// What a draft is held against, over which history and period.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// The policies with their calendars.
    pub compared: Compared<'a>,
    /// The facts.
    pub history: &'a History,
    /// The moment asked about.
    pub view: View,
    /// The days on which the deadlines lie.
    pub period: Period,
}

/// Compares a draft with the policy in force, on `threads` threads, without subjects that are `hidden`; `wanted` chooses
/// among the cases.
#[must_use]
pub fn run(
    asked: &Asked<'_>,
    threads: usize,
    hidden: &dyn Fn(&str) -> bool,
    wanted: impl Fn(&CaseRecord) -> bool,
) -> Report {
    let narrowed = Narrowed::of(&asked.compared);
    let backtest = Backtest::new(asked.compared, &narrowed, asked.history, asked.view, asked.period);
    backtest.report(on_threads(&backtest, threads, hidden), wanted)
}

fn on_threads(backtest: &Backtest<'_>, threads: usize, hidden: &dyn Fn(&str) -> bool) -> Part {
    let units = backtest.units_but(hidden);
    let pieces: Vec<&[u32]> = units.chunks(units.len().div_ceil(threads.max(1) * 16).max(1)).collect();
    let (next, all) = (AtomicUsize::new(0), Mutex::new(Part::default()));
    std::thread::scope(|scope| {
        for _ in 0..threads.max(1) {
            scope.spawn(|| {
                while let Some(units) = pieces.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let part = backtest.compare(units);
                    all.lock().unwrap_or_else(PoisonError::into_inner).add(part);
                }
            });
        }
    });
    all.into_inner().unwrap_or_else(PoisonError::into_inner)
}

/// The policies of a comparison where the draft is a reading that was not chosen.
#[must_use]
pub const fn compared<'a>(adopted: &'a Policy, calendar: &'a Calendar, draft: &'a Policy) -> Compared<'a> {
    Compared { adopted, calendar, draft, draft_calendar: None }
}

const LINE_COLUMNS: [&str; 13] = [
    "rule",
    "basis",
    "holder",
    "duties_adopted",
    "duties_draft",
    "duties_appear",
    "duties_vanish",
    "duties_move",
    "duties_end_otherwise",
    "missed_adopted",
    "missed_draft",
    "missed_appear",
    "missed_vanish",
];

const CASE_COLUMNS: [&str; 15] = [
    "duty",
    "rule",
    "subject",
    "holder",
    "opened_at",
    "change",
    "missed",
    "adopted_due_on",
    "adopted_outcome",
    "adopted_closed_by",
    "adopted_closed_at",
    "draft_due_on",
    "draft_outcome",
    "draft_closed_by",
    "draft_closed_at",
];

/// The word for a basis in files.
#[must_use]
pub const fn basis(basis: Basis) -> &'static str {
    match basis {
        Basis::Policy => "policy",
        Basis::Local => "local",
    }
}

fn line_cells(line: &Line) -> Vec<String> {
    let n = &line.numbers;
    let holder = line.holder.clone().unwrap_or_default();
    let counts = [
        n.duties_adopted,
        n.duties_draft,
        n.duties_appear,
        n.duties_vanish,
        n.duties_move,
        n.duties_end_otherwise,
        n.missed_adopted,
        n.missed_draft,
        n.missed_appear,
        n.missed_vanish,
    ];
    let mut cells = vec![line.rule.clone(), basis(line.basis).to_owned(), holder];
    cells.extend(counts.map(|count| count.to_string()));
    cells
}

fn side_cells(side: Option<&SideRecord>) -> [String; 4] {
    let Some(side) = side else { return Default::default() };
    [
        side.due_on.map_or(String::new(), |on| on.to_string()),
        side.outcome.to_owned(),
        side.closed_by.clone().unwrap_or_default(),
        side.closed_at.map_or(String::new(), |at| at.to_string()),
    ]
}

/// The cells of a case in its CSV.
#[must_use]
pub fn case_cells(case: &CaseRecord) -> [String; 15] {
    let [due, outcome, by, at] = side_cells(case.adopted.as_ref());
    let [draft_due, draft_outcome, draft_by, draft_at] = side_cells(case.draft.as_ref());
    [
        case.duty.clone(),
        case.rule.clone(),
        case.subject.clone(),
        case.holder.clone().unwrap_or_default(),
        case.opened_at.to_string(),
        case.change.to_owned(),
        case.missed.unwrap_or_default().to_owned(),
        due,
        outcome,
        by,
        at,
        draft_due,
        draft_outcome,
        draft_by,
        draft_at,
    ]
}

/// The numbers by rule and holder as CSV.
#[must_use]
pub fn lines_csv(lines: &[Line]) -> Vec<u8> {
    let mut bytes = text_row(&LINE_COLUMNS.map(str::to_owned));
    for line in lines {
        bytes.extend(text_row(&line_cells(line)));
    }
    bytes
}

/// The cases as CSV.
#[must_use]
pub fn cases_csv(cases: &[CaseRecord]) -> Vec<u8> {
    let mut bytes = text_row(&CASE_COLUMNS.map(str::to_owned));
    for case in cases {
        bytes.extend(text_row(&case_cells(case)));
    }
    bytes
}

/// The table that a terminal shows: the lines in which something differs, and the sum.
#[must_use]
pub fn table(report: &Report, preset: comfy_table::TableStyle) -> String {
    let summary = &report.summary;
    let mut table = comfy_table::Table::new();
    table
        .load_style(preset)
        .set_header(["rule", "holder", "duties", "appear", "vanish", "move", "missed", "appear", "vanish"]);
    let row = |rule: &str, holder: &str, n: &mandate_domain::judge::backtest::Numbers| {
        [
            rule.to_owned(),
            holder.to_owned(),
            format!("{} -> {}", n.duties_adopted, n.duties_draft),
            n.duties_appear.to_string(),
            n.duties_vanish.to_string(),
            n.duties_move.to_string(),
            format!("{} -> {}", n.missed_adopted, n.missed_draft),
            n.missed_appear.to_string(),
            n.missed_vanish.to_string(),
        ]
    };
    for line in summary.lines.iter().filter(|line| line.numbers.differ()) {
        let local = if line.basis == Basis::Local { " (local)" } else { "" };
        let holder = line.holder.as_deref().unwrap_or("–");
        table.add_row(row(&format!("{}{local}", line.rule), holder, &line.numbers));
    }
    table.add_row(row("all", "", &summary.total));
    let listed = |rules: &[String]| if rules.is_empty() { "none".to_owned() } else { rules.join(", ") };
    format!(
        "rules read otherwise: {}; judged under both: {}; {} facts, {} subjects\n{}\n\
         missed: breaches of the policy, or missed local targets\ndigest {}\n",
        listed(&summary.changed_rules),
        listed(&summary.judged_rules),
        summary.facts,
        summary.subjects,
        table.trim_fmt(),
        summary.digest
    )
}
