//! The list of duties, filtered by the address.

use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use axum::response::{IntoResponse as _, Redirect, Response};
use mandate_domain::catalogue::SubjectKind;
use mandate_domain::judge::View;
use mandate_domain::time::Date;
use mandate_projections::{DutyFilter as Filter, DutySort};

use super::act::offer::bulk;
use super::moment::{self, Asked, address};
use super::saved::{save_href, saved};
use super::visitor::Visitor;
use super::words::{Lens, checked_at, sentence_case};
use super::{Access, answer, show};
use crate::http::app::App;
use crate::http::duties::{OUTCOMES, SORTS, filter, listed};
use crate::http::error::HttpError;
use crate::http::query::Query;
use crate::http::registers::asker::Asker;
use crate::http::registers::reach::{Reach, said};
use crate::pages::date_boxes::DateBoxes;
use crate::pages::duties::{Chip, Choice, Count, Duties, DutyColumns, DutyFilter, Order, Sort};
use crate::pages::frame::FieldError;
use crate::pages::paging::Pages;

/// Rows on a page.
const SIZE: u32 = 50;
/// Most organisations of a kind to choose from.
const CHOICES: u32 = 1_000;

/// The parameters that choose which duties, in the order of the form; each with the words of its chip.
const CHOSEN: [(&str, &str); 7] = [
    ("area", "Area"),
    ("unit", "Unit"),
    ("prison", "Prison"),
    ("rule", "Rule"),
    ("outcome", "Outcome"),
    ("dueFrom", "Due from"),
    ("dueTo", "Due to"),
];

const KNOWN: [&str; 24] = [
    "area",
    "unit",
    "prison",
    "holder",
    "rule",
    "outcome",
    "dueFrom",
    "dueTo",
    "sort",
    "dir",
    "page",
    "dueFrom-day",
    "dueFrom-month",
    "dueFrom-year",
    "dueTo-day",
    "dueTo-month",
    "dueTo-year",
    "asAt",
    "knownAt",
    "subject",
    "breach",
    "format",
    "size",
    "holder",
];

/// The page.
pub async fn page(State(app): State<App>, uri: Uri, headers: HeaderMap) -> Response {
    let raw = uri.query().map(str::to_owned);
    show(app, Access::SignedIn, &uri, &headers, move |app, visitor| fill(app, visitor, raw.as_deref())).await
}

fn fill(app: &App, visitor: &Visitor, raw: Option<&str>) -> Result<Response, HttpError> {
    let known: Vec<&str> = KNOWN.iter().chain(&moment::KNOWN).copied().collect();
    let query = Query::read(raw, &known)?;
    let typed = match Typed::read(&query)? {
        Typed { redirect: true, pairs, .. } => {
            return Ok(Redirect::to(&address("/duties", &pairs)).into_response());
        }
        typed => typed,
    };
    let now = app.now();
    let shown = match moment::read(&query, "/duties", &typed.pairs, now)? {
        Asked::Redirect(to) => return Ok(Redirect::to(&to).into_response()),
        Asked::Page(shown) => *shown,
    };
    let (view, past) = (shown.view(now), shown.past);
    let mut frame = visitor.frame(app, Some(shown.moment))?;
    frame.errors = shown.errors;
    frame.errors.extend(typed.errors.clone());
    let mut wanted = filter(&query)?;
    wanted.except = visitor.hidden(app)?.subjects();
    let asker = Asker::of(app, &visitor.caller)?;
    let narrowed = Reach::of(app, &asker)?.narrow(&mut wanted.holders);
    said(narrowed, &mut wanted.holders, &mut frame)?;
    let number = query.number("page", 1, 1..=1_000_000)?;
    wanted.page = u32::try_from(number - 1).unwrap_or(0);
    wanted.size = SIZE;
    let found = listed(app, past, &wanted)?;
    let carry = frame.carry();
    let book = app.book(view.known_at)?;
    let calendar = book.calendar.known_at(view.known_at);
    let lens = Lens { policy: &book.policy, calendar, today: view.as_at.london_date(), carry: &carry };
    let links = Links { pairs: &typed.pairs, carry: &carry };
    let page = Duties {
        checked_at: checked_at(now),
        filter: form(app, &book.policy, &query, typed.due_from, typed.due_to, &links)?,
        counts: counts(app, past, &wanted)?,
        columns: columns(&wanted, &links),
        rows: found.content.iter().map(|row| lens.row(row)).collect(),
        pages: Pages::new(number, u64::from(SIZE), found.total_elements, |page| links.to_page(page)),
        csv_href: links.to_api("csv"),
        json_href: links.to_api("json"),
        saved: saved(app, visitor, is_kept)?,
        save_href: save_href(visitor, &typed.pairs),
        bulk: if past.is_none() { bulk(&asker, &links.to_page(number)) } else { None },
        frame,
    };
    answer(&page)
}

