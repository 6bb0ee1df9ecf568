//! The board report: four outcomes, quarter on quarter, and what late facts changed; for the screen, for A4, as CSV.

use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use mandate_domain::catalogue::SubjectKind;
use mandate_domain::policy::{Basis, Policy};
use mandate_domain::rights::Right;

use super::lists::compliance::TABS;
use super::lists::reconciliation::places;
use super::lists::{Asking, Begun, Spec, Words, one_table};
use super::log::event::whole;
use super::visitor::Visitor;
use super::{answer, show_judged};
use crate::duty_csv::text_row;
use crate::http::app::App;
use crate::http::board::{
    Asked, Change, InFigures, OUTCOMES, Outcome, Quarter, Share, Shown, changes, figures, rules_of,
};
use crate::http::compliance::Audience;
use crate::http::duties::csv_response;
use crate::http::error::HttpError;
use crate::http::query::encoded;
use crate::http::reconciliation::prefixed;
use crate::pages::Link;
use crate::pages::frame::Section;
use crate::pages::listing::{Cell, Column, Part, Row, Table};
use crate::pages::paging::Pages;
use crate::pages::report::{Block, Chart, Report};

const SPEC: Spec = Spec {
    path: "/board",
    api: "/board",
    choices: &[("area", "Area"), ("audience", "Audience"), ("changes", "Changes"), ("format", "Format")],
    dates: &[],
};

const WORDS: Words<'static> = Words {
    heading: "Board report",
    purpose: "Whether the framework’s four outcomes are reached, quarter on quarter, and what changed since the last report because facts came late.",
    paragraphs: &["4.16.n", "5.10"],
};

const AUDIENCES: [(&str, bool); 2] = [("everyone", false), ("board", true)];

/// The longest log that is judged twice for the changes without being asked to.
const QUICK: u64 = 200_000;

/// The page.
pub async fn page(State(app): State<App>, uri: Uri, headers: HeaderMap) -> Response {
    let raw = uri.query().map(str::to_owned);
    show_judged(app, &uri, &headers, move |app, visitor| fill(app, visitor, raw.as_deref())).await
}

fn fill(app: &App, visitor: &Visitor, raw: Option<&str>) -> Result<Response, HttpError> {
    let asking = match Asking::begin(app, visitor, raw, &SPEC)? {
        Begun::Elsewhere(response) => return Ok(response),
        Begun::Here(asking) => asking,
    };
    asking.asker.must(Right::SeeBoard)?;
    // A report is for a board unless somebody who answers for duties asks for every count.
    let wants = asking.query.word("audience", &AUDIENCES)?.unwrap_or(true);
    let for_a_board = wants || asking.asker.is_board();
    let area = asking.query.one("area")?.map(|area| prefixed(area.to_owned(), "area"));
    let asked = Asked {
        area: area.as_deref(),
        view: asking.view,
        past: asking.past,
        audience: if for_a_board { Audience::Board } else { Audience::Everyone },
        hidden: asking.asker.hidden(app)?,
    };
    let found = figures(app, &asked)?;
    if asking.query.word("format", &[("csv", true)])?.unwrap_or(false) {
        return Ok(csv_response("board.csv", csv(&found, area.as_deref())));
    }
    let book = app.book(asking.view.known_at)?;
    let page = Page { asking: &asking, asked: &asked, policy: &book.policy, found: &found, for_a_board };
    let blocks = page.blocks(app)?;
    let listing = asking.listing(Section::Compliance, WORDS, &TABS);
    let areas = places(app, SubjectKind::Area)?;
    answer(&Report {
        frame: listing.frame,
        section: listing.section,
        heading: area.map_or_else(|| WORDS.heading.to_owned(), |area| format!("{}, {area}", WORDS.heading)),
        purpose: listing.purpose,
        paragraphs: listing.paragraphs,
        crumbs: Vec::new(),
        tabs: listing.tabs,
        filter: Some(asking.filter(vec![
            asking.choose("area", "Area", "All areas", areas),
            asking.choose(
                "audience",
                "Written for",
                "A board: small counts kept back",
                [("everyone".to_owned(), "Those who answer for duties".to_owned())],
            ),
        ])),
        checked_at: listing.checked_at,
        downloads: vec![Link::new("the figures as CSV", asking.api("csv"))],
        blocks,
    })
}

