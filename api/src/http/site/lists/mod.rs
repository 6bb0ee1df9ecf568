//! The pages of registers: what is common to all of them.

pub mod attestations;
pub mod audits;
pub mod compliance;
pub mod coverage;
pub mod notices;
pub mod operations;
pub mod organisations;
pub mod people;
pub mod quarantine;
pub mod reconciliation;
pub mod retention;
pub mod rulebook;
pub mod statistics;
pub mod terminals;

use axum::response::{IntoResponse as _, Redirect, Response};
use mandate_domain::judge::View;
use mandate_domain::time::{Date, Instant};

use super::act::offer::of_page;
use super::moment::{self, Asked, address};
use super::visitor::Visitor;
use super::words::{checked_at, day, sentence_case};
use crate::http::app::App;
use crate::http::error::HttpError;
use crate::http::gate::may_open;
use crate::http::query::{Query, encoded};
use crate::http::registers::asker::Asker;
use crate::http::registers::{Order as RowOrder, Row};
use crate::pages::date_boxes::DateBoxes;
use crate::pages::duties::{Chip, Choice, Order, Sort};
use crate::pages::frame::{FieldError, Frame, Section};
use crate::pages::listing::{Cell, Choose, Column, Dates, Filter, Part, Tab, Table};
use crate::pages::paging::Pages;
use crate::pages::{Link, listing};

/// Rows on a page.
const SIZE: u64 = 50;

/// The parameters of a page and the words for them.
pub struct Spec {
    /// The page.
    pub path: &'static str,
    /// Where the same is as JSON and CSV.
    pub api: &'static str,
    /// Parameters to choose by, each with the words of its chip.
    pub choices: &'static [(&'static str, &'static str)],
    /// Dates to choose by, each with its legend and hint.
    pub dates: &'static [(&'static str, &'static str, &'static str)],
}

/// What is asked of a page: another address, or the page.
pub enum Begun {
    /// Another address, in which the dates that were typed stand whole.
    Elsewhere(Response),
    /// The page.
    Here(Box<Asking>),
}

/// A page as asked for.
pub struct Asking {
    spec: &'static Spec,
    /// The parameters.
    pub query: Query,
    /// The moment.
    pub view: View,
    /// The moment, where it is a past one.
    pub past: Option<View>,
    /// What surrounds the page.
    pub frame: Frame,
    /// Who looks.
    pub asker: Asker,
    pairs: Vec<(String, String)>,
    boxes: Vec<DateBoxes>,
    number: u64,
    checked_at: String,
}

impl Asking {
    /// Reads what is asked.
    ///
    /// # Errors
    /// [`HttpError::Parameter`] naming a parameter that is unknown or wrong.
    pub fn begin(
        app: &App,
        visitor: &Visitor,
        raw: Option<&str>,
        spec: &'static Spec,
    ) -> Result<Begun, HttpError> {
        let boxed: Vec<String> = spec
            .dates
            .iter()
            .flat_map(|(name, ..)| ["day", "month", "year"].map(|part| format!("{name}-{part}")))
            .collect();
        let own = spec.choices.iter().map(|(name, _)| *name).chain(spec.dates.iter().map(|(name, ..)| *name));
        let known: Vec<&str> = own
            .chain(["page", "sort", "dir"])
            .chain(boxed.iter().map(String::as_str))
            .chain(moment::KNOWN)
            .collect();
        let query = Query::read(raw, &known)?;
        let typed = Typed::read(&query, spec)?;
        if typed.whole {
            let to = address(spec.path, &typed.pairs);
            return Ok(Begun::Elsewhere(Redirect::to(&to).into_response()));
        }
        let now = app.now();
        let shown = match moment::read(&query, spec.path, &typed.pairs, now)? {
            Asked::Redirect(to) => return Ok(Begun::Elsewhere(Redirect::to(&to).into_response())),
            Asked::Page(shown) => *shown,
        };
        let (view, past) = (shown.view(now), shown.past);
        let mut frame = visitor.frame(app, Some(shown.moment))?;
        frame.errors = shown.errors;
        frame.errors.extend(typed.errors);
        let number = query.number("page", 1, 1..=1_000_000)?;
        let asker = Asker::of(app, &visitor.caller)?;
        Ok(Begun::Here(Box::new(Self {
            spec,
            query,
            view,
            past,
            frame,
            asker,
            pairs: typed.pairs,
            boxes: typed.boxes,
            number,
            checked_at: checked_at(now),
        })))
    }

