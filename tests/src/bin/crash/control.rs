//! The controls: plain writers in the same hands.

use std::process::Command;
use std::time::Duration;

use anyhow::{bail, ensure};
use mandate_tests::arguments::Arguments;
use mandate_tests::database::Database;
use mandate_tests::random::Random;

use crate::command::Told;
use crate::machine::{GoesOn, Machine};
use crate::plain::{self, Promise};
use crate::plain_postgres;
use crate::plan::Kills;

/// Whether a plain writer loses rows that it acknowledged.
fn must_lose(database: Database, promise: Promise, kills: Kills) -> anyhow::Result<bool> {
    Ok(match (database, promise, kills) {
        (Database::Sqlite, _, Kills::Postmaster) => bail!("--kills postmaster: SQLite has none"),
        (Database::Postgres, Promise::Early, _) => bail!("--promise early: with SQLite only"),
        (Database::Sqlite, Promise::Early, _)
        | (_, Promise::Normal, Kills::Power)
        | (Database::Postgres, Promise::Normal, Kills::Postmaster) => true,
        (_, Promise::Full, _) | (_, Promise::Normal, Kills::Program) => false,
    })
}

/// Kills a plain writer: one that keeps its promise loses nothing in all of the kills, one that does not loses something
/// in some.
pub fn control(mut arguments: Arguments) -> anyhow::Result<()> {
    let database = arguments.take("--database", Database::Sqlite)?;
    let promise = arguments.take("--promise", Promise::Full)?;
    let kills = arguments.take("--kills", Kills::Power)?;
    // A kill in four or so meets the early writer between its answer and its commit.
    let number: u32 = arguments.take("--number", 60)?;
    let seed = arguments.take("--seed", 1)?;
    arguments.end()?;
    let must_lose = must_lose(database, promise, kills)?;
    let place = tempfile::tempdir()?;
    let commit = if promise == Promise::Normal { "off" } else { "on" };
    let machine = Machine::new(place.path(), database, kills, commit)?;
    let disk = machine.disk();
    let url = machine.fresh_database()?;
    if let Some(url) = &url {
        plain_postgres::prepare(url)?;
    }
    let mut random = Random::new(seed);
    let mut acknowledged = Vec::new();
    for run in 0..number {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["program", "--promise", promise.name(), "--run", &run.to_string()]);
        command.arg("--data-dir").arg(disk).args(url.iter().flat_map(|url| ["--database", url]));
        let mut program = machine.start(command)?;
        program.listen_for_acknowledgement()?;
        program.listen(Duration::from_micros(random.below(300_000)))?;
        let (told, _) = machine.kill(program, &mut random, GoesOn::No)?;
        for told in told {
            if let Told::Acknowledged { number, positions, .. } = told {
                acknowledged.extend(positions.first().map(|position| (number, *position)));
            }
        }
        let lost = match &url {
            None => plain::lost(disk, &acknowledged)?,
            Some(url) => plain_postgres::lost(url, &acknowledged)?,
        };
        if lost > 0 {
            let (of, run) = (acknowledged.len(), run + 1);
            ensure!(
                must_lose,
                "LOST: {lost} of {of} acknowledged rows of the plain {promise:?} writer at kill {run}"
            );
            println!(
                "control {database:?}, {promise:?}, {kills:?}: {lost} of {of} acknowledged rows lost at kill {run}, as \
                 must be"
            );
            return Ok(());
        }
    }
    ensure!(!must_lose, "the plain {promise:?} writer lost nothing in {number} kills: the harness is blind");
    println!(
        "control {database:?}, {promise:?}, {kills:?}: none of {} acknowledged rows lost in {number} kills",
        acknowledged.len()
    );
    Ok(())
}
