//! Retention: archived records, and whose review is due.

use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use axum::response::Response;

use super::audits::TABS;
use super::{Asking, Begun, Spec, Words, date, one_table, subject_part};
use crate::http::app::App;
use crate::http::error::HttpError;
use crate::http::registers::retention::{self, Archived};
use crate::http::site::visitor::Visitor;
use crate::http::site::words::sentence_case;
use crate::http::site::{Access, answer, show};
use crate::pages::duties::Count;
use crate::pages::frame::Section;
use crate::pages::listing::{Cell, Part, Row, Tag};
use crate::pages::words::Status;

const SPEC: Spec = Spec {
    path: "/retention",
    api: "/v1/retention",
    choices: &[("owner", "Owner"), ("area", "Area"), ("due", "Review due")],
    dates: &[],
};

const DUE: [(&str, bool); 2] = [("true", true), ("false", false)];

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
    let all = retention::rows(app, asking.view, &[], &asking.asker)?;
    let owners: std::collections::BTreeSet<String> = all.iter().filter_map(|row| row.owner.clone()).collect();
    let mut wanted = asking.query.all("owner");
    wanted.extend(crate::http::registers::organisations_of(&asking.query, "area", "area"));
    let due = asking.query.word("due", &DUE)?;
    let mut found = all;
    found.retain(|row| {
        (wanted.is_empty() || row.owner.as_ref().is_some_and(|owner| wanted.contains(owner)))
            && due.is_none_or(|due| due == row.due)
    });
    let mut page = asking.listing(Section::Audits, WORDS, &TABS);
    page.counts = vec![
        Count { text: "Archived".to_owned(), count: found.len() as u64 },
        Count { text: "Review due".to_owned(), count: found.iter().filter(|row| row.due).count() as u64 },
    ];
    page.filter = Some(asking.filter(vec![
        asking.choose("owner", "Owner", "Any owner", owners.into_iter().map(|owner| (owner.clone(), owner))),
        asking.choose(
            "due",
            "Review",
            "Due or not",
            [("true".to_owned(), "Due".to_owned()), ("false".to_owned(), "Not due".to_owned())],
        ),
    ]));
    let columns = vec![
        asking.column("Nominal", "nominal"),
        asking.column("Owner", "owner"),
        asking.column("Archived", "archived_on"),
        asking.column("Last review", "reviewed_on"),
        asking.column("Next review", "review_due_on"),
    ];
    let carry = asking.carry();
    let (rows, pages) = asking.paged(found)?;
    let rows = rows.iter().map(|archived| row(archived, &carry)).collect();
    let caption = "Archived records; the column headings sort the list";
    let noun = ["archived record", "archived records"];
    page.tables.push(one_table("retention", caption, noun, columns, rows, pages));
    answer(&page)
}

const WORDS: Words<'static> = Words {
    heading: "Retention",
    purpose: "Which archived records are to be reviewed for keeping or deletion. The framework names no interval: a year after archiving and after each review is a local target.",
    paragraphs: &["4.16.c", "4.16.i"],
};

fn row(archived: &Archived, carry: &str) -> Row {
    let reviews = match archived.reviews {
        0 => String::new(),
        1 => "one review".to_owned(),
        many => format!("{many} reviews"),
    };
    let decision = archived.decision.as_deref().map(sentence_case).unwrap_or_default();
    let mut next = date(archived.review_due_on, "None");
    if archived.due {
        next = next.and(Part::Tag(Tag { words: "Due", like: Status::MetLate }));
    }
    Row::of(vec![
        Cell(vec![subject_part(&archived.nominal, carry)]),
        Cell::optional(archived.owner.clone(), "Not known"),
        date(archived.archived_on, "Not known"),
        date(archived.reviewed_on, "Never").and_secondary(decision).and_secondary(reviews),
        next,
    ])
}
