//! The auditor's lists: annulments, waivers, back-dated and imported facts, late records by teller.

use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use mandate_domain::catalogue::{FactType, Field};
use mandate_domain::fact::Value as FactValue;
use mandate_domain::judge::View;
use mandate_domain::time::Date;
use mandate_store::{Position, StoredEvent};

use super::recorded::{Cut, Span};
use super::{TABS, about, clocks, duty_link, event_row, events_header, place, reader, teller, type_cell};
use crate::http::app::App;
use crate::http::duties::csv_response;
use crate::http::error::HttpError;
use crate::http::log_search::recorded_before;
use crate::http::reads::{self, Reading};
use crate::http::sight::Hidden;
use crate::http::site::lists::{Asking, Begun, Spec, Words, instant, label, one_table, short_day};
use crate::http::site::visitor::Visitor;
use crate::http::site::words::kind;
use crate::http::site::{answer, show_judged};
use crate::pages::duties::Count;
use crate::pages::frame::Section;
use crate::pages::listing::{Cell, Column, Part, Row, Table};

/// Days after it occurred on which a fact counts as late or back-dated, unless others are asked for.
const DAYS: i32 = 1;

/// The choices of how late.
const LATE: [(&str, i32); 5] = [("1", 1), ("2", 2), ("5", 5), ("20", 20), ("60", 60)];

/// A list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum List {
    /// Facts told to have been in error.
    Annulments,
    /// Duties waived.
    Waivers,
    /// Facts told later than they occurred.
    BackDated,
    /// Facts with a claim of when they were recorded elsewhere.
    Imported,
    /// How late each teller tells.
    Late,
}

const DATES: &[(&str, &str, &str)] = &[
    ("from", "Recorded from", "The first day, for example 1 3 2026. Left empty: a month ago."),
    ("to", "Recorded to", "The last day, for example 31 3 2026. Left empty: today."),
];

macro_rules! spec {
    ($name:ident, $path:literal) => {
        static $name: Spec = Spec {
            path: $path,
            api: $path,
            choices: &[
                ("source", "Told by"),
                ("days", "Days late"),
                ("upTo", "Up to position"),
                ("format", "Format"),
            ],
            dates: DATES,
        };
    };
}
spec!(ANNULMENTS, "/assurance/annulments");
spec!(WAIVERS, "/assurance/waivers");
spec!(BACK_DATED, "/assurance/back-dated");
spec!(IMPORTED, "/assurance/imported");
spec!(LATE_RECORDS, "/assurance/late");

impl List {
    fn spec(self) -> &'static Spec {
        match self {
            Self::Annulments => &ANNULMENTS,
            Self::Waivers => &WAIVERS,
            Self::BackDated => &BACK_DATED,
            Self::Imported => &IMPORTED,
            Self::Late => &LATE_RECORDS,
        }
    }

    /// What its page says of itself.
    pub const fn words(self) -> Words<'static> {
        let (heading, purpose): (&str, &str) = match self {
            Self::Annulments => (
                "Annulments",
                "Facts that were said to have been recorded in error: who said so, of what, and how long after; the reasons are sealed.",
            ),
            Self::Waivers => (
                "Waivers",
                "Duties that somebody entitled to it waived: who, in which role, and until when; the reasons are sealed.",
            ),
            Self::BackDated => (
                "Back-dated facts",
                "Facts that were recorded here on a later day than the day on which they are said to have happened.",
            ),
            Self::Imported => (
                "Imported facts",
                "Facts that came with a claim of when they were recorded elsewhere; the claim counts, and the log’s own time stands beside it.",
            ),
            Self::Late => (
                "Late records",
                "How late each teller tells: of the facts recorded in a period, how many came on a later day than they happened.",
            ),
        };
        Words { heading, purpose, paragraphs: &["4.16.o"] }
    }

    const fn types(self) -> &'static [FactType] {
        match self {
            Self::Annulments => &[FactType::FactAnnulled],
            Self::Waivers => &[FactType::DutyWaived],
            Self::BackDated | Self::Imported | Self::Late => &[],
        }
    }
}

/// Annulments.
pub async fn annulments(State(app): State<App>, uri: Uri, headers: HeaderMap) -> Response {
    page(app, uri, headers, List::Annulments).await
}

/// Waivers.
pub async fn waivers(State(app): State<App>, uri: Uri, headers: HeaderMap) -> Response {
    page(app, uri, headers, List::Waivers).await
}

