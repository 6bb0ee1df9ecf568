//! `mandate people`: users with vetting, training, account, tokens and posts, beside a running server as well.

use clap::Args;
use mandate_domain::judge::View;
use mandate_domain::time::{Clock as _, Instant, SystemClock};

use super::judge::moment;
use super::place::Place;
use super::{Exit, print};
use crate::http::people_at;

/// List the users: vetting, training, account, tokens, posts, and what each lacks to use ViSOR
#[derive(Debug, Args)]
pub struct Arguments {
    /// Only users of these organisations and of what lies under them, such as area/A07
    #[arg(long, value_name = "ORG,…", value_delimiter = ',')]
    org: Vec<String>,
    /// As it was then (an instant, or a date for the end of that day) [default: now]
    #[arg(long, value_name = "T", value_parser = moment)]
    as_at: Option<Instant>,
    #[command(flatten)]
    place: Place,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// The columns that fit on a terminal.
const SHOWN: [&str; 8] =
    ["user", "organisation", "role", "vetting", "trained_on", "account", "posts", "missing"];

/// Runs the verb.
///
/// # Errors
/// A log that is not there or cannot be read.
pub fn run(arguments: &Arguments) -> anyhow::Result<Exit> {
    let now = SystemClock.now();
    let view = View { as_at: arguments.as_at.unwrap_or(now), known_at: now };
    let people = people_at(&arguments.place.reader()?, view, &arguments.org)?;
    if arguments.json {
        print(format!("{}\n", serde_json::to_string_pretty(&people.as_json)?).as_bytes())?;
        return Ok(Exit::Done);
    }
    let places: Vec<usize> =
        SHOWN.iter().filter_map(|name| people.columns.iter().position(|column| column == name)).collect();
    let mut table = comfy_table::Table::new();
    table.load_style(comfy_table::presets::NOTHING).set_header(SHOWN);
    for cells in &people.cells {
        table.add_row(places.iter().filter_map(|place| cells.get(*place)));
    }
    print(format!("{}\n{} users\n", table.trim_fmt(), people.cells.len()).as_bytes())?;
    Ok(Exit::Done)
}
