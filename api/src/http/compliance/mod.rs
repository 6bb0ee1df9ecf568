//! `GET /v1/compliance`: how many duties that fell due in a period were met, by one thing or two.

mod counted;
mod figures;
mod kept;
mod suppress;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use axum::Json;
use axum::extract::{RawQuery, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use mandate_domain::catalogue::SubjectKind;
use mandate_domain::fact::repeated;
use mandate_domain::judge::View;
use mandate_domain::policy::Basis;
use mandate_domain::time::{Date, Instant};
use mandate_projections::{DutyCount, Grain};
use serde::Serialize;
use serde_json::{Map, Value};

pub use self::counted::{Counted, by_rule, of_area};
use self::figures::BLOCKS;
pub use self::figures::{Audience, Figures, Rate, Tally, percent};
use self::kept::{kept_back, kept_back_by_outcome};
pub use self::suppress::Counts;
use super::app::App;
use super::caller::Caller;
use super::duties::{Format, csv_response, past_view};
use super::error::HttpError;
use super::query::Query;
use super::registers::asker::Asker;
use crate::duty_csv::text_row;

/// The parameters of the list.
pub const KNOWN: [&str; 7] = ["by", "from", "to", "asAt", "knownAt", "audience", "format"];
/// Places that organisations are followed up to find where they belong.
const PLACES: usize = 8;
/// How the rate is counted, as told with every answer.
const COUNTED: &str = "rate = met ÷ (met + met late + overdue + lapsed) over the duties of basis policy whose due moment \
     lies in the period; not evidenced and inherited are counted apart, withdrawn and exempt are left out; percentages \
     are cut off after one decimal";
/// What the recording lag is counted from.
const LAG: &str = "whole days from the opening of a duty to when all could be known that it rests on";

/// What duties are counted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    Area,
    Region,
    Unit,
    Prison,
    PrisonGroup,
    Rule,
}

/// What duties are counted by.
pub const BY: [(&str, By); 6] = [
    ("area", By::Area),
    ("region", By::Region),
    ("unit", By::Unit),
    ("prison", By::Prison),
    ("prison-group", By::PrisonGroup),
    ("rule", By::Rule),
];

impl By {
    fn name(self) -> &'static str {
        BY.iter().find(|(_, by)| *by == self).map_or("", |(name, _)| name)
    }

    /// The organisations of which one is that of a duty's holder; none for what is not found upwards.
    const fn kind(self) -> Option<SubjectKind> {
        match self {
            Self::Rule => None,
            Self::Unit => Some(SubjectKind::Unit),
            Self::Area => Some(SubjectKind::Area),
            Self::Region => Some(SubjectKind::Region),
            Self::Prison => Some(SubjectKind::Prison),
            Self::PrisonGroup => Some(SubjectKind::PrisonGroup),
        }
    }
}

/// The organisation of a kind that one is or belongs to.
pub fn upwards(org: &str, kind: SubjectKind, placed: &BTreeMap<String, String>) -> Option<String> {
    let mut at = org;
    for _ in 0..PLACES {
        if SubjectKind::of(at) == Some(kind) {
            return Some(at.to_owned());
        }
        at = placed.get(at)?;
    }
    None
}

/// What is asked.
#[derive(Debug, Clone)]
struct Asked {
    by: Vec<By>,
    from: Date,
    to: Date,
    view: View,
    past: Option<View>,
    audience: Audience,
    /// Whether recording lags are told.
    lags: bool,
    /// Who asks, where a person does.
    caller: Caller,
}

/// Counts duties.
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
    let asked = Asked { caller, ..asked(&query, app.now())? };
    let format = Format::asked(&query, &headers)?;
    let judged = asked.past.is_some();
    let work = move |app: &App| {
        let answer = answer(app, &asked)?;
        Ok(match format {
            Format::Json => Json(answer).into_response(),
            Format::Csv => csv_response("compliance.csv", answer.csv()),
        })
    };
    if judged { app.judging(work).await } else { app.blocking(work).await }
}

fn asked(query: &Query, now: Instant) -> Result<Asked, HttpError> {
    let one = |word: String| {
        let found = BY.iter().find(|(name, _)| *name == word).map(|(_, by)| *by);
        let names = BY.map(|(name, _)| name).join(", ");
        found.ok_or_else(|| {
            HttpError::parameter("by", format!("`{}`: expected one or two of {names}", repeated(&word)))
        })
    };
    let by: Vec<By> = query.all("by").into_iter().map(one).collect::<Result<_, _>>()?;
    match by.as_slice() {
        [_] => {}
        [one, other] if one != other => {}
        _ => return Err(HttpError::parameter("by", "expected one thing or two different ones")),
    }
    let (from, to) = period(query)?;
    Ok(Asked {
        by,
        from,
        to,
        view: query.view(now)?,
        past: past_view(query, now)?,
        audience: query
            .word("audience", &[("everyone", Audience::Everyone), ("board", Audience::Board)])?
            .unwrap_or(Audience::Everyone),
        lags: true,
        caller: Caller::Nobody,
    })
}

