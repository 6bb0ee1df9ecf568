//! Watching the watcher: what is wrong with Mandate itself, and what to do about it.

use mandate_domain::time::{Instant, london_words};
use mandate_projections::{Feed, MailStatus, Parked};
use mandate_store::Reader;
use serde::Serialize;

use crate::append::{Group, append};
use crate::error::SchedulerError;
use crate::event;
use crate::feeds::is_silent;
use crate::notice::{Template, of_slot};
use crate::scheduler::{Scheduler, Shared, StepReport, locked};

/// A pass comes every half minute; one that is missing for so long is missed.
const PASS_SECONDS: i64 = 300;
/// Mail that waits for longer has a reason.
const MAIL_SECONDS: i64 = 3_600;
/// Mails given up are a problem for a day; the list of notices keeps them.
pub const DEAD_SECONDS: i64 = 24 * 3_600;
/// A checkpoint is signed every minute in which something was appended.
const CHECKPOINT_SECONDS: i64 = 300;
/// Seconds by which the clocks of nodes may differ.
const CLOCK_SECONDS: i64 = 60;
/// Events by which read models may be behind.
const BEHIND: u64 = 10_000;
/// The time between two looks.
const LOOK_SECONDS: i64 = 60;
/// Something that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Problem {
    /// One of [`PROBLEMS`].
    pub code: &'static str,
    /// A few words.
    pub title: String,
    /// What was found, as a sentence.
    pub what: String,
    /// What to do, as a sentence.
    pub remedy: String,
}

/// A notice that cannot be written, which holds up no other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PutBy {
    pub since: Instant,
    pub reason: String,
}

/// For how long what was found counts as recent.
const RECENT_SECONDS: i64 = 15;

/// The code of a scheduler that does not pass.
const SCHEDULER: &str = "scheduler";

/// The codes of problems.
pub const PROBLEMS: &[&str] =
    &[SCHEDULER, "clock", "mail", "notices", "dead-letters", "projections", "parked", "checkpoint", "feed"];

/// When the scheduler did what last, since it was started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Vitals {
    /// When it was started.
    pub started_at: Instant,
    /// When steps were recorded to the end.
    pub steps_at: Option<Instant>,
    /// When waiting mail was looked at to the end.
    pub mails_at: Option<Instant>,
}

/// What is looked at.
#[derive(Debug)]
pub struct Watch<'a> {
    /// The log.
    pub reader: &'a Reader,
    /// The present.
    pub now: Instant,
    /// Whether this log signs checkpoints.
    pub signs: bool,
    /// What the scheduler did last.
    pub vitals: Vitals,
    /// Events that the read models lack.
    pub behind: u64,
    /// Subjects that cannot be followed.
    pub parked: Vec<Parked>,
    /// The mails that wait and those that could not be delivered.
    pub mail: MailStatus,
}

