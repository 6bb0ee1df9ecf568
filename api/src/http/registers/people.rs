//! `GET /v1/people`: each user on the way vetting → `SyOps` → training → e-learning → account, and what expires.

use std::collections::{BTreeMap, BTreeSet};

use axum::extract::{RawQuery, State};
use axum::http::HeaderMap;
use axum::response::Response;
use mandate_domain::catalogue::{FactType, Field, SubjectKind};
use mandate_domain::fact::Fact;
use mandate_domain::judge::View;
use mandate_domain::rights::Right;
use mandate_domain::time::{Date, Instant};
use mandate_store::Reader;
use serde::{Serialize, Serializer};

use super::asker::Asker;
use super::told::{Registered, Seen, lies_under};
use super::{COMMON, Row, answer, cell, organisations_of};
use crate::http::app::App;
use crate::http::caller::Caller;
use crate::http::compliance::upwards;
use crate::http::error::HttpError;
use crate::http::query::Query;

/// The parameters of its own.
pub const FILTERS: [&str; 6] = ["org", "area", "expiring", "missing", "account", "left"];

/// The days before the end of vetting at which it is flagged.
const FLAGS: [i32; 3] = [30, 60, 90];
/// Roles that do not use `ViSOR` by themselves: nothing is missing of whoever has no account.
const NO_USERS: [&str; 4] = ["smb-member", "governor", "auditor", "other"];

/// A step on the way to an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Missing {
    /// Vetting in date.
    Vetting,
    /// The `SyOps`, signed.
    Syops,
    /// `ViSOR` training.
    Training,
    /// The quality assurance e-learning (probation only).
    Elearning,
    /// An enabled account.
    Account,
}

/// The words of the filter.
pub const MISSING: [(&str, Missing); 5] = [
    ("vetting", Missing::Vetting),
    ("syops", Missing::Syops),
    ("training", Missing::Training),
    ("elearning", Missing::Elearning),
    ("account", Missing::Account),
];

impl Missing {
    /// The word of the filter.
    #[must_use]
    pub fn name(self) -> &'static str {
        MISSING.iter().find(|(_, step)| *step == self).map_or("", |(name, _)| name)
    }
}

/// How vetting stands on a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Expiry {
    /// None was ever cleared.
    #[default]
    Never,
    /// It was withdrawn.
    Withdrawn,
    /// Its last day is past.
    Expired,
    /// It ends within that many days: 30, 60 or 90.
    Within(i32),
    /// It lasts longer.
    InDate,
}

impl Expiry {
    /// In words.
    #[must_use]
    pub fn words(self) -> String {
        match self {
            Self::Never => "none".to_owned(),
            Self::Withdrawn => "withdrawn".to_owned(),
            Self::Expired => "expired".to_owned(),
            Self::Within(days) => format!("within {days} days"),
            Self::InDate => "in date".to_owned(),
        }
    }
}

impl Serialize for Expiry {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.words())
    }
}

/// A post held.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PostHeld {
    /// Where.
    pub organisation: String,
    /// Which.
    pub post: String,
}

/// An exemption.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Exemption {
    /// From what.
    pub kind: String,
    /// Its last day.
    pub until: Date,
    /// The role that granted it.
    pub by_role: String,
}

