//! Mails about what others did: a record opened, a partnership or a transfer asked for.

use askama::Template as _;
use mandate_domain::catalogue::{FactType, Field};
use mandate_domain::judge::Outcome;
use mandate_domain::time::{Date, in_words, london_words};
use mandate_projections::{DutyFilter, DutyRow, NoticeRow, Occasion};
use mandate_store::{MAX_READ, Sequence};

use super::words::{place, who};
use super::{Draft, Footer, Letter, LetterWriter, Sent};
use crate::error::SchedulerError;
use crate::notice::Template;
use crate::recipients::Sight;

/// Most open duties named in a hand-over note.
const MAX_OPEN: u32 = 100;
/// Acts listed in one mail; the list of notices has them all.
const LISTED: usize = 100;
/// What answers a request to take a record over, and one for partnership.
const TRANSFER_ANSWERS: &[FactType] = &[FactType::TransferAccepted, FactType::TransferRefused];
const PARTNERSHIP_ANSWERS: &[FactType] = &[FactType::PartnersAdded, FactType::PartnershipRefused];
/// The rule that gives a request for partnership its time.
const ANSWER_RULE: &str = "4.25";

/// One act as listed.
#[derive(Debug)]
pub(super) struct Told {
    pub who: String,
    pub lines: Vec<String>,
    /// What there is to it: open duties with the days that are left.
    pub open: Vec<String>,
    /// Days until an answer is due, if one is.
    pub days_left: Option<i32>,
    /// To whom a record goes.
    pub to: String,
}

/// What the templates show.
#[derive(Debug)]
pub(super) struct Content {
    pub footer: Footer,
    pub count: usize,
    pub told: Vec<Told>,
    /// How many more there are than are listed.
    pub more: usize,
    /// Of one act.
    pub first_who: String,
    pub days_left: Option<String>,
    pub to: String,
}

impl LetterWriter<'_> {
    /// Writes a mail about what others did, or tells that nothing waits any more.
    pub(super) fn of_occasions(
        &self,
        notice: &NoticeRow,
        template: Template,
        sent: Sent,
    ) -> Result<Draft, SchedulerError> {
        let mut told = Vec::new();
        let (mut sight, mut hidden) = (Sight::Open, false);
        let mut left = notice.duties.iter();
        for (id, _) in left.by_ref() {
            let Some(occasion) = self.projections.occasion(id)? else { continue };
            match self.recipients.sight(&notice.recipient, &occasion.subject)? {
                Sight::Open => {}
                Sight::Listed => sight = Sight::Listed,
                Sight::Hidden => {
                    hidden = true;
                    continue;
                }
            }
            if sent == Sent::NotYet && occasion.annulled {
                continue;
            }
            let written = match template {
                Template::Opened => Some(self.opened(&occasion)?),
                Template::Partnership => self.partnership(&occasion, sent)?,
                Template::Transfer => self.transfer(&occasion, sent)?,
                Template::Breach
                | Template::Summary
                | Template::Warning
                | Template::Rescission
                | Template::Escalation
                | Template::Vetting
                | Template::Digest
                | Template::Team
                | Template::Quarterly
                | Template::Operations => None,
            };
            told.extend(written);
            if told.len() == LISTED {
                break;
            }
        }
        if told.is_empty() && hidden {
            return Ok(Draft::Hidden);
        }
        let more = left.len();
        let Some(first) = told.first() else {
            return Ok(Draft::Moot("answered, refused or stated in error before sending"));
        };
        let mut c = Content {
            count: told.len() + more,
            more,
            first_who: first.who.clone(),
            days_left: first.days_left.map(days_left),
            to: first.to.clone(),
            footer: self.footer(notice)?,
            told,
        };
        let written = |reason: askama::Error| SchedulerError::Template {
            notice: notice.notice.clone(),
            reason: reason.to_string(),
        };
        let letter = render(template, &mut c).map_err(written)?;
        Ok(Draft::Letter(Box::new(Letter { sight, ..letter })))
    }

    fn opened(&self, occasion: &Occasion) -> Result<Told, SchedulerError> {
        let at = self.when(occasion)?;
        Ok(Told {
            who: who(&occasion.subject),
            lines: vec![
                format!("Opened by somebody of: {}", place(occasion.org.as_deref())),
                format!("When: {at}"),
                format!("{}/nominals/{}", self.base_url, who(&occasion.subject)),
            ],
            open: Vec::new(),
            days_left: None,
            to: String::new(),
        })
    }

    /// A request that waits; none once it is answered.
    fn partnership(&self, occasion: &Occasion, sent: Sent) -> Result<Option<Told>, SchedulerError> {
        let opener = occasion.id.strip_prefix("partnership:").unwrap_or(&occasion.id);
        let duty = self.projections.duty(&format!("{ANSWER_RULE}:{opener}"))?;
        let waits = |row: &DutyRow| matches!(row.record.outcome(), Outcome::Pending | Outcome::Overdue);
        if sent == Sent::NotYet {
            let answered = match &duty {
                Some(row) => !waits(row),
                // A record of the police, or none yet: no rule gives the answer a time.
                None => self.is_answered(occasion, PARTNERSHIP_ANSWERS)?,
            };
            if answered {
                return Ok(None);
            }
        }
        let due_on = duty.as_ref().and_then(|row| row.record.due_on);
        let mut lines = vec![
            format!("Asked for by: {}", place(occasion.org.as_deref())),
            format!("When: {}", self.when(occasion)?),
        ];
        lines.extend(due_on.map(|due_on| format!("Answer due: {}", in_words(due_on))));
        lines.push(match &duty {
            Some(row) => format!("{}/duties/{}", self.base_url, row.reference),
            None => format!("{}/nominals/{}", self.base_url, who(&occasion.subject)),
        });
        Ok(Some(Told {
            who: who(&occasion.subject),
            lines,
            open: Vec::new(),
            days_left: due_on.map(|due_on| self.days_to(due_on)),
            to: place(occasion.org.as_deref()),
        }))
    }

    /// Whether a request was answered by a fact of some types that is not annulled.
    fn is_answered(&self, occasion: &Occasion, answers: &[FactType]) -> Result<bool, SchedulerError> {
        let asked = self.reader.by_position(occasion.position)?;
        let Some(request) = asked.as_ref().and_then(|asked| asked.fact.text(Field::Request)) else {
            return Ok(false);
        };
        let survivor = self.projections.subject(&occasion.subject)?.and_then(|row| row.merged_into);
        for subject in std::iter::once(&occasion.subject).chain(&survivor) {
            let mut after = Sequence::START;
            loop {
                let page = self.reader.read_subject(subject, after, MAX_READ)?;
                let fitting = page.iter().map(|event| &event.fact).filter(|fact| {
                    answers.contains(&fact.kind) && fact.text(Field::Request) == Some(request)
                });
                for fact in fitting {
                    if !self.projections.is_annulled(&fact.source, &fact.id)? {
                        return Ok(true);
                    }
                }
                match page.last() {
                    Some(last) if page.len() == MAX_READ => after = last.sequence,
                    Some(_) | None => break,
                }
            }
        }
        Ok(false)
    }

    /// A record to be taken over, with its open duties and the days that are left for each; none once it was accepted or
    /// refused.
    fn transfer(&self, occasion: &Occasion, sent: Sent) -> Result<Option<Told>, SchedulerError> {
        if sent == Sent::NotYet && self.is_answered(occasion, TRANSFER_ANSWERS)? {
            return Ok(None);
        }
        let filter = DutyFilter {
            subject: Some(occasion.subject.clone()),
            outcomes: vec![Outcome::Overdue, Outcome::Pending],
            size: MAX_OPEN,
            ..DutyFilter::default()
        };
        let open = self.projections.duties(&filter)?;
        let line = |row: &DutyRow| {
            let left = match row.record.due_on {
                Some(due_on) => format!("due {}, {}", in_words(due_on), days_left(self.days_to(due_on))),
                None => "no date can be given yet".to_owned(),
            };
            format!("{}  paragraph {}: {left}", row.reference, row.record.paragraph)
        };
        Ok(Some(Told {
            who: who(&occasion.subject),
            lines: vec![
                format!("To: {}", place(occasion.org.as_deref())),
                format!("Asked for: {}", self.when(occasion)?),
                format!("{}/nominals/{}", self.base_url, who(&occasion.subject)),
            ],
            open: open.content.iter().map(line).collect(),
            days_left: None,
            to: place(occasion.org.as_deref()),
        }))
    }

    /// When an act occurred, in words.
    fn when(&self, occasion: &Occasion) -> Result<String, SchedulerError> {
        let event = self.reader.by_position(occasion.position)?;
        Ok(event.map_or_else(|| "not known".to_owned(), |event| london_words(event.fact.time)))
    }

    fn days_to(&self, day: Date) -> i32 {
        day.days() - self.now.london_date().days()
    }
}

