//! Organisations: posts, programmes, plans, audits, users and terminals.

use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use axum::response::Response;

use super::{Asking, Begun, Spec, Words, acted_on, label, one_table, short_day, values};
use crate::http::app::App;
use crate::http::error::HttpError;
use crate::http::registers::organisations::{self, KINDS, Organisation, Standing};
use crate::http::registers::told::lies_under;
use crate::http::site::visitor::Visitor;
use crate::http::site::words::sentence_case;
use crate::http::site::{Access, answer, show};
use crate::pages::duties::Count;
use crate::pages::frame::Section;
use crate::pages::listing::{Cell, Part, Row, Tag};
use crate::pages::words::Status;

const SPEC: Spec = Spec {
    path: "/organisations",
    api: "/v1/organisations",
    choices: &[("org", "Organisation"), ("kind", "Kind")],
    dates: &[],
};

/// The pages about organisations.
pub const TABS: [(&str, &str); 2] = [("Organisations", "/organisations"), ("Terminals", "/terminals")];

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
    let kind = asking.query.word("kind", &KINDS)?;
    let all = organisations::rows(&seen, &[], None, &asking.asker)?;
    let placed = seen.placed();
    drop(seen);
    let names: Vec<String> = all.iter().map(|row| row.organisation.clone()).collect();
    let orgs = asking.query.all("org");
    let mut found = all;
    found.retain(|row| {
        kind.is_none_or(|kind| kind.name() == row.kind) && lies_under(&row.organisation, &orgs, &placed)
    });
    let mut page = asking.listing(Section::Organisations, WORDS, &TABS);
    page.counts = counts(&found);
    let names = names.into_iter().map(|name| (name.clone(), name));
    page.filter = Some(asking.filter(vec![
        asking.choose("org", "It or what lies under it", "Any organisation", names),
        asking.choose("kind", "Kind", "Any kind", values(&KINDS)),
    ]));
    let columns = vec![
        asking.column("Organisation", "organisation"),
        asking.column("Posts", "posts"),
        asking.column("Programmes", "programmes"),
        asking.column("Plans", "capacity_plan_on"),
        asking.column("User group and audits", "rug_attended_on"),
        asking.column("Users", "enabled_users"),
        asking.column("Terminals", "terminals"),
    ];
    let (rows, pages) = asking.paged(found)?;
    let rows = rows.iter().map(row).collect();
    let caption = "Organisations, regions first; the column headings sort the list";
    let noun = ["organisation", "organisations"];
    page.tables.push(one_table("organisations", caption, noun, columns, rows, pages));
    answer(&page)
}

const WORDS: Words<'static> = Words {
    heading: "Organisations",
    purpose: "Which posts are filled or vacant, which programmes are on, and what was last audited and planned.",
    paragraphs: &["4.4", "4.8", "4.11", "4.13", "5.4", "5.5"],
};

fn counts(rows: &[Organisation]) -> Vec<Count> {
    let posts = |status: Standing| {
        let posts = rows.iter().flat_map(|row| &row.posts);
        posts.filter(|post| post.required && post.status == status).count() as u64
    };
    vec![
        Count { text: "Organisations".to_owned(), count: rows.len() as u64 },
        Count { text: "Posts vacant".to_owned(), count: posts(Standing::Vacant) },
        Count { text: "Posts without the vetting".to_owned(), count: posts(Standing::UnderVetted) },
    ]
}

fn row(row: &Organisation) -> Row {
    let mut posts = Cell::default();
    for post in &row.posts {
        let (words, like) = match post.status {
            Standing::Filled => ("Filled", Status::Met),
            Standing::UnderVetted => ("Vetting too low", Status::MetLate),
            Standing::Vacant => ("Vacant", Status::Overdue),
        };
        let who = if post.users.is_empty() { String::new() } else { format!(": {}", post.users.join(", ")) };
        posts =
            posts.and(Part::Tag(Tag { words, like })).and_secondary(format!("{}{who}", label(&post.post)));
    }
    if posts.0.is_empty() {
        posts = Cell(vec![Part::Nothing("None asked for".to_owned())]);
    }
    let mut programmes = Cell::default();
    for programme in &row.programmes {
        programmes = programmes
            .and(Part::Text(sentence_case(&programme.programme)))
            .and_secondary(format!("since {}", short_day(programme.since)));
    }
    if programmes.0.is_empty() {
        programmes = Cell(vec![Part::Nothing("None on".to_owned())]);
    }
    let on = |what: &str, on: Option<mandate_domain::time::Date>| match on {
        Some(on) => Part::Text(format!("{what} {}", short_day(on))),
        None => Part::Nothing(format!("{what}: never")),
    };
    let enrolled = row.enrolled_on.map(|on| format!("enrolled {}", short_day(on)));
    Row::of(vec![
        acted_on(&row.organisation, SPEC.path)
            .and_secondary(row.parent.as_ref().map(|parent| format!("under {parent}")).unwrap_or_default())
            .and_secondary(enrolled.unwrap_or_else(|| "not enrolled".to_owned())),
        posts,
        programmes,
        Cell(vec![on("Capacity", row.capacity_plan_on), on("Continuity", row.continuity_plan_on)]),
        Cell(vec![
            on("User group", row.rug_attended_on),
            on("Dataset", row.dataset_audit_on),
            on("Log-on", row.log_on_audit_on),
        ]),
        Cell::text(row.enabled_users.to_string()).and_secondary("enabled accounts"),
        Cell::text(row.terminals.to_string()).and_secondary(format!("{} approved", row.approved_terminals)),
    ])
}
