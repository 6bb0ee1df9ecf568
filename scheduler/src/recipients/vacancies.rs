//! The posts and roles that nobody fills, for want of whom others are told.

use mandate_domain::catalogue::SubjectKind;
use mandate_projections::ProjectionError;

use super::{Recipients, head_role};
use crate::letter::{Held, place};
use crate::notice::Template;

impl Recipients<'_> {
    /// The posts and roles that nobody fills, for want of whom a person is told; each as a sentence without its full stop.
    pub fn vacancies(
        &self,
        template: Template,
        held: &Held,
        recipient: &str,
    ) -> Result<Vec<String>, ProjectionError> {
        let Some(holder) = held.holder.as_deref() else { return Ok(Vec::new()) };
        let prison = SubjectKind::of(holder) == Some(SubjectKind::Prison);
        let found = match template {
            Template::Breach | Template::Summary | Template::Vetting if prison => {
                self.of_a_prison(holder, recipient)?
            }
            Template::Breach | Template::Summary | Template::Vetting
                if matches!(SubjectKind::of(holder), Some(SubjectKind::Area | SubjectKind::PrisonGroup)) =>
            {
                self.vacant(holder, "cpc", "CPC")?
            }
            Template::Warning => self.of_a_warning(holder, held.unit.as_deref(), recipient)?,
            Template::Escalation => {
                let role = head_role(holder, held.role.as_deref().unwrap_or("head"));
                let own = self.in_role_upwards(holder, role)?;
                own.is_empty().then(|| {
                    format!("Nobody is known as {} of {}", role.replace('-', " "), place(Some(holder)))
                })
            }
            Template::Breach
            | Template::Summary
            | Template::Vetting
            | Template::Rescission
            | Template::Opened
            | Template::Partnership
            | Template::Transfer
            | Template::Digest
            | Template::Team
            | Template::Quarterly
            | Template::Operations => None,
        };
        Ok(found.into_iter().collect())
    }

    fn vacant(&self, org: &str, post: &str, words: &str) -> Result<Option<String>, ProjectionError> {
        let vacant = self.projections.post_holders(org, post)?.is_empty();
        Ok(vacant.then(|| format!("Nobody holds the post of {words} of {}", place(Some(org)))))
    }

    /// A prison has its ViSOR lead and the CPC of its group; each hears of the other's vacancy from those above alone.
    fn of_a_prison(&self, prison: &str, recipient: &str) -> Result<Option<String>, ProjectionError> {
        let leads = self.projections.post_holders(prison, "visor-lead")?;
        if leads.is_empty() {
            return self.vacant(prison, "visor-lead", "ViSOR lead");
        }
        if leads.iter().any(|lead| lead == recipient) {
            return Ok(None);
        }
        match self.projections.parent(prison)? {
            Some(group) => self.vacant(&group, "cpc", "CPC"),
            None => Ok(None),
        }
    }

    fn of_a_warning(
        &self,
        holder: &str,
        unit: Option<&str>,
        recipient: &str,
    ) -> Result<Option<String>, ProjectionError> {
        for org in [Some(holder), unit].into_iter().flatten() {
            if self.administrators(org)?.iter().any(|user| user == recipient) {
                return Ok(None);
            }
        }
        if !self.who_acts(Some(holder), unit)?.is_empty() {
            return Ok(None);
        }
        if SubjectKind::of(holder) == Some(SubjectKind::Prison) {
            return self.vacant(holder, "visor-lead", "ViSOR lead");
        }
        self.vacant(unit.unwrap_or(holder), "lpc", "LPC")
    }
}
