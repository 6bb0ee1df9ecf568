//! Assurance: the checkpoints, how to verify them without Mandate, and the files that this takes.

use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use base64ct::{Base64, Encoding as _};
use mandate_store::{Position, Signed};

use super::event::whole;
use super::{TABS, reader};
use crate::http::app::App;
use crate::http::error::HttpError;
use crate::http::query::Query;
use crate::http::site::lists::paragraph_link;
use crate::http::site::visitor::Visitor;
use crate::http::site::words::{at_london, checked_at};
use crate::http::site::{answer, show_judged};
use crate::pages::Link;
use crate::pages::duties::Choice;
use crate::pages::frame::Section;
use crate::pages::listing::{Cell, Choose, Part, Row, Tab, Tag};
use crate::pages::report::{Block, Pick, Report};
use crate::pages::words::{Status, grouped};

/// Checkpoints on the page; a proof can be asked for between any two of them.
const SHOWN: usize = 20;

/// The page.
pub async fn page(State(app): State<App>, uri: Uri, headers: HeaderMap) -> Response {
    let raw = uri.query().map(str::to_owned);
    show_judged(app, &uri, &headers, move |app, visitor| fill(app, visitor, raw.as_deref())).await
}

fn fill(app: &App, visitor: &Visitor, raw: Option<&str>) -> Result<Response, HttpError> {
    // A moment that is carried from page to page changes nothing here: checkpoints are what was signed.
    let query = Query::read(raw, &["from", "to", "asAt", "knownAt"])?;
    reader(app, visitor)?;
    let head = app.store.reader().head()?.position;
    let signed = app.store.reader().checkpoints(head, SHOWN)?;
    let mut blocks = vec![standing(head, signed.first())];
    blocks.push(Block::Facts { id: "assurance-files", rows: files(app, signed.first()) });
    blocks.push(Block::Table(table(&signed)));
    blocks.push(Block::heading("consistency", "That one size continues another"));
    blocks.extend(consistency(app, &query, &signed)?);
    blocks.push(Block::heading("verify", "How to verify without Mandate"));
    blocks.extend(how());
    answer(&Report {
        frame: visitor.frame(app, None)?,
        section: Section::Assurance,
        heading: "Assurance".to_owned(),
        purpose: "What shows that nothing in the log was altered, removed or put in between, and how anybody checks it without us.".to_owned(),
        paragraphs: vec![paragraph_link("4.16.o")],
        crumbs: Vec::new(),
        tabs: tabs("/assurance"),
        filter: None,
        checked_at: checked_at(app.now()),
        downloads: vec![Link::new("the checkpoints as JSON", "/v1/checkpoints")],
        blocks,
    })
}

/// The pages about the log, one of them open.
fn tabs(path: &str) -> Vec<Tab> {
    let tab = |(text, href): (&str, &str)| Tab {
        text: text.to_owned(),
        href: href.to_owned(),
        current: href == path,
    };
    TABS.into_iter().map(tab).collect()
}

fn standing(head: Position, latest: Option<&Signed>) -> Block {
    let (sentence, tag) = match latest {
        None => (
            format!(
                "The log holds {} events and no checkpoint was signed: there is no signing key, or nothing was recorded since it was made.",
                grouped(head.get())
            ),
            Tag { words: "Not signed", like: Status::Overdue },
        ),
        Some(signed) if signed.size == head => (
            format!(
                "All {} events of the log are covered by the checkpoint signed {}.",
                grouped(head.get()),
                at_london(signed.signed_at)
            ),
            Tag { words: "Signed to the end", like: Status::Met },
        ),
        Some(signed) => (
            format!(
                "The checkpoint signed {} covers {} of {} events; the next is signed within a minute.",
                at_london(signed.signed_at),
                grouped(signed.size.get()),
                grouped(head.get())
            ),
            Tag { words: "Signed, not yet to the end", like: Status::DueThisWeek },
        ),
    };
    Block::Answer { sentence, tags: vec![tag] }
}

fn files(app: &App, latest: Option<&Signed>) -> Vec<(String, Cell)> {
    let mut rows = Vec::new();
    match app.store.verifying_key() {
        Some(key) => rows.push((
            "Public key".to_owned(),
            Cell::text(key.to_string())
                .and(Part::Link(Link::new("Download auditor.vkey", "/assurance/auditor.vkey"))),
        )),
        None => rows.push((
            "Public key".to_owned(),
            Cell(vec![Part::Nothing("There is no signing key: `mandate log key` makes one.".to_owned())]),
        )),
    }
    if let Some(signed) = latest {
        let link = Link::new("Download checkpoint.txt", "/assurance/checkpoint.txt");
        rows.push((
            "Latest root".to_owned(),
            Cell::text(root(&signed.note))
                .and_secondary(format!("of {} events", grouped(signed.size.get())))
                .and(Part::Link(link)),
        ));
    }
    rows
}

