//! One nominal: state, duties, partners, and the history on both clocks.

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, Uri};
use axum::response::{IntoResponse as _, Redirect, Response};
use mandate_domain::command::CommandName;
use mandate_domain::judge::{DutyRecord, View};
use mandate_domain::policy::Policy;
use mandate_domain::rights::Right;
use mandate_projections::DutyRow;

use super::act::offer::{access, of_subject};
use super::moment::{self, Asked, address};
use super::nominal_parts::{partners, state, timeline};
use super::visitor::Visitor;
use super::words::Lens;
use super::{Access, answer, show, show_judged, visitor};
use crate::http::app::App;
use crate::http::body::form;
use crate::http::caller::Caller;
use crate::http::commands::{check_sight, open_record};
use crate::http::error::{HttpError, sentence};
use crate::http::nominals::found;
use crate::http::query::{Query, encoded};
use crate::http::registers::asker::Asker;
use crate::pages::act::CanDo;
use crate::pages::frame::FieldError;
use crate::pages::nominal::{NominalPage, TimelineOrder};
use crate::pages::open_record::OpenRecord;

const ORDERS: [(&str, TimelineOrder); 2] =
    [("occurred", TimelineOrder::Occurred), ("recorded", TimelineOrder::Recorded)];

/// The page.
pub async fn page(
    State(app): State<App>,
    Path(reference): Path<String>,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    let raw = uri.query().map(str::to_owned);
    let fill = move |app: &App, visitor: &Visitor| fill(app, visitor, &reference, raw.as_deref());
    show_judged(app, &uri, &headers, fill).await
}

fn fill(app: &App, visitor: &Visitor, reference: &str, raw: Option<&str>) -> Result<Response, HttpError> {
    let known: Vec<&str> = moment::KNOWN.iter().copied().chain(["order"]).collect();
    let query = Query::read(raw, &known)?;
    let subject = found(app, reference)?.subject;
    match check_sight(app, &visitor.caller, &subject, reference) {
        Err(HttpError::NotAllowed { .. })
            if Asker::of(app, &visitor.caller)?.must(Right::OpenRecord).is_ok() =>
        {
            return ask_why(app, visitor, &subject, String::new(), None);
        }
        other => other?,
    }
    let reference = subject.split_once('/').map_or(subject.as_str(), |(_, reference)| reference);
    let path = format!("/nominals/{reference}");
    let order = query.word("order", &ORDERS)?.unwrap_or(TimelineOrder::Occurred);
    let others: Vec<(String, String)> =
        query.one("order")?.map(|word| ("order".to_owned(), word.to_owned())).into_iter().collect();
    let now = app.now();
    let shown = match moment::read(&query, &path, &others, now)? {
        Asked::Redirect(to) => return Ok(Redirect::to(&to).into_response()),
        Asked::Page(shown) => *shown,
    };
    let view = shown.view(now);
    let mut frame = visitor.frame(app, Some(shown.moment))?;
    frame.errors = shown.errors;
    let carry = frame.carry();
    let can_do = match shown.past {
        None => of_subject(app, visitor, &subject, &path)?,
        Some(_) => CanDo::default(),
    };
    let access = access(app, visitor, &subject)?;
    let in_error = shown
        .past
        .is_none()
        .then_some(subject.as_str())
        .filter(|_| can_do.offers(CommandName::StateInError.name()));
    let entries = app.projections.timeline(&subject, view)?;
    let api = format!("/v1/nominals/{reference}/history");
    let page = NominalPage {
        reference: reference.to_owned(),
        state: state(app.projections.state_at(&subject, view)?, &entries),
        duties: duties(app, &subject, view, &carry)?,
        partners: partners(&entries),
        timeline: timeline(&entries, order, in_error),
        order,
        other_order_href: other_order(&path, order, &carry),
        csv_href: format!("{api}?format=csv{}", carry.replacen('?', "&", 1)),
        json_href: format!("{api}{carry}"),
        access,
        can_do,
        frame,
    };
    answer(&page)
}

/// Asks why a record is to be opened; nothing of it is shown.
fn ask_why(
    app: &App,
    visitor: &Visitor,
    subject: &str,
    typed_reason: String,
    wrong: Option<String>,
) -> Result<Response, HttpError> {
    let mut frame = visitor.frame(app, None)?;
    frame.errors.extend(wrong.map(|text| FieldError { field: "reason".to_owned(), text }));
    let reference = subject.split_once('/').map_or(subject, |(_, reference)| reference).to_owned();
    answer(&OpenRecord { frame, reference, typed_reason })
}

/// Opens a record for 15 minutes: the reason is stored first.
pub async fn open(
    State(app): State<App>,
    Path(reference): Path<String>,
    caller: Caller,
    uri: Uri,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let sent = form(&headers, body, &["token", "reason"]).await;
    let opened = async {
        let sent = sent?;
        let looking = visitor(&app, &headers).await?;
        looking.check_form(sent.one("token")?)?;
        let reason = sent.one("reason")?.unwrap_or_default().trim().to_owned();
        if reason.is_empty() {
            return Ok(Some((reason, "Say why you open the record.".to_owned())));
        }
        match open_record(&app, &caller, &reference, &reason).await {
            Ok(()) => Ok(None),
            // What was typed is not lost when it cannot be taken.
            Err(HttpError::Unprocessable(why)) => Ok(Some((reason, sentence(&why)))),
            Err(error) => Err(error),
        }
    };
    let opened = opened.await;
    show(app, Access::SignedIn, &uri, &headers, move |app, visitor| match opened? {
        None => Ok(Redirect::to(&format!("/nominals/{}", encoded(&reference))).into_response()),
        Some((typed, wrong)) => {
            let subject = found(app, &reference)?.subject;
            ask_why(app, visitor, &subject, typed, Some(wrong))
        }
    })
    .await
}

fn other_order(path: &str, order: TimelineOrder, carry: &str) -> String {
    let other = match order {
        TimelineOrder::Occurred => "recorded",
        TimelineOrder::Recorded => "occurred",
    };
    let to = address(path, &[("order".to_owned(), other.to_owned())]);
    format!("{to}{}#history", carry.replacen('?', "&", 1))
}

/// The duties at the view, open ones first.
fn duties(
    app: &App,
    subject: &str,
    view: View,
    carry: &str,
) -> Result<Vec<crate::pages::row::DutyRow>, HttpError> {
    let book = app.book(view.known_at)?;
    let calendar = book.calendar.known_at(view.known_at);
    let lens = Lens { policy: &book.policy, calendar, today: view.as_at.london_date(), carry };
    let mut records = app.projections.duties_at(subject, view)?;
    records.sort_by_key(|record| (!record.outcome().is_open(), record.act_by, record.opened_at));
    Ok(records.into_iter().map(|record| lens.row(&row(&book.policy, record))).collect())
}

fn row(policy: &Policy, record: DutyRecord) -> DutyRow {
    let rule = policy.rule(&record.rule);
    DutyRow {
        reference: record.short_reference(),
        severity: String::new(),
        title: rule.map_or(String::new(), |rule| rule.duty.clone()),
        unit: None,
        version: 0,
        generation: 0,
        raised: false,
        parked: false,
        record,
    }
}