    /// `?asAt=…` where a past moment is shown.
    #[must_use]
    pub fn carry(&self) -> String {
        self.frame.carry()
    }

    /// The page with something of its address changed.
    #[must_use]
    pub fn with(&self, path: &str, keep: impl Fn(&str, &str) -> bool, more: &[(&str, String)]) -> String {
        let mut pairs: Vec<_> =
            self.pairs.iter().filter(|(name, value)| keep(name, value)).cloned().collect();
        pairs.extend(more.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
        let moment = self.carry();
        let moment = if pairs.is_empty() { moment } else { moment.replacen('?', "&", 1) };
        address(path, &pairs) + &moment
    }

    /// The address of the page alone.
    #[must_use]
    pub const fn path(&self) -> &'static str {
        self.spec.path
    }

    /// The same list for programs.
    #[must_use]
    pub fn api(&self, format: &str) -> String {
        self.with(self.spec.api, |_, _| true, &[("format", format.to_owned())])
    }

    /// The page with its place in the list left out.
    #[must_use]
    pub fn to_page(&self, page: u64) -> String {
        self.with(self.spec.path, |_, _| true, &[("page", page.to_string())])
    }

    /// The rows of one page in the order asked for, and which part of the list they are.
    ///
    /// # Errors
    /// [`HttpError::Parameter`] for a column that the register does not have.
    pub fn paged<R: Row>(&self, mut rows: Vec<R>) -> Result<(Vec<R>, Pages), HttpError> {
        RowOrder::asked::<R>(&self.query)?.sort(&mut rows);
        let pages = self.pages(rows.len() as u64);
        let skipped = usize::try_from(pages.first.saturating_sub(1)).unwrap_or(usize::MAX);
        let most = usize::try_from(SIZE).unwrap_or(usize::MAX);
        Ok((rows.into_iter().skip(skipped).take(most).collect(), pages))
    }

    /// Which part of so many rows is shown.
    #[must_use]
    pub fn pages(&self, total: u64) -> Pages {
        Pages::new(self.number, SIZE, total, |page| self.to_page(page))
    }

    /// The page of rows that a query of the read models is asked for, from 0, and its size.
    #[must_use]
    pub fn page_and_size(&self) -> (u32, u32) {
        (u32::try_from(self.number - 1).unwrap_or(0), u32::try_from(SIZE).unwrap_or(50))
    }

    /// A column that sorts by one of a register's.
    #[must_use]
    pub fn column(&self, label: &str, by: &str) -> Column {
        let stated = |name: &str| self.query.one(name).ok().flatten();
        let (order, dir) = match (stated("sort") == Some(by), stated("dir") == Some("desc")) {
            (false, _) => (Order::Unsorted, "asc"),
            (true, false) => (Order::Ascending, "desc"),
            (true, true) => (Order::Descending, "asc"),
        };
        let more = [("sort", by.to_owned()), ("dir", dir.to_owned())];
        let href = self.with(self.spec.path, |name, _| name != "sort" && name != "dir", &more);
        Column { label: label.to_owned(), sort: Some(Sort { order, href }) }
    }

    /// The form of the filters.
    #[must_use]
    pub fn filter(&self, choices: Vec<Choose>) -> Filter {
        let sorted = self.pairs.iter().filter(|(name, _)| name == "sort" || name == "dir").cloned();
        let moments = self.query.pairs().filter(|(name, value)| is_moment(name) && !value.is_empty());
        let dates = self.spec.dates.iter().zip(&self.boxes);
        Filter {
            action: self.spec.path.to_owned(),
            open: false,
            carried: sorted.chain(moments.map(|(name, value)| (name.to_owned(), value.to_owned()))).collect(),
            choices,
            texts: Vec::new(),
            dates: dates
                .map(|((name, legend, hint), boxes)| Dates { name, legend, hint, boxes: boxes.clone() })
                .collect(),
            chips: self.chips(),
            clear_href: self.with(self.spec.path, |name, _| name == "sort" || name == "dir", &[]),
        }
    }