/// `from` and `to`, both included.
///
/// # Errors
/// [`HttpError::Parameter`] for a date that is missing or wrong.
pub fn period(query: &Query) -> Result<(Date, Date), HttpError> {
    let date = |name: &str| {
        query
            .date(name)?
            .ok_or_else(|| HttpError::parameter(name, "missing; state a date such as 2026-03-01"))
    };
    let (from, to) = (date("from")?, date("to")?);
    if to < from {
        return Err(HttpError::parameter("to", format!("`{to}` is before `from`, {from}")));
    }
    Ok((from, to))
}

/// A cell or a total.
#[derive(Debug, Serialize)]
struct Line {
    /// What it is of; null stands for duties that belong nowhere. A total lacks what it is taken over.
    of: Map<String, Value>,
    #[serde(flatten)]
    figures: Figures,
}

/// A cell of area and rule, or a total of one of them or of both.
pub struct Cell {
    /// The area; none in a total over all areas, nor for duties that belong to none.
    pub area: Option<String>,
    /// The rule; none in a total over all rules.
    pub rule: Option<String>,
    /// Whether it is a total over areas.
    pub all_areas: bool,
    /// The figures.
    pub figures: Figures,
}

/// Duties that fell due in a period by area and rule, with the totals, for a person.
///
/// # Errors
/// [`HttpError`] when the read models or the log cannot be read.
pub fn by_area_and_rule(
    app: &App,
    (from, to): (Date, Date),
    (view, past): (View, Option<View>),
    for_a_board: bool,
    caller: Caller,
) -> Result<Vec<Cell>, HttpError> {
    let audience = if for_a_board { Audience::Board } else { Audience::Everyone };
    let asked = Asked { by: vec![By::Area, By::Rule], from, to, view, past, audience, lags: false, caller };
    let answer = answer(app, &asked)?;
    let text = |line: &Line, name: &str| line.of.get(name).and_then(Value::as_str).map(str::to_owned);
    let cell = |line: Line| Cell {
        area: text(&line, "area"),
        rule: text(&line, "rule"),
        all_areas: !line.of.contains_key("area"),
        figures: line.figures,
    };
    Ok(answer.cells.into_iter().chain(answer.totals).map(cell).collect())
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Compliance {
    by: Vec<&'static str>,
    from: String,
    to: String,
    as_at: Instant,
    known_at: Instant,
    counted: &'static str,
    recording_lag: &'static str,
    cells: Vec<Line>,
    totals: Vec<Line>,
}

fn answer(app: &App, asked: &Asked) -> Result<Compliance, HttpError> {
    let asker = Asker::of(app, &asked.caller)?;
    // Whatever a member of a board asks for, it is answered as to a board.
    let audience = if asker.is_board() { Audience::Board } else { asked.audience };
    let grain = match asked.lags {
        _ if asked.by.contains(&By::Unit) => Grain::LagAndUnit,
        true => Grain::Lag,
        false => Grain::Coarse,
    };
    let counted = Counted::at(app, asked.past, &asker.hidden(app)?);
    let counts = counted.due(&[(asked.from, asked.to)], grain)?.concat();
    let (tallies, kept_back) = tallied(app, &asked.by, &counts, asked.view, audience)?;
    let (mut cells, mut totals) = (Vec::new(), Vec::new());
    for (key, tally) in &tallies {
        let hidden = kept_back.get(key).copied().unwrap_or_default();
        let line = Line { of: named(&asked.by, key), figures: Figures::of(tally, audience, hidden) };
        if key.contains(&Of::All) { totals.push(line) } else { cells.push(line) }
    }
    Ok(Compliance {
        by: asked.by.iter().map(|by| by.name()).collect(),
        from: asked.from.to_string(),
        to: asked.to.to_string(),
        as_at: asked.view.as_at,
        known_at: asked.view.known_at,
        counted: COUNTED,
        recording_lag: LAG,
        cells,
        totals,
    })
}

/// The tallies of each cell and total, and what is kept back of them.
type Tallied = (BTreeMap<Key, Tally>, HashMap<Key, [bool; BLOCKS]>);

fn tallied(
    app: &App,
    by: &[By],
    counts: &[DutyCount],
    view: View,
    audience: Audience,
) -> Result<Tallied, HttpError> {
    let placed = app.projections.placements(view)?;
    let book = app.book(view.known_at)?;
    let basis: HashMap<&str, Basis> =
        book.policy.rules.iter().map(|rule| (rule.id.as_str(), rule.basis)).collect();
    let mut grid = Grid::new(by, &placed);
    for count in counts {
        // A rule that the policy in force no longer has is not one of its local targets either.
        let basis = basis.get(&*count.rule).copied().unwrap_or(Basis::Policy);
        grid.add(count, basis);
    }
    let mut tallies = grid.tallies();
    tallies.entry(vec![Of::All; by.len()]).or_default();
    let kept_back = match audience {
        Audience::Everyone => HashMap::new(),
        Audience::Board if by == [By::Rule] => kept_back_by_outcome(&tallies),
        Audience::Board => kept_back(&tallies, by.len()),
    };
    Ok((tallies, kept_back))
}

/// One thing, or all of them; totals come last.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Of {
    One(Option<String>),
    All,
}

