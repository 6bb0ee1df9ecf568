//! `GET /v1/organisations`: posts filled or vacant, programmes, enrolment, user group, audits, plans, terminals.

use std::collections::{BTreeMap, BTreeSet};

use axum::extract::{RawQuery, State};
use axum::http::HeaderMap;
use axum::response::Response;
use mandate_domain::catalogue::{FactType, Field, SubjectKind};
use mandate_domain::rights::Right;
use mandate_domain::time::Date;
use serde::Serialize;

use super::asker::Asker;
use super::people::{Expiry, enabled, person, posts_of};
use super::told::{ORGANISATIONS, Seen, lies_under};
use super::{COMMON, Row, answer, cell};
use crate::http::app::App;
use crate::http::caller::Caller;
use crate::http::error::HttpError;
use crate::http::query::Query;

/// The kinds of organisation, by the words of the filter.
pub const KINDS: [(&str, SubjectKind); 5] = [
    ("region", SubjectKind::Region),
    ("area", SubjectKind::Area),
    ("unit", SubjectKind::Unit),
    ("prison-group", SubjectKind::PrisonGroup),
    ("prison", SubjectKind::Prison),
];

/// How a post stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// Somebody with the vetting that it takes holds it.
    Filled,
    /// Nobody with that vetting does.
    UnderVetted,
    /// Nobody holds it.
    Vacant,
}

impl Standing {
    /// In words.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Filled => "filled",
            Self::UnderVetted => "filled without the vetting it takes",
            Self::Vacant => "vacant",
        }
    }
}

/// A post of an organisation.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Post {
    /// Which.
    pub post: String,
    /// Whether the framework asks for it (4.8, 5.4, 5.5).
    pub required: bool,
    /// How it stands.
    pub status: Standing,
    /// How many hold it.
    pub holders: usize,
    /// Who holds it; none named to whoever may see no person there.
    pub users: Vec<String>,
}

/// A programme that is on.
#[derive(Debug, Clone, Serialize)]
pub struct Programme {
    /// Which.
    pub programme: String,
    /// Since when.
    pub since: Date,
}

/// An organisation.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Organisation {
    /// Full id.
    pub organisation: String,
    /// Its kind.
    pub kind: String,
    /// What it lies under.
    pub parent: Option<String>,
    /// When it was enrolled.
    pub enrolled_on: Option<Date>,
    /// Posts that it must have or has.
    pub posts: Vec<Post>,
    /// Programmes that are on.
    pub programmes: Vec<Programme>,
    /// When somebody last went to the regional user group.
    pub rug_attended_on: Option<Date>,
    /// The last audit of the minimum dataset.
    pub dataset_audit_on: Option<Date>,
    /// The last audit of log-ons.
    pub log_on_audit_on: Option<Date>,
    /// When the capacity plan was last attested.
    pub capacity_plan_on: Option<Date>,
    /// When the continuity plan was last attested.
    pub continuity_plan_on: Option<Date>,
    /// The period of the last return.
    pub last_return: Option<String>,
    /// Users with an enabled account who belong to it.
    pub enabled_users: usize,
    /// Terminals that stand there.
    pub terminals: usize,
    /// Those of them that are approved.
    pub approved_terminals: usize,
}

impl Row for Organisation {
    const NAME: &'static str = "organisations";
    const COLUMNS: &'static [&'static str] = &[
        "organisation",
        "kind",
        "parent",
        "enrolled_on",
        "posts",
        "programmes",
        "rug_attended_on",
        "dataset_audit_on",
        "log_on_audit_on",
        "capacity_plan_on",
        "continuity_plan_on",
        "last_return",
        "enabled_users",
        "terminals",
        "approved_terminals",
    ];

    fn cells(&self) -> Vec<String> {
        let programme = |one: &Programme| format!("{} since {}", one.programme, one.since);
        vec![
            self.organisation.clone(),
            self.kind.clone(),
            cell(self.parent.as_ref()),
            cell(self.enrolled_on.as_ref()),
            self.posts.iter().map(Post::words).collect::<Vec<_>>().join("; "),
            self.programmes.iter().map(programme).collect::<Vec<_>>().join("; "),
            cell(self.rug_attended_on.as_ref()),
            cell(self.dataset_audit_on.as_ref()),
            cell(self.log_on_audit_on.as_ref()),
            cell(self.capacity_plan_on.as_ref()),
            cell(self.continuity_plan_on.as_ref()),
            cell(self.last_return.as_ref()),
            self.enabled_users.to_string(),
            self.terminals.to_string(),
            self.approved_terminals.to_string(),
        ]
    }
}

