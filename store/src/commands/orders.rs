//! Orders about a person's data: stored as every command, then carried out on the keys.

use std::collections::HashMap;
use std::sync::Arc;

use mandate_domain::catalogue::FactType;
use mandate_domain::command::{Command, Context, decide};

use super::{CommandFailure, Commands, Recorded, Trouble, blocking};
use crate::aggregate::{event_id, event_of};
use crate::new_event::{Claim, NewEvent, Tie};
use crate::outcome::{OnError, Outcome};

impl Commands {
    /// Carries out what two people ordered about a person's data: the events of all who are one with the subject are
    /// stored, then what they say is done to the keys.
    pub(super) async fn confirm(
        &self,
        command: &Arc<Command>,
        context: Context,
        ties: Vec<Tie>,
        metadata: &HashMap<String, String>,
    ) -> Result<(), Trouble> {
        let (this, command, metadata) = (self.clone(), Arc::clone(command), metadata.clone());
        let confirmed =
            tokio::task::spawn_blocking(move || this.store_order(&command, &context, &ties, &metadata));
        confirmed.await.map_err(|error| CommandFailure::Failed(error.to_string()))?
    }

    fn store_order(
        &self,
        command: &Command,
        context: &Context,
        ties: &[Tie],
        metadata: &HashMap<String, String>,
    ) -> Result<(), Trouble> {
        let failed = |error: &dyn std::fmt::Display| CommandFailure::Failed(error.to_string());
        let subject = command.subjects.first().ok_or_else(|| failed(&"no subject"))?;
        let (stream, own) = self.joined(std::slice::from_ref(subject)).map_err(CommandFailure::from)?;
        let decided = decide(command, subject, &stream, context).map_err(CommandFailure::from)?;
        let carried: Vec<(FactType, Box<str>)> =
            decided.iter().map(|fact| (fact.kind, fact.subject.clone())).collect();
        let ties: Vec<Tie> = own.into_iter().chain(ties.iter().cloned()).collect();
        let mut events = Vec::with_capacity(decided.len());
        for (number, fact) in decided.into_iter().enumerate() {
            let event = event_of(fact, &event_id(&context.command_id, 0, number));
            let named = |name: &str| metadata.get(name).map_or("", String::as_str);
            let event = NewEvent::new(event, Claim::Ignore).by(named("actor"));
            let event = event.and_then(|event| event.for_command(named("command_id")));
            events.push(event.map_err(|error| failed(&error))?.tied(if number == 0 { &ties } else { &[] }));
        }
        let outcomes = self.store.append_blocking(events, OnError::All).map_err(CommandFailure::from)?;
        for outcome in outcomes {
            match outcome {
                Outcome::Stored { .. } | Outcome::AlreadyStored { .. } | Outcome::NotStored { .. } => {}
                Outcome::Refused(refusal) => return Err(refusal.into()),
            }
        }
        for (kind, subject) in carried {
            self.store.carry_out(kind, &subject).map_err(CommandFailure::from)?;
        }
        Ok(())
    }

    /// The keys may have failed after the events of an order were stored. What a later order overruled stays overruled.
    pub(super) async fn carry_out_again(&self, events: Vec<Recorded>) -> Result<(), CommandFailure> {
        let this = self.clone();
        blocking(move || {
            for event in events {
                let (stream, _) = this.joined(std::slice::from_ref(&event.subject))?;
                let mut orders = stream.facts().rev().filter(|fact| is_restriction(fact.kind));
                let last = orders.next().is_some_and(|fact| *fact.id == *event.id);
                if event.kind == FactType::SubjectErased || last {
                    this.store.carry_out(event.kind, &event.subject)?;
                }
            }
            Ok(())
        })
        .await
    }
}

const fn is_restriction(kind: FactType) -> bool {
    matches!(kind, FactType::SubjectRestricted | FactType::SubjectRestrictionLifted)
}
