//! Read models: duties with their history, subjects, breaches and notices, made from the log alone.
//!
//! [`Projections::advance`] takes in the log in the order of positions and follows the clock, and writes rows and
//! checkpoint in one transaction. What stands in the tables is a function of the log and of the moment reached, so
//! that [`Projections::rebuild`] gives the same rows.

mod database;
mod error;
mod events;
mod follow;
mod model;
mod queries;
mod rows;
mod subjects;
mod world;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

use mandate_domain::time::Instant;
use mandate_store::{Reader, Store};
use rusqlite::Connection;

pub use error::ProjectionError;
pub use model::{
    BreachRow, DutyFilter, DutyRow, DutySort, DutyVersion, Listed, MAX_PAGE, NoticeRow, Progress, Rescission,
    SubjectRow, TimelineEntry, Warning,
};

use world::World;

/// The read models of one log; cheap to clone, for use from many threads, and blocking.
#[derive(Debug, Clone)]
pub struct Projections {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    log: Reader,
    file: PathBuf,
    /// The one that writes, with what it keeps in memory.
    writer: Mutex<Writer>,
    /// For queries, beside the writer.
    readers: Mutex<Vec<Connection>>,
}

#[derive(Debug)]
struct Writer {
    connection: Connection,
    world: World,
}

/// The file of the read models in a data directory.
const FILE: &str = "read.db";

impl Projections {
    /// Opens the read models of a data directory, or makes them; [`Self::advance`] then brings them up to date.
    ///
    /// # Errors
    /// [`ProjectionError`] when the file or the log cannot be read.
    pub fn open(data_dir: &Path, store: &Store) -> Result<Self, ProjectionError> {
        Self::open_file(data_dir.join(FILE), store.reader())
    }

    fn open_file(file: PathBuf, log: &Reader) -> Result<Self, ProjectionError> {
        let connection = database::open(&file)?;
        let progress = rows::progress(&connection)?;
        let world = World::load(log, progress.position)?;
        let writer = Mutex::new(Writer { connection, world });
        Ok(Self { shared: Arc::new(Shared { log: log.clone(), file, writer, readers: Mutex::default() }) })
    }

    /// Makes the read models anew from the log, beside those in use, and puts them in their place.
    ///
    /// The program must not have them open.
    ///
    /// # Errors
    /// [`ProjectionError`] when the log cannot be read or the file cannot be written; those in use stay as they are.
    pub fn rebuild(data_dir: &Path, store: &Store) -> Result<Progress, ProjectionError> {
        let present = data_dir.join(FILE);
        let reached =
            if present.exists() { Some(rows::progress(&database::open(&present)?)?.at) } else { None };
        let beside = data_dir.join("read.db.new");
        database::remove(&beside)?;
        let anew = Self::open_file(beside.clone(), store.reader())?;
        let progress = anew.advance(reached.unwrap_or(Instant::MIN))?;
        drop(anew);
        database::remove(&present)?;
        std::fs::rename(&beside, &present).map_err(|source| database::file_error(&present, source))?;
        Ok(progress)
    }

    /// How far the read models are.
    ///
    /// # Errors
    /// [`ProjectionError::Database`].
    pub fn progress(&self) -> Result<Progress, ProjectionError> {
        self.read(rows::progress)
    }

    fn writer(&self) -> Result<MutexGuard<'_, Writer>, ProjectionError> {
        self.shared.writer.lock().map_err(|_| ProjectionError::Poisoned)
    }

    /// Runs a query on a connection of its own.
    fn read<T>(
        &self,
        query: impl FnOnce(&Connection) -> Result<T, ProjectionError>,
    ) -> Result<T, ProjectionError> {
        let idle = self.shared.readers.lock().map_err(|_| ProjectionError::Poisoned)?.pop();
        let connection = match idle {
            Some(connection) => connection,
            None => database::open_read_only(&self.shared.file)?,
        };
        let answer = query(&connection);
        self.shared.readers.lock().map_err(|_| ProjectionError::Poisoned)?.push(connection);
        answer
    }
}
