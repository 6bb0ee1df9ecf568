//! Which opening of the record obligation each nominal stands for, so that every outcome of it occurs often.

use super::Options;
use super::random::Random;

const AIMS_PART: u64 = 3 << 40;

/// A rule of the record obligation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rule {
    /// 4.10: category 2 at level 2 or 3.
    Formal,
    /// 4.11: category 2, level 1, in custody with a release date.
    Custody,
    /// 4.13: category 2 with a community sentence.
    Community,
    /// 4.14: category 3 at level 2 or 3.
    Dangerous,
}

/// What becomes of the duty that the opening opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Aim {
    /// Whatever the area's profile brings.
    AsProfiled,
    /// The record is made in time but recorded only after the duty was due, near the end of the history.
    RecordedLate,
    /// The record is made late.
    Late,
    /// No record is made up to the end.
    Never,
    /// The condition ends before the duty is due.
    Withdrawn,
    /// The condition ends after the duty was due.
    Lapsed,
    /// Another rule of the obligation takes over before the duty is due.
    Superseded,
    /// The opening fact was stated in error.
    Annulled,
    /// The duty is still open at the end of the history.
    Pending,
}

/// An aim, and where it lies among the others of its kind in the history.
#[derive(Debug, Clone, Copy)]
pub(super) struct Assignment {
    pub(super) rule: Rule,
    pub(super) aim: Aim,
    /// The place in the span of days that suits the aim, in millionths.
    pub(super) place: u32,
}

/// How many nominals a rule and an aim get in a history of full size.
const SHARES: &[(Aim, u32)] = &[
    (Aim::Superseded, 47),
    (Aim::Annulled, 47),
    (Aim::Pending, 48),
    (Aim::Lapsed, 48),
    (Aim::Withdrawn, 46),
    (Aim::Never, 42),
    (Aim::Late, 38),
    (Aim::RecordedLate, 30),
];

const RULES: &[Rule] = &[Rule::Formal, Rule::Custody, Rule::Community, Rule::Dangerous];

/// Gives up to seven tenths of a small history's nominals an assignment; in a large one they are few.
pub(super) fn assignments(options: &Options) -> Vec<Option<Assignment>> {
    let mut places: Vec<u32> = (0..options.nominals).collect();
    let mut random = Random::new(options.seed, AIMS_PART);
    random.shuffle(&mut places);
    let room = options.nominals as usize * 7 / 10;
    let most = SHARES.iter().map(|(_, share)| *share).max().unwrap_or(0);
    let wanted = (0..most).flat_map(|turn| {
        SHARES.iter().filter(move |(_, share)| turn < *share).flat_map(move |(aim, _)| {
            // Steps of the golden ratio fill the span evenly however many turns there are.
            let place = u32::try_from(u64::from(turn + 1) * 618_034 % 1_000_000).unwrap_or(0);
            RULES.iter().map(move |rule| Assignment { rule: *rule, aim: *aim, place })
        })
    });
    let mut assignments = vec![None; options.nominals as usize];
    for (nominal, assignment) in places.into_iter().zip(wanted.take(room)) {
        if let Some(entry) = assignments.get_mut(nominal as usize) {
            *entry = Some(assignment);
        }
    }
    assignments
}
