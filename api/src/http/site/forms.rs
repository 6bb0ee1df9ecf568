//! What is sent by forms: finding by reference, advancing the demonstration's clock.

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, Uri, header};
use axum::response::{IntoResponse as _, Redirect, Response};

use super::{Access, show};
use crate::http::app::App;
use crate::http::body::form;
use crate::http::error::HttpError;
use crate::http::gate::may_open;
use crate::http::query::encoded;
use crate::http::registers::asker::Asker;
use crate::http::sight::Hidden;

/// The page to begin with.
pub async fn first_page(State(app): State<App>, uri: Uri, headers: HeaderMap) -> Response {
    show(app, Access::SignedIn, &uri, &headers, |app, visitor| {
        let asker = Asker::of(app, &visitor.caller)?;
        // What a member of a board, an administrator or anybody else comes for, in this order.
        let to = ["/work", "/compliance", "/people"].into_iter().find(|path| may_open(&asker, path));
        Ok(Redirect::to(to.unwrap_or("/operations")).into_response())
    })
    .await
}

/// Finds a duty, a nominal or a rule by its reference.
pub async fn search(State(app): State<App>, uri: Uri, headers: HeaderMap, body: Body) -> Response {
    let sent = form(&headers, body, &["token", "reference"]).await;
    show(app, Access::SignedIn, &uri, &headers, move |app, visitor| {
        let sent = sent?;
        visitor.check_form(sent.one("token")?)?;
        let typed = sent.one("reference")?.unwrap_or_default().trim();
        let to = place_of(app, &visitor.hidden(app)?, typed)?.ok_or_else(|| HttpError::NotFound {
            what: "duty, nominal or rule with the reference you typed:",
            id: mandate_domain::fact::repeated(typed),
        })?;
        Ok(Redirect::to(&to).into_response())
    })
    .await
}

fn place_of(app: &App, hidden: &Hidden, typed: &str) -> Result<Option<String>, HttpError> {
    let upper = typed.to_uppercase();
    for reference in [typed, &upper] {
        let found = app.projections.duty(reference)?;
        if let Some(row) = found.filter(|row| !hidden.is(&row.record.subject)) {
            return Ok(Some(format!("/duties/{}", row.reference)));
        }
    }
    for reference in [typed, &upper] {
        let reference = reference.strip_prefix("nominal/").unwrap_or(reference);
        let subject = format!("nominal/{reference}");
        if !hidden.is(&subject) && app.projections.subject(&subject)?.is_some() {
            return Ok(Some(format!("/nominals/{}", encoded(reference))));
        }
    }
    let book = app.book(app.now())?;
    Ok(book.policy.rule(typed).map(|rule| format!("/rules/{}", rule.id)))
}

/// Moves the demonstration's clock on by a day.
pub async fn advance(State(app): State<App>, uri: Uri, headers: HeaderMap, body: Body) -> Response {
    let sent = form(&headers, body, &["token"]).await;
    let back = referrer(&headers);
    show(app, Access::SignedIn, &uri, &headers, move |app, visitor| {
        visitor.check_form(sent?.one("token")?)?;
        let Some(demo) = &app.demo else { return Err(HttpError::NoSuchAddress) };
        let day = demo.advance_one_day().map_err(|error| HttpError::Failed(error.to_string()))?;
        app.sessions.say(&visitor.open.id, day.to_string());
        Ok(Redirect::to(&back).into_response())
    })
    .await
}

/// The page from which a form was sent, if it is one of ours, else the first.
fn referrer(headers: &HeaderMap) -> String {
    let stated = headers.get(header::REFERER).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let path = stated.split_once("://").and_then(|(_, rest)| rest.find('/').and_then(|at| rest.get(at..)));
    path.filter(|path| is_own_path(path) && !path.starts_with("/demo/")).unwrap_or("/work").to_owned()
}

/// Whether a text is a path of this service, so that nobody is led elsewhere.
pub fn is_own_path(text: &str) -> bool {
    text.starts_with('/')
        && !text.starts_with("//")
        && !text.contains('\\')
        && text.bytes().all(|byte| byte > 0x20)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_led_to_another_site() {
        for (text, own) in [
            ("/work", true),
            ("/duties?area=area/A07", true),
            ("//evil.example", false),
            ("/\\evil.example", false),
            ("https://evil.example", false),
            ("/a\tb", false),
            ("", false),
        ] {
            assert_eq!(is_own_path(text), own, "{text:?}");
        }
    }
}