/// Back-dated facts.
pub async fn back_dated(State(app): State<App>, uri: Uri, headers: HeaderMap) -> Response {
    page(app, uri, headers, List::BackDated).await
}

/// Imported facts.
pub async fn imported(State(app): State<App>, uri: Uri, headers: HeaderMap) -> Response {
    page(app, uri, headers, List::Imported).await
}

/// Late records by teller.
pub async fn late(State(app): State<App>, uri: Uri, headers: HeaderMap) -> Response {
    page(app, uri, headers, List::Late).await
}

async fn page(app: App, uri: Uri, headers: HeaderMap, list: List) -> Response {
    let raw = uri.query().map(str::to_owned);
    show_judged(app, &uri, &headers, move |app, visitor| fill(app, visitor, list, raw.as_deref())).await
}

fn fill(app: &App, visitor: &Visitor, list: List, raw: Option<&str>) -> Result<Response, HttpError> {
    let asking = match Asking::begin(app, visitor, raw, list.spec())? {
        Begun::Elsewhere(response) => return Ok(response),
        Begun::Here(asking) => asking,
    };
    reader(app, visitor)?;
    let period = period(&asking)?;
    let days = asking.query.word("days", &LATE)?.unwrap_or(DAYS);
    let source = asking.query.one("source")?.map(str::to_owned);
    let hidden = Hidden::to(app, &visitor.caller)?;
    let chosen = |line: &Line| {
        let shows = match list {
            List::Annulments | List::Waivers | List::Late => true,
            List::BackDated => !line.imported && line.days_late >= days,
            List::Imported => line.imported,
        };
        shows && source.as_ref().is_none_or(|source| *source == line.teller)
    };
    let as_file = asking.query.word("format", &[("csv", true)])?.unwrap_or(false);
    let wanted = Wanted { list, past: asking.past, hidden: &hidden };
    let (after, last) = positions(app, &asking, period)?;
    let (span, cut) = if !list.types().is_empty() {
        // Those of few types are found by an index.
        (Span::whole(after, last), None)
    } else if as_file {
        (Span::of_a_file(after, last)?, None)
    } else {
        Span::of_a_page(after, last)
    };
    if as_file && list != List::Late {
        return file(app, visitor, span, &wanted, chosen);
    }
    let mut told = Vec::new();
    span.each_page(app.store.reader(), list.types(), |events| {
        told.extend(events.iter().rev().filter_map(|event| wanted.line(event)));
    })?;
    told.reverse();
    note_reading(app, visitor, told.last().map(|line| line.position))?;
    let mut tellers: Vec<String> = told.iter().map(|line| line.teller.clone()).collect();
    tellers.sort_unstable();
    tellers.dedup();
    let lines: Vec<&Line> = told.iter().filter(|line| chosen(line)).collect();
    if list == List::Late {
        let facts = lines.iter().map(|line| (line.teller.clone(), line.days_late));
        return super::late::late_records(&asking, facts, days, as_file, (period, cut), &tellers);
    }
    let mut page = asking.listing(Section::Assurance, list.words(), &TABS);
    page.json_href = None;
    page.filter = Some(asking.filter(choices(&asking, list, &tellers)));
    let counted = if cut.is_some() { "among those looked through" } else { "in the period" };
    page.counts = vec![Count { text: counted.to_owned(), count: lines.len() as u64 }];
    let mut table = table(app, &asking, list, &lines, &hidden)?;
    let period = format!("Recorded from {} to {}.", short_day(period.0), short_day(period.1));
    table.note = Some([period].into_iter().chain(cut.map(Cut::words)).collect::<Vec<_>>().join(" "));
    page.actions.extend(cut.map(|cut| cut.earlier(&asking)));
    page.tables.push(table);
    answer(&page)
}

/// The page of a list that is shown.
fn table(
    app: &App,
    asking: &Asking,
    list: List,
    lines: &[&Line],
    hidden: &Hidden,
) -> Result<Table, HttpError> {
    let pages = asking.pages(lines.len() as u64);
    let skipped = usize::try_from(pages.first.saturating_sub(1)).unwrap_or(usize::MAX);
    let shown = usize::try_from(pages.last).unwrap_or(usize::MAX).saturating_sub(skipped);
    let mut rows = Vec::new();
    for line in lines.iter().skip(skipped).take(shown) {
        rows.extend(line.row(app, list, &asking.carry(), hidden)?);
    }
    let columns = list.columns().iter().map(|name| Column::plain(*name)).collect();
    let noun = match list {
        List::Annulments => ["annulment", "annulments"],
        List::Waivers => ["waiver", "waivers"],
        List::BackDated | List::Imported | List::Late => ["fact", "facts"],
    };
    let caption = format!("{}, the latest first", list.words().heading);
    Ok(one_table("corrections", &caption, noun, columns, rows, pages))
}

