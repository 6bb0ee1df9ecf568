//! One area: how compliance went, month by month; its units, its people, and the backlog of its programmes.

use axum::extract::{Path, State};
use axum::http::{HeaderMap, Uri};
use axum::response::{IntoResponse as _, Redirect, Response};
use mandate_domain::judge::View;
use mandate_domain::time::Date;
use mandate_projections::{DutyCount, Grain};

use super::lists::compliance::like;
use super::lists::{paragraph_link, short_day};
use super::log::event::whole;
use super::moment::{self, Asked};
use super::visitor::Visitor;
use super::words::{checked_at, sentence_case};
use super::{answer, show_judged};
use crate::duty_csv::text_row;
use crate::http::app::App;
use crate::http::compliance::{Counted, Counts, Tally, of_area, percent};
use crate::http::duties::csv_response;
use crate::http::error::HttpError;
use crate::http::query::{Query, encoded};
use crate::http::reconciliation::PROGRAMMES;
use crate::http::registers::asker::Asker;
use crate::http::registers::people::{self, Missing, Person};
use crate::http::sight::Hidden;
use crate::pages::Link;
use crate::pages::frame::Section;
use crate::pages::listing::{Cell, Part, Row, Table, Tag};
use crate::pages::report::{Block, Chart, Report};

/// Months side by side.
const MONTHS: i32 = 13;
/// Most bars of a burn-down.
const BARS: usize = 18;

/// The page.
pub async fn page(State(app): State<App>, Path(id): Path<String>, uri: Uri, headers: HeaderMap) -> Response {
    let raw = uri.query().map(str::to_owned);
    show_judged(app, &uri, &headers, move |app, visitor| fill(app, visitor, &id, raw.as_deref())).await
}

fn fill(app: &App, visitor: &Visitor, id: &str, raw: Option<&str>) -> Result<Response, HttpError> {
    let known: Vec<&str> = moment::KNOWN.iter().copied().chain(["format"]).collect();
    let query = Query::read(raw, &known)?;
    let area = format!("area/{id}");
    let now = app.now();
    let path = format!("/areas/{}", encoded(id));
    let shown = match moment::read(&query, &path, &[], now)? {
        Asked::Redirect(to) => return Ok(Redirect::to(&to).into_response()),
        Asked::Page(shown) => *shown,
    };
    let asker = Asker::of(app, &visitor.caller)?;
    let hidden = asker.hidden(app)?;
    let (view, past) = (shown.view(now), shown.past);
    let mut frame = visitor.frame(app, Some(shown.moment))?;
    frame.errors = shown.errors;
    let carry = frame.carry();
    let seen = Seen { app, area: &area, view, hidden: &hidden, for_a_board: asker.is_board(), carry: &carry };
    let counted = Counted::at(app, past, &hidden).within(&area, view)?;
    let months = seen.months(&counted)?;
    // An area of which nothing was told may still answer for duties.
    let holds = months.iter().any(|month| month.tally != Tally::default());
    if !holds && app.projections.subject(&area)?.is_none() {
        return Err(HttpError::not_found("area", id));
    }
    if query.word("format", &[("csv", true)])?.unwrap_or(false) {
        return Ok(csv_response("area.csv", csv(&area, &months)));
    }
    let mut blocks = vec![Seen::answer(&months), Seen::chart(&months), Block::Table(seen.table(&months))];
    blocks.push(Block::Table(seen.units(&counted)?));
    blocks.push(Block::Table(seen.people()?));
    blocks.extend(seen.backlogs()?);
    let moment = carry.replacen('?', "&", 1);
    answer(&Report {
        section: Section::Compliance,
        heading: format!("Area {id}"),
        purpose: "Whether it is getting better: the share of duties met month by month, the units, whether the people are ready, and how the backlog goes down.".to_owned(),
        paragraphs: ["4.2", "4.16.n"].map(paragraph_link).to_vec(),
        crumbs: vec![Link::new("Compliance", format!("/compliance{carry}"))],
        tabs: Vec::new(),
        filter: None,
        checked_at: checked_at(now),
        downloads: vec![Link::new("the months as CSV", format!("{path}?format=csv{moment}"))],
        blocks,
        frame,
    })
}

