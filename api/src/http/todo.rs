//! `GET /v1/todo`: the to-do list of an organisation or a user (framework, section 7; 4.29, 5.15).

use std::collections::{BTreeMap, BTreeSet};

use axum::Json;
use axum::extract::{RawQuery, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use mandate_domain::catalogue::{FactType, Field, SubjectKind};
use mandate_domain::judge::{Outcome, View};
use mandate_domain::policy::Policy;
use mandate_domain::time::{Date, Instant};
use mandate_projections::{DutyFilter, DutyRow, DutySort};
use mandate_store::{MAX_READ, Position, StoredEvent};
use serde::Serialize;

use super::app::App;
use super::caller::Caller;
use super::duties::{Format, csv_response, listed, past_view};
use super::error::HttpError;
use super::query::Query;
use super::registers::asker::Asker;
use super::registers::reach::Reach;
use super::sight::Hidden;
use crate::duty_csv::text_row;

/// The parameters of the list.
pub const KNOWN: [&str; 5] = ["org", "user", "asAt", "knownAt", "format"];
/// Most entries of the work list; those beyond have more time, and are counted.
const MOST: u32 = 1_000;
/// Days for which a transfer that was settled is still shown.
const SETTLED_DAYS: i32 = 30;
/// The paragraph on transfers, letter k.
const TRANSFERS: &str = "4.16";

/// The sections of the list, in its order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
enum Section {
    /// Partner requests that wait for an answer.
    Partnered,
    /// Flagged contacts to be copied or told of.
    ImportantActivity,
    /// Records to be archived.
    ReadyToArchive,
    /// How the transfers of records go on.
    TransferProgress,
    /// Everything that is open.
    WorkList,
}

impl Section {
    const fn name(self) -> &'static str {
        match self {
            Self::Partnered => "partnered",
            Self::ImportantActivity => "importantActivity",
            Self::ReadyToArchive => "readyToArchive",
            Self::TransferProgress => "transferProgress",
            Self::WorkList => "workList",
        }
    }

    /// The section of a rule's duties beside the work list, by the facts that open or end them.
    fn of(policy: &Policy, rule: &str, version: u16) -> Option<Self> {
        let rule = policy.rule(rule)?;
        let version = rule.versions.iter().find(|own| own.number == version)?;
        let opens = |kind| version.on.iter().any(|entry| entry.kind == kind);
        let ends = |kind| version.done.iter().any(|entry| entry.kind == kind);
        if opens(FactType::PartnershipRequested) && ends(FactType::PartnersAdded) {
            Some(Self::Partnered)
        } else if opens(FactType::ContactFlagged) {
            Some(Self::ImportantActivity)
        } else if ends(FactType::RecordArchived) {
            Some(Self::ReadyToArchive)
        } else {
            None
        }
    }
}

/// One thing to do or to know.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    section: Section,
    paragraph: String,
    title: String,
    subject: String,
    holder: Option<String>,
    /// The outcome of a duty, or how far a transfer is.
    status: String,
    due_on: Option<String>,
    act_by: Option<String>,
    link: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Todo {
    org: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<String>,
    as_at: Instant,
    known_at: Instant,
    partnered: Vec<Entry>,
    important_activity: Vec<Entry>,
    ready_to_archive: Vec<Entry>,
    transfer_progress: Vec<Entry>,
    work_list: Vec<Entry>,
    /// Open duties beyond those listed.
    more: u64,
}

/// Lists what to do.
///
/// # Errors
/// [`HttpError::Parameter`] naming a parameter that is unknown or wrong.
pub async fn list(
    State(app): State<App>,
    RawQuery(raw): RawQuery,
    caller: Caller,
    headers: HeaderMap,
) -> Result<Response, HttpError> {
    let query = Query::read(raw.as_deref(), &KNOWN)?;
    let whole = |name: &str, prefix: &str| -> Result<Option<String>, HttpError> {
        let id = query.one(name)?;
        Ok(id.map(|id| if id.contains('/') { id.to_owned() } else { format!("{prefix}/{id}") }))
    };
    let (org, user) = (whole("org", "area")?, whole("user", "user")?);
    if org.is_some() == user.is_some() {
        return Err(HttpError::parameter("org", "state either an organisation or a `user`"));
    }
    let (past, view) = (past_view(&query, app.now())?, query.view(app.now())?);
    let format = Format::asked(&query, &headers)?;
    let judged = past.is_some();
    let work = move |app: &App| {
        let hidden = Hidden::to(app, &caller)?;
        let reach = Reach::of(app, &Asker::of(app, &caller)?)?;
        let asked = match (&org, &user) {
            (Some(org), _) => Some(org.clone()),
            (None, Some(user)) if caller.user() != Some(user) => field(app, user, "org", past)?,
            (None, _) => None,
        };
        if let Some(asked) = asked {
            reach.narrow(&mut vec![asked])?;
        }
        let todo = fill(app, org, user, past, view, &hidden)?;
        Ok(match format {
            Format::Json => Json(todo).into_response(),
            Format::Csv => csv_response("todo.csv", todo.csv()),
        })
    };
    if judged { app.judging(work).await } else { app.blocking(work).await }
}

