//! Telling people of what others did: a record opened, a partnership or a transfer asked for.

use mandate_domain::time::Instant;
use mandate_projections::Occasion;

use crate::append::Group;
use crate::error::SchedulerError;
use crate::event;
use crate::notice::{Template, shared_by_subject};
use crate::recipients::Recipients;
use crate::scheduler::{Shared, StepReport};
use crate::steps::Batches;

/// The kinds of occasion in the order in which they are told.
const KINDS: [Template; 3] = [Template::Opened, Template::Partnership, Template::Transfer];
/// What the one mail is about that holds what was told late.
const LATE: &str = "late";

impl Shared {
    /// Queues the notices of what nobody was told yet; each is about one act unless there are many at once.
    pub fn tell_of_occasions(&self, now: Instant, report: &mut StepReport) -> Result<(), SchedulerError> {
        let recipients = self.recipients(now)?;
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
                    // What was told long after it happened is no news: one mail for all of it.
                    let about = if occasion.late { LATE.to_owned() } else { occasion.id.clone() };
                    owed.push((about, self.of_occasion(kind, occasion, &recipients)?));
                }
                for (occasion, plan) in own.iter().zip(shared_by_subject(kind, &owed, batches.round)) {
                    let [first, rest @ ..] = plan.as_slice() else { continue };
                    let rest = rest.iter().map(|one| event::queued(one, &occasion.id, 0, None, now));
                    let group = event::queued_first(first, &occasion.id, now).and_then(|step| {
                        Ok(Group { step, beside: rest.collect::<Result<_, _>>()?, mails: Vec::new() })
                    });
                    groups.extend(batches.unless_refused(&occasion.id, group));
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
    /// Somebody is always told, so that no occasion is looked at twice; of a limited record those listed.
    pub fn of_occasion(
        &self,
        kind: Template,
        occasion: &Occasion,
        recipients: &Recipients<'_>,
    ) -> Result<Vec<String>, SchedulerError> {
        let owner = self.owner_of(occasion)?;
        let mut people = recipients.of_breach(owner.as_deref())?;
        if kind != Template::Opened
            && let Some(org) = occasion.org.as_deref().filter(|org| Some(*org) != owner.as_deref())
            && !org.starts_with("police/")
        {
            people.extend(recipients.of_breach(Some(org))?);
        }
        people.sort_unstable();
        people.dedup();
        Ok(recipients.who_may_know(&occasion.subject, people)?)
    }

    /// The organisation that owns the record; without a record, or for one of the police, the area, else the prison.
    pub fn owner_of(&self, occasion: &Occasion) -> Result<Option<String>, SchedulerError> {
        let row = self.projections.subject(&occasion.subject)?;
        let owner = row.and_then(|row| {
            let fields = ["record_owner_org", "area", "prison"];
            let known = fields.into_iter().filter_map(|field| row.state.get(field).cloned());
            known.into_iter().find(|org| org != "none" && !org.starts_with("police/"))
        });
        Ok(owner)
    }
}
