//! The campaign against the store.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use mandate_domain::time::SystemClock;
use mandate_test_cluster::{Cluster, Options};
use mandate_tests::database::Database;
use mandate_tests::power::{Loss, Power};
use mandate_tests::random::Random;
use mandate_tests::target::{Target, open_store};

use crate::killed::Running;
use crate::ledger::Ledger;
use crate::plan::{Kills, Plan};

/// Kills before the whole log is read once more and a new one is begun.
const RUNS_OF_A_LOG: u32 = 50;

/// Where everything is, and what happened to it so far.
struct Campaign {
    plan: Plan,
    target: Target,
    cluster: Option<Cluster>,
    power: Option<Power>,
    random: Random,
    ledger: Ledger,
    happened: Happened,
}

/// Figures of the kills.
#[derive(Default)]
struct Happened {
    logs: u32,
    while_starting: u32,
    long: u32,
    without_looking: u32,
    writes_lost: u64,
    names_lost: u64,
    sealed: u64,
}

/// Kills, compares, and says what it counted.
pub fn drive(plan: Plan) -> anyhow::Result<()> {
    let place = tempfile::tempdir()?;
    let begun = std::time::Instant::now();
    let mut campaign = Campaign::new(plan, place.path())?;
    let done = campaign.run();
    campaign.report(begun.elapsed());
    if let Err(error) = done {
        drop(campaign);
        let kept = place.keep();
        return Err(error.context(format!("seed {}; the files are kept in {}", plan.seed, kept.display())));
    }
    Ok(())
}

/// An empty folder.
fn made(path: PathBuf) -> anyhow::Result<PathBuf> {
    fs::create_dir(&path).with_context(|| format!("{}", path.display()))?;
    Ok(path)
}

impl Campaign {
    fn new(plan: Plan, place: &Path) -> anyhow::Result<Self> {
        // The data directory is made by the program, so that its own name can be lost as well.
        let disk = made(place.join("disk"))?;
        let target =
            Target { data_dir: disk.join("log-0"), key_file: place.join("keys/kek"), database: None };
        target.prepare()?;
        let cluster = match plan.database {
            Database::Sqlite => None,
            Database::Postgres => Some(Cluster::start(Options::default())?),
        };
        let power = match (plan.kills, plan.database) {
            (Kills::Power, Database::Sqlite) => Some(Power::over(&disk, &made(place.join("beside"))?)?),
            (Kills::Power, Database::Postgres) => {
                anyhow::bail!("--kills power: with SQLite only; the files of PostgreSQL are not watched")
            }
            (Kills::Program | Kills::Postmaster, _) => None,
        };
        let random = Random::new(plan.seed);
        let (ledger, happened) = (Ledger::default(), Happened::default());
        Ok(Self { plan, target, cluster, power, random, ledger, happened })
    }

    fn run(&mut self) -> anyhow::Result<()> {
        for run in 0..self.plan.number {
            if run.is_multiple_of(RUNS_OF_A_LOG) {
                self.begin_log()?;
            }
            self.round(run).with_context(|| format!("run {run}"))?;
        }
        Ok(())
    }

    /// Begins with an empty log; the program makes it.
    fn begin_log(&mut self) -> anyhow::Result<()> {
        if self.target.data_dir.exists() {
            fs::remove_dir_all(&self.target.data_dir)?;
        }
        self.happened.logs += 1;
        let name = format!("log-{}", self.happened.logs);
        self.target.data_dir = self.target.data_dir.with_file_name(name);
        if let Some(cluster) = &self.cluster {
            self.target.database = Some(cluster.fresh_database()?);
        }
        self.ledger = Ledger::counting_on(self.ledger.counts);
        Ok(())
    }

    fn round(&mut self, run: u32) -> anyhow::Result<()> {
        let first = run.is_multiple_of(RUNS_OF_A_LOG);
        let last = run + 1 == self.plan.number || (run + 1).is_multiple_of(RUNS_OF_A_LOG);
        let told = self.one_run(run, first)?;
        self.ledger.hear(run, &told)?;
        // Sometimes the next run finds what this one left, and is killed over it.
        if self.random.once_in(4) && !last {
            self.happened.without_looking += 1;
            return Ok(());
        }
        let store = open_store(&self.target, Arc::new(SystemClock))?;
        self.ledger.verify(&store, &mut self.random)?;
        if last {
            self.ledger.verify_all(store.reader())?;
            self.happened.sealed += self.ledger.unseal_all(&store)?;
        }
        Ok(())
    }

    /// Starts the program, kills it, and takes what it told.
    fn one_run(&mut self, run: u32, first: bool) -> anyhow::Result<Vec<crate::command::Told>> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["program", "--run", &run.to_string()]);
        command.arg("--data-dir").arg(&self.target.data_dir).arg("--key-file").arg(&self.target.key_file);
        if let Some(url) = &self.target.database {
            command.args(["--database", url]);
        }
        if let Some(power) = &self.power {
            command.envs(power.environment());
        }
        let mut program = Running::start(command)?;
        if self.random.once_in(if first { 2 } else { 8 }) {
            self.happened.while_starting += 1;
            program.listen(Duration::from_micros(self.random.below(60_000)))?;
        } else {
            program.listen_for_acknowledgement()?;
            // SQLite copies its write-ahead log into the database when it is 64 MB long, after some seconds.
            let long = self.random.once_in(10);
            self.happened.long += u32::from(long);
            let most = if long { 5_000_000 } else { 400_000 };
            program.listen(Duration::from_micros(self.random.below(most)))?;
        }
        if let (Kills::Postmaster, Some(cluster)) = (self.plan.kills, &self.cluster) {
            cluster.kill()?;
            // What was told before it was dead is no sign that the program goes on.
            program.listen(Duration::from_millis(50))?;
            cluster.restart()?;
            program.listen_for_acknowledgement().context("after PostgreSQL was started again")?;
            program.listen(Duration::from_micros(self.random.below(100_000)))?;
        }
        let told = program.kill()?;
        if let Some(power) = &self.power {
            let loss = if self.random.once_in(3) {
                Loss::Everything
            } else {
                Loss::Some { seed: self.random.next() }
            };
            let lost = power.cut(loss)?;
            self.happened.writes_lost += lost.writes;
            self.happened.names_lost += lost.names;
        }
        Ok(told)
    }

    fn report(&self, took: Duration) {
        let (counts, happened) = (&self.ledger.counts, &self.happened);
        println!(
            "{:?}, {:?} killed {} times over {} logs in {} s ({} while starting, {} after a longer run; {} times the next run \
             found what was left)",
            self.plan.database,
            self.plan.kills,
            self.plan.number,
            happened.logs,
            took.as_secs(),
            happened.while_starting,
            happened.long,
            happened.without_looking
        );
        if self.power.is_some() {
            println!(
                "  the cuts undid {} unsynced writes and {} names",
                happened.writes_lost, happened.names_lost
            );
        }
        println!(
            "  {} commands of {} events acknowledged, {} refused as they had to be, {} tries while it was unavailable",
            counts.acknowledged_commands, counts.acknowledged_events, counts.refused, counts.unavailable
        );
        println!(
            "  {} commands in doubt: {} had been stored, {} had not; {} commands sent again; {} events compared, {} \
             sealed ones opened",
            counts.in_doubt_stored + counts.in_doubt_not_stored,
            counts.in_doubt_stored,
            counts.in_doubt_not_stored,
            counts.sent_again,
            counts.events_compared,
            happened.sealed
        );
    }
}