/// What the page is made of.
struct Page<'p> {
    asking: &'p Asking,
    asked: &'p Asked<'p>,
    policy: &'p Policy,
    found: &'p [[InFigures; 2]],
    for_a_board: bool,
}

impl Page<'_> {
    fn blocks(&self, app: &App) -> Result<Vec<Block>, HttpError> {
        let kept = if self.for_a_board {
            " Counts below five are kept back, and with them what would give them away."
        } else {
            ""
        };
        let mut blocks = vec![
            Block::words(format!(
                "Of the duties under the policy’s own numbers that fell due in a quarter: met ÷ (met + met late + overdue + lapsed). Not evidenced, inherited, withdrawn and exempt are left out.{kept}"
            )),
            self.chart(),
            Block::Table(self.quarters(Basis::Policy)),
        ];
        blocks.extend(self.changes(app)?);
        for outcome in OUTCOMES {
            blocks.push(Block::Table(self.outcome(outcome)));
        }
        blocks.push(Block::Table(self.quarters(Basis::Local)));
        Ok(blocks)
    }

    fn of(&self, basis: Basis) -> impl Iterator<Item = &InFigures> {
        self.found.iter().map(move |[policy, local]| match basis {
            Basis::Policy => policy,
            Basis::Local => local,
        })
    }

    fn chart(&self) -> Block {
        let bar = |one: &InFigures| {
            let label = one.quarter.from.to_chrono().format("%b %Y").to_string();
            let value = one.all.filter(|share| share.all > 0).map(|share| share.met * 100 / share.all);
            let words = match one.all {
                None => "kept back".to_owned(),
                Some(share) => {
                    share.percent().map_or("none due".to_owned(), |percent| format!("{percent} %"))
                }
            };
            (label, value, words)
        };
        let bars: Vec<_> = self.of(Basis::Policy).map(bar).collect();
        let told: Vec<String> =
            bars.iter().map(|(label, _, words)| format!("from {label} {words}")).collect();
        let summary = format!("Met in time, quarter by quarter: {}.", told.join(", "));
        Block::Chart(Chart::bars(
            "quarters-chart",
            "Duties met in time, all outcomes, by quarter",
            summary,
            (100, " %"),
            bars,
        ))
    }

    fn quarters(&self, basis: Basis) -> Table {
        let quarters: Vec<Quarter> = self.of(basis).map(|one| one.quarter).collect();
        let head = |quarter: &Quarter| {
            Column::plain(if quarter.is_over {
                quarter.words()
            } else {
                format!("{}, so far", quarter.words())
            })
        };
        let columns = std::iter::once(Column::plain("Outcome")).chain(quarters.iter().map(head)).collect();
        let mut rows: Vec<Row> = OUTCOMES
            .iter()
            .zip(0usize..)
            .map(|(outcome, place)| {
                let shown = |one: &InFigures| {
                    let share = one.outcomes.get(place).copied().flatten();
                    self.cell(share, one.quarter, &rules_of(self.policy, *outcome, basis))
                };
                let name = Cell::text(format!("{}) {}", outcome.letter(), outcome.words()));
                Row::of(std::iter::once(name).chain(self.of(basis).map(shown)).collect())
            })
            .collect();
        let all = self.of(basis).map(|one| self.cell(one.all, one.quarter, &[]));
        rows.push(Row::of(std::iter::once(Cell::text("All outcomes")).chain(all).collect()));
        if self.for_a_board {
            let link = |one: &InFigures| {
                Cell::link(format!("Figures by rule, {}", one.quarter.words()), self.query(one.quarter))
            };
            let own = std::iter::once(Cell::text("The query")).chain(self.of(basis).map(link));
            rows.push(Row::of(own.collect()));
        }
        let total = rows.len() as u64;
        let pages = Pages::new(1, total, total, |_| String::new());
        let (id, title, note) = match basis {
            Basis::Policy => ("outcomes", "Quarter on quarter", None),
            Basis::Local => (
                "local-targets",
                "Local targets",
                Some("Numbers that a region chose where the policy states none. A missed local target is no breach.".to_owned()),
            ),
        };
        Table {
            title: Some(title.to_owned()),
            note,
            ..one_table(id, title, ["row", "rows"], columns, rows, pages)
        }
    }

    /// The figures by rule of a quarter, as programs read them.
    fn query(&self, quarter: Quarter) -> String {
        let by = if self.asked.area.is_some() { "area,rule" } else { "rule" };
        let moment = self.asking.carry().replacen('?', "&", 1);
        format!(
            "/v1/compliance?by={by}&from={}&to={}&audience=board&format=csv{moment}",
            quarter.from, quarter.to
        )
    }

    fn cell(&self, shown: Shown, quarter: Quarter, rules: &[String]) -> Cell {
        let Some(share) = shown else { return Cell(vec![Part::Nothing("Kept back".to_owned())]) };
        let Some(percent) = share.percent() else { return Cell(vec![Part::Nothing("None due".to_owned())]) };
        let of = format!("{} of {}", share.met, share.all);
        let cell = Cell::text(format!("{percent} %"));
        if self.for_a_board {
            return cell.and_secondary(of);
        }
        let holder = self.asked.area.map(|area| format!("&holder={}", encoded(area))).unwrap_or_default();
        let rules: String = rules.iter().map(|rule| format!("&rule={}", encoded(rule))).collect();
        let moment = self.asking.carry().replacen('?', "&", 1);
        let href = format!("/duties?dueFrom={}&dueTo={}{holder}{rules}{moment}", quarter.from, quarter.to);
        cell.and(Part::Link(Link::new(of, href)))
    }

    /// What late facts changed in the last quarter that is over.
    fn changes(&self, app: &App) -> Result<Vec<Block>, HttpError> {
        let over = self.found.iter().rev().map(|[policy, _]| policy.quarter).find(|quarter| quarter.is_over);
        let Some(quarter) = over else { return Ok(Vec::new()) };
        let title = format!("What changed in {} because facts came late", quarter.words());
        let wanted = self.asking.query.flag("changes")?;
        if !wanted && app.store.reader().head()?.position.get() > QUICK {
            let href = self.asking.with("/board", |_, _| true, &[("changes", "true".to_owned())]);
            let link = Cell::link("Judge that quarter as it was known then", href);
            return Ok(vec![
                Block::heading("changes-title", title),
                Block::Facts { id: "changes-later", rows: vec![("It takes a while".to_owned(), link)] },
            ]);
        }
        let found = match changes(app, self.asked, quarter) {
            Ok(found) => found,
            Err(HttpError::Unprocessable(_)) => {
                return Ok(vec![
                    Block::heading("changes-title", title),
                    Block::words("The log is too long to be judged as it was known then while you wait."),
                ]);
            }
            Err(error) => return Err(error),
        };
        let (outcomes, rules) = found;
        let mut rows: Vec<Row> = OUTCOMES
            .iter()
            .zip(&outcomes)
            .map(|(outcome, change)| row(format!("{}) {}", outcome.letter(), outcome.words()), change))
            .collect();
        rows.extend(rules.iter().map(|(rule, change)| row(format!("rule {rule}"), change)));
        let columns = ["Of", "As known then", "As known now", "Change"];
        let mut table = whole("changes", &title, &columns, ["row", "rows"], rows, "Nothing changed.");
        table.note = Some(format!(
            "The quarter as at its last day, {}: as it was known on that day, and as it is known now. Facts told or annulled since make the difference.",
            super::lists::short_day(quarter.to)
        ));
        Ok(vec![Block::Table(table)])
    }

    /// The rules of an outcome in the present quarter and the one before.
    fn outcome(&self, outcome: Outcome) -> Table {
        let mut last: Vec<&InFigures> = self.of(Basis::Policy).collect();
        let last = last.split_off(last.len().saturating_sub(2));
        let mut ids: Vec<&String> = last
            .iter()
            .flat_map(|one| one.rules.keys())
            .filter(|rule| Outcome::of(rule) == outcome)
            .collect();
        ids.sort_unstable();
        ids.dedup();
        let row = |rule: &String| {
            let title = self.policy.rule(rule).map(|rule| rule.duty.clone()).unwrap_or_default();
            let name = Cell::link(format!("Paragraph {rule}"), format!("/rules/{}", encoded(rule)));
            let shown = |one: &&InFigures| match one.rules.get(rule) {
                None => Cell(vec![Part::Nothing("None due".to_owned())]),
                Some(shown) => self.cell(*shown, one.quarter, std::slice::from_ref(rule)),
            };
            Row::of([name, Cell::text(title)].into_iter().chain(last.iter().map(shown)).collect())
        };
        let rows: Vec<Row> = ids.into_iter().map(row).collect();
        let id = match outcome {
            Outcome::Use => "outcome-a",
            Outcome::Access => "outcome-b",
            Outcome::Sharing => "outcome-c",
            Outcome::Assurance => "outcome-d",
        };
        let quarters: Vec<String> = last.iter().map(|one| one.quarter.words()).collect();
        let mut columns = vec!["Rule", "Duty"];
        columns.extend(quarters.iter().map(String::as_str));
        let title = format!("Outcome {}) {}", outcome.letter(), outcome.words());
        let mut table = whole(
            id,
            &title,
            &columns,
            ["rule", "rules"],
            rows,
            "No duty of these rules fell due in these two quarters.",
        );
        table.note = Some(format!("“{}” (framework, section 3 {})", outcome.quote(), outcome.letter()));
        table
    }
}

