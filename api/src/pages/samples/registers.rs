//! Sample registers, figures, and messages in quarantine.

use crate::pages::compliance::{Compliance, HeatCell, HeatRow};
use crate::pages::date_boxes::DateBoxes;
use crate::pages::duties::{Chip, Choice, Count, Order, Sort};
use crate::pages::frame::{FieldError, Frame, Section};
use crate::pages::listing::{
    Cell, Choose, Column, Dates, Filter, Listing, Part, Row, Tab, Table, Tag, unsorted,
};
use crate::pages::paging::Pages;
use crate::pages::quarantine::{Need, Quarantined};
use crate::pages::samples;
use crate::pages::words::Status;
use crate::pages::{Link, Reference};

const CHECKED: &str = "Tuesday 10 March 2026 at 09:00";

fn paragraphs() -> Vec<Link> {
    vec![Link::new("paragraph 4.16.a", "/coverage#p-4-16-a"), Link::new("paragraph 6.1", "/coverage#p-6-1")]
}

fn tabs() -> Vec<Tab> {
    vec![
        Tab { text: "Audits".to_owned(), href: "/audits".to_owned(), current: true },
        Tab { text: "Attestations".to_owned(), href: "/attestations".to_owned(), current: false },
    ]
}

fn table() -> Table {
    let cells = |user: &str| {
        vec![
            Cell::text(user).and_secondary("Practitioner"),
            Cell::tag("Within 30 days", Status::DueToday).and_secondary("level 2, until 3 Apr 2026"),
            Cell(vec![Part::Nothing("Not signed".to_owned()), Part::Text("Training 3 Mar 2026".to_owned())]),
            Cell::link("N-7F3K29QX", "/nominals/N-7F3K29QX")
                .and(Part::Tag(Tag { words: "Enabled", like: Status::Met })),
        ]
    };
    Table {
        id: "people",
        title: None,
        caption: "People; the column headings sort the list".to_owned(),
        noun: ["person", "people"],
        note: None,
        columns: vec![
            Column {
                label: "Person".to_owned(),
                sort: Some(unsorted("/people?sort=user&dir=asc".to_owned())),
            },
            Column {
                label: "Vetting".to_owned(),
                sort: Some(Sort {
                    order: Order::Ascending,
                    href: "/people?sort=vetting&dir=desc".to_owned(),
                }),
            },
            Column::plain("SyOps and training"),
            Column::plain("Account"),
        ],
        rows: vec![Row::of(cells("user/U-1")), Row { id: Some("u-2".to_owned()), cells: cells("user/U-2") }],
        pages: Pages::new(2, 2, 7, |page| format!("/people?page={page}")),
        nothing: "No person matches.".to_owned(),
    }
}

fn page(frame: Frame) -> Listing {
    Listing {
        frame,
        section: Section::People,
        heading: "People".to_owned(),
        purpose: "Who may use ViSOR.".to_owned(),
        paragraphs: paragraphs(),
        crumbs: Vec::new(),
        tabs: tabs(),
        filter: None,
        counts: vec![Count { text: "People".to_owned(), count: 1_234 }],
        actions: vec![Link::new("Register a user", "/act/register-user")],
        checked_at: CHECKED.to_owned(),
        csv_href: Some("/v1/people?format=csv".to_owned()),
        json_href: Some("/v1/people?format=json".to_owned()),
        tables: vec![table()],
    }
}

pub fn filter() -> Filter {
    Filter {
        action: "/people".to_owned(),
        open: false,
        texts: Vec::new(),
        carried: vec![("sort".to_owned(), "user".to_owned())],
        choices: vec![Choose {
            name: "org",
            label: "Organisation",
            any: "Any organisation",
            choices: vec![Choice { value: "area/A07".to_owned(), text: "area/A07".to_owned(), chosen: true }],
        }],
        dates: vec![Dates {
            name: "from",
            legend: "From",
            hint: "The first day, for example 1 1 2026.",
            boxes: DateBoxes::default(),
        }],
        chips: vec![Chip {
            field: "Organisation".to_owned(),
            value: "area/A07".to_owned(),
            remove_href: "/people".to_owned(),
        }],
        clear_href: "/people".to_owned(),
    }
}

pub fn register() -> Listing {
    page(samples::present("/people"))
}

pub fn filtered() -> Listing {
    Listing { filter: Some(filter()), ..page(samples::past("/people")) }
}

pub fn wrong_date() -> Listing {
    let boxes = DateBoxes::typed(Some("31"), Some("2"), Some("2026"));
    let error = boxes.read("From").unwrap_err();
    let boxes = DateBoxes { error: Some(error.clone()), ..boxes };
    let dates = vec![Dates { boxes, ..filter().dates.remove(0) }];
    let mut frame = samples::present("/people");
    frame.errors = vec![FieldError { field: "from-day".to_owned(), text: error }];
    Listing { filter: Some(Filter { dates, ..filter() }), ..page(frame) }
}

