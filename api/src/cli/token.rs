//! `mandate token`: a new bearer token for a client that states facts.

use clap::Args;

use super::{Exit, print};
use crate::tokens::{self, HELP, Import, Opens, Reads};

/// A new bearer token for a client that states facts, and what is to stand in the token file for it
#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub struct Arguments {
    /// The client, by an opaque id
    name: String,
    /// A source that it may state, such as /ndelius; may be given several times
    #[arg(long = "source", value_name = "SOURCE", required_unless_present_any = ["user", "subject_access", "read", "read_log"], conflicts_with = "user")]
    sources: Vec<String>,
    /// The user as whom commands are given with it, such as user/U-7F3K29QX
    #[arg(long, value_name = "USER")]
    user: Option<String>,
    /// Only for the calendar feed of that user
    #[arg(long, requires = "user")]
    calendar: bool,
    /// Only for requests of subject access
    #[arg(long, conflicts_with_all = ["user", "sources", "import"])]
    subject_access: bool,
    /// It may read duties, nominals, registers and reports
    #[arg(long, conflicts_with_all = ["user", "subject_access"])]
    read: bool,
    /// It may read the whole log and its proofs
    #[arg(long, conflicts_with_all = ["user", "subject_access"])]
    read_log: bool,
    /// Accept its claims of when a fact was recorded
    #[arg(long)]
    import: bool,
}

/// Runs the verb.
///
/// # Errors
/// When the system gives no random bytes.
pub fn run(arguments: &Arguments) -> anyhow::Result<Exit> {
    let import = if arguments.import { Import::Allowed } else { Import::Refused };
    let (token, entry) = match &arguments.user {
        None if arguments.subject_access => tokens::make_for_subject_access(&arguments.name)?,
        Some(user) => {
            let opens = if arguments.calendar { Opens::Calendar } else { Opens::Everything };
            tokens::make_for_user(&arguments.name, user, opens)?
        }
        None if arguments.read || arguments.read_log => {
            let reads = Reads { state: arguments.read, log: arguments.read_log };
            tokens::make_for_reading(&arguments.name, &arguments.sources, import, reads)?
        }
        None => tokens::make(&arguments.name, &arguments.sources, import)?,
    };
    eprintln!("For the client, shown once and stored nowhere:\n  {token}\n\nFor the token file (mode 600):");
    print(entry.as_bytes())?;
    Ok(Exit::Done)
}
