//! The demonstration: a generated history up to a day a month before its end, and the rest of it told as a virtual
//! clock is moved on.

mod feed;
mod people;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use mandate_domain::fact::FactError;
use mandate_domain::rights::Floor;
use mandate_domain::time::{Clock as _, Date, Instant, VirtualClock, london_words};
use mandate_projections::Projections;
use mandate_scheduler::{
    AllowedDomains, EmlFiles, Fallback, Mailer, Scheduler, SchedulerError, Schedules, Settings, SettingsError,
};
use mandate_store::{Commands, Keys, KeysError, OnError, Store, StoreError, create_signing_key};

use crate::generate::{Options, generate};
use feed::{Feed, Told};
pub use people::{Person, Scope};

/// Days of the history that are still to come when the demonstration begins.
const DAYS_LEFT: i32 = 30;
/// Days before that which are told one by one, so that there are mails about single breaches to read; a country has
/// enough of them after fewer.
const DAYS_TOLD: i32 = 7;
const DAYS_TOLD_OF_A_COUNTRY: i32 = 2;
/// From so many nominals on a history is that of a country.
const COUNTRY: u32 = 20_000;
/// When the working day begins, in seconds after midnight.
const MORNING_SECONDS: i64 = 9 * 3_600;
/// Time between two looks of the scheduler while days pass, in seconds.
const LOOK_SECONDS: i64 = 3_600;

/// Why the demonstration cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// A file of the history.
    #[error("{path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// The folder holds a log of somebody's own.
    #[error(
        "{0}: there is a log that is no demonstration, and invented facts would stay in it for good; choose another folder \
         with --data-dir"
    )]
    NoDemonstration(PathBuf),
    /// The log.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A fact of the demonstration itself.
    #[error(transparent)]
    Fact(#[from] FactError),
    /// The key.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// The read models.
    #[error(transparent)]
    Projections(#[from] mandate_projections::ProjectionError),
    /// The scheduler.
    #[error(transparent)]
    Scheduler(#[from] SchedulerError),
    /// The settings of the mail.
    #[error(transparent)]
    Settings(#[from] SettingsError),
}

/// The demonstration; cheap to clone.
#[derive(Clone)]
pub struct Demo {
    shared: Arc<Shared>,
}

struct Shared {
    people: Vec<Person>,
    clock: Arc<VirtualClock>,
    scheduler: Scheduler,
    store: Store,
    /// Held while time passes.
    feed: Mutex<Feed>,
}

/// What the demonstration runs on.
pub struct Stage {
    /// The log.
    pub store: Store,
    /// The read models.
    pub projections: Projections,
    /// The clock.
    pub clock: Arc<VirtualClock>,
    /// The folder of the mails.
    pub mail_dir: PathBuf,
    /// The demonstration.
    pub demo: Demo,
}

/// What a day brought.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Day {
    /// When it ended.
    pub now: Option<Instant>,
    /// Facts recorded.
    pub facts: usize,
    /// Breaches raised.
    pub raised: usize,
    /// Breaches rescinded.
    pub rescinded: usize,
    /// Mails written.
    pub mails: usize,
    /// Whether the history has come to its end.
    pub ended: bool,
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let now = self.now.map_or(String::new(), london_words);
        write!(
            f,
            "It is now {now}. Facts recorded: {}. Breaches raised: {}, withdrawn: {}. Mails: {}.",
            self.facts, self.raised, self.rescinded, self.mails
        )?;
        if self.ended {
            f.write_str(" The made-up history ends here; only deadlines pass from now on.")
        } else {
            Ok(())
        }
    }
}

/// Makes the stage: the history, its log up to the day, the last days told one by one.
///
/// A folder that holds a demonstration goes on where it was.
///
/// # Errors
/// [`DemoError`] as it names itself.
pub fn set_up(folder: &Path, options: &Options, base_url: &str) -> Result<Stage, DemoError> {
    refuse_another_log(folder)?;
    let history = history(folder, options)?;
    let today = Date::from(options.until).plus_days(-DAYS_LEFT);
    let days_told = if options.nominals < COUNTRY { DAYS_TOLD } else { DAYS_TOLD_OF_A_COUNTRY };
    let begin = morning(today.plus_days(-days_told));
    let clock = Arc::new(VirtualClock::new(begin));
    let log = mandate_store::Options::new(folder, clock.clone());
    if !log.key_file.exists() {
        Keys::create(&log.key_file)?;
    }
    if !log.signing_key.exists() {
        create_signing_key(&log.signing_key, "mandate.invalid/demonstration")?;
    }
    let store = Store::open(log)?;
    let projections = Projections::open(folder, &store)?;
    let reached = store.reader().head()?.recorded_at.max(projections.progress()?.at);
    clock.set(begin.max(reached));
    let mail_dir = folder.join("mail");
    let schedules = Schedules { watch: false, ..Schedules::usual()? };
    let settings = Settings::new(base_url, "Mandate demonstration <mandate@example.org>")?
        .with_domains(AllowedDomains::new(["example.org"])?)
        .with_schedules(schedules)
        .with_fallback(Fallback {
            address: Some("administrator@example.org".to_owned()),
            ..Fallback::default()
        });
    let mailer = Mailer::Files(EmlFiles::new(&mail_dir));
    let scheduler = Scheduler::new(store.clone(), projections.clone(), clock.clone(), mailer, settings)?;
    let mut feed = Feed::open(&history)?;
    feed.skip_known(store.reader())?;
    feed.tell_until(&store, &clock, clock.now(), Told::Imported)?;
    store.append_blocking(people::administrator(options, begin)?, OnError::Each)?;
    let (now, directory) = (clock.now(), Commands::new(&store).directory()?);
    let may = |user: &str| directory.standing(user, now).meets(Floor::Live(2)).is_ok();
    let people = people::people(options, &may);
    let shared =
        Shared { people, clock: clock.clone(), scheduler, store: store.clone(), feed: Mutex::new(feed) };
    let demo = Demo { shared: Arc::new(shared) };
    demo.look()?;
    // One that was stopped on the way goes on from there, and begins in the morning as well.
    demo.advance(|_| morning(today))?;
    store.checkpoint()?;
    Ok(Stage { store, projections, clock, mail_dir, demo })
}

fn morning(day: Date) -> Instant {
    day.start().plus_seconds(MORNING_SECONDS)
}

/// A demonstration makes the file of its history before its log.
fn refuse_another_log(folder: &Path) -> Result<(), DemoError> {
    if !folder.join("log.db").exists() {
        return Ok(());
    }
    let failed = |source| DemoError::File { path: folder.to_owned(), source };
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let name = entry.map_err(failed)?.file_name();
        if name.to_string_lossy().starts_with("history-") {
            return Ok(());
        }
    }
    Err(DemoError::NoDemonstration(folder.to_owned()))
}

