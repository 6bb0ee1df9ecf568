//! Duties: acknowledging, explaining, assigning a breach, and waiving.

use super::{Case, Evolve, NewFact, Refusal};
use crate::catalogue::{FactType, Field};
use crate::command::CommandName;
use crate::fact::{Fact, Value};
use crate::rights::Post;
use crate::time::Date;

/// A duty as judged now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DutyNow {
    /// Its subject in the log: `duty/<duty id>`.
    pub duty: Box<str>,
    /// The paragraph of its rule.
    pub paragraph: Box<str>,
    /// The organisation answerable.
    pub holder: Option<Box<str>>,
    /// Whether it is open: pending or overdue.
    pub open: bool,
    /// Whether it is, or was, overdue.
    pub missed: bool,
    /// The roles that may waive it.
    pub waive: Vec<Box<str>>,
}

/// What commands have done about a duty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Duty {
    /// Who acknowledged the breach first.
    pub acknowledged_by: Option<Box<str>>,
    /// Whether it was waived, and until when.
    pub waived: Option<Option<Date>>,
    /// To whom it is assigned.
    pub assigned_to: Option<Box<str>>,
}

impl Evolve for Duty {
    fn evolve(&mut self, fact: &Fact) {
        match fact.kind {
            FactType::BreachAcknowledged if self.acknowledged_by.is_none() => {
                self.acknowledged_by = fact.text(Field::By).map(Into::into);
            }
            FactType::BreachAssigned => self.assigned_to = fact.text(Field::To).map(Into::into),
            FactType::DutyWaived => self.waived = Some(fact.date(Field::Until)),
            // A breach that is raised again is a new one to acknowledge.
            FactType::BreachRescinded => self.acknowledged_by = None,
            _ => {}
        }
    }
}

pub(super) fn decide(case: &Case<'_>) -> Result<Vec<NewFact>, Refusal> {
    let Some(duty) = case.cx.duty(case.subject) else { return Err(case.missing()) };
    let relation = case.relation(duty.holder.as_deref().unwrap_or_default());
    case.may(case.command.right(), &relation)?;
    let state: Duty = case.state();
    let paragraph = &duty.paragraph;
    let breached = || {
        case.must(
            duty.missed,
            paragraph,
            "it was never overdue: there is no breach",
            "act by its due date instead",
        )
    };
    match case.command.name {
        CommandName::AcknowledgeBreach => {
            breached()?;
            case.must(
                state.acknowledged_by.is_none(),
                paragraph,
                "the breach is acknowledged already",
                "explain it, or assign it",
            )?;
            Ok(case.one(FactType::BreachAcknowledged))
        }
        CommandName::ExplainBreach => {
            breached()?;
            Ok(case.one(FactType::BreachExplained))
        }
        CommandName::AssignBreach => {
            breached()?;
            let to = case.text(Field::To);
            let known =
                case.cx.directory.user(to, case.cx.now).is_some_and(|user| user.org.is_some() && !user.left);
            case.must(known, paragraph, "it is assigned to nobody who is a user now", "choose a user")?;
            case.must(
                state.assigned_to.as_deref() != Some(to),
                paragraph,
                "it is assigned to them already",
                "nothing is to be done",
            )?;
            Ok(case.one(FactType::BreachAssigned))
        }
        CommandName::WaiveDuty => {
            let today = case.cx.now.london_date();
            case.must(duty.open, paragraph, "it is not open any more", "only an open duty can be waived")?;
            let waived = state.waived.is_some_and(|until| until.is_none_or(|until| until >= today));
            case.must(!waived, paragraph, "it is waived already", "nothing is to be done")?;
            if let Some(Value::Date(until)) = case.command.get(Field::Until)
                && *until < today
            {
                return Err(case.content(
                    "until",
                    "it lies in the past",
                    "leave it out, or choose a later day",
                ));
            }
            let role = if relation.holds(&[Post::Cpc, Post::DeputyCpc]) { "cpc" } else { "central-support" };
            let entitled = duty.waive.iter().any(|allowed| **allowed == *role);
            let roles = duty.waive.join(", ");
            if !entitled {
                let reason = format!("a duty under this rule is waived by {roles}, not by {role}");
                return Err(case.broken(paragraph, reason, "ask one of them"));
            }
            Ok(vec![case.fact(FactType::DutyWaived).with_text(Field::ByRole, role)])
        }
        _ => Err(case.missing()),
    }
}