/// A user.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Person {
    /// Full id.
    pub user: String,
    /// Their organisation.
    pub organisation: String,
    /// The area that it lies in.
    pub area: Option<String>,
    /// Their role.
    pub role: String,
    /// `probation`, `prison` or `police`.
    pub service: String,
    /// The level of vetting cleared last.
    pub vetting_level: Option<i64>,
    /// Its last day.
    pub vetting_expires_on: Option<Date>,
    /// How it stands.
    pub vetting: Expiry,
    /// When the `SyOps` were signed last.
    pub syops_signed_on: Option<Date>,
    /// Documents signed, each with its version.
    pub documents: Vec<String>,
    /// When `ViSOR` training was completed.
    pub trained_on: Option<Date>,
    /// Every course completed.
    pub courses: BTreeSet<String>,
    /// When the e-learning was completed.
    pub elearning_on: Option<Date>,
    /// How far the account is: none, requested, authorised, enabled, disabled, archived.
    pub account: &'static str,
    /// Since when.
    pub account_since: Option<Date>,
    /// Tokens held.
    pub tokens: BTreeSet<String>,
    /// Posts held.
    pub posts: Vec<PostHeld>,
    /// Exemptions that have not ended.
    pub exemptions: Vec<Exemption>,
    /// The last log-on.
    pub last_log_on_at: Option<Instant>,
    /// When they left the role.
    pub left_on: Option<Date>,
    /// When the CPC was told of it.
    pub cpc_informed_on: Option<Date>,
    /// Steps that are missing for an account in use.
    pub missing: Vec<Missing>,
}

impl Row for Person {
    const NAME: &'static str = "people";
    const COLUMNS: &'static [&'static str] = &[
        "user",
        "organisation",
        "area",
        "role",
        "service",
        "vetting_level",
        "vetting_expires_on",
        "vetting",
        "syops_signed_on",
        "documents",
        "trained_on",
        "courses",
        "elearning_on",
        "account",
        "account_since",
        "tokens",
        "posts",
        "exemptions",
        "last_log_on_at",
        "left_on",
        "cpc_informed_on",
        "missing",
    ];

    fn cells(&self) -> Vec<String> {
        let joined = |texts: &BTreeSet<String>| texts.iter().cloned().collect::<Vec<_>>().join("; ");
        vec![
            self.user.clone(),
            self.organisation.clone(),
            cell(self.area.as_ref()),
            self.role.clone(),
            self.service.clone(),
            cell(self.vetting_level.as_ref()),
            cell(self.vetting_expires_on.as_ref()),
            self.vetting.words(),
            cell(self.syops_signed_on.as_ref()),
            self.documents.join("; "),
            cell(self.trained_on.as_ref()),
            joined(&self.courses),
            cell(self.elearning_on.as_ref()),
            self.account.to_owned(),
            cell(self.account_since.as_ref()),
            joined(&self.tokens),
            self.posts_in_words(),
            self.exemptions_in_words(),
            cell(self.last_log_on_at.as_ref()),
            cell(self.left_on.as_ref()),
            cell(self.cpc_informed_on.as_ref()),
            self.missing.iter().map(|step| step.name()).collect::<Vec<_>>().join("; "),
        ]
    }
}

impl Person {
    /// Whether they use `ViSOR` by themselves, or have an account.
    #[must_use]
    pub fn uses_visor(&self) -> bool {
        !NO_USERS.contains(&self.role.as_str()) || self.account == "enabled"
    }

    /// Posts as one text.
    #[must_use]
    pub fn posts_in_words(&self) -> String {
        let post = |held: &PostHeld| format!("{} of {}", held.post, held.organisation);
        self.posts.iter().map(post).collect::<Vec<_>>().join("; ")
    }

    /// Exemptions as one text.
    #[must_use]
    pub fn exemptions_in_words(&self) -> String {
        let exempt = |one: &Exemption| format!("{} until {} ({})", one.kind, one.until, one.by_role);
        self.exemptions.iter().map(exempt).collect::<Vec<_>>().join("; ")
    }
}

/// Which people.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Of these organisations and what lies under them.
    pub orgs: Vec<String>,
    /// Whose vetting is over or ends within so many days.
    pub expiring: Option<i32>,
    /// Of whom that is missing.
    pub missing: Option<Missing>,
    /// Whose account stands so.
    pub account: Option<String>,
    /// Who left the role, or did not.
    pub left: Option<bool>,
}

