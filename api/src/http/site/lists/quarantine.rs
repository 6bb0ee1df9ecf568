//! Quarantine: messages that could not be used; one of them, tried again or discarded.

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, Uri};
use axum::response::{IntoResponse as _, Redirect, Response};
use mandate_domain::rights::Right;
use mandate_projections::{QuarantineFilter, QuarantineRow};
use serde_json::{Map, Value};

use super::reconciliation::TABS;
use super::{Asking, Begun, Spec, Words, instant, one_table, subject_part, values};
use crate::hmpps::Rights;
use crate::http::app::App;
use crate::http::body::form;
use crate::http::error::HttpError;
use crate::http::hmpps::{STATUSES, discarded, quarantine_filter, quarantined, replayed};
use crate::http::query::{Query, encoded};
use crate::http::registers::asker::Asker;
use crate::http::site::visitor::Visitor;
use crate::http::site::words::at_london;
use crate::http::site::{Access, answer, show};
use crate::pages::frame::{FieldError, Section};
use crate::pages::listing::{Cell, Column, Part, Row};
use crate::pages::quarantine::{Need, Quarantined};
use crate::pages::words::Status;

const SPEC: Spec = Spec {
    path: "/quarantine",
    api: "/v1/quarantine",
    choices: &[
        ("status", "Status"),
        ("source", "Source"),
        ("eventType", "Event type"),
        ("needs", "Needs"),
        ("subject", "About"),
    ],
    dates: &[],
};

/// The fields that a message may need, each with what it looks like.
const NEEDS: [(&str, &str); 9] = [
    ("area", "The MAPPA area, for example area/A07."),
    ("prison", "The prison, for example prison/LEI."),
    ("manager", "The opaque id of the offender manager, for example COM-17."),
    ("release_on", "The release date, for example 2026-05-01."),
    ("category", "The MAPPA category, 1 to 4."),
    ("level", "The MAPPA level, 1 to 3."),
    ("registration", "The opaque id of the MAPPA registration."),
    ("spell", "The opaque id of the stay in custody: that of the message of reception."),
    ("occurredAt", "When it happened, for example 2026-03-02T09:00:00Z."),
];

/// The list.
pub async fn list(State(app): State<App>, uri: Uri, headers: HeaderMap) -> Response {
    let raw = uri.query().map(str::to_owned);
    show(app, Access::SignedIn, &uri, &headers, move |app, visitor| fill(app, visitor, raw.as_deref())).await
}

fn fill(app: &App, visitor: &Visitor, raw: Option<&str>) -> Result<Response, HttpError> {
    let mut asking = match Asking::begin(app, visitor, raw, &SPEC)? {
        Begun::Elsewhere(response) => return Ok(response),
        Begun::Here(asking) => asking,
    };
    // What is in quarantine now is listed, whatever the moment.
    asking.frame.moment = None;
    asking.asker.must(Right::SeeQuarantine)?;
    let except = asking.asker.hidden(app)?.subjects();
    let filter = QuarantineFilter { except, ..quarantine_filter(&asking.query)? };
    let (number, size) = asking.page_and_size();
    let found = app.projections.quarantine(&filter, number, size)?;
    let mut page = asking.listing(Section::Reconciliation, WORDS, &TABS);
    page.filter =
        Some(asking.filter(vec![asking.choose("status", "Status", "Any status", values(&STATUSES))]));
    let columns = ["Message", "Status", "Since", "Why it is here", "Told by", "About"]
        .map(Column::plain)
        .into_iter()
        .collect();
    let rows = found.content.iter().map(row).collect();
    let pages = asking.pages(found.total_elements);
    let caption = "Messages that could not be used, the oldest first";
    page.tables.push(one_table("quarantine", caption, ["message", "messages"], columns, rows, pages));
    answer(&page)
}

const WORDS: Words<'static> = Words {
    heading: "Quarantine",
    purpose: "Messages from other systems that could not be used: kept whole and sealed until they are tried again or discarded, so that nothing is lost.",
    paragraphs: &["4.16.p"],
};

fn status(row: &QuarantineRow) -> (&'static str, Status) {
    match row.status.as_str() {
        "replayed" => ("Replayed", Status::Met),
        "discarded" => ("Discarded", Status::Withdrawn),
        _ => ("Waiting", Status::DueThisWeek),
    }
}

fn row(row: &QuarantineRow) -> Row {
    let (words, like) = status(row);
    let about = match subject_part(&row.subject, "") {
        Part::Link(link) => Part::Link(link),
        _ => Part::Nothing("Nobody known".to_owned()),
    };
    Row::of(vec![
        Cell::link(row.id.clone(), format!("/quarantine/{}", encoded(&row.id)))
            .and_secondary(row.event_type.clone().unwrap_or_default()),
        Cell::tag(words, like),
        Cell::text(instant(row.quarantined_at)),
        Cell::text(row.reason.clone()),
        Cell::text(row.source.clone()),
        Cell(vec![about]),
    ])
}

/// One message.
pub async fn one(State(app): State<App>, Path(id): Path<String>, uri: Uri, headers: HeaderMap) -> Response {
    let raw = uri.query().map(str::to_owned);
    show(app, Access::SignedIn, &uri, &headers, move |app, visitor| {
        Query::read(raw.as_deref(), &[])?;
        shown(app, visitor, &id, &Typed::default())
    })
    .await
}

/// What was typed into the forms of a message, and what is wrong with it.
#[derive(Default)]
struct Typed {
    enrichment: Map<String, Value>,
    reason: String,
    errors: Vec<FieldError>,
}

