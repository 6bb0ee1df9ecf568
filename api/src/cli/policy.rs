//! `mandate policy list|show|check|diff|backtest|overlap|readings`: the rule book.

use std::path::{Path, PathBuf};

use clap::Subcommand;
use mandate_domain::policy::coverage::{self, Coverage};
use mandate_domain::policy::{Basis, Due, Policy, PolicyFiles, Rule, Version, shipped_files};

use super::{Exit, policy_backtest, policy_diff, policy_overlap, policy_readings, print};
use crate::input::policy_files;

/// The rule book: list, show, check, diff, backtest
#[derive(Debug, Subcommand)]
pub enum Arguments {
    /// List the rules
    List {
        /// A policy folder or draft [default: as shipped]
        #[arg(long, value_name = "PATH")]
        policy: Option<PathBuf>,
        /// List the paragraphs of the framework instead, and what covers each
        #[arg(long)]
        coverage: bool,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Show one rule: the framework's words, the numbers, the readings it rests on
    Show {
        /// The rule's id, such as 4.10
        rule: String,
        /// A policy folder or draft [default: as shipped]
        #[arg(long, value_name = "PATH")]
        policy: Option<PathBuf>,
    },
    /// Check rule files; every mistake is named with file, line and reason
    Check {
        /// A policy folder, a draft, or one rule file [default: as shipped]
        #[arg(value_name = "PATH")]
        path: Option<PathBuf>,
    },
    Diff(policy_diff::Arguments),
    Backtest(Box<policy_backtest::Arguments>),
    Overlap(policy_overlap::Arguments),
    Readings(Box<policy_readings::Arguments>),
}

/// Runs the verb.
///
/// # Errors
/// A file that cannot be read, output that cannot be written.
pub fn run(arguments: &Arguments) -> anyhow::Result<Exit> {
    match arguments {
        Arguments::List { policy, coverage, json } => match load(policy.as_deref())? {
            None => Ok(Exit::Refused),
            Some((files, policy)) if *coverage => list_coverage(&files, &policy, *json),
            Some((_, policy)) => list(&policy, *json),
        },
        Arguments::Show { rule, policy } => match load(policy.as_deref())? {
            None => Ok(Exit::Refused),
            Some((_, policy)) => show(&policy, rule),
        },
        Arguments::Check { path } => check(path.as_deref()),
        Arguments::Diff(arguments) => policy_diff::run(arguments),
        Arguments::Backtest(arguments) => policy_backtest::run(arguments),
        Arguments::Overlap(arguments) => policy_overlap::run(arguments),
        Arguments::Readings(arguments) => policy_readings::run(arguments),
    }
}

fn check(path: Option<&Path>) -> anyhow::Result<Exit> {
    let Some((files, policy)) = load(path)? else { return Ok(Exit::Refused) };
    // A draft or a single file says nothing of what covers a paragraph.
    let whole = path.is_none_or(|path| path.join(coverage::FILE).exists());
    if let Some(error) = whole.then(|| Coverage::load(&files, &policy)).and_then(Result::err) {
        eprintln!("{error}");
        return Ok(Exit::Refused);
    }
    let versions: usize = policy.rules.iter().map(|rule| rule.versions.len()).sum();
    let text = format!(
        "{} rules, {versions} versions, {} readings: nothing wrong\nsha256 {}\n",
        policy.rules.len(),
        policy.interpretations.len(),
        policy.sha256
    );
    print(text.as_bytes())?;
    Ok(Exit::Done)
}

/// Lists the paragraphs of the framework with what covers each.
fn list_coverage(files: &PolicyFiles, policy: &Policy, json: bool) -> anyhow::Result<Exit> {
    let coverage = match Coverage::load(files, policy) {
        Ok(coverage) => coverage,
        Err(error) => {
            eprintln!("{error}");
            return Ok(Exit::Refused);
        }
    };
    if json {
        print(format!("{}\n", serde_json::to_string_pretty(&coverage)?).as_bytes())?;
        return Ok(Exit::Done);
    }
    let mut table = comfy_table::Table::new();
    table.load_style(comfy_table::presets::NOTHING).set_header(["paragraph", "covered by"]);
    for covered in &coverage.paragraphs {
        let by: Vec<String> = covered.by.iter().map(ToString::to_string).collect();
        table.add_row([covered.paragraph.clone(), by.join("; ")]);
    }
    print(format!("{}\n", table.trim_fmt()).as_bytes())?;
    Ok(Exit::Done)
}

/// Loads a policy with its files; its problems are printed and `None` is answered.
///
/// # Errors
/// A file that cannot be read.
pub fn load(path: Option<&Path>) -> anyhow::Result<Option<(PolicyFiles, Policy)>> {
    let files = match path {
        None => shipped_files(),
        Some(path) => {
            let files = policy_files(path)?;
            // A folder without the framework's text is a draft over the shipped files.
            let whole = files.0.contains_key("text.txt") && path.is_dir();
            if whole { files } else { shipped_files().with(files) }
        }
    };
    match Policy::load(&files) {
        Ok(policy) => Ok(Some((files, policy))),
        Err(error) => {
            eprintln!("{error}");
            Ok(None)
        }
    }
}

fn list(policy: &Policy, json: bool) -> anyhow::Result<Exit> {
    let basis = |rule: &Rule| match rule.basis {
        Basis::Policy => "policy",
        Basis::Local => "local target",
    };
    if json {
        let rules: Vec<_> = policy
            .rules
            .iter()
            .map(|rule| {
                serde_json::json!({
                    "id": rule.id, "paragraph": rule.paragraph.default, "duty": rule.duty, "basis": rule.basis,
                    "severity": rule.severity, "quote": rule.quote.default, "file": rule.file,
                })
            })
            .collect();
        print(format!("{}\n", serde_json::to_string_pretty(&rules)?).as_bytes())?;
        return Ok(Exit::Done);
    }
    let mut table = comfy_table::Table::new();
    table.load_style(comfy_table::presets::NOTHING).set_header(["rule", "basis", "within", "duty"]);
    for rule in &policy.rules {
        let within = rule.versions.last().map_or(String::new(), within);
        table.add_row([rule.id.clone(), basis(rule).to_owned(), within, rule.duty.clone()]);
    }
    print(format!("{}\n", table.trim_fmt()).as_bytes())?;
    Ok(Exit::Done)
}

/// The time allowed, in words.
#[must_use]
pub fn within(version: &Version) -> String {
    match version.due {
        Due::Days(n) => format!("{n} days"),
        Due::WorkingDays(n) => format!("{n} working days"),
        Due::Before { field, months, .. } => format!("{months} months before {field}"),
        Due::On(field) => format!("on {field}"),
        Due::Months { months, days: 0 } => format!("{months} months"),
        Due::Months { months, days } => format!("{months} months and {days} days"),
        Due::Prior => "before the act".to_owned(),
        Due::SameDay => "each working day".to_owned(),
    }
}

fn show(policy: &Policy, id: &str) -> anyhow::Result<Exit> {
    let Some(rule) = policy.rule(id) else {
        let known: Vec<_> = policy.rules.iter().map(|rule| rule.id.as_str()).collect();
        eprintln!("mandate: there is no rule `{id}`; known are {}", known.join(", "));
        return Ok(Exit::Refused);
    };
    let mut text = format!("{} — {}\n", rule.id, rule.duty);
    let paragraphs = std::iter::once((&rule.paragraph.default, &rule.quote.default)).chain(
        rule.paragraph.by_kind.iter().filter_map(|(kind, paragraph)| {
            let quote = rule.quote.by_kind.iter().find(|(k, _)| k == kind)?;
            Some((paragraph, &quote.1))
        }),
    );
    let mut said: Vec<&String> = Vec::new();
    for (paragraph, quote) in paragraphs {
        if !said.contains(&quote) {
            text.push_str(&format!("paragraph {paragraph}: “{quote}”\n"));
            said.push(quote);
        }
    }
    let basis = match rule.basis {
        Basis::Policy => "the policy states the number",
        Basis::Local => "a local target: the policy states no number",
    };
    text.push_str(&format!("basis: {basis}\nfile: domain/policy/{}\n", rule.file));
    for version in &rule.versions {
        let until = version.effective_to.map_or("on".to_owned(), |date| format!("to {date}"));
        text.push_str(&format!(
            "version {}: from {} {until}; {}\n",
            version.number,
            version.effective_from,
            within(version)
        ));
        for id in &version.interpretations {
            if let Some(reading) = policy.interpretations.get(id) {
                text.push_str(&format!(
                    "  reading {id}: {} {} ({})\n",
                    reading.question, reading.choice, reading.reason
                ));
            }
        }
    }
    print(text.as_bytes())?;
    Ok(Exit::Done)
}
