//! `mandate policy diff`: what a draft changes, rule by rule.

use std::collections::BTreeSet;
use std::path::PathBuf;

use clap::Args;
use mandate_domain::policy::{Due, Policy, Rule, Version};
use mandate_domain::time::Date;
use serde::Serialize;

use super::policy::{load, within};
use super::{Exit, print};

/// Say what a draft changes, rule by rule; `mandate policy backtest` says what that would do to the past
#[derive(Debug, Args)]
pub struct Arguments {
    /// The draft: a policy folder, a draft with only the files that differ, or one rule file
    #[arg(long, value_name = "PATH")]
    draft: PathBuf,
    /// What it is held against [default: as shipped]
    #[arg(long, value_name = "PATH")]
    policy: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// One thing that differs.
#[derive(Debug, Serialize)]
struct Difference {
    rule: String,
    what: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    before: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    after: Option<String>,
}

/// Runs the verb. Ends with 5 where something differs.
///
/// # Errors
/// A file that cannot be read, output that cannot be written.
pub fn run(arguments: &Arguments) -> anyhow::Result<Exit> {
    let Some((_, before)) = load(arguments.policy.as_deref())? else { return Ok(Exit::Refused) };
    let Some((_, after)) = load(Some(&arguments.draft))? else { return Ok(Exit::Refused) };
    let found = differences(&before, &after);
    if arguments.json {
        print(format!("{}\n", serde_json::to_string_pretty(&found)?).as_bytes())?;
    } else if found.is_empty() {
        print(b"no rule differs\n")?;
    } else {
        print(found.iter().map(line).collect::<String>().as_bytes())?;
    }
    Ok(if found.is_empty() { Exit::Done } else { Exit::Differs })
}

fn line(found: &Difference) -> String {
    let Difference { rule, what, before, after } = found;
    match (before, after) {
        (Some(before), Some(after)) => format!("{rule}: {what}: {before} -> {after}\n"),
        (None, Some(after)) => format!("{rule}: {what}: new: {after}\n"),
        (Some(before), None) => format!("{rule}: {what}: gone: {before}\n"),
        (None, None) => format!("{rule}: {what} changed\n"),
    }
}

fn differences(before: &Policy, after: &Policy) -> Vec<Difference> {
    let ids: BTreeSet<&str> = before.rules.iter().chain(&after.rules).map(|rule| rule.id.as_str()).collect();
    let mut found = Vec::new();
    for id in ids {
        let (one, other) = (before.rule(id), after.rule(id));
        let parts = |rule: Option<&Rule>| rule.map(parts).unwrap_or_default();
        let (one_parts, other_parts) = (parts(one), parts(other));
        let names: BTreeSet<&String> = one_parts.iter().chain(&other_parts).map(|(name, _)| name).collect();
        for name in names {
            let value = |parts: &[(String, String)]| {
                parts.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone())
            };
            let (before, after) = (value(&one_parts), value(&other_parts));
            if before != after {
                found.push(Difference { rule: id.to_owned(), what: name.clone(), before, after });
            }
        }
        // Conditions have no short words; that they differ is said all the same.
        if let (Some(one), Some(other)) = (one, other)
            && rest(one) != rest(other)
        {
            let what = "its conditions, events or who answers".to_owned();
            found.push(Difference { rule: id.to_owned(), what, before: None, after: None });
        }
    }
    found
}

/// What a rule says, each part with its name.
fn parts(rule: &Rule) -> Vec<(String, String)> {
    let mut parts = vec![
        ("duty".to_owned(), rule.duty.clone()),
        ("basis".to_owned(), format!("{:?}", rule.basis).to_lowercase()),
        ("severity".to_owned(), crate::http::severity(rule.severity).to_owned()),
        ("words of the policy".to_owned(), rule.quote.default.clone()),
    ];
    parts.extend(
        rule.versions.iter().map(|version| (format!("version {}", version.number), of_version(version))),
    );
    parts
}

/// All that [`parts`] does not show.
fn rest(rule: &Rule) -> String {
    let mut rule = rule.clone();
    for version in &mut rule.versions {
        (version.effective_from, version.effective_to) = (Date::from_days(0), None);
        (version.due, version.interpretations) = (Due::Days(0), Vec::new());
    }
    format!("{:?} {:?} {:?}", rule.paragraph, rule.quote, rule.versions)
}

fn of_version(version: &Version) -> String {
    let until = version.effective_to.map_or("on".to_owned(), |date| format!("to {date}"));
    let readings = version.interpretations.join(", ");
    let readings = if readings.is_empty() { String::new() } else { format!(", readings {readings}") };
    format!("from {} {until}, {}{readings}", version.effective_from, within(version))
}
