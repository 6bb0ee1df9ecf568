//! One duty: what it rests on, when it is due, how it ends, and who answers for it.

use std::collections::BTreeSet;

use chrono::{Months, NaiveDate};

use crate::facts::{Facts, Moment};
use crate::holidays::{Counted, Holidays};
use crate::rule::{Entry, Rule, Rules, Version};
use crate::time::{Instant, next, plus, start_of};
use crate::timeline::{Step, Timeline};

/// What a derivation rests on.
#[derive(Clone, Copy)]
pub struct World<'w> {
    pub rules: &'w Rules,
    pub facts: &'w Facts,
    pub holidays: &'w Holidays,
    pub moment: &'w Moment,
    pub timeline: &'w Timeline,
}

/// When a duty is due.
#[derive(Debug, Clone)]
pub struct Due {
    pub from: NaiveDate,
    pub on: Option<NaiveDate>,
    pub at: Option<Instant>,
    /// When its window opens.
    pub opens: Option<NaiveDate>,
    /// For working days: how many, and up to when publications were looked at.
    working: Option<(u64, Instant)>,
    pub gap: bool,
    /// It kept the earlier date of the duty that it replaced, and moves no more.
    pub kept: bool,
    /// `provisional` or `undatable`, beyond the published years.
    pub beyond: Option<&'static str>,
    /// The fact on whose date it rests.
    pub rests_on: Option<u32>,
}

/// How a duty ended.
#[derive(Debug, Clone)]
pub struct End {
    pub outcome: &'static str,
    /// Time and position of the fact; none where a day passed.
    pub by: Option<(Instant, u32)>,
    pub at: Instant,
    /// The place in the history at which it was no longer open.
    pub place: (Instant, u32),
}

/// A duty as derived.
#[derive(Clone)]
pub struct Duty<'w> {
    pub rule: &'w Rule,
    pub version: &'w Version,
    /// The entry of `on`; none for a condition.
    pub entry: Option<Entry<'w>>,
    pub opener: &'w Step,
    /// The place of the opener in the timeline.
    pub at: usize,
    pub day: Option<NaiveDate>,
    pub opened_at: Instant,
    pub key: Option<Vec<String>>,
    /// The organisation that must be equal.
    pub org: String,
    pub due: Due,
    pub end: Option<End>,
    /// The rule that took over.
    pub successor: Option<&'w str>,
    pub rests: BTreeSet<u32>,
}

impl Due {
    pub fn set(&mut self, on: NaiveDate) {
        (self.on, self.at) = (Some(on), Some(start_of(next(on))));
    }

    /// Days of grace: calendar days, which no holiday moves.
    pub fn set_grace(&mut self, from: NaiveDate, grace: u64, rests_on: Option<u32>) {
        (self.from, self.gap, self.rests_on) = (from, true, rests_on);
        (self.working, self.beyond) = (None, None);
        self.set(plus(from, grace));
    }

    /// Takes the date of the duty that this one replaces, if that is earlier, and moves no more.
    pub fn keep(&mut self, old: &Self) {
        if old.on.is_some_and(|old| self.on.is_none_or(|own| old < own)) {
            (self.on, self.at, self.beyond) = (old.on, old.at, old.beyond);
        }
        self.kept = true;
    }

    pub fn passed_by(&self, at: Instant) -> bool {
        self.at.is_some_and(|due| due <= at)
    }

    /// Takes in what was published before an instant, while the duty was pending.
    pub fn settle(&mut self, world: &World<'_>, until: Instant) {
        let Some((n, looked)) = self.working.filter(|_| !self.kept) else { return };
        let until = until.saturating_sub(1).min(world.moment.known_at);
        if until <= looked {
            return;
        }
        self.working = Some((n, until));
        for published in world.holidays.published(looked, until) {
            if self.passed_by(published) {
                break;
            }
            self.count(world, n, published);
        }
    }

