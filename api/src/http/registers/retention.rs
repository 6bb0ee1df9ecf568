//! `GET /v1/retention`: archived records, when they were reviewed, and whose review is due (4.16 c and i).

use std::collections::{BTreeMap, BTreeSet};

use axum::extract::{RawQuery, State};
use axum::http::HeaderMap;
use axum::response::Response;
use mandate_domain::catalogue::{FactType, Field};
use mandate_domain::command::Annulments;
use mandate_domain::fact::Fact;
use mandate_domain::judge::View;
use mandate_domain::rights::Right;
use mandate_domain::time::Date;
use mandate_store::{MAX_READ, Position, Reader};
use serde::Serialize;

use super::asker::Asker;
use super::told::lies_under;
use super::{COMMON, Row, answer, cell, organisations_of};
use crate::http::app::App;
use crate::http::caller::Caller;
use crate::http::error::HttpError;
use crate::http::query::Query;

/// Months after archiving, and after each review, within which a record is to be reviewed: a local target, as the
/// framework names none.
pub const REVIEW_MONTHS: i32 = 12;

const TYPES: &[FactType] = &[
    FactType::FactAnnulled,
    FactType::NominalMerged,
    FactType::RecordCreated,
    FactType::RecordTransferred,
    FactType::RecordArchived,
    FactType::RecordUnarchived,
    FactType::RecordDeleted,
    FactType::RetentionReviewed,
];

/// An archived record.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Archived {
    /// The nominal.
    pub nominal: String,
    /// Who owns the record.
    pub owner: Option<String>,
    /// When it was archived.
    pub archived_on: Option<Date>,
    /// When it was last reviewed since.
    pub reviewed_on: Option<Date>,
    /// How often it was reviewed since.
    pub reviews: usize,
    /// What the last review decided: keep, archive or delete.
    pub decision: Option<String>,
    /// By when it is to be reviewed next (a local target).
    pub review_due_on: Option<Date>,
    /// Whether that day is past, or a review decided to delete and the record is still there.
    pub due: bool,
}

impl Row for Archived {
    const NAME: &'static str = "retention";
    const COLUMNS: &'static [&'static str] =
        &["nominal", "owner", "archived_on", "reviewed_on", "reviews", "decision", "review_due_on", "due"];

    fn cells(&self) -> Vec<String> {
        vec![
            self.nominal.clone(),
            cell(self.owner.as_ref()),
            cell(self.archived_on.as_ref()),
            cell(self.reviewed_on.as_ref()),
            self.reviews.to_string(),
            cell(self.decision.as_ref()),
            cell(self.review_due_on.as_ref()),
            self.due.to_string(),
        ]
    }
}

/// Lists archived records.
///
/// # Errors
/// [`HttpError::Parameter`] naming a parameter that is unknown or wrong, [`HttpError::NotAllowed`].
pub async fn list(
    State(app): State<App>,
    RawQuery(raw): RawQuery,
    caller: Caller,
    headers: HeaderMap,
) -> Result<Response, HttpError> {
    let known: Vec<&str> = COMMON.into_iter().chain(["area", "owner", "due"]).collect();
    let query = Query::read(raw.as_deref(), &known)?;
    let mut owners = organisations_of(&query, "area", "area");
    owners.extend(query.all("owner"));
    let due = query.word("due", &[("true", true), ("false", false)])?;
    answer(app, query, caller, headers, move |app, _, view, asker| {
        let mut found = rows(app, view, &owners, asker)?;
        found.retain(|row| due.is_none_or(|due| due == row.due));
        Ok(found)
    })
    .await
}

