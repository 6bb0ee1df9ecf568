//! The facts of some units, from memory or from the log, and following the units with them on all cores.

use std::collections::{BTreeMap, HashMap};

use mandate_domain::catalogue::SubjectKind;
use mandate_domain::judge::History;
use mandate_domain::time::Instant;
use mandate_store::{MAX_READ, Position, Reader, Sequence, StoreError};

use crate::cross::{Cross, Foreign};
use crate::error::ProjectionError;
use crate::placed::Placed;
use crate::unit::{Failure, Followed, Ground, Span, Stored, Unit, places};

/// Most facts kept of subjects followed lately; at about 400 bytes each.
const KEPT_FACTS: usize = 50_000;
/// Units for which another thread is worth starting.
const UNITS_A_THREAD: usize = 16;

/// The facts of the subjects followed lately.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    facts: HashMap<Box<str>, Vec<Placed>>,
    count: usize,
}

impl Kept {
    /// Takes in an event of a subject whose facts are kept.
    pub fn note(&mut self, placed: &Placed) {
        if let Some(own) = self.facts.get_mut(&placed.fact.subject)
            && own.last().is_none_or(|last| last.position < placed.position)
        {
            own.push(placed.clone());
            self.count += 1;
        }
    }

    fn keep(&mut self, subject: Box<str>, facts: Vec<Placed>) {
        if self.count > KEPT_FACTS {
            self.facts.clear();
            self.count = 0;
        }
        self.count += facts.len();
        self.facts.insert(subject, facts);
    }
}

/// A unit to follow, and what of its time.
#[derive(Debug)]
pub(crate) struct Task {
    /// By name.
    pub members: Vec<String>,
    pub span: Span,
    /// The last event that counts.
    pub until: u32,
    /// Its duties as they stand.
    pub stored: HashMap<String, Stored>,
}

/// Follows units; the answers are in the order of the tasks.
pub(crate) fn follow_all(
    reader: &Reader,
    cross: &Cross,
    kept: &mut Kept,
    tasks: Vec<Task>,
) -> Result<Vec<(Vec<String>, Followed)>, ProjectionError> {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let threads = cores.min(tasks.len() / UNITS_A_THREAD).max(1);
    let size = tasks.len().div_ceil(threads).max(1);
    let mut parts: Vec<Vec<Task>> = Vec::new();
    for (at, task) in tasks.into_iter().enumerate() {
        if at % size == 0 {
            parts.push(Vec::with_capacity(size));
        }
        if let Some(part) = parts.last_mut() {
            part.push(task);
        }
    }
    let mut answers = Vec::new();
    let read = if parts.len() == 1 {
        let part = parts.pop().unwrap_or_default();
        vec![follow_part(reader, cross, kept, part)]
    } else {
        let kept = &*kept;
        std::thread::scope(|scope| {
            let running: Vec<_> = parts
                .into_iter()
                .map(|part| scope.spawn(move || follow_part(reader, cross, kept, part)))
                .collect();
            running
                .into_iter()
                .map(|thread| thread.join().unwrap_or(Err(ProjectionError::Poisoned)))
                .collect::<Vec<_>>()
        })
    };
    for part in read {
        let (followed, fresh) = part?;
        answers.extend(followed);
        for (subject, facts) in fresh {
            kept.keep(subject, facts);
        }
    }
    Ok(answers)
}

type Part = (Vec<(Vec<String>, Followed)>, Vec<(Box<str>, Vec<Placed>)>);

