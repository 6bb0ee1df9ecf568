//! Duties that are open while a condition on the state holds, beside the other rules of their obligation.

use crate::duty::{Duty, World, follow};
use crate::rule::{Rule, Version};
use crate::state::State;
use crate::time::Instant;
use crate::timeline::Step;

/// What a version was last seen to be.
#[derive(Clone, Copy, Default)]
struct Seen {
    holds: bool,
    /// Whether the guard held when `while` last turned true.
    guarded: bool,
    until: bool,
    /// The place of the fact that last made `until` true, and of that which last made `while` true.
    until_by: Option<usize>,
    since: Option<usize>,
}

/// Every rule of the form `while` about a subject, told step by step.
struct Telling<'w> {
    world: World<'w>,
    versions: Vec<(&'w Rule, &'w Version)>,
    seen: Vec<Seen>,
    /// The duties with the place of their version.
    duties: Vec<(usize, Duty<'w>)>,
}

impl<'w> World<'w> {
    /// The duties of all rules of the form `while`.
    pub fn conditions(&self) -> Vec<Duty<'w>> {
        let mut versions = self.rules.about(&self.timeline.subject);
        versions.retain(|(_, version)| version.form() == "while");
        let untold = State::default();
        let seen = versions.iter().map(|(_, version)| {
            let until = version.has("until") && version.holds("until", &untold);
            Seen { holds: version.holds("while", &untold), until, ..Seen::default() }
        });
        let mut telling = Telling { world: *self, seen: seen.collect(), versions, duties: Vec::new() };
        let mut ids: Vec<&str> = telling.versions.iter().map(|(rule, _)| rule.id.as_str()).collect();
        ids.dedup();
        let waivers = ids.into_iter().flat_map(|id| self.waivers(id).into_iter().map(move |own| (id, own)));
        let mut waivers: Vec<_> = waivers.collect();
        waivers.sort_by_key(|(_, (_, waiver))| waiver.place());
        let mut waivers = waivers.into_iter().peekable();
        for (at, step) in self.timeline.steps.iter().enumerate() {
            while let Some((id, (named, waiver))) =
                waivers.next_if(|(_, (_, waiver))| waiver.place() < step.fact.place())
            {
                telling.waive(id, named, waiver);
            }
            telling.step(at, step);
        }
        waivers.for_each(|(id, (named, waiver))| telling.waive(id, named, waiver));
        telling.duties.into_iter().map(|(_, duty)| duty).collect()
    }
}

impl<'w> Telling<'w> {
    fn waive(&mut self, id: &str, named: &str, waiver: &crate::facts::Fact) {
        let world = self.world;
        let places: Vec<usize> = (0..self.duties.len())
            .filter(|at| self.duties.get(*at).is_some_and(|(_, d)| d.rule.id == id))
            .collect();
        let mut own: Vec<Duty<'w>> =
            places.iter().filter_map(|at| self.duties.get(*at)).map(|(_, duty)| duty.clone()).collect();
        world.waive_one(named, waiver, &mut own);
        for (at, duty) in places.into_iter().zip(own) {
            if let Some(place) = self.duties.get_mut(at) {
                place.1 = duty;
            }
        }
    }

    fn step(&mut self, at: usize, step: &'w Step) {
        let world = self.world;
        self.end_each(|version, _, duty| {
            let done = version.entries("done").any(|entry| !step.is_foreign && step.passes(entry));
            if done && duty.belongs(step, true) {
                world.end_well(duty, step, step);
            } else if duty.withdraws(step) {
                world.end_undone(duty, step);
            }
        });
        let closes: Vec<bool> = self.versions.iter().map(|(_, version)| closes(version, step)).collect();
        if step.changed.is_empty() && !closes.contains(&true) {
            return;
        }
        let mut opening = self.turn(at, step);
        self.end_by_conditions(step);
        opening.extend(self.close_overdue(&closes, step));
        self.lapse(step);
        let ended = self.pending_without_condition(step.fact.time);
        opening.retain(|version| step.left.is_none() && self.may_open(*version, step));
        let first = self.duties.len();
        for version in opening {
            self.open(version, at, step);
        }
        for old in ended {
            self.supersede_or_withdraw(old, first, step);
        }
        self.follow_moved_dates(first, step);
        self.end_at_opening(first);
    }

