//! A date typed in three boxes, which needs no script and no picker.

use chrono::{Datelike, NaiveDate};

/// What stands in the three boxes of one date, as typed, and what is wrong with it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DateBoxes {
    /// The day box (`<name>-day`).
    pub day: String,
    /// The month box (`<name>-month`): a number or an English month name.
    pub month: String,
    /// The year box (`<name>-year`): four digits.
    pub year: String,
    /// What is wrong, as a whole sentence, if something is.
    pub error: Option<String>,
}

impl DateBoxes {
    /// The boxes filled with this date.
    #[must_use]
    pub fn of(date: NaiveDate) -> Self {
        Self {
            day: date.day().to_string(),
            month: date.month().to_string(),
            year: date.year().to_string(),
            error: None,
        }
    }

    /// The boxes as they came in a request; absent ones are empty.
    #[must_use]
    pub fn typed(day: Option<&str>, month: Option<&str>, year: Option<&str>) -> Self {
        let text = |part: Option<&str>| part.unwrap_or_default().trim().to_owned();
        Self { day: text(day), month: text(month), year: text(year), error: None }
    }

    /// Reads the date, `None` if all three boxes are empty.
    ///
    /// `name` begins the error, as in "As at must be a real date".
    ///
    /// # Errors
    /// A sentence that says what to change.
    pub fn read(&self, name: &str) -> Result<Option<NaiveDate>, String> {
        let missing: Vec<&str> = [(&self.day, "a day"), (&self.month, "a month"), (&self.year, "a year")]
            .into_iter()
            .filter(|(typed, _)| typed.is_empty())
            .map(|(_, part)| part)
            .collect();
        match missing.as_slice() {
            [] => {}
            [_, _, _] => return Ok(None),
            parts => return Err(format!("{name} must include {}.", parts.join(" and "))),
        }
        let year: i32 = match self.year.parse() {
            Ok(year) if self.year.len() == 4 => year,
            _ => return Err(format!("{name} must have a year of 4 numbers, for example 2026.")),
        };
        if !(1900..=2200).contains(&year) {
            return Err(format!("{name} must have a year from 1900 to 2200."));
        }
        let date = month_number(&self.month)
            .zip(self.day.parse().ok())
            .and_then(|(month, day)| NaiveDate::from_ymd_opt(year, month, day));
        date.map(Some).ok_or_else(|| format!("{name} must be a real date, for example 6 3 2026."))
    }
}

/// The number of a month typed as a number, a name or the start of a name (at least three letters).
fn month_number(typed: &str) -> Option<u32> {
    const NAMES: [&str; 12] = [
        "january",
        "february",
        "march",
        "april",
        "may",
        "june",
        "july",
        "august",
        "september",
        "october",
        "november",
        "december",
    ];
    if let Ok(number) = typed.parse() {
        return Some(number);
    }
    let typed = typed.to_lowercase();
    if typed.len() < 3 {
        return None;
    }
    (1..).zip(NAMES).find(|(_, name)| name.starts_with(&typed)).map(|(number, _)| number)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(day: &str, month: &str, year: &str) -> Result<Option<NaiveDate>, String> {
        DateBoxes::typed(Some(day), Some(month), Some(year)).read("As at")
    }

    #[test]
    fn three_numbers_are_a_date() {
        assert_eq!(read("6", "3", "2026"), Ok(NaiveDate::from_ymd_opt(2026, 3, 6)));
        assert_eq!(read(" 06", "03 ", "2026"), Ok(NaiveDate::from_ymd_opt(2026, 3, 6)));
    }

    #[test]
    fn a_month_may_be_typed_as_a_word() {
        assert_eq!(read("6", "March", "2026"), Ok(NaiveDate::from_ymd_opt(2026, 3, 6)));
        assert_eq!(read("6", "sep", "2026"), Ok(NaiveDate::from_ymd_opt(2026, 9, 6)));
        assert!(read("6", "ma", "2026").is_err());
    }

    #[test]
    fn empty_boxes_are_no_date() {
        assert_eq!(read("", " ", ""), Ok(None));
        assert_eq!(DateBoxes::typed(None, None, None).read("As at"), Ok(None));
    }

    #[test]
    fn a_missing_part_is_named() {
        assert_eq!(read("6", "", "2026"), Err("As at must include a month.".to_owned()));
        assert_eq!(read("", "", "2026"), Err("As at must include a day and a month.".to_owned()));
    }

    #[test]
    fn a_day_that_does_not_exist_is_refused() {
        assert_eq!(
            read("29", "2", "2027"),
            Err("As at must be a real date, for example 6 3 2026.".to_owned())
        );
        assert_eq!(read("29", "2", "2028"), Ok(NaiveDate::from_ymd_opt(2028, 2, 29)));
    }

    #[test]
    fn the_year_has_four_numbers_and_lies_between_1900_and_2200() {
        assert!(read("6", "3", "26").is_err());
        assert!(read("6", "3", "1899").is_err());
        assert!(read("6", "3", "1900").is_ok());
        assert!(read("6", "3", "2200").is_ok());
        assert!(read("6", "3", "2201").is_err());
        assert!(read("6", "3", "+202").is_err());
    }

    #[test]
    fn a_date_fills_its_boxes_and_reads_back() {
        let date = NaiveDate::from_ymd_opt(2026, 12, 31).unwrap();
        assert_eq!(DateBoxes::of(date).read("As at"), Ok(Some(date)));
    }
}
