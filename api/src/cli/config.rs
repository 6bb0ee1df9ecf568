//! `mandate config show`: the configuration as `serve` would use it.

use clap::Subcommand;

use super::{Exit, print, serve};

/// The configuration of `serve`
#[derive(Debug, Subcommand)]
pub enum Arguments {
    /// Print it as `serve` with the same arguments would use it
    Show(Box<serve::Arguments>),
}

/// Runs the verb.
///
/// # Errors
/// A configuration file that cannot be read or holds a mistake.
pub fn run(arguments: &Arguments) -> anyhow::Result<Exit> {
    let Arguments::Show(arguments) = arguments;
    let config = arguments.config()?;
    let text = format!("# address in mails: {}\n{}", config.base_url(), toml::to_string(&config)?);
    print(text.as_bytes())?;
    Ok(Exit::Done)
}
