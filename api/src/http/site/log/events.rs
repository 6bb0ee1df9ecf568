//! The log, searched and filtered, the latest event first.

use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use mandate_domain::catalogue::FactType;
use mandate_store::{Position, StoredEvent};

use super::{TABS, about, clocks, events_csv, place, reader, teller, type_cell};
use crate::http::app::App;
use crate::http::duties::csv_response;
use crate::http::error::HttpError;
use crate::http::log_search::{Found, Search};
use crate::http::query::encoded;
use crate::http::reads::{self, Reading};
use crate::http::sight::Hidden;
use crate::http::site::lists::{Asking, Begun, Spec, Words, one_table};
use crate::http::site::visitor::Visitor;
use crate::http::site::words::kind;
use crate::http::site::{answer, show_judged};
use crate::pages::Link;
use crate::pages::frame::Section;
use crate::pages::listing::{Cell, Column, Row, Text};
use crate::pages::paging::Pages;
use crate::pages::report::{Block, Report};
use crate::pages::words::grouped;

const SPEC: Spec = Spec {
    path: "/events",
    api: "/events",
    choices: &[
        ("type", "Type"),
        ("subject", "About"),
        ("source", "Told by"),
        ("fromPosition", "From position"),
        ("upTo", "Up to position"),
        ("format", "Format"),
    ],
    dates: &[
        ("from", "Recorded from", "The first day, for example 1 3 2026. Left empty: from the beginning."),
        ("to", "Recorded to", "The last day, for example 31 3 2026. Left empty: to the end."),
    ],
};

const WORDS: Words<'static> = Words {
    heading: "Events",
    purpose: "Everything that the log holds, in the order in which it was recorded, the latest first: who told what about whom, and when.",
    paragraphs: &["4.16.o"],
};

/// Events on a page.
const SIZE: usize = 50;
/// Most events in a file.
const MOST_IN_FILE: usize = 10_000;

/// The page.
pub async fn page(State(app): State<App>, uri: Uri, headers: HeaderMap) -> Response {
    let raw = uri.query().map(str::to_owned);
    show_judged(app, &uri, &headers, move |app, visitor| fill(app, visitor, raw.as_deref())).await
}

fn fill(app: &App, visitor: &Visitor, raw: Option<&str>) -> Result<Response, HttpError> {
    let asking = match Asking::begin(app, visitor, raw, &SPEC)? {
        Begun::Elsewhere(response) => return Ok(response),
        Begun::Here(asking) => asking,
    };
    reader(app, visitor)?;
    let hidden = Hidden::to(app, &visitor.caller)?;
    let wrong = !asking.frame.errors.is_empty();
    let search =
        if wrong { Search::default() } else { Search { view: asking.past, ..Search::of(&asking.query)? } };
    let as_file = asking.query.word("format", &[("csv", true)])?.unwrap_or(false);
    let most = if as_file { MOST_IN_FILE } else { SIZE };
    let found = search.run(app.store.reader(), most, |event| !hidden.hides(event))?;
    let first = found.events.last().map_or(0, |event| event.position.get().saturating_sub(1));
    reads::record(app, &visitor.caller, &[Reading::Events(Position::new(first))])?;
    if as_file {
        let more = |event: &StoredEvent| {
            [event.actor.as_deref().unwrap_or_default().to_owned(), event.sealed.is_some().to_string()]
        };
        let rows = found.events.iter().map(|event| (event, more(event)));
        return Ok(csv_response("events.csv", events_csv(["actor", "sealed"], rows)));
    }
    let head = app.store.reader().head()?.position;
    // Without a checkpoint nothing can be proved, and there is no bundle.
    let signed = !app.store.reader().checkpoints(head, 1)?.is_empty();
    answer(&shown(&asking, &search, &found, (head.get(), signed)))
}

