//! `/v1/policies`: what a draft would have changed, rules that can govern one act, breaches under each reading.

use std::collections::BTreeMap;

use axum::Json;
use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse as _, Response};
use mandate_domain::calendar::Calendar;
use mandate_domain::catalogue::{FactType, Field};
use mandate_domain::fact::repeated;
use mandate_domain::judge::backtest::{CaseRecord, Compared, Period, Report, Summary};
use mandate_domain::judge::{View, adopted_files};
use mandate_domain::overlap::{Overlap, overlaps};
use mandate_domain::policy::{
    DRAFTS, Policy, PolicyFiles, shipped_draft, shipped_files, split_concatenation,
};
use mandate_domain::time::Date;
use mandate_projections::Listed;
use mandate_store::{MAX_READ, Position};
use serde::{Deserialize, Serialize};

use super::app::App;
use super::body;
use super::caller::Caller;
use super::duties::{Format, csv_response};
use super::error::HttpError;
use super::listed::{Page, page_and_size};
use super::query::Query;
use super::sight::Hidden;
use super::whole_log;
use crate::backtest::{Asked, cases_csv, lines_csv, run};
use crate::bulk::cores;
use crate::readings::{Reading, readings as count_readings};

/// What a backtest may be asked by.
pub const KNOWN: [&str; 12] =
    ["rule", "holder", "change", "missed", "rows", "from", "to", "page", "size", "format", "asAt", "knownAt"];

/// What may differ of a duty.
pub const CHANGES: [(&str, &str); 4] = [
    ("appears", "Appears"),
    ("vanishes", "Vanishes"),
    ("moves", "Moves"),
    ("ends_otherwise", "Ends otherwise"),
];

/// What may differ of a missed deadline.
pub const MISSED: [(&str, &str); 2] =
    [("appears", "A missed deadline appears"), ("vanishes", "One vanishes")];

/// What a CSV lists.
pub const ROWS: [(&str, Rows); 2] = [("lines", Rows::Lines), ("cases", Rows::Cases)];

/// Days looked at where no period is asked for: those with published bank holidays in the calendar that ships.
const FIRST_DAY: &str = "2021-01-01";
const LAST_DAY: &str = "2027-10-31";
/// Most days that may be looked at.
const MOST_DAYS: i32 = 20_000;
/// Before the version of a policy that waits for a second person, where it is named as a draft.
const PROPOSED: &str = "proposed:";
/// Most bytes of a draft.
const MAX_DRAFT_BYTES: usize = 2 << 20;

/// What the rows of a CSV are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rows {
    /// The numbers by rule and holder.
    Lines,
    /// The cases.
    Cases,
}

/// A draft as it is sent.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Draft {
    /// The name of one that ships, or `proposed:<version>`.
    draft: Option<String>,
    /// Rule files by name, with those alone that differ, or all of them with `text.txt`.
    files: Option<BTreeMap<String, String>>,
    /// Bank holidays: gov.uk's JSON or the as-published CSV, as text.
    calendar: Option<String>,
}

/// What is asked of a backtest beside its draft.
#[derive(Debug, Clone)]
pub struct Wanted {
    view: View,
    period: Period,
    rules: Vec<String>,
    holders: Vec<String>,
    change: Option<&'static str>,
    missed: Option<&'static str>,
}

/// The report with one page of its cases.
#[derive(Debug, Serialize)]
pub struct Answer {
    #[serde(flatten)]
    summary: Summary,
    cases: Page<CaseRecord>,
}

impl Wanted {
    /// Reads what is asked.
    ///
    /// # Errors
    /// [`HttpError::Parameter`] naming a parameter that is unknown or wrong.
    pub fn read(query: &Query, view: View) -> Result<Self, HttpError> {
        let word = |name: &str, words: &'static [(&'static str, &'static str)]| {
            let named: Vec<(&'static str, &'static str)> =
                words.iter().map(|(word, _)| (*word, *word)).collect();
            query.word(name, &named)
        };
        Ok(Self {
            view,
            period: Period { from: query.date("from")?, to: query.date("to")? },
            rules: query.all("rule"),
            holders: query.all("holder"),
            change: word("change", &CHANGES)?,
            missed: word("missed", &MISSED)?,
        })
    }

    fn holds(&self, case: &CaseRecord) -> bool {
        let holder = || case.holder.as_deref().unwrap_or_default();
        (self.rules.is_empty() || self.rules.contains(&case.rule))
            && (self.holders.is_empty() || self.holders.iter().any(|one| one == holder()))
            && self.change.is_none_or(|change| change == case.change)
            && self.missed.is_none_or(|missed| Some(missed) == case.missed)
    }
}

