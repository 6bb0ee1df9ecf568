//! Policies: one person proposes, another adopts what was proposed, and nothing that the loader refuses.

use std::collections::BTreeSet;

use super::{Case, CommandName, Evolve, NewFact, Refusal};
use crate::catalogue::{FactType, Field};
use crate::fact::{Fact, Value};
use crate::policy::coverage::{self, Coverage};
use crate::policy::{Policy, PolicyError, split_concatenation};
use crate::rights::Relation;

/// Most problems of a text that a refusal names.
const MOST_PROBLEMS: usize = 20;

/// A policy that waits for a second person.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Proposal {
    version: Box<str>,
    sha256: Box<str>,
    by: Box<str>,
    /// What is adopted with it: version, date, digest and text.
    data: Vec<(Field, Value)>,
}

/// The policies of one name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Policies {
    /// The latest proposal that was not adopted.
    proposed: Option<Proposal>,
    adopted: BTreeSet<Box<str>>,
}

/// The fields that an adoption takes over from the proposal.
const TAKEN_OVER: &[Field] = &[Field::Version, Field::EffectiveFrom, Field::Sha256, Field::Text];

impl Evolve for Policies {
    fn evolve(&mut self, fact: &Fact) {
        let text = |field| fact.text(field).map(Box::<str>::from).unwrap_or_default();
        match fact.kind {
            FactType::PolicyProposed => {
                let data = fact.data.iter().filter(|(field, _)| TAKEN_OVER.contains(field));
                self.proposed = Some(Proposal {
                    version: text(Field::Version),
                    sha256: text(Field::Sha256),
                    by: text(Field::By),
                    data: data.cloned().collect(),
                });
            }
            FactType::PolicyAdopted => {
                let version = text(Field::Version);
                self.proposed.take_if(|proposed| proposed.version == version);
                self.adopted.insert(version);
            }
            _ => {}
        }
    }
}

pub(super) fn decide(case: &Case<'_>) -> Result<Vec<NewFact>, Refusal> {
    case.may(case.command.right(), &Relation::default())?;
    let state: Policies = case.state();
    let version = case.text(Field::Version);
    case.must(
        !state.adopted.contains(version),
        "4.16",
        "that version was adopted already",
        "give the policy the next version",
    )?;
    match case.command.name {
        CommandName::ProposePolicy => {
            let policy = load(case, case.text(Field::Text))?;
            Ok(vec![case.fact(FactType::PolicyProposed).with_text(Field::Sha256, &policy.sha256)])
        }
        CommandName::AdoptPolicy => adopt(case, &state),
        _ => Err(case.missing()),
    }
}

fn adopt(case: &Case<'_>, state: &Policies) -> Result<Vec<NewFact>, Refusal> {
    let proposed = state.proposed.as_ref().filter(|proposed| *proposed.version == *case.text(Field::Version));
    let Some(proposed) = proposed else {
        return Err(case.broken("4.16", "that version is not proposed", "propose it with `propose-policy`"));
    };
    let other = *proposed.by != *case.cx.actor;
    case.must(other, "4.16", "you proposed it: it takes two people", "another administrator adopts it")?;
    if *proposed.sha256 != *case.text(Field::Sha256) {
        let reason = format!("what is proposed has the digest {}", proposed.sha256);
        return Err(case.content("sha256", &reason, "read what is proposed, and state its digest"));
    }
    let is_digest =
        |text: &str| text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    if case.command.get(Field::Backtest).is_some() && !is_digest(case.text(Field::Backtest)) {
        let remedy = "state the digest that the backtest of what is proposed ends with";
        return Err(case.content("backtest", "expected a SHA-256 in hexadecimal", remedy));
    }
    let text = proposed.data.iter().find_map(|(field, value)| match value {
        Value::Text(text) if *field == Field::Text => Some(&**text),
        _ => None,
    });
    // What loaded when it was proposed may not in a later program.
    load(case, text.unwrap_or_default())?;
    let adopted = case.fact(FactType::PolicyAdopted).with_text(Field::ApprovedBy, &case.cx.actor);
    let data = proposed.data.iter().cloned();
    Ok(vec![data.fold(adopted, |fact, (field, value)| fact.with(field, value))])
}

/// The policy of a text, the concatenation of its files.
fn load(case: &Case<'_>, text: &str) -> Result<Policy, Refusal> {
    let refused = |PolicyError(problems): PolicyError| {
        let mut lines: Vec<String> = problems.iter().map(ToString::to_string).take(MOST_PROBLEMS).collect();
        if problems.len() > MOST_PROBLEMS {
            lines.push(format!("and {} more", problems.len() - MOST_PROBLEMS));
        }
        case.content("text", &lines.join("\n"), "mend the files, and try them with `mandate policy check`")
    };
    let files = split_concatenation(text);
    let policy = Policy::load(&files).map_err(refused)?;
    if files.0.contains_key(coverage::FILE) {
        Coverage::load(&files, &policy).map_err(refused)?;
    }
    Ok(policy)
}
