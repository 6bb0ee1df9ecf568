//! Invented personal data of nominals, in the shapes of the real numbers.

use super::names::{FAMILY, GIVEN, cycle};
use super::random::Random;

/// The check letters of a PNC number, by the remainder of its digits divided by 23.
const PNC_LETTERS: &[u8] = b"ZABCDEFGHJKLMNPQRTUVWXY";

/// Letters of a NOMS number.
const NOMS_LETTERS: &[u8] = b"ABCDEFGHJKLMNPQRSTUVWXYZ";

/// Returns the `personal` object of a nominal as JSON; the numbers of two nominals never agree.
pub(super) fn personal(nominal: u32, random: &mut Random) -> String {
    let given = cycle(GIVEN, random.below(10_000));
    let family = cycle(FAMILY, random.below(10_000));
    // 7 has no factor in common with a million, so every nominal has its own CRN.
    let crn = u64::from(nominal) * 7 + 100_003;
    let first = char::from(b'A' + u8::try_from(crn / 1_000_000 % 26).unwrap_or(0));
    let year = 1975 + random.below(45);
    format!(
        r#"{{"crn":"{first}{:06}","noms":"{}","pnc":"{}","name":"{given} {family}"}}"#,
        crn % 1_000_000,
        noms(nominal),
        pnc(year, 10_000 + nominal),
    )
}

/// Returns a NOMS number: a letter, four digits, two letters.
fn noms(nominal: u32) -> String {
    let letter = |place: u32| {
        let place = place as usize % NOMS_LETTERS.len();
        char::from(NOMS_LETTERS.get(place).copied().unwrap_or(b'A'))
    };
    let high = nominal / 10_000;
    format!("A{:04}{}{}", nominal % 10_000, letter(high / 24 + 3), letter(high + 5))
}

/// Returns a PNC number in its long form, `1981/0000034U`.
pub(super) fn pnc(year: u32, serial: u32) -> String {
    let remainder = (u64::from(year % 100) * 10_000_000 + u64::from(serial)) % 23;
    let letter = usize::try_from(remainder).ok().and_then(|place| PNC_LETTERS.get(place)).copied();
    format!("{year}/{serial:07}{}", char::from(letter.unwrap_or(b'Z')))
}
