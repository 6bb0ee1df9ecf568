//! `GET /v1/reports/statistics`: what was done in a period, counted from the log's facts (4.16 n).

use std::collections::{BTreeMap, BTreeSet, HashMap};

use axum::Json;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, HeaderName};
use axum::response::{IntoResponse, Response};
use mandate_domain::catalogue::{FactType, Field, SubjectKind};
use mandate_domain::fact::{Value, repeated};
use mandate_domain::judge::View;
use mandate_domain::time::{Date, Instant};
use mandate_store::{Position, StoredEvent};
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::app::App;
use super::caller::Caller;
use super::compliance::period;
use super::duties::{Format, csv_response};
use super::error::HttpError;
use super::query::Query;
use super::readable::readable;
use super::registers::told::Seen;
use super::sight::Hidden;
use crate::duty_csv::text_row;

/// The parameters of the list.
pub const KNOWN: [&str; 6] = ["org", "from", "to", "asAt", "knownAt", "format"];
/// Places that organisations are followed up to find where they belong.
const PLACES: usize = 8;
/// Depth at which annulments of annulments are no longer followed; there may be a circle.
const ANNULMENT_DEPTH: u8 = 32;
/// The digest of a report written as CSV.
const DIGEST: HeaderName = HeaderName::from_static("x-content-sha256");

/// The facts about records that are read of the log; what users and organisations did is kept at hand.
const TYPES: [FactType; 5] = [
    FactType::FactAnnulled,
    FactType::RecordCreated,
    FactType::RecordArchived,
    FactType::RecordTransferred,
    FactType::PartnersAdded,
];

/// What was done, by one organisation or by all of a report.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Counts {
    records_created: u64,
    records_archived: u64,
    records_transferred_in: u64,
    records_transferred_out: u64,
    partners_added: u64,
    accounts_enabled: u64,
    accounts_disabled: u64,
    accounts_archived: u64,
    log_ons: u64,
    audits_held: u64,
}

impl Counts {
    const fn numbers(&self) -> [u64; 10] {
        [
            self.records_created,
            self.records_archived,
            self.records_transferred_in,
            self.records_transferred_out,
            self.partners_added,
            self.accounts_enabled,
            self.accounts_disabled,
            self.accounts_archived,
            self.log_ons,
            self.audits_held,
        ]
    }
}

const COLUMNS: [&str; 11] = [
    "organisation",
    "recordsCreated",
    "recordsArchived",
    "recordsTransferredIn",
    "recordsTransferredOut",
    "partnersAdded",
    "accountsEnabled",
    "accountsDisabled",
    "accountsArchived",
    "logOns",
    "auditsHeld",
];

