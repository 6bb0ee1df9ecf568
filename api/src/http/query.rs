//! Parameters of an address or a form: every one is known, none is stated twice unless it may be.

use mandate_domain::fact::{Newlines, forbidden_character, repeated};
use mandate_domain::judge::View;
use mandate_domain::time::{Date, Instant};
use percent_encoding::percent_decode_str;

use super::error::HttpError;

/// Most parameters of one request.
const MAX_PARAMETERS: usize = 200;

/// The parameters of a request, in order.
#[derive(Debug, Clone, Default)]
pub struct Query(Vec<(String, String)>);

impl Query {
    /// Reads `a=1&b=2`; `known` names every parameter of the address.
    ///
    /// # Errors
    /// [`HttpError::Parameter`] naming the one that is unknown or cannot be read.
    pub fn read(raw: Option<&str>, known: &[&str]) -> Result<Self, HttpError> {
        let query = Self::read_any(raw)?;
        query.check_known(known)?;
        Ok(query)
    }

    /// Refuses a parameter of another name than those known.
    ///
    /// # Errors
    /// [`HttpError::Parameter`] naming it and those that are known.
    pub fn check_known<K: AsRef<str>>(&self, known: &[K]) -> Result<(), HttpError> {
        for (name, _) in &self.0 {
            if !known.iter().any(|known| known.as_ref() == name) {
                let reason = if known.is_empty() {
                    "unknown; this address takes none".to_owned()
                } else {
                    let known: Vec<&str> = known.iter().map(AsRef::as_ref).collect();
                    format!("unknown; known are {}", known.join(", "))
                };
                return Err(HttpError::parameter(&repeated(name), reason));
            }
        }
        Ok(())
    }

    /// Reads parameters whatever their names.
    ///
    /// # Errors
    /// [`HttpError::Parameter`] naming the one that cannot be read.
    pub fn read_any(raw: Option<&str>) -> Result<Self, HttpError> {
        let query = Self::read_typed(raw.unwrap_or_default())?;
        for (name, value) in &query.0 {
            for text in [name, value] {
                if let Some(bad) = forbidden_character(text, Newlines::Refused) {
                    let reason = format!("holds the character U+{:04X}, which is refused", u32::from(bad));
                    return Err(HttpError::parameter(&repeated(name), reason));
                }
            }
        }
        Ok(query)
    }

    /// Reads what was typed into a form, whatever characters it holds.
    ///
    /// # Errors
    /// [`HttpError::Parameter`] naming the field that is not UTF-8.
    pub fn read_typed(raw: &str) -> Result<Self, HttpError> {
        let mut pairs = Vec::new();
        for part in raw.split('&').filter(|part| !part.is_empty()) {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            let name = decoded(name).ok_or_else(|| HttpError::parameter(&repeated(name), "not UTF-8"))?;
            let value = decoded(value).ok_or_else(|| HttpError::parameter(&repeated(&name), "not UTF-8"))?;
            pairs.push((name, value));
            if pairs.len() > MAX_PARAMETERS {
                return Err(HttpError::Malformed(format!("more than {MAX_PARAMETERS} parameters")));
            }
        }
        Ok(Self(pairs))
    }

    /// Sets a parameter that is stated once.
    pub fn set(&mut self, name: &str, value: &str) {
        self.0.retain(|(known, _)| known != name);
        self.0.push((name.to_owned(), value.to_owned()));
    }

    /// The value of a parameter that may be stated once; an empty one is none.
    ///
    /// # Errors
    /// [`HttpError::Parameter`] when it is stated twice.
    pub fn one(&self, name: &str) -> Result<Option<&str>, HttpError> {
        let mut values = self.0.iter().filter(|(found, _)| found == name).map(|(_, value)| value.as_str());
        let first = values.next();
        if values.next().is_some() {
            return Err(HttpError::parameter(name, "stated twice"));
        }
        Ok(first.filter(|value| !value.is_empty()))
    }

    /// Every value of a parameter that may be stated several times, or once with commas.
    #[must_use]
    pub fn all(&self, name: &str) -> Vec<String> {
        let values = self.0.iter().filter(|(found, _)| found == name).flat_map(|(_, value)| value.split(','));
        values.map(str::trim).filter(|value| !value.is_empty()).map(str::to_owned).collect()
    }

    /// A whole number between two bounds, both included.
    ///
    /// # Errors
    /// [`HttpError::Parameter`] for another value.
    pub fn number(
        &self,
        name: &str,
        default: u64,
        bounds: std::ops::RangeInclusive<u64>,
    ) -> Result<u64, HttpError> {
        let Some(text) = self.one(name)? else { return Ok(default) };
        let read =
            text.parse::<u64>().ok().filter(|number| bounds.contains(number) && !text.starts_with('+'));
        read.ok_or_else(|| {
            let reason = format!(
                "`{}`: expected a whole number from {} to {}",
                repeated(text),
                bounds.start(),
                bounds.end()
            );
            HttpError::parameter(name, reason)
        })
    }

