//! Reconciliation: where nDelius, `ViSOR` and NOMIS do not say the same; and the backlog of a programme.

use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use mandate_domain::catalogue::SubjectKind;
use mandate_domain::reconcile::{Backlog, CHECKS, Discrepancy};
use mandate_domain::time::Date;
use mandate_projections::DiscrepancyFilter;

use super::{Asking, Begun, Spec, Words, instant, one_table, paragraph_link, short_day, subject_part};
use crate::http::app::App;
use crate::http::error::HttpError;
use crate::http::reconciliation::{PROGRAMMES, filter, listed, prefixed};
use crate::http::registers::reach::{Reach, said};
use crate::http::site::visitor::Visitor;
use crate::http::site::words::sentence_case;
use crate::http::site::{Access, answer, show, show_judged};
use crate::pages::duties::Count;
use crate::pages::frame::Section;
use crate::pages::listing::{Cell, Column, Part, Row, Table};
use crate::pages::paging::Pages;

const SPEC: Spec = Spec {
    path: "/reconciliation",
    api: "/v1/reconciliation",
    choices: &[("check", "Check"), ("area", "Area"), ("prison", "Prison"), ("subject", "About")],
    dates: &[],
};

const BACKLOG: Spec = Spec {
    path: "/reconciliation/backlog",
    api: "/v1/reconciliation/backlog",
    choices: &[("area", "Area"), ("programme", "Programme")],
    dates: &[],
};

/// The pages about what does not agree.
pub const TABS: [(&str, &str); 5] = [
    ("Reconciliation", "/reconciliation"),
    ("Backlog of a programme", "/reconciliation/backlog"),
    ("Quarantine", "/quarantine"),
    ("Notices", "/notices"),
    ("Operations", "/operations"),
];

/// Most organisations of a kind to choose from.
const CHOICES: u32 = 1_000;

/// The page.
pub async fn page(State(app): State<App>, uri: Uri, headers: HeaderMap) -> Response {
    let raw = uri.query().map(str::to_owned);
    show(app, Access::SignedIn, &uri, &headers, move |app, visitor| fill(app, visitor, raw.as_deref())).await
}

/// The page of a programme's backlog.
pub async fn backlog(State(app): State<App>, uri: Uri, headers: HeaderMap) -> Response {
    let raw = uri.query().map(str::to_owned);
    show_judged(app, &uri, &headers, move |app, visitor| fill_backlog(app, visitor, raw.as_deref())).await
}

/// The organisations of a kind, as choices.
///
/// # Errors
/// [`HttpError`] when the read models cannot be read.
pub fn places(app: &App, kind: SubjectKind) -> Result<Vec<(String, String)>, HttpError> {
    let known = app.projections.subjects(kind, &[], 0, CHOICES)?.content;
    Ok(known.into_iter().map(|row| (row.subject.clone(), row.subject)).collect())
}

fn fill(app: &App, visitor: &Visitor, raw: Option<&str>) -> Result<Response, HttpError> {
    let mut asking = match Asking::begin(app, visitor, raw, &SPEC)? {
        Begun::Elsewhere(response) => return Ok(response),
        Begun::Here(asking) => asking,
    };
    let (page_number, size) = asking.page_and_size();
    let hidden = asking.asker.hidden(app)?;
    let mut wanted =
        DiscrepancyFilter { page: page_number, size, except: hidden.subjects(), ..filter(&asking.query)? };
    let reach = Reach::of(app, &asking.asker)?;
    let narrowed = reach.narrow_areas(&mut wanted.areas, &mut wanted.prisons);
    said(narrowed, &mut wanted.areas, &mut asking.frame)?;
    let found = listed(app, asking.past, &wanted)?;
    let mut page = asking.listing(Section::Reconciliation, WORDS, &TABS);
    page.filter = Some(asking.filter(vec![
        asking.choose(
            "check",
            "Check",
            "Any check",
            CHECKS.iter().map(|check| (check.name().to_owned(), sentence_case(check.name()))),
        ),
        asking.choose("area", "Area", "Any area", places(app, SubjectKind::Area)?),
        asking.choose("prison", "Prison", "Any prison", places(app, SubjectKind::Prison)?),
    ]));
    let columns = ["Check", "About", "Since", "What each says", "Who mends it"]
        .map(Column::plain)
        .into_iter()
        .collect();
    let (carry, today) = (asking.carry(), asking.view.as_at.london_date());
    let rows = found.content.iter().map(|one| row(one, today, &carry)).collect();
    let pages = asking.pages(found.total_elements);
    let caption = "Where the systems do not agree, the oldest first";
    let noun = ["discrepancy", "discrepancies"];
    page.tables.push(one_table("reconciliation", caption, noun, columns, rows, pages));
    answer(&page)
}

