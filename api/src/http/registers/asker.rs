//! Who asks for a register, and which rows they may see; default deny.

use std::collections::HashMap;
use std::sync::Arc;

use mandate_domain::rights::{Denial, Directory, Floor, Relation, Right, Standing, check};
use mandate_domain::time::Instant;

use crate::http::app::App;
use crate::http::caller::Caller;
use crate::http::error::HttpError;
use crate::http::sight::Hidden;

/// Whoever asks, with what the log says of them now.
pub struct Asker {
    caller: Caller,
    person: Option<Standing>,
    directory: Arc<Directory>,
    now: Instant,
}

impl Asker {
    /// Who a caller is now.
    ///
    /// # Errors
    /// [`HttpError`] when the log cannot be read.
    pub fn of(app: &App, caller: &Caller) -> Result<Self, HttpError> {
        let (now, directory) = (app.now(), app.commands().directory()?);
        let person = caller.user().map(|user| directory.standing(user, now));
        Ok(Self { caller: caller.clone(), person, directory, now })
    }

    /// Whoever has the files of the log.
    #[must_use]
    pub fn unnamed(now: Instant) -> Self {
        Self { caller: Caller::Here, person: None, directory: Arc::default(), now }
    }

    /// The caller.
    #[must_use]
    pub const fn caller(&self) -> &Caller {
        &self.caller
    }

    /// The organisation to which they belong, where they are a person.
    #[must_use]
    pub fn org(&self) -> Option<&str> {
        self.person.as_ref().map(|person| &*person.org)
    }

    /// The records that are limited to others. Blocking.
    ///
    /// # Errors
    /// [`HttpError`] when the log cannot be read.
    pub fn hidden(&self, app: &App) -> Result<Hidden, HttpError> {
        Hidden::to(app, &self.caller)
    }

    /// Whether they hold a right where an organisation answers, `about` being the user that a row is about.
    ///
    /// # Errors
    /// [`Denial`].
    pub fn may(&self, right: Right, org: &str, about: Option<&str>) -> Result<(), Denial> {
        let Some(person) = &self.person else { return unnamed_may(&self.caller, right) };
        let mut relation = self.directory.relation(person, org, self.now);
        // A member of a board sees no person, not even themselves.
        relation.same_person = about == Some(&*person.user) && !self.is_board();
        check(right, person, &relation)
    }

    /// Whether they are known at all: a user in the role, a machine, or whoever sits at this machine.
    ///
    /// # Errors
    /// [`HttpError::Unauthorised`], [`HttpError::NotAllowed`].
    pub fn must_be_known(&self) -> Result<(), HttpError> {
        match (&self.person, &self.caller) {
            (Some(person), _) => person.meets(Floor::InRole).map_err(refused),
            (None, Caller::Here | Caller::Machine(_)) => Ok(()),
            (None, Caller::Nobody | Caller::Person { .. }) => Err(HttpError::Unauthorised(SIGN_IN)),
        }
    }

    /// Whether they hold a right where they belong.
    ///
    /// # Errors
    /// [`HttpError::NotAllowed`].
    pub fn must(&self, right: Right) -> Result<(), HttpError> {
        let org = self.person.as_ref().map(|person| &*person.org).unwrap_or_default();
        self.may(right, org, None).map_err(refused)
    }

    /// Whether they hold a right over some record that they work with: of their own organisation, held by it, or with
    /// it as a partner.
    #[must_use]
    pub fn could(&self, right: Right) -> bool {
        let Some(person) = &self.person else { return unnamed_may(&self.caller, right).is_ok() };
        let own = self.directory.relation(person, &person.org, self.now);
        check(right, person, &Relation { within: true, holding: true, partner: true, ..own }).is_ok()
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
        let Some(person) = &self.person else { return self.must(right) };
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

/// What somebody who is not known hears.
const SIGN_IN: &str = "sign in, or send `Authorization: Bearer <token>`";

/// What may be done without being a person of the log.
fn unnamed_may(caller: &Caller, right: Right) -> Result<(), Denial> {
    let missing = |reason: &str| Err(Denial::Missing { paragraph: "4.16", reason: reason.to_owned() });
    let Caller::Machine(client) = caller else {
        return if *caller == Caller::Here { Ok(()) } else { missing(SIGN_IN) };
    };
    match right {
        Right::ReadLog | Right::SeeQuarantine if client.reads().log => Ok(()),
        Right::ReadLog | Right::SeeQuarantine => missing(
            "this takes a machine that reads the log (`read_log = true`, or the role ROLE_MANDATE__READ_LOG)",
        ),
        Right::SeeDuties
        | Right::SeeDuty
        | Right::SeeAll
        | Right::SeeNominal
        | Right::SeeBoard
        | Right::SeePeople
        | Right::SeeRegisters
        | Right::SeeRetention
            if client.reads().state =>
        {
            Ok(())
        }
        _ => missing(
            "this takes a machine that reads (`read = true`, or the role ROLE_MANDATE__READ), or a person",
        ),
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
