//! Escalating breaches that nobody has ended: each step once, told to whom the rule names.

use mandate_domain::time::Instant;

use crate::error::SchedulerError;
use crate::event;
use crate::notice::{Mailing, Template, shared_by_subject};
use crate::scheduler::{Shared, StepReport};
use crate::steps::{Batches, Enrolled};

/// What the one mail is about that holds all whose breach was told in a summary.
const SUMMARY: &str = "summary";

impl Shared {
    /// Takes the steps that have come of breaches that stand, in the order in which they came: one mail to each
    /// recipient for each step and holder, and one for all whose breach was told in a summary: those imported, found late or
    /// due before their holder took part. What is counted for the board has no mail.
    pub fn escalate(&self, now: Instant, report: &mut StepReport) -> Result<(), SchedulerError> {
        let recipients = self.recipients(now)?;
        let mut enrolled = Enrolled::new();
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
                let about = match self.mailing(&due.duty, due.raised_at, &mut enrolled)? {
                    Mailing::Singly => format!("{} {}", due.step, holder.unwrap_or_default()),
                    Mailing::InSummary => SUMMARY.to_owned(),
                };
                let people = if self.is_for_digests(&due.duty, &recipients)? {
                    Vec::new()
                } else {
                    let people = recipients.of_escalation(holder, &due.to_role)?;
                    recipients.who_may_know(&due.duty.record.subject, people)?
                };
                owed.push((about, people));
            }
            let plans = shared_by_subject(Template::Escalation, &owed, batches.round);
            let mut groups = Vec::with_capacity(found.len());
            for (due, plan) in found.iter().zip(plans) {
                let step = event::escalated(due, &plan, now);
                groups.extend(batches.step(&due.duty.record.duty, &plan, step));
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