impl Watch<'_> {
    /// What is wrong, by what the log and the read models say.
    ///
    /// # Errors
    /// [`SchedulerError`] when they cannot be read.
    pub fn problems(&self) -> Result<Vec<Problem>, SchedulerError> {
        let mut found = Vec::new();
        found.extend(self.scheduler());
        found.extend(self.clock()?);
        found.extend(self.mail());
        found.extend(self.dead_letters());
        found.extend(self.projections());
        found.extend(self.parked());
        found.extend(self.checkpoint()?);
        Ok(found)
    }

    fn is_older(&self, at: Instant, seconds: i64) -> bool {
        at.plus_seconds(seconds) < self.now
    }

    fn scheduler(&self) -> Option<Problem> {
        let Vitals { started_at, steps_at, mails_at } = self.vitals;
        let last = [steps_at, mails_at].map(|at| at.unwrap_or(started_at));
        let since = last.into_iter().min()?;
        self.is_older(since, PASS_SECONDS).then(|| Problem {
            code: SCHEDULER,
            title: "no pass of the scheduler".to_owned(),
            what: format!(
                "The scheduler has not come to the end of a pass since {}: breaches are raised and mails are sent late.",
                london_words(since)
            ),
            remedy: "Look for “a pass of the scheduler failed” in the log of the program, mend what it names, and start \
                     the program again if nothing is named."
                .to_owned(),
        })
    }

    fn clock(&self) -> Result<Option<Problem>, SchedulerError> {
        let recorded = self.reader.head()?.recorded_at;
        let ahead = recorded > self.now.plus_seconds(CLOCK_SECONDS);
        Ok(ahead.then(|| Problem {
            code: "clock",
            title: "the clock is behind the log".to_owned(),
            what: format!(
                "Something was recorded at {}, which is still to come: the clock of this machine or of another node was \
                 ahead, or is behind now. What is told meanwhile is recorded at that time.",
                london_words(recorded)
            ),
            remedy: "Put the clocks of all nodes right (`timedatectl`, NTP). Breaches are raised when their own due \
                     moment has come, so none comes early; lists stand at the recorded time until it has passed."
                .to_owned(),
        }))
    }

    fn mail(&self) -> Option<Problem> {
        // What waits because nobody was asked yet may wait for the morning of its recipient.
        let about_mail = Template::Operations.name();
        let tried =
            self.mail.waiting.iter().filter(|one| one.status != "queued" && one.template != about_mail);
        let waiting: Vec<_> = tried.filter(|notice| self.is_older(notice.queued_at, MAIL_SECONDS)).collect();
        let first = waiting.first()?;
        // While the server is not reached one is tried for all.
        let kept = self.mail.waiting.iter().filter(|one| one.template != about_mail);
        let kept = kept.filter(|notice| self.is_older(notice.queued_at, MAIL_SECONDS)).count();
        let said = first.reply.as_deref().map_or_else(String::new, |reply| format!(" Last answer: {reply}."));
        Some(Problem {
            code: "mail",
            title: "mail does not leave".to_owned(),
            what: format!(
                "{kept} mails wait, the first that was tried since {}.{said}",
                london_words(first.queued_at)
            ),
            remedy: "Check that the mail server of the configuration is reached and takes mail from this sender; what \
                     waits is tried again by itself for 72 hours."
                .to_owned(),
        })
    }

    fn dead_letters(&self) -> Option<Problem> {
        // A mail about mail that could not be delivered is no reason for another.
        let about_mail = Template::Operations.name();
        let dead: Vec<_> = self.mail.dead.iter().filter(|one| one.template != about_mail).collect();
        let last = dead.first()?;
        Some(Problem {
            code: "dead-letters",
            title: "mails could not be delivered".to_owned(),
            what: format!(
                "{} mails of the last day were given up and told to others; the last, {}: {}.",
                dead.len(),
                last.notice,
                last.reply.as_deref().unwrap_or("no reason is known")
            ),
            remedy: "Correct the address of the recipient, or the domains to which mail may go; the list of notices \
                     names each recipient by reference."
                .to_owned(),
        })
    }

    fn projections(&self) -> Option<Problem> {
        (self.behind > BEHIND).then(|| Problem {
            code: "projections",
            title: "read models behind".to_owned(),
            what: format!("The read models lack the last {} events of the log.", self.behind),
            remedy: "Wait while an import is taken in; else look at `mandate projections status`, and make them anew \
                     with `mandate projections rebuild`."
                .to_owned(),
        })
    }

    fn parked(&self) -> Option<Problem> {
        let parked = &self.parked;
        let first = parked.first()?;
        Some(Problem {
            code: "parked",
            title: "subjects cannot be followed".to_owned(),
            what: format!(
                "{} subjects stand still, the first since {}: {}.",
                parked.len(),
                london_words(first.since),
                first.reason
            ),
            remedy: "Mend the reason that `mandate projections status` names for each, then have them tried again with \
                     `mandate projections retry`."
                .to_owned(),
        })
    }

    fn checkpoint(&self) -> Result<Option<Problem>, SchedulerError> {
        if !self.signs {
            return Ok(None);
        }
        let head = self.reader.head()?.position;
        let signed = self.reader.checkpoints(head, 1)?.into_iter().next();
        let size = signed.map_or(mandate_store::Position::START, |signed| signed.size);
        if size >= head {
            return Ok(None);
        }
        let since = self.reader.by_position(size.next())?.map(|event| event.recorded_at);
        let Some(since) = since.filter(|since| self.is_older(*since, CHECKPOINT_SECONDS)) else {
            return Ok(None);
        };
        Ok(Some(Problem {
            code: "checkpoint",
            title: "checkpoint late".to_owned(),
            what: format!(
                "Nothing after position {size} is covered by a signed checkpoint, since {}.",
                london_words(since)
            ),
            remedy: "Look for “no checkpoint was signed” in the log of the program; check that the signing key and the \
                     file of checkpoints can be read and written, then run `mandate log checkpoint`."
                .to_owned(),
        }))
    }
}

/// The feeds that fell silent, of those known.
#[must_use]
pub fn silent_feeds(feeds: &[Feed], now: Instant) -> Vec<Problem> {
    feeds.iter().filter(|feed| is_silent(feed, now)).map(of_feed).collect()
}