fn fill(
    app: &App,
    org: Option<String>,
    user: Option<String>,
    past: Option<View>,
    view: View,
    hidden: &Hidden,
) -> Result<Todo, HttpError> {
    let org = match (org, &user) {
        (Some(org), _) => org,
        (None, Some(user)) => field(app, user, "org", past)?
            .ok_or_else(|| HttpError::not_found("user with an organisation", user))?,
        (None, None) => String::new(),
    };
    let orgs = with_those_below(app, &org, view)?;
    let (rows, more) = open(app, &org, &orgs, user.as_deref(), past, hidden)?;
    let book = app.book(view.known_at)?;
    let section = |row: &DutyRow| Section::of(&book.policy, &row.record.rule, row.version);
    let of = |wanted: Section| -> Vec<Entry> {
        let own = rows.iter().filter(|row| wanted == Section::WorkList || section(row) == Some(wanted));
        own.map(|row| entry(wanted, row)).collect()
    };
    Ok(Todo {
        partnered: of(Section::Partnered),
        important_activity: of(Section::ImportantActivity),
        ready_to_archive: of(Section::ReadyToArchive),
        transfer_progress: {
            let mut transfers = transfers(app, &orgs, past, view)?;
            transfers.retain(|entry| !hidden.is(&entry.subject));
            transfers
        },
        work_list: of(Section::WorkList),
        as_at: view.as_at,
        known_at: view.known_at,
        org,
        user,
        more,
    })
}

/// An organisation with those that were placed under it.
pub fn with_those_below(app: &App, org: &str, view: View) -> Result<BTreeSet<String>, HttpError> {
    let placed = app.projections.placements(view)?;
    let mut found = BTreeSet::from([org.to_owned()]);
    loop {
        let below = placed.iter().filter(|(own, parent)| found.contains(*parent) && !found.contains(*own));
        let below: Vec<String> = below.map(|(own, _)| own.clone()).collect();
        if below.is_empty() {
            return Ok(found);
        }
        found.extend(below);
    }
}

/// The open duties, by the last working day to act, and how many there are beyond those.
fn open(
    app: &App,
    org: &str,
    orgs: &BTreeSet<String>,
    user: Option<&str>,
    past: Option<View>,
    hidden: &Hidden,
) -> Result<(Vec<DutyRow>, u64), HttpError> {
    let unit = SubjectKind::of(org) == Some(SubjectKind::Unit);
    let mut filters = vec![DutyFilter {
        holders: if unit { Vec::new() } else { orgs.iter().cloned().collect() },
        units: if unit { vec![org.to_owned()] } else { Vec::new() },
        ..DutyFilter::default()
    }];
    filters.extend(user.map(|user| DutyFilter { subject: Some(user.to_owned()), ..DutyFilter::default() }));
    let (mut rows, mut more) = (Vec::new(), 0);
    for filter in filters {
        let outcomes = vec![Outcome::Overdue, Outcome::Pending];
        let filter =
            DutyFilter { outcomes, sort: DutySort::ActBy, size: MOST, except: hidden.subjects(), ..filter };
        let found = listed(app, past, &filter)?;
        more += found.total_elements.saturating_sub(found.content.len() as u64);
        rows.extend(found.content);
    }
    rows.sort_by(|one: &DutyRow, other| {
        let key = |row: &DutyRow| (row.record.act_by.is_none(), row.record.act_by);
        key(one).cmp(&key(other)).then_with(|| one.record.duty.cmp(&other.record.duty))
    });
    rows.dedup_by(|one, other| one.record.duty == other.record.duty);
    Ok((rows, more))
}

fn entry(section: Section, row: &DutyRow) -> Entry {
    let record = &row.record;
    let text = |date: Option<Date>| date.map(|date| date.to_string());
    Entry {
        section,
        paragraph: record.paragraph.clone(),
        title: row.title.clone(),
        subject: record.subject.clone(),
        holder: record.holder.clone(),
        status: record.outcome.clone(),
        due_on: text(record.due_on),
        act_by: text(record.act_by),
        link: format!("/duties/{}", row.reference),
    }
}

