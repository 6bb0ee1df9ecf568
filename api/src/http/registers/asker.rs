//! Who asks for a register, and which rows they may see; default deny.

use std::collections::HashMap;
use std::sync::Arc;

use mandate_domain::rights::{Denial, Directory, Right, Standing, check};
use mandate_domain::time::Instant;

use crate::http::app::App;
use crate::http::error::HttpError;

/// Whoever asks: a person with what the log says of them now, or nobody who is named.
///
/// Requests that name no person are not asked for rights: they come from this machine, or from a machine's token.
pub struct Asker {
    person: Option<Standing>,
    directory: Arc<Directory>,
    now: Instant,
}

impl Asker {
    /// Who a person is now.
    ///
    /// # Errors
    /// [`HttpError`] when the log cannot be read.
    pub fn of(app: &App, person: Option<String>) -> Result<Self, HttpError> {
        let (now, directory) = (app.now(), app.commands().directory()?);
        let person = person.map(|user| directory.standing(&user, now));
        Ok(Self { person, directory, now })
    }

    /// Nobody who is named: whoever has the files of the log.
    #[must_use]
    pub fn unnamed(now: Instant) -> Self {
        Self { person: None, directory: Arc::default(), now }
    }

    /// The user, where one is named.
    #[must_use]
    pub fn user(&self) -> Option<&str> {
        self.person.as_ref().map(|person| &*person.user)
    }

    /// Whether they hold a right where an organisation answers, `about` being the user that a row is about.
    ///
    /// # Errors
    /// [`Denial`].
    pub fn may(&self, right: Right, org: &str, about: Option<&str>) -> Result<(), Denial> {
        let Some(person) = &self.person else { return Ok(()) };
        let mut relation = self.directory.relation(person, org, self.now);
        // A member of a board sees no person, not even themselves.
        relation.same_person = about == Some(&*person.user) && !self.is_board();
        check(right, person, &relation)
    }

    /// Whether they hold a right where they belong.
    ///
    /// # Errors
    /// [`HttpError::NotAllowed`].
    pub fn must(&self, right: Right) -> Result<(), HttpError> {
        let Some(person) = &self.person else { return Ok(()) };
        self.may(right, &person.org, None).map_err(refused)
    }

    /// Whether they are told of as a member of a board, who sees no person and no small count.
    #[must_use]
    pub fn is_board(&self) -> bool {
        self.person.as_ref().is_some_and(|person| &*person.role == "smb-member")
    }

    /// Keeps the rows that they may see; `of` gives the organisation of a row and the user that it is about.
    ///
    /// # Errors
    /// [`HttpError::NotAllowed`] for somebody who may see none, nor any of their own organisation.
    pub fn keep<R>(
        &self,
        right: Right,
        rows: &mut Vec<R>,
        of: impl Fn(&R) -> (String, Option<String>),
    ) -> Result<(), HttpError> {
        let Some(person) = &self.person else { return Ok(()) };
        // Most rows are those of few organisations.
        let mut known: HashMap<(String, bool), bool> = HashMap::new();
        rows.retain(|row| {
            let (org, about) = of(row);
            let same = about.as_deref() == Some(&*person.user) && !self.is_board();
            *known
                .entry((org, same))
                .or_insert_with_key(|(org, _)| self.may(right, org, about.as_deref()).is_ok())
        });
        if rows.is_empty() {
            self.may(right, &person.org, None).map_err(refused)?;
        }
        Ok(())
    }
}

/// A refusal as an answer.
#[must_use]
pub fn refused(denial: Denial) -> HttpError {
    match denial {
        Denial::Hidden => HttpError::NoSuchAddress,
        Denial::Missing { paragraph, reason } => {
            HttpError::NotAllowed { paragraph: paragraph.to_owned(), reason }
        }
    }
}
