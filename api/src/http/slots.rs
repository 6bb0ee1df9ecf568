//! Room for streams of events: so many over all, and so many for each who reads, so that nobody takes it from the others.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Streams at one time.
const OF_ALL: usize = 100;
/// Streams of one person or machine at one time.
const OF_ONE: usize = 10;

/// Who has how many; whoever has none is not in it.
#[derive(Debug, Default)]
pub struct Slots(Mutex<Taken>);

#[derive(Debug, Default)]
struct Taken {
    all: usize,
    of_one: HashMap<String, usize>,
}

/// Room for one stream, which is given back when it is dropped.
#[derive(Debug)]
pub struct Slot {
    slots: Arc<Slots>,
    who: Option<String>,
}

impl Slots {
    /// Room for one more, if there is any; whoever has no name sits at this machine and is counted with all.
    #[must_use]
    pub fn take(slots: &Arc<Self>, who: Option<String>) -> Option<Slot> {
        let mut taken = slots.taken();
        if taken.all >= OF_ALL {
            return None;
        }
        if let Some(who) = &who {
            let own = taken.of_one.entry(who.clone()).or_default();
            if *own >= OF_ONE {
                return None;
            }
            *own += 1;
        }
        taken.all += 1;
        Some(Slot { slots: Arc::clone(slots), who })
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut taken = self.slots.taken();
        taken.all = taken.all.saturating_sub(1);
        let Some(who) = &self.who else { return };
        let left = taken.of_one.get_mut(who).map(|own| {
            *own = own.saturating_sub(1);
            *own
        });
        if left == Some(0) {
            taken.of_one.remove(who);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(slots: &Arc<Slots>, who: &str) -> Option<Slot> {
        Slots::take(slots, Some(who.to_owned()))
    }

    #[test]
    fn one_who_reads_takes_no_more_than_their_share_and_gives_it_back() {
        let slots = Arc::new(Slots::default());
        let mut own: Vec<Slot> = (0..OF_ONE).map(|_| take(&slots, "user/a").unwrap()).collect();
        assert!(take(&slots, "user/a").is_none());
        assert!(take(&slots, "user/b").is_some());
        own.pop();
        assert!(take(&slots, "user/a").is_some());
        drop(own);
        assert!(slots.taken().of_one.is_empty() && slots.taken().all == 0, "{slots:?}");
    }

    #[test]
    fn there_are_so_many_over_all() {
        let slots = Arc::new(Slots::default());
        let all: Vec<Slot> = (0..OF_ALL).map(|_| Slots::take(&slots, None).unwrap()).collect();
        assert!(take(&slots, "user/a").is_none());
        drop(all);
        assert!(take(&slots, "user/a").is_some());
    }
}
