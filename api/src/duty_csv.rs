//! Duties as CSV: the columns of spec 3.6, and the cells that a spreadsheet would take for formulas kept as text.

use mandate_domain::judge::{DutyRecord, Step};
use mandate_domain::time::{Date, Instant};

const COLUMNS: [&str; 23] = [
    "duty",
    "rule",
    "paragraph",
    "basis",
    "subject",
    "holder",
    "inherited",
    "opened_by",
    "opened_at",
    "counted_from",
    "opens_on",
    "due_on",
    "act_by",
    "due_at",
    "outcome",
    "closed_by",
    "closed_at",
    "superseded_by",
    "breach",
    "known_since",
    "born_overdue",
    "flags",
    "explanation",
];

/// The header.
#[must_use]
pub fn header() -> Vec<u8> {
    text_row(&COLUMNS.map(str::to_owned))
}

/// One duty.
#[must_use]
pub fn row(record: &DutyRecord, explanation: Option<String>) -> Vec<u8> {
    text_row(&cells(record, explanation))
}

fn cells(record: &DutyRecord, explanation: Option<String>) -> [String; 23] {
    let date = |date: Option<Date>| date.map_or(String::new(), |date| date.to_string());
    let instant = |at: Option<Instant>| at.map_or(String::new(), |at| at.to_string());
    [
        record.duty.clone(),
        record.rule.clone(),
        record.paragraph.clone(),
        record.basis.clone(),
        record.subject.clone(),
        record.holder.clone().unwrap_or_default(),
        record.inherited.to_string(),
        record.opened_by.clone(),
        record.opened_at.to_string(),
        record.counted_from.to_string(),
        date(record.opens_on),
        date(record.due_on),
        date(record.act_by),
        instant(record.due_at),
        record.outcome.clone(),
        record.closed_by.clone().unwrap_or_default(),
        instant(record.closed_at),
        record.superseded_by.clone().unwrap_or_default(),
        record.breach.to_string(),
        record.known_since.to_string(),
        record.born_overdue.to_string(),
        record.flags.join(" "),
        explanation.unwrap_or_default(),
    ]
}

/// One row of any table; a cell that a spreadsheet would take for a formula is kept a text by a quotation mark
/// before it.
#[must_use]
pub fn text_row(cells: &[String]) -> Vec<u8> {
    let mut writer = csv::WriterBuilder::new().from_writer(Vec::new());
    let safe = cells.iter().map(|cell| {
        if cell.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{cell}") } else { cell.clone() }
    });
    // Writing to memory cannot fail.
    let _ = writer.write_record(safe);
    writer.into_inner().unwrap_or_default()
}

/// A derivation as one text.
#[must_use]
pub fn in_lines(explanation: &[Step], separator: &str) -> String {
    let steps: Vec<String> =
        explanation.iter().map(|step| format!("[{}] {} — {}", step.paragraph, step.what, step.why)).collect();
    steps.join(separator)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_that_begins_like_a_formula_is_kept_as_text() {
        let cells = ["=1+1", "@x", "-3", "plain, with a comma"].map(str::to_owned);
        assert_eq!(text_row(&cells), b"'=1+1,'@x,'-3,\"plain, with a comma\"\n");
    }
}
