//! Sending the notices that wait: look again, send, record what the server said.
//!
//! The log alone says what was tried: an outcome is an event on the first duty that the notice lists, under an id of
//! its own. A program that stops between the server's answer and that event sends the same bytes under the same
//! Message-ID again.

use std::collections::HashSet;
use std::fmt::Write as _;

use lettre::Address;
use mandate_domain::time::Instant;
use mandate_projections::NoticeRow;
use mandate_store::{OnError, Outcome};
use sha2::{Digest as _, Sha256};

use crate::duty_log::{Attempts, DutyLog};
use crate::error::SchedulerError;
use crate::event::{self, Told};
use crate::letter::{Draft, Letter, LetterWriter, Sent, rule_of};
use crate::mail::{Attempt, Envelope, Outgoing, Session, compose};
use crate::notice::{Template, given_up_at, pause_seconds};
use crate::outbox::Outbox;
use crate::recipients::Recipients;
use crate::redirect::Redirect;
use crate::schedule::LondonTime;
use crate::scheduler::{MailReport, Shared, locked};
use crate::settings::Nodes;

/// Waiting notices looked at in one pass.
const LOOKED_AT: u32 = 10_000;
/// No pause is longer; a moment further away was noted before the clock went back.
const LONGEST_PAUSE_SECONDS: i64 = 3600;

/// A mail whose answer was lost is sent again so often.
const SENT_AGAIN: u32 = 1;
/// No attempt takes longer: the answers to all verbs are waited for, each for half a minute.
const ATTEMPT_SECONDS: i64 = 600;
/// What is recorded of an attempt whose program ended.
const CUT_SHORT: &str = "the program ended before the answer was known";
/// Why a mail is not sent a third time.
const SENT_TWICE: &str = "sent twice, and both answers were lost";
/// The rule about imminent risk, of which mail goes at any hour (4.36).
const IMMINENT_RISK: &str = "4.36";

/// Mails that left in a minute.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rate {
    since: Instant,
    sent: u32,
}

impl Default for Rate {
    fn default() -> Self {
        Self { since: Instant::MIN, sent: 0 }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// One pass over the notices that wait.
struct Delivery<'s> {
    shared: &'s Shared,
    now: Instant,
    outbox: Outbox<'s>,
    session: Session<'s>,
    recipients: Recipients<'s>,
    /// Why there is no way out, once it is known: the rest of the pass need not find out again.
    unreachable: Option<String>,
    report: MailReport,
    /// Mails that went to the server, or would have.
    tried: u32,
    /// Whether notices were queued in place of others.
    redirected: bool,
}

/// A notice that is to be sent now.
struct Due<'n> {
    row: &'n NoticeRow,
    first_duty: &'n str,
    template: Template,
    attempts: Attempts,
}

/// Whether a notice is to be sent now.
enum Turn<'n> {
    Now(Due<'n>),
    At(Instant),
    Never,
}

/// How a notice fared.
enum Fate {
    Accepted(String),
    Deferred(String),
    Ambiguous(String),
    /// Not sent, now or later; someone else is to be told.
    Rejected(String, Redirect),
}

impl Shared {
    /// Sends the notices whose time has come, up to the limit of a pass.
    pub fn send_mails(&self, now: Instant) -> Result<MailReport, SchedulerError> {
        let _alone = self.sending();
        let mut delivery = Delivery {
            shared: self,
            now,
            outbox: Outbox::new(self.settings.outbox.as_deref()),
            session: self.mailer.session(),
            recipients: Recipients::new(&self.projections, &self.settings.fallback.user),
            unreachable: None,
            report: MailReport::default(),
            tried: 0,
            redirected: true,
        };
        // Once more for the notices that take the place of others.
        while std::mem::take(&mut delivery.redirected) && !delivery.report.more {
            delivery.report.next_at = None;
            let waiting = self.projections.notices_waiting(LOOKED_AT)?;
            let present: HashSet<&str> = waiting.iter().map(|row| row.notice.as_str()).collect();
            locked(&self.retries).retain(|notice, _| present.contains(notice.as_str()));
            if waiting.len() < LOOKED_AT as usize && locked(&self.vitals).mails_at.is_none() {
                delivery.outbox.forget_all_but(&present);
            }
            let before = delivery.settled();
            for row in &waiting {
                if !delivery.one(row)? {
                    break;
                }
            }
            if delivery.settled() > before {
                self.projections.advance(now)?;
            }
        }
        locked(&self.vitals).mails_at = Some(now);
        Ok(delivery.report)
    }
}

