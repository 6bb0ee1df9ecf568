//! Synthetic histories: facts of fictional areas, told as the neighbouring systems would tell them.
//!
//! A history is a file of CloudEvents in the order in which they were recorded, the same bytes for the same options
//! on every machine: all draws come from seeded ChaCha streams, one for each subject, and all arithmetic is in whole
//! numbers. Facts are kept small in memory, sorted once, and written.
//!
//! A small history (fewer than 20,000 nominals) is *dense*: seven tenths of its nominals are assigned an opening of
//! the record obligation and an outcome of it (`aim`), and rare things (levels 2 and 3, deaths, corrections) are
//! told more often than in life, so that every outcome of the rules occurs often. A larger one is in the country's
//! proportions, with the same assignments in a small part of it.

mod aim;
mod calendar;
mod custody;
mod ending;
mod entry;
mod identity;
mod kind;
mod life;
mod log;
mod managed;
mod names;
mod nominal;
mod opening;
mod organisation;
mod partnership;
mod prisons;
mod random;
mod reference;
mod roster;
mod subject;
mod teller;
#[cfg(test)]
mod tests;
mod user;
mod vetting;
mod world;

pub use reference::reference_csv;

use chrono::NaiveDate;
use std::collections::BTreeMap;
use std::io::Write;

/// The sizes that have a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scale {
    /// 4 areas, 2,000 nominals, 18 months: every outcome in a file that opens at once.
    Small,
    /// 42 areas, 90,000 nominals, 24 months: England and Wales, about 5 million facts.
    National,
}

/// What history to tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// MAPPA areas, at least 1.
    pub areas: u32,
    /// Nominals, at most 3,900,000.
    pub nominals: u32,
    /// Calendar months, at least 1.
    pub months: u32,
    /// The seed on which all draws depend.
    pub seed: u64,
    /// The last day of the history (London).
    pub until: NaiveDate,
}

impl Options {
    /// Returns the options of a named size, with seed 1 and 31 October 2026 as the last day.
    #[must_use]
    pub fn scale(scale: Scale) -> Self {
        let (areas, nominals, months) = match scale {
            Scale::Small => (4, 2_000, 18),
            Scale::National => (42, 90_000, 24),
        };
        let until = NaiveDate::from_ymd_opt(2026, 10, 31).unwrap_or_default();
        Self { areas, nominals, months, seed: 1, until }
    }
}

/// How many facts a history holds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Counts {
    /// All facts.
    pub facts: u64,
    /// Facts of each type.
    pub by_type: BTreeMap<String, u64>,
}

/// Tells a history and writes it as JSON Lines, in the order of `recordedtime`.
///
/// # Errors
/// Returns what the writer refuses.
pub fn generate(options: &Options, out: &mut dyn Write) -> std::io::Result<Counts> {
    let world = world::World::new(options);
    tell(&world).write(&world, out)
}

fn tell(world: &world::World) -> log::Log {
    // About 58 facts for each nominal, the users' and organisations' included.
    let mut log = log::Log::with_room(world.options.nominals as usize * 60 + 10_000);
    organisation::tell_organisations(world, &mut log);
    for user in 0..world.roster.count() {
        user::tell_user(world, &mut log, user);
    }
    for (nominal, assignment) in (0u32..).zip(aim::assignments(&world.options)) {
        nominal::tell_nominal(world, &mut log, nominal, assignment);
    }
    log
}
