//! How late each teller tells.

use std::collections::BTreeMap;

use axum::response::Response;
use mandate_domain::time::Date;
use serde::Serialize;

use super::TABS;
use super::corrections::{List, choices, days as lateness};
use super::recorded::Cut;
use crate::duty_csv::text_row;
use crate::http::duties::csv_response;
use crate::http::error::HttpError;
use crate::http::query::encoded;
use crate::http::registers::Row as Register;
use crate::http::site::answer;
use crate::http::site::lists::{Asking, one_table, short_day};
use crate::pages::frame::Section;
use crate::pages::listing::{Cell, Row};
use crate::pages::words::grouped;

/// How late one teller tells.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Teller {
    /// Who.
    pub source: String,
    /// Facts recorded.
    pub facts: u64,
    /// Of these, how many late.
    pub late: u64,
    /// Half of those late are no later than so many days.
    pub median_days: i32,
    /// The latest by so many days.
    pub longest_days: i32,
}

impl Register for Teller {
    const NAME: &'static str = "late-records";
    const COLUMNS: &'static [&'static str] = &["source", "facts", "late", "medianDays", "longestDays"];

    fn cells(&self) -> Vec<String> {
        vec![
            self.source.clone(),
            self.facts.to_string(),
            self.late.to_string(),
            self.median_days.to_string(),
            self.longest_days.to_string(),
        ]
    }
}

/// The tellers of facts, each with how many days late each of its facts was, by name.
fn tellers(facts: impl IntoIterator<Item = (String, i32)>, days: i32) -> Vec<Teller> {
    let mut told: BTreeMap<String, (u64, Vec<i32>)> = BTreeMap::new();
    for (source, days_late) in facts {
        let (facts, late) = told.entry(source).or_default();
        *facts += 1;
        if days_late >= days {
            late.push(days_late);
        }
    }
    told.into_iter()
        .map(|(source, (facts, mut late))| {
            late.sort_unstable();
            Teller {
                source,
                facts,
                late: late.len() as u64,
                median_days: late.get(late.len().saturating_sub(1) / 2).copied().unwrap_or(0),
                longest_days: late.last().copied().unwrap_or(0),
            }
        })
        .collect()
}

/// The page, or its file.
///
/// # Errors
/// [`HttpError::Parameter`] for a column that the list does not have.
pub fn late_records(
    asking: &Asking,
    facts: impl IntoIterator<Item = (String, i32)>,
    days: i32,
    as_file: bool,
    ((from, to), cut): ((Date, Date), Option<Cut>),
    known: &[String],
) -> Result<Response, HttpError> {
    let found = tellers(facts, days);
    if as_file {
        let mut bytes = text_row(&Teller::COLUMNS.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>());
        for teller in &found {
            bytes.extend(text_row(&teller.cells()));
        }
        return Ok(csv_response("late-records.csv", bytes));
    }
    let mut page = asking.listing(Section::Assurance, List::Late.words(), &TABS);
    page.json_href = None;
    page.filter = Some(asking.filter(choices(asking, List::Late, known)));
    let columns = [
        ("Told by", "source"),
        ("Facts", "facts"),
        ("Late", "late"),
        ("Median", "medianDays"),
        ("Longest", "longestDays"),
    ];
    let columns = columns.map(|(label, by)| asking.column(label, by)).into_iter().collect();
    let (rows, pages) = asking.paged(found)?;
    let moment = asking.carry().replacen('?', "&", 1);
    let up_to =
        asking.query.one("upTo")?.map(|place| format!("&upTo={}", encoded(place))).unwrap_or_default();
    let row = |one: &Teller| {
        let source = encoded(&one.source);
        let href =
            format!("/assurance/back-dated?source={source}&days={days}&from={from}&to={to}{up_to}{moment}");
        let share = format!("{} % of them", one.late * 100 / one.facts.max(1));
        let late = if one.late == 0 {
            Cell::text("0")
        } else {
            Cell::link(format!("{} facts", grouped(one.late)), href)
        };
        let words = |days: i32| {
            if one.late == 0 { Cell::optional(None::<String>, "none") } else { Cell::text(lateness(days)) }
        };
        Row::of(vec![
            Cell::text(one.source.clone()),
            Cell::text(grouped(one.facts)),
            late.and_secondary(share),
            words(one.median_days),
            words(one.longest_days),
        ])
    };
    let rows = rows.iter().map(row).collect();
    let mut table = one_table(
        "late",
        "Late records by teller; the column headings sort the list",
        ["teller", "tellers"],
        columns,
        rows,
        pages,
    );
    table.note = Some(format!(
        "Facts recorded from {} to {}, late where the day on which they were known is {} or more after the day on which they happened; median and longest are of those late. The list of a teller leaves imported facts out.",
        short_day(from),
        short_day(to),
        if days == 1 { "1 day".to_owned() } else { format!("{days} days") },
    ));
    if let (Some(note), Some(cut)) = (&mut table.note, cut) {
        note.push(' ');
        note.push_str(&cut.words());
        page.actions.push(cut.earlier(asking));
    }
    page.tables.push(table);
    answer(&page)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_teller_all_facts_count_and_median_and_longest_are_of_those_late() {
        let facts = [("/n", 0), ("/n", 1), ("/n", 4), ("/n", 9), ("/v", 0), ("/n", 2)];
        let found = tellers(facts.map(|(source, days)| (source.to_owned(), days)), 2);
        let teller = |source: &str, facts, late, median_days, longest_days| Teller {
            source: source.to_owned(),
            facts,
            late,
            median_days,
            longest_days,
        };
        // Of /n 2, 4 and 9 days are late: the median is 4.
        assert_eq!(found, [teller("/n", 5, 3, 4, 9), teller("/v", 1, 0, 0, 0)]);
    }
}
