//! The registers (spec 4.2): people, organisations, audits, attestations, terminals, retention; each as a page of JSON
//! or as CSV, as at and as known at any moment, filtered and sorted.

pub mod asker;
pub mod attestations;
pub mod audits;
pub mod organisations;
pub mod people;
pub mod reach;
pub mod retention;
pub mod terminals;
pub mod told;

use axum::Json;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use mandate_domain::judge::View;
use mandate_domain::time::Instant;
use mandate_projections::Listed;
use serde::Serialize;

use self::asker::Asker;
use super::app::App;
use super::caller::Caller;
use super::duties::{Format, csv_response, past_view};
use super::error::HttpError;
use super::listed::{Page, page_and_size};
use super::query::Query;
use crate::duty_csv::text_row;

/// The parameters that every register takes.
pub const COMMON: [&str; 7] = ["page", "size", "sort", "dir", "format", "asAt", "knownAt"];

/// A row of a register.
pub trait Row: Serialize + Send + 'static {
    /// The name of the register, of its file as CSV too.
    const NAME: &'static str;
    /// The columns as CSV; a list is sorted by their names.
    const COLUMNS: &'static [&'static str];

    /// The cells as CSV, in the order of the columns; empty where there is nothing to say.
    fn cells(&self) -> Vec<String>;
}

/// What is asked of a register beside its own filters.
#[derive(Debug, Clone)]
pub struct Asked {
    /// The moment.
    pub view: View,
    /// Whether that is a past one.
    pub past: bool,
    format: Format,
    order: Order,
    page: u32,
    size: u32,
}

/// The order of a list.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Order {
    /// The column; none for the register's own order.
    pub column: Option<usize>,
    /// Whether the largest comes first.
    pub descending: bool,
}

impl Order {
    /// The order that the parameters ask for.
    ///
    /// # Errors
    /// [`HttpError::Parameter`] for a column that the register does not have.
    pub fn asked<R: Row>(query: &Query) -> Result<Self, HttpError> {
        let columns: Vec<(&str, usize)> = R::COLUMNS.iter().copied().zip(0..).collect();
        Ok(Self {
            column: query.word("sort", &columns)?,
            descending: query.word("dir", &[("asc", false), ("desc", true)])?.unwrap_or(false),
        })
    }

    /// Sorts rows by their cells, which are words, dates and numbers; what says nothing stands last either way.
    pub fn sort<R: Row>(self, rows: &mut Vec<R>) {
        let Some(column) = self.column else { return };
        let key = |row: &R| {
            let cell = row.cells().into_iter().nth(column).unwrap_or_default();
            (cell.is_empty(), cell.parse::<u64>().ok(), cell)
        };
        let mut keyed: Vec<_> = rows.drain(..).map(|row| (key(&row), row)).collect();
        keyed.sort_by(|(one, _), (other, _)| {
            let cells = (&one.1, &one.2).cmp(&(&other.1, &other.2));
            one.0.cmp(&other.0).then(if self.descending { cells.reverse() } else { cells })
        });
        rows.extend(keyed.into_iter().map(|(_, row)| row));
    }
}

impl Asked {
    fn read<R: Row>(query: &Query, headers: &HeaderMap, now: Instant) -> Result<Self, HttpError> {
        let (page, size) = page_and_size(query)?;
        Ok(Self {
            view: query.view(now)?,
            past: past_view(query, now)?.is_some(),
            format: Format::asked(query, headers)?,
            order: Order::asked::<R>(query)?,
            page,
            size,
        })
    }
}

/// Answers with a register: `rows` gives all that the caller may see, in the register's own order.
///
/// # Errors
/// [`HttpError::Parameter`] naming a parameter that is unknown or wrong, and what `rows` answers.
pub async fn answer<R: Row>(
    app: App,
    query: Query,
    caller: Caller,
    headers: HeaderMap,
    rows: impl FnOnce(&App, &Query, View, &Asker) -> Result<Vec<R>, HttpError> + Send + 'static,
) -> Result<Response, HttpError> {
    let asked = Asked::read::<R>(&query, &headers, app.now())?;
    let judged = asked.past;
    let work = move |app: &App| {
        let asker = Asker::of(app, &caller)?;
        let mut found = rows(app, &query, asked.view, &asker)?;
        asked.order.sort(&mut found);
        Ok(match asked.format {
            Format::Json => Json(paged(found, asked.page, asked.size)).into_response(),
            Format::Csv => csv_response(&format!("{}.csv", R::NAME), csv(&found)),
        })
    };
    if judged { app.judging(work).await } else { app.blocking(work).await }
}

fn paged<R>(rows: Vec<R>, page: u32, size: u32) -> Page<R> {
    let total_elements = rows.len() as u64;
    let skipped = usize::try_from(u64::from(page) * u64::from(size)).unwrap_or(usize::MAX);
    let content = rows.into_iter().skip(skipped).take(size as usize).collect();
    Listed { content, total_elements, number: page, size }.into()
}

fn csv<R: Row>(rows: &[R]) -> Vec<u8> {
    let columns: Vec<String> = R::COLUMNS.iter().map(|name| (*name).to_owned()).collect();
    let mut bytes = text_row(&columns);
    for row in rows {
        bytes.extend(text_row(&row.cells()));
    }
    bytes
}

/// A parameter that names organisations, with or without what stands before the slash.
pub fn organisations_of(query: &Query, name: &str, prefix: &str) -> Vec<String> {
    let whole = |id: String| if id.contains('/') { id } else { format!("{prefix}/{id}") };
    query.all(name).into_iter().map(whole).collect()
}

/// A value as a cell; nothing for none.
pub fn cell<T: ToString>(value: Option<&T>) -> String {
    value.map(ToString::to_string).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Serialize)]
    struct One(&'static str);

    impl Row for One {
        const NAME: &'static str = "one";
        const COLUMNS: &'static [&'static str] = &["name"];

        fn cells(&self) -> Vec<String> {
            vec![self.0.to_owned()]
        }
    }

    #[test]
    fn rows_are_sorted_by_a_column_and_what_says_nothing_stands_last_either_way() {
        let sorted = |raw: &str| {
            let query = Query::read(Some(raw), &["sort", "dir"]).unwrap();
            let mut rows = vec![One("b"), One(""), One("10"), One("9"), One("a")];
            Order::asked::<One>(&query).unwrap().sort(&mut rows);
            rows.iter().map(|row| row.0).collect::<Vec<_>>()
        };
        assert_eq!(sorted(""), ["b", "", "10", "9", "a"]);
        assert_eq!(sorted("sort=name"), ["a", "b", "9", "10", ""]);
        assert_eq!(sorted("sort=name&dir=desc"), ["10", "9", "b", "a", ""]);
        let query = Query::read(Some("sort=size"), &["sort", "dir"]).unwrap();
        assert!(Order::asked::<One>(&query).unwrap_err().to_string().contains("expected one of name"));
    }
}