impl Filter {
    /// The filter that the parameters ask for.
    ///
    /// # Errors
    /// [`HttpError::Parameter`] naming the one that is wrong.
    pub fn of(query: &Query) -> Result<Self, HttpError> {
        let mut orgs = organisations_of(query, "area", "area");
        orgs.extend(query.all("org"));
        Ok(Self {
            orgs,
            expiring: query.word("expiring", &[("0", 0), ("30", 30), ("60", 60), ("90", 90)])?,
            missing: query.word("missing", &MISSING)?,
            account: query.word("account", &ACCOUNTS)?.map(str::to_owned),
            left: query.word("left", &[("true", true), ("false", false)])?,
        })
    }

    fn takes(&self, person: &Person, placed: &BTreeMap<String, String>, today: Date) -> bool {
        let expires = |days: i32| person.vetting_expires_on.is_some_and(|on| on <= today.plus_days(days));
        lies_under(&person.organisation, &self.orgs, placed)
            && self.expiring.is_none_or(|days| person.left_on.is_none() && expires(days))
            && self.missing.is_none_or(|step| person.missing.contains(&step))
            && self.account.as_ref().is_none_or(|account| account == person.account)
            && self.left.is_none_or(|left| left == person.left_on.is_some())
    }
}

/// How far an account may be.
pub const ACCOUNTS: [(&str, &str); 6] = [
    ("none", "none"),
    ("requested", "requested"),
    ("authorised", "authorised"),
    ("enabled", "enabled"),
    ("disabled", "disabled"),
    ("archived", "archived"),
];

/// Lists people.
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

/// The people by a filter that somebody may see, by organisation and id.
///
/// # Errors
/// [`HttpError::NotAllowed`] for somebody who may see nobody.
pub fn rows(seen: &Seen<'_>, filter: &Filter, asker: &Asker) -> Result<Vec<Person>, HttpError> {
    let (placed, posts) = (seen.placed(), posts(seen));
    let today = seen.view.as_at.london_date();
    // A country has many users: who they are is put together of those alone that are asked for.
    let mut belonging = belonging(seen, asker)?;
    belonging.retain(|(_, organisation)| lies_under(organisation, &filter.orgs, &placed));
    let mut people: Vec<Person> = belonging
        .into_iter()
        .filter_map(|(user, _)| person(seen, user, today))
        .map(|mut person| {
            person.area = upwards(&person.organisation, SubjectKind::Area, &placed);
            person.posts = posts.get(&person.user).cloned().unwrap_or_default();
            person
        })
        .collect();
    people.retain(|person| filter.takes(person, &placed, today));
    people.sort_by(|one, other| (&one.organisation, &one.user).cmp(&(&other.organisation, &other.user)));
    Ok(people)
}

/// The organisations of the people that somebody may see.
///
/// # Errors
/// [`HttpError::NotAllowed`] for somebody who may see nobody.
pub fn organisations(seen: &Seen<'_>, asker: &Asker) -> Result<BTreeSet<String>, HttpError> {
    Ok(belonging(seen, asker)?.into_iter().map(|(_, organisation)| organisation.to_owned()).collect())
}

/// The users that somebody may see, each with where they belong.
fn belonging<'s>(seen: &'s Seen<'_>, asker: &Asker) -> Result<Vec<(&'s str, &'s str)>, HttpError> {
    let users = seen.subjects(SubjectKind::User);
    let mut found: Vec<_> = users.filter_map(|user| Some((user, organisation_of(seen, user)?))).collect();
    asker.keep(Right::SeePeople, &mut found, |(user, organisation)| {
        ((*organisation).to_owned(), Some((*user).to_owned()))
    })?;
    Ok(found)
}

/// Where a user belongs; none who was not registered by then.
fn organisation_of<'s>(seen: &'s Seen<'_>, user: &str) -> Option<&'s str> {
    const TYPES: &[FactType] = &[FactType::UserRegistered, FactType::UserMoved];
    seen.of_types(user, TYPES).next_back()?.text(Field::Org).filter(|org| !org.is_empty())
}

