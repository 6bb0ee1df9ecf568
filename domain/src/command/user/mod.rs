//! Users: vetting, `SyOps`, training, e-learning, account, tokens, in the order that the policy asks for.

mod exemption;
mod preferences;
mod state;
mod token;
mod view;

use exemption::exempt;
pub use state::{Account, Exemption, User, Vetting};
use token::{grant, revoke};

use super::{Case, CommandName, NewFact, Refusal};
use crate::catalogue::{FactType, Field, SubjectKind};
use crate::fact::Value;
use crate::rights::{Relation, Right};

/// Roles whose right is not bound to an organisation of their own.
const WIDE_ROLES: &[&str] = &["auditor", "governor", "smb-member"];

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
            | C::WithdrawOrder
    );
    case.must(
        !state.left || leaver,
        "4.38",
        "they left the user role",
        "register them again if they came back",
    )?;
    let facts = match case.command.name {
        C::RegisterUser => register(case, &state, &relation),
        C::UpdateContactCard => Ok(case.one(FactType::ContactCardUpdated)),
        C::SetPreferences => preferences::prefer(case),
        C::SaveView | C::RemoveView => view::keep(case, &state),
        C::ClearVetting | C::WithdrawVetting => vet(case, &state),
        C::SignDocument => sign(case, &state),
        C::StartTraining | C::CompleteTraining | C::CompleteElearning => train(case, &state),
        C::RequestAccount
        | C::AuthoriseAccount
        | C::EnableAccount
        | C::DisableAccount
        | C::ArchiveAccount => account(case, &state),
        C::GrantToken => grant(case, &state),
        C::RevokeToken => revoke(case, &state),
        C::MoveUser => move_user(case, &state, &relation),
        C::RecordLeaver => Ok(case.one(FactType::UserLeftRole)),
        C::InformCpcOfLeaver => {
            case.must(state.left, "4.38", "they did not leave the role", "record the leaver first")?;
            case.must(!state.cpc_informed, "4.38", "the CPC was told already", "nothing is to be told")?;
            Ok(case.one(FactType::CpcInformedOfLeaver))
        }
        C::GrantExemption | C::ReviewExemption => exempt(case, &state),
        C::OrderErasure | C::OrderRestriction | C::OrderLifting | C::ConfirmOrder | C::WithdrawOrder => {
            super::order::order(case, state.order.as_ref())
        }
        _ => Err(case.missing()),
    }?;
    case.that_take_effect(&state, facts)
}

/// Whoever comes back begins anew: the account of before is disabled, and no post of before is theirs.
fn register(case: &Case<'_>, state: &User, relation: &Relation) -> Result<Vec<NewFact>, Refusal> {
    placed(case, relation)?;
    let registered = state.org.is_some() && !state.left;
    case.must(!registered, "4.2", "they are registered already", "move them with `move-user`")?;
    case.must(
        !state.account.is_enabled(),
        "4.38",
        "their account of before is still enabled",
        "disable it with `disable-account` first",
    )?;
    let who = case.cx.directory.standing(case.subject, case.cx.now);
    if let Some((post, org)) = who.posts.first() {
        let reason = format!("they are still in post as {post} of `{org}`");
        return Err(case.broken("4.38", reason, "vacate the post first"));
    }
    Ok(case.one(FactType::UserRegistered))
}

fn sign(case: &Case<'_>, state: &User) -> Result<Vec<NewFact>, Refusal> {
    let signed = (case.text(Field::Document).into(), case.text(Field::Version).into());
    case.must(
        !state.documents.contains(&signed),
        "6.3",
        "they signed that version already",
        "nothing is to be signed",
    )?;
    Ok(case.one(FactType::DocumentSigned))
}

fn move_user(case: &Case<'_>, state: &User, relation: &Relation) -> Result<Vec<NewFact>, Refusal> {
    let own = *case.cx.actor == *case.subject;
    case.must(!own, "4.16", "nobody moves themselves", "the CPC or an administrator moves them")?;
    placed(case, relation)?;
    let role = case.command.text(Field::Role);
    let same = state.org.as_deref() == Some(case.text(Field::Org))
        && role.is_none_or(|role| state.role.as_deref() == Some(role));
    case.must(!same, "4.38", "they are there already", "nothing is to be moved")?;
    Ok(case.one(FactType::UserMoved))
}

/// Roles that see more than the records of their own organisation, and places above an area, are given by administrators.
fn placed(case: &Case<'_>, relation: &Relation) -> Result<(), Refusal> {
    let wide = case.command.text(Field::Role).is_some_and(|role| WIDE_ROLES.contains(&role));
    let high = SubjectKind::of(case.text(Field::Org)) == Some(SubjectKind::Region);
    if wide || high { case.may(Right::Administer, relation) } else { Ok(()) }
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
