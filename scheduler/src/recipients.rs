//! Who is to be told, by the posts as they are filled now (spec 4.5).

use std::cell::RefCell;
use std::collections::HashMap;

use mandate_domain::catalogue::SubjectKind;
use mandate_projections::{ProjectionError, Projections};

/// Organisations above one another that are looked at; more would be a circle.
const MAX_HEIGHT: usize = 8;

/// Looks up who holds which post; remembers its answers, so make a new one for each pass.
pub(crate) struct Recipients<'p> {
    projections: &'p Projections,
    fallback: &'p str,
    known: RefCell<HashMap<(Mail, String), Vec<String>>>,
}

/// Which people are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Mail {
    Breach,
    Warning,
}

impl<'p> Recipients<'p> {
    pub fn new(projections: &'p Projections, fallback: &'p str) -> Self {
        Self { projections, fallback, known: RefCell::default() }
    }

    /// Who is told of a breach: the CPC of the holder; for a prison its ViSOR lead and the CPC of its group.
    ///
    /// Where the post is vacant, the deputy CPC, then those of the organisation above, at last the fallback.
    pub fn of_breach(&self, holder: Option<&str>) -> Result<Vec<String>, ProjectionError> {
        let Some(holder) = holder else { return Ok(vec![self.fallback.to_owned()]) };
        self.remembered(Mail::Breach, holder, || self.breach_people(holder))
    }

    /// Who is warned: the LPC of the unit, else the people of the holder who act.
    pub fn of_warning(
        &self,
        holder: Option<&str>,
        unit: Option<&str>,
    ) -> Result<Vec<String>, ProjectionError> {
        if let Some(unit) = unit {
            let people =
                self.remembered(Mail::Warning, unit, || self.projections.post_holders(unit, "lpc"))?;
            if !people.is_empty() {
                return Ok(people);
            }
        }
        let Some(holder) = holder else { return Ok(vec![self.fallback.to_owned()]) };
        self.remembered(Mail::Warning, holder, || {
            let post = match SubjectKind::of(holder) {
                Some(SubjectKind::Prison) => "visor-lead",
                _ => "lpc",
            };
            let people = self.projections.post_holders(holder, post)?;
            if people.is_empty() { self.upwards(holder) } else { Ok(people) }
        })
    }

    fn breach_people(&self, holder: &str) -> Result<Vec<String>, ProjectionError> {
        if SubjectKind::of(holder) != Some(SubjectKind::Prison) {
            return self.upwards(holder);
        }
        let mut people = self.projections.post_holders(holder, "visor-lead")?;
        if let Some(group) = self.projections.parent(holder)? {
            people.extend(self.points_of_contact(&group)?);
        }
        if people.is_empty() {
            return self.upwards(holder);
        }
        people.sort_unstable();
        people.dedup();
        Ok(people)
    }

    /// The CPCs of an organisation or of the nearest one above it that has any.
    fn upwards(&self, organisation: &str) -> Result<Vec<String>, ProjectionError> {
        let mut at = organisation.to_owned();
        for _ in 0..MAX_HEIGHT {
            let people = self.points_of_contact(&at)?;
            if !people.is_empty() {
                return Ok(people);
            }
            match self.projections.parent(&at)? {
                Some(parent) => at = parent,
                None => break,
            }
        }
        Ok(vec![self.fallback.to_owned()])
    }

    fn points_of_contact(&self, organisation: &str) -> Result<Vec<String>, ProjectionError> {
        let people = self.projections.post_holders(organisation, "cpc")?;
        if people.is_empty() { self.projections.post_holders(organisation, "deputy-cpc") } else { Ok(people) }
    }

    fn remembered(
        &self,
        mail: Mail,
        organisation: &str,
        look_up: impl FnOnce() -> Result<Vec<String>, ProjectionError>,
    ) -> Result<Vec<String>, ProjectionError> {
        let key = (mail, organisation.to_owned());
        if let Some(known) = self.known.borrow().get(&key) {
            return Ok(known.clone());
        }
        let found = look_up()?;
        self.known.borrow_mut().insert(key, found.clone());
        Ok(found)
    }
}
