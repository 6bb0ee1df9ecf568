//! The form of every command, made from the typed list; what is sent goes the way of `POST /v1/commands/{name}`.

mod fields;
mod form;
pub mod offer;
mod prefill;
#[cfg(test)]
mod tests;
mod typed;
mod words;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, Uri};
use axum::response::{IntoResponse as _, Redirect, Response};
use mandate_domain::catalogue::{FactType, Field, FieldSpec, Shape, SubjectKind};
use mandate_domain::command::{ACTS, CommandName};

use self::fields::{Ask, What, asks};
use self::form::{Form, Taken};
use super::forms::is_own_path;
use super::lists::paragraph_link;
use super::moment::address;
use super::visitor::Visitor;
use super::{Access, answer, problem, show, to_sign_in, visitor, with_cookie};
use crate::http::app::App;
use crate::http::body::typed_form;
use crate::http::commands::named;
use crate::http::error::HttpError;
use crate::http::query::Query;
use crate::pages::Link;
use crate::pages::act::OfferPage;

/// Most bytes of a form.
const MAX_FORM_BYTES: usize = 64 << 10;
/// Most bytes of one that has room for the list that a sample is drawn from, or for a policy.
const MAX_LONG_FORM_BYTES: usize = 3 << 20;
/// What goes with every form beside its fields.
const BESIDE: [&str; 6] = ["token", "key", "back", "step", "act", "instead"];
/// Whom nothing is recorded for.
const NOBODY: &str = "a command is given by a person who is signed in; nobody signs in here";

/// `GET /act?command=…&subject=…`: one act for what was ticked.
pub async fn choose(State(app): State<App>, uri: Uri, headers: HeaderMap) -> Response {
    let raw = uri.query().map(str::to_owned);
    show(app, Access::SignedIn, &uri, &headers, move |app, visitor| {
        let query = Query::read(raw.as_deref(), &["command", "duty", "subject", "back"])?;
        if let Some(subject) = query.one("subject")? {
            return offered(app, visitor, subject, query.one("back")?);
        }
        let stated = query.one("command")?.unwrap_or_default();
        let back = query.one("back")?.filter(|path| is_own_path(path)).unwrap_or("/work");
        let wanted: Vec<&str> = query.pairs().filter(|(name, _)| *name == "duty").map(|(_, id)| id).collect();
        if wanted.is_empty() {
            let reason = "tick at least one duty of the list first; nothing was recorded";
            return Err(HttpError::parameter("duty", reason));
        }
        let name = named(stated)?;
        let mut pairs = prefill::of_duties(app, visitor, name, &wanted)?;
        pairs.push(("back".to_owned(), back.to_owned()));
        Ok(Redirect::to(&address(&format!("/act/{name}"), &pairs)).into_response())
    })
    .await
}

/// What can be done about a subject that has no page of its own.
fn offered(app: &App, visitor: &Visitor, subject: &str, back: Option<&str>) -> Result<Response, HttpError> {
    let missing = || HttpError::not_found("subject", subject);
    let page = match SubjectKind::of(subject) {
        Some(SubjectKind::User) => "/people",
        Some(SubjectKind::Terminal) => "/terminals",
        Some(
            SubjectKind::Area
            | SubjectKind::Unit
            | SubjectKind::Prison
            | SubjectKind::PrisonGroup
            | SubjectKind::Region,
        ) => "/organisations",
        Some(SubjectKind::Policy) => "/rules",
        Some(
            SubjectKind::Nominal
            | SubjectKind::Duty
            | SubjectKind::Calendar
            | SubjectKind::Police
            | SubjectKind::Message
            | SubjectKind::Webhook
            | SubjectKind::Client,
        )
        | None => return Err(missing()),
    };
    let back = back.filter(|path| is_own_path(path)).unwrap_or(page);
    answer(&OfferPage {
        can_do: offer::of_subject(app, visitor, subject, back)?,
        frame: visitor.frame(app, None)?,
        subject: subject.to_owned(),
        back: Link::new(back_words(back), back),
    })
}

