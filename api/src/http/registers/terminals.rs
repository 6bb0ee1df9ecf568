//! `GET /v1/terminals`: terminals, their risk assessment and approval (6.4, 6.5).

use axum::extract::{RawQuery, State};
use axum::http::HeaderMap;
use axum::response::Response;
use mandate_domain::catalogue::{FactType, Field, SubjectKind};
use mandate_domain::rights::Right;
use mandate_domain::time::Date;
use serde::Serialize;

use super::asker::Asker;
use super::told::{Seen, lies_under};
use super::{COMMON, Row, answer, cell, organisations_of};
use crate::http::app::App;
use crate::http::caller::Caller;
use crate::http::error::HttpError;
use crate::http::query::Query;

/// A terminal.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Terminal {
    /// Full id.
    pub terminal: String,
    /// Where it stands; none where that was not told.
    pub organisation: Option<String>,
    /// registered, assessed, approved or withdrawn.
    pub status: &'static str,
    /// When it was registered.
    pub registered_on: Option<Date>,
    /// When its risk was assessed, since it was last withdrawn.
    pub assessed_on: Option<Date>,
    /// When it was approved.
    pub approved_on: Option<Date>,
    /// When it was withdrawn.
    pub withdrawn_on: Option<Date>,
    /// Whether it was approved before its risk was assessed.
    pub approved_unassessed: bool,
}

impl Row for Terminal {
    const NAME: &'static str = "terminals";
    const COLUMNS: &'static [&'static str] = &[
        "terminal",
        "organisation",
        "status",
        "registered_on",
        "assessed_on",
        "approved_on",
        "withdrawn_on",
        "approved_unassessed",
    ];

    fn cells(&self) -> Vec<String> {
        vec![
            self.terminal.clone(),
            cell(self.organisation.as_ref()),
            self.status.to_owned(),
            cell(self.registered_on.as_ref()),
            cell(self.assessed_on.as_ref()),
            cell(self.approved_on.as_ref()),
            cell(self.withdrawn_on.as_ref()),
            self.approved_unassessed.to_string(),
        ]
    }
}

/// Lists terminals.
///
/// # Errors
/// [`HttpError::Parameter`] naming a parameter that is unknown or wrong, [`HttpError::NotAllowed`].
pub async fn list(
    State(app): State<App>,
    RawQuery(raw): RawQuery,
    caller: Caller,
    headers: HeaderMap,
) -> Result<Response, HttpError> {
    let known: Vec<&str> = COMMON.into_iter().chain(["org", "prison", "status"]).collect();
    let query = Query::read(raw.as_deref(), &known)?;
    let mut orgs = organisations_of(&query, "prison", "prison");
    orgs.extend(query.all("org"));
    let words = ["registered", "assessed", "approved", "withdrawn"].map(|word| (word, word));
    let status = query.word("status", &words)?;
    answer(app, query, caller, headers, move |app, _, view, asker| {
        let mut found = rows(&app.registered().at(app.store.reader(), view)?, &orgs, asker)?;
        found.retain(|terminal| status.is_none_or(|status| terminal.status == status));
        Ok(found)
    })
    .await
}

/// Terminals of some organisations that somebody may see, by id.
///
/// # Errors
/// [`HttpError::NotAllowed`] for somebody who may see none.
pub fn rows(seen: &Seen<'_>, orgs: &[String], asker: &Asker) -> Result<Vec<Terminal>, HttpError> {
    let placed = seen.placed();
    let mut rows: Vec<Terminal> =
        seen.subjects(SubjectKind::Terminal).filter_map(|terminal| one(seen, terminal)).collect();
    let of = |row: &Terminal| (row.organisation.clone().unwrap_or_default(), None);
    asker.keep(Right::SeeRegisters, &mut rows, of)?;
    rows.retain(|row| lies_under(row.organisation.as_deref().unwrap_or_default(), orgs, &placed));
    Ok(rows)
}

fn one(seen: &Seen<'_>, terminal: &str) -> Option<Terminal> {
    let mut row = Terminal { terminal: terminal.to_owned(), ..Terminal::default() };
    for fact in seen.of(terminal) {
        let on = Some(fact.effective_on());
        match fact.kind {
            FactType::TerminalRegistered => {
                row.organisation = fact.text(Field::Org).map(str::to_owned);
                row.registered_on = row.registered_on.or(on);
                if row.status.is_empty() {
                    row.status = "registered";
                }
            }
            FactType::TerminalRiskAssessed => {
                row.assessed_on = on;
                if row.status != "approved" {
                    row.status = "assessed";
                }
            }
            FactType::TerminalApproved => {
                row.approved_unassessed = row.assessed_on.is_none();
                (row.approved_on, row.withdrawn_on, row.status) = (on, None, "approved");
            }
            FactType::TerminalWithdrawn => {
                (row.assessed_on, row.approved_on) = (None, None);
                (row.withdrawn_on, row.status) = (on, "withdrawn");
            }
            _ => {}
        }
    }
    (!row.status.is_empty()).then_some(row)
}
