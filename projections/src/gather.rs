//! Following some units with their facts on all cores.

use mandate_domain::catalogue::SubjectKind;
use mandate_domain::judge::History;
use mandate_domain::time::Instant;
use rayon::iter::{IntoParallelIterator as _, ParallelIterator as _};

use crate::bends::Bend;
use crate::cross::{Cross, Foreign};
use crate::error::ProjectionError;
use crate::placed::{Decoder, Placed};
use crate::unit::{Before, Followed, Ground, Span, Unit, moments};

/// Units for which another thread is worth starting.
const UNITS_A_THREAD: usize = 8;

/// A unit to follow, and what of its time.
#[derive(Debug)]
pub(crate) struct Task {
    /// By name.
    pub members: Vec<String>,
    /// The facts of its members, in the compact form.
    pub facts: Vec<u8>,
    pub span: Span,
    /// The last event that counts.
    pub until: u32,
    pub bends: Vec<Bend>,
    /// What the tables say of it.
    pub before: Before,
}

type Answers = Vec<(Vec<String>, Followed)>;

/// Follows units; the answers are in the order of the tasks.
pub(crate) fn follow_all(cross: &Cross, tasks: Vec<Task>) -> Result<Answers, ProjectionError> {
    let threads = rayon::current_num_threads().min(tasks.len() / UNITS_A_THREAD).max(1);
    if threads == 1 {
        return follow_part(cross, tasks);
    }
    let size = tasks.len().div_ceil(threads);
    let mut parts: Vec<Vec<Task>> = Vec::new();
    for (at, task) in tasks.into_iter().enumerate() {
        if at % size == 0 {
            parts.push(Vec::with_capacity(size));
        }
        if let Some(part) = parts.last_mut() {
            part.push(task);
        }
    }
    // Threads that stay, so that what they allocate is used again.
    let answers: Result<Vec<Answers>, _> =
        parts.into_par_iter().map(|part| follow_part(cross, part)).collect();
    Ok(answers?.into_iter().flatten().collect())
}

fn follow_part(cross: &Cross, mut tasks: Vec<Task>) -> Result<Answers, ProjectionError> {
    // Annulments may belong to several units, and what is shared to all.
    let mut facts: Vec<Placed> = cross.shared();
    let mut units = Vec::with_capacity(tasks.len());
    // What users read is the same for all of them.
    let mut of_users: Option<Foreign> = None;
    let mut earliest = Instant::MAX;
    for task in &mut tasks {
        let mut own = decoded(&std::mem::take(&mut task.facts))?;
        for member in &task.members {
            own.extend_from_slice(cross.waivers_of(member));
        }
        cross.add_annulments(&mut own);
        let mut own_moments = moments(own.iter());
        let checks = cross.checks_read(&own.iter());
        own_moments.extend(checks.moments);
        own.extend(checks.facts);
        for member in &task.members {
            if SubjectKind::of(member) == Some(SubjectKind::User) {
                let foreign = of_users.get_or_insert_with(|| cross.foreign(member));
                own_moments.extend(&foreign.moments);
            } else {
                let foreign = cross.foreign(member);
                own_moments.extend(foreign.moments);
                own.extend(foreign.facts);
            }
        }
        own_moments.retain(|(_, position)| *position <= task.until);
        own_moments.sort_unstable();
        own_moments.dedup();
        own.retain(|placed| placed.position <= task.until);
        let (members, bends) = (task.members.clone(), std::mem::take(&mut task.bends));
        units.push(Unit { members, own: own_moments, bends });
        facts.extend(own);
        earliest = earliest.min(task.span.from.unwrap_or(Instant::MIN));
    }
    let of_users = of_users.map(|foreign| foreign.facts).unwrap_or_default();
    facts.extend(of_users);
    facts.sort_by_key(|placed| placed.position);
    facts.dedup_by_key(|placed| placed.position);
    let latest = tasks.iter().map(|task| task.until).max().unwrap_or(0);
    let mut history = History::default();
    for placed in facts.iter().filter(|placed| placed.position <= latest) {
        history.add(&placed.fact, placed.known_at(), placed.position);
    }
    drop(facts);
    let epochs = cross.epochs();
    // The one in force just before, so that what the next brings is known.
    let first = epochs.partition_point(|epoch| epoch.at < earliest).saturating_sub(1);
    let ground = Ground::new(&history, cross, epochs.get(first..).unwrap_or_default());
    let followed = |(task, unit): (Task, &Unit)| {
        let followed = ground.follow(unit, task.span, task.before);
        (task.members, followed)
    };
    Ok(tasks.into_iter().zip(&units).map(followed).collect())
}

/// The facts of a stream.
pub(crate) fn decoded(bytes: &[u8]) -> Result<Vec<Placed>, ProjectionError> {
    let mut decoder = Decoder::new(bytes);
    let mut facts = Vec::new();
    while let Some(placed) = decoder.next() {
        facts.push(placed);
    }
    if decoder.is_whole() { Ok(facts) } else { Err(ProjectionError::Streams) }
}