    fn chips(&self) -> Vec<Chip> {
        let words = |name: &str| {
            let dates = self.spec.dates.iter().map(|(name, words, _)| (*name, *words));
            self.spec
                .choices
                .iter()
                .copied()
                .chain(dates)
                .find(|(known, _)| *known == name)
                .map(|(_, words)| words)
        };
        let chip = |(name, value): &(String, String)| {
            let field = words(name)?.to_owned();
            let shown = Date::parse(value).map_or_else(|_| label(value), day);
            let shown = if value.contains(['/', '.']) { value.clone() } else { shown };
            let remove_href = self.with(self.spec.path, |own, found| own != name || found != value, &[]);
            Some(Chip { field, value: shown, remove_href })
        };
        self.pairs.iter().filter_map(chip).collect()
    }

    /// The page as a view struct, yet without its table.
    #[must_use]
    pub fn listing(&self, section: Section, words: Words<'_>, tabs: &[(&str, &str)]) -> listing::Listing {
        let carry = self.carry();
        listing::Listing {
            frame: self.frame.clone(),
            section,
            heading: words.heading.to_owned(),
            purpose: words.purpose.to_owned(),
            paragraphs: words.paragraphs.iter().map(|paragraph| paragraph_link(paragraph)).collect(),
            crumbs: Vec::new(),
            tabs: tabs
                .iter()
                .filter(|(_, path)| may_open(&self.asker, path))
                .map(|(text, path)| Tab {
                    text: (*text).to_owned(),
                    href: format!("{path}{carry}"),
                    current: *path == self.spec.path,
                })
                .collect(),
            filter: None,
            counts: Vec::new(),
            checked_at: self.checked_at.clone(),
            csv_href: Some(self.api("csv")),
            json_href: Some(self.api("json")),
            actions: of_page(self.spec.path, &self.asker),
            tables: Vec::new(),
        }
    }

    /// Values to choose from, the chosen one marked.
    #[must_use]
    pub fn choose(
        &self,
        name: &'static str,
        label: &'static str,
        any: &'static str,
        values: impl IntoIterator<Item = (String, String)>,
    ) -> Choose {
        let chosen = self.query.all(name);
        let choices = values.into_iter().map(|(value, text)| {
            let bare = value.split_once('/').map(|(_, bare)| bare.to_owned());
            let is_chosen = chosen.iter().any(|one| *one == value || Some(one) == bare.as_ref());
            Choice { value, text, chosen: is_chosen }
        });
        Choose { name, label, any, choices: choices.collect() }
    }
}

/// What a page says of itself.
#[derive(Debug, Clone, Copy)]
pub struct Words<'w> {
    /// Its heading.
    pub heading: &'w str,
    /// What it is for.
    pub purpose: &'w str,
    /// The paragraphs that ask for it.
    pub paragraphs: &'w [&'w str],
}

/// A paragraph in the table of what covers it.
#[must_use]
pub fn paragraph_link(paragraph: &str) -> Link {
    Link::new(format!("paragraph {paragraph}"), format!("/coverage#{}", paragraph_id(paragraph)))
}

/// The id of a paragraph's row in that table.
#[must_use]
pub fn paragraph_id(paragraph: &str) -> String {
    let plain = |character: char| if character.is_ascii_alphanumeric() { character } else { '-' };
    format!("p-{}", paragraph.chars().map(plain).collect::<String>())
}

/// A word of the catalogue as people say it: `cpc` is CPC, `log-on` log-on.
#[must_use]
pub fn label(word: &str) -> String {
    const SAID: [(&str, &str); 10] = [
        ("cpc", "CPC"),
        ("lpc", "LPC"),
        ("spo", "SPO"),
        ("deputy-cpc", "Deputy CPC"),
        ("smb-member", "SMB member"),
        ("mappa-administrator", "MAPPA administrator"),
        ("visor-lead", "ViSOR lead"),
        ("log-on", "Log-on"),
        ("syops", "SyOps"),
        ("elearning", "E-learning"),
    ];
    let said = SAID.iter().find(|(known, _)| *known == word).map(|(_, said)| (*said).to_owned());
    said.unwrap_or_else(|| sentence_case(word))
}

