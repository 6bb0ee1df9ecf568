//! The policy and the calendar, as facts have published them.

use std::sync::{Arc, Mutex, PoisonError};

use mandate_domain::calendar::Calendar;
use mandate_domain::catalogue::FactType;
use mandate_domain::judge::{History, Judge, View, adopted_policy};
use mandate_domain::policy::Policy;
use mandate_domain::time::Instant;
use mandate_store::{MAX_READ, Position, Reader};

use super::error::HttpError;

/// A policy with its calendar.
#[derive(Debug)]
pub struct Book {
    /// The policy.
    pub policy: Policy,
    /// The calendar, with what facts have published.
    pub calendar: Calendar,
}

/// Makes books, and keeps the one that ships.
#[derive(Debug, Default)]
pub struct Books {
    shipped: Mutex<Option<Arc<Book>>>,
}

impl Books {
    /// The book as known at an instant.
    ///
    /// # Errors
    /// [`HttpError`] when the log cannot be read, or what was adopted is no policy.
    pub fn at(&self, log: &Reader, known_at: Instant) -> Result<Arc<Book>, HttpError> {
        let types = [FactType::PolicyAdopted, FactType::BankHolidaysPublished];
        let published = log.read_types(&types, Position::START, MAX_READ)?.events;
        if published.is_empty() {
            return self.shipped();
        }
        let mut history = History::default();
        let annulments = log.read_types(&[FactType::FactAnnulled], Position::START, MAX_READ)?.events;
        for event in published.into_iter().chain(annulments) {
            let position = u32::try_from(event.position.get()).unwrap_or(u32::MAX);
            let fact = event.into_fact();
            history.add(&fact, fact.recorded_or_time(), position);
        }
        let failed = |error: &dyn std::fmt::Display| HttpError::Failed(error.to_string());
        let shipped = self.shipped()?;
        let policy = match adopted_policy(&history, known_at) {
            Some(adopted) => adopted.map_err(|error| failed(&error))?,
            None => shipped.policy.clone(),
        };
        let view = View { as_at: known_at, known_at };
        let calendar = Judge::new(&policy, &shipped.calendar, &history, view).calendar().clone();
        Ok(Arc::new(Book { policy, calendar }))
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
