//! One pass: ask the read models what has come, record it, and send what is owed.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use mandate_domain::time::{Clock, Instant};
use mandate_projections::{Progress, Projections};
use mandate_store::{Position, Store};
use tokio::sync::Notify;

use crate::deliver::Rate;
use crate::error::SchedulerError;
use crate::letter::Rulebook;
use crate::mail::Mailer;
use crate::recipients::Recipients;
use crate::settings::Settings;
use crate::tenure::{OnDuty, Tenure, Turn};
use crate::timetable::Timetable;
use crate::watch::{Problem, PutBy, Vitals};

/// Wakes, asks, raises and mails; cheap to clone, for use from many threads.
#[derive(Clone)]
pub struct Scheduler {
    pub(crate) shared: Arc<Shared>,
}

pub(crate) struct Shared {
    /// The log, to which this node appends as holder of the lease: refused once another has it.
    pub store: Store,
    /// The log for what has happened whoever has the lease now: that a mail was sent.
    pub unfenced: Store,
    /// This node's part in the lease.
    pub tenure: Tenure,
    pub projections: Projections,
    pub clock: Arc<dyn Clock>,
    pub mailer: Mailer,
    pub settings: Settings,
    pub rules: Rulebook,
    /// Held while steps are recorded: two at once would plan the same notices.
    recording: Mutex<()>,
    /// Held while notices are sent, one after the other.
    sending: Mutex<()>,
    /// Held from the look at a notice's state until the log has the attempt to send it, and while breaches are rescinded: a
    /// breach is withdrawn either before its mail is looked at or after the attempt, never in between. Never held while a
    /// mail server is spoken to.
    settling: Mutex<()>,
    /// Mails of the clock, as looked at last.
    pub timetable: Mutex<Timetable>,
    /// When what is wrong was looked at last.
    pub watched_at: Mutex<Option<Instant>>,
    /// What was wrong when it was asked last.
    pub recent: Mutex<Option<(Instant, Vec<Problem>)>>,
    /// When the scheduler did what last.
    pub vitals: Mutex<Vitals>,
    /// How many mails may still leave in the present minute.
    pub rate: Mutex<Rate>,
    /// Until when no mail is tried, because the mail server was not reached.
    pub held_back: Mutex<Option<Instant>>,
    /// Where the log ended when steps were begun that come in many batches: the mails queued since may be listed in more.
    growing: Mutex<Option<Position>>,
    /// When to try again the notices that failed; what is missing here is read from the log.
    pub retries: Mutex<HashMap<String, Instant>>,
    /// The notices that cannot be written, with why; those behind them go on.
    pub put_by: Mutex<BTreeMap<String, PutBy>>,
    /// Wakes the recording of steps.
    pub wake_steps: Notify,
    /// Wakes the sending of mail.
    pub wake_mails: Notify,
}

/// What a pass did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PassReport {
    /// The steps it recorded.
    pub steps: StepReport,
    /// The mails it sent.
    pub mails: MailReport,
}

/// What was recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StepReport {
    /// How far the read models are.
    pub progress: Progress,
    /// Breaches rescinded.
    pub rescinded: usize,
    /// Breaches raised.
    pub raised: usize,
    /// Breaches closed.
    pub closed: usize,
    /// Breaches escalated, step by step.
    pub escalated: usize,
    /// Warnings given.
    pub warned: usize,
    /// Lines of notices queued; a mail has one or more.
    pub queued: usize,
    /// Steps that the log had already.
    pub known: usize,
    /// Steps that cannot be stored, such as those of a duty whose id is too long; each was logged.
    pub refused: usize,
    /// When the next step comes without a new fact.
    pub next_at: Option<Instant>,
    /// Where another node raises and mails: when to look again whether it still does.
    pub stands_by: Option<Duration>,
}

/// What was sent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MailReport {
    /// Accepted by the mail server, or written.
    pub accepted: usize,
    /// To be tried again.
    pub deferred: usize,
    /// Given up, refused or moot.
    pub rejected: usize,
    /// Sent, and the answer was lost.
    pub ambiguous: usize,
    /// When the next one is to be tried, if any waits.
    pub next_at: Option<Instant>,
    /// Whether the pass ended at its limit with more to send.
    pub more: bool,
}

