//! The form of every command, made from the typed list; what is sent goes the way of `POST /v1/commands/{name}`.

mod fields;
pub mod offer;
mod prefill;
#[cfg(test)]
mod tests;
mod words;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, Uri};
use axum::response::{IntoResponse as _, Redirect, Response};
use mandate_domain::catalogue::{FactType, Field, SubjectKind};
use mandate_domain::command::{ACTS, Command, CommandName, RefusalKind};
use mandate_domain::judge::short_reference;
use mandate_store::{CommandFailure, Done};
use serde_json::Value;

use self::fields::{Ask, INSTEAD, What, asks, body, subjects};
use super::forms::is_own_path;
use super::lists::paragraph_link;
use super::moment::address;
use super::visitor::Visitor;
use super::{Access, answer, show};
use crate::http::app::App;
use crate::http::body::typed_form;
use crate::http::commands::{carry_out, named, projected, second};
use crate::http::error::{HttpError, sentence};
use crate::http::query::{Query, encoded};
use crate::pages::Link;
use crate::pages::act::{ActCheck, ActForm, Chooser, FormField, OfferPage};
use crate::pages::duties::Choice;
use crate::pages::frame::{FieldError, Frame};

/// Most bytes of a form: room for the list that a sample is drawn from, or for a policy.
const MAX_FORM_BYTES: usize = 3 << 20;
/// What goes with every form beside its fields.
const BESIDE: [&str; 6] = ["token", "key", "back", "step", "act", "instead"];
/// Whom nothing is recorded for.
const NOBODY: &str = "a command is given by a person who is signed in; nobody signs in here";

/// Commands that one is asked to confirm: what they do cannot be undone, or not by whoever gave them.
const CONFIRMED: &[CommandName] = &[
    CommandName::ArchiveRecord,
    CommandName::MergeNominals,
    CommandName::LimitAccess,
    CommandName::AcceptTransfer,
    CommandName::OrderErasure,
    CommandName::OrderRestriction,
    CommandName::OrderLifting,
    CommandName::ConfirmOrder,
    CommandName::StateInError,
    CommandName::WithdrawVetting,
    CommandName::ArchiveAccount,
    CommandName::RecordLeaver,
    CommandName::SwitchProgrammeOn,
    CommandName::SwitchProgrammeOff,
    CommandName::DrawSample,
    CommandName::PublishDocument,
    CommandName::AdoptPolicy,
    CommandName::WaiveDuty,
];

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
    let sent = typed_form(&headers, body, MAX_FORM_BYTES).await;
    show(app, Access::SignedIn, &uri, &headers, move |app, visitor| {
        let (name, typed) = (named(&name)?, sent?);
        visitor.check_form(typed.one("token")?)?;
        let act = act_of(name, &typed)?;
        let form = Form { name, act, asks: asks(name, act), typed };
        form.taken(app, visitor)
    })
    .await
}

/// A form with what stands in it.
struct Form {
    name: CommandName,
    act: Option<FactType>,
    asks: Vec<Ask>,
    typed: Query,
}

impl Form {
    fn taken(&self, app: &App, visitor: &Visitor) -> Result<Response, HttpError> {
        let step = self.typed.one("step")?;
        if step == Some("change") {
            return answer(&self.shown(app, visitor, &[])?);
        }
        let actor = user_of(visitor).ok_or_else(|| HttpError::Forbidden(NOBODY.to_owned()))?;
        let (body, mut errors) = body(&self.asks, self.act, self.name, &self.typed, app.now());
        let command = self.parsed(&body, &mut errors);
        let Some(command) = command.filter(|_| errors.is_empty()) else {
            return answer(&self.shown(app, visitor, &errors)?);
        };
        let asked_again = CONFIRMED.contains(&self.name) || command.subjects.len() > 1;
        if asked_again && step != Some("confirm") {
            return answer(&self.checked(app, visitor, command.subjects.len())?);
        }
        let said = Value::from(body).to_string().into_bytes();
        let key = self.typed.one("key")?.map(str::to_owned);
        let giving = async {
            let (command, done) = carry_out(app, command, said, actor.to_owned(), key, None).await?;
            projected(app, done.position()).await?;
            Ok::<_, HttpError>((command, done))
        };
        // The work of a page stands on a thread that may block.
        match tokio::runtime::Handle::current().block_on(giving) {
            Ok((command, done)) => {
                app.sessions.say(&visitor.open.id, told(&command, &done));
                Ok(Redirect::to(&self.next(&command)).into_response())
            }
            Err(error) => answer(&self.shown(app, visitor, &[self.refused(&error)])?),
        }
    }

