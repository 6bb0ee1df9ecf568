//! `GET /v1/coverage`: each paragraph of the framework and what covers it.

use axum::Json;
use axum::extract::RawQuery;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::duties::{Format, csv_response};
use super::error::HttpError;
use super::query::Query;
use super::registers::attestations::coverage;
use crate::duty_csv::text_row;

/// A paragraph.
#[derive(Debug, Serialize)]
struct Paragraph {
    paragraph: &'static str,
    by: Vec<By>,
}

/// What covers it.
#[derive(Debug, Serialize)]
struct By {
    sort: &'static str,
    name: String,
}

/// The table of what covers each paragraph.
///
/// # Errors
/// [`HttpError::Parameter`] naming a parameter that is unknown or wrong.
pub async fn list(RawQuery(raw): RawQuery, headers: HeaderMap) -> Result<Response, HttpError> {
    let query = Query::read(raw.as_deref(), &["format"])?;
    let paragraphs = coverage()?.paragraphs.iter().map(|covered| Paragraph {
        paragraph: &covered.paragraph,
        by: covered.by.iter().map(|by| By { sort: by.sort(), name: by.name() }).collect(),
    });
    Ok(match Format::asked(&query, &headers)? {
        Format::Json => Json(paragraphs.collect::<Vec<_>>()).into_response(),
        Format::Csv => {
            let mut bytes = text_row(&["paragraph", "sort", "name"].map(str::to_owned));
            for paragraph in paragraphs {
                for by in paragraph.by {
                    bytes.extend(text_row(&[paragraph.paragraph.to_owned(), by.sort.to_owned(), by.name]));
                }
            }
            csv_response("coverage.csv", bytes)
        }
    })
}