/// What was typed into the form's dates, and the parameters that stand whole.
struct Typed {
    pairs: Vec<(String, String)>,
    due_from: DateBoxes,
    due_to: DateBoxes,
    errors: Vec<FieldError>,
    redirect: bool,
}

/// Whether a parameter chooses or sorts what is listed, so that it is kept from page to page.
fn is_kept(name: &str) -> bool {
    CHOSEN.iter().any(|(known, _)| *known == name)
        || ["sort", "dir", "holder", "subject", "breach"].contains(&name)
}

impl Typed {
    fn read(query: &Query) -> Result<Self, HttpError> {
        let mut pairs: Vec<(String, String)> = query
            .pairs()
            .filter(|(name, value)| is_kept(name) && !value.is_empty())
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        let (mut errors, mut redirect) = (Vec::new(), false);
        let mut boxes = |name: &str, words: &str| -> Result<DateBoxes, HttpError> {
            let part = |part: &str| query.one(&format!("{name}-{part}"));
            let typed = DateBoxes::typed(part("day")?, part("month")?, part("year")?);
            if !query.pairs().any(|(found, _)| found == format!("{name}-day")) {
                return Ok(query.date(name)?.map(|date| DateBoxes::of(date.to_chrono())).unwrap_or_default());
            }
            match typed.read(words) {
                Ok(date) => {
                    redirect = true;
                    pairs.extend(date.map(|date| (name.to_owned(), Date::from(date).to_string())));
                    Ok(typed)
                }
                Err(error) => {
                    errors.push(FieldError { field: format!("{name}-day"), text: error.clone() });
                    Ok(DateBoxes { error: Some(error), ..typed })
                }
            }
        };
        let due_from = boxes("dueFrom", "Due from")?;
        let due_to = boxes("dueTo", "Due to")?;
        let moments =
            query.pairs().filter(|(name, value)| ["asAt", "knownAt"].contains(name) && !value.is_empty());
        redirect &= errors.is_empty();
        if redirect {
            pairs.extend(moments.map(|(name, value)| (name.to_owned(), value.to_owned())));
        }
        Ok(Self { pairs, due_from, due_to, errors, redirect })
    }
}

/// Addresses of the same list with something changed.
struct Links<'q> {
    pairs: &'q [(String, String)],
    carry: &'q str,
}

impl Links<'_> {
    fn with(&self, path: &str, change: impl Fn(&str, &str) -> bool, more: &[(&str, String)]) -> String {
        let mut pairs: Vec<_> =
            self.pairs.iter().filter(|(name, value)| change(name, value)).cloned().collect();
        pairs.extend(more.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
        let to = address(path, &pairs);
        let moment = if pairs.is_empty() { self.carry.to_owned() } else { self.carry.replacen('?', "&", 1) };
        to + &moment
    }

    fn to_page(&self, page: u64) -> String {
        self.with("/duties", |_, _| true, &[("page", page.to_string())])
    }

    fn to_api(&self, format: &str) -> String {
        self.with("/v1/duties", |_, _| true, &[("format", format.to_owned())])
    }

    fn sorted(&self, sort: &str, dir: &str) -> String {
        let more = [("sort", sort.to_owned()), ("dir", dir.to_owned())];
        self.with("/duties", |name, _| name != "sort" && name != "dir", &more)
    }

    fn without(&self, removed: &str, value: &str) -> String {
        self.with("/duties", |name, found| name != removed || found != value, &[])
    }

    fn cleared(&self) -> String {
        self.with("/duties", |name, _| name == "sort" || name == "dir", &[])
    }
}

