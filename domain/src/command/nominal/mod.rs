//! Nominals: records, partners, transfers, limited access, orders about a person's data, acts.

mod identity;
mod partnership;
mod state;

use identity::{limit, merge};
use partnership::{partners, request_partnership};
pub use state::Nominal;
use state::{Record, Request};

use super::order::order;
use super::{Case, CommandName, NewFact, Refusal};
use crate::catalogue::{FactType, Field, SubjectKind};
use crate::fact::Value;
use crate::rights::{Relation, Sight};

/// How long a record stays open to somebody who is not its partner, in seconds.
pub const OPEN_SECONDS: i64 = 15 * 60;

pub(super) fn decide(case: &Case<'_>) -> Result<Vec<NewFact>, Refusal> {
    use CommandName as C;
    if case.stream.is_empty() {
        return Err(case.missing());
    }
    let state: Nominal = case.state();
    let relation = relation(case, &state);
    // A record limited to others does not exist, whatever else is true of it.
    if relation.sight == Sight::Hidden {
        return Err(case.missing());
    }
    if case.command.name == C::StateInError {
        return case.annul(&relation);
    }
    case.may(case.command.right(), &relation)?;
    if let Some(survivor) = case.survivor() {
        let reason = format!("it was merged into `{survivor}`");
        return Err(case.broken("4.16", reason, "give the command for that nominal"));
    }
    let facts = match case.command.name {
        C::CreateRecord => create(case, &state),
        C::RequestPartnership => request_partnership(case, &state),
        C::PartnerNominal | C::PartnerInBulk | C::RefusePartnership | C::RemovePartners => {
            partners(case, &state)
        }
        C::RequestTransfer | C::AcceptTransfer | C::RefuseTransfer => transfer(case, &state),
        C::ArchiveRecord => {
            live(case, &state)?;
            not_offered(case, &state)?;
            if state.owner.as_deref().is_some_and(|owner| owner.starts_with("area/")) {
                terminated(case, &state)?;
            }
            Ok(case.one(FactType::RecordArchived))
        }
        C::UnarchiveRecord => {
            let archived = state.record == Record::Archived;
            case.must(archived, "4.16", "the record is not archived", "nothing is to be unarchived")?;
            Ok(case.one(FactType::RecordUnarchived))
        }
        C::MergeNominals => merge(case, &state),
        C::LimitAccess => limit(case),
        C::LiftAccessLimit => {
            case.must(
                state.listed().is_some(),
                "4.16",
                "the record is not limited",
                "nothing is to be lifted",
            )?;
            let lifted = case.fact(FactType::RecordAccessLimited);
            Ok(vec![lifted.with(Field::Limited, Value::Bool(false))])
        }
        C::OrderErasure | C::OrderRestriction | C::OrderLifting | C::ConfirmOrder | C::WithdrawOrder => {
            order(case, state.order.as_ref())
        }
        C::OpenRecord => open(case, &state, &relation),
        C::RecordAct => act(case, &state),
        C::SignOffAssessment => sign_off(case, &state),
        _ => Err(case.missing()),
    }?;
    case.that_take_effect(&state, facts)
}

/// How the person stands to the nominal, as far as the command asks.
pub(super) fn relation(case: &Case<'_>, state: &Nominal) -> Relation {
    use CommandName as C;
    let org = match (case.command.name, &state.offered) {
        // Who receives answers; the police are not here to answer, so the owner attests what they said.
        (C::AcceptTransfer | C::RefuseTransfer, Some((_, to))) if !to.starts_with("police/") => to.clone(),
        _ => state.answers_for().unwrap_or_default(),
    };
    case.cx.directory.relation_to_nominal(&case.who, state, &org, case.cx.now)
}

fn live(case: &Case<'_>, state: &Nominal) -> Result<(), Refusal> {
    let remedy = "create it, or unarchive it, first";
    case.must(state.record == Record::Live, "4.16", "there is no live record", remedy)
}

fn not_offered(case: &Case<'_>, state: &Nominal) -> Result<(), Refusal> {
    let Some((_, to)) = &state.offered else { return Ok(()) };
    let reason = format!("a transfer to `{to}` awaits its answer");
    Err(case.broken("4.16", reason, "have it accepted or refused first"))
}

/// Before a record of probation's is archived or goes to the police, the termination assessment is on it.
fn terminated(case: &Case<'_>, state: &Nominal) -> Result<(), Refusal> {
    case.must(
        state.termination_copied,
        "4.28",
        "the termination OASys (R10 and R11) was not copied to the record",
        "record `oasys.copied` with `termination` true and both sections first",
    )
}

