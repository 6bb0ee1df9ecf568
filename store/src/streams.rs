//! The versions of streams that were appended to or loaded lately, shared by the writer and the aggregates' cache.

use std::sync::{Mutex, MutexGuard, PoisonError};

use hashbrown::HashMap;

use crate::position::Sequence;

/// Streams whose versions are kept in memory at once.
const CACHED_STREAMS: usize = 200_000;

/// The versions of streams, by subject, as the writer last left them; another node's appends make it forget.
#[derive(Debug, Default)]
pub(crate) struct Streams(Mutex<HashMap<Box<str>, Sequence>>);

impl Streams {
    /// The version of a stream, if it is kept.
    pub(crate) fn version(&self, subject: &str) -> Option<Sequence> {
        self.locked().get(subject).copied()
    }

    /// Forgets them all.
    pub(crate) fn forget(&self) {
        self.locked().clear();
    }

    /// Keeps the versions that a commit left.
    pub(crate) fn keep<'s>(&self, versions: impl Iterator<Item = (&'s str, Sequence)>) {
        let mut streams = self.locked();
        for (subject, version) in versions {
            match streams.get_mut(subject) {
                Some(known) => *known = version,
                None => {
                    if streams.len() >= CACHED_STREAMS {
                        streams.clear();
                    }
                    streams.insert(subject.into(), version);
                }
            }
        }
    }

    fn locked(&self) -> MutexGuard<'_, HashMap<Box<str>, Sequence>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