/// A field of a subject's state.
fn field(app: &App, subject: &str, name: &str, past: Option<View>) -> Result<Option<String>, HttpError> {
    let found = match past {
        None => app.projections.subject(subject)?.and_then(|row| row.state.get(name).cloned()),
        Some(view) => {
            let state = app.projections.state_at(subject, view)?;
            state.into_iter().find(|(field, _)| field == name).map(|(_, value)| value)
        }
    };
    Ok(found.filter(|value| value.contains('/')))
}

/// How a transfer stands.
struct Transfer {
    nominal: String,
    to: String,
    status: &'static str,
    since: Date,
}

/// Transfers to or from some organisations that wait for an answer, or were settled lately, the longest first.
fn transfers(
    app: &App,
    orgs: &BTreeSet<String>,
    past: Option<View>,
    view: View,
) -> Result<Vec<Entry>, HttpError> {
    let mut found: BTreeMap<(String, String), Transfer> = BTreeMap::new();
    for event in told(app, view)? {
        let fact = &event.fact;
        let Some(request) = fact.text(Field::Request) else { continue };
        let key = (fact.subject.to_string(), request.to_owned());
        let since = fact.time.london_date();
        match (fact.kind, fact.text(Field::To)) {
            (FactType::TransferRequested, Some(to)) => {
                let nominal = fact.subject.to_string();
                found.insert(key, Transfer { nominal, to: to.to_owned(), status: "requested", since });
            }
            (kind, _) => {
                if let Some(transfer) = found.get_mut(&key) {
                    transfer.status = if kind == FactType::TransferAccepted { "accepted" } else { "refused" };
                    transfer.since = since;
                }
            }
        }
    }
    let shown_from = view.as_at.london_date().plus_days(-SETTLED_DAYS);
    let mut shown: Vec<Transfer> = found
        .into_values()
        .filter(|transfer| transfer.status == "requested" || transfer.since >= shown_from)
        .collect();
    shown.sort_by(|one, other| (one.since, &one.nominal).cmp(&(other.since, &other.nominal)));
    let mut entries = Vec::new();
    for transfer in shown {
        let from = field(app, &transfer.nominal, "area", past)?;
        if !orgs.contains(&transfer.to) && !from.as_ref().is_some_and(|from| orgs.contains(from)) {
            continue;
        }
        let Transfer { nominal, to, status, since } = transfer;
        let reference = nominal.split_once('/').map_or("", |(_, reference)| reference);
        entries.push(Entry {
            section: Section::TransferProgress,
            paragraph: TRANSFERS.to_owned(),
            title: format!("Transfer of the record to {to}: {status} on {since}"),
            holder: from,
            status: status.to_owned(),
            due_on: None,
            act_by: None,
            link: format!("/nominals/{reference}"),
            subject: nominal,
        });
    }
    Ok(entries)
}

/// What was told of transfers at a view, by when it occurred.
fn told(app: &App, view: View) -> Result<Vec<StoredEvent>, HttpError> {
    const TYPES: [FactType; 3] =
        [FactType::TransferRequested, FactType::TransferAccepted, FactType::TransferRefused];
    let mut found = Vec::new();
    let mut after = Position::START;
    loop {
        let page = app.store.reader().read_types(&TYPES, after, MAX_READ)?;
        let done = page.searched_to <= after || page.events.is_empty();
        after = page.searched_to;
        let seen = |event: &StoredEvent| event.fact.time <= view.as_at && event.known_at() <= view.known_at;
        found.extend(page.events.into_iter().filter(seen));
        if done {
            found.sort_by_key(|event| (event.fact.time, event.position));
            return Ok(found);
        }
    }
}

impl Todo {
    /// Exactly the entries listed, section by section.
    fn csv(&self) -> Vec<u8> {
        let columns =
            ["section", "paragraph", "title", "subject", "holder", "status", "dueOn", "actBy", "link"];
        let mut bytes = text_row(&columns.map(str::to_owned));
        let sections = [
            &self.partnered,
            &self.important_activity,
            &self.ready_to_archive,
            &self.transfer_progress,
            &self.work_list,
        ];
        for entry in sections.into_iter().flatten() {
            let Entry { paragraph, title, subject, status, link, .. } = entry;
            bytes.extend(text_row(&[
                entry.section.name().to_owned(),
                paragraph.clone(),
                title.clone(),
                subject.clone(),
                entry.holder.clone().unwrap_or_default(),
                status.clone(),
                entry.due_on.clone().unwrap_or_default(),
                entry.act_by.clone().unwrap_or_default(),
                link.clone(),
            ]));
        }
        bytes
    }
}
