//! Who is to be told, by the posts as they are filled now (spec 4.5).

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use mandate_domain::catalogue::SubjectKind;
use mandate_projections::{Preferences, ProjectionError, Projections};

use crate::letter::{Held, place};
use crate::notice::Template;

/// Organisations above one another that are looked at; more would be a circle.
const MAX_HEIGHT: usize = 8;

/// Looks up who holds which post; remembers its answers, so make a new one for each pass.
pub(crate) struct Recipients<'p> {
    projections: &'p Projections,
    fallback: &'p str,
    known: RefCell<HashMap<(Mail, String), Vec<String>>>,
    roles: RefCell<HashMap<String, Rc<InRole>>>,
    preferences: RefCell<HashMap<String, Rc<Preferences>>>,
}

/// Users in a role, each with their organisation.
type InRole = Vec<(String, Option<String>)>;

/// Which people are asked for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Mail {
    Breach,
    Warning,
    Escalation(String),
    Vetting,
}

impl<'p> Recipients<'p> {
    pub fn new(projections: &'p Projections, fallback: &'p str) -> Self {
        Self {
            projections,
            fallback,
            known: RefCell::default(),
            roles: RefCell::default(),
            preferences: RefCell::default(),
        }
    }

    /// How a person wants their mail.
    pub fn preferences(&self, user: &str) -> Result<Rc<Preferences>, ProjectionError> {
        if let Some(known) = self.preferences.borrow().get(user) {
            return Ok(Rc::clone(known));
        }
        let found = Rc::new(self.projections.preferences(user)?);
        self.preferences.borrow_mut().insert(user.to_owned(), Rc::clone(&found));
        Ok(found)
    }

    /// Whether a person has not turned a kind of mail off that may be turned off.
    pub fn wants(&self, user: &str, template: Template) -> Result<bool, ProjectionError> {
        if !template.may_be_off() {
            return Ok(true);
        }
        Ok(!self.preferences(user)?.off.iter().any(|kind| kind == template.name()))
    }

    /// The deputies of who answers for an organisation: who is told what a mail could not tell.
    pub fn deputies(&self, holder: Option<&str>) -> Result<Vec<String>, ProjectionError> {
        let Some(holder) = holder else { return Ok(Vec::new()) };
        let own = self.projections.post_holders(holder, "deputy-cpc")?;
        if !own.is_empty() || SubjectKind::of(holder) != Some(SubjectKind::Prison) {
            return Ok(own);
        }
        match self.projections.parent(holder)? {
            Some(group) => self.projections.post_holders(&group, "deputy-cpc"),
            None => Ok(Vec::new()),
        }
    }

    /// Who is told of a breach that stands after some working days: for `head` the governor of a prison, else the head
    /// of public protection of the organisation or of the nearest above it; nobody for `board`, where it is counted.
    pub fn of_escalation(&self, holder: Option<&str>, to_role: &str) -> Result<Vec<String>, ProjectionError> {
        if to_role == "board" {
            return Ok(Vec::new());
        }
        let Some(holder) = holder else { return Ok(vec![self.fallback.to_owned()]) };
        if to_role == "cpc" {
            return self.of_breach(Some(holder));
        }
        self.remembered(Mail::Escalation(to_role.to_owned()), holder, || {
            let people = self.in_role_upwards(holder, head_role(holder, to_role))?;
            if !people.is_empty() {
                return Ok(people);
            }
            // Nobody is in that role: the next level hears of it, and that the role is empty.
            match self.projections.parent(holder)? {
                Some(parent) => self.upwards(&parent),
                None => Ok(vec![self.fallback.to_owned()]),
            }
        })
    }