fn create(case: &Case<'_>, state: &Nominal) -> Result<Vec<NewFact>, Refusal> {
    let owner = case.text(Field::Owner);
    case.must(
        state.has_no_record(),
        "4.9",
        "there is a record already",
        "unarchive it, or ask for a transfer",
    )?;
    if owner.starts_with("police/") || matches!(state.category, 1 | 4) {
        return Err(case.broken(
            "7",
            "the police create and own the records of MAPPA categories 1 and 4",
            "request partnership once the police have created it (4.26)",
        ));
    }
    let category_3 = state.category == 3;
    case.must(
        !category_3 || state.statutory,
        "4.14",
        "a category 3 case without statutory supervision is not probation's to record",
        "the police own the record",
    )?;
    let own = case.relation(owner).within;
    case.must(
        own,
        "4.9",
        "a record is created by the area that will own it",
        "name your own area, or ask the other",
    )?;
    let basic = case.command.get(Field::Basic) == Some(&Value::Bool(true));
    let Some(request) = case.command.text(Field::Request) else {
        case.must(
            !basic,
            "4.12",
            "a basic record answers a prison's request",
            "name it under `request`, or create a full record",
        )?;
        return Ok(case.one(FactType::RecordCreated));
    };
    let Some(Request { org: prison, users, .. }) = state.wanted.iter().find(|wanted| *wanted.id == *request)
    else {
        return Err(case.broken(
            "4.12",
            "no prison asked for it under that request",
            "check the request's id",
        ));
    };
    let record = case.fact(FactType::RecordCreated);
    let partners = case.fact(FactType::PartnersAdded).with_text(Field::Org, prison);
    // The users that the prison named are partnered in the same act.
    let partners =
        if users.is_empty() { partners } else { partners.with_texts(Field::Users, users.iter().cloned()) };
    Ok(vec![record, partners])
}

fn transfer(case: &Case<'_>, state: &Nominal) -> Result<Vec<NewFact>, Refusal> {
    if case.command.name == CommandName::RequestTransfer {
        let to = case.text(Field::To);
        live(case, state)?;
        not_offered(case, state)?;
        case.must(
            state.owner.as_deref() != Some(to),
            "4.16",
            "the record is theirs already",
            "name another owner",
        )?;
        if to.starts_with("police/") {
            terminated(case, state)?;
        }
        let id = format!("{}:{}", case.cx.command_id, case.subject);
        return Ok(vec![case.fact(FactType::TransferRequested).with_text(Field::Request, &id)]);
    }
    let Some((request, to)) = &state.offered else {
        return Err(case.broken("4.16", "no transfer of it awaits an answer", "nothing is to be answered"));
    };
    if case.command.name == CommandName::RefuseTransfer {
        return Ok(vec![case.fact(FactType::TransferRefused).with_text(Field::Request, request)]);
    }
    Ok(vec![
        case.fact(FactType::TransferAccepted).with_text(Field::Request, request),
        case.fact(FactType::RecordTransferred).with_text(Field::To, to),
    ])
}

/// Opens the record for 15 minutes and names the owner's CPC, who is told.
fn open(case: &Case<'_>, state: &Nominal, relation: &Relation) -> Result<Vec<NewFact>, Refusal> {
    let partner = relation.partner && case.who.may_be_partner();
    case.must(!partner, "7", "you are a partner of the record", "read it: no reason is needed")?;
    let told = case.cx.directory.cpcs(&state.answers_for().unwrap_or_default(), case.cx.now);
    let opened = case
        .fact(FactType::AccessOpened)
        .with_text(Field::User, &case.cx.actor)
        .with_text(Field::Org, &case.who.org)
        .with(Field::ClosesAt, Value::Instant(case.cx.now.plus_seconds(OPEN_SECONDS)))
        .with_texts(Field::Told, told);
    Ok(vec![NewFact { time: case.cx.now, ..opened }])
}

fn act(case: &Case<'_>, state: &Nominal) -> Result<Vec<NewFact>, Refusal> {
    let Some(act) = case.command.act else { return Err(case.missing()) };
    if super::list::updates_record(act) {
        let lead = case.who.in_post(crate::rights::Post::VisorLead);
        case.must(
            !lead,
            "5.9",
            "a ViSOR lead is not tasked with updating records",
            "have an administrator do it",
        )?;
        live(case, state)?;
    }
    let prison = case.command.text(Field::Prison);
    if let Some(prison) = prison
        && SubjectKind::of(prison) == Some(SubjectKind::Prison)
    {
        let own = case.relation(prison).within;
        case.must(own, "5.9", "a prison's act is recorded by its own staff", "name your own prison")?;
    }
    if act == FactType::ManagerNotified {
        let copied = state.copied.contains_key(case.text(Field::Assessment));
        case.must(copied, "4.19", "that assessment was not copied to the record", "copy it first")?;
    }
    Ok(case.one(act))
}

fn sign_off(case: &Case<'_>, state: &Nominal) -> Result<Vec<NewFact>, Refusal> {
    let assessment = case.text(Field::Assessment);
    let Some(copied_by) = state.copied.get(assessment) else {
        return Err(case.broken("7", "that assessment was not copied to the record", "have it copied first"));
    };
    // Whoever told the fact may have left the prefix of the user's id out.
    let bare = case.cx.actor.strip_prefix("user/").unwrap_or(&case.cx.actor);
    let other = !copied_by.contains(&case.cx.actor) && !copied_by.contains(bare);
    case.must(
        other,
        "7",
        "who copied an assessment does not sign it off",
        "another supervisor signs it off",
    )?;
    let open = !state.signed_off.contains(assessment);
    case.must(open, "7", "it is signed off already", "nothing is to be signed off")?;
    Ok(case.one(FactType::RiskAssessmentSignedOff))
}
