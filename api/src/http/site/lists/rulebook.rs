//! The rule book's reports: what a draft would have changed, rules that can govern one act, breaches under each reading.

use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use mandate_domain::judge::backtest::{CaseRecord, Line, Numbers, Report, SideRecord, Summary};
use mandate_domain::overlap::{Overlap, Shared, overlaps};
use mandate_domain::policy::Basis;

use super::{Asking, Begun, Spec, Words, one_table, short_day, subject_part};
use crate::http::app::App;
use crate::http::error::HttpError;
use crate::http::policies::{CHANGES, Draft, MISSED, Wanted, backtest, counted, days, drafts};
use crate::http::query::encoded;
use crate::http::site::visitor::Visitor;
use crate::http::site::words::sentence_case;
use crate::http::site::{Access, answer, show, show_judged};
use crate::pages::Link;
use crate::pages::duties::Count;
use crate::pages::frame::Section;
use crate::pages::listing::{Cell, Column, Part, Row, Table};
use crate::pages::paging::Pages;
use crate::readings::Reading;

/// The pages about the policy.
pub const TABS: [(&str, &str); 5] = [
    ("Rules", "/rules"),
    ("Coverage of the framework", "/coverage"),
    ("Backtest", "/rules/backtest"),
    ("Overlaps", "/rules/overlap"),
    ("Readings", "/rules/readings"),
];

const BACKTEST: Spec = Spec {
    path: "/rules/backtest",
    api: "/v1/policies/backtest",
    choices: &[
        ("draft", "Draft"),
        ("rule", "Rule"),
        ("holder", "Holder"),
        ("change", "Duty"),
        ("missed", "Missed deadline"),
    ],
    dates: &[("from", "Due from", "For example, 1 4 2026"), ("to", "Due to", "For example, 31 3 2027")],
};

const BACKTEST_WORDS: Words<'static> = Words {
    heading: "Backtest",
    purpose: "What a draft of the rules would have changed over the whole history: which duties and missed deadlines appear, vanish or move.",
    paragraphs: &[],
};

const OVERLAP: Spec = Spec {
    path: "/rules/overlap",
    api: "/v1/policies/overlap",
    choices: &[],
    dates: &[("from", "First day", "For example, 1 1 2021"), ("to", "Last day", "For example, 31 10 2027")],
};

const OVERLAP_WORDS: Words<'static> = Words {
    heading: "Overlaps",
    purpose: "Rules that can govern one act, and the days on which the deadline that is usually earlier is the later one.",
    paragraphs: &["4.10", "4.14"],
};

const READINGS: Spec =
    Spec { path: "/rules/readings", api: "/v1/policies/readings", choices: &[], dates: &[] };

const READINGS_WORDS: Words<'static> = Words {
    heading: "Readings",
    purpose: "The number of breaches under each recorded reading of the framework, and under those that were not chosen.",
    paragraphs: &[],
};

/// What a draft would have changed.
pub async fn backtested(State(app): State<App>, uri: Uri, headers: HeaderMap) -> Response {
    let raw = uri.query().map(str::to_owned);
    show_judged(app, &uri, &headers, move |app, visitor| fill_backtest(app, visitor, raw.as_deref())).await
}

/// Rules that can govern one act.
pub async fn overlapping(State(app): State<App>, uri: Uri, headers: HeaderMap) -> Response {
    let raw = uri.query().map(str::to_owned);
    show(app, Access::SignedIn, &uri, &headers, move |app, visitor| {
        fill_overlap(app, visitor, raw.as_deref())
    })
    .await
}

/// Breaches under each recorded reading.
pub async fn read(State(app): State<App>, uri: Uri, headers: HeaderMap) -> Response {
    let raw = uri.query().map(str::to_owned);
    show_judged(app, &uri, &headers, move |app, visitor| fill_readings(app, visitor, raw.as_deref())).await
}