fn follow_part(
    reader: &Reader,
    cross: &Cross,
    kept: &Kept,
    tasks: Vec<Task>,
) -> Result<Part, ProjectionError> {
    let mut fresh: HashMap<Box<str>, Vec<Placed>> = HashMap::new();
    let mut in_part: Vec<Box<str>> = Vec::new();
    let mut unreadable: HashMap<Box<str>, (u32, String)> = HashMap::new();
    for (member, until) in tasks.iter().flat_map(|task| task.members.iter().map(|m| (m, task.until))) {
        if !kept.facts.contains_key(member.as_str()) && !fresh.contains_key(member.as_str()) {
            match read_stream(reader, member, until) {
                Ok((facts, extent)) => {
                    if extent == Extent::Part {
                        in_part.push(member.as_str().into());
                    }
                    fresh.insert(member.as_str().into(), facts);
                }
                Err(StoreError::Unreadable { position, reason }) => {
                    let position = u32::try_from(position.get()).unwrap_or(u32::MAX);
                    unreadable.insert(member.as_str().into(), (position, reason));
                }
                Err(error) => return Err(error.into()),
            }
        }
    }
    // Facts by position: annulments may belong to several units, and what is shared to all.
    let mut facts: BTreeMap<u32, Placed> =
        cross.shared().into_iter().map(|placed| (placed.position, placed)).collect();
    let mut units = Vec::with_capacity(tasks.len());
    // What users read is the same for all of them.
    let mut of_users: Option<Foreign> = None;
    let mut earliest = Instant::MAX;
    for task in &tasks {
        let mut own: Vec<Placed> = Vec::new();
        for member in &task.members {
            let known = kept.facts.get(member.as_str()).or_else(|| fresh.get(member.as_str()));
            own.extend(known.into_iter().flatten().cloned());
            own.extend_from_slice(cross.waivers_of(member));
        }
        cross.add_annulments(&mut own);
        let mut own_places = places(own.iter());
        let checks = cross.checks_read(&own.iter());
        own_places.extend(checks.places);
        own.extend(checks.facts);
        for member in &task.members {
            if SubjectKind::of(member) == Some(SubjectKind::User) {
                let foreign = of_users.get_or_insert_with(|| cross.foreign(member));
                own_places.extend(&foreign.places);
            } else {
                let foreign = cross.foreign(member);
                own_places.extend(foreign.places);
                own.extend(foreign.facts);
            }
        }
        own_places.retain(|(position, _)| *position <= task.until);
        own_places.sort_unstable();
        own_places.dedup();
        own.retain(|placed| placed.position <= task.until);
        units.push(Unit { members: task.members.clone(), own: own_places, until: task.until });
        facts.extend(own.into_iter().map(|placed| (placed.position, placed)));
        earliest = earliest.min(task.span.from.unwrap_or(Instant::MIN));
    }
    let of_users = of_users.map(|foreign| foreign.facts).unwrap_or_default();
    facts.extend(of_users.into_iter().map(|placed| (placed.position, placed)));
    let latest = tasks.iter().map(|task| task.until).max().unwrap_or(0);
    let mut history = History::default();
    for placed in facts.values().filter(|placed| placed.position <= latest) {
        history.add(&placed.fact, placed.known_at(), placed.position);
    }
    drop(facts);
    let epochs = cross.epochs();
    let first = epochs.partition_point(|epoch| epoch.at <= earliest).saturating_sub(1);
    let ground = Ground::new(&history, cross, epochs.get(first..).unwrap_or_default());
    let followed = tasks
        .into_iter()
        .zip(&units)
        .map(|(task, unit)| {
            let bad = task.members.iter().find_map(|member| unreadable.get(member.as_str()));
            let followed = match bad {
                None => ground.follow(unit, task.span, task.stored),
                Some((position, reason)) => {
                    let since = task.span.from.unwrap_or(Instant::MIN);
                    Followed::parked(Failure { reason: reason.clone(), position: *position, since })
                }
            };
            (task.members, followed)
        })
        .collect();
    Ok((followed, fresh.into_iter().filter(|(subject, _)| !in_part.contains(subject)).collect()))
}

/// The facts of a subject up to a position at least, and whether they are all there are.
pub(crate) fn read_stream(
    reader: &Reader,
    subject: &str,
    until: u32,
) -> Result<(Vec<Placed>, Extent), StoreError> {
    let mut facts: Vec<Placed> = Vec::new();
    let (mut after, mut limit) = (Sequence::START, MAX_READ);
    loop {
        match reader.read_subject(subject, after, limit) {
            Ok(events) => {
                let done = events.len() < limit;
                after = events.last().map_or(after, |last| last.sequence);
                facts.extend(events.into_iter().map(Placed::from_event));
                if done {
                    return Ok((facts, Extent::All));
                }
            }
            // One that cannot be decoded and does not count yet is gone up to, in smaller parts.
            Err(StoreError::Unreadable { position, .. }) if position > Position::new(until.into()) => {
                if limit == 1 {
                    return Ok((facts, Extent::Part));
                }
                limit = (limit / 8).max(1);
            }
            Err(error) => return Err(error),
        }
    }
}

/// How much of a stream was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Extent {
    All,
    Part,
}
