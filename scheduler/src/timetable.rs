//! Mails of the clock: digests, the weekly word to teams, the quarter in figures.
//!
//! A slot is a local date; its notice has an id made from kind, person and date, so that it goes out once however
//! often and on however many nodes it is looked at. A slot that passed while nothing ran is made up for while it still
//! says something: a digest on its own day, a week within the week, a quarter within a month.

use std::collections::{BTreeMap, HashSet};

use mandate_domain::time::{Date, Instant};
use mandate_projections::{Place, PostHolder};

use crate::append::{Group, append};
use crate::error::SchedulerError;
use crate::event;
use crate::notice::{Template, of_slot};
use crate::overview::{Asked, Desk};
use crate::recipients::Recipients;
use crate::schedule::{LondonTime, Schedule, Slot};
use crate::scheduler::{Shared, StepReport, locked};
use crate::settings::Schedules;

/// However far the next slot is, it is looked again: somebody may have changed the time of their digest.
const LOOK_AGAIN_SECONDS: i64 = 900;
/// The role of who manages a team, and of who sits on a strategic management board.
const TEAM_ROLE: &str = "spo";
const BOARD_ROLE: &str = "smb-member";

/// What was found when slots were looked at last; a restart looks again and finds the same.
#[derive(Debug, Default)]
pub(crate) struct Timetable {
    looked_at: Option<Instant>,
    next_at: Option<Instant>,
    /// Slots that are settled, by the id of their notice's subject.
    settled: HashSet<String>,
}

impl Shared {
    /// Queues the mails whose slot has come; costs nothing until the next one does.
    pub fn keep_timetable(&self, now: Instant, report: &mut StepReport) -> Result<(), SchedulerError> {
        let Schedules { digest, nothing_due, team, quarterly, watch: _ } = &self.settings.schedules;
        if [digest, nothing_due, team, quarterly].iter().all(|schedule| schedule.is_none()) {
            return Ok(());
        }
        let mut timetable = locked(&self.timetable);
        let unchanged = timetable.looked_at.is_some_and(|looked| looked <= now);
        if unchanged && timetable.next_at.is_none_or(|next| now < next) {
            report.next_at = report.next_at.into_iter().chain(timetable.next_at).min();
            return Ok(());
        }
        let here = Place { position: report.progress.position, at: now };
        let recipients = self.recipients(now)?;
        let mut turn = Turn { shared: self, now, here, recipients, queued: Vec::new(), next_at: None };
        turn.digests(&mut timetable)?;
        turn.of_role(Template::Team, TEAM_ROLE, 6, &mut timetable)?;
        turn.of_role(Template::Quarterly, BOARD_ROLE, 30, &mut timetable)?;
        let (queued, next_at) = (turn.queued, turn.next_at);
        if !queued.is_empty() {
            let groups = queued.into_iter().map(Group::alone).collect();
            let done = append(&self.store, groups)?;
            report.queued += done.steps;
            report.known += done.known;
            report.progress = self.projections.advance(now)?;
        }
        let again = now.plus_seconds(LOOK_AGAIN_SECONDS);
        timetable.looked_at = Some(now);
        timetable.next_at = Some(next_at.map_or(again, |next| next.min(again)));
        report.next_at = report.next_at.into_iter().chain(timetable.next_at).min();
        Ok(())
    }
}

struct Turn<'s> {
    shared: &'s Shared,
    now: Instant,
    /// Where a mail stands that is queued now.
    here: Place,
    recipients: Recipients<'s>,
    queued: Vec<mandate_store::NewEvent>,
    next_at: Option<Instant>,
}

