//! `mandate completions` and `mandate man`: what a shell and a reader of manuals need, made from the command line itself.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::{Args, Command, CommandFactory as _};
use clap_complete::Shell;

use super::{Exit, print};

/// Print the completions of a shell
#[derive(Debug, Args)]
pub struct Completions {
    /// The shell
    shell: Shell,
}

/// Print the manual page, or write the pages of every verb into a folder
#[derive(Debug, Args)]
pub struct Man {
    /// A folder, such as ~/.local/share/man/man1
    #[arg(value_name = "DIR")]
    folder: Option<PathBuf>,
}

fn command() -> Command {
    super::Arguments::command()
}

/// Runs `completions`.
///
/// # Errors
/// Output that cannot be written.
pub fn completions(arguments: &Completions) -> anyhow::Result<Exit> {
    let mut text = Vec::new();
    clap_complete::generate(arguments.shell, &mut command(), "mandate", &mut text);
    print(&text)?;
    Ok(Exit::Done)
}

/// Runs `man`.
///
/// # Errors
/// A folder that is not there, output that cannot be written.
pub fn man(arguments: &Man) -> anyhow::Result<Exit> {
    match &arguments.folder {
        None => {
            let mut text = Vec::new();
            clap_mangen::Man::new(command()).render(&mut text)?;
            print(&text)?;
        }
        Some(folder) => {
            clap_mangen::generate_to(command(), folder).with_context(|| folder.display().to_string())?;
        }
    }
    Ok(Exit::Done)
}
