//! `mandate generate`: a synthetic history to a file.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::PathBuf;

use anyhow::Context as _;
use clap::{Args, ValueEnum};
use mandate_domain::time::Date;

use super::{Exit, print};
use crate::generate::{Options, Scale, generate, reference_csv};

/// A synthetic history of fictional areas to a file, the same for the same arguments
#[derive(Debug, Args)]
pub struct Arguments {
    /// How large
    #[arg(long, value_enum, default_value_t = Size::Small)]
    scale: Size,
    /// MAPPA areas [default: by scale]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000))]
    areas: Option<u32>,
    /// Nominals [default: by scale]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=3_900_000))]
    nominals: Option<u32>,
    /// Calendar months [default: by scale]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=600))]
    months: Option<u32>,
    /// The seed on which all draws depend
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// The last day
    #[arg(long, value_name = "DATE", value_parser = |text: &str| Date::parse(text).map_err(|e| e.to_string()))]
    until: Option<Date>,
    /// Where to write the facts, as JSON Lines; a name that ends in .gz or .zst is compressed
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Where to write the organisations and people, as `mandate init` reads them
    #[arg(long, value_name = "FILE.csv")]
    organisations: Option<PathBuf>,
}

/// The sizes that have a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Size {
    /// 4 areas, 2,000 nominals, 18 months
    Small,
    /// 42 areas, 90,000 nominals, 24 months, about 5 million facts
    National,
}

impl Size {
    /// The options of this size.
    #[must_use]
    pub fn options(self) -> Options {
        Options::scale(match self {
            Self::Small => Scale::Small,
            Self::National => Scale::National,
        })
    }
}

/// Runs the verb.
///
/// # Errors
/// A file that cannot be written.
pub fn run(arguments: &Arguments) -> anyhow::Result<Exit> {
    let preset = arguments.scale.options();
    let options = Options {
        areas: arguments.areas.unwrap_or(preset.areas),
        nominals: arguments.nominals.unwrap_or(preset.nominals),
        months: arguments.months.unwrap_or(preset.months),
        seed: arguments.seed.unwrap_or(preset.seed),
        until: arguments.until.map_or(preset.until, Date::to_chrono),
    };
    if let Some(path) = &arguments.organisations {
        std::fs::write(path, reference_csv(&options)).with_context(|| path.display().to_string())?;
    }
    let path = &arguments.out;
    let wrong = || path.display().to_string();
    let file = BufWriter::new(File::create(path).with_context(wrong)?);
    let ending = path.extension().and_then(|end| end.to_str());
    let counts = match ending {
        Some("gz") => {
            let mut out = flate2::write::GzEncoder::new(file, flate2::Compression::fast());
            let counts = generate(&options, &mut out).with_context(wrong)?;
            out.finish().and_then(|mut file| file.flush()).with_context(wrong)?;
            counts
        }
        Some("zst" | "zstd") => {
            let mut out = zstd::Encoder::new(file, 1).with_context(wrong)?;
            let counts = generate(&options, &mut out).with_context(wrong)?;
            out.finish().and_then(|mut file| file.flush()).with_context(wrong)?;
            counts
        }
        _ => {
            let mut out = file;
            let counts = generate(&options, &mut out).with_context(wrong)?;
            out.flush().with_context(wrong)?;
            counts
        }
    };
    print(format!("{} facts written to {}\n", counts.facts, path.display()).as_bytes())?;
    Ok(Exit::Done)
}
