//! What was received, held against what the log owes.

use std::collections::BTreeMap;

use anyhow::{Context as _, bail, ensure};
use mail_parser::{Message, MessageParser};
use mandate_domain::catalogue::{FactType, Field};
use mandate_domain::fact::Value;
use mandate_domain::time::Instant;
use mandate_store::{Position, StoredEvent};
use mandate_tests::target::{Target, open_reader};
use sha2::{Digest as _, Sha256};

use crate::office::{ADMINISTRATOR, address_of};

/// The headers of every mail, in order.
const HEADERS: [&str; 8] =
    ["From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "MIME-Version", "Content-Type"];
/// Those that a server puts before them.
const OF_A_SERVER: [&str; 4] = ["Return-Path", "X-Original-To", "Delivered-To", "Received"];

/// A notice as the log has it.
#[derive(Debug, Default)]
struct Owed {
    recipient: String,
    duties: Vec<String>,
    queued_at: Option<Instant>,
    attempted: usize,
    ambiguous: usize,
    deferred: usize,
    accepted: usize,
    rejected: Option<String>,
    /// The digests of the bytes that attempts began with.
    digests: Vec<String>,
}

/// What was counted.
#[derive(Debug, Default)]
pub struct Counted {
    pub notices: usize,
    pub accepted: usize,
    pub rejected: usize,
    pub deferrals: usize,
    pub ambiguous: usize,
    pub repeated: usize,
}

/// Every event about notices, in order.
fn events(target: &Target) -> anyhow::Result<Vec<StoredEvent>> {
    let kinds = [
        FactType::DutyBreached,
        FactType::NoticeQueued,
        FactType::NoticeAttempted,
        FactType::NoticeAccepted,
        FactType::NoticeDeferred,
        FactType::NoticeRejected,
        FactType::NoticeAmbiguous,
    ];
    let reader = open_reader(target)?;
    let (mut found, mut after) = (Vec::new(), Position::START);
    loop {
        let page = reader.read_types(&kinds, after, mandate_store::MAX_READ)?;
        found.extend(page.events);
        if page.searched_to <= after {
            return Ok(found);
        }
        after = page.searched_to;
    }
}

fn owed(target: &Target) -> anyhow::Result<BTreeMap<String, Owed>> {
    let mut owed: BTreeMap<String, Owed> = BTreeMap::new();
    for event in events(target)? {
        let text = |field| event.fact.text(field).unwrap_or_default().to_owned();
        if event.fact.kind == FactType::DutyBreached {
            if let Some(Value::Texts(notices)) = event.fact.get(Field::Notices) {
                for notice in notices {
                    let one = owed.entry(notice.to_string()).or_default();
                    one.duties.push(event.fact.subject.to_string());
                }
            }
            continue;
        }
        let notice = text(Field::Notice);
        let one = owed.entry(notice.clone()).or_default();
        match event.fact.kind {
            FactType::NoticeQueued => {
                one.recipient = text(Field::Recipient);
                // One in place of another lists what it is queued with.
                if event.fact.get(Field::Generation).is_some() {
                    one.duties.push(event.fact.subject.to_string());
                }
                one.queued_at.get_or_insert(event.recorded_at);
            }
            FactType::NoticeAttempted => {
                ensure!(one.rejected.is_none() && one.accepted == 0, "{notice}: tried after it was settled");
                one.attempted += 1;
                one.digests.push(text(Field::Sha256));
            }
            FactType::NoticeAccepted => one.accepted += 1,
            FactType::NoticeDeferred => one.deferred += 1,
            FactType::NoticeAmbiguous => one.ambiguous += 1,
            FactType::NoticeRejected => {
                ensure!(one.rejected.is_none(), "{notice}: rejected twice");
                one.rejected = Some(text(Field::Reply));
            }
            other => bail!("{other} was not asked for"),
        }
    }
    Ok(owed)
}

/// Holds the messages that a server kept against the log: each notice is settled, what was accepted was received, as often
/// as it went out and no more, the same each time and as the log has it, and every breach was told to somebody.
pub fn check(target: &Target, kept: &[Vec<u8>]) -> anyhow::Result<Counted> {
    let owed = owed(target)?;
    let mut received: BTreeMap<String, Vec<&[u8]>> = BTreeMap::new();
    for bytes in kept {
        let message = parsed(bytes)?;
        let id = message.message_id().with_context(|| {
            format!(
                "a message without a Message-ID of {} bytes: {}",
                bytes.len(),
                String::from_utf8_lossy(bytes)
            )
        })?;
        let notice = id.strip_suffix("@example.gov.uk").context("a Message-ID of another domain")?;
        received.entry(notice.to_owned()).or_default().push(bytes);
    }
    for notice in received.keys() {
        ensure!(owed.contains_key(notice), "{notice}: received and never queued");
    }
    let mut counted = Counted { notices: owed.len(), ..Counted::default() };
    let mut told: BTreeMap<&str, bool> = BTreeMap::new();
    for (notice, one) in &owed {
        ensure!(one.queued_at.is_some(), "{notice}: named by a breach and never queued: lost");
        let copies = received.get(notice).map_or(&[][..], Vec::as_slice);
        settled(notice, one, copies.len())?;
        let first = copies.first().map(|copy| without_server(copy)).transpose()?;
        for copy in copies {
            ensure!(Some(without_server(copy)?) == first, "{notice}: not the same twice");
            headers(notice, one, copy)?;
            ensure!(is_as_sent(one, copy)?, "{notice}: altered: its digest is that of no attempt");
        }
        counted.accepted += one.accepted;
        counted.rejected += usize::from(one.rejected.is_some());
        counted.deferrals += one.deferred;
        counted.ambiguous += one.ambiguous;
        counted.repeated += copies.len().saturating_sub(1);
        for duty in &one.duties {
            *told.entry(duty).or_default() |= !copies.is_empty();
        }
    }
    let untold: Vec<_> = told.iter().filter(|(_, told)| !**told).map(|(duty, _)| duty).collect();
    ensure!(untold.is_empty(), "{} breaches were told to nobody, such as {:?}", untold.len(), untold.first());
    Ok(counted)
}

/// Whether what became of a notice fits the number of copies that were received.
fn settled(notice: &str, one: &Owed, copies: usize) -> anyhow::Result<()> {
    match (one.accepted, &one.rejected) {
        (1, None) => ensure!(copies >= 1, "{notice}: accepted and not received: lost"),
        (0, Some(reply)) => {
            let for_good = reply.starts_with('5') || one.ambiguous == 2;
            ensure!(for_good, "{notice}: given up without a reason: {reply}");
            ensure!(
                one.recipient != ADMINISTRATOR || one.ambiguous == 2,
                "{notice}: the last resort was refused"
            );
        }
        (0, None) => bail!("{notice}: neither accepted nor rejected: lost"),
        (accepted, rejected) => bail!("{notice}: accepted {accepted} times, rejected: {rejected:?}"),
    }
    // Each copy but the one that was accepted was sent and its answer lost.
    let window = one.accepted + one.ambiguous;
    ensure!(copies <= window, "{notice}: {copies} copies, where {window} may be: repeated");
    ensure!(one.ambiguous <= 2, "{notice}: sent again more than once");
    let ended = one.accepted + one.deferred + one.ambiguous + usize::from(one.rejected.is_some());
    ensure!(one.attempted <= ended, "{notice}: an attempt without an outcome");
    Ok(())
}

fn parsed(bytes: &[u8]) -> anyhow::Result<Message<'_>> {
    MessageParser::default().parse(bytes).context("a message that cannot be read")
}