/// What the list is chosen by.
pub fn choices(asking: &Asking, list: List, tellers: &[String]) -> Vec<crate::pages::listing::Choose> {
    let pairs = tellers.iter().map(|one| (one.clone(), one.clone()));
    let mut choices = vec![asking.choose("source", "Told by", "Anybody", pairs)];
    if matches!(list, List::BackDated | List::Late) {
        let words = LATE.map(|(word, days)| {
            (
                word.to_owned(),
                if days == 1 { "1 day or more".to_owned() } else { format!("{days} days or more") },
            )
        });
        choices.push(asking.choose("days", "How late", "1 day or more", words));
    }
    choices
}

/// The days of recording: the last month where none is named.
fn period(asking: &Asking) -> Result<(Date, Date), HttpError> {
    let named = |name: &str| if asking.frame.errors.is_empty() { asking.query.date(name) } else { Ok(None) };
    let to = named("to")?.unwrap_or_else(|| asking.view.known_at.london_date());
    let from = named("from")?.unwrap_or_else(|| to.plus_months(-1).next());
    if to < from {
        return Err(HttpError::parameter("to", format!("`{to}` is before `from`, {from}")));
    }
    Ok((from, to))
}

/// What a list needs to know of each event; the event itself is read again where it is shown.
#[derive(Debug, Clone)]
pub struct Line {
    position: Position,
    teller: String,
    imported: bool,
    days_late: i32,
}

impl Line {
    fn of(event: &StoredEvent) -> Self {
        let on = match event.fact.get(Field::On) {
            Some(FactValue::Date(on)) => *on,
            _ => event.fact.time.london_date(),
        };
        Self {
            teller: event.fact.source.to_string(),
            imported: event.claimed_at.is_some(),
            days_late: event.known_at().london_date().days() - on.days(),
            position: event.position,
        }
    }

    fn row(&self, app: &App, list: List, carry: &str, hidden: &Hidden) -> Result<Option<Row>, HttpError> {
        let found = app.store.reader().by_position(self.position)?;
        let Some(event) = &found else { return Ok(None) };
        let [occurred, recorded] = clocks(event);
        let late = Cell::text(days(self.days_late));
        let subject = Cell(vec![about(&event.fact.subject, carry)]);
        let text = |field| event.fact.text(field).map(str::to_owned);
        Ok(Some(Row::of(match list {
            List::Annulments => {
                let (of, after) = annulled(app, event, carry, hidden)?;
                vec![place(event.position, carry), recorded, of, after, teller(event), sealed(event)]
            }
            List::Waivers => {
                let duty = event.fact.subject.strip_prefix("duty/").unwrap_or_default();
                let role = text(Field::ByRole).map(|role| label(&role));
                let until = match event.fact.get(Field::Until) {
                    Some(FactValue::Date(until)) => Some(short_day(*until)),
                    _ => None,
                };
                vec![
                    place(event.position, carry),
                    recorded,
                    Cell(vec![Part::Link(duty_link(duty, carry))]).and_secondary(
                        duty.split(':').next().map(|rule| format!("paragraph {rule}")).unwrap_or_default(),
                    ),
                    Cell::optional(text(Field::By), "not said").and_secondary(role.unwrap_or_default()),
                    Cell::optional(until, "without end"),
                    sealed(event),
                ]
            }
            List::BackDated | List::Late => {
                vec![
                    place(event.position, carry),
                    type_cell(event.fact.kind),
                    subject,
                    occurred,
                    recorded,
                    late.and_secondary(self.teller.clone()),
                ]
            }
            List::Imported => vec![
                place(event.position, carry),
                type_cell(event.fact.kind),
                subject,
                occurred,
                Cell::optional(event.claimed_at.map(instant), "none").and_secondary(days(self.days_late)),
                Cell::text(instant(event.recorded_at)).and_secondary(self.teller.clone()),
            ],
        })))
    }
}

impl List {
    const fn columns(self) -> &'static [&'static str] {
        match self {
            Self::Annulments => &["Annulment", "Recorded", "Annulled", "How long after", "Told by", "Reason"],
            Self::Waivers => &["Waiver", "Recorded", "Duty", "Waived by", "Until", "Reason"],
            Self::BackDated => &["Fact", "Type", "About", "Occurred", "Recorded", "How late"],
            Self::Imported => &["Fact", "Type", "About", "Occurred", "Recorded elsewhere", "Recorded here"],
            Self::Late => &["Told by", "Facts", "Late", "Share late", "Median", "Longest"],
        }
    }
}

