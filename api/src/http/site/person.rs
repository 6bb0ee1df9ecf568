//! A person who signed in, as pages show them: role, place, and the duties that are theirs.

use mandate_domain::catalogue::SubjectKind;
use mandate_domain::rights::{Post, Standing};

use crate::demo::{Person, Scope};
use crate::http::app::App;
use crate::http::error::HttpError;
use crate::http::todo::with_those_below;

/// A user as the log has them now. Blocking.
///
/// # Errors
/// [`HttpError`] when the log cannot be read.
pub fn of(app: &App, user: &str, name: Option<&str>) -> Result<Person, HttpError> {
    let now = app.now();
    let standing = app.commands().directory()?.standing(user, now);
    let place = place(&standing).to_owned();
    let scope = match SubjectKind::of(&place) {
        Some(SubjectKind::Unit) => Scope::of_unit(&place),
        Some(_) if &*standing.role != "auditor" => {
            Scope::of_holders(with_those_below(app, &place, app.present())?.into_iter().collect())
        }
        _ => Scope::default(),
    };
    let reference = user.strip_prefix("user/").unwrap_or(user);
    Ok(Person {
        id: user.to_owned(),
        user: user.to_owned(),
        name: name.unwrap_or(reference).to_owned(),
        role: if place.is_empty() {
            "no user of Mandate".to_owned()
        } else {
            format!("{}, {place}", role(&standing))
        },
        comes_for: "",
        scope,
    })
}

/// Where they answer: at their post, else where they work.
fn place(standing: &Standing) -> &str {
    standing.posts.first().map_or(&standing.org, |(_, org)| org)
}

fn role(standing: &Standing) -> &str {
    match standing.posts.first() {
        Some((Post::Cpc, _)) => "CPC",
        Some((Post::DeputyCpc, _)) => "deputy CPC",
        Some((Post::Lpc, _)) => "LPC",
        Some((Post::VisorLead, _)) => "ViSOR lead",
        None => &standing.role,
    }
}