impl Post {
    /// As one text.
    #[must_use]
    pub fn words(&self) -> String {
        let status = self.status.words();
        if self.users.is_empty() {
            return format!("{}: {status}", self.post);
        }
        format!("{}: {status} ({})", self.post, self.users.join(", "))
    }

    /// The post that an organisation of a kind must have, and the level of vetting that it takes (4.8, 5.4, 5.5).
    const fn asked_of(kind: SubjectKind) -> Option<(&'static str, i64)> {
        match kind {
            SubjectKind::Area | SubjectKind::PrisonGroup => Some(("cpc", 3)),
            SubjectKind::Unit => Some(("lpc", 2)),
            SubjectKind::Prison => Some(("visor-lead", 2)),
            _ => None,
        }
    }
}

/// Lists organisations.
///
/// # Errors
/// [`HttpError::Parameter`] naming a parameter that is unknown or wrong, [`HttpError::NotAllowed`].
pub async fn list(
    State(app): State<App>,
    RawQuery(raw): RawQuery,
    caller: Caller,
    headers: HeaderMap,
) -> Result<Response, HttpError> {
    let known: Vec<&str> = COMMON.into_iter().chain(["org", "kind"]).collect();
    let query = Query::read(raw.as_deref(), &known)?;
    let (orgs, kind) = (query.all("org"), query.word("kind", &KINDS)?);
    answer(app, query, caller, headers, move |app, _, view, asker| {
        rows(&app.registered().at(app.store.reader(), view)?, &orgs, kind, asker)
    })
    .await
}

/// The organisations under some that somebody may see, regions first.
///
/// # Errors
/// [`HttpError::NotAllowed`] for somebody who may see none.
pub fn rows(
    seen: &Seen<'_>,
    orgs: &[String],
    kind: Option<SubjectKind>,
    asker: &Asker,
) -> Result<Vec<Organisation>, HttpError> {
    let placed = seen.placed();
    let counts = Counts::of(seen);
    let parents: BTreeSet<&str> = placed.values().map(String::as_str).collect();
    let mut rows = Vec::new();
    for own in ORGANISATIONS.into_iter().filter(|own| kind.is_none_or(|kind| kind == *own)) {
        // An organisation of which nothing else is told may be named as what others lie under.
        let told = seen.subjects(own).filter(|org| seen.of(org).next().is_some());
        let named = parents.iter().copied().filter(|org| SubjectKind::of(org) == Some(own));
        let all: BTreeSet<&str> = told.chain(named).collect();
        let under = all.into_iter().filter(|org| lies_under(org, orgs, &placed));
        rows.extend(under.map(|org| one(seen, org, own, &counts, asker)));
    }
    asker.keep(Right::SeeRegisters, &mut rows, |row| (row.organisation.clone(), None))?;
    Ok(rows)
}

/// What others say of organisations.
struct Counts<'s> {
    users: BTreeMap<&'s str, usize>,
    terminals: BTreeMap<String, (usize, usize)>,
}

