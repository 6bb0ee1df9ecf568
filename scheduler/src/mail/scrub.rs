//! What a mail server answers, made fit for a log that is never changed: no address, name or number.

use mandate_domain::fact::{Newlines, forbidden_character, looks_personal};

/// Most characters of a reply that are kept.
const MAX_CHARS: usize = 200;

/// A reply in one line, without control characters, addresses, the words in `private`, or anything that looks like a
/// CRN, NOMS or PNC number.
pub(crate) fn scrubbed(reply: &str, private: &[&str]) -> String {
    let hidden: Vec<String> = private
        .iter()
        .flat_map(|text| text.split(|c: char| !c.is_alphanumeric()))
        .filter(|word| word.len() > 1)
        .map(str::to_lowercase)
        .collect();
    let mut line = String::new();
    let ends_word = |c: char| {
        c.is_whitespace() || forbidden_character(c.encode_utf8(&mut [0; 4]), Newlines::Refused).is_some()
    };
    for word in reply.split(ends_word) {
        if word.is_empty() {
            continue;
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(if is_private(word, &hidden) { "[withheld]" } else { word });
    }
    line.chars().take(MAX_CHARS).collect()
}

fn is_private(word: &str, hidden: &[String]) -> bool {
    let parts = || word.split(|c: char| !c.is_alphanumeric()).filter(|part| !part.is_empty());
    let bare = word.trim_matches(|c: char| !c.is_alphanumeric());
    word.contains('@')
        || looks_personal(bare)
        || parts().any(|part| looks_personal(part) || hidden.contains(&part.to_lowercase()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_keeps_its_codes_and_loses_addresses_names_and_numbers() {
        for (reply, wanted) in [
            ("250 2.0.0 Ok: queued as 4F1C2A", "250 2.0.0 Ok: queued as 4F1C2A"),
            ("550 5.1.1 <jane.doe@x.example>: no such user", "550 5.1.1 [withheld] no such user"),
            ("550 no mailbox for Jane.Doe here", "550 no mailbox for [withheld] here"),
            ("550 user (DOE) unknown", "550 user [withheld] unknown"),
            (
                "554 about X777978, A8513EA and 2002/0073319Z",
                "554 about [withheld] [withheld] and [withheld]",
            ),
            ("451 a\r\nb\u{202e}c\t\u{0}d", "451 a b c d"),
        ] {
            assert_eq!(scrubbed(reply, &["jane.doe"]), wanted, "{reply}");
        }
        assert_eq!(scrubbed(&"x".repeat(900), &[]).len(), MAX_CHARS);
    }
}