    fn count(&mut self, world: &World<'_>, n: u64, known: Instant) {
        match world.holidays.nth_after(self.from, n, known) {
            Counted::Certain(day) => {
                self.set(day);
                self.beyond = None;
            }
            Counted::Provisional(day) => {
                self.set(day);
                self.beyond = Some("provisional");
            }
            Counted::Undatable => (self.on, self.at, self.beyond) = (None, None, Some("undatable")),
        }
    }
}

impl Duty<'_> {
    /// Ends by a fact; at `now` it was no longer open.
    pub fn close(&mut self, outcome: &'static str, by: &Step, now: &Step) {
        let at = by.fact.time.max(self.opened_at);
        self.end = Some(End { outcome, by: Some(by.fact.place()), at, place: now.fact.place() });
    }

    /// Whether an ending fact is about the same act and organisation; `later` than the opening, one that names no request
    /// answers for the organisation.
    pub fn belongs(&self, step: &Step, later: bool) -> bool {
        let version = self.version;
        let same = match version.key(&step.fact) {
            _ if !version.has("match") => true,
            Some(key) => self.key.as_ref() == Some(&key),
            None => {
                let org = step.fact.get("org");
                version.word("all") == "users" && later && org.is_some_and(|org| org == self.org)
            }
        };
        same && self.same_org(step)
    }

    pub fn same_org(&self, step: &Step) -> bool {
        !self.version.has("by") || (!self.org.is_empty() && step.fact.organisation() == self.org)
    }

    /// Whether a step withdraws an open duty.
    pub fn withdraws(&self, step: &Step) -> bool {
        let version = self.version;
        version.entries("withdrawn_by").any(|entry| match &step.left {
            // Left untold: as a transfer from that prison.
            Some(prison) => {
                entry.word("type") == Some("custody.left")
                    && entry.takes_transfer(prison)
                    && (!version.has("by") || *prison == self.org)
            }
            None => {
                let any = !version.has("match") || entry.word("match") == Some("any");
                let matched = any || (self.key.is_some() && version.key(&step.fact) == self.key);
                step.passes(entry) && matched && self.same_org(step)
            }
        })
    }
}