    /// The command that was typed; what is wrong with it is told of every field at once.
    fn parsed(&self, body: &fields::Body, errors: &mut Vec<(String, String)>) -> Option<Command> {
        let mut left = body.clone();
        loop {
            let error = match Command::parse(self.name, &left) {
                Ok(command) => return Some(command),
                Err(error) => error,
            };
            let (instead, key) = match error.field.strip_prefix("instead.") {
                Some(key) => (true, key),
                None => (false, error.field.as_str()),
            };
            let name = if instead { format!("{INSTEAD}{key}") } else { Self::field_of(key) };
            let named = |ask: &&Ask| ask.name == name;
            let label = self.asks.iter().find(named).map_or_else(|| name.clone(), Ask::label);
            if !errors.iter().any(|(known, _)| *known == name) {
                errors.push((name, format!("{label}: {}", sentence(&error.reason))));
            }
            let fields = if instead {
                left.get_mut("instead").and_then(Value::as_object_mut)
            } else {
                Some(&mut left)
            };
            // What is missing was told before, by its own field.
            fields.and_then(|fields| fields.remove(key).or_else(|| fields.remove("subjects")))?;
        }
    }

    /// The field of the form for one of the body.
    fn field_of(key: &str) -> String {
        match key {
            "subject" | "subjects" => "subject".to_owned(),
            "personal" => "personal-crn".to_owned(),
            _ => key.to_owned(),
        }
    }

    /// What stood in the way, beside the field that it is about.
    fn refused(&self, error: &HttpError) -> (String, String) {
        let whole = |text: &str| {
            let field = text.strip_prefix("field `").and_then(|rest| rest.split_once("`: "));
            match field.filter(|(name, _)| self.asks.iter().any(|ask| ask.key() == *name)) {
                Some((name, reason)) => (Self::field_of(name), sentence(reason)),
                None => ("subject".to_owned(), sentence(text)),
            }
        };
        match error {
            HttpError::Command(CommandFailure::Refused(refusal)) if refusal.kind != RefusalKind::Missing => {
                let (field, reason) = whole(&refusal.reason);
                let several = subjects(&self.typed).len() > 1;
                let which = if several { format!("{}: ", refusal.subject) } else { String::new() };
                let (remedy, paragraph) = (sentence(&refusal.remedy), &refusal.paragraph);
                (field, format!("{which}{reason} {remedy} (Paragraph {paragraph}.)"))
            }
            error if error.status().0.is_server_error() => {
                let reference = crate::random::hexadecimal::<6>().unwrap_or_default();
                tracing::error!(%error, reference, "a command was not carried out");
                let text = "Mandate could not record it at present. What you typed is still here: send it again in a moment.";
                ("subject".to_owned(), format!("{text} (Reference for your administrator: {reference}.)"))
            }
            other => ("subject".to_owned(), sentence(&other.to_string())),
        }
    }

    fn shown(&self, app: &App, visitor: &Visitor, errors: &[(String, String)]) -> Result<ActForm, HttpError> {
        let notice = match errors {
            [] => prefill::in_the_way(app, visitor, self.name, &self.typed)?,
            _ => None,
        };
        Ok(self.page(visitor.frame(app, None)?, paragraph(app, self.name)?, notice, errors))
    }

    fn page(
        &self,
        mut frame: Frame,
        paragraph: Link,
        notice: Option<String>,
        errors: &[(String, String)],
    ) -> ActForm {
        let chooser = self.chooser();
        // Which fields there are follows from the act.
        let asks: &[Ask] =
            if self.name == CommandName::RecordAct && self.act.is_none() { &[] } else { &self.asks };
        let error =
            |ask: &Ask| errors.iter().find(|(name, _)| *name == ask.name).map(|(_, text)| text.as_str());
        let shown = |rare: bool| -> Vec<FormField> {
            let own = asks.iter().filter(|ask| ask.rare == rare);
            own.flat_map(|ask| ask.shown(&self.typed, error(ask))).collect()
        };
        let (fields, more) = (shown(false), shown(true));
        frame.errors = fields.iter().chain(&more).filter_map(FormField::summary).collect();
        let beside = errors.iter().filter(|(name, _)| asks.iter().all(|ask| ask.name != *name));
        frame
            .errors
            .extend(beside.map(|(_, text)| FieldError { field: "act".to_owned(), text: text.clone() }));
        let asked_again = CONFIRMED.contains(&self.name) || subjects(&self.typed).len() > 1;
        ActForm {
            frame,
            title: self.title(),
            paragraph,
            action: format!("/act/{}", self.name),
            back: self.back().map(|href| Link::new(back_words(href), href)),
            chooser,
            fields,
            more,
            hidden: self.beside(&["key", "back", "act", "instead"]),
            notice,
            button: if asked_again { "Continue" } else { "Record it" },
        }
    }

