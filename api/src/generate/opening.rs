//! The facts that bring a nominal under a rule of the record obligation, the opening one last.

use super::aim::Aim;
use super::calendar::{Day, Moment, Within};
use super::kind::Kind;
use super::life::{Life, Sentence};
use super::log::Value;
use super::world::Programme;

/// The opening of a duty of the record obligation.
#[derive(Clone, Copy)]
pub(super) struct Opening {
    pub(super) at: Moment,
    pub(super) due_on: Day,
}

impl Life<'_> {
    pub(super) fn open_formal(&mut self, aim: Aim, day: Day) -> Opening {
        let level = if self.teller.random.permille(280) { 3 } else { 2 };
        let by_level = aim == Aim::Superseded
            && self.world().is_on(self.area, Programme::Custody, day)
            && self.teller.random.permille(500);
        let sentence = if by_level || self.teller.random.permille(400) {
            Sentence::Custodial
        } else {
            Sentence::Suspended
        };
        self.known_before(day, sentence);
        if by_level {
            let at = self.teller.office_from(day.plus(-4));
            let release_on = day.plus(self.teller.random.between(260, 600));
            self.set_release(at, Some(release_on));
        }
        let at = self.opening_moment(aim, day);
        let on = self.told_later(aim, self.day_of(at));
        self.register(at, on, 2, level);
        Opening { at, due_on: on.unwrap_or(self.day_of(at)).plus(5) }
    }

    pub(super) fn open_dangerous(&mut self, aim: Aim, day: Day) -> Opening {
        let level = if self.teller.random.permille(350) { 3 } else { 2 };
        self.known_before(day, Sentence::Suspended);
        let at = self.opening_moment(aim, day);
        let on = self.told_later(aim, self.day_of(at));
        self.register(at, on, 3, level);
        let counted_from = on.unwrap_or(self.day_of(at));
        Opening { at, due_on: self.world().calendar.due_on(counted_from, Within::WorkingDays(3)) }
    }

    pub(super) fn open_community(&mut self, aim: Aim, day: Day) -> Opening {
        let at = self.opening_moment(aim, day);
        let day = self.day_of(at);
        let after_sentence = self.teller.random.permille(600);
        if after_sentence {
            let gap = if aim == Aim::AsProfiled { self.teller.random.soon(0, 6) } else { 0 };
            let sentenced_on = self.world().calendar.working_until(day.plus(-gap));
            let sentenced = self.teller.office(sentenced_on).min(at.plus(-900));
            let sentenced_on = self.day_of(sentenced);
            self.introduce_unless_known(sentenced.plus(-1800));
            self.sentence(sentenced, Sentence::Community);
            self.register(at, None, 2, 1);
            let due_on = sentenced_on.plus(3);
            Opening { at, due_on: if due_on < day { day.plus(3) } else { due_on } }
        } else {
            let registered = self.teller.office_days_from(day, -12, -2).min(at.plus(-900));
            self.introduce_unless_known(registered.plus(-1800));
            self.register(registered, None, 2, 1);
            self.sentence(at, Sentence::Community);
            Opening { at, due_on: day.plus(3) }
        }
    }

    pub(super) fn open_custody(&mut self, aim: Aim, day: Day, due: Option<Day>) -> Opening {
        let at = self.opening_moment(aim, day);
        let day = self.day_of(at);
        let release_on = match (due, aim) {
            (Some(due), _) => due.months_after(6),
            (None, Aim::Pending | Aim::Superseded | Aim::Withdrawn) => {
                self.world().last.max(day.plus(60)).months_after(6).plus(self.teller.random.between(3, 200))
            }
            (None, _) if self.teller.random.permille(200) => day.plus(self.teller.random.between(40, 170)),
            (None, _) => day.plus(self.teller.random.between(190, 620)),
        };
        let sentenced_on = day.plus(-self.teller.random.between(8, 60));
        let sentenced = self.teller.office_from(sentenced_on).min(at.plus(-90_000));
        self.introduce_unless_known(sentenced.plus(-3600));
        self.sentence(sentenced, Sentence::Custodial);
        let prison = self.world().prison_for(self.area, &mut self.teller.random);
        let received = self
            .world()
            .calendar
            .at(self.day_of(sentenced), 68_000)
            .plus(self.teller.random.seconds(0, 7200));
        self.held_since = Some((received.min(at.plus(-1800)), prison));
        let before = self.teller.office_from(day.plus(-5)).clamp(sentenced.plus(600), at.plus(-300));
        if self.teller.random.permille(500) {
            self.set_release(before, Some(release_on));
            self.register(at, None, 2, 1);
        } else {
            self.register(before, None, 2, 1);
            self.set_release(at, Some(release_on));
        }
        Opening { at, due_on: custody_due(release_on, day) }
    }

    /// Returns when on the day the opening fact is told.
    fn opening_moment(&mut self, aim: Aim, day: Day) -> Moment {
        match aim {
            Aim::Pending => self.teller.office(day),
            Aim::AsProfiled
            | Aim::RecordedLate
            | Aim::Late
            | Aim::Never
            | Aim::Withdrawn
            | Aim::Lapsed
            | Aim::Superseded
            | Aim::Annulled => self.teller.office_from(day),
        }
    }

    /// Now and then a registration is told a day or two after it took effect.
    fn told_later(&mut self, aim: Aim, day: Day) -> Option<Day> {
        let later = aim == Aim::AsProfiled && self.teller.random.permille(120);
        later.then(|| day.plus(-self.teller.random.between(1, 2)))
    }

    /// The person was sentenced, and is made known, some time before a day.
    fn known_before(&mut self, day: Day, sentence: Sentence) {
        let back = self.teller.random.between(20, 300);
        let sentenced = self.teller.office_from(day.plus(-back));
        let known = self.teller.office_from(day.plus(-3)).min(self.world().calendar.start_of(day));
        self.introduce_unless_known(known.plus(-7200));
        if self.sentence != sentence {
            let sentenced = self.sentenced_at.map_or(sentenced, |last| sentenced.max(last.plus(90_000)));
            self.sentenced_at = Some(sentenced);
            let recorded = known.max(sentenced.plus(600));
            self.sentence = sentence;
            let kind = if sentence == Sentence::Custodial { "custodial" } else { "suspended" };
            let fields = [("kind", Value::Word(kind))];
            self.teller.tell_recorded(Kind::SentenceImposed, sentenced, recorded, &fields);
        }
    }
}

/// Returns when 4.11 is due for a release date, on the day on which that is known.
pub(super) fn custody_due(release_on: Day, known_on: Day) -> Day {
    let due_on = release_on.months_before(6);
    if due_on < known_on { known_on.plus(5) } else { due_on }
}