impl<'w> World<'w> {
    /// A duty that a step opens, with its first deadline.
    pub fn open(
        &self,
        (rule, version): (&'w Rule, &'w Version),
        entry: Option<Entry<'w>>,
        at: usize,
        opener: &'w Step,
    ) -> Duty<'w> {
        let org = match version.word("by") {
            "prison" => opener.prison(),
            "org" => opener.fact.organisation(),
            _ => opener.fact.text("org"),
        };
        Duty {
            due: self.first_due(version, entry, opener),
            key: version.key(&opener.fact),
            rests: self.rests(version, entry, opener),
            opened_at: opener.fact.time,
            day: None,
            end: None,
            successor: None,
            rule,
            version,
            entry,
            opener,
            at,
            org,
        }
    }

    /// The facts that set what the rule asks, with the switch of a programme and the fact that gave the area.
    fn rests(&self, version: &Version, entry: Option<Entry<'_>>, opener: &Step) -> BTreeSet<u32> {
        let mut fields = version.asked();
        fields.extend(entry.into_iter().flat_map(Entry::asked));
        let guards = [version.programme(), entry.and_then(Entry::programme)];
        let counted = if entry.is_none() { version.word("counted_from") } else { "opening" };
        let mut rests = BTreeSet::new();
        for switch in guards.into_iter().flatten().filter_map(|asked| self.switch(asked, counted, opener)) {
            rests.insert(switch);
            fields.push("area");
        }
        rests.extend(fields.into_iter().filter_map(|field| opener.after.set_by(field)));
        rests
    }

    fn switch(&self, programme: &str, counted_from: &str, step: &Step) -> Option<u32> {
        let sentence = step.after.sentence_on.filter(|_| counted_from == "sentence");
        let day = sentence.unwrap_or(step.fact.on);
        self.facts.switch(step.after.get("area"), programme, day, self.moment)
    }

    /// Whether a version's own `if`, and one asked of a programme, hold just after a step.
    pub fn guard(&self, version: &Version, counted_from: &str, step: &Step) -> bool {
        let on = |programme| self.switch(programme, counted_from, step).is_some();
        version.holds("if", &step.after) && version.programme().is_none_or(on)
    }

    pub fn entry_guard(&self, entry: Entry<'_>, step: &Step) -> bool {
        entry.programme().is_none_or(|programme| self.switch(programme, "opening", step).is_some())
    }

    fn first_due(&self, version: &Version, entry: Option<Entry<'_>>, opener: &Step) -> Due {
        let own = entry.and_then(|entry| entry.word("counted_from"));
        let base = match own.unwrap_or(version.word("counted_from")) {
            "sentence" => opener.after.sentence_on,
            "reception" => opener.after.reception_on,
            _ => None,
        };
        let from = base.unwrap_or(opener.fact.on);
        let mut due = Due {
            from,
            on: None,
            at: None,
            opens: None,
            working: None,
            gap: entry.is_some_and(|entry| entry.flag("policy_gap")),
            kept: false,
            beyond: None,
            rests_on: None,
        };
        let (days, months) = (version.number("due", "days"), version.number("due", "months"));
        if version.form() == "prior" {
            (due.on, due.at) = (Some(opener.fact.on), Some(opener.fact.time));
        } else if let Some(field) = version.followed() {
            if let Some((date, rests_on)) = opener.after.followed(field) {
                follow(version, &mut due, date, rests_on);
            }
        } else if let Some(n) = version.number("due", "working_days") {
            due.working = Some((n, opener.fact.time));
            due.count(self, n, opener.fact.time.min(self.moment.known_at));
        } else if days.is_some() || months.is_some() {
            let months = Months::new(months.and_then(|months| u32::try_from(months).ok()).unwrap_or(0));
            due.set(plus(from.checked_add_months(months).unwrap_or(from), days.unwrap_or(0)));
        }
        due
    }

    /// Ends a duty by a fact that did what was asked; at `now` it was no longer open.
    pub fn end_well(&self, duty: &mut Duty<'_>, by: &Step, now: &Step) {
        duty.due.settle(self, by.fact.time);
        let in_time = match duty.version.form() {
            "prior" => by.fact.time <= duty.opened_at,
            _ => !duty.due.passed_by(by.fact.time),
        };
        duty.close(if in_time { "met" } else { "met_late" }, by, now);
    }

    /// Ends a duty undone.
    pub fn end_undone(&self, duty: &mut Duty<'_>, by: &Step) {
        duty.due.settle(self, by.fact.time);
        let late = duty.due.passed_by(by.fact.time);
        duty.close(if late { "lapsed" } else { "withdrawn" }, by, by);
    }

    /// The organisation answerable at the earliest of the end, the moment asked about and the due moment.
    pub fn holder(&self, duty: &Duty<'_>) -> Option<String> {
        let known = |holder: &str| (!holder.is_empty()).then(|| holder.to_owned());
        let subject = &self.timeline.subject;
        let field = match (duty.version.word("holder"), subject.starts_with("user/")) {
            ("prison", _) => return known(&duty.opener.prison()),
            ("area", _) => "area",
            (_, true) => "org",
            (_, false) => return known(subject),
        };
        let as_at = self.moment.as_at;
        let closed = duty.end.as_ref().map(|end| end.at);
        let due = duty.due.at.map(|due| due.max(duty.opened_at));
        let limit = [closed, due].into_iter().flatten().fold(as_at, Instant::min);
        let including = Some(limit) == closed
            || limit == as_at
            || limit == duty.opened_at
            || duty.version.form() == "prior";
        let counts = |step: &&Step| if including { step.fact.time <= limit } else { step.fact.time < limit };
        self.timeline.steps.iter().take_while(counts).last().and_then(|step| known(step.after.get(field)))
    }
}

/// Has a deadline follow a date of the state.
pub fn follow(version: &Version, due: &mut Due, date: NaiveDate, rests_on: u32) {
    let before = |key: &str| {
        let months = u32::try_from(version.number("due", key)?).ok()?;
        date.checked_sub_months(Months::new(months))
    };
    (due.from, due.gap, due.rests_on) = (date, false, Some(rests_on));
    due.opens = before("opens_months");
    due.set(before("months").unwrap_or(date));
}