/// A feed that fell silent.
fn of_feed(feed: &Feed) -> Problem {
    Problem {
        code: "feed",
        title: format!("feed {} silent", feed.source),
        what: format!(
            "{} last told something at {}, which is longer ago than usual for it.",
            feed.source,
            london_words(feed.last_at)
        ),
        remedy: "Ask who runs that system whether it still sends; while it is silent, duties look overdue or met for \
                 want of facts."
            .to_owned(),
    }
}

impl Scheduler {
    /// What is wrong with Mandate itself at present.
    ///
    /// # Errors
    /// [`SchedulerError`] when log or read models cannot be read.
    pub fn problems(&self, now: Instant) -> Result<Vec<Problem>, SchedulerError> {
        self.shared.problems(now)
    }

    /// The same as found within the last quarter of a minute, for pages.
    ///
    /// # Errors
    /// As [`Self::problems`].
    pub fn recent_problems(&self, now: Instant) -> Result<Vec<Problem>, SchedulerError> {
        let mut recent = locked(&self.shared.recent);
        match &*recent {
            Some((at, found)) if *at <= now && now < at.plus_seconds(RECENT_SECONDS) => Ok(found.clone()),
            Some(_) | None => {
                let found = self.shared.problems(now)?;
                *recent = Some((now, found.clone()));
                Ok(found)
            }
        }
    }

    /// When the scheduler did what last.
    #[must_use]
    pub fn vitals(&self) -> Vitals {
        *locked(&self.shared.vitals)
    }
}

impl Shared {
    /// What is wrong, feeds that fell silent included.
    pub fn problems(&self, now: Instant) -> Result<Vec<Problem>, SchedulerError> {
        let head = self.store.reader().head()?.position.get();
        let reached = self.projections.progress()?.position.get();
        let watch = Watch {
            reader: self.store.reader(),
            now,
            signs: self.store.verifying_key().is_some(),
            vitals: *locked(&self.vitals),
            behind: head.saturating_sub(reached),
            parked: self.projections.parked()?,
            mail: self.projections.mail_status(now.plus_seconds(-DEAD_SECONDS))?,
        };
        let mut found = watch.problems()?;
        found.extend(self.put_by());
        found.extend(silent_feeds(&self.projections.feeds()?, now));
        Ok(found)
    }

    /// The mails that cannot be written.
    fn put_by(&self) -> Option<Problem> {
        let put_by = locked(&self.put_by);
        let (notice, first) = put_by.iter().min_by_key(|(_, one)| one.since)?;
        Some(Problem {
            code: "notices",
            title: "mails cannot be written".to_owned(),
            what: format!(
                "{} mails are put by, the first, {notice}, since {}: {}.",
                put_by.len(),
                london_words(first.since),
                first.reason
            ),
            remedy: "Those behind them go on. Each is tried again every hour, and goes once the reason is mended; \
                     `mandate log verify` says whether the log was altered."
                .to_owned(),
        })
    }

    /// The same while the scheduler passes: what it did last says nothing.
    pub fn problems_beside(&self, now: Instant) -> Result<Vec<Problem>, SchedulerError> {
        let mut found = self.problems(now)?;
        found.retain(|problem| problem.code != SCHEDULER);
        Ok(found)
    }

    /// Queues a mail to the administrator about what is wrong: one for each set of problems on a date.
    pub fn keep_watch(&self, now: Instant, report: &mut StepReport) -> Result<(), SchedulerError> {
        if !self.settings.schedules.watch {
            return Ok(());
        }
        let mut watched_at = locked(&self.watched_at);
        let fresh = watched_at.is_some_and(|at| at <= now && now < at.plus_seconds(LOOK_SECONDS));
        if fresh {
            return Ok(());
        }
        *watched_at = Some(now);
        let mut codes: Vec<&str> = self.problems_beside(now)?.iter().map(|problem| problem.code).collect();
        codes.dedup();
        if codes.is_empty() {
            return Ok(());
        }
        let subject = format!("{}:{}:{}", Template::Operations.name(), codes.join("+"), now.london_date());
        if self.projections.notices_of(&subject)?.is_empty() {
            let planned = of_slot(Template::Operations, &self.settings.fallback.user, &subject);
            match event::queued(&planned, &subject, 0, None, now) {
                Ok(step) => {
                    let done = append(&self.store, vec![Group::alone(step)])?;
                    report.queued += done.steps;
                    report.progress = self.projections.advance(now)?;
                }
                Err(error) => tracing::error!(%error, "the mail to the administrator cannot be queued"),
            }
        }
        Ok(())
    }
}
