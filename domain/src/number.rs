//! The numbers by which a person is known elsewhere: their forms, and the check letter of PNC numbers.

/// Check letters of PNC numbers by remainder; I, O and S are not among them.
const CHECK_LETTERS: &[u8; 23] = b"ZABCDEFGHJKLMNPQRTUVWXY";

/// A case reference number of nDelius, `X777978`, in upper case; `None` for a text of another form.
#[must_use]
pub fn crn(text: &str) -> Option<String> {
    formed(text, "A999999")
}

/// A prison number of NOMIS, `A8513EA`, in upper case; `None` for a text of another form.
#[must_use]
pub fn noms(text: &str) -> Option<String> {
    formed(text, "A9999AA")
}

fn formed(text: &str, form: &str) -> Option<String> {
    let text = text.trim().to_ascii_uppercase();
    let fits = text.len() == form.len()
        && text.bytes().zip(form.bytes()).all(|(byte, wanted)| match wanted {
            b'A' => byte.is_ascii_uppercase(),
            _ => byte.is_ascii_digit(),
        });
    fits.then_some(text)
}

/// A PNC number with a right check letter, in full as `YYYY/NNNNNNNL`; `None` for any other text.
///
/// The letter is that of the year's last two digits and the serial of seven digits, as one number, modulo 23:
/// `2002/0073319Z` is 020073319 = 872753 × 23 + 0, and the first letter is Z. A year of two digits is of this century
/// up to `this_year`, else of the last. The slash may be left out, and the serial's leading zeros.
#[must_use]
pub fn pnc(text: &str, this_year: i32) -> Option<String> {
    let text = text.trim().to_uppercase();
    let (digits, letter) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let letter = letter.bytes().next()?;
    // Without a slash the year may be two or four digits long: the check letter decides, the longer year first.
    let readings = match digits.split_once('/') {
        Some(parts) => [Some(parts), None],
        None => [digits.split_at_checked(4), digits.split_at_checked(2)],
    };
    readings.into_iter().flatten().find_map(|(year, serial)| in_full(year, serial, letter, this_year))
}

fn in_full(year: &str, serial: &str, letter: u8, this_year: i32) -> Option<String> {
    let all_digits = year.bytes().chain(serial.bytes()).all(|byte| byte.is_ascii_digit());
    if !all_digits || !matches!(year.len(), 2 | 4) || !(1..=7).contains(&serial.len()) {
        return None;
    }
    let serial: u64 = serial.parse().ok()?;
    let short_year: u64 = year.get(year.len() - 2..)?.parse().ok()?;
    let check = usize::try_from((short_year * 10_000_000 + serial) % 23).ok()?;
    if CHECK_LETTERS.get(check) != Some(&letter) {
        return None;
    }
    let year: i32 = year.parse().ok()?;
    let year = match year {
        100.. => year,
        _ if year <= this_year % 100 => this_year - this_year % 100 + year,
        _ => this_year - this_year % 100 - 100 + year,
    };
    Some(format!("{year:04}/{serial:07}{}", char::from(letter)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_the_right_form_are_read_and_others_are_not() {
        assert_eq!(crn(" x777978 ").as_deref(), Some("X777978"));
        assert_eq!(noms("a8513ea").as_deref(), Some("A8513EA"));
        for wrong in ["", "X77797", "X7779788", "7777978", "XX77978", "X77797é"] {
            assert_eq!(crn(wrong), None, "{wrong}");
        }
        for wrong in ["", "A8513E", "A8513EAA", "A85134A", "X777978"] {
            assert_eq!(noms(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn pnc_numbers_with_the_right_letter_are_written_out_in_full() {
        for (given, wanted) in [
            ("2002/0073319Z", "2002/0073319Z"),
            ("02/73319Z", "2002/0073319Z"),
            ("20020073319Z", "2002/0073319Z"),
            ("81/34U", "1981/0000034U"),
            ("033Y", "2003/0000003Y"),
        ] {
            assert_eq!(pnc(given, 2026).as_deref(), Some(wanted), "{given}");
        }
    }

    #[test]
    fn each_other_letter_of_a_pnc_number_is_refused() {
        let right: Vec<char> =
            ('A'..='Z').filter(|letter| pnc(&format!("2002/0073319{letter}"), 2026).is_some()).collect();
        assert_eq!(right, ['Z']);
        for wrong in ["", "Z", "é", "1/é", "2001/0171310S", "2002/00733190Z", "20/02/0073319Z"] {
            assert_eq!(pnc(wrong, 2026), None, "{wrong}");
        }
    }
}
