//! Terminals: where they stand, assessed, approved, withdrawn.

use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use axum::response::Response;

use super::organisations::TABS;
use super::{Asking, Begun, Spec, Words, acted_on, date, one_table};
use crate::http::app::App;
use crate::http::error::HttpError;
use crate::http::registers::terminals::{self, Terminal};
use crate::http::site::visitor::Visitor;
use crate::http::site::{Access, answer, show};
use crate::pages::frame::Section;
use crate::pages::listing::{Cell, Row};
use crate::pages::words::Status;

const SPEC: Spec = Spec {
    path: "/terminals",
    api: "/v1/terminals",
    choices: &[("org", "Organisation"), ("status", "Status")],
    dates: &[],
};

const STATUSES: [(&str, &str); 4] = [
    ("registered", "registered"),
    ("assessed", "assessed"),
    ("approved", "approved"),
    ("withdrawn", "withdrawn"),
];

/// The page.
pub async fn page(State(app): State<App>, uri: Uri, headers: HeaderMap) -> Response {
    let raw = uri.query().map(str::to_owned);
    show(app, Access::SignedIn, &uri, &headers, move |app, visitor| fill(app, visitor, raw.as_deref())).await
}

fn fill(app: &App, visitor: &Visitor, raw: Option<&str>) -> Result<Response, HttpError> {
    let asking = match Asking::begin(app, visitor, raw, &SPEC)? {
        Begun::Elsewhere(response) => return Ok(response),
        Begun::Here(asking) => asking,
    };
    let seen = app.registered().at(app.store.reader(), asking.view)?;
    let status = asking.query.word("status", &STATUSES)?;
    let all = terminals::rows(&seen, &[], &asking.asker)?;
    let mut found = terminals::rows(&seen, &asking.query.all("org"), &asking.asker)?;
    drop(seen);
    found.retain(|terminal| status.is_none_or(|status| terminal.status == status));
    let places: std::collections::BTreeSet<String> =
        all.into_iter().filter_map(|terminal| terminal.organisation).collect();
    let mut page = asking.listing(Section::Organisations, WORDS, &TABS);
    page.filter = Some(asking.filter(vec![
        asking.choose(
            "org",
            "Organisation",
            "Any organisation",
            places.into_iter().map(|org| (org.clone(), org)),
        ),
        asking.choose("status", "Status", "Any status", super::values(&STATUSES)),
    ]));
    let columns = vec![
        asking.column("Terminal", "terminal"),
        asking.column("Stands at", "organisation"),
        asking.column("Status", "status"),
        asking.column("Registered", "registered_on"),
        asking.column("Assessed", "assessed_on"),
        asking.column("Approved", "approved_on"),
    ];
    let (rows, pages) = asking.paged(found)?;
    let rows = rows.iter().map(row).collect();
    let caption = "Terminals; the column headings sort the list";
    page.tables.push(one_table("terminals", caption, ["terminal", "terminals"], columns, rows, pages));
    answer(&page)
}

const WORDS: Words<'static> = Words {
    heading: "Terminals",
    purpose: "Which terminals the prison CPC approved for ViSOR, and whether their risk was assessed before.",
    paragraphs: &["6.4", "6.5"],
};

fn row(terminal: &Terminal) -> Row {
    let status = match terminal.status {
        "approved" if terminal.approved_unassessed => Cell::tag("Approved unassessed", Status::MetLate),
        "approved" => Cell::tag("Approved", Status::Met),
        "assessed" => Cell::tag("Assessed", Status::Pending),
        "withdrawn" => Cell::tag("Withdrawn", Status::Withdrawn),
        _ => Cell::tag("Not approved", Status::DueThisWeek),
    };
    Row::of(vec![
        acted_on(&terminal.terminal, SPEC.path),
        Cell::optional(terminal.organisation.clone(), "Not told"),
        status,
        date(terminal.registered_on, "Not registered"),
        date(terminal.assessed_on, "Not assessed"),
        date(terminal.approved_on, "Not approved"),
    ])
}