/// How many users with an enabled account each organisation has.
#[must_use]
pub fn enabled<'s>(seen: &'s Seen<'_>) -> BTreeMap<&'s str, usize> {
    const TYPES: &[FactType] = &[
        FactType::AccountRequested,
        FactType::AccountAuthorised,
        FactType::AccountEnabled,
        FactType::AccountDisabled,
        FactType::AccountArchived,
    ];
    let mut found = BTreeMap::new();
    for user in seen.subjects(SubjectKind::User) {
        let account = seen.of_types(user, TYPES).next_back().map(|fact| fact.kind);
        if account == Some(FactType::AccountEnabled)
            && let Some(organisation) = organisation_of(seen, user)
        {
            *found.entry(organisation).or_default() += 1;
        }
    }
    found
}

/// The posts of each user.
fn posts(seen: &Seen<'_>) -> BTreeMap<String, Vec<PostHeld>> {
    let mut held: BTreeMap<String, Vec<PostHeld>> = BTreeMap::new();
    for kind in [SubjectKind::Area, SubjectKind::Unit, SubjectKind::PrisonGroup, SubjectKind::Prison] {
        for organisation in seen.subjects(kind) {
            for (post, user) in posts_of(seen, organisation) {
                held.entry(user).or_default().push(PostHeld { organisation: organisation.to_owned(), post });
            }
        }
    }
    held
}

/// The posts of an organisation that are filled, each with who holds it.
#[must_use]
pub fn posts_of(seen: &Seen<'_>, organisation: &str) -> BTreeSet<(String, String)> {
    let mut posts = BTreeSet::new();
    for fact in seen.of(organisation) {
        let post = || Some((fact.text(Field::Post)?.to_owned(), fact.text(Field::User)?.to_owned()));
        match fact.kind {
            FactType::PostFilled => posts.extend(post()),
            FactType::PostVacated => {
                if let Some(post) = post() {
                    posts.remove(&post);
                }
            }
            _ => {}
        }
    }
    posts
}

/// A user on a day; none who was not registered by then.
#[must_use]
pub fn person(seen: &Seen<'_>, user: &str, today: Date) -> Option<Person> {
    let mut person = Person { user: user.to_owned(), account: "none", ..Person::default() };
    let mut withdrawn = false;
    let mut exemptions: BTreeMap<String, Exemption> = BTreeMap::new();
    for fact in seen.of(user) {
        person.take(fact);
        match fact.kind {
            FactType::VettingCleared => withdrawn = false,
            FactType::VettingWithdrawn => withdrawn = person.vetting_level.is_some(),
            FactType::ExemptionGranted => {
                if let Some(one) = exemption(fact) {
                    exemptions.insert(one.kind.clone(), one);
                }
            }
            FactType::ExemptionReviewed if fact.text(Field::Decision) == Some("end") => {
                exemptions.remove(fact.text(Field::Kind).unwrap_or_default());
            }
            _ => {}
        }
    }
    if person.organisation.is_empty() {
        return None;
    }
    person.exemptions = exemptions.into_values().filter(|one| one.until >= today).collect();
    person.vetting = match person.vetting_expires_on {
        None => Expiry::Never,
        Some(_) if withdrawn => Expiry::Withdrawn,
        Some(on) if on < today => Expiry::Expired,
        Some(on) => {
            FLAGS.into_iter().find(|days| on <= today.plus_days(*days)).map_or(Expiry::InDate, Expiry::Within)
        }
    };
    person.last_log_on_at = seen.last_log_on(user);
    person.missing = missing(&person);
    Some(person)
}

fn exemption(fact: &Fact) -> Option<Exemption> {
    Some(Exemption {
        kind: fact.text(Field::Kind)?.to_owned(),
        until: fact.date(Field::Until)?,
        by_role: fact.text(Field::ByRole)?.to_owned(),
    })
}

