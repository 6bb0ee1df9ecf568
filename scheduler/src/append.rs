//! Storing a step together with its notices: all of it or none.

use mandate_store::{NewEvent, OnError, Outcome, Store, StoreError};

/// Events after which a transaction takes no further group: other writers wait no longer than this takes.
const TRANSACTION_EVENTS: usize = 1_000;

/// A step of one duty, and the notices that go with it.
#[derive(Debug, Clone)]
pub(crate) struct Group {
    /// The event whose id makes the step once.
    pub step: NewEvent,
    /// What may not exist without it, nor it without them.
    pub notices: Vec<NewEvent>,
}

/// What became of some groups.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Appended {
    /// Steps stored now.
    pub steps: usize,
    /// Notice events stored now.
    pub notices: usize,
    /// Steps that the log had already.
    pub known: usize,
}

/// Appends groups in batches of which each is stored whole or not at all.
///
/// A step that the log has already, told in other words, is left out with its notices: those were stored with it.
pub(crate) fn append(store: &Store, groups: Vec<Group>) -> Result<Appended, StoreError> {
    let mut done = Appended::default();
    let mut batch: Vec<Group> = Vec::new();
    let mut events = 0;
    for group in groups {
        let size = 1 + group.notices.len();
        if events + size > TRANSACTION_EVENTS && !batch.is_empty() {
            append_whole(store, std::mem::take(&mut batch), &mut done)?;
            events = 0;
        }
        events += size;
        batch.push(group);
    }
    append_whole(store, batch, &mut done)?;
    Ok(done)
}

fn append_whole(store: &Store, mut groups: Vec<Group>, done: &mut Appended) -> Result<(), StoreError> {
    // Each turn takes away at least one event, so this ends.
    while !groups.is_empty() {
        let events = groups.iter().flat_map(|group| std::iter::once(&group.step).chain(&group.notices));
        let outcomes = store.append_blocking(events.cloned().collect(), OnError::All)?;
        let before: usize = groups.iter().map(|group| 1 + group.notices.len()).sum();
        let mut outcomes = outcomes.into_iter();
        let mut kept = Vec::with_capacity(groups.len());
        let mut refused = false;
        let mut stored = Appended::default();
        for mut group in groups {
            let step = outcomes.next();
            let told: Vec<_> = outcomes.by_ref().take(group.notices.len()).collect();
            match step {
                Some(Outcome::Stored { .. }) => stored.steps += 1,
                Some(Outcome::AlreadyStored { .. }) => stored.known += 1,
                Some(Outcome::Refused(_)) => {
                    refused = true;
                    done.known += 1;
                    continue;
                }
                Some(Outcome::NotStored { .. }) | None => {}
            }
            stored.notices += told.iter().filter(|outcome| matches!(outcome, Outcome::Stored { .. })).count();
            let mut told = told.into_iter();
            group.notices.retain(|_| {
                let keep = !matches!(told.next(), Some(Outcome::Refused(_)));
                refused |= !keep;
                keep
            });
            kept.push(group);
        }
        if !refused {
            done.steps += stored.steps;
            done.known += stored.known;
            done.notices += stored.notices;
            return Ok(());
        }
        let left: usize = kept.iter().map(|group| 1 + group.notices.len()).sum();
        debug_assert!(left < before, "a refusal takes an event away");
        groups = kept;
    }
    Ok(())
}
