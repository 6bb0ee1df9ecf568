//! The places of a history, its people, its days, and how well each place keeps up.

use super::Options;
use super::calendar::{Calendar, Day, Moment};
use super::random::Random;
use super::roster::Roster;
use super::subject::{Org, References};

/// The parts of a seed that are drawn once for the whole history.
const PLACES_PART: u64 = 1 << 40;
const REFERENCES_PART: u64 = 2 << 40;

/// How well a place keeps up with its duties over the history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Profile {
    /// Nearly everything is in time.
    Good,
    /// Good at first, poor at the end.
    Drifting,
    /// Much is late and some is never done.
    Backlog,
    /// Poor at first, good at the end.
    Improving,
}

impl Profile {
    /// Returns how many acts in a thousand are in time, and how many late; the rest are never done.
    ///
    /// `progress` is the part of the history that has passed, in thousandths.
    pub(super) fn shares(self, progress: u32) -> (u32, u32) {
        let passed = progress.min(1000);
        let left = 1000 - passed;
        match self {
            Self::Good => (955, 38),
            Self::Drifting => ((960 * left + 640 * passed) / 1000, (32 * left + 270 * passed) / 1000),
            Self::Backlog => (590, 290),
            Self::Improving => ((570 * left + 965 * passed) / 1000, (310 * left + 30 * passed) / 1000),
        }
    }
}

/// A programme that an area switches on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Programme {
    /// Records for level 1 cases in custody (4.11).
    Custody,
    /// Records for community cases (4.13).
    Community,
}

impl Programme {
    /// Returns the name in the catalogue.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Custody => "custody-level-1",
            Self::Community => "community",
        }
    }
}

/// One throw of a programme's switch.
#[derive(Debug, Clone, Copy)]
pub(super) struct Switch {
    pub(super) programme: Programme,
    pub(super) on: Day,
    pub(super) switched_on: bool,
}

/// A MAPPA area.
pub(super) struct Area {
    pub(super) region: u32,
    pub(super) units: u32,
    pub(super) profile: Profile,
    pub(super) weight: u32,
    pub(super) switches: Vec<Switch>,
}

/// What every life in the history shares.
pub(super) struct World {
    pub(super) options: Options,
    pub(super) first: Day,
    pub(super) last: Day,
    pub(super) begin: Moment,
    pub(super) end: Moment,
    pub(super) calendar: Calendar,
    pub(super) references: References,
    pub(super) areas: Vec<Area>,
    pub(super) prisons: u32,
    pub(super) groups: u32,
    pub(super) regions: u32,
    pub(super) roster: Roster,
    /// Whether rare things are told more often than in life, so that a small history holds enough of each.
    pub(super) dense: bool,
}

impl World {
    /// Lays out the places and people that the options ask for.
    pub(super) fn new(options: &Options) -> Self {
        let last = Day::of(options.until);
        let first = last.months_before(options.months.max(1)).plus(1);
        let calendar = Calendar::around(first, 12, 16 + options.months / 12);
        let mut random = Random::new(options.seed, PLACES_PART);
        let area_count = options.areas.max(1);
        let regions = area_count.div_ceil(4).max(1).min(area_count);
        let span = last.since(first);
        let areas: Vec<Area> = (0..area_count)
            .map(|area| Area {
                region: area * regions / area_count,
                units: 2 + area % 2,
                profile: profile_of(area),
                weight: if area_count <= 6 { 10 } else { 4 + random.below(14) },
                switches: switches(area, area_count, first, span, &calendar),
            })
            .collect();
        let prisons = (area_count * 3).clamp(6, 124);
        let groups = prisons.div_ceil(6);
        let roster = Roster::new(options.nominals, &areas, prisons, groups);
        Self {
            begin: calendar.start_of(first),
            end: calendar.start_of(last.plus(1)).plus(-1),
            references: References::draw(options.nominals, &mut Random::new(options.seed, REFERENCES_PART)),
            options: options.clone(),
            first,
            last,
            calendar,
            areas,
            prisons,
            groups,
            regions,
            roster,
            dense: options.nominals < 20_000,
        }
    }

