//! Settings: how a person wants to be told.

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use axum::response::{IntoResponse as _, Redirect, Response};
use mandate_domain::command::{CommandName, Refusal, RefusalKind};
use mandate_store::CommandFailure;
use serde_json::{Map, Value, json};

use super::visitor::Visitor;
use super::words::sentence_case;
use super::{Access, answer, show};
use crate::http::app::App;
use crate::http::body::form;
use crate::http::commands::given_on_a_page;
use crate::http::error::HttpError;
use crate::http::query::Query;
use crate::pages::frame::FieldError;
use crate::pages::settings::{Mail, Own, Settings};

/// The kinds of mail that may be turned off: name, what it is, when it comes.
const MAILS: [(&str, &str, &str); 5] = [
    ("warning", "Warnings", "Before a duty is due, to who enters it and the LPC."),
    ("vetting", "Vetting that expires", "90, 30 and 7 days before, to the CPC and the line manager."),
    ("digest", "Daily digest", "What is overdue and due this week, on working days; on Mondays in any case."),
    ("team", "Week of the team", "On Mondays, to who manages a team."),
    ("quarterly", "Quarter in figures", "After each quarter, to members of the board."),
];
/// The fields with a time, each as the page calls it.
const TIMES: [&str; 3] = ["digest_at", "quiet_from", "quiet_until"];

/// The settings of who looks.
pub async fn page(State(app): State<App>, uri: Uri, headers: HeaderMap) -> Response {
    let raw = uri.query().map(str::to_owned);
    show(app, Access::SignedIn, &uri, &headers, move |app, visitor| {
        Query::read(raw.as_deref(), &[])?;
        let own = visitor.caller.user().map(|user| standing(app, user)).transpose()?;
        shown(app, visitor, own, Vec::new())
    })
    .await
}

/// The settings as they stand.
fn standing(app: &App, user: &str) -> Result<Own, HttpError> {
    let stands = app.projections.preferences(user)?;
    let (quiet_from, quiet_until) = stands.quiet.unwrap_or_default();
    let mails = mails(|name| !stands.off.iter().any(|off| off == name));
    Ok(Own { digest_at: stands.digest_at.unwrap_or_default(), quiet_from, quiet_until, mails })
}

fn mails(is_on: impl Fn(&str) -> bool) -> Vec<Mail> {
    MAILS.iter().map(|&(name, words, hint)| Mail { name, words, hint, on: is_on(name) }).collect()
}

fn shown(
    app: &App,
    visitor: &Visitor,
    own: Option<Own>,
    errors: Vec<FieldError>,
) -> Result<Response, HttpError> {
    let mut frame = visitor.frame(app, None)?;
    frame.errors = errors;
    let usual_digest = app.scheduler.as_ref().and_then(mandate_scheduler::Scheduler::usual_digest);
    let feed = format!("{}/calendar/TOKEN.ics", app.base_url.as_deref().unwrap_or_default());
    answer(&Settings { frame, own, usual_digest, feed })
}

/// Keeps what was chosen: a command of who is signed in, about themselves.
pub async fn save(State(app): State<App>, uri: Uri, headers: HeaderMap, body: Body) -> Response {
    let boxes: Vec<String> = MAILS.iter().map(|(name, ..)| format!("mail-{name}")).collect();
    let known: Vec<&str> =
        TIMES.into_iter().chain(["token"]).chain(boxes.iter().map(String::as_str)).collect();
    let sent = form(&headers, body, &known).await;
    let visitor = match Visitor::of(&app, &headers) {
        Ok(visitor) => visitor,
        Err(error) => return error.into_response(),
    };
    let typed = sent.and_then(|sent| {
        visitor.check_form(sent.one("token")?)?;
        let text = |name: &str| Ok::<_, HttpError>(sent.one(name)?.unwrap_or_default().trim().to_owned());
        let mut on = Vec::new();
        for (name, ..) in MAILS {
            if sent.one(&format!("mail-{name}"))?.is_some() {
                on.push(name);
            }
        }
        Ok(Own {
            digest_at: text("digest_at")?,
            quiet_from: text("quiet_from")?,
            quiet_until: text("quiet_until")?,
            mails: mails(|name| on.contains(&name)),
        })
    });
    let done = match (&typed, visitor.caller.user()) {
        (Ok(typed), Some(user)) => {
            let fields = fields(user, typed);
            given_on_a_page(&app, CommandName::SetPreferences, &fields, user.to_owned()).await
        }
        (Ok(_), None) => {
            Err(HttpError::Forbidden("sign in as the person whose settings these are".to_owned()))
        }
        (Err(_), _) => Ok(()),
    };
    show(app, Access::SignedIn, &uri, &headers, move |app, visitor| {
        let typed = typed?;
        match done {
            Ok(()) => {
                app.sessions.say(&visitor.open.id, "Your settings were saved.".to_owned());
                Ok(Redirect::to("/settings").into_response())
            }
            Err(error) => {
                let errors = errors(error)?;
                shown(app, visitor, Some(typed), errors)
            }
        }
    })
    .await
}

/// The fields of the command.
fn fields(user: &str, typed: &Own) -> Map<String, Value> {
    let off: Vec<&str> = typed.mails.iter().filter(|mail| !mail.on).map(|mail| mail.name).collect();
    let mut fields = Map::new();
    fields.insert("subject".to_owned(), json!(user));
    fields.insert("off".to_owned(), json!(off));
    let times = [&typed.digest_at, &typed.quiet_from, &typed.quiet_until];
    for (name, value) in TIMES.into_iter().zip(times).filter(|(_, value)| !value.is_empty()) {
        fields.insert(name.to_owned(), json!(value));
    }
    fields
}

/// What is wrong with what was typed, as far as that is what is wrong.
fn errors(error: HttpError) -> Result<Vec<FieldError>, HttpError> {
    let HttpError::Command(CommandFailure::Refused(refusal)) = &error else { return Err(error) };
    let Refusal { kind: RefusalKind::Content, reason, remedy, .. } = refusal else { return Err(error) };
    let field = TIMES.into_iter().find(|field| reason.contains(&format!("`{field}`"))).unwrap_or("mails");
    Ok(vec![FieldError { field: field.to_owned(), text: format!("{}.", sentence_case(remedy)) }])
}
