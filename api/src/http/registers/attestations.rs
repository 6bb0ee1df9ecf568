//! `GET /v1/attestations`: what only an attestation can show, by organisation and period; without one it is *not
//! evidenced*, which is neither met nor missed.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use axum::extract::{RawQuery, State};
use axum::http::HeaderMap;
use axum::response::Response;
use mandate_domain::catalogue::{FactType, Field, SubjectKind};
use mandate_domain::fact::{Fact, Value};
use mandate_domain::policy::coverage::{Coverage, Covering, Period};
use mandate_domain::rights::Right;
use mandate_domain::time::Date;
use serde::Serialize;

use super::asker::Asker;
use super::told::{ORGANISATIONS, Seen, lies_under};
use super::{COMMON, Row, answer, cell};
use crate::http::app::App;
use crate::http::caller::Caller;
use crate::http::error::HttpError;
use crate::http::query::Query;

static COVERAGE: LazyLock<Result<Coverage, String>> =
    LazyLock::new(|| Coverage::shipped().map_err(|error| error.to_string()));

/// Most periods of one list.
const MOST_PERIODS: usize = 120;

/// The table of what covers each paragraph.
///
/// # Errors
/// [`HttpError::Failed`] never in a released build: a test loads it.
pub fn coverage() -> Result<&'static Coverage, HttpError> {
    COVERAGE.as_ref().map_err(|error| HttpError::Failed(error.clone()))
}

/// What was attested of a period.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It was met.
    Met,
    /// It was not.
    NotMet,
    /// They are on the way.
    WorkingTowards,
    /// Nothing was attested.
    NotEvidenced,
}

/// The outcomes, by the words of the filter.
pub const OUTCOMES: [(&str, Outcome); 4] = [
    ("met", Outcome::Met),
    ("not_met", Outcome::NotMet),
    ("working_towards", Outcome::WorkingTowards),
    ("not_evidenced", Outcome::NotEvidenced),
];

impl Outcome {
    /// The word of the filter.
    #[must_use]
    pub fn name(self) -> &'static str {
        OUTCOMES.iter().find(|(_, outcome)| *outcome == self).map_or("", |(name, _)| name)
    }
}

/// A paragraph, an organisation and a period.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Attestation {
    /// The paragraph.
    pub paragraph: String,
    /// What attests it: `requirement.attested`, a plan or a return.
    pub by: &'static str,
    /// Whose.
    pub organisation: String,
    /// The first day of the period.
    pub from: Date,
    /// Its last day.
    pub to: Date,
    /// What was attested.
    pub outcome: Outcome,
    /// When.
    pub attested_on: Option<Date>,
    /// How many passed of how many looked at.
    pub sample: Option<String>,
}

impl Row for Attestation {
    const NAME: &'static str = "attestations";
    const COLUMNS: &'static [&'static str] =
        &["paragraph", "by", "organisation", "from", "to", "outcome", "attested_on", "sample"];

    fn cells(&self) -> Vec<String> {
        vec![
            self.paragraph.clone(),
            self.by.to_owned(),
            self.organisation.clone(),
            self.from.to_string(),
            self.to.to_string(),
            self.outcome.name().to_owned(),
            cell(self.attested_on.as_ref()),
            cell(self.sample.as_ref()),
        ]
    }
}

/// Which attestations.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Of these organisations and what lies under them.
    pub orgs: Vec<String>,
    /// Of these paragraphs.
    pub paragraphs: Vec<String>,
    /// With that outcome.
    pub outcome: Option<Outcome>,
    /// The first day of the periods; a year before the last where none is named.
    pub from: Option<Date>,
    /// The last day of the periods; today where none is named.
    pub to: Option<Date>,
}

/// The parameters of its own.
pub const FILTERS: [&str; 5] = ["org", "paragraph", "outcome", "from", "to"];

