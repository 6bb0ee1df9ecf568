//! `mandate policy overlap`: rules that can govern one act, and the days on which their deadlines change places.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;
use mandate_domain::calendar::Calendar;
use mandate_domain::overlap::{Overlap, Shared, overlaps};
use mandate_domain::time::{Clock as _, Date, Instant, SystemClock};

use super::judge::moment;
use super::policy::load;
use super::policy_backtest::{date, preset};
use super::{Exit, print};

/// Most days that are listed of one pair on a terminal.
const SHOWN_DAYS: usize = 8;

/// List the rules that can govern one act, and the days on which the order of their deadlines flips
#[derive(Debug, Args)]
pub struct Arguments {
    /// A policy folder or draft [default: as shipped]
    #[arg(long, value_name = "PATH")]
    policy: Option<PathBuf>,
    /// Bank holidays: gov.uk's JSON or the as-published CSV [default: as shipped]
    #[arg(long, value_name = "PATH")]
    calendar: Option<PathBuf>,
    /// The first day looked at
    #[arg(long, value_name = "DATE", value_parser = date, default_value = "2021-01-01")]
    from: Date,
    /// The last day looked at
    #[arg(long, value_name = "DATE", value_parser = date, default_value = "2027-10-31")]
    to: Date,
    /// Only holidays that were published by then [default: now]
    #[arg(long, value_name = "K", value_parser = moment)]
    known_at: Option<Instant>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Runs the verb.
///
/// # Errors
/// A file that cannot be read, output that cannot be written.
pub fn run(arguments: &Arguments) -> anyhow::Result<Exit> {
    let Some((_, policy)) = load(arguments.policy.as_deref())? else { return Ok(Exit::Refused) };
    let calendar = match &arguments.calendar {
        None => Calendar::shipped()?,
        Some(path) => {
            Calendar::parse(&std::fs::read_to_string(path).with_context(|| path.display().to_string())?)?
        }
    };
    let known_at = arguments.known_at.unwrap_or_else(|| SystemClock.now());
    let found = overlaps(&policy, &calendar, known_at, arguments.from, arguments.to);
    if arguments.json {
        print(format!("{}\n", serde_json::to_string_pretty(&found)?).as_bytes())?;
    } else {
        print(table(&found).as_bytes())?;
    }
    Ok(Exit::Done)
}

/// What two rules share, in words.
#[must_use]
pub fn in_words(shared: &Shared) -> String {
    match shared {
        Shared::Obligation(name) => format!("one obligation, {name}"),
        Shared::Done(kind) => format!("{kind} ends both"),
    }
}

fn table(found: &[Overlap]) -> String {
    let mut table = comfy_table::Table::new();
    table.load_style(preset());
    table.set_header([
        "rules",
        "one act because",
        "days",
        "first earlier",
        "same day",
        "first later",
        "order flips on",
    ]);
    for overlap in found {
        let [first, second] = &overlap.rules;
        let numbers = match &overlap.days {
            None => {
                let not = "their deadlines do not follow from the day alone".to_owned();
                [String::new(), String::new(), String::new(), String::new(), not]
            }
            Some(days) => {
                let shown: Vec<String> =
                    days.flips.iter().take(SHOWN_DAYS).map(ToString::to_string).collect();
                let more = if days.flips.len() > SHOWN_DAYS { ", …" } else { "" };
                let flips = match days.flips.len() {
                    0 => "no day".to_owned(),
                    count => format!("{count}: {}{more}", shown.join(", ")),
                };
                let [a, b, c, d] = [days.days, days.first_is_earlier, days.equal, days.first_is_later]
                    .map(|count| count.to_string());
                [a, b, c, d, flips]
            }
        };
        let mut row = vec![format!("{first} and {second}"), in_words(&overlap.shared)];
        row.extend(numbers);
        table.add_row(row);
    }
    format!("{}\n", table.trim_fmt())
}