impl Turn<'_> {
    /// The daily digest of everybody who holds a post, where there is something to say; on Mondays in any case, so that
    /// silence is never mistaken for health.
    fn digests(&mut self, timetable: &mut Timetable) -> Result<(), SchedulerError> {
        let (daily, weekly) = {
            let schedules = &self.shared.settings.schedules;
            let (Some(daily), Some(weekly)) = (&schedules.digest, &schedules.nothing_due) else {
                return Ok(());
            };
            (daily.clone(), weekly.clone())
        };
        let mut desks: BTreeMap<String, Vec<PostHolder>> = BTreeMap::new();
        for holder in self.shared.projections.all_post_holders()? {
            desks.entry(holder.user.clone()).or_default().push(holder);
        }
        for (user, posts) in desks {
            let time = self.recipients.digest_time(&user, &daily)?;
            let Some(slot) = self.slot(&daily, time, 0) else { continue };
            let subject = subject(Template::Digest, &user, slot.on);
            if self.is_settled(&subject, timetable)? {
                continue;
            }
            let says = self.recipients.wants(&user, Template::Digest)?
                && (weekly.falls_on(slot.on) || self.has_something(&user, posts, slot)?);
            self.settle(Template::Digest, &user, subject, says, timetable);
        }
        Ok(())
    }

    fn has_something(&self, user: &str, posts: Vec<PostHolder>, slot: Slot) -> Result<bool, SchedulerError> {
        let desk = Desk::of_posts(&self.shared.projections, user, posts)?;
        let after = self.shared.sent_before(Template::Digest, user, slot.on, self.here.position.next())?;
        let asked = Asked { user, on: slot.on, after, until: self.here };
        Ok(!self.shared.overview(&desk, asked)?.is_empty())
    }

    /// A mail to everybody in a role, unless its slot is older than so many days.
    fn of_role(
        &mut self,
        template: Template,
        role: &str,
        days: i32,
        timetable: &mut Timetable,
    ) -> Result<(), SchedulerError> {
        let schedules = &self.shared.settings.schedules;
        let schedule = if template == Template::Team { &schedules.team } else { &schedules.quarterly };
        let Some(schedule) = schedule.clone() else { return Ok(()) };
        let Some(slot) = self.slot(&schedule, schedule.time(), days) else { return Ok(()) };
        for (user, _) in self.recipients.in_role(role)?.iter() {
            let subject = subject(template, user, slot.on);
            if !self.is_settled(&subject, timetable)? {
                let says = self.recipients.wants(user, template)?;
                self.settle(template, user, subject, says, timetable);
            }
        }
        Ok(())
    }

    /// The slot that has come, if any; notes when the next one does.
    fn slot(&mut self, schedule: &Schedule, time: LondonTime, days: i32) -> Option<Slot> {
        self.next_at = self.next_at.into_iter().chain(schedule.next(self.now, time)).min();
        schedule.latest(self.now, time, days)
    }

    fn is_settled(&self, subject: &str, timetable: &mut Timetable) -> Result<bool, SchedulerError> {
        if timetable.settled.contains(subject) {
            return Ok(true);
        }
        let queued = !self.shared.projections.notices_of(subject)?.is_empty();
        if queued {
            timetable.settled.insert(subject.to_owned());
        }
        Ok(queued)
    }

    fn settle(
        &mut self,
        template: Template,
        user: &str,
        subject: String,
        says: bool,
        timetable: &mut Timetable,
    ) {
        if says {
            match event::queued(&of_slot(template, user, &subject), &subject, 0, None, self.now) {
                // Settled once the log has it.
                Ok(event) => return self.queued.push(event),
                Err(error) => tracing::error!(%error, kind = template.name(), "a mail cannot be queued"),
            }
        }
        timetable.settled.insert(subject);
    }
}

/// What a notice of the clock is about, in the form of a duty id: `digest:user/U-1:2026-11-24`.
fn subject(template: Template, user: &str, on: Date) -> String {
    format!("{}:{user}:{on}", template.name())
}

/// Whom a notice of the clock is about, which is the person for whom it was first.
pub(crate) fn user_of(subject: &str) -> Option<&str> {
    Some(subject.split_once(':')?.1.rsplit_once(':')?.0)
}

/// The local date of a slot, from what its notice is about.
pub(crate) fn date_of(subject: &str) -> Option<Date> {
    Date::parse(subject.rsplit(':').next()?).ok()
}
