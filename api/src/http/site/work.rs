//! My work: the open duties of the person who looks, by the last working day to act.

use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use axum::response::{IntoResponse as _, Redirect, Response};
use mandate_domain::judge::{Outcome, View};
use mandate_projections::{DutyFilter, DutyRow, DutySort};

use super::act::offer::bulk;
use super::moment::{self, Asked};
use super::visitor::Visitor;
use super::words::{Lens, checked_at};
use super::{Access, answer, show};
use crate::demo::Scope;
use crate::http::app::App;
use crate::http::duties::listed;
use crate::http::error::HttpError;
use crate::http::query::Query;
use crate::http::registers::asker::Asker;
use crate::pages::words::Status;
use crate::pages::work::{MyWork, WorkGroup};

/// Rows shown of each group.
const SHOWN: usize = 25;
/// Pending duties looked at; those after them in order have more time and are only counted.
const MOST: usize = 10_000;

/// The page.
pub async fn page(State(app): State<App>, uri: Uri, headers: HeaderMap) -> Response {
    let raw = uri.query().map(str::to_owned);
    show(app, Access::SignedIn, &uri, &headers, move |app, visitor| fill(app, visitor, raw.as_deref())).await
}

fn fill(app: &App, visitor: &Visitor, raw: Option<&str>) -> Result<Response, HttpError> {
    let query = Query::read(raw, &moment::KNOWN)?;
    let now = app.now();
    let shown = match moment::read(&query, "/work", &[], now)? {
        Asked::Redirect(to) => return Ok(Redirect::to(&to).into_response()),
        Asked::Page(shown) => *shown,
    };
    let view = shown.view(now);
    let past = shown.past;
    let mut frame = visitor.frame(app, Some(shown.moment))?;
    frame.errors = shown.errors;
    let scope = visitor.person.as_ref().map(|person| person.scope.clone()).unwrap_or_default();
    let looked = Looked { past, view, hidden: visitor.hidden(app)?.subjects() };
    let groups = groups(app, &scope, &looked, &frame.carry())?;
    let list = scope.parameters();
    let carried = frame.carry().replacen('?', "&", 1);
    let page = MyWork {
        checked_at: checked_at(now),
        covers: scope.covers(),
        csv_href: format!("/v1/duties?format=csv&outcome=overdue,pending{list}{carried}"),
        json_href: format!("/v1/duties?outcome=overdue,pending{list}{carried}"),
        overdue: groups.overdue.into_shown("overdue", &list, &carried),
        due_today: groups.due_today.into_shown("pending", &list, &carried),
        due_this_week: groups.due_this_week.into_shown("pending", &list, &carried),
        later: groups.later.into_shown("pending", &list, &carried),
        bulk: if past.is_none() { bulk(&Asker::of(app, &visitor.caller)?, "/work") } else { None },
        frame,
    };
    answer(&page)
}

/// At what moment one looks, and what is hidden from whoever does.
struct Looked {
    past: Option<View>,
    view: View,
    hidden: Vec<String>,
}

#[derive(Default)]
struct Groups {
    overdue: Group,
    due_today: Group,
    due_this_week: Group,
    later: Group,
}

/// The first rows of a group, and how many it has in all.
#[derive(Default)]
struct Group {
    rows: Vec<crate::pages::row::DutyRow>,
    total: u64,
}

fn groups(app: &App, scope: &Scope, looked: &Looked, carry: &str) -> Result<Groups, HttpError> {
    let view = looked.view;
    let book = app.book(view.known_at)?;
    let calendar = book.calendar.known_at(view.known_at);
    let lens = Lens { policy: &book.policy, calendar, today: view.as_at.london_date(), carry };
    let open = open_duties(app, scope, looked)?;
    let mut groups = Groups::default();
    for row in &open.rows {
        let group = match lens.status(&row.record) {
            Status::Overdue => &mut groups.overdue,
            Status::DueToday => &mut groups.due_today,
            Status::DueThisWeek => &mut groups.due_this_week,
            Status::NotYetOpen
            | Status::Pending
            | Status::Met
            | Status::MetLate
            | Status::Withdrawn
            | Status::Lapsed
            | Status::Superseded
            | Status::Exempt
            | Status::Annulled => &mut groups.later,
        };
        group.total += 1;
        if group.rows.len() < SHOWN {
            group.rows.push(lens.row(row));
        }
    }
    groups.overdue.total += open.more_overdue;
    groups.later.total += open.more_pending;
    Ok(groups)
}

/// The open duties of a person, by the last working day to act.
#[derive(Default)]
struct Open {
    rows: Vec<DutyRow>,
    /// Overdue duties and pending ones beyond those.
    more_overdue: u64,
    more_pending: u64,
}

/// The open duties of a scope, each once. Pending ones beyond those looked at have more time than all of them.
fn open_duties(app: &App, scope: &Scope, looked: &Looked) -> Result<Open, HttpError> {
    let past = looked.past;
    let mut open = Open::default();
    for (holders, units) in scope.filters() {
        let mut list = |outcomes: &[Outcome], size: usize| -> Result<u64, HttpError> {
            let filter = DutyFilter {
                holders: holders.clone(),
                units: units.clone(),
                outcomes: outcomes.to_vec(),
                sort: DutySort::ActBy,
                except: looked.hidden.clone(),
                size: u32::try_from(size).unwrap_or(u32::MAX),
                ..DutyFilter::default()
            };
            let found = listed(app, past, &filter)?;
            let more = found.total_elements.saturating_sub(found.content.len() as u64);
            open.rows.extend(found.content);
            Ok(more)
        };
        if past.is_some() {
            // The whole log is judged for each list: one is enough, and it is in memory anyway.
            list(&[Outcome::Overdue, Outcome::Pending], usize::MAX)?;
        } else {
            let more_overdue = list(&[Outcome::Overdue], SHOWN)?;
            let more_pending = list(&[Outcome::Pending], MOST)?;
            open.more_overdue += more_overdue;
            open.more_pending += more_pending;
        }
    }
    open.rows.sort_by(|one, other| {
        let key = |row: &DutyRow| (row.record.act_by.is_none(), row.record.act_by);
        key(one).cmp(&key(other)).then_with(|| one.record.duty.cmp(&other.record.duty))
    });
    open.rows.dedup_by(|one, other| one.record.duty == other.record.duty);
    Ok(open)
}

impl Group {
    fn into_shown(self, outcome: &str, list: &str, carried: &str) -> WorkGroup {
        WorkGroup {
            rows: self.rows,
            total: self.total,
            all_href: format!("/duties?outcome={outcome}{list}{carried}"),
        }
    }
}
