//! Coverage: each paragraph of the framework and what covers it.

use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use mandate_domain::policy::coverage::{Covering, Register};
use mandate_domain::reconcile::CHECKS;

use super::rulebook::TABS;
use super::{one_table, paragraph_id};
use crate::http::app::App;
use crate::http::error::HttpError;
use crate::http::query::Query;
use crate::http::registers::attestations::coverage;
use crate::http::site::visitor::Visitor;
use crate::http::site::words::checked_at;
use crate::http::site::{Access, answer, show};
use crate::pages::Link;
use crate::pages::frame::Section;
use crate::pages::listing::{Cell, Column, Listing, Part, Row, Tab};
use crate::pages::paging::Pages;

/// The page.
pub async fn page(State(app): State<App>, uri: Uri, headers: HeaderMap) -> Response {
    let raw = uri.query().map(str::to_owned);
    show(app, Access::SignedIn, &uri, &headers, move |app, visitor| fill(app, visitor, raw.as_deref())).await
}

fn fill(app: &App, visitor: &Visitor, raw: Option<&str>) -> Result<Response, HttpError> {
    Query::read(raw, &[])?;
    let paragraphs = &coverage()?.paragraphs;
    let total = paragraphs.len() as u64;
    let rows = paragraphs
        .iter()
        .map(|covered| Row {
            id: Some(paragraph_id(&covered.paragraph)),
            cells: vec![Cell::text(covered.paragraph.clone()), Cell(covered.by.iter().map(part).collect())],
        })
        .collect();
    let pages = Pages::new(1, total.max(1), total, |_| "/coverage".to_owned());
    let columns = vec![Column::plain("Paragraph"), Column::plain("Covered by")];
    let caption = "Paragraphs of the framework in their order, and what covers each";
    answer(&Listing {
        actions: Vec::new(),
        frame: visitor.frame(app, None)?,
        section: Section::Rules,
        heading: "Coverage of the framework".to_owned(),
        purpose: "Each paragraph of the framework, and the rule, command, right, check, register or attestation that covers it; what asks for judgement alone is guidance.".to_owned(),
        paragraphs: Vec::new(),
        crumbs: Vec::new(),
        tabs: TABS
            .iter()
            .map(|(text, path)| Tab {
                text: (*text).to_owned(),
                href: (*path).to_owned(),
                current: *path == "/coverage",
            })
            .collect(),
        filter: None,
        counts: Vec::new(),
        checked_at: checked_at(app.now()),
        csv_href: Some("/v1/coverage?format=csv".to_owned()),
        json_href: Some("/v1/coverage".to_owned()),
        tables: vec![one_table("coverage", caption, ["paragraph", "paragraphs"], columns, rows, pages)],
    })
}

/// What covers a paragraph, with the page where it is seen.
fn part(by: &Covering) -> Part {
    let text = by.to_string();
    let link = |href: String| Part::Link(Link::new(text.clone(), href));
    match by {
        Covering::Rule(id) => link(format!("/rules/{id}")),
        Covering::Check(check) if CHECKS.contains(check) => link(format!("/reconciliation?check={check}")),
        Covering::Register(register) => link(page_of(*register).to_owned()),
        Covering::Attestation(..) => link("/attestations".to_owned()),
        Covering::Check(_)
        | Covering::Command(_)
        | Covering::Access(_)
        | Covering::Bar(_)
        | Covering::Guidance(_) => Part::Text(text),
    }
}

/// The page of a register.
const fn page_of(register: Register) -> &'static str {
    match register {
        Register::People
        | Register::Vetting
        | Register::Training
        | Register::SignedDocuments
        | Register::Tokens
        | Register::Exemptions
        | Register::ContactCards => "/people",
        Register::Posts | Register::Programmes | Register::CapacityPlans | Register::ContinuityPlans => {
            "/organisations"
        }
        Register::Terminals => "/terminals",
        Register::ArchivedRecords | Register::RetentionReviews => "/retention",
        Register::Audits => "/audits",
        Register::Reports => "/statistics",
        Register::RiskTold => "/duties?rule=4.36",
    }
}