    /// Has each open duty looked at, with its version and what was seen of it.
    fn end_each(&mut self, mut each: impl FnMut(&'w Version, Seen, &mut Duty<'w>)) {
        for (at, duty) in self.duties.iter_mut().filter(|(_, duty)| duty.end.is_none()) {
            each(duty.version, self.seen.get(*at).copied().unwrap_or_default(), duty);
        }
    }

    /// Looks at every condition again; the versions of which `while` turned true.
    fn turn(&mut self, at: usize, step: &Step) -> Vec<usize> {
        let mut turned = Vec::new();
        for (place, ((_, version), seen)) in self.versions.iter().zip(&mut self.seen).enumerate() {
            let alive = step.after.is_alive() || version.flag("opens_after_death");
            let holds = alive && version.holds("while", &step.after);
            let until = version.has("until") && version.holds("until", &step.after);
            if until && !seen.until {
                seen.until_by = Some(at);
            }
            if holds && !seen.holds {
                seen.guarded = self.world.guard(version, version.word("counted_from"), step);
                seen.since = Some(at);
                turned.push(place);
            }
            (seen.holds, seen.until) = (holds, until);
        }
        turned
    }

    fn end_by_conditions(&mut self, step: &'w Step) {
        let world = self.world;
        self.end_each(|version, seen, duty| {
            if seen.until {
                let by = seen.until_by.and_then(|at| world.timeline.steps.get(at));
                world.end_well(duty, by.unwrap_or(step), step);
            } else if version.word("ends") == "met" && !seen.holds {
                if step.after.is_alive() {
                    world.end_well(duty, step, step);
                } else {
                    world.end_undone(duty, step);
                }
            }
        });
    }

    /// Ends overdue duties that a fact closes although their condition holds; the versions that open the next.
    fn close_overdue(&mut self, closes: &[bool], step: &'w Step) -> Vec<usize> {
        let (world, time) = (self.world, step.fact.time);
        let mut closed = Vec::new();
        for (at, duty) in self.duties.iter_mut().filter(|(_, duty)| duty.end.is_none()) {
            let holds = self.seen.get(*at).is_some_and(|seen| seen.holds);
            if closes.get(*at) == Some(&true) && holds && is_late(duty, &world, time) {
                world.end_well(duty, step, step);
                closed.push(duty.rule.id.as_str());
            }
        }
        let next = |id: &&str| {
            self.versions.iter().position(|(rule, version)| rule.id == *id && version.governs(step.fact.on))
        };
        closed.iter().filter_map(next).collect()
    }

    /// Overdue duties lapse once no rule of their obligation goes on.
    fn lapse(&mut self, step: &'w Step) {
        let world = self.world;
        let goes_on: Vec<&str> = self
            .versions
            .iter()
            .zip(&self.seen)
            .filter(|((rule, version), seen)| {
                let since = seen.since.and_then(|at| world.timeline.steps.get(at)).map(|step| step.fact.on);
                let none_governs = |day| !rule.versions.iter().any(|version| version.governs(day));
                let stands =
                    since.is_some_and(|day| version.governs(day) || version.number == 1 && none_governs(day));
                seen.holds && seen.guarded && stands
            })
            .map(|((_, version), _)| version.word("obligation"))
            .collect();
        self.end_each(|version, seen, duty| {
            let obligation = version.word("obligation");
            let on = if obligation.is_empty() { seen.holds } else { goes_on.contains(&obligation) };
            if version.word("ends") != "met" && !on && is_late(duty, &world, step.fact.time) {
                world.end_undone(duty, step);
            }
        });
    }

    fn pending_without_condition(&mut self, time: Instant) -> Vec<usize> {
        let (world, mut found) = (self.world, Vec::new());
        for (place, (at, duty)) in self.duties.iter_mut().enumerate() {
            let holds = self.seen.get(*at).is_some_and(|seen| seen.holds);
            if duty.end.is_none() && !holds && !is_late(duty, &world, time) {
                found.push(place);
            }
        }
        found
    }

    /// Whether a version governs, its guard held and no overdue duty of its obligation bars it.
    fn may_open(&mut self, at: usize, step: &Step) -> bool {
        let world = self.world;
        let Some((_, version)) = self.versions.get(at).copied() else { return false };
        let obligation = version.word("obligation");
        let guarded = self.seen.get(at).is_some_and(|seen| seen.guarded);
        let mut barred = false;
        self.end_each(|own, _, duty| {
            let shared = !obligation.is_empty() && own.word("obligation") == obligation;
            barred |= shared && is_late(duty, &world, step.fact.time);
        });
        guarded && !barred && version.governs(step.fact.on) && version.holds("was", &step.before)
    }