/// Words as a choice: each value with its words.
pub fn values<'v, T: 'v>(words: &'v [(&'v str, T)]) -> impl Iterator<Item = (String, String)> + 'v {
    words.iter().map(|(word, _)| ((*word).to_owned(), label(word)))
}

/// A table of one list, which has no heading of its own.
#[must_use]
pub fn one_table(
    id: &'static str,
    caption: &str,
    noun: [&'static str; 2],
    columns: Vec<Column>,
    rows: Vec<listing::Row>,
    pages: Pages,
) -> Table {
    Table {
        id,
        title: None,
        caption: caption.to_owned(),
        note: None,
        columns,
        rows,
        pages,
        nothing: format!("No {} matches.", noun.first().copied().unwrap_or_default()),
        noun,
    }
}

/// A date in a cell.
#[must_use]
pub fn date(date: Option<Date>, otherwise: &str) -> Cell {
    Cell::optional(date.map(short_day), otherwise)
}

/// A date as short as it is read without doubt.
#[must_use]
pub fn short_day(date: Date) -> String {
    date.to_chrono().format("%-d %b %Y").to_string()
}

/// An instant in a cell.
#[must_use]
pub fn instant(at: Instant) -> String {
    at.to_chrono().with_timezone(&chrono_tz::Europe::London).format("%-d %b %Y %H:%M").to_string()
}

/// A user, an organisation or a terminal, with the page of what can be done about it.
#[must_use]
pub fn acted_on(subject: &str, back: &str) -> Cell {
    let pairs = [("subject".to_owned(), subject.to_owned()), ("back".to_owned(), back.to_owned())];
    Cell::link(subject, address("/act", &pairs))
}

/// A nominal with its page.
#[must_use]
pub fn subject_part(subject: &str, carry: &str) -> Part {
    match subject.strip_prefix("nominal/") {
        Some(reference) => {
            Part::Link(Link::new(reference, format!("/nominals/{}{carry}", encoded(reference))))
        }
        None => Part::Text(subject.to_owned()),
    }
}

fn is_moment(name: &str) -> bool {
    name == "asAt" || name == "knownAt"
}

/// What was typed into the dates, and the parameters that stand whole.
struct Typed {
    pairs: Vec<(String, String)>,
    boxes: Vec<DateBoxes>,
    errors: Vec<FieldError>,
    /// Whether dates were typed without a mistake, so that the address is to be written whole.
    whole: bool,
}

impl Typed {
    fn read(query: &Query, spec: &Spec) -> Result<Self, HttpError> {
        let kept = |name: &str| {
            spec.choices.iter().any(|(known, _)| *known == name)
                || spec.dates.iter().any(|(known, ..)| *known == name)
                || ["sort", "dir"].contains(&name)
        };
        let pairs = query.pairs().filter(|(name, value)| kept(name) && !value.is_empty());
        let mut typed = Self {
            pairs: pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
            boxes: Vec::new(),
            errors: Vec::new(),
            whole: false,
        };
        for (name, legend, _) in spec.dates {
            let part = |part: &str| query.one(&format!("{name}-{part}"));
            let boxes = DateBoxes::typed(part("day")?, part("month")?, part("year")?);
            if !query.pairs().any(|(found, _)| found == format!("{name}-day")) {
                let stated = query.date(name)?.map(|date| DateBoxes::of(date.to_chrono()));
                typed.boxes.push(stated.unwrap_or_default());
                continue;
            }
            match boxes.read(legend) {
                Ok(date) => {
                    typed.whole = true;
                    let date = date.map(|date| ((*name).to_owned(), Date::from(date).to_string()));
                    typed.pairs.extend(date);
                    typed.boxes.push(boxes);
                }
                Err(error) => {
                    typed.errors.push(FieldError { field: format!("{name}-day"), text: error.clone() });
                    typed.boxes.push(DateBoxes { error: Some(error), ..boxes });
                }
            }
        }
        typed.whole &= typed.errors.is_empty();
        if typed.whole {
            let moments = query.pairs().filter(|(name, value)| is_moment(name) && !value.is_empty());
            typed.pairs.extend(moments.map(|(name, value)| (name.to_owned(), value.to_owned())));
        }
        Ok(typed)
    }
}
