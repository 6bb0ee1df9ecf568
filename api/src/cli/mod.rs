//! The command line: one verb a file, each with its own arguments.

mod backup;
mod check;
mod config;
mod demo;
mod doctor;
mod erase;
mod generate;
mod import;
mod init;
mod judge;
mod keys;
mod log;
mod migrate;
mod people;
mod place;
mod policy;
mod policy_backtest;
mod policy_diff;
mod policy_overlap;
mod policy_readings;
mod progress;
mod projections;
mod proof;
mod quarantine;
mod replay;
mod running;
mod serve;
mod shell;
mod source;
mod tick;
mod token;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

pub use judge::moment;
pub use place::{DATA_DIR, Place};
pub use policy::within;

/// How a command ended (spec 3.6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Done; no breach.
    Done,
    /// Anything else went wrong.
    Failed,
    /// What was asked for is not there to be asked for.
    Usage,
    /// Input was refused.
    Refused,
    /// At least one printed duty is a breach.
    Breach,
    /// The log was altered.
    Altered,
    /// A range of the log is missing or not proven.
    Missing,
    /// What was compared differs.
    Differs,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Done => 0,
            Exit::Failed => 1,
            Exit::Usage => 2,
            Exit::Refused => 3,
            Exit::Breach => 4,
            Exit::Altered | Exit::Differs => 5,
            Exit::Missing => 6,
        })
    }
}

/// Compliance and deadlines under the HMPPS policy framework Mandatory use of ViSOR.
#[derive(Debug, Parser)]
#[command(name = "mandate", version, max_term_width = 110)]
struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Serve(Box<serve::Arguments>),
    Demo(demo::Arguments),
    Doctor(doctor::Arguments),
    Judge(judge::Arguments),
    Check(check::Arguments),
    Replay(replay::Replay),
    Explain(replay::Explain),
    Import(import::Arguments),
    #[command(subcommand)]
    Quarantine(quarantine::Arguments),
    Init(init::Arguments),
    Generate(generate::Arguments),
    #[command(subcommand)]
    Policy(policy::Arguments),
    #[command(subcommand)]
    Log(log::Arguments),
    Erase(erase::Arguments),
    Restrict(erase::Restrict),
    Backup(backup::Arguments),
    Restore(backup::Restore),
    #[command(subcommand)]
    Keys(keys::Arguments),
    #[command(subcommand)]
    Projections(projections::Arguments),
    Tick(tick::Arguments),
    People(people::Arguments),
    Token(token::Arguments),
    Migrate(migrate::Arguments),
    #[command(subcommand)]
    Config(config::Arguments),
    Completions(shell::Completions),
    Man(shell::Man),
}

/// Runs the command line of this process.
#[must_use]
pub fn run() -> ExitCode {
    let arguments = Arguments::parse();
    let ended = match arguments.verb {
        Verb::Serve(arguments) => serve::run(&arguments),
        Verb::Demo(arguments) => demo::run(&arguments),
        Verb::Doctor(arguments) => doctor::run(&arguments),
        Verb::Judge(arguments) => judge::run(&arguments),
        Verb::Check(arguments) => check::run(&arguments),
        Verb::Replay(arguments) => replay::replay(&arguments),
        Verb::Explain(arguments) => replay::explain(&arguments),
        Verb::Import(arguments) => import::run(&arguments),
        Verb::Quarantine(arguments) => quarantine::run(&arguments),
        Verb::Init(arguments) => init::run(&arguments),
        Verb::Generate(arguments) => generate::run(&arguments),
        Verb::Policy(arguments) => policy::run(&arguments),
        Verb::Log(arguments) => log::run(&arguments),
        Verb::Erase(arguments) => erase::run(&arguments),
        Verb::Restrict(arguments) => erase::restrict(&arguments),
        Verb::Backup(arguments) => backup::run(&arguments),
        Verb::Restore(arguments) => backup::restore(&arguments),
        Verb::Keys(arguments) => keys::run(&arguments),
        Verb::Projections(arguments) => projections::run(&arguments),
        Verb::Tick(arguments) => tick::run(&arguments),
        Verb::Token(arguments) => token::run(&arguments),
        Verb::People(arguments) => people::run(&arguments),
        Verb::Migrate(arguments) => migrate::run(&arguments),
        Verb::Config(arguments) => config::run(&arguments),
        Verb::Completions(arguments) => shell::completions(&arguments),
        Verb::Man(arguments) => shell::man(&arguments),
    };
    match ended {
        Ok(exit) => exit.into(),
        Err(error) => {
            eprintln!("mandate: {error:#}");
            Exit::Failed.into()
        }
    }
}

/// Prints to standard output; a reader that has gone away is no error.
///
/// # Errors
/// Any other failure of writing.
pub fn print(bytes: &[u8]) -> anyhow::Result<()> {
    use std::io::Write;
    match std::io::stdout().lock().write_all(bytes) {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        other => Ok(other?),
    }
}
