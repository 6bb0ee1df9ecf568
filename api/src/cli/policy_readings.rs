//! `mandate policy readings`: the number of breaches under each recorded reading of the framework.

use clap::Args;
use mandate_domain::calendar::Calendar;

use super::policy_backtest::{load, preset};
use super::source::{Source, files_in_force};
use super::{Exit, print};
use crate::bulk::cores;
use crate::readings::readings;

/// Count the breaches under each recorded reading of the framework, and under those that were not chosen
#[derive(Debug, Args)]
pub struct Arguments {
    #[command(flatten)]
    source: Source,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Runs the verb.
///
/// # Errors
/// A file or log that cannot be read, output that cannot be written.
pub fn run(arguments: &Arguments) -> anyhow::Result<Exit> {
    let view = arguments.source.view();
    let Some((history, beside)) = arguments.source.history(cores())? else { return Ok(Exit::Refused) };
    let files = files_in_force(&history, &beside, view.known_at);
    let Some(policy) = load(&files) else { return Ok(Exit::Refused) };
    let calendar = Calendar::parse(beside.holidays_csv())?;
    let found = readings(&files, &policy, &calendar, (&history, view), &|_| false)?;
    if arguments.json {
        print(format!("{}\n", serde_json::to_string_pretty(&found)?).as_bytes())?;
        return Ok(Exit::Done);
    }
    let mut table = comfy_table::Table::new();
    table.load_style(preset()).set_header(["reading", "rules", "duties", "breaches", "choice"]);
    for reading in &found {
        let [duties, breaches] = [reading.duties, reading.breaches].map(|count| count.to_string());
        let rules = reading.rules.join(", ");
        table.add_row([reading.id.clone(), rules, duties, breaches, reading.choice.clone()]);
        for other in &reading.alternatives {
            let change = format!("{} (+{} -{})", other.breaches, other.appear, other.vanish);
            let draft = format!("  instead: {}", other.draft);
            table.add_row([draft, String::new(), String::new(), change, other.choice.clone()]);
        }
    }
    print(format!("{}\n", table.trim_fmt()).as_bytes())?;
    Ok(Exit::Done)
}
