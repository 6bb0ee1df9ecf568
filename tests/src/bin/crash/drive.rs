//! The campaign against the store.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use mandate_domain::time::SystemClock;
use mandate_tests::random::Random;
use mandate_tests::target::{Target, open_store};

use crate::ledger::Ledger;
use crate::machine::{GoesOn, Machine};
use crate::plan::{Kills, Plan};

/// Kills before the whole log is read once more and a new one is begun.
const RUNS_OF_A_LOG: u32 = 50;

/// Where everything is, and what happened to it so far.
struct Campaign {
    plan: Plan,
    target: Target,
    machine: Machine,
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

impl Campaign {
    fn new(plan: Plan, place: &Path) -> anyhow::Result<Self> {
        let machine = Machine::new(place, plan.database, plan.kills, "on")?;
        // The data directory is made by the program, so that its own name can be lost as well.
        let target = Target {
            data_dir: machine.disk().join("log-0"),
            key_file: place.join("keys/kek"),
            database: None,
        };
        target.prepare()?;
        let random = Random::new(plan.seed);
        let (ledger, happened) = (Ledger::default(), Happened::default());
        Ok(Self { plan, target, machine, random, ledger, happened })
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
        self.target.database = self.machine.fresh_database()?;
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
        let mut program = self.machine.start(command)?;
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
        let (told, lost) = self.machine.kill(program, &mut self.random, GoesOn::Yes)?;
        self.happened.writes_lost += lost.writes;
        self.happened.names_lost += lost.names;
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
        if self.plan.kills == Kills::Power {
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
