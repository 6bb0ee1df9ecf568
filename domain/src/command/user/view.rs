//! Lists of duties that a person saved under a name.

use super::User;
use crate::catalogue::{FactType, Field};
use crate::command::{Case, CommandName, NewFact, Refusal};

/// Most lists that one person keeps.
const MOST: usize = 50;
/// Longest name, in characters.
const LONGEST: usize = 80;

/// Saves one under an id of its own, or removes one that is there.
pub(super) fn keep(case: &Case<'_>, state: &User) -> Result<Vec<NewFact>, Refusal> {
    if case.command.name == CommandName::RemoveView {
        let there = state.views.contains(case.text(Field::View));
        case.must(there, "4.16", "no such list is saved", "nothing is to be removed")?;
        return Ok(case.one(FactType::ViewRemoved));
    }
    let named = case.command.texts.iter().find(|(field, _)| *field == Field::Name);
    if named.is_some_and(|(_, name)| name.chars().count() > LONGEST) {
        return Err(case.content("name", "it is too long", "use 80 characters at most"));
    }
    case.must(state.views.len() < MOST, "4.16", "fifty lists are saved already", "remove one first")?;
    let id = case.cx.command_id.to_string();
    Ok(vec![case.fact(FactType::ViewSaved).with_text(Field::View, &id)])
}
