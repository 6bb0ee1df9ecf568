//! Recording the steps that have come: rescind, raise, close, warn.
//!
//! Each asks the read models for a batch, stores it with its notices, lets the read models take it in, and asks
//! again. A batch that stores nothing ends it, so that nothing is tried for ever.

use std::collections::{HashMap, HashSet};

use mandate_domain::fact::FactError;
use mandate_domain::time::Instant;
use mandate_projections::{DutyRow, Rescission, Warning};
use mandate_store::{NewEvent, StoreError};

use crate::append::{Appended, Appending, Group};
use crate::duty_log::DutyLog;
use crate::error::SchedulerError;
use crate::event::{self, Key};
use crate::notice::{
    Mailing, Owed, Planned, Round, Template, Volume, Withdrawn, breach_notices, rescission_notices,
};
use crate::overview::is_not_evidenced;
use crate::recipients::Recipients;
use crate::scheduler::{Shared, StepReport};

/// A breach found longer than this after it was due is no news: it came late in an import, or the program was down.
const NEWS_SECONDS: i64 = 24 * 3600;

/// Breaches made before they are sent to the writer.
const MADE_AT_ONCE: usize = 250;

/// Since when organisations take part, as far as it was looked up.
pub(crate) type Enrolled = HashMap<String, Option<Instant>>;

/// One kind of step, taken batch by batch.
pub(crate) struct Batches<'s> {
    shared: &'s Shared,
    pub now: Instant,
    /// Duties whose steps cannot be stored.
    pub refused: HashSet<String>,
    pub round: Round,
    /// Whether the batch in hand goes on with a round.
    goes_on: bool,
    appending: Appending<'s>,
    /// The notices planned so far.
    mails: HashSet<String>,
}

impl<'s> Batches<'s> {
    pub fn new(shared: &'s Shared, now: Instant, report: &StepReport) -> Self {
        let round = Round { position: report.progress.position, volume: Volume::One };
        let appending = Appending::new(&shared.store);
        Self { shared, now, refused: HashSet::new(), round, goes_on: false, appending, mails: HashSet::new() }
    }

    /// How many to ask for, so that those refused do not stand in the way.
    pub fn limit(&self) -> u32 {
        self.shared.settings.batch.saturating_add(u32::try_from(self.refused.len()).unwrap_or(u32::MAX))
    }

    /// Leaves out what was refused, and looks whether more is to come than this batch holds.
    pub fn take<T>(&mut self, found: Vec<T>, duty: impl Fn(&T) -> &str) -> Vec<T> {
        let full = u32::try_from(found.len()).is_ok_and(|count| count >= self.limit());
        if full {
            self.round.volume = Volume::Flood;
            // A mail that lists more and more is not sent before it lists all.
            self.shared.hold_back_mails_after(self.round.position);
        } else if !self.goes_on {
            self.round.volume = Volume::One;
        }
        self.goes_on = full;
        found.into_iter().filter(|one| !self.refused.contains(duty(one))).collect()
    }

    /// A step with the mails that tell of it; one that cannot be stored is logged and left out from now on.
    pub fn step(&mut self, duty: &str, told: &[Planned], step: Result<NewEvent, FactError>) -> Option<Group> {
        let fresh: Vec<&Planned> = told.iter().filter(|one| !self.mails.contains(&one.notice)).collect();
        let mail = |one: &Planned| Ok((one.notice.clone(), event::owed(one, duty, self.now)?));
        let mails = fresh.iter().map(|one| mail(one)).collect::<Result<Vec<_>, FactError>>();
        let group = step.and_then(|step| Ok(Group { step, beside: Vec::new(), mails: mails? }));
        let group = self.unless_refused(duty, group)?;
        self.mails.extend(fresh.into_iter().map(|one| one.notice.clone()));
        Some(group)
    }

    /// Logs what cannot be stored, and leaves it out from now on.
    pub fn unless_refused(&mut self, duty: &str, group: Result<Group, FactError>) -> Option<Group> {
        match group {
            Ok(group) => Some(group),
            Err(error) => {
                let reference = mandate_domain::judge::short_reference(duty);
                tracing::error!(duty = %reference, %error, "a step of a duty cannot be stored and is left out");
                self.refused.insert(duty.to_owned());
                None
            }
        }
    }

    /// Stores groups and lets the read models take them in; the number of steps that are in the log now and were
    /// asked for, none when it makes no sense to ask again.
    pub fn store(
        &mut self,
        groups: Vec<Group>,
        report: &mut StepReport,
    ) -> Result<Option<usize>, SchedulerError> {
        self.appending.add(groups)?;
        let done = self.appending.settle()?;
        self.shared.tenure.keep_up()?;
        self.settle(done, report)
    }

    /// Lets the read models take in what was stored.
    fn settle(&mut self, done: Appended, report: &mut StepReport) -> Result<Option<usize>, SchedulerError> {
        report.queued += done.lines;
        report.known += done.known;
        report.progress = self.shared.projections.advance(self.now)?;
        if !self.goes_on {
            self.round.position = report.progress.position;
        }
        Ok((done.steps > 0).then_some(done.steps))
    }
}

