//! The inbox of the demonstration: the mails it wrote instead of sending them.

use std::path::Path as FilePath;

use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, Uri, header};
use axum::response::{IntoResponse as _, Response};
use mail_parser::{Message, MessageParser};
use mandate_domain::judge::short_reference;
use mandate_domain::time::Instant;

use super::visitor::Visitor;
use super::words::{at_london, checked_at, sentence_case};
use super::{Access, answer, show};
use crate::http::app::App;
use crate::http::error::HttpError;
use crate::http::query::Query;
use crate::pages::Link;
use crate::pages::assets::MAIL_CONTENT_SECURITY_POLICY;
use crate::pages::inbox::{Inbox, MailPage, MailRow};
use crate::pages::paging::Pages;

/// Mails on a page.
const SIZE: usize = 50;
/// Duties named beside a mail in the list.
const NAMED: usize = 3;
/// Headers shown with a mail; the rest say how it is put together.
const SHOWN_HEADERS: [&str; 6] =
    ["Message-ID", "In-Reply-To", "References", "Date", "Auto-Submitted", "MIME-Version"];

/// The list.
pub async fn list(State(app): State<App>, uri: Uri, headers: HeaderMap) -> Response {
    let raw = uri.query().map(str::to_owned);
    show(app, Access::SignedIn, &uri, &headers, move |app, visitor| {
        let query = Query::read(raw.as_deref(), &["page", "asAt", "knownAt"])?;
        // Mail is shown as it is: a moment that is carried from page to page changes nothing here.
        let number = query.number("page", 1, 1..=1_000_000)?;
        fill_list(app, visitor, number)
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

fn fill_list(app: &App, visitor: &Visitor, number: u64) -> Result<Response, HttpError> {
    let mut mails = all(app)?;
    mails.sort_by(|one, other| (other.sent_at, &other.id).cmp(&(one.sent_at, &one.id)));
    let pages = Pages::new(number, SIZE as u64, mails.len() as u64, |page| format!("/inbox?page={page}"));
    let skipped = usize::try_from(pages.first.saturating_sub(1)).unwrap_or(0);
    let mut rows = Vec::new();
    for mail in mails.into_iter().skip(skipped).take(SIZE) {
        let (kind, duties) = of_notice(app, &mail.id)?;
        rows.push(MailRow {
            href: format!("/inbox/{}", mail.id),
            to: mail.to,
            subject: mail.subject,
            sent_at: at_london(mail.sent_at),
            kind,
            duties: duties.into_iter().take(NAMED).collect(),
        });
    }
    answer(&Inbox { frame: visitor.frame(app, None)?, mails: rows, pages, checked_at: checked_at(app.now()) })
}

fn fill_mail(app: &App, visitor: &Visitor, id: &str) -> Result<Response, HttpError> {
    let bytes = read(app, id)?;
    let message = parsed(&bytes, id)?;
    let (kind, duties) = of_notice(app, id)?;
    let stated = |name: &str| message.header_raw(name).map(|value| value.trim().to_owned());
    let headers = SHOWN_HEADERS.iter().filter_map(|name| Some(((*name).to_owned(), stated(name)?)));
    let page = MailPage {
        subject: message.subject().unwrap_or_default().to_owned(),
        from: stated("From").unwrap_or_default(),
        to: stated("To").unwrap_or_default(),
        sent_at: sent_at(&message).map_or(String::new(), at_london),
        kind,
        duties,
        text: message.body_text(0).unwrap_or_default().replace("\r\n", "\n"),
        html_href: message.body_html(0).map(|_| format!("/inbox/{id}/html")),
        headers: headers.collect(),
        frame: visitor.frame(app, None)?,
    };
    answer(&page)
}

/// What stands of a mail in the list.
struct Listed {
    id: String,
    to: String,
    subject: String,
    sent_at: Instant,
}

fn all(app: &App) -> Result<Vec<Listed>, HttpError> {
    let folder = folder(app)?;
    let Ok(entries) = std::fs::read_dir(folder) else { return Ok(Vec::new()) };
    let files = entries.filter_map(Result::ok).map(|entry| entry.path());
    let listed = |path: std::path::PathBuf| {
        let id = path.file_name()?.to_str()?.strip_suffix(".eml").filter(|id| is_id(id))?.to_owned();
        let bytes = std::fs::read(&path).ok()?;
        let message = MessageParser::default().parse_headers(&bytes)?;
        let to =
            message.to().and_then(|to| to.first()).and_then(|to| to.address()).unwrap_or_default().to_owned();
        let sent_at = sent_at(&message)?;
        Some(Listed { id, to, subject: message.subject().unwrap_or_default().to_owned(), sent_at })
    };
    Ok(files.filter_map(listed).collect())
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
fn of_notice(app: &App, id: &str) -> Result<(String, Vec<Link>), HttpError> {
    let Some(notice) = app.projections.notice(id)? else { return Ok(("Mail".to_owned(), Vec::new())) };
    let kind = match notice.template.as_str() {
        "summary" => "Summary of breaches".to_owned(),
        other => sentence_case(other),
    };
    let duties = if notice.lists_duties() { notice.duties.as_slice() } else { &[] };
    let mut references: Vec<String> = duties.iter().map(|(duty, _)| short_reference(duty)).collect();
    references.dedup();
    let link = |reference: String| {
        let href = format!("/duties/{reference}");
        Link::new(reference, href)
    };
    Ok((kind, references.into_iter().map(link).collect()))
}
