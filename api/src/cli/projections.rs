//! `mandate projections status|rebuild|compare|retry`: the read models, which the log gives at any time.

use std::sync::Arc;
use std::time::Instant as Stopwatch;

use clap::Subcommand;
use mandate_domain::time::{Clock, Instant, SystemClock};
use mandate_projections::{Comparison, Parked, Progress, Projections, Status};
use mandate_store::Store;
use serde_json::{Value, json};

use super::place::Place;
use super::{Exit, print};

/// The read models: status, rebuild, compare, retry
#[derive(Debug, Subcommand)]
pub enum Arguments {
    /// Say how far they are, what is parked and how large they are; works beside a running server
    Status {
        #[command(flatten)]
        place: Place,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Make them anew from the log, beside those in use, and put them in their place; the server must be stopped
    Rebuild {
        #[command(flatten)]
        place: Place,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Make them anew from the log beside those in use and say where the two differ; works beside a running server
    ///
    /// Exit status: 0 the same, 5 different.
    Compare {
        #[command(flatten)]
        place: Place,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Try again to follow what is parked, after what was wrong is mended; the server must be stopped
    Retry {
        #[command(flatten)]
        place: Place,
        /// Only this subject [default: all that are parked]
        #[arg(value_name = "SUBJECT")]
        subject: Option<String>,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}

/// Runs the verb.
///
/// # Errors
/// A log or read models that cannot be read, or are in use by a server.
pub fn run(arguments: &Arguments) -> anyhow::Result<Exit> {
    match arguments {
        Arguments::Status { place, json } => {
            let status = Projections::status(&place.data_dir, &place.reader()?)?;
            if *json {
                print_json(&serde_json::to_value(&status)?)?;
            } else {
                print(words(&status).as_bytes())?;
            }
            Ok(Exit::Done)
        }
        Arguments::Rebuild { place, json } => rebuild(place, *json),
        Arguments::Compare { place, json } => {
            let compared = Projections::compare(&place.data_dir, &place.reader()?)?;
            report_comparison(&compared, *json)?;
            Ok(if compared.live == compared.rebuilt { Exit::Done } else { Exit::Differs })
        }
        Arguments::Retry { place, subject, json } => retry(place, subject.as_deref(), *json),
    }
}

fn rebuild(place: &Place, json: bool) -> anyhow::Result<Exit> {
    let store = Store::open(place.options(Arc::new(SystemClock))?)?;
    let started = Stopwatch::now();
    let progress = Projections::rebuild(&place.data_dir, &store)?;
    let seconds = started.elapsed().as_secs_f64();
    let parked = Projections::open(&place.data_dir, &store)?.parked()?;
    if json {
        let mut value = progress_json(&progress);
        if let Some(object) = value.as_object_mut() {
            object.insert("parked".to_owned(), json!(parked));
            object.insert("seconds".to_owned(), json!(seconds));
        }
        print_json(&value)?;
    } else {
        let mut text = format!(
            "made anew from {} events in {seconds:.1} s; the clock stands at {}\n",
            progress.position,
            moment(progress.at)
        );
        text.push_str(&parked_words(&parked));
        print(text.as_bytes())?;
    }
    Ok(Exit::Done)
}

fn retry(place: &Place, subject: Option<&str>, json: bool) -> anyhow::Result<Exit> {
    let clock = SystemClock;
    let store = Store::open(place.options(Arc::new(clock))?)?;
    let projections = Projections::open(&place.data_dir, &store)?;
    let tried = projections.retry(subject)?;
    projections.advance(projections.progress()?.at.max(clock.now()))?;
    let parked = projections.parked()?;
    if json {
        print_json(&json!({"tried": tried, "parked": parked}))?;
    } else {
        print(format!("{tried} tried again\n{}", parked_words(&parked)).as_bytes())?;
    }
    Ok(Exit::Done)
}

fn report_comparison(compared: &Comparison, json: bool) -> anyhow::Result<()> {
    let same = compared.live == compared.rebuilt;
    if json {
        let value = json!({
            "same": same,
            "progress": progress_json(&compared.progress),
            "live": compared.live,
            "rebuilt": compared.rebuilt,
            "differences": compared.differences,
        });
        return print_json(&value);
    }
    let mut text = String::new();
    for (live, rebuilt) in compared.live.iter().zip(&compared.rebuilt) {
        let verdict = if live == rebuilt { "same" } else { "DIFFERENT" };
        let digest = live.digest.get(..16).unwrap_or(&live.digest);
        text.push_str(&format!("{:<14} {:>10} rows  {digest}  {verdict}\n", live.table, live.rows));
    }
    for difference in &compared.differences {
        let (side, row) = match (&difference.live, &difference.rebuilt) {
            (Some(row), _) => ("only in use", row),
            (None, Some(row)) => ("only from the log", row),
            (None, None) => continue,
        };
        text.push_str(&format!("{}: {side}: {row}\n", difference.table));
    }
    if same {
        text.push_str("the same\n");
    } else if compared.progress.next_at.is_some_and(|next| next <= compared.progress.at) {
        text.push_str(
            "different; those in use have not yet followed the clock to where it stands: compare again\n",
        );
    } else {
        text.push_str("different; `mandate projections rebuild` makes those in use anew\n");
    }
    print(text.as_bytes())
}

fn words(status: &Status) -> String {
    let Some(position) = status.position else {
        return format!(
            "none yet, or of another version; the log ends at {}; the server makes them when it starts\n",
            status.head
        );
    };
    let next = status.next_at.map_or("never".to_owned(), moment);
    let mut text = format!(
        "position {position} of {}, behind by {}\nclock at {}, next change {next}, waiting {}\nsize {} bytes\n",
        status.head,
        status.behind,
        status.at.map_or("the start".to_owned(), moment),
        status.waiting,
        status.bytes
    );
    for (table, rows) in &status.tables {
        text.push_str(&format!("{table:<14} {rows:>10} rows\n"));
    }
    text.push_str(&parked_words(&status.parked));
    text
}

fn parked_words(parked: &[Parked]) -> String {
    let mut text = String::new();
    for parked in parked {
        text.push_str(&format!(
            "parked: {} at position {} since {}: {}\n",
            parked.subject,
            parked.position,
            moment(parked.since),
            parked.reason
        ));
    }
    if !parked.is_empty() {
        text.push_str(
            "their rows stay as they were; `mandate projections retry` follows them again once mended\n",
        );
    }
    text
}

fn moment(at: Instant) -> String {
    if at == Instant::MIN { "the start".to_owned() } else { at.to_string() }
}

fn progress_json(progress: &Progress) -> Value {
    json!({"position": progress.position, "at": progress.at, "nextAt": progress.next_at})
}

fn print_json(value: &Value) -> anyhow::Result<()> {
    print(format!("{}\n", serde_json::to_string_pretty(value)?).as_bytes())
}