/// An area at a moment.
struct Seen<'s> {
    app: &'s App,
    area: &'s str,
    view: View,
    hidden: &'s Hidden,
    for_a_board: bool,
    carry: &'s str,
}

/// A month in figures; kept back where a board would learn a small count.
struct Month {
    from: Date,
    to: Date,
    tally: Tally,
    kept_back: bool,
}

impl Month {
    fn words(&self) -> String {
        self.from.to_chrono().format("%b %Y").to_string()
    }

    fn rate(&self) -> Option<(u64, u64)> {
        let all = self.tally.policy.all();
        (!self.kept_back && all > 0).then_some((self.tally.policy.met, all))
    }
}

fn figures(tally: &Tally) -> Vec<u64> {
    vec![tally.policy.met, tally.policy.missed(), tally.policy.all()]
}

impl Seen<'_> {
    /// The last months, the earliest first.
    fn months(&self, counted: &Counted<'_>) -> Result<Vec<Month>, HttpError> {
        let today = self.view.as_at.london_date();
        let present = today.first_of_month();
        let month = |back: i32| {
            let from = present.plus_months(-back);
            (from, from.plus_months(1).plus_days(-1).min(today))
        };
        let months: Vec<(Date, Date)> = (0..MONTHS).rev().map(month).collect();
        let counts = counted.due(&months, Grain::Coarse)?;
        let in_figures = |((from, to), counts): ((Date, Date), &Vec<DutyCount>)| {
            let tally = sum(of_area(self.app, counts, self.area, self.view)?.values());
            // No total over months is told, so that none can be had by subtraction.
            let small = Counts::one_way(vec![figures(&tally)]).small().contains(&true);
            Ok(Month { from, to, tally, kept_back: self.for_a_board && small })
        };
        months.into_iter().zip(&counts).map(in_figures).collect()
    }

    fn answer(months: &[Month]) -> Block {
        let last = months.iter().rev().skip(1).find_map(|month| month.rate().map(|rate| (month, rate)));
        let Some((month, (met, all))) = last else {
            let sentence = "No duty under the policy’s own numbers can be counted in the last twelve months.";
            return Block::Answer { sentence: sentence.to_owned(), tags: Vec::new() };
        };
        let percent = percent(met, all).unwrap_or_default();
        Block::Answer {
            sentence: format!("In {}, {met} of {all} duties were met in time: {percent} %.", month.words()),
            tags: vec![Tag { words: rate_words(met, all), like: like(met, all) }],
        }
    }

    fn chart(months: &[Month]) -> Block {
        let bar = |month: &Month| {
            let words = match month.rate() {
                Some((met, all)) => format!("{} %", met * 100 / all),
                None if month.kept_back => "kept back".to_owned(),
                None => "none".to_owned(),
            };
            let label = month.from.to_chrono().format("%b %y").to_string();
            (label, month.rate().map(|(met, all)| met * 100 / all), words)
        };
        let bars: Vec<_> = months.iter().map(bar).collect();
        let told: Vec<String> = bars.iter().map(|(label, _, words)| format!("{label} {words}")).collect();
        let summary = format!("Duties met in time of those due, month by month: {}.", told.join(", "));
        let title = "Duties met in time, by month";
        Block::Chart(Chart::bars("trend-chart", title, summary, (100, " %"), bars))
    }

    fn table(&self, months: &[Month]) -> Table {
        let row = |month: &Month| {
            let (rate, missed) = match month.rate() {
                Some((met, all)) => {
                    let of = format!("{met} of {all}");
                    let rate = Cell::text(format!("{} %", percent(met, all).unwrap_or_default()));
                    (self.linked(rate, of, month.from, month.to), Cell::text((all - met).to_string()))
                }
                None if month.kept_back => (nothing("Kept back"), nothing("Kept back")),
                None => (nothing("None due"), nothing("None")),
            };
            let apart = month.tally.not_evidenced.all();
            let apart = if self.for_a_board && (1..5).contains(&apart) {
                nothing("Kept back")
            } else {
                Cell::text(apart.to_string())
            };
            Row::of(vec![Cell::text(month.words()), rate, missed, apart])
        };
        let rows = months.iter().rev().map(row).collect();
        let columns = ["Month", "Met in time", "Missed", "Not evidenced"];
        let mut table =
            whole("trend", "Month by month", &columns, ["month", "months"], rows, "No month can be shown.");
        table.note = Some("Of the duties under the policy’s own numbers that fell due in a month: met ÷ (met + met late + overdue + lapsed). What has no evidence stands apart.".to_owned());
        table
    }

    /// A rate with the duties that it counts, for those who may see them.
    fn linked(&self, rate: Cell, of: String, from: Date, to: Date) -> Cell {
        if self.for_a_board {
            return rate.and_secondary(of);
        }
        let moment = self.carry.replacen('?', "&", 1);
        let href = format!("/duties?dueFrom={from}&dueTo={to}&holder={}{moment}", encoded(self.area));
        rate.and(Part::Link(Link::new(of, href)))
    }

    /// The units in the last three months.
    fn units(&self, counted: &Counted<'_>) -> Result<Table, HttpError> {
        let to = self.view.as_at.london_date();
        let from = to.plus_months(-3).next();
        let counts = counted.due(&[(from, to)], Grain::LagAndUnit)?.concat();
        let found: Vec<(Option<String>, Tally)> =
            of_area(self.app, &counts, self.area, self.view)?.into_iter().collect();
        let total = sum(found.iter().map(|(_, tally)| tally));
        let cells = found.iter().map(|(_, tally)| figures(tally)).chain([figures(&total)]).collect();
        let kept =
            if self.for_a_board { Counts::one_way(cells).kept_back() } else { vec![false; found.len() + 1] };
        let named = found.iter().map(|(unit, tally)| {
            (unit.clone().unwrap_or_else(|| "The area itself, or no unit known".to_owned()), tally)
        });
        let rows = named
            .chain([("All of it".to_owned(), &total)])
            .zip(kept)
            .filter(|((_, tally), _)| tally.policy.all() > 0)
            .map(|((name, tally), kept)| {
                let (met, all) = (tally.policy.met, tally.policy.all());
                if kept {
                    return Row::of(vec![Cell::text(name), nothing("Kept back"), nothing("Kept back")]);
                }
                let percent = percent(met, all).unwrap_or_default();
                let tag = Cell::tag(rate_words(met, all), like(met, all));
                Row::of(vec![
                    Cell::text(name),
                    Cell::text(format!("{percent} %")).and_secondary(format!("{met} of {all}")),
                    tag,
                ])
            })
            .collect();
        let none = "No duty of the area fell due in the last three months.";
        let columns = ["Unit", "Met in time", "How it is"];
        let mut table = whole("units", "Units", &columns, ["row", "rows"], rows, none);
        table.note = Some(format!("Duties due from {} to {}.", short_day(from), short_day(to)));
        Ok(table)
    }

    /// How far the people of the area are on the way to an account.
    fn people(&self) -> Result<Table, HttpError> {
        let filter = people::Filter {
            orgs: vec![self.area.to_owned()],
            left: Some(false),
            ..people::Filter::default()
        };
        let seen = self.app.registered().at(self.app.store.reader(), self.view)?;
        // Nobody is named: counts are for everyone who may see the page.
        let found = people::rows(&seen, &filter, &Asker::unnamed(self.app.now()))?;
        drop(seen);
        let users: Vec<&Person> = found.iter().filter(|one| one.uses_visor()).collect();
        let all = users.len() as u64;
        let today = self.view.as_at.london_date();
        let count = |counts: &dyn Fn(&Person) -> bool| users.iter().filter(|one| counts(one)).count() as u64;
        let has = |step: Missing| all - count(&|one| one.missing.contains(&step));
        let ends = |days: i32| {
            count(&|one| one.vetting_expires_on.is_some_and(|on| on >= today && on <= today.plus_days(days)))
        };
        let step = |name: &str, step: Missing| (name.to_owned(), has(step), Some(step));
        let mut lines = vec![
            step("Vetting in date", Missing::Vetting),
            step("SyOps signed", Missing::Syops),
            step("ViSOR training completed", Missing::Training),
            step("E-learning completed", Missing::Elearning),
            step("Account enabled", Missing::Account),
        ];
        lines.extend([30, 60, 90].map(|days| (format!("Vetting ends within {days} days"), ends(days), None)));
        let rows =
            if all == 0 { Vec::new() } else { lines.iter().map(|line| self.person_row(line, all)).collect() };
        let none = "Nobody who uses ViSOR is registered in the area.";
        let columns = ["Step", "People", "Missing"];
        let mut table = whole("people", "People", &columns, ["row", "rows"], rows, none);
        table.note = Some("Users of the area and its units who have not left, on the way from vetting to an account in use.".to_owned());
        Ok(table)
    }

    fn person_row(&self, (name, ready, step): &(String, u64, Option<Missing>), all: u64) -> Row {
        let missing = all - ready;
        let small = |count: u64| (1..5).contains(&count);
        if self.for_a_board && (small(*ready) || small(missing) || small(all)) {
            return Row::of(vec![Cell::text(name.clone()), nothing("Kept back"), nothing("Kept back")]);
        }
        let of = Cell::text(format!("{ready} of {all}"));
        let lacking = match step {
            None => nothing("does not apply"),
            Some(_) if missing == 0 => nothing("nobody"),
            Some(_) if self.for_a_board => Cell::text(missing.to_string()),
            Some(step) => {
                let moment = self.carry.replacen('?', "&", 1);
                let href =
                    format!("/people?org={}&missing={}&left=false{moment}", encoded(self.area), step.name());
                Cell::link(format!("{missing} people"), href)
            }
        };
        Row::of(vec![Cell::text(name.clone()), of, lacking])
    }

    /// How the backlog of each programme that is on went down.
    fn backlogs(&self) -> Result<Vec<Block>, HttpError> {
        let mut blocks = Vec::new();
        for ((word, programme), [chart, table]) in
            PROGRAMMES.into_iter().zip([["custody-chart", "custody"], ["community-chart", "community"]])
        {
            let projections = &self.app.projections;
            let Some(on) = projections.switched_on(self.view, self.area, programme)? else { continue };
            let left_out = |nominal: &str| self.hidden.is(nominal);
            let backlog = projections.backlog(self.view, self.area, programme, &left_out)?;
            let days: Vec<(Date, u64)> =
                backlog.days.iter().map(|day| (day.date, u64::from(day.count))).collect();
            let title = format!("Backlog of the programme {}", sentence_case(word).to_lowercase());
            if days.iter().all(|(_, count)| *count == 0) {
                let told = format!("Switched on {}; no case was left over from before.", short_day(on));
                blocks.extend([Block::heading(table, title), Block::words(told)]);
                continue;
            }
            let days = thinned(&days, BARS);
            let shown = |count: u64| !(self.for_a_board && (1..5).contains(&count));
            let words = |count: u64| if shown(count) { count.to_string() } else { "< 5".to_owned() };
            let bars = days.iter().map(|(date, count)| {
                let label = date.to_chrono().format("%-d %b").to_string();
                (label, shown(*count).then_some(*count), words(*count))
            });
            let most = days.iter().map(|(_, count)| *count).max().unwrap_or(0);
            let summary = match (days.first(), days.last()) {
                (Some((_, first)), Some((date, last))) => format!(
                    "{} cases when it was switched on, {} on {}.",
                    words(*first),
                    words(*last),
                    short_day(*date)
                ),
                _ => "No case was left.".to_owned(),
            };
            let heading = Block::heading(table, title.clone());
            blocks.extend([heading, Block::Chart(Chart::bars(chart, &title, summary, (most, ""), bars))]);
            let rows = days
                .iter()
                .map(|(date, count)| Row::of(vec![Cell::text(short_day(*date)), Cell::text(words(*count))]))
                .collect();
            let id = if table == "custody" { "custody-days" } else { "community-days" };
            let mut twin = whole(
                id,
                &title,
                &["At the end of", "Cases left"],
                ["day", "days"],
                rows,
                "No case was left.",
            );
            twin.title = None;
            twin.note = Some(format!(
                "Switched on {}. Cases that were there before have neither a record nor a duty to make one.",
                short_day(on)
            ));
            blocks.push(Block::Table(twin));
        }
        if blocks.is_empty() {
            let words = "No programme is switched on in the area, so that there is no backlog to work off.";
            blocks.extend([Block::heading("backlog", "Backlog"), Block::words(words)]);
        }
        Ok(blocks)
    }
}

