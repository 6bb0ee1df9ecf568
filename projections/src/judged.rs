//! Units judged at a view from their facts in the tables.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use mandate_domain::calendar::Calendar;
use mandate_domain::catalogue::SubjectKind;
use mandate_domain::judge::{DutyRecord, Evidence, History, Judge, View};
use mandate_domain::vocabulary::StateField;
use rayon::iter::{IntoParallelIterator as _, ParallelIterator as _};
use rusqlite::Connection;

use crate::cross::{Books, Foreign};
use crate::error::ProjectionError;
use crate::gather::decoded;
use crate::placed::Placed;
use crate::{Shared, rows};

/// Units whose facts are in memory at once, on each core.
const UNITS: usize = 512;
/// Most subjects whose facts are gathered into one history: some 80 facts each, some 300 bytes a fact.
const MOST_GATHERED: usize = 20_000;

/// What judging some units gave.
#[derive(Debug, Default)]
pub(crate) struct Judged {
    pub duties: Vec<Found>,
    /// The types of fact seen for each holder, as bits by fact type.
    pub evidence: HashMap<String, u128>,
}

/// A duty that was found.
#[derive(Debug)]
pub(crate) struct Found {
    pub record: DutyRecord,
    /// The number of the rule's version.
    pub version: u16,
    /// The unit of the nominal.
    pub unit: Option<String>,
}

/// Every duty of some units at a view, without the mark that no evidence was recorded.
pub(crate) fn at(
    connection: &Connection,
    shared: &Shared,
    books: &Books,
    units: &[Vec<String>],
    view: View,
) -> Result<Judged, ProjectionError> {
    let mut judged = Judged::default();
    let threads = rayon::current_num_threads().max(1);
    for together in units.chunks(UNITS * threads) {
        let mut parts = Vec::new();
        for part in together.chunks(together.len().div_ceil(threads).max(1)) {
            let facts: Result<Vec<Vec<u8>>, _> =
                part.iter().map(|members| rows::streams(connection, members)).collect();
            parts.push((part, facts?));
        }
        let judge = |(part, facts): (&[Vec<String>], Vec<Vec<u8>>)| judge(shared, books, part, &facts, view);
        let answers: Result<Vec<Judged>, _> = parts.into_par_iter().map(judge).collect();
        for answer in answers? {
            judged.duties.extend(answer.duties);
            for (holder, seen) in answer.evidence {
                *judged.evidence.entry(holder).or_default() |= seen;
            }
        }
    }
    Ok(judged)
}

fn judge(
    shared: &Shared,
    books: &Books,
    units: &[Vec<String>],
    streams: &[Vec<u8>],
    view: View,
) -> Result<Judged, ProjectionError> {
    let (history, calendar) = gathered(shared, units, streams)?;
    let judge = Judge::new(&books.policy, &calendar, &history, view);
    let (mut duties, mut evidence) = (Vec::new(), Evidence::new());
    for members in units {
        let Some(unit) = members.iter().find_map(|member| history.symbols.find(member)) else { continue };
        let verdicts = judge.judge_unit(unit, &mut evidence);
        if verdicts.is_empty() {
            continue;
        }
        let units = units_of(&judge, unit);
        duties.extend(verdicts.iter().map(|verdict| {
            let record = judge.record(verdict);
            let unit = units.get(&record.subject).cloned();
            Found { record, version: judge.version_number(verdict), unit }
        }));
    }
    let text = |(holder, seen)| (history.symbols.text(holder).to_owned(), seen);
    Ok(Judged { duties, evidence: evidence.into_iter().map(text).collect() })
}

/// The facts of some units, and what these read across subjects; with the calendar as now known.
fn gathered(
    shared: &Shared,
    units: &[Vec<String>],
    streams: &[Vec<u8>],
) -> Result<(History, Calendar), ProjectionError> {
    // Who writes waits for no more than for the facts to be gathered.
    let streams: Vec<Vec<Placed>> = streams.iter().map(|stream| decoded(stream)).collect::<Result<_, _>>()?;
    let cross = shared.cross()?;
    let mut facts: BTreeMap<u32, Placed> =
        cross.shared().into_iter().map(|placed| (placed.position, placed)).collect();
    // What users read is the same for all of them.
    let mut of_users: Option<Foreign> = None;
    for (members, mut own) in units.iter().zip(streams) {
        for member in members {
            own.extend_from_slice(cross.waivers_of(member));
            if SubjectKind::of(member) == Some(SubjectKind::User) {
                of_users.get_or_insert_with(|| cross.foreign(member));
            } else {
                own.extend(cross.foreign(member).facts);
            }
        }
        own.extend(cross.checks_read(&own.iter()).facts);
        cross.add_annulments(&mut own);
        facts.extend(own.into_iter().map(|placed| (placed.position, placed)));
    }
    let of_users = of_users.map(|foreign| foreign.facts).unwrap_or_default();
    facts.extend(of_users.into_iter().map(|placed| (placed.position, placed)));
    let calendar = cross.calendar.clone();
    drop(cross);
    let mut history = History::default();
    for placed in facts.values() {
        history.add(&placed.fact, placed.known_at(), placed.position);
    }
    drop(facts);
    Ok((history, calendar))
}

/// The facts of some subjects and of those that merges connect with them, and what these read across subjects.
pub(crate) fn history(
    connection: &Connection,
    shared: &Shared,
    subjects: &[String],
) -> Result<History, ProjectionError> {
    if subjects.len() > MOST_GATHERED {
        return Err(ProjectionError::TooMuch(format!(
            "the facts of {} subjects would have to be gathered at once, more than {MOST_GATHERED}; ask for smaller areas",
            subjects.len()
        )));
    }
    let units: Vec<Vec<String>> = {
        let cross = shared.cross()?;
        let leaders: BTreeSet<&str> = subjects.iter().map(|subject| cross.leader(subject)).collect();
        leaders.into_iter().map(|leader| cross.members(leader)).collect()
    };
    let streams: Vec<Vec<u8>> =
        units.iter().map(|members| rows::streams(connection, members)).collect::<Result<_, _>>()?;
    Ok(gathered(shared, &units, &streams)?.0)
}

/// The area's unit of each nominal of a unit of judging.
fn units_of(judge: &Judge<'_>, unit: u32) -> HashMap<String, String> {
    let nominals = judge
        .standings(unit)
        .into_iter()
        .filter(|standing| SubjectKind::of(&standing.subject) == Some(SubjectKind::Nominal));
    nominals
        .filter_map(|standing| {
            let unit = standing.state.into_iter().find(|(field, _)| *field == StateField::Unit)?.1;
            SubjectKind::of(&unit).map(|_| (standing.subject, unit))
        })
        .collect()
}
