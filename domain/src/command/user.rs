//! Users: vetting, `SyOps`, training, e-learning, account, tokens, in the order that the policy asks for.

use std::collections::{BTreeMap, BTreeSet};

use super::{Case, Evolve, NewFact, Refusal};
use crate::catalogue::{FactType, Field, SubjectKind};
use crate::command::CommandName;
use crate::fact::{Fact, Value};
use crate::rights::{Post, Relation, Right};
use crate::time::Date;

/// Roles whose right is not bound to an organisation of their own.
const WIDE_ROLES: &[&str] = &["auditor", "governor", "smb-member"];

/// Vetting as cleared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Vetting {
    /// 2 or 3.
    pub level: u8,
    /// Its last day.
    pub expires_on: Date,
    /// Whether it was withdrawn, from then on.
    pub withdrawn: bool,
}

/// Where an account is on its way.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Account {
    /// There is none.
    #[default]
    None,
    /// Asked for, by whom.
    Requested(Option<Box<str>>),
    /// Authorised.
    Authorised,
    /// Enabled.
    Enabled,
    /// Disabled.
    Disabled,
    /// Archived.
    Archived,
}

impl Account {
    /// Whether it can be logged on to.
    #[must_use]
    pub const fn is_enabled(&self) -> bool {
        matches!(self, Self::Enabled)
    }
}

/// A user as the log has them.
#[derive(Debug, Clone, Default)]
pub struct User {
    /// Their organisation; none before they are registered.
    pub org: Option<Box<str>>,
    /// Their role.
    pub role: Option<Box<str>>,
    /// `probation`, `prison` or `police`.
    pub service: Option<Box<str>>,
    /// Whether they left the role.
    pub left: bool,
    /// Whether the CPC was told of it.
    pub cpc_informed: bool,
    /// The latest vetting.
    pub vetting: Option<Vetting>,
    /// Documents signed, each with its version.
    pub documents: BTreeSet<(Box<str>, Box<str>)>,
    /// Courses begun.
    pub begun: BTreeSet<Box<str>>,
    /// Courses completed.
    pub trained: BTreeSet<Box<str>>,
    /// Whether the e-learning was completed.
    pub elearning: bool,
    /// The account.
    pub account: Account,
    /// Tokens held, each with its area where it has one.
    pub tokens: BTreeSet<(Box<str>, Option<Box<str>>)>,
    /// Exemptions with their last day, each with the role that granted it.
    pub exemptions: BTreeMap<Box<str>, (Date, Box<str>)>,
    /// An order about their data that awaits a second person: kind, ground, by whom.
    pub order: Option<super::nominal::Order>,
}

impl User {
    /// Whether a version of a document was signed.
    #[must_use]
    pub fn has_signed(&self, document: &str) -> bool {
        self.documents.iter().any(|(signed, _)| **signed == *document)
    }

    /// The level of vetting in date on a day; one withdrawn is not in date, one that the chief responsible officer
    /// exempted is until the exemption ends.
    #[must_use]
    pub fn vetting_level(&self, today: Date) -> u8 {
        let exempt = self
            .exemptions
            .get("vetting")
            .is_some_and(|(until, by_role)| *until >= today && &**by_role == "chief-responsible-officer");
        match self.vetting {
            Some(vetting) if !vetting.withdrawn && (vetting.expires_on >= today || exempt) => vetting.level,
            _ => 0,
        }
    }
}

fn token_of(fact: &Fact) -> Option<(Box<str>, Option<Box<str>>)> {
    Some((fact.text(Field::Token)?.into(), fact.text(Field::Area).map(Into::into)))
}

