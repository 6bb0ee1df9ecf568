//! Connections for queries, beside the one that writes.

use std::ops::Deref;
use std::sync::atomic::Ordering;

use rusqlite::Connection;

use crate::error::ProjectionError;
use crate::{Projections, database};

/// A connection for queries that is given back.
#[derive(Debug)]
pub(crate) struct Reading<'p> {
    projections: &'p Projections,
    /// There until it is dropped.
    connection: Option<Connection>,
    /// Of which file it is.
    file: u64,
}

impl Projections {
    /// A connection of one's own.
    pub(crate) fn reading(&self) -> Result<Reading<'_>, ProjectionError> {
        let readers = self.shared.readers.read().map_err(|_| ProjectionError::Poisoned)?;
        let idle = readers.lock().map_err(|_| ProjectionError::Poisoned)?.pop();
        let connection = match idle {
            Some(connection) => connection,
            None => database::open_read_only(&self.shared.file)?,
        };
        let file = self.shared.replaced.load(Ordering::Acquire);
        Ok(Reading { projections: self, connection: Some(connection), file })
    }

    /// One state of the read models for all that is read by it.
    pub(crate) fn one_state(&self) -> Result<Reading<'_>, ProjectionError> {
        let reading = self.reading()?;
        reading.execute_batch("BEGIN").map_err(ProjectionError::database("begin"))?;
        Ok(reading)
    }

    /// Runs a query on a connection of its own.
    pub(crate) fn read<T>(
        &self,
        query: impl FnOnce(&Connection) -> Result<T, ProjectionError>,
    ) -> Result<T, ProjectionError> {
        query(&*self.reading()?)
    }
}

impl Deref for Reading<'_> {
    type Target = Connection;

    #[expect(clippy::expect_used, reason = "it is taken when this is dropped, and not before")]
    fn deref(&self) -> &Connection {
        self.connection.as_ref().expect("a connection until it is given back")
    }
}

impl Drop for Reading<'_> {
    fn drop(&mut self) {
        let Some(connection) = self.connection.take() else { return };
        if !connection.is_autocommit() && connection.execute_batch("ROLLBACK").is_err() {
            return;
        }
        let Ok(readers) = self.projections.shared.readers.read() else { return };
        // One of a file that was replaced meanwhile is of no more use.
        if self.file == self.projections.shared.replaced.load(Ordering::Acquire)
            && let Ok(mut idle) = readers.lock()
        {
            idle.push(connection);
        }
    }
}
