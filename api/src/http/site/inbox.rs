//! The inbox of the demonstration: the mails it wrote instead of sending them.

use std::path::Path as FilePath;

use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, Uri, header};
use axum::response::{IntoResponse as _, Response};
use mail_parser::{Message, MessageParser};
use mandate_domain::judge::short_reference;
use mandate_domain::time::Instant;
use mandate_projections::NoticeRow;

use super::moment::address;
use super::visitor::Visitor;
use super::words::{at_london, checked_at, sentence_case};
use super::{Access, answer, show};
use crate::http::app::App;
use crate::http::error::HttpError;
use crate::http::query::Query;
use crate::pages::Link;
use crate::pages::assets::MAIL_CONTENT_SECURITY_POLICY;
use crate::pages::duties::{Chip, Choice};
use crate::pages::inbox::{Inbox, MailPage, MailRow};
use crate::pages::listing::{Choose, Filter};
use crate::pages::paging::Pages;

/// Mails on a page.
const SIZE: u32 = 50;
/// Duties named beside a mail in the list.
const NAMED: u32 = 3;
/// Duties named beside a mail; its text names all.
const NAMED_BESIDE: usize = 20;
/// Headers shown with a mail; the rest say how it is put together.
const SHOWN_HEADERS: [&str; 6] =
    ["Message-ID", "In-Reply-To", "References", "Date", "Auto-Submitted", "MIME-Version"];

/// The list.
pub async fn list(State(app): State<App>, uri: Uri, headers: HeaderMap) -> Response {
    let raw = uri.query().map(str::to_owned);
    show(app, Access::SignedIn, &uri, &headers, move |app, visitor| {
        let query = Query::read(raw.as_deref(), &["page", "kind", "asAt", "knownAt"])?;
        // Mail is shown as it is: a moment that is carried from page to page changes nothing here.
        let number = query.number("page", 1, 1..=1_000_000)?;
        fill_list(app, visitor, number, query.one("kind")?.filter(|kind| !kind.is_empty()))
    })
    .await
}

/// One mail.
pub async fn mail(State(app): State<App>, Path(id): Path<String>, uri: Uri, headers: HeaderMap) -> Response {
    let fill = move |app: &App, visitor: &Visitor| fill_mail(app, visitor, &id);
    show(app, Access::SignedIn, &uri, &headers, fill).await
}

