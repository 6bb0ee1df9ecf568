//! Terminals: assessed, approved by the CPC, withdrawn (6.4, 6.5).

use super::{Case, Evolve, NewFact, Refusal};
use crate::catalogue::{FactType, Field};
use crate::command::CommandName;
use crate::fact::Fact;

/// A terminal as the log has it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Terminal {
    /// Where it stands.
    pub org: Option<Box<str>>,
    /// Whether its risk was assessed since it was last withdrawn.
    pub assessed: bool,
    /// Whether it is approved.
    pub approved: bool,
}

impl Evolve for Terminal {
    fn evolve(&mut self, fact: &Fact) {
        match fact.kind {
            FactType::TerminalRegistered => self.org = fact.text(Field::Org).map(Into::into),
            FactType::TerminalRiskAssessed => self.assessed = true,
            FactType::TerminalApproved => self.approved = true,
            FactType::TerminalWithdrawn => (self.assessed, self.approved) = (false, false),
            _ => {}
        }
    }
}

pub(super) fn decide(case: &Case<'_>) -> Result<Vec<NewFact>, Refusal> {
    let state: Terminal = case.state();
    let org = match case.command.name {
        CommandName::RegisterTerminal => case.text(Field::Org),
        _ => state.org.as_deref().unwrap_or_default(),
    };
    if org.is_empty() {
        let remedy = "say where it stands with `register-terminal`";
        return Err(case.broken("6.4", "it is not known where the terminal stands", remedy));
    }
    case.may(case.command.right(), &case.relation(org))?;
    let facts = match case.command.name {
        CommandName::RegisterTerminal => {
            case.must(
                state.org.as_deref() != Some(org),
                "6.4",
                "it stands there already",
                "nothing is to be done",
            )?;
            case.must(
                !state.approved,
                "6.4",
                "it is approved where it stands",
                "withdraw the approval before it is moved",
            )?;
            Ok(case.one(FactType::TerminalRegistered))
        }
        CommandName::AssessTerminal => Ok(case.one(FactType::TerminalRiskAssessed)),
        CommandName::ApproveTerminal => {
            case.must(!state.approved, "6.4", "it is approved already", "nothing is to be done")?;
            case.must(
                state.assessed,
                "6.4",
                "no risk assessment was completed on it",
                "complete the assessment first",
            )?;
            Ok(case.one(FactType::TerminalApproved))
        }
        CommandName::WithdrawTerminal => {
            case.must(state.approved, "6.4", "it is not approved", "nothing is to be withdrawn")?;
            Ok(case.one(FactType::TerminalWithdrawn))
        }
        _ => Err(case.missing()),
    }?;
    case.that_take_effect(&state, facts)
}