/// Backtests a draft that ships or was proposed.
///
/// # Errors
/// [`HttpError::Parameter`] naming a parameter that is missing, unknown or wrong, [`HttpError::Unprocessable`] when the
/// log is too long to be judged while somebody waits.
pub async fn get(
    State(app): State<App>,
    RawQuery(raw): RawQuery,
    caller: Caller,
    headers: HeaderMap,
) -> Result<Response, HttpError> {
    let known: Vec<&str> = std::iter::once("draft").chain(KNOWN).collect();
    let query = Query::read(raw.as_deref(), &known)?;
    let name = query.one("draft")?.ok_or_else(|| {
        HttpError::parameter("draft", format!("missing: name a draft, such as {}", DRAFTS.join(", ")))
    })?;
    let draft = Draft { draft: Some(name.to_owned()), ..Draft::default() };
    answer(app, &query, (caller, &headers), draft).await
}

/// Backtests a draft that is sent.
///
/// # Errors
/// As [`get`]; [`HttpError::Unprocessable`] for files that are no policy, with each mistake.
pub async fn post(
    State(app): State<App>,
    RawQuery(raw): RawQuery,
    caller: Caller,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, HttpError> {
    let query = Query::read(raw.as_deref(), &KNOWN)?;
    let draft: Draft = body::json(&headers, body, MAX_DRAFT_BYTES).await?;
    if draft.draft.is_none() && draft.files.is_none() && draft.calendar.is_none() {
        let reason = "name a `draft`, or send `files` or a `calendar`".to_owned();
        return Err(HttpError::Unprocessable(reason));
    }
    answer(app, &query, (caller, &headers), draft).await
}

async fn answer(
    app: App,
    query: &Query,
    (caller, headers): (Caller, &HeaderMap),
    draft: Draft,
) -> Result<Response, HttpError> {
    let wanted = Wanted::read(query, query.view(app.now())?)?;
    let (number, size) = page_and_size(query)?;
    let format = Format::asked(query, headers)?;
    let rows = query.word("rows", &ROWS)?.unwrap_or(Rows::Lines);
    app.judging(move |app| {
        let Report { summary, cases } = backtest(app, &draft, &wanted, &caller)?;
        Ok(match (format, rows) {
            (Format::Csv, Rows::Lines) => csv_response("backtest.csv", lines_csv(&summary.lines)),
            (Format::Csv, Rows::Cases) => csv_response("backtest-cases.csv", cases_csv(&cases)),
            (Format::Json, _) => {
                let cases = Page::from(paged(cases, number, size));
                Json(Answer { summary, cases }).into_response()
            }
        })
    })
    .await
}

fn paged(cases: Vec<CaseRecord>, number: u32, size: u32) -> Listed<CaseRecord> {
    let total_elements = cases.len() as u64;
    let skipped = usize::try_from(u64::from(number) * u64::from(size)).unwrap_or(usize::MAX);
    let content = cases.into_iter().skip(skipped).take(size as usize).collect();
    Listed { content, total_elements, number, size }
}

/// Compares a draft with the policy in force over the whole log, without what is hidden from a person. Blocking.
///
/// # Errors
/// As [`post`].
pub fn backtest(app: &App, draft: &Draft, wanted: &Wanted, caller: &Caller) -> Result<Report, HttpError> {
    let history = whole_log::read(app)?;
    let hidden = Hidden::to(app, caller)?;
    let book = app.book(wanted.view.known_at)?;
    let in_force = adopted_files(&history, wanted.view.known_at).unwrap_or_else(shipped_files);
    let refused = |reason: String| HttpError::Unprocessable(reason);
    let drafted = match draft.files(app)? {
        None => None,
        Some(files) => {
            let files = if files.0.contains_key("text.txt") { files } else { in_force.with(files) };
            Some(Policy::load(&files).map_err(|error| refused(error.to_string()))?)
        }
    };
    let draft_calendar = draft.calendar.as_deref().map(Calendar::parse).transpose();
    let draft_calendar = draft_calendar.map_err(|error| refused(error.to_string()))?;
    let compared = Compared {
        adopted: &book.policy,
        calendar: &book.calendar,
        draft: drafted.as_ref().unwrap_or(&book.policy),
        draft_calendar: draft_calendar.as_ref(),
    };
    let asked = Asked { compared, history: &history, view: wanted.view, period: wanted.period };
    Ok(run(&asked, cores(), &|subject| hidden.is(subject), |case| wanted.holds(case)))
}

impl Draft {
    /// One that ships or was proposed.
    #[must_use]
    pub fn named(name: &str) -> Self {
        Self { draft: Some(name.to_owned()), ..Self::default() }
    }

    fn files(&self, app: &App) -> Result<Option<PolicyFiles>, HttpError> {
        let named = match self.draft.as_deref() {
            None => None,
            Some(name) => Some(
                match name.strip_prefix(PROPOSED) {
                    Some(version) => {
                        proposals(app)?.into_iter().find(|(known, _)| known == version).map(|one| one.1)
                    }
                    None => shipped_draft(name),
                }
                .ok_or_else(|| {
                    let known: Vec<String> =
                        drafts(app).into_iter().flatten().map(|(name, _)| name).collect();
                    HttpError::parameter(
                        "draft",
                        format!("`{}`: expected one of {}", repeated(name), known.join(", ")),
                    )
                })?,
            ),
        };
        let sent = self.files.clone().map(PolicyFiles);
        Ok(match (named, sent) {
            (Some(named), Some(sent)) => Some(named.with(sent)),
            (named, sent) => named.or(sent),
        })
    }
}

/// The drafts that can be named: those that ship and the policies that were proposed, each with its words.
///
/// # Errors
/// [`HttpError`] when the log cannot be read.
pub fn drafts(app: &App) -> Result<Vec<(String, String)>, HttpError> {
    let shipped = DRAFTS.iter().map(|name| ((*name).to_owned(), name.replace('-', " ")));
    let proposed = proposals(app)?
        .into_keys()
        .map(|version| (format!("{PROPOSED}{version}"), format!("proposed: version {version}")));
    Ok(shipped.chain(proposed).collect())
}

/// The policies that were proposed, adopted or not, by version; of several of one version the latest.
fn proposals(app: &App) -> Result<BTreeMap<String, PolicyFiles>, HttpError> {
    let events =
        app.store.reader().read_types(&[FactType::PolicyProposed], Position::START, MAX_READ)?.events;
    let told = events.into_iter().map(mandate_store::StoredEvent::into_fact);
    Ok(told
        .filter_map(|fact| {
            let version = fact.text(Field::Version)?.to_owned();
            Some((version, split_concatenation(fact.text(Field::Text)?)))
        })
        .collect())
}

/// Lists the rules that can govern one act, with the days on which the order of their deadlines flips.
///
/// # Errors
/// [`HttpError::Parameter`] naming a parameter that is unknown or wrong.
pub async fn overlap(
    State(app): State<App>,
    RawQuery(raw): RawQuery,
) -> Result<Json<Vec<Overlap>>, HttpError> {
    let query = Query::read(raw.as_deref(), &["from", "to", "asAt", "knownAt"])?;
    let (from, to) = days(&query)?;
    // Rules and holidays are those known then, whatever was true.
    let known_at = query.view(app.now())?.known_at;
    app.judging(move |app| {
        let book = app.book(known_at)?;
        Ok(Json(overlaps(&book.policy, &book.calendar, known_at, from, to)))
    })
    .await
}

/// The first and the last day that are looked at.
///
/// # Errors
/// [`HttpError::Parameter`] for dates that are wrong or too far apart.
pub fn days(query: &Query) -> Result<(Date, Date), HttpError> {
    let day = |name: &str, otherwise: &str| match query.date(name)? {
        Some(date) => Ok(date),
        None => Date::parse(otherwise).map_err(|error| HttpError::Failed(error.to_string())),
    };
    let (from, to) = (day("from", FIRST_DAY)?, day("to", LAST_DAY)?);
    if to.days() - from.days() > MOST_DAYS {
        return Err(HttpError::parameter("to", format!("more than {MOST_DAYS} days after `from`")));
    }
    Ok((from, to))
}

/// Counts the breaches under each recorded reading, and under those that ship as drafts.
///
/// # Errors
/// [`HttpError::Unprocessable`] when the log is too long to be judged while somebody waits.
pub async fn readings(
    State(app): State<App>,
    RawQuery(raw): RawQuery,
    caller: Caller,
) -> Result<Json<Vec<Reading>>, HttpError> {
    let query = Query::read(raw.as_deref(), &["asAt", "knownAt"])?;
    let view = query.view(app.now())?;
    app.judging(move |app| counted(app, view, &caller).map(Json)).await
}

/// The breaches under each recorded reading. Blocking.
///
/// # Errors
/// As [`readings`].
pub fn counted(app: &App, view: View, caller: &Caller) -> Result<Vec<Reading>, HttpError> {
    let history = whole_log::read(app)?;
    let hidden = Hidden::to(app, caller)?;
    let book = app.book(view.known_at)?;
    let files = adopted_files(&history, view.known_at).unwrap_or_else(shipped_files);
    count_readings(&files, &book.policy, &book.calendar, (&history, view), &|subject| hidden.is(subject))
        .map_err(|error| HttpError::Unprocessable(error.to_string()))
}
