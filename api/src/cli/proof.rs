//! What proves the log: `mandate log verify|prove|checkpoint|key` and bundles.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use base64ct::{Base64, Encoding as _};
use clap::Args;
use mandate_domain::time::SystemClock;
use mandate_store::{
    Part, Position, Reader, Signed, Store, StoreError, Verification, create_signing_key, last_published,
};
use mandate_verify::Hash;
use mandate_verify::note::{SigningKey, VerifyingKey};
use serde_json::json;

use super::place::Place;
use super::progress::Progress;
use super::{Exit, print};
use crate::beside::Shipped;

/// Check that nothing in the log was altered or removed
///
/// Every row is held against its leaf and its payload, the leaves against the tree, and the tree against every
/// checkpoint that was signed of it. Ends with 0 when all is well, 5 when something was altered, 6 when something is
/// missing; the first bad position is named. An insider with every right on the database can only be found out by a
/// checkpoint that he could not reach: bring one with --checkpoint.
#[derive(Debug, Args)]
pub struct Verify {
    #[command(flatten)]
    place: Place,
    /// The public key of the log's checkpoints, or a file that holds it [default: that of the signing key beside the
    /// key file]
    #[arg(long, value_name = "KEY|FILE")]
    key: Option<String>,
    /// A checkpoint kept elsewhere: a file with a signed note. May be given several times [default: the last one in the
    /// log's own file of checkpoints]
    #[arg(long, value_name = "FILE")]
    checkpoint: Vec<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Prove that an event is in the log, or that an older log is the beginning of a newer one
#[derive(Debug, Args)]
pub struct Prove {
    /// The event's position, from 1
    #[arg(value_name = "POSITION", required_unless_present_any = ["from", "witness"], conflicts_with_all = ["from", "witness"])]
    position: Option<u64>,
    /// The smaller size, for a proof of consistency
    #[arg(long, value_name = "SIZE", requires = "to")]
    from: Option<u64>,
    /// The greater size, for a proof of consistency
    #[arg(long, value_name = "SIZE", requires = "from")]
    to: Option<u64>,
    /// Print a request for a witness that keeps a checkpoint of this size (0 for none): C2SP tlog-witness
    #[arg(long, value_name = "SIZE", conflicts_with_all = ["from", "to"])]
    witness: Option<u64>,
    #[command(flatten)]
    place: Place,
}

/// Sign a checkpoint of the log, or print the last one while a server runs
#[derive(Debug, Args)]
pub struct Checkpoint {
    #[command(flatten)]
    place: Place,
}

/// Print the public key that auditors check this log's checkpoints with; make a signing key where there is none
#[derive(Debug, Args)]
pub struct Key {
    /// The name of the log, for a new key
    #[arg(long, value_name = "NAME", default_value = "mandate.invalid/log")]
    origin: String,
    #[command(flatten)]
    place: Place,
}

/// Runs `log verify`.
///
/// # Errors
/// A log, a key or a checkpoint that cannot be read.
pub fn verify(arguments: &Verify) -> anyhow::Result<Exit> {
    let reader = arguments.place.reader()?;
    let key = match &arguments.key {
        Some(text) => Some(verifying_key(text)?),
        None => own_key(&arguments.place)?,
    };
    let mut brought = arguments
        .checkpoint
        .iter()
        .map(|path| std::fs::read_to_string(path).with_context(|| path.display().to_string()))
        .collect::<anyhow::Result<Vec<String>>>()?;
    if brought.is_empty() && key.is_some() {
        // Better than none: whoever has every right on the database may not have it on this file.
        brought.extend(last_published(&arguments.place.options(Arc::new(SystemClock))?.checkpoints)?);
    }
    let mut bar = Progress::new("verify", None);
    let found = reader.verify(key.as_ref(), &brought, |position, _| bar.reach(0, position))?;
    bar.finish();
    let code = code_of(&found, arguments.checkpoint.is_empty());
    let text = if arguments.json { in_json(&found, code) } else { in_words(&found, key.is_some()) };
    print(text.as_bytes())?;
    Ok(exit_of(code))
}

/// What was appended since the last checkpoint is not altered: it is covered when the next one is signed. An auditor who
/// brings a checkpoint asks about what was signed.
fn code_of(found: &Verification, alone: bool) -> u8 {
    let well = found.problems.is_empty() && found.not_signed_yet().is_some() && alone;
    if well { 0 } else { found.exit_code() }
}

const fn exit_of(code: u8) -> Exit {
    match code {
        0 => Exit::Done,
        6 => Exit::Missing,
        3 => Exit::Refused,
        _ => Exit::Altered,
    }
}

fn in_words(found: &Verification, signed: bool) -> String {
    let mut text = String::new();
    for problem in found.problems.iter().take(20) {
        text.push_str(&format!("{problem}\n"));
    }
    match found.not_signed_yet() {
        Some(_) if found.problems.is_empty() && found.head == Position::START => {
            text.push_str("ok: the log is empty\n");
        }
        Some((first, last)) if found.problems.is_empty() => {
            let proven = first.get() - 1;
            text.push_str(&format!(
                "ok: positions 1 to {proven} are as they were signed; {first} to {last} agree with the head row and were \
                 not signed yet (`mandate log checkpoint` signs them)\n"
            ));
        }
        _ if !signed && found.exit_code() == 0 => text.push_str(&format!(
            "ok: positions 1 to {} agree with the head row; there is no signing key, so nothing else proves them\n",
            found.head
        )),
        _ => text.push_str(&format!("{}\n", found.report)),
    }
    let Some(first) = found.first_bad().filter(|_| found.exit_code() != 0) else { return text };
    if !found.problems.is_empty() {
        text.push_str(&format!("The first bad position is {first}. "));
    }
    if !found.problems.is_empty() || found.not_signed_yet().is_none() {
        text.push_str(
            "Keep the database as it is, compare with an older checkpoint (--checkpoint) and restore from a backup.\n",
        );
    }
    text
}

fn in_json(found: &Verification, code: u8) -> String {
    let problems: Vec<String> = found.problems.iter().map(ToString::to_string).collect();
    let mut report: serde_json::Value = serde_json::from_str(&found.report.to_json()).unwrap_or_default();
    // The report is that of a bundle, where an unsigned end is missing; of a log it is told apart and is no fault.
    if let Some(report) = report.as_object_mut()
        && code == 0
    {
        report.insert("exitCode".to_owned(), json!(0));
        report.insert("verdict".to_owned(), json!("ok"));
    }
    let unsigned = found.not_signed_yet().map(|(first, last)| json!({ "first": first, "last": last }));
    let answer = json!({
        "exitCode": code, "head": found.head, "firstBad": found.first_bad(), "problems": problems,
        "notSignedYet": unsigned,
        "report": report,
    });
    format!("{answer}\n")
}

/// Runs `log prove`.
///
/// # Errors
/// A position or size that the log does not have; a log that cannot be read.
pub fn prove(arguments: &Prove) -> anyhow::Result<Exit> {
    let reader = arguments.place.reader()?;
    let head = reader.head()?.position;
    let text = if let Some(old) = arguments.witness {
        let latest = latest(&reader)?;
        let proof = reader.consistency(Position::new(old), latest.size)?;
        let lines: String = proof.iter().map(|hash| format!("{}\n", Base64::encode_string(hash))).collect();
        format!("old {old}\n{lines}\n{}", latest.note)
    } else if let (Some(from), Some(to)) = (arguments.from, arguments.to) {
        let proof = reader.consistency(Position::new(from), Position::new(to))?;
        format!("{}\n", json!({ "kind": "consistency", "from": from, "to": to, "proof": encoded(&proof) }))
    } else {
        let position = Position::new(arguments.position.unwrap_or_default());
        // Proved against what was signed, where that covers it.
        let signed = reader.checkpoints(head, 1)?.into_iter().next().filter(|signed| signed.size >= position);
        let size = signed.as_ref().map_or(head, |signed| signed.size);
        let proof = reader.inclusion(position, size)?;
        let event = reader.by_position(position)?.context("the event is gone")?;
        let answer = json!({
            "kind": "inclusion", "position": position, "leaf": Base64::encode_string(&event.leaf), "size": size,
            "proof": encoded(&proof), "checkpoint": signed.map(|signed| signed.note),
        });
        format!("{answer}\n")
    };
    print(text.as_bytes())?;
    Ok(Exit::Done)
}

fn encoded(hashes: &[Hash]) -> Vec<String> {
    hashes.iter().map(|hash| Base64::encode_string(hash)).collect()
}

fn latest(reader: &Reader) -> anyhow::Result<Signed> {
    let head = reader.head()?.position;
    Ok(reader.checkpoints(head, 1)?.into_iter().next().ok_or(StoreError::NoCheckpoint)?)
}

/// Runs `log checkpoint`.
///
/// # Errors
/// A log that cannot be read, that has no signing key, or that no longer continues its last checkpoint.
pub fn checkpoint(arguments: &Checkpoint) -> anyhow::Result<Exit> {
    arguments.place.reader()?;
    let signed = match Store::open(arguments.place.options(Arc::new(SystemClock))?) {
        Ok(store) => {
            let signed = store.checkpoint()?;
            match signed {
                Some(signed) => signed,
                None => latest(store.reader())?,
            }
        }
        Err(StoreError::InUse { holder, .. }) => {
            eprintln!(
                "mandate: the server ({holder}) signs by itself every minute; this is the last checkpoint"
            );
            latest(&arguments.place.reader()?)?
        }
        Err(error) => return Err(error.into()),
    };
    print(signed.note.as_bytes())?;
    Ok(Exit::Done)
}

/// Runs `log key`.
///
/// # Errors
/// A key that cannot be read or made.
pub fn key(arguments: &Key) -> anyhow::Result<Exit> {
    let options = arguments.place.options(Arc::new(SystemClock))?;
    let public = match own_key(&arguments.place)? {
        Some(key) => key.to_string(),
        None => {
            let reader = arguments.place.reader()?;
            if !reader.checkpoints(reader.head()?.position, 1)?.is_empty() {
                bail!(
                    "{}: no signing key there, and this log has checkpoints signed with one: put it back; a new key \
                     would make every auditor ask why",
                    options.signing_key.display()
                );
            }
            let public = create_signing_key(&options.signing_key, &arguments.origin)?;
            eprintln!("mandate: made {}; restart the server", options.signing_key.display());
            public
        }
    };
    print(format!("{public}\n").as_bytes())?;
    Ok(Exit::Done)
}

/// Writes a bundle.
///
/// # Errors
/// A log without a checkpoint, output that cannot be written.
pub fn bundle(reader: &Reader, part: Part, out: Option<&PathBuf>) -> anyhow::Result<Exit> {
    let shipped = Shipped::with_this_program();
    let Some(path) = out else {
        let out = BufWriter::new(std::io::stdout().lock());
        reader.export_bundle(out, part, &shipped.texts())?;
        return Ok(Exit::Done);
    };
    let file = File::create(path).with_context(|| path.display().to_string())?;
    let mut out = BufWriter::new(file);
    let (first, last) = reader.export_bundle(&mut out, part, &shipped.texts())?;
    out.flush().with_context(|| path.display().to_string())?;
    eprintln!("positions {first} to {last} written to {}", path.display());
    Ok(Exit::Done)
}

/// The public key in a text or in a file.
///
/// # Errors
/// A text that is neither.
pub fn verifying_key(text: &str) -> anyhow::Result<VerifyingKey> {
    let read = std::fs::read_to_string(text);
    let key = read.as_deref().unwrap_or(text).trim();
    VerifyingKey::parse(key).with_context(|| {
        format!("--key {text}: neither a public key (name+hash+key) nor a file that holds one")
    })
}

/// The public key of the signing key beside the key file, if there is one.
fn own_key(place: &Place) -> anyhow::Result<Option<VerifyingKey>> {
    let path = place.options(Arc::new(SystemClock))?.signing_key;
    match std::fs::read_to_string(&path) {
        Ok(text) => {
            let key = SigningKey::parse(text.trim()).with_context(|| path.display().to_string())?;
            Ok(Some(key.verifying_key().clone()))
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| path.display().to_string()),
    }
}