/// The root of a signed note: its third line.
fn root(note: &str) -> String {
    note.lines().nth(2).unwrap_or_default().to_owned()
}

fn table(signed: &[Signed]) -> crate::pages::listing::Table {
    let row = |one: &Signed| {
        Row::of(vec![
            Cell::text(grouped(one.size.get())),
            Cell::text(at_london(one.signed_at)),
            Cell::text(root(&one.note)),
            Cell::link(
                format!("Checkpoint of {}", grouped(one.size.get())),
                format!("/assurance/checkpoint.txt?size={}", one.size),
            ),
        ])
    };
    let rows = signed.iter().map(row).collect();
    let columns = ["Events covered", "Signed", "Root", "Signed note"];
    let nothing = "No checkpoint was signed yet.";
    whole("checkpoints", "The latest checkpoints", &columns, ["checkpoint", "checkpoints"], rows, nothing)
}

/// The form of two sizes, and the proof between those chosen.
fn consistency(app: &App, query: &Query, signed: &[Signed]) -> Result<Vec<Block>, HttpError> {
    let (Some(latest), Some(oldest)) = (signed.first(), signed.last()) else {
        return Ok(vec![Block::words("There is nothing to compare before the first checkpoint is signed.")]);
    };
    let size = |name: &str, default: Position| -> Result<Position, HttpError> {
        Ok(Position::new(query.number(name, default.get(), 1..=u64::MAX >> 1)?))
    };
    let asked = query.one("from")?.is_some() && query.one("to")?.is_some();
    let (from, to) = (size("from", oldest.size)?, size("to", latest.size)?);
    let choose = |name, label, chosen: Position| {
        let mut sizes: Vec<Position> = signed.iter().map(|one| one.size).collect();
        if !sizes.contains(&chosen) {
            sizes.push(chosen);
        }
        let choice = |size: Position| Choice {
            value: size.to_string(),
            text: format!("{} events", grouped(size.get())),
            chosen: size == chosen,
        };
        Choose { name, label, any: "", choices: sizes.into_iter().map(choice).collect() }
    };
    let pick = Pick {
        action: "/assurance".to_owned(),
        carried: Vec::new(),
        choices: vec![choose("from", "The smaller size", from), choose("to", "The larger size", to)],
        button: "Prove it",
    };
    let mut blocks = vec![
        Block::words(
            "A checkpoint that you kept, from a mail’s footer or an earlier audit, is proved to be the beginning of a later one.",
        ),
        Block::Pick(pick),
    ];
    if asked {
        if from > to {
            return Err(HttpError::parameter(
                "from",
                format!("{from} is more than `to`, {to}; choose them the other way round"),
            ));
        }
        blocks.push(proved(app, from, to)?);
    }
    Ok(blocks)
}

fn proved(app: &App, from: Position, to: Position) -> Result<Block, HttpError> {
    let head = app.store.reader().head()?.position;
    if to > head {
        return Err(HttpError::parameter("to", format!("{to} is more than the log holds, {head}")));
    }
    let proof = app.store.reader().consistency(from, to)?;
    let hashes = match proof.len() {
        0 => Cell::text("none is needed: the sizes are the same"),
        _ => Cell(proof.iter().map(|hash| Part::Text(Base64::encode_string(hash))).collect()),
    };
    let json = format!("/v1/checkpoints/consistency?from={from}&to={to}");
    let request = format!("/assurance/request.txt?from={from}&to={to}");
    Ok(Block::Facts {
        id: "consistency-facts",
        rows: vec![
            ("From".to_owned(), Cell::text(format!("{} events", grouped(from.get())))),
            ("To".to_owned(), Cell::text(format!("{} events", grouped(to.get())))),
            ("Hashes of the proof".to_owned(), hashes),
            (
                "Files".to_owned(),
                Cell::link("Proof of consistency as JSON", json)
                    .and(Part::Link(Link::new("Request for a witness, request.txt", request))),
            ),
        ],
    })
}

/// The exact commands.
fn how() -> Vec<Block> {
    let lines = |lines: &[&str]| Block::Commands(lines.iter().map(|line| (*line).to_owned()).collect());
    vec![
        Block::words(
            "The whole log, by an operator who exports it and an auditor who has nothing of ours but the verifier and a checkpoint that was kept elsewhere. Exit code 0 means proven, 5 altered, 6 a range missing.",
        ),
        lines(&[
            "mandate log export --format bundle --out log.bundle",
            "mandate-verify --key auditor.vkey --checkpoint checkpoint.txt log.bundle",
        ]),
        Block::words(
            "That the log only ever grows, with a file that keeps the last checkpoint seen. It refuses a log that was forked or cut short.",
        ),
        lines(&["mandate-verify witness --key auditor.vkey --state seen.txt request.txt"]),
        Block::words("Inside, against the database: every row, leaf and stream."),
        lines(&["mandate log verify"]),
    ]
}
