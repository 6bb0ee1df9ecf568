//! Texts: which characters they may hold, what looks like the number of a person, what an error may repeat.

/// A text cut to a length that fits an error message.
#[must_use]
pub fn shortened(text: &str) -> String {
    let cut: String = text.chars().take(80).collect();
    if cut.len() < text.len() { format!("{cut}…") } else { cut }
}

/// What an error may repeat of an input: a word, a number or an id, cut to fit. For all else, which may be a name, the
/// number of a person or a sentence about one, an ellipsis stands: errors end up in logs that hold nothing personal.
#[must_use]
pub fn repeated(text: &str) -> String {
    let plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.:;/@*+,<>=%".contains(&byte));
    let upper = text.to_uppercase();
    let parts = || upper.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '/');
    let number = parts().any(|part| {
        holds_number(part)
            || part.split('/').any(|part| part.len() >= 10 && part.bytes().all(|byte| byte.is_ascii_digit()))
    });
    let has = |of: fn(&u8) -> bool| text.bytes().any(|byte| of(&byte));
    let letters = text.bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b'-');
    let name =
        letters && has(u8::is_ascii_uppercase) && (has(u8::is_ascii_lowercase) || !has(|byte| *byte == b'-'));
    if plain && !number && !name { shortened(text) } else { "…".to_owned() }
}

/// What is wrong with an id that holds the number of a person.
pub(crate) const NUMBER: &str = "looks like a CRN, NOMS or PNC number; use an opaque reference and put the number \
                                 under `data.personal`";

pub(super) fn forbidden(bad: char) -> String {
    format!(
        "holds the character U+{:04X}, which is refused (control and bidirectional characters)",
        u32::from(bad)
    )
}

/// Whether line breaks and tabs are allowed in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Newlines {
    /// In free text.
    Allowed,
    /// In ids, codes and names.
    Refused,
}

/// The first control or bidirectional formatting character of a text, if it has one.
#[must_use]
pub fn forbidden_character(text: &str, newlines: Newlines) -> Option<char> {
    // All of them rather than up to the first: that is done many bytes at a time.
    if text.bytes().fold(true, |plain, byte| plain & (0x20..0x7f).contains(&byte)) {
        return None;
    }
    text.chars().find(|c| match c {
        '\n' | '\r' | '\t' => newlines == Newlines::Refused,
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => true,
        c => c.is_control(),
    })
}

/// Whether a text has the form of a CRN (`X777978`), a NOMS number (`A8513EA`) or a PNC number (`2002/0073319Z`).
#[must_use]
pub fn looks_personal(text: &str) -> bool {
    let has_form = |form: &[u8]| {
        text.len() == form.len()
            && text.bytes().zip(form).all(|(byte, wanted)| match wanted {
                b'A' => byte.is_ascii_uppercase(),
                _ => byte.is_ascii_digit(),
            })
    };
    if has_form(b"A999999") || has_form(b"A9999AA") {
        return true;
    }
    let Some((year, serial)) = text.split_once('/') else { return false };
    let digits = |part: &str, range: std::ops::RangeInclusive<usize>| {
        range.contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit())
    };
    let check_letter = serial.ends_with(|c: char| c.is_ascii_uppercase());
    digits(year, 2..=4) && check_letter && digits(serial.get(..serial.len() - 1).unwrap_or(""), 1..=7)
}

/// Whether a text, or a part of it between slashes, has the form of a number of a person.
#[must_use]
pub fn holds_number(text: &str) -> bool {
    // All of these forms have a capital, and most ids have none.
    if !text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return false;
    }
    let mut rest = text.trim();
    loop {
        let Some((part, after)) = rest.split_once('/') else { return looks_personal(rest) };
        // A PNC number is itself two parts.
        let pair = after.find('/').map_or(rest, |end| rest.get(..part.len() + 1 + end).unwrap_or(rest));
        if looks_personal(part) || looks_personal(pair) {
            return true;
        }
        rest = after;
    }
}
