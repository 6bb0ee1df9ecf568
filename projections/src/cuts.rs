//! Where units end that cannot be followed to the end of the log.

use hashbrown::HashMap;
use mandate_domain::catalogue::{FactType, Field};
use mandate_domain::time::Instant;
use mandate_store::{MAX_READ, Position, Reader, StoreError};

use crate::cross::Cross;
use crate::error::ProjectionError;

/// Where a unit ends: before the event that cannot be taken in.
#[derive(Debug, Clone)]
pub(crate) struct Cut {
    pub position: u32,
    pub at: Instant,
    pub reason: String,
}

/// The members of a unit, and where it ends if it does.
pub(crate) type Ending = (Vec<String>, Option<Cut>);

/// The sets of subjects with one that is parked, taken apart into the units that they were when it was.
#[derive(Debug, Default)]
pub(crate) struct Cuts {
    /// By the leader of the set that merges connect in the end.
    units: HashMap<String, Vec<Ending>>,
    subjects: std::collections::HashSet<String>,
}

impl Cuts {
    /// Where units end, by the events that cannot be decoded, in order of position.
    pub fn new(
        log: &Reader,
        cross: &Cross,
        unreadable: Vec<(String, Cut)>,
        until: Position,
    ) -> Result<Self, ProjectionError> {
        if unreadable.is_empty() {
            return Ok(Self::default());
        }
        let mut cuts = Self::default();
        let mut sets: HashMap<String, Vec<Ending>> = HashMap::new();
        for (subject, _) in &unreadable {
            let members = cross.members(subject);
            let alone = members.iter().map(|member| (vec![member.clone()], None)).collect();
            sets.entry(cross.leader(subject).to_owned()).or_insert(alone);
            cuts.subjects.extend(members);
        }
        let mut happened: Vec<(u32, Happened)> = unreadable
            .into_iter()
            .map(|(subject, cut)| (cut.position, Happened::Unreadable(subject, cut)))
            .collect();
        for (position, at, one, other) in merges(log, until)? {
            if cuts.subjects.contains(&one) {
                happened.push((position, Happened::Merged(at, one, other)));
            }
        }
        happened.sort_by_key(|(position, _)| *position);
        for (position, happened) in happened {
            match happened {
                Happened::Unreadable(subject, cut) => {
                    let Some(sets) = sets.get_mut(cross.leader(&subject)) else { continue };
                    let own = sets.iter_mut().find(|(members, _)| members.contains(&subject));
                    if let Some((_, known @ None)) = own {
                        *known = Some(cut);
                    }
                }
                Happened::Merged(at, one, other) => {
                    if let Some(sets) = sets.get_mut(cross.leader(&one)) {
                        merge(sets, position, at, &one, &other);
                    }
                }
            }
        }
        cuts.units = sets;
        Ok(cuts)
    }

    /// The units of a set with a subject that is parked; `None` for any other.
    pub fn units(&self, leader: &str) -> Option<&[Ending]> {
        self.units.get(leader).map(Vec::as_slice)
    }

    /// The subject, if it belongs to such a set.
    pub fn subject(&self, subject: &str) -> Option<&str> {
        self.subjects.get(subject).map(String::as_str)
    }
}

enum Happened {
    Unreadable(String, Cut),
    Merged(Instant, String, String),
}

/// Joins two sets; where one ended before, the other ends here.
fn merge(sets: &mut Vec<Ending>, position: u32, at: Instant, one: &str, other: &str) {
    let place = |name: &str| sets.iter().position(|(members, _)| members.iter().any(|m| m == name));
    let (Some(one), Some(other)) = (place(one), place(other)) else { return };
    if one == other {
        return;
    }
    let ended = |at: usize| sets.get(at).is_some_and(|(_, cut)| cut.is_some());
    match (ended(one), ended(other)) {
        (true, true) => {}
        (false, false) => {
            let (members, _) = sets.swap_remove(one.max(other));
            if let Some((own, _)) = sets.get_mut(one.min(other)) {
                own.extend(members);
                own.sort_unstable();
            }
        }
        (ended, _) => {
            let (ended, free) = if ended { (one, other) } else { (other, one) };
            let with = sets.get(ended).and_then(|(members, _)| members.first()).cloned().unwrap_or_default();
            let reason = format!("merged with {with}, which is parked");
            if let Some((_, cut)) = sets.get_mut(free) {
                *cut = Some(Cut { position, at, reason });
            }
        }
    }
}

/// Every merge that can be decoded: position, when it was recorded, and the two subjects.
fn merges(log: &Reader, until: Position) -> Result<Vec<(u32, Instant, String, String)>, ProjectionError> {
    let mut found = Vec::new();
    let (mut after, mut limit) = (Position::START, MAX_READ);
    loop {
        match log.read_types(&[FactType::NominalMerged], after, limit) {
            Ok(page) => {
                for event in page.events.iter().filter(|event| event.position <= until) {
                    let Some(into) = event.fact.text(Field::Into) else { continue };
                    let position = u32::try_from(event.position.get()).unwrap_or(u32::MAX);
                    let subject = event.fact.subject.to_string();
                    found.push((position, event.recorded_at, subject, into.to_owned()));
                }
                if page.searched_to <= after || page.events.is_empty() {
                    return Ok(found);
                }
                after = page.searched_to;
            }
            Err(StoreError::Unreadable { position, .. }) if limit == 1 => after = position,
            Err(StoreError::Unreadable { .. }) => limit = (limit / 8).max(1),
            Err(error) => return Err(error.into()),
        }
    }
}