fn row(name: String, change: &Change) -> Row {
    let share = |share: &Share| {
        let percent = share.percent().map_or("none due".to_owned(), |percent| format!("{percent} %"));
        Cell::text(percent).and_secondary(format!("{} of {}", share.met, share.all))
    };
    let nothing = |words: &str| Cell(vec![Part::Nothing(words.to_owned())]);
    Row::of(match change {
        Change::Nothing => {
            vec![Cell::text(name), nothing("as now"), nothing("as then"), Cell::text("No change")]
        }
        Change::Little => {
            let kept = || nothing("kept back");
            vec![Cell::text(name), kept(), kept(), Cell::text("Changed; the counts are small")]
        }
        Change::From(then, now) => {
            let more = |one: u64, other: u64, what: &str| match other.cmp(&one) {
                std::cmp::Ordering::Equal => None,
                std::cmp::Ordering::Greater => Some(format!("{} more {what}", other - one)),
                std::cmp::Ordering::Less => Some(format!("{} fewer {what}", one - other)),
            };
            let words: Vec<String> = [more(then.met, now.met, "met"), more(then.all, now.all, "due")]
                .into_iter()
                .flatten()
                .collect();
            vec![Cell::text(name), share(then), share(now), Cell::text(words.join(", "))]
        }
    })
}

