//! The promises on the log, ours and the stock crates side by side in one run: `cargo bench -p mandate-store`.
//!
//! One line for each figure: ours, as shipped, their ratio, what is promised, reached or not. Both sides are durable
//! and hold the same events of 400 bytes. Use the ratios; absolute figures are those of the machine.
//!
//! - `--only p1,p2,…`: these promises; all of P1, P2, P3, P4, P13, P15, P16 and P17 otherwise
//! - `--seconds N`: how long each rate is measured in a round (2)
//! - `--rounds N`: rounds in which the sides take turns, of which the middle figures count (3)
//! - `--scale N`: N times the data for P1, P2, P4, P16 and P17 (1); for P18
//! - `--json`: one line of JSON for each figure
#![expect(clippy::print_stdout, reason = "the figures are its output")]
#![expect(clippy::unwrap_used, reason = "a benchmark that cannot run should stop")]

mod append;
mod calendar;
mod evidence;
mod figure;
mod processor;
mod proxy;
mod replay;
mod round_trips;
mod sides;
mod workload;

use std::time::Duration;

use figure::{Figure, Format};
use replay::Wanted;
use sides::Place;

/// The program's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// What was asked for.
pub struct Settings {
    only: Option<Vec<String>>,
    lasting: Duration,
    rounds: u32,
    scale: u64,
    format: Format,
}

impl Settings {
    fn of_arguments() -> Self {
        let argument = |name: &str| std::env::args().skip_while(|found| found != name).nth(1);
        let number = |name: &str, usual: u32| argument(name).map_or(usual, |text| text.parse().unwrap());
        let json = std::env::args().any(|found| found == "--json");
        Self {
            only: argument("--only").map(|list| list.to_lowercase().split(',').map(str::to_owned).collect()),
            lasting: Duration::from_secs(number("--seconds", 2).into()),
            rounds: number("--rounds", 3),
            scale: number("--scale", 1).into(),
            format: if json { Format::Json } else { Format::Text },
        }
    }

    fn wants(&self, promise: &str) -> bool {
        self.only.as_ref().is_none_or(|only| only.iter().any(|wanted| wanted == promise))
    }

    fn print(&self, figure: &Figure) {
        figure.print(self.format);
    }

    /// The database's name, and how much more data than usual.
    fn on(&self, place: Place<'_>) -> String {
        match self.scale {
            1 => place.name().to_owned(),
            scale => format!("{}, {scale} x data", place.name()),
        }
    }
}

fn main() {
    let settings = Settings::of_arguments();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    if settings.wants("p15") {
        calendar::nth_working_day(&settings);
    }
    runtime.block_on(on_sqlite(&settings));
    if ["p1", "p3", "p4", "p13", "p16", "p17"].into_iter().any(|promise| settings.wants(promise)) {
        runtime.block_on(on_postgres(&settings));
    }
}

async fn on_sqlite(settings: &Settings) {
    if settings.wants("p2") {
        append::rates(settings, "P2", Place::Sqlite).await;
    }
    if settings.wants("p13") {
        append::heard(settings, Place::Sqlite).await;
    }
    if settings.wants("p16") {
        evidence::share(settings, Place::Sqlite).await;
    }
    long_log(settings, Place::Sqlite).await;
}

async fn on_postgres(settings: &Settings) {
    let cluster = sides::cluster();
    let place = Place::Postgres(&cluster);
    if settings.wants("p1") {
        append::rates(settings, "P1", place).await;
    }
    if settings.wants("p3") {
        round_trips::count(settings, &cluster).await;
    }
    if settings.wants("p13") {
        append::heard(settings, place).await;
    }
    if settings.wants("p16") {
        evidence::share(settings, place).await;
    }
    long_log(settings, place).await;
}

async fn long_log(settings: &Settings, place: Place<'_>) {
    let wanted = Wanted {
        reading: settings.wants("p4"),
        // The bundle is the same whatever database it comes from.
        verifying: settings.wants("p16") && matches!(place, Place::Sqlite),
        opening: settings.wants("p17"),
    };
    if wanted.reading || wanted.verifying || wanted.opening {
        replay::long_log(settings, place, wanted).await;
    }
}
