//! HMPPS messages from files into the log: JSON Lines, one message a line.

use std::io::{BufRead as _, Read as _};
use std::path::Path;

use mandate_domain::time::Instant;
use mandate_store::{Reader, Store};
use serde_json::Map;

use super::{Checkpoint, Counts, ImportError, Reject, Rejects};
use crate::hmpps::map::{self, Reading};
use crate::hmpps::message::{MAX_MESSAGE_BYTES, Message};
use crate::hmpps::{Receiver, Rights, TakeError, Taken};
use crate::input::{self, InputError, MAX_LINE_BYTES};

/// Lines that are taken at once.
const BATCH_LINES: usize = 1_000;

/// Where messages go.
#[derive(Debug, Clone, Copy)]
pub enum MessageTarget<'s> {
    /// Into a log, as known at this instant.
    Store(&'s Store, Instant),
    /// Nowhere: they are only read. What they lack is not looked up, so that one which would wait in quarantine for it
    /// counts as stored.
    Check(Option<&'s Reader>),
}

/// A line, or why it is none.
type Line = (u64, Result<String, &'static str>);

/// Imports one file of messages; `progress` is called after each batch.
///
/// # Errors
/// [`ImportError`]; what was taken stays.
pub fn import_messages(
    file: &Path,
    target: MessageTarget<'_>,
    rejects: &mut Rejects,
    checkpoint: &mut Checkpoint,
    progress: &mut dyn FnMut(&Counts),
) -> Result<Counts, ImportError> {
    let wrong = |source| InputError::Read { file: file.display().to_string(), source };
    let mut reader = input::open(file)?;
    let mut counts = Counts::default();
    let (mut number, mut ended) = (0, false);
    while !ended {
        let mut batch: Vec<Line> = Vec::new();
        while batch.len() < BATCH_LINES {
            let mut bytes = Vec::new();
            let mut limited = (&mut reader).take(MAX_LINE_BYTES as u64 + 1);
            let count = limited.read_until(b'\n', &mut bytes).map_err(wrong)?;
            if count == 0 {
                ended = true;
                break;
            }
            number += 1;
            counts.bytes += count as u64;
            if count > MAX_LINE_BYTES && bytes.last() != Some(&b'\n') {
                reader.skip_until(b'\n').map_err(wrong)?;
                batch.push((number, Err("longer than a line may be")));
                continue;
            }
            match String::from_utf8(bytes) {
                Ok(text) if text.trim().is_empty() => {}
                Ok(_) if number <= checkpoint.line() => counts.skipped += 1,
                Ok(text) => batch.push((number, Ok(text))),
                Err(_) => batch.push((number, Err("not UTF-8"))),
            }
        }
        batch.retain(|(number, _)| *number > checkpoint.line());
        let Some(last) = batch.last().map(|(number, _)| *number) else { continue };
        for (number, reason, text) in take(target, &batch, &mut counts)? {
            counts.refused += 1;
            let file = &file.display().to_string();
            rejects.add(&Reject { file, line: number, reason: &reason, text: text.as_deref() })?;
        }
        rejects.flush()?;
        if let MessageTarget::Store(store, _) = target {
            checkpoint.reach(last, store)?;
        }
        progress(&counts);
    }
    Ok(counts)
}

type Refused = (u64, String, Option<String>);

/// Takes the lines of a batch; returns those that are no messages.
fn take(target: MessageTarget<'_>, batch: &[Line], counts: &mut Counts) -> Result<Vec<Refused>, ImportError> {
    let mut refused: Vec<Refused> = Vec::new();
    let mut lines = Vec::with_capacity(batch.len());
    for (number, line) in batch {
        match line {
            Ok(text) => lines.push((*number, text.as_str())),
            Err(reason) => refused.push((*number, (*reason).to_owned(), None)),
        }
    }
    let texts: Vec<&str> = lines.iter().map(|(_, text)| *text).collect();
    let answers = match target {
        MessageTarget::Store(store, now) => Receiver { store, rights: Rights::Local, now }.take_many(&texts),
        MessageTarget::Check(reader) => texts.iter().map(|text| look_at(reader, text)).collect(),
    };
    for ((number, text), answer) in lines.into_iter().zip(answers) {
        match answer {
            Ok(Taken::Stored { again: false, .. }) => counts.stored += 1,
            Ok(Taken::Stored { again: true, .. } | Taken::Discarded { .. }) => counts.already_stored += 1,
            Ok(Taken::Ignored { .. }) => counts.ignored += 1,
            Ok(Taken::Quarantined { .. }) => counts.quarantined += 1,
            Err(TakeError::NoMessage(error)) => {
                let kept = (text.len() <= MAX_MESSAGE_BYTES).then(|| text.trim_end().to_owned());
                refused.push((number, error.to_string(), kept));
            }
            Err(TakeError::Store(error)) => return Err(error.into()),
            Err(error) => return Err(ImportError::Message { line: number, source: Box::new(error) }),
        }
    }
    refused.sort_by_key(|(number, _, _)| *number);
    Ok(refused)
}

/// What a message would come to, without looking for whom it names.
fn look_at(reader: Option<&Reader>, text: &str) -> Result<Taken, TakeError> {
    let message = Message::read(text)?;
    let first = match reader {
        Some(reader) => reader.by_source_id(&message.teller, &message.id)?,
        None => None,
    };
    Ok(match map::read(&message, &Map::new()) {
        Reading::Ignored(reason) => Taken::Ignored { reason },
        Reading::Useful(_) => Taken::Stored { facts: Vec::new(), again: first.is_some() },
        Reading::Held(held) => {
            Taken::Quarantined { id: String::new(), reason: held.reason, needs: held.needs, again: false }
        }
    })
}
