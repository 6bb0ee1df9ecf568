//! A nominal as the story goes: what is true of the person, and the facts that change it.

use super::calendar::{Day, Moment, Within};
use super::identity::personal;
use super::kind::Kind;
use super::log::{Field, Log, Value};
use super::subject::{Org, Subject};
use super::teller::{Answer, Teller};
use super::world::{Profile, World};

/// The sentence last imposed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sentence {
    None,
    Custodial,
    Community,
    Suspended,
}

/// The ViSOR record, as far as the story has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Record {
    /// There is none yet.
    None,
    /// There has been one since a moment.
    Live(Moment),
    /// There is one, put away.
    Archived,
}

/// Who owns the record, or would.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Owner {
    Probation,
    Police,
}

/// One nominal.
pub(super) struct Life<'a> {
    pub(super) teller: Teller<'a>,
    pub(super) nominal: u32,
    pub(super) area: u32,
    pub(super) category: u32,
    pub(super) level: u32,
    pub(super) sentence: Sentence,
    pub(super) record: Record,
    pub(super) owner: Owner,
    /// Reception and prison of a stay that began before the record was due.
    pub(super) held_since: Option<(Moment, u32)>,
    pub(super) release_on: Option<Day>,
    pub(super) alert: bool,
    /// The first day on which the person is not known to be in prison.
    pub(super) out_from: Day,
    /// The user who attests for the area.
    pub(super) administrator: u32,
    /// When the last sentence was imposed.
    pub(super) sentenced_at: Option<Moment>,
    known: bool,
    registration: u16,
    acts: u16,
}

impl<'a> Life<'a> {
    /// Starts a nominal's story in an area.
    pub(super) fn new(world: &'a World, log: &'a mut Log, nominal: u32, area: u32) -> Self {
        let teller = Teller::new(world, log, Subject::Nominal(nominal), 0);
        let mut life = Self {
            teller,
            nominal,
            area,
            category: 2,
            level: 1,
            sentence: Sentence::None,
            record: Record::None,
            owner: Owner::Probation,
            held_since: None,
            release_on: None,
            alert: false,
            out_from: world.first,
            administrator: 0,
            sentenced_at: None,
            known: false,
            registration: 0,
            acts: 0,
        };
        life.move_to(area);
        life
    }

    /// Makes an area, and an administrator of it, answerable from now on.
    pub(super) fn move_to(&mut self, area: u32) {
        self.area = area;
        let unit = self.teller.random.below(self.world().units(area));
        let staff = self.world().roster.of(Org::Unit(area, unit));
        self.administrator = staff.start + self.teller.random.below(staff.end - staff.start);
        self.teller.attested_by(self.administrator);
    }