impl Filter {
    /// The filter that the parameters ask for.
    ///
    /// # Errors
    /// [`HttpError::Parameter`] naming the one that is wrong.
    pub fn of(query: &Query) -> Result<Self, HttpError> {
        let (from, to) = (query.date("from")?, query.date("to")?);
        if let (Some(from), Some(to)) = (from, to)
            && to < from
        {
            return Err(HttpError::parameter("to", format!("`{to}` is before `from`, {from}")));
        }
        Ok(Self {
            orgs: query.all("org"),
            paragraphs: query.all("paragraph"),
            outcome: query.word("outcome", &OUTCOMES)?,
            from,
            to,
        })
    }
}

/// Lists attestations.
///
/// # Errors
/// [`HttpError::Parameter`] naming a parameter that is unknown or wrong, [`HttpError::NotAllowed`].
pub async fn list(
    State(app): State<App>,
    RawQuery(raw): RawQuery,
    caller: Caller,
    headers: HeaderMap,
) -> Result<Response, HttpError> {
    let known: Vec<&str> = COMMON.into_iter().chain(FILTERS).collect();
    let query = Query::read(raw.as_deref(), &known)?;
    let filter = Filter::of(&query)?;
    answer(app, query, caller, headers, move |app, _, view, asker| {
        rows(&app.registered().at(app.store.reader(), view)?, &filter, asker)
    })
    .await
}

/// Each paragraph that only an attestation shows × organisation × period that is over, and whatever else was attested.
///
/// # Policy
/// Section 4 is asked of areas, 5.2 and 5.10 of prison groups, the rest of section 5 of prisons, section 6 of areas and prisons,
/// once they are enrolled. An attestation counts for a period that it covers, or that it lies in; the latest wins.
///
/// # Errors
/// [`HttpError::NotAllowed`] for somebody who may see none; [`HttpError::Parameter`] for too long a time.
pub fn rows(seen: &Seen<'_>, filter: &Filter, asker: &Asker) -> Result<Vec<Attestation>, HttpError> {
    let today = seen.view.as_at.london_date();
    let to = filter.to.unwrap_or(today);
    let from = filter.from.unwrap_or_else(|| to.plus_months(-12).next());
    let placed = seen.placed();
    let mut rows = Vec::new();
    for kind in ORGANISATIONS {
        for org in seen.subjects(kind).filter(|org| lies_under(org, &filter.orgs, &placed)) {
            let told = Attested::of(seen, org);
            for (paragraph, period, by) in asked()? {
                if !filter.paragraphs.is_empty() && !filter.paragraphs.iter().any(|one| one == paragraph) {
                    continue;
                }
                let asked = is_asked_of(paragraph, kind);
                // A plan or a return says nothing of a paragraph that is not theirs.
                if !asked && by != FactType::RequirementAttested {
                    continue;
                }
                let expected = told.enrolled_on.filter(|_| asked);
                let periods = periods(period, from, to)?;
                rows.extend(periods.into_iter().filter_map(|period| {
                    told.row(
                        paragraph,
                        by,
                        org,
                        period,
                        expected.filter(|on| *on <= period.1 && period.1 < today),
                    )
                }));
            }
        }
    }
    asker.keep(Right::SeeRegisters, &mut rows, |row| (row.organisation.clone(), None))?;
    rows.retain(|row| filter.outcome.is_none_or(|outcome| outcome == row.outcome));
    Ok(rows)
}

/// The paragraphs that are attested, how often, and by which fact.
fn asked() -> Result<Vec<(&'static str, Period, FactType)>, HttpError> {
    let paragraphs = coverage()?.paragraphs.iter();
    let all = paragraphs.flat_map(|covered| {
        covered.by.iter().filter_map(|by| match by {
            Covering::Attestation(period, kind) => Some((covered.paragraph.as_str(), *period, *kind)),
            _ => None,
        })
    });
    Ok(all.collect())
}

fn is_asked_of(paragraph: &str, kind: SubjectKind) -> bool {
    match paragraph.split('.').next() {
        Some("4") => kind == SubjectKind::Area,
        Some("5") if matches!(paragraph, "5.2" | "5.10") => kind == SubjectKind::PrisonGroup,
        Some("5") => kind == SubjectKind::Prison,
        Some("6") => matches!(kind, SubjectKind::Area | SubjectKind::Prison),
        _ => match paragraph {
            "7 Sufficient numbers" | "7 ViSOR record quality assurance checks" => kind == SubjectKind::Area,
            "7 sufficient numbers of Prison staff" | "7 ViSOR Lead" => kind == SubjectKind::Prison,
            _ => matches!(kind, SubjectKind::Area | SubjectKind::Prison),
        },
    }
}

