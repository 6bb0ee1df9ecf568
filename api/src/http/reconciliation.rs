//! `GET /v1/reconciliation`: where nDelius, ViSOR and NOMIS do not say the same, and the backlog of a programme.

use axum::Json;
use axum::extract::{RawQuery, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use mandate_domain::fact::repeated;
use mandate_domain::judge::{Judge, View};
use mandate_domain::policy::Programme;
use mandate_domain::policy::coverage::Check;
use mandate_domain::reconcile::{Backlog, CHECKS, Discrepancy, Reconciled};
use mandate_domain::time::Date;
use mandate_projections::{DiscrepancyFilter, Listed};
use serde::Serialize;

use super::app::App;
use super::caller::Caller;
use super::duties::{Format, csv_response, past_view};
use super::error::HttpError;
use super::listed::{Page, page_and_size};
use super::query::Query;
use super::registers::asker::Asker;
use super::registers::reach::Reach;
use super::sight::Hidden;
use super::whole_log;
use crate::duty_csv::text_row;

/// The parameters of the list.
pub const KNOWN: [&str; 9] =
    ["check", "area", "prison", "subject", "page", "size", "format", "asAt", "knownAt"];

/// The programmes, by the words of the address.
pub const PROGRAMMES: [(&str, Programme); 2] =
    [("custody-level-1", Programme::CustodyLevel1), ("community", Programme::Community)];

const COLUMNS: [&str; 12] = [
    "check",
    "paragraph",
    "subject",
    "about",
    "owner",
    "area",
    "unit",
    "prison",
    "since",
    "age_days",
    "sides",
    "mended_by",
];

/// Rows read at a time for a CSV, which is not paged.
const CSV_PAGE: u32 = 10_000;

/// A discrepancy with its age.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Line {
    #[serde(flatten)]
    discrepancy: Discrepancy,
    age_days: i32,
}

impl Line {
    fn on(discrepancy: Discrepancy, date: Date) -> Self {
        Self { age_days: discrepancy.age_days(date), discrepancy }
    }

    fn cells(&self) -> [String; 12] {
        let one = &self.discrepancy;
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        [
            one.check.name().to_owned(),
            one.paragraph.clone(),
            one.subject.clone(),
            text(&one.about),
            text(&one.owner),
            text(&one.area),
            text(&one.unit),
            text(&one.prison),
            one.since.to_string(),
            self.age_days.to_string(),
            one.sides_in_words(),
            one.mended_by.clone(),
        ]
    }
}

/// Lists discrepancies, the oldest first.
///
/// # Errors
/// [`HttpError::Parameter`] naming a parameter that is unknown or wrong.
pub async fn list(
    State(app): State<App>,
    RawQuery(raw): RawQuery,
    caller: Caller,
    headers: HeaderMap,
) -> Result<Response, HttpError> {
    let query = Query::read(raw.as_deref(), &KNOWN)?;
    let filter = filter(&query)?;
    let now = app.now();
    let view = past_view(&query, now)?;
    let date = view.map_or(now, |view| view.as_at).london_date();
    let format = Format::asked(&query, &headers)?;
    let work = move |app: &App| {
        let mut filter = DiscrepancyFilter { except: Hidden::to(app, &caller)?.subjects(), ..filter };
        let reach = Reach::of(app, &Asker::of(app, &caller)?)?;
        reach.narrow_areas(&mut filter.areas, &mut filter.prisons)?;
        match format {
            Format::Json => {
                let Listed { content, total_elements, number, size } = listed(app, view, &filter)?;
                let content = content.into_iter().map(|one| Line::on(one, date)).collect();
                Ok(Json(Page::from(Listed { content, total_elements, number, size })).into_response())
            }
            Format::Csv => csv(app, view, filter, date),
        }
    };
    if view.is_some() { app.judging(work).await } else { app.blocking(work).await }
}

/// The backlog of a programme in an area: the cases that are left, and their count day by day.
///
/// # Errors
/// [`HttpError::Parameter`] naming a parameter that is missing, unknown or wrong.
pub async fn backlog(
    State(app): State<App>,
    RawQuery(raw): RawQuery,
    caller: Caller,
) -> Result<Json<Backlog>, HttpError> {
    let query = Query::read(raw.as_deref(), &["area", "programme", "asAt", "knownAt"])?;
    let view = query.view(app.now())?;
    let area = query.one("area")?.map(|area| prefixed(area.to_owned(), "area"));
    let area = area.ok_or_else(|| HttpError::parameter("area", "missing: name the area, as in area=A07"))?;
    let programme = query.word("programme", &PROGRAMMES)?;
    let programme = programme
        .ok_or_else(|| HttpError::parameter("programme", "missing: expected custody-level-1 or community"))?;
    app.judging(move |app| {
        let hidden = Hidden::to(app, &caller)?;
        Reach::of(app, &Asker::of(app, &caller)?)?.narrow(&mut vec![area.clone()])?;
        Ok(Json(app.projections.backlog(view, &area, programme, &|nominal| hidden.is(nominal))?))
    })
    .await
}

