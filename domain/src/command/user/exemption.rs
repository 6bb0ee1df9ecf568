//! Exemptions: granted by the role that may, with what was tried and when it is looked at again.

use super::User;
use crate::catalogue::{FactType, Field};
use crate::command::{Case, CommandName, NewFact, Refusal};
use crate::fact::Value;
use crate::time::Date;

pub(super) fn exempt(case: &Case<'_>, state: &User) -> Result<Vec<NewFact>, Refusal> {
    let kind = case.text(Field::Kind);
    if case.command.name == CommandName::ReviewExemption {
        case.must(
            state.exemptions.contains_key(kind),
            "6.7",
            "there is no such exemption",
            "grant it with `grant-exemption`",
        )?;
        let until = state.exemptions.get(kind).map(|exemption| exemption.until);
        review_before(case, until)?;
        return Ok(case.one(FactType::ExemptionReviewed));
    }
    let own = *case.cx.actor == *case.subject;
    case.must(!own, "4.16", "nobody exempts themselves", "somebody else records it")?;
    let today = case.cx.now.london_date();
    if matches!(case.command.get(Field::Until), Some(Value::Date(until)) if *until < today) {
        return Err(case.content("until", "it lies in the past", "state its last day"));
    }
    let until = match case.command.get(Field::Until) {
        Some(Value::Date(until)) => Some(*until),
        _ => None,
    };
    review_before(case, until)?;
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

/// It is looked at again while it is in force.
fn review_before(case: &Case<'_>, until: Option<Date>) -> Result<(), Refusal> {
    let Some(Value::Date(review)) = case.command.get(Field::Review) else { return Ok(()) };
    if *review < case.cx.now.london_date() || until.is_some_and(|until| *review > until) {
        let reason = "it lies in the past, or after the last day of the exemption";
        return Err(case.content("review", reason, "state a day on which it is in force"));
    }
    Ok(())
}