/// The form.
pub async fn form(
    State(app): State<App>,
    Path(name): Path<String>,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    let raw = uri.query().map(str::to_owned);
    show(app, Access::SignedIn, &uri, &headers, move |app, visitor| {
        let name = named(&name)?;
        let mut typed = Query::read_any(raw.as_deref())?;
        let act = act_of(name, &typed)?;
        let asks = asks(name, act);
        typed.check_known(&known(&asks))?;
        prefill::complete(app, visitor, name, &asks, &mut typed)?;
        let key = crate::random::hexadecimal::<16>().map_err(|error| HttpError::Failed(error.to_string()))?;
        typed.set("key", &key);
        let form = Form { name, act, asks, typed };
        answer(&form.shown(app, visitor, &[])?)
    })
    .await
}

/// What was typed into the form: it is shown again with what is wrong, shown to be confirmed, or carried out.
pub async fn send(
    State(app): State<App>,
    Path(name): Path<String>,
    uri: Uri,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let visitor = match visitor(&app, &headers).await {
        Ok(visitor) => visitor,
        Err(error) => return error.into_response(),
    };
    if visitor.must_sign_in(&app) {
        return with_cookie(to_sign_in(&uri), &visitor);
    }
    // Nothing is read of whoever is not known.
    let response = match sent(&app, &visitor, &name, &headers, body).await {
        Ok(response) => response,
        Err(error) => problem(&app, &visitor, error).await,
    };
    with_cookie(response, &visitor)
}

async fn sent(
    app: &App,
    visitor: &Visitor,
    name: &str,
    headers: &HeaderMap,
    body: Body,
) -> Result<Response, HttpError> {
    let name = named(name)?;
    let long = |field: &FieldSpec| matches!(field.shape, Shape::PublicText | Shape::Ids);
    let limit = if name.spec().fields.iter().any(long) { MAX_LONG_FORM_BYTES } else { MAX_FORM_BYTES };
    let typed = typed_form(headers, body, limit).await?;
    let looking = visitor.clone();
    let work = move |app: &App| {
        looking.check_form(typed.one("token")?)?;
        let act = act_of(name, &typed)?;
        Form { name, act, asks: asks(name, act), typed }.taken(app, &looking)
    };
    match app.blocking(work).await? {
        Taken::Page(response) => Ok(response),
        Taken::Given(given) => given.carried_out(app, visitor).await,
    }
}

/// The person who looks, as whom commands are given.
fn user_of(visitor: &Visitor) -> Option<&str> {
    visitor.person.as_ref().map(|person| person.user.as_str())
}

/// The fact that is attested, or stated instead.
fn act_of(name: CommandName, typed: &Query) -> Result<Option<FactType>, HttpError> {
    let parameter = match name {
        CommandName::RecordAct => "act",
        CommandName::StateInError => "instead",
        _ => return Ok(None),
    };
    let Some(stated) = typed.one(parameter)? else { return Ok(None) };
    let act = FactType::from_name(stated).filter(|act| ACTS.contains(&act.name()));
    act.map(Some).ok_or_else(|| HttpError::parameter(parameter, "choose one of the list on the page"))
}

fn known(asks: &[Ask]) -> Vec<String> {
    let dates = asks.iter().map(|ask| ask.name.clone());
    let all = BESIDE.iter().map(|name| (*name).to_owned()).chain(asks.iter().flat_map(Ask::names));
    all.chain(dates).chain(["duty".to_owned()]).collect()
}

/// The paragraph of a command: its rule where it has one, else what covers it.
fn paragraph(app: &App, name: CommandName) -> Result<Link, HttpError> {
    let paragraph = name.spec().paragraph;
    let book = app.book(app.now())?;
    Ok(match book.policy.rule(paragraph) {
        Some(rule) => Link::new(format!("paragraph {paragraph}"), format!("/rules/{}", rule.id)),
        None => paragraph_link(paragraph),
    })
}

fn back_words(href: &str) -> String {
    let mut parts = href.split(['/', '?']).skip(1);
    match (parts.next().unwrap_or_default(), parts.next().filter(|_| !href.contains('?'))) {
        ("work", _) => "My work".to_owned(),
        ("duties", Some(duty)) => format!("Duty {duty}"),
        ("nominals", Some(nominal)) => format!("Nominal {nominal}"),
        ("", _) => "First page".to_owned(),
        (page, _) => super::words::sentence_case(page),
    }
}

/// Whether a field is asked for by a name of the catalogue.
fn asks_for(ask: &Ask, field: Field) -> bool {
    matches!(ask.what, What::Field(spec) if spec.field == field)
}
