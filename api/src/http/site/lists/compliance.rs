//! Compliance: a heat map of area × rule, small counts kept back where a board is told.

use std::collections::{BTreeMap, BTreeSet};

use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use mandate_domain::catalogue::SubjectKind;
use mandate_domain::time::Date;

use super::{Asking, Begun, Spec, paragraph_link, short_day};
use crate::http::app::App;
use crate::http::compliance::{Cell, Rate, by_area_and_rule, upwards};
use crate::http::error::HttpError;
use crate::http::query::encoded;
use crate::http::site::visitor::Visitor;
use crate::http::site::{Access, answer, show};
use crate::pages::compliance::{Compliance, HeatCell, HeatRow};
use crate::pages::frame::Section;
use crate::pages::words::{Status, grouped};
use crate::pages::{Link, Reference};

const SPEC: Spec = Spec {
    path: "/compliance",
    api: "/v1/compliance",
    choices: &[("audience", "Audience")],
    dates: &[
        ("from", "Due from", "The first day, for example 1 1 2026. Left empty: three months ago."),
        ("to", "Due to", "The last day, for example 31 3 2026. Left empty: today."),
    ],
};

/// The pages of figures.
pub const TABS: [(&str, &str); 3] =
    [("Compliance", "/compliance"), ("Board report", "/board"), ("Statistics", "/statistics")];

const AUDIENCES: [(&str, bool); 2] = [("everyone", false), ("board", true)];

/// The page.
pub async fn page(State(app): State<App>, uri: Uri, headers: HeaderMap) -> Response {
    let raw = uri.query().map(str::to_owned);
    show(app, Access::SignedIn, &uri, &headers, move |app, visitor| fill(app, visitor, raw.as_deref())).await
}

/// The period asked for: the last three months where none is named.
///
/// # Errors
/// [`HttpError::Parameter`] for one that ends before it begins.
pub fn period(asking: &Asking) -> Result<(Date, Date), HttpError> {
    let named = |name: &str| if asking.frame.errors.is_empty() { asking.query.date(name) } else { Ok(None) };
    let to = named("to")?.unwrap_or_else(|| asking.view.as_at.london_date());
    let from = named("from")?.unwrap_or_else(|| to.plus_months(-3).next());
    if to < from {
        return Err(HttpError::parameter("to", format!("`{to}` is before `from`, {from}")));
    }
    Ok((from, to))
}

fn fill(app: &App, visitor: &Visitor, raw: Option<&str>) -> Result<Response, HttpError> {
    let asking = match Asking::begin(app, visitor, raw, &SPEC)? {
        Begun::Elsewhere(response) => return Ok(response),
        Begun::Here(asking) => asking,
    };
    let (from, to) = period(&asking)?;
    let for_a_board = asking.query.word("audience", &AUDIENCES)?.unwrap_or_else(|| asking.asker.is_board());
    let person = asking.asker.caller().clone();
    let cells = by_area_and_rule(app, (from, to), (asking.view, asking.past), for_a_board, person)?;
    let book = app.book(asking.view.known_at)?;
    let duty = |rule: &str| book.policy.rule(rule).map(|rule| rule.duty.clone()).unwrap_or_default();
    let words = super::Words { heading: "", purpose: "", paragraphs: &[] };
    let carry = asking.carry();
    let moment = carry.replacen('?', "&", 1);
    let audience = if for_a_board { "&audience=board" } else { "" };
    let api = |format: &str| {
        format!("{}?by=area,rule&from={from}&to={to}{audience}&format={format}{moment}", SPEC.api)
    };
    let placed = app.projections.placements(asking.view)?;
    let own = asking.asker.org().and_then(|org| upwards(org, SubjectKind::Area, &placed));
    let map = Map::of(cells, own.as_ref());
    let mut below: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for org in placed.keys() {
        if let Some(area) = upwards(org, SubjectKind::Area, &placed).filter(|area| area != org) {
            below.entry(area).or_default().push(org.clone());
        }
    }
    let period = Period { from, to, moment: &moment, for_a_board, below };
    let listing = asking.listing(Section::Compliance, words, &TABS);
    answer(&Compliance {
        paragraphs: ["4.16.n", "4.16.p", "5.10"].map(paragraph_link).to_vec(),
        tabs: listing.tabs,
        period: format!("{} to {}", short_day(from), short_day(to)),
        filter: asking.filter(vec![asking.choose(
            "audience",
            "Written for",
            "Whoever looks",
            [
                ("everyone".to_owned(), "Those who answer for duties".to_owned()),
                ("board".to_owned(), "A board: small counts kept back".to_owned()),
            ],
        )]),
        checked_at: listing.checked_at,
        csv_href: api("csv"),
        json_href: api("json"),
        for_a_board,
        areas: map.areas.iter().map(|area| heading(area, &carry)).collect(),
        rows: map.rows(&period, duty),
        frame: listing.frame,
    })
}

