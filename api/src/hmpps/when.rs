//! Instants and dates as HMPPS services write them.

use chrono::{NaiveDate, NaiveDateTime, TimeZone as _, Utc};
use chrono_tz::Europe::London;
use mandate_domain::time::{Date, Instant};

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// What a local time is counted from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Zone {
    /// Seconds east of UTC.
    Offset(i32),
    /// The clock in London.
    London,
}

/// Reads an instant: RFC 3339 with any offset and any fraction, with or without a zone in brackets behind it; without
/// an offset a time on the clock of the zone in brackets, else of London; or `Fri Jun 14 09:06:52 BST 2024`.
#[must_use]
pub fn instant(text: &str) -> Option<Instant> {
    let text = text.trim();
    let (stated, zone) = match text.strip_suffix(']').and_then(|text| text.split_once('[')) {
        Some((stated, zone)) => (stated.trim_end(), Some(zone)),
        None => (text, None),
    };
    if let Ok(at) = Instant::parse(stated) {
        return Some(at);
    }
    if let Some((head, minutes)) = stated.split_at_checked(stated.len().saturating_sub(2))
        && head.ends_with(|c: char| c.is_ascii_digit())
        && let Ok(at) = Instant::parse(&format!("{head}:{minutes}"))
    {
        // An offset without its colon.
        return Some(at);
    }
    let forms = ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M"];
    let local = forms.iter().find_map(|form| NaiveDateTime::parse_from_str(stated, form).ok());
    match local {
        Some(local) => on_clock(local, zone.map_or(Zone::London, of_name)),
        None => java(stated),
    }
}

/// Reads a London date: `2024-06-14`, `14/06/2024`, or the London date of an instant.
#[must_use]
pub fn date(text: &str) -> Option<Date> {
    let text = text.trim();
    if let Ok(date) = Date::parse(text) {
        return Some(date);
    }
    if let Ok(date) = NaiveDate::parse_from_str(text, "%d/%m/%Y") {
        return Date::parse(&date.format("%Y-%m-%d").to_string()).ok();
    }
    instant(text).map(Instant::london_date)
}

/// `Fri Jun 14 00:00:00 BST 2024`, as `java.util.Date` writes itself.
fn java(text: &str) -> Option<Instant> {
    let mut words = text.split_whitespace();
    let (_weekday, month, day) = (words.next()?, words.next()?, words.next()?);
    let (time, zone, year) = (words.next()?, words.next()?, words.next()?);
    let month = MONTHS.iter().position(|name| name.eq_ignore_ascii_case(month))?;
    let month = u32::try_from(month + 1).ok()?;
    let date = NaiveDate::from_ymd_opt(year.parse().ok()?, month, day.parse().ok()?)?;
    let time = chrono::NaiveTime::parse_from_str(time, "%H:%M:%S").ok()?;
    if words.next().is_some() {
        return None;
    }
    on_clock(date.and_time(time), of_name(zone))
}

fn of_name(zone: &str) -> Zone {
    match zone {
        "GMT" | "UTC" | "Z" | "Etc/UTC" => Zone::Offset(0),
        "BST" => Zone::Offset(3_600),
        _ => Zone::London,
    }
}

fn on_clock(local: NaiveDateTime, zone: Zone) -> Option<Instant> {
    let utc = match zone {
        Zone::Offset(seconds) => {
            Utc.from_utc_datetime(&local.checked_sub_signed(chrono::TimeDelta::seconds(seconds.into()))?)
        }
        Zone::London => {
            // A time that the clock in London skips is taken as it stood before the change.
            let found = London.from_local_datetime(&local).earliest();
            found.map_or_else(|| Utc.from_utc_datetime(&local), |at| at.with_timezone(&Utc))
        }
    };
    Instant::parse(&utc.to_rfc3339()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_are_read_however_they_are_written() {
        for (given, wanted) in [
            ("2024-06-11T15:41:03.930816186+01:00", "2024-06-11T14:41:03.930816186Z"),
            ("2023-10-18T06:38:58Z", "2023-10-18T06:38:58Z"),
            ("2024-06-11T15:41:03+01:00[Europe/London]", "2024-06-11T14:41:03Z"),
            ("2024-06-11T15:41:03[Europe/London]", "2024-06-11T14:41:03Z"),
            ("2024-06-11T15:41:03[UTC]", "2024-06-11T15:41:03Z"),
            ("2024-06-11T15:41:03", "2024-06-11T14:41:03Z"),
            ("2024-01-11T15:41:03.5", "2024-01-11T15:41:03.5Z"),
            ("2024-06-11T15:41:03+0100", "2024-06-11T14:41:03Z"),
            (" 2024-06-11 15:41:03 ", "2024-06-11T14:41:03Z"),
            ("2024-06-11T15:41", "2024-06-11T14:41:00Z"),
            ("Fri Jun 14 09:06:52 BST 2024", "2024-06-14T08:06:52Z"),
            ("Thu Feb 20 00:08:57 GMT 2020", "2020-02-20T00:08:57Z"),
        ] {
            assert_eq!(instant(given).map(|at| at.to_string()).as_deref(), Some(wanted), "{given}");
        }
        for wrong in ["", "yesterday", "2024-13-11T15:41:03Z", "9999-01-01T00:00:00Z", "[", "]", "é]"] {
            assert_eq!(instant(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn dates_are_those_of_london() {
        for (given, wanted) in [
            ("Fri Jun 14 00:00:00 BST 2024", "2024-06-14"),
            ("Thu Jun 13 23:00:00 UTC 2024", "2024-06-14"),
            ("2024-06-14", "2024-06-14"),
            ("14/06/2024", "2024-06-14"),
            ("2024-06-13T23:00:00Z", "2024-06-14"),
            ("2024-06-14T00:00:00", "2024-06-14"),
        ] {
            assert_eq!(date(given), Date::parse(wanted).ok(), "{given}");
        }
        assert_eq!(date("Fri Jun 31 00:00:00 BST 2024"), None);
    }
}
