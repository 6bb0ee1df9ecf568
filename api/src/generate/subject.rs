//! Who or what a fact is about, and the ids that a history gives.

use super::prisons::PRISONS;
use super::random::Random;
use std::collections::BTreeSet;

/// Letters and digits of a nominal's reference: no vowels, nothing that is easily misread.
const REFERENCE_SIGNS: &[u8] = b"2346789BCDFGHJKMNPQRTVWXYZ";

/// An organisation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Org {
    /// A MAPPA area, counted from 0.
    Area(u32),
    /// A unit of an area: the area, and its place there counted from 0.
    Unit(u32, u32),
    /// A prison.
    Prison(u32),
    /// A prison group.
    Group(u32),
    /// A region.
    Region(u32),
}

impl Org {
    /// Returns the id with its prefix.
    pub(super) fn id(self) -> String {
        match self {
            Self::Area(area) => format!("area/A{:02}", area + 1),
            Self::Unit(area, unit) => format!("unit/A{:02}-U{}", area + 1, unit + 1),
            Self::Prison(prison) => format!("prison/{}", prison_entry(prison).0),
            Self::Group(group) => format!("prison-group/G{:02}", group + 1),
            Self::Region(region) => format!("region/R{:02}", region + 1),
        }
    }

    fn number(self) -> u32 {
        match self {
            Self::Area(area) => 6_000_000 + area,
            Self::Unit(area, unit) => 6_100_000 + area * 10 + unit,
            Self::Prison(prison) => 6_200_000 + prison,
            Self::Group(group) => 6_300_000 + group,
            Self::Region(region) => 6_400_000 + region,
        }
    }
}

/// Returns code and name of a prison by its place in the history.
pub(super) fn prison_entry(prison: u32) -> (&'static str, &'static str) {
    // 37 has no factor in common with the 124 codes, so the first few are spread over the list.
    let count = u32::try_from(PRISONS.len()).unwrap_or(1).max(1);
    PRISONS.get((prison * 37 % count) as usize).copied().unwrap_or(("LEI", "Leeds (HMP)"))
}

/// The subject of a fact.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Subject {
    /// A nominal, counted from 0.
    Nominal(u32),
    /// A user, counted from 0.
    User(u32),
    /// A terminal, counted from 0.
    Terminal(u32),
    /// An organisation.
    Org(Org),
    /// The calendar of England and Wales.
    Calendar,
}

impl Subject {
    /// Returns a number of seven digits that no other subject of the history has.
    pub(super) fn number(self) -> u32 {
        match self {
            Self::Nominal(nominal) => nominal + 1,
            Self::User(user) => 4_000_000 + user,
            Self::Terminal(terminal) => 5_000_000 + terminal,
            Self::Org(org) => org.number(),
            Self::Calendar => 7_000_000,
        }
    }

    /// Returns the subject that has such a number.
    pub(super) fn of_number(number: u32) -> Self {
        match number {
            0..4_000_000 => Self::Nominal(number.saturating_sub(1)),
            4_000_000..5_000_000 => Self::User(number - 4_000_000),
            5_000_000..6_000_000 => Self::Terminal(number - 5_000_000),
            6_000_000..6_100_000 => Self::Org(Org::Area(number - 6_000_000)),
            6_100_000..6_200_000 => {
                Self::Org(Org::Unit((number - 6_100_000) / 10, (number - 6_100_000) % 10))
            }
            6_200_000..6_300_000 => Self::Org(Org::Prison(number - 6_200_000)),
            6_300_000..6_400_000 => Self::Org(Org::Group(number - 6_300_000)),
            6_400_000..7_000_000 => Self::Org(Org::Region(number - 6_400_000)),
            7_000_000.. => Self::Calendar,
        }
    }

    /// Writes the subject as an envelope names it.
    pub(super) fn write(self, references: &References, out: &mut Vec<u8>) {
        match self {
            Self::Nominal(nominal) => references.write(nominal, out),
            Self::User(user) => {
                out.extend_from_slice(b"user/u-");
                write_number(user + 1, 5, out);
            }
            Self::Terminal(terminal) => {
                out.extend_from_slice(b"terminal/t-");
                write_number(terminal + 1, 4, out);
            }
            Self::Org(org) => out.extend_from_slice(org.id().as_bytes()),
            Self::Calendar => out.extend_from_slice(b"calendar/england-and-wales"),
        }
    }
}

/// Writes a number with at least so many digits.
pub(super) fn write_number(number: u32, digits: usize, out: &mut Vec<u8>) {
    let mut text = [b'0'; 10];
    let mut left = number;
    let mut used = 0;
    for place in text.iter_mut().rev() {
        *place = b'0' + u8::try_from(left % 10).unwrap_or(0);
        left /= 10;
        used += 1;
        if left == 0 && used >= digits {
            break;
        }
    }
    out.extend_from_slice(text.get(10 - used..).unwrap_or_default());
}

/// The opaque references of all nominals.
pub(super) struct References(Vec<[u8; 8]>);

impl References {
    /// Draws as many references, all different, none of which can be read as a CRN, NOMS or PNC number.
    pub(super) fn draw(count: u32, random: &mut Random) -> Self {
        let mut taken = BTreeSet::new();
        let mut references = Vec::with_capacity(count as usize);
        while references.len() < count as usize {
            let mut reference = [b'0'; 8];
            for place in &mut reference {
                *place = random.pick(REFERENCE_SIGNS).unwrap_or(b'X');
            }
            if !reads_as_an_identifier(&reference) && taken.insert(reference) {
                references.push(reference);
            }
        }
        Self(references)
    }

    /// Writes one as `nominal/N-7F3K29QX`.
    pub(super) fn write(&self, nominal: u32, out: &mut Vec<u8>) {
        out.extend_from_slice(b"nominal/N-");
        out.extend_from_slice(self.0.get(nominal as usize).map_or(b"XXXXXXXX", |reference| reference));
    }
}

/// Every CRN, NOMS and PNC number has three digits in a row.
fn reads_as_an_identifier(reference: &[u8]) -> bool {
    reference.windows(3).any(|signs| signs.iter().all(u8::is_ascii_digit))
}
