//! The numbers by which a person is known elsewhere, in the one form in which they are compared.

use mandate_domain::number;

/// A kind of number that leads to a subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Identifier {
    /// Case reference number of nDelius: `X777978`.
    Crn,
    /// Prison number of NOMIS: `A8513EA`.
    Noms,
    /// Police National Computer number: `2002/0073319Z`.
    Pnc,
    /// Reference of the ViSOR record.
    VisorRef,
}

impl Identifier {
    /// Every kind.
    pub const ALL: &'static [Self] = &[Self::Crn, Self::Noms, Self::Pnc, Self::VisorRef];

    /// Its name under `data.personal`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Crn => "crn",
            Self::Noms => "noms",
            Self::Pnc => "pnc",
            Self::VisorRef => "visor_ref",
        }
    }

    /// The form in which two writings of one number are equal: trimmed, upper case, PNC numbers as
    /// `YYYY/NNNNNNNL`. A year of two digits is of this century up to `this_year`, else of the last.
    pub(crate) fn canonical(self, text: &str, this_year: i32) -> String {
        let text = text.trim().to_uppercase();
        match self {
            Self::Pnc => number::pnc(&text, this_year).unwrap_or(text),
            Self::Crn | Self::Noms | Self::VisorRef => text,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pnc_numbers_are_written_out_in_full() {
        for (given, wanted) in [
            ("81/34U", "1981/0000034U"),
            ("02/73319Z", "2002/0073319Z"),
            (" 2002/0073319z ", "2002/0073319Z"),
            ("20020073319Z", "2002/0073319Z"),
            ("033Y", "2003/0000003Y"),
            ("67/9893091D", "1967/9893091D"),
            ("679893091D", "1967/9893091D"),
            ("00/223R", "2000/0000223R"),
            ("79/163001B", "1979/0163001B"),
        ] {
            assert_eq!(Identifier::Pnc.canonical(given, 2026), wanted, "{given}");
        }
    }

    #[test]
    fn a_text_with_a_wrong_check_letter_is_kept_as_it_is() {
        for given in ["20030011985Z", "20120052494O", "20230583843N", "2001/0171310S", "", "Z", "é", "1/é"]
        {
            assert_eq!(Identifier::Pnc.canonical(given, 2026), given.to_uppercase(), "{given}");
        }
    }

    #[test]
    fn other_numbers_are_trimmed_and_in_upper_case() {
        assert_eq!(Identifier::Crn.canonical(" x777978\n", 2026), "X777978");
        assert_eq!(Identifier::Noms.canonical("a8513ea", 2026), "A8513EA");
    }
}