    /// Returns how much of the history has passed on a day, in thousandths.
    pub(super) fn progress(&self, day: Day) -> u32 {
        let span = self.last.since(self.first).max(1);
        u32::try_from(day.since(self.first).clamp(0, span) * 1000 / span).unwrap_or(0)
    }

    /// Returns the day at a fraction, in millionths, of the days from `low` to `high`.
    pub(super) fn spread(low: Day, high: Day, millionths: u32) -> Day {
        let span = i64::from(high.since(low).max(0));
        low.plus(i32::try_from(span * i64::from(millionths) / 1_000_000).unwrap_or(0))
    }

    /// Returns the days of the history, cut off so many days after its first and before its last.
    pub(super) fn within(&self, after_first: i32, before_last: i32) -> (Day, Day) {
        let low = self.first.plus(after_first.min(self.last.since(self.first)));
        (low, self.last.plus(-before_last).max(low))
    }

    /// Returns the profile of an organisation.
    pub(super) fn profile(&self, org: Org) -> Profile {
        match org {
            Org::Area(area) | Org::Unit(area, _) => {
                self.areas.get(area as usize).map_or(Profile::Good, |area| area.profile)
            }
            Org::Prison(place) | Org::Group(place) | Org::Region(place) => profile_of(place),
        }
    }

    /// Says whether a programme of an area is on for a day.
    pub(super) fn is_on(&self, area: u32, programme: Programme, day: Day) -> bool {
        let switches = self.areas.get(area as usize).map(|area| area.switches.as_slice()).unwrap_or_default();
        switches
            .iter()
            .filter(|switch| switch.programme == programme && switch.on <= day)
            .max_by_key(|switch| switch.on)
            .is_some_and(|switch| switch.switched_on)
    }

    /// Returns a prison that an area's people are likely to be held in.
    pub(super) fn prison_for(&self, area: u32, random: &mut Random) -> u32 {
        if random.permille(800) {
            (area * 3 + random.below(3)) % self.prisons
        } else {
            random.below(self.prisons)
        }
    }

    /// Returns a prison other than the given one.
    pub(super) fn other_prison(&self, prison: u32, random: &mut Random) -> u32 {
        (prison + 1 + random.below(self.prisons.saturating_sub(1))) % self.prisons
    }

    /// Returns an area by the areas' sizes.
    pub(super) fn any_area(&self, random: &mut Random) -> u32 {
        let weights: Vec<(u32, u32)> =
            (0u32..).zip(&self.areas).map(|(area, entry)| (entry.weight, area)).collect();
        random.weighted(&weights).unwrap_or(0)
    }

    /// Returns an area other than the given one, where there is one.
    pub(super) fn other_area(&self, area: u32, random: &mut Random) -> u32 {
        let count = self.options.areas.max(1);
        (area + 1 + random.below(count.saturating_sub(1))) % count
    }

    /// Returns the units of an area.
    pub(super) fn units(&self, area: u32) -> u32 {
        self.areas.get(area as usize).map_or(1, |area| area.units)
    }
}

fn profile_of(place: u32) -> Profile {
    match place % 10 {
        1 | 6 => Profile::Drifting,
        2 | 9 => Profile::Backlog,
        3 | 7 => Profile::Improving,
        0 | 4.. => Profile::Good,
    }
}

/// Areas switch their programmes on one after another over the first part of the history; some pause.
fn switches(area: u32, areas: u32, first: Day, span: i32, calendar: &Calendar) -> Vec<Switch> {
    let place = i32::try_from(area * 1000 / areas.max(1)).unwrap_or(0);
    let custody_on = first.plus(3 + span * place / 3500);
    let community_on = first.plus(5 + span * (1000 - place).min(990) / 4500 * i32::from(area > 0));
    let mut switches = Vec::new();
    for (programme, on, pauses) in
        [(Programme::Custody, custody_on, area % 5 == 3), (Programme::Community, community_on, area % 5 == 2)]
    {
        let mut throws = vec![(on, true)];
        if pauses {
            throws.push((on.plus(span / 3), false));
            throws.push((on.plus(span / 3 + span / 6), true));
        }
        for (day, switched_on) in throws {
            switches.push(Switch { programme, on: calendar.working_from(day), switched_on });
        }
    }
    switches
}
