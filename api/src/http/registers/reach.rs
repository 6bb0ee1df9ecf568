//! How far somebody's rights reach: lists of duties hold what their own area or prison group answers for.

use std::collections::BTreeSet;

use mandate_domain::catalogue::SubjectKind;
use mandate_domain::rights::Right;

use super::asker::Asker;
use crate::http::app::App;
use crate::http::caller::Caller;
use crate::http::error::{HttpError, sentence};
use crate::http::todo::with_those_below;
use crate::pages::frame::{FieldError, Frame};

/// The organisations whose duties somebody may list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reach {
    /// All: auditors, machines that read, and whoever sits at this machine.
    Everywhere,
    /// Those of an area, prison group or region.
    Of {
        /// By name, for whoever asks for another.
        group: String,
        /// It and all below it.
        orgs: BTreeSet<String>,
    },
}

impl Reach {
    /// How far the rights of whoever asks reach now. Blocking.
    ///
    /// # Errors
    /// [`HttpError`] when the log cannot be read.
    pub fn of(app: &App, asker: &Asker) -> Result<Self, HttpError> {
        let person = match asker.caller() {
            Caller::Person { user, .. } => user,
            Caller::Here | Caller::Machine(_) | Caller::Nobody => {
                return Ok(Self::Everywhere);
            }
        };
        if asker.must(Right::ReadLog).is_ok() {
            return Ok(Self::Everywhere);
        }
        let (now, directory) = (app.now(), app.commands().directory()?);
        let standing = directory.standing(person, now);
        let group =
            directory.group_of(&standing.org, now).unwrap_or_else(|| standing.org.clone()).to_string();
        let mut orgs = with_those_below(app, &group, app.present())?;
        // A region, or whoever stands above groups, answers for all below.
        orgs.extend(with_those_below(app, &standing.org, app.present())?);
        for (_, org) in &standing.posts {
            orgs.extend(with_those_below(app, org, app.present())?);
        }
        Ok(Self::Of { group, orgs })
    }

    /// Narrows a list of organisations, of which an empty one means all.
    ///
    /// # Errors
    /// [`HttpError::NotAllowed`] where only others were asked for.
    pub fn narrow(&self, asked: &mut Vec<String>) -> Result<(), HttpError> {
        let Self::Of { group, orgs } = self else { return Ok(()) };
        if asked.is_empty() {
            asked.extend(orgs.iter().cloned());
            return Ok(());
        }
        asked.retain(|org| orgs.contains(org));
        if asked.is_empty() { Err(elsewhere(group)) } else { Ok(()) }
    }

    /// The same for areas, of which a list of none means all: a prison group has none of its own.
    ///
    /// # Errors
    /// As [`Self::narrow`].
    pub fn narrow_areas(&self, areas: &mut Vec<String>, prisons: &mut Vec<String>) -> Result<(), HttpError> {
        let Self::Of { group, orgs } = self else { return Ok(()) };
        if areas.is_empty() && prisons.is_empty() {
            let of = |kind: SubjectKind| {
                orgs.iter().filter(move |org| SubjectKind::of(org) == Some(kind)).cloned().collect::<Vec<_>>()
            };
            (*areas, *prisons) = (of(SubjectKind::Area), of(SubjectKind::Prison));
            // One of the two says enough: both at once would ask for what is in both.
            if !areas.is_empty() {
                prisons.clear();
            } else if prisons.is_empty() {
                // Of what has neither there is nothing, and not everything.
                areas.push(group.clone());
            }
            return Ok(());
        }
        if !areas.is_empty() {
            self.narrow(areas)?;
        }
        if !prisons.is_empty() {
            self.narrow(prisons)?;
        }
        Ok(())
    }
}

/// For a page: what is answered for elsewhere is no list, and it is said why.
///
/// # Errors
/// Any other error than that of a right.
pub fn said(
    narrowed: Result<(), HttpError>,
    asked: &mut Vec<String>,
    frame: &mut Frame,
) -> Result<(), HttpError> {
    match narrowed {
        Err(HttpError::NotAllowed { reason, .. }) => {
            frame.errors.push(FieldError { field: "area".to_owned(), text: sentence(&reason) });
            // No organisation has this name.
            asked.push("nobody".to_owned());
            Ok(())
        }
        other => other,
    }
}

fn elsewhere(group: &str) -> HttpError {
    HttpError::NotAllowed {
        paragraph: "4.16".to_owned(),
        reason: format!(
            "your rights reach what `{group}` and those below it answer for; leave the filter out, or name one of them"
        ),
    }
}