fn columns(wanted: &Filter, links: &Links<'_>) -> DutyColumns {
    let column = |sort: DutySort| {
        let word = SORTS.iter().find(|(_, known)| *known == sort).map_or("", |(word, _)| *word);
        let (order, dir) = match (wanted.sort == sort, wanted.descending) {
            (false, _) => (Order::Unsorted, "asc"),
            (true, false) => (Order::Ascending, "desc"),
            (true, true) => (Order::Descending, "asc"),
        };
        Sort { order, href: links.sorted(word, dir) }
    };
    // The first column begins with the last working day to act, by which the list is sorted at first.
    let by_date = if wanted.sort == DutySort::Due { DutySort::Due } else { DutySort::ActBy };
    DutyColumns {
        due: column(by_date),
        rule: column(DutySort::Rule),
        subject: column(DutySort::Subject),
        holder: column(DutySort::Holder),
        outcome: column(DutySort::Outcome),
    }
}

fn form(
    app: &App,
    policy: &mandate_domain::policy::Policy,
    query: &Query,
    due_from: DateBoxes,
    due_to: DateBoxes,
    links: &Links<'_>,
) -> Result<DutyFilter, HttpError> {
    let places = |kind: SubjectKind, name: &str| -> Result<Vec<Choice>, HttpError> {
        let chosen = query.all(name);
        let known = app.projections.subjects(kind, &[], 0, CHOICES)?.content;
        Ok(known.into_iter().map(|row| choice(&row.subject, code(&row.subject), &chosen)).collect())
    };
    let (rules, outcomes) = (query.all("rule"), query.all("outcome"));
    let moments =
        query.pairs().filter(|(name, value)| ["asAt", "knownAt"].contains(name) && !value.is_empty());
    let sorted = query.pairs().filter(|(name, value)| ["sort", "dir"].contains(name) && !value.is_empty());
    Ok(DutyFilter {
        areas: places(SubjectKind::Area, "area")?,
        units: places(SubjectKind::Unit, "unit")?,
        prisons: places(SubjectKind::Prison, "prison")?,
        rules: policy.rules.iter().map(|rule| choice(&rule.id, &rule.id, &rules)).collect(),
        outcomes: OUTCOMES
            .iter()
            .map(|outcome| choice(outcome.name(), &sentence_case(outcome.name()), &outcomes))
            .collect(),
        due_from,
        due_to,
        carried: sorted.chain(moments).map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
        chips: chips(links),
        clear_href: links.cleared(),
    })
}

fn choice(value: &str, text: &str, chosen: &[String]) -> Choice {
    let is_chosen = chosen.iter().any(|one| one == value || one == text);
    Choice { value: value.to_owned(), text: text.to_owned(), chosen: is_chosen }
}

/// The code of an organisation: what stands after the slash.
fn code(subject: &str) -> &str {
    subject.split_once('/').map_or(subject, |(_, code)| code)
}

fn chips(links: &Links<'_>) -> Vec<Chip> {
    let words = |name: &str| CHOSEN.iter().find(|(known, _)| *known == name).map(|(_, words)| *words);
    let chip = |(name, value): &(String, String)| {
        let shown = match name.as_str() {
            "outcome" => sentence_case(value),
            "dueFrom" | "dueTo" => Date::parse(value).map_or_else(|_| value.clone(), super::words::day),
            "area" | "unit" | "prison" => code(value).to_owned(),
            _ => value.clone(),
        };
        Some(Chip { field: words(name)?.to_owned(), value: shown, remove_href: links.without(name, value) })
    };
    links.pairs.iter().filter_map(chip).collect()
}

/// How many of the duties found stand where; not counted for a past moment, which would be judged for each.
fn counts(app: &App, past: Option<View>, wanted: &Filter) -> Result<Vec<Count>, HttpError> {
    if past.is_some() {
        return Ok(Vec::new());
    }
    let found = app.projections.outcomes(wanted)?;
    let count = |outcome: &mandate_domain::judge::Outcome| {
        let count = *found.get(outcome)?;
        Some(Count { text: sentence_case(outcome.name()), count })
    };
    Ok(OUTCOMES.iter().filter_map(count).collect())
}
