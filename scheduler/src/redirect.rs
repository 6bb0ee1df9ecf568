//! What becomes of a notice that is settled: the record of it, and who is told in its place.

use lettre::Address;
use mandate_domain::fact::FactError;
use mandate_domain::time::Instant;
use mandate_projections::NoticeRow;
use mandate_store::{KeysError, MAX_READ, NewEvent, OnError, Sequence, StoredEvent};

use crate::append::{Group, append};
use crate::duty_log::DutyLog;
use crate::error::SchedulerError;
use crate::event::{self, Told};
use crate::notice::{Template, redirected};
use crate::recipients::Recipients;
use crate::scheduler::Shared;
use crate::timetable::user_of;

/// Most lines queued together with the record of the notice whose place they take.
const TOGETHER: usize = 5_000;

/// Who is told in place of a recipient to whom a notice cannot be delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Redirect {
    Nobody,
    /// Deputies, or the person who is told when nobody else can be.
    Fallback,
    /// Those who hold the post now.
    PresentHolders,
}

impl Shared {
    /// The lines of the notices that take the place of one, for what is still so and to people not told of it yet.
    pub fn redirect(
        &self,
        row: &NoticeRow,
        template: Template,
        redirect: Redirect,
        recipients: &Recipients<'_>,
        now: Instant,
    ) -> Result<Vec<NewEvent>, SchedulerError> {
        let last = redirect == Redirect::Fallback && row.recipient == self.settings.fallback.user;
        if redirect == Redirect::Nobody || last {
            return Ok(Vec::new());
        }
        let in_place_of = match redirect {
            Redirect::Fallback => Some(row.in_place_of.as_deref().unwrap_or(&row.recipient)),
            // Who answers for it now is told as if they had been told at first.
            Redirect::Nobody | Redirect::PresentHolders => row.in_place_of.as_deref(),
        };
        let mut lines = Vec::new();
        for (duty, generation) in &row.duties {
            let log = DutyLog::read(self.store.reader(), duty)?;
            let people = match redirect {
                Redirect::Nobody => Vec::new(),
                Redirect::Fallback => self.in_place_of(row, duty, *generation, template, &log, recipients)?,
                Redirect::PresentHolders => {
                    self.present_holders(duty, *generation, template, &row.notice, &log, recipients)?
                }
            };
            if template.tells_of_breaches() && log.withdrawal(*generation).is_some() {
                continue;
            }
            let step = log.step_of(&row.notice);
            for person in recipients.who_may_know_of_duty(duty, people)? {
                if person != row.recipient && !log.has_another(&row.notice, template, *generation, &person) {
                    let planned = redirected(&row.notice, template, &person, in_place_of);
                    let line = event::queued(&planned, duty, *generation, step.as_deref(), now);
                    lines.extend(logged(&row.notice, line));
                }
            }
        }
        Ok(lines)
    }

    /// Who is told what could not be delivered: the deputies of who answers, unless one of them was to be told, or
    /// else the fallback.
    fn in_place_of(
        &self,
        row: &NoticeRow,
        duty: &str,
        generation: u32,
        template: Template,
        log: &DutyLog,
        recipients: &Recipients<'_>,
    ) -> Result<Vec<String>, SchedulerError> {
        let raised_for = || log.raised(generation).and_then(|raised| raised.holder);
        let holders: Vec<String> = match template {
            Template::Breach | Template::Summary | Template::Escalation | Template::Rescission => {
                raised_for().into_iter().collect()
            }
            Template::Warning | Template::Vetting => {
                self.projections.duty(duty)?.and_then(|row| row.record.holder).into_iter().collect()
            }
            Template::Opened | Template::Partnership | Template::Transfer => {
                let occasion = self.projections.occasion(duty)?;
                let owner = occasion.map_or(Ok(None), |occasion| self.owner_of(&occasion))?;
                owner.into_iter().collect()
            }
            // Those of the organisations for which the person acts, whose work the mail shows.
            Template::Digest | Template::Team => match user_of(duty) {
                Some(user) => recipients.organisations_of(user)?,
                None => Vec::new(),
            },
            Template::Quarterly | Template::Operations => Vec::new(),
        };
        let mut deputies = Vec::new();
        for holder in &holders {
            deputies.extend(match template {
                Template::Digest | Template::Team => recipients.deputies_above(holder)?,
                Template::Breach
                | Template::Summary
                | Template::Warning
                | Template::Rescission
                | Template::Escalation
                | Template::Vetting
                | Template::Opened
                | Template::Partnership
                | Template::Transfer
                | Template::Quarterly
                | Template::Operations => recipients.deputies(Some(holder))?,
            });
        }
        deputies.sort_unstable();
        deputies.dedup();
        if deputies.is_empty() || deputies.contains(&row.recipient) {
            return Ok(vec![self.settings.fallback.user.clone()]);
        }
        Ok(deputies)
    }

