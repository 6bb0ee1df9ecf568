//! What was recorded in a period, looked through in pages.

use mandate_domain::catalogue::FactType;
use mandate_store::{MAX_READ, Position, Reader, StoredEvent};

use crate::http::error::HttpError;
use crate::http::site::lists::Asking;
use crate::pages::Link;
use crate::pages::words::grouped;

/// Most events of a period that are looked through for a page: the latest of it.
const MOST: u64 = 200_000;
/// Most events of a period that are looked through for a file, which is of all of it or refused.
const MOST_OF_A_FILE: u64 = 1_000_000;
/// Events that are read at once.
const AT_ONCE: usize = MAX_READ / 10;

/// Positions that are looked through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// The last that is not, before them.
    after: u64,
    /// The last of them.
    last: u64,
}

impl Span {
    /// All after a position, up to another.
    #[must_use]
    pub const fn whole(after: u64, last: u64) -> Self {
        Self { after, last }
    }

    /// The latest, as many as a page is made of, and where the others were cut off.
    #[must_use]
    pub fn of_a_page(after: u64, last: u64) -> (Self, Option<Cut>) {
        let low = after.max(last.saturating_sub(MOST));
        (Self { after: low, last }, (low > after).then_some(Cut { before: low }))
    }

    /// All of them, for a file: one that left something out would be taken for the whole.
    ///
    /// # Errors
    /// [`HttpError::Unprocessable`] when they are too many.
    pub fn of_a_file(after: u64, last: u64) -> Result<Self, HttpError> {
        let events = last.saturating_sub(after);
        if events > MOST_OF_A_FILE {
            return Err(HttpError::Unprocessable(format!(
                "{} events were recorded in that period, more than the {} that are looked through for one file; ask for \
                 fewer days with `from` and `to`, or take the log as a bundle",
                grouped(events),
                grouped(MOST_OF_A_FILE),
            )));
        }
        Ok(Self { after, last })
    }

    /// Hands over its events, of some types where any are named: the earliest page first, of each page the latest event
    /// first.
    ///
    /// # Errors
    /// [`HttpError`] when the log cannot be read.
    pub fn each_page(
        self,
        log: &Reader,
        types: &[FactType],
        mut each: impl FnMut(Vec<StoredEvent>),
    ) -> Result<(), HttpError> {
        let mut at = Position::new(self.after);
        while at.get() < self.last {
            let most = usize::try_from(self.last - at.get()).unwrap_or(AT_ONCE).min(AT_ONCE);
            let (mut events, reached) = if types.is_empty() {
                let events = log.read_after(at, most)?.events;
                let reached = events.last().map_or(at, |event| event.position);
                (events, reached)
            } else {
                let page = log.read_types(types, at, most)?;
                let done = page.events.is_empty();
                (page.events, if done { Position::new(self.last) } else { page.searched_to })
            };
            events.retain(|event| event.position.get() <= self.last);
            events.reverse();
            each(events);
            if reached <= at {
                break;
            }
            at = reached;
        }
        Ok(())
    }
}

/// Where a list ends because more was recorded in its period than is looked through at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cut {
    /// The last position that was not looked at.
    before: u64,
}

impl Cut {
    /// What of the period was looked through.
    #[must_use]
    pub fn words(self) -> String {
        format!(
            "More was recorded then than is looked through at once: this is what was recorded after position {}.",
            grouped(self.before)
        )
    }

    /// The link to what was recorded before that.
    #[must_use]
    pub fn earlier(self, asking: &Asking) -> Link {
        let more = [("upTo", self.before.to_string())];
        let href = asking.with(asking.path(), |name, _| name != "upTo", &more);
        Link::new(format!("Look on, from position {} back", grouped(self.before)), href)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_of_the_latest_200_000_events_and_says_where_it_was_cut() {
        for (after, last, from, cut) in [
            (7, 200_007, 7, None),
            (7, 200_008, 8, Some(8)),
            (7, 3_000_000, 2_800_000, Some(2_800_000)),
            (7, 7, 7, None),
        ] {
            let expected = (Span { after: from, last }, cut.map(|before| Cut { before }));
            assert_eq!(Span::of_a_page(after, last), expected, "of {after} to {last}");
        }
    }

    #[test]
    fn a_file_is_of_the_whole_period_or_refused() {
        for last in [200_007, 200_008, 1_000_007] {
            assert_eq!(Span::of_a_file(7, last).unwrap(), Span { after: 7, last });
        }
        let refused = Span::of_a_file(7, 1_000_008).unwrap_err().to_string();
        assert!(refused.starts_with("1,000,001 events were recorded in that period"), "{refused}");
    }
}
