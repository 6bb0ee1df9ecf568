//! What is sent by forms: signing in and out, finding by reference, advancing the demonstration's clock.

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, Uri, header};
use axum::response::{IntoResponse as _, Redirect, Response};

use super::visitor::Visitor;
use super::{Access, answer, show, with_cookie};
use crate::http::app::App;
use crate::http::body::form;
use crate::http::error::HttpError;
use crate::http::query::{Query, encoded};
use crate::http::sight::Hidden;
use crate::pages::sign_in::{Persona, SignIn};

/// The page to begin with.
pub async fn first_page(State(app): State<App>, uri: Uri, headers: HeaderMap) -> Response {
    show(app, Access::SignedIn, &uri, &headers, |_, _| Ok(Redirect::to("/work").into_response())).await
}

/// The people to sign in as.
pub async fn sign_in_page(State(app): State<App>, uri: Uri, headers: HeaderMap) -> Response {
    let raw = uri.query().map(str::to_owned);
    show(app, Access::Anyone, &uri, &headers, move |app, visitor| {
        let query = Query::read(raw.as_deref(), &["next"])?;
        let Some(demo) = &app.demo else { return Ok(Redirect::to("/work").into_response()) };
        let people = demo.people().iter().map(|person| Persona {
            id: person.id.clone(),
            name: person.name.clone(),
            role: person.role.clone(),
            comes_for: person.comes_for.to_owned(),
        });
        let next = query.one("next")?.filter(|next| is_own_path(next)).map(str::to_owned);
        answer(&SignIn { people: people.collect(), next, frame: visitor.frame(app, None)? })
    })
    .await
}

/// Signs in as one of them.
pub async fn sign_in(State(app): State<App>, uri: Uri, headers: HeaderMap, body: Body) -> Response {
    let sent = form(&headers, body, &["token", "persona", "next"]).await;
    show(app, Access::Anyone, &uri, &headers, move |app, visitor| {
        let sent = sent?;
        visitor.check_form(sent.one("token")?)?;
        let people = app.demo.as_ref().map(crate::demo::Demo::people).unwrap_or_default();
        let chosen = sent.one("persona")?.unwrap_or_default();
        let person = people.iter().find(|person| person.id == chosen);
        let person =
            person.ok_or_else(|| HttpError::parameter("persona", "choose one of the people on the page"))?;
        let next = sent.one("next")?.filter(|next| is_own_path(next)).unwrap_or("/work");
        let signed_in = app.sessions.sign_in(&visitor.open, &person.id);
        let open = signed_in.map_err(|error| HttpError::Failed(error.to_string()))?;
        let visitor = Visitor { open, person: Some(person.clone()) };
        Ok(with_cookie(Redirect::to(next).into_response(), &visitor))
    })
    .await
}

/// Signs out.
pub async fn sign_out(State(app): State<App>, uri: Uri, headers: HeaderMap, body: Body) -> Response {
    let sent = form(&headers, body, &["token"]).await;
    show(app, Access::Anyone, &uri, &headers, move |app, visitor| {
        visitor.check_form(sent?.one("token")?)?;
        app.sessions.end(&visitor.open.id);
        Ok(Redirect::to("/").into_response())
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
            id: mandate_domain::fact::shortened(typed),
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