    fn present_holders(
        &self,
        duty: &str,
        generation: u32,
        template: Template,
        notice: &str,
        log: &DutyLog,
        recipients: &Recipients<'_>,
    ) -> Result<Vec<String>, SchedulerError> {
        Ok(match template {
            Template::Warning => match self.projections.duty(duty)? {
                Some(row) => recipients.of_warning(row.record.holder.as_deref(), row.unit.as_deref())?,
                None => Vec::new(),
            },
            Template::Vetting => match self.projections.duty(duty)? {
                Some(row) => recipients.of_vetting(row.record.holder.as_deref())?,
                None => Vec::new(),
            },
            Template::Breach | Template::Summary | Template::Rescission => {
                let holder = log.raised(generation).and_then(|raised| raised.holder);
                recipients.of_breach(holder.as_deref())?
            }
            Template::Escalation => {
                let holder = log.raised(generation).and_then(|raised| raised.holder);
                let role = log.escalation_of(notice).map_or_else(|| "head".to_owned(), |(_, role)| role);
                recipients.of_escalation(holder.as_deref(), &role)?
            }
            Template::Opened | Template::Partnership | Template::Transfer => {
                match self.projections.occasion(duty)? {
                    Some(occasion) => self.of_occasion(template, &occasion, recipients)?,
                    None => Vec::new(),
                }
            }
            Template::Digest | Template::Team | Template::Quarterly | Template::Operations => Vec::new(),
        })
    }

    /// Records what became of an attempt, together with what takes the notice's place.
    pub fn settle(
        &self,
        first_duty: &str,
        notice: &str,
        told: &[Told],
        reply: &str,
        mut queued: Vec<NewEvent>,
        now: Instant,
    ) -> Result<(), SchedulerError> {
        // What takes its place comes first, so that a crash between leaves the notice as it was.
        while queued.len() > TOGETHER {
            let rest = queued.split_off(TOGETHER);
            self.store.append_blocking(std::mem::replace(&mut queued, rest), OnError::Each)?;
        }
        let mut events = Vec::with_capacity(told.len() + queued.len());
        for one in told {
            events.extend(logged(notice, event::told(*one, notice, first_duty, reply, now)));
        }
        events.append(&mut queued);
        let mut events = events.into_iter();
        // What was sent was sent, whoever has the lease by now; what was decided without sending is of its term.
        let store = if told == [Told::Rejected] { &self.store } else { &self.unfenced };
        if let Some(step) = events.next() {
            append(store, vec![Group { step, beside: events.collect(), mails: Vec::new() }])?;
        }
        Ok(())
    }

    /// The address of a user, or why there is none: what the log holds sealed, latest first.
    pub fn address_of(&self, user: &str) -> Result<Result<Address, &'static str>, SchedulerError> {
        let mut reason = "no e-mail address of the recipient is known";
        if let Some(position) = self.projections.user_registration(user)?
            && let Some(latest) = self.store.reader().by_position(position)?
        {
            match self.sealed_address(&latest, user)? {
                Ok(Some(address)) => return Ok(Ok(address)),
                Ok(None) => {}
                Err(wrong) => reason = wrong,
            }
            for event in self.store.reader().read_subject(user, Sequence::START, MAX_READ)?.iter().rev() {
                if let Ok(Some(address)) = self.sealed_address(event, user)? {
                    return Ok(Ok(address));
                }
            }
        }
        let fallback = &self.settings.fallback;
        match &fallback.address {
            Some(address) if fallback.user == user => Ok(checked(address)),
            Some(_) | None => Ok(Err(reason)),
        }
    }

    /// The address in the sealed part of an event about the user.
    fn sealed_address(
        &self,
        event: &StoredEvent,
        user: &str,
    ) -> Result<Result<Option<Address>, &'static str>, SchedulerError> {
        if event.sealed.is_none() || *event.fact.subject != *user {
            return Ok(Ok(None));
        }
        let private = match self.store.keys().unseal(event) {
            Ok(private) => private,
            Err(KeysError::NoKey { .. }) => return Ok(Err("the personal data of the recipient was erased")),
            Err(KeysError::Restricted { .. }) => {
                return Ok(Err("the personal data of the recipient is restricted"));
            }
            Err(KeysError::Altered { .. }) => {
                return Ok(Err("the recipient's address does not open: it was altered"));
            }
            Err(error) => return Err(error.into()),
        };
        let email = private.get("personal").and_then(|personal| personal.get("email"));
        Ok(email.and_then(|email| email.as_str()).map(checked).transpose())
    }
}

/// An address that is plain ASCII and of the right form.
fn checked(text: &str) -> Result<Address, &'static str> {
    let plain = text.is_ascii() && !text.contains(|c: char| c.is_ascii_control() || c == ' ');
    match text.parse() {
        Ok(address) if plain => Ok(address),
        Ok(_) | Err(_) => Err("the recipient's e-mail address is not of the right form"),
    }
}

/// An event that can be stored; one that cannot is logged. The ids are those of events that were stored before.
fn logged(notice: &str, event: Result<NewEvent, FactError>) -> Option<NewEvent> {
    event.map_err(|error| tracing::error!(%notice, %error, "what became of a notice cannot be stored")).ok()
}
