//! `mandate judge`: facts in, duties out; needs no server and no database.

use std::io::IsTerminal;
use std::path::PathBuf;

use anyhow::Context as _;
use clap::{Args, ValueEnum};
use mandate_domain::calendar::Calendar;
use mandate_domain::judge::{Judge, Verdict, View, adopted_policy};
use mandate_domain::policy::{Policy, shipped_files};
use mandate_domain::time::{Clock, Date, Instant, SystemClock};

use super::{Exit, print};
use crate::bulk::{Gathered, cores, judge_in_pieces, render};
use crate::duty_csv;
use crate::input::policy_files;

/// Most problems that are printed of one run.
const SHOWN_PROBLEMS: usize = 100;

/// Judge files of facts (JSON Lines, or bundles as `mandate log export` writes them; `-` is standard input; gzip and
/// zstd are read as they are)
#[derive(Debug, Args)]
pub struct Arguments {
    /// Files of facts
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Only facts that occurred by then (an instant, or a date for the end of that day) [default: now]
    #[arg(long, value_name = "T", value_parser = moment)]
    as_at: Option<Instant>,
    /// Only facts that were recorded by then [default: now]
    #[arg(long, value_name = "K", value_parser = moment)]
    known_at: Option<Instant>,
    /// A policy folder, or a draft with only the files that differ [default: what the facts adopted, else what a bundle carries, else as shipped]
    #[arg(long, value_name = "PATH")]
    policy: Option<PathBuf>,
    /// Bank holidays: gov.uk's JSON or the as-published CSV [default: what a bundle carries, else as shipped]
    #[arg(long, value_name = "PATH")]
    calendar: Option<PathBuf>,
    /// Print only these rules
    #[arg(long, value_name = "ID,…", value_delimiter = ',')]
    rules: Vec<String>,
    /// How to print
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    /// Add the derivation of each duty
    #[arg(long)]
    explain: bool,
    /// Say on standard error how long each part took
    #[arg(long)]
    timings: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Table,
    Jsonl,
    Csv,
    /// The derivation of each duty in references and dates, one a line, as `mandate check` takes them
    Derivations,
}

/// Reads an instant, or a date as the last instant of that London day.
///
/// # Errors
/// A sentence that says what would be right.
pub fn moment(text: &str) -> Result<Instant, String> {
    Instant::parse(text)
        .or_else(|error| Date::parse(text).map(|date| date.end().just_before()).map_err(|_| error))
        .map_err(|error| format!("{error}, nor a date such as 2026-03-02"))
}

/// Runs the verb.
///
/// # Errors
/// What is not the input's fault: a file that cannot be read, output that cannot be written.
pub fn run(arguments: &Arguments) -> anyhow::Result<Exit> {
    let threads = cores();
    let mut clock = Stopwatch::new(arguments.timings);
    let mut gathered = Gathered::default();
    for file in &arguments.files {
        gathered.read(file, threads)?;
    }
    clock.lap("decode and gather");
    if !gathered.bad.is_empty() {
        return Ok(refuse(&gathered));
    }
    gathered.beside.tell_what_differs();
    let now = SystemClock.now();
    let view = View { as_at: arguments.as_at.unwrap_or(now), known_at: arguments.known_at.unwrap_or(now) };
    let Some(policy) = policy_of(arguments, &gathered, view)? else { return Ok(Exit::Refused) };
    for rule in &arguments.rules {
        if policy.rule(rule).is_none() {
            let known: Vec<_> = policy.rules.iter().map(|rule| rule.id.as_str()).collect();
            eprintln!("mandate: --rules: there is no rule `{rule}`; known are {}", known.join(", "));
            return Ok(Exit::Usage);
        }
    }
    let given = match &arguments.calendar {
        None => None,
        Some(path) => Some(std::fs::read_to_string(path).with_context(|| path.display().to_string())?),
    };
    let calendar = match Calendar::parse(given.as_deref().unwrap_or_else(|| gathered.beside.holidays_csv())) {
        Ok(calendar) => calendar,
        Err(error) => {
            let of = arguments.calendar.as_ref().map(|path| path.display().to_string());
            eprintln!("mandate: {}: {error}", of.as_deref().unwrap_or("the bank holidays in the bundle"));
            return Ok(Exit::Refused);
        }
    };
    if given.is_some() {
        // It replaces what the log adopted (spec 7).
        gathered.history.drop_published_holidays();
    }
    let judge = Judge::new(&policy, &calendar, &gathered.history, view);
    let mut verdicts = judge_in_pieces(&judge, threads);
    if !arguments.rules.is_empty() {
        let asked = |verdict: &Verdict| arguments.rules.iter().any(|rule| rule == judge.rule_id(verdict));
        for piece in &mut verdicts {
            piece.retain(asked);
        }
    }
    clock.lap("judge");
    write(arguments, &judge, &verdicts, threads)?;
    clock.lap("render");
    clock.total(gathered.history.len(), verdicts.iter().map(Vec::len).sum());
    Ok(if verdicts.iter().flatten().any(|verdict| verdict.breach) { Exit::Breach } else { Exit::Done })
}

/// Says which lines are no facts.
pub fn refuse(gathered: &Gathered) -> Exit {
    for (file, bad) in gathered.bad.iter().take(SHOWN_PROBLEMS) {
        eprintln!("{} line {}: {}", file.display(), bad.line, bad.reason);
    }
    let count = gathered.bad.len();
    if count > SHOWN_PROBLEMS {
        eprintln!("… and {} more", count - SHOWN_PROBLEMS);
    }
    let lines = if count == 1 { "1 line was" } else { "lines were" };
    let number = if count == 1 { String::new() } else { format!("{count} ") };
    eprintln!(
        "mandate: {number}{lines} refused, so nothing was judged; mend or take out what is named above"
    );
    Exit::Refused
}

