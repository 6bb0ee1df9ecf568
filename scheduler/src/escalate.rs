//! Escalating breaches that nobody has ended: each step once, told to whom the rule names.

use mandate_domain::time::Instant;

use crate::error::SchedulerError;
use crate::event;
use crate::notice::{Template, shared_by_subject};
use crate::recipients::Recipients;
use crate::scheduler::{Shared, StepReport};
use crate::steps::Batches;

impl Shared {
    /// Takes the steps that have come of breaches that stand, in the order in which they came: one mail to each
    /// recipient for each step and holder. What is counted for the board has no mail.
    pub fn escalate(&self, now: Instant, report: &mut StepReport) -> Result<(), SchedulerError> {
        let recipients = Recipients::new(&self.projections, &self.settings.fallback.user);
        let mut batches = Batches::new(self, now, report);
        loop {
            let found = self.projections.escalations_due(now, batches.limit())?;
            let found = batches.take(found, |due| &due.duty.record.duty);
            if found.is_empty() {
                break;
            }
            let mut owed = Vec::with_capacity(found.len());
            for due in &found {
                let holder = due.duty.record.holder.as_deref();
                let about = format!("{} {}", due.step, holder.unwrap_or_default());
                let people = if self.is_for_digests(&due.duty) {
                    Vec::new()
                } else {
                    recipients.of_escalation(holder, &due.to_role)?
                };
                owed.push((about, people));
            }
            let plans = shared_by_subject(Template::Escalation, &owed, batches.round);
            let mut groups = Vec::with_capacity(found.len());
            for (due, plan) in found.iter().zip(plans) {
                let (duty, generation) = (&due.duty.record.duty, due.duty.generation);
                let queued = plan.iter().map(|one| event::queued(one, duty, generation, now));
                groups.extend(batches.group(duty, event::escalated(due, now), queued));
            }
            match batches.store(groups, report)? {
                Some(steps) => report.escalated += steps,
                None => break,
            }
        }
        report.refused += batches.refused.len();
        Ok(())
    }
}
