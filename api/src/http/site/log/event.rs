//! One event: what it says, what it rests on, what followed from it, and the proof that it is in the log.

use axum::extract::{Path, State};
use axum::http::{HeaderMap, Uri};
use axum::response::{IntoResponse as _, Redirect, Response};
use base64ct::{Base64, Encoding as _};
use mandate_domain::catalogue::{FactType, Field, SubjectKind};
use mandate_domain::fact::Value as FactValue;
use mandate_domain::judge::{DutyRecord, View};
use mandate_store::{MAX_READ, Position, Sequence, StoredEvent};
use serde_json::Value;

use super::{about, duty_link, is_duty, place, reader, teller};
use crate::http::app::App;
use crate::http::error::HttpError;
use crate::http::query::Query;
use crate::http::reads::{self, Reading};
use crate::http::sight::Hidden;
use crate::http::site::lists::{one_table, paragraph_link};
use crate::http::site::moment::{self, Asked};
use crate::http::site::visitor::Visitor;
use crate::http::site::words::{at_london, checked_at, field, kind, sentence_case, value};
use crate::http::site::{answer, show_judged};
use crate::pages::Link;
use crate::pages::frame::Section;
use crate::pages::listing::{Cell, Column, Part, Row, Table, Tag};
use crate::pages::paging::Pages;
use crate::pages::report::{Block, Report};
use crate::pages::words::{Status, grouped};

/// Most annulments that are looked through.
const ANNULMENTS: usize = 50_000;
/// Most duties whose own events are read for what followed.
const FOLLOWED: usize = 50;

/// The page.
pub async fn page(
    State(app): State<App>,
    Path(position): Path<String>,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    let raw = uri.query().map(str::to_owned);
    show_judged(app, &uri, &headers, move |app, visitor| fill(app, visitor, &position, raw.as_deref())).await
}

fn fill(app: &App, visitor: &Visitor, position: &str, raw: Option<&str>) -> Result<Response, HttpError> {
    let query = Query::read(raw, &moment::KNOWN)?;
    let now = app.now();
    let shown = match moment::read(&query, &format!("/events/{position}"), &[], now)? {
        Asked::Redirect(to) => return Ok(Redirect::to(&to).into_response()),
        Asked::Page(shown) => *shown,
    };
    let asker = reader(app, visitor)?;
    let wrong = || HttpError::not_found("position", position);
    let number: u64 = position.parse().map_err(|_| wrong())?;
    let hidden = asker.hidden(app)?;
    let found = app.store.reader().by_position(Position::new(number))?;
    let event = found.filter(|event| !hidden.hides(event)).ok_or_else(wrong)?;
    reads::record(app, &visitor.caller, &[Reading::Events(Position::new(number.saturating_sub(1)))])?;
    let view = shown.view(now);
    let mut frame = visitor.frame(app, Some(shown.moment))?;
    frame.errors = shown.errors;
    let seen = Seen { app, event: &event, view, carry: frame.carry(), hidden: &hidden };
    let blocks = seen.blocks()?;
    answer(&Report {
        section: Section::Assurance,
        heading: format!("Event {position}"),
        purpose: "What was told, by whom and when; what it rests on, what followed from it, and the proof that it is in the log unaltered.".to_owned(),
        paragraphs: vec![paragraph_link("4.16.o")],
        crumbs: vec![Link::new("Events", format!("/events{}", seen.carry))],
        tabs: Vec::new(),
        filter: None,
        checked_at: checked_at(now),
        downloads: vec![
            Link::new("the event as JSON", format!("/v1/events/{position}")),
            Link::new("its proof as JSON", format!("/v1/events/{position}/proof")),
        ],
        blocks,
        frame,
    })
}

/// An event as seen at a moment.
struct Seen<'s> {
    app: &'s App,
    event: &'s StoredEvent,
    view: View,
    carry: String,
    hidden: &'s Hidden,
}

