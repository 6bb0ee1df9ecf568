//! Operations: what is wrong with Mandate itself, how far its parts are, and who is told of events.

use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use mandate_domain::rights::Right;
use mandate_scheduler::Problem;

use super::reconciliation::TABS;
use super::{instant, one_table};
use crate::http::app::App;
use crate::http::error::HttpError;
use crate::http::gate::may_open;
use crate::http::health::problems;
use crate::http::query::Query;
use crate::http::registers::asker::Asker;
use crate::http::site::visitor::Visitor;
use crate::http::site::words::checked_at;
use crate::http::site::{Access, answer, show};
use crate::http::webhooks::{Webhook, of_all};
use crate::pages::duties::Count;
use crate::pages::frame::Section;
use crate::pages::listing::{Cell, Column, Listing, Part, Row, Tab, Table};
use crate::pages::paging::Pages;
use crate::pages::words::Status;

/// The page.
pub async fn page(State(app): State<App>, uri: Uri, headers: HeaderMap) -> Response {
    let raw = uri.query().map(str::to_owned);
    show(app, Access::SignedIn, &uri, &headers, move |app, visitor| fill(app, visitor, raw.as_deref())).await
}

fn fill(app: &App, visitor: &Visitor, raw: Option<&str>) -> Result<Response, HttpError> {
    Query::read(raw, &[])?;
    let asker = Asker::of(app, &visitor.caller)?;
    let found = problems(app)?;
    let (head, progress) = (app.store.reader().head()?.position.get(), app.projections.progress()?);
    let mut tables = vec![problem_table(&found)];
    // Who is told of events is for those who keep it, and for auditors.
    let keeps = asker.must(Right::Administer).is_ok() || asker.must(Right::ReadLog).is_ok();
    if keeps {
        tables.push(webhook_table(&of_all(app)?.webhooks));
    }
    let count = |count: u64, text: &str| Count { count, text: text.to_owned() };
    answer(&Listing {
        actions: Vec::new(),
        frame: visitor.frame(app, None)?,
        section: Section::Reconciliation,
        heading: "Operations".to_owned(),
        purpose: "Whether Mandate itself works: what is wrong and what to do about it, and how the addresses that are told of events answer.".to_owned(),
        paragraphs: Vec::new(),
        crumbs: Vec::new(),
        tabs: TABS
            .iter()
            .filter(|(_, path)| may_open(&asker, path))
            .map(|(text, path)| Tab {
                text: (*text).to_owned(),
                href: (*path).to_owned(),
                current: *path == "/operations",
            })
            .collect(),
        filter: None,
        counts: vec![
            count(head, "events in the log"),
            count(head.saturating_sub(progress.position.get()), "events not in the lists yet"),
            count(app.projections.quarantine_waiting()?, "messages in quarantine"),
        ],
        checked_at: checked_at(app.now()),
        csv_href: None,
        json_href: None,
        tables,
    })
}

fn whole(total: usize) -> Pages {
    let total = total as u64;
    Pages::new(1, total.max(1), total, |_| "/operations".to_owned())
}

fn problem_table(found: &[Problem]) -> Table {
    let row = |problem: &Problem| {
        Row::of(vec![
            Cell::text(crate::http::sentence(&problem.title)),
            Cell::text(problem.what.clone()),
            Cell::text(problem.remedy.clone()),
        ])
    };
    let columns = ["Problem", "What was found", "What to do"].map(Column::plain).into();
    let caption = "What is wrong with Mandate itself";
    let rows = found.iter().map(row).collect();
    Table {
        title: Some("Problems".to_owned()),
        nothing: "Nothing is wrong.".to_owned(),
        ..one_table("problems", caption, ["problem", "problems"], columns, rows, whole(found.len()))
    }
}

fn webhook_table(webhooks: &[Webhook]) -> Table {
    let columns =
        ["Webhook", "Address", "Told of", "Status", "Reached", "Last answer"].map(Column::plain).into();
    let caption = "Addresses that are told of events";
    let rows = webhooks.iter().map(webhook_row).collect();
    Table {
        title: Some("Webhooks".to_owned()),
        note: Some(
            "Addresses that are told of each event as it is recorded, without personal data. They are kept with \
             /v1/webhooks."
                .to_owned(),
        ),
        nothing: "No address is told of events.".to_owned(),
        ..one_table("webhooks", caption, ["webhook", "webhooks"], columns, rows, whole(webhooks.len()))
    }
}

fn webhook_row(webhook: &Webhook) -> Row {
    let status = match webhook.status {
        "live" => Cell::tag("Accepts", Status::Met),
        "failing" => Cell::tag("Fails", Status::Overdue),
        "sealed" => Cell::tag("Cannot be opened", Status::Lapsed),
        _ => Cell::tag("Ended", Status::Withdrawn),
    };
    let given_up: u64 = webhook.dead_letters.iter().map(|dead| dead.size).sum();
    let why = match (&webhook.ended, &webhook.failing) {
        (Some(ended), _) if ended.because == "gone" => "its address wants no more".to_owned(),
        (Some(_), _) => "removed".to_owned(),
        (None, Some(failing)) => format!("since {}", instant(failing.since)),
        (None, None) => String::new(),
    };
    let given_up = if given_up == 0 { String::new() } else { format!("{given_up} events given up") };
    let answered = match &webhook.last_answer {
        Some(last) => Cell::text(crate::http::sentence(&last.answer)).and(Part::Secondary(instant(last.at))),
        None => Cell::optional(webhook.failing.as_ref().map(|failing| failing.reply.clone()), "none yet"),
    };
    Row::of(vec![
        Cell::text(webhook.reference.clone()).and_secondary(webhook.by.clone()),
        Cell::optional(webhook.url.clone(), "sealed"),
        Cell::text(if webhook.types.is_empty() { "every type".to_owned() } else { webhook.types.join(", ") }),
        status.and_secondary(why).and_secondary(given_up),
        Cell::text(webhook.reached.to_string()),
        answered,
    ])
}