fn fill_backtest(app: &App, visitor: &Visitor, raw: Option<&str>) -> Result<Response, HttpError> {
    let asking = match Asking::begin(app, visitor, raw, &BACKTEST)? {
        Begun::Elsewhere(response) => return Ok(response),
        Begun::Here(asking) => asking,
    };
    let draft = asking.query.one("draft")?.map(str::to_owned);
    let wanted = Wanted::read(&asking.query, asking.view)?;
    let mut page = asking.listing(Section::Rules, BACKTEST_WORDS, &TABS);
    let report = draft
        .as_deref()
        .map(|draft| backtest(app, &Draft::named(draft), &wanted, asking.asker.caller()))
        .transpose()?;
    let mut choices = vec![asking.choose("draft", "Draft", "Choose a draft", drafts(app)?)];
    if let Some(Report { summary, .. }) = &report {
        let own = |text: &String| (text.clone(), text.clone());
        let mut holders: Vec<String> = summary.lines.iter().filter_map(|line| line.holder.clone()).collect();
        holders.sort();
        holders.dedup();
        let worded = |words: &[(&str, &str)]| -> Vec<(String, String)> {
            words.iter().map(|(word, text)| ((*word).to_owned(), (*text).to_owned())).collect()
        };
        choices.push(asking.choose("rule", "Rule", "Any rule", summary.judged_rules.iter().map(own)));
        choices.push(asking.choose("holder", "Holder", "Any holder", holders.iter().map(own)));
        choices.push(asking.choose("change", "Duty", "Any change", worded(&CHANGES)));
        choices.push(asking.choose("missed", "Missed deadline", "Any", worded(&MISSED)));
    }
    let mut form = asking.filter(choices);
    form.open = draft.is_none();
    page.filter = Some(form);
    match report {
        None => (page.csv_href, page.json_href) = (None, None),
        Some(report) => {
            page.counts = counts(&report.summary.total);
            page.tables = tables(&asking, &report);
        }
    }
    answer(&page)
}

fn counts(total: &Numbers) -> Vec<Count> {
    [
        ("Missed as adopted", total.missed_adopted),
        ("Missed under the draft", total.missed_draft),
        ("Missed deadlines that appear", total.missed_appear),
        ("Missed deadlines that vanish", total.missed_vanish),
    ]
    .map(|(text, count)| Count { text: text.to_owned(), count })
    .into()
}

fn tables(asking: &Asking, report: &Report) -> Vec<Table> {
    let summary = &report.summary;
    let lines: Vec<Row> = summary
        .lines
        .iter()
        .filter(|line| line.numbers.differ())
        .map(|line| line_row(asking, line))
        .collect();
    let columns = [
        "Rule",
        "Holder",
        "Duties",
        "Duties that appear",
        "That vanish",
        "That move",
        "Missed",
        "Missed that appear",
        "Missed that vanish",
    ];
    let caption = "Duties and missed deadlines by rule and holder, as adopted and under the draft";
    let numbers = Table {
        title: Some("Numbers".to_owned()),
        note: Some(note(summary)),
        ..one_table(
            "numbers",
            caption,
            ["difference", "differences"],
            columns.map(Column::plain).into(),
            lines.clone(),
            whole(lines.len()),
        )
    };
    let pages = asking.pages(report.cases.len() as u64);
    let skipped = usize::try_from(pages.first.saturating_sub(1)).unwrap_or(usize::MAX);
    let carry = asking.carry();
    let shown = report.cases.iter().skip(skipped).take(50).map(|case| case_row(case, &carry)).collect();
    let columns = ["Duty", "Holder", "What differs", "As adopted", "Under the draft"];
    let cases = Table {
        title: Some("Cases".to_owned()),
        ..one_table(
            "cases",
            "The duties behind the numbers, by rule and holder",
            ["case", "cases"],
            columns.map(Column::plain).into(),
            shown,
            pages,
        )
    };
    vec![numbers, cases]
}