impl Evolve for User {
    fn evolve(&mut self, fact: &Fact) {
        let text = |field| fact.text(field).map(Box::<str>::from);
        match fact.kind {
            FactType::UserRegistered => {
                (self.org, self.role, self.service) =
                    (text(Field::Org), text(Field::Role), text(Field::Service));
                (self.left, self.cpc_informed) = (false, false);
            }
            FactType::UserMoved => {
                self.org = text(Field::Org);
                self.role = text(Field::Role).or(self.role.take());
            }
            FactType::UserLeftRole => self.left = true,
            FactType::CpcInformedOfLeaver => self.cpc_informed = true,
            FactType::VettingCleared => {
                let level = fact.number(Field::Level).and_then(|level| u8::try_from(level).ok());
                if let (Some(level), Some(expires_on)) = (level, fact.date(Field::ExpiresOn)) {
                    self.vetting = Some(Vetting { level, expires_on, withdrawn: false });
                }
            }
            FactType::VettingWithdrawn => {
                if let Some(vetting) = &mut self.vetting {
                    vetting.withdrawn = true;
                    vetting.expires_on = vetting.expires_on.min(fact.effective_on());
                }
            }
            FactType::DocumentSigned => {
                if let (Some(document), Some(version)) = (text(Field::Document), text(Field::Version)) {
                    self.documents.insert((document, version));
                }
            }
            FactType::TrainingStarted => self.begun.extend(text(Field::Course)),
            FactType::TrainingCompleted => self.trained.extend(text(Field::Course)),
            FactType::QaElearningCompleted => self.elearning = true,
            FactType::AccountRequested => self.account = Account::Requested(text(Field::By)),
            FactType::AccountAuthorised => self.account = Account::Authorised,
            FactType::AccountEnabled => self.account = Account::Enabled,
            FactType::AccountDisabled => self.account = Account::Disabled,
            FactType::AccountArchived => self.account = Account::Archived,
            FactType::TokenGranted => self.tokens.extend(token_of(fact)),
            FactType::TokenRevoked => {
                if let Some((token, area)) = token_of(fact) {
                    self.tokens.retain(|(held, of)| *held != token || (area.is_some() && *of != area));
                }
            }
            FactType::ExemptionGranted => {
                if let (Some(kind), Some(until), Some(by_role)) =
                    (text(Field::Kind), fact.date(Field::Until), text(Field::ByRole))
                {
                    self.exemptions.insert(kind, (until, by_role));
                }
            }
            FactType::ExemptionReviewed if fact.text(Field::Decision) == Some("end") => {
                self.exemptions.remove(fact.text(Field::Kind).unwrap_or_default());
            }
            FactType::SubjectOrderGiven => self.order = super::nominal::Order::of(fact),
            FactType::SubjectErased | FactType::SubjectRestricted | FactType::SubjectRestrictionLifted => {
                self.order = None;
            }
            _ => {}
        }
    }
}

pub(super) fn decide(case: &Case<'_>) -> Result<Vec<NewFact>, Refusal> {
    use CommandName as C;
    let state: User = case.state();
    let org = match case.command.name {
        C::RegisterUser => case.text(Field::Org),
        _ => state.org.as_deref().unwrap_or_default(),
    };
    if org.is_empty() {
        return Err(case.missing());
    }
    let mut relation = case.relation(org);
    relation.same_person = *case.cx.actor == *case.subject;
    case.may(case.command.right(), &relation)?;
    let leaver = matches!(
        case.command.name,
        C::RegisterUser
            | C::InformCpcOfLeaver
            | C::DisableAccount
            | C::ArchiveAccount
            | C::RevokeToken
            | C::OrderErasure
            | C::OrderRestriction
            | C::OrderLifting
            | C::ConfirmOrder
    );
    case.must(
        !state.left || leaver,
        "4.38",
        "they left the user role",
        "register them again if they came back",
    )?;
    match case.command.name {
        C::RegisterUser => {
            placed(case, &relation)?;
            let registered = state.org.is_some() && !state.left;
            case.must(!registered, "4.2", "they are registered already", "move them with `move-user`")?;
            Ok(case.one(FactType::UserRegistered))
        }
        C::UpdateContactCard => Ok(case.one(FactType::ContactCardUpdated)),
        C::SetPreferences => prefer(case),
        C::ClearVetting | C::WithdrawVetting => vet(case, &state),
        C::SignDocument => {
            let signed = (case.text(Field::Document).into(), case.text(Field::Version).into());
            case.must(
                !state.documents.contains(&signed),
                "6.3",
                "they signed that version already",
                "nothing is to be signed",
            )?;
            Ok(case.one(FactType::DocumentSigned))
        }
        C::StartTraining | C::CompleteTraining | C::CompleteElearning => train(case, &state),
        C::RequestAccount
        | C::AuthoriseAccount
        | C::EnableAccount
        | C::DisableAccount
        | C::ArchiveAccount => account(case, &state),
        C::GrantToken => grant(case, &state),
        C::RevokeToken => {
            let area = case.command.text(Field::Area);
            let held = |(token, of): &(Box<str>, Option<Box<str>>)| {
                **token == *case.text(Field::Token) && (area.is_none() || of.as_deref() == area)
            };
            case.must(
                state.tokens.iter().any(held),
                "4.16",
                "they do not hold it",
                "nothing is to be revoked",
            )?;
            Ok(case.one(FactType::TokenRevoked))
        }
        C::MoveUser => {
            let own = *case.cx.actor == *case.subject;
            case.must(!own, "4.16", "nobody moves themselves", "the CPC or an administrator moves them")?;
            placed(case, &relation)?;
            let role = case.command.text(Field::Role);
            let same = state.org.as_deref() == Some(case.text(Field::Org))
                && role.is_none_or(|role| state.role.as_deref() == Some(role));
            case.must(!same, "4.38", "they are there already", "nothing is to be moved")?;
            Ok(case.one(FactType::UserMoved))
        }
        C::RecordLeaver => Ok(case.one(FactType::UserLeftRole)),
        C::InformCpcOfLeaver => {
            case.must(state.left, "4.38", "they did not leave the role", "record the leaver first")?;
            case.must(!state.cpc_informed, "4.38", "the CPC was told already", "nothing is to be told")?;
            Ok(case.one(FactType::CpcInformedOfLeaver))
        }
        C::GrantExemption | C::ReviewExemption => exempt(case, &state),
        C::OrderErasure | C::OrderRestriction | C::OrderLifting | C::ConfirmOrder => {
            super::nominal::order(case, state.order.as_ref())
        }
        _ => Err(case.missing()),
    }
}

