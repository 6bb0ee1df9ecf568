//! Who is to be told, by the posts as they are filled now (spec 4.5).

use std::cell::{OnceCell, RefCell};
use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;
use std::sync::Arc;

use mandate_domain::catalogue::SubjectKind;
use mandate_domain::time::Instant;
use mandate_projections::{Limited, PostHolder, Preferences, ProjectionError, Projections};

use crate::notice::Template;
use crate::overview::Desk;
use crate::schedule::{LondonTime, Schedule};

mod vacancies;

/// Organisations above one another that are looked at; more would be a circle.
const MAX_HEIGHT: usize = 8;
/// The roles of those who enter what an organisation does on ViSOR.
const ADMINISTRATORS: [&str; 2] = ["case-administrator", "mappa-administrator"];

/// Looks up who holds which post; remembers its answers, so make a new one for each pass.
pub(crate) struct Recipients<'p> {
    pub(super) projections: &'p Projections,
    fallback: &'p str,
    limited: Arc<Limited>,
    readers: OnceCell<Vec<(String, Desk)>>,
    known: RefCell<HashMap<(Mail, String), Vec<String>>>,
    roles: RefCell<HashMap<String, Rc<InRole>>>,
    preferences: RefCell<HashMap<String, Rc<Preferences>>>,
}

/// Users in a role, each with their organisation.
type InRole = Vec<(String, Option<String>)>;

/// How somebody stands to a subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sight {
    /// It is limited to nobody.
    Open,
    /// It is limited to some, of whom they are one.
    Listed,
    /// It is limited to others.
    Hidden,
}

/// Which people are asked for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Mail {
    Breach,
    Warning,
    Escalation(String),
    Vetting,
}

impl<'p> Recipients<'p> {
    pub fn new(
        projections: &'p Projections,
        fallback: &'p str,
        now: Instant,
    ) -> Result<Self, ProjectionError> {
        Ok(Self {
            projections,
            fallback,
            limited: projections.limited(now)?,
            readers: OnceCell::new(),
            known: RefCell::default(),
            roles: RefCell::default(),
            preferences: RefCell::default(),
        })
    }

    /// Of those who answer for what is about a subject, those who may know of it. Where it is limited to others, whoever is
    /// listed is told, since somebody has to act; where nobody is, the fallback.
    pub fn who_may_know(&self, subject: &str, people: Vec<String>) -> Result<Vec<String>, ProjectionError> {
        if self.limited.listed(subject).is_none() {
            return Ok(people);
        }
        let listed = self.listed(subject)?;
        let may: Vec<String> = people.into_iter().filter(|user| listed.contains(user)).collect();
        Ok(if may.is_empty() { listed } else { may })
    }

    /// Who alone may be told of a subject that is limited: those listed who have not left, or else the fallback; nobody of
    /// one that is not.
    pub fn listed(&self, subject: &str) -> Result<Vec<String>, ProjectionError> {
        let Some(listed) = self.limited.listed(subject) else { return Ok(Vec::new()) };
        let mut people = Vec::with_capacity(listed.len());
        for user in listed {
            if !self.projections.has_left(user)? {
                people.push(user.to_string());
            }
        }
        Ok(if people.is_empty() { vec![self.fallback.to_owned()] } else { people })
    }

    /// How somebody stands to what a duty is about.
    pub fn sight_of_duty(&self, user: &str, duty: &str) -> Result<Sight, ProjectionError> {
        self.limited.of_duty(duty).map_or(Ok(Sight::Open), |subject| self.sight(user, subject))
    }

    /// Of those who answer for a duty, those who may know of what it is about.
    pub fn who_may_know_of_duty(
        &self,
        duty: &str,
        people: Vec<String>,
    ) -> Result<Vec<String>, ProjectionError> {
        match self.limited.of_duty(duty) {
            Some(subject) => self.who_may_know(subject, people),
            None => Ok(people),
        }
    }

    /// How somebody stands to a subject.
    pub fn sight(&self, user: &str, subject: &str) -> Result<Sight, ProjectionError> {
        if self.limited.listed(subject).is_none() {
            return Ok(Sight::Open);
        }
        let listed = self.listed(subject)?.iter().any(|listed| listed == user);
        Ok(if listed { Sight::Listed } else { Sight::Hidden })
    }

    /// Whether somebody has digests that count what an organisation holds or a unit keeps, of a subject.
    pub fn is_in_a_digest(
        &self,
        holder: Option<&str>,
        unit: Option<&str>,
        subject: &str,
    ) -> Result<bool, ProjectionError> {
        let covers = |desk: &Desk| {
            holder.is_some_and(|holder| desk.holders.contains(holder))
                || unit.is_some_and(|unit| desk.units.contains(unit))
        };
        let readers = self.readers()?;
        Ok(readers.iter().any(|(user, desk)| covers(desk) && self.limited.may_know(user, subject)))
    }