fn shown(app: &App, visitor: &Visitor, id: &str, typed: &Typed) -> Result<Response, HttpError> {
    let asker = Asker::of(app, &visitor.caller)?;
    let row = quarantined(app, id, &asker)?;
    let mut frame = visitor.frame(app, None)?;
    frame.errors.clone_from(&typed.errors);
    let (words, like) = status(&row);
    let may_settle = row.status == "waiting" && asker.must(Right::SettleQuarantine).is_ok();
    let need = |(name, hint): (&str, &str)| {
        let field = format!("need-{name}");
        Need {
            name: name.to_owned(),
            hint: hint.to_owned(),
            value: typed.enrichment.get(name).map(in_words).unwrap_or_default(),
            error: frame.errors.iter().find(|error| error.field == field).map(|error| error.text.clone()),
        }
    };
    let known = |name: &String| NEEDS.iter().copied().find(|(known, _)| known == name);
    let needs = row.needs.iter().filter_map(known).map(need).collect();
    let elsewhere = row.needs.iter().filter(|name| known(name).is_none()).cloned().collect();
    let mut facts = vec![
        ("Told by", row.source.clone()),
        ("Its id there", row.message_id.clone()),
        ("Here since", at_london(row.quarantined_at)),
        ("Log position", row.position.to_string()),
    ];
    facts.extend(row.event_type.clone().map(|kind| ("Event type", kind)));
    facts.extend(row.settled.map(|at| ("Settled at position", at.to_string())));
    let subject = match subject_part(&row.subject, "") {
        Part::Link(link) => Some(link),
        _ => None,
    };
    answer(&Quarantined {
        needs,
        elsewhere,
        status: words,
        like,
        reason: row.reason.clone(),
        facts,
        subject,
        action: may_settle.then(|| format!("/quarantine/{}", encoded(&row.id))),
        typed_reason: typed.reason.clone(),
        id: row.id,
        frame,
    })
}

/// A value as it was typed.
fn in_words(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// As whom a visitor settles what waits.
fn settling<'v>(app: &App, visitor: &'v Visitor, id: &str) -> Result<Rights<'v>, HttpError> {
    let asker = Asker::of(app, &visitor.caller)?;
    quarantined(app, id, &asker)?;
    asker.must(Right::SettleQuarantine)?;
    Ok(visitor.caller.user().map_or(Rights::Local, Rights::Person))
}

/// Tries a message again with what was typed.
pub async fn replay(
    State(app): State<App>,
    Path(id): Path<String>,
    uri: Uri,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let known: Vec<&str> = NEEDS.iter().map(|(name, _)| *name).chain(["token"]).collect();
    let sent = form(&headers, body, &known).await;
    show(app, Access::SignedIn, &uri, &headers, move |app, visitor| {
        let sent = sent?;
        visitor.check_form(sent.one("token")?)?;
        let mut typed = Typed::default();
        for (name, _) in NEEDS {
            if let Some(value) = sent.one(name)? {
                typed.enrichment.insert(name.to_owned(), enrichment(name, value.trim()));
            }
        }
        let result = replayed(app, settling(app, visitor, &id)?, &id, &typed.enrichment)?;
        if result.status == "quarantined" {
            let stated = result.needs.iter().filter(|need| NEEDS.iter().any(|(known, _)| known == need));
            for need in stated {
                let text = format!("State {need} as the hint says, then try again.");
                typed.errors.push(FieldError { field: format!("need-{need}"), text });
            }
            if typed.errors.is_empty() {
                let text = format!("It waits still: {}.", result.reason.unwrap_or_default());
                typed.errors.push(FieldError { field: "replay".to_owned(), text });
            }
            return shown(app, visitor, &id, &typed);
        }
        app.projections.advance(app.now())?;
        let facts: Vec<&str> = result.facts.iter().map(|fact| fact.r#type).collect();
        let done = if facts.is_empty() {
            format!("Message {id} was of no use here, and is settled.")
        } else {
            format!("Message {id} was stored as {}.", facts.join(", "))
        };
        app.sessions.say(&visitor.open.id, done);
        Ok(Redirect::to("/quarantine").into_response())
    })
    .await
}

/// A value as a message would say it: numbers as numbers.
fn enrichment(name: &str, value: &str) -> Value {
    match value.parse::<u64>() {
        Ok(number) if matches!(name, "category" | "level") => Value::from(number),
        _ => Value::from(value),
    }
}

/// Discards a message with a reason.
pub async fn discard(
    State(app): State<App>,
    Path(id): Path<String>,
    uri: Uri,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let sent = form(&headers, body, &["token", "reason"]).await;
    show(app, Access::SignedIn, &uri, &headers, move |app, visitor| {
        let sent = sent?;
        visitor.check_form(sent.one("token")?)?;
        let reason = sent.one("reason")?.unwrap_or_default().trim().to_owned();
        if reason.is_empty() {
            let text = "Say why the message is discarded.".to_owned();
            let errors = vec![FieldError { field: "reason".to_owned(), text }];
            return shown(app, visitor, &id, &Typed { errors, ..Typed::default() });
        }
        discarded(app, settling(app, visitor, &id)?, &id, &reason)?;
        app.projections.advance(app.now())?;
        app.sessions.say(&visitor.open.id, format!("Message {id} was discarded."));
        Ok(Redirect::to("/quarantine").into_response())
    })
    .await
}