/// Roles that see more than the records of their own organisation, and places above an area, are given by administrators.
fn placed(case: &Case<'_>, relation: &Relation) -> Result<(), Refusal> {
    let wide = case.command.text(Field::Role).is_some_and(|role| WIDE_ROLES.contains(&role));
    let high = SubjectKind::of(case.text(Field::Org)) == Some(SubjectKind::Region);
    if wide || high { case.may(Right::Administer, relation) } else { Ok(()) }
}

/// Kinds of mail that a person may turn off; what they have to act on at once they may not.
const OPTIONAL_MAILS: &[&str] = &["warning", "vetting", "digest", "team", "quarterly"];

/// Times at which a day has exactly one instant, and kinds of mail that may be turned off.
fn prefer(case: &Case<'_>) -> Result<Vec<NewFact>, Refusal> {
    for field in [Field::DigestAt, Field::QuietFrom, Field::QuietUntil] {
        if case.command.get(field).is_some() && !is_time(case.text(field)) {
            let remedy = "state a London time such as 07:30, not between 01:00 and 01:59";
            return Err(case.content(field.name(), "it is no time that every day has once", remedy));
        }
    }
    let quiet = [Field::QuietFrom, Field::QuietUntil].map(|field| case.command.get(field).is_some());
    if quiet[0] != quiet[1] {
        return Err(case.content("quiet_from", "it has no end or no beginning", "state both or neither"));
    }
    if let Some(Value::Texts(kinds)) = case.command.get(Field::Off)
        && let Some(other) = kinds.iter().find(|kind| !OPTIONAL_MAILS.contains(&&***kind))
    {
        let reason = format!("`{other}` cannot be turned off");
        return Err(case.content("off", &reason, &format!("name some of {}", OPTIONAL_MAILS.join(", "))));
    }
    Ok(case.one(FactType::PreferencesSet))
}

/// Whether a text is a time of day such as `07:30` outside the hour in which clocks change.
fn is_time(text: &str) -> bool {
    let digits = |part: &str| part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit());
    match text.split_once(':') {
        Some((hour, minute)) if digits(hour) && digits(minute) => {
            hour < "24" && minute < "60" && hour != "01"
        }
        Some(_) | None => false,
    }
}

