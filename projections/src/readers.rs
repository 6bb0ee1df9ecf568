//! Connections for queries, beside the one that writes; and when nobody has one.

use std::cell::Cell;
use std::marker::PhantomData;
use std::ops::Deref;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use rusqlite::Connection;

use crate::error::ProjectionError;
use crate::{Projections, database};

thread_local! {
    /// How many connections this thread has: one that has some is given more while others wait.
    static HELD: Cell<usize> = const { Cell::new(0) };
}

/// The connections for queries of one file.
#[derive(Debug, Default)]
pub(crate) struct Readers {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    idle: Vec<Connection>,
    /// How many are in use, or being opened.
    out: usize,
    /// Whether the file is about to be replaced.
    closed: bool,
}

impl Readers {
    fn state(&self) -> MutexGuard<'_, State> {
        // What is counted in it is right whoever panics.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'s>(&self, state: MutexGuard<'s, State>) -> MutexGuard<'s, State> {
        self.changed.wait(state).unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until nobody has a connection; nobody is given one until the answer is dropped. Whoever asks must have none.
    pub fn close(&self) -> Closed<'_> {
        let mut state = self.state();
        while state.closed {
            state = self.wait(state);
        }
        state.closed = true;
        while state.out > 0 {
            state = self.wait(state);
        }
        state.idle.clear();
        drop(state);
        Closed { readers: self }
    }
}

/// No connection for queries is open.
pub(crate) struct Closed<'r> {
    readers: &'r Readers,
}

impl Drop for Closed<'_> {
    fn drop(&mut self) {
        self.readers.state().closed = false;
        self.readers.changed.notify_all();
    }
}

/// A connection for queries that is given back by the thread that took it.
#[derive(Debug)]
pub(crate) struct Reading<'p> {
    readers: &'p Readers,
    /// There until it is dropped.
    connection: Option<Connection>,
    of_one_thread: PhantomData<*const ()>,
}

impl Projections {
    /// A connection of one's own.
    pub(crate) fn reading(&self) -> Result<Reading<'_>, ProjectionError> {
        let readers = &self.shared.readers;
        let mut state = readers.state();
        // Who has one already is waited for.
        while state.closed && HELD.get() == 0 {
            state = readers.wait(state);
        }
        state.out += 1;
        let connection = state.idle.pop();
        drop(state);
        HELD.set(HELD.get() + 1);
        let mut reading = Reading { readers, connection, of_one_thread: PhantomData };
        if reading.connection.is_none() {
            reading.connection = Some(database::open_read_only(&self.shared.file)?);
        }
        Ok(reading)
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

    #[expect(clippy::expect_used, reason = "it is there when this is handed out, and until it is dropped")]
    fn deref(&self) -> &Connection {
        self.connection.as_ref().expect("a connection until it is given back")
    }
}

impl Drop for Reading<'_> {
    fn drop(&mut self) {
        let whole = self
            .connection
            .take()
            .filter(|connection| connection.is_autocommit() || connection.execute_batch("ROLLBACK").is_ok());
        HELD.set(HELD.get().saturating_sub(1));
        let mut state = self.readers.state();
        state.out = state.out.saturating_sub(1);
        state.idle.extend(whole);
        drop(state);
        self.readers.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::mpsc::channel;

    use mandate_domain::time::{Instant, VirtualClock};
    use mandate_store::{Keys, Options, Store};

    use crate::Projections;

    #[test]
    fn whoever_has_a_connection_is_given_more_and_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        Keys::create(&folder.path().join("keys/kek")).unwrap();
        let clock = Arc::new(VirtualClock::new(Instant::parse("2026-03-02T00:00:00Z").unwrap()));
        let store = Store::open(Options::new(folder.path(), clock)).unwrap();
        let projections = Projections::open(folder.path(), &store).unwrap();
        let readers = &projections.shared.readers;
        std::thread::scope(|scope| {
            let first = projections.one_state().unwrap();
            let (closed, is_closed) = channel();
            let (open, is_to_open) = channel();
            scope.spawn(move || {
                let nobody_reads = readers.close();
                closed.send(()).unwrap();
                is_to_open.recv().unwrap();
                drop(nobody_reads);
            });
            while !readers.state().closed {
                std::thread::yield_now();
            }
            // It holds one, so that it need not wait for the others.
            let second = projections.reading().unwrap();
            assert!(is_closed.try_recv().is_err(), "the file would be replaced under two that read it");
            drop(first);
            assert!(is_closed.try_recv().is_err(), "the file would be replaced under one that reads it");
            drop(second);
            is_closed.recv().unwrap();
            assert_eq!(readers.state().out, 0);
            let (given, is_given) = channel();
            let others = &projections;
            scope.spawn(move || {
                drop(others.reading().unwrap());
                given.send(()).unwrap();
            });
            assert!(is_given.try_recv().is_err(), "a connection was given while the file is replaced");
            open.send(()).unwrap();
            is_given.recv().unwrap();
        });
    }
}