/// The file of the history, which is made if it is not there.
fn history(folder: &Path, options: &Options) -> Result<PathBuf, DemoError> {
    let path = folder.join(format!(
        "history-{}-{}-{}-{}.jsonl",
        options.areas, options.nominals, options.months, options.seed
    ));
    let failed = |source| DemoError::File { path: path.clone(), source };
    if !path.exists() {
        std::fs::create_dir_all(folder).map_err(failed)?;
        let beside = path.with_extension("new");
        let file = std::fs::File::create(&beside).map_err(failed)?;
        let mut out = std::io::BufWriter::new(file);
        generate(options, &mut out).map_err(failed)?;
        out.into_inner().map_err(|error| failed(error.into_error()))?;
        std::fs::rename(&beside, &path).map_err(failed)?;
    }
    Ok(path)
}

impl Demo {
    /// The people that one may be.
    #[must_use]
    pub fn people(&self) -> &[Person] {
        &self.shared.people
    }

    /// Lets a day pass: what was recorded on it is told at its time, and the scheduler looks every hour.
    ///
    /// # Errors
    /// [`DemoError`]; what has passed has passed.
    pub fn advance_one_day(&self) -> Result<Day, DemoError> {
        self.advance(same_time_tomorrow)
    }

    /// Lets the time pass up to a moment that follows from the present.
    fn advance(&self, until: impl FnOnce(Instant) -> Instant) -> Result<Day, DemoError> {
        let mut feed = self.feed();
        let shared = &self.shared;
        let now = shared.clock.now();
        let until = until(now);
        let mut day = Day::default();
        let mut next = now;
        while next < until {
            next = next.plus_seconds(LOOK_SECONDS).min(until);
            day.facts += feed.tell_until(&shared.store, &shared.clock, next, Told::AtItsTime)?;
            shared.clock.set(next);
            self.pass(&mut day)?;
        }
        day.now = Some(next);
        day.ended = feed.is_at_end();
        Ok(day)
    }

    /// Has the scheduler look at what was stated by others.
    ///
    /// # Errors
    /// [`DemoError::Scheduler`].
    pub fn look(&self) -> Result<Day, DemoError> {
        let _still = self.feed();
        let mut day = Day::default();
        self.pass(&mut day)?;
        Ok(day)
    }

    /// The scheduler that looks.
    #[must_use]
    pub fn scheduler(&self) -> &Scheduler {
        &self.shared.scheduler
    }

    /// The log, for those who wait for what is stated.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.shared.store
    }

    fn pass(&self, day: &mut Day) -> Result<(), DemoError> {
        loop {
            let report = self.shared.scheduler.pass(self.shared.clock.now())?;
            day.raised += report.steps.raised;
            day.rescinded += report.steps.rescinded;
            day.mails += report.mails.accepted;
            if !report.mails.more {
                self.shared.store.checkpoint()?;
                return Ok(());
            }
        }
    }

    fn feed(&self) -> MutexGuard<'_, Feed> {
        self.shared.feed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The same time of the London day on the next day; where the clocks change, an hour more or less has passed.
fn same_time_tomorrow(now: Instant) -> Instant {
    let today = now.london_date();
    let seconds = (now.nanos() - today.start().nanos()) / 1_000_000_000;
    today.next().start().plus_seconds(seconds)
}
