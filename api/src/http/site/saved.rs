//! Lists of duties that a person saved under a name: events under the user, the name sealed like any free text.

use mandate_domain::catalogue::{FactType, Field};
use mandate_store::{KeysError, MAX_READ, Sequence, StoredEvent};

use super::moment::address;
use super::visitor::Visitor;
use crate::http::app::App;
use crate::http::error::HttpError;
use crate::pages::duties::SavedView;

/// The lists of whoever looks, in the order in which they were saved.
///
/// # Errors
/// [`HttpError`] when the log cannot be read.
pub fn saved(
    app: &App,
    visitor: &Visitor,
    known: impl Fn(&str) -> bool,
) -> Result<Vec<SavedView>, HttpError> {
    let Some(person) = &visitor.person else { return Ok(Vec::new()) };
    let mut views: Vec<(Box<str>, SavedView)> = Vec::new();
    let mut after = Sequence::START;
    loop {
        let page = app.store.reader().read_subject(&person.user, after, MAX_READ)?;
        let Some(last) = page.last() else { break };
        after = last.sequence;
        for event in &page {
            let Some(id) = event.fact.text(Field::View) else { continue };
            match event.fact.kind {
                FactType::ViewSaved => {
                    if let Some(name) = name_of(app, event)? {
                        views.push((
                            id.into(),
                            view(&person.user, id, name, event.fact.texts(Field::Filter), &known),
                        ));
                    }
                }
                FactType::ViewRemoved => views.retain(|(known, _)| **known != *id),
                _ => {}
            }
        }
    }
    Ok(views.into_iter().map(|(_, view)| view).collect())
}

/// The name, unless the person's data is erased or restricted.
fn name_of(app: &App, event: &StoredEvent) -> Result<Option<String>, HttpError> {
    match app.store.keys().unseal(event) {
        Ok(private) => {
            let name = private.get(Field::Name.name()).and_then(serde_json::Value::as_str);
            Ok(name.map(str::to_owned))
        }
        Err(KeysError::NoKey { .. } | KeysError::Restricted { .. }) => Ok(None),
        Err(error) => Err(HttpError::Failed(error.to_string())),
    }
}

fn view(user: &str, id: &str, name: String, filter: &[Box<str>], known: impl Fn(&str) -> bool) -> SavedView {
    let pairs: Vec<(String, String)> = filter
        .iter()
        .filter_map(|pair| pair.split_once('='))
        .filter(|(name, _)| known(name))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let remove = [("subject", user), ("view", id), ("back", "/duties")];
    let remove = remove.map(|(name, value)| (name.to_owned(), value.to_owned()));
    SavedView { name, href: address("/duties", &pairs), remove_href: address("/act/remove-view", &remove) }
}

/// The form that saves a list; none where nothing is chosen by, or nobody is signed in.
#[must_use]
pub fn save_href(visitor: &Visitor, chosen: &[(String, String)]) -> Option<String> {
    let person = visitor.person.as_ref().filter(|_| !chosen.is_empty())?;
    let filter = chosen.iter().map(|(name, value)| ("filter".to_owned(), format!("{name}={value}")));
    let beside =
        [("subject".to_owned(), person.user.clone()), ("back".to_owned(), address("/duties", chosen))];
    Some(address("/act/save-view", &beside.into_iter().chain(filter).collect::<Vec<_>>()))
}