/// The figures of the page, one line for each number; empty where they are kept back.
fn csv(found: &[[InFigures; 2]], area: Option<&str>) -> Vec<u8> {
    let columns = ["area", "from", "to", "basis", "outcome", "rule", "met", "due", "ratePercent"];
    let mut bytes = text_row(&columns.map(str::to_owned));
    let mut line = |figures: &InFigures, basis: &str, outcome: &str, rule: &str, shown: Shown| {
        let number = |number: fn(&Share) -> u64| {
            shown.as_ref().map(|share| number(share).to_string()).unwrap_or_default()
        };
        bytes.extend(text_row(&[
            area.unwrap_or("all").to_owned(),
            figures.quarter.from.to_string(),
            figures.quarter.to.to_string(),
            basis.to_owned(),
            outcome.to_owned(),
            rule.to_owned(),
            number(|share| share.met),
            number(|share| share.all),
            shown.and_then(Share::percent).unwrap_or_default(),
        ]));
    };
    for both in found {
        for (figures, basis) in both.iter().zip(["policy", "local"]) {
            for (outcome, shown) in OUTCOMES.iter().zip(figures.outcomes) {
                line(figures, basis, &outcome.letter().to_string(), "all", shown);
            }
            line(figures, basis, "all", "all", figures.all);
            for (rule, shown) in &figures.rules {
                line(figures, basis, &Outcome::of(rule).letter().to_string(), rule, *shown);
            }
        }
    }
    bytes
}
