//! Orders about a person's data: one orders, another confirms, and until then anyone who may order takes it back
//! (4.16 i).

use super::{Case, CommandName, NewFact, Refusal};
use crate::catalogue::{FactType, Field};
use crate::fact::{Fact, Value};

/// What one person ordered about somebody's data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// `erasure`, `restriction` or `lifting`.
    pub kind: Box<str>,
    /// Why.
    pub ground: Box<str>,
    /// Who ordered it.
    pub by: Box<str>,
    /// Source and id of the order.
    event: (Box<str>, Box<str>),
}

impl Order {
    pub(super) fn of(fact: &Fact) -> Option<Self> {
        let text = |field| fact.text(field).map(Box::<str>::from);
        let event = (fact.source.clone(), fact.id.clone());
        Some(Self { kind: text(Field::Kind)?, ground: text(Field::Ground)?, by: text(Field::By)?, event })
    }
}

/// Orders about a person's data take two different people: one orders, the other confirms (4.16 i).
pub(super) fn order(case: &Case<'_>, given: Option<&Order>) -> Result<Vec<NewFact>, Refusal> {
    let kind = match case.command.name {
        CommandName::OrderErasure => "erasure",
        CommandName::OrderRestriction => "restriction",
        CommandName::OrderLifting => "lifting",
        CommandName::WithdrawOrder => return withdraw(case, given),
        _ => return confirm(case, given),
    };
    case.must(
        given.is_none(),
        "4.16",
        "an order about this person awaits its confirmation",
        "have it confirmed, or withdraw it, first",
    )?;
    let own = *case.cx.actor == *case.subject;
    case.must(!own, "4.16", "nobody orders this about themselves", "somebody else orders it")?;
    let ground = case.text(Field::Ground);
    if ground.trim().chars().count() < 3 {
        return Err(case.content("ground", "too short", "say why, as a code or reference"));
    }
    Ok(vec![case.fact(FactType::SubjectOrderGiven).with_text(Field::Kind, kind)])
}

/// An order that is taken back no longer counts; who ordered it may do so, and everybody else who could have.
fn withdraw(case: &Case<'_>, given: Option<&Order>) -> Result<Vec<NewFact>, Refusal> {
    let Some(order) = given else {
        return Err(case.broken("4.16", "no order awaits a confirmation", "nothing is to be withdrawn"));
    };
    let event = Value::Event(Box::new(order.event.clone()));
    Ok(vec![case.fact(FactType::FactAnnulled).with(Field::Event, event)])
}

/// Carries an order out on everybody whose history is one with the subject's: a duplicate is the same person.
fn confirm(case: &Case<'_>, given: Option<&Order>) -> Result<Vec<NewFact>, Refusal> {
    let Some(order) = given else {
        return Err(case.broken("4.16", "no order awaits a confirmation", "order it first"));
    };
    let other = *order.by != *case.cx.actor && *case.cx.actor != *case.subject;
    let remedy = "another person of CPC level confirms it";
    case.must(other, "4.16", "you ordered it yourself: it takes two people", remedy)?;
    let kind = match &*order.kind {
        "erasure" => FactType::SubjectErased,
        "restriction" => FactType::SubjectRestricted,
        _ => FactType::SubjectRestrictionLifted,
    };
    let people = [order.by.clone(), case.cx.actor.clone()];
    let fact = case.fact(kind).with_texts(Field::OrderedBy, people).with_text(Field::Ground, &order.ground);
    let duplicates = case.cx.directory.unit(case.subject, case.cx.now);
    let duplicates = duplicates.into_iter().filter(|member| **member != *case.subject);
    let theirs: Vec<NewFact> = duplicates.map(|subject| NewFact { subject, ..fact.clone() }).collect();
    Ok(std::iter::once(fact).chain(theirs).collect())
}
