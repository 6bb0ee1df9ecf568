//! The plan of one nominal's life over the history.

use super::aim::{Aim, Assignment, Rule};
use super::calendar::{Day, Within};
use super::ending::{Destination, Termination};
use super::entry::{After, applies, area_for, days_for, days_still_open};
use super::kind::Kind;
use super::life::{Life, Owner, Record, Sentence};
use super::log::{Log, Value};
use super::random::Random;
use super::subject::Subject;
use super::teller::Answer;
use super::world::World;

const PLAN_PART: u64 = 4 << 40;

/// Tells the life of one nominal.
pub(super) fn tell_nominal(world: &World, log: &mut Log, nominal: u32, assignment: Option<Assignment>) {
    let part = PLAN_PART + u64::from(Subject::Nominal(nominal).number());
    let mut plan = Random::new(world.options.seed, part);
    match assignment {
        Some(assignment) => tell_assigned(world, log, nominal, assignment, &mut plan),
        None if nominal > 0 && plan.permille(18) => tell_duplicate(world, log, nominal, &mut plan),
        None => tell_ordinary(world, log, nominal, &mut plan),
    }
}

fn tell_assigned(world: &World, log: &mut Log, nominal: u32, assignment: Assignment, plan: &mut Random) {
    let Assignment { rule, aim, place } = assignment;
    let (low, high) = days_for(world, rule, aim);
    let day = World::spread(low, high, place);
    let by_due =
        rule == Rule::Custody && matches!(aim, Aim::Late | Aim::Never | Aim::Lapsed | Aim::RecordedLate);
    let (day, due) = if by_due {
        (day.plus(-plan.between(15, 140)).max(world.first.plus(8)), Some(day))
    } else if aim == Aim::Pending && rule != Rule::Custody {
        (pending_day(world, rule, plan), None)
    } else {
        (day, None)
    };
    let (rule, area) = match area_for(world, rule, aim, day, plan) {
        Some(area) => (rule, area),
        None => (Rule::Formal, world.any_area(plan)),
    };
    let mut life = Life::new(world, log, nominal, area);
    let after = life.enter(rule, aim, day, due);
    life.go_on(after, day, plan, 2);
}

fn pending_day(world: &World, rule: Rule, plan: &mut Random) -> Day {
    let within = match rule {
        Rule::Formal | Rule::Custody => Within::Days(5),
        Rule::Community => Within::Days(3),
        Rule::Dangerous => Within::WorkingDays(3),
    };
    plan.pick(&days_still_open(world, within)).unwrap_or(world.last)
}

/// A life in the mix of categories and levels of the country.
fn tell_ordinary(world: &World, log: &mut Log, nominal: u32, plan: &mut Random) {
    let area = world.any_area(plan);
    let category = plan.weighted(&[(700, 1), (270, 2), (12, 3), (18, 4)]).unwrap_or(1);
    let formal_permille = if world.dense { 220 } else { 22 };
    let level = match plan.below(1000) {
        draw if draw < formal_permille / 4 => 3,
        draw if draw < formal_permille => 2,
        _ => 1,
    };
    let stock = plan.permille(680);
    let mut life = Life::new(world, log, nominal, area);
    if plan.permille(10) {
        life.be_no_mappa_case(plan);
        return;
    }
    let (low, high) = days_for(world, Rule::Formal, Aim::AsProfiled);
    let day = World::spread(low, high, plan.below(1_000_000));
    if stock {
        life.was_there_before(category, level, plan);
        life.go_on(After::Live, world.first, plan, 2);
    } else if matches!(category, 1 | 4) {
        life.come_to_the_police(category, level, day);
        life.go_on(After::Live, day, plan, 1);
    } else {
        let rule = if category == 3 {
            Rule::Dangerous
        } else if level > 1 {
            Rule::Formal
        } else if plan.permille(480) {
            Rule::Custody
        } else {
            Rule::Community
        };
        let after = life.enter(rule, Aim::AsProfiled, day, None);
        life.go_on(after, day, plan, 2);
    }
}

/// The same person entered twice, found out after some time.
fn tell_duplicate(world: &World, log: &mut Log, nominal: u32, plan: &mut Random) {
    let survivor = plan.below(nominal);
    let (low, high) = days_for(world, Rule::Formal, Aim::Never);
    let day = World::spread(low, high, plan.below(1_000_000));
    let mut life = Life::new(world, log, nominal, world.any_area(plan));
    let known = life.teller.office_from(day);
    life.introduce(known, "mappa");
    if plan.permille(400) {
        life.register(known.plus(1800), None, 2, 2);
    }
    let found = life.teller.office_from(day.plus(plan.between(4, 80)));
    life.manage(day, life.day_of(found));
    life.tell(Kind::NominalMerged, found, &[("into", Value::Nominal(survivor))]);
}

