//! Audits: the schedule, and samples with the seed from which they were drawn.

use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use axum::response::Response;

use super::{Asking, Begun, Spec, Words, acted_on, date, label, one_table, short_day, values};
use crate::http::app::App;
use crate::http::error::HttpError;
use crate::http::registers::audits::{self, AUDITS, Audit, Stands};
use crate::http::site::visitor::Visitor;
use crate::http::site::{Access, answer, show};
use crate::pages::Link;
use crate::pages::duties::Count;
use crate::pages::frame::Section;
use crate::pages::listing::{Cell, Part, Row};
use crate::pages::words::Status;

const SPEC: Spec = Spec {
    path: "/audits",
    api: "/v1/audits",
    choices: &[("org", "Organisation"), ("audit", "Audit"), ("overdue", "Overdue")],
    dates: &[],
};

/// The pages about what is checked again and again.
pub const TABS: [(&str, &str); 3] =
    [("Audits", "/audits"), ("Attestations", "/attestations"), ("Retention", "/retention")];

const OVERDUE: [(&str, bool); 2] = [("true", true), ("false", false)];

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
    let all = audits::rows(app, &seen, &[], &asking.asker)?;
    let mut found = audits::rows(app, &seen, &asking.query.all("org"), &asking.asker)?;
    drop(seen);
    let audit = asking.query.word("audit", &AUDITS)?;
    let overdue = asking.query.word("overdue", &OVERDUE)?;
    found.retain(|row| {
        audit.is_none_or(|audit| row.audit == audit)
            && overdue.is_none_or(|overdue| overdue == (row.status == Stands::Overdue))
    });
    let orgs: std::collections::BTreeSet<String> = all.into_iter().map(|row| row.organisation).collect();
    let mut page = asking.listing(Section::Audits, WORDS, &TABS);
    page.counts = counts(&found);
    page.filter = Some(asking.filter(vec![
        asking.choose(
            "org",
            "Organisation",
            "Any organisation",
            orgs.into_iter().map(|org| (org.clone(), org)),
        ),
        asking.choose("audit", "Audit", "Any audit", values(&AUDITS)),
        asking.choose(
            "overdue",
            "Overdue",
            "Overdue or not",
            [("true".to_owned(), "Overdue".to_owned()), ("false".to_owned(), "Not overdue".to_owned())],
        ),
    ]));
    let columns = vec![
        asking.column("Organisation", "organisation"),
        asking.column("Audit", "audit"),
        asking.column("Status", "status"),
        asking.column("Next by", "next_due_on"),
        asking.column("Last held", "last_on"),
        asking.column("Sample", "drawn_on"),
    ];
    let carry = asking.carry();
    let (rows, pages) = asking.paged(found)?;
    let rows = rows.iter().map(|audit| row(audit, &carry)).collect();
    let caption = "Audits by organisation; the column headings sort the list";
    page.tables.push(one_table("audits", caption, ["audit", "audits"], columns, rows, pages));
    answer(&page)
}

const WORDS: Words<'static> = Words {
    heading: "Audits",
    purpose: "When each organisation last held its audits and went to the user group, and by when it must do so again.",
    paragraphs: &["4.16.d", "4.16.e", "4.16.o", "5.10"],
};

fn counts(rows: &[Audit]) -> Vec<Count> {
    let count = |text: &str, status: Stands| {
        let count = rows.iter().filter(|row| row.status == status).count() as u64;
        Count { text: text.to_owned(), count }
    };
    vec![
        count("Overdue", Stands::Overdue),
        count("Due", Stands::Due),
        count("Drawn, not completed", Stands::Drawn),
    ]
}

fn row(audit: &Audit, carry: &str) -> Row {
    let status = match audit.status {
        Stands::Due => Cell::tag("Due", Status::Pending),
        Stands::Overdue => Cell::tag("Overdue", Status::Overdue),
        Stands::Held => Cell::tag("Held", Status::Met),
        Stands::Drawn => Cell::tag("Drawn", Status::Pending),
        Stands::NotAsked => Cell::tag("Not asked for", Status::Withdrawn),
    };
    let basis = match audit.basis.as_deref() {
        Some("local") => "local target",
        Some(_) => "policy",
        None => "",
    };
    let mut next = date(audit.next_due_on, "Not asked for").and_secondary(basis);
    if let Some(duty) = &audit.duty {
        next = next.and(Part::Link(Link::new(duty.clone(), format!("/duties/{duty}{carry}"))));
    }
    let held = match audit.held {
        0 => String::new(),
        1 => "once".to_owned(),
        times => format!("{times} times"),
    };
    let sample = match (&audit.seed, audit.drawn_on) {
        (Some(seed), Some(on)) => {
            Cell::text(format!("{} of the list, {}", audit.size.unwrap_or_default(), short_day(on)))
                .and_secondary(format!("seed {seed}"))
                .and_secondary(
                    audit.list_sha256.as_ref().map(|digest| format!("list {digest}")).unwrap_or_default(),
                )
        }
        _ => Cell(vec![Part::Nothing("None drawn".to_owned())]),
    };
    Row::of(vec![
        acted_on(&audit.organisation, SPEC.path),
        Cell::text(label(&audit.audit)),
        status,
        next,
        date(audit.last_on, "Never").and_secondary(held),
        sample,
    ])
}
