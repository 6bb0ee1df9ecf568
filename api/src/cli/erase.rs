//! `mandate erase` and `mandate restrict`: two people order what is kept and shown of one person (4.16 i).

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, bail};
use clap::Args;
use mandate_domain::time::{Clock as _, SystemClock};
use mandate_store::{Commands, Order, OrderError, Store};

use super::place::Place;
use super::{Exit, print};

/// What an order looks like.
const HELP: &str = r#"The order is a TOML file signed off by two different people:

  subject = "nominal/N-7F3K29QX"
  ordered_by = ["user/U-17", "user/U-42"]     # two people, by their opaque ids
  ground = "RRD-2026-014"                     # why, as a code or reference; no personal data"#;

/// Erase a person: destroy the key of what is sealed about the subject; every proof still holds
///
/// The log says by whose order. Nothing brings the personal data back, and nothing personal is stored about the subject
/// again. Mails that were sent hold none. The server must be stopped.
#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub struct Arguments {
    /// Full id of the nominal, user or message, as in the order
    #[arg(value_name = "SUBJECT")]
    subject: String,
    /// The order
    #[arg(long, value_name = "FILE.toml")]
    order: PathBuf,
    #[command(flatten)]
    place: Place,
}

/// Keep a person's data and no longer show it (or, with --lift, show it again)
#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub struct Restrict {
    /// Full id of the nominal, user or message, as in the order
    #[arg(value_name = "SUBJECT")]
    subject: String,
    /// The order
    #[arg(long, value_name = "FILE.toml")]
    order: PathBuf,
    /// Lift the restriction
    #[arg(long)]
    lift: bool,
    #[command(flatten)]
    place: Place,
}

/// Runs `erase`.
///
/// # Errors
/// An order that lacks something, a log that cannot be opened.
pub fn run(arguments: &Arguments) -> anyhow::Result<Exit> {
    let order = read(&arguments.order, &arguments.subject)?;
    let store = open(&arguments.place)?;
    check_people(&store, &order)?;
    let position = store.erase(&order)?;
    print(
        format!(
            "{} is erased: its key is destroyed, and position {position} says by whose order.\nOlder copies of the keys \
             still hold the key, wrapped: `mandate keys rotate` makes them worthless, once every copy of the old key file \
             is gone.\n",
            order.subject
        )
        .as_bytes(),
    )?;
    Ok(Exit::Done)
}

/// Runs `restrict`.
///
/// # Errors
/// As [`run`].
pub fn restrict(arguments: &Restrict) -> anyhow::Result<Exit> {
    let order = read(&arguments.order, &arguments.subject)?;
    let store = open(&arguments.place)?;
    check_people(&store, &order)?;
    let (position, what) = if arguments.lift {
        (store.lift_restriction(&order)?, "is shown again")
    } else {
        (store.restrict(&order)?, "is restricted: its personal data is kept and not shown")
    };
    print(format!("{} {what}; position {position} says by whose order.\n", order.subject).as_bytes())?;
    Ok(Exit::Done)
}

fn read(path: &Path, subject: &str) -> anyhow::Result<Order> {
    let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
    let order: Order = toml::from_str(&text).with_context(|| format!("{}: not an order", path.display()))?;
    if order.subject != subject {
        return Err(OrderError::OtherSubject { ordered: order.subject, named: subject.to_owned() }.into());
    }
    order.check().with_context(|| path.display().to_string())?;
    Ok(order)
}

/// Both who order must be users who have not left: an order in the name of nobody is none.
fn check_people(store: &Store, order: &Order) -> anyhow::Result<()> {
    let directory = Commands::new(store).directory().context("who may order")?;
    for person in &order.ordered_by {
        let standing = directory.standing(person.trim(), SystemClock.now());
        if standing.org.is_empty() || standing.left {
            bail!(
                "`ordered_by`: {person} is no user in this log, or has left; name two users by their ids, as `mandate \
                 people` lists them; nothing was done"
            );
        }
    }
    Ok(())
}

fn open(place: &Place) -> anyhow::Result<Store> {
    place.reader()?;
    let store = Store::open(place.options(Arc::new(SystemClock))?)?;
    if let Some(reason) = store.read_only() {
        bail!("the log is read-only: {reason}");
    }
    Ok(store)
}