impl Life<'_> {
    /// The person was on ViSOR when the history began; what went before is loaded on its first day.
    fn was_there_before(&mut self, category: u32, level: u32, plan: &mut Random) {
        let world = self.world();
        let day = world.first.plus(-plan.between(20, 1500));
        let at = self.teller.office_from(day);
        self.introduce(at.plus(-7200), "mappa");
        let sentence = plan.pick(&[Sentence::Custodial, Sentence::Community, Sentence::Suspended]);
        let sentenced = self.teller.office_from(day.plus(-plan.between(1, 90)));
        self.sentence(sentenced, sentence.unwrap_or(Sentence::Suspended));
        let level = if category == 3 { level.max(2) } else { level };
        self.register(at, None, category, level);
        let due_on = day.plus(3);
        let answer =
            if day.since(world.first) < -40 && plan.permille(100) { Answer::Late } else { Answer::InTime };
        self.make_record(answer, at, due_on);
        if self.owner == Owner::Police {
            self.join_police_record(at);
        }
    }

    /// A person on ViSOR who is not managed under MAPPA; the police keep the record.
    fn be_no_mappa_case(&mut self, plan: &mut Random) {
        self.owner = Owner::Police;
        let kind = plan.pick(&["pdp", "soc", "other"]).unwrap_or("other");
        let at = self.teller.office_from(self.world().first.plus(-plan.between(20, 900)));
        self.introduce(at, kind);
        self.make_record(Answer::InTime, at, self.day_of(at).plus(3));
        let first = self.world().first;
        self.go_in_again(first, self.world().last.plus(1), plan);
    }

    /// A case whose record the police own.
    fn come_to_the_police(&mut self, category: u32, level: u32, day: Day) {
        let at = self.teller.office_from(day);
        self.introduce(at.plus(-7200), "mappa");
        let sentenced = self.teller.office_from(day.plus(-20));
        self.sentence(sentenced, Sentence::Custodial);
        self.register(at, None, category, level);
        let due_on = self.day_of(at).plus(6);
        self.make_record(Answer::InTime, at, due_on);
        if let Record::Live(made) = self.record {
            self.join_police_record(made);
        }
    }

    /// Tells the rest of the life, with at most so many returns after an end.
    fn go_on(&mut self, after: After, day: Day, plan: &mut Random, returns: u32) {
        let world = self.world();
        match after {
            After::Gone => {}
            After::NoRecord => {
                self.inside_from_the_start();
                self.manage(day, world.last.plus(1));
            }
            After::Ended(ended) => {
                self.held_since = None;
                self.come_back(ended, plan, returns);
            }
            After::Live => {
                let since = match self.record {
                    Record::Live(made) => self.day_of(made).max(day),
                    Record::None | Record::Archived => day,
                };
                self.live_on(day, since, plan, returns);
            }
        }
    }

    fn live_on(&mut self, day: Day, since: Day, plan: &mut Random, returns: u32) {
        let world = self.world();
        let ends = if world.dense { 550 } else { 200 };
        let dies = if world.dense { 85 } else { 16 };
        self.inside_from_the_start();
        // Nothing is concluded for somebody who is still inside.
        let end = since
            .plus(plan.between(45, if world.dense { 300 } else { 640 }))
            .max(self.out_from.plus(plan.between(8, 60)));
        let draw = plan.below(1000);
        let stays = draw >= ends + dies || end > world.last.plus(-6);
        let until = if stays { world.last.plus(1) } else { end };
        self.manage_in_pieces(day, until, plan);
        self.go_in_again(since, until, plan);
        if stays {
            let busy = world.dense && self.owner == Owner::Probation && plan.permille(480);
            if busy && self.out_from < world.last.plus(-50) {
                self.be_busy_at_the_end();
            }
        } else if draw < dies {
            self.die(end);
        } else {
            let (termination, destination) = conclusion(world, plan);
            self.conclude(end, termination, destination);
            if self.record != Record::Archived || termination == Termination::MissingAtDeath {
                return;
            }
            self.come_back(end, plan, returns);
        }
    }

    /// The person is registered again, some time after an end.
    fn come_back(&mut self, ended: Day, plan: &mut Random, returns: u32) {
        let world = self.world();
        let again = ended.plus(plan.between(35, 150));
        if returns == 0 || again > world.last || !plan.permille(if world.dense { 420 } else { 120 }) {
            return;
        }
        self.release_on = None;
        let rule = plan
            .weighted(&[
                (40, Rule::Formal),
                (25, Rule::Custody),
                (25, Rule::Community),
                (10, Rule::Dangerous),
            ])
            .filter(|rule| applies(world, *rule, self.area, again))
            .unwrap_or(Rule::Formal);
        let after = self.enter(rule, Aim::AsProfiled, again, None);
        self.go_on(after, again, plan, returns - 1);
    }

    /// Tells the stay that had begun when the registration was made.
    fn inside_from_the_start(&mut self) {
        let Some((from, prison)) = self.held_since.take() else { return };
        let world = self.world();
        let release_on = self.release_on.unwrap_or(world.last.plus(1)).max(self.day_of(from).plus(2));
        let left = (release_on <= world.last).then(|| {
            let day = world.calendar.working_until(release_on).max(self.day_of(from).plus(1));
            world.calendar.at(day, 33_000)
        });
        self.out_from = if left.is_some() { release_on } else { world.last.plus(1) };
        self.custody(prison, from, left);
    }

    /// Divides a time at changes of level or area, and tells the work of each piece.
    fn manage_in_pieces(&mut self, from: Day, until: Day, plan: &mut Random) {
        let world = self.world();
        let changes = if world.dense { plan.below(3) } else { plan.below(6).saturating_sub(4) };
        let mut days: Vec<Day> = (0..changes)
            .map(|_| World::spread(from.plus(9), until.plus(-9), plan.below(1_000_000)))
            .collect();
        days.sort_unstable();
        let mut start = from;
        for day in days.into_iter().filter(|day| *day > from && *day < until.plus(-2)) {
            self.manage(start, day);
            self.take_a_turn(day, plan);
            start = day;
        }
        self.manage(start, until);
    }

    fn take_a_turn(&mut self, day: Day, plan: &mut Random) {
        let at = self.teller.office_from(day);
        if plan.permille(200) {
            self.transfer_case(at);
            return;
        }
        // Up from level 1 seldom, down from level 2 or 3 often.
        let rises = if self.world().dense { 450 } else { 60 };
        let level = match self.level {
            3 => 2,
            2 if plan.permille(300) => 3,
            2 if self.category != 3 => 1,
            1 if plan.permille(rises) => 2,
            level => level,
        };
        if level == self.level {
            return;
        }
        let again = at.plus(plan.seconds(4000, 90_000));
        if plan.permille(250) && self.day_of(again) <= self.day_of(at).plus(1) {
            let category = self.category;
            self.deregister(at);
            self.register(again, None, category, level);
        } else {
            self.change(at, &[("level", Value::Number(level))]);
        }
    }

    /// Tells further times in custody between two days.
    fn go_in_again(&mut self, from: Day, until: Day, plan: &mut Random) {
        let world = self.world();
        let times =
            if world.dense { plan.below(5).saturating_sub(1) } else { plan.below(6).saturating_sub(4) };
        let mut day = from.max(self.out_from).plus(plan.between(5, 70));
        for _ in 0..times {
            let length = match plan.below(10) {
                0..=2 => plan.between(2, 9),
                3..=6 => plan.between(10, 50),
                _ => plan.between(40, 180),
            };
            if day.plus(length) >= until.plus(-3) && until <= world.last || day > world.last {
                return;
            }
            let prison = world.prison_for(self.area, &mut self.teller.random);
            let received = world.calendar.at(day, 50_000).plus(plan.seconds(0, 25_000));
            let left_on = world.calendar.working_from(day.plus(length));
            let left = (left_on <= world.last)
                .then(|| world.calendar.at(left_on, 32_000).plus(plan.seconds(0, 8000)));
            self.out_from = if left.is_some() { left_on } else { world.last.plus(1) };
            self.custody(prison, received, left);
            day = left_on.plus(plan.between(12, 130));
        }
    }
}

/// Draws how a record is put away.
fn conclusion(world: &World, plan: &mut Random) -> (Termination, Destination) {
    let weights: &[(u32, Termination)] = if world.dense {
        &[
            (420, Termination::Before),
            (240, Termination::After),
            (210, Termination::Missing),
            (240, Termination::MissingAtDeath),
        ]
    } else {
        &[
            (880, Termination::Before),
            (60, Termination::After),
            (55, Termination::Missing),
            (5, Termination::MissingAtDeath),
        ]
    };
    let termination = plan.weighted(weights).unwrap_or(Termination::Before);
    let destination = if plan.permille(70) { Destination::Police } else { Destination::Archive };
    (termination, destination)
}
