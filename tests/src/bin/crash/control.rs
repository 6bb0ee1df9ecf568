//! The controls: plain writers in the same hands.

use std::fs;
use std::process::Command;
use std::time::Duration;

use anyhow::ensure;
use mandate_tests::arguments::Arguments;
use mandate_tests::power::{Loss, Power};
use mandate_tests::random::Random;

use crate::command::Told;
use crate::killed::Running;
use crate::plain::{Promise, lost};
use crate::plan::Kills;

/// Kills a plain writer: one that keeps its promise loses nothing in all of the kills, one that does not loses something
/// in some.
pub fn control(mut arguments: Arguments) -> anyhow::Result<()> {
    let promise = arguments.take("--promise", Promise::Full)?;
    let kills = arguments.take("--kills", Kills::Power)?;
    let number: u32 = arguments.take("--number", 20)?;
    let seed = arguments.take("--seed", 1)?;
    arguments.end()?;
    let must_lose = match (promise, kills) {
        (Promise::Early, _) | (Promise::Normal, Kills::Power) => true,
        (Promise::Full, _) | (Promise::Normal, Kills::Program | Kills::Postmaster) => false,
    };
    let place = tempfile::tempdir()?;
    let (disk, beside) = (place.path().join("disk"), place.path().join("beside"));
    fs::create_dir(&disk)?;
    fs::create_dir(&beside)?;
    let power = if kills == Kills::Power { Some(Power::over(&disk, &beside)?) } else { None };
    let mut random = Random::new(seed);
    let mut acknowledged = Vec::new();
    for run in 0..number {
        let mut command = Command::new(std::env::current_exe()?);
        command
            .args(["program", "--promise", promise.name(), "--run", &run.to_string(), "--data-dir"])
            .arg(&disk);
        if let Some(power) = &power {
            command.envs(power.environment());
        }
        let mut program = Running::start(command)?;
        program.listen_for_acknowledgement()?;
        program.listen(Duration::from_micros(random.below(300_000)))?;
        for told in program.kill()? {
            if let Told::Acknowledged { number, positions, .. } = told {
                acknowledged.extend(positions.first().map(|position| (number, *position)));
            }
        }
        if let Some(power) = &power {
            let loss = if random.once_in(3) { Loss::Everything } else { Loss::Some { seed: random.next() } };
            power.cut(loss)?;
        }
        let lost = lost(&disk, &acknowledged)?;
        if lost > 0 {
            let (of, run) = (acknowledged.len(), run + 1);
            ensure!(
                must_lose,
                "LOST: {lost} of {of} acknowledged rows of the plain {promise:?} writer, kill {run}"
            );
            println!(
                "control {promise:?}, {kills:?}: {lost} of {of} acknowledged rows lost at kill {run}, as must be"
            );
            return Ok(());
        }
    }
    ensure!(!must_lose, "the plain {promise:?} writer lost nothing in {number} kills: the harness is blind");
    println!(
        "control {promise:?}, {kills:?}: none of {} acknowledged rows lost in {number} kills",
        acknowledged.len()
    );
    Ok(())
}
