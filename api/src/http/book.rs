//! The policy and the calendar, as facts have published them.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use mandate_domain::calendar::Calendar;
use mandate_domain::judge::{History, Judge, View, adopted_policy};
use mandate_domain::policy::Policy;
use mandate_domain::time::Instant;
use mandate_projections::Projections;

use super::error::HttpError;

/// A policy with its calendar.
#[derive(Debug)]
pub struct Book {
    /// The policy.
    pub policy: Policy,
    /// The calendar, with what facts have published.
    pub calendar: Calendar,
}

/// Makes books, and keeps the one that ships and those asked for last.
#[derive(Debug, Default)]
pub struct Books {
    shipped: Mutex<Option<Arc<Book>>>,
    made: Mutex<VecDeque<(Published, Arc<Book>)>>,
}

/// Most books that are kept.
const KEPT: usize = 16;

/// Which facts a book is made of: where each stands, and whether it has occurred.
type Published = Vec<(u32, bool)>;

impl Books {
    /// The book as known at an instant.
    ///
    /// # Errors
    /// [`HttpError`] when the read models cannot be read, or what was adopted is no policy.
    pub fn at(&self, projections: &Projections, known_at: Instant) -> Result<Arc<Book>, HttpError> {
        let mut published = projections.published()?;
        published.retain(|(_, recorded, _)| *recorded <= known_at);
        if published.is_empty() {
            return self.shipped();
        }
        let key: Published =
            published.iter().map(|(fact, _, position)| (*position, fact.time <= known_at)).collect();
        let known = |made: &VecDeque<(Published, Arc<Book>)>| {
            made.iter().find(|(known, _)| *known == key).map(|(_, book)| Arc::clone(book))
        };
        if let Some(book) = known(&self.made.lock().unwrap_or_else(PoisonError::into_inner)) {
            return Ok(book);
        }
        let mut history = History::default();
        for (fact, recorded, position) in &published {
            history.add(fact, *recorded, *position);
        }
        let failed = |error: &dyn std::fmt::Display| HttpError::Failed(error.to_string());
        let shipped = self.shipped()?;
        let policy = match adopted_policy(&history, known_at) {
            Some(adopted) => adopted.map_err(|error| failed(&error))?,
            None => shipped.policy.clone(),
        };
        let view = View { as_at: known_at, known_at };
        let calendar = Judge::new(&policy, &shipped.calendar, &history, view).calendar().clone();
        let book = Arc::new(Book { policy, calendar });
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        made.push_front((key, Arc::clone(&book)));
        made.truncate(KEPT);
        Ok(book)
    }

    fn shipped(&self) -> Result<Arc<Book>, HttpError> {
        let mut kept = self.shipped.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(book) = &*kept {
            return Ok(Arc::clone(book));
        }
        let policy = Policy::shipped().map_err(|error| HttpError::Failed(error.to_string()))?;
        let calendar = Calendar::shipped().map_err(|error| HttpError::Failed(error.to_string()))?;
        Ok(Arc::clone(kept.insert(Arc::new(Book { policy, calendar }))))
    }
}
