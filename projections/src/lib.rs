//! Read models: duties with their history, subjects, breaches and notices, made from the log alone.
//!
//! [`Projections::advance`] takes in the log in the order of positions and follows the clock, and writes rows and
//! checkpoint in one transaction. What stands in the tables is a function of the log and of the moment reached, so
//! that [`Projections::rebuild`] gives the same rows.

mod bends;
mod bulk;
mod compare;
mod cross;
mod cuts;
mod database;
mod error;
mod events;
mod feeds;
mod gather;
mod judged;
mod limits;
mod live;
mod model;
mod placed;
mod queries;
mod readers;
mod reconciled;
mod rows;
mod spill;
mod status;
mod steps;
mod tenures;
mod unit;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, RwLock, RwLockReadGuard, RwLockWriteGuard};

use mandate_domain::time::Instant;
use mandate_store::{Reader, Store};

pub use compare::{Comparison, Difference, Table};
pub use error::ProjectionError;
pub use events::MOOT;
pub use limits::{Limited, Limits};
pub use model::{
    Annulled, BreachRow, DiscrepancyFilter, DutyCount, DutyFilter, DutyRow, DutySort, DutyVersion,
    EscalationDue, Feed, Listed, MAX_PAGE, NoticeCount, NoticeFilter, NoticeRow, Occasion, Parked, Place,
    PostHolder, Preferences, Progress, QuarantineFilter, QuarantineRow, Rescission, SubjectRow,
    TimelineEntry, Warning,
};
pub use queries::{Counting, Grain, Past};
pub use status::{MailStatus, Status};

use cross::{Books, Cross};
use hashbrown::HashMap;
use live::Writer;
use queries::Alike;
use readers::Readers;

/// The read models of one log; cheap to clone, for use from many threads, and blocking.
#[derive(Debug, Clone)]
pub struct Projections {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    log: Reader,
    file: PathBuf,
    limits: limits::Limits,
    cross: RwLock<Cross>,
    /// What duties that count alike have in common, by number, of those that were counted.
    alikes: RwLock<HashMap<i64, Arc<Alike>>>,
    writer: Mutex<Writer>,
    /// Connections for queries, beside the writer; closed while the file is replaced.
    readers: Readers,
}

/// The file of the read models in a data directory.
const FILE: &str = "read.db";
/// The file in which they are made anew.
const BESIDE: &str = "read.db.new";
/// The file in which they are made anew to be compared.
const BESIDE_TO_COMPARE: &str = "read.db.compare";

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
        let cross = RwLock::new(Cross::load(log, progress.position)?);
        let writer = Mutex::new(Writer::new(connection)?);
        Ok(Self {
            shared: Arc::new(Shared {
                log: log.clone(),
                file,
                limits: limits::Limits::default(),
                cross,
                alikes: RwLock::default(),
                writer,
                readers: Readers::default(),
            }),
        })
    }

    /// Makes the read models anew from the log, beside those in use, and puts them in their place.
    ///
    /// The program must not have them open.
    ///
    /// # Errors
    /// [`ProjectionError`] when the log cannot be read or the file cannot be written; those in use stay as they are.
    pub fn rebuild(data_dir: &Path, store: &Store) -> Result<Progress, ProjectionError> {
        let present = data_dir.join(FILE);
        let reached = match database::open(&present).and_then(|open| rows::progress(&open)) {
            Ok(progress) => progress.at,
            // Damaged files are what a rebuild is for.
            Err(error) if error.is_damage() => Instant::MIN,
            Err(error) => return Err(error),
        };
        let beside = data_dir.join(BESIDE);
        let progress = bulk::make(&beside, store.reader(), reached, None)?;
        database::replace(&present, &beside)?;
        Ok(progress)
    }

    /// How the read models of a data directory stand, beside a running server as well.
    ///
    /// # Errors
    /// [`ProjectionError`] when the log or the read models cannot be read.
    pub fn status(data_dir: &Path, log: &Reader) -> Result<Status, ProjectionError> {
        status::status(data_dir, log)
    }

    /// The mails of a data directory that wait, and those given up or refused since an instant; beside a running server as
    /// well.
    ///
    /// # Errors
    /// [`ProjectionError`] when the read models cannot be read.
    pub fn mail_of(data_dir: &Path, since: Instant) -> Result<MailStatus, ProjectionError> {
        status::mail_of(data_dir, since)
    }

    /// The tellers of a data directory, and how often each tells something; beside a running server as well.
    ///
    /// # Errors
    /// [`ProjectionError`] when the read models cannot be read.
    pub fn feeds_of(data_dir: &Path) -> Result<Vec<Feed>, ProjectionError> {
        status::feeds_of(data_dir)
    }

    /// The tellers of the log but Mandate itself, and how often each tells something.
    ///
    /// # Errors
    /// [`ProjectionError`] when the read models cannot be read.
    pub fn feeds(&self) -> Result<Vec<Feed>, ProjectionError> {
        self.read(feeds::read)
    }

    /// Makes the read models anew beside those in use, which stay, and compares the two.
    ///
    /// # Errors
    /// [`ProjectionError`] when the log or the read models cannot be read or there is no room for new ones.
    pub fn compare(data_dir: &Path, log: &Reader) -> Result<Comparison, ProjectionError> {
        compare::compare(data_dir, log)
    }

    /// Every table with the digest of what stands in it.
    ///
    /// # Errors
    /// [`ProjectionError::Database`].
    pub fn tables(&self) -> Result<Vec<Table>, ProjectionError> {
        self.read(compare::tables)
    }

    /// Makes the tables anew beside those in use, up to a moment, and has them used.
    fn make_anew(&self, writer: &mut Writer, at: Instant) -> Result<(), ProjectionError> {
        let beside = self.shared.file.with_file_name(BESIDE);
        let progress = bulk::make(&beside, &self.shared.log, at, None)?;
        let cross = Cross::load(&self.shared.log, progress.position)?;
        let closed = self.shared.readers.close();
        // Where the file cannot be opened again, the next call does it.
        writer.close()?;
        let replaced = database::replace(&self.shared.file, &beside);
        *writer = Writer::new(database::open(&self.shared.file)?)?;
        replaced?;
        *self.shared.cross_mut()? = cross;
        drop(closed);
        Ok(())
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

    /// The subjects that cannot be followed, with why; their rows stay as they were.
    ///
    /// # Errors
    /// [`ProjectionError::Database`].
    pub fn parked(&self) -> Result<Vec<Parked>, ProjectionError> {
        self.read(rows::parked)
    }

    /// The policy in force.
    fn books(&self) -> Result<Arc<Books>, ProjectionError> {
        Ok(self.shared.cross()?.books())
    }
}

impl Shared {
    fn cross(&self) -> Result<RwLockReadGuard<'_, Cross>, ProjectionError> {
        self.cross.read().map_err(|_| ProjectionError::Poisoned)
    }

    fn cross_mut(&self) -> Result<RwLockWriteGuard<'_, Cross>, ProjectionError> {
        self.cross.write().map_err(|_| ProjectionError::Poisoned)
    }
}