    fn checked(&self, app: &App, visitor: &Visitor, count: usize) -> Result<ActCheck, HttpError> {
        let mut answers: Vec<(String, Vec<String>)> = Vec::new();
        if let Some(act) = self.act {
            let what = if self.name == CommandName::StateInError { "Stated instead" } else { "Act" };
            answers.push((what.to_owned(), vec![words::word(act.name())]));
        }
        answers.extend(self.asks.iter().filter_map(|ask| ask.answer(&self.typed)));
        let sent = self.typed.pairs().filter(|(name, _)| !["token", "step"].contains(name));
        let warning = match (CONFIRMED.contains(&self.name), count) {
            (true, 1) => "This cannot be undone by you alone: the log keeps it for good.".to_owned(),
            (true, many) => format!("This cannot be undone by you alone, and is done {many} times at once."),
            (false, many) => format!("This is recorded for {many} at once: for all of them, or for none."),
        };
        Ok(ActCheck {
            frame: visitor.frame(app, None)?,
            title: self.title(),
            paragraph: paragraph(app, self.name)?,
            warning,
            action: format!("/act/{}", self.name),
            answers,
            hidden: sent.map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
        })
    }

    fn title(&self) -> String {
        match (self.name, self.act) {
            (CommandName::RecordAct, Some(act)) => format!("Record an act: {}", words::word(act.name())),
            _ => self.name.spec().title.to_owned(),
        }
    }

    /// The choice that decides which fields there are.
    fn chooser(&self) -> Option<Chooser> {
        let chosen = self.act.map(FactType::name);
        let choice = |act: &&'static str| Choice {
            value: (*act).to_owned(),
            text: words::word(act),
            chosen: chosen == Some(act),
        };
        let (name, label, hint, nothing) = match self.name {
            CommandName::RecordAct => ("act", "What was done", "It decides what else is asked.", None),
            CommandName::StateInError => (
                "instead",
                "What is stated in its place",
                "Choose it only where something else is true instead.",
                Some("Nothing"),
            ),
            _ => return None,
        };
        let mut choices: Vec<Choice> = ACTS.iter().map(choice).collect();
        choices.sort_by(|one, other| one.text.cmp(&other.text));
        let mut carried = self.beside(&["back"]);
        for ask in asks(self.name, None) {
            for name in ask.names() {
                let sent = self.typed.pairs().filter(|(found, value)| *found == name && !value.is_empty());
                carried.extend(sent.map(|(name, value)| (name.to_owned(), value.to_owned())));
            }
        }
        Some(Chooser { name, label, hint, nothing, choices, carried })
    }

    fn beside(&self, names: &[&str]) -> Vec<(String, String)> {
        let sent = self.typed.pairs().filter(|(name, value)| names.contains(name) && !value.is_empty());
        sent.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    }

    fn back(&self) -> Option<&str> {
        let sent = self.typed.pairs().find(|(name, _)| *name == "back").map(|(_, value)| value);
        sent.filter(|path| is_own_path(path) && !path.starts_with("/act"))
    }

    /// The page to go on to.
    fn next(&self, command: &Command) -> String {
        if let Some(back) = self.back() {
            return back.to_owned();
        }
        let subject = command.subjects.first().map_or("", |subject| &**subject);
        match (SubjectKind::of(subject), subject.split_once('/')) {
            (Some(SubjectKind::Nominal), Some((_, reference))) => format!("/nominals/{}", encoded(reference)),
            (Some(SubjectKind::Duty), Some((_, duty))) => format!("/duties/{}", short_reference(duty)),
            (Some(SubjectKind::User), _) => "/people".to_owned(),
            (Some(SubjectKind::Terminal), _) => "/terminals".to_owned(),
            (Some(SubjectKind::Policy), _) => "/rules".to_owned(),
            _ => "/organisations".to_owned(),
        }
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

/// What was done, and the place of its first event.
fn told(command: &Command, done: &Done) -> String {
    let title = match command.act {
        Some(act) => words::word(act.name()),
        None => command.name.spec().title.split(';').next().unwrap_or_default().to_owned(),
    };
    let about = match &*command.subjects {
        [one] => match one.strip_prefix("duty/") {
            Some(duty) => short_reference(duty),
            None => one.split_once('/').map_or_else(|| one.to_string(), |(_, id)| id.to_owned()),
        },
        several => format!("{} at once", several.len()),
    };
    let kinds: Vec<FactType> = done.events.iter().map(|event| event.kind).collect();
    let waits = if command.waits_for(&kinds).is_empty() {
        String::new()
    } else {
        format!(" It waits for a second person: {}.", second(command.name).replace('`', ""))
    };
    let position = done.events.iter().map(|event| event.position.get()).min();
    let position = position.map(|position| format!("\n{position}")).unwrap_or_default();
    format!("Recorded: {title} ({about}).{waits}{position}")
}

/// Whether a field is asked for by a name of the catalogue.
fn asks_for(ask: &Ask, field: Field) -> bool {
    matches!(ask.what, What::Field(spec) if spec.field == field)
}