/// What is shown, for the links to duties.
struct Period<'p> {
    from: Date,
    to: Date,
    moment: &'p str,
    for_a_board: bool,
    /// What lies under each area.
    below: BTreeMap<String, Vec<String>>,
}

/// An area, none for duties of no area, or all areas.
type Area = Option<Option<String>>;

/// The cells by rule and area.
struct Map {
    areas: Vec<Area>,
    rules: BTreeSet<String>,
    rates: BTreeMap<(Option<String>, Area), Rate>,
}

impl Map {
    /// The cells by rule and area; the area of whoever looks stands first.
    fn of(cells: Vec<Cell>, own: Option<&String>) -> Self {
        let mut map = Self { areas: Vec::new(), rules: BTreeSet::new(), rates: BTreeMap::new() };
        let mut areas: BTreeSet<Option<String>> = BTreeSet::new();
        for cell in cells {
            let rate = cell.figures.rate();
            let area = if cell.all_areas { None } else { Some(cell.area) };
            if rate == Rate::Nothing && cell.rule.is_some() {
                continue;
            }
            map.rules.extend(cell.rule.clone());
            areas.extend(area.clone());
            map.rates.insert((cell.rule, area), rate);
        }
        if !map.rules.is_empty() {
            let (first, others): (Vec<_>, Vec<_>) =
                areas.into_iter().partition(|area| own.is_some() && area.as_ref() == own);
            map.areas = std::iter::once(None).chain(first.into_iter().chain(others).map(Some)).collect();
        }
        map
    }

    fn rows(&self, period: &Period<'_>, duty: impl Fn(&str) -> String) -> Vec<HeatRow> {
        if self.rules.is_empty() {
            return Vec::new();
        }
        let mut rules: Vec<&String> = self.rules.iter().collect();
        rules.sort_by_key(|rule| {
            rule.split('.').map(|part| part.parse::<u32>().unwrap_or(0)).collect::<Vec<_>>()
        });
        std::iter::once(None)
            .chain(rules.into_iter().map(Some))
            .map(|rule| HeatRow {
                rule: rule.map(|rule| Link::new(rule.clone(), format!("/rules/{}", encoded(rule)))),
                sentence: rule.map_or_else(|| "All rules".to_owned(), |rule| duty(rule)),
                cells: self.areas.iter().map(|area| self.cell(rule, area, period)).collect(),
            })
            .collect()
    }

    fn cell(&self, rule: Option<&String>, area: &Area, period: &Period<'_>) -> HeatCell {
        let about = format!("{}, {}", rule.map_or("all rules", String::as_str), area_words(area));
        let rate = self.rates.get(&(rule.cloned(), area.clone()));
        match rate {
            None | Some(Rate::Nothing) => {
                HeatCell { words: "None due".to_owned(), of: None, like: None, href: None, about }
            }
            Some(Rate::KeptBack) => {
                HeatCell { words: "Kept back".to_owned(), of: None, like: None, href: None, about }
            }
            Some(Rate::Of { met, all, percent }) => HeatCell {
                words: format!("{percent} %"),
                of: Some(format!("{} of {}", grouped(*met), grouped(*all))),
                like: Some(like(*met, *all)),
                href: period.duties(rule, area),
                about,
            },
        }
    }
}

impl Period<'_> {
    /// The duties that a cell counts, and others beside them: what the list cannot be filtered by.
    fn duties(&self, rule: Option<&String>, area: &Area) -> Option<String> {
        // A board sees no duty of a person, and duties without an area cannot be filtered for.
        let area = match area {
            None => String::new(),
            // What lies under an area answers for duties of its own.
            Some(Some(area)) => {
                let below = self.below.get(area).into_iter().flatten();
                std::iter::once(area).chain(below).map(|org| format!("&holder={}", encoded(org))).collect()
            }
            Some(None) => return None,
        };
        let rule = rule.map(|rule| format!("&rule={}", encoded(rule))).unwrap_or_default();
        let Self { from, to, moment, for_a_board, .. } = self;
        (!for_a_board).then(|| format!("/duties?dueFrom={from}&dueTo={to}{rule}{area}{moment}"))
    }
}

/// The head of a column, with the page of the area.
fn heading(area: &Area, carry: &str) -> Reference {
    let id = area.as_ref().and_then(Option::as_ref).and_then(|area| area.strip_prefix("area/"));
    match id {
        Some(id) => Reference::linked(area_words(area), format!("/areas/{}{carry}", encoded(id))),
        None => Reference::plain(area_words(area)),
    }
}

fn area_words(area: &Area) -> String {
    match area {
        None => "All areas".to_owned(),
        Some(None) => "Prisons and others".to_owned(),
        Some(Some(area)) => area.clone(),
    }
}

/// 90 % or more, 70 % or more, less.
#[must_use]
pub const fn like(met: u64, all: u64) -> Status {
    if met * 100 >= all * 90 {
        Status::Met
    } else if met * 100 >= all * 70 {
        Status::DueThisWeek
    } else {
        Status::Overdue
    }
}
