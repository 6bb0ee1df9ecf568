//! References that are made to break out of headers, of the message, and of HTML: each reaches the mailbox as text.

use std::collections::HashSet;

use anyhow::{Context as _, ensure};
use mail_parser::MessageParser;
use mandate_domain::time::Instant;
use mandate_tests::arguments::Arguments;
use mandate_tests::random::Random;

use crate::office::{Office, at, scheduler};
use crate::server::{Server, Word};

/// What references are put together from.
const PARTS: &[&str] = &[
    "<script>alert(1)</script>",
    "<img/src=x/onerror=alert(1)>",
    "</td></table>",
    "<!--",
    "-->",
    "]]>",
    "&lt;",
    "&#60;",
    "&",
    "\"",
    "'",
    "`",
    "\"><b>",
    "=?utf-8?B?QmNjOiB4?=",
    "=0D=0A",
    "%0d%0aBcc:x",
    "\\r\\n",
    ".",
    "..",
    "=",
    "=3D",
    "=\u{20ac}",
    "é",
    "\u{1f600}",
    "{{7*7}}",
    "{%",
    "${x}",
    "javascript:x",
    "'--",
    ";DROP",
    "From",
    ">From",
    "--=_n-1",
    "a",
    "B",
    "7",
    "@",
    ",",
    "(",
    ")",
];
/// Elements that our mails are made of.
const ELEMENTS: &[&str] = &[
    "html", "head", "meta", "title", "body", "h1", "h2", "p", "ul", "li", "table", "thead", "tbody", "tr",
    "th", "td", "a", "hr", "br", "!doctype",
];
/// Nominals of one area, which share a mail.
const OF_AN_AREA: usize = 100;

/// Sends them and reads the mails as a stranger would.
pub fn hostile(mut arguments: Arguments) -> anyhow::Result<()> {
    let values: usize = arguments.take("--values", 100_000)?;
    let seed: u64 = arguments.take("--seed", 1)?;
    arguments.end()?;
    let folder = tempfile::tempdir()?;
    let mut office = Office::open(folder.path())?;
    let mut random = Random::new(seed);
    let areas = values.div_ceil(OF_AN_AREA);
    for area in 1..=areas {
        office.area(area)?;
    }
    office.settle()?;
    office.clock.set(at("2026-03-02T09:00:00Z")?);
    let (mut told, mut refused) = (Vec::with_capacity(values), 0usize);
    while told.len() < values {
        let reference = reference(&mut random, told.len());
        let area = format!("area/A{}", told.len() / OF_AN_AREA + 1);
        // What cannot stand in an id is refused at the door.
        match office.nominal(&format!("nominal/{reference}"), &area) {
            Ok(()) => told.push(reference),
            Err(_) => refused += 1,
        }
        ensure!(refused < values * 20, "hardly any reference is taken");
    }
    office.settle()?;
    let server = Server::start(seed, Word::Kept)?;
    server.be_well();
    let now: Instant = at("2026-03-08T00:00:00Z")?;
    office.clock.set(now);
    let scheduler = scheduler(&office.store, &office.data_dir(), office.clock.clone(), server.port)?;
    let report = scheduler.pass(now)?;
    let mails = server.kept();
    ensure!(report.steps.raised == values, "{:?}", report.steps);
    let (mut in_text, mut in_html): (HashSet<String>, HashSet<String>) = (HashSet::new(), HashSet::new());
    for bytes in &mails {
        ensure!(bytes.is_ascii(), "not plain ASCII");
        let message = MessageParser::default().parse(bytes).context("cannot be read")?;
        ensure!(message.headers().len() == 8, "a header more: {:?}", message.headers());
        ensure!(message.parts.len() == 3, "a part more");
        let text = message.body_text(0).context("no text part")?;
        let named = text.lines().filter_map(|line| {
            let (_, after) = line.split_once("  ")?;
            Some(after.rsplit_once("  paragraph 4.10  ")?.0.to_owned())
        });
        in_text.extend(named);
        let html = visible(&message.body_html(0).context("no HTML part")?)?;
        in_html.extend(html.lines().map(str::to_owned));
    }
    for reference in &told {
        ensure!(in_text.contains(reference), "`{reference}` is in no text part");
        ensure!(in_html.contains(reference), "`{reference}` is in no HTML part");
    }
    println!(
        "{values} hostile references in {} mails are inert text; {refused} were refused at the door",
        mails.len()
    );
    Ok(())
}

/// Some parts after one another, and a number that makes it the only one.
fn reference(random: &mut Random, number: usize) -> String {
    let mut reference = String::new();
    for _ in 0..=random.below(6) {
        let at = usize::try_from(random.below(PARTS.len() as u64)).unwrap_or(0);
        reference.push_str(PARTS.get(at).copied().unwrap_or_default());
    }
    reference.push_str(&format!("~{number}"));
    reference
}

/// The text of an HTML document, each piece on a line of its own; an element that is none of ours, an attribute that could
/// act, or a bracket that opens nothing is an error.
fn visible(html: &str) -> anyhow::Result<String> {
    let mut found = String::from("\n");
    let mut rest = html;
    while let Some((before, after)) = rest.split_once('<') {
        found.push_str(&unescaped(before)?);
        let (tag, left) = after.split_once('>').context("a bracket that opens nothing")?;
        let name =
            tag.trim_start_matches('/').split([' ', '\n']).next().unwrap_or_default().to_ascii_lowercase();
        ensure!(ELEMENTS.contains(&name.as_str()), "an element that is none of ours: {tag}");
        let attributes = tag.split_once(' ').map_or("", |(_, attributes)| attributes);
        let fitting = ["", "html", "lang=\"en-GB\"", "charset=\"utf-8\"", "scope=\"col\""]
            .contains(&attributes)
            || attributes.starts_with("href=\"https://mandate.example.gov.uk/duties/D-");
        ensure!(fitting, "an attribute that is none of ours: {tag}");
        found.push('\n');
        rest = left;
    }
    found.push_str(&unescaped(rest)?);
    Ok(found)
}

/// A piece of text with its references to characters undone.
fn unescaped(text: &str) -> anyhow::Result<String> {
    let mut found = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        found.push_str(before);
        let (name, left) = after.split_once(';').context("an ampersand that is not written as one")?;
        let number = name.strip_prefix('#').and_then(|digits| digits.parse().ok()).and_then(char::from_u32);
        found.push(number.with_context(|| format!("`&{name};` is none of ours"))?);
        rest = left;
    }
    found.push_str(rest);
    Ok(found)
}
