//! Every derivation of a history held against the checker that shares no code with the judge, then mutants: each
//! derivation is accepted, each mutant refused, and a checker that looks away from one part accepts some.
//!
//! `derivations [--nominals N] [--areas N] [--months N] [--mutants N] [--seed N] [--threads N] [--facts FILE]`; a history
//! is made where no file is named.
#![expect(clippy::print_stdout, reason = "a campaign prints what it counted")]

use std::io::{BufWriter, Write as _};
use std::path::PathBuf;
use std::time::Instant as Clock;

use anyhow::ensure;
use mandate_api::bulk::cores;
use mandate_api::generate::{Options, Scale, generate};
use mandate_domain::judge::View;
use mandate_domain::time::Date;
use mandate_tests::arguments::Arguments;
use mandate_tests::derived::run;

/// Most bytes of a derivation as JSON.
const MOST_BYTES: usize = 400;

fn main() -> anyhow::Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let mut arguments = Arguments::new(&words)?;
    let national = Options::scale(Scale::National);
    let nominals = arguments.take("--nominals", national.nominals)?;
    let areas = arguments.take("--areas", national.areas)?;
    let months = arguments.take("--months", national.months)?;
    let (mutants, seed) = (arguments.take("--mutants", 10_000)?, arguments.take("--seed", 1)?);
    let threads = arguments.take("--threads", cores())?;
    let named: PathBuf = arguments.take("--facts", PathBuf::new())?;
    arguments.end()?;
    let folder = tempfile::tempdir()?;
    let options = Options { areas, nominals, months, seed, ..national };
    let file = if named.as_os_str().is_empty() { folder.path().join("facts.jsonl") } else { named };
    if !file.exists() {
        let mut out = BufWriter::new(std::fs::File::create(&file)?);
        generate(&options, &mut out)?;
        out.flush()?;
    }
    let last = Date::parse(&options.until.to_string())?;
    let view = View { as_at: last.end(), known_at: last.end() };
    let begun = Clock::now();
    let report = run(&file, view, mutants, seed, threads)?;
    let derived = report.accepted + report.wrong.len();
    println!(
        "{} facts, {derived} derivations: {} accepted; {} bytes on average, {} the largest",
        report.facts,
        report.accepted,
        report.bytes.checked_div(derived).unwrap_or(0),
        report.largest.len()
    );
    println!(
        "{:.1} s in all; {:.1} s deriving and {:.1} s checking, over {threads} threads",
        begun.elapsed().as_secs_f64(),
        report.deriving.as_secs_f64(),
        report.checking.as_secs_f64()
    );
    println!("the largest: {}", report.largest);
    println!("{} mutants refused: {:?}", report.mutants(), report.refused);
    for (blind, missed) in &report.missed {
        println!("control: blind to {blind:?}, {missed} would have been accepted");
    }
    ensure!(
        report.wrong.is_empty(),
        "{} wrong, such as {}",
        report.wrong.len(),
        report.wrong.join("\n").chars().take(20_000).collect::<String>()
    );
    ensure!(report.mutants() == mutants, "{} of {mutants} mutants", report.mutants());
    ensure!(
        report.missed.iter().all(|(_, missed)| *missed > 0),
        "a control was not fooled: {:?}",
        report.missed
    );
    ensure!(report.largest.len() <= MOST_BYTES, "more than {MOST_BYTES} bytes: {}", report.largest);
    Ok(())
}