impl Seen<'_> {
    fn blocks(&self) -> Result<Vec<Block>, HttpError> {
        let annulments = self.annulments()?;
        let mut blocks = vec![self.answer(&annulments), Block::heading("says", "What it says"), self.facts()];
        blocks.push(Block::Table(self.data()?));
        blocks.push(Block::heading("causes", "What it rests on"));
        let causes = self.causes()?;
        if causes.is_empty() {
            blocks.push(Block::words("It names no other event and no command: it was told from outside."));
        } else {
            blocks.push(Block::Facts { id: "causes-facts", rows: causes });
        }
        blocks.push(Block::Table(self.changes()?));
        blocks.push(Block::Table(self.effects(&annulments)?));
        blocks.push(Block::heading("proof", "The proof that it is in the log"));
        blocks.extend(self.proof()?);
        Ok(blocks)
    }

    fn answer(&self, annulments: &[StoredEvent]) -> Block {
        let fact = &self.event.fact;
        let intact = if self.event.is_intact() {
            Tag { words: "Agrees with its leaf", like: Status::Met }
        } else {
            Tag { words: "Does not agree with its leaf", like: Status::Overdue }
        };
        let mut tags = vec![intact];
        if !annulments.is_empty() {
            tags.push(Tag { words: "Named by an annulment", like: Status::Annulled });
        }
        let sentence = format!("{} ({}), told by {}.", kind(fact.kind.name()), fact.kind.name(), fact.source);
        Block::Answer { sentence, tags }
    }

    fn facts(&self) -> Block {
        let (event, fact) = (self.event, &self.event.fact);
        let part = about(&fact.subject, &self.carry);
        // A link says the reference; the whole id stands below.
        let whole = if matches!(part, Part::Link(_)) { &*fact.subject } else { "" };
        let subject = Cell(vec![part]).and_secondary(whole);
        let mut rows = vec![
            ("About".to_owned(), subject),
            ("Occurred".to_owned(), Cell::text(at_london(fact.time)).and_secondary(fact.time.to_string())),
            (
                "Recorded".to_owned(),
                Cell::text(at_london(event.recorded_at)).and_secondary(event.recorded_at.to_string()),
            ),
        ];
        if let Some(claimed) = event.claimed_at {
            let cell = Cell::text(at_london(claimed))
                .and_secondary("imported: a claim, kept beside the log’s own time");
            rows.push(("Recorded elsewhere".to_owned(), cell));
        }
        rows.push(("Told by".to_owned(), teller(event)));
        rows.push(("Its id there".to_owned(), Cell::text(fact.id.to_string())));
        rows.push((
            "Place".to_owned(),
            Cell::text(format!("position {} of the log", grouped(event.position.get())))
                .and_secondary(format!("number {} about its subject", event.sequence)),
        ));
        if event.sealed.is_some() {
            let cell = Cell::text("A part of it is sealed under its subject’s key and is not shown.");
            rows.push(("Sealed".to_owned(), cell));
        }
        Block::Facts { id: "event-facts", rows }
    }

    /// The public data, field by field as it is stored.
    fn data(&self) -> Result<Table, HttpError> {
        let failed = |error: serde_json::Error| HttpError::Failed(error.to_string());
        let stored: Value = serde_json::from_str(&self.event.payload).map_err(failed)?;
        let data = stored.get("data").and_then(Value::as_object);
        let row = |(name, value): (&String, &Value)| {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            let cell = if value.as_str() == Some("") {
                Cell(vec![Part::Nothing("empty".to_owned())])
            } else if SubjectKind::of(&text).is_some() {
                Cell(vec![about(&text, &self.carry)])
            } else {
                Cell::text(text)
            };
            Row::of(vec![Cell::text(name.clone()), cell])
        };
        let rows = data.into_iter().flatten().map(row).collect();
        let nothing = "It has no public data beside its type, subject and time.";
        Ok(whole("data", "Public data", ["Field", "Value"].as_slice(), ["field", "fields"], rows, nothing))
    }

    /// What it names, and the command that it came from.
    fn causes(&self) -> Result<Vec<(String, Cell)>, HttpError> {
        let log = self.app.store.reader();
        let fact = &self.event.fact;
        let mut rows = Vec::new();
        if let Some(command) = &self.event.command_id {
            rows.push(("Command".to_owned(), Cell::text(command.to_string())));
        }
        if let Some(duty) = fact.subject.strip_prefix("duty/").filter(|duty| is_duty(duty)) {
            let link = Part::Link(duty_link(duty, &self.carry));
            rows.push(("Duty".to_owned(), Cell(vec![link]).and_secondary(duty)));
            if let Some(opener) = opener(duty) {
                rows.push(("Opened by".to_owned(), self.named(opener)?));
            }
        }
        for (name, value) in &fact.data {
            match (name, value) {
                (_, FactValue::Event(named)) => {
                    let found = log.by_source_id(&named.0, &named.1)?;
                    rows.push((
                        sentence_case(name.name()),
                        self.linked(found, &format!("{}#{}", named.0, named.1)),
                    ));
                }
                (Field::ClosedBy, FactValue::Text(reference)) => {
                    rows.push(("Closed by".to_owned(), self.named(reference)?));
                }
                _ => {}
            }
        }
        Ok(rows)
    }

    /// An event by `<source>#<id>`.
    fn named(&self, reference: &str) -> Result<Cell, HttpError> {
        let found = match reference.rsplit_once('#') {
            Some((source, id)) => self.app.store.reader().by_source_id(source, id)?,
            None => None,
        };
        Ok(self.linked(found, reference))
    }

    fn linked(&self, found: Option<StoredEvent>, reference: &str) -> Cell {
        match found.filter(|event| !self.hidden.hides(event)) {
            Some(event) => place(event.position, &self.carry)
                .and_secondary(format!("{}, {reference}", kind(event.fact.kind.name()))),
            None => Cell::text(reference).and_secondary("not in the log yet"),
        }
    }

    /// What it changed in the state of its subject.
    fn changes(&self) -> Result<Table, HttpError> {
        let subject = &self.event.fact.subject;
        let entries = match SubjectKind::of(subject) {
            Some(SubjectKind::Nominal) => self.app.projections.timeline(subject, self.view)?,
            _ => Vec::new(),
        };
        let own = entries.into_iter().filter(|entry| entry.position == self.event.position);
        let row = |(name, before, after): &(String, String, String)| {
            let cells = [field(name), value(name, before), value(name, after)];
            Row::of(cells.map(Cell::text).into_iter().collect())
        };
        let rows = own.flat_map(|entry| entry.changes.iter().map(row).collect::<Vec<_>>()).collect();
        let nothing = "It changed nothing in the state of whom it is about.";
        let columns = ["Of its subject", "Before", "After"];
        Ok(whole("changes", "Before and after", &columns, ["change", "changes"], rows, nothing))
    }

    /// Annulments that name it.
    fn annulments(&self) -> Result<Vec<StoredEvent>, HttpError> {
        let fact = &self.event.fact;
        let (mut found, mut after, mut read) = (Vec::new(), Position::START, 0);
        while read < ANNULMENTS {
            let page = self.app.store.reader().read_types(&[FactType::FactAnnulled], after, MAX_READ)?;
            if page.events.is_empty() || page.searched_to <= after {
                break;
            }
            (after, read) = (page.searched_to, read + page.events.len());
            found.extend(page.events.into_iter().filter(|event| {
                event.known_at() <= self.view.known_at
                    && matches!(event.fact.get(Field::Event), Some(FactValue::Event(named))
                        if *named.0 == *fact.source && *named.1 == *fact.id)
            }));
        }
        Ok(found)
    }

    /// Duties that it opened or closed, what was raised of them, and annulments of it.
    fn effects(&self, annulments: &[StoredEvent]) -> Result<Table, HttpError> {
        let fact = &self.event.fact;
        let reference = fact.reference();
        let duties = match SubjectKind::of(&fact.subject) {
            Some(SubjectKind::Duty) | None => Vec::new(),
            Some(_) => self.app.projections.duties_at(&fact.subject, self.view)?,
        };
        let mut rows: Vec<Row> = annulments
            .iter()
            .map(|event| {
                Row::of(vec![
                    Cell::text("Annulled by"),
                    place(event.position, &self.carry),
                    Cell::text(at_london(event.recorded_at)),
                ])
            })
            .collect();
        let concerned = |duty: &&DutyRecord| {
            duty.opened_by == reference || duty.closed_by.as_deref() == Some(reference.as_str())
        };
        for duty in duties.iter().filter(concerned).take(FOLLOWED) {
            let what = if duty.opened_by == reference { "Opened" } else { "Closed" };
            let link = Cell(vec![Part::Link(duty_link(&duty.duty, &self.carry))]);
            let stands = sentence_case(&format!("{}, paragraph {}", duty.outcome().name(), duty.paragraph));
            rows.push(Row::of(vec![Cell::text(what), link, Cell::text(stands)]));
            if duty.opened_by == reference {
                rows.extend(self.raised(&duty.duty)?);
            }
        }
        let nothing = "No duty was opened or closed by it, and no annulment names it.";
        let columns = ["What followed", "Where", "How it stands"];
        Ok(whole("effects", "What followed from it", &columns, ["effect", "effects"], rows, nothing))
    }

    /// What the log says of the breaches of a duty.
    fn raised(&self, duty: &str) -> Result<Vec<Row>, HttpError> {
        let events =
            self.app.store.reader().read_subject(&format!("duty/{duty}"), Sequence::START, MAX_READ)?;
        let told = |event: &&StoredEvent| {
            matches!(
                event.fact.kind,
                FactType::DutyBreached
                    | FactType::BreachClosed
                    | FactType::BreachRescinded
                    | FactType::DutyWaived
            ) && event.known_at() <= self.view.known_at
                && event.fact.time <= self.view.as_at
        };
        Ok(events
            .iter()
            .filter(told)
            .map(|event| {
                Row::of(vec![
                    Cell::text(kind(event.fact.kind.name())),
                    place(event.position, &self.carry),
                    Cell::text(at_london(event.recorded_at)),
                ])
            })
            .collect())
    }

    /// The proof against the latest checkpoint.
    fn proof(&self) -> Result<Vec<Block>, HttpError> {
        let (log, position) = (self.app.store.reader(), self.event.position);
        let leaf = Base64::encode_string(&self.event.leaf);
        let signed = log.checkpoints(log.head()?.position, 1)?.pop().filter(|signed| signed.size >= position);
        let text = |name: &str, value: String| (name.to_owned(), Cell::text(value));
        let index = text("Leaf index", format!("{} (counted from 0)", grouped(position.get() - 1)));
        let Some(signed) = signed else {
            return Ok(vec![
                Block::words(
                    "No signed checkpoint covers it yet; one is signed each minute in which something was recorded, where there is a signing key.",
                ),
                Block::Facts { id: "proof-facts", rows: vec![index, text("Leaf", leaf)] },
            ]);
        };
        let size = signed.size;
        let root = signed.note.lines().nth(2).unwrap_or_default().to_owned();
        Ok(vec![
            Block::words(format!(
                "It is leaf {} of the {} that the checkpoint signed {} covers; {} hashes lead from it to the root.",
                grouped(position.get() - 1),
                grouped(size.get()),
                at_london(signed.signed_at),
                path_length(position.get() - 1, size.get()),
            )),
            Block::Facts {
                id: "proof-facts",
                rows: vec![
                    index,
                    text("Leaf", leaf),
                    text("Size of the tree", grouped(size.get())),
                    text("Root", root),
                    (
                        "Files".to_owned(),
                        Cell::link("Proof as JSON", format!("/v1/events/{position}/proof?size={size}"))
                            .and(Part::Link(Link::new(
                                "Checkpoint as a signed note",
                                format!("/assurance/checkpoint.txt?size={size}"),
                            )))
                            .and(Part::Link(Link::new(
                                "How to verify it without Mandate",
                                "/assurance#verify",
                            ))),
                    ),
                ],
            },
        ])
    }
}