    /// A date.
    ///
    /// # Errors
    /// [`HttpError::Parameter`] for another value.
    pub fn date(&self, name: &str) -> Result<Option<Date>, HttpError> {
        let read = |text| Date::parse(text).map_err(|error| HttpError::parameter(name, error.to_string()));
        self.one(name)?.map(read).transpose()
    }

    /// One of some words.
    ///
    /// # Errors
    /// [`HttpError::Parameter`] naming the words.
    pub fn word<'w, T: Copy>(&self, name: &str, words: &'w [(&'w str, T)]) -> Result<Option<T>, HttpError> {
        let Some(text) = self.one(name)? else { return Ok(None) };
        let found = words.iter().find(|(word, _)| *word == text).map(|(_, meant)| *meant);
        let known = || words.iter().map(|(word, _)| *word).collect::<Vec<_>>().join(", ");
        let wrong =
            || HttpError::parameter(name, format!("`{}`: expected one of {}", repeated(text), known()));
        found.map(Some).ok_or_else(wrong)
    }

    /// True or false; stated without a value it is true.
    ///
    /// # Errors
    /// [`HttpError::Parameter`] for another value.
    pub fn flag(&self, name: &str) -> Result<bool, HttpError> {
        let stated = self.0.iter().any(|(found, _)| found == name);
        Ok(self.word(name, &[("true", true), ("false", false)])?.unwrap_or(stated))
    }

    /// An instant, or a date as the last instant of that London day.
    ///
    /// # Errors
    /// [`HttpError::Parameter`] for another value.
    pub fn moment(&self, name: &str) -> Result<Option<Instant>, HttpError> {
        let read = |text| crate::cli::moment(text).map_err(|reason| HttpError::parameter(name, reason));
        self.one(name)?.map(read).transpose()
    }

    /// `asAt` and `knownAt`; now where they are not stated.
    ///
    /// # Errors
    /// [`HttpError::Parameter`] for another value.
    pub fn view(&self, now: Instant) -> Result<View, HttpError> {
        Ok(View {
            as_at: self.moment("asAt")?.unwrap_or(now),
            known_at: self.moment("knownAt")?.unwrap_or(now),
        })
    }

    /// The parameters in order.
    pub fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

fn decoded(text: &str) -> Option<String> {
    let spaced = text.replace('+', " ");
    percent_decode_str(&spaced).decode_utf8().ok().map(std::borrow::Cow::into_owned)
}

/// A value as it stands in an address.
#[must_use]
pub fn encoded(text: &str) -> String {
    const KEPT: &percent_encoding::AsciiSet = &percent_encoding::NON_ALPHANUMERIC
        .remove(b'-')
        .remove(b'.')
        .remove(b'_')
        .remove(b'~')
        .remove(b'/')
        .remove(b':');
    percent_encoding::utf8_percent_encode(text, KEPT).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reason(raw: &str) -> String {
        Query::read(Some(raw), &["area", "page"]).unwrap_err().to_string()
    }

    #[test]
    fn an_unknown_parameter_is_named_with_those_that_are_known() {
        assert_eq!(reason("aera=A07"), "parameter `aera`: unknown; known are area, page");
        let none = Query::read(Some("x=1"), &[]).unwrap_err().to_string();
        assert_eq!(none, "parameter `x`: unknown; this address takes none");
    }

    #[test]
    fn what_is_not_utf_8_or_holds_control_characters_is_refused() {
        assert_eq!(reason("area=%FF"), "parameter `area`: not UTF-8");
        assert!(reason("area=%00").contains("U+0000"));
        assert!(reason("area=%E2%80%AE").contains("U+202E"));
    }

    #[test]
    fn values_are_decoded_and_lists_taken_apart() {
        let query = Query::read(Some("area=area%2FA07,A08&area=a+b&page="), &["area", "page"]).unwrap();
        assert_eq!(query.all("area"), ["area/A07", "A08", "a b"]);
        assert_eq!(query.one("page").unwrap(), None);
        assert!(query.one("area").is_err());
    }

    #[test]
    fn numbers_keep_to_their_bounds() {
        let number = |text: &str| {
            Query::read(Some(&format!("page={text}")), &["page"]).unwrap().number("page", 0, 1..=3)
        };
        assert!(number("1").is_ok() && number("3").is_ok());
        for wrong in ["0", "4", "-1", "x", "1e3", "%2B1", "99999999999999999999"] {
            assert!(number(wrong).is_err(), "{wrong}");
        }
    }
}