/// An id with what stands before its slash.
pub fn prefixed(id: String, prefix: &str) -> String {
    if id.contains('/') { id } else { format!("{prefix}/{id}") }
}

/// The filter that the parameters ask for.
///
/// # Errors
/// [`HttpError::Parameter`] naming the one that is wrong.
pub fn filter(query: &Query) -> Result<DiscrepancyFilter, HttpError> {
    let all = |name: &str| query.all(name).into_iter().map(|id| prefixed(id, name)).collect();
    let check = |word: String| {
        let known: Vec<_> = CHECKS.iter().map(|check| check.name()).collect();
        let wrong = || {
            HttpError::parameter(
                "check",
                format!("`{}`: expected one of {}", repeated(&word), known.join(", ")),
            )
        };
        Check::from_name(&word).filter(|check| CHECKS.contains(check)).ok_or_else(wrong)
    };
    let (page, size) = page_and_size(query)?;
    Ok(DiscrepancyFilter {
        checks: query.all("check").into_iter().map(check).collect::<Result<_, _>>()?,
        areas: all("area"),
        prisons: all("prison"),
        subject: query.one("subject")?.map(|subject| prefixed(subject.to_owned(), "nominal")),
        except: Vec::new(),
        page,
        size,
    })
}

/// Discrepancies by a filter: from the read models, or found in the whole log where a moment is asked for.
///
/// # Errors
/// [`HttpError`] when the read models or the log cannot be read.
pub fn listed(
    app: &App,
    view: Option<View>,
    filter: &DiscrepancyFilter,
) -> Result<Listed<Discrepancy>, HttpError> {
    match view {
        None => Ok(app.projections.discrepancies(filter)?),
        Some(view) => past(app, view, filter),
    }
}

fn past(app: &App, view: View, filter: &DiscrepancyFilter) -> Result<Listed<Discrepancy>, HttpError> {
    let history = whole_log::read(app)?;
    let book = app.book(view.known_at)?;
    let judge = Judge::new(&book.policy, &book.calendar, &history, view);
    let mut found = Reconciled::default();
    for unit in judge.units() {
        found.extend(judge.reconciled(unit));
    }
    let mut rows = found.listed();
    rows.retain(|row| matches(filter, row));
    let total_elements = rows.len() as u64;
    let size = filter.size.max(1);
    let skipped = usize::try_from(u64::from(filter.page) * u64::from(size)).unwrap_or(usize::MAX);
    let content = rows.into_iter().skip(skipped).take(size as usize).collect();
    Ok(Listed { content, total_elements, number: filter.page, size })
}

fn matches(filter: &DiscrepancyFilter, row: &Discrepancy) -> bool {
    let one_of = |wanted: &[String], found: &Option<String>| {
        wanted.is_empty() || found.as_ref().is_some_and(|found| wanted.contains(found))
    };
    (filter.checks.is_empty() || filter.checks.contains(&row.check))
        && one_of(&filter.areas, &row.area)
        && one_of(&filter.prisons, &row.prison)
        && filter.subject.as_ref().is_none_or(|subject| *subject == row.subject)
        && !filter.except.contains(&row.subject)
}

fn csv(
    app: &App,
    view: Option<View>,
    mut filter: DiscrepancyFilter,
    date: Date,
) -> Result<Response, HttpError> {
    let mut bytes = text_row(&COLUMNS.map(str::to_owned));
    filter.page = 0;
    // What was found in the whole log is in memory; rows of the read models are read page by page.
    filter.size = if view.is_some() { u32::MAX } else { CSV_PAGE };
    loop {
        let rows = listed(app, view, &filter)?.content;
        let last = rows.len() < filter.size as usize;
        for row in rows {
            bytes.extend(text_row(&Line::on(row, date).cells()));
        }
        if last {
            return Ok(csv_response("reconciliation.csv", bytes));
        }
        filter.page += 1;
    }
}