/// How many hashes lead from a leaf to the root of a tree of so many (RFC 6962, 2.1.1); the hashes themselves take the
/// whole log to be read, and are told where the proof is asked for.
fn path_length(leaf: u64, size: u64) -> u32 {
    let (mut leaf, mut size, mut length) = (leaf, size, 0);
    while size > 1 {
        // The largest power of two below the size is where the tree divides.
        let left = size.next_power_of_two() / 2;
        (leaf, size) = if leaf < left { (leaf, left) } else { (leaf - left, size - left) };
        length += 1;
    }
    length
}

/// The event that opened a duty: its id is the rule, the subject and `<source>#<id>` of that event.
fn opener(duty: &str) -> Option<&str> {
    duty.splitn(3, ':').nth(2)
}

/// A table of all its rows.
pub fn whole(
    id: &'static str,
    title: &str,
    columns: &[&str],
    noun: [&'static str; 2],
    rows: Vec<Row>,
    nothing: &str,
) -> Table {
    let total = rows.len() as u64;
    let pages = Pages::new(1, total.max(1), total, |_| String::new());
    let columns = columns.iter().map(|label| Column::plain(*label)).collect();
    Table {
        title: Some(title.to_owned()),
        nothing: nothing.to_owned(),
        ..one_table(id, title, noun, columns, rows, pages)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_leaf_of_a_tree_that_is_not_full_has_as_many_hashes_as_in_rfc_6962() {
        // The tree of seven leaves in 2.1.3: all are three deep but the seventh.
        let lengths: Vec<u32> = (0..7).map(|leaf| path_length(leaf, 7)).collect();
        assert_eq!(lengths, [3, 3, 3, 3, 3, 3, 2]);
        assert_eq!((path_length(0, 1), path_length(1, 2), path_length(4, 5)), (0, 1, 1));
        // 5,000,000 ends with a subtree of 64 leaves, 6 deep, and has seven larger ones before it: 6 + 7.
        assert_eq!(path_length(4_999_999, 5_000_000), 13);
    }
}
