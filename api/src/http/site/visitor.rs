//! Who looks at a page: a person who signed in, one of the demonstration, or whoever sits at this machine.

use axum::http::HeaderMap;

use super::person;
use super::sessions::Open;
use crate::demo::Person;
use crate::http::app::App;
use crate::http::caller::Caller;
use crate::http::error::HttpError;
use crate::http::gate;
use crate::http::registers::asker::Asker;
use crate::http::sight::Hidden;
use crate::pages::frame::{DemoClock, Frame, Moment, Section, SignedIn};
use crate::pages::words::grouped;

use super::words::at_london;

/// Who looks, and their session.
#[derive(Debug, Clone)]
pub struct Visitor {
    /// The session.
    pub open: Open,
    /// The person who is signed in; none before, and where nobody signs in.
    pub person: Option<Person>,
    /// The same for what asks for rights.
    pub caller: Caller,
}

impl Visitor {
    /// Who sent a request. Blocking.
    ///
    /// # Errors
    /// [`HttpError::Failed`] when the system gives no random bytes, or the log cannot be read.
    pub fn of(app: &App, headers: &HeaderMap) -> Result<Self, HttpError> {
        let open = app.sessions.open(headers, app.now());
        let open = open.map_err(|error| HttpError::Failed(error.to_string()))?;
        let caller = Caller::by_session(app, headers);
        let person = match (&app.demo, &caller) {
            (Some(demo), _) => {
                let chosen = open.session.person.as_ref();
                demo.people().iter().find(|person| Some(&person.id) == chosen).cloned()
            }
            (None, Caller::Person { user, .. }) => Some(person::of(app, user, open.session.name.as_deref())?),
            (None, Caller::Nobody | Caller::Here | Caller::Machine(_)) => None,
        };
        Ok(Self { open, person, caller })
    }

    /// Refuses somebody who is no user of the log, or left the role. Blocking.
    ///
    /// # Errors
    /// [`HttpError::SignIn`].
    pub fn known(app: &App, user: &str) -> Result<(), HttpError> {
        Asker::of(app, &Caller::person(user))?.must_be_known().map_err(|error| {
            tracing::warn!(user, %error, "somebody was not signed in");
            HttpError::SignIn(
                "your organisation knows you, but you are no user of Mandate at present; ask your CPC",
            )
        })
    }

    /// Whether there is nobody to show the page to yet.
    #[must_use]
    pub fn must_sign_in(&self, app: &App) -> bool {
        (app.demo.is_some() && self.person.is_none()) || self.caller == Caller::Nobody
    }

    /// The records that are limited to others.
    ///
    /// # Errors
    /// [`HttpError`] when the log cannot be read.
    pub fn hidden(&self, app: &App) -> Result<Hidden, HttpError> {
        Hidden::to(app, &self.caller)
    }

    /// What surrounds a page.
    ///
    /// # Errors
    /// [`HttpError`] when the read models cannot be read.
    pub fn frame(&self, app: &App, moment: Option<Moment>) -> Result<Frame, HttpError> {
        let signed_in = match &self.person {
            Some(person) => Some(SignedIn { name: person.name.clone(), role: person.role.clone() }),
            None if app.demo.is_none() && self.caller == Caller::Here => {
                let role = "nobody signs in here: this machine only".to_owned();
                Some(SignedIn { name: "Local user".to_owned(), role })
            }
            None => None,
        };
        let asker = Asker::of(app, &self.caller)?;
        let mut sections = vec![
            Section::MyWork,
            Section::Duties,
            Section::Compliance,
            Section::Reconciliation,
            Section::People,
            Section::Organisations,
            Section::Audits,
            Section::Rules,
        ];
        if super::log::reader(app, self).is_ok() {
            sections.push(Section::Assurance);
        }
        sections.retain(|section| gate::may_open(&asker, section.path()));
        if app.demo.is_some() {
            sections.push(Section::Inbox);
        }
        Ok(Frame {
            sections: if signed_in.is_some() { sections } else { Vec::new() },
            person: signed_in,
            demo: app.demo.as_ref().map(|_| DemoClock { now: at_london(app.now()) }),
            form_token: self.open.session.form_token.clone(),
            moment,
            done: app.sessions.said(&self.open.id),
            warnings: warnings(app)?,
            errors: Vec::new(),
            log_position: Some(grouped(app.projections.progress()?.position.get())),
        })
    }

    /// Whether a form came from one of our pages.
    ///
    /// # Errors
    /// [`HttpError::Forbidden`] when it did not.
    pub fn check_form(&self, token: Option<&str>) -> Result<(), HttpError> {
        if !self.open.fresh && token == Some(self.open.session.form_token.as_str()) {
            return Ok(());
        }
        Err(HttpError::Forbidden(
            "this form is too old or not ours; open the page again and send it once more".to_owned(),
        ))
    }
}

/// What is wrong with the service itself, a sentence each.
fn warnings(app: &App) -> Result<Vec<String>, HttpError> {
    let Some(scheduler) = &app.scheduler else { return Ok(Vec::new()) };
    let found = scheduler.recent_problems(app.now());
    let found = found.map_err(|error| HttpError::Failed(error.to_string()))?;
    Ok(found.into_iter().map(|problem| problem.what).collect())
}
