//! Who works where: the users of a history.

use super::names::{FAMILY, GIVEN, cycle};
use super::subject::{Org, prison_entry};
use super::world::Area;
use super::{names, subject};
use std::collections::BTreeMap;
use std::ops::Range;

/// A user of ViSOR.
#[derive(Debug, Clone, Copy)]
pub(super) struct Person {
    pub(super) org: Org,
    pub(super) role: &'static str,
    pub(super) service: &'static str,
}

impl Person {
    /// Returns the post that the role fills, if it is one.
    pub(super) fn post(self) -> Option<&'static str> {
        match self.role {
            "cpc" => Some("cpc"),
            "lpc" => Some("lpc"),
            "visor-lead" => Some("visor-lead"),
            "mappa-administrator" => Some("deputy-cpc"),
            _ => None,
        }
    }

    /// Says whether the role needs vetting at level 3.
    pub(super) fn needs_level_3(self) -> bool {
        matches!(self.role, "cpc" | "mappa-administrator" | "auditor")
    }
}

/// All users, those of one organisation side by side.
pub(super) struct Roster {
    pub(super) people: Vec<Person>,
    ranges: BTreeMap<Org, Range<u32>>,
}

impl Roster {
    /// Staffs every organisation: its posts first, then as many others as the number of nominals asks for.
    pub(super) fn new(nominals: u32, areas: &[Area], prisons: u32, groups: u32) -> Self {
        let units: u32 = areas.iter().map(|area| area.units).sum();
        let asked_for = nominals / 100 * 32 + nominals % 100 * 32 / 100;
        let per_unit = (asked_for * 6 / 10 / units.max(1)).max(5) - 2;
        let per_prison = (asked_for * 4 / 10 / prisons.max(1)).max(5) - 3;
        let mut roster = Self { people: Vec::new(), ranges: BTreeMap::new() };
        for (area, entry) in (0u32..).zip(areas) {
            roster.staff(
                Org::Area(area),
                "probation",
                &["cpc", "mappa-administrator", "mappa-administrator", "smb-member", "auditor"],
                &[],
                0,
            );
            for unit in 0..entry.units {
                roster.staff(
                    Org::Unit(area, unit),
                    "probation",
                    &["lpc", "spo"],
                    &["practitioner", "case-administrator", "practitioner", "practitioner", "spo"],
                    per_unit,
                );
            }
        }
        for group in 0..groups {
            roster.staff(Org::Group(group), "prison", &["cpc", "case-administrator"], &[], 0);
        }
        for prison in 0..prisons {
            roster.staff(
                Org::Prison(prison),
                "prison",
                &["visor-lead", "governor", "security"],
                &["practitioner", "case-administrator", "practitioner", "security"],
                per_prison,
            );
        }
        roster
    }

    fn staff(
        &mut self,
        org: Org,
        service: &'static str,
        fixed: &'static [&'static str],
        cycle: &'static [&'static str],
        more: u32,
    ) {
        let start = u32::try_from(self.people.len()).unwrap_or(0);
        let others = cycle.iter().copied().cycle().take(more as usize);
        self.people.extend(fixed.iter().copied().chain(others).map(|role| Person { org, role, service }));
        self.ranges.insert(org, start..u32::try_from(self.people.len()).unwrap_or(start));
    }

    /// Returns the users of an organisation.
    pub(super) fn of(&self, org: Org) -> Range<u32> {
        self.ranges.get(&org).cloned().unwrap_or(0..1)
    }

    /// Returns a user by number.
    pub(super) fn person(&self, user: u32) -> Option<Person> {
        self.people.get(user as usize).copied()
    }

    /// Returns how many users there are.
    pub(super) fn count(&self) -> u32 {
        u32::try_from(self.people.len()).unwrap_or(0)
    }

    /// Returns every organisation that has users.
    pub(super) fn organisations(&self) -> impl Iterator<Item = Org> {
        self.ranges.keys().copied()
    }
}

/// Returns the invented name of a user.
pub(super) fn user_name(user: u32) -> (&'static str, &'static str) {
    (cycle(GIVEN, user * 7 + user / 43), cycle(FAMILY, user * 11 + user / 47))
}

/// Returns the address of a user, on a domain that can receive no mail.
pub(super) fn user_email(user: u32) -> String {
    let (given, family) = user_name(user);
    format!("{}.{}.{}@example.org", given.to_lowercase(), family.to_lowercase(), user + 1)
}

/// Returns a user's id with its prefix.
pub(super) fn user_id(user: u32) -> String {
    let mut id = b"user/u-".to_vec();
    subject::write_number(user + 1, 5, &mut id);
    String::from_utf8_lossy(&id).into_owned()
}

/// Returns the name of an organisation.
pub(super) fn org_name(org: Org) -> String {
    match org {
        Org::Area(area) => again(names::AREAS, area),
        Org::Unit(area, unit) => format!("{} {}", again(names::AREAS, area), cycle(names::UNITS, unit)),
        Org::Prison(prison) => prison_entry(prison).1.to_owned(),
        Org::Group(group) => format!("Prison group {}", group + 1),
        Org::Region(region) => again(names::REGIONS, region),
    }
}

fn again(list: &'static [&'static str], place: u32) -> String {
    let round = place / u32::try_from(list.len()).unwrap_or(1).max(1);
    let name = cycle(list, place);
    if round == 0 { name.to_owned() } else { format!("{name} {}", round + 1) }
}