/// `3 days left`, `due today`, `2 days late`.
fn days_left(days: i32) -> String {
    match days {
        1 => "1 day left".to_owned(),
        0 => "due today".to_owned(),
        -1 => "1 day late".to_owned(),
        days if days > 0 => format!("{days} days left"),
        days => format!("{} days late", -days),
    }
}

macro_rules! templates {
    ($($name:ident $path:literal $escape:literal)*) => { $(
        #[derive(askama::Template)]
        #[template(path = $path, escape = $escape)]
        struct $name<'a> {
            c: &'a Content,
        }
    )* };
}

templates! {
    OpenedSubject "opened/subject.txt" "none"
    OpenedText "opened/body.txt" "none"
    OpenedHtml "opened/body.html" "html"
    PartnershipSubject "partnership/subject.txt" "none"
    PartnershipText "partnership/body.txt" "none"
    PartnershipHtml "partnership/body.html" "html"
    TransferSubject "transfer/subject.txt" "none"
    TransferText "transfer/body.txt" "none"
    TransferHtml "transfer/body.html" "html"
}

fn render(template: Template, c: &mut Content) -> askama::Result<Letter> {
    c.footer.subject = match template {
        Template::Opened => OpenedSubject { c }.render()?,
        Template::Partnership => PartnershipSubject { c }.render()?,
        _ => TransferSubject { c }.render()?,
    };
    let (text, html) = match template {
        Template::Opened => (OpenedText { c }.render()?, OpenedHtml { c }.render()?),
        Template::Partnership => (PartnershipText { c }.render()?, PartnershipHtml { c }.render()?),
        _ => (TransferText { c }.render()?, TransferHtml { c }.render()?),
    };
    Ok(Letter::new(c.footer.subject.clone(), text, html))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_counted_down_and_then_up() {
        let words: Vec<_> = [3, 1, 0, -1, -2].into_iter().map(days_left).collect();
        assert_eq!(words, ["3 days left", "1 day left", "due today", "1 day late", "2 days late"]);
    }
}
