//! `POST /v1/search`: from a number to the reference; nothing of it stands in an address.

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use mandate_domain::catalogue::SubjectKind;
use mandate_domain::fact::{Newlines, forbidden_character};
use mandate_domain::rights::Right;
use mandate_store::{Identifier, KeysError};
use serde::{Deserialize, Serialize};

use super::app::App;
use super::body::json;
use super::caller::Caller;
use super::commands::check_sight;
use super::error::HttpError;
use super::reads::{self, Reading};
use super::registers::asker::Asker;

/// Most bytes of a request.
const MAX_BYTES: usize = 4 << 10;
/// Longest number.
const MAX_NUMBER_BYTES: usize = 100;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Wanted {
    crn: Option<String>,
    noms: Option<String>,
    pnc: Option<String>,
    visor_ref: Option<String>,
}

/// The nominals for whom a number was stated.
#[derive(Debug, Serialize)]
pub struct Found {
    nominals: Vec<FoundNominal>,
}

/// One of them.
#[derive(Debug, Serialize)]
struct FoundNominal {
    /// The opaque reference.
    reference: String,
    /// `open`, or `closed` where `POST /v1/nominals/{reference}/access` with a reason must come first.
    access: &'static str,
}

/// Finds nominals by one number; a record that is limited to others is not found. That it was found is recorded before
/// it is told.
///
/// # Errors
/// [`HttpError`]: 401 nobody is named, 403 no live user, 415, 422 another than exactly one number.
pub async fn post(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Found>, HttpError> {
    let person = caller.acting(&app)?;
    let wanted: Wanted = json(&headers, body, MAX_BYTES).await?;
    let (kind, number) = one(wanted)?;
    app.blocking(move |app| {
        let asker = Asker::of(app, &caller)?;
        // Whoever may open a record with a reason may look whether there is one; auditors as well.
        if asker.must(Right::ReadLog).is_err() {
            asker.must(Right::OpenRecord)?;
        }
        let directory = app.commands().directory()?;
        let limited = app.projections.limited(app.now())?;
        let (mut nominals, mut found): (Vec<FoundNominal>, Vec<String>) = Default::default();
        for subject in app.store.keys().find_all(kind, &number).map_err(failed)? {
            if SubjectKind::of(&subject) != Some(SubjectKind::Nominal) {
                continue;
            }
            let survivor = directory.unit(&subject, app.now()).into_iter().next();
            let nominal = survivor.map_or(subject, String::from);
            let reference = nominal.strip_prefix("nominal/").unwrap_or(&nominal).to_owned();
            // Before anything is read of it: what does not exist for somebody takes as long as what does not exist.
            let exists = limited.may_know(&person, &nominal);
            if !exists || nominals.iter().any(|known| known.reference == reference) {
                continue;
            }
            let access = match check_sight(app, &caller, &nominal, &reference) {
                Ok(()) => "open",
                Err(HttpError::NotAllowed { .. }) => "closed",
                Err(HttpError::NotFound { .. }) => continue,
                Err(other) => return Err(other),
            };
            found.push(nominal);
            nominals.push(FoundNominal { reference, access });
        }
        let found: Vec<Reading<'_>> = found.iter().map(|nominal| Reading::Number(nominal)).collect();
        reads::record(app, &caller, &found)?;
        Ok(Json(Found { nominals }))
    })
    .await
}

/// The one number that is stated.
fn one(wanted: Wanted) -> Result<(Identifier, String), HttpError> {
    let Wanted { crn, noms, pnc, visor_ref } = wanted;
    let all = [
        (Identifier::Crn, crn),
        (Identifier::Noms, noms),
        (Identifier::Pnc, pnc),
        (Identifier::VisorRef, visor_ref),
    ];
    let mut stated = all.into_iter().filter_map(|(kind, number)| Some((kind, number?.trim().to_owned())));
    let wrong = "expected exactly one of `crn`, `noms`, `pnc` and `visorRef`, with a number";
    match (stated.next(), stated.next()) {
        (Some((kind, number)), None)
            if !number.is_empty()
                && number.len() <= MAX_NUMBER_BYTES
                && forbidden_character(&number, Newlines::Refused).is_none() =>
        {
            Ok((kind, number))
        }
        _ => Err(HttpError::Unprocessable(wrong.to_owned())),
    }
}

#[expect(clippy::needless_pass_by_value, reason = "handed over by `map_err`")]
fn failed(error: KeysError) -> HttpError {
    HttpError::Failed(error.to_string())
}