    /// Who is told that vetting expires: the CPC and who manages the person's team.
    pub fn of_vetting(&self, org: Option<&str>) -> Result<Vec<String>, ProjectionError> {
        let Some(org) = org else { return Ok(vec![self.fallback.to_owned()]) };
        self.remembered(Mail::Vetting, org, || {
            let mut people = self.of_breach(Some(org))?;
            people.extend(self.in_role_at(org, "spo")?);
            people.sort_unstable();
            people.dedup();
            Ok(people)
        })
    }

    /// The posts and roles that nobody fills, for want of whom others are told; each as a sentence without its full stop.
    pub fn vacancies(
        &self,
        template: Template,
        held: &Held,
        recipient: &str,
    ) -> Result<Vec<String>, ProjectionError> {
        let Some(holder) = held.holder.as_deref() else { return Ok(Vec::new()) };
        let prison = SubjectKind::of(holder) == Some(SubjectKind::Prison);
        let mut found = Vec::new();
        let mut look = |org: &str, post: &str, words: &str| -> Result<(), ProjectionError> {
            if self.projections.post_holders(org, post)?.is_empty() {
                found.push(format!("Nobody holds the post of {words} of {}", place(Some(org))));
            }
            Ok(())
        };
        match template {
            Template::Breach | Template::Summary | Template::Vetting if prison => {
                look(holder, "visor-lead", "ViSOR lead")?;
            }
            Template::Breach | Template::Summary | Template::Vetting
                if matches!(SubjectKind::of(holder), Some(SubjectKind::Area | SubjectKind::PrisonGroup)) =>
            {
                look(holder, "cpc", "CPC")?;
            }
            Template::Warning if prison => look(holder, "visor-lead", "ViSOR lead")?,
            Template::Warning => {
                let unit = held.unit.as_deref();
                let lpc = match unit {
                    Some(unit) => self.projections.post_holders(unit, "lpc")?,
                    None => self.projections.post_holders(holder, "lpc")?,
                };
                if lpc.is_empty() {
                    look(unit.unwrap_or(holder), "lpc", "LPC")?;
                }
            }
            Template::Escalation => {
                let role = head_role(holder, held.role.as_deref().unwrap_or("head"));
                let own = self.in_role_upwards(holder, role)?;
                if !own.iter().any(|user| user == recipient) && own.is_empty() {
                    found.push(format!(
                        "Nobody is known as {} of {}",
                        role.replace('-', " "),
                        place(Some(holder))
                    ));
                }
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
            | Template::Operations => {}
        }
        Ok(found)
    }

    /// Users in a role with an organisation.
    pub fn in_role(&self, role: &str) -> Result<Rc<InRole>, ProjectionError> {
        if let Some(known) = self.roles.borrow().get(role) {
            return Ok(Rc::clone(known));
        }
        let found = Rc::new(self.projections.users_in_role(role)?);
        self.roles.borrow_mut().insert(role.to_owned(), Rc::clone(&found));
        Ok(found)
    }

    fn in_role_at(&self, org: &str, role: &str) -> Result<Vec<String>, ProjectionError> {
        let found = self.in_role(role)?;
        let own = found.iter().filter(|(_, own)| own.as_deref() == Some(org));
        Ok(own.map(|(user, _)| user.clone()).collect())
    }

    fn in_role_upwards(&self, organisation: &str, role: &str) -> Result<Vec<String>, ProjectionError> {
        let mut at = organisation.to_owned();
        for _ in 0..MAX_HEIGHT {
            let people = self.in_role_at(&at, role)?;
            if !people.is_empty() {
                return Ok(people);
            }
            match self.projections.parent(&at)? {
                Some(parent) => at = parent,
                None => break,
            }
        }
        Ok(Vec::new())
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

/// The role in which a user is the `head` of an organisation; another role of a rule by its own name.
fn head_role<'r>(holder: &str, to_role: &'r str) -> &'r str {
    match (to_role, SubjectKind::of(holder)) {
        ("head", Some(SubjectKind::Prison)) => "governor",
        ("head", _) => "head-of-public-protection",
        (role, _) => role,
    }
}
