//! `mandate check`: whether derivations follow from the facts, by a checker that shares no code with the judge.

use std::io::BufRead as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;
use mandate_check::{Checker, Derivation, Facts, Given, Holidays, Rules};
use mandate_domain::policy::shipped_files;
use mandate_store::{BUNDLE_MAGIC, Carried, CarriedError, public_line, read_bundle};

use super::{Exit, print};
use crate::beside::Beside;
use crate::input::{open, policy_files};

/// Most flaws that are printed.
const SHOWN_FLAWS: usize = 100;

/// Check derivations of duties against the facts, the rule files and the bank holidays, without the judge
///
/// The checker shares no code with what judges: it tells the facts over again with a state of its own, reads the rule
/// files and the bank holidays itself, and holds each part of each derivation against what follows; that a duty is missing in the file it does not see. Ends with 0 when all
/// hold, 5 when one does not, 3 when a line is no derivation or no fact.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Files of facts, or bundles as `mandate log export` writes them
    #[arg(required = true, value_name = "FILE")]
    facts: Vec<PathBuf>,
    /// The derivations, one a line, as `mandate judge --format derivations` or `mandate explain --derivation` prints them;
    /// `-` is standard input
    #[arg(long, value_name = "FILE")]
    derivations: PathBuf,
    /// A policy folder, or a draft with only the files that differ [default: what the facts adopted, else what a bundle carries, else as shipped]
    #[arg(long, value_name = "PATH")]
    policy: Option<PathBuf>,
    /// Bank holidays: gov.uk's JSON or the as-published CSV [default: what a bundle carries, else as shipped]
    #[arg(long, value_name = "PATH")]
    calendar: Option<PathBuf>,
}

/// Runs the verb.
///
/// # Errors
/// A file that cannot be read, output that cannot be written.
pub fn run(arguments: &Arguments) -> anyhow::Result<Exit> {
    let mut facts = Facts::default();
    let (mut beside, mut last) = (Beside::default(), 0);
    for file in &arguments.facts {
        match tell(&mut facts, &mut beside, file, last)? {
            Ok(end) => last = end,
            Err(reason) => return Ok(refuse(file, &reason)),
        }
    }
    beside.tell_what_differs();
    let rules = match &arguments.policy {
        None => Given::Shipped(Rules::read(&beside.policy_files().0)?),
        Some(path) => {
            let files = policy_files(path)?;
            let whole = files.0.contains_key("text.txt") && path.is_dir();
            Given::Only(Rules::read(&if whole { files } else { shipped_files().with(files) }.0)?)
        }
    };
    let holidays = match &arguments.calendar {
        None => Given::Shipped(Holidays::read(beside.holidays_csv())?),
        Some(path) => {
            let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
            Given::Only(Holidays::read(&text)?)
        }
    };
    check(&Checker::new(&facts, rules, holidays), &arguments.derivations)
}

fn check(checker: &Checker<'_>, file: &Path) -> anyhow::Result<Exit> {
    let (mut hold, mut flawed) = (0usize, 0usize);
    for (line, number) in open(file)?.lines().zip(1..) {
        let line = line.with_context(|| file.display().to_string())?;
        if line.trim().is_empty() {
            continue;
        }
        let derivation: Derivation = match serde_json::from_str(&line) {
            Ok(derivation) => derivation,
            Err(error) => return Ok(refuse(file, &format!("line {number} is no derivation: {error}"))),
        };
        let Err(flaw) = checker.check(&derivation) else {
            hold += 1;
            continue;
        };
        flawed += 1;
        if flawed <= SHOWN_FLAWS {
            let (rule, subject) = (&derivation.rule, &derivation.subject);
            print(format!("line {number}: {rule} of {subject}: {flaw}\n").as_bytes())?;
        }
    }
    if hold + flawed == 0 {
        return Ok(refuse(file, "it holds no derivation"));
    }
    print(format!("{hold} of {} derivations hold\n", hold + flawed).as_bytes())?;
    Ok(if flawed == 0 { Exit::Done } else { Exit::Differs })
}

fn refuse(file: &Path, reason: &str) -> Exit {
    eprintln!("mandate: {}: {reason}; nothing more was checked", file.display());
    Exit::Refused
}

/// Adds the facts of a file under the positions that the judge gives them; answers with the last, or why a line is none.
fn tell(
    facts: &mut Facts,
    beside: &mut Beside,
    file: &Path,
    base: u32,
) -> anyhow::Result<Result<u32, String>> {
    let mut reader = open(file)?;
    let mut last = base;
    if reader.fill_buf().with_context(|| file.display().to_string())?.starts_with(BUNDLE_MAGIC) {
        let mut unread = None;
        read_bundle(reader, |carried| {
            let told = match carried {
                Carried::Beside(name, text) => {
                    beside.take(name, text);
                    return Ok(());
                }
                Carried::Fact(told) => told,
            };
            last = u32::try_from(told.position.get()).map_or(u32::MAX, |at| base.saturating_add(at));
            unread = unread.take().or(facts.add(&public_line(&told), last).err());
            Ok::<(), CarriedError>(())
        })
        .with_context(|| file.display().to_string())?;
        return Ok(unread.map_or(Ok(last), |error| Err(error.to_string())));
    }
    for (line, number) in reader.lines().zip(1u32..) {
        let line = line.with_context(|| file.display().to_string())?;
        if !line.trim().is_empty() {
            last = base.saturating_add(number);
            if let Err(error) = facts.add(&line, last) {
                return Ok(Err(error.to_string()));
            }
        }
    }
    Ok(Ok(last))
}