fn note(summary: &Summary) -> String {
    let listed = |rules: &[String]| if rules.is_empty() { "none".to_owned() } else { rules.join(", ") };
    format!(
        "Rules read otherwise: {}. Judged under both: {}. A missed deadline is a breach of the policy, or a missed local \
         target. Digest of this report: {}",
        listed(&summary.changed_rules),
        listed(&summary.judged_rules),
        summary.digest
    )
}

fn whole(total: usize) -> Pages {
    Pages::new(1, total.max(1) as u64, total as u64, |_| String::new())
}

/// Each number leads to the cases behind it.
fn line_row(asking: &Asking, line: &Line) -> Row {
    let behind = |name: &'static str, word: &str, count: u64| {
        if count == 0 {
            return Cell::text("0");
        }
        let mut more = vec![("rule", line.rule.clone()), (name, word.to_owned())];
        more.extend(line.holder.clone().map(|holder| ("holder", holder)));
        let keep = |own: &str, _: &str| ["draft", "from", "to"].contains(&own);
        Cell::link(count.to_string(), format!("{}#cases", asking.with(BACKTEST.path, keep, &more)))
    };
    let n = &line.numbers;
    let basis = if line.basis == Basis::Local { "local target" } else { "" };
    Row::of(vec![
        Cell::link(line.rule.clone(), format!("/rules/{}", line.rule)).and_secondary(basis),
        Cell::optional(line.holder.clone(), "Not known"),
        Cell::text(format!("{} to {}", n.duties_adopted, n.duties_draft)),
        behind("change", "appears", n.duties_appear),
        behind("change", "vanishes", n.duties_vanish),
        behind("change", "moves", n.duties_move),
        Cell::text(format!("{} to {}", n.missed_adopted, n.missed_draft)),
        behind("missed", "appears", n.missed_appear),
        behind("missed", "vanishes", n.missed_vanish),
    ])
}

fn case_row(case: &CaseRecord, carry: &str) -> Row {
    let side = |side: &Option<SideRecord>| match side {
        None => Cell(vec![Part::Nothing("No duty".to_owned())]),
        Some(side) => {
            let due = side.due_on.map_or("cannot be dated".to_owned(), |on| format!("due {}", short_day(on)));
            Cell::text(sentence_case(&side.outcome.replace('_', " "))).and_secondary(due)
        }
    };
    let missed = match case.missed {
        Some("appears") => "a missed deadline appears",
        Some(_) => "a missed deadline vanishes",
        None => "",
    };
    // A duty that opens under the draft alone has no page.
    let reference = mandate_domain::judge::short_reference(&case.duty);
    let duty = match &case.adopted {
        Some(_) => {
            Part::Link(Link::new(reference.clone(), format!("/duties/{}{carry}", encoded(&reference))))
        }
        None => Part::Text(reference),
    };
    Row::of(vec![
        Cell(vec![duty]).and_secondary(format!("rule {}", case.rule)).and(subject_part(&case.subject, carry)),
        Cell::optional(case.holder.clone(), "Not known"),
        Cell::text(sentence_case(&case.change.replace('_', " "))).and_secondary(missed),
        side(&case.adopted),
        side(&case.draft),
    ])
}

fn fill_overlap(app: &App, visitor: &Visitor, raw: Option<&str>) -> Result<Response, HttpError> {
    let asking = match Asking::begin(app, visitor, raw, &OVERLAP)? {
        Begun::Elsewhere(response) => return Ok(response),
        Begun::Here(asking) => asking,
    };
    let (from, to) = days(&asking.query)?;
    let book = app.book(asking.view.known_at)?;
    let found = overlaps(&book.policy, &book.calendar, asking.view.known_at, from, to);
    let mut page = asking.listing(Section::Rules, OVERLAP_WORDS, &TABS);
    page.csv_href = None;
    page.json_href = Some(asking.with(OVERLAP.api, |_, _| true, &[]));
    page.filter = Some(asking.filter(Vec::new()));
    let rows: Vec<Row> = found.iter().map(overlap_row).collect();
    let columns =
        ["Rules", "One act because", "First is earlier", "Same day", "First is later", "Order flips on"];
    let caption =
        format!("Two rules for one act, opened on each day from {} to {}", short_day(from), short_day(to));
    let noun = ["pair", "pairs"];
    let total = rows.len();
    page.tables.push(one_table(
        "overlap",
        &caption,
        noun,
        columns.map(Column::plain).into(),
        rows,
        whole(total),
    ));
    answer(&page)
}

