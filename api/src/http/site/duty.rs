//! One duty, and why this date.

use axum::extract::{Path, State};
use axum::http::{HeaderMap, Uri};
use axum::response::{IntoResponse as _, Redirect, Response};
use mandate_domain::catalogue::{FactType, Field};
use mandate_domain::fact::{Fact, Value};
use mandate_domain::judge::{DutyRecord, Step as DomainStep, StepKind, View};
use mandate_domain::policy::{Policy, Rule};
use mandate_domain::time::Date;
use mandate_projections::{DutyRow, NoticeRow};
use mandate_store::{MAX_READ, Sequence, StoredEvent};

use super::act::offer::of_duty;
use super::moment::{self, Asked};
use super::visitor::Visitor;
use super::words::{Lens, at_london, day, kind, marks, sentence_case};
use super::{answer, show_judged};
use crate::http::app::App;
use crate::http::duties::found;
use crate::http::error::{HttpError, sentence};
use crate::http::query::Query;
use crate::pages::act::CanDo;
use crate::pages::duty::{
    Counted, DayLine, DutyDates, DutyEnds, DutyPage, HistoryLine, Interpretation, Quote, Step, Version,
};
use crate::pages::frame::Frame;
use crate::pages::{Link, Reference};

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
    let query = Query::read(raw, &moment::KNOWN)?;
    let row = found(app, reference, &visitor.caller)?;
    let now = app.now();
    let shown = match moment::read(&query, &format!("/duties/{}", row.reference), &[], now)? {
        Asked::Redirect(to) => return Ok(Redirect::to(&to).into_response()),
        Asked::Page(shown) => *shown,
    };
    let view = shown.view(now);
    let mut frame = visitor.frame(app, Some(shown.moment))?;
    frame.errors = shown.errors;
    let record = app.projections.explanation(&row.record.duty, view)?;
    let record = record.ok_or_else(|| HttpError::not_found("duty at that moment:", &row.reference))?;
    // Nothing is done in the past.
    let can_do = match shown.past {
        None => of_duty(app, visitor, &row, record.outcome().is_open())?,
        Some(_) => CanDo::default(),
    };
    answer(&filled(app, frame, (&row, can_do), &record, view)?)
}

fn filled(
    app: &App,
    frame: Frame,
    (row, can_do): (&DutyRow, CanDo),
    record: &DutyRecord,
    view: View,
) -> Result<DutyPage, HttpError> {
    let book = app.book(view.known_at)?;
    let carry = frame.carry();
    let calendar = book.calendar.known_at(view.known_at);
    let lens = Lens { policy: &book.policy, calendar, today: view.as_at.london_date(), carry: &carry };
    let rule = book.policy.rule(&record.rule);
    let steps = record.explanation.clone().unwrap_or_default();
    Ok(DutyPage {
        reference: row.reference.clone(),
        id: record.duty.clone(),
        rule: Link::new(record.rule.clone(), format!("/rules/{}", record.rule)),
        paragraph: record.paragraph.clone(),
        sentence: row.title.clone(),
        basis: lens.basis(record),
        subject: lens.subject(&record.subject),
        holder: record.holder.clone(),
        status: lens.status(record),
        due: lens.due(record),
        time_left: lens.time_left(record),
        marks: marks(record),
        dates: dates(record),
        ends: ends(record, &carry),
        days: steps.iter().filter_map(day_line).collect(),
        // Days and readings have parts of the page to themselves.
        steps: steps.iter().filter(|step| is_shown_as_step(step)).map(step).collect(),
        quote: rule
            .map_or(Quote { text: String::new(), citation: String::new() }, |rule| quote(rule, record)),
        interpretations: rule
            .map(|rule| interpretations(&book.policy, rule, row.version))
            .unwrap_or_default(),
        versions: versions(&book.policy, rule, row.version, view),
        history: history(app, &record.duty, view)?,
        json_href: format!("/v1/duties/{}{carry}", row.reference),
        derivation_href: format!("/v1/duties/{}/derivation{carry}", row.reference),
        can_do,
        frame,
    })
}

fn dates(record: &DutyRecord) -> DutyDates {
    DutyDates {
        opened_at: at_london(record.opened_at),
        counted_from: day(record.counted_from),
        opens_on: record.opens_on.map(day),
        due_on: record.due_on.map(day),
        act_by: record.act_by.map(day),
        due_at: record.due_at.map(at_london),
        due_at_utc: record.due_at.map(|at| at.to_string()),
        closed_at: record.closed_at.map(at_london),
        known_since: at_london(record.known_since),
    }
}

fn ends(record: &DutyRecord, carry: &str) -> DutyEnds {
    let superseded_by = record.superseded_by.as_ref().map(|duty| {
        let reference = mandate_domain::judge::short_reference(duty);
        let href = format!("/duties/{reference}{carry}");
        Reference::linked(reference, href)
    });
    DutyEnds {
        opened_by: Reference::plain(record.opened_by.clone()),
        closed_by: record.closed_by.clone().map(Reference::plain),
        superseded_by,
    }
}

fn is_shown_as_step(step: &DomainStep) -> bool {
    step.kind != StepKind::Interpretation && (step.date.is_none() || step.kind != StepKind::Day)
}

fn step(step: &DomainStep) -> Step {
    Step {
        what: sentence(&step.what),
        why: sentence(&step.why),
        paragraph: Some(step.paragraph.clone()).filter(|paragraph| !paragraph.is_empty()),
        fact: step.fact.clone().map(Reference::plain),
    }
}