/// The months, quarters or years that end between two days, both included.
fn periods(period: Period, from: Date, to: Date) -> Result<Vec<(Date, Date)>, HttpError> {
    let months: i32 = match period {
        Period::Monthly => 1,
        Period::Quarterly => 3,
        Period::Yearly => 12,
    };
    let mut start = Date::from_ymd(from.year(), 1, 1).unwrap_or(from);
    let mut found = Vec::new();
    while start <= to {
        let next = start.plus_months(months);
        let end = next.previous();
        if end >= from && end <= to {
            found.push((start, end));
        }
        if found.len() > MOST_PERIODS {
            return Err(HttpError::parameter(
                "from",
                format!("more than {MOST_PERIODS} periods; ask for fewer years"),
            ));
        }
        start = next;
    }
    Ok(found)
}

/// What an organisation attested.
struct Attested<'s> {
    facts: BTreeMap<FactType, Vec<&'s Fact>>,
    enrolled_on: Option<Date>,
}

impl<'s> Attested<'s> {
    fn of(seen: &'s Seen<'_>, org: &str) -> Self {
        let mut told = Self { facts: BTreeMap::new(), enrolled_on: None };
        for fact in seen.of(org) {
            match fact.kind {
                FactType::OrganisationEnrolled => {
                    told.enrolled_on = told.enrolled_on.or(Some(fact.effective_on()));
                }
                FactType::RequirementAttested
                | FactType::ReturnSubmitted
                | FactType::CapacityPlanAttested
                | FactType::ContinuityPlanAttested => told.facts.entry(fact.kind).or_default().push(fact),
                _ => {}
            }
        }
        told
    }

    /// The row of a paragraph and a period: what was attested, or that nothing was where that is expected.
    fn row(
        &self,
        paragraph: &str,
        by: FactType,
        org: &str,
        (from, to): (Date, Date),
        expected: Option<Date>,
    ) -> Option<Attestation> {
        let facts = self.facts.get(&by).map(Vec::as_slice).unwrap_or_default();
        let found = facts.iter().rev().find(|fact| attests(fact, paragraph, from, to));
        let outcome = match found {
            Some(fact) => outcome(fact),
            None => Outcome::NotEvidenced,
        };
        if found.is_none() && expected.is_none() {
            return None;
        }
        Some(Attestation {
            paragraph: paragraph.to_owned(),
            by: by.name(),
            organisation: org.to_owned(),
            from,
            to,
            outcome,
            attested_on: found.map(|fact| fact.effective_on()),
            sample: found.and_then(|fact| sample(fact)),
        })
    }
}

/// Whether a fact attests a paragraph for a period.
fn attests(fact: &Fact, paragraph: &str, from: Date, to: Date) -> bool {
    if fact.kind == FactType::RequirementAttested {
        let (Some(first), Some(last)) = (fact.date(Field::PeriodFrom), fact.date(Field::PeriodTo)) else {
            return false;
        };
        let within = from <= first && last <= to;
        let covers = first <= from && to <= last;
        return fact.text(Field::Paragraph) == Some(paragraph) && (within || covers);
    }
    // A return names its month; a plan is attested within the period.
    match fact.text(Field::Period) {
        Some(period) if fact.kind == FactType::ReturnSubmitted => from.to_string().starts_with(period),
        _ => from <= fact.effective_on() && fact.effective_on() <= to,
    }
}

fn outcome(fact: &Fact) -> Outcome {
    match (fact.kind, fact.text(Field::Outcome)) {
        (FactType::RequirementAttested, Some("not_met")) => Outcome::NotMet,
        (FactType::RequirementAttested, Some("working_towards")) => Outcome::WorkingTowards,
        _ => Outcome::Met,
    }
}

fn sample(fact: &Fact) -> Option<String> {
    match fact.get(Field::Sample)? {
        Value::Sample(size, passed) => Some(format!("{passed}/{size}")),
        _ => None,
    }
}
