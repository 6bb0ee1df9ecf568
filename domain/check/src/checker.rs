//! Whether a derivation follows.

use std::cell::RefCell;
use std::rc::Rc;

use crate::Unread;
use crate::derivation::Derivation;
use crate::duty::{Duty, World};
use crate::facts::{Facts, Moment};
use crate::holidays::Holidays;
use crate::rule::Rules;
use crate::time::{Instant, date, instant, written};
use crate::timeline::Timeline;

/// Rules or holidays to go by.
#[derive(Debug, Clone)]
pub enum Given<T> {
    /// Those that ship: what the facts adopted or published comes in their place or beside them.
    Shipped(T),
    /// These and nothing else.
    Only(T),
}

/// Why a derivation does not hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Flaw {
    /// A part that cannot be read.
    #[error("`{0}` cannot be read")]
    Unreadable(&'static str),
    /// The policy that the facts adopted cannot be read.
    #[error(transparent)]
    Policy(#[from] Unread),
    /// A fact that is not there.
    #[error("there is no fact at position {0}")]
    NoSuchFact(u32),
    /// The fact opens no such duty, or does not count at that moment.
    #[error("by what counts at that moment, the fact at position {0} opens no such duty")]
    NotOpened(u32),
    /// A part that does not follow.
    #[error("{what} is {derived}, not {claimed}")]
    Differs {
        /// The part.
        what: &'static str,
        /// What follows.
        derived: String,
        /// What is claimed.
        claimed: String,
    },
}

/// The derivations of a subject at a moment.
type Derived = (String, Moment, Rc<Vec<Derivation>>);

/// Checks derivations against facts, rules and bank holidays.
#[derive(Debug)]
pub struct Checker<'c> {
    facts: &'c Facts,
    rules: Given<Rc<Rules>>,
    holidays: Given<Holidays>,
    /// What was derived last, and by what: derivations come subject by subject, of one moment.
    derived: RefCell<Option<Derived>>,
    adopted: RefCell<Option<(u32, Rc<Rules>)>>,
    published: RefCell<Option<(Instant, Rc<Holidays>)>>,
}

impl<'c> Checker<'c> {
    /// A checker over what is known.
    #[must_use]
    pub fn new(facts: &'c Facts, rules: Given<Rules>, holidays: Given<Holidays>) -> Self {
        let rules = match rules {
            Given::Shipped(rules) => Given::Shipped(Rc::new(rules)),
            Given::Only(rules) => Given::Only(Rc::new(rules)),
        };
        let (derived, adopted, published) = (RefCell::default(), RefCell::default(), RefCell::default());
        Self { facts, rules, holidays, derived, adopted, published }
    }

    /// Derives a duty anew and holds each part of its derivation against that.
    ///
    /// # Errors
    /// [`Flaw`] naming the first part that does not follow.
    pub fn check(&self, claimed: &Derivation) -> Result<(), Flaw> {
        let derived = self.derive(claimed)?;
        let parts = derived.parts().into_iter().zip(claimed.parts());
        match parts.into_iter().find(|(derived, claimed)| derived != claimed) {
            None => Ok(()),
            Some(((what, derived), (_, claimed))) => Err(Flaw::Differs { what, derived, claimed }),
        }
    }

    /// What follows for the duty that a derivation is of: its rule, subject, opening fact and day.
    ///
    /// # Errors
    /// [`Flaw`] where it is of none.
    pub fn derive(&self, claimed: &Derivation) -> Result<Derivation, Flaw> {
        let read = |text: &str, what| instant(text).map_err(|_| Flaw::Unreadable(what));
        let as_at = read(&claimed.as_at, "asAt")?;
        let known_at = claimed.known_at.as_deref().map_or(Ok(as_at), |text| read(text, "knownAt"))?;
        let mut moment = Moment { as_at, known_at, restored: None };
        let opener = self.facts.at(claimed.opened).ok_or(Flaw::NoSuchFact(claimed.opened))?;
        let annulment = self.facts.annulment(&opener, &moment);
        if let Some(annulment) = annulment {
            // As judged just before the annulment was recorded.
            moment = Moment { known_at: annulment.recorded - 1, restored: Some(opener.position), ..moment };
        }
        let all = self.derivations(&claimed.subject, &moment)?;
        let same = |one: &&Derivation| {
            one.rule == claimed.rule && one.opened == claimed.opened && one.day == claimed.day
        };
        let found = all.iter().find(same).ok_or(Flaw::NotOpened(claimed.opened))?;
        let mut found =
            Derivation { as_at: claimed.as_at.clone(), known_at: claimed.known_at.clone(), ..found.clone() };
        if let Some(annulment) = annulment {
            let day = found.day.as_deref().and_then(|day| date(day).ok());
            let opened_at = day.map_or(opener.time, crate::time::start_of);
            if day.is_some() && opened_at >= annulment.recorded {
                return Err(Flaw::NotOpened(claimed.opened));
            }
            "annulled".clone_into(&mut found.outcome);
            found.closed = Some(annulment.position);
            found.closed_at = (annulment.time < opened_at).then(|| written(opened_at));
            found.breach = false;
        }
        Ok(found)
    }

