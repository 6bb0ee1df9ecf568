//! `GET /subject-access-request`: what is held of one person, as HMPPS services answer it.
//!
//! 200 with `content`, 204 when nothing is held, 209 when no number of a kind that is known here was sent.

use std::collections::BTreeSet;

use axum::Json;
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use mandate_domain::catalogue::{FactType, Field, SubjectKind};
use mandate_domain::time::{Date, Instant};
use mandate_projections::DutyFilter;
use mandate_store::{CloudEvent, Identifier, KeysError, MAX_READ, Position, Sequence, StoredEvent};
use serde::Serialize;

use super::app::App;
use super::caller::Caller;
use super::error::HttpError;
use super::query::Query;
use super::reads::{self, Reading};
use crate::tokens::Opens;

/// The code of HMPPS services for a number of a kind that is not known here.
const NOT_OURS: u16 = 209;
/// Most duties of one person.
const MAX_DUTIES: u32 = 10_000;

/// What is held.
#[derive(Debug, Serialize)]
struct Answer {
    content: Content,
}

#[derive(Debug, Serialize)]
struct Content {
    /// The references under which the person is held.
    subjects: Vec<String>,
    /// Those of them whose data is restricted: it is kept, and told to nobody but the person.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    restricted: Vec<String>,
    /// What was told of the person, as it came, what is sealed included: facts, what people wrote of duties, messages
    /// that could not be used, and who looked.
    facts: Vec<Told>,
    /// What was to be done about the person, by when, and how it went.
    duties: Vec<mandate_projections::DutyRow>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Told {
    position: Position,
    recorded_at: Instant,
    event: CloudEvent,
}

/// Lets a token for requests of subject access through, and no other.
fn must_be_for_it(caller: &Caller) -> Result<(), HttpError> {
    match caller {
        Caller::Machine(client) if client.opens() == Opens::SubjectAccess => Ok(()),
        Caller::Nobody => Err(HttpError::Unauthorised("send `Authorization: Bearer <token>`")),
        Caller::Machine(_) | Caller::Person { .. } | Caller::Here => Err(HttpError::Unauthorised(
            "this takes a token for requests of subject access; `mandate token NAME --subject-access` makes one",
        )),
    }
}

/// Answers.
///
/// # Errors
/// [`HttpError`]: 400 a parameter, 401 and 403 no token for it.
pub async fn get(
    State(app): State<App>,
    RawQuery(raw): RawQuery,
    caller: Caller,
) -> Result<Response, HttpError> {
    must_be_for_it(&caller)?;
    let query = Query::read(raw.as_deref(), &["prn", "crn", "fromDate", "toDate"])?;
    let (from, to) = (query.date("fromDate")?, query.date("toDate")?);
    if let (Some(from), Some(to)) = (from, to)
        && from > to
    {
        return Err(HttpError::parameter("fromDate", "it lies after `toDate`"));
    }
    let number = |name: &str| query.one(name).map(|number| number.map(str::to_owned));
    let stated: Vec<(Identifier, String)> =
        [(Identifier::Noms, number("prn")?), (Identifier::Crn, number("crn")?)]
            .into_iter()
            .filter_map(|(kind, number)| Some((kind, number?)))
            .collect();
    if stated.is_empty() {
        let not_ours = StatusCode::from_u16(NOT_OURS).unwrap_or(StatusCode::BAD_REQUEST);
        return Ok(not_ours.into_response());
    }
    let content = app.blocking(move |app| held(app, &caller, &stated, from, to)).await?;
    Ok(match content {
        Some(content) => Json(Answer { content }).into_response(),
        None => StatusCode::NO_CONTENT.into_response(),
    })
}

/// What is held of whoever has a number; that it was asked for is recorded before it leaves.
fn held(
    app: &App,
    caller: &Caller,
    stated: &[(Identifier, String)],
    from: Option<Date>,
    to: Option<Date>,
) -> Result<Option<Content>, HttpError> {
    let subjects = subjects_of(app, stated)?;
    let within = |on: Date| from.is_none_or(|from| from <= on) && to.is_none_or(|to| on <= to);
    let mut numbers: BTreeSet<String> = stated.iter().map(|(_, number)| number.to_uppercase()).collect();
    let (mut facts, mut duties) = (Vec::new(), Vec::new());
    for subject in &subjects {
        told(app, subject, &mut facts)?;
        let filter = DutyFilter { subject: Some(subject.clone()), size: MAX_DUTIES, ..DutyFilter::default() };
        for row in app.projections.duties(&filter)?.content {
            // What people wrote of a duty stands in the stream of the duty.
            told(app, &format!("duty/{}", row.record.duty), &mut facts)?;
            duties.push(row);
        }
    }
    numbers.extend(facts.iter().flat_map(|fact| numbers_in(&fact.event)));
    let messages = messages(app, &numbers)?;
    let read: Vec<&str> = subjects
        .iter()
        .map(String::as_str)
        .chain(messages.iter().map(|one| &*one.event.fact.subject))
        .collect();
    let read: Vec<Reading<'_>> = read.into_iter().map(Reading::Held).collect();
    reads::record(app, caller, &read)?;
    facts.extend(messages);
    facts.retain(|fact| within(fact.event.fact.time.london_date()));
    duties.retain(|row| within(row.record.opened_at.london_date()));
    facts.sort_by_key(|fact| fact.position);
    let restricted =
        subjects.iter().filter(|subject| app.store.keys().is_restricted(subject)).cloned().collect();
    let nothing = facts.is_empty() && duties.is_empty();
    Ok((!nothing).then_some(Content { subjects, restricted, facts, duties }))
}

/// Under which references a person is held, also where their data is restricted: that keeps it from others.
fn subjects_of(app: &App, stated: &[(Identifier, String)]) -> Result<Vec<String>, HttpError> {
    let mut subjects: Vec<String> = Vec::new();
    let directory = app.commands().directory()?;
    let mut whose: Option<Vec<String>> = None;
    for (kind, number) in stated {
        let before = subjects.len();
        for subject in app.store.keys().recognise(*kind, number).map_err(failed)? {
            let merged = match SubjectKind::of(&subject) {
                Some(SubjectKind::Nominal) => directory.unit(&subject, app.now()),
                _ => vec![subject.into()],
            };
            subjects.extend(merged.into_iter().map(String::from));
        }
        let found: Vec<String> = subjects.get(before..).unwrap_or_default().to_vec();
        if let Some(other) = &whose
            && !found.is_empty()
            && !found.iter().any(|subject| other.contains(subject))
        {
            let reason = "`prn` and `crn` lead to two people here; ask with one of them";
            return Err(HttpError::Conflict(reason.to_owned()));
        }
        if !found.is_empty() {
            whose = Some(found);
        }
    }
    subjects.sort_unstable();
    subjects.dedup();
    Ok(subjects)
}

fn told(app: &App, subject: &str, facts: &mut Vec<Told>) -> Result<(), HttpError> {
    let mut after = Sequence::START;
    loop {
        let events = app.store.reader().read_subject(subject, after, MAX_READ)?;
        let Some(last) = events.last() else { return Ok(()) };
        after = last.sequence;
        for event in events {
            facts.push(opened(app, event)?);
        }
    }
}

/// The messages in quarantine that name one of the numbers and nobody whom the log knows: those stand with the person.
fn messages(app: &App, numbers: &BTreeSet<String>) -> Result<Vec<Told>, HttpError> {
    let (mut found, mut after) = (Vec::new(), Position::START);
    loop {
        let page = app.store.reader().read_types(&[FactType::MessageQuarantined], after, MAX_READ)?;
        for event in page.events {
            if SubjectKind::of(&event.fact.subject) != Some(SubjectKind::Message) {
                continue;
            }
            let one = opened(app, event)?;
            let text = one.event.private.get(Field::Message.name()).and_then(|text| text.as_str());
            if text.is_some_and(|text| names_one(text, numbers)) {
                found.push(one);
            }
        }
        if page.searched_to <= after {
            return Ok(found);
        }
        after = page.searched_to;
    }
}

/// Whether a text holds one of the numbers as a word of its own.
fn names_one(text: &str, numbers: &BTreeSet<String>) -> bool {
    let is_part = |letter: char| letter.is_ascii_alphanumeric() || letter == '/';
    text.to_uppercase().split(|letter| !is_part(letter)).any(|word| numbers.contains(word))
}

/// The numbers of a person that an event states.
fn numbers_in(event: &CloudEvent) -> impl Iterator<Item = String> {
    let personal = event.private.get(Field::Personal.name()).and_then(|personal| personal.as_object());
    let number = |name: &str| Some(personal?.get(name)?.as_str()?.trim().to_uppercase());
    ["crn", "noms", "pnc", "visor_ref"].into_iter().filter_map(number).collect::<Vec<_>>().into_iter()
}

fn opened(app: &App, event: StoredEvent) -> Result<Told, HttpError> {
    let private = match app.store.keys().disclose(&event) {
        Ok(private) => private,
        // What was erased is held no more.
        Err(KeysError::NoKey { .. }) => mandate_store::Private::default(),
        Err(error) => return Err(failed(error)),
    };
    let (position, recorded_at) = (event.position, event.recorded_at);
    Ok(Told { position, recorded_at, event: CloudEvent { fact: event.into_fact(), private } })
}

#[expect(clippy::needless_pass_by_value, reason = "handed over by `map_err`")]
fn failed(error: KeysError) -> HttpError {
    HttpError::Failed(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_found_as_a_word_and_not_within_another() {
        let numbers = BTreeSet::from(["X123456".to_owned(), "2002/0073319Z".to_owned()]);
        for (text, found) in [
            (r#"{"crn":"X123456"}"#, true),
            (r#"{"crn":"x123456"}"#, true),
            (r#"{"pnc":"2002/0073319Z"}"#, true),
            (r#"{"crn":"X1234567"}"#, false),
            (r#"{"crn":"AX123456"}"#, false),
            ("", false),
        ] {
            assert_eq!(names_one(text, &numbers), found, "{text}");
        }
    }
}
