//! Lists as HMPPS services page them.

use mandate_projections::Listed;
use serde::Serialize;

use super::error::HttpError;
use super::query::Query;

/// Rows on a page unless more are asked for.
const DEFAULT_SIZE: u64 = 50;
/// Most rows on a page.
const MAX_SIZE: u64 = 1_000;
/// The last page that can be asked for.
const MAX_PAGE: u64 = 10_000_000;

/// One page of a list.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Page<T> {
    /// The rows.
    pub content: Vec<T>,
    /// Rows on all pages.
    pub total_elements: u64,
    /// Pages.
    pub total_pages: u64,
    /// Page, from 0.
    pub number: u32,
    /// Rows on a full page.
    pub size: u32,
}

impl<T> From<Listed<T>> for Page<T> {
    fn from(listed: Listed<T>) -> Self {
        let Listed { content, total_elements, number, size } = listed;
        Self {
            content,
            total_elements,
            total_pages: total_elements.div_ceil(u64::from(size.max(1))),
            number,
            size,
        }
    }
}

/// `page` and `size`.
///
/// # Errors
/// [`HttpError::Parameter`] for values out of bounds.
pub fn page_and_size(query: &Query) -> Result<(u32, u32), HttpError> {
    let page = query.number("page", 0, 0..=MAX_PAGE)?;
    let size = query.number("size", DEFAULT_SIZE, 1..=MAX_SIZE)?;
    let narrow = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
    Ok((narrow(page), narrow(size)))
}
