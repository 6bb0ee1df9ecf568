//! When a notice is to be sent: what costs least is asked first.

use mandate_domain::time::Instant;
use mandate_projections::NoticeRow;

use super::{Delivery, Due};
use crate::duty_log::DutyLog;
use crate::error::SchedulerError;
use crate::letter::rule_of;
use crate::notice::{Template, pause_seconds};
use crate::schedule::LondonTime;
use crate::scheduler::locked;
use crate::settings::Nodes;

/// No pause is longer; a moment further away was noted before the clock went back.
pub(super) const LONGEST_PAUSE_SECONDS: i64 = 3600;
/// No attempt takes longer: the answers to all verbs are waited for, each for half a minute.
const ATTEMPT_SECONDS: i64 = 600;
/// The rule about imminent risk, of which mail goes at any hour (4.36).
const IMMINENT_RISK: &str = "4.36";

/// Whether a notice is to be sent now.
pub(super) enum Turn {
    Now(Box<Due>),
    At(Instant),
    Never,
}

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

impl Delivery<'_> {
    /// Whether the time of a notice has come. First what is in memory, then what its recipient wants, and only then what
    /// was tried so far, for which the log is read: a night's mails cost next to nothing until the morning.
    pub(super) fn turn(&self, row: &NoticeRow) -> Result<Turn, SchedulerError> {
        let farthest = self.now.plus_seconds(LONGEST_PAUSE_SECONDS);
        if let Some(at) = locked(&self.shared.retries).get(&row.notice).copied()
            && at > self.now
            && at <= farthest
        {
            return Ok(Turn::At(at));
        }
        let unknown = |reason: &str| SchedulerError::Template {
            notice: row.notice.clone(),
            reason: format!("{reason} (`{}`)", row.template),
        };
        let template =
            Template::from_name(&row.template).ok_or_else(|| unknown("no mail of this kind is known"))?;
        let quiet_until = self.quiet_until(&row.recipient, template)?;
        let Some(row) = self.shared.projections.notice(&row.notice)? else { return Ok(Turn::Never) };
        // What tells of imminent risk goes at any time.
        if let Some(at) = quiet_until
            && row.duties.iter().all(|(duty, _)| rule_of(duty) != IMMINENT_RISK)
        {
            return Ok(Turn::At(at));
        }
        let Some((first_duty, _)) = row.duties.first().cloned() else {
            return Err(SchedulerError::Template {
                notice: row.notice,
                reason: "it is about nothing".to_owned(),
            });
        };
        let attempts = DutyLog::read(self.shared.store.reader(), &first_duty)?.attempts(&row.notice);
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
        // An attempt that was cut short is looked into at once.
        let ended_at = attempts.last_at.filter(|_| attempts.open_since.is_none());
        let next_at = ended_at.map(|at| at.plus_seconds(pause_seconds(attempts.count())));
        match next_at {
            Some(at) if at > self.now && at <= farthest => {
                locked(&self.shared.retries).insert(row.notice, at);
                Ok(Turn::At(at))
            }
            Some(_) | None => Ok(Turn::Now(Box::new(Due { row, first_duty, template, attempts }))),
        }
    }

    /// Takes a turn of the present minute, or tells when the next one comes.
    pub(super) fn take_turn(&self) -> Result<(), Instant> {
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

    /// Until when a recipient wants no mail, if that is so now; what tells the administrator that something is wrong with
    /// Mandate itself goes at any time.
    fn quiet_until(&self, recipient: &str, template: Template) -> Result<Option<Instant>, SchedulerError> {
        if template == Template::Operations {
            return Ok(None);
        }
        let preferences = self.recipients.preferences(recipient)?;
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
}
