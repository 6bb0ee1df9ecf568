//! Waivers: an entitled role ends a duty that is open.

use crate::duty::{Duty, End, World};
use crate::facts::Fact;
use std::sync::Arc;

impl<'w> World<'w> {
    /// The waivers of a rule's duties that count, in order: what they name, and the waiver.
    pub fn waivers(&self, rule: &str) -> Vec<(&'w str, &'w Arc<Fact>)> {
        let members = self.timeline.members.iter();
        let all = members.flat_map(|member| self.facts.waivers(member, self.moment));
        let own = all.filter(|(of, ..)| *of == rule);
        let mut own: Vec<(&str, &Arc<Fact>)> = own.map(|(_, opener, fact)| (opener, fact)).collect();
        own.sort_by_key(|(_, fact)| fact.place());
        own
    }

    /// Waives duties of one rule.
    pub fn waive(&self, rule: &str, duties: &mut [Duty<'w>]) {
        for (named, waiver) in self.waivers(rule) {
            self.waive_one(named, waiver, duties);
        }
    }

    /// Ends the duty that a waiver names, or the earliest open one if none of that id has opened.
    pub fn waive_one(&self, named: &str, waiver: &Fact, duties: &mut [Duty<'w>]) {
        let opened = |duty: &Duty<'_>| match duty.day {
            None => duty.opener.fact.place() < waiver.place(),
            Some(_) => duty.opened_at <= waiver.time,
        };
        let open = |duty: &Duty<'_>| {
            let on = |end: &End| match duty.day {
                None => end.place > waiver.place(),
                Some(_) => end.at > waiver.time,
            };
            opened(duty) && duty.end.as_ref().is_none_or(on)
        };
        let is_named = |duty: &Duty<'_>| match duty.day {
            None => duty.opener.fact.reference == named,
            Some(day) => format!("{}:{day}", duty.opener.fact.reference) == named,
        };
        let chosen = duties.iter().position(|duty| opened(duty) && is_named(duty)).or_else(|| {
            let earliest = duties.iter().enumerate().filter(|(_, duty)| open(duty));
            earliest.min_by_key(|(_, duty)| duty.opened_at).map(|(at, _)| at)
        });
        let Some(duty) = chosen.and_then(|at| duties.get_mut(at)) else { return };
        if open(duty) && duty.version.may_waive(&waiver.text("by_role")) {
            duty.due.settle(self, waiver.time);
            let (by, at) = (Some(waiver.place()), waiver.time.max(duty.opened_at));
            duty.end = Some(End { outcome: "exempt", by, at, place: waiver.place() });
            duty.successor = None;
        }
    }
}