fn missing(person: &Person) -> Vec<Missing> {
    let no_user = person.account == "none" && NO_USERS.contains(&&*person.role);
    if person.left_on.is_some() || no_user {
        return Vec::new();
    }
    let exempt = |one: &Exemption| one.kind == "vetting" && one.by_role == "chief-responsible-officer";
    let vetted = match person.vetting {
        Expiry::InDate | Expiry::Within(_) => true,
        Expiry::Expired => person.exemptions.iter().any(exempt),
        Expiry::Never | Expiry::Withdrawn => false,
    };
    let steps = [
        (Missing::Vetting, !vetted),
        (Missing::Syops, person.syops_signed_on.is_none()),
        (Missing::Training, person.trained_on.is_none()),
        (Missing::Elearning, person.service == "probation" && person.elearning_on.is_none()),
        (Missing::Account, person.account != "enabled"),
    ];
    steps.into_iter().filter(|(_, missing)| *missing).map(|(step, _)| step).collect()
}

impl Person {
    fn take(&mut self, fact: &Fact) {
        let text = |field| fact.text(field).map(str::to_owned);
        let on = Some(fact.effective_on());
        match fact.kind {
            FactType::UserRegistered => {
                self.organisation = text(Field::Org).unwrap_or_default();
                self.role = text(Field::Role).unwrap_or_default();
                self.service = text(Field::Service).unwrap_or_default();
                (self.left_on, self.cpc_informed_on) = (None, None);
            }
            FactType::UserMoved => {
                self.organisation = text(Field::Org).unwrap_or_default();
                self.role = text(Field::Role).unwrap_or(std::mem::take(&mut self.role));
            }
            FactType::UserLeftRole => self.left_on = on,
            FactType::CpcInformedOfLeaver => self.cpc_informed_on = on,
            FactType::VettingCleared => {
                self.vetting_level = fact.number(Field::Level);
                self.vetting_expires_on = fact.date(Field::ExpiresOn);
            }
            FactType::VettingWithdrawn => {
                self.vetting_expires_on = self.vetting_expires_on.map(|was| was.min(fact.effective_on()));
            }
            FactType::DocumentSigned => {
                let document = text(Field::Document).unwrap_or_default();
                if document == "syops" {
                    self.syops_signed_on = on;
                }
                let version = text(Field::Version).unwrap_or_default();
                self.documents.retain(|known| known.split_whitespace().next() != Some(&document));
                self.documents.push(format!("{document} {version}"));
            }
            FactType::TrainingCompleted => {
                let course = text(Field::Course).unwrap_or_default();
                if course == "visor" {
                    self.trained_on = on;
                }
                self.courses.insert(course);
            }
            FactType::QaElearningCompleted => self.elearning_on = on,
            FactType::AccountRequested => (self.account, self.account_since) = ("requested", on),
            FactType::AccountAuthorised => (self.account, self.account_since) = ("authorised", on),
            FactType::AccountEnabled => (self.account, self.account_since) = ("enabled", on),
            FactType::AccountDisabled => (self.account, self.account_since) = ("disabled", on),
            FactType::AccountArchived => (self.account, self.account_since) = ("archived", on),
            FactType::TokenGranted => self.tokens.extend(text(Field::Token)),
            FactType::TokenRevoked => {
                self.tokens.remove(fact.text(Field::Token).unwrap_or_default());
            }
            _ => {}
        }
    }
}
/// The users as the command line shows them.
pub struct Listed {
    /// The names of the cells.
    pub columns: &'static [&'static str],
    /// A row for each user.
    pub cells: Vec<Vec<String>>,
    /// The same as JSON.
    pub as_json: serde_json::Value,
}

/// The users of some organisations at a moment, for whoever has the files of the log.
///
/// # Errors
/// [`HttpError`] when the log cannot be read.
pub fn people_at(log: &Reader, view: View, orgs: &[String]) -> Result<Listed, HttpError> {
    let registered = Registered::default();
    let filter = Filter { orgs: orgs.to_vec(), ..Filter::default() };
    let found = rows(&registered.at(log, view)?, &filter, &Asker::unnamed(view.as_at))?;
    let as_json = serde_json::to_value(&found).map_err(|error| HttpError::Failed(error.to_string()))?;
    Ok(Listed { columns: Person::COLUMNS, cells: found.iter().map(Row::cells).collect(), as_json })
}