/// The HTML part of a mail, by itself.
pub async fn html(State(app): State<App>, Path(id): Path<String>, uri: Uri, headers: HeaderMap) -> Response {
    show(app, Access::SignedIn, &uri, &headers, move |app, _| {
        let bytes = read(app, &id)?;
        let message = parsed(&bytes, &id)?;
        let html =
            message.body_html(0).ok_or_else(|| HttpError::not_found("HTML part of mail", &id))?.into_owned();
        let headers = [
            (header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
            (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(MAIL_CONTENT_SECURITY_POLICY)),
        ];
        Ok((headers, html).into_response())
    })
    .await
}

fn fill_list(
    app: &App,
    visitor: &Visitor,
    number: u64,
    template: Option<&str>,
) -> Result<Response, HttpError> {
    let page = u32::try_from(number - 1).unwrap_or(u32::MAX);
    let found = app.projections.notices_sent(template, page, SIZE, NAMED)?;
    let href = |page: u64| {
        let kind = template.map(|kind| ("kind".to_owned(), kind.to_owned()));
        let pairs: Vec<_> = kind.into_iter().chain([("page".to_owned(), page.to_string())]).collect();
        address("/inbox", &pairs)
    };
    let pages = Pages::new(number, u64::from(SIZE), found.total_elements, href);
    let mut rows = Vec::new();
    for notice in &found.content {
        let Some(mail) = listed(app, &notice.notice)? else { continue };
        let (kind, duties) = of_notice(notice);
        rows.push(MailRow {
            href: format!("/inbox/{}", notice.notice),
            to: mail.to,
            subject: mail.subject,
            sent_at: at_london(mail.sent_at),
            kind,
            duties,
        });
    }
    answer(&Inbox {
        frame: visitor.frame(app, None)?,
        filter: filter(app, template)?,
        mails: rows,
        pages,
        checked_at: checked_at(app.now()),
    })
}

/// The kinds of mail that there are, to choose from.
fn filter(app: &App, template: Option<&str>) -> Result<Filter, HttpError> {
    let mut kinds: Vec<String> =
        app.projections.notice_counts()?.into_iter().map(|count| count.template).collect();
    kinds.dedup();
    let choice = |kind: String| Choice {
        chosen: template == Some(kind.as_str()),
        text: kind_of_mail(&kind),
        value: kind,
    };
    let chip = |kind: &str| Chip {
        field: "Kind of mail".to_owned(),
        value: kind_of_mail(kind),
        remove_href: "/inbox".to_owned(),
    };
    Ok(Filter {
        action: "/inbox".to_owned(),
        open: false,
        carried: Vec::new(),
        choices: vec![Choose {
            name: "kind",
            label: "Kind of mail",
            any: "Any kind",
            choices: kinds.into_iter().map(choice).collect(),
        }],
        texts: Vec::new(),
        dates: Vec::new(),
        chips: template.into_iter().map(chip).collect(),
        clear_href: "/inbox".to_owned(),
    })
}

fn kind_of_mail(template: &str) -> String {
    match template {
        "summary" => "Summary of breaches".to_owned(),
        other => sentence_case(other),
    }
}

fn fill_mail(app: &App, visitor: &Visitor, id: &str) -> Result<Response, HttpError> {
    let bytes = read(app, id)?;
    let message = parsed(&bytes, id)?;
    let notice = app.projections.notice(id)?;
    let (kind, mut duties) = notice.as_ref().map_or(("Mail".to_owned(), Vec::new()), of_notice);
    let more_duties = duties.len().saturating_sub(NAMED_BESIDE);
    duties.truncate(NAMED_BESIDE);
    let stated = |name: &str| message.header_raw(name).map(|value| value.trim().to_owned());
    let headers = SHOWN_HEADERS.iter().filter_map(|name| Some(((*name).to_owned(), stated(name)?)));
    let page = MailPage {
        subject: message.subject().unwrap_or_default().to_owned(),
        from: stated("From").unwrap_or_default(),
        to: stated("To").unwrap_or_default(),
        sent_at: sent_at(&message).map_or(String::new(), at_london),
        kind,
        duties,
        more_duties,
        text: message.body_text(0).unwrap_or_default().replace("\r\n", "\n"),
        html_href: message.body_html(0).map(|_| format!("/inbox/{id}/html")),
        headers: headers.collect(),
        frame: visitor.frame(app, None)?,
    };
    answer(&page)
}

/// What stands of a mail in the list.
struct Listed {
    to: String,
    subject: String,
    sent_at: Instant,
}

/// The mail of a notice for the list; none whose file is there no longer.
fn listed(app: &App, id: &str) -> Result<Option<Listed>, HttpError> {
    let bytes = match read(app, id) {
        Err(HttpError::NotFound { .. }) => return Ok(None),
        read => read?,
    };
    let Some(message) = MessageParser::default().parse_headers(&bytes) else { return Ok(None) };
    let to = message.to().and_then(|to| to.first()).and_then(|to| to.address()).unwrap_or_default();
    let subject = message.subject().unwrap_or_default().to_owned();
    Ok(sent_at(&message).map(|sent_at| Listed { to: to.to_owned(), subject, sent_at }))
}

fn folder(app: &App) -> Result<&FilePath, HttpError> {
    app.demo.as_ref().and(app.mail_dir.as_deref()).ok_or(HttpError::NoSuchAddress)
}

fn read(app: &App, id: &str) -> Result<Vec<u8>, HttpError> {
    let missing = || HttpError::not_found("mail", id);
    if !is_id(id) {
        return Err(missing());
    }
    std::fs::read(folder(app)?.join(format!("{id}.eml"))).map_err(|_| missing())
}

fn parsed<'m>(bytes: &'m [u8], id: &str) -> Result<Message<'m>, HttpError> {
    MessageParser::default()
        .parse(bytes)
        .ok_or_else(|| HttpError::Failed(format!("mail {id} cannot be read")))
}

/// Letters, digits and hyphens: what names a notice can name no other file.
fn is_id(id: &str) -> bool {
    !id.is_empty() && id.len() <= 128 && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

fn sent_at(message: &Message<'_>) -> Option<Instant> {
    let seconds = message.date()?.to_timestamp();
    Some(Instant::from_nanos(seconds.checked_mul(1_000_000_000)?))
}

/// What kind of mail a notice is, and the duties that it names.
fn of_notice(notice: &NoticeRow) -> (String, Vec<Link>) {
    let kind = kind_of_mail(&notice.template);
    let duties = if notice.lists_duties() { notice.duties.as_slice() } else { &[] };
    let mut references: Vec<String> = duties.iter().map(|(duty, _)| short_reference(duty)).collect();
    references.dedup();
    let link = |reference: String| {
        let href = format!("/duties/{reference}");
        Link::new(reference, href)
    };
    (kind, references.into_iter().map(link).collect())
}