    fn open(&mut self, place: usize, at: usize, step: &'w Step) {
        let Some((rule, version)) = self.versions.get(place) else { return };
        let mut duty = self.world.open((rule, version), None, at, step);
        let early = duty.due.on.is_some_and(|due| due < step.fact.on);
        if let (Some(grace), true) = (version.number("grace", "days"), early) {
            duty.due.set_grace(step.fact.on, grace, None);
        }
        self.duties.push((place, duty));
    }

    /// Ends a pending duty whose condition ended: by the first rule of its obligation that opened, else withdrawn.
    fn supersede_or_withdraw(&mut self, old: usize, first: usize, step: &'w Step) {
        let Some((_, mut duty)) = self.duties.get(old).cloned() else { return };
        let obligation = duty.version.word("obligation");
        let successor = self.duties.iter_mut().skip(first).map(|(_, new)| new).find(|new| {
            !obligation.is_empty()
                && new.version.word("obligation") == obligation
                && new.rule.id != duty.rule.id
        });
        match successor {
            None => self.world.end_undone(&mut duty, step),
            Some(new) => {
                duty.close("superseded", step, step);
                duty.successor = Some(&new.rule.id);
                if new.version.words("keeps_earlier_due_of").contains(&duty.rule.id.as_str()) {
                    new.due.keep(&duty.due);
                }
            }
        }
        if let Some(place) = self.duties.get_mut(old) {
            place.1 = duty;
        }
    }

    /// Moves pending deadlines that follow a date of the state which changed.
    fn follow_moved_dates(&mut self, first: usize, step: &Step) {
        let older = self.duties.iter_mut().take(first).map(|(_, duty)| duty);
        for duty in older.filter(|duty| duty.end.is_none() && !duty.due.kept) {
            let field = duty.version.followed().filter(|field| step.changed.contains(field));
            let Some((date, rests_on)) = field.and_then(|field| step.after.followed(field)) else { continue };
            if duty.due.passed_by(step.fact.time) {
                continue;
            }
            let mut moved = duty.due.clone();
            follow(duty.version, &mut moved, date, rests_on);
            duty.due.opens = moved.opens;
            if duty.due.gap && moved.on < duty.due.on {
                continue;
            }
            if !duty.due.gap && duty.due.from == date {
                duty.due.rests_on = Some(rests_on);
                continue;
            }
            let base = duty.opener.fact.on.max(step.fact.on);
            if let Some(grace) = duty.version.number("grace", "days")
                && !duty.due.gap
                && moved.on.is_some_and(|on| on < base)
            {
                moved.set_grace(base, grace, Some(step.fact.position));
            }
            duty.due = moved;
        }
    }

    /// Ends duties whose `until` holds already at their opening, or that a fact of that instant answered.
    fn end_at_opening(&mut self, first: usize) {
        let world = self.world;
        for (at, duty) in self.duties.iter_mut().skip(first) {
            let (seen, opener) = (self.seen.get(*at).copied().unwrap_or_default(), duty.opener);
            let steps = &world.timeline.steps;
            if seen.until {
                let by = seen.until_by.and_then(|at| steps.get(at)).unwrap_or(opener);
                let late = duty.due.passed_by(by.fact.time);
                duty.close(if late { "met_late" } else { "met" }, by, opener);
                continue;
            }
            let done = steps.iter().take(duty.at).find(|step| {
                let counts = duty.version.flag("early") || step.fact.time == duty.opened_at;
                counts && step.passes_any(duty.version, "done") && duty.belongs(step, false)
            });
            if let Some(step) = done {
                world.end_well(duty, step, opener);
            }
        }
    }
}

/// Whether a fact may close an overdue duty although its condition holds; one that states what already holds does not.
fn closes(version: &Version, step: &Step) -> bool {
    let fits = version
        .entries("closes_overdue")
        .any(|entry| step.passes(entry) && entry.is_dated("current", &step.fact, step.fact.on));
    fits && !step.changed.is_empty()
}

/// Whether a duty is overdue at an instant, by what was published before it.
fn is_late(duty: &mut Duty<'_>, world: &World<'_>, at: Instant) -> bool {
    duty.due.settle(world, at);
    duty.due.passed_by(at)
}
