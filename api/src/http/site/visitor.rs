//! Who looks at a page: a person of the demonstration, or whoever sits at this machine.

use axum::http::HeaderMap;

use super::sessions::Open;
use crate::demo::Person;
use crate::http::app::App;
use crate::http::error::HttpError;
use crate::http::sight::Hidden;
use crate::pages::frame::{DemoClock, Frame, Moment, Section, SignedIn};
use crate::pages::words::grouped;

use super::words::at_london;

/// Who looks, and their session.
#[derive(Debug, Clone)]
pub struct Visitor {
    /// The session.
    pub open: Open,
    /// The person of the demonstration; none before a choice is made, and outside the demonstration.
    pub person: Option<Person>,
}

impl Visitor {
    /// Who sent a request.
    ///
    /// # Errors
    /// [`HttpError::Failed`] when the system gives no random bytes.
    pub fn of(app: &App, headers: &HeaderMap) -> Result<Self, HttpError> {
        let open = app.sessions.open(headers).map_err(|error| HttpError::Failed(error.to_string()))?;
        let people = app.demo.as_ref().map(crate::demo::Demo::people).unwrap_or_default();
        let person =
            open.session.person.as_ref().and_then(|id| people.iter().find(|person| person.id == *id));
        Ok(Self { person: person.cloned(), open })
    }

    /// Whether there is nobody to show the page to yet.
    #[must_use]
    pub fn must_sign_in(&self, app: &App) -> bool {
        app.demo.is_some() && self.person.is_none()
    }

    /// The user as whom they act, where they act as one.
    #[must_use]
    pub fn user(&self) -> Option<&str> {
        self.person.as_ref().map(|person| person.user.as_str())
    }

    /// The records that are limited to others.
    ///
    /// # Errors
    /// [`HttpError`] when the log cannot be read.
    pub fn hidden(&self, app: &App) -> Result<Hidden, HttpError> {
        Hidden::to(app, self.user())
    }

    /// What surrounds a page.
    ///
    /// # Errors
    /// [`HttpError`] when the read models cannot be read.
    pub fn frame(&self, app: &App, moment: Option<Moment>) -> Result<Frame, HttpError> {
        let signed_in = if app.demo.is_some() {
            self.person
                .as_ref()
                .map(|person| SignedIn { name: person.name.clone(), role: person.role.clone() })
        } else {
            let role = "there is no sign-in yet: this machine only".to_owned();
            Some(SignedIn { name: "Local user".to_owned(), role })
        };
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