    /// Returns what the history shares.
    pub(super) fn world(&self) -> &'a World {
        self.teller.world
    }

    /// Returns how well the area keeps up.
    pub(super) fn profile(&self) -> Profile {
        self.world().profile(Org::Area(self.area))
    }

    /// Counts one more act of this nominal, for the act's id.
    pub(super) fn act(&mut self) -> u16 {
        self.acts = self.acts.saturating_add(1);
        self.acts
    }

    /// Tells a fact.
    pub(super) fn tell(&mut self, kind: Kind, at: Moment, fields: &[Field]) -> bool {
        self.teller.tell(kind, at, fields)
    }

    /// Tells the act that answers a duty of the area, in the area's manner.
    pub(super) fn close(
        &mut self,
        kind: Kind,
        from: Moment,
        within: Within,
        fields: &[Field],
    ) -> Option<Moment> {
        self.teller.close(self.profile(), kind, from, within, fields)
    }

    /// Returns the London day of a moment.
    pub(super) fn day_of(&self, at: Moment) -> Day {
        self.world().calendar.day_of(at)
    }

    /// Says whether the record is live at a moment.
    pub(super) fn live_at(&self, at: Moment) -> bool {
        match self.record {
            Record::Live(since) => since <= at,
            Record::None | Record::Archived => false,
        }
    }

    /// Returns the day since which the record has been live, the history's first day if there is none.
    pub(super) fn live_from(&self) -> Day {
        match self.record {
            Record::Live(since) => self.day_of(since),
            Record::None | Record::Archived => self.world().first,
        }
    }

    /// Makes the person known, the first time only.
    pub(super) fn introduce_unless_known(&mut self, at: Moment) {
        if !self.known {
            self.introduce(at, "mappa");
        }
    }

    /// Makes the person known.
    pub(super) fn introduce(&mut self, at: Moment, kind: &'static str) {
        self.known = true;
        let personal = personal(self.nominal, &mut self.teller.random);
        let fields = [("kind", Value::Word(kind)), ("personal", Value::Json(&personal))];
        self.tell(Kind::NominalRegistered, at, &fields);
    }

    /// Imposes a sentence.
    pub(super) fn sentence(&mut self, at: Moment, sentence: Sentence) {
        self.sentence = sentence;
        self.sentenced_at = Some(at);
        let kind = match sentence {
            Sentence::Custodial => "custodial",
            Sentence::Community => "community",
            Sentence::Suspended => "suspended",
            Sentence::None => return,
        };
        self.tell(Kind::SentenceImposed, at, &[("kind", Value::Word(kind))]);
    }

    /// Registers the person under MAPPA; `on` is given where it took effect on another day than it was told.
    pub(super) fn register(&mut self, at: Moment, on: Option<Day>, category: u32, level: u32) -> bool {
        self.category = category;
        self.level = level;
        self.owner = if matches!(category, 1 | 4) { Owner::Police } else { Owner::Probation };
        self.registration = self.act();
        let fields = [
            ("registration", Value::Own("reg-", self.registration)),
            ("category", Value::Number(category)),
            ("level", Value::Number(level)),
            ("area", Value::Org(Org::Area(self.area))),
            ("statutory_supervision", Value::Flag(true)),
            ("on", on.map_or(Value::Null, Value::Date)),
        ];
        let told = if on.is_some() { 6 } else { 5 };
        self.tell(Kind::MappaRegistered, at, fields.get(..told).unwrap_or_default())
    }

    /// Changes the current registration.
    pub(super) fn change(&mut self, at: Moment, changes: &[Field]) {
        let mut fields = vec![("registration", Value::Own("reg-", self.registration))];
        for (name, value) in changes {
            match (*name, value) {
                ("category", Value::Number(category)) => self.category = *category,
                ("level", Value::Number(level)) => self.level = *level,
                _ => {}
            }
            fields.push((*name, *value));
        }
        self.tell(Kind::MappaChanged, at, &fields);
    }

    /// Ends the current registration.
    pub(super) fn deregister(&mut self, at: Moment) {
        self.tell(Kind::MappaDeregistered, at, &[("registration", Value::Own("reg-", self.registration))]);
    }

    /// Sets the release date, or takes it back.
    pub(super) fn set_release(&mut self, at: Moment, release_on: Option<Day>) -> bool {
        self.release_on = release_on;
        self.tell(Kind::ReleaseDateSet, at, &[("release_on", release_on.map_or(Value::Null, Value::Date))])
    }

    /// Hands the case to another area.
    pub(super) fn transfer_case(&mut self, at: Moment) {
        let to = self.world().other_area(self.area, &mut self.teller.random);
        if to == self.area {
            return;
        }
        let unit = self.teller.random.below(self.world().units(to));
        let fields = [("to", Value::Org(Org::Area(to))), ("unit", Value::Org(Org::Unit(to, unit)))];
        self.tell(Kind::CaseTransferred, at, &fields);
        self.move_to(to);
        if self.owner == Owner::Probation && self.live_at(at) {
            let handed = self.teller.office_from(self.day_of(at).plus(3));
            self.tell(Kind::RecordTransferred, handed, &[("to", Value::Org(Org::Area(to)))]);
        }
    }

    /// Makes or reopens the record in answer to a duty opened at `from`, and returns whether there is one now.
    pub(super) fn make_record(&mut self, answer: Answer, from: Moment, due_on: Day) -> bool {
        let owner = match self.owner {
            Owner::Probation => Value::Org(Org::Area(self.area)),
            Owner::Police => Value::Police(self.area),
        };
        let basic = self.held_since.is_some() && self.teller.random.permille(400);
        let fields = [("owner", owner), ("basic", Value::Flag(basic))];
        let made = match self.record {
            Record::Live(_) => return true,
            Record::None => {
                let told = if basic { 2 } else { 1 };
                let fields = fields.get(..told).unwrap_or_default();
                self.teller.close_as(answer, Kind::RecordCreated, from, due_on, fields)
            }
            Record::Archived => self.teller.close_as(answer, Kind::RecordUnarchived, from, due_on, &[]),
        };
        let Some(made) = made.filter(|made| *made <= self.world().end) else { return false };
        self.record = Record::Live(made);
        if self.teller.random.permille(900) {
            let seen = self.teller.office_days_from(self.day_of(made), 0, 5);
            self.tell(Kind::NdeliusVisorRegistered, seen.max(made.plus(60)), &[]);
        }
        true
    }
}
