//! A history whose every derivation is held against the checker, and mutants of them.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant as Clock};

use anyhow::{Context as _, ensure};
use mandate_api::bulk::{Gathered, judge_all};
use mandate_check::{Checker, Derivation, Facts, Given, Holidays, Rules};
use mandate_domain::calendar::{Calendar, SHIPPED_CSV};
use mandate_domain::judge::{Judge, Verdict, View};
use mandate_domain::policy::{Policy, shipped_files};

use crate::mutants::{Blind, Change, Fact, Stock};
use crate::random::Random;

/// What was found.
#[derive(Debug, Default)]
pub struct Report {
    /// How many facts there are.
    pub facts: usize,
    /// How many derivations the checker accepted.
    pub accepted: usize,
    /// Those that it did not, with the flaw, and mutants that it accepted.
    pub wrong: Vec<String>,
    /// Bytes of all derivations as JSON.
    pub bytes: usize,
    /// The largest of them.
    pub largest: String,
    /// What deriving and writing took, over all threads.
    pub deriving: Duration,
    /// What checking took, over all threads.
    pub checking: Duration,
    /// Mutants that were refused, by what was changed.
    pub refused: BTreeMap<Change, usize>,
    /// How many mutants each blind checker would have accepted.
    pub missed: Vec<(Blind, usize)>,
}

impl Report {
    /// How many mutants were refused.
    #[must_use]
    pub fn mutants(&self) -> usize {
        self.refused.values().sum()
    }

    fn saw(&mut self, text: &str) {
        if text.len() > self.largest.len() {
            text.clone_into(&mut self.largest);
        }
    }
}

/// Judges a file of facts as at and as known at a moment, has every derivation checked, then so many mutants.
///
/// # Errors
/// A file that cannot be read or is no history.
pub fn run(file: &Path, view: View, mutants: usize, seed: u64, threads: usize) -> anyhow::Result<Report> {
    let mut gathered = Gathered::default();
    gathered.read(file, threads)?;
    ensure!(gathered.bad.is_empty(), "{:?}", gathered.bad.first());
    let facts = told(file)?;
    let (policy, calendar) = (Policy::shipped()?, Calendar::shipped()?);
    let judge = Judge::new(&policy, &calendar, &gathered.history, view);
    let verdicts = judge_all(&judge, threads);
    let subjects: Vec<&[Verdict]> = verdicts.chunk_by(|a, b| a.subject() == b.subject()).collect();
    let report = Mutex::new(Report { facts: gathered.history.len(), ..Report::default() });
    let add = |work: &dyn Fn(&mut Report)| {
        work(&mut report.lock().unwrap_or_else(PoisonError::into_inner));
    };
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                let checker = checker(&facts);
                while let Some(of) = subjects.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let own = check_subject(&judge, &checker, of);
                    add(&|all| {
                        all.accepted += own.accepted;
                        all.bytes += own.bytes;
                        all.saw(&own.largest);
                        all.deriving += own.deriving;
                        all.checking += own.checking;
                        all.wrong.extend(own.wrong.iter().cloned());
                    });
                }
            });
        }
    });
    let mut report = report.into_inner().unwrap_or_else(PoisonError::into_inner);
    if report.wrong.is_empty() {
        let stock = stock(&gathered, &policy, &verdicts);
        mutate(&mut report, &stock, &judge, &checker(&facts), &subjects, mutants, seed)?;
    }
    Ok(report)
}

/// The facts as the checker holds them; lines stand for positions as they do for the judge.
fn told(file: &Path) -> anyhow::Result<Facts> {
    let mut facts = Facts::default();
    let reader = mandate_api::input::open(file)?;
    for (line, position) in std::io::BufRead::lines(reader).zip(1..) {
        let line = line.with_context(|| file.display().to_string())?;
        if !line.trim().is_empty() {
            facts.add(&line, position)?;
        }
    }
    Ok(facts)
}

fn checker(facts: &Facts) -> Checker<'_> {
    #[expect(clippy::expect_used, reason = "the files that ship are read by a test of the checker")]
    let (rules, holidays) =
        (Rules::read(&shipped_files().0).expect("rules"), Holidays::read(SHIPPED_CSV).expect("holidays"));
    Checker::new(facts, Given::Shipped(rules), Given::Shipped(holidays))
}

fn by_way_of_json(judge: &Judge<'_>, of: &[Verdict]) -> anyhow::Result<Vec<(String, Derivation)>> {
    let all = judge.derivations(of);
    let one = |derivation| {
        let text = serde_json::to_string(derivation)?;
        let read = serde_json::from_str(&text)?;
        Ok((text, read))
    };
    all.iter().map(one).collect()
}

