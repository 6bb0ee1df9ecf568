//! Sample reports: every kind of block, with and without anything in it.

use crate::pages::duties::Choice;
use crate::pages::frame::Section;
use crate::pages::listing::{Cell, Choose, Column, Filter, Part, Row, Table, Tag, Text};
use crate::pages::paging::Pages;
use crate::pages::report::{Block, Chart, Pick, Report};
use crate::pages::samples::{self, HOSTILE};
use crate::pages::words::Status;
use crate::pages::{Link, samples::demo};

fn table(rows: Vec<Row>) -> Table {
    let total = rows.len() as u64;
    Table {
        id: "trend",
        title: Some("Month by month".to_owned()),
        caption: "Months".to_owned(),
        noun: ["month", "months"],
        note: Some("How it is counted.".to_owned()),
        columns: ["Month", "Met in time"].map(Column::plain).into(),
        rows,
        pages: Pages::new(1, total.max(1), total, |_| String::new()),
        nothing: "No month can be shown.".to_owned(),
    }
}

fn report(blocks: Vec<Block>) -> Report {
    Report {
        frame: samples::demo(),
        section: Section::Compliance,
        heading: "Area A07".to_owned(),
        purpose: "Whether it is getting better.".to_owned(),
        paragraphs: vec![Link::new("paragraph 4.2", "/coverage#p-4-2")],
        crumbs: vec![Link::new("Compliance", "/compliance")],
        tabs: Vec::new(),
        filter: None,
        checked_at: "Tuesday 10 March 2026 at 09:00".to_owned(),
        downloads: vec![Link::new("the months as CSV", "/areas/A07?format=csv")],
        blocks,
    }
}

/// Every kind of block.
pub fn full() -> Report {
    let bar = |label: &str, value: Option<u64>, words: &str| (label.to_owned(), value, words.to_owned());
    let bars = [bar("Jan 26", Some(90), "90 %"), bar("Feb 26", None, "kept back")];
    let choices = vec![Choice { value: "5".to_owned(), text: "5 events".to_owned(), chosen: true }];
    let row = Row::of(vec![Cell::text("Jan 2026"), Cell::text("90.0 %").and_secondary("9 of 10")]);
    let tag = Tag { words: "90 % or more", like: Status::Met };
    report(vec![
        Block::Answer { sentence: "In Jan 2026 nine of ten were met.".to_owned(), tags: vec![tag] },
        Block::Chart(Chart::bars("trend-chart", "Met in time", "Jan 26 90 %.", (100, " %"), bars)),
        Block::Table(table(vec![row])),
        Block::heading("facts", "Facts"),
        Block::words("A sentence."),
        Block::Facts {
            id: "facts-list",
            rows: vec![(
                "Root".to_owned(),
                Cell::text("47DEQpj8HBSa").and(Part::Link(Link::new("Note", "/x"))),
            )],
        },
        Block::Commands(vec!["mandate log verify".to_owned()]),
        Block::Pick(Pick {
            action: "/assurance".to_owned(),
            carried: vec![("asAt".to_owned(), "2026-03-06".to_owned())],
            choices: vec![Choose { name: "from", label: "The smaller size", any: "", choices }],
            button: "Prove it",
        }),
        Block::Live {
            stream: "/v1/events/stream?after=12".to_owned(),
            again: Link::new("Look again for what has been recorded since", "/events"),
        },
        Block::Steps {
            earlier: Some(Link::new("Earlier events", "/events?upTo=5")),
            later: Some(Link::new("Back to the latest events", "/events")),
        },
    ])
}

/// A search of the log, filtered.
pub fn filtered() -> Report {
    let text = Text {
        name: "subject",
        label: "About",
        hint: "A reference.",
        value: "nominal/N-7F3K29QX".to_owned(),
    };
    Report {
        frame: demo(),
        heading: "Events".to_owned(),
        section: Section::Assurance,
        filter: Some(Filter { action: "/events".to_owned(), texts: vec![text], ..Filter::default() }),
        ..report(vec![Block::Table(table(Vec::new()))])
    }
}

/// Nothing to show.
pub fn empty() -> Report {
    Report { downloads: Vec::new(), crumbs: Vec::new(), ..report(Vec::new()) }
}

/// Text that would be markup.
pub fn hostile() -> Report {
    let row = Row::of(vec![Cell::text(HOSTILE), Cell::link(HOSTILE, "/x")]);
    let bars = [(HOSTILE.to_owned(), Some(3), HOSTILE.to_owned())];
    report(vec![
        Block::words(HOSTILE),
        Block::Table(table(vec![row])),
        Block::Facts { id: "facts-list", rows: vec![(HOSTILE.to_owned(), Cell::text(HOSTILE))] },
        Block::Commands(vec![HOSTILE.to_owned()]),
        Block::Chart(Chart::bars("chart", HOSTILE, HOSTILE, (5, ""), bars)),
    ])
}
