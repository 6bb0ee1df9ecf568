//! Sending the notices that wait: look again, send, record what the server said.
//!
//! The log alone says what was tried: an outcome is an event on the first duty that the notice lists, under an id of
//! its own. A program that stops between the server's answer and that event sends the same bytes under the same
//! Message-ID again. A notice that cannot be written is put by and told to `/health`; those behind it go on.

mod standing;
mod turn;

use std::collections::HashSet;

use lettre::Address;
use mandate_domain::time::Instant;
use mandate_projections::{MOOT, NoticeRow};
use mandate_store::{OnError, Outcome, Position};

use crate::duty_log::Attempts;
use crate::error::SchedulerError;
use crate::event::{self, Told};
use crate::letter::{Draft, LetterWriter, Sent};
use crate::mail::{Attempt, Envelope, Outgoing, Session, compose};
use crate::notice::{Template, given_up_at, pause_seconds};
use crate::outbox::{Outbox, sha256_of};
use crate::recipients::Recipients;
use crate::redirect::Redirect;
use crate::scheduler::{MailReport, Shared, locked};
use crate::settings::Nodes;
use crate::watch::PutBy;
pub(crate) use turn::Rate;
use turn::Turn;

/// Waiting notices read at once.
const PAGE: u32 = 1_000;
/// A mail whose answer was lost is sent again so often.
const SENT_AGAIN: u32 = 1;
/// When a notice that cannot be written is looked at again.
const PUT_BY_SECONDS: i64 = 3600;
/// What is recorded of an attempt whose program ended.
const CUT_SHORT: &str = "the program ended before the answer was known";
/// Why a mail is not sent a third time.
const SENT_TWICE: &str = "sent twice, and both answers were lost";

/// One pass over the notices that wait.
struct Delivery<'s> {
    shared: &'s Shared,
    now: Instant,
    outbox: Outbox<'s>,
    session: Session<'s>,
    recipients: Recipients<'s>,
    /// That there is no way out, once it is known: the others wait until one finds out again.
    unreachable: Option<Unreachable>,
    report: MailReport,
    /// Mails that went to the server, or would have.
    tried: u32,
    /// Whether notices were queued in place of others.
    redirected: bool,
}

/// A mail server that could not be reached.
struct Unreachable {
    reply: String,
    /// When it is tried again, with one mail for all.
    until: Instant,
}

/// A notice that is to be sent now.
struct Due {
    row: NoticeRow,
    first_duty: String,
    template: Template,
    attempts: Attempts,
}

/// What is to be done with a notice, by what is so now.
enum Prepared {
    /// The attempt is in the log; the bytes are to be sent to the address.
    Send(Vec<u8>, Address),
    Settled(Fate),
}

/// How a notice fared.
enum Fate {
    Accepted(String),
    Deferred(String),
    Ambiguous(String),
    /// Not sent, now or later; someone else is to be told.
    Rejected(String, Redirect),
}

impl Fate {
    fn moot(reason: &str, redirect: Redirect) -> Self {
        Self::Rejected(format!("{MOOT}{reason}"), redirect)
    }
}

impl Shared {
    /// Sends the notices whose time has come, up to the limit of a pass.
    pub fn send_mails(&self, now: Instant) -> Result<MailReport, SchedulerError> {
        let _alone = self.sending();
        if let Some(until) = self.held_back(now) {
            locked(&self.vitals).mails_at = Some(now);
            return Ok(MailReport { next_at: Some(until), ..MailReport::default() });
        }
        // Who holds a post and who wants quiet is asked of the read models: they take in the log first.
        self.projections.advance(now)?;
        let mut delivery = Delivery {
            shared: self,
            now,
            outbox: Outbox::new(self.settings.outbox.as_deref()),
            session: self.mailer.session(),
            recipients: self.recipients(now)?,
            unreachable: None,
            report: MailReport::default(),
            tried: 0,
            redirected: true,
        };
        // Once more for the notices that take the place of others.
        while std::mem::take(&mut delivery.redirected) && !delivery.report.more {
            delivery.report.next_at = None;
            let before = delivery.settled();
            delivery.all_that_wait()?;
            if delivery.settled() > before {
                self.projections.advance(now)?;
            }
        }
        locked(&self.vitals).mails_at = Some(now);
        Ok(delivery.report)
    }

