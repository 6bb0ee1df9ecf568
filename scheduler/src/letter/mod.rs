//! What a mail says: subject, text and HTML, written from what the log holds about the duties that it lists.

mod content;
mod footer;
mod occasion;
mod rulebook;
mod schedule;
mod words;

use std::collections::BTreeSet;

use askama::Template as _;
use mandate_domain::judge::{Outcome, short_reference};
use mandate_domain::time::{Instant, in_words};
use mandate_projections::{NoticeRow, Projections};
use mandate_store::Reader;

use crate::duty_log::{DutyLog, Raised, Withdrawal, may_have_gone_before};
use crate::error::SchedulerError;
use crate::notice::Template;
use crate::recipients::{Recipients, Sight};
use crate::scheduler::Shared;
use content::{Content, Entry, Item};
pub(crate) use footer::Footer;
pub(crate) use rulebook::Rulebook;
pub(crate) use words::{place, rule_of};
use words::{subject_of, who};

/// A mail without its envelope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Letter {
    pub subject: String,
    pub text: String,
    pub html: String,
    /// The notices to which it answers, the first of which it continues.
    pub continues: Vec<String>,
    /// Who holds the duties that it lists.
    pub held_by: BTreeSet<Held>,
    /// Whether something in it is told to its recipient because the record is limited to them.
    pub sight: Sight,
}

/// Who holds a duty, by full ids: the holder, for a duty that is to be warned of the unit, and for a breach that
/// escalates to whom.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Held {
    pub holder: Option<String>,
    pub unit: Option<String>,
    pub role: Option<String>,
}

impl Letter {
    pub const fn new(subject: String, text: String, html: String) -> Self {
        Self { subject, text, html, continues: Vec::new(), held_by: BTreeSet::new(), sight: Sight::Open }
    }
}

/// Most notices named as those to which a mail answers.
const MAX_THREADS: usize = 20;

/// What is to be sent for a notice, by the state now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Draft {
    Letter(Box<Letter>),
    /// Nothing it would say is so.
    Moot(&'static str),
    /// All it would say is about records that are limited to others.
    Hidden,
}

/// Whether a notice may have reached its recipient already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sent {
    /// No: what is no longer so is left out.
    NotYet,
    /// Perhaps: it says what it said.
    Perhaps,
}

/// Writes letters.
pub(crate) struct LetterWriter<'a> {
    pub reader: &'a Reader,
    pub projections: &'a Projections,
    pub rules: &'a Rulebook,
    pub base_url: &'a str,
    /// The user who may be told of anything.
    pub fallback: &'a str,
    pub recipients: &'a Recipients<'a>,
    pub shared: &'a Shared,
    pub now: Instant,
}

