//! How a nominal comes under the record obligation, and what becomes of that duty.

use super::aim::{Aim, Rule};
use super::calendar::{Day, Moment, Within};
use super::kind::Kind;
use super::life::{Life, Sentence};
use super::log::Value;
use super::opening::{Opening, custody_due};
use super::subject::Org;
use super::teller::{Answer, CLOSING_DAYS};
use super::world::{Profile, Programme, World};

/// How the story can go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum After {
    /// There is a live record.
    Live,
    /// The person stays registered without a record.
    NoRecord,
    /// The registration ended on a day.
    Ended(Day),
    /// Nothing more happens to the person.
    Gone,
}

/// Returns the days that suit an aim; for 4.11 with an aim about the due day, the days of that.
pub(super) fn days_for(world: &World, rule: Rule, aim: Aim) -> (Day, Day) {
    let (low, high) = match (rule, aim) {
        (_, Aim::AsProfiled) => (8, 0),
        (Rule::Custody, Aim::Pending) => (60, 3),
        (Rule::Custody, Aim::Superseded | Aim::Withdrawn) => (12, 45),
        (_, Aim::Superseded) => (12, 1),
        (_, Aim::Withdrawn) => (12, 4),
        (_, Aim::Annulled) => (12, 22),
        (_, Aim::Lapsed) => (30, 62),
        (_, Aim::Never) => (24, 9),
        (_, Aim::Late) => (24, 40),
        (Rule::Custody, Aim::RecordedLate) => (world.last.since(world.first) - CLOSING_DAYS + 4, 5),
        (_, Aim::RecordedLate) => (world.last.since(world.first) - CLOSING_DAYS + 1, 10),
        (_, Aim::Pending) => (world.last.since(world.first) - 9, 0),
    };
    world.within(low, high)
}

/// Returns the working days near the end on which a duty opens that is not yet due after the last day.
pub(super) fn days_still_open(world: &World, within: Within) -> Vec<Day> {
    let open =
        |day: &Day| world.calendar.is_working(*day) && world.calendar.due_on(*day, within) > world.last;
    let days: Vec<Day> = (-20..=0).map(|back| world.last.plus(back)).filter(open).collect();
    if days.is_empty() { vec![world.last] } else { days }
}

/// Says whether a rule's programme, if it has one, is on in an area.
pub(super) fn applies(world: &World, rule: Rule, area: u32, day: Day) -> bool {
    match rule {
        Rule::Custody => world.is_on(area, Programme::Custody, day),
        Rule::Community => world.is_on(area, Programme::Community, day),
        Rule::Formal | Rule::Dangerous => true,
    }
}

