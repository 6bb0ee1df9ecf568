//! Notices: the mail owed and sent, how each stands, and what could not be delivered; users by id, never an address.

use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use mandate_domain::judge::short_reference;
use mandate_projections::{NoticeCount, NoticeRow};

use super::reconciliation::TABS;
use super::{Asking, Begun, Spec, Words, instant, one_table, values};
use crate::http::app::App;
use crate::http::error::HttpError;
use crate::http::lists::{NOTICE_STATUSES, notice_filter};
use crate::http::query::encoded;
use crate::http::site::visitor::Visitor;
use crate::http::site::words::sentence_case;
use crate::http::site::{Access, answer, show};
use crate::pages::Link;
use crate::pages::duties::Count;
use crate::pages::frame::Section;
use crate::pages::listing::{Cell, Column, Part, Row};
use crate::pages::words::{Status, grouped};

const SPEC: Spec = Spec {
    path: "/notices",
    api: "/v1/notices",
    choices: &[("status", "Status"), ("template", "Kind of mail"), ("dead", "Could not be delivered")],
    dates: &[],
};

const WORDS: Words<'static> = Words {
    heading: "Notices",
    purpose: "The mail that Mandate owes and sent: to whom, about what, and how far each is; what could not be delivered stands apart.",
    paragraphs: &["4.16.p"],
};

/// Duties named beside a notice.
const NAMED: u32 = 3;

/// The page.
pub async fn page(State(app): State<App>, uri: Uri, headers: HeaderMap) -> Response {
    let raw = uri.query().map(str::to_owned);
    show(app, Access::SignedIn, &uri, &headers, move |app, visitor| fill(app, visitor, raw.as_deref())).await
}

fn fill(app: &App, visitor: &Visitor, raw: Option<&str>) -> Result<Response, HttpError> {
    let mut asking = match Asking::begin(app, visitor, raw, &SPEC)? {
        Begun::Elsewhere(response) => return Ok(response),
        Begun::Here(asking) => asking,
    };
    // Mail is shown as it stands now, whatever the moment.
    asking.frame.moment = None;
    let hidden = asking.asker.hidden(app)?;
    let filter = notice_filter(&asking.query, &hidden)?;
    let (number, size) = asking.page_and_size();
    let found = app.projections.notices_in_short(&filter, number, size, NAMED)?;
    let mut page = asking.listing(Section::Reconciliation, WORDS, &TABS);
    let all = app.projections.notice_counts()?;
    // A count of all would tell somebody of what is hidden from them.
    page.counts = if filter.except.is_empty() { counts(&all) } else { Vec::new() };
    let mut kinds: Vec<String> = all.into_iter().map(|count| count.template).collect();
    kinds.dedup();
    let kinds = kinds.into_iter().map(|kind| (kind.clone(), sentence_case(&kind)));
    page.filter = Some(asking.filter(vec![
        asking.choose("status", "Status", "Any status", values(&NOTICE_STATUSES)),
        asking.choose("template", "Kind of mail", "Any kind", kinds),
        asking.choose(
            "dead",
            "Delivery",
            "All notices",
            [("true".to_owned(), "Only what could not be delivered".to_owned())],
        ),
    ]));
    let columns = ["Notice", "Kind of mail", "To", "About", "Status", "Queued"]
        .map(Column::plain)
        .into_iter()
        .collect();
    let rows = found.content.iter().map(|one| row(one, app.demo.is_some())).collect();
    let pages = asking.pages(found.total_elements);
    let caption = "Notices, the latest first";
    page.tables.push(one_table("notices", caption, ["notice", "notices"], columns, rows, pages));
    answer(&page)
}

fn counts(found: &[NoticeCount]) -> Vec<Count> {
    let sum = |counts: &dyn Fn(&NoticeCount) -> bool| -> u64 {
        found.iter().filter(|count| counts(count)).map(|count| count.notices).sum()
    };
    let named = NOTICE_STATUSES
        .iter()
        .map(|(status, _)| Count { text: sentence_case(status), count: sum(&|one| one.status == *status) });
    let dead = Count { text: "Could not be delivered".to_owned(), count: sum(&|one| one.dead) };
    named.chain([dead]).collect()
}

fn row(notice: &NoticeRow, inbox: bool) -> Row {
    let (words, like) = match notice.status.as_str() {
        "accepted" => ("Accepted", Status::Met),
        "rejected" => ("Rejected", Status::Overdue),
        "deferred" => ("Deferred", Status::DueThisWeek),
        "ambiguous" => ("Ambiguous", Status::DueToday),
        _ => ("Queued", Status::Pending),
    };
    let name = if inbox && notice.status == "accepted" {
        Cell::link(notice.notice.clone(), format!("/inbox/{}", encoded(&notice.notice)))
    } else {
        Cell::text(notice.notice.clone())
    };
    let status = Cell::tag(words, like).and_secondary(notice.reply.clone().unwrap_or_default());
    Row::of(vec![
        name.and_secondary(format!("log position {}", grouped(notice.position.get()))),
        Cell::text(sentence_case(&notice.template)),
        Cell::text(notice.recipient.clone()),
        about(notice),
        status,
        Cell::text(instant(notice.queued_at)),
    ])
}

/// The duties that it lists, a few of them by name.
fn about(notice: &NoticeRow) -> Cell {
    if !notice.lists_duties() || notice.duties.is_empty() {
        return Cell(vec![Part::Nothing("no single duty".to_owned())]);
    }
    let link = |(duty, _): &(String, u32)| {
        let reference = short_reference(duty);
        let href = format!("/duties/{reference}");
        Part::Link(Link::new(reference, href))
    };
    let named = Cell(notice.duties.iter().map(link).collect());
    let more = notice.more_duties;
    named.and_secondary(if more == 0 { String::new() } else { format!("and {} more", grouped(more)) })
}
