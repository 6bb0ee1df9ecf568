//! Attestations: what only an attestation can show, period by period.

use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use axum::response::Response;

use super::audits::TABS;
use super::{Asking, Begun, Spec, Words, date, one_table, paragraph_link, short_day, values};
use crate::http::app::App;
use crate::http::error::HttpError;
use crate::http::registers::attestations::{self, Attestation, Filter, OUTCOMES, Outcome};
use crate::http::site::visitor::Visitor;
use crate::http::site::{Access, answer, show};
use crate::pages::duties::Count;
use crate::pages::frame::Section;
use crate::pages::listing::{Cell, Part, Row};
use crate::pages::words::Status;

const SPEC: Spec = Spec {
    path: "/attestations",
    api: "/v1/attestations",
    choices: &[("org", "Organisation"), ("paragraph", "Paragraph"), ("outcome", "Outcome")],
    dates: &[
        ("from", "Periods from", "The first day, for example 1 1 2026. Left empty: a year ago."),
        ("to", "Periods to", "The last day, for example 31 12 2026. Left empty: today."),
    ],
};

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
    let filter = if asking.frame.errors.is_empty() { Filter::of(&asking.query)? } else { Filter::default() };
    let seen = app.registered().at(app.store.reader(), asking.view)?;
    let whole = Filter { from: filter.from, to: filter.to, ..Filter::default() };
    let all = attestations::rows(&seen, &whole, &asking.asker)?;
    let found = attestations::rows(&seen, &filter, &asking.asker)?;
    drop(seen);
    let orgs: std::collections::BTreeSet<String> = all.iter().map(|row| row.organisation.clone()).collect();
    let mut paragraphs: Vec<String> = Vec::new();
    for row in all {
        if !paragraphs.contains(&row.paragraph) {
            paragraphs.push(row.paragraph);
        }
    }
    let mut page = asking.listing(Section::Audits, WORDS, &TABS);
    page.counts = counts(&found);
    page.filter = Some(asking.filter(vec![
        asking.choose(
            "org",
            "Organisation",
            "Any organisation",
            orgs.into_iter().map(|org| (org.clone(), org)),
        ),
        asking.choose(
            "paragraph",
            "Paragraph",
            "Any paragraph",
            paragraphs.into_iter().map(|one| (one.clone(), one)),
        ),
        asking.choose("outcome", "Outcome", "Any outcome", values(&OUTCOMES)),
    ]));
    let columns = vec![
        asking.column("Paragraph", "paragraph"),
        asking.column("Organisation", "organisation"),
        asking.column("Period", "from"),
        asking.column("Outcome", "outcome"),
        asking.column("Attested", "attested_on"),
        asking.column("Sample", "sample"),
    ];
    let (rows, pages) = asking.paged(found)?;
    let rows = rows.iter().map(row).collect();
    let caption = "Attestations; the column headings sort the list";
    let noun = ["attestation", "attestations"];
    page.tables.push(one_table("attestations", caption, noun, columns, rows, pages));
    answer(&page)
}

const WORDS: Words<'static> = Words {
    heading: "Attestations",
    purpose: "What no system can show and somebody must vouch for, period by period; without an attestation it is not evidenced, which is neither met nor missed.",
    paragraphs: &["4.2", "4.4", "4.37", "5.3", "5.6", "5.7"],
};

fn counts(rows: &[Attestation]) -> Vec<Count> {
    let count = |(_, outcome): &(&str, Outcome)| Count {
        text: words(*outcome).to_owned(),
        count: rows.iter().filter(|row| row.outcome == *outcome).count() as u64,
    };
    OUTCOMES.iter().map(count).collect()
}

const fn words(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Met => "Met",
        Outcome::NotMet => "Not met",
        Outcome::WorkingTowards => "Working towards",
        Outcome::NotEvidenced => "Not evidenced",
    }
}

fn row(attestation: &Attestation) -> Row {
    let like = match attestation.outcome {
        Outcome::Met => Status::Met,
        Outcome::NotMet => Status::Overdue,
        Outcome::WorkingTowards => Status::DueThisWeek,
        Outcome::NotEvidenced => Status::Withdrawn,
    };
    let by = match attestation.by {
        "capacity_plan.attested" => "by the capacity plan",
        "continuity_plan.attested" => "by the continuity plan",
        "return.submitted" => "by the return",
        _ => "",
    };
    Row::of(vec![
        Cell(vec![Part::Link(paragraph_link(&attestation.paragraph))]).and_secondary(by),
        Cell::text(attestation.organisation.clone()),
        Cell::text(format!("{} to {}", short_day(attestation.from), short_day(attestation.to))),
        Cell::tag(words(attestation.outcome), like),
        date(attestation.attested_on, "Not attested"),
        Cell::optional(attestation.sample.clone(), "None"),
    ])
}