impl Life<'_> {
    /// Brings the person under a rule on a day (for 4.11, where `due` is given, so that it is due then).
    pub(super) fn enter(&mut self, rule: Rule, aim: Aim, day: Day, due: Option<Day>) -> After {
        let scripted = aim != Aim::AsProfiled;
        self.teller.correcting = !scripted;
        let opening = match rule {
            Rule::Formal => self.open_formal(aim, day),
            Rule::Custody => self.open_custody(aim, day, due),
            Rule::Community => self.open_community(aim, day),
            Rule::Dangerous => self.open_dangerous(aim, day),
        };
        let after = self.follow(rule, aim, &opening);
        self.teller.correcting = true;
        after
    }

    fn follow(&mut self, rule: Rule, aim: Aim, opening: &Opening) -> After {
        match aim {
            Aim::AsProfiled => self.as_profiled(rule, opening),
            Aim::RecordedLate => self.record(Answer::RecordedLate, opening),
            Aim::Late => self.record(Answer::Late, opening),
            Aim::Never | Aim::Pending => After::NoRecord,
            Aim::Withdrawn => {
                let at = self.teller.in_time(opening.at, opening.due_on.min(self.world().last));
                self.end_condition(rule, at)
            }
            Aim::Lapsed => {
                let at = self.teller.late(opening.due_on, 45);
                self.end_condition(rule, at)
            }
            Aim::Superseded => self.supersede(rule, opening),
            Aim::Annulled => self.annul_opening(rule, opening),
        }
    }

    fn record(&mut self, answer: Answer, opening: &Opening) -> After {
        if self.make_record(answer, opening.at, opening.due_on) { After::Live } else { After::NoRecord }
    }

    fn as_profiled(&mut self, rule: Rule, opening: &Opening) -> After {
        let mut opening = *opening;
        if self.teller.random.permille(50) {
            let at = self.teller.in_time(opening.at, opening.due_on);
            self.transfer_case(at);
        }
        let ends_early = if self.world().dense { 30 } else { 8 };
        if self.teller.random.permille(ends_early) {
            let at = self.teller.in_time(opening.at, opening.due_on);
            return self.end_condition(rule, at);
        }
        if rule == Rule::Custody && self.teller.random.permille(300) {
            self.move_release(&mut opening);
        }
        let on = applies(self.world(), rule, self.area, self.day_of(opening.at));
        let answer = self.teller.answer(self.profile(), opening.due_on);
        let answer = if !on && self.teller.random.permille(500) { Answer::Never } else { answer };
        if rule == Rule::Custody && self.teller.random.permille(350) {
            self.request_record(&opening);
        }
        self.record(answer, &opening)
    }

    /// The prison asks for a record of somebody it holds.
    fn request_record(&mut self, opening: &Opening) {
        let Some((_, prison)) = self.held_since else { return };
        let at = self.teller.in_time(opening.at, opening.due_on);
        let request = self.act();
        let fields =
            [("request", Value::Own("request-", request)), ("prison", Value::Org(Org::Prison(prison)))];
        self.tell(Kind::RecordRequested, at, &fields);
    }

    /// The release date moves, and with it the day on which the record is due.
    fn move_release(&mut self, opening: &mut Opening) {
        let Some(release_on) = self.release_on else { return };
        let at = self.teller.in_time(opening.at, opening.due_on);
        let by = self.teller.random.between(-70, 70);
        let moved = release_on.plus(by);
        self.set_release(at, Some(moved));
        // A date of grace stays as long as the computed one falls before it.
        let graced = release_on.months_before(6) < self.day_of(opening.at);
        if !(graced && moved.months_before(6) < opening.due_on) {
            opening.due_on = custody_due(moved, self.day_of(at));
        }
        opening.at = at;
    }

    /// Ends what the rule asks for, without a record.
    fn end_condition(&mut self, rule: Rule, at: Moment) -> After {
        let draw = self.teller.random.below(10);
        match (rule, draw) {
            (_, 0) => {
                self.tell(Kind::NominalDied, at, &[]);
                After::Gone
            }
            (Rule::Formal, 1..=3) if self.sentence == Sentence::Suspended => {
                self.change(at, &[("level", Value::Number(1))]);
                After::NoRecord
            }
            (Rule::Custody, 1..=4) => {
                self.set_release(at, None);
                After::NoRecord
            }
            (Rule::Community, 1..=3) => {
                self.change(at, &[("category", Value::Number(1))]);
                After::NoRecord
            }
            (Rule::Dangerous, 1..=3) => {
                self.change(at, &[("statutory_supervision", Value::Flag(false))]);
                After::NoRecord
            }
            (Rule::Dangerous, 4..=5) => {
                self.change(at, &[("level", Value::Number(1))]);
                After::NoRecord
            }
            _ => {
                self.deregister(at);
                After::Ended(self.day_of(at))
            }
        }
    }

    /// Another rule of the obligation takes the duty over, and is then answered in the area's manner.
    fn supersede(&mut self, rule: Rule, opening: &Opening) -> After {
        let at = self.teller.in_time(opening.at, opening.due_on.min(self.world().last));
        let day = self.day_of(at);
        let days = &self.world().calendar;
        let (five, three) = (days.due_on(day, Within::Days(5)), days.due_on(day, Within::WorkingDays(3)));
        let due_on = match rule {
            Rule::Formal if self.release_on.is_some() => {
                self.change(at, &[("level", Value::Number(1))]);
                custody_due(self.release_on.unwrap_or(day), day)
            }
            Rule::Formal => {
                let category = [("category", Value::Number(3)), ("statutory_supervision", Value::Flag(true))];
                self.change(at, &category);
                three.min(opening.due_on)
            }
            Rule::Custody => {
                if self.teller.random.permille(400) {
                    // Levels are often changed by ending the registration and entering it again.
                    self.deregister(at);
                    let again = self.teller.office_from(day.plus(1)).max(at.plus(600));
                    let again = if self.day_of(again) > day.plus(1) { at.plus(1200) } else { again };
                    self.register(again, None, 2, 2);
                } else {
                    self.change(at, &[("level", Value::Number(2))]);
                }
                five.min(opening.due_on)
            }
            Rule::Community => {
                let changes = [
                    ("category", Value::Number(3)),
                    ("level", Value::Number(2)),
                    ("statutory_supervision", Value::Flag(true)),
                ];
                self.change(at, &changes);
                three
            }
            Rule::Dangerous => {
                self.change(at, &[("category", Value::Number(2))]);
                five.min(opening.due_on)
            }
        };
        let answer = self.teller.answer(self.profile(), due_on.max(day));
        self.record(answer, &Opening { at, due_on: due_on.max(day) })
    }

    /// The opening fact, told last, is annulled; in half of the cases it is then stated as it should have been.
    fn annul_opening(&mut self, rule: Rule, opening: &Opening) -> After {
        let day = self.day_of(opening.at).plus(self.teller.random.soon(1, 18));
        let noticed = self.teller.office_from(day);
        if !self.teller.annul_last(noticed, "entered in error") {
            return After::NoRecord;
        }
        let again = noticed.plus(self.teller.random.seconds(60, 900));
        let stated_anew = self.teller.random.permille(500);
        match rule {
            Rule::Formal | Rule::Dangerous if stated_anew => {
                self.register(again, None, 1, 1);
                After::NoRecord
            }
            Rule::Custody if stated_anew && self.release_on.is_some() => {
                let later = self.release_on.map(|release_on| release_on.plus(120));
                self.set_release(again, later);
                After::NoRecord
            }
            Rule::Formal | Rule::Dangerous | Rule::Custody | Rule::Community => {
                self.held_since = None;
                After::Ended(self.day_of(noticed))
            }
        }
    }
}

/// Returns an area for an assignment: where the aim is a failure, rather one that keeps up badly then.
pub(super) fn area_for(
    world: &World,
    rule: Rule,
    aim: Aim,
    day: Day,
    random: &mut super::random::Random,
) -> Option<u32> {
    let failing = match aim {
        Aim::Late | Aim::Never | Aim::Lapsed => true,
        Aim::AsProfiled
        | Aim::RecordedLate
        | Aim::Withdrawn
        | Aim::Superseded
        | Aim::Annulled
        | Aim::Pending => false,
    };
    let progress = world.progress(day);
    let weights: Vec<(u32, u32)> = (0u32..)
        .zip(&world.areas)
        .filter(|(area, _)| applies(world, rule, *area, day))
        .map(|(area, entry)| {
            let (in_time, _) = Profile::shares(entry.profile, progress);
            (entry.weight * if failing { 8 + (1000 - in_time) / 8 } else { 10 }, area)
        })
        .collect();
    random.weighted(&weights)
}
