//! The log searched from its end: by type, subject, teller, position and time of recording.

use mandate_domain::catalogue::{FactType, SubjectKind};
use mandate_domain::fact::repeated;
use mandate_domain::judge::View;
use mandate_domain::time::{Date, Instant};
use mandate_store::{Position, Reader, Sequence, StoreError, StoredEvent};

use super::error::HttpError;
use super::query::Query;

/// Events read at first; each further stretch is twice as long.
const STRETCH: u64 = 500;
/// Most events read at once.
const LONGEST: u64 = 20_000;
/// Most events read for one answer; where more are to be searched the answer says how far it got.
const BUDGET: u64 = 100_000;

/// What is searched for.
#[derive(Debug, Clone, Default)]
pub struct Search {
    /// Types; any where there are none.
    pub kinds: Vec<FactType>,
    /// Whom it is about.
    pub subject: Option<String>,
    /// Who told it.
    pub source: Option<String>,
    /// The first position.
    pub from: Option<u64>,
    /// The last position.
    pub up_to: Option<u64>,
    /// The first and the last day of recording.
    pub days: (Option<Date>, Option<Date>),
    /// What had occurred and was known.
    pub view: Option<View>,
}

/// What was found.
#[derive(Debug, Clone, Default)]
pub struct Found {
    /// The events, the latest first.
    pub events: Vec<StoredEvent>,
    /// The last position that is yet to be searched; none where all was.
    pub rest: Option<u64>,
}

impl Search {
    /// What the parameters ask for.
    ///
    /// # Errors
    /// [`HttpError::Parameter`] naming the one that is wrong.
    pub fn of(query: &Query) -> Result<Self, HttpError> {
        let kind = |name: String| {
            let wrong = || HttpError::parameter("type", format!("`{}` is no fact type", repeated(&name)));
            FactType::from_name(&name).ok_or_else(wrong)
        };
        let subject = query.one("subject")?.map(|subject| whole(subject.trim()));
        if let Some(subject) = subject.as_deref().filter(|subject| SubjectKind::of(subject).is_none()) {
            let reason = format!("`{}`: expected a whole id such as `nominal/N-7F3K29QX`", repeated(subject));
            return Err(HttpError::parameter("subject", reason));
        }
        let position = |name: &str| -> Result<Option<u64>, HttpError> {
            let stated = query.one(name)?.is_some();
            let number = query.number(name, 1, 1..=u64::MAX >> 1)?;
            Ok(stated.then_some(number))
        };
        Ok(Self {
            kinds: query.all("type").into_iter().map(kind).collect::<Result<_, _>>()?,
            subject,
            source: query.one("source")?.map(|source| source.trim().to_owned()),
            from: position("fromPosition")?,
            up_to: position("upTo")?,
            days: (query.date("from")?, query.date("to")?),
            view: None,
        })
    }

    /// Searches from the end until so many events were found, all was searched, or it took long enough.
    ///
    /// # Errors
    /// [`StoreError`] when the log cannot be read.
    pub fn run(
        &self,
        log: &Reader,
        most: usize,
        sees: impl Fn(&StoredEvent) -> bool,
    ) -> Result<Found, StoreError> {
        let (low, mut high) = self.bounds(log)?;
        let mut found = Found::default();
        let (mut read, mut stretch) = (0, STRETCH);
        // The versions of one subject are searched in place of the positions.
        let mut version = match &self.subject {
            Some(subject) => log.version(subject)?.get(),
            None => 0,
        };
        while high > low && read < BUDGET && found.events.len() < most {
            let (events, reached) = match &self.subject {
                Some(subject) => {
                    let after = version.saturating_sub(stretch.min(LONGEST));
                    let most = usize::try_from(version - after).unwrap_or(usize::MAX);
                    let events = log.read_subject(subject, Sequence::new(after), most)?;
                    version = after;
                    let first = events.first().map_or(low, |event| event.position.get() - 1);
                    (events, if after == 0 { low } else { first.max(low) })
                }
                None => {
                    let after = high.saturating_sub(stretch).max(low);
                    (self.between(log, after, high)?, after)
                }
            };
            read += if self.kinds.is_empty() { stretch } else { events.len() as u64 + 100 };
            for event in events.into_iter().rev() {
                let at = event.position.get();
                if at <= high && at > low && self.takes(&event) && sees(&event) {
                    if found.events.len() == most {
                        found.rest = Some(at);
                        return Ok(found);
                    }
                    found.events.push(event);
                }
            }
            high = high.min(reached);
            stretch = (stretch * 2).min(if self.kinds.is_empty() { LONGEST } else { u64::MAX >> 2 });
        }
        found.rest = (high > low).then_some(high);
        Ok(found)
    }

    fn between(&self, log: &Reader, after: u64, up_to: u64) -> Result<Vec<StoredEvent>, StoreError> {
        let width = |after: u64| usize::try_from(up_to - after).unwrap_or(usize::MAX);
        if self.kinds.is_empty() {
            return Ok(log.read_after(Position::new(after), width(after))?.events);
        }
        let (mut events, mut at) = (Vec::new(), after);
        while at < up_to {
            let page = log.read_types(&self.kinds, Position::new(at), width(at))?;
            let reached = page.searched_to.get();
            let done = page.events.is_empty() || reached <= at;
            events.extend(page.events.into_iter().filter(|event| event.position.get() <= up_to));
            if done {
                break;
            }
            at = reached;
        }
        Ok(events)
    }

    /// What is searched: the positions after the first, up to the second.
    fn bounds(&self, log: &Reader) -> Result<(u64, u64), StoreError> {
        let head = log.head()?.position.get();
        let mut low = self.from.map_or(0, |from| from.saturating_sub(1));
        let mut high = self.up_to.unwrap_or(head).min(head);
        if let Some(from) = self.days.0 {
            low = low.max(recorded_before(log, from.start(), head)?);
        }
        if let Some(to) = self.days.1 {
            high = high.min(recorded_before(log, to.end(), head)?);
        }
        Ok((low, high))
    }

    fn takes(&self, event: &StoredEvent) -> bool {
        let seen = |view: View| event.known_at() <= view.known_at && event.fact.time <= view.as_at;
        (self.kinds.is_empty() || self.kinds.contains(&event.fact.kind))
            && self.source.as_ref().is_none_or(|source| **source == *event.fact.source)
            && self.view.is_none_or(seen)
    }
}

/// The last position that was recorded before an instant: `recorded_at` never decreases with the position.
///
/// # Errors
/// [`StoreError`] when the log cannot be read.
pub fn recorded_before(log: &Reader, at: Instant, head: u64) -> Result<u64, StoreError> {
    let (mut low, mut high) = (0, head);
    while low < high {
        let middle = low + (high - low).div_ceil(2);
        let before = log.outline_at(Position::new(middle))?.is_some_and(|outline| outline.recorded_at < at);
        if before { low = middle } else { high = middle - 1 }
    }
    Ok(low)
}

/// A subject by its whole id, where a nominal's reference alone was typed.
fn whole(subject: &str) -> String {
    if subject.starts_with("N-") { format!("nominal/{subject}") } else { subject.to_owned() }
}