/// A day that was counted or skipped; steps about whole spans of days are no such line.
fn day_line(step: &DomainStep) -> Option<DayLine> {
    let date = step.date.filter(|_| step.kind == StepKind::Day)?;
    Some(DayLine {
        date: date.to_chrono().format("%-d %B %Y").to_string(),
        weekday: date.to_chrono().format("%A").to_string(),
        counted: step.counted.map_or(Counted::Skipped, |number| Counted::Day(u32::from(number))),
        reason: step.why.clone(),
    })
}

fn quote(rule: &Rule, record: &DutyRecord) -> Quote {
    let holder = record.holder.as_deref();
    Quote {
        text: rule.quote.for_holder(holder).to_owned(),
        citation: format!("Mandatory use of ViSOR, paragraph {}", rule.paragraph.for_holder(holder)),
    }
}

/// The readings that a version of a rule rests on.
pub fn interpretations(policy: &Policy, rule: &Rule, number: u16) -> Vec<Interpretation> {
    let version = rule.versions.iter().find(|version| version.number == number);
    let ids = version.map(|version| version.interpretations.as_slice()).unwrap_or_default();
    ids.iter().filter_map(|id| policy.interpretations.get(id)).map(reading).collect()
}

/// A reading as the pages show it.
pub fn reading(reading: &mandate_domain::policy::Interpretation) -> Interpretation {
    Interpretation {
        id: reading.id.clone(),
        question: reading.question.clone(),
        choice: reading.choice.clone(),
        alternatives: reading.alternatives.clone(),
        reason: reading.reason.clone(),
    }
}

fn versions(policy: &Policy, rule: Option<&Rule>, number: u16, view: View) -> Vec<Version> {
    let line = |name: &str, value: Reference| Version { name: name.to_owned(), value };
    let version = rule.and_then(|rule| rule.versions.iter().find(|version| version.number == number));
    let from =
        version.map_or(String::new(), |version| format!(", effective from {}", day(version.effective_from)));
    let id = rule.map_or("", |rule| rule.id.as_str());
    vec![
        line(
            "Rule version",
            Reference::linked(format!("{id} version {number}{from}"), format!("/rules/{id}")),
        ),
        line("Policy", Reference::plain(format!("sha256 {}", policy.sha256))),
        line(
            "Calendar",
            Reference::plain(format!("England and Wales, as published by {}", at_london(view.known_at))),
        ),
    ]
}

/// What happened to a duty, in the order recorded.
fn history(app: &App, duty: &str, view: View) -> Result<Vec<HistoryLine>, HttpError> {
    let events = app.store.reader().read_subject(&format!("duty/{duty}"), Sequence::START, MAX_READ)?;
    let notices = app.projections.notices_of(duty)?;
    let known = |event: &&StoredEvent| event.known_at() <= view.known_at && event.fact.time <= view.as_at;
    Ok(events.iter().filter(known).map(|event| history_line(event, &notices, app.demo.is_some())).collect())
}

fn history_line(event: &StoredEvent, notices: &[NoticeRow], inbox: bool) -> HistoryLine {
    let fact = &event.fact;
    let text = |field| fact.text(field).map(str::to_owned);
    let what = match fact.kind {
        FactType::DutyWarned => "Warning given".to_owned(),
        FactType::DutyBreached => "Breach raised".to_owned(),
        FactType::BreachRescinded => "Breach rescinded".to_owned(),
        FactType::BreachClosed => "Breach closed".to_owned(),
        FactType::NoticeQueued => "Mail queued".to_owned(),
        FactType::NoticeAccepted => "Mail sent".to_owned(),
        other => kind(other.name()),
    };
    let told = texts(fact, Field::Told).join(", ");
    let told = (!told.is_empty()).then(|| format!("Told by mail: {told}."));
    let detail = match fact.kind {
        FactType::DutyBreached => text(Field::Holder).map(|holder| format!("{holder} answered for it.")),
        FactType::BreachRescinded => {
            text(Field::Because).map(|because| format!("{}.", sentence_case(&because)))
        }
        FactType::BreachClosed => text(Field::Outcome).map(|outcome| format!("{}.", sentence_case(&outcome))),
        FactType::NoticeQueued => text(Field::Recipient).map(|recipient| format!("To {recipient}.")),
        FactType::DutyWarned => text(Field::Step).map(|step| format!("Step {step}.")),
        _ => None,
    };
    let detail = Some([detail, told].into_iter().flatten().collect::<Vec<_>>().join(" "));
    let named = text(Field::Notice).or_else(|| texts(fact, Field::Notices).first().map(ToString::to_string));
    let source = match named {
        Some(notice)
            if inbox && notices.iter().any(|row| row.notice == notice && row.status == "accepted") =>
        {
            Reference::linked(format!("Mail {notice}"), format!("/inbox/{notice}"))
        }
        _ => Reference::plain(format!("log position {}", event.position)),
    };
    HistoryLine {
        what,
        detail: detail.filter(|detail| !detail.is_empty()),
        occurred_at: at_london(fact.time),
        recorded_at: at_london(event.recorded_at),
        source: Some(source),
    }
}

fn texts(fact: &Fact, field: Field) -> &[Box<str>] {
    match fact.get(field) {
        Some(Value::Texts(texts)) => texts,
        _ => &[],
    }
}

/// The first and last day of a version in words.
pub fn span(from: Date, to: Option<Date>) -> (String, Option<String>) {
    (day(from), to.map(day))
}
