//! `GET /v1/audits`: the schedule of audits and of the user group, and samples with the seed from which they were drawn.

use std::collections::BTreeMap;

use axum::extract::{RawQuery, State};
use axum::http::HeaderMap;
use axum::response::Response;
use mandate_domain::catalogue::{FactType, Field, SubjectKind};
use mandate_domain::rights::Right;
use mandate_domain::time::Date;
use serde::Serialize;

use super::asker::Asker;
use super::told::{Seen, lies_under};
use super::{COMMON, Row, answer, cell};
use crate::http::app::App;
use crate::http::caller::Caller;
use crate::http::error::HttpError;
use crate::http::query::Query;

/// What is held again and again, and the rule that says when.
const SCHEDULE: [(&str, &str); 3] =
    [("minimum-dataset", "4.16.dataset"), ("log-on", "4.16.logon"), ("regional-user-group", "4.16.rug")];

/// The audits, by the words of the filter.
pub const AUDITS: [(&str, &str); 4] = [
    ("minimum-dataset", "minimum-dataset"),
    ("log-on", "log-on"),
    ("sample", "sample"),
    ("regional-user-group", "regional-user-group"),
];

/// How something of the schedule stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stands {
    /// It is to be held by a day to come.
    Due,
    /// That day is past.
    Overdue,
    /// It was held.
    Held,
    /// A sample was drawn, and the audit is not completed.
    Drawn,
    /// Nothing asks for it.
    #[default]
    NotAsked,
}

impl Stands {
    /// In words.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Due => "due",
            Self::Overdue => "overdue",
            Self::Held => "held",
            Self::Drawn => "drawn",
            Self::NotAsked => "not asked for",
        }
    }
}

/// An audit of an organisation: its schedule, or one sample.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Audit {
    /// Whose.
    pub organisation: String,
    /// `minimum-dataset`, `log-on`, `sample` or `regional-user-group`.
    pub audit: String,
    /// How it stands.
    pub status: Stands,
    /// When it was last held.
    pub last_on: Option<Date>,
    /// How often it was held.
    pub held: usize,
    /// By when it is to be held next.
    pub next_due_on: Option<Date>,
    /// Whether that number is the policy's or a local target.
    pub basis: Option<String>,
    /// The duty that says so.
    pub duty: Option<String>,
    /// When the sample was drawn.
    pub drawn_on: Option<Date>,
    /// From which seed.
    pub seed: Option<String>,
    /// How many were drawn.
    pub size: Option<i64>,
    /// Digest of the list from which they were drawn.
    pub list_sha256: Option<String>,
}

impl Row for Audit {
    const NAME: &'static str = "audits";
    const COLUMNS: &'static [&'static str] = &[
        "organisation",
        "audit",
        "status",
        "last_on",
        "held",
        "next_due_on",
        "basis",
        "duty",
        "drawn_on",
        "seed",
        "size",
        "list_sha256",
    ];

    fn cells(&self) -> Vec<String> {
        vec![
            self.organisation.clone(),
            self.audit.clone(),
            self.status.words().to_owned(),
            cell(self.last_on.as_ref()),
            self.held.to_string(),
            cell(self.next_due_on.as_ref()),
            cell(self.basis.as_ref()),
            cell(self.duty.as_ref()),
            cell(self.drawn_on.as_ref()),
            cell(self.seed.as_ref()),
            cell(self.size.as_ref()),
            cell(self.list_sha256.as_ref()),
        ]
    }
}

/// Lists audits.
///
/// # Errors
/// [`HttpError::Parameter`] naming a parameter that is unknown or wrong, [`HttpError::NotAllowed`].
pub async fn list(
    State(app): State<App>,
    RawQuery(raw): RawQuery,
    caller: Caller,
    headers: HeaderMap,
) -> Result<Response, HttpError> {
    let known: Vec<&str> = COMMON.into_iter().chain(["org", "audit", "overdue"]).collect();
    let query = Query::read(raw.as_deref(), &known)?;
    let (orgs, audit) = (query.all("org"), query.word("audit", &AUDITS)?);
    let overdue = query.word("overdue", &[("true", true), ("false", false)])?;
    answer(app, query, caller, headers, move |app, _, view, asker| {
        let mut found = rows(app, &app.registered().at(app.store.reader(), view)?, &orgs, asker)?;
        found.retain(|row| {
            audit.is_none_or(|audit| row.audit == audit)
                && overdue.is_none_or(|overdue| overdue == (row.status == Stands::Overdue))
        });
        Ok(found)
    })
    .await
}

/// The audits of organisations under some that somebody may see.
///
/// # Errors
/// [`HttpError`] when duties cannot be judged; [`HttpError::NotAllowed`] for somebody who may see none.
pub fn rows(app: &App, seen: &Seen<'_>, orgs: &[String], asker: &Asker) -> Result<Vec<Audit>, HttpError> {
    let placed = seen.placed();
    let mut rows = Vec::new();
    for kind in [SubjectKind::Area, SubjectKind::PrisonGroup, SubjectKind::Prison] {
        for org in seen.subjects(kind).filter(|org| lies_under(org, orgs, &placed)) {
            rows.extend(of(app, seen, org)?);
        }
    }
    asker.keep(Right::SeeRegisters, &mut rows, |row| (row.organisation.clone(), None))?;
    Ok(rows)
}

fn of(app: &App, seen: &Seen<'_>, org: &str) -> Result<Vec<Audit>, HttpError> {
    let mut scheduled: BTreeMap<&str, Audit> = BTreeMap::new();
    let mut samples: Vec<Audit> = Vec::new();
    let new =
        |audit: &str| Audit { organisation: org.to_owned(), audit: audit.to_owned(), ..Audit::default() };
    for fact in seen.of(org) {
        let on = fact.effective_on();
        let kind = match fact.kind {
            FactType::AuditCompleted => fact.text(Field::Kind).unwrap_or_default(),
            FactType::RugAttended => "regional-user-group",
            FactType::AuditSampleDrawn => {
                samples.push(Audit {
                    status: Stands::Drawn,
                    drawn_on: Some(on),
                    seed: fact.text(Field::Seed).map(str::to_owned),
                    size: fact.number(Field::Size),
                    list_sha256: fact.text(Field::Sha256).map(str::to_owned),
                    ..new(fact.text(Field::Kind).unwrap_or_default())
                });
                continue;
            }
            _ => continue,
        };
        let drawn = samples.iter_mut().rev().find(|one| one.status == Stands::Drawn && one.audit == kind);
        if let Some(drawn) = drawn {
            (drawn.status, drawn.last_on, drawn.held) = (Stands::Held, Some(on), 1);
        }
        if let Some((name, _)) = AUDITS.iter().find(|(name, _)| *name == kind) {
            let row = scheduled.entry(name).or_insert_with(|| new(name));
            (row.last_on, row.held, row.status) = (Some(on), row.held + 1, Stands::Held);
        }
    }
    for duty in app.projections.duties_at(org, seen.view)? {
        let Some((name, _)) = SCHEDULE.iter().find(|(_, rule)| *rule == duty.rule) else { continue };
        let status = match duty.outcome.as_str() {
            "pending" => Stands::Due,
            "overdue" => Stands::Overdue,
            _ => continue,
        };
        let row = scheduled.entry(name).or_insert_with(|| new(name));
        (row.status, row.next_due_on) = (status, duty.due_on);
        (row.basis, row.duty) = (Some(duty.basis.clone()), Some(duty.short_reference()));
    }
    Ok(scheduled.into_values().chain(samples).collect())
}
