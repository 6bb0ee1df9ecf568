//! Taking in the log and following the clock.

use std::collections::BTreeSet;

use mandate_domain::time::Instant;
use mandate_store::{Position, StoredEvent};
use rusqlite::{Connection, params};

use crate::error::ProjectionError;
use crate::model::Progress;
use crate::subjects::judge_and_write;
use crate::world::World;
use crate::{Projections, Writer, events, rows};

/// Events taken in with one transaction.
const PAGE: usize = 4_096;
/// Subjects followed at once when the clock moves.
const SUBJECTS: u32 = 512;

/// What a transaction works on.
pub(crate) struct Step<'w> {
    pub connection: &'w Connection,
    pub world: &'w mut World,
    /// The last event taken in.
    pub position: Position,
}

impl Projections {
    /// Takes in the log to its head, then follows the clock: every change of a duty up to `now`, each at its own
    /// instant and in order. A clock that went back changes nothing.
    ///
    /// # Errors
    /// [`ProjectionError`]; what was written before stays, and the next call goes on from there.
    pub fn advance(&self, now: Instant) -> Result<Progress, ProjectionError> {
        let mut writer = self.writer()?;
        loop {
            let after = rows::progress(&writer.connection)?.position;
            let page = self.shared.log.read_after(after, PAGE)?;
            if page.events.is_empty() {
                break;
            }
            let taken = in_transaction(&mut writer, |step| take_in(step, &page.events));
            if taken.is_err() {
                // The rows are as before; what was noted in memory is not.
                writer.world = World::load(&self.shared.log, after)?;
            }
            taken?;
        }
        loop {
            let more = in_transaction(&mut writer, |step| {
                let more = follow_clock(step, now, Bound::Included)?;
                if !more {
                    rows::reach(step.connection, step.position, now)?;
                }
                Ok(more)
            })?;
            if !more {
                break;
            }
        }
        rows::progress(&writer.connection)
    }
}

/// Runs one step in one transaction.
fn in_transaction<T>(
    writer: &mut Writer,
    work: impl FnOnce(&mut Step<'_>) -> Result<T, ProjectionError>,
) -> Result<T, ProjectionError> {
    let position = rows::progress(&writer.connection)?.position;
    let transaction = writer.connection.transaction().map_err(ProjectionError::database("begin"))?;
    let mut step = Step { connection: &transaction, world: &mut writer.world, position };
    let answer = work(&mut step)?;
    transaction.commit().map_err(ProjectionError::database("commit"))?;
    Ok(answer)
}

/// Takes in events: those recorded at one instant together, after what the clock brings before it.
fn take_in(step: &mut Step<'_>, page: &[StoredEvent]) -> Result<(), ProjectionError> {
    for group in page.chunk_by(|one, next| one.recorded_at == next.recorded_at) {
        let Some(at) = group.first().map(|event| event.recorded_at) else { continue };
        while follow_clock(step, at, Bound::Excluded)? {}
        let mut concerned = BTreeSet::new();
        for event in group {
            step.position = event.position;
            step.world.note(event);
            events::take_in(step, event, &mut concerned)?;
        }
        judge_all(step, concerned, at)?;
        rows::reach(step.connection, step.position, at)?;
    }
    Ok(())
}

/// Judges subjects once for each set that merges connect.
fn judge_all(
    step: &mut Step<'_>,
    mut concerned: BTreeSet<String>,
    at: Instant,
) -> Result<(), ProjectionError> {
    while let Some(subject) = concerned.pop_first() {
        let members = step.world.members(&subject);
        for member in &members {
            concerned.remove(member);
        }
        // New evidence of a holder may lift a mark from its other duties.
        concerned.extend(judge_and_write(step, &members, at)?);
    }
    Ok(())
}

/// Whether the moment itself is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Bound {
    Included,
    Excluded,
}

/// Judges the subjects whose next change has come, the earliest first; whether there may be more.
fn follow_clock(step: &mut Step<'_>, until: Instant, bound: Bound) -> Result<bool, ProjectionError> {
    let failed = ProjectionError::database("read what the clock brings");
    let limit = if bound == Bound::Included { until } else { until.just_before() };
    let due: Vec<(String, i64)> = {
        let mut statement = step
            .connection
            .prepare_cached(
                "SELECT subject, next_at FROM subjects WHERE next_at = (SELECT min(next_at) FROM subjects) \
                 AND next_at <= ?1 ORDER BY subject LIMIT ?2",
            )
            .map_err(&failed)?;
        let found =
            statement.query_map(params![limit.nanos(), SUBJECTS], |row| Ok((row.get(0)?, row.get(1)?)));
        found.map_err(&failed)?.collect::<Result<_, _>>().map_err(&failed)?
    };
    let Some(at) = due.first().map(|(_, at)| Instant::from_nanos(*at)) else { return Ok(false) };
    let concerned = due.into_iter().map(|(subject, _)| subject).collect();
    judge_all(step, concerned, at)?;
    Ok(true)
}