fn shown(asking: &Asking, search: &Search, found: &Found, (head, signed): (u64, bool)) -> Report {
    let listing = asking.listing(Section::Assurance, WORDS, &TABS);
    let types = FactType::ALL
        .iter()
        .map(|one| (one.name().to_owned(), format!("{} ({})", kind(one.name()), one.name())));
    let mut filter = asking.filter(vec![asking.choose("type", "Type", "Any type", types)]);
    filter.texts = texts(search);
    let carry = asking.carry();
    let rows: Vec<Row> = found.events.iter().map(|event| row(event, &carry)).collect();
    let total = rows.len() as u64;
    let columns = ["Event", "Type", "About", "Told by", "Occurred", "Recorded"]
        .map(Column::plain)
        .into_iter()
        .collect();
    let pages = Pages::new(1, total.max(1), total, |_| String::new());
    let mut table =
        one_table("events", "Events, the latest first", ["event", "events"], columns, rows, pages);
    table.note = Some(note(found, head));
    let later = asking.query.one("upTo").ok().flatten().map(|_| {
        Link::new("Back to the latest events", asking.with("/events", |name, _| name != "upTo", &[]))
    });
    let earlier = found.rest.map(|rest| {
        let href = asking.with("/events", |name, _| name != "upTo", &[("upTo", rest.to_string())]);
        Link::new(format!("Earlier events, from position {} back", grouped(rest)), href)
    });
    let mut blocks: Vec<Block> = live(asking, search, head).into_iter().collect();
    blocks.push(Block::Table(table));
    if earlier.is_some() || later.is_some() {
        blocks.push(Block::Steps { earlier, later });
    }
    let mut downloads = vec![Link::new("the list as CSV, at most 10,000 events", asking.api("csv"))];
    if signed {
        downloads.push(Link::new("the whole log as a bundle for mandate-verify", "/v1/bundle"));
    }
    Report {
        frame: listing.frame,
        section: listing.section,
        heading: listing.heading,
        purpose: listing.purpose,
        paragraphs: listing.paragraphs,
        crumbs: Vec::new(),
        tabs: listing.tabs,
        filter: Some(filter),
        checked_at: listing.checked_at,
        downloads,
        blocks,
    }
}

/// What is recorded from now on, where the list is of the present and by nothing that the stream does not know.
fn live(asking: &Asking, search: &Search, head: u64) -> Option<Block> {
    let by_place = search.from.is_some() || search.up_to.is_some() || search.days != (None, None);
    if by_place || search.source.is_some() || asking.past.is_some() || !asking.frame.errors.is_empty() {
        return None;
    }
    let kinds = search.kinds.iter().map(|kind| format!("&type={}", kind.name()));
    let subject = search.subject.iter().map(|subject| format!("&subject={}", encoded(subject)));
    let chosen: String = kinds.chain(subject).collect();
    let again = asking.with("/events", |_, _| true, &[]);
    Some(Block::Live {
        stream: format!("/v1/events/stream?after={head}{chosen}"),
        again: Link::new("Look again for what has been recorded since", again),
    })
}

fn note(found: &Found, head: u64) -> String {
    let end = format!("The log ends at position {}.", grouped(head));
    match found.rest {
        Some(rest) if found.events.len() < SIZE => {
            format!(
                "{end} Searched back to position {} so far; earlier events are a step away.",
                grouped(rest + 1)
            )
        }
        _ => end,
    }
}

/// The fields to type into.
fn texts(search: &Search) -> Vec<Text> {
    let number = |number: Option<u64>| number.map(|number| number.to_string()).unwrap_or_default();
    vec![
        Text {
            name: "subject",
            label: "About",
            hint: "A reference or whole id, for example N-7F3K29QX or user/U-1.",
            value: search.subject.clone().unwrap_or_default(),
        },
        Text {
            name: "source",
            label: "Told by",
            hint: "The source, for example /ndelius.",
            value: search.source.clone().unwrap_or_default(),
        },
        Text {
            name: "fromPosition",
            label: "From position",
            hint: "The first place in the log.",
            value: number(search.from),
        },
        Text {
            name: "upTo",
            label: "Up to position",
            hint: "The last place in the log.",
            value: number(search.up_to),
        },
    ]
}

fn row(event: &StoredEvent, carry: &str) -> Row {
    let sealed = if event.sealed.is_some() { "a part is sealed" } else { "" };
    let [occurred, recorded] = clocks(event);
    Row::of(vec![
        place(event.position, carry),
        type_cell(event.fact.kind).and_secondary(sealed),
        Cell(vec![about(&event.fact.subject, carry)]),
        teller(event),
        occurred,
        recorded,
    ])
}