impl<'s> Counts<'s> {
    fn of(seen: &'s Seen<'_>) -> Self {
        let mut counts = Self { users: enabled(seen), terminals: BTreeMap::new() };
        for terminal in seen.subjects(SubjectKind::Terminal) {
            let (mut org, mut approved) = (None, false);
            for fact in seen.of(terminal) {
                match fact.kind {
                    FactType::TerminalRegistered => org = fact.text(Field::Org),
                    FactType::TerminalApproved => approved = true,
                    FactType::TerminalWithdrawn => approved = false,
                    _ => {}
                }
            }
            if let Some(org) = org {
                let (all, good) = counts.terminals.entry(org.to_owned()).or_default();
                (*all, *good) = (*all + 1, *good + usize::from(approved));
            }
        }
        counts
    }
}

fn one(seen: &Seen<'_>, org: &str, kind: SubjectKind, counts: &Counts<'_>, asker: &Asker) -> Organisation {
    let (terminals, approved_terminals) = counts.terminals.get(org).copied().unwrap_or_default();
    let mut row = Organisation {
        organisation: org.to_owned(),
        kind: kind.name().to_owned(),
        posts: posts(seen, org, kind, asker),
        enabled_users: counts.users.get(org).copied().unwrap_or_default(),
        terminals,
        approved_terminals,
        ..Organisation::default()
    };
    let mut programmes: BTreeMap<String, Date> = BTreeMap::new();
    for fact in seen.of(org) {
        let on = fact.effective_on();
        match fact.kind {
            FactType::OrganisationPlaced => row.parent = fact.text(Field::Parent).map(str::to_owned),
            FactType::OrganisationEnrolled => row.enrolled_on = row.enrolled_on.or(Some(on)),
            FactType::ProgrammeSwitchedOn => {
                programmes.entry(fact.text(Field::Programme).unwrap_or_default().to_owned()).or_insert(on);
            }
            FactType::ProgrammeSwitchedOff => {
                programmes.remove(fact.text(Field::Programme).unwrap_or_default());
            }
            FactType::RugAttended => row.rug_attended_on = Some(on),
            FactType::AuditCompleted => match fact.text(Field::Kind) {
                Some("minimum-dataset") => row.dataset_audit_on = Some(on),
                Some("log-on") => row.log_on_audit_on = Some(on),
                _ => {}
            },
            FactType::CapacityPlanAttested => row.capacity_plan_on = Some(on),
            FactType::ContinuityPlanAttested => row.continuity_plan_on = Some(on),
            FactType::ReturnSubmitted => row.last_return = fact.text(Field::Period).map(str::to_owned),
            _ => {}
        }
    }
    row.programmes =
        programmes.into_iter().map(|(programme, since)| Programme { programme, since }).collect();
    row
}

/// The posts that an organisation must have, and those that it has besides.
fn posts(seen: &Seen<'_>, org: &str, kind: SubjectKind, asker: &Asker) -> Vec<Post> {
    let today = seen.view.as_at.london_date();
    let asked = Post::asked_of(kind);
    let mut held: BTreeMap<String, Vec<String>> = BTreeMap::new();
    held.extend(asked.map(|(post, _)| (post.to_owned(), Vec::new())));
    for (post, user) in posts_of(seen, org) {
        held.entry(post).or_default().push(user);
    }
    let named = asker.may(Right::SeePeople, org, None).is_ok();
    let vetted = |user: &String, level: i64| {
        person(seen, user, today).is_some_and(|user| {
            let in_date = matches!(user.vetting, Expiry::InDate | Expiry::Within(_));
            in_date && user.vetting_level.is_some_and(|held| held >= level)
        })
    };
    held.into_iter()
        .map(|(post, users)| {
            let required = asked.is_some_and(|(asked, _)| asked == post);
            let level = asked.filter(|_| required).map_or(2, |(_, level)| level);
            let status = match users.as_slice() {
                [] => Standing::Vacant,
                users if users.iter().any(|user| vetted(user, level)) => Standing::Filled,
                _ => Standing::UnderVetted,
            };
            Post {
                post,
                required,
                status,
                holders: users.len(),
                users: if named { users } else { Vec::new() },
            }
        })
        .collect()
}