impl Shared {
    /// Rescinds breaches that are none any more, and tells those who were told of them.
    pub fn rescind(&self, now: Instant, report: &mut StepReport) -> Result<(), SchedulerError> {
        let mut batches = Batches::new(self, now, report);
        loop {
            let found = self.projections.breaches_to_rescind(batches.limit())?;
            let found = batches.take(found, |rescission| &rescission.breach.duty);
            if found.is_empty() {
                break;
            }
            let _settled = self.settling();
            let groups = self.rescissions(&found, &mut batches)?;
            match batches.store(groups, report)? {
                Some(steps) => report.rescinded += steps,
                None => break,
            }
        }
        report.refused += batches.refused.len();
        Ok(())
    }

    fn rescissions(
        &self,
        found: &[Rescission],
        batches: &mut Batches<'_>,
    ) -> Result<Vec<Group>, SchedulerError> {
        let mut told = Vec::new();
        let mut readable = Vec::with_capacity(found.len());
        for rescission in found {
            let duty = &rescission.breach.duty;
            let log = match DutyLog::read(self.store.reader(), duty) {
                Ok(log) => log,
                Err(error @ StoreError::Unreadable { .. }) => {
                    // The read models park its subject, and `/health` tells.
                    let reference = &rescission.breach.reference;
                    tracing::error!(duty = %reference, %error, "whom to tell of a withdrawal cannot be read; the others go on");
                    batches.refused.insert(duty.clone());
                    continue;
                }
                Err(error) => return Err(error.into()),
            };
            let breach = readable.len();
            readable.push(rescission);
            for queued in log.breach_notices(rescission.breach.generation) {
                told.push((breach, queued));
            }
        }
        let withdrawn: Vec<_> = told
            .iter()
            .map(|(breach, queued)| Withdrawn {
                breach: *breach,
                recipient: &queued.recipient,
                thread: &queued.notice,
            })
            .collect();
        let mut plans: Vec<Vec<Planned>> = vec![Vec::new(); readable.len()];
        for (breach, planned) in rescission_notices(&withdrawn, batches.round) {
            if let Some(plan) = plans.get_mut(breach)
                && !plan.contains(&planned)
            {
                plan.push(planned);
            }
        }
        let now = batches.now;
        let group = |(rescission, plan): (&Rescission, Vec<Planned>)| {
            batches.step(&rescission.breach.duty, &plan, event::rescinded(rescission, &plan, now))
        };
        Ok(readable.into_iter().zip(plans).filter_map(group).collect())
    }

    /// Raises breaches, and tells the people who answer for them.
    ///
    /// A round is all that the read models show, batch after batch by due moment: the next batch is planned while the
    /// writer stores the last. The read models take it in when all of it is durable.
    pub fn raise(&self, now: Instant, report: &mut StepReport) -> Result<(), SchedulerError> {
        let recipients = self.recipients(now)?;
        let mut raising = Raising { shared: self, recipients, enrolled: Enrolled::new() };
        let mut batches = Batches::new(self, now, report);
        loop {
            let done = raising.round(&mut batches)?;
            match batches.settle(done, report)? {
                Some(steps) => report.raised += steps,
                None => break,
            }
        }
        report.refused += batches.refused.len();
        Ok(())
    }

    /// Whether a breach is told in digests alone: of its holder nothing that could end it was ever recorded, so that the
    /// feed or the attestation may be what is missing. Where nobody has a digest that counts it, it goes into summaries.
    pub fn is_for_digests(&self, row: &DutyRow, recipients: &Recipients<'_>) -> Result<bool, SchedulerError> {
        if self.settings.schedules.digest.is_none() || !is_not_evidenced(row) {
            return Ok(false);
        }
        let record = &row.record;
        Ok(recipients.is_in_a_digest(record.holder.as_deref(), row.unit.as_deref(), &record.subject)?)
    }

    /// Whether a breach raised at a moment may have a mail of its own (spec 3.4 `not_evidenced`, 4.5).
    pub fn mailing(
        &self,
        row: &DutyRow,
        raised_at: Instant,
        enrolled: &mut Enrolled,
    ) -> Result<Mailing, SchedulerError> {
        let record = &row.record;
        let Some(due_at) = record.due_at else { return Ok(Mailing::InSummary) };
        if is_not_evidenced(row) || due_at.plus_seconds(NEWS_SECONDS) < raised_at {
            return Ok(Mailing::InSummary);
        }
        let Some(holder) = &record.holder else { return Ok(Mailing::Singly) };
        let enrolled_at = match enrolled.get(holder) {
            Some(known) => *known,
            None => {
                let found = self.projections.enrolled_at(holder)?;
                enrolled.insert(holder.clone(), found);
                found
            }
        };
        Ok(match enrolled_at {
            Some(enrolled_at) if due_at < enrolled_at => Mailing::InSummary,
            Some(_) | None => Mailing::Singly,
        })
    }

