//! `GET /v1/csv`: the registers that may be imported as CSV, their columns and samples.

use axum::Json;
use axum::extract::Path;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use mandate_domain::catalogue::Presence;
use serde::Serialize;

use super::error::HttpError;
use crate::attest::{KINDS, Kind};

/// A register.
#[derive(Debug, Serialize)]
pub struct Register {
    name: &'static str,
    about: &'static str,
    columns: Vec<Column>,
}

#[derive(Debug, Serialize)]
struct Column {
    name: &'static str,
    holds: String,
    required: bool,
}

/// Every register with its columns.
pub async fn list() -> Json<Vec<Register>> {
    let register = |kind: &Kind| Register {
        name: kind.name,
        about: kind.about,
        columns: kind
            .columns()
            .into_iter()
            .map(|column| Column {
                name: column.name,
                holds: column.holds,
                required: column.presence == Presence::Required,
            })
            .collect(),
    };
    Json(KINDS.iter().map(register).collect())
}

/// The sample of a register: its header and a few rows.
///
/// # Errors
/// [`HttpError::NotFound`].
pub async fn sample(Path(name): Path<String>) -> Result<Response, HttpError> {
    let kind = Kind::named(&name).ok_or_else(|| HttpError::not_found("register", &name))?;
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{}.csv\"", kind.name)),
    ];
    Ok((headers, kind.sample).into_response())
}