/// So many days late, in words.
pub fn days(days: i32) -> String {
    match days {
        ..=0 => "the same day".to_owned(),
        1 => "1 day late".to_owned(),
        more => format!("{more} days late"),
    }
}

fn sealed(event: &StoredEvent) -> Cell {
    Cell(vec![Part::Nothing(if event.sealed.is_some() { "sealed" } else { "none" }.to_owned())])
}

/// What an annulment names, and how long after it was recorded.
fn annulled(app: &App, event: &StoredEvent, carry: &str, hidden: &Hidden) -> Result<(Cell, Cell), HttpError> {
    let Some(FactValue::Event(named)) = event.fact.get(Field::Event) else {
        return Ok((Cell::optional(None::<String>, "nothing"), Cell::optional(None::<String>, "not known")));
    };
    let found = app.store.reader().by_source_id(&named.0, &named.1)?.filter(|found| !hidden.hides(found));
    Ok(match found {
        Some(found) => {
            let after = event.recorded_at.london_date().days() - found.recorded_at.london_date().days();
            let words = match after {
                ..=0 => "the same day".to_owned(),
                1 => "1 day".to_owned(),
                more => format!("{more} days"),
            };
            (place(found.position, carry).and_secondary(kind(found.fact.kind.name())), Cell::text(words))
        }
        None => (
            Cell::text(format!("{}#{}", named.0, named.1)).and_secondary("not in the log yet"),
            Cell::optional(None::<String>, "not known"),
        ),
    })
}

/// What may stand in a list.
struct Wanted<'w> {
    list: List,
    past: Option<View>,
    hidden: &'w Hidden,
}

impl Wanted<'_> {
    /// What the list needs to know of an event, if it is one of it.
    fn line(&self, event: &StoredEvent) -> Option<Line> {
        let seen =
            self.past.is_none_or(|view| event.known_at() <= view.known_at && event.fact.time <= view.as_at);
        // What Mandate itself says is said as it is noticed.
        let outside =
            !self.list.types().is_empty() || *event.fact.source != *"/mandate" || event.claimed_at.is_some();
        if !seen || !outside || self.hidden.hides(event) {
            return None;
        }
        let line = Line::of(event);
        let wanted = match self.list {
            List::Annulments | List::Waivers | List::Late => true,
            List::BackDated => line.days_late > 0,
            List::Imported => line.imported,
        };
        wanted.then_some(line)
    }
}

/// The positions of a period, from that after which it begins up to its last.
fn positions(app: &App, asking: &Asking, (from, to): (Date, Date)) -> Result<(u64, u64), HttpError> {
    let log = app.store.reader();
    let head = log.head()?.position.get();
    let up_to = asking.query.number("upTo", head, 0..=u64::MAX >> 1)?;
    Ok((recorded_before(log, from.start(), head)?, recorded_before(log, to.end(), head)?.min(up_to)))
}

/// Notes that somebody reads of the log from an event on.
fn note_reading(app: &App, visitor: &Visitor, first: Option<Position>) -> Result<(), HttpError> {
    let Some(first) = first else { return Ok(()) };
    let before = Position::new(first.get().saturating_sub(1));
    reads::record(app, &visitor.caller, &[Reading::Events(before)])
}

/// The facts of a list as CSV, the latest first, written as they are read.
fn file(
    app: &App,
    visitor: &Visitor,
    span: Span,
    wanted: &Wanted<'_>,
    chosen: impl Fn(&Line) -> bool,
) -> Result<Response, HttpError> {
    let mut pages = Vec::new();
    let mut first: Option<Position> = None;
    span.each_page(app.store.reader(), wanted.list.types(), |events| {
        let mut page = Vec::new();
        for event in events {
            let Some(line) = wanted.line(&event) else { continue };
            first = Some(first.map_or(line.position, |first| first.min(line.position)));
            if chosen(&line) {
                page.extend(event_row(&event, [line.days_late.to_string()]));
            }
        }
        pages.push(page);
    })?;
    note_reading(app, visitor, first)?;
    let mut bytes = events_header(["daysLate"]);
    pages.into_iter().rev().for_each(|page| bytes.extend(page));
    Ok(csv_response("facts.csv", bytes))
}
