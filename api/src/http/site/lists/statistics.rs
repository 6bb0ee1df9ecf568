//! Statistics: what was done in a period, by organisation (4.16 n).

use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use mandate_domain::catalogue::SubjectKind;
use mandate_domain::time::Date;

use super::compliance::TABS;
use super::reconciliation::places;
use super::{Asking, Begun, Spec, Words, one_table, short_day};
use crate::http::app::App;
use crate::http::error::HttpError;
use crate::http::reports::rows;
use crate::http::site::visitor::Visitor;
use crate::http::site::{answer, show_judged};
use crate::pages::frame::Section;
use crate::pages::listing::{Cell, Column, Part, Row, Table};
use crate::pages::paging::Pages;

const SPEC: Spec = Spec {
    path: "/statistics",
    api: "/v1/reports/statistics",
    choices: &[("org", "Organisation")],
    dates: &[
        ("from", "From", "The first day, for example 1 1 2026. Left empty: three months ago."),
        ("to", "To", "The last day, for example 31 3 2026. Left empty: today."),
    ],
};

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
    let (from, to) = super::compliance::period(&asking)?;
    let mut orgs = places(app, SubjectKind::Region)?;
    for kind in [SubjectKind::Area, SubjectKind::Unit, SubjectKind::PrisonGroup, SubjectKind::Prison] {
        orgs.extend(places(app, kind)?);
    }
    let org = asking.query.one("org")?.map(str::to_owned);
    let mut page = asking.listing(Section::Compliance, WORDS, &TABS);
    let mut form =
        asking.filter(vec![asking.choose("org", "Organisation and what lies under it", "Choose one", orgs)]);
    form.open |= org.is_none();
    page.filter = Some(form);
    let Some(org) = org else {
        (page.csv_href, page.json_href) = (None, None);
        return answer(&page);
    };
    let (csv, json) = links(&asking, &org, from, to);
    (page.csv_href, page.json_href) = (Some(csv), Some(json));
    let hidden = asking.asker.hidden(app)?;
    let counted = rows(app, &org, (from, to), asking.view, &hidden)?;
    page.tables.push(table(&org, from, to, &counted));
    answer(&page)
}

const WORDS: Words<'static> = Words {
    heading: "Statistics",
    purpose: "What was done in a period: records, partners, accounts, log-ons and audits, counted from the log.",
    paragraphs: &["4.16.n"],
};

/// The same for programs, with the period that is shown.
fn links(asking: &Asking, org: &str, from: Date, to: Date) -> (String, String) {
    let carry = asking.carry().replacen('?', "&", 1);
    let org = crate::http::query::encoded(org);
    let with = |format: &str| format!("{}?org={org}&from={from}&to={to}&format={format}{carry}", SPEC.api);
    (with("csv"), with("json"))
}

fn table(org: &str, from: Date, to: Date, counted: &[(String, [u64; 10])]) -> Table {
    let columns = ["Organisation", "Records", "Transfers", "Partners", "Accounts", "Log-ons", "Audits"];
    let columns = columns.map(Column::plain).into_iter().collect();
    let rows: Vec<Row> = counted.iter().map(|(organisation, numbers)| row(organisation, *numbers)).collect();
    let total = rows.len() as u64;
    let pages = Pages::new(1, total.max(1), total, |_| String::new());
    Table {
        note: Some(format!("{org}, {} to {}, both included.", short_day(from), short_day(to))),
        ..one_table("statistics", "What was done, by organisation", ["row", "rows"], columns, rows, pages)
    }
}

fn row(organisation: &str, numbers: [u64; 10]) -> Row {
    let [created, archived, into, out, partners, enabled, disabled, closed, log_ons, audits] = numbers;
    let several = |counts: &[(u64, &str)]| {
        Cell(counts.iter().map(|(count, what)| Part::Text(format!("{count} {what}"))).collect())
    };
    Row::of(vec![
        Cell::text(if organisation == "total" { "In all" } else { organisation }),
        several(&[(created, "created"), (archived, "archived")]),
        several(&[(into, "in"), (out, "out")]),
        several(&[(partners, "added")]),
        several(&[(enabled, "enabled"), (disabled, "disabled"), (closed, "archived")]),
        Cell::text(log_ons.to_string()),
        several(&[(audits, "held")]),
    ])
}