impl LetterWriter<'_> {
    /// Writes what a notice says, or tells why there is nothing to say.
    pub fn write(&self, notice: &NoticeRow, template: Template, sent: Sent) -> Result<Draft, SchedulerError> {
        match template {
            Template::Breach
            | Template::Summary
            | Template::Warning
            | Template::Rescission
            | Template::Escalation
            | Template::Vetting => self.of_duties(notice, template, sent),
            Template::Opened | Template::Partnership | Template::Transfer => {
                self.of_occasions(notice, template, sent)
            }
            Template::Digest | Template::Team | Template::Quarterly | Template::Operations => {
                self.of_schedule(notice, template, sent)
            }
        }
    }

    fn of_duties(&self, notice: &NoticeRow, template: Template, sent: Sent) -> Result<Draft, SchedulerError> {
        let mut items = Vec::new();
        let mut continues = Vec::new();
        let mut seen = BTreeSet::new();
        let (mut sight, mut hidden) = (Sight::Open, false);
        for (duty, generation) in &notice.duties {
            if !seen.insert((duty, *generation)) {
                continue;
            }
            // A withdrawal goes to those who were told, and tells them nothing new.
            if template != Template::Rescission {
                match self.recipients.sight_of_duty(&notice.recipient, duty)? {
                    Sight::Open => {}
                    Sight::Listed => sight = Sight::Listed,
                    Sight::Hidden => {
                        hidden = true;
                        continue;
                    }
                }
            }
            let log = DutyLog::read(self.reader, duty)?;
            items.extend(match template {
                Template::Breach | Template::Summary => self.breach(&log, duty, *generation, sent)?,
                Template::Warning | Template::Vetting => self.warning(&log, duty, *generation, sent)?,
                Template::Escalation => self.escalation(&log, duty, *generation, &notice.notice, sent)?,
                Template::Opened
                | Template::Partnership
                | Template::Transfer
                | Template::Digest
                | Template::Team
                | Template::Quarterly
                | Template::Operations => None,
                Template::Rescission => self.rescission(&log, duty, *generation, notice, &mut continues)?,
            });
        }
        if items.is_empty() && hidden {
            return Ok(Draft::Hidden);
        }
        if items.is_empty() {
            return Ok(Draft::Moot(match template {
                Template::Breach | Template::Summary => "rescinded before sending",
                Template::Warning | Template::Vetting => "no longer pending",
                Template::Escalation => "ended or rescinded before sending",
                Template::Rescission => "the mail about the breach was never sent",
                Template::Opened
                | Template::Partnership
                | Template::Transfer
                | Template::Digest
                | Template::Team
                | Template::Quarterly
                | Template::Operations => "nothing to tell",
            }));
        }
        continues.truncate(MAX_THREADS);
        let held_by: BTreeSet<Held> = items.iter().map(|item| item.held.clone()).collect();
        let mut content = Content::new(template, items, self.footer(notice)?, self.now.london_date());
        for held in &held_by {
            for vacancy in self.recipients.vacancies(template, held, &notice.recipient)? {
                if !content.vacancies.contains(&vacancy) {
                    content.vacancies.push(vacancy);
                }
            }
        }
        let written = |reason: askama::Error| SchedulerError::Template {
            notice: notice.notice.clone(),
            reason: reason.to_string(),
        };
        let letter = render(template, content).map_err(written)?;
        Ok(Draft::Letter(Box::new(Letter { continues, held_by, sight, ..letter })))
    }
    fn breach(
        &self,
        log: &DutyLog,
        duty: &str,
        generation: u32,
        sent: Sent,
    ) -> Result<Option<Item>, SchedulerError> {
        let Some(raised) = log.raised(generation) else { return Ok(None) };
        if sent == Sent::NotYet && log.withdrawal(generation).is_some() {
            return Ok(None);
        }
        let note = match Outcome::from_name(&raised.outcome) {
            Some(Outcome::MetLate) => "It was done late; nothing more is to be done".to_owned(),
            Some(Outcome::Lapsed) => "It ended undone and cannot be done any more".to_owned(),
            Some(_) | None => self.rules.clears(&raised.rule, &raised.version),
        };
        self.item(duty, &raised, "Due", note).map(Some)
    }

    fn rescission(
        &self,
        log: &DutyLog,
        duty: &str,
        generation: u32,
        notice: &NoticeRow,
        continues: &mut Vec<String>,
    ) -> Result<Option<Item>, SchedulerError> {
        let (Some(raised), Some(withdrawal)) = (log.raised(generation), log.withdrawal(generation)) else {
            return Ok(None);
        };
        let mut told = false;
        for breach in log.breach_notices(generation) {
            let own = breach.recipient == notice.recipient;
            let theirs = notice.in_place_of.as_ref() == Some(&breach.recipient);
            if (own || theirs || notice.recipient == self.fallback)
                && may_have_gone_before(self.reader, &breach.notice, withdrawal.position)?
            {
                told = true;
                if own && !continues.contains(&breach.notice) {
                    continues.push(breach.notice);
                }
            }
        }
        if !told {
            return Ok(None);
        }
        let mut note = why_withdrawn(&withdrawal).to_owned();
        if let Some(replaced_by) = &withdrawal.replaced_by {
            note.push_str("; in its place: ");
            note.push_str(&short_reference(replaced_by));
        }
        self.item(duty, &raised, "Was due", note).map(Some)
    }

    /// An item about a breach, from the event that raised it and the rule.
    fn item(
        &self,
        duty: &str,
        raised: &Raised,
        day_label: &'static str,
        note: String,
    ) -> Result<Item, SchedulerError> {
        let holder = raised.holder.as_deref();
        let (paragraph, sentence) = match self.rules.rule(&raised.rule) {
            Some(rule) => (rule.paragraph.for_holder(holder).to_owned(), rule.duty.clone()),
            // A rule of an adopted policy that this program did not ship with.
            None => match self.projections.duty(duty)? {
                Some(row) => (row.record.paragraph, row.title),
                None => (raised.rule.clone(), "A duty of a rule no longer in force".to_owned()),
            },
        };
        let due_on = raised.due_at.map(|at| self.rules.due_on(&raised.rule, &raised.version, at));
        let entry = Entry {
            reference: short_reference(duty),
            who: who(subject_of(duty)),
            paragraph,
            sentence,
            act_by: None,
            day_label,
            day: due_on.map_or_else(|| "not known".to_owned(), in_words),
            note,
        };
        let held = Held { holder: raised.holder.clone(), unit: None, role: None };
        Ok(Item { held, sort_on: due_on, working_days: None, entry })
    }

    fn escalation(
        &self,
        log: &DutyLog,
        duty: &str,
        generation: u32,
        notice: &str,
        sent: Sent,
    ) -> Result<Option<Item>, SchedulerError> {
        let (Some(raised), Some((step, role))) = (log.raised(generation), log.escalation_of(notice)) else {
            return Ok(None);
        };
        if sent == Sent::NotYet && log.ended(generation) {
            return Ok(None);
        }
        let note = self.rules.clears(&raised.rule, &raised.version);
        let mut item = self.item(duty, &raised, "Was due", note)?;
        item.held.role = Some(role);
        item.working_days = step.split('-').nth(1).and_then(|days| days.strip_suffix("wd")?.parse().ok());
        Ok(Some(item))
    }

    fn warning(
        &self,
        log: &DutyLog,
        duty: &str,
        generation: u32,
        sent: Sent,
    ) -> Result<Option<Item>, SchedulerError> {
        let Some(row) = self.projections.duty(duty)? else { return Ok(None) };
        let record = &row.record;
        let holds = record.outcome() == Outcome::Pending && log.warned_of(record.due_at, generation);
        if sent == Sent::NotYet && !holds {
            return Ok(None);
        }
        let entry = Entry {
            reference: row.reference,
            who: who(&record.subject),
            paragraph: record.paragraph.clone(),
            sentence: row.title,
            act_by: record.act_by.map(in_words),
            day_label: "Due",
            day: record.due_on.map_or_else(|| "not known".to_owned(), in_words),
            note: self.rules.clears(rule_of(duty), &row.version.to_string()),
        };
        // What expires is counted in days, weekends and all.
        let sort_on = if self.rules.is_expiry(&record.rule) { record.due_on } else { record.act_by };
        Ok(Some(Item {
            held: Held { holder: record.holder.clone(), unit: row.unit, role: None },
            sort_on: sort_on.or(record.due_on),
            working_days: None,
            entry,
        }))
    }
}