#[derive(Debug, Serialize)]
struct Row {
    organisation: String,
    #[serde(flatten)]
    counts: Counts,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Statistics {
    org: String,
    from: String,
    to: String,
    as_at: Instant,
    known_at: Instant,
    /// The last event of the log that may count.
    position: Position,
    /// Events that cannot be decoded, of the types counted and of those that registers are made of.
    unreadable: u64,
    rows: Vec<Row>,
    total: Counts,
    /// Digest of the report as CSV, to be recorded with who was given it (`provide-report`).
    sha256: String,
}

/// Counts what was done.
///
/// # Errors
/// [`HttpError::Parameter`] naming a parameter that is unknown or wrong.
pub async fn statistics(
    State(app): State<App>,
    RawQuery(raw): RawQuery,
    caller: Caller,
    headers: HeaderMap,
) -> Result<Response, HttpError> {
    let query = Query::read(raw.as_deref(), &KNOWN)?;
    let org = query.one("org")?.unwrap_or_default().to_owned();
    let kind = SubjectKind::of(&org);
    if !kind.is_some_and(|kind| ORGANISATIONS.contains(&kind)) {
        let reason =
            format!("`{}`: expected an organisation such as area/A07 or prison-group/G1", repeated(&org));
        return Err(HttpError::parameter("org", reason));
    }
    let period = period(&query)?;
    let view = query.view(app.now())?;
    let format = Format::asked(&query, &headers)?;
    let work = move |app: &App| {
        let hidden = Hidden::to(app, &caller)?;
        let (statistics, csv) = counted(app, org, period, view, &hidden)?;
        Ok(match format {
            Format::Json => Json(statistics).into_response(),
            Format::Csv => {
                let mut answer = csv_response("statistics.csv", csv);
                if let Ok(digest) = statistics.sha256.parse() {
                    answer.headers_mut().insert(DIGEST, digest);
                }
                answer
            }
        })
    };
    app.judging(work).await
}

/// What is done in an organisation in a period: its name and the counts, in the order of the CSV; the total comes
/// last.
///
/// # Errors
/// [`HttpError`] when the log cannot be read.
pub fn rows(
    app: &App,
    org: &str,
    period: (Date, Date),
    view: View,
    hidden: &Hidden,
) -> Result<Vec<(String, [u64; 10])>, HttpError> {
    let (statistics, _) = counted(app, org.to_owned(), period, view, hidden)?;
    let rows = statistics.rows.iter().map(|row| (row.organisation.clone(), row.counts.numbers()));
    Ok(rows.chain([("total".to_owned(), statistics.total.numbers())]).collect())
}

const ORGANISATIONS: [SubjectKind; 5] = [
    SubjectKind::Region,
    SubjectKind::Area,
    SubjectKind::Unit,
    SubjectKind::PrisonGroup,
    SubjectKind::Prison,
];

fn counted(
    app: &App,
    org: String,
    (from, to): (Date, Date),
    view: View,
    hidden: &Hidden,
) -> Result<(Statistics, Vec<u8>), HttpError> {
    let position = app.store.reader().head()?.position;
    let mut told = Told::read(app, view)?;
    told.facts.retain(|(fact, _)| !hidden.is(&fact.subject));
    let placed = app.projections.placements(view)?;
    let belongs = |own: &str| {
        let mut at = own;
        for _ in 0..PLACES {
            if at == org {
                return true;
            }
            match placed.get(at) {
                Some(parent) => at = parent,
                None => return false,
            }
        }
        false
    };
    let mut by_org: BTreeMap<String, Counts> = BTreeMap::new();
    let mut total = Counts::default();
    let mut add = |own: &str, count: What| {
        if belongs(own) {
            count(by_org.entry(own.to_owned()).or_default());
            count(&mut total);
        }
    };
    told.each(from.start(), to.end(), &mut add);
    let seen = app.registered().at(app.store.reader(), view)?;
    done_by_users(&seen, from.start(), to.end(), &mut add);
    audits_held(&seen, from.start(), to.end(), &mut add);
    told.unreadable.extend(seen.unreadable());
    drop(seen);
    let rows: Vec<Row> =
        by_org.into_iter().map(|(organisation, counts)| Row { organisation, counts }).collect();
    let csv = csv(&rows, &total);
    let sha256 = Sha256::digest(&csv).iter().map(|byte| format!("{byte:02x}")).collect();
    let statistics = Statistics {
        org,
        from: from.to_string(),
        to: to.to_string(),
        as_at: view.as_at,
        known_at: view.known_at,
        position,
        unreadable: told.unreadable.len() as u64,
        rows,
        total,
        sha256,
    };
    Ok((statistics, csv))
}

/// One line for each organisation, then their sum.
fn csv(rows: &[Row], total: &Counts) -> Vec<u8> {
    let mut bytes = text_row(&COLUMNS.map(str::to_owned));
    let named = rows.iter().map(|row| (row.organisation.as_str(), &row.counts));
    for (organisation, counts) in named.chain([("total", total)]) {
        let numbers = counts.numbers();
        let cells: Vec<String> = std::iter::once(organisation.to_owned())
            .chain(numbers.map(|number| number.to_string()))
            .collect();
        bytes.extend(text_row(&cells));
    }
    bytes
}

/// What is counted.
type What = fn(&mut Counts);
/// Takes in for whom something counts.
type To<'t> = &'t mut dyn FnMut(&str, What);

/// A fact that counts, or says to whom others do.
#[derive(Debug)]
struct Counted {
    kind: FactType,
    time: Instant,
    position: Position,
    subject: Box<str>,
    /// The organisation that it names.
    org: Option<Box<str>>,
}

type Id = (Box<str>, Box<str>);

/// The facts visible at a view.
#[derive(Debug, Default)]
struct Told {
    facts: Vec<(Counted, Id)>,
    /// The annulments known at the view, by what they annul.
    annulments: HashMap<Id, Vec<Id>>,
    /// Events that cannot be decoded.
    unreadable: BTreeSet<Position>,
}

impl Told {
    fn read(app: &App, view: View) -> Result<Self, HttpError> {
        let mut told = Self::default();
        let reader = app.store.reader();
        let mut after = Position::START;
        loop {
            let page = readable(reader, &TYPES, after)?;
            let done = page.searched_to <= after;
            told.unreadable.extend(page.unreadable);
            page.events.into_iter().for_each(|event| told.add(event, view));
            if done {
                break;
            }
            after = page.searched_to;
        }
        told.facts.sort_by_key(|(fact, _)| (fact.time, fact.position));
        Ok(told)
    }