fn overlap_row(overlap: &Overlap) -> Row {
    let [first, second] = &overlap.rules;
    let rule = |id: &String| Part::Link(Link::new(id.clone(), format!("/rules/{id}")));
    let because = match &overlap.shared {
        Shared::Obligation(name) => format!("They share the obligation “{name}”"),
        Shared::Done(kind) => format!("{kind} ends both"),
    };
    let mut cells = vec![Cell(vec![rule(first), rule(second)]), Cell::text(because)];
    match &overlap.days {
        None => {
            cells.extend((0..3).map(|_| Cell(vec![Part::Nothing("Not counted".to_owned())])));
            cells.push(Cell(vec![Part::Nothing(
                "Their deadlines do not follow from the day alone".to_owned(),
            )]));
        }
        Some(days) => {
            let counts = [days.first_is_earlier, days.equal, days.first_is_later];
            cells.extend(counts.map(|count| Cell::text(count.to_string())));
            cells.push(if days.flips.is_empty() {
                Cell(vec![Part::Nothing("No day".to_owned())])
            } else {
                let listed: Vec<String> = days.flips.iter().map(|day| short_day(*day)).collect();
                let of = format!("{} of {} days", days.flips.len(), days.days);
                Cell::text(of).and_secondary(listed.join(", "))
            });
        }
    }
    Row::of(cells)
}

fn fill_readings(app: &App, visitor: &Visitor, raw: Option<&str>) -> Result<Response, HttpError> {
    let asking = match Asking::begin(app, visitor, raw, &READINGS)? {
        Begun::Elsewhere(response) => return Ok(response),
        Begun::Here(asking) => asking,
    };
    let found = counted(app, asking.view, asking.asker.caller())?;
    let mut page = asking.listing(Section::Rules, READINGS_WORDS, &TABS);
    page.csv_href = None;
    page.json_href = Some(asking.with(READINGS.api, |_, _| true, &[]));
    let rows: Vec<Row> = found.iter().flat_map(reading_rows).collect();
    let columns = ["Reading", "Rules", "Duties", "Breaches"];
    let caption = "Readings of the framework, each followed by those that were not chosen";
    let total = rows.len();
    let noun = ["reading", "readings"];
    page.tables.push(one_table(
        "readings",
        caption,
        noun,
        columns.map(Column::plain).into(),
        rows,
        whole(total),
    ));
    answer(&page)
}

fn reading_rows(reading: &Reading) -> Vec<Row> {
    let rules = reading.rules.iter().map(|id| Part::Link(Link::new(id.clone(), format!("/rules/{id}"))));
    let mut rows = vec![Row::of(vec![
        Cell::text(reading.question.clone()).and_secondary(reading.choice.clone()),
        Cell(rules.collect()),
        Cell::text(reading.duties.to_string()),
        Cell::text(reading.breaches.to_string()),
    ])];
    rows.extend(reading.alternatives.iter().map(|other| {
        let change = format!("{} appear, {} vanish", other.appear, other.vanish);
        let href = format!("/rules/backtest?draft={}", encoded(&other.draft));
        Row::of(vec![
            Cell::text(format!("Instead: {}", other.choice)),
            Cell::link(format!("Backtest of {}", other.draft.replace('-', " ")), href),
            Cell(vec![Part::Nothing("As above".to_owned())]),
            Cell::text(other.breaches.to_string()).and_secondary(change),
        ])
    }));
    rows
}