impl Delivery<'_> {
    fn settled(&self) -> usize {
        let MailReport { accepted, deferred, rejected, ambiguous, .. } = self.report;
        accepted + deferred + rejected + ambiguous
    }

    /// Sends a notice if its time has come; whether the pass goes on.
    fn one(&mut self, row: &NoticeRow) -> Result<bool, SchedulerError> {
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
        // From here to the record no breach is rescinded.
        let _settling = self.shared.settling();
        if due.attempts.open_since.is_some() {
            // The program that tried ended before it could say what came of it.
            let lost = Told::Ambiguous(due.attempts.ambiguous + 1);
            let notice = &due.row.notice;
            self.shared.settle(due.first_duty, notice, &[lost], CUT_SHORT, Vec::new(), self.now)?;
            due.attempts.ambiguous += 1;
            self.report.ambiguous += 1;
            tracing::warn!(%notice, "an attempt was cut short; the mail may have gone");
        }
        let fate = if due.attempts.ambiguous > SENT_AGAIN {
            Fate::Rejected(SENT_TWICE.to_owned(), Redirect::Fallback)
        } else {
            self.fate(&due)?
        };
        self.record(&due, fate)?;
        Ok(true)
    }

    fn turn<'n>(&self, row: &'n NoticeRow) -> Result<Turn<'n>, SchedulerError> {
        let farthest = self.now.plus_seconds(LONGEST_PAUSE_SECONDS);
        if let Some(at) = locked(&self.shared.retries).get(&row.notice).copied()
            && at > self.now
            && at <= farthest
        {
            return Ok(Turn::At(at));
        }
        let (Some((first_duty, _)), Some(template)) =
            (row.duties.first(), Template::from_name(&row.template))
        else {
            tracing::error!(notice = %row.notice, template = %row.template, "a notice of an unknown form waits");
            return Ok(Turn::Never);
        };
        let attempts = DutyLog::read(self.shared.store.reader(), first_duty)?.attempts(&row.notice);
        if attempts.settled {
            return Ok(Turn::Never);
        }
        if let Some(since) = attempts.open_since
            && self.shared.settings.nodes == Nodes::Several
        {
            // Another node may be at it.
            let at = since.plus_seconds(ATTEMPT_SECONDS);
            if at > self.now && at <= farthest {
                return Ok(Turn::At(at));
            }
        }
        if let Some(at) = self.quiet_until(row, template)? {
            return Ok(Turn::At(at));
        }
        // An attempt that was cut short is looked into at once.
        let ended_at = attempts.last_at.filter(|_| attempts.open_since.is_none());
        let next_at = ended_at.map(|at| at.plus_seconds(pause_seconds(attempts.count())));
        match next_at {
            Some(at) if at > self.now && at <= farthest => {
                locked(&self.shared.retries).insert(row.notice.clone(), at);
                Ok(Turn::At(at))
            }
            Some(_) | None => Ok(Turn::Now(Due { row, first_duty, template, attempts })),
        }
    }

    fn fate(&mut self, due: &Due<'_>) -> Result<Fate, SchedulerError> {
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
        let letter = match writer.write(due.row, due.template, sent)? {
            Draft::Letter(letter) => letter,
            Draft::Moot(reason) => return Ok(Fate::Rejected(reason.to_owned(), Redirect::Nobody)),
        };
        if !self.answers_still(due, &letter)? {
            return Ok(Fate::Rejected(
                "its recipient holds the post no more".to_owned(),
                Redirect::PresentHolders,
            ));
        }
        let to = match shared.address_of(&due.row.recipient)? {
            Ok(to) => to,
            Err(reason) => return Ok(Fate::Rejected(reason.to_owned(), Redirect::Fallback)),
        };
        if !shared.settings.domains.allows(to.domain()) {
            let reason = "refused: the domain of the address is not among those allowed ([mail] domains)";
            return Ok(Fate::Rejected(reason.to_owned(), Redirect::Fallback));
        }
        self.attempt(due, &letter, &to)
    }

    fn attempt(&mut self, due: &Due<'_>, letter: &Letter, to: &Address) -> Result<Fate, SchedulerError> {
        let settings = &self.shared.settings;
        let envelope =
            Envelope { notice: &due.row.notice, from: &settings.from, to, queued_at: due.row.queued_at };
        let notice = &due.row.notice;
        let kept = if due.attempts.ambiguous > 0 { self.outbox.kept(notice) } else { None };
        let bytes = match kept {
            Some(bytes) => bytes,
            None => match compose(envelope, letter) {
                Ok(bytes) => bytes,
                Err(reason) => {
                    return Ok(Fate::Rejected(format!("refused: {reason}"), Redirect::Fallback));
                }
            },
        };
        let attempt = match &self.unreachable {
            Some(reply) => Attempt::Unreachable { reply: reply.clone() },
            None => {
                if !self.begin(due, &bytes)? {
                    return Ok(self.later(due, "another node is sending it".to_owned()));
                }
                let from = settings.sender();
                self.session.send(Outgoing { notice, from, to, bytes: &bytes })
            }
        };
        Ok(match attempt {
            Attempt::Accepted { reply } => Fate::Accepted(reply),
            Attempt::Deferred { reply } => self.later(due, reply),
            Attempt::Unreachable { reply } => {
                self.unreachable = Some(reply.clone());
                self.later(due, reply)
            }
            Attempt::Rejected { reply } => Fate::Rejected(reply, Redirect::Fallback),
            Attempt::Ambiguous { reply } => Fate::Ambiguous(reply),
        })
    }

    /// Keeps the bytes and says in the log that they are about to be sent. Whether this node is to send them: of two that
    /// say so at once, one is stored.
    fn begin(&self, due: &Due<'_>, bytes: &[u8]) -> Result<bool, SchedulerError> {
        let notice = &due.row.notice;
        if let Err(error) = self.outbox.keep(notice, bytes) {
            tracing::warn!(%notice, %error, "the mail is not kept in the outbox; sent again, it is written again");
        }
        let digest = hex(&Sha256::digest(bytes));
        let number = due.attempts.begun + 1;
        match event::attempted(notice, due.first_duty, number, &digest, self.now) {
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

    /// Takes a turn of the present minute, or tells when the next one comes.
    fn take_turn(&self) -> Result<(), Instant> {
        let mut rate = locked(&self.shared.rate);
        let ends = rate.since.plus_seconds(60);
        if rate.since > self.now || ends <= self.now {
            *rate = Rate { since: self.now, sent: 0 };
        }
        if rate.sent >= self.shared.settings.per_minute {
            return Err(ends);
        }
        rate.sent += 1;
        Ok(())
    }

    /// Until when a recipient wants no mail, if that is so now; what tells of imminent risk goes at any time, and so does
    /// what tells the administrator that something is wrong.
    fn quiet_until(&self, row: &NoticeRow, template: Template) -> Result<Option<Instant>, SchedulerError> {
        let imminent = || row.duties.iter().any(|(duty, _)| rule_of(duty) == IMMINENT_RISK);
        if template == Template::Operations || imminent() {
            return Ok(None);
        }
        let preferences = self.recipients.preferences(&row.recipient)?;
        let Some((from, until)) = &preferences.quiet else { return Ok(None) };
        let (Ok(from), Ok(until)) = (LondonTime::parse(from), LondonTime::parse(until)) else {
            return Ok(None);
        };
        let today = self.now.london_date();
        // The quiet time that began yesterday, and the one that begins today.
        let ends = [today.previous(), today].into_iter().find_map(|day| {
            let ends = if until > from { until.on(day) } else { until.on(day.next()) };
            (from.on(day) <= self.now && self.now < ends).then_some(ends)
        });
        Ok(ends)
    }

    /// To be tried again, unless it was tried for long enough.
    fn later(&self, due: &Due<'_>, reply: String) -> Fate {
        if self.now < given_up_at(due.row.queued_at) {
            Fate::Deferred(reply)
        } else {
            Fate::Rejected(format!("given up after 72 hours: {reply}"), Redirect::Fallback)
        }
    }

    /// Whether the recipient still answers for a duty that the mail lists, or was told because nobody else could be.
    fn answers_still(&self, due: &Due<'_>, letter: &Letter) -> Result<bool, SchedulerError> {
        let recipient = &due.row.recipient;
        if *recipient == self.shared.settings.fallback.user || due.attempts.ambiguous > 0 {
            return Ok(true);
        }
        if letter.held_by.is_empty() {
            return Ok(true);
        }
        for held in &letter.held_by {
            let people = match due.template {
                Template::Breach | Template::Summary => self.recipients.of_breach(held.holder.as_deref())?,
                Template::Warning => {
                    self.recipients.of_warning(held.holder.as_deref(), held.unit.as_deref())?
                }
                Template::Vetting => self.recipients.of_vetting(held.holder.as_deref())?,
                Template::Escalation => {
                    let role = held.role.as_deref().unwrap_or("head");
                    self.recipients.of_escalation(held.holder.as_deref(), role)?
                }
                // A rescission goes to those who got the mail about the breach, whatever they do now; the others list
                // no duties that somebody holds.
                Template::Rescission
                | Template::Opened
                | Template::Partnership
                | Template::Transfer
                | Template::Digest
                | Template::Team
                | Template::Quarterly
                | Template::Operations => return Ok(true),
            };
            // A deputy is told of what could not be delivered to who holds the post.
            let deputies = self.recipients.deputies(held.holder.as_deref())?;
            if people.contains(recipient) || deputies.contains(recipient) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn record(&mut self, due: &Due<'_>, fate: Fate) -> Result<(), SchedulerError> {
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
        let queued = self.shared.redirect(due.row, due.template, redirect, &self.recipients, self.now)?;
        self.redirected |= !queued.is_empty();
        self.shared.settle(due.first_duty, &due.row.notice, &told, &reply, queued, self.now)?;
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
