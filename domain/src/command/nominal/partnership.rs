//! Partners of a record: asked for, added, refused, removed.

use super::{Nominal, live};
use crate::catalogue::{FactType, Field};
use crate::command::{Case, CommandName, NewFact, Refusal};

pub(super) fn request_partnership(case: &Case<'_>, state: &Nominal) -> Result<Vec<NewFact>, Refusal> {
    let org = case.text(Field::Org);
    live(case, state)?;
    let theirs = case.cx.directory.chain(&case.who.org, case.cx.now);
    let own = theirs.iter().any(|above| **above == *org)
        || (org.starts_with("prison/") && case.relation(org).within);
    case.must(own, "5.13", "partnership is requested for one's own prison or area", "name your own")?;
    let asked = state.requests.iter().any(|open| *open.org == *org);
    case.must(!asked, "5.13", "a request of theirs awaits its answer", "wait for it, or have it answered")?;
    let whole = state.partners.get(org).is_some_and(|partners| partners.whole);
    case.must(!whole, "5.13", "the organisation is a partner already", "nothing is to be requested")?;
    let id = format!("{}:{}", case.cx.command_id, case.subject);
    Ok(vec![case.fact(FactType::PartnershipRequested).with_text(Field::Request, &id)])
}

pub(super) fn partners(case: &Case<'_>, state: &Nominal) -> Result<Vec<NewFact>, Refusal> {
    let (org, users) = (case.text(Field::Org), case.command.texts_of(Field::Users));
    match case.command.name {
        CommandName::RefusePartnership => {
            let asked = state.requests.iter().any(|open| *open.id == *case.text(Field::Request));
            case.must(asked, "4.25", "no request with that id is open", "check the request's id")?;
            Ok(case.one(FactType::PartnershipRefused))
        }
        CommandName::RemovePartners => {
            let known = state.partners.get(org).is_some_and(|partners| {
                users.is_empty() || users.iter().any(|user| partners.users.contains(user))
            });
            case.must(known, "5.19", "they are no partners of the record", "nothing is to be removed")?;
            Ok(case.one(FactType::PartnersRemoved))
        }
        _ => {
            live(case, state)?;
            for user in users {
                let person = case.cx.directory.standing(user, case.cx.now);
                let reason = if person.org.is_empty() || person.left {
                    format!("`{user}` is not a user")
                } else if !person.may_be_partner() {
                    format!("`{user}` does not hold the partner token")
                } else {
                    continue;
                };
                return Err(case.broken("7", reason, "have the token granted, or leave them out"));
            }
            if let Some(request) = case.command.text(Field::Request) {
                let asked = state.requests.iter().any(|open| *open.id == *request && *open.org == *org);
                case.must(
                    asked,
                    "4.25",
                    "no request of that organisation with that id is open",
                    "leave the request out",
                )?;
            }
            let known = state.partners.get(org);
            let nothing_new = known.is_some_and(|partners| {
                partners.whole
                    || (!users.is_empty() && users.iter().all(|user| partners.users.contains(user)))
            });
            let awaited = state.requests.iter().any(|open| *open.org == *org);
            case.must(
                !nothing_new || awaited,
                "4.25",
                "they are partners of the record already",
                "nothing is to be added",
            )?;
            Ok(case.one(FactType::PartnersAdded))
        }
    }
}