fn vet(case: &Case<'_>, state: &User) -> Result<Vec<NewFact>, Refusal> {
    let own = *case.cx.actor == *case.subject;
    case.must(!own, "4.16", "nobody records their own vetting", "the CPC records it")?;
    if case.command.name == CommandName::WithdrawVetting {
        let held = state.vetting.is_some_and(|vetting| !vetting.withdrawn);
        case.must(held, "6.1", "no vetting is cleared", "nothing is to be withdrawn")?;
        return Ok(case.one(FactType::VettingWithdrawn));
    }
    match case.command.get(Field::ExpiresOn) {
        Some(Value::Date(date)) if *date < case.cx.now.london_date() => {
            Err(case.content("expires_on", "it lies in the past", "state the day on which it will expire"))
        }
        _ => Ok(case.one(FactType::VettingCleared)),
    }
}

/// Vetting and signed `SyOps` come before training (4.3, 6.3), training before the e-learning (4.7).
fn train(case: &Case<'_>, state: &User) -> Result<Vec<NewFact>, Refusal> {
    if case.command.name == CommandName::CompleteElearning {
        case.must(
            state.service.as_deref() == Some("probation"),
            "4.7",
            "the e-learning is for probation staff only",
            "nothing is to be completed",
        )?;
        case.must(
            state.trained.contains("visor"),
            "4.7",
            "the ViSOR training was not completed",
            "complete the training first",
        )?;
        return Ok(case.one(FactType::QaElearningCompleted));
    }
    let own = *case.cx.actor == *case.subject;
    case.must(!own, "4.16", "nobody records their own training", "the CPC records it")?;
    vetted(case, state, 2, "4.3")?;
    signed(case, state)?;
    if case.command.name == CommandName::StartTraining {
        return Ok(case.one(FactType::TrainingStarted));
    }
    Ok(case.one(FactType::TrainingCompleted))
}

fn vetted(case: &Case<'_>, state: &User, level: u8, paragraph: &str) -> Result<(), Refusal> {
    let held = state.vetting_level(case.cx.now.london_date());
    if held >= level {
        return Ok(());
    }
    let reason = format!("this takes vetting level {level} in date, they hold {held}");
    Err(case.broken(paragraph, reason, "record the clearance with `clear-vetting` first"))
}

fn signed(case: &Case<'_>, state: &User) -> Result<(), Refusal> {
    case.must(
        state.has_signed("syops"),
        "6.3",
        "the SyOps are not signed",
        "record the signature with `sign-document` first",
    )
}

fn account(case: &Case<'_>, state: &User) -> Result<Vec<NewFact>, Refusal> {
    let trained = || {
        case.must(
            state.trained.contains("visor"),
            "6.2",
            "approved ViSOR training was not completed",
            "record it with `complete-training` first",
        )
    };
    let ready = |paragraph| {
        vetted(case, state, 2, paragraph)?;
        trained()?;
        signed(case, state)
    };
    match case.command.name {
        CommandName::RequestAccount => {
            let none = matches!(state.account, Account::None | Account::Archived);
            case.must(none, "4.16", "there is an account, or one is asked for", "go on from there")?;
            ready("4.16")?;
            Ok(case.one(FactType::AccountRequested))
        }
        CommandName::AuthoriseAccount => {
            let Account::Requested(by) = &state.account else {
                return Err(case.broken(
                    "4.16",
                    "no account is asked for",
                    "ask for it with `request-account`",
                ));
            };
            let other = by.as_deref() != Some(&*case.cx.actor) && *case.cx.actor != *case.subject;
            let remedy = "another CPC or holder of the central support token authorises it";
            case.must(other, "4.16", "who asks for an account does not authorise it", remedy)?;
            ready("4.16")?;
            Ok(case.one(FactType::AccountAuthorised))
        }
        CommandName::EnableAccount => {
            match &state.account {
                Account::Authorised | Account::Disabled => {}
                Account::Enabled => {
                    return Err(case.broken("6.1", "it is enabled already", "nothing is to be enabled"));
                }
                Account::None | Account::Requested(_) | Account::Archived => {
                    return Err(case.broken(
                        "4.16",
                        "it was not authorised",
                        "ask for it, and have it authorised",
                    ));
                }
            }
            ready("6.1")?;
            let admin = state.tokens.iter().any(|(token, _)| &**token == "admin");
            case.must(
                !admin,
                "7",
                "an administrator is not a live user",
                "revoke the admin token first, or leave it",
            )?;
            Ok(case.one(FactType::AccountEnabled))
        }
        CommandName::DisableAccount => {
            case.must(state.account.is_enabled(), "4.16", "it is not enabled", "nothing is to be disabled")?;
            Ok(case.one(FactType::AccountDisabled))
        }
        CommandName::ArchiveAccount => {
            let disabled = state.account == Account::Disabled;
            case.must(disabled, "4.38", "only a disabled account is archived", "disable it first")?;
            Ok(case.one(FactType::AccountArchived))
        }
        _ => Err(case.missing()),
    }
}