/// The archived records of some owners that somebody may see; the longest due first.
///
/// # Errors
/// [`HttpError`] when the log cannot be read; [`HttpError::NotAllowed`] for somebody who may see none.
pub fn rows(app: &App, view: View, owners: &[String], asker: &Asker) -> Result<Vec<Archived>, HttpError> {
    let today = view.as_at.london_date();
    let mut rows: Vec<Archived> = streams(app.store.reader(), view)?
        .iter()
        .filter_map(|(nominal, facts)| one(nominal, facts, today))
        .collect();
    let hidden = asker.hidden(app)?;
    rows.retain(|row| !hidden.is(&row.nominal));
    let placed = BTreeMap::new();
    rows.retain(|row| lies_under(row.owner.as_deref().unwrap_or_default(), owners, &placed));
    asker.keep(Right::SeeRetention, &mut rows, |row| (row.owner.clone().unwrap_or_default(), None))?;
    rows.sort_by(|one, other| (one.review_due_on, &one.nominal).cmp(&(other.review_due_on, &other.nominal)));
    Ok(rows)
}

/// The facts of each record at a moment, in order; those of a nominal merged into another count as the other's.
fn streams(log: &Reader, view: View) -> Result<BTreeMap<Box<str>, Vec<Fact>>, HttpError> {
    let (mut facts, mut annulments) = (Vec::new(), Annulments::default());
    let mut after = Position::START;
    let head = log.head()?.position;
    while after < head {
        let page = log.read_types(TYPES, after, MAX_READ)?;
        for event in page.events {
            let fact = event.into_fact();
            if fact.recorded_or_time() > view.known_at {
                continue;
            }
            annulments.note(&fact);
            if fact.kind != FactType::FactAnnulled && fact.time <= view.as_at {
                facts.push(fact);
            }
        }
        if page.searched_to <= after {
            break;
        }
        after = page.searched_to;
    }
    facts.retain(|fact| !annulments.holds_for(fact));
    facts.sort_by_key(|fact| fact.time);
    let merged: BTreeMap<Box<str>, Box<str>> = facts
        .iter()
        .filter(|fact| fact.kind == FactType::NominalMerged)
        .filter_map(|fact| Some((fact.subject.clone(), fact.text(Field::Into)?.into())))
        .collect();
    let mut streams: BTreeMap<Box<str>, Vec<Fact>> = BTreeMap::new();
    for fact in facts {
        streams.entry(survivor(&fact.subject, &merged)).or_default().push(fact);
    }
    Ok(streams)
}

fn survivor(nominal: &str, merged: &BTreeMap<Box<str>, Box<str>>) -> Box<str> {
    let (mut at, mut seen) = (nominal, BTreeSet::new());
    while let Some(into) = merged.get(at)
        && seen.insert(at)
    {
        at = into;
    }
    at.into()
}

fn one(nominal: &str, facts: &[Fact], today: Date) -> Option<Archived> {
    let mut row = Archived { nominal: nominal.to_owned(), ..Archived::default() };
    for fact in facts {
        let on = Some(fact.effective_on());
        match fact.kind {
            FactType::RecordCreated => {
                row = Archived {
                    owner: fact.text(Field::Owner).map(str::to_owned),
                    nominal: row.nominal,
                    ..Archived::default()
                };
            }
            FactType::RecordTransferred => row.owner = fact.text(Field::To).map(str::to_owned),
            FactType::RecordArchived if row.archived_on.is_none() => {
                (row.archived_on, row.reviewed_on, row.reviews, row.decision) = (on, None, 0, None);
            }
            FactType::RecordUnarchived | FactType::RecordDeleted => row.archived_on = None,
            FactType::RetentionReviewed => {
                (row.reviewed_on, row.reviews) = (on, row.reviews + 1);
                row.decision = fact.text(Field::Decision).map(str::to_owned);
            }
            _ => {}
        }
    }
    let since = row.reviewed_on.max(row.archived_on).filter(|_| row.archived_on.is_some())?;
    let due_on = since.plus_months(REVIEW_MONTHS);
    row.review_due_on = Some(due_on);
    row.due = due_on < today || row.decision.as_deref() == Some("delete");
    Some(row)
}
