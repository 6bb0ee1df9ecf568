//! One duty for each working day while a condition holds.

use std::sync::Arc;

use crate::duty::{Duty, End, World};
use crate::facts::Fact;
use crate::rule::{Rule, Version};
use crate::state::State;
use crate::time::{london_day, next, start_of};
use crate::timeline::Step;

impl<'w> World<'w> {
    /// The duties of all days under a rule of the form `every`.
    pub fn days(&self, rule: &'w Rule) -> Vec<Duty<'w>> {
        let mut found = Vec::new();
        for version in rule.versions.iter().filter(|version| version.form() == "every") {
            let steps = &self.timeline.steps;
            let mut held = version.holds("while", &State::default());
            for (at, step) in steps.iter().enumerate() {
                let holds = daily(version, step);
                let turned = holds && !held;
                held = holds;
                let opens = turned
                    && step.left.is_none()
                    && version.governs(step.fact.on)
                    && version.holds("was", &step.before)
                    && self.guard(version, version.word("counted_from"), step);
                if opens {
                    let end = steps.iter().skip(at + 1).find(|step| !daily(version, step));
                    self.period(&self.open((rule, version), None, at, step), end, &mut found);
                }
            }
        }
        self.waive(&rule.id, &mut found);
        found
    }

    fn period(&self, pattern: &Duty<'w>, ended: Option<&Step>, found: &mut Vec<Duty<'w>>) {
        let opener = &pattern.opener.fact;
        let mut day = next(opener.on).max(london_day(opener.time));
        loop {
            let start = start_of(day);
            if start > self.moment.as_at || ended.is_some_and(|step| step.fact.time <= start) {
                break;
            }
            let known = start.saturating_sub(1).min(self.moment.known_at);
            if start >= opener.time && self.holidays.is_working(day, known) {
                let mut duty = Duty { day: Some(day), opened_at: start, ..pattern.clone() };
                duty.due.set(day);
                duty.end = self.end_of_day(&duty, ended);
                found.push(duty);
            }
            day = next(day);
        }
    }

    fn end_of_day(&self, duty: &Duty<'w>, ended: Option<&Step>) -> Option<End> {
        let (start, due) = (duty.opened_at, duty.due.at?);
        let end = |outcome, by, at| Some(End { outcome, by, at, place: (at, u32::MAX) });
        if let Some(done) = self.done_on(duty, ended) {
            return end("met", Some(done), done.0.max(start));
        }
        match ended.map(|step| &step.fact).filter(|fact| fact.time < due) {
            Some(fact) => end("withdrawn", Some(fact.place()), fact.time.max(start)),
            None if due <= self.moment.as_at => end("lapsed", None, due),
            None => None,
        }
    }

    /// The first fact of the day that did what is asked: of the subject, or a check by the prison of all its nominals.
    fn done_on(&self, duty: &Duty<'w>, ended: Option<&Step>) -> Option<(i64, u32)> {
        let due = duty.due.at?;
        let within = |fact: &Fact| fact.time >= duty.opened_at && fact.time < due;
        let own = self.timeline.steps.iter().find(|step| {
            within(&step.fact)
                && ended.is_none_or(|ended| step.fact.place() <= ended.fact.place())
                && step.passes_any(duty.version, "done")
                && duty.same_org(step)
        });
        let asked = |fact: &&Arc<Fact>| {
            ended.is_none_or(|ended| fact.place() < ended.fact.place())
                && self.facts.counts(fact, self.moment)
                && duty
                    .version
                    .entries("done")
                    .any(|entry| entry.word("type") == Some(fact.kind.as_str()) && entry.takes(fact, None))
        };
        let by_prison = duty.version.has("by") && !duty.org.is_empty();
        let checks = self.facts.checks(&duty.org, duty.opened_at, due).iter().filter(|_| by_prison);
        let theirs = checks.filter(asked).map(|fact| fact.place());
        own.map(|step| step.fact.place()).into_iter().chain(theirs).min()
    }
}

fn daily(version: &Version, step: &Step) -> bool {
    let alive = step.after.is_alive() || version.flag("opens_after_death");
    alive && version.holds("while", &step.after)
}