/// The level of vetting that a token takes (6.1, 7).
const fn level_of(token: &str) -> u8 {
    match token.as_bytes() {
        b"cpc" | b"central-support" | b"admin" => 3,
        _ => 2,
    }
}

fn grant(case: &Case<'_>, state: &User) -> Result<Vec<NewFact>, Refusal> {
    let (token, area) = (case.text(Field::Token), case.command.text(Field::Area));
    let own = *case.cx.actor == *case.subject;
    case.must(!own, "4.16", "nobody grants a token to themselves", "somebody else grants it")?;
    case.must(
        !state.tokens.contains(&(token.into(), area.map(Into::into))),
        "4.16",
        "they hold it already",
        "nothing is to be granted",
    )?;
    vetted(case, state, level_of(token), "6.1")?;
    if token == "admin" {
        let live = matches!(state.account, Account::Enabled | Account::Authorised | Account::Requested(_));
        case.must(
            !live,
            "7",
            "an administrator is not a live user",
            "disable the account first, or choose somebody else",
        )?;
        return Ok(case.one(FactType::TokenGranted));
    }
    let authorised = matches!(state.account, Account::Authorised | Account::Enabled | Account::Disabled);
    case.must(authorised, "4.16", "their account is not authorised", "have the account authorised first")?;
    let directory = &case.cx.directory;
    if token == "manager" {
        let lead = directory.standing(case.subject, case.cx.now).in_post(Post::VisorLead);
        case.must(
            !lead,
            "5.9",
            "a ViSOR lead is not tasked with updating records",
            "vacate the post first, or choose somebody else",
        )?;
    }
    if token == "cpc" {
        let group = directory.group_of(state.org.as_deref().unwrap_or_default(), case.cx.now);
        let group = area.map(Into::into).or(group).unwrap_or_default();
        if let Some(other) = directory.other_cpc_token(&group, case.subject, case.cx.now) {
            let reason = format!("{group} has one CPC token, and `{other}` holds it");
            return Err(case.broken("7", reason, "revoke theirs first"));
        }
    }
    Ok(case.one(FactType::TokenGranted))
}

fn exempt(case: &Case<'_>, state: &User) -> Result<Vec<NewFact>, Refusal> {
    let kind = case.text(Field::Kind);
    if case.command.name == CommandName::ReviewExemption {
        case.must(
            state.exemptions.contains_key(kind),
            "6.7",
            "there is no such exemption",
            "grant it with `grant-exemption`",
        )?;
        return Ok(case.one(FactType::ExemptionReviewed));
    }
    let own = *case.cx.actor == *case.subject;
    case.must(!own, "4.16", "nobody exempts themselves", "somebody else records it")?;
    let today = case.cx.now.london_date();
    if matches!(case.command.get(Field::Until), Some(Value::Date(until)) if *until < today) {
        return Err(case.content("until", "it lies in the past", "state its last day"));
    }
    if kind == "assistive-technology" {
        let tried = case.command.texts_of(Field::Tried);
        case.must(
            !tried.is_empty(),
            "6.7",
            "it is not said what was tried",
            "name the reasonable adjustments that were tried under `tried`",
        )?;
    } else {
        let paragraph = if kind == "wifi" { "6.6" } else { "4.16" };
        case.must(
            case.text(Field::ByRole) == "chief-responsible-officer",
            paragraph,
            "only the chief responsible officer for ViSOR grants it",
            "state their decision with `by_role` \"chief-responsible-officer\"",
        )?;
    }
    Ok(case.one(FactType::ExemptionGranted))
}