fn check_subject(judge: &Judge<'_>, checker: &Checker<'_>, of: &[Verdict]) -> Report {
    let mut own = Report::default();
    let begun = Clock::now();
    let derivations = match by_way_of_json(judge, of) {
        Ok(derivations) => derivations,
        Err(error) => {
            own.wrong.push(error.to_string());
            return own;
        }
    };
    own.deriving = begun.elapsed();
    let begun = Clock::now();
    for ((text, derivation), verdict) in derivations.iter().zip(of) {
        own.bytes += text.len();
        own.saw(text);
        match checker.check(derivation) {
            Ok(()) => own.accepted += 1,
            Err(flaw) => own.wrong.push(format!("{}: {flaw}", judge.duty_id(verdict))),
        }
    }
    own.checking = begun.elapsed();
    own
}

fn stock(gathered: &Gathered, policy: &Policy, verdicts: &[Verdict]) -> Stock {
    let symbols = &gathered.history.symbols;
    let mut stock =
        Stock { rules: policy.rules.iter().map(|rule| rule.id.clone()).collect(), ..Stock::default() };
    for (_, row) in gathered.history.rows() {
        let fact = Fact { position: row.position, time: row.time, recorded: row.recorded };
        stock.facts.entry(symbols.text(row.subject).to_owned()).or_default().push(fact);
        stock.by_position.insert(row.position, fact);
    }
    let mut holders: Vec<u32> = verdicts.iter().filter_map(Verdict::holder).collect();
    let mut subjects: Vec<u32> = verdicts.iter().map(Verdict::subject).collect();
    for all in [&mut holders, &mut subjects] {
        all.sort_unstable();
        all.dedup();
    }
    let names = |all: Vec<u32>| all.into_iter().map(|symbol| symbols.text(symbol).to_owned()).collect();
    (stock.holders, stock.subjects) = (names(holders), names(subjects));
    stock
}

fn mutate(
    report: &mut Report,
    stock: &Stock,
    judge: &Judge<'_>,
    checker: &Checker<'_>,
    subjects: &[&[Verdict]],
    wanted: usize,
    seed: u64,
) -> anyhow::Result<()> {
    let mut random = Random::new(seed);
    let mut missed = Blind::ALL.map(|blind| (blind, 0));
    let mut tried = 0;
    while tried < wanted {
        let at = usize::try_from(random.below(subjects.len() as u64))?;
        let Some(of) = subjects.get(at) else { break };
        let of: Vec<Derivation> = by_way_of_json(judge, of)?.into_iter().map(|(_, one)| one).collect();
        let place = usize::try_from(random.below(of.len() as u64))?;
        for change in Change::ALL {
            let Some(mutant) = stock.mutant(&of, place, change, &mut random) else { continue };
            tried += 1;
            match checker.check(&mutant) {
                Ok(()) => report.wrong.push(format!("{change:?}: accepted {mutant:?}")),
                Err(_) => *report.refused.entry(change).or_default() += 1,
            }
            for (blind, accepted) in &mut missed {
                let seen = of.get(place).map(|true_one| blind.sees(&mutant, true_one));
                *accepted += usize::from(seen.is_some_and(|seen| checker.check(&seen).is_ok()));
            }
            if tried == wanted {
                break;
            }
        }
    }
    report.missed = missed.to_vec();
    Ok(())
}

#[cfg(test)]
mod tests {
    use mandate_api::generate::{Options, Scale, generate};
    use mandate_domain::time::Date;

    use super::*;

    /// A slice of `make campaign-derivations`: a small history as known at its end, and three weeks before it.
    #[test]
    fn every_derivation_of_a_small_history_is_accepted_and_every_mutant_refused() {
        let options = Options { nominals: 150, ..Options::scale(Scale::Small) };
        let file = tempfile::NamedTempFile::new().unwrap();
        generate(&options, &mut file.as_file()).unwrap();
        let last = Date::parse(&options.until.to_string()).unwrap().end();
        for known_at in [last, last.plus_seconds(-21 * 86_400)] {
            let report = run(file.path(), View { as_at: last, known_at }, 500, 1, 2).unwrap();
            assert!(report.wrong.is_empty(), "{}", report.wrong.join("\n"));
            assert!(report.accepted > 1_000 && report.mutants() == 500, "{report:?}");
            assert!(report.largest.len() <= 400, "{}", report.largest);
            // The controls: a checker that looks away from one part is fooled.
            assert!(report.missed.iter().all(|(_, missed)| *missed > 0), "{:?}", report.missed);
        }
    }
}
