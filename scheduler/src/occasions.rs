//! Telling people of what others did: a record opened, a partnership or a transfer asked for.

use mandate_domain::time::Instant;
use mandate_projections::Occasion;

use crate::error::SchedulerError;
use crate::event;
use crate::notice::{Template, shared_by_subject};
use crate::recipients::Recipients;
use crate::scheduler::{Shared, StepReport};
use crate::steps::Batches;

/// The kinds of occasion in the order in which they are told.
const KINDS: [Template; 3] = [Template::Opened, Template::Partnership, Template::Transfer];

impl Shared {
    /// Queues the notices of what nobody was told yet; each is about one act unless there are many at once.
    pub fn tell_of_occasions(&self, now: Instant, report: &mut StepReport) -> Result<(), SchedulerError> {
        let recipients = Recipients::new(&self.projections, &self.settings.fallback.user);
        let mut batches = Batches::new(self, now, report);
        loop {
            let found = self.projections.occasions_owed(batches.limit())?;
            let found = batches.take(found, |occasion| &occasion.id);
            if found.is_empty() {
                break;
            }
            let mut groups = Vec::with_capacity(found.len());
            for kind in KINDS {
                let own: Vec<&Occasion> = found.iter().filter(|one| one.kind == kind.name()).collect();
                let mut owed = Vec::with_capacity(own.len());
                for occasion in &own {
                    owed.push((occasion.id.clone(), self.of_occasion(kind, occasion, &recipients)?));
                }
                for (occasion, plan) in own.iter().zip(shared_by_subject(kind, &owed, batches.round)) {
                    let mut lines = plan.iter().map(|one| event::queued(one, &occasion.id, 0, now));
                    let Some(first) = lines.next() else { continue };
                    groups.extend(batches.group(&occasion.id, first, lines));
                }
            }
            if batches.store(groups, report)?.is_none() {
                break;
            }
        }
        report.refused += batches.refused.len();
        Ok(())
    }

    /// Who is told: the owner's CPC of a look from outside; requester and owner of what is asked for.
    ///
    /// Somebody is always told, so that no occasion is looked at twice.
    pub fn of_occasion(
        &self,
        kind: Template,
        occasion: &Occasion,
        recipients: &Recipients<'_>,
    ) -> Result<Vec<String>, SchedulerError> {
        let row = self.projections.subject(&occasion.subject)?;
        // Who owns the record answers; without a record, or for one of the police, the area, else the prison.
        let owner = row.and_then(|row| {
            let fields = ["record_owner_org", "area", "prison"];
            let known = fields.into_iter().filter_map(|field| row.state.get(field).cloned());
            known.into_iter().find(|org| org != "none" && !org.starts_with("police/"))
        });
        let mut people = recipients.of_breach(owner.as_deref())?;
        if kind != Template::Opened
            && let Some(org) = occasion.org.as_deref().filter(|org| Some(*org) != owner.as_deref())
            && !org.starts_with("police/")
        {
            people.extend(recipients.of_breach(Some(org))?);
        }
        people.sort_unstable();
        people.dedup();
        Ok(people)
    }
}