/// Why a breach was withdrawn, as a sentence without its full stop.
fn why_withdrawn(withdrawal: &Withdrawal) -> &'static str {
    match withdrawal.because.as_str() {
        "annulled" => "Withdrawn: the fact that opened it was recorded in error",
        "merged" => "Withdrawn: the record was merged with another",
        "rule" => "Withdrawn: the rule was changed",
        _ => match withdrawal.outcome_now.as_deref().and_then(Outcome::from_name) {
            Some(Outcome::Met) => "Withdrawn: a fact recorded since shows that it was done in time",
            Some(Outcome::Overdue | Outcome::MetLate | Outcome::Lapsed) => {
                "Withdrawn: by a fact recorded since, it was due at another time"
            }
            Some(
                Outcome::Pending
                | Outcome::Withdrawn
                | Outcome::Superseded
                | Outcome::Exempt
                | Outcome::Annulled,
            )
            | None => "Withdrawn: by a fact recorded since, it is no breach",
        },
    }
}

fn render(template: Template, mut c: Content) -> askama::Result<Letter> {
    c.footer.subject = match template {
        Template::Breach | Template::Summary => content::BreachSubject { c: &c }.render()?,
        Template::Warning => content::WarningSubject { c: &c }.render()?,
        Template::Vetting => content::VettingSubject { c: &c }.render()?,
        Template::Escalation => content::EscalationSubject { c: &c }.render()?,
        Template::Rescission => content::RescissionSubject { c: &c }.render()?,
        Template::Opened
        | Template::Partnership
        | Template::Transfer
        | Template::Digest
        | Template::Team
        | Template::Quarterly
        | Template::Operations => String::new(),
    };
    let (text, html) = match template {
        Template::Breach | Template::Summary => {
            (content::BreachText { c: &c }.render()?, content::BreachHtml { c: &c }.render()?)
        }
        Template::Warning => {
            (content::WarningText { c: &c }.render()?, content::WarningHtml { c: &c }.render()?)
        }
        Template::Vetting => {
            (content::VettingText { c: &c }.render()?, content::VettingHtml { c: &c }.render()?)
        }
        Template::Escalation => {
            (content::EscalationText { c: &c }.render()?, content::EscalationHtml { c: &c }.render()?)
        }
        Template::Rescission => {
            (content::RescissionText { c: &c }.render()?, content::RescissionHtml { c: &c }.render()?)
        }
        Template::Opened
        | Template::Partnership
        | Template::Transfer
        | Template::Digest
        | Template::Team
        | Template::Quarterly
        | Template::Operations => (String::new(), String::new()),
    };
    Ok(Letter::new(c.footer.subject, text, html))
}
