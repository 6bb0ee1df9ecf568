//! The moment that a page shows, from its address or from the form with three boxes for each date.

use mandate_domain::judge::View;
use mandate_domain::time::{Date, Instant};

use super::words::{at_london, day};
use crate::http::error::HttpError;
use crate::http::query::{Query, encoded};
use crate::pages::date_boxes::DateBoxes;
use crate::pages::frame::{FieldError, Moment, Point};

/// The parameters of the moment.
pub const KNOWN: [&str; 8] = [
    "asAt",
    "knownAt",
    "asAt-day",
    "asAt-month",
    "asAt-year",
    "knownAt-day",
    "knownAt-month",
    "knownAt-year",
];

/// What an address asks for.
pub enum Asked {
    /// A page at a moment.
    Page(Box<Shown>),
    /// Another address, in which the dates that were typed stand whole.
    Redirect(String),
}

/// The moment of a page.
pub struct Shown {
    /// The view; none for the present.
    pub past: Option<View>,
    /// What the form shows.
    pub moment: Moment,
    /// What is wrong with what was typed.
    pub errors: Vec<FieldError>,
}

impl Shown {
    /// The view, the present where none was asked for.
    #[must_use]
    pub fn view(&self, now: Instant) -> View {
        self.past.unwrap_or(View { as_at: now, known_at: now })
    }
}

/// Reads the moment; `others` are the page's other parameters, which are kept.
///
/// # Errors
/// [`HttpError::Parameter`] for an `asAt` or `knownAt` that is neither a date nor an instant.
pub fn read(
    query: &Query,
    action: &str,
    others: &[(String, String)],
    now: Instant,
) -> Result<Asked, HttpError> {
    let (as_at, as_at_typed) = clock(query, "asAt", "As at")?;
    let (known_at, known_at_typed) = clock(query, "knownAt", "As known at")?;
    let mut errors = Vec::new();
    for (name, clock) in [("asAt", &as_at), ("knownAt", &known_at)] {
        if let Some(text) = &clock.boxes.error {
            errors.push(FieldError { field: format!("{name}-day"), text: text.clone() });
        }
    }
    if errors.is_empty() && (as_at_typed || known_at_typed) {
        let mut pairs = others.to_vec();
        for (name, clock) in [("asAt", &as_at), ("knownAt", &known_at)] {
            pairs.extend(clock.parameter.iter().map(|value| (name.to_owned(), value.clone())));
        }
        return Ok(Asked::Redirect(address(action, &pairs)));
    }
    let asked = as_at.parameter.is_some() || known_at.parameter.is_some();
    let past = if asked && errors.is_empty() { Some(query.view(now)?) } else { None };
    let moment = Moment {
        as_at,
        known_at,
        action: action.to_owned(),
        carried: others.to_vec(),
        present_href: address(action, others),
    };
    Ok(Asked::Page(Box::new(Shown { past, moment, errors })))
}

/// One clock, and whether it was typed into the boxes.
fn clock(query: &Query, name: &str, words: &str) -> Result<(Point, bool), HttpError> {
    let part = |part: &str| query.one(&format!("{name}-{part}"));
    let boxes = DateBoxes::typed(part("day")?, part("month")?, part("year")?);
    let sent = query.pairs().any(|(found, _)| found == format!("{name}-day"));
    if sent {
        return Ok(match boxes.read(words) {
            Ok(None) => (Point { words: "now".to_owned(), ..Point::default() }, true),
            Ok(Some(date)) => (point(&Date::from(date).to_string())?, true),
            Err(error) => {
                let boxes = DateBoxes { error: Some(error), ..boxes };
                (Point { parameter: None, words: "now".to_owned(), boxes }, true)
            }
        });
    }
    query.moment(name)?;
    Ok(match query.one(name)? {
        None => (Point { words: "now".to_owned(), ..Point::default() }, false),
        Some(text) => (point(text)?, false),
    })
}

/// A date or an instant as it stands in the address.
fn point(text: &str) -> Result<Point, HttpError> {
    if let Ok(date) = Date::parse(text) {
        return Ok(Point {
            parameter: Some(text.to_owned()),
            words: format!("the end of {}", day(date)),
            boxes: DateBoxes::of(date.to_chrono()),
        });
    }
    let at = Instant::parse(text).map_err(|error| HttpError::parameter("asAt", error.to_string()))?;
    Ok(Point {
        parameter: Some(at.to_string()),
        words: at_london(at),
        boxes: DateBoxes::of(at.london_date().to_chrono()),
    })
}

/// An address with parameters.
#[must_use]
pub fn address(path: &str, pairs: &[(String, String)]) -> String {
    let parameters: Vec<String> =
        pairs.iter().map(|(name, value)| format!("{}={}", encoded(name), encoded(value))).collect();
    if parameters.is_empty() { path.to_owned() } else { format!("{path}?{}", parameters.join("&")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(raw: &str) -> Asked {
        let now = Instant::parse("2026-03-10T09:00:00Z").unwrap();
        let others = [("rule".to_owned(), "4.10".to_owned())];
        read(&Query::read(Some(raw), &KNOWN).unwrap(), "/work", &others, now).unwrap()
    }

    #[test]
    fn typed_dates_become_parameters_of_the_address() {
        let raw = "asAt-day=6&asAt-month=3&asAt-year=2026&knownAt-day=&knownAt-month=&knownAt-year=";
        let Asked::Redirect(to) = asked(raw) else { panic!("no redirect") };
        assert_eq!(to, "/work?rule=4.10&asAt=2026-03-06");
    }

    #[test]
    fn a_date_that_does_not_exist_is_named_and_the_present_is_shown() {
        let raw = "asAt-day=30&asAt-month=2&asAt-year=2026&knownAt-day=&knownAt-month=&knownAt-year=";
        let Asked::Page(shown) = asked(raw) else { panic!("redirected") };
        assert_eq!(shown.errors.len(), 1);
        assert!(shown.past.is_none());
        assert!(shown.moment.as_at.boxes.error.is_some());
    }

    #[test]
    fn a_date_in_the_address_is_the_end_of_that_day() {
        let Asked::Page(shown) = asked("knownAt=2026-03-06") else { panic!("redirected") };
        assert_eq!(shown.moment.known_at.words, "the end of Friday 6 March 2026");
        assert_eq!(shown.past.unwrap().known_at.to_string(), "2026-03-06T23:59:59.999999999Z");
    }
}