    /// Who has digests, each with what is before them.
    fn readers(&self) -> Result<&[(String, Desk)], ProjectionError> {
        if let Some(known) = self.readers.get() {
            return Ok(known);
        }
        let mut posts: BTreeMap<String, Vec<PostHolder>> = BTreeMap::new();
        for holder in self.projections.all_post_holders()? {
            posts.entry(holder.user.clone()).or_default().push(holder);
        }
        let mut readers = Vec::with_capacity(posts.len());
        for (user, posts) in posts {
            if self.wants(&user, Template::Digest)? {
                let desk = Desk::of_posts(self.projections, &user, posts)?;
                readers.push((user, desk));
            }
        }
        Ok(self.readers.get_or_init(|| readers))
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

    /// At what time of day a person has the digest.
    pub fn digest_time(&self, user: &str, daily: &Schedule) -> Result<LondonTime, ProjectionError> {
        let own = self.preferences(user)?.digest_at.clone();
        Ok(own.and_then(|text| LondonTime::parse(&text).ok()).unwrap_or(daily.time()))
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

    /// The deputies of an organisation or of the nearest one above it that has any.
    pub fn deputies_above(&self, organisation: &str) -> Result<Vec<String>, ProjectionError> {
        self.first_upwards(organisation, |at| self.projections.post_holders(at, "deputy-cpc"))
    }

    /// Whom the organisation, or the nearest one above it, has of those who are `found` at one.
    fn first_upwards(
        &self,
        organisation: &str,
        found: impl Fn(&str) -> Result<Vec<String>, ProjectionError>,
    ) -> Result<Vec<String>, ProjectionError> {
        let mut at = organisation.to_owned();
        for _ in 0..MAX_HEIGHT {
            let people = found(&at)?;
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

    /// The organisations in which a person holds a post, and the one whose team they manage.
    pub fn organisations_of(&self, user: &str) -> Result<Vec<String>, ProjectionError> {
        let posts = self.projections.all_post_holders()?;
        let mut found: Vec<String> =
            posts.into_iter().filter(|post| post.user == user).map(|post| post.org).collect();
        let teams = self.in_role("spo")?;
        found.extend(teams.iter().filter(|(spo, _)| spo == user).filter_map(|(_, org)| org.clone()));
        found.sort_unstable();
        found.dedup();
        Ok(found)
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

    /// Users in a role with an organisation.
    pub fn in_role(&self, role: &str) -> Result<Rc<InRole>, ProjectionError> {
        if let Some(known) = self.roles.borrow().get(role) {
            return Ok(Rc::clone(known));
        }
        let found = Rc::new(self.projections.users_in_role(role)?);
        self.roles.borrow_mut().insert(role.to_owned(), Rc::clone(&found));
        Ok(found)
    }

    pub(super) fn in_role_at(&self, org: &str, role: &str) -> Result<Vec<String>, ProjectionError> {
        let found = self.in_role(role)?;
        let own = found.iter().filter(|(_, own)| own.as_deref() == Some(org));
        Ok(own.map(|(user, _)| user.clone()).collect())
    }

    pub(super) fn in_role_upwards(
        &self,
        organisation: &str,
        role: &str,
    ) -> Result<Vec<String>, ProjectionError> {
        self.first_upwards(organisation, |at| self.in_role_at(at, role))
    }

    /// Who is told of a breach: the CPC of the holder; for a prison its ViSOR lead and the CPC of its group.
    ///
    /// Where the post is vacant, the deputy CPC, then those of the organisation above, at last the fallback.
    pub fn of_breach(&self, holder: Option<&str>) -> Result<Vec<String>, ProjectionError> {
        let Some(holder) = holder else { return Ok(vec![self.fallback.to_owned()]) };
        self.remembered(Mail::Breach, holder, || self.breach_people(holder))
    }

    /// Who is warned: the administrators of the holder and of the unit, and the LPC; of a prison its ViSOR lead.
    ///
    /// Where the post is vacant, those above hear of it beside the administrators.
    pub fn of_warning(
        &self,
        holder: Option<&str>,
        unit: Option<&str>,
    ) -> Result<Vec<String>, ProjectionError> {
        let about = format!("{} {}", holder.unwrap_or_default(), unit.unwrap_or_default());
        self.remembered(Mail::Warning, &about, || {
            let mut people = self.who_acts(holder, unit)?;
            if people.is_empty() {
                people =
                    holder.map_or_else(|| Ok(vec![self.fallback.to_owned()]), |org| self.upwards(org))?;
            }
            for org in [holder, unit].into_iter().flatten() {
                people.extend(self.administrators(org)?);
            }
            people.sort_unstable();
            people.dedup();
            Ok(people)
        })
    }

    /// The LPC of the unit, else of the holder; of a prison its ViSOR lead.
    pub(super) fn who_acts(
        &self,
        holder: Option<&str>,
        unit: Option<&str>,
    ) -> Result<Vec<String>, ProjectionError> {
        if let Some(unit) = unit {
            let people = self.projections.post_holders(unit, "lpc")?;
            if !people.is_empty() {
                return Ok(people);
            }
        }
        let Some(holder) = holder else { return Ok(Vec::new()) };
        let prison = SubjectKind::of(holder) == Some(SubjectKind::Prison);
        self.projections.post_holders(holder, if prison { "visor-lead" } else { "lpc" })
    }

    /// Who enters what an organisation does on ViSOR.
    pub(super) fn administrators(&self, org: &str) -> Result<Vec<String>, ProjectionError> {
        let mut people = Vec::new();
        for role in ADMINISTRATORS {
            people.extend(self.in_role_at(org, role)?);
        }
        Ok(people)
    }

    fn breach_people(&self, holder: &str) -> Result<Vec<String>, ProjectionError> {
        if SubjectKind::of(holder) != Some(SubjectKind::Prison) {
            return self.upwards(holder);
        }
        let mut people = self.projections.post_holders(holder, "visor-lead")?;
        match self.projections.parent(holder)? {
            // Where nobody is the group's CPC, the level above it hears so.
            Some(group) => people.extend(self.upwards(&group)?),
            None if people.is_empty() => return self.upwards(holder),
            None => {}
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

    pub(super) fn points_of_contact(&self, organisation: &str) -> Result<Vec<String>, ProjectionError> {
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
pub(super) fn head_role<'r>(holder: &str, to_role: &'r str) -> &'r str {
    match (to_role, SubjectKind::of(holder)) {
        ("head", Some(SubjectKind::Prison)) => "governor",
        ("head", _) => "head-of-public-protection",
        (role, _) => role,
    }
}
