//! Who a nominal is, and who may know of it: merging a duplicate, limiting access.

use super::{Nominal, not_offered};
use crate::catalogue::{FactType, Field};
use crate::command::{Case, NewFact, Refusal};
use crate::fact::Value;
use crate::rights::{Right, Sight};

/// Merges a duplicate into another; who may not see the duplicate may not see it through the survivor.
pub(super) fn merge(case: &Case<'_>, state: &Nominal) -> Result<Vec<NewFact>, Refusal> {
    let into = case.text(Field::Into);
    let survivor = case.cx.survivor.as_ref().filter(|stream| !stream.is_empty());
    let Some(survivor) = survivor else {
        return Err(case.content("into", "there is no such nominal", "check the reference"));
    };
    let other: Nominal = survivor.fold(case.cx.directory.annulments(), case.cx.now);
    let org = other.answers_for().unwrap_or_default();
    let relation = case.cx.directory.relation_to_nominal(&case.who, &other, &org, case.cx.now);
    if relation.sight == Sight::Hidden {
        return Err(case.content("into", "there is no such nominal", "check the reference"));
    }
    case.may(Right::GovernRecord, &relation)?;
    case.must(into != case.subject, "4.16", "a nominal is not merged into itself", "name the other")?;
    let survivor = case.cx.directory.unit(into, case.cx.now);
    case.must(
        survivor.first().is_none_or(|survivor| **survivor == *into),
        "4.16",
        "the other was merged itself",
        "name the nominal into which it was",
    )?;
    not_offered(case, state)?;
    case.must(
        state.listed() == other.listed(),
        "4.16",
        "access to the two is limited differently",
        "limit both to the same people first, so that nobody sees one through the other",
    )?;
    case.must(
        state.withheld == other.withheld,
        "4.16",
        "the data of the one is erased or restricted, and that of the other is not",
        "order the same for both first: they are one person",
    )?;
    Ok(case.one(FactType::NominalMerged))
}

pub(super) fn limit(case: &Case<'_>) -> Result<Vec<NewFact>, Refusal> {
    let users = case.command.texts_of(Field::Users);
    let own = users.contains(&case.cx.actor);
    case.must(
        own,
        "4.16",
        "you are not on the list: nobody of CPC level could open the record again",
        "list yourself too",
    )?;
    for user in users {
        let known = case.cx.directory.user(user, case.cx.now).is_some_and(|user| user.org.is_some());
        if !known {
            let reason = format!("`{user}` is not registered as a user");
            return Err(case.content("users", &reason, "check the list"));
        }
    }
    Ok(vec![case.fact(FactType::RecordAccessLimited).with(Field::Limited, Value::Bool(true))])
}
