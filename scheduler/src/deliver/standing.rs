//! Whether the recipient of a notice still answers for what it tells of.

use super::{Delivery, Due};
use crate::error::SchedulerError;
use crate::letter::Letter;
use crate::notice::Template;
use crate::recipients::Sight;

impl Delivery<'_> {
    /// Whether the recipient still answers for something that the mail lists, or was told because nobody else could be.
    pub(super) fn answers_still(&self, due: &Due, letter: &Letter) -> Result<bool, SchedulerError> {
        let recipient = &due.row.recipient;
        if *recipient == self.shared.settings.fallback.user || due.attempts.ambiguous > 0 {
            return Ok(true);
        }
        match due.template {
            Template::Breach
            | Template::Summary
            | Template::Warning
            | Template::Vetting
            | Template::Escalation => self.answers_for_duties(due.template, recipient, letter),
            Template::Opened | Template::Partnership | Template::Transfer => self.answers_for_acts(due),
            // A rescission goes to those who got the mail about the breach, whatever they do now; mails of the clock are
            // written for whom they go to.
            Template::Rescission
            | Template::Digest
            | Template::Team
            | Template::Quarterly
            | Template::Operations => Ok(true),
        }
    }

    fn answers_for_duties(
        &self,
        template: Template,
        recipient: &String,
        letter: &Letter,
    ) -> Result<bool, SchedulerError> {
        // Of a limited record whoever is listed may be told, where nobody of those who answer is.
        if letter.sight == Sight::Listed && !self.shared.projections.has_left(recipient)? {
            return Ok(true);
        }
        for held in &letter.held_by {
            let holder = held.holder.as_deref();
            let people = match template {
                Template::Warning => self.recipients.of_warning(holder, held.unit.as_deref())?,
                Template::Vetting => self.recipients.of_vetting(holder)?,
                Template::Escalation => {
                    self.recipients.of_escalation(holder, held.role.as_deref().unwrap_or("head"))?
                }
                Template::Breach
                | Template::Summary
                | Template::Rescission
                | Template::Opened
                | Template::Partnership
                | Template::Transfer
                | Template::Digest
                | Template::Team
                | Template::Quarterly
                | Template::Operations => self.recipients.of_breach(holder)?,
            };
            // A deputy is told of what could not be delivered to who holds the post.
            if people.contains(recipient) || self.recipients.deputies(holder)?.contains(recipient) {
                return Ok(true);
            }
        }
        Ok(letter.held_by.is_empty())
    }

    fn answers_for_acts(&self, due: &Due) -> Result<bool, SchedulerError> {
        for (id, _) in &due.row.duties {
            let Some(occasion) = self.shared.projections.occasion(id)? else { continue };
            let mut people = self.shared.of_occasion(due.template, &occasion, &self.recipients)?;
            people.extend(self.recipients.deputies(self.shared.owner_of(&occasion)?.as_deref())?);
            if people.contains(&due.row.recipient) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}
