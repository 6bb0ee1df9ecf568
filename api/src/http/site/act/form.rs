//! A form with what stands in it: shown, shown again with what is wrong, checked, and carried out.

use axum::response::{IntoResponse as _, Redirect, Response};
use mandate_domain::catalogue::{FactType, SubjectKind};
use mandate_domain::command::{ACTS, Command, CommandName, RefusalKind};
use mandate_domain::fact::repeated;
use mandate_domain::judge::short_reference;
use mandate_store::{CommandFailure, Done};
use serde_json::Value;

use super::fields::{Ask, Body, INSTEAD, asks, personal};
use super::typed::{body, subjects};
use super::{NOBODY, back_words, paragraph, prefill, user_of, words};
use crate::http::app::App;
use crate::http::commands::{carry_out, projected, second};
use crate::http::error::{HttpError, sentence};
use crate::http::query::{Query, encoded};
use crate::http::site::answer;
use crate::http::site::forms::is_own_path;
use crate::http::site::visitor::Visitor;
use crate::pages::Link;
use crate::pages::act::{ActCheck, ActForm, Chooser, FormField};
use crate::pages::duties::Choice;
use crate::pages::frame::{FieldError, Frame};
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

/// What becomes of a form that was sent.
pub enum Taken {
    /// It is shown again, or to be checked.
    Page(Response),
    /// It is carried out.
    Given(Box<Given>),
}

/// A command that was typed whole, to be carried out.
pub struct Given {
    form: Form,
    command: Command,
    said: Vec<u8>,
    actor: String,
    key: Option<String>,
}

impl Given {
    /// Carries it out and leads on, or shows the form again with what stood in the way. It waits on threads that may
    /// block, and so must not hold one.
    ///
    /// # Errors
    /// [`HttpError`] when the log cannot be read.
    pub async fn carried_out(self, app: &App, visitor: &Visitor) -> Result<Response, HttpError> {
        let Self { form, command, said, actor, key } = self;
        let given = async {
            let (command, done) = carry_out(app, command, said, actor, key, None).await?;
            projected(app, done.position()).await?;
            Ok::<_, HttpError>((command, done))
        };
        match given.await {
            Ok((command, done)) => {
                app.sessions.say(&visitor.open.id, told(&command, &done));
                Ok(Redirect::to(&form.next(&command)).into_response())
            }
            Err(error) => {
                let looking = visitor.clone();
                app.blocking(move |app| answer(&form.shown(app, &looking, &[form.refused(&error)])?)).await
            }
        }
    }
}

/// A form with what stands in it.
pub struct Form {
    /// The command.
    pub name: CommandName,
    /// The fact that it attests, or states instead.
    pub act: Option<FactType>,
    /// What it asks for.
    pub asks: Vec<Ask>,
    /// What was typed, or filled in beforehand.
    pub typed: Query,
}

impl Form {
    /// Shows it again with what is wrong, or has it checked; or says what is to be carried out. Blocking.
    ///
    /// # Errors
    /// [`HttpError`] when the log cannot be read.
    pub fn taken(self, app: &App, visitor: &Visitor) -> Result<Taken, HttpError> {
        let step = self.typed.one("step")?;
        if step == Some("change") {
            return answer(&self.shown(app, visitor, &[])?).map(Taken::Page);
        }
        let actor = user_of(visitor).ok_or_else(|| HttpError::Forbidden(NOBODY.to_owned()))?;
        let (body, mut errors) = body(&self.asks, self.act, self.name, &self.typed, app.now());
        let command = self.parsed(&body, &mut errors);
        let Some(command) = command.filter(|_| errors.is_empty()) else {
            return answer(&self.shown(app, visitor, &errors)?).map(Taken::Page);
        };
        let asked_again = CONFIRMED.contains(&self.name) || command.subjects.len() > 1;
        if asked_again && step != Some("confirm") {
            return answer(&self.checked(app, visitor, command.subjects.len())?).map(Taken::Page);
        }
        let said = Value::from(body).to_string().into_bytes();
        let key = self.typed.one("key")?.map(str::to_owned);
        let actor = actor.to_owned();
        Ok(Taken::Given(Box::new(Given { form: self, command, said, actor, key })))
    }

    /// The command that was typed; what is wrong with it is told of every field at once.
    pub fn parsed(&self, body: &Body, errors: &mut Vec<(String, String)>) -> Option<Command> {
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
            let name = if instead { format!("{INSTEAD}{key}") } else { self.field_of(key) };
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
            let alias = if key == "subject" { "subjects" } else { key };
            fields.and_then(|fields| fields.remove(key).or_else(|| fields.remove(alias)))?;
        }
    }

    /// The field of the form for one of the body.
    fn field_of(&self, key: &str) -> String {
        match key {
            "subject" | "subjects" => "subject".to_owned(),
            "personal" => {
                format!("personal-{}", personal(self.name.spec().subjects).first().unwrap_or(&"name"))
            }
            _ => key.to_owned(),
        }
    }

    /// What stood in the way, beside the field that it is about.
    fn refused(&self, error: &HttpError) -> (String, String) {
        let whole = |text: &str| {
            let field = text.strip_prefix("field `").and_then(|rest| rest.split_once("`: "));
            match field.filter(|(name, _)| self.asks.iter().any(|ask| ask.key() == *name)) {
                Some((name, reason)) => (self.field_of(name), sentence(reason)),
                None => ("subject".to_owned(), sentence(text)),
            }
        };
        match error {
            HttpError::Command(CommandFailure::Refused(refusal)) if refusal.kind != RefusalKind::Missing => {
                let (field, reason) = whole(&refusal.reason);
                let several = subjects(&self.typed).len() > 1;
                let which = if several { format!("{}: ", refusal.subject) } else { String::new() };
                let remedy = sentence(&words::remedy(&refusal.remedy));
                let paragraph = &refusal.paragraph;
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

    /// The page.
    ///
    /// # Errors
    /// [`HttpError`] when the log cannot be read.
    pub fn shown(
        &self,
        app: &App,
        visitor: &Visitor,
        errors: &[(String, String)],
    ) -> Result<ActForm, HttpError> {
        let notice = match errors {
            [] => prefill::in_the_way(app, visitor, self.name, &self.typed)?,
            _ => None,
        };
        Ok(self.page(visitor.frame(app, None)?, paragraph(app, self.name)?, notice, errors))
    }

    /// The page in a frame, with what is wrong with which field.
    pub fn page(
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
        // They go into an address, where nothing personal may stand.
        for ask in asks(self.name, None).iter().filter(|ask| !ask.is_sealed()) {
            for name in ask.names() {
                // A number of a person that was typed in the place of an id is none of the words that may.
                let may = |value: &str| !value.is_empty() && repeated(value) == value;
                let sent = self.typed.pairs().filter(|(found, value)| *found == name && may(value));
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
        format!(" It waits for a second person: {}.", words::remedy(second(command.name)))
    };
    let position = done.events.iter().map(|event| event.position.get()).min();
    let position = position.map(|position| format!("\n{position}")).unwrap_or_default();
    format!("Recorded: {title} ({about}).{waits}{position}")
}