    fn add(&mut self, event: StoredEvent, view: View) {
        if event.known_at() > view.known_at {
            return;
        }
        let (position, fact) = (event.position, event.into_fact());
        let id = (fact.source.clone(), fact.id.clone());
        if fact.kind == FactType::FactAnnulled {
            if let Some(Value::Event(named)) = fact.get(Field::Event) {
                self.annulments.entry((**named).clone()).or_default().push(id);
            }
            return;
        }
        if fact.time > view.as_at {
            return;
        }
        let org = match fact.kind {
            FactType::RecordCreated => fact.text(Field::Owner),
            FactType::RecordTransferred => fact.text(Field::To),
            _ => fact.text(Field::Org),
        };
        let org = org.map(Into::into);
        let counted = Counted { kind: fact.kind, time: fact.time, position, subject: fact.subject, org };
        self.facts.push((counted, id));
    }

    fn is_annulled(&self, id: &Id, depth: u8) -> bool {
        depth < ANNULMENT_DEPTH
            && self
                .annulments
                .get(id)
                .is_some_and(|own| own.iter().any(|annulment| !self.is_annulled(annulment, depth + 1)))
    }

    /// Hands over whom each fact of a period counts for, and what it counts as.
    fn each(&self, from: Instant, until: Instant, count: To<'_>) {
        let mut owners: HashMap<&str, &str> = HashMap::new();
        for (fact, _) in self.facts.iter().filter(|(_, id)| !self.is_annulled(id, 0)) {
            let within = fact.time >= from && fact.time < until;
            let mut count = |org: Option<&str>, what: What| {
                if let Some(org) = org.filter(|_| within) {
                    count(org, what);
                }
            };
            let (subject, named) = (&*fact.subject, fact.org.as_deref());
            match fact.kind {
                FactType::RecordCreated => {
                    count(named, |counts| counts.records_created += 1);
                    owners.extend(named.map(|owner| (subject, owner)));
                }
                FactType::RecordTransferred => {
                    count(owners.get(subject).copied(), |counts| counts.records_transferred_out += 1);
                    count(named, |counts| counts.records_transferred_in += 1);
                    owners.extend(named.map(|owner| (subject, owner)));
                }
                FactType::RecordArchived => {
                    count(owners.get(subject).copied(), |counts| counts.records_archived += 1);
                }
                FactType::PartnersAdded => count(named, |counts| counts.partners_added += 1),
                _ => {}
            }
        }
    }
}

/// What was done with accounts in a period, and the log-ons, for the organisation to which each user belonged then.
fn done_by_users(seen: &Seen<'_>, from: Instant, until: Instant, count: To<'_>) {
    const TYPES: &[FactType] = &[
        FactType::UserRegistered,
        FactType::UserMoved,
        FactType::AccountEnabled,
        FactType::AccountDisabled,
        FactType::AccountArchived,
    ];
    let within = |at: &Instant| *at >= from && *at < until;
    for user in seen.subjects(SubjectKind::User) {
        let mut log_ons: Vec<Instant> = seen.log_ons(user).filter(within).collect();
        log_ons.sort_unstable();
        let (mut log_ons, mut org) = (log_ons.into_iter().peekable(), None);
        for fact in seen.of_types(user, TYPES) {
            while log_ons.next_if(|at| *at < fact.time).is_some() {
                if let Some(org) = org {
                    count(org, |counts| counts.log_ons += 1);
                }
            }
            let what: Option<What> = match fact.kind {
                FactType::UserRegistered | FactType::UserMoved => {
                    org = fact.text(Field::Org).or(org);
                    None
                }
                FactType::AccountEnabled => Some(|counts| counts.accounts_enabled += 1),
                FactType::AccountDisabled => Some(|counts| counts.accounts_disabled += 1),
                FactType::AccountArchived => Some(|counts| counts.accounts_archived += 1),
                _ => None,
            };
            if let (Some(org), Some(what)) = (org, what.filter(|_| within(&fact.time))) {
                count(org, what);
            }
        }
        if let Some(org) = org {
            log_ons.for_each(|_| count(org, |counts| counts.log_ons += 1));
        }
    }
}

/// The audits held in a period, each for the organisation that it is of.
fn audits_held(seen: &Seen<'_>, from: Instant, until: Instant, count: To<'_>) {
    for kind in ORGANISATIONS {
        for org in seen.subjects(kind) {
            for fact in seen.of_types(org, &[FactType::AuditCompleted]) {
                if fact.time >= from && fact.time < until {
                    count(org, |counts| counts.audits_held += 1);
                }
            }
        }
    }
}
