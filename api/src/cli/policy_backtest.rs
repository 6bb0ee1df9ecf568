//! `mandate policy backtest`: what a draft would have changed over the whole history.

use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::{Args, ValueEnum};
use mandate_domain::calendar::Calendar;
use mandate_domain::judge::backtest::{CaseRecord, Compared, Period};
use mandate_domain::policy::{Policy, PolicyFiles};
use mandate_domain::time::Date;

use super::source::{Source, files_in_force};
use super::{Exit, print};
use crate::backtest::{Asked, case_cells, cases_csv, lines_csv, run as compare, table};
use crate::bulk::cores;
use crate::input::policy_files;

/// Judge the whole history under the policy in force and under a draft: what appears, vanishes and moves, by rule and
/// area, with the cases
#[derive(Debug, Args)]
pub struct Arguments {
    /// The draft: a policy folder, a draft with only the files that differ, or one rule file
    #[arg(long, value_name = "PATH", required_unless_present = "draft_calendar")]
    draft: Option<PathBuf>,
    /// Bank holidays of the draft, in place of those in force: gov.uk's JSON or the as-published CSV
    #[arg(long, value_name = "PATH")]
    draft_calendar: Option<PathBuf>,
    /// Only deadlines from this day on
    #[arg(long, value_name = "DATE", value_parser = date)]
    from: Option<Date>,
    /// Only deadlines up to this day
    #[arg(long, value_name = "DATE", value_parser = date)]
    to: Option<Date>,
    #[command(flatten)]
    source: Source,
    /// List the cases behind the numbers
    #[arg(long)]
    cases: bool,
    /// Only cases of this rule
    #[arg(long, value_name = "ID")]
    rule: Option<String>,
    /// Only cases of this area, prison or other holder
    #[arg(long, value_name = "HOLDER")]
    holder: Option<String>,
    /// How to print
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    /// Print JSON
    #[arg(long, conflicts_with = "format")]
    json: bool,
    /// Say on standard error how long it took
    #[arg(long)]
    timings: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Table,
    Csv,
    Json,
}

/// Reads a date.
///
/// # Errors
/// A sentence that says what would be right.
pub fn date(text: &str) -> Result<Date, String> {
    Date::parse(text).map_err(|error| error.to_string())
}

/// Runs the verb.
///
/// # Errors
/// A file or log that cannot be read, output that cannot be written.
pub fn run(arguments: &Arguments) -> anyhow::Result<Exit> {
    let started = std::time::Instant::now();
    let threads = cores();
    let view = arguments.source.view();
    let Some((history, beside)) = arguments.source.history(threads)? else { return Ok(Exit::Refused) };
    let gathered = started.elapsed();
    let files = files_in_force(&history, &beside, view.known_at);
    let Some(adopted) = load(&files) else { return Ok(Exit::Refused) };
    let draft = match &arguments.draft {
        None => adopted.clone(),
        Some(path) => match load(&drafted(files, path)?) {
            Some(draft) => draft,
            None => return Ok(Exit::Refused),
        },
    };
    let draft_calendar = match arguments.draft_calendar.as_deref().map(calendar).transpose()? {
        Some(None) => return Ok(Exit::Refused),
        Some(found) => found,
        None => None,
    };
    let calendar = Calendar::parse(beside.holidays_csv())?;
    let draft_calendar = draft_calendar.as_ref();
    let asked = Asked {
        compared: Compared { adopted: &adopted, calendar: &calendar, draft: &draft, draft_calendar },
        history: &history,
        view,
        period: Period { from: arguments.from, to: arguments.to },
    };
    let wanted = |case: &CaseRecord| {
        arguments.cases
            && arguments.rule.as_ref().is_none_or(|rule| *rule == case.rule)
            && arguments.holder.as_ref().is_none_or(|holder| Some(holder) == case.holder.as_ref())
    };
    let report = compare(&asked, threads, &|_| false, wanted);
    if arguments.timings {
        eprintln!(
            "decode and gather: {:.3} s\nbacktest: {:.3} s",
            gathered.as_secs_f64(),
            started.elapsed().saturating_sub(gathered).as_secs_f64()
        );
    }
    match if arguments.json { Format::Json } else { arguments.format } {
        Format::Json => print(format!("{}\n", serde_json::to_string_pretty(&report)?).as_bytes())?,
        Format::Csv if arguments.cases => print(&cases_csv(&report.cases))?,
        Format::Csv => print(&lines_csv(&report.summary.lines))?,
        Format::Table => {
            print(table(&report, preset()).as_bytes())?;
            print(case_table(&report.cases).as_bytes())?;
        }
    }
    Ok(Exit::Done)
}

/// How tables are drawn: plain when piped.
pub fn preset() -> comfy_table::TableStyle {
    if std::io::stdout().is_terminal() {
        comfy_table::presets::UTF8_HORIZONTAL_ONLY
    } else {
        comfy_table::presets::NOTHING
    }
}

fn case_table(cases: &[CaseRecord]) -> String {
    if cases.is_empty() {
        return String::new();
    }
    let mut table = comfy_table::Table::new();
    table.load_style(preset());
    table.set_header(["duty", "holder", "change", "missed", "as adopted", "under the draft"]);
    for case in cases {
        let [
            duty,
            _,
            _,
            holder,
            _,
            change,
            missed,
            due,
            outcome,
            _,
            closed,
            draft_due,
            draft_outcome,
            _,
            draft_closed,
        ] = case_cells(case);
        let side = |due: String, outcome: String, closed: String| {
            let parts = [due, outcome.replace('_', " "), closed];
            parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", ")
        };
        let (adopted, draft) = (side(due, outcome, closed), side(draft_due, draft_outcome, draft_closed));
        table.add_row([duty, holder, change.replace('_', " "), missed, adopted, draft]);
    }
    format!("\n{}\n", table.trim_fmt())
}

/// The files in force with those of a draft in their place; a whole folder takes the place of all.
///
/// # Errors
/// Files that cannot be read.
pub fn drafted(in_force: PolicyFiles, path: &Path) -> anyhow::Result<PolicyFiles> {
    let files = policy_files(path)?;
    let whole = files.0.contains_key("text.txt") && path.is_dir();
    Ok(if whole { files } else { in_force.with(files) })
}

/// The policy of some files; its problems are printed and `None` is answered.
pub fn load(files: &PolicyFiles) -> Option<Policy> {
    Policy::load(files).inspect_err(|error| eprintln!("{error}")).ok()
}

/// A calendar from a file; what is wrong with it is printed and `None` is answered.
fn calendar(path: &Path) -> anyhow::Result<Option<Calendar>> {
    let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
    Ok(Calendar::parse(&text).inspect_err(|error| eprintln!("mandate: {}: {error}", path.display())).ok())
}
