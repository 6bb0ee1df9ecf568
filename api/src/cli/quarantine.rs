//! `mandate quarantine`: messages of other systems that could not be used.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context as _;
use clap::{Args, Subcommand};
use mandate_domain::catalogue::{FactType, Field};
use mandate_domain::fact::Value;
use mandate_domain::time::{Clock, SystemClock};
use mandate_store::{MAX_READ, Position, Reader, Store, StoredEvent};
use serde_json::{Map, json};

use super::place::Place;
use super::{Exit, print};
use crate::hmpps::{Receiver, Rights, Taken};

/// Messages that could not be used: list, try again, give up
#[derive(Debug, Subcommand)]
pub enum Arguments {
    /// List the messages that wait, the oldest first, as JSON Lines; works beside a running server
    List {
        /// Those that were replayed or discarded as well
        #[arg(long)]
        all: bool,
        #[command(flatten)]
        place: Place,
    },
    /// Try a message again; the server must be stopped
    Replay {
        /// Its id, as listed; without one every message that waits
        id: Option<String>,
        /// What it needs: a file with a JSON object such as {"area": "area/A07"}
        #[arg(long, value_name = "FILE.json", requires = "id")]
        enrichment: Option<PathBuf>,
        #[command(flatten)]
        place: Place,
    },
    /// Give a message up; it stays in the log. The server must be stopped
    Discard(Discard),
}

/// What is given up, and why
#[derive(Debug, Args)]
pub struct Discard {
    /// Its id, as listed
    id: String,
    /// Why, in a few words; stored sealed
    #[arg(long)]
    reason: String,
    #[command(flatten)]
    place: Place,
}

/// Runs the verb.
///
/// # Errors
/// A log that cannot be read or is in use, a message that is not there.
pub fn run(arguments: &Arguments) -> anyhow::Result<Exit> {
    match arguments {
        Arguments::List { all, place } => {
            for (event, status) in listed(&place.reader()?)? {
                if *all || status == "waiting" {
                    print(line(&event, status).as_bytes())?;
                }
            }
            Ok(Exit::Done)
        }
        Arguments::Replay { id, enrichment, place } => {
            let store = Store::open(place.options(Arc::new(SystemClock))?)?;
            let more: Map<String, serde_json::Value> = match enrichment {
                None => Map::new(),
                Some(path) => {
                    let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
                    serde_json::from_str(&text)
                        .with_context(|| format!("{}: no JSON object", path.display()))?
                }
            };
            let ids = match id {
                Some(id) => vec![id.clone()],
                None => waiting(store.reader())?,
            };
            let mut exit = Exit::Done;
            for id in ids {
                let receiver = Receiver { store: &store, rights: Rights::Local, now: SystemClock.now() };
                let said = match receiver.replay(&id, &more)? {
                    Taken::Stored { facts, .. } => {
                        let kinds: Vec<_> = facts.iter().map(|(kind, _)| kind.name()).collect();
                        format!("stored as {}", kinds.join(", "))
                    }
                    Taken::Ignored { reason } => format!("of no use here: {reason}"),
                    Taken::Quarantined { reason, .. } => {
                        exit = Exit::Refused;
                        format!("waits: {reason}")
                    }
                    Taken::Discarded { .. } => "was discarded".to_owned(),
                };
                print(format!("{id} {said}\n").as_bytes())?;
            }
            Ok(exit)
        }
        Arguments::Discard(Discard { id, reason, place }) => {
            let store = Store::open(place.options(Arc::new(SystemClock))?)?;
            let receiver = Receiver { store: &store, rights: Rights::Local, now: SystemClock.now() };
            let position = receiver.discard(id, reason)?;
            print(format!("{id} is discarded; position {position} says why.\n").as_bytes())?;
            Ok(Exit::Done)
        }
    }
}

fn waiting(reader: &Reader) -> anyhow::Result<Vec<String>> {
    let all = listed(reader)?.into_iter();
    Ok(all.filter(|(_, status)| *status == "waiting").map(|(event, _)| event.fact.id.into()).collect())
}

/// Every message that was ever quarantined, with what became of it.
fn listed(reader: &Reader) -> anyhow::Result<Vec<(StoredEvent, &'static str)>> {
    let types = [FactType::MessageQuarantined, FactType::MessageReplayed, FactType::MessageDiscarded];
    let head = reader.head()?.position;
    let mut found: Vec<(StoredEvent, &'static str)> = Vec::new();
    let mut after = Position::new(0);
    while after < head {
        let page = reader.read_types(&types, after, MAX_READ)?;
        for event in page.events {
            let settled = match event.fact.kind {
                FactType::MessageReplayed => "replayed",
                FactType::MessageDiscarded => "discarded",
                _ => {
                    found.push((event, "waiting"));
                    continue;
                }
            };
            if let Some(Value::Event(named)) = event.fact.get(Field::Event)
                && let Some(entry) = found.iter_mut().find(|(first, _)| *first.fact.id == *named.1)
            {
                entry.1 = settled;
            }
        }
        after = page.searched_to;
    }
    Ok(found)
}

fn line(event: &StoredEvent, status: &str) -> String {
    let fact = &event.fact;
    let needs: Vec<&str> = match fact.get(Field::Needs) {
        Some(Value::Texts(needs)) => needs.iter().map(|field| &**field).collect(),
        _ => Vec::new(),
    };
    let listed = json!({
        "id": fact.id, "position": event.position, "quarantinedAt": event.recorded_at, "subject": fact.subject,
        "source": fact.text(Field::Teller), "eventType": fact.text(Field::Code), "reason": fact.text(Field::Reason),
        "needs": needs, "status": status,
    });
    format!("{listed}\n")
}