/// The message without the headers that a server put before it, and the empty line that ends it on the wire.
fn without_server(bytes: &[u8]) -> anyhow::Result<&[u8]> {
    let from = b"From: ";
    let place = bytes.windows(from.len()).position(|window| window == from).context("no From")?;
    Ok(bytes.get(place..).unwrap_or_default().trim_ascii_end())
}

/// Whether the bytes of a copy are those of an attempt, but for the empty lines that end it.
fn is_as_sent(one: &Owed, copy: &[u8]) -> anyhow::Result<bool> {
    let text = without_server(copy)?;
    Ok(["", "\r\n", "\r\n\r\n"].iter().any(|end| {
        let digest = Sha256::new().chain_update(text).chain_update(end).finalize();
        let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        one.digests.contains(&digest)
    }))
}

/// Each header of a message is as the log has it, and there is no other.
fn headers(notice: &str, one: &Owed, bytes: &[u8]) -> anyhow::Result<()> {
    let message = parsed(bytes)?;
    let names: Vec<&str> = message.headers().iter().map(mail_parser::Header::name).collect();
    let own: Vec<&str> = names.iter().filter(|name| !OF_A_SERVER.contains(name)).copied().collect();
    let mut wanted = HEADERS.to_vec();
    let mut sorted = own.clone();
    sorted.sort_unstable();
    wanted.sort_unstable();
    ensure!(sorted == wanted, "{notice}: headers {own:?}");
    let raw = |name: &str| message.header_raw(name).unwrap_or_default().trim().to_owned();
    let count = one.duties.len();
    let subject = match one.duties.first() {
        Some(duty) if count == 1 => {
            let nominal = duty.split(':').nth(1).and_then(|nominal| nominal.strip_prefix("nominal/"));
            format!("Breach: {}, paragraph 4.10", nominal.unwrap_or_default())
        }
        _ => bail!("{notice}: lists {count} duties"),
    };
    let text_of_from = crate::office::FROM;
    for (name, wanted) in [
        ("From", text_of_from.to_owned()),
        ("To", address_of(&one.recipient)),
        ("Subject", subject),
        ("Message-ID", format!("<{notice}@example.gov.uk>")),
        ("Auto-Submitted", "auto-generated".to_owned()),
        ("MIME-Version", "1.0".to_owned()),
        ("Content-Type", format!("multipart/alternative; boundary=\"=_{notice}\"")),
    ] {
        // A long header may be folded, and folded otherwise by a server.
        let found = raw(name).split_whitespace().collect::<Vec<_>>().join(" ");
        ensure!(found == wanted, "{notice}: {name}: {found:?} is not {wanted:?}");
    }
    let seconds = one.queued_at.map(|at| at.nanos() / 1_000_000_000);
    let date = message.date().map(mail_parser::DateTime::to_timestamp);
    ensure!(date == seconds, "{notice}: Date {date:?}, queued {seconds:?}");
    let nominal = one.duties.first().and_then(|duty| duty.split(':').nth(1)).unwrap_or_default();
    let named = nominal.trim_start_matches("nominal/");
    for (part, text) in [("text", message.body_text(0)), ("HTML", message.body_html(0))] {
        let text = text.with_context(|| format!("{notice}: no {part} part"))?;
        ensure!(
            text.contains(named) && text.contains("paragraph 4.10"),
            "{notice}: the {part} part says: {text}"
        );
    }
    Ok(())
}
