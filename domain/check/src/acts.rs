//! Duties that facts open, of the forms `on` and `prior`.

use crate::duty::{Duty, World};
use crate::rule::{Entry, Rule};
use crate::state::Awaited;
use crate::timeline::Step;

impl<'w> World<'w> {
    /// The duties that facts opened under a rule, in order.
    pub fn acts(&self, rule: &'w Rule) -> Vec<Duty<'w>> {
        let mut found: Vec<Duty<'w>> = Vec::new();
        for (at, step) in self.timeline.steps.iter().enumerate() {
            let Some(mut duty) = self.opened_by(rule, at, step) else { continue };
            let previous = found.iter().rfind(|one| one.key == duty.key).map(|one| one.at);
            // The same act told twice.
            if duty.version.names_the_act() && duty.key.is_some() && previous.is_some() {
                continue;
            }
            if duty.version.form() == "prior" {
                self.follow_prior(&mut duty);
            } else {
                self.follow_act(&mut duty, previous);
            }
            found.push(duty);
        }
        self.waive(&rule.id, &mut found);
        found
    }

    fn opened_by(&self, rule: &'w Rule, at: usize, step: &'w Step) -> Option<Duty<'w>> {
        let version = rule.versions.iter().find(|version| version.governs(step.fact.on))?;
        let opens = |entry: Entry<'_>| {
            step.passes(entry) && self.entry_guard(entry, step) && (!step.is_foreign || self.reaches(step))
        };
        let entry = version.entries("on").find(|entry| opens(*entry))?;
        let alive = step.after.is_alive()
            || version.flag("opens_after_death")
            // One may ask for something at a death.
            || step.fact.kind == "nominal.died";
        let fits = alive && version.holds("was", &step.before) && self.guard(version, "opening", step);
        fits.then(|| self.open((rule, version), Some(entry), at, step))
    }

    /// Whether what an organisation publishes is for this user.
    fn reaches(&self, step: &Step) -> bool {
        self.facts.lies_under(step.after.get("org"), &step.fact.subject, step.fact.place(), self.moment)
    }

    /// Follows a duty of the form `on` from what was told before its opening to its end.
    fn follow_act(&self, duty: &mut Duty<'w>, previous: Option<usize>) {
        let (version, steps) = (duty.version, &self.timeline.steps);
        let all = version.word("all") == "users";
        let mut awaited = Awaited::of(&duty.opener.fact);
        let mut answers = |duty: &Duty<'w>, step: &Step, later: bool| {
            let counts = step.passes_any(version, "done") && duty.belongs(step, later);
            if counts {
                awaited.answer(&step.fact);
            }
            counts && (!all || awaited.is_answered())
        };
        let begun = |step: &Step| step.passes_any(version, "since");
        let since = || steps.iter().take(duty.at).rposition(begun);
        let from = if version.has("since") { since() } else { previous };
        for (at, step) in steps.iter().enumerate().take(duty.at) {
            let counts = if version.flag("early") {
                from.is_none_or(|from| at > from)
            } else {
                !version.is_chain() && step.fact.time == duty.opened_at
            };
            if counts && answers(duty, step, false) {
                return self.end_well(duty, step, duty.opener);
            }
        }
        for step in steps.iter().skip(duty.at + 1) {
            if answers(duty, step, true) {
                return self.end_well(duty, step, step);
            }
            if undoes(duty, step) {
                return self.end_undone(duty, step);
            }
        }
    }

    /// Follows a duty of the form `prior`: the first fact that it needed, before or after, ends it.
    fn follow_prior(&self, duty: &mut Duty<'w>) {
        for (at, step) in self.timeline.steps.iter().enumerate().filter(|(at, _)| *at != duty.at) {
            if self.satisfies(duty, at, step) {
                let now = if at < duty.at { duty.opener } else { step };
                return self.end_well(duty, step, now);
            }
            if at > duty.at && undoes(duty, step) {
                return self.end_undone(duty, step);
            }
        }
    }

    fn satisfies(&self, duty: &Duty<'w>, at: usize, step: &Step) -> bool {
        let (version, opening) = (duty.version, &duty.opener.fact);
        let steps = &self.timeline.steps;
        let begun = |one: &Step| one.passes_any(version, "since") && duty.same_org(one);
        let held_against = if step.fact.time <= opening.time { opening.on } else { step.fact.on };
        let undone = |entry: Entry<'_>| {
            let kinds = entry.words("unless");
            let between = steps.iter().enumerate().filter(|(one, _)| (at..=duty.at).contains(one));
            between.into_iter().any(|(_, one)| one.tells && kinds.contains(&one.fact.kind.as_str()))
        };
        let needed = version.entries("needs").any(|entry| {
            step.passes(entry)
                && entry.is_dated("current", &step.fact, held_against)
                && entry.is_dated("covers", &step.fact, opening.on)
                && !undone(entry)
        });
        needed && duty.belongs(step, false) && {
            let since = steps.iter().take(duty.at).rfind(|one| begun(one));
            since.is_none_or(|since| step.fact.time >= since.fact.time)
        }
    }
}

/// Whether a step ends a duty undone: what withdraws it, the end of the record that it asked for, a death.
fn undoes(duty: &Duty<'_>, step: &Step) -> bool {
    let version = duty.version;
    let no_longer_live = step.changed.contains("record") && step.before.is("record", "live");
    let died = step.changed.contains("alive") && !version.flag("opens_after_death");
    duty.withdraws(step)
        || died
        || no_longer_live && version.asks_live_record(duty.entry) && !version.flag("outlives_record")
}