pub fn empty() -> Listing {
    let table = Table { rows: Vec::new(), pages: Pages::default(), ..table() };
    Listing {
        counts: Vec::new(),
        csv_href: None,
        json_href: None,
        paragraphs: Vec::new(),
        tabs: Vec::new(),
        tables: vec![table],
        ..page(samples::present("/people"))
    }
}

pub fn two_tables() -> Listing {
    let titled = |id: &'static str, title: &str| Table {
        id,
        title: Some(title.to_owned()),
        note: Some("Counted at the end of each day.".to_owned()),
        rows: vec![table().rows.remove(0)],
        pages: Pages::new(1, 50, 1, |_| String::new()),
        ..table()
    };
    Listing { tables: vec![titled("cases", "Cases left"), titled("days", "Days")], ..page(samples::demo()) }
}

pub fn hostile() -> Listing {
    let bad = samples::HOSTILE;
    let row = Row::of(vec![
        Cell::text(bad).and_secondary(bad),
        Cell::link(bad, "/people"),
        Cell(vec![Part::Nothing(bad.to_owned())]),
        Cell::optional(Some(bad), "None"),
    ]);
    let table = Table { rows: vec![row], note: Some(bad.to_owned()), ..table() };
    Listing { tables: vec![table], ..page(samples::demo()) }
}

fn cell(words: &str, of: Option<&str>, like: Option<Status>) -> HeatCell {
    HeatCell {
        words: words.to_owned(),
        of: of.map(str::to_owned),
        like,
        href: of.map(|_| "/duties?rule=4.10&area=area/A07".to_owned()),
        about: "4.10, area/A07".to_owned(),
    }
}

pub fn compliance() -> Compliance {
    Compliance {
        frame: samples::present("/compliance"),
        paragraphs: paragraphs(),
        tabs: tabs(),
        period: "1 Jan 2026 to 31 Mar 2026".to_owned(),
        filter: filter(),
        checked_at: CHECKED.to_owned(),
        csv_href: "/v1/compliance?format=csv".to_owned(),
        json_href: "/v1/compliance?format=json".to_owned(),
        for_a_board: false,
        areas: vec![
            Reference::plain("All areas"),
            Reference::linked("area/A07", "/areas/A07"),
            Reference::plain("No area"),
        ],
        rows: vec![
            HeatRow {
                rule: None,
                sentence: "All rules".to_owned(),
                cells: vec![
                    cell("92.3 %", Some("12 of 13"), Some(Status::Met)),
                    cell("71.4 %", Some("5 of 7"), Some(Status::DueThisWeek)),
                    cell("None due", None, None),
                ],
            },
            HeatRow {
                rule: Some(Link::new("4.10", "/rules/4.10")),
                sentence: "Create a ViSOR record".to_owned(),
                cells: vec![
                    cell("33.3 %", Some("1 of 3"), Some(Status::Overdue)),
                    cell("33.3 %", Some("1 of 3"), Some(Status::Overdue)),
                    cell("None due", None, None),
                ],
            },
        ],
    }
}

pub fn compliance_board() -> Compliance {
    let mut page = Compliance { for_a_board: true, ..compliance() };
    for row in &mut page.rows {
        for own in &mut row.cells {
            own.href = None;
        }
        row.cells[1] = cell("Kept back", None, None);
    }
    page
}

pub fn compliance_empty() -> Compliance {
    Compliance { areas: Vec::new(), rows: Vec::new(), ..compliance() }
}

pub fn quarantined() -> Quarantined {
    Quarantined {
        frame: samples::demo(),
        id: "Q-3f2a81c09d00aa11bb22".to_owned(),
        status: "Waiting",
        like: Status::DueThisWeek,
        reason: "needs prison".to_owned(),
        facts: vec![("Told by", "/nomis".to_owned()), ("Here since", CHECKED.to_owned())],
        subject: Some(Link::new("N-7F3K29QX", "/nominals/N-7F3K29QX")),
        needs: vec![Need {
            name: "prison".to_owned(),
            hint: "The prison, for example prison/LEI.".to_owned(),
            value: String::new(),
            error: None,
        }],
        elsewhere: vec!["CRN or NOMS".to_owned()],
        action: Some("/quarantine/Q-3f2a81c09d00aa11bb22".to_owned()),
        typed_reason: String::new(),
    }
}

pub fn quarantined_error() -> Quarantined {
    let error = |field: &str, text: &str| FieldError { field: field.to_owned(), text: text.to_owned() };
    let mut page = quarantined();
    page.frame.errors = vec![
        error("need-prison", "State prison as the hint says, then try again."),
        error("reason", "Say why the message is discarded."),
    ];
    for need in &mut page.needs {
        need.error = Some("State prison as the hint says, then try again.".to_owned());
    }
    page
}

pub fn quarantined_settled() -> Quarantined {
    Quarantined {
        status: "Discarded",
        like: Status::Withdrawn,
        subject: None,
        needs: Vec::new(),
        elsewhere: Vec::new(),
        action: None,
        ..quarantined()
    }
}
