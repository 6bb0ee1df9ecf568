//! Kills and power cuts with twenty commands in flight: nothing that was acknowledged is lost, nothing is half there,
//! nothing is there twice.
//!
//! `crash drive [--database sqlite|postgres] [--kills program|postmaster|power] [--number N] [--seed N]` starts a program
//! that appends to a log, hears over a pipe what it acknowledges, kills it at random moments, and compares the log with
//! what it heard. `crash control --promise normal|early|full [--database …] [--kills …] [--number N] [--seed N]` does the
//! same to a plain writer: one that does not keep its promise must be caught. `crash program …` is the program itself.
#![expect(clippy::print_stdout, reason = "a campaign prints what it counted")]

mod command;
mod control;
mod drive;
mod killed;
mod ledger;
mod machine;
mod plain;
mod plain_postgres;
mod plan;
mod program;

use std::path::PathBuf;

use mandate_tests::arguments::Arguments;
use mandate_tests::target::Target;

fn main() -> anyhow::Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match words.split_first().map(|(verb, rest)| (verb.as_str(), rest)) {
        Some(("drive", rest)) => drive::drive(plan::Plan::read(Arguments::new(rest)?)?),
        Some(("control", rest)) => control::control(Arguments::new(rest)?),
        Some(("program", rest)) => {
            let mut arguments = Arguments::new(rest)?;
            let database = arguments.take("--database", String::new())?;
            let target = Target {
                data_dir: arguments.take("--data-dir", PathBuf::new())?,
                key_file: arguments.take("--key-file", PathBuf::new())?,
                database: (!database.is_empty()).then_some(database),
            };
            let promise = arguments.take("--promise", String::new())?;
            let run = arguments.take("--run", 0)?;
            arguments.end()?;
            if promise.is_empty() {
                program::run(&target, run)
            } else if let Some(url) = target.database {
                plain_postgres::run(&url, run)
            } else {
                plain::run(&target.data_dir, promise.parse()?, run)
            }
        }
        _ => {
            anyhow::bail!("usage: crash drive|control|program [--name value]...; see the head of its source")
        }
    }
}