type Key = Vec<Of>;

/// Cells and totals in the making, under numbers.
struct Grid<'g> {
    by: &'g [By],
    placed: &'g BTreeMap<String, String>,
    /// What is counted by, each once for each way.
    ids: Vec<Vec<Option<Arc<str>>>>,
    numbers: Vec<HashMap<Option<Arc<str>>, usize>>,
    /// The number of what each holder belongs to, by way.
    of_holders: Vec<HashMap<Option<Arc<str>>, usize>>,
    /// By the number along each way; a total has none.
    tallies: HashMap<Vec<Option<usize>>, Tally>,
}

impl<'g> Grid<'g> {
    fn new(by: &'g [By], placed: &'g BTreeMap<String, String>) -> Self {
        let ways = by.len();
        Self {
            by,
            placed,
            ids: vec![Vec::new(); ways],
            numbers: vec![HashMap::new(); ways],
            of_holders: vec![HashMap::new(); ways],
            tallies: HashMap::new(),
        }
    }

    /// Takes a count into its cell, and into the totals that the cell goes into.
    fn add(&mut self, count: &DutyCount, basis: Basis) {
        let own: Vec<usize> = (0..self.by.len()).map(|way| self.number_of(way, count)).collect();
        for totals in 0..1_u32 << own.len() {
            let along = |(way, number): (usize, &usize)| (totals >> way & 1 == 0).then_some(*number);
            let key: Vec<Option<usize>> = own.iter().enumerate().map(along).collect();
            self.tallies.entry(key).or_default().add(count, basis);
        }
    }

    /// The number of what a duty is counted under along a way.
    fn number_of(&mut self, way: usize, count: &DutyCount) -> usize {
        let kind = self.by.get(way).and_then(|by| by.kind());
        let Some(kind) = kind else { return self.number(way, Some(count.rule.clone())) };
        if let (SubjectKind::Unit, Some(unit)) = (kind, &count.unit) {
            return self.number(way, Some(unit.clone()));
        }
        if let Some(number) = self.of_holders.get(way).and_then(|of| of.get(&count.holder)) {
            return *number;
        }
        let found = count.holder.as_deref().and_then(|holder| upwards(holder, kind, self.placed));
        let number = self.number(way, found.map(Into::into));
        if let Some(of) = self.of_holders.get_mut(way) {
            of.insert(count.holder.clone(), number);
        }
        number
    }

    fn number(&mut self, way: usize, id: Option<Arc<str>>) -> usize {
        let (Some(ids), Some(numbers)) = (self.ids.get_mut(way), self.numbers.get_mut(way)) else { return 0 };
        *numbers.entry(id).or_insert_with_key(|id| {
            ids.push(id.clone());
            ids.len() - 1
        })
    }

    fn tallies(self) -> BTreeMap<Key, Tally> {
        let ids = &self.ids;
        let of = |(way, number): (usize, Option<usize>)| match number {
            None => Of::All,
            Some(number) => {
                let id = ids.get(way).and_then(|ids| ids.get(number)).cloned().flatten();
                Of::One(id.as_deref().map(str::to_owned))
            }
        };
        let named = |(key, tally): (Vec<Option<usize>>, Tally)| {
            (key.into_iter().enumerate().map(of).collect::<Key>(), tally)
        };
        self.tallies.into_iter().map(named).collect()
    }
}

fn named(by: &[By], key: &[Of]) -> Map<String, Value> {
    let named = |(by, of): (&By, &Of)| match of {
        Of::All => None,
        Of::One(id) => Some((by.name().to_owned(), id.clone().map_or(Value::Null, Value::String))),
    };
    by.iter().zip(key).filter_map(named).collect()
}

impl Compliance {
    /// Exactly the lines listed: a total has `all` for what it is taken over, `none` stands for nowhere.
    fn csv(&self) -> Vec<u8> {
        let columns = self.by.iter().copied().chain(Figures::COLUMNS);
        let mut bytes = text_row(&columns.map(str::to_owned).collect::<Vec<_>>());
        for line in self.cells.iter().chain(&self.totals) {
            let of = |by: &&str| match line.of.get(*by) {
                None => "all".to_owned(),
                Some(id) => id.as_str().unwrap_or("none").to_owned(),
            };
            let cells: Vec<String> = self.by.iter().map(of).chain(line.figures.cells()).collect();
            bytes.extend(text_row(&cells));
        }
        bytes
    }
}