/// At most so many days, evenly apart, the first and the last among them.
fn thinned(days: &[(Date, u64)], most: usize) -> Vec<(Date, u64)> {
    let Some(last) = days.len().checked_sub(1) else { return Vec::new() };
    let steps = most.saturating_sub(1).max(1).min(last.max(1));
    let mut places: Vec<usize> = (0..=steps).map(|step| step * last / steps).collect();
    places.dedup();
    places.into_iter().filter_map(|place| days.get(place).copied()).collect()
}

fn nothing(words: &str) -> Cell {
    Cell(vec![Part::Nothing(words.to_owned())])
}

/// The words of a rate's tag, as the heat map draws it.
const fn rate_words(met: u64, all: u64) -> &'static str {
    if met * 100 >= all * 90 {
        "90 % or more"
    } else if met * 100 >= all * 70 {
        "70 % or more"
    } else {
        "Less than 70 %"
    }
}

fn sum<'t>(tallies: impl IntoIterator<Item = &'t Tally>) -> Tally {
    let mut sum = Tally::default();
    tallies.into_iter().for_each(|tally| sum.join(tally));
    sum
}

/// The months as CSV; empty where figures are kept back.
fn csv(area: &str, months: &[Month]) -> Vec<u8> {
    let columns = ["area", "from", "to", "met", "due", "ratePercent"];
    let mut bytes = text_row(&columns.map(str::to_owned));
    for month in months {
        let (met, all) = (month.tally.policy.met, month.tally.policy.all());
        let number = |number: u64| if month.kept_back { String::new() } else { number.to_string() };
        let rate = if month.kept_back { None } else { percent(met, all) };
        bytes.extend(text_row(&[
            area.to_owned(),
            month.from.to_string(),
            month.to.to_string(),
            number(met),
            number(all),
            rate.unwrap_or_default(),
        ]));
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_burn_down_is_thinned_and_keeps_its_first_and_last_day() {
        let first = Date::parse("2026-01-01").unwrap();
        let day = |day: i32| (first.plus_days(day), 200 - u64::from(day.unsigned_abs()));
        let days: Vec<(Date, u64)> = (0..100).map(day).collect();
        let thin = thinned(&days, 18);
        assert_eq!(thin.len(), 18);
        assert_eq!((thin[0], thin[17]), (days[0], days[99]));
        assert_eq!(thinned(&days[..3], 18), &days[..3]);
        assert_eq!(thinned(&days[..1], 18), &days[..1]);
        assert!(thinned(&[], 18).is_empty());
    }
}