    /// The derivations of all duties of a subject at a moment.
    fn derivations(&self, subject: &str, moment: &Moment) -> Result<Rc<Vec<Derivation>>, Flaw> {
        if let Some((known, of, all)) = &*self.derived.borrow()
            && known == subject
            && of == moment
        {
            return Ok(Rc::clone(all));
        }
        let (rules, holidays) = (self.rules_at(moment)?, self.holidays_at(moment));
        let timeline = Timeline::of(self.facts, subject, moment);
        let world =
            World { rules: &rules, facts: self.facts, holidays: &holidays, moment, timeline: &timeline };
        let mut duties = world.conditions();
        let mut about = rules.about(subject);
        about.dedup_by_key(|(rule, _)| rule.id.as_str());
        for (rule, _) in about {
            duties.extend(world.acts(rule));
            duties.extend(world.days(rule));
        }
        let all: Rc<Vec<Derivation>> =
            Rc::new(duties.into_iter().map(|duty| world.derivation(duty)).collect());
        *self.derived.borrow_mut() = Some((subject.to_owned(), *moment, Rc::clone(&all)));
        Ok(all)
    }

    fn rules_at(&self, moment: &Moment) -> Result<Rc<Rules>, Flaw> {
        let shipped = match &self.rules {
            Given::Only(rules) => return Ok(Rc::clone(rules)),
            Given::Shipped(rules) => rules,
        };
        let Some((position, text)) = self.facts.policy(moment) else { return Ok(Rc::clone(shipped)) };
        let mut adopted = self.adopted.borrow_mut();
        match &*adopted {
            Some((known, rules)) if *known == position => Ok(Rc::clone(rules)),
            _ => {
                let rules = Rc::new(Rules::adopted(&text)?);
                *adopted = Some((position, Rc::clone(&rules)));
                Ok(rules)
            }
        }
    }

    fn holidays_at(&self, moment: &Moment) -> Rc<Holidays> {
        let mut published = self.published.borrow_mut();
        if let Some((known_at, holidays)) = &*published
            && *known_at == moment.known_at
        {
            return Rc::clone(holidays);
        }
        let holidays = Rc::new(match &self.holidays {
            Given::Only(holidays) => holidays.clone(),
            Given::Shipped(holidays) => holidays.with(self.facts.announced(moment)),
        });
        *published = Some((moment.known_at, Rc::clone(&holidays)));
        holidays
    }
}

impl World<'_> {
    fn derivation(&self, mut duty: Duty<'_>) -> Derivation {
        let ended_at = duty.end.as_ref().map(|end| end.at);
        // An open duty follows every publication known; an ended one those before its end.
        duty.due.settle(self, ended_at.unwrap_or(Instant::MAX));
        let late = duty.due.passed_by(self.moment.as_at);
        let outcome = match &duty.end {
            Some(end) => end.outcome,
            None if late => "overdue",
            None => "pending",
        };
        let opened_at = duty.due.kept.then(|| duty.opened_at.saturating_add(1));
        let settled = [ended_at, duty.due.at, opened_at].into_iter().flatten().min().unwrap_or(Instant::MAX);
        let known = settled.saturating_sub(1).min(self.moment.known_at);
        let mut rests = duty.rests.clone();
        rests.extend(duty.due.rests_on);
        rests.remove(&duty.opener.fact.position);
        let flags =
            [duty.due.gap.then_some("policy_gap"), duty.due.kept.then_some("kept_due"), duty.due.beyond];
        let missed = matches!(outcome, "overdue" | "met_late" | "lapsed");
        Derivation {
            rule: duty.rule.id.clone(),
            version: duty.version.number,
            subject: self.timeline.subject.clone(),
            as_at: String::new(),
            known_at: None,
            opened: duty.opener.fact.position,
            day: duty.day.map(|day| day.to_string()),
            rests: rests.into_iter().collect(),
            from: duty.due.from.to_string(),
            opens: duty.due.opens.map(|day| day.to_string()),
            due: duty.due.on.map(|day| day.to_string()),
            act: duty.due.on.map(|day| self.holidays.last_to(day, known).to_string()),
            calendar: self.holidays.told(known),
            outcome: outcome.to_owned(),
            closed: duty.end.as_ref().and_then(|end| end.by).map(|(_, position)| position),
            closed_at: duty
                .end
                .as_ref()
                .filter(|end| end.by.is_none_or(|(time, _)| time != end.at))
                .map(|end| written(end.at)),
            successor: duty.successor.map(str::to_owned),
            breach: missed && duty.rule.basis == "policy",
            holder: self.holder(&duty),
            flags: flags.into_iter().flatten().map(str::to_owned).collect(),
        }
    }
}