impl Scheduler {
    /// A scheduler on a log and its read models.
    ///
    /// # Errors
    /// [`SchedulerError::Policy`] when the policy that ships with the program cannot be read, which a test excludes;
    /// [`SchedulerError::Log`] when the system gives no random bytes for the name of this process.
    pub fn new(
        store: Store,
        projections: Projections,
        clock: Arc<dyn Clock>,
        mailer: Mailer,
        settings: Settings,
    ) -> Result<Self, SchedulerError> {
        let started = clock.now();
        let lease = store.lease(&settings.node, settings.lease)?;
        let shared = Shared {
            store: store.fenced(&lease),
            unfenced: store,
            tenure: Tenure::new(lease),
            projections,
            clock,
            mailer,
            settings,
            rules: Rulebook::shipped()?,
            recording: Mutex::default(),
            sending: Mutex::default(),
            settling: Mutex::default(),
            timetable: Mutex::default(),
            watched_at: Mutex::default(),
            recent: Mutex::default(),
            vitals: Mutex::new(Vitals { started_at: started, steps_at: None, mails_at: None }),
            rate: Mutex::default(),
            held_back: Mutex::default(),
            growing: Mutex::default(),
            retries: Mutex::default(),
            put_by: Mutex::default(),
            wake_steps: Notify::new(),
            wake_mails: Notify::new(),
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// Does once what is to be done at `now`: records every step that has come, then sends the mails that are owed,
    /// up to the limit of a pass. Doing it again changes nothing. Blocks; never call it from async code.
    ///
    /// # Errors
    /// [`SchedulerError`]; what was done before stands, and the next pass goes on from there.
    pub fn pass(&self, now: Instant) -> Result<PassReport, SchedulerError> {
        let steps = self.record_steps(now)?;
        let mails = self.send_mails(now)?;
        Ok(PassReport { steps, mails })
    }

    /// The first half of a pass: records every step that has come. It never waits for a mail server. Blocks.
    ///
    /// # Errors
    /// As [`Self::pass`].
    pub fn record_steps(&self, now: Instant) -> Result<StepReport, SchedulerError> {
        self.shared.record_steps(now)
    }

    /// The second half: sends the mails that are owed, where it is this node's turn. Blocks for as long as the mail server takes.
    ///
    /// # Errors
    /// As [`Self::pass`].
    pub fn send_mails(&self, now: Instant) -> Result<MailReport, SchedulerError> {
        Ok(match self.shared.tenure.turn()? {
            Turn::Ours { .. } => self.shared.send_mails(now)?,
            Turn::StandBy(_) => MailReport::default(),
        })
    }

    /// When the digest comes for those who have not chosen a time: `07:30`; none where it is not sent.
    #[must_use]
    pub fn usual_digest(&self) -> Option<String> {
        self.shared.settings.schedules.digest.as_ref().map(|digest| digest.time().to_text())
    }

    /// Which node raises and mails, as the log's database says; none before the first does.
    ///
    /// # Errors
    /// [`SchedulerError::Log`] when the database cannot be asked.
    pub fn on_duty(&self) -> Result<Option<OnDuty>, SchedulerError> {
        let lease = self.shared.tenure.lease();
        if !lease.is_shared() {
            let since = locked(&self.shared.vitals).started_at;
            let node = lease.name().to_owned();
            return Ok(Some(OnDuty { node, since, term: None, here: true, expired: false }));
        }
        let holder = self.shared.store.reader().lease()?;
        Ok(holder.map(|holder| OnDuty::of(&holder, Some(lease.name()))))
    }
}

impl Shared {
    /// Brings the read models to `now`; then, if it is this node's turn, rescinds, raises, closes and warns until nothing
    /// is left.
    pub fn record_steps(&self, now: Instant) -> Result<StepReport, SchedulerError> {
        let _alone = locked(&self.recording);
        let brought = self.projections.advance(now);
        if brought.is_err() || self.store.read_only().is_some() {
            self.tenure.stand_back();
        } else {
            self.tenure.step_up();
        }
        let progress = brought?;
        let mut report = StepReport {
            progress,
            rescinded: 0,
            raised: 0,
            closed: 0,
            escalated: 0,
            warned: 0,
            queued: 0,
            known: 0,
            refused: 0,
            next_at: None,
            stands_by: None,
        };
        // Held to the end: in no pass does the term change.
        let turn = self.tenure.turn()?;
        if let Turn::StandBy(wait) = turn {
            locked(&self.vitals).steps_at = Some(now);
            report.stands_by = Some(wait);
            return Ok(report);
        }
        let taken = self.take_steps(now, &mut report);
        *locked(&self.growing) = None;
        taken?;
        let step_at = self.projections.next_step_at()?;
        report.next_at = report.progress.next_at.into_iter().chain(step_at).min();
        self.keep_timetable(now, &mut report)?;
        self.keep_watch(now, &mut report)?;
        locked(&self.vitals).steps_at = Some(now);
        if report.queued > 0 {
            // The log woke the sending of mail before the read models had the notices.
            self.wake_mails.notify_one();
        }
        Ok(report)
    }

    fn take_steps(&self, now: Instant, report: &mut StepReport) -> Result<(), SchedulerError> {
        self.rescind(now, report)?;
        self.raise(now, report)?;
        self.close(now, report)?;
        self.escalate(now, report)?;
        self.warn(now, report)?;
        self.tell_of_occasions(now, report)
    }

    /// Has the mails queued after a position wait until the steps that are being taken are all stored.
    pub fn hold_back_mails_after(&self, position: Position) {
        let mut growing = locked(&self.growing);
        *growing = growing.map_or(Some(position), |known| Some(known.min(position)));
    }

    /// Whether a mail queued at a position may still be listed in more.
    pub fn grows(&self, position: Position) -> bool {
        locked(&self.growing).is_some_and(|after| position > after)
    }

    /// Who is told what, as things are now.
    pub fn recipients(&self, now: Instant) -> Result<Recipients<'_>, SchedulerError> {
        Ok(Recipients::new(&self.projections, &self.settings.fallback.user, now)?)
    }

    /// Held while notices are sent.
    pub fn sending(&self) -> MutexGuard<'_, ()> {
        locked(&self.sending)
    }

    /// Held while the state that a mail tells of may not change.
    pub fn settling(&self) -> MutexGuard<'_, ()> {
        locked(&self.settling)
    }
}

impl std::fmt::Debug for Scheduler {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Scheduler({:?})", self.shared.mailer)
    }
}

/// The mutexes guard no data of which a thread that failed could leave half.
pub(crate) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