    /// Until when nothing is tried, because the mail server was not reached; a moment further away was noted before the
    /// clock went back.
    fn held_back(&self, now: Instant) -> Option<Instant> {
        let mut held = locked(&self.held_back);
        *held = held.filter(|until| now < *until && *until <= now.plus_seconds(turn::LONGEST_PAUSE_SECONDS));
        *held
    }
}

impl Delivery<'_> {
    fn settled(&self) -> usize {
        let MailReport { accepted, deferred, rejected, ambiguous, .. } = self.report;
        accepted + deferred + rejected + ambiguous
    }

    /// Looks at each notice that waits, in the order in which they were queued, up to the limit of a pass.
    fn all_that_wait(&mut self) -> Result<(), SchedulerError> {
        let mut after = Position::START;
        let mut present: HashSet<String> = HashSet::new();
        loop {
            let waiting = self.shared.projections.notices_waiting(after, PAGE)?;
            let last = waiting.len() < PAGE as usize;
            for row in waiting {
                if self.shared.grows(row.position) {
                    // The scheduler wakes this when the last of it is stored.
                    return Ok(());
                }
                after = row.position;
                present.insert(row.notice.clone());
                if !self.one_or_put_by(&row)? {
                    return Ok(());
                }
            }
            if last {
                break;
            }
        }
        locked(&self.shared.retries).retain(|notice, _| present.contains(notice));
        locked(&self.shared.put_by).retain(|notice, _| present.contains(notice));
        if locked(&self.shared.vitals).mails_at.is_none() {
            self.outbox.forget_all_but(&present);
        }
        Ok(())
    }

    /// Sends a notice if its time has come; whether the pass goes on. What concerns this notice alone stops no other.
    fn one_or_put_by(&mut self, row: &NoticeRow) -> Result<bool, SchedulerError> {
        let notice = row.notice.clone();
        match self.one(row) {
            Ok(goes_on) => Ok(goes_on),
            Err(error) if error.is_of_one_notice() => {
                let at = self.now.plus_seconds(PUT_BY_SECONDS);
                self.report.next_at = self.report.next_at.into_iter().chain([at]).min();
                locked(&self.shared.retries).insert(notice.clone(), at);
                tracing::error!(%notice, %error, "a mail cannot be written and is put by; the others go on");
                let reason = error.to_string();
                let mut put_by = locked(&self.shared.put_by);
                put_by.entry(notice).or_insert(PutBy { since: self.now, reason: String::new() }).reason =
                    reason;
                Ok(true)
            }
            Err(error) => Err(error),
        }
    }

    fn one(&mut self, row: &NoticeRow) -> Result<bool, SchedulerError> {
        let notice = row.notice.clone();
        if let Some(Unreachable { until, .. }) = &self.unreachable
            && self.now < given_up_at(row.queued_at)
        {
            // Nothing was tried of it, and nothing is recorded of it.
            self.report.next_at = self.report.next_at.into_iter().chain([*until]).min();
            return Ok(true);
        }
        let mut due = match self.turn(row)? {
            Turn::Now(due) => due,
            Turn::At(at) => {
                self.report.next_at = self.report.next_at.into_iter().chain([at]).min();
                return Ok(true);
            }
            Turn::Never => return Ok(true),
        };
        if self.unreachable.is_none() {
            if self.tried >= self.shared.settings.mails {
                self.report.more = true;
                return Ok(false);
            }
            if let Err(at) = self.take_turn() {
                self.report.next_at = self.report.next_at.into_iter().chain([at]).min();
                return Ok(false);
            }
            self.tried += 1;
        }
        let prepared = {
            // Until the log has the attempt no breach is rescinded; while the mail server is spoken to they may be.
            let _settling = self.shared.settling();
            self.prepare(&mut due)?
        };
        let fate = match prepared {
            Prepared::Settled(fate) => fate,
            Prepared::Send(bytes, to) => self.send(&due, &bytes, &to),
        };
        self.record(&due, fate)?;
        locked(&self.shared.put_by).remove(&notice);
        Ok(true)
    }

    /// Looks again at what a notice tells of, and says in the log that it is about to be sent.
    fn prepare(&mut self, due: &mut Due) -> Result<Prepared, SchedulerError> {
        let shared = self.shared;
        if due.attempts.open_since.is_some() {
            // The program that tried ended before it could say what came of it.
            let lost = Told::Ambiguous(due.attempts.ambiguous + 1);
            let notice = &due.row.notice;
            shared.settle(&due.first_duty, notice, &[lost], CUT_SHORT, Vec::new(), self.now)?;
            due.attempts.ambiguous += 1;
            self.report.ambiguous += 1;
            tracing::warn!(%notice, "an attempt was cut short; the mail may have gone");
        }
        if due.attempts.ambiguous > SENT_AGAIN {
            return Ok(Prepared::Settled(Fate::Rejected(SENT_TWICE.to_owned(), Redirect::Fallback)));
        }
        let letter = match self.write(due)? {
            Draft::Letter(letter) => letter,
            Draft::Moot(reason) => return Ok(Prepared::Settled(Fate::moot(reason, Redirect::Nobody))),
            Draft::Hidden => {
                let reason = "what it tells of was limited to others";
                return Ok(Prepared::Settled(Fate::moot(reason, Redirect::PresentHolders)));
            }
        };
        if !self.answers_still(due, &letter)? {
            let reason = "its recipient answers for it no more";
            return Ok(Prepared::Settled(Fate::moot(reason, Redirect::PresentHolders)));
        }
        let refused = |reason: String| Ok(Prepared::Settled(Fate::Rejected(reason, Redirect::Fallback)));
        let to = match shared.address_of(&due.row.recipient)? {
            Ok(to) => to,
            Err(reason) => return refused(reason.to_owned()),
        };
        if !shared.settings.domains.allows(to.domain()) {
            let reason = "refused: the domain of the address is not among those allowed ([mail] domains)";
            return refused(reason.to_owned());
        }
        let notice = &due.row.notice;
        let gone = due.attempts.sha256.as_ref().filter(|_| due.attempts.ambiguous > 0);
        let kept = gone.and_then(|sha256| self.outbox.kept(notice, sha256));
        let envelope =
            Envelope { notice, from: &shared.settings.from, to: &to, queued_at: due.row.queued_at };
        let bytes = match kept.map_or_else(|| compose(envelope, &letter), Ok) {
            Ok(bytes) => bytes,
            Err(reason) => return refused(format!("refused: {reason}")),
        };
        if let Some(Unreachable { reply, .. }) = &self.unreachable {
            return Ok(Prepared::Settled(self.later(due, reply.clone())));
        }
        if !self.begin(due, &bytes)? {
            return Ok(Prepared::Settled(self.later(due, "another node is sending it".to_owned())));
        }
        if shared.settings.nodes == Nodes::Several && self.write(due)? != Draft::Letter(letter) {
            // Another node recorded something between the look and the attempt.
            let reply = "what it tells of changed as it was to be sent; it is written again".to_owned();
            return Ok(Prepared::Settled(self.later(due, reply)));
        }
        Ok(Prepared::Send(bytes, to))
    }

    fn write(&self, due: &Due) -> Result<Draft, SchedulerError> {
        let shared = self.shared;
        let sent = if due.attempts.ambiguous > 0 { Sent::Perhaps } else { Sent::NotYet };
        let writer = LetterWriter {
            reader: shared.store.reader(),
            projections: &shared.projections,
            rules: &shared.rules,
            base_url: &shared.settings.base_url,
            fallback: &shared.settings.fallback.user,
            recipients: &self.recipients,
            shared,
            now: self.now,
        };
        writer.write(&due.row, due.template, sent)
    }

    fn send(&mut self, due: &Due, bytes: &[u8], to: &Address) -> Fate {
        let from = self.shared.settings.sender();
        match self.session.send(Outgoing { notice: &due.row.notice, from, to, bytes }) {
            Attempt::Accepted { reply } => Fate::Accepted(reply),
            Attempt::Deferred { reply } => self.later(due, reply),
            Attempt::Unreachable { reply } => {
                let until = self.now.plus_seconds(pause_seconds(due.attempts.count() + 1));
                *locked(&self.shared.held_back) = Some(until);
                self.unreachable = Some(Unreachable { reply: reply.clone(), until });
                self.later(due, reply)
            }
            Attempt::Rejected { reply } => Fate::Rejected(reply, Redirect::Fallback),
            Attempt::Ambiguous { reply } => Fate::Ambiguous(reply),
        }
    }

    /// Keeps the bytes and says in the log that they are about to be sent. Whether this node is to send them: of two that
    /// say so at once, one is stored.
    fn begin(&self, due: &Due, bytes: &[u8]) -> Result<bool, SchedulerError> {
        let notice = &due.row.notice;
        if let Err(error) = self.outbox.keep(notice, bytes) {
            tracing::warn!(%notice, %error, "the mail is not kept in the outbox; sent again, it is written again");
        }
        let number = due.attempts.begun + 1;
        match event::attempted(notice, &due.first_duty, number, &sha256_of(bytes), self.now) {
            Ok(event) => {
                let told = self.shared.store.append_blocking(vec![event], OnError::All)?;
                Ok(matches!(told.as_slice(), [Outcome::Stored { .. }]))
            }
            Err(error) => {
                tracing::error!(%notice, %error, "an attempt cannot be stored");
                Ok(true)
            }
        }
    }

    /// To be tried again, unless it was tried for long enough.
    fn later(&self, due: &Due, reply: String) -> Fate {
        if self.now < given_up_at(due.row.queued_at) {
            Fate::Deferred(reply)
        } else {
            Fate::Rejected(format!("given up after 72 hours: {reply}"), Redirect::Fallback)
        }
    }

    fn record(&mut self, due: &Due, fate: Fate) -> Result<(), SchedulerError> {
        let (told, reply, redirect) = match fate {
            Fate::Accepted(reply) => (vec![Told::Accepted], reply, Redirect::Nobody),
            Fate::Deferred(reply) => {
                (vec![Told::Deferred(due.attempts.deferred + 1)], reply, Redirect::Nobody)
            }
            Fate::Rejected(reply, redirect) => (vec![Told::Rejected], reply, redirect),
            Fate::Ambiguous(reply) if due.attempts.ambiguous == 0 => {
                (vec![Told::Ambiguous(1)], reply, Redirect::Nobody)
            }
            // It was sent again once; a third time could be one too many.
            Fate::Ambiguous(reply) => {
                let number = due.attempts.ambiguous + 1;
                (vec![Told::Ambiguous(number), Told::Rejected], reply, Redirect::Fallback)
            }
        };
        let queued = self.shared.redirect(&due.row, due.template, redirect, &self.recipients, self.now)?;
        self.redirected |= !queued.is_empty();
        self.shared.settle(&due.first_duty, &due.row.notice, &told, &reply, queued, self.now)?;
        let notice = &due.row.notice;
        if matches!(told.last(), Some(Told::Accepted | Told::Rejected)) {
            self.outbox.forget(notice);
        }
        match told.last() {
            Some(Told::Accepted) => {
                self.report.accepted += 1;
                tracing::info!(%notice, "a mail was accepted");
            }
            Some(Told::Rejected) => {
                self.report.rejected += 1;
                tracing::warn!(%notice, %reply, "a mail was not sent or not taken, and is not sent again");
            }
            Some(Told::Deferred(number)) => {
                self.report.deferred += 1;
                tracing::info!(%notice, %reply, number, "a mail is to be sent again later");
            }
            Some(Told::Ambiguous(_)) | None => {
                self.report.ambiguous += 1;
                tracing::warn!(%notice, %reply, "a mail was sent and the answer was lost");
            }
        }
        if matches!(told.last(), Some(Told::Deferred(_) | Told::Ambiguous(_))) {
            let at = self.now.plus_seconds(pause_seconds(due.attempts.count() + 1));
            locked(&self.shared.retries).insert(notice.clone(), at);
            self.report.next_at = self.report.next_at.into_iter().chain([at]).min();
        }
        Ok(())
    }
}