const WORDS: Words<'static> = Words {
    heading: "Reconciliation",
    purpose: "Where nDelius, ViSOR and NOMIS do not say the same of somebody, since when, and who mends it.",
    paragraphs: &["4.16.p", "4.34", "5.14", "4.24"],
};

fn row(one: &Discrepancy, today: Date, carry: &str) -> Row {
    let age = one.age_days(today);
    let days = if age == 1 { "1 day".to_owned() } else { format!("{age} days") };
    let mut sides = Cell::default();
    for side in &one.sides {
        sides = sides.and(Part::Text(format!("{}: {}", side.system, side.says)));
    }
    Row::of(vec![
        Cell::text(sentence_case(one.check.name())).and(Part::Link(paragraph_link(&one.paragraph))),
        Cell(vec![subject_part(&one.subject, carry)]).and_secondary(one.about.clone().unwrap_or_default()),
        Cell::text(short_day(one.since.london_date())).and_secondary(days),
        sides,
        Cell::optional(one.owner.clone(), "Not known").and_secondary(one.mended_by.clone()),
    ])
}

fn fill_backlog(app: &App, visitor: &Visitor, raw: Option<&str>) -> Result<Response, HttpError> {
    let asking = match Asking::begin(app, visitor, raw, &BACKLOG)? {
        Begun::Elsewhere(response) => return Ok(response),
        Begun::Here(asking) => asking,
    };
    let areas = places(app, SubjectKind::Area)?;
    let programmes = PROGRAMMES.map(|(word, _)| (word.to_owned(), sentence_case(word)));
    let area = asking.query.one("area")?.map(|area| prefixed(area.to_owned(), "area"));
    let programme = asking.query.word("programme", &PROGRAMMES)?;
    let mut page = asking.listing(Section::Reconciliation, BACKLOG_WORDS, &TABS);
    page.csv_href = None;
    page.json_href = None;
    let mut form = asking.filter(vec![
        asking.choose("area", "Area", "Choose an area", areas),
        asking.choose("programme", "Programme", "Choose a programme", programmes),
    ]);
    form.open = area.is_none() || programme.is_none();
    page.filter = Some(form);
    if let (Some(area), Some(programme)) = (area, programme) {
        let hidden = asking.asker.hidden(app)?;
        Reach::of(app, &asking.asker)?.narrow(&mut vec![area.clone()])?;
        let left_out = |nominal: &str| hidden.is(nominal);
        let backlog = app.projections.backlog(asking.view, &area, programme, &left_out)?;
        let last = backlog.days.last().map_or(0, |day| u64::from(day.count));
        page.counts = vec![
            Count { text: "Cases left".to_owned(), count: backlog.cases.len() as u64 },
            Count {
                text: "At the switch".to_owned(),
                count: backlog.days.first().map_or(last, |day| u64::from(day.count)),
            },
        ];
        page.tables = tables(&backlog, &asking.carry());
    }
    answer(&page)
}

const BACKLOG_WORDS: Words<'static> = Words {
    heading: "Backlog of a programme",
    purpose: "The cases that a programme covers and that were there before it was switched on: they have neither a record nor a duty to make one.",
    paragraphs: &["4.11", "4.13"],
};

fn tables(backlog: &Backlog, carry: &str) -> Vec<Table> {
    let whole = |total: usize| Pages::new(1, total.max(1) as u64, total as u64, |_| String::new());
    let on = match backlog.switched_on {
        Some(on) => format!("Switched on {} for {}.", short_day(on), backlog.area),
        None => format!("Not switched on for {}: these are the cases that it would cover.", backlog.area),
    };
    let cases: Vec<Row> = backlog
        .cases
        .iter()
        .map(|case| {
            Row::of(vec![Cell(vec![subject_part(&case.subject, carry)]), Cell::text(instant(case.since))])
        })
        .collect();
    // Only the days on which the count changes say something.
    let mut before = None;
    let days: Vec<Row> = backlog
        .days
        .iter()
        .filter(|day| before.replace(day.count) != Some(day.count))
        .map(|day| Row::of(vec![Cell::text(short_day(day.date)), Cell::text(day.count.to_string())]))
        .collect();
    vec![
        Table {
            title: Some("Cases left".to_owned()),
            note: Some(on),
            ..one_table(
                "backlog",
                "Cases left, the oldest first",
                ["case", "cases"],
                vec![Column::plain("Nominal"), Column::plain("A case since")],
                cases.clone(),
                whole(cases.len()),
            )
        },
        Table {
            title: Some("How it went down".to_owned()),
            note: None,
            ..one_table(
                "burn-down",
                "Days on which the number of cases changed",
                ["day", "days"],
                vec![Column::plain("From"), Column::plain("Cases left")],
                days.clone(),
                whole(days.len()),
            )
        },
    ]
}