    /// Closes breaches whose duty has ended.
    pub fn close(&self, now: Instant, report: &mut StepReport) -> Result<(), SchedulerError> {
        let mut batches = Batches::new(self, now, report);
        loop {
            let found = self.projections.breaches_to_close(batches.limit())?;
            let found = batches.take(found, |(breach, _)| &breach.duty);
            if found.is_empty() {
                break;
            }
            let mut groups = Vec::with_capacity(found.len());
            for (breach, duty) in &found {
                groups.extend(batches.step(&breach.duty, &[], event::closed(breach, duty, now)));
            }
            match batches.store(groups, report)? {
                Some(steps) => report.closed += steps,
                None => break,
            }
        }
        report.refused += batches.refused.len();
        Ok(())
    }

    /// One mail to each recipient for all that is due soon, and one for all vetting that expires.
    fn warning_notices(
        &self,
        row: &DutyRow,
        round: Round,
        recipients: &Recipients<'_>,
    ) -> Result<Vec<Planned>, SchedulerError> {
        let record = &row.record;
        let holder = record.holder.as_deref();
        let (template, people) = if self.rules.is_expiry(&record.rule) {
            (Template::Vetting, recipients.of_vetting(holder)?)
        } else {
            (Template::Warning, recipients.of_warning(holder, row.unit.as_deref())?)
        };
        let mut planned = Vec::with_capacity(people.len());
        for person in recipients.who_may_know(&record.subject, people)? {
            if recipients.wants(&person, template)? {
                planned.push(round.shared(template, &person, ""));
            }
        }
        Ok(planned)
    }

    /// Gives the warnings whose step has come: one mail to each recipient.
    pub fn warn(&self, now: Instant, report: &mut StepReport) -> Result<(), SchedulerError> {
        let recipients = self.recipients(now)?;
        let mut batches = Batches::new(self, now, report);
        loop {
            let found = self.projections.warnings_due(now, batches.limit())?;
            let found = batches.take(found, |warning| &warning.duty.record.duty);
            if found.is_empty() {
                break;
            }
            let mut groups = Vec::with_capacity(found.len());
            for Warning { duty: row, step, skipped, .. } in &found {
                let plan = self.warning_notices(row, batches.round, &recipients)?;
                let step = event::warned(row, step, skipped, &plan, now);
                groups.extend(batches.step(&row.record.duty, &plan, step));
            }
            match batches.store(groups, report)? {
                Some(steps) => report.warned += steps,
                None => break,
            }
        }
        report.refused += batches.refused.len();
        Ok(())
    }
}

/// Breaches being raised, with what was looked up for it.
struct Raising<'s> {
    shared: &'s Shared,
    recipients: Recipients<'s>,
    enrolled: Enrolled,
}

impl Raising<'_> {
    /// Raises what the read models show, once.
    fn round(&mut self, batches: &mut Batches<'_>) -> Result<Appended, SchedulerError> {
        let shared = self.shared;
        let mut after: Option<(Instant, String)> = None;
        loop {
            let from = after.as_ref().map(|(at, duty)| (*at, duty.as_str()));
            let found = shared.projections.breaches_to_raise(batches.now, from, batches.limit())?;
            let Some(last) = found.last() else { break };
            after = Some((last.record.due_at.unwrap_or(Instant::MAX), last.record.duty.clone()));
            let found = batches.take(found, |row| &row.record.duty);
            self.send(&found, batches)?;
            if !batches.goes_on {
                break;
            }
            shared.tenure.keep_up()?;
        }
        Ok(batches.appending.settle()?)
    }

    /// Sends the breaches of a batch, each with its notices, on their way: some of them while the next are made.
    fn send(&mut self, found: &[DutyRow], batches: &mut Batches<'_>) -> Result<(), SchedulerError> {
        let (shared, now) = (self.shared, batches.now);
        let mut owed = Vec::with_capacity(found.len());
        for row in found {
            let people = if shared.is_for_digests(row, &self.recipients)? {
                Vec::new()
            } else {
                let people = self.recipients.of_breach(row.record.holder.as_deref())?;
                self.recipients.who_may_know(&row.record.subject, people)?
            };
            let mailing = shared.mailing(row, now, &mut self.enrolled)?;
            owed.push(Owed { key: Key::of_duty(row), mailing, recipients: people });
        }
        let plans = breach_notices(&owed, batches.round);
        let missed = shared.projections.warnings_missed(found)?;
        let mut steps = found.iter().zip(plans).zip(missed).peekable();
        while steps.peek().is_some() {
            let some = steps.by_ref().take(MADE_AT_ONCE);
            let group = |((row, plan), missed): ((&DutyRow, Vec<Planned>), Vec<String>)| {
                batches.step(&row.record.duty, &plan, event::breached(row, &missed, &plan, now))
            };
            let groups = some.filter_map(group).collect();
            batches.appending.add(groups)?;
        }
        Ok(())
    }
}