/// The policy asked for, else the one that the facts adopted, else the one that a bundle carries or the shipped one.
fn policy_of(arguments: &Arguments, gathered: &Gathered, view: View) -> anyhow::Result<Option<Policy>> {
    let loaded = match &arguments.policy {
        Some(path) => {
            let files = policy_files(path)?;
            // A folder without the framework's text is a draft over the shipped files.
            let whole = files.0.contains_key("text.txt") && path.is_dir();
            Policy::load(&if whole { files } else { shipped_files().with(files) })
        }
        None => match adopted_policy(&gathered.history, view.known_at) {
            Some(adopted) => adopted,
            None => Policy::load(&gathered.beside.policy_files()),
        },
    };
    match loaded {
        Ok(policy) => Ok(Some(policy)),
        Err(error) => {
            eprintln!("{error}");
            Ok(None)
        }
    }
}

fn write(
    arguments: &Arguments,
    judge: &Judge<'_>,
    verdicts: &[Vec<Verdict>],
    threads: usize,
) -> anyhow::Result<()> {
    match arguments.format {
        Format::Jsonl => {
            let lines = |some: &[Verdict], bytes: &mut Vec<u8>| {
                if arguments.explain {
                    judge.write_explained_lines(some, bytes);
                } else {
                    judge.write_json_lines(some, bytes);
                }
            };
            render(verdicts, threads, lines, print)
        }
        Format::Csv => {
            print(&duty_csv::header())?;
            let rows = |verdicts: &[Verdict], bytes: &mut Vec<u8>| {
                for verdict in verdicts {
                    let explanation =
                        arguments.explain.then(|| duty_csv::in_lines(&judge.explain(verdict), " | "));
                    bytes.extend(duty_csv::row(&judge.record(verdict), explanation));
                }
            };
            render(verdicts, threads, rows, print)
        }
        Format::Derivations => {
            let subjects: Vec<Vec<&[Verdict]>> = verdicts
                .iter()
                .map(|piece| piece.chunk_by(|a, b| a.subject() == b.subject()).collect())
                .collect();
            let derivations = |subjects: &[&[Verdict]], bytes: &mut Vec<u8>| {
                for derivation in subjects.iter().flat_map(|of_subject| judge.derivations(of_subject)) {
                    // Writing to memory cannot fail.
                    let _ = serde_json::to_writer(&mut *bytes, &derivation);
                    bytes.push(b'\n');
                }
            };
            render(&subjects, threads, derivations, print)
        }
        Format::Table if arguments.explain => write_explained(judge, verdicts.iter().flatten()),
        Format::Table => print(table(judge, verdicts.iter().flatten()).as_bytes()),
    }
}

/// Each duty with its derivation, for reading.
fn write_explained<'v>(judge: &Judge<'_>, verdicts: impl Iterator<Item = &'v Verdict>) -> anyhow::Result<()> {
    for verdict in verdicts {
        let record = judge.record(verdict);
        let text = format!(
            "{} — {}\n  {}\n\n",
            record.duty,
            record.outcome,
            duty_csv::in_lines(&judge.explain(verdict), "\n  ")
        );
        print(text.as_bytes())?;
    }
    Ok(())
}

/// Duties as a table, with their number.
pub fn table<'v>(judge: &Judge<'_>, verdicts: impl Iterator<Item = &'v Verdict>) -> String {
    let terminal = std::io::stdout().is_terminal();
    let mut table = comfy_table::Table::new();
    table.load_style(if terminal {
        comfy_table::presets::UTF8_HORIZONTAL_ONLY
    } else {
        comfy_table::presets::NOTHING
    });
    table.set_header(["duty", "holder", "due on", "act by", "outcome", "closed", "flags"]);
    let (mut duties, mut breaches) = (0, 0);
    for verdict in verdicts {
        duties += 1;
        breaches += usize::from(verdict.breach);
        let record = judge.record(verdict);
        let date = |date: Option<Date>| date.map_or("–".to_owned(), |date| date.to_string());
        let mut outcome = record.outcome.replace('_', " ");
        if record.breach {
            outcome.push_str(" (breach)");
        } else if record.outcome().is_missed() {
            outcome.push_str(" (missed local target)");
        }
        table.add_row([
            record.duty.clone(),
            record.holder.unwrap_or_else(|| "–".to_owned()),
            date(record.due_on),
            date(record.act_by),
            outcome,
            record.closed_at.map_or(String::new(), |at| at.to_string()),
            record.flags.join(" "),
        ]);
    }
    let mut text = table.trim_fmt();
    text.push('\n');
    text.push_str(&format!("{duties} duties, {breaches} breaches\n"));
    text
}

/// Tells how long each part took, when asked to.
struct Stopwatch {
    asked: bool,
    started: std::time::Instant,
    lap: std::time::Instant,
}

impl Stopwatch {
    fn new(asked: bool) -> Self {
        let now = std::time::Instant::now();
        Self { asked, started: now, lap: now }
    }

    fn lap(&mut self, what: &str) {
        if self.asked {
            eprintln!("{what}: {:.3} s", self.lap.elapsed().as_secs_f64());
            self.lap = std::time::Instant::now();
        }
    }

    fn total(&self, facts: usize, duties: usize) {
        if self.asked {
            eprintln!("{facts} facts, {duties} duties in {:.3} s", self.started.elapsed().as_secs_f64());
        }
    }
}
